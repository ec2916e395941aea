"""Whether confidences can be taken at their word: of what is predicted with 0.8, do 80 % hold?

What is compared is a *claim*, a confidence, with whether it *held*: for an exclusive group the top label's confidence
and whether the top label is right; for an independent group every label's confidence and whether that label holds,
pooled over the labels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from decisight.evaluation.metrics import Floats, Labels, ratio

__all__ = [
    "BINS",
    "ReliabilityBins",
    "calibration_noise",
    "claims",
    "debiased_calibration_error",
    "equal_mass_bins",
    "expected_calibration_error",
    "reliability_bins",
    "root_mean_squared_gap",
]

BINS = 15
"""Bins of equal width; the number that Guo et al. (2017) use."""


@dataclass(frozen=True, slots=True, eq=False)
class ReliabilityBins:
    """Confidence against what held, in bins ``(edges[b], edges[b + 1]]`` of equal width; the first includes 0.

    Args:
        edges: ``(B + 1,)``, from 0 to 1.
        count: int ``(B,)``.
        confidence: ``(B,)``, the mean confidence; NaN in an empty bin.
        held: ``(B,)``, the share that held; NaN in an empty bin.
    """

    edges: Floats
    count: NDArray[np.int64]
    confidence: Floats
    held: Floats


def claims(target: Labels, confidences: Floats) -> tuple[Floats, NDArray[np.bool_]]:
    """Every claim and whether it held.

    Args:
        target: int ``(N,)`` of an exclusive group, bool ``(N, K)`` of an independent one.
        confidences: ``(N, K)``.

    Returns:
        The confidences claimed and whether each held, ``(N, 1)`` for an exclusive group (its top label), ``(N, K)`` for
        an independent one.
    """
    if target.ndim == 2:
        return confidences, target
    top = confidences.argmax(axis=1)[:, None]
    return np.take_along_axis(confidences, top, axis=1), top == target[:, None]


def _bin_of(confidence: Floats, edges: Floats) -> NDArray[np.int64]:
    return np.clip(np.searchsorted(edges, confidence, side="left") - 1, 0, len(edges) - 2)


def reliability_bins(claimed: Floats, held: NDArray[np.bool_], bins: int = BINS) -> ReliabilityBins:
    """Sort claims into bins, for the reliability diagram.

    Args:
        claimed: any shape, 0..1.
        held: like ``claimed``.
        bins: how many.
    """
    edges = np.linspace(0.0, 1.0, bins + 1)
    at = _bin_of(claimed.ravel(), edges)
    count = np.bincount(at, minlength=bins)
    return ReliabilityBins(
        edges,
        count,
        ratio(np.bincount(at, claimed.ravel(), minlength=bins), count),
        ratio(np.bincount(at, held.ravel(), minlength=bins), count),
    )


def expected_calibration_error(
    target: Labels, confidences: Floats, *, bins: int = BINS, weights: Floats | None = None
) -> Floats:
    """The expected calibration error: the mean gap between confidence and what held, over bins of equal width.

    ``sum_b n_b / n * |mean confidence in b - share that held in b|`` over claims (see :func:`claims`): of the top label
    (exclusive group), or pooled over the labels (independent group). Bins are ``(low, high]``, weighted by how many
    claims fall into them. It is never below 0, so noise alone makes it positive: with few examples it overstates the
    error (Roelofs et al. 2022); :func:`debiased_calibration_error` corrects for that.

    Naeini, Cooper and Hauskrecht, "Obtaining well calibrated probabilities using Bayesian binning", AAAI 2015;
    Guo, Pleiss, Sun and Weinberger, "On calibration of modern neural networks", ICML 2017.

    Args:
        target: int ``(N,)`` of an exclusive group, bool ``(N, K)`` of an independent one.
        confidences: ``(N, K)``.
        bins: how many.
        weights: ``(..., N)``, how often each example counts; by default once.

    Returns:
        ``(...)``, 0..1.
    """
    gaps, each = _gaps(target, confidences, bins)
    if weights is None:
        weights = np.ones(len(gaps))
    return ratio(np.abs(weights @ gaps).sum(-1), weights.sum(-1) * each)


def calibration_noise(target: Labels, confidences: Floats, weights: Floats, *, bins: int = BINS) -> Floats:
    """The expected calibration error that resamples would show of a model without any: what noise alone adds to it.

    The gap of each bin is taken from that of the resample, and what is left is noise.

    Args:
        target: int ``(N,)`` of an exclusive group, bool ``(N, K)`` of an independent one.
        confidences: ``(N, K)``.
        weights: ``(..., N)``, how often each example was drawn.
        bins: how many.

    Returns:
        ``(...)``, 0..1.
    """
    gaps, each = _gaps(target, confidences, bins)
    share = weights / weights.sum(-1, keepdims=True) - 1.0 / len(gaps)
    noise: Floats = np.abs(share @ gaps).sum(-1) / each
    return noise


def _gaps(target: Labels, confidences: Floats, bins: int) -> tuple[Floats, int]:
    """What each example adds to the gap of each bin, ``(N, bins)``, and its number of claims."""
    claimed, held = claims(target, confidences)
    examples, each = claimed.shape
    at = np.arange(examples)[:, None] * bins + _bin_of(claimed, np.linspace(0.0, 1.0, bins + 1))
    gaps = np.bincount(at.ravel(), (held - claimed).ravel(), minlength=examples * bins)
    return gaps.reshape(examples, bins).astype(float), each


def debiased_calibration_error(target: Labels, confidences: Floats, *, bins: int = BINS) -> float:
    """:func:`root_mean_squared_gap` of the claims of a group.

    Args:
        target: int ``(N,)`` of an exclusive group, bool ``(N, K)`` of an independent one.
        confidences: ``(N, K)``.
        bins: at most how many; equal confidences stay in one bin.

    Returns:
        0..1; NaN if no bin holds two claims.
    """
    claimed, held = claims(target, confidences)
    return root_mean_squared_gap(claimed.ravel(), held.ravel(), bins=bins)


def equal_mass_bins(claimed: Floats, bins: int = BINS) -> NDArray[np.int64]:
    """The bin of each claim, where each bin holds as many of them; equal confidences stay in one.

    Args:
        claimed: ``(N,)``, 0..1.
        bins: at most how many.

    Returns:
        int ``(N,)``, from 0; rising with the confidence.
    """
    inner = np.unique(np.quantile(claimed, np.arange(1, bins) / bins, method="inverted_cdf"))
    return np.searchsorted(inner, claimed, side="left")


def root_mean_squared_gap(claimed: Floats, held: NDArray[np.bool_], *, bins: int = BINS) -> float:
    """The root mean squared calibration error, corrected for the noise within bins of equal mass.

    ``sqrt(max(0, sum_b n_b / n * ((held_b - confidence_b)^2 - held_b (1 - held_b) / (n_b - 1))))``: what is taken off
    is the squared gap that chance alone puts into a bin of n_b claims. A bin of one claim cannot tell the two apart and
    is left out. Unlike the expected calibration error it is a root mean square, so the two are not on one scale.

    Kumar, Liang and Ma, "Verified uncertainty calibration", NeurIPS 2019. Bins of equal mass, whose bias is smaller:
    Roelofs, Cain, Shlens and Mozer, "Mitigating bias in calibration error estimation", AISTATS 2022.

    Args:
        claimed: ``(N,)``, 0..1.
        held: bool ``(N,)``.
        bins: at most how many.

    Returns:
        0..1; NaN if no bin holds two claims.
    """
    at = equal_mass_bins(claimed, bins)
    count = np.bincount(at)
    usable = count > 1
    count, sums = count[usable], [np.bincount(at, values)[usable] for values in (claimed, held)]
    confidence, share = (ratio(values, count) for values in sums)
    squared = (confidence - share) ** 2 - ratio(share * (1.0 - share), count - 1)
    return float(np.sqrt(np.maximum(ratio(count @ squared, count.sum()), 0.0)))

"""Whether confidences are off by more than chance: calibration errors beside those of a model without any.

Even where every confidence is exactly right, what holds differs from what was claimed, since pictures are few. How much
that makes is simulated: outcomes are drawn from the confidences themselves (consistency resampling; Bröcker and Smith,
"Increasing the reliability of reliability diagrams", Weather and Forecasting 22, 2007; Vaicenavicius et al.,
"Evaluating model calibration in classification", AISTATS 2019). Pictures of one source tend to be right or wrong
together; so do those that are drawn, as far as the residuals of the source's pictures go together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from decisight.evaluation.metrics import Floats, ratio
from decisight.evaluation.reliability import BINS, equal_mass_bins

__all__ = ["Consistency", "consistency", "draw_outcomes", "holm", "mean_gap", "source_correlation"]

_SIZES = 5
"""Into how many sizes claims are divided to see what they are off by, whatever the source. With many, what the pictures
of a source have in common would be taken off too."""

_CHUNK = 1_000_000
"""Outcomes held in memory at once."""


@dataclass(frozen=True, slots=True)
class Consistency:
    """A calibration error beside what chance alone would make.

    Args:
        error: the mean gap over bins of equal mass, :func:`mean_gap`, 0..1.
        by_chance: what it would be on average if every confidence were right.
        spread: the standard deviation of that.
        p_value: how often it would be as large, if every confidence were right, 0..1.
        z: Spiegelhalter's statistic; above 0 where confidences are too sure of what does not hold.
        z_p_value: how often it would be as far from its mean, to either side.
        correlation: of outcomes within a source, as drawn, 0..1.
    """

    error: float
    by_chance: float
    spread: float
    p_value: float
    z: float
    z_p_value: float
    correlation: float

    @property
    def debiased(self) -> float:
        """The error beyond chance, 0..1. Of a model that is far off, a little less than its error.

        In the mean it is above 0 for a model that is exactly right, as it does not go below.
        """
        return max(0.0, self.error - self.by_chance)


def consistency(
    claimed: Floats,
    held: NDArray[np.bool_],
    clusters: NDArray[np.int64] | None = None,
    *,
    bins: int = BINS,
    resamples: int = 2000,
    seed: int = 0,
) -> Consistency:
    """Compare claims with outcomes, and with outcomes drawn from the claims.

    Beside the mean gap, which sees errors in any direction, Spiegelhalter's statistic is looked at, which sees more of
    confidences that are all too mild or all too sure: "Probabilistic prediction in patient management and clinical
    trials", Statistics in Medicine 5, 1986. Neither is taken to be normal: both are compared with their own draws.

    Args:
        claimed: ``(N,)``, 0..1, N at least 1.
        held: bool ``(N,)``.
        clusters: the source of each claim, int ``(N,)`` from 0 without gaps; ``None``: each is its own.
        bins: at most how many; equal confidences stay in one bin.
        resamples: how many draws.
        seed: of the draws.
    """
    at = equal_mass_bins(claimed, bins)
    correlation = 0.0 if clusters is None else source_correlation(claimed, held, clusters)
    random = np.random.default_rng(seed)
    rows = max(1, _CHUNK // len(claimed))
    gaps, statistics = [], []
    for start in range(0, resamples, rows):
        count = min(rows, resamples - start)
        drawn = draw_outcomes(claimed, clusters, correlation, count, random)
        gaps.append(mean_gap(claimed, drawn, at))
        statistics.append(_spiegelhalter(claimed, drawn))
    chance, centred = np.concatenate(gaps), np.concatenate(statistics)
    error, z = float(mean_gap(claimed, held, at)), float(_spiegelhalter(claimed, held))
    return Consistency(
        error=error,
        by_chance=float(chance.mean()),
        spread=float(chance.std()),
        p_value=_share_beyond(chance, error),
        z=z,
        z_p_value=_share_beyond(np.abs(centred), abs(z)),
        correlation=correlation,
    )


def mean_gap(claimed: Floats, held: NDArray[np.bool_], at: NDArray[np.int64]) -> Floats:
    """The expected calibration error: the mean over claims of the gap of their bin.

    Args:
        claimed: ``(N,)``, 0..1.
        held: bool ``(..., N)``.
        at: int ``(N,)``, the bin of each claim, see :func:`~decisight.evaluation.reliability.equal_mass_bins`.

    Returns:
        ``(...)``, 0..1.
    """
    member = np.eye(int(at.max()) + 1)[at]
    gaps: Floats = np.abs((held - claimed) @ member).sum(-1) / len(claimed)
    return gaps


def source_correlation(claimed: Floats, held: NDArray[np.bool_], clusters: NDArray[np.int64]) -> float:
    """How much outcomes of one source go together beyond what was claimed, 0..1.

    The product of the standardised residuals of two pictures of a source, summed over all such pairs, as a share of
    what it would be if all of a source drew one lot. What all claims of about a size are off by is taken off first:
    confidences that are too sure everywhere would else look like pictures that err together, and be excused by that.

    Args:
        claimed: ``(N,)``, 0..1.
        held: bool ``(N,)``.
        clusters: the source of each claim, int ``(N,)``.
    """
    of_size = equal_mass_bins(claimed, _SIZES)
    off = np.bincount(of_size, held - claimed) / np.bincount(of_size)
    likely = np.clip(claimed + off[of_size], 1e-3, 1.0 - 1e-3)
    order = np.lexsort((likely, clusters))
    likely, at = likely[order], clusters[order]
    residual = (held[order] - likely) / np.sqrt(likely * (1.0 - likely))
    sums, squares = (np.bincount(at, values) for values in (residual, residual**2))
    # Of two that share a lot, the rarer holds only where the other does: their residuals go together by the ratio of
    # the roots of their odds.
    odds = np.sqrt(likely / (1.0 - likely))
    running = np.concatenate([[0.0], np.cumsum(odds)])
    earlier = running[:-1] - running[np.searchsorted(at, at)]
    most = 2.0 * float((earlier / odds).sum())
    return float(np.clip((sums**2 - squares).sum() / most, 0.0, 1.0)) if most else 0.0


def holm(p_values: Sequence[float]) -> list[float]:
    """P-values of several tests such that each can be held against the level for all of them together.

    Holm, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of Statistics 6, 1979.

    Example:
        >>> holm([0.01, 0.04, 0.03])
        [0.03, 0.06, 0.06]
    """
    order = np.argsort(p_values, kind="stable")
    scaled = np.asarray(p_values, float)[order] * np.arange(len(p_values), 0, -1)
    adjusted = np.empty(len(p_values))
    adjusted[order] = np.minimum(np.maximum.accumulate(scaled), 1.0)
    return [float(value) for value in adjusted]


def draw_outcomes(
    claimed: Floats, clusters: NDArray[np.int64] | None, correlation: float, count: int, random: np.random.Generator
) -> NDArray[np.bool_]:
    """Outcomes ``(count, N)`` that hold as often as claimed.

    A picture takes the lot of its source with a chance of the root of the correlation, so two of them share it with a
    chance of the correlation; else it draws its own.

    Args:
        claimed: ``(N,)``, 0..1.
        clusters: the source of each claim, int ``(N,)`` from 0 without gaps; ``None``: each is its own.
        correlation: within a source, 0..1.
        count: how many draws.
        random: what draws.
    """
    lots = random.random((count, len(claimed)))
    if clusters is not None and correlation > 0.0:
        shared = random.random((count, int(clusters.max()) + 1))[:, clusters]
        lots = np.where(random.random(lots.shape) < np.sqrt(correlation), shared, lots)
    drawn: NDArray[np.bool_] = lots < claimed
    return drawn


def _spiegelhalter(claimed: Floats, held: NDArray[np.bool_]) -> Floats:
    """``(...)`` of outcomes ``(..., N)``: the Brier score beside its mean, in standard errors of independent claims."""
    tilt = 1.0 - 2.0 * claimed
    variance = float((tilt**2 * claimed * (1.0 - claimed)).sum())
    return (
        ratio((held - claimed) @ tilt, np.asarray(np.sqrt(variance))) if variance > 0.0 else np.zeros(held.shape[:-1])
    )


def _share_beyond(drawn: Floats, value: float) -> float:
    """The share of draws at least as large, the value itself counted as one of them."""
    return float((1.0 + np.count_nonzero(drawn >= value - 1e-12)) / (1.0 + len(drawn)))

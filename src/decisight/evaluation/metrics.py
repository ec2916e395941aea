"""Figures from what was true and what was predicted: plain numpy, nothing kept.

The two kinds of label group are told apart by the shape of their arrays:

* exclusive: ``target`` and ``predicted`` are int ``(N,)``, the index of the one label that holds;
* independent: both are bool ``(N, K)``, whether each label holds.

Every figure takes ``weights``, how often each example counts: float ``(..., N)``, by default once each. The result
has the shape of ``weights`` without its last axis, so a thousand resamples cost one call, and a figure and its
bootstrap (:mod:`decisight.evaluation.intervals`) come from the same lines.

What is undefined is NaN, never 0 and never a warning: the precision of a label that is never predicted, the recall of
a label that is absent. A mean over labels leaves out what is undefined, but for :func:`macro_precision`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "Counts",
    "accuracy",
    "balanced_accuracy",
    "confusion_matrix",
    "count",
    "f1",
    "indicators",
    "macro_precision",
    "majority_rate",
    "mean_defined",
    "precision",
    "predict",
    "ratio",
    "recall",
    "right",
    "specificity",
]

Floats = NDArray[np.float64]
Labels = NDArray[Any]
"""Int ``(N,)`` of an exclusive group, bool ``(N, K)`` of an independent one."""


def ratio(numerator: NDArray[Any], denominator: NDArray[Any]) -> Floats:
    """``numerator / denominator``, NaN where the denominator is 0.

    Args:
        numerator: ``(...)``.
        denominator: ``(...)``, not negative.
    """
    top, bottom = np.broadcast_arrays(np.asarray(numerator, float), np.asarray(denominator, float))
    result: Floats = np.divide(top, bottom, out=np.full(top.shape, np.nan), where=bottom > 0)
    return result


def mean_defined(values: Floats) -> Floats:
    """The mean over the last axis of what is not NaN; NaN where nothing is.

    Args:
        values: ``(..., K)``.
    """
    defined = ~np.isnan(values)
    return ratio(np.where(defined, values, 0.0).sum(-1), defined.sum(-1))


def predict(confidences: Floats, *, exclusive: bool, thresholds: float | Floats = 0.5) -> Labels:
    """What the confidences say.

    Args:
        confidences: ``(N, K)``, 0..1.
        exclusive: the top label is predicted, the first in the model's order where two tie. Otherwise every label whose
            confidence is at least its threshold.
        thresholds: of an independent group, one for all or ``(K,)``.
    """
    return confidences.argmax(axis=1) if exclusive else confidences >= thresholds


def indicators(holding: Labels, labels: int) -> NDArray[np.bool_]:
    """Whether each of K ``labels`` holds, bool ``(N, K)``, for either kind of group."""
    return holding if holding.ndim == 2 else holding[:, None] == np.arange(labels)


def confusion_matrix(target: Labels, predicted: Labels, labels: int) -> NDArray[np.int64]:
    """How often what was true was predicted as what.

    Args:
        target: int ``(N,)`` or bool ``(N, K)``.
        predicted: like ``target``.
        labels: K.

    Returns:
        Exclusive: ``(K, K)``, rows actual, columns predicted. Independent: ``(K, 2, 2)``, for each label
        ``[[tn, fp], [fn, tp]]``: rows actual, columns predicted, "does not hold" first.
    """
    if target.ndim == 1:
        return np.bincount(target * labels + predicted, minlength=labels * labels).reshape(labels, labels)
    cells = np.arange(labels) * 4 + 2 * target + predicted
    return np.bincount(cells.ravel(), minlength=4 * labels).reshape(labels, 2, 2)


@dataclass(frozen=True, slots=True, eq=False)
class Counts:
    """What precision, recall and F1 are made of, per label.

    Args:
        hits: ``(..., K)``, examples of the label that were predicted as it.
        actual: ``(..., K)``, examples of the label.
        predicted: ``(..., K)``, examples predicted as it.
        total: ``(...)``, all examples.
    """

    hits: Floats
    actual: Floats
    predicted: Floats
    total: Floats


def count(target: Labels, predicted: Labels, labels: int, weights: Floats | None = None) -> Counts:
    """Count hits, actual and predicted examples of each label.

    Args:
        target: int ``(N,)`` or bool ``(N, K)``.
        predicted: like ``target``.
        labels: K.
        weights: ``(..., N)``.
    """
    held, said = indicators(target, labels), indicators(predicted, labels)
    if weights is None:
        weights = np.ones(len(target))
    return Counts(
        hits=weights @ (held & said).astype(float),
        actual=weights @ held.astype(float),
        predicted=weights @ said.astype(float),
        total=weights.sum(-1),
    )


def precision(counts: Counts) -> Floats:
    """The share of what was predicted as a label that is it, ``(..., K)``; NaN for a label never predicted."""
    return ratio(counts.hits, counts.predicted)


def macro_precision(counts: Counts) -> Floats:
    """The mean precision over the labels that are present or predicted, ``(...)``; NaN where there is none.

    A label that is present and never predicted counts as 0, as with scikit-learn's ``zero_division=0``. Left out, it
    would let a model that gives up on its hardest label look more precise than one that tries.
    """
    given_up = (counts.predicted == 0) & (counts.actual > 0)
    return mean_defined(np.where(given_up, 0.0, precision(counts)))


def recall(counts: Counts) -> Floats:
    """The share of a label's examples that were predicted as it, ``(..., K)``; NaN for an absent label."""
    return ratio(counts.hits, counts.actual)


def f1(counts: Counts) -> Floats:
    """The harmonic mean of precision and recall, 2 TP / (2 TP + FP + FN), ``(..., K)``.

    It is 0 for a label that is present and never predicted, and NaN only for one that is neither. Its macro average
    (:func:`mean_defined`) therefore runs over the labels that are present or predicted, as scikit-learn's
    ``f1_score(average="macro")`` does.
    """
    return ratio(2.0 * counts.hits, counts.actual + counts.predicted)


def specificity(counts: Counts) -> Floats:
    """The share of examples without a label that were predicted without it, ``(..., K)``; NaN if all have it."""
    without = counts.total[..., None] - counts.actual
    return ratio(without - counts.predicted + counts.hits, without)


def balanced_accuracy(counts: Counts, *, exclusive: bool) -> Floats:
    """Accuracy as it would be if every label were equally frequent, ``(...)``.

    Exclusive: the mean recall over the labels present. Independent: per label the mean of recall and specificity
    (of the one that is defined, where a label holds always or never), then the mean over the labels.
    """
    if exclusive:
        return mean_defined(recall(counts))
    return mean_defined(mean_defined(np.stack([recall(counts), specificity(counts)], axis=-1)))


def right(target: Labels, predicted: Labels) -> NDArray[np.bool_]:
    """Which examples were predicted right, ``(N,)``; in an independent group: every label of them (exact match)."""
    same: NDArray[np.bool_] = target == predicted
    return same if same.ndim == 1 else np.logical_and.reduce(same, axis=1)


def accuracy(target: Labels, predicted: Labels, weights: Floats | None = None) -> Floats:
    """The share of examples predicted right, ``(...)``; in an independent group with every label right (exact match).

    Args:
        target: int ``(N,)`` or bool ``(N, K)``.
        predicted: like ``target``.
        weights: ``(..., N)``.
    """
    if weights is None:
        weights = np.ones(len(target))
    return ratio(weights @ right(target, predicted).astype(float), weights.sum(-1))


def majority_rate(target: Labels) -> float:
    """The accuracy of always giving the commonest answer: a label, or in an independent group a set of labels.

    Args:
        target: int ``(N,)`` or bool ``(N, K)``, N at least 1.
    """
    _, counts = np.unique(target, axis=0, return_counts=True)
    return float(counts.max() / len(target))

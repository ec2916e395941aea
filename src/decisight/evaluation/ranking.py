"""How well confidences rank the examples of a label before the others, whatever the threshold.

All figures are of one label against the rest. Tied confidences are one threshold: neither is counted as ranked first.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from decisight.evaluation.metrics import Floats, ratio

__all__ = [
    "PrecisionRecallCurve",
    "RocCurve",
    "average_precision",
    "precision_recall_curve",
    "ranking_figures",
    "roc_auc",
    "roc_curve",
]


@dataclass(frozen=True, slots=True, eq=False)
class RocCurve:
    """False and true positive rate at every threshold, from predicting nothing to predicting everything.

    Args:
        false_positive_rate: ``(T,)``, rising from 0 to 1; NaN if there are no negatives.
        true_positive_rate: ``(T,)``, rising from 0 to 1; NaN if there are no positives.
        thresholds: ``(T,)``, falling; the first is infinite.
    """

    false_positive_rate: Floats
    true_positive_rate: Floats
    thresholds: Floats


@dataclass(frozen=True, slots=True, eq=False)
class PrecisionRecallCurve:
    """Precision and recall at every threshold, from the highest confidence to the lowest.

    Args:
        precision: ``(T,)``.
        recall: ``(T,)``, rising to 1; NaN if there are no positives.
        thresholds: ``(T,)``, falling.
    """

    precision: Floats
    recall: Floats
    thresholds: Floats


def _cumulated(positive: NDArray[np.bool_], confidence: Floats) -> tuple[Floats, Floats, Floats]:
    """Positives and examples down to each distinct confidence, highest first, and those; ``(T,)`` each."""
    order = np.argsort(-confidence, kind="stable")
    ranked = confidence[order]
    last_of_tie = np.append(np.flatnonzero(np.diff(ranked)), len(ranked) - 1)
    return np.cumsum(positive[order])[last_of_tie].astype(float), last_of_tie + 1.0, ranked[last_of_tie]


def roc_curve(positive: NDArray[np.bool_], confidence: Floats) -> RocCurve:
    """The receiver operating characteristic, for plots; no threshold is dropped.

    Args:
        positive: bool ``(N,)``, N at least 1.
        confidence: ``(N,)``.
    """
    true, said, thresholds = _cumulated(positive, confidence)
    true, said = np.append(0.0, true), np.append(0.0, said)
    return RocCurve(ratio(said - true, said[-1] - true[-1]), ratio(true, true[-1]), np.append(np.inf, thresholds))


def precision_recall_curve(positive: NDArray[np.bool_], confidence: Floats) -> PrecisionRecallCurve:
    """Precision against recall, for plots.

    Args:
        positive: bool ``(N,)``, N at least 1.
        confidence: ``(N,)``.
    """
    true, said, thresholds = _cumulated(positive, confidence)
    return PrecisionRecallCurve(ratio(true, said), ratio(true, true[-1]), thresholds)


def _figures(positive: NDArray[np.bool_], confidence: Floats, weights: Floats) -> tuple[Floats, Floats]:
    """ROC-AUC and average precision of one label, ``(...)`` each; NaN without positives or without negatives.

    Both are sums over the positives, so that only one pass over all examples is needed, and not one for each.
    """
    order = np.argsort(-confidence, kind="stable")
    rank = -confidence[order]
    at = np.flatnonzero(positive[order])
    own = rank[at]
    weight = weights[..., order[at]]
    seen, hits = _running(weights[..., order]), _running(weight)
    # Down to the end of the tie that a positive is in, and down to before it.
    seen_with, seen_before = (seen[..., np.searchsorted(rank, own, side)] for side in ("right", "left"))
    hits_with, hits_before = (hits[..., np.searchsorted(own, own, side)] for side in ("right", "left"))
    positives, negatives = hits[..., -1], seen[..., -1] - hits[..., -1]
    ahead = (seen_with - hits_with + seen_before - hits_before) / 2.0
    area = (weight * (negatives[..., None] - ahead)).sum(-1)
    # Where nothing was seen yet the positive itself was not drawn, and what is put for its precision does not count.
    at_own = np.divide(hits_with, seen_with, out=np.zeros(seen_with.shape), where=seen_with > 0)
    mean_precision = ratio((weight * at_own).sum(-1), positives)
    return ratio(area, positives * negatives), np.where(negatives > 0, mean_precision, np.nan)


def _running(values: Floats) -> Floats:
    """The cumulated sum over the last axis, from 0: one longer than ``values``."""
    sums = np.zeros((*values.shape[:-1], values.shape[-1] + 1))
    np.cumsum(values, axis=-1, out=sums[..., 1:])
    return sums


def ranking_figures(
    positive: NDArray[np.bool_], confidences: Floats, weights: Floats | None = None
) -> tuple[Floats, Floats]:
    """ROC-AUC and average precision of every label against the rest.

    Args:
        positive: bool ``(N, K)``, N at least 1.
        confidences: ``(N, K)``.
        weights: ``(..., N)``, how often each example counts; by default once.

    Returns:
        Two arrays ``(..., K)``, NaN for a label that none or all of the examples have.
    """
    if weights is None:
        weights = np.ones(len(positive))
    figures = [_figures(positive[:, k], confidences[:, k], weights) for k in range(positive.shape[1])]
    return np.stack([auc for auc, _ in figures], axis=-1), np.stack([ap for _, ap in figures], axis=-1)


def roc_auc(positive: NDArray[np.bool_], confidence: Floats) -> float:
    """The chance that an example of the label has a higher confidence than another one; a tie counts half.

    NaN without positives or without negatives.

    Args:
        positive: bool ``(N,)``, N at least 1.
        confidence: ``(N,)``.
    """
    return float(ranking_figures(positive[:, None], confidence[:, None])[0][0])


def average_precision(positive: NDArray[np.bool_], confidence: Floats) -> float:
    """The mean of the precision over the recall gained at each threshold, without interpolation.

    NaN without positives, and without negatives, where any model would reach 1.

    Args:
        positive: bool ``(N,)``, N at least 1.
        confidence: ``(N,)``.
    """
    return float(ranking_figures(positive[:, None], confidence[:, None])[1][0])

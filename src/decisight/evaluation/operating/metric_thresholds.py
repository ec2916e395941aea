"""Thresholds by a figure: so much precision, so much recall, the best F1. They promise nothing.

The figure of a chosen threshold, on the pictures that it was chosen by, flatters. So with each stands what the same way
of choosing reaches on pictures that it was not chosen by: by tenfold cross-fitting, with sources kept together (Stone,
"Cross-validatory choice and assessment of statistical predictions", JRSS B 36, 1974).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from decisight.errors import UsageError
from decisight.evaluation.estimates import proportion
from decisight.evaluation.figures import Estimate
from decisight.evaluation.operating.decisions import LabelDecisions

__all__ = ["Aim", "Point", "ThresholdFigures", "by_figure"]

Aim: TypeAlias = Literal["min_precision", "min_recall", "best_f1"]
"""What a threshold is to reach."""

_FOLDS = 10
_MOST_DIGITS = 12
"""Digits behind the point of a threshold, at most."""


@dataclass(frozen=True, slots=True)
class ThresholdFigures:
    """Figures of a threshold.

    Args:
        precision: of what is accepted, the share that has the label.
        recall: of what has the label, the share that is accepted.
        f1: the harmonic mean of the two.
    """

    precision: Estimate
    recall: Estimate
    f1: Estimate


@dataclass(frozen=True, slots=True)
class Point:
    """A threshold by a figure.

    Args:
        threshold: from which confidence on the label is accepted; the lowest that reaches a precision, the highest that
            reaches a recall.
        aim: what it is to reach.
        wanted: how much of it; ``None`` of the best.
        accepted: how many pictures it accepts.
        here: on the pictures that it was chosen by.
        elsewhere: what to expect on others like them: of thresholds that were chosen without those they are judged by.
    """

    threshold: float
    aim: Aim
    wanted: float | None
    accepted: int
    here: ThresholdFigures
    elsewhere: ThresholdFigures


def by_figure(decisions: LabelDecisions, aim: Aim, wanted: float | None = None, *, seed: int = 0) -> Point:
    """The threshold that reaches a figure on these pictures, with honest figures.

    Args:
        decisions: of the label.
        aim: what it is to reach.
        wanted: how much precision or recall, above 0, at most 1; not of the best F1.
        seed: of the folds.

    Raises:
        UsageError: no threshold reaches it, there is no picture with the label, or there is no such figure.
    """
    name = aim.replace("_", "-")
    if aim != "best_f1" and (wanted is None or not 0.0 < wanted <= 1.0):
        raise UsageError(
            f"a {name} of {wanted} cannot be reached by a threshold", hint="give one above 0 and at most 1, say 0.9"
        )
    if not decisions.holds.any():
        raise UsageError(
            f"no picture here has the label {decisions.key!r}, so there is nothing to choose its threshold by",
            hint="give pictures that have it",
        )
    threshold = _chosen(decisions, np.ones(len(decisions), bool), aim, wanted)
    if threshold is None:
        raise UsageError(
            f"no threshold gives {decisions.key!r} a {name} of {wanted:g}: {_best(decisions, aim)}",
            hint="ask for less, or train on more pictures",
        )
    accepted = decisions.accepted(threshold)
    return Point(
        threshold,
        aim,
        wanted,
        int(accepted.sum()),
        _figures(decisions, accepted),
        _crossed(decisions, aim, wanted, seed),
    )


def _chosen(decisions: LabelDecisions, rows: NDArray[np.bool_], aim: Aim, wanted: float | None) -> float | None:
    """The threshold by some of the pictures; ``None`` where none reaches what is wanted."""
    bars, precision, recall = _curve(decisions, rows)
    if not len(bars):
        return None
    if aim == "best_f1":
        total = precision + recall
        at = int(np.argmax(np.where(total > 0, 2 * precision * recall / np.where(total > 0, total, 1.0), 0.0)))
    else:
        reached = np.flatnonzero((precision if aim == "min_precision" else recall) >= (wanted or 0.0))
        if not len(reached):
            return None
        at = int(reached[-1] if aim == "min_precision" else reached[0])
    below = float(bars[at + 1]) if at + 1 < len(bars) else -1.0
    return _round(below, float(bars[at]))


def _curve(
    decisions: LabelDecisions, rows: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Every confidence that can be a threshold, the highest first, with the precision and the recall it gives."""
    speaking = np.flatnonzero(decisions.speaks & rows)
    order = speaking[np.argsort(-decisions.confidence[speaking], kind="stable")]
    confidence, right = decisions.confidence[order], np.cumsum(decisions.holds[order])
    last = np.flatnonzero(np.append(confidence[1:] != confidence[:-1], True)) if len(order) else np.arange(0)
    positives = int((decisions.holds & rows).sum())
    recall = right[last] / positives if positives else np.zeros(len(last))
    return confidence[last], right[last] / (last + 1.0), recall


def _round(below: float, bar: float) -> float:
    """The shortest decimal above one confidence and not above another."""
    for digits in range(2, _MOST_DIGITS + 1):
        short = math.floor(bar * 10.0**digits) / 10.0**digits
        if below < short <= bar:
            return short
    return bar


def _figures(decisions: LabelDecisions, accepted: NDArray[np.bool_]) -> ThresholdFigures:
    holds, clusters = decisions.holds, decisions.clusters

    def share(among: NDArray[np.bool_], outcome: NDArray[np.bool_]) -> Estimate:
        return proportion(outcome[among], None if clusters is None else clusters[among])

    # F1 rises with the Jaccard index J, as 2 J / (1 + J).
    jaccard = share(accepted | holds, accepted & holds)
    f1 = Estimate(*(2.0 * part / (1.0 + part) for part in (jaccard.value, jaccard.low, jaccard.high)))
    return ThresholdFigures(share(accepted, holds), share(holds, accepted), f1)


def _crossed(decisions: LabelDecisions, aim: Aim, wanted: float | None, seed: int) -> ThresholdFigures:
    """Figures where each picture is decided with a threshold that was chosen without its fold."""
    units = np.unique(decisions.sources, return_inverse=True)[1]
    dealt = np.random.default_rng(seed).permutation(int(units.max()) + 1) % _FOLDS
    fold = dealt[units]
    accepted = np.zeros(len(decisions), bool)
    for number in np.unique(fold):
        threshold = _chosen(decisions, fold != number, aim, wanted)
        if threshold is None:
            # What the others cannot reach at all: nothing is accepted for the sake of precision, all for recall.
            threshold = 0.0 if aim == "min_recall" else math.inf
        accepted |= (fold == number) & decisions.accepted(threshold)
    return _figures(decisions, accepted)


def _best(decisions: LabelDecisions, aim: Aim) -> str:
    bars, precision, recall = _curve(decisions, np.ones(len(decisions), bool))
    if not len(bars):
        return "no picture is decided for it at all"
    figure = precision if aim == "min_precision" else recall
    at = int(np.argmax(figure))
    return f"the most is {figure[at]:.3f}, from {bars[at]:.4g} on"

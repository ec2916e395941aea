"""Curves as paths of an SVG: small, readable in light and dark, and said in words for who cannot see them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from decisight.evaluation.consistency import consistency
from decisight.evaluation.intervals import effective_size, wilson
from decisight.evaluation.metrics import Floats
from decisight.evaluation.ranking import precision_recall_curve, ranking_figures, roc_curve
from decisight.evaluation.reliability import claims, reliability_bins
from decisight.evaluation.report.answers import GroupAnswers

__all__ = ["Bar", "Chart", "Line", "precision_recall_chart", "reliability_chart", "roc_chart"]

_SIDE = 320
"""Units of the drawing between 0 and 1, on both axes."""

_STYLED = 7
"""Curves with a colour and a name of their own: those with the smallest area."""

_FAINT = 40
"""At most how many further curves are drawn, all alike."""


_DRAWN = 40_000_000
"""Outcomes drawn at most to tell errors of confidences from chance: some seconds."""

_FEWEST_DRAWS = 200


@dataclass(frozen=True, slots=True)
class Line:
    """A curve.

    Args:
        name: of its label; empty for those that are alike.
        path: the ``d`` of an SVG path; 0 to 320 from the left, and from the top.
        style: 1 to 7; 0 for those that are alike.
        area: below it, 0..1.
    """

    name: str
    path: str
    style: int
    area: float


@dataclass(frozen=True, slots=True)
class Bar:
    """A bin of confidence in the reliability diagram.

    Args:
        low: where it begins, 0..1.
        high: where it ends, 0..1.
        confidence: the mean confidence claimed in it.
        held: the share that held.
        interval: of that share.
        count: claims in it.
        height: ``count`` as a share of the largest count, 0..1.
    """

    low: float
    high: float
    confidence: float
    held: float
    interval: tuple[float, float]
    count: int
    height: float


@dataclass(frozen=True, slots=True)
class Chart:
    """A drawing with axes from 0 to 1.

    Args:
        title: what it is.
        across: what its horizontal axis is.
        up: what its vertical axis is.
        said: what it shows, in a sentence or two.
        lines: its curves, the faint ones first.
        chance: the path that guessing would draw; empty where there is none.
        unit: what the area of its curves is called.
        more: how many curves are neither drawn nor named.
        bars: of a reliability diagram.
    """

    title: str
    across: str
    up: str
    said: str
    lines: tuple[Line, ...] = ()
    chance: str = ""
    unit: str = ""
    more: int = 0
    bars: tuple[Bar, ...] = ()


_DIAGONAL = f"M0 {_SIDE}L{_SIDE} 0"


def roc_chart(answers: GroupAnswers) -> Chart | None:
    """The receiver operating characteristics of the labels that some and not all pictures have.

    Args:
        answers: of a group.

    Returns:
        ``None`` where there is no such label.
    """

    def curve(at: int, area: float) -> _Curve:
        found = roc_curve(answers.held[:, at], answers.confidences[:, at])
        false, true = found.false_positive_rate, found.true_positive_rate
        reached = float(true[false <= 0.05].max())
        return _Curve(
            false,
            true,
            f"{answers.group.labels[at]}: area {area:.3f}; with at most 5 % false alarms {100 * reached:.0f} % of its "
            "pictures are found.",
        )

    axes = Chart("ROC", "false positive rate", "true positive rate (recall)", "", chance=_DIAGONAL, unit="ROC-AUC")
    return _with_curves(axes, answers, _chosen(answers, 0), curve)


def precision_recall_chart(answers: GroupAnswers) -> Chart | None:
    """Precision against recall of the labels that some and not all pictures have.

    Args:
        answers: of a group.

    Returns:
        ``None`` where there is no such label.
    """

    def curve(at: int, area: float) -> _Curve:
        found = precision_recall_curve(answers.held[:, at], answers.confidences[:, at])
        # The precision found at a recall holds from the recall before it on: the area of these steps is the average
        # precision.
        gains = np.flatnonzero(np.diff(found.recall, prepend=0.0))
        recall, precision = found.recall[gains], found.precision[gains]
        reached = float(precision[np.searchsorted(recall, 0.9)])
        return _Curve(
            np.repeat(np.append(0.0, recall), 2)[1:-1],
            np.repeat(precision, 2),
            f"{answers.group.labels[at]}: average precision {area:.3f}; where 90 % of its pictures are found, "
            f"{100 * reached:.0f} % of what is taken for it is right.",
        )

    chosen = _chosen(answers, 1)
    chance = ""
    if len(chosen) == 1:
        level = _SIDE * (1.0 - float(answers.held[:, chosen[0][0]].mean()))
        chance = f"M0 {level:.1f}H{_SIDE}"
    axes = Chart("Precision and recall", "recall", "precision", "", chance=chance, unit="average precision")
    return _with_curves(axes, answers, chosen, curve)


@dataclass(frozen=True, slots=True)
class _Curve:
    """One label's curve, 0..1 both ways, and what it shows in a sentence."""

    across: Floats
    up: Floats
    said: str


def _with_curves(
    axes: Chart,
    answers: GroupAnswers,
    chosen: Sequence[tuple[int, int, float]],
    curve: Callable[[int, float], _Curve],
) -> Chart | None:
    """A chart with a curve for each label that was chosen, and a sentence on the lowest; ``None`` where none was.

    Args:
        axes: the chart without them.
        answers: of a group.
        chosen: number, style and area of each label, the smallest area first.
        curve: of a label, by its number and its area.
    """
    if not chosen:
        return None
    curves = [curve(at, area) for at, _, area in chosen]
    lines = [
        Line(answers.group.labels[at] if style else "", _path(one.across, one.up), style, area)
        for (at, style, area), one in zip(chosen, curves, strict=True)
    ]
    faint = [line for line in lines if not line.style]
    worst = "" if len(chosen) == 1 else f"{len(chosen)} labels, each against the rest. The lowest is "
    return replace(
        axes,
        said=worst + curves[0].said,
        lines=(*faint[:_FAINT], *(line for line in lines if line.style)),
        more=max(0, len(faint) - _FAINT),
    )


def reliability_chart(answers: GroupAnswers) -> Chart:
    """The share that held against the confidence claimed, in bins, with 95 % intervals.

    Args:
        answers: of a group.
    """
    claimed, held = claims(answers.target, answers.confidences)
    own = answers.clusters
    # The claims on one picture, and on pictures of one source, stand and fall together.
    clusters = np.arange(len(answers)) if own is None else own
    effective = effective_size(held.ravel(), np.repeat(clusters, held.shape[1])) / held.size
    bins = reliability_bins(claimed, held)
    bars = tuple(
        Bar(
            float(bins.edges[at]),
            float(bins.edges[at + 1]),
            float(bins.confidence[at]),
            float(bins.held[at]),
            wilson(float(bins.held[at]), float(bins.count[at]) * effective),
            int(bins.count[at]),
            float(bins.count[at] / bins.count.max()),
        )
        for at in np.flatnonzero(bins.count)
    )
    off = [bar for bar in bars if not bar.interval[0] <= bar.confidence <= bar.interval[1]]
    whose = "the top label" if answers.group.exclusive else "a label"
    if not off:
        said = "In every bin the confidence claimed lies within the interval of what held."
    else:
        bold = [bar for bar in off if bar.confidence > bar.interval[1]]
        kinds = ["too sure"] * bool(bold) + ["not sure enough"] * (len(off) > len(bold))
        said = (
            f"In {len(off)} of {len(bars)} bins the confidence claimed lies outside of the interval of what held: "
            f"there the model is {' or '.join(kinds)}."
        )
    together = np.repeat(clusters, held.shape[1])
    said += _beyond_chance(claimed.ravel(), held.ravel(), np.unique(together, return_inverse=True)[1])
    up = "share that is right" if answers.group.exclusive else "share of pictures that have it"
    return Chart("Reliability", f"confidence of {whose}", up, said, bars=bars)


def _beyond_chance(claimed: Floats, held: NDArray[np.bool_], clusters: NDArray[np.int64]) -> str:
    """Whether the errors of all bins together are more than chance; empty where there are too many claims to try."""
    draws = min(2000, _DRAWN // len(claimed))
    if draws < _FEWEST_DRAWS:
        return ""
    p_value = consistency(claimed, held, clusters, resamples=draws).p_value
    often = f"{100 * p_value:.0f} %" if p_value >= 0.01 else "less than 1 %"
    return (
        f" If every confidence were right, the errors of all bins together would be as large in {often} of such sets "
        f"of pictures: {'they may be chance' if p_value >= 0.01 else 'they are more than chance'}."
    )


def _chosen(answers: GroupAnswers, which: int) -> list[tuple[int, int, float]]:
    """Number, style and area of the labels to draw, the smallest area first.

    Those beyond a number have the style 0.
    """
    labels = len(answers.group.labels)
    areas = ranking_figures(answers.held, answers.confidences)[which]
    # The ROC curves of two labels are one another's mirror image.
    numbers = [1] if which == 0 and answers.group.exclusive and labels == 2 else range(labels)
    ordered = sorted((float(areas[at]), at) for at in numbers if not np.isnan(areas[at]))
    return [(at, place if place <= _STYLED else 0, area) for place, (area, at) in enumerate(ordered, start=1)]


def _path(across: Floats, up: Floats) -> str:
    """A curve as the ``d`` of a path: to a quarter of a unit, without points that lie on the line between others."""
    points = np.round(np.column_stack([across, 1.0 - up]) * _SIDE * 4) / 4
    points = points[np.append(True, (np.diff(points, axis=0) != 0).any(axis=1))]
    before, after = np.diff(points[:-1], axis=0), np.diff(points[1:], axis=0)
    straight = (before[:, 0] * after[:, 1] == before[:, 1] * after[:, 0]) & ((before * after).sum(axis=1) > 0)
    kept = points[np.concatenate([[True], ~straight, [True]])] if len(points) > 2 else points
    return "M" + "L".join(f"{x:g} {y:g}" for x, y in kept)

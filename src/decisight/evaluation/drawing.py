"""Drawing an evaluation on matplotlib axes; :mod:`decisight.evaluation.plots` makes files of it.

Colours are those of Okabe and Ito ("Color universal design", 2008) and a scale of one hue, which readers with any kind
of colour vision, and grey printers, tell apart; curves differ in their dashes too.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from decisight.evaluation.intervals import wilson
from decisight.evaluation.metrics import Floats, ratio
from decisight.evaluation.ranking import precision_recall_curve, roc_curve
from decisight.evaluation.reliability import ReliabilityBins
from decisight.evaluation.text import percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.image import AxesImage

__all__ = [
    "LETTERED",
    "Curve",
    "draw_confusion",
    "draw_counts",
    "draw_precision_recall",
    "draw_reliability",
    "draw_roc",
]

_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
_DASHES = ("-", "--", "-.", (0, (1, 1)), (0, (5, 1, 1, 1, 1, 1)), (0, (6, 2)), (0, (3, 1)))
_FAINT = "#9a9a9a"
_SCALE = "Blues"
_DARK = 0.68
"""From where on the scale white letters have more contrast than black ones."""

_NAMED = 100

LETTERED = 30
"""Up to how many labels the cells of a confusion matrix hold numbers; beyond, colour alone."""


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """One label's curve of a plot.

    Args:
        name: as the legend says it.
        held: bool ``(N,)``, whether each example has the label.
        confidence: ``(N,)``.
        area: of its curve, 0..1.
    """

    name: str
    held: NDArray[np.bool_]
    confidence: Floats
    area: float


def draw_confusion(
    axes: Axes, counts: NDArray[np.int64], names: Sequence[str], *, cell: float, ticks: float = 10.0
) -> AxesImage:
    """A confusion matrix: the colour is the share of the row, and the cells hold counts and percentages.

    A row without examples is grey. Beyond 30 labels the cells hold no text, beyond 100 not every label is named.

    Args:
        axes: to draw on.
        counts: ``(K, K)``, rows actual, columns predicted.
        names: K.
        cell: how wide a cell is, in inches; the text follows it.
        ticks: size of the names, in points.

    Returns:
        The image, for a colour bar.
    """
    from matplotlib import colormaps

    shares = ratio(counts, counts.sum(axis=1, keepdims=True))
    scale = colormaps[_SCALE].with_extremes(bad="#d9d9d9")
    image = axes.imshow(np.ma.masked_invalid(shares), cmap=scale, vmin=0.0, vmax=1.0)
    places = np.arange(len(names))
    slanted = len(names) > 2 and max(map(len, names)) * ticks * 0.6 > cell * 72
    slant: dict[str, Any] = {"rotation": 45, "ha": "right", "rotation_mode": "anchor"} if slanted else {}
    if slanted and cell * 72 < 1.6 * ticks:
        slant = {"rotation": 90}
    every = math.ceil(len(names) / _NAMED)
    axes.set_xticks(places[::every], names[::every], fontsize=ticks, **slant)
    axes.set_yticks(places[::every], names[::every], fontsize=ticks)
    axes.set_xlabel("predicted")
    axes.set_ylabel("actual")
    if every == 1:
        axes.set_xticks(places[1:] - 0.5, minor=True)
        axes.set_yticks(places[1:] - 0.5, minor=True)
        axes.grid(which="minor", color="white", linewidth=0.6)
        axes.tick_params(which="minor", length=0)
    if len(names) <= LETTERED:
        points = min(13.0, cell * 19.0)
        for row, column in np.argwhere(counts):
            share = float(shares[row, column])
            axes.text(
                column,
                row,
                f"{counts[row, column]}\n{percent(share)}",
                ha="center",
                va="center",
                fontsize=points,
                linespacing=1.05,
                color="white" if share > _DARK else "black",
            )
    return image


def draw_roc(axes: Axes, curves: Sequence[Curve]) -> None:
    """Receiver operating characteristics, one a label, and the diagonal that chance would draw.

    Args:
        axes: to draw on.
        curves: those with the smallest area stand out if there are many.
    """
    axes.plot([0, 1], [0, 1], color=_FAINT, linewidth=1.0, linestyle=":", label="chance")
    for curve, style in _styled(curves):
        line = roc_curve(curve.held, curve.confidence)
        axes.plot(line.false_positive_rate, line.true_positive_rate, **style)
    _frame(axes, "false positive rate", "true positive rate (recall)")


def draw_precision_recall(axes: Axes, curves: Sequence[Curve]) -> None:
    """Precision against recall, one a label; a dotted line at the label's share where there is only one.

    Args:
        axes: to draw on.
        curves: those with the smallest area stand out if there are many.
    """
    if len(curves) == 1:
        axes.axhline(float(curves[0].held.mean()), color=_FAINT, linewidth=1.0, linestyle=":", label="chance")
    for curve, style in _styled(curves):
        line = precision_recall_curve(curve.held, curve.confidence)
        # The precision found at a recall holds from the recall before it on: the area of these steps is the average
        # precision.
        gains = np.flatnonzero(np.diff(line.recall, prepend=0.0))
        recall, precision = line.recall[gains], line.precision[gains]
        axes.step(np.append(0.0, recall), np.append(precision[0], precision), where="pre", **style)
    _frame(axes, "recall", "precision")


def _styled(curves: Sequence[Curve]) -> Iterator[tuple[Curve, dict[str, Any]]]:
    """The curves with their line styles; of many, the best ones faint and first, under the others."""
    ordered = sorted(curves, key=lambda curve: curve.area)
    shown = ordered[: len(_COLOURS)]
    faint = ordered[len(_COLOURS) :]
    for at, curve in enumerate(faint):
        label = f"{len(faint)} better ones" if at == 0 else None
        yield curve, {"color": _FAINT, "linewidth": 0.7, "alpha": 0.6, "label": label}
    for curve, colour, dashes in zip(shown, _COLOURS, _DASHES, strict=False):
        label = f"{curve.name} ({curve.area:.3f})"
        yield curve, {"color": colour, "linestyle": dashes, "linewidth": 1.8, "label": label}


def _frame(axes: Axes, across: str, up: str) -> None:
    axes.set(xlabel=across, ylabel=up, xlim=(-0.01, 1.01), ylim=(-0.01, 1.01), aspect="equal")
    axes.grid(color="#e5e5e5", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.legend(loc="upper left", bbox_to_anchor=(1.02, 1.0), frameon=False, fontsize=9)


def draw_reliability(axes: Axes, bins: ReliabilityBins, effective: float) -> None:
    """What held against the confidence claimed, with 95 % intervals, and the diagonal of perfect calibration.

    Args:
        axes: to draw on.
        bins: at least one of them not empty.
        effective: the share of the claims that count as independent, 0..1.
    """
    filled = bins.count > 0
    confidence, held, count = bins.confidence[filled], bins.held[filled], bins.count[filled]
    ends = np.array([wilson(float(share), size * effective) for share, size in zip(held, count, strict=True)])
    axes.plot([0, 1], [0, 1], color=_FAINT, linewidth=1.0, linestyle=":", label="perfect")
    axes.errorbar(
        confidence,
        held,
        yerr=np.abs(ends.T - held),
        color=_COLOURS[0],
        marker="o",
        markersize=5,
        linewidth=1.4,
        elinewidth=1.0,
        capsize=2,
        label="share that held, 95 % interval",
    )
    axes.set(ylabel="share that held", xlim=(-0.01, 1.01), ylim=(-0.01, 1.01))
    axes.grid(color="#e5e5e5", linewidth=0.6)
    axes.set_axisbelow(True)
    # Below the diagonal: a model worth looking at is seldom far below it.
    axes.legend(loc="lower right", frameon=False, fontsize=9)


def draw_counts(axes: Axes, bins: ReliabilityBins) -> None:
    """How many claims each bin of confidence holds.

    Args:
        axes: to draw on.
        bins: of :func:`~decisight.evaluation.reliability.reliability_bins`.
    """
    axes.bar(bins.edges[:-1], bins.count, width=np.diff(bins.edges), align="edge", color=_COLOURS[5], edgecolor="white")
    axes.set(xlabel="confidence", ylabel="claims", xlim=(-0.01, 1.01))

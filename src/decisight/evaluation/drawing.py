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
from decisight.evaluation.lettering import font_families
from decisight.evaluation.metrics import Floats, ratio
from decisight.evaluation.ranking import precision_recall_curve, roc_curve
from decisight.evaluation.reliability import ReliabilityBins
from decisight.evaluation.text import percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.image import AxesImage
    from matplotlib.lines import Line2D

__all__ = [
    "LETTERED",
    "Curve",
    "draw_confusion",
    "draw_counts",
    "draw_precision_recall",
    "draw_reliability",
    "draw_roc",
    "name_width",
    "slanted",
]

_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
_DASHES = ("-", "--", "-.", (0, (1, 1)), (0, (5, 1, 1, 1, 1, 1)), (0, (6, 2)), (0, (3, 1)))
_FAINT = "#9a9a9a"
_GUIDE: dict[str, Any] = {"color": _FAINT, "linewidth": 1.0, "linestyle": ":"}
"""What chance, or perfection, would draw."""

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
    steep = slanted(names, cell, ticks)
    slant: dict[str, Any] = {"rotation": 45, "ha": "right", "rotation_mode": "anchor"} if steep else {}
    if steep and cell * 72 < 1.6 * ticks:
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


def name_width(names: Sequence[str], points: float) -> float:
    """How wide the widest name is set, in inches.

    Args:
        names: at least one.
        points: size of the letters.
    """
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import text_to_path

    font = FontProperties(family=list(font_families("".join(names))), size=points)
    return max(text_to_path.get_text_width_height_descent(name, font, ismath=False)[0] for name in names) / 72.0


def slanted(names: Sequence[str], cell: float, points: float) -> bool:
    """Whether the names of columns are too wide to stand side by side.

    Args:
        names: at least one.
        cell: how wide a column is, in inches.
        points: size of the letters.
    """
    return name_width(names, points) > 0.95 * cell


def draw_roc(axes: Axes, curves: Sequence[Curve]) -> None:
    """Receiver operating characteristics, one a label, and the diagonal that chance would draw.

    Args:
        axes: to draw on.
        curves: those with the smallest area stand out if there are many.
    """
    lines = [(axes.plot([0, 1], [0, 1], **_GUIDE)[0], "chance")]
    for curve, name, style in _styled(curves):
        line = roc_curve(curve.held, curve.confidence)
        lines.append((axes.plot(line.false_positive_rate, line.true_positive_rate, **style)[0], name))
    _frame(axes, "false positive rate", "true positive rate (recall)", lines, "ROC-AUC")


def draw_precision_recall(axes: Axes, curves: Sequence[Curve]) -> None:
    """Precision against recall, one a label; a dotted line at the label's share where there is only one.

    Args:
        axes: to draw on.
        curves: those with the smallest area stand out if there are many.
    """
    lines = []
    if len(curves) == 1:
        lines.append((axes.axhline(float(curves[0].held.mean()), **_GUIDE), "chance"))
    for curve, name, style in _styled(curves):
        line = precision_recall_curve(curve.held, curve.confidence)
        # The precision found at a recall holds from the recall before it on: the area of these steps is the average
        # precision.
        gains = np.flatnonzero(np.diff(line.recall, prepend=0.0))
        recall, precision = line.recall[gains], line.precision[gains]
        steps = axes.step(np.append(0.0, recall), np.append(precision[0], precision), where="pre", **style)
        lines.append((steps[0], name))
    _frame(axes, "recall", "precision", lines, "average precision")


def _styled(curves: Sequence[Curve]) -> Iterator[tuple[Curve, str, dict[str, Any]]]:
    """The curves, named and with their line styles; of many, the best ones faint and first, under the others."""
    ordered = sorted(curves, key=lambda curve: curve.area)
    shown = ordered[: len(_COLOURS)]
    faint = ordered[len(_COLOURS) :]
    for at, curve in enumerate(faint):
        name = f"{len(faint)} better ones" if at == 0 else ""
        yield curve, name, {"color": _FAINT, "linewidth": 0.7, "alpha": 0.6}
    for curve, colour, dashes in zip(shown, _COLOURS, _DASHES, strict=False):
        name = f"{curve.name} ({curve.area:.3f})"
        yield curve, name, {"color": colour, "linestyle": dashes, "linewidth": 1.8}


def _frame(axes: Axes, across: str, up: str, lines: Sequence[tuple[Line2D, str]], area: str) -> None:
    """Axes from 0 to 1, and a legend of the lines that have a name, and of what the figure behind it is."""
    named = [(line, name) for line, name in lines if name]
    axes.set(xlabel=across, ylabel=up, xlim=(-0.01, 1.01), ylim=(-0.01, 1.01), aspect="equal")
    axes.grid(color="#e5e5e5", linewidth=0.6)
    axes.set_axisbelow(True)
    # matplotlib leaves out of a legend what is named with a "_" in front, so the names are put in afterwards.
    legend = axes.legend(
        [line for line, _ in named],
        [str(number) for number in range(len(named))],
        loc="upper left",
        bbox_to_anchor=(1.02, 1.0),
        frameon=False,
        fontsize=9,
        title=f"label ({area})",
        title_fontsize=9,
        alignment="left",
    )
    for text, (_, name) in zip(legend.get_texts(), named, strict=True):
        text.set_text(name)


def draw_reliability(axes: Axes, bins: ReliabilityBins, effective: float, held_means: str) -> None:
    """What held against the confidence claimed, with 95 % intervals, and the diagonal of perfect calibration.

    Args:
        axes: to draw on.
        bins: at least one of them not empty.
        effective: the share of the claims that count as independent, 0..1.
        held_means: the share that held, in the reader's words.
    """
    filled = bins.count > 0
    confidence, held, count = bins.confidence[filled], bins.held[filled], bins.count[filled]
    ends = np.array([wilson(float(share), size * effective) for share, size in zip(held, count, strict=True)])
    axes.plot([0, 1], [0, 1], label="perfect", **_GUIDE)
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
        label="measured, 95 % interval",
    )
    axes.set(ylabel=held_means, xlim=(-0.01, 1.01), ylim=(-0.01, 1.01))
    axes.grid(color="#e5e5e5", linewidth=0.6)
    axes.set_axisbelow(True)
    # Below the diagonal: a model worth looking at is seldom far below it.
    axes.legend(loc="lower right", frameon=False, fontsize=9)


def draw_counts(axes: Axes, bins: ReliabilityBins, across: str, up: str) -> None:
    """How many claims each bin of confidence holds.

    Args:
        axes: to draw on.
        bins: of :func:`~decisight.evaluation.reliability.reliability_bins`.
        across: whose confidence it is, in the reader's words.
        up: what is counted, in the reader's words.
    """
    axes.bar(bins.edges[:-1], bins.count, width=np.diff(bins.edges), align="edge", color=_COLOURS[5], edgecolor="white")
    axes.set(xlabel=across, ylabel=up, xlim=(-0.01, 1.01))

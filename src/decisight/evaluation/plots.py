"""An evaluation as pictures: confusion matrix, ROC and precision-recall curves, reliability diagram.

Figures are built and saved without pyplot, so nothing global changes and no display is needed.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from decisight.errors import OutputError
from decisight.evaluation import drawing, metrics
from decisight.evaluation.drawing import Curve
from decisight.evaluation.intervals import effective_size
from decisight.evaluation.lettering import font_families, plot_names
from decisight.evaluation.ranking import ranking_figures
from decisight.evaluation.reliability import claims, expected_calibration_error, reliability_bins
from decisight.evaluation.scored import ScoredGroup, score_task
from decisight.types import Target, Task

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["write_plots"]

_SAVING: dict[str, Any] = {
    "format": "png",
    "dpi": 110,
    "facecolor": "white",
    "bbox_inches": "tight",
    "pad_inches": 0.12,
    "metadata": {"Software": None},
}
_NAME = 28
_MATRICES = 30
"""At most how many labels of an independent group get their 2 x 2 matrix drawn: those with most errors."""


def write_plots(
    task: Task,
    targets: Sequence[Sequence[Target]],
    confidences: Sequence[NDArray[np.floating]],
    folder: Path,
    *,
    sources: Sequence[str | None] | None = None,
    thresholds: Mapping[str, float] | None = None,
) -> list[Path]:
    """Write the plots of every group as PNG files, replacing those that are there.

    Curves are left out of a group in which only one label occurs, as there is nothing to tell apart.

    Args:
        task: the task.
        targets: N, one an example, each with one target a group.
        confidences: one ``(N, K)`` array a group.
        folder: made if it is not there.
        sources: N, what each example was cut from; ``None`` for its own source.
        thresholds: ``label`` or ``group:label`` to threshold, for independent groups.

    Returns:
        The files, ``GROUP-confusion-matrix.png``, ``GROUP-roc.png``, ``GROUP-precision-recall.png`` and
        ``GROUP-reliability.png`` for each group.

    Raises:
        DataError: no group has an example with a known label, or a target is of the wrong kind.
        LabelError: a target or threshold names a label that is not there.
        OutputError: the folder or a file cannot be written.
        UsageError: the shapes do not agree, or a confidence is not in 0..1.
    """
    judged = score_task(task, targets, confidences, sources=sources, thresholds=thresholds)
    stems = _stems([scored.group.name for scored in judged])
    written = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for stem, scored in zip(stems, judged, strict=True):
            for kind, figure in _figures(scored):
                path = folder / f"{stem}-{kind}.png"
                figure.savefig(path, **_SAVING)
                written.append(path)
    except OSError as error:
        raise OutputError(
            f"the plots cannot be written to {folder}: {error.strerror or error}",
            hint="name a folder that can be written to and a disk with room",
        ) from error
    return written


def _stems(names: Sequence[str]) -> list[str]:
    """Names of groups as beginnings of file names, all different on any file system."""
    stems: list[str] = []
    for name in names:
        stem = re.sub(r"[^\w.-]+", "_", name).strip("._")[:60] or "group"
        taken = {other.casefold() for other in stems}
        unique, again = stem, 1
        while unique.casefold() in taken:
            again += 1
            unique = f"{stem}_{again}"
        stems.append(unique)
    return stems


def _figures(scored: ScoredGroup) -> Iterator[tuple[str, Figure]]:
    if scored.group.exclusive:
        yield "confusion-matrix", _confusion(scored)
    else:
        yield "confusion-matrix", _confusions(scored)
    for kind, title, draw, which in (
        ("roc", "ROC", drawing.draw_roc, 0),
        ("precision-recall", "precision and recall", drawing.draw_precision_recall, 1),
    ):
        curves = _curves(scored, which)
        if curves:
            figure = _figure(7.6, 5.0)
            axes = figure.add_subplot()
            draw(axes, curves)
            rest = "" if len(curves) == 1 else ", each label against the rest"
            axes.set_title(f"{_name(scored)}: {title}{rest}")
            yield kind, _lettered(figure, scored)
    yield "reliability", _reliability(scored)


def _figure(width: float, height: float) -> Figure:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def _lettered(figure: Figure, scored: ScoredGroup) -> Figure:
    """The figure with fonts that have the characters of its labels."""
    from matplotlib.text import Text

    families = list(font_families("".join((scored.group.name, *scored.group.labels))))
    for text in figure.findobj(Text):
        text.set_fontfamily(families)
    return figure


def _name(scored: ScoredGroup) -> str:
    return plot_names([scored.group.name], 40)[0]


def _pictures(scored: ScoredGroup) -> str:
    return f"{len(scored)} picture{'s' if len(scored) != 1 else ''}"


def _confusion(scored: ScoredGroup) -> Figure:
    labels = len(scored.group.labels)
    names = plot_names(scored.group.labels, _NAME)
    counts = metrics.confusion_matrix(scored.target, scored.predicted, labels)
    cell = _cell_width(labels)
    ticks = min(10.0, max(6.0, cell * 60.0))
    room = drawing.name_width(names, ticks)
    side = cell * labels
    below = 0.75 * room if drawing.slanted(names, cell, ticks) else 0.0
    figure = _figure(max(5.2, side + room + 1.7), max(3.6, side + below + 1.5))
    axes = figure.add_subplot()
    image = drawing.draw_confusion(axes, counts, names, cell=cell, ticks=ticks)
    scale = axes.inset_axes((1.0 + 0.15 / side, 0.0, 0.2 / side, min(1.0, 4.0 / side)))
    bar = figure.colorbar(image, cax=scale, label="share of the row")
    bar.outline.set_visible(False)
    axes.set_title(f"{_name(scored)}: confusion matrix\n{_pictures(scored)}")
    return _lettered(figure, scored)


def _cell_width(labels: int) -> float:
    """In inches: wide cells for a few labels, the narrowest that two lines of text fit in, or none needed for text."""
    if labels > drawing.LETTERED:
        return 11.0 / labels
    return next(
        width for most, width in ((2, 1.4), (4, 1.0), (8, 0.72), (16, 0.52), (drawing.LETTERED, 0.42)) if labels <= most
    )


def _confusions(scored: ScoredGroup) -> Figure:
    """A 2 x 2 matrix for each label of an independent group."""
    labels = len(scored.group.labels)
    counts = metrics.confusion_matrix(scored.target, scored.predicted, labels)
    errors = counts[:, 0, 1] + counts[:, 1, 0]
    chosen = range(labels) if labels <= _MATRICES else np.argsort(-errors, kind="stable")[:_MATRICES]
    names = plot_names(scored.group.labels, _NAME)
    columns = min(5, math.ceil(math.sqrt(len(chosen))))
    rows = math.ceil(len(chosen) / columns)
    figure = _figure(max(4.4, 2.5 * columns + 0.4), 2.5 * rows + 0.7)
    for place, at in enumerate(chosen):
        axes = figure.add_subplot(rows, columns, place + 1)
        drawing.draw_confusion(axes, counts[at], ("without", "with"), cell=0.55, ticks=8.0)
        axes.set_title(names[at], fontsize=10)
    some = "" if len(chosen) == labels else f", the {_MATRICES} labels with most errors"
    figure.suptitle(f"{_name(scored)}: confusion matrix of each label, {_pictures(scored)}{some}")
    return _lettered(figure, scored)


def _curves(scored: ScoredGroup, which: int) -> list[Curve]:
    """The labels that some and not all pictures have; of an exclusive group of two the second alone."""
    labels = len(scored.group.labels)
    held = metrics.indicators(scored.target, labels)
    names = plot_names(scored.group.labels, _NAME)
    areas = ranking_figures(held, scored.confidences)[which]
    chosen = [1] if scored.group.exclusive and labels == 2 else range(labels)
    return [
        Curve(names[at], held[:, at], scored.confidences[:, at], float(areas[at]))
        for at in chosen
        if not np.isnan(areas[at])
    ]


def _reliability(scored: ScoredGroup) -> Figure:
    claimed, held = claims(scored.target, scored.confidences)
    # The claims on one picture, and on pictures of one source, stand and fall together.
    clusters = np.arange(len(scored)) if scored.clusters is None else scored.clusters
    effective = effective_size(held.ravel(), np.repeat(clusters, held.shape[1])) / held.size
    bins = reliability_bins(claimed, held)
    error = float(expected_calibration_error(scored.target, scored.confidences))
    figure = _figure(5.6, 6.4)
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    if scored.group.exclusive:
        whose, held_means, counted = "the top label", "share that is right", "pictures"
    else:
        whose, held_means, counted = "a label", "share of pictures that have it", "pictures x labels"
    drawing.draw_reliability(upper, bins, effective, held_means)
    drawing.draw_counts(lower, bins, f"confidence of {whose}", counted)
    upper.set_title(f"{_name(scored)}: reliability\n(expected calibration error {error:.3f})")
    return _lettered(figure, scored)

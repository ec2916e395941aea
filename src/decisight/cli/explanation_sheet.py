"""A picture and what speaks for and against labels of it, side by side, with the scale of the colours."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from decisight.explaining.explanation import Explanation

__all__ = ["write_sheet"]

_DPI = 100
_PANEL = 3.6
"""Inches of the longer side of a picture on the sheet."""
_ACROSS = 4
"""Pictures in a row, the one without evidence among them."""
_NARROWEST, _FOOT = 2.3, 0.25
"""Inches of a column at least, and of the line below all of them."""
_LABEL = 34
"""Characters of a title."""
_READ = "orange speaks for the label, blue against it: log-odds per hundredth of what the model sees"
_OUTLINE = "#ffffff"


def write_sheet(
    path: Path,
    pixels: npt.NDArray[np.uint8],
    explanations: Sequence[tuple[str, Explanation]],
    *,
    kind: str,
    quality: int = 92,
) -> None:
    """Write a sheet, whole or not at all.

    Args:
        path: where to.
        pixels: uint8 (H, W, 3), all of the picture.
        explanations: each with its title; of this picture.
        kind: ``png`` or ``jpeg``.
        quality: of JPEG, 1 to 100.

    Raises:
        OutputError: it cannot be written.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    from decisight.evaluation.lettering import font_families
    from decisight.files import draft_of

    shown = _to_size(pixels, round(_PANEL * _DPI))
    height, width = (side / _DPI for side in shown.shape[:2])
    across = min(_ACROSS, 1 + len(explanations))
    down = -(-(1 + len(explanations)) // across)
    cell = max(width, _NARROWEST) + 0.25, height + 0.85
    sheet = across * cell[0], down * cell[1] + _FOOT
    figure = Figure(figsize=sheet, dpi=_DPI, facecolor="white")
    FigureCanvasAgg(figure)

    def axes_at(number: int, above: float, wide: float, high: float) -> Axes:
        row, column = divmod(number, across)
        left = column * cell[0] + (cell[0] - wide) / 2
        bottom = _FOOT + (down - 1 - row) * cell[1] + above
        place = left / sheet[0], bottom / sheet[1], wide / sheet[0], high / sheet[1]
        return figure.add_axes(place)

    pictures = [shown, *(explanation.overlay(shown) for _, explanation in explanations)]
    titles = ["the picture", *(title for title, _ in explanations)]
    for number, (picture, title) in enumerate(zip(pictures, titles, strict=True)):
        axes = axes_at(number, 0.45, width, height)
        axes.imshow(picture)
        axes.set_axis_off()
        axes.set_title(_title(title), fontsize=9, family=list(font_families(title)))
        if number > 0:
            _outline(axes, explanations[number - 1][1], shown)
            _scale(axes_at(number, 0.25, max(width, _NARROWEST), 0.1), explanations[number - 1][1])
    figure.text(0.5, 0.1 / sheet[1], _READ, ha="center", fontsize=7, color="#444444")
    settings: dict[str, Any] = {"quality": quality} if kind == "jpeg" else {}
    with draft_of(path) as draft:
        figure.savefig(draft, format=kind, dpi=_DPI, pil_kwargs=settings)


def _to_size(pixels: npt.NDArray[np.uint8], longest: int) -> npt.NDArray[np.uint8]:
    """A picture made smaller or larger, at least some pixels across, so that a narrow one can be seen."""
    from decisight import imaging

    height, width = pixels.shape[:2]
    scale = longest / max(height, width)
    return imaging.resize(pixels, (max(8, round(width * scale)), max(8, round(height * scale))))


def _title(text: str) -> str:
    from decisight.evaluation.lettering import plot_names

    return plot_names([text], _LABEL)[0]


def _outline(axes: Axes, explanation: Explanation, shown: npt.NDArray[np.uint8]) -> None:
    """Show what was looked at, where that is not all of the picture."""
    from matplotlib.patches import Rectangle

    geometry = explanation.geometry
    low = [max(geometry.square[axis], geometry.part[axis]) for axis in (0, 1)]
    high = [min(geometry.square[axis + 2], geometry.part[axis + 2]) for axis in (0, 1)]
    if (*low, *high) == (0, 0, *geometry.picture):
        return
    by = [shown.shape[1] / geometry.picture[0], shown.shape[0] / geometry.picture[1]]
    corner = low[0] * by[0] - 0.5, low[1] * by[1] - 0.5
    size = (high[0] - low[0]) * by[0], (high[1] - low[1]) * by[1]
    for colour, line in (("black", 1.8), (_OUTLINE, 0.9)):
        axes.add_patch(Rectangle(corner, *size, fill=False, edgecolor=colour, linewidth=line, linestyle=(0, (4, 2))))


def _scale(axes: Axes, explanation: Explanation) -> None:
    """A bar from all against to all for, on the grey of a picture's middle."""
    from decisight.explaining.overlays import tinted

    ramp = np.tile(np.linspace(-1.0, 1.0, 201), (4, 1))
    axes.imshow(tinted(np.full((*ramp.shape, 3), 128, np.uint8), ramp), aspect="auto")
    full = explanation.scale
    axes.set_xticks([0, 100, 200], [f"against {-full:.2g}", "0", f"for +{full:.2g}"], fontsize=7)
    axes.tick_params(length=0, pad=2)
    axes.set_yticks([])
    for side in axes.spines.values():
        side.set_visible(False)
    ticks = axes.get_xticklabels()
    ticks[0].set_horizontalalignment("left")
    ticks[2].set_horizontalalignment("right")

"""The picture that the demo leaves behind: test pictures with what was decided of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from decisight.types import Reason

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from decisight.data.dataset import Dataset, Example
    from decisight.types import Decision, Prediction

__all__ = ["contact_sheet"]

_COLUMNS, _ROWS = 6, 2
_ACCEPTED, _FALLBACK, _WRONG = "#1a6b3c", "#7a5200", "#a3151f"


def contact_sheet(
    data: Dataset, predictions: list[Prediction], decisions: list[tuple[Decision, ...]], path: Path
) -> None:
    """Draw twelve pictures with role, gear and confidence underneath, those that were not decided among them.

    Args:
        data: the pictures and what is true of them, with the groups ``role`` and ``gear``.
        predictions: one a picture.
        decisions: one tuple a picture.
        path: the PNG to write.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    from decisight.imaging import read_image

    figure = Figure(figsize=(12.6, 7.4), dpi=100, facecolor="white")
    FigureCanvasAgg(figure)
    axes = figure.subplots(_ROWS, _COLUMNS)
    figure.subplots_adjust(left=0.01, right=0.99, top=0.99, bottom=0.09, wspace=0.06, hspace=0.34)
    role = [group.name for group in data.task.groups].index("role")
    for axis in axes.flat:
        axis.set_axis_off()
    for axis, i in zip(axes.flat, _chosen(decisions, role), strict=False):
        axis.imshow(read_image(data.examples[i].path))
        _caption(axis, data.examples[i], decisions[i], role)
    figure.savefig(path)


def _chosen(decisions: list[tuple[Decision, ...]], role: int) -> list[int]:
    """Up to three pictures without a decision, the others spread over the set."""
    unsure = [i for i, made in enumerate(decisions) if made[role].reason is not Reason.ACCEPTED][:3]
    sure = [i for i, made in enumerate(decisions) if made[role].reason is Reason.ACCEPTED]
    wanted = _COLUMNS * _ROWS - len(unsure)
    step = max(1, len(sure) // wanted)
    return sorted(sure[::step][:wanted] + unsure)


def _caption(axis: Axes, example: Example, decisions: tuple[Decision, ...], role: int) -> None:
    made, gear = decisions[role], decisions[1 - role]
    wrong = made.reason is Reason.ACCEPTED and made.state != example.targets[role]
    colour = _WRONG if wrong else _ACCEPTED if made.reason is Reason.ACCEPTED else _FALLBACK
    worn = " + ".join(gear.state) if gear.state else "no gear"
    lines = [(f"{made.state}  {made.confidence:.2f}", colour, "bold"), (str(worn), "#333333", "normal")]
    if made.reason is not Reason.ACCEPTED:
        lines.append((made.reason.value.replace("_", " "), colour, "normal"))
    for number, (text, shade, weight) in enumerate(lines):
        axis.text(
            0.5,
            -0.045 - 0.068 * number,
            text,
            color=shade,
            weight=weight,
            fontsize=11,
            ha="center",
            va="top",
            transform=axis.transAxes,
        )

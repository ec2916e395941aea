"""State lines as bars over time: what was true, and below it what each policy decided.

Colours are those of Okabe and Ito ("Color universal design", 2008), which readers with any kind of colour vision tell
apart; where there are more states than colours, later ones are hatched. The fall-back is grey and hatched.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from decisight.errors import OutputError
from decisight.evaluation.lettering import font_families, plot_names
from decisight.types import NONE_OF_THEM, Target

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.patches import Patch

__all__ = ["StatePanel", "StateTrack", "write_state_plot"]

_COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442")
_HATCHES = ("", "xx", "oo", "||", "**")
_FALLBACK: dict[str, Any] = {"facecolor": "#e0e0e0", "edgecolor": "#8a8a8a", "hatch": "////", "linewidth": 0.0}
_SAVING: dict[str, Any] = {"format": "png", "dpi": 120, "facecolor": "white", "metadata": {"Software": None}}
_WIDTH = 10.0
"""In inches; 1,200 pixels."""
_ROW, _AROUND, _HEAD, _ENTRY = 0.34, 0.72, 0.45, 0.2
"""In inches: a bar with its room, the axis and the name of a panel, the title, a line of the legend."""
_NAME, _STATE = 26, 34
"""Characters of the name of a track, and of a state in the legend."""
_MOST_STATES = 24
"""States that a legend names."""


@dataclass(frozen=True, slots=True)
class StateTrack:
    """What one teller says, picture by picture.

    Args:
        name: who says so: ``truth``, or a policy.
        times: of the pictures, in seconds, never going back.
        states: a label, or a set of labels; ``None`` for the fall-back, of the truth for what is not known.
        blank: whether ``None`` is left blank, since it is not known, rather than drawn as the fall-back.
    """

    name: str
    times: tuple[float, ...]
    states: tuple[Target, ...]
    blank: bool = False


@dataclass(frozen=True, slots=True)
class StatePanel:
    """Tracks below each other that speak of the same thing.

    Args:
        title: what that is.
        tracks: from top to bottom.
    """

    title: str
    tracks: tuple[StateTrack, ...]


def write_state_plot(path: Path, title: str, panels: Sequence[StatePanel]) -> None:
    """Write panels of state lines below each other as a PNG file 1,200 pixels wide, replacing what is there.

    Args:
        path: the file.
        title: of the picture.
        panels: at least one.

    Raises:
        OutputError: it cannot be written.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.text import Text

    heights = [_height(panel) for panel in panels]
    figure = Figure(figsize=(_WIDTH, sum(heights) + _HEAD), layout="constrained")
    FigureCanvasAgg(figure)
    many = figure.subplots(len(panels), 1, squeeze=False, height_ratios=heights)
    end = max((track.times[-1] for panel in panels for track in panel.tracks if track.times), default=1.0)
    for axes, panel in zip(many[:, 0], panels, strict=True):
        _draw(axes, panel, end)
    many[-1, 0].set_xlabel("seconds")
    figure.suptitle(plot_names([title], 90)[0], fontsize=11)
    written = "".join(text.get_text() for text in figure.findobj(Text))
    for text in figure.findobj(Text):
        text.set_fontfamily(list(font_families(written)))
    try:
        figure.savefig(path, **_SAVING)
    except OSError as error:
        raise OutputError(
            f"the plot cannot be written to {path}: {error.strerror or error}",
            hint="name a folder that can be written to and a disk with room",
        ) from error


def _height(panel: StatePanel) -> float:
    """Room for its bars and for its legend, whichever is higher."""
    entries = min(len(_styles(panel)), _MOST_STATES + 1) + 1
    return max(len(panel.tracks) * _ROW, entries * _ENTRY) + _AROUND


def _draw(axes: Axes, panel: StatePanel, end: float) -> None:
    """One panel: a bar a track, true changes as lines through all of them, and the legend beside."""
    styles = _styles(panel)
    fallback = False
    for row, track in enumerate(panel.tracks):
        for begin, until, state in _runs(track):
            if state is None and track.blank:
                continue
            fallback |= state is None
            style = _FALLBACK if state is None else styles[_text(state)]
            axes.broken_barh([(begin, until - begin)], (row - 0.38, 0.76), **style)
    for change in _changes(panel):
        axes.axvline(change, color="black", linewidth=0.8, linestyle=(0, (4, 3)))
    axes.set_yticks(range(len(panel.tracks)), plot_names([track.name for track in panel.tracks], _NAME), fontsize=9)
    axes.set(xlim=(0.0, end if end > 0.0 else 1.0), ylim=(len(panel.tracks) - 0.5, -0.5))
    axes.set_title(plot_names([panel.title], 80)[0], fontsize=10, loc="left")
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.tick_params(axis="y", length=0)
    handles = list(_legend(styles, fallback=fallback))
    axes.legend(
        handles=handles, loc="upper left", bbox_to_anchor=(1.01, 1.03), frameon=False, fontsize=9, borderaxespad=0.0
    )


def _styles(panel: StatePanel) -> dict[str, dict[str, Any]]:
    """A look for each state, in the order in which they come: first those that are true."""
    named = dict.fromkeys(_text(state) for track in panel.tracks for state in track.states if state is not None)
    looks = itertools.cycle((colour, hatch) for hatch in _HATCHES for colour in _COLOURS)
    return {
        name: {"facecolor": colour, "edgecolor": "white", "hatch": hatch, "linewidth": 0.0}
        for name, (colour, hatch) in zip(named, looks, strict=False)
    }


def _legend(styles: dict[str, dict[str, Any]], *, fallback: bool) -> Iterator[Patch]:
    from matplotlib.patches import Patch

    shown = list(styles)[:_MOST_STATES]
    for name, style in zip(plot_names(shown, _STATE), (styles[name] for name in shown), strict=True):
        # matplotlib leaves out of a legend what begins with "_".
        yield Patch(label=f" {name}" if name.startswith("_") else name, **style)
    if len(styles) > len(shown):
        yield Patch(label=f"and {len(styles) - len(shown)} more", facecolor="white")
    if fallback:
        yield Patch(label="(fall-back)", **_FALLBACK)


def _runs(track: StateTrack) -> Iterator[tuple[float, float, Target]]:
    """From when to when each state is said: up to the next picture, and after the last as long as they usually last."""
    if not track.times:
        return
    step = float(np.median(np.diff(track.times))) if len(track.times) > 1 else 1.0
    at = 0
    for state, run in itertools.groupby(track.states):
        end = at + len(list(run))
        until = track.times[end] if end < len(track.times) else track.times[-1] + step
        yield track.times[at], until, state
        at = end


def _changes(panel: StatePanel) -> list[float]:
    """When what is true changes, by the first track whose ``None`` means: not known."""
    truth = next((track for track in panel.tracks if track.blank), None)
    begins = [begin for begin, _, state in _runs(truth) if state is not None] if truth else []
    return [begin for begin in begins[1:] if math.isfinite(begin)]


def _text(state: Target) -> str:
    if isinstance(state, frozenset):
        return " + ".join(sorted(state)) or f"{NONE_OF_THEM} (none of them)"
    return str(state)

"""The plots of ``docs/benchmarks.md``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw"]

_OURS, _OTHERS, _SECOND = "#1f6fb2", "#b8bec6", "#7f8a96"
_TEXT = 9


def draw(results: Mapping[str, Any], folder: Path) -> Iterator[Path]:
    """Draw every plot into a folder, and say which files that were."""
    contenders = list(results["comparison"]["contenders"].values())
    figures = {
        "benchmarks-speed.png": _speed(contenders),
        "benchmarks-accuracy.png": _accuracy(results["accuracy"]["tasks"]),
        "benchmarks-room.png": _room(contenders),
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, figure in figures.items():
        # Without the library's version in it, the same figures give the same file.
        figure.savefig(folder / name, dpi=110, metadata={"Software": None})
        yield folder / name


def _figure(width: float, height: float, axes: int) -> tuple[Figure, Sequence[Axes]]:
    from matplotlib.figure import Figure

    figure = Figure((width, height), layout="constrained")
    return figure, [figure.add_subplot(1, axes, at + 1) for at in range(axes)]


def _bars(axes: Axes, contenders: Sequence[Mapping[str, Any]], values: Sequence[float], title: str, form: str) -> None:
    """Horizontal bars, the first on top, each with its value at its end."""
    titles = [contender["title"].replace(", ", "\n") for contender in contenders]
    colours = [_OURS if title.startswith("Decisight") else _OTHERS for title in titles]
    bars = axes.barh(range(len(titles)), values, color=colours)
    axes.bar_label(bars, [form.format(value) for value in values], padding=3, fontsize=_TEXT)
    axes.set_yticks(range(len(titles)), titles, fontsize=_TEXT)
    axes.invert_yaxis()
    axes.set_xlim(0, 1.18 * max(values))
    axes.set_title(title, fontsize=_TEXT + 1, loc="left")
    axes.tick_params(axis="x", labelsize=_TEXT - 1)
    axes.tick_params(axis="y", length=0)
    axes.spines[["top", "right"]].set_visible(False)


def _speed(contenders: Sequence[Mapping[str, Any]]) -> Figure:
    figure, (rate, one) = _figure(9.5, 2.9, 2)
    rates = [contender["photos_per_second"]["median"] for contender in contenders]
    ones = [1000 * contender["one_photo"]["median"] for contender in contenders]
    _bars(rate, contenders, rates, "photos a second, from JPEG files (more is better)", "{:.0f}")
    _bars(one, contenders, ones, "milliseconds for one photo alone (less is better)", "{:.1f}")
    one.set_yticklabels([])
    return figure


def _room(contenders: Sequence[Mapping[str, Any]]) -> Figure:
    figure, (disk, memory, cold) = _figure(11, 2.9, 3)
    disks = [contender["on_disk_mb"] for contender in contenders]
    peaks = [contender["peak_mb"] or 0.0 for contender in contenders]
    colds = [contender["cold_start"]["median"] for contender in contenders]
    _bars(disk, contenders, disks, "MB on disk (less is better)", "{:.0f}")
    _bars(memory, contenders, peaks, "MB of memory at most (less is better)", "{:.0f}")
    _bars(cold, contenders, colds, "seconds from start to first class (less is better)", "{:.1f}")
    memory.set_yticklabels([])
    cold.set_yticklabels([])
    return figure


def _accuracy(tasks: Mapping[str, Mapping[str, Any]]) -> Figure:
    """A row a task, from the hardest to the easiest."""
    names = sorted(tasks, key=lambda name: tasks[name]["decisight"]["accuracy"])
    who = {
        "crop: last": ("probe, last layer, centre crop", _OTHERS, "s"),
        "stretch: max": ("probe, all depths, stretched", _SECOND, "D"),
        "decisight": ("Decisight, default settings", _OURS, "o"),
    }
    figure, (axes,) = _figure(8, 4.6, 1)
    for at, name in enumerate(names):
        values = [100 * tasks[name][each]["accuracy"] for each in who]
        axes.plot([min(values), max(values)], [at, at], color="#e3e6ea", linewidth=2, zorder=1)
    for each, (label, colour, marker) in who.items():
        values = [100 * tasks[name][each]["accuracy"] for name in names]
        axes.scatter(values, range(len(names)), s=38, color=colour, marker=marker, label=label, zorder=2)
    axes.set_yticks(range(len(names)), names, fontsize=_TEXT)
    axes.set_xlabel("accuracy on the test part, %", fontsize=_TEXT)
    axes.tick_params(axis="x", labelsize=_TEXT - 1)
    axes.grid(axis="x", color="#eef0f2")
    axes.set_axisbelow(True)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.legend(fontsize=_TEXT, frameon=False, loc="upper left")
    return figure

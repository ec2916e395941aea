"""Many cameras in a terminal: one line each, those first that somebody should look after, as many as there is room."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from decisight.files import printable

if TYPE_CHECKING:
    from decisight.cli.renderings import Line
    from decisight.workers import CameraHealth, Health

__all__ = ["camera_lines", "summary_lines"]

_WORST_FIRST = ("failed", "no pictures", "cannot judge", "waiting for the store", "starting", "watching", "ended")
_STYLES = {
    "failed": "bold red",
    "no pictures": "bold red",
    "cannot judge": "bold red",
    "waiting for the store": "yellow",
    "starting": "yellow",
    "watching": "green",
    "ended": "dim",
}
_LEAST_NAME, _MOST_NAME = 6, 24
_NAME_SHARE = 3
"""A name has no more than one in so many characters of a line: what is the matter must be read beside it."""
_NUMBERS = "  fps  judged     age     p95  events"


def summary_lines(health: Health) -> list[Line]:
    """How it is doing as a whole, in a line; and a line for the store, and for each sink, where that has to wait."""
    states: Counter[str] = Counter(camera.state for camera in health.cameras)
    counted = ", ".join(f"{states[state]} {state}" for state in _WORST_FIRST if states[state])
    rate = sum(camera.fps for camera in health.cameras)
    text = f"{len(health.cameras)} cameras: {counted}; {rate:.1f} pictures/s"
    if health.inference.threads:
        text += f"; classifying {100 * health.inference.busy:.0f} % of the time"
    if health.memory is not None:
        text += f"; {health.memory / 1e6:.0f} MB"
    lines: list[Line] = [[(text, "bold")]]
    if health.store.cause is not None:
        lines.append([(f"store: {printable(health.store.cause)}", "bold red")])
    lines += [
        [(f"sink {printable(sink.name)}: {printable(sink.cause)}", "yellow")]
        for sink in health.store.sinks
        if sink.cause is not None
    ]
    return lines


def camera_lines(cameras: Sequence[CameraHealth], now: Mapping[str, str], *, width: int, height: int) -> list[Line]:
    """One line a camera, the worst first; what there is no room for is counted in the last line.

    Args:
        cameras: how each is doing.
        now: what is decided now, by camera.
        width: characters in a line.
        height: lines that there is room for, at least 3.
    """
    ordered = sorted(cameras, key=_badness)
    room = max(3, height) - 1
    shown = ordered if len(ordered) <= room else ordered[: room - 1]
    longest = max((len(printable(camera.name)) for camera in shown), default=0)
    name = max(_LEAST_NAME, min(_MOST_NAME, width // _NAME_SHARE, longest))
    lines: list[Line] = [[(f"{'camera':<{name}}{_NUMBERS}  now"[:width], "dim")]]
    lines += [_line(camera, now.get(camera.name, ""), name, width) for camera in shown]
    if len(shown) < len(ordered):
        left = Counter(camera.state for camera in ordered[len(shown) :])
        text = ", ".join(f"{number} {state}" for state, number in left.most_common())
        lines.append([(f"and {text}"[:width], "dim")])
    return lines


def _badness(camera: CameraHealth) -> tuple[int, float, str]:
    """What sorts first: by state; of those that are watched, where least could be judged."""
    coverage = 1.0 if math.isnan(camera.coverage) else camera.coverage
    return _WORST_FIRST.index(camera.state), coverage, camera.name


def _line(camera: CameraHealth, now: str, name: int, width: int) -> Line:
    title = f"{_shortened(printable(camera.name), name):<{name}}"
    style = _STYLES[camera.state]
    if not camera.well:
        # In the place of numbers, which say little of it.
        cause = "" if camera.cause is None else f": {camera.cause}"
        age = "" if camera.age is None else f" ({_span(camera.age)})"
        return _fitting([(title, style), (f"  {printable(camera.state + cause)}", style), (age, "")], width)
    numbers = (
        f"{camera.fps:5.1f}  {_share(camera.coverage):>6}  {_span(camera.age):>6}  "
        f"{_span(camera.latency.p95):>6}  {camera.events_open:>6}"
    )
    what = now if camera.state == "watching" else camera.state
    return _fitting([(title, style), (numbers, ""), (f"  {printable(what)}", "")], width)


def _shortened(title: str, width: int) -> str:
    """Without its middle, where it is too long: cameras of a place begin with the same words, and end otherwise."""
    if len(title) <= width:
        return title
    end = width // 2
    return f"{title[: width - 1 - end]}…{title[-end:]}"


def _fitting(line: Line, width: int) -> Line:
    """As much of a line as there is room for."""
    found = []
    for text, style in line:
        found.append((text[:width], style))
        width -= len(found[-1][0])
    return found


def _share(share: float) -> str:
    return "-" if math.isnan(share) else f"{100 * share:.0f} %"


def _span(seconds: float | None) -> str:
    if seconds is None or math.isnan(seconds):
        return "-"
    if seconds < 1.0:
        return f"{1000 * seconds:.0f} ms"
    return f"{seconds:.1f} s" if seconds < 60.0 else f"{seconds / 60:.0f} min"

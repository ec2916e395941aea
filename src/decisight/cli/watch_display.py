"""What ``decisight watch`` shows: what is decided now, what has happened, and the whole at the end."""

from __future__ import annotations

import math
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, tzinfo
from types import TracebackType
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from decisight.cli.console import complain, say
from decisight.cli.renderings import Line
from decisight.cli.sequence_renderings import plain, show
from decisight.cli.state_lines import StateLines, Symbols
from decisight.events import labels_of
from decisight.files import printable
from decisight.types import Decision, Event, EventChange

if TYPE_CHECKING:
    from rich.console import Console

    from decisight.pipeline import Step
    from decisight.workers import CameraRun, Health

__all__ = ["Display", "moment"]

_REFRESHES = 4
"""A second, of what is shown of now."""
_RECENT = 60.0
"""Seconds of states that are shown of now."""
_MOST_LINES = 6
"""Where there are more, the terminal would be too low for them."""
_MOST_DRAWN = 24
"""Lines of states that are drawn at the end; where there would be more, none is kept."""
_WIDTH = 80
"""Of the lines of states, where there is no terminal."""


def moment(seconds: float, zone: tzinfo, origin: float | None = None, *, exact: bool = False) -> str:
    """A time as people read it: of a recording its place in it, else date and time.

    Args:
        seconds: since 1970.
        zone: in which it is shown.
        origin: when the recording begins; ``None`` where it is none.
        exact: to the millisecond.
    """
    if origin is not None:
        return f"{seconds - origin:.1f} s"
    try:
        # With its offset: an hour comes twice where summer time ends.
        return (
            datetime.fromtimestamp(seconds, zone)
            .isoformat(" ", "milliseconds" if exact else "seconds")
            .replace("+00:00", "Z")
        )
    except (ValueError, OverflowError, OSError):  # later than the year 9999
        return f"{seconds:.1f}"


class Display:
    """Listens, and shows; a context manager, since a terminal has to be left as it was.

    Args:
        cameras: that are watched.
        timezone: in which times are shown.
        origins: of recordings, by camera: their times are shown as places in them.
        screen: a terminal; ``None``: plain lines.
        silent: show nothing but warnings.
    """

    def __init__(
        self,
        cameras: Sequence[CameraRun],
        timezone: str,
        origins: Mapping[str, float | None],
        *,
        screen: Console | None,
        silent: bool = False,
    ) -> None:
        self._cameras = cameras
        self._zone = ZoneInfo(timezone)
        self._origins = origins
        self.health: Callable[[], Health] | None = None
        """Says how everything is; it is shown where there is somebody to say it."""
        self._screen = screen
        self._silent = silent
        self._lines = StateLines()
        views = [view for camera in cameras for view in camera.pipeline.views]
        self._drawing = sum(len(view.fold.folds) for view in views) <= _MOST_DRAWN
        self._now: dict[tuple[str, int, str], tuple[Decision, str]] = {}
        self._live: Any = None
        self._drawn = 0.0
        self._events: Counter[str] = Counter()

    def __enter__(self) -> Display:
        if self._screen is not None:
            from rich.live import Live

            self._live = Live(console=self._screen, auto_refresh=False, transient=True)
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None

    def decided(self, camera: str, step: Step) -> None:
        """See :class:`~decisight.workers.listener.Listener`."""
        run = next(one for one in self._cameras if one.name == camera)
        for entry in step.entries:
            for decision in entry.decisions:
                key = camera, entry.view, decision.group
                labels = labels_of(decision)
                state = None if labels == () and isinstance(decision.state, str) else " + ".join(labels) or "-"
                title = self._title(run, entry.view, decision.group)
                if self._drawing:
                    self._lines.add(key, title, entry.item.time or 0.0, state)
                self._now[key] = decision, title
        self._refresh()

    def stored(self, changes: Sequence[EventChange]) -> None:
        """See :class:`~decisight.workers.listener.Listener`."""
        for change in changes:
            self._events[change.event.camera] += change.change == "opened"
            self._write(self._change(change))

    def noted(self, camera: str | None, text: str) -> None:
        """See :class:`~decisight.workers.listener.Listener`."""
        who = "" if camera is None else f"{camera}: "
        if self._live is not None:
            from rich.text import Text

            self._live.console.print(Text(printable(f"warning: {who}{text}"), style="yellow"), soft_wrap=True)
        else:
            complain(f"warning: {who}{text}")

    def idle(self) -> None:
        """See :class:`~decisight.workers.listener.Listener`."""
        self._refresh()

    def conclude(self, *, stopped: bool) -> None:
        """Show the whole.

        Args:
            stopped: whether it was ended from outside.
        """
        if self._silent:
            return
        width = _WIDTH if self._screen is None else self._screen.width
        lines = self._lines.drawn(width, _symbols())
        if self._screen is not None:
            show(self._screen, lines)
        else:
            sys.stdout.write(plain(lines))
        for camera in self._cameras:
            say(self._summary(camera))
        if stopped:
            still = sum(1 for camera in self._cameras for _ in camera.pipeline.open_events())
            say(f"Stopped; {still} event{'' if still == 1 else 's'} still open.")

    def _summary(self, camera: CameraRun) -> str:
        status = camera.status
        if not status.frames and not status.causes:
            again = ": it has been watched to its end before; --again watches it once more"
            return f"{camera.name}: no new picture{again if camera.pipeline.finished else ''}"
        text = f"{camera.name}: {status.frames or 'no'} picture{'' if status.frames == 1 else 's'}"
        if not math.isnan(judged := status.judged):
            text += f", {100 * judged:.0f} % of the time could be judged"
        if status.causes:
            causes = ", ".join(f"{printable(cause)} {count}" for cause, count in status.causes.most_common(5))
            text += f" (not: {causes})"
        if status.entries["repeated"]:
            text += f", {status.entries['repeated']} taken to say the same as the one before"
        if status.unfamiliar:
            text += f", {status.unfamiliar} unfamiliar"
        if status.skipped:
            text += f", {status.skipped} skipped"
        events = self._events[camera.name]
        return f"{text}; {events} event{'' if events == 1 else 's'}"

    def _title(self, camera: CameraRun, number: int, group: str) -> str:
        view = next(view for view in camera.pipeline.views if view.number == number)
        parts = [camera.name] if len(self._cameras) > 1 else []
        parts += [] if view.region_name is None else [view.region_name]
        if len(view.fold.folds) > 1 or not parts:
            parts.append(group)
        return printable(" ".join(parts))

    def _change(self, change: EventChange) -> str:
        event = change.event
        origin = self._origins.get(event.camera)
        where = " ".join([event.camera] if len(self._cameras) > 1 else [])
        where = " ".join(part for part in (where, event.region or "", event.group) if part)
        if change.change == "opened":
            when = moment(event.start_time, self._zone, origin)
            return printable(f"{when:>9}  {where}: {event.state} begins, {event.confidence:.3f}  ({event.why})")
        when = moment(event.end_time or event.start_time, self._zone, origin)
        return printable(f"{when:>9}  {where}: {event.state} ends after {event.duration:.1f} s  ({_ending(event)})")

    def _write(self, text: str) -> None:
        if self._silent:
            return
        if self._live is not None:
            from rich.text import Text

            self._live.console.print(Text(text), soft_wrap=True)
        else:
            say(text)
            sys.stdout.flush()

    def _refresh(self) -> None:
        if self._live is None or time.monotonic() - self._drawn < 1 / _REFRESHES:
            return
        from rich.text import Text

        self._drawn = time.monotonic()
        health = None if self.health is None else self.health()
        many = max(len(self._now), len(self._cameras)) > _MOST_LINES
        rows = [] if many and health is not None else self._few(health)
        if health is not None and (many or not _fits(rows, self._live.console)):
            rows = self._many(health, self._live.console)
        self._live.update(Text("\n").join(Text.assemble(*row) for row in rows), refresh=True)

    def _few(self, health: Health | None) -> list[Line]:
        # First: at the end it would be what a low terminal cuts away.
        troubles = [] if health is None else health.troubles()
        rows: list[Line] = [[(printable(trouble), "bold red")] for trouble in troubles]
        if 0 < len(self._lines.lines) <= _MOST_LINES and self._screen is not None:
            rows += self._lines.recent(_RECENT).drawn(self._screen.width, _symbols())
        for decision, title in list(self._now.values()):
            held = f", kept ({decision.held.value})" if decision.held is not None else ""
            state, style = _said(decision)
            rows.append([(f"{title}  ", ""), (state, style), (f"  {decision.confidence:.3f}{held}", "")])
        for camera in self._cameras:
            status = camera.status
            share = status.judged
            judged = "" if math.isnan(share) else f", {100 * share:.0f} % of the time judged"
            rows.append([(printable(f"{camera.name}: {status.frames} pictures{judged}"), "dim")])
        return rows

    def _many(self, health: Health, console: Console) -> list[Line]:
        from decisight.cli.watch_table import camera_lines, summary_lines

        now: dict[str, list[str]] = {}
        for (camera, _, _), (decision, _) in list(self._now.items()):
            now.setdefault(camera, []).append(_said(decision)[0])
        summary = summary_lines(health)
        states = {camera: ", ".join(said) for camera, said in now.items()}
        height = console.height - len(summary) - 1
        return [*summary, *camera_lines(health.cameras, states, width=console.width, height=height)]


def _fits(rows: Sequence[Line], console: Console) -> bool:
    """Whether there is room for all lines; what is longer than the terminal is wide takes several."""
    lengths = (sum(len(text) for text, _ in row) for row in rows)
    return sum(max(1, -(-length // console.width)) for length in lengths) < console.height


def _said(decision: Decision) -> tuple[str, str]:
    """A decision for people, and how it looks."""
    labels = labels_of(decision)
    state = " + ".join(labels) or (decision.state if isinstance(decision.state, str) else "-")
    reason = "" if labels else f" ({decision.reason.value.replace('_', ' ')})"
    return f"{state}{reason}", "bold green" if labels else "yellow"


def _symbols() -> Symbols:
    return Symbols.for_encoding(sys.stdout.encoding)


def _ending(event: Event) -> str:
    return f"then {event.ended_by}" if event.ended_by else "ended"

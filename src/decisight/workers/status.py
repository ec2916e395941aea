"""What is known of a camera at work: its thread writes it down, and anybody may ask how it is doing."""

from __future__ import annotations

import contextlib
import math
import threading
import time
from bisect import bisect_left
from collections import Counter, deque
from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

from decisight.errors import DecisightError
from decisight.types import Reading, Tick
from decisight.types.watched_time import WatchedTime
from decisight.workers.health import LATENCY_BOUNDS, CameraHealth, CameraState, Latencies
from decisight.workers.shares import Rate

if TYPE_CHECKING:
    from decisight.pipeline import Entry, Step
    from decisight.types import Frame

__all__ = ["CameraStatus", "said"]

_RECENT = 500
"""Latencies of which quantiles are told."""
_LATE = 60.0
"""Seconds: a picture that is older than this when it comes was not taken just now, so its age is no latency."""
_STORING, _HANGING, _HANGING_RECORDING = 2.0, 8.0, 30.0
"""Seconds after which somebody hears that a camera waits for the store; that it hangs; that a recording does, whose
next picture may be due then."""
_HELD_UP = 0.5
"""Seconds after which handing over what was decided takes too long."""
_SILENT = 8.0
"""Seconds without a picture of a live camera that are told at the earliest, "nothing has come"."""
_SILENT_PICTURES = 5.0
"""The same in pictures, where they come seldom: by what is asked for, and by the longest of the last gaps."""
_REFUSED = 10.0
"""Seconds for which pictures come and none can be judged that are told: as long as rules hold on to what they knew."""
_REFUSED_PICTURES = 3.0
"""The same in pictures, where they come seldom."""
_GAPS = 8
_LAG = 2.0
"""Seconds that a picture may be on its way without anybody waiting longer for it."""

_JUDGED = ("reading", "repeated")
"""The kinds of entries that say what a picture shows."""
_STILL = ("no pictures", "failed", "ended")
"""States in which no pictures come, however many did a moment ago."""

Stage = Literal["asking", "deciding", "storing"]
"""What the camera's thread is at: waiting for a picture, looking at one, or handing over what was decided."""


def said(error: Exception) -> str:
    """An error in one line, for people."""
    text = error.message if isinstance(error, DecisightError) else f"{type(error).__name__}: {error}"
    return " ".join(text.split())


class CameraStatus:
    """How a camera is doing. Its thread writes; anybody may read :meth:`health`.

    Attributes:
        frames: how many pictures were looked at.
        skipped: how many the source passed over since it could not keep up.
        entries: how many entries there were of each kind, over all views.
        causes: how many pictures could not be judged, by cause, and how often it was told that there is none.
        unfamiliar: how many pictures are less familiar than a rule asks for, in any region.
        last_time: of the last picture, in seconds since 1970.
        finished: whether there is nothing more to come.
        error: what ended it, if something did.
        events_open: how many events are open.
        restarts: how often it was started again.
    """

    def __init__(self) -> None:
        self.frames = 0
        self.skipped = 0
        self.entries: Counter[str] = Counter()
        self.causes: Counter[str] = Counter()
        self.unfamiliar = 0
        self.last_time: float | None = None
        self.finished = False
        self.error: Exception | None = None
        self.events_open = 0
        self.restarts = 0
        self._lock = threading.Lock()
        self._rate = Rate()
        self._counts = [0] * (len(LATENCY_BOUNDS) + 1)
        self._total = 0.0
        self._recent: deque[float] = deque(maxlen=_RECENT)
        self._gaps: deque[float] = deque(maxlen=_GAPS)
        self._begun = self._beat = time.monotonic()
        self._stage: Stage = "asking"
        self._came: float | None = None
        """When the last picture came, on the machine's steady clock."""
        self._pictured: float | None = None
        """When the last one that could be read came."""
        self._away: str | None = None
        """Why there are no pictures now."""
        self._refused: tuple[str, float] | None = None
        """Why pictures that come cannot be judged, and since when none could, on the machine's steady clock."""
        self._watched: dict[int, WatchedTime] = {}
        """By the number of the view."""
        self._fault: str | None = None
        """Why it has stopped, until it is started again and works."""
        self._last_error: tuple[str, float] | None = None

    @property
    def judged(self) -> float:
        """The share of the watched time that could be judged, 0..1, over all views; NaN where none has passed.

        As :meth:`~decisight.store.Store.coverage` has it, from the first picture since the start on.
        """
        with self._lock:
            return self._coverage()

    @property
    def fault(self) -> str | None:
        """Why it has stopped, in few words; ``None`` once it was started again and has decided on something."""
        return self._fault

    @property
    def held_up(self) -> bool:
        """Whether the camera's thread has been handing over what was decided for longer than that takes."""
        return self._stage == "storing" and time.monotonic() - self._beat > _HELD_UP

    def beat(self) -> None:
        """The camera's thread is alive, and at what it was at."""
        self._beat = time.monotonic()

    @contextlib.contextmanager
    def at(self, stage: Stage) -> Iterator[None]:
        """Within it, the camera's thread is at this."""
        before, self._stage = self._stage, stage
        self.beat()
        try:
            yield
        finally:
            self._stage = before
            self.beat()

    def came(self, frame: Frame) -> float:
        """A picture has come, or word why there is none.

        Returns:
            The moment, on the machine's steady clock.
        """
        now = time.monotonic()
        with self._lock:
            if frame.pixels is None:
                self._away, self._refused = frame.cause, None
                self._last_error = str(frame.cause), time.time()
            else:
                # While something was the matter none could come: that is no gap between two pictures.
                if self._pictured is not None and self._away is None and self._fault is None:
                    self._gaps.append(now - self._pictured)
                self._away, self._pictured = None, now
            self._came = now
        return now

    def decided(self, frame: Frame, came: float, *, live: bool, classified: bool = True) -> None:
        """It was decided on a picture.

        Args:
            frame: the picture.
            came: when, see :meth:`came`.
            live: whether it may have been taken just now, so that its own time tells how old it is.
            classified: whether a model has looked at it: that a gate turned it away tells nothing of latency.
        """
        age = time.time() - frame.time
        latency = age if live and 0.0 <= age <= _LATE else time.monotonic() - came
        with self._lock:
            self._fault = None
            if frame.pixels is None:
                return
            self._rate.add()
            if classified:
                self._counts[bisect_left(LATENCY_BOUNDS, latency)] += 1
                self._total += latency
                self._recent.append(latency)

    def count(self, step: Step, skipped: int = 0, picture: Frame | None = None) -> None:
        """Take a step into account.

        Args:
            step: what was decided.
            skipped: pictures that the source passed over before.
            picture: that was looked at; ``None``, or one without pixels: there was none.
        """
        now = time.monotonic()
        with self._lock:
            self.skipped += skipped
            self.events_open += sum(1 if change.change == "opened" else -1 for change, _ in step.changes)
            for entry in step.entries:
                self.entries[entry.kind] += 1
                self._pass(entry)
            refused = [
                entry.item.cause for entry in step.entries if isinstance(entry.item, Reading) and entry.item.cause
            ]
            self.causes.update(dict.fromkeys(refused, 1))
            self.unfamiliar += any(entry.unfamiliar for entry in step.entries)
            if picture is not None and picture.pixels is not None:
                self.frames += 1
                self.last_time = picture.time
                if any(entry.kind in _JUDGED for entry in step.entries) or not refused:
                    self._refused = None
                else:
                    self._refused = refused[0], now if self._refused is None else self._refused[1]

    def _pass(self, entry: Entry) -> None:
        """Take the time up to an entry into account; before the first picture, none has been watched."""
        watched = self._watched.get(entry.view)
        if isinstance(entry.item, Tick):
            if watched is not None:
                watched.tick(entry.item.time)
        elif entry.item.time is not None:
            watched = self._watched.setdefault(entry.view, WatchedTime())
            watched.picture(entry.item.time, judged=entry.kind in _JUDGED)

    def _coverage(self) -> float:
        watched = sum(view.watched_seconds for view in self._watched.values())
        judged = sum(view.judged_seconds for view in self._watched.values())
        return judged / watched if watched > 0.0 else math.nan

    def failed(self, error: Exception) -> None:
        """It has stopped, and is to be started again."""
        with self._lock:
            self.restarts += 1
            self._fault = said(error)
            self._last_error = self._fault, time.time()

    def ended(self, error: Exception | None = None) -> None:
        """There is nothing more to come.

        Args:
            error: what ended it, if something did.
        """
        with self._lock:
            if error is not None:
                self.error = error
                self._last_error = said(error), time.time()
            self.finished = True

    def health(self, name: str, *, live: bool, fps: float | None, lag: float = 0.0) -> CameraHealth:
        """How it is doing at this moment.

        Args:
            name: of the camera.
            live: whether its pictures come as time passes.
            fps: pictures a second that are to be looked at, at most; ``None``: all.
            lag: seconds that a picture may be on its way.
        """
        with self._lock:
            now = time.monotonic()
            patience = self._patience(fps, lag) if live else math.inf
            state, cause = self._state(now, patience, _HANGING if live else _HANGING_RECORDING, fps)
            if cause is not None and cause not in (self._away, self._fault) and self.error is None:
                # Only who asks finds that out: nothing has happened at the camera's thread.
                self._last_error = cause, time.time()
            error, error_time = self._last_error or (None, None)
            return CameraHealth(
                name=name,
                state=state,
                cause=cause,
                live=live,
                fps=0.0 if state in _STILL else self._rate.per_second(),
                wanted_fps=fps,
                frames=self.frames,
                skipped=self.skipped,
                coverage=self._coverage(),
                age=None if self._pictured is None else now - self._pictured,
                time=self.last_time,
                error=error,
                error_time=error_time,
                restarts=self.restarts,
                latency=self._latencies(),
                events_open=self.events_open,
                readings=dict(self.entries),
                not_judged=dict(self.causes),
                unfamiliar=self.unfamiliar,
            )

    def _state(self, now: float, patience: float, hung: float, fps: float | None) -> tuple[CameraState, str | None]:
        if self.error is not None:
            return "failed", said(self.error)
        if self.finished:
            return "ended", None
        if self._fault is not None:
            return "failed", self._fault
        silent = now - self._beat
        hanging = silent > hung
        if self._stage == "storing" and silent > _STORING:
            return "waiting for the store", "what was decided cannot be stored now"
        if self._stage == "deciding" and hanging:
            return "failed", f"it hangs: it has been at one picture for {_seconds(silent)}"
        if self._stage == "asking" and hanging:
            return "no pictures", f"the source does not answer: nothing for {_seconds(silent)}"
        if self._away is not None:
            return "no pictures", self._away
        since = now - (self._begun if self._pictured is None else self._pictured)
        if since > patience:
            return "no pictures", f"nothing has come for {_seconds(since)}"
        if self._refused is not None and now - self._refused[1] >= self._endurance(fps):
            return "cannot judge", self._refused[0]
        return ("starting" if self._pictured is None else "watching"), None

    def _patience(self, fps: float | None, lag: float) -> float:
        """For how many seconds nothing need come."""
        if fps is None:
            # Pictures that come by themselves, as into a folder: nobody knows when the next is due.
            return math.inf
        return max(
            _SILENT, _SILENT + lag - _LAG, _SILENT_PICTURES / fps, _SILENT_PICTURES * max(self._gaps, default=0.0)
        )

    def _endurance(self, fps: float | None) -> float:
        """For how many seconds pictures may come of which none can be judged."""
        gap = max(0.0 if fps is None else 1.0 / fps, max(self._gaps, default=0.0))
        return max(_REFUSED, _REFUSED_PICTURES * gap)

    def _latencies(self) -> Latencies:
        ordered = sorted(self._recent)
        p50, p95 = (ordered[math.ceil(share * len(ordered)) - 1] if ordered else math.nan for share in (0.5, 0.95))
        return Latencies(tuple(self._counts), self._total, p50, p95)


def _seconds(seconds: float) -> str:
    return f"{seconds:.0f} s"

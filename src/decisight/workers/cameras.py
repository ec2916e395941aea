"""One camera on a thread of its own: frames in, decided steps out."""

from __future__ import annotations

import queue
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from decisight.errors import DecisightError
from decisight.events import SOURCE_ENDED
from decisight.pipeline import Pipeline, Step
from decisight.workers.evidence import Evidence
from decisight.workers.taken import Taken

if TYPE_CHECKING:
    from decisight.protocols import FrameSource
    from decisight.types import Frame

__all__ = ["CameraRun", "CameraStatus"]

_LAG = 2.0
"""Seconds that a picture may be on its way, where its source does not say: time is not let pass beyond that of one that
may still come."""
_FEW_PAUSES = 60
_PAUSE_GROWTH = 1.1
_LONGEST_PAUSE = 60.0
"""Seconds: a camera that has long been silent is looked after less and less often."""
_HEARING = 0.5
"""Seconds after which a wait looks whether it is to end."""
_FAREWELL = 5.0
"""Seconds that a source gets to let go."""


@dataclass(slots=True)
class CameraStatus:
    """How a camera is doing.

    Args:
        frames: how many were looked at.
        skipped: how many the source passed over since it could not keep up.
        entries: how many entries there were of each kind, over all views.
        causes: how often pictures could not be judged, by cause.
        last_time: of the last frame, in seconds since 1970.
        finished: whether there is nothing more to come.
        error: what ended it, if something did.
    """

    frames: int = 0
    skipped: int = 0
    entries: Counter[str] = field(default_factory=Counter)
    causes: Counter[str] = field(default_factory=Counter)
    last_time: float | None = None
    finished: bool = False
    error: DecisightError | Exception | None = None

    def count(self, step: Step, skipped: int = 0) -> None:
        """Take a step into account."""
        self.skipped += skipped
        for entry in step.entries:
            self.entries[entry.kind] += 1
            cause = getattr(entry.item, "cause", None)
            if cause is not None:
                self.causes[cause] += 1
        pictures = [entry.item.time for entry in step.entries if entry.kind != "tick"]
        if pictures:
            self.frames += 1
            self.last_time = pictures[-1]

    @property
    def judged(self) -> float:
        """The share of pictures that could be judged, 0..1; NaN before the first."""
        good, bad = self.entries["reading"] + self.entries["repeated"], self.entries["unjudged"]
        return good / (good + bad) if good + bad else float("nan")


@dataclass(slots=True, eq=False)
class CameraRun:
    """A camera, its source, and what it is in the middle of.

    Args:
        name: of the camera.
        source: where its pictures come from.
        pipeline: what looks at them.
        fps: pictures a second that are looked at.
        evidence: which pictures are kept of events.
        begin: what has to be stored before its first picture: what taking up a checkpoint has changed.
    """

    name: str
    source: FrameSource
    pipeline: Pipeline
    fps: float | None
    evidence: Evidence
    begin: Step = field(default_factory=Step)
    status: CameraStatus = field(default_factory=CameraStatus)
    _thread: threading.Thread | None = None
    _opened: Any = None

    def start(self, put: Callable[[Taken], None], stop: threading.Event) -> None:
        """Begin to work on a thread of its own.

        Args:
            put: takes what was decided; it may wait.
            stop: set when it is to end after the picture that it is at.
        """
        self._thread = threading.Thread(target=self._work, args=(put, stop), name=f"camera {self.name}", daemon=True)
        self._thread.start()

    @property
    def alive(self) -> bool:
        """Whether it is still at work."""
        return self._thread is not None and self._thread.is_alive()

    def join(self, seconds: float = _FAREWELL) -> None:
        """Wait for it to end, for a while."""
        if self._thread is not None:
            self._thread.join(seconds)

    def _work(self, put: Callable[[Taken], None], stop: threading.Event) -> None:
        try:
            if self.begin != Step():
                put(self._taken(self.begin))
            if self.source.live or getattr(self.source, "grows", False):
                # A folder that was watched to its end may have got pictures since.
                self.pipeline.finished = False
            if self.pipeline.finished:
                return
            last, taken_at, lag = self._begun_at(), time.monotonic(), float(getattr(self.source, "lag", _LAG))
            for frame in self._frames(stop):
                if frame is None:
                    # By how long it has been, not by the wall clock, which may be another than the camera's.
                    silent = time.monotonic() - taken_at - lag
                    step = Step() if last is None else self.pipeline.tick(last + silent)
                else:
                    step = self.pipeline.step(frame)
                    last, taken_at = frame.time, time.monotonic()
                if step != Step():
                    skipped = 0 if frame is None else frame.skipped
                    self.status.count(step, skipped)
                    put(self._taken(step, skipped))
                if stop.is_set():
                    return
            if not stop.is_set():
                put(self._taken(self.pipeline.close(SOURCE_ENDED)))
        except Exception as error:  # whatever it is, the other cameras go on
            self.status.error = error
        finally:
            self.status.finished = True

    def _begun_at(self) -> float | None:
        """From when on time passes. Of a live camera it has passed while nobody watched, too."""
        known = self.pipeline.time
        return max(known, time.time()) if known is not None and self.source.live else known

    def interrupt(self) -> None:
        """Do not wait for the next picture any more."""
        close = getattr(self._opened, "close", None)
        if close is not None:
            close()

    def _taken(self, step: Step, skipped: int = 0) -> Taken:

        pictures = tuple(self.evidence.pictures(step.seen)) if step.seen else ()
        # Whole pictures are not kept until they are stored: what is kept of them is encoded by now.
        kept, now = replace(step, seen=()), self.pipeline.time or 0.0
        return Taken(self.name, kept, self.pipeline.checkpoint(), now, pictures, skipped)

    def _frames(self, stop: threading.Event) -> Iterator[Frame | None]:
        """Frames; of a live source ``None`` where none has come for a while."""
        self._opened = self.source.open(after=self.pipeline.position, fps=self.fps)
        with self._opened as frames:
            yield from _paced(frames, self.pipeline.pause, stop) if self.source.live else frames


def _paced(frames: Iterator[Frame], pause: float, stop: threading.Event) -> Iterator[Frame | None]:
    """Frames that come as time passes, and ``None`` where none has come for so many seconds, or longer and longer."""
    arrived: queue.Queue[Any] = queue.Queue(maxsize=1)
    done = object()
    ended = threading.Event()

    def give(value: Any) -> bool:
        """Hand over, unless nobody takes it any more."""
        while not (stop.is_set() or ended.is_set()):
            try:
                arrived.put(value, timeout=pause)
            except queue.Full:
                continue
            return True
        return False

    def take() -> None:
        try:
            for frame in frames:
                if not give(frame):
                    return
            give(done)
        except Exception as error:  # it is for who takes the frames
            give(error)

    threading.Thread(target=take, name="frames", daemon=True).start()
    try:
        yield from _taken_from(arrived, done, pause, stop)
    finally:
        ended.set()


def _taken_from(arrived: queue.Queue[Any], done: object, pause: float, stop: threading.Event) -> Iterator[Frame | None]:
    wait, pauses = pause, 0
    while not stop.is_set():
        try:
            frame = _within(arrived, wait, stop)
        except queue.Empty:
            pauses += 1
            wait = min(wait * _PAUSE_GROWTH, max(pause, _LONGEST_PAUSE)) if pauses > _FEW_PAUSES else pause
            yield None
            continue
        wait, pauses = pause, 0
        if frame is done:
            return
        if isinstance(frame, Exception):
            raise frame
        yield frame


def _within(arrived: queue.Queue[Any], seconds: float, stop: threading.Event) -> Any:
    """What arrives within so many seconds, unless it is to end before.

    Raises:
        Empty: nothing does.
    """
    end = time.monotonic() + seconds
    while True:
        left = end - time.monotonic()
        try:
            return arrived.get(timeout=max(0.0, min(left, _HEARING)))
        except queue.Empty:
            if left <= _HEARING or stop.is_set():
                raise

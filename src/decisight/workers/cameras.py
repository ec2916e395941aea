"""One camera on a thread of its own: frames in, decided steps out; a live one is started again whatever happens."""

from __future__ import annotations

import contextlib
import random
import threading
import time
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeAlias

from decisight.events import SOURCE_ENDED
from decisight.pipeline import Pipeline, Step
from decisight.workers.arrivals import paced
from decisight.workers.evidence import Evidence
from decisight.workers.health import CameraHealth
from decisight.workers.status import CameraStatus
from decisight.workers.taken import Taken

if TYPE_CHECKING:
    from decisight.protocols import FrameSource
    from decisight.types import Frame, Position

__all__ = ["CameraRun", "Renewal"]

Renewal: TypeAlias = Callable[["Mapping[str, Any] | None"], "tuple[Pipeline, Step]"]
"""Makes the pipeline of a camera anew, from a checkpoint; and gives what taking that up has changed."""

_LAG = 2.0
"""Seconds that a picture may be on its way, where its source does not say: time is not let pass beyond that of one that
may still come."""
_FIRST_WAIT, _LONGEST_WAIT = 1.0, 30.0
"""Seconds before a camera that has failed is started again: at first, and at most."""
_JITTER = 0.25
"""The share by which such a wait is longer or shorter, so that cameras that failed together do not start together."""
_SPOILT = "looking at it has failed twice"
"""The cause of a picture that it fails at again and again: else it would never come past it."""
_STEADY = 10.0
"""Seconds that a camera works without failing before it counts as mended."""
_FAREWELL = 5.0
"""Seconds that a source gets to let go."""


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
        renewal: makes its pipeline anew. A live camera that has one is started again whatever happens; any other ends
            with what it cannot go on with.
        checkpoint: what the pipeline has taken up; ``None`` where it begins.
    """

    name: str
    source: FrameSource
    pipeline: Pipeline
    fps: float | None
    evidence: Evidence
    begin: Step = field(default_factory=Step)
    renewal: Renewal | None = None
    checkpoint: Mapping[str, Any] | None = None
    status: CameraStatus = field(default_factory=CameraStatus)
    _thread: threading.Thread | None = None
    _opened: Any = None
    _failing: float | None = None
    """Since when it has failed again and again, on the machine's steady clock."""
    _fallen: bool = False
    """Whether it has failed since its pipeline was made."""
    _failed_at: tuple[Position, Position] = (None, None)
    """Where the picture stood that it is at, and the one that it was at when it failed before."""
    _wait: float = _FIRST_WAIT

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

    @property
    def held_up(self) -> bool:
        """Whether what it has decided cannot be handed over: it looks at no picture meanwhile."""
        return self.alive and self.status.held_up

    def join(self, seconds: float = _FAREWELL) -> None:
        """Wait for it to end, for a while."""
        if self._thread is not None:
            self._thread.join(seconds)

    def interrupt(self) -> None:
        """Do not wait for the next picture any more."""
        close = getattr(self._opened, "close", None)
        if close is not None:
            # Whatever is wrong with one source, the others are told as well.
            with contextlib.suppress(Exception):
                close()

    def health(self) -> CameraHealth:
        """How it is doing."""
        return self.status.health(self.name, live=self.source.live, fps=self.fps, lag=self._lag)

    @property
    def _lag(self) -> float:
        return float(getattr(self.source, "lag", _LAG))

    def _work(self, put: Callable[[Taken], None], stop: threading.Event) -> None:
        error: Exception | None = None
        try:
            self._hand_over(put, self.begin)
            self._count_events()
            while not self._watched(put, stop):
                stop.wait(self._wait * random.uniform(1.0 - _JITTER, 1.0 + _JITTER))  # noqa: S311 - no secret
                self._wait = min(2.0 * self._wait, _LONGEST_WAIT)
        except Exception as other:  # whatever it is, the other cameras go on
            error = other
        finally:
            self.status.ended(error)

    def _watched(self, put: Callable[[Taken], None], stop: threading.Event) -> bool:
        """Watch until there is nothing more to come, or it is to end; false where it is to be started again.

        Raises:
            Exception: what a camera that is not started again cannot go on with.
        """
        try:
            if self._fallen:
                self._renew(put)
            self._watch(put, stop)
        except Exception as error:
            if self.renewal is None or not self.source.live:
                raise
            self._fallen = True
            self.status.failed(error)
            return stop.is_set()
        return True

    def _watch(self, put: Callable[[Taken], None], stop: threading.Event) -> None:
        if self.source.live or getattr(self.source, "grows", False):
            # A folder that was watched to its end may have got pictures since.
            self.pipeline.finished = False
        if self.pipeline.finished or stop.is_set():
            return
        last, came, lag = self._begun_at(), time.monotonic(), self._lag
        begun = came
        with contextlib.closing(self._frames(stop)) as frames:
            for frame in frames:
                if frame is None:
                    # By how long it has been, not by the wall clock, which may be another than the camera's.
                    silent = time.monotonic() - came - lag
                    self._hand_over(put, Step() if last is None else self.pipeline.tick(last + silent))
                else:
                    self._look(put, frame)
                    last, came = frame.time, time.monotonic()
                    # Not kept while the next is waited for: of a hundred cameras, that would be a hundred pictures.
                    frame = None
                if self._failing is not None and time.monotonic() - begun > _STEADY:
                    self._mended(put)
                if stop.is_set():
                    return
        if not stop.is_set():
            self._hand_over(put, self.pipeline.close(SOURCE_ENDED), always=True)

    def _look(self, put: Callable[[Taken], None], frame: Frame) -> None:
        picture = frame
        if frame.position is not None and frame.position == self._failed_at[0] == self._failed_at[1]:
            frame = replace(frame, pixels=None, cause=_SPOILT)
        came = self.status.came(frame)
        self._failed_at = frame.position, self._failed_at[0]
        with self.status.at("deciding"):
            step = self.pipeline.step(frame)
        classified = any(entry.kind == "reading" for entry in step.entries)
        self.status.decided(frame, came, live=self.source.live, classified=classified)
        self._hand_over(put, step, picture)
        self._failed_at = None, None

    def _begun_at(self) -> float | None:
        """From when on time passes. Of a live camera it has passed while nobody watched, too."""
        known = self.pipeline.time
        return max(known, time.time()) if known is not None and self.source.live else known

    def _renew(self, put: Callable[[Taken], None]) -> None:
        """Take up what was handed over last, with a pipeline made anew: what has failed may be in any state."""
        assert self.renewal is not None  # noqa: S101 - for the type checker; nothing else is started again
        self.pipeline, step = self.renewal(self.checkpoint)
        notes = step.notes
        if self._failing is None:
            self._failing = time.monotonic()
            notes = (*notes, f"it has failed: {self.status.fault}: it is started again until it works")
        self._hand_over(put, replace(step, notes=notes))
        self._count_events()
        self._fallen = False

    def _count_events(self) -> None:
        self.status.events_open = sum(1 for _ in self.pipeline.open_events())

    def _mended(self, put: Callable[[Taken], None]) -> None:
        if self._failing is not None:
            lasted = time.monotonic() - self._failing
            self._hand_over(put, Step(notes=(f"it works again, after {lasted:.0f} s",)))
        self._failing, self._wait = None, _FIRST_WAIT

    def _hand_over(
        self, put: Callable[[Taken], None], step: Step, picture: Frame | None = None, *, always: bool = False
    ) -> None:
        """Have a step stored, where there is something in it."""
        if step == Step() and not always:
            return
        taken = self._taken(step, 0 if picture is None else picture.skipped)
        self.status.count(step, taken.skipped, picture)
        with self.status.at("storing"):
            put(taken)
        self.checkpoint = taken.checkpoint

    def _taken(self, step: Step, skipped: int) -> Taken:
        pictures = tuple(self.evidence.pictures(step.seen)) if step.seen else ()
        # Whole pictures are not kept until they are stored: what is kept of them is encoded by now.
        kept, now = replace(step, seen=()), self.pipeline.time or 0.0
        return Taken(self.name, kept, self.pipeline.checkpoint(), now, pictures, skipped)

    def _frames(self, stop: threading.Event) -> Generator[Frame | None]:
        """Frames; of a live source ``None`` where none has come for a while."""
        self._opened = self.source.open(after=self.pipeline.position, fps=self.fps)
        with self._opened as frames:
            if self.source.live:
                yield from paced(frames, self.pipeline.pause, stop, self.status.beat)
            else:
                yield from frames

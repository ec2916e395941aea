"""A camera that Decisight draws itself, over a gate where workers come and go: for trying the whole way without one."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Generator, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from itertools import chain, count, pairwise
from typing import ClassVar

from decisight.errors import SourceError, UsageError
from decisight.protocols import SourceFacts
from decisight.regions import parse_size
from decisight.sources import SOURCES
from decisight.sources.moments import parse_moment
from decisight.sources.opened import Opened
from decisight.sources.rendered.shift import CLIP_SIZE, Shift
from decisight.sources.sampling import Sampler
from decisight.types import Frame, Position

__all__ = ["DEFAULT_START", "RenderedCamera"]

DEFAULT_START = "2026-01-01T00:00:00Z"
"""When the first picture is taken if nothing is said: always the same, so that a run can be repeated to the bit."""

_MOST_FPS = 1000.0
_NOTE = "it is drawn, not filmed: how a model does here says nothing of how it does on photos"


@SOURCES.register("rendered")
@dataclass(frozen=True)
class RenderedCamera:
    """A rendered gate: see :class:`~decisight.sources.rendered.shift.Shift` for who comes, and what is true of it.

    It is a recording, whose pictures come as fast as they can be drawn, or with ``realtime`` a live camera. A picture
    of the default size takes some 20 ms to draw on one core.

    Args:
        seed: another one gives another gate, other workers, other light; 0 or more.
        seconds: how long it lasts, above 0; ``None``: without end.
        fps: pictures a second, above 0 and at most 1000.
        size: width and height of a picture in pixels, 32..4096 each: ``256x384``, or the two numbers.
        realtime: pictures come when they are due by the clock, and have the clock's time; those that could not be drawn
            in time are passed over.
        start: when the first picture is taken, in ISO 8601, UTC where it names no zone; by default
            :data:`DEFAULT_START`. Not with ``realtime``.
        trouble: how much goes wrong, 0..1; see :class:`~decisight.sources.rendered.shift.Shift`.

    Raises:
        UsageError: a value outside its range, a size or a moment that is not understood, or ``start`` with
            ``realtime``.
    """

    name: ClassVar[str] = "rendered"

    seed: int = 0
    seconds: float | None = None
    fps: float = 10.0
    size: str | tuple[int, int] = f"{CLIP_SIZE[0]}x{CLIP_SIZE[1]}"
    realtime: bool = False
    start: str | None = None
    trouble: float = 1.0

    def __post_init__(self) -> None:
        if not 0 < self.fps <= _MOST_FPS:
            raise UsageError(
                f"a rendered camera of fps = {self.fps} is not known", hint="above 0, and at most 1000: for example 10"
            )
        if self.seconds is not None and not 0 < self.seconds < math.inf:
            raise UsageError(
                f"a rendered camera does not last seconds = {self.seconds}", hint="above 0, or null: without end"
            )
        if self.realtime and self.start is not None:
            raise UsageError(
                f"start = {self.start!r} has no meaning with realtime, where pictures have the clock's time",
                hint="leave out one of the two",
            )
        # For their own checks.
        _, _ = self._shift, self._origin

    @property
    def live(self) -> bool:
        """Whether its pictures come as time passes."""
        return self.realtime

    def facts(self) -> SourceFacts:
        """What is known of it; nothing is drawn."""
        width, height = self._shift.size
        lasts = "without end" if self.seconds is None else f"{self.seconds:.1f} s"
        which = f"seed={self.seed} fps={self.fps!r} size={width}x{height} trouble={self.trouble!r}"
        return SourceFacts(
            title=f"rendered gate {self.seed}, {width}x{height}, {self.fps:g} pictures/s, {lasts}",
            identity=f"rendered {which}" if self.realtime else f"rendered {which} start={self._origin!r}",
            size=(width, height),
            origin=None if self.realtime else self._origin,
            seconds=self.seconds,
            notes=(_NOTE,),
        )

    def open(
        self, *, after: Position | None = None, fps: float | None = None
    ) -> AbstractContextManager[Iterator[Frame]]:
        """Its frames; the position of one is its number, from 0.

        Args:
            after: the number of the last frame that is known.
            fps: at most so many pictures a second; by default all.

        Raises:
            SourceError: ``after`` is no number of a frame.
            UsageError: ``fps`` is not more than 0.
        """
        if after is not None and (isinstance(after, bool) or not isinstance(after, int) or after < 0):
            raise SourceError(
                f"the rendered gate has no position {after!r}", hint="a position is the number of a frame, from 0"
            )
        sampler = Sampler(fps, after=None if after is None else after / self.fps)
        first = 0 if after is None else after + 1
        return Opened(lambda closed: self._frames(first, sampler, closed))

    @property
    def _shift(self) -> Shift:
        size = self.size if isinstance(self.size, tuple) else parse_size(self.size)
        return Shift(self.seed, size, self.trouble)

    @property
    def _origin(self) -> float:
        return parse_moment(self.start or DEFAULT_START, "start")

    def _frames(self, first: int, sampler: Sampler, closed: threading.Event) -> Generator[Frame]:
        shift, origin = self._shift, self._origin
        begun, skipped = time.monotonic(), 0

        def due(number: int) -> float:
            return begun + (number - first) / self.fps

        for number, following in pairwise(chain(self._numbers(first, sampler), [None])):
            assert number is not None  # noqa: S101 - for the type checker: only the last is
            if self.realtime:
                if following is not None and due(following) <= time.monotonic():
                    skipped += 1
                    continue
                closed.wait(max(0.0, due(number) - time.monotonic()))
            if closed.is_set():
                return
            seconds = number / self.fps
            moment = time.time() if self.realtime else origin + seconds
            pixels = shift.picture(seconds)
            pixels.flags.writeable = False
            yield Frame(f"rendered gate {self.seed} at {seconds:.3f} s", moment, pixels, number, skipped=skipped)
            skipped = 0

    def _numbers(self, first: int, sampler: Sampler) -> Iterator[int]:
        """The frames that are asked for."""
        for number in count(first):
            if self.seconds is not None and number / self.fps >= self.seconds:
                return
            if sampler.takes(number / self.fps):
                yield number

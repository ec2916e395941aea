"""A live source at work: a thread of its own gets pictures, and only the newest waits to be taken."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from types import TracebackType

from decisight.errors import ImageError
from decisight.imaging import Pixels
from decisight.sources.retrying import AwayError, Waits
from decisight.types import Frame

__all__ = ["DAMAGED", "NO_PICTURES", "Box", "Newest"]

DAMAGED = "the picture is damaged"
"""The cause of a picture that cannot be decoded, or not wholly, or that builds on one."""

NO_PICTURES = "no pictures come"
"""The cause where a camera is connected to, or was, and nothing arrives."""

_REMINDED = 10.0
"""Seconds after which it is said again that a camera is away."""
_DAMAGED_APART = 1.0
"""Seconds from one word of damaged pictures to the next, at least."""
_HEARING = 0.5
"""Seconds after which a wait looks around."""
_FAREWELL = 1.0
"""Seconds that the thread gets to end, where the source is left, before it is let alone."""
_MOST_STUCK = 3
"""So many threads that do not come back are replaced; then no more."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture that arrived, not yet as pixels.

    Args:
        time: the wall clock when it arrived, in seconds since 1970.
        arrived: the same by :func:`time.monotonic`.
        render: makes the pixels; raises ``ImageError`` where it cannot.
    """

    time: float
    arrived: float
    render: Callable[[], Pixels]


@dataclass(slots=True)
class Box:
    """What lies between the thread that gets pictures and the one that takes them. Any thread may use it.

    ``closed`` is set when no more are wanted.
    """

    closed: threading.Event = field(default_factory=threading.Event)
    heard: float = field(default_factory=time.monotonic)
    """When the last sign of life came from the camera, or when the next try to reach it begins."""
    changed: threading.Condition = field(default_factory=threading.Condition)
    picture: Picture | None = None
    skipped: int = 0
    away: str | None = None
    away_since: float = 0.0
    told: float | None = None
    """When it was said last that it is away."""
    damaged: str | None = None
    damaged_at: float = float("-inf")
    first: float | None = None
    """When the first picture of this connection came."""
    _let_go: Callable[[], None] | None = None

    def put(self, render: Callable[[], Pixels]) -> None:
        """A new picture: it takes the place of one that nobody has taken."""
        now = time.monotonic()
        with self.changed:
            self.skipped += self.picture is not None
            self.picture = Picture(time.time(), now, render)
            self.heard, self.away, self.told = now, None, None
            self.first = now if self.first is None else self.first
            self.changed.notify_all()

    def skip(self) -> None:
        """A picture that was due was passed over."""
        with self.changed:
            self.skipped += 1

    def hear(self) -> None:
        """Something came from the camera."""
        self.heard = time.monotonic()

    def rest(self, seconds: float) -> None:
        """For so many seconds nothing is to be heard of the camera."""
        self.heard = time.monotonic() + seconds

    def spoil(self, skipped: int = 0) -> None:
        """A picture is damaged; that is said no more than once a second.

        Args:
            skipped: how many before it were skipped, if it was taken for a good one.
        """
        now = time.monotonic()
        with self.changed:
            self.heard, self.skipped = now, self.skipped + skipped
            if now - self.damaged_at >= _DAMAGED_APART:
                self.damaged, self.damaged_at = DAMAGED, now
                self.changed.notify_all()

    def leave(self, cause: str) -> None:
        """The camera is away, until the next picture."""
        now = time.monotonic()
        with self.changed:
            self.heard, self.first = now, None
            if self.away != cause:
                self.away, self.told, self.away_since = cause, None, now
                self.changed.notify_all()

    def use(self, let_go: Callable[[], None] | None) -> None:
        """What is called when no more are wanted, so that nothing is waited for any longer; ``None``: nothing."""
        self._let_go = let_go
        if let_go is not None and self.closed.is_set():
            let_go()

    def close(self) -> None:
        """No more are wanted."""
        self.closed.set()
        let_go = self._let_go
        if let_go is not None:
            let_go()
        with self.changed:
            self.changed.notify_all()


def follow(connect: Callable[[Box], None], box: Box) -> None:
    """Connect, again and again, until no more pictures are wanted.

    Args:
        connect: connects and puts pictures into the box until that is closed; raises ``AwayError`` where it cannot.
        box: where they go.
    """
    waits = Waits()
    while not box.closed.is_set():
        fault = _fault_of(connect, box)
        if box.closed.is_set():
            return
        good = 0.0 if box.first is None else time.monotonic() - box.first
        box.leave(fault.cause)
        wait = waits.after(fault, good)
        box.rest(wait)
        box.closed.wait(wait)


def _fault_of(connect: Callable[[Box], None], box: Box) -> AwayError:
    try:
        connect(box)
    except AwayError as fault:
        return fault
    except Exception as error:  # nothing that goes wrong with one camera may end it, and its text may show a password
        return AwayError(f"failed: {type(error).__name__}")
    return AwayError("connection lost")


class Newest(AbstractContextManager["Newest"], Iterator[Frame]):
    """The newest picture of a live source, whenever one is asked for; to be entered once.

    Args:
        connect: see :func:`follow`.
        name: of the source, for people, without credentials.
        timeout: seconds after which a camera that sends nothing is silent.
    """

    def __init__(self, connect: Callable[[Box], None], name: str, timeout: float) -> None:
        self._connect = connect
        self._name = name
        self._timeout = timeout
        self._box = Box()
        self._thread: threading.Thread | None = None
        self._given_up: list[threading.Thread] = []
        self._left = threading.Event()

    def __enter__(self) -> Newest:
        self._start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()
        thread = self._thread
        if thread is not None:
            thread.join(_FAREWELL)

    def close(self) -> None:
        """No more frames; from any thread, at any moment, and as often as one likes.

        Who waits for a frame meanwhile finds that there are no more. The thread that gets them ends soon after; where
        it just tries to reach a camera that does not answer, after the source's timeout.
        """
        self._left.set()
        self._box.close()

    def __next__(self) -> Frame:
        while (frame := self.next_within(60.0)) is None:
            pass
        return frame

    def next_within(self, seconds: float) -> Frame | None:
        """The newest picture, or why there is none; ``None`` where there is nothing to say by then.

        Raises:
            StopIteration: it is closed.
        """
        end = time.monotonic() + seconds
        while True:
            self._look_after()
            box = self._box
            with box.changed:
                if self._left.is_set():
                    raise StopIteration
                found, skipped = self._due(box, time.monotonic()), box.skipped
                if found is not None:
                    box.skipped = 0
                elif (left := end - time.monotonic()) > 0:
                    box.changed.wait(min(left, _HEARING))
                    continue
                else:
                    return None
            if (frame := self._frame(found, skipped)) is not None:
                return frame
            box.spoil(skipped)

    def _due(self, box: Box, now: float) -> Picture | str | None:
        """What is to be given now, the older first: a picture, or a cause; it counts as given."""
        if box.damaged is not None and (box.picture is None or box.damaged_at <= box.picture.arrived):
            found, box.damaged = box.damaged, None
            return found
        if box.picture is not None:
            picture, box.picture = box.picture, None
            return picture
        if box.away is None and now - box.heard > self._timeout + _HEARING:
            box.away, box.told = NO_PICTURES, None
        if box.away is not None and (box.told is None or now - box.told >= _REMINDED):
            box.told = now
            return box.away
        return None

    def _frame(self, found: Picture | str, skipped: int) -> Frame | None:
        """What is given as a frame; ``None`` where it is a picture that cannot be decoded."""
        if isinstance(found, str):
            return Frame(self._name, time.time(), None, cause=found, skipped=skipped)
        try:
            pixels = found.render()
        except ImageError:
            return None
        pixels.flags.writeable = False
        return Frame(self._name, found.time, pixels, skipped=skipped)

    def _start(self) -> None:
        thread = threading.Thread(
            target=follow, args=(self._connect, self._box), name=f"source {self._name}", daemon=True
        )
        thread.start()
        self._thread = thread

    def _look_after(self) -> None:
        """Replace a thread that does not come back: FFmpeg may hang, and nobody can end it from outside."""
        patience = 3 * self._timeout + _REMINDED
        if self._left.is_set() or self._box.away is None or time.monotonic() - self._box.heard <= patience:
            return
        # Those that came back after all, as after a name server that was away, are none any more.
        self._given_up = [thread for thread in self._given_up if thread.is_alive()]
        if len(self._given_up) >= _MOST_STUCK:
            return
        if self._thread is not None and self._thread.is_alive():
            self._given_up.append(self._thread)
        self._thread = None
        old, self._box = self._box, Box()
        old.close()
        self._box.away, self._box.told, self._box.skipped = old.away, old.told, old.skipped
        with contextlib.suppress(RuntimeError):  # there are too many threads already
            self._start()
        if self._left.is_set():  # by another thread, meanwhile
            self._box.close()

"""A source at work: its frames, and an end to them that may come from another thread."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager
from types import TracebackType

from decisight.types import Frame

__all__ = ["Opened"]


class Opened(AbstractContextManager[Iterator[Frame]]):
    """A context whose value is a source's frames; to be entered once, in the thread that takes them.

    Args:
        begin: opens the source, and gives its frames by a generator that closes it again. The generator ends soon
            after the event that it is given is set, and waits for nothing but that event.
    """

    def __init__(self, begin: Callable[[threading.Event], Generator[Frame]]) -> None:
        self._begin = begin
        self._closed = threading.Event()
        self._frames: _Frames | None = None

    def __enter__(self) -> Iterator[Frame]:
        """Its frames.

        Raises:
            SourceError: it cannot be opened.
        """
        self._frames = _Frames(self._begin(self._closed))
        return self._frames

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close it."""
        self.close()

    def close(self) -> None:
        """No more frames; from any thread, at any moment, and as often as one likes.

        Who waits for a frame meanwhile finds that there are no more.
        """
        self._closed.set()
        if self._frames is not None:
            self._frames.close()


class _Frames(Iterator[Frame]):
    """A generator's frames, of which one thread may ask for the next while another one closes it."""

    def __init__(self, frames: Generator[Frame]) -> None:
        self._frames = frames
        self._inside = threading.Lock()

    def __next__(self) -> Frame:
        with self._inside:
            return next(self._frames)

    def close(self) -> None:
        # A generator that another thread is in cannot be closed from here: it sees the event, and ends by itself.
        if self._inside.acquire(blocking=False):
            try:
                self._frames.close()
            finally:
                self._inside.release()

"""Several cameras whose pictures are collected at once, a thread each, until they end or are told to."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field
from typing import Any, Protocol

from decisight.collecting.collector import Collector
from decisight.errors import DecisightError, OutputError
from decisight.protocols import FrameSource
from decisight.types import Frame

__all__ = ["CollectRun", "Listener", "collect"]

_IDLE = 0.2
"""Seconds after which is looked whether it is to end."""
_FAREWELL = 5.0
"""Seconds that a source gets to let go."""


class Listener(Protocol):
    """Who is told what happens; always in the thread that has called :func:`collect`."""

    def noted(self, camera: str, text: str) -> None:
        """Something that somebody who looks after the camera should know."""

    def idle(self) -> None:
        """Nothing has happened for a moment, or something has."""


@dataclass(slots=True, eq=False)
class CollectRun:
    """A camera that pictures are collected of.

    Args:
        source: where its pictures come from.
        collector: what looks at them.
        fps: pictures a second that are looked at; ``None``: all.
    """

    source: FrameSource
    collector: Collector
    fps: float | None = None
    error: Exception | None = None
    """What ended it, if something did."""
    finished: bool = False
    _thread: threading.Thread | None = field(init=False, default=None)
    _opened: AbstractContextManager[Iterator[Frame]] | None = field(init=False, default=None)

    def start(self, stop: threading.Event, seconds: float | None) -> None:
        """Begin to work on a thread of its own."""
        name = f"collect {self.collector.camera}"
        self._thread = threading.Thread(target=self._work, args=(stop, seconds), name=name, daemon=True)
        self._thread.start()

    @property
    def alive(self) -> bool:
        """Whether it is still at work."""
        return self._thread is not None and self._thread.is_alive()

    def end(self) -> None:
        """Do not wait for the next picture any more, and let go."""
        close: Callable[[], Any] | None = getattr(self._opened, "close", None)
        if close is not None:
            close()

    def join(self) -> None:
        """Wait for it to end, for a while."""
        if self._thread is not None:
            self._thread.join(_FAREWELL)

    def _work(self, stop: threading.Event, seconds: float | None) -> None:
        try:
            first: float | None = None
            self._opened = self.source.open(fps=self.fps)
            with self._opened as frames:
                for frame in frames:
                    if stop.is_set():
                        return
                    first = frame.time if first is None else first
                    if seconds is not None and not self.source.live and frame.time - first >= seconds:
                        break
                    self.collector.take(frame)
            self.finished = not stop.is_set()
        except OutputError as error:  # no camera can go on where nothing can be written
            self.error = error
            stop.set()
        except Exception as error:  # whatever it is, the other cameras go on
            self.error = error


def collect(
    runs: Sequence[CollectRun], listener: Listener, stop: threading.Event, *, seconds: float | None = None
) -> None:
    """Collect until every camera has come to its end, or ``stop`` is set.

    What a camera cannot go on with stands in its run, and the others go on.

    Args:
        runs: the cameras.
        listener: is told what happens.
        stop: set from outside, or where nothing more is to be stored.
        seconds: how long at most: of recordings by the times of their pictures, of live cameras by the clock.

    Raises:
        OutputError: a picture could not be stored.
    """
    deadline = None if seconds is None else time.monotonic() + seconds
    told: dict[str, str | None] = {}
    failed: set[str] = set()
    for run in runs:
        run.start(stop, seconds)
    try:
        while any(run.alive for run in runs) and not stop.wait(_IDLE):
            _tell(runs, listener, told, failed)
            listener.idle()
            if deadline is not None and time.monotonic() >= deadline:
                for run in runs:
                    if run.source.live:
                        run.end()
    finally:
        stop.set()
        for run in runs:
            run.end()
        for run in runs:
            with suppress(RuntimeError):
                run.join()
    _tell(runs, listener, told, failed)
    listener.idle()
    for run in runs:
        if isinstance(run.error, OutputError):
            raise run.error


def _tell(runs: Sequence[CollectRun], listener: Listener, told: dict[str, str | None], failed: set[str]) -> None:
    """Say which cameras have gone, come back, or failed since it was looked last."""
    for run in runs:
        camera, away = run.collector.camera, run.collector.away
        if run.source.live and told.get(camera) != away:
            told[camera] = away
            listener.noted(camera, "it gives pictures again" if away is None else f"no picture: {away}")
        # What cannot be written ends all, and is said by that.
        if run.error is not None and not isinstance(run.error, OutputError) and camera not in failed:
            failed.add(camera)
            said = run.error.message if isinstance(run.error, DecisightError) else f"{run.error!r}"
            listener.noted(camera, f"it has stopped: {said}")

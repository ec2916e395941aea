"""All cameras of a site, until they end or are told to."""

from __future__ import annotations

import contextlib
import math
import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence

from decisight.errors import DecisightError
from decisight.workers.cameras import CameraRun
from decisight.workers.listener import Listener
from decisight.workers.recorder import Recorder
from decisight.workers.status import said
from decisight.workers.taken import Taken
from decisight.workers.troubles import Troubles

__all__ = ["watch"]

_WAITING = 64
"""Pictures that may have been decided on and not yet taken in to be stored: beyond that, cameras wait."""
_IDLE_SECONDS = 0.2
"""How often who is listening is told that nothing has happened, so that a display may be renewed."""
_ATTENTION_SECONDS = 1.0
"""How often is looked for what other processes want to be said, and for what could not be reported."""
_CARE_SECONDS = 3600.0
"""How often what is too old is dropped."""
_FAREWELL = 5.0
"""Seconds that cameras get to end; one that hangs is left behind after that."""


def watch(
    cameras: Sequence[CameraRun],
    recorder: Recorder,
    listener: Listener,
    stop: threading.Event,
    *,
    care: Callable[[], None] | None = None,
    care_seconds: float = _CARE_SECONDS,
) -> None:
    """Watch until every camera has come to its end, or ``stop`` is set.

    What a camera cannot go on with stands in its status, and the others go on. When this returns, all that was decided
    is stored.

    Args:
        cameras: to watch.
        recorder: stores and reports.
        listener: is told what happens.
        stop: set from outside to end after the pictures that cameras are at; events stay open then.
        care: done at first and then every ``care_seconds``, between two batches.
        care_seconds: how often.

    Raises:
        StoreError: what was decided cannot be stored.
    """
    decided: queue.Queue[Taken] = queue.Queue(maxsize=_WAITING)
    recorder.incoming, recorder.cameras = decided, cameras
    ending = threading.Event()

    def put(taken: Taken) -> None:
        while not ending.is_set():
            try:
                decided.put(taken, timeout=_IDLE_SECONDS)
            except queue.Full:
                continue
            return

    cared = attended = -math.inf
    told: set[str] = set()
    troubles = Troubles(listener)
    with recorder.reporting(), _ended(cameras, stop, ending):
        for camera in cameras:
            camera.start(put, stop)
        left_at = math.inf
        while True:
            if stop.is_set() and left_at == math.inf:
                left_at = time.monotonic() + _FAREWELL
                for camera in cameras:
                    camera.interrupt()
            working = any(camera.alive for camera in cameras)
            for name, error in _failed(cameras, told):
                listener.noted(name, f"it has stopped: {said(error)}")
            try:
                taken = decided.get(timeout=max(0.0, min(_IDLE_SECONDS, recorder.due_in())))
            except queue.Empty:
                if not working:
                    break
                if time.monotonic() > left_at:
                    _leave_behind(cameras, listener)
                    break
                listener.idle()
            else:
                recorder.add(taken)
                listener.decided(taken.camera, taken.step)
            if recorder.due_in() <= 0.0:
                before = time.monotonic()
                recorder.flush(stop)
                # Who waits for the store does not hang.
                left_at += time.monotonic() - before
            if time.monotonic() - attended > _ATTENTION_SECONDS:
                recorder.attend(stop)
                if not stop.is_set():
                    troubles.look(cameras)
                attended = time.monotonic()
            if care is not None and time.monotonic() - cared > care_seconds:
                with recorder.asking():
                    _look_after(care, listener)
                cared = time.monotonic()
        recorder.flush(stop)


@contextlib.contextmanager
def _ended(cameras: Sequence[CameraRun], stop: threading.Event, ending: threading.Event) -> Iterator[None]:
    """On the way out, by an error too, cameras end, and wait for no room that nobody makes."""
    try:
        yield
    finally:
        ending.set()
        stop.set()
        for camera in cameras:
            camera.interrupt()
        until = time.monotonic() + _FAREWELL
        for camera in cameras:
            with contextlib.suppress(RuntimeError):
                camera.join(max(0.0, until - time.monotonic()))


def _look_after(care: Callable[[], None], listener: Listener) -> None:
    """What is too old can be dropped the next time as well: watching goes on."""
    try:
        care()
    except DecisightError as error:
        listener.noted(None, f"what is too old could not be dropped: {error.message}")


def _failed(cameras: Sequence[CameraRun], told: set[str]) -> Iterator[tuple[str, Exception]]:
    """The cameras that have ended by an error since it was asked last: somebody must hear of it while others go on."""
    for camera in cameras:
        error = camera.status.error
        if error is not None and camera.name not in told:
            told.add(camera.name)
            yield camera.name, error


def _leave_behind(cameras: Sequence[CameraRun], listener: Listener) -> None:
    for camera in cameras:
        if camera.alive:
            listener.noted(camera.name, "it does not end: it is left behind; what it had decided is stored")

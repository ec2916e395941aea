"""How a running watch is doing, for whoever asks, from any thread."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from decisight.compute import resident_memory_bytes
from decisight.workers.health import CameraHealth, Health, InferenceHealth

if TYPE_CHECKING:
    from decisight.workers.cameras import CameraRun
    from decisight.workers.inference import Inference
    from decisight.workers.recorder import Recorder

__all__ = ["Vitals"]


class Vitals:
    """Asks all who know how they are.

    Args:
        cameras: that are watched.
        recorder: stores and reports.
        inference: classifies for all of them.
    """

    def __init__(self, cameras: Sequence[CameraRun], recorder: Recorder, inference: Inference | None = None) -> None:
        self._cameras = tuple(cameras)
        self._recorder = recorder
        self._inference = inference
        self._begun = time.monotonic()
        self._ended = False

    def end(self) -> None:
        """The watch is over: from now on that is told, and cameras that have not failed have ended."""
        self._ended = True

    def health(self) -> Health:
        """How everything is at this moment. It waits for nobody: not for the store, and not for a camera that hangs."""
        return Health(
            time.time(),
            time.monotonic() - self._begun,
            tuple(_over(camera.health()) if self._ended else camera.health() for camera in self._cameras),
            self._recorder.health(),
            InferenceHealth() if self._inference is None else self._inference.health(),
            resident_memory_bytes(),
            self._ended,
        )


def _over(camera: CameraHealth) -> CameraHealth:
    return camera if camera.state == "failed" else replace(camera, state="ended", cause=None, fps=0.0)

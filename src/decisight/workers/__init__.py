"""Cameras at work: a thread for each pipeline, and one writer that stores what they decide and reports it.

What is reported is stored first. Whatever could not be stored yet is waited for: a recording then waits as well, and
nothing of it is lost.
"""

from __future__ import annotations

from decisight.workers.cameras import CameraRun, CameraStatus
from decisight.workers.evidence import Evidence
from decisight.workers.listener import Listener
from decisight.workers.recorder import Recorder
from decisight.workers.taken import Taken
from decisight.workers.watch import watch

__all__ = ["CameraRun", "CameraStatus", "Evidence", "Listener", "Recorder", "Taken", "watch"]

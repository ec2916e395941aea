"""Cameras at work: a thread for each pipeline, a few that classify for all, one writer that stores and reports.

:mod:`~decisight.workers.health` says how each of them is doing.

What is reported is stored first. Whatever could not be stored yet is waited for: a recording then waits as well, and
nothing of it is lost.
"""

from __future__ import annotations

from decisight.workers.cameras import CameraRun, Renewal
from decisight.workers.evidence import Evidence
from decisight.workers.health import CameraHealth, Health
from decisight.workers.inference import Inference
from decisight.workers.listener import Listener
from decisight.workers.recorder import Recorder
from decisight.workers.status import CameraStatus
from decisight.workers.taken import Taken
from decisight.workers.trying import Tried, try_cameras
from decisight.workers.vitals import Vitals
from decisight.workers.watch import watch

__all__ = [
    "CameraHealth",
    "CameraRun",
    "CameraStatus",
    "Evidence",
    "Health",
    "Inference",
    "Listener",
    "Recorder",
    "Renewal",
    "Taken",
    "Tried",
    "Vitals",
    "try_cameras",
    "watch",
]

"""Cameras that the site file does not name, or watch, any more: what was open at them is closed.

Nobody would ever close it otherwise; and what an open event rests on is kept for good.
"""

from __future__ import annotations

from collections.abc import Container
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from decisight.store import Store
    from decisight.workers import Taken

__all__ = ["CAMERA_REMOVED", "closed_events"]

CAMERA_REMOVED = "camera removed"
"""What ends the events of a camera that the site file does not watch any more."""


def closed_events(store: Store, cameras: Container[str]) -> list[Taken]:
    """The ends of all events that are open at cameras which are gone, to be stored and reported as of any camera.

    Those of a camera that another version has left in the middle of something stay open.

    Args:
        store: which is not changed here.
        cameras: the names of those that are not gone.

    Raises:
        StoreError: the store cannot be read.
    """
    gone = dict.fromkeys(stored.event.camera for stored in store.events(open_only=True))
    found = []
    for camera in gone:
        checkpoint = None if camera in cameras else store.checkpoint(camera)
        if checkpoint is not None:
            found += _closed(camera, checkpoint)
    return found


def _closed(camera: str, checkpoint: dict[str, Any]) -> list[Taken]:
    from decisight.events import Moment, close_events
    from decisight.pipeline import Step
    from decisight.pipeline.pipeline import CHECKPOINT_VERSION
    from decisight.workers import Taken

    if checkpoint.get("version") != CHECKPOINT_VERSION:
        return []
    time, steady, _ = checkpoint["clock"]
    now = Moment(time or 0.0, steady or 0.0)
    changes = [
        change
        for groups in checkpoint["events"].values()
        for state in groups.values()
        for change in close_events(state, now, CAMERA_REMOVED)
    ]
    if not changes:
        return []
    # What the policies had counted stays: the camera may come back.
    events = {view: dict.fromkeys(groups, ()) for view, groups in checkpoint["events"].items()}
    number = f"{len(changes)} event{'' if len(changes) == 1 else 's'}"
    note = f"it is not watched any more: {number} that {'was' if len(changes) == 1 else 'were'} open closed"
    step = Step(changes=tuple((change, None) for change in changes), notes=(note,))
    return [Taken(camera, step, {**checkpoint, "events": events}, now.time)]

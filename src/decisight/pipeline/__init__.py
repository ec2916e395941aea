"""One camera, picture by picture: regions, gates, classifiers, policies, events. No threads, no clock, no store.

What comes out of a step is all that is to be kept of it, and what state everything is in by then can be written down at
any moment as a checkpoint: a pipeline that takes one up goes on as the one that wrote it would have. But for one thing:
pictures, and what was predicted of the last one, are in no checkpoint, so a picture that a gate would have passed over,
as it says the same as the last one, may be classified.
"""

from __future__ import annotations

from decisight.pipeline.cutting import cut, keepers, rectangle
from decisight.pipeline.pipeline import Pipeline
from decisight.pipeline.steps import Entry, EntryKind, Predictor, Seen, Step, View
from decisight.pipeline.ticks import TICK_SECONDS, tick_times

__all__ = [
    "TICK_SECONDS",
    "Entry",
    "EntryKind",
    "Pipeline",
    "Predictor",
    "Seen",
    "Step",
    "View",
    "cut",
    "keepers",
    "rectangle",
    "tick_times",
]

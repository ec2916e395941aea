"""The words of Decisight, each with one sense, as frozen dataclasses without I/O.

A :class:`Task` is one or more :class:`LabelGroup`; a classifier answers with a :class:`Prediction`, which holds a
confidence for every label of every group; a policy turns it into a :class:`Decision` per group. Where a camera is
watched, a source gives a :class:`Frame`, of which a :class:`Reading` is made; a state that holds for a while is an
:class:`Event`.
"""

from __future__ import annotations

from decisight.types.answers import Answer, DrawnExplanation, ModelRef, Runtime
from decisight.types.decisions import Decision, Held, Reason
from decisight.types.events import Event, EventChange
from decisight.types.frames import Frame, Position, Verdict
from decisight.types.labels import (
    DEFAULT_FALLBACK,
    DEFAULT_GROUP,
    NONE_OF_THEM,
    UNPRINTABLE,
    LabelGroup,
    Target,
    Task,
    check_fallback,
    is_label,
    resolve_thresholds,
    written,
)
from decisight.types.predictions import FitMode, LabelConfidence, Prediction
from decisight.types.readings import Reading, Tick

__all__ = [
    "DEFAULT_FALLBACK",
    "DEFAULT_GROUP",
    "NONE_OF_THEM",
    "UNPRINTABLE",
    "Answer",
    "Decision",
    "DrawnExplanation",
    "Event",
    "EventChange",
    "FitMode",
    "Frame",
    "Held",
    "LabelConfidence",
    "LabelGroup",
    "ModelRef",
    "Position",
    "Prediction",
    "Reading",
    "Reason",
    "Runtime",
    "Target",
    "Task",
    "Tick",
    "Verdict",
    "check_fallback",
    "is_label",
    "resolve_thresholds",
    "written",
]

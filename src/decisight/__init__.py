"""Decisight turns pictures into business decisions.

The whole public namespace is here:

    >>> import decisight
    >>> model = decisight.load("gear.onnx")           # doctest: +SKIP
    >>> model.predict("gate.jpg").top()               # doctest: +SKIP
    LabelConfidence(group='class', label='helmet', confidence=0.97...)

Names are imported on first use, so that ``import decisight`` is quick.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from decisight.deciding import DecidedReading, DecidedSequence, decide, policy
    from decisight.errors import DecisightError, ImageError
    from decisight.explaining.explainer import Explainer
    from decisight.models.classifier import Classifier, Part, load
    from decisight.policies.threshold import Threshold
    from decisight.regions import Region
    from decisight.types import Decision, LabelConfidence, LabelGroup, Prediction, Reading, Reason, Task, Tick

__version__ = "0.1.0"

_HOME = {
    "Classifier": "decisight.models.classifier",
    "DecidedReading": "decisight.deciding",
    "DecidedSequence": "decisight.deciding",
    "Decision": "decisight.types",
    "DecisightError": "decisight.errors",
    "Explainer": "decisight.explaining.explainer",
    "ImageError": "decisight.errors",
    "LabelConfidence": "decisight.types",
    "LabelGroup": "decisight.types",
    "Part": "decisight.models.classifier",
    "Prediction": "decisight.types",
    "Reading": "decisight.types",
    "Reason": "decisight.types",
    "Region": "decisight.regions",
    "Task": "decisight.types",
    "Threshold": "decisight.policies.threshold",
    "Tick": "decisight.types",
    "decide": "decisight.deciding",
    "load": "decisight.models.classifier",
    "policy": "decisight.deciding",
}

__all__ = [
    "Classifier",
    "DecidedReading",
    "DecidedSequence",
    "DecisightError",
    "Decision",
    "Explainer",
    "ImageError",
    "LabelConfidence",
    "LabelGroup",
    "Part",
    "Prediction",
    "Reading",
    "Reason",
    "Region",
    "Task",
    "Threshold",
    "Tick",
    "__version__",
    "decide",
    "load",
    "policy",
]


def __getattr__(name: str) -> object:
    if name in _HOME:
        return getattr(importlib.import_module(_HOME[name]), name)
    raise AttributeError(f"module 'decisight' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)

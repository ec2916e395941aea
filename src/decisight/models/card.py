"""The model card: all that a model file says of itself, as JSON values in the metadata of its ONNX graph."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from decisight.errors import LabelError, NotAModelError
from decisight.types import FitMode, LabelGroup, Task

__all__ = ["Calibration", "ModelCard", "Preprocessing"]

_PREFIX = "decisight."


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """How a picture becomes the input of the graph; normalisation is inside the graph.

    Args:
        fit: how any shape is brought to a square.
        size: height and width of the input, in pixels.
        fill: what a letterbox is filled with, RGB 0..255.
    """

    fit: FitMode
    size: int
    fill: tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Calibration:
    """What a group's logits go through before softmax or sigmoid: ``logit / temperature + bias``.

    Args:
        temperature: above 0; above 1 makes confidences milder.
        bias: one a label, added after the division.
    """

    temperature: float
    bias: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class ModelCard:
    """What a model file says of itself.

    Args:
        name: the model's name.
        task: label groups; the order of labels is the order of the graph's outputs.
        preprocessing: how a picture becomes the input.
        backbone: ``name`` and ``digest`` of the weights.
        features: what the heads look at, as ``tap.region.pooling``; empty for a backbone's own classifier.
        calibration: one a group.
        thresholds: confidences by ``group:label``, used where no others are given.
        fallback: the state where a threshold is not met.
        data: what it was trained on: ``digest``, number of pictures, labels counted.
        training: what was chosen, and why; the seed.
        metrics: how good it was found to be, and on what.
        versions: of Decisight and of the libraries that made it.
    """

    name: str
    task: Task
    preprocessing: Preprocessing
    backbone: dict[str, str]
    features: tuple[str, ...]
    calibration: tuple[Calibration, ...]
    thresholds: dict[str, float] = field(default_factory=dict)
    fallback: str = "unknown"
    data: dict[str, Any] = field(default_factory=dict)
    training: dict[str, Any] = field(default_factory=dict)
    metrics: dict[str, Any] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)

    def to_metadata(self) -> dict[str, str]:
        """Metadata of the ONNX file: a JSON text by each key, all keys beginning with ``decisight.``."""
        values: dict[str, Any] = {
            "name": self.name,
            "groups": [{"name": g.name, "kind": g.kind, "labels": list(g.labels)} for g in self.task.groups],
            "preprocessing": {
                "fit": self.preprocessing.fit.value,
                "size": self.preprocessing.size,
                "fill": list(self.preprocessing.fill),
            },
            "backbone": self.backbone,
            "features": list(self.features),
            "calibration": [{"temperature": c.temperature, "bias": list(c.bias)} for c in self.calibration],
            "thresholds": self.thresholds,
            "fallback": self.fallback,
            "data": self.data,
            "training": self.training,
            "metrics": self.metrics,
            "versions": self.versions,
        }
        return {
            _PREFIX + key: json.dumps(value, ensure_ascii=False, allow_nan=False) for key, value in values.items()
        }

    @classmethod
    def from_metadata(cls, metadata: dict[str, str]) -> ModelCard:
        """The card that :meth:`to_metadata` wrote.

        Raises:
            NotAModelError: a key is missing, or its value is not what it should be.
        """
        try:
            values = {
                key.removeprefix(_PREFIX): json.loads(text)
                for key, text in metadata.items()
                if key.startswith(_PREFIX)
            }
            groups = tuple(LabelGroup(g["name"], tuple(g["labels"]), g["kind"]) for g in values["groups"])
            fit = values["preprocessing"]
            red, green, blue = (int(v) for v in fit["fill"])
            return cls(
                name=str(values["name"]),
                task=Task(groups),
                preprocessing=Preprocessing(FitMode(fit["fit"]), int(fit["size"]), (red, green, blue)),
                backbone={str(k): str(v) for k, v in values["backbone"].items()},
                features=tuple(str(v) for v in values["features"]),
                calibration=tuple(
                    Calibration(float(c["temperature"]), tuple(float(b) for b in c["bias"]))
                    for c in values["calibration"]
                ),
                thresholds={str(k): float(v) for k, v in values["thresholds"].items()},
                fallback=str(values["fallback"]),
                data=dict(values["data"]),
                training=dict(values["training"]),
                metrics=dict(values["metrics"]),
                versions={str(k): str(v) for k, v in values["versions"].items()},
            )
        except (KeyError, TypeError, ValueError, AttributeError, RecursionError, LabelError) as error:
            raise NotAModelError(f"its metadata cannot be understood ({error})") from error

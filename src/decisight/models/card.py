"""The model card: all that a model file says of itself, as JSON values in the metadata of its ONNX graph."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from decisight.errors import LabelError, NewerFormatError, NotAModelError, UsageError
from decisight.types import DEFAULT_FALLBACK, FitMode, LabelGroup, Task, check_fallback, resolve_thresholds

__all__ = ["UNFAMILIAR", "UPGRADE", "Calibration", "ModelCard", "Preprocessing"]

UPGRADE = "it was made by a newer Decisight: use that one, or a newer one, to read it"
"""What to do about a model file that says more than this version understands."""

UNFAMILIAR = 0.05
"""Less familiarity than this is called unfamiliar: of pictures like those learnt from, one in twenty has less."""

_PREFIX = "decisight."
_REQUIRED = (
    "name",
    "groups",
    "preprocessing",
    "backbone",
    "features",
    "calibration",
    "thresholds",
    "fallback",
)
_INFORMATIVE = ("data", "training", "metrics", "versions", "familiarity", "promises")
"""Keys that nothing is computed or decided by: values by name, which may be lacking."""
_ROUNDING = 1e-6
_DECIDING = ("min_familiarity", "costs")
"""Keys that are decided by where they are there: written only if they say something."""


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
        min_familiarity: below which familiarity the decision is the fall-back, 0..1; ``None``: whatever it is.
        costs: what each confusion and a look by a person cost, as the policy ``least_cost`` takes it; empty where
            thresholds decide.
        data: what it was trained on: ``digest``, number of pictures, labels counted.
        training: what was chosen, and why; the seed.
        metrics: how good it was found to be, and on what.
        versions: of Decisight and of the libraries that made it.
        familiarity: how the graph's output ``familiarity`` came about: method, and on how many pictures it was
            calibrated; empty where the graph has none.
        promises: what thresholds and costs were found to hold, on which pictures, with which runtime.
    """

    name: str
    task: Task
    preprocessing: Preprocessing
    backbone: dict[str, str]
    features: tuple[str, ...]
    calibration: tuple[Calibration, ...]
    thresholds: dict[str, float] = field(default_factory=dict)
    fallback: str = DEFAULT_FALLBACK
    data: dict[str, Any] = field(default_factory=dict)
    training: dict[str, Any] = field(default_factory=dict)
    metrics: dict[str, Any] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    familiarity: dict[str, Any] = field(default_factory=dict)
    promises: dict[str, Any] = field(default_factory=dict)
    min_familiarity: float | None = None
    costs: dict[str, Any] = field(default_factory=dict)

    @property
    def seen_in_training(self) -> frozenset[bytes]:
        """The first 8 bytes of the SHA-256 of every picture that the model was trained on; none where it does not say.

        Two different pictures share them with a chance of 1 in 10 million among a million pictures that are compared
        with a million.
        """
        try:
            packed = base64.b64decode(str(self.data.get("seen", "")), validate=True)
        except ValueError:
            return frozenset()
        return frozenset(packed[at : at + 8] for at in range(0, len(packed) - 7, 8))

    @property
    def least_familiarity(self) -> float | None:
        """What it says of a picture that is least familiar to it, above 0; ``None`` where the file does not tell."""
        least = self.familiarity.get("least")
        if isinstance(least, bool) or not isinstance(least, int | float):
            return None
        return float(least) if 0.0 < least <= 1.0 else None

    def low_familiarity(self, share: float) -> float:
        """The familiarity below which so large a share of familiar pictures lies, 0..1.

        A model of few sources cannot say so little of any picture: then it is the least that it says, and as much more
        as float32 rounds.
        """
        return max(share, (self.least_familiarity or 0.0) * (1.0 + _ROUNDING))

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
        said = {
            "familiarity": self.familiarity,
            "promises": self.promises,
            "min_familiarity": self.min_familiarity,
            "costs": self.costs,
        }
        # What is not said is not written, so that a file that says none of it is what it always was.
        values |= {key: value for key, value in said.items() if value not in (None, {})}
        return {_PREFIX + key: json.dumps(value, ensure_ascii=False, allow_nan=False) for key, value in values.items()}

    @classmethod
    def from_metadata(cls, metadata: Mapping[str, str]) -> ModelCard:
        """The card that :meth:`to_metadata` wrote; keys of others are passed over.

        Raises:
            NotAModelError: a key is missing, or its value is not what it should be.
            NewerFormatError: there is a key of Decisight's that this version does not know. To pass over it could be
                to decide by less than the file says.
        """
        try:
            values: dict[str, Any] = {key: _value(metadata, key) for key in _REQUIRED}
            values |= {key: _value(metadata, key) if _PREFIX + key in metadata else {} for key in _INFORMATIVE}
            values |= {key: _value(metadata, key) if _PREFIX + key in metadata else None for key in _DECIDING}
            _check_known("metadata", (key.removeprefix(_PREFIX) for key in metadata if key.startswith(_PREFIX)), values)
            return cls._from_values(values)
        except KeyError as error:
            raise NotAModelError(f"its metadata lack {error}") from error
        except (LabelError, UsageError) as error:
            raise NotAModelError(f"its metadata cannot be understood: {error.message}") from error
        except (TypeError, ValueError, RecursionError) as error:
            raise NotAModelError(f"its metadata cannot be understood: {error}") from error

    @classmethod
    def _from_values(cls, values: dict[str, Any]) -> ModelCard:
        task = Task(tuple(_group(group) for group in _list(values["groups"])))
        calibration = tuple(_calibration(fitted) for fitted in _list(values["calibration"]))
        if [len(fitted.bias) for fitted in calibration] != [len(group.labels) for group in task.groups]:
            raise ValueError("the calibration does not fit the labels")
        thresholds = {name: _number(value) for name, value in _dict(values["thresholds"]).items()}
        resolve_thresholds(task, thresholds)
        check_fallback(_text(values["fallback"]))
        return cls(
            name=_text(values["name"]),
            task=task,
            preprocessing=_preprocessing(_dict(values["preprocessing"])),
            backbone=_texts_by_name(values["backbone"]),
            features=tuple(_text(feature) for feature in _list(values["features"])),
            calibration=calibration,
            thresholds=thresholds,
            fallback=values["fallback"],
            data=_dict(values["data"]),
            training=_dict(values["training"]),
            metrics=_dict(values["metrics"]),
            versions=_texts_by_name(values["versions"]),
            familiarity=_dict(values["familiarity"]),
            promises=_dict(values["promises"]),
            min_familiarity=_share(values["min_familiarity"]),
            costs={} if values["costs"] is None else _dict(values["costs"]),
        )


def _value(metadata: Mapping[str, str], key: str) -> Any:
    value = json.loads(metadata[_PREFIX + key], parse_constant=_finite, parse_float=_finite, parse_int=_whole)
    # JSON can name half a character, which is no text that could be written or shown.
    json.dumps(value, ensure_ascii=False).encode()
    return value


def _check_known(where: str, names: Iterable[str], known: Iterable[str]) -> None:
    unknown = sorted(set(names) - set(known))
    if unknown:
        raise NewerFormatError(f"its {where} hold what this version does not know: {unknown[0][:40]!r}", hint=UPGRADE)


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text[:20]} is no number that can be used")
    return number


def _whole(text: str) -> int:
    _finite(text)  # JSON knows whole numbers of any size, and nothing else here does
    return int(text)


def _group(value: Any) -> LabelGroup:
    group = _dict(value)
    _check_known("groups", group, ("name", "kind", "labels"))
    kind: Any = _text(group["kind"])
    return LabelGroup(_text(group["name"]), tuple(_text(label) for label in _list(group["labels"])), kind)


def _preprocessing(values: dict[str, Any]) -> Preprocessing:
    _check_known("preprocessing", values, ("fit", "size", "fill"))
    red, green, blue = (_integer(value, 0, 255) for value in _list(values["fill"]))
    return Preprocessing(FitMode(_text(values["fit"])), _integer(values["size"], 1, 1 << 16), (red, green, blue))


def _calibration(value: Any) -> Calibration:
    fitted = _dict(value)
    _check_known("calibration", fitted, ("temperature", "bias"))
    temperature = _number(fitted["temperature"])
    if temperature <= 0.0:
        raise ValueError(f"the temperature is {temperature}, which is not above 0")
    return Calibration(temperature, tuple(_number(bias) for bias in _list(fitted["bias"])))


def _texts_by_name(value: Any) -> dict[str, str]:
    return {name: _text(text) for name, text in _dict(value).items()}


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"a text was expected, not a JSON {type(value).__name__}")
    return value


def _integer(value: Any, least: int, most: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise ValueError(f"a whole number from {least} to {most} was expected")
    return value


def _number(value: Any) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise TypeError(f"a number was expected, not a JSON {type(value).__name__}")
    return _finite(str(value))


def _share(value: Any) -> float | None:
    if value is None:
        return None
    number = _number(value)
    if not 0.0 <= number <= 1.0:
        raise ValueError(f"{number:g} does not lie in 0..1")
    return number


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError(f"a list was expected, not a JSON {type(value).__name__}")
    return value


def _dict(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise TypeError(f"values by name were expected, not a JSON {type(value).__name__}")
    return value

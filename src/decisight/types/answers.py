"""All that is said of one picture, and by which model."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from decisight.types.decisions import Decision
from decisight.types.predictions import Prediction

__all__ = ["Answer", "DrawnExplanation", "ModelRef", "Runtime"]


@dataclass(frozen=True, slots=True)
class Runtime:
    """What ran a network; recorded with each answer, since confidences differ a little between runtimes.

    Args:
        name: for example ``onnxruntime``.
        version: of the library.
        provider: the part of it that computed.
        precision: what it computed in, ``fp32`` or ``bf16``.
    """

    name: str
    version: str
    provider: str
    precision: str = "fp32"

    def to_json(self) -> dict[str, Any]:
        """``name``, ``version`` and ``precision``."""
        return {"name": self.name, "version": self.version, "precision": self.precision}


@dataclass(frozen=True, slots=True)
class ModelRef:
    """Which model answered: its name, the digest of what it computes (``sha256:...``), and what ran it, where known."""

    name: str
    digest: str
    runtime: Runtime | None = None


@dataclass(frozen=True, slots=True)
class DrawnExplanation:
    """A file that shows where a model looked for a label of a picture."""

    group: str
    label: str
    file: str

    def to_json(self) -> dict[str, Any]:
        """``group``, ``label`` and ``file``."""
        return {"group": self.group, "label": self.label, "file": self.file}


@dataclass(frozen=True, slots=True)
class Answer:
    """All that is said of one picture: the one shape of it, on the command line as over the network.

    Args:
        image: the picture's name, as it was given.
        model: which model answered.
        prediction: every label with its confidence; ``None`` where the picture could not be read.
        decisions: one a group, in the task's order.
        error: why the picture could not be read; ``None`` where it could.
        region: the region of the picture that was looked at, by its name; ``None`` where it was all of the picture.
        explanations: what was drawn of why it was answered so.
    """

    image: str
    model: ModelRef
    prediction: Prediction | None = None
    decisions: tuple[Decision, ...] = ()
    error: str | None = None
    region: str | None = None
    explanations: tuple[DrawnExplanation, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """As JSON values: what was found, or why nothing was.

        ``image``, ``model``, ``runtime`` where it is known, ``classifierResults``, ``familiarity`` where the model says
        it, and ``decision`` or ``decisions`` (by group, where there are several); else ``image`` and ``error``. After
        ``image`` comes ``region``, where there is one; ``explanations`` comes last, where there is any.
        """
        if self.prediction is None:
            return {**self._looked_at(), "error": self.error}
        return {**self._answered(), "classifierResults": self.prediction.to_json(), **self._decided()}

    def to_text(self) -> str:
        """What :meth:`to_json` gives as one line of JSON text, each confidence to eight places.

        With 1,000 labels it takes a quarter of the time of writing those values with :mod:`json`, which would be a
        quarter of the time that decoding a photo and classifying it take.
        """
        if self.prediction is None:
            return json.dumps(self.to_json(), ensure_ascii=False)
        before, after = (json.dumps(part, ensure_ascii=False)[1:-1] for part in (self._answered(), self._decided()))
        return f'{{{before}, "classifierResults": {self.prediction.to_text()}, {after}}}'

    def _looked_at(self) -> dict[str, Any]:
        return {"image": self.image} if self.region is None else {"image": self.image, "region": self.region}

    def _answered(self) -> dict[str, Any]:
        runtime = {} if self.model.runtime is None else {"runtime": self.model.runtime.to_json()}
        return {**self._looked_at(), "model": {"name": self.model.name, "digest": self.model.digest}, **runtime}

    def _decided(self) -> dict[str, Any]:
        familiar = {} if self.prediction is None else self.prediction.familiarity_json()
        drawn = {"explanations": [one.to_json() for one in self.explanations]} if self.explanations else {}
        if len(self.decisions) == 1:
            return {**familiar, "decision": self.decisions[0].to_json(), **drawn}
        decisions = {decision.group: decision.to_json() for decision in self.decisions}
        return {**familiar, "decisions": decisions, **drawn}

"""What a classifier says of one picture."""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from decisight.types.labels import LabelGroup, Task

__all__ = ["FitMode", "LabelConfidence", "Prediction"]


class FitMode(StrEnum):
    """How a picture of any shape is brought to the square input of a backbone."""

    CROP = "crop"
    """The centre square, 0.875 of the shorter side; what lies outside is not seen."""
    LETTERBOX = "letterbox"
    """The whole picture in its proportions, the rest filled with the backbone's mean colour."""
    STRETCH = "stretch"
    """The whole picture, its proportions given up."""


@dataclass(frozen=True, slots=True)
class LabelConfidence:
    """A label of a group with its confidence, the calibrated probability in 0..1 that it holds."""

    group: str
    label: str
    confidence: float


@dataclass(frozen=True, slots=True)
class Prediction:
    """Every label of a task with its confidence, for one picture.

    Args:
        task: what was classified.
        confidences: one tuple a group, in the order of the task's groups and each group's labels; 0..1. Those of an
            exclusive group add up to 1.
        familiarity: how like the pictures that the model has learnt from this one is, 0..1: a conformal p-value, so of
            pictures like those about one in twenty has 0.05 or less; ``None`` where the model does not say.
    """

    task: Task
    confidences: tuple[tuple[float, ...], ...]
    familiarity: float | None = None

    def __post_init__(self) -> None:
        if [len(c) for c in self.confidences] != [len(g.labels) for g in self.task.groups]:
            raise ValueError(
                f"expected {[len(g.labels) for g in self.task.groups]} confidences a group, "
                f"got {[len(c) for c in self.confidences]}"
            )
        if not all(math.isfinite(c) and 0.0 <= c <= 1.0 for group in self.confidences for c in group):
            raise ValueError(f"confidences must lie in 0..1: {self.confidences}")
        if self.familiarity is not None and not 0.0 <= self.familiarity <= 1.0:
            raise ValueError(f"the familiarity must lie in 0..1: {self.familiarity}")

    def results(self, group: str | None = None) -> list[LabelConfidence]:
        """Every label with its confidence: groups in the task's order, most confident first within each.

        Args:
            group: only this group.

        Raises:
            LabelError: there is no such group.
        """
        wanted = self.task.groups if group is None else (self.task.group(group),)
        return [LabelConfidence(name, label, confidence) for name, label, confidence in self._ranked(wanted)]

    def top(self, group: str | None = None) -> LabelConfidence:
        """The most confident label of a group (by default the first); the first in the model's order where two tie.

        Raises:
            LabelError: there is no such group.
        """
        found = self.task.groups[0] if group is None else self.task.group(group)
        row = self.confidences[self.task.groups.index(found)]
        best = max(range(len(row)), key=row.__getitem__)
        return LabelConfidence(found.name, found.labels[best], row[best])

    def _ranked(self, groups: Iterable[LabelGroup]) -> Iterator[tuple[str, str, float]]:
        """Group, label and confidence; ties in the model's order. No object each: a picture may have 1,000 labels."""
        for group in groups:
            row = self.confidences[self.task.groups.index(group)]
            for i in sorted(range(len(row)), key=row.__getitem__, reverse=True):
                yield group.name, group.labels[i], row[i]

    def confidence(self, label: str) -> float:
        """The confidence of ``label`` or ``group:label``.

        Raises:
            LabelError: no such label, or it stands in two groups.
        """
        group, name = self.task.find(label)
        return self.confidences[self.task.groups.index(group)][group.labels.index(name)]

    def to_json(self) -> list[dict[str, Any]]:
        """``classifierResults``: a label and a confidence each, and the group where the task has several."""
        ranked = self._ranked(self.task.groups)
        if len(self.task.groups) > 1:
            return [{"group": g, "label": label, "confidence": round(c, 8)} for g, label, c in ranked]
        return [{"label": label, "confidence": round(c, 8)} for _, label, c in ranked]

    def familiarity_json(self) -> dict[str, float]:
        """``familiarity``, to eight places; nothing where the model does not say."""
        return {} if self.familiarity is None else {"familiarity": round(self.familiarity, 8)}

    def to_text(self) -> str:
        """What :meth:`to_json` gives as JSON text, each confidence to eight places."""
        several = len(self.task.groups) > 1
        results = []
        for group, row in zip(self.task.groups, self.confidences, strict=True):
            openings = _openings(group, several)
            ranked = sorted(range(len(row)), key=row.__getitem__, reverse=True)
            results += [f"{openings[i]}{row[i]:.8f}}}" for i in ranked]
        return f"[{', '.join(results)}]"


@functools.lru_cache(maxsize=64)
def _openings(group: LabelGroup, named: bool) -> tuple[str, ...]:
    """What stands before the confidence of each label in JSON text."""
    first = {"group": group.name} if named else {}
    return tuple(
        json.dumps({**first, "label": label, "confidence": None}, ensure_ascii=False).removesuffix("null}")
        for label in group.labels
    )

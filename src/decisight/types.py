"""The words of Decisight, each with one sense, as frozen dataclasses without I/O.

A :class:`Task` is one or more :class:`LabelGroup`; a classifier answers with a :class:`Prediction`, which holds a
confidence for every label of every group; a policy turns it into a :class:`Decision` per group.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal

from decisight.errors import LabelError, UsageError

__all__ = [
    "DEFAULT_FALLBACK",
    "DEFAULT_GROUP",
    "NONE_OF_THEM",
    "Answer",
    "Decision",
    "FitMode",
    "LabelConfidence",
    "LabelGroup",
    "ModelRef",
    "Prediction",
    "Reason",
    "Target",
    "Task",
    "check_fallback",
    "is_label",
    "resolve_thresholds",
]

NONE_OF_THEM = "-"
"""How an independent group's "none of these labels" is written in a table. An empty cell means: not known."""

Target = str | frozenset[str] | None
"""What is true of one picture in one group: a label, a set of labels (independent), or ``None`` (not known)."""

DEFAULT_GROUP = "class"
"""The group of a single-group task, where the data does not name it."""

DEFAULT_FALLBACK = "unknown"
"""The state given when nothing is sure enough and no other fall-back was named."""

# Control characters (a terminal obeys them), line separators, what turns the direction of writing round, and halves of
# characters, as which Python holds the bytes of a folder's name that are not UTF-8.
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


class FitMode(StrEnum):
    """How a picture of any shape is brought to the square input of a backbone."""

    CROP = "crop"
    """The centre square, 0.875 of the shorter side; what lies outside is not seen."""
    LETTERBOX = "letterbox"
    """The whole picture in its proportions, the rest filled with the backbone's mean colour."""
    STRETCH = "stretch"
    """The whole picture, its proportions given up."""


class Reason(StrEnum):
    """Why a decision names the state that it names."""

    ACCEPTED = "accepted"
    BELOW_THRESHOLD = "below_threshold"
    UNFAMILIAR = "unfamiliar"
    CANNOT_JUDGE = "cannot_judge"
    ABSTAINED = "abstained"


@dataclass(frozen=True, slots=True)
class LabelGroup:
    """Labels that belong together.

    Args:
        name: the group's name, for example ``helmet``; without ``:``, so that ``group:label`` names one label.
        labels: in the model's order, which is never inferred again. An exclusive group has at least two.
        kind: ``exclusive`` (softmax: exactly one holds) or ``independent`` (sigmoid: any number holds).

    Raises:
        LabelError: a label stands twice, or is none by :func:`is_label`; too few labels; another kind; a name that is
            empty, holds ``:`` or cannot be shown.
    """

    name: str
    labels: tuple[str, ...]
    kind: Literal["exclusive", "independent"] = "exclusive"

    def __post_init__(self) -> None:
        if not self.name.strip() or ":" in self.name or _UNPRINTABLE.search(self.name):
            raise LabelError(
                f"a label group has a name that cannot be used: {self.name!r}",
                hint="give it one without ':' and control characters, for example 'helmet'",
            )
        if self.kind not in ("exclusive", "independent"):
            raise LabelError(
                f"group {self.name!r} is of the kind {self.kind!r}", hint="a group is exclusive or independent"
            )
        for label in self.labels:
            if not is_label(label):
                raise LabelError(
                    f"group {self.name!r} has a label that cannot be used: {label!r}",
                    hint="a label is text, not empty, not '-', has no '|', control character or space at its ends",
                )
        repeated = sorted(label for label, times in Counter(self.labels).items() if times > 1)
        if repeated:
            raise LabelError(f"group {self.name!r} has labels that stand twice: {', '.join(repeated)}")
        fewest = 2 if self.kind == "exclusive" else 1
        if len(self.labels) < fewest:
            raise LabelError(
                f"group {self.name!r} has {len(self.labels)} label(s): {', '.join(self.labels) or 'none'}",
                hint=f"{'an exclusive' if fewest == 2 else 'an independent'} group needs at least {fewest}",
            )

    @property
    def exclusive(self) -> bool:
        """Whether exactly one label holds (softmax)."""
        return self.kind == "exclusive"


def is_label(text: str) -> bool:
    r"""Whether text can be a label: one line that any terminal can show, not ``-``, without ``|`` or space at its ends.

    Example:
        >>> is_label("no helmet"), is_label("-"), is_label("a|b"), is_label(" a"), is_label("\x1b[2J")
        (True, False, False, False, False)
    """
    if text != text.strip() or text in ("", NONE_OF_THEM) or "|" in text:
        return False
    return _UNPRINTABLE.search(text) is None


@dataclass(frozen=True, slots=True)
class Task:
    """What is classified: one or more label groups, in order."""

    groups: tuple[LabelGroup, ...]

    def __post_init__(self) -> None:
        names = [group.name for group in self.groups]
        if not names:
            raise LabelError("a task needs at least one label group")
        if len(set(names)) < len(names):
            raise LabelError(f"a task has two label groups of one name: {', '.join(names)}")

    @property
    def kind(self) -> Literal["binary", "multi-class", "multi-label"]:
        """One exclusive group of two labels, of three or more; several groups, or an independent one."""
        if len(self.groups) > 1 or not self.groups[0].exclusive:
            return "multi-label"
        return "binary" if len(self.groups[0].labels) == 2 else "multi-class"

    def group(self, name: str) -> LabelGroup:
        """The group of that name.

        Raises:
            LabelError: there is none.
        """
        for group in self.groups:
            if group.name == name:
                return group
        raise LabelError(
            f"there is no label group {name!r}", hint=f"the groups are: {', '.join(g.name for g in self.groups)}"
        )

    def find(self, label: str) -> tuple[LabelGroup, str]:
        """The group and label that ``label`` or ``group:label`` names; the latter, where both could be meant.

        Raises:
            LabelError: no such label, or two groups share it and the group is not said.
        """
        group, _, rest = label.partition(":")
        for g in self.groups:
            if g.name == group and rest in g.labels:
                return g, rest
        found = [(g, label) for g in self.groups if label in g.labels]
        if len(found) == 1:
            return found[0]
        if found:
            choices = ", ".join(f"{g.name}:{name}" for g, name in found)
            raise LabelError(f"the label {label!r} stands in {len(found)} groups", hint=f"say which: {choices}")
        known = ", ".join(name for g in self.groups for name in g.labels[:20])
        raise LabelError(f"there is no label {label!r} in this task", hint=f"the labels are: {known}")


def resolve_thresholds(task: Task, thresholds: Mapping[str, float]) -> dict[str, float]:
    """Thresholds by ``label`` or ``group:label``, all written as ``group:label``.

    Raises:
        LabelError: one is for a label that the task does not have, or that stands in two groups.
        UsageError: one does not lie in 0..1, or two are given for one label.
    """
    found: dict[str, float] = {}
    for name, value in thresholds.items():
        group, label = task.find(name)
        key = f"{group.name}:{label}"
        if not 0.0 <= value <= 1.0:
            raise UsageError(
                f"the threshold of {name!r} is {value}, which is not between 0 and 1",
                hint="a threshold is a confidence, for example 0.8",
            )
        if key in found:
            raise UsageError(
                f"{name!r} was given two thresholds: {found[key]} and {value}", hint="give each label one threshold"
            )
        found[key] = value
    return found


def check_fallback(state: str) -> None:
    """Refuse a fall-back state that says nothing, or that could write to a terminal.

    Raises:
        UsageError: it is empty, or holds control characters.
    """
    hint = f"name one, for example {DEFAULT_FALLBACK!r}"
    if not state.strip():
        raise UsageError("the fall-back state is empty", hint=hint)
    if _UNPRINTABLE.search(state):
        raise UsageError(f"the fall-back state {state!r} holds what cannot be shown", hint=hint)


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
    """

    task: Task
    confidences: tuple[tuple[float, ...], ...]

    def __post_init__(self) -> None:
        if [len(c) for c in self.confidences] != [len(g.labels) for g in self.task.groups]:
            raise ValueError(
                f"expected {[len(g.labels) for g in self.task.groups]} confidences a group, "
                f"got {[len(c) for c in self.confidences]}"
            )
        if not all(math.isfinite(c) and 0.0 <= c <= 1.0 for group in self.confidences for c in group):
            raise ValueError(f"confidences must lie in 0..1: {self.confidences}")

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


@dataclass(frozen=True, slots=True)
class Decision:
    """What a policy made of the confidences of one group.

    Args:
        group: the label group decided on.
        state: the business state: a label or the fall-back; for an independent group, the labels accepted.
        confidence: of the state, 0..1. Of a fall-back, that of the top label, which was not enough. Of an
            independent group, the product over its labels of the confidence that each is as the state says.
        reason: why this state.
    """

    group: str
    state: str | tuple[str, ...]
    confidence: float
    reason: Reason

    def to_json(self) -> dict[str, Any]:
        """``state`` (a list for an independent group), ``confidence`` and ``reason``."""
        state = list(self.state) if isinstance(self.state, tuple) else self.state
        return {"state": state, "confidence": round(self.confidence, 8), "reason": self.reason.value}


@dataclass(frozen=True, slots=True)
class ModelRef:
    """Which model answered: its name, and the digest of what it computes (``sha256:...``)."""

    name: str
    digest: str


@dataclass(frozen=True, slots=True)
class Answer:
    """All that is said of one picture: the one shape of it, on the command line as over the network.

    Args:
        image: the picture's name, as it was given.
        model: which model answered.
        prediction: every label with its confidence; ``None`` where the picture could not be read.
        decisions: one a group, in the task's order.
        error: why the picture could not be read; ``None`` where it could.
    """

    image: str
    model: ModelRef
    prediction: Prediction | None = None
    decisions: tuple[Decision, ...] = ()
    error: str | None = None

    def to_json(self) -> dict[str, Any]:
        """As JSON values: what was found, or why nothing was.

        ``image``, ``model``, ``classifierResults``, and ``decision`` or ``decisions`` (by group, where there are
        several); else ``image`` and ``error``.
        """
        if self.prediction is None:
            return {"image": self.image, "error": self.error}
        answer: dict[str, Any] = {
            "image": self.image,
            "model": {"name": self.model.name, "digest": self.model.digest},
            "classifierResults": self.prediction.to_json(),
        }
        if len(self.decisions) == 1:
            answer["decision"] = self.decisions[0].to_json()
        else:
            answer["decisions"] = {decision.group: decision.to_json() for decision in self.decisions}
        return answer

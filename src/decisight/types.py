"""The words of Decisight, each with one sense, as frozen dataclasses without I/O.

A :class:`Task` is one or more :class:`LabelGroup`; a classifier answers with a :class:`Prediction`, which holds a
confidence for every label of every group; a policy turns it into a :class:`Decision` per group.
"""

from __future__ import annotations

import functools
import json
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
    "UNPRINTABLE",
    "Answer",
    "Decision",
    "FitMode",
    "Held",
    "LabelConfidence",
    "LabelGroup",
    "ModelRef",
    "Prediction",
    "Reading",
    "Reason",
    "Runtime",
    "Target",
    "Task",
    "Tick",
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

UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""What no terminal is shown: control characters (it obeys them), line separators, what turns the direction of writing
round, and halves of characters, as which Python holds the bytes of a name that are not UTF-8."""


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
        if not self.name.strip() or ":" in self.name or UNPRINTABLE.search(self.name):
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
    return UNPRINTABLE.search(text) is None


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
        raise LabelError(f"there is no label {label!r} in this task", hint=self._nearest(label))

    def _nearest(self, label: str) -> str:
        """A hint: the labels most like one that there is not, and a few of all."""
        import difflib

        names = [name for g in self.groups for name in g.labels]
        # Case counts for a label, but hardly for what was meant.
        spelled = {
            name.lower(): name for name in [*(f"{g.name}:{name}" for g in self.groups for name in g.labels), *names]
        }
        near = [repr(spelled[name]) for name in difflib.get_close_matches(label.lower(), spelled)]
        known = ", ".join(names[:20]) + (f", ... and {len(names) - 20} more" if len(names) > 20 else "")
        return (f"did you mean {' or '.join(near)}? " if near else "") + f"the labels are: {known}"


def resolve_thresholds(task: Task, thresholds: Mapping[str, float], name: str = "threshold") -> dict[str, float]:
    """Thresholds by ``label`` or ``group:label``, all written as ``group:label``.

    Args:
        task: the task that the labels are of.
        thresholds: a number in 0..1 by label.
        name: of the setting, for messages.

    Raises:
        LabelError: one is for a label that the task does not have, or that stands in two groups.
        UsageError: one does not lie in 0..1, or two are given for one label.
    """
    found: dict[str, float] = {}
    for written, value in thresholds.items():
        group, label = task.find(written)
        key = f"{group.name}:{label}"
        if not 0.0 <= value <= 1.0:
            raise UsageError(
                f"the {name} of {written!r} is {value}, which is not between 0 and 1",
                hint=f"give a {name} between 0 and 1, for example 0.8",
            )
        if key in found:
            raise UsageError(
                f"{written!r} was given two {name}s: {found[key]} and {value}", hint=f"give each label one {name}"
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
    if UNPRINTABLE.search(state):
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


@dataclass(frozen=True, slots=True)
class Reading:
    """What a classifier said of one picture of a sequence, stamped for a policy.

    There is a prediction, or the cause why there is none. A picture that is not classified because nothing in it has
    moved is no such cause: it says the same as the one before, and is given as that one's prediction with its own time.

    Args:
        prediction: every label with its confidence; ``None`` where the picture could not be judged.
        time: seconds since any fixed moment (1970 for cameras); ``None`` in a sequence without times. Where it is
            earlier than that of the reading before, a clock was set back: policies take it that no time has passed, and
            go on counting from there, until the times are again as late as that.
        quality: of the picture, 0..1, where somebody measured it; policies may weigh readings by it.
        cause: why the picture could not be judged; ``None`` where it could.

    Raises:
        ValueError: there is neither a prediction nor a cause, or there are both; the time is not finite; or the quality
            does not lie in 0..1.
    """

    prediction: Prediction | None
    time: float | None = None
    quality: float = 1.0
    cause: str | None = None

    def __post_init__(self) -> None:
        if (self.prediction is None) == (self.cause is None):
            raise ValueError(f"a reading has a prediction, or a cause why there is none: {self}")
        if self.time is not None and not math.isfinite(self.time):
            raise ValueError(f"a reading's time must be finite: {self.time}")
        if not 0.0 <= self.quality <= 1.0:
            raise ValueError(f"a reading's quality must lie in 0..1: {self.quality}")

    def to_stored(self) -> dict[str, Any]:
        """As JSON values, exact: ``time``, ``quality``, and ``confidences`` (a list a group) or ``cause``.

        The labels are not in it: they are the task's, which is to be stored once.
        """
        values: dict[str, Any] = {
            "time": None if self.time is None else float(self.time),
            "quality": float(self.quality),
        }
        if self.prediction is None:
            return values | {"cause": self.cause}
        return values | {"confidences": [[float(c) for c in row] for row in self.prediction.confidences]}

    @classmethod
    def from_stored(cls, task: Task, values: Mapping[str, Any]) -> Reading:
        """What :meth:`to_stored` gave.

        Args:
            task: of the prediction that was stored.
            values: as they were stored, and read by :func:`json.loads`.

        Raises:
            ValueError: they are none of a reading of this task.
        """
        try:
            rows = values.get("confidences")
            prediction = None if rows is None else Prediction(task, tuple(tuple(map(float, row)) for row in rows))
            return cls(prediction, values["time"], values["quality"], values.get("cause"))
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"this was not stored of a reading: {values!r}") from error


@dataclass(frozen=True, slots=True)
class Tick:
    """Time that passes without a reading. It may end a state, and never enters one but the fall-back.

    It speaks for nothing: how many ticks there are keeps no state alive.

    Args:
        time: as of a :class:`Reading`.

    Raises:
        ValueError: the time is not finite.
    """

    time: float

    def __post_init__(self) -> None:
        if not math.isfinite(self.time):
            raise ValueError(f"a tick's time must be finite: {self.time}")

    def to_stored(self) -> dict[str, Any]:
        """As JSON values, exact: ``tick``, its time, which no stored reading has."""
        return {"tick": float(self.time)}

    @classmethod
    def from_stored(cls, task: Task, values: Mapping[str, Any]) -> Tick:
        """What :meth:`to_stored` gave.

        Args:
            task: not needed; so that readings and ticks are read in the same way.
            values: as they were stored, and read by :func:`json.loads`.

        Raises:
            ValueError: they are none of a tick.
        """
        try:
            return cls(values["tick"])
        except (KeyError, TypeError) as error:
            raise ValueError(f"this was not stored of a tick: {values!r}") from error


class Held(StrEnum):
    """Why a decision keeps a state that the readings, by themselves, would not give now."""

    DWELL = "dwell"
    """The state was entered too short a time ago."""
    GAP = "gap"
    """What speaks for it has been missing for so short a time only that the gap is bridged."""
    BLIND = "blind"
    """The last picture could not be judged: the state rests on earlier ones."""
    EVIDENCE = "evidence"
    """The evidence leans to another label, or to none, but not far or not long enough for a change."""
    TICK = "tick"
    """Another label is what speaks from the readings that still count, and is entered with the next reading only."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What a policy made of the confidences of one group.

    Args:
        group: the label group decided on.
        state: the business state: a label or the fall-back; for an independent group, the labels accepted.
        confidence: of the state, 0..1; of one that is kept, what it was when a reading last spoke for it. Of a
            fall-back, that of the top label, which was not enough. Of an independent group, the product over its labels
            of the confidence that each is as the state says. A policy over several images says in its own documentation
            how it sums up their confidences.
        reason: why this state.
        held: why the state is kept though the readings, by themselves, would not give it; ``None`` where they do.
        undecided: labels of an independent group that nothing can be said of yet; they are not in the state.
        scores: what the policy counted for each label, in the group's order: votes, averages, evidence; may be empty.
    """

    group: str
    state: str | tuple[str, ...]
    confidence: float
    reason: Reason
    held: Held | None = None
    undecided: tuple[str, ...] = ()
    scores: tuple[float, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """``state`` (a list for an independent group), ``confidence`` and ``reason``; ``held``, ``undecided`` if so."""
        state = list(self.state) if isinstance(self.state, tuple) else self.state
        values = {"state": state, "confidence": round(self.confidence, 8), "reason": self.reason.value}
        if self.held is not None:
            values["held"] = self.held.value
        if self.undecided:
            values["undecided"] = list(self.undecided)
        return values

    def to_stored(self) -> dict[str, Any]:
        """As JSON values, all of it and exact; :meth:`to_json`, for people, rounds."""
        return {
            "group": self.group,
            "state": list(self.state) if isinstance(self.state, tuple) else self.state,
            "confidence": float(self.confidence),
            "reason": self.reason.value,
            "held": None if self.held is None else self.held.value,
            "undecided": list(self.undecided),
            "scores": [float(score) for score in self.scores],
        }

    @classmethod
    def from_stored(cls, task: Task, values: Mapping[str, Any]) -> Decision:
        """What :meth:`to_stored` gave.

        Args:
            task: whose group was decided on.
            values: as they were stored, and read by :func:`json.loads`.

        Raises:
            LabelError: the task has no such group.
            ValueError: they are none of a decision.
        """
        try:
            state, held = values["state"], values["held"]
            return cls(
                task.group(values["group"]).name,
                state if isinstance(state, str) else tuple(state),
                float(values["confidence"]),
                Reason(values["reason"]),
                None if held is None else Held(held),
                tuple(values["undecided"]),
                tuple(map(float, values["scores"])),
            )
        except (KeyError, TypeError) as error:
            raise ValueError(f"this was not stored of a decision: {values!r}") from error


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
class Answer:
    """All that is said of one picture: the one shape of it, on the command line as over the network.

    Args:
        image: the picture's name, as it was given.
        model: which model answered.
        prediction: every label with its confidence; ``None`` where the picture could not be read.
        decisions: one a group, in the task's order.
        error: why the picture could not be read; ``None`` where it could.
        region: the region of the picture that was looked at, by its name; ``None`` where it was all of the picture.
    """

    image: str
    model: ModelRef
    prediction: Prediction | None = None
    decisions: tuple[Decision, ...] = ()
    error: str | None = None
    region: str | None = None

    def to_json(self) -> dict[str, Any]:
        """As JSON values: what was found, or why nothing was.

        ``image``, ``model``, ``runtime`` where it is known, ``classifierResults``, and ``decision`` or ``decisions``
        (by group, where there are several); else ``image`` and ``error``. After ``image`` comes ``region``, where there
        is one.
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
        if len(self.decisions) == 1:
            return {"decision": self.decisions[0].to_json()}
        return {"decisions": {decision.group: decision.to_json() for decision in self.decisions}}

"""From several pictures in a row to a decision: a classifier's answers, folded by a policy."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from decisight.errors import ImageError, UsageError
from decisight.imaging import printable
from decisight.policies.files import SUFFIXES, read_policies
from decisight.policies.parsing import parse_policy, policy_from_section
from decisight.protocols import Policy
from decisight.types import Decision, LabelGroup, ModelRef, Reading, Task, check_fallback, resolve_thresholds

if TYPE_CHECKING:
    from decisight.models.classifier import Classifier, Picture
    from decisight.regions import Region

__all__ = [
    "DecidedReading",
    "DecidedSequence",
    "check_policies",
    "decide",
    "fold_all",
    "model_settings",
    "policies_for",
    "policy",
]


@dataclass(frozen=True, slots=True)
class DecidedReading:
    """One picture of a sequence, and what is decided once it has been looked at.

    Args:
        image: its name.
        task: what is decided on.
        reading: what the classifier said of it.
        decisions: one a group of the task.
        why: one line a group: what the policy counted, and what was needed.
    """

    image: str
    task: Task
    reading: Reading
    decisions: tuple[Decision, ...]
    why: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """``image``, ``time`` where known, ``classifierResults`` or ``error``, ``decision`` or ``decisions``."""
        values: dict[str, Any] = {"image": self.image}
        if self.reading.time is not None:
            values["time"] = self.reading.time
        if self.reading.prediction is None:
            values["error"] = self.reading.cause
        else:
            values["classifierResults"] = self.reading.prediction.to_json()
        return values | self.decided()

    def decided(self) -> dict[str, Any]:
        """``decision`` of a task of one group, ``decisions`` by group of several.

        Each as a :class:`~decisight.types.Decision` has it, with ``why``; and with ``scores``, what was counted for
        each label, unless that is the confidences themselves.
        """
        told = {
            decision.group: decision.to_json() | self._scores(at, decision) | {"why": why}
            for at, (decision, why) in enumerate(zip(self.decisions, self.why, strict=True))
        }
        return {"decision": next(iter(told.values()))} if len(told) == 1 else {"decisions": told}

    def _scores(self, at: int, decision: Decision) -> dict[str, Any]:
        labels, scores = self.task.groups[at].labels, decision.scores
        confidences = () if self.reading.prediction is None else self.reading.prediction.confidences[at]
        if len(scores) != len(labels) or scores == confidences:
            return {}
        return {"scores": {label: round(score, 8) for label, score in zip(labels, scores, strict=True)}}


@dataclass(frozen=True, slots=True)
class DecidedSequence:
    """Pictures in a row, and what they were decided to show.

    Args:
        name: of the sequence.
        model: which model looked at them.
        readings: one a picture, in order.
        region: the part of each picture that was looked at; ``None`` for all of it.
    """

    name: str
    model: ModelRef
    readings: tuple[DecidedReading, ...]
    region: str | None = None

    @property
    def decisions(self) -> tuple[Decision, ...]:
        """What is decided after the last picture, one a group."""
        return self.readings[-1].decisions

    @property
    def decision(self) -> Decision:
        """What is decided after the last picture, of a task of one group.

        Raises:
            UsageError: the task has several groups.
        """
        if len(self.decisions) != 1:
            names = ", ".join(decision.group for decision in self.decisions)
            raise UsageError(f"there are {len(self.decisions)} decisions: {names}", hint="use .decisions")
        return self.decisions[0]

    def to_json(self) -> dict[str, Any]:
        """``sequence``, ``model``, ``runtime``, ``readings``, and ``decision`` or ``decisions`` (by group)."""
        values: dict[str, Any] = {"sequence": self.name}
        if self.region is not None:
            values["region"] = self.region
        values["model"] = {"name": self.model.name, "digest": self.model.digest}
        if self.model.runtime is not None:
            values["runtime"] = self.model.runtime.to_json()
        values["readings"] = [reading.to_json() for reading in self.readings]
        return values | self.readings[-1].decided()


def policy(name: str, **settings: Any) -> Policy:
    """A policy by its name and settings. It is taken as it is: without the thresholds that a model file may have.

        >>> policy("majority_vote", window="2s", required=3, thresholds={"vest": 0.8}).required
        3
        >>> policy("majority_vote:3/5", min_dwell=4).window
        '5'

    Args:
        name: ``threshold``, ``majority_vote``, ``weighted_average``, ``consecutive``, ``sequential_test``, or one of
            another package; after a colon its main settings as the command line takes them.
        settings: those that differ from their defaults.

    Raises:
        MissingPartError: there is no policy of that name.
        UsageError: it does not have a setting, or a value cannot be used.
    """
    return parse_policy(name, settings)


def decide(
    model: Classifier,
    pictures: Iterable[Picture],
    policy: Policy | str | Mapping[str, Policy] = "majority_vote:3/5",
    *,
    region: Region | None = None,
    times: Sequence[float] | None = None,
    fps: float | None = None,
    name: str = "sequence",
) -> DecidedSequence:
    """Look at pictures in a row and decide.

        >>> model = decisight.load("gear.onnx")                                         # doctest: +SKIP
        >>> decided = decisight.decide(model, ["a.jpg", "b.jpg", "c.jpg"], "majority_vote:3/5")   # doctest: +SKIP
        >>> decided.decision.state, decided.readings[-1].why                            # doctest: +SKIP
        ('vest', ('votes of 3: vest 3 (3 needed)',))

    A picture that cannot be read is a reading that cannot be judged; it speaks for nothing.

    Args:
        model: the classifier.
        pictures: in order, oldest first, as :meth:`~decisight.models.classifier.Classifier.predict_stream` takes them.
        policy: the rule, see :func:`policies_for`.
        region: the part of each picture to look at; by default all of it.
        times: of each picture, in seconds, never going back.
        fps: pictures a second, instead of ``times``.
        name: of the sequence.

    Raises:
        ModelError: the model cannot be run.
        MissingPartError: there is no policy of that name.
        LabelError: the policy has a setting for a label that the model does not have.
        UsageError: there is no picture, or only one and not a list; the times do not fit; the policy cannot be used.
    """
    rules = policies_for(model, policy)
    check_policies(rules, model.task, timed=times is not None or fps is not None)
    one_array = getattr(pictures, "ndim", None) in (2, 3)
    if one_array or isinstance(pictures, str | bytes | Path) or not isinstance(pictures, Iterable):
        raise UsageError(
            f"expected several pictures, got one ({type(pictures).__name__})", hint="give a list of pictures, in order"
        )
    images: list[str] = []

    def taken() -> Iterator[Picture]:
        for picture in pictures:
            images.append(_name_of(picture, len(images)))
            yield picture

    outcomes = list(model.predict_stream(taken(), () if region is None else (region,)))
    if not outcomes:
        raise UsageError("there is no picture to decide on", hint="give at least one")
    readings = [
        Reading(None, time, cause=outcome.message) if isinstance(outcome, ImageError) else Reading(outcome, time)
        for outcome, time in zip(outcomes, _moments(len(outcomes), times, fps), strict=True)
    ]
    place = None if region is None else region.name
    return DecidedSequence(name, model.reference, tuple(fold_all(rules, model.task, images, readings)), place)


def policies_for(
    model: Classifier,
    policy: Policy | str | Mapping[str, Policy],
    *,
    thresholds: Mapping[str, float] | None = None,
    fallback: str | None = None,
) -> dict[str, Policy]:
    """A policy for each label group of a model.

    Args:
        model: the classifier.
        policy: a policy, or one for each group by its name, taken as they are; or text: ``majority_vote:3/5``, or the
            name of a YAML file, see :func:`~decisight.policies.files.read_policies`. Then the thresholds and the
            fall-back of the model file hold where the text does not say otherwise.
        thresholds: by ``label`` or ``group:label``, before those of the text, label by label.
        fallback: the same for the fall-back.

    Raises:
        MissingPartError: there is no policy of that name.
        LabelError: a threshold is for a label that the model does not have.
        UsageError: a group has no policy, or a policy cannot be used.
    """
    names = [group.name for group in model.task.groups]
    if isinstance(policy, Mapping):
        if lacking := [name for name in names if name not in policy]:
            raise UsageError(f"there is no policy for the label group {lacking[0]!r}", hint="give each group one")
        return {name: policy[name] for name in names}
    if not isinstance(policy, str):
        return dict.fromkeys(names, policy)
    defaults = model_settings(model)
    given: dict[str, Any] = {}
    if thresholds:
        given["thresholds"] = resolve_thresholds(model.task, thresholds)
    if fallback is not None:
        check_fallback(fallback)
        given["fallback"] = fallback
    if policy.lower().endswith(SUFFIXES):
        return read_policies(Path(policy), model.task, defaults, given)
    if thresholds:
        given["thresholds"] = defaults["thresholds"] | given["thresholds"]
    return dict.fromkeys(names, policy_from_section({"type": policy}, defaults | given))


def check_policies(policies: Mapping[str, Policy], task: Task, *, timed: bool) -> None:
    """Find out before any picture is looked at whether policies can be used.

    Args:
        policies: one for each group, by its name.
        task: what is decided on.
        timed: whether the pictures have times.

    Raises:
        LabelError: a policy has a setting for a label that the task does not have.
        UsageError: a setting cannot be used, or a policy counts in seconds and there are no times.
    """
    for group in task.groups:
        fold = policies[group.name].fold(task, group.name)
        fold.step(fold.initial(), Reading(None, 0.0 if timed else None))


def model_settings(model: Classifier) -> dict[str, Any]:
    """What a model file says that policies may want: its thresholds, its fall-back, and how frequent its labels were.

    Returns:
        ``thresholds`` and, where the model knows them, ``priors``, by ``group:label``; and ``fallback``.
    """
    own = resolve_thresholds(model.task, model.card.thresholds)
    settings: dict[str, Any] = {"thresholds": own, "fallback": model.card.fallback}
    priors: dict[str, float] = {}
    counted = model.card.data.get("labels")
    for group in model.task.groups:
        counts = counted.get(group.name) if isinstance(counted, dict) else None
        priors |= _shares(group, counts, model.card.data.get("pictures")) if isinstance(counts, dict) else {}
    return settings | ({"priors": priors} if priors else {})


def _shares(group: LabelGroup, counts: dict[str, Any], pictures: object) -> dict[str, float]:
    """How frequent each label of a group was; nothing where that is not known of each, or one never was.

    Args:
        group: the label group.
        counts: pictures by label, from a file that anybody may have made.
        pictures: how many there were.
    """
    found = [counts.get(label) for label in group.labels]
    numbers = [n for n in found if isinstance(n, int) and not isinstance(n, bool) and 0 < n < 1 << 40]
    if len(numbers) < len(found):
        return {}
    whole = sum(numbers) if group.exclusive else pictures
    if not isinstance(whole, int) or whole <= max(numbers):
        return {}
    return {f"{group.name}:{label}": n / whole for label, n in zip(group.labels, numbers, strict=True)}


def fold_all(
    policies: Mapping[str, Policy], task: Task, images: Iterable[str], readings: Iterable[Reading]
) -> Iterator[DecidedReading]:
    """Fold the readings of a sequence, for every group of a task, with an explanation of each decision.

    Args:
        policies: a rule for each group, by its name.
        task: what the readings' predictions are of.
        images: a name a reading.
        readings: in order.

    Raises:
        LabelError: a policy has a setting for a label that the task does not have.
        UsageError: a policy counts in seconds and a reading has no time.
    """
    folds = [policies[group.name].fold(task, group.name) for group in task.groups]
    states = [fold.initial() for fold in folds]
    for image, reading in zip(images, readings, strict=True):
        steps = [fold.step(state, reading) for fold, state in zip(folds, states, strict=True)]
        states = [state for state, _ in steps]
        why = tuple(fold.explain(state) for fold, state in zip(folds, states, strict=True))
        yield DecidedReading(image, task, reading, tuple(decision for _, decision in steps), why)


def _moments(count: int, times: Sequence[float] | None, fps: float | None) -> Sequence[float | None]:
    if times is not None and fps is not None:
        raise UsageError("the pictures have times, and fps besides", hint="give one of them")
    if fps is not None:
        if not 0.0 < fps < math.inf:
            raise UsageError(f"fps = {fps:g} is not a number of pictures a second", hint="give one above 0")
        return [at / fps for at in range(count)]
    if times is None:
        return [None] * count
    if len(times) != count:
        raise UsageError(f"there are {len(times)} times for {count} pictures", hint="give one for each")
    if not all(map(math.isfinite, times)):
        raise UsageError("a time of a picture is not finite", hint="give each in seconds, for example since the first")
    if any(later < earlier for earlier, later in itertools.pairwise(times)):
        raise UsageError("the times of the pictures go back", hint="sort the pictures by time")
    return list(times)


def _name_of(picture: Picture, at: int) -> str:
    from decisight.models.classifier import Part

    while isinstance(picture, Part):
        picture = picture.picture
    if not isinstance(picture, str | Path):
        return f"picture {at + 1}"
    # A name that UTF-8 cannot hold could not be written as JSON.
    name = str(picture)
    try:
        name.encode()
    except UnicodeEncodeError:
        return printable(name)
    return name

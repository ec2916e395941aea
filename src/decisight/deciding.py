"""From several pictures in a row to a decision: a classifier's answers, folded by a policy."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence, Sized
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from decisight.errors import ImageError, UsageError
from decisight.imaging import printable
from decisight.policies.familiarity import check_familiarity_known
from decisight.policies.files import SUFFIXES, read_policies
from decisight.policies.least_cost import LeastCost
from decisight.policies.parsing import parse_policy, policy_from_section
from decisight.policies.task_fold import States, TaskFold
from decisight.protocols import Policy
from decisight.types import Decision, LabelGroup, ModelRef, Reading, Task, check_fallback, resolve_thresholds

if TYPE_CHECKING:
    from decisight.models.classifier import Classifier, Picture
    from decisight.regions import Region

__all__ = [
    "FPS_RANGE",
    "DecidedReading",
    "DecidedSequence",
    "check_policies",
    "decide",
    "fold_all",
    "model_settings",
    "policies_for",
    "policy",
    "policy_section",
]


FPS_RANGE = (1e-6, 1e6)
"""Pictures a second: the fewest (one in eleven days) and the most that are taken for meant."""


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
        """The picture, what was said of it, and what is decided by then.

        ``image``, ``time`` where known, ``quality`` where it is not 1, ``classifierResults`` and ``familiarity`` where
        the model says it, or ``error``; and ``decision`` or ``decisions``.
        """
        values: dict[str, Any] = {"image": self.image}
        if self.reading.time is not None:
            values["time"] = self.reading.time
        if self.reading.quality != 1.0:
            values["quality"] = self.reading.quality
        if self.reading.prediction is None:
            values["error"] = self.reading.cause
        else:
            values["classifierResults"] = self.reading.prediction.to_json()
            values |= self.reading.prediction.familiarity_json()
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
        policy: the rules with all their settings, see :func:`policy_section`; ``None`` where nobody said.
    """

    name: str
    model: ModelRef
    readings: tuple[DecidedReading, ...]
    region: str | None = None
    policy: Mapping[str, Any] | None = None

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
        """``sequence``, ``model``, ``runtime``, ``policy``, ``readings``, ``decision`` or ``decisions`` (by group)."""
        values: dict[str, Any] = {"sequence": self.name}
        if self.region is not None:
            values["region"] = self.region
        values["model"] = {"name": self.model.name, "digest": self.model.digest}
        if self.model.runtime is not None:
            values["runtime"] = self.model.runtime.to_json()
        if self.policy is not None:
            values["policy"] = dict(self.policy)
        values["readings"] = [reading.to_json() for reading in self.readings]
        return values | self.readings[-1].decided()


def policy(name: str, **settings: Any) -> Policy:
    """A policy by its name and settings.

    It is taken as it is: without what a model file may say that policies given as text take over, which are its
    thresholds, its fall-back, and for ``sequential_test`` how frequent its labels were (``priors``).

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
    qualities: Sequence[float] | None = None,
    name: str = "sequence",
) -> DecidedSequence:
    """Look at pictures in a row and decide.

        >>> model = decisight.load("gear.onnx")                                         # doctest: +SKIP
        >>> decided = decisight.decide(model, ["a.jpg", "b.jpg", "c.jpg"], "majority_vote:3/5")   # doctest: +SKIP
        >>> decided.decision.state, decided.readings[-1].why                            # doctest: +SKIP
        ('vest', ('votes of 3: vest 3 (3 needed)',))

    A picture that cannot be read is a reading that cannot be judged; it speaks for nothing. A policy given as text
    takes what it does not say from the model file: thresholds, the fall-back, and for ``sequential_test`` as ``priors``
    how frequent the labels were among the pictures that it learnt from, where the file says so. What came of it stands
    in :attr:`DecidedSequence.policy`.

    Args:
        model: the classifier.
        pictures: in order, oldest first, as :meth:`~decisight.models.classifier.Classifier.predict_stream` takes them.
        policy: the rule, see :func:`policies_for`.
        region: the part of each picture to look at; by default all of it.
        times: of each picture, in seconds, never going back.
        fps: pictures a second, instead of ``times``.
        qualities: of each picture, 0..1; policies may weigh pictures by it.
        name: of the sequence.

    Raises:
        ModelError: the model cannot be run.
        MissingPartError: there is no policy of that name.
        LabelError: the policy has a setting for a label that the model does not have.
        UsageError: there is no picture, or only one and not a list; the times or qualities do not fit; the policy
            cannot be used.
    """
    rules = policies_for(model, policy)
    check_policies(rules, model.task, timed=times is not None or fps is not None, rated=qualities is not None)
    one_array = getattr(pictures, "ndim", None) in (2, 3)
    if one_array or isinstance(pictures, str | bytes | Path) or not isinstance(pictures, Iterable):
        raise UsageError(
            f"expected several pictures, got one ({type(pictures).__name__})", hint="give a list of pictures, in order"
        )
    _check_stamps(times, fps, qualities)
    if isinstance(pictures, Sized):
        _check_counts(len(pictures), times, qualities)
    images: list[str] = []

    def taken() -> Iterator[Picture]:
        for picture in pictures:
            images.append(_name_of(picture, len(images)))
            yield picture

    outcomes = list(model.predict_stream(taken(), () if region is None else (region,)))
    if not outcomes:
        raise UsageError("there is no picture to decide on", hint="give at least one")
    _check_counts(len(outcomes), times, qualities)
    readings = [
        Reading(None, time, quality, outcome.message)
        if isinstance(outcome, ImageError)
        else Reading(outcome, time, quality)
        for outcome, time, quality in zip(
            outcomes,
            _moments(len(outcomes), times, fps),
            [1.0] * len(outcomes) if qualities is None else map(float, qualities),
            strict=True,
        )
    ]
    place, folded = None if region is None else region.name, tuple(fold_all(rules, model.task, images, readings))
    return DecidedSequence(name, model.reference, folded, place, policy_section(rules, model.task))


def policies_for(
    model: Classifier,
    policy: Policy | str | Mapping[str, Policy],
    *,
    thresholds: Mapping[str, float] | None = None,
    fallback: str | None = None,
    min_familiarity: float | None = None,
) -> dict[str, Policy]:
    """A policy for each label group of a model.

    Args:
        model: the classifier.
        policy: a policy, or one for each group by its name, taken as they are; or text: ``majority_vote:3/5``, or the
            name of a YAML file, see :func:`~decisight.policies.files.read_policies`. Then what the model file says
            holds where the text does not say otherwise, see :func:`model_settings`.
        thresholds: by ``label`` or ``group:label``, before those of the text, label by label.
        fallback: the same for the fall-back.
        min_familiarity: the same for the least familiarity, 0..1; 0: none is asked for.

    Raises:
        MissingPartError: there is no policy of that name.
        LabelError: a threshold is for a label that the model does not have.
        UsageError: a group has no policy, or a policy is for no group or cannot be used; thresholds, a fall-back or a
            least familiarity are given that would do nothing: beside policies that are taken as they are, or for one
            that has none; or the model does not say how familiar a picture is, and it is asked for.
    """
    rules = _rules_for(model, policy, thresholds or {}, fallback, min_familiarity)
    for rule in rules.values():
        least: float | None = getattr(rule, "min_familiarity", None)
        check_familiarity_known(least, model.name, known=bool(model.card.familiarity))
    return rules


def _rules_for(
    model: Classifier,
    policy: Policy | str | Mapping[str, Policy],
    thresholds: Mapping[str, float],
    fallback: str | None,
    min_familiarity: float | None,
) -> dict[str, Policy]:
    names = [group.name for group in model.task.groups]
    beside = {
        "thresholds are": thresholds or None,
        "a fall-back is": fallback,
        "a least familiarity is": min_familiarity,
    }
    idle_settings = [what for what, value in beside.items() if value is not None]
    if not isinstance(policy, str) and idle_settings:
        raise UsageError(
            f"{idle_settings[0]} given beside a policy, which is taken as it is",
            hint="give them to the policy itself, or the policy as text",
        )
    if isinstance(policy, Mapping):
        if idle := [name for name in policy if name not in names]:
            raise UsageError(
                f"there is a policy for {idle[0]!r}, which is no label group",
                hint=f"the groups are: {', '.join(names)}",
            )
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
    if min_familiarity is not None:
        given["min_familiarity"] = min_familiarity
    if policy.lower().endswith(SUFFIXES):
        rules = read_policies(Path(policy), model.task, defaults, given)
    else:
        if thresholds:
            given["thresholds"] = defaults["thresholds"] | given["thresholds"]
        rules = dict.fromkeys(names, policy_from_section({"type": policy}, defaults | given))
    _check_taken(rules, model.task, thresholds, fallback)
    taken = {getattr(rule, "min_familiarity", None) or None for rule in rules.values()}
    if min_familiarity is not None and taken != {min_familiarity or None}:
        raise UsageError("the least familiarity does nothing: a policy has none", hint="leave it out")
    return rules


def _check_taken(
    policies: Mapping[str, Policy], task: Task, thresholds: Mapping[str, float], fallback: str | None
) -> None:
    """Refuse thresholds and a fall-back that no policy has taken.

    Raises:
        UsageError: there are such.
    """
    for label in thresholds:
        group, _ = task.find(label)
        if not hasattr(policies[group.name], "thresholds"):
            raise UsageError(
                f"the threshold of {label!r} does nothing: the policy of the group {group.name!r} has no thresholds",
                hint="leave it out, or take another policy, for example majority_vote",
            )
    if fallback is not None and any(policy.fallback != fallback for policy in policies.values()):
        raise UsageError(
            f"the fall-back {fallback!r} does nothing: a policy has one that cannot be set", hint="leave it out"
        )


def policy_section(policies: Mapping[str, Policy], task: Task) -> dict[str, Any]:
    """Policies with all their settings, as a file of policies would say them; JSON values alone.

    With it, decisions can be derived again from the confidences, whatever model file, defaults or versions of settings
    there are by then.

    Args:
        policies: one for each group, by its name.
        task: what is decided on.

    Returns:
        One section where all groups have the same, else one by the name of each group.
    """
    sections = {name: policy.to_section(task) for name, policy in policies.items()}
    first, *others = sections.values()
    return sections if any(other != first for other in others) else first


def check_policies(policies: Mapping[str, Policy], task: Task, *, timed: bool, rated: bool) -> None:
    """Find out before any picture is looked at whether policies can be used.

    Args:
        policies: one for each group, by its name.
        task: what is decided on.
        timed: whether the pictures have times.
        rated: whether something is known of their quality.

    Raises:
        LabelError: a policy has a setting for a label that the task does not have.
        UsageError: a setting cannot be used; a policy counts in seconds and there are no times, or weighs
            ``by_quality`` and none is known.
    """
    fold = TaskFold.of(policies, task)
    fold.step(fold.initial(), Reading(None, 0.0 if timed else None, cause="not looked at yet"))
    weighing = [name for name, policy in policies.items() if getattr(policy, "by_quality", False)]
    if weighing and not rated:
        raise UsageError(
            f"the policy of the group {weighing[0]!r} weighs pictures by quality, and no quality is known",
            hint="give the pictures' qualities (a column quality), or leave out by_quality",
        )


def model_settings(model: Classifier) -> dict[str, Any]:
    """What a model file says that policies may want: thresholds, fall-back, and how frequent its labels were.

    Returns:
        ``thresholds`` and, where the model knows them, ``priors``, by ``group:label``; ``fallback``; and
        ``min_familiarity`` where it asks for one; ``costs`` and ``review`` where it has costs.
    """
    own = resolve_thresholds(model.task, model.card.thresholds)
    settings: dict[str, Any] = {"thresholds": own, "fallback": model.card.fallback}
    if model.card.min_familiarity is not None:
        settings["min_familiarity"] = model.card.min_familiarity
    if model.card.costs:
        settings |= LeastCost.from_card(model.task, model.card.costs, model=model.name).to_card(model.task)
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
    policies: Mapping[str, Policy],
    task: Task,
    images: Iterable[str],
    readings: Iterable[Reading],
    states: States | None = None,
) -> Iterator[DecidedReading]:
    """Fold the readings of a sequence, for every group of a task, with an explanation of each decision.

    Where nobody asks why, or time passes between pictures: :class:`~decisight.policies.task_fold.TaskFold`.

    Args:
        policies: a rule for each group, by its name.
        task: what the readings' predictions are of.
        images: a name a reading.
        readings: in order.
        states: where to begin, by group; by default afresh.

    Raises:
        LabelError: a policy has a setting for a label that the task does not have.
        UsageError: a policy counts in seconds and a reading has no time, or the states are of other groups.
    """
    fold = TaskFold.of(policies, task)
    now = fold.resume(states)
    for image, reading in zip(images, readings, strict=True):
        now, decisions = fold.step(now, reading)
        yield DecidedReading(image, task, reading, decisions, fold.explain(now))


def _check_stamps(times: Sequence[float] | None, fps: float | None, qualities: Sequence[float] | None) -> None:
    """Find out whether times and qualities are such, whatever the pictures are.

    Raises:
        UsageError: they are not.
    """
    if times is not None and fps is not None:
        raise UsageError("the pictures have times, and fps besides", hint="give one of them")
    if fps is not None and not FPS_RANGE[0] <= fps <= FPS_RANGE[1]:
        raise UsageError(
            f"fps = {fps:g} is not a number of pictures a second",
            hint=f"give one from {FPS_RANGE[0]:g} to {FPS_RANGE[1]:g}",
        )
    if times is not None and not all(map(math.isfinite, times)):
        raise UsageError("a time of a picture is not finite", hint="give each in seconds, for example since the first")
    if times is not None and any(later < earlier for earlier, later in itertools.pairwise(times)):
        raise UsageError("the times of the pictures go back", hint="sort the pictures by time")
    for quality in () if qualities is None else qualities:
        if not 0.0 <= quality <= 1.0:
            raise UsageError(f"the quality {quality} is not between 0 and 1", hint="1 is as good as a picture gets")


def _check_counts(count: int, times: Sequence[float] | None, qualities: Sequence[float] | None) -> None:
    for name, given in (("times", times), ("qualities", qualities)):
        if given is not None and len(given) != count:
            raise UsageError(f"there are {len(given)} {name} for {count} pictures", hint="give one for each")


def _moments(count: int, times: Sequence[float] | None, fps: float | None) -> Sequence[float | None]:
    if fps is not None:
        return [at / fps for at in range(count)]
    return [None] * count if times is None else [float(time) for time in times]


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

"""From one picture's confidences to a decision: a confidence threshold per label, and a fall-back where none is met."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass, field, replace
from typing import Any, ClassVar

from decisight.errors import UsageError
from decisight.policies import POLICIES
from decisight.policies.ballot import INDEPENDENT_THRESHOLD, NOTHING, PRESENT, Ballot, ballots
from decisight.policies.familiarity import refused_familiarity
from decisight.policies.fold import Evidence, Finding, Row
from decisight.policies.last_image import LastImage
from decisight.policies.settings import VotingSettings
from decisight.types import Decision, LabelGroup, Prediction, Reason, Task, resolve_thresholds

__all__ = ["INDEPENDENT_THRESHOLD", "Threshold", "parse_thresholds"]


@POLICIES.register("threshold")
@dataclass(frozen=True)
class Threshold(VotingSettings):
    """Decide on one image.

    In an exclusive group only the top label may be accepted, if its confidence is at least its own threshold (a label
    without one is accepted); otherwise the state is the fall-back. In an independent group each label is accepted or
    not at its own threshold, and the state is the list of those accepted, which may be empty. Where the image is less
    familiar than ``min_familiarity`` asks for, the state of every group is the fall-back.

    As a policy over a sequence it decides each image alone, unless hysteresis, a dwell or a tolerance for gaps is set.
    """

    name: ClassVar[str] = "threshold"
    shorthand: ClassVar[str] = "CONFIDENCE"

    _: KW_ONLY
    _rules: tuple[Task, tuple[tuple[Ballot, ...], ...]] | None = field(
        default=None, init=False, repr=False, compare=False
    )
    """What it was checked for. Nobody can say so but :meth:`checked`: a rule that is not checked must not accept."""

    @classmethod
    def from_shorthand(cls, text: str) -> dict[str, Any]:
        """``0.8`` as settings."""
        try:
            return {"default_threshold": float(text)}
        except ValueError:
            raise UsageError(f"threshold:{text} is not understood", hint="write it as threshold:0.8") from None

    def checked(self, task: Task) -> Threshold:
        """This rule with every threshold written as ``group:label``.

        Raises:
            LabelError: a threshold is for a label that the task does not have, or that stands in two groups.
            UsageError: a threshold does not lie in 0..1, two are given for one label, or the fall-back is empty or
                cannot be shown.
        """
        rule = replace(
            self,
            thresholds=resolve_thresholds(task, self.thresholds),
            leave_thresholds=resolve_thresholds(task, self.leave_thresholds),
        )
        rules = tuple(
            tuple(ballots(task, g, rule.thresholds, rule.leave_thresholds, default=rule.default_threshold))
            for g in task.groups
        )
        object.__setattr__(rule, "_rules", (task, rules))
        return rule

    def decide(self, prediction: Prediction) -> tuple[Decision, ...]:
        """One decision a group, in the task's order, on this image alone.

        The rule is checked for the prediction's task, which costs nothing where :meth:`checked` has done so.

        Raises:
            LabelError: see :meth:`checked`.
            UsageError: see :meth:`checked`; or a familiarity is asked for, and the prediction does not have any.
        """
        task, rules = self._rules or (None, ())
        if task is not prediction.task and task != prediction.task:
            return self.checked(prediction.task).decide(prediction)
        if refused_familiarity(prediction, self.min_familiarity) is not None:
            groups = zip(prediction.task.groups, prediction.confidences, strict=True)
            return tuple(Decision(g.name, self.fallback, _best(g, row), Reason.UNFAMILIAR) for g, row in groups)
        return tuple(
            self._decide_exclusive(group, row, of_group[0])
            if group.exclusive
            else _decide_independent(group, row, of_group)
            for group, row, of_group in zip(prediction.task.groups, prediction.confidences, rules, strict=True)
        )

    def _decide_exclusive(self, group: LabelGroup, row: Row, ballot: Ballot) -> Decision:
        label = ballot.vote(row)
        if label == NOTHING:
            return Decision(group.name, self.fallback, max(row), Reason.BELOW_THRESHOLD)
        return Decision(group.name, group.labels[label], row[label], Reason.ACCEPTED)

    def evidence(self, ballot: Ballot) -> Evidence:
        """See :class:`~decisight.policies.settings.VotingSettings`."""

        def finding(row: Row, held: int) -> Finding:
            label, scores = ballot.vote(row, held), tuple(row)
            return Finding(label, scores, scores, Reason.BELOW_THRESHOLD if label == NOTHING else Reason.ACCEPTED)

        return LastImage(finding, ballot.explain)


def _decide_independent(group: LabelGroup, row: Row, rules: Sequence[Ballot]) -> Decision:
    accepted = [c >= ballot.enter[PRESENT] for c, ballot in zip(row, rules, strict=True)]
    state = tuple(label for label, yes in zip(group.labels, accepted, strict=True) if yes)
    confidence = math.prod(c if yes else 1.0 - c for c, yes in zip(row, accepted, strict=True))
    return Decision(group.name, state, confidence, Reason.ACCEPTED)


def _best(group: LabelGroup, row: Row) -> float:
    """The confidence of what would be said of a group."""
    return max(row) if group.exclusive else math.prod(max(c, 1.0 - c) for c in row)


def parse_thresholds(texts: list[str]) -> dict[str, float]:
    """Read thresholds as the command line gives them.

        >>> parse_thresholds(["frog=0.8", "gear:vest=0.6"])
        {'frog': 0.8, 'gear:vest': 0.6}

    Raises:
        UsageError: a text is not ``label=number``, or a label stands twice.
    """
    found: dict[str, float] = {}
    for text in texts:
        name, equals, value = (part.strip() for part in text.rpartition("="))
        try:
            number = float(value)
        except ValueError:
            equals = ""
        if not equals or not name:
            raise UsageError(f"the threshold {text!r} is not understood", hint="write it as label=0.8")
        if name in found:
            raise UsageError(f"{name!r} was given two thresholds: {found[name]} and {number}")
        found[name] = number
    return found

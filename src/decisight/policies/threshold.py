"""From one picture's confidences to a decision: a confidence threshold per label, and a fall-back where none is met."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from decisight.errors import UsageError
from decisight.types import (
    DEFAULT_FALLBACK,
    Decision,
    LabelGroup,
    Prediction,
    Reason,
    Task,
    check_fallback,
    resolve_thresholds,
)

__all__ = ["INDEPENDENT_THRESHOLD", "Threshold", "parse_thresholds"]

INDEPENDENT_THRESHOLD = 0.5
"""From which confidence on a label of an independent group is accepted, unless told otherwise."""


@dataclass(frozen=True, slots=True)
class Threshold:
    """Decide on one image.

    In an exclusive group only the top label may be accepted, if its confidence is at least its own threshold (a label
    without one is accepted); otherwise the state is the fall-back. In an independent group each label is accepted or
    not at its own threshold, and the state is the list of those accepted, which may be empty.

    Args:
        thresholds: a confidence in 0..1 by ``label``, or by ``group:label`` where two groups share it.
        fallback: the state where the top label's threshold is not met.
    """

    thresholds: Mapping[str, float] = field(default_factory=dict)
    fallback: str = DEFAULT_FALLBACK
    _task: Task | None = field(default=None, init=False, repr=False, compare=False)
    """What it was checked for. Nobody can say so but :meth:`checked`: a rule that is not checked must not accept."""

    def checked(self, task: Task) -> Threshold:
        """This rule with every threshold written as ``group:label``.

        Raises:
            LabelError: a threshold is for a label that the task does not have, or that stands in two groups.
            UsageError: a threshold does not lie in 0..1, two are given for one label, or the fall-back is empty or
                cannot be shown.
        """
        check_fallback(self.fallback)
        rule = Threshold(resolve_thresholds(task, self.thresholds), self.fallback)
        object.__setattr__(rule, "_task", task)
        return rule

    def decide(self, prediction: Prediction) -> tuple[Decision, ...]:
        """One decision a group, in the task's order.

        The rule is checked for the prediction's task, which costs nothing where :meth:`checked` has done so.

        Raises:
            LabelError: see :meth:`checked`.
            UsageError: see :meth:`checked`.
        """
        rule = self if self._task == prediction.task else self.checked(prediction.task)
        return tuple(
            rule._decide_exclusive(group, row) if group.exclusive else rule._decide_independent(group, row)
            for group, row in zip(prediction.task.groups, prediction.confidences, strict=True)
        )

    def _decide_exclusive(self, group: LabelGroup, row: tuple[float, ...]) -> Decision:
        top = max(range(len(row)), key=row.__getitem__)
        label, confidence = group.labels[top], row[top]
        if confidence >= self.thresholds.get(f"{group.name}:{label}", 0.0):
            return Decision(group.name, label, confidence, Reason.ACCEPTED)
        return Decision(group.name, self.fallback, confidence, Reason.BELOW_THRESHOLD)

    def _decide_independent(self, group: LabelGroup, row: tuple[float, ...]) -> Decision:
        limits = [self.thresholds.get(f"{group.name}:{label}", INDEPENDENT_THRESHOLD) for label in group.labels]
        accepted = [confidence >= limit for confidence, limit in zip(row, limits, strict=True)]
        state = tuple(label for label, yes in zip(group.labels, accepted, strict=True) if yes)
        confidence = math.prod(c if yes else 1.0 - c for c, yes in zip(row, accepted, strict=True))
        return Decision(group.name, state, confidence, Reason.ACCEPTED)


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

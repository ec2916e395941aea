"""The rule on one image, which every policy builds on: which label one row of confidences speaks for, if any."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from decisight.errors import UsageError
from decisight.types import LabelGroup, Task, resolve_thresholds

__all__ = ["ABSENT", "INDEPENDENT_THRESHOLD", "NOTHING", "PRESENT", "Ballot", "ballots"]

INDEPENDENT_THRESHOLD = 0.5
"""From which confidence on a label of an independent group is accepted, unless told otherwise."""

NOTHING = -1
"""Stands for a label's index where there is none: no vote, or the fall-back."""

ABSENT, PRESENT = 0, 1
"""What a label of an independent group can be; a ballot on one takes the row ``(1 - confidence, confidence)``."""


@dataclass(frozen=True, slots=True)
class Ballot:
    """Which label a row of confidences speaks for.

    Of an exclusive group that is the top label, if its confidence is at least its own threshold; the first in the
    model's order where two tie. With hysteresis the label that is held needs less: it keeps the vote while its
    confidence is at least its threshold for leaving, unless another label is over its own for entering.

    Args:
        labels: their names; :data:`ABSENT` and :data:`PRESENT` for one label of an independent group.
        enter: from which confidence on a label is accepted, 0..1, one a label.
        leave: below which confidence the label that is held is given up; not above ``enter``.
        independent: whether the row is one of a label that may be absent or present: then it is present if its
            confidence is at least its threshold, whichever is larger.
    """

    labels: tuple[str, ...]
    enter: tuple[float, ...]
    leave: tuple[float, ...]
    independent: bool = False

    def vote(self, row: Sequence[float], held: int = NOTHING) -> int:
        """The index of the label that a row speaks for, or :data:`NOTHING`.

        Args:
            row: a confidence a label, 0..1.
            held: the label that is held at present.
        """
        if self.independent:
            bar = self.leave[PRESENT] if held == PRESENT else self.enter[PRESENT]
            return PRESENT if row[PRESENT] >= bar else ABSENT
        top = row.index(max(row))
        if row[top] >= (self.leave[top] if top == held else self.enter[top]):
            return top
        if held >= 0 and self.leave[held] < self.enter[held] and row[held] >= self.leave[held]:
            return held
        return NOTHING

    def explain(self, row: Sequence[float], held: int = NOTHING) -> str:
        """A row in words: the label that it speaks for, or would if it were more, and what was needed."""
        label = PRESENT if self.independent else self.vote(row, held)
        if label == NOTHING:
            label = row.index(max(row))
        enter, leave = self.enter[label], self.leave[label]
        needed = f"{enter:g} needed" if enter == leave else f"{enter:g} needed to enter, {leave:g} to stay"
        return f"{self.labels[label]} {row[label]:.3f}" + (f", {needed}" if enter else "")


def ballots(
    task: Task,
    group: LabelGroup,
    enter: Mapping[str, float],
    leave: Mapping[str, float],
    *,
    default: float | None = None,
) -> list[Ballot]:
    """The ballot of an exclusive group, or one for each label of an independent one.

    Args:
        task: the task that the labels are of.
        group: one of its groups.
        enter: thresholds by ``label`` or ``group:label``.
        leave: the same for leaving; by default those for entering.
        default: the threshold of a label without one; by default it is accepted whatever its confidence, in an
            independent group from :data:`INDEPENDENT_THRESHOLD` on.

    Raises:
        LabelError: a threshold is for a label that the task does not have, or that stands in two groups.
        UsageError: a threshold does not lie in 0..1, two are given for one label, or one for leaving is above the one
            for entering.
    """
    high, low = resolve_thresholds(task, enter), resolve_thresholds(task, leave)
    if default is None:
        default = 0.0 if group.exclusive else INDEPENDENT_THRESHOLD
    entering, leaving = [], []
    for label in group.labels:
        key = f"{group.name}:{label}"
        entering.append(high.get(key, default))
        leaving.append(low.get(key, entering[-1]))
        if leaving[-1] > entering[-1]:
            raise UsageError(
                f"{label!r} is left below {leaving[-1]:g}, but entered from {entering[-1]:g} on",
                hint="a state is left at a lower confidence than it is entered at",
            )
    if group.exclusive:
        return [Ballot(group.labels, tuple(entering), tuple(leaving))]
    return [
        Ballot((f"not {label}", label), (0.0, into), (0.0, out), independent=True)
        for label, into, out in zip(group.labels, entering, leaving, strict=True)
    ]

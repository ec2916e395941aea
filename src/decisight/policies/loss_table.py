"""What each decision on a label group costs, given what is true; and which one is expected to cost least."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import mul
from typing import TypeAlias

from decisight.errors import LabelError, UsageError
from decisight.policies.ballot import ABSENT, NOTHING, PRESENT
from decisight.registry import shortened
from decisight.types import LabelGroup, Task

__all__ = ["FALSE_ALARM", "MISS", "MOST_COST", "MOST_LABELS", "Costs", "LossTable", "Review", "is_cost", "loss_tables"]

Costs: TypeAlias = Mapping[str, Mapping[str, float]]
"""By what is true (``label`` or ``group:label``), by what is decided."""

Review: TypeAlias = float | Mapping[str, float] | None
"""What a look by a person costs: always the same, by group, by what is true; or there is no look."""

MISS, FALSE_ALARM = "miss", "false_alarm"
"""What can be decided wrongly of a label of an independent group."""

MOST_LABELS = 200
"""An exclusive group of more labels is not decided by costs: there would be the square of that of them."""

MOST_COST = 1e12
"""More than anything costs in any money; a sum over as many pictures as anybody has is still a number."""


@dataclass(frozen=True, slots=True)
class LossTable:
    """The costs of deciding an exclusive group, or one label of an independent one.

    Args:
        labels: what can be true, and decided; ``(not vest, vest)`` for one label of an independent group.
        losses: by what is true, by what is decided: from 0 to :data:`MOST_COST`.
        review: what a look by a person costs, by what is true; empty where there is none.
        label: of an independent group, which of its labels it is; else empty.
    """

    labels: tuple[str, ...]
    losses: tuple[tuple[float, ...], ...]
    review: tuple[float, ...] = ()
    label: str = ""

    @property
    def is_plain(self) -> bool:
        """Whether every confusion costs 1 and what is right nothing."""
        return self.losses == _even(len(self.labels), 1.0)

    @property
    def even_odds(self) -> float:
        """Of one label of an independent group, from which confidence on it is cheaper to say that it is there."""
        miss, alarm = self.losses[PRESENT][ABSENT], self.losses[ABSENT][PRESENT]
        return alarm / (miss + alarm) if miss + alarm else 0.5

    def expected(self, row: Sequence[float]) -> tuple[float, ...]:
        """What each decision is expected to cost, if each label is true as often as its confidence in ``row`` says."""
        # Exact sums: the order of the labels must not decide between decisions that cost the same.
        return tuple(math.fsum(map(mul, row, column)) for column in zip(*self.losses, strict=True))

    def cheapest(self, row: Sequence[float]) -> tuple[int, tuple[float, ...]]:
        """The index of the label that costs least to decide, or none where a look costs less; and all expected costs.

        Args:
            row: a confidence a label, 0..1.

        Returns:
            The index, or :data:`~decisight.policies.ballot.NOTHING`; and the expected cost of deciding each label.
        """
        expected = self.expected(row)
        least = min(expected)
        if self.review and math.fsum(map(mul, row, self.review)) < least:
            return NOTHING, expected
        return expected.index(least), expected

    def explain(self, row: Sequence[float]) -> str:
        """What the decisions are expected to cost, the cheapest first, in words."""
        costs = sorted(zip(self.expected(row), self.labels, strict=True), key=lambda pair: pair[0])
        shown = [f"{label} {cost:.4g}" for cost, label in costs[:3]]
        if len(costs) > len(shown):
            shown.append("others more")
        if self.review:
            shown.append(f"a look {math.fsum(map(mul, row, self.review)):.4g}")
        return f"expected cost: {', '.join(shown)}"

    def to_costs(self, group: LabelGroup) -> dict[str, dict[str, float]]:
        """The costs by ``group:label``, each confusion named."""
        if self.label:
            miss, alarm = self.losses[PRESENT][ABSENT], self.losses[ABSENT][PRESENT]
            return {f"{group.name}:{self.label}": {MISS: miss, FALSE_ALARM: alarm}}
        return {
            f"{group.name}:{actual}": {
                decided: cost for decided, cost in zip(self.labels, row, strict=True) if decided != actual or cost
            }
            for actual, row in zip(self.labels, self.losses, strict=True)
        }

    def to_review(self, group: LabelGroup) -> dict[str, float]:
        """What a look costs by ``group:label``; empty where there is none."""
        if not self.review:
            return {}
        if self.label:
            return {f"{group.name}:{self.label}": self.review[PRESENT]}
        return {f"{group.name}:{label}": cost for label, cost in zip(self.labels, self.review, strict=True)}


def loss_tables(
    task: Task, costs: Costs, review: Review, default_cost: float | None
) -> tuple[tuple[LossTable, ...], ...]:
    """The tables of every group of a task.

    Args:
        task: whose labels the costs name.
        costs: see :class:`~decisight.policies.least_cost.LeastCost`, as for the rest.
        review: what a look costs.
        default_cost: of what is not named.

    Returns:
        For each group, of an exclusive one its table, of an independent one a table for each label.

    Raises:
        LabelError: a cost is for a label that the task does not have, or that stands in two groups.
        UsageError: a cost is no number from 0 to :data:`MOST_COST`, is given twice, or is missing.
    """
    named = _named(task, costs)
    looks = _looks(task, review)
    if default_cost is not None:
        _check("the default cost", default_cost)
    found: list[tuple[LossTable, ...]] = []
    for group in task.groups:
        own = {label: named[key] for label in group.labels if (key := f"{group.name}:{label}") in named}
        look = [looks.get(f"{group.name}:{label}") for label in group.labels]
        if group.exclusive:
            found.append((_exclusive(group, own, look, default_cost),))
        else:
            found.append(tuple(_independent(group, own, look, default_cost)))
    return tuple(found)


def _named(task: Task, costs: Costs) -> dict[str, Mapping[str, float]]:
    """The costs by ``group:label``, checked."""
    found: dict[str, Mapping[str, float]] = {}
    for written, row in costs.items():
        group, label = task.find(written)
        key = f"{group.name}:{label}"
        if key in found:
            raise UsageError(f"costs for {written!r} are given twice", hint="give each label one set of costs")
        can = group.labels if group.exclusive else (MISS, FALSE_ALARM)
        for decided, cost in row.items():
            if decided not in can:
                raise LabelError(
                    f"the costs where {written!r} is true name {decided!r}, which group {group.name!r} cannot decide",
                    hint=f"it can decide: {', '.join(can[:20])}{', ...' if len(can) > 20 else ''}"
                    if group.exclusive
                    else f"of a label of an independent group say {MISS} and {FALSE_ALARM}",
                )
            _check(f"deciding {decided!r} where {written!r} is true", cost)
        found[key] = row
    return found


def _looks(task: Task, review: Review) -> dict[str, float]:
    """What a look costs by ``group:label``, checked."""
    if review is None:
        return {}
    if not isinstance(review, Mapping):
        _check("a look by a person", review)
        return {f"{group.name}:{label}": review for group in task.groups for label in group.labels}
    found: dict[str, float] = {}
    groups = {group.name: group for group in task.groups}
    for written, cost in review.items():
        _check(f"a look by a person ({written})", cost)
        keys = [f"{written}:{label}" for label in groups[written].labels] if written in groups else []
        if not keys:
            group, label = task.find(written)
            keys = [f"{group.name}:{label}"]
        for key in keys:
            if key in found:
                raise UsageError(f"what a look costs is given twice for {key!r}", hint="say it by group or by label")
            found[key] = cost
    return found


def is_cost(value: object) -> bool:
    """Whether it is a number from 0 to :data:`MOST_COST`."""
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= MOST_COST


def _check(what: str, cost: float) -> None:
    if not is_cost(cost):
        raise UsageError(
            f"{what} costs {shortened(cost)}, which cannot be used", hint=f"a cost is a number from 0 to {MOST_COST:g}"
        )


def _exclusive(
    group: LabelGroup,
    named: Mapping[str, Mapping[str, float]],
    looks: Sequence[float | None],
    default_cost: float | None,
) -> LossTable:
    review = _review(group, looks)
    size = len(group.labels)
    if size > MOST_LABELS:
        raise UsageError(
            f"group {group.name!r} has {size} labels, too many for costs", hint=f"at most {MOST_LABELS} can have them"
        )
    if not named and default_cost is None:
        return LossTable(group.labels, _even(size, 1.0), review)
    losses = []
    for actual in group.labels:
        row = named.get(actual, {})
        costs = [row.get(decided, 0.0 if decided == actual else default_cost) for decided in group.labels]
        missing = [decided for decided, cost in zip(group.labels, costs, strict=True) if cost is None]
        if missing:
            raise UsageError(
                f"group {group.name!r}: it is not said what deciding {missing[0]!r} costs where {actual!r} is true",
                hint="say it, or say what every confusion costs that is not named: default_cost: 1",
            )
        losses.append(tuple(float(cost) for cost in costs if cost is not None))
    return LossTable(group.labels, tuple(losses), review)


def _independent(
    group: LabelGroup,
    named: Mapping[str, Mapping[str, float]],
    looks: Sequence[float | None],
    default_cost: float | None,
) -> Iterator[LossTable]:
    even = 1.0 if not named and default_cost is None else default_cost
    for label, look in zip(group.labels, looks, strict=True):
        row = named.get(label, {})
        miss, alarm = row.get(MISS, even), row.get(FALSE_ALARM, even)
        if miss is None or alarm is None:
            raise UsageError(
                f"group {group.name!r}: it is not said what a {MISS if miss is None else 'false alarm'} of {label!r} "
                "costs",
                hint="say it, or say what everything costs that is not named: default_cost: 1",
            )
        review = () if look is None else (float(look), float(look))
        yield LossTable((f"not {label}", label), ((0.0, float(alarm)), (float(miss), 0.0)), review, label)


def _review(group: LabelGroup, looks: Sequence[float | None]) -> tuple[float, ...]:
    given = [float(look) for look in looks if look is not None]
    if given and len(given) < len(looks):
        missing = next(label for label, look in zip(group.labels, looks, strict=True) if look is None)
        raise UsageError(
            f"group {group.name!r}: it is not said what a look costs where {missing!r} is true",
            hint=f"say it for every label, or once for all: {group.name}: 20",
        )
    return tuple(given)


def _even(size: int, cost: float) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(0.0 if at == decided else cost for decided in range(size)) for at in range(size))

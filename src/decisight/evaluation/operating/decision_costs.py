"""What a rule of decision costs on labelled pictures, given what each confusion and each look by a person costs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from decisight.errors import UsageError
from decisight.evaluation.intervals import effective_size
from decisight.evaluation.metrics import Floats
from decisight.evaluation.operating.bounds import upper_bound
from decisight.evaluation.paired_costs import picture_costs
from decisight.evaluation.scored import cluster_numbers
from decisight.policies.loss_table import LossTable
from decisight.types import Decision, LabelGroup, Reason, Target, Task

__all__ = ["Amount", "CostFigures", "decision_costs"]

_EACH = 1000.0
_LEVEL = 0.95


@dataclass(frozen=True, slots=True)
class Amount:
    """A cost per 1,000 pictures with its 95 % interval, in the unit of the costs."""

    value: float
    low: float
    high: float

    def to_json(self) -> dict[str, float]:
        """``value``, ``low`` and ``high``."""
        return {"value": self.value, "low": self.low, "high": self.high}


@dataclass(frozen=True, slots=True)
class CostFigures:
    """What two rules cost in one group.

    Args:
        group: its name.
        pictures: of which the group is known.
        sources: that they come from.
        before: what the one rule costs per 1,000 pictures.
        after: what the other costs.
        saved: by the other, on the same pictures; below 0 where it costs more.
        looks_before: pictures that the one leaves to a person, at least in part.
        looks_after: pictures that the other leaves to a person.
        wrong_before: pictures that the one decides wrongly, at least in part.
        wrong_after: pictures that the other decides wrongly.
    """

    group: str
    pictures: int
    sources: int
    before: Amount
    after: Amount
    saved: Amount
    looks_before: int
    looks_after: int
    wrong_before: int
    wrong_after: int

    def to_json(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "group": self.group,
            "pictures": self.pictures,
            "sources": self.sources,
            **{name: getattr(self, name).to_json() for name in ("before", "after", "saved")},
            **{name: getattr(self, name) for name in ("looks_before", "looks_after", "wrong_before", "wrong_after")},
        }


def decision_costs(
    task: Task,
    tables: Sequence[Sequence[LossTable]],
    targets: Sequence[Sequence[Target]],
    before: Sequence[Sequence[Decision]],
    after: Sequence[Sequence[Decision]],
    *,
    sources: Sequence[str | None] | None = None,
) -> tuple[CostFigures, ...]:
    """What two rules cost on the same pictures, by group.

    Neither may have been fitted to these pictures; that of least expected cost is fitted to none.

    Args:
        task: the task.
        tables: for each group its costs, see :meth:`~decisight.policies.least_cost.LeastCost.tables`.
        targets: N, one a picture, each with one target a group; ``None`` where it is not known.
        before: N, one a picture, each with one decision a group.
        after: the same of the other rule.
        sources: N, what each picture was cut from; ``None`` for its own source.

    Returns:
        One a group of which something is known, in the task's order.

    Raises:
        UsageError: there are not as many of one as of the other; or a rule leaves pictures to a person, and it is not
            said what that costs.
    """
    names = [None] * len(targets) if sources is None else list(sources)
    if not len(targets) == len(before) == len(after) == len(names):
        raise UsageError(
            f"there are {len(targets)} targets, {len(before)} and {len(after)} decisions and {len(names)} sources",
            hint="give one of each a picture",
        )
    found = []
    for at, group in enumerate(task.groups):
        known = [row for row, target in enumerate(targets) if target[at] is not None]
        if not known:
            continue
        truth = [targets[row][at] for row in known]
        clusters = cluster_numbers([names[row] for row in known])
        one, other = ([decisions[row][at] for row in known] for decisions in (before, after))
        costs = [picture_costs(group, tables[at], truth, made) for made in (one, other)]
        most = _most(tables[at])
        found.append(
            CostFigures(
                group.name,
                len(known),
                len(known) if clusters is None else int(clusters.max()) + 1,
                before=_amount(costs[0], clusters, most=most),
                after=_amount(costs[1], clusters, most=most),
                saved=_amount(costs[0] - costs[1], clusters, most=most, least=-most),
                looks_before=_looks(one),
                looks_after=_looks(other),
                wrong_before=_wrong(group, truth, one),
                wrong_after=_wrong(group, truth, other),
            )
        )
    return tuple(found)


def _looks(decisions: Sequence[Decision]) -> int:
    """Of how many pictures something is left to a person."""
    return sum(decision.reason is not Reason.ACCEPTED or bool(decision.undecided) for decision in decisions)


def _wrong(group: LabelGroup, truth: Sequence[Target], decisions: Sequence[Decision]) -> int:
    """Of how many pictures something is decided wrongly."""

    def is_wrong(target: Target, decision: Decision) -> bool:
        if decision.reason is not Reason.ACCEPTED:
            return False
        if group.exclusive:
            return decision.state != target
        differ = frozenset(decision.state) ^ (target if isinstance(target, frozenset) else frozenset())
        return bool(differ - frozenset(decision.undecided))

    return sum(map(is_wrong, truth, decisions))


def _most(tables: Sequence[LossTable]) -> float:
    """The most that what is decided on one picture, or left to a person, can cost."""
    return math.fsum(max(*(max(row) for row in table.losses), *table.review) for table in tables)


def _amount(costs: Floats, clusters: NDArray[np.int64] | None, *, most: float, least: float = 0.0) -> Amount:
    """A mean per 1,000, with exact bounds of how often a picture costs more than each amount.

    A mean is the sum, over the steps from each amount to the next, of the step times the share of pictures that cost
    more than where it begins. Each of these shares is a proportion, and is bounded as one, whatever else was seen: what
    has not been seen is no rarer than none among so many allows, and may cost as much as anything can. The bounds of
    the shares are added, since pictures that cost much are among those that cost little: they are off together. What is
    above and below 0 of a difference is put together as of independent figures (Zou and Donner, "Construction of
    confidence limits about effect measures: a general approach", Statistics in Medicine 27, 2008).

    Args:
        costs: ``(N,)``.
        clusters: the source of each picture; ``None``: each is its own.
        most: what one picture can cost.
        least: the least that it can cost; below 0 of a difference.
    """
    dear, cheap = _steps(np.maximum(costs, 0.0), clusters, most), _steps(np.maximum(-costs, 0.0), clusters, -least)
    value = float(costs.mean())
    below, above = math.hypot(dear[0], cheap[1]), math.hypot(dear[1], cheap[0])
    return Amount(_EACH * value, _EACH * max(least, value - below), _EACH * min(most, value + above))


def _steps(costs: Floats, clusters: NDArray[np.int64] | None, most: float) -> tuple[float, float]:
    """How far the true mean may be below that of the costs, and how far above.

    Args:
        costs: ``(N,)``, 0 to ``most``.
        clusters: the source of each picture; ``None``: each is its own.
        most: what one picture can cost.
    """
    amounts = np.unique(np.append(costs, (0.0, most)))
    below = above = 0.0
    for begin, step in zip(amounts, np.diff(amounts), strict=False):
        dearer = costs > begin
        share, size = float(dearer.mean()), effective_size(dearer, clusters)
        low, high = _proportion(share * size, size)
        below += float(step) * max(0.0, share - low)
        above += float(step) * max(0.0, high - share)
    return below, above


def _proportion(errors: float, size: float) -> tuple[float, float]:
    """The interval of Clopper and Pearson, 1934, for numbers that need not be whole: Korn and Graubard, 1998."""
    tail = (1.0 - _LEVEL) / 2.0
    low = 0.0 if errors <= 0.0 else 1.0 - upper_bound(size - errors, size, 1.0 - tail)
    return low, upper_bound(errors, size, 1.0 - tail)

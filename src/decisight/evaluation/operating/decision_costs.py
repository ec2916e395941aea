"""What a rule of decision costs on labelled pictures, given what each confusion and each look by a person costs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from decisight.errors import UsageError
from decisight.evaluation.intervals import bootstrap, source_count
from decisight.evaluation.operating.bounds import upper_bound
from decisight.evaluation.scored import cluster_numbers
from decisight.policies.ballot import ABSENT, PRESENT
from decisight.policies.loss_table import LossTable
from decisight.types import Decision, LabelGroup, Reason, Target, Task

__all__ = ["Amount", "Spending", "spending"]

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
class Spending:
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


def spending(
    task: Task,
    tables: Sequence[Sequence[LossTable]],
    targets: Sequence[Sequence[Target]],
    before: Sequence[Sequence[Decision]],
    after: Sequence[Sequence[Decision]],
    *,
    sources: Sequence[str | None] | None = None,
    seed: int = 0,
) -> tuple[Spending, ...]:
    """What two rules cost on the same pictures, by group.

    Neither may have been fitted to these pictures; that of least expected cost is fitted to none.

    Args:
        task: the task.
        tables: for each group its costs, see :meth:`~decisight.policies.least_cost.LeastCost.tables`.
        targets: N, one a picture, each with one target a group; ``None`` where it is not known.
        before: N, one a picture, each with one decision a group.
        after: the same of the other rule.
        sources: N, what each picture was cut from; ``None`` for its own source.
        seed: of the bootstrap.

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
        one, other = (
            [_cost(group, tables[at], decisions[row][at], target) for row, target in zip(known, truth, strict=True)]
            for decisions in (before, after)
        )
        costs = np.array([[c[0] for c in one], [c[0] for c in other]], np.float64)
        blind = (not any(c[2] for c in one), not any(c[2] for c in other))
        found.append(
            Spending(
                group.name,
                len(known),
                len(known) if clusters is None else int(clusters.max()) + 1,
                *_amounts(costs, clusters, most=_most(tables[at]), blind=blind, seed=seed),
                looks_before=sum(c[1] for c in one),
                looks_after=sum(c[1] for c in other),
                wrong_before=sum(c[2] for c in one),
                wrong_after=sum(c[2] for c in other),
            )
        )
    return tuple(found)


def _cost(
    group: LabelGroup, tables: Sequence[LossTable], decision: Decision, target: Target
) -> tuple[float, bool, bool]:
    """What a decision costs, whether a person looks, and whether something is decided wrongly."""
    decided = decision.reason is Reason.ACCEPTED
    if group.exclusive:
        actual = group.labels.index(str(target))
        if not decided:
            return _look(tables[0], actual, group), True, False
        chosen = group.labels.index(str(decision.state))
        return tables[0].losses[actual][chosen], False, chosen != actual
    cost, looked, wrong = 0.0, False, False
    for label, table in zip(group.labels, tables, strict=True):
        actual = PRESENT if label in (target or ()) else ABSENT
        if not decided or label in decision.undecided:
            cost += _look(table, actual, group)
            looked = True
        else:
            chosen = PRESENT if label in decision.state else ABSENT
            cost += table.losses[actual][chosen]
            wrong |= chosen != actual
    return cost, looked, wrong


def _look(table: LossTable, actual: int, group: LabelGroup) -> float:
    if not table.review:
        raise UsageError(
            f"group {group.name!r}: the model's present rule leaves pictures to a person, and it is not said what a "
            "look costs",
            hint="say it in the file of costs, for example review: 15",
        )
    return table.review[actual]


def _most(tables: Sequence[LossTable]) -> float:
    """The most that what is decided on one picture can cost."""
    return sum(max(max(row) for row in table.losses) for table in tables)


def _amounts(
    costs: NDArray[np.float64],
    clusters: NDArray[np.int64] | None,
    *,
    most: float,
    blind: tuple[bool, bool],
    seed: int,
) -> tuple[Amount, Amount, Amount]:
    """Means per 1,000, with percentiles of the bootstrap by source, set further out where the sources are few.

    Where a rule has decided nothing wrongly, no resample has a wrong decision: that they do not cost anything is not
    known, but only that they are no more frequent than none among so many allows.

    Args:
        costs: ``(2, N)``, by the one rule and by the other.
        clusters: the source of each picture; ``None``: each is its own.
        most: what one picture can cost.
        blind: which of the rules has decided nothing wrongly.
        seed: of the bootstrap.
    """
    examples = costs.shape[1]
    units = float(examples) if clusters is None else source_count(clusters)
    three = np.stack([costs[0], costs[1], costs[0] - costs[1]])
    drawn = bootstrap(lambda w: (w @ three.T) / w.sum(axis=1, keepdims=True), examples, clusters=clusters, seed=seed)
    tail = _tail(units)
    unseen = upper_bound(0, max(1, int(units)), (1.0 + _LEVEL) / 2.0) * most
    before, after = (unseen if one else 0.0 for one in blind)
    found = []
    for at, (below, above) in enumerate(((0.0, before), (0.0, after), (after, before))):
        low, high = (float(q) for q in np.quantile(drawn[:, at], (tail, 1.0 - tail)))
        value = float(three[at].mean())
        low, high = min(low, value - below), max(high, value + above)
        found.append(Amount(_EACH * value, _EACH * min(low, value), _EACH * max(high, value)))
    return found[0], found[1], found[2]


def _tail(units: float) -> float:
    """How far out the percentiles lie: as Student's distribution is wider than the normal one (Hesterberg 2015)."""
    from scipy.special import stdtrit

    if units < 2.0:
        return 0.0
    reach = float(stdtrit(units - 1.0, (1.0 + _LEVEL) / 2.0)) * float(np.sqrt(units / (units - 1.0)))
    return NormalDist().cdf(-reach)

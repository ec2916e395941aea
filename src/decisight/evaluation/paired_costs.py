"""What a model's decisions have cost, picture by picture, given what was true."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from decisight.errors import UsageError
from decisight.evaluation.metrics import Floats
from decisight.policies.loss_table import LossTable
from decisight.types import Decision, LabelGroup, Reason, Target

__all__ = ["picture_costs"]


def picture_costs(
    group: LabelGroup,
    tables: Sequence[LossTable],
    targets: Sequence[Target],
    decisions: Sequence[Decision],
) -> Floats:
    """The cost of each decision; what is left to a person costs a look.

    Args:
        group: with every label that is true or decided.
        tables: what each decision costs, as :meth:`~decisight.policies.least_cost.LeastCost.tables` gives it: one, or
            of an independent group one a label, whose costs add up.
        targets: N, what is true of each picture.
        decisions: N, what was decided.

    Returns:
        ``(N,)``, in the unit of the costs; NaN where it is not known what is true.

    Raises:
        UsageError: something is left to a person, and it is not said what a look costs.
    """
    costs = np.full(len(targets), math.nan)
    for row, (target, decision) in enumerate(zip(targets, decisions, strict=True)):
        if target is None:
            continue
        left = _left_to_a_person(group, decision)
        if left and any(not table.review for table in tables if group.exclusive or table.label in left):
            raise UsageError(
                f"group {group.name!r}: of some pictures the decision is left to a person ({decision.state!r}), and it "
                "is not said what a look costs",
                hint="say it in the costs, for example: review: 15",
            )
        if group.exclusive:
            (table,), actual = tables, group.labels.index(str(target))
            costs[row] = table.review[actual] if left else table.losses[actual][group.labels.index(str(decision.state))]
        else:
            held = target if isinstance(target, frozenset) else frozenset()
            costs[row] = math.fsum(
                table.review[label in held] if label in left else table.losses[label in held][label in decision.state]
                for label, table in zip(group.labels, tables, strict=True)
            )
    return costs


def _left_to_a_person(group: LabelGroup, decision: Decision) -> tuple[str, ...]:
    """The labels that nothing was decided of: of an exclusive group all, or none."""
    return decision.undecided if decision.reason is Reason.ACCEPTED else group.labels

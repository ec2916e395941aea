"""Least cost: decide what is expected to cost least, and leave to a person what is cheaper to look at."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field, replace
from typing import Any, ClassVar, TypeAlias

from decisight.errors import LabelError, ModelError, UsageError
from decisight.files import printable
from decisight.policies import POLICIES
from decisight.policies.ballot import NOTHING, PRESENT
from decisight.policies.familiarity import refused_familiarity
from decisight.policies.fold import Evidence, Finding, Row
from decisight.policies.last_image import LastImage
from decisight.policies.loss_table import Costs, LossTable, Review, loss_tables
from decisight.policies.settings import Settings
from decisight.policies.threshold import Threshold
from decisight.spans import SpanText
from decisight.types import DEFAULT_FALLBACK, Decision, LabelGroup, Prediction, Reason, Task

__all__ = ["ImageRule", "LeastCost"]


@POLICIES.register("least_cost")
@dataclass(frozen=True)
class LeastCost(Settings):
    """Decide on one image what costs least in expectation, given what each confusion costs.

    The expected cost of a decision is the sum, over what may be true, of the confidence in that times what the decision
    costs then. Where a look by a person is expected to cost less than any decision, the state is the fall-back, with
    the reason ``abstained``. Of decisions that cost the same, the first in the model's order is taken. It is the rule
    of Chow, "On optimum recognition error and reject tradeoff", IEEE Transactions on Information Theory 16, 1970, for
    any costs; it is as good as the confidences are calibrated.

    Labels of an independent group are decided one by one; one that is left to a person is named as undecided, and where
    all are, the state is the fall-back.

    Args:
        costs: what a decision costs, 0 or more, by what is true, as ``label`` or ``group:label``: of an exclusive group
            by the label decided, ``{"none": {"vest": 500}}``; of an independent one ``{"vest": {"miss": 100,
            "false_alarm": 5}}``. What is decided rightly costs nothing unless it is named.
        fallback: see :class:`~decisight.policies.settings.Settings`, as for the rest.
        review: what a look by a person costs: one number, or by group, or by what is true; without, there is none.
        default_cost: of confusions that ``costs`` does not name. Without, a group must have all of them named, or none:
            then each costs 1, and the top label is decided.
    """

    name: ClassVar[str] = "least_cost"
    shorthand: ClassVar[str] = ""
    said_together: ClassVar[tuple[str, ...]] = ("costs", "review", "default_cost")
    """Settings in one unit: where a section gives one of them, none of the others is taken from the model."""

    costs: Costs = field(default_factory=dict)
    fallback: str = DEFAULT_FALLBACK
    _: KW_ONLY
    review: Review = None
    default_cost: float | None = None
    min_dwell: SpanText = 0
    gap_tolerance: SpanText = 0
    stale_after: SpanText | None = None
    min_familiarity: float | None = None
    _tables: tuple[Task, tuple[tuple[LossTable, ...], ...]] | None = field(
        default=None, init=False, repr=False, compare=False
    )
    """What it was checked for; only :meth:`checked` says so."""

    @classmethod
    def from_card(
        cls,
        task: Task,
        costs: Mapping[str, Any],
        fallback: str = DEFAULT_FALLBACK,
        *,
        model: str = "a model",
        **settings: Any,
    ) -> LeastCost:
        """The rule that a model file's ``costs`` say, checked.

        Args:
            task: the model's.
            costs: ``costs`` and, where there is one, ``review``, as :meth:`to_card` gives them.
            fallback: the model's.
            model: its name, for errors.
            settings: others, for example ``min_familiarity``.

        Raises:
            ModelError: they are no costs, or name a label that the task does not have.
        """
        try:
            return cls._from_card(task, costs, fallback, **settings)
        except (LabelError, UsageError) as error:
            raise ModelError(
                f"what {printable(model)} says of costs cannot be used: {error.message}", hint=error.hint
            ) from error

    @classmethod
    def _from_card(cls, task: Task, costs: Mapping[str, Any], fallback: str, **settings: Any) -> LeastCost:
        unknown = sorted(costs.keys() - {"costs", "review"})
        if unknown:
            raise UsageError(f"the costs say what is not understood: {unknown[0][:40]!r}", hint=_EXAMPLE)
        named, review = costs.get("costs", {}), costs.get("review")
        rows = isinstance(named, Mapping) and all(isinstance(row, Mapping) for row in named.values())
        if not rows or not isinstance(review, Mapping | int | float | None):
            raise UsageError("the costs are no costs by what is true, by what is decided", hint=_EXAMPLE)
        return cls(named, fallback, review=review, **settings).checked(task)

    def to_card(self, task: Task) -> dict[str, Any]:
        """What a model file keeps of it, as JSON values; :meth:`from_card` reads it."""
        section = self.to_section(task)
        return {key: section[key] for key in ("costs", "review") if section[key] is not None}

    def checked(self, task: Task) -> LeastCost:
        """This rule at hand for a task, so that :meth:`decide` need not look at the costs anew.

        Raises:
            LabelError: a cost is for a label that the task does not have, or that stands in two groups.
            UsageError: a cost cannot be used, or is missing.
        """
        rule = replace(self)
        object.__setattr__(rule, "_tables", (task, self.tables(task)))
        return rule

    def tables(self, task: Task) -> tuple[tuple[LossTable, ...], ...]:
        """What each decision costs: of an exclusive group one table, of an independent one a table a label.

        Raises:
            LabelError: see :meth:`checked`.
            UsageError: see :meth:`checked`.
        """
        return loss_tables(task, self.costs, self.review, self.default_cost)

    def decide(self, prediction: Prediction) -> tuple[Decision, ...]:
        """One decision a group, in the task's order, on this image alone.

        Raises:
            LabelError: see :meth:`checked`.
            UsageError: see :meth:`checked`; or a familiarity is asked for, and the prediction does not have any.
        """
        task, tables = self._tables or (None, ())
        if task is not prediction.task and task != prediction.task:
            return self.checked(prediction.task).decide(prediction)
        strange = refused_familiarity(prediction, self.min_familiarity) is not None
        return tuple(
            self._decide_exclusive(group, row, of_group[0], strange)
            if group.exclusive
            else self._decide_independent(group, row, of_group, strange)
            for group, row, of_group in zip(prediction.task.groups, prediction.confidences, tables, strict=True)
        )

    def _decide_exclusive(self, group: LabelGroup, row: Row, table: LossTable, strange: bool) -> Decision:
        if strange:
            return Decision(group.name, self.fallback, max(row), Reason.UNFAMILIAR)
        label, expected = table.cheapest(row)
        if label == NOTHING:
            return Decision(group.name, self.fallback, max(row), Reason.ABSTAINED, scores=expected)
        return Decision(group.name, group.labels[label], row[label], Reason.ACCEPTED, scores=expected)

    def _decide_independent(self, group: LabelGroup, row: Row, tables: Sequence[LossTable], strange: bool) -> Decision:
        found = [table.cheapest((1.0 - c, c)) for c, table in zip(row, tables, strict=True)]
        scores = tuple(expected[PRESENT] for _, expected in found)
        likely = [max(c, 1.0 - c) for c in row]
        if strange:
            return Decision(group.name, self.fallback, math.prod(likely), Reason.UNFAMILIAR)
        undecided = tuple(name for name, (label, _) in zip(group.labels, found, strict=True) if label == NOTHING)
        if len(undecided) == len(group.labels):
            return Decision(group.name, self.fallback, math.prod(likely), Reason.ABSTAINED, scores=scores)
        state = tuple(name for name, (label, _) in zip(group.labels, found, strict=True) if label == PRESENT)
        sure = math.prod(
            c if label == PRESENT else 1.0 - c for c, (label, _) in zip(row, found, strict=True) if label != NOTHING
        )
        return Decision(group.name, state, sure, Reason.ACCEPTED, None, undecided, scores)

    def evidences(self, task: Task, group: LabelGroup) -> list[Evidence]:
        """See :class:`~decisight.policies.settings.Settings`."""
        return [_last_image(table) for table in self.tables(task)[task.groups.index(group)]]

    def to_section(self, task: Task) -> dict[str, Any]:
        """See :class:`~decisight.protocols.Policy`.

        Every confusion of a group is named, by ``group:label``, where not each costs 1; so is what a look costs.
        """
        costs: dict[str, dict[str, float]] = {}
        reviews: dict[str, float] = {}
        for group, tables in zip(task.groups, self.tables(task), strict=True):
            for table in tables:
                costs |= {} if table.is_plain else table.to_costs(group)
                reviews |= table.to_review(group)
        plain: Any = replace(self, costs={}, review=None, default_cost=None)
        section = Settings.to_section(plain, task)
        return section | {"costs": costs, "review": reviews or None, "default_cost": None}


ImageRule: TypeAlias = Threshold | LeastCost
"""A rule that decides a single image: each has ``decide``, ``fallback`` and ``min_familiarity``."""

_EXAMPLE = 'for example {"costs": {"gear:none": {"vest": 500}}, "review": {"gear:none": 20}}'


def _last_image(table: LossTable) -> LastImage:
    def finding(row: Row, held: int) -> Finding:
        label, expected = table.cheapest(row)
        return Finding(label, tuple(row), expected, Reason.ABSTAINED if label == NOTHING else Reason.ACCEPTED)

    return LastImage(finding, lambda row, held: table.explain(row))

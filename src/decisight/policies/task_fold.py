"""Policies at work on a whole task: one fold for each label group, stepped together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from decisight.errors import UsageError
from decisight.protocols import Fold, Policy
from decisight.types import Decision, Reading, Task, Tick

__all__ = ["States", "TaskFold"]

States = Mapping[str, Any]
"""By the name of each group, the state of its fold: JSON values alone."""


@dataclass(frozen=True, slots=True)
class TaskFold:
    """Like a :class:`~decisight.protocols.Fold`, of several groups at once: pure, over stored values.

        >>> from decisight.policies.parsing import parse_policy
        >>> from decisight.types import LabelGroup, Prediction
        >>> task = Task((LabelGroup("gear", ("vest", "none")),))
        >>> fold = TaskFold.of({"gear": parse_policy("consecutive:2")}, task)
        >>> items = [Reading(Prediction(task, ((0.9, 0.1),)))] * 2
        >>> [decisions[0].state for _, decisions in fold.run(items)]
        ['unknown', 'vest']

    Args:
        folds: by the name of each group, in the task's order.
    """

    folds: Mapping[str, Fold]

    @classmethod
    def of(cls, policies: Mapping[str, Policy], task: Task) -> TaskFold:
        """The folds of the groups that have a policy.

        Args:
            policies: a rule by the name of its group.
            task: what the readings' predictions are of.

        Raises:
            LabelError: the task does not have a group, or a label that a policy has a setting for.
            UsageError: a setting cannot be used.
        """
        for name in policies:
            task.group(name)
        wanted = (group.name for group in task.groups if group.name in policies)
        return cls({name: policies[name].fold(task, name) for name in wanted})

    def initial(self) -> dict[str, Any]:
        """The states before the first item."""
        return {name: fold.initial() for name, fold in self.folds.items()}

    def resume(self, states: States | None) -> dict[str, Any]:
        """The states to go on from: those given; where there are none, :meth:`initial`.

        Raises:
            UsageError: they are of other groups.
        """
        if states is None:
            return self.initial()
        if states.keys() != self.folds.keys():
            raise UsageError(
                f"there are states of the groups {', '.join(states) or 'none'}, "
                f"and policies of {', '.join(self.folds) or 'none'}",
                hint="go on with the states of the same groups",
            )
        return dict(states)

    def step(self, states: States, item: Reading | Tick) -> tuple[dict[str, Any], tuple[Decision, ...]]:
        """The states after one more item, and what is decided by then, one decision a group.

        Raises:
            LabelError: the reading has other labels than the folds were made for.
            UsageError: a policy counts in seconds and the reading has no time.
        """
        steps = {name: fold.step(states[name], item) for name, fold in self.folds.items()}
        after = {name: state for name, (state, _) in steps.items()}
        return after, tuple(decision for _, decision in steps.values())

    def explain(self, states: States) -> tuple[str, ...]:
        """Why it was decided so by these states, one line a group."""
        return tuple(fold.explain(states[name]) for name, fold in self.folds.items())

    def settled(self, states: States) -> bool:
        """Whether time alone changes nothing in any group any more, see :meth:`~decisight.protocols.Fold.settled`."""
        # A fold of another package may have been written before this was asked for.
        return all(hasattr(fold, "settled") and fold.settled(states[name]) for name, fold in self.folds.items())

    def refuses(self, item: Reading | Tick) -> bool:
        """Whether the rule of any group finds a picture too unfamiliar to be decided on.

        Raises:
            UsageError: a rule asks for a familiarity, and the reading has a prediction without any.
        """
        return any(hasattr(fold, "refuses") and fold.refuses(item) for fold in self.folds.values())

    def run(
        self, items: Iterable[Reading | Tick], states: States | None = None
    ) -> Iterator[tuple[dict[str, Any], tuple[Decision, ...]]]:
        """What :meth:`step` gives for each item in turn.

        Args:
            items: in order.
            states: where to begin: those of an earlier step, also after :func:`json.dumps` and :func:`json.loads`; by
                default :meth:`initial`.

        Raises:
            LabelError: a reading has other labels than the folds were made for.
            UsageError: the states are of other groups, or a policy counts in seconds and a reading has no time.
        """
        now = self.resume(states)
        for item in items:
            now, decisions = self.step(now, item)
            yield now, decisions

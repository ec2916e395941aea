"""The extension points: what a part of each kind must be able to do. Read this first.

Adding a part is adding one file: a frozen dataclass under its registry's ``register("name")``; its fields are its
configuration. See ``docs/extending.md``.
"""

from __future__ import annotations

from typing import Any, ClassVar, Protocol

from decisight.types import Decision, Reading, Task, Tick

__all__ = ["Fold", "Policy"]


class Fold(Protocol):
    """A policy at work on one label group of one sequence: a pure fold over stored values.

    No clock, no I/O, no chance: the same state and the same reading give the same result to the bit, so any decision
    can be derived again later, without the model. To the bit means on one platform and one build of Python: logarithms,
    exponentials and powers are those of the platform's C library, and another may round the last digit otherwise.

    A state is made of JSON values alone (lists, numbers, texts, null); it may be written down at any moment and taken
    up again, by :func:`json.dumps` and :func:`json.loads`. It says which rule it belongs to, and no other takes it.
    """

    @property
    def fewest(self) -> int:
        """The fewest judged readings after which it may accept a label."""

    def initial(self) -> Any:
        """The state before the first reading."""

    def step(self, state: Any, item: Reading | Tick) -> tuple[Any, Decision]:
        """The state after one more reading, or after time has passed without one, and what is decided by then.

        Raises:
            LabelError: the reading has other labels than the fold was made for.
            UsageError: the policy counts in seconds and the reading has no time; or the state belongs to another rule:
                another policy, other settings, another group, other labels or another order of them, another version.
        """

    def explain(self, state: Any) -> str:
        """Why it decided so by this state, in one line: what was counted, and what was needed.

        Raises:
            UsageError: the state belongs to another rule.
        """


class Policy(Protocol):
    """From readings to decisions: a rule with its settings, for any task that has the labels it names."""

    name: ClassVar[str]
    """What it is registered under, and so the ``type`` of its sections."""

    shorthand: ClassVar[str]
    """How the command line may write its main settings after the name, for example ``REQUIRED/WINDOW``.

    A class method ``from_shorthand(text)`` reads it, and gives a value for each setting that it says.
    """

    @property
    def fallback(self) -> str:
        """The state where no label is accepted."""

    def fold(self, task: Task, group: str) -> Fold:
        """This rule for one label group.

        Raises:
            LabelError: it has a setting for a label that the task does not have, or there is no such group.
            UsageError: a setting cannot be used.
        """

    def to_section(self, task: Task) -> dict[str, Any]:
        """This rule as the one section of a configuration that says it, of JSON values.

        ``type``, and every setting, those at their defaults too; however they were given, they are written in one way:
        spans as a number of images or as seconds, what is by label as ``group:label``. Equal rules give equal sections,
        and the section builds the same rule again.

        Args:
            task: whose labels the settings name.

        Raises:
            LabelError: it has a setting for a label that the task does not have.
            UsageError: a setting cannot be used.
        """

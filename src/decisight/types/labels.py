"""What is classified: labels, groups of them, and the settings that go by label."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from decisight.errors import LabelError, UsageError

__all__ = [
    "DEFAULT_FALLBACK",
    "DEFAULT_GROUP",
    "NONE_OF_THEM",
    "UNPRINTABLE",
    "LabelGroup",
    "Target",
    "Task",
    "check_fallback",
    "is_label",
    "resolve_thresholds",
    "written",
]

NONE_OF_THEM = "-"
"""How an independent group's "none of these labels" is written in a table. An empty cell means: not known."""

Target = str | frozenset[str] | None
"""What is true of one picture in one group: a label, a set of labels (independent), or ``None`` (not known)."""

DEFAULT_GROUP = "class"
"""The group of a single-group task, where the data does not name it."""

DEFAULT_FALLBACK = "unknown"
"""The state given when nothing is sure enough and no other fall-back was named."""

UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""What no terminal is shown: control characters (it obeys them), line separators, what turns the direction of writing
round, and halves of characters, as which Python holds the bytes of a name that are not UTF-8."""


@dataclass(frozen=True, slots=True)
class LabelGroup:
    """Labels that belong together.

    Args:
        name: the group's name, for example ``helmet``; without ``:``, so that ``group:label`` names one label.
        labels: in the model's order, which is never inferred again. An exclusive group has at least two.
        kind: ``exclusive`` (softmax: exactly one holds) or ``independent`` (sigmoid: any number holds).

    Raises:
        LabelError: a label stands twice, or is none by :func:`is_label`; too few labels; another kind; a name that is
            empty, holds ``:`` or cannot be shown.
    """

    name: str
    labels: tuple[str, ...]
    kind: Literal["exclusive", "independent"] = "exclusive"

    def __post_init__(self) -> None:
        if not self.name.strip() or ":" in self.name or UNPRINTABLE.search(self.name):
            raise LabelError(
                f"a label group has a name that cannot be used: {self.name!r}",
                hint="give it one without ':' and control characters, for example 'helmet'",
            )
        if self.kind not in ("exclusive", "independent"):
            raise LabelError(
                f"group {self.name!r} is of the kind {self.kind!r}", hint="a group is exclusive or independent"
            )
        for label in self.labels:
            if not is_label(label):
                raise LabelError(
                    f"group {self.name!r} has a label that cannot be used: {label!r}",
                    hint="a label is text, not empty, not '-', has no '|', control character or space at its ends",
                )
        repeated = sorted(label for label, times in Counter(self.labels).items() if times > 1)
        if repeated:
            raise LabelError(f"group {self.name!r} has labels that stand twice: {', '.join(repeated)}")
        fewest = 2 if self.kind == "exclusive" else 1
        if len(self.labels) < fewest:
            raise LabelError(
                f"group {self.name!r} has {len(self.labels)} label(s): {', '.join(self.labels) or 'none'}",
                hint=f"{'an exclusive' if fewest == 2 else 'an independent'} group needs at least {fewest}",
            )

    @property
    def exclusive(self) -> bool:
        """Whether exactly one label holds (softmax)."""
        return self.kind == "exclusive"


def is_label(text: str) -> bool:
    r"""Whether text can be a label: one line that any terminal can show, not ``-``, without ``|`` or space at its ends.

    Example:
        >>> is_label("no helmet"), is_label("-"), is_label("a|b"), is_label(" a"), is_label("\x1b[2J")
        (True, False, False, False, False)
    """
    if text != text.strip() or text in ("", NONE_OF_THEM) or "|" in text:
        return False
    return UNPRINTABLE.search(text) is None


@dataclass(frozen=True, slots=True)
class Task:
    """What is classified: one or more label groups, in order."""

    groups: tuple[LabelGroup, ...]

    def __post_init__(self) -> None:
        names = [group.name for group in self.groups]
        if not names:
            raise LabelError("a task needs at least one label group")
        if len(set(names)) < len(names):
            raise LabelError(f"a task has two label groups of one name: {', '.join(names)}")

    @property
    def kind(self) -> Literal["binary", "multi-class", "multi-label"]:
        """One exclusive group of two labels, of three or more; several groups, or an independent one."""
        if len(self.groups) > 1 or not self.groups[0].exclusive:
            return "multi-label"
        return "binary" if len(self.groups[0].labels) == 2 else "multi-class"

    def group(self, name: str) -> LabelGroup:
        """The group of that name.

        Raises:
            LabelError: there is none.
        """
        for group in self.groups:
            if group.name == name:
                return group
        raise LabelError(
            f"there is no label group {name!r}", hint=f"the groups are: {', '.join(g.name for g in self.groups)}"
        )

    def find(self, label: str) -> tuple[LabelGroup, str]:
        """The group and label that ``label`` or ``group:label`` names; the latter, where both could be meant.

        Raises:
            LabelError: no such label, or two groups share it and the group is not said.
        """
        group, _, rest = label.partition(":")
        for g in self.groups:
            if g.name == group and rest in g.labels:
                return g, rest
        found = [(g, label) for g in self.groups if label in g.labels]
        if len(found) == 1:
            return found[0]
        if found:
            choices = ", ".join(f"{g.name}:{name}" for g, name in found)
            raise LabelError(f"the label {label!r} stands in {len(found)} groups", hint=f"say which: {choices}")
        raise LabelError(f"there is no label {label!r} in this task", hint=self._nearest(label))

    def _nearest(self, label: str) -> str:
        """A hint: the labels most like one that there is not, and a few of all."""
        import difflib

        names = [name for g in self.groups for name in g.labels]
        # Case counts for a label, but hardly for what was meant.
        spelled = {
            name.lower(): name for name in [*(f"{g.name}:{name}" for g in self.groups for name in g.labels), *names]
        }
        near = [repr(spelled[name]) for name in difflib.get_close_matches(label.lower(), spelled)]
        known = ", ".join(names[:20]) + (f", ... and {len(names) - 20} more" if len(names) > 20 else "")
        return (f"did you mean {' or '.join(near)}? " if near else "") + f"the labels are: {known}"


def resolve_thresholds(task: Task, thresholds: Mapping[str, float], name: str = "threshold") -> dict[str, float]:
    """Thresholds by ``label`` or ``group:label``, all written as ``group:label``.

    Args:
        task: the task that the labels are of.
        thresholds: a number in 0..1 by label.
        name: of the setting, for messages.

    Raises:
        LabelError: one is for a label that the task does not have, or that stands in two groups.
        UsageError: one does not lie in 0..1, or two are given for one label.
    """
    found: dict[str, float] = {}
    for written, value in thresholds.items():
        group, label = task.find(written)
        key = f"{group.name}:{label}"
        if not 0.0 <= value <= 1.0:
            raise UsageError(
                f"the {name} of {written!r} is {value}, which is not between 0 and 1",
                hint=f"give a {name} between 0 and 1, for example 0.8",
            )
        if key in found:
            raise UsageError(
                f"{written!r} was given two {name}s: {found[key]} and {value}", hint=f"give each label one {name}"
            )
        found[key] = value
    return found


def check_fallback(state: str) -> None:
    """Refuse a fall-back state that says nothing, or that could write to a terminal.

    Raises:
        UsageError: it is empty, or holds control characters.
    """
    hint = f"name one, for example {DEFAULT_FALLBACK!r}"
    if not state.strip():
        raise UsageError("the fall-back state is empty", hint=hint)
    if UNPRINTABLE.search(state):
        raise UsageError(f"the fall-back state {state!r} holds what cannot be shown", hint=hint)


def written(target: Target) -> str:
    """What is true of a picture, as a table has it: ``a``, ``a|b``, ``-`` for none of them, nothing where not known."""
    if target is None:
        return ""
    return target if isinstance(target, str) else "|".join(sorted(target)) or NONE_OF_THEM

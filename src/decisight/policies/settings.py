"""What all policies can be told: the fall-back, what keeps a state from flickering, and thresholds."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, field, fields
from typing import Any, ClassVar

from decisight.errors import UsageError
from decisight.policies.ballot import Ballot, ballots
from decisight.policies.familiarity import check_min_familiarity
from decisight.policies.fold import Evidence, GroupFold, LabelFolds
from decisight.policies.identity import state_mark
from decisight.policies.stability import Stability
from decisight.spans import SpanText, parse_seconds, parse_span
from decisight.types import DEFAULT_FALLBACK, LabelGroup, Task, check_fallback, resolve_thresholds

__all__ = ["Settings", "VotingSettings"]


class Settings(ABC):
    """What every policy can be told; each is a frozen dataclass that has these fields.

    Args:
        fallback: the state where no label is accepted.
        min_dwell: how long a state, once entered, is kept whatever comes, the fall-back too: ``3`` images or ``"2s"``.
        gap_tolerance: how long a state outlives what speaks for it while nothing speaks for another.
        stale_after: the time without a judged picture after which nothing is known, for example ``"10s"``; by default
            never, so that the last state stays while pictures are missing; in a site file after 10 seconds, or three
            times the time between two pictures where that is more.
        min_familiarity: the familiarity below which a picture speaks for nothing, 0..1, see ``docs/unfamiliar.md``; by
            default, and with 0, every picture is familiar enough.
    """

    name: ClassVar[str]
    shorthand: ClassVar[str]

    fallback: str
    min_dwell: SpanText
    gap_tolerance: SpanText
    stale_after: SpanText | None
    # Of policies of other packages that were written before there was such a setting, too.
    min_familiarity: float | None = None

    def __post_init__(self) -> None:
        check_fallback(self.fallback)
        self.stability()
        check_min_familiarity(self.min_familiarity)

    def fold(self, task: Task, group: str) -> GroupFold | LabelFolds:
        """See :class:`~decisight.protocols.Policy`."""
        found = task.group(group)
        at, stability = task.groups.index(found), self.stability()
        evidences = self.evidences(task, found)
        rule, least = state_mark(self, task, group), self.min_familiarity
        if found.exclusive:
            return GroupFold(found, at, None, self.fallback, evidences[0], stability, rule, least)
        folds = (
            GroupFold(found, at, column, self.fallback, evidence, stability, rule, least)
            for column, evidence in enumerate(evidences)
        )
        return LabelFolds(found, self.fallback, tuple(folds), rule)

    def to_section(self, task: Task) -> dict[str, Any]:
        """See :class:`~decisight.protocols.Policy`.

        What a setting is follows from its type: a :data:`~decisight.spans.SpanText` (or ``int | str``) is a
        span, and a mapping has numbers in 0..1 by label. A policy with others says itself how they are written.

        A familiarity is said only where one is asked for: a rule that asks for none is the same rule, with the same
        digest, as before there was such a setting, and what was stored by it goes on.
        """
        settings = {
            one.name: _canonical(one.name, str(one.type), getattr(self, one.name), task)
            for one in fields(self)  # type: ignore[arg-type]  # each is a dataclass, as is said above
            if one.init
        }
        if not self.min_familiarity:
            settings.pop("min_familiarity", None)
        return {"type": self.name, **settings}

    def stability(self) -> Stability:
        """What keeps the state.

        Raises:
            UsageError: a span is not understood.
        """
        return Stability(
            parse_span(self.min_dwell, "min_dwell"),
            parse_span(self.gap_tolerance, "gap_tolerance"),
            None if self.stale_after is None else parse_seconds(self.stale_after, "stale_after"),
        )

    @abstractmethod
    def evidences(self, task: Task, group: LabelGroup) -> list[Evidence]:
        """What is gathered: for an exclusive group one, for an independent group one for each of its labels."""


@dataclass(frozen=True)
class VotingSettings(Settings):
    """The settings of policies that ask of each row of confidences which label it speaks for.

    Args:
        thresholds: from which confidence on a label is accepted, 0..1, by ``label``, or by ``group:label`` where two
            groups share it.
        fallback: see :class:`Settings`, as for the rest.
        default_threshold: the threshold of labels that ``thresholds`` does not name; by default they are accepted
            whatever their confidence, in an independent group from 0.5 on.
        leave_thresholds: hysteresis: below which confidence the label that is held is given up; by default the same
            as it is entered at.
    """

    thresholds: Mapping[str, float] = field(default_factory=dict)
    fallback: str = DEFAULT_FALLBACK
    _: KW_ONLY
    default_threshold: float | None = None
    leave_thresholds: Mapping[str, float] = field(default_factory=dict)
    min_dwell: SpanText = 0
    gap_tolerance: SpanText = 0
    stale_after: SpanText | None = None
    min_familiarity: float | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.default_threshold is not None and not 0.0 <= self.default_threshold <= 1.0:
            raise UsageError(
                f"default_threshold = {self.default_threshold:g} is not between 0 and 1",
                hint="a threshold is a confidence, for example 0.8",
            )

    def evidences(self, task: Task, group: LabelGroup) -> list[Evidence]:
        """See :class:`Settings`."""
        found = ballots(task, group, self.thresholds, self.leave_thresholds, default=self.default_threshold)
        return [self.evidence(ballot) for ballot in found]

    @abstractmethod
    def evidence(self, ballot: Ballot) -> Evidence:
        """What is gathered by this rule on one image."""


def _canonical(name: str, kind: str, value: Any, task: Task) -> Any:
    """A setting in the one way of writing it, as a JSON value."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, Mapping):
        resolved = resolve_thresholds(task, value, name)
        return {label: _number(number) for label, number in resolved.items()}
    if isinstance(value, tuple | list):
        return [_number(one) if isinstance(one, int | float) else one for one in value]
    if set(kind.split(" | ")) - {"None"} in ({"SpanText"}, {"int", "str"}):
        return parse_span(value, name).to_setting()
    return _number(value) if "float" in kind else value


def _number(value: float) -> float:
    return float(value) + 0.0  # -0.0 is 0

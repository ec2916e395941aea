"""The fold that all policies share: evidence gathered from readings, and a state that does not flicker."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from decisight.errors import LabelError, UsageError
from decisight.policies.ballot import NOTHING, PRESENT
from decisight.policies.familiarity import refused_familiarity
from decisight.policies.stability import Stability
from decisight.policies.steady_clock import steady
from decisight.spans import MICROSECOND
from decisight.types import Decision, Held, LabelGroup, Prediction, Reading, Reason, Tick

__all__ = ["STATE_VERSION", "Evidence", "Finding", "GroupFold", "LabelFolds", "Row"]

STATE_VERSION = 2
"""Of what a state is made of; one that was stored by another version is not taken up."""

Row = tuple[float, ...]
"""The confidences of one group, in the order of its labels."""


class Finding(NamedTuple):
    """What the evidence says at one moment, whatever is held.

    Args:
        label: the index of the label that it speaks for, or :data:`~decisight.policies.ballot.NOTHING`.
        support: how far it speaks for each label, 0..1: what a decision gives as its confidence. May be empty where
            there is no label.
        scores: what was counted for each label.
        reason: ``accepted`` where there is a label, else why there is none.
    """

    label: int
    support: Sequence[float]
    scores: tuple[float, ...]
    reason: Reason
    leaning: bool = False
    """Whether it leans to another label than the one that it still speaks for, or to none."""


class Evidence(Protocol):
    """What a policy gathers: its own part of the fold. Its state is made of JSON values alone."""

    @property
    def fewest(self) -> int:
        """The fewest judged readings after which it may accept a label."""

    @property
    def in_seconds(self) -> bool:
        """Whether it needs the readings' times."""

    def initial(self) -> Any:
        """Before the first reading."""

    def take(self, evidence: Any, row: Row | None, reading: Reading, now: float, held: int) -> Any:
        """With one reading more; ``row`` is ``None`` where the picture could not be judged, or is unfamiliar."""

    def find(self, evidence: Any, now: float, held: int) -> Finding:
        """What it says by now."""

    def explain(self, evidence: Any, now: float, held: int) -> str:
        """The same in words: what was counted, and what was needed."""

    def settled(self, evidence: Any, now: float) -> bool:
        """Whether it says the same from now on, until it takes another reading: no window in seconds empties yet."""


class _State(NamedTuple):
    """As a list, a JSON value: the states that are stored are these."""

    held: int
    since: float | None
    """When the held state was entered; ``None`` while nothing has been, so that it may be left at once."""
    since_reading: int
    supported: float
    """When a judged reading last spoke for the held state, or it was entered; time alone never moves it."""
    supported_reading: int
    support: float
    """How far the evidence spoke for it then, 0..1."""
    readings: int
    """Readings so far, judged or not."""
    blind: bool | float
    """Whether the last one could not be judged, or there is none that still counts; or, of one that was less familiar
    than is asked for, how familiar it was. So a rule that asks for none has the states that it always had."""
    judged: float | None
    """When one was last judged."""
    now: float | None
    """The policy's own clock, which never runs backwards; ``None`` before the first item."""
    ahead: Sequence[float]
    """By how much it may be ahead of the readings' times: one for each time that they were set back, least first."""
    evidence: Any


@dataclass(frozen=True, slots=True)
class GroupFold:
    """A policy at work on one exclusive group, or on one label of an independent one.

    Args:
        group: what is decided on.
        at: where the group stands in its task.
        column: of which of its labels, in an independent group.
        fallback: the state where no label is accepted.
        evidence: what is gathered.
        stability: what keeps the state.
        rule: what its states are marked with, see :func:`~decisight.policies.identity.state_mark`.
        min_familiarity: the familiarity below which a picture speaks for nothing; ``None`` or 0: each may speak.
    """

    group: LabelGroup
    at: int
    column: int | None
    fallback: str
    evidence: Evidence
    stability: Stability
    rule: str
    min_familiarity: float | None = None

    @property
    def fewest(self) -> int:
        """The fewest judged readings after which it may accept a label."""
        return self.evidence.fewest

    def initial(self) -> Any:
        """The state before the first reading."""
        return self.rule, self.begin()

    def step(self, state: Any, item: Reading | Tick) -> tuple[Any, Decision]:
        """See :class:`~decisight.protocols.Fold`."""
        after, finding, keeping = self.follow(_unmarked(state, self.rule, self.group), item)
        return (self.rule, after), self._decision(after, finding, keeping)

    def refuses(self, item: Reading | Tick) -> bool:
        """Whether a picture is less familiar than is asked for, so that it speaks for nothing.

        Raises:
            UsageError: a familiarity is asked for, and the reading has a prediction without any.
        """
        prediction = item.prediction if isinstance(item, Reading) else None
        return prediction is not None and refused_familiarity(prediction, self.min_familiarity) is not None

    def begin(self) -> _State:
        """The state before the first reading, without its mark; :meth:`follow` and :meth:`describe` take such."""
        return _State(NOTHING, None, 0, 0.0, 0, 0.0, 0, True, None, None, (), self.evidence.initial())

    def follow(self, state: Sequence[Any], item: Reading | Tick) -> tuple[_State, Finding, Held | None]:
        """The state after one more item, what the evidence says by then, and why the state is kept if it is."""
        held, since, since_reading, supported, supported_reading, support, readings, *rest = state
        blind, judged, before, ahead, evidence = rest
        spoke = lapsed = False
        now, ahead = self._clock(item.time, before, ahead)
        limit = self.stability.stale_after
        if limit is not None and judged is not None and now - judged > limit + MICROSECOND:
            # Too old to count, and too old to go on from.
            held, since, evidence, judged = NOTHING, None, self.evidence.initial(), None
            blind = True if blind is False else blind
        if isinstance(item, Reading):
            # After a reading that spoke for it there is no gap yet.
            if held != NOTHING and supported_reading != readings and self.stability.is_over(now - supported):
                young = since is not None and self.stability.too_young(readings - since_reading, now - since)
                lapsed = not young and self.evidence.find(evidence, now, held).label == NOTHING
                if lapsed:
                    # A tick would have shown it. None did, so that there is nothing that has to be kept for a while.
                    held, since = NOTHING, None
            readings += 1
            row, blind = self._heard(item.prediction)
            evidence = self.evidence.take(evidence, row, item, now, held)
            spoke = row is not None
            judged = now if spoke else judged
        finding = self.evidence.find(evidence, now, held)
        if blind is not False and finding.label == NOTHING:
            finding = finding._replace(reason=Reason.CANNOT_JUDGE if blind is True else Reason.UNFAMILIAR)
        keeping: Held | None = None
        if finding.label == held:
            if spoke and held != NOTHING:
                supported, supported_reading, support = now, readings, finding.support[held]
            if lapsed:
                since, since_reading = now, readings
            if held != NOTHING and blind is not False:
                keeping = Held.BLIND if blind is True else Held.UNFAMILIAR
            elif held != NOTHING and finding.leaning:
                keeping = Held.EVIDENCE
        elif finding.label == NOTHING and self.stability.bridges(readings - supported_reading, now - supported):
            keeping = Held.GAP
        elif since is not None and self.stability.too_young(readings - since_reading, now - since):
            keeping = Held.DWELL
        elif finding.label != NOTHING and isinstance(item, Tick):
            keeping = Held.TICK
        else:
            held, since, since_reading, supported, supported_reading = finding.label, now, readings, now, readings
            support = 0.0 if held == NOTHING else finding.support[held]
        kept = (held, since, since_reading, supported, supported_reading, support)
        return _State(*kept, readings, blind, judged, now, ahead, evidence), finding, keeping

    def explain(self, state: Any) -> str:
        """See :class:`~decisight.protocols.Fold`."""
        return self.describe(_unmarked(state, self.rule, self.group))

    def settled(self, state: Any) -> bool:
        """See :class:`~decisight.protocols.Fold`."""
        return self.is_at_rest(_unmarked(state, self.rule, self.group))

    def is_at_rest(self, state: Sequence[Any]) -> bool:
        """What :meth:`settled` says, of a state without its mark."""
        at, keeps = _State(*state), self.stability
        now = at.now or 0.0
        if keeps.stale_after is not None and at.judged is not None:
            return False
        if not self.evidence.settled(at.evidence, now):
            return False
        label = self.evidence.find(at.evidence, now, at.held).label
        if label == at.held:
            return True
        images, seconds = at.readings - at.supported_reading, now - at.supported
        if label == NOTHING and keeps.bridges(images, seconds):
            return keeps.gap_tolerance.seconds is None
        young = at.since is not None and keeps.too_young(at.readings - at.since_reading, now - at.since)
        # What is too young in images stays so; and a tick enters no label.
        return keeps.min_dwell.seconds is None if young else label != NOTHING

    def describe(self, state: Sequence[Any]) -> str:
        """What :meth:`explain` says, of a state without its mark."""
        at = _State(*state)
        now = at.now or 0.0
        text = self.evidence.explain(at.evidence, now, at.held)
        if at.blind is True and at.readings:
            text += "; the last picture could not be judged" if at.judged is not None else "; nothing judged of late"
        elif not isinstance(at.blind, bool):
            text += f"; the last picture is unfamiliar: familiarity {at.blind:.3g}, {self.min_familiarity:g} needed"
        if self.evidence.find(at.evidence, now, at.held).label != at.held:
            text += f"; {self.fallback if at.held == NOTHING else self.label(at.held)} is kept for now"
        return text

    def _clock(self, time: float | None, before: float | None, ahead: Sequence[float]) -> tuple[float, Sequence[float]]:
        """What time it is, and by how much that may be ahead of what the readings say."""
        if time is None:
            if self.evidence.in_seconds or self.stability.in_seconds:
                raise UsageError(
                    "the policy counts in seconds, and a reading has no time",
                    hint="give the pictures' times (a column time, or --fps), or count in images",
                )
            return before or 0.0, ahead
        return steady(time, before, ahead)

    def label(self, index: int) -> str:
        """A label of the group by its index."""
        if self.column is None:
            return self.group.labels[index]
        name = self.group.labels[self.column]
        return name if index == PRESENT else f"not {name}"

    def _heard(self, prediction: Prediction | None) -> tuple[Row | None, bool | float]:
        """The row that a picture speaks by, if it does; and what is to be known of one that does not."""
        if prediction is None:
            return None, True
        row, familiarity = self._row(prediction), refused_familiarity(prediction, self.min_familiarity)
        return (row, False) if familiarity is None else (None, float(familiarity))

    def _row(self, prediction: Prediction) -> Row:
        groups = prediction.task.groups
        if self.at >= len(groups) or (groups[self.at] is not self.group and groups[self.at] != self.group):
            raise LabelError(
                f"a reading has other labels than group {self.group.name!r}, which the policy was made for",
                hint="make the policy anew for the task of the readings",
            )
        row = prediction.confidences[self.at]
        if self.column is None:
            return row
        confidence = row[self.column]
        return (1.0 - confidence, confidence)

    def _decision(self, after: _State, finding: Finding, keeping: Held | None) -> Decision:
        held, support = after.held, finding.support
        if held != NOTHING:
            confidence = support[held] if keeping is None else after.support
            return Decision(
                self.group.name, self.group.labels[held], confidence, Reason.ACCEPTED, keeping, (), finding.scores
            )
        reason = finding.reason if finding.label == NOTHING else Reason.ABSTAINED
        confidence = max(support) if support else 0.0
        return Decision(self.group.name, self.fallback, confidence, reason, keeping, (), finding.scores)


@dataclass(frozen=True, slots=True)
class LabelFolds:
    """A policy at work on an independent group: a fold for each label, which is absent, present, or undecided.

    Labels that are present make the state; those of which nothing can be said yet are named as undecided. While that
    is all of them, the state is the fall-back.
    """

    group: LabelGroup
    fallback: str
    folds: tuple[GroupFold, ...]
    rule: str

    @property
    def fewest(self) -> int:
        """The fewest judged readings after which it may accept a label."""
        return self.folds[0].fewest

    def initial(self) -> Any:
        """The state before the first reading."""
        return self.rule, tuple(fold.begin() for fold in self.folds)

    def step(self, state: Any, item: Reading | Tick) -> tuple[Any, Decision]:
        """See :class:`~decisight.protocols.Fold`."""
        of_labels = _unmarked(state, self.rule, self.group)
        steps = [fold.follow(of_label, item) for fold, of_label in zip(self.folds, of_labels, strict=True)]
        states = tuple(step[0] for step in steps)
        after = (self.rule, states)
        held = [of_label.held for of_label in states]
        scores = tuple(finding.scores[PRESENT] for _, finding, _ in steps if finding.scores)
        keeping = min((why for _, _, why in steps if why is not None), key=_before_others, default=None)
        if all(label == NOTHING for label in held):
            reasons = (finding.reason for _, finding, _ in steps if finding.label == NOTHING)
            reason = next(reasons, Reason.ABSTAINED)
            confidence = math.prod(max(f.support, default=0.0) for _, f, _ in steps)
            return after, Decision(self.group.name, self.fallback, confidence, reason, keeping, (), scores)
        state_labels, undecided, confidence = [], [], 1.0
        for label, name, (of_label, finding, why) in zip(held, self.group.labels, steps, strict=True):
            if label == NOTHING:
                undecided.append(name)
                continue
            confidence *= finding.support[label] if why is None else of_label.support
            if label == PRESENT:
                state_labels.append(name)
        decision = Decision(
            self.group.name, tuple(state_labels), confidence, Reason.ACCEPTED, keeping, tuple(undecided), scores
        )
        return after, decision

    def explain(self, state: Any) -> str:
        """See :class:`~decisight.protocols.Fold`."""
        of_labels = _unmarked(state, self.rule, self.group)
        return "; ".join(fold.describe(of_label) for fold, of_label in zip(self.folds, of_labels, strict=True))

    def settled(self, state: Any) -> bool:
        """See :class:`~decisight.protocols.Fold`."""
        of_labels = _unmarked(state, self.rule, self.group)
        return all(fold.is_at_rest(of_label) for fold, of_label in zip(self.folds, of_labels, strict=True))

    def refuses(self, item: Reading | Tick) -> bool:
        """See :meth:`GroupFold.refuses`; all labels are of one picture."""
        return self.folds[0].refuses(item)


def _before_others(why: Held) -> str:
    """An order of why labels are kept: what is the matter with the last picture comes first."""
    return Held.BLIND if why is Held.UNFAMILIAR else why


def _unmarked(state: Any, rule: str, group: LabelGroup) -> Any:
    """A state without its mark.

    Raises:
        UsageError: it is marked for another rule.
    """
    if not isinstance(state, tuple | list) or len(state) != 2 or state[0] != rule:
        raise UsageError(
            f"a state of group {group.name!r} is of another policy, other settings, other labels or another version",
            hint="begin anew with initial(), or take the policy, the task and the version that made it",
        )
    return state[1]

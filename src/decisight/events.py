"""From decisions to events: a label that is decided opens one, its end closes it. A pure fold over stored values.

The fall-back opens no event: it says that nothing is known, and how long that was is what coverage tells. Of an
independent group each label that is present is an event of its own.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, TypeAlias

from decisight.types import Decision, Event, EventChange, Reason

__all__ = [
    "SETTINGS_CHANGED",
    "SOURCE_ENDED",
    "EventFold",
    "EventState",
    "Moment",
    "Scope",
    "close_events",
    "labels_of",
    "open_events",
]

SOURCE_ENDED = "source ended"
"""What ends the events that are open when a recording is over."""

SETTINGS_CHANGED = "settings changed"
"""What ends the events of a rule, a region or a model that is not there any more."""

_DIGITS = 32


class Moment(NamedTuple):
    """When something was decided.

    Args:
        time: as the source says it, in seconds since 1970; it may go back.
        steady: the same on a clock that never does: durations are measured with it.
    """

    time: float
    steady: float


EventState: TypeAlias = Sequence[Sequence[Any]]
"""The events that are open: each as the steady time at which it was entered, and the event as it is stored. It is made
of JSON values, once tuples are lists."""


def labels_of(decision: Decision) -> tuple[str, ...]:
    """The labels that a decision says hold: none where it is the fall-back, whatever that is called."""
    if isinstance(decision.state, tuple):
        return decision.state
    return (decision.state,) if decision.reason is Reason.ACCEPTED else ()


@dataclass(frozen=True, slots=True)
class Scope:
    """What the events of one fold have in common.

    Args:
        store: what tells them from those of any other store.
        site: its name.
        camera: its name.
        region: its name; ``None`` for all of the picture.
        model: its name.
        group: the label group that is decided on.
    """

    store: str
    site: str
    camera: str
    region: str | None
    model: str
    group: str

    def event_id(self, number: int) -> str:
        """The identity of the n-th event of a camera: derived again, it is the same.

        Args:
            number: counts all events of the camera, whatever their region, model or group.
        """
        digest = hashlib.sha256()
        for part in (self.store, self.site, self.camera, str(number)):
            digest.update(len(part).to_bytes(4, "little") + part.encode(errors="surrogatepass"))
        return digest.hexdigest()[:_DIGITS]


@dataclass(frozen=True, slots=True)
class EventFold:
    """Opens, extends and closes events of one label group.

        >>> from decisight.types import Reason
        >>> fold = EventFold(Scope("s", "plant", "gate", None, "gear", "vest"))
        >>> worn = Decision("vest", "worn", 0.9, Reason.ACCEPTED)
        >>> state, changes = fold.step((), worn, Moment(5.0, 5.0), 0)
        >>> [(change.change, change.event.state, change.event.start_time) for change in changes]
        [('opened', 'worn', 5.0)]

    Args:
        scope: whose events.
        quiet: labels that open no event, such as ``empty``.
    """

    scope: Scope
    quiet: frozenset[str] = field(default_factory=frozenset)

    def step(
        self,
        state: EventState,
        decision: Decision,
        now: Moment,
        number: int,
        why: Callable[[], str] = str,
        *,
        by_reading: bool = True,
    ) -> tuple[EventState, tuple[EventChange, ...]]:
        """What is open after a decision, and what that has changed: what was closed, then what was opened.

        Args:
            state: of the step before, ``()`` at first; also after :func:`json.dumps` and :func:`json.loads`.
            decision: on the fold's group.
            now: when it was made.
            number: of the next event that is opened, see :meth:`Scope.event_id`; another one has the next number.
            why: says what the policy counted, and what was needed; kept with an event that is opened.
            by_reading: it was made at a reading, not because time has passed: that closes events, and does nothing
                else.
        """
        held = labels_of(decision)
        ended_by = " + ".join(held) or _word(decision)
        still, changes = [], []
        for entered, stored in state:
            event = Event.from_stored(stored)
            if event.state in held:
                if by_reading:
                    event = _extended(event, decision, now.steady - entered)
                still.append((entered, event.to_stored()))
            else:
                changes.append(_closed(event, now, entered, ended_by))
        there = {stored["state"] for _, stored in still}
        # Time alone enters no state: what is held on without an event is one that was closed before it was left.
        for label in held if by_reading else ():
            if label in there or label in self.quiet:
                continue
            event = self._event(number, label, decision, now, why())
            number += 1
            still.append((now.steady, event.to_stored()))
            changes.append(EventChange("opened", event))
        return tuple(still), tuple(changes)

    def _event(self, number: int, label: str, decision: Decision, now: Moment, why: str) -> Event:
        at = self.scope
        confidence = decision.confidence
        return Event(
            at.event_id(number), at.site, at.camera, at.region, at.model, at.group, label,
            now.time, None, 0.0, confidence, confidence, 1, why,
        )  # fmt: skip


def close_events(state: EventState, now: Moment, ended_by: str) -> tuple[EventChange, ...]:
    """Close whatever is open, since nothing more can be said.

    Args:
        state: of the last step.
        now: until when it was watched.
        ended_by: why, for example :data:`SOURCE_ENDED`.
    """
    return tuple(_closed(Event.from_stored(stored), now, entered, ended_by) for entered, stored in state)


def open_events(state: EventState) -> Iterator[Event]:
    """The events that are open in a state."""
    return (Event.from_stored(stored) for _, stored in state)


def _extended(event: Event, decision: Decision, duration: float) -> Event:
    return replace(
        event,
        duration=duration,
        least_confidence=min(event.least_confidence, decision.confidence),
        readings=event.readings + 1,
    )


def _closed(event: Event, now: Moment, entered: float, ended_by: str) -> EventChange:
    ended = replace(event, end_time=now.time, duration=now.steady - entered, ended_by=ended_by)
    return EventChange("closed", ended)


def _word(decision: Decision) -> str:
    """What a decision that names no label says: its state and why, or that there is nothing."""
    return f"{decision.state} ({decision.reason.value})" if isinstance(decision.state, str) else "nothing"

"""Events begin and end as decisions say, and what is between two steps is JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from decisight.events import EventFold, EventState, Moment, Scope, close_events, labels_of, open_events
from decisight.policies.steady_clock import steady
from decisight.types import Decision, Event, EventChange, Reason

SCOPE = Scope("store", "plant", "gate-1", "gate", "gear", "vest")
FOLD = EventFold(SCOPE)

EXPECTED = "b73a82cda9dfac88c5ae2362dd2c03af"
"""The identity of the first event of this scope."""


def says(state: str | tuple[str, ...], confidence: float = 0.9, reason: Reason = Reason.ACCEPTED) -> Decision:
    return Decision("vest", state, confidence, reason)


UNSURE = says("unknown", 0.4, Reason.BELOW_THRESHOLD)
DARK = says("unknown", 0.0, Reason.CANNOT_JUDGE)


class Told:
    """What a fold has told of a sequence."""

    def __init__(self, fold: EventFold = FOLD, *, by_json: bool = False) -> None:
        self.fold, self.by_json = fold, by_json
        self.state: EventState = ()
        self.changes: list[EventChange] = []
        self.number = 0
        self.asked = 0
        self.now: float | None = None
        self.ahead: Sequence[float] = ()

    def why(self) -> str:
        self.asked += 1
        return f"why {self.asked}"

    def step(self, decision: Decision, time: float, *, tick: bool = False) -> tuple[EventChange, ...]:
        self.now, self.ahead = steady(time, self.now, self.ahead)
        now = Moment(time, self.now)
        self.state, new = self.fold.step(self.state, decision, now, self.number, self.why, by_reading=not tick)
        if self.by_json:
            self.state = json.loads(json.dumps(self.state))
        self.number += sum(change.change == "opened" for change in new)
        self.changes += new
        return new

    def short(self) -> list[tuple[str, str, float | None]]:
        return [
            (c.change, c.event.state, c.event.start_time if c.change == "opened" else c.event.end_time)
            for c in self.changes
        ]

    def open(self) -> list[Event]:
        return list(open_events(self.state))


@pytest.mark.parametrize(
    ("decision", "labels"),
    [
        (says("worn"), ("worn",)),
        (UNSURE, ()),
        # the fall-back may be called as a label is
        (says("missing", 0.4, Reason.BELOW_THRESHOLD), ()),
        (says("missing", 0.0, Reason.CANNOT_JUDGE), ()),
        (says("missing", 0.5, Reason.ABSTAINED), ()),
        (says("missing", 0.5, Reason.UNFAMILIAR), ()),
        (says(()), ()),
        (says(("gloves", "goggles")), ("gloves", "goggles")),
    ],
)
def test_the_labels_that_hold(decision: Decision, labels: tuple[str, ...]) -> None:
    assert labels_of(decision) == labels
    told = Told()
    told.step(decision, 1.0)
    assert [event.state for event in told.open()] == list(labels)


def test_a_label_opens_an_event_and_its_end_closes_it() -> None:
    told = Told()
    assert told.step(UNSURE, 1.0) == ()
    (opened,) = told.step(says("worn", 0.9), 2.0)
    assert opened == EventChange(
        "opened",
        Event(
            SCOPE.event_id(0), "plant", "gate-1", "gate", "gear", "vest", "worn",
            2.0, None, 0.0, 0.9, 0.9, 1, "why 1",
        ),
    )  # fmt: skip
    assert opened.event.is_open
    assert told.step(says("worn", 0.7), 3.0) == ()
    assert told.step(says("worn", 0.8), 4.5) == ()
    (event,) = told.open()
    assert event == replace(opened.event, duration=2.5, least_confidence=0.7, readings=3)
    (closed,) = told.step(DARK, 6.0)
    assert closed == EventChange(
        "closed", replace(event, end_time=6.0, duration=4.0, ended_by="unknown (cannot_judge)")
    )
    assert not closed.event.is_open
    assert told.open() == []
    # What the policy counted is asked for only where an event is opened.
    assert told.asked == 1


def test_one_label_follows_another() -> None:
    told = Told()
    told.step(says("worn"), 1.0)
    changes = told.step(says("missing"), 2.0)
    assert [(c.change, c.event.state, c.event.ended_by) for c in changes] == [
        ("closed", "worn", "missing"),
        ("opened", "missing", None),
    ]
    assert told.step(says("missing"), 2.0) == ()


def test_each_label_of_an_independent_group_is_an_event_of_its_own() -> None:
    told = Told()
    told.step(says(("gloves",)), 1.0)
    told.step(says(("gloves", "goggles")), 2.0)
    told.step(says(("goggles",)), 3.0)
    told.step(says(()), 4.0)
    assert told.short() == [
        ("opened", "gloves", 1.0),
        ("opened", "goggles", 2.0),
        ("closed", "gloves", 3.0),
        ("closed", "goggles", 4.0),
    ]
    assert [change.event.ended_by for change in told.changes if change.change == "closed"] == ["goggles", "nothing"]
    told.step(says(("gloves", "goggles")), 5.0)
    assert len({event.event_id for event in told.open()}) == 2
    (gloves, goggles) = told.step(UNSURE, 6.0)
    assert {gloves.event.ended_by, goggles.event.ended_by} == {"unknown (below_threshold)"}


def test_quiet_labels_open_none_and_end_others() -> None:
    told = Told(EventFold(SCOPE, frozenset({"empty"})))
    for time, state in enumerate(["empty", "worn", "empty", "empty", "worn"]):
        told.step(says(state), float(time))
    assert told.short() == [("opened", "worn", 1.0), ("closed", "worn", 2.0), ("opened", "worn", 4.0)]
    assert told.changes[1].event.ended_by == "empty"


def test_ticks_close_and_do_nothing_else() -> None:
    told = Told()
    # A policy enters no state at a tick; what it held on after its event was closed opens none either.
    assert told.step(says("worn"), 0.0, tick=True) == ()
    told.step(says("worn", 0.9), 1.0)
    before = told.open()
    assert told.step(says("worn", 0.2), 5.0, tick=True) == ()
    assert told.open() == before
    (closed,) = told.step(UNSURE, 7.0, tick=True)
    assert (closed.event.end_time, closed.event.duration) == (7.0, 6.0)
    assert (closed.event.readings, closed.event.least_confidence) == (1, 0.9)


def test_an_event_lasts_as_long_as_the_steady_clock_says() -> None:
    told = Told()
    told.step(says("worn"), 100.0)
    told.step(says("worn"), 104.0)
    # The clock is set back by 54 s; nobody knows how long that took, so no time has passed.
    told.step(says("worn"), 50.0)
    (event,) = told.open()
    assert (event.start_time, event.duration) == (100.0, 4.0)
    told.step(says("worn"), 53.0)
    (closed,) = told.step(UNSURE, 55.0)
    assert (closed.event.start_time, closed.event.end_time, closed.event.duration) == (100.0, 55.0, 9.0)


def test_whatever_is_open_can_be_closed() -> None:
    told = Told()
    told.step(says(("gloves", "goggles")), 1.0)
    changes = close_events(told.state, Moment(3.0, 3.5), "source ended")
    assert [(c.change, c.event.state, c.event.end_time, c.event.duration, c.event.ended_by) for c in changes] == [
        ("closed", "gloves", 3.0, 2.5, "source ended"),
        ("closed", "goggles", 3.0, 2.5, "source ended"),
    ]
    assert close_events((), Moment(3.0, 3.0), "source ended") == ()


class TestIdentity:
    def test_it_is_the_same_again(self) -> None:
        assert SCOPE.event_id(7) == replace(SCOPE).event_id(7)
        # Written down once, so that no later version gives the events of a store other names.
        assert SCOPE.event_id(0) == EXPECTED
        assert len(EXPECTED) == 32

    def test_no_two_are_alike(self) -> None:
        # Names that run together when they are put one after another.
        names = ["a", "b", "ab", "a1", "1", "", "é", "a\x00", "\udce9"]
        scopes = [replace(SCOPE, store=s, site=t, camera=c) for s, t, c in product(names, repeat=3)]
        assert len({scope.event_id(n) for scope in scopes for n in (0, 1, 10, 11)}) == 4 * len(scopes)

    def test_it_counts_by_camera(self) -> None:
        # The number is the camera's, so that region, model and group tell nothing more.
        assert replace(SCOPE, region=None, model="other", group="helmet").event_id(3) == SCOPE.event_id(3)

    def test_of_two_changes_of_an_event(self) -> None:
        told = Told()
        told.step(says("worn"), 1.0)
        told.step(UNSURE, 2.0)
        opened, closed = told.changes
        assert opened.event.event_id == closed.event.event_id
        assert (opened.key, closed.key) == (f"{opened.event.event_id}:opened", f"{opened.event.event_id}:closed")


LABELS = ("worn", "missing", "empty")
DECISIONS = st.one_of(
    st.builds(says, st.sampled_from(LABELS), st.floats(0, 1)),
    st.builds(lambda states, c: says(tuple(sorted(states)), c), st.sets(st.sampled_from(LABELS)), st.floats(0, 1)),
    st.builds(
        lambda state, reason: says(state, 0.3, reason),
        st.sampled_from(["unknown", "worn"]),
        st.sampled_from([reason for reason in Reason if reason is not Reason.ACCEPTED]),
    ),
)
STEPS = st.lists(st.tuples(DECISIONS, st.floats(-2, 10)), max_size=30)


def run(steps: Sequence[tuple[Decision, float]], **options: Any) -> Told:
    told, time = Told(EventFold(SCOPE, frozenset({"empty"})), **options), 1_000.0
    for decision, later in steps:
        time += later
        told.step(decision, time)
    return told


@given(STEPS)
def test_every_moment_is_covered_by_the_events_that_its_decision_says(steps: list[tuple[Decision, float]]) -> None:
    told, time = Told(EventFold(SCOPE, frozenset({"empty"}))), 1_000.0
    for decision, later in steps:
        time += later
        told.step(decision, time)
        assert sorted(event.state for event in told.open()) == sorted(set(labels_of(decision)) - {"empty"})


@given(STEPS)
def test_what_is_between_two_steps_is_json(steps: list[tuple[Decision, float]]) -> None:
    told, by_json = run(steps), run(steps, by_json=True)
    assert told.changes == by_json.changes
    assert told.open() == by_json.open()
    assert json.loads(json.dumps(told.state)) == list(by_json.state)


@given(STEPS)
def test_what_was_opened_was_closed_or_is_open(steps: list[tuple[Decision, float]]) -> None:
    told = run(steps)
    opened = [c.event.event_id for c in told.changes if c.change == "opened"]
    closed = [c.event.event_id for c in told.changes if c.change == "closed"]
    still = [event.event_id for event in told.open()]
    assert len(set(opened)) == len(opened) == told.number
    assert sorted(opened) == sorted(closed + still)
    assert len({change.key for change in told.changes}) == len(told.changes)
    for change in told.changes:
        if change.change == "closed":
            event = change.event
            assert event.duration >= 0.0
            assert event.least_confidence <= event.confidence
            assert event.ended_by


@given(STEPS, STEPS)
def test_the_same_decisions_give_the_same_events(
    steps: list[tuple[Decision, float]], others: list[tuple[Decision, float]]
) -> None:
    assert run(steps).changes == run(steps).changes
    # What comes later changes nothing of what was told.
    before = run(steps).changes
    assert run(steps + others).changes[: len(before)] == before

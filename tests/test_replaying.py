"""Any event can be derived again from what is stored: to the bit, without the model, and after a part was dropped."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from decisight.errors import StoreError
from decisight.events import SOURCE_ENDED, EventFold, EventState, Moment, Scope, close_events
from decisight.policies.identity import policy_digest
from decisight.policies.parsing import policy_from_section
from decisight.policies.task_fold import TaskFold
from decisight.replaying import Replay, fold_of, policies_of, replay, steps_json
from decisight.store import (
    CameraBatch,
    Codec,
    Limit,
    Retention,
    Store,
    StoredEvent,
    ViewKey,
    open_store,
    task_to_stored,
    writing,
)
from decisight.types import LabelGroup, Prediction, Reading, Task, Tick

KEY = b"a key that only these tests know"
BEGIN = 1_777_000_000.0
TASK = Task((LabelGroup("class", ("a", "b", "c")), LabelGroup("tags", ("wet", "big"), "independent")))
RULES: dict[str, dict[str, Any]] = {
    "votes": {"type": "majority_vote", "window": "1s", "required": 3, "stale_after": "2s", "min_dwell": "300ms"},
    "average": {"type": "weighted_average", "window": 8, "gap_tolerance": 3},
    "evidence": {"type": "sequential_test"},
}
"""A rule of each kind that counts otherwise: in seconds, in numbers that are added up, in logarithms."""


def scene(count: int, seed: int, *, every: float = 0.1, rate: float = 0.004) -> Iterator[tuple[str, Reading | Tick]]:
    """What a camera sees: states that last for a while, bad pictures, still ones, and times without any."""
    chance = np.random.default_rng(seed)
    logits = chance.normal(0.0, 1.0, (count, 5))
    logits[np.arange(count), np.cumsum(chance.random(count) < rate) % 3] += 3.0
    logits[:, 3:] += 3.0 * (np.cumsum(chance.random((count, 2)) < rate / 2, axis=0) % 2) - 1.5
    shares = np.exp(logits[:, :3])
    shares /= shares.sum(axis=1, keepdims=True)
    present = 1.0 / (1.0 + np.exp(-logits[:, 3:]))
    last: Prediction | None = None
    kinds = chance.choice(["reading", "repeated", "unjudged", "tick"], count, p=[0.8, 0.1, 0.05, 0.05])
    for at, kind in enumerate(kinds):
        time = BEGIN + at * every
        if kind == "tick":
            yield "tick", Tick(time)
        elif kind == "unjudged":
            yield "unjudged", Reading(None, time, cause="too dark")
        elif kind == "repeated" and last is not None:
            yield "repeated", Reading(last, time)
        else:
            last = Prediction(TASK, (tuple(map(float, shares[at])), tuple(map(float, present[at]))))
            yield "reading", Reading(last, time)


class Camera:
    """Decides as a pipeline does, without pictures, and writes it down."""

    def __init__(self, store: Store, name: str, rules: Sequence[str]) -> None:
        self.store, self.name = store, name
        self.opened = 0
        self.views: list[tuple[int, ViewKey, TaskFold, dict[str, EventFold]]] = []
        for rule in rules:
            policy = policy_from_section(RULES[rule])
            groups = {
                group.name: {"section": policy.to_section(TASK), "digest": policy_digest(policy, TASK, group.name)}
                for group in TASK.groups
            }
            key = ViewKey(name, rule, "", "", "m", "sha256:0", "sha256:0", "none", task_to_stored(TASK), groups)
            folds = {g.name: EventFold(Scope(store.store_id, "plant", name, rule, "m", g.name)) for g in TASK.groups}
            self.views.append((store.view_id(key), key, fold_of(key), folds))
        self.states = {number: fold.initial() for number, _, fold, _ in self.views}
        self.events: dict[tuple[int, str], EventState] = {}

    def watch(self, items: Sequence[tuple[str, Reading | Tick]], *, size: int = 100) -> None:
        for begin in range(0, len(items), size):
            self._write(items[begin : begin + size])

    def close(self, time: float) -> None:
        """The source has ended."""
        changes = [
            (change, None)
            for state in self.events.values()
            for change in close_events(state, Moment(time, time), SOURCE_ENDED)
        ]
        self.store.commit([CameraBatch(self.name, changes=changes, checkpoint=self._checkpoint())])

    def _write(self, items: Sequence[tuple[str, Reading | Tick]]) -> None:
        records, changes = [], []
        for kind, item in items:
            for number, key, fold, folds in self.views:
                self.states[number], decisions = fold.step(self.states[number], item)
                now = Moment(item.time or 0.0, item.time or 0.0)
                for at, decision in enumerate(decisions):
                    name = decision.group
                    self.events[number, name], new = folds[name].step(
                        self.events.get((number, name), ()),
                        decision,
                        now,
                        self.opened,
                        partial(_why, fold, self.states[number], at),
                        by_reading=kind != "tick",
                    )
                    self.opened += sum(change.change == "opened" for change in new)
                    changes += [(change, len(records)) for change in new]
                records.append(Codec.of(key).record(number, item, decisions, repeated=kind == "repeated"))
        self.store.commit([CameraBatch(self.name, records, changes, checkpoint=self._checkpoint())])

    def _checkpoint(self) -> dict[str, Any]:
        # As a pipeline's is: written as text, and so of lists.
        return {"states": json.loads(json.dumps({str(number): state for number, state in self.states.items()}))}


def _why(fold: TaskFold, states: dict[str, Any], at: int) -> str:
    return fold.explain(states)[at]


def file_of(tmp_path: Path) -> Path:
    return tmp_path / "plant.db"


def opened(tmp_path: Path) -> Store:
    return open_store(f"sqlite:///{file_of(tmp_path)}", key=KEY)


def filled(
    tmp_path: Path, readings: int, rules: Sequence[str] = tuple(RULES), *, seed: int = 1, rate: float = 0.004
) -> Store:
    store = opened(tmp_path)
    camera = Camera(store, "gate", rules)
    items = list(scene(readings // len(rules), seed, rate=rate))
    camera.watch(items)
    camera.close(BEGIN + 0.1 * len(items))
    return store


def check(found: Replay, event: StoredEvent) -> None:
    """A replay of an event in which nothing is otherwise, and which is about that event."""
    assert found.differing == ()
    by_number = {step.seq: step for step in found.steps}
    step = by_number[event.opened_seq]
    group = next(at for at, decision in enumerate(step.derived) if decision.group == event.event.group)
    assert step.derived[group].confidence == event.event.confidence
    assert step.why[group] == event.event.why
    held = step.derived[group].state
    assert event.event.state in ((held,) if isinstance(held, str) else held)
    assert step.item.to_stored().get("time") == event.event.start_time


def segments(tmp_path: Path) -> list[tuple[int, int | None, float | None]]:
    """First and last record of each segment of readings, and when it was sealed."""
    with sqlite3.connect(file_of(tmp_path)) as database:
        query = "SELECT first_seq, last_seq, sealed_at FROM segments WHERE chain_id = 1 ORDER BY number"
        found = database.execute(query).fetchall()
    database.close()
    return found


def drop(store: Store, tmp_path: Path, count: int) -> None:
    """Drop so many segments, the oldest first, as retention does."""
    sealed = segments(tmp_path)[count - 1][2]
    assert sealed is not None
    report = store.retain(Retention(readings=Limit(age=0.0)), now=sealed + 1e-6)
    assert report.segments + report.kept_back == count


def test_every_event_of_20_000_readings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Over several segments; and after the first have gone, every one of which all is there still."""
    monkeypatch.setattr(writing, "SEGMENT_RECORDS", 1_000)
    with filled(tmp_path, 20_000, rate=0.002) as store:
        events = store.events()
        assert len(segments(tmp_path)) >= 16
        assert len(events) > 60
        assert {event.event.region for event in events} == set(RULES)
        assert {event.event.group for event in events} == {"class", "tags"}
        begun = 0
        for event in events:
            found = replay(store, event, before=0, after=0, most=1)
            check(found, event)
            begun += found.begun
        assert 0 < begun < len(events)
        drop(store, tmp_path, 12)
        first = segments(tmp_path)[12][0]
        assert any(event.opened_seq < first for event in events)
        for event in events:
            if event.opened_seq >= first:
                check(replay(store, event, before=0, after=0, most=1), event)
                continue
            with pytest.raises(StoreError, match="no longer there, or not all of them"):
                replay(store, event)
        assert list(store.verify()) == []


@pytest.mark.parametrize("rule", RULES)
def test_a_decision_that_was_altered_is_found(tmp_path: Path, rule: str) -> None:
    """Whichever bit of a decision it was: what is stored then comes out otherwise, cannot be read, or is no number."""
    with filled(tmp_path, 400, [rule]) as store:
        event = max(store.events(), key=lambda event: event.event.readings)
        check(replay(store, event), event)
    chance = np.random.default_rng(5)
    prediction = 2 + 8 * 5
    for _ in range(25):
        with sqlite3.connect(file_of(tmp_path)) as database:
            seq, before = database.execute(
                "SELECT seq, data FROM records WHERE chain_id = 1 AND kind = 1 AND seq BETWEEN ? AND ? "
                "ORDER BY seq LIMIT 1 OFFSET ?",
                [event.opened_seq, event.closed_seq, int(chance.integers(0, 10))],
            ).fetchone()
            at, bit = int(chance.integers(prediction, len(before))), int(chance.integers(0, 8))
            after = before[:at] + bytes([before[at] ^ (1 << bit)]) + before[at + 1 :]
            database.execute("UPDATE records SET data = ? WHERE chain_id = 1 AND seq = ?", [after, seq])
        database.close()
        with open_store(f"sqlite:///{file_of(tmp_path)}", key=KEY, read_only=True) as store:
            try:
                found = replay(store, event)
            except StoreError:
                pass
            else:
                assert found.differing == (seq,)
                (step,) = [step for step in found.steps if not step.same]
                assert step.seq == seq
            assert any(fault.seq == seq for fault in store.verify())
        with sqlite3.connect(file_of(tmp_path)) as database:
            database.execute("UPDATE records SET data = ? WHERE chain_id = 1 AND seq = ?", [before, seq])
        database.close()


def test_the_middle_of_an_event_was_dropped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its beginning is held with another event: what comes behind the gap is not taken for altered."""
    monkeypatch.setattr(writing, "SEGMENT_RECORDS", 100)
    row = ((0.9, 0.05, 0.05), (0.1, 0.1))
    other = ((0.05, 0.9, 0.05), (0.1, 0.1))
    rows = [row] * 20 + [other] * 400 + [row] * 40
    items: list[tuple[str, Reading | Tick]] = [
        ("reading", Reading(Prediction(TASK, row), BEGIN + at / 10)) for at, row in enumerate(rows)
    ]
    with opened(tmp_path) as store:
        camera = Camera(store, "gate", ["evidence"])
        camera.watch(items, size=20)
        camera.close(BEGIN + 46.0)
        short, long, _ = (event for event in store.events() if event.event.group == "class")
        check(replay(store, long), long)
        store.mark(short.event.event_id, held=True)
        drop(store, tmp_path, 3)
        check(replay(store, short, after=0), replace(short, held=True))
        gone = {record.seq for record in store.readings("gate")}
        assert long.opened_seq in gone
        assert long.closed_seq in gone
        assert len(gone) < 460
        with pytest.raises(StoreError, match="not all of them"):
            replay(store, long)


def test_what_is_shown(tmp_path: Path) -> None:
    with filled(tmp_path, 600, ["votes"]) as store:
        event = next(event for event in store.events() if event.closed_seq and event.closed_seq - event.opened_seq > 10)
        assert event.closed_seq is not None
        for before, after in ((0, 0), (1, 1), (3, 2)):
            steps = replay(store, event, before=before, after=after).steps
            inside = [step for step in steps if event.opened_seq <= step.seq <= event.closed_seq]
            assert len(inside) == event.closed_seq - event.opened_seq + 1
            assert sum(step.seq < event.opened_seq for step in steps) == min(before, event.opened_seq - 1)
            assert sum(step.seq > event.closed_seq for step in steps) == after
            assert all(len(step.why) == 2 for step in steps)
        few = replay(store, event, most=4)
        assert sum(step.seq >= event.opened_seq for step in few.steps) == 4
        assert few.compared >= event.closed_seq
        values = list(steps_json(few.steps))
        assert json.loads(json.dumps(values)) == values
        assert all(value["same"] for value in values)
        assert [decision["group"] for decision in values[0]["decisions"]] == ["class", "tags"]


def test_the_rules_of_a_view(tmp_path: Path) -> None:
    with filled(tmp_path, 40, ["average"]) as store:
        (view,) = store.views("gate")
        policy = policies_of(view.key)["tags"]
        assert policy == policy_from_section(RULES["average"])
        assert list(fold_of(view.key).folds) == ["class", "tags"]


def test_an_event_of_nothing_that_is_known(tmp_path: Path) -> None:
    with filled(tmp_path, 400, ["votes"]) as store:
        event = store.events()[0]
        with pytest.raises(StoreError, match="is not in the store"):
            replay(store, replace(event, view_id=7))
        with pytest.raises(StoreError, match="no longer there"):
            replay(store, replace(event, opened_seq=9_999))

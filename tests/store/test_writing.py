"""Commits: all or nothing, the same again after a failure, and chained without a gap."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection

from decisight.errors import StoreError
from decisight.store import (
    Beginning,
    CameraBatch,
    EvidencePicture,
    Lane,
    Note,
    ReadingRecord,
    RecordKind,
    Store,
    ViewKey,
    open_store,
    writing,
)
from decisight.types import EventChange

from .alterations import TABLES
from .conftest import BEGIN, CODEC, KEY, Place, batch, event, fill, place_in, reading, readings, repeated, unsaid, view


def tables(place: Place) -> dict[str, list[Any]]:
    """Everything that a store's tables hold."""
    return {table: place.query(f"SELECT * FROM {table} ORDER BY {', '.join(TABLES[table])}") for table in TABLES}  # noqa: S608


def test_what_was_committed_is_read_back(place: Place) -> None:
    with place() as store:
        number = store.view_id(view())
        given = batch(number)
        store.commit([given])
    with place(read_only=True) as store:
        read = list(store.readings("gate", number))
        assert [(r.view_id, r.kind, r.time, r.data) for r in read] == list(given.records)
        assert [r.seq for r in read] == list(range(1, 101))
        assert store.checkpoint("gate") == given.checkpoint
        (stored,) = store.events()
        assert stored.event == given.changes[1][0].event
        assert (stored.opened_seq, stored.closed_seq, stored.view_id) == (2, 99, number)
        assert (stored.outcome, stored.held, stored.note) == (None, False, None)
        assert [picture.what for picture in stored.evidence] == ["crop"]
        assert store.picture(stored.evidence[0].digest) == given.evidence[0].jpeg
        assert store.checkpoint("yard") is None
        assert list(store.readings("yard", number)) == []
        assert not list(store.verify())


def test_cameras_are_chained_apart(place: Place) -> None:
    with place() as store:
        numbers = {camera: store.view_id(view(camera)) for camera in ("gate", "yard")}
        for at in range(3):
            store.commit([batch(number, camera, at, size=20) for camera, number in numbers.items()])
        for camera, number in numbers.items():
            assert [record.seq for record in store.readings(camera, number)] == list(range(1, 61))
            assert len(store.events(camera)) == 3
        assert [(head.camera, head.lane, head.seq) for head in store.heads()] == [
            ("gate", "events", 12),
            ("gate", "readings", 60),
            ("yard", "events", 12),
            ("yard", "readings", 60),
        ]
        assert not list(store.verify())


def test_items_are_what_was_given(place: Place) -> None:
    with place() as store:
        number = fill(store, batches=2)
        (stored,) = store.views("gate")
        last = None
        expected = []
        for record in store.readings("gate", number):
            if record.kind is RecordKind.STATE:
                continue
            item, made = CODEC.read(record.kind, record.time, record.data, last)
            last = item.prediction if record.kind is RecordKind.READING else last
            expected.append((record.seq, (item, made)))
        assert list(store.items("gate", stored)) == expected
        # One that is repeated is known also where the first of those asked for is none.
        at = next(i for i, record in enumerate(store.readings("gate", number)) if record.kind is RecordKind.REPEATED)
        assert list(store.items("gate", stored, at + 1, at + 3)) == expected[at : at + 3]


def test_a_segment_begins_with_the_states_before_it(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "SEGMENT_RECORDS", 50)
    with place() as store:
        number = store.view_id(view())
        other = store.view_id(view(region="bay"))
        states = [{str(number): {"class": [at, -0.0]}, str(other): {"class": None}} for at in range(4)]
        for at in range(4):
            records = readings(number, 60, BEGIN + 6 * at)
            store.commit([CameraBatch("gate", records, checkpoint={"states": states[at]})])
        kept = [record for record in store.readings("gate") if record.kind is RecordKind.STATE]
        assert [(record.seq, record.view_id) for record in kept] == [
            (61, number),
            (62, other),
            (123, number),
            (124, other),
            (185, number),
            (186, other),
        ]
        assert [record.time for record in kept[::2]] == [BEGIN + 6 * at for at in (1, 2, 3)]
        assert store.state_before("gate", number, 60) is None
        assert store.state_before("gate", number, 61) == (61, {"class": [0, -0.0]})
        assert store.state_before("gate", number, 184) == (123, {"class": [1, -0.0]})
        assert store.state_before("gate", other, 400) == (186, {"class": None})
        assert store.state_before("yard", other, 400) is None
        # What a repeated picture repeats is carried over, so that each segment can be replayed by itself.
        last = next(r for r in reversed(readings(number, 60, BEGIN)) if r.kind is RecordKind.READING)
        assert store.last_reading("gate", number, 62) == last.data
        assert store.last_reading("gate", other, 400) is None
        assert not list(store.verify())


def test_a_segment_waits_for_a_checkpoint_of_its_end(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "SEGMENT_RECORDS", 10)
    with place() as store:
        number = store.view_id(view())
        for at in range(4):
            checkpoint = {"states": {str(number): at}} if at != 1 else None
            store.commit([CameraBatch("gate", readings(number, 20, BEGIN + at), checkpoint=checkpoint)])
        # After the second batch nothing says what the states were; after the third, something does.
        kept = [record.seq for record in store.readings("gate") if record.kind is RecordKind.STATE]
        assert kept == [21, 62]
        assert store.state_before("gate", number, 62) == (62, 2)


def test_the_first_segment_begins_with_states_where_there_is_a_checkpoint(place: Place) -> None:
    with place() as store:
        number = store.view_id(view())
        store.commit([CameraBatch("gate", checkpoint={"states": {str(number): [7]}})])
    with place() as store:
        store.commit([CameraBatch("gate", readings(number, 3))])
        assert store.state_before("gate", number, 9) == (1, [7])
        assert next(store.readings("gate")).kind is RecordKind.STATE
        assert not list(store.verify())


def test_a_long_time_ends_a_segment(place: Place) -> None:
    with place() as store:
        number = store.view_id(view())
        for at in range(3):
            store.commit([CameraBatch("gate", [reading(number, BEGIN + 3000.0 * at)], checkpoint={"states": {}})])
        store.commit([CameraBatch("gate", [reading(number, BEGIN)], checkpoint={"states": {}})])
        assert not list(store.verify())
    rows = place.query("SELECT first_seq, last_seq, first_time, last_time FROM segments ORDER BY number")
    # The clock went back by itself within the second one.
    assert rows == [(1, 3, BEGIN, BEGIN + 6000.0), (4, None, BEGIN, None)]


def test_going_on_after_opening_again_is_the_same_as_going_on(tmp_path: Path, kind: str) -> None:
    found = []
    for again in (False, True):
        place = place_in(tmp_path / str(again), kind)
        place.folder.mkdir()
        store = place()
        number = store.view_id(view())
        for at in range(4):
            if again:
                store.close()
                store = place()
            store.commit([replace(batch(number, at=at, size=2000), evidence=[])])
        assert not list(store.verify())
        store.close()
        found.append([row[:-1] for row in tables(place)["records"]])
    assert found[0] == found[1]


@pytest.mark.parametrize("failing", ["chains", "segments", "records", "events", "evidence", "checkpoints", "outbox"])
def test_a_commit_that_fails_leaves_nothing_and_can_be_repeated(
    place: Place, failing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "SEGMENT_RECORDS", 50)
    with place() as store:
        number = fill(store, batches=2)
        given = [batch(number, at=2), replace(batch(store.view_id(view("yard")), "yard"), notes=())]
        before = tables(place)
        _break(place, failing)
        with pytest.raises(StoreError, match="as it is told to"):
            store.commit(given)
        with pytest.raises(StoreError, match="as it is told to"):
            store.commit(given)
        _mend(place, failing)
        assert tables(place) == before
        assert not list(store.verify())
        store.commit(given)
        assert not list(store.verify())
        assert [record.time for record in store.readings("yard")] == [record.time for record in given[1].records]
        assert len(store.events()) == 4
        assert len(store.pending("jsonl")) == 8


def _break(place: Place, table: str) -> None:
    """Have each change of a table refused."""
    for action in ("INSERT", "UPDATE"):
        if place.kind == "sqlite":
            place.change(
                f"CREATE TRIGGER spoil_{action} BEFORE {action} ON {table} "
                "BEGIN SELECT RAISE(ABORT, 'fails as it is told to'); END"
            )
        else:
            place.change(
                "CREATE OR REPLACE FUNCTION spoil() RETURNS trigger LANGUAGE plpgsql AS "
                "$$ BEGIN RAISE EXCEPTION 'fails as it is told to'; END $$"
            )
            place.change(f"CREATE TRIGGER spoil_{action} BEFORE {action} ON {table} EXECUTE FUNCTION spoil()")


def _mend(place: Place, table: str) -> None:
    for action in ("INSERT", "UPDATE"):
        place.change(f"DROP TRIGGER spoil_{action}" + ("" if place.kind == "sqlite" else f" ON {table}"))


@contextlib.contextmanager
def unanswered(store: Store, *, through: bool) -> Iterator[None]:
    """A commit whose answer never comes, whether it goes through or not."""
    real = store._database.writing

    @contextlib.contextmanager
    def writing_() -> Iterator[Connection]:
        with contextlib.ExitStack() as stack:
            if through:
                with real() as connection:
                    yield connection
            else:
                connection = stack.enter_context(real())
                yield connection
                connection.rollback()
            raise StoreError("no answer", passing=True)

    store._database.writing = writing_  # type: ignore[method-assign]
    try:
        with pytest.raises(StoreError, match="no answer"):
            yield
    finally:
        store._database.writing = real  # type: ignore[method-assign]


@pytest.mark.parametrize("through", [True, False])
def test_a_commit_whose_success_nobody_was_told_of_is_not_written_twice(place: Place, through: bool) -> None:
    with place() as store:
        number = fill(store, batches=1)
        given = [batch(number, at=1), batch(store.view_id(view("yard")), "yard")]
        for _ in range(3):
            with unanswered(store, through=through):
                store.commit(given)
        store.commit(given)
        assert len(list(store.readings("gate"))) == 200
        assert len(list(store.readings("yard"))) == 100
        assert len(store.pending("webhook")) == 6
        store.commit([batch(number, at=2)])
        assert not list(store.verify())
    with place() as store:
        store.commit([batch(number, at=3)])
        assert not list(store.verify())


def test_nothing_comes_before_what_may_have_been_written(place: Place) -> None:
    with place() as store:
        number = fill(store, batches=1)
        given = [batch(number, at=1)]
        with unanswered(store, through=True):
            store.commit(given)
        with pytest.raises(StoreError, match="what was given before these had been written") as caught:
            store.commit([batch(number, at=2)])
        assert not caught.value.passing
        store.commit(given)
        store.commit([batch(number, at=2)])
        assert len(list(store.readings("gate"))) == 300
        assert not list(store.verify())
        # What did not go through is forgotten.
        with unanswered(store, through=False):
            store.commit([batch(number, at=3)])
        store.commit([batch(number, at=4)])
        assert len(list(store.readings("gate"))) == 400
        assert not list(store.verify())


@pytest.mark.parametrize("through", [True, False])
def test_what_is_said_of_events_meanwhile_does_not_hide_what_was_written(place: Place, through: bool) -> None:
    with place() as store:
        number = fill(store, batches=1)
        given = [batch(number, at=1)]
        with unanswered(store, through=through):
            store.commit(given)
        store.mark(event(0).event_id, outcome="confirmed")
        with unanswered(store, through=through):
            store.mark(event(0).event_id, outcome="false_alarm")
        store.commit(given)
        assert store.event(event(0).event_id).outcome == ("false_alarm" if through else "confirmed")
        assert len(list(store.readings("gate"))) == 200
        assert not list(store.verify())


@pytest.mark.parametrize("through", [True, False])
def test_sealing_whose_success_nobody_was_told_of(place: Place, through: bool) -> None:
    with place() as store:
        number = fill(store, batches=1)
        with unanswered(store, through=through), store._draft() as draft:
            draft.seal("gate", Lane.READINGS)
        # What comes then does not go on with a segment that is sealed.
        store.commit([batch(number, at=1)])
        assert not list(store.verify())
        assert len(place.query("SELECT * FROM segments WHERE chain_id = 1")) == 1 + through


def test_what_somebody_else_wrote_is_not_written_over(place: Place) -> None:
    with place() as store:
        number = fill(store, batches=1)
        writer = store._writer
        assert writer is not None
        before = dict(writer.chains)
        store.commit([batch(number, at=1)])
        writer.chains = before
        with pytest.raises(StoreError, match="changed by somebody else"):
            store.commit([batch(number, at=2)])


def _bad(number: int) -> dict[str, tuple[CameraBatch, type[Exception], str]]:
    known = event(0)
    return {
        "a state": (
            CameraBatch("gate", [ReadingRecord(number, RecordKind.STATE, 1.0, b"{}")]),
            ValueError,
            "are readings and ticks",
        ),
        "no time": (
            CameraBatch("gate", [ReadingRecord(number, RecordKind.TICK, float("nan"), b"")]),
            ValueError,
            "time",
        ),
        "no view": (CameraBatch("gate", [replace_view(reading(number, 1.0), 99)]), StoreError, "(?i)foreign key"),
        "no such reading": (
            CameraBatch("gate", [reading(number, 1.0)], [(EventChange("opened", event(9)), 1)]),
            ValueError,
            "no reading 1 in a batch of 1",
        ),
        "opened twice": (
            CameraBatch("gate", [reading(number, 1.0)], [(EventChange("opened", known), 0)]),
            StoreError,
            "is there already",
        ),
        "closed, not opened": (
            CameraBatch("gate", changes=[(EventChange("closed", event(9, end=BEGIN + 1)), None)]),
            StoreError,
            "there is no event",
        ),
        "evidence of nothing": (
            CameraBatch("gate", evidence=[EvidencePicture("ff" * 16, "crop", 1.0, b"x")]),
            StoreError,
            "there is no event",
        ),
        "a checkpoint that is no JSON": (CameraBatch("gate", checkpoint={"x": float("inf")}), ValueError, "JSON"),
    }


def replace_view(record: ReadingRecord, number: int) -> ReadingRecord:
    return record._replace(view_id=number)


@pytest.mark.parametrize("case", list(_bad(1)))
def test_what_cannot_be_written_changes_nothing(place: Place, case: str) -> None:
    with place() as store:
        number = fill(store, batches=1)
        before = tables(place)
        given, kind, message = _bad(number)[case]
        with pytest.raises(kind, match=message) as caught:
            store.commit([batch(number, at=1), given])
        assert getattr(caught.value, "passing", False) is False
        assert tables(place) == before
        store.commit([batch(number, at=1)])
        assert not list(store.verify())


def test_an_event_may_end_without_a_reading(place: Place) -> None:
    with place() as store:
        number = store.view_id(view())
        opened = EventChange("opened", event(1))
        store.commit([CameraBatch("gate", [reading(number, BEGIN)], [(opened, 0)])])
        closed = EventChange("closed", event(1, end=BEGIN + 5))
        store.commit([CameraBatch("gate", changes=[(closed, None)])])
        (stored,) = store.events()
        assert (stored.closed_seq, stored.view_id, stored.event.end_time) == (1, number, BEGIN + 5)
        assert not list(store.verify())


def test_a_view_is_written_once(place: Place) -> None:
    keys = [view(), view("yard"), view(fps=None), view(gates=[]), view(region="bay", region_text="mask 0,0 1,0 1,1")]
    with place() as store:
        numbers = [store.view_id(key) for key in keys]
        assert numbers == [1, 2, 3, 4, 5]
        assert [store.view_id(key) for key in keys] == numbers
    with place() as store:
        assert [store.view_id(key) for key in reversed(keys)] == numbers[::-1]
        assert [stored.key for stored in store.views()] == keys
        assert [stored.id for stored in store.views("yard")] == [2]
        assert [stored.key.digest for stored in store.views()] == [key.digest for key in keys]
        assert not list(store.verify())
    with place(read_only=True) as store:
        assert store.view_id(keys[3]) == 4
        with pytest.raises(StoreError, match="opened for reading only"):
            store.view_id(view("door"))
    assert keys[0].read_task().groups[0].labels == ("a", "b", "c")
    assert keys[0].fallbacks == {"class": "unknown"}


def test_the_same_picture_of_two_events_is_one_file(tmp_path: Path, place: Place) -> None:
    with place() as store:
        number = store.view_id(view())
        changes: Sequence[Any] = [(EventChange("opened", event(at)), 0) for at in (1, 2)]
        pictures = [EvidencePicture(event(at).event_id, "frame", BEGIN, b"the same") for at in (1, 2)]
        store.commit([CameraBatch("gate", [reading(number, BEGIN)], changes, evidence=pictures)])
        digests = {picture.digest for stored in store.events() for picture in stored.evidence}
        assert len(digests) == 1
        assert len(list((tmp_path / "evidence").rglob("*.jpg"))) == 1
        assert not list(store.verify())


def test_evidence_needs_its_folder(place: Place) -> None:
    with place(evidence=None) as store:
        with pytest.raises(StoreError, match="has no folder of evidence"):
            fill(store)
        with pytest.raises(StoreError, match="without its folder"):
            store.picture("ab" * 32)


def test_a_store_in_memory() -> None:
    with open_store("sqlite://", key=KEY) as store:
        number = fill(store, evidence=False, batches=3, size=2500)
        assert len(list(store.readings("gate", number))) == 7501
        assert not list(store.verify(store.heads()))


def test_records_are_found_by_view_and_number(place: Place) -> None:
    with place() as store:
        one, two = store.view_id(view()), store.view_id(view(region="bay"))
        mixed = [make(n, BEGIN + at) for at in range(2500) for n, make in ((one, reading), (two, unsaid))]
        store.commit([CameraBatch("gate", mixed)])
        assert [r.seq for r in store.readings("gate", one)] == list(range(1, 5001, 2))
        assert [r.seq for r in store.readings("gate", two, 4000)] == list(range(4000, 5001, 2))
        assert [r.seq for r in store.readings("gate", first_seq=2, last_seq=4)] == [2, 3, 4]
        assert list(store.readings("gate", one, 5001)) == []


def test_a_store_for_reading_is_not_written(place: Place) -> None:
    with place() as store:
        number = fill(store, batches=1)
    with place(read_only=True) as store:
        writes: list[Any] = [
            lambda s: s.commit([CameraBatch("gate", [repeated(number, BEGIN)])]),
            lambda s: s.mark(s.events()[0].event.event_id, held=True),
            lambda s: s.delivered([1]),
        ]
        for write in writes:
            with pytest.raises(StoreError, match="opened for reading only"):
                write(store)


def test_notes_are_chained(place: Place) -> None:
    with place() as store:
        store.commit([CameraBatch("gate", notes=[Note("something happened", BEGIN, {"frames": 7})])])
        (head,) = (head for head in store.heads() if head.lane == "events")
        assert (head.seq, head.time) == (1, BEGIN)
        assert not list(store.verify())
    with pytest.raises(ValueError, match="must be finite"):
        Note("never", float("nan"))


def test_folds_that_begin_anew_are_told_before_the_records(place: Place) -> None:
    with place() as store:
        one, two = store.view_id(view()), store.view_id(view(region="bay"))
        first = [reading(one, BEGIN), reading(two, BEGIN + 1, (0.1, 0.2, 0.7)), repeated(one, BEGIN + 2)]
        states = {"states": {str(one): {"class": 1}, str(two): {"class": 2}}}
        store.commit([CameraBatch("gate", first, checkpoint=states)])
        anew = [unsaid(one, BEGIN + 3), repeated(two, BEGIN + 4), reading(one, BEGIN + 5, (0.3, 0.3, 0.4))]
        changes = [(EventChange("opened", event(1)), 2)]
        store.commit([CameraBatch("gate", anew, changes, begun={one: {"class": 0}}, checkpoint=states)])
        kinds = [(r.seq, r.kind, r.view_id) for r in store.readings("gate", first_seq=4)]
        assert kinds[:2] == [(4, RecordKind.STATE, one), (5, RecordKind.TICK, one)]
        assert store.events()[0].opened_seq == 7
        # From there on, and not before.
        assert store.state_before("gate", one, 3) is None
        assert store.state_before("gate", one, 7) == (4, {"class": 0})
        assert store.state_before("gate", two, 7) is None
        assert store.last_reading("gate", one, 4) == first[0].data
        assert store.last_reading("gate", one, 7) is None
        assert store.last_reading("gate", two, 7) == first[1].data
        of_one, of_two = store.views("gate")
        course = list(store.course("gate", of_one))
        assert [seq for seq, _ in course] == [1, 3, 4, 5, 7]
        assert course[2] == (4, Beginning({"class": 0}))
        assert list(store.items("gate", of_one)) == [pair for pair in course if pair[0] != 4]
        assert [seq for seq, _ in store.course("gate", of_two)] == [2, 6]
        assert not list(store.verify())


def test_what_begins_anew_repeats_nothing_of_before(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    with place() as store:
        number = store.view_id(view())
        store.commit([CameraBatch("gate", [reading(number, BEGIN)])])
        store.commit([CameraBatch("gate", [repeated(number, BEGIN + 1)], begun={number: {"class": 0}})])
        (stored,) = store.views()
        for first in (1, 2, 3):
            with pytest.raises(StoreError, match="the reading that it repeats is not there"):
                list(store.items("gate", stored, first))
        # Nor does a segment that begins later carry it over.
        monkeypatch.setattr(writing, "SEGMENT_RECORDS", 1)
        states = {"states": {str(number): {"class": 5}}}
        store.commit([CameraBatch("gate", [unsaid(number, BEGIN + 2)], checkpoint=states)])
        store.commit([CameraBatch("gate", [unsaid(number, BEGIN + 3)], checkpoint=states)])
        assert store.state_before("gate", number, 99) == (5, {"class": 5})
        assert store.last_reading("gate", number, 99) is None
        assert [seq for seq, one in store.course("gate", stored, 4)] == [4, 6]


@pytest.mark.parametrize("known", [True, False])
def test_a_segment_begins_with_the_states_that_begin_anew(
    place: Place, monkeypatch: pytest.MonkeyPatch, known: bool
) -> None:
    monkeypatch.setattr(writing, "SEGMENT_RECORDS", 10)
    with place() as store:
        one, two, three = (store.view_id(view(region=name)) for name in ("a", "b", "c"))
        states = {"states": {str(one): {"class": 1}, **({str(two): {"class": 2}} if known else {})}}
        store.commit([CameraBatch("gate", readings(one, 20), checkpoint=states)])
        begun = {two: {"class": 0}, three: {"class": 0}}
        store.commit([CameraBatch("gate", [reading(two, BEGIN + 9)], begun=begun)])
        found = [
            (r.view_id, json.loads(r.data)["states"]) for r in store.readings("gate") if r.kind == RecordKind.STATE
        ]
        assert found == [(one, {"class": 1}), (two, {"class": 0}), (three, {"class": 0})]
        assert not list(store.verify())


def test_folds_may_begin_anew_without_a_record(place: Place) -> None:
    with place() as store:
        number = store.view_id(view())
        store.commit([CameraBatch("gate", begun={number: {"class": 0}})])
        store.commit([CameraBatch("gate", [reading(number, BEGIN)])])
        store.commit([CameraBatch("gate", begun={number: {"class": 1}})])
        (stored,) = store.views()
        assert [seq for seq, _ in store.course("gate", stored)] == [1, 2, 3]
        assert [r.time for r in store.readings("gate")] == [0.0, BEGIN, BEGIN]
        assert not list(store.verify())


def test_beginning_anew_comes_out_the_same_when_it_is_repeated(tmp_path: Path, kind: str) -> None:
    contents = []
    for failing in (False, True):
        place = place_in(tmp_path / str(failing), kind)
        place.folder.mkdir()
        moments = iter(range(1000))
        with place(clock=lambda: float(next(moments))) as store:  # noqa: B023
            number = store.view_id(view())
            for at in range(3):
                given = [replace(batch(number, at=at, evidence=False), begun={number: {"class": at}})]
                if failing:
                    _break(place, "records")
                    with pytest.raises(StoreError, match="as it is told to"):
                        store.commit(given)
                    _mend(place, "records")
                    with unanswered(store, through=True):
                        store.commit(given)
                store.commit(given)
            assert not list(store.verify())
            stored = store.views()[0]
            contents.append([(r.seq, r.kind, r.data) for r in store.readings("gate", stored.id)])
    assert contents[0] == contents[1]


def test_a_view_is_known_by_what_is_not_at_its_default(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = view(gates=[], fps=None)
    assert set(json.loads(plain.to_text())) == {field.name for field in fields(ViewKey)} - {"gates", "fps", "source"}
    assert {"gates", "fps"} <= set(json.loads(view().to_text()))

    @dataclass(frozen=True)
    class Later(ViewKey):
        """As a later version may have it, with one more field."""

        lens: str = ""

    values = plain.to_stored()
    assert Later(**values).digest == plain.digest
    assert Later(**values, lens="wide").digest != plain.digest
    with place() as store:
        store.view_id(plain)
        (stored,) = store.views()
        assert stored.key == plain

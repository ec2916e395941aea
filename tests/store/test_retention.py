"""What is too old or too much goes; what is held, and what an open event rests on, stays; and it all still verifies."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from decisight.errors import StoreError
from decisight.store import (
    CameraBatch,
    EvidencePicture,
    Limit,
    RecordKind,
    Retention,
    RetentionReport,
    Store,
    request_mark,
    writing,
)
from decisight.types import EventChange

from .conftest import BEGIN, KEY, Place, batch, event, fill, only_sqlite, reading, readings, view

HOUR = 3600.0
AGE = Retention(readings=Limit(age=HOUR))


@pytest.fixture(autouse=True)
def short_segments(monkeypatch: pytest.MonkeyPatch) -> None:
    """A segment for each batch of 100 readings."""
    monkeypatch.setattr(writing, "SEGMENT_RECORDS", 100)


def spans(store: Store) -> list[tuple[int, int]]:
    """The first and last number of each stretch of readings that are there."""
    found: list[tuple[int, int]] = []
    for record in store.readings("gate"):
        if found and found[-1][1] == record.seq - 1:
            found[-1] = (found[-1][0], record.seq)
        else:
            found.append((record.seq, record.seq))
    return found


def files(folder: Path) -> int:
    return len(list((folder / "evidence").rglob("*.jpg")))


def test_nothing_is_removed_by_default(place: Place) -> None:
    with place() as store:
        fill(store)
        assert store.retain(Retention(), now=BEGIN + 1e9) == RetentionReport()
        assert list(RetentionReport().lines()) == ["Nothing is beyond its limit."]
        assert spans(store) == [(1, 302)]


def test_old_segments_are_dropped_whole(place: Place, tmp_path: Path) -> None:
    with place() as store:
        number = fill(store, batches=5)
        heads = store.heads()
        # The third segment ends ten seconds before the limit, and the last one is not sealed.
        now = BEGIN + 30 + HOUR
        report = store.retain(AGE, now=now, dry_run=True)
        assert (report.segments, report.records, report.kept_back) == (3, 302, 0)
        assert report.bytes > 10_000
        assert spans(store) == [(1, 504)]
        assert next(report.lines(dry_run=True)) == "302 records in 3 segments would be removed"
        assert store.retain(AGE, now=now) == report
        assert spans(store) == [(303, 504)]
        # What is left begins with the states before it, and with what a repeated picture repeats.
        assert store.state_before("gate", number, 310) == (303, {"class": [2, 0.1]})
        (stored,) = store.views("gate")
        assert len(list(store.items("gate", stored))) == 200
        assert len(list(store.items("gate", stored, 303))) == 200
        assert not list(store.verify(heads))
        assert store.retain(AGE, now=now) == RetentionReport()
        store.commit([batch(number, at=5)])
        assert not list(store.verify(heads))
    with place() as store:
        assert not list(store.verify(heads))
        assert len(store.events()) == 6


def test_a_repeated_picture_is_known_though_what_it_repeats_was_dropped(place: Place) -> None:
    from .conftest import repeated

    with place() as store:
        number = store.view_id(view())
        states = {"states": {str(number): {}}}
        store.commit([CameraBatch("gate", readings(number, 100), checkpoint=states)])
        for at in (1, 2, 3):
            again = [repeated(number, BEGIN + 10 * at + i / 10) for i in range(100)]
            store.commit([CameraBatch("gate", again, checkpoint=states)])
    with place() as store:
        store.commit([CameraBatch("gate", [repeated(number, BEGIN + 40)], checkpoint=states)])
        assert store.retain(AGE, now=BEGIN + 25 + HOUR).segments == 2
        (stored,) = store.views()
        items = [item for _, (item, _) in store.items("gate", stored)]
        assert len(items) == 201
        assert {item.prediction.confidences for item in items} == {((0.7, 0.2, 0.1),)}  # type: ignore[union-attr]


def test_the_oldest_go_where_there_is_too_much(place: Place) -> None:
    with place() as store:
        fill(store, batches=6)
        whole = store.retain(Retention(readings=Limit(bytes=0)), now=BEGIN, dry_run=True)
        assert whole.segments == 5
        each = whole.bytes // 5
        report = store.retain(Retention(readings=Limit(bytes=2 * each + each // 2)), now=BEGIN)
        assert report.segments == 3
        assert spans(store) == [(303, 605)]
        assert not list(store.verify())


@pytest.mark.parametrize("reason", ["held", "open"])
def test_what_an_event_rests_on_stays(place: Place, tmp_path: Path, reason: str) -> None:
    with place() as store:
        number = fill(store, batches=2)
        if reason == "held":
            fill(store, batches=3, first=2)
            kept = store.events()[1].event.event_id
            store.mark(kept, held=True, outcome="confirmed", now=BEGIN)
            remaining = [(101, 201)]
        else:
            opened = event(77, start=BEGIN + 25.0)
            given = batch(number, at=2)
            picture = EvidencePicture(opened.event_id, "crop", BEGIN, b"open")
            store.commit([replace(given, changes=[(EventChange("opened", opened), 50)], evidence=[picture])])
            fill(store, batches=2, first=3)
            # All from the beginning of the segment in which it was opened, with its states.
            remaining = [(202, 504)]
        limits = Retention(Limit(age=HOUR), Limit(), {"default": Limit(age=HOUR), "confirmed": Limit(age=HOUR)})
        before = files(tmp_path)
        report = store.retain(limits, now=BEGIN + 1e6)
        assert spans(store) == remaining
        assert report.kept_back == (2 if reason == "held" else 4)
        assert files(tmp_path) == before - report.pictures
        stays = [stored for stored in store.events() if stored.held or stored.event.is_open]
        assert [picture.removed_at for stored in stays for picture in stored.evidence] == [None]
        assert not list(store.verify())
        if reason == "held":
            store.mark(kept, held=False, now=BEGIN)
            assert store.retain(limits, now=BEGIN + 1e6).segments == 1
            assert spans(store) == []
            assert not list(store.verify())


def test_a_clock_that_is_set_back_while_an_event_is_held_loses_nothing_of_it(place: Place) -> None:
    with place() as store:
        number = store.view_id(view())
        times = [BEGIN, BEGIN - 1e5, BEGIN - 1e5 + 10.0, BEGIN + 20.0]
        kept = event(1, start=BEGIN + 5.0, end=BEGIN + 6.0)
        for at, begin in enumerate(times):
            changes: list[Any] = []
            if at in (0, 2):
                made = event(1, start=BEGIN + 5.0) if at == 0 else kept
                changes = [(EventChange("opened" if at == 0 else "closed", made), 50)]
            states = {"states": {str(number): {}}}
            store.commit([CameraBatch("gate", readings(number, 100, begin), changes, checkpoint=states)])
        store.mark(kept.event_id, held=True, now=BEGIN)
        assert store.retain(AGE, now=BEGIN + 1e6).segments == 1
        assert spans(store) == [(1, 302)]
        (stored,) = store.events()
        assert stored.opened_seq == 51
        assert stored.closed_seq == 253
        assert not list(store.verify())


def test_clips_that_begin_at_the_same_time_hold_nothing_of_each_other(place: Place) -> None:
    with place() as store:
        number = store.view_id(view())
        for at in range(3):
            given = batch(number, at=at)
            clip = readings(number, 100)
            store.commit([replace(given, records=clip)])
        store.mark(event(1).event_id, held=True, now=BEGIN)
        store.retain(AGE, now=BEGIN + 1e6)
        assert spans(store) == [(101, 201)]
        assert not list(store.verify())


def test_what_was_said_of_a_held_event_is_held_and_nothing_beside_it(place: Place) -> None:
    with place(evidence=None) as store:
        fill(store, batches=40, size=10, evidence=False)
        held = event(2).event_id
        store.mark(held, outcome="confirmed", now=BEGIN)
        fill(store, batches=80, size=10, evidence=False, first=40)
        store.mark(held, held=True, now=BEGIN)
        before = {row["seq"]: row for row in lane(store)}
        assert store.retain(Retention(events=Limit(age=HOUR)), now=BEGIN + 1e6).segments == 1
        left = {row["seq"] for row in lane(store)}
        # It was opened in the first segment of four, marked in the second, and held in the last, which is written to.
        assert left == {seq for seq in before if not 201 <= seq <= 300}
        assert not list(store.verify())


def lane(store: Store) -> list[Any]:
    """The records of the lane of events of the first camera."""
    with store._database.reading() as connection:
        query = "SELECT seq, data FROM records WHERE chain_id = 2 ORDER BY seq"
        return [dict(row) for row in connection.exec_driver_sql(query).mappings()]


def test_a_recording_that_is_at_its_end_goes_in_the_end(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "SEGMENT_RECORDS", 5_000)
    limits = Retention(readings=Limit(age=HOUR), events=Limit(age=HOUR))
    with place() as store:
        number = fill(store, batches=2)
        heads = store.heads()
        assert store.retain(limits, now=BEGIN + HOUR) == RetentionReport()
        now = BEGIN + HOUR + 30.0
        planned = store.retain(limits, now=now, dry_run=True)
        assert spans(store) == [(1, 200)]
        assert (planned.segments, planned.records, planned.events) == (2, 208, 2)
        assert store.retain(limits, now=now) == planned
        assert spans(store) == []
        assert store.events() == []
        assert not list(store.verify(heads))
        assert store.retain(limits, now=now) == RetentionReport()
    # It is gone on with from the states that are in the checkpoint.
    with place() as store:
        assert not list(store.verify(heads))
        store.commit([batch(number, at=2)])
        assert spans(store) == [(201, 301)]
        assert store.state_before("gate", number, 250) == (201, {"class": [1, 0.1]})
        assert not list(store.verify(heads))
    with place() as store:
        store.commit([batch(number, at=3)])
        assert not list(store.verify(heads))


def test_what_is_written_to_is_not_sealed(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "SEGMENT_RECORDS", 5_000)
    with place() as store:
        number = fill(store, batches=2)
        # What the states were by then is not known, so nothing could begin with them.
        store.commit([CameraBatch("gate", [reading(number, BEGIN + 30)])])
        assert store.retain(AGE, now=BEGIN + 1e6) == RetentionReport()
        assert spans(store) == [(1, 201)]
    today = BEGIN + 1e6
    with place(clock=lambda: today) as store:
        store.commit([CameraBatch("gate", [reading(number, BEGIN + 31)], checkpoint={"states": {}})])
        assert store.retain(AGE, now=today + HOUR - 1.0) == RetentionReport()
        assert store.retain(AGE, now=today + HOUR + 1.0).segments == 1


def test_a_picture_is_repeated_also_where_all_readings_had_gone(place: Place) -> None:
    from .conftest import repeated

    states = {"states": {"1": {}}}
    with place() as store:
        number = store.view_id(view())
        store.commit([CameraBatch("gate", readings(number, 10), checkpoint=states)])
    with place() as store:
        assert store.retain(AGE, now=BEGIN + 1e6).segments == 1
        store.commit([CameraBatch("gate", [repeated(number, BEGIN + 1e6)], checkpoint=states)])
        (stored,) = store.views()
        ((_, (item, _)),) = store.items("gate", stored)
        assert item.prediction.confidences == ((0.7, 0.2, 0.1),)  # type: ignore[union-attr]


def test_a_chain_whose_row_was_altered_is_not_sealed(place: Place, tmp_path: Path) -> None:
    with place() as store:
        fill(store, batches=1)
        place.edit("UPDATE chains SET stored_at = 0 WHERE id = 1")
        with pytest.raises(StoreError, match="was altered from outside"):
            store.retain(AGE, now=BEGIN + 1e6)


def test_what_others_ask_to_hold_is_held_before_anything_goes(place: Place, tmp_path: Path) -> None:
    with place() as store:
        fill(store, batches=3)
        request_mark(place.url, event(1).event_id, key=KEY, held=True)
        # What would be removed is said without changing anything.
        assert store.retain(AGE, now=BEGIN + 1e6, dry_run=True).segments == 3
        assert store.is_waiting(1)
        assert store.retain(AGE, now=BEGIN + 1e6).segments == 2
        assert spans(store) == [(101, 201)]


def test_pictures_go_by_the_outcome_of_their_event(place: Place, tmp_path: Path) -> None:
    with place() as store:
        fill(store, batches=4)
        ids = [stored.event.event_id for stored in store.events()]
        store.mark(ids[0], outcome="confirmed", now=BEGIN)
        store.mark(ids[1], outcome="false_alarm", now=BEGIN)
        store.mark(ids[3], outcome="other", now=BEGIN)
        evidence = {"confirmed": Limit(), "false_alarm": Limit(age=0.0), "default": Limit(age=HOUR)}
        report = store.retain(Retention(evidence=evidence), now=BEGIN + HOUR + 25)
        assert (report.pictures, report.segments) == (2, 0)
        gone = {stored.event.event_id: stored.evidence[0] for stored in store.events()}
        assert [gone[one].removed_at is None for one in ids] == [True, False, False, True]
        assert [gone[one].why for one in ids] == [None, "age", "age", None]
        assert gone[ids[1]].removed_at == BEGIN + HOUR + 25
        assert files(tmp_path) == 2
        assert not list(store.verify())
    with place() as store:
        assert files(tmp_path) == 2
        assert not list(store.verify())


def test_the_oldest_pictures_go_where_there_is_too_much(place: Place, tmp_path: Path) -> None:
    with place() as store:
        fill(store, batches=5)
        size = sum(picture.size for stored in store.events() for picture in stored.evidence)
        report = store.retain(Retention(evidence={"default": Limit(bytes=size // 2)}), now=BEGIN)
        assert report.pictures == 3
        assert [stored.evidence[0].why for stored in store.events()] == ["size"] * 3 + [None] * 2
        assert files(tmp_path) == 2
        assert not list(store.verify())


def test_a_file_that_two_events_show_goes_with_the_last(place: Place, tmp_path: Path) -> None:
    with place() as store:
        number = store.view_id(view())
        ids = [event(at).event_id for at in (1, 2)]
        changes: list[Any] = [
            (EventChange("opened" if end is None else "closed", event(at, end=end)), 0)
            for at in (1, 2)
            for end in (None, BEGIN + 1)
        ]
        pictures = [EvidencePicture(one, "frame", BEGIN + at, b"both") for at, one in enumerate(ids)]
        store.commit([CameraBatch("gate", [reading(number, BEGIN)], changes, evidence=pictures)])
        for now, left in ((BEGIN + 10.5, 1), (BEGIN + 11.5, 0)):
            report = store.retain(Retention(evidence={"default": Limit(age=10.0)}), now=now)
            assert report.pictures == 1
            assert files(tmp_path) == left
            assert not list(store.verify())


def test_events_go_when_all_their_records_have_gone(place: Place, tmp_path: Path) -> None:
    with place() as store:
        number = fill(store, batches=60, size=10)
        last = store.events()[-1].event.event_id
        # A note brings the first one back among the newest records.
        first = store.events()[0].event.event_id
        store.mark(first, outcome="confirmed", now=BEGIN + 60)
        held = store.events()[30].event.event_id
        store.mark(held, held=True, now=BEGIN + 60)
        limits = Retention(events=Limit(age=HOUR))
        report = store.retain(limits, now=BEGIN + 1e6, dry_run=True)
        done = store.retain(limits, now=BEGIN + 1e6)
        assert (report.segments, report.events) == (done.segments, done.events)
        left = [stored.event.event_id for stored in store.events()]
        assert first in left
        assert held in left
        assert last in left
        assert 0 < len(left) < 60
        assert done.events == 60 - len(left)
        # Their pictures went with them, and no others.
        assert files(tmp_path) == len(left)
        assert not list(store.verify())
        fill(store, batches=2, first=60)
        assert not list(store.verify())
        assert number == 1


@only_sqlite("PostgreSQL gives space back by itself, in its own time")
def test_space_is_given_back(place: Place, tmp_path: Path) -> None:
    with place() as store:
        fill(store, batches=20, size=400)
        with store._database.reading() as connection:
            before = connection.exec_driver_sql("PRAGMA page_count").scalar()
        store.retain(AGE, now=BEGIN + 1e6)
        with store._database.reading() as connection:
            after = connection.exec_driver_sql("PRAGMA page_count").scalar()
            assert connection.exec_driver_sql("PRAGMA freelist_count").scalar() == 0
        assert isinstance(before, int)
        assert isinstance(after, int)
        assert after < before / 3
    assert (tmp_path / "store.db").stat().st_size < before * 4096 / 3


def test_what_is_dropped_must_be_as_it_was_written(place: Place, tmp_path: Path) -> None:
    with place() as store:
        fill(store, batches=4)
        place.edit("UPDATE segments SET last_time = last_time - 1e6 WHERE number = 2 AND chain_id = 1")
        with pytest.raises(StoreError, match="was altered from outside"):
            store.retain(AGE, now=BEGIN + 1e6)
        assert 102 in [record.seq for record in store.readings("gate")]


def test_a_store_for_reading_keeps_all(place: Place) -> None:
    with place() as store:
        fill(store, batches=3)
    with place(read_only=True) as store:
        assert store.retain(AGE, now=BEGIN + 1e6, dry_run=True).segments == 3
        with pytest.raises(StoreError, match="opened for reading only"):
            store.retain(AGE, now=BEGIN + 1e6)


def test_limits_that_are_none() -> None:
    for wrong in ({"age": -1.0}, {"bytes": -1}, {"age": float("nan")}):
        with pytest.raises(ValueError, match="must be 0 or more"):
            Limit(**wrong)  # type: ignore[arg-type]


def test_what_is_said_of_it() -> None:
    report = RetentionReport(segments=2, records=9, events=3, pictures=4, bytes=5_300_000, kept_back=1)
    assert list(report.lines()) == [
        "9 records in 2 segments removed",
        "3 events removed",
        "4 pictures removed",
        "about 5.3 MB in all",
        "1 segments and pictures beyond their limit stay: an event is held, or still open",
    ]


def test_states_stay_readable(place: Place) -> None:
    with place() as store:
        fill(store, batches=4)
        store.retain(AGE, now=BEGIN + HOUR + 35.0)
        kinds = [record.kind for record in store.readings("gate")]
        assert kinds[0] is RecordKind.STATE


def test_an_event_stays_while_one_of_its_records_does(place: Place) -> None:
    with place(evidence=None) as store:
        fill(store, batches=1, size=10, evidence=False)
        # One record more, so that an event is opened by the last record of a segment and closed by the next.
        store.mark(store.events()[0].event.event_id, outcome="confirmed", now=BEGIN)
        fill(store, batches=119, size=10, evidence=False, first=1)
        store.mark(event(50).event_id, held=True, now=BEGIN)
        # The segment of the held one stays, those on both sides go.
        assert store.retain(Retention(events=Limit(age=HOUR)), now=BEGIN + 1e6).segments == 2
        left = {stored.event.event_id for stored in store.events()}
        assert {event(50).event_id, event(66).event_id} <= left
        assert event(1).event_id not in left
        assert not list(store.verify())


def test_old_recordings_that_are_watched_today_are_not_old_yet(place: Place) -> None:
    today = BEGIN + 1e6
    limits = Retention(AGE.readings, evidence={"default": Limit(age=HOUR)})
    with place(clock=lambda: today) as store:
        fill(store, batches=3, every=100.0)
        assert store.retain(limits, now=today + HOUR - 1.0) == RetentionReport()
        assert store.retain(limits, now=today + HOUR + 1.0).pictures == 3

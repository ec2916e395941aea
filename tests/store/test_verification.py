"""Whatever is altered from outside is found, told in few words, and hides nothing that comes after it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.databases import PostgreSQLPlace
from tests.servers import session_server

from decisight.errors import StoreError
from decisight.store import (
    CameraBatch,
    Fault,
    Head,
    Limit,
    Retention,
    append_heads,
    read_heads,
    request_mark,
    writing,
)
from decisight.store.chain import xor
from decisight.store.evidence import EvidenceFolder

from .alterations import TABLES, alter
from .conftest import BEGIN, KEY, Place, batch, fill, place_in, view

ALTERATIONS = 200
MOST_FAULTS = 12
"""Of one alteration: two records that are swapped, and each one after, and the rows that they speak of."""


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def original(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A store of some 3,000 records in several segments, of which one was dropped; not to be altered."""
    folder = tmp_path_factory.mktemp("original")
    name = None if request.param == "sqlite" else session_server().create()
    place = place_in(folder, request.param, name=name)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(writing, "SEGMENT_RECORDS", 300)
        with place() as store:
            fill(store, batches=10, size=220)
            fill(store, "yard", batches=6, size=160, every=1.0)
            store.view_id(view(region="never used"))
            ids = [stored.event.event_id for stored in store.events()]
            store.mark(ids[3], outcome="confirmed", note="as it was", now=BEGIN)
            store.mark(ids[5], held=True, now=BEGIN)
            store.delivered([one.id for one in store.pending("webhook", 5)])
            report = store.retain(
                Retention(readings=Limit(age=9_900.0), evidence={"confirmed": Limit(age=1.0)}), now=BEGIN + 10_000
            )
            assert (report.segments, report.pictures) == (2, 1)
            request_mark(place.url, ids[1], key=KEY, note="waits")
            request_mark(place.url, ids[2], key=KEY, note="waits too")
            assert not list(store.verify(store.heads()))
    yield place
    if name is not None:
        session_server().drop(name)


@pytest.fixture(scope="module")
def spare(original: Place, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgreSQLPlace | None]:
    """A database like it, which remembers what it held: another copy for each test would take longer."""
    if not isinstance(original, PostgreSQLPlace):
        yield None
        return
    place = original.copied(tmp_path_factory.mktemp("spare") / "copy")
    place.keep(TABLES)
    yield place
    place.server.drop(place.name)


@pytest.fixture
def copy(original: Place, spare: PostgreSQLPlace | None, tmp_path: Path) -> Iterator[Place]:
    """A copy of it, to be altered."""
    place = spare or original.copied(tmp_path / "copy")
    yield place
    place.close()
    if spare is not None:
        spare.restore_all()


def faults(place: Place, heads: list[Head] | None = None) -> list[Fault]:
    """What is found wrong; that it cannot even be opened counts as one."""
    evidence = place.folder / "evidence"
    try:
        with place(read_only=True, evidence=evidence if evidence.exists() else None) as store:
            return list(store.verify(heads or []))
    except StoreError as error:
        return [Fault(None, None, None, error.message)]


def test_nothing_is_wrong_with_what_nobody_touched(copy: Place) -> None:
    assert not faults(copy)


def test_whatever_is_altered_by_chance_is_found(original: Place, copy: Place) -> None:
    missed, told = [], 0
    # What is compared is the same; putting tables back takes longer with PostgreSQL.
    for seed in range(ALTERATIONS if copy.kind == "sqlite" else ALTERATIONS // 4):
        done = alter(copy, seed)
        found = faults(copy)
        if not found:
            missed.append(done)
        told = max(told, len(found))
        if len(found) > MOST_FAULTS:
            missed.append(f"{done}: told {len(found)} times")
        copy.restore(original, done.split(": ")[1])
    assert not faults(copy)
    assert not missed
    assert told > 1


@pytest.mark.parametrize("table", list(TABLES))
def test_a_row_removed_from_each_table(copy: Place, table: str) -> None:
    key = TABLES[table][0]
    copy.edit(f"DELETE FROM {table} WHERE {key} = (SELECT max({key}) FROM {table})")  # noqa: S608
    assert faults(copy)


ALTERED: list[tuple[str, str, int, Callable[[Fault], bool]]] = [
    # what is done; what is said; how often, at most; of which record
    ("UPDATE records SET time = time + 1 WHERE chain_id = 1 AND seq = 1500", "altered", 1, lambda f: f.seq == 1500),
    ("UPDATE records SET view_id = 2 WHERE chain_id = 1 AND seq = 1500", "altered", 1, lambda f: f.seq == 1500),
    ("UPDATE records SET view_id = NULL WHERE chain_id = 1 AND seq = 1500", "altered", 1, lambda f: f.seq == 1500),
    ("UPDATE records SET kind = 4 WHERE chain_id = 1 AND seq = 1500", "altered", 1, lambda f: f.seq == 1500),
    ("UPDATE records SET kind = 'x' WHERE chain_id = 1 AND seq = 1500", "altered", 1, lambda f: f.seq == 1500),
    ("UPDATE records SET data = {} WHERE chain_id = 1 AND seq = 1500", "altered", 1, lambda f: f.seq == 1500),
    ("UPDATE records SET data = 'text' WHERE chain_id = 1 AND seq = 1500", "altered", 1, lambda f: f.seq == 1500),
    (
        "UPDATE records SET mac = {00000000000000000000000000000000} WHERE chain_id = 1 AND seq = 1500",
        "altered",
        1,
        lambda f: f.seq == 1500,
    ),
    ("UPDATE records SET mac = 'x' WHERE chain_id = 1 AND seq = 1500", "altered", 1, lambda f: f.seq == 1500),
    ("DELETE FROM records WHERE chain_id = 1 AND seq = 1500", "it is missing", 1, lambda f: f.seq == 1500),
    (
        "DELETE FROM records WHERE chain_id = 1 AND seq BETWEEN 1500 AND 1600",
        "1500 to 1600 are missing",
        1,
        lambda f: f.seq == 1500,
    ),
    ("DELETE FROM records WHERE chain_id = 1 AND seq > 2000", "2001 to 2204 are missing", 1, lambda f: f.seq == 2001),
    (
        "INSERT INTO records SELECT 1, 9999, view_id, kind, time, data, mac FROM records LIMIT 1",
        "behind the end|missing",
        3,
        lambda f: f.camera == "gate",
    ),
    (
        "INSERT INTO records SELECT 1, 5, view_id, kind, time, data, mac FROM records LIMIT 1",
        "in a segment that was dropped",
        3,
        lambda f: True,
    ),
    (
        "INSERT INTO records SELECT 77, seq, view_id, kind, time, data, mac FROM records LIMIT 1",
        "of a chain 77 that is not there",
        1,
        lambda f: f.camera is None,
    ),
    ("UPDATE events SET outcome = 'confirmed' WHERE outcome IS NULL", "was altered", 17, lambda f: True),
    ("DELETE FROM events WHERE outcome = 'confirmed'", "missing in events", 4, lambda f: f.lane == "events"),
    ("UPDATE views SET view = replace(view, '1.26', '1.27')", "the view", 3, lambda f: True),
    ("DELETE FROM views WHERE id = 3", "there are 2 views, where 3", 1, lambda f: True),
    ("UPDATE requests SET changes = '[]' WHERE id = 2", "was not made with", 1, lambda f: True),
    ("DELETE FROM requests WHERE id = 1", "was removed", 1, lambda f: True),
    ("UPDATE requests SET id = 9 WHERE id = 2", "was removed|was not made with", 2, lambda f: True),
    ("DELETE FROM outbox WHERE sink = 'webhook'", "the outbox does not hold", 1, lambda f: True),
    ("DELETE FROM checkpoints WHERE camera = 'yard'", "the checkpoint is missing", 1, lambda f: f.camera == "yard"),
    ("UPDATE segments SET dropped_at = NULL WHERE dropped_at IS NOT NULL", "altered|missing", 8, lambda f: True),
    ("DELETE FROM segments WHERE number = 3 AND chain_id = 1", "the segment 3 is missing", 2, lambda f: True),
    ("DELETE FROM chains WHERE id = 4", "there are 3 chains, where 4|chain 4", 3, lambda f: True),
]


@pytest.mark.parametrize(("statement", "said", "most", "right"), ALTERED, ids=[case[0][:60] for case in ALTERED])
def test_what_is_told_of_an_alteration(
    copy: Place, statement: str, said: str, most: int, right: Callable[[Fault], bool]
) -> None:
    if copy.kind == "postgresql" and "kind = 'x'" in statement:
        pytest.skip("PostgreSQL knows types: no text is put in the place of a number")
    copy.edit(statement)
    found = faults(copy)
    assert 1 <= len(found) <= most, found
    for fault in found:
        assert any(word in str(fault) for word in said.split("|")), fault
        assert right(fault), fault


def test_after_one_fault_the_next_is_found(copy: Place) -> None:
    copy.edit(
        "UPDATE records SET data = {01} WHERE chain_id = 1 AND seq = 1500",
        "UPDATE records SET mac = {00000000000000000000000000000000} WHERE chain_id = 1 AND seq = 1502",
        "UPDATE records SET time = 0 WHERE chain_id = 1 AND seq = 1503",
        "DELETE FROM records WHERE chain_id = 1 AND seq = 1600",
        "UPDATE records SET kind = 3 WHERE chain_id = 1 AND seq = 1700",
        "UPDATE records SET kind = 3 WHERE chain_id = 3 AND seq = 700",
    )
    assert [(fault.camera, fault.seq) for fault in faults(copy)] == [
        ("gate", 1500),
        ("gate", 1502),
        ("gate", 1503),
        ("gate", 1600),
        ("gate", 1700),
        ("yard", 700),
    ]


@pytest.mark.parametrize("table", ["events", "checkpoints", "chains", "segments", "evidence", "stores"])
def test_rows_taken_back_to_what_they_were(place: Place, table: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "SEGMENT_RECORDS", 50)
    with place() as store:
        number = fill(store, batches=2)
        # Old rows are sealed as well as new ones.
        place.edit(f"CREATE TABLE kept AS SELECT * FROM {table}")  # noqa: S608
        store.commit([batch(number, at=2)])
        store.mark(store.events()[0].event.event_id, outcome="false_alarm", now=BEGIN)
        limits = Retention(evidence={"false_alarm": Limit(age=0.0)})
        assert store.retain(limits, now=BEGIN + 1e6).pictures == 1
        assert not list(store.verify())
    columns = TABLES[table][-1]
    place.edit(
        f"DELETE FROM {table} WHERE {columns} IN (SELECT {columns} FROM kept)",  # noqa: S608
        f"INSERT INTO {table} SELECT * FROM kept",  # noqa: S608
        "DROP TABLE kept",
    )
    assert faults(place)


def test_the_whole_store_taken_back_shows_by_heads_that_were_kept(place: Place, tmp_path: Path) -> None:
    with place() as store:
        number = fill(store, batches=2)
        earlier = store.heads()
    before = place.copied(tmp_path / "before")
    with place() as store:
        store.commit([batch(number, at=2)])
        later = store.heads()
        assert not list(store.verify([*earlier, *later]))
    assert not faults(before, earlier)
    found = faults(before, [*earlier, *later])
    assert sorted((fault.lane, fault.seq) for fault in found) == [("events", 12), ("readings", 300)]
    other = Head("gate", "readings", 100, "00" * 16, BEGIN)
    assert "another than the head" in str(faults(place, [other])[0])
    assert "is not there" in str(faults(place, [Head("door", "readings", 1, "00" * 16, BEGIN)])[0])
    if isinstance(before, PostgreSQLPlace):
        before.server.drop(before.name)


def test_heads_of_segments_that_were_dropped(original: Place) -> None:
    dropped = "dropped_at IS NOT NULL AND chain_id = 1 ORDER BY number LIMIT 1"
    ((seq, head),) = original.query(f"SELECT last_seq, head FROM segments WHERE {dropped}")  # noqa: S608
    assert not faults(original, [Head("gate", "readings", seq, head.hex(), BEGIN)])
    assert not faults(original, [Head("gate", "readings", seq - 1, "00" * 16, BEGIN)])
    (fault,) = faults(original, [Head("gate", "readings", seq, "00" * 16, BEGIN)])
    assert "ends with another record" in fault.what


def test_heads_are_kept_in_a_file(place: Place, tmp_path: Path) -> None:
    path = tmp_path / "heads.jsonl"
    with place() as store:
        number = fill(store, batches=1)
        append_heads(path, store.heads())
        store.commit([batch(number, at=1)])
        append_heads(path, store.heads())
        heads = read_heads(path)
        assert heads[2:] == store.heads()
        assert not list(store.verify(heads))
    with path.open("a") as stream:
        stream.write('{"camera": "gate", "la')
    assert read_heads(path) == heads
    for line in ("{}", "x", "[]", '{"camera": "a", "lane": "b", "seq": 1, "mac": "00", "time": 0}'):
        path.write_text(f"{line}\n")
        with pytest.raises(StoreError, match="line 1: this is no head"):
            read_heads(path)
    path.write_bytes(b"\xff")
    for wrong in (path, tmp_path / "none", tmp_path):
        with pytest.raises(StoreError, match="cannot be read"):
            read_heads(wrong)


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda path: path.write_bytes(b"another"), "its file was altered"),
        (lambda path: path.write_bytes(b""), "its file was altered"),
        (lambda path: path.unlink(), "its file cannot be read: No such file"),
    ],
)
def test_files_of_evidence(place: Place, tmp_path: Path, damage: Callable[[Path], object], said: str) -> None:
    with place() as store:
        fill(store, batches=2)
    files = sorted((tmp_path / "evidence").rglob("*.jpg"))
    damage(files[0])
    (fault,) = faults(place)
    assert said in fault.what
    with place(read_only=True) as store, pytest.raises(StoreError, match=r"was altered|cannot be read"):
        store.picture(files[0].stem)


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM records WHERE chain_id = 1 AND seq > 2000",
        "UPDATE chains SET last_seq = last_seq - 1 WHERE id = 1",
        "UPDATE segments SET first_time = 0 WHERE sealed_at IS NULL",
        "UPDATE records SET mac = {00} WHERE chain_id = 1 AND seq = (SELECT last_seq FROM chains WHERE id = 1)",
        "DELETE FROM segments WHERE sealed_at IS NULL",
        "UPDATE stores SET views = 7",
    ],
)
def test_a_store_is_not_gone_on_with_where_its_end_was_altered(copy: Place, statement: str) -> None:
    copy.edit(statement)
    with pytest.raises(StoreError, match=r"was altered|is not where|no open segment|first row was altered"):
        copy()


@pytest.mark.parametrize(
    ("statement", "work"),
    [
        ("UPDATE events SET state = 'b'", lambda s: s.mark(s.events()[0].event.event_id, held=True)),
        ("UPDATE checkpoints SET checkpoint = '[]'", lambda s: s.checkpoint("gate")),
        ("UPDATE outbox SET change = '[]'", lambda s: s.pending("jsonl")),
        ("UPDATE stores SET next_delivery = 1", lambda s: s.delivered([s.pending("jsonl")[0].id])),
        ("UPDATE views SET view = '[]'", lambda s: s.view_id(view())),
        ("UPDATE segments SET size = 1", lambda s: s.retain(Retention(readings=Limit(age=0.0)), now=1e10)),
    ],
)
def test_what_was_altered_is_not_sealed_again(copy: Place, statement: str, work: Callable[..., object]) -> None:
    with copy() as store:
        copy.edit(statement)
        with pytest.raises(StoreError, match=r"altered from outside|first row was altered"):
            work(store)
        assert list(store.verify())


def kept_row(place: Place, table: str, where: str = "1 = 1") -> Callable[[], None]:
    """Remember rows as they are now, as anybody can who reads the database; the function puts them back."""
    rows = place.rows(table, where)
    return lambda: place.put_back(table, rows, where)


def test_a_change_is_not_kept_from_a_sink_by_an_earlier_row_of_the_store(place: Place, tmp_path: Path) -> None:
    with place() as store:
        number = fill(store, batches=1)
        put_back = kept_row(place, "stores")
        store.commit([batch(number, at=1)])
        assert not list(store.verify())
        put_back()
        place.edit("DELETE FROM outbox WHERE id > 4")
        (fault,) = store.verify()
        assert "part was put back to an earlier state" in fault.what
        # Who goes on writing does not hide it.
        with pytest.raises(StoreError, match="was put back to an earlier state"):
            store.commit([batch(number, at=2)])
    with pytest.raises(StoreError, match="was put back to an earlier state") as caught:
        place()
    assert caught.value.hint is not None
    assert len(faults(place)) == 1


@pytest.mark.parametrize("lane", [1, 2])
def test_one_lane_of_one_camera_is_not_taken_back(place: Place, tmp_path: Path, lane: int) -> None:
    with place() as store:
        number = fill(store, batches=1)
        fill(store, "yard", batches=1)
        put_back = [kept_row(place, "chains", f"id = {lane}"), kept_row(place, "checkpoints", "camera = 'gate'")]
        ends = {head.lane: head.seq for head in store.heads() if head.camera == "gate"}
        store.commit([batch(number, at=1)])
    put_back[0]()
    if lane == 1:
        put_back[1]()
        place.edit(f"DELETE FROM records WHERE chain_id = 1 AND seq > {ends['readings']}")  # noqa: S608
    else:
        place.edit(
            f"DELETE FROM records WHERE chain_id = 2 AND seq > {ends['events']}",  # noqa: S608
            f"DELETE FROM evidence WHERE chain_id = 2 AND seq > {ends['events']}",  # noqa: S608
            f"DELETE FROM events WHERE camera = 'gate' AND chain_seq > {ends['events']}",  # noqa: S608
        )
    (fault,) = faults(place)
    assert "part was put back to an earlier state" in fault.what
    with pytest.raises(StoreError, match="was put back to an earlier state"):
        place()


def test_a_chain_that_is_taken_back_while_another_is_written_is_not_taken_for_right(
    place: Place, tmp_path: Path
) -> None:
    with place() as store:
        fill(store, batches=1)
        yard = fill(store, "yard", batches=1)
        put_back = kept_row(place, "chains", "id = 1")
        store.commit([CameraBatch("gate", checkpoint={"states": {}})])
        put_back()
        store.commit([batch(yard, "yard", 1)])
        assert any("part was put back" in fault.what for fault in store.verify())


TAKEN_BACK: list[tuple[str, Callable[[Place], None], str]] = [
    # what; how; what is said of it
    ("missing", lambda place: place.edit("DELETE FROM checkpoints"), "is missing"),
    ("of a camera that has none", lambda place: place.edit("UPDATE chains SET checkpoint_mac = NULL"), "altered"),
]


@pytest.mark.parametrize(("work", "said"), [case[1:] for case in TAKEN_BACK], ids=[case[0] for case in TAKEN_BACK])
def test_nothing_is_gone_on_with_where_the_checkpoint_is_not_there(
    place: Place, tmp_path: Path, work: Callable[[Place], None], said: str
) -> None:
    with place() as store:
        fill(store, batches=1)
        work(place)
        with pytest.raises(StoreError, match=said) as caught:
            store.checkpoint("gate")
        assert caught.value.hint is not None
        assert list(store.verify())


@pytest.mark.parametrize("records", [0, 5])
def test_nothing_is_gone_on_with_from_an_earlier_checkpoint(
    place: Place, tmp_path: Path, records: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "SEGMENT_RECORDS", 50)
    with place() as store:
        number = fill(store, batches=1)
        put_back = kept_row(place, "checkpoints")
        # Also one that comes after the same record.
        store.commit([CameraBatch("gate", batch(number, at=1).records[:records], checkpoint={"states": {}})])
        put_back()
        assert [fault.what for fault in store.verify()] == ["the checkpoint is not the last one that was written"]
        with pytest.raises(StoreError, match="is not the last one that was written"):
            store.checkpoint("gate")
    with place() as store:
        # A segment would begin with its states.
        with pytest.raises(StoreError, match="is not the last one that was written"):
            store.commit([batch(number, at=2)])
        assert store.checkpoint("yard") is None


def test_deliveries_have_numbers_that_were_given(place: Place, tmp_path: Path) -> None:
    with place() as store:
        fill(store, batches=1)
    place.edit("UPDATE outbox SET id = 99 WHERE id = 4")
    assert any("delivery 99" in fault.what for fault in faults(place))


def test_what_the_outbox_adds_up_to_tells_nothing(place: Place, tmp_path: Path) -> None:
    def sums() -> list[bytes]:
        ((outbox,),) = place.query("SELECT outbox FROM stores")
        return [outbox, xor(mac for (mac,) in place.query("SELECT mac FROM outbox"))]

    with place() as store:
        number = fill(store, batches=1)
        first, public = sums()
        assert first != public
        # The same outbox under another revision.
        store.commit([CameraBatch("gate", batch(number, at=1).records)])
        second, same = sums()
        assert same == public
        assert second != first
        assert not list(store.verify())


def test_a_picture_that_retention_removes_meanwhile_is_no_fault(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = EvidenceFolder.fault
    with place() as writer, place(read_only=True) as reader:
        fill(writer, batches=3)
        gone: list[str] = []

        def fault(folder: EvidenceFolder, digest: str) -> str | None:
            if not gone:
                gone.append(digest)
                limits = Retention(evidence={"default": Limit(age=1.0)})
                assert writer.retain(limits, now=BEGIN + 1e6).pictures == 3
            return real(folder, digest)

        monkeypatch.setattr(EvidenceFolder, "fault", fault)
        assert not list(reader.verify())
        assert gone


def test_a_picture_that_is_missing_is_a_fault_all_the_same(place: Place, tmp_path: Path) -> None:
    with place() as writer, place(read_only=True) as reader:
        fill(writer, batches=3)
        for path in (tmp_path / "evidence").rglob("*.jpg"):
            path.unlink()
        assert len(list(reader.verify())) == 3


def test_two_heads_of_one_record_that_differ(copy: Place) -> None:
    with copy(read_only=True) as store:
        heads = store.heads()
    told = [fault.what for fault in faults(copy, [*heads, replace(heads[0], mac="00" * 16)])]
    assert "two heads were kept that differ: it was put back, and gone on with" in told

"""What a server does that a file does not: it goes away, it lets others in, and its answer may never come."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.databases import Place, PostgreSQLPlace
from tests.servers import GUARDED, PASSWORD, Server, given_away, new_server, session_server

from decisight.errors import StoreError, StoreInUseError
from decisight.store import (
    CameraBatch,
    Limit,
    Note,
    Retention,
    Store,
    holds_something,
    open_store,
    postgresql,
    request_mark,
    writing,
)
from decisight.store import store as store_module
from decisight.types import EventChange

from .alterations import TABLES
from .conftest import BEGIN, KEY, batch, event, fill, readings, view
from .wires import Fault, Wire

CRASHES = 20
TRIES = 400


@pytest.fixture
def kind() -> str:
    """All of this is of PostgreSQL alone."""
    return "postgresql"


@pytest.fixture
def place(tmp_path: Path) -> Iterator[PostgreSQLPlace]:
    made = PostgreSQLPlace(tmp_path, KEY, clock=lambda: BEGIN, name=session_server().emptied())
    yield made
    made.close()


@pytest.fixture
def own_server() -> Iterator[Server]:
    """A server that a test may stop."""
    server = new_server().start()
    yield server
    server.stop(signal.SIGQUIT)


def sessions(place: PostgreSQLPlace) -> list[int]:
    """The server's processes that hold the writer's lock of a database."""
    query = "SELECT l.pid FROM pg_locks l JOIN pg_database d ON d.oid = l.database WHERE locktype = 'advisory'"
    return [pid for (pid,) in place.query(f"{query} AND d.datname = current_database() AND l.granted")]


def cut_off(place: PostgreSQLPlace) -> None:
    """End the session that holds the lock."""
    (process,) = sessions(place)
    place.query("SELECT pg_terminate_backend(?, 5000)", process)


def until_it_works(store: Store, batches: list[CameraBatch]) -> int:
    """Give the same again until it is taken, as who records does; how often it was not."""
    for failed in range(TRIES):
        try:
            store.commit(batches)
        except StoreError as error:
            if not error.passing:
                raise
            time.sleep(0.02)
        else:
            return failed
    raise AssertionError("it was never taken")


def content(place: Place) -> dict[str, list[Any]]:
    return {table: place.query(f"SELECT * FROM {table} ORDER BY {', '.join(TABLES[table])}") for table in TABLES}  # noqa: S608


# --- a connection that is lost ----------------------------------------------------------------------------------------


def test_a_lost_connection_is_made_anew_and_the_lock_taken_again(place: PostgreSQLPlace) -> None:
    with place() as store:
        number = fill(store, batches=1)
        before = sessions(place)
        cut_off(place)
        with pytest.raises(StoreError, match="the database cannot be reached") as caught:
            store.commit([batch(number, at=1)])
        assert caught.value.passing
        assert caught.value.hint
        store.commit([batch(number, at=1)])
        assert sessions(place) != before
        assert len(list(store.readings("gate"))) == 200
        assert not list(store.verify())


@pytest.mark.parametrize("fault", ["before", "after", "deaf"])
def test_a_commit_that_is_cut_off(place: PostgreSQLPlace, fault: Fault) -> None:
    with Wire(place.server.port) as wire:
        url = f"postgresql://decisight@127.0.0.1:{wire.port}/{place.name}"
        with open_store(url, key=KEY, evidence=place.folder / "evidence") as store:
            number = store.view_id(view())
            for at in range(4):
                wire.fault = fault
                with pytest.raises(StoreError, match="cannot be reached"):
                    store.commit([batch(number, at=at)])
                # It is the commit that was cut off, and nothing before it.
                assert store._unsettled is not None
                until_it_works(store, [batch(number, at=at)])
            assert wire.cut == 4
            assert len(list(store.readings("gate"))) == 400
            assert len(store.events()) == 4
            assert len(store.pending("jsonl")) == 8
            assert not list(store.verify())
            # The session that the server was left with is ended, with its lock.
            assert len(sessions(place)) == 1
            # Also of what is said of an event, and what is asked for beside.
            request_mark(place.url, event(1).event_id, key=KEY, outcome="confirmed")
            wire.fault = fault
            with pytest.raises(StoreError, match="cannot be reached"):
                store.fulfil()
            assert store.fulfil() == []
            store.commit([batch(number, at=4)])
            assert store.event(event(1).event_id).outcome == "confirmed"
            notes = place.query("SELECT count(*) FROM records WHERE kind = 9 AND chain_id = 2")
            assert notes == [(6,)]
            assert not list(store.verify())


def test_what_went_through_after_one_has_looked_is_not_written_again(
    place: PostgreSQLPlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Wire(place.server.port) as wire:
        url = f"postgresql://decisight@127.0.0.1:{wire.port}/{place.name}"
        with open_store(url, key=KEY, evidence=place.folder / "evidence") as store:
            store.commit([batch(store.view_id(view()), at=0)])
            request_mark(place.url, event(0).event_id, key=KEY, outcome="confirmed")
            with store._database.reading() as connection:
                waiting = store_module.read_requests(connection, store._seals)
            for name, seen, work in (
                ("read_requests", waiting, store.fulfil),
                ("find_view", None, lambda: store.view_id(view("yard"))),
            ):
                wire.fault = "after"
                with pytest.raises(StoreError, match="cannot be reached"):
                    work()
                look, early = getattr(store_module, name), [seen]

                def late(*given: Any, look: Any = look, early: list[Any] = early) -> Any:
                    # The server may take its time to show others what it has committed.
                    return early.pop() if early else look(*given)

                with monkeypatch.context() as patch:
                    patch.setattr(store_module, name, late)
                    work()
                assert not early
            assert place.query("SELECT count(*) FROM records WHERE kind = 9 AND chain_id = 2") == [(2,)]
            assert place.query("SELECT count(*) FROM views") == [(2,)]
            assert not list(store.verify())


def test_killed_at_random_moments_with_commits_in_flight(own_server: Server, tmp_path: Path) -> None:
    place = PostgreSQLPlace(tmp_path, KEY, server=own_server, name=own_server.create())
    chance = random.Random(7)  # noqa: S311  nothing secret
    done, ending = [-1], threading.Event()
    failed: list[BaseException] = []

    with place() as store:
        number = store.view_id(view())

        def write() -> None:
            try:
                while not ending.is_set():
                    until_it_works(store, [batch(number, at=done[0] + 1, size=30)])
                    done[0] += 1
            except BaseException as error:
                failed.append(error)

        thread = threading.Thread(target=write)
        thread.start()
        for crash in range(CRASHES):
            before = done[0]
            while done[0] <= before and not failed:
                time.sleep(0.005)
            time.sleep(chance.uniform(0.0, 0.05))
            if crash % 5 == 0:
                own_server.stop(signal.SIGQUIT)
                own_server.start()
            else:
                # All others of its processes go with the one that is killed.
                for process in _holders(own_server):
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(process, signal.SIGKILL)
        ending.set()
        thread.join()
        assert not failed, failed
        last = done[0]
        assert last >= CRASHES
        kept = [record.data for record in store.readings("gate", number) if record.kind < 5]
        assert kept == [record.data for at in range(last + 1) for record in batch(1, at=at, size=30).records]
        assert len(store.events()) == last + 1
        assert len(store.pending("jsonl", 10_000)) == 2 * (last + 1)
        assert not list(store.verify())
    with place() as store:
        assert not list(store.verify())


def _holders(server: Server) -> list[int]:
    query = "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted"
    with contextlib.suppress(Exception):
        return [pid for (pid,) in server.execute(query)]
    return []


def test_a_server_that_says_nothing_is_not_waited_for_without_end(
    own_server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgresql, "_ANSWER_SECONDS", 0.5)
    monkeypatch.setitem(postgresql._CONNECTING, "connect_timeout", 2)
    place = PostgreSQLPlace(tmp_path, KEY, server=own_server, name=own_server.create())
    with place() as store:
        number = fill(store, batches=1)
        with own_server.frozen():
            for said in ("no answer for 0.5 s", "cannot be reached"):
                with pytest.raises(StoreError, match=said) as caught:
                    store.commit([batch(number, at=1)])
                assert caught.value.passing
        until_it_works(store, [batch(number, at=1)])
        assert len(list(store.readings("gate"))) == 200
        assert not list(store.verify())


def test_a_server_that_is_stopped_and_started(own_server: Server, tmp_path: Path) -> None:
    place = PostgreSQLPlace(tmp_path, KEY, server=own_server, name=own_server.create())
    with place() as store:
        number = fill(store, batches=1)
        for at, how in enumerate((signal.SIGINT, signal.SIGQUIT, signal.SIGKILL), start=1):
            own_server.stop(how)
            for _ in range(2):
                for work in (lambda at=at: store.commit([batch(number, at=at)]), lambda: store.pending("jsonl")):
                    with pytest.raises(StoreError, match="cannot be reached") as caught:
                        work()
                    assert caught.value.passing
            own_server.start()
            until_it_works(store, [batch(number, at=at)])
        assert len(list(store.readings("gate"))) == 400
        assert not list(store.verify())
    own_server.stop()
    with pytest.raises(StoreError, match=r"cannot be reached: .*refused") as caught:
        place()
    assert caught.value.passing
    with pytest.raises(StoreError, match="cannot be reached"):
        holds_something(place.url)
    own_server.start()


# --- two writers ------------------------------------------------------------------------------------------------------


def test_who_has_lost_the_lock_writes_nothing_while_another_has_it(place: PostgreSQLPlace) -> None:
    with place() as first:
        number = fill(first, batches=1)
        cut_off(place)
        with place() as second:
            before = content(place)
            for _ in range(3):
                with pytest.raises(StoreError) as caught:
                    first.commit([batch(number, at=1)])
                assert caught.value.passing
            assert isinstance(caught.value, StoreInUseError)
            # Nor is anything reported twice.
            with pytest.raises(StoreInUseError):
                first.pending("jsonl")
            with pytest.raises(StoreInUseError):
                first.delivered([1])
            assert content(place) == before
            assert len(second.pending("jsonl")) == 2
        # What the other has only looked at is gone on with.
        first.commit([batch(number, at=1)])
        assert not list(first.verify())


def test_what_another_has_watched_meanwhile_is_not_gone_on_with(place: PostgreSQLPlace) -> None:
    with place() as first:
        number = fill(first, batches=1)
        cut_off(place)
        with place() as second:
            second.commit([batch(number, at=1)])
        before = content(place)
        with pytest.raises(StoreError, match="cannot be reached"):
            first.commit([batch(number, at=1)])
        for _ in range(2):
            with pytest.raises(StoreError, match="changed by somebody else") as caught:
                first.commit([batch(number, at=1)])
            assert not caught.value.passing
            assert caught.value.hint
        for work in (
            lambda: first.delivered([1]),
            lambda: first.retain(Retention(readings=Limit(0.0)), now=BEGIN + 1e6),
        ):
            with pytest.raises(StoreError, match="changed by somebody else"):
                work()
        assert content(place) == before
        assert not list(first.verify())


def test_another_camera_that_was_watched_meanwhile_shows_too(place: PostgreSQLPlace) -> None:
    with place() as first:
        number = fill(first, batches=1)
        cut_off(place)
        with place() as second:
            fill(second, "yard", batches=1)
        with pytest.raises(StoreError, match="cannot be reached"):
            first.commit([batch(number, at=1)])
        with pytest.raises(StoreError, match="changed by somebody else"):
            first.commit([batch(number, at=1)])


def test_what_was_said_of_events_meanwhile_is_taken_over(
    place: PostgreSQLPlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "SEGMENT_RECORDS", 100)
    with place() as first:
        number = fill(first, batches=2)
        opened = event(7)
        first.commit([CameraBatch("gate", batch(number, at=2).records, [(EventChange("opened", opened), 5)])])
        cut_off(place)
        with place() as second:
            second.mark(opened.event_id, outcome="false_alarm", note="a cat")
            second.mark(event(0).event_id, held=True)
        with pytest.raises(StoreError, match="cannot be reached"):
            first.commit([batch(number, at=3)])
        closed = event(7, end=BEGIN + 50)
        until_it_works(first, [CameraBatch("gate", changes=[(EventChange("closed", closed), None)])])
        until_it_works(first, [batch(number, at=4)])
        assert first.event(opened.event_id).outcome == "false_alarm"
        assert first.event(opened.event_id).event == closed
        assert first.event(event(0).event_id).held
        assert not list(first.verify())


def test_of_those_that_begin_at_once_one_writes(place: PostgreSQLPlace) -> None:
    together, over = threading.Barrier(3), threading.Event()
    found: list[object] = []

    def begin() -> None:
        together.wait()
        try:
            with open_store(place.url, key=KEY) as store:
                found.append(store)
                over.wait()
        except StoreError as error:
            found.append(error)

    threads = [threading.Thread(target=begin) for _ in range(3)]
    for thread in threads:
        thread.start()
    while len(found) < 3:
        time.sleep(0.01)
    over.set()
    for thread in threads:
        thread.join()
    assert sorted(type(one).__name__ for one in found) == ["Store", "StoreInUseError", "StoreInUseError"]
    with place() as store:
        assert not list(store.verify())


def test_another_process_that_is_killed_lets_go(place: PostgreSQLPlace) -> None:
    script = (
        "import sys\nfrom decisight.store import open_store\n"
        f"store = open_store({place.url!r}, key={KEY!r})\nprint('open', flush=True)\nsys.stdin.read()\n"
    )
    for _ in range(2):
        with subprocess.Popen(
            [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as child:
            assert child.stdout is not None
            assert child.stdout.readline() == "open\n"
            child.kill()
        # At once: the server sees it within the moment that is waited.
        place().close()


def test_a_local_socket(place: PostgreSQLPlace) -> None:
    url = f"postgresql://decisight@/{place.name}?host={place.server.folder}&port={place.server.port}"
    with open_store(url, key=KEY) as store:
        fill(store, batches=1, evidence=False)
        assert not list(store.verify())


def test_each_database_has_a_lock_of_its_own(place: PostgreSQLPlace) -> None:
    other = place.server.create()
    try:
        with place() as store, open_store(place.server.url(other), key=KEY) as second:
            assert store.store_id != second.store_id
    finally:
        place.server.drop(other)


# --- what a server refuses --------------------------------------------------------------------------------------------


def test_a_row_that_somebody_else_holds(place: PostgreSQLPlace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(postgresql._SETTINGS, "lock_timeout", "200ms")
    import psycopg

    with place() as store:
        number = fill(store, batches=1)
        with psycopg.connect(place.server.plain_url(place.name)) as other:
            other.execute("SELECT * FROM stores FOR UPDATE")
            with pytest.raises(StoreError, match="the database is locked") as caught:
                store.commit([batch(number, at=1)])
            assert caught.value.passing
            # Reading goes on.
            assert len(list(store.readings("gate"))) == 100
        until_it_works(store, [batch(number, at=1)])
        assert not list(store.verify())


def test_a_statement_that_takes_too_long(place: PostgreSQLPlace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(postgresql._SETTINGS, "statement_timeout", "300ms")
    monkeypatch.setitem(postgresql._SETTINGS, "lock_timeout", "0")
    import psycopg

    with place() as store:
        number = fill(store, batches=1)
        with psycopg.connect(place.server.plain_url(place.name)) as other:
            other.execute("LOCK TABLE records")
            with pytest.raises(StoreError, match="took too long") as caught:
                store.commit([batch(number, at=1)])
            assert caught.value.passing
        until_it_works(store, [batch(number, at=1)])


def test_a_standby_that_can_only_be_read(place: PostgreSQLPlace) -> None:
    with place() as store:
        number = fill(store, batches=1)
        place.change(f"ALTER DATABASE {place.name} SET default_transaction_read_only = on")
        cut_off(place)
        with pytest.raises(StoreError, match="cannot be reached"):
            store.commit([batch(number, at=1)])
        with pytest.raises(StoreError, match="can only be read") as caught:
            store.commit([batch(number, at=1)])
        assert caught.value.passing
        place.server.execute(f"ALTER DATABASE {place.name} RESET default_transaction_read_only")
        # It is connected to anew each time: another server may be the first by then.
        store.commit([batch(number, at=1)])
        assert not list(store.verify())


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="a small file system needs root")
def test_the_disk_of_the_server_is_full(tmp_path: Path, place: PostgreSQLPlace) -> None:
    server = place.server
    small = server.folder / "small"
    small.mkdir(exist_ok=True)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m,mode=777", "tmpfs", str(small)], check=False).returncode:
        pytest.skip("a small file system cannot be mounted")
    name = ""
    try:
        given_away(small)
        server.execute(f"CREATE TABLESPACE small LOCATION '{small}'")
        name = server.create()
        server.execute(f"ALTER DATABASE {name} SET TABLESPACE small")
        with open_store(server.url(name), key=KEY) as store:
            number = fill(store, batches=1, evidence=False)
            filler = small / "filler"
            with contextlib.suppress(OSError), filler.open("wb", buffering=0) as stream:
                while True:
                    stream.write(bytes(8192))
            given = [batch(number, at=1, size=9000, evidence=False)]
            for _ in range(2):
                with pytest.raises(StoreError, match="the disk is full") as caught:
                    store.commit(given)
                assert caught.value.passing
            assert len(list(store.readings("gate"))) == 100
            filler.unlink()
            store.commit(given)
            assert len(list(store.readings("gate"))) == 9100
            assert not list(store.verify())
    finally:
        if name:
            server.drop(name)
        server.execute("DROP TABLESPACE IF EXISTS small")
        subprocess.run(["umount", "-l", str(small)], check=True)


REFUSED = [
    # user, password, database; what is done before; what is said; what is to be done
    (GUARDED, "wrong", None, (), "password authentication failed", "PGPASSWORD"),
    (GUARDED, None, None, (), "no password supplied", "PGPASSWORD"),
    ("nobody", None, None, (), 'role "nobody" does not exist', "createuser"),
    ("decisight", None, "nothing", (), 'database "nothing" does not exist', "createdb"),
    (GUARDED, PASSWORD, None, (), "the user may not do that", "createdb --owner"),
    (GUARDED, PASSWORD, None, ("ALTER DATABASE {} CONNECTION LIMIT 0",), "too many connections", "max_connections"),
    (
        GUARDED,
        PASSWORD,
        None,
        ("ALTER DATABASE {} ALLOW_CONNECTIONS false",),
        "not currently accepting",
        "ALLOW_CONNECTIONS",
    ),
]


@pytest.mark.parametrize(("user", "password", "database", "before", "said", "hint"), REFUSED)
def test_who_is_not_let_in(
    place: PostgreSQLPlace,
    user: str,
    password: str | None,
    database: str | None,
    before: tuple[str, ...],
    said: str,
    hint: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from sqlalchemy import URL

    monkeypatch.delenv("PGPASSWORD", raising=False)
    monkeypatch.setenv("PGPASSFILE", str(tmp_path / "none"))
    name = place.server.create()
    url = URL.create("postgresql", user, password, "127.0.0.1", place.server.port, database or name)
    try:
        place.server.execute(*(statement.format(name) for statement in before))
        with pytest.raises(StoreError, match=said) as caught:
            open_store(url.render_as_string(hide_password=False), key=KEY)
        assert hint in str(caught.value.hint)
        assert password is None or password not in str(caught.value)
    finally:
        place.server.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
        place.server.drop(name)


@pytest.mark.parametrize("way", ["URL", "PGPASSWORD", "PGPASSFILE"])
def test_where_the_password_comes_from(tmp_path: Path, way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from sqlalchemy import URL

    server = session_server()
    name = server.create()
    server.execute(f"ALTER DATABASE {name} OWNER TO {GUARDED}")
    monkeypatch.delenv("PGPASSWORD", raising=False)
    monkeypatch.setenv("PGPASSFILE", str(tmp_path / "none"))
    if way == "PGPASSWORD":
        monkeypatch.setenv(way, PASSWORD)
    elif way == "PGPASSFILE":
        file = tmp_path / "passwords"
        file.write_text("*:*:*:*:" + PASSWORD.replace("\\", "\\\\").replace(":", "\\:") + "\n")
        file.chmod(0o600)
        monkeypatch.setenv(way, str(file))
    url = URL.create("postgresql", GUARDED, PASSWORD if way == "URL" else None, "127.0.0.1", server.port, name)
    try:
        with open_store(url.render_as_string(hide_password=False), key=KEY) as store:
            fill(store, batches=1, evidence=False)
            assert PASSWORD not in store.title
            assert not list(store.verify())
    finally:
        server.drop(name)


def test_a_database_that_cannot_hold_every_text(place: PostgreSQLPlace) -> None:
    name = "latin"
    place.server.execute(
        f"CREATE DATABASE {name} ENCODING 'LATIN1' LOCALE_PROVIDER libc LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0"
    )
    try:
        with pytest.raises(StoreError, match="the encoding of the database is LATIN1") as caught:
            open_store(place.server.url(name), key=KEY)
        assert "createdb" in str(caught.value.hint)
    finally:
        place.server.drop(name)


def test_a_server_that_is_too_old(place: PostgreSQLPlace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgresql, "_LEAST_VERSION", 99)
    with pytest.raises(StoreError, match="the server is PostgreSQL") as caught:
        place()
    assert "99 or later" in str(caught.value.hint)


def test_what_is_doubtful_is_said(place: PostgreSQLPlace) -> None:
    # The server of the tests need not survive a power cut.
    with place() as store:
        assert [doubt.split()[0] for doubt in store.doubts] == ["fsync", "full_page_writes"]
        with store._database.writing() as connection:
            # What the server is set to does not count for this.
            assert connection.exec_driver_sql("SHOW synchronous_commit").scalar() == "on"


# --- what is kept exactly ---------------------------------------------------------------------------------------------


NUMBERS = [0.1 + 0.2, 5e-324, 1.7976931348623157e308, -2.2250738585072014e-308, 1 / 3, 1e22 + 1, 0.0]


def test_numbers_come_back_to_the_bit_whatever_the_server_is_set_to(place: PostgreSQLPlace) -> None:
    for setting in ("extra_float_digits = -15", "bytea_output = 'escape'", "DateStyle = 'German'"):
        place.change(f"ALTER DATABASE {place.name} SET {setting}")
    with place() as store:
        number = store.view_id(view())
        given = [replace(event(at), confidence=0.1 + 0.2, start_time=value) for at, value in enumerate(NUMBERS)]
        changes: Any = [(EventChange("opened", one), None) for one in given]
        records = [record._replace(time=value) for record, value in zip(readings(number, 7), NUMBERS, strict=True)]
        store.commit([CameraBatch("gate", records, changes, checkpoint={"states": {str(number): NUMBERS}})])
        assert [(r.time, r.data) for r in store.readings("gate")] == [(r.time, r.data) for r in records]
        assert {one.event.event_id: one.event for one in store.events()} == {one.event_id: one for one in given}
        assert store.checkpoint("gate") == {"states": {str(number): NUMBERS}}
        assert not list(store.verify())
    with place() as store:
        store.commit([CameraBatch("gate", readings(number, 3))])
        assert not list(store.verify())


def test_texts_of_all_kinds(place: PostgreSQLPlace) -> None:
    names = ["a", "B", "b", "ä", "Z", "_", "é", "e\u0301", "日本", "a b", "a-b", "ab"]
    with place() as store:
        for name in names:
            number = store.view_id(view(name))
            store.commit([CameraBatch(name, readings(number, 1), notes=[Note("\0 ' \\ \ud800" * 100_000, BEGIN)])])
        assert [head.camera for head in store.heads()][::2] == sorted(names)
        assert not list(store.verify(store.heads()))
        with place(read_only=True) as reader:
            assert {one.key.camera for one in reader.views()} == set(names)


@pytest.mark.parametrize("name", ["a\0b", "a\ud800b"])
def test_what_is_no_text_there(place: PostgreSQLPlace, name: str) -> None:
    with place() as store:
        number = fill(store, batches=1)
        with pytest.raises(StoreError) as caught:
            store.commit([CameraBatch(name, readings(number, 1))])
        assert not caught.value.passing
        assert caught.value.hint
        store.commit([batch(number, at=1)])
        assert not list(store.verify())


def test_tables_lie_where_the_path_says(place: PostgreSQLPlace) -> None:
    place.change("CREATE SCHEMA apart")
    place.change("CREATE TABLE public.letters (text text)")
    place.change(f"ALTER DATABASE {place.name} SET search_path = apart")
    with place() as store:
        fill(store, batches=1)
        assert not list(store.verify())
    assert place.query("SELECT count(*) FROM pg_tables WHERE schemaname = 'apart'") == [(len(TABLES),)]
    place.change("DROP SCHEMA apart CASCADE")


def test_a_reader_sees_one_moment(place: PostgreSQLPlace) -> None:
    with place() as store, place(read_only=True) as reader:
        number = fill(store, batches=1)
        count = "SELECT count(*) FROM records"
        with reader._database.reading() as connection:
            before = connection.exec_driver_sql(count).scalar()
            store.commit([batch(number, at=1)])
            assert connection.exec_driver_sql(count).scalar() == before
            with pytest.raises(StoreError, match="can only be read"), reader._database._failures():
                connection.exec_driver_sql("DELETE FROM records")
        with reader._database.reading() as connection:
            assert connection.exec_driver_sql(count).scalar() != before

"""Opening a store: what is there, who has it, and what is said where it cannot be had."""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import MetaData, create_engine
from sqlalchemy.exc import DBAPIError, OperationalError
from tests.databases import SQLitePlace
from tests.servers import session_server

from decisight.errors import DecisightError, MissingPartError, StoreError, StoreInUseError, UsageError
from decisight.store import CameraBatch, failures, open_store, request_mark
from decisight.store.failures import failure_of, failure_of_file
from decisight.store.schema import METADATA, VERSION

from .conftest import BEGIN, KEY, Place, batch, fill, only_sqlite, place_in, reading, view


@pytest.fixture
def place(tmp_path: Path, kind: str) -> Iterator[Place]:
    """A place where there is nothing yet."""
    made = place_in(tmp_path, kind, name=session_server().emptied() if kind == "postgresql" else None)
    yield made
    made.close()


def test_a_store_is_made_once_and_found_again(tmp_path: Path, place: Place) -> None:
    with place() as store:
        identity = store.store_id
        assert len(identity) == 32
        assert int(identity, 16) > 0
    with place() as store:
        assert store.store_id == identity
    with open_store("sqlite://", key=KEY) as other:
        assert other.store_id != identity


@pytest.mark.parametrize("url", ["sqlite://x.db", "sqlite:x.db", "sqlite:/x.db", "SQLITE://x.db", "sqlite+aio://x.db"])
def test_a_file_that_would_be_taken_for_a_host_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(StoreError, match=r"x\.db is no place for a store") as caught:
        open_store(url, key=KEY)
    assert caught.value.hint == "three strokes: sqlite:///x.db"
    assert list(tmp_path.iterdir()) == []


@only_sqlite("it is about how SQLite is set up")
def test_how_sqlite_is_opened(tmp_path: Path, place: Place) -> None:
    with place() as store, store._database.writing() as connection:
        settings = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "auto_vacuum")
        }
    # 2 is FULL, and INCREMENTAL.
    assert settings == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "auto_vacuum": 2}


def test_the_tables_are_those_of_the_schema(tmp_path: Path, place: Place) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    place().close()
    engine = create_engine(place.url)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, METADATA) == []
        found = MetaData()
        found.reflect(connection)
        assert found.tables.keys() == METADATA.tables.keys() | {"alembic_version"}
    engine.dispose()


@only_sqlite("rows lie in the order of their key there")
def test_records_take_no_second_index(place: Place) -> None:
    place().close()
    ((made,),) = place.query("SELECT sql FROM sqlite_master WHERE name = 'records'")
    assert "WITHOUT ROWID" in made


def test_one_writer(tmp_path: Path, place: Place) -> None:
    with place() as store:
        number = fill(store, batches=1)
        with pytest.raises(StoreError, match="is being written by another process") as caught:
            open_store(place.url, key=KEY)
        assert isinstance(caught.value, StoreInUseError)
        assert caught.value.hint is not None
        # Any number read meanwhile, and see what was committed.
        with place(read_only=True) as reader:
            assert len(list(reader.readings("gate"))) == 100
            store.commit([batch(number, at=1)])
            assert len(list(reader.readings("gate"))) == 200
            assert not list(reader.verify())
    place().close()


def test_another_process_writes(tmp_path: Path, place: Place) -> None:
    place().close()
    script = (
        "import sys\nfrom decisight.store import open_store\n"
        f"store = open_store({place.url!r}, key={KEY!r})\n"
        "print('open', flush=True)\nsys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "open\n"
        with pytest.raises(StoreError, match="is being written by another process"):
            place()
        child.kill()
    # The system lets go of the lock of a process that was killed.
    place().close()


def test_threads_share_a_store(place: Place) -> None:
    with place() as store:
        numbers = {camera: store.view_id(view(camera)) for camera in "abcd"}
        failed: list[BaseException] = []

        def work(camera: str) -> None:
            try:
                for at in range(10):
                    store.commit([batch(numbers[camera], camera, at, size=20)])
                    store.delivered([one.id for one in store.pending("jsonl", 3)])
                    list(store.readings(camera))
            except BaseException as error:
                failed.append(error)

        threads = [threading.Thread(target=work, args=(camera,)) for camera in numbers]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not failed
        assert not list(store.verify())
        assert len(store.events()) == 40


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("", "is not understood"),
        ("store.db", "is not understood"),
        ("sqlite:/store.db", "is no place for a store"),
        ("mysql://root:hunter2@host/db", "a store cannot be kept in mysql"),
        ("sqlite:////nowhere/at/all/store.db", "the folder of /nowhere/at/all/store.db is not there"),
        ("nonsense://user:hunter2@host/db", "is not understood|cannot be kept in nonsense"),
    ],
)
def test_urls_that_cannot_be_opened(url: str, message: str) -> None:
    with pytest.raises(StoreError, match=message) as caught:
        open_store(url, key=KEY)
    assert "hunter2" not in str(caught.value)
    assert caught.value.hint is not None


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("postgresql+psycopg://u:hunter2@127.0.0.1:1/db?password=hunter2", "cannot be reached: .*refused"),
        ("postgresql+nothing://u:hunter2@h/d", "is not kept with the driver 'nothing'"),
        ("postgresql+psycopg2://u:hunter2@h/d", "is not kept with the driver 'psycopg2'"),
        ("postgresql://u:hun@ter2@h/d", "has a second @"),
        ("postgresql://u:hunter2@h", "names no database"),
        ("postgresql://u:hunter2@h/?sslmode=require", "names no database"),
        ("postgresql://u:hunter2@127.0.0.1:1/d?sslmode=hunter2", r"\*\*\*"),
        ("postgresql://u:hunter2@127.0.0.1:1/d?no_such_option=hunter2", "no_such_option"),
        ("postgres://u:hunter2@no-such-host.invalid/d", "cannot be reached: .*no-such-host.invalid"),
    ],
)
def test_no_password_is_told(url: str, message: str) -> None:
    with pytest.raises(DecisightError, match=message) as caught:
        open_store(url, key=KEY)
    assert "hunter2" not in str(caught.value)
    assert "ter2" not in str(caught.value)
    assert caught.value.hint


def test_a_missing_driver_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(MissingPartError, match=r"postgresql\+psycopg://u:\*\*\*@h/d needs psycopg"):
        open_store("postgresql+psycopg://u:hunter2@h/d", key=KEY)


def test_a_key_that_is_too_short(place: Place) -> None:
    with pytest.raises(UsageError, match="has 15 bytes"):
        place(key=b"x" * 15)
    # Nothing was made that another key could not open.
    place().close()


def test_another_key(place: Place) -> None:
    with place() as store:
        fill(store)
    for read_only in (True, False):
        with pytest.raises(StoreError, match="was written with another key"):
            place(key=b"a key that was never used", read_only=read_only)


@only_sqlite("it is about what lies there as a file")
def test_there_is_no_store_to_read(tmp_path: Path, place: Place) -> None:
    with pytest.raises(StoreError, match=r"there is no store at .*store\.db"):
        place(read_only=True)
    assert not list(tmp_path.iterdir())
    (tmp_path / "store.db").touch()
    with pytest.raises(StoreError, match="holds no store yet"):
        place(read_only=True)
    (tmp_path / "store.db").unlink()
    (tmp_path / "store.db").mkdir()
    for read_only in (True, False):
        with pytest.raises(StoreError, match=r"is a folder|is being|cannot"):
            place(read_only=read_only)


@only_sqlite("no server lets anybody into that")
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"this is a letter to my aunt, and no database at all " * 100, "it is no SQLite database"),
        (b"SQLite format 3\0" + b"\xff" * 5000, "is no SQLite database|is damaged|cannot be opened"),
        (b"\0" * 8192, "is no SQLite database|is damaged"),
    ],
)
@pytest.mark.parametrize("read_only", [True, False])
def test_what_is_no_database(tmp_path: Path, place: Place, content: bytes, message: str, read_only: bool) -> None:
    (tmp_path / "store.db").write_bytes(content)
    with pytest.raises(StoreError, match=message):
        place(read_only=read_only)
    assert (tmp_path / "store.db").read_bytes() == content


def test_there_is_nothing_to_read_yet(place: Place) -> None:
    if isinstance(place, SQLitePlace):
        place.path.touch()
    with pytest.raises(StoreError, match="holds no store yet"):
        place(read_only=True)
    assert place.kind == "sqlite" or place.query("SELECT * FROM pg_tables WHERE schemaname = 'public'") == []


@pytest.mark.parametrize("tables", [["letters"], ["letters", "alembic_version"], ["stores"]])
def test_a_database_of_something_else(place: Place, tables: list[str]) -> None:
    for table in tables:
        place.change(f"CREATE TABLE {table} (version_num TEXT)")
    for read_only in (True, False):
        with pytest.raises(StoreError, match="holds a database of something else"):
            place(read_only=read_only)


def test_a_store_of_a_newer_version(place: Place) -> None:
    place().close()
    place.edit("UPDATE alembic_version SET version_num = '0999'")
    for read_only in (True, False):
        with pytest.raises(StoreError, match=r"written by a newer Decisight \(its tables are those of 0999\)"):
            place(read_only=read_only)


def test_a_store_of_an_older_version_is_not_read_as_it_is(place: Place) -> None:
    assert VERSION > "0000"
    place().close()
    place.edit("UPDATE alembic_version SET version_num = '0000'")
    with pytest.raises(StoreError, match="written by an older Decisight"):
        place(read_only=True)


@only_sqlite("the pages of PostgreSQL are its own business")
def test_damaged_pages(tmp_path: Path, place: Place) -> None:
    with place() as store:
        fill(store, batches=5, size=500)
    path = tmp_path / "store.db"
    content = bytearray(path.read_bytes())
    for at in range(4096 * 8, len(content), 4096):
        content[at : at + 64] = b"\xa5" * 64
    path.write_bytes(content)
    with pytest.raises(StoreError, match="is damaged") as caught:
        place()
    assert not caught.value.passing
    with pytest.raises(StoreError, match="is damaged"), place(read_only=True) as store:
        list(store.verify())


@only_sqlite("the files of PostgreSQL are its own business")
@pytest.mark.parametrize("size", [0, 1, 100, 4096, 10_000])
def test_a_file_that_was_cut_short(tmp_path: Path, place: Place, size: int) -> None:
    with place() as store:
        fill(store)
    path = tmp_path / "store.db"
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(StoreError), place(read_only=True) as store:
        list(store.verify())


@only_sqlite("PostgreSQL locks rows: see test_postgresql")
def test_the_database_is_locked(tmp_path: Path, place: Place) -> None:
    with place() as store:
        number = fill(store, batches=1)
        other = sqlite3.connect(tmp_path / "store.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        for work in (lambda: store.commit([batch(number, at=1)]), lambda: store.delivered([1])):
            with pytest.raises(StoreError, match="the database is locked") as caught:
                work()
            assert caught.value.passing
        # Reading goes on.
        assert len(list(store.readings("gate"))) == 100
        other.execute("ROLLBACK")
        other.close()
        store.commit([batch(number, at=1)])
        assert len(list(store.readings("gate"))) == 200
        assert not list(store.verify())


@only_sqlite("the disk of a server is filled in test_postgresql")
def test_the_disk_is_full(place: Place) -> None:
    with place() as store:
        number = fill(store, batches=1)
        with store._database.reading() as connection:
            pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
            connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
        given = [batch(number, at=1, size=3000)]
        for _ in range(2):
            with pytest.raises(StoreError, match="the disk is full") as caught:
                store.commit(given)
            assert caught.value.passing
        assert len(list(store.readings("gate"))) == 100
        with store._database.reading() as connection:
            connection.exec_driver_sql("PRAGMA max_page_count = 1000000")
        store.commit(given)
        assert len(list(store.readings("gate"))) == 3100
        assert not list(store.verify())


def test_the_disk_is_full_of_evidence(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    with place() as store:
        number = fill(store, batches=1)

        def full(descriptor: int) -> None:
            raise OSError(28, "No space left on device")

        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", full)
            with pytest.raises(StoreError, match="the disk is full") as caught:
                store.commit([batch(number, at=1)])
        assert caught.value.passing
        assert not list(store.verify())
        store.commit([batch(number, at=1)])
        assert not list(store.verify())


UNPRIVILEGED = """
import os, sys
from decisight.errors import StoreError
from decisight.store import open_store
if os.geteuid() == 0:
    os.setuid(65534)  # nothing is forbidden to root
url, key = sys.argv[1], sys.argv[2].encode()
try:
    open_store(url, key=key)
except StoreError as error:
    print(error.message.rpartition(": ")[2], error.passing)
with open_store(url, key=key, read_only=True) as store:
    print(len(list(store.readings("gate"))), list(store.verify()))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="permissions are others there")
def test_a_place_that_cannot_be_written() -> None:
    # Not in the test's own folder, which nobody else may look into.
    place = Path(tempfile.mkdtemp())
    try:
        url = f"sqlite:///{place}/store.db"
        with open_store(url, key=KEY) as store:
            fill(store, batches=1, evidence=False)
        for path in place.iterdir():
            path.chmod(0o444)
        place.chmod(0o555)
        run = subprocess.run([sys.executable, "-c", UNPRIVILEGED, url, KEY], capture_output=True, text=True)
        assert run.stdout.splitlines() == ["Permission denied False", "100 []"], run.stderr
    finally:
        place.chmod(0o755)
        shutil.rmtree(place)


@only_sqlite("it is about the files of SQLite")
def test_a_read_only_place_is_read_without_a_log_beside_it(
    tmp_path: Path, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    with place() as store:
        fill(store, batches=1)
    real = sqlite3.connect

    def connect(place: str, **options: Any) -> Any:
        # As SQLite does where it may not make the files of a log.
        refused = "mode=ro" in place and "immutable" not in place
        return real(f"{tmp_path.as_uri()}/no/such/place?mode=ro" if refused else place, **options)

    monkeypatch.setattr(sqlite3, "connect", connect)
    with place(read_only=True) as store:
        assert len(list(store.readings("gate"))) == 100
    # Where there is a log, part of the store is in it, and the file alone is not all.
    (tmp_path / "store.db-wal").write_bytes(b"x")
    with pytest.raises(StoreError, match="cannot be opened"):
        place(read_only=True)


@pytest.mark.parametrize(
    ("error", "message", "passing"),
    [
        (OSError(28, "No space left on device"), "the disk is full", True),
        (OSError(122, "Disk quota exceeded"), "the disk is full", True),
        (OSError(5, "Input/output error"), "Input/output error", True),
        (OSError(13, "Permission denied"), "Permission denied", False),
        (OSError(30, "Read-only file system"), "Read-only file system", False),
    ],
)
def test_what_the_system_says_of_files(error: OSError, message: str, passing: bool) -> None:
    found = failure_of_file(error, "here")
    assert found.message.startswith("here")
    assert message in found.message
    assert found.passing is passing


class SaidError(Exception):
    """An error as a driver of PostgreSQL raises it."""

    def __init__(self, sqlstate: str | None, text: str) -> None:
        super().__init__(text)
        self.sqlstate = sqlstate


@pytest.mark.parametrize(
    ("sqlstate", "lost", "message", "passing"),
    [
        ("53100", False, "the disk is full", True),
        ("55P03", False, "the database is locked", True),
        ("40P01", False, "the database is locked", True),
        ("40001", False, "could not", True),
        ("08006", False, "cannot be reached", True),
        ("57P01", True, "cannot be reached", True),
        (None, True, "cannot be reached", True),
        ("57P03", False, "is starting or stopping: could not", True),
        ("53300", False, "too many connections", True),
        ("25006", False, "can only be read", True),
        ("57014", False, "took too long", True),
        ("58030", False, "the disk of the server fails", True),
        ("XX001", False, "the database is damaged", False),
        ("42501", False, "the user may not do that: could not", False),
        ("23505", False, "not what the database allows: could not", False),
        ("22021", False, "says: could not", False),
    ],
)
def test_what_postgresql_says(sqlstate: str | None, lost: bool, message: str, passing: bool) -> None:
    error = OperationalError(
        "SELECT 1", {}, SaidError(sqlstate, "could not\nDETAIL: much more"), connection_invalidated=lost
    )
    found = failure_of(error, "postgresql://h/d")
    assert message in found.message
    assert found.hint or not passing
    assert "DETAIL" not in found.message
    assert found.passing is passing


def test_what_sqlite_says_of_the_disk() -> None:
    said = sqlite3.OperationalError("disk I/O error")
    said.sqlite_errorcode = sqlite3.SQLITE_IOERR_FSYNC
    found = failures.failure_of(DBAPIError("COMMIT", {}, said), "store.db")
    assert (found.message, found.passing) == ("store.db: the disk fails: disk I/O error", True)
    said.sqlite_errorcode = sqlite3.SQLITE_READONLY
    assert not failures.failure_of(said, "store.db").passing


def test_evidence_of_another_store(tmp_path: Path, place: Place) -> None:
    with place() as store:
        fill(store, batches=1)
    with pytest.raises(StoreError, match="is of another store"):
        open_store("sqlite://", key=KEY, evidence=tmp_path / "evidence")
    assert len(list((tmp_path / "evidence").rglob("*.jpg"))) == 1


def test_what_a_crash_left_of_evidence_is_removed(tmp_path: Path, place: Place) -> None:
    with place() as store:
        fill(store, batches=2)
        ours = {picture.digest for stored in store.events() for picture in stored.evidence}
    folder = tmp_path / "evidence"
    stray, draft = "ab" * 32, f".{'cd' * 32}.01234567.part"
    for name in ("ab/" + stray + ".jpg", "cd/" + draft, "ab/holiday.jpg", "notes/" + "ef" * 32 + ".jpg", "ab/readme"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(b"x")
    with place(read_only=True):
        assert (folder / "ab" / f"{stray}.jpg").exists()
    with place() as store:
        assert not list(store.verify())
    left = {path.name for path in folder.rglob("*") if path.is_file()}
    # What is not named as ours are is nobody's business.
    assert left == {f"{digest}.jpg" for digest in ours} | {
        "holiday.jpg",
        "ef" * 32 + ".jpg",
        "readme",
        "decisight-store",
    }


@only_sqlite("it is about the files of SQLite")
def test_a_store_that_was_put_elsewhere_with_its_log(tmp_path: Path, place: Place) -> None:
    with place() as store:
        fill(store, batches=2)
        copy = tmp_path / "copy"
        copy.mkdir()
        for path in tmp_path.glob("store.db*"):
            shutil.copy(path, copy)
    with open_store(f"sqlite:///{copy}/store.db", key=KEY, read_only=True) as store:
        assert len(list(store.readings("gate"))) == 200
        assert not list(store.verify())


NAMES = ["50% of #1 ünd?", "a%25b", "a?mode=ro", "a#b", "a&b=c;d", "a b", "a:b@c"]


@pytest.mark.skipif(sys.platform == "win32", reason="names may not hold such characters there")
@pytest.mark.parametrize("name", NAMES)
def test_names_that_urls_and_files_must_bear(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    folder.mkdir()
    path = folder / f"{name}.db"
    with open_store(f"sqlite:///{path}", key=KEY) as store:
        assert store.title == str(path)
        store.commit([CameraBatch("Tür 1", [reading(store.view_id(view("Tür 1")), BEGIN)])])
        assert not list(store.verify())
    assert {each.name for each in folder.iterdir()} <= {path.name, f"{path.name}.lock"}
    assert path.exists()
    # The same as a path.
    with open_store(path, key=KEY, read_only=True) as store:
        assert len(list(store.readings("Tür 1"))) == 1


@only_sqlite("the files of PostgreSQL are its own business")
@pytest.mark.skipif(os.name != "posix", reason="permissions are others there")
@pytest.mark.parametrize("mask", [0o000, 0o022])
def test_nobody_else_may_read_what_is_kept(tmp_path: Path, place: Place, mask: int) -> None:
    before = os.umask(mask)
    try:
        with place() as store:
            fill(store, batches=2)
            made = [path for path in tmp_path.rglob("*") if path != tmp_path]
            found = {path: stat.S_IMODE(path.stat().st_mode) for path in made}
    finally:
        os.umask(before)
    names = {path.name for path in made}
    assert {"store.db", "store.db-wal", "store.db-shm", "store.db.lock", "evidence"} <= names
    assert {path.suffix for path in made} >= {".jpg"}
    assert found == {path: 0o700 if path.is_dir() else 0o600 for path in made}


def test_what_asks_beside_the_writer_makes_no_store(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"there is no store at .*none\.db"):
        request_mark(tmp_path / "none.db", "ab" * 16, key=KEY, outcome="confirmed")
    assert not list(tmp_path.iterdir())

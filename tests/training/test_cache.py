"""Losing the cache costs time, never a training; and it stays as small as it was asked to."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from decisight.data.dataset import Example
from decisight.models.backbones import backbones
from decisight.training.cache import FeatureCache, default_cache_path
from decisight.training.features import FeatureExtractor, View
from decisight.types import FitMode


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "folder/that/is/made/features.sqlite3"


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every look at the clock is a second later than the one before."""
    seconds = iter(range(1_000_000_000, 2_000_000_000))
    monkeypatch.setattr("decisight.training.cache.time.time", lambda: float(next(seconds)))


def key(number: int) -> bytes:
    return number.to_bytes(32, "big")


def test_what_is_put_is_found(path: Path) -> None:
    with FeatureCache(path) as cache:
        cache.put({key(1): b"one", key(2): b"", key(3): bytes(range(256))})
        assert cache.get([key(1), key(2), key(3), key(4)]) == {key(1): b"one", key(2): b"", key(3): bytes(range(256))}
        assert cache.get([]) == {}
        assert cache.get([key(1), key(1)]) == {key(1): b"one"}
        assert cache.trouble is None


def test_it_is_found_by_the_next_one(path: Path) -> None:
    with FeatureCache(path) as cache:
        cache.put({key(1): b"one"})
    with FeatureCache(path) as cache:
        assert cache.get([key(1)]) == {key(1): b"one"}


def test_a_newer_value_takes_the_place_of_an_older(path: Path) -> None:
    with FeatureCache(path) as cache:
        cache.put({key(1): b"one"})
        cache.put({key(1): b"two"})
        assert cache.get([key(1)]) == {key(1): b"two"}


def test_without_a_path_it_is_forgotten() -> None:
    with FeatureCache(None) as cache:
        cache.put({key(1): b"one"})
        assert cache.get([key(1)]) == {key(1): b"one"}
        assert cache.trouble is None
    with FeatureCache(None) as cache:
        assert cache.get([key(1)]) == {}


def test_it_lies_in_the_users_cache_folder() -> None:
    assert default_cache_path().name == "features.sqlite3"
    assert "decisight" in str(default_cache_path())


@pytest.mark.usefixtures("clock")
class TestBounds:
    def test_the_least_recently_used_go_first(self, path: Path) -> None:
        with FeatureCache(path, max_bytes=300) as cache:
            for number in range(5):
                cache.put({key(number): bytes(100)})
            assert list(cache.get([key(0)])) == [key(0)]
            cache.trim()
            assert set(cache.get([key(n) for n in range(5)])) == {key(0), key(3), key(4)}

    def test_it_is_trimmed_when_it_is_closed(self, path: Path) -> None:
        for number in range(30):
            with FeatureCache(path, max_bytes=300_000) as cache:
                cache.put({key(number): bytes(30_000)})
        with FeatureCache(path) as cache:
            assert set(cache.get([key(n) for n in range(30)])) == {key(n) for n in range(20, 30)}

    def test_it_is_trimmed_while_it_is_written(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("decisight.training.cache._TRIM_AFTER", 60_000)
        with FeatureCache(path, max_bytes=300_000) as cache:
            for number in range(100):
                cache.put({key(number): bytes(30_000)})
            assert set(cache.get([key(n) for n in range(100)])) == {key(n) for n in range(90, 100)}
            assert cache._connection is not None
            # Twelve values, and what SQLite needs for itself: the room of those that went is used again.
            (pages,) = cache._connection.execute("PRAGMA page_count").fetchone()
            assert pages * 4096 < 500_000

    def test_the_file_gives_the_room_back(self, path: Path) -> None:
        with FeatureCache(path, max_bytes=300_000) as cache:
            cache.put({key(number): bytes(30_000) for number in range(100)})
        # Ten values, and what SQLite needs for itself.
        assert path.stat().st_size < 400_000

    def test_what_fits_stays(self, path: Path) -> None:
        with FeatureCache(path, max_bytes=300) as cache:
            cache.put({key(n): bytes(100) for n in range(3)})
            cache.trim()
            assert len(cache.get([key(n) for n in range(3)])) == 3

    def test_nothing_may_stay(self, path: Path) -> None:
        with FeatureCache(path, max_bytes=0) as cache:
            cache.put({key(1): b"one"})
            cache.trim()
            assert cache.get([key(1)]) == {}
            assert cache.trouble is None


def damaged(path: Path) -> None:
    with FeatureCache(path) as cache:
        cache.put({key(n): bytes(5000) for n in range(50)})
    data = bytearray(path.read_bytes())
    # The header stays, the pages behind it do not.
    data[4096:] = os.urandom(len(data) - 4096)
    path.write_bytes(data)


def other_table(path: Path) -> None:
    path.parent.mkdir(parents=True)
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE features (something TEXT)")
    connection.close()


def written(content: bytes) -> object:
    def write(path: Path) -> None:
        path.parent.mkdir(parents=True)
        path.write_bytes(content)

    return write


@pytest.mark.parametrize(
    "spoil",
    [
        written(b"this is no database" * 100),
        written(b"SQLite format 3\0" + bytes(5000)),
        lambda path: path.mkdir(parents=True),
        lambda path: path.parent.parent.mkdir(parents=True) or path.parent.write_bytes(b""),
        damaged,
        other_table,
    ],
    ids=["a text", "a header only", "a folder", "a file for a folder", "damaged pages", "another table"],
)
def test_a_cache_that_cannot_be_used_is_passed_over(path: Path, spoil: object) -> None:
    spoil(path)  # type: ignore[operator]
    with FeatureCache(path) as cache:
        cache.put({key(1): bytes(100)})
        assert cache.get([key(1)]) in ({}, {key(1): bytes(100)})
        cache.get([key(n) for n in range(50)])
        cache.trim()
    assert cache.trouble is not None
    assert str(path) in cache.trouble


@pytest.fixture
def locked() -> Iterator[Path]:
    """A folder that may be read and not written; root may do anything, so it becomes another user."""
    if not hasattr(os, "geteuid"):
        pytest.skip("there are no such permissions on this system")
    was_root = os.geteuid() == 0
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o555)  # noqa: S103 - that is the test
        if was_root:
            os.seteuid(65534)
        try:
            yield Path(folder)
        finally:
            if was_root:
                os.seteuid(0)
            os.chmod(folder, 0o700)


@pytest.mark.parametrize("name", ["features.sqlite3", "sub/features.sqlite3"])
def test_a_folder_that_may_not_be_written(locked: Path, name: str) -> None:
    with FeatureCache(locked / name) as cache:
        cache.put({key(1): b"one"})
        assert cache.get([key(1)]) == {}
    assert cache.trouble is not None


@pytest.mark.parametrize("journal", ["delete", "wal"])
@pytest.mark.parametrize(
    "made",
    ["CREATE TABLE accounts (owner TEXT)", "PRAGMA application_id = 252006673"],
    ids=["tables", "an application id"],
)
def test_the_database_of_another_program_is_left_as_it_is(tmp_path: Path, made: str, journal: str) -> None:
    foreign = tmp_path / "accounts.db"
    connection = sqlite3.connect(foreign)
    connection.execute(f"PRAGMA journal_mode = {journal}")
    connection.execute(made)
    connection.commit()
    connection.close()
    before = foreign.read_bytes()
    with FeatureCache(foreign) as cache:
        cache.put({key(1): b"one"})
        assert cache.get([key(1)]) == {}
    assert cache.trouble == f"{foreign}: it is the database of another program, and was left as it is"
    assert foreign.read_bytes() == before
    assert os.listdir(tmp_path) == ["accounts.db"]


FIRST = (
    "CREATE TABLE features (key BLOB PRIMARY KEY, value BLOB NOT NULL, used REAL NOT NULL) WITHOUT ROWID",
    "CREATE INDEX features_used ON features (used)",
)
"""What the first caches held."""


@pytest.mark.parametrize(
    "said",
    [(), ("PRAGMA application_id = 0x44534643",), ("PRAGMA application_id = 0x44534643", "PRAGMA user_version = 99")],
    ids=["the first", "before values were sealed", "a later version"],
)
def test_a_cache_of_another_version_is_begun_anew(tmp_path: Path, said: tuple[str, ...]) -> None:
    older = tmp_path / "features.sqlite3"
    connection = sqlite3.connect(older)
    for statement in (*FIRST, *said):
        connection.execute(statement)
    connection.execute("INSERT INTO features VALUES (?, ?, 0.0)", [key(1), b"one"])
    connection.commit()
    connection.close()
    with FeatureCache(older) as cache:
        assert cache.get([key(1)]) == {}
        cache.put({key(1): b"two"})
    with FeatureCache(older) as cache:
        assert cache.get([key(1)]) == {key(1): b"two"}
        assert cache.trouble is None


class TestValuesThatWereChanged:
    """By a disk, or by a program: they are not the ones that were put there."""

    @pytest.mark.parametrize(
        "change",
        [
            "UPDATE features SET value = CAST(x'00' || substr(value, 2) AS BLOB)",
            "UPDATE features SET value = substr(value, 2)",
            "UPDATE features SET value = 'a text'",
            "UPDATE features SET seal = zeroblob(16)",
            "UPDATE features SET seal = x''",
        ],
    )
    def test_they_are_not_found(self, path: Path, change: str) -> None:
        with FeatureCache(path) as cache:
            cache.put({key(1): b"some value"})
            assert cache._connection is not None
            assert cache._connection.execute(change).rowcount == 1
            assert cache.get([key(1)]) == {}
            cache.put({key(1): b"some value"})
            assert cache.get([key(1)]) == {key(1): b"some value"}

    def test_nor_are_those_that_changed_places(self, path: Path) -> None:
        with FeatureCache(path) as cache:
            cache.put({key(1): b"one", key(2): b"two"})
            assert cache._connection is not None
            cache._connection.execute(
                "UPDATE features SET (value, seal) = (SELECT value, seal FROM features WHERE key = ?) WHERE key = ?",
                [key(1), key(2)],
            )
            assert cache.get([key(1), key(2)]) == {key(1): b"one"}

    def test_flipped_bytes_in_the_file(self, path: Path) -> None:
        with FeatureCache(path) as cache:
            cache.put({key(1): b"one" * 50, key(2): b"two" * 50})
        data = path.read_bytes()
        assert data.count(b"one" * 50) == 1
        path.write_bytes(data.replace(b"one" * 50, b"oNe" * 50))
        with FeatureCache(path) as cache:
            assert cache.get([key(1), key(2)]) == {key(2): b"two" * 50}
            assert cache.trouble is None

    def test_features_are_computed_again(self, path: Path, tmp_path: Path) -> None:
        photo, view = tmp_path / "photo.png", View(FitMode.STRETCH)
        Image.new("RGB", (30, 20), (200, 30, 60)).save(photo)
        with FeatureCache(path) as cache:
            extractor = FeatureExtractor(backbones.build("efficientnet_lite0"), cache, threads=1)
            fresh = extractor.extract([Example(photo, ())], [view], lambda *_: None)
            assert cache._connection is not None
            cache._connection.execute("UPDATE features SET value = zeroblob(length(value))")
            again = extractor.extract([Example(photo, ())], [view], lambda *_: None)
        assert (fresh.cached, again.cached) == (0, 0)
        np.testing.assert_array_equal(again.views[view], fresh.views[view])


def test_an_empty_file_becomes_a_cache(tmp_path: Path) -> None:
    (tmp_path / "made by mktemp").touch()
    with FeatureCache(tmp_path / "made by mktemp") as cache:
        cache.put({key(1): b"one"})
        assert cache.get([key(1)]) == {key(1): b"one"}
        assert cache.trouble is None


def test_a_locked_cache_is_waited_for_once(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("decisight.training.cache._PATIENCE", 0.01)
    with FeatureCache(path) as cache:
        cache.put({key(1): b"one"})
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        cache.put({key(2): b"two"})
        assert "locked" in str(cache.trouble)
        other.execute("ROLLBACK")
        # It is not tried again.
        assert cache.get([key(1)]) == {}
        other.close()


def test_a_disk_that_fills_up(path: Path) -> None:
    with FeatureCache(path) as cache:
        cache.put({key(1): b"one"})
        assert cache._connection is not None
        cache._connection.execute("PRAGMA max_page_count = 8")
        cache.put({key(n): os.urandom(4000) for n in range(2, 40)})
        assert "full" in str(cache.trouble)
        said = cache.trouble
        cache.put({key(3): b"three"})
        assert cache.get([key(1), key(3)]) == {}
        assert cache.trouble == said
    # What was there stays.
    with FeatureCache(path) as cache:
        assert cache.get([key(1), key(2), key(3)]) == {key(1): b"one"}


def test_after_closing_nothing_is_found(path: Path) -> None:
    cache = FeatureCache(path)
    cache.put({key(1): b"one"})
    cache.close()
    cache.put({key(2): b"two"})
    assert cache.get([key(1)]) == {}
    cache.close()


def test_many_threads(path: Path) -> None:
    with FeatureCache(path) as cache:

        def work(start: int) -> None:
            for number in range(start, start + 40):
                cache.put({key(number): str(number).encode()})
                assert cache.get([key(number)]) == {key(number): str(number).encode()}

        threads = [threading.Thread(target=work, args=(1000 * t,)) for t in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert cache.trouble is None
        found = cache.get([key(1000 * t + n) for t in range(6) for n in range(40)])
        assert len(found) == 240


PROCESS = """
import sys
from pathlib import Path
from decisight.training.cache import FeatureCache

start = int(sys.argv[2])
for _ in range(3):
    with FeatureCache(Path(sys.argv[1])) as cache:
        for number in range(start, start + 40):
            cache.put({number.to_bytes(32, "big"): bytes(2000)})
            assert cache.get([number.to_bytes(32, "big")]), cache.trouble
        assert cache.trouble is None, cache.trouble
"""


def test_many_processes(path: Path) -> None:
    processes = [
        subprocess.Popen([sys.executable, "-c", PROCESS, str(path), str(1000 * p)], stderr=subprocess.PIPE)
        for p in range(4)
    ]
    complaints = [process.communicate(timeout=120)[1].decode() for process in processes]
    assert [process.returncode for process in processes] == [0] * 4, complaints
    with FeatureCache(path) as cache:
        assert len(cache.get([key(1000 * p + n) for p in range(4) for n in range(40)])) == 160


class TestValuesOfAnotherLength:
    """What is no row of features is not taken for one, whoever put it there."""

    @pytest.mark.parametrize("value", [b"", bytes(99), bytes(10**6)], ids=len)
    def test_they_are_computed_again(self, path: Path, tmp_path: Path, value: bytes) -> None:
        photo, view = tmp_path / "photo.png", View(FitMode.STRETCH)
        Image.new("RGB", (30, 20), (200, 30, 60)).save(photo)
        with FeatureCache(path) as cache:
            extractor = FeatureExtractor(backbones.build("efficientnet_lite0"), cache, threads=1)
            fresh = extractor.extract([Example(photo, ())], [view], lambda *_: None)
            kept = extractor.extract([Example(photo, ())], [view], lambda *_: None)
            assert (fresh.cached, kept.cached) == (0, 1)
            assert cache._connection is not None
            # Beside the features stands the picture's size.
            longest = "SELECT key FROM features ORDER BY length(value) DESC LIMIT 1"
            ((row_key,),) = cache._connection.execute(longest).fetchall()
            cache._connection.execute("DELETE FROM features")
            cache.put({row_key: value})
            again = extractor.extract([Example(photo, ())], [view], lambda *_: None)
        assert again.cached == 0
        for other in (kept, again):
            np.testing.assert_array_equal(other.views[view], fresh.views[view])

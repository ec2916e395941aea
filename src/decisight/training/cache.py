"""The feature cache: what a backbone made of a picture, kept so that the next training need not compute it again."""

from __future__ import annotations

import contextlib
import hashlib
import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from decisight.imaging import printable

__all__ = ["DEFAULT_BYTES", "FeatureCache", "default_cache_path"]

DEFAULT_BYTES = 2 << 30
"""How large the cache may grow: 2 GiB, about 16,000 pictures in all their views."""

_SCHEMA = (
    "CREATE TABLE features (key BLOB PRIMARY KEY, value BLOB NOT NULL, seal BLOB NOT NULL, used REAL NOT NULL) "
    "WITHOUT ROWID",
    "CREATE INDEX features_used ON features (used)",
)
_APPLICATION_ID = 0x44534643
"""Stands in the header of every file that is a feature cache ("DSFC"), and in that of no other."""

_VERSION = 1
"""Stands there too, and is raised whenever the tables change. A cache of another version is emptied."""

_FIRST_COLUMNS = {"key", "value", "used"}
"""What the only table of a cache had before caches said what they are."""

_PATIENCE = 10.0
"""Seconds to wait for another process that writes."""

_TRIM_AFTER = 64 << 20
"""Bytes that are written before it is looked whether the whole still fits."""


def default_cache_path() -> Path:
    """Where the cache lies unless told otherwise: in the user's cache folder."""
    import platformdirs

    return Path(platformdirs.user_cache_dir("decisight")) / "features.sqlite3"


class FeatureCache:
    """Bytes by key in one SQLite file; the least recently used go first when it grows too large.

    Losing it costs time, never data. So a cache that cannot be opened, is damaged or cannot be written is passed over
    from then on: nothing is found in it and nothing kept, and :attr:`trouble` says why. A value that is not the one
    that was put there, since the disk or another program changed it, counts as not there. A database of another program
    is left as it is.

    Args:
        path: the file; made with its folders where it is not there. ``None``: in memory, for this run only.
        max_bytes: how large the values together may grow; for a while they may be 64 MiB more.
    """

    def __init__(self, path: Path | None, *, max_bytes: int = DEFAULT_BYTES) -> None:
        self.path = path
        self.max_bytes = max_bytes
        self.trouble: str | None = None
        self._lock = threading.Lock()
        self._untrimmed = 0
        self._connection: sqlite3.Connection | None = None
        with self._surviving():
            if path is not None:
                path.parent.mkdir(parents=True, exist_ok=True)
            name = ":memory:" if path is None else str(path)
            self._connection = sqlite3.connect(name, timeout=_PATIENCE, check_same_thread=False, isolation_level=None)
            _prepare_patiently(self._connection)

    def get(self, keys: Sequence[bytes]) -> dict[bytes, bytes]:
        """Those of the keys that are there, with their values."""
        found: dict[bytes, bytes] = {}
        with self._lock, self._surviving():
            if self._connection is not None and keys:
                marks = ",".join("?" * len(keys))
                rows = self._connection.execute(
                    f"SELECT key, value, seal FROM features WHERE key IN ({marks})",  # noqa: S608 - question marks only
                    list(keys),
                )
                found = {key: value for key, value, seal in rows if seal and seal == _seal(key, value)}
                self._connection.execute(
                    f"UPDATE features SET used = ? WHERE key IN ({marks})",  # noqa: S608 - question marks only
                    [time.time(), *keys],
                )
        return found

    def put(self, entries: Mapping[bytes, bytes]) -> None:
        """Keep values by key."""
        now = time.time()
        with self._lock, self._surviving():
            if self._connection is not None:
                self._connection.execute("BEGIN")
                self._connection.executemany(
                    "INSERT OR REPLACE INTO features (key, value, seal, used) VALUES (?, ?, ?, ?)",
                    ((key, value, _seal(key, value), now) for key, value in entries.items()),
                )
                self._connection.execute("COMMIT")
                self._untrimmed += sum(map(len, entries.values()))
                if self._untrimmed >= _TRIM_AFTER:
                    self._untrimmed = 0
                    _trim(self._connection, self.max_bytes)

    def trim(self) -> None:
        """Remove the least recently used entries until the rest fits."""
        with self._lock, self._surviving():
            if self._connection is not None:
                _trim(self._connection, self.max_bytes)

    def close(self) -> None:
        """Trim and close the file, which gives back the room that it no longer needs."""
        self.trim()
        with self._lock, self._surviving():
            if self._connection is not None:
                _give_room_back(self._connection)
                self._connection.close()
                self._connection = None

    def __enter__(self) -> FeatureCache:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextlib.contextmanager
    def _surviving(self) -> Iterator[None]:
        try:
            yield
        except (OSError, sqlite3.Error) as error:
            self.trouble = f"{printable(self.path or ':memory:')}: {error}"
            # What is locked, full or damaged would fail every time, and may take long to.
            connection, self._connection = self._connection, None
            if connection is not None:
                with contextlib.suppress(sqlite3.Error):
                    connection.close()


def _seal(key: bytes, value: object) -> bytes | None:
    """What tells whether a value is still the one that was put there under that key; nothing of what is no value."""
    if not isinstance(value, bytes):
        return None
    digest = hashlib.blake2b(key, digest_size=16)
    digest.update(value)
    return digest.digest()


def _identity(connection: sqlite3.Connection) -> tuple[int, int, set[str]]:
    """What a database says it is: application, version, and the names of what is in it."""
    (identity,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    return identity, version, {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}


def _prepare_patiently(connection: sqlite3.Connection) -> None:
    """As :func:`_prepare`, again and again while another process makes or closes the same file.

    SQLite itself does not wait for one that changes how the file is written.
    """
    given_up = time.monotonic() + _PATIENCE
    while True:
        try:
            _prepare(connection)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > given_up:
                raise
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            time.sleep(0.01)
        else:
            return


def _prepare(connection: sqlite3.Connection) -> None:
    """Make a new file a feature cache, empty one of another version, and let one that is one be written fast.

    Raises:
        sqlite3.Error: it is another program's, or cannot be read or written.
    """
    # One transaction, so that all are of the same moment: another process may be making the same file.
    connection.execute("BEGIN")
    identity, version, things = _identity(connection)
    columns = {row[1] for row in connection.execute("PRAGMA table_info(features)")}
    connection.execute("COMMIT")
    first = identity == version == 0 and things == {"features", "features_used"} and columns == _FIRST_COLUMNS
    if identity != _APPLICATION_ID and not first and (identity or things):
        raise sqlite3.DatabaseError("it is the database of another program, and was left as it is")
    connection.execute("PRAGMA journal_mode = WAL")
    # A cache may lose its newest entries when the machine loses power.
    connection.execute("PRAGMA synchronous = OFF")
    if (identity, version) == (_APPLICATION_ID, _VERSION):
        return
    connection.execute("BEGIN IMMEDIATE")
    # Another process may have done all this while this one waited: what it has put there since must stay.
    if _identity(connection)[:2] != (_APPLICATION_ID, _VERSION):
        connection.execute("DROP TABLE IF EXISTS features")
        for statement in _SCHEMA:
            connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {_VERSION}")
    connection.execute("COMMIT")


def _trim(connection: sqlite3.Connection, max_bytes: int) -> None:
    """Remove the least recently used entries until the rest fits; the file keeps the room for what comes next."""
    (total,) = connection.execute("SELECT coalesce(sum(length(value)), 0) FROM features").fetchone()
    excess = int(total) - max_bytes
    if excess <= 0:
        return
    gone = []
    for key, size in connection.execute("SELECT key, length(value) FROM features ORDER BY used"):
        gone.append((key,))
        excess -= size
        if excess <= 0:
            break
    connection.execute("BEGIN")
    connection.executemany("DELETE FROM features WHERE key = ?", gone)
    connection.execute("COMMIT")


def _give_room_back(connection: sqlite3.Connection) -> None:
    """Write the file anew where a good part of it is empty."""
    (empty,) = connection.execute("PRAGMA freelist_count").fetchone()
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    if 10 * empty > pages:
        connection.execute("VACUUM")

"""The feature cache: what a backbone made of a picture, kept so that the next training need not compute it again."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

__all__ = ["DEFAULT_BYTES", "FeatureCache", "default_cache_path"]

DEFAULT_BYTES = 2 << 30
"""How large the cache may grow: 2 GiB, about 16,000 pictures in all their views."""

_SCHEMA = (
    "CREATE TABLE IF NOT EXISTS features (key BLOB PRIMARY KEY, value BLOB NOT NULL, used REAL NOT NULL) WITHOUT ROWID",
    "CREATE INDEX IF NOT EXISTS features_used ON features (used)",
)
_APPLICATION_ID = 0x44534643
"""Stands in the header of every file that is a feature cache ("DSFC"), and in that of no other."""

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
    from then on: nothing is found in it and nothing kept, and :attr:`trouble` says why. A database of another program
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
            _prepare(self._connection)

    def get(self, keys: Sequence[bytes]) -> dict[bytes, bytes]:
        """Those of the keys that are there, with their values."""
        found: dict[bytes, bytes] = {}
        with self._lock, self._surviving():
            if self._connection is not None and keys:
                marks = ",".join("?" * len(keys))
                found = dict(
                    self._connection.execute(f"SELECT key, value FROM features WHERE key IN ({marks})", list(keys))  # noqa: S608 - question marks only
                )
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
                    "INSERT OR REPLACE INTO features VALUES (?, ?, ?)",
                    ((key, value, now) for key, value in entries.items()),
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
            self.trouble = f"{self.path}: {error}"
            # What is locked, full or damaged would fail every time, and may take long to.
            connection, self._connection = self._connection, None
            if connection is not None:
                with contextlib.suppress(sqlite3.Error):
                    connection.close()


def _prepare(connection: sqlite3.Connection) -> None:
    """Make a new file a feature cache, and let one that is one already be written fast.

    Raises:
        sqlite3.Error: it is neither, or cannot be read or written.
    """
    # One transaction, so that both are of the same moment: another process may be making the same file.
    connection.execute("BEGIN")
    (identity,) = connection.execute("PRAGMA application_id").fetchone()
    (things,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    connection.execute("COMMIT")
    if identity != _APPLICATION_ID and (identity or things):
        raise sqlite3.DatabaseError("it is a database, but not a feature cache")
    connection.execute("PRAGMA journal_mode = WAL")
    # A cache may lose its newest entries when the machine loses power.
    connection.execute("PRAGMA synchronous = OFF")
    if identity == _APPLICATION_ID:
        return
    connection.execute("BEGIN IMMEDIATE")
    for statement in _SCHEMA:
        connection.execute(statement)
    connection.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
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

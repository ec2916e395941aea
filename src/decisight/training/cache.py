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

_SCHEMA = """
CREATE TABLE IF NOT EXISTS features (key BLOB PRIMARY KEY, value BLOB NOT NULL, used REAL NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS features_used ON features (used);
"""


def default_cache_path() -> Path:
    """Where the cache lies unless told otherwise: in the user's cache folder."""
    import platformdirs

    return Path(platformdirs.user_cache_dir("decisight")) / "features.sqlite3"


class FeatureCache:
    """Bytes by key in one SQLite file; the least recently used go first when it grows too large.

    Losing it costs time, never data. So a cache that cannot be opened, is damaged or cannot be written is passed over:
    nothing is found in it and nothing kept, and :attr:`trouble` says why.

    Args:
        path: the file; made with its folders where it is not there. ``None``: in memory, for this run only.
        max_bytes: how large the values together may grow.
    """

    def __init__(self, path: Path | None, *, max_bytes: int = DEFAULT_BYTES) -> None:
        self.path = path
        self.max_bytes = max_bytes
        self.trouble: str | None = None
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        with self._surviving():
            if path is not None:
                path.parent.mkdir(parents=True, exist_ok=True)
            name = ":memory:" if path is None else str(path)
            self._connection = sqlite3.connect(name, timeout=10.0, check_same_thread=False, isolation_level=None)
            self._connection.execute("PRAGMA journal_mode = WAL")
            # A cache may lose its newest entries when the machine loses power.
            self._connection.execute("PRAGMA synchronous = OFF")
            self._connection.executescript(_SCHEMA)

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

    def trim(self) -> None:
        """Remove the least recently used entries until the rest fits."""
        with self._lock, self._surviving():
            if self._connection is None:
                return
            (total,) = self._connection.execute("SELECT coalesce(sum(length(value)), 0) FROM features").fetchone()
            excess = int(total) - self.max_bytes
            if excess <= 0:
                return
            gone = []
            for key, size in self._connection.execute("SELECT key, length(value) FROM features ORDER BY used"):
                gone.append((key,))
                excess -= size
                if excess <= 0:
                    break
            self._connection.execute("BEGIN")
            self._connection.executemany("DELETE FROM features WHERE key = ?", gone)
            self._connection.execute("COMMIT")
            self._connection.execute("VACUUM")

    def close(self) -> None:
        """Trim and close the file."""
        self.trim()
        with self._lock, self._surviving():
            if self._connection is not None:
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
            if self._connection is not None and self._connection.in_transaction:
                with contextlib.suppress(sqlite3.Error):
                    self._connection.execute("ROLLBACK")

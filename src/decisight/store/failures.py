"""What a database says when it fails, in words, and whether another try may do."""

from __future__ import annotations

import errno
import re
import sqlite3
from collections.abc import Mapping, Sequence

from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from decisight.errors import StoreError, StoreInUseError

__all__ = ["failure_of", "failure_of_file", "in_use"]

_PASSING_CLASSES = ("08", "40", "53", "55", "57", "58")
"""Of PostgreSQL's error codes: connection, serialization, resources, lock not available, operator's intervention, the
system's own errors."""
_AGAIN = "it is tried again"
_SAID: Mapping[str, tuple[str, str]] = {
    "23": ("what is written is not what the database allows", "see who else writes it, and have the store verified"),
    "25006": ("the database can only be read: it is a standby, or set so", f"see which server is the first; {_AGAIN}"),
    "25P03": ("the connection was silent for too long, and was ended", _AGAIN),
    "42501": ("the user may not do that", "let the user of the store own its database: createdb --owner USER NAME"),
    "53200": ("the server has no memory left", _AGAIN),
    "53300": ("the server has too many connections", f"raise max_connections, or close some; {_AGAIN}"),
    "57014": ("the database took too long, or was told to stop", _AGAIN),
    "57P03": ("the server is starting or stopping", _AGAIN),
    "58030": ("the disk of the server fails", f"see to the disk; {_AGAIN}"),
    "XX001": ("the database is damaged", "put it aside, and go on with a backup or a new store"),
    "XX002": ("an index of the database is damaged", "have it made anew: reindexdb NAME"),
}
"""What codes of PostgreSQL mean, or classes of them, and what to do."""
_BEGINNING = "starting up|shutting down"
_REFUSED: Sequence[tuple[str, str]] = (
    (_BEGINNING, "wait until the server has started"),
    ("too many connections", "raise max_connections, or close some"),
    ("remaining connection slots", "raise max_connections, or close some"),
    ("not currently accepting", "let it take connections: ALTER DATABASE NAME ALLOW_CONNECTIONS true"),
    ("password", "give the right one: in PGPASSWORD, in ~/.pgpass, or in the URL"),
    (r"pg_hba\.conf", "let the server take connections of this user from here: pg_hba.conf"),
    ("authentication", "see which users the server takes from here, and how: pg_hba.conf"),
    ("role .* does not exist", "see the user in the URL; make it: createuser NAME"),
    ("database .* does not exist", "make the database: createdb NAME"),
)
"""What servers say to whoever is not let in, in English; there is no code where there is no connection yet."""
_FULL = (errno.ENOSPC, errno.EDQUOT)


def failure_of(error: SQLAlchemyError | sqlite3.Error, title: str, secrets: Sequence[str] = ()) -> StoreError:
    """What a database's error means.

    Args:
        error: as it was raised.
        title: of the store, without any password.
        secrets: what is not to be told.
    """
    said = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(said, sqlite3.Error):
        return _sqlite_failure(said, title)
    code = str(getattr(said, "sqlstate", None) or "")
    if code == "53100":
        return _full(title)
    if code in ("55P03", "40P01"):
        return _locked(title)
    first = (str(said).strip().splitlines() or [type(error).__name__])[0].removeprefix("connection failed: ")
    for secret in secrets:
        first = first.replace(secret, "***")
    # Before there is a connection there is no code either.
    if not code and "OperationalError" in (kind.__name__ for kind in type(said).__mro__):
        refused = first.partition(" failed: ")[2]
        known = next((hint for words, hint in _REFUSED if re.search(words, refused)), None)
        # Whoever opens a store tries once: that it is tried again is for whoever does.
        return StoreError(
            f"{title}: the database cannot be reached: {first}",
            hint=known or "start the server, or check host and port",
            passing=True,
            away=known is None or re.search(_BEGINNING, refused) is not None,
        )
    if type(said).__name__ == "DataError" and not code:
        return StoreError(f"{title}: a text cannot be written: {first}", hint="leave such characters out")
    if type(said).__name__ == "ProgrammingError" and not code:
        return StoreError(f"{title} cannot be opened: {first}", hint="see what the URL says after the question mark")
    lost = isinstance(error, DBAPIError) and error.connection_invalidated
    meaning, hint = _SAID.get(code) or _SAID.get(code[:2]) or ("", "")
    if not meaning and (lost or code.startswith(("08", "57P"))):
        return StoreError(f"{title}: the database cannot be reached: {first}", hint=_AGAIN, passing=True)
    passing = lost or code[:2] in _PASSING_CLASSES or code in ("25006", "25P03")
    meaning = f"{title}: {meaning}: {first}" if meaning else f"{title}: the database says: {first}"
    return StoreError(meaning, hint=hint or (_AGAIN if passing else None), passing=passing)


def failure_of_file(error: OSError, place: str) -> StoreError:
    """What the system's error about a file beside the database means."""
    if error.errno in _FULL:
        return _full(place)
    return StoreError(
        f"{place} cannot be written: {error.strerror or error}",
        hint="name a place that can be written to",
        passing=error.errno in (errno.EIO, errno.EAGAIN, errno.EINTR),
    )


def in_use(title: str, *, passing: bool = False) -> StoreInUseError:
    """That another process writes a store.

    Args:
        title: of the store, without any password.
        passing: whether it is waited for.
    """
    hint = "it is waited for" if passing else "stop that one, or open the store for reading only"
    return StoreInUseError(f"{title} is being written by another process", hint=hint, passing=passing)


def _sqlite_failure(error: sqlite3.Error, title: str) -> StoreError:
    code = (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return _locked(title)
    if code == sqlite3.SQLITE_FULL:
        return _full(title)
    if code == sqlite3.SQLITE_NOTADB:
        return StoreError(f"{title} is not a store: it is no SQLite database", hint="name another file")
    if code == sqlite3.SQLITE_CORRUPT:
        return StoreError(f"{title} is damaged: {error}", hint="put it aside, and go on with a backup or a new store")
    if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH):
        return StoreError(f"{title} cannot be written: {error}", hint="see who may write the file and its folder")
    if code == sqlite3.SQLITE_CANTOPEN:
        return StoreError(f"{title} cannot be opened", hint="see that its folder is there and may be read and written")
    if code == sqlite3.SQLITE_IOERR:
        return StoreError(f"{title}: the disk fails: {error}", hint="see to the disk; it is tried again", passing=True)
    return StoreError(f"{title}: the database says: {error}")


def _locked(title: str) -> StoreError:
    return StoreError(f"{title}: the database is locked", hint=f"another program holds it; {_AGAIN}", passing=True)


def _full(title: str) -> StoreError:
    return StoreError(f"{title}: the disk is full", hint=f"make room; {_AGAIN}", passing=True)

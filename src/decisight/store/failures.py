"""What a database says when it fails, in words, and whether another try may do."""

from __future__ import annotations

import errno
import sqlite3

from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from decisight.errors import StoreError

__all__ = ["failure_of", "failure_of_file"]

_PASSING_CLASSES = ("08", "40", "53", "55", "57")
"""Of PostgreSQL's error codes: connection, serialization, resources, lock not available, operator's intervention."""
_FULL = (errno.ENOSPC, errno.EDQUOT)


def failure_of(error: SQLAlchemyError | sqlite3.Error, title: str) -> StoreError:
    """What a database's error means.

    Args:
        error: as it was raised.
        title: of the store, without any password.
    """
    said = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(said, sqlite3.Error):
        return _sqlite_failure(said, title)
    code = str(getattr(said, "sqlstate", None) or "")
    if code == "53100":
        return _full(title)
    if code in ("55P03", "40P01"):
        return _locked(title)
    lost = isinstance(error, DBAPIError) and error.connection_invalidated
    first = (str(said).strip().splitlines() or [type(error).__name__])[0]
    # Before there is a connection there is no code either.
    unreachable = type(said).__name__ == "OperationalError" and not code
    if lost or unreachable or code.startswith("08"):
        return StoreError(f"{title}: the database cannot be reached: {first}", hint="it is tried again", passing=True)
    return StoreError(f"{title}: the database says: {first}", passing=code[:2] in _PASSING_CLASSES)


def failure_of_file(error: OSError, place: str) -> StoreError:
    """What the system's error about a file beside the database means."""
    if error.errno in _FULL:
        return _full(place)
    return StoreError(
        f"{place} cannot be written: {error.strerror or error}",
        hint="name a place that can be written to",
        passing=error.errno in (errno.EIO, errno.EAGAIN, errno.EINTR),
    )


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
    return StoreError(
        f"{title}: the database is locked", hint="another program holds it; it is tried again", passing=True
    )


def _full(title: str) -> StoreError:
    return StoreError(f"{title}: the disk is full", hint="make room; it is tried again", passing=True)

"""Where a site keeps everything, with which key, and for how long."""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Any

from decisight.config import Site, parse_limit
from decisight.errors import DecisightError, StoreError, StoreInUseError
from decisight.files import printable, sync_folder, unwritable

if TYPE_CHECKING:
    from decisight.store import Retention, Store

__all__ = ["KEY_VARIABLE", "chain_key", "is_there", "open_site_store", "retention", "store_place"]

KEY_VARIABLE = "DECISIGHT_CHAIN_KEY"
"""The environment variable that may hold the key of the chains, as 64 hexadecimal digits, instead of a file."""

_FILE, _IN_MEMORY = "sqlite:///", ":memory:"
_KEY_BYTES = 32
_SQLITE = b"SQLite format 3\0"
"""How a file of SQLite begins."""


def store_place(site: Site) -> str | Path:
    """Where a site keeps everything: a file, whose path is relative to the site file; or the URL of a database."""
    scheme, is_file, path = (site.section.store or f"{_FILE}{site.section.site}.db").partition(_FILE)
    if is_file and not scheme and path not in ("", _IN_MEMORY):
        # Whatever stands there is its name, ? and # and % too.
        return (site.folder / path).absolute()
    return scheme + is_file + path


def chain_key(site: Site, *, make: bool) -> bytes:
    """The key of the chains: of the environment, else of the file; one is made where there is none.

    Args:
        site: the site.
        make: whether one may be made.

    Raises:
        StoreError: there is none, or it cannot be used or written.
    """
    return _key(site, make=make)[0]


def _key(site: Site, *, make: bool) -> tuple[bytes, Path | None]:
    """The key, and its file if it was made just now."""
    given = os.environ.get(KEY_VARIABLE)
    if given:
        return _parsed_key(given, KEY_VARIABLE), None
    own = site.section.chain.key
    path = _beside_store(site, ".key") if own is None else site.folder / own
    if make and not path.exists() and not is_there(site):
        with contextlib.suppress(FileExistsError):
            return _made_key(path), path
    try:
        return _parsed_key(path.read_text("ascii"), printable(path)), None
    except FileNotFoundError:
        if not isinstance(store_place(site), Path) and not is_there(site):
            raise StoreError(
                "nothing was watched there yet: the database of the store is empty", hint="begin with: decisight watch"
            ) from None
        raise StoreError(
            f"there is no key {printable(path)} to check the store with", hint=f"name it in {KEY_VARIABLE}"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise StoreError(f"the key {printable(path)} cannot be read", hint="see that you may read it") from error


def is_there(site: Site) -> bool:
    """Whether something lies where the store of a site is to be.

    Raises:
        StoreError: a database cannot be reached.
    """
    place = store_place(site)
    if not isinstance(place, Path):
        from decisight.store import holds_something

        return holds_something(place)
    if not place.is_file():
        return False
    with place.open("rb") as file:
        return file.read(len(_SQLITE)) == _SQLITE


def _made_key(path: Path) -> bytes:
    """A new key, in a file that nobody else may read.

    Raises:
        FileExistsError: another process has made one meanwhile, which is not overwritten.
        OutputError: it cannot be written.
    """
    key = secrets.token_bytes(_KEY_BYTES)
    try:
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as stream:
            try:
                stream.write(key.hex() + "\n")
                stream.flush()
                os.fsync(stream.fileno())
                sync_folder(path.parent)
            except OSError:
                path.unlink(missing_ok=True)
                raise
    except FileExistsError:
        raise
    except OSError as error:
        raise unwritable(path, error) from error
    return key


def open_site_store(site: Site, *, read_only: bool = False) -> Store:
    """The store of a site.

    Raises:
        StoreError: it cannot be opened, or is being written by another process.
    """
    from decisight.store import open_store

    place, own = store_place(site), site.section.evidence_folder
    folder = _beside_store(site, ".evidence") if own is None else site.folder / own
    file = place if isinstance(place, Path) else None
    was_there = file is not None and file.exists()
    key, made = _key(site, make=not read_only)
    try:
        return open_store(place, key=key, read_only=read_only, evidence=folder)
    except DecisightError as error:
        # A key that nothing was written with is of no use, and hides that the right one is missing.
        if made is not None and (was_there or not _may_be_begun(site, error)):
            made.unlink(missing_ok=True)
        raise


def _may_be_begun(site: Site, error: DecisightError) -> bool:
    """Whether a new store may have been written to, though it could not be opened."""
    place = store_place(site)
    if isinstance(place, Path):
        return place.exists()
    # Nobody knows where the connection was lost, nor whether who writes it now has taken the key from the same file.
    if isinstance(error, StoreInUseError) or (isinstance(error, StoreError) and error.passing):
        return True
    try:
        return is_there(site)
    except DecisightError:
        return True


def retention(site: Site) -> Retention:
    """How long a site keeps what."""
    from decisight.store import Limit, Retention

    def limit(section: Any) -> Limit:
        age, size = parse_limit(section)
        return Limit(age, size)

    section = site.section.retention
    return Retention(
        readings=limit(section.readings),
        events=Limit(None, None) if section.events is None else limit(section.events),
        evidence={outcome: limit(one) for outcome, one in section.evidence.items()},
    )


def _beside_store(site: Site, suffix: str) -> Path:
    """A file or folder beside the store, or beside the site file where the store is none."""
    place = store_place(site)
    if isinstance(place, Path) and place.name:
        return place.with_suffix(suffix)
    return site.folder / f"{site.section.site}{suffix}"


def _parsed_key(text: str, where: str) -> bytes:
    try:
        key = bytes.fromhex(text.strip())
    except ValueError:
        key = b""
    if len(key) != _KEY_BYTES:
        raise StoreError(f"{where} holds no key", hint=f"a key is {2 * _KEY_BYTES} hexadecimal digits")
    return key

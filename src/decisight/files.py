"""Names of files as text, and files that are written whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import secrets
import stat
from collections.abc import Iterator
from pathlib import Path

from decisight.errors import OutputError
from decisight.types import UNPRINTABLE

__all__ = ["draft_of", "is_special", "printable", "storable", "sync_folder", "unwritable"]

_FULL = (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC))  # Windows has no quota of its own number


def printable(text: str | os.PathLike[str]) -> str:
    r"""A path, or other text from outside, as text that any terminal and any UTF-8 file can hold.

    Control characters, and bytes of a file name that are not UTF-8, are written as escapes; other text is untouched.

    Example:
        >>> printable("caf\udce9.jpg")
        'caf\\xe9.jpg'
    """
    return UNPRINTABLE.sub(_escaped, os.fspath(text))


def storable(name: str) -> str:
    """A file's name as UTF-8 can hold it: itself, unless it has bytes that are not UTF-8, which become escapes."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return printable(name)
    return name


def _escaped(found: re.Match[str]) -> str:
    character = found[0]
    if "\udc80" <= character <= "\udcff":  # how Python holds a byte that is not UTF-8 (PEP 383)
        return f"\\x{ord(character) - 0xDC00:02x}"
    return character.encode("unicode_escape").decode("ascii")


@contextlib.contextmanager
def draft_of(path: Path) -> Iterator[Path]:
    """An empty file beside another, to be written to; it takes the other's name when all went well.

    Until then, and on any failure or interruption, what was there before stays. A link stays a link, and permissions
    stay as they were; a new file has those of any new file.

    Args:
        path: the file; there may be none yet, but it is nothing else than a file.

    Raises:
        OutputError: it is a folder, a pipe or a device, cannot be written, or the disk is full.
    """
    # A link stays a link: the file that it leads to is replaced.
    target = path.resolve()
    # It has its name before it is there, so that an interruption in between leaves nothing behind either.
    draft = target.with_name(f".decisight-{secrets.token_hex(6)}.part")
    try:
        if is_special(target):
            what = "a folder" if os.path.isdir(target) else "a device or a pipe"
            raise OutputError(f"{printable(path)} is {what}", hint="name a file to write")
        mode = _mode(target)
        # Until it is complete nobody else need read it, whoever may read what it replaces.
        draft.touch(mode=0o600, exist_ok=False)
        yield draft
        draft.chmod(mode)
        draft.replace(target)
    except OSError as error:
        raise unwritable(path, error, left="what was there before is unchanged") from error
    finally:
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)


def is_special(path: Path) -> bool:
    """Whether something is there that is no ordinary file: a folder, a pipe or a device.

    Raises:
        OSError: the system does not say, for example because the name is too long.
    """
    try:
        return not stat.S_ISREG(os.stat(path).st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return False


def sync_folder(folder: Path) -> None:
    """See that the names in a folder are on the disk, not only what is in its files; Windows has no such thing.

    Raises:
        OSError: the system says that it cannot be done.
    """
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def unwritable(path: Path, error: OSError, *, left: str | None = None) -> OutputError:
    """What the system says about a place that cannot be written.

    Args:
        path: the place.
        error: of the system.
        left: what is there now, to be said first in the hint.

    Raises:
        BrokenPipeError: the error is one: who read has gone, which is no fault of the place.
    """
    if isinstance(error, BrokenPipeError):
        raise error
    way = "make room" if error.errno in _FULL else "see that it may be written"
    hint = "; ".join(filter(None, [left, f"{way}, or name another place"]))
    return OutputError(f"{printable(path)} cannot be written: {error.strerror or error}", hint=hint)


def _mode(path: Path) -> int:
    """The permissions of the file that is replaced, else those that a new one gets."""
    try:
        return stat.S_IMODE(os.stat(path).st_mode)
    except FileNotFoundError:
        mask = os.umask(0)
        os.umask(mask)
        return 0o666 & ~mask

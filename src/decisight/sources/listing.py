"""What pictures lie below a folder now."""

from __future__ import annotations

import os
import stat
import time
from collections import deque
from dataclasses import dataclass, field
from pathlib import PurePath

from decisight.imaging import is_image_name

__all__ = ["Listing", "Seen", "file_clock", "list_pictures"]

_PASSED_OVER = {"__macosx", "@eadir", "$recycle.bin"}
"""Folders that systems put beside pictures, with copies of them in it."""

_TEMPORARY = {".part", ".tmp"}


@dataclass(frozen=True, slots=True)
class Seen:
    """A picture's file as the system describes it.

    Args:
        name: relative to the folder, with ``/`` between folders.
        modified: when it was last changed, in nanoseconds since 1970.
        size: in bytes.
        arrived: when it came to be there, in nanoseconds since 1970: nobody can set that to an earlier time. It is also
            later once its owner or permissions are changed. On Windows it is when it was created.
    """

    name: str
    modified: int
    size: int
    arrived: int = field(default=0, compare=False)


@dataclass(slots=True)
class Listing:
    """The pictures below a folder, and whether that is all of them.

    Args:
        pictures: in no particular order.
        whole: no folder failed to be read.
        looked: when that was begun, by :func:`file_clock`: what arrived before is among them.
        cause: why the folder itself could not be read, in words that stay the same; ``None`` where it could.
    """

    pictures: list[Seen] = field(default_factory=list)
    whole: bool = True
    looked: int = 0
    cause: str | None = None


def file_clock() -> int:
    """Now, in nanoseconds since 1970, by the clock that gives files their times; so a file made later is not earlier.

    Linux gives them the time of its last tick, which is some milliseconds behind.
    """
    coarse = getattr(time, "CLOCK_REALTIME_COARSE", None)
    return time.time_ns() if coarse is None else time.clock_gettime_ns(coarse)


def list_pictures(root: str) -> Listing:
    """The pictures below a folder, to all depths.

    Hidden files and folders, those that systems make for themselves, and names that say that a file is being written
    (``.part``, ``.tmp``) are passed over. Links are followed, but each folder is gone into once, by the name that it
    has without a link if there is one; so links that lead in a circle end. What vanishes meanwhile is not there.
    """
    found = Listing(looked=file_clock())
    seen: set[tuple[int, int]] = set()
    # Each with when the last link that leads to it was made: what lies there has been here only since then.
    waiting, links = deque([("", 0)]), deque[tuple[str, int]]()
    while waiting or links:
        below, since = waiting.popleft() if waiting else links.popleft()
        try:
            here = os.stat(os.path.join(root, below))
            if (here.st_dev, here.st_ino) in seen:
                continue
            seen.add((here.st_dev, here.st_ino))
            with os.scandir(os.path.join(root, below)) as entries:
                for entry in entries:
                    name = f"{below}/{entry.name}" if below else entry.name
                    if _is_folder(entry):
                        if not entry.name.startswith(".") and entry.name.lower() not in _PASSED_OVER:
                            if entry.is_symlink():
                                links.append((name, max(since, entry.stat(follow_symlinks=False).st_ctime_ns)))
                            else:
                                waiting.append((name, since))
                    elif is_image_name(entry.name) and not _is_temporary(entry.name):
                        _add(found, entry, name, since)
        except OSError as error:
            found.whole = False
            if not below:
                gone = isinstance(error, FileNotFoundError | NotADirectoryError)
                found.cause = "the folder is not there" if gone else "the folder cannot be read"
    return found


def _add(found: Listing, entry: os.DirEntry[str], name: str, since: int) -> None:
    try:
        status = entry.stat()
        if entry.is_symlink():
            since = max(since, entry.stat(follow_symlinks=False).st_ctime_ns)
    except OSError:  # it has just vanished, or is a link to nothing
        return
    if stat.S_ISREG(status.st_mode):
        found.pictures.append(Seen(name, status.st_mtime_ns, status.st_size, max(since, status.st_ctime_ns)))


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads to itself
        return False


def _is_temporary(name: str) -> bool:
    """Whether the suffix before the last says so: ``0001.part.jpg``."""
    return PurePath(PurePath(name).stem).suffix.lower() in _TEMPORARY

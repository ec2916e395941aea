"""What pictures lie below a folder now."""

from __future__ import annotations

import os
import stat
from collections import deque
from dataclasses import dataclass, field
from pathlib import PurePath

from decisight.imaging import is_image_name

__all__ = ["Listing", "Seen", "list_pictures"]

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
    """

    name: str
    modified: int
    size: int


@dataclass(slots=True)
class Listing:
    """The pictures below a folder, and whether that is all of them.

    Args:
        pictures: in no particular order.
        whole: no folder failed to be read.
    """

    pictures: list[Seen] = field(default_factory=list)
    whole: bool = True


def list_pictures(root: str) -> Listing:
    """The pictures below a folder, to all depths.

    Hidden files and folders, those that systems make for themselves, and names that say that a file is being written
    (``.part``, ``.tmp``) are passed over. Links are followed, but each folder is gone into once, by the name that it
    has without a link if there is one; so links that lead in a circle end. What vanishes meanwhile is not there.
    """
    found = Listing()
    seen: set[tuple[int, int]] = set()
    waiting, links = deque([""]), deque[str]()
    while waiting or links:
        below = waiting.popleft() if waiting else links.popleft()
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
                            (links if entry.is_symlink() else waiting).append(name)
                    elif is_image_name(entry.name) and not _is_temporary(entry.name):
                        _add(found, entry, name)
        except OSError:
            found.whole = False
    return found


def _add(found: Listing, entry: os.DirEntry[str], name: str) -> None:
    try:
        status = entry.stat()
    except OSError:  # it has just vanished, or is a link to nothing
        return
    if stat.S_ISREG(status.st_mode):
        found.pictures.append(Seen(name, status.st_mtime_ns, status.st_size))


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads to itself
        return False


def _is_temporary(name: str) -> bool:
    """Whether the suffix before the last says so: ``0001.part.jpg``."""
    return PurePath(PurePath(name).stem).suffix.lower() in _TEMPORARY

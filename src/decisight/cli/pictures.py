"""Which pictures are meant: files, folders, patterns, and lists on standard input."""

from __future__ import annotations

import glob
import io
import os
import re
import sys
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import BinaryIO

__all__ = ["PictureSearch"]

_BLOCK = 1 << 16

_PASSED_OVER = {"__macosx", "@eadir", "$recycle.bin"}
"""Folders that systems put beside pictures, with copies of them in it."""

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
"""What editors on Windows put before UTF-8."""

_SEPARATORS = re.escape(os.sep + (os.altsep or ""))
_ANY_DEPTH = re.compile(rf"(?:^|(?<=[{_SEPARATORS}]))\*\*(?:[{_SEPARATORS}]+|$)")
"""A ``**`` that is all of a folder's name."""


@dataclass(slots=True)
class PictureSearch:
    """Finds the pictures that arguments name, one after the other, and remembers what it did not find.

    Args:
        arguments: files, folders (searched to all depths), patterns such as ``photos/**/*.jpg`` that the shell did
            not expand, and ``-`` for a list of files and folders on standard input.
        null_separated: names on standard input end with a NUL byte instead of a line feed.
        complaints: what was not found, in words.
    """

    arguments: Sequence[str]
    null_separated: bool = False
    complaints: list[str] = field(default_factory=list)

    def __iter__(self) -> Iterator[str]:
        """Paths as they were given, below a folder in natural order. A file need not be there: that is for its reader.

        Folders are listed one at a time, as the pictures are taken.
        """
        for argument in self.arguments:
            if argument == "-":
                listed = sys.stdin.buffer if sys.stdin else io.BytesIO()  # closed before the program began
                for name in _names_in(listed, b"\0" if self.null_separated else b"\n"):
                    yield from self._below(name)
            elif glob.has_magic(argument) and not os.path.lexists(argument):
                yield from self._matching(argument)
            else:
                yield from self._below(argument)

    def count(self) -> int | None:
        """How many there are; ``None`` where only reading standard input would tell."""
        if "-" in self.arguments:
            return None
        return sum(1 for _ in PictureSearch(self.arguments))

    def _below(self, path: str) -> Iterator[str]:
        if not os.path.isdir(path):
            yield path
            return
        found = False
        for found_path in self._walk(path, set()):
            found = True
            yield found_path
        if not found:
            self._complain(f"{path}: there is no picture in this folder")

    def _walk(self, folder: str, seen: set[tuple[int, int]]) -> Iterator[str]:
        """Every picture below a folder; links are followed, each folder once, so that none leads in a circle."""
        from decisight.imaging import is_image_name

        try:
            here = os.stat(folder)
            with os.scandir(folder) as listing:
                entries = [(entry.name, _is_folder(entry)) for entry in listing]
        except OSError as error:
            self._complain(f"{folder}: the folder cannot be read: {error.strerror}")
            return
        if (here.st_dev, here.st_ino) in seen:
            return
        seen.add((here.st_dev, here.st_ino))
        for name, is_folder in _in_natural_order(entries):
            path = os.path.join(folder, name)
            if is_folder:
                if not name.startswith(".") and name.lower() not in _PASSED_OVER:
                    yield from self._walk(path, seen)
            elif is_image_name(name):
                yield path

    def _matching(self, pattern: str) -> Iterator[str]:
        """What a pattern matches. ``**`` finds the files in folders itself; other patterns may match whole folders."""
        from decisight.imaging import is_image_name

        recursive = _ANY_DEPTH.search(pattern) is not None
        any_name = os.path.basename(pattern) in ("*", "**", "")
        found = False
        for path, is_folder in _in_natural_order((p, os.path.isdir(p)) for p in _matches(pattern)):
            if is_folder and not recursive:
                found = True
                yield from self._below(path)
            elif not is_folder and (is_image_name(path) or not any_name):
                found = True
                yield path
        if not found:
            self._complain(f"{pattern}: no picture matches this pattern")

    def _complain(self, text: str) -> None:
        from decisight.imaging import printable

        self.complaints.append(printable(text))


def _matches(pattern: str) -> Iterator[str]:
    """What a pattern matches, as :mod:`glob` has it, but for links: ``**`` goes into each folder once, so it ends.

    A folder that can be reached without a link is; what links lead to outside is searched as well.
    """
    start, *below = _ANY_DEPTH.split(pattern)
    if not below:
        yield from glob.iglob(pattern)
        return
    *between, last = below
    folders = iter([os.path.split(start)[0]]) if not glob.has_magic(start) else _matching_folders("", start)
    for part in between:
        # Several ** without a name between them are one.
        if part:
            folders = _inner_folders(folders, part)
    for folder in _at_any_depth(folders):
        yield from (os.path.join(folder, name) for name in glob.iglob(last or "*", root_dir=folder))


def _inner_folders(folders: Iterable[str], pattern: str) -> Iterator[str]:
    """The folders that a pattern matches at any depth below some."""
    for folder in _at_any_depth(folders):
        yield from _matching_folders(folder, pattern)


def _matching_folders(folder: str, pattern: str) -> Iterator[str]:
    """The folders below a folder that match a pattern without ``**``, which may end in a separator."""
    names = glob.iglob(os.path.split(pattern)[0], root_dir=folder)
    return (path for path in (os.path.join(folder, name) for name in names) if os.path.isdir(path))


def _at_any_depth(folders: Iterable[str]) -> Iterator[str]:
    """The folders and all below them but hidden ones, each once whatever its names; links last."""
    seen: set[tuple[int, int]] = set()
    waiting, links = deque(folders), deque[str]()
    while waiting or links:
        folder = waiting.pop() if waiting else links.popleft()
        try:
            here = os.stat(folder or os.curdir)
            if (here.st_dev, here.st_ino) in seen:
                continue
            seen.add((here.st_dev, here.st_ino))
            with os.scandir(folder or os.curdir) as listing:
                for entry in listing:
                    if _is_folder(entry) and not entry.name.startswith("."):
                        (links if entry.is_symlink() else waiting).append(os.path.join(folder, entry.name))
        except OSError:  # as glob has it: what may not be read matches nothing
            continue
        yield folder


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads to itself
        return False


def _in_natural_order(paths: Iterable[tuple[str, bool]]) -> list[tuple[str, bool]]:
    from decisight.data.columns import natural_key

    return sorted(paths, key=lambda item: natural_key(item[0]))


def _names_in(stream: BinaryIO, end: bytes) -> Iterator[str]:
    """File names in a list, each as soon as it is there; empty ones are passed over."""
    # A thread that waits in a buffered stream holds its lock, and Python crashes where the program ends meanwhile.
    source = getattr(stream, "raw", stream)
    rest, before = b"", _BYTE_ORDER_MARK
    while block := source.read(_BLOCK):
        *names, rest = (rest + block).split(end)
        if names:
            names[0], before = names[0].removeprefix(before), b""
        yield from _decoded(names, end)
    yield from _decoded([rest.removeprefix(before)], end)


def _decoded(names: Iterable[bytes], end: bytes) -> Iterator[str]:
    for name in names:
        if end == b"\n":
            name = name.removesuffix(b"\r")
        if name:
            yield os.fsdecode(name)

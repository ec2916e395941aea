"""Changes of events as lines of JSON, appended to a file."""

from __future__ import annotations

import contextlib
import json
import os
from collections import OrderedDict
from dataclasses import dataclass
from functools import cached_property
from io import FileIO
from pathlib import Path
from typing import Any, ClassVar

from decisight.errors import OutputError
from decisight.files import is_special, printable, sync_folder, unwritable
from decisight.sinks import SINKS
from decisight.types import EventChange

__all__ = ["JsonLines"]

_REMEMBERED = 10_000
"""Changes that are known to be there: a change comes twice only after a crash, and then it was one of the last."""
_TAIL = 8 << 20
"""Bytes at the end of the file in which they are looked for, at first."""
_BEGIN = b'{"change": '
"""How each of our lines begins."""


@SINKS.register("jsonl")
@dataclass(frozen=True)
class JsonLines:
    """One line of JSON for each event that is opened or closed; on the disk before it counts as reported.

    A change that is there already is not written again. A line that a crash has cut short is taken out first: its
    change was not reported, and comes again. The file may be moved away or emptied at any time; another is begun then.

    Args:
        path: the file; its folder must be there.
    """

    name: ClassVar[str] = "jsonl"

    path: str

    def write(self, change: EventChange) -> None:
        """Append a change, unless it is there.

        Raises:
            OutputError: the file cannot be written, or is a folder, a pipe or a device.
        """
        self._journal.write(change)

    def close(self) -> None:
        """There is nothing open between two changes."""

    @cached_property
    def _journal(self) -> _Journal:
        return _Journal(Path(self.path))


class _Journal:
    """What is known of the file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._keys: OrderedDict[str, None] = OrderedDict()
        self._left: tuple[int, int] | None = None
        """Which file it was, and its size, when it was last written: if it is the same, all of it is known."""

    def write(self, change: EventChange) -> None:
        try:
            if is_special(self._path):
                raise OutputError(
                    f"{printable(self._path)} is no file that lines can be appended to", hint="name a file"
                )
            is_new = not self._path.exists()
            with self._path.open("a+b", buffering=0) as stream:
                self._append(stream, change)
            if is_new:
                sync_folder(self._path.parent)
        except OSError as error:
            self._left = None
            raise unwritable(self._path, error) from error

    def _append(self, stream: FileIO, change: EventChange) -> None:
        if self._left != _identity(stream):
            self._read(stream)
        if change.key in self._keys:
            return
        self._left = None
        before = os.fstat(stream.fileno()).st_size
        text = json.dumps(change.to_json(), ensure_ascii=False, allow_nan=False)
        try:
            _write_all(stream, text.encode("utf-8", "backslashreplace") + b"\n")
            os.fsync(stream.fileno())
        except OSError:
            # Half a line at the end would be mended later; it is better not there at all.
            with contextlib.suppress(OSError):
                os.ftruncate(stream.fileno(), before)
            raise
        self._remember(change.key)
        self._left = _identity(stream)

    def _read(self, stream: FileIO) -> None:
        """Learn what is there, and see that it ends with a whole line."""
        size = stream.seek(0, os.SEEK_END)
        begin = stream.seek(max(0, size - _TAIL))
        lines = stream.read().split(b"\n")
        if begin:
            lines[0] = b""  # of a line that begins earlier
        rest = lines.pop()
        if rest:
            lines += self._mended(stream, rest, size)
        self._keys.clear()
        for line in lines:
            key = _key_of(line)
            if key is not None:
                self._remember(key)

    def _mended(self, stream: FileIO, rest: bytes, size: int) -> list[bytes]:
        """End the last line, or take it out if it is the beginning of one of ours; what is left of it."""
        if _key_of(rest) is None and (rest.startswith(_BEGIN) or _BEGIN.startswith(rest)):
            stream.truncate(size - len(rest))
            return []
        _write_all(stream, b"\n")
        return [rest]

    def _remember(self, key: str) -> None:
        self._keys[key] = None
        if len(self._keys) > _REMEMBERED:
            self._keys.popitem(last=False)


def _key_of(line: bytes) -> str | None:
    """The key of the change that a line tells of; ``None`` where it tells of none."""
    try:
        values: Any = json.loads(line)
        return f"{values['event_id']}:{values['change']}"
    except (ValueError, TypeError, KeyError, RecursionError):
        return None


def _write_all(stream: FileIO, data: bytes) -> None:
    """Write without a buffer: what a buffer holds after a failure is written later, behind everybody's back."""
    rest = memoryview(data)
    while rest:
        rest = rest[stream.write(rest) :]


def _identity(stream: FileIO) -> tuple[int, int]:
    status = os.fstat(stream.fileno())
    return status.st_ino, status.st_size

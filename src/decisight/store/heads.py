"""Heads: where chains stood at some moment, to be kept elsewhere than the store.

Whoever can write the store's file can put an older copy in its place, and nothing in it will tell. A head that was kept
on another machine, or on paper, will: the chain must still hold that very record.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from sqlalchemy import Connection, select

from decisight.errors import StoreError
from decisight.files import printable, unwritable
from decisight.store.chain import MAC_SIZE
from decisight.store.schema import CHAINS

__all__ = ["Head", "append_heads", "current_heads", "read_heads"]


@dataclass(frozen=True, slots=True)
class Head:
    """A chain's last record at some moment.

    Args:
        camera: whose chain.
        lane: ``readings`` or ``events``.
        seq: the record's number; 0 where there was none yet.
        mac: its digest, 32 hexadecimal digits.
        time: of the record, in seconds since 1970; ``None`` where there was none yet.
    """

    camera: str
    lane: str
    seq: int
    mac: str
    time: float | None


def current_heads(connection: Connection) -> list[Head]:
    """The heads of all chains, by camera and lane."""
    found = [
        Head(row.camera, row.lane, row.last_seq, bytes(row.last_mac).hex(), row.last_time)
        for row in connection.execute(select(CHAINS))
    ]
    # Sorted here: databases put text in an order of their own.
    return sorted(found, key=lambda head: (head.camera, head.lane))


def append_heads(path: Path, heads: Iterable[Head]) -> None:
    """Append heads to a file, one JSON object a line; they are on the disk when this returns.

    Raises:
        OutputError: the file cannot be written.
    """
    lines = "".join(json.dumps(asdict(head)) + "\n" for head in heads)
    try:
        with path.open("a", encoding="utf-8") as stream:
            stream.write(lines)
            stream.flush()
            os.fsync(stream.fileno())
    except OSError as error:
        raise unwritable(path, error) from error


def read_heads(path: Path) -> list[Head]:
    """What :func:`append_heads` has written; a last line that a crash cut short is left out.

    Raises:
        StoreError: the file cannot be read, or a line is no head; names the line.
    """
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        said = getattr(error, "strerror", None) or "it is not text in UTF-8"
        raise StoreError(f"{printable(path)} cannot be read: {said}", hint="name a file of heads") from error
    lines = text.split("\n")
    found = []
    # What comes after the last end of a line is half a line, or nothing.
    for number, line in enumerate(lines[:-1], start=1):
        head = _head(line)
        if line.strip() and head is None:
            raise StoreError(
                f"{printable(path)}, line {number}: this is no head of a chain", hint="name a file of heads"
            )
        found += [head] if head else []
    return found


def _head(line: str) -> Head | None:
    try:
        head = Head(**json.loads(line))
        known = isinstance(head.camera, str) and isinstance(head.lane, str) and isinstance(head.seq, int)
        return head if known and len(bytes.fromhex(head.mac)) == MAC_SIZE else None
    except (TypeError, ValueError):
        return None

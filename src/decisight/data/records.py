"""What every format is read into before it is known what is classified: rows of cells, and where they stood."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from pathlib import Path

from decisight.data.dataset import Skipped, Stored
from decisight.regions import Region
from decisight.types import is_label

__all__ = ["Cell", "Record", "Table", "composed", "is_label", "pictures", "split_named"]

Cell = str | frozenset[str] | None
"""One label, any number of labels (``a|b``, ``-``, a list), or ``None`` where it is not known."""

_SPLITS = {"train": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}


def split_named(name: str) -> str | None:
    """The split that a folder or a cell names, in any letter case; ``None`` if it names none.

    Example:
        >>> split_named("valid"), split_named("Test"), split_named("helmet")
        ('val', 'test', None)
    """
    return _SPLITS.get(name.lower())


def composed(text: str) -> str:
    """Text with its accents stored in one way (Unicode's NFC), so that two spellings that look the same are the same.

    The names of files and folders on a Mac, and what is typed, often differ in just that.

    Example:
        >>> composed("cafe" + chr(0x301)) == "caf" + chr(0xE9)
        True
    """
    return unicodedata.normalize("NFC", text)


def pictures(count: int) -> str:
    """That many pictures, in words.

    Example:
        >>> pictures(1), pictures(0)
        ('1 picture', '0 pictures')
    """
    return f"{count} picture{'' if count == 1 else 's'}"


@dataclass(frozen=True, slots=True)
class Record:
    """One picture as the data gives it.

    Args:
        path: the picture's file.
        cells: one a column of the table, in its order.
        where: the place to look for it, for messages: a file with its line, or the class folder.
        split: ``train``, ``val``, ``test`` or ``None``.
        source, region, stored: see :class:`~decisight.data.dataset.Example`.
    """

    path: Path
    cells: tuple[Cell, ...]
    where: str
    split: str | None = None
    source: str | None = None
    region: Region | None = None
    stored: Stored | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """Everything that was found.

    Args:
        root: the folder or file that was read.
        columns: the names of what may be label groups, in the data's order.
        records: in any order.
        skipped: what was left out so far.
        chosen: the columns were chosen by the user, or are given by the format: they are taken for labels unasked.
    """

    root: Path
    columns: tuple[str, ...]
    records: tuple[Record, ...]
    skipped: tuple[Skipped, ...] = ()
    chosen: bool = False

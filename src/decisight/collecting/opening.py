"""What may be labelled: a folder with a table, or of bare pictures; and who may do so, one process at a time."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from decisight.collecting.table import TABLE, PictureTable
from decisight.data.columns import natural_key
from decisight.data.formats.cells import FILE_NAME
from decisight.errors import DataError, OutputError
from decisight.files import printable, unwritable
from decisight.imaging import is_image_name

__all__ = ["pictures_in", "table_or_new", "table_path", "taken"]

_LOCK = ".decisight-label.lock"
_SUFFIXES = (".csv", ".tsv")


def table_path(path: Path) -> Path:
    """The table of a folder, which may not be there yet.

    Raises:
        DataError: there is no such folder, or what is in it cannot be labelled here.
    """
    name = printable(path)
    if path.is_file():
        if path.suffix.lower() not in _SUFFIXES:
            raise DataError(f"{name}: is no folder, nor a CSV file", hint="give the folder that the pictures lie in")
        return path
    if not path.is_dir():
        raise DataError(f"{name}: does not exist", hint="check the spelling; or collect pictures: decisight collect")
    table = path / TABLE
    if table.is_file():
        return table
    if (path / "metadata.jsonl").is_file():
        raise DataError(
            f"{name}: its labels are in a metadata.jsonl, which cannot be edited here",
            hint="save it as metadata.csv, and remove the other",
        )
    if not pictures_in(path):
        below = sorted(inner.name for inner in path.iterdir() if inner.is_dir() and _has_pictures(inner))
        if below:
            raise DataError(
                f"{name}: its pictures lie in folders of their own ({printable(below[0])}, ...), which are taken for "
                "their labels",
                hint=f"move a picture to another folder to label it otherwise; or label one folder: "
                f"decisight label {printable(path / below[0])}",
            )
    return table


def _has_pictures(folder: Path) -> bool:
    try:
        return bool(pictures_in(folder)) or any(_has_pictures(inner) for inner in folder.iterdir() if inner.is_dir())
    except OSError:
        return False


def pictures_in(folder: Path) -> list[str]:
    """The names of the pictures that lie in a folder, in natural order; not of those below.

    Raises:
        DataError: it cannot be read.
    """
    try:
        names = [entry.name for entry in os.scandir(folder) if entry.is_file() and is_image_name(entry.name)]
    except OSError as error:
        raise DataError(f"{printable(folder)}: cannot be read: {error.strerror}") from error
    return sorted(names, key=natural_key)


def table_or_new(path: Path) -> PictureTable:
    """A table as it is, or an empty one where there is none yet.

    Raises:
        DataError: it cannot be read.
    """
    return PictureTable.read(path) if path.is_file() else PictureTable.new(path, [FILE_NAME])


def taken(folder: Path) -> Any:
    """The lock of a folder's labels, held.

    Raises:
        OutputError: another process holds it, or the folder cannot be written.
    """
    from filelock import FileLock, Timeout

    lock = FileLock(folder / _LOCK, timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise OutputError(
            f"{printable(folder)} is being labelled by another process", hint="end that one first, with Ctrl-C"
        ) from None
    except OSError as error:
        raise unwritable(folder, error) from error
    return lock

"""What the cells of a table say, whatever kind of file it comes in, and what rows may not say of one another."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from decisight.data.dataset import Skipped
from decisight.data.formats.base import Asked
from decisight.data.records import Cell, Record, composed, is_label, split_named
from decisight.errors import DataError, UsageError
from decisight.imaging import printable
from decisight.types import NONE_OF_THEM

__all__ = [
    "FILE_NAME",
    "ORIGIN",
    "SOURCE",
    "SPLIT",
    "check_splits",
    "label_columns",
    "located",
    "read_cell",
    "read_split",
    "read_text_cell",
    "wanted_columns",
    "why_missing",
    "without_repeats",
]

FILE_NAME, SPLIT, SOURCE = "file_name", "split", "source"
"""The columns that hold no labels."""

ORIGIN = ("camera", "region", "time")
"""Nor do these, in a table that has all three: then it is one that ``decisight collect`` wrote."""

_LOOKS_LIKE_FILE_NAME = {"file", "filename", "file_name", "image", "image_path", "path", "img", "filepath", "name"}


def label_columns(where: str, columns: Sequence[str], *, stored: bool = False) -> tuple[str, ...]:
    """The columns of a table that may hold labels.

    Args:
        where: the file, for messages.
        columns: all its columns.
        stored: the pictures lie in the table itself, which needs no names of files then.

    Raises:
        DataError: no column names the pictures' files, or none holds labels.
    """
    if FILE_NAME not in columns and not stored:
        likely = [c for c in columns if c.lower().replace(" ", "_") in _LOOKS_LIKE_FILE_NAME]
        rename = (
            f"rename the column {likely[0]!r} to 'file_name'" if likely else "one column must be called 'file_name'"
        )
        raise DataError(f"{where}: there is no column 'file_name'; there are: {', '.join(columns)}", hint=rename)
    labels = tuple(column for column in columns if column not in (FILE_NAME, SPLIT, SOURCE))
    if not labels:
        raise DataError(f"{where}: there is no column with labels", hint="add one a label group, for example 'helmet'")
    return labels


def wanted_columns(root: Path, columns: tuple[str, ...], asked: Asked) -> tuple[str, ...]:
    """The label columns to take: those asked for, else those that the model knows, else all.

    Raises:
        DataError: the pictures were collected, and nobody has labelled them.
        UsageError: one is asked for that is not there, or twice, or none at all.
    """
    if asked.groups is None:
        if set(ORIGIN) <= set(columns):
            columns = tuple(column for column in columns if column not in ORIGIN)
        if not columns:
            raise DataError(
                f"{printable(root)}: its pictures were collected, and none is labelled yet",
                hint=f"label them: decisight label {printable(root)}",
            )
        return tuple(column for column in columns if column in asked.known) or columns
    groups = [composed(name) for name in asked.groups]
    for name in groups:
        if name not in columns:
            raise UsageError(
                f"there is no column {name!r} in {printable(root)}", hint=f"the columns are: {', '.join(columns)}"
            )
    if not groups or len(set(groups)) < len(groups):
        raise UsageError(
            f"the label groups asked for are none, or one stands twice: {', '.join(groups) or 'none'}",
            hint="name each column once",
        )
    return tuple(groups)


def located(folder: Path, file_name: str) -> Path:
    """The file that a table in a folder means: relative to the folder, also out of it with ``..``, or absolute."""
    path = folder / file_name
    # Tables made on Windows: taken as they are meant, unless there is a file of just that name.
    if "\\" in file_name and not os.path.exists(path):
        return folder / file_name.replace("\\", "/")
    return path


def read_cell(value: object, where: str) -> Cell:
    """What a cell of a CSV, or a value of a JSON object or of an Arrow column, says.

    Raises:
        DataError: it is nested, or holds what cannot be a label.
    """
    match value:
        case None | "":
            return None
        # How pandas holds what is missing in a column of numbers.
        case float() if math.isnan(value):
            return None
        case list():
            return _several([_text(item, where) for item in value], where)
    text = _text(value, where)
    if text == NONE_OF_THEM:
        return frozenset()
    if "|" in text:
        return _several([part.strip() for part in text.split("|")], where)
    return next(iter(_several([text], where)))


def read_text_cell(value: object, where: str) -> str | None:
    """Text, or ``None`` where there is none.

    Raises:
        DataError: the value is nested.
    """
    return None if value is None else _text(value, where) or None


def _text(value: object, where: str) -> str:
    match value:
        case str():
            return composed(value.strip())
        case bool() | int() | float():
            return json.dumps(value)
    kind = "nested" if isinstance(value, dict | list) else f"of the type {type(value).__name__}"
    raise DataError(
        f"{where}: the value is {kind}", hint="a value is text, a number, or a list of labels; leave other keys out"
    )


def _several(labels: Sequence[str], where: str) -> frozenset[str]:
    for label in labels:
        if not is_label(label):
            raise DataError(
                f"{where}: '{printable(label)}' cannot be a label",
                hint="a label is text on one line; 'a|b' is two labels, '-' alone none of them, empty: not known",
            )
    if len(set(labels)) < len(labels):
        raise DataError(f"{where}: a label stands twice: {'|'.join(labels)}", hint="name each label once")
    return frozenset(labels)


def read_split(value: object, folder_split: str | None, where: str) -> str | None:
    """The split that a cell names, else that of the folder.

    Raises:
        DataError: the cell names no split, or another than the folder.
    """
    text = read_text_cell(value, f"{where}, {SPLIT!r}")
    if text is None:
        return folder_split
    split = split_named(text)
    if split is None:
        raise DataError(f"{where}: there is no split {text!r}", hint="the splits are train, val and test")
    if folder_split not in (None, split):
        raise DataError(
            f"{where}: the split is {split!r}, but the table lies in the folder of {folder_split!r}",
            hint="remove the column 'split', or give the table's own path",
        )
    return split


def check_splits(records: Sequence[Record]) -> None:
    """Refuse records of which only some have a split.

    Raises:
        DataError: there are such.
    """
    without = [record for record in records if record.split is None]
    if without and len(without) < len(records):
        raise DataError(
            f"{without[0].where}: the cell of 'split' is empty, but other rows have one",
            hint="name a split in every row, or in none",
        )


def why_missing(record: Record) -> str:
    """Why a record's file, which is not there, cannot be used."""
    if any(part.endswith(":") and len(part) > 2 for part in record.path.parts):
        return f"{record.where}: a web address; download the pictures first"
    if os.path.isdir(record.path):
        return f"{record.where}: is a folder, not a picture"
    return f"{record.where}: there is no such file"


def without_repeats(records: Sequence[Record]) -> tuple[list[Record], list[Skipped]]:
    """Each file, or region of one, once.

    Raises:
        DataError: two rows say different things of one.
    """
    first: dict[tuple[str, str], Record] = {}
    repeated: list[Skipped] = []
    for record in records:
        region = "" if record.region is None else record.region.text
        known = first.setdefault((os.path.normpath(record.path), region), record)
        if known is record:
            continue
        if replace(record, where="", path=known.path) != replace(known, where="", path=known.path):
            what = printable(record.path) if record.region is None else f"one box of {printable(record.path)}"
            raise DataError(
                f"two rows say different things of {what}: {known.where}, and {record.where}",
                hint="keep the one that is right",
            )
        repeated.append(Skipped(record.path, f"{record.where}: the same row as in {known.where}"))
    return list(first.values()), repeated

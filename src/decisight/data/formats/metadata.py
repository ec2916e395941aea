"""Tables in the manner of Hugging Face: a ``metadata.csv`` or ``metadata.jsonl``, one row a picture."""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path

from decisight.data.dataset import Skipped
from decisight.data.formats.delimited import read_rows
from decisight.data.formats.json_lines import read_json_rows
from decisight.data.records import Cell, Record, Table, composed, is_label, split_named
from decisight.errors import DataError, UsageError
from decisight.imaging import printable
from decisight.types import NONE_OF_THEM

__all__ = ["metadata_files", "read_metadata"]

_READERS = {".csv": read_rows, ".tsv": read_rows, ".jsonl": read_json_rows}
_FILE_NAME, _SPLIT, _SOURCE = "file_name", "split", "source"


def metadata_files(root: Path, splits: Sequence[tuple[str, Path]]) -> tuple[tuple[str | None, Path], ...]:
    """The tables that describe a folder, with the split that each is of; empty where there are none.

    Args:
        root: the folder.
        splits: its split folders, if it has any.

    Raises:
        DataError: a folder has both a CSV and a JSONL, or one split has a table and another has not.
    """
    alone = _table_in(root)
    if alone:
        return ((None, alone),)
    tables = [(split, folder, _table_in(folder)) for split, folder in splits]
    without = [folder for _, folder, table in tables if table is None]
    if len(without) == len(tables):
        return ()
    if without:
        raise DataError(
            f"{printable(without[0])}: there is no metadata.csv here, but in another split there is",
            hint="every split's folder needs one, or one for all in the folder above with a column 'split'",
        )
    return tuple((split, table) for split, _, table in tables if table is not None)


def read_metadata(
    root: Path,
    tables: Sequence[tuple[str | None, Path]],
    *,
    groups: Sequence[str] | None = None,
    known: Collection[str] = (),
) -> Table:
    """Read one or more tables as one.

    ``file_name`` is relative to the table's own folder (it may lead out of it with ``..``) or absolute; a name with
    backslashes is understood on every system. ``split`` and ``source`` are optional; every other column may be a
    label group. ``a|b`` (in JSON also a list) is several labels, ``-`` none of them, an empty cell: not known. Text
    comes in Unicode's NFC, but for the names of files.

    Args:
        root: what the user named, for messages.
        tables: each with the split whose pictures it lists, or ``None`` where the column ``split`` says, if anything.
        groups: the columns to take, in this order; what the others hold does not matter. By default all.
        known: columns to take instead of all where at least one of them is there.

    Raises:
        DataError: a table cannot be read, or two rows contradict each other; names file and line.
        UsageError: ``groups`` names a column that is not there.
    """
    columns: tuple[str, ...] | None = None
    wanted: tuple[str, ...] = ()
    records: list[Record] = []
    skipped: list[Skipped] = []
    for split, path in tables:
        names, rows = _read_table(path)
        if columns is not None and set(names) != set(columns):
            odd = sorted(set(names) ^ set(columns))
            raise DataError(
                f"{printable(path)}: its columns differ from those of {printable(tables[0][1])}: {', '.join(odd)}",
                hint="all splits need the same columns",
            )
        columns = columns or names
        wanted = _wanted(root, columns, groups, known)
        for line, row in rows:
            record = _record(path, line, row, wanted, split)
            # Unlike Path.is_file, this answers for names that no file system takes as well.
            if os.path.isfile(record.path):
                records.append(record)
            else:
                skipped.append(Skipped(record.path, _why_missing(record)))
        _check_splits(path, records)
    if not records and skipped:
        raise DataError(
            f"{printable(root)}: none of its {len(skipped)} rows has its file; the first: {printable(skipped[0].path)}",
            hint="file_name is relative to the folder that the table lies in",
        )
    records, repeated = _without_repeats(records)
    return Table(root, wanted, tuple(records), (*skipped, *repeated), chosen=groups is not None)


def _wanted(
    root: Path, columns: tuple[str, ...], groups: Sequence[str] | None, known: Collection[str]
) -> tuple[str, ...]:
    if groups is None:
        return tuple(column for column in columns if column in known) or columns
    groups = [composed(name) for name in groups]
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


def _table_in(folder: Path) -> Path | None:
    found = [path for path in (folder / "metadata.csv", folder / "metadata.jsonl") if path.is_file()]
    if len(found) > 1:
        raise DataError(
            f"{printable(folder)}: it holds both metadata.csv and metadata.jsonl", hint="remove or rename one of them"
        )
    return found[0] if found else None


def _read_table(path: Path) -> tuple[tuple[str, ...], list[tuple[int, dict[str, object]]]]:
    """The label columns of a table, and its rows."""
    name = printable(path)
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise DataError(f"{name}: is not a table that can be read", hint="it must end in .csv, .tsv or .jsonl")
    rows = [(line, _with_composed_keys(path, line, row)) for line, row in reader(path)]
    if not rows:
        raise DataError(f"{name}: there is a header but no row", hint="add a row for each picture")
    columns = list(dict.fromkeys(key for _, row in rows for key in row))
    if _FILE_NAME not in columns:
        likely = [c for c in columns if c.lower().replace(" ", "_") in _LOOKS_LIKE_FILE_NAME]
        rename = (
            f"rename the column {likely[0]!r} to 'file_name'" if likely else "one column must be called 'file_name'"
        )
        raise DataError(f"{name}: there is no column 'file_name'; there are: {', '.join(columns)}", hint=rename)
    labels = tuple(c for c in columns if c not in (_FILE_NAME, _SPLIT, _SOURCE))
    if not labels:
        raise DataError(f"{name}: there is no column with labels", hint="add one a label group, for example 'helmet'")
    return labels, rows


def _with_composed_keys(path: Path, line: int, row: dict[str, object]) -> dict[str, object]:
    known = {composed(key): value for key, value in row.items()}
    if len(known) < len(row):
        raise DataError(
            f"{printable(path)}, line {line}: two columns have names that differ only in how an accent is stored",
            hint="rename or remove one of them",
        )
    return known


_LOOKS_LIKE_FILE_NAME = {"file", "filename", "file_name", "image", "image_path", "path", "img", "filepath", "name"}


def _record(path: Path, line: int, row: dict[str, object], columns: Sequence[str], split: str | None) -> Record:
    where = f"{printable(path)}, line {line}"
    file_name = row.get(_FILE_NAME)
    if not isinstance(file_name, str) or not file_name:
        raise DataError(f"{where}: the cell of file_name is empty", hint="name the picture's file")
    cells = tuple(_cell(row.get(column), f"{where}, {column!r}") for column in columns)
    return Record(
        _located(path.parent, file_name),
        cells,
        where,
        _split(_optional(row.get(_SPLIT), f"{where}, {_SPLIT!r}"), split, where),
        _optional(row.get(_SOURCE), f"{where}, {_SOURCE!r}"),
    )


def _located(folder: Path, file_name: str) -> Path:
    path = folder / file_name
    # Tables made on Windows: taken as they are meant, unless there is a file of just that name.
    if "\\" in file_name and not os.path.exists(path):
        return folder / file_name.replace("\\", "/")
    return path


def _cell(value: object, where: str) -> Cell:
    """What a cell of a CSV, or a value of a JSON object, says."""
    match value:
        case None | "":
            return None
        case list():
            return _several([_text(item, where) for item in value], where)
    text = _text(value, where)
    if text == NONE_OF_THEM:
        return frozenset()
    if "|" in text:
        return _several([part.strip() for part in text.split("|")], where)
    return next(iter(_several([text], where)))


def _optional(value: object, where: str) -> str | None:
    return None if value is None else _text(value, where) or None


def _text(value: object, where: str) -> str:
    match value:
        case str():
            return composed(value.strip())
        case bool() | int() | float():
            return json.dumps(value)
    raise DataError(
        f"{where}: the value is nested", hint="a value is text, a number, or a list of labels; leave other keys out"
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


def _split(value: str | None, folder_split: str | None, where: str) -> str | None:
    if value is None:
        return folder_split
    split = split_named(value)
    if split is None:
        raise DataError(f"{where}: there is no split {value!r}", hint="the splits are train, val and test")
    if folder_split not in (None, split):
        raise DataError(
            f"{where}: the split is {split!r}, but the table lies in the folder of {folder_split!r}",
            hint="remove the column 'split', or give the table's own path",
        )
    return split


def _check_splits(path: Path, records: Sequence[Record]) -> None:
    without = [record for record in records if record.split is None]
    if without and len(without) < len(records):
        raise DataError(
            f"{without[0].where}: the cell of 'split' is empty, but other rows have one",
            hint="name a split in every row, or in none",
        )


def _why_missing(record: Record) -> str:
    if any(part.endswith(":") and len(part) > 2 for part in record.path.parts):
        return f"{record.where}: a web address; download the pictures first"
    if os.path.isdir(record.path):
        return f"{record.where}: is a folder, not a picture"
    return f"{record.where}: there is no such file"


def _without_repeats(records: Sequence[Record]) -> tuple[list[Record], list[Skipped]]:
    """Each file once.

    Raises:
        DataError: two rows say different things of one file.
    """
    first: dict[str, Record] = {}
    repeated: list[Skipped] = []
    for record in records:
        known = first.setdefault(os.path.normpath(record.path), record)
        if known is record:
            continue
        if replace(record, where="", path=known.path) != replace(known, where="", path=known.path):
            raise DataError(
                f"two rows say different things of {printable(record.path)}: {known.where}, and {record.where}",
                hint="keep the one that is right",
            )
        repeated.append(Skipped(record.path, f"{record.where}: the same row as in {known.where}"))
    return list(first.values()), repeated

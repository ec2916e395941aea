"""Tables in the manner of Hugging Face: a ``metadata.csv`` or ``metadata.jsonl``, one row a picture."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from decisight.data.dataset import Skipped
from decisight.data.formats import formats
from decisight.data.formats.base import Asked
from decisight.data.formats.cells import (
    FILE_NAME,
    SOURCE,
    SPLIT,
    check_splits,
    label_columns,
    located,
    read_cell,
    read_split,
    read_text_cell,
    wanted_columns,
    why_missing,
    without_repeats,
)
from decisight.data.formats.delimited import read_rows
from decisight.data.formats.folders import split_folders, subfolders
from decisight.data.formats.json_lines import read_json_rows
from decisight.data.records import Record, Table, composed, split_named
from decisight.errors import DataError
from decisight.imaging import printable

__all__ = ["TABLE_NAMES", "Metadata"]

_READERS = {".csv": read_rows, ".tsv": read_rows, ".jsonl": read_json_rows}
TABLE_NAMES = ("metadata.csv", "metadata.jsonl")
"""What a folder holds for its pictures to be listed in a table."""


@formats.register("metadata")
@dataclass(frozen=True)
class Metadata:
    """A CSV, TSV or JSON Lines file by its path; or a folder with ``metadata.csv`` or ``metadata.jsonl``.

    The latter may also lie in each of the folder's ``train/ val/ test/``. ``file_name`` is relative to the table's own
    folder (it may lead out of it with ``..``) or absolute; a name with backslashes is understood on every system.
    ``split`` and ``source`` are optional; every other column may be a label group. ``a|b`` (in JSON also a list) is
    several labels, ``-`` none of them, an empty cell: not known. Text comes in Unicode's NFC, but for the names of
    files.
    """

    title: ClassVar[str] = "a CSV or JSON Lines table"
    suffixes: ClassVar[tuple[str, ...]] = tuple(_READERS)
    order: ClassVar[int] = 10

    def recognises(self, path: Path) -> bool:
        """See :class:`~decisight.data.formats.base.Format`."""
        if not path.is_dir():
            return path.suffix.lower() in _READERS
        return _has_table(path) or any(_has_table(folder) for folder in subfolders(path) if split_named(folder.name))

    def read(self, path: Path, asked: Asked) -> Table:
        """See :class:`~decisight.data.formats.base.Format`."""
        tables = _tables_of(path) if path.is_dir() else ((None, path),)
        columns: tuple[str, ...] | None = None
        wanted: tuple[str, ...] = ()
        records: list[Record] = []
        skipped: list[Skipped] = []
        for split, table in tables:
            names, rows = _read_table(table)
            if columns is not None and set(names) != set(columns):
                odd = sorted(set(names) ^ set(columns))
                raise DataError(
                    f"{printable(table)}: its columns differ from those of {printable(tables[0][1])}: {', '.join(odd)}",
                    hint="all splits need the same columns",
                )
            columns = columns or names
            wanted = wanted_columns(path, columns, asked)
            for line, row in rows:
                record = _record(table, line, row, wanted, split)
                # Unlike Path.is_file, this answers for names that no file system takes as well.
                if os.path.isfile(record.path):
                    records.append(record)
                else:
                    skipped.append(Skipped(record.path, why_missing(record)))
            check_splits(records)
        if not records and skipped:
            raise DataError(
                f"{printable(path)}: none of its {len(skipped)} rows has its file; "
                f"the first: {printable(skipped[0].path)}",
                hint="file_name is relative to the folder that the table lies in",
            )
        records, repeated = without_repeats(records)
        return Table(path, wanted, tuple(records), (*skipped, *repeated), chosen=asked.groups is not None)


def _has_table(folder: Path) -> bool:
    return any((folder / name).is_file() for name in TABLE_NAMES)


def _tables_of(root: Path) -> tuple[tuple[str | None, Path], ...]:
    """The tables that describe a folder, with the split that each is of.

    Raises:
        DataError: a folder has both a CSV and a JSONL, or one split has a table and another has not.
    """
    alone = _table_in(root)
    if alone:
        return ((None, alone),)
    tables = [(split, folder, _table_in(folder)) for split, folder in split_folders(root, marked=_has_table)]
    for _, folder, table in tables:
        if table is None:
            raise DataError(
                f"{printable(folder)}: there is no metadata.csv here, but in another split there is",
                hint="every split's folder needs one, or one for all in the folder above with a column 'split'",
            )
    return tuple((split, table) for split, _, table in tables if table is not None)


def _table_in(folder: Path) -> Path | None:
    found = [folder / name for name in TABLE_NAMES if (folder / name).is_file()]
    if len(found) > 1:
        raise DataError(
            f"{printable(folder)}: it holds both metadata.csv and metadata.jsonl", hint="remove or rename one of them"
        )
    return found[0] if found else None


def _read_table(path: Path) -> tuple[tuple[str, ...], list[tuple[int, dict[str, object]]]]:
    """The label columns of a table, and its rows."""
    rows = [(line, _with_composed_keys(path, line, row)) for line, row in _READERS[path.suffix.lower()](path)]
    if not rows:
        raise DataError(f"{printable(path)}: there is a header but no row", hint="add a row for each picture")
    columns = list(dict.fromkeys(key for _, row in rows for key in row))
    return label_columns(printable(path), columns), rows


def _with_composed_keys(path: Path, line: int, row: dict[str, object]) -> dict[str, object]:
    known = {composed(key): value for key, value in row.items()}
    if len(known) < len(row):
        raise DataError(
            f"{printable(path)}, line {line}: two columns have names that differ only in how an accent is stored",
            hint="rename or remove one of them",
        )
    return known


def _record(path: Path, line: int, row: dict[str, object], columns: Sequence[str], split: str | None) -> Record:
    where = f"{printable(path)}, line {line}"
    file_name = row.get(FILE_NAME)
    if not isinstance(file_name, str) or not file_name:
        raise DataError(f"{where}: the cell of file_name is empty", hint="name the picture's file")
    cells = tuple(read_cell(row.get(column), f"{where}, {column!r}") for column in columns)
    return Record(
        located(path.parent, file_name),
        cells,
        where,
        read_split(row.get(SPLIT), split, where),
        read_text_cell(row.get(SOURCE), f"{where}, {SOURCE!r}"),
    )

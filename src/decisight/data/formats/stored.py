"""Rows of Arrow files as a table: pictures that lie in the rows themselves, or files that the rows name."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Protocol

from decisight.data.dataset import Skipped
from decisight.data.formats.arrow import ClassNames, Columns, check_rows, rows_of
from decisight.data.formats.base import Asked
from decisight.data.formats.cells import (
    FILE_NAME,
    SOURCE,
    SPLIT,
    check_splits,
    located,
    read_cell,
    read_split,
    read_text_cell,
    wanted_columns,
    why_missing,
    without_repeats,
)
from decisight.data.records import Record, Table
from decisight.errors import DataError, ImageError
from decisight.imaging import MAX_BYTES, printable, read_bytes

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Part", "Pictures", "StoredPicture", "read_parts"]


class Pictures(Protocol):
    """The pictures of one file, by row; may be asked from several threads."""

    def content(self, row: int) -> bytes | None:
        """The picture of a row, from 0; ``None`` where the row holds none.

        Raises:
            ImageError: it cannot be read; the message does not name it.
        """


@dataclass(frozen=True, slots=True)
class StoredPicture:
    """The picture in one row of a file.

    Args:
        name: what it is called in messages.
        pictures: those of the file.
        row: which of them, from 0.
        beside: a file to read where the row holds no picture but this file's name.
    """

    name: Path
    pictures: Pictures
    row: int
    beside: Path | None = None

    def read(self) -> bytes:
        """See :class:`~decisight.data.dataset.Stored`."""
        try:
            content = self.pictures.content(self.row)
        except ImageError as error:
            raise ImageError(f"{printable(self.name)}: {error.message}", hint=error.hint) from error
        if content is None and self.beside is not None:
            if not os.path.isfile(self.beside):
                raise ImageError(
                    f"{printable(self.name)}: the row holds no picture but the name of its file, "
                    f"{printable(self.beside)}, and there is no such file",
                    hint="copy it too: the name is relative to the folder of the table",
                )
            return read_bytes(self.beside)
        if not content:
            raise ImageError(f"{printable(self.name)}: there is no picture in the row", hint="leave the row out")
        if len(content) > MAX_BYTES:
            raise ImageError(
                f"{printable(self.name)}: the picture is too large: {len(content) / 1e6:.0f} MB; "
                f"the limit is {MAX_BYTES // 10**6} MB",
                hint="check that it is a picture; if so, save it smaller",
            )
        return content


@dataclass(frozen=True, slots=True)
class Part:
    """One file, or the files of one split.

    Args:
        path: the file or folder, which messages and the pictures' names begin with.
        folder: what names of files are relative to.
        split: that of the file or folder; ``None`` where a column says it, if anything does.
        columns: what its columns are.
        names: of its classes.
        rows: how many it has.
        read: reads columns, by the schema's names, but not that of the pictures.
        picture_names: the names that the rows give their pictures; reads no picture.
        pictures: the pictures in it; ``None`` where it names files.
    """

    path: Path
    folder: Path
    split: str | None
    columns: Columns
    names: ClassNames
    rows: int
    read: Callable[[Sequence[str]], pa.Table]
    picture_names: Callable[[], Sequence[object]]
    pictures: Pictures | None

    @property
    def where(self) -> str:
        """The file, for messages."""
        return printable(self.path)


def read_parts(root: Path, parts: Sequence[Part], asked: Asked) -> Table:
    """Read parts as one table; reads labels, and no picture.

    Raises:
        DataError: a part is damaged, their columns differ, or rows contradict each other.
        UsageError: a group is asked for that is not there.
    """
    first = parts[0]
    wanted: tuple[str, ...] = ()
    records: list[Record] = []
    skipped: list[Skipped] = []
    for part in parts:
        odd = sorted(set(part.columns.labels) ^ set(first.columns.labels))
        if odd:
            raise DataError(
                f"{part.where}: its columns differ from those of {first.where}: {', '.join(map(printable, odd))}",
                hint="all splits need the same columns",
            )
        check_rows(part.rows, part.where)
        wanted = wanted_columns(root, first.columns.labels, asked)
        if part.pictures is None:
            records.extend(_file_records(part, wanted, skipped))
        else:
            records.extend(_stored_records(part, part.pictures, wanted))
    check_splits(records)
    if not records and skipped:
        raise DataError(
            f"{printable(root)}: none of its {len(skipped)} rows has its file; the first: {printable(skipped[0].path)}",
            hint="file_name is relative to the folder that the file lies in",
        )
    records, repeated = without_repeats(records)
    return Table(root, wanted, tuple(records), (*skipped, *repeated), chosen=asked.groups is not None)


def _rows(part: Part, wanted: Sequence[str]) -> list[dict[str, object]]:
    stored_as = part.columns.stored_as
    needed = [name for name in stored_as if name in wanted or name in (FILE_NAME, SPLIT, SOURCE)]
    table = part.read([stored_as[name] for name in needed])
    return rows_of(table, part.columns, {n: c for n, c in part.names.items() if n in needed}, part.where)


def _record(part: Part, wanted: Sequence[str], at: int, row: dict[str, object], path: Path) -> Record:
    where = f"{part.where}, row {at}"
    return Record(
        path,
        tuple(read_cell(row.get(column), f"{where}, {column!r}") for column in wanted),
        where,
        read_split(row.get(SPLIT), part.split, where),
        read_text_cell(row.get(SOURCE), f"{where}, {SOURCE!r}"),
    )


def _file_records(part: Part, wanted: Sequence[str], skipped: list[Skipped]) -> Iterator[Record]:
    for at, row in enumerate(_rows(part, wanted)):
        name = row[FILE_NAME]
        if not isinstance(name, str) or not name:
            raise DataError(f"{part.where}, row {at}: the cell of file_name is empty", hint="name the picture's file")
        record = _record(part, wanted, at, row, located(part.folder, name))
        # Unlike Path.is_file, this answers for names that no file system takes as well.
        if os.path.isfile(record.path):
            yield record
        else:
            skipped.append(Skipped(record.path, why_missing(record)))


def _stored_records(part: Part, pictures: Pictures, wanted: Sequence[str]) -> Iterator[Record]:
    rows, given, digits = _rows(part, wanted), part.picture_names(), len(str(part.rows - 1))
    if not len(rows) == len(given) == part.rows:
        raise DataError(
            f"{part.where}: its columns differ in length, {len(rows)} and {len(given)}, where it says {part.rows} rows",
            hint="the file is damaged or was cut off: copy or write it again",
        )
    for at, (row, own) in enumerate(zip(rows, given, strict=True)):
        own = own if isinstance(own, str) and own else None
        called = row.get(FILE_NAME) or own
        # The row tells pictures apart; only the last part of a name is taken, which is what source patterns look at.
        last = PurePosixPath(called.replace("\\", "/")).name if isinstance(called, str) else ""
        path = part.path / f"{at:0{digits}d}" / last
        beside = None if own is None else located(part.folder, own)
        record = _record(part, wanted, at, row, path)
        yield replace(record, stored=StoredPicture(path, pictures, at, beside))

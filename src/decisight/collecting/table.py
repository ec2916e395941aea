"""A ``metadata.csv`` that several programs write: rows are appended to it, and cells of it changed.

Everything that nobody changes stays: other columns, their order, the delimiter, line ends, a byte-order mark. Whoever
writes holds a lock meanwhile, and looks whether the file is still as it was read.
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from decisight.data.formats.cells import FILE_NAME, ORIGIN, SOURCE
from decisight.data.formats.delimited import layout, read_content, rows_of, text_of
from decisight.errors import DataError, OutputError
from decisight.files import draft_of, printable, sync_folder, unwritable

__all__ = ["TABLE", "PictureTable", "append_row", "fill_row", "is_cell", "locked", "mend", "stored_pictures"]

TABLE = "metadata.csv"

_LOCK = ".decisight-table.lock"
_PATIENCE = 60.0
"""Seconds that another program gets to finish what it writes."""
_MARK = b"\xef\xbb\xbf"


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Be the only one of us that writes a table.

    Raises:
        OutputError: another process has held it for a minute, or the folder cannot be written.
    """
    from filelock import FileLock, Timeout

    lock = FileLock(path.parent / _LOCK, timeout=_PATIENCE)
    try:
        lock.acquire()
    except Timeout:
        raise OutputError(
            f"{printable(path)} is being written by another process", hint="wait for it, or end it"
        ) from None
    except OSError as error:
        raise unwritable(path, error) from error
    try:
        yield
    finally:
        lock.release()


@dataclass(slots=True)
class PictureTable:
    """A table of pictures as it was read, and as it is to be written.

    Args:
        path: the file.
        columns: their names, in order.
        rows: the cells of each row, one a column.
        content: of the file when it was read or written last.
    """

    path: Path
    columns: list[str]
    rows: list[list[str]]
    content: bytes = b""
    _known: int = 0
    """Rows that stand in ``content``."""
    _written: list[str] = field(default_factory=list)
    """Columns of ``content``."""

    @classmethod
    def read(cls, path: Path) -> PictureTable:
        """Read a table; one that has no row yet too.

        Raises:
            DataError: it cannot be read, is damaged, or has no column ``file_name``; names the line.
        """
        return cls._of(path, read_content(path))

    @classmethod
    def _of(cls, path: Path, content: bytes) -> PictureTable:
        # Of these bytes alone: the file may be another one by now.
        text = text_of(content, path)
        for _ in rows_of(text, path):  # says what is wrong with it, and where
            pass
        delimiter, first = layout(text)
        rows = list(csv.reader(io.StringIO(text[len(first) :], newline=""), delimiter=delimiter))
        rows = [row for row in rows if any(cell.strip() for cell in row)]
        columns = [name.strip() for name in rows[0]] if rows else []
        if FILE_NAME not in columns:
            raise DataError(
                f"{printable(path)}: there is no column 'file_name'; there are: {', '.join(columns)}",
                hint="rename the column that names the pictures' files to 'file_name'",
            )
        return cls(path, columns, rows[1:], content, len(rows) - 1, list(columns))

    @classmethod
    def new(cls, path: Path, columns: Sequence[str]) -> PictureTable:
        """One that is not there yet."""
        return cls(path, list(columns), [])

    def at(self, column: str) -> int | None:
        """The place of a column."""
        return self.columns.index(column) if column in self.columns else None

    def cell(self, row: int, column: str) -> str:
        """A cell, without spaces around it; empty where there is no such column."""
        at = self.at(column)
        return "" if at is None else self.rows[row][at].strip()

    def add_columns(self, names: Sequence[str]) -> None:
        """Add columns at the end, empty in every row, where there are none of these names."""
        new = [name for name in names if name not in self.columns]
        self.columns += new
        for row in self.rows:
            row += [""] * len(new)

    def save(self) -> bool:
        """Write the table, whole or not at all. Rows that another program has appended meanwhile are taken in.

        Returns:
            False where it was changed otherwise meanwhile: then nothing is written.

        Raises:
            OutputError: it cannot be written, or the disk is full; what was there before stays.
            DataError: what was appended cannot be read.
        """
        with locked(self.path):
            if not self._caught_up():
                return False
            self._write()
        return True

    def catch_up(self) -> bool:
        """Take in rows that another program has appended; false where it has changed anything else."""
        with locked(self.path):
            return self._caught_up()

    def _caught_up(self) -> bool:
        try:
            now = self.path.read_bytes()
        except FileNotFoundError:
            return not self.content
        except OSError as error:
            raise DataError(f"{printable(self.path)}: cannot be read: {error.strerror}") from error
        if now == self.content:
            return True
        more = now[len(self.content) :]
        if not self.content or not now.startswith(self.content):
            return False
        if not self.content.endswith((b"\n", b"\r")) and not more.startswith((b"\n", b"\r")):
            return False
        found = PictureTable._of(self.path, now)
        if found.columns != self._written:
            return False
        self._take_in(found, self._known)
        self.content, self._known = now, len(found.rows)
        return True

    def _take_in(self, found: PictureTable, first: int) -> None:
        """Take in the rows of the file from one on; what is of a picture that only a row of ours has goes into that."""
        if first == len(found.rows):
            return
        in_file = {found.cell(row, FILE_NAME) for row in range(first)}
        own = {self.cell(row, FILE_NAME): row for row in range(len(self.rows))}
        for row in found.rows[first:]:
            cells = dict(zip(found.columns, row, strict=True))
            name = cells[FILE_NAME].strip()
            if name in own and name not in in_file:
                self.fill(own[name], cells)
            else:
                self.rows.append([cells.get(column, "") for column in self.columns])

    def fill(self, row: int, cells: Mapping[str, str]) -> None:
        """Fill those cells of a row that are empty."""
        for name, cell in cells.items():
            at = self.at(name)
            if at is not None and not self.cell(row, name):
                self.rows[row][at] = cell

    def _write(self) -> None:
        """Write the table; who calls holds the lock."""
        content = self._rendered()
        try:
            with draft_of(self.path) as draft, draft.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            with suppress(OSError):
                sync_folder(self.path.parent)
        except OSError as error:
            raise unwritable(self.path, error, left="what was there before is unchanged") from error
        self.content, self._known, self._written = content, len(self.rows), list(self.columns)

    def _rendered(self) -> bytes:
        text = self.content.decode("utf-8-sig")
        delimiter, first = layout(text) if text.strip() else (",", "")
        end = _line_end(text)
        header, *lines = (_line(cells, delimiter, end) for cells in (self.columns, *self.rows))
        if not first and layout(header)[0] != delimiter:  # the name of a column may be full of others
            first = f"sep={delimiter}{end}"
        mark = _MARK if self.content.startswith(_MARK) else b""
        return mark + "".join([first, header, *lines]).encode()


def is_cell(text: str) -> bool:
    """Whether a cell can hold a text so that it is read as it was: in UTF-8, without spaces around it."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return text != "" and text == text.strip() and "\0" not in text


def _line(cells: Sequence[str], delimiter: str, end: str) -> str:
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, delimiter=delimiter, lineterminator=end)
    if any("\r" in cell for cell in cells):  # which is not put into quotes by itself
        writer = csv.writer(stream, delimiter=delimiter, lineterminator=end, quoting=csv.QUOTE_ALL)
    writer.writerow(cells)
    return stream.getvalue()


def _line_end(text: str) -> str:
    """How the first line of a text ends."""
    found = text.find("\n")
    return "\r\n" if found > 0 and text[found - 1] == "\r" else "\n"


def append_row(path: Path, cells: Mapping[str, str]) -> None:
    """Append a row, so that it is on the disk when this returns. Who calls holds the lock.

    Args:
        path: of a table that is there. Columns that it has not are added.
        cells: by column; those of other columns stay empty.

    Raises:
        OutputError: it cannot be written, or the disk is full; the table is as before.
        DataError: the table cannot be read any more.
    """
    content = _head(path)
    delimiter, first = layout(content)
    header = next(csv.reader(io.StringIO(content[len(first) :], newline=""), delimiter=delimiter), [])
    columns = [name.strip() for name in header]
    if not set(cells) <= set(columns):
        table = PictureTable.read(path)
        table.add_columns(list(cells))
        table.rows.append([cells.get(name, "") for name in table.columns])
        table._write()
        return
    end = _line_end(content)
    _append(path, _line([cells.get(name, "") for name in columns], delimiter, end).encode(), end.encode())


def fill_row(path: Path, cells: Mapping[str, str]) -> bool:
    """Fill what is empty of the row that a picture has already. Who calls holds the lock.

    Args:
        path: of a table that is there. Columns that it has not are added.
        cells: by column, the name of the picture's file among them.

    Returns:
        Whether it has a row.

    Raises:
        OutputError: it cannot be written, or the disk is full; the table is as before.
        DataError: the table cannot be read any more.
    """
    table = PictureTable.read(path)
    row = next((row for row in range(len(table.rows)) if table.cell(row, FILE_NAME) == cells[FILE_NAME]), None)
    if row is None:
        return False
    before = [*table.rows[row]]
    table.add_columns(list(cells))
    table.fill(row, cells)
    if table.rows[row] != before:
        table._write()
    return True


def _head(path: Path) -> str:
    """The beginning of a table, with all of its first lines."""
    try:
        with path.open("rb") as file:
            return file.read(1 << 16).decode("utf-8-sig", errors="replace")
    except OSError as error:
        raise DataError(f"{printable(path)}: cannot be read: {error.strerror}") from error


def _append(path: Path, line: bytes, end: bytes) -> None:
    try:
        file = os.open(path, os.O_RDWR | getattr(os, "O_BINARY", 0))
        try:
            size = os.lseek(file, 0, os.SEEK_END)
            if size:
                os.lseek(file, size - 1, os.SEEK_SET)
                line = line if os.read(file, 1) in (b"\n", b"\r") else end + line
            try:
                left = memoryview(line)
                while left:
                    left = left[os.write(file, left) :]
                os.fsync(file)
            except OSError:
                # Half a row would make all of the table unreadable.
                with suppress(OSError):
                    os.ftruncate(file, size)
                raise
        finally:
            os.close(file)
    except OSError as error:
        raise unwritable(path, error, left="the table is as before") from error


def mend(path: Path) -> bool:
    """Take away the last row of a table of collected pictures where a power cut has left only half of it.

    Returns:
        Whether there was one. Its picture is there, and is taken in again.
    """
    with locked(path):
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            return False
        except OSError as error:
            raise DataError(f"{printable(path)}: cannot be read: {error.strerror}") from error
        if not content or content.endswith((b"\n", b"\r")):
            return False
        begin = content.rfind(b"\n") + 1
        above, last = _rows(content[:begin]), content[begin:]
        columns = above[0] if above else []
        # It may be the end of a cell that has several lines.
        begins = len(_rows(content[:begin] + b"x")) == len(above) + 1
        if not set(ORIGIN) <= set(columns) or not begins:
            return False
        if b"\0" not in last and len(_rows(content)[-1]) >= len(columns):
            return False
        os.truncate(path, begin)
        return True


def _rows(content: bytes) -> list[list[str]]:
    """The rows of a table that may be damaged, its header among them."""
    text = content.decode("utf-8-sig", errors="replace")
    delimiter, first = layout(text)
    return list(csv.reader(io.StringIO(text[len(first) :], newline=""), delimiter=delimiter))


def stored_pictures(table: PictureTable) -> Iterator[dict[str, str]]:
    """What a table says of where its pictures come from: a row each, by column."""
    for row in range(len(table.rows)):
        yield {name: table.cell(row, name) for name in (FILE_NAME, *ORIGIN, SOURCE)}

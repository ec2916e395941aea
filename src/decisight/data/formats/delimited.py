"""Rows of a CSV file, each with its line number; strict, because a shifted cell is a wrong label."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from pathlib import Path

from decisight.errors import DataError
from decisight.imaging import printable

__all__ = ["Row", "layout", "read_content", "read_rows", "read_text", "rows_of", "text_of"]

Row = tuple[int, dict[str, object]]
"""The line on which a row begins, from 1, and its cells by column."""

_DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab"}


def read_text(path: Path) -> str:
    """The content of a text file in UTF-8, with or without a byte-order mark.

    Raises:
        DataError: it cannot be read, is empty, is not UTF-8, or holds zero bytes; names the line.
    """
    return text_of(read_content(path), path)


def read_content(path: Path) -> bytes:
    """The bytes of a file.

    Raises:
        DataError: it cannot be read.
    """
    name = printable(path)
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise DataError(
            f"{name}: does not exist", hint="check the spelling, and from where the path is meant"
        ) from error
    except OSError as error:
        raise DataError(f"{name}: cannot be read: {error.strerror}", hint="check its permissions") from error


def text_of(data: bytes, path: Path) -> str:
    """The text that the bytes of a file are, see :func:`read_text`.

    Raises:
        DataError: see there.
    """
    name = printable(path)
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise DataError(f"{name}: the file is in UTF-16", hint="save it as 'CSV UTF-8'")
    if b"\0" in data:
        line = data.count(b"\n", 0, data.index(b"\0")) + 1
        raise DataError(f"{name}, line {line}: there is a zero byte", hint="the file is damaged, or is not text")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise DataError(
            f"{name}, line {line}: the byte 0x{data[error.start]:02x} is not UTF-8",
            hint="save the file in UTF-8; spreadsheet programs call it 'CSV UTF-8'",
        ) from error
    if not text.strip():
        raise DataError(f"{name}: the file is empty", hint="the first line names the columns, one of them file_name")
    return text


def read_rows(path: Path) -> Iterator[Row]:
    """Read a CSV file.

    Cells are separated by a comma, a semicolon or a tab: by that which a first line such as ``sep=;`` names, as Excel
    writes it, else by whichever stands most often in the header. Spaces around a cell do not count. Empty lines are
    passed over.

    Yields:
        The line of each row and its cells, by the name of the column.

    Raises:
        DataError: the header is missing or ambiguous, a row has too many or too few cells, or a quote is broken;
            names the line.
    """
    yield from rows_of(read_text(path), path)


def rows_of(text: str, path: Path) -> Iterator[Row]:
    """The rows that the text of a CSV file holds, see :func:`read_rows`.

    Raises:
        DataError: see there.
    """
    name = printable(path)
    delimiter, first = layout(text)
    named, text = bool(first), text[len(first) :]
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    header: list[str] | None = None
    while True:
        line = reader.line_num + 1 + named
        try:
            cells = [cell.strip() for cell in next(reader)]
        except StopIteration:
            break
        except csv.Error as error:
            raise DataError(
                f"{name}, line {line}: a quote is broken: {error}",
                hint='a quote (") opens and closes a whole cell; within one, write it twice ("")',
            ) from error
        if not any(cells):
            continue
        if header is None:
            header = _checked_header(cells, f"{name}, line {line}")
            continue
        if len(cells) != len(header):
            raise DataError(
                f"{name}, line {line}: {len(cells)} cells, where the header has {len(header)} columns "
                f"({', '.join(header)})",
                hint=f"cells are separated by a {_DELIMITERS[delimiter]} here; "
                "one that contains it must stand in double quotes",
            )
        yield line, dict(zip(header, cells, strict=True))


def layout(text: str) -> tuple[str, str]:
    """What separates the cells of a CSV file, and its first line where that names it, as ``sep=;`` does.

    Args:
        text: the file's content, without a byte-order mark.

    Returns:
        The delimiter, and that line with its end; empty where there is none.
    """
    found = _SEP_LINE.match(text)
    if found:
        return found[1], found[0]
    header_line = next((line for line in text.splitlines() if line.strip()), "")
    return max(_DELIMITERS, key=header_line.count), ""


# Other programs put it into quotes when they save such a file anew.
_SEP_LINE = re.compile(r"""["']?sep=([,;\t])["']?[,; ]*(?:\r\n|\r|\n|$)""", re.IGNORECASE)


def _checked_header(cells: list[str], where: str) -> list[str]:
    repeated = sorted({cell for cell in cells if cell and cells.count(cell) > 1})
    if repeated:
        raise DataError(f"{where}: the column {repeated[0]!r} stands twice", hint="rename or remove one of them")
    if "" in cells:
        raise DataError(
            f"{where}: column {cells.index('') + 1} has no name",
            hint="name or remove it; pandas writes such a column unless to_csv is given index=False",
        )
    return cells

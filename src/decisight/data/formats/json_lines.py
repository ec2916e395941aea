"""Rows of a JSON Lines file: one object a line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

from decisight.data.formats.delimited import Row, read_text
from decisight.errors import DataError
from decisight.imaging import printable

__all__ = ["read_json_rows", "refuse_constant", "why_no_json"]


def read_json_rows(path: Path) -> Iterator[Row]:
    """Read a JSON Lines file.

    Yields:
        The line of each row and its values, by key, as JSON has them.

    Raises:
        DataError: a line is not a JSON object, or holds a key twice; names the line.
    """
    text, name = read_text(path), printable(path)
    for line, content in enumerate(text.split("\n"), start=1):
        if not content.strip():
            continue
        where = f"{name}, line {line}"
        try:
            row = json.loads(content, object_pairs_hook=_without_repeats, parse_constant=refuse_constant)
        except (ValueError, RecursionError) as error:
            raise DataError(
                f"{where}: this is not JSON: {why_no_json(error)}",
                hint='each line is one object, for example {"file_name": "a.jpg", "helmet": "yes"}',
            ) from error
        if not isinstance(row, dict):
            raise DataError(f"{where}: this is not a JSON object", hint='write {"file_name": "a.jpg", "helmet": "yes"}')
        yield line, {key.strip(): value for key, value in row.items()}


def _without_repeats(pairs: list[tuple[str, object]]) -> dict[str, object]:
    row = dict(pairs)
    if len(row) < len(pairs):
        raise ValueError("a key stands twice")
    return row


def why_no_json(error: Exception) -> str:
    """What :func:`json.loads` said of a text, without what only those who program have a use for."""
    match error:
        case RecursionError():
            return "it is nested too deeply"
        case MemoryError():
            return "it does not fit into memory"
        case ValueError() if "set_int_max_str_digits" in str(error):
            return "a number in it has thousands of digits"
    return str(error)


def refuse_constant(name: str) -> NoReturn:
    """Refuse ``NaN`` and ``Infinity``, which Python reads and JSON does not know.

    Raises:
        ValueError: always.
    """
    raise ValueError(f"{name} is not a value")

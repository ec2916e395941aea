"""One JSON value that is a whole file, checked as it is taken apart."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from decisight.data.formats.json_lines import refuse_constant, why_no_json
from decisight.errors import DataError
from decisight.imaging import printable

__all__ = ["finite", "read_json_object"]

_LARGEST = 1_000_000_000
"""Bytes. COCO's own largest file of boxes has half of them; in memory JSON takes about ten times as much."""


def read_json_object(path: Path) -> dict[str, Any]:
    """The object that a JSON file in UTF-8 holds, with or without a byte-order mark.

    Raises:
        DataError: it cannot be read, is larger than 1 GB, or is not a JSON object; says where it breaks off.
    """
    name = printable(path)
    try:
        size = path.stat().st_size
        if size > _LARGEST:
            raise DataError(
                f"{name}: the file is too large: {size / 1e6:.0f} MB; the limit is {_LARGEST // 10**6} MB",
                hint="divide it into several, for example one a split",
            )
        value = json.loads(path.read_bytes().decode("utf-8-sig"), parse_constant=refuse_constant)
    except OSError as error:
        raise DataError(f"{name}: cannot be read: {error.strerror or error}", hint="check its permissions") from error
    except (ValueError, RecursionError, MemoryError) as error:
        raise DataError(
            f"{name}: this is not JSON: {why_no_json(error)}",
            hint="the file is damaged, or was cut off: copy or export it again, in UTF-8",
        ) from error
    if not isinstance(value, dict):
        raise DataError(f"{name}: this is not a JSON object, but {_kind(value)}", hint="it must begin with '{'")
    return value


def finite(value: object) -> float | None:
    """A number as a float; ``None`` where it is no number, or too large for one."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def _kind(value: object) -> str:
    return {list: "a list", str: "text", type(None): "null", bool: "true or false"}.get(type(value), "a number")

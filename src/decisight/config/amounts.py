"""How long something is kept, and how much of it."""

from __future__ import annotations

import re

from decisight.config.sections import LimitSection
from decisight.errors import UsageError
from decisight.registry import shortened
from decisight.spans import parse_seconds

__all__ = ["parse_bytes", "parse_limit"]


def parse_limit(limit: str | LimitSection) -> tuple[float | None, int | None]:
    """How long something is kept, in seconds, and how much of it, in bytes; ``None``: without limit.

    Raises:
        UsageError: it is not understood.
    """
    if not isinstance(limit, LimitSection):
        return _parse_age(limit), None
    age = None if limit.age is None else _parse_age(limit.age)
    return age, None if limit.size is None else parse_bytes(limit.size)


def _parse_age(text: str) -> float:
    try:
        return parse_seconds(text, "age")
    except UsageError as error:
        raise UsageError(error.message, hint="write it as 30d, 12h or 90m") from error


def parse_bytes(text: str) -> int:
    """An amount of data such as ``20GB``.

    Raises:
        UsageError: it is not understood.
    """
    found = re.fullmatch(r"\s*([0-9]{1,6}(?:\.[0-9]{1,3})?)\s*([kKMGT])B\s*", text)
    if not found or float(found[1]) == 0:
        raise UsageError(f"size = {shortened(text)} is not understood", hint="write it as 500MB or 20GB")
    return int(float(found[1]) * 1000 ** (" KMGT".index(found[2].upper())))

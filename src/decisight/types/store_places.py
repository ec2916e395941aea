"""How the place of a store in SQLite is written."""

from __future__ import annotations

import re

__all__ = ["three_strokes"]

_SQLITE = re.compile(r"(sqlite(?:\+\w*)?):(/*)(.*)", re.IGNORECASE | re.DOTALL)
_RIGHT = re.compile(r"sqlite(?:\+pysqlite)?:///.*", re.DOTALL)


def three_strokes(text: str) -> str | None:
    """How an address of SQLite should be written that would be misunderstood.

    Of two strokes SQLAlchemy takes what follows for a host, and keeps everything in memory.

    Args:
        text: the place of a store, as it was given.

    Returns:
        With three strokes, and in lower case; ``None`` where it is so already, names no file, or is none of SQLite.

    Example:
        >>> three_strokes("sqlite://plant-7.db"), three_strokes("sqlite:///plant-7.db"), three_strokes("sqlite://")
        ('sqlite:///plant-7.db', None, None)
    """
    found = _SQLITE.fullmatch(text.strip())
    if found is None or not found[3] or _RIGHT.fullmatch(text.strip()):
        return None
    return f"sqlite:{found[2] if len(found[2]) > 3 else '///'}{found[3]}"

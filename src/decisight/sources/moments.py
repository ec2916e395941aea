"""Moments as configurations write them."""

from __future__ import annotations

from datetime import UTC, datetime

from decisight.errors import UsageError

__all__ = ["parse_moment"]


def parse_moment(text: str, name: str) -> float:
    """A moment in ISO 8601, in seconds since 1970; UTC where it names no zone.

    Args:
        text: ``2024-05-03T08:15:00``, ``2024-05-03 08:15:00.250+02:00``; a date alone means its first moment.
        name: of the setting, for messages.

    Raises:
        UsageError: it is not understood.

    Example:
        >>> parse_moment("1970-01-02T00:00:00+01:00", "start")
        82800.0
    """
    try:
        moment = datetime.fromisoformat(text.strip())
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        raise UsageError(
            f"{name} = {text!r} is not understood", hint=f"give a moment, for example {name}: 2024-05-03T08:15:00Z"
        ) from None

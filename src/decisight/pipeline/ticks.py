"""When time alone is let pass."""

from __future__ import annotations

__all__ = ["TICK_SECONDS", "tick_times"]

TICK_SECONDS = 1.0
"""How long there may be no picture before time alone is let pass, where pictures come oftener."""

_FEW_TICKS = 60
_TICK_GROWTH = 1.1
_MOST_TICKS = 400
"""A gap of years is told in so many steps: longer ones, the longer it has lasted."""


def tick_times(before: float | None, until: float, pause: float = TICK_SECONDS) -> list[float]:
    """When to let time pass between two pictures: evenly at first, then in longer and longer steps.

    Args:
        before: of the last picture, in seconds; ``None`` where there is none.
        until: of the next one, which is not among them.
        pause: seconds from one to the next.
    """
    if before is None:
        return []
    times: list[float] = []
    last = before
    while last + pause < until and len(times) < _MOST_TICKS:
        last += pause
        times.append(last)
        if len(times) >= _FEW_TICKS:
            pause *= _TICK_GROWTH
    return times

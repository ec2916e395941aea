"""A clock that never runs backwards, over times that may."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["steady"]

_MOST_SET_BACKS = 4
"""How many times in a row that a clock was set back are kept in mind, to see it set right again."""


def steady(time: float, before: float | None, ahead: Sequence[float]) -> tuple[float, Sequence[float]]:
    """What time it is, and by how much that may be ahead of what is said.

    Where a clock is set back, time goes on from where it was: else a state that has to last for two seconds would last
    until the clock had caught up. Once the times said are as late, time is theirs again.

        >>> steady(10.0, 9.0, ())
        (10.0, ())
        >>> now, ahead = steady(4.0, 10.0, ())
        >>> now, steady(5.0, now, ahead)
        (10.0, (11.0, (6.0,)))

    Args:
        time: what is said, in seconds.
        before: what was given last; ``None`` at first.
        ahead: the same of the second value given.
    """
    if before is None or time >= before:
        return time, ()
    # The least that is enough: times that jump to and fro must not make the clock run faster than they do.
    for count, offset in enumerate(ahead, 1):
        if time + offset >= before:
            return time + offset, tuple(ahead[:count])
    return before, (*ahead[1 - _MOST_SET_BACKS :], before - time)

"""When a camera that is away is tried again."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

__all__ = ["AwayError", "Waits"]

_FIRST, _LONGEST = 0.5, 15.0
"""Seconds before the second try, and before any later one, at most."""
_FIRST_REFUSED, _LONGEST_REFUSED = 30.0, 600.0
"""The same where the camera has refused the password: many lock an account after some wrong ones."""
_SETTLED = 10.0
"""A connection that gave pictures for so many seconds was a good one: then waits begin anew."""


class AwayError(Exception):
    """Why a camera gives no pictures now.

    Args:
        cause: in few words that stay the same; no credentials, nothing of what the camera said.
        refused: whether it has refused who asks.
    """

    def __init__(self, cause: str, *, refused: bool = False) -> None:
        super().__init__(cause)
        self.cause = cause
        self.refused = refused


@dataclass(slots=True)
class Waits:
    """Seconds to wait before each try, that grow, each cut by chance to between half of it and all of it.

    So many cameras that were lost at one time do not all come back at one time. After a refusal it is all of it or
    more, never less.

    Args:
        chance: where chance comes from.
    """

    chance: random.Random = field(default_factory=random.Random)
    _next: float = _FIRST
    _next_refused: float = _FIRST_REFUSED

    def after(self, fault: AwayError, good: float) -> float:
        """Seconds to wait after a fault.

        Args:
            fault: what went wrong.
            good: for how many seconds pictures had come before.
        """
        if good >= _SETTLED:
            self._next = _FIRST
        if good > 0:
            self._next_refused = _FIRST_REFUSED
        share = self.chance.random()
        if fault.refused:
            wait = self._next_refused
            self._next_refused = min(2 * wait, _LONGEST_REFUSED)
            return wait * (1 + share / 4)
        wait = self._next
        self._next = min(2 * wait, _LONGEST)
        return wait * (1 + share) / 2

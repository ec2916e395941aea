"""What counted errors say of the true share of errors: exact binomial bounds."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from decisight.errors import UsageError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["MOST_NEEDED", "chance", "check_assurance", "check_max_error", "least_promised", "needed", "upper_bound"]

MOST_NEEDED = 10_000_000
"""Where more decisions than this would be needed, no number is given."""


def upper_bound(errors: float, decisions: float, assurance: float) -> float:
    """The share of errors that the true one is not above, with that assurance.

    Clopper and Pearson, "The use of confidence or fiducial limits illustrated in the case of the binomial", Biometrika
    26, 1934.

    Args:
        errors: how many of the decisions were wrong.
        decisions: independent ones; of none the bound is 1. Neither need be whole: they may be effective numbers.
        assurance: above 0, below 1.

    Returns:
        0..1.

    Example:
        >>> round(upper_bound(0, 299, 0.95), 4)
        0.01
    """
    from scipy.special import betaincinv

    if errors >= decisions:
        return 1.0
    return float(betaincinv(errors + 1.0, decisions - errors, assurance))


def chance(errors: NDArray[np.int64], decisions: NDArray[np.int64], max_error: float) -> NDArray[np.float64]:
    """How likely so few errors, or fewer, would be if the true share were ``max_error``: the p-value of a larger one.

    Args:
        errors: int ``(N,)``.
        decisions: int ``(N,)``, independent ones; of none it is 1.
        max_error: above 0, below 1.

    Returns:
        ``(N,)``, 0..1.
    """
    import numpy as np
    from scipy.special import bdtr

    tried = np.maximum(decisions, 1)
    return np.where(decisions > 0, bdtr(np.minimum(errors, tried).astype(float), tried, max_error), 1.0)


@functools.lru_cache(maxsize=4096)
def needed(max_error: float, assurance: float, *, errors: int = 0, share: float | None = None) -> int | None:
    """How many independent decisions it takes to promise that at most ``max_error`` of them are wrong.

    Args:
        max_error: above 0, below 1.
        assurance: above 0, below 1.
        errors: among the decisions.
        share: instead, the share of them that is wrong, 0..1: their number grows with that of the decisions.

    Returns:
        The fewest; with a share, about how many. ``None`` where there are none, since the share is not below
        ``max_error``, or it is more than :data:`MOST_NEEDED`.

    Example:
        >>> needed(0.01, 0.95), needed(0.01, 0.95, errors=1), needed(0.01, 0.95, share=0.005)
        (299, 473, 1146)
    """
    from scipy.special import betainc

    if share is not None and share >= max_error:
        return None

    def enough(decisions: int) -> bool:
        # The binomial distribution at numbers that need not be whole: else a share would jump from one to the next.
        wrong = float(errors) if share is None else share * decisions
        return wrong < decisions and bool(betainc(decisions - wrong, wrong + 1.0, 1.0 - max_error) <= 1.0 - assurance)

    high = 1
    while not enough(high):
        high *= 2
        if high > 2 * MOST_NEEDED:
            return None
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high if high <= MOST_NEEDED else None


def least_promised(decisions: int, assurance: float) -> float:
    """The least share of errors that so many decisions can promise at all, which is where none of them is wrong."""
    return upper_bound(0, decisions, assurance)


def check_max_error(value: float, name: str = "max-error") -> None:
    """Refuse what is no share of errors that could be promised.

    Raises:
        UsageError: it is not above 0 and below 1.
    """
    if not 0.0 < value < 1.0:
        raise UsageError(
            f"a {name} of {value:g} cannot be promised",
            hint="give a share above 0 and below 1, for example 0.01: at most one accepted decision in a hundred is "
            "wrong",
        )


def check_assurance(value: float) -> None:
    """Refuse what is no assurance.

    Raises:
        UsageError: it is not at least 0.5 and below 1.
    """
    if not 0.5 <= value < 1.0:
        raise UsageError(
            f"an assurance of {value:g} cannot be given",
            hint="give one of at least 0.5 and below 1, for example 0.95; no number of pictures gives 1",
        )

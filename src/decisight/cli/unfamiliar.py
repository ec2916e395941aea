"""A least familiarity that refuses nothing is worth a warning."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING

from decisight.cli.console import warn

if TYPE_CHECKING:
    from decisight.models.card import ModelCard

__all__ = ["warn_of_familiarity"]


def warn_of_familiarity(card: ModelCard, asked: Iterable[float | None]) -> None:
    """Say so where a model has too few sources for what is asked of it: no picture is as unfamiliar as that to it.

    Args:
        card: what the model says of itself.
        asked: the least familiarities that rules ask for.
    """
    from decisight.imaging import printable

    floor = card.least_familiarity
    for least in sorted({least for least in asked if least}):
        if floor is not None and least <= floor:
            warn(
                f"a least familiarity of {least:g} refuses nothing: {printable(card.name)} says {floor:.3g} of what is "
                "least familiar to it",
                f"ask for more than that, or train it on pictures of {math.floor(1 / least)} sources or more",
            )

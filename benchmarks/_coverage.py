"""How often intervals hold the truth, counted over samples of a made-up population."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

import numpy as np

__all__ = ["Rows", "Seen", "lowest_and_mean", "measured", "show"]

Rows = Mapping[str, Mapping[str, float]]
"""By figure: the share of intervals that hold the truth, their mean width, and the share without sources."""


class Seen(Protocol):
    """A figure with its interval."""

    @property
    def value(self) -> float:
        """NaN if undefined."""

    @property
    def low(self) -> float:
        """The lower end."""

    @property
    def high(self) -> float:
        """The upper end."""


Figures = Iterable[tuple[str, Seen]]


def measured(
    truth: Iterable[float], sample: Callable[[int, bool], Figures], times: int, *, with_sources: bool
) -> dict[str, dict[str, float]]:
    """The rows of one setting.

    Args:
        truth: of each figure, in the order of ``sample``.
        sample: the figures of the sample that a seed draws, by source or as if each picture were its own.
        times: how many samples.
        with_sources: look at them without their sources too.
    """
    truth = list(truth)
    inside: dict[str, list[bool]] = {}
    blind: dict[str, list[bool]] = {}
    widths: dict[str, list[float]] = {}
    for seed in range(times):
        for aware, held in ((True, inside), (False, blind)):
            if not aware and not with_sources:
                continue
            for true, (name, one) in zip(truth, sample(seed, aware), strict=True):
                if math.isnan(one.value) or math.isnan(true):
                    continue
                held.setdefault(name, []).append(one.low <= true <= one.high)
                if aware:
                    widths.setdefault(name, []).append(one.high - one.low)
    return {
        name: {
            "coverage": float(np.mean(held)),
            "width": float(np.mean(widths[name])),
            **({"without_sources": float(np.mean(blind[name]))} if name in blind else {}),
        }
        for name, held in inside.items()
    }


def show(title: str, rows: Rows) -> None:
    """Print the rows of one setting."""
    print(f"\n{title}\n{'':26}{'held':>7}{'width':>8}{'without sources':>18}")
    for figure, row in rows.items():
        blind = f"{row['without_sources']:18.1%}" if "without_sources" in row else ""
        print(f"{figure:26}{row['coverage']:7.1%}{row['width']:8.3f}{blind}", flush=True)


def lowest_and_mean(settings: Iterable[Rows], *, but: Iterable[str] = ()) -> tuple[float, float]:
    """The lowest share of all figures and settings, and the mean.

    Args:
        settings: the rows of each.
        but: the names of figures that are left out.
    """
    shares = [row["coverage"] for rows in settings for name, row in rows.items() if name not in set(but)]
    return min(shares), float(np.mean(shares))

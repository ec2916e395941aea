"""Whether one policy is worse than another on the same clips, by more than chance allows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from decisight.evaluation.events import COUNTS, WatchedLine, tally
from decisight.evaluation.intervals import bootstrap
from decisight.evaluation.metrics import Floats

__all__ = ["RULE", "Difference", "Verdict", "compare_policies"]

RULE = (
    "Worse is: a lower share of right pictures off the edges, or more excess flips, missed changes or false events, "
    "where the 95 % interval of the difference (paired bootstrap over the stretches between true changes) does not "
    "reach 0."
)
"""The rule in words."""

_TAILS = (0.025, 0.975)
_FEWEST = 2
"""Stretches below which nothing can be told from chance."""

_COUNTED = ("excess_flips", "missed", "false_events")
_ACCURACY = "frame_accuracy_off_edges"


@dataclass(frozen=True, slots=True)
class Difference:
    """One figure of a policy, less that of another.

    Args:
        figure: its name.
        value: of the policy.
        other: of the other one.
        low: of the 95 % interval of the difference; NaN where nothing can be told.
        high: the same.
        worse: whether all of the interval is on the bad side.
    """

    figure: str
    value: float
    other: float
    low: float
    high: float
    worse: bool

    def to_json(self) -> dict[str, Any]:
        """All of it; ``None`` for what is undefined."""
        return {
            "figure": self.figure,
            "value": _plain(self.value),
            "other": _plain(self.other),
            "difference": _plain(self.value - self.other),
            "interval": [_plain(self.low), _plain(self.high)],
            "worse": self.worse,
        }


@dataclass(frozen=True, slots=True)
class Verdict:
    """A policy beside another.

    Args:
        policy: its name.
        against: the other's.
        stretches: how many there are to judge by.
        differences: figure by figure.
    """

    policy: str
    against: str
    stretches: int
    differences: tuple[Difference, ...]

    @property
    def worse(self) -> tuple[Difference, ...]:
        """The figures that are worse."""
        return tuple(one for one in self.differences if one.worse)

    @property
    def told(self) -> bool:
        """Whether there are stretches enough to tell a difference from chance."""
        return self.stretches >= _FEWEST

    def to_json(self) -> dict[str, Any]:
        """``policy``, ``against``, ``not_worse``, ``stretches``, the rule, and the differences."""
        return {
            "policy": self.policy,
            "against": self.against,
            "not_worse": not self.worse,
            "stretches": self.stretches,
            "rule": RULE,
            "differences": [one.to_json() for one in self.differences],
        }


def compare_policies(
    policy: str, lines: Sequence[WatchedLine], against: str, others: Sequence[WatchedLine], *, seed: int = 0
) -> Verdict:
    """Whether a policy is worse than another on the same lines.

    Stretches between true changes are drawn again, with replacement, for both at once, and each figure's difference is
    taken each time; it is worse if its 95 % interval (percentiles) lies wholly on the bad side. Of fewer than two
    stretches nothing is worse. Of a handful the interval is rough: it knows only what happened in these.

    Args:
        policy: its name.
        lines: what it decided, one for each label group of each region of each clip.
        against: the name of the other.
        others: the same lines, decided by the other.
        seed: of the draws.
    """
    ours, theirs = _paired(lines, others)
    columns = [COUNTS.index(name) for name in _COUNTED]
    values = [_share(ours.sum(axis=0)), *ours[:, columns].sum(axis=0)]
    other_values = [_share(theirs.sum(axis=0)), *theirs[:, columns].sum(axis=0)]
    ends = np.full((2, len(values)), np.nan)
    if len(ours) >= _FEWEST:

        def differences(weights: Floats) -> Floats:
            accuracy = _share(weights @ ours) - _share(weights @ theirs)
            return np.column_stack([accuracy, weights @ (ours - theirs)[:, columns]])

        drawn = bootstrap(differences, len(ours), seed=seed)
        defined = ~np.isnan(drawn).all(axis=0)
        ends[:, defined] = np.nanquantile(drawn[:, defined], _TAILS, axis=0)
    found = []
    for at, name in enumerate((_ACCURACY, *_COUNTED)):
        low, high = (float(end) for end in ends[:, at])
        worse = high < 0.0 if name == _ACCURACY else low > 0.0
        found.append(Difference(name, float(values[at]), float(other_values[at]), low, high, worse))
    return Verdict(policy, against, len(ours), tuple(found))


def _paired(lines: Sequence[WatchedLine], others: Sequence[WatchedLine]) -> tuple[Floats, Floats]:
    """The counts of both, stretch by stretch; of a line whose stretches do not match, as one.

    Where two sites look at different pictures a short stretch may be seen by one of them only.
    """
    ours, theirs = [np.zeros((0, len(COUNTS)))], [np.zeros((0, len(COUNTS)))]
    for line, other in zip(lines, others, strict=True):
        one, two = tally(line), tally(other)
        if len(one) != len(two):
            one, two = one.sum(axis=0, keepdims=True), two.sum(axis=0, keepdims=True)
        ours.append(one)
        theirs.append(two)
    return np.concatenate(ours), np.concatenate(theirs)


def _share(counts: Floats) -> Floats:
    """The share of right pictures off the edges, of counts ``(..., F)``; NaN where there are none."""
    off, right = counts[..., COUNTS.index("off")], counts[..., COUNTS.index("right_off")]
    found: Floats = np.divide(right, off, out=np.full(np.shape(off), np.nan), where=off > 0.0)
    return found


def _plain(value: float) -> float | None:
    return value if math.isfinite(value) else None

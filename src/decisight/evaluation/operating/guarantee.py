"""Thresholds that promise something: with a stated assurance, at most a stated share of what is accepted is wrong.

What is promised is *selective risk* (Geifman and El-Yaniv, "Selective classification for deep neural networks", NeurIPS
2017): of the decisions for a label that a threshold accepts, the share that is wrong. For one threshold, fixed before,
an exact binomial test says whether that share is at most what is asked for. Several are tried by testing them in a
fixed order, the strictest first, each at the full level, up to the first that fails (fixed-sequence testing:
Angelopoulos et al., "Learn then test", 2021; Bauer, "Multiple testing in clinical trials", Statistics in Medicine 10,
1991): to be wrong, the first threshold that does not keep what is asked for would have to pass its test.

The strictest thresholds accept too few decisions for any test to pass, so the order begins at the first that accepts
:func:`fewest_accepted`, a number that depends on nothing but how many decisions there are.

For single pictures the assurance is exact under one assumption: a more confident decision is wrong no oftener than a
less confident one. Then all thresholds below the first bad one (more than the asked share is wrong) are bad as well:

1. If the order begins at the first bad threshold or before, a bad one is taken only if that first one passes its test.
   Whether it begins so depends on how many that threshold accepts, given which its errors are binomial.
2. If it begins behind, all that is counted there is wrong oftener than asked for, however many of it came from where:
   the decisions that the threshold before accepts, which is bad, and those in between, which are wrong no less often.
3. In both cases the test passes with a chance of at most 1 - assurance; so does the mixture of both.

This bounds how often a promise is made that does not hold, among all the times that one is asked for, and not the share
of the promises made that do not hold. Where the assumption fails, and with sources, ``benchmarks/promises.py`` finds no
more broken promises either. There too: Bonferroni's correction over a dozen thresholds accepts less.

The thresholds are those of :data:`GRID`, so that they do not depend on the pictures.

Pictures of one source tend to be right or wrong together, and are not independent. So each source counts once: of its
accepted decisions one is drawn, by a lot that follows from the picture, so that another order of the same pictures is
no second try. Sources are independent, so the test of each threshold is exact, for the share of wrong decisions where
each source that has any counts the same.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from decisight.errors import UsageError
from decisight.evaluation.operating.bounds import (
    MOST_NEEDED,
    chance,
    check_assurance,
    check_max_error,
    needed,
    upper_bound,
)
from decisight.evaluation.operating.decisions import LabelDecisions

__all__ = ["GRID", "METHOD", "Guarantee", "Shortfall", "fewest_accepted", "guarantee"]

METHOD = "fixed-sequence test of exact binomial bounds"
"""What a model file says of how the threshold was found."""


def _grid() -> tuple[float, ...]:
    """Denser where confidences are: evenly in the logarithm of what they lack of 1, then evenly."""
    high = 1.0 - 10.0 ** -np.arange(0.30, 3.55, 0.05)
    return tuple(sorted({round(float(t), 4) for t in (*high, *np.linspace(0.0, 0.5, 11))}, reverse=True))


GRID = _grid()
"""The thresholds that are tried, the strictest first: 0.9997 to 0."""

_HOPED_ERRORS = (2, 1)
"""How many errors the strictest threshold tried should allow, where there are decisions enough: with none allowed a
single error among the most confident decisions would end the search at once."""

_ROUNDING = 1e-12
"""How far a chance may be above what it may be, and still be rounding."""


@dataclass(frozen=True, slots=True)
class Guarantee:
    """A threshold that keeps what was asked for, and what that rests on.

    Args:
        threshold: from which confidence on the label is accepted.
        max_error: the share of accepted decisions that is wrong at most.
        assurance: how surely, for this label.
        units: how many sources there are, or pictures where each is its own.
        accepted: how many of them have an accepted decision.
        errors: how many of these count as wrong.
        bound: the share of errors that the true one is not above, by these counts, at that assurance.
        pictures_accepted: pictures accepted, of all.
        in_sources: whether the units are sources of several pictures.
    """

    threshold: float
    max_error: float
    assurance: float
    units: int
    accepted: int
    errors: int
    bound: float
    pictures_accepted: int
    in_sources: bool


@dataclass(frozen=True, slots=True)
class Shortfall:
    """Why nothing can be promised.

    Args:
        max_error: what was asked for.
        assurance: how surely.
        units: how many sources there are, or pictures where each is its own.
        decisions: how many of them are decided for the label where nothing is tuned.
        fewest: how many accepted decisions it takes even where none of them is wrong.
        threshold: of those that were tried the one that came nearest; ``None`` where there are fewer decisions than
            ``fewest``.
        accepted: with that threshold; without one, where nothing is tuned.
        errors: of these.
        in_sources: whether the units are sources of several pictures.
        counts: for each threshold of the grid, how many units are accepted and how many of these are wrong.
    """

    max_error: float
    assurance: float
    units: int
    decisions: int
    fewest: int
    threshold: float | None
    accepted: int
    errors: int
    in_sources: bool
    counts: tuple[tuple[int, int], ...] = field(repr=False)

    @property
    def units_needed(self) -> int | None:
        """About how many units it would take, if decisions and errors stay as frequent as they are here.

        ``None`` where too much is wrong at every threshold, so that no number would do.
        """
        # Half an error more than was seen: none among few does not show that there will be none.
        wanted = [
            int(np.ceil(many * self.units / k))
            for k, e in dict.fromkeys(self.counts)
            if k and (many := needed(self.max_error, self.assurance, share=(e + 0.5) / (k + 1.0)))
        ]
        return min(wanted, default=None)


def fewest_accepted(decisions: int, max_error: float, assurance: float) -> int:
    """How many decisions the strictest threshold that is tried accepts at least.

    As many as are enough where two of them are wrong, if these are no more than half of the decisions that there are;
    else where one is; else where none is.

    Args:
        decisions: how many there are for the label where nothing is tuned.
        max_error: above 0, below 1.
        assurance: above 0, below 1.
    """
    for errors in _HOPED_ERRORS:
        enough = needed(max_error, assurance, errors=errors)
        if enough is not None and enough <= decisions / 2:
            return enough
    return needed(max_error, assurance) or decisions + 1


def guarantee(decisions: LabelDecisions, max_error: float, assurance: float = 0.95) -> Guarantee | Shortfall:
    """The lowest threshold for which it can be promised that at most ``max_error`` of what it accepts is wrong.

    Args:
        decisions: on pictures that the model has not learnt from, drawn like those to come; their order says nothing.
        max_error: above 0, below 1.
        assurance: the least share of all calls that do not end in a promise that does not hold; at least 0.5, below 1.

    Returns:
        The threshold and what it rests on; or why there is none.

    Raises:
        UsageError: there is no such promise, or a source has several pictures and there are no lots.
    """
    check_max_error(max_error)
    check_assurance(assurance)
    accepted, errors = _counts(decisions)
    begin = fewest_accepted(int(accepted[_untuned(decisions)]), max_error, assurance)
    first = int(np.argmax(accepted >= begin))
    passed = chance(errors, accepted, max_error)[first:] <= 1.0 - assurance + _ROUNDING
    if accepted[-1] < begin or not passed[0]:
        return _shortfall(decisions, max_error, assurance, (accepted, errors), first)
    last = first + (len(passed) if passed.all() else int(np.argmin(passed))) - 1
    pictures = [int(decisions.accepted(threshold).sum()) for threshold in GRID[first : last + 1]]
    # Of thresholds that accept the same, the strictest: what lies between them has not been seen.
    at = first + pictures.index(pictures[-1])
    many, wrong = int(accepted[at]), int(errors[at])
    return Guarantee(
        threshold=GRID[at],
        max_error=max_error,
        assurance=assurance,
        units=decisions.units,
        accepted=many,
        errors=wrong,
        bound=upper_bound(wrong, many, assurance),
        pictures_accepted=pictures[-1],
        in_sources=decisions.in_sources,
    )


def _untuned(decisions: LabelDecisions) -> int:
    """Where the grid has the threshold that decides where nothing is tuned."""
    return next(at for at, threshold in enumerate(GRID) if threshold <= decisions.untuned)


def _shortfall(
    decisions: LabelDecisions,
    max_error: float,
    assurance: float,
    counts: tuple[NDArray[np.int64], NDArray[np.int64]],
    first: int,
) -> Shortfall:
    """Why nothing can be promised, where the first of the grid that was tried is given."""
    fewest = needed(max_error, assurance) or MOST_NEEDED
    found = [(int(k), int(e)) for k, e in zip(*counts, strict=True)]
    bounds = [upper_bound(e, k, assurance) for k, e in found[first:]]
    untuned = _untuned(decisions)
    enough = found[untuned][0] >= fewest
    nearest = first + int(np.argmin(bounds)) if enough else untuned
    return Shortfall(
        max_error=max_error,
        assurance=assurance,
        units=decisions.units,
        decisions=found[untuned][0],
        fewest=fewest,
        threshold=GRID[nearest] if enough else None,
        accepted=found[nearest][0],
        errors=found[nearest][1],
        in_sources=decisions.in_sources,
        counts=tuple(found),
    )


def _counts(decisions: LabelDecisions) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """For each threshold of the grid, how many units have an accepted decision, and how many of these are wrong."""
    rows = np.flatnonzero(decisions.speaks)
    if decisions.lots is None and decisions.in_sources:
        raise UsageError(
            f"{decisions.key}: there are no lots by which one picture of a source could be drawn",
            hint="give the digests of the pictures",
        )
    lots = decisions.sources if decisions.lots is None else decisions.lots
    # By lot, the same for all thresholds: of each source the first accepted picture in this order counts. Copies draw
    # the same lot; among them what is wrong comes first.
    keys = (decisions.holds, decisions.confidence, lots, decisions.sources)
    rows = rows[np.lexsort([key[rows] for key in keys])]
    confidence, wrong = decisions.confidence[rows], ~decisions.holds[rows]
    before = _highest_before(confidence, decisions.sources[rows])
    # It is the first for the thresholds above all that come before it in its source, up to its own confidence.
    drawn = confidence > before
    confidence, before, wrong = confidence[drawn], before[drawn], wrong[drawn]

    def reaching(some: NDArray[np.bool_]) -> NDArray[np.int64]:
        at_or_above, above_before = (
            np.searchsorted(np.sort(-values[some]), -np.array(GRID), side="right") for values in (confidence, before)
        )
        return (at_or_above - above_before).astype(np.int64)

    return reaching(np.ones(len(wrong), bool)), reaching(wrong)


def _highest_before(confidence: NDArray[np.float64], sources: NDArray[np.int64]) -> NDArray[np.float64]:
    """The highest confidence that comes before each one in its source; -1 where none does.

    Args:
        confidence: ``(N,)``.
        sources: int ``(N,)``, sorted.
    """
    found = np.full(len(confidence), -1.0)
    if len(confidence) < 2:
        return found
    levels, rank = np.unique(confidence, return_inverse=True)
    # Whole numbers that grow from source to source: a maximum so far is then one within the source.
    highest = np.maximum.accumulate(sources * (len(levels) + 1) + rank)[:-1] - sources[1:] * (len(levels) + 1)
    found[1:] = np.where(highest >= 0, levels[np.maximum(highest, 0)], -1.0)
    return found

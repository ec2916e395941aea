"""How often a model is right on parts of the pictures: of one source, small or large ones, dark or bright ones."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from decisight.evaluation.estimates import proportion
from decisight.evaluation.figures import Estimate
from decisight.evaluation.metrics import Floats
from decisight.evaluation.report.answers import GroupAnswers
from decisight.models.card import UNFAMILIAR

__all__ = ["MOST_SOURCES", "Slice", "Slicing", "by_familiarity", "by_source", "by_thirds"]

MOST_SOURCES = 100
"""At most how many sources are listed: those found worst."""

_SHOWN_SOURCES = 12
"""At most how many sources are seen at once: those with mistakes, the worst first."""


@dataclass(frozen=True, slots=True)
class Slice:
    """Some of the pictures.

    Args:
        name: what they have in common.
        pictures: how many they are.
        right: how many of them were judged rightly.
        accuracy: ``right / pictures``.
    """

    name: str
    pictures: int
    right: int
    accuracy: Estimate

    def to_json(self) -> dict[str, Any]:
        """``name``, ``pictures``, ``right`` and ``accuracy``."""
        return {
            "name": self.name,
            "pictures": self.pictures,
            "right": self.right,
            "accuracy": self.accuracy.to_json(),
        }


@dataclass(frozen=True, slots=True)
class Slicing:
    """The pictures of a group in slices.

    Args:
        kind: ``source``, ``size``, ``brightness`` or ``familiarity``.
        slices: sources from the worst on, others in the order of what was measured.
        sentence: what it shows, in plain words.
        shown: how many of the slices are seen at once; the others are folded.
        folded: what is said of those that are not seen at once.
        left_out: how many further slices there are.
    """

    kind: str
    slices: tuple[Slice, ...]
    sentence: str
    shown: int
    folded: str = ""
    left_out: int = 0


def by_source(answers: GroupAnswers, *, most: int = MOST_SOURCES) -> Slicing | None:
    """The sources, those first of which it is surest that the model is bad on them.

    That is, by the upper end of the interval: one wrong picture of one says less than nine wrong ones of twelve.

    Args:
        answers: of a group.
        most: at most how many sources.

    Returns:
        ``None`` where no two pictures have one source.
    """
    rows: defaultdict[str, list[int]] = defaultdict(list)
    for row, source in enumerate(answers.sources):
        if source is not None:
            rows[source].append(row)
    if not rows or max(map(len, rows.values())) < 2:
        return None
    right = answers.right
    slices = sorted(
        (_slice(source, right[own], None) for source, own in rows.items()),
        key=lambda one: (one.accuracy.high, one.accuracy.value, -one.pictures, one.name),
    )
    flawless = sum(one.right == one.pictures for one in slices)
    alone = answers.sources.count(None)
    sentence = f"On {flawless} of {len(slices)} sources every picture is right."
    if flawless < len(slices):
        wrong = sorted((one.pictures - one.right for one in slices), reverse=True)
        tenth = max(1, round(len(slices) / 10))
        mistakes = f"{sum(wrong)} mistake{'s' if sum(wrong) != 1 else ''}"
        if tenth < len(slices) - flawless:
            sentence += f" The {tenth} with the most mistakes have {sum(wrong[:tenth])} of all {mistakes}."
        else:
            sentence += f" The others have {mistakes}."
    if alone:
        sentence += f" {alone} pictures have no source and are not listed."
    listed = slices[:most]
    shown = min(len(slices) - flawless, _SHOWN_SOURCES)
    folded = _folded(len(slices) - flawless - shown, flawless)
    return Slicing("source", tuple(listed), sentence, min(shown, most), folded, len(slices) - len(listed))


def _folded(wrong: int, flawless: int) -> str:
    """So many further sources with mistakes, and so many without."""
    with_mistakes = f"{wrong} more with mistakes" if wrong else ""
    right = f"{flawless} source{'s' if flawless != 1 else ''} where every picture is right" if flawless else ""
    return " and ".join(filter(None, (with_mistakes, right)))


def by_thirds(
    answers: GroupAnswers, measured: Floats, kind: str, words: tuple[str, str, str], said: Callable[[float], str]
) -> Slicing | None:
    """Thirds of the pictures by something measured of each.

    Args:
        answers: of a group.
        measured: ``(N,)``; NaN where it is not known.
        kind: what was measured.
        words: what the lowest, middle and highest third are called.
        said: a measure in words.

    Returns:
        ``None`` where it is known of fewer than three pictures; fewer slices where many have the same measure.
    """
    known = ~np.isnan(measured)
    if known.sum() < 3:
        return None
    values = measured[known]
    if values.min() == values.max():
        return Slicing(kind, (), f"All pictures have the same: {said(float(values[0]))}.", 0)
    edges = np.quantile(values, [1 / 3, 2 / 3], method="inverted_cdf")
    third = np.where(known, np.searchsorted(edges, measured, side="left"), -1)
    right, clusters = answers.right, answers.clusters
    slices = []
    for at, word in enumerate(words):
        chosen = third == at
        if chosen.any():
            low, high = (said(float(end)) for end in (measured[chosen].min(), measured[chosen].max()))
            span = low if low == high else f"{low} to {high}"
            slices.append(_slice(f"{word}: {span}", right[chosen], None if clusters is None else clusters[chosen]))
    return Slicing(kind, tuple(slices), _compared(slices), len(slices))


def by_familiarity(answers: GroupAnswers, familiarity: Floats, low: float = UNFAMILIAR) -> Slicing | None:
    """The pictures that are like those learnt from, and those that are not.

    Args:
        answers: of a group.
        familiarity: ``(N,)``; NaN where the model does not say.
        low: below which a picture is called unfamiliar, 0..1: so large a share of familiar ones is too.

    Returns:
        ``None`` where it says it of none.
    """
    known = ~np.isnan(familiarity)
    if not known.any():
        return None
    right, clusters = answers.right, answers.clusters
    parts: Sequence[tuple[str, NDArray[np.bool_]]] = (
        (f"unfamiliar: below {low:.3g}", familiarity < low),
        (f"somewhat: {low:.3g} to 0.5", (familiarity >= low) & (familiarity < 0.5)),
        ("familiar: 0.5 and more", familiarity >= max(low, 0.5)),
    )
    slices = [
        _slice(name, right[chosen], None if clusters is None else clusters[chosen])
        for name, chosen in parts
        if chosen.any()
    ]
    share = float((familiarity[known] < low).mean())
    more = (
        "more than that: many of these pictures are unlike those that the model has learnt from."
        if share > 2 * low
        else "about that, or less."
    )
    return Slicing(
        "familiarity",
        tuple(slices),
        f"{100 * share:.1f} % of the pictures are unfamiliar. Of pictures like those that the model has learnt from, "
        f"{100 * low:.0f} % would be; here it is {more} {_compared(slices)}",
        len(slices),
    )


def _slice(name: str, right: NDArray[np.bool_], clusters: NDArray[np.int64] | None) -> Slice:
    return Slice(name, len(right), int(right.sum()), proportion(right, clusters))


def _compared(slices: Sequence[Slice]) -> str:
    """Whether the worst slice is clearly worse than the best one: their intervals do not overlap."""
    if len(slices) < 2:
        return "All pictures are of one kind here."
    worst, best = (choose(slices, key=lambda one: one.accuracy.value) for choose in (min, max))
    if worst.accuracy.high < best.accuracy.low:
        return (
            f"It is clearly less often right on '{worst.name}' ({worst.accuracy.value:.3f}) than on '{best.name}' "
            f"({best.accuracy.value:.3f}): the intervals do not overlap."
        )
    return "No difference is clear at this rough look: the intervals overlap."

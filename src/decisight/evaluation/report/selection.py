"""Which pictures a report shows, where it cannot show all: mistakes first, then some of what is right of every kind."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, zip_longest
from typing import TypeVar

import numpy as np

from decisight.evaluation.report.answers import GroupAnswers, Mistake

__all__ = ["GALLERY", "MOST_SHOWN", "Selection", "select"]

T = TypeVar("T")

GALLERY = 120
"""At most how many mistakes the galleries of all groups show together, each with where the model looked."""

_OF_A_GROUP = 48
"""At most how many of them are of one group."""

MOST_SHOWN = 1600
"""At most how many pictures a page holds: about 12 MB, and what a browser scrolls with ease."""


@dataclass(frozen=True, slots=True)
class Selection:
    """What a report shows.

    Args:
        gallery: one tuple a group, its most confident mistakes first.
        pictures: numbers of pictures, those that matter most first, each once; the gallery's are among them.
    """

    gallery: tuple[tuple[Mistake, ...], ...]
    pictures: tuple[int, ...]


def select(groups: Sequence[GroupAnswers], *, most: int = MOST_SHOWN, gallery: int = GALLERY) -> Selection:
    """Choose what a report shows.

    The galleries' mistakes come first, then all other mistakes, the most confident first, then pictures that were
    judged rightly: of each cell of the confusion matrices in turn, by a fixed shuffle.

    Args:
        groups: what became of the pictures.
        most: at most how many pictures.
        gallery: at most how many mistakes in the galleries of all groups.
    """
    mistakes = [group.mistakes() for group in groups]
    each = min(_OF_A_GROUP, gallery // max(1, len(groups)))
    shown = tuple(tuple(own[:each]) for own in mistakes)
    wrong = (mistake.picture for own in (*shown, *mistakes) for mistake in own)
    first = _in_turn([mistake.picture for mistake in own] for own in shown)
    rest = _in_turn([mistake.picture for mistake in own] for own in mistakes)
    right = _in_turn(chain.from_iterable(_right_by_cell(group) for group in groups))
    ordered = dict.fromkeys(chain(first, rest, wrong, right))
    return Selection(shown, tuple(list(ordered)[:most]))


def _in_turn(lists: Iterable[Iterable[T]]) -> Iterator[T]:
    """The first of each, then the second of each, and so on."""
    absent = object()
    for several in zip_longest(*lists, fillvalue=absent):
        yield from (one for one in several if one is not absent)  # type: ignore[misc]


def _right_by_cell(group: GroupAnswers) -> list[deque[int]]:
    """Pictures of each label that holds and was answered, shuffled."""
    cells: defaultdict[int, deque[int]] = defaultdict(deque)
    shuffled = np.random.default_rng(0).permutation(len(group))
    both = group.held & group.said
    for row in shuffled:
        for label in np.flatnonzero(both[row]):
            cells[int(label)].append(int(group.pictures[row]))
    # Pictures without any label, rightly so, have no cell of their own, and come last.
    without = [int(group.pictures[row]) for row in shuffled if group.right[row] and not both[row].any()]
    return [*(cells[label] for label in sorted(cells)), deque(without)]

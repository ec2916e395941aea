"""Whether there is enough in a dataset to learn from, and whether it keeps its sources apart."""

from __future__ import annotations

from collections import defaultdict

from decisight.data.dataset import Dataset
from decisight.errors import DataError
from decisight.imaging import printable

__all__ = ["check_trainable", "spread_sources"]

_HINT = "each label needs at least 2 pictures in the training part, better 30 and more"


def check_trainable(dataset: Dataset, *, fewest: int = 2) -> tuple[str, ...]:
    """Raise unless every exclusive group has examples of each of its labels to learn from.

    An independent group may have rare labels, since the others are learnt all the same: they are told.

    Args:
        dataset: the examples that will be learnt from, and no others; those whose picture cannot be read left out.
        fewest: pictures that each label needs (and, for a label of an independent group, pictures without it).

    Returns:
        A note on each independent group with labels that have too little to be learnt.

    Raises:
        DataError: a label of an exclusive group, or every label of an independent one, has fewer; names all of them,
            with their counts.
    """
    notes = []
    for group in dataset.task.groups:
        counts = dataset.counts(group)
        known = sum(e.targets[dataset.task.groups.index(group)] is not None for e in dataset.examples)
        most = known if group.exclusive else known - fewest
        scarce = [label for label in group.labels if not fewest <= counts[label] <= most]
        named = ", ".join(f"{label!r} ({counts[label]} of {known})" for label in scarce[:20])
        named += " ..." if len(scarce) > 20 else ""
        if scarce and (group.exclusive or len(scarce) == len(group.labels)):
            raise DataError(
                f"{printable(dataset.root)}: the group {group.name!r} has labels with too few pictures to learn from: "
                f"{named}",
                hint=_HINT if group.exclusive else f"{_HINT}, and pictures without it ('-' where none of them holds)",
            )
        if scarce:
            notes.append(f"group {group.name!r} has labels with too few pictures to be learnt: {named}")
    return tuple(notes)


def spread_sources(dataset: Dataset) -> tuple[str, ...]:
    """The sources that have pictures in more than one split, sorted: what was learnt leaks into what is tested."""
    splits: dict[str, set[str | None]] = defaultdict(set)
    for example in dataset.examples:
        if example.source is not None:
            splits[example.source].add(example.split)
    return tuple(sorted(source for source, found in splits.items() if len(found) > 1))

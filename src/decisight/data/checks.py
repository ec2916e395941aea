"""Whether a dataset has enough to learn from, does not contradict itself, and keeps its sources apart."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Hashable, Iterator, Sequence

from decisight.data.dataset import Dataset, Example
from decisight.errors import DataError
from decisight.imaging import printable
from decisight.types import LabelGroup, written

__all__ = ["check_same_files", "check_trainable", "contradict", "contradictions", "found_elsewhere", "spread_sources"]

_HINT = "each label needs at least 2 pictures in the training part, better 30 and more"


_MOST_NAMED = 20


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
        named = ", ".join(f"{label!r} ({counts[label]} of {known})" for label in scarce[:_MOST_NAMED])
        named += " ..." if len(scarce) > _MOST_NAMED else ""
        if scarce and (group.exclusive or len(scarce) == len(group.labels)):
            raise DataError(
                f"{printable(dataset.root)}: the group {group.name!r} has labels with too few pictures to learn from: "
                f"{named}",
                hint=_HINT if group.exclusive else f"{_HINT}, and pictures without it ('-' where none of them holds)",
            )
        if scarce:
            notes.append(f"group {group.name!r} has labels with too few pictures to be learnt: {named}")
    return tuple(notes)


def found_elsewhere(label: str, group: LabelGroup, part: Dataset, whole: Dataset) -> str:
    """In which other splits a label occurs that has too little in the part to learn from, in words.

    Args:
        label: of the group.
        group: of the task of both.
        part: what is learnt from.
        whole: the data as they were given, with all splits.

    Returns:
        For example ``4 in the test part``; empty where it occurs in no other split.
    """
    held = {split: whole.only(split).counts(group)[label] for split in whole.splits if split not in part.splits}
    return " and ".join(f"{count} in the {split} part" for split, count in held.items() if count)


def check_same_files(dataset: Dataset) -> None:
    """Refuse a file that stands in the dataset under two names with different labels, for example through a link.

    Raises:
        DataError: there is one; names both.
    """
    files = [_file_of(example) for example in dataset.examples]
    for group, one, other in _contradicting(dataset, files):
        raise DataError(
            f"{printable(dataset.root)}: two names lead to one file, and say different things of it in the group "
            f"{group.name!r}: {_told(one, group, dataset)}, and {_told(other, group, dataset)}",
            hint="keep the one that is right: one of them is a link",
        )


def contradict(one: Example, other: Example) -> bool:
    """Whether two pictures are labelled differently: in a group of which both say something."""
    targets = zip(one.targets, other.targets, strict=True)
    return any(mine is not None and theirs is not None and mine != theirs for mine, theirs in targets)


def contradictions(dataset: Dataset, digests: Sequence[Hashable]) -> tuple[str, ...]:
    """Pictures of the same content that have different labels: at least one is wrong, and nothing can learn both.

    Args:
        dataset: the examples whose contents are known.
        digests: one an example, in their order; equal where the contents are. Regions of a picture are told apart.

    Returns:
        A note on each, at most 20 and one on how many more there are; empty where there is none.

    Example:
        >>> from pathlib import Path
        >>> from decisight.types import LabelGroup, Task
        >>> pair = Example(Path("a.jpg"), ("vest",)), Example(Path("b.jpg"), ("no_vest",))
        >>> task = Task((LabelGroup("class", ("no_vest", "vest")),))
        >>> contradictions(Dataset(Path("photos"), task, pair), ["d1", "d1"])
        ('same picture, two labels: a.jpg (vest), b.jpg (no_vest)',)
    """
    notes = [
        f"same picture, two labels: {_told(one, group, dataset)}, {_told(other, group, dataset)}"
        for group, one, other in _contradicting(dataset, digests)
    ]
    if len(notes) > _MOST_NAMED:
        notes[_MOST_NAMED:] = [f"same picture, two labels: {len(notes) - _MOST_NAMED} more such pairs"]
    return tuple(notes)


def _contradicting(
    dataset: Dataset, identities: Sequence[Hashable | None]
) -> Iterator[tuple[LabelGroup, Example, Example]]:
    """The first of what is one picture, with each that is labelled otherwise; ``None`` is never the same."""
    first: dict[Hashable, Example] = {}
    for example, identity in zip(dataset.examples, identities, strict=True):
        if identity is None:
            continue
        region = None if example.region is None else example.region.text
        for at, group in enumerate(dataset.task.groups):
            if example.targets[at] is None:
                continue
            known = first.setdefault((identity, region, group.name), example)
            if known.targets[at] != example.targets[at]:
                yield group, known, example


def _file_of(example: Example) -> tuple[int, int] | None:
    """What tells a file from all others, whatever its name; ``None`` where that cannot be known."""
    if example.stored is not None:
        return None
    try:
        found = os.stat(example.path)
    except (OSError, ValueError):
        return None
    return (found.st_dev, found.st_ino) if found.st_ino else None


def _told(example: Example, group: LabelGroup, dataset: Dataset) -> str:
    """An example as a message names it: below the dataset's folder where it lies there, with its label."""
    path = example.path
    if path.is_relative_to(dataset.root):
        path = path.relative_to(dataset.root)
    return f"{printable(path)} ({written(example.targets[dataset.task.groups.index(group)])})"


def spread_sources(dataset: Dataset) -> tuple[str, ...]:
    """The sources that have pictures in more than one split, sorted: what was learnt leaks into what is tested."""
    splits: dict[str, set[str | None]] = defaultdict(set)
    for example in dataset.examples:
        if example.source is not None:
            splits[example.source].add(example.split)
    return tuple(sorted(source for source, found in splits.items() if len(found) > 1))

"""What can be learnt of labelled pictures, so that each is judged by a model that has learnt from others."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace

from decisight.data.dataset import Dataset
from decisight.types import LabelGroup, Target, Task

__all__ = ["learnable", "tied"]

_FEWEST = 2
"""Sources of a label without which nothing can be said of it."""


def tied(dataset: Dataset, kin: Sequence[Sequence[int]]) -> Dataset:
    """The same with sources that hold together what hangs together: by source, by copies, by being of one picture.

    Args:
        dataset: the pictures.
        kin: copies, by their numbers.
    """
    root = list(range(len(dataset)))

    def find(at: int) -> int:
        while root[at] != at:
            root[at] = at = root[root[at]]
        return at

    ties: list[Sequence[int]] = list(kin)
    by_name: dict[tuple[str, object], list[int]] = defaultdict(list)
    for at, example in enumerate(dataset.examples):
        if example.source is not None:
            by_name["source", example.source].append(at)
        if example.region is not None:
            by_name["picture", example.path].append(at)
    ties.extend(by_name.values())
    for group in ties:
        for other in group[1:]:
            root[find(other)] = find(group[0])
    sizes = Counter(find(at) for at in range(len(dataset)))
    return replace(
        dataset,
        examples=tuple(
            replace(example, source=f"#{find(at)}" if sizes[find(at)] > 1 else None)
            for at, example in enumerate(dataset.examples)
        ),
    )


def learnable(dataset: Dataset) -> tuple[Dataset | None, list[str]]:
    """The pictures with their targets in groups and labels that can be learnt; ``None`` where there is none.

    Args:
        dataset: the pictures, with sources.

    Returns:
        The pictures, in the same order, with the groups that are left; and notes on what is not.
    """
    notes: list[str] = []
    kept: list[tuple[int, LabelGroup]] = []
    for at, group in enumerate(dataset.task.groups):
        sources: dict[str, set[str]] = {label: set() for label in group.labels}
        lacking: dict[str, set[str]] = {label: set() for label in group.labels}
        for number, example in enumerate(dataset.examples):
            target = example.targets[at]
            if target is None:
                continue
            held = {target} if isinstance(target, str) else target
            for label in group.labels:
                (sources if label in held else lacking)[label].add(example.source or f"alone {number}")
        labels = [
            label
            for label in group.labels
            if len(sources[label]) >= _FEWEST and (group.exclusive or len(lacking[label]) >= _FEWEST)
        ]
        left = [label for label in group.labels if label not in labels]
        if len(labels) < (2 if group.exclusive else 1):
            notes.append(f"labels of {group.name!r} were not checked: too few of them have pictures of two sources")
            continue
        if left:
            notes.append(
                f"not checked for wrong labels, having pictures of fewer than {_FEWEST} sources: {', '.join(left)} "
                f"({group.name})"
            )
        kept.append((at, LabelGroup(group.name, tuple(labels), group.kind)))
    if not kept:
        return None, notes
    task = Task(tuple(group for _, group in kept))
    examples = tuple(
        replace(example, targets=tuple(_within(example.targets[at], group) for at, group in kept))
        for example in dataset.examples
    )
    return replace(dataset, task=task, examples=examples), notes


def _within(target: Target, group: LabelGroup) -> Target:
    """A target among the labels that are left."""
    if target is None or isinstance(target, str):
        return target if target in group.labels else None
    return target & set(group.labels)

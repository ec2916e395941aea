"""What the numbers of pictures say: labels that cannot be learnt, are rare, or not tested; sources on both sides."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from decisight.auditing.findings import Finding
from decisight.data.checks import spread_sources
from decisight.data.dataset import Dataset
from decisight.types import LabelGroup

__all__ = ["label_findings", "source_findings"]

_LEARNABLE = 2
"""Fewer pictures of a label than this and training refuses it."""
_ENOUGH = 30
"""From so many on a label is learnt fairly, and how well can be measured within about 10 %."""
_UNEVEN = 10.0
"""So many times as frequent as another."""
_RARE = 0.05
"""A label of an independent group is rare, or its absence, below this share."""


def label_findings(dataset: Dataset) -> Iterator[Finding]:
    """Labels with too few pictures, with few, absent from a split, and of very different frequency.

    Args:
        dataset: the pictures that can be read.
    """
    part = dataset.only("train") if "train" in dataset.splits else dataset
    others = [split for split in dataset.splits if split != "train"]
    for group in dataset.task.groups:
        counts, known = part.counts(group), _known(part, group)
        within = " to learn from" if part is not dataset else ""
        kind = "not_learnt" if _some_are_learnt(group, counts, known) else "too_few"
        for label in group.labels:
            count = counts[label]
            lacking = known - count
            details = {"label": label, "pictures": count}
            named = f"{label!r} ({group.name})"
            if count < _LEARNABLE:
                yield Finding(kind, f"{named}: {_pictures(count)}{within}", (), group.name, details)
            elif not group.exclusive and lacking < _LEARNABLE:
                text = f"{named}: {_pictures(lacking)} without it{within}"
                yield Finding(kind, text, (), group.name, details)
            elif count < _ENOUGH:
                yield Finding("scarce", f"{named}: {_pictures(count)}{within}", (), group.name, details)
            for split in others:
                held = dataset.only(split)
                if not held.counts(group)[label] and _known(held, group):
                    text = f"{named}: no picture in the {split} part"
                    yield Finding("untested", text, (), group.name, {"label": label, "split": split})
        yield from _uneven(group, counts, known)


def _some_are_learnt(group: LabelGroup, counts: dict[str, int], known: int) -> bool:
    """Whether a label that cannot be learnt leaves others of its group to be learnt: then training goes on."""
    return not group.exclusive and any(_LEARNABLE <= counts[label] <= known - _LEARNABLE for label in group.labels)


def _uneven(group: LabelGroup, counts: dict[str, int], known: int) -> Iterator[Finding]:
    if not known:
        return
    if group.exclusive:
        most, fewest = max(group.labels, key=counts.__getitem__), min(group.labels, key=counts.__getitem__)
        if counts[fewest] and counts[most] >= _UNEVEN * counts[fewest]:
            text = (
                f"{group.name}: {most!r} has {_pictures(counts[most])}, {fewest!r} {counts[fewest]}; whoever always "
                f"says {most!r} is right in {counts[most] / known:.0%}"
            )
            yield Finding(
                "imbalance", text, (), group.name, {"labels": {label: counts[label] for label in group.labels}}
            )
        return
    for label in group.labels:
        share = counts[label] / known
        if _LEARNABLE <= counts[label] <= known - _LEARNABLE and not _RARE <= share <= 1.0 - _RARE:
            text = f"{label!r} ({group.name}) holds in {counts[label]} of {known} pictures"
            yield Finding("imbalance", text, (), group.name, {"label": label, "share": round(share, 4)})


def source_findings(dataset: Dataset) -> Iterator[Finding]:
    """One for each source that has pictures in more than one split."""
    spread = set(spread_sources(dataset))
    members: dict[str, list[int]] = defaultdict(list)
    for at, example in enumerate(dataset.examples):
        if example.source in spread:
            members[example.source].append(at)
    for source, found in sorted(members.items()):
        splits = [dataset.examples[at].split for at in found]
        counted = {split: splits.count(split) for split in dataset.splits if split in splits}
        told = ", ".join(f"{count} in {split}" for split, count in counted.items())
        yield Finding(
            "source_across_splits", f"{source}: {told}", tuple(found), details={"source": source, "splits": counted}
        )


def _known(part: Dataset, group: LabelGroup) -> int:
    at = part.task.groups.index(group)
    return sum(example.targets[at] is not None for example in part.examples)


def _pictures(count: int) -> str:
    return f"{count} picture{'' if count == 1 else 's'}"

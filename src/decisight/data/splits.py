"""Divide a dataset that has no splits, so that adding a picture never moves another."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass, replace

from decisight.data.dataset import Dataset, Example, Skipped
from decisight.errors import DataError, ImageError, UsageError
from decisight.imaging import content_digest, printable

__all__ = ["LabelShare", "SplitReport", "assign_splits", "split_of"]


@dataclass(frozen=True, slots=True)
class LabelShare:
    """How many of a label's pictures came into a split.

    Args:
        group: the label group.
        label: the label.
        split: ``train``, ``val`` or ``test``.
        wanted: the number that its share asked for; rarely whole.
        got: the number that it got.
        pictures: of this label, in all splits.
    """

    group: str
    label: str
    split: str
    wanted: float
    got: int
    pictures: int


@dataclass(frozen=True, slots=True)
class SplitReport:
    """How a dataset was divided, and how far that is off what was asked for.

    Args:
        counts: pictures in each split.
        units: sources, and pictures without one, in each split: what was dealt out as a whole.
        shares: one for every label and split.
    """

    counts: dict[str, int]
    units: dict[str, int]
    shares: tuple[LabelShare, ...]

    @property
    def missing(self) -> tuple[LabelShare, ...]:
        """The labels that got no picture in a split that should have had some."""
        return tuple(share for share in self.shares if share.wanted > 0 and share.got == 0)


def split_of(unit: str, *, test: float = 0.2, val: float = 0.0, seed: int = 0) -> str:
    """The split of one unit, from a hash of its name and nothing else.

    Args:
        unit: what is dealt out as a whole: ``source:`` and a source, or ``content:`` and a digest.
        test: the share of units that comes into ``test``, 0..1.
        val: likewise for ``val``.
        seed: another seed divides otherwise.
    """
    digest = hashlib.sha256(f"{seed}\0{unit}".encode("utf-8", "surrogateescape")).digest()
    at = int.from_bytes(digest[:8]) / 2**64
    return "test" if at < test else "val" if at < test + val else "train"


def assign_splits(
    dataset: Dataset, *, test: float = 0.2, val: float = 0.0, seed: int = 0
) -> tuple[Dataset, SplitReport]:
    """Divide a dataset into train, val and test.

    Each source comes into a split as a whole; where a picture has none, its content decides, so that copies of it
    stay together. The threshold on the hash is the same for all labels and does not depend on how many pictures
    there are: only so does a picture keep its place when others are added or removed. The price is that small
    classes miss their share by chance; the report says by how much.

    Args:
        dataset: without splits.
        test: the share that comes into ``test``, 0..1.
        val: the share that comes into ``val``; together below 1.
        seed: another seed divides otherwise.

    Returns:
        The dataset with a split for every example, those whose file cannot be read moved to ``skipped``; and the
        report.

    Raises:
        UsageError: the shares are not possible, or the dataset has splits already.
        DataError: no picture could be read, or a split that was asked for got none.
    """
    if not (test >= 0 and val >= 0 and test + val < 1):
        raise UsageError(
            f"shares of {test:g} for test and {val:g} for val are not possible",
            hint="each lies between 0 and 1, and together they leave something for training",
        )
    if dataset.splits:
        raise UsageError(f"{printable(dataset.root)} is divided already: {', '.join(dataset.splits)}")
    examples: list[Example] = []
    units: dict[str, str] = {}
    skipped = list(dataset.skipped)
    for example in dataset.examples:
        try:
            unit = _unit(example)
        except ImageError as error:
            skipped.append(Skipped(example.path, error.message))
            continue
        units[unit] = split_of(unit, test=test, val=val, seed=seed)
        examples.append(replace(example, split=units[unit]))
    divided = replace(dataset, examples=tuple(examples), skipped=tuple(skipped))
    shares = {"train": 1 - test - val, "val": val, "test": test}
    asked = {split: share for split, share in shares.items() if share > 0}
    for split in asked:
        if not divided.only(split).examples:
            raise DataError(
                f"{printable(dataset.root)}: dividing {len(examples)} pictures of {len(units)} sources "
                f"leaves none for {split}",
                hint="add pictures of more sources, ask for a larger share, or take another seed",
            )
    return divided, _report(divided, units, asked)


def _unit(example: Example) -> str:
    if example.source is not None:
        return f"source:{example.source}"
    return f"content:{content_digest(example.read())}"


def _report(dataset: Dataset, units: dict[str, str], asked: dict[str, float]) -> SplitReport:
    parts = {split: dataset.only(split) for split in asked}
    shares: list[LabelShare] = []
    for group in dataset.task.groups:
        all_counts = dataset.counts(group)
        got = {split: part.counts(group) for split, part in parts.items()}
        shares.extend(
            LabelShare(group.name, label, split, share * all_counts[label], got[split][label], all_counts[label])
            for label in group.labels
            for split, share in asked.items()
        )
    unit_counts = Counter(units.values())
    return SplitReport(
        {split: len(part) for split, part in parts.items()},
        {split: unit_counts[split] for split in parts},
        tuple(shares),
    )

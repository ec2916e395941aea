"""What it means that a picture is there twice: harmless, flattering, or a contradiction."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from decisight.auditing.findings import Finding
from decisight.auditing.looks import Look, Unreadable
from decisight.data.dataset import Dataset
from decisight.data.duplicates import Copies, find_copies
from decisight.types import Target

__all__ = ["copies_among", "copy_findings", "written"]


def copies_among(dataset: Dataset, looks: Sequence[Look | Unreadable]) -> Copies:
    """The copies among the pictures that could be read, by their numbers in the dataset."""
    rows = [(at, look) for at, look in enumerate(looks) if isinstance(look, Look)]
    found = find_copies(
        [look.digest for _, look in rows],
        [look.sketch for _, look in rows],
        [dataset.examples[at].path for at, _ in rows],
    )
    number = [at for at, _ in rows]
    return Copies(
        tuple(tuple(number[row] for row in group) for group in found.same),
        tuple((number[one], number[other]) for one, other in found.near),
    )


def copy_findings(dataset: Dataset, copies: Copies) -> Iterator[Finding]:
    """One for each copy: labelled otherwise, in another split, or neither."""
    for one, other, same in copies.pairs():
        first, second = dataset.examples[one], dataset.examples[other]
        told = "the very same file" if same else "the same photo, saved again or cropped"
        details = {"same_content": same}
        pair = (one, other)
        odd = [
            (group.name, mine, theirs)
            for group, mine, theirs in zip(dataset.task.groups, first.targets, second.targets, strict=True)
            if mine is not None and theirs is not None and mine != theirs
        ]
        for name, mine, theirs in odd:
            labels = {"labels": [written(mine), written(theirs)]}
            text = f"{told}: once {written(mine)!r}, once {written(theirs)!r}"
            yield Finding("copy_labelled_differently", text, pair, name, details | labels)
        if first.split != second.split:
            splits = {"splits": [first.split, second.split]}
            text = f"{told}: in {first.split} and in {second.split}"
            yield Finding("copy_across_splits", text, pair, details=details | splits)
        elif not odd:
            yield Finding("copy", told, pair, details=details)


def written(target: Target) -> str:
    """What is true of a picture, as a table has it: ``a``, ``a|b``, ``-`` for none of them, nothing where not known."""
    if target is None:
        return ""
    return target if isinstance(target, str) else "|".join(sorted(target)) or "-"

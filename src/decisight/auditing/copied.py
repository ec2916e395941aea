"""What it means that a picture is there twice: harmless, flattering, or a contradiction."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from decisight.auditing.findings import Finding
from decisight.auditing.looks import Look, Unreadable
from decisight.data.checks import contradict
from decisight.data.dataset import Dataset
from decisight.data.duplicates import Copies, find_copies
from decisight.data.looking import CopyJudge, Verdicts
from decisight.types import written

__all__ = ["copies_among", "copy_findings"]

Progress = Callable[[str, int, int], None]
Pairs = tuple[tuple[int, int], ...]


def copies_among(
    dataset: Dataset,
    looks: Sequence[Look | Unreadable],
    *,
    among: Sequence[int] | None = None,
    threads: int = 1,
    kept: Verdicts | None = None,
    progress: Progress | None = None,
) -> tuple[Copies, Pairs]:
    """The copies among the pictures that could be read, by their numbers in the dataset.

    Args:
        dataset: the pictures.
        looks: one a picture.
        among: the numbers of those to look at; by default all.
        threads: how many pairs are compared at once.
        kept: where verdicts are kept from run to run.
        progress: told after every few pairs.

    Returns:
        The copies; and pairs that look the same too but are labelled differently, and so are not taken for copies.
    """
    numbers = range(len(looks)) if among is None else among
    rows = [(at, look) for at in numbers if isinstance(look := looks[at], Look)]
    number = [at for at, _ in rows]
    examples, digests = [dataset.examples[at] for at in number], [look.digest for _, look in rows]
    judge = CopyJudge(examples, digests, threads=threads, kept=kept, progress=progress)
    found = find_copies(
        digests, [look.sketch for _, look in rows], [example.path for example in examples], confirm=judge
    )
    agreeing, alike = found.parted(lambda one, other: contradict(examples[one], examples[other]))
    copies = Copies(
        tuple(tuple(number[row] for row in group) for group in agreeing.same), _numbered(agreeing.near, number)
    )
    return copies, _numbered(alike, number)


def _numbered(pairs: Sequence[tuple[int, int]], number: Sequence[int]) -> Pairs:
    return tuple((number[one], number[other]) for one, other in pairs)


def copy_findings(dataset: Dataset, copies: Copies, alike: Pairs) -> Iterator[Finding]:
    """One for each copy: labelled otherwise, in another split, or neither; and for each pair that only looks the same.

    Args:
        dataset: the pictures.
        copies: among them.
        alike: pairs that look the same and are labelled differently.
    """
    odd: set[tuple[int, int]] = set()
    for members in copies.same:
        for finding in _contradictions(dataset, members):
            odd.add((members[0], finding.examples[1]))
            yield finding
    for one, other, same in copies.pairs():
        first, second = dataset.examples[one], dataset.examples[other]
        told = "the very same file" if same else "the same photo, saved again or cropped"
        details = {"same_content": same}
        if first.split != second.split:
            splits = {"splits": [first.split, second.split]}
            text = f"{told}: in {first.split} and in {second.split}"
            yield Finding("copy_across_splits", text, (one, other), details=details | splits)
        elif (one, other) not in odd:
            yield Finding("copy", told, (one, other), details=details)
    for one, other in alike:
        for at, group in enumerate(dataset.task.groups):
            mine, theirs = dataset.examples[one].targets[at], dataset.examples[other].targets[at]
            if mine is not None and theirs is not None and mine != theirs:
                labels = [written(mine), written(theirs)]
                text = f"nothing was seen that tells them apart: one {labels[0]!r}, the other {labels[1]!r}"
                yield Finding("alike_labelled_differently", text, (one, other), group.name, {"labels": labels})


def _contradictions(dataset: Dataset, members: Sequence[int]) -> Iterator[Finding]:
    """Each that is labelled otherwise than the first of its content of which the label is known."""
    for at, group in enumerate(dataset.task.groups):
        known = [member for member in members if dataset.examples[member].targets[at] is not None]
        for other in known[1:]:
            mine, theirs = dataset.examples[known[0]].targets[at], dataset.examples[other].targets[at]
            if mine != theirs:
                labels = [written(mine), written(theirs)]
                text = f"the very same file: once {labels[0]!r}, once {labels[1]!r}"
                details = {"same_content": True, "labels": labels}
                yield Finding("copy_labelled_differently", text, (known[0], other), group.name, details)

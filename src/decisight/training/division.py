"""Which pictures are learnt from, and what is said where they are too few."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from decisight.data.checks import check_trainable, found_elsewhere, spread_sources
from decisight.data.dataset import Dataset, Example
from decisight.data.splits import LabelShare, SplitReport, assign_splits
from decisight.errors import DataError, ImageError
from decisight.imaging import printable
from decisight.training.choosing import COPIES
from decisight.types import LabelGroup

__all__ = ["Division", "divide"]

_FEWEST = 2
"""Pictures of a label without which nothing can be learnt of it, and nothing checked."""
_NAMED = 20
"""How many labels or pictures are named; the others are counted."""


@dataclass(frozen=True, slots=True)
class Division:
    """The pictures to learn from, and those that are left alone.

    Args:
        part: what is learnt from.
        aside: what training itself has set aside for testing; nothing where the data is divided, or nothing was to be
            set aside.
        notes: what the user should know of how they were found.
        given: the data with the splits that they came with; ``None`` where they came with none.
    """

    part: Dataset
    aside: Dataset
    notes: tuple[str, ...]
    given: Dataset | None = None

    def check(self, part: Dataset) -> tuple[str, ...]:
        """Notes on what is too rare to be learnt.

        Args:
            part: what is left of :attr:`part` once its pictures have been read.

        Raises:
            DataError: there is too little to learn from; names the labels, what could not be read, and what was set
                aside.
        """
        try:
            return check_trainable(part, fewest=_FEWEST)
        except DataError as error:
            copies = list(_copies(self, part))
            hint = f"{error.hint}; copies count as one" if copies else self._hint(part, error)
            raise DataError("\n".join([self._too_few(part), *copies, *_unreadable(part)]), hint=hint) from error

    def _too_few(self, part: Dataset) -> str:
        told: list[str] = []
        for group in part.task.groups:
            scarce = _scarce(part, group)
            if group.exclusive or len(scarce) == len(group.labels):
                told.extend(self._counted(part, group, label) for label in scarce)
        more = f"; ... and {len(told) - _NAMED} more" if len(told) > _NAMED else ""
        return (
            f"{printable(part.root)} has labels with too few pictures to learn from: {'; '.join(told[:_NAMED])}{more}"
        )

    def _counted(self, part: Dataset, group: LabelGroup, label: str) -> str:
        """How many pictures a label has: ``'red' has 1 and 4 set aside for testing``."""
        name = repr(label) + f" ({group.name})" * (len(part.task.groups) > 1)
        count, aside = part.counts(group)[label], self.aside.counts(group)[label]
        told = f"{name} has {count}" if group.exclusive else f"{name} holds in {count} of {_known(part, group)}"
        elsewhere = found_elsewhere(label, group, self.part, self.given) if self.given else ""
        told += f", and {elsewhere}, which is not learnt from" * bool(elsewhere)
        return told + f", and {aside} set aside for testing" * bool(aside)

    def _hint(self, part: Dataset, error: DataError) -> str | None:
        """To set nothing aside, if that is enough; else what is needed."""
        whole = Dataset(part.root, part.task, (*part.examples, *self.aside.examples))
        try:
            check_trainable(whole, fewest=_FEWEST)
        except DataError:
            return error.hint
        if not self.aside.examples:
            return error.hint
        return f"--holdout 0 sets nothing aside and learns from all of them; better: {error.hint}"


def divide(dataset: Dataset, *, holdout: float) -> Division:
    """Find the pictures to learn from.

    Args:
        dataset: with splits or without.
        holdout: the share of sources that is set aside for testing where there are no splits, 0..1.

    Raises:
        DataError: there is too little to learn from.
    """
    notes: list[str] = []
    sourced = any(e.source is not None and not e.source.startswith(COPIES) for e in dataset.examples)
    given, aside = dataset if dataset.splits else None, Dataset(dataset.root, dataset.task, ())
    if not dataset.splits and holdout > 0:
        try:
            dataset, report = assign_splits(dataset, test=holdout)
        except DataError as error:
            hint = "add pictures of more sources; --holdout 0 sets nothing aside and learns from all of them"
            raise DataError(error.message, hint=hint) from error
        notes.extend(_told(report, sourced=sourced))
        aside = dataset.only("test")
    elif dataset.splits and "train" not in dataset.splits:
        raise DataError(
            f"{printable(dataset.root)} has no train part, only {' and '.join(dataset.splits)}",
            hint="name the part to learn from 'train'",
        )
    spread = spread_sources(dataset)
    if spread:
        named = ", ".join(spread[:5]) + (" ..." if len(spread) > 5 else "")
        notes.append(
            f"{len(spread)} source(s) have pictures in more than one split ({named}): what is measured on such "
            f"pictures looks better than it is"
        )
    part = dataset.only("train") if dataset.splits else dataset
    if not part.examples:
        raise DataError(
            f"{printable(dataset.root)} has no pictures to learn from", hint="put labelled pictures into its train part"
        )
    division = Division(part, aside, tuple(notes), given)
    division.check(part)
    return division


def _told(report: SplitReport, *, sourced: bool) -> Iterator[str]:
    """How the pictures were divided: the sizes, the label whose share is furthest off, and every label that is lost."""
    sizes = ", ".join(
        f"{split} {count}" + ("" if not sourced else f" (of {report.units[split]} sources)")
        for split, count in report.counts.items()
    )
    yield f"split by {'source' if sourced else 'content, no source being known'}: {sizes}"
    tested = [share for share in report.shares if share.split == "test" and share.got]
    worst = max(tested, key=lambda share: abs(share.got - share.wanted) / share.pictures, default=None)
    if worst and abs(worst.got - worst.wanted) >= 1:
        yield _off(worst)
    for split in report.counts:
        lost = [repr(share.label) for share in report.missing if share.split == split]
        if lost:
            more = f" and {len(lost) - _NAMED} more" if len(lost) > _NAMED else ""
            yield f"no picture in the {split} part: {', '.join(lost[:_NAMED])}{more}; add some, or divide by hand"


def _off(share: LabelShare) -> str:
    return (
        f"the label that is divided least evenly is {share.label!r}: {share.got} of its {share.pictures} pictures are "
        f"in the {share.split} part, where a share of {share.wanted / share.pictures:.0%} would be {share.wanted:.0f}"
    )


def _known(part: Dataset, group: LabelGroup) -> int:
    at = part.task.groups.index(group)
    return sum(example.targets[at] is not None for example in part.examples)


def _scarce(part: Dataset, group: LabelGroup) -> list[str]:
    counts = part.counts(group)
    most = len(part) if group.exclusive else _known(part, group) - _FEWEST
    return [label for label in group.labels if not _FEWEST <= counts[label] <= most]


def _copies(division: Division, part: Dataset) -> Iterator[str]:
    """The scarce labels whose pictures, in all parts, are one and the same."""
    for at, group in enumerate(part.task.groups):
        for label in _scarce(part, group)[:_NAMED] if group.exclusive else ():
            both = (*division.part.examples, *division.aside.examples)
            alike = [example for example in both if example.targets[at] == label]
            if len(alike) > 1 and len({_digest(example) for example in alike}) == 1:
                yield f"the {len(alike)} pictures of {label!r} are copies of one picture, so they stay in one part"


def _digest(example: Example) -> bytes:
    try:
        return example.digest(example.read())
    except ImageError:
        return str(example.path).encode("utf-8", "surrogateescape")


def _unreadable(part: Dataset) -> Iterator[str]:
    if part.skipped:
        yield f"{len(part.skipped)} picture(s) could not be used:"
    for skipped in part.skipped[:_NAMED]:
        why = skipped.why.removeprefix(f"{printable(skipped.path)}: ")
        yield f"  {printable(skipped.path)}: {printable(why)}"
    if len(part.skipped) > _NAMED:
        yield f"  ... and {len(part.skipped) - _NAMED} more"

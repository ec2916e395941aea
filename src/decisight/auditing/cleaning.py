"""A list of the pictures that are fit to learn from, and one of what was left out of it, and why."""

from __future__ import annotations

import csv
import os
from collections import defaultdict
from collections.abc import Container, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from decisight.auditing.copied import copies_among
from decisight.auditing.inspection import Audit
from decisight.auditing.looks import Look, Unreadable
from decisight.data.dataset import Dataset, Example
from decisight.data.duplicates import Copies
from decisight.data.formats.metadata import TABLE_NAMES
from decisight.data.looking import Verdicts
from decisight.errors import OutputError
from decisight.files import draft_of, printable
from decisight.types import Target, written

__all__ = ["Change", "Cleaned", "changes_beside", "check_cleaned_list", "clean", "write_cleaned_list"]

_KEPT_FIRST = {"test": 0, "val": 1, "train": 2, None: 2}
"""Of copies in two splits that is kept which is tested on: figures stay comparable, and what is learnt from shrinks."""
_CHANGES = ("file_name", "left_out", "why", "copy_of", "group", "suggested")


@dataclass(frozen=True, slots=True)
class Change:
    """A picture that was left out, or whose label is suspected.

    Args:
        example: by its number in the dataset.
        left_out: whether it is not in the list.
        why: in a few words.
        of: the picture that it is a copy of.
        group: the label group whose label is suspected.
        suggested: what it would be instead, as a table has it.
    """

    example: int
    left_out: bool
    why: str
    of: int | None = None
    group: str | None = None
    suggested: str | None = None


@dataclass(frozen=True, slots=True)
class Cleaned:
    """What is left of a dataset, and what is not.

    Args:
        kept: the pictures that are left, by their numbers, in their order.
        changes: the others, and those that stay but are suspected, in their order.
    """

    kept: tuple[int, ...]
    changes: tuple[Change, ...]

    @property
    def left_out(self) -> int:
        """How many pictures are not in the list."""
        return len({change.example for change in self.changes if change.left_out})


def clean(found: Audit, *, drop_suspects: bool = False, cache: Verdicts | None = None, threads: int = 1) -> Cleaned:
    """Decide what stays.

    Left out are pictures that cannot be read; files of one content that are labelled differently, since nobody knows
    which is right; and of other copies all but one. That one is the copy in ``test``, else in ``val``, else the
    largest, else the first by name. What only looks the same and is labelled differently stays, and so do suspected
    labels, which are told.

    Args:
        found: what the audit has found.
        drop_suspects: leave out the pictures of suspected labels too.
        cache: where it is kept what is a copy of what.
        threads: how many pairs are compared at once.
    """
    gone: dict[int, Change] = {}
    for at, look in enumerate(found.looks):
        if isinstance(look, Unreadable):
            gone[at] = Change(at, True, f"cannot be read: {look.why.removeprefix('cannot be read: ')}")
    gone |= _contradicting(found)
    gone |= _copied(found, found.copies, gone)
    # Of many copies each is compared with its nearest only: what is left may hold some that were not.
    more = bool(found.copies.near)
    while more:
        left = [at for at in range(len(found.dataset)) if at not in gone]
        copies, _ = copies_among(found.dataset, found.looks, among=left, threads=threads, kept=cache)
        found_more = _copied(found, copies, gone)
        gone |= found_more
        more = bool(found_more)
    suspected: list[Change] = []
    for finding in found.findings:
        if finding.kind == "suspected_label" and finding.examples[0] not in gone:
            change = Change(
                finding.examples[0],
                drop_suspects,
                f"{finding.group}: {finding.text}",
                group=finding.group,
                suggested=finding.details["suggested"],
            )
            suspected.append(change)
    if drop_suspects:
        gone |= {change.example: change for change in suspected}
    for at, example in enumerate(found.dataset.examples):
        if at not in gone and not _can_be_written(str(example.path)):
            gone[at] = Change(at, True, "its name cannot stand in a table: rename the file")
    kept = tuple(at for at in range(len(found.dataset)) if at not in gone)
    stay = [change for change in suspected if change.example not in gone]
    return Cleaned(kept, tuple(sorted([*gone.values(), *stay], key=lambda change: change.example)))


def _contradicting(found: Audit) -> dict[int, Change]:
    """All files of one content whose labels contradict each other: nobody knows which is right."""
    examples = found.dataset.examples
    gone: dict[int, Change] = {}
    for members in found.copies.same:
        for group in range(len(found.dataset.task.groups)):
            first: dict[Target, int] = {}
            for at in members:
                if examples[at].targets[group] is not None:
                    first.setdefault(examples[at].targets[group], at)
            if len(first) > 1:
                one, other = sorted(first.values())[:2]
                for at in members:
                    gone[at] = Change(at, True, "a copy of it is labelled differently", of=other if at == one else one)
                break
    return gone


def _copied(found: Audit, copies: Copies, gone: Container[int]) -> dict[int, Change]:
    """All but one of what are copies of each other, from the one that is kept first on."""
    examples = found.dataset.examples

    def rank(at: int) -> tuple[int, int, str]:
        look = found.looks[at]
        pixels = look.width * look.height if isinstance(look, Look) else 0
        return _KEPT_FIRST[examples[at].split], -pixels, str(examples[at].path)

    def change(at: int, of: int) -> Change:
        across = examples[of].split != examples[at].split
        why = f"a copy of a picture in {examples[of].split}" if across else "a copy of another picture"
        return Change(at, True, why, of=of)

    changes: dict[int, Change] = {}
    # Of one content the one that is kept first stands for all.
    stands: dict[int, int | None] = {}
    for members in copies.same:
        left = [at for at in members if at not in gone]
        best = stands[members[0]] = min(left, key=rank, default=None)
        if best is not None:
            changes |= {at: change(at, best) for at in left if at != best}
    near: dict[int, list[int]] = defaultdict(list)
    for pair in copies.near:
        one, other = (stands.get(at, None if at in gone else at) for at in pair)
        if one is not None and other is not None:
            near[one].append(other)
            near[other].append(one)
    kept: set[int] = set()
    for at in sorted(near, key=rank):
        of = min((other for other in near[at] if other in kept), key=rank, default=None)
        if of is None:
            kept.add(at)
        else:
            changes[at] = change(at, of)
    return changes


def _can_be_written(name: str) -> bool:
    """Whether a CSV file in UTF-8 can hold a name, so that it is read as it was."""
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return name == name.strip() and "\0" not in name


def changes_beside(path: Path) -> Path:
    """The file that tells what was left out of a cleaned list: ``cleaned-changes.csv`` beside ``cleaned.csv``."""
    return path.with_name(f"{path.stem}-changes{path.suffix}")


def check_cleaned_list(path: Path, dataset: Dataset) -> None:
    """Make sure that a cleaned list can be written there without harm, before work is spent on it.

    Args:
        path: the file.
        dataset: what is audited.

    Raises:
        OutputError: it is the data itself or would be taken for them, replaces a file that is no such list, or a table
            cannot say what the data say.
    """
    name = printable(path)
    if path.suffix.lower() != ".csv":
        raise OutputError(f"{name}: the cleaned list is a CSV file", hint="name one that ends in .csv")
    inside = path.name in TABLE_NAMES and path.resolve().is_relative_to(dataset.root.resolve())
    if inside or (path.exists() and path.resolve() == dataset.root.resolve()):
        raise OutputError(
            f"{name}: that would replace the labels of {printable(dataset.root)}, or be taken for them",
            hint="name another file, for example cleaned.csv",
        )
    beside = changes_beside(path)
    for there in (path, beside):
        if os.path.lexists(there) and not _is_of_changes(beside):
            raise OutputError(
                f"{printable(there)} is there already, and was not written by --fix",
                hint="name a file that is not there",
            )
    stored = next((example for example in dataset.examples if example.stored is not None), None)
    boxed = next((example for example in dataset.examples if example.region is not None), None)
    if stored is not None:
        raise OutputError(
            f"{name}: a list names files, and the pictures of {printable(dataset.root)} lie within it",
            hint="save them as files first; the audit itself can be done: leave out --fix",
        )
    if boxed is not None:
        raise OutputError(
            f"{name}: a list names pictures, and the labels of {printable(dataset.root)} are of parts of them",
            hint="correct the data where they are kept; the audit itself can be done: leave out --fix",
        )


def write_cleaned_list(path: Path, found: Audit, cleaned: Cleaned) -> None:
    """Write the list, which ``decisight train`` reads, and beside it what was left out.

    Where the list lies in the data's folder or beside it, files are named relative to it, so that all can be moved
    together; elsewhere by their whole path.

    Args:
        path: the list; see :func:`check_cleaned_list`.
        found: what was audited.
        cleaned: what stays.

    Raises:
        OutputError: one of the two cannot be written, or the disk is full.
    """
    dataset = found.dataset
    groups = dataset.task.groups
    extra = [name for name in ("split", "source") if any(getattr(e, name) is not None for e in dataset.examples)]
    header = ["file_name", *extra, *(group.name for group in groups)]
    folder = Path(os.path.abspath(path.parent))
    rows = (
        [_named(folder, dataset.root, e), *(getattr(e, name) or "" for name in extra), *map(written, e.targets)]
        for e in _of(found, cleaned.kept)
    )
    # Neither takes its name before both are complete, and the list last: without the other it would not be replaced.
    with (
        _written(path, header, rows),
        _written(changes_beside(path), _CHANGES, _change_rows(folder, found, cleaned.changes)),
    ):
        pass


def _is_of_changes(path: Path) -> bool:
    """Whether a file is one that tells what was left out of a list."""
    try:
        with path.open("rb") as stream:
            return stream.readline(200).strip() == ",".join(_CHANGES).encode()
    except OSError:
        return False


def _of(found: Audit, numbers: Sequence[int]) -> Iterator[Example]:
    yield from (found.dataset.examples[at] for at in numbers)


def _change_rows(folder: Path, found: Audit, changes: Sequence[Change]) -> Iterator[list[str]]:
    for change in changes:
        of = "" if change.of is None else _named(folder, found.dataset.root, found.dataset.examples[change.of])
        yield [
            printable(_named(folder, found.dataset.root, found.dataset.examples[change.example])),
            "yes" if change.left_out else "no",
            printable(change.why),
            printable(of),
            change.group or "",
            change.suggested or "",
        ]


def _named(folder: Path, root: Path, example: Example) -> str:
    """A picture's file as a table names it: relative if the table lies in the data or beside them, else whole."""
    path = os.path.abspath(example.path)
    if not folder.is_relative_to(Path(os.path.abspath(root)).parent):
        return path
    try:
        relative = os.path.relpath(path, folder)
        # Through a link, ".." leads elsewhere; and a name with a space at its end is not read as it was.
        if _can_be_written(relative) and os.path.samefile(folder / relative, path):
            return relative
    except (OSError, ValueError):
        pass
    return path


@contextmanager
def _written(path: Path, header: Sequence[str], rows: Iterator[list[str]]) -> Iterator[None]:
    """A table that is complete, and takes its name at the end."""
    with draft_of(path) as draft:
        with draft.open("w", encoding="utf-8", newline="") as stream:
            if any(mark in name for name in header for mark in ";\t"):
                # What separates cells is guessed from the header, where one of its names may mislead.
                stream.write("sep=,\r\n")
            writer = csv.writer(stream)
            writer.writerow(header)
            writer.writerows(rows)
        yield

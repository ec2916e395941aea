"""What is known of the pictures of a folder while they are labelled, and writing it down at each step.

No page, no clock, no thread: whoever shows it asks, and says what was chosen.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

from decisight.collecting.folder import model_predictions
from decisight.collecting.groups import NOTES, Group, Kind, Notes, check_group_name, found_groups
from decisight.collecting.opening import pictures_in, table_or_new, table_path, taken
from decisight.collecting.table import PictureTable, is_cell, locked, mend
from decisight.data.formats.cells import FILE_NAME, SOURCE, SPLIT, located
from decisight.errors import DataError, ImageError, OutputError
from decisight.files import printable
from decisight.imaging import read_image
from decisight.types import NONE_OF_THEM, Task

__all__ = ["Labelling", "Suggestion"]

Suggestion = Mapping[str, Mapping[str, float]]
"""What a model says of a picture: by group and label, a confidence in 0..1."""


@dataclass(frozen=True, slots=True)
class _Step:
    """What was changed at once: cells and exclusions as they were before."""

    cells: tuple[tuple[int, str, str], ...]
    excluded: tuple[tuple[str, bool], ...]
    at: int
    """The picture that was looked at."""


@dataclass(slots=True)
class Labelling:
    """The pictures of a folder and their labels. A picture is known by the number of its row.

    Use :meth:`open`; as a context it lets go of the folder at the end.

    Args:
        folder: that the names of files are relative to.
        table: the rows.
        notes: groups, and what is left out.
        task: of the model that suggests labels, where there is one.
        pictures: rows whose files are there.
        missing: how many have none.
    """

    folder: Path
    table: PictureTable
    notes: Notes
    task: Task | None = None
    pictures: list[int] = field(default_factory=list)
    missing: int = 0
    unnameable: int = 0
    """How many pictures lie in the folder under names that a table cannot hold."""
    unreadable: list[str] = field(default_factory=list)
    """The names of pictures that cannot be read, as far as they were looked at: they are passed over."""
    suggestions: dict[str, Suggestion] = field(default_factory=dict)
    """By the names of the files: rows have other numbers once the table was read again."""
    conflict: bool = False
    """Whether the table was changed by somebody else: nothing is written then before it is read again."""
    last: int | None = None
    """The picture that was labelled last."""
    reading: int = 0
    """How often the table was read again: numbers of rows are those of one reading."""
    _readable: set[str] = field(default_factory=set)
    _given: Sequence[Group] = ()
    _steps: list[_Step] = field(default_factory=list)
    _lock: Any = None

    @classmethod
    def open(cls, path: Path, given: Sequence[Group] = (), task: Task | None = None) -> Labelling:
        """Open a folder, or a table by its path.

        Args:
            path: of the folder.
            given: label groups that are asked for.
            task: of the model that suggests labels.

        Raises:
            DataError: there are no pictures, or they are laid out in a way that cannot be labelled here.
            OutputError: another process labels the folder, or it cannot be written.
            UsageError: a label group is asked for twice.
        """
        place = table_path(path)
        lock = taken(place.parent)
        try:
            mend(place)
            # Nor is anything collected meanwhile, so that no picture lies there whose row is yet to come.
            with locked(place):
                found = cls(place.parent, table_or_new(place), Notes(place.parent / NOTES), task)
                found._given, found._lock = given, lock
                found._look()
        except BaseException:
            lock.release()
            raise
        return found

    def __enter__(self) -> Labelling:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the folder."""
        if self._lock is not None:
            self._lock.release()

    # --- what is known -----------------------------------------------------------------------------------------------

    @property
    def groups(self) -> list[Group]:
        """The label groups."""
        return self.notes.groups

    def group(self, name: str) -> Group:
        """The label group of that name."""
        return next(group for group in self.groups if group.name == name)

    def name(self, row: int) -> str:
        """The name of a picture's file."""
        return self.table.cell(row, FILE_NAME)

    def path(self, row: int) -> Path:
        """Its file."""
        return located(self.folder, self.name(row))

    def source(self, row: int) -> str:
        """What it was cut from; empty where that is not known."""
        return self.table.cell(row, SOURCE)

    def about(self, row: int) -> str:
        """Where it is from, in a few words."""
        parts = [self.table.cell(row, name) for name in ("camera", "region", "time")]
        return " · ".join(part for part in parts if part)

    def run(self, row: int) -> list[int]:
        """The pictures that are from the same source and region as one, in order; that alone where none is known."""
        key = self.source(row), self.table.cell(row, "region")
        if not key[0]:
            return [row]
        return [one for one in self.pictures if (self.source(one), self.table.cell(one, "region")) == key]

    def readable(self, row: int) -> bool:
        """Whether a picture can be read. It is looked at once; one that cannot is none of :attr:`pictures` any more."""
        name = self.name(row)
        if name in self._readable or name in self.unreadable:
            return name in self._readable
        try:
            read_image(self.path(row))
        except ImageError:
            self.unreadable.append(name)
            self.pictures = [one for one in self.pictures if self.name(one) != name]
            return False
        self._readable.add(name)
        return True

    def chosen(self, row: int, group: str) -> tuple[str, ...]:
        """The labels that a picture has in a group; ``-`` for none of them; empty where nothing is known."""
        return self.group(group).chosen(self.table.cell(row, group))

    def excluded(self, row: int) -> bool:
        """Whether it is left out."""
        return self.name(row) in self.notes.excluded

    def done(self, row: int) -> bool:
        """Whether nothing is left to be said of it: it is left out, or has a label in every group."""
        if self.excluded(row):
            return True
        return bool(self.groups) and all(self.table.cell(row, group.name) for group in self.groups)

    def confidences(self, row: int, group: str) -> Mapping[str, float]:
        """What the model says of a picture's labels in a group, 0..1; of none where it has not looked at it."""
        return self.suggestions.get(self.name(row), {}).get(group, {})

    def suggested(self, row: int, group: str) -> str | None:
        """What the model takes for right in a group, as a cell says it; ``None`` where it says nothing of it."""
        confidences = self.confidences(row, group)
        known = {label: value for label, value in confidences.items() if label in self.group(group).labels}
        if not known:
            return None
        if self.group(group).kind == "exclusive":
            return max(known, key=lambda label: known[label])
        return "|".join(label for label in self.group(group).labels if known.get(label, 0.0) >= 0.5) or NONE_OF_THEM

    def uncertainty(self, row: int) -> float | None:
        """How unsure the model is of a picture, 0..1, as :func:`~decisight.collecting.uncertainty` says."""
        found = []
        for group in self.groups:
            values = sorted(self.confidences(row, group.name).values(), reverse=True)
            if values and group.kind == "independent":
                found += [1.0 - abs(2.0 * value - 1.0) for value in values]
            elif len(values) > 1:
                found.append(1.0 - (values[0] - values[1]))
        return max(found) if found else None

    def disagrees(self, row: int) -> bool:
        """Whether the model takes another label for right than somebody has given, in any group."""
        for group in self.groups:
            cell, suggested = self.table.cell(row, group.name), self.suggested(row, group.name)
            if cell and suggested is not None and set(group.chosen(cell)) != set(group.chosen(suggested)):
                return True
        return False

    @property
    def undoable(self) -> bool:
        """Whether there is anything to take back."""
        return bool(self._steps)

    # --- what is said ------------------------------------------------------------------------------------------------

    def choose(self, rows: Sequence[int], group: str, label: str) -> None:
        """Give pictures a label: the one of an exclusive group; of an independent one add it, or take it away.

        Taken away where all of them have it already. :data:`NONE_OF_THEM` says that none of an independent group holds.

        Raises:
            OutputError: it cannot be written; all is as before.
        """
        one = self.group(group)
        cells = {row: self.table.cell(row, group) for row in rows}
        if one.kind == "exclusive" or label == NONE_OF_THEM:
            new = dict.fromkeys(rows, label)
        else:
            take = all(label in one.chosen(cell) for cell in cells.values())
            new = {row: one.changed(cell, label, wanted=not take) for row, cell in cells.items()}
        self._change([(row, group, cell) for row, cell in new.items()], [(row, False) for row in rows])

    def clear(self, rows: Sequence[int]) -> None:
        """Take away all labels of pictures."""
        self._change([(row, group.name, "") for row in rows for group in self.groups], [(row, False) for row in rows])

    def exclude(self, rows: Sequence[int]) -> None:
        """Leave pictures out, with what was said of them; or take them in again where all are left out."""
        out = not all(self.excluded(row) for row in rows)
        cells = [(row, group.name, "") for row in rows for group in self.groups if out]
        self._change(cells, [(row, out) for row in rows])

    def accept(self, row: int) -> bool:
        """Give a picture what is suggested in every group that has no label yet.

        Returns:
            Whether there was anything to accept.
        """
        cells = []
        for group in self.groups:
            suggested = self.suggested(row, group.name)
            if suggested is not None and not self.table.cell(row, group.name):
                cells.append((row, group.name, suggested))
        if cells:
            self._change(cells, [(row, False)])
        return bool(cells)

    def repeat(self, rows: Sequence[int]) -> bool:
        """Give pictures the labels of the one that was labelled last, or leave them out as it was.

        Returns:
            Whether there is one.
        """
        if self.last is None:
            return False
        last = self.last
        cells = [(row, group.name, self.table.cell(last, group.name)) for row in rows for group in self.groups]
        self._change(cells, [(row, self.excluded(last)) for row in rows])
        return True

    def undo(self) -> int | None:
        """Take back what was said last.

        Returns:
            The picture that was looked at then; ``None`` where there is nothing to take back.

        Raises:
            OutputError: it cannot be written; all is as before.
        """
        if not self._steps:
            return None
        step = self._steps[-1]
        self._apply(step.cells, step.excluded)
        if not self.conflict:
            self._steps.pop()
        return step.at

    def add_group(self, name: str, labels: Iterable[str], kind: Kind = "exclusive") -> None:
        """Make a label group.

        Raises:
            UsageError: a name cannot be used, or is taken.
            OutputError: it cannot be written.
        """
        group = Group(check_group_name(name, self.table.columns), kind=kind)
        for label in labels:
            group.add(label)
        self.groups.append(group)
        try:
            self.notes.write()
        except OutputError:
            self.groups.remove(group)
            raise
        self.table.add_columns([group.name])

    def add_label(self, group: str, label: str) -> None:
        """Add a label to a group.

        Raises:
            UsageError: it cannot be one, or is there already.
            OutputError: it cannot be written.
        """
        added = self.group(group).add(label)
        try:
            self.notes.write()
        except OutputError:
            self.group(group).labels.remove(added)
            raise

    def catch_up(self) -> bool:
        """Take in pictures that were collected meanwhile.

        Returns:
            Whether there are any.
        """
        before = len(self.table.rows)
        if not self.table.catch_up():
            self.conflict = True
        self._find(before)
        return len(self.table.rows) > before

    def read_again(self) -> None:
        """Read the table as it is now; what could not be written is gone.

        Raises:
            DataError: it cannot be read.
        """
        with locked(self.table.path):
            self.table = table_or_new(self.table.path)
            self.conflict, self.last, self._steps = False, None, []
            self.pictures, self.missing, self.unnameable = [], 0, 0
            self.unreadable, self._readable = [], set()
            self.reading += 1
            self._look()

    # --- writing -----------------------------------------------------------------------------------------------------

    def _change(self, cells: Sequence[tuple[int, str, str]], excluded: Sequence[tuple[int, bool]]) -> None:
        before = tuple((row, group, self.table.cell(row, group)) for row, group, _ in cells)
        left_out = tuple((self.name(row), self.excluded(row)) for row, _ in excluded)
        at = excluded[0][0]
        self._apply(cells, [(self.name(row), out) for row, out in excluded])
        if not self.conflict:
            self._steps.append(_Step(before, left_out, at))
            self.last = excluded[-1][0]

    def _apply(self, cells: Sequence[tuple[int, str, str]], excluded: Sequence[tuple[str, bool]]) -> None:
        """Change cells and exclusions, and write them; where that cannot be done they are as before."""
        if self.conflict:
            return
        before = [(row, group, self.table.cell(row, group)) for row, group, _ in cells]
        left_out = set(self.notes.excluded)
        self._put(cells)
        for name, out in excluded:
            (self.notes.excluded.add if out else self.notes.excluded.discard)(name)
        try:
            if self.notes.excluded != left_out:
                self.notes.write()
            rows = len(self.table.rows)
            if not self.table.save():
                self.conflict = True
            self._find(rows)
        except (OutputError, DataError):
            self._put(before)
            if self.notes.excluded != left_out:
                self.notes.excluded = left_out
                with suppress(OutputError):
                    self.notes.write()
            raise
        if self.conflict:
            self._put(before)
            self.notes.excluded = left_out
            self.notes.write()

    def _put(self, cells: Sequence[tuple[int, str, str]]) -> None:
        for row, group, cell in cells:
            at = self.table.at(group)
            if at is not None:
                self.table.rows[row][at] = cell

    # --- reading -----------------------------------------------------------------------------------------------------

    def _look(self) -> None:
        """Take in what was read: pictures without a row, the groups, and what was predicted."""
        self.notes = Notes.read(self.folder / NOTES)
        names = {self.name(row) for row in range(len(self.table.rows))}
        # Where the table divides the pictures, one that it does not know would have no part.
        if SPLIT not in self.table.columns:
            for name in pictures_in(self.folder):
                if not is_cell(name):
                    self.unnameable += 1
                elif name not in names:
                    self.table.rows.append([name if column == FILE_NAME else "" for column in self.table.columns])
        found = found_groups(self.table, self.notes, self._given, self.task)
        self.notes.others = [one for one in self.notes.groups if one.name not in {group.name for group in found}]
        changed, self.notes.groups = found != self.notes.groups, found
        self.table.add_columns([group.name for group in self.groups])
        self._find(0)
        if not self.pictures:
            raise DataError(
                f"{printable(self.folder)}: there are no pictures in it"
                + (f"; {self.missing} files that its table names are not there" if self.missing else "")
                + (f"; {self.unnameable} have names that a table cannot hold" if self.unnameable else ""),
                hint="collect some: decisight collect SITE; or give a folder of pictures",
            )
        if changed and (self._given or self.task is not None):
            self.notes.write()

    def _find(self, first: int) -> None:
        """Take in the rows from one on."""
        predicted: Mapping[str, Suggestion] = model_predictions(self.folder) if first < len(self.table.rows) else {}
        for row in range(first, len(self.table.rows)):
            if os.path.isfile(self.path(row)):
                self.pictures.append(row)
            else:
                self.missing += 1
            if self.name(row) in predicted:
                self.suggestions.setdefault(self.name(row), predicted[self.name(row)])

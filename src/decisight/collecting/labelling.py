"""Labelling the pictures of a folder: what is said of them, written at each step, and taken back.

No page, no clock, no thread: whoever shows it asks, and says what was chosen.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

from decisight.collecting.groups import NOTES, Group, Kind, Notes, check_group_name
from decisight.collecting.known import KnownPictures
from decisight.collecting.opening import table_or_new, table_path, taken
from decisight.collecting.table import locked, mend
from decisight.errors import DataError, OutputError
from decisight.types import NONE_OF_THEM, Task

__all__ = ["Labelling"]


@dataclass(frozen=True, slots=True)
class _Step:
    """What was changed at once: cells and exclusions as they were before."""

    cells: tuple[tuple[int, str, str], ...]
    excluded: tuple[tuple[str, bool], ...]
    at: int
    """The picture that was looked at."""


@dataclass(slots=True)
class Labelling(KnownPictures):
    """The pictures of a folder while they are labelled: what is said of them is written at each step, or taken back.

    Use :meth:`open`; as a context it lets go of the folder at the end.
    """

    conflict: bool = False
    """Whether the table was changed by somebody else: nothing is written then before it is read again."""
    last: int | None = None
    """The picture that was labelled last."""
    reading: int = 0
    """How often the table was read again: numbers of rows are those of one reading."""
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

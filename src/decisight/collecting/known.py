"""What is known of the pictures of a folder, and of their labels: its table, its notes, and what a model says of them.

No page, no clock, no thread. :class:`~decisight.collecting.labelling.Labelling` changes it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from decisight.collecting.folder import model_predictions
from decisight.collecting.groups import NOTES, Group, Notes, found_groups
from decisight.collecting.opening import pictures_in
from decisight.collecting.table import PictureTable, is_cell
from decisight.data.formats.cells import FILE_NAME, SOURCE, SPLIT, located
from decisight.errors import DataError, ImageError
from decisight.files import printable
from decisight.imaging import read_image
from decisight.types import NONE_OF_THEM, Task

__all__ = ["KnownPictures", "Suggestion"]

Suggestion = Mapping[str, Mapping[str, float]]
"""What a model says of a picture: by group and label, a confidence in 0..1."""


@dataclass(slots=True)
class KnownPictures:
    """The pictures of a folder and their labels, as its table has them. A picture is known by the number of its row.

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
    _readable: set[str] = field(default_factory=set)
    _given: Sequence[Group] = ()

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

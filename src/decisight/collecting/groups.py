"""Label groups while pictures are being labelled: more may be added, and none of their labels need be in use yet."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from decisight.collecting.table import PictureTable
from decisight.data.columns import natural_key
from decisight.data.formats.cells import FILE_NAME, ORIGIN, SOURCE, SPLIT
from decisight.data.records import composed
from decisight.errors import DataError, UsageError
from decisight.files import draft_of, printable
from decisight.types import NONE_OF_THEM, Task, is_label

__all__ = ["NOTES", "Group", "Kind", "Notes", "check_group_name", "found_groups", "parse_group"]

NOTES = "labels.json"
"""Beside the table: the label groups, and which pictures are left out."""

Kind = Literal["exclusive", "independent"]

_NO_GROUPS = (FILE_NAME, SPLIT, SOURCE, *ORIGIN)
_VERSION = 1
_MOST_LABELS = 200
"""A column with more different values holds no labels."""
_FEWEST_TO_JUDGE = 6


@dataclass(slots=True)
class Group:
    """A label group.

    Args:
        name: the column's.
        labels: in the order of their keys.
        kind: ``exclusive``: exactly one holds; ``independent``: any number.
    """

    name: str
    labels: list[str] = field(default_factory=list)
    kind: Kind = "exclusive"

    def chosen(self, cell: str) -> tuple[str, ...]:
        """What a cell of its column says: labels; none where nothing is known, and :data:`NONE_OF_THEM` for none."""
        cell = composed(cell)
        if self.kind == "exclusive" or cell in ("", NONE_OF_THEM):
            return (cell,) if cell else ()
        return tuple(part.strip() for part in cell.split("|"))

    def changed(self, cell: str, label: str, *, wanted: bool) -> str:
        """A cell of an independent group with a label, or without; in the group's order."""
        before = [one for one in self.chosen(cell) if one not in (label, NONE_OF_THEM)]
        held = [*before, label] if wanted else before
        # What somebody else has written may be no label of the group yet.
        others = [one for one in held if one not in self.labels]
        return "|".join([*(one for one in self.labels if one in held), *others])

    def add(self, label: str) -> str:
        """Add a label at the end.

        Returns:
            It as it is stored.

        Raises:
            UsageError: it cannot be one, or is there already but for letter case.
        """
        label = composed(label.strip())
        if not is_label(label):
            raise UsageError(
                f"a label cannot be called {label!r}",
                hint="a label is text on one line, without '|', and not '-' alone",
            )
        same = [other for other in self.labels if other.casefold() == label.casefold()]
        if same:
            raise UsageError(f"the group {self.name!r} has the label {same[0]!r} already", hint="take that one")
        self.labels.append(label)
        return label


def check_group_name(name: str, taken: Iterable[str] = ()) -> str:
    """A name for a new label group, as it is stored.

    Raises:
        UsageError: it cannot be one, or is taken.
    """
    name = composed(name.strip())
    if not is_label(name) or ":" in name or "=" in name or name in _NO_GROUPS:
        raise UsageError(
            f"a label group cannot be called {name!r}",
            hint=f"give it a name without ':', '=' and '|' that is none of {', '.join(_NO_GROUPS)}",
        )
    if name.casefold() in {other.casefold() for other in taken}:
        raise UsageError(f"there is a column {name!r} already", hint="give the group another name")
    return name


def parse_group(text: str) -> Group:
    """A group as the command line gives it: ``helmet=worn,missing``, or ``tags*=vest,gloves`` where any number holds.

    Raises:
        UsageError: it is not understood.

    Example:
        >>> parse_group("tags*=vest,gloves")
        Group(name='tags', labels=['vest', 'gloves'], kind='independent')
    """
    name, _, labels = text.partition("=")
    independent = name.rstrip().endswith("*")
    group = Group(check_group_name(name.rstrip().rstrip("*")), kind="independent" if independent else "exclusive")
    for label in filter(None, (part.strip() for part in labels.split(","))):
        group.add(label)
    return group


@dataclass(slots=True)
class Notes:
    """What is known of a folder's labels beside its table.

    Args:
        path: the file.
        groups: the label groups.
        excluded: names of files that are pictures of something else.
    """

    path: Path
    groups: list[Group] = field(default_factory=list)
    excluded: set[str] = field(default_factory=set)
    others: list[Group] = field(default_factory=list)
    """Groups that nobody asks for now; they are kept."""

    @classmethod
    def read(cls, path: Path) -> Notes:
        """Read them; there may be none yet.

        Raises:
            DataError: the file cannot be read, or is not one that we wrote.
        """
        try:
            values: Any = json.loads(path.read_text("utf-8"))
        except FileNotFoundError:
            return cls(path)
        except (OSError, ValueError) as error:
            raise DataError(f"{printable(path)}: cannot be read: {error}", hint="remove it, or put it right") from error
        try:
            groups = [Group(str(g["name"]), [str(label) for label in g["labels"]], _kind(g)) for g in values["groups"]]
            return cls(path, groups, {str(name) for name in values["excluded"]})
        except (KeyError, TypeError) as error:
            raise DataError(f"{printable(path)}: is not one that was written here", hint="remove it") from error

    def write(self) -> None:
        """Write them, whole or not at all.

        Raises:
            OutputError: they cannot be written.
        """
        groups = [
            {"name": group.name, "labels": group.labels, "kind": group.kind} for group in (*self.groups, *self.others)
        ]
        values = {"version": _VERSION, "groups": groups, "excluded": sorted(self.excluded)}
        with draft_of(self.path) as draft:
            draft.write_text(json.dumps(values, indent=1, ensure_ascii=False) + "\n", "utf-8")


def _kind(values: Any) -> Kind:
    return "independent" if values["kind"] == "independent" else "exclusive"


def found_groups(
    table: PictureTable, notes: Notes, given: Sequence[Group] = (), task: Task | None = None
) -> list[Group]:
    """The label groups of a folder: those that are asked for, else those of the notes and the model, else the table's.

    Labels that the table holds are added to those that are said; of a model that is given they come in its order.

    Args:
        table: the table.
        notes: what was noted of an earlier time.
        given: what the command line asks for; only these then.
        task: of a model.

    Raises:
        UsageError: one is asked for twice.
    """
    if len({group.name for group in given}) < len(given):
        raise UsageError("a label group is asked for twice", hint="name each once, with all of its labels")
    of_model = [Group(g.name, list(g.labels), g.kind) for g in task.groups] if task is not None else []
    columns = [Group(name) for name in table.columns if name not in _NO_GROUPS and _may_be_labels(table, name)]
    found: list[Group] = []
    for group in given or [*notes.groups, *of_model] or columns:
        known = next((one for one in found if one.name == group.name), None)
        if known is None:
            found.append(Group(group.name, list(group.labels), group.kind))
    for group in found:
        # Whatever says most of a group says its labels: what else says less adds to them.
        for other in (*given, *notes.groups, *of_model):
            if other.name == group.name:
                group.labels += [label for label in other.labels if label not in group.labels]
                group.kind = "independent" if "independent" in (group.kind, other.kind) else group.kind
        _add_from(table, group)
    return found


def _add_from(table: PictureTable, group: Group) -> None:
    """The labels that stand in a column."""
    if group.name not in table.columns:
        return
    cells = {composed(table.cell(row, group.name)) for row in range(len(table.rows))} - {""}
    if any("|" in cell or cell == NONE_OF_THEM for cell in cells):
        group.kind = "independent"
    labels = {label for cell in cells for label in group.chosen(cell)} - {NONE_OF_THEM}
    group.labels += [label for label in sorted(labels, key=natural_key) if label not in group.labels]


def _may_be_labels(table: PictureTable, name: str) -> bool:
    """Whether a column is not free text, of which hardly any stands twice."""
    cells = [cell for row in range(len(table.rows)) if (cell := table.cell(row, name))]
    return len(cells) < _FEWEST_TO_JUDGE or len(set(cells)) <= min(_MOST_LABELS, len(cells) // 2)

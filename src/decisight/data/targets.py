"""From a table to a dataset: what is true of each picture, in the terms of a task."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from decisight.data.columns import labels_in
from decisight.data.dataset import Dataset, Example, Skipped
from decisight.data.records import Cell, Record, Table, pictures
from decisight.errors import DataError, LabelError
from decisight.imaging import printable
from decisight.types import LabelGroup, Target, Task

__all__ = ["matched_to", "to_dataset"]


def matched_to(task: Task, table: Table) -> Table:
    """A table whose columns are the groups of a task, in its order; a group that the data lacks is empty.

    Columns are matched by name. Where data and task have one group each, the names do not matter.

    Raises:
        LabelError: nothing matches, or the data have labels that the task does not know.
    """
    names = [group.name for group in task.groups]
    if len(names) == len(table.columns) == 1:
        column_of = {names[0]: 0}
    else:
        column_of = {name: table.columns.index(name) for name in names if name in table.columns}
    if not column_of:
        raise LabelError(
            f"{printable(table.root)} has none of the model's label groups: it has {', '.join(table.columns)}",
            hint=f"the model's label groups are: {', '.join(names)}",
        )
    for name, at in column_of.items():
        _check_known(table, task.group(name), [record.cells[at] for record in table.records])
    records = tuple(
        replace(record, cells=tuple(record.cells[column_of[name]] if name in column_of else None for name in names))
        for record in table.records
    )
    return replace(table, columns=tuple(names), records=records)


def to_dataset(table: Table, task: Task) -> Dataset:
    """The examples of a table whose columns are the groups of the task; by path.

    A row without a label in any group is left out, and named in ``skipped``.

    Raises:
        DataError: no example is left.
        LabelError: a picture has several labels in an exclusive group.
    """
    examples: list[Example] = []
    skipped = list(table.skipped)
    for record in sorted(table.records, key=lambda record: str(record.path)):
        targets = tuple(_target(cell, group, record) for cell, group in zip(record.cells, task.groups, strict=True))
        if all(target is None for target in targets):
            skipped.append(Skipped(record.path, f"{record.where}: no label in any group"))
        else:
            examples.append(Example(record.path, targets, record.split, record.source, record.region, record.stored))
    if not examples:
        raise DataError(
            f"{printable(table.root)}: there is no labelled picture in it ({len(skipped)} left out)",
            hint=f"the first: {printable(skipped[0].path)}: {skipped[0].why}" if skipped else "add some",
        )
    return Dataset(table.root, task, tuple(examples), tuple(skipped))


def _target(cell: Cell, group: LabelGroup, record: Record) -> Target:
    if cell is None or (isinstance(cell, str) and group.exclusive):
        return cell
    if isinstance(cell, str):
        return frozenset({cell})
    if group.exclusive:
        raise LabelError(
            f"{record.where}: {'|'.join(sorted(cell)) or '-'!r} in the group {group.name!r}, "
            "where exactly one label holds",
            hint="name one label, or leave the cell empty where it is not known",
        )
    return cell


def _check_known(table: Table, group: LabelGroup, cells: Sequence[Cell]) -> None:
    counts = labels_in(cells)
    unknown = sorted(set(counts) - set(group.labels))
    if not unknown:
        return
    by_folded = {label.casefold(): label for label in group.labels}
    named = [
        f"'{printable(label)}' ({pictures(counts[label])}"
        + (f"; the model calls it {by_folded[label.casefold()]!r})" if label.casefold() in by_folded else ")")
        for label in unknown[:10]
    ]
    more = f" and {len(unknown) - 10} more" if len(unknown) > 10 else ""
    raise LabelError(
        f"{printable(table.root)} has labels that the model does not know in the group {group.name!r}: "
        f"{', '.join(named)}{more}",
        hint=f"the model's labels are: {', '.join(group.labels)}",
    )

"""Sequences of pictures, as a table lists them: pictures in a row that show the same place."""

from __future__ import annotations

import difflib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from decisight.data.formats.cells import located, read_cell, read_text_cell
from decisight.data.formats.delimited import Row, read_rows
from decisight.data.formats.json_lines import read_json_rows
from decisight.errors import DataError
from decisight.imaging import printable
from decisight.types import LabelGroup, Target, Task

__all__ = ["TABLE_SUFFIXES", "PictureSequence", "SequencePicture", "SequenceTable", "read_sequences"]

_READERS = {".csv": read_rows, ".tsv": read_rows, ".jsonl": read_json_rows}
TABLE_SUFFIXES = tuple(_READERS)
"""How the name of a table of sequences ends."""

_SEQUENCE, _FILE_NAME, _TIME, _QUALITY, _REGION = "sequence", "file_name", "time", "quality", "region"
_SOURCE = "source"
_ALIKE = 0.75
"""How much the name of a column that is not used must be like that of a group (1: the same) to be taken for it."""
_KNOWN = (_SOURCE, _SEQUENCE, _FILE_NAME, _TIME, _QUALITY, _REGION)


@dataclass(frozen=True, slots=True)
class SequencePicture:
    """One picture of a sequence.

    Args:
        path: its file.
        time: in seconds, where it is known.
        quality: 0..1; ``None`` where nobody measured it.
        targets: what is true of it, one a group of the task; ``None`` where it is not known.
    """

    path: Path
    time: float | None = None
    quality: float | None = None
    targets: tuple[Target, ...] = ()


@dataclass(frozen=True, slots=True)
class PictureSequence:
    """Pictures in the order in which they were taken.

    Args:
        name: of the sequence.
        pictures: in order.
        region: the region that is meant in each of them, by its name; ``None`` where the table does not say.
    """

    name: str
    pictures: tuple[SequencePicture, ...]
    region: str | None = None

    @property
    def labelled(self) -> bool:
        """Whether something is known to be true of one of its pictures."""
        return any(target is not None for picture in self.pictures for target in picture.targets)


@dataclass(frozen=True, slots=True)
class SequenceTable:
    """What a table of sequences holds.

    Args:
        sequences: in the order of their first rows.
        misspelt: columns that are not used, each with the label group that it is probably meant for.
    """

    sequences: tuple[PictureSequence, ...]
    misspelt: tuple[tuple[str, str], ...] = ()


def read_sequences(path: Path, task: Task) -> SequenceTable:
    """Read a CSV or JSON Lines file with the columns ``sequence``, ``file_name`` and, if known, ``time``.

    A table of labelled pictures, as training takes it, may do with its column ``source``: each source is a sequence.
    ``file_name`` is relative to the table. ``time`` is in seconds, or a date and time (ISO 8601; taken for UTC where
    it says no zone); without it the pictures stand in the order of the rows. ``quality`` (0..1) weighs pictures where a
    policy asks for it. ``region`` names the region that a row is about, so that what is true may differ between regions
    of one picture: the rows of each region are a sequence of their own. A column of a label group's name says what is
    true; a task of one group may call it ``label``. Other columns are passed over.

    Args:
        path: the table.
        task: the task of the model that will look at the pictures.

    Returns:
        The sequences; rows of one sequence need not stand together.

    Raises:
        DataError: a column is missing, a cell cannot be understood, only some pictures of a sequence have a time or
            name a region, or a time is earlier than that of the row before; names the line.
    """
    rows = list(_READERS[path.suffix.lower()](path))
    columns = _columns(path, rows)
    naming = _SEQUENCE if _SEQUENCE in columns else _SOURCE
    of_group = [_label_column(group, task, columns) for group in task.groups]
    found: dict[tuple[str, str | None], list[tuple[str, SequencePicture]]] = {}
    in_part: dict[str, bool] = {}
    for line, row in rows:
        where = f"{printable(path)}, line {line}"
        sequence = read_text_cell(row.get(naming), where)
        file_name = read_text_cell(row.get(_FILE_NAME), where)
        if sequence is None or file_name is None:
            lacking = naming if sequence is None else _FILE_NAME
            raise DataError(f"{where}: {lacking} is empty", hint="every row names its sequence and its file")
        picture = SequencePicture(
            located(path.parent, str(row[_FILE_NAME]).strip()),
            _time(row.get(_TIME), where),
            _quality(row.get(_QUALITY), where),
            tuple(_target(row, column, g, where) for column, g in zip(of_group, task.groups, strict=True)),
        )
        region = read_text_cell(row.get(_REGION), where)
        if in_part.setdefault(sequence, region is not None) is not (region is not None):
            raise DataError(
                f"{where}: some rows of the sequence {sequence!r} name a region and others none",
                hint="give each row of it one, or none; pictures of which all is meant are another sequence",
            )
        found.setdefault((sequence, region), []).append((where, picture))
    return SequenceTable(
        tuple(PictureSequence(name, _in_order(name, listed), region) for (name, region), listed in found.items()),
        _misspelt(task, of_group, columns),
    )


def _columns(path: Path, rows: Sequence[Row]) -> dict[str, None]:
    """The columns that a table has.

    Raises:
        DataError: it has no row, or lacks a column that it cannot do without.
    """
    if not rows:
        raise DataError(f"{printable(path)}: there is a header but no row", hint="add a row for each picture")
    columns = dict.fromkeys(key for _, row in rows for key in row)
    for name in (_SEQUENCE, _FILE_NAME):
        if name not in columns and not (name == _SEQUENCE and _SOURCE in columns):
            raise DataError(
                f"{printable(path)}: there is no column {name!r} (there is: {', '.join(columns)})",
                hint="a table of sequences has the columns sequence,file_name and, if known, time",
            )
    return columns


def _label_column(group: LabelGroup, task: Task, columns: dict[str, None]) -> str | None:
    if group.name in columns and group.name not in _KNOWN:
        return group.name
    return "label" if len(task.groups) == 1 and "label" in columns else None


def _misspelt(task: Task, of_group: Sequence[str | None], columns: dict[str, None]) -> tuple[tuple[str, str], ...]:
    """Columns that nothing is read from, each with the group without a column that it is most like."""
    idle = {column.lower(): column for column in columns if column not in (*_KNOWN, *of_group)}
    wanted = [group.name for group, column in zip(task.groups, of_group, strict=True) if column is None]
    found = []
    for name in wanted:
        meant = [name, "label"] if len(task.groups) == 1 else [name]
        near = [close for one in meant for close in difflib.get_close_matches(one.lower(), idle, 1, _ALIKE)]
        found += [(idle[column], name) for column in near[:1]]
    return tuple(found)


def _target(row: dict[str, object], column: str | None, group: LabelGroup, where: str) -> Target:
    cell = None if column is None else read_cell(row.get(column), f"{where}, {column!r}")
    if cell is None:
        return None
    labels = frozenset({cell}) if isinstance(cell, str) else cell
    unknown = sorted(labels - set(group.labels))
    if unknown or (group.exclusive and len(labels) != 1):
        what = f"the label {unknown[0]!r}, which the model does not know" if unknown else f"{len(labels)} labels"
        raise DataError(
            f"{where}: the group {group.name!r} has {what}", hint=f"the labels are: {', '.join(group.labels[:20])}"
        )
    return next(iter(labels)) if group.exclusive else labels


def _time(value: object, where: str) -> float | None:
    text = read_text_cell(value, where)
    if text is None:
        return None
    try:
        seconds = float(text)
    except ValueError:
        seconds = _timestamp(text)
    if not math.isfinite(seconds):
        raise DataError(
            f"{where}: the time {text!r} is not understood",
            hint="give seconds (12.4) or a date and time (2026-05-04T06:00:00Z)",
        )
    return seconds


def _timestamp(text: str) -> float:
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return math.nan


def _quality(value: object, where: str) -> float | None:
    text = read_text_cell(value, where)
    if text is None:
        return None
    try:
        quality = float(text)
    except ValueError:
        quality = math.nan
    if not 0.0 <= quality <= 1.0:
        raise DataError(f"{where}: the quality {text!r} is not between 0 and 1", hint="1 is as good as a picture gets")
    return quality


def _in_order(name: str, rows: Sequence[tuple[str, SequencePicture]]) -> tuple[SequencePicture, ...]:
    """The pictures of a sequence, once their times are found to be such that a sequence can have.

    Raises:
        DataError: some have a time and others not, or one goes back.
    """
    last: float | None = None
    for at, (where, picture) in enumerate(rows):
        if (picture.time is None) != (rows[0][1].time is None):
            raise DataError(
                f"{where}: some pictures of the sequence {name!r} have a time and others have none",
                hint="give all of them a time, or none",
            )
        if at and picture.time is not None and last is not None and picture.time < last:
            raise DataError(
                f"{where}: the time goes back, from {last:g} to {picture.time:g}, in the sequence {name!r}",
                hint="sort the rows of a sequence by time",
            )
        last = picture.time
    return tuple(picture for _, picture in rows)

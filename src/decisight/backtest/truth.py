"""What is true of a clip, as a table beside it says."""

from __future__ import annotations

import bisect
import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from decisight.data.formats.cells import read_cell, read_text_cell
from decisight.data.formats.delimited import read_rows
from decisight.errors import DataError
from decisight.files import printable
from decisight.types import LabelGroup, Target

__all__ = ["COLUMNS", "Truth", "TruthTable", "Watched", "read_truth"]

COLUMNS = ("start", "end", "region", "state", "group")
"""Of a table: seconds since the clip's first picture; the region's name, empty for all of the picture; the label, or of
an independent group several with ``|`` between them and ``-`` for none; the label group, which may be left out."""

Watched = Mapping[str | None, Sequence[LabelGroup]]
"""The label groups that are decided on, by the name of their region; ``None`` for all of the picture."""

_SHORT = 20
"""Labels that a message names."""


@dataclass(frozen=True, slots=True)
class Truth:
    """A row of a table: what is true, from its start until before its end.

    Args:
        start: seconds since the clip's first picture.
        end: the same, later.
        region: where; ``None`` for all of the picture.
        group: the name of the label group.
        state: a label of it; of an independent group, a set of labels.
        line: of the table, from 1.
    """

    start: float
    end: float
    region: str | None
    group: str
    state: Target
    line: int


@dataclass(frozen=True, slots=True)
class TruthTable:
    """All that is said to be true of a clip.

    Args:
        rows: by region and group, in the order of time; none overlaps the next.
        unwatched: label groups that rows name and that nobody decides on in their region: these say nothing here.
    """

    rows: Mapping[tuple[str | None, str], tuple[Truth, ...]]
    unwatched: tuple[str, ...] = ()
    _starts: dict[tuple[str | None, str], list[float]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_starts", {key: [row.start for row in rows] for key, rows in self.rows.items()})

    def at(self, region: str | None, group: str, seconds: float) -> Target:
        """What is true at a moment; ``None`` where no row says so."""
        key = region, group
        place = bisect.bisect_right(self._starts.get(key, []), seconds) - 1
        if place < 0:
            return None
        row = self.rows[key][place]
        return row.state if seconds < row.end else None


def read_truth(path: Path, watched: Watched) -> TruthTable:
    """Read a CSV file with the columns ``start``, ``end``, ``region``, ``state`` and, if needed, ``group``.

    Times are seconds since the clip's first picture. Without a group, a row is of the group whose labels have its
    state, among those that are decided on in its region. A row of a group that is not decided on there is passed over.
    What no row covers is not known.

    Args:
        path: the table.
        watched: the label groups that are decided on, by region.

    Raises:
        DataError: a column is missing; a time is no number, or the end is not after the start; a region or label is not
            watched, or no group of any row; a row could be of several groups; or two rows of one region and group
            overlap. Names the line.
    """
    found: dict[tuple[str | None, str], list[Truth]] = {}
    unwatched: dict[str, str] = {}
    rows = list(read_rows(path))
    if not rows:
        raise DataError(f"{printable(path)}: there is a header but no row", hint="add a row for each state")
    for column in ("start", "end", "state"):
        if column not in rows[0][1]:
            raise DataError(
                f"{printable(path)}: there is no column {column!r} (there is: {', '.join(rows[0][1])})",
                hint="the table of a clip has the columns start,end,region,state",
            )
    for line, row in rows:
        where = f"{printable(path)}, line {line}"
        start, end = (_seconds(row[column], column, where) for column in ("start", "end"))
        if not start < end:
            raise DataError(
                f"{where}: the end {end:g} is not after the start {start:g}",
                hint="times are seconds since the clip's first picture",
            )
        region = _region(row, watched, where)
        named = read_text_cell(row.get("group"), where)
        if named is not None and named not in {group.name for group in watched[region]}:
            unwatched.setdefault(named, f"{where}: the label group {named!r} is not decided on in {_place(region)}")
            continue
        group, state = _meant(row, named, watched[region], where)
        found.setdefault((region, group.name), []).append(Truth(start, end, region, group.name, state, line))
    if not found:
        names = sorted({group.name for groups in watched.values() for group in groups})
        raise DataError(next(iter(unwatched.values())), hint=f"the groups are: {', '.join(names)}")
    return TruthTable({key: _in_order(path, truths) for key, truths in found.items()}, tuple(unwatched))


def _place(region: str | None) -> str:
    return "all of the picture" if region is None else f"the region {region!r}"


def _seconds(value: object, column: str, where: str) -> float:
    text = read_text_cell(value, where) or ""
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0.0 <= seconds < math.inf:
        raise DataError(
            f"{where}: the {column} {text!r} is no time",
            hint="give seconds since the clip's first picture, for example 12.4",
        )
    return seconds


def _region(row: Mapping[str, object], watched: Watched, where: str) -> str | None:
    region = read_text_cell(row.get("region"), where)
    if region not in watched:
        named = ", ".join(name for name in watched if name is not None)
        choices = [f"the regions are: {named}"] if named else []
        choices += ["an empty cell means all of the picture"] if None in watched else []
        what = "names no region" if region is None else f"names the region {region!r}, which is not watched"
        raise DataError(f"{where}: the row {what}", hint="; ".join(choices))
    return region


def _meant(
    row: Mapping[str, object], name: str | None, groups: Sequence[LabelGroup], where: str
) -> tuple[LabelGroup, Target]:
    """The label group that a row is of, which it may name, and what it says of it."""
    cell = read_cell(row["state"], where)
    if cell is None:
        raise DataError(f"{where}: the state is empty", hint="leave the row out: what no row covers is not known")
    labels = frozenset({cell}) if isinstance(cell, str) else cell
    if name is None:
        having = [group for group in groups if _has(group, labels)]
        if len(having) > 1:
            names = ", ".join(group.name for group in having)
            raise DataError(f"{where}: the state could be of several label groups: {names}", hint="add a column group")
        if not having:
            raise _unknown(labels, groups, where)
        group = having[0]
    else:
        group = next(group for group in groups if group.name == name)
        if not _has(group, labels):
            raise _unknown(labels, [group], where)
    return group, next(iter(labels)) if group.exclusive else labels


def _has(group: LabelGroup, labels: frozenset[str]) -> bool:
    return labels <= set(group.labels) and (not group.exclusive or len(labels) == 1)


def _unknown(labels: frozenset[str], groups: Sequence[LabelGroup], where: str) -> DataError:
    known = [label for group in groups for label in group.labels]
    unknown = sorted(labels - set(known))
    shown = ", ".join(known[:_SHORT]) + (f" and {len(known) - _SHORT} more" if len(known) > _SHORT else "")
    if unknown:
        return DataError(f"{where}: there is no label {unknown[0]!r}", hint=f"the labels are: {shown}")
    what = "|".join(sorted(labels)) or "-"
    return DataError(
        f"{where}: the state {what!r} fits no label group",
        hint=f"of an exclusive group one label is true; the labels are: {shown}",
    )


def _in_order(path: Path, truths: Sequence[Truth]) -> tuple[Truth, ...]:
    """Rows of one region and group by their start, once they are found not to overlap."""
    ordered = sorted(truths, key=lambda truth: truth.start)
    for before, after in itertools.pairwise(ordered):
        if after.start < before.end:
            later, earlier = (after, before) if after.line > before.line else (before, after)
            raise DataError(
                f"{printable(path)}, line {later.line}: the row overlaps that of line {earlier.line}, "
                "which is of the same region and group",
                hint=f"one ends at {before.end:g} s and the other starts at {after.start:g} s: end the one before",
            )
    return tuple(ordered)

"""From a table's columns to a task: which columns are label groups, of which kind, with which labels."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable, Sequence

from decisight.data.records import Cell, Table, composed, pictures
from decisight.errors import DataError, UsageError
from decisight.imaging import printable
from decisight.types import LabelGroup, Task

__all__ = ["infer_task", "labels_in", "natural_key"]

# A column is taken for a measurement, or for free text, only where the data leave little doubt.
_MOST_NUMERIC_LABELS = 10
_MOST_FRACTIONAL_LABELS = 5
_FEWEST_ROWS_TO_JUDGE = 6
_LEAVE_OUT = "name the columns that hold labels (--groups helmet,vest), or remove this one"


def natural_key(text: str) -> tuple[tuple[tuple[int, int, str], ...], str]:
    """A sort key by which numbers within a text stand in their own order.

    Example:
        >>> sorted(["bay10", "bay2", "Bay1"], key=natural_key)
        ['Bay1', 'bay2', 'bay10']
    """
    parts = [part for part in re.split(r"(\d+)", text.casefold()) if part]
    return tuple((0, *_as_number(part)) if part.isdecimal() else (1, 0, part) for part in parts), text


def _as_number(digits: str) -> tuple[int, str]:
    """A key by which digits of any script stand in the order of their numbers; Python's int() refuses long ones."""
    significant = "".join(str(unicodedata.decimal(digit)) for digit in digits).lstrip("0")
    return len(significant), significant


def labels_in(cells: Iterable[Cell]) -> Counter[str]:
    """How many cells each label stands in."""
    found: Counter[str] = Counter()
    for cell in cells:
        found.update([cell] if isinstance(cell, str) else (cell or ()))
    return found


def infer_task(table: Table, independent: Collection[str] = ()) -> Task:
    """The task that a table's columns describe: one label group a column, labels in natural order.

    A column is independent if one of its cells holds several labels or none of them (``a|b``, ``-``, a list), or if
    it is named in ``independent``; otherwise it is exclusive.

    Raises:
        DataError: a column holds no label, only one, measurements or free text, or labels that differ only in case.
        UsageError: ``independent`` names a column that is not there.
    """
    independent = {composed(name) for name in independent}
    unknown = sorted(independent - set(table.columns))
    if unknown:
        raise UsageError(
            f"there is no label group {unknown[0]!r} in {printable(table.root)}",
            hint=f"the label groups are: {', '.join(table.columns)}",
        )
    return Task(
        tuple(
            _group(table, name, [record.cells[at] for record in table.records], name in independent)
            for at, name in enumerate(table.columns)
        )
    )


def _group(table: Table, name: str, cells: Sequence[Cell], named_independent: bool) -> LabelGroup:
    where = f"{printable(table.root)}: the label group '{printable(name)}'"
    counts = labels_in(cells)
    independent = named_independent or any(isinstance(cell, frozenset) for cell in cells)
    if not independent and not table.chosen:
        _check_for_labels(f"{printable(table.root)}: the column '{printable(name)}'", counts)
    _check_spelling(where, counts)
    if not counts:
        raise DataError(f"{where} has no label in any row", hint=_LEAVE_OUT)
    if len(counts) == 1 and not independent:
        raise DataError(
            f"{where} has one label only: {next(iter(counts))!r} ({pictures(counts.total())})",
            hint="something to tell it from is needed: add pictures of another class, or leave the group out",
        )
    return LabelGroup(name, tuple(sorted(counts, key=natural_key)), "independent" if independent else "exclusive")


def _check_for_labels(where: str, counts: Counter[str]) -> None:
    """Refuse what looks like a measurement or like free text.

    Raises:
        DataError: it does.
    """
    rows, distinct = counts.total(), len(counts)
    if rows < _FEWEST_ROWS_TO_JUDGE:
        return
    examples = ", ".join(f"'{printable(value[:30])}'" for value in sorted(counts, key=natural_key)[:4])
    mostly_distinct = distinct > rows / 2
    if all(_NUMBER.fullmatch(value) for value in counts):
        fractions = any(not value.lstrip("+-").isdecimal() for value in counts)
        too_many = distinct > (_MOST_FRACTIONAL_LABELS if fractions else _MOST_NUMERIC_LABELS)
        if mostly_distinct or (too_many and (fractions or distinct * 5 > rows)):
            raise DataError(
                f"{where} holds numbers, {distinct} different ones in {rows} rows ({examples}, ...): "
                "it looks like a measurement, not a label",
                hint=_LEAVE_OUT,
            )
    elif mostly_distinct:
        raise DataError(
            f"{where} has {distinct} different values in {rows} rows ({examples}, ...): "
            "it looks like free text, or there is hardly more than one picture per label",
            hint=_LEAVE_OUT,
        )


_NUMBER = re.compile(r"[+-]?([0-9]+([.,][0-9]*)?|[.,][0-9]+)([eE][+-]?[0-9]+)?")


def _check_spelling(where: str, counts: Counter[str]) -> None:
    """Refuse labels that a reader would take for one.

    Raises:
        DataError: two labels differ only in letter case.
    """
    seen: dict[str, str] = {}
    for label in sorted(counts):
        key = label.casefold()
        if key in seen:
            first = seen[key]
            raise DataError(
                f"{where} has two labels that differ only in letter case: "
                f"{first!r} ({pictures(counts[first])}) and {label!r} ({counts[label]})",
                hint="write them in the same way",
            )
        seen[key] = label

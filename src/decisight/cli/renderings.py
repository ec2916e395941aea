"""What answers look like: JSON, JSON Lines, CSV, Parquet, and a table for people."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, TypeAlias

from decisight.types import NONE_OF_THEM, Answer, Decision, LabelGroup, Prediction, Reason, Target, Task

if TYPE_CHECKING:
    from decisight.policies.least_cost import ImageRule

__all__ = [
    "LOW_FAMILIARITY",
    "Format",
    "Line",
    "Table",
    "cells",
    "column_types",
    "csv_cells",
    "csv_columns",
    "csv_row",
    "csv_text",
    "familiarity_text",
    "json_lines",
    "json_list",
    "low_familiarity",
    "state_text",
]


_DIGITS = 8
"""Decimals of a confidence in a table."""


class Format(StrEnum):
    """How answers are written."""

    TABLE = "table"
    JSON = "json"
    JSONL = "jsonl"
    CSV = "csv"
    PARQUET = "parquet"


def json_list(answers: Iterable[Answer]) -> Iterator[str]:
    """One JSON list, an answer a line, in pieces."""
    before = "[\n"
    for answer in answers:
        yield before + answer.to_text()
        before = ",\n"
    yield "\n]\n" if before == ",\n" else "[]\n"


def json_lines(answers: Iterable[Answer]) -> Iterator[str]:
    """One JSON object a line."""
    for answer in answers:
        yield answer.to_text() + "\n"


def csv_text(
    answers: Iterable[Answer], task: Task, *, region: bool = False, familiarity: bool = False
) -> Iterator[str]:
    """A header and one row an answer; see :func:`csv_columns`."""
    yield csv_row(csv_columns(task, region=region, familiarity=familiarity))
    for answer in answers:
        yield csv_row(csv_cells(answer, task, region=region, familiarity=familiarity))


def csv_columns(task: Task, *, actual: bool = False, region: bool = False, familiarity: bool = False) -> list[str]:
    """``image``; of each group ``state``, ``confidence``, ``reason``; each label's confidence; ``error``.

    Where the task has several groups they are called ``helmet.state`` and so on, and the labels ``helmet:helmet``.

    Args:
        task: of the model.
        actual: with a column ``actual`` before each ``state``.
        region: with a column ``region`` after ``image``.
        familiarity: with a column ``familiarity`` after those of the labels.
    """
    several = len(task.groups) > 1
    decided = ("actual",) * actual + ("state", "confidence", "reason")
    fixed = [f"{group.name}.{name}" if several else name for group in task.groups for name in decided]
    looked_at = ["image", "region"] if region else ["image"]
    last = ["familiarity", "error"] if familiarity else ["error"]
    labels = [
        f"{group.name}:{label}" if several or label in (*looked_at, *fixed, *last) else label
        for group in task.groups
        for label in group.labels
    ]
    return [*looked_at, *fixed, *labels, *last]


def column_types(task: Task, *, region: bool = False, familiarity: bool = False) -> dict[str, type[str] | type[float]]:
    """The columns of :func:`csv_columns`, each with its type: confidences and familiarity are numbers, else text."""
    decided: list[type[str] | type[float]] = [str, float, str]
    labels: list[type[str] | type[float]] = [float for group in task.groups for _ in group.labels]
    types = [*[str] * (1 + region), *decided * len(task.groups), *labels, *[float] * familiarity, str]
    return dict(zip(csv_columns(task, region=region, familiarity=familiarity), types, strict=True))


def cells(
    answer: Answer,
    task: Task,
    targets: Sequence[Target] | None = None,
    *,
    region: bool = False,
    familiarity: bool = False,
) -> list[str | float | None]:
    """One answer's values, as :func:`csv_columns` names them; ``None`` where there is none.

    Args:
        answer: for one picture.
        task: of the model.
        targets: what is true of it, one a group, where there are columns for it.
        region: there is a column for the region; ``None`` where it was all of the picture.
        familiarity: there is a column for the familiarity.
    """
    looked_at = [answer.image, answer.region] if region else [answer.image]
    if answer.prediction is None:
        empty = len(csv_columns(task, actual=targets is not None, familiarity=familiarity)) - 2
        return [*looked_at, *[None] * empty, answer.error]
    decided: list[str | float | None] = []
    for at, decision in enumerate(answer.decisions):
        actual = [] if targets is None else [_target(targets[at])]
        state = state_text(decision, "|") or NONE_OF_THEM
        decided += [*actual, state, round(decision.confidence, _DIGITS), decision.reason.value]
    confidences = [round(value, _DIGITS) for row in answer.prediction.confidences for value in row]
    known = answer.prediction.familiarity
    familiar = [None if known is None else round(known, _DIGITS)] if familiarity else []
    return [*looked_at, *decided, *confidences, *familiar, None]


def csv_cells(
    answer: Answer,
    task: Task,
    targets: Sequence[Target] | None = None,
    *,
    region: bool = False,
    familiarity: bool = False,
) -> list[str]:
    """The same as text, which is empty where there is no value."""
    found = cells(answer, task, targets, region=region, familiarity=familiarity)
    return [value if isinstance(value, str) else "" if value is None else repr(value) for value in found]


def _target(target: Target) -> str:
    """As a table of labelled pictures has it."""
    return target or "" if isinstance(target, str | None) else "|".join(sorted(target)) or NONE_OF_THEM


def csv_row(cells: Sequence[str]) -> str:
    """One line of a CSV file."""
    line = io.StringIO()
    # Python puts a carriage return within a cell in quotes only where it is part of the end of a line.
    csv.writer(line, lineterminator="\r\n").writerow(cells)
    return line.getvalue().removesuffix("\r\n") + "\n"


def state_text(decision: Decision, between: str) -> str:
    """The state of a decision as text; the labels of an independent group with something between them."""
    return decision.state if isinstance(decision.state, str) else between.join(decision.state)


Line: TypeAlias = list[tuple[str, str]]
"""Pieces of text, each with its style."""

_WIDEST_STATE = 24
"""Cells of the column of decisions; a longer one shifts the rest of its line."""
_NARROWEST = 12
"""Cells that a column keeps on a narrow terminal."""
_FEW_LABELS, _ROOM_FOR_LABELS = 24, 40
"""Cells: what other columns leave to the labels where they can; below what further lines of labels begin earlier."""
_GAP = "  "
LOW_FAMILIARITY = 0.01
"""Below it a familiarity is worth a word though nobody asks: one in a hundred familiar pictures has less."""


def familiarity_text(prediction: Prediction | None) -> str:
    """How familiar a picture is, to three places; empty where the model does not say."""
    return "" if prediction is None or prediction.familiarity is None else f"{prediction.familiarity:.3f}"


def low_familiarity(prediction: Prediction | None, low: float) -> str:
    """The same of one that has less than is worth a word, in brackets; empty of all others."""
    known = None if prediction is None else prediction.familiarity
    return "" if known is None or known >= low else f"(familiarity {familiarity_text(prediction)})"


@dataclass(frozen=True, slots=True)
class Table:
    """Aligned columns, a line for each picture, region and group; written as the pictures come.

    Args:
        task: of the model.
        rule: of the decisions.
        top: how many labels of each group are shown.
        names: pictures that the first column is made wide enough for.
        width: of the terminal, in cells: labels go on below, and what is longer than its line is cut. ``None``: all is
            on one line, and nothing is cut.
        regions: the names of the regions that are looked at; none where it is all of every picture.
        familiarity: whether the model says how familiar a picture is. There is a column for it where the rule asks for
            it; else it is told of those pictures alone that have little.
        low: below which it is little.
    """

    task: Task
    rule: ImageRule
    top: int
    names: Sequence[str]
    width: int | None = None
    regions: Sequence[str] = ()
    familiarity: bool = False
    low: float = LOW_FAMILIARITY

    def render(self, answers: Iterable[Answer]) -> Iterator[Line]:
        """The heading, and the lines of every answer."""
        columns = self._columns()
        yield [(self._joined([(name, size) for name, size in columns.items()]) + "labels", "bold")]
        for answer in answers:
            if answer.prediction is None:
                yield [(self._looked_at(answer, columns), ""), (f"error: {_shown(answer.error or '')}", "red")]
                continue
            for at, decision in enumerate(answer.decisions):
                yield from self._lines(answer, decision, self.task.groups[at], columns, first=at == 0)

    def _columns(self) -> dict[str, int]:
        """The names of the columns before the labels, and how wide they are."""
        several = len(self.task.groups) > 1
        labels = max(_cells(label) for g in self.task.groups for label in g.labels)
        sizes = {"image": max(map(_cells, (*map(_shown, self.names), "image")))}
        if self.regions:
            sizes["region"] = min(_WIDEST_STATE, max(map(_cells, (*self.regions, "region"))))
        if several:
            sizes["group"] = max(map(_cells, (*(g.name for g in self.task.groups), "group")))
        sizes["decision"] = min(_WIDEST_STATE, max(labels, _cells(self.rule.fallback), len("decision")))
        sizes["confidence"] = len("confidence")
        if self.rule.min_familiarity:
            sizes["familiarity"] = len("familiarity")
        if self._may_fall_back():
            sizes["reason"] = len("below threshold")
        if self.width is None:
            return sizes
        shown = min(self.top, max(len(g.labels) for g in self.task.groups))
        few, heading = min(_FEW_LABELS, shown * (labels + len(" 0.000, "))), len("labels")
        for name, least, wanted in (("image", self.width // 3, few), ("decision", 0, few), ("image", 0, heading)):
            lacking = sum(sizes.values()) + len(_GAP) * len(sizes) + wanted - self.width
            sizes[name] -= max(0, min(lacking, sizes[name] - max(_NARROWEST, least)))
        return sizes

    def _may_fall_back(self) -> bool:
        from decisight.policies.threshold import Threshold

        if not isinstance(self.rule, Threshold) or self.rule.min_familiarity:
            return True
        exclusive = {group.name for group in self.task.groups if group.exclusive}
        return any(name.partition(":")[0] in exclusive for name in self.rule.thresholds)

    def _joined(self, cells: Iterable[tuple[str, int]]) -> str:
        return "".join(_fitted(text, size, self.width) + _GAP for text, size in cells)

    def _looked_at(self, answer: Answer, columns: dict[str, int], *, first: bool = True) -> str:
        """The picture and its region; spaces below them on further lines of one answer."""
        name = _fitted(_shown(answer.image) if first else "", columns["image"], self.width, keep_end=True)
        region = [(answer.region or "" if first else "", columns["region"])] if self.regions else []
        return name + _GAP + self._joined(region)

    def _lines(
        self, answer: Answer, decision: Decision, group: LabelGroup, columns: dict[str, int], *, first: bool
    ) -> Iterator[Line]:
        """A decision and the labels that stand on its line, and as many lines more as the other labels need."""
        style = "green" if decision.reason is Reason.ACCEPTED else "yellow"
        before = self._looked_at(answer, columns, first=first)
        if "group" in columns:
            before += self._joined([(group.name, columns["group"])])
        after = _GAP + f"{decision.confidence:>{columns['confidence']}.3f}"
        if "familiarity" in columns:
            after += _GAP + f"{familiarity_text(answer.prediction) if first else '':>{columns['familiarity']}}"
        reason = _GAP + decision.reason.value.replace("_", " ") if "reason" in columns else ""
        state = state_text(decision, ", ") or "-"
        if self.width is not None:
            state = _cut(state, max(columns["decision"], self.width - _cells(before + after + reason)))
        state = _padded(state, columns["decision"])
        gap = _GAP + " " * (columns.get("reason", 0) + len(_GAP) - len(reason)) if reason else _GAP
        note = low_familiarity(answer.prediction, self.low) if first and "familiarity" not in columns else ""
        beside, *below = self._labels(answer, group, _cells(before + state + after + reason + gap), columns, note)
        yield [(before, ""), (state, style), (after, ""), (reason, style), (gap + beside if beside else "", "dim")]
        for labels in below:
            yield [(" " * self._indent(columns) + labels, "dim")]

    def _indent(self, columns: dict[str, int]) -> int:
        """Where further lines of labels begin: below the first, or below the decision where that leaves little room."""
        names = list(columns)
        labels = sum(columns.values()) + len(_GAP) * len(names)
        if self.width is None or self.width - labels >= _ROOM_FOR_LABELS:
            return labels
        left = names[: names.index("decision")]
        return sum(columns[name] + len(_GAP) for name in left)

    def _labels(self, answer: Answer, group: LabelGroup, used: int, columns: dict[str, int], note: str) -> list[str]:
        """The most confident labels, and a note; line by line, the first empty where what is used leaves no room."""
        assert answer.prediction is not None  # noqa: S101 - for the type checker; errors have a line of their own
        found = answer.prediction.results(group.name)[: self.top]
        width = math.inf if self.width is None else self.width
        room, full = width - used, width - self._indent(columns)
        lines = [""]
        ends = [","] * (len(found) - 1) + [""]
        numbers = [f" {result.confidence:.3f}{end}" for result, end in zip(found, ends, strict=True)]
        pieces = [
            _cut(_shown(result.label), max(1, full - len(number))) + number
            for result, number in zip(found, numbers, strict=True)
        ]
        for piece in [*pieces, note] if note else pieces:
            longer = f"{lines[-1]} {piece}".lstrip()
            if _cells(longer) <= room:
                lines[-1] = longer
            else:
                lines.append(piece)
                room = full
        return lines


def _shown(text: str) -> str:
    from decisight.imaging import printable

    return printable(text)


def _cells(text: str) -> int:
    from rich.cells import cell_len

    return cell_len(text)


def _fitted(text: str, size: int, width: int | None, *, keep_end: bool = False) -> str:
    """Text filled with spaces to a size; cut to it on a terminal."""
    return _padded(text if width is None else _cut(text, size, keep_end=keep_end), size)


def _cut(text: str, size: float, *, keep_end: bool = False) -> str:
    """Text of at most so many cells; an ellipsis stands for what was cut."""
    if _cells(text) <= size:
        return text
    while _cells(text) >= size and text:
        text = text[1:] if keep_end else text[:-1]
    return f"…{text}" if keep_end else f"{text}…"


def _padded(text: str, size: int) -> str:
    return text + " " * (size - _cells(text))

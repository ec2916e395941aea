"""What answers look like: JSON, JSON Lines, CSV, and a table for people."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, TypeAlias

from decisight.types import NONE_OF_THEM, Answer, Decision, LabelGroup, Reason, Target, Task

if TYPE_CHECKING:
    from decisight.policies.threshold import Threshold

__all__ = ["Format", "Line", "Table", "csv_cells", "csv_columns", "csv_row", "csv_text", "json_lines", "json_list"]


class Format(StrEnum):
    """How answers are written."""

    TABLE = "table"
    JSON = "json"
    JSONL = "jsonl"
    CSV = "csv"


def json_list(answers: Iterable[Answer]) -> Iterator[str]:
    """One JSON list, an answer a line, in pieces."""
    before = "[\n"
    for answer in answers:
        yield before + json.dumps(answer.to_json(), ensure_ascii=False)
        before = ",\n"
    yield "\n]\n" if before == ",\n" else "[]\n"


def json_lines(answers: Iterable[Answer]) -> Iterator[str]:
    """One JSON object a line."""
    for answer in answers:
        yield json.dumps(answer.to_json(), ensure_ascii=False) + "\n"


def csv_text(answers: Iterable[Answer], task: Task) -> Iterator[str]:
    """A header and one row a picture; see :func:`csv_columns`."""
    yield csv_row(csv_columns(task))
    for answer in answers:
        yield csv_row(csv_cells(answer, task))


def csv_columns(task: Task, *, actual: bool = False) -> list[str]:
    """``image``; of each group ``state``, ``confidence``, ``reason``; each label's confidence; ``error``.

    Where the task has several groups they are called ``helmet.state`` and so on, and the labels ``helmet:helmet``.

    Args:
        task: of the model.
        actual: with a column ``actual`` before each ``state``.
    """
    several = len(task.groups) > 1
    decided = ("actual",) * actual + ("state", "confidence", "reason")
    fixed = [f"{group.name}.{name}" if several else name for group in task.groups for name in decided]
    labels = [
        f"{group.name}:{label}" if several or label in ("image", *fixed, "error") else label
        for group in task.groups
        for label in group.labels
    ]
    return ["image", *fixed, *labels, "error"]


def csv_cells(answer: Answer, task: Task, targets: Sequence[Target] | None = None) -> list[str]:
    """One answer's cells, as :func:`csv_columns` names them; those of a prediction are empty where there is none.

    Args:
        answer: for one picture.
        task: of the model.
        targets: what is true of it, one a group, where there are columns for it.
    """
    if answer.prediction is None:
        empty = len(csv_columns(task, actual=targets is not None)) - 2
        return [answer.image, *[""] * empty, answer.error or ""]
    decided: list[str] = []
    for at, decision in enumerate(answer.decisions):
        actual = [] if targets is None else [_target(targets[at])]
        decided += [*actual, _state(decision, "|") or NONE_OF_THEM, _number(decision.confidence), decision.reason.value]
    confidences = (_number(value) for row in answer.prediction.confidences for value in row)
    return [answer.image, *decided, *confidences, ""]


def _target(target: Target) -> str:
    """As a table of labelled pictures has it."""
    return target or "" if isinstance(target, str | None) else "|".join(sorted(target)) or NONE_OF_THEM


def _number(value: float) -> str:
    return repr(round(value, 8))


def csv_row(cells: Sequence[str]) -> str:
    """One line of a CSV file."""
    line = io.StringIO()
    # Python puts a carriage return within a cell in quotes only where it is part of the end of a line.
    csv.writer(line, lineterminator="\r\n").writerow(cells)
    return line.getvalue().removesuffix("\r\n") + "\n"


def _state(decision: Decision, between: str) -> str:
    return decision.state if isinstance(decision.state, str) else between.join(decision.state)


Line: TypeAlias = list[tuple[str, str]]
"""Pieces of text, each with its style."""

_WIDEST_STATE = 24
_GAP = "  "


@dataclass(frozen=True, slots=True)
class Table:
    """Aligned columns, a line for each picture and group; written as the pictures come.

    Args:
        task: of the model.
        rule: of the decisions.
        top: how many labels of each group are shown.
        names: pictures that the first column is made wide enough for.
        width: of the terminal, in characters: what is longer is cut. ``None``: nothing is cut.
    """

    task: Task
    rule: Threshold
    top: int
    names: Sequence[str]
    width: int | None = None

    def render(self, answers: Iterable[Answer]) -> Iterator[Line]:
        """The heading, and the lines of every answer."""
        columns = self._columns()
        yield [(self._joined([(name, size) for name, size in columns.items()]) + "labels", "bold")]
        for answer in answers:
            if answer.prediction is None:
                name = _fitted(_shown(answer.image), columns["image"], self.width, keep_end=True)
                yield [(name + _GAP, ""), (f"error: {_shown(answer.error or '')}", "red")]
                continue
            for at, decision in enumerate(answer.decisions):
                yield self._line(answer, decision, self.task.groups[at], columns, first=at == 0)

    def _columns(self) -> dict[str, int]:
        """The names of the columns before the labels, and how wide they are."""
        several = len(self.task.groups) > 1
        states = [*(label for g in self.task.groups for label in g.labels), self.rule.fallback, "decision"]
        image = max(map(_cells, (*map(_shown, self.names), "image")))
        sizes = {"image": image if self.width is None else min(image, max(12, self.width // 3))}
        if several:
            sizes["group"] = max(map(_cells, (*(g.name for g in self.task.groups), "group")))
        sizes["decision"] = min(_WIDEST_STATE, max(map(_cells, states)))
        sizes["confidence"] = len("confidence")
        if self._may_fall_back():
            sizes["reason"] = len("below threshold")
        return sizes

    def _may_fall_back(self) -> bool:
        exclusive = {group.name for group in self.task.groups if group.exclusive}
        return any(name.partition(":")[0] in exclusive for name in self.rule.thresholds)

    def _joined(self, cells: Iterable[tuple[str, int]]) -> str:
        return "".join(_fitted(text, size, self.width) + _GAP for text, size in cells)

    def _line(
        self, answer: Answer, decision: Decision, group: LabelGroup, columns: dict[str, int], *, first: bool
    ) -> Line:
        style = "green" if decision.reason is Reason.ACCEPTED else "yellow"
        name = _fitted(_shown(answer.image) if first else "", columns["image"], self.width, keep_end=True)
        line: Line = [(name + _GAP, "")]
        if "group" in columns:
            line.append((self._joined([(group.name, columns["group"])]), ""))
        line.append((self._joined([(_state(decision, ", ") or "-", columns["decision"])]), style))
        line.append((f"{decision.confidence:>{columns['confidence']}.3f}" + _GAP, ""))
        if "reason" in columns:
            line.append((self._joined([(decision.reason.value.replace("_", " "), columns["reason"])]), style))
        used = sum(_cells(text) for text, _ in line)
        line.append((self._labels(answer, group, None if self.width is None else self.width - used), "dim"))
        return line

    def _labels(self, answer: Answer, group: LabelGroup, room: int | None) -> str:
        """The most confident labels; as many as there is room for, at least one."""
        assert answer.prediction is not None  # noqa: S101 - for the type checker; errors have a line of their own
        shown = ""
        for result in answer.prediction.results(group.name)[: self.top]:
            longer = f"{shown}, " * bool(shown) + f"{_shown(result.label)} {result.confidence:.3f}"
            if shown and room is not None and _cells(longer) > room:
                break
            shown = longer
        return shown


def _shown(text: str) -> str:
    from decisight.imaging import printable

    return printable(text)


def _cells(text: str) -> int:
    from rich.cells import cell_len

    return cell_len(text)


def _fitted(text: str, size: int, width: int | None, *, keep_end: bool = False) -> str:
    """Text filled with spaces to a size; cut to it, with an ellipsis, on a terminal."""
    if width is not None and _cells(text) > size:
        while _cells(text) >= size:
            text = text[1:] if keep_end else text[:-1]
        text = f"…{text}" if keep_end else f"{text}…"
    return text + " " * (size - _cells(text))

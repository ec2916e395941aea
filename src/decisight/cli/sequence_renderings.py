"""What decisions over several pictures look like to people."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from decisight.cli.renderings import LOW_FAMILIARITY, Line, low_familiarity, state_text
from decisight.types import Decision, Held, Reason

if TYPE_CHECKING:
    from rich.console import Console

    from decisight.deciding import DecidedReading, DecidedSequence
    from decisight.evaluation.comparison import Comparison
    from decisight.evaluation.figures import Estimate
    from decisight.evaluation.sequences import SequenceFigures

__all__ = ["DecideFormat", "comparison_lines", "plain", "sequence_lines", "show"]

_LABELS = 3
"""How many labels of each group are shown with their confidences."""
_WIDEST_STATE, _NARROWEST = 24, 12
"""Cells: of a state on a terminal; that a column of a narrow terminal keeps."""
_ROOM_FOR_WHY = 28
"""Cells beside the other columns from which on the reason stands there, not on lines below."""
_INDENT, _GAP = "  ", "  "
_UNBROKEN = "\N{NO-BREAK SPACE}"
_CLOCK = 1e8
"""From here on times are taken for seconds since 1970."""
_LONGEST = 1e9
"""Seconds that are shown as a number that can be read."""
_KEPT = {
    Held.DWELL: "kept for its dwell",
    Held.GAP: "kept through a gap",
    Held.BLIND: "from earlier pictures",
    Held.EVIDENCE: "kept while the evidence against it is not enough",
    Held.TICK: "kept until the next picture",
    Held.UNFAMILIAR: "from earlier, familiar pictures",
}


class DecideFormat(StrEnum):
    """How decisions are written."""

    TEXT = "text"
    JSON = "json"
    JSONL = "jsonl"


def plain(lines: Iterable[Line]) -> str:
    """Lines as text, each ended."""
    return "".join("".join(text for text, _ in line).rstrip() + "\n" for line in lines)


def show(console: Console, lines: Iterable[Line]) -> None:
    """Print lines on a terminal, in their colours."""
    from rich.text import Text

    for line in lines:
        console.print(Text.assemble(*line), soft_wrap=True)


def sequence_lines(
    sequence: DecidedSequence, width: int | None = None, *, low: float = LOW_FAMILIARITY
) -> Iterator[Line]:
    """A sequence, its pictures line by line, and what is decided in the end.

    Args:
        sequence: what was decided.
        width: of the terminal, in cells: reasons are wrapped, and names that are longer than a third of it are cut.
            ``None``: all of a picture and group is on one line, and nothing is cut. Why a picture cannot be judged has
            a line of its own.
        low: the familiarity below which it is told of a picture.
    """
    folder = _folder(sequence)
    yield [(_heading(sequence, folder), "bold")]
    rows = [row for reading in sequence.readings for row in _rows(sequence, reading, folder, low)]
    sizes = [max(_cells(row[column]) for row in rows) for column in range(len(rows[0]) - 1)]
    if width is not None:
        sizes[0] = min(sizes[0], max(_NARROWEST, width // 3))
        sizes[-2] = min(sizes[-2], _WIDEST_STATE)
    following = iter(rows)
    for reading in sequence.readings:
        for decision in reading.decisions:
            style = "green" if decision.reason is Reason.ACCEPTED else "yellow"
            yield from _row_lines(next(following), sizes, style, width)
        if reading.reading.prediction is None:
            yield from _cause_lines(reading.reading.cause or "", width)
    last = sequence.readings[-1]
    for decision, text in zip(last.decisions, last.why, strict=True):
        yield from _final_lines(decision, text, len(last.decisions) > 1, width)
    yield []


def _heading(sequence: DecidedSequence, folder: str) -> str:
    name = _shown(sequence.name)
    place = "" if sequence.region is None else f", region {_shown(sequence.region)}"
    number = len(sequence.readings)
    where = f" in {_shown(folder)}" if folder and _shown(folder) != name else ""
    begun = sequence.readings[0].reading.time
    when = f", from {_moment(begun)} on" if begun is not None and begun >= _CLOCK else ""
    return f"{name}{place}: {number} picture{'' if number == 1 else 's'}{where}{when}"


def _moment(seconds: float) -> str:
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    except (ValueError, OverflowError, OSError):  # later than the year 9999
        return f"{seconds:g} s"


def _folder(sequence: DecidedSequence) -> str:
    """What the pictures' names have in common up to a separator, without it; nothing if they lie in several drives."""
    folders = {os.path.dirname(reading.image) for reading in sequence.readings}
    try:
        return os.path.commonpath(folders)
    except ValueError:  # some are absolute and others are not
        return ""


def _rows(sequence: DecidedSequence, reading: DecidedReading, folder: str, low: float) -> Iterator[tuple[str, ...]]:
    """The cells of a reading, one row a group: name, time and group where they say something, state, labels, why."""
    time, begun = reading.reading.time, sequence.readings[0].reading.time or 0.0
    timed = sequence.readings[0].reading.time is not None
    several = len(reading.decisions) > 1
    name = reading.image[len(folder) :].lstrip(os.sep) if folder else reading.image
    for at, (decision, why) in enumerate(zip(reading.decisions, reading.why, strict=True)):
        first = at == 0
        cells = [_shown(name) if first else ""]
        if timed:
            seconds = 0.0 if time is None else time - begun if begun >= _CLOCK else time
            cells.append((f"{seconds:.1f} s" if abs(seconds) < _LONGEST else f"{seconds:g} s") if first else "")
        if several:
            cells.append(_shown(decision.group))
        yield (*cells, _state(reading, at, decision), _said(reading, decision.group, low), _shown(why))


def _state(reading: DecidedReading, at: int, decision: Decision) -> str:
    state = _shown(state_text(decision, " + ")) or "-"
    # A label may be called as the fall-back is.
    is_label = isinstance(decision.state, str) and decision.state in reading.task.groups[at].labels
    return f"{state} (fall-back)" if is_label and decision.reason is not Reason.ACCEPTED else state


def _said(reading: DecidedReading, group: str, low: float) -> str:
    """The most confident labels, if any; what is not to be broken has a space of its own kind."""
    prediction = reading.reading.prediction
    if prediction is None:
        return "cannot be judged"
    results = prediction.results(group)
    said = "  ".join(f"{_shown(r.label)} {r.confidence:.3f}".replace(" ", _UNBROKEN) for r in results[:_LABELS])
    said += f"  (+{len(results) - _LABELS})" if len(results) > _LABELS else ""
    note = low_familiarity(prediction, low).replace(" ", _UNBROKEN)
    return f"{said}  {note}" if note else said


def _cause_lines(cause: str, width: int | None) -> Iterator[Line]:
    """Why a picture cannot be judged, below its row: beside the other cells it would make all rows as wide."""
    text, indent = f"error: {_shown(cause)}", 2 * _INDENT
    for line in [text] if width is None else _wrapped(text, width - len(indent)):
        yield [(indent + line, "yellow")]


def _row_lines(row: Sequence[str], sizes: Sequence[int], style: str, width: int | None) -> Iterator[Line]:
    """A row, its reason beside the other cells or below them."""
    *cells, state, said, why = row
    cells = [_fitted(cell, size, width, keep_end=True) for cell, size in zip(cells, sizes, strict=False)]
    before = _INDENT + "".join(cell + _GAP for cell in cells)
    state = _fitted(state, sizes[-2], width)
    if width is None:
        yield [
            (before, ""),
            (state, style),
            (f"{_GAP}{_padded(said, sizes[-1])}".replace(_UNBROKEN, " "), ""),
            (_GAP + why, "dim"),
        ]
        return
    room = width - _cells(before + state + _GAP)
    if room < _ROOM_FOR_WHY:
        yield [(before, ""), (state, style)]
        yield from ([(2 * _INDENT + text, "")] for text in _wrapped(said, width - len(2 * _INDENT)))
        yield from ([(2 * _INDENT + text, "dim")] for text in _wrapped(why, width - len(2 * _INDENT)))
        return
    beside, *more = _wrapped(said, room)
    of_why = room - max(sizes[-1], _cells(beside)) - len(_GAP)
    if not more and of_why >= min(_ROOM_FOR_WHY, _cells(why)):
        first, *below = _wrapped(why, of_why)
        padded = _padded(beside, sizes[-1])
        yield [(before, ""), (state, style), (_GAP + padded, ""), (_GAP + first, "dim")]
        indent = " " * _cells(before + state + _GAP + padded + _GAP)
    else:
        yield [(before, ""), (state, style), (_GAP + beside, "")]
        indent = " " * _cells(before + state + _GAP)
        yield from ([(indent + text, "")] for text in more)
        below = _wrapped(why, room)
    yield from ([(indent + text, "dim")] for text in below)


def _final_lines(decision: Decision, why: str, several: bool, width: int | None) -> Iterator[Line]:
    of = f"{_shown(decision.group)}: " if several else ""
    held = f", {_KEPT[decision.held]}" if decision.held is not None else ""
    undecided = f", undecided: {', '.join(map(_shown, decision.undecided))}" if decision.undecided else ""
    state = _shown(state_text(decision, " + ")) or "none of them"
    reason = decision.reason.value.replace("_", " ")
    # Of the fall-back nobody is so sure: it is the confidence of a label that was not accepted.
    sure = f"confidence {decision.confidence:.3f}"
    if decision.reason is not Reason.ACCEPTED:
        sure = f"nothing accepted, best {sure}" if decision.confidence else "nothing accepted"
    sure = f"({sure}, {reason}{held}{undecided})"
    style = "bold green" if decision.reason is Reason.ACCEPTED else "bold yellow"
    text = f"{sure}: {_shown(why)}"
    start = f"{_INDENT}=> {of}"
    if width is None:
        yield [(start, ""), (state, style), (f" {text}", "")]
        return
    room = max(_NARROWEST, width - len(_INDENT) - 3)
    first, *below = _wrapped(f"{of}{state} {text}", room)
    shown = len(of) + len(state)
    yield [(start, ""), (first[len(of) : shown], style), (first[shown:], "")]
    yield from ([(f"{_INDENT}   {line}", "")] for line in below)


def comparison_lines(found: Mapping[str, Comparison], policy: str) -> Iterator[Line]:
    """What a policy is worth on labelled sequences, beside each picture alone, group by group."""
    for name, comparison in found.items():
        yield from _comparison_lines(name, comparison, policy)


def _comparison_lines(name: str, comparison: Comparison, policy: str) -> Iterator[Line]:
    single, several = comparison.single, comparison.policy
    columns = ("each picture alone", _shown(policy))
    rows = [
        ("false decisions", _share(single.false_decisions), _share(several.false_decisions)),
        ("  if errors were independent", _percent(single.false_decisions.value), _percent(comparison.independent)),
    ]
    if comparison.by_votes is not None:
        rows.append(("  the same, by the votes", "", _percent(comparison.by_votes)))
    rows += [
        ("decided", _share(single.decided), _share(several.decided)),
        ("right, off changes", _share(single.accuracy_off_edges), _share(several.accuracy_off_edges)),
        ("right, all pictures", _share(single.accuracy), _share(several.accuracy)),
        ("extra changes of state", str(single.excess_flips), str(several.excess_flips)),
        ("median delay after a change", _delay(single), _delay(several)),
        ("changes never seen", str(single.missed), str(several.missed)),
    ]
    heading = (
        f"{_shown(name)}: {comparison.sequences} labelled sequence{'' if comparison.sequences == 1 else 's'}, "
        f"{single.images} picture{'' if single.images == 1 else 's'}, "
        f"{single.transitions} true change{'' if single.transitions == 1 else 's'}"
    )
    yield [(heading, "bold")]
    width = max(len(row[0]) for row in rows)
    first = max(len(columns[0]), *(len(row[1]) for row in rows))
    yield [(f"{_INDENT}{'':{width}}  {columns[0]:{first}}  {columns[1]}", "")]
    for title, of_single, of_policy in rows:
        yield [(f"{_INDENT}{title:{width}}  {of_single:{first}}  {of_policy}", "")]
    yield [(f"{_INDENT}Off changes: more than a second from the start and from every true change.", "dim")]
    yield [(f"{_INDENT}False decisions and decided are of these, too. In brackets: 95 % intervals.", "dim")]
    if math.isfinite(comparison.correlation):
        yield [(f"{_INDENT}Correlation of successive pictures beyond what is true: {comparison.correlation:.2f}", "")]
    yield []


def _share(estimate: Estimate) -> str:
    if math.isnan(estimate.value):
        return "-"
    return f"{_percent(estimate.value)} ({100 * estimate.low:.1f} to {100 * estimate.high:.1f})"


def _percent(value: float) -> str:
    return "-" if math.isnan(value) else f"{100 * value:.1f} %"


def _delay(figures: SequenceFigures) -> str:
    if math.isnan(figures.median_delay):
        return "-"
    return f"{figures.median_delay:.1f} s" if math.isfinite(figures.median_delay) else "half are never seen"


def _shown(text: str) -> str:
    from decisight.imaging import printable

    return printable(text)


def _cells(text: str) -> int:
    from rich.cells import cell_len

    return cell_len(text)


def _padded(text: str, size: int) -> str:
    return text + " " * (size - _cells(text))


def _fitted(text: str, size: int, width: int | None, *, keep_end: bool = False) -> str:
    """Text filled with spaces to a size; cut to it on a terminal."""
    if width is not None and _cells(text) > size:
        while _cells(text) >= size and text:
            text = text[1:] if keep_end else text[:-1]
        text = f"…{text}" if keep_end else f"{text}…"
    return _padded(text, size)


def _wrapped(text: str, size: int) -> list[str]:
    """Text in lines of at most so many cells, broken between words where it can be."""
    lines = [""]
    for word in text.split(" "):
        longer = f"{lines[-1]} {word}" if lines[-1] else word
        if _cells(longer) <= size:
            lines[-1] = longer
            continue
        rest = word
        lines += [""] if lines[-1] else []
        while _cells(rest) > size:
            end = next(n for n in range(len(rest), 0, -1) if _cells(rest[:n]) <= size or n == 1)
            lines[-1], rest = rest[:end], rest[end:]
            lines.append("")
        lines[-1] = rest
    return [line.replace(_UNBROKEN, " ").rstrip() for line in lines]

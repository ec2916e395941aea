"""The last readings: so many of them, or those of so many seconds; and their means."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from operator import mul
from typing import NamedTuple

from decisight.errors import UsageError
from decisight.policies.fold import Row
from decisight.spans import MICROSECOND, Span, SpanText, parse_span

__all__ = ["MOST_READINGS", "Entry", "Window", "mean_row", "parse_window", "weighted_mean"]

MOST_READINGS = 4096
"""A window holds no more readings than this; of one in seconds, older ones are given up: :meth:`Window.cut` says so."""


class Entry(NamedTuple):
    """One reading in a window; as a list, a JSON value.

    Args:
        time: when it was taken, in seconds.
        vote: the index of the label that it spoke for, or :data:`~decisight.policies.ballot.NOTHING`.
        row: its confidences; ``None`` where the picture could not be judged.
        quality: of the picture, 0..1.
    """

    time: float
    vote: int
    row: Row | None
    quality: float


class Window(NamedTuple):
    """How far back a policy looks."""

    span: Span

    def push(self, entries: Sequence[Entry], entry: Entry) -> tuple[Entry, ...]:
        """The readings of a window with one more, oldest first."""
        if self.span.images is not None:
            return (*entries[max(0, len(entries) + 1 - self.span.images) :], entry)
        return (*self.recent(entries[1 - MOST_READINGS :], entry.time), entry)

    def recent(self, entries: Sequence[Entry], now: float) -> Sequence[Entry]:
        """Those that are still in the window; entries that were stored come as lists."""
        if self.span.seconds is None:
            return entries
        # What is exactly as old as the window is long has just left it.
        begin = now - self.span.seconds + MICROSECOND
        return [entry for entry in entries if entry[0] > begin]

    def settled(self, entries: Sequence[Entry], now: float) -> bool:
        """Whether none leaves it by time alone any more."""
        return self.span.seconds is None or not self.recent(entries, now)

    def cut(self, entries: Sequence[Entry]) -> str:
        """What is to be said after an explanation by these readings, where a window in seconds holds as many as it can.

        Empty where it has room. Older readings may then lie within its seconds, and do not count.
        """
        if self.span.seconds is None or len(entries) < MOST_READINGS:
            return ""
        return f"; a window holds {MOST_READINGS} readings, older ones of its {self.span} do not count"


def parse_window(value: SpanText, policy: str, required: int) -> Window:
    """A window as a configuration writes it.

    Args:
        value: ``5`` images or ``"2s"``.
        policy: its name, for messages.
        required: the readings that must fit into it.

    Raises:
        UsageError: it is not understood, is too long, or is too short for what is required.
    """
    span = parse_span(value, "window", least=1)
    if span.images is not None and span.images > MOST_READINGS:
        raise UsageError(
            f"{policy}: a window of {span} is too long", hint=f"give {MOST_READINGS} or fewer, or a time such as 1m"
        )
    if not 1 <= required <= (span.images or MOST_READINGS):
        raise UsageError(
            f"{policy}: required = {required} does not fit a window of {span}",
            hint=f"it is at least 1 and at most {span.images or MOST_READINGS}, for example 3 in a window of 5",
        )
    return Window(span)


def mean_row(rows: Iterable[Row | None]) -> Row:
    """The mean of those rows that there are, label by label; empty where there is none.

    The order of the rows changes nothing, to the bit.
    """
    judged = [row for row in rows if row is not None]
    return tuple(math.fsum(column) / len(judged) for column in zip(*judged, strict=True)) if judged else ()


def weighted_mean(rows: Sequence[Row], weights: Sequence[float]) -> Row:
    """The mean of rows, label by label, each with a weight of 0 or more; empty where none has any.

    It never leaves the range of what it is of, so that rows that all say 0.8 still reach a threshold of 0.8.
    """
    total = math.fsum(weights)
    if total <= 0.0:
        return ()
    return tuple(
        min(max(math.fsum(map(mul, weights, column)) / total, min(column)), max(column))
        for column in zip(*rows, strict=True)
    )

"""Judge what a policy reports: events that were none, changes that it missed, how often it changes its mind.

Everything is counted stretch by stretch, where a stretch is the time between two changes of what is true: what is true
stays the same in it, and decisions err together. So stretches are what is drawn again for intervals and comparisons.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from decisight.evaluation.estimates import proportion
from decisight.evaluation.figures import Estimate
from decisight.evaluation.intervals import bootstrap
from decisight.evaluation.metrics import Floats
from decisight.evaluation.sequences import SequenceFigures, StateLine, judge_lines
from decisight.types import Target

__all__ = ["COUNTS", "DecidedEvent", "EventFigures", "Rate", "WatchedLine", "decided_events", "judge_events", "tally"]

COUNTS = ("seconds", "off", "right_off", "flips", "excess_flips", "missed", "false_events", "events")
"""What :func:`tally` counts in each stretch, column by column: seconds of known truth, pictures off the edges, those of
them that are right, and the rest as in :class:`EventFigures`."""

_TAILS = (0.025, 0.975)
_FEWEST = 2
"""Stretches below which there is nothing to draw from."""


@dataclass(frozen=True, slots=True)
class WatchedLine:
    """A state line, and what else is to be known of it to judge its events.

    Args:
        line: what was true and what was decided, picture by picture.
        judged: one a picture, whether it could be judged.
        quiet: labels that open no event.
    """

    line: StateLine
    judged: tuple[bool, ...]
    quiet: frozenset[str] = frozenset()


class DecidedEvent(NamedTuple):
    """A label that was decided on picture after picture.

    Args:
        label: which.
        begin: its first picture.
        end: the first picture after it.
        true: whether the label was true of one of them; ``None`` where nothing is known of any.
    """

    label: str
    begin: int
    end: int
    true: bool | None


@dataclass(frozen=True, slots=True)
class Rate:
    """How often something happens.

    Args:
        count: how often it did.
        hours: in how many hours.
        low: the 95 % interval of how often it does in one hour, its lower end.
        high: the upper end.
    """

    count: int
    hours: float
    low: float
    high: float

    @property
    def per_hour(self) -> float:
        """How often in one hour; NaN where there was no time."""
        return self.count / self.hours if self.hours else math.nan


@dataclass(frozen=True, slots=True)
class EventFigures:
    """How good a policy is at reporting what happens. Pictures of unknown truth do not count.

    Args:
        sequence: how good its decisions are, picture by picture.
        flips: how often the state changes.
        excess_flips: flips that meet no true change, see :attr:`StateLine.excess_flips`.
        events: stretches in which a label was decided, quiet labels left out; the fall-back is no label.
        false_events: those in which the label was true at no moment.
        missed: of the true changes, those after which the state never became what was true.
        coverage: share of the pictures that could be judged.
        hours: of known truth, all lines together: each label group of each region counts its own time.
        stretches: how many stretches there are.
    """

    sequence: SequenceFigures
    flips: Rate
    excess_flips: Rate
    events: Rate
    false_events: Rate
    missed: Estimate
    coverage: Estimate
    hours: float
    stretches: int

    def to_json(self) -> dict[str, Any]:
        """Plain numbers by their names, and under ``intervals`` a pair for each that has one; ``None``: undefined."""
        of_pictures: dict[str, Estimate] = {
            "frame_accuracy": self.sequence.accuracy,
            "frame_accuracy_off_edges": self.sequence.accuracy_off_edges,
            "missed_share": self.missed,
            "coverage": self.coverage,
        }
        rates: dict[str, Rate] = {
            "flips_per_hour": self.flips,
            "excess_flips_per_hour": self.excess_flips,
            "false_events_per_hour": self.false_events,
            "events_per_hour": self.events,
        }
        return {
            **{name: _plain(one.value) for name, one in of_pictures.items()},
            **{name: _plain(one.per_hour) for name, one in rates.items()},
            "flips": self.flips.count,
            "excess_flips": self.excess_flips.count,
            "events": self.events.count,
            "false_events": self.false_events.count,
            "missed": self.sequence.missed,
            "median_delay_seconds": _plain(self.sequence.median_delay),
            "worst_delay_seconds": _plain(self.sequence.worst_delay),
            "transitions": self.sequence.transitions,
            "stretches": self.stretches,
            "pictures": self.sequence.images,
            "hours": self.hours,
            "intervals": {
                **{name: [_plain(one.low), _plain(one.high)] for name, one in of_pictures.items()},
                **{name: [_plain(one.low), _plain(one.high)] for name, one in rates.items()},
            },
        }


def judge_events(lines: Sequence[WatchedLine], *, seed: int = 0) -> EventFigures:
    """The figures of state lines.

    Intervals of shares are those of :func:`~decisight.evaluation.sequences.judge_lines`. Those of rates hold the
    percentiles of a bootstrap over stretches, since flips come in bursts, and the exact interval of a Poisson rate
    (Garwood, "Fiducial limits for the Poisson distribution", Biometrika 28, 1936), since a bootstrap is blind to what
    has not happened yet.

    Args:
        lines: one for each label group of each region of each clip.
        seed: of the bootstrap.
    """
    table = np.concatenate([tally(one) for one in lines]) if lines else np.zeros((0, len(COUNTS)))
    total = dict(zip(COUNTS, table.sum(axis=0).tolist(), strict=True))
    columns = ["flips", "excess_flips", "events", "false_events"]
    drawn = _drawn_rates(table, columns, seed)
    hours = total["seconds"] / 3600.0
    rates = {
        name: _rate(round(total[name]), hours, drawn[:, at] if len(drawn) else None) for at, name in enumerate(columns)
    }
    judged, clusters = _judged(lines)
    sequence = judge_lines([one.line for one in lines])
    missed = np.arange(sequence.transitions) < sequence.missed
    return EventFigures(
        sequence=sequence,
        **rates,
        missed=proportion(missed, None),
        coverage=proportion(judged, clusters),
        hours=hours,
        stretches=len(table),
    )


def decided_events(line: StateLine, quiet: Collection[str] = ()) -> list[DecidedEvent]:
    """Every label that was decided, from its first picture to its last in a row.

    Of an independent group each label has events of its own. Pictures of unknown truth belong to an event, and say
    nothing of whether it is true.

    Args:
        line: what was true and what was decided.
        quiet: labels that open no event.
    """
    found = []
    for label in dict.fromkeys(label for state in line.states for label in _labels(state)):
        if label in quiet:
            continue
        begin = 0
        for holds, run in itertools.groupby(label in _labels(state) for state in line.states):
            end = begin + len(list(run))
            if holds:
                known = [truth for truth in line.truth[begin:end] if truth is not None]
                true = any(label in _labels(truth) for truth in known) if known else None
                found.append(DecidedEvent(label, begin, end, true))
            begin = end
    return sorted(found, key=lambda event: event.begin)


def tally(watched: WatchedLine) -> Floats:
    """What happens in each stretch between true changes.

    A flip counts where it is, an event where it begins, or where first something is known of it; a change that is
    missed counts in the stretch that it begins.

    Returns:
        ``(S, 8)``, the columns of :data:`COUNTS`; no row where the truth is known nowhere.
    """
    line = watched.line
    known = line.known
    if not known.truth:
        return np.zeros((0, len(COUNTS)))
    stretches = np.array(known.stretches)
    flips, met = known.flips, known.met
    rows = int(stretches[-1]) + 1
    off = np.array(known.off_edges())
    right = np.array([state == truth for state, truth in zip(known.states, known.truth, strict=True)])
    of_known = iter(stretches.tolist())
    stretch_of = [None if truth is None else next(of_known) for truth in line.truth]
    events = [event for event in decided_events(line, watched.quiet) if event.true is not None]
    places = [next(at for at in stretch_of[event.begin : event.end] if at is not None) for event in events]

    def counted(at: Sequence[int]) -> Floats:
        return np.bincount(np.asarray(at, int), minlength=rows).astype(float)

    return np.column_stack(
        [
            np.bincount(stretches, list(_seconds(line)), minlength=rows),
            np.bincount(stretches, off, minlength=rows),
            np.bincount(stretches, off & right, minlength=rows),
            counted([stretches[at] for at in flips]),
            counted([stretches[at] for at in set(flips).difference(met)]),
            counted([number for number, at in enumerate(met, start=1) if at is None]),
            counted([place for place, event in zip(places, events, strict=True) if not event.true]),
            counted(places),
        ]
    )


def _seconds(line: StateLine) -> Iterator[float]:
    """Of each picture of known truth, the seconds to the next one, where that follows on it."""
    for at, truth in enumerate(line.truth):
        if truth is None:
            continue
        goes_on = at + 1 < len(line.truth) and line.truth[at + 1] is not None
        yield line.times[at + 1] - line.times[at] if goes_on else 0.0


def _labels(state: Target) -> frozenset[str]:
    if state is None:
        return frozenset()
    return frozenset({state}) if isinstance(state, str) else state


def _judged(lines: Sequence[WatchedLine]) -> tuple[Any, Any]:
    """Whether each picture of known truth could be judged, and which stretch it is of."""
    judged: list[bool] = []
    clusters: list[int] = []
    begun = 0
    for one in lines:
        of_line = [judged for judged, truth in zip(one.judged, one.line.truth, strict=True) if truth is not None]
        stretches = one.line.known.stretches
        judged += of_line
        clusters += [begun + at for at in stretches]
        begun += (stretches[-1] + 1) if stretches else 0
    return np.array(judged, bool), np.array(clusters, np.int64)


def _drawn_rates(table: Floats, columns: Sequence[str], seed: int) -> Floats:
    """Of stretches drawn again, how often something happens in an hour; ``(B, F)``, none of too few stretches."""
    if len(table) < _FEWEST:
        return np.zeros((0, len(columns)))
    counts = table[:, [COUNTS.index(name) for name in columns]]
    hours = table[:, COUNTS.index("seconds")] / 3600.0

    def rates(weights: Floats) -> Floats:
        time = weights @ hours
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(time[:, None] > 0.0, (weights @ counts) / time[:, None], np.nan)

    return bootstrap(rates, len(table), seed=seed)


def _rate(count: int, hours: float, drawn: Floats | None) -> Rate:
    from scipy.special import gammaincinv  # type: ignore[import-untyped,unused-ignore]

    if not hours:
        return Rate(count, hours, math.nan, math.nan)
    low = float(gammaincinv(count, _TAILS[0])) / hours if count else 0.0
    high = float(gammaincinv(count + 1, _TAILS[1])) / hours
    if drawn is not None and not np.isnan(drawn).all():
        of_drawn = [float(q) for q in np.nanquantile(drawn, _TAILS)]
        low, high = min(low, of_drawn[0]), max(high, of_drawn[1])
    return Rate(count, hours, low, high)


def _plain(value: float) -> float | None:
    return value if math.isfinite(value) else None

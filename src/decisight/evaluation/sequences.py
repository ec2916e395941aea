"""Judge decisions over time: what was decided image by image beside what was true."""

from __future__ import annotations

import bisect
import itertools
import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from decisight.evaluation.estimates import proportion
from decisight.evaluation.figures import Estimate
from decisight.policies.task_fold import TaskFold
from decisight.protocols import Policy
from decisight.types import Decision, LabelGroup, Reading, Reason, Target, Task

__all__ = [
    "EDGE_SECONDS",
    "LabelledSequence",
    "SequenceFigures",
    "StateLine",
    "as_if_independent",
    "correlation",
    "decisions_of",
    "judge_lines",
    "state_line",
]

EDGE_SECONDS = 1.0
"""How far from a change of what is true, or from the start, an image must be to count as off the edges.

Near them every policy over several images is late, and how late is a figure of its own."""


_NO_SPREAD = 1e-12
"""What rounding leaves of the variance of log-odds that are all the same."""

_MOST_CORRELATION = 0.99
"""With 1, images after the first would say nothing at all, and no policy takes it; it cannot be measured either."""


@dataclass(frozen=True, slots=True)
class LabelledSequence:
    """Readings in a row, and what is true of each in one group.

    Args:
        name: of the sequence.
        readings: in order.
        truth: one a reading; ``None`` where it is not known.
        times: one a reading, in seconds, never going back.
    """

    name: str
    readings: tuple[Reading, ...]
    truth: tuple[Target, ...]
    times: tuple[float, ...]

    def off_edges(self) -> tuple[bool, ...]:
        """Which images are off the edges, see :meth:`StateLine.off_edges`; of unknown truth none is."""
        off = iter(StateLine(self.name, self.times, self.truth, (None,) * len(self.truth)).known.off_edges())
        return tuple(truth is not None and next(off) for truth in self.truth)


@dataclass(frozen=True, slots=True)
class StateLine:
    """What was true and what was decided, image by image.

    Args:
        name: of the sequence.
        times: in seconds, never going back.
        truth: a label, or a set of labels; ``None`` where not known.
        states: the same, as decided; ``None`` for the fall-back.
    """

    name: str
    times: tuple[float, ...]
    truth: tuple[Target, ...]
    states: tuple[Target, ...]

    @property
    def known(self) -> StateLine:
        """The same without the images of unknown truth: a change among them counts from the first that is known."""
        kept = [at for at, truth in enumerate(self.truth) if truth is not None]
        times, truth = tuple(self.times[at] for at in kept), tuple(self.truth[at] for at in kept)
        return StateLine(self.name, times, truth, tuple(self.states[at] for at in kept))

    @property
    def transitions(self) -> tuple[int, ...]:
        """Where what is true changes: the first image of each new truth."""
        return tuple(
            at
            for at, (before, now) in enumerate(itertools.pairwise(self.truth), start=1)
            if None not in (before, now) and before != now
        )

    @property
    def stretches(self) -> tuple[int, ...]:
        """One an image: in which stretch between transitions it is, from 0."""
        begins = self.transitions
        return tuple(bisect.bisect_right(begins, at) for at in range(len(self.truth)))

    @property
    def flips(self) -> tuple[int, ...]:
        """Where the state changes: the first image of each new one; to find a first state after the start is none."""
        first = next((at for at, state in enumerate(self.states) if state is not None), len(self.states))
        return tuple(at for at in range(first + 1, len(self.states)) if self.states[at - 1] != self.states[at])

    @property
    def met(self) -> tuple[int | None, ...]:
        """Of each transition, the first image before the next one whose state is what is true then, if any is."""
        return tuple(
            next((at for at in range(begin, end) if self.states[at] == self.truth[begin]), None)
            for begin, end in itertools.pairwise((*self.transitions, len(self.truth)))
        )

    @property
    def excess_flips(self) -> int:
        """How many flips meet no transition.

        In each stretch between transitions one flip is right, however late: that to the state that is true, the first
        time that it comes. All others are one too many. Where a transition is never met, or needs no flip since the
        state was that already, none is right: so what is missed in one stretch makes up for nothing in another.
        """
        return len(set(self.flips).difference(self.met))

    @property
    def delays(self) -> tuple[float, ...]:
        """Of each transition, seconds until the state is what is true then; infinite if that never happens."""
        return tuple(
            math.inf if at is None else self.times[at] - self.times[begin]
            for begin, at in zip(self.transitions, self.met, strict=True)
        )

    def off_edges(self, seconds: float = EDGE_SECONDS) -> tuple[bool, ...]:
        """Which images are further than this from every transition, and from the start, where nothing is known yet."""
        edges = [-math.inf, *self.times[:1], *(self.times[at] for at in self.transitions), math.inf]
        return tuple(
            all(abs(time - edge) > seconds for edge in edges[after - 1 : after + 1])
            for time in self.times
            for after in [bisect.bisect_right(edges, time)]
        )


@dataclass(frozen=True, slots=True)
class SequenceFigures:
    """How good the decisions of a policy are over labelled sequences. Images of unknown truth do not count.

    Args:
        images: how many images count.
        transitions: how often what is true changes.
        accuracy: share of images whose state is what is true; the fall-back never is.
        accuracy_off_edges: the same of images off the edges: further than :data:`EDGE_SECONDS` from every transition
            and from the start.
        decided: share of the images off the edges that have a state other than the fall-back.
        false_decisions: share of the images off the edges that have a wrong state other than the fall-back.
        flips: how often the state changes.
        excess_flips: flips that meet no transition, see :attr:`StateLine.excess_flips`.
        missed: transitions after which the state never became what was true.
        median_delay: seconds from a transition to the state that is true then; infinite if half are missed; NaN of
            no transition.
        worst_delay: the longest of these, of the transitions that are not missed; NaN where there is none.
        hours: how long the sequences are together.
    """

    images: int
    transitions: int
    accuracy: Estimate
    accuracy_off_edges: Estimate
    decided: Estimate
    false_decisions: Estimate
    flips: int
    excess_flips: int
    missed: int
    median_delay: float
    worst_delay: float
    hours: float

    def to_json(self) -> dict[str, Any]:
        """The same as JSON values; ``None`` for what is undefined or infinite."""
        return {
            "images": self.images,
            "transitions": self.transitions,
            "frame_accuracy": self.accuracy.to_json(),
            "frame_accuracy_off_edges": self.accuracy_off_edges.to_json(),
            "decided": self.decided.to_json(),
            "false_decisions": self.false_decisions.to_json(),
            "flips": self.flips,
            "excess_flips": self.excess_flips,
            "missed": self.missed,
            "median_delay_seconds": self.median_delay if math.isfinite(self.median_delay) else None,
            "worst_delay_seconds": self.worst_delay if math.isfinite(self.worst_delay) else None,
            "hours": self.hours,
        }


def state_line(sequence: LabelledSequence, decisions: Sequence[Decision], fallback: str) -> StateLine:
    """What was decided after each reading of a sequence, beside what was true.

    Args:
        sequence: the readings and their truth.
        decisions: one a reading.
        fallback: the fall-back state.
    """
    states = tuple(frozenset(d.state) if isinstance(d.state, tuple) else _state(d, fallback) for d in decisions)
    return StateLine(sequence.name, sequence.times, sequence.truth, states)


def _state(decision: Decision, fallback: str) -> str | None:
    # A label may be called as the fall-back is: the reason tells them apart.
    return None if decision.state == fallback and decision.reason is not Reason.ACCEPTED else str(decision.state)


def judge_lines(lines: Sequence[StateLine]) -> SequenceFigures:
    """The figures of state lines.

    Intervals take the images of one stretch between transitions for a sample of one source: as long as the same is
    true they show nearly the same and err together, while another stretch is something new to be seen. Whole lines
    would be the more careful choice, but leave a single clip without any interval. So the intervals speak of other
    stretches like these, from the same places; what differs from camera to camera shows only with clips of several.
    """
    lines = [line.known for line in lines]
    numbers: dict[tuple[int, int], int] = {}
    rows = [
        (state is not None, state == truth, off, numbers.setdefault((at, stretch), len(numbers)))
        for at, line in enumerate(lines)
        for state, truth, off, stretch in zip(line.states, line.truth, line.off_edges(), line.stretches, strict=True)
    ]
    table = np.array(rows, np.int64).reshape(-1, 4)
    given, right, off = (table[:, column].astype(bool) for column in range(3))
    clusters = table[:, 3]
    delays = [delay for line in lines for delay in line.delays]
    return SequenceFigures(
        images=len(rows),
        transitions=len(delays),
        accuracy=proportion(right, clusters),
        accuracy_off_edges=proportion(right[off], clusters[off]),
        decided=proportion(given[off], clusters[off]),
        false_decisions=proportion((given & ~right)[off], clusters[off]),
        flips=sum(len(line.flips) for line in lines),
        excess_flips=sum(line.excess_flips for line in lines),
        missed=sum(map(math.isinf, delays)),
        median_delay=float(np.median(delays)) if delays else math.nan,
        worst_delay=max(filter(math.isfinite, delays), default=math.nan),
        hours=sum(line.times[-1] - line.times[0] for line in lines if line.times) / 3600.0,
    )


def as_if_independent(
    sequences: Sequence[LabelledSequence], *, repeats: int = 20, seed: int = 0, off_edges: bool = False
) -> list[LabelledSequence]:
    """The same sequences as they would be if images erred independently of each other.

    Each reading is replaced by one drawn, with replacement, from all readings of all sequences of which the same is
    true. So every single image errs as often as it does, and only what successive images have in common is lost.

    Args:
        sequences: with known truth; readings of unknown truth stay.
        repeats: how many versions of each sequence to draw.
        seed: of the draws.
        off_edges: draw only from images off the edges, as far as there are some of which the same is true: then each
            image alone errs as often as it does there.
    """
    pools: dict[Target, list[Reading]] = defaultdict(list)
    away: dict[Target, list[Reading]] = defaultdict(list)
    for sequence in sequences:
        for reading, truth, off in zip(sequence.readings, sequence.truth, sequence.off_edges(), strict=True):
            pools[truth].append(reading)
            if off:
                away[truth].append(reading)
    if off_edges:
        pools |= away
    random = np.random.default_rng(seed)
    drawn = []
    for sequence, repeat in itertools.product(sequences, range(repeats)):
        readings = []
        for own, truth in zip(sequence.readings, sequence.truth, strict=True):
            pool = pools[truth]
            other = own if truth is None else pool[int(random.integers(len(pool)))]
            readings.append(Reading(other.prediction, own.time, other.quality, other.cause))
        drawn.append(LabelledSequence(f"{sequence.name} {repeat}", tuple(readings), sequence.truth, sequence.times))
    return drawn


def correlation(sequences: Sequence[LabelledSequence], task: Task, group: str) -> float:
    """How much successive images have in common in what they say, beyond what is true of both; 0..0.99.

    The correlation, at a lag of one image, of the log-odds for the true label less their mean over all images of which
    the same is true. Pairs are images next to each other: not across a change of the truth, nor across an image that
    could not be judged or whose truth is not known. For :class:`SequentialTest.correlation`, which is below 1.

    Args:
        sequences: with known truth.
        task: of the predictions.
        group: an exclusive group of it.

    Returns:
        NaN where there are no pairs, or nothing varies.
    """
    found = task.group(group)
    at = task.groups.index(found)
    odds = [
        [_odds(reading, truth, at, found) for reading, truth in zip(sequence.readings, sequence.truth, strict=True)]
        for sequence in sequences
    ]
    means: dict[str, float] = {}
    for label in found.labels:
        values = [one[1] for line in odds for one in line if one is not None and one[0] == label]
        means[label] = math.fsum(values) / len(values) if values else 0.0
    pairs = [
        (first[1] - means[first[0]], second[1] - means[first[0]])
        for line in odds
        for first, second in itertools.pairwise(line)
        if first is not None and second is not None and first[0] == second[0]
    ]
    if not pairs:
        return math.nan
    x, y = np.array(pairs).T
    spread = math.sqrt(float((x * x).mean()) * float((y * y).mean()))
    return min(_MOST_CORRELATION, max(0.0, float((x * y).mean()) / spread)) if spread > _NO_SPREAD else math.nan


def _odds(reading: Reading, truth: Target, at: int, group: LabelGroup) -> tuple[str, float] | None:
    """What is true of an image, and the log-odds that it gives it; ``None`` where either is not known."""
    if reading.prediction is None or not isinstance(truth, str):
        return None
    confidence = reading.prediction.confidences[at][group.labels.index(truth)]
    return truth, math.log(max(confidence, 1e-6) / max(1.0 - confidence, 1e-6))


def decisions_of(policy: Policy, task: Task, group: str, sequence: LabelledSequence) -> list[Decision]:
    """What a policy decides after each reading of a sequence, in one group."""
    fold = TaskFold.of({group: policy}, task)
    return [decision for _, (decision,) in fold.run(sequence.readings)]

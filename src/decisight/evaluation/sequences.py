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
from decisight.protocols import Policy
from decisight.types import Decision, Reading, Reason, Target, Task

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
    def flips(self) -> int:
        """How often the state changes; to find a first state after the start is none."""
        begun = tuple(itertools.dropwhile(lambda state: state is None, self.states))
        return sum(before != now for before, now in itertools.pairwise(begun))

    @property
    def delays(self) -> tuple[float, ...]:
        """Of each transition, seconds until the state is what is true then; infinite if that never happens."""
        found = []
        for begin, end in itertools.pairwise((*self.transitions, len(self.truth))):
            met = (at for at in range(begin, end) if self.states[at] == self.truth[begin])
            at = next(met, None)
            found.append(math.inf if at is None else self.times[at] - self.times[begin])
        return tuple(found)

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
        excess_flips: those beyond the transitions, added up over the sequences; none is set off by a flip that lacks.
        missed: transitions after which the state never became what was true.
        median_delay: seconds from a transition to the state that is true then; infinite if half are missed; NaN of
            no transition.
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
    """The figures of state lines. Intervals take the images of one line for a sample of one source."""
    lines = [line.known for line in lines]
    rows = [
        (state is not None, state == truth, off, source)
        for source, line in enumerate(lines)
        for state, truth, off in zip(line.states, line.truth, line.off_edges(), strict=True)
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
        flips=sum(line.flips for line in lines),
        excess_flips=sum(max(0, line.flips - len(line.transitions)) for line in lines),
        missed=sum(map(math.isinf, delays)),
        median_delay=float(np.median(delays)) if delays else math.nan,
        hours=sum(line.times[-1] - line.times[0] for line in lines if line.times) / 3600.0,
    )


def as_if_independent(
    sequences: Sequence[LabelledSequence], *, repeats: int = 20, seed: int = 0
) -> list[LabelledSequence]:
    """The same sequences as they would be if images erred independently of each other.

    Each reading is replaced by one drawn, with replacement, from all readings of all sequences of which the same is
    true. So every single image errs as often as it does, and only what successive images have in common is lost.

    Args:
        sequences: with known truth; readings of unknown truth stay.
        repeats: how many versions of each sequence to draw.
        seed: of the draws.
    """
    pools: dict[Target, list[Reading]] = defaultdict(list)
    for sequence in sequences:
        for reading, truth in zip(sequence.readings, sequence.truth, strict=True):
            pools[truth].append(reading)
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
    """How much successive images have in common in what they say, beyond what is true of both; 0..1.

    The correlation, at a lag of one image, of the log-odds for the true label less their mean over all images of which
    the same is true; pairs across a change of the truth do not count. For :class:`SequentialTest.correlation`.

    Args:
        sequences: with known truth.
        task: of the predictions.
        group: an exclusive group of it.

    Returns:
        NaN where there are no pairs, or nothing varies.
    """
    found = task.group(group)
    at = task.groups.index(found)
    odds: list[list[tuple[Target, float]]] = []
    for sequence in sequences:
        odds.append([])
        for reading, truth in zip(sequence.readings, sequence.truth, strict=True):
            if reading.prediction is not None and isinstance(truth, str):
                confidence = reading.prediction.confidences[at][found.labels.index(truth)]
                odds[-1].append((truth, math.log(max(confidence, 1e-6) / max(1.0 - confidence, 1e-6))))
    means: dict[Target, float] = {}
    for label in found.labels:
        values = [value for line in odds for truth, value in line if truth == label]
        means[label] = math.fsum(values) / len(values) if values else 0.0
    pairs = [
        (first - means[truth], second - means[truth])
        for line in odds
        for (truth, first), (next_truth, second) in itertools.pairwise(line)
        if truth == next_truth
    ]
    if not pairs:
        return math.nan
    x, y = np.array(pairs).T
    spread = math.sqrt(float((x * x).mean()) * float((y * y).mean()))
    return min(1.0, max(0.0, float((x * y).mean()) / spread)) if spread > _NO_SPREAD else math.nan


def decisions_of(policy: Policy, task: Task, group: str, sequence: LabelledSequence) -> list[Decision]:
    """What a policy decides after each reading of a sequence, in one group."""
    fold = policy.fold(task, group)
    state, found = fold.initial(), []
    for reading in sequence.readings:
        state, decision = fold.step(state, reading)
        found.append(decision)
    return found

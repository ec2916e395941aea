"""A policy beside each image alone, and beside what would be promised if images erred independently."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from decisight.errors import DataError
from decisight.evaluation.sequences import (
    LabelledSequence,
    SequenceFigures,
    as_if_independent,
    correlation,
    decisions_of,
    judge_lines,
    state_line,
)
from decisight.policies.majority_vote import MajorityVote
from decisight.policies.settings import VotingSettings
from decisight.policies.threshold import Threshold
from decisight.protocols import Policy
from decisight.spans import parse_span
from decisight.types import Reason, Task

__all__ = ["Comparison", "compare", "vote_error"]

_MOST_REPEATS, _MOST_READINGS = 20, 20_000
"""How often each sequence is put together anew at most, and how many readings that may be."""


def vote_error(required: int, window: int, shares: Mapping[str, float], truth: str) -> float:
    """How likely a majority vote decides for a wrong label, if images err independently.

    The multinomial distribution of the votes in a full window: the sum over all ways in which another label than the
    true one has the required votes, and more than any other.

    Args:
        required: votes that a label needs.
        window: images that vote.
        shares: how often one image votes for each label, adding up to at most 1; the rest votes for none.
        truth: the label that is true.

    Returns:
        A probability, 0..1.

    Example:
        One image errs in one of ten; three of five then err in fewer than one of a hundred.

        >>> round(vote_error(3, 5, {"vest": 0.9, "no_vest": 0.1}, "vest"), 5)
        0.00856
    """
    labels = [label for label, share in shares.items() if share > 0.0]
    silent = max(0.0, 1.0 - math.fsum(shares.values()))
    # After each label: how likely it is that so many votes are given, the most for one label being so many, and
    # whether a wrong label alone has them.
    ways: dict[tuple[int, int, bool], float] = {(0, 0, False): 1.0}
    for label in labels:
        after: dict[tuple[int, int, bool], float] = defaultdict(float)
        for (given, most, wrong), chance in ways.items():
            for votes in range(window - given + 1):
                weight = math.comb(window - given, votes) * shares[label] ** votes
                leads = (label != truth) if votes > most else wrong and votes < most
                after[given + votes, max(most, votes), leads] += chance * weight
        ways = after
    return math.fsum(
        chance * silent ** (window - given)
        for (given, most, wrong), chance in ways.items()
        if wrong and most >= required
    )


@dataclass(frozen=True, slots=True)
class Comparison:
    """A policy beside the decision on each image alone, over the same labelled sequences.

    Args:
        sequences: how many.
        single: each image alone, by the same thresholds.
        policy: the policy.
        independent: false decisions of the policy, as a share of the images off the edges, if images erred
            independently of each other: over sequences put together anew, see :func:`as_if_independent`, of images off
            the edges. Of each image alone it would be what it is, since the order makes no difference to it.
        by_votes: the same for a bare majority vote of images, once its window is full, computed by
            :func:`vote_error`; ``None`` for other policies.
        correlation: what successive images have in common beyond the truth, 0..0.99; NaN where it cannot be told.
    """

    sequences: int
    single: SequenceFigures
    policy: SequenceFigures
    independent: float
    by_votes: float | None
    correlation: float

    def to_json(self) -> dict[str, Any]:
        """The same as JSON values; ``None`` for what is undefined."""
        return {
            "sequences": self.sequences,
            "single": self.single.to_json(),
            "policy": self.policy.to_json(),
            "false_decisions_if_independent": _plain(self.independent),
            "false_decisions_by_votes": None if self.by_votes is None else _plain(self.by_votes),
            "correlation": _plain(self.correlation),
        }


def compare(
    policy: Policy,
    task: Task,
    group: str,
    sequences: Sequence[LabelledSequence],
    alone: Threshold | None = None,
) -> Comparison:
    """Judge a policy on labelled sequences, beside each image alone and beside what independence would promise.

    Args:
        policy: the rule.
        task: of the predictions.
        group: the label group that is decided on.
        sequences: with the truth of that group.
        alone: the rule on each image alone; by default that with the policy's own thresholds, if it has some.

    Raises:
        DataError: what is true is known of no image.
        LabelError: the policy has a setting for a label that the task does not have.
        UsageError: the policy counts in seconds and a reading has no time.
    """
    if all(truth is None for sequence in sequences for truth in sequence.truth):
        raise DataError(
            f"what is true of the group {group!r} is known of no picture", hint="label the pictures of a few sequences"
        )
    single = _alone(policy) if alone is None else alone
    readings = sum(len(sequence.readings) for sequence in sequences)
    repeats = max(1, min(_MOST_REPEATS, _MOST_READINGS // readings))
    drawn = as_if_independent(sequences, repeats=repeats, off_edges=True)
    return Comparison(
        sequences=len(sequences),
        single=_judge(single, task, group, sequences),
        policy=_judge(policy, task, group, sequences),
        independent=_judge(policy, task, group, drawn).false_decisions.value,
        by_votes=_by_votes(policy, task, group, sequences),
        correlation=correlation(sequences, task, group) if task.group(group).exclusive else math.nan,
    )


def _alone(policy: Policy) -> Threshold:
    """The rule that decides each image alone, by the thresholds of a policy over several, and what it refuses."""
    least: float | None = getattr(policy, "min_familiarity", None)
    if not isinstance(policy, VotingSettings):
        return Threshold(fallback=policy.fallback, min_familiarity=least)
    return Threshold(
        policy.thresholds, policy.fallback, default_threshold=policy.default_threshold, min_familiarity=least
    )


def _judge(policy: Policy, task: Task, group: str, sequences: Sequence[LabelledSequence]) -> SequenceFigures:
    return judge_lines(
        [state_line(sequence, decisions_of(policy, task, group, sequence), policy.fallback) for sequence in sequences]
    )


def _by_votes(policy: Policy, task: Task, group: str, sequences: Sequence[LabelledSequence]) -> float | None:
    """How often a bare majority vote would decide falsely, by how often each image votes for each label.

    Returns:
        ``None`` where the multinomial distribution does not say it: of other policies, of a window in seconds, where
        votes depend on the state (hysteresis), and where the state outlives the votes.
    """
    if not isinstance(policy, MajorityVote) or not task.group(group).exclusive:
        return None
    span = parse_span(policy.window, "window")
    if span.images is None or policy != _bare(policy):
        return None
    single = _alone(policy)
    everywhere: dict[str, Counter[str]] = defaultdict(Counter)
    off_edges: dict[str, Counter[str]] = defaultdict(Counter)
    for sequence in sequences:
        decisions = decisions_of(single, task, group, sequence)
        for truth, decision, off in zip(sequence.truth, decisions, sequence.off_edges(), strict=True):
            if isinstance(truth, str):
                vote = str(decision.state) if decision.reason is Reason.ACCEPTED else ""
                everywhere[truth][vote] += 1
                off_edges[truth][vote] += off
    # Of the same images as what it stands beside, unless all are near an edge.
    votes = off_edges if any(counts.total() for counts in off_edges.values()) else everywhere
    whole = sum(counts.total() for counts in votes.values())
    return math.fsum(
        counts.total() / whole * vote_error(policy.required, span.images, _rates(counts), truth)
        for truth, counts in votes.items()
        if counts.total()
    )


def _bare(policy: MajorityVote) -> MajorityVote:
    """The same vote without what keeps its state."""
    return replace(policy, leave_thresholds={}, min_dwell=0, gap_tolerance=0, stale_after=None)


def _rates(counts: Counter[str]) -> dict[str, float]:
    return {label: number / counts.total() for label, number in counts.items() if label}


def _plain(value: float) -> float | None:
    return value if math.isfinite(value) else None

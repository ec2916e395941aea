"""Majority vote: so many of the last so many images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Any, ClassVar

from decisight.errors import UsageError
from decisight.policies import POLICIES
from decisight.policies.ballot import NOTHING, Ballot
from decisight.policies.fold import Evidence, Finding, Row
from decisight.policies.settings import VotingSettings
from decisight.policies.window import Entry, Window, mean_row, parse_window
from decisight.spans import SpanText
from decisight.types import Reading, Reason

__all__ = ["MajorityVote"]


@POLICIES.register("majority_vote")
@dataclass(frozen=True)
class MajorityVote(VotingSettings):
    """Accept the label that so many of the last images vote for.

    An image votes for its top label if the confidence is at least the label's threshold, else for none. A label with
    the required votes is accepted; where two have them and equally many, it is a tie, and nothing is. The confidence
    of a decision is the mean over the window of the label's confidence, whatever each image voted for.

    For a label of an independent group each image votes that it is present, or that it is not.

    Args:
        required: votes that a label needs.
        window: how far back votes count: ``5`` images or ``"2s"``. It holds at most 4096 readings: of one in seconds,
            older ones do not count, and the explanation says so.
    """

    name: ClassVar[str] = "majority_vote"
    shorthand: ClassVar[str] = "REQUIRED/WINDOW"

    _: KW_ONLY
    required: int = 3
    window: SpanText = 5

    def __post_init__(self) -> None:
        super().__post_init__()
        parse_window(self.window, "majority_vote", self.required)

    @classmethod
    def from_shorthand(cls, text: str) -> dict[str, Any]:
        """``3/5`` or ``3/2s`` as settings."""
        required, slash, window = text.partition("/")
        if not slash or not required.strip().isdecimal():
            raise UsageError(
                f"majority_vote:{text} is not understood", hint="write votes/window, for example majority_vote:3/5"
            )
        return {"required": int(required), "window": window.strip()}

    def evidence(self, ballot: Ballot) -> Evidence:
        """See :class:`~decisight.policies.settings.VotingSettings`."""
        return _Votes(ballot, self.required, parse_window(self.window, "majority_vote", self.required))


@dataclass(frozen=True, slots=True)
class _Votes:
    ballot: Ballot
    required: int
    window: Window

    @property
    def fewest(self) -> int:
        return self.required

    @property
    def in_seconds(self) -> bool:
        return self.window.span.seconds is not None

    def initial(self) -> tuple[Entry, ...]:
        return ()

    def take(
        self, evidence: Sequence[Entry], row: Row | None, reading: Reading, now: float, held: int
    ) -> tuple[Entry, ...]:
        vote = NOTHING if row is None else self.ballot.vote(row, held)
        return self.window.push(evidence, Entry(now, vote, row, reading.quality))

    def find(self, evidence: Sequence[Entry], now: float, held: int) -> Finding:
        entries = self.window.recent(evidence, now)
        votes = [0] * len(self.ballot.labels)
        for _, vote, _, _ in entries:
            if vote != NOTHING:
                votes[vote] += 1
        most = max(votes)
        support, scores = mean_row(row for _, _, row, _ in entries), tuple(map(float, votes))
        if most >= self.required and votes.count(most) == 1:
            return Finding(votes.index(most), support, scores, Reason.ACCEPTED)
        judged = sum(row is not None for _, _, row, _ in entries)
        enough = judged >= self.required and sum(votes) < self.required
        return Finding(NOTHING, support, scores, Reason.BELOW_THRESHOLD if enough else Reason.ABSTAINED)

    def explain(self, evidence: Sequence[Entry], now: float, held: int) -> str:
        found, entries = self.find(evidence, now, held), self.window.recent(evidence, now)
        counted = sorted(zip(found.scores, self.ballot.labels, strict=True), key=lambda item: -item[0])
        votes = ", ".join(f"{label} {count:.0f}" for count, label in counted if count) or "none"
        silent = len(entries) - int(sum(found.scores))
        text = f"votes of {len(entries)}: {votes}" + (f", {silent} for no label" if silent else "")
        if found.label == NOTHING and max(found.scores) >= self.required:
            return f"{text}: a tie{self.window.cut(entries)}"
        return f"{text} ({self.required} needed){self.window.cut(entries)}"

    def settled(self, evidence: Sequence[Entry], now: float) -> bool:
        return self.window.settled(evidence, now)

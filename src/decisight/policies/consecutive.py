"""Consecutive: the same answer so many images in a row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Any, ClassVar, NamedTuple

from decisight.policies import POLICIES
from decisight.policies.ballot import NOTHING, Ballot
from decisight.policies.fold import Evidence, Finding, Row
from decisight.policies.settings import VotingSettings
from decisight.spans import Span, SpanText, parse_span
from decisight.types import Reading, Reason

__all__ = ["Consecutive"]


@POLICIES.register("consecutive")
@dataclass(frozen=True)
class Consecutive(VotingSettings):
    """Accept a label when so many images in a row vote for it; keep it until another answer comes as often in a row.

    That other answer may be another label, no label (below every threshold) or a picture that cannot be judged or is
    unfamiliar; the latter two lead to the fall-back. The confidence of a decision is the mean of the label's confidence
    over the images of the run that it was accepted for.

    Args:
        required: how long the run must be: ``3`` images or, from its first to its last image, ``"1s"``.
    """

    name: ClassVar[str] = "consecutive"
    shorthand: ClassVar[str] = "REQUIRED"

    _: KW_ONLY
    required: SpanText = 3

    def __post_init__(self) -> None:
        super().__post_init__()
        parse_span(self.required, "required", least=1)

    @classmethod
    def from_shorthand(cls, text: str) -> dict[str, Any]:
        """``3`` or ``1s`` as settings."""
        return {"required": text.strip()}

    def evidence(self, ballot: Ballot) -> Evidence:
        """See :class:`~decisight.policies.settings.VotingSettings`."""
        return _Runs(ballot, parse_span(self.required, "required", least=1))


class _Run(NamedTuple):
    """The run that is under way, and the answer of the last one that was long enough."""

    vote: int
    length: int
    began: float
    ended: float
    total: Row
    """The sum of its judged rows."""
    judged: int
    established: int
    support: Row
    """The mean row of the last run that was long enough, while it lasted."""


@dataclass(frozen=True, slots=True)
class _Runs:
    ballot: Ballot
    required: Span

    @property
    def fewest(self) -> int:
        return self.required.images or 2

    @property
    def in_seconds(self) -> bool:
        return self.required.seconds is not None

    def initial(self) -> _Run:
        return _Run(NOTHING, 0, 0.0, 0.0, (), 0, NOTHING, ())

    def take(self, evidence: Sequence[Any], row: Row | None, reading: Reading, now: float, held: int) -> _Run:
        run = _Run(*evidence)
        vote = NOTHING if row is None else self.ballot.vote(row, held)
        if run.length == 0 or vote != run.vote:
            run = run._replace(vote=vote, length=0, began=now, total=(), judged=0)
        total, judged = run.total, run.judged
        if row is not None:
            total = tuple(map(sum, zip(total, row, strict=True))) if total else tuple(row)
            judged += 1
        run = run._replace(length=run.length + 1, ended=now, total=total, judged=judged)
        return run._replace(established=vote, support=_mean(run)) if self._long_enough(run) else run

    def find(self, evidence: Sequence[Any], now: float, held: int) -> Finding:
        run = _Run(*evidence)
        scores = tuple(float(run.length) if at == run.vote else 0.0 for at in range(len(self.ballot.labels)))
        if run.established != NOTHING:
            return Finding(run.established, run.support, scores, Reason.ACCEPTED, run.vote != run.established)
        below = run.vote == NOTHING and self._long_enough(run) and run.judged >= self.fewest
        return Finding(NOTHING, _mean(run), scores, Reason.BELOW_THRESHOLD if below else Reason.ABSTAINED)

    def explain(self, evidence: Sequence[Any], now: float, held: int) -> str:
        run = _Run(*evidence)
        what = "no label" if run.vote == NOTHING else self.ballot.labels[run.vote]
        length = f"{run.length}" if self.required.images is not None else f"{run.ended - run.began:g} s"
        text = f"{length} in a row for {what} ({self.required} needed)"
        if run.established not in (run.vote, NOTHING):
            text += f"; {self.ballot.labels[run.established]} until then"
        return text

    def settled(self, evidence: Sequence[Any], now: float) -> bool:
        return True

    def _long_enough(self, run: _Run) -> bool:
        return run.length >= self.fewest and not self.required.longer_than(run.length, run.ended - run.began)


def _mean(run: _Run) -> Row:
    return tuple(value / run.judged for value in run.total) if run.judged else ()

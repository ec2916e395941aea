"""Evidence of one image: what policies gather that decide each image alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from decisight.policies.ballot import NOTHING
from decisight.policies.fold import Finding, Row
from decisight.types import Reading, Reason

__all__ = ["LastImage"]


@dataclass(frozen=True, slots=True)
class LastImage:
    """The evidence is the last image's confidences, and nothing where it could not be judged, or is unfamiliar.

    Args:
        finding: what confidences say, given which label is held.
        explanation: the same in words.
    """

    finding: Callable[[Row, int], Finding]
    explanation: Callable[[Row, int], str]

    @property
    def fewest(self) -> int:
        """See :class:`~decisight.policies.fold.Evidence`, as for the rest."""
        return 1

    @property
    def in_seconds(self) -> bool:
        """It needs no times."""
        return False

    def initial(self) -> Row | None:
        """Nothing."""
        return None

    def take(self, evidence: Row | None, row: Row | None, reading: Reading, now: float, held: int) -> Row | None:
        """The new image's confidences."""
        return row

    def find(self, evidence: Row | None, now: float, held: int) -> Finding:
        """What they say."""
        return Finding(NOTHING, (), (), Reason.ABSTAINED) if evidence is None else self.finding(evidence, held)

    def explain(self, evidence: Row | None, now: float, held: int) -> str:
        """The same in words."""
        return self.explanation(evidence, held) if evidence else "no picture that could be judged"

    def settled(self, evidence: Row | None, now: float) -> bool:
        """Time changes nothing."""
        return True

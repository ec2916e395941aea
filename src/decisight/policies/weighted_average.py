"""Weighted average: confidences of the last images, averaged, and a threshold on the average."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Any, ClassVar

from decisight.errors import UsageError
from decisight.policies import POLICIES
from decisight.policies.ballot import NOTHING, Ballot
from decisight.policies.fold import Evidence, Finding, Row
from decisight.policies.settings import VotingSettings
from decisight.policies.window import Entry, Window, parse_window, weighted_mean
from decisight.spans import Span, SpanText, parse_span
from decisight.types import Reading, Reason

__all__ = ["WeightedAverage"]


@POLICIES.register("weighted_average")
@dataclass(frozen=True)
class WeightedAverage(VotingSettings):
    """Accept the label whose confidence, averaged over the last images, is at least its threshold.

    The confidence of a decision is that average.

    Args:
        window: how far back readings count: ``10`` images or ``"2s"``. It holds at most 4096 readings: of one in
            seconds, older ones do not count, and the explanation says so.
        required: judged readings in the window below which nothing is accepted.
        half_life: the age at which a reading counts half as much as a new one: ``5`` images or ``"500ms"``; ``None``:
            all count the same.
        weights: instead of by age, a weight for each image of the window, the newest last; 0 or more.
        by_quality: multiply each weight with the quality of the picture, 0..1.
    """

    name: ClassVar[str] = "weighted_average"
    shorthand: ClassVar[str] = "WINDOW"

    _: KW_ONLY
    window: SpanText = 10
    required: int = 1
    half_life: SpanText | None = 5
    weights: tuple[float, ...] = ()
    by_quality: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        window = parse_window(self.window, "weighted_average", self.required).span
        if self.half_life is not None:
            parse_span(self.half_life, "half_life", least=1)
        if self.weights:
            if len(self.weights) != window.images:
                raise UsageError(
                    f"weighted_average: {len(self.weights)} weights do not fit a window of {window}",
                    hint="give one weight for each image of the window, the newest last",
                )
            if not all(math.isfinite(w) and w >= 0.0 for w in self.weights) or self.weights[-1] <= 0.0:
                raise UsageError(
                    f"weighted_average: weights {list(self.weights)} cannot be used",
                    hint="weights are 0 or more, and the newest image's is more than 0",
                )

    @classmethod
    def from_shorthand(cls, text: str) -> dict[str, Any]:
        """``5`` or ``2s`` as settings."""
        return {"window": text.strip()}

    def evidence(self, ballot: Ballot) -> Evidence:
        """See :class:`~decisight.policies.settings.VotingSettings`."""
        half_life = None if self.half_life is None else parse_span(self.half_life, "half_life", least=1)
        window = parse_window(self.window, "weighted_average", self.required)
        weights = tuple(self.weights)
        if not weights and half_life is not None and half_life.images and window.span.images:
            weights = tuple(0.5 ** (age / half_life.images) for age in reversed(range(window.span.images)))
        return _Average(ballot, window, self.required, half_life, weights, self.by_quality)


@dataclass(frozen=True, slots=True)
class _Average:
    ballot: Ballot
    window: Window
    required: int
    half_life: Span | None
    given: tuple[float, ...]
    by_quality: bool

    @property
    def fewest(self) -> int:
        return self.required

    @property
    def in_seconds(self) -> bool:
        by_age = self.half_life is not None and not self.given and self.half_life.seconds is not None
        return self.window.span.seconds is not None or by_age

    def initial(self) -> tuple[Entry, ...]:
        return ()

    def take(
        self, evidence: Sequence[Entry], row: Row | None, reading: Reading, now: float, held: int
    ) -> tuple[Entry, ...]:
        return self.window.push(evidence, Entry(now, NOTHING, row, reading.quality))

    def find(self, evidence: Sequence[Entry], now: float, held: int) -> Finding:
        entries = self.window.recent(evidence, now)
        average, judged = self._average(entries)
        if not average or judged < self.required:
            return Finding(NOTHING, average, average, Reason.ABSTAINED)
        label = self.ballot.vote(average, held)
        return Finding(label, average, average, Reason.BELOW_THRESHOLD if label == NOTHING else Reason.ACCEPTED)

    def explain(self, evidence: Sequence[Entry], now: float, held: int) -> str:
        entries = self.window.recent(evidence, now)
        average, judged = self._average(entries)
        cut = self.window.cut(entries)
        if judged < self.required:
            return f"{judged} judged, {self.required} needed{cut}"
        if not average:
            return f"none of {judged} has any weight{cut}"
        return f"weighted average of {judged}: {self.ballot.explain(average, held)}{cut}"

    def settled(self, evidence: Sequence[Entry], now: float) -> bool:
        return self.window.settled(evidence, now)

    def _average(self, entries: Sequence[Entry]) -> tuple[Row, int]:
        """The weighted mean of the judged rows, empty where nothing has weight, and how many rows there are."""
        rows, weights = [], []
        for weight, (_, _, row, quality) in zip(self._weights(entries), entries, strict=True):
            if row is not None:
                rows.append(row)
                weights.append(weight * quality if self.by_quality else weight)
        return weighted_mean(rows, weights), len(rows)

    def _weights(self, entries: Sequence[Entry]) -> Sequence[float]:
        """One an entry, oldest first. Ages count from the newest entry, so that old ones do not all vanish."""
        if self.given:
            return self.given[len(self.given) - len(entries) :]
        if self.half_life is None or not entries:
            return [1.0] * len(entries)
        if self.half_life.images is not None:
            last = len(entries) - 1
            return [0.5 ** ((last - at) / self.half_life.images) for at in range(len(entries))]
        newest, half = entries[-1][0], self.half_life.seconds or 1.0
        return [0.5 ** ((newest - time) / half) for time, _, _, _ in entries]

"""What a new model must not fall short of, beside the one in use: for a check that runs by itself."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from decisight.errors import LabelError, UsageError
from decisight.evaluation.paired import PairedDifference, PairedGroup

__all__ = ["DEFAULT_MARGIN", "METRICS", "Requirement", "RequirementResult"]

METRICS = {
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "macro_f1": "macro F1",
    "log_loss": "log loss",
    "cost": "cost a picture",
}
"""What can be required, and what it is called; and ``recall:LABEL``."""

DEFAULT_MARGIN = 0.02
"""How much worse a model may be that is to be not worse, in units of the metric."""

_RECALL = "recall:"

_FEWEST = 20
"""Of fewer pictures it is not said how many it would take: the difference itself is a guess. And of fewer sources a log
loss shows nothing: one sure mistake more may outweigh all of them."""


@dataclass(frozen=True, slots=True)
class RequirementResult:
    """Whether a requirement is met in one group.

    Args:
        group: its name.
        met: whether it is.
        sentence: what was found, in words.
    """

    group: str
    met: bool
    sentence: str


@dataclass(frozen=True, slots=True)
class Requirement:
    """What the second model must show beside the first, in every group.

    Args:
        kind: ``better``: the whole 95 % interval of its gain lies above 0. ``not-worse``: it lies above ``-margin``.
        metric: one of :data:`METRICS`, or ``recall:LABEL``.
        margin: 0 or more, in units of the metric; only of ``not-worse``.

    Raises:
        UsageError: the metric or the margin cannot be used.
    """

    kind: Literal["better", "not-worse"]
    metric: str = "accuracy"
    margin: float | None = None

    def __post_init__(self) -> None:
        if self.metric not in METRICS and not self.metric.startswith(_RECALL):
            raise UsageError(
                f"there is no metric {self.metric!r}", hint=f"it is one of: {', '.join(METRICS)}, recall:LABEL"
            )
        if self.margin is not None and self.kind == "better":
            raise UsageError("--margin is of --require not-worse", hint="leave it out: better is better than 0")
        if self.margin is not None and not 0.0 <= self.margin < math.inf:
            raise UsageError(f"the margin is {self.margin:g}", hint="give 0 or more, for example 0.02")
        if self.margin is not None and self.margin >= 1.0 and self.metric not in ("log_loss", "cost"):
            raise UsageError(
                f"the margin is {self.margin:g}, and no {METRICS.get(self.metric, self.metric)} can be worse by more",
                hint="say 0.02 for 2 points",
            )
        if self.metric == "cost" and self.kind == "not-worse" and self.margin is None:
            raise UsageError("a margin of costs is in the unit of the costs, so none is known", hint="give --margin")

    @property
    def allowed(self) -> float:
        """How far the gain may lie below 0."""
        if self.kind == "better":
            return 0.0
        return DEFAULT_MARGIN if self.margin is None else self.margin

    @property
    def label(self) -> str | None:
        """The label whose recall is required; ``None`` of any other metric."""
        return self.metric.removeprefix(_RECALL) if self.metric.startswith(_RECALL) else None

    def judge(self, groups: Sequence[PairedGroup]) -> list[RequirementResult]:
        """Whether it is met, in each group; the recall of a label in those groups that have it.

        Raises:
            LabelError: no group has the label.
            UsageError: it is of costs, and none are known.
        """
        label = self.label
        if label is None:
            return [self._judge(found) for found in groups]
        having = [found for found in groups if label in found.recalls]
        if not having:
            labels = sorted({label for found in groups for label in found.recalls})
            raise LabelError(
                f"--metric {self.metric}: there is no label {label!r} that is compared",
                hint=f"these are: {', '.join(labels[:20])}{', ...' if len(labels) > 20 else ''}",
            )
        return [self._judge(found) for found in having]

    def _judge(self, found: PairedGroup) -> RequirementResult:
        gain, low, high = self._figure(found).gain
        name = METRICS.get(self.metric, self.metric)
        if math.isnan(gain):
            return RequirementResult(found.group.name, met=False, sentence=f"{name}: undefined on these pictures")
        # An end on the bar itself is let pass, so that a model is not worse than itself.
        met = low > 0.0 if self.kind == "better" else low >= -self.allowed
        if met and self.metric == "log_loss" and found.sources < _FEWEST and not found.one_model:
            from_few = f"{found.sources} source{'s' if found.sources != 1 else ''}"
            told = f"{name}: gain {gain:+.3f}, but from {from_few}, and fewer than {_FEWEST} show nothing of it"
            return RequirementResult(found.group.name, met=False, sentence=told)
        wanted = "above 0" if self.kind == "better" else f"at least {-self.allowed:g}"
        sentence = f"{name}: gain {gain:+.3f}, 95 % interval {low:+.3f} to {high:+.3f}; its lower end must be {wanted}"
        return RequirementResult(
            found.group.name, met, sentence + ("" if met else self._shortfall(found, gain, low, high))
        )

    def to_json(self, results: Sequence[RequirementResult]) -> dict[str, Any]:
        """What was required, and by group whether it is met."""
        return {
            "require": self.kind,
            "metric": self.metric,
            "margin": self.allowed,
            "met": all(result.met for result in results),
            "groups": {result.group: result.met for result in results},
        }

    def _figure(self, found: PairedGroup) -> PairedDifference:
        if self.label is not None:
            return found.recalls[self.label]
        if self.metric not in found.figures:
            raise UsageError(
                f"--metric {self.metric}: what decisions cost is not known", hint="say it with --costs FILE"
            )
        return found.figures[self.metric]

    def _shortfall(self, found: PairedGroup, gain: float, low: float, high: float) -> str:
        """Why it is not met: it is worse, or there are too few pictures to tell, and how many it would take."""
        room, reach = gain + self.allowed, gain - low
        if high < -self.allowed:
            return "; it is worse than that"
        if room <= 0.0 or not math.isfinite(reach):
            return "; these pictures do not show it"
        if len(found) < _FEWEST:
            return f"; {len(found)} picture{'s' if len(found) != 1 else ''} cannot show it"
        if self.metric == "cost":
            # What is not seen at all may occur less often in proportion to the number of pictures.
            needed = max(len(found) + 1, math.ceil(float(f"{len(found) * reach / room:.1e}")))
            return (
                f"; it takes {needed:,} pictures like these, or more: of {len(found):,} it is not seen how rare the "
                "dearest confusions are"
            )
        # Intervals narrow with the root of the number of pictures.
        needed = max(len(found) + 1, math.ceil(float(f"{len(found) * (reach / room) ** 2:.1e}")))
        return (
            f"; if the difference stays as it is, about {needed:,} pictures like these would show it, and here are "
            f"{len(found):,}"
        )

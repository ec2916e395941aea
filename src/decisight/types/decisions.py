"""What a policy makes of confidences."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from decisight.types.labels import Task

__all__ = ["Decision", "Held", "Reason"]


class Reason(StrEnum):
    """Why a decision names the state that it names."""

    ACCEPTED = "accepted"
    BELOW_THRESHOLD = "below_threshold"
    UNFAMILIAR = "unfamiliar"
    CANNOT_JUDGE = "cannot_judge"
    ABSTAINED = "abstained"


class Held(StrEnum):
    """Why a decision keeps a state that the readings, by themselves, would not give now."""

    DWELL = "dwell"
    """The state was entered too short a time ago."""
    GAP = "gap"
    """What speaks for it has been missing for so short a time only that the gap is bridged."""
    BLIND = "blind"
    """The last picture could not be judged: the state rests on earlier ones."""
    EVIDENCE = "evidence"
    """The evidence leans to another label, or to none, but not far or not long enough for a change."""
    TICK = "tick"
    """Another label is what speaks from the readings that still count, and is entered with the next reading only."""
    UNFAMILIAR = "unfamiliar"
    """The last picture was less familiar than is asked for: the state rests on earlier ones."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What a policy made of the confidences of one group.

    Args:
        group: the label group decided on.
        state: the business state: a label or the fall-back; for an independent group, the labels accepted.
        confidence: of the state, 0..1; of one that is kept, what it was when a reading last spoke for it. Of a
            fall-back, that of the top label, which was not enough. Of an independent group, the product over its labels
            of the confidence that each is as the state says. A policy over several images says in its own documentation
            how it sums up their confidences.
        reason: why this state.
        held: why the state is kept though the readings, by themselves, would not give it; ``None`` where they do.
        undecided: labels of an independent group that nothing can be said of yet; they are not in the state.
        scores: what the policy counted for each label, in the group's order: votes, averages, evidence; may be empty.
    """

    group: str
    state: str | tuple[str, ...]
    confidence: float
    reason: Reason
    held: Held | None = None
    undecided: tuple[str, ...] = ()
    scores: tuple[float, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """``state`` (a list for an independent group), ``confidence`` and ``reason``; ``held``, ``undecided`` if so."""
        state = list(self.state) if isinstance(self.state, tuple) else self.state
        values = {"state": state, "confidence": round(self.confidence, 8), "reason": self.reason.value}
        if self.held is not None:
            values["held"] = self.held.value
        if self.undecided:
            values["undecided"] = list(self.undecided)
        return values

    def to_stored(self) -> dict[str, Any]:
        """As JSON values, all of it and exact; :meth:`to_json`, for people, rounds."""
        return {
            "group": self.group,
            "state": list(self.state) if isinstance(self.state, tuple) else self.state,
            "confidence": float(self.confidence),
            "reason": self.reason.value,
            "held": None if self.held is None else self.held.value,
            "undecided": list(self.undecided),
            "scores": [float(score) for score in self.scores],
        }

    @classmethod
    def from_stored(cls, task: Task, values: Mapping[str, Any]) -> Decision:
        """What :meth:`to_stored` gave.

        Args:
            task: whose group was decided on.
            values: as they were stored, and read by :func:`json.loads`.

        Raises:
            LabelError: the task has no such group.
            ValueError: they are none of a decision.
        """
        try:
            state, held = values["state"], values["held"]
            return cls(
                task.group(values["group"]).name,
                state if isinstance(state, str) else tuple(state),
                float(values["confidence"]),
                Reason(values["reason"]),
                None if held is None else Held(held),
                tuple(values["undecided"]),
                tuple(map(float, values["scores"])),
            )
        except (KeyError, TypeError) as error:
            raise ValueError(f"this was not stored of a decision: {values!r}") from error

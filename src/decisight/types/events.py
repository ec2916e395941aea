"""States that hold for a while."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any, Literal

__all__ = ["Event", "EventChange"]


@dataclass(frozen=True, slots=True)
class Event:
    """A state that held in a camera's region, from its start to its end.

    Args:
        event_id: 32 hexadecimal digits; the same for the same event, whenever it is derived again from the same store.
        site: name of the site.
        camera: name of the camera.
        region: name of the region; ``None`` for all of the picture.
        model: name of the model.
        group: the label group that was decided on.
        state: the label; of an independent group there is an event for each of its labels.
        start_time: when the state was entered, in seconds since 1970, by the reading that brought it.
        end_time: when it was left; ``None`` while it holds.
        duration: seconds from start to end, or to the last reading while it holds. It is not their difference where a
            clock was set meanwhile.
        confidence: of the decision that entered the state, 0..1.
        least_confidence: the lowest confidence of a decision while it held.
        readings: how many readings were decided so.
        why: what the policy counted when the state was entered, and what was needed.
        ended_by: what ended it: the state that came after, or ``source ended``; ``None`` while it holds.
    """

    event_id: str
    site: str
    camera: str
    region: str | None
    model: str
    group: str
    state: str
    start_time: float
    end_time: float | None
    duration: float
    confidence: float
    least_confidence: float
    readings: int
    why: str
    ended_by: str | None = None

    @property
    def is_open(self) -> bool:
        """Whether the state still holds."""
        return self.end_time is None

    def to_stored(self) -> dict[str, Any]:
        """As JSON values, all of it and exact."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @classmethod
    def from_stored(cls, values: Mapping[str, Any]) -> Event:
        """What :meth:`to_stored` gave.

        Raises:
            ValueError: they are none of an event.
        """
        try:
            return cls(**values)
        except TypeError as error:
            raise ValueError(f"this was not stored of an event: {values!r}") from error

    def to_json(self) -> dict[str, Any]:
        """As JSON values for people and other programs: times as text (ISO 8601, UTC), seconds to the millisecond."""
        return self.to_stored() | {
            "start_time": _moment(self.start_time),
            "end_time": None if self.end_time is None else _moment(self.end_time),
            "duration": round(self.duration, 3),
            "confidence": round(self.confidence, 8),
            "least_confidence": round(self.least_confidence, 8),
        }


@dataclass(frozen=True, slots=True)
class EventChange:
    """What is told of an event: that it was opened, or closed.

    Args:
        change: which of the two.
        event: as it is by then.
    """

    change: Literal["opened", "closed"]
    event: Event

    @property
    def key(self) -> str:
        """What tells it from every other change: who has seen this key has seen the change."""
        return f"{self.event.event_id}:{self.change}"

    def to_json(self) -> dict[str, Any]:
        """``change``, and the event's values."""
        return {"change": self.change, **self.event.to_json()}


def _moment(seconds: float) -> str:
    try:
        return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    except (ValueError, OverflowError, OSError):  # later than the year 9999
        return f"{seconds:.3f}"

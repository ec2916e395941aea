"""What a policy folds: predictions with their times, and time without any."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from decisight.types.labels import Task
from decisight.types.predictions import Prediction

__all__ = ["Reading", "Tick"]


@dataclass(frozen=True, slots=True)
class Reading:
    """What a classifier said of one picture of a sequence, stamped for a policy.

    There is a prediction, or the cause why there is none. A picture that is not classified because nothing in it has
    moved is no such cause: it says the same as the one before, and is given as that one's prediction with its own time.

    Args:
        prediction: every label with its confidence; ``None`` where the picture could not be judged.
        time: seconds since any fixed moment (1970 for cameras); ``None`` in a sequence without times. Where it is
            earlier than that of the reading before, a clock was set back: policies take it that no time has passed, and
            go on counting from there, until the times are again as late as that.
        quality: of the picture, 0..1, where somebody measured it; policies may weigh readings by it.
        cause: why the picture could not be judged; ``None`` where it could.

    Raises:
        ValueError: there is neither a prediction nor a cause, or there are both; the time is not finite; or the quality
            does not lie in 0..1.
    """

    prediction: Prediction | None
    time: float | None = None
    quality: float = 1.0
    cause: str | None = None

    def __post_init__(self) -> None:
        if (self.prediction is None) == (self.cause is None):
            raise ValueError(f"a reading has a prediction, or a cause why there is none: {self}")
        if self.time is not None and not math.isfinite(self.time):
            raise ValueError(f"a reading's time must be finite: {self.time}")
        if not 0.0 <= self.quality <= 1.0:
            raise ValueError(f"a reading's quality must lie in 0..1: {self.quality}")

    def to_stored(self) -> dict[str, Any]:
        """As JSON values, exact: ``time``, ``quality``, and ``confidences`` (a list a group) or ``cause``.

        And ``familiarity`` where the prediction has one.

        The labels are not in it: they are the task's, which is to be stored once.
        """
        values: dict[str, Any] = {
            "time": None if self.time is None else float(self.time),
            "quality": float(self.quality),
        }
        if self.prediction is None:
            return values | {"cause": self.cause}
        values["confidences"] = [[float(c) for c in row] for row in self.prediction.confidences]
        familiarity = self.prediction.familiarity
        return values if familiarity is None else values | {"familiarity": float(familiarity)}

    @classmethod
    def from_stored(cls, task: Task, values: Mapping[str, Any]) -> Reading:
        """What :meth:`to_stored` gave.

        Args:
            task: of the prediction that was stored.
            values: as they were stored, and read by :func:`json.loads`.

        Raises:
            ValueError: they are none of a reading of this task.
        """
        try:
            rows, familiarity = values.get("confidences"), values.get("familiarity")
            prediction = (
                None
                if rows is None
                else Prediction(
                    task,
                    tuple(tuple(map(float, row)) for row in rows),
                    None if familiarity is None else float(familiarity),
                )
            )
            return cls(prediction, values["time"], values["quality"], values.get("cause"))
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"this was not stored of a reading: {values!r}") from error


@dataclass(frozen=True, slots=True)
class Tick:
    """Time that passes without a reading. It may end a state, and never enters one but the fall-back.

    It speaks for nothing: how many ticks there are keeps no state alive.

    Args:
        time: as of a :class:`Reading`.

    Raises:
        ValueError: the time is not finite.
    """

    time: float

    def __post_init__(self) -> None:
        if not math.isfinite(self.time):
            raise ValueError(f"a tick's time must be finite: {self.time}")

    def to_stored(self) -> dict[str, Any]:
        """As JSON values, exact: ``tick``, its time, which no stored reading has."""
        return {"tick": float(self.time)}

    @classmethod
    def from_stored(cls, task: Task, values: Mapping[str, Any]) -> Tick:
        """What :meth:`to_stored` gave.

        Args:
            task: not needed; so that readings and ticks are read in the same way.
            values: as they were stored, and read by :func:`json.loads`.

        Raises:
            ValueError: they are none of a tick.
        """
        try:
            return cls(values["tick"])
        except (KeyError, TypeError) as error:
            raise ValueError(f"this was not stored of a tick: {values!r}") from error

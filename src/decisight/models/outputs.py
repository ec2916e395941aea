"""What a graph gave, as numbers that can be relied on."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from decisight.errors import ModelError
from decisight.types import LabelGroup

__all__ = ["confidences", "familiarity"]

_DAMAGED = "it may be damaged; train it again, or fetch it again"
_ROUNDING = 1e-6
"""How far a value in float32 may lie outside 0..1."""
_SUM_ROUNDING = 1e-3
"""How far the confidences of an exclusive group in float32 may be from adding up to 1."""


def confidences(group: LabelGroup, values: npt.NDArray[np.float32], model: str) -> npt.NDArray[np.float64]:
    """A group's output (N, labels) as confidences in float64: in 0..1, those of an exclusive group adding up to 1.

    Float32 rounds; what is further off than that was not made by softmax or sigmoid.

    Args:
        group: the label group.
        values: float32 (N, labels).
        model: its name, for errors.

    Raises:
        ModelError: the output does not hold confidences.
    """
    wide = _shares(values, f"the model {model!r} gives confidences")
    if not group.exclusive:
        return wide
    sums = wide.sum(axis=1, keepdims=True)
    if (np.abs(sums - 1.0) > _SUM_ROUNDING).any():
        raise ModelError(f"the model {model!r} gives confidences that do not add up to 1", hint=_DAMAGED)
    return np.asarray(wide / sums, np.float64)


def familiarity(values: npt.NDArray[np.float32], model: str) -> npt.NDArray[np.float64]:
    """The output ``familiarity`` (N, 1) in float64 (N,): in 0..1.

    Args:
        values: float32 (N, 1).
        model: its name, for errors.

    Raises:
        ModelError: the output holds something else.
    """
    return np.asarray(_shares(values, f"the model {model!r} gives values of familiarity")[:, 0])


def _shares(values: npt.NDArray[np.float32], gives: str) -> npt.NDArray[np.float64]:
    wide = values.astype(np.float64)
    if not np.isfinite(wide).all():
        raise ModelError(f"{gives} that are no numbers", hint=_DAMAGED)
    if wide.size and (wide.min() < -_ROUNDING or wide.max() > 1.0 + _ROUNDING):
        raise ModelError(f"{gives} that are not between 0 and 1", hint=_DAMAGED)
    return np.asarray(np.clip(wide, 0.0, 1.0))

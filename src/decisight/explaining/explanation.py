"""Why a model is as sure of a label as it is: what each place and each depth has added to its logit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from decisight.errors import UsageError
from decisight.explaining.geometry import InputGeometry
from decisight.explaining.overlays import tinted
from decisight.explaining.sentences import sentences

__all__ = ["Explanation"]

_STRIP = 1 << 18
"""Pixels that are tinted at once: copies of all of a large picture in float64 would take most of the memory."""
_LEAST_SCALE = 2.0
"""The full colour stands for at least as much as would come to this logit if it were so everywhere: what is faint looks
faint."""
_GRID = 7
_LOUDEST = 99.5
"""Per cent of the places whose evidence the colours tell apart: beyond, they are full."""


@dataclass(frozen=True, slots=True, eq=False)
class Explanation:
    """What was counted for and against one label of one picture.

    Everything adds up: ``baseline + sum(by_tap.values())`` is ``logit``, and so is ``baseline + evidence.sum()``. What
    the fill around a letterbox adds is shared out evenly over the picture: it is the same in all pictures, and so it is
    in the means that features are compared with.

    Args:
        group: the label group.
        label: the label.
        confidence: its calibrated confidence, 0..1, by the runtime that the model is run by.
        logit: the log-odds ``log(confidence / (1 - confidence))`` of its confidence in float32, which is what is
            explained: where the model is run in bfloat16, ``confidence`` differs a little from that. Of an exclusive
            group it is evidence against the other labels, each by how likely it is among them.
        baseline: the logit of a picture of which nothing is known: all features at their means in training.
        by_tap: what each depth of the network has added, from early to late.
        early: which of the depths are early: their maps tell at least an eighth of the input's pixels apart along a
            side. They see colour, texture and edges; those beyond see shapes and objects.
        evidence: float64 (size, size), what each pixel of the model's input has added.
        geometry: where in the picture that square lies.
    """

    group: str
    label: str
    confidence: float
    logit: float
    baseline: float
    by_tap: Mapping[str, float]
    early: frozenset[str]
    evidence: npt.NDArray[np.float64] = field(repr=False)
    geometry: InputGeometry

    @property
    def evidence_confidence(self) -> float:
        """The confidence that the evidence adds up to, 0..1: the model's in float32."""
        return float(1.0 / (1.0 + np.exp(-np.clip(self.logit, -700.0, 700.0))))

    @property
    def early_share(self) -> float:
        """How much of what was counted came from early depths, 0..1: what each has added, whatever its sign."""
        everything = sum(abs(value) for value in self.by_tap.values())
        return sum(abs(self.by_tap[tap]) for tap in self.early) / everything if everything > 0.0 else 0.0

    @property
    def late_share(self) -> float:
        """How much of it came from late depths, 0..1; with :attr:`early_share` it is 1, if anything was counted."""
        return 1.0 - self.early_share if any(self.by_tap.values()) else 0.0

    @property
    def scale(self) -> float:
        """What full colour stands for: logits a hundredth of the model's input."""
        size = len(self.evidence)
        least = _LEAST_SCALE / size**2
        return max(float(np.percentile(np.abs(self.evidence), _LOUDEST)), least) * size**2 / 100.0

    def heat(self, width: int, height: int) -> npt.NDArray[np.float64]:
        """The evidence where it lies in the picture.

        Args:
            width: of the picture, as it is or made larger or smaller.
            height: as ``width``.

        Returns:
            (height, width); with ``baseline`` it adds up to the logit. What was not looked at has 0.

        Raises:
            UsageError: a side is below 1.
        """
        _check_size(width, height)
        rows, columns = self.geometry.axes(width, height, len(self.evidence))
        return np.asarray(rows @ self.evidence @ columns.T)

    def overlay(self, pixels: npt.NDArray[np.uint8], *, scale: float | None = None) -> npt.NDArray[np.uint8]:
        """The picture with the evidence laid over it: orange for the label, blue against it, without much colour else.

        Args:
            pixels: uint8 (H, W, 3), all of the picture, as it is or made larger or smaller; not changed.
            scale: what full colour stands for; by default :attr:`scale`. One for several makes them comparable.

        Returns:
            uint8 (H, W, 3).

        Raises:
            UsageError: it is no such picture, or the scale is not above 0.
        """
        if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3:
            raise UsageError(f"expected uint8 (height, width, 3), got {pixels.dtype} {pixels.shape}")
        full = self.scale if scale is None else scale
        if not full > 0.0:
            raise UsageError(f"the scale is {full}, which is not above 0")
        height, width = pixels.shape[:2]
        _check_size(width, height)
        size = len(self.evidence)
        rows, columns = (_averaging(axis) for axis in self.geometry.axes(width, height, size))
        strength = self.evidence @ columns.T * (size**2 / 100.0 / full)
        shown = np.empty_like(pixels)
        step = max(1, _STRIP // width)
        for top in range(0, height, step):
            strip = slice(top, top + step)
            shown[strip] = tinted(pixels[strip], rows[strip] @ strength)
        return shown

    def place(self, *, against: bool = False) -> str | None:
        """Where most of what speaks for the label lies in what was looked at, for example ``upper middle``.

        Args:
            against: where what speaks against it lies.

        Returns:
            ``all over`` where no ninth stands out; ``None`` where nothing speaks so.
        """
        return self.geometry.place(np.maximum(-self.evidence if against else self.evidence, 0.0))

    def sentences(self) -> list[str]:
        """All that in plain words: what speaks for and against it, where, and how deep."""
        places = self.place(), self.place(against=True)
        return sentences(self.label, self.logit, self.baseline, places, self.by_tap, self.early, self.early_share)

    def to_json(self) -> dict[str, Any]:
        """All but the evidence of single pixels, as JSON values.

        ``grid`` is the evidence of 7 x 7 equal parts of the picture, from its left upper corner row by row.
        """
        return {
            "group": self.group,
            "label": self.label,
            "confidence": round(self.confidence, 8),
            "evidence_confidence": round(self.evidence_confidence, 8),
            "logit": round(self.logit, 6),
            "baseline": round(self.baseline, 6),
            "by_depth": {tap: round(value, 6) for tap, value in self.by_tap.items()},
            "early_share": round(self.early_share, 4),
            "late_share": round(self.late_share, 4),
            "for": self.place(),
            "against": self.place(against=True),
            "grid": self.heat(_GRID, _GRID).round(6).tolist(),
        }


def _check_size(width: int, height: int) -> None:
    if width < 1 or height < 1:
        raise UsageError(f"a picture of {width} x {height} pixels cannot be drawn on")


def _averaging(axis: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Shares of cells as weights of a mean: rows that add up to 1, or to 0 where the square does not reach."""
    covered = axis.sum(axis=1, keepdims=True)
    return np.asarray(np.divide(axis, covered, out=np.zeros_like(axis), where=covered > 0.0))

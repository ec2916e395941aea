"""The decisions for one label that thresholds are chosen from, as arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from decisight.errors import UsageError
from decisight.evaluation.scored import cluster_numbers
from decisight.types import Prediction, Target, Task

__all__ = ["LabelDecisions", "label_decisions"]


@dataclass(frozen=True, slots=True, eq=False)
class LabelDecisions:
    """What could be decided for one label on the pictures of which its group is known.

    Args:
        group: the name of the label's group.
        label: the label.
        confidence: ``(N,)``, 0..1, of the label.
        speaks: bool ``(N,)``: whether the picture is decided for the label if its confidence reaches the threshold: of
            an exclusive group where it is the top label, of an independent one always; but not where the picture is
            less familiar than is asked for.
        holds: bool ``(N,)``, whether the label is true.
        sources: int ``(N,)``, the source of each picture; a picture without one is its own.
        untuned: from which confidence on the label is decided where nothing is tuned, 0..1.
        lots: uint64 ``(N,)``, by which one picture of a source is drawn, the lowest first: even, and independent of all
            else; ``None`` where each picture is its own source.

    Raises:
        UsageError: the shapes do not agree, or a confidence is not in 0..1.
    """

    group: str
    label: str
    confidence: NDArray[np.float64]
    speaks: NDArray[np.bool_]
    holds: NDArray[np.bool_]
    sources: NDArray[np.int64]
    untuned: float = 0.0
    lots: NDArray[np.uint64] | None = None

    def __post_init__(self) -> None:
        lots = () if self.lots is None else (self.lots,)
        shapes = {array.shape for array in (self.confidence, self.speaks, self.holds, self.sources, *lots)}
        if len(shapes) != 1 or self.confidence.ndim != 1:
            raise UsageError(
                f"{self.key}: confidences, truth and sources have the shapes {sorted(map(str, shapes))}",
                hint="give one of each a picture",
            )
        if not ((self.confidence >= 0.0) & (self.confidence <= 1.0)).all():
            raise UsageError(f"{self.key}: a confidence does not lie in 0..1", hint="confidences are probabilities")

    def __len__(self) -> int:
        """How many pictures there are of which the group is known."""
        return len(self.confidence)

    @property
    def key(self) -> str:
        """``group:label``."""
        return f"{self.group}:{self.label}"

    @property
    def in_sources(self) -> bool:
        """Whether a source has several pictures, so that sources are the units."""
        return self.units < len(self)

    @property
    def units(self) -> int:
        """How many sources there are; pictures, where each is its own."""
        return len(np.unique(self.sources))

    @property
    def clusters(self) -> NDArray[np.int64] | None:
        """The sources as intervals take them: ``None`` where each picture is its own."""
        return self.sources if self.in_sources else None

    def accepted(self, threshold: float) -> NDArray[np.bool_]:
        """Bool ``(N,)``: what is decided for the label with a threshold, 0..1."""
        return self.speaks & (self.confidence >= threshold)


def label_decisions(
    task: Task,
    predictions: Sequence[Prediction],
    targets: Sequence[Sequence[Target]],
    *,
    sources: Sequence[str | None] | None = None,
    digests: Sequence[str] | None = None,
    min_familiarity: float | None = None,
) -> dict[str, LabelDecisions]:
    """The decisions for every label, from what a model says of labelled pictures.

    Args:
        task: the model's.
        predictions: N, one a picture.
        targets: N, one a picture, each with one target a group; ``None`` where it is not known.
        sources: N, what each picture was cut from; ``None`` for its own source.
        digests: N, the SHA-256 of each picture, in hexadecimal: it draws the lot among those of a source, so that their
            order does not.
        min_familiarity: the familiarity below which a picture is not decided; by default each is.

    Returns:
        By ``group:label``, in the task's order; without groups of which nothing is known.

    Raises:
        UsageError: there are not as many of one as of the other, or a prediction has no familiarity and is asked for
            it.
    """
    from decisight.policies.ballot import INDEPENDENT_THRESHOLD
    from decisight.policies.familiarity import refused_familiarity

    names = [None] * len(predictions) if sources is None else list(sources)
    lots = None if digests is None else np.array([int(digest[-16:], 16) for digest in digests], np.uint64)
    if not len(predictions) == len(targets) == len(names) == len(predictions if lots is None else lots):
        raise UsageError(
            f"there are {len(predictions)} predictions, {len(targets)} targets, {len(names)} sources and "
            f"{'no' if lots is None else len(lots)} digests",
            hint="give one of each a picture",
        )
    familiar = np.array([refused_familiarity(prediction, min_familiarity) is None for prediction in predictions], bool)
    found: dict[str, LabelDecisions] = {}
    for at, group in enumerate(task.groups):
        known = [row for row, target in enumerate(targets) if target[at] is not None]
        if not known:
            continue
        confidences = np.array([predictions[row].confidences[at] for row in known], np.float64)
        clusters = cluster_numbers([names[row] for row in known])
        numbers = np.arange(len(known)) if clusters is None else clusters
        top = confidences.argmax(axis=1)
        for column, label in enumerate(group.labels):
            held = [targets[row][at] for row in known]
            holds = np.array([label == t if isinstance(t, str) else label in (t or ()) for t in held], bool)
            speaks = (top == column) if group.exclusive else np.ones(len(known), bool)
            found[f"{group.name}:{label}"] = LabelDecisions(
                group.name,
                label,
                confidences[:, column],
                speaks & familiar[known],
                holds,
                numbers,
                0.0 if group.exclusive else INDEPENDENT_THRESHOLD,
                None if lots is None else lots[known],
            )
    return found

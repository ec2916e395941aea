"""What thresholds would do: how much is let through, and how much of that is right, at every confidence."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from decisight.evaluation.estimates import proportion
from decisight.evaluation.figures import Estimate
from decisight.evaluation.metrics import Floats
from decisight.evaluation.report.answers import GroupAnswers

__all__ = ["MOST_LABELS", "Sweep", "sweeps"]

MOST_LABELS = 40
"""At most how many labels of a group have a sweep: those with the most mistakes."""

_WITH_INTERVALS = 12
"""Up to how many labels the figures have intervals: each takes some hundred of them."""

_GRID = tuple(round(at / 100, 2) for at in range(100)) + tuple(round(0.99 + at / 1000, 3) for at in range(1, 10))
"""Thresholds that are tried, besides those that the model has: finer where confidences crowd."""


@dataclass(frozen=True, slots=True, eq=False)
class Sweep:
    """What the thresholds of one label would do, or one threshold for all labels.

    Args:
        label: ``None`` for all labels of an exclusive group together.
        threshold: what it is now.
        asked: how many pictures the threshold is asked about: of an exclusive group those whose top label it is.
        held: how many pictures have the label; of all labels, how many pictures there are.
        thresholds: ``(T,)``, rising.
        accepted: int ``(T,)``, pictures let through.
        right: int ``(T,)``, those of them that are right.
        precision: T, ``right / accepted``; without intervals where there are many labels.
        recall: T, ``right / held``.
    """

    label: str | None
    threshold: float
    asked: int
    held: int
    thresholds: Floats
    accepted: NDArray[np.int64]
    right: NDArray[np.int64]
    precision: tuple[Estimate, ...] = ()
    recall: tuple[Estimate, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """For the page's script: short keys, and figures to three places."""
        values: dict[str, Any] = {
            "label": self.label,
            "now": self.threshold,
            "asked": self.asked,
            "held": self.held,
            "at": self.thresholds.tolist(),
            "accepted": self.accepted.tolist(),
            "right": self.right.tolist(),
        }
        for name, estimates in (("precision", self.precision), ("recall", self.recall)):
            if estimates:
                values[name] = [[_short(estimate.low), _short(estimate.high)] for estimate in estimates]
        return values


def sweeps(answers: GroupAnswers, thresholds: Mapping[str, float]) -> list[Sweep]:
    """What thresholds would do in a group: all labels of an exclusive one together, then each label.

    In an exclusive group a label is accepted where it is the top one and its confidence reaches the threshold; in an
    independent one where its confidence does.

    Args:
        answers: of the group.
        thresholds: those of now, by ``group:label``.
    """
    group = answers.group
    now = {label: thresholds.get(f"{group.name}:{label}", 0.0) for label in group.labels}
    grid = np.array(sorted({*_GRID, *now.values()}))
    intervals = len(group.labels) <= _WITH_INTERVALS
    held, said = answers.held, answers.said
    found = []
    if group.exclusive:
        top = answers.confidences.max(axis=1)
        always = np.ones(len(answers), np.bool_)
        found.append(_sweep(answers, None, min(now.values()), grid, top, always, answers.right, always, intervals))
    mistakes = (held != said).sum(axis=0)
    order: Iterable[int] = range(len(group.labels))
    if len(group.labels) > MOST_LABELS:
        order = sorted(np.argsort(-mistakes, kind="stable")[:MOST_LABELS].tolist())
    for at in order:
        asked = said[:, at] if group.exclusive else np.ones(len(answers), np.bool_)
        if held[:, at].any() or said[:, at].any():
            label = group.labels[at]
            own = answers.confidences[:, at]
            found.append(_sweep(answers, label, now[label], grid, own, asked, held[:, at], held[:, at], intervals))
    return found


def _sweep(
    answers: GroupAnswers,
    label: str | None,
    threshold: float,
    grid: Floats,
    confidence: Floats,
    asked: NDArray[np.bool_],
    right: NDArray[np.bool_],
    held: NDArray[np.bool_],
    intervals: bool,
) -> Sweep:
    clusters = answers.clusters
    accepted, correct = (_reaching(grid, confidence[chosen]) for chosen in (asked, asked & right))
    precision: list[Estimate] = []
    recall: list[Estimate] = []
    for at in range(len(grid) if intervals else 0):
        if at and accepted[at] == accepted[at - 1]:
            precision.append(precision[-1])
            recall.append(recall[-1])
            continue
        through = asked & (confidence >= grid[at])
        precision.append(proportion(right[through], None if clusters is None else clusters[through]))
        recall.append(proportion((through & right)[held], None if clusters is None else clusters[held]))
    return Sweep(
        label,
        threshold,
        int(asked.sum()),
        int(held.sum()),
        grid,
        accepted,
        correct,
        tuple(precision),
        tuple(recall),
    )


def _reaching(grid: Floats, confidences: Floats) -> NDArray[np.int64]:
    """How many confidences reach each threshold."""
    return len(confidences) - np.searchsorted(np.sort(confidences), grid, side="left")


def _short(value: float) -> float | None:
    return None if np.isnan(value) else round(value, 3)

"""What an evaluation found, as values, and as JSON."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from decisight.evaluation import metrics
from decisight.evaluation.metrics import Floats
from decisight.types import LabelGroup

__all__ = ["ClassFigures", "Estimate", "Evaluation", "GroupEvaluation"]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure with its 95 % interval.

    Args:
        value: 0..1; NaN if undefined.
        low: 0..``value``; NaN if undefined.
        high: ``value``..1; NaN if undefined.
    """

    value: float
    low: float
    high: float

    def to_json(self) -> dict[str, float | None]:
        """``value``, ``low`` and ``high``; ``None`` where undefined."""
        return {"value": _plain(self.value), "low": _plain(self.low), "high": _plain(self.high)}


@dataclass(frozen=True, slots=True)
class ClassFigures:
    """How well one label is found.

    Args:
        label: the label.
        precision: the share of what was predicted as it that is it.
        recall: the share of its examples that were predicted as it.
        f1: the harmonic mean of the two.
        support: how many examples have it.
    """

    label: str
    precision: Estimate
    recall: Estimate
    f1: Estimate
    support: int

    @property
    def given_up(self) -> bool:
        """Whether the label is there and was never predicted: it has no precision, and counts as 0 in the mean."""
        return self.support > 0 and math.isnan(self.precision.value)

    def to_json(self) -> dict[str, Any]:
        """``precision``, ``recall``, ``f1`` and ``support``."""
        return {
            "precision": self.precision.to_json(),
            "recall": self.recall.to_json(),
            "f1": self.f1.to_json(),
            "support": self.support,
        }


@dataclass(frozen=True, slots=True, eq=False)
class GroupEvaluation:
    """How well the labels of one group are told apart.

    Args:
        group: the label group.
        n: how many examples had a known label.
        sources: how many sources they come from; ``n`` if each is its own.
        confusion_matrix: int, rows actual, columns predicted. ``(K, K)`` of an exclusive group; ``(K, 2, 2)`` of an
            independent one, for each label ``[[tn, fp], [fn, tp]]``.
        accuracy: the share of examples that are right; in an independent group those with every label right.
        balanced_accuracy: the mean recall over the labels present; of an independent group the mean over its labels of
            the mean of recall and specificity.
        macro_precision: the mean precision over the labels present or predicted; one that is never predicted counts
            as 0.
        macro_recall: the mean recall over the labels present.
        macro_f1: the mean F1 over the labels present or predicted.
        roc_auc: of an exclusive group of two, for the second label; else the mean over the labels, each against the
            rest, that some and not all examples have.
        average_precision: averaged like ``roc_auc``.
        ece: the expected calibration error, :func:`~decisight.evaluation.reliability.expected_calibration_error`.
        debiased_ece: the root mean squared calibration error with chance taken off,
            :func:`~decisight.evaluation.reliability.debiased_calibration_error`; not on the scale of ``ece``, and
            without an interval. NaN where too few pictures share a confidence to tell.
        majority_rate: the accuracy of always giving the commonest answer; known without a model, so it has no interval.
        per_class: one a label, in the group's order.
    """

    group: LabelGroup
    n: int
    sources: int
    confusion_matrix: NDArray[np.int64]
    accuracy: Estimate
    balanced_accuracy: Estimate
    macro_precision: Estimate
    macro_recall: Estimate
    macro_f1: Estimate
    roc_auc: Estimate
    average_precision: Estimate
    ece: Estimate
    debiased_ece: float
    majority_rate: float
    per_class: tuple[ClassFigures, ...]

    @property
    def positive(self) -> str | None:
        """The label that ``roc_auc`` and ``average_precision`` are of, if they are not means: the second of two."""
        return self.group.labels[1] if self.group.exclusive and len(self.group.labels) == 2 else None

    @property
    def row_normalised(self) -> Floats:
        """The confusion matrix as shares of each row, 0..1, of the same shape; NaN in a row without examples."""
        return metrics.ratio(self.confusion_matrix, self.confusion_matrix.sum(-1, keepdims=True))

    def to_json(self) -> dict[str, Any]:
        """All figures as plain numbers, ``None`` where undefined."""
        labels = self.group.labels
        counts, shares = self.confusion_matrix.tolist(), _plain_rows(self.row_normalised.tolist())
        if not self.group.exclusive:
            counts, shares = dict(zip(labels, counts, strict=True)), dict(zip(labels, shares, strict=True))
        return {
            "n": self.n,
            "sources": self.sources,
            "kind": self.group.kind,
            "labels": list(labels),
            "positive": self.positive,
            "confusion_matrix": counts,
            "confusion_matrix_normalised": shares,
            "accuracy": self.accuracy.to_json(),
            "majority_rate": self.majority_rate,
            "balanced_accuracy": self.balanced_accuracy.to_json(),
            "macro_precision": self.macro_precision.to_json(),
            "macro_recall": self.macro_recall.to_json(),
            "macro_f1": self.macro_f1.to_json(),
            "roc_auc": self.roc_auc.to_json(),
            "average_precision": self.average_precision.to_json(),
            "ece": self.ece.to_json(),
            "debiased_ece": _plain(self.debiased_ece),
            "per_class": {figures.label: figures.to_json() for figures in self.per_class},
        }


@dataclass(frozen=True, slots=True, eq=False)
class Evaluation:
    """How well a model does a task.

    Args:
        groups: one a label group that could be judged, in the task's order.
        left_out: the names of groups in which no example had a known label.
    """

    groups: tuple[GroupEvaluation, ...]
    left_out: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """``{"groups": {name: figures}}``, ready for strict JSON: no NaN, no numpy."""
        return {"groups": {evaluation.group.name: evaluation.to_json() for evaluation in self.groups}}


def _plain(value: float) -> float | None:
    return None if math.isnan(value) else float(value)


def _plain_rows(values: Any) -> Any:
    return [_plain_rows(row) for row in values] if isinstance(values, list) else _plain(values)

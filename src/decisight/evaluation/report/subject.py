"""What a report is about."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from decisight.data.dataset import Example
from decisight.evaluation.figures import Evaluation
from decisight.evaluation.guide import GroupCosts
from decisight.evaluation.judging import Judged
from decisight.evaluation.metrics import Floats
from decisight.evaluation.report.kept import Kept
from decisight.files import printable
from decisight.models.card import UNFAMILIAR
from decisight.models.classifier import Classifier
from decisight.types import Decision, LabelGroup

__all__ = ["Subject"]

_READABLE = 20
"""Up to how many labels a table of costs is shown."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A model, the pictures that it was judged by, and what was found.

    Args:
        model: the model.
        judged: N pictures, and what the model said of them.
        decisions: N, one decision a group.
        evaluation: the figures.
        thresholds: from which confidence on each label is accepted, by ``group:label``.
        data: the folder or file that the pictures were read from.
        split: the part of it; ``None`` where it was all.
        date: when it was judged, as people write it.
        regions: what was looked at of every picture; empty where it was all of it, or the data says so itself.
        costs: what mistakes cost, by group; empty where neither the user nor the model has said.
        left_out: how many pictures could not be used.
        remarks: what the reader has to know before trusting a figure, a sentence each.
        rule: what the rule that decides does here, a sentence each.
        kept: what the model file says of its thresholds and costs, and what becomes of it here.
    """

    model: Classifier
    judged: Judged
    decisions: tuple[tuple[Decision, ...], ...]
    evaluation: Evaluation
    thresholds: Mapping[str, float]
    data: Path
    split: str | None
    date: str
    regions: tuple[str, ...] = ()
    costs: Mapping[str, GroupCosts] = field(default_factory=dict)
    left_out: int = 0
    remarks: tuple[str, ...] = ()
    rule: tuple[str, ...] = ()
    kept: tuple[Kept, ...] = ()

    @property
    def familiarity(self) -> Floats:
        """``(N,)``, 0..1; NaN where the model does not say."""
        values = (prediction.familiarity for prediction in self.judged.predictions)
        return np.array([np.nan if value is None else value for value in values])

    @property
    def unfamiliar(self) -> float:
        """Below which familiarity a picture is called unfamiliar, 0..1."""
        return self.model.card.low_familiarity(UNFAMILIAR)

    @property
    def cost_tables(self) -> list[tuple[LabelGroup, list[list[float]]]]:
        """What mistakes cost, by group, where that can be read.

        Of an exclusive group ``(K, K)``, rows actual, columns answered; of an independent one ``(K, 2)``, the cost of
        a miss and of a false alarm.
        """
        found = []
        for group in self.model.task.groups:
            costs = self.costs.get(group.name)
            if costs is not None and len(group.labels) <= _READABLE:
                matrix = costs.matrix
                pairs = matrix if group.exclusive else np.stack([matrix[:, 1, 0], matrix[:, 0, 1]], axis=1)
                found.append((group, pairs.tolist()))
        return found

    @property
    def data_name(self) -> str:
        """The name of the folder or file that the pictures were read from, without the folders that it lies in."""
        return Path(os.path.abspath(self.data)).name or str(self.data)

    def name_of(self, example: Example) -> str:
        """A picture's name as people find it in the data; with the region, where a part of the picture is meant."""
        root = self.data if self.data.is_dir() else self.data.parent
        path = example.path.relative_to(root) if example.path.is_relative_to(root) else example.path
        name = printable(path.as_posix())
        return name if example.region is None else f"{name} ({example.region.name})"

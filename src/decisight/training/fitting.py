"""What was chosen, and the heads fitted by it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from decisight.data.dataset import Dataset
from decisight.evaluation.evaluate import Evaluation, evaluate
from decisight.models.card import Calibration
from decisight.models.heads import Head, classifier_graph, feature_widths
from decisight.training.calibration import calibrated
from decisight.training.features import Features, View
from decisight.training.probe import Basis, Standardiser, fit_linear, sigmoid, softmax
from decisight.training.recipes import Layout, Recipe
from decisight.training.selection import (
    GroupTargets,
)
from decisight.types import FitMode, Target, Task

if TYPE_CHECKING:
    from onnx import ModelProto

    from decisight.models.backbones import Backbone
    from decisight.models.familiarity import Familiarity

__all__ = ["Fitted", "GroupProbe", "Probe", "inner_products"]

Matrix = npt.NDArray[np.float64]
Progress = Callable[[str, int, int], None]

_DUAL_ROWS = 3_000
"""Up to so many rows the inner products are decomposed; beyond, the features themselves are worked on."""


@dataclass(frozen=True, slots=True)
class GroupProbe:
    """What was chosen for one group, and what its heads said of the pictures that they were not trained on.

    Args:
        targets: what is true of the pictures that choices were made on.
        recipe: what its head looks at.
        strength: its regularisation.
        scores: float64 (n, labels), out-of-fold logits of the pictures of which the group is known.
        calibration: fitted on them.
    """

    targets: GroupTargets
    recipe: Recipe
    strength: float
    scores: Matrix
    calibration: Calibration


@dataclass(frozen=True, slots=True)
class Probe:
    """All that was chosen.

    Args:
        backbone: whose features.
        part: the pictures that choices were made on.
        fit_mode: how pictures are brought to the input.
        views: what is learnt from: each picture so, and mirrored where that helps.
        groups: one a label group.
        balance: whether classes count alike in fitting.
        notes: what the user should know.
    """

    backbone: Backbone
    part: Dataset
    fit_mode: FitMode
    views: tuple[View, ...]
    groups: tuple[GroupProbe, ...]
    balance: bool
    notes: tuple[str, ...]

    @property
    def features(self) -> tuple[str, ...]:
        """Every feature that some head looks at, from shallow to deep."""
        layout = Layout(self.backbone)
        used = {name for group in self.groups for name, _, _ in layout.columns(group.recipe)}
        return tuple(name for name in layout.names if name in used)

    def out_of_fold(self) -> Evaluation:
        """How good the calibrated confidences are for pictures that were not trained on."""
        task: Task = self.part.task
        confidences = []
        for group in self.groups:
            table = np.full((len(self.part), len(group.targets.group.labels)), 1.0 / len(group.targets.group.labels))
            logits = calibrated(group.scores, group.calibration)
            table[group.targets.known] = softmax(logits) if group.targets.group.exclusive else sigmoid(logits)
            confidences.append(table)
        targets: list[tuple[Target, ...]] = [example.targets for example in self.part.examples]
        return evaluate(task, targets, confidences, sources=[example.source for example in self.part.examples])

    def fit(self, part: Dataset, features: Features) -> Fitted:
        """The heads, fitted on all pictures in all chosen views; their features are centred on the first view."""
        layout = Layout(self.backbone)
        tables = [features.views[view] for view in self.views]
        standardiser = Standardiser.of(tables[0])
        heads = [
            _fit_head(
                self,
                group,
                GroupTargets.of(group.targets.group, [e.targets[at] for e in part.examples], balance=self.balance),
                layout,
                tables,
                standardiser,
            )
            for at, group in enumerate(self.groups)
        ]
        mean = np.concatenate([standardiser.mean[layout.of(name)] for name in self.features]).astype(np.float64)
        return Fitted(self, tuple(heads), mean)


@dataclass(frozen=True, slots=True)
class Fitted:
    """What was fitted on the features that were chosen.

    Args:
        probe: what was chosen.
        heads: one a group, of centred features.
        mean: float64 (features,), what the features are centred on.
    """

    probe: Probe
    heads: tuple[Head, ...]
    mean: Matrix

    def graph(self, version: str, familiarity: Familiarity | None = None) -> ModelProto:
        """The graph of backbone and heads, and of familiarity where there is one."""
        probe, heads = self.probe, list(self.heads)
        return classifier_graph(probe.backbone, probe.features, heads, version, mean=self.mean, familiarity=familiarity)


def _fit_head(
    probe: Probe,
    group: GroupProbe,
    targets: GroupTargets,
    layout: Layout,
    tables: Sequence[npt.NDArray[np.float16]],
    standardiser: Standardiser,
) -> Head:
    design = layout.design([table[targets.known] for table in tables], standardiser, group.recipe)
    views = len(tables)
    weights = np.tile(targets.weights, views) / views
    wanted = np.tile(targets.targets, (views, 1))
    exclusive = targets.group.exclusive
    if len(design) <= _DUAL_ROWS:
        basis = Basis.of(inner_products(design))
        fitted = fit_linear(basis.coordinates, wanted, strength=group.strength, exclusive=exclusive, weights=weights)
        linear = design.T.astype(np.float64) @ (basis.projection @ fitted[:-1])
    else:
        fitted = fit_linear(design, wanted, strength=group.strength, exclusive=exclusive, weights=weights)
        linear = fitted[:-1]
    return _centred_head(probe, group, layout, standardiser, linear, fitted[-1])


def _centred_head(
    probe: Probe, group: GroupProbe, layout: Layout, standardiser: Standardiser, linear: Matrix, bias: Matrix
) -> Head:
    """The head on centred features: spread and scale are folded into its weights."""
    names = probe.features
    starts = dict(zip(names, np.cumsum([0, *feature_widths(probe.backbone, names)])[:-1].tolist(), strict=True))
    weight = np.zeros((linear.shape[1], sum(feature_widths(probe.backbone, names))))
    row = 0
    for name, columns, scale in layout.columns(group.recipe):
        width = columns.stop - columns.start
        centred = linear[row : row + width] * scale / standardiser.spread[columns, None].astype(np.float64)
        weight[:, starts[name] : starts[name] + width] = centred.T
        row += width
    return Head(group.targets.group, weight, bias, group.calibration)


def inner_products(design: npt.NDArray[np.float32]) -> Matrix:
    """Inner products float64 (N, N) of what a head sees of N pictures."""
    return np.asarray(design @ design.T, np.float64)

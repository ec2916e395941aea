"""What a model would say of each picture if it had learnt from all the others, by our own training."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from decisight.auditing.learnable import learnable, tied
from decisight.compute import one_blas_thread
from decisight.data.dataset import Dataset
from decisight.data.folds import assign_folds
from decisight.errors import DataError
from decisight.models.backbones import backbones
from decisight.training.cache import FeatureCache
from decisight.training.calibration import calibrated, fit_calibration
from decisight.training.choosing import choose_pictures, select
from decisight.training.features import FeatureExtractor, Features, View
from decisight.training.fitting import GroupProbe, Probe, inner_products
from decisight.training.options import TrainOptions
from decisight.training.probe import Basis, Standardiser, fit_linear, sigmoid, softmax
from decisight.training.recipes import Layout
from decisight.training.selection import GroupTargets
from decisight.types import FitMode, LabelGroup

__all__ = ["Learnt", "OutOfFold", "learn", "scored"]

Matrix = npt.NDArray[np.float64]
Progress = Callable[[str, int, int], None]

_SELECTION_PICTURES = 1_500
"""Choices are made on at most so many pictures, as in training."""
_DUAL_ROWS = 3_000
"""Up to so many rows the inner products are decomposed; beyond, the features themselves are worked on."""


@dataclass(frozen=True, slots=True)
class OutOfFold:
    """What heads that have not learnt from a picture say of it.

    Args:
        group: the label group, with those of its labels that can be learnt, in their order.
        examples: int (n,), the pictures, by their numbers in the dataset.
        targets: float64 (n, labels), 0 or 1: what the data say.
        confidences: float64 (n, labels), 0..1, calibrated.
    """

    group: LabelGroup
    examples: npt.NDArray[np.int64]
    targets: Matrix
    confidences: Matrix


@dataclass(frozen=True, slots=True)
class Learnt:
    """What was learnt from labelled pictures for an audit.

    Args:
        groups: one a label group of which something can be said.
        numbers: int (N,), the pictures that features were computed of, by their numbers in the dataset.
        notes: what could not be done, and why.
    """

    groups: tuple[OutOfFold, ...]
    numbers: npt.NDArray[np.int64]
    notes: tuple[str, ...]
    _probe: Probe | None = None
    _features: Features | None = None

    @classmethod
    def nothing(cls, *notes: str) -> Learnt:
        """Where nothing could be learnt, or nothing was to be."""
        return cls((), np.empty(0, np.int64), notes)

    def numbered(self, numbers: Sequence[int]) -> Learnt:
        """The same by other numbers of the pictures: of what was number ``i`` that at place ``i``."""
        new = np.array(numbers, np.int64)
        groups = tuple(replace(group, examples=new[group.examples]) for group in self.groups)
        return replace(self, groups=groups, numbers=new[self.numbers])

    def seen_by(self, group: LabelGroup) -> npt.NDArray[np.float32] | None:
        """What the head of a group sees of each picture, float32 (N, features); ``None`` where it has none."""
        if self._probe is None or self._features is None:
            return None
        found = next((one for one in self._probe.groups if one.targets.group.name == group.name), None)
        return None if found is None else _design(self._probe, found, self._features)

    def strength(self, group: LabelGroup) -> float:
        """How much the head of a group is held back."""
        if self._probe is None:
            raise ValueError("nothing was learnt")
        return next(one.strength for one in self._probe.groups if one.targets.group.name == group.name)


def learn(
    dataset: Dataset,
    kin: Sequence[Sequence[int]],
    *,
    options: TrainOptions,
    cache: FeatureCache,
    threads: int,
    progress: Progress,
) -> Learnt:
    """Learn from all pictures, of whatever split, and say what the heads of the folds make of those left out.

    Args:
        dataset: the pictures that can be read.
        kin: copies, by their numbers: those of one group are kept together, as sources are.
        options: of training.
        cache: where features are kept.
        threads: how many pictures, and folds, are worked on at once.
        progress: told after every step.
    """
    part, notes = learnable(tied(dataset, kin))
    if part is None:
        return Learnt.nothing(*notes)
    order = choose_pictures(part, _SELECTION_PICTURES, options.folds)
    first = len(order)
    order += sorted(set(range(len(part))) - set(order))
    part = replace(part, examples=tuple(part.examples[at] for at in order))
    backbone = backbones.build(options.backbone)
    extractor = FeatureExtractor(backbone, cache, threads=threads)
    features = extractor.extract(part.examples[:first], _views(options), progress)
    if len(features.kept) < first:
        raise DataError(f"{dataset.root}: pictures changed while they were looked at", hint="run the audit again")
    try:
        with one_blas_thread():
            probe, _ = select(backbone, part, features, options, progress, threads)
    except DataError as error:
        return Learnt.nothing(*notes, error.message)
    view = View(probe.fit_mode)
    table = features.views[view]
    if first < len(part):
        rest = extractor.extract(part.examples[first:], [view], progress)
        if len(rest.kept) < len(part) - first:
            raise DataError(f"{dataset.root}: pictures changed while they were looked at", hint="run the audit again")
        table = np.vstack([table, rest.views[view]])
    all_features = replace(features, views={view: table})
    numbers = np.array(order, np.int64)
    with one_blas_thread():
        groups = tuple(
            _out_of_fold(probe, group, at, part, all_features, numbers, options)
            for at, group in enumerate(probe.groups)
        )
    return Learnt(groups, numbers, tuple(notes), probe, all_features)


def _views(options: TrainOptions) -> list[View]:
    fits = [options.fit] if options.fit else list(FitMode)
    mirrored = (False,) if options.mirror is False else (False, True)
    return [View(fit, mirror) for fit in fits for mirror in mirrored]


def _design(probe: Probe, group: GroupProbe, features: Features) -> npt.NDArray[np.float32]:
    table = features.views[View(probe.fit_mode)]
    return Layout(probe.backbone).design([table], Standardiser.of(table), group.recipe)


def _out_of_fold(
    probe: Probe,
    group: GroupProbe,
    at: int,
    part: Dataset,
    features: Features,
    numbers: npt.NDArray[np.int64],
    options: TrainOptions,
) -> OutOfFold:
    """Calibrated confidences of all pictures; those that choices were made on have theirs already."""
    targets, scores, calibration = group.targets, group.scores, group.calibration
    if len(probe.part) < len(part):
        targets = GroupTargets.of(group.targets.group, [example.targets[at] for example in part.examples])
        scores = _cross_validated(_design(probe, group, features), targets, part, group.strength, options)
        calibration = fit_calibration(scores, targets.targets, exclusive=targets.group.exclusive)
    logits = calibrated(scores, calibration)
    confidences = softmax(logits) if targets.group.exclusive else sigmoid(logits)
    return OutOfFold(targets.group, numbers[targets.known], targets.targets, confidences)


def _cross_validated(
    design: npt.NDArray[np.float32], targets: GroupTargets, part: Dataset, strength: float, options: TrainOptions
) -> Matrix:
    """Logits float64 (n, labels) of the pictures of which the group is known, from heads that left them out."""
    known = [part.examples[at] for at in targets.known]
    labels = [str(row.argmax()) if targets.group.exclusive else str(row.tolist()) for row in targets.targets]
    units = len({example.source for example in known} - {None}) + sum(example.source is None for example in known)
    folds = assign_folds(labels, [example.source for example in known], min(options.folds, units), options.seed)
    scores = np.zeros_like(targets.targets)
    for fold in np.unique(folds):
        inside, outside = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
        scores[outside] = scored(
            design[targets.known[inside]],
            targets.targets[inside],
            design[targets.known[outside]],
            strength=strength,
            exclusive=targets.group.exclusive,
        )
    return scores


def scored(
    learnt: npt.NDArray[np.float32],
    targets: Matrix,
    asked: npt.NDArray[np.float32],
    *,
    strength: float,
    exclusive: bool,
) -> Matrix:
    """Logits float64 (m, labels) of some pictures from a head that has learnt from others.

    Args:
        learnt: what the head sees of the pictures that it learns from, (n, features).
        targets: what is true of them, float64 (n, labels).
        asked: what it sees of those that it is asked about, (m, features).
        strength: see :func:`~decisight.training.probe.fit_linear`.
        exclusive: likewise.
    """
    if len(learnt) > _DUAL_ROWS:
        fitted = fit_linear(learnt, targets, strength=strength, exclusive=exclusive)
        return np.asarray(asked @ fitted[:-1] + fitted[-1], np.float64)
    basis = Basis.of(inner_products(learnt))
    fitted = fit_linear(basis.coordinates, targets, strength=strength, exclusive=exclusive)
    coordinates = (asked @ learnt.T).astype(np.float64) @ basis.projection
    return np.asarray(coordinates @ fitted[:-1] + fitted[-1])

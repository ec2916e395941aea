"""The arrays that two models are compared by in a group: what was true, what each says, and how right each is."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from decisight.errors import DataError, LabelError
from decisight.evaluation import metrics
from decisight.evaluation.metrics import Floats, Labels
from decisight.evaluation.scored import cluster_numbers
from decisight.types import Decision, LabelGroup, Reason, Target

__all__ = ["LEAST_CONFIDENCE", "ModelOutputs", "ScoredPair", "ScoredSide", "common_group", "score_pair"]

LEAST_CONFIDENCE = 1e-6
"""A confidence below counts as this in the log loss, or a single picture could decide it."""


@dataclass(frozen=True, slots=True, eq=False)
class ModelOutputs:
    """What one model says of N pictures in one group.

    Args:
        group: as the model has it; it may have labels that the other has not.
        confidences: ``(N, K)``, 0..1, columns in the order of its labels.
        thresholds: by label of an independent group, from which confidence on it is predicted; 0.5 where none is given.
        decisions: N, by the model's own rule; ``None`` where there is none.
        costs: ``(N,)``, what each decision has cost; ``None`` where that is not known.
        most_apart: by how much two decisions on one picture can differ in cost; infinite where that is not known.
    """

    group: LabelGroup
    confidences: Floats
    thresholds: Mapping[str, float] = field(default_factory=dict)
    decisions: Sequence[Decision] | None = None
    costs: Floats | None = None
    most_apart: float = math.inf


@dataclass(frozen=True, slots=True, eq=False)
class ScoredSide:
    """One of two models on the n pictures that are compared.

    Args:
        said: bool ``(n, K)``, which of the common labels it predicts; none, where that is a label of its own.
        right: bool ``(n,)``; in an independent group with every label.
        loss: ``(n,)``, in nats; in an independent group the mean over the labels.
        truth: ``(n,)``, its confidence in what is true; in an independent group in the label it is least sure of.
        accepted: bool ``(n,)``, whether its own rule decides; ``None`` without one, and in an independent group.
        decided_right: bool ``(n,)``, accepted and right.
        cost: ``(n,)``, what its decisions have cost; ``None`` where that is not known.
    """

    said: NDArray[np.bool_]
    right: NDArray[np.bool_]
    loss: Floats
    truth: Floats
    accepted: NDArray[np.bool_] | None
    decided_right: NDArray[np.bool_]
    cost: Floats | None = None

    @property
    def numbers(self) -> list[Floats]:
        """What else there is of each picture that pictures can be told apart by."""
        accepted = [] if self.accepted is None else [self.accepted.astype(float), self.decided_right.astype(float)]
        return [self.loss, *accepted, *([] if self.cost is None else [self.cost])]

    def taken(self, order: NDArray[np.intp]) -> ScoredSide:
        """The same pictures in another order."""
        accepted = None if self.accepted is None else self.accepted[order]
        cost = None if self.cost is None else self.cost[order]
        arrays = (self.said[order], self.right[order], self.loss[order], self.truth[order])
        return ScoredSide(*arrays, accepted, self.decided_right[order], cost)


@dataclass(frozen=True, slots=True, eq=False)
class ScoredPair:
    """Both models on the n pictures whose label is known and known to both.

    Args:
        group: with the labels that both have.
        known: int ``(n,)``, which of the N pictures these are, in their order.
        held: bool ``(n, K)``, which labels hold.
        sides: the first model and the second.
        clusters: the source of each picture, int ``(n,)``; ``None`` if each is its own.
        most_apart: by how much two decisions on one picture can differ in cost; infinite where that is not known.
    """

    group: LabelGroup
    known: NDArray[np.int64]
    held: NDArray[np.bool_]
    sides: tuple[ScoredSide, ScoredSide]
    clusters: NDArray[np.int64] | None
    most_apart: float = math.inf

    def __len__(self) -> int:
        """How many pictures are compared."""
        return len(self.known)

    def arranged(self, sources: Sequence[str | None]) -> ScoredPair:
        """In an order that does not depend on the one given, since the bootstrap draws rows by number.

        Args:
            sources: N, what each picture was cut from.
        """
        names = [sources[row] for row in self.known]
        numbers = {name: at for at, name in enumerate(sorted({name for name in names if name is not None}))}
        named = np.array([-1 if name is None else numbers[name] for name in names], np.int64)
        columns = np.hstack([self.held, *(side.said for side in self.sides)]).T
        order = np.lexsort((*columns, *(part for side in self.sides for part in side.numbers), named))
        a, b = (side.taken(order) for side in self.sides)
        clusters = cluster_numbers([names[at] for at in order])
        return ScoredPair(self.group, self.known[order], self.held[order], (a, b), clusters, self.most_apart)


def common_group(a: LabelGroup, b: LabelGroup) -> LabelGroup:
    """The labels that both have, in the order of the first, under its name.

    Raises:
        LabelError: one is exclusive and the other not, or they share too few labels to compare anything.
    """
    if a.kind != b.kind:
        raise LabelError(f"the group {a.name!r} is {a.kind} in A and {b.kind} in B", hint="these cannot be compared")
    labels = tuple(label for label in a.labels if label in b.labels)
    if len(labels) < (2 if a.exclusive else 1):
        shared = f"only {labels[0]!r} in common" if labels else "no label in common"
        raise LabelError(
            f"in the group {a.name!r} the models have {shared}",
            hint=f"A has {', '.join(a.labels[:10])}; B has {', '.join(b.labels[:10])}",
        )
    return LabelGroup(a.name, labels, a.kind)


def score_pair(
    group: LabelGroup, targets: Sequence[Target], a: ModelOutputs, b: ModelOutputs, sources: Sequence[str | None]
) -> ScoredPair:
    """What two models are compared by.

    Args:
        group: the labels to compare, as :func:`common_group` gives them.
        targets: N, one a picture; ``None`` where it is not known.
        a: what the first model says.
        b: what the second says.
        sources: N, what each picture was cut from; ``None`` for its own source.

    Raises:
        DataError: no picture has a known label of the group.
    """
    known, target = _targets(group, targets)
    if not len(known):
        raise DataError(
            f"group {group.name!r} cannot be compared: no picture has a label that both models know",
            hint=f"these are: {', '.join(group.labels)}",
        )
    one, other = (_side(group, target, said, known) for said in (a, b))
    clusters = cluster_numbers([sources[row] for row in known])
    held, most_apart = metrics.indicators(target, len(group.labels)), max(a.most_apart, b.most_apart)
    return ScoredPair(group, known, held, (one, other), clusters, most_apart)


def _targets(group: LabelGroup, targets: Sequence[Target]) -> tuple[NDArray[np.int64], Labels]:
    """Which pictures can be compared, and what is true of them in terms of the common labels."""
    index = {label: at for at, label in enumerate(group.labels)}
    if group.exclusive:
        rows = [(row, index[one]) for row, one in enumerate(targets) if isinstance(one, str) and one in index]
        known, target = (np.array([pair[part] for pair in rows], np.int64) for part in (0, 1))
        return known, target
    known = np.array([row for row, one in enumerate(targets) if one is not None], np.int64)
    held = [[label in (targets[row] or ()) for label in group.labels] for row in known]
    return known, np.array(held, bool).reshape(len(known), len(group.labels))


def _side(group: LabelGroup, target: Labels, said: ModelOutputs, known: NDArray[np.int64]) -> ScoredSide:
    confidences = np.clip(np.asarray(said.confidences, float)[known], 0.0, 1.0)
    cost = None if said.costs is None else said.costs[known]
    own = np.array([said.group.labels.index(label) for label in group.labels])
    if not group.exclusive:
        predicted = confidences[:, own] >= np.array([said.thresholds.get(label, 0.5) for label in group.labels])
        each = np.where(target, confidences[:, own], 1.0 - confidences[:, own])
        loss = -np.log(np.maximum(each, LEAST_CONFIDENCE)).mean(axis=1)
        right = metrics.right(target, predicted)
        return ScoredSide(predicted, right, loss, each.min(axis=1), None, right, cost)
    top, truth = confidences.argmax(axis=1), confidences[np.arange(len(known)), own[target]]
    right, loss = top == own[target], -np.log(np.maximum(truth, LEAST_CONFIDENCE))
    if said.decisions is None:
        return ScoredSide(top[:, None] == own, right, loss, truth, None, right, cost)
    made = [said.decisions[row] for row in known]
    accepted = np.array([decision.reason is Reason.ACCEPTED for decision in made])
    decided = np.array([one.state == group.labels[at] for one, at in zip(made, target.tolist(), strict=True)])
    return ScoredSide(top[:, None] == own, right, loss, truth, accepted, accepted & decided, cost)

"""What became of each picture in one label group: what is true, what was answered, and how confidently."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from decisight.evaluation import metrics
from decisight.evaluation.judging import Judged
from decisight.evaluation.metrics import Floats, Labels
from decisight.evaluation.scored import cluster_numbers
from decisight.types import LabelGroup, Task

__all__ = ["GroupAnswers", "Mistake", "answers"]


@dataclass(frozen=True, slots=True)
class Mistake:
    """A wrong answer.

    Args:
        picture: its number among the pictures judged.
        label: the number of the label that was answered, or that an independent group missed.
        missed: of an independent group: the label holds and was not answered; else it was answered and does not hold.
        confidence: in what is wrong, 0..1: of the label answered, or of a missed one that it does not hold.
    """

    picture: int
    label: int
    missed: bool
    confidence: float


@dataclass(frozen=True, slots=True, eq=False)
class GroupAnswers:
    """The pictures of one group whose truth is known, in the order in which they were judged.

    Args:
        group: the label group.
        pictures: int ``(N,)``, their numbers among all pictures judged; N at least 1.
        confidences: ``(N, K)``, 0..1.
        target: int ``(N,)`` of an exclusive group, bool ``(N, K)`` of an independent one.
        predicted: like ``target``: the top label, or the labels whose threshold is reached.
        sources: N, what each picture was cut from; ``None`` for its own source.
    """

    group: LabelGroup
    pictures: NDArray[np.int64]
    confidences: Floats
    target: Labels
    predicted: Labels
    sources: tuple[str | None, ...]

    def __len__(self) -> int:
        """How many pictures there are."""
        return len(self.pictures)

    @property
    def right(self) -> NDArray[np.bool_]:
        """Bool ``(N,)``: the label is right, in an independent group every one."""
        return metrics.right(self.target, self.predicted)

    @property
    def clusters(self) -> NDArray[np.int64] | None:
        """The source of each picture as a number, int ``(N,)``; ``None`` if each is its own."""
        return cluster_numbers(self.sources)

    @property
    def held(self) -> NDArray[np.bool_]:
        """Bool ``(N, K)``: whether each label holds."""
        return metrics.indicators(self.target, len(self.group.labels))

    @property
    def said(self) -> NDArray[np.bool_]:
        """Bool ``(N, K)``: whether each label was answered."""
        return metrics.indicators(self.predicted, len(self.group.labels))

    def mistakes(self) -> list[Mistake]:
        """Every wrong answer, the most confident first; of an independent group each label for itself."""
        return sorted(self._mistakes(), key=lambda mistake: (-mistake.confidence, mistake.picture, mistake.label))

    def _mistakes(self) -> Iterator[Mistake]:
        if self.group.exclusive:
            for row in np.flatnonzero(~self.right):
                label = int(self.predicted[row])
                yield Mistake(int(self.pictures[row]), label, False, float(self.confidences[row, label]))
            return
        for row, label in np.argwhere(self.target != self.predicted):
            missed = bool(self.target[row, label])
            confidence = float(self.confidences[row, label])
            yield Mistake(int(self.pictures[row]), int(label), missed, 1.0 - confidence if missed else confidence)


def answers(task: Task, judged: Judged, thresholds: Mapping[str, float]) -> tuple[GroupAnswers, ...]:
    """What became of the pictures in every group in which the truth of any is known.

    Args:
        task: of the model.
        judged: the pictures, and what the model said of them.
        thresholds: by ``group:label``, from which confidence on a label of an independent group is answered.
    """
    found = []
    for at, (group, confidences) in enumerate(zip(task.groups, judged.confidences, strict=True)):
        known = [row for row, example in enumerate(judged.examples) if example.targets[at] is not None]
        if not known:
            continue
        own = confidences[known]
        bars = np.array([thresholds.get(f"{group.name}:{label}", 0.5) for label in group.labels])
        found.append(
            GroupAnswers(
                group,
                np.array(known, np.int64),
                own,
                _targets(group, [judged.examples[row].targets[at] for row in known]),
                metrics.predict(own, exclusive=group.exclusive, thresholds=bars),
                tuple(judged.examples[row].source for row in known),
            )
        )
    return tuple(found)


def _targets(group: LabelGroup, targets: Sequence[object]) -> Labels:
    number = {label: at for at, label in enumerate(group.labels)}
    if group.exclusive:
        return np.array([number[str(target)] for target in targets], np.int64)
    sets = [target if isinstance(target, frozenset) else frozenset() for target in targets]
    return np.array([[label in one for label in group.labels] for one in sets], np.bool_)

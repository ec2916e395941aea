"""What a model that has learnt from the training part gets wrong in the test part, and what it learnt that from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from decisight.auditing.confidences import Learnt, OutOfFold, scored
from decisight.compute import one_blas_thread
from decisight.data.dataset import Dataset
from decisight.training.probe import sigmoid, softmax
from decisight.types import written

__all__ = ["Mistake", "Neighbour", "mistakes"]

_NEAREST = 5


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A training picture that resembles another to the model.

    Args:
        example: by its number in the dataset.
        label: what the data say of it, as a table has it.
        likeness: cosine of the angle between the two, seen from the average picture, -1..1.
    """

    example: int
    label: str
    likeness: float


@dataclass(frozen=True, slots=True)
class Mistake:
    """A test picture on which the model is wrong.

    Args:
        example: by its number in the dataset.
        group: the name of the label group.
        given: what the data say, as a table has it.
        said: what the model says.
        confidence: how sure it is of that, 0..1, not calibrated.
        learnt_from: the training pictures that resemble it most, the nearest first.
    """

    example: int
    group: str
    given: str
    said: str
    confidence: float
    learnt_from: tuple[Neighbour, ...]


def mistakes(dataset: Dataset, learnt: Learnt) -> list[Mistake]:
    """The mistakes in the test part, the most confident first; none where the data have no train and test part.

    Args:
        dataset: the pictures that can be read.
        learnt: what was learnt from them. Its choices were made on all of them, so these are not figures of a test.
    """
    found: list[Mistake] = []
    if not {"train", "test"} <= set(dataset.splits):
        return found
    for one in learnt.groups:
        seen = learnt.seen_by(one.group)
        if seen is not None:
            with one_blas_thread():
                found.extend(_of_group(dataset, learnt, one, seen))
    return sorted(found, key=lambda mistake: (-mistake.confidence, mistake.example, mistake.group))


def _of_group(dataset: Dataset, learnt: Learnt, one: OutOfFold, seen: npt.NDArray[np.float32]) -> list[Mistake]:
    row_of = {number: row for row, number in enumerate(learnt.numbers.tolist())}
    rows = np.array([row_of[number] for number in one.examples.tolist()], np.int64)
    split = np.array([dataset.examples[number].split for number in one.examples.tolist()], object)
    inside, outside = np.flatnonzero(split == "train"), np.flatnonzero(split == "test")
    held = one.targets[inside].sum(axis=0)
    if not len(outside) or not (held > 0).any() or (one.group.exclusive and (held > 0).sum() < 2):
        return []
    scores = scored(
        seen[rows[inside]],
        one.targets[inside],
        seen[rows[outside]],
        strength=learnt.strength(one.group),
        exclusive=one.group.exclusive,
    )
    if one.group.exclusive:
        confidences = softmax(scores)
        said = np.eye(len(one.group.labels))[confidences.argmax(axis=1)]
        sure = confidences.max(axis=1)
    else:
        confidences = sigmoid(scores)
        said = (confidences >= 0.5).astype(np.float64)
        # How sure it is of the label that it gets most wrong.
        sure = np.abs(confidences - one.targets[outside]).max(axis=1)
    wrong = np.flatnonzero((said != one.targets[outside]).any(axis=1))
    if not len(wrong):
        return []
    nearest, likeness = _nearest(seen[rows[outside[wrong]]], seen[rows[inside]])
    labels = [_written(one, row) for row in one.targets]
    return [
        Mistake(
            int(one.examples[outside[row]]),
            one.group.name,
            labels[outside[row]],
            _written(one, said[row]),
            float(sure[row]),
            tuple(
                Neighbour(int(one.examples[inside[near]]), labels[inside[near]], round(float(alike), 4))
                for near, alike in zip(nearest[at], likeness[at], strict=True)
            ),
        )
        for at, row in enumerate(wrong.tolist())
    ]


def _nearest(
    asked: npt.NDArray[np.float32], learnt: npt.NDArray[np.float32]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
    """The nearest rows of ``learnt`` to each of ``asked`` by angle, and its cosine: (m, k) each."""
    from_mean = learnt.mean(axis=0)
    one, other = (rows - from_mean for rows in (asked, learnt))
    for rows in (one, other):
        rows /= np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
    nearest, alike = [], []
    # A few at a time: of all with all there may be very many.
    for start in range(0, len(one), 500):
        likeness = one[start : start + 500] @ other.T
        order = np.argsort(-likeness, axis=1, kind="stable")[:, :_NEAREST]
        nearest.append(order)
        alike.append(np.take_along_axis(likeness, order, axis=1))
    return np.concatenate(nearest), np.concatenate(alike)


def _written(one: OutOfFold, row: npt.NDArray[np.float64]) -> str:
    held = [label for label, there in zip(one.group.labels, row, strict=True) if there > 0.5]
    return held[0] if one.group.exclusive else written(frozenset(held))

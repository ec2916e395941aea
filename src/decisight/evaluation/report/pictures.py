"""The pictures of a page: what its script knows of each, so that a cell of a matrix can be opened."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from decisight.documents import Thumbnail
from decisight.evaluation.report.answers import GroupAnswers, Mistake
from decisight.evaluation.report.subject import Subject
from decisight.evaluation.report.where import Evidence
from decisight.types import Decision, Reason

__all__ = ["GalleryItem", "gallery_item", "record"]

_TOP = 3
"""So many labels of a picture are named with their confidence."""


@dataclass(frozen=True, slots=True)
class GalleryItem:
    """A mistake as the page shows it.

    Args:
        picture: its number among those judged.
        thumbnail: the picture; ``None`` where it cannot be read any more, or there is no room for it.
        evidence: where the model looked, if that is known.
        name: of its file.
        source: what it was cut from, if that is known.
        truth: what is true, in words.
        answer: what was answered, in words.
        confidence: in what is wrong, 0..1.
        top: the labels with the highest confidence.
        familiarity: 0..1, if the model says.
        decided: what became of it: whether the rule let it through.
    """

    picture: int
    thumbnail: Thumbnail | None
    evidence: Evidence | None
    name: str
    source: str | None
    truth: str
    answer: str
    confidence: float
    top: tuple[tuple[str, float], ...]
    familiarity: float | None
    decided: str

    @property
    def heat(self) -> Thumbnail | None:
        """Where the model looked, as a picture, if there is one."""
        return None if self.evidence is None else self.evidence.picture


def gallery_item(
    subject: Subject, answers: GroupAnswers, mistake: Mistake, thumbnail: Thumbnail | None, evidence: Evidence | None
) -> GalleryItem:
    """A mistake with all that is known of it."""
    group = answers.group
    example = subject.judged.examples[mistake.picture]
    prediction = subject.judged.predictions[mistake.picture]
    at = subject.model.task.groups.index(group)
    row = prediction.confidences[at]
    label = group.labels[mistake.label]
    if group.exclusive:
        truth, answer = str(example.targets[at]), label
    elif mistake.missed:
        truth, answer = label, f"without {label}"
    else:
        truth, answer = f"without {label}", label
    return GalleryItem(
        mistake.picture,
        thumbnail,
        evidence,
        subject.name_of(example),
        example.source,
        truth,
        answer,
        mistake.confidence,
        tuple(
            (group.labels[one], row[one]) for one in _top(row, group.labels.index(truth) if group.exclusive else None)
        ),
        prediction.familiarity,
        _decided(subject.decisions[mistake.picture][at], exclusive=group.exclusive),
    )


def _top(row: Sequence[float], also: int | None) -> list[int]:
    """The labels with the highest confidence, and one more that is named whatever it has."""
    best = sorted(range(len(row)), key=lambda at: -row[at])[:_TOP]
    return best if also is None or also in best else [*best, also]


def _decided(decision: Decision, *, exclusive: bool) -> str:
    if not exclusive:
        return ""
    match decision.reason:
        case Reason.ACCEPTED:
            return "decided"
        case Reason.UNFAMILIAR:
            return f"left undecided as unfamiliar: {decision.state}"
        case _:
            return f"left undecided: {decision.state}"


def record(
    subject: Subject, groups: Sequence[GroupAnswers], rows: Sequence[dict[int, int]], picture: int, image: Any
) -> dict[str, Any]:
    """What the page's script knows of a picture, with short keys.

    Args:
        subject: what the report is about.
        groups: what became of the pictures of each group.
        rows: of each group, the row of each picture.
        picture: its number among those judged.
        image: the ``src`` of its thumbnail; or the number of the gallery item that has it.
    """
    prediction = subject.judged.predictions[picture]
    example = subject.judged.examples[picture]
    said: list[Any] = []
    for answers, own in zip(groups, rows, strict=True):
        row = own.get(picture)
        if row is None:
            said.append(None)
            continue
        confidences = answers.confidences[row]
        top = [[int(at), round(float(confidences[at]), 3)] for at in np.argsort(-confidences, kind="stable")[:_TOP]]
        if answers.group.exclusive:
            said.append([int(answers.target[row]), int(answers.predicted[row]), top])
        else:
            said.append([*(np.flatnonzero(one[row]).tolist() for one in (answers.target, answers.predicted)), top])
    return {
        "name": subject.name_of(example),
        "source": example.source,
        "image": image,
        "familiarity": None if prediction.familiarity is None else round(prediction.familiarity, 3),
        "groups": said,
    }

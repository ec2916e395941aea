"""Where the model looked when it was wrong: the mistakes of a gallery, each with the evidence for what was answered."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from decisight.compute import one_blas_thread
from decisight.data.dataset import Example
from decisight.documents import Thumbnail, Thumbnails, shrunk
from decisight.errors import ImageError, ModelError
from decisight.evaluation.report.answers import Mistake
from decisight.explaining.explainer import Explainer, Explanation
from decisight.imaging import decode_reduced
from decisight.models.classifier import Classifier, Part, Picture
from decisight.types import LabelGroup

__all__ = ["Evidence", "Explained", "evidence"]

Progress = Callable[[str, int, int], None]

_MOST_BYTES = 6_000_000
"""Of all these pictures in a page."""

_WHOLE = 1600
"""How large a picture is made of which a region is shown: that may be a small part of it."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """Where the model looked.

    Args:
        picture: the picture with what spoke for the label laid over it; ``None`` where there is no room for more.
        said: the same in words.
    """

    picture: Thumbnail | None
    said: str


@dataclass(frozen=True, slots=True)
class Explained:
    """Where the model looked, mistake for mistake.

    Args:
        found: M; ``None`` where the picture cannot be read any more, and everywhere if the model cannot be explained.
        why_not: why the model cannot be explained; empty where it can.
    """

    found: tuple[Evidence | None, ...]
    why_not: str = ""


def evidence(
    model: Classifier,
    examples: Sequence[Example],
    mistakes: Sequence[tuple[LabelGroup, Mistake]],
    side: int,
    *,
    progress: Progress | None = None,
) -> Explained:
    """What spoke for the label that was answered wrongly, or against the one that was missed.

    Args:
        model: whose answers they are.
        examples: all pictures that were judged.
        mistakes: M of them, each with its group.
        side: how long the pictures may be, in pixels.
        progress: called with ``"explaining mistakes"``, how many are done, and M.
    """
    tell = progress or (lambda *_: None)
    try:
        explainer = Explainer(model)
    except ModelError as error:
        return Explained((None,) * len(mistakes), error.message)
    budget = Thumbnails(_MOST_BYTES, side=side)
    fill = model.card.preprocessing.fill

    def asked() -> Iterator[tuple[Picture, str]]:
        for group, mistake in mistakes:
            example = examples[mistake.picture]
            label = f"{group.name}:{group.labels[mistake.label]}"
            yield (_content(example) if example.region is None else Part(_content(example), example.region)), label

    found: list[Evidence | None] = []
    with one_blas_thread():
        for outcome in explainer.explain_stream(asked()):
            _, mistake = mistakes[len(found)]
            example = examples[mistake.picture]
            if isinstance(outcome, ImageError):
                found.append(None)
            else:
                found.append(_shown(example, outcome, mistake, side, fill, budget))
            tell("explaining mistakes", len(found), len(mistakes))
    return Explained(tuple(found))


def _content(example: Example) -> bytes:
    try:
        return example.read()
    except ImageError:
        return b""


def _shown(
    example: Example,
    explanation: Explanation,
    mistake: Mistake,
    side: int,
    fill: tuple[int, int, int],
    budget: Thumbnails,
) -> Evidence | None:
    try:
        whole, _ = decode_reduced(_content(example), side if example.region is None else _WHOLE)
    except ImageError:
        return None
    pixels = shrunk(whole, side if example.region is None else _WHOLE)
    tinted = explanation.overlay(pixels)
    if example.region is not None:
        tinted = example.region.cut(tinted, fill)
    place = explanation.place(against=mistake.missed)
    way = "against" if mistake.missed else "for"
    said = f"what spoke {way} it: {place}; " if place else ""
    return Evidence(
        budget.of(tinted),
        f"{said}{100 * explanation.early_share:.0f} % colour, texture and edges, "
        f"{100 * explanation.late_share:.0f} % shapes and objects",
    )

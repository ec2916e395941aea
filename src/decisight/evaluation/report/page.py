"""The page of a report: gathered, drawn and written."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from decisight.documents import Thumbnail, Thumbnails, write_page
from decisight.errors import DataError
from decisight.evaluation.context import ContextCheck, context_check
from decisight.evaluation.report.answers import GroupAnswers, answers
from decisight.evaluation.report.looking import Look, look
from decisight.evaluation.report.pictures import GalleryItem, gallery_item, record
from decisight.evaluation.report.sections import section
from decisight.evaluation.report.selection import Selection, select
from decisight.evaluation.report.subject import Subject
from decisight.evaluation.report.where import Evidence, evidence

__all__ = ["PAGE_NAME", "Written", "write_report"]

Progress = Callable[[str, int, int], None]

PAGE_NAME = "report.html"

_TEMPLATE = Path(__file__).with_name("report.html")
_SCRIPT = Path(__file__).with_name("report.js")

_BUDGET = 15_000_000
"""Bytes of a page that small pictures may take."""

_CONTEXT = 300
"""At most how many pictures the context check looks at, three times each."""

_LARGE, _SMALL = 288, 176
"""How long the pictures of the galleries, and all others, are in pixels."""


@dataclass(frozen=True, slots=True)
class Written:
    """What a page holds.

    Args:
        bytes: its size.
        shown: how many pictures it shows.
        explained: at how many mistakes it shows where the model looked.
    """

    bytes: int
    shown: int
    explained: int


def write_report(path: Path, subject: Subject, *, progress: Progress | None = None) -> Written:
    """Write the page.

    Args:
        path: its file.
        subject: what it is about.
        progress: called with what is being done, how much of it is done, and how much there is.

    Raises:
        OutputError: it cannot be written, or the disk is full.
    """
    model, judged = subject.model, subject.judged
    groups = answers(model.task, judged, subject.thresholds)
    selection = select(groups)
    fill = model.card.preprocessing.fill
    looks = look(judged.examples, _sides(selection), fill, threads=model.threads, progress=progress)
    mistakes = [(one.group, mistake) for one, own in zip(groups, selection.gallery, strict=True) for mistake in own]
    explained = evidence(model, judged.examples, mistakes, _LARGE, progress=progress)
    thumbnails = _within_budget(selection, looks)
    galleries = _galleries(subject, groups, selection, thumbnails, explained.found)
    sections = [
        section(subject, one, found, looks) for one, found in zip(groups, subject.evaluation.groups, strict=True)
    ]
    context = _context(subject, progress)
    records = _records(subject, groups, selection, thumbnails, galleries)
    data = {
        "groups": [
            {
                "name": one.evaluation.group.name,
                "exclusive": one.exclusive,
                "labels": one.labels,
                "sweeps": [sweep.to_json() for sweep in one.sweeps],
            }
            for one in sections
        ],
        "pictures": records,
    }
    size = write_page(
        path,
        _TEMPLATE,
        scripts=[_SCRIPT],
        title=f"How far {model.name} can be trusted",
        subject=subject,
        model=model,
        card=model.card,
        parts=list(zip(sections, galleries, groups, strict=True)),
        wrong=[len(one.mistakes()) for one in groups],
        context=context,
        unexplained=explained.why_not,
        shown=len(records),
        data=data,
    )
    return Written(size, len(records), sum(one is not None and one.picture is not None for one in explained.found))


def _sides(selection: Selection) -> dict[int, int]:
    """How large a copy of each picture is wanted."""
    sides = dict.fromkeys(selection.pictures, _SMALL)
    return sides | {mistake.picture: _LARGE for own in selection.gallery for mistake in own}


def _within_budget(selection: Selection, looks: Sequence[Look | None]) -> dict[int, Thumbnail]:
    """The small copies that fit into the page, those that matter most first."""
    budget = Thumbnails(_BUDGET)
    found: dict[int, Thumbnail] = {}
    for picture in selection.pictures:
        seen = looks[picture]
        if seen is not None and seen.thumbnail is not None and (kept := budget.take(seen.thumbnail)) is not None:
            found[picture] = kept
    return found


def _galleries(
    subject: Subject,
    groups: Sequence[GroupAnswers],
    selection: Selection,
    thumbnails: dict[int, Thumbnail],
    explained: Sequence[Evidence | None],
) -> list[list[GalleryItem]]:
    rest = iter(explained)
    return [
        [gallery_item(subject, one, mistake, thumbnails.get(mistake.picture), next(rest)) for mistake in own]
        for one, own in zip(groups, selection.gallery, strict=True)
    ]


def _records(
    subject: Subject,
    groups: Sequence[GroupAnswers],
    selection: Selection,
    thumbnails: dict[int, Thumbnail],
    galleries: Sequence[Sequence[GalleryItem]],
) -> list[dict[str, Any]]:
    """What the script knows of each picture; one that a gallery has is taken from there, not held twice."""
    places = {
        item.picture: f"mistake-{at}-{place}" for at, own in enumerate(galleries) for place, item in enumerate(own)
    }
    rows = [{int(picture): row for row, picture in enumerate(one.pictures)} for one in groups]
    return [
        record(subject, groups, rows, picture, places.get(picture) or thumbnails[picture].uri)
        for picture in selection.pictures
        if picture in thumbnails
    ]


def _context(subject: Subject, progress: Progress | None) -> ContextCheck | None:
    try:
        return context_check(subject.model, subject.judged.examples, most=_CONTEXT, progress=progress)
    except DataError:
        return None

"""An audit as one page that shows the pictures."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from decisight.auditing.findings import KINDS, Finding, Kind
from decisight.auditing.inspection import Audit
from decisight.auditing.text import counted
from decisight.data.dataset import Example
from decisight.data.looking import OUTSIDE
from decisight.documents import Thumbnail, Thumbnails, write_page
from decisight.documents.thumbnails import SIDE
from decisight.errors import ImageError
from decisight.imaging import decode_reduced
from decisight.models.stream import in_order

__all__ = ["PICTURE_BYTES", "write_audit_page"]

PICTURE_BYTES = 12_000_000
"""What all small pictures of a page may take."""

Progress = Callable[[str, int, int], None]

_TEMPLATE = Path(__file__).with_name("audit.html")
_CARDS = 60
"""Findings of a kind that are shown with their pictures; of wrong labels there may be more to look through."""
_SUSPECTS = 120
_MISTAKES = 40
_NAMED = 500
"""Findings of a kind that are named; the others are counted."""
_SHAPES = {
    "copy_labelled_differently": "pair",
    "copy_across_splits": "pair",
    "copy": "pair",
    "suspected_label": "label",
    "tiny": "picture",
    "dark": "picture",
    "bright": "picture",
    "low_contrast": "picture",
    "blurred": "picture",
    "odd_shape": "picture",
}
"""How the findings of a kind are shown; those of others as lines of text."""


@dataclass(frozen=True, slots=True)
class _Picture:
    name: str
    labels: str
    split: str | None
    image: Thumbnail | None


@dataclass(frozen=True, slots=True)
class _Shown:
    """A finding with its pictures."""

    finding: Finding
    pictures: tuple[_Picture, ...]


@dataclass(frozen=True, slots=True)
class _Section:
    kind: Kind
    shape: str
    cards: tuple[_Shown, ...]
    lines: tuple[str, ...]
    count: int

    @property
    def untold(self) -> int:
        return self.count - len(self.cards) - len(self.lines)


def write_audit_page(
    path: Path,
    found: Audit,
    *,
    budget: int = PICTURE_BYTES,
    threads: int = 1,
    progress: Progress | None = None,
) -> int:
    """Write the page, whole or not at all; what is at its place is replaced.

    Args:
        path: the file.
        found: what it shows.
        budget: how many bytes its small pictures may take; those of what matters most come first.
        threads: how many pictures are read at once.
        progress: told after every few pictures.

    Returns:
        How many bytes it has.

    Raises:
        OutputError: it cannot be written, or the disk is full.
    """
    album = _Album(found, budget)
    by_kind: dict[str, list[Finding]] = defaultdict(list)
    for finding in found.findings:
        by_kind[finding.kind].append(finding)
    album.make(_shown(found, by_kind), threads, progress or (lambda *_: None))
    sections = [_section(album, KINDS[name], by_kind[name]) for name in KINDS if by_kind[name]]
    mistakes = [
        (mistake, album.picture(mistake.example), [(near, album.picture(near.example)) for near in mistake.learnt_from])
        for mistake in found.mistakes[:_MISTAKES]
    ]
    dataset = found.dataset
    return write_page(
        path,
        _TEMPLATE,
        title=f"Audit of {dataset.root.name or dataset.root}",
        root=str(dataset.root),
        pictures=len(dataset),
        splits=[(split, len(dataset.only(split))) for split in dataset.splits],
        groups=[(group, dataset.counts(group)) for group in dataset.task.groups],
        several=len(dataset.task.groups) > 1,
        errors=found.errors,
        warnings=len(found.findings) - found.errors,
        judged=found.judged,
        sections=sections,
        mistakes=mistakes,
        more_mistakes=len(found.mistakes) - len(mistakes),
        notes=found.notes,
        without=album.without,
    )


def _shown(found: Audit, by_kind: dict[str, list[Finding]]) -> Iterator[int]:
    """The pictures that the page has room for, by their numbers, what matters most first."""
    for name in KINDS:
        for finding in by_kind[name][: _most(_SHAPES.get(name, "line"))]:
            yield from finding.examples
    for mistake in found.mistakes[:_MISTAKES]:
        yield mistake.example
        yield from (near.example for near in mistake.learnt_from)


def _most(shape: str) -> int:
    return 0 if shape == "line" else _SUSPECTS if shape == "label" else _CARDS


def _section(album: _Album, kind: Kind, findings: Sequence[Finding]) -> _Section:
    shape = _SHAPES.get(kind.name, "line")
    most = _most(shape)
    cards = tuple(_Shown(finding, tuple(album.picture(at) for at in finding.examples)) for finding in findings[:most])
    lines = tuple(album.told(finding) for finding in findings[most : most + _NAMED])
    return _Section(kind, shape, cards, lines, len(findings))


class _Album:
    """Small pictures of what a page shows, each made once."""

    def __init__(self, found: Audit, budget: int) -> None:
        self._found = found
        self._thumbnails = Thumbnails(budget)
        self._made: dict[int, Thumbnail | None] = {}
        self._left = 0

    @property
    def without(self) -> str:
        """What is to be said of pictures that did not fit; empty where all did."""
        refused = self._thumbnails.refused + self._left
        return f"{counted(refused, 'picture')} not shown here, to keep the page small" if refused else ""

    def make(self, numbers: Iterator[int], threads: int, progress: Progress) -> None:
        """Make those of pictures, in this order, until the budget is spent."""
        wanted = list(dict.fromkeys(numbers))
        examples = self._found.dataset.examples
        rows = in_order(lambda some: [_thumbnail(examples[at]) for at in some], wanted, size=8, threads=threads)
        for chunk in rows:
            for thumbnail in chunk:
                at = wanted[len(self._made)]
                self._made[at] = None if thumbnail is None else self._thumbnails.take(thumbnail)
            progress("showing", len(self._made), len(wanted))
            if self._thumbnails.refused:
                break
        self._left = len(wanted) - len(self._made)

    def picture(self, at: int) -> _Picture:
        found = self._found
        return _Picture(found.name(at), found.labels(at), found.dataset.examples[at].split, self._made.get(at))

    def told(self, finding: Finding) -> str:
        """A finding as a line."""
        names = [finding.path] if finding.path else [self._found.name(at) for at in finding.examples]
        if finding.kind == "source_across_splits" or not names:
            return finding.text
        return f"{' and '.join(filter(None, names))}: {finding.text}"


def _thumbnail(example: Example) -> Thumbnail | None:
    """A small picture of an example; ``None`` where it cannot be read."""
    try:
        content = example.read()
        if example.region is None:
            pixels, _ = decode_reduced(content, SIDE)
        else:
            extents = (max(shares) - min(shares) for shares in zip(*example.region.polygon, strict=True))
            whole, _ = decode_reduced(content, math.ceil(SIDE / min(extents)))
            pixels = example.region.cut(whole, OUTSIDE)
    except ImageError:
        return None
    return Thumbnail.made(pixels)

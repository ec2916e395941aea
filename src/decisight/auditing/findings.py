"""What an audit can find: the kinds, how grave each is, and what to do about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any

__all__ = ["KINDS", "Finding", "Kind", "Severity"]


class Severity(StrEnum):
    """How grave a finding is.

    An ``error`` is certainly wrong, and makes figures untrue or learning impossible. A ``warning`` may be meant so.
    """

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of finding.

    Args:
        name: as JSON has it.
        severity: of every finding of this kind.
        title: its heading.
        advice: what to do about it.
    """

    name: str
    severity: Severity
    title: str
    advice: str


_ERROR, _WARNING = Severity.ERROR, Severity.WARNING

KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        kind.name: kind
        for kind in (
            Kind(
                "unreadable",
                _ERROR,
                "Pictures that cannot be read",
                "Copy or download them again, or leave them out. Training passes over them.",
            ),
            Kind(
                "copy_labelled_differently",
                _ERROR,
                "The same picture with different labels",
                "The very same file: at least one label is wrong, and nothing can learn both. Keep the right one.",
            ),
            Kind(
                "copy_across_splits",
                _ERROR,
                "The same picture in two splits",
                "What is measured on a picture that was learnt says nothing. Remove it from the train part.",
            ),
            Kind(
                "source_across_splits",
                _ERROR,
                "One source in two splits",
                "Pictures of one clip, vehicle or photo resemble each other, so what is measured on them looks better "
                "than it is. Move all pictures of a source into one split.",
            ),
            Kind(
                "too_few",
                _ERROR,
                "Labels that cannot be learnt",
                "Add pictures, or leave the label out: training refuses it.",
            ),
            Kind(
                "suspected_label",
                _WARNING,
                "Labels that are probably wrong",
                "Look at each, from the top: the first are wrong most often. A model that has learnt from the other "
                "pictures would say something else.",
            ),
            Kind(
                "alike_labelled_differently",
                _WARNING,
                "Pictures that look the same and are labelled differently",
                "Look at these: either a label is wrong, or what tells them apart is too small to be seen. Nothing is "
                "left out for that.",
            ),
            Kind(
                "copy",
                _WARNING,
                "The same picture twice",
                "It counts twice. Keep one.",
            ),
            Kind(
                "not_learnt",
                _WARNING,
                "Labels that are left out",
                "Training learns the others of their group, and leaves these out. Add pictures of them, and without "
                "them.",
            ),
            Kind(
                "scarce",
                _WARNING,
                "Labels with few pictures",
                "Add pictures: with fewer than 30 a label is learnt badly, and how badly cannot be measured.",
            ),
            Kind(
                "untested",
                _WARNING,
                "Labels that a split lacks",
                "Nothing is known about a label that is not tested. Move some of its pictures there.",
            ),
            Kind(
                "imbalance",
                _WARNING,
                "Labels of very different frequency",
                "Look at recall, F1 and the precision-recall curve instead of accuracy, and add pictures of the rare "
                "ones.",
            ),
            Kind(
                "tiny",
                _WARNING,
                "Very small pictures",
                "Little can be seen in them. Take larger ones, or crop less.",
            ),
            Kind(
                "dark",
                _WARNING,
                "Pictures that are too dark",
                "Leave them out if you cannot tell the label yourself.",
            ),
            Kind(
                "bright",
                _WARNING,
                "Pictures that are blown out",
                "Leave them out if you cannot tell the label yourself.",
            ),
            Kind(
                "low_contrast",
                _WARNING,
                "Pictures almost without contrast",
                "Leave them out if you cannot tell the label yourself.",
            ),
            Kind(
                "blurred",
                _WARNING,
                "Pictures that are blurred all over",
                "Leave them out, unless the camera's pictures are like that.",
            ),
            Kind(
                "odd_shape",
                _WARNING,
                "Pictures of an odd shape",
                "A picture is brought to a square: what is very long is squeezed, or its ends are lost. Crop it.",
            ),
            Kind(
                "left_out",
                _WARNING,
                "Rows and files that were left out while reading",
                "Name the file rightly, or give it a label.",
            ),
        )
    }
)
"""By name, what matters most first."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that was found.

    Args:
        kind: one of :data:`KINDS`.
        text: what, in a sentence or less.
        examples: the pictures that it is about, by their numbers in the dataset; of copies the two.
        group: the label group that it is about.
        details: what can be said in numbers and names, as JSON values.
        path: what it is about where that is no picture of the dataset.
    """

    kind: str
    text: str
    examples: tuple[int, ...] = ()
    group: str | None = None
    details: Mapping[str, Any] = field(default_factory=dict)
    path: str | None = None

    @property
    def severity(self) -> Severity:
        """That of its kind."""
        return KINDS[self.kind].severity

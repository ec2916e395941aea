"""What a format of labelled pictures is."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from decisight.data.records import Table

__all__ = ["Asked", "Format"]


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked of a format.

    Args:
        groups: the columns to take as label groups, in this order; ``None`` for those that the format takes unasked.
        known: the groups of a model that the data are for: taken instead of all where at least one of them is there.
        training: the data are to learn from, so a class without a picture is a mistake.
    """

    groups: tuple[str, ...] | None = None
    known: Collection[str] = ()
    training: bool = True

    @classmethod
    def of(cls, groups: Sequence[str] | None, known: Sequence[str] | None) -> Asked:
        """As :func:`~decisight.data.reading.read_dataset` is asked; ``known`` is ``None`` where there is no model."""
        return cls(None if groups is None else tuple(groups), known or (), known is None)


class Format(Protocol):
    """One way in which labelled pictures are laid out: in a file, or below a folder.

    A format that needs an optional library imports it in :meth:`read`, so that its data are recognised without.
    """

    title: str
    """What it is called in messages, for example ``COCO JSON``."""
    suffixes: tuple[str, ...]
    """The suffixes of the files that it reads, in lower case; empty where it reads folders only."""
    order: int
    """Formats are asked in the order of these numbers, all different; what is more specific comes first."""

    def recognises(self, path: Path) -> bool:
        """Whether a file or folder that is there looks like this format; reads names, and no contents.

        Raises:
            DataError: the folder cannot be read.
        """

    def read(self, path: Path, asked: Asked) -> Table:
        """Read what :meth:`recognises` took; opens no picture.

        Raises:
            DataError: it is damaged or contradicts itself; says what, where, and what would be right.
            UsageError: ``asked`` names a group that is not there.
            MissingPartError: a library is not installed.
        """

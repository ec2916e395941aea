"""Labelled pictures: what every data format is read into."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from decisight import imaging
from decisight.regions import Region
from decisight.types import LabelGroup, Target, Task

__all__ = ["Dataset", "Example", "Skipped", "Stored"]


class Stored(Protocol):
    """A picture that lies within a file that holds many, for example in a row of a Parquet file."""

    def read(self) -> bytes:
        """The picture's content, as a file of it would hold it.

        Raises:
            ImageError: it cannot be read.
        """


@dataclass(frozen=True, slots=True)
class Example:
    """One picture, or a region of one, and what is true of it.

    Args:
        path: the picture's file; of a stored picture a name that tells it from others.
        targets: one a group of the task, in its order; ``None`` where it is not known.
        split: ``train``, ``val`` or ``test``; ``None`` where the data does not say.
        source: the clip, camera, vehicle or photo that the picture was cut from; ``None`` where not known. One source
            never spans a split.
        region: the part of the picture that is meant; ``None`` for all of it.
        stored: where the content lies, if not in a file of its own.
    """

    path: Path
    targets: tuple[Target, ...]
    split: str | None = None
    source: str | None = None
    region: Region | None = None
    stored: Stored | None = None

    def read(self) -> bytes:
        """The picture's content, still encoded; of the whole picture.

        Raises:
            ImageError: it cannot be read.
        """
        return imaging.read_bytes(self.path) if self.stored is None else self.stored.read()

    def digest(self, content: bytes) -> bytes:
        """SHA-256 of what is looked at: of the content, and of the region where there is one.

        Args:
            content: as :meth:`read` gives it.
        """
        digest = hashlib.sha256(content)
        if self.region is not None:
            digest = hashlib.sha256(digest.digest() + self.region.text.encode())
        return digest.digest()


@dataclass(frozen=True, slots=True)
class Skipped:
    """A picture, or a row, that was left out, and why."""

    path: Path
    why: str


@dataclass(frozen=True, slots=True)
class Dataset:
    """A task, its examples, and what had to be left out.

    Args:
        root: the folder or file it was read from.
        task: the label groups; with labels in the order that a model trained on it will keep.
        examples: in a stable order (by path).
        skipped: what was left out while reading.
    """

    root: Path
    task: Task
    examples: tuple[Example, ...]
    skipped: tuple[Skipped, ...] = ()

    def __len__(self) -> int:
        """How many examples there are."""
        return len(self.examples)

    @property
    def splits(self) -> tuple[str, ...]:
        """The names of the splits there are, in the order train, val, test; empty where the data has none."""
        present = {e.split for e in self.examples}
        return tuple(name for name in ("train", "val", "test") if name in present)

    def only(self, split: str) -> Dataset:
        """The examples of one split; may be none."""
        return replace(self, examples=tuple(e for e in self.examples if e.split == split))

    def counts(self, group: LabelGroup) -> Counter[str]:
        """How many examples each label of a group has (a picture with several labels counts for each)."""
        at = self.task.groups.index(group)
        found: Counter[str] = Counter(dict.fromkeys(group.labels, 0))
        for example in self.examples:
            target = example.targets[at]
            found.update([target] if isinstance(target, str) else (target or ()))
        return found

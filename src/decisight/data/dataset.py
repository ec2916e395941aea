"""Labelled pictures: what every data format is read into."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

from decisight.types import LabelGroup, Target, Task

__all__ = ["Dataset", "Example", "Skipped"]


@dataclass(frozen=True, slots=True)
class Example:
    """One picture and what is true of it.

    Args:
        path: the picture's file.
        targets: one a group of the task, in its order; ``None`` where it is not known.
        split: ``train``, ``val`` or ``test``; ``None`` where the data does not say.
        source: the clip, camera, vehicle or photo that the picture was cut from; ``None`` where not known. One source
            never spans a split.
    """

    path: Path
    targets: tuple[Target, ...]
    split: str | None = None
    source: str | None = None


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

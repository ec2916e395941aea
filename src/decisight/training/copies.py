"""Copies in what is learnt from: no picture that is tested on may be one that was learnt, under another name."""

from __future__ import annotations

import hashlib
import shlex
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from decisight.data.checks import contradict
from decisight.data.dataset import Dataset, Example
from decisight.data.duplicates import Copies, Sketch, find_copies
from decisight.data.looking import CopyJudge, PixelReader
from decisight.errors import DataError, ImageError
from decisight.imaging import printable
from decisight.models.stream import in_order
from decisight.training.cache import FeatureCache
from decisight.training.choosing import COPIES

__all__ = ["FoundCopies", "look_for_copies"]

Progress = Callable[[str, int, int], None]

_RECIPE = b"sketch 1"
"""Raised whenever what a sketch holds changes, so that old cache entries are not used."""
_NAMED = 2


@dataclass(frozen=True, slots=True)
class FoundCopies:
    """The copies among the pictures of a dataset that can be read.

    Args:
        root: what the dataset was read from.
        examples: those that can be read, in their order.
        digests: one of each in hexadecimal, as :meth:`~decisight.data.dataset.Example.digest` gives it.
        copies: by the numbers of the examples, but for those that look the same and are labelled differently: these are
            not taken for copies.
    """

    root: str
    examples: tuple[Example, ...]
    digests: tuple[str, ...]
    copies: Copies

    def across(self) -> list[tuple[Example, Example, bool]]:
        """The copies that lie in two splits, the one that is learnt from first, and whether the content is the same."""
        found = []
        for one, other, same in self.copies.pairs():
            pair = sorted((self.examples[one], self.examples[other]), key=lambda example: example.split != "train")
            if pair[0].split != pair[1].split:
                found.append((pair[0], pair[1], same))
        return found

    def refuse_across(self) -> None:
        """Refuse copies that lie in two splits.

        Raises:
            DataError: there are some; names the first of them, and what can be done.
        """
        found = self.across()
        if not found:
            return
        told = "; ".join(f"{self._named(one)} and {self._named(other)}" for one, other, _ in found[:_NAMED])
        more = f"; and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
        same = sum(same for *_, same in found)
        kinds = [f"{same} the very same file"] * (same > 0)
        kinds += [f"{len(found) - same} saved anew or cropped"] * (same < len(found))
        raise DataError(
            f"{printable(self.root)}: {len(found)} picture(s) stand in two splits ({', '.join(kinds)}), so what is "
            f"measured on them looks better than it is: {told}{more}",
            hint=f"{self._without()}; or learn from them all the same: --allow-duplicates",
        )

    def joined(self, dataset: Dataset) -> Dataset:
        """The dataset with one source for copies of different content that have none, so that they stay together.

        Those of the same content stay together as it is.
        """
        source: dict[tuple[Path, str | None], str] = {}
        for group in self.copies.groups():
            digests = {self.digests[at] for at in group}
            if len(digests) > 1:
                source |= {_place(self.examples[at]): f"{COPIES}{min(digests)}" for at in group}
        if not source:
            return dataset
        examples = (
            replace(example, source=source.get(_place(example))) if example.source is None else example
            for example in dataset.examples
        )
        return replace(dataset, examples=tuple(examples))

    def identities(self) -> dict[str, str]:
        """By the digest of each picture that has copies, one that it has in common with them."""
        found: dict[str, str] = {}
        for group in self.copies.groups():
            first = min(self.digests[at] for at in group)
            found |= {self.digests[at]: first for at in group}
        return found

    def _without(self) -> str:
        """How to be rid of copies."""
        if any(example.stored is not None or example.region is not None for example in self.examples):
            return "take them out where the data are kept"
        command = shlex.join(["decisight", "audit", self.root, "--fix", "cleaned.csv"])
        return f"write a list without them: {printable(command)}, and train on that"

    def _named(self, example: Example) -> str:
        path, folder = example.path, Path(self.root)
        folder = folder if folder.is_dir() else folder.parent
        name = path.relative_to(folder) if path.is_relative_to(folder) else path
        parts = [printable(name)]
        if example.region is not None:
            parts.append(printable(example.region.name))
        # The folder often says it already.
        if example.split is not None and example.split not in name.parts[:-1]:
            parts.append(example.split)
        return parts[0] if len(parts) == 1 else f"{parts[0]} ({', '.join(parts[1:])})"


def _place(example: Example) -> tuple[Path, str | None]:
    """What tells an example from others: its picture, and the part of it."""
    return example.path, None if example.region is None else example.region.text


def look_for_copies(
    dataset: Dataset, cache: FeatureCache, *, threads: int, progress: Progress | None = None
) -> FoundCopies:
    """Look for copies among all pictures of a dataset.

    Each picture is read, and decoded where the cache does not know it.

    Args:
        dataset: those that cannot be read are passed over.
        cache: where sketches are kept.
        threads: how many pictures are worked on at once.
        progress: told after every picture.
    """
    tell, look = progress or (lambda *_: None), _Look(cache)
    seen: list[tuple[Example, bytes, Sketch]] = []
    rows = in_order(lambda chunk: [look(example) for example in chunk], dataset.examples, size=8, threads=threads)
    done = 0
    for chunk in rows:
        seen.extend(row for row in chunk if row is not None)
        done += len(chunk)
        tell("looking for copies", done, len(dataset))
    paths = Counter(example.path for example in dataset.examples)
    pictures = [example.path if paths[example.path] > 1 else at for at, (example, _, _) in enumerate(seen)]
    examples, digests = tuple(example for example, _, _ in seen), [digest for _, digest, _ in seen]
    judge = CopyJudge(examples, digests, threads=threads, kept=cache, progress=tell)
    copies = find_copies(digests, [sketch for *_, sketch in seen], pictures, confirm=judge)
    copies, _ = copies.parted(lambda one, other: contradict(examples[one], examples[other]))
    return FoundCopies(str(dataset.root), examples, tuple(digest.hex() for digest in digests), copies)


class _Look:
    """Sketches of pictures, from the cache where it has them."""

    def __init__(self, cache: FeatureCache) -> None:
        self._cache = cache
        self._reader = PixelReader()

    def __call__(self, example: Example) -> tuple[Example, bytes, Sketch] | None:
        try:
            content = example.read()
            digest = example.digest(content)
            key = hashlib.sha256(_RECIPE + digest).digest()
            kept = self._cache.get([key]).get(key)
            if kept is not None:
                return example, digest, Sketch.from_bytes(kept)
            sketch = Sketch.of(self._reader.pixels(example, content))
        except ImageError:
            return None
        self._cache.put({key: sketch.to_bytes()})
        return example, digest, sketch

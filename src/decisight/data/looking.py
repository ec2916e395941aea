"""The pixels of an example, of its region where it has one; and pairs of examples looked at together at full size."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

from decisight import imaging
from decisight.data.alignment import Placing
from decisight.data.dataset import Example
from decisight.data.residuals import shows_the_same
from decisight.errors import ImageError

__all__ = ["OUTSIDE", "CopyJudge", "PixelReader", "Verdicts"]

OUTSIDE = (127, 127, 127)
"""What lies outside a region's polygon is painted over with."""

Progress = Callable[[str, int, int], None]

_RECIPE = b"copy 2"
"""Raised whenever verdicts change, so that those that were kept are not used."""
_KEPT_BYTES = 256 << 20
"""How much the pictures may take that are kept to be compared with others."""
_AT_ONCE = 16


class Verdicts(Protocol):
    """Where verdicts are kept from run to run, by key."""

    def get(self, keys: Sequence[bytes]) -> Mapping[bytes, bytes]:
        """What is kept under those of the keys that are known."""

    def put(self, entries: Mapping[bytes, bytes]) -> None:
        """Keep them."""


class PixelReader:
    """Reads what examples show; may be used by several threads."""

    def __init__(self) -> None:
        self._last = threading.local()

    def pixels(self, example: Example, content: bytes | None = None) -> imaging.Pixels:
        """What an example shows: uint8 (H, W, 3), of its region where there is one.

        Args:
            example: the picture.
            content: as :meth:`~decisight.data.dataset.Example.read` gives it, where it has been read already.

        Raises:
            ImageError: it cannot be read.
        """
        content = example.read() if content is None else content
        if example.region is None:
            return imaging.decode(content, name=example.path)
        # Boxes of one picture stand one after another: it is decoded once a thread, not once a box.
        last = getattr(self._last, "picture", None)
        if last is None or last[0] != content:
            last = self._last.picture = (content, imaging.decode(content, name=example.path))
        return example.region.cut(last[1], OUTSIDE)


class CopyJudge:
    """Confirms by pictures of full size what small ones let suspect.

    Args:
        examples: the pictures, by the numbers that pairs have.
        digests: one of each.
        threads: how many pairs are looked at at once.
        kept: where verdicts are kept.
        progress: told after every few pairs.
    """

    def __init__(
        self,
        examples: Sequence[Example],
        digests: Sequence[bytes],
        *,
        threads: int = 1,
        kept: Verdicts | None = None,
        progress: Progress | None = None,
    ) -> None:
        self._examples, self._digests = examples, digests
        self._threads, self._kept, self._tell = threads, kept, progress or (lambda *_: None)
        self._reader, self._lock = PixelReader(), threading.Lock()
        self._held: OrderedDict[int, imaging.Pixels] = OrderedDict()
        self._bytes = 0

    def __call__(self, pairs: Sequence[tuple[int, int, Placing]]) -> list[bool]:
        """Whether each pair is one picture; one that cannot be read is none."""
        keys = [self._key(one, other) for one, other, _ in pairs]
        known = {} if self._kept is None else dict(self._kept.get(keys))
        open_pairs = [(key, pair) for key, pair in zip(keys, pairs, strict=True) if key not in known]
        with ThreadPoolExecutor(self._threads) as pool:
            for start in range(0, len(open_pairs), _AT_ONCE):
                some = open_pairs[start : start + _AT_ONCE]
                verdicts = pool.map(lambda row: self._same(*row[1]), some)
                found = {key: bytes([same]) for (key, _), same in zip(some, verdicts, strict=True)}
                known |= found
                if self._kept is not None:
                    self._kept.put(found)
                self._tell("comparing copies", start + len(some), len(open_pairs))
        return [known[key] == b"\1" for key in keys]

    def _key(self, one: int, other: int) -> bytes:
        return hashlib.sha256(_RECIPE + b"".join(sorted((self._digests[one], self._digests[other])))).digest()

    def _same(self, one: int, other: int, placing: Placing) -> bool:
        try:
            return shows_the_same(self._pixels(one), self._pixels(other), placing)
        except ImageError:
            return False

    def _pixels(self, at: int) -> imaging.Pixels:
        with self._lock:
            held = self._held.get(at)
            if held is not None:
                self._held.move_to_end(at)
                return held
        pixels = self._reader.pixels(self._examples[at])
        with self._lock:
            if at not in self._held:
                self._held[at] = pixels
                self._bytes += pixels.nbytes
            while self._bytes > _KEPT_BYTES and len(self._held) > 1:
                self._bytes -= self._held.popitem(last=False)[1].nbytes
        return pixels

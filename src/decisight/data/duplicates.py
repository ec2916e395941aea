"""Copies among pictures: the same file twice, and the same photo saved again, smaller, or with its border cut off.

A copy is found in three steps. A short description by coarse shapes proposes the few pictures that could be one; the
two are laid one over the other, small, and most are told apart; those that are left are compared at their full size
(see :mod:`decisight.data.residuals`), and only if nothing stands out of what saving anew leaves are they called copies.
So another photo of the same thing is none, nor is a fixed camera's next one once something of a few pixels has changed,
or where its noise shows that it is another.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from decisight.data.alignment import SIDE, Placing, compare
from decisight.imaging import resize

__all__ = ["SKETCH_BYTES", "Confirm", "Copies", "Sketch", "find_copies"]

Confirm = Callable[[Sequence[tuple[int, int, Placing]]], Sequence[bool]]
"""Says of pairs of pictures, by their numbers and where the second is seen in the first, which are one picture."""

_CHROMA = 16
"""Cells along each side in which colour is kept."""
SKETCH_BYTES = SIDE * SIDE + 2 * _CHROMA * _CHROMA
"""What a sketch takes."""

_WEIGHTS = np.array([0.299, 0.587, 0.114], np.float32)
"""Of red, green and blue: ITU-R BT.601."""
_SHAPES = 6
"""So many cosines along each side propose: 35 numbers a picture."""
_NEAR = 0.5
"""How far apart, on the unit sphere of these numbers, two may lie. Of 1,200 photos that were cropped by up to 5 % on
each side, brightened, made smaller and saved again, one lay further from what it was made of."""
_NEIGHBOURS = 8
"""So many of the nearest pictures are looked at, at most: thousands of pictures of one wall are no thousand thousands
of pairs."""
_LEAST_DETAIL = 2.5
"""In luma. Of a picture with less within its shapes, a wall or a night, nothing can be told but whether the file is the
same."""
_NO_LUMA, _NO_CHROMA = np.empty((0, SIDE, SIDE), np.uint8), np.empty((0, 2, _CHROMA, _CHROMA), np.uint8)


@dataclass(frozen=True, slots=True, eq=False)
class Sketch:
    """A small copy of a picture, brought to a square.

    Args:
        luma: uint8 (64, 64).
        chroma: uint8 (2, 16, 16), blue and red less luma, halved, 128 for none.
    """

    luma: npt.NDArray[np.uint8]
    chroma: npt.NDArray[np.uint8]

    @classmethod
    def of(cls, pixels: npt.NDArray[np.uint8]) -> Sketch:
        """Of a picture, uint8 (H, W, 3), of any size from 1 x 1."""
        small = resize(pixels, (SIDE, SIDE)).astype(np.float32)
        luma = small @ _WEIGHTS
        cells = small.reshape(_CHROMA, SIDE // _CHROMA, _CHROMA, SIDE // _CHROMA, 3).mean(axis=(1, 3))
        colour = (cells[..., (2, 0)] - (cells @ _WEIGHTS)[..., np.newaxis]) * 0.5 + 128.0
        return cls(_rounded(luma), _rounded(np.moveaxis(colour, -1, 0)))

    def to_bytes(self) -> bytes:
        """It as :data:`SKETCH_BYTES` bytes."""
        return self.luma.tobytes() + self.chroma.tobytes()

    @classmethod
    def from_bytes(cls, content: bytes) -> Sketch:
        """From what :meth:`to_bytes` gave.

        Raises:
            ValueError: it is of another length.
        """
        values = np.frombuffer(content, np.uint8)
        if len(values) != SKETCH_BYTES:
            raise ValueError(f"a sketch has {SKETCH_BYTES} bytes, not {len(values)}")
        return cls(values[: SIDE * SIDE].reshape(SIDE, SIDE), values[SIDE * SIDE :].reshape(2, _CHROMA, _CHROMA))


@dataclass(frozen=True, slots=True)
class Copies:
    """What is a copy of what, by the numbers of the pictures.

    Args:
        same: pictures with the same content, two or more each, in rising order.
        near: pairs whose content differs and that show the same, the smaller number first, in rising order; of several
            with the same content the first stands for all.
    """

    same: tuple[tuple[int, ...], ...] = ()
    near: tuple[tuple[int, int], ...] = ()

    def pairs(self) -> Iterator[tuple[int, int, bool]]:
        """Every copy with a picture that it is a copy of, and whether their content is the same.

        Of several pictures with the same content each is told with the first, and that one with those it is near to.
        """
        for group in self.same:
            for other in group[1:]:
                yield group[0], other, True
        for one, other in self.near:
            yield one, other, False

    def parted(self, differ: Callable[[int, int], bool]) -> tuple[Copies, tuple[tuple[int, int], ...]]:
        """Without the near pairs that something else tells apart, and those."""
        apart = tuple(pair for pair in self.near if differ(*pair))
        gone = set(apart)
        return Copies(self.same, tuple(pair for pair in self.near if pair not in gone)), apart

    def groups(self) -> list[tuple[int, ...]]:
        """The pictures that hang together by copies, two or more each, in rising order."""
        root: dict[int, int] = {}

        def find(at: int) -> int:
            while root.setdefault(at, at) != at:
                root[at] = at = root[root[at]]
            return at

        links = [(group[0], other) for group in self.same for other in group[1:]]
        for one, other in (*links, *self.near):
            first, second = sorted((find(one), find(other)))
            root[second] = first
        found: dict[int, list[int]] = defaultdict(list)
        for at in sorted(root):
            found[find(at)].append(at)
        return [tuple(group) for _, group in sorted(found.items())]


def find_copies(
    digests: Sequence[Hashable],
    sketches: Sequence[Sketch],
    pictures: Sequence[Hashable] | None = None,
    *,
    confirm: Confirm | None = None,
) -> Copies:
    """Find the copies among pictures.

    Args:
        digests: N, equal where the contents are.
        sketches: N, one a picture.
        pictures: N, which picture each is a part of: parts of one are not near copies of each other, though they may
            overlap. By default each is a picture of its own.
        confirm: looks closer at the pairs whose small copies show the same; by default these are believed.
    """
    by_digest: dict[Hashable, list[int]] = defaultdict(list)
    for at, digest in enumerate(digests):
        by_digest[digest].append(at)
    same = tuple(tuple(group) for group in by_digest.values() if len(group) > 1)
    firsts = [group[0] for group in by_digest.values()]
    luma = np.stack([sketches[at].luma for at in firsts]) if firsts else _NO_LUMA
    shapes, detailed = _shapes(luma)
    rows = np.flatnonzero(detailed)

    def confirmed(pairs: Sequence[tuple[int, int, Placing]]) -> list[tuple[int, int]]:
        if pictures is not None:
            pairs = [pair for pair in pairs if pictures[firsts[pair[0]]] != pictures[firsts[pair[1]]]]
        told = [(firsts[one], firsts[other], placing) for one, other, placing in pairs]
        verdicts = [True] * len(pairs) if confirm is None or not pairs else confirm(told)
        return [(one, other) for (one, other, _), same in zip(pairs, verdicts, strict=True) if same]

    # What comes out the same in the sketch already, as a PNG of a JPEG does, stands in nobody's way.
    by_sketch: dict[bytes, list[int]] = defaultdict(list)
    for row in rows.tolist():
        by_sketch[sketches[firsts[row]].to_bytes()].append(row)
    still = Placing.neutral(1)
    found = confirmed([(group[0], other, still) for group in by_sketch.values() for other in group[1:]])
    told = {other for _, other in found}
    alone = np.array([row for row in rows.tolist() if row not in told], np.intp)
    chroma = np.stack([sketches[at].chroma for at in firsts]) if firsts else _NO_CHROMA
    tried = set(found)
    proposed = [pair for pair in _neighbours(shapes, alone) if pair not in tried]
    found += confirmed(compare(luma, chroma, proposed))
    near = sorted({(min(pair), max(pair)) for pair in ((firsts[one], firsts[other]) for one, other in found)})
    return Copies(same, tuple(near))


def _shapes(luma: npt.NDArray[np.uint8]) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_]]:
    """What each picture looks like from afar, float32 (N, 35) of length 1; and whether there is more to see in it."""
    from scipy.fft import dctn

    found = np.empty((len(luma), _SHAPES * _SHAPES - 1), np.float32)
    detailed = np.empty(len(luma), np.bool_)
    # A few at a time: as floats all of them would take four times the memory.
    for start in range(0, len(luma), 1_000):
        wide = luma[start : start + 1_000].astype(np.float32)
        cosines = dctn(wide, axes=(1, 2), norm="ortho", overwrite_x=True)
        low = cosines[:, :_SHAPES, :_SHAPES].reshape(len(wide), -1)
        rest = (cosines**2).sum(axis=(1, 2)) - (low**2).sum(axis=1)
        detailed[start : start + 1_000] = rest >= (SIDE * _LEAST_DETAIL) ** 2
        length = np.linalg.norm(low[:, 1:], axis=1, keepdims=True)
        found[start : start + 1_000] = low[:, 1:] / np.maximum(length, 1.0)
    return found, detailed


def _neighbours(shapes: npt.NDArray[np.float32], rows: npt.NDArray[np.intp]) -> list[tuple[int, int]]:
    """Pairs of rows that look alike from afar, each once, the smaller number first, in rising order."""
    from scipy.spatial import cKDTree

    if len(rows) < 2:
        return []
    points = shapes[rows]
    near, which = cKDTree(points).query(points, k=min(_NEIGHBOURS + 1, len(rows)), distance_upper_bound=_NEAR)
    one, at = np.nonzero(np.isfinite(near))
    other = which[one, at]
    pairs = np.unique(np.sort(np.stack([rows[one], rows[other]], axis=1)[one != other], axis=1), axis=0)
    return [(int(a), int(b)) for a, b in pairs]


def _rounded(values: npt.NDArray[np.float32]) -> npt.NDArray[np.uint8]:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)

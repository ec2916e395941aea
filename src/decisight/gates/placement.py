"""Where the parts of one picture lie in another: block by block, and by what movement of the camera at best."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

__all__ = ["Match", "Placement", "Template"]

Floats = npt.NDArray[np.float32]

_BLOCK = 64
"""The side of a block in pixels; its middle counts most, and its rim not at all."""
_STRIDE = 32
_POOLED = 2
"""Surfaces are looked at in steps of so many pixels."""
_TURNS = tuple(math.radians(degrees) for degrees in (0, 2, -2, 4, -4, 6, -6, 8, -8))
_ZOOMS = (1.0, 1.05, 1 / 1.05, 1.1, 1 / 1.1, 1.18, 1 / 1.18)
_LEAST_ENERGY = 1e-3
"""Of a block that has any edges, out of some 1000."""
_AGREES = 2.0
"""A block agrees with a movement whose score there is so many times what it is anywhere."""


@dataclass(frozen=True, slots=True)
class Match:
    """A movement by which two pictures fit, and how well they do.

    Args:
        score: the mean of the blocks' correlations, -1..1.
        surely: the score in units of what chance would give.
        share: of the blocks, 0..1, how many agree.
        furthest: by how much the corner that moves most is displaced, as a share of the picture's width.
    """

    score: float
    surely: float
    share: float
    furthest: float


@dataclass(frozen=True, slots=True)
class Placement:
    """The best movement that is no more than what is tolerated, and the best of the others."""

    near: Match
    far: Match


@dataclass(frozen=True, slots=True, eq=False)
class _Movements:
    """What may have happened to a camera: turned, zoomed, and shifted on top.

    Args:
        offsets: int (movements, 2, blocks), down and across, by how many steps each block is displaced before shifting.
        furthest: (movements, shifts, shifts), see :class:`Match`; down before across.
    """

    offsets: npt.NDArray[np.intp]
    furthest: Floats


class Template:
    """A picture's blocks, ready to be looked for in others.

    Each block of the picture is correlated with what is at its place in another, in the frequency domain; the
    correlations are normalised by the energy on either side. A movement of the camera displaces each block in a known
    way, so its score is the mean of what the blocks say of that: things that move or come and go speak in a few blocks
    only, and blocks with a single long edge, which cannot say where along it they lie, speak together.

    Kuglin and Hines, "The phase correlation image alignment method", 1975, is where correlation in the frequency domain
    comes from; blocks that vote are as in Foroosh, Zerubia, Berthod, "Extension of phase correlation to subpixel
    registration", IEEE Transactions on Image Processing 11, 2002.

    Args:
        orientations: complex64 (h, w), see :func:`~decisight.gates.orientation.orientation`.
        reach: shifts of up to so many pixels are looked for, at most 28.
    """

    def __init__(self, orientations: npt.NDArray[np.complex64], reach: int) -> None:
        from scipy import fft

        self._reach = reach // _POOLED
        self._shape = orientations.shape
        blocks = _blocks(orientations)
        self._energy = np.sum(_squared(blocks) * _window(), axis=(1, 2))
        self._spectra = np.conj(fft.fft2(blocks * _window()))

    @property
    def energy(self) -> float:
        """How much there is to see in it: the mean over its blocks, 0 to some 1000."""
        return float(self._energy.mean())

    def place(self, orientations: npt.NDArray[np.complex64], tolerance: float) -> Placement:
        """Look for it in another picture.

        Args:
            orientations: of the other, of the same shape.
            tolerance: by how much the corners may be displaced, as a share of the width.
        """
        surfaces = self._surfaces(orientations)
        movements = _movements(*self._shape, self._reach)
        chance = np.mean(np.square(surfaces), axis=(1, 2))
        steps = 2 * self._reach + 1
        # Nothing is known of what lies beyond a block.
        side = surfaces.shape[1]
        padded = np.pad(surfaces, ((0, 0), (side, side), (side, side)))
        windows = np.lib.stride_tricks.sliding_window_view(padded, (steps, steps), axis=(1, 2))
        first = side + side // 2 - self._reach + movements.offsets
        chosen = windows[np.arange(len(surfaces)), first[:, 0], first[:, 1]]
        scores = chosen.mean(axis=1)
        expected = max(math.sqrt(float(chance.sum())) / len(surfaces), 1e-6)
        near = movements.furthest <= tolerance

        def match(which: npt.NDArray[np.bool_]) -> Match:
            at = np.unravel_index(np.where(which, scores, -1.0).argmax(), scores.shape)
            said = chosen[at[0], :, at[1], at[2]]
            agree = said > _AGREES * np.sqrt(chance)
            score = float(scores[at])
            return Match(score, score / expected, float(agree.mean()), float(movements.furthest[at]))

        return Placement(match(near), match(~near))

    def _surfaces(self, orientations: npt.NDArray[np.complex64]) -> Floats:
        """The correlation of each block by displacement, in steps: float32 (blocks, n, n), that of none at n // 2."""
        from scipy import fft
        from scipy.ndimage import uniform_filter

        blocks = _blocks(orientations)
        found = fft.ifft2(self._spectra * fft.fft2(blocks)).real
        energy = fft.irfft2(_window_spectrum() * fft.rfft2(_squared(blocks)), s=(_BLOCK, _BLOCK))
        both = np.maximum(energy, 0.0) * self._energy[:, None, None]
        known = both > _LEAST_ENERGY
        surfaces = np.where(known, found / np.sqrt(np.where(known, both, 1.0)), 0.0)
        surfaces = np.fft.fftshift(surfaces, axes=(1, 2))
        smooth = uniform_filter(surfaces, (0, 3, 3), mode="wrap")
        return np.ascontiguousarray(smooth[:, ::_POOLED, ::_POOLED], np.float32)


@lru_cache(maxsize=64)
def _movements(height: int, width: int, reach: int) -> _Movements:
    """All that is tried on pictures of a shape."""
    tops, lefts = _places(height), _places(width)
    down = np.repeat(tops + _BLOCK / 2, len(lefts)) - height / 2
    across = np.tile(lefts + _BLOCK / 2, len(tops)) - width / 2
    corner_down, corner_across = np.array([-1, -1, 1, 1]) * height / 2, np.array([-1, 1, -1, 1]) * width / 2
    shifts = np.arange(-reach, reach + 1) * _POOLED
    offsets, furthest = [], []
    for turn in _TURNS:
        for zoom in _ZOOMS:
            cos, sin = zoom * math.cos(turn), zoom * math.sin(turn)
            offsets.append((sin * across + (cos - 1.0) * down, (cos - 1.0) * across - sin * down))
            y = (sin * corner_across + (cos - 1.0) * corner_down)[:, None, None] + shifts[:, None]
            x = ((cos - 1.0) * corner_across - sin * corner_down)[:, None, None] + shifts
            furthest.append(np.sqrt(np.square(y) + np.square(x)).max(axis=0) / width)
    return _Movements(np.rint(np.array(offsets) / _POOLED).astype(np.intp), np.array(furthest, np.float32))


@lru_cache(maxsize=1)
def _window() -> Floats:
    """How much each pixel of a block counts: a Hann window."""
    one = np.hanning(_BLOCK + 2)[1:-1]
    return np.outer(one, one).astype(np.float32)


@lru_cache(maxsize=1)
def _window_spectrum() -> npt.NDArray[np.complex64]:
    from scipy import fft

    spectrum: npt.NDArray[np.complex64] = np.conj(fft.rfft2(_window()))
    return spectrum


def _squared(values: npt.NDArray[np.complex64]) -> Floats:
    return np.asarray(values.real * values.real + values.imag * values.imag, np.float32)


def _places(length: int) -> npt.NDArray[np.intp]:
    """Where blocks begin along a side."""
    number = max(1, math.ceil((length - _BLOCK) / _STRIDE) + 1)
    return np.rint(np.linspace(0, max(0, length - _BLOCK), number)).astype(np.intp)


def _blocks(values: npt.NDArray[np.complex64]) -> npt.NDArray[np.complex64]:
    """The blocks of a picture, row by row; what is smaller than one is filled up with nothing."""
    height, width = values.shape
    values = np.pad(values, ((0, max(0, _BLOCK - height)), (0, max(0, _BLOCK - width))))
    return np.stack(
        [values[top : top + _BLOCK, left : left + _BLOCK] for top in _places(height) for left in _places(width)]
    )

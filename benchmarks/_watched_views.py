"""Views of cameras that stay as they are, change their light, or are moved: real clips, and rendered gates."""

from __future__ import annotations

import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from decisight.sources.rendered.photograph import render
from decisight.sources.rendered.shift import Shift

__all__ = ["CHANGES", "Change", "Clip", "Gate", "Light", "View", "compressed", "covered"]

Pixels = npt.NDArray[np.uint8]

_SHOWN = 0.7
"""The middle of a clip is what a camera that can be moved sees, so that there is something beside it to be moved to."""
_RIM = 140
"""Pixels beyond a clip that are made by mirroring it, where a camera is moved farther than it reaches."""


@dataclass(frozen=True)
class Change:
    """What happens to a camera.

    Args:
        shift: to the right and down, as shares of the picture's width.
        turn: clockwise, in degrees.
        zoom: by how much things become larger.
        blur: the standard deviation of what it is out of focus, as a share of the picture's height.
        cover: how much of the picture is covered, 0..1, from the left.
        elsewhere: it looks at another place altogether.
    """

    shift: tuple[float, float] = (0.0, 0.0)
    turn: float = 0.0
    zoom: float = 1.0
    blur: float = 0.0
    cover: float = 0.0
    elsewhere: bool = False

    @property
    def is_seen_from_elsewhere(self) -> bool:
        """Whether things lie elsewhere, not only look otherwise."""
        return self.shift != (0.0, 0.0) or self.turn != 0.0 or self.zoom != 1.0


_DIRECTIONS = ((1.0, 0.0), (-1.0, 0.0), (0.0, 1.0), (0.0, -1.0), (0.707, 0.707), (-0.707, -0.707))

CHANGES: Mapping[str, Sequence[Change]] = {
    **{
        f"shifted by {percent} % of the width": [
            Change(shift=(x * percent / 100, y * percent / 100)) for x, y in _DIRECTIONS
        ]
        for percent in (2, 3, 5, 10, 20)
    },
    **{f"turned by {angle} degrees": [Change(turn=angle), Change(turn=-angle)] for angle in (1, 2, 5, 10)},
    **{f"zoomed by {zoom}": [Change(zoom=zoom), Change(zoom=1 / zoom)] for zoom in (1.05, 1.1, 1.3)},
    **{f"out of focus by {100 * blur:g} % of the height": [Change(blur=blur)] for blur in (0.02, 0.05, 0.1)},
    **{f"covered by {100 * cover:g} %": [Change(cover=cover)] for cover in (0.5, 0.8, 1.0)},
    "looking elsewhere": [Change(elsewhere=True)],
}
"""By what they are called, the changes that are tried."""


class View(Protocol):
    """What a camera sees."""

    @property
    def name(self) -> str:
        """What it is called."""

    def picture(self, number: int, change: Change | None = None) -> Pixels:
        """One picture of it, uint8 (H, W, 3); the same number shows the same moment."""

    def alone(self, number: int) -> Pixels:
        """The same as the camera gave it; of a clip all of the picture, not its middle."""


@dataclass(frozen=True, eq=False)
class Clip:
    """A recording of a real camera, again and again, forwards and backwards.

    Args:
        path: the file.
    """

    path: Path
    _frames: list[Pixels] = field(default_factory=list)

    @property
    def name(self) -> str:
        """What it is called."""
        return self.path.stem

    def picture(self, number: int, change: Change | None = None) -> Pixels:
        """The middle of one picture, seen by a camera that may have been moved."""
        return _moved(self.alone(number), change or Change())

    def alone(self, number: int) -> Pixels:
        """All of one picture."""
        if not self._frames:
            self._frames.extend(_decoded(self.path))
        count = len(self._frames)
        # By steps that have no common measure with its length, so that all of it comes in many orders.
        at = (number * 25) % (2 * count)
        return self._frames[at if at < count else 2 * count - 1 - at]


@dataclass(frozen=True)
class Gate:
    """A rendered gate, with all that goes wrong there: people, passing things, glare, darkness, blur, noise.

    Args:
        seed: of the shift.
        size: of its pictures.
    """

    seed: int
    size: tuple[int, int] = (384, 288)

    @property
    def name(self) -> str:
        """What it is called."""
        return f"rendered gate {self.seed}"

    def picture(self, number: int, change: Change | None = None) -> Pixels:
        """The picture of a moment, drawn anew where the camera was moved: with all that comes into view."""
        return _drawn(self.seed, self.size, number, (change or Change()))

    def alone(self, number: int) -> Pixels:
        """The same as :meth:`picture`."""
        return self.picture(number)


class Light:
    """Light, exposure and compression that change as time passes: slowly, and at once as cameras adjust themselves.

    Args:
        seed: of its chance.
        strength: 0: nothing changes; 1: by 0.9 stops either way, gamma 0.7 to 1.4, noise of 8 grey levels, JPEG quality
            30 to 90, and now and then grey, as at night.
    """

    def __init__(self, seed: int, strength: float = 1.0) -> None:
        self._rng = np.random.default_rng(seed)
        self._strength = strength
        self._slow = self._rng.uniform(-1, 1, 4)

    def shine(self, pixels: Pixels) -> Pixels:
        """The next picture in it."""
        # It wanders, and is drawn back; every twentieth time it jumps.
        self._slow = np.clip(0.95 * self._slow + self._rng.normal(0, 0.2, 4), -1, 1)
        if self._rng.random() < 0.05:
            self._slow = self._rng.uniform(-1, 1, 4)
        stops, gamma, noise, grey = self._slow
        strength = self._strength
        values = np.clip(pixels / 255.0 * 2.0 ** (0.9 * strength * stops), 0.0, 1.0) ** math.exp(
            0.33 * strength * gamma
        )
        if grey > 0.7:
            values = np.repeat(values.mean(axis=2, keepdims=True), 3, axis=2)
        values = 255.0 * values + self._rng.normal(0.0, 4.0 * strength * (1.0 + noise) + 1e-9, values.shape)
        quality = round(60 - 30 * strength * float(self._rng.uniform(-1, 1)))
        return compressed(np.clip(np.rint(values), 0, 255).astype(np.uint8), quality)


def compressed(pixels: Pixels, quality: int) -> Pixels:
    """A picture as JPEG of this quality leaves it."""
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=quality)
    return np.array(Image.open(file))


def covered(pixels: Pixels, change: Change, number: int) -> Pixels:
    """A picture out of focus, and with something before the lens."""
    from scipy.ndimage import gaussian_filter

    if change.blur:
        sigma = change.blur * pixels.shape[0]
        pixels = np.asarray(gaussian_filter(pixels, (sigma, sigma, 0)))
    if change.cover:
        pixels = pixels.copy()
        height, width = pixels.shape[:2]
        rng = np.random.default_rng(number)
        cloth = np.linspace(70, 110, height)[:, None, None] + rng.normal(0, 5, (height, round(change.cover * width), 1))
        pixels[:, : cloth.shape[1]] = np.clip(cloth, 0, 255)
    return pixels


def _decoded(path: Path) -> list[Pixels]:
    import av

    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


def _moved(pixels: Pixels, change: Change) -> Pixels:
    from PIL import Image

    height, width = pixels.shape[:2]
    wide, high = round(_SHOWN * width), round(_SHOWN * height)
    turn = math.radians(change.turn)
    cos, sin = math.cos(turn) / change.zoom, math.sin(turn) / change.zoom
    x, y = _RIM + width / 2 + change.shift[0] * wide, _RIM + height / 2 + change.shift[1] * wide
    way = (cos, sin, x - cos * wide / 2 - sin * high / 2, -sin, cos, y + sin * wide / 2 - cos * high / 2)
    padded = Image.fromarray(np.pad(pixels, ((_RIM, _RIM), (_RIM, _RIM), (0, 0)), "reflect"))
    return np.asarray(padded.transform((wide, high), Image.Transform.AFFINE, way, Image.Resampling.BICUBIC))


@lru_cache(maxsize=1000)
def _drawn(seed: int, size: tuple[int, int], number: int, change: Change) -> Pixels:
    # Moments that lie anywhere in a visit, and between visits.
    scene = Shift(seed, size).scene((number * 2.3) % 600.0)
    if not change.is_seen_from_elsewhere:
        return render(scene, size)
    camera = scene.camera
    half = math.tan(math.radians(camera.field_of_view) / 2)
    width_by_depth = 2 * half * size[0] / size[1]
    across, down = (math.degrees(math.atan(share * width_by_depth)) for share in change.shift)
    moved = replace(
        camera,
        pan=camera.pan + across,
        tilt=camera.tilt + down,
        roll=camera.roll + change.turn,
        field_of_view=2 * math.degrees(math.atan(half / change.zoom)),
    )
    return render(replace(scene, camera=moved), size)

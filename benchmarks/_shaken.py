"""Sequences of pictures made from one photo each, as a poor camera would see it: shaken, in changing light, blurred."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["shaken"]

Pixels = npt.NDArray[np.uint8]


def shaken(photo: Pixels, frames: int, rng: np.random.Generator, *, strength: float = 1.0) -> list[Pixels]:
    """So many views of a photo, each with its own jitter, light, blur and noise.

    Args:
        photo: uint8 (H, W, 3).
        frames: how many.
        rng: where chance comes from.
        strength: how far each may go; at 1 by up to 12 % of the side, 8 degrees, a third of the size, gain 0.35 to 1.9,
            gamma 0.6 to 1.6, a colour cast of 15 %, blur up to 1.5 % of the side, and noise of up to 20 grey levels.

    Returns:
        uint8 (H, W, 3) each.
    """
    return [_one(photo, rng, strength) for _ in range(frames)]


def _one(photo: Pixels, rng: np.random.Generator, strength: float) -> Pixels:
    from PIL import Image, ImageFilter

    image = Image.fromarray(photo)
    width, height = image.size
    zoom = 1.0 + strength * rng.uniform(-0.1, 0.33)
    shift = strength * rng.uniform(-0.12, 0.12, 2) * (width, height)
    angle = np.deg2rad(strength * rng.uniform(-8.0, 8.0))
    cos, sin = np.cos(angle) / zoom, np.sin(angle) / zoom
    x, y = width / 2 + shift[0], height / 2 + shift[1]
    across = (cos, sin, x - cos * width / 2 - sin * height / 2)
    down = (-sin, cos, y + sin * width / 2 - cos * height / 2)
    mean = tuple(int(c) for c in photo.mean(axis=(0, 1)))
    image = image.transform(
        image.size, Image.Transform.AFFINE, across + down, Image.Resampling.BILINEAR, fillcolor=mean
    )
    image = image.filter(ImageFilter.GaussianBlur(strength * rng.uniform(0.0, 0.015) * min(width, height)))
    values = np.asarray(image, np.float64) / 255.0
    gain = np.exp(strength * rng.uniform(np.log(0.35), np.log(1.9)))
    cast = 1.0 + strength * rng.uniform(-0.15, 0.15, 3)
    gamma = np.exp(strength * rng.uniform(np.log(0.6), np.log(1.6)))
    values = np.clip(values * gain * cast, 0.0, 1.0) ** gamma * 255.0
    values += rng.normal(0.0, 1.0, values.shape) * strength * rng.uniform(0.0, 20.0)
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)

"""Pictures drawn at random: as different from each other as photos are, and made in a millisecond."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFilter

__all__ = ["drawn", "encoded", "save"]

Pixels = npt.NDArray[np.uint8]


def drawn(seed: int, size: tuple[int, int] = (200, 160), *, hue: tuple[int, int, int] | None = None) -> Pixels:
    """Ellipses and lines before a background; ``hue`` is the colour of a large disc in the middle."""
    rng = np.random.default_rng(seed)
    width, height = size
    image = Image.new("RGB", size, tuple(rng.integers(40, 216, 3).tolist()))
    draw = ImageDraw.Draw(image)
    for _ in range(24):
        x, y = rng.uniform(-0.1, 1.0, 2) * size
        w, h = rng.uniform(0.05, 0.4, 2) * size
        draw.ellipse((x, y, x + w, y + h), tuple(rng.integers(20, 226, 3).tolist()))
        ends = (rng.uniform(0, 1, (2, 2)) * size).ravel().tolist()
        draw.line(ends, tuple(rng.integers(20, 226, 3).tolist()), int(rng.integers(1, 6)))
    if hue is not None:
        draw.ellipse((0.25 * width, 0.2 * height, 0.75 * width, 0.8 * height), hue)
    return np.asarray(image.filter(ImageFilter.GaussianBlur(0.8)))


def encoded(pixels: Pixels, form: str = "JPEG", **options: object) -> bytes:
    """As the content of a file."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, form, **options)
    return buffer.getvalue()


def save(path: Path, pixels: Pixels, **options: object) -> Path:
    """As a file, of the format that its name says."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, **options)
    return path

"""Photos to measure with: given, shared, or cut out of those that ship with libraries."""

from __future__ import annotations

import contextlib
import importlib.resources
import os
import statistics
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

__all__ = ["MODEL", "SHARED_DATA", "describe", "photos_in", "sample_photos", "write_photos"]

MODEL = "imagenet:efficientnet_lite0"
"""The model to measure with: the bare backbone with its own classifier."""

SHARED_DATA = Path(os.environ.get("DECISIGHT_SHARED_DATA") or Path(__file__).resolve().parents[2] / "shared" / "data")
"""Where the shared photo sets lie: beside the repository, unless the environment says otherwise."""


def photos_in(folder: Path) -> list[str]:
    """The JPEG photos of a folder, by name."""
    found = sorted(str(p) for p in folder.iterdir() if p.suffix.lower() in (".jpg", ".jpeg"))
    if not found:
        raise SystemExit(f"there are no JPEG photos in {folder}")
    return found


def write_photos(folder: Path, count: int = 200) -> None:
    """Write photos of 500 x 375 and about 110 KB, cut at random (seed 0) out of three that ship with dependencies."""
    from PIL import Image

    rng = np.random.default_rng(0)
    places = [
        ("sklearn", "datasets/images/china.jpg"),
        ("sklearn", "datasets/images/flower.jpg"),
        ("matplotlib", "mpl-data/sample_data/grace_hopper.jpg"),
    ]
    originals = []
    for package, name in places:
        with (importlib.resources.files(package) / name).open("rb") as file, Image.open(file) as image:
            originals.append(image.convert("RGB"))
    for number in range(count):
        image = originals[number % len(originals)]
        left, top = (int(rng.integers(room + 1)) for room in (image.width - 500, image.height - 375))
        cut = image.crop((left, top, left + 500, top + 375))
        cut.save(folder / f"{number:03d}.jpg", quality=98)


@contextlib.contextmanager
def sample_photos(folder: Path | None) -> Iterator[list[str]]:
    """The photos to measure on: of the folder, else of the shared set, else made for the occasion."""
    if folder is None and (SHARED_DATA / "imagenet_sample").is_dir():
        folder = SHARED_DATA / "imagenet_sample"
    if folder is not None:
        yield photos_in(folder)
        return
    with tempfile.TemporaryDirectory(prefix="decisight-photos-") as made:
        write_photos(Path(made))
        yield photos_in(Path(made))


def describe(photos: Sequence[str]) -> dict[str, float]:
    """What the photos are like, without saying which they are."""
    from PIL import Image

    sizes = []
    for path in photos:
        with Image.open(path) as image:
            sizes.append(image.size)
    return {
        "count": len(photos),
        "mean_kb": round(statistics.fmean(os.path.getsize(p) for p in photos) / 1000, 1),
        "median_width": statistics.median(width for width, _ in sizes),
        "median_height": statistics.median(height for _, height in sizes),
    }

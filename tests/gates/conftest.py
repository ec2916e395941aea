"""Pictures to judge, made on the spot."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

Array = npt.NDArray[np.uint8]


def drawn(height: int = 270, width: int = 480, seed: int = 0) -> Array:
    """Rectangles of all sizes and colours, one over the other: sharp edges everywhere, nothing very dark or white."""
    rng = np.random.default_rng(seed)
    picture = np.full((height, width, 3), 128, np.uint8)
    for _ in range(200):
        top, left = rng.integers(0, height), rng.integers(0, width)
        tall, wide = rng.integers(2, max(3, height // 5)), rng.integers(2, max(3, width // 5))
        picture[top : top + tall, left : left + wide] = rng.integers(40, 220, 3)
    return picture


@pytest.fixture
def scene() -> Callable[..., Array]:
    return drawn


@pytest.fixture
def shared_data() -> Path:
    folder = Path(os.environ.get("DECISIGHT_SHARED_DATA") or Path(__file__).resolve().parents[3] / "shared/data")
    if not folder.is_dir():
        pytest.skip("the shared photo sets are not there")
    return folder

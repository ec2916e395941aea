"""Pictures made on the spot."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image


@pytest.fixture(scope="session")
def pictures() -> list[np.ndarray]:
    """Eleven pictures of different sizes and shapes, bright ones and dark ones: uint8 (H, W, 3)."""
    random = np.random.default_rng(7)
    found = []
    for number in range(11):
        height, width = 40 + 17 * number, 230 - 13 * number
        coarse = random.integers(0, 256, (4, 5, 3)).astype(np.float64) * random.uniform(0.2, 1.0)
        smooth = Image.fromarray(coarse.astype(np.uint8)).resize((width, height), Image.Resampling.BICUBIC)
        found.append(np.array(smooth))
    return found

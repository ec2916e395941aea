"""A small set of drawn pictures with a fault of every kind in it, audited once; and one without faults."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFilter
from tests.drawn import drawn, save

from decisight.auditing import Audit, Finding, audit
from decisight.data.reading import read_dataset
from decisight.training.cache import FeatureCache

HUES = {"blue": (40, 60, 220), "red": (220, 40, 40)}
SIZE = (120, 100)


def colours(root: Path, *, train: int = 10, test: int = 4) -> Path:
    """Discs of two colours before different backgrounds, divided, without a fault."""
    for at, (label, hue) in enumerate(HUES.items()):
        for split, count in (("train", train), ("test", test)):
            for number in range(count):
                seed = 1_000 * at + 500 * (split == "test") + number
                save(root / split / label / f"{number:02}.png", drawn(seed, SIZE, hue=hue))
    return root


@dataclass(frozen=True)
class Faulty:
    """The set with faults, and what was found in it."""

    root: Path
    found: Audit

    def of(self, kind: str) -> list[Finding]:
        return [finding for finding in self.found.findings if finding.kind == kind]

    def names(self, kind: str) -> list[tuple[str, ...]]:
        return [tuple(self.found.name(at) for at in finding.examples) for finding in self.of(kind)]


@pytest.fixture(scope="session")
def kept_features(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FeatureCache]:
    with FeatureCache(tmp_path_factory.mktemp("features") / "features.sqlite3") as cache:
        yield cache


@pytest.fixture(scope="session")
def look(kept_features: FeatureCache) -> Callable[[Path], Audit]:
    return lambda root: audit(read_dataset(root), cache=kept_features, threads=2)


@pytest.fixture(scope="session")
def clean_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return colours(tmp_path_factory.mktemp("clean") / "colours")


@pytest.fixture(scope="session")
def faulty(tmp_path_factory: pytest.TempPathFactory, look: Callable[[Path], Audit]) -> Faulty:
    pytest.importorskip("cleanlab", reason="needs decisight[audit]")
    root = plant(colours(tmp_path_factory.mktemp("faulty") / "colours"))
    return Faulty(root, look(root))


def plant(root: Path) -> Path:
    """Put a fault of every kind that a folder can have into the set."""
    train, test = root / "train", root / "test"
    (train / "red/broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 not the rest")
    (test / "red/exact.png").write_bytes((train / "red/00.png").read_bytes())
    save(test / "blue/again.jpg", drawn(1, SIZE, hue=HUES["blue"]), quality=70)
    save(train / "blue/twice.webp", drawn(2, SIZE, hue=HUES["blue"]), quality=80)
    (train / "red/conflict.png").write_bytes((train / "blue/03.png").read_bytes())
    # Nobody would take this for what its folder says.
    save(test / "blue/wrong.png", drawn(1_070, SIZE, hue=HUES["red"]))
    save(train / "red/tiny.png", drawn(80, (20, 16), hue=HUES["red"]))
    save(train / "red/dark.png", (drawn(81, SIZE, hue=HUES["red"]) // 12))
    save(train / "red/bright.png", np.full((100, 120, 3), 254, np.uint8))
    save(train / "red/flat.png", (128 + (drawn(82, SIZE, hue=HUES["red"]).astype(int) - 128) // 20).astype(np.uint8))
    blurred = Image.fromarray(drawn(83, (320, 260), hue=HUES["red"])).filter(ImageFilter.GaussianBlur(14))
    blurred.save(train / "red/blurred.png")
    save(train / "red/long.png", drawn(84, (400, 60), hue=HUES["red"]))
    return root

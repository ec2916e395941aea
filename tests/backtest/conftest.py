"""Sites over the small models, and clips that are made of frames in memory."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from decisight.assemble import setups
from decisight.backtest import SINGLE, ClipPlan, Contender, LabelledClip
from decisight.backtest.truth import Truth, TruthTable
from decisight.config import parse_site
from decisight.models.classifier import Classifier, load
from decisight.protocols import SourceFacts
from decisight.types import Frame, Target

FPS = 10.0


@dataclass(frozen=True)
class Reel:
    """A source of frames by a letter a picture: bright, dark, or ``x`` for one that cannot be read."""

    name: ClassVar[str] = "reel"
    live: ClassVar[bool] = False

    letters: str

    def facts(self) -> SourceFacts:
        return SourceFacts("reel", "reel", seconds=len(self.letters) / FPS)

    @contextlib.contextmanager
    def open(self, *, after: object = None, fps: float | None = None) -> Iterator[Iterator[Frame]]:
        every = 1 if fps is None else round(FPS / fps)
        yield (self.frame(at) for at in range(0, len(self.letters), every))

    def frame(self, at: int) -> Frame:
        if self.letters[at] == "x":
            return Frame(f"{at}", at / FPS, None, cause="the recording is damaged here")
        pixels = np.full((24, 32, 3), 255 if self.letters[at] == "b" else 0, np.uint8)
        return Frame(f"{at}", at / FPS, pixels)


@pytest.fixture(scope="session")
def small(small_model: Path) -> Classifier:
    return load(str(small_model), threads=1)


@pytest.fixture(scope="session")
def gear(gear_model: Path) -> Classifier:
    return load(str(gear_model), threads=1)


MakeContender = Callable[..., Contender]


@pytest.fixture
def contender() -> MakeContender:
    """A site with one camera called ``gate``: ``contender("old", model, {"policy": "majority_vote:2/3"})``."""

    def make(name: str, model: Classifier, *watch: Mapping[str, Any], single: str = SINGLE, **camera: Any) -> Contender:
        section = {
            "source": {"type": "video", "path": "gate.mp4"},
            "fps": FPS,
            "gates": [],
            "regions": {
                "left": {"polygon": [[0, 0], [0.5, 0], [0.5, 1], [0, 1]]},
                "right": {"polygon": [[0.5, 0], [1, 0], [1, 1], [0.5, 1]]},
            },
            "watch": list(watch),
        }
        site = parse_site({"site": name, "models": {"m": {"path": "m.onnx"}}, "cameras": {"gate": section | camera}})
        return Contender(name, single, {setup.camera: setup for setup in setups(site, {"m": model})})

    return make


def plan(letters: str, *rows: tuple[float, float, str | None, str, Target]) -> ClipPlan:
    """A clip, and rows of start, end, region, group and state."""
    found: dict[tuple[str | None, str], list[Truth]] = {}
    for line, (start, end, region, group, state) in enumerate(rows, start=2):
        found.setdefault((region, group), []).append(Truth(start, end, region, group, state, line))
    table = TruthTable({key: tuple(truths) for key, truths in found.items()})
    reel = Reel(letters)
    clip = LabelledClip("gate.mp4", Path("gate.mp4"), Path("gate.csv"))
    return ClipPlan(clip, "gate", table, reel, len(letters) / FPS)

"""Gates of several regions at work: each region's own, and those that look at all of the picture, once for all."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from decisight.imaging import Pixels
from decisight.pipeline.lookout import Lookout
from decisight.protocols import GateKeeper
from decisight.regions import Region
from decisight.types import Verdict

LEFT, RIGHT = Region.box("left", 0.0, 0.0, 0.5, 1.0), Region.box("right", 0.5, 0.0, 1.0, 1.0)
PICTURE = np.zeros((24, 64, 3), np.uint8)


@dataclass
class Third:
    """Refuses every third picture that it sees, and remembers what it was shown."""

    name: str = "third"
    saves: bool = False
    whole: bool = True
    shown: list[tuple[tuple[int, ...], float]] = field(default_factory=list, compare=False)
    begun: list[Any] = field(default_factory=list, compare=False)

    def keeper(self, state: Any = None) -> GateKeeper:
        self.begun.append(state)
        return ThirdKeeper(self, state or 0)


@dataclass
class ThirdKeeper:
    gate: Third
    count: int

    def judge(self, crop: Pixels, time: float) -> Verdict | None:
        self.count += 1
        self.gate.shown.append((crop.shape, time))
        return None if self.count % 3 else Verdict(self.gate.name, self.gate.saves)

    def state(self) -> int:
        return self.count


def said(lookout: Lookout[str], time: float) -> dict[str, list[str]]:
    lookout.show(PICTURE, time)
    return {
        key: [verdict.cause for verdict in lookout.verdicts(key, region, PICTURE, time)]
        for key, region in [("left", LEFT), ("right", RIGHT)]
    }


def test_one_that_looks_at_all_of_it_is_asked_once_for_all_regions() -> None:
    gate = Third()
    # An equal one is the same: gates are told apart by their settings.
    lookout = Lookout({"left": [gate], "right": [Third(shown=gate.shown)]})
    found = [said(lookout, float(time)) for time in range(6)]
    nothing, third = {"left": [], "right": []}, {"left": ["third"], "right": ["third"]}
    assert found == [nothing, nothing, third, nothing, nothing, third]
    assert gate.shown == [((24, 64, 3), float(time)) for time in range(6)]


def test_it_sees_every_picture_whatever_others_have_said() -> None:
    gate, other = Third(), Third("other", whole=False)
    lookout = Lookout({"left": [other, gate]})
    for time in range(3):
        lookout.show(PICTURE, float(time))
        found = [verdict.cause for verdict in lookout.verdicts("left", LEFT, PICTURE, float(time))][:1]
    assert found == ["other"]
    assert len(gate.shown) == 3
    assert other.shown == [((24, 32, 3), float(time)) for time in range(3)]


def test_one_that_saves_is_each_regions_own() -> None:
    gate = Third(saves=True)
    lookout = Lookout({"left": [gate], "right": [gate]})
    found = [said(lookout, float(time)) for time in range(3)]
    assert found[-1] == {"left": ["third"], "right": ["third"]}
    assert gate.shown == [((24, 64, 3), float(time)) for time in range(3) for _ in range(2)]


def test_gates_of_other_settings_are_others() -> None:
    one, other = Third(), Third("other")
    lookout = Lookout({"left": [one], "right": [other]})
    said(lookout, 0.0)
    assert (len(one.shown), len(other.shown)) == (1, 1)


def test_they_go_on_from_what_any_region_has_stored() -> None:
    lookout = Lookout({"left": [Third()], "right": [Third()]})
    for time in range(2):
        said(lookout, float(time))
    stored = json.loads(json.dumps({"right": lookout.states("right")}))
    assert stored == {"right": [["third", 2]]}
    gate = Third()
    again = Lookout({"left": [gate], "right": [gate]}, stored)
    assert gate.begun == [2]
    assert said(again, 2.0) == {"left": ["third"], "right": ["third"]}

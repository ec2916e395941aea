"""What every gate must keep to, whatever it looks for: run over all that are registered.

A new gate is covered by being registered. ``VARIANTS`` holds settings of its own that are worth trying besides, and
``REFUSED`` such as must be refused. Where a gate cannot do without a setting, ``NEEDED`` has one.
"""

from __future__ import annotations

import json
import math
import re
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields, is_dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decisight.errors import UsageError
from decisight.gates import GATES
from decisight.imaging import encode_png
from decisight.protocols import Gate, GateKeeper
from decisight.types import Verdict

Array = npt.NDArray[np.uint8]

VARIANTS: dict[str, tuple[dict[str, Any], ...]] = {
    "brightness": ({"darkest": 255.0}, {"clipped": 0.01, "brightest": 0.0}),
    "frozen": ({"after": "1ms"},),
    "interval": ({"every": "1ms"}, {"every": "30d"}),
    "motion": (
        {"threshold": 0.01, "min_area": 0.0},
        {"threshold": 255.0, "min_area": 1.0, "at_least_every": "30d"},
        {"at_least_every": "1ms"},
    ),
    "moved": ({"tolerance": 0.1, "after": "1ms", "every": "1ms"}, {"after": "30d", "every": "30d"}),
    "sharpness": ({"least": 1.0, "contrast": 1.0},),
    "size": ({"least": 1}, {"least": 100000}),
}

REFUSED: dict[str, tuple[dict[str, Any], ...]] = {
    "brightness": ({"darkest": -1}, {"clipped": 2.0}, {"brightest": 1000}),
    "frozen": ({"after": "soon"}, {"after": "0s"}, {"after": 5}),
    "interval": ({"every": "0s"}, {"every": 3}),
    "motion": ({"threshold": -1}, {"min_area": 1.5}, {"at_least_every": "0s"}, {"threshold": math.nan}),
    "moved": (
        {"reference": ""},
        {"reference": []},
        {"reference": 7},
        {"tolerance": 0},
        {"tolerance": math.nan},
        {"after": "0s"},
        {"every": 2},
    ),
    "sharpness": ({"least": 2}, {"contrast": 0}),
    "size": ({"least": 0}, {"least": 1.5}),
}

FOLDER = tempfile.TemporaryDirectory(prefix="decisight-gates-")


@cache
def picture_file() -> str:
    """A square picture with edges in it."""
    rng = np.random.default_rng(1)
    path = Path(FOLDER.name, "reference.png")
    path.write_bytes(encode_png(rng.integers(0, 256, (20, 20, 3), dtype=np.uint8).repeat(8, 0).repeat(8, 1)))
    return str(path)


NEEDED: dict[str, Callable[[], dict[str, Any]]] = {"moved": lambda: {"reference": picture_file()}}

every_gate = pytest.mark.parametrize("name", GATES.names())
few = settings(max_examples=40)


def variants(name: str) -> list[dict[str, Any]]:
    return [{}, *VARIANTS.get(name, ())]


def built(name: str, given_: dict[str, Any] | None = None) -> Gate:
    return GATES.build(name, NEEDED.get(name, dict[str, Any])() | (given_ or {}))


def gates(name: str) -> Iterator[Gate]:
    for given_ in variants(name):
        yield built(name, given_)


SHAPES = [
    (1, 1),
    (1, 2),
    (2, 1),
    (1, 3000),
    (3000, 1),
    (3, 700),
    (5, 5),
    (15, 17),
    (160, 160),
    (161, 159),
    (1100, 1900),
]


def crops_of(height: int, width: int) -> dict[str, Array]:
    rng = np.random.default_rng(height * 10007 + width)
    noise = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
    painted = noise.copy()
    painted[: height // 2, : width // 2] = 127
    return {
        "black": np.zeros((height, width, 3), np.uint8),
        "white": np.full((height, width, 3), 255, np.uint8),
        "one colour": np.full((height, width, 3), (127, 120, 90), np.uint8),
        "noise": noise,
        "a part of it painted over": painted,
        "a view into a larger picture": np.ones((2 * height, 2 * width, 3), np.uint8)[::2, ::2] * 77,
        "turned": noise[::-1, ::-1],
    }


crops = st.builds(
    lambda height, width, seed, low, high: np.random.default_rng(seed).integers(
        min(low, high), max(low, high) + 1, (height, width, 3), dtype=np.uint8
    ),
    st.integers(1, 60),
    st.integers(1, 60),
    st.integers(0, 5),
    st.integers(0, 255),
    st.integers(0, 255),
)
times = st.floats(-1e10, 1e10) | st.sampled_from([0.0, 0.5, 1.0, 10.0, 1e9])
sequences = st.lists(st.tuples(crops, times), min_size=1, max_size=12)


pools = st.lists(crops, min_size=1, max_size=2)
repeating = pools.flatmap(lambda pool: st.lists(st.tuples(st.sampled_from(pool), times), min_size=1, max_size=12))
"""Sequences in which pictures come again."""

STRANGE: tuple[Any, ...] = (
    0,
    -1.5,
    "",
    "frozen",
    True,
    [],
    [None],
    {},
    {"version": 1},
    {"version": 99, "last": 1.0, "digest": [1, 2, 3], "seconds": 1.0, "time": 1.0},
    {"version": 1, "last": "1.0", "digest": 7, "seconds": None, "time": []},
)
"""What another version may have stored."""


def judged(keeper: GateKeeper, sequence: Sequence[tuple[Array, float]]) -> list[Verdict | None]:
    return [keeper.judge(crop, time) for crop, time in sequence]


def proper(verdict: Verdict | None, gate: Gate) -> bool:
    """A verdict is short text without anything that changes from picture to picture, and of the gate's kind."""
    if verdict is None:
        return True
    return bool(re.fullmatch(r"[a-z]+( [a-z]+){0,4}", verdict.cause)) and verdict.unchanged == gate.saves


@every_gate
def test_it_is_a_part_of_its_name_with_documented_fields(name: str) -> None:
    part = GATES.factory(name)
    assert is_dataclass(part)
    assert part.name == name  # type: ignore[attr-defined]
    assert isinstance(part.saves, bool)  # type: ignore[attr-defined]
    for field in fields(part):
        assert f"{field.name}: " in (part.__doc__ or ""), f"{name}.{field.name} is not documented"
    assert built(name) == built(name)
    hash(built(name))
    assert isinstance(getattr(part, "whole", False), bool)


@every_gate
@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: "x".join(map(str, shape)))
def test_any_crop_is_judged_and_none_is_changed(name: str, shape: tuple[int, int]) -> None:
    for title, crop in crops_of(*shape).items():
        before = crop.copy()
        crop.flags.writeable = False
        for gate in gates(name):
            keeper = gate.keeper()
            for time in (0.0, 0.1, 30.0):
                assert proper(keeper.judge(crop, time), gate), title
        np.testing.assert_array_equal(crop, before)


@every_gate
@given(sequence=sequences)
@few
def test_times_may_go_back_and_jump(name: str, sequence: list[tuple[Array, float]]) -> None:
    for gate in gates(name):
        assert all(proper(verdict, gate) for verdict in judged(gate.keeper(), sequence))


@every_gate
@given(sequence=sequences)
@few
def test_the_same_pictures_give_the_same_verdicts(name: str, sequence: list[tuple[Array, float]]) -> None:
    for gate in gates(name):
        assert judged(gate.keeper(), sequence) == judged(gate.keeper(), sequence)


@every_gate
@given(one=sequences, other=sequences)
@few
def test_keepers_know_nothing_of_each_other(
    name: str, one: list[tuple[Array, float]], other: list[tuple[Array, float]]
) -> None:
    for gate in gates(name):
        alone = judged(gate.keeper(), one), judged(gate.keeper(), other)
        keepers = gate.keeper(), gate.keeper()
        mixed: tuple[list[Any], list[Any]] = ([], [])
        for at in range(max(len(one), len(other))):
            for side, sequence in enumerate((one, other)):
                if at < len(sequence):
                    mixed[side].append(keepers[side].judge(*sequence[at]))
        assert mixed == alone


def through_json(keeper: GateKeeper) -> Any:
    text = json.dumps(keeper.state(), allow_nan=False)
    assert len(text) < 1000
    return json.loads(text)


@every_gate
@given(sequence=sequences | repeating)
@few
def test_one_that_was_stopped_judges_as_if_it_had_not_been(name: str, sequence: list[tuple[Array, float]]) -> None:
    """Wherever it is stopped; one that saves may forget what it compares with, and let a picture through."""
    for gate in gates(name):
        keeper, found = gate.keeper(), []
        for crop, time in sequence:
            keeper = gate.keeper(through_json(keeper))
            found.append(keeper.judge(crop, time))
        expected = judged(gate.keeper(), sequence)
        if gate.saves:
            found, expected = ([v for v in verdicts if v and not v.unchanged] for verdicts in (found, expected))
        assert found == expected


@every_gate
@given(sequence=sequences | repeating)
@few
def test_a_state_may_be_asked_for_at_any_moment(name: str, sequence: list[tuple[Array, float]]) -> None:
    for gate in gates(name):
        keeper, found = gate.keeper(), []
        for crop, time in sequence:
            found.append(keeper.judge(crop, time))
            assert through_json(keeper) == through_json(keeper)
        assert found == judged(gate.keeper(), sequence)


@every_gate
@pytest.mark.parametrize("state", STRANGE, ids=repr)
def test_a_state_that_is_not_understood_is_passed_over(name: str, state: Any) -> None:
    noise = crops_of(20, 30)["noise"]
    for gate in gates(name):
        sequence = [(noise, time) for time in (0.0, 0.5, 7.0, 14.0, 21.0)]
        assert judged(gate.keeper(state), sequence) == judged(gate.keeper(), sequence)


@every_gate
@given(sequence=sequences)
@few
def test_what_saves_work_lets_the_first_picture_through(name: str, sequence: list[tuple[Array, float]]) -> None:
    for gate in gates(name):
        if gate.saves:
            assert gate.keeper().judge(*sequence[0]) is None


@every_gate
def test_a_buffer_that_is_written_over_is_seen_as_what_it_holds(name: str) -> None:
    """Whoever decodes may use the same memory for the next picture."""
    pictures = [crops_of(90, 120)[title] for title in ("noise", "noise", "white", "black", "noise", "one colour")]
    for gate in gates(name):
        apart = judged(gate.keeper(), [(picture, at * 0.3) for at, picture in enumerate(pictures)])
        buffer, keeper, found = np.empty((90, 120, 3), np.uint8), gate.keeper(), []
        for at, picture in enumerate(pictures):
            buffer[:] = picture
            found.append(keeper.judge(buffer, at * 0.3))
        assert found == apart


@every_gate
def test_settings_that_cannot_be_used_are_refused(name: str) -> None:
    for given_ in (*REFUSED.get(name, ()), {"no_such_setting": 1}, {next(iter(variants(name)[-1]), "x"): []}):
        with pytest.raises(UsageError) as caught:
            built(name, given_)
        assert next(iter(given_)) in caught.value.message
        assert caught.value.hint


def test_what_is_registered() -> None:
    assert {"brightness", "frozen", "interval", "motion", "moved", "sharpness", "size"} <= set(GATES.names())
    assert {name for name in GATES.names() if built(name).saves} >= {"interval", "motion"}

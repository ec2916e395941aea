"""The very same picture for too long is a frozen one, whatever the clock does."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from decisight.errors import UsageError
from decisight.gates.frozen import Frozen

Array = npt.NDArray[np.uint8]
ONE, OTHER = (np.full((9, 12, 3), value, np.uint8) for value in (80, 81))


def causes(pictures: Iterable[tuple[Array, float]], after: str = "10s") -> list[str | None]:
    keeper = Frozen(after=after).keeper()
    return [verdict.cause if verdict else None for verdict in (keeper.judge(p, time) for p, time in pictures)]


def test_it_is_frozen_once_it_has_come_for_longer() -> None:
    found = causes((ONE, float(second)) for second in range(13))
    assert found == [None] * 11 + ["frozen picture"] * 2


def test_another_picture_begins_anew() -> None:
    found = causes((ONE if second < 8 else OTHER, float(second)) for second in range(20))
    assert found == [None] * 19 + ["frozen picture"]


def test_one_pixel_is_enough_to_tell() -> None:
    other = ONE.copy()
    other[8, 11, 2] ^= 1
    assert causes((ONE if second % 2 else other, float(second)) for second in range(30)) == [None] * 30


def test_another_size_is_another_picture() -> None:
    wide = np.full((12, 9, 3), 80, np.uint8)
    assert causes((ONE if second % 8 else wide, float(second)) for second in range(30)) == [None] * 30


TIMES = {
    "a clock set back, and back again": ([0, 1, 2, -3600, -3599, -7200, -7199], False),
    "a clock set forward": ([0, 1, 2, 3600, 3601, 3602], False),
    "no time at all": ([5.0] * 50, False),
    "back by an hour, and on": ([0, 1, *range(-3600, -3589)], True),
    "a snapshot a minute": ([0, 60, 120, 180], True),
}


@pytest.mark.parametrize(("times", "fires"), TIMES.values(), ids=TIMES)
def test_times_that_jump(times: list[float], fires: bool) -> None:
    assert ("frozen picture" in causes((ONE, float(time)) for time in times)) == fires


def test_it_keeps_no_picture_that_others_may_write_to() -> None:
    buffer = ONE.copy()
    keeper = Frozen(after="1s").keeper()
    for second in range(10):
        buffer[:] = second
        assert keeper.judge(buffer, float(second)) is None


def stopped(pictures: Iterable[tuple[Array, float]], last: tuple[Array, float]) -> str | None:
    """The cause that one gives for the last picture, which goes on from what another has stored."""
    keeper = Frozen(after="2s").keeper()
    for picture, time in pictures:
        keeper.judge(picture, time)
    verdict = Frozen(after="2s").keeper(json.loads(json.dumps(keeper.state()))).judge(*last)
    return verdict.cause if verdict else None


HUNG = [(ONE, second / 2) for second in range(6)]
WIDE = np.full((12, 9, 3), 80, np.uint8)


@pytest.mark.parametrize(
    ("pictures", "last", "cause"),
    [
        (HUNG, (ONE, 3.0), "frozen picture"),
        # hours later
        (HUNG, (ONE, 9000.0), "frozen picture"),
        # not yet, by half a second
        (HUNG[:-2], (ONE, 2.0), None),
        (HUNG, (OTHER, 3.0), None),
        # as many bytes, all of them the same
        (HUNG, (WIDE, 3.0), None),
        ([*HUNG, (OTHER, 3.0)], (ONE, 3.5), None),
        # it has seen nothing
        ([], (ONE, 9000.0), None),
    ],
)
def test_it_goes_on_after_a_restart(
    pictures: list[tuple[Array, float]], last: tuple[Array, float], cause: str | None
) -> None:
    assert stopped(pictures, last) == cause


def test_what_it_goes_on_from_may_be_stored_again_before_the_next_picture() -> None:
    state: Any = None
    for picture, time in HUNG[:-1]:
        keeper = Frozen(after="2s").keeper(state)
        assert keeper.judge(picture, time) is None
        state = Frozen(after="2s").keeper(keeper.state()).state()
    assert Frozen(after="2s").keeper(state).judge(ONE, 2.5) is not None


def test_pixels_are_compared_once_they_are_there_again() -> None:
    """So that no two pictures are taken for the same by chance for longer than one."""
    keeper = Frozen(after="2s").keeper()
    for picture, time in HUNG:
        keeper.judge(picture, time)
    again = Frozen(after="2s").keeper(keeper.state())
    assert again.judge(ONE, 3.0) is not None
    for bit in range(8):
        other = ONE.copy()
        other[4, 4, 1] ^= 1 << bit
        assert again.judge(other, 3.5) is None


@pytest.mark.parametrize(
    ("after", "message"), [("0s", "is too short"), (10, "has no unit"), ("soon", "is not understood")]
)
def test_a_time_that_is_none(after: str | int, message: str) -> None:
    with pytest.raises(UsageError, match=f"after = '{after}' {message}"):
        Frozen(after=after)

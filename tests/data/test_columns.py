"""Text in the order in which people count."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from decisight.data.columns import natural_key


@pytest.mark.parametrize(
    "ordered",
    [
        ["Bay1", "bay2", "bay10"],
        # the number counts, not how it is written
        ["a1b", "a01c", "a2"],
        ["0", "1", "002", "10"],
        ["a\u0662", "a3", "a\u0661\u0660"],
        # longer than what Python's int() takes
        ["9" * 5000, "1" + "0" * 5000],
    ],
)
def test_numbers_stand_in_their_own_order(ordered: list[str]) -> None:
    backwards = list(reversed(ordered))
    assert sorted(backwards, key=natural_key) == ordered


@given(st.lists(st.integers(min_value=0)))
def test_numbers_alone_are_sorted_as_numbers(numbers: list[int]) -> None:
    assert sorted(map(str, numbers), key=natural_key) == list(map(str, sorted(numbers)))

"""Spans, as configurations write them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from decisight.errors import UsageError
from decisight.spans import Span, parse_seconds, parse_span


@pytest.mark.parametrize(
    ("value", "expected", "said"),
    [
        (5, Span(images=5), "5 images"),
        ("5", Span(images=5), "5 images"),
        (1, Span(images=1), "1 image"),
        (0, Span(images=0), "0 images"),
        ("2s", Span(seconds=2.0), "2 s"),
        (" 2 s ", Span(seconds=2.0), "2 s"),
        ("500ms", Span(seconds=0.5), "0.5 s"),
        ("1.5m", Span(seconds=90.0), "90 s"),
        ("1h", Span(seconds=3600.0), "3600 s"),
        ("30d", Span(seconds=2592000.0), "2.592e+06 s"),
        # exact: 57 * 0.001 is not
        ("57ms", Span(seconds=0.057), "0.057 s"),
    ],
)
def test_spans(value: Any, expected: Span, said: str) -> None:
    assert parse_span(value, "window") == expected
    assert str(expected) == said


@pytest.mark.parametrize(
    "value", ["", "s", "-1", "-1s", "1.5", 1.5, True, None, "nan", "inf", "1e3s", "2w", "2 seconds", "٣", "1" * 13]
)
def test_spans_that_are_not_understood(value: Any) -> None:
    with pytest.raises(UsageError, match=r"window = .* is not understood") as caught:
        parse_span(value, "window")
    assert caught.value.hint == "give a number of images, for example window: 5, or a time, for example window: 2s"


@pytest.mark.parametrize(
    ("value", "says"), [(0, "too short"), ("0ms", "too short"), ("1" * 12, "too long"), ("999999h", "too long")]
)
def test_spans_of_a_length_that_cannot_be(value: Any, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        parse_span(value, "window", least=1)


def test_a_time_needs_a_unit() -> None:
    assert parse_seconds("250ms", "stale_after") == 0.25
    with pytest.raises(UsageError, match="stale_after = '5' has no unit") as caught:
        parse_seconds(5, "stale_after")
    assert caught.value.hint == "give a time, for example stale_after: 5s"


@pytest.mark.parametrize(
    ("same", "written"),
    [
        ((5, "5", " 5 ", "05"), 5),
        ((0, "0"), 0),
        (("2s", "2 s", "2.0s", "2000ms"), "2s"),
        (("1m", "60s", "60000ms"), "60s"),
        (("2d", "48h"), "172800s"),
        (("500ms", "0.5s"), "0.5s"),
        (("0.000000000001ms",), "0.000000000001ms"),
        (("0.01ms", "0.00001s"), "0.00001s"),
    ],
)
def test_a_span_is_written_in_one_way(same: tuple[Any, ...], written: Any) -> None:
    for value in same:
        found = parse_span(value, "window").to_setting()
        assert (found, type(found)) == (written, type(written))


@given(st.integers(0, 10**5), st.integers(0, 10**12 - 1), st.integers(0, 12), st.sampled_from(["ms", "s", "m", "h"]))
def test_what_is_written_is_the_same_span(whole: int, part: int, digits: int, unit: str) -> None:
    fraction = f".{part:012}"[: digits + 1] if digits else ""
    span = parse_span(f"{whole}{fraction}{unit}", "window")
    assert parse_span(span.to_setting(), "window") == span

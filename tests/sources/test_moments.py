"""Moments as they are written."""

from __future__ import annotations

import pytest

from decisight.errors import UsageError
from decisight.sources.moments import parse_moment


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1970-01-01T00:00:10Z", 10.0),
        ("1970-01-01 00:00:10", 10.0),
        (" 1970-01-01T00:00:10.250+00:00 ", 10.25),
        ("1970-01-01T02:00:00+02:00", 0.0),
        ("1970-01-02", 86400.0),
    ],
)
def test_moments(text: str, expected: float) -> None:
    assert parse_moment(text, "start") == expected


@pytest.mark.parametrize("text", ["", "noon", "2024-13-01", "2024-05-03T25:00", "1700000000.5", "\0"])
def test_what_is_no_moment(text: str) -> None:
    with pytest.raises(UsageError, match=r"start = .* is not understood") as caught:
        parse_moment(text, "start")
    assert "2024-05-03T08:15:00Z" in str(caught.value.hint)

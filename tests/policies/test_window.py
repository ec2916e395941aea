"""A window in seconds holds so many readings, and says so where there were more."""

from __future__ import annotations

from typing import Any

import pytest

from decisight.policies import POLICIES
from decisight.policies.window import MOST_READINGS, Entry, Window, parse_window
from decisight.types import LabelGroup, Prediction, Reading, Task

PAIR = Task((LabelGroup("class", ("a", "b")),))
SAYS = "; a window holds 4096 readings, older ones of its 3600 s do not count"


def test_older_readings_of_a_full_window_are_given_up() -> None:
    window = parse_window("1h", "majority_vote", 1)
    entries: Any = [Entry(float(at) / 8, 0, None, 1.0) for at in range(MOST_READINGS - 1)]
    assert window.cut(entries) == ""
    for at in (MOST_READINGS, MOST_READINGS + 1):
        entries = window.push(entries, Entry(at / 8, 0, None, 1.0))
        assert len(entries) == MOST_READINGS
        assert window.cut(entries) == SAYS
    assert entries[0].time == 1 / 8
    assert Window(parse_window(4096, "majority_vote", 1).span).cut(entries) == ""


@pytest.mark.parametrize("name", ["majority_vote", "weighted_average"])
@pytest.mark.parametrize("row", [(0.75, 0.25), (0.5, 0.5), None])
def test_an_explanation_says_so(name: str, row: Any) -> None:
    fold = POLICIES.build(name, {"window": "1h", "required": 1, "default_threshold": 0.6}).fold(PAIR, "class")
    mark, begun = fold.initial()
    full = begun._replace(evidence=[[at / 8, -1, row, 1.0] for at in range(MOST_READINGS)], readings=MOST_READINGS)
    given = None if row is None else Prediction(PAIR, (row,))
    state, _ = fold.step((mark, full), Reading(given, 600.0, cause="dark" if row is None else None))
    assert SAYS in fold.explain(state)
    state, _ = fold.step(fold.initial(), Reading(None, 600.0, cause="dark"))
    assert "window holds" not in fold.explain(state)

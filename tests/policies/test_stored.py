"""Readings, ticks and decisions as they are stored: exact, and refused where they are something else."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from decisight.errors import LabelError
from decisight.types import Decision, Held, LabelGroup, Prediction, Reading, Reason, Task, Tick

SITE = Task((LabelGroup("role", ("chief", "guest")), LabelGroup("gear", ("vest",), "independent")))
share = st.floats(0.0, 1.0)
any_time = st.none() | st.floats(allow_nan=False, allow_infinity=False)
some_time = st.floats(allow_nan=False, allow_infinity=False)
predictions = st.builds(lambda a, b, c: Prediction(SITE, ((a, b), (c,))), share, share, share)
readings = st.builds(Reading, predictions, any_time, share) | st.builds(Reading, st.none(), any_time, share, st.text())
decisions = st.builds(
    Decision,
    st.sampled_from(["role", "gear"]),
    st.sampled_from(["chief", "unknown", (), ("vest",)]),
    share,
    st.sampled_from(Reason),
    st.none() | st.sampled_from(Held),
    st.sampled_from([(), ("vest",)]),
    st.lists(some_time, max_size=3).map(tuple),
)


@given(item=st.one_of(readings, st.builds(Tick, some_time), decisions))
def test_what_is_stored_is_read_back_to_the_bit(item: Reading | Tick | Decision) -> None:
    values = json.loads(json.dumps(item.to_stored(), allow_nan=False))
    assert repr(type(item).from_stored(SITE, values)) == repr(item)


def test_what_is_stored() -> None:
    judged = Reading(Prediction(SITE, ((0.1, 0.9), (1 / 3,))), 1, 0.5)
    assert judged.to_stored() == {"time": 1.0, "quality": 0.5, "confidences": [[0.1, 0.9], [1 / 3]]}
    assert Reading(None, cause="dark").to_stored() == {"time": None, "quality": 1.0, "cause": "dark"}
    assert Tick(2).to_stored() == {"tick": 2.0}


PLAIN = {"time": 0.0, "quality": 1.0}
DECIDED = Decision("role", "chief", 0.5, Reason.ACCEPTED).to_stored()


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (Reading, {}),
        (Reading, PLAIN),
        (Reading, {"tick": 0.0}),
        (Reading, None),
        (Reading, {**PLAIN, "confidences": [[0.5, 0.5]]}),
        (Reading, {**PLAIN, "confidences": [[0.5, 0.5], 0.5]}),
        (Reading, {**PLAIN, "confidences": [[0.5, 0.5], [2.0]]}),
        (Reading, {**PLAIN, "confidences": [[0.5, 0.5], ["much"]]}),
        (Reading, {**PLAIN, "confidences": [[0.5, 0.5], [0.5]], "cause": "dark"}),
        (Reading, {"time": "now", "quality": 1.0, "cause": "dark"}),
        (Tick, {}),
        (Tick, PLAIN),
        (Tick, {"tick": None}),
        (Decision, {}),
        (Decision, {**DECIDED, "reason": "a whim"}),
        (Decision, {**DECIDED, "state": None}),
        (Decision, {**DECIDED, "scores": [None]}),
    ],
)
def test_what_is_something_else_is_refused(kind: Any, values: Any) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        kind.from_stored(SITE, values)
    assert type(caught.value) is ValueError


def test_a_decision_of_another_task_is_refused() -> None:
    with pytest.raises(LabelError, match="no label group 'hat'"):
        Decision.from_stored(SITE, {**DECIDED, "group": "hat"})

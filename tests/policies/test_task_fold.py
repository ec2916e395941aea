"""All groups of a task folded together: the same as each alone, and from any moment on."""

from __future__ import annotations

import json

import pytest

from decisight.errors import LabelError, UsageError
from decisight.policies.parsing import parse_policy
from decisight.policies.task_fold import TaskFold
from decisight.types import LabelGroup, Prediction, Reading, Reason, Task, Tick

TASK = Task((LabelGroup("helmet", ("worn", "missing")), LabelGroup("tags", ("x", "y"), "independent")))
POLICIES = {
    "tags": parse_policy("weighted_average:3"),
    "helmet": parse_policy("majority_vote:2/3", {"stale_after": "5s"}),
}


def items() -> list[Reading | Tick]:
    rows = [(0.9, 0.2), (0.8, 0.9), None, (0.3, 0.7), (0.2, 0.1)]
    made: list[Reading | Tick] = [
        Reading(None, float(at), cause="dark")
        if row is None
        else Reading(Prediction(TASK, ((row[0], 1.0 - row[0]), row)), float(at))
        for at, row in enumerate(rows)
    ]
    return [*made[:3], Tick(2.5), *made[3:], Tick(60.0)]


def test_each_group_is_decided_as_it_is_alone_and_in_the_order_of_the_task() -> None:
    together = list(TaskFold.of(POLICIES, TASK).run(items()))
    assert [[d.group for d in decisions] for _, decisions in together] == [["helmet", "tags"]] * 7
    for at, name in enumerate(("helmet", "tags")):
        fold = POLICIES[name].fold(TASK, name)
        state = fold.initial()
        for item, (states, decisions) in zip(items(), together, strict=True):
            state, decision = fold.step(state, item)
            assert (states[name], decisions[at]) == (state, decision)
            assert TaskFold.of(POLICIES, TASK).explain(states)[at] == fold.explain(state)
    assert together[-1][1][0].reason is Reason.CANNOT_JUDGE


@pytest.mark.parametrize("cut", range(8))
def test_states_that_were_written_down_are_gone_on_from(cut: int) -> None:
    fold = TaskFold.of(POLICIES, TASK)
    whole = [decisions for _, decisions in fold.run(items())]
    before = list(fold.run(items()[:cut]))
    states = json.loads(json.dumps(before[-1][0] if before else fold.initial()))
    after = TaskFold.of(POLICIES, TASK).run(items()[cut:], states)
    assert [decisions for _, decisions in before] + [decisions for _, decisions in after] == whole


def test_it_is_settled_once_all_groups_are() -> None:
    fold = TaskFold.of(POLICIES, TASK)
    assert fold.settled(fold.initial())
    settled = [fold.settled(states) for states, _ in fold.run(items())]
    # The helmet is forgotten after five seconds, which only the last tick tells; the tags are not.
    assert settled == [False] * 6 + [True]
    assert TaskFold.of({"tags": POLICIES["tags"]}, TASK).settled({"tags": fold.initial()["tags"]})


def test_only_groups_with_a_policy_are_folded() -> None:
    fold = TaskFold.of({"tags": POLICIES["tags"]}, TASK)
    assert [[d.group for d in decisions] for _, decisions in fold.run(items())] == [["tags"]] * 7


def test_what_is_refused() -> None:
    with pytest.raises(LabelError, match="shoes"):
        TaskFold.of({"shoes": POLICIES["tags"]}, TASK)
    fold = TaskFold.of(POLICIES, TASK)
    for states in ({}, {"helmet": fold.initial()["helmet"]}, fold.initial() | {"shoes": None}):
        with pytest.raises(UsageError, match="there are states of the groups"):
            list(fold.run(items(), states))

"""Every policy has what the protocols ask for, in their words."""

from __future__ import annotations

import inspect

import pytest

from decisight import protocols
from decisight.policies import POLICIES
from decisight.protocols import Fold, Policy
from decisight.types import LabelGroup, Task

TASKS = [
    Task((LabelGroup("class", ("a", "b")),)),
    Task((LabelGroup("class", ("a", "b"), "independent"),)),
]


def methods(protocol: type) -> dict[str, inspect.Signature]:
    found = inspect.getmembers(protocol, inspect.isfunction)
    return {name: inspect.signature(method) for name, method in found if not name.startswith("_")}


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.kind)
@pytest.mark.parametrize("name", POLICIES.names())
def test_a_policy_has_what_the_protocols_ask_for(name: str, task: Task) -> None:
    policy = POLICIES.build(name)
    fold = policy.fold(task, "class")
    for protocol, part in ((Policy, policy), (Fold, fold)):
        for method, wanted in methods(protocol).items():
            assert list(inspect.signature(getattr(part, method)).parameters) == list(wanted.parameters)[1:]
    assert isinstance(fold.fewest, int)
    assert fold.fewest >= 1
    assert isinstance(policy.shorthand, str)


def test_everything_of_the_protocols_is_explained() -> None:
    for name in protocols.__all__:
        protocol = getattr(protocols, name)
        assert inspect.getdoc(protocol)
        assert all(inspect.getdoc(getattr(protocol, method)) for method in methods(protocol))

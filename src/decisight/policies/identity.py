"""Which rule it is: a digest of a policy and of the labels that it decides on, equal for equal rules."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from decisight.policies.fold import STATE_VERSION
from decisight.protocols import Policy
from decisight.types import Task

__all__ = ["policy_digest", "state_mark"]

_MARKED = 16
"""Digits of the digest in a state: enough to tell rules apart, and a state is written often."""


def policy_digest(policy: Policy, task: Task, group: str) -> str:
    """The digest of a rule at work on one label group: ``sha256:`` and 64 hexadecimal digits.

    It is of the policy's canonical section, less what that says of other groups' labels; of the group's name and kind;
    and of its labels in order. However a setting is written (``5`` or ``"5"``, ``"2s"`` or ``"2000ms"``, a default said
    or not), it is the same; whatever else differs, it is another.

    Args:
        policy: the rule.
        task: the task that the group is of.
        group: the name of the group.

    Raises:
        LabelError: it has a setting for a label that the task does not have, or there is no such group.
        UsageError: a setting cannot be used.
    """
    found = task.group(group)
    others = {f"{g.name}:{label}" for g in task.groups if g.name != group for label in g.labels}
    section = {key: _without(value, others) for key, value in policy.to_section(task).items()}
    rule = {"policy": section, "group": found.name, "kind": found.kind, "labels": found.labels}
    text = json.dumps(rule, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def state_mark(policy: Policy, task: Task, group: str) -> str:
    """What a fold marks its states with, so that no other rule takes them up: a version, and the digest's first digits.

    Raises:
        LabelError: see :func:`policy_digest`.
        UsageError: see :func:`policy_digest`.
    """
    digest = policy_digest(policy, task, group).removeprefix("sha256:")
    return f"{STATE_VERSION}:{digest[:_MARKED]}"


def _without(value: Any, others: set[str]) -> Any:
    if not isinstance(value, Mapping):
        return value
    return {key: one for key, one in value.items() if key not in others}

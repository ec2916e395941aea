"""The state where nothing is sure enough, and what about its name is worth a warning."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from decisight.cli.console import warn

if TYPE_CHECKING:
    from decisight.protocols import Policy
    from decisight.types import Task

__all__ = ["warn_of_fallbacks"]


def warn_of_fallbacks(task: Task, policies: Mapping[str, Policy]) -> None:
    """Say so where a fall-back is a label too: from the state alone nobody can tell what it is.

    Args:
        task: whose label groups are decided on.
        policies: by the name of the group.
    """
    for name, policy in policies.items():
        if policy.fallback in task.group(name).labels:
            warn(
                f"the fall-back {policy.fallback!r} is also a label of {name!r}: from a state nobody can tell whether "
                "the label was accepted or nothing was sure enough",
                "choose another state as the fall-back",
            )

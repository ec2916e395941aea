"""How much a rule of decision lets through, and how much of that is right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from decisight.errors import UsageError
from decisight.evaluation.estimates import proportion
from decisight.evaluation.figures import Estimate
from decisight.evaluation.scored import cluster_numbers
from decisight.types import Decision, LabelGroup, Reason, Target, Task

__all__ = ["Acceptance", "acceptance"]


@dataclass(frozen=True, slots=True)
class Acceptance:
    """What became of the pictures of one exclusive group.

    Args:
        group: the label group.
        known: how many pictures had a known label.
        accepted: how many of them were decided, and not left to the fall-back.
        right: how many of these were decided rightly.
        share: the accepted share, ``accepted / known``.
        accuracy: ``right / accepted``; undefined where nothing was accepted.
    """

    group: LabelGroup
    known: int
    accepted: int
    right: int
    share: Estimate
    accuracy: Estimate

    def to_json(self) -> dict[str, Any]:
        """``known``, ``accepted``, ``share`` and ``accuracy``; the latter with ``None`` where undefined."""
        return {
            "known": self.known,
            "accepted": self.accepted,
            "share": self.share.to_json(),
            "accuracy": self.accuracy.to_json(),
        }


def acceptance(
    task: Task,
    targets: Sequence[Sequence[Target]],
    decisions: Sequence[Sequence[Decision]],
    *,
    sources: Sequence[str | None] | None = None,
) -> tuple[Acceptance, ...]:
    """The accepted share of every exclusive group, and the accuracy among what is accepted.

    In an independent group every picture is decided, so there is none.

    Args:
        task: the task.
        targets: N, one an example, each with one target a group.
        decisions: N, one an example, each with one decision a group.
        sources: N, what each example was cut from; ``None`` for its own source.

    Returns:
        One a group in which a label is known, in the task's order.

    Raises:
        UsageError: there are not as many decisions, or sources, as targets.
    """
    names = [None] * len(targets) if sources is None else list(sources)
    if not len(targets) == len(decisions) == len(names):
        raise UsageError(
            f"there are {len(targets)} targets, {len(decisions)} decisions and {len(names)} sources",
            hint="give one of each an example",
        )
    found = []
    for at, group in enumerate(task.groups):
        known = [row for row, target in enumerate(targets) if target[at] is not None]
        if not group.exclusive or not known:
            continue
        made = [decisions[row][at] for row in known]
        accepted = np.array([decision.reason is Reason.ACCEPTED for decision in made])
        right = np.array([decision.state == targets[row][at] for decision, row in zip(made, known, strict=True)])
        clusters = cluster_numbers([names[row] for row in known])
        found.append(
            Acceptance(
                group,
                known=len(known),
                accepted=int(accepted.sum()),
                right=int((accepted & right).sum()),
                share=proportion(accepted, clusters),
                accuracy=proportion(right[accepted], None if clusters is None else clusters[accepted]),
            )
        )
    return tuple(found)

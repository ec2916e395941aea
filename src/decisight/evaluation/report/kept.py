"""What a model file says of its thresholds and costs, and what becomes of it on the pictures at hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from decisight.evaluation.estimates import proportion
from decisight.evaluation.judging import Judged
from decisight.evaluation.scored import cluster_numbers
from decisight.evaluation.text import estimate_text
from decisight.models.promises import Promise
from decisight.types import Decision, Reason, Task

__all__ = ["Kept", "kept_here"]


@dataclass(frozen=True, slots=True)
class Kept:
    """An operating point or a promise of a model file.

    Args:
        name: of the label or the group.
        said: what the file says, a sentence each.
        here: what the decisions for the label are worth here; empty where that is not known.
        verdict: ``good``: within what was promised; ``bad``: clearly beyond; ``warn``: not to be judged here; else
            empty.
        complaints: why it does not hold here, a sentence each.
        promises: it is a promise, not only what was chosen and what that reached then.
    """

    name: str
    said: tuple[str, ...]
    here: str
    verdict: str = ""
    complaints: tuple[str, ...] = ()
    promises: bool = False


def kept_here(
    entry: Promise,
    said: Sequence[str],
    complaints: Sequence[str],
    task: Task,
    judged: Judged,
    decisions: Sequence[Sequence[Decision]],
    *,
    same: bool = False,
) -> Kept:
    """See what became of the decisions for a label that a model file says something of.

    Args:
        entry: what it says.
        said: the same in sentences.
        complaints: why it does not hold here.
        task: the model's.
        judged: N pictures.
        decisions: N, one decision a group.
        same: these are the pictures that it was found on.
    """
    sentences = tuple(sentence.strip() for sentence in said)
    promises = entry.kind == "max_error"
    at = next((at for at, group in enumerate(task.groups) if entry.key.startswith(f"{group.name}:")), None)
    if at is None or entry.label not in task.groups[at].labels:
        return Kept(entry.key, sentences, "", complaints=tuple(complaints), promises=promises)
    right, sources = [], []
    for example, made in zip(judged.examples, decisions, strict=True):
        target, decision = example.targets[at], made[at]
        if target is None or decision.reason is not Reason.ACCEPTED:
            continue
        if entry.label == decision.state or (isinstance(decision.state, tuple) and entry.label in decision.state):
            right.append(target == entry.label if isinstance(target, str) else entry.label in target)
            sources.append(example.source)
    if not right:
        return Kept(
            entry.key, sentences, "Here nothing is decided as it.", complaints=tuple(complaints), promises=promises
        )
    wrong = ~np.array(right, np.bool_)
    share = proportion(wrong, cluster_numbers(sources))
    here = f"Here {int(wrong.sum())} of {len(wrong)} decisions for it are wrong, {estimate_text(share)}."
    if same:
        here = f"{here} It was found on these very pictures, so that says nothing of others."
        return Kept(entry.key, sentences, here, "warn", tuple(complaints), promises)
    verdict = ""
    if entry.kind == "max_error" and entry.wanted is not None:
        if share.low > entry.wanted:
            verdict, here = "bad", f"{here} That is clearly more than was promised."
        elif share.value <= entry.wanted:
            verdict, here = "good", f"{here} That is within what was promised."
        else:
            here = f"{here} That is more than was promised, but may be chance."
    return Kept(entry.key, sentences, here, verdict, tuple(complaints), promises)

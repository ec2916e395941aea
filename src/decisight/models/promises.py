"""What a model file promises of its thresholds and costs: which of it still holds, where something else decides.

``ModelCard.promises`` has an entry by ``group:label`` for each threshold that was tuned, and by ``group`` for costs. It
is what a file says that anybody may have made: entries that are not understood promise nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from decisight.types import Task, resolve_thresholds

if TYPE_CHECKING:
    from decisight.models.card import ModelCard
    from decisight.types import Runtime

__all__ = ["KINDS", "Promise", "broken", "entries", "kept", "with_thresholds"]

KINDS = ("max_error", "min_precision", "min_recall", "best_f1", "least_cost")
"""What a threshold, or a rule, was chosen for; only the first is a promise."""


@dataclass(frozen=True, slots=True)
class Promise:
    """What a model file says of one threshold, or of the costs of one group.

    Args:
        key: ``group:label``; of costs the group.
        kind: one of :data:`KINDS`.
        threshold: what was found; ``None`` of costs.
        wanted: how much was asked for; ``None`` of costs and of the best.
        runtime: with which runtime it was found, as ``name:precision``; empty where it does not say.
        min_familiarity: below which familiarity a picture was not decided there.
        values: all that is said.
    """

    key: str
    kind: str
    threshold: float | None
    wanted: float | None
    runtime: str
    min_familiarity: float | None
    values: Mapping[str, Any]

    @property
    def label(self) -> str:
        """The label, or the group of costs."""
        return self.key.partition(":")[2] or self.key


def entries(promises: Mapping[str, Any]) -> Iterator[Promise]:
    """The entries of a card that are understood, in its order."""
    for key, values in promises.items():
        if not isinstance(values, dict) or values.get("kind") not in KINDS:
            continue
        runtime = values.get("runtime")
        named = [runtime.get(part) for part in ("name", "precision")] if isinstance(runtime, dict) else []
        yield Promise(
            key,
            str(values["kind"]),
            _number(values.get("threshold")),
            _number(values.get("wanted")),
            ":".join(str(part) for part in named if isinstance(part, str)),
            _number(values.get("min_familiarity")),
            values,
        )


def kept(
    promises: Mapping[str, Any],
    task: Task,
    thresholds: Mapping[str, float],
    *,
    costs: bool = False,
    min_familiarity: float | None = None,
) -> dict[str, Any]:
    """What of the promises still speaks of what decides.

    Args:
        promises: of a card.
        task: the model's.
        thresholds: those that decide now, by ``label`` or ``group:label``.
        costs: whether costs decide now, the same as before.
        min_familiarity: below which familiarity pictures are not decided now.
    """
    bars = resolve_thresholds(task, thresholds)
    return {
        entry.key: entry.values
        for entry in entries(promises)
        if (entry.min_familiarity or None) == (min_familiarity or None)
        and (costs if entry.kind == "least_cost" else not costs and bars.get(entry.key) == entry.threshold)
    }


def with_thresholds(card: ModelCard, thresholds: Mapping[str, float]) -> ModelCard:
    """The card with other thresholds: with the promises of those that stay, and without costs, which they replace.

    Raises:
        LabelError: a threshold is for a label that the task does not have, or that stands in two groups.
        UsageError: a threshold does not lie in 0..1, or two are given for one label.
    """
    remaining = kept(card.promises, card.task, thresholds, min_familiarity=card.min_familiarity)
    return replace(card, thresholds=dict(thresholds), costs={}, promises=remaining)


def broken(
    card: ModelCard,
    *,
    thresholds: Mapping[str, float],
    runtime: Runtime | None = None,
    min_familiarity: float | None = None,
) -> list[str]:
    """Which promises of a maximum error do not hold where it is decided otherwise than where they were found.

    Args:
        card: of the model.
        thresholds: those that decide, by ``group:label``.
        runtime: what computes; ``None``: not known yet.
        min_familiarity: below which familiarity pictures are not decided.

    Returns:
        A sentence each, without a full stop; none where all hold.
    """
    found = []
    for entry in entries(card.promises):
        if entry.kind != "max_error" or entry.threshold is None or entry.wanted is None:
            continue
        why = ""
        bar = thresholds.get(entry.key)
        computing = "" if runtime is None else f"{runtime.name}:{runtime.precision}"
        if bar != entry.threshold:
            why = f"it is of the threshold {entry.threshold:g}, and {'none' if bar is None else f'{bar:g}'} decides"
        elif computing and entry.runtime and computing != entry.runtime:
            why = f"it was found with the runtime {entry.runtime}, and {computing} computes"
        elif (entry.min_familiarity or None) != (min_familiarity or None):
            asked = [f"{least:g}" if least else "none" for least in (entry.min_familiarity, min_familiarity)]
            why = f"it was found where the least familiarity was {asked[0]}, and it is {asked[1]}"
        if why:
            most = f"{100.0 * entry.wanted:.3g} %"
            found.append(f"the promise that at most {most} of {entry.label!r} is wrong does not hold: {why}")
    return found


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value)
    except OverflowError:
        return None

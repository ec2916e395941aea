"""Which labelled pictures a model is judged by, and what became of them, in words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from decisight.cli.console import warn
from decisight.errors import UsageError
from decisight.types import Decision, Reason

if TYPE_CHECKING:
    from decisight.data.dataset import Dataset, Skipped
    from decisight.evaluation.acceptance import Acceptance
    from decisight.policies.least_cost import ImageRule
    from decisight.types import Task

__all__ = [
    "Chosen",
    "acceptance_lines",
    "chosen_part",
    "familiarity_lines",
    "limits",
    "refused",
    "say_skipped",
    "spread_sources",
    "tuning_part",
]

_NAMED = 20
"""How many skipped pictures are named; the others are counted."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """The part of a dataset that a model is judged by.

    Args:
        dataset: its examples.
        split: its name; ``None`` where it is all of the data.
        leave_out_seen: pictures that the model was trained on are passed over.
    """

    dataset: Dataset
    split: str | None
    leave_out_seen: bool


def chosen_part(dataset: Dataset, split: str | None) -> Chosen:
    """The part that was asked for.

    Args:
        dataset: all of the data.
        split: ``train``, ``val``, ``test`` or ``all``; ``None`` for ``test``, and where the data is not divided, for
            all that the model was not trained on.

    Raises:
        UsageError: the data has no such split.
    """
    from decisight.imaging import printable

    name = printable(dataset.root)
    if split == "all" or (split is None and not dataset.splits):
        return Chosen(dataset, None, leave_out_seen=split is None)
    if not dataset.splits:
        raise UsageError(
            f"{name} is not divided, so there is no split {split!r}",
            hint="leave out --split: pictures that the model was trained on are recognised and passed over",
        )
    wanted = split or "test"
    if wanted not in dataset.splits:
        have = ", ".join(dataset.splits)
        raise UsageError(
            f"{name} has no split {wanted!r}; it has: {have}", hint=f"for example --split {dataset.splits[-1]}"
        )
    return Chosen(dataset.only(wanted), wanted, leave_out_seen=False)


def spread_sources(dataset: Dataset, part: Chosen) -> str:
    """Which sources of the part have pictures in the data's training part too, in words; empty where none has."""
    from decisight.data import checks
    from decisight.imaging import printable

    if part.split in (None, "train"):
        return ""
    both = tuple(example for example in dataset.examples if example.split in ("train", part.split))
    shared = checks.spread_sources(replace(dataset, examples=both))
    if not shared:
        return ""
    named = ", ".join(printable(source) for source in shared[:3]) + (", ..." if len(shared) > 3 else "")
    return f"{len(shared)} source(s) have pictures in train as well as in {part.split} ({named})"


def tuning_part(dataset: Dataset, split: str | None, *, fitted: bool = True) -> Chosen:
    """The part that thresholds are chosen by: never one that the model has learnt from.

    Args:
        dataset: all of the data.
        split: ``train``, ``val``, ``test`` or ``all``; ``None`` for ``val``, where there is none for ``test``, and
            where the data is not divided, for all that the model was not trained on.
        fitted: something is fitted to them; else they only tell what follows.

    Raises:
        UsageError: the data has no such split, or nothing but a training part.
    """
    from decisight.imaging import printable

    if split is None and dataset.splits:
        split = next((name for name in ("val", "test") if name in dataset.splits), None)
        if split is None:
            raise UsageError(
                f"{printable(dataset.root)} has a training part only, and nothing that is found there holds for others",
                hint="give pictures that the model has not learnt from",
            )
        if split == "test" and fitted:
            warn(
                "there is no split val, so the thresholds are chosen by test: what evaluate says of them on these "
                "pictures flatters from now on",
                "keep some pictures aside to choose thresholds by, as a split val",
            )
    elif split is None and fitted:
        warn(
            "the data is not divided, so the thresholds are chosen by all pictures that the model has not learnt from: "
            "what evaluate says of them on these pictures flatters from now on"
        )
    return chosen_part(dataset, split)


def limits(task: Task, rule: ImageRule) -> dict[str, float]:
    """The confidence from which on each label is accepted, by ``group:label``: given, or what holds without."""
    from decisight.policies.ballot import PRESENT, ballots
    from decisight.policies.least_cost import LeastCost

    found: dict[str, float] = {}
    if isinstance(rule, LeastCost):
        for group, tables in zip(task.groups, rule.tables(task), strict=True):
            odds = [0.0] * len(group.labels) if group.exclusive else [table.even_odds for table in tables]
            found |= {f"{group.name}:{label}": bar for label, bar in zip(group.labels, odds, strict=True)}
        return found
    for group in task.groups:
        rules = ballots(task, group, rule.thresholds, {}, default=rule.default_threshold)
        bars = rules[0].enter if group.exclusive else [ballot.enter[PRESENT] for ballot in rules]
        found |= {f"{group.name}:{label}": bar for label, bar in zip(group.labels, bars, strict=True)}
    return found


def acceptance_lines(task: Task, rule: ImageRule, accepted: Iterable[Acceptance]) -> Iterator[str]:
    """What the thresholds do in each group that has any: what they let through, and how much of that is right."""
    from decisight.evaluation.text import estimate_text
    from decisight.policies.least_cost import LeastCost
    from decisight.policies.threshold import INDEPENDENT_THRESHOLD

    found = {acceptance.group.name: acceptance for acceptance in accepted}
    if isinstance(rule, LeastCost):
        for one in found.values():
            right = f"; of these {one.right} are right, {estimate_text(one.accuracy)}" if one.accepted else ""
            yield (
                f"{one.group.name}: by the costs in the model {one.accepted} of {one.known} pictures are decided, "
                f"{estimate_text(one.share)}{right}; the others are {rule.fallback!r}."
            )
        return
    for group in task.groups:
        keys = {f"{group.name}:{label}": label for label in group.labels}
        chosen = {keys[key]: value for key, value in rule.thresholds.items() if key in keys}
        own = ", ".join(f"{label} {value:g}" for label, value in chosen.items())
        if rule.min_familiarity and group.exclusive:
            own += f"{', ' if own else ''}familiarity {rule.min_familiarity:g}"
        if own and group.name in found:
            one = found[group.name]
            right = f"; of these {one.right} are right, {estimate_text(one.accuracy)}" if one.accepted else ""
            yield (
                f"{group.name}: with the thresholds ({own}) {one.accepted} of {one.known} pictures are decided, "
                f"{estimate_text(one.share)}{right}; the others are {rule.fallback!r}."
            )
        elif own and not group.exclusive:
            rest = "" if len(chosen) == len(group.labels) else f", the others from {INDEPENDENT_THRESHOLD:g}"
            yield f"{group.name}: labels are predicted from these confidences on: {own}{rest}."


def refused(decisions: Iterable[Sequence[Decision]]) -> int:
    """How many pictures were not decided on since they are unfamiliar."""
    return sum(any(decision.reason is Reason.UNFAMILIAR for decision in made) for made in decisions)


def familiarity_lines(rule: ImageRule, decisions: Sequence[Sequence[Decision]]) -> Iterator[str]:
    """What becomes of unfamiliar pictures, where a least familiarity is asked for."""
    if rule.min_familiarity:
        yield (
            f"{refused(decisions)} of {len(decisions)} pictures are less familiar than {rule.min_familiarity:g}, so "
            f"{rule.fallback!r}; the figures above are of all of them."
        )


def say_skipped(skipped: Sequence[Skipped]) -> None:
    """Name what was left out, and why: the first ones, and how many others, on standard error."""
    from decisight.imaging import printable

    if not skipped:
        return
    lines = [f"  {printable(s.path)}: {printable(s.why)}" for s in skipped[:_NAMED]]
    if len(skipped) > _NAMED:
        lines.append(f"  ... and {len(skipped) - _NAMED} more")
    warn("\n".join([f"{len(skipped)} left out:", *lines]))

"""What ``decisight tune`` was asked for: which threshold is to reach what, by label."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from decisight.cli.options import ReportFormat
from decisight.cli.regions import RegionRequest
from decisight.errors import UsageError

if TYPE_CHECKING:
    from decisight.types import Task

__all__ = ["TuneOptions", "Wish", "check_wishes", "wishes"]

_BEST = ("f1",)


@dataclass(frozen=True, slots=True)
class TuneOptions:
    """What ``decisight tune`` was asked for; see its help."""

    model: str
    data: Path
    output: Path | None = None
    max_errors: Sequence[str] = ()
    assurance: float = 0.95
    jointly: bool = False
    costs: Path | None = None
    min_precisions: Sequence[str] = ()
    min_recalls: Sequence[str] = ()
    best: Sequence[str] = ()
    min_familiarity: float | None = None
    split: str | None = None
    groups: Sequence[str] | None = None
    source_pattern: str | None = None
    regions: RegionRequest = field(default_factory=RegionRequest)
    threads: int | None = None
    runtime: str | None = None
    format: ReportFormat = ReportFormat.TEXT


@dataclass(frozen=True, slots=True)
class Wish:
    """What the threshold of one label is to reach.

    Args:
        kind: ``max_error``, ``min_precision``, ``min_recall`` or ``best_f1``.
        amount: how much of it; ``None`` of the best.
    """

    kind: str
    amount: float | None


def check_wishes(options: TuneOptions) -> None:
    """Refuse what cannot be meant, before a model is loaded.

    Raises:
        UsageError: nothing is asked for, costs and thresholds are, or a number cannot be used.
    """
    by_label = bool(options.max_errors or options.min_precisions or options.min_recalls or options.best)
    if not by_label and options.costs is None:
        raise UsageError(
            "it is not said what is to be tuned",
            hint="for example --max-error vest=0.05, --costs costs.yaml, --min-precision vest=0.9 or --best f1",
        )
    if by_label and options.costs is not None:
        raise UsageError(
            "costs decide in place of thresholds, and both are asked for",
            hint="tune by --costs, or by --max-error, --min-precision, --min-recall and --best",
        )
    _parsed(options)


def wishes(options: TuneOptions, task: Task, known: Sequence[str]) -> dict[str, Wish]:
    """What is asked for, by ``group:label``, in the task's order.

    Args:
        options: what was asked for.
        task: the model's.
        known: the names of the groups of which the data know something: those that what is asked for all labels is for.

    Raises:
        LabelError: it is for a label that the model does not have, or that stands in two groups.
        UsageError: two things are asked for one label, or its group is not in the data.
    """
    found: dict[str, Wish] = {}
    for_all: list[Wish] = []
    for label, wish in _parsed(options):
        if label is None:
            for_all.append(wish)
            continue
        group, name = task.find(label)
        key = f"{group.name}:{name}"
        if key in found:
            raise UsageError(f"two things are asked of the threshold of {label!r}", hint="ask for one for each label")
        if group.name not in known:
            raise UsageError(
                f"the data say nothing of the group {group.name!r}, so {label!r} cannot be tuned by them",
                hint=f"they know: {', '.join(known)}",
            )
        found[key] = wish
    if len(for_all) > 1:
        raise UsageError(
            "two things are asked of the thresholds of all labels", hint="ask for one of all, others by label"
        )
    keys = [f"{g.name}:{label}" for g in task.groups if g.name in known for label in g.labels]
    return {key: found[key] if key in found else for_all[0] for key in keys if key in found or for_all}


def _parsed(options: TuneOptions) -> list[tuple[str | None, Wish]]:
    """Each label, or ``None`` for all, with what is asked for it."""
    from decisight.evaluation.operating.bounds import check_assurance, check_max_error

    check_assurance(options.assurance)
    found: list[tuple[str | None, Wish]] = []
    for kind, texts in (
        ("max_error", options.max_errors),
        ("min_precision", options.min_precisions),
        ("min_recall", options.min_recalls),
    ):
        name = f"--{kind.replace('_', '-')}"
        for text in texts:
            label, value = _divided(text)
            try:
                amount = float(value)
            except ValueError:
                raise UsageError(
                    f"{name} {text!r} is not understood", hint=f"write it as {name} LABEL=0.05, or {name} 0.05 for all"
                ) from None
            if kind == "max_error":
                check_max_error(amount)
            elif not 0.0 < amount <= 1.0:
                raise UsageError(f"{name} {text!r} cannot be reached", hint="give a share above 0 and at most 1")
            found.append((label, Wish(kind, amount)))
    for text in options.best:
        label, value = _divided(text)
        if value not in _BEST:
            raise UsageError(
                f"--best {text!r} is not understood", hint="write it as --best f1, or --best LABEL=f1 for one label"
            )
        found.append((label, Wish("best_f1", None)))
    return found


def _divided(text: str) -> tuple[str | None, str]:
    label, equals, value = (part.strip() for part in text.rpartition("="))
    return (label or None) if equals else None, value

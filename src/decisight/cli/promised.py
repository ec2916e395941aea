"""Warnings where what a model promises, or the costs it was tuned by, do not hold for what is done with it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from decisight.cli.console import warn

if TYPE_CHECKING:
    from decisight.models.classifier import Classifier
    from decisight.policies.least_cost import ImageRule

__all__ = ["warn_of_costs", "warn_of_promises", "warn_of_promises_over_several"]


def warn_of_promises(model: Classifier, rule: ImageRule) -> None:
    """Say, in one line, which promises do not hold where single pictures are decided.

    Args:
        model: with its runtime.
        rule: that decides.
    """
    from decisight.imaging import printable
    from decisight.models.promises import broken

    if not model.card.promises:
        return
    found = broken(
        model.card,
        thresholds=getattr(rule, "thresholds", {}),
        runtime=model.runtime,
        min_familiarity=rule.min_familiarity,
    )
    if found:
        more = f"; nor do {len(found) - 1} more" if len(found) > 1 else ""
        warn(printable(found[0] + more))


def warn_of_costs(model: Classifier, rules: Iterable[object]) -> None:
    """Say, in one line, that a model was tuned by costs, and that something else decides.

    Args:
        model: the model.
        rules: policies, or rules of a single image, that decide.
    """
    from decisight.imaging import printable
    from decisight.policies.least_cost import LeastCost

    others = {str(getattr(rule, "name", "")) for rule in rules if not isinstance(rule, LeastCost)}
    if model.card.costs and others:
        warn(
            f"the costs that {printable(model.name)} was tuned by do not decide here, for none of the labels that the "
            f"policy {printable(' or '.join(sorted(others)))} is for",
            "leave out --threshold, or take the policy least_cost, to decide by what costs least",
        )


def warn_of_promises_over_several(models: Iterable[Classifier]) -> None:
    """Say, in one line a model, that what it promises is of single pictures, where several are decided on together."""
    from decisight.imaging import printable
    from decisight.models.promises import entries

    told = set()
    for model in models:
        labels = [entry.label for entry in entries(model.card.promises) if entry.kind == "max_error"]
        if labels and model.name not in told:
            told.add(model.name)
            warn(
                printable(
                    f"what {model.name} promises of {', '.join(map(repr, labels[:5]))} is of single pictures like "
                    "those it was tuned by: nothing is promised of pictures that follow one another"
                )
            )

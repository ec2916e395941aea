"""What a model file promises, in words."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeGuard

if TYPE_CHECKING:
    from decisight.models.promises import Promise

__all__ = ["described", "origin", "percent"]

_FIGURES = {"precision": "precision", "recall": "recall", "f1": "F1"}
_MANY = 100
"""From how much on an amount is shown without what stands behind the point."""
_AIMS = {"min_precision": "a precision of", "min_recall": "a recall of", "best_f1": "the best F1"}


def described(entry: Promise) -> Iterator[str]:
    """One entry of what a model file promises, in a few sentences; the first names the label or the group.

    What a file says that anybody may have made is shown as far as it can be understood.
    """
    values = entry.values
    if entry.kind == "least_cost":
        yield from _costs(entry)
        return
    bar = "?" if entry.threshold is None else f"{entry.threshold:g}"
    yield f"{entry.key}: accepted from {bar} on"
    if entry.kind == "max_error":
        yield from _promise(entry)
    else:
        yield from _point(entry)
    yield (
        f"  {_count(values, 'pictures_accepted')} of {_count(values, 'pictures')} pictures are accepted for it, "
        f"{_share(values.get('accepted_share'))}; of the {_count(values, 'pictures_with_label')} that have the label "
        f"{_share(values.get('found_share'))}."
    )


def origin(entry: Promise) -> str:
    """On which pictures it was found, with which runtime, and when."""
    data = entry.values.get("data")
    facts = data if isinstance(data, dict) else {}
    split = f", split {facts['split']}" if isinstance(facts.get("split"), str) else ""
    least = "" if not entry.min_familiarity else f", from a familiarity of {entry.min_familiarity:g} on"
    return (
        f"  Found on {_count(facts, 'pictures')} pictures of {facts.get('name', '?')}{split}, with "
        f"{entry.runtime or 'a runtime that is not known'}{least}, on {entry.values.get('date', '?')}."
    )


def _promise(entry: Promise) -> Iterator[str]:
    values, unit = entry.values, "source" if entry.values.get("unit") == "source" else "picture"
    together = (
        f", together with {jointly - 1} more"
        if isinstance(jointly := values.get("jointly"), int) and jointly > 1
        else ""
    )
    yield (
        f"  Promised, with an assurance of {percent(values.get('assurance'))}{together}: at most "
        f"{percent(entry.wanted)} of what is accepted as {entry.label!r} is wrong"
        + (", each source counted once." if unit == "source" else ".")
    )
    yield (
        f"  Found: {_count(values, 'errors')} of {_count(values, 'accepted')} accepted {unit}s are wrong, by which at "
        f"most {percent(values.get('bound'))} are."
    )


def _point(entry: Promise) -> Iterator[str]:
    wanted = "" if entry.wanted is None else f" {entry.wanted:g}"
    yield f"  Chosen for {_AIMS[entry.kind]}{wanted}. It promises nothing:"
    for name, where in (("here", "on these pictures"), ("elsewhere", "on others")):
        figures = entry.values.get(name)
        if isinstance(figures, dict):
            told = ", ".join(f"{title} {_share(figures.get(key))}" for key, title in _FIGURES.items())
            yield f"  {where}: {told}."


def _costs(entry: Promise) -> Iterator[str]:
    values = entry.values
    yield f"{entry.key}: decided by what costs least"
    for name, title in (("before", "before"), ("after", "from now on")):
        looks, wrong = _count(values, f"looks_{name}"), _count(values, f"wrong_{name}")
        yield (
            f"  {title}: {_amount(values.get(name))} per 1,000 pictures; of {_count(values, 'pictures')} {wrong} are "
            f"wrong, and {looks} left to a person"
        )
    saved = values.get("saved")
    if isinstance(saved, dict) and _is_number(value := saved.get("value")) and value < 0:
        turned = {"value": saved.get("value"), "low": saved.get("high"), "high": saved.get("low")}
        more = {name: -number if _is_number(number) else None for name, number in turned.items()}
        yield f"  more than before, on these pictures: {_amount(more)}"
    else:
        low = saved.get("low") if isinstance(saved, dict) else None
        unsure = ": it may also cost more" if _is_number(low) and low < 0 else ""
        yield f"  saved, on these pictures: {_amount(saved)}{unsure}"
    before, after = values.get("wrong_before"), values.get("wrong_after")
    if _is_number(before) and _is_number(after) and before < after:
        yield "  More is decided wrongly than before; what counts is what mistakes cost, and not how many there are."


def _count(values: Mapping[str, Any], name: str) -> str:
    value = values.get(name)
    return f"{value}" if isinstance(value, int) and not isinstance(value, bool) else "?"


def percent(value: Any) -> str:
    """A share as people write it; of what is no number, ``? %``."""
    return f"{100.0 * value:.3g} %" if _is_number(value) else "? %"


def _share(value: Any) -> str:
    numbers = [value.get(name) for name in ("value", "low", "high")] if isinstance(value, dict) else []
    if not numbers or not all(map(_is_number, numbers)):
        return "not known"
    return f"{numbers[0]:.3f} ({numbers[1]:.3f} to {numbers[2]:.3f})"


def _amount(value: Any) -> str:
    said = [value.get(name) for name in ("value", "low", "high")] if isinstance(value, dict) else []
    numbers = [float(number) for number in said if _is_number(number)]
    if len(numbers) < len(("value", "low", "high")):
        return "not known"
    value, low, high = (f"{number:,.0f}" if abs(number) >= _MANY else f"{number:.3g}" for number in numbers)
    return f"{value} ({low} to {high})"


def _is_number(value: Any) -> TypeGuard[float]:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:  # a whole number that is larger than any float
        return False

"""What ``decisight tune`` found, in words; and what ``info`` says of what a model file promises."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from decisight.errors import DataError

if TYPE_CHECKING:
    from decisight.cli.judging import Chosen
    from decisight.cli.tune_request import TuneOptions
    from decisight.evaluation.judging import Judged
    from decisight.evaluation.operating.decisions import LabelDecisions
    from decisight.evaluation.operating.guarantee import Shortfall
    from decisight.models.classifier import Classifier
    from decisight.models.promises import Entry

__all__ = ["described", "lines", "refusal"]

_WIDTH = 100
_FIGURES = {"precision": "precision", "recall": "recall", "f1": "F1"}
_FEW = "this promises nothing: it is what was found, and what to expect elsewhere"
_SINGLE = (
    "A promise is for single pictures drawn like these, from the same cameras, places and times. It is not for the "
    "pictures of a video: those that follow one another are wrong together."
)


def refusal(of_labels: Mapping[str, LabelDecisions], short: Mapping[str, Shortfall]) -> DataError:
    """Why nothing is promised, for each label that it fails at, and how many pictures it would take.

    Args:
        of_labels: the decisions for each label.
        short: what is lacking, by ``group:label``.
    """
    told = [_lack(of_labels[key].label, one) for key, one in short.items()]
    return DataError(
        "this cannot be promised, and nothing is written:\n" + "\n".join(f"  {line}" for line in told),
        hint="give more pictures that the model has not learnt from, or ask for less: a larger --max-error, which is "
        "to be decided before looking at what is found, or a lower --assurance",
    )


def _lack(label: str, short: Shortfall) -> str:
    unit = "source" if short.in_sources else "picture"
    asked = f"at most {_percent(short.max_error)} wrong at {_percent(short.assurance)} assurance"
    units_needed = "" if short.units_needed is None else f"; about {short.units_needed:,} {unit}s like these would do"
    if short.threshold is None:
        decided = f"{short.decisions} of {short.units} {unit}s are decided for it, {short.errors} of them wrongly"
        return (
            f"{label!r}: {asked} takes at least {short.fewest:,} {unit}s accepted for it without an error; "
            f"{decided}{units_needed}"
        )
    if short.units_needed is None:
        units_needed = "; no number of pictures would do, unless the model gets better"
    return (
        f"{label!r}: {asked} is not shown by these pictures: from {short.threshold:g} on {short.accepted} {unit}s are "
        f"accepted, {short.errors} of them wrongly (at least {short.fewest:,} without an error would be needed)"
        f"{units_needed}"
    )


def lines(
    options: TuneOptions, model: Classifier, chosen: Chosen, judged: Judged, entries: Mapping[str, Mapping[str, Any]]
) -> Iterator[str]:
    """The report."""
    from decisight.imaging import printable
    from decisight.models.promises import entries as understood

    which = f", split {chosen.split}" if chosen.split else ""
    passed_over = f"; {judged.seen} seen in training are passed over" if chosen.leave_out_seen and judged.seen else ""
    yield f"{printable(model.name)} on {printable(options.data)}{which}: {len(judged)} pictures{passed_over}"
    found = list(understood(entries))
    for entry in found:
        yield ""
        for text in described(entry):
            yield textwrap.fill(text, _WIDTH, subsequent_indent="  ", break_on_hyphens=False)
    yield ""
    if any(entry.kind == "max_error" for entry in found):
        several = sum(entry.kind == "max_error" for entry in found) > 1
        yield textwrap.fill(_SINGLE, _WIDTH)
        if several and not options.jointly:
            yield textwrap.fill(
                "Each promise stands for itself; with --jointly the assurance is that all of them hold.", _WIDTH
            )
        runtime = model.runtime
        yield textwrap.fill(
            f"It holds where {runtime.name} computes in {runtime.precision}, and the threshold stays as it is.", _WIDTH
        )
        yield ""
    yield (
        "nothing is written: name a file with -o"
        if options.output is None
        else (f"written to {printable(options.output)}")
    )


def described(entry: Entry) -> Iterator[str]:
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


def _promise(entry: Entry) -> Iterator[str]:
    values, unit = entry.values, "source" if entry.values.get("unit") == "source" else "picture"
    together = (
        f", together with {jointly - 1} more"
        if isinstance(jointly := values.get("jointly"), int) and jointly > 1
        else ""
    )
    yield (
        f"  Promised, with an assurance of {_percent(values.get('assurance'))}{together}: at most "
        f"{_percent(entry.wanted)} of what is accepted as {entry.label!r} is wrong"
        + (", each source counted once." if unit == "source" else ".")
    )
    yield (
        f"  Found: {_count(values, 'errors')} of {_count(values, 'accepted')} accepted {unit}s are wrong, by which at "
        f"most {_percent(values.get('bound'))} are."
    )


def _point(entry: Entry) -> Iterator[str]:
    aims = {"min_precision": "a precision of", "min_recall": "a recall of", "best_f1": "the best F1"}
    wanted = "" if entry.wanted is None else f" {entry.wanted:g}"
    yield f"  Chosen for {aims[entry.kind]}{wanted}; {_FEW}:"
    for name, where in (("here", "on these pictures"), ("elsewhere", "on others")):
        figures = entry.values.get(name)
        if isinstance(figures, dict):
            told = ", ".join(f"{title} {_share(figures.get(key))}" for key, title in _FIGURES.items())
            yield f"  {where}: {told}."


def _costs(entry: Entry) -> Iterator[str]:
    values = entry.values
    yield f"{entry.key}: decided by what costs least"
    for name, title in (("before", "before"), ("after", "from now on"), ("saved", "saved")):
        looks, wrong = values.get(f"looks_{name}"), values.get(f"wrong_{name}")
        of = f"; {wrong} of {_count(values, 'pictures')} wrong, {looks} left to a person" if name != "saved" else ""
        yield f"  {title}: {_amount(values.get(name))} per 1,000 pictures{of}"


def _count(values: Mapping[str, Any], name: str) -> str:
    value = values.get(name)
    return f"{value}" if isinstance(value, int) and not isinstance(value, bool) else "?"


def _percent(value: Any) -> str:
    return f"{100.0 * value:.3g} %" if _is_number(value) else "? %"


def _share(value: Any) -> str:
    numbers = [value.get(name) for name in ("value", "low", "high")] if isinstance(value, dict) else []
    if not numbers or not all(map(_is_number, numbers)):
        return "not known"
    return f"{numbers[0]:.3f} ({numbers[1]:.3f} to {numbers[2]:.3f})"


def _amount(value: Any) -> str:
    numbers = [value.get(name) for name in ("value", "low", "high")] if isinstance(value, dict) else []
    if not numbers or not all(map(_is_number, numbers)):
        return "not known"
    return f"{numbers[0]:,.4g} ({numbers[1]:,.4g} to {numbers[2]:,.4g})"


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)

"""What ``decisight tune`` found, or did not, in words."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from decisight.cli.promise_text import described, percent
from decisight.errors import DataError

if TYPE_CHECKING:
    from decisight.cli.judging import Chosen
    from decisight.cli.tune_request import TuneOptions
    from decisight.evaluation.judging import Judged
    from decisight.evaluation.operating.decisions import LabelDecisions
    from decisight.evaluation.operating.guarantee import Shortfall
    from decisight.models.classifier import Classifier

__all__ = ["lines", "refusal"]

_WIDTH = 100
_SINGLE = (
    "A promise is for single pictures drawn like these, from the same cameras, places and times. It is not for the "
    "pictures of a video: those that follow one another are wrong together."
)
_EACH_SOURCE = (
    "Each source counts once: take one accepted picture of each of many sources, and of these so many are wrong at "
    "most. Of all their pictures together it may be more, where sources with many pictures are wrong oftener."
)
_ASSURANCE = (
    "The assurance: so many of all the times that one asks like this do not end in a promise that is broken. A promise "
    "that was got after several refusals, or with other figures each time, is worth less."
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
    from decisight.evaluation.operating.bounds import MOST_NEEDED

    unit = "source" if short.in_sources else "picture"
    fewest = f"more than {MOST_NEEDED:,}" if short.fewest >= MOST_NEEDED else f"at least {short.fewest:,}"
    asked = f"at most {percent(short.max_error)} wrong at {percent(short.assurance)} assurance"
    units_needed = "" if short.units_needed is None else f"; about {short.units_needed:,} {unit}s like these would do"
    if short.threshold is None:
        decided = f"{short.decisions} of {short.units} {unit}s are decided for it, {short.errors} of them wrongly"
        return f"{label!r}: {asked} takes {fewest} {unit}s accepted for it without an error; {decided}{units_needed}"
    if short.units_needed is None:
        units_needed = "; no number of pictures would do, unless the model gets better"
    return (
        f"{label!r}: {asked} is not shown by these pictures: from {short.threshold:g} on {short.accepted} {unit}s are "
        f"accepted, {short.errors} of them wrongly ({fewest} without an error would be needed)"
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
        if any(entry.kind == "max_error" and entry.values.get("unit") == "source" for entry in found):
            yield textwrap.fill(_EACH_SOURCE, _WIDTH)
        yield textwrap.fill(_ASSURANCE, _WIDTH)
        if several and not options.jointly:
            yield textwrap.fill(
                "Each promise stands for itself; with --jointly the assurance is that all of them hold.", _WIDTH
            )
        runtime = model.runtime
        yield textwrap.fill(
            f"It holds where {runtime.name} computes in {runtime.precision}, and the threshold stays as it is; for "
            "another runtime, tune with --runtime.",
            _WIDTH,
        )
        yield ""
    yield (
        "nothing is written: name a file with -o"
        if options.output is None
        else (f"written to {printable(options.output)}")
    )

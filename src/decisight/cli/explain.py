"""``decisight explain``: where a model looks in one picture, and what speaks for and against a label."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from decisight.cli import output
from decisight.cli.console import say, warn
from decisight.cli.options import ReportFormat
from decisight.cli.predict import load_model
from decisight.cli.regions import RegionRequest, RegionWatch, warn_of_whole_pictures
from decisight.cli.renderings import LOW_FAMILIARITY, familiarity_text, low_familiarity
from decisight.errors import OutputError, UsageError
from decisight.files import printable, storable

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from decisight.explaining.explainer import Explainer
    from decisight.explaining.explanation import Explanation
    from decisight.models.classifier import Classifier
    from decisight.regions import Region
    from decisight.types import Prediction

__all__ = ["ExplainOptions", "run"]

_FORMATS = {".png": "png", ".jpg": "jpeg", ".jpeg": "jpeg"}
_MOST = 24
"""Explanations on one sheet: more can be looked at by nobody."""


@dataclass(frozen=True, slots=True)
class ExplainOptions:
    """What ``decisight explain`` was asked for; see its help."""

    model: str
    picture: str
    labels: Sequence[str] = ()
    output: Path | None = None
    format: ReportFormat = ReportFormat.TEXT
    threads: int | None = None
    runtime: str | None = None
    regions: RegionRequest = field(default_factory=RegionRequest)


@dataclass(frozen=True, slots=True)
class _Explained:
    """An explanation, the region that was looked at (``None``: all of the picture), and what the model says of it."""

    region: str | None
    explanation: Explanation
    prediction: Prediction


def run(options: ExplainOptions) -> int:
    """Explain one picture.

    Returns:
        The exit status, 0.

    Raises:
        DecisightError: it cannot be explained, or not be written as asked.
    """
    from decisight.cli.explanation_sheet import write_sheet
    from decisight.explaining.explainer import Explainer
    from decisight.models.classifier import as_pixels

    if options.output is not None:
        _check_place(options.output, options)
    regions = options.regions.regions()
    model = load_model(options.model, threads=options.threads, runtime=options.runtime)
    explainer = Explainer(model)
    watch = RegionWatch(model.card.data, options.regions.size())
    if not regions:
        warn_of_whole_pictures(model.card.data)
    for label in options.labels:
        model.task.find(label)
    if os.path.isdir(options.picture):
        raise UsageError(
            f"{printable(options.picture)} is a folder, not a picture",
            hint="name one picture, or let decisight predict MODEL FOLDER --explain WHY draw all of them",
        )
    pixels = as_pixels(options.picture)
    explained = _explained(
        explainer, pixels, [watch.over(region) for region in regions], list(dict.fromkeys(options.labels))
    )
    if options.output is not None:
        _check_number(explained)
        titled = [(_title(one, model), one.explanation) for one in explained]
        write_sheet(options.output, pixels, titled, kind=_FORMATS[options.output.suffix.lower()])
    for text in watch.complaints:
        warn(text)
    if options.format is ReportFormat.JSON:
        say(json.dumps(_as_json(explainer, explained, options), indent=2, ensure_ascii=True))
    else:
        _print(explainer, explained, options)
    return 0


def _explained(
    explainer: Explainer, pixels: npt.NDArray[np.uint8], regions: Sequence[Region], labels: Sequence[str]
) -> list[_Explained]:
    from decisight.models.classifier import Part

    found = []
    places: Sequence[Region | None] = regions or [None]
    for region in places:
        picture = pixels if region is None else Part(pixels, region)
        said = explainer.model.predict(picture)
        name = None if region is None else region.name
        explanations = explainer.explain(picture, labels or None, prediction=said)
        found += [_Explained(name, explanation, said) for explanation in explanations]
    return found


def _check_place(place: Path, options: ExplainOptions) -> None:
    """Make sure that a sheet can be written, and that neither the picture nor the model is lost by it.

    Raises:
        OutputError: it cannot be written, has no name of a picture, or is the picture or the model.
    """
    if place.suffix.lower() not in _FORMATS:
        raise OutputError(
            f"{printable(place)} has no name of a picture that can be written",
            hint="end it in .png or .jpg, for example heat.png",
        )
    output.check_file(place, example="heat.png")
    output.check_apart([place], {"the picture": options.picture, "the model": options.model})


def _check_number(explained: Sequence[_Explained]) -> None:
    if len(explained) > _MOST:
        raise UsageError(
            f"{len(explained)} explanations are too many for one sheet; the limit is {_MOST}",
            hint="name the labels that matter with --label, or fewer regions",
        )


def _title(one: _Explained, model: Classifier) -> str:
    found = one.explanation
    label = f"{found.group}: {found.label}" if len(model.task.groups) > 1 else found.label
    place = "" if one.region is None else f"{one.region}, "
    return f"{place}{label} {found.confidence:.4f}"


def _as_json(explainer: Explainer, explained: Sequence[_Explained], options: ExplainOptions) -> dict[str, object]:
    found = []
    for one in explained:
        region = {} if one.region is None else {"region": one.region}
        said = {**one.prediction.familiarity_json(), "sentences": one.explanation.sentences()}
        found.append({**region, **one.explanation.to_json(), **said})
    written = {} if options.output is None else {"output": storable(str(options.output))}
    model = explainer.model
    return {
        "image": storable(options.picture),
        "model": {"name": model.name, "digest": model.file.graph_digest},
        "runtime": model.runtime.to_json(),
        "evidence_runtime": explainer.runtime.to_json(),
        "explanations": found,
        **written,
    }


def _print(explainer: Explainer, explained: Sequence[_Explained], options: ExplainOptions) -> None:
    model = explainer.model
    low = model.card.low_familiarity(LOW_FAMILIARITY)
    for number, one in enumerate(explained):
        found = one.explanation
        if number:
            say()
        place = printable(options.picture) + ("" if one.region is None else f", {one.region}")
        label = f"{found.group}: {found.label}" if len(model.task.groups) > 1 else found.label
        say(f"{place}: {label}, confidence {found.confidence:.4f}{_of_evidence(explainer, found)}")
        if low_familiarity(one.prediction, low):
            known = familiarity_text(one.prediction)
            say(f"  The picture is unfamiliar (familiarity {known}): what is said of it may mean nothing.")
        if len(found.by_tap) > 1:
            say(f"  by depth: {', '.join(f'{tap} {value:+.2f}' for tap, value in found.by_tap.items())}")
        for sentence in found.sentences():
            say(f"  {sentence}")
    if options.output is not None:
        say(f"written to {printable(options.output)}")


def _of_evidence(explainer: Explainer, found: Explanation) -> str:
    """The confidence that the evidence adds up to, where that is seen to be another one."""
    own = f"{found.evidence_confidence:.4f}"
    if own == f"{found.confidence:.4f}":
        return ""
    answered, computed = explainer.model.runtime, explainer.runtime
    return f" ({answered.name} in {answered.precision}; the evidence adds up to {own}, in {computed.precision})"

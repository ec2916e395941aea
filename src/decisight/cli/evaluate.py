"""``decisight evaluate``: judge a model on labelled pictures that it has not learnt from."""

from __future__ import annotations

import json
import sys
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from decisight.cli import output
from decisight.cli.console import progress_bars, say, terminal, warn
from decisight.cli.judging import Chosen, acceptance_lines, chosen_part, familiarity_lines, limits, refused, say_skipped
from decisight.cli.predict import check_output, load_model, rule_for, storable
from decisight.cli.regions import RegionRequest, RegionWatch, warn_of_whole_pictures
from decisight.cli.renderings import csv_cells, csv_columns, csv_row
from decisight.types import Answer, Decision

if TYPE_CHECKING:
    from decisight.data.dataset import Dataset
    from decisight.evaluation.acceptance import Acceptance
    from decisight.evaluation.evaluate import Evaluation
    from decisight.evaluation.judging import Judged
    from decisight.models.classifier import Classifier
    from decisight.policies.threshold import Threshold
    from decisight.regions import Region

__all__ = ["EvaluateOptions", "run"]


@dataclass(frozen=True, slots=True)
class EvaluateOptions:
    """What ``decisight evaluate`` was asked for; see its help."""

    model: str
    data: Path
    split: str | None = None
    json: Path | None = None
    folder: Path | None = None
    source_pattern: str | None = None
    groups: Sequence[str] | None = None
    thresholds: Sequence[str] = ()
    min_familiarity: float | None = None
    regions: RegionRequest = field(default_factory=RegionRequest)
    threads: int | None = None
    runtime: str | None = None

    @property
    def json_only(self) -> bool:
        """Whether standard output is to hold nothing but JSON."""
        return self.json == Path("-")


@dataclass(frozen=True, slots=True)
class _Outcome:
    """A model, the pictures it was judged by, and what was found."""

    model: Classifier
    rule: Threshold
    limits: dict[str, float]
    chosen: Chosen
    judged: Judged
    decisions: list[tuple[Decision, ...]]
    evaluation: Evaluation
    accepted: tuple[Acceptance, ...]
    regions: tuple[Region, ...]

    def to_json(self, options: EvaluateOptions, left_out: int) -> dict[str, Any]:
        """What was judged by what, and the figures."""
        reference = self.model.reference
        return {
            "model": {"name": reference.name, "digest": reference.digest},
            "runtime": self.model.runtime.to_json(),
            "data": storable(str(options.data)),
            "split": self.chosen.split,
            "regions": {region.name: region.text for region in self.regions},
            "pictures": len(self.judged),
            "seen_in_training": self.judged.seen,
            "left_out": left_out,
            "thresholds": self.limits,
            "fallback": self.rule.fallback,
            "min_familiarity": self.rule.min_familiarity or None,
            "unfamiliar": refused(self.decisions),
            "accepted": {accepted.group.name: accepted.to_json() for accepted in self.accepted},
            **self.evaluation.to_json(),
        }


def run(options: EvaluateOptions) -> int:
    """Evaluate a model and print, and write, what was found.

    Returns:
        The exit status, 0; pictures that could not be read are named.

    Raises:
        DecisightError: nothing can be evaluated or written as asked.
    """
    from decisight.data.reading import read_dataset
    from decisight.data.regions import with_regions

    _check_outputs(options)
    regions = options.regions.regions()
    model = load_model(options.model, threads=options.threads, runtime=options.runtime)
    rule = rule_for(model, options.thresholds, None, options.min_familiarity)
    dataset = read_dataset(options.data, groups=options.groups, source_pattern=options.source_pattern, task=model.task)
    watch = RegionWatch(model.card.data, options.regions.size())
    dataset = with_regions(dataset, [watch.over(region) for region in regions])
    part = chosen_part(dataset, options.split)
    if all(example.region is None for example in part.dataset.examples):
        warn_of_whole_pictures(model.card.data)
    outcome = _judge(model, rule, part, regions)
    skipped = (*dataset.skipped, *outcome.judged.skipped)
    say_skipped(skipped)
    for text in watch.complaints:
        warn(text)
    _warn_of_training(outcome)
    _warn_of_sources(dataset, outcome.chosen)
    if not options.json_only:
        _report(options, outcome)
    _write(options, outcome, json.dumps(outcome.to_json(options, len(skipped)), indent=2, ensure_ascii=False) + "\n")
    return 0


def _judge(model: Classifier, rule: Threshold, chosen: Chosen, regions: tuple[Region, ...]) -> _Outcome:
    from decisight.evaluation.acceptance import acceptance
    from decisight.evaluation.evaluate import evaluate
    from decisight.evaluation.judging import judge

    with progress_bars(terminal(sys.stderr)) as progress:
        judged = judge(
            model,
            chosen.dataset,
            seen=model.card.seen_in_training,
            leave_out_seen=chosen.leave_out_seen,
            progress=progress,
        )
    decisions = [rule.decide(prediction) for prediction in judged.predictions]
    targets, sources = judged.targets, judged.sources
    thresholds = limits(model.task, rule)
    evaluation = evaluate(model.task, targets, judged.confidences, sources=sources, thresholds=thresholds)
    accepted = acceptance(model.task, targets, decisions, sources=sources)
    return _Outcome(model, rule, thresholds, chosen, judged, decisions, evaluation, accepted, regions)


def _check_outputs(options: EvaluateOptions) -> None:
    if options.json is not None and not options.json_only:
        check_output(options.json, options.model, example="evaluation.json")
    if options.folder is not None:
        output.check_folder(options.folder)


def _warn_of_training(outcome: _Outcome) -> None:
    """Say where pictures that were learnt from are, or may be, among those that the model is judged by."""
    judged, left_out = outcome.judged, outcome.chosen.leave_out_seen
    if judged.seen and not left_out:
        warn(f"{judged.seen} of {len(judged)} pictures were seen in training: the figures flatter the model")
    if left_out and "seen" not in outcome.model.card.data:
        warn("the model does not say which pictures it was trained on: if these are among them, the figures flatter it")


def _warn_of_sources(dataset: Dataset, part: Chosen) -> None:
    """Say which sources of the part have pictures in the data's training part too."""
    from decisight.data.checks import spread_sources
    from decisight.imaging import printable

    if part.split in (None, "train"):
        return
    both = tuple(example for example in dataset.examples if example.split in ("train", part.split))
    shared = spread_sources(replace(dataset, examples=both))
    if shared:
        named = ", ".join(printable(source) for source in shared[:3]) + (", ..." if len(shared) > 3 else "")
        warn(
            f"{len(shared)} source(s) have pictures in train as well as in {part.split} ({named}): "
            "the figures flatter the model",
            "divide the data so that each source is in one part",
        )


def _report(options: EvaluateOptions, outcome: _Outcome) -> None:
    from decisight.evaluation.text import WIDTH, report
    from decisight.imaging import printable

    chosen, judged = outcome.chosen, outcome.judged
    which = f", split {chosen.split}" if chosen.split else ""
    which += "".join(f", region {region.name}" for region in outcome.regions)
    passed_over = f"; {judged.seen} seen in training are passed over" if chosen.leave_out_seen and judged.seen else ""
    name, data = printable(outcome.model.name), printable(options.data)
    say(f"{name} on {data}{which}: {len(judged)} pictures{passed_over}\n")
    screen = terminal(sys.stdout)
    width = screen.width if screen else WIDTH
    say(report(outcome.evaluation, width=width))
    familiar = familiarity_lines(outcome.rule, outcome.decisions)
    for text in (*familiar, *acceptance_lines(outcome.model.task, outcome.rule, outcome.accepted)):
        say("\n" + textwrap.fill(text, width))


def _write(options: EvaluateOptions, outcome: _Outcome, text: str) -> None:
    from decisight.imaging import printable

    if options.json_only:
        with output.standard_output(utf8=True) as stream:
            stream.write(text)
    elif options.json is not None:
        with output.replacing(options.json) as stream:
            stream.write(text)
    if options.folder is not None:
        written = _write_folder(options.folder, outcome, text)
        if not options.json_only:
            say(f"\nwritten to {printable(options.folder)}: {', '.join(path.name for path in written)}")


def _write_folder(folder: Path, outcome: _Outcome, text: str) -> list[Path]:
    from decisight.evaluation.plots import write_plots

    judged, model = outcome.judged, outcome.model
    figures, table, task = folder / "evaluation.json", folder / "predictions.csv", model.task
    with output.replacing(figures) as stream:
        stream.write(text)
    with output.replacing(table) as stream:
        in_parts = any(example.region is not None for example in judged.examples)
        familiar = bool(model.card.familiarity)
        stream.write(csv_row(csv_columns(task, actual=True, region=in_parts, familiarity=familiar)))
        for example, prediction, made in zip(judged.examples, judged.predictions, outcome.decisions, strict=True):
            region = None if example.region is None else example.region.name
            answer = Answer(storable(str(example.path)), model.reference, prediction, made, region=region)
            stream.write(csv_row(csv_cells(answer, task, example.targets, region=in_parts, familiarity=familiar)))
    with output.staging(folder) as beside:
        plots = write_plots(
            task,
            judged.targets,
            judged.confidences,
            beside,
            sources=judged.sources,
            thresholds=outcome.limits,
        )
    return [figures, table, *(folder / path.name for path in plots)]

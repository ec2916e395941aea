"""``decisight evaluate``: judge a model on labelled pictures that it has not learnt from."""

from __future__ import annotations

import json
import sys
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
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
    from decisight.policies.least_cost import ImageRule
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
    report: Path | None = None
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
    rule: ImageRule
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
    remarks = list(_seen_in_training(outcome))
    for text in remarks:
        warn(text)
    for text in (spread := list(_spread_sources(dataset, outcome.chosen))):
        warn(text, "divide the data so that each source is in one part")
    if not options.json_only:
        _report(options, outcome)
    text = json.dumps(outcome.to_json(options, len(skipped)), indent=2, ensure_ascii=False) + "\n"
    _write(options, outcome, text)
    if options.report is not None:
        _write_report(options, options.report, outcome, text, (*watch.complaints, *remarks, *spread), len(skipped))
    return 0


def _judge(model: Classifier, rule: ImageRule, chosen: Chosen, regions: tuple[Region, ...]) -> _Outcome:
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
    for folder in (options.folder, options.report):
        if folder is not None:
            output.check_folder(folder)


def _seen_in_training(outcome: _Outcome) -> Iterator[str]:
    """Where pictures that were learnt from are, or may be, among those that the model is judged by."""
    judged, left_out = outcome.judged, outcome.chosen.leave_out_seen
    if judged.seen and not left_out:
        yield f"{judged.seen} of {len(judged)} pictures were seen in training: the figures flatter the model"
    if left_out and "seen" not in outcome.model.card.data:
        yield "the model does not say which pictures it was trained on: if these are among them, the figures flatter it"


def _spread_sources(dataset: Dataset, part: Chosen) -> Iterator[str]:
    """Which sources of the part have pictures in the data's training part too."""
    from decisight.data.checks import spread_sources
    from decisight.imaging import printable

    if part.split in (None, "train"):
        return
    both = tuple(example for example in dataset.examples if example.split in ("train", part.split))
    shared = spread_sources(replace(dataset, examples=both))
    if shared:
        named = ", ".join(printable(source) for source in shared[:3]) + (", ..." if len(shared) > 3 else "")
        yield (
            f"{len(shared)} source(s) have pictures in train as well as in {part.split} ({named}): "
            "the figures flatter the model"
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

    judged = outcome.judged
    tables = _write_tables(folder, outcome, text)
    with output.staging(folder) as beside:
        plots = write_plots(
            outcome.model.task,
            judged.targets,
            judged.confidences,
            beside,
            sources=judged.sources,
            thresholds=outcome.limits,
        )
    return [*tables, *(folder / path.name for path in plots)]


def _write_report(
    options: EvaluateOptions, folder: Path, outcome: _Outcome, text: str, remarks: tuple[str, ...], left_out: int
) -> None:
    """Write the page, and beside it what it is made from."""
    from decisight.evaluation.report import PAGE_NAME, Subject, write_report
    from decisight.imaging import printable

    subject = Subject(
        model=outcome.model,
        judged=outcome.judged,
        decisions=tuple(outcome.decisions),
        evaluation=outcome.evaluation,
        accepted=outcome.accepted,
        thresholds=outcome.limits,
        fallback=outcome.rule.fallback,
        data=options.data,
        split=outcome.chosen.split,
        date=datetime.now().astimezone().strftime("%Y-%m-%d %H:%M %Z"),
        left_out=left_out,
        remarks=tuple(f"{text[:1].upper()}{text[1:]}." for text in remarks),
        rule=tuple(acceptance_lines(outcome.model.task, outcome.rule, outcome.accepted)),
    )
    tables = () if folder == options.folder else _write_tables(folder, outcome, text)
    with progress_bars(terminal(sys.stderr)) as progress:
        written = write_report(folder / PAGE_NAME, subject, progress=progress)
    if not options.json_only:
        names = ", ".join((PAGE_NAME, *(path.name for path in tables)))
        say(f"\nwritten to {printable(folder)}: {names} ({written.bytes / 1e6:.1f} MB, {written.shown} pictures)")


def _write_tables(folder: Path, outcome: _Outcome, text: str) -> list[Path]:
    """Write the figures, and every picture with its confidences."""
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
    return [figures, table]

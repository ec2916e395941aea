"""``decisight evaluate``: judge a model on labelled pictures that it has not learnt from."""

from __future__ import annotations

import json
import sys
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from decisight.cli import output
from decisight.cli.console import progress_bars, say, terminal, warn
from decisight.cli.evaluate_files import TABLES, Outcome, write_folder, write_report
from decisight.cli.judging import Chosen, chosen_part, limits, say_skipped, spread_sources
from decisight.cli.predict import check_output, load_model, rule_for
from decisight.cli.promised import warn_of_costs
from decisight.cli.regions import RegionRequest, RegionWatch, warn_of_whole_pictures
from decisight.cli.unfamiliar import warn_of_familiarity

if TYPE_CHECKING:
    from decisight.evaluation.guide import GroupCosts
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
    costs: Path | None = None
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
        return self.json == output.STANDARD_OUTPUT


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
    warn_of_familiarity(model.card, [rule.min_familiarity])
    warn_of_costs(model, [rule])
    dataset = read_dataset(options.data, groups=options.groups, source_pattern=options.source_pattern, task=model.task)
    watch = RegionWatch(model.card.data, options.regions.size())
    dataset = with_regions(dataset, [watch.over(region) for region in regions])
    part = chosen_part(dataset, options.split)
    if all(example.region is None for example in part.dataset.examples):
        warn_of_whole_pictures(model.card.data)
    costs = _costs(model, rule, options.costs)
    outcome = _judge(model, rule, part, regions)
    skipped = (*dataset.skipped, *outcome.judged.skipped)
    say_skipped(skipped)
    remarks = [*watch.complaints, *_seen_in_training(outcome)]
    for text in remarks:
        warn(text)
    if spread := spread_sources(dataset, outcome.chosen):
        spread += ": the figures flatter the model"
        warn(spread, "divide the data so that each source is in one part")
    remarks += [spread] * bool(spread)
    outcome = replace(
        outcome,
        data=options.data,
        costs=costs,
        costs_given=options.costs is not None,
        left_out=len(skipped),
        remarks=tuple(remarks),
    )
    if not options.json_only:
        _report(options, outcome)
    _write(options, outcome)
    return 0


def _costs(model: Classifier, rule: ImageRule, given: Path | None) -> dict[str, GroupCosts]:
    """What mistakes cost in each group, as the user says, else as the model does; without those that cost all the same.

    Raises:
        UsageError: the file cannot be read or used.
        LabelError: it names what the model does not have.
    """
    from decisight.evaluation.guide import GroupCosts
    from decisight.policies.cost_files import read_costs
    from decisight.policies.least_cost import LeastCost

    said = rule if given is None else read_costs(given, model.task)
    if not isinstance(said, LeastCost):
        return {}
    tables = zip(model.task.groups, said.tables(model.task), strict=True)
    return {group.name: costs for group, own in tables if (costs := GroupCosts.of(own)) is not None}


def _judge(model: Classifier, rule: ImageRule, chosen: Chosen, regions: tuple[Region, ...]) -> Outcome:
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
    return Outcome(model, rule, thresholds, chosen, judged, decisions, evaluation, accepted, regions)


def _check_outputs(options: EvaluateOptions) -> None:
    if options.json is not None and not options.json_only:
        check_output(options.json, options.model, example="evaluation.json")
    files = [] if options.json is None else [options.json]
    for folder in (options.folder, options.report):
        if folder is not None:
            output.check_folder(folder)
            files += [folder / name for name in TABLES]
    if options.report is not None:
        from decisight.evaluation.report import PAGE_NAME

        files.append(options.report / PAGE_NAME)
    output.check_apart(files, {"the model": options.model, "the data": options.data, "the costs": options.costs})


def _seen_in_training(outcome: Outcome) -> Iterator[str]:
    """Where pictures that were learnt from are, or may be, among those that the model is judged by."""
    judged, left_out = outcome.judged, outcome.chosen.leave_out_seen
    if judged.seen and not left_out:
        yield f"{judged.seen} of {len(judged)} pictures were seen in training: the figures flatter the model"
    if left_out and "seen" not in outcome.model.card.data:
        yield "the model does not say which pictures it was trained on: if these are among them, the figures flatter it"


def _report(options: EvaluateOptions, outcome: Outcome) -> None:
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
    say(report(outcome.evaluation, width=width, costs=outcome.costs))
    for text in outcome.lines():
        say("\n" + textwrap.fill(text, width))


def _write(options: EvaluateOptions, outcome: Outcome) -> None:
    from decisight.imaging import printable

    text = json.dumps(outcome.to_json(), indent=2, ensure_ascii=False) + "\n"
    output.write_json(text, options.json)
    for folder, write in ((options.folder, write_folder), (options.report, write_report)):
        if folder is not None:
            written = write(folder, outcome, text)
            if not options.json_only:
                say(f"\nwritten to {printable(folder)}: {', '.join(path.name for path in written)}")

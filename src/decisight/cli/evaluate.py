"""``decisight evaluate``: judge a model on labelled pictures that it has not learnt from."""

from __future__ import annotations

import json
import sys
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from decisight.cli import output
from decisight.cli.console import progress_bars, say, terminal, warn
from decisight.cli.judging import Judged, Part, judge, part_of, say_skipped
from decisight.cli.predict import check_output, load_model, rule_for
from decisight.cli.renderings import csv_cells, csv_columns, csv_row

if TYPE_CHECKING:
    from decisight.data.dataset import Dataset
    from decisight.evaluation.evaluate import Evaluation

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
    threads: int | None = None

    @property
    def json_only(self) -> bool:
        """Whether standard output is to hold nothing but JSON."""
        return self.json == Path("-")


def run(options: EvaluateOptions) -> int:
    """Evaluate a model and print, and write, what was found.

    Returns:
        The exit status, 0; pictures that could not be read are named.

    Raises:
        DecisightError: nothing can be evaluated or written as asked.
    """
    from decisight.data.reading import read_dataset
    from decisight.evaluation.evaluate import evaluate

    _check_outputs(options)
    model = load_model(options.model, threads=options.threads)
    rule = rule_for(model, options.thresholds, None)
    dataset = read_dataset(options.data, groups=options.groups, source_pattern=options.source_pattern, task=model.task)
    part = part_of(dataset, options.split)
    with progress_bars(terminal(sys.stderr)) as progress:
        judged = judge(model, rule, part, progress)
    evaluation = evaluate(
        model.task, judged.targets, judged.confidences(), sources=judged.sources, thresholds=rule.thresholds
    )
    say_skipped((*dataset.skipped, *judged.skipped))
    _warn_of_training(part, judged)
    _warn_of_sources(dataset, part)
    if not options.json_only:
        _report(options, part, judged, evaluation)
    _write(options, judged, json.dumps(evaluation.to_json(), indent=2, ensure_ascii=False) + "\n")
    return 0


def _check_outputs(options: EvaluateOptions) -> None:
    if options.json is not None and not options.json_only:
        check_output(options.json, options.model, example="evaluation.json")
    if options.folder is not None:
        output.check_folder(options.folder)


def _warn_of_training(part: Part, judged: Judged) -> None:
    """Say where pictures that were learnt from are, or may be, among those that the model is judged by."""
    if judged.seen and not part.leave_out_seen:
        warn(f"{judged.seen} of {len(judged.examples)} pictures were seen in training: the figures flatter the model")
    if part.leave_out_seen and "seen" not in judged.model.card.data:
        warn("the model does not say which pictures it was trained on: if these are among them, the figures flatter it")


def _warn_of_sources(dataset: Dataset, part: Part) -> None:
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


def _report(options: EvaluateOptions, part: Part, judged: Judged, evaluation: Evaluation) -> None:
    from decisight.evaluation.text import WIDTH, report
    from decisight.imaging import printable

    which = f", split {part.split}" if part.split else ""
    passed_over = f"; {judged.seen} seen in training are passed over" if part.leave_out_seen and judged.seen else ""
    name, data = printable(judged.model.name), printable(options.data)
    say(f"{name} on {data}{which}: {len(judged.examples)} pictures{passed_over}\n")
    screen = terminal(sys.stdout)
    width = screen.width if screen else WIDTH
    say(report(evaluation, width=width))
    for text in judged.with_thresholds():
        say("\n" + textwrap.fill(text, width))


def _write(options: EvaluateOptions, judged: Judged, text: str) -> None:
    from decisight.imaging import printable

    if options.json_only:
        with output.standard_output(utf8=True) as stream:
            stream.write(text)
    elif options.json is not None:
        with output.replacing(options.json) as stream:
            stream.write(text)
    if options.folder is not None:
        written = _write_folder(options.folder, judged, text)
        if not options.json_only:
            say(f"\nwritten to {printable(options.folder)}: {', '.join(path.name for path in written)}")


def _write_folder(folder: Path, judged: Judged, text: str) -> list[Path]:
    from decisight.evaluation.plots import write_plots

    figures, table, task = folder / "evaluation.json", folder / "predictions.csv", judged.model.task
    with output.replacing(figures) as stream:
        stream.write(text)
    with output.replacing(table) as stream:
        stream.write(csv_row(csv_columns(task, actual=True)))
        for answer, targets in zip(judged.answers, judged.targets, strict=True):
            stream.write(csv_row(csv_cells(answer, task, targets)))
    with output.staging(folder) as beside:
        plots = write_plots(
            task,
            judged.targets,
            judged.confidences(),
            beside,
            sources=judged.sources,
            thresholds=judged.rule.thresholds,
        )
    return [figures, table, *(folder / path.name for path in plots)]

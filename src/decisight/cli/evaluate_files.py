"""What ``decisight evaluate`` found, and the files that it is written to."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from decisight.cli import output
from decisight.cli.console import progress_bars, terminal
from decisight.cli.judging import Chosen, acceptance_lines, familiarity_lines, refused
from decisight.cli.renderings import csv_cells, csv_columns, csv_row
from decisight.files import storable
from decisight.types import Answer, Decision

if TYPE_CHECKING:
    from decisight.evaluation.acceptance import Acceptance
    from decisight.evaluation.evaluate import Evaluation
    from decisight.evaluation.guide import GroupCosts
    from decisight.evaluation.judging import Judged
    from decisight.evaluation.report import Kept
    from decisight.models.card import ModelCard
    from decisight.models.classifier import Classifier
    from decisight.policies.least_cost import ImageRule
    from decisight.regions import Region

__all__ = ["TABLES", "Outcome", "write_folder", "write_report"]

TABLES = ("evaluation.json", "predictions.csv")
"""What stands beside plots, and beside the page."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """A model, the pictures it was judged by, and what was found.

    Args:
        model: the model.
        rule: by which single pictures are decided on.
        limits: the confidences from which on labels are accepted, by ``group:label``.
        chosen: the part of the data.
        judged: its pictures, and what the model said of them.
        decisions: what the rule made of that.
        evaluation: the figures.
        accepted: what the rule let through.
        regions: what was looked at of every picture.
        data: where the pictures were read from.
        costs: what mistakes cost, by group.
        costs_given: the user has said so, not the model: they choose figures, and decide nothing.
        left_out: how many pictures could not be used.
        remarks: what has to be known before a figure is trusted.
    """

    model: Classifier
    rule: ImageRule
    limits: dict[str, float]
    chosen: Chosen
    judged: Judged
    decisions: list[tuple[Decision, ...]]
    evaluation: Evaluation
    accepted: tuple[Acceptance, ...]
    regions: tuple[Region, ...]
    data: Path = Path()
    costs: dict[str, GroupCosts] = field(default_factory=dict)
    costs_given: bool = False
    left_out: int = 0
    remarks: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """What was judged by what, the figures, and which of them to trust."""
        from decisight.evaluation.guide import advise

        reference = self.model.reference
        advice = {one.group.name: advise(one, self.costs.get(one.group.name)) for one in self.evaluation.groups}
        return {
            "model": {"name": reference.name, "digest": reference.digest},
            "runtime": self.model.runtime.to_json(),
            "data": storable(str(self.data)),
            "split": self.chosen.split,
            "regions": {region.name: region.text for region in self.regions},
            "pictures": len(self.judged),
            "seen_in_training": self.judged.seen,
            "left_out": self.left_out,
            "thresholds": self.limits,
            "fallback": self.rule.fallback,
            "min_familiarity": self.rule.min_familiarity or None,
            "unfamiliar": refused(self.decisions),
            "accepted": {accepted.group.name: accepted.to_json() for accepted in self.accepted},
            "costs": {name: costs.matrix.tolist() for name, costs in self.costs.items()},
            "guide": {name: one.to_json() for name, one in advice.items()},
            **self.evaluation.to_json(),
        }

    def lines(self) -> Iterator[str]:
        """What the rule does with these pictures, a sentence each."""
        yield from familiarity_lines(self.rule, self.decisions)
        yield from acceptance_lines(self.model.task, self.rule, self.accepted)
        if self.costs_given:
            yield (
                "Your costs say which figures count. They decide nothing here: decisight tune --costs makes a rule of "
                "them."
            )


def write_folder(folder: Path, outcome: Outcome, text: str) -> list[Path]:
    """Write figures, predictions and plots: all of them, or none.

    Args:
        folder: that they are written into.
        outcome: what was found.
        text: the figures, as JSON.

    Returns:
        The files.

    Raises:
        OutputError: one cannot be written.
    """
    from decisight.evaluation.plots import write_plots

    judged = outcome.judged
    with output.staging(folder) as beside:
        tables = _write_tables(beside, outcome, text)
        plots = write_plots(
            outcome.model.task,
            judged.targets,
            judged.confidences,
            beside,
            sources=judged.sources,
            thresholds=outcome.limits,
        )
    return [folder / path.name for path in (*tables, *plots)]


def write_report(folder: Path, outcome: Outcome, text: str) -> list[Path]:
    """Write the page, and figures and predictions beside it: all of them, or none.

    Args:
        folder: that they are written into.
        outcome: what was found.
        text: the figures, as JSON.

    Returns:
        The files.

    Raises:
        OutputError: one cannot be written.
    """
    from decisight.evaluation import report

    subject = report.Subject(
        model=outcome.model,
        judged=outcome.judged,
        decisions=tuple(outcome.decisions),
        evaluation=outcome.evaluation,
        thresholds=outcome.limits,
        data=outcome.data,
        split=outcome.chosen.split,
        date=datetime.now().astimezone().strftime("%Y-%m-%d %H:%M %Z"),
        regions=tuple(region.text for region in outcome.regions),
        costs=outcome.costs,
        left_out=outcome.left_out,
        remarks=tuple(f"{remark[:1].upper()}{remark[1:]}." for remark in outcome.remarks),
        rule=tuple(outcome.lines()),
        kept=tuple(_kept(outcome)),
    )
    with output.staging(folder) as beside:
        tables = _write_tables(beside, outcome, text)
        page = beside / report.PAGE_NAME
        with progress_bars(terminal(sys.stderr)) as progress:
            report.write_report(page, subject, progress=progress)
    return [folder / path.name for path in (page, *tables)]


def _kept(outcome: Outcome) -> Iterator[Kept]:
    """What the model file says of its thresholds and costs, and what becomes of it here."""
    from decisight.cli.promise_text import described
    from decisight.data.digests import data_digest
    from decisight.evaluation.report import kept_here
    from decisight.models.promises import broken, entries

    card, rule = outcome.model.card, outcome.rule
    if not card.promises:
        return
    here = data_digest(outcome.judged.examples, outcome.judged.digests)
    for entry in entries(card.promises):
        data = entry.values.get("data")
        same = isinstance(data, dict) and data.get("digest") == here
        alone = broken(
            _alone(card, entry.key),
            thresholds=getattr(rule, "thresholds", {}),
            runtime=outcome.model.runtime,
            min_familiarity=rule.min_familiarity,
        )
        said = list(described(entry))
        yield kept_here(entry, said, alone, outcome.model.task, outcome.judged, outcome.decisions, same=same)


def _alone(card: ModelCard, key: str) -> ModelCard:
    return replace(card, promises={key: card.promises[key]})


def _write_tables(folder: Path, outcome: Outcome, text: str) -> list[Path]:
    """Write the figures, and every picture with its confidences."""
    judged, model = outcome.judged, outcome.model
    figures, table, task = *(folder / name for name in TABLES), model.task
    with output.replacing(figures) as stream:
        stream.write(text)
    with output.replacing(table) as stream:
        in_parts = any(example.region is not None for example in judged.examples)
        sourced = any(example.source is not None for example in judged.examples)
        familiar = bool(model.card.familiarity)
        columns = csv_columns(task, actual=True, region=in_parts, familiarity=familiar)
        stream.write(csv_row([*columns, *["source"] * sourced]))
        for example, prediction, made in zip(judged.examples, judged.predictions, outcome.decisions, strict=True):
            region = None if example.region is None else example.region.name
            answer = Answer(storable(str(example.path)), model.reference, prediction, made, region=region)
            cells = csv_cells(answer, task, example.targets, region=in_parts, familiarity=familiar)
            stream.write(csv_row([*cells, *[example.source or ""] * sourced]))
    return [figures, table]

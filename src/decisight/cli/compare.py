"""``decisight compare``: two models beside each other, on the same labelled pictures."""

from __future__ import annotations

import json
import sys
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from decisight.cli import output
from decisight.cli.compared import Compared, Side, compared_pictures, csv_rows, said_of
from decisight.cli.console import progress_bars, say, terminal, warn
from decisight.cli.judging import Chosen, chosen_part, say_skipped, spread_sources
from decisight.cli.predict import check_output, load_model, rule_for
from decisight.cli.regions import RegionRequest, RegionWatch, warn_of_whole_pictures
from decisight.errors import LabelError, UsageError
from decisight.files import storable

if TYPE_CHECKING:
    from decisight.evaluation.paired import PairedGroup
    from decisight.evaluation.requirement import Requirement, RequirementResult
    from decisight.models.classifier import Classifier
    from decisight.types import LabelGroup, Task

__all__ = ["CompareOptions", "run"]

_Same: TypeAlias = Literal["nothing", "confidences", "decisions"]
"""What two models have in common: each more than the one before."""

_NAMED = 10
"""How many pictures are named that only one model has right, of each."""


@dataclass(frozen=True, slots=True)
class CompareOptions:
    """What ``decisight compare`` was asked for; see its help."""

    a: str
    b: str
    data: Path
    split: str | None = None
    json: Path | None = None
    folder: Path | None = None
    costs: Path | None = None
    requirement: Requirement | None = None
    source_pattern: str | None = None
    groups: Sequence[str] | None = None
    regions: RegionRequest = field(default_factory=RegionRequest)
    threads: int | None = None
    runtime: str | None = None

    @property
    def json_only(self) -> bool:
        """Whether standard output is to hold nothing but JSON."""
        return self.json == output.STANDARD_OUTPUT


@dataclass(frozen=True, slots=True)
class _Pairing:
    """The label groups of two models that can be compared.

    Args:
        groups: by position, of the first model and of the second, and the labels that both have.
        read_as: with the labels of both.
        left_out: by name, why a group is not compared.
    """

    groups: tuple[tuple[int, int, LabelGroup], ...]
    read_as: Task
    left_out: Mapping[str, str]


def run(options: CompareOptions) -> int:
    """Compare two models and print, and write, what was found.

    Returns:
        The exit status: 0; 1 where what is required was not shown.

    Raises:
        DecisightError: nothing can be compared or written as asked.
    """
    from decisight.data.reading import read_dataset
    from decisight.evaluation.paired_text import paired_report

    _check_outputs(options)
    regions = options.regions.regions()
    models = [_load(name, options) for name in (options.a, options.b)]
    same = _what_is_one(*models)
    pairing = _pair(*(model.task for model in models))
    dataset = read_dataset(
        options.data, groups=options.groups, source_pattern=options.source_pattern, task=pairing.read_as
    )
    part = chosen_part(dataset, options.split)
    sides = _judge(models, part, regions, options.regions.size())
    say_skipped((*dataset.skipped, *sides[0].skipped))
    _warn_of_training(sides, part)
    if spread := spread_sources(dataset, part):
        warn(
            f"{spread}: the comparison flatters what has learnt from those",
            "divide the data so that each source is in one part",
        )
    compared = _compare(options, pairing, sides, same=same)
    results = [] if options.requirement is None else _required(options, options.requirement, compared)
    if not options.json_only:
        _say_heading(options, part, compared, len(regions))
        screen = terminal(sys.stdout)
        for found in compared.groups:
            say("\n\n" + (paired_report(found, width=screen.width) if screen else paired_report(found)))
            _say_won(compared, found)
        for name, why in compared.left_out.items():
            say("\n" + textwrap.fill(f"{name} is not compared: {why}.", screen.width if screen else 100))
        _say_results(options.requirement, results)
    text = json.dumps(_to_json(options, part, compared, results), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    _write(options, compared, text)
    return 0 if all(result.met for result in results) else 1


def _load(name: str, options: CompareOptions) -> Classifier:
    from decisight.imaging import is_image_name, printable

    if is_image_name(name) and Path(name).is_file():
        raise UsageError(
            f"{printable(name)} is a picture, not a model", hint="both models come first: decisight compare A B DATA"
        )
    return load_model(name, threads=options.threads, runtime=options.runtime)


def _check_outputs(options: CompareOptions) -> None:
    if options.json is not None and not options.json_only:
        for model in (options.a, options.b):
            check_output(options.json, model, example="comparison.json")
    if options.folder is not None:
        output.check_folder(options.folder)
    files = [] if options.folder is None else [options.folder / name for name in ("comparison.json", "pictures.csv")]
    inputs: dict[str, str | Path | None] = {
        "model A": options.a,
        "model B": options.b,
        "the data": options.data,
        "the costs": options.costs,
    }
    output.check_apart([options.json, *files], inputs)


def _what_is_one(a: Classifier, b: Classifier) -> _Same:
    """What two models have in common, which is said."""
    if a.reference.digest != b.reference.digest or a.task != b.task:
        return "nothing"
    if a.file.settings_digest != b.file.settings_digest:
        warn("A and B compute the same, and differ in their rules only: thresholds, fall-back, familiarity or costs")
        return "confidences"
    warn("A and B are one model: they compute the same and decide the same")
    return "decisions"


def _pair(a: Task, b: Task) -> _Pairing:
    """Which groups of two tasks can be compared: those of one name, or the only ones.

    Raises:
        LabelError: there is none.
    """
    from decisight.evaluation.paired_scored import common_group
    from decisight.types import LabelGroup, Task

    names = {group.name: at for at, group in enumerate(b.groups)}
    if len(a.groups) == len(b.groups) == 1:
        names = {a.groups[0].name: 0}
    groups, read_as, left_out, hint = [], [], {}, None
    for at, group in enumerate(a.groups):
        if group.name not in names:
            left_out[group.name] = "B has no such label group"
            continue
        other = b.groups[names[group.name]]
        try:
            groups.append((at, names[group.name], common_group(group, other)))
        except LabelError as error:
            left_out[group.name], hint = error.message, error.hint
            continue
        more = tuple(label for label in other.labels if label not in group.labels)
        read_as.append(LabelGroup(group.name, group.labels + more, group.kind))
    in_a = {group.name for group in a.groups}
    left_out |= {name: "A has no such label group" for name in names if name not in in_a}
    if not groups:
        if hint is not None:
            raise LabelError(f"A and B cannot be compared: {next(iter(left_out.values()))}", hint=hint)
        raise LabelError(
            "A and B have no label group in common",
            hint=f"A has {', '.join(group.name for group in a.groups)}; B has {', '.join(g.name for g in b.groups)}",
        )
    return _Pairing(tuple(groups), Task(tuple(read_as)), left_out)


def _judge(
    models: Sequence[Classifier], part: Chosen, regions: Sequence[Any], reference: tuple[int, int] | None
) -> tuple[Side, Side]:
    """What each model says of the pictures of the part; learnt from by neither where the data is not divided."""
    from decisight.data.regions import with_regions
    from decisight.evaluation.judging import judge

    learnt = frozenset().union(*(model.card.seen_in_training for model in models))
    sides = []
    with progress_bars(terminal(sys.stderr)) as progress:
        for name, model in zip("AB", models, strict=True):
            watch = RegionWatch(model.card.data, reference)
            dataset = with_regions(part.dataset, [watch.over(region) for region in regions])
            if all(example.region is None for example in dataset.examples):
                warn_of_whole_pictures(model.card.data)
            seen = learnt if part.leave_out_seen else model.card.seen_in_training
            judged = judge(model, dataset, seen=seen, leave_out_seen=part.leave_out_seen, progress=progress)
            for text in watch.complaints:
                warn(f"{name}: {text}")
            sides.append(Side(name, model, rule_for(model, (), None), dataset, judged))
    return sides[0], sides[1]


def _warn_of_training(sides: Sequence[Side], part: Chosen) -> None:
    for side in sides:
        if side.judged.seen and not part.leave_out_seen:
            warn(
                f"{side.judged.seen} of {len(side.judged)} pictures were seen in training by {side.name}: "
                "the comparison flatters it"
            )
        if part.leave_out_seen and "seen" not in side.model.card.data:
            warn(
                f"{side.name} does not say which pictures it was trained on: if these are among them, the comparison "
                "flatters it"
            )


def _compare(options: CompareOptions, pairing: _Pairing, sides: tuple[Side, Side], *, same: _Same) -> Compared:
    """Compare group after group; a group that no picture has a label of is left out.

    Raises:
        DataError: no group has a picture to compare by.
    """
    from decisight.errors import DataError
    from decisight.evaluation.paired import compare_group
    from decisight.policies.cost_files import read_costs

    pictures = compared_pictures(*sides)
    tables = None
    if options.costs is not None:
        tables = read_costs(options.costs, pairing.read_as).tables(pairing.read_as)
    found, left_out, reason = [], dict(pairing.left_out), None
    for number, (at_a, at_b, group) in enumerate(pairing.groups):
        targets = [pictures.examples[row].targets[number] for row in range(len(pictures))]
        read_as = pairing.read_as.groups[number]
        costs = None if tables is None else tables[number]
        said = [
            said_of(side, rows, at, read_as, targets, costs)
            for side, rows, at in zip(sides, pictures.rows, (at_a, at_b), strict=True)
        ]
        try:
            paired = compare_group(group, targets, *said, sources=pictures.sources)
            found.append(paired if same == "nothing" else paired.of_one_model(same_rule=same == "decisions"))
        except DataError as error:
            left_out[group.name], reason = error.message, error
    if not found and reason is not None:
        raise reason
    return Compared(sides, pictures, pairing.groups, tuple(found), left_out)


def _required(options: CompareOptions, requirement: Requirement, compared: Compared) -> list[RequirementResult]:
    """Whether what is required is shown, of a group that is not compared too; of ``--groups``, where it is given.

    What only the second model has is nothing that it could be worse at.
    """
    from decisight.evaluation.requirement import RequirementResult

    found = requirement.judge(compared.groups)
    if requirement.label is not None:
        return found
    of_first = {group.name for group in compared.sides[0].model.task.groups}
    counting = of_first if options.groups is None else of_first & set(options.groups)
    return found + [
        RequirementResult(name, met=False, sentence=f"it is not compared: {why}; name those that count with --groups")
        for name, why in compared.left_out.items()
        if name in counting
    ]


def _say_heading(options: CompareOptions, part: Chosen, compared: Compared, regions: int) -> None:
    from decisight.imaging import printable

    which = f", split {part.split}" if part.split else ""
    which += f", {regions} region" if regions else ""
    seen = compared.sides[0].judged.seen
    passed_over = f"; {seen} seen in training are passed over" if part.leave_out_seen and seen else ""
    say(f"A  {printable(compared.sides[0].model.name)}  {printable(options.a)}")
    say(f"B  {printable(compared.sides[1].model.name)}  {printable(options.b)}")
    count = len(compared.pictures)
    say(f"on {printable(options.data)}{which}: {count} picture{'s' if count != 1 else ''}{passed_over}")


def _say_won(compared: Compared, found: PairedGroup) -> None:
    """Name the pictures that only one model has right, the clearest first."""
    from decisight.imaging import printable

    for by_second, name in ((False, "A"), (True, "B")):
        won = found.won(by_second=by_second)
        if not won:
            continue
        say(f"\nOnly {name} is right:")
        for at in won[:_NAMED]:
            row = compared.row(found, at)
            said = "; ".join(
                f"{side} says {row[side.lower()]} {row[f'{side.lower()}_confidence']:.2f}" for side in "AB"
            )
            say(f"  {printable(str(row['file']))}  {printable(str(row['actual']))}: {printable(said)}")
        if len(won) > _NAMED:
            say(f"  ... and {len(won) - _NAMED} more")


def _say_results(requirement: Requirement | None, results: Sequence[RequirementResult]) -> None:
    from decisight.imaging import printable

    if requirement is None:
        return
    screen = terminal(sys.stdout)
    for result in results:
        told = f"{requirement.kind} in {result.group}: {'met' if result.met else 'NOT MET'}. {result.sentence}."
        say("\n" + textwrap.fill(printable(told), screen.width if screen else 100))


def _to_json(
    options: CompareOptions, part: Chosen, compared: Compared, results: Sequence[RequirementResult]
) -> dict[str, Any]:
    models = {}
    for side in compared.sides:
        reference = side.model.reference
        models[side.name.lower()] = {
            "name": reference.name,
            "digest": reference.digest,
            "seen_in_training": None if part.leave_out_seen else side.judged.seen,
        }
    return {
        **models,
        "runtime": compared.sides[0].model.runtime.to_json(),
        "data": storable(str(options.data)),
        "split": part.split,
        "pictures": len(compared.pictures),
        "passed_over": compared.sides[0].judged.seen if part.leave_out_seen else 0,
        "not_compared": dict(compared.left_out),
        "required": None if options.requirement is None else options.requirement.to_json(results),
        "groups": {found.group.name: found.to_json() for found in compared.groups},
        "won": {found.group.name: compared.won(found) for found in compared.groups},
    }


def _write(options: CompareOptions, compared: Compared, text: str) -> None:
    from decisight.cli.renderings import csv_row
    from decisight.imaging import printable

    output.write_json(text, options.json)
    if options.folder is None:
        return
    with output.staging(options.folder) as beside:
        with output.replacing(beside / "comparison.json") as stream:
            stream.write(text)
        with output.replacing(beside / "pictures.csv") as stream:
            for cells in csv_rows(compared):
                stream.write(csv_row(cells))
    if not options.json_only:
        say(f"\nwritten to {printable(options.folder)}: comparison.json, pictures.csv")

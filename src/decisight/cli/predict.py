"""``decisight predict``: classify pictures, decide, and write what was found."""

from __future__ import annotations

import itertools
import os
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from decisight.cli import output
from decisight.cli.console import Progress, complain, progress_bars, terminal, warn
from decisight.cli.pictures import PictureSearch
from decisight.cli.promised import warn_of_costs, warn_of_promises
from decisight.cli.regions import RegionRequest, RegionWatch, warn_of_whole_pictures
from decisight.cli.renderings import (
    LOW_FAMILIARITY,
    Format,
    Table,
    cells,
    column_types,
    csv_text,
    json_lines,
    json_list,
)
from decisight.cli.unfamiliar import warn_of_familiarity
from decisight.errors import ImageError, OutputError, UsageError
from decisight.files import is_special, printable, storable
from decisight.types import Answer

if TYPE_CHECKING:
    from rich.console import Console

    from decisight.cli.predict_overlays import Overlays
    from decisight.models.classifier import Classifier
    from decisight.policies.least_cost import ImageRule
    from decisight.regions import Region

__all__ = ["PredictOptions", "load_model", "predicted", "rule_for", "run", "why"]

_LOOK_AHEAD = 100
"""Names that the first column of a table is made wide enough for."""


@dataclass(frozen=True, slots=True)
class PredictOptions:
    """What ``decisight predict`` was asked for; see its help."""

    model: str
    pictures: Sequence[str]
    top: int = 5
    format: Format | None = None
    output: Path | None = None
    thresholds: Sequence[str] = ()
    fallback: str | None = None
    min_familiarity: float | None = None
    threads: int | None = None
    runtime: str | None = None
    null_separated: bool = False
    regions: RegionRequest = field(default_factory=RegionRequest)
    explain: Path | None = None

    @property
    def written_as(self) -> Format:
        """The format asked for, else the one that the output's name ends in, else a table."""
        if self.format is not None:
            return self.format
        suffix = "" if self.output is None else self.output.suffix.lower().removeprefix(".")
        return Format(suffix) if suffix in {format.value for format in Format} else Format.TABLE


def run(options: PredictOptions) -> int:
    """Predict every picture.

    Returns:
        The exit status: 0, or 1 where a picture could not be read or an argument named none.

    Raises:
        DecisightError: nothing can be predicted or written as asked.
    """
    if options.output is not None:
        check_output(options.output, options.model)
    if options.written_as is Format.PARQUET:
        _check_parquet(options.output)
    regions = options.regions.regions()
    model = load_model(options.model, threads=options.threads, runtime=options.runtime)
    rule = rule_for(model, options.thresholds, options.fallback, options.min_familiarity)
    warn_of_promises(model, rule)
    warn_of_costs(model, [rule])
    warn_of_familiarity(model.card, [rule.min_familiarity])
    search = PictureSearch(options.pictures, options.null_separated)
    first, pictures = _first_known(search)
    overlays = None
    if options.explain is not None:
        from decisight.cli.predict_overlays import Overlays

        overlays = Overlays.into(options.explain, model)
        pictures = overlays.others(pictures)
    screen = terminal(sys.stdout) if options.output is None else None
    width, names = None if screen is None else screen.width, [region.name for region in regions]
    known, low = bool(model.card.familiarity), model.card.low_familiarity(LOW_FAMILIARITY)
    table = Table(model.task, rule, options.top, first, width, names, known, low)
    watch = RegionWatch(model.card.data, options.regions.size())
    if not regions:
        warn_of_whole_pictures(model.card.data)
    begun, tally, bar = time.monotonic(), _Tally(max(1, len(regions))), _bar_console(options, screen)
    with progress_bars(bar) as progress:
        answers = predicted(model, rule, pictures, [watch.over(region) for region in regions], overlays)
        _write(tally.counting(answers, _with_total(progress, search, bar)), options, table, screen)
    for text in (*watch.complaints, *search.complaints):
        warn(text)
    _summarise(tally, time.monotonic() - begun, options)
    return 1 if tally.failed or search.complaints else 0


def load_model(name: str, *, threads: int | None, runtime: str | None = None) -> Classifier:
    """Load a model for a command.

    Raises:
        UsageError: it is a picture: arguments in the wrong order; or the runtime cannot be used so.
        ModelError: it is not a model that can be used.
        MissingPartError: there is no such runtime, or it is not installed.
    """
    from decisight.imaging import is_image_name, printable
    from decisight.models.classifier import load

    if is_image_name(name) and os.path.isfile(name):
        raise UsageError(
            f"{printable(name)} is a picture, not a model",
            hint="the model comes first, then what it is asked about",
        )
    return load(name, threads=threads, runtime=runtime)


def rule_for(
    model: Classifier, thresholds: Iterable[str], fallback: str | None, min_familiarity: float | None = None
) -> ImageRule:
    """The rule of decision: thresholds, fall-back and familiarity as given, each for itself, else the model's own.

    Where the model has costs and no threshold is given, it is that of least expected cost.

    Args:
        model: the model.
        thresholds: as ``label=0.8`` or ``group:label=0.8``.
        fallback: the fall-back state.
        min_familiarity: the familiarity below which the state is the fall-back, 0..1; 0: whatever it is.

    Raises:
        UsageError: a threshold or the least familiarity is not understood, or not in 0..1; or the model does not say
            how familiar a picture is, and it is asked for.
        LabelError: it is for a label that the model does not have.
    """
    from decisight.policies.familiarity import check_familiarity_known
    from decisight.policies.least_cost import LeastCost
    from decisight.policies.threshold import Threshold, parse_thresholds

    least = model.card.min_familiarity if min_familiarity is None else min_familiarity
    check_familiarity_known(least, model.name, known=bool(model.card.familiarity))
    thresholds = list(thresholds)
    if model.card.costs and not thresholds:
        state = model.card.fallback if fallback is None else fallback
        return LeastCost.from_card(model.task, model.card.costs, state, model=model.name, min_familiarity=least)
    own = Threshold(model.card.thresholds, model.card.fallback).checked(model.task)
    given = Threshold(parse_thresholds(thresholds), own.fallback if fallback is None else fallback)
    checked = given.checked(model.task)
    chosen = {**own.thresholds, **checked.thresholds}
    return Threshold(chosen, checked.fallback, min_familiarity=least).checked(model.task)


def predicted(
    model: Classifier,
    rule: ImageRule,
    pictures: Iterable[str],
    regions: Sequence[Region] = (),
    overlays: Overlays | None = None,
) -> Iterator[Answer]:
    """An answer for every picture, or for every region of every picture, in order and in constant memory.

    Where there are overlays, they are drawn before the answer is given.
    """
    places: Sequence[Region | None] = regions or [None]
    names: deque[str] = deque()

    def taken() -> Iterator[str]:
        for name in pictures:
            names.append(name)
            yield name

    name = ""
    for number, outcome in enumerate(model.predict_stream(taken(), regions)):
        at = number % len(places)
        name, region = names.popleft() if at == 0 else name, places[at]
        place = None if region is None else region.name
        if isinstance(outcome, ImageError):
            yield Answer(storable(name), model.reference, error=why(outcome, name), region=place)
            continue
        answer = Answer(storable(name), model.reference, outcome, rule.decide(outcome), region=place)
        yield answer if overlays is None else overlays.drawn(answer, name, region)


def why(error: ImageError, name: str) -> str:
    """What was wrong with a picture and what to do about it; its name stands beside it, so not in it."""
    from decisight.imaging import printable

    message = error.message.removeprefix(f"{printable(name)}: ")
    return f"{message}; {error.hint}" if error.hint else message


@dataclass(slots=True)
class _Tally:
    """Pictures done and failed, where each has so many answers."""

    answers_each: int
    done: int = 0
    failed: int = 0

    def counting(self, answers: Iterable[Answer], progress: Callable[[int], None]) -> Iterator[Answer]:
        for number, answer in enumerate(answers):
            begins = number % self.answers_each == 0
            self.done += begins
            self.failed += begins and answer.prediction is None
            yield answer
            progress(self.done)


def check_output(path: Path, model: str, *, example: str = "predictions.json") -> None:
    """Make sure that answers can be written to a file, and that neither a picture nor the model is lost by it.

    Raises:
        OutputError: it cannot be written, has the name of a picture, or is the model.
    """
    from decisight.imaging import is_image_name, printable

    output.check_file(path, example=example)
    if is_image_name(path):
        raise OutputError(
            f"{printable(path)} has the name of a picture", hint="name a .json, .jsonl, .csv, .parquet or .txt file"
        )
    output.check_apart([path], {"the model": model})


def _check_parquet(path: Path | None) -> None:
    """Make sure that Parquet can be written where it was asked for.

    Raises:
        UsageError: it would go to standard output.
        OutputError: it would go to a pipe or a device.
        MissingPartError: what it is written with is not installed.
    """
    from decisight.data.writing import check_parquet

    if path is None:
        raise UsageError(
            "Parquet is not written to standard output: its end says where its parts lie",
            hint="name a file with -o predictions.parquet; or --format csv",
        )
    if is_special(path):
        raise OutputError(
            f"{printable(path)} is a device or a pipe, and Parquet is written to files only",
            hint="name a .parquet file",
        )
    check_parquet(path)


def _first_known(search: PictureSearch) -> tuple[list[str], Iterator[str]]:
    """The first pictures, and all of them.

    Raises:
        UsageError: there is none.
    """
    pictures = iter(search)
    if "-" in search.arguments and sys.stdin and sys.stdin.isatty():
        complain("reading names of pictures from the keyboard, one a line; Ctrl-D ends the list")
    first = list(itertools.islice(pictures, 1 if "-" in search.arguments else _LOOK_AHEAD))
    if not first:
        found = "; ".join(search.complaints) or "the list on standard input is empty"
        raise UsageError(f"there is nothing to predict: {found}", hint="name pictures, or folders that hold some")
    return first, itertools.chain(first, pictures)


def _write(answers: Iterable[Answer], options: PredictOptions, table: Table, screen: Console | None) -> None:
    kind = options.written_as
    if screen is not None and kind is Format.TABLE:
        from rich.text import Text

        for line in table.render(answers):
            screen.print(Text.assemble(*line), soft_wrap=True)
        return
    if kind is Format.PARQUET and options.output is not None:
        from decisight.data.writing import write_parquet

        rows = (_storable_cells(answer, table) for answer in answers)
        types = column_types(table.task, region=bool(table.regions), familiarity=table.familiarity)
        write_parquet(options.output, types, rows)
        return
    if options.output is None:
        place = output.standard_output(utf8=kind is not Format.TABLE)
    else:
        place = (output.streaming if kind is Format.JSONL else output.replacing)(options.output)
    with place as stream:
        for text in _texts(kind, answers, table):
            stream.write(text)
            # The next answer may be long in coming where names come from a pipe.
            stream.flush()


def _texts(kind: Format, answers: Iterable[Answer], table: Table) -> Iterator[str]:
    match kind:
        case Format.JSON:
            return json_list(answers)
        case Format.JSONL:
            return json_lines(answers)
        case Format.CSV:
            return csv_text(answers, table.task, region=bool(table.regions), familiarity=table.familiarity)
        case _:
            return ("".join(text for text, _ in line).rstrip() + "\n" for line in table.render(answers))


def _storable_cells(answer: Answer, table: Table) -> list[str | float | None]:
    found = cells(answer, table.task, region=bool(table.regions), familiarity=table.familiarity)
    return [storable(value) if isinstance(value, str) else value for value in found]


def _bar_console(options: PredictOptions, screen: Console | None) -> Console | None:
    """Where a progress bar may stand: not among what is printed, unless that is printed above it."""
    if screen is None:
        return terminal(sys.stderr)
    return screen if options.written_as is Format.TABLE else None


def _with_total(progress: Progress, search: PictureSearch, console: Console | None) -> Callable[[int], None]:
    """Progress with a total that is found out on the side: listing large folders twice must not delay the start."""
    total: list[int | None] = [None]

    def count() -> None:
        total[0] = search.count()

    if console is not None:
        threading.Thread(target=count, daemon=True).start()
    return lambda done: progress("pictures", done, total[0])


def _summarise(tally: _Tally, seconds: float, options: PredictOptions) -> None:
    if tally.failed:
        warn(f"{tally.failed} of {tally.done} pictures could not be read")
    if terminal(sys.stderr) and tally.done > 1:
        where = f", written to {options.output}" if options.output else ""
        complain(f"{tally.done} pictures in {seconds:.1f} s ({tally.done / seconds:.1f}/s){where}")

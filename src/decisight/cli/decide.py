"""``decisight decide``: from several pictures in a row to a decision."""

from __future__ import annotations

import glob
import itertools
import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from decisight.cli import output
from decisight.cli.console import progress_bars, terminal, warn
from decisight.cli.fallbacks import warn_of_fallbacks
from decisight.cli.pictures import PictureSearch
from decisight.cli.predict import check_output, load_model, why
from decisight.cli.promised import warn_of_costs, warn_of_promises_over_several
from decisight.cli.regions import RegionRequest, RegionWatch, warn_of_whole_pictures
from decisight.cli.renderings import LOW_FAMILIARITY
from decisight.cli.sequence_renderings import DecideFormat, comparison_lines, plain, sequence_lines, show
from decisight.cli.unfamiliar import warn_of_familiarity
from decisight.errors import ImageError, OutputError, UsageError
from decisight.files import storable
from decisight.imaging import printable
from decisight.policies.threshold import parse_thresholds
from decisight.types import Reading

if TYPE_CHECKING:
    from rich.console import Console

    from decisight.cli.console import Progress
    from decisight.data.sequences import PictureSequence
    from decisight.deciding import DecidedSequence
    from decisight.evaluation.comparison import Comparison
    from decisight.evaluation.sequences import LabelledSequence
    from decisight.models.classifier import Classifier
    from decisight.protocols import Policy
    from decisight.regions import Region

__all__ = ["DecideOptions", "run"]

_TABLES = (".csv", ".tsv", ".parquet")
_FPS = 10.0
"""Pictures a second where nobody says: only for figures in seconds, never for a policy."""


@dataclass(frozen=True, slots=True)
class DecideOptions:
    """What ``decisight decide`` was asked for; see its help."""

    model: str
    paths: Sequence[str]
    policy: str
    thresholds: Sequence[str] = ()
    fallback: str | None = None
    min_familiarity: float | None = None
    fps: float | None = None
    format: DecideFormat | None = None
    output: Path | None = None
    figures: Path | None = None
    regions: RegionRequest = field(default_factory=RegionRequest)
    threads: int | None = None
    runtime: str | None = None

    @property
    def written_as(self) -> DecideFormat:
        """The format asked for, else the one that the output's name ends in, else text."""
        if self.format is not None:
            return self.format
        suffix = "" if self.output is None else self.output.suffix.lower().removeprefix(".")
        return DecideFormat(suffix) if suffix in {format.value for format in DecideFormat} else DecideFormat.TEXT


def run(options: DecideOptions) -> int:
    """Decide on every sequence.

    Returns:
        The exit status: 0, or 1 where a picture could not be read.

    Raises:
        DecisightError: nothing can be decided or written as asked.
    """
    from decisight.deciding import FPS_RANGE, check_policies, policies_for

    _check_outputs(options)
    fewest, most = FPS_RANGE
    if options.fps is not None and not fewest <= options.fps <= most:
        raise UsageError(
            f"--fps {options.fps:g} is not a number of pictures a second", hint=f"give one from {fewest:g} to {most:g}"
        )
    regions = options.regions.regions()
    model = load_model(options.model, threads=options.threads, runtime=options.runtime)
    thresholds = parse_thresholds(list(options.thresholds))
    policies = policies_for(
        model,
        options.policy,
        thresholds=thresholds,
        fallback=options.fallback,
        min_familiarity=options.min_familiarity,
    )
    warn_of_fallbacks(model.task, policies)
    warn_of_promises_over_several([model])
    warn_of_costs(model, policies.values())
    warn_of_familiarity(model.card, [getattr(policy, "min_familiarity", None) for policy in policies.values()])
    sequences = [_timed(sequence, options.fps) for sequence in _sequences(options.paths, model)]
    for sequence in sequences:
        timed, rated = sequence.pictures[0].time is not None, any(p.quality is not None for p in sequence.pictures)
        check_policies(policies, model.task, timed=timed, rated=rated)
    watch = RegionWatch(model.card.data, options.regions.size())
    wanted = _views(sequences, [watch.over(region) for region in regions])
    if not regions:
        warn_of_whole_pictures(model.card.data)
    if options.figures is not None and not any(sequence.labelled for sequence in sequences):
        raise UsageError(
            "--figures: nothing says what is true of the pictures",
            hint="give a table with a column of each label group: sequence,file_name,"
            + ",".join(group.name for group in model.task.groups),
        )
    work = _Work(options, model, policies, wanted)
    screen = terminal(sys.stdout) if options.output is None else None
    as_text = options.written_as is DecideFormat.TEXT
    bars = terminal(sys.stderr) if screen is None else screen if as_text else None
    with progress_bars(bars) as progress:
        work.write(screen if as_text else None, progress)
    for text in watch.complaints:
        warn(text)
    if work.failed:
        pictures = sum(len(sequence.pictures) for sequence in sequences)
        number = f"{work.failed} of {pictures} pictures"
        if work.failed == pictures:
            warn(f"{number} could not be read: no decision rests on anything")
        else:
            warn(
                f"{number} could not be read, and {'is' if work.failed == 1 else 'are'} taken for what cannot be judged"
            )
    return 1 if work.failed else 0


def _check_outputs(options: DecideOptions) -> None:
    """Make sure that what is to be written can be, and that nothing is lost by it.

    Raises:
        OutputError: it cannot be written, or is something that the work begins with.
        UsageError: two outputs are one file, or the name of one says a format that decisions are not written in.
    """
    for place, example in ((options.output, "decisions.json"), (options.figures, "figures.json")):
        if place is None:
            continue
        check_output(place, options.model, example=example)
        for given in (*options.paths, options.policy):
            if os.path.isfile(given) and os.path.exists(place) and os.path.samefile(given, place):
                raise OutputError(
                    f"{printable(place)} is read here: it would be lost", hint="name another file to write to"
                )
    if options.output is not None and options.format is None and options.output.suffix.lower() in _TABLES:
        raise UsageError(
            f"{printable(options.output)}: decisions over several pictures are not written as a table",
            hint="name a .json, .jsonl or .txt file; or say --format",
        )
    if options.figures is not None and options.figures == Path("-"):
        raise UsageError("--figures writes a file", hint="name one, for example figures.json")
    if options.output is not None and options.figures is not None:
        one, other = (os.path.realpath(place) for place in (options.output, options.figures))
        if one == other:
            raise UsageError(
                f"{printable(options.output)} cannot hold the decisions and the figures",
                hint="give --output and --figures two names",
            )


def _sequences(paths: Sequence[str], model: Classifier) -> Iterator[PictureSequence]:
    """Those of tables; one for each folder, and for each in which a pattern finds some; the named files as one.

    Raises:
        UsageError: there is no picture, or a list on standard input is asked for.
        DataError: a table cannot be read.
    """
    from decisight.data.sequences import TABLE_SUFFIXES, PictureSequence, SequencePicture, read_sequences

    named: list[SequencePicture] = []
    for path in paths:
        if path == "-":
            raise UsageError(
                "'-' is not taken here: a list on standard input does not say what belongs together",
                hint="give a table with the columns sequence,file_name[,time], or name the pictures",
            )
        if path.lower().endswith(TABLE_SUFFIXES) and not os.path.isdir(path):
            table = read_sequences(Path(path), model.task)
            for column, group in table.misspelt:
                warn(
                    f"{printable(path)}: the column {printable(column)!r} is passed over, and there is none of the "
                    f"label group {group!r}",
                    "rename it, if it says what is true",
                )
            yield from table.sequences
            continue
        search = PictureSearch([path])
        of_folder: dict[str, list[SequencePicture]] = {}
        for name in search:
            of_folder.setdefault(os.path.dirname(name), []).append(SequencePicture(Path(name)))
        if search.complaints:
            raise UsageError("; ".join(search.complaints), hint="name pictures, folders of pictures, or a table")
        if os.path.isdir(path) or (glob.has_magic(path) and not os.path.lexists(path)):
            yield from (PictureSequence(storable(folder or "."), tuple(p)) for folder, p in of_folder.items())
        else:
            named += [picture for pictures in of_folder.values() for picture in pictures]
    if named:
        yield PictureSequence("sequence", tuple(named))


def _timed(sequence: PictureSequence, fps: float | None) -> PictureSequence:
    """With times by ``--fps``, where the table gives none."""
    if fps is None or sequence.pictures[0].time is not None:
        return sequence
    timed = tuple(replace(picture, time=at / fps) for at, picture in enumerate(sequence.pictures))
    return replace(sequence, pictures=timed)


def _views(sequences: Sequence[PictureSequence], regions: Sequence[Region]) -> list[_View]:
    """Each sequence with the regions that are looked at in it: the one that its table names, else all.

    Raises:
        UsageError: a table names a region that is not there.
    """
    known = {region.name: region for region in regions}
    views = []
    for sequence in sequences:
        if sequence.region is not None and sequence.region not in known:
            raise UsageError(
                f"the sequence {printable(sequence.name)!r} is of the region {printable(sequence.region)!r}, "
                f"and there is {'no --region' if not known else 'only ' + ', '.join(map(repr, known))}",
                hint=f'say where it is: --region {printable(sequence.region)}="0.1,0.2 0.5,0.2 0.5,0.9"',
            )
        views.append(_View(sequence, regions if sequence.region is None else [known[sequence.region]]))
    if len(regions) > 1 and any(view.sequence.labelled and len(view.regions) > 1 for view in views):
        warn(
            "what the table says is true is taken for true of each region",
            "say of which: give the table a column 'region', and a row for each picture and region",
        )
    return views


class _View(NamedTuple):
    """A sequence, and where to look in its pictures: everywhere, if no region is named."""

    sequence: PictureSequence
    regions: Sequence[Region]

    @property
    def places(self) -> list[str | None]:
        """The names of the regions; ``None`` stands for all of each picture."""
        return [region.name for region in self.regions] or [None]


@dataclass(slots=True)
class _Work:
    """Decides on sequences and writes what is decided.

    Args:
        options: what was asked for.
        model: the classifier.
        policies: one for each group.
        views: the sequences, and where to look.
        failed: pictures that could not be read.
        labelled: of each group, readings with their truth.
    """

    options: DecideOptions
    model: Classifier
    policies: Mapping[str, Policy]
    views: Sequence[_View]
    failed: int = 0
    labelled: dict[str, list[LabelledSequence]] = field(default_factory=dict)
    _comparisons: dict[str, Comparison] | None = None

    def write(self, screen: Console | None, progress: Progress) -> None:
        """Write what is decided, and how good that is where it is known.

        Args:
            screen: the terminal, where people read it there.
            progress: told how many pictures are done.
        """
        options = self.options
        decided = self._decided(progress)
        if screen is not None:
            for sequence in decided:
                show(screen, sequence_lines(sequence, screen.width, low=self._low))
            show(screen, comparison_lines(self._compared(), options.policy))
        else:
            utf8 = options.written_as is not DecideFormat.TEXT
            place = output.standard_output(utf8=utf8) if options.output is None else output.replacing(options.output)
            with place as stream:
                for text in self._texts(decided):
                    stream.write(text)
                    stream.flush()
        if options.figures is not None:
            self._write_figures(options.figures)

    @property
    def _low(self) -> float:
        """The familiarity below which it is told of a picture."""
        return self.model.card.low_familiarity(LOW_FAMILIARITY)

    def _texts(self, decided: Iterable[DecidedSequence]) -> Iterator[str]:
        match self.options.written_as:
            case DecideFormat.TEXT:
                for sequence in decided:
                    yield plain(sequence_lines(sequence, low=self._low))
                yield plain(comparison_lines(self._compared(), self.options.policy))
            case DecideFormat.JSONL:
                yield from (json.dumps(sequence.to_json(), ensure_ascii=False) + "\n" for sequence in decided)
            case DecideFormat.JSON:
                before = "[\n"
                for sequence in decided:
                    yield before + json.dumps(sequence.to_json(), ensure_ascii=False)
                    before = ",\n"
                yield "\n]\n" if before == ",\n" else "[]\n"

    def _decided(self, progress: Progress) -> Iterator[DecidedSequence]:
        """Each sequence, or each region of it, decided; one sequence in memory at a time, unless it is labelled."""
        from decisight.deciding import DecidedSequence, fold_all, policy_section

        section = policy_section(self.policies, self.model.task)
        total = sum(len(view.sequence.pictures) for view in self.views)
        done = itertools.count(1)
        for view in self.views:
            names = [storable(str(picture.path)) for picture in view.sequence.pictures]
            of_place = self._readings(view, lambda: progress("pictures", next(done), total))
            for place, readings in zip(view.places, of_place, strict=True):
                self._remember(view.sequence, readings)
                folded = tuple(fold_all(self.policies, self.model.task, names, readings))
                yield DecidedSequence(view.sequence.name, self.model.reference, folded, place, section)

    def _readings(self, view: _View, one_more: Callable[[], None]) -> list[list[Reading]]:
        """What is read in each region of the pictures, or in all of them."""
        found: list[list[Reading]] = [[] for _ in view.places]
        paths = [str(picture.path) for picture in view.sequence.pictures]
        outcomes = self.model.predict_stream(paths, view.regions)
        for picture, path in zip(view.sequence.pictures, paths, strict=True):
            for readings in found:
                outcome, quality = next(outcomes), 1.0 if picture.quality is None else picture.quality
                if isinstance(outcome, ImageError):
                    readings.append(Reading(None, picture.time, quality, why(outcome, path)))
                else:
                    readings.append(Reading(outcome, picture.time, quality))
            self.failed += found[0][-1].prediction is None
            one_more()
        return found

    def _remember(self, sequence: PictureSequence, readings: Sequence[Reading]) -> None:
        """Keep what is to be compared with what is true, if anybody wants to know."""
        from decisight.evaluation.sequences import LabelledSequence

        if self.options.figures is None and self.options.written_as is not DecideFormat.TEXT:
            return
        times = tuple(at / _FPS if p.time is None else p.time for at, p in enumerate(sequence.pictures))
        for at, group in enumerate(self.model.task.groups):
            truth = tuple(picture.targets[at] if picture.targets else None for picture in sequence.pictures)
            if any(target is not None for target in truth):
                of_group = self.labelled.setdefault(group.name, [])
                of_group.append(LabelledSequence(sequence.name, tuple(readings), truth, times))

    def _compared(self) -> dict[str, Comparison]:
        """How good the decisions are, by group, where it is known what is true."""
        from decisight.evaluation.comparison import compare

        if self._comparisons is not None:
            return self._comparisons
        labelled = [view.sequence for view in self.views if view.sequence.labelled]
        if any(picture.time is None for sequence in labelled for picture in sequence.pictures):
            warn(f"labelled pictures have no times: figures in seconds take {_FPS:g} pictures a second", "say --fps")
        self._comparisons = {
            name: compare(self.policies[name], self.model.task, name, sequences)
            for name, sequences in self.labelled.items()
        }
        return self._comparisons

    def _write_figures(self, path: Path) -> None:
        from decisight.deciding import policy_section

        values: dict[str, Any] = {
            "model": {"name": self.model.name, "digest": self.model.reference.digest},
            "policy": policy_section(self.policies, self.model.task),
            "groups": {name: comparison.to_json() for name, comparison in self._compared().items()},
        }
        with output.replacing(path) as stream:
            stream.write(json.dumps(values, indent=2, ensure_ascii=False) + "\n")

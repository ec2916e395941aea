"""``decisight backtest``: watch recorded, labelled clips with a site's rules before relying on them."""

from __future__ import annotations

import csv
import json
import re
import sys
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from decisight.cli import output
from decisight.cli.console import progress_bars, say, terminal, warn
from decisight.errors import UsageError

if TYPE_CHECKING:
    from decisight.backtest import Backtest, ClipFolder, ClipRun, Contender, LineRun
    from decisight.config import Site
    from decisight.evaluation.state_plot import StatePanel, StateTrack

__all__ = ["NOT_WORSE", "BacktestOptions", "run"]

NOT_WORSE = "not-worse"
"""The one thing that may be required."""

_JSON, _STATES = "backtest.json", "states.csv"
_LONGEST_STEM = 80
_NAMED = 5


@dataclass(frozen=True, slots=True)
class BacktestOptions:
    """What ``decisight backtest`` was asked for; see its help."""

    site: Path
    clips: Path
    against: Path | None = None
    camera: str | None = None
    json: Path | None = None
    folder: Path | None = None
    require: str | None = None
    threads: int | None = None
    runtime: str | None = None

    @property
    def json_only(self) -> bool:
        """Whether standard output is to hold nothing but JSON."""
        return self.json == output.STANDARD_OUTPUT

    @property
    def sites(self) -> tuple[Path, ...]:
        """The site files, that which is judged first."""
        return (self.site,) if self.against is None else (self.site, self.against)


def run(options: BacktestOptions) -> int:
    """Run the back-test; print, and write, what was found.

    With ``--require not-worse`` the site's rules are held against those of the other site, or where there is none
    against each picture alone. They are worse where a share of right pictures off the edges is lower, or excess flips,
    missed changes or false events are more, by more than chance allows: the 95 % interval of the difference, by a
    paired bootstrap over the stretches between true changes with a fixed seed, does not reach 0.

    Returns:
        The exit status: 0, or 1 where the site is worse and it was required not to be.

    Raises:
        DecisightError: nothing can be tried or written as asked.
    """
    from decisight.backtest import find_clips, summed_up
    from decisight.config import read_site

    _check(options)
    sites = [read_site(path) for path in options.sites]
    found = find_clips(options.clips)
    _warn_of_left_out(found)
    cameras = _cameras(options, sites, found)
    contenders = _contenders(options, sites, sorted(set(cameras)))
    runs = _watched(options, found, cameras, contenders)
    for clip_run in runs:
        _warn_of_clip(clip_run)
    backtest = summed_up(contenders, runs)
    if not options.json_only:
        _report(backtest)
    _write(options, backtest)
    return _status(options, backtest)


def _check(options: BacktestOptions) -> None:
    """Refuse what cannot be done before any work is spent."""
    if options.require not in (None, NOT_WORSE):
        raise UsageError(f"--require {options.require} is not understood", hint=f"it takes: {NOT_WORSE}")
    if options.json is not None and not options.json_only:
        output.check_file(options.json, example=_JSON)
        for path in options.sites:
            if options.json.exists() and path.exists() and options.json.samefile(path):
                raise UsageError(f"--json {options.json} is a site file: it would be lost", hint="name another file")
    if options.folder is not None:
        output.check_folder(options.folder)


def _warn_of_left_out(found: ClipFolder) -> None:
    from decisight.files import printable

    for paths, what in ((found.unlabelled, "video(s) without a table"), (found.stray, "table(s) without a video")):
        if paths:
            named = ", ".join(printable(path) for path in paths[:_NAMED]) + (", ..." if len(paths) > _NAMED else "")
            warn(f"{len(paths)} {what} are passed over: {named}")


def _cameras(options: BacktestOptions, sites: Sequence[Site], found: ClipFolder) -> list[str]:
    """The camera of each clip."""
    from decisight.backtest import camera_of
    from decisight.files import printable

    for site, path in zip(sites, options.sites, strict=True):
        cameras = [camera_of(clip, site.section.cameras, options.camera, printable(path)) for clip in found.clips]
    return cameras


def _contenders(options: BacktestOptions, sites: Sequence[Site], cameras: Sequence[str]) -> list[Contender]:
    """The sites with their models loaded, as far as there are clips of their cameras."""
    from decisight.assemble import load_models, setups
    from decisight.backtest import SINGLE, Contender

    names = _names(options.sites)
    contenders = []
    for at, (site, name) in enumerate(zip(sites, names, strict=True)):
        models = load_models(site, threads=options.threads, runtime=options.runtime)
        of_site = {setup.camera: setup for setup in setups(site, models, cameras)}
        contenders.append(Contender(name, f"{SINGLE} ({name})" if at else SINGLE, of_site))
    return contenders


def _names(paths: Sequence[Path]) -> list[str]:
    """What the sites' figures are called: the stems of their files, or their paths where these would be mistaken."""
    from decisight.backtest import SINGLE
    from decisight.files import storable

    stems = [storable(path.stem) for path in paths]
    if len(set(stems)) < len(stems) or SINGLE in stems:
        stems = [storable(str(path)) for path in paths]
    if len(set(stems)) < len(stems):
        raise UsageError(f"--against {paths[-1]}: it is the same file", hint="name another site file, or leave it out")
    return stems


def _watched(
    options: BacktestOptions, found: ClipFolder, cameras: Sequence[str], contenders: Sequence[Contender]
) -> list[ClipRun]:
    from decisight.backtest import plan_clip, watch_clip
    from decisight.compute import threads

    plans = [plan_clip(clip, camera, contenders) for clip, camera in zip(found.clips, cameras, strict=True)]
    granted = threads(options.threads).count
    runs = []
    # A site that looks at another rate watches every clip once more.
    times = max(len({contender.cameras[plan.camera].fps for contender in contenders}) for plan in plans)
    total = round(times * sum(plan.seconds for plan in plans))
    with progress_bars(terminal(sys.stderr)) as progress:
        done = 0.0

        def tell(seconds: float) -> None:
            progress("seconds of clips", min(total, round(done + seconds)), total)

        for plan in plans:
            runs.append(watch_clip(plan, contenders, threads=granted, progress=tell))
            done += times * plan.seconds
    return runs


def _warn_of_clip(run: ClipRun) -> None:
    """Say what of a clip could not be read, and which of its rows nothing was seen of."""
    from decisight.files import printable

    name = printable(run.plan.clip.path)
    if run.unreadable:
        warn(
            f"{name}: {run.unreadable} of {run.pictures} pictures could not be read ({run.cause}): they count as such "
            "that cannot be judged"
        )
    if unwatched := run.plan.truth.unwatched:
        warn(f"{printable(run.plan.clip.table)}: passed over, since nobody decides on it: {', '.join(unwatched)}")
    for line in run.lines:
        truths = run.plan.truth.rows[line.region, line.group]
        times = next(iter(line.tracks.values())).watched.line.times
        unseen = [row for row in truths if bisect_left(times, row.start) == bisect_left(times, row.end)]
        if unseen:
            warn(
                f"{printable(run.plan.clip.table)}, line {unseen[0].line}: no picture lies between "
                f"{unseen[0].start:g} and {unseen[0].end:g} s"
                + (f", and so it is of {len(unseen) - 1} other row(s)" if len(unseen) > 1 else ""),
                f"times are seconds since the first picture of a clip that is {run.plan.seconds:.1f} s long",
            )


def _report(backtest: Backtest) -> None:
    from decisight.backtest.report import WIDTH, report

    screen = terminal(sys.stdout)
    say(report(backtest, width=screen.width if screen else WIDTH))


def _status(options: BacktestOptions, backtest: Backtest) -> int:
    from decisight.backtest.report import verdict_text

    if options.require is None:
        return 0
    if backtest.verdict.worse:
        warn(verdict_text(backtest.verdict).splitlines()[0])
        return 1
    if not any(figures.sequence.images for figures in backtest.figures.values()):
        warn(
            "that it is not worse rests on nothing: no picture is labelled",
            "see that the times in the tables are right",
        )
        return 1
    if not backtest.verdict.told:
        warn("that it is not worse rests on nothing: what is true changes nowhere", "give clips with more changes")
    return 0


def _write(options: BacktestOptions, backtest: Backtest) -> None:
    from decisight.files import printable

    text = json.dumps(backtest.to_json(), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    output.write_json(text, options.json)
    if options.folder is not None:
        written = _write_folder(options.folder, backtest, text)
        if not options.json_only:
            say(f"\nwritten to {printable(options.folder)}: {', '.join(written)}")


def _write_folder(folder: Path, backtest: Backtest, text: str) -> list[str]:
    from decisight.backtest import STATE_COLUMNS, state_rows
    from decisight.evaluation.state_plot import write_state_plot

    with output.replacing(folder / _JSON) as stream:
        stream.write(text)
    with output.replacing(folder / _STATES) as stream:
        _write_rows(stream, [STATE_COLUMNS, *state_rows(backtest)])
    names = _plot_names([run.plan.clip.name for run in backtest.runs])
    with output.staging(folder) as beside:
        for clip_run, name in zip(backtest.runs, names, strict=True):
            panels = list(_panels(clip_run, backtest.policies))
            write_state_plot(beside / name, clip_run.plan.clip.name, panels)
    return [_JSON, _STATES, *names]


def _write_rows(stream: TextIO, rows: Iterable[Sequence[str | float]]) -> None:
    csv.writer(stream, lineterminator="\n").writerows(rows)


def _plot_names(clips: Sequence[str]) -> list[str]:
    """A file for each clip, all different on any file system."""
    names: list[str] = []
    taken: set[str] = set()
    for clip in clips:
        stem = re.sub(r"[^\w.-]+", "_", clip.rpartition(".")[0]).strip("._")[:_LONGEST_STEM] or "clip"
        unique, again = stem, 1
        while unique.casefold() in taken:
            again += 1
            unique = f"{stem}_{again}"
        taken.add(unique.casefold())
        names.append(f"{unique}.png")
    return names


def _panels(run: ClipRun, policies: Sequence[str]) -> Iterator[StatePanel]:
    from decisight.evaluation.state_plot import StatePanel

    for line in run.lines:
        place = "all of the picture" if line.region is None else line.region
        yield StatePanel(f"{place}: {line.group}", tuple(_tracks(line, policies)))


def _tracks(line: LineRun, policies: Sequence[str]) -> Iterator[StateTrack]:
    from decisight.evaluation.state_plot import StateTrack

    first = line.tracks[policies[0]].watched.line
    yield StateTrack("truth", first.times, first.truth, blank=True)
    for name in policies:
        made = line.tracks[name].watched.line
        yield StateTrack(name, made.times, made.states)

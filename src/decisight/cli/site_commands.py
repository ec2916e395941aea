"""The commands that watch, and that look at what was watched: their arguments and options."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from decisight.cli.options import (
    CropOnlyOption,
    FallbackOption,
    MinFamiliarityOption,
    ReferenceOption,
    RegionOption,
    RuntimeOption,
    ThreadsOption,
    ThresholdOption,
)

__all__ = ["register"]

Work: TypeAlias = Callable[[], int]

SiteArgument = Annotated[Path, typer.Argument(metavar="SITE", help="A site file (YAML).")]
EventOption = Annotated[
    str,
    typer.Option("--event", metavar="ID", help="The event: its identity, six or more of its first digits, or last."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def register(app: typer.Typer) -> None:
    """Add the commands to an application."""
    for command in (watch, check, schema, events, mark, replay, verify, retain, backtest):
        app.command()(command)


def watch(
    what: Annotated[
        str, typer.Argument(metavar="SITE|MODEL", help="A site file (YAML); or a model file, with a source behind it.")
    ],
    source: Annotated[
        str | None,
        typer.Argument(
            metavar="SOURCE",
            help="With a model: a video file, a folder of pictures, or a live camera: its address, "
            "rtsp://camera/stream or http://camera/video (motion JPEG), or 0, 1, ... for a camera at USB. An http "
            "address that ends in .jpg, .jpeg, .png, .webp or .bmp, or has --every with it, is that of a still "
            "picture.",
        ),
    ] = None,
    camera: Annotated[
        list[str] | None,
        typer.Option("--camera", metavar="NAME", help="Only this camera of the site. May be given several times."),
    ] = None,
    policy: Annotated[
        str | None,
        typer.Option(
            metavar="POLICY", help="With a model: the rule, for example majority_vote:6/10.  [default: a steady vote]"
        ),
    ] = None,
    threshold: ThresholdOption = None,
    min_familiarity: MinFamiliarityOption = None,
    fallback: FallbackOption = None,
    fps: Annotated[
        float | None,
        typer.Option(metavar="N", help="With a model: pictures a second that are looked at.  [default: 5]"),
    ] = None,
    region: RegionOption = None,
    reference: ReferenceOption = None,
    crop_only: CropOnlyOption = False,
    quiet: Annotated[
        list[str] | None,
        typer.Option("--quiet", metavar="LABEL", help="With a model: a label that opens no event, such as empty."),
    ] = None,
    follow: Annotated[
        bool, typer.Option("--follow", help="With a folder: wait for new pictures after those that are there.")
    ] = False,
    every: Annotated[
        str | None,
        typer.Option(
            metavar="SPAN", help="With a still picture at an http address: how often it is fetched.  [default: 5s]"
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="With a model: where events are written, as JSON Lines; - for standard output, and nothing else "
            "there.  [default: the source's name with .events.jsonl, in the current folder]",
        ),
    ] = None,
    store: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="With a model: keep everything, for example in sqlite:///watch.db, and go on from there next time.",
        ),
    ] = None,
    again: Annotated[
        bool, typer.Option("--again", help="Watch recordings once more that were watched to their end.")
    ] = False,
    health: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write how each camera is doing into this file, as JSON, every 2 seconds."),
    ] = None,
    listen: Annotated[
        str | None,
        typer.Option(
            metavar="HOST:PORT",
            help="Tell over HTTP how each camera is doing: /health as JSON, /ready, and /metrics for Prometheus. "
            ":9464 is for this machine alone, :0 takes any port that is free.",
        ),
    ] = None,
    threads: ThreadsOption = None,
    runtime: RuntimeOption = None,
) -> Work:
    """Watch cameras, and say when a state begins and ends.

    With a site file, everything is kept in its store, and a start goes on where the last one has stopped. With a model
    and a source, one line is enough to see it work.
    """

    def work() -> int:
        from decisight.cli.regions import RegionRequest
        from decisight.cli.watch import WatchOptions, run

        return run(
            WatchOptions(
                what=what,
                source=source,
                cameras=camera or (),
                policy=policy,
                thresholds=threshold or (),
                min_familiarity=min_familiarity,
                fallback=fallback,
                fps=fps,
                regions=RegionRequest(region or (), reference, crop_only),
                quiet=quiet or (),
                follow=follow,
                every=every,
                output=output,
                store=store,
                again=again,
                threads=threads,
                runtime=runtime,
                health=health,
                listen=listen,
            )
        )

    return work


def check(
    site: SiteArgument,
    connect: Annotated[
        bool, typer.Option("--connect", help="Take a picture from every live camera as well, several at the same time.")
    ] = False,
    runtime: RuntimeOption = None,
) -> Work:
    """Check a site file, and watch nothing.

    Every model and every source is opened, but for live cameras, which may be off just now: these are tried with
    --connect. Everything that is wrong is said, with its line; the exit status is then 1, or 2 where the file cannot be
    read.
    """

    def work() -> int:
        from decisight.cli.check import run

        return run(site, runtime=runtime, connect=connect)

    return work


def schema(
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Where to write.  [default: standard output]")
    ] = None,
) -> Work:
    """Print the JSON Schema of a site file.

    Editors complete and check a site file by it, where the first line of that file names it; docs/watch.md shows how.
    """

    def work() -> int:
        from decisight.cli.check import write_schema

        return write_schema(None if output == Path("-") else output)

    return work


def events(
    site: SiteArgument,
    camera: Annotated[str | None, typer.Option(metavar="NAME", help="Only of this camera.")] = None,
    since: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            help="Only what ended after this date and time, or so long ago: 2h; and how much could be judged since "
            "then.  [default: all events; of the last 24 hours]",
        ),
    ] = None,
    state: Annotated[str | None, typer.Option(metavar="LABEL", help="Only of this state.")] = None,
    limit: Annotated[int, typer.Option(metavar="N", min=1, help="The newest so many.")] = 50,
    as_json: JsonOption = False,
) -> Work:
    """List the events of a site, the oldest first.

    With how much of the time the cameras could be judged.
    """

    def work() -> int:
        from decisight.cli.events import EventsOptions, run

        return run(EventsOptions(site, camera, since, state, limit, as_json))

    return work


def mark(
    site: SiteArgument,
    event: EventOption,
    outcome: Annotated[
        str | None,
        typer.Option(metavar="WORD", help="What it turned out to be: confirmed, false_alarm, or a word of your own."),
    ] = None,
    hold: Annotated[
        bool | None, typer.Option("--hold/--release", help="Keep its readings and pictures whatever their age.")
    ] = None,
    note: Annotated[str | None, typer.Option(metavar="TEXT", help="A remark.")] = None,
) -> Work:
    """Say what became of an event, or hold it as evidence.

    How long its pictures are kept goes by its outcome. What is said is kept in the chain.
    """

    def work() -> int:
        from decisight.cli.events import mark as mark_event

        return mark_event(site, event, outcome=outcome, hold=hold, note=note)

    return work


def replay(
    site: SiteArgument,
    event: EventOption,
    before: Annotated[int, typer.Option(metavar="N", min=0, help="Readings shown before it was opened.")] = 10,
    after: Annotated[int, typer.Option(metavar="N", min=0, help="Readings shown after it was closed.")] = 5,
    all_readings: Annotated[
        bool, typer.Option("--all", help="Show every reading of a long event, not its beginning and its end.")
    ] = False,
    as_json: JsonOption = False,
) -> Work:
    """Derive an event again from what is stored, and show why.

    Every reading with its confidences, what the policy counted and what was needed; without the model, to the bit. The
    exit status is 1 where a decision comes out otherwise than it is stored.
    """

    def work() -> int:
        from decisight.cli.replay import ReplayOptions, run

        return run(ReplayOptions(site, event, before, after, all_readings, as_json))

    return work


def verify(
    site: SiteArgument,
    heads: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Heads of the chains that were kept elsewhere.  [default: the site's]"),
    ] = None,
    as_json: JsonOption = False,
) -> Work:
    """Check that the store is as it was written.

    Nothing in it was altered, removed or reordered; else the exit status is 1. A cut tail shows where heads were kept.
    """

    def work() -> int:
        from decisight.cli.verify import run

        return run(site, heads=heads, as_json=as_json)

    return work


def retain(
    site: SiteArgument,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be dropped, and drop nothing.")] = False,
    forget: Annotated[
        list[str] | None,
        typer.Option(
            "--forget",
            metavar="SINK",
            help="Drop as well what waits for this sink, which the site file no longer names. May be given several "
            "times.",
        ),
    ] = None,
) -> Work:
    """Drop what the site file says is too old or too much.

    That is done while watching, too, once an hour. What is held, and what is open, stays.
    """

    def work() -> int:
        from decisight.cli.verify import retain as retain_store

        return retain_store(site, dry_run=dry_run, forget=forget or ())

    return work


def backtest(
    site: SiteArgument,
    clips: Annotated[
        Path,
        typer.Option(
            metavar="FOLDER",
            help="Recorded clips, each with a CSV file of the same name: start,end,region,state[,group] in seconds.",
        ),
    ],
    against: Annotated[Path | None, typer.Option(metavar="SITE", help="Another site file, to compare with.")] = None,
    camera: Annotated[
        str | None, typer.Option(metavar="NAME", help="The camera of all clips.  [default: the one of a clip's name]")
    ] = None,
    json_file: Annotated[
        Path | None,
        typer.Option(
            "--json", metavar="FILE", help="Write the figures as JSON; - for standard output, and nothing else."
        ),
    ] = None,
    folder: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FOLDER", help="Write plots of the states, and every decision."),
    ] = None,
    require: Annotated[
        str | None,
        typer.Option(metavar="not-worse", help="Exit with status 1 where it is worse than what it is compared with."),
    ] = None,
    threads: ThreadsOption = None,
    runtime: RuntimeOption = None,
) -> Work:
    """Run labelled recordings through the rules of a site.

    What comes out is counted, beside each image alone and beside another site file: how often the state is right, how
    often it flickers, how late it is, what is missed, and which events are false.
    """

    def work() -> int:
        from decisight.cli.backtest import BacktestOptions, run

        return run(
            BacktestOptions(
                site=site,
                clips=clips,
                against=against,
                camera=camera,
                json=json_file,
                folder=folder,
                require=require,
                threads=threads,
                runtime=runtime,
            )
        )

    return work

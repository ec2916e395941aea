"""The commands that collect pictures and label them: their arguments and options."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from decisight.cli.options import CropOnlyOption, ReferenceOption, RuntimeOption

__all__ = ["register"]

Work: TypeAlias = Callable[[], int]


class Concealed(StrEnum):
    """What is made unrecognisable."""

    FACES = "faces"
    ALL = "all"


def register(app: typer.Typer) -> None:
    """Add the commands to an application."""
    for command in (collect, label):
        app.command()(command)


def collect(
    what: Annotated[
        str,
        typer.Argument(
            metavar="SITE|SOURCE",
            help="A site file (YAML); or a video file, a folder of pictures, the address of a camera, or 0 for the "
            "first USB camera.",
        ),
    ],
    camera: Annotated[
        list[str] | None,
        typer.Option("--camera", metavar="NAME", help="Only this camera of the site. May be given several times."),
    ] = None,
    region: Annotated[
        list[str] | None,
        typer.Option(
            "--region",
            metavar="NAME[=X,Y ...]",
            help="Of a site: only this region; of a source: a polygon, as predict --region takes it. May be given "
            "several times.  [default: all regions, else all of the picture]",
        ),
    ] = None,
    every: Annotated[
        str | None,
        typer.Option(
            metavar="SPAN",
            help="At most one picture of a region in so long: 10s, 2m.  [default: 1s; of a folder each picture]",
        ),
    ] = None,
    on_motion: Annotated[bool, typer.Option("--on-motion", help="Only where something has moved.")] = False,
    uncertain: Annotated[
        bool,
        typer.Option(
            "--uncertain",
            help="Only where the region's model is not sure, by its thresholds or the margin, or where the picture is "
            "unfamiliar to it.",
        ),
    ] = False,
    margin: Annotated[
        float | None,
        typer.Option(
            metavar="0..1",
            help="With --uncertain: not sure is where the first label is ahead of the second by less than this.  "
            "[default: 0.2]",
        ),
    ] = None,
    everything: Annotated[
        bool,
        typer.Option(
            "--all", help="Also what cannot be judged, as it is dark or blurred, and what is like one stored."
        ),
    ] = False,
    groups: Annotated[
        str | None,
        typer.Option(
            metavar="A,B", help="Label groups that get a column, empty as yet.  [default: those of the region's models]"
        ),
    ] = None,
    conceal: Annotated[
        Concealed | None, typer.Option(help="Make faces, or all of the picture, unrecognisable before it is stored.")
    ] = None,
    gap: Annotated[
        str | None,
        typer.Option(
            metavar="SPAN",
            help="A pause of so long ends a source: pictures of one source are never divided.  [default: 30s]",
        ),
    ] = None,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FOLDER", help="Where pictures go; those that are there stay.")
    ] = Path("collected"),
    png: Annotated[bool, typer.Option("--png", help="Store PNG files, without loss, instead of JPEG.")] = False,
    limit: Annotated[int | None, typer.Option(metavar="N", min=1, help="Stop after so many pictures.")] = None,
    seconds: Annotated[
        str | None,
        typer.Option("--for", metavar="SPAN", help="Stop after so long: 10m; of recordings so long a part of each."),
    ] = None,
    reference: ReferenceOption = None,
    crop_only: CropOnlyOption = False,
    runtime: RuntimeOption = None,
) -> Work:
    """Collect pictures to learn from, cut as watching cuts them.

    A site needs no model yet. What is like a picture stored lately is passed over. Live cameras are collected from
    until Ctrl-C, recordings to their end; a second run adds to the first.
    """

    def work() -> int:
        from decisight.cli.collect import CollectOptions, run
        from decisight.cli.regions import RegionRequest

        return run(
            CollectOptions(
                what=what,
                cameras=camera or (),
                regions=RegionRequest(region or (), reference, crop_only),
                every=every,
                on_motion=on_motion,
                uncertain=uncertain,
                margin=margin,
                everything=everything,
                groups=None if groups is None else [name.strip() for name in groups.split(",")],
                conceal=None if conceal is None else conceal.value,
                gap=gap,
                output=output,
                png=png,
                limit=limit,
                seconds=seconds,
                runtime=runtime,
            )
        )

    return work


def label(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="A folder of pictures, as decisight collect leaves it, or bare.")
    ],
    groups: Annotated[
        list[str] | None,
        typer.Option(
            "--groups",
            metavar="GROUP=A,B",
            help="A label group and its labels, for example helmet=worn,missing; with GROUP*=A,B any number of them "
            "holds. May be given several times.  [default: as in the folder; more can be made on the page]",
        ),
    ] = None,
    model: Annotated[
        str | None, typer.Option(metavar="MODEL", help="A model whose answers are suggested, the least sure first.")
    ] = None,
    port: Annotated[
        int,
        typer.Option(
            metavar="N", min=0, max=65535, show_default=False, help="Where the page is served.  [default: a free port]"
        ),
    ] = 0,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Open no browser; the address is printed.")] = False,
    runtime: RuntimeOption = None,
) -> Work:
    """Label pictures with keys, on a page in the browser.

    Each label is written to the folder's metadata.csv at once. The page is served on this machine only.
    """

    def work() -> int:
        from decisight.cli.label import LabelOptions, run

        return run(LabelOptions(folder, groups or (), model, port, not no_browser, runtime))

    return work

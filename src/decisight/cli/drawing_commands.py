"""The commands that look at a camera: one picture of it, and a page on which regions are drawn."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, TypeAlias

import typer

__all__ = ["register"]

Work: TypeAlias = Callable[[], int]


def register(app: typer.Typer) -> None:
    """Add the commands to an application."""
    for command in (frame, region):
        app.command()(command)


def frame(
    what: Annotated[
        str,
        typer.Argument(
            metavar="SITE|SOURCE",
            help="A site file (YAML); or a video file, a folder of pictures, the address of a camera, or 0 for the "
            "first USB camera.",
        ),
    ],
    camera: Annotated[
        str | None,
        typer.Argument(metavar="CAMERA", help="With a site file: the camera.  [default: the only one]"),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="Where to write, .jpg or .png.  [default: the camera's name with .jpg, in the current folder]",
        ),
    ] = None,
    at: Annotated[
        str | None,
        typer.Option(
            "--at", metavar="SPAN", help="Of a recording: so long after its beginning, 12.5s or 2m.  [default: 0s]"
        ),
    ] = None,
    every: Annotated[
        str | None,
        typer.Option(
            metavar="SPAN", help="What is at an http address is a still picture, however that ends; as watch has it."
        ),
    ] = None,
) -> Work:
    """Take one picture of a camera, and save it.

    So it can be seen whether a camera is reached, and what it shows. One that cannot be reached is told by its cause,
    and the exit status is then 1.
    """

    def work() -> int:
        from decisight.cli.frame import FrameOptions, run

        return run(FrameOptions(what, camera, output, at, every))

    return work


def region(
    site: Annotated[Path, typer.Argument(metavar="SITE", help="A site file (YAML).")],
    camera: Annotated[
        str | None, typer.Argument(metavar="CAMERA", help="The camera.  [default: the only one of the site]")
    ] = None,
    port: Annotated[
        int,
        typer.Option(
            metavar="N", min=0, max=65535, show_default=False, help="Where the page is served.  [default: a free port]"
        ),
    ] = 0,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Open no browser; the address is printed.")] = False,
) -> Work:
    """Draw the regions of a camera, on a page in the browser.

    Saving writes them into the site file, and leaves all else in it as it is, with its comments. The page is served on
    this machine only.
    """

    def work() -> int:
        from decisight.cli.region_page import RegionPageOptions, run

        return run(RegionPageOptions(site, camera, port, not no_browser))

    return work

"""The command that says where a model looks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from decisight.cli.options import (
    CropOnlyOption,
    ModelArgument,
    ReferenceOption,
    RegionOption,
    ReportFormat,
    RuntimeOption,
    ThreadsOption,
)

__all__ = ["register"]

Work: TypeAlias = Callable[[], int]


def register(app: typer.Typer) -> None:
    """Add the command to an application."""
    app.command()(explain)


def explain(
    model: ModelArgument,
    picture: Annotated[str, typer.Argument(metavar="PHOTO", help="The picture.")],
    label: Annotated[
        list[str] | None,
        typer.Option(
            metavar="[GROUP:]LABEL",
            help="The label to explain. May be given several times.  [default: what the model says]",
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Draw where the model looked, as .png or .jpg."),
    ] = None,
    region: RegionOption = None,
    reference: ReferenceOption = None,
    crop_only: CropOnlyOption = False,
    format: Annotated[ReportFormat, typer.Option(help="How to print it.")] = ReportFormat.TEXT,
    threads: ThreadsOption = None,
    runtime: RuntimeOption = None,
) -> Work:
    """Say why a model is as sure of a label as it is.

    That is what speaks for and against it, where in the picture, and how deep in the network. What is shown adds
    up. It is computed by ONNX Runtime in float32, whatever says the confidence.
    """

    def work() -> int:
        from decisight.cli.explain import ExplainOptions, run
        from decisight.cli.regions import RegionRequest

        return run(
            ExplainOptions(
                model,
                picture,
                labels=label or (),
                output=output,
                format=format,
                threads=threads,
                runtime=runtime,
                regions=RegionRequest(region or (), reference, crop_only),
            )
        )

    return work

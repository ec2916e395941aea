"""The command that looks at labelled pictures before anything is learnt from them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from decisight.cli.options import (
    CropOnlyOption,
    DataArgument,
    GroupsOption,
    LearntRegionOption,
    ReferenceOption,
    ReportFormat,
    SourcePatternOption,
    ThreadsOption,
)

__all__ = ["register"]

Work: TypeAlias = Callable[[], int]


def register(app: typer.Typer) -> None:
    """Add the command to an application."""
    app.command()(audit)


def audit(
    data: DataArgument,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FOLDER|PAGE.html",
            help="Write one page that shows the pictures and needs nothing else; into a folder with audit.json beside.",
        ),
    ] = None,
    fix: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.csv",
            help="Write a list of the pictures that are fit to learn from, for train; and beside it what was left out.",
        ),
    ] = None,
    drop_suspects: Annotated[
        bool,
        typer.Option("--drop-suspects", help="Leave pictures whose label is suspected out of the list too."),
    ] = False,
    labels: Annotated[
        bool,
        typer.Option(
            "--labels/--no-labels",
            help="Look for wrong labels, and for what mistakes were learnt from: a model is trained for that.",
        ),
    ] = True,
    groups: GroupsOption = None,
    independent: Annotated[
        str | None,
        typer.Option(metavar="A,B", help="Columns in which any number of labels holds, though none shows it."),
    ] = None,
    source_pattern: SourcePatternOption = None,
    region: LearntRegionOption = None,
    reference: ReferenceOption = None,
    crop_only: CropOnlyOption = False,
    folds: Annotated[int, typer.Option(metavar="N", help="Folds of the cross-validation.")] = 5,
    seed: Annotated[int, typer.Option(metavar="N", help="Another seed deals other folds.")] = 0,
    backbone: Annotated[str, typer.Option(help="The pretrained network to build on.")] = "efficientnet_lite0",
    cache: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Where features are kept.  [default: in the user's cache folder]"),
    ] = None,
    no_cache: Annotated[bool, typer.Option("--no-cache", help="Keep no features.")] = False,
    threads: ThreadsOption = None,
    format: Annotated[ReportFormat, typer.Option(help="How to print the report.")] = ReportFormat.TEXT,
) -> Work:
    """Find what is wrong with labelled pictures.

    Pictures that cannot be read, that are there twice, in two splits or with two labels, that are tiny, dark, blurred
    or of an odd shape; labels that are rare, and labels that are probably wrong. Nothing is changed. Where something is
    certainly wrong, the exit status is 1.
    """

    def work() -> int:
        from decisight.cli.audit import AuditRequest, run
        from decisight.cli.regions import RegionRequest

        return run(
            AuditRequest(
                data=data,
                output=output,
                fix=fix,
                drop_suspects=drop_suspects,
                labels=labels,
                groups=_listed(groups),
                independent=_listed(independent) or (),
                source_pattern=source_pattern,
                regions=RegionRequest(region or (), reference, crop_only),
                backbone=backbone,
                folds=folds,
                seed=seed,
                cache=cache,
                keep_features=not no_cache,
                threads=threads,
                as_json=format is ReportFormat.JSON,
            )
        )

    return work


def _listed(names: str | None) -> list[str] | None:
    """``a,b`` as a list."""
    return None if names is None else [name.strip() for name in names.split(",")]

"""The command that chooses thresholds, and says what they promise."""

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
    MinFamiliarityOption,
    ModelArgument,
    ReferenceOption,
    ReportFormat,
    RuntimeOption,
    SourcePatternOption,
    Split,
    ThreadsOption,
)

__all__ = ["register"]

Work: TypeAlias = Callable[[], int]


def register(app: typer.Typer) -> None:
    """Add the command to an application."""
    app.command()(tune)


def tune(
    model: ModelArgument,
    data: DataArgument,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="The model file to write, with the thresholds in it.  [default: none: they are printed only]",
        ),
    ] = None,
    max_error: Annotated[
        list[str] | None,
        typer.Option(
            metavar="LABEL=0.05",
            help="Promise that at most this share of what is accepted as the label is wrong; 0.05 without a label: of "
            "each label. May be given several times.",
        ),
    ] = None,
    assurance: Annotated[
        float, typer.Option(metavar="0.5..1", help="How surely a promise is to hold; no number of pictures gives 1.")
    ] = 0.95,
    jointly: Annotated[
        bool, typer.Option("--jointly", help="The assurance is that all promises hold, instead of each for itself.")
    ] = False,
    costs: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Decide what is expected to cost least, by a YAML file that says what each confusion and a look by a "
            "person cost.",
        ),
    ] = None,
    min_precision: Annotated[
        list[str] | None,
        typer.Option(
            metavar="LABEL=0.9",
            help="The lowest threshold with this precision on these pictures, without a promise; 0.9: of each label.",
        ),
    ] = None,
    min_recall: Annotated[
        list[str] | None,
        typer.Option(
            metavar="LABEL=0.9",
            help="The highest threshold with this recall on these pictures, without a promise; 0.9: of each label.",
        ),
    ] = None,
    best: Annotated[
        list[str] | None,
        typer.Option(
            metavar="[LABEL=]f1",
            help="The threshold with the best F1 on these pictures, without a promise; f1: of each label.",
        ),
    ] = None,
    min_familiarity: MinFamiliarityOption = None,
    split: Annotated[
        Split | None,
        typer.Option(
            help="Which part.  [default: val, else test; of data without splits all that was not seen in training]"
        ),
    ] = None,
    region: LearntRegionOption = None,
    reference: ReferenceOption = None,
    crop_only: CropOnlyOption = False,
    groups: GroupsOption = None,
    source_pattern: SourcePatternOption = None,
    threads: ThreadsOption = None,
    runtime: RuntimeOption = None,
    format: Annotated[ReportFormat, typer.Option(help="How to print what was found.")] = ReportFormat.TEXT,
) -> Work:
    """Choose thresholds that promise something, or by costs.

    They are chosen by labelled pictures, and kept in the model. The pictures are such as the model has not learnt
    from. What cannot be promised with them is refused, with how many it would take, and nothing is written. What
    the model computes stays as it is.
    """

    def work() -> int:
        from decisight.cli.regions import RegionRequest
        from decisight.cli.tune import TuneOptions, run

        return run(
            TuneOptions(
                model=model,
                data=data,
                output=output,
                max_errors=max_error or (),
                assurance=assurance,
                jointly=jointly,
                costs=costs,
                min_precisions=min_precision or (),
                min_recalls=min_recall or (),
                best=best or (),
                min_familiarity=min_familiarity,
                split=None if split is None else split.value,
                groups=None if groups is None else [name.strip() for name in groups.split(",")],
                source_pattern=source_pattern,
                regions=RegionRequest(region or (), reference, crop_only),
                threads=threads,
                runtime=runtime,
                format=format,
            )
        )

    return work

"""The command that puts two models beside each other."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

import typer

from decisight.cli.options import (
    CropOnlyOption,
    DataArgument,
    GroupsOption,
    LearntRegionOption,
    ReferenceOption,
    RuntimeOption,
    SourcePatternOption,
    Split,
    ThreadsOption,
)
from decisight.errors import UsageError

__all__ = ["register"]

Work: TypeAlias = Callable[[], int]


class Required(StrEnum):
    """What the second model must show."""

    BETTER = "better"
    NOT_WORSE = "not-worse"


def register(app: typer.Typer) -> None:
    """Add the command to an application."""
    app.command()(compare)


def compare(
    a: Annotated[str, typer.Argument(metavar="A", help="A model file: the one in use.")],
    b: Annotated[str, typer.Argument(metavar="B", help="The other, which may take its place.")],
    data: DataArgument,
    split: Annotated[
        Split | None,
        typer.Option(help="Which part.  [default: test; of data without splits all that neither has seen in training]"),
    ] = None,
    require: Annotated[
        Required | None,
        typer.Option(
            help="End with status 1 unless the pictures show that B is better than A, or not worse by more than the "
            "margin: the 95 % interval of the difference decides, in every group."
        ),
    ] = None,
    metric: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="What --require is of: accuracy, balanced_accuracy, macro_f1, log_loss, cost or recall:LABEL.  "
            "[default: accuracy]",
        ),
    ] = None,
    margin: Annotated[
        float | None,
        typer.Option(
            metavar="X",
            help="How much worse B may be and still count as not worse, in units of the metric.  [default: 0.02]",
        ),
    ] = None,
    costs: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Compare too what the decisions cost, by this YAML file, as tune has it."),
    ] = None,
    json_file: Annotated[
        Path | None,
        typer.Option(
            "--json", metavar="FILE", help="Write the comparison as JSON; - for standard output, and nothing else."
        ),
    ] = None,
    folder: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="FOLDER", help="Write comparison.json and pictures.csv into this folder."
        ),
    ] = None,
    region: LearntRegionOption = None,
    reference: ReferenceOption = None,
    crop_only: CropOnlyOption = False,
    groups: GroupsOption = None,
    source_pattern: SourcePatternOption = None,
    threads: ThreadsOption = None,
    runtime: RuntimeOption = None,
) -> Work:
    """Compare two models on the same labelled pictures.

    Neither has learnt from these. Differences stand with their 95 % intervals, which are far narrower than those of
    two models judged one by one; and McNemar's test says whether they are more than chance. The pictures that only
    one of them has right are named.
    """

    def work() -> int:
        from decisight.cli.compare import CompareOptions, run
        from decisight.cli.regions import RegionRequest
        from decisight.evaluation.requirement import Requirement

        required = None
        if require is not None:
            kind: Literal["better", "not-worse"] = "better" if require is Required.BETTER else "not-worse"
            required = Requirement(kind, metric or "accuracy", margin)
        elif metric is not None or margin is not None:
            raise UsageError(
                f"{'--metric' if metric is not None else '--margin'} says what --require is of, and that is not given",
                hint="give --require better or --require not-worse too",
            )
        if required is not None and required.metric == "cost" and costs is None:
            raise UsageError("--metric cost needs to know what decisions cost", hint="give --costs FILE")
        return run(
            CompareOptions(
                a,
                b,
                data,
                split=None if split is None else split.value,
                json=json_file,
                folder=folder,
                costs=costs,
                requirement=required,
                source_pattern=source_pattern,
                groups=None if groups is None else [name.strip() for name in groups.split(",") if name.strip()],
                regions=RegionRequest(region or (), reference, crop_only),
                threads=threads,
                runtime=runtime,
            )
        )

    return work

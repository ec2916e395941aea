"""The commands, their arguments and options. What a command does is a function of a module of its own.

Nothing runs in here: a command function only says what is to be done, and :func:`parse` hands that back. So whatever
goes wrong goes wrong in one place, :mod:`decisight.cli.entry`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, TypeAlias

import typer
import typer.main

import decisight
from decisight.cli import (
    audit_command,
    collecting_commands,
    compare_command,
    drawing_commands,
    explain_command,
    site_commands,
    tune_command,
)
from decisight.cli.options import (
    CropOnlyOption,
    DataArgument,
    FallbackOption,
    GroupsOption,
    LearntRegionOption,
    MinFamiliarityOption,
    ModelArgument,
    ReferenceOption,
    RegionOption,
    ReportFormat,
    RuntimeOption,
    SourcePatternOption,
    Split,
    ThreadsOption,
    ThresholdOption,
)
from decisight.cli.renderings import Format
from decisight.cli.sequence_renderings import DecideFormat
from decisight.errors import UsageError
from decisight.types import DEFAULT_FALLBACK, FitMode

__all__ = ["Work", "app", "parse"]

Work: TypeAlias = Callable[[], int]
"""What a command does; it gives the exit status."""

app = typer.Typer(
    name="decisight",
    help="Turn pictures into decisions: train a classifier on labelled photos, see how far it can be trusted, use it.",
    epilog="Exit status: 0 done, 1 done but predict could not read some pictures, audit, doctor, check, replay or "
    "verify found something wrong, a camera could not be watched to its end or gave frame no picture, backtest found "
    "it worse than required, or compare did not find what is required, 2 refused, or the output could not be written "
    "to its end, 130 interrupted. Pictures that train, evaluate and compare cannot read are named, and the status is "
    "0.",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def parse(arguments: Sequence[str]) -> Work:
    """What the arguments ask for.

    Raises:
        UsageError: they cannot be understood.
    """
    try:
        work = typer.main.get_command(app).main(list(arguments), prog_name="decisight", standalone_mode=False)
    except typer.TyperException as error:
        context = getattr(error, "ctx", None)
        command = context.command_path if context else "decisight"
        raise UsageError(error.format_message(), hint=f"see: {command} --help") from error
    # Help and the version have been printed; what comes back is the exit status.
    return work if callable(work) else lambda: int(work or 0)


@app.callback(invoke_without_command=True)
def main(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Let tracebacks through, as DECISIGHT_DEBUG=1 does.")] = False,
) -> None:
    if version:
        typer.echo(f"decisight {decisight.__version__}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
        raise typer.Exit


@app.command()
def predict(
    model: ModelArgument,
    pictures: Annotated[
        list[str],
        typer.Argument(
            metavar="PATH",
            help="Pictures, folders of pictures, patterns like 'photos/**/*.jpg', or - for a list on stdin.",
        ),
    ],
    top: Annotated[int, typer.Option(metavar="N", min=1, help="How many labels the table shows.")] = 5,
    format: Annotated[
        Format | None, typer.Option(help="How to write the answers.  [default: as the output's name says, else table]")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Where to write.  [default: standard output]")
    ] = None,
    threshold: ThresholdOption = None,
    min_familiarity: MinFamiliarityOption = None,
    fallback: FallbackOption = None,
    region: RegionOption = None,
    reference: ReferenceOption = None,
    crop_only: CropOnlyOption = False,
    explain: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER", help="Draw where the model looked in each picture, into this folder, new or empty."
        ),
    ] = None,
    threads: ThreadsOption = None,
    runtime: RuntimeOption = None,
    null: Annotated[
        bool, typer.Option("--null", "-0", help="Names on stdin end with NUL, as of find -print0.")
    ] = False,
) -> Work:
    """Classify pictures and decide.

    A picture that cannot be read has its error in its own row; the rest goes on, and the exit status is 1.
    """

    def work() -> int:
        from decisight.cli.predict import PredictOptions, run
        from decisight.cli.regions import RegionRequest

        return run(
            PredictOptions(
                model=model,
                pictures=pictures,
                top=top,
                format=format,
                output=None if output == Path("-") else output,
                thresholds=threshold or (),
                min_familiarity=min_familiarity,
                fallback=fallback,
                threads=threads,
                runtime=runtime,
                null_separated=null,
                regions=RegionRequest(region or (), reference, crop_only),
                explain=explain,
            )
        )

    return work


@app.command()
def decide(
    model: ModelArgument,
    paths: Annotated[
        list[str],
        typer.Argument(
            metavar="PATH",
            help="Pictures in order; or folders, each a sequence in name order; or a CSV with the columns "
            "sequence,file_name[,time].",
        ),
    ],
    policy: Annotated[
        str,
        typer.Option(
            metavar="POLICY",
            help="majority_vote:3/5, weighted_average:10, consecutive:3, sequential_test:0.01, threshold:0.8; or a "
            "YAML file that says more.",
        ),
    ] = "majority_vote:3/5",
    threshold: ThresholdOption = None,
    min_familiarity: MinFamiliarityOption = None,
    fallback: FallbackOption = None,
    fps: Annotated[
        float | None, typer.Option(metavar="N", help="Pictures a second, where no table gives their times.")
    ] = None,
    region: RegionOption = None,
    reference: ReferenceOption = None,
    crop_only: CropOnlyOption = False,
    format: Annotated[
        DecideFormat | None,
        typer.Option(help="How to write the decisions.  [default: as the output's name says, else text]"),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Where to write.  [default: standard output]")
    ] = None,
    figures: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Write how good the decisions are as JSON, where the table has a column of each label group.",
        ),
    ] = None,
    threads: ThreadsOption = None,
    runtime: RuntimeOption = None,
) -> Work:
    """Decide from several pictures in a row.

    A policy turns the confidences of pictures that show the same place one after the other into one state, which does
    not flicker, and says why. A picture that cannot be read speaks for nothing; the exit status is then 1.
    """

    def work() -> int:
        from decisight.cli.decide import DecideOptions, run
        from decisight.cli.regions import RegionRequest

        return run(
            DecideOptions(
                model=model,
                paths=paths,
                policy=policy,
                thresholds=threshold or (),
                min_familiarity=min_familiarity,
                fallback=fallback,
                fps=fps,
                format=format,
                output=None if output == Path("-") else output,
                figures=figures,
                regions=RegionRequest(region or (), reference, crop_only),
                threads=threads,
                runtime=runtime,
            )
        )

    return work


@app.command()
def evaluate(
    model: ModelArgument,
    data: DataArgument,
    split: Annotated[
        Split | None,
        typer.Option(help="Which part.  [default: test; of data without splits all that was not seen in training]"),
    ] = None,
    json_file: Annotated[
        Path | None,
        typer.Option(
            "--json", metavar="FILE", help="Write the figures as JSON; - for standard output, and nothing else."
        ),
    ] = None,
    folder: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FOLDER",
            help="Write plots, evaluation.json and predictions.csv into this folder.",
        ),
    ] = None,
    report: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Write report.html into this folder, one page that shows the pictures and needs nothing else; and "
            "evaluation.json and predictions.csv beside it.",
        ),
    ] = None,
    costs: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="What confusions cost, as for tune: it is then said which figure counts by that. Decides nothing.",
        ),
    ] = None,
    threshold: ThresholdOption = None,
    min_familiarity: MinFamiliarityOption = None,
    region: LearntRegionOption = None,
    reference: ReferenceOption = None,
    crop_only: CropOnlyOption = False,
    groups: GroupsOption = None,
    source_pattern: SourcePatternOption = None,
    threads: ThreadsOption = None,
    runtime: RuntimeOption = None,
) -> Work:
    """See how far a model can be trusted.

    It is judged on labelled pictures that it has not learnt from, by accuracy, balanced accuracy, precision, recall,
    F1, ROC-AUC, average precision and calibration error, each with its 95 % interval; and by the confusion matrix.
    Which of these figures to look at is said with them.
    """

    def work() -> int:
        from decisight.cli.evaluate import EvaluateOptions, run
        from decisight.cli.regions import RegionRequest

        return run(
            EvaluateOptions(
                model=model,
                data=data,
                split=None if split is None else split.value,
                json=json_file,
                folder=folder,
                report=report,
                costs=costs,
                source_pattern=source_pattern,
                groups=_listed(groups),
                thresholds=threshold or (),
                min_familiarity=min_familiarity,
                regions=RegionRequest(region or (), reference, crop_only),
                threads=threads,
                runtime=runtime,
            )
        )

    return work


@app.command()
def train(
    data: DataArgument,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="The model file to write.")],
    name: Annotated[str | None, typer.Option(help="The model's name.  [default: the file's]")] = None,
    groups: GroupsOption = None,
    independent: Annotated[
        str | None,
        typer.Option(metavar="A,B", help="Columns in which any number of labels holds, though none shows it."),
    ] = None,
    source_pattern: SourcePatternOption = None,
    region: LearntRegionOption = None,
    reference: ReferenceOption = None,
    crop_only: CropOnlyOption = False,
    holdout: Annotated[
        float, typer.Option(help="Share of the sources set aside for testing where the data is not divided.")
    ] = 0.2,
    fit: Annotated[
        FitMode | None, typer.Option(help="How a picture is brought to a square.  [default: chosen]")
    ] = None,
    depths: Annotated[
        str | None, typer.Option(help="Depths of the backbone to look at: last, deep, all, shallow.  [default: chosen]")
    ] = None,
    pooling: Annotated[str | None, typer.Option(help="mean, mean+max or mean+max+halves.  [default: chosen]")] = None,
    mirror: Annotated[
        bool | None, typer.Option("--mirror/--no-mirror", help="Learn from mirrored pictures too.  [default: chosen]")
    ] = None,
    strength: Annotated[
        float | None, typer.Option(help="Inverse strength of regularisation.  [default: chosen]")
    ] = None,
    balance: Annotated[
        bool, typer.Option("--balance", help="Let every class count the same. Distorts confidences: prefer thresholds.")
    ] = False,
    folds: Annotated[int, typer.Option(metavar="N", help="Folds of the cross-validation.")] = 5,
    seed: Annotated[int, typer.Option(metavar="N", help="Another seed deals other folds.")] = 0,
    threshold: ThresholdOption = None,
    min_familiarity: Annotated[
        float | None,
        typer.Option(
            metavar="0..1",
            min=0.0,
            max=1.0,
            help="The least familiarity that the model asks for where nobody says otherwise, for example 0.01.",
        ),
    ] = None,
    fallback: Annotated[
        str, typer.Option(metavar="STATE", help="The decision where no threshold is met.")
    ] = DEFAULT_FALLBACK,
    backbone: Annotated[str, typer.Option(help="The pretrained network to build on.")] = "efficientnet_lite0",
    cache: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Where features are kept.  [default: in the user's cache folder]"),
    ] = None,
    no_cache: Annotated[bool, typer.Option("--no-cache", help="Keep no features.")] = False,
    allow_duplicates: Annotated[
        bool,
        typer.Option(
            "--allow-duplicates",
            help="Learn although pictures of one split are copies of pictures in another; figures then flatter.",
        ),
    ] = False,
    threads: ThreadsOption = None,
    format: Annotated[ReportFormat, typer.Option(help="How to print the report.")] = ReportFormat.TEXT,
) -> Work:
    """Learn a classifier from labelled pictures.

    DATA is a folder of class folders (in train/ val/ test/, or alone), a folder with metadata.csv or metadata.jsonl,
    or a CSV or JSONL file with the column file_name and one column for each label group.
    """

    def work() -> int:
        from decisight.cli.regions import RegionRequest
        from decisight.cli.train import TrainRequest, run

        return run(
            TrainRequest(
                data=data,
                output=output,
                name=name,
                backbone=backbone,
                fit=fit,
                depths=depths,
                pooling=pooling,
                mirror=mirror,
                strength=strength,
                folds=folds,
                seed=seed,
                thresholds=threshold or (),
                min_familiarity=min_familiarity,
                fallback=fallback,
                balance=balance,
                holdout=holdout,
                groups=_listed(groups),
                independent=_listed(independent) or (),
                source_pattern=source_pattern,
                regions=RegionRequest(region or (), reference, crop_only).regions(),
                cache=cache,
                keep_features=not no_cache,
                threads=threads,
                allow_duplicates=allow_duplicates,
                as_json=format is ReportFormat.JSON,
            )
        )

    return work


@app.command()
def info(
    model: ModelArgument,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> Work:
    """Show what a model says of itself.

    That is its labels, how it was made, and how good it was found to be.
    """

    def work() -> int:
        from decisight.cli.info import run

        return run(model, as_json=as_json)

    return work


@app.command()
def bench(
    model: ModelArgument,
    pictures: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[PATH]...", help="Pictures to measure with, and folders of some.  [default: rendered ones]"
        ),
    ] = None,
    seconds: Annotated[float, typer.Option(metavar="S", min=1, max=3600, help="How long to measure, about.")] = 10.0,
    threads: ThreadsOption = None,
    runtime: RuntimeOption = None,
    format: Annotated[ReportFormat, typer.Option(help="How to print the report.")] = ReportFormat.TEXT,
) -> Work:
    """Measure how fast a model is on this machine.

    Pictures per second from file to confidences, beside decoding alone and the network alone; how long one picture
    takes from its content to JSON; and the most memory that was held.
    """

    def work() -> int:
        from decisight.cli.bench import BenchOptions, run

        return run(
            BenchOptions(
                model=model,
                pictures=pictures or (),
                seconds=seconds,
                threads=threads,
                runtime=runtime,
                as_json=format is ReportFormat.JSON,
            )
        )

    return work


@app.command()
def demo(
    folder: Annotated[Path, typer.Option("-o", "--output", metavar="FOLDER", help="Where everything goes.")] = Path(
        "demo"
    ),
    pictures: Annotated[int, typer.Option(metavar="N", min=48, max=100_000, help="How many pictures to draw.")] = 360,
    seed: Annotated[int, typer.Option(metavar="N", min=0, help="Another seed draws other workers.")] = 0,
    threads: ThreadsOption = None,
) -> Work:
    """Go the whole way, offline.

    Classify photographs, draw a gate camera's pictures, train on them, evaluate, decide. A folder that an earlier demo
    wrote is used again: its own files are replaced, others are left alone.
    """

    def work() -> int:
        from decisight.cli.demo import DemoOptions, run

        return run(DemoOptions(folder, pictures, seed, threads))

    return work


@app.command()
def doctor(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> Work:
    """Say what Decisight runs on and what is wrong.

    What is installed, which runtime and how many threads will be used, and whether anything is missing or broken.
    """

    def work() -> int:
        from decisight.cli.doctor import run

        return run(as_json)

    return work


site_commands.register(app)
collecting_commands.register(app)
drawing_commands.register(app)
audit_command.register(app)
compare_command.register(app)
explain_command.register(app)
tune_command.register(app)


def _listed(names: str | None) -> list[str] | None:
    """``a,b`` as a list."""
    return None if names is None else [name.strip() for name in names.split(",")]

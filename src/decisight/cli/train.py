"""``decisight train``: from labelled pictures to a model file."""

from __future__ import annotations

import json
import shlex
import shutil
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from decisight.cli import output
from decisight.cli.console import progress_bars, say, terminal, warn
from decisight.cli.judging import say_skipped
from decisight.cli.unfamiliar import warn_of_familiarity
from decisight.errors import OutputError
from decisight.types import DEFAULT_FALLBACK, FitMode

if TYPE_CHECKING:
    from decisight.data.dataset import Dataset
    from decisight.regions import Region
    from decisight.training.cache import FeatureCache
    from decisight.training.options import Trained, TrainOptions

__all__ = ["TrainRequest", "run"]

_ROOM = 30_000_000
"""Bytes that must be free for a model. The backbones that there are make models of half that and less."""


@dataclass(frozen=True, slots=True)
class TrainRequest:
    """What ``decisight train`` was asked for; see its help."""

    data: Path
    output: Path
    name: str | None = None
    backbone: str = "efficientnet_lite0"
    fit: FitMode | None = None
    depths: str | None = None
    pooling: str | None = None
    mirror: bool | None = None
    strength: float | None = None
    folds: int = 5
    seed: int = 0
    thresholds: Sequence[str] = ()
    min_familiarity: float | None = None
    fallback: str = DEFAULT_FALLBACK
    balance: bool = False
    holdout: float = 0.2
    groups: Sequence[str] | None = None
    independent: Sequence[str] = ()
    source_pattern: str | None = None
    regions: tuple[Region, ...] = ()
    cache: Path | None = None
    keep_features: bool = True
    threads: int | None = None
    allow_duplicates: bool = False
    as_json: bool = False


def run(request: TrainRequest) -> int:
    """Train a model, write it, and print what was chosen, why, and how good it is.

    Returns:
        The exit status, 0; pictures that could not be read are named.

    Raises:
        DecisightError: nothing can be learnt or written as asked.
    """
    from decisight.compute import threads
    from decisight.data.reading import read_dataset
    from decisight.models.model_file import write_model
    from decisight.training.train import train

    _check_output(request.output)
    options, begun = _options(request), time.perf_counter()
    dataset = read_dataset(
        request.data, groups=request.groups, independent=request.independent, source_pattern=request.source_pattern
    )
    with closing(_cache(request)) as cache, progress_bars(terminal(sys.stderr)) as progress:
        trained = train(dataset, options, cache=cache, progress=progress, threads=threads(request.threads).count)
    write_model(request.output, trained.model)
    warn_of_familiarity(trained.model.card, [request.min_familiarity])
    seconds = time.perf_counter() - begun
    if cache.trouble:
        warn(
            f"features are not kept for the next training: {cache.trouble}",
            "name a new file with --cache FILE, or keep none: --no-cache",
        )
    say_skipped(trained.report.skipped)
    if request.as_json:
        say(json.dumps(_summary(request, trained, seconds), indent=2))
    else:
        say("\n".join(_lines(request, dataset, trained, seconds)))
    return 0


def _check_output(path: Path) -> None:
    from decisight.imaging import printable

    output.check_file(path, example="model.onnx")
    _check_room(path)
    if path.suffix.lower() != ".onnx":
        if path.exists():
            raise OutputError(
                f"{printable(path)} is there already, and by its name it is no model: it would be lost",
                hint="name a file that ends in .onnx",
            )
        warn(f"{printable(path)} does not end in .onnx, so other tools may not know it for a model")


def _check_room(path: Path) -> None:
    """Make sure that a model fits, before work is spent on it."""
    from decisight.imaging import printable

    if path.exists() and not path.is_file():
        return
    folder = path.resolve().parent
    free = shutil.disk_usage(folder).free
    if free < _ROOM:
        raise OutputError(
            f"{printable(path)} cannot be written: only {free / 1e6:.1f} MB are free in {printable(folder)}, and a "
            f"model takes up to {_ROOM / 1e6:.0f} MB",
            hint="make room, or name another place",
        )


def _options(request: TrainRequest) -> TrainOptions:
    """The options of training.

    Raises:
        UsageError: one of them cannot be used.
    """
    from decisight.policies.threshold import parse_thresholds
    from decisight.training.options import TrainOptions

    return TrainOptions(
        name=request.output.stem if request.name is None else request.name,
        backbone=request.backbone,
        fit=request.fit,
        depths=request.depths,
        pooling=request.pooling,
        mirror=request.mirror,
        strength=request.strength,
        folds=request.folds,
        seed=request.seed,
        thresholds=parse_thresholds(list(request.thresholds)),
        min_familiarity=request.min_familiarity,
        fallback=request.fallback,
        balance=request.balance,
        holdout=request.holdout,
        regions=request.regions,
        allow_duplicates=request.allow_duplicates,
    )


def _cache(request: TrainRequest) -> FeatureCache:
    from decisight.training.cache import FeatureCache, default_cache_path

    if not request.keep_features:
        return FeatureCache(None)
    return FeatureCache(default_cache_path() if request.cache is None else request.cache)


def _summary(request: TrainRequest, trained: Trained, seconds: float) -> dict[str, Any]:
    report, model = trained.report, trained.model
    return {
        "model": {"path": str(request.output), "name": model.card.name, "digest": model.graph_digest},
        "pictures": report.pictures,
        "choices": [{"group": c.group, "name": c.name, "value": c.value, "why": c.why} for c in report.choices],
        "evaluated_on": report.evaluated_on,
        "evaluation": report.evaluation.to_json(),
        "familiarity": model.card.familiarity or None,
        "skipped": [{"path": str(s.path), "why": s.why} for s in report.skipped],
        "notes": list(report.notes),
        "seconds": {**report.seconds, "total": seconds},
    }


def _lines(request: TrainRequest, dataset: Dataset, trained: Trained, seconds: float) -> Iterator[str]:
    from decisight.evaluation.text import class_table, summary_table
    from decisight.imaging import printable
    from decisight.models.familiarity import calibrated_on

    report = trained.report
    yield f"{printable(trained.model.card.name)}: learnt from {report.pictures} pictures of {printable(request.data)}"
    for note in report.notes:
        yield from (f"note: {line}" for line in note.splitlines())
    yield "\nWhat was chosen, and why"
    for choice in report.choices:
        of = f"{choice.group}: " if choice.group else ""
        yield f"  {of}{choice.name} {choice.value}: {choice.why}"
    yield f"\nHow good it is ({report.evaluated_on})"
    for group in report.evaluation.groups:
        yield f"\n{printable(group.group.name)}: {group.n} pictures\n\n{summary_table(group)}\n\n{class_table(group)}"
    yield f"\nHow familiar a picture is: {calibrated_on(trained.model.card.familiarity)}"
    yield "\nHow long it took"
    yield "  " + ", ".join(f"{name} {taken:.1f} s" for name, taken in {**report.seconds, "total": seconds}.items())
    yield f"\nWritten to {printable(request.output)}. What next:"
    yield from (f"  {command}" for command in _next_commands(request, dataset))


def _next_commands(request: TrainRequest, dataset: Dataset) -> Iterator[str]:
    """What can be run now, as a shell takes it; not what has a name that cannot be shown."""
    from decisight.imaging import printable

    model, data = _operand(request.output), _operand(request.data)
    looking = [f"--region={_region_text(region)}" for region in request.regions]
    looking += ["--crop-only"] * any(not region.masked for region in request.regions)
    reading = [] if request.groups is None else [f"--groups={','.join(request.groups)}"]
    if request.source_pattern is not None:
        reading.append(f"--source-pattern={request.source_pattern}")
    commands = [["predict", *looking, model, "PICTURES"]]
    if "test" in dataset.splits or (not dataset.splits and request.holdout > 0):
        commands.append(["evaluate", model, data, *reading, *looking])
    elif "val" in dataset.splits:
        commands.append(["evaluate", model, data, "--split=val", *reading, *looking])
    lines = [shlex.join(["decisight", *words]) for words in commands]
    yield from (line for line in lines if printable(line) == line)


def _operand(path: Path) -> str:
    """A path that is not taken for an option."""
    text = str(path)
    return f"./{text}" if text.startswith("-") else text


def _region_text(region: Region) -> str:
    return f"{region.name}={' '.join(f'{x!r},{y!r}' for x, y in region.polygon)}"

"""``decisight bench``: how fast a model is on this machine."""

from __future__ import annotations

import itertools
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from decisight.cli import output
from decisight.cli.console import progress_bars, say, terminal, warn
from decisight.cli.pictures import PictureSearch
from decisight.cli.predict import load_model, rule_for
from decisight.errors import UsageError
from decisight.types import Answer

if TYPE_CHECKING:
    from decisight.evaluation.speed import Speed
    from decisight.models.classifier import Classifier

__all__ = ["BenchOptions", "describe", "run"]

_MOST = 200
"""Pictures taken of those that were named: all of them are held in memory."""

_RENDERED = 8
_CAMERA = (1280, 720)
"""Width and height of rendered pictures: what many a camera sends."""

_QUALITY = 85
_MS = 1e3


@dataclass(frozen=True, slots=True)
class BenchOptions:
    """What ``decisight bench`` was asked for; see its help."""

    model: str
    pictures: Sequence[str] = ()
    seconds: float = 10.0
    threads: int | None = None
    runtime: str | None = None
    as_json: bool = False


def run(options: BenchOptions) -> int:
    """Measure a model and print what was found. Writes nothing.

    Returns:
        The exit status, 0.

    Raises:
        DecisightError: the model or a picture cannot be used.
    """
    from decisight.evaluation.speed import measure

    model = load_model(options.model, threads=options.threads, runtime=options.runtime)
    rule = rule_for(model, (), None)

    def answer(content: bytes) -> str:
        prediction = model.predict(content)
        return Answer("photo.jpg", model.reference, prediction, rule.decide(prediction)).to_text()

    paths = _named(options.pictures)
    contents = _contents(model, paths) if paths else list(_rendered())
    with progress_bars(terminal(sys.stderr)) as progress:
        speed = measure(model, paths or contents, contents, answer, seconds=options.seconds, progress=progress)
    found = describe(model, speed, contents, rendered=not paths)
    if options.as_json:
        with output.standard_output(utf8=True) as stream:
            stream.write(json.dumps(found, indent=2, ensure_ascii=False) + "\n")
    else:
        for line in _lines(found):
            say(line)
    if found["unsteady"]:
        warn(
            f"the rounds differ by {found['spread']:.1f} to 1: something else uses this machine",
            "measure again on a quiet machine, or longer with --seconds",
        )
    return 0


def describe(model: Classifier, speed: Speed, contents: Sequence[bytes], *, rendered: bool) -> dict[str, Any]:
    """What was measured, on what, as JSON values: rates in pictures per second, latencies in milliseconds."""
    from decisight import compute
    from decisight.evaluation.speed import UNSTEADY

    spread = speed.spread(lambda r: r.end_to_end)
    return {
        "model": {"name": model.name, "digest": model.file.graph_digest},
        "runtime": model.runtime.to_json(),
        "threads": model.threads,
        "chip": compute.chip().name,
        "cpus": compute.available_cpus(),
        "pictures": {"count": len(contents), "bytes": sum(map(len, contents)), "rendered": rendered},
        "pictures_per_second": {
            "end_to_end": round(speed.rate(lambda r: r.end_to_end), 1),
            "decode": round(speed.rate(lambda r: r.decode), 1),
            "forward": round(speed.rate(lambda r: r.forward), 1),
            "limit": round(speed.rate(lambda r: r.limit), 1),
            "share_of_limit": round(speed.rate(lambda r: r.share), 3),
        },
        "one_picture_ms": {
            "p50": round(speed.percentile(50) * _MS, 2),
            "p95": round(speed.percentile(95) * _MS, 2),
            "p99": round(speed.percentile(99) * _MS, 2),
            "by_decode_and_forward": round(speed.rate(lambda r: r.overhead), 3),
        },
        "peak_memory_bytes": compute.peak_memory_bytes(),
        "rounds": len(speed.rounds),
        "spread": round(spread, 2),
        "unsteady": spread > UNSTEADY,
    }


def _named(arguments: Sequence[str]) -> list[str]:
    """The pictures that arguments name, the first few of them.

    Raises:
        UsageError: there is none.
    """
    search = PictureSearch(arguments)
    found = list(itertools.islice(search, _MOST))
    if arguments and not found:
        problems = "; ".join(search.complaints) or "the list on standard input is empty"
        raise UsageError(
            f"there is nothing to measure with: {problems}",
            hint="name pictures, or folders that hold some; without any, rendered ones are used",
        )
    return found


def _contents(model: Classifier, paths: Sequence[str]) -> list[bytes]:
    """Of the pictures' files.

    Raises:
        ImageError: one cannot be read or decoded; the message says which.
    """
    from pathlib import Path

    from decisight import imaging

    for path in paths:
        model.prepare(path)
    return [imaging.read_bytes(Path(path)) for path in paths]


def _rendered() -> Iterator[bytes]:
    import numpy as np

    from decisight import imaging
    from decisight.sources.rendered import random_scene, render

    for number in range(_RENDERED):
        scene = random_scene(np.random.default_rng([number, len("bench")]))
        yield imaging.encode_jpeg(render(scene, _CAMERA), quality=_QUALITY)


def _lines(found: dict[str, Any]) -> Iterator[str]:
    from rich.filesize import decimal

    from decisight.imaging import printable

    rates, one, runtime = found["pictures_per_second"], found["one_picture_ms"], found["runtime"]
    pictures, memory = found["pictures"], found["peak_memory_bytes"]
    kind = f"rendered, {_CAMERA[0]} x {_CAMERA[1]} pixels" if pictures["rendered"] else "as named"
    yield f"{printable(found['model']['name'])} on {printable(found['chip'])}"
    yield f"{runtime['name']} {runtime['version']}, {runtime['precision']}, {found['threads']} threads"
    yield f"{pictures['count']} pictures, {kind}, {decimal(pictures['bytes'] // pictures['count'])} each"
    yield ""
    yield f"end to end         {rates['end_to_end']:8.1f} pictures/s"
    yield f"  decoding alone   {rates['decode']:8.1f} pictures/s"
    yield f"  network alone    {rates['forward']:8.1f} pictures/s"
    yield f"  share of limit   {rates['share_of_limit']:8.0%} of 1 / (1 / decoding + 1 / network)"
    yield f"one picture        {one['p50']:8.2f} ms (median) from its content to JSON"
    yield f"  95 of 100        {one['p95']:8.2f} ms at most"
    yield f"  99 of 100        {one['p99']:8.2f} ms at most"
    yield f"  by its parts     {one['by_decode_and_forward']:8.2f} times decoding it and computing it"
    if memory is not None:
        yield f"peak memory        {decimal(memory):>11}"

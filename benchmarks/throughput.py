"""How fast JPEG files become confidences, beside what decoding and the bare network allow, and beside PyTorch.

    python benchmarks/throughput.py [--photos FOLDER] [--rounds 7] [--times 3] [--json FILE]
    python benchmarks/throughput.py --peers [FOLDER] [--torch torch==2.13.0]       # beside PyTorch as well

Everything is measured in every round, forwards and backwards by turns, so that a machine that slows down slows all of
it down; a first pass is not counted. A ratio is taken within each round, and its median is held against the limit; the
rates are medians too.

- *end to end*: ``decisight.load("imagenet:efficientnet_lite0").predict_stream(paths)``.
- *command line*: ``decisight predict`` with a list on standard input; the whole process, its start included. *One
  photo* is little else than the start, and *started* is the rate without it.
- *decode*: the file read, decoded by simplejpeg at full size, and brought to 224 x 224 as the model wants it. The line
  after it does the same with Pillow's box filter, an area average.
- *forward*: the graph alone, on pictures that are ready, in three ways, of which the fastest of the round counts.
- *peer*: the same weights in eager PyTorch, see ``throughput_peers.py``. Its environment is made in FOLDER, which is
  kept and used again, or in a temporary one; that needs a package index and room for PyTorch.

Decoding and computing on the same threads can be no faster than 1 / (1 / decode + 1 / forward). End to end has to reach
80 % of that, and three times the faster of the peer's two ways in the round. Measure on a quiet machine: another
program costs PyTorch, whose threads wait for each other, far more than its share.

Without ``--photos`` the photos are those of the shared set where it is there, else 200 cut out of photos that ship with
scikit-learn and matplotlib.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

import decisight
from _machine import machine
from _peer import Peer, peer_environment
from _photos import MODEL, describe, sample_photos
from decisight import imaging
from decisight.compute import open_session
from decisight.errors import ImageError
from decisight.models.classifier import Classifier
from decisight.models.model_file import output_name
from decisight.types import DEFAULT_GROUP

HERE = Path(__file__).resolve().parent
LEAST_SHARE = 0.8
LEAST_RATIO = 3.0
CHUNK = 4
UNSTEADY = 1.3
ONE_PHOTO, STARTED = "command line, one photo", "command line, started"

Pixels = npt.NDArray[np.uint8]
Rate = Callable[[], float]
"""Does a slice of work; pictures per second."""
Rates = dict[str, list[float]]
"""Pictures per second by way, one figure a round."""


@dataclass(frozen=True)
class Verdict:
    """A ratio beside the least that it may be.

    Args:
        name: what is compared with what.
        rounds: the ratio within each round.
        least: what the median has to reach; ``None`` where it is only shown.
    """

    name: str
    rounds: list[float]
    least: float | None = None

    @property
    def median(self) -> float:
        """The median of the rounds."""
        return statistics.median(self.rounds)

    @property
    def kept(self) -> bool:
        """Whether the median reaches what it has to."""
        return self.least is None or self.median >= self.least


def rate(count: int, work: Callable[[], object]) -> float:
    """Pictures per second of work on so many."""
    gc.collect()
    begin = time.perf_counter()
    work()
    return count / (time.perf_counter() - begin)


def consume(items: Iterable[object]) -> None:
    """Take all items and keep none."""
    for item in items:
        if isinstance(item, ImageError):
            raise SystemExit(f"a photo cannot be read: {item}")


def command_line(paths: Sequence[str], threads: int, folder: Path) -> None:
    """Predict with the command, in a process of its own."""
    names = folder / "names.txt"
    names.write_bytes(b"".join(os.fsencode(os.path.abspath(p)) + b"\n" for p in paths))
    command = [sys.executable, "-m", "decisight", "predict", MODEL, "-", "--format", "jsonl", "-o"]
    with names.open("rb") as file:
        subprocess.run([*command, folder / "answers.jsonl", "--threads", str(threads)], stdin=file, check=True)


def decode_as_model(model: Classifier) -> Callable[[str], Pixels]:
    """From a file to pixels, as the model wants them, with nothing checked."""
    import simplejpeg

    wanted = model.card.preprocessing

    def work(path: str) -> Pixels:
        pixels = simplejpeg.decode_jpeg(Path(path).read_bytes(), "RGB")
        return imaging.fit(pixels, wanted.size, wanted.fit, wanted.fill)

    return work


def decode_with_box(size: int) -> Callable[[str], Pixels]:
    """From a file to the same centre square, as an area average."""
    import simplejpeg
    from PIL import Image

    def work(path: str) -> Pixels:
        pixels = simplejpeg.decode_jpeg(Path(path).read_bytes(), "RGB")
        height, width = pixels.shape[:2]
        side = round(imaging.CROP_SHARE * min(height, width))
        top, left = (height - side) // 2, (width - side) // 2
        square = Image.fromarray(pixels[top : top + side, left : left + side])
        return np.asarray(square.resize((size, size), Image.Resampling.BOX))

    return work


def spinning_session(graph: bytes, threads: int) -> Any:
    """A session as ONNX Runtime opens it by itself, but for the number of its threads."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])


def our_ways(model: Classifier, pool: ThreadPoolExecutor, photos: Sequence[str], times: int) -> dict[str, Rate]:
    """Everything but the command line and the peer."""
    threads, paths = model.threads, [*photos] * times
    as_model, as_box = decode_as_model(model), decode_with_box(model.card.preprocessing.size)
    ready = np.stack([as_model(path) for path in photos])

    def decode(work: Callable[[str], Pixels]) -> None:
        # Handed out in chunks: one task a photo would measure the hand-over too.
        parts = [paths[at : at + CHUNK] for at in range(0, len(paths), CHUNK)]
        consume(pool.map(lambda part: sum(int(work(path)[0, 0, 0]) for path in part), parts))

    def forward(session: Any, size: int, run_all: Callable[..., Iterable[object]]) -> None:
        parts = [ready[at : at + size] for _ in range(times) for at in range(0, len(ready), size)]
        output = [output_name(DEFAULT_GROUP)]
        consume(run_all(lambda part: session.run(output, {"image": part})[0].shape, parts))

    graph = model.file.graph
    alone, together = open_session(graph, threads=1), open_session(graph, threads=threads)
    spinning, count = spinning_session(graph, threads), len(paths)
    return {
        "end to end": lambda: rate(count, lambda: consume(model.predict_stream(paths))),
        "decode": lambda: rate(count, lambda: decode(as_model)),
        "decode, box filter": lambda: rate(count, lambda: decode(as_box)),
        "forward, each thread its batch of 4": lambda: rate(count, lambda: forward(alone, 4, pool.map)),
        "forward, together on a batch of 8": lambda: rate(count, lambda: forward(together, 8, map)),
        "forward, together, spinning": lambda: rate(count, lambda: forward(spinning, 8, map)),
    }


def peer_ways(peer: Peer, photos: Sequence[str]) -> dict[str, Rate]:
    """The peer on the same photos, in the same order, by the size of its batches."""

    def ask(batch: int) -> float:
        return len(photos) / float(peer.ask(batch=batch, photos=photos)["seconds"])

    return {"peer, batch 8": lambda: ask(8), "peer, batch 1": lambda: ask(1)}


def agreement(model: Classifier, peer: Peer, photos: Sequence[str], folder: Path) -> dict[str, float]:
    """How far the peer and the model agree: on the same pixels, and on photos that each decodes in its own way.

    Returns:
        Shares of pictures with the same top label, 0..1, and the largest difference of its confidence on same pixels.
    """
    labels = model.task.groups[0].labels
    ready = np.stack([model.prepare(path) for path in photos])
    np.save(folder / "pixels.npy", ready)
    same = peer.ask(batch=8, pixels=str(folder / "pixels.npy"))["top"]
    own = peer.ask(batch=8, photos=photos)["top"]
    ours = [p.top() for p in model.predict_batch(photos)]
    return {
        "same_pixels": statistics.fmean(labels[i] == o.label for (i, _), o in zip(same, ours, strict=True)),
        "own_decoding": statistics.fmean(labels[i] == o.label for (i, _), o in zip(own, ours, strict=True)),
        "largest_difference": max(abs(c - o.confidence) for (_, c), o in zip(same, ours, strict=True)),
    }


def measure(ways: Mapping[str, Rate], rounds: int) -> Rates:
    """Every way in every round; a first round is not counted."""
    rates: Rates = {name: [] for name in ways}
    for number in range(rounds + 1):
        for name in list(ways) if number % 2 else reversed(list(ways)):
            rates[name].append(ways[name]())
        print(f"round {number} of {rounds}: {rates['end to end'][-1]:.1f} photos/s end to end", flush=True)
    return {name: found[1:] for name, found in rates.items()}


def fastest(rates: Rates, kind: str) -> list[float]:
    """The fastest way of a kind in each round."""
    return [max(at_once) for at_once in zip(*(r for name, r in rates.items() if name.startswith(kind)), strict=True)]


def verdicts(rates: Rates) -> list[Verdict]:
    """The ratios that count, and those that are only shown."""
    ours, forward = rates["end to end"], fastest(rates, "forward")

    def share(way: str, decode: str) -> list[float]:
        return [e * (1 / d + 1 / f) for e, d, f in zip(rates[way], rates[decode], forward, strict=True)]

    found = [
        Verdict("end to end / limit", share("end to end", "decode"), LEAST_SHARE),
        Verdict("end to end / limit by the box filter", share("end to end", "decode, box filter")),
        Verdict("command line / limit", share("command line", "decode")),
        Verdict("command line, started / limit", share(STARTED, "decode")),
    ]
    if peer := fastest(rates, "peer"):
        found.append(Verdict("end to end / peer", [a / b for a, b in zip(ours, peer, strict=True)], LEAST_RATIO))
    return found


def started(rates: Rates, count: int) -> list[float]:
    """The rate of the command line without its start, which is what the first photo takes."""
    seconds = [count / many - 1 / one for many, one in zip(rates["command line"], rates[ONE_PHOTO], strict=True)]
    # Of a handful of photos the start is all that can be seen.
    return [(count - 1) / max(s, 1e-3 * count) for s in seconds]


def show(rates: Rates, found: Sequence[Verdict]) -> None:
    """Print the rates and the ratios, each with its least and largest round."""
    print(f"\n{'photos per second':40}{'median':>8}{'least':>8}{'most':>8}")
    for name, rounds in rates.items():
        print(f"{name:40}{statistics.median(rounds):8.1f}{min(rounds):8.1f}{max(rounds):8.1f}")
    print(f"\n{'ratio within a round, to the fastest way':40}{'median':>8}{'least':>8}{'most':>8}")
    for verdict in found:
        limit = "" if verdict.least is None else f"  limit {verdict.least:g} {'kept' if verdict.kept else 'NOT KEPT'}"
        print(f"{verdict.name:40}{verdict.median:8.3f}{min(verdict.rounds):8.3f}{max(verdict.rounds):8.3f}{limit}")
    unsteady = [name for name, rounds in rates.items() if max(rounds) > UNSTEADY * min(rounds)]
    if unsteady:
        # PyTorch's threads wait for each other after every layer, so another program costs it far more than its share.
        print(f"the machine was not quiet: measure again what concerns {'; '.join(unsteady)}")


def run(options: argparse.Namespace, photos: Sequence[str], peer: Peer | None) -> dict[str, Any]:
    """Measure, print, and return what was found, ready for JSON."""
    model = decisight.load(MODEL, threads=options.threads)
    result: dict[str, Any] = {"machine": machine(), "photos": describe(photos), "threads": options.threads}
    paths = [*photos] * options.times
    with (
        ThreadPoolExecutor(options.threads) as pool,
        tempfile.TemporaryDirectory(prefix="decisight-throughput-") as name,
    ):
        folder = Path(name)
        ways = our_ways(model, pool, photos, options.times)
        if peer is not None:
            result["peer"] = {"versions": peer.versions, "agreement": agreement(model, peer, photos, folder)}
            show_agreement(result["peer"]["agreement"])
            ways |= peer_ways(peer, photos)
        ways["command line"] = lambda: rate(len(paths), lambda: command_line(paths, options.threads, folder))
        ways[ONE_PHOTO] = lambda: rate(1, lambda: command_line(paths[:1], options.threads, folder))
        rates = measure(ways, options.rounds)
    rates[STARTED] = started(rates, len(paths))
    found = verdicts(rates)
    show(rates, found)
    return {
        **result,
        "rounds": options.rounds,
        "photos_a_round": len(paths),
        "rates": {name: {"median": statistics.median(r), "rounds": r} for name, r in rates.items()},
        "ratios": {v.name: {"median": v.median, "least": v.least, "kept": v.kept, "rounds": v.rounds} for v in found},
        "kept": all(v.kept for v in found),
    }


def show_agreement(found: Mapping[str, float]) -> None:
    """Print how far the peer agrees; a peer that computes something else would be no peer."""
    print(
        f"the peer's top label is ours on {100 * found['same_pixels']:.1f} % of the photos given the same pixels "
        f"(confidence within {found['largest_difference']:.1e}), on {100 * found['own_decoding']:.1f} % decoding itself"
    )
    if found["same_pixels"] < 0.99 or found["largest_difference"] > 1e-3:
        raise SystemExit("the peer does not compute the same network, so there is nothing to compare")


def main() -> int:
    """Measure, and write the figures down; 1 where a limit is not kept."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=Path, help="a folder of JPEG photos")
    parser.add_argument("--rounds", type=int, default=7, help="counted rounds")
    parser.add_argument("--times", type=int, default=3, help="how often the photos are gone through in a round")
    parser.add_argument("--limit", type=int, help="take only so many photos, to try the benchmark out")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--peers", type=Path, nargs="?", const=Path(), metavar="FOLDER", help="measure PyTorch as well")
    parser.add_argument("--torch", default="torch==2.13.0", metavar="REQUIREMENT", help="which PyTorch to install")
    parser.add_argument("--json", type=Path, default=HERE / "results" / "throughput.json", help="write figures here")
    options = parser.parse_args()
    with contextlib.ExitStack() as stack:
        photos = stack.enter_context(sample_photos(options.photos))[: options.limit]
        peer = None
        if options.peers is not None:
            folder = options.peers
            if folder == Path():
                folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="decisight-peer-")))
            peer = stack.enter_context(
                contextlib.closing(Peer(peer_environment(folder, options.torch), options.threads))
            )
        result = run(options, photos, peer)
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps(result, indent=1) + "\n", "utf-8")
    print(f"written: {options.json}")
    return 0 if result["kept"] else 1


if __name__ == "__main__":
    raise SystemExit(main())

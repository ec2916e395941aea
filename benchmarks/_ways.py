"""The ways that ``throughput.py`` measures: each does a slice of work and says how many photos a second that was."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import numpy.typing as npt

from _peer import Peer
from _photos import MODEL
from decisight import imaging
from decisight.compute import Network
from decisight.errors import ImageError
from decisight.models.classifier import Classifier

__all__ = ["ONE_PHOTO", "STARTED", "Rate", "computing_ways", "decoding_ways", "peer_ways", "prefix"]

CHUNK = 4
ONE_PHOTO, STARTED = "command line, one photo", "command line, started"

Pixels = npt.NDArray[np.uint8]
Rate = Callable[[], float]
"""Does a slice of work; pictures per second."""


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


def command_line(paths: Sequence[str], model: Classifier, folder: Path) -> None:
    """Predict with the command, in a process of its own."""
    names = folder / "names.txt"
    names.write_bytes(b"".join(os.fsencode(os.path.abspath(p)) + b"\n" for p in paths))
    command = [sys.executable, "-m", "decisight", "predict", MODEL, "-", "--format", "jsonl"]
    command += ["--threads", str(model.threads), "--runtime", model.runtime.name, "-o", str(folder / "answers.jsonl")]
    with names.open("rb") as file:
        subprocess.run(command, stdin=file, check=True)


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


class Spinning:
    """A network as ONNX Runtime opens it by itself, but for the number of its threads."""

    def __init__(self, graph: bytes, threads: int) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self._session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])

    def run(self, batch: Pixels) -> list[npt.NDArray[np.float32]]:
        """Run a batch."""
        return self._session.run(None, {"image": batch})


def decoding_ways(model: Classifier, pool: ThreadPoolExecutor, photos: Sequence[str], times: int) -> dict[str, Rate]:
    """Decoding alone: the same whatever computes."""
    paths = [*photos] * times

    def decode(work: Callable[[str], Pixels]) -> None:
        # Handed out in chunks: one task a photo would measure the hand-over too.
        parts = [paths[at : at + CHUNK] for at in range(0, len(paths), CHUNK)]
        consume(pool.map(lambda part: sum(int(work(path)[0, 0, 0]) for path in part), parts))

    as_model, as_box = decode_as_model(model), decode_with_box(model.card.preprocessing.size)
    return {
        "decode": lambda: rate(len(paths), lambda: decode(as_model)),
        "decode, box filter": lambda: rate(len(paths), lambda: decode(as_box)),
    }


def computing_ways(
    model: Classifier, pool: ThreadPoolExecutor, photos: Sequence[str], times: int, folder: Path
) -> dict[str, Rate]:
    """What a runtime does: end to end, the network alone, and the command line."""
    paths, threads = [*photos] * times, model.threads
    ready = np.stack([model.prepare(path) for path in photos])

    def forward(network: Network | Spinning, size: int, run_all: Callable[..., Iterable[object]]) -> float:
        parts = [ready[at : at + size] for _ in range(times) for at in range(0, len(ready), size)]
        return rate(len(paths), lambda: consume(run_all(lambda part: network.run(part)[0].shape, parts)))

    ways = {
        "end to end": lambda: rate(len(paths), lambda: consume(model.predict_stream(paths))),
        "forward, each thread its batch of 4": lambda: forward(model.network(1), 4, pool.map),
        "forward, together on a batch of 8": lambda: forward(model.network(threads), 8, map),
        "command line": lambda: rate(len(paths), lambda: command_line(paths, model, folder)),
        ONE_PHOTO: lambda: rate(1, lambda: command_line(paths[:1], model, folder)),
    }
    if model.runtime.name == "onnxruntime":
        spinning = Spinning(model.file.graph, threads)
        ways["forward, together, spinning"] = lambda: forward(spinning, 8, map)
    return {prefix(model) + name: work for name, work in ways.items()}


def prefix(model: Classifier) -> str:
    """What the names of a runtime's rows begin with."""
    return "" if model.runtime.name == "onnxruntime" else f"{model.runtime.name}: "


def peer_ways(peer: Peer, photos: Sequence[str]) -> dict[str, Rate]:
    """The peer on the same photos, in the same order, by the size of its batches."""

    def ask(batch: int) -> float:
        return len(photos) / float(peer.ask("files", batch=batch, photos=photos)["seconds"])

    return {"peer, batch 8": lambda: ask(8), "peer, batch 1": lambda: ask(1)}

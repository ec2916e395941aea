"""How fast JPEG files become confidences, beside what decoding and the bare network allow, and beside PyTorch.

    python benchmarks/throughput.py [--photos FOLDER] [--rounds 7] [--times 3] [--peers FOLDER] [--json FILE]
    python benchmarks/throughput.py --no-peers                                 # without PyTorch

Everything is measured in every round, forwards and backwards by turns, so that a machine that slows down slows all of
it down; a first pass is not counted. A ratio is taken within each round, and its median is held against the limit; the
rates are medians too. What begins with ``openvino:`` runs in OpenVINO, the rest in ONNX Runtime.

- *end to end*: ``decisight.load("imagenet:efficientnet_lite0").predict_stream(paths)``.
- *command line*: ``decisight predict`` with a list on standard input; the whole process, its start included. *One
  photo* is little else than the start, and *started* is the rate without it.
- *decode*: the file read, decoded by simplejpeg at full size, and brought to 224 x 224 as the model wants it. The line
  after it does the same with Pillow's box filter, an area average.
- *forward*: the graph alone, on pictures that are ready, in several ways, of which the fastest of the round counts.
- *peer*: the same weights in timm and eager PyTorch, fed by Pillow, see ``peers/timm_eager.py``. Its environment is
  made in ``.venv-peers`` or in FOLDER, and kept; that needs a package index and room for PyTorch.
- *one photo alone*: from the content of a file, in memory, to the line of JSON that the command would write, beside
  decoding that content and running the network on it, each for itself; all threads work on the one photo.

Decoding and computing on the same threads can be no faster than 1 / (1 / decode + 1 / forward). End to end has to reach
80 % of that, and with ONNX Runtime three times, with OpenVINO five times the faster of the peer's two ways in the
round. One photo alone may take 1.25 times its two parts. Measure on a quiet machine: another program costs PyTorch,
whose threads wait for each other, far more than its share.

Without ``--photos`` the photos are those of the shared set where it is there, else 200 cut out of photos that ship with
scikit-learn and matplotlib.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import statistics
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

import decisight
from _latency import Singles, measure_singles
from _machine import machine, write_result
from _peer import KEPT, TIMM, Peer, asked, environment
from _photos import MODEL, describe, sample_photos
from _ways import ONE_PHOTO, STARTED, Rate, computing_ways, decoding_ways, peer_ways, prefix
from decisight.compute.runtimes import runtimes
from decisight.models.classifier import Classifier

HERE = Path(__file__).resolve().parent
LEAST_SHARE = 0.8
LEAST_RATIO = {"onnxruntime": 3.0, "openvino": 5.0}
MOST_OVERHEAD = 1.25
UNSTEADY = 1.3
SINGLES = 100
"""Photos measured alone in a round, by runtime."""


Rates = dict[str, list[float]]
"""Pictures per second by way, one figure a round."""
Alone = dict[str, list[Singles]]
"""Photos alone by runtime, one a round."""


@dataclass(frozen=True)
class Verdict:
    """A ratio beside the least that it may be.

    Args:
        name: what is compared with what.
        rounds: the ratio within each round.
        least: what the median has to reach; ``None`` where there is no such limit.
        most: what the median must not exceed; ``None`` where there is no such limit.
    """

    name: str
    rounds: list[float]
    least: float | None = None
    most: float | None = None

    @property
    def median(self) -> float:
        """The median of the rounds."""
        return statistics.median(self.rounds)

    @property
    def kept(self) -> bool:
        """Whether the median is within its limits."""
        above = self.least is None or self.median >= self.least
        return above and (self.most is None or self.median <= self.most)

    @property
    def limit(self) -> str:
        """The limit and whether it is kept, in words; empty where there is none."""
        if self.least is None and self.most is None:
            return ""
        bound = f"at least {self.least:g}" if self.least is not None else f"at most {self.most:g}"
        return f"  {bound}: {'kept' if self.kept else 'NOT KEPT'}"


def agreement(model: Classifier, peer: Peer, photos: Sequence[str], folder: Path) -> dict[str, float]:
    """How far the peer and the model agree: on the same pixels, and on photos that each decodes in its own way.

    Returns:
        Shares of pictures with the same top label, 0..1, and the largest difference of its confidence on same pixels.
    """
    labels = model.task.groups[0].labels
    ready = np.stack([model.prepare(path) for path in photos])
    np.save(folder / "pixels.npy", ready)
    same = peer.ask("pixels", batch=8, pixels=str(folder / "pixels.npy"))["top"]
    own = peer.ask("files", batch=8, photos=photos)["top"]
    ours = [p.top() for p in model.predict_batch(photos)]
    return {
        "same_pixels": statistics.fmean(labels[i] == o.label for (i, _), o in zip(same, ours, strict=True)),
        "own_decoding": statistics.fmean(labels[i] == o.label for (i, _), o in zip(own, ours, strict=True)),
        "largest_difference": max(abs(c - o.confidence) for (_, c), o in zip(same, ours, strict=True)),
    }


def measure(ways: Mapping[str, Rate], alone: Mapping[str, Callable[[], Singles]], rounds: int) -> tuple[Rates, Alone]:
    """Every way in every round; a first round is not counted."""
    rates: Rates = {name: [] for name in ways}
    singles: Alone = {name: [] for name in alone}
    for number in range(rounds + 1):
        for name in list(ways) if number % 2 else reversed(list(ways)):
            rates[name].append(ways[name]())
        for name in list(alone) if number % 2 else reversed(list(alone)):
            singles[name].append(alone[name]())
        last = ", ".join(f"{name} {found[-1]:.1f}" for name, found in rates.items() if name.endswith("end to end"))
        print(f"round {number} of {rounds}, photos/s: {last}", flush=True)
    return {name: found[1:] for name, found in rates.items()}, {name: found[1:] for name, found in singles.items()}


def fastest(rates: Rates, kind: str) -> list[float]:
    """The fastest way of a kind in each round."""
    return [max(at_once) for at_once in zip(*(r for name, r in rates.items() if name.startswith(kind)), strict=True)]


def verdicts(rates: Rates, singles: Mapping[str, Sequence[Singles]], models: Iterable[Classifier]) -> list[Verdict]:
    """The ratios that count, and those that are only shown."""
    found = []
    for model in models:
        start, name = prefix(model), model.runtime.name
        forward = fastest(rates, f"{start}forward")

        def share(way: str, decode: str, start: str = start, forward: Sequence[float] = forward) -> list[float]:
            each = zip(rates[start + way], rates[decode], forward, strict=True)
            return [whole * (1 / d + 1 / f) for whole, d, f in each]

        found += [
            Verdict(f"{start}end to end / limit", share("end to end", "decode"), LEAST_SHARE),
            Verdict(f"{start}end to end / limit by the box filter", share("end to end", "decode, box filter")),
            Verdict(f"{start}command line / limit", share("command line", "decode")),
            Verdict(f"{start}command line, started / limit", share(STARTED, "decode")),
            Verdict(f"{start}one photo alone / its parts", [s.overhead for s in singles[name]], most=MOST_OVERHEAD),
        ]
        if peer := fastest(rates, "peer"):
            ratios = [a / b for a, b in zip(rates[f"{start}end to end"], peer, strict=True)]
            found.append(Verdict(f"{start}end to end / peer", ratios, LEAST_RATIO[name]))
    return found


def started(rates: Rates, start: str, count: int) -> list[float]:
    """The rate of the command line without its start, which is what the first photo takes."""
    pairs = zip(rates[f"{start}command line"], rates[start + ONE_PHOTO], strict=True)
    # Of a handful of photos the start is all that can be seen.
    return [(count - 1) / max(count / many - 1 / one, 1e-3 * count) for many, one in pairs]


def show(rates: Rates, singles: Mapping[str, Sequence[Singles]], found: Sequence[Verdict]) -> None:
    """Print the rates, the single photos and the ratios, each with its least and largest round."""
    print(f"\n{'photos per second':46}{'median':>8}{'least':>8}{'most':>8}")
    for name, rounds in rates.items():
        print(f"{name:46}{statistics.median(rounds):8.1f}{min(rounds):8.1f}{max(rounds):8.1f}")
    for name, rounds in singles.items():
        parts = (statistics.median(part) for part in zip(*(s.milliseconds() for s in rounds), strict=True))
        whole, decode, forward = parts
        print(f"one photo alone, {name}: {whole:.2f} ms to JSON; decoding {decode:.2f} ms, network {forward:.2f} ms")
    print(f"\n{'ratio within a round, to the fastest way':46}{'median':>8}{'least':>8}{'most':>8}")
    for verdict in found:
        print(
            f"{verdict.name:46}{verdict.median:8.3f}{min(verdict.rounds):8.3f}{max(verdict.rounds):8.3f}{verdict.limit}"
        )
    unsteady = [name for name, rounds in rates.items() if max(rounds) > UNSTEADY * min(rounds)]
    if unsteady:
        # PyTorch's threads wait for each other after every layer, so another program costs it far more than its share.
        print(f"the machine was not quiet: measure again what concerns {'; '.join(unsteady)}")


def run(options: argparse.Namespace, photos: Sequence[str], peer: Peer | None) -> dict[str, Any]:
    """Measure, print, and return what was found, ready for JSON."""
    names = [name for name in LEAST_RATIO if name in runtimes.names()]
    models = [decisight.load(MODEL, threads=options.threads, runtime=name) for name in names]
    result: dict[str, Any] = {"machine": machine(), "photos": describe(photos), "threads": options.threads}
    result["runtimes"] = {model.runtime.name: model.runtime.to_json() for model in models}
    count = len(photos) * options.times
    with (
        ThreadPoolExecutor(options.threads) as pool,
        tempfile.TemporaryDirectory(prefix="decisight-throughput-") as name,
    ):
        folder = Path(name)
        ways = decoding_ways(models[0], pool, photos, options.times)
        for model in models:
            ways |= computing_ways(model, pool, photos, options.times, folder)
        if peer is not None:
            result["peer"] = {"versions": peer.versions, "agreement": agreement(models[0], peer, photos, folder)}
            show_agreement(result["peer"]["agreement"])
            ways |= peer_ways(peer, photos)
        contents = [Path(path).read_bytes() for path in itertools.islice(photos, SINGLES)]
        alone = {model.runtime.name: partial(measure_singles, model, contents) for model in models}
        rates, singles = measure(ways, alone, options.rounds)
    for model in models:
        rates[prefix(model) + STARTED] = started(rates, prefix(model), count)
    found = verdicts(rates, singles, models)
    show(rates, singles, found)
    return {
        **result,
        "rounds": options.rounds,
        "photos_a_round": count,
        "rates": {name: {"median": statistics.median(r), "rounds": r} for name, r in rates.items()},
        "one_photo_alone_ms": {name: [asdict(s) for s in rounds] for name, rounds in singles.items()},
        "ratios": {
            v.name: {"median": v.median, "least": v.least, "most": v.most, "kept": v.kept, "rounds": v.rounds}
            for v in found
        },
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
    parser.add_argument("--peers", type=Path, default=KEPT, metavar="FOLDER", help="where the environments are kept")
    parser.add_argument("--no-peers", action="store_true", help="leave PyTorch out")
    parser.add_argument("--json", type=Path, default=HERE / "results" / "throughput.json", help="write figures here")
    options = parser.parse_args()
    with contextlib.ExitStack() as stack:
        photos = stack.enter_context(sample_photos(options.photos))[: options.limit]
        peer = None
        if not options.no_peers:
            peer = stack.enter_context(asked(environment(TIMM, options.peers.resolve()), options.threads))
        result = run(options, photos, peer)
    write_result(options.json, result)
    return 0 if result["kept"] else 1


if __name__ == "__main__":
    raise SystemExit(main())

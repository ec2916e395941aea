"""Decisight beside other libraries that classify photos: speed, memory, room on disk, cold start, and agreement.

    python benchmarks/comparison.py [--photos FOLDER] [--rounds 7] [--peers FOLDER] [--json FILE]

Each library has an environment of its own (see ``_peer.py``), which is made in ``.venv-peers`` or in FOLDER and kept.
That needs a package index and some 6 GB; PyTorch is the build without CUDA where the index has one. All classify the
same photos at 224 x 224 on as many threads. timm and transformers run Decisight's network with Decisight's weights;
Ultralytics runs its own YOLO11n-cls with random weights, since its weights are in no package index: of it only speed,
memory and size mean anything.

- *photos/s*: from JPEG files to the most confident class, in batches of 8 and one by one, the faster of the two in each
  round; Decisight's batches are its own.
- *one photo*: from the content of a file, in memory, to its class; the median over photos, and over rounds.
- *cold start*: a new process that imports, loads, classifies one photo and ends.
- *peak memory*: of the process that did all of that but the cold starts, at its end.
- *on disk*: site-packages, in blocks, pip and compiled files included.
- *top 1*: the share of photos whose class is right, where ``labels.csv`` beside them says which that is. The photos of
  the shared set are probably from the training set, so this compares equals and claims nothing.

Every library is measured in every round, forwards and backwards by turns; a first round is not counted. Ratios are
taken within a round. Measure on a quiet machine.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import statistics
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from _machine import machine, write_result
from _peer import CONTENDERS, KEPT, OURS, Contender, Environment, Peer, asked, environment
from _photos import describe, sample_photos

HERE = Path(__file__).resolve().parent
SINGLES = 50
UNSTEADY = 1.3
REFERENCE = OURS[-1]
"""Whose classes the others' are compared with: float32, as the weights are."""

Rounds = dict[str, list[float]]
"""One figure a round, by contender."""


def true_classes(photos: Sequence[str]) -> list[int] | None:
    """The class index of each photo; ``None`` where it is not known of all."""
    table = Path(photos[0]).parent / "labels.csv"
    if not table.is_file():
        return None
    with table.open(encoding="utf-8", newline="") as file:
        known = {row["file_name"]: int(row["class_index"]) for row in csv.DictReader(file)}
    return [known[Path(p).name] for p in photos] if {Path(p).name for p in photos} <= known.keys() else None


def answers(peers: Sequence[Peer], photos: Sequence[str]) -> dict[str, dict[str, float | None]]:
    """How often each is right, and how often it says what the reference says, where the network is the same."""
    same = [peer for peer in peers if peer.contender.same_weights]
    found = {p.contender.name: [i for i, _ in p.ask("files", photos=photos, batch=8)["top"]] for p in same}
    truth, reference = true_classes(photos), found[REFERENCE.name]

    def share(classes: Sequence[int], of: Sequence[int] | None) -> float | None:
        return None if of is None else statistics.fmean(a == b for a, b in zip(classes, of, strict=True))

    return {name: {"top_1": share(c, truth), "agreement": share(c, reference)} for name, c in found.items()}


def cold_start(ready: Environment, photo: str, threads: int) -> float:
    """Seconds that a new process takes to classify one photo."""
    begin = time.perf_counter()
    command = ready.command("--one", photo, "--threads", str(threads))
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - begin


def rate(peer: Peer, photos: Sequence[str]) -> float:
    """Photos per second from files, by the faster of its sizes of batches."""
    ways = [peer.ask("files", photos=photos, batch=batch)["seconds"] for batch in peer.contender.batches]
    return len(photos) / min(ways)


def latency(peer: Peer, photos: Sequence[str]) -> float:
    """The median of the seconds that one photo takes."""
    return statistics.median(peer.ask("singly", photos=photos[:SINGLES])["seconds"])


def measure(
    ready: Mapping[str, Environment], peers: Sequence[Peer], photos: Sequence[str], rounds: int, threads: int
) -> dict[str, Rounds]:
    """Every contender in every round; a first round is not counted."""
    found: dict[str, Rounds] = {
        what: {peer.contender.name: [] for peer in peers} for what in ("photos_per_second", "one_photo", "cold_start")
    }
    for number in range(rounds + 1):
        for peer in peers if number % 2 else reversed(peers):
            name = peer.contender.name
            found["photos_per_second"][name].append(rate(peer, photos))
            found["one_photo"][name].append(latency(peer, photos))
            found["cold_start"][name].append(cold_start(ready[name], photos[0], threads))
        last = ", ".join(f"{name} {rates[-1]:.0f}" for name, rates in found["photos_per_second"].items())
        print(f"round {number} of {rounds}, photos/s: {last}", flush=True)
    return {what: {name: figures[1:] for name, figures in by.items()} for what, by in found.items()}


def in_rounds(figures: Sequence[float]) -> dict[str, Any]:
    """The median and all of them."""
    return {"median": statistics.median(figures), "rounds": list(figures)}


def row_of(
    contender: Contender, peer: Peer, ready: Environment, found: Mapping[str, Rounds], answered: Mapping[str, Any]
) -> dict[str, Any]:
    """All that was found of one contender, ready for JSON."""
    name, ours = contender.name, found["photos_per_second"]
    ratios = [a / b for a, b in zip(ours[OURS[0].name], ours[name], strict=True)]
    return {
        "title": contender.title,
        "versions": peer.versions,
        "same_weights": contender.same_weights,
        **{what: in_rounds(by[name]) for what, by in found.items()},
        "decisight_is_faster_by": in_rounds(ratios),
        "peak_mb": peer.peak_megabytes(),
        "on_disk_mb": ready.megabytes(),
        **answered.get(name, {"top_1": None, "agreement": None}),
    }


def show(rows: Mapping[str, dict[str, Any]]) -> None:
    """Print the table."""
    heads = (
        f"{'photos/s':>9}{'behind by':>10}{'one, ms':>9}{'cold, s':>9}{'MB':>7}{'MB disk':>9}{'top 1':>8}{'agree':>8}"
    )
    print(f"\n{'':28}{heads}")
    for row in rows.values():
        shares = "".join(f"{'-':>8}" if row[k] is None else f"{100 * row[k]:8.1f}" for k in ("top_1", "agreement"))
        print(
            f"{row['title']:28}{row['photos_per_second']['median']:9.1f}{row['decisight_is_faster_by']['median']:10.2f}"
            f"{1000 * row['one_photo']['median']:9.1f}{row['cold_start']['median']:9.2f}"
            f"{row['peak_mb'] or 0:7.0f}{row['on_disk_mb']:9.0f}{shares}"
        )
    rounds = {row["title"]: row["photos_per_second"]["rounds"] for row in rows.values()}
    if unsteady := [title for title, rates in rounds.items() if max(rates) > UNSTEADY * min(rates)]:
        print(f"the machine was not quiet: measure again what concerns {'; '.join(unsteady)}")


def main() -> int:
    """Measure, and write the figures down."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=Path, help="a folder of JPEG photos")
    parser.add_argument("--rounds", type=int, default=7, help="counted rounds")
    parser.add_argument("--limit", type=int, help="take only so many photos, to try the benchmark out")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--peers", type=Path, default=KEPT, metavar="FOLDER", help="where the environments are kept")
    parser.add_argument("--json", type=Path, default=HERE / "results" / "comparison.json", help="write figures here")
    options = parser.parse_args()
    ready = {contender.name: environment(contender, options.peers.resolve()) for contender in CONTENDERS}
    with contextlib.ExitStack() as stack:
        photos = [str(Path(p).resolve()) for p in stack.enter_context(sample_photos(options.photos))[: options.limit]]
        peers = [stack.enter_context(asked(each, options.threads)) for each in ready.values()]
        answered = answers(peers, photos)
        found = measure(ready, peers, photos, options.rounds, options.threads)
        rows = {p.contender.name: row_of(p.contender, p, ready[p.contender.name], found, answered) for p in peers}
        like = describe(photos)
    show(rows)
    result = {"machine": machine(), "photos": like, "threads": options.threads, "rounds": options.rounds}
    write_result(options.json, {**result, "contenders": rows})
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

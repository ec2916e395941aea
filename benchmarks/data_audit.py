"""What the data audit finds of faults that are planted into the shared photo sets, and how long it takes.

    python benchmarks/data_audit.py [--data ../shared/data] [--seeds 3] [--cache FILE] [--json FILE] [--copies-only]

Copies: a quarter of the photos of all sets together is saved again, each in one way, and looked for among all photos.
The limit is 95 % of those with the same content or only saved again, and no pair of photos that was not planted; those
that stand in the sets as they are, and were looked at one by one, are counted beside.

Wrong labels: in each of fifteen tasks 5 % of the labels, drawn at random, are exchanged for another; found are those
that the audit names, ranked or not. The limit is half of them over all tasks, with as many right as wrong among those
named. Labels that are wrong in the sets as they are count as falsely named.

Time: of the CPU, for looking at photos, for looking for copies among 20,000 sketches, and among 1,000 shots of one
scene that differ by noise.
"""

from __future__ import annotations

import argparse
import io
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from _machine import machine, write_result
from _photos import SHARED_DATA
from accuracy import SETS, SOURCES
from decisight import imaging
from decisight.auditing.confidences import learn
from decisight.auditing.copied import copies_among
from decisight.auditing.looks import Look, look_at
from decisight.auditing.suspects import suspects
from decisight.compute import threads
from decisight.data.dataset import Dataset, Example
from decisight.data.duplicates import Sketch, find_copies
from decisight.data.looking import CopyJudge
from decisight.data.reading import read_dataset
from decisight.imaging import encode_jpeg, encode_png
from decisight.training.cache import FeatureCache
from decisight.training.options import TrainOptions

COPIES_FOUND = 0.95
LABELS_FOUND = 0.5
LABELS_RIGHT = 0.5
WRONG = 0.05
MANY = 20_000
ALIKE = 1_000

Pixels = npt.NDArray[np.uint8]


def saved(pixels: Pixels, form: str = "JPEG", **options: int) -> Pixels:
    """Saved and read again."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, form, **options)
    return imaging.decode(buffer.getvalue())


def scaled(pixels: Pixels, rng: np.random.Generator) -> Pixels:
    """Half to one and a half times as large, saved as JPEG."""
    scale = rng.uniform(0.5, 1.5)
    size = tuple(max(1, round(scale * length)) for length in pixels.shape[1::-1])
    return saved(np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BICUBIC)), quality=quality(rng))


def cropped(pixels: Pixels, most: float, rng: np.random.Generator) -> Pixels:
    """Up to a share cut off each side, saved as JPEG."""
    height, width = pixels.shape[:2]
    top, bottom, left, right = (int(rng.uniform(0.0, most) * length) for length in (height, height, width, width))
    return saved(np.ascontiguousarray(pixels[top : height - bottom, left : width - right]), quality=quality(rng))


def brightened(pixels: Pixels, rng: np.random.Generator) -> Pixels:
    """A tenth brighter or darker, saved as JPEG."""
    changed = np.clip(pixels * rng.uniform(0.9, 1.1) + rng.uniform(-6.0, 6.0), 0, 255).astype(np.uint8)
    return saved(changed, quality=quality(rng))


def quality(rng: np.random.Generator) -> int:
    """Of a JPEG, 30 to 95."""
    return int(rng.integers(30, 96))


WAYS: dict[str, Callable[[Pixels, np.random.Generator], Pixels]] = {
    "the same file": lambda pixels, rng: pixels,
    "JPEG, quality 30 to 95": lambda pixels, rng: saved(pixels, quality=quality(rng)),
    "PNG": lambda pixels, rng: saved(pixels, "PNG"),
    "WebP, quality 30 to 95": lambda pixels, rng: saved(pixels, "WEBP", quality=quality(rng)),
    "half to one and a half times as large": scaled,
    "up to 2 % cut off each side": lambda pixels, rng: cropped(pixels, 0.02, rng),
    "up to 5 % cut off each side": lambda pixels, rng: cropped(pixels, 0.05, rng),
    "up to 10 % brighter or darker": brightened,
}
LIMITED = 5
"""So many of these, from the first on, have the limit."""


@dataclass(frozen=True)
class InMemory:
    """A picture that lies in memory."""

    content: bytes

    def read(self) -> bytes:
        """It, as a file would hold it."""
        return self.content


def find_planted(sets: Sequence[Dataset], workers: int, seed: int) -> tuple[dict[str, Any], list[Look]]:
    """What is found of copies that are planted among all photos, and the looks at those."""
    rng = np.random.default_rng(seed)
    examples = [example for dataset in sets for example in dataset.examples]
    begin = time.process_time()
    looks = [look for look in look_at(examples, threads=workers, progress=nothing) if isinstance(look, Look)]
    seconds = time.process_time() - begin
    digests: list[bytes] = [look.digest for look in looks]
    sketches = [look.sketch for look in looks]
    shown = list(examples)
    confirm = CopyJudge(shown, digests, threads=workers)
    before = {(one, other) for one, other, _ in find_copies(digests, sketches, confirm=confirm).pairs()}
    looked = list(digests)
    chosen = rng.permutation(len(examples))[: len(examples) // 4].tolist()
    names = list(WAYS)
    way_of: dict[int, str] = {}
    origin: dict[int, int] = {}
    for turn, at in enumerate(chosen):
        name = names[turn % len(names)]
        copy = WAYS[name](imaging.read_image(examples[at].path), rng)
        way_of[len(digests)], origin[len(digests)] = name, at
        digests.append(digests[at] if name == names[0] else f"copy {at}".encode())
        sketches.append(Sketch.of(copy))
        shown.append(Example(Path(f"copy {at}"), (), stored=InMemory(encode_png(copy))))
    begin = time.process_time()
    found = find_copies(digests, sketches, confirm=CopyJudge(shown, digests, threads=workers))
    comparing = time.process_time() - begin
    group_of = {at: number for number, group in enumerate(found.groups()) for at in group}
    hits: dict[str, list[bool]] = {name: [] for name in names}
    for copy, at in origin.items():
        hits[way_of[copy]].append(group_of.get(copy, -1) == group_of.get(at, -2))
    # Those that small copies propose among the photos as they are were looked at one by one, and are real.
    known = {frozenset((one, other)) for one, other, _ in find_copies(looked, sketches[: len(looked)]).pairs()}
    false = 0
    for one, other, _ in found.pairs():
        roots = frozenset((origin.get(one, one), origin.get(other, other)))
        false += len(roots) > 1 and roots not in known
    result = {
        "photos": len(examples),
        "planted": {name: len(hit) for name, hit in hits.items()},
        "found": {name: int(np.sum(hit)) for name, hit in hits.items()},
        "false": false,
        "there_before": len(before),
        "look_seconds": seconds,
        "compare_seconds": comparing,
    }
    return result, looks


def nothing(*_: object) -> None:
    """Told of progress, says nothing."""


def time_many(looks: Sequence[Look]) -> float:
    """Seconds of one CPU to look for copies among many sketches: those there are, turned, mirrored, lighter and cut."""
    rng = np.random.default_rng(0)
    small = [look.sketch.luma for look in looks]
    sketches: list[Sketch] = []
    while len(sketches) < MANY:
        for luma in small[: MANY - len(sketches)]:
            turned = np.rot90(luma, int(rng.integers(4)))
            cut = turned[int(rng.integers(16)) :, int(rng.integers(16)) :]
            picture = np.repeat(cut[:: int(rng.choice((-1, 1))), :, np.newaxis], 3, axis=2)
            sketches.append(Sketch.of(np.ascontiguousarray(picture)))
    begin = time.process_time()
    find_copies(list(range(MANY)), sketches)
    return time.process_time() - begin


def time_alike() -> tuple[int, float]:
    """Pairs falsely found among many shots of one drawn scene with noise of its own, and seconds of a CPU for it."""
    rng = np.random.default_rng(0)
    scene = np.full((384, 512, 3), (120, 130, 110), np.int64)
    for _ in range(30):
        top, left = rng.integers(0, 340), rng.integers(0, 460)
        scene[top : top + 30, left : left + 50] = rng.integers(20, 230, 3)
    shots: list[Example] = []
    sketches: list[Sketch] = []
    for at in range(ALIKE):
        noisy = np.clip(scene + rng.normal(0.0, 4.0, scene.shape), 0, 255).astype(np.uint8)
        shots.append(Example(Path(f"shot {at}"), (), stored=InMemory(encode_jpeg(noisy, quality=92))))
        sketches.append(Sketch.of(noisy))
    digests = [str(at).encode() for at in range(ALIKE)]
    begin = time.process_time()
    found = find_copies(digests, sketches, confirm=CopyJudge(shots, digests))
    return len(found.near), time.process_time() - begin


def exchanged(dataset: Dataset, at: int, seed: int) -> tuple[Dataset, set[int]]:
    """The data with some labels of a group exchanged for another, and which."""
    rng = np.random.default_rng(seed)
    group, examples = dataset.task.groups[at], list(dataset.examples)
    known = [number for number, example in enumerate(examples) if example.targets[at] is not None]
    chosen = rng.choice(known, round(WRONG * len(known)), replace=False).tolist()
    for number in chosen:
        targets = list(examples[number].targets)
        targets[at] = str(rng.choice([label for label in group.labels if label != targets[at]]))
        examples[number] = replace(examples[number], targets=tuple(targets))
    return replace(dataset, examples=tuple(examples)), set(chosen)


def find_exchanged(dataset: Dataset, groups: Sequence[str], seeds: int, cache: Path, workers: int) -> dict[str, Any]:
    """Exchanged labels, those found, and all that were named, by group; those of all groups are exchanged at once."""
    looks = look_at(dataset.examples, threads=workers, progress=nothing)
    kin = copies_among(dataset, looks, threads=workers)[0].groups()
    counts = {group: {"exchanged": 0, "found": 0, "named": 0} for group in groups}
    places = {group.name: at for at, group in enumerate(dataset.task.groups)}
    for seed in range(seeds):
        wrong, planted = dataset, {}
        for group in groups:
            wrong, planted[group] = exchanged(wrong, places[group], 1_000 * seed + places[group])
        with FeatureCache(cache) as features:
            options = TrainOptions(name="audit")
            learnt = learn(wrong, kin, options=options, cache=features, threads=workers, progress=nothing)
        named: dict[str, set[int]] = {group: set() for group in groups}
        for suspect in suspects(learnt.groups):
            if suspect.group in named:
                named[suspect.group].add(suspect.example)
        for group in groups:
            counts[group]["exchanged"] += len(planted[group])
            counts[group]["found"] += len(planted[group] & named[group])
            counts[group]["named"] += len(named[group])
    return counts


def main() -> int:
    """Run the benchmark; 1 where a limit is not kept."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=SHARED_DATA)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--json", type=Path, default=Path(__file__).parent / "results" / "data_audit.json")
    parser.add_argument("--copies-only", action="store_true", help="leave out wrong labels; writes nothing")
    parser.add_argument("--cache", type=Path, help="keep features here; by default they are computed afresh")
    options = parser.parse_args()
    if not options.data.is_dir():
        print(f"skipped: there is no folder {options.data}, and this benchmark needs its photo sets")
        return 0
    workers = threads().count
    begin = time.time()
    sets = {name: read_dataset(options.data / name, source_pattern=SOURCES.get(name)) for name in SETS}
    copies, looks = find_planted([data for name, data in sets.items() if "/" not in name], workers, 0)
    for name, count in copies["planted"].items():
        print(f"{name:40} {copies['found'][name]} of {count}", flush=True)
    print(f"falsely found: {copies['false']}; in the sets as they are: {copies['there_before']}")
    many = time_many(looks)
    alike, alike_seconds = time_alike()
    print(f"{ALIKE:,} shots of one scene take {alike_seconds:.1f} s of a CPU; {alike} pairs of them called copies")
    rate = copies["photos"] / copies["look_seconds"]
    print(f"{rate:.0f} photos are looked at in a second of a CPU; copies among {MANY:,} take {many:.1f} s", flush=True)
    if options.copies_only:
        return 0
    labels: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        cache = options.cache or Path(folder) / "features.sqlite3"
        for name, groups in SETS.items():
            for group, counts in find_exchanged(sets[name], groups, options.seeds, cache, workers).items():
                labels[f"{name.split('/')[0]}: {group}"] = counts
                print(
                    f"{name.split('/')[0]}: {group:12} {counts['found']} of {counts['exchanged']} found, "
                    f"{counts['named']} named",
                    flush=True,
                )
    total = {key: sum(counts[key] for counts in labels.values()) for key in ("exchanged", "found", "named")}
    found, right = total["found"] / total["exchanged"], total["found"] / max(1, total["named"])
    print(f"all tasks: {found:.1%} of the exchanged labels found, {right:.1%} of those named were exchanged")
    limited = list(WAYS)[:LIMITED]
    share = sum(copies["found"][way] for way in limited) / sum(copies["planted"][way] for way in limited)
    result = {
        "machine": machine(),
        "seconds": time.time() - begin,
        "seeds": options.seeds,
        "copies": copies | {"limited": limited, "share_of_limited": share, "least": COPIES_FOUND},
        "labels": {"tasks": labels, "total": total, "found": found, "right": right},
        "time": {"photos_a_second": rate, "sketches": MANY, "seconds_for_copies": many},
        "alike": {"shots": ALIKE, "pairs": alike, "seconds": alike_seconds},
    }
    write_result(options.json, result)
    kept = share >= COPIES_FOUND and not copies["false"] and found >= LABELS_FOUND and right >= LABELS_RIGHT
    print("all limits are kept" if kept else "a limit is not kept")
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())

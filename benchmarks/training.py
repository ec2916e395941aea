"""How long training on 500 photos takes, every choice included: the first time, and with the features cached.

    python benchmarks/training.py [--data FOLDER] [--photos 500] [--runs 3] [--json FILE]

For each set the first photos of its train part are read, a model is trained on them with default settings and an empty
cache, and written; then the same again with what the cache holds by then, as somebody does who changes a label. Medians
of the runs; the parts are those that training itself reports, and "in all" is the time of the whole, from reading the
labels to the finished file.

The limits are a minute the first time and 15 s with cached features, for every set: ``car_attr`` (two label groups,
500 photos), ``flowers`` (455) and ``ppe_compliance`` (409, with sources). Where the shared photo sets are not there,
the photos are rendered ones: workers at a gate, two label groups, one of them independent.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from _machine import machine, write_result
from _photos import SHARED_DATA
from decisight.compute import threads as granted_threads
from decisight.data.dataset import Dataset
from decisight.data.reading import read_dataset
from decisight.models.model_file import write_model
from decisight.training.cache import FeatureCache
from decisight.training.train import TrainOptions, train

SETS: dict[str, str | None] = {"car_attr": None, "flowers": None, "ppe_compliance": r"^([^_]+)_"}
"""Each set with the pattern of its sources, as the data's description has it."""

LIMITS = {"first": 60.0, "cached": 15.0}
IN_ALL = "in all"


def first_photos(folder: Path, pattern: str | None, count: int) -> Dataset:
    """The first photos of the train part of a set, by path; of class folders every class has its share.

    In a set of class folders the first photos by path would be those of the first classes. So where there are more than
    enough, photos are taken at even distances.
    """
    part = read_dataset(folder, source_pattern=pattern).only("train")
    if len(part) <= count:
        return part
    in_classes = part.examples[0].path.parent != part.examples[-1].path.parent
    chosen = [i * len(part) // count for i in range(count)] if in_classes else range(count)
    return replace(part, examples=tuple(part.examples[i] for i in chosen))


def train_once(
    folder: Path, pattern: str | None, count: int, cache: Path, threads: int
) -> tuple[dict[str, float], int]:
    """Read, train and write.

    Returns:
        Seconds by part, and how many pictures were learnt from.
    """
    begin = time.perf_counter()
    dataset = first_photos(folder, pattern, count)
    read = time.perf_counter()
    with FeatureCache(cache) as features:
        trained = train(
            dataset, TrainOptions(name=folder.name), cache=features, progress=lambda *_: None, threads=threads
        )
    learnt = time.perf_counter()
    write_model(cache.with_name("model.onnx"), trained.model)
    end = time.perf_counter()
    parts = dict(trained.report.seconds)
    parts["reading"] = parts.get("reading", 0.0) + read - begin
    return {**parts, "writing": end - learnt, IN_ALL: end - begin}, trained.report.pictures


def measure(sets: Mapping[Path, str | None], count: int, runs: int, threads: int) -> dict[str, dict[str, Any]]:
    """Every set in every run, so that a machine that slows down slows all of them down."""
    taken: dict[str, dict[str, list[dict[str, float]]]] = {p.name: {when: [] for when in LIMITS} for p in sets}
    pictures: dict[str, int] = {}
    for run in range(runs):
        for folder, pattern in sets.items():
            with tempfile.TemporaryDirectory(prefix="decisight-training-") as name:
                for when, rounds in taken[folder.name].items():
                    parts, pictures[folder.name] = train_once(
                        folder, pattern, count, Path(name) / "features.sqlite3", threads
                    )
                    rounds.append(parts)
                    print(f"run {run + 1} of {runs}: {folder.name}, {when}: {parts[IN_ALL]:.1f} s", flush=True)
    return {
        name: {"pictures": pictures[name], **{when: summary(rounds, LIMITS[when]) for when, rounds in found.items()}}
        for name, found in taken.items()
    }


def summary(rounds: Sequence[Mapping[str, float]], limit: float) -> dict[str, Any]:
    """The median of each part in seconds, and whether the whole is within its limit."""
    median = {part: statistics.median(r[part] for r in rounds) for part in rounds[0]}
    return {"seconds": median, "rounds": list(rounds), "limit": limit, "kept": median[IN_ALL] < limit}


def show(found: Mapping[str, dict[str, Any]]) -> bool:
    """Print the medians, and say whether every limit is kept."""
    kept = True
    parts = list(next(iter(found.values()))["first"]["seconds"])
    print(f"\n{'seconds, medians':24}{'photos':>7}{''.join(f'{part:>12}' for part in parts)}{'limit':>8}")
    for name, row in found.items():
        for when in LIMITS:
            one = row[when]
            figures = "".join(f"{one['seconds'][part]:12.2f}" for part in parts)
            verdict = "kept" if one["kept"] else "NOT KEPT"
            print(f"{f'{name}, {when}':24}{row['pictures']:7}{figures}{one['limit']:8.0f} {verdict}")
            kept = kept and one["kept"]
    return kept


def main() -> int:
    """Measure, and write the figures down; 1 where a limit is not kept."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=SHARED_DATA)
    parser.add_argument("--sets", nargs="+", choices=list(SETS), default=list(SETS), help="which of the shared sets")
    parser.add_argument("--photos", type=int, default=500, help="at most so many of each set")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--threads", type=int, help="by default as many as the machine grants")
    parser.add_argument(
        "--json", type=Path, default=Path(__file__).parent / "results" / "training.json", help="write the figures here"
    )
    options = parser.parse_args()
    threads = granted_threads(options.threads).count
    with tempfile.TemporaryDirectory(prefix="decisight-rendered-") as name:
        if options.data.is_dir():
            sets = {options.data / each: SETS[each] for each in options.sets}
        else:
            sets = {rendered(Path(name) / "rendered", options.photos): None}
        found = measure(sets, options.photos, options.runs, threads)
    kept = show(found)
    result = {"machine": machine(), "threads": threads, "runs": options.runs, "sets": found, "kept": kept}
    write_result(options.json, result)
    return 0 if kept else 1


def rendered(folder: Path, photos: int) -> Path:
    """A rendered set with so many pictures in its train part, or a few more: about every fourth is for testing."""
    from decisight.sources.rendered import write_dataset

    print("there is no shared photo set: drawing one ...", flush=True)
    return write_dataset(folder, pictures=max(48, photos * 7 // 5))


if __name__ == "__main__":
    raise SystemExit(main())

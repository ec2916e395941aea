"""How fast readings are written to a store, how much room they take, and how fast it is verified.

    python benchmarks/store.py [--readings 100000] [--runs 3] [--json FILE]

Readings of a three-class model under a majority vote, from four cameras, are coded, chained and committed to SQLite
with ``synchronous=FULL``, in the system's folder for temporary files. They are written as fast as they go: in commits
of 2,000 readings, which is a second's worth at the limit; and of 120, which is what four cameras with three regions
come to at ten pictures a second. The median of the runs, of which the first is not counted. The room is that of all
files once the store was closed, for everything: readings, digests, states, checkpoints.

The limits are 2,000 readings a second written, and 250 bytes a reading.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from _machine import machine
from decisight.policies import POLICIES
from decisight.policies.identity import policy_digest
from decisight.policies.task_fold import TaskFold
from decisight.store import CameraBatch, Codec, Store, ViewKey, open_store, task_to_stored
from decisight.types import Decision, LabelGroup, Prediction, Reading, Task

LEAST_RATE = 2_000.0
MOST_BYTES = 250.0
COMMITS = (2_000, 120)
CAMERAS = 4
KEY = b"a key for a benchmark, of no use"
TASK = Task((LabelGroup("class", ("a", "b", "c")),))
"""What is classified."""


def view(camera: str) -> ViewKey:
    """What the readings of a camera are made with."""
    policy = POLICIES.build("majority_vote", {"window": 5, "required": 3})
    rule = {"section": policy.to_section(TASK), "digest": policy_digest(policy, TASK, "class")}
    task = task_to_stored(TASK)
    return ViewKey(camera, None, "", "", "model", "sha256:0", "sha256:0", "onnxruntime", task, {"class": rule})


def decided(count: int) -> list[tuple[Reading, tuple[Decision, ...]]]:
    """Readings ten times a second, and what a majority of five makes of them."""
    rng = np.random.default_rng(1)
    logits = rng.normal(0.0, 1.0, (count, 3))
    logits[np.arange(count), np.cumsum(rng.random(count) < 0.02) % 3] += 3.0
    rows = np.exp(logits)
    rows /= rows.sum(axis=1, keepdims=True)
    readings = [Reading(Prediction(TASK, (tuple(row),)), 1.7e9 + at / 10) for at, row in enumerate(rows.tolist())]
    fold = TaskFold.of({"class": POLICIES.build("majority_vote", {"window": 5, "required": 3})}, TASK)
    return [(item, made) for item, (_, made) in zip(readings, fold.run(readings), strict=True)]


def write(store: Store, items: Sequence[tuple[Reading, tuple[Decision, ...]]], commit: int) -> float:
    """Write all for every camera; readings a second."""
    codec = Codec.of(view("0"))
    views = {str(at): store.view_id(view(str(at))) for at in range(CAMERAS)}
    states = {"class": TaskFold.of({"class": POLICIES.build("majority_vote", {})}, TASK).initial()["class"]}
    size = commit // CAMERAS
    begin = time.perf_counter()
    for at in range(0, len(items), size):
        store.commit(
            [
                CameraBatch(
                    camera,
                    [codec.record(view_id, item, made) for item, made in items[at : at + size]],
                    checkpoint={"states": {str(view_id): states}, "position": at},
                )
                for camera, view_id in views.items()
            ]
        )
    return CAMERAS * len(items) / (time.perf_counter() - begin)


def measure(count: int, runs: int) -> dict[str, Any]:
    """Rates and room."""
    items = decided(count // CAMERAS)
    number = CAMERAS * len(items)
    written: dict[str, float] = {}
    checked, room = [], 0.0
    for commit in COMMITS:
        rates = []
        for run in range(runs + 1):
            with tempfile.TemporaryDirectory() as folder:
                url = f"sqlite:///{folder}/store.db"
                with open_store(url, key=KEY) as store:
                    rates.append(write(store, items, commit))
                room = max(room, sum(path.stat().st_size for path in Path(folder).iterdir()) / number)
                with open_store(url, key=KEY, read_only=True) as store:
                    begin = time.perf_counter()
                    faults = list(store.verify())
                    checked += [number / (time.perf_counter() - begin)] if run else []
                if faults:
                    raise SystemExit(f"a store that nobody touched has a fault: {faults[0]}")
        written[str(commit)] = statistics.median(rates[1:])
    return {"written_a_second": written, "verified_a_second": statistics.median(checked), "bytes_a_reading": room}


def main() -> int:
    """Measure, and write the figures down; 1 where a limit is not kept."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--readings", type=int, default=100_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument(
        "--json", type=Path, default=Path(__file__).parent / "results" / "store.json", help="write the figures here"
    )
    options = parser.parse_args()
    found = measure(options.readings, options.runs)
    kept = min(found["written_a_second"].values()) >= LEAST_RATE and found["bytes_a_reading"] <= MOST_BYTES
    for commit, rate in found["written_a_second"].items():
        print(f"written, {commit} a commit {rate:14,.0f} readings/s, limit {LEAST_RATE:,.0f}")
    print(f"verified {found['verified_a_second']:29,.0f} readings/s")
    print(f"room {found['bytes_a_reading']:33.1f} bytes a reading, limit {MOST_BYTES:.0f}")
    print("kept" if kept else "NOT KEPT")
    result = {
        "machine": machine(),
        "readings": options.readings,
        "runs": options.runs,
        "limits": {"written_a_second": LEAST_RATE, "bytes_a_reading": MOST_BYTES},
        **found,
        "kept": kept,
    }
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps(result, indent=1) + "\n", "utf-8")
    print(f"written: {options.json}")
    return 0 if kept else 1


if __name__ == "__main__":
    raise SystemExit(main())

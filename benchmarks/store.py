"""How fast readings are written to a store, how much room they take, and how fast it is verified.

    python benchmarks/store.py [--readings 100000] [--runs 3] [--json FILE]

Readings of a three-class model under a majority vote, from four cameras, are coded, chained and committed to SQLite
with ``synchronous=FULL``, in the system's folder for temporary files. They are written as fast as they go: in commits
of 2,000 readings, which is a second's worth at the limit; and of 120, which is what four cameras with three regions
come to at ten pictures a second. The median of the runs, of which the first is not counted. The room is that of all
files once the store was closed, for everything: readings, digests, states, checkpoints.

The same is done with PostgreSQL, where a server can be started: one of its own with ``fsync`` on, on this machine, its
files in the same folder. The room is what the database grew by, after ``VACUUM``.

The limits are 2,000 readings a second written, and 250 bytes a reading, with either.
"""

from __future__ import annotations

import argparse
import contextlib
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np

from _machine import machine, write_result
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


Place = tuple[str, Callable[[], float]]
"""The URL of a new store, and what gives the bytes that it takes once it is closed."""


@contextlib.contextmanager
def in_file() -> Iterator[Place]:
    """A place in a file of SQLite."""
    with tempfile.TemporaryDirectory() as folder:
        yield f"sqlite:///{folder}/store.db", lambda: sum(path.stat().st_size for path in Path(folder).iterdir())


@contextlib.contextmanager
def in_database(server: Any) -> Iterator[Place]:
    """A place in a database of a server."""
    name = server.create()
    query = f"SELECT pg_database_size('{name}')"
    before = server.execute(query)[0][0]

    def room() -> float:
        server.execute("VACUUM", database=name)
        return float(server.execute(query)[0][0] - before)

    yield server.url(name), room
    server.drop(name)


@contextlib.contextmanager
def started() -> Iterator[Any]:
    """A server as people have it; ``None`` where none can be started."""
    sys.path.insert(0, str(Path(__file__).parents[1]))
    from tests.servers import binaries, new_server

    if binaries() is None:
        yield None
        return
    durable = dict.fromkeys(("fsync", "synchronous_commit", "full_page_writes", "autovacuum"), "on")
    server = new_server(**durable, shared_buffers="128MB").start()
    try:
        yield server
    finally:
        server.stop()


def measure(count: int, runs: int, place: Callable[[], AbstractContextManager[Place]] = in_file) -> dict[str, Any]:
    """Rates and room.

    Args:
        count: of readings.
        runs: that are counted.
        place: makes a place for a new store.
    """
    items = decided(count // CAMERAS)
    number = CAMERAS * len(items)
    written: dict[str, float] = {}
    checked, room = [], 0.0
    for commit in COMMITS:
        rates = []
        for run in range(runs + 1):
            with place() as (url, taken):
                with open_store(url, key=KEY) as store:
                    rates.append(write(store, items, commit))
                room = max(room, taken() / number)
                with open_store(url, key=KEY, read_only=True) as store:
                    begin = time.perf_counter()
                    faults = list(store.verify())
                    checked += [number / (time.perf_counter() - begin)] if run else []
                if faults:
                    raise SystemExit(f"a store that nobody touched has a fault: {faults[0]}")
        written[str(commit)] = statistics.median(rates[1:])
    return {"written_a_second": written, "verified_a_second": statistics.median(checked), "bytes_a_reading": room}


def shown(name: str, found: dict[str, Any]) -> bool:
    """Print the figures; whether the limits are kept."""
    for commit, rate in found["written_a_second"].items():
        print(f"{name}: written, {commit} a commit {rate:14,.0f} readings/s, limit {LEAST_RATE:,.0f}")
    print(f"{name}: verified {found['verified_a_second']:29,.0f} readings/s")
    print(f"{name}: room {found['bytes_a_reading']:33.1f} bytes a reading, limit {MOST_BYTES:.0f}")
    return min(found["written_a_second"].values()) >= LEAST_RATE and found["bytes_a_reading"] <= MOST_BYTES


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
    kept = shown("SQLite", found)
    with started() as server:
        if server is not None:
            version = server.execute("SHOW server_version")[0][0]
            found["postgresql"] = {
                "version": version,
                **measure(options.readings, options.runs, lambda: in_database(server)),
            }
            kept = shown(f"PostgreSQL {version.split()[0]}", found["postgresql"]) and kept
        else:
            print("PostgreSQL: no server can be started here")
    print("kept" if kept else "NOT KEPT")
    result = {
        "machine": machine(),
        "readings": options.readings,
        "runs": options.runs,
        "limits": {"written_a_second": LEAST_RATE, "bytes_a_reading": MOST_BYTES},
        **found,
        "kept": kept,
    }
    write_result(options.json, result)
    return 0 if kept else 1


if __name__ == "__main__":
    raise SystemExit(main())

"""Whether every event of many readings comes out of the store as it went in, and whether an alteration is found.

    python benchmarks/replay.py [--readings 100000] [--alterations 200] [--seed 1] [--json FILE]

Readings of a three-class and a two-label group are decided by three rules (votes in a second, a weighted average, a
sequential test), each a view of one camera, and stored with their events. Pictures that cannot be judged, that repeat
the one before, and time without any are among them. Then every event is derived again from the store alone: a
decision that differs in any bit counts. It is done once more after the older half of the segments was dropped, for the
events that are still whole. At last the file is altered, one bit, row or pair of rows at a time, as somebody would who
does not have the key; each time the store is verified.

The limits are no difference, and no alteration that is not found. The rate is of one run, on one core: how many
readings are derived again a second, that is read, decoded, decided and compared.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from _machine import machine, write_result
from decisight.errors import StoreError
from decisight.events import SOURCE_ENDED, EventFold, EventState, Moment, Scope, close_events
from decisight.policies.identity import policy_digest
from decisight.policies.parsing import policy_from_section
from decisight.policies.task_fold import TaskFold
from decisight.replaying import fold_of, replay
from decisight.store import (
    CameraBatch,
    Codec,
    Limit,
    Retention,
    Store,
    StoredEvent,
    ViewKey,
    open_store,
    task_to_stored,
)
from decisight.types import LabelGroup, Prediction, Reading, Task, Tick

KEY = b"a key for a benchmark, of no use"
BEGIN = 1.7e9
EVERY = 0.1
COMMIT = 500
TASK = Task((LabelGroup("class", ("a", "b", "c")), LabelGroup("tags", ("wet", "big"), "independent")))
RULES: dict[str, dict[str, Any]] = {
    "votes": {"type": "majority_vote", "window": "1s", "required": 3, "stale_after": "2s"},
    "average": {"type": "weighted_average", "window": 8, "gap_tolerance": 3},
    "evidence": {"type": "sequential_test"},
}
"""What is decided by."""
TABLES = {"records": ("chain_id", "seq"), "events": ("event_id",), "segments": ("chain_id", "number")}
"""What is altered, with the keys of its rows."""

Item = tuple[str, Reading | Tick]


def scene(count: int, seed: int) -> Iterator[Item]:
    """What a camera sees, ten times a second."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0.0, 1.0, (count, 5))
    logits[np.arange(count), np.cumsum(rng.random(count) < 0.002) % 3] += 3.0
    logits[:, 3:] += 3.0 * (np.cumsum(rng.random((count, 2)) < 0.001, axis=0) % 2) - 1.5
    shares = np.exp(logits[:, :3])
    shares /= shares.sum(axis=1, keepdims=True)
    present = 1.0 / (1.0 + np.exp(-logits[:, 3:]))
    last: Prediction | None = None
    for at, kind in enumerate(rng.choice(["reading", "repeated", "unjudged", "tick"], count, p=[0.8, 0.1, 0.05, 0.05])):
        moment = BEGIN + at * EVERY
        if kind == "tick":
            yield "tick", Tick(moment)
        elif kind == "unjudged":
            yield "unjudged", Reading(None, moment, cause="too dark")
        elif kind == "repeated" and last is not None:
            yield "repeated", Reading(last, moment)
        else:
            last = Prediction(TASK, (tuple(map(float, shares[at])), tuple(map(float, present[at]))))
            yield "reading", Reading(last, moment)


def view(rule: str) -> ViewKey:
    """What is decided by a rule."""
    policy = policy_from_section(RULES[rule])
    groups = {
        group.name: {"section": policy.to_section(TASK), "digest": policy_digest(policy, TASK, group.name)}
        for group in TASK.groups
    }
    return ViewKey("gate", rule, "", "", "model", "sha256:0", "sha256:0", "none", task_to_stored(TASK), groups)


def write(store: Store, items: Sequence[Item]) -> int:
    """Decide, and store it; the number of readings, over all views."""
    views = {store.view_id(view(rule)): (rule, view(rule)) for rule in RULES}
    codecs = {number: Codec.of(key) for number, (_, key) in views.items()}
    folds = {number: fold_of(key) for number, (_, key) in views.items()}
    states = {number: fold.initial() for number, fold in folds.items()}
    of_events = {
        (number, group.name): EventFold(Scope(store.store_id, "plant", "gate", rule, "model", group.name))
        for number, (rule, _) in views.items()
        for group in TASK.groups
    }
    open_now: dict[tuple[int, str], EventState] = dict.fromkeys(of_events, ())
    opened = written = 0
    for begin in range(0, len(items), COMMIT):
        records, changes = [], []
        for kind, item in items[begin : begin + COMMIT]:
            now = Moment(item.time or 0.0, item.time or 0.0)
            for number, fold in folds.items():
                states[number], decisions = fold.step(states[number], item)
                for at, made in enumerate(decisions):
                    key = number, made.group
                    why = partial(explained, fold, states[number], at)
                    open_now[key], new = of_events[key].step(
                        open_now[key], made, now, opened, why, by_reading=kind != "tick"
                    )
                    opened += sum(change.change == "opened" for change in new)
                    changes += [(change, len(records)) for change in new]
                records.append(codecs[number].record(number, item, decisions, repeated=kind == "repeated"))
        written += len(records)
        checkpoint = {"states": json.loads(json.dumps({str(number): state for number, state in states.items()}))}
        store.commit([CameraBatch("gate", records, changes, checkpoint=checkpoint)])
    end = Moment(BEGIN + len(items) * EVERY, BEGIN + len(items) * EVERY)
    last = [(change, None) for state in open_now.values() for change in close_events(state, end, SOURCE_ENDED)]
    store.commit([CameraBatch("gate", changes=last)])
    return written


def explained(fold: TaskFold, states: dict[str, Any], at: int) -> str:
    """Why it was decided so."""
    return fold.explain(states)[at]


def derive(store: Store, events: Sequence[StoredEvent]) -> tuple[int, int, int]:
    """Derive events again; how many readings were compared, how many differ, and how many events are not whole."""
    compared = differing = gone = 0
    for event in events:
        try:
            found = replay(store, event, before=0, after=0, most=1)
        except StoreError:
            gone += 1
            continue
        compared += found.compared
        differing += len(found.differing)
    return compared, differing, gone


def halve(store: Store, path: Path) -> int:
    """Drop the older half of the segments of readings; the number of the first record that is left."""
    with sqlite3.connect(path) as database:
        rows = database.execute(
            "SELECT first_seq, sealed_at FROM segments WHERE chain_id = 1 ORDER BY number"
        ).fetchall()
    database.close()
    half = len(rows) // 2
    if half:
        store.retain(Retention(readings=Limit(age=0.0)), now=rows[half - 1][1] + 1e-6)
    return int(rows[half][0])


def alter(path: Path, chance: random.Random) -> str:
    """Flip a bit, remove a row or swap two; what was done."""
    table = chance.choices(list(TABLES), [8, 2, 1])[0]
    keys = ", ".join(TABLES[table])
    where = " AND ".join(f"{name} = ?" for name in TABLES[table])
    with sqlite3.connect(path) as database:
        one, two = chance.sample(database.execute(f"SELECT {keys} FROM {table} ORDER BY {keys}").fetchall(), 2)  # noqa: S608
        columns = [row[1] for row in database.execute(f"PRAGMA table_info({table})") if row[1] not in TABLES[table]]
        way = chance.choice(["flip", "flip", "remove", "swap"])
        if way == "remove":
            database.execute(f"DELETE FROM {table} WHERE {where}", one)  # noqa: S608
        elif way == "swap":
            query = f"SELECT {', '.join(columns)} FROM {table} WHERE {where}"  # noqa: S608
            rows = [database.execute(query, key).fetchone() for key in (one, two)]
            marks = ", ".join(f"{name} = ?" for name in columns)
            for key, values in zip((two, one), rows, strict=True):
                database.execute(f"UPDATE {table} SET {marks} WHERE {where}", [*values, *key])  # noqa: S608
        else:
            column = chance.choice(columns)
            (value,) = database.execute(f"SELECT {column} FROM {table} WHERE {where}", one).fetchone()  # noqa: S608
            database.execute(f"UPDATE {table} SET {column} = ? WHERE {where}", [flipped(value, chance), *one])  # noqa: S608
    database.close()
    return f"{way} in {table}"


def flipped(value: Any, chance: random.Random) -> Any:
    """A value that is another in a bit or so."""
    match value:
        case bytes() if value:
            at = chance.randrange(len(value))
            return value[:at] + bytes([value[at] ^ (1 << chance.randrange(8))]) + value[at + 1 :]
        case str() if value:
            at = chance.randrange(len(value))
            return value[:at] + ("x" if value[at] != "x" else "y") + value[at + 1 :]
        case int():
            return value + 1
        case float():
            return value + chance.choice([-1e-6, 1e-6])
    return 1


def measure(count: int, alterations: int, seed: int) -> dict[str, Any]:
    """All figures."""
    items = list(scene(max(1, count // len(RULES)), seed))
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "store.db"
        with open_store(f"sqlite:///{path}", key=KEY) as store:
            written = write(store, items)
            events = store.events()
            begun = time.perf_counter()
            compared, differing, gone = derive(store, events)
            taken = time.perf_counter() - begun
        copy = Path(name) / "copy.db"
        shutil.copy2(path, copy)
        with open_store(f"sqlite:///{copy}", key=KEY) as store:
            first = halve(store, copy)
            after = derive(store, events)
        lost = sum(event.opened_seq < first for event in events)
        copy.unlink()
        missed = []
        chance = random.Random(seed)  # noqa: S311  nothing secret
        for _ in range(alterations):
            shutil.copy2(path, copy)
            done = alter(copy, chance)
            with open_store(f"sqlite:///{copy}", key=KEY, read_only=True) as store:
                if next(store.verify(), None) is None:
                    missed.append(done)
    return {
        "readings": written,
        "events": len(events),
        "derived": compared,
        "derived_a_second": compared / taken,
        "seconds_an_event": taken / len(events),
        "differing": differing,
        "not_whole": gone,
        "after_dropping_half": {
            "derived": after[0],
            "differing": after[1],
            "not_whole": after[2],
            "begun_before": lost,
        },
        "alterations": {"made": alterations, "not_found": len(missed), "which": missed[:10]},
    }


def main() -> int:
    """Measure, and write the figures down; 1 where a limit is not kept."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--readings", type=int, default=100_000)
    parser.add_argument("--alterations", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--json", type=Path, default=Path(__file__).parent / "results" / "replay.json", help="write the figures here"
    )
    options = parser.parse_args()
    found = measure(options.readings, options.alterations, options.seed)
    halved, altered = found["after_dropping_half"], found["alterations"]
    kept = (
        found["differing"] == found["not_whole"] == halved["differing"] == altered["not_found"] == 0
        and halved["not_whole"] == halved["begun_before"]
    )
    print(f"readings {found['readings']:32,}, events {found['events']:,}")
    print(f"derived again {found['derived']:27,}, of which {found['differing']} differ, limit 0")
    print(f"a second {found['derived_a_second']:32,.0f}, {found['seconds_an_event']:.2f} s an event")
    print(
        f"after half was dropped {halved['derived']:18,}, of which {halved['differing']} differ, limit 0; "
        f"{halved['not_whole']} events are not whole, {halved['begun_before']} were begun in what was dropped"
    )
    print(f"alterations {altered['made']:29,}, of which {altered['not_found']} were not found, limit 0")
    print("kept" if kept else "NOT KEPT")
    result = {"machine": machine(), "seed": options.seed, **found, "kept": kept}
    write_result(options.json, result)
    return 0 if kept else 1


if __name__ == "__main__":
    raise SystemExit(main())

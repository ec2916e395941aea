"""How many steps a second each policy takes, on one core: so that years of readings can be replayed.

    python benchmarks/policies.py [--steps 20000] [--runs 5] [--json FILE]

A step is one reading of a group of three labels, ten readings a second, folded into a decision; states are kept from
flickering by a dwell and a tolerance for gaps. Every registered policy is measured with its defaults, those that have a
window also with one of two seconds, which holds twenty readings; and each on a group of three independent labels, which
takes three folds. The best of the runs, of which the first is not counted.

The limit is a million steps a minute, for every policy on an exclusive group.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from _machine import machine, write_result
from decisight.policies import POLICIES
from decisight.policies.parsing import has_setting
from decisight.protocols import Fold
from decisight.types import LabelGroup, Prediction, Reading, Task

LIMIT = 1_000_000 / 60
"""Steps a second."""

KINDS = ("exclusive", "independent")
STEADY = {"min_dwell": 3, "gap_tolerance": 2}
IN_SECONDS = {"window": "2s"}


def readings(task: Task, count: int) -> list[Reading]:
    """Readings that change their mind every fifty pictures or so, and are wrong every tenth time."""
    rng = np.random.default_rng(1)
    group = task.groups[0]
    truth = np.cumsum(rng.random(count) < 0.02) % len(group.labels)
    logits = rng.normal(0.0, 1.0, (count, len(group.labels)))
    logits[np.arange(count), truth] += 2.0
    odds = np.exp(logits)
    rows = odds / odds.sum(axis=1, keepdims=True) if group.exclusive else odds / (1.0 + odds)
    return [Reading(Prediction(task, (tuple(row),)), at / 10) for at, row in enumerate(rows.tolist())]


def steps_a_second(fold: Fold, sequence: Sequence[Reading], runs: int) -> float:
    """The best of the runs; one more comes first."""
    best = float("inf")
    for run in range(runs + 1):
        state = fold.initial()
        begin = time.perf_counter()
        for reading in sequence:
            state, _ = fold.step(state, reading)
        if run:
            best = min(best, time.perf_counter() - begin)
    return len(sequence) / best


def cases() -> dict[str, tuple[str, dict[str, Any]]]:
    """Every policy, and once more with a window in seconds where it has one."""
    found = {}
    for name in POLICIES.names():
        steady = {key: value for key, value in STEADY.items() if has_setting(name, key)}
        found[name] = (name, steady)
        if has_setting(name, "window"):
            found[f"{name}, 2 s"] = (name, steady | IN_SECONDS)
    return found


def measure(count: int, runs: int) -> dict[str, dict[str, float]]:
    """Steps a second by case and kind of group."""
    found: dict[str, dict[str, float]] = {case: {} for case in cases()}
    for kind in KINDS:
        task = Task((LabelGroup("class", ("a", "b", "c"), kind),))
        sequence = readings(task, count)
        for case, (name, settings) in cases().items():
            found[case][kind] = steps_a_second(POLICIES.build(name, settings).fold(task, "class"), sequence, runs)
    return found


def main() -> int:
    """Measure, and write the figures down; 1 where the limit is not kept."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=20_000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument(
        "--json", type=Path, default=Path(__file__).parent / "results" / "policies.json", help="write the figures here"
    )
    options = parser.parse_args()
    found = measure(options.steps, options.runs)
    kept = all(row["exclusive"] >= LIMIT for row in found.values())
    print(f"{'steps a second':24}{''.join(f'{kind:>14}' for kind in KINDS)}{'limit':>10}")
    for case, row in found.items():
        verdict = "kept" if row["exclusive"] >= LIMIT else "NOT KEPT"
        print(f"{case:24}{''.join(f'{row[kind]:14,.0f}' for kind in KINDS)}{LIMIT:10,.0f} {verdict}")
    result = {
        "machine": machine(),
        "steps": options.steps,
        "runs": options.runs,
        "limit": LIMIT,
        "steps_a_second": found,
        "kept": kept,
    }
    write_result(options.json, result)
    return 0 if kept else 1


if __name__ == "__main__":
    raise SystemExit(main())

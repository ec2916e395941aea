"""Whether confidences mean what they say, over the fifteen tasks of the shared photo sets, with default settings.

    python benchmarks/calibration.py --data ../shared/data [--json results/calibration.json] [--resplits 2]

Each set is trained on its train part, and its test part is judged; nothing is chosen on a test part. The claims, each
picture's highest confidence, are pooled over the tasks. The expected calibration error is the mean absolute gap between
confidence and what holds, here in 15 bins of equal mass; its debiased value is what is left of it when its mean over
outcomes drawn from the confidences themselves is taken off. Beside it stands the debiased root mean square gap of Kumar
et al. (2019), which ``decisight evaluate`` prints, held against the same limit, and how often a model whose confidences
are exactly right would exceed that limit by chance.

Of each task it is tested whether its error is more than chance: by that mean and by Spiegelhalter's statistic, both
beside outcomes drawn from the confidences, by source, corrected by Holm's procedure for fifteen tasks.

The limits: the debiased expected calibration error at most 0.015, and no task rejected at 1 %; else the status is 1.
Whether the root mean square is at most 0.015 too is said and does not set the status. With ``--resplits``, train parts
are divided anew besides, a quarter for testing at a time: figures of pictures that no choice was ever made on.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from _machine import machine, write_result
from _photos import SHARED_DATA
from accuracy import SETS, SOURCES
from decisight.compute import one_blas_thread, threads
from decisight.data.dataset import Dataset
from decisight.data.folds import assign_folds
from decisight.data.reading import read_dataset
from decisight.evaluation.consistency import Consistency, consistency, draw_outcomes, holm
from decisight.evaluation.judging import judge
from decisight.evaluation.reliability import BINS, claims, root_mean_squared_gap
from decisight.evaluation.scored import cluster_numbers
from decisight.models.classifier import Classifier
from decisight.training.cache import FeatureCache
from decisight.training.train import TrainOptions, train

MOST_ERROR = 0.015
LEVEL = 0.01
REQUIRED = ("mean", "tasks")
"""What sets the exit status; the root mean square is said beside it."""
RUNTIME = "onnxruntime:fp32"
PARTS = 4
"""Into how many parts a train part is divided anew; each is tested once."""


@dataclass(frozen=True)
class Claims:
    """The top labels' confidences of a task's pictures, whether they were right, and the pictures' sources."""

    claimed: np.ndarray
    held: np.ndarray
    sources: tuple[str, ...]

    def consistency(self) -> Consistency:
        """Beside outcomes drawn from the confidences."""
        with one_blas_thread():
            return consistency(self.claimed, self.held, cluster_numbers(list(self.sources)))

    def by_chance(self, correlation: float, draws: int = 1000) -> np.ndarray:
        """The root mean squared errors of outcomes drawn from the confidences."""
        clusters = cluster_numbers(list(self.sources))
        drawn = draw_outcomes(self.claimed, clusters, correlation, draws, np.random.default_rng(0))
        return np.array([root_mean_squared_gap(self.claimed, outcomes) for outcomes in drawn])


def pooled(tasks: Sequence[Claims]) -> Claims:
    """The claims of several tasks in one."""
    claimed, held = (np.concatenate([getattr(task, name) for task in tasks]) for name in ("claimed", "held"))
    return Claims(claimed, held, tuple(source for task in tasks for source in task.sources))


def claims_of(data: Dataset, tested: Dataset, groups: Sequence[str], cache: Path) -> dict[str, Claims]:
    """Train on all of a dataset, judge another, and give the claims of each group."""
    with FeatureCache(cache) as features:
        options = TrainOptions(name=data.root.stem)
        trained = train(data, options, cache=features, progress=lambda *_: None, threads=threads().count)
    judged = judge(Classifier(trained.model, runtime=RUNTIME), tested)
    if judged.skipped:
        raise SystemExit(f"{judged.skipped[0].path}: {judged.skipped[0].why}")
    names = [str(e.path) if e.source is None else e.source for e in judged.examples]
    found = {}
    for at, group in enumerate(tested.task.groups):
        if group.name in groups:
            known = [row for row, targets in enumerate(judged.targets) if targets[at] is not None]
            index = {label: k for k, label in enumerate(group.labels)}
            target = np.array([index[str(judged.targets[row][at])] for row in known])
            claimed, held = (array.ravel() for array in claims(target, judged.confidences[at][known]))
            found[group.name] = Claims(claimed, held, tuple(f"{data.root.name}/{names[row]}" for row in known))
    return found


def divided(data: Dataset, seed: int) -> Iterator[tuple[Dataset, Dataset]]:
    """The train part divided anew, sources kept together: what is learnt from, and what is tested, for each part."""
    part = data.only("train")
    keys = [" & ".join(str(target) for target in example.targets[:3]) for example in part.examples]
    fold = assign_folds(keys, [example.source for example in part.examples], PARTS, seed)
    for number in range(PARTS):
        out = (fold == number).tolist()
        learnt, tested = (
            replace(part, examples=tuple(e for e, one in zip(part.examples, out, strict=True) if one is tested))
            for tested in (False, True)
        )
        yield learnt, tested


def figures(found: Claims) -> dict[str, float]:
    """The calibration error of claims in both readings, and what chance makes of it."""
    beside = found.consistency()
    return {
        "pictures": len(found.held),
        "confidence": float(found.claimed.mean()),
        "accuracy": float(found.held.mean()),
        "error": beside.error,
        "by_chance": beside.by_chance,
        "spread_by_chance": beside.spread,
        "mean": beside.debiased,
        "root_mean_square": root_mean_squared_gap(found.claimed, found.held),
        "p_value": beside.p_value,
        "z": beside.z,
        "z_p_value": beside.z_p_value,
        "correlation": beside.correlation,
    }


def tested(tasks: Mapping[str, Claims]) -> dict[str, dict[str, float]]:
    """The figures of each task, with p-values corrected for the number of tasks."""
    rows = {name: figures(found) for name, found in tasks.items()}
    for key in ("p_value", "z_p_value"):
        for row, corrected in zip(rows.values(), holm([row[key] for row in rows.values()]), strict=True):
            row[f"{key}_holm"] = corrected
    return rows


def line(row: Mapping[str, float]) -> str:
    """The figures of one row in words."""
    return (
        f"{row['pictures']:5} pictures, confidence {row['confidence']:.3f}, right {row['accuracy']:.3f}; error "
        f"{row['error']:.4f}, by chance {row['by_chance']:.4f} +- {row['spread_by_chance']:.4f}; beyond chance "
        f"{row['mean']:.4f}, root mean square {row['root_mean_square']:.4f}; p {row['p_value']:.3f}, z {row['z']:+.2f} "
        f"(p {row['z_p_value']:.3f})"
    )


def of_tasks(data: Path, cache: Path, seed: int | None) -> dict[str, Claims]:
    """The claims of every task: of the test parts, or of train parts divided anew."""
    found: dict[str, Claims] = {}
    for name, groups in SETS.items():
        whole = read_dataset(data / name, source_pattern=SOURCES.get(name))
        parts = [(whole, whole.only("test"))] if seed is None else list(divided(whole, seed))
        one = [claims_of(learnt, tested, groups, cache) for learnt, tested in parts]
        for group in groups:
            found[f"{name.split('/')[0]}: {group}"] = pooled([part[group] for part in one])
    return found


def main() -> int:
    """Run the benchmark; 1 where a limit is not kept."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=SHARED_DATA)
    parser.add_argument("--json", type=Path, default=Path(__file__).parent / "results" / "calibration.json")
    parser.add_argument("--resplits", type=int, default=0, help="how often train parts are divided anew")
    parser.add_argument("--cache", type=Path, help="keep features here; by default they are computed afresh")
    options = parser.parse_args()
    if not options.data.is_dir():
        print(f"skipped: there is no folder {options.data}, and this benchmark needs its photo sets")
        return 0
    begin = time.time()
    with tempfile.TemporaryDirectory() as folder:
        cache = options.cache or Path(folder) / "features.sqlite3"
        tasks = of_tasks(options.data, cache, None)
        every = pooled(list(tasks.values()))
        rows, whole = tested(tasks), figures(every)
        chance = every.by_chance(whole["correlation"])
        whole["root_mean_square_p_value"] = float(np.mean(chance >= whole["root_mean_square"]))
        whole["root_mean_square_above_limit_by_chance"] = float(np.mean(chance > MOST_ERROR))
        for name, row in rows.items():
            print(f"{name:26} {line(row)}", flush=True)
        print(f"{'all tasks':26} {line(whole)}", flush=True)
        print(
            f"of right confidences the root mean square would be above {MOST_ERROR} in "
            f"{whole['root_mean_square_above_limit_by_chance']:.1%}, and as large as here in "
            f"{whole['root_mean_square_p_value']:.1%}"
        )
        again = []
        for seed in range(options.resplits):
            one = of_tasks(options.data, cache, seed)
            again.append({"tasks": tested(one), "pooled": figures(pooled(list(one.values())))})
            print(f"{'divided anew, ' + str(seed):26} {line(again[-1]['pooled'])}", flush=True)
    lowest = min(row[key] for row in rows.values() for key in ("p_value_holm", "z_p_value_holm"))
    kept = {
        "mean": whole["mean"] <= MOST_ERROR,
        "root_mean_square": whole["root_mean_square"] <= MOST_ERROR,
        "tasks": lowest >= LEVEL,
    }
    result = {
        "machine": machine(),
        "seconds": time.time() - begin,
        "bins": BINS,
        "limits": {"error": MOST_ERROR, "level": LEVEL},
        "kept": kept,
        "lowest_p_value": lowest,
        "pooled": whole,
        "tasks": rows,
        "divided_anew": again,
    }
    write_result(options.json, result)
    for name, held in kept.items():
        print(f"{name.replace('_', ' ')}: {'kept' if held else 'NOT KEPT'}")
    return 0 if all(kept[name] for name in REQUIRED) else 1


if __name__ == "__main__":
    sys.exit(main())

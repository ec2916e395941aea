"""Accuracy over the fifteen tasks of the shared photo sets, with default settings, beside two yardsticks.

    python benchmarks/accuracy.py --data ../shared/data [--json results/accuracy.json] [--no-yardsticks]

Each set is trained on its train part and evaluated on its test part. No option is chosen on a test part. The yardsticks
are linear probes on the same frozen backbone, as in the data's description: standardised features, multinomial logistic
regression with C = 0.001; ``crop: last`` sees the mean-pooled last layer of the centre crop, ``stretch: max`` mean and
maximum of every depth of the whole picture. Each model is judged on every runtime that is installed.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from _machine import machine, write_result
from _photos import SHARED_DATA
from decisight.compute import chip, open_session, threads
from decisight.compute.runtimes import runtimes
from decisight.data.dataset import Dataset
from decisight.data.reading import read_dataset
from decisight.evaluation.evaluate import evaluate
from decisight.evaluation.judging import Judged, judge
from decisight.imaging import fit, read_image
from decisight.models.backbones import backbones
from decisight.models.classifier import Classifier
from decisight.models.heads import feature_graph
from decisight.policies.ballot import INDEPENDENT_THRESHOLD
from decisight.training.cache import FeatureCache
from decisight.training.train import TrainOptions, train
from decisight.types import FitMode

LEAST_ACCURACY = 0.81
REFERENCE = "onnxruntime:fp32"
RUNTIMES = tuple(
    f"{name}:{precision}" for name in runtimes.names() for precision in sorted(runtimes.build(name).precisions(chip()))
)
"""All that is installed and that the chip has; figures are the reference's."""

SETS = {
    "car_attr": ["make", "body"],
    "car_model": ["class"],
    "fashion_outfit": ["outerwear", "lower", "bag"],
    "flowers": ["class"],
    "ppe_compliance": ["class"],
    "ppe_compliance/gear.csv": ["helmet", "vest"],
    "ppe_helmet": ["class"],
    "ppe_person": ["helmet", "workwear"],
    "ppe_vest": ["class"],
    "uniform_color": ["class"],
}
SOURCES = {
    "ppe_compliance": r"^([^_]+)_",
    "ppe_helmet": r"^(?!part2_)(.+)_[^_]+$",
    "ppe_person": r"^(?!part2_)(.+)_[^_]+$",
    "ppe_vest": r"^(?!part2_)(.+)_[^_]+$",
    "uniform_color": r"^(?!part2_)(.+)_[^_]+$",
}
"""What the data's description says of sources: the photo that a crop was cut from."""


def ours(path: Path, pattern: str | None, cache: Path) -> dict[str, dict[str, float]]:
    """Accuracy and balanced accuracy on the test part, by group; and what was chosen."""
    data = read_dataset(path, source_pattern=pattern)
    with FeatureCache(cache) as features:
        trained = train(
            data,
            TrainOptions(name=path.stem),
            cache=features,
            progress=lambda *_: None,
            threads=threads().count,
        )
    runs = {runtime: judge(Classifier(trained.model, runtime=runtime), data.only("test")) for runtime in RUNTIMES}
    judged = runs[REFERENCE]
    if judged.skipped:
        raise SystemExit(f"{judged.skipped[0].path}: {judged.skipped[0].why}")
    report = evaluate(data.task, judged.targets, judged.confidences, sources=judged.sources)
    compared = {runtime: compared_with(judged, run) for runtime, run in runs.items()}
    chosen = {c.name if c.group is None else f"{c.group}: {c.name}": c.value for c in trained.report.choices}
    return {
        group.group.name: {
            "accuracy": group.accuracy.value,
            "balanced_accuracy": group.balanced_accuracy.value,
            "ece": group.ece.value,
            "runtimes": {runtime: of_group[group.group.name] for runtime, of_group in compared.items()},
            "chosen": chosen,
            "seconds": sum(trained.report.seconds.values()),
        }
        for group in report.groups
    }


def compared_with(reference: Judged, run: Judged) -> dict[str, dict[str, float]]:
    """A run on one runtime beside the reference, by group: accuracy, agreement, and the largest confidence moved by."""
    task = reference.examples and reference.predictions[0].task
    report = evaluate(task, run.targets, run.confidences, sources=run.sources)
    found = {}
    for figures in report.groups:
        at = task.groups.index(figures.group)
        before, after = reference.confidences[at], run.confidences[at]
        said = (c.argmax(axis=1) if figures.group.exclusive else c >= INDEPENDENT_THRESHOLD for c in (before, after))
        one, other = said
        found[figures.group.name] = {
            "accuracy": figures.accuracy.value,
            "balanced_accuracy": figures.balanced_accuracy.value,
            "agreement": float((one == other).reshape(len(one), -1).all(axis=1).mean()),
            "largest_difference": float(np.abs(before - after).max()),
            "mean_difference": float(np.abs(before - after).max(axis=1).mean()),
        }
    return found


def yardsticks(path: Path, group: str) -> dict[str, dict[str, float]]:
    """The same figures for two plain probes."""
    data = read_dataset(path)
    at = [g.name for g in data.task.groups].index(group)
    known = Dataset(data.root, data.task, tuple(e for e in data.examples if e.targets[at] is not None))
    return {
        "crop: last": _probe(known, at, FitMode.CROP, ("head.all.mean",)),
        "stretch: max": _probe(
            known,
            at,
            FitMode.STRETCH,
            tuple(f"{t.name}.all.{p}" for t in backbones.build("efficientnet_lite0").taps for p in ("mean", "max")),
        ),
    }


_SEEN: dict[tuple[Path, FitMode, tuple[str, ...]], np.ndarray] = {}


def _features(path: Path, mode: FitMode, names: tuple[str, ...]) -> np.ndarray:
    key = (path, mode, names)
    if key not in _SEEN:
        backbone = backbones.build("efficientnet_lite0")
        session = _session(names)
        batch = fit(read_image(path), backbone.input.size, mode, backbone.input.fill)[None]
        _SEEN[key] = session.run(["features"], {"image": batch})[0][0]
    return _SEEN[key]


_SESSIONS: dict[tuple[str, ...], object] = {}


def _session(names: tuple[str, ...]):
    if names not in _SESSIONS:
        graph = feature_graph(backbones.build("efficientnet_lite0"), names, "benchmark")
        _SESSIONS[names] = open_session(graph.SerializeToString(), threads=threads().count)
    return _SESSIONS[names]


def _probe(data: Dataset, at: int, mode: FitMode, names: tuple[str, ...]) -> dict[str, float]:
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import accuracy_score, balanced_accuracy_score
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    def table(split: str) -> tuple[np.ndarray, list[str]]:
        examples = data.only(split).examples
        rows = np.array([_features(e.path, mode, names) for e in examples])
        return rows, [str(e.targets[at]) for e in examples]

    x, y = table("train")
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.001, max_iter=2000)).fit(x, y)
    x, y = table("test")
    predicted = model.predict(x)
    return {
        "accuracy": float(accuracy_score(y, predicted)),
        "balanced_accuracy": float(balanced_accuracy_score(y, predicted)),
    }


def main() -> int:
    """Run the benchmark; 1 where a limit is not kept."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=SHARED_DATA)
    parser.add_argument("--json", type=Path, default=Path(__file__).parent / "results" / "accuracy.json")
    parser.add_argument("--no-yardsticks", action="store_true")
    parser.add_argument("--cache", type=Path, help="keep features here; by default they are computed afresh")
    options = parser.parse_args()
    if not options.data.is_dir():
        print(f"skipped: there is no folder {options.data}, and this benchmark needs its photo sets")
        return 0
    begin, rows = time.time(), {}
    with tempfile.TemporaryDirectory() as folder:
        cache = options.cache or Path(folder) / "features.sqlite3"
        for name, groups in SETS.items():
            path = options.data / name
            found = ours(path, SOURCES.get(name), cache)
            for group in groups:
                row = {"decisight": found[group]}
                if not options.no_yardsticks:
                    row |= yardsticks(path, group)
                rows[f"{name.split('/')[0]}: {group}"] = row
                figures = "  ".join(
                    f"{who} {100 * r['accuracy']:.1f}/{100 * r['balanced_accuracy']:.1f}" for who, r in row.items()
                )
                print(f"{name.split('/')[0]}: {group:12} {figures}   {found[group]['chosen']}", flush=True)
    means = {
        who: {k: float(np.mean([r[who][k] for r in rows.values()])) for k in ("accuracy", "balanced_accuracy")}
        for who in next(iter(rows.values()))
    }
    print(f"\nmean of {len(rows)} tasks (accuracy / balanced accuracy, %):")
    for who, mean in means.items():
        print(f"  {who:14} {100 * mean['accuracy']:.2f} / {100 * mean['balanced_accuracy']:.2f}")
    by_runtime = {}
    for runtime in RUNTIMES:
        of_tasks = [row["decisight"]["runtimes"][runtime] for row in rows.values()]
        by_runtime[runtime] = {key: float(np.mean([row[key] for row in of_tasks])) for key in of_tasks[0]}
        by_runtime[runtime]["largest_difference"] = max(row["largest_difference"] for row in of_tasks)
        print(f"  {runtime:18} {by_runtime[runtime]}")
    result = {
        "machine": machine(),
        "seconds": time.time() - begin,
        "means": means,
        "runtimes": by_runtime,
        "tasks": rows,
    }
    write_result(options.json, result)
    kept = means["decisight"]["accuracy"] >= LEAST_ACCURACY
    if not options.no_yardsticks:
        kept &= means["decisight"]["balanced_accuracy"] > means["stretch: max"]["balanced_accuracy"]
    print("kept" if kept else "NOT KEPT", f"(mean accuracy at least {100 * LEAST_ACCURACY:.0f} %)")
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())

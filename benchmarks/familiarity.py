"""How surely a model tells pictures of another kind from those of its own, over the shared photo sets.

    python benchmarks/familiarity.py --data ../shared/data [--json results/familiarity.json] [--cache FILE] [--few]

Each set is trained on its train part with default settings. Familiarity is asked of its test part, and of the test
parts of other kinds of pictures: cars, flowers, people. AUROC says how often a picture of its own is more familiar than
one of the other kind. A familiarity of at most 0.05 shall be had by one in twenty of its own at most. As the hard case,
classes of cars and flowers are left out in turn, and asked about as if they were of another kind. Then it is fitted on
few sources only, drawn several times, and the share of its own is taken over the draws: more of them tell more than one
fit. Last, how long one thread needs for a batch with familiarity in the graph, and without. With ``--few`` only the
fits on few sources are done anew, and the rest of the results stays.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from onnx import ModelProto

from _machine import machine, write_result
from _photos import SHARED_DATA
from accuracy import REFERENCE, RUNTIMES, SETS, SOURCES
from decisight.compute import choose, one_blas_thread, open_network, threads
from decisight.data.dataset import Dataset, Example
from decisight.data.reading import read_dataset
from decisight.evaluation.intervals import effective_size, wilson
from decisight.models.backbones import Backbone, backbones
from decisight.models.classifier import CHUNK, Classifier
from decisight.models.familiarity import Familiarity
from decisight.models.model_file import FAMILIARITY, output_name
from decisight.training.cache import FeatureCache
from decisight.training.familiarity import fit_familiarity
from decisight.training.features import FeatureExtractor, Features, View
from decisight.training.recipes import Layout
from decisight.training.train import TrainOptions, train
from decisight.types import FitMode

LEAST_AUROC = 0.9
MOST_TIME = 1.05
"""Of a batch with familiarity, in units of one without. What is measured varies by some hundredths."""
LEVELS = (0.01, 0.05, 0.1)
KINDS = {
    "cars": ("car_attr", "car_model"),
    "flowers": ("flowers",),
    "people": ("fashion_outfit", "ppe_compliance", "ppe_helmet", "ppe_person", "ppe_vest", "uniform_color"),
}
LEFT_OUT = {"flowers": 5, "car_model": 7}
"""The sets of which classes are left out, and in how many parts: one flower or two models of cars at a time."""
FEW, DRAWS = (20, 100), 20
"""Of how many sources familiarity is fitted on, and how often they are drawn."""


def auroc(own: Sequence[float], other: Sequence[float]) -> float:
    """How often a picture of its own is more familiar than another; ties count half."""
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score([1] * len(own) + [0] * len(other), [*own, *other]))


def shares(values: np.ndarray, examples: Sequence[Example]) -> dict[str, dict[str, object]]:
    """Which share of pictures has at most each level, with an interval that knows sources."""
    names = [e.source if e.source is not None else f"#{i}" for i, e in enumerate(examples)]
    clusters = np.unique(names, return_inverse=True)[1].astype(np.int64)
    found = {}
    for level in LEVELS:
        outcome = values <= level
        low, high = wilson(float(outcome.mean()), effective_size(outcome, clusters))
        found[f"{level:g}"] = {"share": float(outcome.mean()), "interval": [low, high]}
    return found


def of_set(name: str, data: dict[str, Dataset], cache: FeatureCache) -> tuple[dict[str, object], Classifier]:
    """What a set's model says of its own test pictures and of those of other kinds."""
    dataset = data[name]
    trained = train(dataset, TrainOptions(name=name), cache=cache, threads=threads().count)
    runs = {runtime: Classifier(trained.model, runtime=runtime) for runtime in RUNTIMES}
    own_examples = dataset.only("test").examples
    own = {runtime: asked(model, own_examples) for runtime, model in runs.items()}
    kind = next(kind for kind, names in KINDS.items() if name in names)
    others = {}
    for other, names in KINDS.items():
        if other != kind:
            examples = [e for of_kind in names for e in data[of_kind].only("test").examples]
            strange = asked(runs[REFERENCE], examples)
            others[other] = {
                "auroc": auroc(own[REFERENCE], strange),
                "pictures": len(strange),
                "at_most": {f"{level:g}": float((strange <= level).mean()) for level in LEVELS},
            }
    moved = {runtime: np.abs(values - own[REFERENCE]) for runtime, values in own.items()}
    return {
        "pictures": len(own_examples),
        "card": trained.model.card.familiarity,
        "fit": trained.model.card.preprocessing.fit.value,
        "own": shares(own[REFERENCE], own_examples),
        "others": others,
        "moved": {
            runtime: {
                "mean": float(by.mean()),
                "most": float(by.max()),
                "most_low": float(by[own[REFERENCE] <= LEVELS[-1]].max(initial=0.0)),
            }
            for runtime, by in moved.items()
        },
    }, runs[REFERENCE]


def asked(model: Classifier, examples: Sequence[Example]) -> np.ndarray:
    """The familiarity of pictures."""
    return np.array([prediction.familiarity for prediction in model.predict_batch(e.path for e in examples)])


@dataclass(frozen=True)
class Seen:
    """What the backbone sees of a set."""

    backbone: Backbone
    view: View
    train: Dataset
    features: Features
    test: Dataset
    test_features: Features

    @classmethod
    def of(cls, dataset: Dataset, fit: str, cache: FeatureCache) -> Seen:
        """Both parts, without pictures that cannot be read."""
        backbone, view = backbones.build("efficientnet_lite0"), View(FitMode(fit))
        extractor = FeatureExtractor(backbone, cache, threads=threads().count)
        found: list[Any] = []
        for split in ("train", "test"):
            part = dataset.only(split)
            features = extractor.extract(part.examples, [view], lambda *_: None)
            found += [Dataset(part.root, part.task, tuple(part.examples[i] for i in features.kept)), features]
        return cls(backbone, view, *found)

    def fitted(self, rows: Sequence[int], seed: int = 0) -> Familiarity:
        """Familiarity that is fitted on some of the training pictures."""
        part, features, at = self.train, self.features, np.array(rows)
        kept = Features(
            at,
            tuple(features.digests[i] for i in at),
            features.shapes[at],
            {self.view: features.views[self.view][at]},
            (),
            0,
        )
        taught = Dataset(part.root, part.task, tuple(part.examples[i] for i in at))
        with one_blas_thread():
            return fit_familiarity(self.backbone, taught, kept, self.view, seed=seed)

    def asked(self, fitted: Familiarity) -> np.ndarray:
        """The familiarity of all test pictures."""
        columns = Layout(self.backbone).of(fitted.feature)
        return fitted.of(self.test_features.views[self.view][:, columns])


def few(dataset: Dataset, fit: str, cache: FeatureCache) -> dict[str, dict[str, object]]:
    """Which share of its own test pictures has at most each level, in the mean of several fits on few sources."""
    seen = Seen.of(dataset, fit, cache)
    names = [e.source if e.source is not None else f"#{i}" for i, e in enumerate(seen.train.examples)]
    distinct = sorted(set(names))
    found = {}
    for count in FEW:
        if count > len(distinct):
            continue
        values, least = [], []
        for seed in range(DRAWS):
            drawn = set(np.random.default_rng(seed).choice(distinct, count, replace=False).tolist())
            fitted = seen.fitted([i for i, name in enumerate(names) if name in drawn], seed)
            values.append(seen.asked(fitted))
            least.append(float(fitted.to_json()["least"]))
        found[str(count)] = {
            "draws": DRAWS,
            "least": max(least),
            "share": {f"{level:g}": float(np.mean(np.array(values) <= level)) for level in LEVELS},
        }
    return found


def left_out(dataset: Dataset, fit: str, parts: int, cache: FeatureCache) -> list[dict[str, object]]:
    """AUROC of the test pictures of classes that were taught against those of classes that were left out, part by part.

    Familiarity looks at no labels, so it is fitted without heads.
    """
    seen = Seen.of(dataset, fit, cache)
    found = []
    for number in range(parts):
        out = set(dataset.task.groups[0].labels[number::parts])
        fitted = seen.fitted([i for i, e in enumerate(seen.train.examples) if e.targets[0] not in out])
        values = seen.asked(fitted)
        strange = np.array([e.targets[0] in out for e in seen.test.examples])
        found.append(
            {
                "left_out": sorted(out),
                "auroc": auroc(values[~strange].tolist(), values[strange].tolist()),
                "at_most": {f"{level:g}": float((values[strange] <= level).mean()) for level in LEVELS},
            }
        )
    return found


def few_of_all(
    data: dict[str, Dataset], sets: dict[str, dict[str, object]], cache: FeatureCache
) -> dict[str, dict[str, dict[str, object]]]:
    """What :func:`few` finds of every set, each brought to a square as its model does."""
    found = {}
    for name, dataset in data.items():
        found[name] = few(dataset, str(sets[name]["fit"]), cache)
        told = "  ".join(f"{count} sources: {of['share']}" for count, of in found[name].items())
        print(f"{name:16} {told}", flush=True)
    return found


def forward(model: Classifier, rounds: int = 40) -> dict[str, dict[str, float]]:
    """Milliseconds of one thread for a batch, with familiarity and without: the best of several, taken in turn."""
    whole = ModelProto.FromString(model.file.graph)
    bare = ModelProto.FromString(model.file.graph)
    for kept in (bare.graph.node, bare.graph.initializer, bare.graph.output):
        for item in [item for item in kept if item.name.partition("/")[0] == FAMILIARITY]:
            kept.remove(item)
    names = [output_name(group.name) for group in model.task.groups]
    size = model.card.preprocessing.size
    batch = np.random.default_rng(0).integers(0, 256, (CHUNK, size, size, 3)).astype(np.uint8)
    found = {}
    for runtime in RUNTIMES:
        networks = {
            way: open_network(
                graph.SerializeToString(), outputs, runtime=choose(runtime), threads=1, callers=1, name=way
            )
            for way, graph, outputs in (("with", whole, [*names, FAMILIARITY]), ("without", bare, names))
        }
        times: dict[str, list[float]] = {way: [] for way in networks}
        for number in range(rounds + 1):
            for way, network in networks.items():
                begin = time.process_time()
                network.run(batch)
                if number:
                    times[way].append(1000.0 * (time.process_time() - begin))
        found[runtime] = {way: min(taken) for way, taken in times.items()}
    return found


def main() -> int:
    """Run the benchmark; 1 where a limit is not kept."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=SHARED_DATA)
    parser.add_argument("--json", type=Path, default=Path(__file__).parent / "results" / "familiarity.json")
    parser.add_argument("--cache", type=Path, help="keep features here; by default they are computed afresh")
    parser.add_argument("--few", action="store_true", help="only fits on few sources; the rest of the results stays")
    options = parser.parse_args()
    if not options.data.is_dir():
        print(f"skipped: there is no folder {options.data}, and this benchmark needs its photo sets")
        return 0
    begin, sets, hard = time.time(), {}, {}
    paths = {name.split("/")[0]: name for name in SETS}  # of two tables of one set, the one with sources
    data = {name: read_dataset(options.data / path, source_pattern=SOURCES.get(path)) for name, path in paths.items()}
    with (
        tempfile.TemporaryDirectory() as folder,
        FeatureCache(options.cache or Path(os.path.join(folder, "features.sqlite3"))) as cache,
    ):
        if options.few:
            result = json.loads(options.json.read_text("utf-8"))
            result["few"] = few_of_all(data, result["sets"], cache)
            options.json.write_text(json.dumps(result, indent=1) + "\n", "utf-8")
            return 0
        for name in paths:
            sets[name], model = of_set(name, data, cache)
            told = "  ".join(f"{kind} {found['auroc']:.4f}" for kind, found in sets[name]["others"].items())
            own = "  ".join(f"<= {level}: {found['share']:.3f}" for level, found in sets[name]["own"].items())
            print(f"{name:16} AUROC  {told}   own {own}", flush=True)
        for name, parts in LEFT_OUT.items():
            hard[name] = left_out(data[name], sets[name]["fit"], parts, cache)
            told = ", ".join(f"{found['auroc']:.3f}" for found in hard[name])
            print(f"{name}: classes left out: {np.mean([f['auroc'] for f in hard[name]]):.3f} in the mean of {told}")
        of_few = few_of_all(data, sets, cache)
    times = forward(model)
    print("forward, ms a batch:", times)
    worst = min(found["auroc"] for of in sets.values() for found in of["others"].values())
    over = [
        f"{name} at {level}"
        for name, of in sets.items()
        for level, found in of["own"].items()
        if found["interval"][0] > float(level)
    ]
    slower = max(found["with"] / found["without"] for found in times.values())
    result = {
        "machine": machine(),
        "seconds": time.time() - begin,
        "limits": {"auroc": LEAST_AUROC, "time": MOST_TIME},
        "worst_auroc": worst,
        "over": over,
        "sets": sets,
        "left_out": hard,
        "few": of_few,
        "forward_ms": times,
    }
    write_result(options.json, result)
    kept = worst >= LEAST_AUROC and not over and slower <= MOST_TIME
    print(f"least AUROC {worst:.4f}; more than a share of its own: {over or 'none'}; time x {slower:.3f}")
    print("kept" if kept else "NOT KEPT")
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())

"""Whether thresholds keep what they promise: how often they do not, where the truth is known.

    python benchmarks/promises.py [--times 500] [--data ../shared/data] [--json FILE] [--made-up]

Each setting is a population of decisions: how confident they are and how often they are wrong at each confidence.
Pictures are drawn from it again and again, a threshold is chosen by them as ``decisight tune --max-error`` does, and it
is looked up how much of what that threshold accepts in the population is wrong. Where it is more than was promised, the
promise is broken. An assurance of 95 % allows that in 5 % of the draws; the limit is that and three standard errors of
so many draws. Where nothing is promised, nothing is broken; so it is also told how often something was promised, and
which share of the decisions was accepted then, beside what Bonferroni's correction over a dozen thresholds accepts.

Beside it stands how many of the promises that were made are broken: that is not bounded, and is most of them where next
to nothing can be promised.

Made-up populations: calibrated confidences, too sure and too mild ones, some whose most confident decisions are the
worst, few distinct confidences, an error just above what is asked for at every threshold (where nothing may be
promised), a label of an independent group, sources of one to six pictures that are wrong together, and three labels at
once whose promises are to hold jointly. Then some where errors do not fall with confidence, though much can be
promised: a middle that is bad, just behind where the search begins, or a little too bad, or a bad top there, with good
ones behind; and large sources that are worse than small ones, and reach high confidences oftener. Real ones: the test
parts of the shared photo sets, each judged by a model that was trained on its train part, pooled; draws are with
replacement, so that the pool is the population. Pictures of several tasks, and crops of one photo, count as one source
there.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from _machine import machine, write_result
from _photos import SHARED_DATA
from accuracy import SETS, SOURCES
from decisight.compute import one_blas_thread, threads
from decisight.data.reading import read_dataset
from decisight.evaluation.judging import judge
from decisight.evaluation.operating.bounds import chance
from decisight.evaluation.operating.decisions import LabelDecisions
from decisight.evaluation.operating.guarantee import GRID, Guarantee, guarantee
from decisight.models.classifier import Classifier
from decisight.training.cache import FeatureCache
from decisight.training.train import TrainOptions, train

POPULATION = 200_000
"""Decisions, or sources, that the truth is taken from."""
FEW = (0.999, 0.998, 0.995, 0.99, 0.98, 0.97, 0.95, 0.92, 0.88, 0.8, 0.7, 0.5, 0.0)
"""The thresholds that Bonferroni's correction is over."""

REAL = "real photos"
LARGE_BAD = "large sources are bad"
"""Of which pictures are not drawn one by one."""

World = Callable[[np.random.Generator, int], tuple[np.ndarray, np.ndarray]]
"""So many decisions: their confidences, and whether they are wrong."""


@dataclass(frozen=True)
class Setting:
    """A population, what is asked of it, and how much of it is looked at.

    Args:
        population: its name.
        units: pictures, or sources, that are drawn.
        max_error: what is asked for.
        assurance: how surely.
        labels: at once; their promises are to hold jointly.
        sources: whether they have several pictures.
        untuned: from which confidence on is decided where nothing is tuned: 0.5 of a label of an independent group.
    """

    population: str
    units: int
    max_error: float
    assurance: float = 0.95
    labels: int = 1
    sources: bool = False
    untuned: float = 0.0


def _logit(confidence: np.ndarray) -> np.ndarray:
    return np.log(confidence) - np.log1p(-confidence)


def _confidences(random: np.random.Generator, size: int) -> np.ndarray:
    """Of top labels, mostly high."""
    return 1.0 / (1.0 + np.exp(-np.abs(random.normal(3.0, 1.9, size))))


def tempered(sharpness: float) -> World:
    """Confidences that are wrong as often as they say (1), more often (below 1) or more rarely."""

    def world(random: np.random.Generator, size: int) -> tuple[np.ndarray, np.ndarray]:
        confidence = _confidences(random, size)
        return confidence, random.random(size) < 1.0 / (1.0 + np.exp(sharpness * _logit(confidence)))

    return world


def worst_on_top(random: np.random.Generator, size: int) -> tuple[np.ndarray, np.ndarray]:
    """The most confident decisions are wrong oftener than others: labels that are wrong in the data, say."""
    confidence = _confidences(random, size)
    return confidence, random.random(size) < np.where(confidence > 0.98, 0.08, np.minimum(1.0 - confidence, 0.03))


def coarse(random: np.random.Generator, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Five distinct confidences."""
    confidence = random.choice([0.6, 0.8, 0.9, 0.97, 0.99], size, p=[0.1, 0.2, 0.2, 0.2, 0.3])
    return confidence, random.random(size) < 1.0 - confidence


def flat(error: float) -> World:
    """Wrong equally often whatever the confidence."""

    def world(random: np.random.Generator, size: int) -> tuple[np.ndarray, np.ndarray]:
        return _confidences(random, size), random.random(size) < error

    return world


def any_label(error: float | None) -> World:
    """A label of an independent group: confidences from 0 to 1; calibrated, or wrong equally often."""

    def world(random: np.random.Generator, size: int) -> tuple[np.ndarray, np.ndarray]:
        confidence = random.beta(0.25, 0.4, size)
        return confidence, random.random(size) < (1.0 - confidence if error is None else error)

    return world


WORLDS: dict[str, World] = {
    "calibrated": tempered(1.0),
    "too sure": tempered(0.6),
    "too mild": tempered(1.6),
    "worst on top": worst_on_top,
    "few confidences": coarse,
}


def levels(*of: tuple[float, float, float]) -> World:
    """Few confidences: each with its share of the decisions, and the share of these that is wrong."""
    confidences, shares, errors = map(np.array, zip(*of, strict=True))

    def world(random: np.random.Generator, size: int) -> tuple[np.ndarray, np.ndarray]:
        which = random.choice(len(confidences), size, p=shares)
        return confidences[which], random.random(size) < errors[which]

    return world


UNEVEN: dict[str, World] = {
    "bad middle": levels((0.999, 0.25, 0.01), (0.98, 0.15, 0.2), (0.9, 0.4, 0.01), (0.7, 0.2, 0.05)),
    "slightly bad middle": levels((0.999, 0.25, 0.01), (0.98, 0.15, 0.12), (0.9, 0.05, 0.055), (0.7, 0.55, 0.02)),
    "bad at the begin": levels((0.999, 0.207, 0.01), (0.98, 0.1, 0.14), (0.9, 0.3, 0.01), (0.7, 0.393, 0.1)),
    "bad top": levels((0.999, 0.207, 0.09), (0.98, 0.2, 0.0125), (0.9, 0.2, 0.05), (0.7, 0.393, 0.05)),
}
"""Errors do not fall with confidence. The search begins at 124 of 600 decisions, where 5 % are asked for: 0.207."""


def _in_sources(world: World, random: np.random.Generator, sources: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pictures of sources: with four in five of a source's first picture's luck and look."""
    sizes = random.integers(1, 7, sources)
    number = np.repeat(np.arange(sources), sizes)
    confidence, wrong = world(random, sources)
    own_confidence, own_wrong = world(random, len(number))
    shared = random.random(len(number)) < 0.8
    return np.where(shared, confidence[number], own_confidence), np.where(shared, wrong[number], own_wrong), number


def _large_bad(random: np.random.Generator, sources: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pictures of sources of one to twelve: large ones are wrong together in 15 of 100 cases, others in one."""
    sizes = np.where(random.random(sources) < 0.8, random.integers(1, 4, sources), random.integers(8, 13, sources))
    number = np.repeat(np.arange(sources), sizes)
    wrong = random.random(sources) < np.where(sizes >= 8, 0.15, 0.01)
    return _confidences(random, len(number)), wrong[number], number


def _decisions(confidence: np.ndarray, wrong: np.ndarray, sources: np.ndarray, untuned: float = 0.0) -> LabelDecisions:
    # Drawn pictures are in no order, so their numbers are as good a lot as digests, but for those of real sources.
    lots = np.random.default_rng(len(wrong)).permutation(len(wrong)).astype(np.uint64)
    return LabelDecisions("group", "label", confidence, np.ones(len(wrong), bool), ~wrong, sources, untuned, lots)


def _truth(decisions: LabelDecisions) -> dict[float, float]:
    """The share of wrong decisions by threshold, each source that has any counted once."""
    found, wrong, in_sources = {}, ~decisions.holds, decisions.in_sources
    units = int(decisions.sources.max()) + 1
    for threshold in (*GRID, *FEW):
        passed = decisions.accepted(threshold)
        if not in_sources:
            found[threshold] = float(wrong[passed].mean()) if passed.any() else 0.0
            continue
        many = np.bincount(decisions.sources[passed], minlength=units)
        bad = np.bincount(decisions.sources[passed], wrong[passed], minlength=units)
        found[threshold] = float((bad[many > 0] / many[many > 0]).mean()) if many.any() else 0.0
    return found


def _bonferroni(decisions: LabelDecisions, setting: Setting) -> float | None:
    """The lowest of a dozen thresholds that passes, each at a dozenth of the level; of pictures without sources."""
    passed = [decisions.accepted(threshold) for threshold in FEW]
    many = np.array([p.sum() for p in passed])
    errors = np.array([(p & ~decisions.holds).sum() for p in passed])
    good = chance(errors, many, setting.max_error) <= (1.0 - setting.assurance) / len(FEW)
    return FEW[int(np.flatnonzero(good)[-1])] if good.any() else None


def run(setting: Setting, draw: Callable[[int], LabelDecisions], truth: dict[float, float], times: int) -> dict:
    """How often the promise is broken, how often one is made, and which share of the decisions is accepted."""
    broken = promised = others = false = 0
    shares, of_others = [], []
    level = 1.0 - (1.0 - setting.assurance) / setting.labels
    for time_ in range(times):
        bad = False
        for label in range(setting.labels):
            decisions = draw(time_ * setting.labels + label)
            found = guarantee(decisions, setting.max_error, level)
            if isinstance(found, Guarantee):
                promised += 1
                shares.append(found.pictures_accepted / len(decisions))
                kept = truth[found.threshold] <= setting.max_error
                bad |= not kept
                false += not kept
            if not setting.sources:
                other = _bonferroni(decisions, setting)
                others += other is not None
                of_others.append(0.0 if other is None else float(decisions.accepted(other).mean()))
        broken += bad
    allowed = 1.0 - setting.assurance
    trials = times * setting.labels
    return asdict(setting) | {
        "times": times,
        "broken": broken / times,
        "limit": allowed + 3.0 * math.sqrt(allowed * (1.0 - allowed) / times),
        "promised": promised / trials,
        "of_promised": false / promised if promised else None,
        "accepted": sum(shares) / trials,
        "bonferroni": None if setting.sources else {"promised": others / trials, "accepted": sum(of_others) / trials},
    }


def settings() -> Iterator[tuple[Setting, World]]:
    """The made-up populations."""
    for name, world in WORLDS.items():
        for units, max_error in ((150, 0.05), (150, 0.1), (600, 0.02), (600, 0.05), (2500, 0.01)):
            yield Setting(name, units, max_error), world
    for max_error in (0.02, 0.1):
        yield Setting("just too bad", 600, max_error), flat(max_error * 1.02)
    yield Setting("calibrated", 600, 0.05, assurance=0.8), WORLDS["calibrated"]
    yield Setting("too sure", 600, 0.1, assurance=0.8), WORLDS["too sure"]
    yield Setting("calibrated", 400, 0.05, labels=3), WORLDS["calibrated"]
    yield Setting("just too bad", 400, 0.1, labels=3), flat(0.102)
    for name in ("calibrated", "too sure", "worst on top"):
        for units, max_error in ((150, 0.1), (600, 0.05)):
            yield Setting(name, units, max_error, sources=True), WORLDS[name]
    yield Setting("just too bad", 300, 0.1, sources=True), flat(0.102)
    for units, max_error in ((300, 0.1), (1500, 0.02)):
        yield Setting("any number holds", units, max_error, untuned=0.5), any_label(None)
    yield Setting("just too bad", 600, 0.1, untuned=0.5), any_label(0.102)
    for name, world in UNEVEN.items():
        yield Setting(name, 600, 0.05), world
    for units, max_error in ((600, 0.1), (600, 0.15), (2500, 0.11)):
        yield Setting(LARGE_BAD, units, max_error, sources=True), flat(0.0)


def made_up(times: int, chosen: Callable[[Setting], bool] = lambda _: True) -> Iterator[dict]:
    """The figures of every setting with a made-up population."""
    for number, (setting, world) in enumerate(settings()):
        if not chosen(setting):
            continue

        def drawn(seed: tuple[int, ...], units: int, world: World = world, setting: Setting = setting):
            random = np.random.default_rng(seed)
            if setting.population == LARGE_BAD:
                return _decisions(*_large_bad(random, units))
            if setting.sources:
                return _decisions(*_in_sources(world, random, units))
            return _decisions(*world(random, units), np.arange(units), setting.untuned)

        truth = _truth(drawn((number, 1), POPULATION // (4 if setting.sources else 1)))
        if setting.population == "just too bad":
            # By construction, and not by as many decisions as there happen to be above a threshold.
            truth = dict.fromkeys(truth, setting.max_error * 1.02)
        yield run(setting, lambda at, n=setting.units, s=number: drawn((s, 2, at), n), truth, times)


def real(data: Path, cache: Path | None) -> LabelDecisions:
    """The decisions of models on the test parts of all sets, pooled; each picture with its photo as the source."""
    confidence, wrong, sources = [], [], []
    names: dict[str, int] = {}
    with tempfile.TemporaryDirectory() as folder:
        for name in SETS:
            dataset = read_dataset(data / name, source_pattern=SOURCES.get(name))
            with FeatureCache(cache or Path(folder) / "features.sqlite3") as features:
                trained = train(
                    dataset,
                    TrainOptions(name=name),
                    cache=features,
                    progress=lambda *_: None,
                    threads=threads().count,
                )
            judged = judge(Classifier(trained.model, runtime="onnxruntime:fp32"), dataset.only("test"))
            for at, group in enumerate(dataset.task.groups):
                if not group.exclusive:
                    continue
                for example, prediction in zip(judged.examples, judged.predictions, strict=True):
                    if example.targets[at] is None:
                        continue
                    row = prediction.confidences[at]
                    confidence.append(max(row))
                    wrong.append(group.labels[row.index(max(row))] != example.targets[at])
                    source = f"{name.partition('/')[0]}:{example.source or example.path.name}"
                    sources.append(names.setdefault(source, len(names)))
            print(f"  {name}: {len(wrong)} decisions so far", flush=True)
    return _decisions(np.array(confidence), np.array(wrong), np.array(sources))


def of_real(pool: LabelDecisions, times: int) -> Iterator[dict]:
    """The figures of draws from real decisions: of one decision a source, and of sources with all that they have."""
    order = np.argsort(pool.sources, kind="stable")
    begins = np.searchsorted(pool.sources[order], np.arange(pool.units + 1))

    def single(seed: tuple[int, ...], units: int) -> LabelDecisions:
        rows = np.random.default_rng(seed).integers(len(pool), size=units)
        return _decisions(pool.confidence[rows], ~pool.holds[rows], np.arange(units))

    def together(seed: tuple[int, ...], units: int) -> LabelDecisions:
        picked = np.random.default_rng(seed).integers(pool.units, size=units)
        rows = [order[begins[s] : begins[s + 1]] for s in picked]
        number = np.repeat(np.arange(units), [len(r) for r in rows])
        at = np.concatenate(rows)
        return _decisions(pool.confidence[at], ~pool.holds[at], number)

    alone = _truth(_decisions(pool.confidence, ~pool.holds, np.arange(len(pool))))
    for units, max_error in ((200, 0.1), (500, 0.05), (500, 0.1), (1000, 0.03), (1000, 0.1)):
        setting = Setting(REAL, units, max_error)
        yield run(setting, lambda at, n=units: single((3, n, at), n), alone, times)
    by_source = _truth(pool)
    for units, max_error in ((200, 0.1), (500, 0.05), (500, 0.1)):
        setting = Setting(REAL, units, max_error, sources=True)
        yield run(setting, lambda at, n=units: together((4, n, at), n), by_source, times)


def line(row: dict) -> str:
    """A row of the table."""
    unit = "sources" if row["sources"] else "pictures"
    made = "     -" if row["of_promised"] is None else f"{100 * row['of_promised']:4.0f} %"
    several = f", {row['labels']} labels" if row["labels"] > 1 else ""
    other = row["bonferroni"]
    beside = "" if other is None else f"  Bonferroni {100 * other['accepted']:5.1f}"
    kept = "" if row["broken"] <= row["limit"] else "  NOT KEPT"
    return (
        f"{row['population'] + several:26} {row['units']:5} {unit:8} E {100 * row['max_error']:4.0f} %  "
        f"A {100 * row['assurance']:3.0f} %  broken {100 * row['broken']:5.1f} % (at most {100 * row['limit']:4.1f})  "
        f"promised {100 * row['promised']:5.1f} %  of these "
        f"broken {made}  accepted {100 * row['accepted']:5.1f}{beside}{kept}"
    )


def main() -> int:
    """Run the benchmark; 1 where a promise is broken too often."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=500, help="draws of each setting")
    parser.add_argument("--data", type=Path, default=SHARED_DATA)
    parser.add_argument("--made-up", action="store_true", help="only those, and keep what was measured of real photos")
    parser.add_argument("--cache", type=Path, help="keep features here; by default they are computed afresh")
    parser.add_argument("--json", type=Path, default=Path(__file__).parent / "results" / "promises.json")
    options = parser.parse_args()
    begin, rows = time.time(), []
    with one_blas_thread():
        for row in made_up(options.times):
            rows.append(row)
            print(line(row), flush=True)
        pool, before = None, None
        if options.made_up:
            before = json.loads(options.json.read_text("utf-8"))
            rows += [row for row in before["settings"] if row["population"] == REAL]
        elif options.data.is_dir():
            pool = real(options.data, options.cache)
            for row in of_real(pool, options.times):
                rows.append(row)
                print(line(row), flush=True)
        else:
            print(f"without real photos: there is no folder {options.data}")
    compared = [row for row in rows if row["bonferroni"] is not None and row["labels"] == 1]
    means = {
        "accepted": float(np.mean([row["accepted"] for row in compared])),
        "bonferroni": float(np.mean([row["bonferroni"]["accepted"] for row in compared])),
    }
    print(f"\naccepted in the mean: {100 * means['accepted']:.1f} %, by Bonferroni {100 * means['bonferroni']:.1f} %")
    kept = all(row["broken"] <= row["limit"] for row in rows)
    result = {
        "machine": machine(),
        "seconds": time.time() - begin,
        "kept": kept,
        "pool": before["pool"] if before else pool and {"decisions": len(pool), "sources": pool.units},
        "means": means,
        "settings": rows,
    }
    write_result(options.json, result)
    print("kept" if kept else "NOT KEPT", "(1 - assurance and three standard errors)")
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())

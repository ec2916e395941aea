"""Whether the 95 % intervals of a comparison of two models hold the truth, and how often its test finds what is not.

    python benchmarks/paired_coverage.py [--times 1000] [--json FILE]

Each setting is a made-up population that two models look at: each sees, of every picture, a signal in noise, and says
what follows from that by Bayes' rule. A share of the noise is common to both models, as it is for models that have
learnt from the same pictures; a share is common to the pictures of a source. The truth is what a large sample of the
population gives (40,000 pictures). Then small samples are drawn again and again and compared as ``decisight compare``
does, and it is counted how many of the intervals hold the truth; and, where both models are equally good, how often
McNemar's test says that they are not, at 5 %.

The limits: 94 % on the mean of all figures and settings, 85 % for every single figure, and for the test 5 % and
three standard errors of that. For comparison, the same samples as if each picture were its own source.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from _machine import machine
from decisight.compute import one_blas_thread
from decisight.evaluation.paired import PairedDifference, PairedGroup, compare_group
from decisight.evaluation.paired_scored import ModelOutputs
from decisight.policies.threshold import Threshold
from decisight.types import LabelGroup, Prediction, Target, Task

LEAST_MEAN = 0.94
LEAST_EACH = 0.85
LEVEL = 0.05
POPULATION = 40_000
THRESHOLD = 0.8


@dataclass(frozen=True)
class Setting:
    """A population, two models, and how many pictures are looked at.

    Args:
        sources: how many sources a sample has.
        pictures: of each source.
        frequencies: of the labels; of an independent group each by itself.
        signals: how far apart the labels are for each model, in standard deviations of the noise.
        together: the share of the noise that both models have in common, 0..1.
        alike: the share of the noise that pictures of one source have in common, 0..1.
        independent: any number of the labels holds.
    """

    sources: int
    pictures: int
    frequencies: tuple[float, ...]
    signals: tuple[float, float]
    together: float = 0.7
    alike: float = 0.0
    independent: bool = False

    @property
    def group(self) -> LabelGroup:
        """Its label group."""
        labels = tuple(f"label {k}" for k in range(len(self.frequencies)))
        return LabelGroup("class", labels, "independent" if self.independent else "exclusive")


SETTINGS = {
    "2 labels, 60 pictures": Setting(60, 1, (0.7, 0.3), (1.5, 2.0)),
    "2 labels, 100 pictures, 2 % errors": Setting(100, 1, (0.5, 0.5), (2.9, 2.9), 0.9),
    "5 labels, 150 pictures": Setting(150, 1, (0.3, 0.25, 0.2, 0.15, 0.1), (1.8, 1.8), 0.5),
    "3 labels, 40 sources of 4": Setting(40, 4, (0.5, 0.3, 0.2), (1.8, 1.8), 0.6, 0.7),
    "2 labels, 15 sources of 8": Setting(15, 8, (0.5, 0.5), (1.5, 2.2), 0.5, 0.5),
    "3 tags, 80 pictures": Setting(80, 1, (0.5, 0.3, 0.1), (1.8, 2.2), independent=True),
}


def draw(setting: Setting, sources: int, seed: int) -> tuple[list[Target], list[np.ndarray], list[str | None]]:
    """Draw sources and pictures of each: what is true, the confidences of both models, and the sources."""
    random = np.random.default_rng(seed)
    frequencies, labels = np.array(setting.frequencies), len(setting.frequencies)
    shape = sources, setting.pictures, labels
    if setting.independent:
        held = random.random(shape) < frequencies
    else:
        held = np.eye(labels, dtype=bool)[random.choice(labels, size=shape[:2], p=frequencies)]

    def noise() -> np.ndarray:
        common = random.normal(size=(sources, 1, labels))
        return math.sqrt(setting.alike) * common + math.sqrt(1.0 - setting.alike) * random.normal(size=shape)

    shared, confidences = noise(), []
    for signal in setting.signals:
        own = math.sqrt(setting.together) * shared + math.sqrt(1.0 - setting.together) * noise()
        seen = (own + signal * held).reshape(-1, labels)
        if setting.independent:
            odds = signal * (seen - signal / 2.0) + np.log(frequencies / (1.0 - frequencies))
            confidences.append(1.0 / (1.0 + np.exp(-odds)))
        else:
            powers = np.exp(signal * (seen - seen.max(axis=1, keepdims=True)) + np.log(frequencies))
            confidences.append(powers / powers.sum(axis=1, keepdims=True))
    names, held = np.array(setting.group.labels), held.reshape(-1, labels)
    targets: list[Target] = (
        [frozenset(names[row].tolist()) for row in held] if setting.independent else names[held.argmax(axis=1)].tolist()
    )
    return targets, confidences, [str(at // setting.pictures) for at in range(len(targets))]


def compared(setting: Setting, sources: int, seed: int, *, aware: bool = True) -> PairedGroup:
    """Both models on a sample, as ``decisight compare`` has it."""
    targets, confidences, names = draw(setting, sources, seed)
    group = setting.group
    task = Task((group,))
    rule = Threshold(dict.fromkeys(group.labels, THRESHOLD)).checked(task)
    said = [
        ModelOutputs(
            group, values, decisions=[rule.decide(Prediction(task, (tuple(row),)))[0] for row in values.tolist()]
        )
        for values in confidences
    ]
    return compare_group(group, targets, *said, sources=names if aware else None)


def differences(found: PairedGroup) -> Iterator[tuple[str, PairedDifference]]:
    """Every difference that has an interval, by name; those of single labels under one name."""
    yield from found.figures.items()
    for one in found.recalls.values():
        yield "recall of a label", one
    for name, accepted in (("accepted share", found.accepted_share), ("of these right", found.accepted_accuracy)):
        if accepted is not None:
            yield name, accepted


def measure(setting: Setting, times: int) -> dict[str, dict[str, float]]:
    """By figure: the share of intervals that hold the truth, their mean width, and the share without sources."""
    truth = [one.value for _, one in differences(compared(setting, POPULATION // setting.pictures, 2**32))]
    inside: dict[str, list[bool]] = {}
    blind: dict[str, list[bool]] = {}
    widths: dict[str, list[float]] = {}
    for seed in range(times):
        for aware, held in ((True, inside), (False, blind)):
            if not aware and setting.pictures == 1:
                continue
            found = differences(compared(setting, setting.sources, seed, aware=aware))
            for true, (name, one) in zip(truth, found, strict=True):
                if not math.isnan(one.value) and not math.isnan(true):
                    held.setdefault(name, []).append(one.low <= true <= one.high)
                    if aware:
                        widths.setdefault(name, []).append(one.high - one.low)
    return {
        name: {
            "coverage": float(np.mean(held)),
            "width": float(np.mean(widths[name])),
            **({"without_sources": float(np.mean(blind[name]))} if name in blind else {}),
        }
        for name, held in inside.items()
    }


def false_alarms(setting: Setting, times: int) -> dict[str, float]:
    """How often the test tells two equally good models apart, at 5 %, by source and as if there were none."""
    equal = replace(setting, signals=(setting.signals[0],) * 2)
    found = [compared(equal, setting.sources, seed) for seed in range(times)]
    return {
        "by_source": float(np.mean([one.p_value <= LEVEL for one in found])),
        "by_picture": float(np.mean([one.p_value_by_picture <= LEVEL for one in found])),
    }


def main() -> int:
    """Simulate, and write the figures down; 1 where a limit is not kept."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=1000, help="samples of each setting")
    parser.add_argument(
        "--json", type=Path, default=Path(__file__).parent / "results" / "paired_coverage.json", help="write here"
    )
    options = parser.parse_args()
    begin, found = time.time(), {}
    with one_blas_thread():
        for name, setting in SETTINGS.items():
            alarms = false_alarms(setting, options.times)
            rows = measure(setting, options.times)
            found[name] = {"setting": asdict(setting), "figures": rows, "false_alarms": alarms}
            print(f"\n{name}\n{'':26}{'held':>7}{'width':>8}{'without sources':>18}")
            for figure, row in rows.items():
                blind = f"{row['without_sources']:18.1%}" if "without_sources" in row else ""
                print(f"{figure:26}{row['coverage']:7.1%}{row['width']:8.3f}{blind}", flush=True)
            print(f"{'false alarms of the test':26}{alarms['by_source']:7.1%}{'':8}{alarms['by_picture']:18.1%}")
    covered = [row["coverage"] for one in found.values() for row in one["figures"].values()]
    mean, least = float(np.mean(covered)), min(covered)
    most = max(one["false_alarms"]["by_source"] for one in found.values())
    allowed = LEVEL + 3.0 * math.sqrt(LEVEL * (1.0 - LEVEL) / options.times)
    kept = mean >= LEAST_MEAN and least >= LEAST_EACH and most <= allowed
    print(
        f"\nmean {mean:.1%} (at least {LEAST_MEAN:.0%}), lowest {least:.1%} (at least {LEAST_EACH:.0%}), false alarms "
        f"{most:.1%} (at most {allowed:.1%}): {'kept' if kept else 'NOT KEPT'}"
    )
    result = {
        "machine": machine(),
        "seconds": time.time() - begin,
        "times": options.times,
        "population": POPULATION,
        "threshold": THRESHOLD,
        "mean": mean,
        "lowest": least,
        "false_alarms": most,
        "false_alarms_allowed": allowed,
        "kept": kept,
        "settings": found,
    }
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps(result, indent=1) + "\n", "utf-8")
    print(f"written: {options.json}")
    return 0 if kept else 1


if __name__ == "__main__":
    raise SystemExit(main())

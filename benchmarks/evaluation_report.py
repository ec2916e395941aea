"""How long the page of an evaluation takes on 5,000 pictures, beyond predicting them, and how large it is.

    python benchmarks/evaluation_report.py [--pictures 5000] [--runs 3] [--json results/evaluation_report.json]

Workers at a gate are rendered (``decisight.sources.rendered``), and a model is trained on some of them, with default
settings. The others are each cut, brightened and saved a number of times, so that every picture has another content,
and have a source: the rendered picture. One label in ten is wrong, so that there are many mistakes to show.

Measured in one process: predicting (``judge``); then, together, the figures with their intervals and the page with its
pictures, evidence and context check. The median of the runs; a first run is not counted. The second has to take less
than 60 s, and the page 30 MB (1,000,000 bytes each) at most.
"""

from __future__ import annotations

import argparse
import csv
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from PIL import Image

from _machine import machine, write_result
from decisight.cli.judging import limits
from decisight.compute import threads
from decisight.data.reading import read_dataset
from decisight.evaluation.evaluate import evaluate
from decisight.evaluation.judging import judge
from decisight.evaluation.report import PAGE_NAME, Subject, write_report
from decisight.models.classifier import Classifier
from decisight.policies.threshold import Threshold
from decisight.sources.rendered import write_dataset
from decisight.training.train import TrainOptions, train

MOST_SECONDS = 60.0
MOST_MB = 30.0
RENDERED = 480
WRONG = 0.1

T = TypeVar("T")


def vary(rendered: Path, folder: Path, count: int) -> None:
    """Write so many pictures, each a part of a rendered one, brighter or darker, with a table of their labels."""
    random = np.random.default_rng(0)
    with (rendered / "metadata.csv").open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    roles = sorted({row["role"] for row in rows})
    folder.mkdir()
    with (folder / "metadata.csv").open("w", encoding="utf-8", newline="") as stream:
        table = csv.writer(stream)
        table.writerow(("file_name", "role", "gear", "source"))
        for at in range(count):
            row = rows[at % len(rows)]
            with Image.open(rendered / row["file_name"]) as image:
                width, height = image.size
                left, top = (int(random.integers(0, side // 8 + 1)) for side in (width, height))
                cut = image.crop((left, top, width - int(random.integers(0, width // 8 + 1)), height))
                pixels = np.asarray(cut, np.float64) * random.uniform(0.6, 1.25)
            Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(folder / f"{at:05}.jpg", quality=90)
            role = roles[int(random.integers(len(roles)))] if random.random() < WRONG else row["role"]
            table.writerow((f"{at:05}.jpg", role, row["gear"], row["file_name"]))


def timed(work: Callable[[], T]) -> tuple[T, float]:
    """What a piece of work gives, and how many seconds it took."""
    begin = time.perf_counter()
    return work(), time.perf_counter() - begin


def measure(model: Classifier, data: Path, page: Path) -> dict[str, Any]:
    """One run: predicting, figures, page."""
    dataset = read_dataset(data, task=model.task)
    judged, predicting = timed(lambda: judge(model, dataset))
    rule = Threshold(model.card.thresholds, model.card.fallback).checked(model.task)
    bars = limits(model.task, rule)
    evaluation, figures = timed(
        lambda: evaluate(model.task, judged.targets, judged.confidences, sources=judged.sources, thresholds=bars)
    )
    subject = Subject(
        model=model,
        judged=judged,
        decisions=tuple(rule.decide(prediction) for prediction in judged.predictions),
        evaluation=evaluation,
        thresholds=bars,
        data=data,
        split=None,
        date="",
    )
    written, drawing = timed(lambda: write_report(page, subject))
    return {
        "predicting_s": predicting,
        "figures_s": figures,
        "page_s": drawing,
        "beyond_s": figures + drawing,
        "megabytes": page.stat().st_size / 1e6,
        "shown": written.shown,
        "explained": written.explained,
        "mistakes": int(sum((1 - group.accuracy.value) * group.n for group in evaluation.groups)),
    }


def main() -> int:
    """Run the benchmark; 1 where a limit is not kept."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=int, default=5000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--json", type=Path, default=Path(__file__).parent / "results" / "evaluation_report.json")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_dataset(folder / "rendered", pictures=RENDERED)
        plan = TrainOptions(name="gate")
        trained = train(read_dataset(folder / "rendered"), plan, progress=lambda *_: None, threads=threads().count)
        model = Classifier(trained.model)
        vary(folder / "rendered" / "test", folder / "data", options.pictures)
        runs = []
        for run in range(options.runs + 1):
            found = measure(model, folder / "data", folder / PAGE_NAME)
            print(f"run {run}:", {key: round(value, 1) for key, value in found.items()}, flush=True)
            runs.append(found)
    counted = runs[1:] or runs
    median = {key: statistics.median(run[key] for run in counted) for key in counted[0]}
    kept = median["beyond_s"] < MOST_SECONDS and median["megabytes"] <= MOST_MB
    result = {
        "machine": machine(),
        "runtime": model.runtime.to_json(),
        "pictures": options.pictures,
        "median": median,
        "runs": runs,
        "limits": {"beyond_s": MOST_SECONDS, "megabytes": MOST_MB},
        "kept": kept,
    }
    write_result(options.json, result)
    print(f"beyond prediction {median['beyond_s']:.1f} s (limit {MOST_SECONDS:g}), {median['megabytes']:.1f} MB")
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())

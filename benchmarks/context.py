"""Whether models of the shared photo sets look at the background, by the context check of the evaluation report.

    python benchmarks/context.py --data ../shared/data [--json results/context.json] [--cache FILE]

Each set is trained on its train part with default settings; the pictures of its test part are predicted as they are,
with the border blurred, and with the centre blurred. There is no limit: it shows.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

from _machine import machine, write_result
from _photos import SHARED_DATA
from accuracy import REFERENCE, SETS, SOURCES
from decisight.compute import threads
from decisight.data.reading import read_dataset
from decisight.evaluation.context import context_check
from decisight.models.classifier import Classifier
from decisight.training.cache import FeatureCache
from decisight.training.train import TrainOptions, train


def main() -> int:
    """Run the benchmark; it has no limit to keep."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=SHARED_DATA)
    parser.add_argument("--json", type=Path, default=Path(__file__).parent / "results" / "context.json")
    parser.add_argument("--cache", type=Path, help="keep features here; by default they are computed afresh")
    parser.add_argument(
        "--only", choices=SETS, action="append", help="do these sets anew; the rest of the results stays"
    )
    options = parser.parse_args()
    if not options.data.is_dir():
        print(f"skipped: there is no folder {options.data}, and this benchmark needs its photo sets")
        return 0
    begin, tasks = time.time(), {}
    if options.only:
        tasks = json.loads(options.json.read_text("utf-8"))["tasks"]
    with tempfile.TemporaryDirectory() as folder:
        cache = options.cache or Path(folder) / "features.sqlite3"
        for name in options.only or SETS:
            groups = SETS[name]
            data = read_dataset(options.data / name, source_pattern=SOURCES.get(name))
            with FeatureCache(cache) as features:
                plan = TrainOptions(name=Path(name).stem)
                trained = train(data, plan, cache=features, progress=lambda *_: None, threads=threads().count)
            found = context_check(Classifier(trained.model, runtime=REFERENCE), data.only("test").examples)
            for group in found.groups:
                if group.group in groups:
                    tasks[f"{name.split('/')[0]}: {group.group}"] = group.to_json()
                    print(f"{name.split('/')[0]}: {group.group}", *group.sentences, sep="\n    ", flush=True)
    result = {"machine": machine(), "seconds": time.time() - begin, "tasks": tasks}
    write_result(options.json, result)
    return 0


if __name__ == "__main__":
    sys.exit(main())

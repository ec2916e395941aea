"""Decisight itself, in an environment of its own like the others. See ``_serving.py`` for how it is asked."""

from __future__ import annotations

import argparse
import importlib.util
import sys
from collections.abc import Iterable, Sequence

import decisight
from _serving import Top, run
from decisight.types import Prediction

MODEL = "imagenet:efficientnet_lite0"


class Decisight:
    """The model.

    Args:
        threads: that decode and compute.
        runtime: what computes.
    """

    def __init__(self, threads: int, runtime: str) -> None:
        self._model = decisight.load(MODEL, threads=threads, runtime=runtime)
        self._indices = {label: index for index, label in enumerate(self._model.task.groups[0].labels)}

    def files(self, paths: Sequence[str], batch: int) -> list[Top]:
        """Classify files; how many at a time is Decisight's own business."""
        return self._tops(self._model.predict_batch(paths))

    def content(self, content: bytes) -> Top:
        """Classify the content of one file."""
        return self._tops([self._model.predict(content)])[0]

    def _tops(self, predictions: Iterable[Prediction]) -> list[Top]:
        tops = (prediction.top() for prediction in predictions)
        return [(self._indices[top.label], top.confidence) for top in tops]


def load(options: argparse.Namespace) -> Decisight:
    """The model, loaded."""
    return Decisight(options.threads, options.runtime)


def add_runtime(parser: argparse.ArgumentParser) -> None:
    """Add the option that says what computes."""
    parser.add_argument("--runtime", default="onnxruntime")


if __name__ == "__main__":
    computing = [name for name in ("onnxruntime", "openvino") if importlib.util.find_spec(name)]
    sys.exit(run(load, ("decisight", *computing, "numpy", "pillow", "simplejpeg"), add=add_runtime))

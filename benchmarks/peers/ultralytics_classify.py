"""Ultralytics' classifier: the network YOLO11n-cls (2.8 million parameters) at 224 x 224, with random weights.

Its weights cannot be had from a package index, so only its speed, size and memory mean anything. It is made once from
the description that ships with it, saved, and loaded from there. It decodes with OpenCV; its settings are its own.

Ultralytics is under the AGPL-3.0: it is measured here in an environment of its own, and nothing of Decisight needs or
contains it. See ``_serving.py`` for how it is asked.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import torch

from _serving import SIZE, Top, run
from _torchvision import import_torchvision

os.environ["YOLO_OFFLINE"] = "true"
os.environ["YOLO_CONFIG_DIR"] = sys.prefix

SAVED = Path(sys.prefix) / "yolo11n-cls-random.pt"


class Ultralytics:
    """The network with its predictor.

    Args:
        threads: that compute.
    """

    def __init__(self, threads: int) -> None:
        import_torchvision()
        from ultralytics import YOLO

        self._model = YOLO(SAVED, task="classify")
        self._threads = threads

    def files(self, paths: Sequence[str], batch: int) -> list[Top]:
        """Classify files, so many at a time."""
        # Of a list all are decoded first, and classified in one batch; of a file that lists them, so many at a time.
        with tempfile.NamedTemporaryFile("w", suffix=".txt", encoding="utf-8") as names:
            names.write("\n".join(paths))
            names.flush()
            return [self._top(answer) for answer in self._predict(names.name, batch=batch, stream=True)]

    def content(self, content: bytes) -> Top:
        """Classify the content of one file."""
        (answer,) = self._predict(cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR))
        return self._top(answer)

    def _predict(self, source: object, **settings: object) -> object:
        # Its predictor sets the number of threads itself, whenever it chooses a device.
        torch.set_num_threads(self._threads)
        return self._model.predict(source, imgsz=SIZE, device="cpu", verbose=False, **settings)

    def _top(self, answer: object) -> Top:
        return int(answer.probs.top1), float(answer.probs.top1conf)


def load(options: argparse.Namespace) -> Ultralytics:
    """The network, loaded."""
    return Ultralytics(options.threads)


def prepare() -> None:
    """Make the network and save it."""
    import_torchvision()
    from ultralytics import YOLO

    torch.manual_seed(0)
    YOLO("yolo11n-cls.yaml", task="classify").save(SAVED)


if __name__ == "__main__":
    sys.exit(run(load, ("torch", "ultralytics", "torchvision", "opencv-python", "numpy"), prepare))

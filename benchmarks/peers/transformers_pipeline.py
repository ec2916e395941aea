"""``pipeline("image-classification")`` of transformers, with the weights that Decisight has, through timm.

The network is saved once, as ``save_pretrained`` does it, and loaded from there: nothing is fetched. The pipeline
decodes with Pillow; its settings are its own. See ``_serving.py`` for how it is asked.
"""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import torch
from PIL import Image

from _serving import Top, run
from _torchvision import import_torchvision

os.environ["HF_HUB_OFFLINE"] = "1"

SAVED = Path(sys.prefix) / "efficientnet_lite0"


class Pipeline:
    """The pipeline.

    Args:
        threads: that compute.
    """

    def __init__(self, threads: int) -> None:
        import_torchvision()  # timm imports it
        from transformers import pipeline
        from transformers.utils import logging

        torch.set_num_threads(threads)
        logging.set_verbosity_error()
        logging.disable_progress_bar()
        self._pipeline = pipeline("image-classification", model=str(SAVED), device="cpu")

    def files(self, paths: Sequence[str], batch: int) -> list[Top]:
        """Classify files, so many at a time."""
        return [self._top(answer) for answer in self._pipeline(list(paths), batch_size=batch, top_k=1)]

    def content(self, content: bytes) -> Top:
        """Classify the content of one file."""
        with Image.open(io.BytesIO(content)) as image:
            return self._top(self._pipeline(image, top_k=1))

    def _top(self, answer: list[dict[str, object]]) -> Top:
        return self._pipeline.model.config.label2id[answer[0]["label"]], answer[0]["score"]


def load(options: argparse.Namespace) -> Pipeline:
    """The pipeline, loaded."""
    return Pipeline(options.threads)


def prepare() -> None:
    """Save the network as transformers keeps it."""
    import_torchvision()
    from transformers import TimmWrapperConfig, TimmWrapperForImageClassification

    from _published import ARCHITECTURE, NORMALISATION, network

    net = network()
    settings = net.pretrained_cfg | NORMALISATION
    config = TimmWrapperConfig(architecture=ARCHITECTURE, num_labels=1000, pretrained_cfg=settings)
    model = TimmWrapperForImageClassification(config)
    model.timm_model.load_state_dict(net.state_dict())
    model.save_pretrained(SAVED)


if __name__ == "__main__":
    sys.exit(run(load, ("torch", "transformers", "timm", "torchvision", "pillow", "numpy"), prepare))

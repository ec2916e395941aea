"""timm in eager PyTorch (float32), with the weights that Decisight has, fed by Pillow and timm's own transforms.

Files are decoded on as many threads as there are (Pillow lets go of Python's lock while it decodes), then PyTorch
classifies the batch on as many threads, in inference mode. See ``_serving.py`` for how it is asked.
"""

from __future__ import annotations

import argparse
import io
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from _serving import Top, chunks, run
from _torchvision import import_torchvision


class TimmEager:
    """The network and its preprocessing.

    Args:
        threads: that decode, and that compute.
    """

    def __init__(self, threads: int) -> None:
        import_torchvision()  # timm imports it
        from timm.data import create_transform, resolve_model_data_config

        from _published import NORMALISATION, network

        torch.set_num_threads(threads)
        self._net = network()
        settings = resolve_model_data_config(self._net) | NORMALISATION
        self._transform = create_transform(**settings, is_training=False)
        self._pool = ThreadPoolExecutor(threads)

    def files(self, paths: Sequence[str], batch: int) -> list[Top]:
        """Classify files, so many at a time."""
        parts = (paths[part] for part in chunks(len(paths), batch))
        batches = (torch.stack(list(self._pool.map(self._decode, part))) for part in parts)
        return [top for ready in batches for top in self._classify(ready)]

    def content(self, content: bytes) -> Top:
        """Classify the content of one file."""
        return self._classify(self._decode(io.BytesIO(content))[None])[0]

    def pixels(self, file: str, batch: int) -> list[Top]:
        """Classify pictures that are ready."""
        ready = torch.from_numpy(np.load(file)).permute(0, 3, 1, 2)
        tops = (self._classify((ready[part].float() - 127.0) / 128.0) for part in chunks(len(ready), batch))
        return [top for part in tops for top in part]

    def _decode(self, file: str | io.BytesIO) -> Tensor:
        with Image.open(file) as image:
            return self._transform(image.convert("RGB"))

    def _classify(self, batch: Tensor) -> list[Top]:
        with torch.inference_mode():
            confidence, index = self._net(batch).softmax(1).max(1)
        return list(zip(index.tolist(), confidence.tolist(), strict=True))


def load(options: argparse.Namespace) -> TimmEager:
    """The network, loaded."""
    return TimmEager(options.threads)


if __name__ == "__main__":
    sys.exit(run(load, ("torch", "timm", "torchvision", "pillow", "numpy")))

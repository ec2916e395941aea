"""timm in eager PyTorch (float32), with the weights that Decisight has, fed by Pillow and timm's own transforms.

Files are decoded and resized on as many threads as there are (Pillow lets go of Python's lock while it works), then
PyTorch normalises and classifies the batch on as many threads, in inference mode: so timm's own loader divides the
work. With PyTorch on the threads that decode as well, photos one by one took twice as long. See ``_serving.py`` for how
it is asked.
"""

from __future__ import annotations

import argparse
import io
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image

from _serving import Top, chunks, run
from _torchvision import import_torchvision

Pixels = npt.NDArray[np.uint8]


class TimmEager:
    """The network and its preprocessing.

    Args:
        threads: that decode, and that compute.
    """

    def __init__(self, threads: int) -> None:
        import_torchvision()  # timm imports it
        from timm.data import create_transform, resolve_model_data_config

        from _published import network

        torch.set_num_threads(threads)
        self._net = network()
        settings = resolve_model_data_config(self._net)
        self._transform = create_transform(**settings, is_training=False, use_prefetcher=True)
        self._pool = ThreadPoolExecutor(threads)

    def files(self, paths: Sequence[str], batch: int) -> list[Top]:
        """Classify files, so many at a time."""
        parts = (paths[part] for part in chunks(len(paths), batch))
        batches = (np.stack(list(self._pool.map(self._decode, part))) for part in parts)
        return [top for ready in batches for top in self._classify(ready)]

    def content(self, content: bytes) -> Top:
        """Classify the content of one file."""
        return self._classify(self._decode(io.BytesIO(content))[None])[0]

    def pixels(self, file: str, batch: int) -> list[Top]:
        """Classify pictures that are ready."""
        ready = np.load(file).transpose(0, 3, 1, 2)
        return [top for part in chunks(len(ready), batch) for top in self._classify(ready[part])]

    def _decode(self, file: str | io.BytesIO) -> Pixels:
        with Image.open(file) as image:
            return self._transform(image.convert("RGB"))

    def _classify(self, batch: Pixels) -> list[Top]:
        """The top of each picture of a batch, (N, 3, 224, 224)."""
        with torch.inference_mode():
            normalised = (torch.from_numpy(np.ascontiguousarray(batch)).float() - 127.0) / 128.0
            confidence, index = self._net(normalised).softmax(1).max(1)
        return list(zip(index.tolist(), confidence.tolist(), strict=True))


def load(options: argparse.Namespace) -> TimmEager:
    """The network, loaded."""
    return TimmEager(options.threads)


if __name__ == "__main__":
    sys.exit(run(load, ("torch", "timm", "torchvision", "pillow", "numpy")))

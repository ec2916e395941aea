"""Imports torchvision beside a PyTorch that is built for the CPU.

The package index of Python holds torchvision only for CUDA. Its compiled part then cannot be loaded, and the import
fails for want of two operators, which classification never calls. Declaring them is enough.
"""

from __future__ import annotations

import importlib

import torch

__all__ = ["import_torchvision"]

_KEPT: list[torch.library.Library] = []
"""What is declared is forgotten with its library."""


def import_torchvision() -> None:
    """Make ``import torchvision`` work, whichever build it is."""
    try:
        importlib.import_module("torchvision")
    except RuntimeError:
        library = torch.library.Library("torchvision", "DEF")
        for name in ("nms", "qnms"):
            library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        _KEPT.append(library)
        importlib.import_module("torchvision")

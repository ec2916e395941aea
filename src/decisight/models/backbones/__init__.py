"""Backbones: one file each, found by name.

Example:
    >>> "efficientnet_lite0" in backbones.names()
    True
"""

from __future__ import annotations

from decisight.models.backbones.base import Backbone, InputSpec, Tap
from decisight.registry import Registry

__all__ = ["Backbone", "InputSpec", "Tap", "backbones"]

backbones: Registry[Backbone] = Registry("backbone", package=__name__)
"""Every backbone there is; building one reads no weights until they are needed."""

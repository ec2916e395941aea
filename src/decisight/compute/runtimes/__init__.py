"""Runtimes: what can run a network, one file each, found by name.

Example:
    >>> "onnxruntime" in runtimes.names()
    True
"""

from __future__ import annotations

from decisight.compute.runtimes.base import Engine, Network
from decisight.registry import Registry

__all__ = ["Engine", "Network", "runtimes"]

runtimes: Registry[Engine] = Registry("runtime", package=__name__)
"""Every runtime there is; building one loads no library until something is opened with it."""

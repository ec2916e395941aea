"""Sinks: where events are reported to. One file each, found by name.

Example:
    >>> "jsonl" in SINKS.names()
    True
"""

from __future__ import annotations

from decisight.protocols import Sink
from decisight.registry import Registry

__all__ = ["SINKS"]

SINKS: Registry[Sink] = Registry("sink", package=__name__)
"""Every sink there is."""

"""Sources of pictures. One file each, found by name.

Example:
    >>> "video" in SOURCES.names()
    True
"""

from __future__ import annotations

from decisight.protocols import FrameSource
from decisight.registry import Registry

__all__ = ["SOURCES"]

SOURCES: Registry[FrameSource] = Registry("source", package=__name__)
"""Every source there is."""

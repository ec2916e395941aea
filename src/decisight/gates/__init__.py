"""Gates: whether a picture can be judged, and whether it need be. One file each, found by name.

Example:
    >>> "brightness" in GATES.names()
    True
"""

from __future__ import annotations

from decisight.protocols import Gate
from decisight.registry import Registry

__all__ = ["GATES"]

GATES: Registry[Gate] = Registry("gate", package=__name__)
"""Every gate there is."""

"""The composition root: from a site file to running objects.

:mod:`~decisight.assemble.cameras` makes its cameras, :mod:`~decisight.assemble.keeping` opens what everything is kept
in.
"""

from __future__ import annotations

from decisight.assemble.cameras import (
    CameraSetup,
    ViewSetup,
    check_concealing,
    load_model,
    load_models,
    setups,
)
from decisight.assemble.keeping import KEY_VARIABLE, chain_key, is_there, open_site_store, retention, store_place

__all__ = [
    "KEY_VARIABLE",
    "CameraSetup",
    "ViewSetup",
    "chain_key",
    "check_concealing",
    "is_there",
    "load_model",
    "load_models",
    "open_site_store",
    "retention",
    "setups",
    "store_place",
]

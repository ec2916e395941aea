"""The tables of ``docs/benchmarks.md``: a module a script, found by its name.

A module has ``TABLES``, from the name of a part of the page to a function that gives its lines, and ``NEEDS``, the
scripts whose results these functions read. So what a new script measured is shown by adding a file here, and its part
to the page: ``<!-- report: NAME -->`` and ``<!-- end of report -->``, each on a line of its own.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from typing import Any

__all__ = ["NEEDS", "TABLES"]

Lines = Callable[[Mapping[str, Any]], list[str]]
"""From what each script wrote, by the script's name, to the lines of a part of the page."""

_MODULES = tuple(
    importlib.import_module(f"{__name__}.{found.name}")
    for found in pkgutil.iter_modules(__path__)
    if not found.name.startswith("_")
)

NEEDS: tuple[str, ...] = tuple(sorted({name for module in _MODULES for name in module.NEEDS}))
"""The scripts that must have been run."""

TABLES: dict[str, Lines] = {name: lines for module in _MODULES for name, lines in module.TABLES.items()}
"""The parts of the page by name: the lines of each."""

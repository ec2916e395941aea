"""What the figures were measured on."""

from __future__ import annotations

import contextlib
import importlib.metadata
import json
import platform
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from decisight.compute import chip, cpus
from decisight.versions import library_versions


def machine() -> dict[str, object]:
    """Chip, its features, CPUs granted, versions, and the day."""
    found, versions = chip(), library_versions()
    with contextlib.suppress(importlib.metadata.PackageNotFoundError):
        versions["openvino"] = importlib.metadata.version("openvino")
    return {
        "chip": found.name,
        "features": sorted(found.features),
        "cpus": str(cpus()),
        "python": platform.python_version(),
        "versions": versions,
        "date": datetime.now(UTC).date().isoformat(),
    }


def write_result(path: Path, result: Mapping[str, object]) -> None:
    """Write what a script has measured, and say where."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(result, indent=1) + "\n", "utf-8")
    print(f"written: {path}")

"""What the figures were measured on."""

from __future__ import annotations

import contextlib
import importlib.metadata
import platform
from datetime import UTC, datetime

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

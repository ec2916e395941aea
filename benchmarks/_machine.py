"""What the figures were measured on."""

from __future__ import annotations

import platform
from datetime import UTC, datetime

from decisight.compute import chip, cpus
from decisight.versions import library_versions


def machine() -> dict[str, object]:
    """Chip, its features, CPUs granted, versions, and the day."""
    found = chip()
    return {
        "chip": found.name,
        "features": sorted(found.features),
        "cpus": str(cpus()),
        "python": platform.python_version(),
        "versions": library_versions(),
        "date": datetime.now(UTC).date().isoformat(),
    }

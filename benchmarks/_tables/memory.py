"""Memory of predicting."""

from __future__ import annotations

from _tables._layout import NAMES, Results, table

__all__ = ["NEEDS", "TABLES"]

NEEDS = ("memory",)


def _memory(results: Results) -> list[str]:
    found = results["memory"]
    rows = [
        [
            NAMES.get(name, name),
            f"{row['peak_mb']:.0f} MB",
            f"{row['growth_kb_per_1000']:.0f} KB",
            "kept" if row["kept"] else "**not kept**",
        ]
        for name, row in found["runtimes"].items()
    ]
    limits = found["limits"]
    most = f"limits {limits['peak_mb']:.0f} MB, {limits['growth_kb_per_1000']:.0f} KB"
    return table([f"{found['count']:,} photos", "peak", "growth per 1,000 photos", most], rows)


TABLES = {"memory": _memory}

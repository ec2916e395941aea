"""How long training takes."""

from __future__ import annotations

from _tables._layout import Results, table

__all__ = ["NEEDS", "TABLES"]

NEEDS = ("training",)

_SETS = {
    "car_attr": "makes and bodies of cars",
    "flowers": "flowers",
    "ppe_compliance": "protective gear",
}


def _training(results: Results) -> list[str]:
    rows = []
    for name, found in results["training"]["sets"].items():
        seconds = [f"{found[part]['seconds']['in all']:.1f} s" for part in ("first", "cached")]
        rows.append([_SETS.get(name, name), str(found["pictures"]), *seconds])
    runs = results["training"]["runs"]
    return [
        *table(["", "photos", "first time", "with kept features"], rows),
        "",
        "One run each." if runs == 1 else f"Medians of {runs} runs.",
    ]


TABLES = {"training": _training}

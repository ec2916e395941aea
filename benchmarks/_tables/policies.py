"""How fast readings are folded."""

from __future__ import annotations

from _tables._layout import Results, table

__all__ = ["NEEDS", "TABLES"]

NEEDS = ("policies",)


def _policies(results: Results) -> list[str]:
    found = results["policies"]
    rows = [
        [f"`{name}`", *(f"{60 * steps[kind] / 1e6:.1f} million" for kind in ("exclusive", "independent"))]
        for name, steps in found["steps_a_second"].items()
    ]
    head = ["steps a minute, at least 1 million", "one of several labels", "independent labels"]
    return table(head, rows)


TABLES = {"policies": _policies}

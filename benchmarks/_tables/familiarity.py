"""How surely pictures of another kind are told from a model's own."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from typing import Any

from _tables._layout import NAMES, Results, percent, table

__all__ = ["NEEDS", "TABLES"]

NEEDS = ("familiarity",)

_KINDS = ("cars", "flowers", "people")


def _own(found: Mapping[str, Any]) -> str:
    low, high = found["interval"]
    return f"{percent(found['share'])} ({100 * low:.1f} to {100 * high:.1f})"


def _familiarity(results: Results) -> list[str]:
    found = results["familiarity"]
    rows = []
    for name, of in found["sets"].items():
        others = [f"{of['others'][kind]['auroc']:.4f}" if kind in of["others"] else "" for kind in _KINDS]
        refused = [f"{100 * of['others'][kind]['at_most']['0.05']:.0f} %" for kind in _KINDS if kind in of["others"]]
        own = [_own(of["own"][level]) for level in ("0.05", "0.1")]
        rows.append([f"`{name}`", str(of["pictures"]), *others, *own, ", ".join(refused)])
    least = f"at least {found['limits']['auroc']:g}"
    rows.append(["limit", "", *[least] * len(_KINDS), "5 %", "10 %", ""])
    head = [
        "trained on",
        "test pictures",
        *(f"AUROC, {kind}" for kind in _KINDS),
        "own, at most 0.05",
        "own, at most 0.1",
        "others, at most 0.05",
    ]
    hard = [
        [
            f"`{name}`",
            str(max(len(part["left_out"]) for part in parts)),
            f"{statistics.mean(part['auroc'] for part in parts):.3f}",
            f"{min(part['auroc'] for part in parts):.3f} to {max(part['auroc'] for part in parts):.3f}",
            percent(statistics.mean(part["at_most"]["0.05"] for part in parts)),
        ]
        for name, parts in found["left_out"].items()
    ]
    moved = [
        [
            " ".join((NAMES.get(runtime.partition(":")[0], runtime), runtime.partition(":")[2])),
            f"{statistics.mean(of['moved'][runtime]['mean'] for of in found['sets'].values()):.4f}",
            f"{max(of['moved'][runtime]['most'] for of in found['sets'].values()):.3f}",
            f"{times['with']:.1f}",
            f"{times['without']:.1f}",
        ]
        for runtime, times in found["forward_ms"].items()
    ]
    return [
        *table(head, rows),
        "",
        *table(
            ["classes left out of", "at a time", "AUROC, mean", "least to most", "of these at most 0.05"],
            hard,
        ),
        "",
        *table(
            [
                "runtime",
                "familiarity moved by, mean",
                "at most",
                "a batch of 4 on one thread, ms",
                "without familiarity, ms",
            ],
            moved,
        ),
    ]


TABLES = {"familiarity": _familiarity}

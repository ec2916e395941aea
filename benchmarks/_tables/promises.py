"""Promises of thresholds."""

from __future__ import annotations

from _tables._layout import Results, table

__all__ = ["NEEDS", "TABLES"]

NEEDS = ("promises",)


def _promises(results: Results) -> list[str]:
    rows = []
    for row in results["promises"]["settings"]:
        several = f", {row['labels']} labels together" if row["labels"] > 1 else ""
        other = row["bonferroni"]
        rows.append(
            [
                row["population"] + several,
                f"{row['units']} {'sources' if row['sources'] else 'pictures'}",
                f"{100 * row['max_error']:.0f} % at {100 * row['assurance']:.0f} %",
                f"{100 * row['broken']:.1f} %",
                f"{100 * row['limit']:.1f} %",
                f"{100 * row['promised']:.1f} %",
                "-" if row["of_promised"] is None else f"{100 * row['of_promised']:.0f} %",
                f"{100 * row['accepted']:.0f} %",
                "" if other is None else f"{100 * other['accepted']:.0f} %",
            ]
        )
    head = [
        "population",
        "drawn",
        "asked for",
        "broken",
        "at most",
        "promised",
        "of those broken",
        "accepted",
        "by Bonferroni",
    ]
    return table(head, rows)


TABLES = {"promises": _promises}

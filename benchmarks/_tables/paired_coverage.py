"""How often the intervals of a comparison hold the truth."""

from __future__ import annotations

from _tables._layout import Results, percent, table

__all__ = ["NEEDS", "TABLES"]

NEEDS = ("paired_coverage",)


def _coverage(results: Results) -> list[str]:
    found = results["paired_coverage"]
    settings = found["settings"]
    figures = list(dict.fromkeys(figure for one in settings.values() for figure in one["figures"]))
    rows = [
        [
            name,
            *(percent(one["figures"][figure]["coverage"] if figure in one["figures"] else None) for figure in figures),
            percent(one["false_alarms"]["by_source"]),
        ]
        for name, one in settings.items()
    ]
    lowest, log_loss = percent(found["lowest_but"]), percent(found["lowest_of"]["log_loss"])
    return [
        *table(["held by", *(figure.replace("_", " ") for figure in figures), "false alarms of the test"], rows),
        "",
        f"Of {found['times']:,} samples each: mean {percent(found['mean'])}, lowest {lowest}, but of the log loss "
        f"{log_loss}. Of equally good models the test may tell 5 % apart.",
    ]


TABLES = {"paired_coverage": _coverage}

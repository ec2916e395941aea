"""Whether confidences mean what they say."""

from __future__ import annotations

from _tables._layout import Results, percent, table

__all__ = ["NEEDS", "TABLES"]

NEEDS = ("calibration",)


def _pooled(results: Results) -> list[str]:
    found = results["calibration"]
    whole, limit = found["pooled"], found["limits"]["error"]
    chance, above = (whole[f"root_mean_square_{name}"] for name in ("p_value", "above_limit_by_chance"))
    rows = [
        [title, f"{whole[name]:.4f}", f"at most {limit:g}", _kept(found, name)]
        for title, name in (
            ("expected calibration error (mean absolute gap)", "mean"),
            ("root mean square gap", "root_mean_square"),
        )
    ]
    lowest = found["lowest_p_value"]
    return [
        f"{whole['pictures']:,} pictures of {len(found['tasks'])} tasks, {percent(whole['accuracy'])} right, "
        f"at a mean confidence of {percent(whole['confidence'])}:",
        "",
        *table(["debiased, pooled", "measured", "limit", ""], rows),
        "",
        f"Before chance is taken off, the expected calibration error is {whole['error']:.4f}; if every confidence were "
        f"right, it would be {whole['by_chance']:.4f}, give or take {whole['spread_by_chance']:.4f}. A model whose "
        f"confidences are exactly right would exceed {limit:g} in the root mean square on {percent(above, 0)} of such "
        f"test parts, and show one as large as here on {percent(chance, 0)}.",
        *_divided_anew(found),
        "",
        f"The lowest p-value of any task, corrected for their number, is {lowest:.2f}; at least "
        f"{found['limits']['level']:g}: {_kept(found, 'tasks')}.",
    ]


def _kept(found: Results, name: str) -> str:
    return "kept" if found["kept"][name] else "**not kept**"


def _divided_anew(found: Results) -> list[str]:
    """What train parts show that were divided anew, where that was measured."""
    if not found["divided_anew"]:
        return []
    shown = [one["pooled"] for one in found["divided_anew"]]
    rows = [
        [str(one["pictures"]), f"{one['mean']:.4f}", f"{one['root_mean_square']:.4f}", f"{one['p_value']:.2f}"]
        for one in shown
    ]
    head = ["pictures", "debiased expected calibration error", "root mean square gap", "p-value of the error"]
    return ["", "Train parts divided anew, each picture tested once:", "", *table(head, rows)]


def _tasks(results: Results) -> list[str]:
    rows = [
        [
            name,
            str(row["pictures"]),
            percent(row["confidence"]),
            percent(row["accuracy"]),
            f"{row['p_value']:.2f}",
            f"{row['z_p_value']:.2f}",
        ]
        for name, row in results["calibration"]["tasks"].items()
    ]
    head = [
        "task",
        "pictures",
        "mean confidence",
        "right",
        "p-value of the error",
        "p-value of Spiegelhalter's statistic",
    ]
    return table(head, rows)


TABLES = {"calibration": _pooled, "calibration_tasks": _tasks}

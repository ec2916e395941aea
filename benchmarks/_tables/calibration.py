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
        ["mean", f"{whole['mean']:.4f}", f"at most {limit:g}", "kept" if found["kept"]["mean"] else "**not kept**"],
        ["root mean square", f"{whole['root_mean_square']:.4f}", "", f"by chance as large in {percent(chance, 0)}"],
    ]
    lowest = found["lowest_p_value"]
    kept = "kept" if found["kept"]["tasks"] else "**not kept**"
    return [
        f"{whole['pictures']:,} pictures of {len(found['tasks'])} tasks, {percent(whole['accuracy'])} right, "
        f"at a mean confidence of {percent(whole['confidence'])}:",
        "",
        *table(["calibration error beyond chance", "measured", "limit", ""], rows),
        "",
        f"Before chance is taken off, the mean error is {whole['error']:.4f}; if every confidence were right, it would "
        f"be {whole['by_chance']:.4f}, give or take {whole['spread_by_chance']:.4f}, and of such test parts "
        f"{percent(above, 0)} would show a root mean square above {limit:g}.",
        "",
        f"The lowest p-value of any task, corrected for their number, is {lowest:.2f}; at least "
        f"{found['limits']['level']:g}: {kept}.",
    ]


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

"""Accuracy over the tasks of the shared photo sets."""

from __future__ import annotations

from _tables._layout import Results, percent, table

__all__ = ["NEEDS", "TABLES"]

NEEDS = ("accuracy",)

_PROBES = {"crop: last": "probe, last layer, centre crop", "stretch: max": "probe, all depths, stretched"}


def _accuracy(results: Results) -> list[str]:
    found = results["accuracy"]
    who = {"decisight": "Decisight, default settings", **_PROBES}
    means = [
        [who[name], percent(mean["accuracy"]), percent(mean["balanced_accuracy"])]
        for name, mean in found["means"].items()
    ]
    tasks = [[name, *(percent(row[each]["accuracy"]) for each in who)] for name, row in found["tasks"].items()]
    runtimes = [
        [
            f"`{name}`",
            percent(row["accuracy"]),
            percent(row["balanced_accuracy"]),
            percent(row["agreement"]),
            f"{row['largest_difference']:.2g}",
        ]
        for name, row in found["runtimes"].items()
    ]
    return [
        *table([f"mean of {len(tasks)} tasks", "accuracy", "balanced accuracy"], means),
        "",
        *table(["accuracy on the test part", *who.values()], tasks),
        "",
        "The same models in each runtime:",
        "",
        *table(["runtime", "accuracy", "balanced accuracy", "same label", "largest difference"], runtimes),
    ]


TABLES = {"accuracy": _accuracy}

"""Watching cameras."""

from __future__ import annotations

from collections.abc import Mapping

from _tables._layout import NAMES, Results, percent, table

__all__ = ["NEEDS", "TABLES"]

NEEDS = ("watch",)


def _streams(results: Results) -> list[str]:
    found = results["watch"]
    rows = [[title, *_of_run(run)] for title, run in found["streams"].items()]
    head = ["", "regions a second", "decided after", "95 % within", "longest queue", "CPUs", "and the sender"]
    limit = found["limit"]
    parts = [f"{limit['decoded']:.0f} pictures decoded a second and no more"]
    for name, one in limit["runtimes"].items():
        most, reached = one["most"], found["streams"][f"flat out, {name}"]["regions_a_second"]
        parts.append(
            f"with {NAMES[name]} {one['forward']:.0f} classified a second and no more, so {most:.0f} regions a second "
            f"of both at most, of which {percent(reached / most, 0)} was reached flat out"
        )
    longest = max(found["streams"].items(), key=lambda item: item[1]["seconds"])
    memory = longest[1]
    return [
        *table([*head, "memory"], rows),
        "",
        f"On the same cores: {'; '.join(parts)}.",
        "",
        f"Memory over {memory['seconds'] / 60:.0f} minutes ({longest[0]}): {memory['slope']:+.1f} MB an hour, with a "
        f"standard error of {memory['slope_error']:.1f}, by least squares over the second half.",
        "",
        *_bars(found["kept"]),
    ]


def _of_run(run: Results) -> list[str]:
    latency, server = run["latency"], run["server_cpus"]
    return [
        f"{run['regions_a_second']:.1f}",
        f"{1000 * latency['median']:.0f} ms",
        f"{1000 * latency['p95_median']:.0f} ms",
        str(run["longest_queue"]),
        f"{run['cpus']:.2f}",
        "-" if server is None else f"{server:.2f}",
        f"{run['memory']:.0f} MB",
    ]


def _bars(kept: Mapping[str, bool]) -> list[str]:
    broken = [name for name, one in kept.items() if not one]
    return [f"All {len(kept)} bars were kept." if not broken else f"**Not kept**: {'; '.join(broken)}."]


def _cameras(results: Results) -> list[str]:
    found = results["watch"]["cameras"]
    rows = []
    for way in ("by snapshots", "by key frames"):
        (few, one), (many, all_of_them) = ((count, found[f"{count} {way}"]) for count in (1, 100))
        more = many - few
        rows.append(
            [
                f"{many} {way}",
                f"{all_of_them['regions_a_second']:.1f}",
                f"{1000 * all_of_them['latency']['p95_median']:.0f} ms",
                f"{all_of_them['cpus']:.2f}",
                f"{1000 * (all_of_them['cpus'] - one['cpus']) / more:.1f} thousandths of a CPU",
                f"{all_of_them['memory']:.0f} MB",
                f"{(all_of_them['memory'] - one['memory']) / more:.1f} MB",
                f"{all_of_them['stop']:.1f} s",
            ]
        )
    head = ["", "regions a second", "95 % decided within", "CPUs", "each camera more", "memory", "each camera more"]
    return table([*head, "ended in"], rows)


TABLES = {
    "streams": _streams,
    "cameras": _cameras,
}

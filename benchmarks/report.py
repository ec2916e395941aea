"""Writes the tables and plots of ``docs/benchmarks.md`` from the figures in ``results/``.

    python benchmarks/report.py             # write what is stale, and draw the plots
    python benchmarks/report.py --check     # write nothing; status 1 if a table is stale

A table stands between ``<!-- report: NAME -->`` and ``<!-- end of report -->``. What stands around it is written by
hand and holds no measured figures. ``make bench`` runs this last.
"""

from __future__ import annotations

import argparse
import json
import re
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

__all__ = ["PAGE", "main", "page", "read_results"]

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "benchmarks.md"
IMAGES = ROOT / "docs" / "images"
RESULTS = ROOT / "benchmarks" / "results"

Results = Mapping[str, Any]
"""What each script wrote, by the script's name."""

_NEEDED = (
    *("accuracy", "comparison", "install", "memory", "policies", "replay", "store", "throughput", "training"),
    "watch",
)
_PART = re.compile(r"(<!-- report: (\w+) -->\n).*?(<!-- end of report -->)", re.DOTALL)
_RUNTIMES = {"": "ONNX Runtime", "openvino: ": "OpenVINO"}
"""What the rows of ``throughput.json`` begin with, and what tables call it."""

_SETS = {
    "car_attr": "makes and bodies of cars",
    "flowers": "flowers",
    "ppe_compliance": "protective gear",
}
_PROBES = {"crop: last": "probe, last layer, centre crop", "stretch: max": "probe, all depths, stretched"}


def read_results(folder: Path = RESULTS) -> dict[str, Any]:
    """What the scripts wrote.

    Raises:
        SystemExit: a script has not been run.
    """
    missing = [name for name in _NEEDED if not (folder / f"{name}.json").is_file()]
    if missing:
        raise SystemExit(f"there is no {missing[0]}.json in {folder}: run benchmarks/{missing[0]}.py first")
    return {name: json.loads((folder / f"{name}.json").read_text("utf-8")) for name in _NEEDED}


def page(text: str, results: Results) -> str:
    """A page with its tables written anew.

    Raises:
        SystemExit: it has a part that is not known, or lacks one that is.
    """
    named = [found[2] for found in _PART.finditer(text)]
    if sorted(named) != sorted(TABLES):
        raise SystemExit(f"the page has the parts {sorted(named)}, expected {sorted(TABLES)}")

    def written(found: re.Match[str]) -> str:
        return f"{found[1]}\n" + "\n".join(TABLES[found[2]](results)) + f"\n\n{found[3]}"

    return _PART.sub(written, text)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """The lines of a table."""
    return [f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows)]


def percent(share: float | None, digits: int = 1) -> str:
    """A share as text; a dash where there is none."""
    return "-" if share is None else f"{100 * share:.{digits}f} %"


def spread(rounds: Sequence[float], digits: int = 2) -> str:
    """The median of rounds, with the least and the most."""
    median, least, most = statistics.median(rounds), min(rounds), max(rounds)
    return f"{median:.{digits}f} ({least:.{digits}f} to {most:.{digits}f})"


def _machines(results: Results) -> list[str]:
    rows = []
    for name, found in results.items():
        machine = found["machine"]
        versions = machine["versions"] or found["versions"]
        features = ", ".join(f for f in machine["features"] if f.startswith(("amx", "avx512_"))) or "-"
        libraries = [versions.get(library, "-") for library in ("onnxruntime", "openvino", "scikit-learn")]
        rows.append([f"`{name}.py`", machine["date"], machine["chip"], features, machine["python"], *libraries])
    return table(["figures of", "day", "chip", "features", "Python", "ONNX Runtime", "OpenVINO", "scikit-learn"], rows)


def _comparison(results: Results) -> list[str]:
    found = results["comparison"]
    contenders = found["contenders"].values()
    rows = [
        [
            contender["title"],
            f"{contender['photos_per_second']['median']:.0f}",
            spread(contender["decisight_is_faster_by"]["rounds"], 1),
            f"{1000 * contender['one_photo']['median']:.1f} ms",
            f"{contender['cold_start']['median']:.1f} s",
            "-" if contender["peak_mb"] is None else f"{contender['peak_mb']:.0f} MB",
            f"{contender['on_disk_mb']:.0f} MB",
            percent(contender["top_1"]),
            percent(contender["agreement"]),
        ]
        for contender in contenders
    ]
    head = ["", "photos a second", "Decisight with OpenVINO is faster by", "one photo", "cold start", "peak memory"]
    head += ["on disk", "class is right", "class is that of ONNX Runtime"]
    named = {f"{name} {version}" for contender in contenders for name, version in contender["versions"].items()}
    photos = found["photos"]
    return [
        f"{photos['count']} photos of {photos['median_width']:.0f} x {photos['median_height']:.0f} and "
        f"{photos['mean_kb']:.0f} KB, {found['threads']} threads, medians of {found['rounds']} rounds:",
        "",
        *table(head, rows),
        "",
        f"Versions: {', '.join(sorted(named))}.",
    ]


def _speed(results: Results) -> list[str]:
    found = results["throughput"]
    rates = found["rates"]

    def fastest(kind: str) -> str:
        return f"{max(r['median'] for name, r in rates.items() if name.startswith(kind)):.0f}"

    def per_runtime(way: str) -> list[str]:
        return [f"{rates[start + way]['median']:.0f}" if start + way in rates else "-" for start in _RUNTIMES]

    rows = [
        ["JPEG files to confidences of 1,000 classes, `predict_stream`", *per_runtime("end to end")],
        ["the same as `decisight predict --format jsonl`, the start left out", *per_runtime("command line, started")],
        ["the network alone, its fastest way", *(fastest(f"{start}forward") for start in _RUNTIMES)],
        ["decoding alone (simplejpeg, resized to 224 x 224)", *[f"{rates['decode']['median']:.0f}"] * 2],
        ["timm in eager PyTorch, photos by Pillow, its faster way", *[fastest("peer")] * 2],
    ]
    alone = [
        [name, *(f"{statistics.median(r[part] for r in rounds):.1f} ms" for part in ("whole", "decode", "forward"))]
        for name, rounds in zip(_RUNTIMES.values(), found["one_photo_alone_ms"].values(), strict=True)
    ]
    return [
        *table(["pictures a second", *_RUNTIMES.values()], rows),
        "",
        *table(["one photo alone", "its content to JSON", "decoding", "the network"], alone),
        "",
        *table(["ratio within a round", *_RUNTIMES.values()], _ratios(found["ratios"])),
        "",
        f"{found['rounds']} rounds of {found['photos_a_round']} photos, {found['threads']} threads; "
        "medians, with the least and the most.",
    ]


def _ratios(ratios: Results) -> list[list[str]]:
    titles = {
        "end to end / limit": "end to end, of what decoding and the network allow together",
        "end to end / peer": "end to end, by PyTorch's faster way",
        "one photo alone / its parts": "one photo alone, by decoding it and computing it",
    }

    def cell(name: str) -> str:
        ratio = ratios[name]
        limit = f"at least {ratio['least']:g}" if ratio["least"] is not None else f"at most {ratio['most']:g}"
        return f"{spread(ratio['rounds'])}; {limit}: {'kept' if ratio['kept'] else '**not kept**'}"

    return [[title, *(cell(start + name) for start in _RUNTIMES)] for name, title in titles.items()]


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


def _memory(results: Results) -> list[str]:
    found = results["memory"]
    names = {"onnxruntime": "ONNX Runtime", "openvino": "OpenVINO"}
    rows = [
        [
            names.get(name, name),
            f"{row['peak_mb']:.0f} MB",
            f"{row['growth_kb_per_1000']:.0f} KB",
            "kept" if row["kept"] else "**not kept**",
        ]
        for name, row in found["runtimes"].items()
    ]
    limits = found["limits"]
    most = f"limits {limits['peak_mb']:.0f} MB, {limits['growth_kb_per_1000']:.0f} KB"
    return table([f"{found['count']:,} photos", "peak", "growth per 1,000 photos", most], rows)


def _install(results: Results) -> list[str]:
    rows = []
    for figure in results["install"]["figures"]:
        if figure["limit"] is not None:
            digits = 0 if figure["unit"] == "MB" else 2
            value, limit = (f"{figure[key]:.{digits}f} {figure['unit']}" for key in ("value", "limit"))
            rows.append([figure["name"], value, limit])
    return table(["", "measured", "at most"], rows)


def _policies(results: Results) -> list[str]:
    found = results["policies"]
    rows = [
        [f"`{name}`", *(f"{60 * steps[kind] / 1e6:.1f} million" for kind in ("exclusive", "independent"))]
        for name, steps in found["steps_a_second"].items()
    ]
    head = ["steps a minute, at least 1 million", "one of several labels", "independent labels"]
    return table(head, rows)


def _streams(results: Results) -> list[str]:
    found = results["watch"]
    rows = [[title, *_of_run(run)] for title, run in found["streams"].items()]
    head = ["", "regions a second", "decided after", "95 % within", "longest queue", "CPUs", "and the sender"]
    limit = found["limit"]
    parts = [f"{limit['decoded']:.0f} pictures decoded a second and no more"]
    for name, one in limit["runtimes"].items():
        most, reached = one["most"], found["streams"][f"flat out, {name}"]["regions_a_second"]
        parts.append(
            f"with {_NAMES[name]} {one['forward']:.0f} classified a second and no more, so {most:.0f} regions a second "
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


_NAMES = {"onnxruntime": "ONNX Runtime", "openvino": "OpenVINO"}


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


def _stored(found: Mapping[str, Any] | None, limits: Mapping[str, float], where: str = "") -> list[list[str]]:
    """What is measured of one database; nothing where it was not."""
    if found is None:
        return []
    most, least = f"at most {limits['bytes_a_reading']:g}", f"at least {limits['written_a_second']:,g}"
    return [
        [f"bytes a reading of three labels{where}", f"{found['bytes_a_reading']:.0f}", most],
        *(
            [f"readings written a second, {count} at a time{where}", f"{rate:,.0f}", least]
            for count, rate in found["written_a_second"].items()
        ),
        [f"records verified a second{where}", f"{found['verified_a_second']:,.0f}", ""],
    ]


def _store(results: Results) -> list[str]:
    found, replay = results["store"], results["replay"]
    rows = [
        *_stored(found, found["limits"]),
        *_stored(found.get("postgresql"), found["limits"], ", in PostgreSQL"),
        ["decisions derived again a second", f"{replay['derived_a_second']:,.0f}", ""],
        [
            f"of {replay['derived']:,} derived again, differing",
            str(replay["differing"]),
            "0",
        ],
        [
            f"of {replay['alterations']['made']} random alterations, not found",
            str(replay["alterations"]["not_found"]),
            "0",
        ],
    ]
    return table(["", "measured", "limit"], rows)


TABLES: Mapping[str, Callable[[Results], list[str]]] = {
    "machines": _machines,
    "comparison": _comparison,
    "speed": _speed,
    "accuracy": _accuracy,
    "training": _training,
    "memory": _memory,
    "install": _install,
    "policies": _policies,
    "streams": _streams,
    "cameras": _cameras,
    "store": _store,
}
"""The parts of the page by name: the lines of each."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the page and draw the plots, or say whether the page is stale; 1 where it is."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; end with status 1 if a table is stale")
    check = parser.parse_args(arguments).check
    results, text = read_results(), PAGE.read_text("utf-8")
    wanted = page(text, results)
    if check:
        if text != wanted:
            print(f"{PAGE.relative_to(ROOT)} is stale; write it anew with: python benchmarks/report.py")
        return int(text != wanted)
    from _report_plots import draw

    PAGE.write_text(wanted, "utf-8", newline="\n")
    print(f"written: {PAGE.relative_to(ROOT)}")
    for path in draw(results, IMAGES):
        print(f"written: {path.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

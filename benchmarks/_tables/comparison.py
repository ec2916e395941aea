"""Beside other libraries."""

from __future__ import annotations

from _tables._layout import Results, percent, spread, table

__all__ = ["NEEDS", "TABLES"]

NEEDS = ("comparison",)


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


TABLES = {"comparison": _comparison}

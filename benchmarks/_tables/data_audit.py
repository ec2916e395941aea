"""What the data audit finds of planted faults."""

from __future__ import annotations

from _tables._layout import Results, percent, table

__all__ = ["NEEDS", "TABLES"]

NEEDS = ("data_audit",)


def _copies(results: Results) -> list[str]:
    found = results["data_audit"]["copies"]
    rows = [
        [way, f"{found['found'][way]} of {planted}", "95 %" if way in found["limited"] else "-"]
        for way, planted in found["planted"].items()
    ]
    rows.append(["found though not planted", str(found["false"]), "none"])
    return table(["copies of photos", "found", "at least"], rows)


def _labels(results: Results) -> list[str]:
    found = results["data_audit"]["labels"]
    rows = [
        [
            task,
            str(counts["exchanged"]),
            percent(counts["found"] / counts["exchanged"], 0),
            percent(counts["found"] / counts["named"] if counts["named"] else None, 0),
        ]
        for task, counts in found["tasks"].items()
    ]
    rows.append(
        [
            "**all, at least 50 % and 50 %**",
            str(found["total"]["exchanged"]),
            f"**{percent(found['found'], 0)}**",
            f"**{percent(found['right'], 0)}**",
        ]
    )
    return table(["task", "labels exchanged", "of them found", "of those named, exchanged"], rows)


def _time(results: Results) -> list[str]:
    found = results["data_audit"]["time"]
    rows = [
        ["photos looked at", f"{found['photos_a_second']:.0f} a second"],
        [f"copies found among {found['sketches']:,}", f"in {found['seconds_for_copies']:.1f} s"],
    ]
    return table(["on one CPU", "measured"], rows)


TABLES = {"data_audit_copies": _copies, "data_audit_labels": _labels, "data_audit_time": _time}

"""What models are worth without the border of pictures, and with nothing else."""

from __future__ import annotations

from _tables._layout import Results, percent, table

__all__ = ["NEEDS", "TABLES"]

NEEDS = ("context",)

_VERDICTS = {True: "used", False: "no sign", None: "cannot be told"}


def _context(results: Results) -> list[str]:
    rows = []
    for name, found in results["context"]["tasks"].items():
        border = found["border_blurred"]
        low, high = (f"{100 * border[end]:+.1f}" for end in ("low", "high"))
        rows.append(
            [
                name,
                str(found["n"]),
                percent(border["a"]),
                f"{percent(border['b'])} ({low} to {high})",
                percent(found["centre_blurred"]["b"]),
                percent(found["beyond_commonest"]["a"]),
                _VERDICTS[found["looks_at_background"]],
            ]
        )
    head = ["task", "photos", "as they are", "border blurred", "centre blurred", "commonest label", "the border is"]
    return table(head, rows)


TABLES = {"context": _context}

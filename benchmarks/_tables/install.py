"""The installation."""

from __future__ import annotations

from _tables._layout import Results, table

__all__ = ["NEEDS", "TABLES"]

NEEDS = ("install",)


def _install(results: Results) -> list[str]:
    rows = []
    for figure in results["install"]["figures"]:
        if figure["limit"] is not None:
            digits = 0 if figure["unit"] == "MB" else 2
            value, limit = (f"{figure[key]:.{digits}f} {figure['unit']}" for key in ("value", "limit"))
            rows.append([figure["name"], value, limit])
    return table(["", "measured", "at most"], rows)


TABLES = {"install": _install}

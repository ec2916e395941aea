"""The store, and decisions derived again from it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from _tables._layout import Results, table

__all__ = ["NEEDS", "TABLES"]

NEEDS = ("replay", "store")


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


TABLES = {"store": _store}

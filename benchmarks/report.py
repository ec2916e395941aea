"""Writes the tables and plots of ``docs/benchmarks.md`` from the figures in ``results/``.

    python benchmarks/report.py             # write what is stale, and draw the plots
    python benchmarks/report.py --check     # write nothing; status 1 if a table is stale

A table stands between ``<!-- report: NAME -->`` and ``<!-- end of report -->``. What stands around it is written by
hand and holds no measured figures. What is in a table says a module of ``_tables``. ``make bench`` runs this last.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from _report_plots import draw
from _tables import NEEDS, TABLES

__all__ = ["PAGE", "main", "page", "read_results"]

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "benchmarks.md"
IMAGES = ROOT / "docs" / "images"
RESULTS = ROOT / "benchmarks" / "results"

Results = Mapping[str, Any]
"""What each script wrote, by the script's name."""

_PART = re.compile(r"(<!-- report: (\w+) -->\n).*?(<!-- end of report -->)", re.DOTALL)


def read_results(folder: Path = RESULTS) -> dict[str, Any]:
    """What the scripts wrote.

    Raises:
        SystemExit: a script has not been run.
    """
    missing = [name for name in NEEDS if not (folder / f"{name}.json").is_file()]
    if missing:
        raise SystemExit(f"there is no {missing[0]}.json in {folder}: run benchmarks/{missing[0]}.py first")
    return {name: json.loads((folder / f"{name}.json").read_text("utf-8")) for name in NEEDS}


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
    PAGE.write_text(wanted, "utf-8", newline="\n")
    print(f"written: {PAGE.relative_to(ROOT)}")
    for path in draw(results, IMAGES):
        print(f"written: {path.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

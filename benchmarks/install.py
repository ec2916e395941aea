"""What an installation costs: its size, and how soon the command and the library answer.

Installs this working tree, without extras, into a fresh virtual environment in a temporary folder, which is removed at
the end. Needs a package index (or pip's own settings for one) and one to three minutes.

    python benchmarks/install.py [--json FILE] [--runs 7]
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from _footprint import disk_usage
from _machine import machine

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Figure:
    """A measured figure beside the most that it may be.

    Args:
        name: what was measured.
        value: in the unit.
        unit: ``MB`` (1,000,000 bytes) or ``s``.
        limit: the most that it may be, in the unit; ``None`` where it is only shown.
    """

    name: str
    value: float
    unit: str
    limit: float | None = None

    @property
    def kept(self) -> bool:
        """Whether it is within its limit."""
        return self.limit is None or self.value <= self.limit


def seconds(command: Sequence[str | Path], runs: int) -> float:
    """The median wall time of a command in seconds, after one run that fills the disk cache and is not counted."""
    taken = []
    for _ in range(runs + 1):
        start = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=tempfile.gettempdir())
        taken.append(time.perf_counter() - start)
    return statistics.median(taken[1:])


def answer(python: Path, script: str) -> str:
    """What a script prints under an interpreter."""
    run = subprocess.run([python, "-c", script], check=True, capture_output=True, text=True, cwd=tempfile.gettempdir())
    return run.stdout.strip()


def install(folder: Path) -> tuple[Path, Path]:
    """Install this working tree into a fresh virtual environment; its interpreter and the folder of its scripts."""
    venv.create(folder, with_pip=True)
    scripts = folder / ("Scripts" if sys.platform == "win32" else "bin")
    python = scripts / ("python.exe" if sys.platform == "win32" else "python")
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, str(ROOT)], check=True)
    return python, scripts


def measure(folder: Path, runs: int) -> dict[str, object]:
    """Install, measure, print, and return what was found, ready for JSON."""
    python, scripts = install(folder)
    packages = Path(answer(python, "import sysconfig; print(sysconfig.get_path('purelib'))"))
    torch = answer(python, "import importlib.util as u; print(u.find_spec('torch') is not None)") == "True"
    versions = json.loads(
        answer(
            python,
            "import json, importlib.metadata as m; print(json.dumps({d.name: d.version for d in m.distributions()}))",
        )
    )
    sizes = disk_usage(packages)
    bare = seconds([python, "-c", "pass"], runs)
    loaded = seconds([python, "-c", "import decisight"], runs)
    figures = [
        Figure("size of site-packages", sum(sizes.values()) / 1e6, "MB", 800.0),
        Figure("decisight --help", seconds([scripts / "decisight", "--help"], runs), "s", 0.4),
        Figure("import decisight", loaded, "s", 0.2),
        Figure("  of that the bare interpreter", bare, "s"),
        Figure("  of that Decisight", max(loaded - bare, 0.0), "s"),
    ]
    show(figures, sizes, torch=torch)
    return {
        "figures": [{**vars(f), "name": f.name.strip()} for f in figures],
        "torch": torch,
        "kept": not torch and all(f.kept for f in figures),
        "largest_mb": {name: round(size / 1e6, 1) for name, size in sizes.most_common(10)},
        "runs": runs,
        "machine": {**machine(), "versions": {}},
        "versions": dict(sorted(versions.items())),
    }


def show(figures: Sequence[Figure], sizes: Counter[str], *, torch: bool) -> None:
    """Print the figures beside their limits, and what takes most of the room."""
    for figure in figures:
        limit = f"limit {figure.limit:g} {figure.unit}" if figure.limit is not None else ""
        verdict = "" if figure.limit is None else "kept" if figure.kept else "NOT KEPT"
        print(f"{figure.name:32}{figure.value:10.3f} {figure.unit:3} {limit:14} {verdict}")
    print(f"{'torch':32}{'INSTALLED' if torch else 'absent':>10}")
    print("the largest: " + ", ".join(f"{name} {size / 1e6:.0f} MB" for name, size in sizes.most_common(8)))


def main() -> int:
    """Measure, and write the figures down; 1 where a limit is not kept."""
    parser = argparse.ArgumentParser(description="What an installation of Decisight costs.")
    parser.add_argument("--json", type=Path, default=ROOT / "benchmarks" / "results" / "install.json")
    parser.add_argument("--runs", type=int, default=7, help="timed runs of each command (the median counts)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="decisight-install-") as folder:
        found = measure(Path(folder), arguments.runs)
    arguments.json.parent.mkdir(parents=True, exist_ok=True)
    arguments.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    print(f"written: {arguments.json}")
    return 0 if found["kept"] else 1


if __name__ == "__main__":
    raise SystemExit(main())

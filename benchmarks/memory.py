"""How much memory predicting very many photos takes, and whether it grows.

    python benchmarks/memory.py [--count 10000] [--photos FOLDER] [--json FILE]

For each runtime that is installed, starts ``decisight predict imagenet:efficientnet_lite0 - --format jsonl`` with a
list of that many paths (the photos over and over) on standard input, counts the answers that it writes, and looks at
its resident memory in ``/proc/PID/status`` five times a second. So it runs on Linux only. Takes about two minutes a
runtime on two CPUs.

The peak (``VmHWM``) has to stay under 600 MB (1,000,000 bytes each). The memory is called flat where the straight line
through it, over all but the first tenth of the photos, rises by less than 1,000 KB per 1,000 photos: 10 MB in ten
thousand. What a photo of 500 x 375 takes when it is decoded is 560 KB, so a leak would show as hundreds of times that.

Without ``--photos`` the photos are those of ``throughput.py``.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np

from _footprint import memory_of
from _machine import machine, write_result
from _photos import MODEL, describe, sample_photos
from decisight.compute.runtimes import runtimes

MOST_MB = 600.0
MOST_GROWTH = 1000.0
EVERY = 0.2
WARM_UP = 0.1


@dataclass(frozen=True)
class Sample:
    """The memory of a process at a moment.

    Args:
        seconds: since it was started.
        done: answers that it had written.
        resident_kb: ``VmRSS``, in units of 1,000 bytes.
        peak_kb: ``VmHWM``, the most so far, in the same unit.
    """

    seconds: float
    done: int
    resident_kb: float
    peak_kb: float


class AnswerCount:
    """Counts the lines that a process writes, on a thread of its own, and keeps none of them."""

    def __init__(self, stream: IO[bytes]) -> None:
        self.lines = 0
        self._stream = stream
        self._thread = threading.Thread(target=self._count, daemon=True)
        self._thread.start()

    def join(self) -> int:
        """How many lines there were, once the stream has ended."""
        self._thread.join()
        return self.lines

    def _count(self) -> None:
        while block := self._stream.read1(1 << 20):
            self.lines += block.count(b"\n")


def watch(names: IO[bytes], threads: int, runtime: str) -> tuple[list[Sample], int, float]:
    """Predict all photos of a list.

    Returns:
        The samples, how many answers there were, and how many seconds it took.
    """
    command = [sys.executable, "-m", "decisight", "predict", MODEL, "-", "--format", "jsonl"]
    samples, begin = [], time.monotonic()
    command += ["--threads", str(threads), "--runtime", runtime]
    with subprocess.Popen(command, stdin=names, stdout=subprocess.PIPE) as process:
        answers = AnswerCount(process.stdout)
        while process.poll() is None:
            found = memory_of(process.pid)
            if found is not None:
                samples.append(Sample(time.monotonic() - begin, answers.lines, *found))
            time.sleep(EVERY)
        count = answers.join()
    if process.returncode:
        raise SystemExit(f"the prediction ended with status {process.returncode}; what it said stands above")
    return samples, count, time.monotonic() - begin


def growth(samples: Sequence[Sample], count: int) -> float:
    """The slope of the resident memory after the first tenth, by least squares, in KB per 1,000 photos."""
    counted = [s for s in samples if s.done >= WARM_UP * count]
    if len({s.done for s in counted}) < 2:
        raise SystemExit("too few photos to see whether the memory grows; raise --count")
    slope, _ = np.polyfit([s.done for s in counted], [s.resident_kb for s in counted], 1)
    return float(slope) * 1000


def by_tenths(samples: Sequence[Sample], count: int) -> list[float | None]:
    """The median resident memory in MB in each tenth of the photos; ``None`` where it was not looked at."""
    tenths: list[list[float]] = [[] for _ in range(10)]
    for sample in samples:
        tenths[min(9, 10 * sample.done // count)].append(sample.resident_kb / 1000)
    return [round(statistics.median(tenth), 1) if tenth else None for tenth in tenths]


def measure(photos: Sequence[str], count: int, threads: int, runtime: str) -> dict[str, Any]:
    """Predict so many photos with a runtime, print what it took, and return it, ready for JSON."""
    lines = [os.fsencode(os.path.abspath(path)) + b"\n" for path in photos]
    with tempfile.TemporaryFile() as names:
        names.writelines(lines[at % len(lines)] for at in range(count))
        names.seek(0)
        samples, answers, seconds = watch(names, threads, runtime)
    if answers != count:
        raise SystemExit(f"{answers} answers came for {count} photos")
    peak, slope, tenths = max(s.peak_kb for s in samples) / 1000, growth(samples, answers), by_tenths(samples, answers)
    print(f"{answers} photos in {seconds:.1f} s ({answers / seconds:.1f}/s)")
    print(f"peak memory        {peak:8.1f} MB   limit {MOST_MB:g} MB   {'kept' if peak < MOST_MB else 'NOT KEPT'}")
    print(
        f"growth             {slope:8.1f} KB per 1,000 photos after the first tenth   limit {MOST_GROWTH:g} KB   "
        f"{'kept' if slope < MOST_GROWTH else 'NOT KEPT'}"
    )
    print(f"median by tenths   {'  '.join('-' if tenth is None else f'{tenth:.0f}' for tenth in tenths)} MB")
    return {
        "seconds": seconds,
        "peak_mb": peak,
        "growth_kb_per_1000": slope,
        "median_mb_by_tenths": tenths,
        "kept": peak < MOST_MB and slope < MOST_GROWTH,
        "samples": [asdict(s) for s in samples[:: max(1, len(samples) // 200)]],
    }


def main() -> int:
    """Measure, and write the figures down; 1 where a limit is not kept."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=10_000, help="how many photos; a few hundred show the start only")
    parser.add_argument("--photos", type=Path, help="a folder of JPEG photos")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument(
        "--json", type=Path, default=Path(__file__).parent / "results" / "memory.json", help="write the figures here"
    )
    options = parser.parse_args()
    if not Path("/proc/self/status").exists():
        raise SystemExit("memory is read from /proc, which only Linux has")
    with sample_photos(options.photos) as photos:
        like, found = describe(photos), {}
        for runtime in sorted(runtimes.names()):
            print(f"{runtime}:")
            found[runtime] = measure(photos, options.count, options.threads, runtime)
    kept = all(each["kept"] for each in found.values())
    result = {
        "machine": machine(),
        "photos": like,
        "count": options.count,
        "threads": options.threads,
        "limits": {"peak_mb": MOST_MB, "growth_kb_per_1000": MOST_GROWTH},
        "kept": kept,
        "runtimes": found,
    }
    write_result(options.json, result)
    return 0 if kept else 1


if __name__ == "__main__":
    raise SystemExit(main())

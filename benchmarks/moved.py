"""How surely the gate ``moved`` notices that a camera was moved, and how often it is wrong where none was.

    python benchmarks/moved.py [--clips FOLDER] [--hours 0.5] [--times 2] [--changes NAME] [--json FILE]

Views are rendered gates, half of which were never looked at while the gate was made, and the clips ``*.mp4`` of a
folder where it is there. The reference is the first picture of each. Light, contrast, noise and compression change all
the time. One picture is given every two seconds, since the gate looks no oftener.

- **Unmoved**: so many hours of each view; counted are pictures that were refused, and how often that began. Clips are
  looked at whole, and once more as their middle, which is what is moved in the next part.
- **Moved**: ten seconds as it was, then one of the changes, then as it was again. It is found when pictures are
  refused within the gate's ``after`` and five seconds more; counted as well is how soon they are let through again.
- **Time**: of one look, by the size of the camera's pictures.

The limits: every shift by at least 5 % of the width and every turn by at least 5 degrees is found, and no picture of
an unmoved camera is refused.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from _machine import machine, write_result
from _watched_views import CHANGES, Change, Clip, Gate, Light, View, covered
from decisight.gates.moved import Moved
from decisight.imaging import encode_png, resize
from decisight.spans import parse_seconds

Pixels = npt.NDArray[np.uint8]

MADE_WITH, NEW = range(6), range(20, 26)
"""Seeds of rendered gates."""
STEP = 2.0
STILL = 10.0
LONGER = 5.0
LIMITS = ("shifted by 5", "shifted by 10", "shifted by 20", "turned by 5", "turned by 10")


def gate_of(reference: Pixels, folder: Path) -> Moved:
    """The gate with its defaults."""
    folder.mkdir(exist_ok=True)
    path = folder / "reference.png"
    path.write_bytes(encode_png(reference))
    return Moved(str(path))


def unmoved(name: str, pictures: Iterator[Pixels], count: int, folder: Path, seed: int) -> dict[str, Any]:
    """How much of the time is refused, and how often that begins."""
    keeper = gate_of(next(pictures), folder).keeper()
    light = Light(seed)
    causes: Counter[str] = Counter()
    begun, before, failing = 0, False, 0
    for number in range(count):
        verdict = keeper.judge(light.shine(next(pictures)), number * STEP)
        failing += keeper.state()["lasted"] is not None
        if verdict is not None:
            causes[verdict.cause] += 1
            begun += not before
        before = verdict is not None
    return {
        "view": name,
        "hours": count * STEP / 3600,
        "refused": sum(causes.values()) / count,
        "began": begun,
        "causes": dict(causes),
        "single_looks": failing / count,
    }


def whole(view: View) -> Iterator[Pixels]:
    """All that an unmoved camera sees."""
    number = 0
    while True:
        yield view.alone(number)
        number += 1


def middle(view: View) -> Iterator[Pixels]:
    """What is moved in the other part, as long as it is not."""
    number = 0
    while True:
        yield view.picture(number)
        number += 1


def moved(gate: Moved, view: View, other: View, change: Change, begin: int) -> tuple[float | None, str, float | None]:
    """After how many seconds it was found, and by what cause; after how many it was let through again."""
    after = parse_seconds(gate.after, "after")
    keeper, light, number = gate.keeper(), Light(begin), begin

    def judged(now: Change | None) -> str | None:
        nonlocal number
        number += 1
        seen = view.picture(number, now)
        if now is not None:
            elsewhere = resize(other.picture(number), (seen.shape[1], seen.shape[0])) if now.elsewhere else seen
            seen = covered(elsewhere, now, number)
        verdict = keeper.judge(light.shine(seen), number * STEP)
        return None if verdict is None else verdict.cause

    for _ in range(round(STILL / STEP)):
        judged(None)
    # It happens just after a look.
    for look in range(1, int((after + LONGER) / STEP) + 1):
        cause = judged(change)
        if cause is not None:
            back = next((at * STEP for at in range(1, 16) if judged(None) is None), None)
            return look * STEP, cause, back
    return None, "", None


def detection(views: Sequence[View], times: int, which: str, folder: Path) -> list[dict[str, Any]]:
    """Each change, over all views."""
    rows = []
    gates = [gate_of(view.picture(0), folder / str(at)) for at, view in enumerate(views)]
    for name, changes in CHANGES.items():
        if not name.startswith(which):
            continue
        found: list[float] = []
        backs: list[float | None] = []
        causes: Counter[str] = Counter()
        missed: Counter[str] = Counter()
        for at, view in enumerate(views):
            for change in changes:
                for turn in range(times):
                    other = views[(at + 1 + turn) % len(views)]
                    took, cause, back = moved(gates[at], view, other, change, 17 + 31 * turn)
                    if took is None:
                        missed[view.name] += 1
                    else:
                        found.append(took)
                        causes[cause] += 1
                        backs.append(back)
        tried = len(found) + missed.total()
        rows.append(
            {
                "change": name,
                "tried": tried,
                "found": len(found),
                "missed": dict(missed),
                "seconds": float(np.median(found)) if found else None,
                "longest": max(found, default=None),
                "causes": dict(causes),
                "let_through_again_in": max((b for b in backs if b is not None), default=None),
                "not_let_through_again": backs.count(None),
            }
        )
        print(f"{name:36s} {len(found):4d} of {tried:4d}  {rows[-1]['seconds']} s  {dict(causes)}", flush=True)
        if name.startswith(LIMITS) and missed:
            print(f"  missed: {dict(missed)}")
    return rows


def speed(view: View, folder: Path) -> list[dict[str, Any]]:
    """Milliseconds of one look."""
    rows = []
    for width, height in ((640, 480), (1280, 960), (1920, 1440)):
        first, second, away = (
            resize(picture, (width, height))
            for picture in (view.picture(0), view.picture(1), view.picture(1, Change(shift=(0.2, 0.0))))
        )
        keeper = gate_of(first, folder).keeper()
        taken: dict[str, float] = {}
        for title, picture in (("as it was", second), ("moved", away)):
            looks = []
            for number in range(30):
                begun = time.perf_counter()
                keeper.judge(picture, number * STEP)
                looks.append(time.perf_counter() - begun)
            taken[title] = 1000 * float(np.median(looks))
        begun = time.perf_counter()
        for _ in range(10_000):
            keeper.judge(picture, 29 * STEP + 0.5)
        between = (time.perf_counter() - begun) / 10_000
        rows.append({"size": f"{width}x{height}", "look_ms": taken, "between_looks_us": 1e6 * between})
    return rows


def main() -> int:
    """Measure, and write the figures down; 1 where a limit is not kept."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    data = Path(os.environ.get("DECISIGHT_SHARED_DATA", "../shared/data"))
    parser.add_argument("--clips", type=Path, default=data / "video_clips", help="a folder of clips of still cameras")
    parser.add_argument("--hours", type=float, default=0.5, help="of each unmoved view")
    parser.add_argument("--changes", default="", help="only those that begin so, and no unmoved view")
    parser.add_argument("--times", type=int, default=2, help="each change at each view")
    parser.add_argument(
        "--json", type=Path, default=Path(__file__).parent / "results" / "moved.json", help="write the figures here"
    )
    options = parser.parse_args()
    clips: list[View] = [Clip(path) for path in sorted(options.clips.glob("*.mp4"))]
    known: list[View] = [Gate(seed) for seed in MADE_WITH]
    new: list[View] = [Gate(seed) for seed in NEW]
    views = [*known, *new, *clips]
    count = round(options.hours * 3600 / STEP)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        still = []
        for seed, view in enumerate([] if options.changes else views):
            ways = [("", whole(view))] + ([(", its middle", middle(view))] if view in clips else [])
            for title, pictures in ways:
                still.append(unmoved(view.name + title, pictures, count, folder, seed))
                row = still[-1]
                print(
                    f"{row['view']:36s} {row['hours']:5.2f} h, refused {row['refused']:.2%} in {row['began']} times, "
                    f"single looks {row['single_looks']:.2%}",
                    flush=True,
                )
        changes = detection(views, options.times, options.changes, folder)
        times = speed(known[0], folder)
    for row in times:
        print(row)
    missed = [row["change"] for row in changes if row["change"].startswith(LIMITS) and row["found"] < row["tried"]]
    wrong = [row["view"] for row in still if row["refused"]]
    kept = not missed and not wrong
    print("kept" if kept else f"NOT KEPT: missed {missed}, refused though unmoved {wrong}")
    result = {"machine": machine(), "unmoved": still, "moved": changes, "time": times, "kept": kept}
    write_result(options.json, result)
    return 0 if kept else 1


if __name__ == "__main__":
    raise SystemExit(main())

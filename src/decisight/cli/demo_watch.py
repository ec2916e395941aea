"""The last chapter of the demo: a gate that is watched, from a clip to events."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from decisight.cli.console import progress_bars, say, terminal

__all__ = ["CLIPS", "FRAMES", "LEFT", "MODEL", "SITE", "watch_a_clip"]

FRAMES, MODEL, CLIPS, SITE = "shift", "shift.onnx", "clips", "site.yaml"
_STORE = tuple(f"demo.{end}" for end in ("db", "db.lock", "db-wal", "db-shm", "key", "evidence"))
LEFT = (FRAMES, MODEL, CLIPS, SITE, "events.jsonl", *_STORE)
"""All that this chapter leaves in the demo's folder."""

_CAMERA = "gate-1"
_ROLE = "role"
_EVERY = 1.5
_TROUBLE, _MORE_TROUBLE = 0.2, 0.6
"""How much goes wrong, 0..1: photos to learn from are taken on good days, and watched is on all days."""
_FEW = 200
_LEARNT, _WATCHED = (8, 45.0), 60.0
_LEARNT_FROM_FEW, _WATCHED_OF_FEW = (4, 20.0), 20.0
"""How many shifts and how many seconds of each are learnt from, and how many seconds of another are watched."""
_FPS = 10.0
_OTHER_SHIFT = 1000


def watch_a_clip(folder: Path, pictures: int, seed: int, threads: int | None) -> int:
    """Draw a gate's shifts, learn from some, watch another, and leave a site file behind.

    Args:
        folder: of the demo.
        pictures: that the demo was asked to draw: with few, less is learnt and watched.
        seed: of the demo.
        threads: to compute with.

    Returns:
        The exit status of watching.

    Raises:
        OutputError: something cannot be written.
    """
    from decisight.cli.watch import WatchOptions, run

    (shifts, seconds), watched = (_LEARNT, _WATCHED) if pictures >= _FEW else (_LEARNT_FROM_FEW, _WATCHED_OF_FEW)
    _learn(folder, [seed * _OTHER_SHIFT + 1 + n for n in range(shifts)], seconds, threads)
    _film(folder, seed * _OTHER_SHIFT, watched)
    site = folder / SITE
    site.write_text(_site_file(), "utf-8")
    sys.stdout.flush()
    return run(WatchOptions(str(site), threads=threads))


def _learn(folder: Path, seeds: list[int], seconds: float, threads: int | None) -> None:
    from decisight.compute import threads as granted
    from decisight.data.reading import read_dataset
    from decisight.models.model_file import write_model
    from decisight.sources.rendered.clips import write_labelled_frames
    from decisight.sources.rendered.shift import GATE_REGION, Shift
    from decisight.training.cache import FeatureCache
    from decisight.training.train import TrainOptions, train

    write_labelled_frames(folder / FRAMES, [Shift(one, trouble=_TROUBLE) for one in seeds], seconds, _EVERY)
    data = read_dataset(folder / FRAMES, groups=[_ROLE])
    options = TrainOptions(name="shift", regions=(GATE_REGION,))
    with FeatureCache(None) as cache, progress_bars(terminal(sys.stderr)) as progress:
        trained = train(data, options, cache=cache, progress=progress, threads=granted(threads).count)
    write_model(folder / MODEL, trained.model)
    number = trained.report.pictures
    say(f"  {folder / MODEL}: role, learnt from {number} pictures of {len(seeds)} shifts at other gates")


def _film(folder: Path, seed: int, seconds: float) -> None:
    from decisight.sources.rendered.clips import write_clip
    from decisight.sources.rendered.shift import Shift

    (folder / CLIPS).mkdir(exist_ok=True)
    clip = folder / CLIPS / f"{_CAMERA}.mp4"
    table = write_clip(clip, Shift(seed, trouble=_MORE_TROUBLE), seconds, fps=_FPS)
    say(f"  {clip}: {seconds:.0f} s of a shift with hindrances, glare and noise; what is true when: {table.name}")


def _site_file() -> str:
    from decisight.sources.rendered.shift import GATE_REGION, NOBODY

    corners = json.dumps([list(corner) for corner in GATE_REGION.polygon])
    return f"""\
# What the demo watches. `decisight check` says whether it can be used, `decisight schema` what may stand here.
site: demo
models:
  shift: {{path: {MODEL}}}
cameras:
  {_CAMERA}:
    source: {{type: video, path: {CLIPS}/{_CAMERA}.mp4, start: 2026-05-04T06:00:00Z}}
    fps: 5
    regions:
      {GATE_REGION.name}: {{polygon: {corners}}}
    watch:
      - region: {GATE_REGION.name}
        model: shift
        policy: {{type: majority_vote, required: 3, window: 5, gap_tolerance: 10, min_dwell: 3}}
        quiet: [{NOBODY}]
sinks:
  log: {{type: jsonl, path: events.jsonl}}
"""

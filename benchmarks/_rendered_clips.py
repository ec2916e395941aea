"""Clips of a rendered gate with what is true when, and frames to train on: made once, kept in a folder.

    python benchmarks/_rendered_clips.py FOLDER

Training frames and test clips come from shifts with different seeds: other gates, other workers, other light.
"""

from __future__ import annotations

import argparse
import json
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from decisight.sources.rendered.clips import write_clip, write_labelled_frames
from decisight.sources.rendered.shift import GATE_REGION, Shift

__all__ = ["CLIPS", "RECIPE", "Recipe", "RenderedClips", "rendered_clips"]

CLIPS = "clips"
_VERSION = 1
"""Another one where shifts are drawn otherwise: then what was kept is made anew."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """What is made.

    Args:
        train: seeds of the shifts to learn from.
        train_seconds: of each of them.
        every: seconds from one training frame to the next.
        train_trouble: how much goes wrong there, 0..1. Photos to train on are taken on good days.
        test: seeds of the clips, none of which is in ``train``.
        test_seconds: of each clip.
        fps: of the clips, in which all goes wrong that can.
        version: of how they are made.
    """

    train: tuple[int, ...] = tuple(range(100, 112))
    train_seconds: float = 60.0
    every: float = 1.5
    train_trouble: float = 0.2
    test: tuple[int, ...] = tuple(range(500, 508))
    test_seconds: float = 150.0
    fps: float = 10.0
    version: int = _VERSION


RECIPE = Recipe()
"""480 frames of 12 shifts, and 8 clips of 150 s: 240 transitions of ``role`` in 20 minutes, 12,000 pictures."""


@dataclass(frozen=True, slots=True)
class RenderedClips:
    """Where it all lies.

    Args:
        frames: a folder with ``metadata.csv``: groups ``role``, ``vest``, ``helmet``; whole pictures.
        clips: MP4 files, each beside a table of the same name that ends in ``.csv``.
        region: where to look, in training and in watching, as the command line takes it.
    """

    frames: Path
    clips: tuple[Path, ...]
    region: str


def rendered_clips(folder: Path, recipe: Recipe = RECIPE) -> RenderedClips:
    """What the recipe says, made where the folder does not hold it yet; takes four to five minutes of one core then.

    Nothing else may lie in the folder: what was made by another recipe is removed.
    """
    made, told = folder / "recipe.json", json.dumps(asdict(recipe))
    frames = folder / "frames"
    clips = tuple(folder / CLIPS / f"shift_{seed:03d}.mp4" for seed in recipe.test)
    if not (made.is_file() and made.read_text(encoding="utf-8") == told):
        made.unlink(missing_ok=True)
        for stale in (frames, folder / CLIPS):
            shutil.rmtree(stale, ignore_errors=True)
        (folder / CLIPS).mkdir(parents=True)
        calm = [Shift(seed, trouble=recipe.train_trouble) for seed in recipe.train]
        write_labelled_frames(frames, calm, recipe.train_seconds, recipe.every)
        for seed, clip in zip(recipe.test, clips, strict=True):
            write_clip(clip, Shift(seed), recipe.test_seconds, fps=recipe.fps)
        made.write_text(told, encoding="utf-8")
    corners = " ".join(f"{x:g},{y:g}" for x, y in GATE_REGION.polygon)
    return RenderedClips(frames, clips, f"{GATE_REGION.name}={corners}")


def main(arguments: Sequence[str] | None = None) -> None:
    """Make them, and say where they are."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="where they are kept")
    made = rendered_clips(parser.parse_args(arguments).folder)
    print(made.frames, *made.clips, made.region, sep="\n")


if __name__ == "__main__":
    main()

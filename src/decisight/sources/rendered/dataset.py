"""A labelled set of rendered pictures, as anybody's own photos would lie in a folder."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from decisight.errors import OutputError, UsageError
from decisight.sources.rendered.photograph import SIZE, render
from decisight.sources.rendered.scene import GEAR, LAYOUTS, ROLE_COLOURS, Scene, Worker
from decisight.sources.rendered.variation import random_gate, random_scene, random_worker

__all__ = ["LabelledScene", "labelled_scenes", "write_dataset"]

_FEWEST = 48
_QUALITY = 85
_GATES_EACH = 2
_A_WORKER = 4
"""Pictures of one worker, on average."""


@dataclass(frozen=True, slots=True)
class LabelledScene:
    """A scene and where it belongs.

    Args:
        name: of its file, without a suffix.
        split: ``train`` or ``test``.
        source: who is seen; one source never spans a split.
        role: the worker's.
        gear: the worker's, as a table writes it: ``vest|helmet``, ``vest``, ``helmet`` or ``-``.
        scene: what is to be drawn.
    """

    name: str
    split: str
    source: str
    role: str
    gear: str
    scene: Scene


def labelled_scenes(pictures: int = 360, *, seed: int = 0) -> list[LabelledScene]:
    """The scenes of a labelled set, one worker after the other.

    Every worker is seen in three to five pictures, in the same clothes, at different gates and in different light.
    Roles and gear are balanced, and about every fourth worker of each is in ``test``. Difficulty runs over its
    whole range.

    Raises:
        UsageError: fewer pictures than every role in every gear needs, or a negative seed.
    """
    if pictures < _FEWEST or seed < 0:
        raise UsageError(
            f"no labelled set is made of {pictures} pictures from seed {seed}",
            hint=f"at least {_FEWEST} pictures, for every role in every gear, and a seed of 0 or more",
        )
    gates = [
        random_gate(np.random.default_rng([seed, 3, i]), layout=layout)
        for i, layout in enumerate(LAYOUTS * _GATES_EACH)
    ]
    found = []
    for i, count in enumerate(_shares(pictures, seed)):
        worker, split = _worker(i, seed)
        source = f"worker_{i:03d}"
        for k in range(count):
            rng = np.random.default_rng([seed, 1, i, k])
            scene = random_scene(
                rng, worker=worker, difficulty=float(rng.beta(1, 2.5)), gate=gates[int(rng.integers(len(gates)))]
            )
            found.append(LabelledScene(f"{source}_{k}", split, source, worker.role, worker.gear, scene))
    return found


def write_dataset(folder: Path, *, pictures: int = 360, seed: int = 0, size: tuple[int, int] = SIZE) -> Path:
    """Draws a labelled set of pictures and writes it to a folder.

    It has two groups: ``role``, which is exclusive, and ``gear``, which is independent. In ``train`` and in ``test``
    (about every fourth picture) lies a ``metadata.csv`` with the columns ``file_name``, ``role``, ``gear`` and
    ``source``, beside its JPEG files. Whatever interrupts it, nothing half-written is left.

    Args:
        folder: where to; it is made, and has to be empty if it is there.
        pictures: how many, 48 or more.
        seed: another one gives other workers and other pictures.
        size: width and height of a picture in pixels.

    Returns:
        The folder.

    Raises:
        OutputError: the folder has something in it, is a file, or cannot be written to.
        UsageError: too few pictures, a negative seed, or a size that is not drawn.
    """
    scenes = labelled_scenes(pictures, seed=seed)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise OutputError(f"the folder is not empty: {folder}", hint="give one that is empty or not there yet")
        with TemporaryDirectory(prefix=".partial-", dir=folder) as partial:
            for split in ("train", "test"):
                _write_split(Path(partial) / split, [item for item in scenes if item.split == split], size)
            for split in ("train", "test"):
                (Path(partial) / split).rename(folder / split)
    except OSError as error:
        raise OutputError(
            f"the rendered pictures cannot be written to {folder}: {error.strerror or error}",
            hint="give a folder on a disk with room, in which you may write",
        ) from error
    return folder


def _write_split(folder: Path, scenes: list[LabelledScene], size: tuple[int, int]) -> None:
    from PIL import Image

    folder.mkdir()
    rows = []
    for item in scenes:
        name = f"{item.name}.jpg"
        Image.fromarray(render(item.scene, size)).save(folder / name, quality=_QUALITY)
        rows.append((name, item.role, item.gear, item.source))
    with (folder / "metadata.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(("file_name", "role", "gear", "source"))
        table.writerows(rows)


def _shares(pictures: int, seed: int) -> list[int]:
    """How many pictures each worker has: three to five, and as many in all as are asked for."""
    shares = np.full(pictures // _A_WORKER, _A_WORKER)
    shares[: pictures % _A_WORKER] += 1
    rng = np.random.default_rng([seed, 2])
    pairs = rng.permutation(len(shares))[: len(shares) // 2 * 2].reshape(-1, 2)
    for more, fewer in pairs[: len(pairs) // 2]:
        if shares[more] < 5 and shares[fewer] > 3:
            shares[more] += 1
            shares[fewer] -= 1
    return [int(n) for n in shares]


def _worker(i: int, seed: int) -> tuple[Worker, str]:
    """The worker of a number, and the split they are in: roles turn fastest, then gear, then splits."""
    roles = tuple(ROLE_COLOURS)
    role, rest = i % len(roles), i // len(roles)
    turn, gear = divmod(rest, 2 ** len(GEAR))
    worker = random_worker(
        np.random.default_rng([seed, 0, i]), role=roles[role], vest=gear in (0, 2), helmet=gear in (0, 1)
    )
    # A diagonal, so that every role, and soon every gear, is in the test part of a small set too.
    return worker, "test" if (turn + gear + role) % 4 == 0 else "train"

"""Reference pictures of gates: relative to the site file, and wrong ones told with their line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from decisight.assemble import setups
from decisight.config import Site
from decisight.errors import SiteError
from decisight.gates.moved import Moved
from decisight.imaging import encode_png
from decisight.models.classifier import Classifier, load

Read = Callable[[str], Site]


def picture(seed: int = 0) -> bytes:
    cells = np.random.default_rng(seed).integers(0, 256, (9, 16, 3), dtype=np.uint8)
    return encode_png(cells.repeat(10, axis=0).repeat(10, axis=1))


def with_gates(site_text: str, gates: str) -> str:
    return site_text.replace("    fps: 5\n", f"    fps: 5\n    gates: {gates}\n")


@pytest.mark.parametrize("folder", ["", "references"])
def test_they_lie_beside_the_site_file(read: Read, site_text: str, tmp_path: Path, folder: str) -> None:
    (tmp_path / folder).mkdir(exist_ok=True)
    paths = [str(Path(folder, name)) for name in ("day.png", "night.png")]
    for path in paths:
        (tmp_path / path).write_bytes(picture())
    for given, expected in [(paths[0], str(tmp_path / paths[0])), (paths, tuple(str(tmp_path / p) for p in paths))]:
        site = read(with_gates(site_text, f"[{{type: size}}, {{type: moved, reference: {given}, after: 5s}}]"))
        assert site.gates("gate-1")[1] == Moved(expected, after="5s")


def test_an_absolute_path_is_left_as_it_is(
    read: Read, site_text: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("elsewhere") / "day.png"
    path.write_bytes(picture())
    (gate,) = read(with_gates(site_text, f"[{{type: moved, reference: {path}}}]")).gates("gate-1")
    assert gate == Moved(str(path))


PLAIN = encode_png(np.full((99, 99, 3), 200, np.uint8))


@pytest.mark.parametrize(
    ("content", "says"),
    [(None, "does not exist"), (b"text", "not a picture"), (PLAIN, "hardly an edge")],
    ids=["missing", "text", "plain"],
)
def test_one_that_cannot_be_used(read: Read, site_text: str, tmp_path: Path, content: bytes | None, says: str) -> None:
    if content is not None:
        (tmp_path / "day.png").write_bytes(content)
    # The file is read all the same: how else could the picture be taken with what it says of the camera?
    site = read(with_gates(site_text, "\n      - type: size\n      - type: moved\n        reference: day.png"))
    with pytest.raises(SiteError, match=says) as caught:
        site.gates("gate-1")
    where = f"{tmp_path / 'plant.yaml'}, line 12: cameras.gate-1.gates.1.reference"
    assert caught.value.message.startswith(f"{where}: moved: reference: {tmp_path / 'day.png'}")
    assert caught.value.hint
    assert site.gates("gate-1", checked=False)


@pytest.mark.parametrize(
    ("gate", "says"),
    [
        ("{type: moved}", "gates.0: gate 'moved': reference is missing"),
        ("{type: moved, reference: ''}", "gates.0.reference: moved: reference is empty"),
        ("{type: moved, reference: []}", "gates.0.reference: moved: reference is empty"),
        ("{type: moved, reference: 7}", "gates.0.reference: gate 'moved': reference = 7 cannot be used"),
        ("{type: moved, reference: [day.png, {}]}", "gates.0.reference: gate 'moved': reference"),
        ("{type: moved, reference: day.png, tolerance: 2}", "gates.0.tolerance: moved: tolerance = 2"),
    ],
)
def test_what_is_no_reference(read: Read, site_text: str, gate: str, says: str) -> None:
    with pytest.raises(SiteError, match=rf"cameras\.gate-1\.{says}") as caught:
        read(with_gates(site_text, f"[{gate}]"))
    assert caught.value.hint


@pytest.fixture(scope="module")
def gear(gear_model: Path) -> Classifier:
    return load(gear_model, threads=1)


def test_another_picture_makes_another_view_and_another_folder_does_not(
    read: Read, site_text: str, tmp_path: Path, gear: Classifier
) -> None:
    (tmp_path / "copied").mkdir()

    def digests(path: str) -> Any:
        text = with_gates(site_text, f"[{{type: moved, reference: {path}}}]").replace("vest: 0.8", "vest:worn: 0.8")
        (setup,) = setups(read(text), {"gear": gear})
        return [key.digest for key in setup.view_keys()]

    for path in ("day.png", "copied/day.png"):
        (tmp_path / path).write_bytes(picture())
    first = digests("day.png")
    assert digests("copied/day.png") == first
    (tmp_path / "day.png").write_bytes(picture(1))
    assert digests("day.png") != first


def test_a_picture_that_is_missing_is_told_before_anything_is_watched(
    read: Read, site_text: str, gear: Classifier
) -> None:
    text = with_gates(site_text, "[{type: moved, reference: day.png}]").replace("vest: 0.8", "vest:worn: 0.8")
    with pytest.raises(SiteError, match=r"day\.png: does not exist"):
        setups(read(text), {"gear": gear})

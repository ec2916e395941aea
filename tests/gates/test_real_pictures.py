"""By their defaults, gates let photos and cameras' pictures through, and no change of state is saved away."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from scipy.ndimage import gaussian_filter

from decisight.gates import GATES
from decisight.imaging import read_image
from decisight.regions import Region

pytestmark = pytest.mark.shared

Array = npt.NDArray[np.uint8]
SETS = ["ppe_compliance", "ppe_helmet", "ppe_person", "uniform_color", "car_model", "car_attr", "flowers"]
REGIONS = {
    "car_entry_a": Region.box("lane", 0.0, 0.1, 1.0, 0.9),
    "person_doorway_a": Region.box("table", 0.4, 0.0, 0.8, 1.0),
    "worker_zone_a": Region.box("zone", 0.0, 0.0, 1.0, 1.0),
}
JUDGING = [name for name in GATES.names() if not GATES.factory(name).saves and name != "moved"]  # type: ignore[attr-defined]
"""Without the one that needs a reference."""
DELAY = 0.3
"""In seconds; the clips were labelled by eye, and their edges are no better than that."""


def clip(folder: Path, name: str) -> Iterator[tuple[float, Array]]:
    av = pytest.importorskip("av")
    with av.open(str(folder / f"video_clips/{name}.mp4")) as container:
        for frame in container.decode(video=0):
            yield float(frame.time), REGIONS[name].cut(frame.to_ndarray(format="rgb24"), (127, 127, 127))


@pytest.mark.parametrize("name", SETS)
def test_hardly_any_photo_is_refused(shared_data: Path, name: str) -> None:
    files = sorted(path for path in (shared_data / name / "train").rglob("*") if path.suffix in (".jpg", ".png"))[::4]
    assert files
    keepers = [GATES.build(gate).keeper() for gate in ("brightness", "sharpness", "size")]
    refused = [path.name for path in files if any(keeper.judge(read_image(path), 0.0) for keeper in keepers)]
    assert len(refused) <= max(1, 0.01 * len(files)), refused


@pytest.mark.parametrize("name", SETS)
def test_most_photos_out_of_focus_are_refused(shared_data: Path, name: str) -> None:
    files = sorted(path for path in (shared_data / name / "train").rglob("*") if path.suffix in (".jpg", ".png"))[::20]
    keeper = GATES.build("sharpness").keeper()
    found = []
    for path in files:
        picture = read_image(path)
        sigma = 0.03 * picture.shape[0]
        found.append(keeper.judge(gaussian_filter(picture, (sigma, sigma, 0)), 0.0) is not None)
    assert np.mean(found) >= 0.85


@pytest.mark.parametrize("name", REGIONS)
def test_no_picture_of_a_camera_is_refused(shared_data: Path, name: str) -> None:
    keepers = {gate: GATES.build(gate).keeper() for gate in JUDGING}
    refused = [
        (gate, time)
        for time, crop in clip(shared_data, name)
        for gate, keeper in keepers.items()
        if keeper.judge(crop, time) is not None
    ]
    assert refused == []


@pytest.mark.parametrize(("name", "saved"), [("car_entry_a", 0.5), ("person_doorway_a", 0.4)])
def test_motion_saves_much_and_delays_no_change_of_state(shared_data: Path, name: str, saved: float) -> None:
    keeper = GATES.build("motion").keeper()
    found = [(time, keeper.judge(crop, time) is None) for time, crop in clip(shared_data, name)]
    assert np.mean([not passes for _, passes in found]) >= saved
    with (shared_data / f"video_clips/{name}.csv").open(newline="") as file:
        changes = [float(row["start"]) for row in csv.DictReader(file) if float(row["start"])]
    assert changes
    for change in changes:
        assert any(passes and change <= time <= change + DELAY for time, passes in found), change

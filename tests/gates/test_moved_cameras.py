"""Real cameras that were not moved are never refused, and are when they are: with the gate's defaults."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from decisight.gates.moved import Moved
from decisight.imaging import encode_png

pytestmark = pytest.mark.shared

Array = npt.NDArray[np.uint8]
CLIPS = ["car_entry_a", "person_doorway_a", "worker_zone_a"]


def frames(folder: Path, name: str) -> list[Array]:
    av = pytest.importorskip("av")
    with av.open(str(folder / f"video_clips/{name}.mp4")) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


def gate(picture: Array, folder: Path) -> Moved:
    path = folder / "reference.png"
    path.write_bytes(encode_png(picture))
    return Moved(str(path), every="1ms")


@pytest.mark.parametrize("name", CLIPS)
def test_one_that_hangs_still(shared_data: Path, tmp_path: Path, name: str) -> None:
    pictures = frames(shared_data, name)
    keeper = gate(pictures[0], tmp_path).keeper()
    found = [keeper.judge(picture, 2.0 * at) for at, picture in enumerate(pictures[::5])]
    assert [verdict for verdict in found if verdict] == []


@pytest.mark.parametrize("name", CLIPS)
@pytest.mark.parametrize(("down", "across"), [(0, 24), (0, -60), (14, 0), (-20, 20)])
def test_one_that_is_moved(shared_data: Path, tmp_path: Path, name: str, down: int, across: int) -> None:
    pictures = frames(shared_data, name)
    keeper = gate(pictures[0][30:240, 60:420], tmp_path).keeper()
    moved = [picture[30 + down : 240 + down, 60 + across : 420 + across] for picture in pictures[1::20]]
    found = [keeper.judge(moved[at % len(moved)], 2.0 * at) for at in range(8)]
    assert found[-1] is not None

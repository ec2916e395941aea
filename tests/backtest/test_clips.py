"""Clips below a folder, and the camera of each."""

from __future__ import annotations

from pathlib import Path

import pytest

from decisight.backtest import LabelledClip, camera_of, find_clips
from decisight.errors import DataError


def touch(folder: Path, *names: str) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return folder


def test_clips_are_videos_with_a_table_beside_them(tmp_path: Path) -> None:
    touch(tmp_path, "gate.mp4", "gate.csv", "sub/deep/bay.MKV", "sub/deep/bay.csv", "yard.webm", "notes.csv", "a.txt")
    touch(tmp_path, "sub/yard.csv", ".hidden/x.mp4", ".hidden/x.csv", ".y.mp4", ".y.csv")
    found = find_clips(tmp_path)
    assert [clip.name for clip in found.clips] == ["gate.mp4", "sub/deep/bay.MKV"]
    assert found.clips[1].table == tmp_path / "sub/deep/bay.csv"
    assert found.unlabelled == (tmp_path / "yard.webm",)
    assert found.stray == (tmp_path / "notes.csv", tmp_path / "sub/yard.csv")


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ((), "no labelled clip"),
        (("a.mp4", "b.csv"), "no labelled clip"),
        (("a.mp4", "a.mov", "a.csv"), "have one name"),
    ],
)
def test_folders_that_cannot_be_used(tmp_path: Path, names: tuple[str, ...], message: str) -> None:
    with pytest.raises(DataError, match=message):
        find_clips(touch(tmp_path, *names))


def test_what_is_no_folder(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="does not exist"):
        find_clips(tmp_path / "none")
    with pytest.raises(DataError, match="is a file, not a folder"):
        find_clips(touch(tmp_path, "a.mp4") / "a.mp4")


def clip(name: str) -> LabelledClip:
    return LabelledClip(name, Path(name), Path(name).with_suffix(".csv"))


def test_a_clip_is_of_the_camera_of_its_name_or_of_the_one_asked_for() -> None:
    assert camera_of(clip("sub/gate.mp4"), ("gate", "bay"), None, "site.yaml") == "gate"
    assert camera_of(clip("sub/gate.mp4"), ("gate", "bay"), "bay", "site.yaml") == "bay"


@pytest.mark.parametrize(("camera", "message"), [(None, "'yard' in site.yaml"), ("door", "'door' in site.yaml")])
def test_a_clip_of_no_camera_is_refused_and_the_cameras_are_named(camera: str | None, message: str) -> None:
    with pytest.raises(DataError, match=message) as raised:
        camera_of(clip("yard.mp4"), ("gate", "bay"), camera, "site.yaml")
    assert "gate, bay" in str(raised.value.hint)

"""``decisight predict --explain``: a file for every label that was given, and no other file touched."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.cli.conftest import WHITE, Run, picture


def answers(text: str) -> list[dict]:
    return [json.loads(line) for line in text.splitlines()]


def test_each_answer_names_what_was_drawn_of_it(run: Run, gear_model: Path, photos: Path, tmp_path: Path) -> None:
    (photos / "broken.jpg").write_bytes(b"nothing")
    done = run("predict", gear_model, photos, "--explain", tmp_path / "why", "--format", "jsonl")
    assert done.status == 1
    found = answers(done.out)
    files = [one["file"] for answer in found for one in answer.get("explanations", [])]
    assert len(set(files)) == len(files) == 15
    assert sorted(files) == sorted(map(str, (tmp_path / "why").iterdir()))
    (bright,) = [a for a in found if a["image"].endswith("bright2.png")]
    assert [(e["group"], e["label"]) for e in bright["explanations"]] == [
        ("helmet", "worn"),
        ("vest", "missing"),
        ("extras", "gloves"),
    ]
    assert [Path(e["file"]).name[6:] for e in bright["explanations"]] == [
        "-bright2-worn.jpg",
        "-bright2-missing.jpg",
        "-bright2-gloves.jpg",
    ]
    assert list(bright)[-1] == "explanations"
    (broken,) = [a for a in found if "error" in a]
    assert broken["image"].endswith("broken.jpg")
    for file in files:
        with Image.open(file) as drawn:
            assert (drawn.size, drawn.format) == ((32, 24), "JPEG")


def test_without_it_nothing_is_said_of_explanations(run: Run, small_model: Path, photos: Path) -> None:
    assert "explanations" not in run("predict", small_model, photos, "--format", "json").out


def test_regions_have_files_of_their_own(run: Run, small_model: Path, tmp_path: Path) -> None:
    pixels = np.zeros((40, 60, 3), np.uint8)
    pixels[:, 40:] = 255
    Image.fromarray(pixels).save(tmp_path / "half.png")
    boxes = {"the left": "0,0 0.5,0 0.5,1 0,1", "rechts/ö": "0.75,0 1,0 1,1 0.75,1"}
    asked = [part for name, corners in boxes.items() for part in ("--region", f"{name}={corners}")]
    done = run(
        "predict", small_model, tmp_path / "half.png", *asked, "--explain", tmp_path / "why", "-o", tmp_path / "a.json"
    )
    assert (done.status, done.err) == (0, "")
    left, right = json.loads((tmp_path / "a.json").read_text())
    assert [one["label"] for one in (*left["explanations"], *right["explanations"])] == ["dog", "cat"]
    assert sorted(os.listdir(tmp_path / "why")) == ["000001-half-the_left-dog.jpg", "000002-half-rechts_-cat.jpg"]


def test_large_pictures_are_drawn_smaller(run: Run, small_model: Path, tmp_path: Path) -> None:
    Image.new("RGB", (2600, 300), WHITE).save(tmp_path / "wide.jpg")
    run("predict", small_model, tmp_path / "wide.jpg", "--explain", tmp_path / "why")
    (file,) = (tmp_path / "why").iterdir()
    with Image.open(file) as drawn:
        assert drawn.size == (1280, 148)


def test_what_was_drawn_is_not_predicted_in_turn(run: Run, small_model: Path, photos: Path) -> None:
    for folder in ("explained", "zzz"):
        done = run("predict", small_model, photos, "--explain", photos / folder, "--format", "jsonl")
        assert len([a for a in answers(done.out) if folder not in a["image"]]) == len(answers(done.out))
        assert len(os.listdir(photos / folder)) == len(answers(done.out))


@pytest.mark.parametrize("name", ["a" * 200, "caf\udce9", "x\x1b[2J", "..%2f..", "-", "名前"])
def test_whatever_a_picture_is_called(run: Run, small_model: Path, tmp_path: Path, name: str) -> None:
    path = picture(tmp_path / "in" / f"{name}.png")
    done = run("predict", small_model, path, "--explain", tmp_path / "why", "--format", "jsonl")
    assert done.status == 0
    (file,) = os.listdir(tmp_path / "why")
    assert file.isascii()
    assert file.startswith("000001-")
    (answer,) = answers(done.out)
    assert answer["explanations"][0]["file"] == str(tmp_path / "why" / file)


@pytest.mark.parametrize(("place", "says"), [("photos", "is not empty"), ("a.txt", "is a file, not a folder")])
def test_a_folder_with_something_in_it_is_refused(
    run: Run, small_model: Path, photos: Path, tmp_path: Path, place: str, says: str
) -> None:
    (tmp_path / "a.txt").write_text("mine")
    before = {path: path.read_bytes() for path in photos.rglob("*.*")}
    done = run("predict", small_model, photos, "--explain", tmp_path / place)
    assert (done.status, done.out) == (2, "")
    assert says in done.err
    assert before == {path: path.read_bytes() for path in photos.rglob("*.*")}

"""``decisight explain``: what speaks for and against a label, in words, as JSON, and as a picture."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.cli.conftest import Run, picture
from tests.familiar import knowing

from decisight import load


@pytest.fixture
def half(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A picture that is bright on its right."""
    monkeypatch.chdir(tmp_path)
    pixels = np.zeros((90, 160, 3), np.uint8)
    pixels[:, 110:] = 255
    Image.fromarray(pixels).save(tmp_path / "half.png")
    return Path("half.png")


def test_it_says_what_speaks_for_the_top_label(run: Run, small_model: Path, half: Path) -> None:
    done = run("explain", small_model, half)
    assert (done.status, done.err) == (0, "")
    first, *sentences = done.out.splitlines()  # of one depth alone there is no line of depths
    top = load(small_model).predict(half).top()
    assert first.startswith(f"half.png: {top.label}, confidence {top.confidence:.4f}")
    assert sentences[0].startswith("  What is seen speaks ")
    assert "mostly in the" in sentences[1]
    assert sentences[2] == "  Its heads look at early depths alone (colour, texture, edges)."


def test_as_json_it_adds_up(run: Run, gear_model: Path, half: Path) -> None:
    done = run("explain", gear_model, half, "--label", "helmet:worn", "--label", "goggles", "--format", "json")
    answer = json.loads(done.out)
    assert answer["image"] == "half.png"
    assert answer["model"] == {"name": "gear", "digest": load(gear_model).file.graph_digest}
    assert answer["runtime"] == load(gear_model).runtime.to_json()
    assert (answer["evidence_runtime"]["name"], answer["evidence_runtime"]["precision"]) == ("onnxruntime", "fp32")
    assert [(e["group"], e["label"]) for e in answer["explanations"]] == [("helmet", "worn"), ("extras", "goggles")]
    for found in answer["explanations"]:
        assert found["baseline"] + sum(found["by_depth"].values()) == pytest.approx(found["logit"], abs=1e-4)
        assert found["evidence_confidence"] == pytest.approx(1.0 / (1.0 + np.exp(-found["logit"])), abs=1e-6)
        assert found["confidence"] == pytest.approx(found["evidence_confidence"], abs=0.02)
        assert np.sum(found["grid"]) + found["baseline"] == pytest.approx(found["logit"], abs=1e-4)
        assert found["early_share"] + found["late_share"] == pytest.approx(1.0)
        assert len(found["sentences"]) >= 3
    assert "output" not in answer


@pytest.mark.parametrize("name", ["heat.png", "heat.JPG"])
def test_a_sheet_shows_the_picture_and_each_label(run: Run, gear_model: Path, half: Path, name: str) -> None:
    done = run("explain", gear_model, half, "-o", name)
    assert (done.status, done.err) == (0, "")
    assert done.out.endswith(f"written to {name}\n")
    with Image.open(name) as sheet:
        assert sheet.format == {"heat.png": "PNG", "heat.JPG": "JPEG"}[name]
        pixels = np.asarray(sheet.convert("RGB")).astype(int)
    tinted = {"orange": pixels[..., 0] - pixels[..., 2] > 60, "blue": pixels[..., 2] - pixels[..., 0] > 60}
    assert all(where.sum() > 200 for where in tinted.values())
    assert run("explain", gear_model, half, "-o", "again.png").status == 0
    if name == "heat.png":
        assert Path("again.png").read_bytes() == Path(name).read_bytes()


def test_regions_are_explained_one_by_one(run: Run, small_model: Path, half: Path) -> None:
    boxes = {"left": "0,0 0.5,0 0.5,1 0,1", "right": "0.75,0 1,0 1,1 0.75,1"}
    asked = [part for name, corners in boxes.items() for part in ("--region", f"{name}={corners}")]
    done = run("explain", small_model, half, *asked, "--format", "json", "-o", "heat.png")
    answer = json.loads(done.out)
    assert [(e["region"], e["label"]) for e in answer["explanations"]] == [("left", "dog"), ("right", "cat")]
    assert answer["output"] == "heat.png"
    assert Path("heat.png").exists()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["nowhere.jpg"], "nowhere.jpg: does not exist"),
        (["."], "is a folder, not a picture"),
        (["."], "predict MODEL FOLDER --explain"),
        (["broken.jpg"], "broken.jpg: "),
        (["half.png", "--label", "cow"], "there is no label 'cow'"),
        (["half.png", "-o", "."], "no name of a picture"),
        (["half.png", "-o", "heat"], "no name of a picture"),
        (["half.png", "-o", "folder.png"], "folder.png is a folder"),
        (["half.png", "-o", "no/heat.png"], "there is no folder no"),
        (["half.png", "-o", "half.png"], "half.png is the picture: it would be lost"),
        (["half.png", "-o", "link.png"], "link.png is the picture: it would be lost"),
        (["half.png", "-o", "model.png"], "model.png is the model: it would be lost"),
        (["half.png", "--region", "a=0,0"], "the region 'a'"),
        (["half.png", "more.png"], "unexpected extra argument"),
    ],
)
def test_what_cannot_be_done_is_refused_and_nothing_is_lost(
    run: Run, small_model: Path, half: Path, arguments: list[str], says: str
) -> None:
    Path("broken.jpg").write_bytes(b"\xff\xd8\xff no picture")
    Path("folder.png").mkdir()
    Path("link.png").symlink_to(half)
    Path("model.png").symlink_to(small_model)
    before = half.read_bytes(), small_model.read_bytes()
    done = run("explain", small_model, *arguments)
    assert done.status == 2
    assert says in done.err
    assert done.out == ""
    assert (half.read_bytes(), small_model.read_bytes()) == before
    assert not Path("heat.png").exists()


def test_confidence_and_evidence_are_told_apart_where_they_differ(run: Run, small_model: Path, half: Path) -> None:
    exact = run("explain", small_model, half, "--runtime", "onnxruntime:fp32")
    assert "the evidence adds up to" not in exact.out
    assert "bf17" in run("explain", small_model, half, "--runtime", "onnxruntime:bf17").err


def test_an_unfamiliar_picture_is_said_to_be(run: Run, small_model: Path, half: Path, tmp_path: Path) -> None:
    model = knowing(small_model, tmp_path / "knowing.onnx")
    grey = picture(tmp_path / "grey.png", (128, 128, 128))
    assert "The picture is unfamiliar (familiarity 0.004)" in run("explain", model, grey).out
    assert json.loads(run("explain", model, grey, "--format", "json").out)["explanations"][0]["familiarity"] < 0.01
    white = picture(tmp_path / "white.png", (255, 255, 255))
    assert "is unfamiliar" not in run("explain", model, white).out


def test_more_than_a_sheet_can_show_is_refused(run: Run, small_model: Path, half: Path) -> None:
    regions = [part for i in range(25) for part in ("--region", f"r{i}=0,0 1,0 1,1")]
    done = run("explain", small_model, half, "-o", "heat.png", *regions)
    assert done.status == 2
    assert "25 explanations are too many for one sheet" in done.err
    assert not Path("heat.png").exists()


def test_names_from_outside_are_harmless(run: Run, small_model: Path, half: Path) -> None:
    evil = picture(Path("a\x1b[2J$x$.png"))
    done = run("explain", small_model, evil, "-o", "b\x1b[2J.png")
    assert done.status == 0
    assert "\x1b" not in done.out + done.err


def test_very_thin_pictures_can_be_drawn_on(run: Run, small_model: Path, half: Path) -> None:
    Image.new("RGB", (1, 700), (255, 255, 255)).save("thin.png")
    assert run("explain", small_model, "thin.png", "-o", "heat.png").status == 0

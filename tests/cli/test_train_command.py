"""``decisight train`` goes from labelled pictures to a model that predicts."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from .conftest import Run

QUICK = ("--fit", "stretch", "--depths", "last", "--pooling", "mean", "--no-mirror", "--strength", "10", "--folds", "2")
"""Everything given, so that nothing is left to choose."""


@pytest.fixture(scope="module")
def shades(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Noisy pictures, reddish or bluish, 12 a class; and some broken ones, not all of which are set aside."""
    folder, random = tmp_path_factory.mktemp("data") / "shades", np.random.default_rng(0)
    for label, colour in (("blue", (40, 60, 200)), ("red", (200, 60, 40))):
        (folder / label).mkdir(parents=True)
        for at in range(12):
            pixels = np.clip(random.normal(colour, 40, (48, 64, 3)), 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(folder / label / f"{at}.png")
    for at in range(5):
        (folder / "red" / f"broken{at}.jpg").write_bytes(b"\xff\xd8\xff" + bytes([at]))
    return folder


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache") / "features.sqlite3"


def test_the_whole_way(run: Run, shades: Path, cache: Path, tmp_path: Path) -> None:
    model = tmp_path / "shades.onnx"
    result = run("train", shades, "-o", model, *QUICK, "--cache", cache, "--threshold", "red=0.7", "--fallback", "ask")
    assert result.status == 0
    for said in ("What was chosen, and why", "95 % interval", "always the commonest answer", "precision", "How long"):
        assert said in result.out
    assert f"decisight predict {model} PICTURES" in result.out
    assert f"decisight evaluate {model} {shades}" in result.out
    assert " left out:" in result.err
    assert "broken" in result.err
    assert os.listdir(tmp_path) == ["shades.onnx"]

    (answer,) = json.loads(run("predict", model, shades / "blue" / "0.png", "--format", "json").out)
    assert answer["decision"]["state"] == "blue"
    facts = json.loads(run("info", model, "--json").out)
    assert (facts["thresholds"], facts["fallback"]) == ({"class:red": 0.7}, "ask")
    evaluation = json.loads(run("evaluate", model, shades, "--json", "-").out)["groups"]["class"]
    # What training set aside, and only that, is left to evaluate on.
    assert evaluation["n"] == 24 - facts["data"]["seen"] > 0


def test_the_report_as_json(run: Run, shades: Path, cache: Path, tmp_path: Path) -> None:
    model = tmp_path / "m.onnx"
    result = run("train", shades, "-o", model, *QUICK, "--cache", cache, "--name", "gate", "--format", "json")
    report = json.loads(result.out)
    assert report["model"]["name"] == "gate"
    assert report["pictures"] > 12
    assert list(report["evaluation"]["groups"]) == ["class"]
    assert report["skipped"]
    assert all("broken" in skipped["path"] for skipped in report["skipped"])
    assert report["seconds"]["total"] > 0


def test_a_cache_that_cannot_be_used_is_only_a_warning(run: Run, shades: Path, tmp_path: Path) -> None:
    (tmp_path / "cache").mkdir()
    result = run("train", shades, "-o", tmp_path / "m.onnx", *QUICK, "--cache", tmp_path / "cache")
    assert result.status == 0
    assert "warning: features are not kept" in result.err


def test_a_name_that_other_tools_may_not_know_is_only_a_warning(
    run: Run, shades: Path, cache: Path, tmp_path: Path
) -> None:
    result = run("train", shades, "-o", tmp_path / "model", *QUICK, "--cache", cache)
    assert result.status == 0
    assert "does not end in .onnx" in result.err


def test_interrupted_training_leaves_the_old_model(
    run: Run, monkeypatch: pytest.MonkeyPatch, shades: Path, tmp_path: Path
) -> None:
    from decisight.training import train

    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(train, "train", interrupted)
    model = tmp_path / "m.onnx"
    model.write_text("the old one")
    assert run("train", shades, "-o", model, "--no-cache").status == 130
    assert os.listdir(tmp_path) == ["m.onnx"]
    assert model.read_text() == "the old one"

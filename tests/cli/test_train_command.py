"""``decisight train`` goes from labelled pictures to a model that predicts."""

from __future__ import annotations

import json
import os
import shlex
import sqlite3
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from decisight import load
from decisight.cli.train import TrainRequest
from decisight.data.reading import read_dataset
from decisight.regions import Region, parse_region

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
    assert report["familiarity"] == load(model).card.familiarity
    assert report["familiarity"]["sources"] > 12
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


def test_a_database_of_another_program_is_named_with_what_to_do(run: Run, shades: Path, tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "accounts.db")
    connection.execute("CREATE TABLE accounts (owner TEXT)")
    connection.close()
    result = run("train", shades, "-o", tmp_path / "m.onnx", *QUICK, "--cache", tmp_path / "accounts.db")
    assert result.status == 0
    assert "accounts.db: it is the database of another program, and was left as it is" in result.err
    assert "hint: name a new file with --cache FILE" in result.err


class TestWhatNext:
    """Only what works is offered: each command is run as it stands."""

    def offered(self, out: str) -> list[list[str]]:
        lines = out.partition("What next:\n")[2].splitlines()
        return [shlex.split(line)[1:] for line in lines]

    def test_undivided_data(self, run: Run, shades: Path, cache: Path, tmp_path: Path) -> None:
        model = tmp_path / "it's a model.onnx"
        pattern = r"^(\d+)\."
        result = run("train", shades, "-o", model, *QUICK, "--cache", cache, "--source-pattern", pattern)
        predict, evaluate = self.offered(result.out)
        assert predict == ["predict", str(model), "PICTURES"]
        assert evaluate == ["evaluate", str(model), str(shades), f"--source-pattern={pattern}"]
        assert run(*evaluate).status == 0

    def test_nothing_is_left_to_evaluate_on(self, run: Run, shades: Path, cache: Path, tmp_path: Path) -> None:
        result = run("train", shades, "-o", tmp_path / "m.onnx", *QUICK, "--cache", cache, "--holdout", "0")
        assert [words[0] for words in self.offered(result.out)] == ["predict"]

    @pytest.mark.parametrize(
        ("parts", "extra"),
        [
            (("train",), None),
            (("train", "val"), ["--split=val"]),
            (("train", "val", "test"), []),
            (("train", "test"), []),
        ],
    )
    def test_divided_data(
        self, run: Run, shades: Path, cache: Path, tmp_path: Path, parts: tuple[str, ...], extra: list[str] | None
    ) -> None:
        pictures = sorted(shades.glob("*/*.png"))
        rows = [f"{path},{parts[at % len(parts)]},{path.parent.name},{at % 3}" for at, path in enumerate(pictures)]
        table = tmp_path / "-table.csv"
        table.write_text("\n".join(["file_name,split,colour,other", *rows]))
        result = run("train", table, "-o", tmp_path / "m.onnx", *QUICK, "--cache", cache, "--groups", "colour")
        evaluate = [words for words in self.offered(result.out) if words[0] == "evaluate"]
        if extra is None:
            assert evaluate == []
            return
        assert evaluate == [["evaluate", str(tmp_path / "m.onnx"), str(table), *extra[:1], "--groups=colour"]]
        assert run(*evaluate[0]).status == 0

    @pytest.mark.parametrize(
        ("path", "written"), [("m.onnx", "m.onnx"), ("-m.onnx", "./-m.onnx"), ("a b.onnx", "a b.onnx")]
    )
    def test_paths_are_operands(self, path: str, written: str) -> None:
        from decisight.cli.train import _operand

        assert _operand(Path(path)) == written

    def test_regions(self, shades: Path) -> None:
        from decisight.cli.train import _next_commands

        bay = Region("bay 1", ((0.0, 0.1), (1.0, 0.1), (1.0, 1 / 3)), masked=False)
        request = TrainRequest(shades, Path("m.onnx"), regions=(bay,))
        predict, evaluate = (shlex.split(line) for line in _next_commands(request, read_dataset(shades)))
        for words in (predict, evaluate):
            assert "--crop-only" in words
            (text,) = [word.removeprefix("--region=") for word in words if word.startswith("--region=")]
            assert parse_region(text, masked=False) == bay


def test_a_full_disk_is_told_before_training(
    run: Run, monkeypatch: pytest.MonkeyPatch, shades: Path, tmp_path: Path
) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=12_300_000))
    monkeypatch.setattr("decisight.training.train.train", None)
    result = run("train", shades, "-o", tmp_path / "m.onnx", "--no-cache")
    assert result.status != 0
    assert f"m.onnx cannot be written: only 12.3 MB are free in {tmp_path}" in result.err
    assert "hint: make room, or name another place" in result.err
    assert os.listdir(tmp_path) == []


def test_an_unwritable_place_is_told_before_training(
    run: Run, monkeypatch: pytest.MonkeyPatch, shades: Path, nobody: Path
) -> None:
    monkeypatch.setattr("decisight.training.train.train", None)
    nobody.chmod(0o500)
    result = run("train", shades, "-o", nobody / "m.onnx", "--no-cache")
    assert result.status != 0
    assert "m.onnx cannot be written" in result.err


def test_a_model_is_smaller_than_the_room_asked_for(run: Run, shades: Path, cache: Path, tmp_path: Path) -> None:
    from decisight.cli.train import _ROOM

    every = ("--depths", "all", "--pooling", "mean+max+halves", "--strength", "10", "--no-mirror", "--fit", "stretch")
    assert run("train", shades, "-o", tmp_path / "m.onnx", *every, "--cache", cache).status == 0
    assert (tmp_path / "m.onnx").stat().st_size < _ROOM


def test_what_is_left_out_is_named_once(run: Run, shades: Path, cache: Path, tmp_path: Path) -> None:
    result = run("train", shades, "-o", tmp_path / "m.onnx", *QUICK, "--cache", cache)
    lines = [line for line in result.err.splitlines() if "broken" in line]
    assert lines
    assert all(line.count(str(shades)) == 1 for line in lines)


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

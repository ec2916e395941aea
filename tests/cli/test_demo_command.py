"""``decisight demo``, whole, on few pictures."""

from __future__ import annotations

from pathlib import Path

import pytest

from decisight.cli import main
from decisight.imaging import read_image
from decisight.models.classifier import load

PLOTS = {
    f"{group}-{plot}.png"
    for group in ("role", "gear")
    for plot in ("confusion-matrix", "roc", "precision-recall", "reliability")
}


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("demo") / "gate demo"
    assert main(["demo", "-o", str(folder), "--pictures", "60"]) == 0
    return folder


def test_it_leaves_a_model_plots_and_a_picture_of_its_decisions(demo: Path) -> None:
    assert load(demo / "gate.onnx").card.thresholds == {f"role:{r}": 0.9 for r in ("operator", "supervisor", "visitor")}
    assert {path.name for path in (demo / "evaluation").iterdir()} == PLOTS
    assert read_image(demo / "decisions.png").shape == (740, 1260, 3)


def test_it_replaces_what_it_wrote_before_and_tells_the_whole_way(
    demo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (demo / "notes.txt").write_text("mine")
    (demo / "evaluation" / "old.png").write_bytes(b"")
    model = (demo / "gate.onnx").read_bytes()
    assert main(["demo", "-o", str(demo), "--pictures", "48"]) == 0
    assert (demo / "notes.txt").read_text() == "mine"
    assert {path.name for path in (demo / "evaluation").iterdir()} == PLOTS
    assert (demo / "gate.onnx").read_bytes() != model
    ours = {".decisight-demo", "gate", "gate.onnx", "evaluation", "decisions.png", "shift", "shift.onnx", "clips"}
    ours |= {"site.yaml", "events.jsonl", "demo.db", "demo.db.lock", "demo.key", "demo.evidence"}
    assert {path.name for path in demo.iterdir()} == {*ours, "notes.txt"}
    said = capsys.readouterr().out
    told = ("palace", "role:", "Confusion matrix", "fall-back", "decisions.png", "decisight predict")
    for words in (*told, "begins", "decisight replay", "decisight backtest"):
        assert words in said


def test_it_leaves_other_peoples_folders_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mine.txt").write_text("precious")
    assert main(["demo", "-o", str(tmp_path)]) == 2
    assert (tmp_path / "mine.txt").read_text() == "precious"
    said = capsys.readouterr().err
    assert "something in it" in said
    assert "-o FOLDER" in said

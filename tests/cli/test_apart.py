"""No command replaces what it reads, whatever name leads to it, and says so before the work begins."""

from __future__ import annotations

import csv
import json
import os
import shutil
from pathlib import Path

import pytest
from tests.cli.conftest import BLACK, WHITE, Run, picture

from decisight.cli.output import check_apart
from decisight.errors import OutputError

COMMANDS = {
    "evaluate --report": ("evaluate m.onnx own/predictions.csv --report own", "own/predictions.csv"),
    "evaluate -o": ("evaluate m.onnx own/predictions.csv -o own", "own/predictions.csv"),
    "evaluate --report, linked": ("evaluate m.onnx own/predictions.csv --report linked", "linked/predictions.csv"),
    "evaluate --json, data": ("evaluate m.onnx own/predictions.csv --json own/predictions.csv", "own/predictions.csv"),
    "evaluate --json, table": ("evaluate m.onnx folder --json folder/metadata.csv", "folder/metadata.csv"),
    "evaluate --json, costs": ("evaluate m.onnx folder --costs costs.yaml --json costs.yaml", "costs.yaml"),
    "evaluate --json, model": ("evaluate m.onnx folder --json m.onnx", "m.onnx"),
    "compare -o": ("compare m.onnx n.onnx own/pictures.csv -o own", "own/pictures.csv"),
    "compare --json": ("compare m.onnx n.onnx own/pictures.csv --json n.onnx", "n.onnx"),
    "compare --json, costs": ("compare m.onnx n.onnx folder --costs costs.yaml --json costs.yaml", "costs.yaml"),
    "tune, model": ("tune m.onnx folder --best f1 -o m.onnx", "m.onnx"),
    "explain, picture": ("explain m.onnx folder/0.png -o folder/0.png", "folder/0.png"),
    "audit -o": ("audit coco/audit.json -o coco", "coco/audit.json"),
    "predict -o": ("predict m.onnx folder/0.png -o m.onnx", "m.onnx"),
}


@pytest.fixture
def place(small_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Models, a folder of pictures with a table, and tables by the names that commands give to theirs."""
    monkeypatch.chdir(tmp_path)
    for name in ("m.onnx", "n.onnx"):
        shutil.copy(small_model, name)
    Path("own").mkdir()
    rows = [{"file_name": f"{at}.png", "class": "cat" if at % 2 else "dog"} for at in range(4)]
    for at in range(4):
        picture(Path("folder") / f"{at}.png", WHITE if at % 2 else BLACK, mark=at)
    for table, beside in (
        ("folder/metadata.csv", ""),
        ("own/predictions.csv", "../folder/"),
        ("own/pictures.csv", "../folder/"),
    ):
        with Path(table).open("w", newline="") as stream:
            lines = csv.DictWriter(stream, ["file_name", "class"])
            lines.writeheader()
            lines.writerows({**row, "file_name": beside + row["file_name"]} for row in rows)
    boxes = [{"image_id": at, "category_id": at % 2, "bbox": [0, 0, 9, 9]} for at in range(4)]
    coco = {
        "images": [{"id": at, "file_name": f"../folder/{at}.png", "width": 32, "height": 24} for at in range(4)],
        "categories": [{"id": at, "name": name} for at, name in enumerate(("dog", "cat"))],
        "annotations": [{"id": at, **box} for at, box in enumerate(boxes)],
    }
    Path("coco").mkdir()
    Path("coco/audit.json").write_text(json.dumps(coco))
    Path("costs.yaml").write_text("{dog: {cat: 500}, cat: {dog: 1}}")
    Path("linked").mkdir()
    os.link("own/predictions.csv", "linked/predictions.csv")
    return tmp_path


@pytest.mark.parametrize("case", COMMANDS)
def test_what_is_read_is_not_replaced(run: Run, place: Path, case: str) -> None:
    line, lost = COMMANDS[case]
    before = {path: path.read_bytes() for path in place.rglob("*") if path.is_file()}
    result = run(*line.split())
    assert result.status != 0
    assert lost in result.err
    assert "it would be lost" in result.err
    assert {path: path.read_bytes() for path in place.rglob("*") if path.is_file()} == before


def test_what_was_written_before_is_replaced(run: Run, place: Path) -> None:
    for _ in range(2):
        assert run("evaluate", "m.onnx", "folder", "-o", "folder", "--json", "folder/figures.json").status == 0


def test_names_of_no_file_are_passed_over(tmp_path: Path) -> None:
    there = tmp_path / "a.json"
    there.touch()
    given = {"the model": "imagenet:efficientnet_lite0", "the data": "a\0b", "the costs": None}
    check_apart([there, None, tmp_path / "new.json", tmp_path], given)
    with pytest.raises(OutputError, match=r"a\.json is the costs: it would be lost"):
        check_apart([there], {**given, "the costs": there})

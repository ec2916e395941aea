"""``decisight audit``: exit status, formats of data and of the report, and what it refuses."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from tests.cli.conftest import Run
from tests.drawn import drawn, encoded, save

HUES = {"blue": (40, 60, 220), "red": (220, 40, 40)}


@pytest.fixture
def shades(tmp_path: Path) -> Path:
    """Two labels, divided, without a fault but that they are few."""
    root = tmp_path / "shades"
    for at, (label, hue) in enumerate(HUES.items()):
        for split, count in (("train", 4), ("test", 2)):
            for number in range(count):
                seed = 100 * at + 50 * (split == "test") + number
                save(root / split / label / f"{number}.png", drawn(seed, (96, 80), hue=hue))
    return root


def leak(root: Path) -> None:
    (root / "test/red/again.png").write_bytes((root / "train/red/0.png").read_bytes())


def test_warnings_alone_end_well(run: Run, shades: Path) -> None:
    result = run("audit", shades, "--no-labels")
    assert result.status == 0
    assert "0 errors, 2 warnings" in result.out
    assert "decisight audit" in result.out.splitlines()[-1]


def test_an_error_is_the_exit_status(run: Run, shades: Path, tmp_path: Path) -> None:
    leak(shades)
    result = run("audit", shades, "--no-labels", "-o", tmp_path / "out", "--fix", tmp_path / "cleaned.csv")
    assert result.status == 1
    assert "ERROR: The same picture in two splits (1)" in result.out
    assert "12 pictures listed in" in result.out
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["audit.html", "audit.json"]
    assert json.loads((tmp_path / "out/audit.json").read_text())["errors"] == 1


def test_what_is_refused_by_training_is_mended_by_the_list(run: Run, shades: Path, tmp_path: Path) -> None:
    leak(shades)
    model, quick = tmp_path / "m.onnx", ("--fit", "stretch", "--depths", "last", "--pooling", "mean", "--no-mirror")
    refused = run("train", shades, "-o", model, *quick, "--folds", "2", "--no-cache")
    assert refused.status == 2
    assert "1 picture(s) stand in two splits (1 the very same file)" in refused.err
    assert "train/red/0.png and test/red/again.png" in refused.err
    assert f"decisight audit {shades} --fix cleaned.csv" in refused.err
    assert run("audit", shades, "--no-labels", "--fix", tmp_path / "cleaned.csv").status == 1
    for data, more in ((tmp_path / "cleaned.csv", ()), (shades, ("--allow-duplicates",))):
        learnt = run("train", data, "-o", model, *quick, "--folds", "2", "--no-cache", "--strength", "10", *more)
        assert learnt.status == 0, learnt.err


def test_json_is_all_that_is_printed(run: Run, shades: Path) -> None:
    leak(shades)
    result = run("audit", shades, "--no-labels", "--format", "json")
    values = json.loads(result.out)
    assert result.status == 1
    assert values["counts"] == {"copy_across_splits": 1, "scarce": 2}
    assert values["findings"][0]["pictures"] == ["test/red/again.png", "train/red/0.png"]


def test_a_page_by_its_name(run: Run, shades: Path, tmp_path: Path) -> None:
    page = tmp_path / "look.html"
    assert run("audit", shades, "--no-labels", "-o", page).status == 0
    assert page.read_text("utf-8").startswith("<!doctype html>")


def test_a_folder_with_a_dot_is_a_folder(run: Run, shades: Path, tmp_path: Path) -> None:
    result = run("audit", shades, "--no-labels", "-o", tmp_path / "out.v1")
    assert result.status == 0, result.err
    assert (tmp_path / "out.v1/audit.html").is_file()
    assert f"shown in {tmp_path / 'out.v1/audit.html'}" in result.out


def test_what_is_read_is_not_replaced(run: Run, shades: Path, tmp_path: Path) -> None:
    coco = {
        "images": [{"id": at, "file_name": f"{at}.png", "width": 96, "height": 80} for at in range(4)],
        "categories": [{"id": 1, "name": "cat"}, {"id": 2, "name": "dog"}],
        "annotations": [
            {"id": at, "image_id": at, "bbox": [0, 0, 90, 80], "category_id": 1 + at % 2} for at in range(4)
        ],
    }
    for at in range(4):
        save(tmp_path / f"coco/{at}.png", drawn(at, (96, 80)))
    labels = tmp_path / "coco/audit.json"
    labels.write_text(json.dumps(coco))
    refused = run("audit", labels, "--no-labels", "-o", tmp_path / "coco")
    assert refused.status == 2
    assert "it would be lost" in refused.err
    assert json.loads(labels.read_text()) == coco
    picture = shades / "train/red/0.png"
    (tmp_path / "out").mkdir()
    (tmp_path / "out/audit.html").symlink_to(picture)
    assert "it would be lost" in run("audit", shades, "--no-labels", "-o", tmp_path / "out").err


def test_what_can_be_done_next_keeps_what_was_asked_for(run: Run, shades: Path, tmp_path: Path) -> None:
    region = "view=0.1,0.1 0.9,0.1 0.9,0.9 0.1,0.9"
    result = run("audit", shades, "--no-labels", "--region", region, "--fix", tmp_path / "cleaned.csv")
    assert result.status == 0, result.err
    assert f"'--region={region}'" in next(line for line in result.out.splitlines() if line.startswith("To train"))
    again = next(line for line in result.out.splitlines() if line.startswith("To see"))
    assert "--no-labels" in again
    assert f"'--region={region}'" in again


def test_wrong_labels_are_looked_for(run: Run, shades: Path, tmp_path: Path) -> None:
    result = run("audit", shades, "--cache", tmp_path / "cache.sqlite3", "--folds", "2", "--format", "json")
    assert result.status == 0, result.err
    assert json.loads(result.out)["checked_for_wrong_labels"] == 12
    assert (tmp_path / "cache.sqlite3").is_file()


def test_boxes_of_coco_are_looked_at_and_no_list_can_be_made_of_them(run: Run, tmp_path: Path) -> None:
    wide = drawn(1, (200, 100))
    save(tmp_path / "one.png", wide)
    save(tmp_path / "two.jpg", wide, quality=80)
    boxes = [(1, [0, 0, 90, 100], 1), (1, [100, 0, 90, 100], 2), (2, [0, 0, 90, 100], 2), (2, [100, 0, 90, 12], 1)]
    coco = {
        "images": [
            {"id": at, "file_name": name, "width": 200, "height": 100} for at, name in ((1, "one.png"), (2, "two.jpg"))
        ],
        "categories": [{"id": 1, "name": "cat"}, {"id": 2, "name": "dog"}],
        "annotations": [
            {"id": at, "image_id": image, "bbox": bbox, "category_id": kind}
            for at, (image, bbox, kind) in enumerate(boxes)
        ],
    }
    table = tmp_path / "boxes.json"
    table.write_text(json.dumps(coco))
    result = run("audit", table, "--no-labels", "--format", "json")
    # Saved anew and labelled otherwise: worth a look, and no more than that is certain.
    assert result.status == 0, result.err
    values = json.loads(result.out)
    assert values["counts"]["alike_labelled_differently"] == 1
    assert values["counts"]["tiny"] == 1
    refused = run("audit", table, "--no-labels", "--fix", tmp_path / "cleaned.csv")
    assert refused.status == 2
    assert "the labels of" in refused.err
    assert not (tmp_path / "cleaned.csv").exists()


def test_pictures_within_a_parquet_file(run: Run, tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    pictures = [encoded(drawn(at, (96, 80)), "PNG") for at in range(5)]
    pictures[4] = pictures[0]
    pictures[3] = b"no picture"
    table = pa.table(
        {
            "image": [{"bytes": content, "path": f"{at}.png"} for at, content in enumerate(pictures)],
            "label": ["a", "b", "a", "b", "b"],
        }
    )
    parquet.write_table(table, tmp_path / "data.parquet")
    result = run("audit", tmp_path / "data.parquet", "--no-labels", "--format", "json")
    assert result.status == 1, result.err
    counts = json.loads(result.out)["counts"]
    assert counts == {"unreadable": 1, "copy_labelled_differently": 1, "scarce": 2}
    assert run("audit", tmp_path / "data.parquet", "--no-labels", "-o", tmp_path / "page.html").status == 1
    refused = run("audit", tmp_path / "data.parquet", "--fix", tmp_path / "cleaned.csv")
    assert refused.status == 2
    assert "lie within it" in refused.err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["nowhere"], "nowhere: does not exist"),
        (["empty"], "empty"),
        (["one.png"], "is one picture"),
        (["one"], "one"),
        (["shades", "--drop-suspects"], "--drop-suspects is for the cleaned list"),
        (["shades", "--folds", "1"], "--folds is 1"),
        (["shades", "--backbone", "nothing"], "nothing"),
        (["shades", "-o", "nowhere/audit.html"], "there is no folder"),
        (["shades", "--fix", "nowhere/c.csv"], "there is no folder"),
        (["shades", "--fix", "shades"], "is a folder"),
        (["shades", "--groups", "size"], "the one label group 'class'"),
    ],
)
def test_what_is_refused(
    run: Run, shades: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], says: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    save(tmp_path / "one.png", drawn(1))
    save(tmp_path / "one/only/0.png", drawn(1))
    result = run("audit", *arguments)
    assert result.status == 2
    assert says in result.err


def test_the_list_tells_how_to_train_where_labels_are_independent(run: Run, tmp_path: Path) -> None:
    with (tmp_path / "metadata.csv").open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["file_name", "marks"])
        for at in range(6):
            save(tmp_path / f"{at}.png", drawn(at, (96, 80)))
            writer.writerow([f"{at}.png", "ab"[at % 2]])
    result = run("audit", tmp_path, "--no-labels", "--independent", "marks", "--fix", tmp_path / "cleaned.csv")
    assert "--independent=marks" in result.out

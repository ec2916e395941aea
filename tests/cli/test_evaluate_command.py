"""``decisight evaluate`` judges a model on what it has not learnt from."""

from __future__ import annotations

import base64
import csv
import dataclasses
import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from PIL import Image

from decisight.cli import main
from decisight.cli.evaluate import EvaluateOptions
from decisight.cli.evaluate import run as evaluate
from decisight.cli.regions import RegionRequest
from decisight.errors import UsageError
from decisight.models.classifier import load
from decisight.models.model_file import read_model, seal, with_card, write_model
from decisight.regions import Region

from .conftest import BLACK, WHITE, Run, picture


@pytest.fixture
def animals(tmp_path: Path) -> Path:
    """Undivided: 6 bright pictures called cat, of which one is dark, and 5 dark ones called dog."""
    folder = tmp_path / "animals"
    for at in range(6):
        picture(folder / "cat" / f"{at}.png", BLACK if at == 5 else WHITE, mark=at)
    for at in range(5):
        picture(folder / "dog" / f"{at}.png", BLACK, mark=10 + at)
    return folder


@pytest.fixture
def divided(tmp_path: Path) -> Path:
    folder = tmp_path / "divided"
    for number, split in enumerate(("train", "val", "test")):
        for at in range(4):
            picture(folder / split / "cat" / f"{at}.png", WHITE, mark=20 * number + at)
            picture(folder / split / "dog" / f"{at}.png", BLACK, mark=20 * number + at)
    return folder


def having_seen(model: Path, target: Path, pictures: Iterable[Path]) -> Path:
    """The same model, saying that it was trained on these pictures."""
    file = read_model(model)
    prefixes = b"".join(hashlib.sha256(path.read_bytes()).digest()[:8] for path in pictures)
    card = dataclasses.replace(file.card, data={"seen": base64.b64encode(prefixes).decode()})
    write_model(target, seal(onnx.ModelProto.FromString(file.graph), card))
    return target


def figures(text: str, group: str = "class") -> dict[str, Any]:
    found: dict[str, Any] = json.loads(text)["groups"][group]
    return found


def test_json_alone_is_all_of_standard_output(run: Run, small_model: Path, animals: Path) -> None:
    result = run("evaluate", small_model, animals, "--json", "-")
    found = figures(result.out)
    assert result.status == 0
    assert found["n"] == 11
    assert found["labels"] == ["cat", "dog"]
    assert found["confusion_matrix"] == [[5, 1], [0, 5]]
    assert found["accuracy"]["value"] == pytest.approx(10 / 11)
    assert found["accuracy"]["low"] < 10 / 11 < found["accuracy"]["high"]
    assert found["per_class"]["cat"]["recall"]["value"] == pytest.approx(5 / 6)
    assert {"balanced_accuracy", "macro_f1", "roc_auc", "average_precision", "ece"} <= set(found)


def test_text_has_the_figures_and_what_they_mean(run: Run, small_model: Path, animals: Path) -> None:
    result = run("evaluate", small_model, animals)
    assert result.out.startswith(f"small on {animals}: 11 pictures\n")
    for said in ("balanced accuracy", "0.909", "95 % interval", "Confusion matrix", "always the commonest answer"):
        assert said in result.out


def test_a_folder_gets_figures_plots_and_predictions(run: Run, gear_model: Path, tmp_path: Path) -> None:
    for name, colour in (("a", WHITE), ("b", BLACK), ("c", WHITE)):
        picture(tmp_path / "gear" / f"{name}.png", colour)
    table = tmp_path / "gear" / "metadata.csv"
    table.write_text("file_name,helmet,extras\na.png,worn,gloves\nb.png,missing,goggles\nc.png,,-\n")
    folder, target = tmp_path / "results" / "first", tmp_path / "figures.json"
    result = run("evaluate", gear_model, tmp_path / "gear", "-o", folder, "--json", target)
    assert result.status == 0
    assert (folder / "evaluation.json").read_text() == target.read_text()
    assert set(json.loads(target.read_text())["groups"]) == {"helmet", "extras"}
    plots = {path.name for path in folder.glob("*.png")}
    assert {"helmet-confusion-matrix.png", "extras-confusion-matrix.png", "helmet-roc.png"} <= plots
    assert {"helmet-precision-recall.png", "helmet-reliability.png"} <= plots
    predictions = list(csv.DictReader((folder / "predictions.csv").read_text().splitlines()))
    assert [row["helmet.actual"] for row in predictions] == ["worn", "missing", ""]
    assert [row["helmet.state"] for row in predictions] == ["worn", "missing", "worn"]
    assert [row["extras.actual"] for row in predictions] == ["gloves", "goggles", "-"]
    assert "vest: no picture has a known label" in result.out


@pytest.mark.parametrize(("options", "pictures"), [([], 8), (["--split", "train"], 8), (["--split", "all"], 24)])
def test_the_test_split_unless_another_is_asked_for(
    run: Run, small_model: Path, divided: Path, options: list[str], pictures: int
) -> None:
    result = run("evaluate", small_model, divided, *options, "--json", "-")
    assert figures(result.out)["n"] == pictures


def test_a_split_that_is_not_there_is_named_with_those_that_are(run: Run, small_model: Path, divided: Path) -> None:
    for path in (divided / "test").rglob("*.png"):
        path.unlink()
    for folder in ("cat", "dog", "."):
        (divided / "test" / folder).rmdir()
    result = run("evaluate", small_model, divided)
    assert result.status == 2
    assert "no split 'test'; it has: train, val" in result.err
    assert "hint: for example --split val" in result.err


def test_undivided_data_has_no_split(run: Run, small_model: Path, animals: Path) -> None:
    result = run("evaluate", small_model, animals, "--split", "test")
    assert result.status == 2
    assert "is not divided" in result.err
    assert "leave out --split" in result.err


def test_pictures_seen_in_training_are_passed_over(run: Run, small_model: Path, animals: Path, tmp_path: Path) -> None:
    model = having_seen(small_model, tmp_path / "seen.onnx", sorted((animals / "cat").iterdir())[:4])
    assert figures(run("evaluate", model, animals, "--json", "-").out)["n"] == 7
    assert "4 seen in training are passed over" in run("evaluate", model, animals).out


def test_pictures_seen_in_training_can_be_asked_for(
    run: Run, small_model: Path, animals: Path, divided: Path, tmp_path: Path
) -> None:
    everything = having_seen(small_model, tmp_path / "seen.onnx", [*animals.rglob("*.png"), *divided.rglob("*.png")])
    for arguments, pictures in (([animals, "--split", "all"], 11), ([divided], 8)):
        result = run("evaluate", everything, *arguments, "--json", "-")
        assert figures(result.out)["n"] == pictures
        assert f"warning: {pictures} of {pictures} pictures were seen in training" in result.err


def test_nothing_left_to_judge_by_is_refused(run: Run, small_model: Path, animals: Path, tmp_path: Path) -> None:
    model = having_seen(small_model, tmp_path / "seen.onnx", animals.rglob("*.png"))
    result = run("evaluate", model, animals)
    assert result.status == 2
    assert "all of the 11 pictures that can be read were seen in training" in result.err
    assert "--split all" in result.err


def test_unreadable_pictures_are_named_and_left_out(run: Run, small_model: Path, animals: Path) -> None:
    (animals / "cat" / "empty.jpg").touch()
    (animals / "dog" / "text.png").write_text("this is text")
    result = run("evaluate", small_model, animals, "--json", "-")
    assert result.status == 0
    assert figures(result.out)["n"] == 11
    assert "warning: 2 left out:" in result.err
    assert "empty.jpg: the file is empty" in result.err
    assert "text.png: it is not a picture" in result.err


def test_nothing_readable_is_refused(run: Run, small_model: Path, tmp_path: Path) -> None:
    for label in ("cat", "dog"):
        (tmp_path / "bad" / label).mkdir(parents=True)
        (tmp_path / "bad" / label / "a.jpg").touch()
    result = run("evaluate", small_model, tmp_path / "bad")
    assert result.status == 2
    assert "none of the 2 pictures could be read" in result.err


def test_thresholds_say_what_they_let_through(run: Run, small_model: Path, animals: Path) -> None:
    result = run("evaluate", small_model, animals, "--threshold", "dog=1", "--json", animals.parent / "found.json")
    accepted = json.loads((animals.parent / "found.json").read_text())["accepted"]["class"]
    assert (accepted["accepted"], accepted["known"]) == (5, 11)
    assert accepted["share"]["value"] == pytest.approx(5 / 11)
    share, accuracy = (
        f"{figure['value']:.3f} ({figure['low']:.3f} to {figure['high']:.3f})"
        for figure in (accepted["share"], accepted["accuracy"])
    )
    assert (
        f"class: with the thresholds (dog 1) 5 of 11 pictures are decided, {share}; of these 5 are right, {accuracy}; "
        "the others are 'unknown'."
    ) in " ".join(result.out.split())


def test_sources_widen_the_interval_of_the_accepted_share(run: Run, small_model: Path, animals: Path) -> None:
    for path in animals.rglob("*.png"):
        path.rename(path.with_name(f"clip{path.parent.name}_{path.name}"))
    arguments = ["evaluate", small_model, animals, "--threshold", "dog=1", "--json", "-"]
    alone, together = (
        json.loads(run(*arguments, *more).out)["accepted"]["class"]["share"]
        for more in ([], ["--source-pattern", r"^clip(\w+)_"])
    )
    assert together["value"] == alone["value"]
    assert together["high"] - together["low"] > alone["high"] - alone["low"]


def test_the_json_says_what_was_judged_by_what(run: Run, small_model: Path, divided: Path) -> None:
    (divided / "test" / "cat" / "empty.jpg").touch()
    found = json.loads(run("evaluate", small_model, divided, "--threshold", "dog=0.75", "--json", "-").out)
    model = load(small_model)
    assert list(found)[-1] == "groups"
    assert found["model"] == {"name": "small", "digest": model.file.graph_digest}
    assert found["runtime"] == model.runtime.to_json()
    assert found["data"] == str(divided)
    assert found["split"] == "test"
    assert found["regions"] == {}
    assert (found["pictures"], found["seen_in_training"], found["left_out"]) == (8, 0, 1)
    assert found["thresholds"] == {"class:cat": 0.0, "class:dog": 0.75}
    assert found["fallback"] == "unknown"
    assert found["accepted"]["class"]["accepted"] == 8
    page = (Path(__file__).resolve().parents[2] / "docs" / "evaluate.md").read_text("utf-8")
    assert [key for key in found if f"`{key}`" not in page] == []


def test_undivided_data_are_of_no_split(run: Run, small_model: Path, animals: Path) -> None:
    assert json.loads(run("evaluate", small_model, animals, "--json", "-").out)["split"] is None


@pytest.mark.parametrize(
    ("thresholds", "expected", "said"),
    [
        ([], {"gloves": 0.5, "goggles": 0.5}, None),
        (["gloves=0.9"], {"gloves": 0.9, "goggles": 0.5}, "confidences on: gloves 0.9, the others from 0.5."),
        (["gloves=0.9", "goggles=0.2"], {"gloves": 0.9, "goggles": 0.2}, "confidences on: gloves 0.9, goggles 0.2."),
    ],
)
def test_thresholds_of_an_independent_group_are_recorded(
    run: Run,
    gear_model: Path,
    tmp_path: Path,
    thresholds: list[str],
    expected: dict[str, float],
    said: str | None,
) -> None:
    for name, colour in (("a", WHITE), ("b", BLACK)):
        picture(tmp_path / "gear" / f"{name}.png", colour)
    (tmp_path / "gear" / "metadata.csv").write_text("file_name,extras\na.png,gloves\nb.png,goggles\n")
    options = [option for threshold in thresholds for option in ("--threshold", threshold)]
    result = run("evaluate", gear_model, tmp_path / "gear", *options, "--json", tmp_path / "found.json")
    found = json.loads((tmp_path / "found.json").read_text())
    assert {name: found["thresholds"][f"extras:{name}"] for name in expected} == expected
    assert "extras" not in found["accepted"]  # every picture is decided
    printed = " ".join(result.out.split())
    assert ("labels are predicted from these" in printed) == (said is not None)
    assert said is None or f"extras: labels are predicted from these {said}" in printed


def asked(*regions: Region) -> RegionRequest:
    """As the command is given them."""
    return RegionRequest([f"{region.name}={' '.join(f'{x},{y}' for x, y in region.polygon)}" for region in regions])


def test_only_the_region_is_judged(small_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for number, label in enumerate(("cat", "dog")):
        pixels = np.full((24, 32, 3), 255 - 255 * number, np.uint8)
        pixels[:, 16:] = 255 * number  # the other half says the contrary
        path = tmp_path / "halves" / label / "a.png"
        path.parent.mkdir(parents=True)
        Image.fromarray(pixels).save(path)
    found = {}
    for name, left in (("left", 0.0), ("right", 0.5)):
        region, folder = Region.box(name, left, 0.0, left + 0.5, 1.0), tmp_path / name
        options = EvaluateOptions(str(small_model), tmp_path / "halves", folder=folder, regions=asked(region))
        assert evaluate(options) == 0
        assert f"halves, region {name}: 2 pictures" in capsys.readouterr().out
        written = json.loads((folder / "evaluation.json").read_text())
        assert written["regions"] == {name: region.text}
        found[name] = written["groups"]["class"]["accuracy"]["value"]
        rows = list(csv.DictReader((folder / "predictions.csv").read_text().splitlines()))
        assert [row["region"] for row in rows] == [name, name]
    assert found == {"left": 1.0, "right": 0.0}


def test_a_region_that_is_hardly_there_is_warned_of(
    small_model: Path, animals: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    region = Region.box("dot", 0.0, 0.0, 0.1, 0.1)
    assert evaluate(EvaluateOptions(str(small_model), animals, regions=asked(region))) == 0
    assert "warning: the region 'dot' is only" in capsys.readouterr().err


def test_pictures_of_other_proportions_than_the_reference_are_warned_of(
    run: Run, small_model: Path, animals: Path
) -> None:
    region = ("--region", "all=0,0 1280,0 1280,720 0,720")
    said = run("evaluate", small_model, animals, *region, "--reference", "1280x720").err
    assert "has other proportions than --reference 1280x720" in said


def test_a_model_that_learnt_from_a_region_is_not_meant_for_whole_pictures(
    run: Run, small_model: Path, animals: Path, tmp_path: Path
) -> None:
    file = read_model(small_model)
    data = {"regions": {"bay": {"polygon": [[0, 0], [1, 0], [1, 1]], "masked": True}}}
    write_model(tmp_path / "bay.onnx", with_card(file, dataclasses.replace(file.card, data=data)))
    assert "learnt from a region of its pictures ('bay')" in run("evaluate", tmp_path / "bay.onnx", animals).err


def test_several_regions_are_refused(small_model: Path, animals: Path) -> None:
    regions = asked(*(Region.box(name, 0.0, 0.0, 0.5, 1.0) for name in ("a", "b")))
    with pytest.raises(UsageError, match="2 regions are given"):
        evaluate(EvaluateOptions(str(small_model), animals, regions=regions))


def test_thresholds_of_an_independent_group_change_its_figures(run: Run, gear_model: Path, tmp_path: Path) -> None:
    for name, colour in (("a", WHITE), ("b", BLACK)):
        picture(tmp_path / "gear" / f"{name}.png", colour)
    (tmp_path / "gear" / "metadata.csv").write_text("file_name,extras\na.png,gloves\nb.png,goggles\n")
    arguments = ["evaluate", gear_model, tmp_path / "gear", "--json", "-"]
    assert figures(run(*arguments).out, "extras")["accuracy"]["value"] == 1.0
    strict = figures(run(*arguments, "--threshold", "gloves=1").out, "extras")
    assert strict["confusion_matrix"] == {"gloves": [[1, 0], [1, 0]], "goggles": [[1, 0], [0, 1]]}


def test_groups_can_be_chosen(run: Run, gear_model: Path, tmp_path: Path) -> None:
    picture(tmp_path / "gear" / "a.png")
    picture(tmp_path / "gear" / "b.png", BLACK)
    (tmp_path / "gear" / "metadata.csv").write_text("file_name,helmet,vest\na.png,worn,missing\nb.png,missing,worn\n")
    result = run("evaluate", gear_model, tmp_path / "gear", "--groups", "vest", "--json", "-")
    assert list(json.loads(result.out)["groups"]) == ["vest"]


def test_sources_widen_the_intervals(run: Run, small_model: Path, animals: Path) -> None:
    for path in animals.rglob("*.png"):
        path.rename(path.with_name(f"clip{path.parent.name}_{path.name}"))
    alone = figures(run("evaluate", small_model, animals, "--json", "-").out)
    together = figures(run("evaluate", small_model, animals, "--json", "-", "--source-pattern", r"^clip(\w+)_").out)
    assert together["sources"] == 2
    assert together["accuracy"]["low"] < alone["accuracy"]["low"]


@pytest.mark.parametrize(
    ("options", "warned"), [([], True), (["--split", "val"], False), (["--split", "train"], False)]
)
def test_sources_that_were_learnt_from_are_told(
    run: Run, small_model: Path, divided: Path, options: list[str], warned: bool
) -> None:
    for path in divided.rglob("*.png"):
        shared = path.stem in "01" and "val" not in path.parts
        path.rename(path.with_name(f"{'clip' if shared else path.parts[-3]}{path.stem}_{path.name}"))
    result = run("evaluate", small_model, divided, "--source-pattern", "^(.+)_", *options)
    assert result.status == 0
    said = "warning: 2 source(s) have pictures in train as well as in test (clip0, clip1): the figures flatter"
    assert (said in result.err) == warned
    assert ("as well as" in result.err) == warned


@pytest.mark.parametrize("name", ["model.onnx", "photo.jpg"])
def test_figures_never_replace_the_model_or_a_picture(
    small_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    precious = tmp_path / name
    precious.write_bytes(small_model.read_bytes())
    before = precious.read_bytes()
    model = precious if name.endswith(".onnx") else small_model
    assert main(["evaluate", str(model), str(tmp_path), "--json", str(precious)]) == 2
    assert precious.read_bytes() == before
    assert "hint:" in capsys.readouterr().err

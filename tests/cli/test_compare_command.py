"""``decisight compare`` puts two models beside each other on what neither has learnt from."""

from __future__ import annotations

import base64
import csv
import dataclasses
import hashlib
import json
import re
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from decisight.models.model_file import read_model, seal, write_model
from decisight.types import LabelGroup, Task

from .conftest import BLACK, WHITE, Run, picture

GREY = (90, 90, 90)


def altered(model: Path, target: Path, *, shift: float = 0.0, group: str = "class", **card: Any) -> Path:
    """The same model with the logit of the group's first label shifted, and with another card."""
    file = read_model(model)
    graph = onnx.ModelProto.FromString(file.graph)
    for tensor in graph.graph.initializer:
        if tensor.name == f"head/{group}/bias":
            bias = numpy_helper.to_array(tensor).copy()
            bias[0] += shift
            tensor.CopyFrom(numpy_helper.from_array(bias, tensor.name))
    values = {"name": target.stem, **card}
    write_model(target, seal(graph, dataclasses.replace(file.card, **values)))
    return target


def seen(pictures: Iterable[Path]) -> dict[str, str]:
    """What a card says that was trained on these pictures."""
    digests = b"".join(hashlib.sha256(path.read_bytes()).digest()[:8] for path in pictures)
    return {"seen": base64.b64encode(digests).decode()}


@pytest.fixture
def keen(small_model: Path, tmp_path: Path) -> Path:
    """Calls everything a cat that is not quite black."""
    return altered(small_model, tmp_path / "keen.onnx", shift=6.0)


@pytest.fixture
def animals(tmp_path: Path) -> Path:
    """Undivided: 6 bright cats and 3 grey ones, and 5 dark dogs."""
    folder = tmp_path / "animals"
    for at in range(9):
        picture(folder / "cat" / f"{at}.png", WHITE if at < 6 else GREY, mark=at)
    for at in range(5):
        picture(folder / "dog" / f"{at}.png", BLACK, mark=10 + at)
    return folder


def test_text_has_both_models_the_differences_and_the_pictures(
    run: Run, small_model: Path, keen: Path, animals: Path
) -> None:
    result = run("compare", small_model, keen, animals)
    assert result.status == 0
    assert [line.split(" does not say which pictures")[0] for line in result.err.splitlines()] == [
        "warning: A",
        "warning: B",
    ]
    assert result.out.startswith(f"A  small  {small_model}\nB  keen  {keen}\non {animals}: 14 pictures\n")
    lines = {line[:26].strip(): line[26:].split() for line in result.out.splitlines()}
    assert lines["accuracy"][:3] == ["0.786", "1.000", "+0.214"]
    assert lines["recall of cat"][:3] == ["0.667", "1.000", "+0.333"]
    assert lines["recall of dog"][:3] == ["1.000", "1.000", "+0.000"]
    assert "only A is right on 0, only B on 3" in " ".join(result.out.split())
    named = result.out.partition("Only B is right:\n")[2].splitlines()
    assert [line.split()[0] for line in sorted(named)] == [str(animals / f"cat/{at}.png") for at in (6, 7, 8)]
    assert named[0].split()[1:4] == ["cat:", "A", "says"]
    assert "Only A is right" not in result.out


def test_json_alone_is_all_of_standard_output(run: Run, small_model: Path, keen: Path, animals: Path) -> None:
    result = run("compare", keen, small_model, animals, "--json", "-")
    found = json.loads(result.out)
    assert result.status == 0
    assert (found["a"]["name"], found["b"]["name"]) == ("keen", "small")
    assert found["a"]["digest"] != found["b"]["digest"]
    assert (found["pictures"], found["passed_over"], found["required"], found["not_compared"]) == (14, 0, None, {})
    group = found["groups"]["class"]
    assert group["accuracy"]["difference"] == pytest.approx(-3 / 14)
    assert group["accuracy"]["low"] < -3 / 14 < group["accuracy"]["high"]
    assert group["right"] == {"both": 11, "only_a": 3, "only_b": 0, "neither": 0}
    assert group["mcnemar"] == {"p_value": 0.25, "p_value_by_picture": 0.25}
    assert [row["file"][-5:] for row in sorted(found["won"]["class"]["a"], key=lambda row: row["file"])] == [
        "6.png",
        "7.png",
        "8.png",
    ]
    assert found["won"]["class"]["b"] == []


def test_a_folder_gets_the_comparison_and_every_picture(
    run: Run, small_model: Path, keen: Path, animals: Path, tmp_path: Path
) -> None:
    folder, target = tmp_path / "results" / "first", tmp_path / "comparison.json"
    result = run("compare", small_model, keen, animals, "-o", folder, "--json", target)
    assert result.status == 0
    assert (folder / "comparison.json").read_text() == target.read_text()
    rows = list(csv.DictReader((folder / "pictures.csv").read_text().splitlines()))
    assert len(rows) == 14
    grey = next(row for row in rows if row["file"].endswith("7.png"))
    assert (grey["actual"], grey["a"], grey["b"], grey["only_right"]) == ("cat", "dog", "cat", "b")
    assert (grey["a_right"], grey["b_right"]) == ("0", "1")
    assert 0.5 < float(grey["a_confidence"]) < 1.0
    assert {row["only_right"] for row in rows} == {"", "b"}


@pytest.mark.parametrize(
    ("options", "status", "said"),
    [
        (["--require", "better"], 1, "better in class: NOT MET"),
        (["--require", "not-worse", "--metric", "log_loss", "--margin", "9"], 1, "from 14 sources, and fewer than 20"),
        (["--require", "not-worse", "--margin", "0.2"], 0, "not-worse in class: met"),
        (["--require", "not-worse", "--margin", "2"], 2, "say 0.02 for 2 points"),
        (["--require", "not-worse", "--metric", "recall:dog", "--margin", "0.5"], 0, "not-worse in class: met"),
        (["--require", "not-worse", "--metric", "recall:dog"], 1, "not-worse in class: NOT MET"),
        (["--require", "not-worse", "--metric", "recall:cow"], 2, "no label 'cow'"),
        (["--require", "better", "--metric", "f1"], 2, "there is no metric 'f1'"),
        (["--require", "better", "--metric", "cost"], 2, "give --costs FILE"),
        (["--metric", "accuracy"], 2, "--metric says what --require is of"),
        (["--margin", "0.1"], 2, "--margin says what --require is of"),
    ],
)
def test_what_is_required_sets_the_status(
    run: Run, small_model: Path, keen: Path, animals: Path, options: Sequence[str], status: int, said: str
) -> None:
    result = run("compare", small_model, keen, animals, *options)
    assert result.status == status
    assert said in result.out + result.err


def test_what_is_required_stands_in_the_json(run: Run, small_model: Path, keen: Path, animals: Path) -> None:
    result = run("compare", keen, small_model, animals, "--require", "not-worse", "--json", "-")
    required = json.loads(result.out)["required"]
    assert result.status == 1
    assert required == {
        "require": "not-worse",
        "metric": "accuracy",
        "margin": 0.02,
        "met": False,
        "groups": {"class": False},
    }


def test_a_model_beside_itself(run: Run, small_model: Path, animals: Path, tmp_path: Path) -> None:
    shutil.copy(small_model, tmp_path / "copy.onnx")
    result = run("compare", small_model, tmp_path / "copy.onnx", animals, "--require", "not-worse")
    assert result.status == 0
    assert "warning: A and B are one model" in result.err
    assert "+0.000 to +0.000" in result.out
    assert run("compare", small_model, small_model, animals, "--require", "better").status == 1


def test_models_that_differ_in_their_rules_only(run: Run, small_model: Path, animals: Path, tmp_path: Path) -> None:
    careful = altered(small_model, tmp_path / "careful.onnx", thresholds={"class:dog": 0.999999})
    result = run("compare", small_model, careful, animals, "--json", "-")
    assert "differ in their rules only" in result.err
    group = json.loads(result.out)["groups"]["class"]
    assert group["accuracy"]["difference"] == 0.0
    assert (group["accepted_share"]["a"], group["accepted_share"]["b"]) == (1.0, pytest.approx(6 / 14))
    assert (group["accepted_accuracy"]["a"], group["accepted_accuracy"]["b"]) == (pytest.approx(11 / 14), 1.0)


def test_pictures_that_either_has_seen_are_passed_over(
    run: Run, small_model: Path, keen: Path, animals: Path, tmp_path: Path
) -> None:
    a = altered(small_model, tmp_path / "a.onnx", data=seen([animals / "cat/0.png", animals / "dog/0.png"]))
    b = altered(keen, tmp_path / "b.onnx", data=seen([animals / "cat/0.png", animals / "cat/7.png"]))
    result = run("compare", a, b, animals, "--json", "-")
    found = json.loads(result.out)
    assert (found["pictures"], found["passed_over"], result.err) == (11, 3, "")
    flattered = run("compare", a, b, animals, "--split", "all")
    assert "2 of 14 pictures were seen in training by A" in flattered.err
    assert "2 of 14 pictures were seen in training by B" in flattered.err
    assert "14 pictures\n" in flattered.out


def test_all_of_them_seen(run: Run, small_model: Path, keen: Path, animals: Path, tmp_path: Path) -> None:
    a = altered(small_model, tmp_path / "a.onnx", data=seen(animals.rglob("*.png")))
    result = run("compare", a, keen, animals)
    assert result.status == 2
    assert "all of the 14 pictures that can be read were seen in training" in result.err


def test_only_groups_and_labels_in_common_are_compared(run: Run, gear_model: Path, tmp_path: Path) -> None:
    folder = tmp_path / "gear"
    for name, colour in (("a", WHITE), ("b", BLACK), ("c", WHITE)):
        picture(folder / f"{name}.png", colour)
    (folder / "metadata.csv").write_text(
        "file_name,helmet,vest\na.png,worn,missing\nb.png,missing,worn\nc.png,,missing\n"
    )
    other = altered(gear_model, tmp_path / "other.onnx", shift=9.0, group="helmet")
    result = run("compare", gear_model, other, folder, "--json", "-")
    found = json.loads(result.out)
    assert result.status == 0
    assert {name: group["n"] for name, group in found["groups"].items()} == {"helmet": 2, "vest": 3}
    assert "no picture has a label that both models know" in found["not_compared"]["extras"]
    text = run("compare", gear_model, other, folder, "--groups", "vest")
    assert "helmet is not compared" in text.out
    assert "recall of worn" in text.out
    # What is required is not shown of a group that is not compared.
    required = ["compare", gear_model, gear_model, folder, "--require", "not-worse"]
    result = run(*required)
    assert result.status == 1
    assert "not-worse in helmet: met" in result.out
    assert "not-worse in extras: NOT MET. it is not compared" in result.out
    assert "name those that count with --groups" in " ".join(result.out.split())
    assert run(*required, "--groups", "helmet,vest").status == 0
    assert json.loads(run(*required, "--json", "-").out)["required"]["groups"]["extras"] is False


def test_models_with_nothing_in_common(run: Run, small_model: Path, gear_model: Path, animals: Path) -> None:
    result = run("compare", small_model, gear_model, animals)
    assert result.status == 2
    assert result.err.splitlines() == [
        "error: A and B have no label group in common",
        "hint: A has class; B has helmet, vest, extras",
    ]
    other = run("compare", "imagenet:efficientnet_lite0", small_model, animals)
    assert "no label in common" in other.err


def test_labels_of_one_model_only_are_told_apart_from_the_models_being_one(
    run: Run, small_model: Path, animals: Path, tmp_path: Path
) -> None:
    task = Task((LabelGroup("class", ("dog", "cat")),))
    turned = altered(small_model, tmp_path / "turned.onnx", task=task)
    result = run("compare", small_model, turned, animals, "--json", "-")
    assert "one model" not in result.err
    assert json.loads(result.out)["groups"]["class"]["right"] == {"both": 0, "only_a": 11, "only_b": 3, "neither": 0}


def test_one_picture(run: Run, small_model: Path, keen: Path, tmp_path: Path) -> None:
    picture(tmp_path / "one" / "cat" / "a.png", GREY)
    (tmp_path / "one" / "dog").mkdir()
    (tmp_path / "one.csv").write_text("file_name,class\none/cat/a.png,cat\n")
    result = run("compare", small_model, keen, tmp_path / "one.csv", "--require", "better")
    assert result.status == 1
    assert "one.csv: 1 picture\n" in result.out
    assert "class: 1 picture\n" in result.out
    assert "1 picture cannot show it" in " ".join(result.out.split())
    assert "They differ on 1 picture: only A is right on 0, only B on 1." in result.out


def test_costs_of_the_decisions(run: Run, small_model: Path, keen: Path, animals: Path, tmp_path: Path) -> None:
    costs = tmp_path / "costs.yaml"
    costs.write_text("cat: {dog: 7}\ndog: {cat: 40}\nreview: 2\n")
    result = run(
        "compare",
        small_model,
        keen,
        animals,
        "--costs",
        costs,
        "--require",
        "better",
        "--metric",
        "cost",
        "--json",
        "-",
    )
    cost = json.loads(result.out)["groups"]["class"]["cost"]
    assert (cost["a"], cost["b"]) == (pytest.approx(21 / 14), 0.0)
    assert json.loads(result.out)["required"]["metric"] == "cost"
    required = ["--costs", costs, "--require", "not-worse", "--metric", "cost", "--margin", "3"]
    result = run("compare", small_model, keen, animals, *required)
    assert result.status == 1
    assert "14 pictures cannot show it" in " ".join(result.out.split())
    assert run("compare", keen, keen, animals, *required).status == 0


def test_sources_on_both_sides_are_told(run: Run, small_model: Path, keen: Path, animals: Path, tmp_path: Path) -> None:
    rows = ["file_name,class,split,source"]
    for at, path in enumerate(sorted(animals.rglob("*.png"))):
        part = "train" if at % 2 else "test"
        rows.append(f"{path},{path.parent.name},{part},clip{at // 2 if at < 4 else at}")
    table = tmp_path / "divided.csv"
    table.write_text("\n".join(rows) + "\n")
    told = "2 source(s) have pictures in train as well as in test (clip0, clip1): the comparison flatters"
    assert told in run("compare", small_model, keen, table).err
    assert told not in run("compare", small_model, keen, table, "--split", "train").err


def test_a_picture_that_cannot_be_read_is_named_once(run: Run, small_model: Path, keen: Path, animals: Path) -> None:
    (animals / "cat" / "broken.png").write_bytes(b"no picture")
    result = run("compare", small_model, keen, animals)
    assert result.status == 0
    assert result.err.count("broken.png") == 1
    assert ": 14 pictures\n" in result.out


def test_arguments_in_the_wrong_order(run: Run, small_model: Path, animals: Path) -> None:
    result = run("compare", small_model, animals / "cat/0.png", animals)
    assert result.status == 2
    assert "is a picture, not a model" in result.err
    assert "decisight compare A B DATA" in result.err
    assert run("compare", small_model, small_model, animals / "cat/0.png").status == 2
    lost = run("compare", small_model, small_model, animals, "--json", small_model)
    assert "it would be lost" in lost.err


def test_names_cannot_steer_the_terminal(run: Run, small_model: Path, keen: Path, animals: Path) -> None:
    (animals / "cat" / "7.png").rename(animals / "cat" / "7\x1b[2J.png")
    result = run("compare", small_model, keen, animals)
    assert "\x1b" not in result.out + result.err


def test_the_json_of_the_documentation_is_real(run: Run, small_model: Path, keen: Path, animals: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "compare.md").read_text("utf-8")
    (block,) = re.findall(r"^```json\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)
    shown = json.loads(block)
    real = json.loads(run("compare", small_model, keen, animals, "--require", "better", "--json", "-").out)
    assert shown.keys() == real.keys()
    assert shown["required"].keys() == real["required"].keys()
    assert shown["won"]["role"]["b"][0].keys() == real["won"]["class"]["b"][0].keys()
    of_group, wanted = real["groups"]["class"], shown["groups"]["role"]
    assert wanted.keys() <= of_group.keys()
    assert all(f"`{name}`" in page for name in of_group.keys() - wanted.keys())
    assert wanted["accuracy"].keys() == of_group["accuracy"].keys()
    assert wanted["per_class"]["visitor"].keys() == of_group["per_class"]["cat"].keys()


def test_what_the_second_adds_is_not_what_rounding_adds(run: Run, small_model: Path, keen: Path, animals: Path) -> None:
    """Both models are asked on the same runtime, so a model beside itself differs by nothing."""
    found = json.loads(run("compare", keen, keen, animals, "--json", "-").out)["groups"]["class"]
    assert np.array(found["log_loss"]["difference"]) == 0.0

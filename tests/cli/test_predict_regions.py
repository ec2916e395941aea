"""``decisight predict --region``: one answer for each picture and region, and a word where one is likely not meant."""

from __future__ import annotations

import csv
import io
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from decisight.cli.regions import RegionWatch, learnt_shapes
from decisight.models.card import ModelCard
from decisight.models.model_file import read_model, with_card, write_model
from decisight.regions import Region

from .conftest import Run, picture

LEFT, RIGHT = "left=0,0 0.5,0 0.5,1 0,1", "right=0.5,0 1,0 1,1 0.5,1"


@pytest.fixture
def halves(tmp_path: Path) -> Path:
    """A picture of 80 x 60 pixels that is dark on the left and bright on the right."""
    pixels = np.zeros((60, 80, 3), np.uint8)
    pixels[:, 40:] = 255
    Image.fromarray(pixels).save(tmp_path / "halves.png")
    return tmp_path / "halves.png"


def trained_on(model: Path, folder: Path, **data: Any) -> Path:
    """The same model, whose card says something of its training data."""
    file = read_model(model)
    values = {name: getattr(file.card, name) for name in ModelCard.__dataclass_fields__}
    write_model(folder / "trained.onnx", with_card(file, ModelCard(**{**values, "data": data})))
    return folder / "trained.onnx"


def test_json_has_an_answer_for_each_picture_and_region(run: Run, small_model: Path, halves: Path) -> None:
    both = ("--region", LEFT, "--region", RIGHT)
    result = run("predict", small_model, halves, halves, *both, "--format", "json")
    answers = json.loads(result.out)
    assert result.status == 0
    assert result.err == ""
    assert [answer["image"] for answer in answers] == [str(halves)] * 4
    assert [answer["region"] for answer in answers] == ["left", "right"] * 2
    assert [answer["decision"]["state"] for answer in answers] == ["dog", "cat"] * 2
    (whole,) = json.loads(run("predict", small_model, halves, "--format", "json").out)
    assert list(answers[0]) == ["image", "region", *list(whole)[1:]]
    lines = run("predict", small_model, halves, halves, *both, "--format", "jsonl").out.splitlines()
    assert [json.loads(line) for line in lines] == answers


@pytest.mark.parametrize("kind", ["json", "jsonl", "csv", "table"])
def test_without_regions_nothing_speaks_of_any(run: Run, small_model: Path, halves: Path, kind: str) -> None:
    result = run("predict", small_model, halves, "--format", kind)
    assert "region" not in (result.out + result.err).replace(str(halves), "")


def test_csv_has_a_column(run: Run, small_model: Path, halves: Path, tmp_path: Path) -> None:
    missing = tmp_path / "missing.png"
    result = run("predict", small_model, halves, missing, "--region", LEFT, "--region", RIGHT, "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(result.out)))
    assert list(rows[0]) == ["image", "region", "state", "confidence", "reason", "cat", "dog", "error"]
    assert [(row["region"], row["state"], bool(row["error"])) for row in rows] == [
        ("left", "dog", False),
        ("right", "cat", False),
        ("left", "", True),
        ("right", "", True),
    ]


def test_the_table_has_a_column(run: Run, gear_model: Path, halves: Path) -> None:
    heading, *lines = run("predict", gear_model, halves, "--region", LEFT, "--region", RIGHT).out.splitlines()
    assert heading.split() == ["image", "region", "group", "decision", "confidence", "labels"]
    assert [line.split()[:4] for line in lines[::3]] == [
        [str(halves), "left", "helmet", "missing"],
        [str(halves), "right", "helmet", "worn"],
    ]
    assert lines[1].split()[0] == "vest"
    assert lines[1].index("vest") == lines[0].index("helmet")


def test_a_picture_that_cannot_be_read_is_one_picture_and_an_error_for_each_region(
    run: Run, small_model: Path, halves: Path, tmp_path: Path
) -> None:
    missing = tmp_path / "missing.png"
    result = run("predict", small_model, missing, halves, "--region", LEFT, "--region", RIGHT, "--format", "jsonl")
    answers = [json.loads(line) for line in result.out.splitlines()]
    assert result.status == 1
    assert [answer["region"] for answer in answers] == ["left", "right"] * 2
    assert [list(answer) for answer in answers[:2]] == [["image", "region", "error"]] * 2
    assert result.err == "warning: 1 of 2 pictures could not be read\n"


def test_corners_in_pixels(run: Run, small_model: Path, halves: Path) -> None:
    pixels = ("--region", "right=960,0 1920,0 1920,1440 960,1440", "--reference", "1920x1440")
    shares = ("--region", RIGHT)
    assert run("predict", small_model, halves, *pixels).out == run("predict", small_model, halves, *shares).out


def test_masked_unless_told_otherwise(run: Run, small_model: Path, halves: Path) -> None:
    def bright(*options: str) -> float:
        # A triangle within the bright half and the dark corner beside it.
        triangle = "corner=0.5,0 1,0 0.25,0.9 0.5,0.1"
        (answer,) = json.loads(
            run("predict", small_model, halves, "--region", triangle, *options, "--format", "json").out
        )
        return {entry["label"]: entry["confidence"] for entry in answer["classifierResults"]}["cat"]

    assert bright() != bright("--crop-only")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--region", LEFT, "--region", LEFT), "error: 2 regions are called 'left'"),
        (("--region", "left"), "error: the region 'left' is not understood"),
        (("--region", "left=0,0 960,0 960,1080"), "error: the region 'left' has the corner 960.0,0.0"),
        (("--region", LEFT, "--reference", "large"), "error: 'large' is not understood as a size"),
        (("--reference", "large"), "error: 'large' is not understood as a size"),
    ],
)
def test_what_cannot_be_meant_is_refused(
    run: Run, small_model: Path, halves: Path, options: tuple[str, ...], message: str
) -> None:
    result = run("predict", small_model, halves, *options)
    assert (result.status, result.out) == (2, "")
    assert result.err.startswith(message)
    assert "hint: " in result.err


@pytest.mark.parametrize(
    ("options", "warnings"),
    [
        # options that say nothing by themselves
        (("--reference", "80x60"), ["--reference does nothing without --region: all of every picture is looked at"]),
        (("--crop-only",), ["--crop-only does nothing without --region: all of every picture is looked at"]),
        # within 2 % of the picture's proportions, whatever the size
        (("--region", "left=0,0 50,0 50,100", "--reference", "132x100"), []),
        (
            ("--region", "left=0,0 50,0 50,100", "--region", "right=50,0 99,0 99,99", "--reference", "100x100"),
            [
                "a picture of 80x60 has other proportions than --reference 100x100: there, regions do not lie where "
                "they were drawn"
            ],
        ),
        (
            ("--region", "lamp=0.5,0.5 0.52,0.5 0.52,0.9"),
            ["the region 'lamp' is only 2x23 pixels of a picture of 80x60"],
        ),
    ],
)
def test_what_is_likely_not_meant_is_said_once(
    run: Run, small_model: Path, halves: Path, options: tuple[str, ...], warnings: list[str]
) -> None:
    result = run("predict", small_model, halves, halves, *options)
    assert result.status == 0
    assert result.err.splitlines() == [f"warning: {text}" for text in warnings]


def test_shapes_that_the_model_has_not_learnt_from(run: Run, small_model: Path, halves: Path, tmp_path: Path) -> None:
    model = trained_on(small_model, tmp_path, shapes={"width_by_height": {"p5": 0.4, "p50": 0.5, "p95": 0.6}})
    # 40 x 60 pixels: within a factor of 1.5.
    assert run("predict", model, halves, "--region", LEFT).err == ""
    result = run("predict", model, halves, halves, "--region", "wide=0,0 1,0 1,0.5 0,0.5", "--region", LEFT)
    assert result.status == 0
    assert result.err == (
        "warning: the region 'wide' is 2.67 times as wide as high (80x30 pixels), and most pictures that the model "
        "learnt from were 0.40 to 0.60 times\n"
    )
    # Whole pictures are as they always were.
    assert run("predict", model, halves).err == ""


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"shapes": None},
        {"shapes": [1, 2, 3]},
        {"shapes": {"width_by_height": "wide"}},
        {"shapes": {"width_by_height": {"p5": 0.5}}},
        {"shapes": {"width_by_height": {"p5": "0.5", "p95": 1.0}}},
        {"shapes": {"width_by_height": {"p5": True, "p95": 1.0}}},
        {"shapes": {"width_by_height": {"p5": 0, "p95": 1.0}}},
        {"shapes": {"width_by_height": {"p5": -1.0, "p95": 1.0}}},
        {"shapes": {"width_by_height": {"p5": 2.0, "p95": 1.0}}},
        {"shapes": {"width_by_height": {"p5": 5e-324, "p95": 1.0}}},
        {"shapes": {"width_by_height": {"p5": 10**400, "p95": 10**401}}},
        {"shapes": {"width_by_height": {"p5": 1.0, "p95": float("nan")}}},
        {"regions": ["masked"]},
        {"regions": {"bay": True}},
    ],
)
def test_a_card_that_says_nothing_of_use_gives_no_warning(data: dict[str, Any]) -> None:
    assert learnt_shapes(data) is None
    watch = RegionWatch(data)
    watch.look(Region.box("bay", 0.0, 0.0, 1.0, 0.1), (1000, 1000), (1000, 100))
    assert watch.complaints == []


CORNER = "corner=0.5,0 1,0 1,1"


@pytest.mark.parametrize(
    ("masked", "region", "options", "said"),
    [
        ([True], CORNER, [], ""),
        ([False], CORNER, ["--crop-only"], ""),
        ([True, True], CORNER, ["--crop-only"], "regions that were masked; here they are only cropped: leave out"),
        ([False], CORNER, [], "regions that were only cropped; here they are masked: say --crop-only"),
        # nothing lies outside the polygon of a box
        ([False], RIGHT, [], ""),
        # the card says nothing, contradicts itself, or was made by somebody
        ([], CORNER, [], ""),
        ([True, False], CORNER, [], ""),
        (["no"], CORNER, [], ""),
        ([1], CORNER, ["--crop-only"], ""),
    ],
)
def test_masked_in_training_and_not_here(
    run: Run,
    small_model: Path,
    halves: Path,
    tmp_path: Path,
    masked: list[Any],
    region: str,
    options: list[str],
    said: str,
) -> None:
    learnt = {f"region {number}": {"masked": value} for number, value in enumerate(masked)}
    model = trained_on(small_model, tmp_path, regions=learnt)
    result = run("predict", model, halves, "--region", region, *options)
    assert said in result.err
    assert bool(said) == bool(result.err)


def test_a_model_of_a_region_asked_about_whole_pictures(
    run: Run, small_model: Path, halves: Path, tmp_path: Path
) -> None:
    model = trained_on(small_model, tmp_path, regions={"bay": {"masked": True}})
    result = run("predict", model, halves)
    assert result.status == 0
    assert result.err.splitlines() == [
        "warning: the model learnt from a region of its pictures ('bay'), and here all of every picture is looked at",
        "hint: give the region with --region, unless the pictures are cut out already",
    ]
    assert run("predict", model, halves, "--region", "bay=0,0 1,0 1,1").err == ""
    assert run("predict", trained_on(small_model, tmp_path, regions=["bay"]), halves).err == ""


def test_a_watched_region_is_the_region() -> None:
    bay = Region("bay", ((0.1, 0.1), (0.9, 0.1), (0.5, 0.9)))
    watched = RegionWatch({}).over(bay)
    frame = np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8)
    assert watched.text == bay.text
    np.testing.assert_array_equal(watched.cut(frame, (1, 2, 3)), bay.cut(frame, (1, 2, 3)))


def test_a_label_called_region_keeps_its_column(run: Run, tmp_path: Path, photos: Path) -> None:
    from decisight.cli.renderings import csv_columns
    from decisight.types import LabelGroup, Task

    task = Task((LabelGroup("class", ("region", "image")),))
    assert csv_columns(task) == ["image", "state", "confidence", "reason", "region", "class:image", "error"]
    assert csv_columns(task, region=True)[:2] == ["image", "region"]
    assert csv_columns(task, region=True)[5:] == ["class:region", "class:image", "error"]


def test_names_from_standard_input(run: Run, small_model: Path, tmp_path: Path) -> None:
    paths = [picture(tmp_path / f"{number}.png", mark=number) for number in range(9)]
    listed = b"\n".join(os.fsencode(path) for path in paths)
    result = run("predict", small_model, "-", "--region", LEFT, "--region", RIGHT, "--format", "jsonl", stdin=listed)
    answers = [json.loads(line) for line in result.out.splitlines()]
    expected = [(str(path), name) for path in paths for name in ("left", "right")]
    assert [(answer["image"], answer["region"]) for answer in answers] == expected

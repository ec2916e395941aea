"""``decisight tune`` promises what can be promised, refuses what cannot, and keeps it in the model file."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from decisight.models.model_file import read_model, with_card, write_model

from .conftest import BLACK, WHITE, Run, picture
from .test_evaluate_command import having_seen

GREY = (150, 150, 150)
"""What the small model takes for a cat, and is not sure of."""


@pytest.fixture(scope="module")
def animals(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Undivided: 70 bright cats, 20 dark dogs, and 6 grey dogs, which are taken for cats."""
    folder = tmp_path_factory.mktemp("tune") / "animals"
    for at in range(70):
        picture(folder / "cat" / f"{at}.png", WHITE, mark=at)
    for at in range(26):
        picture(folder / "dog" / f"{at}.png", GREY if at < 6 else BLACK, mark=100 + at)
    return folder


def table(folder: Path, rows: list[tuple[str, str, str]], columns: str = "file_name,class,source") -> Path:
    """The same pictures by a table beside them."""
    path = folder / "metadata.csv"
    path.write_text("\n".join([columns, *(",".join(row) for row in rows)]) + "\n")
    return path


def promised(path: Path) -> dict[str, Any]:
    return read_model(path).card.promises


def test_a_promise_is_found_kept_and_told(run: Run, small_model: Path, animals: Path, tmp_path: Path) -> None:
    tuned = tmp_path / "tuned.onnx"
    result = run("tune", small_model, animals, "-o", tuned, "--max-error", "cat=0.05")
    assert result.status == 0, result.err
    before, after = read_model(small_model), read_model(tuned)
    assert after.graph_digest == before.graph_digest
    assert after.settings_digest != before.settings_digest
    entry = after.card.promises["class:cat"]
    assert after.card.thresholds == {"class:cat": entry["threshold"]}
    assert 0.6 < entry["threshold"] <= 0.9997
    assert (entry["kind"], entry["wanted"], entry["assurance"], entry["jointly"]) == ("max_error", 0.05, 0.95, 1)
    assert (entry["unit"], entry["units"], entry["accepted"], entry["errors"]) == ("picture", 96, 70, 0)
    assert entry["bound"] <= 0.05
    assert entry["accepted_share"]["value"] == pytest.approx(70 / 96)
    assert entry["found_share"]["value"] == 1.0
    assert entry["runtime"]["name"] == "onnxruntime"
    assert entry["data"]["name"] == "animals"
    assert entry["data"]["pictures"] == 96
    assert entry["data"]["digest"].startswith("sha256:")
    assert {"date", "method", "decisight", "min_familiarity"} <= entry.keys()
    for said in ("at most 5 % of what is accepted as 'cat' is wrong", "0 of 70 accepted pictures", "single pictures"):
        assert said in " ".join(result.out.split())
    assert "flatters from now on" in result.err


def test_what_was_promised_is_told_by_info(run: Run, small_model: Path, animals: Path, tmp_path: Path) -> None:
    tuned = tmp_path / "tuned.onnx"
    assert run("tune", small_model, animals, "-o", tuned, "--max-error", "cat=0.05").status == 0
    told = run("info", tuned).out
    assert "at most 5 % of what is accepted as 'cat' is wrong" in told
    assert "96 pictures of animals, with onnxruntime:fp32" in told
    assert json.loads(run("info", tuned, "--json").out)["promises"] == promised(tuned)


def test_what_does_not_hold_any_more_is_told_where_it_is_used(
    run: Run, small_model: Path, animals: Path, tmp_path: Path
) -> None:
    tuned = tmp_path / "tuned.onnx"
    assert run("tune", small_model, animals, "-o", tuned, "--max-error", "cat=0.05").status == 0
    one = animals / "cat" / "0.png"
    assert run("predict", tuned, one).err == ""
    other = run("predict", tuned, one, "--threshold", "cat=0.2")
    assert other.err.startswith("warning: the promise that at most 5 % of 'cat' is wrong does not hold: ")
    assert len(other.err.splitlines()) == 1
    file = read_model(tuned)
    entry = file.card.promises["class:cat"] | {"runtime": {"name": "openvino", "precision": "bf16"}}
    moved = with_card(file, dataclasses.replace(file.card, promises={"class:cat": entry}))
    write_model(tmp_path / "moved.onnx", moved)
    said = run("predict", tmp_path / "moved.onnx", one).err
    assert "found with the runtime openvino:bf16, and onnxruntime:fp32 computes" in said
    several = run("decide", tuned, animals / "cat")
    assert "nothing is promised of pictures that follow one another" in several.err


def test_too_few_pictures_are_refused_with_how_many_it_takes(
    run: Run, small_model: Path, animals: Path, tmp_path: Path
) -> None:
    tuned = tmp_path / "tuned.onnx"
    result = run("tune", small_model, animals, "-o", tuned, "--max-error", "cat=0.01", "--max-error", "dog=0.05")
    assert result.status == 2
    assert not tuned.exists()
    assert result.out == ""
    assert "'cat': at most 1 % wrong at 95 % assurance takes at least 299 pictures accepted for it" in result.err
    assert "'dog': at most 5 % wrong at 95 % assurance takes at least 59 pictures" in result.err


def test_jointly_takes_more(run: Run, small_model: Path, animals: Path) -> None:
    asked = ("--max-error", "cat=0.05", "--max-error", "dog=0.2")
    each = json.loads(run("tune", small_model, animals, *asked, "--format", "json").out)["promises"]
    both = run("tune", small_model, animals, *asked, "--jointly", "--format", "json")
    assert both.status == 2  # 70 cats without an error would do for 95 %, and not for 97.5 %
    assert "at 97.5 % assurance" in both.err
    assert "(at least 72 without an error would be needed)" in both.err
    assert [entry["jointly"] for entry in each.values()] == [1, 1]
    less = ("--max-error", "cat=0.1", "--max-error", "dog=0.2")
    found = json.loads(run("tune", small_model, animals, *less, "--jointly", "--format", "json").out)["promises"]
    assert [(entry["jointly"], entry["assurance"]) for entry in found.values()] == [(2, 0.95), (2, 0.95)]


def test_a_source_is_a_unit(run: Run, small_model: Path, animals: Path, tmp_path: Path) -> None:
    rows = [(f"animals/cat/{at}.png", "cat", f"clip{at // 10}") for at in range(70)]
    rows += [(f"animals/dog/{at}.png", "dog", f"dog{at}") for at in range(6, 26)]
    data = animals.parent / "by_source.csv"
    data.write_text("\n".join(["file_name,class,source", *(",".join(row) for row in rows)]) + "\n")
    refused = run("tune", small_model, data, "--max-error", "cat=0.05")
    assert refused.status == 2
    assert "at least 59 sources accepted for it without an error; 7 of 27 sources are decided for it" in refused.err
    found = run("tune", small_model, data, "--max-error", "cat=0.4", "--format", "json")
    entry = json.loads(found.out)["promises"]["class:cat"]
    assert (entry["unit"], entry["units"], entry["accepted"], entry["pictures_accepted"]) == ("source", 27, 7, 70)


def test_other_pictures_of_what_was_learnt_from_are_left_out(
    run: Run, small_model: Path, animals: Path, tmp_path: Path
) -> None:
    """Where the data is not divided: a clip is known again by any picture of it."""
    rows = [(f"animals/cat/{at}.png", "cat", f"clip{at // 5}") for at in range(70)]
    data = animals.parent / "known_clips.csv"
    data.write_text("\n".join(["file_name,class,source", *(",".join(row) for row in rows)]) + "\n")
    model = having_seen(small_model, tmp_path / "seen.onnx", [animals / "cat" / f"{at}.png" for at in (0, 1, 30)])
    found = run("tune", model, data, "--max-error", "cat=0.4", "--format", "json")
    assert "7 of 67 pictures are left out: the model has learnt from others of their sources" in found.err
    assert json.loads(found.out)["promises"]["class:cat"]["units"] == 12
    all_known = having_seen(
        small_model, tmp_path / "all.onnx", [animals / "cat" / f"{at}.png" for at in range(0, 70, 5)]
    )
    refused = run("tune", all_known, data, "--max-error", "cat=0.4")
    assert refused.status == 2
    assert "learnt from other pictures of every source" in refused.err


def test_pictures_that_were_learnt_from_are_passed_over_or_refused(
    run: Run, small_model: Path, animals: Path, tmp_path: Path
) -> None:
    seen = sorted((animals / "cat").iterdir())[:60]
    model = having_seen(small_model, tmp_path / "seen.onnx", seen)
    found = json.loads(run("tune", model, animals, "--max-error", "dog=0.3", "--format", "json").out)
    assert (found["pictures"], found["seen_in_training"]) == (36, 60)
    forced = run("tune", model, animals, "--split", "all", "--max-error", "cat=0.05")
    assert forced.status == 2
    assert "the model has learnt from 60 of the 96 pictures" in forced.err


@pytest.fixture
def divided(animals: Path) -> Path:
    rows = [(f"animals/cat/{at}.png", "cat", ("train", "val", "test")[at % 3], f"s{at // 3 % 8}") for at in range(24)]
    rows += [(f"animals/dog/{at}.png", "dog", ("train", "val", "test")[at % 3], f"d{at}") for at in range(6, 24)]
    data = animals.parent / "divided.csv"
    data.write_text("\n".join(["file_name,class,split,source", *(",".join(row) for row in rows)]) + "\n")
    return data


def test_the_validation_part_and_no_source_of_the_training_part(run: Run, small_model: Path, divided: Path) -> None:
    found = run("tune", small_model, divided, "--best", "f1", "--format", "json")
    # Of the eight cats of val, all are of sources that train has, too.
    assert found.status == 2
    assert "8 of 14 pictures are left out: their sources have pictures in train too" in found.err
    assert "no picture here has the label 'class:cat'" in found.err
    dog = run("tune", small_model, divided, "--best", "dog=f1", "--format", "json")
    assert json.loads(dog.out)["promises"]["class:dog"]["data"]["split"] == "val"
    assert "flatters" not in dog.err


@pytest.mark.parametrize(
    ("options", "kind", "wanted"),
    [
        (["--min-precision", "cat=0.95"], "min_precision", 0.95),
        (["--min-recall", "class:cat=0.9"], "min_recall", 0.9),
        (["--best", "cat=f1"], "best_f1", None),
    ],
)
def test_thresholds_by_a_figure_promise_nothing(
    run: Run, small_model: Path, animals: Path, tmp_path: Path, options: list[str], kind: str, wanted: float | None
) -> None:
    tuned = tmp_path / "tuned.onnx"
    result = run("tune", small_model, animals, *options, "-o", tuned)
    assert result.status == 0, result.err
    entry = promised(tuned)["class:cat"]
    assert (entry["kind"], entry["wanted"]) == (kind, wanted)
    assert {"here", "elsewhere"} <= entry.keys()
    assert "It promises nothing" in result.out
    assert "assurance" not in result.out
    assert run("predict", tuned, animals / "cat" / "0.png", "--threshold", "cat=0.5").err == ""


def test_costs_decide_and_what_they_save_is_told(run: Run, small_model: Path, animals: Path, tmp_path: Path) -> None:
    (tmp_path / "costs.yaml").write_text("dog: {cat: 500}\ncat: {dog: 40}\nreview: 15\n")
    tuned = tmp_path / "tuned.onnx"
    result = run("tune", small_model, animals, "--costs", tmp_path / "costs.yaml", "-o", tuned)
    assert result.status == 0, result.err
    file = read_model(tuned)
    assert file.graph_digest == read_model(small_model).graph_digest
    assert file.card.thresholds == {}
    assert file.card.costs["review"] == {"class:cat": 15.0, "class:dog": 15.0}
    entry = file.card.promises["class"]
    assert entry["before"]["value"] == pytest.approx(1000 * 6 * 500 / 96)
    assert entry["after"]["value"] == pytest.approx(1000 * 6 * 15 / 96)  # somebody looks at the grey ones
    assert entry["saved"]["low"] > 0
    assert "per 1,000 pictures" in result.out
    grey = run("predict", tuned, animals / "dog" / "0.png", "--format", "json")
    (answer,) = json.loads(grey.out)
    assert answer["decision"] == {
        "state": "unknown",
        "confidence": pytest.approx(0.8, abs=0.2),
        "reason": "abstained",
    }
    shown = run("predict", tuned, animals / "dog" / "0.png").out
    assert "abstained" in shown
    with_threshold = run("predict", tuned, animals / "dog" / "0.png", "--threshold", "cat=0.1", "--format", "json")
    assert json.loads(with_threshold.out)[0]["decision"]["state"] == "cat"
    assert "the costs that small was tuned by do not decide here" in with_threshold.err
    assert "do not decide here" in run("evaluate", tuned, animals, "--threshold", "cat=0.1").err
    assert "do not decide here" in run("decide", tuned, animals / "dog" / "0.png", "--policy", "majority_vote").err
    judged = run("evaluate", tuned, animals)
    assert "by the costs in the model 90 of 96 pictures are decided" in " ".join(judged.out.split())
    assert "decided by what costs least" in run("info", tuned).out
    single = run("decide", tuned, animals / "dog" / "0.png", "--policy", "least_cost", "--format", "json")
    assert "abstained" in single.out
    assert "do not decide here" not in judged.err + grey.err + single.err
    assert "flatters" not in result.err  # nothing is fitted to these pictures


def test_later_thresholds_end_the_promises_of_those_before(
    run: Run, small_model: Path, animals: Path, tmp_path: Path
) -> None:
    first, second, third = (tmp_path / f"{name}.onnx" for name in ("first", "second", "third"))
    assert run("tune", small_model, animals, "-o", first, "--max-error", "cat=0.05").status == 0
    assert run("tune", first, animals, "-o", second, "--best", "dog=f1").status == 0
    assert list(promised(second)) == ["class:cat", "class:dog"]
    assert promised(second)["class:cat"] == promised(first)["class:cat"]
    lost = run("tune", second, animals, "-o", third, "--min-recall", "cat=0.5")
    assert lost.status == 0
    assert promised(third)["class:cat"]["kind"] == "min_recall"
    assert "what was promised of 'class:cat' is given up" in lost.err
    (tmp_path / "costs.yaml").write_text("default: 1\nreview: 1\n")
    assert run("tune", third, animals, "-o", first, "--costs", tmp_path / "costs.yaml").status == 0
    assert list(promised(first)) == ["class"]
    again = run("tune", first, animals, "-o", second, "--best", "cat=f1")
    assert "the model's costs are given up" in again.err
    assert read_model(second).card.costs == {}


def test_an_independent_group(run: Run, gear_model: Path, tmp_path: Path) -> None:
    rows = ["file_name,extras"]
    for at in range(80):
        picture(tmp_path / f"{at}.png", WHITE if at < 60 else BLACK, mark=at)
        rows.append(f"{at}.png,{'gloves' if at < 60 else 'goggles'}")
    (tmp_path / "metadata.csv").write_text("\n".join(rows) + "\n")
    found = run("tune", gear_model, tmp_path, "--max-error", "gloves=0.05", "--format", "json")
    assert found.status == 0, found.err
    entry = json.loads(found.out)["promises"]["extras:gloves"]
    assert (entry["accepted"], entry["errors"]) == (60, 0)
    few = run("tune", gear_model, tmp_path, "--max-error", "extras:goggles=0.05")
    assert "20 of 80 pictures are decided for it, 0 of them wrongly" in few.err
    elsewhere = run("tune", gear_model, tmp_path, "--max-error", "helmet:worn=0.05")
    assert elsewhere.status == 2
    assert "the data say nothing of the group 'helmet'" in elsewhere.err


REFUSED = [
    ([], "it is not said what is to be tuned"),
    (["--max-error", "cta=0.05"], "there is no label 'cta'"),
    (["--max-error", "cat=0"], "a max-error of 0 cannot be promised"),
    (["--max-error", "cat=1.5"], "a max-error of 1.5 cannot be promised"),
    (["--max-error", "cat=nan"], "a max-error of nan cannot be promised"),
    (["--max-error", "cat=much"], "--max-error 'cat=much' is not understood"),
    (["--max-error", "cat"], "--max-error 'cat' is not understood"),
    (["--max-error", "cat=0.05", "--assurance", "1"], "an assurance of 1 cannot be given"),
    (["--max-error", "cat=0.05", "--assurance", "0.1"], "an assurance of 0.1 cannot be given"),
    (["--max-error", "cat=0.05", "--min-recall", "class:cat=0.9"], "two things are asked of the threshold of"),
    (["--max-error", "0.05", "--best", "f1"], "two things are asked of the thresholds of all labels"),
    (["--min-precision", "cat=0"], "cannot be reached"),
    (["--min-recall", "cat=2"], "cannot be reached"),
    (["--best", "auc"], "--best 'auc' is not understood"),
    (["--costs", "costs.yaml", "--best", "f1"], "costs decide in place of thresholds"),
    (["--costs", "none.yaml"], "none.yaml cannot be read"),
    (["--max-error", "cat=0.05", "--split", "val"], "is not divided"),
    (["--max-error", "cat=0.05", "--min-familiarity", "0.05"], "does not say"),
]


@pytest.mark.parametrize(("options", "said"), REFUSED)
def test_what_cannot_be_meant_is_refused(
    run: Run, small_model: Path, animals: Path, tmp_path: Path, options: list[str], said: str
) -> None:
    result = run("tune", small_model, animals, "-o", tmp_path / "tuned.onnx", *options)
    assert result.status == 2
    assert said in result.err
    assert "hint: " in result.err
    assert not (tmp_path / "tuned.onnx").exists()


def test_no_model_is_lost(run: Run, small_model: Path, animals: Path, tmp_path: Path) -> None:
    before = small_model.read_bytes()
    for place, said in (
        (small_model, "is the model that is tuned"),
        (tmp_path, "is a folder"),
        (tmp_path / "no" / "tuned.onnx", "there is no folder"),
        (animals / "cat" / "0.png", "is by its name no model"),
    ):
        result = run("tune", small_model, animals, "--best", "cat=f1", "-o", place)
        assert result.status == 2
        assert said in result.err
    assert small_model.read_bytes() == before


def test_data_with_one_label_only(run: Run, small_model: Path, animals: Path, tmp_path: Path) -> None:
    for at in range(60):
        picture(tmp_path / "cat" / f"{at}.png", WHITE, mark=at)
    (tmp_path / "metadata.csv").write_text("\n".join(["file_name,class", *(f"cat/{at}.png,cat" for at in range(60))]))
    assert run("tune", small_model, tmp_path, "--max-error", "cat=0.05").status == 0
    of_all = run("tune", small_model, tmp_path, "--max-error", "0.05")
    assert of_all.status == 2
    assert "0 of 60 pictures are decided for it" in of_all.err


def test_copies_of_a_picture_count_once(run: Run, small_model: Path, tmp_path: Path) -> None:
    """A hundred copies of one picture do not promise what a hundred pictures would."""
    for at in range(100):
        picture(tmp_path / f"{at}.png", WHITE, mark=at % 10)
    (tmp_path / "metadata.csv").write_text("\n".join(["file_name,class", *(f"{at}.png,cat" for at in range(100))]))
    result = run("tune", small_model, tmp_path, "--max-error", "cat=0.05")
    assert result.status == 2
    assert "90 of 100 pictures are copies of others" in result.err
    assert "10 of 10 sources are decided for it" in result.err

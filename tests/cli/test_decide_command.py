"""``decisight decide``, from its arguments to what is written."""

from __future__ import annotations

import csv
import itertools
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import decisight
from decisight.cli import main
from decisight.cli.sequence_renderings import plain, sequence_lines
from decisight.evaluation.comparison import vote_error

from .conftest import BLACK, WHITE, Result, Run, picture

TABLE = "sequence,file_name,time,class\n"


def decided(result: Result, status: int = 0) -> list[dict[str, Any]]:
    assert result.status == status, result.err
    return list(json.loads(result.out))


def states(sequence: dict[str, Any]) -> list[str]:
    return [reading["decision"]["state"] for reading in sequence["readings"]]


@pytest.fixture
def gate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with 1.png, 2.png, 10.png (white) and 3.png (black); it is where commands run."""
    for name, colour in (("1", WHITE), ("2", WHITE), ("3", BLACK), ("10", WHITE)):
        picture(tmp_path / "gate" / f"{name}.png", colour)
    monkeypatch.chdir(tmp_path)
    return tmp_path / "gate"


def test_text_shows_confidences_votes_decision_and_why(run: Run, small_model: Path, gate: Path) -> None:
    result = run("decide", small_model, "gate", "--fps", "2")
    assert (result.status, result.err) == (0, "")
    lines = result.out.splitlines()
    assert lines[0] == "gate: 4 pictures"
    assert re.fullmatch(
        r"  10\.png  1\.5 s  cat      cat 1\.000  dog 0\.000  votes of 4: cat 3, dog 1 \(3 needed\)", lines[4]
    )
    assert lines[5] == "  => cat (confidence 0.750, accepted): votes of 4: cat 3, dog 1 (3 needed)"


def test_json_has_the_shape_that_is_promised(run: Run, small_model: Path, gate: Path) -> None:
    (sequence,) = decided(run("decide", small_model, "gate", "--format", "json"))
    assert [reading["image"] for reading in sequence["readings"]] == [f"gate/{n}.png" for n in (1, 2, 3, 10)]
    assert {"sequence", "readings", "decision"} <= sequence.keys()
    assert {"image", "classifierResults", "decision"} == sequence["readings"][0].keys()
    assert {"state", "confidence", "reason"} <= sequence["decision"].keys()
    assert sequence["decision"]["scores"] == {"cat": 3.0, "dog": 1.0}
    (line,) = run("decide", small_model, "gate", "--format", "jsonl").out.splitlines()
    assert json.loads(line) == sequence


@given(order=st.permutations(["1", "2", "3", "10"]))
@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_files_are_one_sequence_in_the_order_given_and_a_folder_is_its_files(
    run: Run, small_model: Path, gate: Path, order: list[str]
) -> None:
    (named,) = decided(run("decide", small_model, *(f"gate/{name}.png" for name in order), "--format", "json"))
    assert [reading["image"] for reading in named["readings"]] == [f"gate/{name}.png" for name in order]
    files = [f"gate/{name}.png" for name in (1, 2, 3, 10)]
    (listed,) = decided(run("decide", small_model, *files, "--format", "json"))
    (folder,) = decided(run("decide", small_model, "gate", "--format", "json"))
    assert listed == folder | {"sequence": "sequence"}
    (in_python,) = [decisight.decide(decisight.load(str(small_model)), files).to_json()]
    assert in_python == listed


def test_each_folder_is_one_sequence_however_it_is_nested(run: Run, small_model: Path, tmp_path: Path) -> None:
    for name in ("a.png", "m/x.png", "m/y.png", "z.png"):
        picture(tmp_path / "top" / name)
    names = {}
    for path in (tmp_path / "top", f"{tmp_path}/top/**/*.png"):
        found = decided(run("decide", small_model, path, "--format", "json"))
        names[str(path)] = sorted((s["sequence"], len(s["readings"])) for s in found)
    wanted = [(str(tmp_path / "top"), 2), (str(tmp_path / "top/m"), 2)]
    assert list(names.values()) == [wanted, wanted]


def test_rows_of_a_table(run: Run, small_model: Path, gate: Path) -> None:
    rows = "b,gate/1.png,0,\na,gate/3.png,5,\nb,gate/2.png,0.5,\na,gate/3.png,5.5,\n"
    Path("mixed.csv").write_text("\ufeff" + TABLE + rows, "utf-8")
    found = decided(
        run("decide", small_model, "mixed.csv", "--policy", "majority_vote:2/1s", "--fps", "1", "--format", "json")
    )
    assert [(s["sequence"], states(s)) for s in found] == [("b", ["unknown", "cat"]), ("a", ["unknown", "dog"])]
    assert found[1]["readings"][1]["time"] == 5.5  # --fps is for pictures without times


def test_one_picture_is_a_sequence(run: Run, small_model: Path, gate: Path) -> None:
    (sequence,) = decided(run("decide", small_model, "gate/1.png", "--policy", "threshold:0.8", "--format", "json"))
    assert states(sequence) == ["cat"]
    assert "1 picture in gate\n" in run("decide", small_model, "gate/1.png").out


def test_pictures_that_cannot_be_read_speak_for_nothing(run: Run, small_model: Path, gate: Path) -> None:
    (gate / "4.png").touch()
    result = run("decide", small_model, "gate", "gate/none.png", "--format", "json")
    folder, alone = decided(result, 1)
    assert states(folder)[-1] == "cat"
    assert "the file is empty" in folder["readings"][3]["error"]
    assert alone["decision"]["reason"] == "cannot_judge"
    assert "warning: 2 of 6 pictures could not be read, and are taken for what cannot be judged" in result.err
    shown = run("decide", small_model, "gate/none.png")
    assert shown.status == 1
    assert "    error: does not exist; check the spelling" in shown.out
    assert "warning: 1 of 1 pictures could not be read: no decision rests on anything" in shown.err


def test_what_is_amiss_with_one_picture_makes_no_other_row_wider(run: Run, small_model: Path, gate: Path) -> None:
    before = run("decide", small_model, "gate").out.splitlines()
    (gate / "4.png").touch()
    with_broken = run("decide", small_model, "gate").out.splitlines()
    assert with_broken[1:4] == before[1:4]
    assert with_broken[5].startswith("    error: the file is empty (0 bytes); ")
    Path("t.csv").write_text("sequence,file_name,time\na,gate/1.png,0\na,gate/2.png,1e300\n", "utf-8")
    assert max(map(len, run("decide", small_model, "t.csv").out.splitlines())) < 100


def test_nobody_is_sure_of_the_fall_back(run: Run, small_model: Path, gate: Path) -> None:
    shown = run("decide", small_model, "gate/1.png").out
    assert "=> unknown (nothing accepted, best confidence 1.000, abstained): votes of 1" in shown
    shown = run("decide", small_model, "gate/none.png").out
    assert "=> unknown (nothing accepted, cannot judge)" in shown


@pytest.mark.parametrize(
    ("name", "arguments", "kind"),
    [
        ("d.json", (), "json"),
        ("d.JSONL", (), "jsonl"),
        ("d.txt", (), "text"),
        ("d", (), "text"),
        ("d.json", ("--format", "jsonl"), "jsonl"),
        ("d.csv", ("--format", "json"), "json"),
    ],
)
def test_the_output_s_name_says_the_format(
    run: Run, small_model: Path, gate: Path, name: str, arguments: tuple[str, ...], kind: str
) -> None:
    result = run("decide", small_model, "gate", "-o", name, *arguments)
    assert (result.status, result.out, result.err) == (0, "", "")
    assert Path(name).read_text("utf-8") == run("decide", small_model, "gate", "--format", kind).out


def test_a_fall_back_that_is_a_label_is_warned_of(run: Run, small_model: Path, gate: Path) -> None:
    result = run("decide", small_model, "gate", "--fallback", "dog")
    assert result.status == 0
    assert "the fall-back 'dog' is also a label of 'class'" in result.err


def test_the_json_says_by_which_rules_it_was_decided(run: Run, small_model: Path, gate: Path) -> None:
    rows = "".join(f"s,gate/1.png,{at / 5},cat\n" for at in range(20))
    Path("t.csv").write_text(TABLE + rows, "utf-8")
    policy = ("--policy", "majority_vote:2/3", "--threshold", "cat=0.7")
    (sequence,) = decided(run("decide", small_model, "t.csv", *policy, "--figures", "f.json", "--format", "json"))
    told = sequence["policy"]
    assert (told["type"], told["required"], told["window"]) == ("majority_vote", 2, 3)
    assert (told["thresholds"], told["fallback"]) == ({"class:cat": 0.7}, "unknown")
    assert json.loads(Path("f.json").read_text("utf-8"))["policy"] == told
    # It is what a file of policies says.
    Path("again.yaml").write_text(json.dumps(told), "utf-8")
    (again,) = decided(run("decide", small_model, "t.csv", "--policy", "again.yaml", "--format", "json"))
    assert again == sequence


def test_times_are_missed_of_labelled_pictures_only(run: Run, small_model: Path, gate: Path) -> None:
    Path("t.csv").write_text(TABLE + "s,gate/1.png,0,cat\ns,gate/2.png,1,cat\n", "utf-8")
    assert run("decide", small_model, "t.csv", "gate").err == ""
    Path("t.csv").write_text(TABLE + "s,gate/1.png,,cat\n", "utf-8")
    assert "labelled pictures have no times" in run("decide", small_model, "t.csv", "gate").err


def test_a_misspelt_column_of_labels_is_warned_of(run: Run, small_model: Path, gate: Path) -> None:
    Path("t.csv").write_text("sequence,file_name,clas\ns,gate/1.png,cat\n", "utf-8")
    result = run("decide", small_model, "t.csv")
    assert result.status == 0
    assert "t.csv: the column 'clas' is passed over, and there is none of the label group 'class'" in result.err


def test_a_file_of_policies_that_comes_to_billions_is_refused(run: Run, small_model: Path, gate: Path) -> None:
    names = "abcdefghij"
    rows = [f"{one}: &{one} [{', '.join([f'*{before}'] * 9)}]" for before, one in itertools.pairwise(names)]
    Path("p.yaml").write_text("\n".join(["a: &a [x]", *rows, "type: majority_vote", "window: *j"]), "utf-8")
    result = run("decide", small_model, "gate", "--policy", "p.yaml")
    assert (result.status, result.out) == (2, "")
    assert "more here than policies can have" in result.err
    assert len(result.err) < 500


def test_regions_have_sequences_of_their_own(run: Run, small_model: Path, gate: Path) -> None:
    boxes = ("--region", "left=0,0 0.5,0 0.5,1 0,1", "--region", "right=0.5,0 1,0 1,1 0.5,1")
    (gate / "none.png").touch()
    found = decided(run("decide", small_model, "gate", *boxes, "--format", "json"), 1)
    assert [(s["region"], len(s["readings"])) for s in found] == [("left", 5), ("right", 5)]
    assert "1 of 5 pictures could not be read, and is taken" in run("decide", small_model, "gate", *boxes).err


def test_labels_by_region(run: Run, small_model: Path, gate: Path) -> None:
    boxes = ("--region", "left=0,0 0.5,0 0.5,1 0,1", "--region", "right=0.5,0 1,0 1,1 0.5,1")
    rows = "".join(f"s,gate/1.png,{at},left,cat\n" for at in range(9))
    rows += "".join(f"s,gate/3.png,{at},right,dog\n" for at in range(9))
    Path("t.csv").write_text("sequence,file_name,time,region,class\n" + rows, "utf-8")
    result = run("decide", small_model, "t.csv", *boxes, "--figures", "f.json")
    assert (result.status, result.err) == (0, "")
    figures = json.loads(Path("f.json").read_text("utf-8"))["groups"]["class"]
    assert (figures["sequences"], figures["single"]["frame_accuracy"]["value"]) == (2, 1.0)
    Path("t.csv").write_text("sequence,file_name,class\ns,gate/1.png,cat\n", "utf-8")
    assert "taken for true of each region" in run("decide", small_model, "t.csv", *boxes).err
    Path("t.csv").write_text("sequence,file_name,region\ns,gate/1.png,lane\n", "utf-8")
    for given_boxes, message in (((), "no --region"), (boxes, "only 'left', 'right'")):
        refused = run("decide", small_model, "t.csv", *given_boxes)
        assert refused.status == 2
        assert message in refused.err


def test_figures_beside_each_picture_alone(run: Run, small_model: Path, gate: Path) -> None:
    colours = ["3" if at % 10 == 7 else "1" for at in range(60)]
    rows = "".join(f"s,gate/{name}.png,{at / 5},cat\n" for at, name in enumerate(colours))
    Path("t.csv").write_text(TABLE.replace("class", "label") + rows, "utf-8")
    result = run("decide", small_model, "t.csv", "--figures", "f.json")
    figures = json.loads(Path("f.json").read_text("utf-8"))["groups"]["class"]
    assert figures["single"]["flips"] == figures["single"]["excess_flips"] == 12
    assert figures["policy"]["flips"] == 0
    assert figures["policy"]["false_decisions"]["value"] == 0.0
    # Of the pictures more than a second from the start 6 of 54 are wrong.
    assert figures["single"]["false_decisions"]["value"] == pytest.approx(6 / 54)
    assert figures["false_decisions_by_votes"] == pytest.approx(
        vote_error(3, 5, {"cat": 48 / 54, "dog": 6 / 54}, "cat")
    )
    assert "extra changes of state" in result.out
    assert max(map(len, result.out.partition("labelled")[2].splitlines())) <= 80
    assert run("decide", small_model, "t.csv", "-o", "o.txt").out == ""
    assert Path("o.txt").read_text("utf-8") == result.out


def test_groups_have_policies_of_their_own(run: Run, gear_model: Path, gate: Path) -> None:
    Path("p.yaml").write_text("helmet: {type: consecutive, required: 2}\ndefault: {type: threshold}\n", "utf-8")
    (sequence,) = decided(run("decide", gear_model, "gate", "--policy", "p.yaml", "--format", "json"))
    assert [r["decisions"]["helmet"]["state"] for r in sequence["readings"]] == ["unknown", "worn", "worn", "worn"]
    assert sequence["decisions"]["extras"]["state"] == ["gloves"]
    assert "none of them" not in run("decide", gear_model, "gate", "--policy", "p.yaml").out


def test_thresholds_and_fall_back(run: Run, gear_model: Path, small_model: Path, gate: Path) -> None:
    result = run(
        "decide", small_model, "gate/1.png", "--policy", "threshold", "--threshold", "cat=1", "--fallback", "dog"
    )
    assert "dog (fall-back)" in result.out
    idle = run("decide", small_model, "gate", "--policy", "sequential_test:0.05", "--threshold", "cat=0.5")
    assert idle.status == 2
    assert "the threshold of 'cat' does nothing" in idle.err
    assert run("decide", small_model, "gate", "--threshold", "bird=0.5").status == 2


def test_qualities_of_a_table(run: Run, small_model: Path, gate: Path) -> None:
    Path("p.yaml").write_text("{type: weighted_average, window: 2, half_life: null, by_quality: true}\n", "utf-8")
    Path("t.csv").write_text("sequence,file_name,quality\ns,gate/1.png,\ns,gate/3.png,0.2\n", "utf-8")
    (sequence,) = decided(run("decide", small_model, "t.csv", "--policy", "p.yaml", "--format", "json"))
    assert states(sequence) == ["cat", "cat"]
    for rows in ("sequence,file_name\ns,gate/1.png\n", "sequence,file_name,quality\ns,gate/1.png,\n"):
        Path("t.csv").write_text(rows, "utf-8")
        refused = run("decide", small_model, "t.csv", "--policy", "p.yaml")
        assert (refused.status, refused.out) == (2, "")
        assert "weighs pictures by quality, and no quality is known" in refused.err
        assert "hint: " in refused.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("-",), "'-' is not taken here"),
        (("gate/empty",), "there is no picture in this folder"),
        (("nothing*.png",), "no picture matches this pattern"),
        (("t.csv", "-o", "t.csv"), "t.csv is read here: it would be lost"),
        (("t.csv", "--figures", "t.csv"), "t.csv is read here: it would be lost"),
        (("gate", "--policy", "p.yaml", "-o", "p.yaml"), "p.yaml is read here"),
        (("gate", "-o", "gate/1.png"), "has the name of a picture"),
        (("gate", "--figures", "gate/1.png"), "has the name of a picture"),
        (("gate", "--figures", "f.json"), "--figures: nothing says what is true"),
        (("t.csv", "--figures", "f.json", "-o", "./f.json"), "cannot hold the decisions and the figures"),
        (("t.csv", "--figures", "-"), "--figures writes a file"),
        (("gate", "--fps", "0"), "--fps 0 is not"),
        (("gate", "--fps", "nan"), "--fps nan is not"),
        (("gate", "--fps", "inf"), "--fps inf is not"),
        (("gate", "--fps", "1e-320"), "--fps 9.99989e-321 is not"),
        (("gate", "--fps", "1e7"), "--fps 1e+07 is not"),
        (("gate", "-o", "d.csv"), "d.csv: decisions over several pictures are not written as a table"),
        (("gate", "-o", "d.parquet"), "d.parquet: decisions over several pictures are not written as a table"),
        (("gate", "--runtime", ""), "there is no runtime ''"),
        (("gate", "--reference", "1920x1080", "--region", "a=0,0 1,0 1,1"), "look like shares of the picture"),
        (("gate", "--policy", "majority_vote:3/2s"), "counts in seconds"),
        (("gate", "--policy", "majority"), "there is no policy 'majority'"),
        (("gate", "--policy", "none.yaml"), "none.yaml cannot be read"),
        (("none.csv",), "none.csv: does not exist"),
    ],
)
def test_what_is_refused_before_any_work(
    run: Run, small_model: Path, gate: Path, arguments: tuple[str, ...], message: str
) -> None:
    (gate / "empty").mkdir()
    Path("t.csv").write_text(TABLE + "s,gate/1.png,0,cat\n", "utf-8")
    Path("p.yaml").write_text("type: threshold\n", "utf-8")
    before = {path: path.read_bytes() for path in Path().rglob("*") if path.is_file()}
    result = run("decide", small_model, *arguments)
    assert (result.status, result.out) == (2, "")
    assert message in result.err
    assert "hint: " in result.err
    assert {path: path.read_bytes() for path in Path().rglob("*") if path.is_file()} == before


def test_figures_do_not_go_over_the_model(run: Run, small_model: Path, gate: Path) -> None:
    content = small_model.read_bytes()
    assert "it would be lost" in run("decide", small_model, "gate", "--figures", small_model).err
    assert small_model.read_bytes() == content


def test_odd_names(run: Run, small_model: Path, tmp_path: Path) -> None:
    folder = os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9\x1b[2J")
    try:
        picture(Path(folder) / "\x1b]0;x\x07.png")
    except OSError:
        pytest.skip("this file system takes no such names")
    shown = run("decide", small_model, folder)
    assert "\x1b" not in shown.out
    assert r"caf\xe9\x1b[2J: 1 picture" in shown.out
    (sequence,) = decided(run("decide", small_model, folder, "--format", "json"))
    assert sequence["sequence"].endswith(r"caf\xe9\x1b[2J")


def test_who_reads_may_stop(small_model: Path, gate: Path) -> None:
    program = [sys.executable, "-m", "decisight", "decide", str(small_model), *["gate"] * 5, "--format", "jsonl"]
    with subprocess.Popen(program, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        running.stdout.close()
        said = running.stderr.read()
    assert (running.returncode, said) == (141, "")


@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_a_terminal_is_not_overrun(gear_model: Path, gate: Path, width: int) -> None:
    long = picture(gate / ("long" * 20 + ".png"))
    model = decisight.load(str(gear_model))
    found = decisight.decide(model, [str(long), str(gate / "3.png"), "no.png"], fps=5.0)
    lines = plain(sequence_lines(found, width)).splitlines()[1:]
    assert max(map(len, lines)) <= max(width, 60)
    flat = plain(sequence_lines(found))
    assert long.name in flat
    words = " ".join(plain(sequence_lines(found, 80)).split())
    assert "votes of 3: worn 1, missing 1, 1 for no label (3 needed)" in words


def test_days_are_told_once(small_model: Path) -> None:
    white = np.full((8, 8, 3), 255, np.uint8)
    found = decisight.decide(decisight.load(str(small_model)), [white] * 2, times=[1.7e9, 1.7e9 + 2.5])
    text = plain(sequence_lines(found))
    assert "2 pictures, from 2023-11-14 22:13:20 UTC on" in text
    assert "2.5 s" in text


def test_a_table_as_spreadsheets_write_it(small_model: Path, gate: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Path("t.tsv").open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream, delimiter="\t").writerows([["sequence", "file_name"], ["a b", "gate/1.png"]])
    assert main(["decide", str(small_model), "t.tsv", "--format", "jsonl"]) == 0
    assert json.loads(capsys.readouterr().out)["sequence"] == "a b"

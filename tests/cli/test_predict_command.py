"""``decisight predict`` says what it sees, in every format, whatever lies among the pictures."""

from __future__ import annotations

import contextlib
import csv
import glob
import io
import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from decisight.cli.pictures import PictureSearch, _matches

from .conftest import BLACK, Run, picture


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_json_is_one_list_in_the_documented_shape(run: Run, small_model: Path, photos: Path) -> None:
    result = run("predict", small_model, photos / "bright1.jpg", photos / "dark1.jpg", "--format", "json")
    bright, dark = json.loads(result.out)
    assert result.status == 0
    assert list(bright) == ["image", "model", "runtime", "classifierResults", "decision"]
    assert bright["runtime"]["name"] == "onnxruntime"
    assert bright["image"] == str(photos / "bright1.jpg")
    assert bright["model"]["name"] == "small"
    assert bright["model"]["digest"].startswith("sha256:")
    assert [entry["label"] for entry in bright["classifierResults"]] == ["cat", "dog"]
    assert [entry["label"] for entry in dark["classifierResults"]] == ["dog", "cat"]
    assert sum(entry["confidence"] for entry in bright["classifierResults"]) == pytest.approx(1.0)
    assert bright["decision"] == {
        "state": "cat",
        "confidence": bright["classifierResults"][0]["confidence"],
        "reason": "accepted",
    }


def test_several_groups_are_named(run: Run, gear_model: Path, photos: Path) -> None:
    (answer,) = json.loads(run("predict", gear_model, photos / "bright1.jpg", "--format", "json").out)
    assert [(entry["group"], entry["label"]) for entry in answer["classifierResults"]] == [
        ("helmet", "worn"),
        ("helmet", "missing"),
        ("vest", "missing"),
        ("vest", "worn"),
        ("extras", "gloves"),
        ("extras", "goggles"),
    ]
    assert {group: decision["state"] for group, decision in answer["decisions"].items()} == {
        "helmet": "worn",
        "vest": "missing",
        "extras": ["gloves"],
    }


def test_jsonl_is_the_same_answers_a_line_each(run: Run, small_model: Path, photos: Path) -> None:
    whole = json.loads(run("predict", small_model, photos, "--format", "json").out)
    lines = run("predict", small_model, photos, "--format", "jsonl").out.splitlines()
    assert [json.loads(line) for line in lines] == whole


def test_csv_has_a_row_a_picture(run: Run, small_model: Path, photos: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken, really.jpg"
    broken.write_bytes(b"")
    result = run("predict", small_model, photos / "dark1.jpg", broken, "--format", "csv")
    dark, failed = rows(result.out)
    assert result.status == 1
    assert list(dark) == ["image", "state", "confidence", "reason", "cat", "dog", "error"]
    assert dark["state"] == "dog"
    assert float(dark["cat"]) + float(dark["dog"]) == pytest.approx(1.0)
    assert failed["image"] == str(broken)
    assert failed["state"] == failed["cat"] == ""
    assert "empty" in failed["error"]


def test_csv_of_several_groups(run: Run, gear_model: Path, photos: Path) -> None:
    (bright,) = rows(run("predict", gear_model, photos / "bright1.jpg", "--format", "csv").out)
    assert list(bright) == [
        "image",
        *(f"{group}.{name}" for group in ("helmet", "vest", "extras") for name in ("state", "confidence", "reason")),
        *("helmet:worn", "helmet:missing", "vest:worn", "vest:missing", "extras:gloves", "extras:goggles"),
        "error",
    ]
    assert bright["extras.state"] == "gloves"


def test_a_folder_is_searched_in_natural_order(run: Run, small_model: Path, photos: Path) -> None:
    (photos / "notes.txt").write_text("not a picture")
    picture(photos / ".hidden.jpg")
    picture(photos / ".trash/old.jpg")
    picture(photos / "@eaDir/thumb.jpg")
    answers = json.loads(run("predict", small_model, photos, "--format", "json").out)
    assert [os.path.relpath(answer["image"], photos) for answer in answers] == [
        "bright1.jpg",
        "bright2.png",
        "dark1.jpg",
        "sub/dark2.jpg",
        "sub/dark10.jpg",
    ]


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("*.jpg", ["bright1.jpg", "dark1.jpg"]),
        ("**/*.jpg", ["bright1.jpg", "dark1.jpg", "sub/dark2.jpg", "sub/dark10.jpg"]),
        ("**", ["bright1.jpg", "bright2.png", "dark1.jpg", "sub/dark2.jpg", "sub/dark10.jpg"]),
        ("s*", ["sub/dark2.jpg", "sub/dark10.jpg"]),
        ("bright[12].*", ["bright1.jpg", "bright2.png"]),
    ],
)
def test_patterns_that_the_shell_left_alone(
    run: Run, small_model: Path, photos: Path, pattern: str, found: list[str]
) -> None:
    answers = json.loads(run("predict", small_model, photos / pattern, "--format", "json").out)
    assert [os.path.relpath(answer["image"], photos) for answer in answers] == found


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("**/*.jpg", ["bright1.jpg", "dark1.jpg", "sub/dark2.jpg", "sub/dark10.jpg"]),
        ("**", ["bright1.jpg", "bright2.png", "dark1.jpg", "sub/dark2.jpg", "sub/dark10.jpg"]),
        ("**/sub/**/*10.jpg", ["sub/dark10.jpg"]),
        ("sub/again/*.jpg", ["sub/again/bright1.jpg", "sub/again/dark1.jpg"]),
    ],
)
def test_links_in_a_circle_end_a_pattern_as_well(photos: Path, pattern: str, found: list[str]) -> None:
    for name in ("again", "once_more"):
        (photos / "sub" / name).symlink_to(photos)
        (photos / name).symlink_to(photos / "sub")
    (photos / "itself").symlink_to(photos / "itself")
    search = PictureSearch([str(photos / pattern)])
    assert [os.path.relpath(path, photos) for path in search] == found
    assert search.complaints == []


def test_a_pattern_goes_through_links_to_elsewhere_once(photos: Path, tmp_path: Path) -> None:
    picture(tmp_path / "elsewhere" / "far.jpg")
    for name in ("b", "a"):
        (photos / name).symlink_to(tmp_path / "elsewhere")
    (found,) = PictureSearch([str(photos / "**/far.jpg")])
    assert os.path.basename(os.path.dirname(found)) in ("a", "b")


parts = st.sampled_from(["a", "b.jpg", ".c", "a*", "*.jpg", ".*", "?", "[ab]*", "*", "**", "**", "..", ""])


@example(files=["a/ab"], pattern="**/a/**/ab/**", absolute=False)
@example(files=["a"], pattern="**/a/**/**", absolute=False)
@settings(max_examples=150, deadline=None)
@given(
    files=st.lists(st.lists(st.sampled_from(["a", "ab", ".c", "b.jpg"]), max_size=3).map("/".join), max_size=8),
    pattern=st.lists(parts, min_size=1, max_size=4).map("/".join).filter(lambda text: not text.startswith("/")),
    absolute=st.booleans(),
)
def test_without_links_a_pattern_matches_what_glob_matches(files: list[str], pattern: str, absolute: bool) -> None:
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        # So deep that .. leads no pattern out of the folder, to all that the machine holds.
        root = os.path.join(folder, "1", "2", "3", "root")
        os.makedirs(root)
        patch.chdir(root)
        for name in files:
            with contextlib.suppress(FileExistsError, NotADirectoryError, IsADirectoryError):
                path = Path(root, name, "x.jpg")
                path.parent.mkdir(parents=True, exist_ok=True)
                path.touch()
        wanted = os.path.join(root, pattern) if absolute else pattern
        matched = {path for path in glob.iglob(wanted, recursive=True) if os.path.isfile(path)}
        found = [path for path in _matches(wanted) if os.path.isfile(path)]
        if pattern.endswith("/") and pattern.rstrip("/").endswith("**"):  # glob has folders alone
            return
        if ".." in pattern.split("/"):  # one folder under several names, of which the first is searched
            assert {os.path.realpath(path) for path in found} == {os.path.realpath(path) for path in matched}
        else:
            assert sorted(found) == sorted(matched)


def test_a_name_that_looks_like_a_pattern_is_a_name(run: Run, small_model: Path, tmp_path: Path) -> None:
    name = picture(tmp_path / "photo[1].png")
    assert run("predict", small_model, name).status == 0


def test_a_picture_named_twice_is_predicted_twice(run: Run, small_model: Path, photos: Path) -> None:
    answers = json.loads(run("predict", small_model, *[photos / "dark1.jpg"] * 2, "--format", "json").out)
    assert len(answers) == 2
    assert answers[0] == answers[1]


@pytest.mark.parametrize(("options", "end"), [([], b"\n"), ([], b"\r\n"), (["-0"], b"\0"), (["--null"], b"\0")])
def test_a_list_on_standard_input(run: Run, small_model: Path, photos: Path, options: list[str], end: bytes) -> None:
    names = [photos / "dark1.jpg", photos / "sub", photos / "bright1.jpg"]
    listed = end.join(os.fsencode(name) for name in names) + end + end
    result = run("predict", small_model, "-", "--format", "json", *options, stdin=listed)
    found = [os.path.relpath(answer["image"], photos) for answer in json.loads(result.out)]
    assert found == ["dark1.jpg", "sub/dark2.jpg", "sub/dark10.jpg", "bright1.jpg"]


@pytest.mark.parametrize("options", [[], ["-0"]])
def test_a_byte_order_mark_is_no_part_of_a_name(run: Run, small_model: Path, photos: Path, options: list[str]) -> None:
    end = b"\0" if options else b"\r\n"
    marked = photos / "\ufeffmarked.jpg"
    (photos / "dark1.jpg").rename(marked)
    for names in ([photos / "bright1.jpg", marked], [photos / "bright1.jpg"]):
        listed = b"\xef\xbb\xbf" + end.join(os.fsencode(name) for name in names)
        result = run("predict", small_model, "-", "--format", "json", *options, stdin=listed)
        assert [answer["image"] for answer in json.loads(result.out)] == [str(name) for name in names]
    # The mark at the beginning of the second name is a part of it.
    result = run("predict", small_model, "-", *options, stdin=b"\xef\xbb\xbf")
    assert "the list on standard input is empty" in result.err


@pytest.mark.parametrize("format", ["jsonl", "csv", "table"])
def test_the_answer_of_a_picture_does_not_wait_for_the_next_name(small_model: Path, photos: Path, format: str) -> None:
    command = [sys.executable, "-m", "decisight", "predict", str(small_model), "-", "--format", format]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin is not None
    assert process.stdout is not None
    if format != "jsonl":
        process.stdin.write(b"\n")
    for at, name in enumerate(("bright1.jpg", "dark1.jpg", "sub/dark2.jpg")):
        process.stdin.write(os.fsencode(photos / name) + b"\n")
        process.stdin.flush()
        # Nothing else was written: without this answer, the test would stand still.
        if at == 0 and format != "jsonl":
            assert process.stdout.readline().startswith(b"image")
        assert os.fsencode(name) in process.stdout.readline()
    assert process.communicate()[0] == b""
    assert process.returncode == 0


@pytest.mark.usefixtures("heeding_signals")
def test_an_interrupt_while_a_list_is_silent_ends_the_program(small_model: Path, photos: Path) -> None:
    command = [sys.executable, "-m", "decisight", "predict", str(small_model), "-", "--format", "jsonl"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdin.write(os.fsencode(photos / "dark1.jpg") + b"\n")
        process.stdin.flush()
        assert b"dark1.jpg" in process.stdout.readline()
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130
        assert process.stderr.read().startswith(b"interrupted; ")


def test_names_with_line_feeds_come_through_null(run: Run, small_model: Path, tmp_path: Path) -> None:
    name = picture(tmp_path / "two\nlines.png")
    result = run("predict", small_model, "-", "-0", "--format", "json", stdin=os.fsencode(name) + b"\0")
    assert json.loads(result.out)[0]["image"] == str(name)


def test_a_bad_file_has_its_own_row_and_the_rest_goes_on(
    run: Run, small_model: Path, photos: Path, tmp_path: Path
) -> None:
    text = tmp_path / "text.jpg"
    text.write_text("this is text")
    arguments = [photos / "dark1.jpg", text, tmp_path / "nowhere.jpg", photos / "bright1.jpg"]
    result = run("predict", small_model, *arguments, "--format", "json")
    first, bad, missing, last = json.loads(result.out)
    assert result.status == 1
    assert (first["decision"]["state"], last["decision"]["state"]) == ("dog", "cat")
    assert bad == {"image": str(text), "error": bad["error"]}
    assert "not a picture" in bad["error"]
    assert "does not exist" in missing["error"]
    assert "2 of 4 pictures could not be read" in result.err


@pytest.mark.parametrize("format", ["table", "json", "jsonl", "csv"])
def test_a_file_is_written_as_standard_output_would_be(
    run: Run, small_model: Path, photos: Path, tmp_path: Path, format: str
) -> None:
    target = tmp_path / "answers"
    printed = run("predict", small_model, photos, "--format", format).out
    result = run("predict", small_model, photos, "--format", format, "-o", target)
    assert (result.status, result.out) == (0, "")
    assert target.read_text("utf-8") == printed
    assert [path.name for path in tmp_path.iterdir() if path.name.endswith(".part")] == []


@pytest.mark.parametrize(
    ("name", "start"), [("a.json", "[\n{"), ("a.jsonl", '{"image"'), ("a.csv", "image,"), ("a.txt", "image  ")]
)
def test_the_name_of_the_output_says_the_format(
    run: Run, small_model: Path, photos: Path, tmp_path: Path, name: str, start: str
) -> None:
    run("predict", small_model, photos, "-o", tmp_path / name)
    assert (tmp_path / name).read_text("utf-8").startswith(start)


def test_an_output_that_is_a_link_stays_one(run: Run, small_model: Path, photos: Path, tmp_path: Path) -> None:
    (tmp_path / "real.json").write_text("old")
    (tmp_path / "link.json").symlink_to(tmp_path / "real.json")
    run("predict", small_model, photos, "-o", tmp_path / "link.json")
    assert (tmp_path / "link.json").is_symlink()
    assert json.loads((tmp_path / "real.json").read_text())


def test_the_table_names_what_was_decided(run: Run, gear_model: Path, photos: Path) -> None:
    heading, *lines = run("predict", gear_model, photos / "bright1.jpg", "--top", "1").out.splitlines()
    assert heading.split() == ["image", "group", "decision", "confidence", "labels"]
    assert [line.split()[-5:-3] for line in lines] == [["helmet", "worn"], ["vest", "missing"], ["extras", "gloves"]]
    assert [line.split()[-2] for line in lines] == ["worn", "missing", "gloves"]


def test_top_limits_the_labels_of_the_table(run: Run, photos: Path) -> None:
    line = run("predict", "imagenet:efficientnet_lite0", photos / "dark1.jpg", "--top", "3").out.splitlines()[1]
    assert line.count(", ") == 2


def test_a_threshold_that_is_not_met_gives_the_fall_back(run: Run, small_model: Path, photos: Path) -> None:
    arguments = ["predict", small_model, photos / "bright1.jpg", "--format", "json"]
    (met,) = json.loads(run(*arguments, "--threshold", "cat=0.9").out)
    (unmet,) = json.loads(run(*arguments, "--threshold", "class:cat=1", "--fallback", "ask").out)
    assert met["decision"]["reason"] == "accepted"
    assert unmet["decision"] == {
        "state": "ask",
        "confidence": met["decision"]["confidence"],
        "reason": "below_threshold",
    }
    assert unmet["classifierResults"] == met["classifierResults"]


def test_thresholds_add_to_those_of_the_model(run: Run, gear_model: Path, photos: Path) -> None:
    options = ["--threshold", "helmet:worn=1", "--threshold", "goggles=0.01", "--format", "json"]
    (answer,) = json.loads(run("predict", gear_model, photos / "bright1.jpg", *options).out)
    states = {group: decision["state"] for group, decision in answer["decisions"].items()}
    assert states == {"helmet": "unknown", "vest": "missing", "extras": ["gloves", "goggles"]}


def test_the_answers_do_not_depend_on_the_threads(run: Run, small_model: Path, photos: Path) -> None:
    alone, several = (
        json.loads(run("predict", small_model, photos, "--format", "json", "--threads", threads).out)
        for threads in ("1", "3")
    )
    assert [answer["decision"]["confidence"] for answer in alone] == pytest.approx(
        [answer["decision"]["confidence"] for answer in several], abs=1e-6
    )


def test_many_pictures_keep_their_order(run: Run, small_model: Path, tmp_path: Path) -> None:
    names = [picture(tmp_path / "many" / f"{at}.png", BLACK if at % 3 else (255, 255, 255)) for at in range(60)]
    answers = json.loads(run("predict", small_model, tmp_path / "many", "--format", "json").out)
    assert [answer["image"] for answer in answers] == [str(name) for name in names]
    assert [answer["decision"]["state"] for answer in answers] == ["dog" if at % 3 else "cat" for at in range(60)]


def test_a_link_to_a_folder_above_ends(run: Run, small_model: Path, photos: Path) -> None:
    (photos / "sub" / "loop").symlink_to(photos)
    assert len(json.loads(run("predict", small_model, photos, "--format", "json").out)) == 5

"""What is said of pictures is written at once, kept over restarts, and never lost to anybody."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from PIL import Image

from decisight.collecting.groups import Group, parse_group
from decisight.collecting.labelling import Labelling
from decisight.collecting.table import append_row
from decisight.data import read_dataset
from decisight.errors import DataError, DecisightError, OutputError, UsageError
from decisight.types import LabelGroup, Task

HELMET = "helmet=worn,missing"
GEAR = "gear*=vest,gloves"
COLLECTED = "file_name,camera,region,time,source,note\n" + "".join(
    f"{name}.jpg,g,bay,2026-01-01T00:00:0{at}Z,{'s1' if at < 3 else 's2'},n{at}\n" for at, name in enumerate("abcde")
)

Open = Callable[..., Labelling]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Pictures a.jpg to e.jpg, and a table of them as it was collected."""
    place = tmp_path / "collected"
    pictures(place, "abcde")
    (place / "metadata.csv").write_text(COLLECTED)
    return place


@pytest.fixture
def opened(request: pytest.FixtureRequest) -> Open:
    """Open a folder; it is let go of at the end."""

    def open_folder(path: Path, *groups: str, task: Task | None = None) -> Labelling:
        found = Labelling.open(path, [parse_group(text) for text in groups], task)
        request.addfinalizer(found.close)
        return found

    return open_folder


def pictures(folder: Path, names: Sequence[str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for at, name in enumerate(names):
        Image.new("RGB", (8, 8), (at, at, at)).save(folder / f"{name}.jpg")


def column(folder: Path, name: str) -> list[str]:
    header, *lines = (folder / "metadata.csv").read_text().splitlines()
    return [line.split(",")[header.split(",").index(name)] for line in lines]


def test_each_label_is_written_at_once(folder: Path, opened: Open) -> None:
    of = opened(folder, HELMET)
    of.choose([0], "helmet", "worn")
    assert column(folder, "helmet") == ["worn", "", "", "", ""]
    of.choose([0], "helmet", "missing")
    of.choose([1, 2], "helmet", "worn")
    assert column(folder, "helmet") == ["missing", "worn", "worn", "", ""]
    # All else stays.
    assert column(folder, "note") == ["n0", "n1", "n2", "n3", "n4"]
    of.clear([1])
    assert column(folder, "helmet") == ["missing", "", "worn", "", ""]


def test_independent_labels_are_added_and_taken_away(folder: Path, opened: Open) -> None:
    of = opened(folder, HELMET, GEAR)
    of.choose([0], "gear", "gloves")
    of.choose([0], "gear", "vest")
    of.choose([1], "gear", "-")
    assert column(folder, "gear") == ["vest|gloves", "-", "", "", ""]
    assert not of.done(0)
    of.choose([0, 1], "gear", "gloves")  # not all have it: those that have not get it
    assert column(folder, "gear") == ["vest|gloves", "gloves", "", "", ""]
    of.choose([0, 1], "gear", "gloves")
    # With its last label gone nothing is known, as before the first.
    assert column(folder, "gear") == ["vest", "", "", "", ""]


def test_labels_that_are_written_otherwise_or_not_known_stay(folder: Path, opened: Open) -> None:
    opened(folder, "gear*=vest,Mütze").close()
    rows = ["g,bay,t,s1,n0,Mu\u0308tze", *[f"g,bay,t,s1,n{at}," for at in range(1, 5)]]
    table = "file_name,camera,region,time,source,note,gear\n"
    table += "".join(f"{name}.jpg,{row}\n" for name, row in zip("abcde", rows, strict=True))
    (folder / "metadata.csv").write_text(table)
    of = opened(folder)
    assert of.groups == [Group("gear", ["vest", "Mütze"], "independent")]
    assert of.chosen(0, "gear") == ("Mütze",)
    of.choose([0], "gear", "vest")
    pictures(folder, ["f"])
    with (folder / "metadata.csv").open("a") as file:
        file.write("f.jpg,g,bay,t,s1,n5,scarf\n")
    assert of.catch_up()
    of.choose([5], "gear", "vest")
    assert (column(folder, "gear")[0], column(folder, "gear")[5]) == ("vest|Mütze", "vest|scarf")


def test_undo_takes_back_step_by_step(folder: Path, opened: Open) -> None:
    of = opened(folder, HELMET)
    of.choose([0], "helmet", "worn")
    of.choose([1, 2], "helmet", "missing")
    of.exclude([3])
    assert (of.undo(), column(folder, "helmet"), of.excluded(3)) == (3, ["worn", "missing", "missing", "", ""], False)
    assert (of.undo(), column(folder, "helmet")) == (1, ["worn", "", "", "", ""])
    assert (of.undo(), column(folder, "helmet")) == (0, ["", "", "", "", ""])
    assert of.undo() is None


def test_all_is_there_the_next_time(folder: Path, opened: Open) -> None:
    of = opened(folder, HELMET, GEAR)
    of.choose([0], "helmet", "worn")
    of.add_label("helmet", "no head")
    of.exclude([4])
    of.close()
    again = opened(folder)
    assert again.groups == [
        Group("helmet", ["worn", "missing", "no head"]),
        Group("gear", ["vest", "gloves"], "independent"),
    ]
    assert again.chosen(0, "helmet") == ("worn",)
    assert again.excluded(4)
    assert [again.done(row) for row in range(5)] == [False, False, False, False, True]


def test_groups_that_are_asked_for_are_kept_and_the_others_too(folder: Path, opened: Open) -> None:
    opened(folder, HELMET, GEAR).close()
    of = opened(folder, "helmet=worn,none")
    assert of.groups == [Group("helmet", ["worn", "none", "missing"])]
    of.exclude([0])
    of.close()
    assert [group.name for group in opened(folder).groups] == ["helmet", "gear"]


def test_what_is_left_out_is_not_learnt_from(folder: Path, opened: Open) -> None:
    of = opened(folder, HELMET)
    for row in range(4):
        of.choose([row], "helmet", "worn" if row % 2 else "missing")
    of.choose([4], "helmet", "worn")
    of.exclude([4])
    assert column(folder, "helmet")[4] == ""
    dataset = read_dataset(folder, groups=["helmet"])
    assert len(dataset) == 4
    assert {example.source for example in dataset.examples} == {"s1", "s2"}
    # Undone, its label is back.
    of.undo()
    assert column(folder, "helmet")[4] == "worn"


def test_the_same_as_the_last_one(folder: Path, opened: Open) -> None:
    of = opened(folder, HELMET, GEAR)
    assert not of.repeat([1])
    of.choose([0], "helmet", "worn")
    of.choose([0], "gear", "vest")
    assert of.repeat([1, 2])
    assert column(folder, "gear") == ["vest", "vest", "vest", "", ""]
    of.exclude([3])
    assert of.repeat([4])
    assert of.excluded(4)


def test_suggestions_are_accepted_where_nothing_is_said(folder: Path, opened: Open) -> None:
    task = Task((LabelGroup("helmet", ("missing", "worn")), LabelGroup("gear", ("vest", "gloves"), "independent")))
    of = opened(folder, task=task)
    assert [group.name for group in of.groups] == ["helmet", "gear"]
    of.suggestions["a.jpg"] = {"helmet": {"worn": 0.6, "missing": 0.4}, "gear": {"vest": 0.9, "gloves": 0.1}}
    of.suggestions["b.jpg"] = {"helmet": {"worn": 0.1, "missing": 0.9}, "gear": {"vest": 0.1, "gloves": 0.2}}
    assert (of.suggested(0, "helmet"), of.suggested(1, "gear"), of.suggested(2, "gear")) == ("worn", "-", None)
    assert of.uncertainty(0) == pytest.approx(0.8)
    assert of.uncertainty(2) is None
    of.choose([0], "helmet", "missing")
    assert of.accept(0)
    assert of.accept(1)
    assert not of.accept(2)
    assert (column(folder, "helmet")[:2], column(folder, "gear")[:2]) == (["missing", "missing"], ["vest", "-"])
    assert of.disagrees(0)
    assert not of.disagrees(1)
    assert not of.disagrees(2)


def test_what_was_predicted_while_collecting_is_suggested(folder: Path, opened: Open) -> None:
    results = [{"group": "helmet", "label": "worn", "confidence": 0.55}]
    lines = [json.dumps({"file_name": "b.jpg", "model": "m", "results": results}), "{half a li"]
    (folder / "predictions.jsonl").write_text("\n".join(lines))
    of = opened(folder, HELMET)
    assert of.suggested(1, "helmet") == "worn"
    assert of.suggested(0, "helmet") is None


def test_pictures_of_one_source(folder: Path, opened: Open) -> None:
    of = opened(folder, HELMET)
    assert (of.run(1), of.run(4)) == ([0, 1, 2], [3, 4])
    assert of.about(0) == "g · bay · 2026-01-01T00:00:00Z"


def test_bare_pictures_get_a_table(tmp_path: Path, opened: Open) -> None:
    pictures(tmp_path / "photos", ["10", "2", "b"])
    of = opened(tmp_path / "photos")
    assert (of.groups, of.run(0)) == ([], [0])
    assert not (tmp_path / "photos/metadata.csv").exists()
    of.add_group("kind", ["car", "bus"])
    of.choose([0], "kind", "car")
    assert (tmp_path / "photos/metadata.csv").read_text() == "file_name,kind\n2.jpg,car\n10.jpg,\nb.jpg,\n"


def test_pictures_without_a_row_get_one_unless_the_table_divides_them(folder: Path, opened: Open) -> None:
    pictures(folder, ["f"])
    of = opened(folder, HELMET)
    assert of.name(5) == "f.jpg"
    of.choose([5], "helmet", "worn")
    assert column(folder, "file_name")[-1] == "f.jpg"
    of.close()
    (folder / "metadata.csv").write_text("file_name,helmet,split\na.jpg,worn,train\n")
    assert len(opened(folder).pictures) == 1


def test_what_is_collected_meanwhile_is_taken_in(folder: Path, opened: Open) -> None:
    of = opened(folder, HELMET)
    of.choose([0], "helmet", "worn")
    pictures(folder, ["f", "g"])
    append_row(folder / "metadata.csv", {"file_name": "f.jpg", "camera": "g", "source": "s2"})
    assert of.catch_up()
    assert not of.catch_up()
    assert (of.pictures, of.run(5)) == ([0, 1, 2, 3, 4, 5], [5])
    append_row(folder / "metadata.csv", {"file_name": "g.jpg", "camera": "g", "source": "s3"})
    of.choose([1], "helmet", "missing")
    assert column(folder, "helmet") == ["worn", "missing", "", "", "", "", ""]


def test_what_somebody_else_has_changed_is_noticed(folder: Path, opened: Open) -> None:
    of = opened(folder, HELMET)
    of.choose([0], "helmet", "worn")
    theirs = (folder / "metadata.csv").read_text().replace("n1", "mine")
    (folder / "metadata.csv").write_text(theirs)
    of.choose([1], "helmet", "worn")
    of.exclude([2])
    assert of.conflict
    assert (folder / "metadata.csv").read_text() == theirs
    assert (of.chosen(1, "helmet"), of.excluded(2)) == ((), False)
    of.read_again()
    assert not of.conflict
    of.choose([1], "helmet", "worn")
    assert column(folder, "note")[1] == "mine"
    assert column(folder, "helmet")[:2] == ["worn", "worn"]


def test_suggestions_stay_with_their_pictures_when_rows_move(folder: Path, opened: Open) -> None:
    of = opened(folder, HELMET)
    of.suggestions["b.jpg"] = {"helmet": {"worn": 0.9, "missing": 0.1}}
    header, first, *rest = (folder / "metadata.csv").read_text().splitlines()
    (folder / "metadata.csv").write_text("\n".join([header, *rest, first, ""]))
    of.choose([0], "helmet", "worn")
    of.read_again()
    assert [of.name(row) for row in of.pictures] == ["b.jpg", "c.jpg", "d.jpg", "e.jpg", "a.jpg"]
    assert [of.suggested(row, "helmet") for row in of.pictures] == ["worn", None, None, None, None]


def test_a_picture_that_is_being_stored_gets_one_row(folder: Path, opened: Open) -> None:
    pictures(folder, ["f"])  # its row comes a moment later
    of = opened(folder, HELMET)
    append_row(folder / "metadata.csv", {"file_name": "f.jpg", "camera": "g", "source": "s9"})
    of.choose([5], "helmet", "worn")
    assert column(folder, "file_name") == ["a.jpg", "b.jpg", "c.jpg", "d.jpg", "e.jpg", "f.jpg"]
    assert (column(folder, "source")[5], column(folder, "helmet")[5]) == ("s9", "worn")


@pytest.mark.skipif(sys.platform != "linux", reason="other systems take no such names")
def test_pictures_whose_names_a_table_cannot_hold(folder: Path, opened: Open) -> None:
    content = (folder / "a.jpg").read_bytes()
    for name in (b"caf\xe9.jpg", b" first.jpg"):
        Path(os.fsdecode(os.fsencode(folder) + b"/" + name)).write_bytes(content)
    (folder / "re\rturn.jpg").write_bytes(content)
    for _ in range(2):
        of = opened(folder, HELMET)
        assert (len(of.pictures), of.missing, of.unnameable) == (6, 0, 2)
        of.choose([5], "helmet", "worn")
        of.close()
    assert opened(folder).name(5) == "re\rturn.jpg"


def test_what_is_left_out_is_not_written_where_the_table_cannot_be(
    folder: Path, opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    of = opened(folder, HELMET)
    of.choose([0], "helmet", "worn")
    with monkeypatch.context() as patch:

        def full(*_: object) -> None:
            raise OSError(28, "No space left on device")

        patch.setattr("decisight.collecting.table.os.fsync", full)
        with pytest.raises(OutputError):
            of.exclude([0])
    of.close()
    again = opened(folder)
    assert (again.excluded(0), again.chosen(0, "helmet")) == (False, ("worn",))


def test_what_cannot_be_written_is_as_before(folder: Path, opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    of = opened(folder, HELMET)
    of.choose([0], "helmet", "worn")
    with monkeypatch.context() as patch:

        def full(*_: object) -> None:
            raise OSError(28, "No space left on device")

        patch.setattr("decisight.collecting.table.os.fsync", full)
        with pytest.raises(OutputError, match="No space left"):
            of.choose([1], "helmet", "worn")
    assert (of.chosen(1, "helmet"), column(folder, "helmet")) == ((), ["worn", "", "", "", ""])
    of.choose([1], "helmet", "missing")
    assert of.undo() == 1
    assert of.undo() == 0


def test_one_process_labels_a_folder(folder: Path, opened: Open) -> None:
    of = opened(folder)
    with pytest.raises(OutputError, match="is being labelled by another process"):
        Labelling.open(folder)
    of.close()
    opened(folder)


@pytest.mark.parametrize(
    ("files", "says"),
    [
        ({}, "there are no pictures in it"),
        ({"helmet/a.jpg": "", "none/b.jpg": ""}, "its pictures lie in folders of their own (helmet, ...)"),
        ({"metadata.jsonl": "{}", "a.jpg": ""}, "metadata.jsonl, which cannot be edited here"),
        ({"metadata.csv": "name,b\nx,y\n", "a.jpg": ""}, "no column 'file_name'"),
        ({"metadata.csv": "file_name,b\nx.jpg,y\n"}, "no pictures in it; 1 files that its table names are not there"),
        ({"labels.json": "[", "a.jpg": ""}, "labels.json: cannot be read"),
        ({"labels.json": "{}", "a.jpg": ""}, "labels.json: is not one that was written here"),
    ],
)
def test_what_cannot_be_labelled(files: dict[str, str], says: str, tmp_path: Path) -> None:
    place = tmp_path / "photos"
    place.mkdir()
    for name, content in files.items():
        (place / name).parent.mkdir(exist_ok=True)
        (place / name).write_text(content)
    with pytest.raises(DecisightError) as caught:
        Labelling.open(place)
    assert says in caught.value.message
    assert caught.value.hint
    # It is let go of.
    with pytest.raises(DataError):
        Labelling.open(place)


def test_what_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").touch()
    for name, says in (("none", "does not exist"), ("a.jpg", "is no folder, nor a CSV file")):
        with pytest.raises(DataError, match=says):
            Labelling.open(tmp_path / name)


@pytest.mark.parametrize("label", ["", " ", "-", "a|b", "WORN", "worn", "a\nb"])
def test_labels_that_cannot_be_added(label: str, folder: Path, opened: Open) -> None:
    of = opened(folder, HELMET)
    with pytest.raises(UsageError):
        of.add_label("helmet", label)
    assert of.groups[0].labels == ["worn", "missing"]


@pytest.mark.parametrize("text", ["", "=a", "time=a", "a:b=c", "a=b,b", "a=-", "file_name=x"])
def test_groups_that_cannot_be_made(text: str) -> None:
    with pytest.raises(UsageError):
        parse_group(text)


def test_a_group_that_is_there_is_not_made_again(folder: Path, opened: Open) -> None:
    of = opened(folder, HELMET)
    for name in ("helmet", "Helmet", "note"):
        with pytest.raises(UsageError):
            of.add_group(name, [])


def test_groups_are_found_in_the_table(tmp_path: Path, opened: Open) -> None:
    pictures(tmp_path, "ab")
    (tmp_path / "metadata.csv").write_text("file_name,role,gear\na.jpg,visitor,vest|cap\nb.jpg,operator,-\n")
    of = opened(tmp_path)
    assert of.groups == [Group("role", ["operator", "visitor"]), Group("gear", ["cap", "vest"], "independent")]
    of.close()
    # Those that are asked for, with the labels that are there.
    assert opened(tmp_path, "role=supervisor").groups == [Group("role", ["supervisor", "operator", "visitor"])]

"""One camera: which of its pictures are stored, how they are cut, and what is known of them afterwards."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.familiar import knowing

from decisight.collecting import Choice, Collector, PictureFolder, View, uncertainty
from decisight.collecting import folder as folder_module
from decisight.collecting.folder import Crop
from decisight.data import read_dataset
from decisight.errors import OutputError, UsageError
from decisight.gates.brightness import Brightness
from decisight.gates.interval import Interval
from decisight.gates.motion import Motion
from decisight.imaging import Pixels, read_image
from decisight.models.classifier import Classifier, load
from decisight.pipeline import cut
from decisight.regions import Region
from decisight.types import Frame, LabelGroup, Prediction, Task

BEGIN = 1_777_000_000.0
FILL = (127, 127, 127)
GATE = Region("gate", ((0.25, 0.0), (0.75, 0.0), (0.75, 1.0), (0.5, 0.5)))


def scene(at: int, size: tuple[int, int] = (96, 128)) -> Pixels:
    """A picture that is like no other."""
    random = np.random.default_rng(at)
    return random.integers(40, 200, (size[0] // 16, size[1] // 16, 3)).repeat(16, 0).repeat(16, 1).astype(np.uint8)


def frames(*seconds: float, seeds: Sequence[int] | None = None) -> list[Frame]:
    """Pictures at these seconds, each like no other; or those of the seeds."""
    return [
        Frame(f"{second}", BEGIN + second, scene(at if seeds is None else seeds[at]), at)
        for at, second in enumerate(seconds)
    ]


def collector(
    path: Path, *views: View, camera: str = "gate-1", groups: Sequence[str] = (), png: bool = False, **choice: object
) -> Collector:
    folder = PictureFolder(path, groups, "png" if png else "jpg")
    return Collector(camera, views or (View(None, FILL),), Choice(**choice), folder)  # type: ignore[arg-type]


def collected(one: Collector, taken: Sequence[Frame]) -> list[str]:
    return [name for frame in taken for name in one.take(frame)]


def rows(path: Path) -> list[dict[str, str]]:
    with (path / "metadata.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_a_picture_is_stored_as_the_watcher_would_see_it(tmp_path: Path) -> None:
    one = collector(tmp_path / "c", View(GATE, FILL), png=True)
    (frame,) = frames(0.1239)
    (name,) = collected(one, [frame])
    assert name == "gate-1_gate_20260424T030640.123Z.png"
    assert frame.pixels is not None
    np.testing.assert_array_equal(read_image(tmp_path / "c" / name), cut(GATE, frame.pixels, FILL))
    assert rows(tmp_path / "c") == [
        {
            "file_name": name,
            "camera": "gate-1",
            "region": "gate",
            "time": "2026-04-24T03:06:40.123Z",
            "source": "gate-1 2026-04-24T03:06:40.123Z",
        }
    ]


def test_jpeg_changes_little(tmp_path: Path) -> None:
    (frame,) = frames(0)
    (name,) = collected(collector(tmp_path), [frame])
    assert frame.pixels is not None
    difference = np.abs(read_image(tmp_path / name).astype(int) - frame.pixels.astype(int))
    assert difference.mean() < 2


def test_what_is_learnt_from_later_can_be_read_once_it_is_labelled(tmp_path: Path) -> None:
    one = collector(tmp_path, groups=["helmet", "gear"], gap=5.0)
    names = collected(one, frames(0, 1, 2, 20, 21, 40))
    table = (tmp_path / "metadata.csv").read_text()
    for name, cells in zip(
        names, ["worn,vest", "worn,-", "missing,vest|gloves", "worn,-", "missing,", "worn,-"], strict=True
    ):
        table = "\n".join(line[:-1] + cells if line.startswith(name) else line for line in table.split("\n"))
    (tmp_path / "metadata.csv").write_text(table)
    dataset = read_dataset(tmp_path)
    assert {group.name: (group.kind, group.labels) for group in dataset.task.groups} == {
        "helmet": ("exclusive", ("missing", "worn")),
        "gear": ("independent", ("gloves", "vest")),
    }
    sources = [example.source for example in dataset.examples]
    assert [sources.count(source) for source in dict.fromkeys(sources)] == [3, 2, 1]


def test_at_most_one_picture_of_a_region_in_so_long(tmp_path: Path) -> None:
    one = collector(tmp_path, every=1.0)
    collected(one, frames(0, 0.5, 0.999999999, 1.5, 2.0, 2.6))
    assert [row["time"][17:23] for row in rows(tmp_path)] == ["40.000", "41.000", "42.000"]


def test_what_is_like_one_stored_is_passed_over(tmp_path: Path) -> None:
    one = collector(tmp_path)
    collected(one, frames(0, 1, 2, 3, 4, seeds=[1, 1, 2, 1, 3]))
    assert one.stored[None] == 3
    assert one.passed == {(None, "like one stored"): 2}
    # Over a restart, too; and with everything wanted, it is stored all the same.
    again = collector(tmp_path)
    collected(again, frames(100, 101, seeds=[3, 4]))
    assert again.stored[None] == 1
    collected(collector(tmp_path, everything=True), frames(200, 201, seeds=[3, 3]))
    assert len(rows(tmp_path)) == 6


def test_gone_through_again_nothing_is_stored_twice(tmp_path: Path) -> None:
    recording = frames(*np.arange(0, 20, 0.3))
    names = collected(collector(tmp_path), recording)
    one = collector(tmp_path)
    assert collected(one, recording) == []
    assert one.passed[None, "stored before"] > 0
    assert [row["file_name"] for row in rows(tmp_path)] == names == sorted(names)
    # Another camera's pictures of the same moments are others.
    assert collected(collector(tmp_path, camera="gate-2"), recording[:1])


def test_pictures_of_one_visit_are_one_source_also_after_a_restart(tmp_path: Path) -> None:
    collected(collector(tmp_path, gap=10.0), frames(0, 5, 30))
    collected(collector(tmp_path, gap=10.0), frames(35, 60, seeds=[10, 11]))
    sources = [row["source"] for row in rows(tmp_path)]
    assert sources[0] == sources[1] != sources[2] == sources[3] != sources[4]


def test_what_stands_there_still_is_the_same_visit(tmp_path: Path) -> None:
    one = collector(tmp_path, gap=10.0)
    collected(one, frames(0, 8, 16, 24, 32, seeds=[1, 1, 1, 1, 2]))
    assert len({row["source"] for row in rows(tmp_path)}) == 1


def test_gates_judge_as_in_watching(tmp_path: Path) -> None:
    views = [View(None, FILL, (Interval(every="1h"), Brightness()))]
    dark = [Frame("dark", BEGIN + 10, np.zeros((64, 64, 3), np.uint8), 0), Frame("away", BEGIN + 20, None, 1, "gone")]
    one = collector(tmp_path, *views)
    collected(one, [*frames(0, 2), *dark])
    # What only saves work has no say.
    assert one.stored[None] == 2
    assert one.passed == {(None, "too dark"): 1, (None, "no picture: gone"): 1}
    assert one.away == "gone"
    everything = collector(tmp_path / "all", *views, everything=True)
    collected(everything, dark)
    assert everything.stored[None] == 1


def test_only_where_something_moves(tmp_path: Path) -> None:
    one = collector(tmp_path, View(None, FILL, (Motion(at_least_every="1s"),)), on_motion=True)
    collected(one, frames(0, 5, 10, seeds=[1, 1, 2]))
    assert one.stored[None] == 2
    assert one.passed == {(None, "nothing moved"): 1}


def test_only_where_the_model_is_not_sure(tmp_path: Path, small_model: Path) -> None:
    model = load(small_model)
    levels = [250, 128, 5]
    taken = [Frame(f"{level}", BEGIN + level, np.full((64, 64, 3), level, np.uint8), level) for level in levels]
    one = collector(tmp_path, View(None, FILL, (), model), uncertain=True, everything=True, groups=["class"])
    (name,) = collected(one, taken)
    assert one.passed == {(None, "the model is sure"): 2}
    (line,) = (tmp_path / "predictions.jsonl").read_text().splitlines()
    told = json.loads(line)
    assert (told["file_name"], told["model"]) == (name, "small")
    assert {result["label"] for result in told["results"]} == {"cat", "dog"}
    # What a model says is no label.
    assert rows(tmp_path)[0]["class"] == ""
    # By a threshold that is not met, every one is uncertain.
    strict = View(None, FILL, (), model.with_settings({"cat": 1.0, "dog": 1.0}))
    assert len(collected(collector(tmp_path / "b", strict, uncertain=True, everything=True), taken)) == 3


def test_what_the_model_does_not_know_is_stored_however_sure_it_is(
    tmp_path: Path, small_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, confidences = load(small_model), Classifier._run
    familiarities = iter([0.05, 0.049, 1.0])

    def run(self: Classifier, batch: Pixels, *, threads: int) -> list[Prediction]:
        return [replace(one, familiarity=next(familiarities)) for one in confidences(self, batch, threads=threads)]

    monkeypatch.setattr(Classifier, "_run", run)
    taken = [Frame(f"{at}", BEGIN + at, np.full((64, 64, 3), 250 + at, np.uint8), at) for at in range(3)]
    one = collector(tmp_path, View(None, FILL, (), model), uncertain=True, everything=True, groups=["class"])
    assert len(collected(one, taken)) == 1
    assert one.passed == {(None, "the model is sure"): 2}
    # Of few sources a model cannot learn what is rare: then the least that it says will do.
    few = load(knowing(small_model, tmp_path / "few.onnx", sources=9))
    familiarities = iter([0.11, float(np.float32(0.1)), 0.1])
    one = collector(tmp_path / "b", View(None, FILL, (), few), uncertain=True, everything=True, groups=["class"])
    assert len(collected(one, taken)) == 2


def test_how_unsure_a_model_is() -> None:
    task = Task((LabelGroup("a", ("x", "y", "z")), LabelGroup("b", ("p", "q"), "independent")))
    assert uncertainty(Prediction(task, ((0.7, 0.2, 0.1), (0.0, 1.0)))) == pytest.approx(0.5)
    assert uncertainty(Prediction(task, ((0.9, 0.1, 0.0), (0.4, 1.0)))) == pytest.approx(0.8)
    assert uncertainty(Prediction(task, ((1.0, 0.0, 0.0), (0.0, 1.0)))) == 0.0


def test_what_is_concealed_is_never_written(tmp_path: Path) -> None:
    one = collector(tmp_path, conceal="all")
    (frame,) = frames(0)
    (name,) = collected(one, [frame])
    assert len(np.unique(read_image(tmp_path / name).reshape(-1, 3), axis=0)) < 2000
    assert frame.pixels is not None
    assert np.abs(read_image(tmp_path / name).astype(int) - frame.pixels).mean() > 10


def test_a_full_disk_leaves_nothing_half_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = collector(tmp_path)
    collected(one, frames(0))
    table = (tmp_path / "metadata.csv").read_bytes()

    def full(file: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(folder_module.os, "fsync", full)
        with pytest.raises(OutputError, match="No space left") as caught:
            collected(one, frames(50, seeds=[7]))
    assert "what was stored before is whole" in str(caught.value.hint)
    assert (tmp_path / "metadata.csv").read_bytes() == table
    assert sorted(path.suffix for path in tmp_path.iterdir() if not path.name.startswith(".decisight-table")) == [
        ".csv",
        ".jpg",
    ]
    assert collected(one, frames(60, seeds=[8]))


def test_a_picture_that_a_crash_left_without_a_row_gets_it(tmp_path: Path) -> None:
    names = collected(collector(tmp_path), frames(0, 5))
    table = tmp_path / "metadata.csv"
    table.write_text("".join(table.read_text().splitlines(keepends=True)[:-1]))
    assert collected(collector(tmp_path), frames(5, seeds=[1])) == names[1:]
    assert len(list(tmp_path.glob("*.jpg"))) == 2
    # One of that name which is another picture is not overwritten.
    table.write_text("".join(table.read_text().splitlines(keepends=True)[:-1]))
    (tmp_path / names[1]).write_bytes(b"mine")
    assert collected(collector(tmp_path), frames(5, seeds=[1])) == [names[1].replace(".jpg", "-2.jpg")]
    assert (tmp_path / names[1]).read_bytes() == b"mine"


def test_of_two_that_store_the_same_picture_at_once_it_gets_one_row(tmp_path: Path) -> None:
    first, second = collector(tmp_path, everything=True), collector(tmp_path, everything=True)
    names = [collected(one, frames(0)) for one in (first, second)]
    assert names[0] == names[1]
    assert [row["file_name"] for row in rows(tmp_path)] == names[0]


def test_a_row_that_labelling_has_made_for_a_picture_is_filled(tmp_path: Path) -> None:
    (name,) = collected(collector(tmp_path, groups=["helmet"]), frames(0))
    header = (tmp_path / "metadata.csv").read_text().splitlines()[0]
    (tmp_path / "metadata.csv").write_text(f"{header}\n")
    one = collector(tmp_path, groups=["helmet"])
    (tmp_path / "metadata.csv").write_text(f"{header}\n{name},,,,,worn\n")
    assert collected(one, frames(0)) == [name]
    (row,) = rows(tmp_path)
    assert (row["camera"], row["source"], row["helmet"]) == ("gate-1", "gate-1 2026-04-24T03:06:40.000Z", "worn")


@pytest.mark.parametrize(
    ("files", "says"),
    [
        (["a.jpg"], "holds something else already (a.jpg)"),
        (["x/b.jpg"], "holds something else already (x)"),
        (["metadata.csv", "metadata.jsonl"], "metadata.jsonl"),
    ],
)
def test_a_folder_that_holds_something_else_is_refused(files: list[str], says: str, tmp_path: Path) -> None:
    for name in files:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("file_name,camera\n")
    with pytest.raises(OutputError) as caught:
        PictureFolder(tmp_path)
    assert says in caught.value.message
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="is a file, not a folder"):
        PictureFolder(tmp_path / "file")


@pytest.mark.parametrize("name", ["", "-", "a|b", "a:b", "time", "split", "file_name"])
def test_names_that_no_group_can_have(name: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be called"):
        PictureFolder(tmp_path / "new", [name])
    assert not (tmp_path / "new").exists()


def test_names_that_no_file_can_have(tmp_path: Path) -> None:
    one = collector(tmp_path, View(Region("a/b ../c", GATE.polygon), FILL), camera="Tür: 1")
    (name,) = collected(one, frames(0))
    assert name == "Tür-1_a-b-..-c_20260424T030640.000Z.jpg"
    assert rows(tmp_path)[0]["camera"] == "Tür: 1"


@pytest.mark.parametrize("choice", [{"margin": 0.0}, {"margin": 1.1}, {"every": -1.0}, {"gap": 0.0}])
def test_settings_out_of_range(choice: dict[str, float]) -> None:
    with pytest.raises(UsageError):
        Choice(**choice)  # type: ignore[arg-type]


def test_a_folder_is_made_with_its_first_picture(tmp_path: Path) -> None:
    folder = PictureFolder(tmp_path / "a/b", ["helmet"])
    other = PictureFolder(tmp_path / "a/b", ["vest"])
    assert list(tmp_path.iterdir()) == []
    for at, one in enumerate((folder, other)):
        one.store(Crop("gate", None, float(at), np.full((8, 8, 3), at, np.uint8)), "gate 1")
    found = rows(tmp_path / "a/b")
    assert [(row["time"][-7:], row["helmet"], row["vest"]) for row in found] == [
        ("00.000Z", "", ""),
        ("01.000Z", "", ""),
    ]


def test_where_a_folder_cannot_be_made_it_is_said_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="file/new cannot be written: Not a directory"):
        PictureFolder(tmp_path / "file/new")
    monkeypatch.setattr("os.access", lambda *_: False)
    with pytest.raises(OutputError, match="new cannot be written: Permission denied"):
        PictureFolder(tmp_path / "new")

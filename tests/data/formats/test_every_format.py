"""Every registered format says the same of the same pictures."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import pytest

from decisight.data import Dataset, read_dataset
from decisight.data.formats import formats, in_order
from decisight.data.formats.base import Asked
from decisight.errors import DataError, DecisightError, MissingPartError, UsageError
from decisight.regions import Region

Make = Callable[[Mapping[str, str | bytes | int]], Path]


@dataclass(frozen=True)
class Row:
    """A picture, its label in the group ``class``, and its split; its content is its name, its source as well."""

    name: str
    label: str
    split: str


ROWS = (
    Row("a1.jpg", "no_vest", "train"),
    Row("a2.jpg", "vest", "train"),
    Row("a3.jpg", "vest", "train"),
    Row("b1.jpg", "no_vest", "val"),
    Row("c1.jpg", "vest", "test"),
    Row("c2.jpg", "no_vest", "test"),
)
WHOLE = Region.box("whole", 0.0, 0.0, 1.0, 1.0)


def pyarrow() -> ModuleType:
    return pytest.importorskip("pyarrow", reason="pyarrow is not installed")


def write_pictures(root: Path) -> None:
    for row in ROWS:
        (root / row.name).write_bytes(row.name.encode())


def as_metadata(root: Path) -> Path:
    write_pictures(root)
    rows = "".join(f"{row.name},{row.label},{row.split},{row.name}\n" for row in ROWS)
    (root / "metadata.csv").write_text(f"file_name,class,split,source\n{rows}", "utf-8")
    return root


def as_json_lines(root: Path) -> Path:
    write_pictures(root)
    rows = [{"file_name": r.name, "class": r.label, "split": r.split, "source": r.name} for r in ROWS]
    (root / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)), "utf-8")
    return root / "rows.jsonl"


def as_class_folders(root: Path) -> Path:
    for row in ROWS:
        folder = root / row.split / row.label
        folder.mkdir(parents=True, exist_ok=True)
        (folder / row.name).write_bytes(row.name.encode())
    return root


def coco_of(rows: tuple[Row, ...]) -> str:
    categories = ["no_vest", "vest"]
    return json.dumps(
        {
            "images": [
                {"id": at, "file_name": row.name, "width": 64, "height": 48, "split": row.split}
                for at, row in enumerate(rows)
            ],
            "annotations": [
                {"id": at, "image_id": at, "category_id": categories.index(row.label), "bbox": [0, 0, 64, 48]}
                for at, row in enumerate(rows)
            ],
            "categories": [{"id": at, "name": name} for at, name in enumerate(categories)],
        }
    )


def as_coco(root: Path) -> Path:
    write_pictures(root)
    (root / "annotations.json").write_text(coco_of(ROWS), "utf-8")
    return root


def arrow_of(rows: tuple[Row, ...], *, splits: bool = True) -> object:
    pa = pyarrow()
    columns: dict[str, list[object]] = {
        "image": [{"bytes": row.name.encode(), "path": row.name} for row in rows],
        "class": [["no_vest", "vest"].index(row.label) for row in rows],
        "source": [row.name for row in rows],
    }
    if splits:
        columns["split"] = [row.split for row in rows]
    return pa.table(columns)


FEATURES = {"image": {"_type": "Image"}, "class": {"_type": "ClassLabel", "names": ["no_vest", "vest"]}}


def as_parquet(root: Path) -> Path:
    pyarrow()
    import pyarrow.parquet as pq

    table = arrow_of(ROWS).replace_schema_metadata({"huggingface": json.dumps({"info": {"features": FEATURES}})})
    pq.write_table(table, root / "rows.parquet", row_group_size=4)
    return root / "rows.parquet"


def save_dataset(folder: Path, rows: tuple[Row, ...], shards: int = 1) -> None:
    """As ``save_to_disk`` of Hugging Face's ``datasets`` lays it out."""
    pa = pyarrow()
    folder.mkdir(parents=True)
    table = arrow_of(rows, splits=False)
    names = [f"data-{at:05}-of-{shards:05}.arrow" for at in range(shards)]
    for at, name in enumerate(names):
        part = table.slice(at * len(rows) // shards, (at + 1) * len(rows) // shards - at * len(rows) // shards)
        with pa.OSFile(str(folder / name), "wb") as file, pa.ipc.new_stream(file, table.schema) as writer:
            writer.write_table(part)
    state = {"_data_files": [{"filename": name} for name in names], "_fingerprint": "1f", "_split": None}
    (folder / "state.json").write_text(json.dumps(state), "utf-8")
    (folder / "dataset_info.json").write_text(json.dumps({"features": FEATURES, "license": ""}), "utf-8")


def as_saved_dataset(root: Path) -> Path:
    names = {"train": "train", "val": "validation", "test": "test"}
    for split, name in names.items():
        rows = tuple(row for row in ROWS if row.split == split)
        save_dataset(root / name, rows, shards=min(2, len(rows)))
    (root / "dataset_dict.json").write_text(json.dumps({"splits": list(names.values())}), "utf-8")
    return root


WRITERS = {
    "metadata": as_metadata,
    "json lines": as_json_lines,
    "class_folders": as_class_folders,
    "coco": as_coco,
    "parquet": as_parquet,
    "saved_dataset": as_saved_dataset,
}


def said(dataset: Dataset) -> dict[str, object]:
    return {e.read().decode(): (e.targets, e.split) for e in dataset.examples}


@pytest.mark.parametrize("write", WRITERS.values(), ids=WRITERS)
def test_every_format_says_the_same(tmp_path: Path, write: Callable[[Path], Path]) -> None:
    dataset = read_dataset(write(tmp_path))
    assert [(g.name, g.labels, g.kind) for g in dataset.task.groups] == [("class", ("no_vest", "vest"), "exclusive")]
    assert said(dataset) == {row.name: ((row.label,), row.split) for row in ROWS}
    assert dataset.skipped == ()
    assert dataset.splits == ("train", "val", "test")
    if write is not as_class_folders:
        assert {e.source for e in dataset.examples} == {row.name for row in ROWS}
    regions = {e.region.polygon if e.region else None for e in dataset.examples}
    assert regions == {WHOLE.polygon if write is as_coco else None}


@pytest.mark.parametrize("write", WRITERS.values(), ids=WRITERS)
def test_names_tell_examples_apart_and_end_in_the_pictures_own(tmp_path: Path, write: Callable[[Path], Path]) -> None:
    dataset = read_dataset(write(tmp_path), source_pattern=r"^([abc])\d")
    paths = [example.path for example in dataset.examples]
    assert sorted(set(paths)) == sorted(paths) == paths
    assert {path.name for path in paths} == {row.name for row in ROWS}
    assert {e.path.name: e.source for e in dataset.examples} == {row.name: row.name[0] for row in ROWS}


@pytest.mark.parametrize("write", WRITERS.values(), ids=WRITERS)
def test_a_model_gives_the_labels_and_their_order(tmp_path: Path, write: Callable[[Path], Path]) -> None:
    from decisight.types import LabelGroup, Task

    task = Task((LabelGroup("worn", ("vest", "other", "no_vest")),))
    dataset = read_dataset(write(tmp_path), task=task)
    assert dataset.task is task
    assert said(dataset) == {row.name: ((row.label,), row.split) for row in ROWS}


@pytest.mark.parametrize("write", WRITERS.values(), ids=WRITERS)
def test_a_group_that_is_not_there_is_refused(tmp_path: Path, write: Callable[[Path], Path]) -> None:
    with pytest.raises(UsageError, match=r"'helmt'|class folders") as caught:
        read_dataset(write(tmp_path), groups=["helmt"])
    assert caught.value.hint


@pytest.mark.parametrize("write", WRITERS.values(), ids=WRITERS)
@pytest.mark.parametrize("keep", [0.0, 0.1, 0.5, 0.9, 0.99])
def test_what_was_cut_off_gives_a_dataset_or_an_error_of_ours(
    tmp_path: Path, write: Callable[[Path], Path], keep: float
) -> None:
    whole = tmp_path / "whole"
    whole.mkdir()
    read = write(whole)
    labels = [p for p in whole.rglob("*") if p.suffix in (".csv", ".jsonl", ".json", ".parquet", ".arrow")]
    for at, file in enumerate(labels):
        cut = tmp_path / f"cut{at}"
        shutil.copytree(whole, cut)
        content = file.read_bytes()
        (cut / file.relative_to(whole)).write_bytes(content[: int(len(content) * keep)])
        try:
            dataset = read_dataset(cut / read.relative_to(whole))
            for example in dataset.examples:
                example.read()
        except DecisightError as error:
            assert str(error)  # noqa: PT017 - both outcomes are right


def test_every_format_is_written_here_and_stands_in_the_order_that_it_says() -> None:
    assert set(formats.names()) == set(WRITERS) - {"json lines"}
    orders = [form.order for form in in_order()]
    assert orders == sorted(set(orders))
    assert all(form.title and all(s == s.lower() and s[0] == "." for s in form.suffixes) for form in in_order())


@pytest.mark.parametrize("write", WRITERS.values(), ids=WRITERS)
def test_only_class_folders_know_every_folder(tmp_path: Path, write: Callable[[Path], Path]) -> None:
    path = write(tmp_path)
    knowing = [type(form).__name__ for form in in_order() if form.recognises(path)]
    assert len([name for name in knowing if name != "ClassFolders"]) == (write is not as_class_folders)
    assert ("ClassFolders" in knowing) == path.is_dir()


def test_a_file_that_no_format_knows_is_told_what_could_be(make: Make) -> None:
    root = make({"notes.txt": "x"})
    with pytest.raises(DataError, match="not a table") as caught:
        read_dataset(root / "notes.txt")
    assert caught.value.hint == "it must end in .csv, .tsv, .jsonl, .json or .parquet"


@pytest.mark.parametrize("write", [as_parquet, as_saved_dataset])
def test_without_pyarrow_what_to_install_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write: Callable[[Path], Path]
) -> None:
    path = write(tmp_path)
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(MissingPartError, match=r"needs decisight\[parquet\]") as caught:
        read_dataset(path)
    assert caught.value.hint == "install it: pip install 'decisight[parquet]'"


def test_what_is_asked_is_told_apart() -> None:
    assert Asked.of(None, None) == Asked(None, (), training=True)
    assert Asked.of(["a"], ["b"]) == Asked(("a",), ["b"], training=False)

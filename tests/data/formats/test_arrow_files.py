"""Parquet files and Hugging Face datasets on disk: what their columns mean, and pictures that lie in them."""

from __future__ import annotations

import errno
import io
import json
import os
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from decisight.data import read_dataset
from decisight.errors import DataError, DecisightError, ImageError

pa = pytest.importorskip("pyarrow", reason="pyarrow is not installed")
pq = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")

NAMES = {"_type": "ClassLabel", "names": ["no", "yes"]}


def stored(count: int, *, size: int = 3) -> list[dict[str, object]]:
    return [{"bytes": bytes([at % 251]) * size, "path": f"p{at}.jpg"} for at in range(count)]


def write(path: Path, columns: dict[str, Any], features: object = None, **options: Any) -> Path:
    table = pa.table(columns)
    if features is not None:
        table = table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
    pq.write_table(table, path, **options)
    return path


def save(folder: Path, columns: dict[str, Any], features: object = None, **state: object) -> Path:
    folder.mkdir(exist_ok=True)
    table = pa.table(columns)
    with pa.OSFile(str(folder / "data.arrow"), "wb") as file, pa.ipc.new_stream(file, table.schema) as writer:
        writer.write_table(table)
    (folder / "state.json").write_text(json.dumps({"_data_files": [{"filename": "data.arrow"}], **state}), "utf-8")
    (folder / "dataset_info.json").write_text(json.dumps({"features": features}), "utf-8")
    return folder


BOTH = pytest.mark.parametrize("put", [write, save])


def targets(path: Path, **options: Any) -> list[object]:
    return [e.targets if len(e.targets) > 1 else e.targets[0] for e in read_dataset(path, **options).examples]


@BOTH
def test_class_numbers_become_names(tmp_path: Path, put: Any) -> None:
    columns = {
        "image": stored(4),
        "label": [0, 1, -1, None],
        "tags": [[0, 1], [], [1], None],
        "older": [[0], [1], [0], [1]],
    }
    features = {
        "label": NAMES,
        "tags": {"_type": "List", "feature": NAMES},
        "older": [NAMES],
        "image": {"_type": "Image"},
    }
    found = targets(put(tmp_path / "x.parquet", columns, features))
    both, yes, no, none = frozenset({"no", "yes"}), frozenset({"yes"}), frozenset({"no"}), frozenset()
    assert found == [("no", both, no), ("yes", none, yes), (None, yes, no), (None, None, yes)]


@BOTH
def test_cells_are_as_in_a_csv(tmp_path: Path, put: Any) -> None:
    columns = {
        "image": stored(3),
        "worn": [True, False, None],
        "bay": [1, 2, None],
        "half": [1.5, float("nan"), 2.5],
        "tags": ["a|b", "-", ""],
        "kind": pa.array(["x", "y", "x"]).dictionary_encode(),
        "split": ["train", "train", "test"],
        "source": ["c1", None, "c2"],
    }
    dataset = read_dataset(put(tmp_path / "x.parquet", columns))
    ab = frozenset({"a", "b"})
    assert [e.targets for e in dataset.examples] == [
        ("true", "1", "1.5", ab, "x"),
        ("false", "2", None, frozenset(), "y"),
        (None, None, "2.5", None, "x"),
    ]
    assert [(e.split, e.source) for e in dataset.examples] == [("train", "c1"), ("train", None), ("test", "c2")]


@BOTH
def test_what_other_columns_hold_does_not_matter(tmp_path: Path, put: Any) -> None:
    columns = {"image": stored(2), "a": ["x", "y"], "b": [{"deep": 1}, None], "c": pa.array([1, 2], pa.timestamp("ns"))}
    path = put(tmp_path / "x.parquet", columns)
    assert targets(path, groups=["a"]) == ["x", "y"]
    for group, says in (
        ("b", r"the column 'b' is of the type struct<"),
        ("c", r"the column 'c' is of the type timestamp"),
    ):
        with pytest.raises(DataError, match=says):
            read_dataset(path, groups=[group])


@BOTH
def test_plain_bytes_and_names_of_files_serve_as_well(tmp_path: Path, put: Any) -> None:
    columns = {"photo": [b"1", b"2"], "mask": [b"0", b"0"], "label": ["x", "y"], "file_name": ["a.jpg", None]}
    examples = read_dataset(put(tmp_path / "x.parquet", columns)).examples
    assert [example.read() for example in examples] == [b"1", b"2"]
    assert [example.path.name for example in examples] == ["a.jpg", "1"]
    (tmp_path / "y.parquet").mkdir()
    (tmp_path / "y.parquet" / "z.jpg").write_bytes(b"3")
    (tmp_path / "z.jpg").write_bytes(b"3")
    columns = {"file_name": ["z.jpg", "no.jpg", "z.jpg"], "label": ["x", "y", "x"]}
    path = put(tmp_path / ("y.parquet" if put is save else "w.parquet"), columns)
    dataset = read_dataset(path, independent=["label"])
    assert [example.read() for example in dataset.examples] == [b"3"]
    assert [s.path.name for s in dataset.skipped] == ["no.jpg", "z.jpg"]


@BOTH
def test_a_row_may_name_its_picture_instead_of_holding_it(tmp_path: Path, put: Any) -> None:
    (tmp_path / "beside.jpg").write_bytes(b"beside")
    rows = [
        {"bytes": None, "path": str(tmp_path / "beside.jpg")},
        {"bytes": None, "path": "gone.jpg"},
        {"bytes": None, "path": None},
        {"bytes": b"", "path": "e.jpg"},
        None,
        {"bytes": b"in", "path": "../../etc/\x1b[2J"},
    ]
    dataset = read_dataset(put(tmp_path / "x.parquet", {"image": rows, "label": list("xyxyxy")}))
    first, *unreadable, last = dataset.examples
    assert first.read() == b"beside"
    assert last.read() == b"in"
    assert last.path == dataset.root / "5" / "\x1b[2J"
    for example in unreadable:
        with pytest.raises(ImageError) as caught:
            example.read()
        assert "x.parquet" in caught.value.message or "gone.jpg" in caught.value.message


@BOTH
def test_rows_that_only_name_their_pictures(tmp_path: Path, put: Any) -> None:
    """As Hugging Face writes pictures that are left where they are: no row has bytes, and so the column no type."""
    folder = tmp_path / "x.parquet" if put is save else tmp_path
    folder.mkdir(exist_ok=True)
    for name in ("a.jpg", "b.jpg"):
        (folder / name).write_bytes(name.encode())
    rows = [{"bytes": None, "path": name} for name in ("a.jpg", "b.jpg", "gone.jpg")]
    *there, gone = read_dataset(put(tmp_path / "x.parquet", {"image": rows, "label": list("xyx")})).examples
    assert [example.read() for example in there] == [b"a.jpg", b"b.jpg"]
    with pytest.raises(ImageError, match=r"the name of its file, .*gone\.jpg, and there is no such file") as caught:
        gone.read()
    assert "copy it too" in str(caught.value.hint)


def test_what_is_missing_of_a_saved_dataset_is_said_so(tmp_path: Path) -> None:
    for name in ("train", "test"):
        save(tmp_path / name, {"image": stored(2), "label": ["x", "y"]})
    (tmp_path / "dataset_dict.json").write_text('{"splits": ["train", "test"]}', "utf-8")
    for missing in ("data.arrow", "dataset_info.json", "state.json"):
        (tmp_path / "test" / missing).unlink()
        with pytest.raises(DataError, match=rf"test/{missing} is missing") as caught:
            read_dataset(tmp_path)
        assert f"copy {missing} too" in str(caught.value.hint)


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_pictures_are_read_in_any_order_and_from_several_threads(tmp_path: Path, size: int) -> None:
    path = write(tmp_path / "x.parquet", {"image": stored(100), "label": ["x", "y"] * 50}, row_group_size=size)
    examples = list(read_dataset(path).examples)
    order = sorted(range(100), key=lambda at: at * 37 % 101)
    with ThreadPoolExecutor(4) as threads:
        contents = list(threads.map(lambda at: examples[at].read(), order))
    assert contents == [bytes([at]) * 3 for at in order]


def test_a_row_group_is_unpacked_once_and_not_held_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "x.parquet", {"image": stored(64, size=200_000), "label": ["x", "y"] * 32})
    examples = read_dataset(path).examples
    before = pa.total_allocated_bytes()
    kept = [example.read() for example in reversed(examples)][:1]
    assert kept == [bytes([63]) * 200_000]
    assert pa.total_allocated_bytes() - before < 1_000_000
    # The file is not needed any more.
    path.unlink()
    assert examples[0].read() == bytes(200_000)


def test_a_file_that_went_away_is_an_unreadable_picture(tmp_path: Path) -> None:
    path = write(tmp_path / "x.parquet", {"image": stored(2), "label": ["x", "y"]})
    examples = read_dataset(path).examples
    path.unlink()
    for example in (*examples, *examples):
        with pytest.raises(ImageError, match=r"x\.parquet.0.p0|x\.parquet.1.p1"):
            example.read()


def test_a_folder_as_hugging_face_lays_it_out(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    for name in ("train-00000-of-00002", "train-00001-of-00002", "validation-00000-of-00001", "test"):
        write(tmp_path / "data" / f"{name}.parquet", {"image": stored(2), "label": ["x", "y"]})
    dataset = read_dataset(tmp_path)
    assert {split: len(dataset.only(split)) for split in dataset.splits} == {"train": 4, "val": 2, "test": 2}
    # Other tables beside class folders are none of its business.
    for label in ("a", "b"):
        (tmp_path / "c" / label).mkdir(parents=True)
        (tmp_path / "c" / label / "1.jpg").write_bytes(b"x")
    write(tmp_path / "c" / "predictions.parquet", {"image": ["x"]})
    assert len(read_dataset(tmp_path / "c")) == 2


REFUSED: list[tuple[str, dict[str, Any], object, str]] = [
    ("no picture", {"label": ["x"]}, None, "no column 'file_name'"),
    ("no label", {"image": stored(1)}, None, "no column with labels"),
    ("no row", {"image": pa.array([], pa.binary()), "label": pa.array([], pa.string())}, None, "no row in it"),
    ("two of pictures", {"a": [b"x"], "b": [b"x"], "label": ["x"]}, None, "several columns of pictures: a, b"),
    ("a number of no class", {"image": stored(1), "label": [2]}, {"label": NAMES}, "2 stands for no class"),
    ("a huge number", {"image": stored(1), "label": [2**62]}, {"label": NAMES}, "stands for no class"),
    ("another negative one", {"image": stored(1), "label": [-2]}, {"label": NAMES}, "-2 stands for no class"),
    ("text for a class", {"image": stored(1), "label": ["x"]}, {"label": NAMES}, "x stands for no class"),
    (
        "names that are none",
        {"image": stored(1), "label": [0]},
        {"label": {"_type": "ClassLabel", "names": "no"}},
        "no list of text",
    ),
    ("a label that is none", {"image": stored(1), "label": ["a\nb"]}, None, "row 0, 'label': 'a\\nb' cannot be"),
    ("an unknown split", {"image": stored(1), "label": ["x"], "split": ["dev"]}, None, "there is no split 'dev'"),
    ("file names that are none", {"file_name": [1], "label": ["x"]}, None, "row 0: the cell of file_name is empty"),
    ("columns apart by a space", {"image": stored(1), "a": ["x"], "a ": ["x"]}, None, "the column 'a' stands twice"),
]  # fmt: skip


@BOTH
@pytest.mark.parametrize(("columns", "features", "says"), [r[1:] for r in REFUSED], ids=[r[0] for r in REFUSED])
def test_what_cannot_be_right_is_refused(
    tmp_path: Path, put: Any, columns: dict[str, Any], features: object, says: str
) -> None:
    path = put(tmp_path / "x.parquet", columns, features)
    with pytest.raises(DataError) as caught:
        read_dataset(path)
    assert says in caught.value.message
    assert str(path) in caught.value.message
    assert caught.value.hint


def test_a_column_twice_is_refused(tmp_path: Path) -> None:
    table = pa.Table.from_arrays([pa.array([b"x"]), pa.array(["x"]), pa.array(["y"])], ["image", "label", "label"])
    pq.write_table(table, tmp_path / "x.parquet")
    with pytest.raises(DataError, match="'label' stands twice"):
        read_dataset(tmp_path / "x.parquet")


@pytest.mark.parametrize("content", [b"", b"PAR1", b"PAR1" + b"\xff" * 100 + b"PAR1", b"not parquet at all"])
def test_what_is_no_parquet_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.parquet").write_bytes(content)
    with pytest.raises(DataError, match="cannot be read") as caught:
        read_dataset(tmp_path / "x.parquet")
    assert caught.value.hint


def test_damaged_schema_metadata_are_refused(tmp_path: Path) -> None:
    table = pa.table({"image": [b"x"], "label": [0]})
    for content in ("{", "[]", '{"info": null}', "[" * 100_000):
        pq.write_table(table.replace_schema_metadata({"huggingface": content}), tmp_path / "x.parquet")
        with pytest.raises(DataError, match="metadata 'huggingface' of its schema are damaged"):
            read_dataset(tmp_path / "x.parquet")


STATES: list[tuple[dict[str, object], str]] = [
    ({"_data_files": None}, "names no file of rows"),
    ({"_data_files": []}, "names no file of rows"),
    ({"_data_files": "data.arrow"}, "names no file of rows"),
    ({"_data_files": [{"filename": "../x.arrow"}]}, "lies not beside it"),
    ({"_data_files": [{"filename": "..\\x.arrow"}]}, "lies not beside it"),
    ({"_data_files": [{"filename": "/etc/passwd"}]}, "lies not beside it"),
    ({"_data_files": [{"filename": 7}]}, "lies not beside it"),
    ({"_data_files": ["data.arrow"]}, "lies not beside it"),
    ({"_data_files": [{"filename": "gone.arrow"}]}, "gone.arrow is missing"),
    ({"_data_files": [{"filename": "state.json"}]}, "state.json: cannot be read"),
    ({"_indices_files": [{"filename": "i.arrow"}]}, "chosen by a list of indices"),
]


@pytest.mark.parametrize(("state", "says"), STATES)
def test_a_state_that_leads_elsewhere_is_refused(tmp_path: Path, state: dict[str, object], says: str) -> None:
    save(tmp_path, {"image": stored(2), "label": ["x", "y"]}, **state)
    with pytest.raises(DataError, match=says) as caught:
        read_dataset(tmp_path)
    assert caught.value.hint


@pytest.mark.parametrize(
    ("splits", "says"),
    [
        (None, "no list of names"),
        ([1], "no list of names"),
        ([], "none of its splits"),
        (["default"], "none of its splits is train, validation or test: default"),
        (["val", "validation"], "both the split 'val'"),
        (["train"], "train: the folder of this split is missing"),
    ],
)
def test_splits_that_cannot_be_are_refused(tmp_path: Path, splits: object, says: str) -> None:
    (tmp_path / "dataset_dict.json").write_text(json.dumps({"splits": splits}), "utf-8")
    with pytest.raises(DataError, match=says) as caught:
        read_dataset(tmp_path)
    assert caught.value.hint


def test_splits_of_other_names_are_left_out_and_named(tmp_path: Path) -> None:
    for name in ("train", "unsure"):
        save(tmp_path / name, {"image": stored(2), "label": ["x", "y"]})
    (tmp_path / "dataset_dict.json").write_text('{"splits": ["train", "unsure"]}', "utf-8")
    dataset = read_dataset(tmp_path)
    assert dataset.splits == ("train",)
    assert [s.path.name for s in dataset.skipped] == ["unsure"]


@BOTH
def test_any_damage_gives_a_dataset_or_an_error_of_ours(tmp_path: Path, put: Any) -> None:
    path = put(tmp_path / "x.parquet", {"image": stored(40), "label": ["x", "y"] * 20, "tags": [["a"], []] * 20})
    file = path / "data.arrow" if put is save else path
    whole, rng = file.read_bytes(), np.random.default_rng(1)
    for _ in range(150):
        damaged = bytearray(whole)
        for at in rng.integers(len(damaged), size=rng.choice([1, 3, 20])):
            damaged[at] = int(rng.integers(256))
        file.write_bytes(damaged)
        read_all(path)


def read_all(path: Path) -> Sequence[object]:
    try:
        return [example.read() for example in read_dataset(path, independent=["label", "tags"]).examples]
    except DecisightError as error:
        assert str(error)  # noqa: PT017 - both outcomes are right
        return []


def test_the_picture_itself_is_what_was_put_in(tmp_path: Path) -> None:
    from PIL import Image

    from decisight.imaging import decode

    stream = io.BytesIO()
    Image.new("RGB", (8, 6), (200, 30, 40)).save(stream, "PNG")
    path = write(tmp_path / "x.parquet", {"image": [stream.getvalue()] * 2, "label": ["x", "y"]})
    assert decode(read_dataset(path).examples[0].read()).shape == (6, 8, 3)


def test_no_room_for_the_temporary_file_is_said_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "a.parquet", {"image": stored(4, size=100_000), "label": ["x", "y"] * 2})
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("there is no device that is always full")
    monkeypatch.setattr(tempfile, "TemporaryFile", lambda **_: full.open("r+b", buffering=0))
    for example in read_dataset(path).examples:
        with pytest.raises(ImageError) as caught:
            example.read()
        assert "cannot be unpacked into" in caught.value.message
        assert tempfile.gettempdir() in caught.value.message
        assert "No space left on device" in caught.value.message
        assert "damaged" not in f"{caught.value.message} {caught.value.hint}"
        assert "TMPDIR" in (caught.value.hint or "")


def test_what_was_written_before_the_room_ran_out_is_given_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    columns = {"image": stored(40, size=1000), "label": ["x", "y"] * 20}
    path = write(tmp_path / "a.parquet", columns, row_group_size=20)
    spool = SmallDisk(tmp_path / "spool", room=25_000)
    monkeypatch.setattr(tempfile, "TemporaryFile", lambda **_: spool)
    first, *_, last = read_dataset(path).examples
    assert len(first.read()) == 1000
    with pytest.raises(ImageError, match="No space left"):
        last.read()
    assert (tmp_path / "spool").stat().st_size == 20_000
    assert len(first.read()) == 1000


class SmallDisk(io.FileIO):
    """A file for which there is only so much room."""

    def __init__(self, path: Path, room: int) -> None:
        super().__init__(path, "w+b")
        self._room = room

    def write(self, content: Any) -> int:
        fits = memoryview(content)[: max(0, self._room - self.tell())]
        if not fits:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return super().write(fits)


def test_no_folder_for_temporary_files_is_said_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "a.parquet", {"image": stored(2), "label": ["x", "y"]})

    def none(**_: object) -> None:
        raise FileNotFoundError(2, "No usable temporary directory found")

    monkeypatch.setattr(tempfile, "TemporaryFile", none)
    monkeypatch.setattr(tempfile, "gettempdir", none)
    with pytest.raises(ImageError, match="any folder for temporary files: No usable"):
        read_dataset(path).examples[0].read()

"""Bad input of every kind: each is answered by a message that says what, where and what to do, and nothing is lost."""

from __future__ import annotations

import io
import json
import os
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from .conftest import BLACK, WHITE, Run, picture

COMMAND = [sys.executable, "-m", "decisight"]


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def noise(mode: str = "RGB") -> Image.Image:
    pixels = np.random.default_rng(0).integers(0, 255, (96, 128, 4), dtype=np.uint8)
    return Image.fromarray(pixels[:, :, :3]).convert(mode)


def png_claiming(width: int, height: int) -> bytes:
    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + chunk(b"IEND", b"")


def bmp_claiming(width: int, height: int) -> bytes:
    return b"BM" + struct.pack("<IIIIiiHHIIiiII", 1000, 0, 54, 40, width, height, 1, 24, 0, 0, 0, 0, 0, 0) + b"\0" * 946


JPEG = encoded(noise(), "JPEG")
ANIMATION = {"save_all": True, "append_images": [Image.new("RGB", (32, 24), BLACK)], "duration": 100}

BAD_PICTURES = {
    "zero bytes": ("a.jpg", b"", "empty (0 bytes)"),
    "a truncated JPEG": ("a.jpg", JPEG[: len(JPEG) // 2], "truncated"),
    "a truncated PNG": ("a.png", encoded(noise(), "PNG")[:2000], "truncated"),
    "a JPEG that ends after its first bytes": ("a.jpg", JPEG[:10], "truncated"),
    "text": ("a.jpg", b"this is text", "looks like text: this is text"),
    "a web page": ("a.png", b"<!DOCTYPE html><html>", "looks like a web page"),
    "a PDF": ("a.jpg", b"%PDF-1.7 ...", "looks like a PDF document"),
    "a video": ("a.jpg", b"\0\0\0\x18ftypmp42\0\0\0\0", "looks like a video"),
    "nothing but zeros": ("a.jpg", b"\0" * 4096, "nothing but zero bytes"),
    "random bytes": ("a.bmp", bytes(range(200, 256)) * 20, "not a picture"),
    "a PNG of 30,000 x 30,000 pixels": ("a.png", png_claiming(30_000, 30_000), "30000 x 30000 pixels; the limit is"),
    "a decompression bomb": ("a.bmp", bmp_claiming(60_000, 60_000), "too large"),
    "a Git LFS pointer": ("a.jpg", b"version https://git-lfs.github.com/spec/v1\n", "Git LFS pointer"),
}


@pytest.mark.parametrize(("name", "content", "said"), BAD_PICTURES.values(), ids=BAD_PICTURES)
def test_pictures_that_cannot_be_read(
    run: Run, small_model: Path, tmp_path: Path, name: str, content: bytes, said: str
) -> None:
    bad, good = tmp_path / name, picture(tmp_path / "good.png")
    bad.write_bytes(content)
    result = run("predict", small_model, bad, good, "--format", "json")
    failed, answer = json.loads(result.out)
    assert result.status == 1
    assert failed["image"] == str(bad)
    assert said in failed["error"]
    assert ";" in failed["error"], "what to do is missing"
    assert "classifierResults" not in failed
    assert answer["decision"]["state"] == "cat"


ODD_PICTURES = {
    "an animated GIF": ("a.gif", encoded(Image.new("RGB", (32, 24), WHITE), "GIF", **ANIMATION)),
    "CMYK": ("a.jpg", encoded(Image.new("CMYK", (32, 24), (0, 0, 0, 0)), "JPEG")),
    "16 bits": ("a.png", encoded(Image.fromarray(np.full((24, 32), 65535, np.uint16)), "PNG")),
    "grey with alpha": ("a.png", encoded(Image.new("LA", (32, 24), (255, 200)), "PNG")),
    "a palette": ("a.png", encoded(Image.new("RGB", (32, 24), WHITE).quantize(4), "PNG")),
    "transparent, black beneath": ("a.png", encoded(Image.new("RGBA", (32, 24), (0, 0, 0, 0)), "PNG")),
    "one pixel": ("a.png", encoded(Image.new("RGB", (1, 1), WHITE), "PNG")),
    "one line": ("a.png", encoded(Image.new("RGB", (5000, 1), WHITE), "PNG")),
    "the wrong suffix": ("a.jpg", encoded(Image.new("RGB", (32, 24), WHITE), "PNG")),
    "no suffix": ("a", encoded(Image.new("RGB", (32, 24), WHITE), "PNG")),
    "bytes after its end": ("a.png", encoded(Image.new("RGB", (32, 24), WHITE), "PNG") + b"more"),
}


@pytest.mark.parametrize(("name", "content"), ODD_PICTURES.values(), ids=ODD_PICTURES)
def test_odd_pictures_are_seen_as_they_look(
    run: Run, small_model: Path, tmp_path: Path, name: str, content: bytes
) -> None:
    (tmp_path / name).write_bytes(content)
    result = run("predict", small_model, tmp_path / name, "--format", "json")
    assert result.status == 0
    assert json.loads(result.out)[0]["decision"]["state"] == "cat"


def test_a_folder_with_the_name_of_a_picture_is_a_folder(run: Run, small_model: Path, tmp_path: Path) -> None:
    picture(tmp_path / "folder.png" / "inside.png")
    result = run("predict", small_model, tmp_path, "--format", "json")
    assert [answer["image"] for answer in json.loads(result.out)] == [str(tmp_path / "folder.png" / "inside.png")]


def test_names_that_are_not_utf8(run: Run, small_model: Path, tmp_path: Path) -> None:
    name = os.fsencode(tmp_path) + b"/caf\xe9.png"
    try:
        os.rename(picture(tmp_path / "a.png"), name)
    except OSError:
        pytest.skip("this file system takes no such name")
    for format in ("json", "jsonl", "csv", "table"):
        result = run("predict", small_model, os.fsdecode(name), "--format", format, "-o", tmp_path / "out")
        assert result.status == 0
        assert r"caf\xe9.png" in (tmp_path / "out").read_text("utf-8").replace("\\\\", "\\")
    missing = run("predict", small_model, os.fsdecode(name) + ".jpg", "--format", "json")
    assert json.loads(missing.out)[0]["error"].startswith("does not exist")


@pytest.mark.parametrize("kind", ["dangling link", "link to itself", "pipe"])
def test_files_that_are_no_files(run: Run, small_model: Path, tmp_path: Path, kind: str) -> None:
    odd = tmp_path / "odd.jpg"
    if kind == "pipe":
        os.mkfifo(odd)
    else:
        odd.symlink_to(tmp_path / "nowhere.jpg" if kind == "dangling link" else odd)
    picture(tmp_path / "good.jpg")
    result = run("predict", small_model, tmp_path, "--format", "json")
    good, failed = json.loads(result.out)
    assert result.status == 1
    assert failed["image"] == str(odd)
    assert good["decision"]["state"] == "cat"


def test_no_permission(run: Run, small_model: Path, nobody: Path) -> None:
    closed, model = nobody / "photos", nobody / "m.onnx"
    picture(closed / "secret.jpg").chmod(0)
    picture(closed / "shut" / "a.jpg")
    picture(closed / "open.jpg")
    (closed / "shut").chmod(0)
    was = os.geteuid()
    os.seteuid(os.getuid())
    model.write_bytes(small_model.read_bytes())
    model.chmod(0o644)
    os.seteuid(was)
    result = run("predict", model, closed, "--format", "json")
    seen, secret = json.loads(result.out)
    assert result.status == 1
    assert seen["decision"]["state"] == "cat"
    assert "may not be read (no permission)" in secret["error"]
    assert f"{closed / 'shut'}: the folder cannot be read: Permission denied" in result.err
    (closed / "shut").chmod(0o700)
    (closed / "secret.jpg").chmod(0o600)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["empty"], "empty: there is no picture in this folder"),
        (["no*.jpg"], "no*.jpg: no picture matches this pattern"),
        (["empty", "no*.jpg"], "no picture in this folder"),
        (["-"], "the list on standard input is empty"),
    ],
)
def test_nothing_to_predict(
    run: Run, small_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], said: str
) -> None:
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path)
    (tmp_path / "out.json").write_text("old")
    result = run("predict", small_model, *arguments, "-o", "out.json")
    assert result.status == 2
    assert "error: there is nothing to predict: " in result.err
    assert said in result.err
    assert "hint: " in result.err
    assert (tmp_path / "out.json").read_text() == "old"


def test_what_names_no_picture_is_told_beside_what_does(run: Run, small_model: Path, photos: Path) -> None:
    (photos / "empty").mkdir()
    result = run("predict", small_model, photos / "dark1.jpg", photos / "empty", photos / "*.tiff", "--format", "json")
    assert result.status == 1
    assert len(json.loads(result.out)) == 1
    assert result.err.count("warning: ") == 2


def not_ours(folder: Path) -> None:
    import onnx
    from onnx import TensorProto, helper

    value = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1])
    graph = helper.make_graph([helper.make_node("Identity", ["x"], ["y"])], "g", [value], [value])
    onnx.save(helper.make_model(graph), folder / "m.onnx")


BAD_MODELS: dict[str, tuple[Callable[[Path], object], str]] = {
    "missing": (lambda folder: None, "there is no such file"),
    "a folder": (lambda folder: (folder / "m.onnx").mkdir(), "it is a folder"),
    "empty": (lambda folder: (folder / "m.onnx").touch(), "it is empty"),
    "text": (lambda folder: (folder / "m.onnx").write_text("not a model"), "not an ONNX"),
    "a pickle": (lambda folder: (folder / "m.onnx").write_bytes(b"\x80\x04\x95\x10"), "not an ONNX"),
    "another ONNX model": (not_ours, "not one made by Decisight"),
}


@pytest.mark.parametrize("command", ["predict", "info", "evaluate"])
@pytest.mark.parametrize(("make", "said"), BAD_MODELS.values(), ids=BAD_MODELS)
def test_models_that_are_none(
    run: Run, tmp_path: Path, make: Callable[[Path], object], said: str, command: str
) -> None:
    make(tmp_path)
    rest = [] if command == "info" else [picture(tmp_path / "data" / "cat" / "a.png").parents[1]]
    result = run(command, tmp_path / "m.onnx", *rest)
    assert result.status == 2
    assert result.err.startswith(f"error: {tmp_path / 'm.onnx'} cannot be used as a model: ")
    assert said in result.err
    assert "\nhint: " in result.err


def test_names_cannot_steer_the_terminal(run: Run, tmp_path: Path) -> None:
    result = run("info", tmp_path / "\x1b[2Jgone.onnx")
    assert result.status == 2
    assert r"\x1b[2Jgone.onnx cannot be used as a model" in result.err
    assert "\x1b" not in result.err


def test_a_damaged_model(run: Run, small_model: Path, tmp_path: Path) -> None:
    data = bytearray(small_model.read_bytes())
    for name, damaged in (
        ("cut.onnx", data[: len(data) // 2]),
        ("changed.onnx", data[:500] + b"\xff\xff" + data[502:]),
    ):
        (tmp_path / name).write_bytes(damaged)
        result = run("info", tmp_path / name)
        assert result.status == 2
        assert name in result.err


def test_arguments_in_the_wrong_order(run: Run, small_model: Path, photos: Path) -> None:
    result = run("predict", photos / "dark1.jpg", small_model)
    assert result.status == 2
    assert "dark1.jpg is a picture, not a model" in result.err
    assert "the model comes first" in result.err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--threshold", "frog=0.8"], "no label 'frog'"),
        (["--threshold", "worn=0.8"], "the label 'worn' stands in 2 groups"),
        (["--threshold", "gloves"], "the threshold 'gloves' is not understood"),
        (["--threshold", "gloves=1.5"], "the threshold of 'gloves' is 1.5"),
        (["--threshold", "gloves=nan"], "the threshold of 'gloves' is nan"),
        (["--threshold", "gloves=0.5", "--threshold", "extras:gloves=0.6"], "two thresholds"),
        (["--fallback", " "], "the fall-back state is empty"),
    ],
)
def test_thresholds_that_cannot_be_used(
    run: Run, gear_model: Path, photos: Path, options: list[str], said: str
) -> None:
    result = run("predict", gear_model, photos, *options)
    assert result.status == 2
    assert said in result.err


OUTPUTS = {
    "a folder": ("folder", "is a folder"),
    "in a missing folder": ("missing/out.json", "there is no folder"),
    "in a file": ("file.txt/out.json", "there is no folder"),
    "the model itself": ("model.onnx", "is the model: it would be lost"),
    "a picture": ("a.png", "has the name of a picture"),
}


@pytest.mark.parametrize(("name", "said"), OUTPUTS.values(), ids=OUTPUTS)
def test_places_that_answers_cannot_go_to(run: Run, small_model: Path, tmp_path: Path, name: str, said: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file.txt").write_text("old")
    model, good = tmp_path / "model.onnx", picture(tmp_path / "a.png")
    model.write_bytes(small_model.read_bytes())
    before = {path: path.read_bytes() for path in (model, good)}
    result = run("predict", model, good, "-o", tmp_path / name)
    assert result.status == 2
    assert said in result.err
    assert "\nhint: " in result.err
    assert {path: path.read_bytes() for path in before} == before


@pytest.mark.parametrize(("format", "options"), [("json", []), ("csv", []), ("table", ["--top", "1"])])
def test_a_disk_that_fills_up_leaves_the_old_answers(
    small_model: Path, photos: Path, tmp_path: Path, format: str, options: list[str]
) -> None:
    target = tmp_path / "out" / "answers"
    target.parent.mkdir()
    target.write_text("old")
    done = limited("predict", small_model, *[photos] * 20, "--format", format, "-o", target, *options, size=2000)
    assert done.returncode == 2
    assert done.stderr.startswith(f"error: {target} cannot be written: ")
    assert "hint: what was there before is unchanged" in done.stderr
    assert target.read_text() == "old"
    assert os.listdir(target.parent) == ["answers"]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="only Linux has a device that is always full")
@pytest.mark.parametrize("format", ["json", "jsonl", "csv", "table"])
def test_a_full_disk(run: Run, small_model: Path, photos: Path, format: str) -> None:
    result = run("predict", small_model, photos, "--format", format, "-o", "/dev/full")
    assert result.status == 2
    assert "error: /dev/full cannot be written: No space left on device\nhint: make room" in result.err


def limited(*arguments: str | Path, size: int) -> subprocess.CompletedProcess[str]:
    """Run a command for which no file may grow beyond so many bytes."""
    resource = pytest.importorskip("resource", reason="there are no such limits on this system")
    return subprocess.run(
        [*COMMAND, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size)),
    )


Tree = dict[str, str | bytes | int]

BAD_DATA: dict[str, tuple[Tree, str, list[str], str]] = {
    "a flat folder of pictures": ({".": 4}, ".", [], "4 pictures, but no class folders"),
    "an empty folder": ({"x/": 0}, "x", [], "neither class folders nor pictures"),
    "nothing": ({}, "nowhere", [], "does not exist"),
    "one picture": ({".": 1}, "0.png", [], "is one picture, not labelled pictures"),
    "one class only": ({"cat": 4}, ".", [], "one label only: 'cat' (4 pictures)"),
    "one picture a class": ({"cat": 1, "dog": 1}, ".", ["--holdout", "0"], "too few pictures to learn from"),
    "an empty class folder": ({"cat": 4, "dog": 4, "fox/": 0}, ".", [], "the class folder holds no picture"),
    "a class folder without pictures": ({"cat": 4, "fox/a.txt": "x"}, ".", [], "only other files (1 .txt)"),
    "classes that differ in case": ({"cat": 4, "Cat": 4}, ".", [], "differ only"),
    "a class called -": ({"-": 4, "cat": 4}, ".", [], "a class cannot be called '-'"),
    "no file_name column": ({"m.csv": "image,label\na.png,cat\n"}, "m.csv", [], "no column 'file_name'"),
    "no label column": ({"m.csv": "file_name\na.png\n"}, "m.csv", [], "no column with labels"),
    "a header alone": ({"m.csv": "file_name,label\n"}, "m.csv", [], "a header but no row"),
    "an empty table": ({"m.csv": ""}, "m.csv", [], "the file is empty"),
    "a byte-order mark alone": ({"m.csv": b"\xef\xbb\xbf\n"}, "m.csv", [], "the file is empty"),
    "rows without their files": (
        {"m.csv": "file_name,label\na.png,cat\nb.png,dog\n"},
        "m.csv",
        [],
        "none of its 2 rows",
    ),
    "two rows for one file": (
        {".": 2, "m.csv": "file_name,label\n0.png,cat\n0.png,dog\n"},
        "m.csv",
        [],
        "line 2, and",
    ),
    "a label twice in a cell": ({".": 2, "m.csv": "file_name,tags\n0.png,a|a\n1.png,b\n"}, "m.csv", [], "stands twice"),
    "a column of numbers": (
        {".": 30, "m.csv": "file_name,weight\n" + "".join(f"{at}.png,{at}.{at}\n" for at in range(30))},
        "m.csv",
        [],
        "looks like a measurement",
    ),
    "a broken quote": ({".": 2, "m.csv": 'file_name,label\n0.png,"cat\n1.png,dog\n'}, "m.csv", [], "line"),
    "a row that is too long": ({".": 2, "m.csv": "file_name,label\n0.png,cat,x\n"}, "m.csv", [], "line 2"),
    "a split that is none": ({".": 2, "m.csv": "file_name,a,split\n0.png,x,tst\n"}, "m.csv", [], "no split 'tst'"),
    "a broken line of JSON": ({".": 1, "m.jsonl": '{"file_name": "0.png", "label": \n'}, "m.jsonl", [], "line 1"),
    "bytes that are not UTF-8": ({"m.csv": b"file_name,label\n0.png,caf\xe9\n"}, "m.csv", [], "UTF-8"),
    "an unknown column": ({"cat": 4, "dog": 4}, ".", ["--groups", "helmet"], "the one label group 'class'"),
    "a broken source pattern": ({"cat": 4, "dog": 4}, ".", ["--source-pattern", "("], "not a regular expression"),
    "a source pattern without a match": (
        {"cat": 4, "dog": 4},
        ".",
        ["--source-pattern", "^clip"],
        "finds nothing in any of 8 file names",
    ),
    "no part to learn from": ({"test/cat": 2, "test/dog": 2, "val/cat": 2, "val/dog": 2}, ".", [], "train"),
    "depths that are none": ({"cat": 4, "dog": 4}, ".", ["--depths", "bottom"], "last, deep, all, shallow"),
    "one fold": ({"cat": 4, "dog": 4}, ".", ["--folds", "1"], "--folds is 1"),
    "a backbone that is none": ({"cat": 4, "dog": 4}, ".", ["--backbone", "resnet"], "resnet"),
    "a threshold for no label": ({"cat": 4, "dog": 4}, ".", ["--threshold", "frog=0.8"], "no label 'frog'"),
    "unreadable pictures alone": (
        {f"{label}/{at}.jpg": "text" * (at + 1) for label in ("cat", "dog") for at in range(4)},
        ".",
        ["--holdout", "0"],
        "could be read",
    ),
}


def plant(root: Path, tree: Tree) -> None:
    """Make files: a path with its content; a number makes that many pictures in a folder."""
    root.mkdir()
    for name, content in tree.items():
        path = root / name
        if name.endswith("/"):
            path.mkdir(parents=True)
        elif isinstance(content, int):
            for at in range(content):
                picture(path / f"{at}.png", BLACK if name.endswith("dog") else WHITE, mark=at)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.encode())


@pytest.mark.parametrize(("tree", "given", "options", "said"), BAD_DATA.values(), ids=BAD_DATA)
def test_data_that_cannot_be_learnt_from(
    run: Run, tmp_path: Path, tree: Tree, given: str, options: list[str], said: str
) -> None:
    plant(tmp_path / "data", tree)
    model = tmp_path / "model.onnx"
    model.write_text("the old one")
    result = run("train", tmp_path / "data" / given, "-o", model, "--no-cache", *options)
    assert result.status == 2
    assert result.err.startswith("error: ")
    assert said in result.err
    assert "\nhint: " in result.err, "what to do is missing"
    assert model.read_text() == "the old one"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("folder", "is a folder"),
        ("missing/m.onnx", "there is no folder"),
        ("data/cat/0.png", "by its name it is no model: it would be lost"),
    ],
)
def test_places_that_a_model_cannot_go_to(run: Run, tmp_path: Path, name: str, said: str) -> None:
    plant(tmp_path / "data", {"cat": 2, "dog": 2})
    (tmp_path / "folder").mkdir()
    before = (tmp_path / "data" / "cat" / "0.png").read_bytes()
    result = run("train", tmp_path / "data", "-o", tmp_path / name, "--no-cache")
    assert result.status == 2
    assert said in result.err
    assert "\nhint: " in result.err
    assert (tmp_path / "data" / "cat" / "0.png").read_bytes() == before


def test_a_model_on_a_disk_that_fills_up(tmp_path: Path) -> None:
    plant(tmp_path / "data", {"cat": 4, "dog": 4})
    target = tmp_path / "out" / "m.onnx"
    target.parent.mkdir()
    target.write_text("the old one")
    quick = [
        "--fit",
        "stretch",
        "--depths",
        "last",
        "--pooling",
        "mean",
        "--no-mirror",
        "--strength",
        "1",
        "--folds",
        "2",
    ]
    done = limited("train", tmp_path / "data", "-o", target, "--no-cache", "--holdout", "0", *quick, size=100_000)
    assert done.returncode == 2
    assert f"error: {target} cannot be written: " in done.stderr
    assert target.read_text() == "the old one"
    assert os.listdir(target.parent) == ["m.onnx"]


def test_plots_on_a_disk_that_fills_up(small_model: Path, tmp_path: Path) -> None:
    plant(tmp_path / "data", {"cat": 3, "dog": 3})
    folder = tmp_path / "evaluation"
    folder.mkdir()
    (folder / "class-confusion-matrix.png").write_text("the old one")
    done = limited("evaluate", small_model, tmp_path / "data", "-o", folder, size=12_000)
    assert done.returncode == 2
    assert f"error: the plots cannot be written to {folder}: " in done.stderr
    assert [path.name for path in folder.iterdir()] == ["class-confusion-matrix.png"]
    assert (folder / "class-confusion-matrix.png").read_text() == "the old one"


def test_a_report_on_a_disk_that_fills_up(small_model: Path, tmp_path: Path) -> None:
    plant(tmp_path / "data", {"cat": 3, "dog": 3})
    folder = tmp_path / "report"
    folder.mkdir()
    (folder / "report.html").write_text("the old one")
    done = limited("evaluate", small_model, tmp_path / "data", "--report", folder, size=12_000)
    assert done.returncode == 2
    assert f"error: {folder / 'report.html'} cannot be written: " in done.stderr
    assert [path.name for path in folder.iterdir()] == ["report.html"]
    assert (folder / "report.html").read_text() == "the old one"


BAD_EVALUATIONS: dict[str, tuple[Tree, str, list[str], str]] = {
    "labels that the model does not know": ({"cat": 2, "fox": 2}, ".", [], "labels that the model does not know"),
    "a label in another case": ({"Cat": 2, "dog": 2}, ".", [], "the model calls it 'cat'"),
    "no labels": ({".": 2}, ".", [], "no class folders"),
    "nothing": ({}, "nowhere", [], "does not exist"),
    "an unknown column": (
        {".": 2, "m.csv": "file_name,class\n0.png,cat\n"},
        "m.csv",
        ["--groups", "x"],
        "no column 'x'",
    ),
    "an output that is a file": ({"cat": 2, "dog": 2}, ".", ["-o", "cat/0.png"], "is a file, not a folder"),
    "a report into a file": ({"cat": 2, "dog": 2}, ".", ["--report", "cat/0.png"], "is a file, not a folder"),
    "costs that are not there": ({"cat": 2, "dog": 2}, ".", ["--costs", "costs.yaml"], "costs.yaml"),
    "JSON into a folder": ({"cat": 2, "dog": 2}, ".", ["--json", "cat"], "is a folder"),
}


@pytest.mark.parametrize(("tree", "given", "options", "said"), BAD_EVALUATIONS.values(), ids=BAD_EVALUATIONS)
def test_data_that_cannot_be_evaluated_on(
    run: Run,
    small_model: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    tree: Tree,
    given: str,
    options: list[str],
    said: str,
) -> None:
    plant(tmp_path / "data", tree)
    monkeypatch.chdir(tmp_path / "data")
    result = run("evaluate", small_model, given, *options)
    assert result.status == 2
    assert result.err.startswith("error: ")
    assert said in result.err
    assert "\nhint: " in result.err

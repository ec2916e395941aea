"""What is written is whole or not there, and where it cannot be written is said before the work begins."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from decisight.cli.output import check_file, check_folder, replacing, staging, streaming
from decisight.errors import OutputError


def test_a_file_takes_its_name_when_it_is_complete(tmp_path: Path) -> None:
    target = tmp_path / "a.json"
    target.write_text("old")
    with replacing(target) as stream:
        stream.write("new")
        stream.flush()
        assert target.read_text() == "old"
    assert target.read_text() == "new"
    assert os.listdir(tmp_path) == ["a.json"]


def break_off(target: Path, error: type[BaseException]) -> None:
    with replacing(target) as stream:
        stream.write("new")
        raise error


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, SystemExit])
def test_what_goes_wrong_on_the_way_leaves_the_old_file(tmp_path: Path, error: type[BaseException]) -> None:
    target = tmp_path / "a.json"
    target.write_text("old")
    with pytest.raises(error):
        break_off(target, error)
    assert target.read_text() == "old"
    assert os.listdir(tmp_path) == ["a.json"]


def test_permissions_are_those_of_the_old_file(tmp_path: Path) -> None:
    kept, fresh, ordinary = tmp_path / "kept", tmp_path / "fresh", tmp_path / "ordinary"
    kept.touch(mode=0o600)
    for target in (kept, fresh):
        with replacing(target) as stream:
            stream.write("new")
    ordinary.touch()
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert stat.S_IMODE(fresh.stat().st_mode) == stat.S_IMODE(ordinary.stat().st_mode)


def test_checking_writes_nothing(tmp_path: Path) -> None:
    there = tmp_path / "a.json"
    there.write_text("old")
    check_file(there, example="b.json")
    check_file(tmp_path / "new.json", example="b.json")
    assert os.listdir(tmp_path) == ["a.json"]
    assert there.read_text() == "old"


@pytest.mark.parametrize(
    ("place", "said", "hint"),
    [
        ("folder", "folder is a folder", "folder/b.json"),
        ("nowhere/a.json", "there is no folder", "make it first"),
        ("file/a.json", "there is no folder", "make it first"),
        ("x" * 300, "cannot be written: File name too long", "another place"),
    ],
)
def test_places_that_cannot_be_written(tmp_path: Path, place: str, said: str, hint: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match=said) as caught:
        check_file(tmp_path / place, example="b.json")
    assert caught.value.hint is not None
    assert hint in caught.value.hint


def test_folders_are_made(tmp_path: Path) -> None:
    check_folder(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").is_dir()
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="is a file, not a folder"):
        check_folder(tmp_path / "file")
    with pytest.raises(OutputError, match="cannot be written"):
        check_folder(tmp_path / "file" / "below")


def test_a_folder_without_permission(nobody: Path) -> None:
    closed = nobody / "closed"
    closed.mkdir(mode=0o555)
    with pytest.raises(OutputError, match="Permission denied"):
        check_file(closed / "a.json", example="b.json")
    with pytest.raises(OutputError, match="Permission denied"):
        check_folder(closed / "new")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="only Linux has a device that is always full")
def test_a_full_disk() -> None:
    full = Path("/dev/full")
    check_file(full, example="b.json")
    for opened in (replacing, streaming):
        with (
            pytest.raises(OutputError, match="/dev/full cannot be written: No space left on device"),
            opened(full) as stream,
        ):
            stream.write("x" * 100_000)
    assert stat.S_ISCHR(full.stat().st_mode)


def test_a_pipe_is_written_to_directly(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    with replacing(pipe) as stream:
        stream.write("through")
    assert os.read(reader, 100) == b"through"
    os.close(reader)
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def test_files_of_a_folder_are_replaced_together(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("old")
    (tmp_path / "a.json").chmod(0o600)
    with staging(tmp_path) as beside:
        for name in ("a.json", "b.csv"):
            (beside / name).write_text("new")
        assert (tmp_path / "a.json").read_text() == "old"
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"a.json": "new", "b.csv": "new"}
    assert stat.S_IMODE((tmp_path / "a.json").stat().st_mode) == 0o600


def broken_off(folder: Path, error: BaseException | None) -> None:
    with staging(folder) as beside:
        for name in ("a.json", "b.csv"):
            (beside / name).write_text("new")
        if error is not None:
            raise error


@pytest.mark.parametrize("error", [None, RuntimeError(), KeyboardInterrupt(), OSError(28, "No space left on device")])
def test_what_goes_wrong_leaves_all_old_files(tmp_path: Path, error: BaseException | None) -> None:
    (tmp_path / "a.json").write_text("old")
    (tmp_path / "b.csv").mkdir() if error is None else (tmp_path / "b.csv").write_text("old")
    with pytest.raises((OutputError, RuntimeError, KeyboardInterrupt)):
        broken_off(tmp_path, error)
    assert (tmp_path / "a.json").read_text() == "old"
    assert sorted(os.listdir(tmp_path)) == ["a.json", "b.csv"]

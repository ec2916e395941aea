"""Files are written whole or not at all, and stay what they were: links, permissions."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import pytest

from decisight.errors import OutputError
from decisight.files import draft_of, is_special, sync_folder, unwritable


def write(path: Path, content: bytes) -> None:
    with draft_of(path) as draft:
        draft.write_bytes(content)


def break_off(path: Path, error: BaseException) -> None:
    with draft_of(path) as draft:
        draft.write_bytes(b"half")
        raise error


def test_the_file_takes_its_name_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(b"old")
    with draft_of(path) as draft:
        draft.write_bytes(b"new")
        assert path.read_bytes() == b"old"
        assert draft.parent == path.parent  # a file can be renamed within one file system only
    assert path.read_bytes() == b"new"
    assert os.listdir(tmp_path) == ["a.bin"]


@pytest.mark.parametrize("error", [RuntimeError(), KeyboardInterrupt(), SystemExit(), BrokenPipeError()])
@pytest.mark.parametrize("there", [True, False])
def test_on_any_failure_what_was_there_stays(tmp_path: Path, error: BaseException, there: bool) -> None:
    path = tmp_path / "a.bin"
    if there:
        path.write_bytes(b"old")
    with pytest.raises(type(error)):
        break_off(path, error)
    assert os.listdir(tmp_path) == (["a.bin"] if there else [])
    assert not there or path.read_bytes() == b"old"


@pytest.mark.parametrize(("number", "way"), [(errno.ENOSPC, "make room"), (errno.EROFS, "see that it may be written")])
def test_what_the_system_says_is_told_with_the_name_that_was_given(tmp_path: Path, number: int, way: str) -> None:
    path = tmp_path / "a.bin"
    with pytest.raises(OutputError, match=rf"a\.bin cannot be written: {os.strerror(number)}") as caught:
        break_off(path, OSError(number, os.strerror(number)))
    assert caught.value.hint == f"what was there before is unchanged; {way}, or name another place"


@pytest.mark.parametrize("name", ["nowhere/a.bin", "file/a.bin", "x" * 300])
def test_places_that_cannot_be_written(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="cannot be written"):
        write(tmp_path / name, b"new")
    assert os.listdir(tmp_path) == ["file"]


@pytest.mark.skipif(os.name != "posix", reason="links, pipes and permissions are those of POSIX")
class TestPosix:
    def test_a_link_stays_a_link(self, tmp_path: Path) -> None:
        (tmp_path / "far").mkdir()
        (tmp_path / "link").symlink_to("far/real")
        write(tmp_path / "link", b"new")
        assert (tmp_path / "link").is_symlink()
        assert (tmp_path / "far/real").read_bytes() == b"new"

    def test_permissions_stay(self, tmp_path: Path) -> None:
        kept, ordinary = tmp_path / "kept", tmp_path / "ordinary"
        kept.touch(mode=0o600)
        kept.chmod(0o640)
        write(kept, b"new")
        write(tmp_path / "new", b"new")
        ordinary.touch()
        assert stat.S_IMODE(kept.stat().st_mode) == 0o640
        assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == stat.S_IMODE(ordinary.stat().st_mode)

    def test_nobody_else_reads_what_is_not_complete(self, tmp_path: Path) -> None:
        with draft_of(tmp_path / "a.bin") as draft:
            assert stat.S_IMODE(draft.stat().st_mode) == 0o600

    def test_what_is_no_file_is_left_alone(self, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "pipe")
        assert is_special(tmp_path / "pipe")
        assert is_special(tmp_path)
        assert not is_special(tmp_path / "nothing")
        for path, what in ((tmp_path / "pipe", "a device or a pipe"), (tmp_path, "a folder")):
            with pytest.raises(OutputError, match=f"is {what}"):
                write(path, b"new")
        assert os.listdir(tmp_path) == ["pipe"]


def test_who_reads_and_leaves_is_no_fault_of_the_place(tmp_path: Path) -> None:
    with pytest.raises(BrokenPipeError):
        unwritable(tmp_path, BrokenPipeError())


@pytest.mark.skipif(os.name != "posix", reason="folders cannot be synchronised on this system")
def test_the_names_in_a_folder_are_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", lambda descriptor: synced.append(os.fstat(descriptor).st_ino))
    sync_folder(tmp_path)
    assert synced == [tmp_path.stat().st_ino]
    with pytest.raises(FileNotFoundError):
        sync_folder(tmp_path / "nowhere")

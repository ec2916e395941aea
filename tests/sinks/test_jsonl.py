"""Events as lines of JSON: each once, whole, and on the disk."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from decisight.errors import OutputError, UsageError
from decisight.sinks import SINKS, jsonl
from decisight.sinks.jsonl import JsonLines
from decisight.types import Event, EventChange


def change(number: int, what: Any = "opened", **values: Any) -> EventChange:
    given: dict[str, Any] = {
        "event_id": f"{number:032x}",
        "site": "works",
        "camera": "gate",
        "region": None,
        "model": "doors",
        "group": "class",
        "state": "open",
        "start_time": 1_700_000_000.0 + number,
        "end_time": None,
        "duration": 0.0,
        "confidence": 0.9,
        "least_confidence": 0.9,
        "readings": 1,
        "why": "it was seen",
    }
    return EventChange(what, Event(**(given | values)))


def keys(path: Path) -> list[str]:
    values = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    return [f"{int(one['event_id'], 16)} {one['change']}" for one in values]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "events.jsonl"


def test_a_line_for_each_change(path: Path) -> None:
    sink = SINKS.build("jsonl", {"path": str(path)})
    sink.write(change(1, state="außer Betrieb \udce9"))
    sink.write(change(2))
    sink.write(change(1, "closed", end_time=1_700_000_005.0, ended_by="shut"))
    sink.close()
    assert keys(path) == ["1 opened", "2 opened", "1 closed"]
    first, _, last = (json.loads(line) for line in path.read_text("utf-8").splitlines())
    assert first["state"] == "außer Betrieb \udce9"
    assert "außer" in path.read_text("utf-8")
    assert last == change(1, "closed", end_time=1_700_000_005.0, ended_by="shut").to_json()


def test_what_is_there_is_not_written_again(path: Path) -> None:
    for _ in range(3):
        sink = JsonLines(str(path))
        for number in (1, 2, 1):
            sink.write(change(number))
    assert keys(path) == ["1 opened", "2 opened"]


def test_only_the_last_ones_are_remembered(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jsonl, "_REMEMBERED", 3)
    monkeypatch.setattr(jsonl, "_TAIL", 2000)
    sink = JsonLines(str(path))
    for number in range(1, 20):
        sink.write(change(number))
    again = JsonLines(str(path))
    for number in (18, 19, 20):
        again.write(change(number))
    assert keys(path) == [f"{number} opened" for number in range(1, 21)]
    # One that is long past is written again: that takes no memory.
    again.write(change(1))
    assert keys(path)[-1] == "1 opened"


def test_a_line_that_was_cut_short_is_taken_out(path: Path, tmp_path: Path) -> None:
    sink = JsonLines(str(path))
    for number in (1, 2):
        sink.write(change(number))
    content = path.read_bytes()
    begin = content.index(b"\n") + 1
    for size in range(begin, len(content) + 1):
        path.write_bytes(content[:size])
        again = JsonLines(str(path))
        again.write(change(2))
        again.write(change(3))
        assert keys(path) == ["1 opened", "2 opened", "3 opened"], size


@pytest.mark.parametrize("foreign", [b"# a remark", b"{}", b'{"other": 1', b"\xff\xfe", b"null", b"[" * 100_000])
def test_what_is_not_ours_stays(path: Path, foreign: bytes) -> None:
    path.write_bytes(foreign)
    JsonLines(str(path)).write(change(1))
    lines = path.read_bytes().split(b"\n")
    assert lines[0] == foreign
    assert json.loads(lines[1])["change"] == "opened"
    assert lines[2:] == [b""]


def test_the_file_may_be_moved_away_or_emptied(path: Path, tmp_path: Path) -> None:
    sink = JsonLines(str(path))
    sink.write(change(1))
    path.rename(tmp_path / "old.jsonl")
    sink.write(change(2))
    assert keys(path) == ["2 opened"]
    path.write_bytes(b"")
    sink.write(change(3))
    sink.write(change(3))
    assert keys(path) == ["3 opened"]
    path.unlink()
    sink.write(change(4))
    assert keys(path) == ["4 opened"]
    assert keys(tmp_path / "old.jsonl") == ["1 opened"]


def test_a_full_disk_leaves_no_half_line_and_is_tried_again(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sink = JsonLines(str(path))
    sink.write(change(1))

    def full(stream: Any, data: bytes) -> None:
        stream.write(data[:20])
        raise OSError(28, "No space left on device")

    for _ in range(2):
        with monkeypatch.context() as patch:
            patch.setattr(jsonl, "_write_all", full)
            with pytest.raises(OutputError, match="No space left on device"):
                sink.write(change(2))
        assert keys(path) == ["1 opened"]
    with monkeypatch.context() as patch:
        # Where not even that can be undone, it is mended later.
        patch.setattr(jsonl, "_write_all", full)
        patch.setattr(os, "ftruncate", lambda *_: full(io.BytesIO(), b""))
        with pytest.raises(OutputError, match="No space left on device"):
            sink.write(change(2))
    assert path.read_bytes()[-1:] != b"\n"
    sink.write(change(2))
    assert keys(path) == ["1 opened", "2 opened"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no such device")
def test_devices_are_refused() -> None:
    with pytest.raises(OutputError, match="is no file that lines can be appended to"):
        JsonLines("/dev/full").write(change(1))


def test_places_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="is no file that lines can be appended to"):
        JsonLines(str(tmp_path)).write(change(1))
    with pytest.raises(OutputError, match="No such file or directory") as caught:
        JsonLines(str(tmp_path / "none" / "events.jsonl")).write(change(1))
    assert caught.value.hint is not None
    with pytest.raises(UsageError, match="path is missing"):
        SINKS.build("jsonl")


KILLED = """
import sys
sys.path.insert(0, sys.argv[2])
from test_jsonl import JsonLines, change
sink = JsonLines(sys.argv[1])
for number in range(10_000):
    sink.write(change(number))
    print(number, flush=True)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no such signal")
def test_killed_while_it_writes(path: Path) -> None:
    told = -1
    for rounds in range(3):
        command = [sys.executable, "-c", KILLED, str(path), str(Path(__file__).parent)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
            assert child.stdout is not None
            for line in child.stdout:
                if int(line) >= 20 * (rounds + 1):
                    break
            os.kill(child.pid, signal.SIGKILL)
            told = max([told, int(line), *map(int, child.stdout.read().split())])
    JsonLines(str(path)).write(change(99_999))
    found = keys(path)
    assert found[: told + 1] == [f"{number} opened" for number in range(told + 1)]
    assert len(found) == len(set(found)) <= told + 3

"""What goes wrong while cameras are watched: each is survived, each is said, and nothing decided is lost."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sqlite3
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from tests.clips import BRIGHT, DARK, write_clip
from tests.e2e.conftest import WatchedSite, told

LEVELS = ([BRIGHT] * 20 + [DARK] * 20) * 4
EVENTS = 8
LOCKED_SECONDS = 10.0
SEEN_SECONDS = 10.0
"""Within which whoever looks must see that something is wrong."""


def wait_until(condition: object, seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < end, "it never came to that"
        time.sleep(0.05)


class Running:
    """A watch whose standard error is read as it comes."""

    def __init__(self, site: WatchedSite, *arguments: str) -> None:
        self.process = site.start(*arguments)
        self.errors: list[str] = []
        self.lines: list[str] = []
        self._threads = [
            threading.Thread(target=self._read, args=(self.process.stderr, self.errors)),
            threading.Thread(target=self._read, args=(self.process.stdout, self.lines)),
        ]
        for thread in self._threads:
            thread.start()

    @staticmethod
    def _read(stream: object, into: list[str]) -> None:
        for line in stream:  # type: ignore[attr-defined]
            into.append(line)  # noqa: PERF402 - it is read while it grows

    def said(self, text: str) -> bool:
        return any(text in line for line in self.errors)

    def end(self, seconds: float = 120.0) -> int:
        status = self.process.wait(timeout=seconds)
        self.close()
        assert not self.said("Traceback")
        return status

    def close(self) -> None:
        for thread in self._threads:
            thread.join()
        for stream in (self.process.stdout, self.process.stderr):
            if stream is not None:
                stream.close()


@pytest.fixture
def watching() -> Iterator[list[Running]]:
    running: list[Running] = []
    yield running
    for one in running:
        if one.process.poll() is None:
            one.process.kill()
        one.process.wait()
        one.close()


def expected(site: WatchedSite, tmp_path: Path) -> list[tuple[object, ...]]:
    """What an undisturbed run reports of the same clip."""
    folder = tmp_path / "undisturbed"
    folder.mkdir()
    shutil.copy2(site.folder / "gate.mp4", folder)
    undisturbed = WatchedSite(folder, site.values).write()
    process = undisturbed.start()
    process.communicate(timeout=120)
    assert process.returncode == 0
    return told(undisturbed.reported())


def test_the_database_is_locked_for_ten_seconds(site: WatchedSite, tmp_path: Path, watching: list[Running]) -> None:
    write_clip(site.folder / "gate.mp4", LEVELS)
    wanted = expected(site, tmp_path)
    site.values["cameras"]["gate"]["source"]["realtime"] = True
    state = site.folder / "health.json"
    run = Running(site.write(), "--health", str(state))
    watching.append(run)
    wait_until(lambda: len(site.reported()) >= 2)
    with contextlib.closing(sqlite3.connect(site.folder / "plant.db", timeout=30, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        begun = time.monotonic()
        wait_until(lambda: run.said("locked: waiting until it can be written again"), LOCKED_SECONDS)
        wait_until(lambda: "locked" in store_trouble(state), SEEN_SECONDS)
        time.sleep(max(0.0, LOCKED_SECONDS - (time.monotonic() - begun)))
        other.execute("ROLLBACK")
    assert run.end() == 0
    assert run.said("written again, after")
    assert store_trouble(state) == ""
    assert told(site.reported()) == wanted
    assert site.command("verify").returncode == 0


def store_trouble(state: Path) -> str:
    """Why nothing can be stored, as the file with the health says."""
    with contextlib.suppress(FileNotFoundError):
        return str(json.loads(state.read_text("utf-8"))["store"]["cause"] or "")
    return ""


@contextlib.contextmanager
def small_disk(folder: Path, size: str) -> Iterator[None]:
    """A file system of its own that is soon full."""
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if done.returncode != 0:
        pytest.skip("a small file system can be mounted by root only")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="a small file system needs root")
def test_the_disk_is_full(site: WatchedSite, tmp_path: Path, watching: list[Running]) -> None:
    write_clip(site.folder / "gate.mp4", LEVELS)
    wanted = expected(site, tmp_path)
    disk = tmp_path / "disk"
    disk.mkdir()
    site.values["store"] = "sqlite:///disk/plant.db"
    site.values["sinks"]["log"]["path"] = "disk/events.jsonl"
    site.values["cameras"]["gate"]["source"]["realtime"] = True
    state = site.folder / "health.json"
    with small_disk(disk, "2m"):
        run = Running(site.write(), "--health", str(state))
        watching.append(run)
        wait_until(lambda: (disk / "events.jsonl").exists() and (disk / "events.jsonl").stat().st_size > 0)
        filler = disk / "filler"
        with contextlib.suppress(OSError), filler.open("wb") as stream:
            while True:
                stream.write(b"x" * 4096)
                stream.flush()
        wait_until(lambda: run.said("full"))
        wait_until(lambda: "full" in store_trouble(state), SEEN_SECONDS)
        time.sleep(1.0)
        filler.unlink()
        assert run.end() == 0
        assert run.said("nothing was lost")
        lines = (disk / "events.jsonl").read_text("utf-8").splitlines()
        shutil.copy2(disk / "events.jsonl", site.folder / "events.jsonl")
        assert len(lines) == 2 * EVENTS
        assert told(site.reported()) == wanted
        assert site.command("verify").returncode == 0


def test_a_clip_with_a_damaged_middle(site: WatchedSite) -> None:
    clip = write_clip(site.folder / "gate.mp4", LEVELS, gop=4)
    content = bytearray(clip.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 2_000] = b"\xff" * 2_000
    clip.write_bytes(content)
    process = site.start()
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert "damaged" in out
    assert "Traceback" not in err
    states = [event["state"] for event in site.stored()]
    assert states[0] == "cat"
    assert states[-1] == "dog"
    assert len(states) >= EVENTS - 2
    assert site.command("verify").returncode == 0


def test_the_clock_is_set_back_by_an_hour(site: WatchedSite, watching: list[Running]) -> None:
    pictures = site.folder / "inbox"
    pictures.mkdir()
    source = {"type": "folder", "path": "inbox", "poll": 0.05}
    site.values["cameras"]["gate"] |= {"source": source}
    run = Running(site.write())
    watching.append(run)
    now = time.time() - 10.0
    times = [*(now + at for at in range(4)), *(now - 3600.0 + at for at in range(4))]
    for at, moment in enumerate(times):
        draft = pictures / f".{at}.part"
        Image.new("RGB", (64, 48), (at, BRIGHT, BRIGHT) if at < 6 else (at, DARK, DARK)).save(draft, "JPEG")
        os.utime(draft, (moment, moment))
        draft.rename(pictures / f"{at}.jpg")
        wait_until(lambda at=at: _pictures(site) == at + 1)
    run.process.terminate()
    assert run.end() == 0
    assert run.said("the clock was set back by 3597.0 s") or run.said("the clock was set back by")
    (event,) = [event for event in site.stored() if event["state"] == "cat"]
    assert event["duration"] >= 0.0
    assert site.command("verify").returncode == 0
    assert site.command("replay", "--event", event["event_id"]).returncode == 0


def _pictures(site: WatchedSite) -> int:
    """How many pictures are in the store by now."""
    with contextlib.closing(sqlite3.connect(site.folder / "plant.db")) as store:
        try:
            (count,) = store.execute("SELECT count(*) FROM records WHERE kind IN (1, 3)").fetchone()
        except sqlite3.OperationalError:
            return 0
    return int(count)


def test_an_event_is_marked_while_it_is_watched(site: WatchedSite, watching: list[Running]) -> None:
    write_clip(site.folder / "gate.mp4", LEVELS)
    site.values["cameras"]["gate"]["source"]["realtime"] = True
    run = Running(site.write())
    watching.append(run)
    wait_until(lambda: len(site.reported()) >= 3)
    first = site.reported()[0]["event_id"]
    marked = site.command("mark", "--event", first[:8], "--outcome", "false_alarm", "--hold", "--note", "a test")
    assert marked.returncode == 0, marked.stderr
    assert "false_alarm, held, note: a test" in marked.stdout.replace("outcome ", "")
    assert run.end() == 0
    assert site.stored()[0]["outcome"] == "false_alarm"
    assert site.command("verify").returncode == 0

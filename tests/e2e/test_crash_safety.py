"""Killed at any moment, watching goes on where it was: nothing reported is lost, nothing is doubled."""

from __future__ import annotations

import contextlib
import sqlite3
import subprocess
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.clips import write_clip
from tests.e2e.conftest import WatchedSite, random_levels, told

KILLS = 50
FRAMES = 9_000


def run_to_the_end(site: WatchedSite) -> str:
    process = site.start()
    out, err = process.communicate(timeout=240)
    assert process.returncode == 0, err
    assert "Traceback" not in err
    return out


def progress(site: WatchedSite) -> int:
    """How many readings are stored."""
    try:
        with contextlib.closing(sqlite3.connect(f"file:{site.folder / 'plant.db'}?mode=ro", uri=True)) as store:
            return int(store.execute("SELECT coalesce(max(seq), 0) FROM records WHERE chain_id = 1").fetchone()[0])
    except sqlite3.OperationalError:
        return 0


@pytest.mark.parametrize(
    ("kills", "camera"),
    [
        (KILLS, {"fps": None, "gates": []}),
        (6, {"fps": 5, "gates": [{"type": "size"}, {"type": "brightness"}, {"type": "frozen"}]}),
    ],
    ids=["every picture", "sampled and gated"],
)
def test_kill_at_random_moments(
    site: WatchedSite, tmp_path: Path, ended: list[subprocess.Popen[str]], kills: int, camera: dict[str, Any]
) -> None:
    write_clip(site.folder / "gate.mp4", random_levels(FRAMES))
    site.values["cameras"]["gate"] |= camera
    site.write()
    undisturbed = WatchedSite(tmp_path / "undisturbed", site.values)
    undisturbed.folder.mkdir()
    (undisturbed.folder / "gate.mp4").symlink_to(site.folder / "gate.mp4")
    run_to_the_end(undisturbed.write())
    expected = undisturbed.reported()
    assert len(expected) > 100

    moments = np.random.default_rng(11)
    reported: list[dict[str, Any]] = []
    at_work = 0
    for _ in range(kills):
        before = progress(site)
        process = site.start("--threads", "1")
        ended.append(process)
        # Some moments are before it has begun; most are within a tenth of a second of something that it has stored.
        if moments.random() < 0.1:
            time.sleep(moments.uniform(0.1, 1.0))
        else:
            while process.poll() is None and progress(site) == before:
                time.sleep(0.01)
            time.sleep(moments.uniform(0.0, 0.1))
            at_work += process.poll() is None
        process.kill()
        process.communicate()
        now = site.reported()
        assert now[: len(reported)] == reported, "what was reported has changed"
        reported = now
    assert at_work >= kills / 2, "the recording was over too soon for this to say anything"
    run_to_the_end(site)

    final = site.reported()
    keys = Counter((event["event_id"], event["change"]) for event in final)
    assert set(keys.values()) == {1}, "something was reported twice"
    assert told(final) == told(expected)
    stored = {event["event_id"]: event for event in site.stored()}
    assert len(stored) == len(final) / 2
    for event in final:
        if event["change"] == "closed":
            assert stored[event["event_id"]]["end_time"] == event["end_time"]
    verified = site.command("verify")
    assert verified.returncode == 0, verified.stdout
    shown = site.command("replay", "--event", final[-1]["event_id"])
    assert shown.returncode == 0, shown.stdout + shown.stderr


def test_a_stop_leaves_events_open_and_the_next_start_takes_them_up(site: WatchedSite) -> None:
    write_clip(site.folder / "gate.mp4", [230] * 80)
    site.values["cameras"]["gate"]["source"]["realtime"] = True
    process = site.write().start()
    try:
        while "begins" not in (line := process.stdout.readline() if process.stdout else ""):
            assert line, "it ended before anything began"
        process.terminate()
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 0, err
    assert "Stopped; 1 event still open." in out
    site.values["cameras"]["gate"]["source"]["realtime"] = False
    run_to_the_end(site.write())
    (opened, closed) = site.reported()
    assert (opened["change"], closed["change"]) == ("opened", "closed")
    assert opened["event_id"] == closed["event_id"]
    assert closed["readings"] == 78
    assert closed["ended_by"] == "source ended"


@pytest.mark.parametrize("again", [False, True])
def test_a_recording_is_watched_once_unless_told(site: WatchedSite, again: bool) -> None:
    write_clip(site.folder / "gate.mp4", [230] * 30)
    run_to_the_end(site)
    process = site.start(*(["--again"] if again else []))
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert ("30 pictures" in out) is again
    assert ("--again watches it once more" in out) is not again
    assert len({event["event_id"] for event in site.reported()}) == 1 + again
    assert site.command("verify").returncode == 0

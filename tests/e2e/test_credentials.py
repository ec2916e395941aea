"""A password that is watched with is found nowhere: not in what is printed, not in what is kept."""

from __future__ import annotations

import contextlib
import os
import signal
import sqlite3
import subprocess
from pathlib import Path

from tests.e2e.conftest import WatchedSite
from tests.e2e.test_faults import wait_until
from tests.live.clip import write_numbered
from tests.live.http_camera import HttpCamera
from tests.live.rtsp import RtspServer

CANARY = "c4n4ry@:/#?%"
ENCODED = "c4n4ry%40%3A%2F%23%3F%25"
TRACES = ("c4n4ry", "YzRuNHJ5", "bWU6YzRuNHJ5")
"""As it is, and as it begins in Base64, alone and after ``me:``."""


def recorded(site: WatchedSite) -> set[str]:
    """The cameras of which something is stored."""
    with contextlib.suppress(sqlite3.Error), contextlib.closing(sqlite3.connect(site.folder / "plant.db")) as store:
        return {camera for (camera,) in store.execute("SELECT camera FROM chains WHERE last_seq >= 3")}
    return set()


def test_a_password_is_found_nowhere(site: WatchedSite, tmp_path: Path) -> None:
    clip = write_numbered(tmp_path / "live.mp4", size=(128, 96), fps=30)
    with (
        RtspServer(clip, user="me", password=CANARY) as rtsp,
        HttpCamera(user="me", password=CANARY, scheme="basic", fps=30, size=(128, 96)) as http,
    ):
        login = {"user": "me", "password": CANARY}
        sources = {
            "rtsp": {"type": "camera", "url": rtsp.url_with("me", CANARY)},
            "mjpeg": {"type": "camera", "url": http.url("/video", "me", CANARY)},
            "shots": {"type": "snapshot", "url": http.url("/picture", "me", CANARY), "every": "100ms"},
            "rtsp-apart": {"type": "camera", "url": rtsp.url, **login},
            "mjpeg-apart": {"type": "camera", "url": http.video_url, **login},
            "shots-apart": {"type": "snapshot", "url": http.picture_url, "every": "100ms", **login},
            "wrong": {"type": "camera", "url": rtsp.url_with("me", CANARY + "wrong")},
            "off": {"type": "camera", "url": f"rtsp://me:{ENCODED}@127.0.0.1:9/user=me&password=c4n4ry&channel=1"},
            "shots-off": {"type": "snapshot", "url": "http://127.0.0.1:9/?token=c4n4ry", **login},
        }
        watch = [{"model": "light", "policy": "majority_vote:1/2"}]
        site.values["cameras"] = {
            name: {"source": source, "fps": 10, "gates": [], "watch": watch} for name, source in sources.items()
        }
        site.values["evidence"] = {"keep": []}
        site.write()
        process = site.start()
        try:
            wait_until(lambda: len(recorded(site)) >= 7 and "off" in recorded(site), 120.0)
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=60)
        finally:
            process.kill()
        outputs = [subprocess.CompletedProcess("watch", process.returncode, out, err), site.command("check")]
    site.path.unlink()
    assert process.returncode == 0, err
    for done in outputs:
        assert not [trace for trace in TRACES if trace in done.stdout + done.stderr], done
    kept = [Path(folder, name) for folder, _, names in os.walk(tmp_path) for name in names]
    assert tmp_path / "plant.db" in kept
    for path in kept:
        content = path.read_bytes()
        assert not [trace for trace in TRACES if trace.encode() in content], path

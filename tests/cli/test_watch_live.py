"""``decisight watch MODEL`` with the address of a live camera: until it is told to end, and no password anywhere."""

from __future__ import annotations

import http.client
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.live.http_camera import HttpCamera

from decisight.cli.named_source import NamedSource, is_live, live_source
from decisight.errors import UsageError

from .conftest import Run

USER, PASSWORD = "observer", "b0tt-ling"


@pytest.mark.parametrize(
    ("source", "every", "section", "name", "fps"),
    [
        ("rtsp://10.0.0.5/live", None, {"type": "camera"}, "10.0.0.5", None),
        ("RTSP://10.0.0.5:8554/live.jpg", None, {"type": "camera"}, "10.0.0.5", None),
        (f"rtsps://{USER}:{PASSWORD}@gate.plant/live", None, {"type": "camera"}, "gate.plant", None),
        ("http://10.0.0.5/video", None, {"type": "camera"}, "10.0.0.5", None),
        ("http://10.0.0.5/video.mjpg", None, {"type": "camera"}, "10.0.0.5", None),
        ("http://10.0.0.5/still.JPG?n=1", None, {"type": "snapshot", "every": "5s"}, "10.0.0.5", 0.2),
        ("https://10.0.0.5/cgi/still", "2s", {"type": "snapshot", "every": "2s"}, "10.0.0.5", 0.5),
        ("http://[fd00::5]/a.png", "500ms", {"type": "snapshot", "every": "500ms"}, "fd00-5", 2.0),
        ("0", None, {"type": "camera"}, "camera-0", None),
        ("/dev/video2", None, {"type": "camera"}, "camera-video2", None),
    ],
)
def test_what_is_meant(source: str, every: str | None, section: dict[str, Any], name: str, fps: float | None) -> None:
    assert is_live(source)
    found = live_source(source, every)
    assert found == NamedSource({**section, "url": source}, found.name, fps)
    # Of its host or its device; what follows tells one stream of a recorder from another.
    assert found.name.startswith(name)
    assert PASSWORD not in found.name


@pytest.mark.parametrize("source", ["gate.mp4", "clips/0", "C:\\clips\\gate.mp4", "0.mp4", "pictures", "a:b", ""])
def test_files_and_folders(source: str) -> None:
    assert not is_live(source)


@pytest.mark.parametrize(
    ("source", "every"),
    [
        ("rtsp://10.0.0.5/live", "5s"),
        ("0", "5s"),
        ("http://10.0.0.5/a.jpg", "soon"),
        (f"ftp://{USER}:{PASSWORD}@10.0.0.5/", None),
        (f"rtsp://{USER}:{PASSWORD}@", None),
        (f"http://{USER}:{PASSWORD}@10.0.0.5:99999/a.jpg", None),
    ],
)
def test_what_cannot_be_used(source: str, every: str | None) -> None:
    with pytest.raises(UsageError) as caught:
        live_source(source, every)
    assert PASSWORD not in str(caught.value)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([f"rtsp://{USER}:{PASSWORD}@10.0.0.5/live"], "is a camera, and the model comes first"),
        ([f"rtsp://{USER}:{PASSWORD}@10.0.0.5/live", "{model}"], "is a camera, and the model comes first"),
        (["{model}", f"{USER}:{PASSWORD}@10.0.0.5/live"], "@10.0.0.5/live"),
        (["{model}", f"gopher://{USER}:{PASSWORD}@10.0.0.5/live"], "gopher"),
        (["{model}", f"rtsp://{USER}:{PASSWORD}@10.0.0.5/live", "--every", "5s"], "--every is for a still picture"),
        (["{model}", f"rtsp://{USER}:{PASSWORD}@10.0.0.5/live", "--follow"], "--follow is for a folder"),
        (["{model}", "gate.mp4", "--every", "5s"], "--every is for a still picture"),
        (["{model}", "rtsp://10.0.0.5/live", "--listen", "here"], "here is no address to listen at"),
        (["{model}", "rtsp://10.0.0.5/live", "--health", "nowhere/health.json"], "there is no folder nowhere"),
        (["{model}", "rtsp://10.0.0.5/live", "--health", "{model}"], "holds something else: it would be lost"),
        (["{model}", "rtsp://10.0.0.5/live", "--health", "/dev/null"], "/dev/null is no file"),
    ],
)
def test_what_is_refused_shows_no_password(
    run: Run, small_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    result = run("watch", *(argument.format(model=small_model) for argument in arguments))
    assert result.status == 2
    assert said in result.err
    assert PASSWORD not in result.out + result.err
    assert list(tmp_path.iterdir()) == []


@pytest.fixture(scope="module")
def camera() -> Iterator[HttpCamera]:
    with HttpCamera(user=USER, password=PASSWORD) as camera:
        yield camera


class Watching:
    """A watch as a process of its own, whose lines are read as they come."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "decisight", "watch", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=folder,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
        self.lines: list[str] = []
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line)

    def until(self, text: str, seconds: float = 60.0) -> str:
        end = time.monotonic() + seconds
        while not (found := [line for line in self.lines if text in line]):
            assert time.monotonic() < end, self.lines
            assert self.process.poll() is None, self.lines
            time.sleep(0.02)
        return found[0]

    def end(self, how: signal.Signals = signal.SIGINT) -> tuple[int, str]:
        if self.process.poll() is None:
            self.process.send_signal(how)
        status = self.process.wait(60)
        self._thread.join()
        assert self.process.stdout is not None
        self.process.stdout.close()
        return status, "".join(self.lines)


@pytest.fixture
def watching() -> Iterator[list[Watching]]:
    running: list[Watching] = []
    yield running
    for one in running:
        if one.process.poll() is None:
            one.process.kill()
        one.end()


def kept(folder: Path) -> bytes:
    return b"".join(path.read_bytes() + path.name.encode() for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("path", ["video", "picture"])
def test_until_it_is_told_to_end(
    camera: HttpCamera, small_model: Path, tmp_path: Path, watching: list[Watching], path: str
) -> None:
    address = camera.url(f"/{path}", USER, PASSWORD)
    options = ["--every", "100ms"] if path == "picture" else ["--fps", "10"]
    # Of an earlier time: what a camera has shown then, it shows no more.
    earlier = '{"change": "opened", "event_id": "earlier"}\n'
    name = f"127.0.0.1-{camera.port}-{path}"
    (tmp_path / f"{name}.events.jsonl").write_text(earlier)
    keep = ["--store", "sqlite:///kept.db?pwd=canary"] if path == "picture" else []
    run = Watching(tmp_path, str(small_model), address, *options, "--policy", "majority_vote:1/1", *keep)
    watching.append(run)
    run.until("begins")
    status, said = run.end()
    assert status == 0, said
    assert "Stopped; 1 event still open." in said
    assert f"{name}: " in said
    events = (tmp_path / f"{name}.events.jsonl").read_text()
    assert events.startswith(earlier)
    assert events.count("\n") == 2
    if keep:
        assert "Everything is kept in " in said
        assert "canary" not in said
    assert PASSWORD not in said
    assert PASSWORD.encode() not in kept(tmp_path)
    # Nor in its hash, as anybody could try out passwords.
    assert USER.encode() not in kept(tmp_path)


def test_a_camera_that_is_off_is_waited_for(small_model: Path, tmp_path: Path, watching: list[Watching]) -> None:
    """It is told at once on the page for whoever looks after it, and watched as soon as it is there."""
    with HttpCamera() as camera:
        camera.kill()
        run = Watching(tmp_path, str(small_model), camera.video_url, "--policy", "majority_vote:1/1", "--listen", ":0")
        watching.append(run)
        page = run.until("health: ").split()[1].rstrip(",").removesuffix("/health")
        assert ready(page)[0] == 503
        end = time.monotonic() + 60.0
        while not (said := ready(page)[1]).startswith(f"127.0.0.1-{camera.port}-video: no pictures: "):
            assert time.monotonic() < end, said
            time.sleep(0.05)
        camera.start_again()
        run.until("begins")
        assert ready(page) == (200, "ready\n")
        status, said = run.end(signal.SIGTERM)
    assert status == 0, said
    assert "could be judged (not: " in said


def ready(page: str) -> tuple[int, str]:
    connection = http.client.HTTPConnection(page.removeprefix("http://"), timeout=30)
    try:
        connection.request("GET", "/ready")
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()

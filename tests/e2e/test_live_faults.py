"""What goes wrong with live cameras, with real servers: each fault is seen, bears on no other camera, and is mended."""

from __future__ import annotations

import contextlib
import json
import signal
import sqlite3
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from tests.clips import BRIGHT, DARK
from tests.e2e.conftest import WatchedSite
from tests.e2e.test_faults import Running, wait_until
from tests.live.http_camera import HttpCamera
from tests.live.rtsp import RtspServer

SEEN_SECONDS = 10.0
"""Within which whoever looks must see that something is wrong."""
AWAY_SECONDS = 30.0
PASSWORD = "b0ttling"  # noqa: S105 - of cameras that are made here
FPS = 10


def light_clip(path: Path, size: tuple[int, int]) -> Path:
    """Bright and dark for a second and a half each, as H.264 with a key frame every second."""
    random = np.random.default_rng(5)
    options = {"preset": "ultrafast", "tune": "zerolatency", "bf": "0", "sc_threshold": "0"}
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=FPS, options=options)
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        stream.codec_context.gop_size = FPS
        stream.codec_context.time_base = Fraction(1, FPS)
        for number in range(30):
            level = BRIGHT if number < 15 else DARK
            pixels = np.clip(level + random.integers(-20, 21, (size[1], size[0], 3)), 0, 255).astype(np.uint8)
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("clips")
    return {
        "small": light_clip(folder / "small.mp4", (64, 48)),
        "large": light_clip(folder / "large.mp4", (160, 120)),
    }


@pytest.fixture
def watching() -> Iterator[list[Running]]:
    running: list[Running] = []
    yield running
    for one in running:
        if one.process.poll() is None:
            one.process.kill()
        one.process.wait()
        one.close()


class Seen:
    """What a running watch says of itself over HTTP."""

    def __init__(self, run: Running) -> None:
        wait_until(lambda: run.said("health: "))
        (line,) = (line for line in run.errors if line.startswith("health: "))
        self._url = line.split()[1].rstrip(",")

    def whole(self) -> dict[str, Any]:
        with urllib.request.urlopen(self._url, timeout=30) as answer:  # noqa: S310 - of this machine
            found: dict[str, Any] = json.load(answer)
        return found

    def cameras(self) -> dict[str, dict[str, Any]]:
        return {camera["name"]: camera for camera in self.whole()["cameras"]}

    def states(self) -> dict[str, str]:
        return {name: camera["state"] for name, camera in self.cameras().items()}

    def within(self, seconds: float, conditions: dict[str, Callable[[dict[str, Any]], bool]]) -> None:
        """Wait until each camera is as it is to be, at any time; so long at most."""
        end = time.monotonic() + seconds
        left = dict(conditions)
        while left:
            cameras = self.cameras()
            assert time.monotonic() < end, {name: (cameras[name]["state"], cameras[name]["cause"]) for name in left}
            left = {name: met for name, met in left.items() if not met(cameras[name])}
            time.sleep(0.1)


def is_away(*causes: str) -> Callable[[dict[str, Any]], bool]:
    """No pictures come, and the cause has one of these words in it."""
    return lambda camera: camera["state"] == "no pictures" and any(word in camera["cause"] for word in causes)


def is_watched(camera: dict[str, Any]) -> bool:
    return bool(camera["state"] == "watching")


def check(site: WatchedSite) -> list[dict[str, Any]]:
    """Whatever was reported is stored, whatever is stored was reported, once; and all of it can be derived again."""
    reported = site.reported()
    assert set(Counter((one["event_id"], one["change"]) for one in reported).values()) == {1}
    stored = {one["event_id"]: one for one in site.stored()}
    assert {one["event_id"] for one in reported if one["change"] == "opened"} == set(stored)
    closed = {one["event_id"]: one for one in reported if one["change"] == "closed"}
    assert set(closed) == {key for key, one in stored.items() if one["end_time"] is not None}
    for key, one in closed.items():
        assert (one["end_time"], one["state"]) == (stored[key]["end_time"], stored[key]["state"])
    verified = site.command("verify")
    assert verified.returncode == 0, verified.stdout + verified.stderr
    for key in (reported[0]["event_id"], reported[-1]["event_id"]):
        replayed = site.command("replay", "--event", key)
        assert "every decision is the same to the bit" in replayed.stdout, replayed.stdout + replayed.stderr
    return reported


def test_every_fault_at_once(
    tmp_path: Path, small_model: Path, clips: dict[str, Path], watching: list[Running]
) -> None:
    """A camera for each fault and one without any, in one site: gone for half a minute, a password that is another now,
    a connection on which nothing comes, rubbish, another size in mid-stream; and meanwhile the database is locked."""
    with contextlib.ExitStack() as stack:
        servers = {
            name: stack.enter_context(RtspServer(clips, user="observer", password=PASSWORD, scheme="digest"))
            for name in ("well", "gone", "refused", "half-open", "rubbish", "resized")
        }
        still = stack.enter_context(HttpCamera(size=(64, 48)))
        sources: dict[str, dict[str, Any]] = {
            name: {"type": "camera", "url": server.url_with("observer", PASSWORD), "timeout": "2s"}
            for name, server in servers.items()
        }
        sources["still"] = {"type": "snapshot", "url": still.picture_url, "every": "500ms", "timeout": "2s"}
        watch = {"watch": [{"policy": "consecutive:2"}], "fps": 4, "gates": []}
        site = WatchedSite(
            tmp_path,
            {
                "site": "plant",
                "store": "sqlite:///plant.db",
                "models": {"light": {"path": str(small_model)}},
                "cameras": {name: {"source": source, **watch} for name, source in sources.items()},
                "sinks": {"log": {"type": "jsonl", "path": "events.jsonl"}},
                "evidence": {"keep": []},
            },
        ).write()
        run = Running(site, "--listen", ":0")
        watching.append(run)
        seen = Seen(run)
        seen.within(60.0, dict.fromkeys(sources, is_watched))
        wait_until(lambda: {one["camera"] for one in site.reported()} >= set(servers))

        servers["gone"].kill()
        gone = time.monotonic()
        servers["refused"].admit("observer", "another")
        servers["refused"].drop()
        servers["half-open"].pause()
        servers["rubbish"].garbage("bytes")
        servers["resized"].show("large")
        still.garbage = True
        resized = seen.cameras()["resized"]["frames"]
        faults = {
            "gone": is_away("cannot be reached", "connection lost"),
            "refused": is_away("access refused"),
            "half-open": is_away("no pictures"),
            "rubbish": is_away("no pictures", "damaged", "connection lost", "does not answer"),
            "still": is_away("damaged", "picture"),
        }
        seen.within(SEEN_SECONDS, faults)
        states = seen.states()
        assert (states["well"], states["resized"]) == ("watching", "watching")
        wait_until(lambda: seen.cameras()["resized"]["frames"] >= resized + 10)

        servers["refused"].admit("observer", PASSWORD)
        servers["half-open"].pause(False)
        servers["rubbish"].garbage(None)
        still.garbage = False
        seen.within(60.0, dict.fromkeys(("half-open", "rubbish", "still"), is_watched))
        before = seen.cameras()
        assert before["well"]["state"] == "watching"
        assert before["well"]["restarts"] == 0
        assert before["well"]["error"] is None, "the healthy one was disturbed"

        with contextlib.closing(sqlite3.connect(tmp_path / "plant.db", timeout=30, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            wait_until(lambda: "locked" in str(seen.whole()["store"]["cause"]), SEEN_SECONDS)
            # Those that give pictures have decided on more than may wait, by and by.
            wait_until(lambda: seen.states()["well"] == "waiting for the store")
            other.execute("ROLLBACK")
        wait_until(lambda: seen.whole()["store"]["cause"] is None)
        wait_until(lambda: seen.states()["well"] == "watching")

        time.sleep(max(0.0, AWAY_SECONDS - (time.monotonic() - gone)))
        servers["gone"].start_again()
        seen.within(90.0, dict.fromkeys(sources, is_watched))
        after = time.time()
        assert seen.whole()["ready"]
        events = {name: {one["event_id"] for one in site.reported() if one["camera"] == name} for name in servers}
        # Each decides again: what it sees changes every second and a half.
        wait_until(
            lambda: all(
                {one["event_id"] for one in site.reported() if one["camera"] == name} - known
                for name, known in events.items()
            )
        )
        assert seen.whole()["time"] >= after
        run.process.send_signal(signal.SIGTERM)
        assert run.end(30.0) == 0
    check(site)
    said = "".join(run.errors + run.lines)
    assert PASSWORD not in said
    assert PASSWORD.encode() not in (tmp_path / "plant.db").read_bytes()
    assert "written again, after" in said

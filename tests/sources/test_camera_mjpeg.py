"""Motion JPEG from a real HTTP server."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from tests.live.http_camera import HttpCamera
from tests.live.taking import numbers, take_until

from decisight.sources import SOURCES
from decisight.sources.camera_mjpeg import parts
from decisight.sources.newest import DAMAGED
from decisight.sources.retrying import AwayError

AWKWARD = 'p@ss:w"o#r?d%41 é'


def camera(url: str, **settings: Any) -> Any:
    return SOURCES.build("camera", {"url": url, **settings})


def pieces(body: bytes, size: int) -> Callable[[], bytes]:
    blocks = iter([body[at : at + size] for at in range(0, len(body), size)])
    return lambda: next(blocks, b"")


@pytest.mark.parametrize("size", [1, 7, 10_000])
@pytest.mark.parametrize("announced", ["frame", "--frame"])
def test_parts_of_a_stream(size: int, announced: str) -> None:
    body = (
        b"ignored\r\n--frame\r\nContent-Type: image/jpeg\r\nCONTENT-LENGTH: 9\r\n\r\none--fram\r\n"
        b"--frame\nContent-Type: image/jpeg\n\ntwo\r\n--frame\r\n\r\nthree\r\n"
        b"----frame\r\nX: 1\r\n\r\nfour\r\n--frame--"
    )
    assert list(parts(pieces(body, size), announced)) == [b"one--fram", b"two", b"three", b"four"]


@pytest.mark.parametrize("body", [b"", b"rubbish", b"--frame", b"--frame\r\nX: 1\r\n", b"--frame\r\n\r\ncut off"])
def test_what_is_cut_off_has_no_parts(body: bytes) -> None:
    assert list(parts(pieces(body, 3), "frame")) == []


@pytest.mark.parametrize("body", [bytes(40 << 20), b"--frame\r\nContent-Length: 9999999999\r\n\r\n"])
def test_what_is_too_large_is_refused(body: bytes) -> None:
    with pytest.raises(AwayError):
        list(parts(pieces(body + bytes(40 << 20), 1 << 20), "frame"))


def test_a_stream_without_a_boundary_is_refused() -> None:
    with pytest.raises(AwayError):
        list(parts(pieces(b"x", 1), "--"))


@pytest.mark.parametrize("lengths", [True, False])
def test_pictures_come_as_they_are_taken(http_camera: HttpCamera, lengths: bool) -> None:
    http_camera.lengths = lengths
    with camera(http_camera.video_url).open(fps=10) as frames:
        taken = take_until(frames, lambda found: len(found) >= 5)
        time.sleep(0.5)
        late = take_until(frames, lambda found: len(found) >= 2)
    assert None not in numbers(taken + late)
    assert late[0].skipped + late[1].skipped >= 2


@pytest.mark.parametrize("scheme", ["digest", "basic"])
def test_credentials(scheme: str) -> None:
    with (
        HttpCamera(user="ad min", password=AWKWARD, scheme=scheme) as server,
        camera(server.url("/video", "ad min", AWKWARD)).open() as frames,
    ):
        take_until(frames, "picture")


@pytest.mark.parametrize(
    ("fault", "cause"),
    [
        ({"paused": True}, "no pictures come"),
        ({"garbage": True}, DAMAGED),
        ({"status": 500}, "the camera cannot serve it"),
        ({"status": 401}, "access refused"),
    ],
)
def test_what_goes_wrong_is_told(http_camera: HttpCamera, fault: dict[str, Any], cause: str) -> None:
    with camera(http_camera.video_url, timeout="1s").open() as frames:
        take_until(frames, "picture")
        for name, value in fault.items():
            setattr(http_camera, name, value)
        take_until(frames, cause)
        if cause != "access refused":
            http_camera.heal()
            take_until(frames, "picture")


def test_a_camera_that_is_switched_off_and_on_again(http_camera: HttpCamera) -> None:
    with camera(http_camera.video_url).open() as frames:
        take_until(frames, "picture")
        http_camera.kill()
        take_until(frames, "cannot be reached")
        http_camera.start_again()
        take_until(frames, "picture")


def test_a_still_picture_is_no_stream(http_camera: HttpCamera) -> None:
    with camera(http_camera.picture_url).open() as frames:
        take_until(frames, "one picture, and no stream")


def test_it_is_closed_from_another_thread_while_it_waits(http_camera: HttpCamera) -> None:
    http_camera.paused = True
    ended = threading.Event()
    with camera(http_camera.video_url, timeout="60s").open() as frames:

        def take() -> None:
            for _ in frames:
                pass
            ended.set()

        threading.Thread(target=take, daemon=True).start()
        while not http_camera.seen["/video"]:
            time.sleep(0.01)
        frames.close()
        assert ended.wait(30)
    frames._thread.join(30)
    assert not frames._thread.is_alive()

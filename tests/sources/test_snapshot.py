"""Still pictures from a real HTTP server, that goes off, hangs, leads astray and sends rubbish."""

from __future__ import annotations

import ssl
import threading
import time
from typing import Any

import pytest
from tests.live.http_camera import HttpCamera
from tests.live.taking import numbers, take_for, take_until

from decisight.errors import UsageError
from decisight.sources import SOURCES
from decisight.sources.address import Address
from decisight.sources.http_request import Client
from decisight.sources.newest import DAMAGED
from decisight.sources.retrying import AwayError

AWKWARD = 'p@ss:w"o#r?d%41 é'


def snapshot(url: str, **settings: Any) -> Any:
    return SOURCES.build("snapshot", {"url": url, "every": "50ms", **settings})


def test_pictures_are_fetched_again_and_again(http_camera: HttpCamera) -> None:
    with snapshot(http_camera.picture_url).open() as frames:
        taken = take_until(frames, lambda found: len(found) >= 5)
    assert numbers(taken) == sorted({number for number in numbers(taken) if number is not None})
    assert all(frame.position is None for frame in taken)


def test_no_more_often_than_pictures_are_asked_for(http_camera: HttpCamera) -> None:
    with snapshot(http_camera.picture_url).open(fps=0.1) as frames:
        take_until(frames, "picture")
        assert take_for(frames, 0.5) == []
    assert http_camera.seen["/picture"] == 1


def test_the_newest_wins_and_what_nobody_took_is_counted(http_camera: HttpCamera) -> None:
    with snapshot(http_camera.picture_url).open() as frames:
        first = numbers(take_until(frames, "picture"))[0]
        while http_camera.given < first + 5:
            time.sleep(0.01)
        frame = take_until(frames, "picture")[-1]
    assert frame.skipped == numbers([frame])[0] - first - 1 >= 3


@pytest.mark.parametrize("scheme", ["digest", "sha256", "basic"])
def test_credentials(scheme: str) -> None:
    with HttpCamera(user='ad"min', password=AWKWARD, scheme=scheme) as camera:
        for source in (
            snapshot(camera.picture_url, user='ad"min', password=AWKWARD),
            snapshot(camera.url("/picture?a=1&b=2", 'ad"min', AWKWARD)),
        ):
            with source.open() as frames:
                take_until(frames, lambda found: len(numbers(found)) >= 3)
        assert camera.refused == 0


def test_an_answer_is_used_as_long_as_it_is_good() -> None:
    with HttpCamera(user="me", password=AWKWARD) as camera:
        with snapshot(camera.picture_url, user="me", password=AWKWARD).open() as frames:
            take_until(frames, lambda found: len(found) >= 5)
            assert camera.seen["/picture"] < 10
            camera.nonces.clear()
            # What it has asked has expired: it asks anew, and that is no wrong password.
            found = take_until(frames, lambda found: len(found) >= 3)
        assert all(frame.cause is None for frame in found)


def test_a_wrong_password_is_told_and_not_hammered() -> None:
    with HttpCamera(user="me", password=AWKWARD) as camera:
        for login in ({"user": "me", "password": "wrong"}, {}):
            with snapshot(camera.picture_url, **login).open() as frames:
                take_until(frames, "access refused")
                asked = camera.seen["/picture"]
                assert take_for(frames, 1.0) == []
                assert camera.seen["/picture"] == asked <= 4
        assert camera.refused == 1


def test_a_camera_that_is_switched_off_and_on_again(http_camera: HttpCamera) -> None:
    with snapshot(http_camera.picture_url).open() as frames:
        take_until(frames, "picture")
        http_camera.kill()
        take_until(frames, "cannot be reached")
        http_camera.start_again()
        take_until(frames, "picture")


@pytest.mark.parametrize(
    ("fault", "cause"),
    [
        ({"status": 404}, "no such stream"),
        ({"status": 403}, "access refused"),
        ({"status": 503}, "the camera cannot serve it"),
        ({"silent": True}, "the camera does not answer"),
        ({"garbage": True}, DAMAGED),
        ({"cut_off": True}, "connection lost"),
        ({"size_told": 1 << 40}, "the picture is larger than 64 MB"),
        ({"location": "file:///etc/passwd"}, "it leads to what is no address of a camera"),
        ({"location": "rtsp://127.0.0.1/"}, "it leads to what is no address of a camera"),
        ({"location": ""}, "it leads from address to address"),
        ({"location": "/again"}, "it leads from address to address"),
    ],
)
def test_what_goes_wrong_is_told(http_camera: HttpCamera, fault: dict[str, Any], cause: str) -> None:
    for name, value in fault.items():
        setattr(http_camera, name, value)
    with snapshot(http_camera.picture_url, timeout="1s").open() as frames:
        take_until(frames, cause)
        if cause != "access refused":
            http_camera.heal()
            take_until(frames, "picture")


def test_credentials_go_to_no_other_machine() -> None:
    with (
        HttpCamera(user="me", password=AWKWARD, scheme="basic") as other,
        HttpCamera(user="me", password=AWKWARD, scheme="basic") as camera,
    ):
        with snapshot(camera.picture_url, user="me", password=AWKWARD).open() as frames:
            take_until(frames, "picture")
            camera.location = other.picture_url
            take_until(frames, "access refused")
            assert other.seen["/picture"] == 1
            assert other.authorized == []
        camera.location = "/moved"
        camera.authorized.clear()
        with snapshot(camera.picture_url, user="me", password=AWKWARD).open() as frames:
            take_until(frames, "picture")
        assert "/moved" in camera.authorized


def test_proxies_of_the_environment_are_not_used(http_camera: HttpCamera, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with snapshot(http_camera.picture_url).open() as frames:
        assert take_until(frames, lambda found: True)[0].cause is None


@pytest.mark.parametrize("tags", [False, True])
def test_the_same_picture_is_no_new_one(http_camera: HttpCamera, tags: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("decisight.sources.snapshot._STALE", 0.5)
    http_camera.tags = tags
    with snapshot(http_camera.picture_url).open() as frames:
        take_until(frames, lambda found: len(found) >= 2)
        http_camera.frozen = True
        found = take_until(frames, "no new picture")
        assert len(found) <= 2
        http_camera.heal()
        take_until(frames, "picture")


@pytest.mark.parametrize(
    ("kind", "body", "cause"),
    [
        ("text/html", b"<!doctype html><title>gate</title>", "it answers with something else (text/html)"),
        ("image/svg+xml", b"<svg/>", "it answers with something else (image/svg+xml)"),
        ("application/json", b"{}", "it answers with something else (application/json)"),
        ("text/of-its-own", b"canary", "it answers with something else"),
        ("image/jpeg", b"\n<html>", "it answers with something else"),
        ("image/jpeg", b"", "it answers with nothing"),
        ("image/jpeg", b"noise", "the picture is damaged"),
    ],
)
def test_what_is_no_picture_is_told(http_camera: HttpCamera, kind: str, body: bytes, cause: str) -> None:
    http_camera.answer = kind, body
    with snapshot(http_camera.picture_url).open() as frames:
        take_until(frames, cause)
        http_camera.heal()
        take_until(frames, "picture")


def test_a_picture_of_which_something_else_is_said_is_one(http_camera: HttpCamera) -> None:
    http_camera.answer = "text/html", http_camera.picture()[1]
    with snapshot(http_camera.picture_url).open() as frames:
        take_until(frames, "picture")


def test_a_camera_that_says_of_every_picture_that_it_is_the_same(http_camera: HttpCamera) -> None:
    http_camera.tags = http_camera.same_tag = True
    with snapshot(http_camera.picture_url).open() as frames:
        taken = take_until(frames, lambda found: len(found) >= 3)
    assert [frame.cause for frame in taken] == [None] * 3


def test_it_is_closed_from_another_thread_while_it_waits(http_camera: HttpCamera) -> None:
    http_camera.silent = True
    ended = threading.Event()
    with snapshot(http_camera.picture_url, timeout="60s").open() as frames:

        def take() -> None:
            for _ in frames:
                pass
            ended.set()

        threading.Thread(target=take, daemon=True).start()
        while not http_camera.seen["/picture"]:
            time.sleep(0.01)
        frames.close()
        assert ended.wait(30)
    frames._thread.join(30)
    assert not frames._thread.is_alive()


def test_certificates_are_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """They take more of the CPU than all the rest of a picture."""
    made: list[ssl.SSLContext] = []
    original = ssl.create_default_context
    monkeypatch.setattr(ssl, "create_default_context", lambda: made.append(original()) or made[-1])
    client = Client(Address("https", "127.0.0.1", 9), 5.0, verify=False)
    for _ in range(3):
        with pytest.raises(AwayError, match="cannot be reached"):
            client.get()
    assert [context.verify_mode for context in made] == [ssl.CERT_NONE]


def test_it_says_what_it_is_without_connecting() -> None:
    source = snapshot("http://me:canary@192.0.2.1/shot?pwd=canary", every="5s")
    assert source.facts().title == "snapshots of http://192.0.2.1/shot?pwd=..., every 5s"
    assert source.lag == 10.0
    assert "canary" not in repr((source, source.facts()))


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"url": "rtsp://gate/live"}, "no way to ask by rtsp"),
        ({"url": "gate.jpg"}, "is no address"),
        ({"url": "http://gate", "every": 5}, "no unit"),
        ({"url": "http://gate", "every": "2d"}, "every"),
        ({"url": "http://gate", "timeout": "2m"}, "too long"),
        ({"url": "http://me@gate", "user": "you"}, "stands in url too"),
    ],
)
def test_settings_that_cannot_be_used(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        SOURCES.build("snapshot", settings)

"""A camera by RTSP, from a real server in a process of its own, that goes off, hangs and sends rubbish."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from itertools import pairwise
from typing import Any

import pytest
from tests.live.rtsp import RtspServer
from tests.live.taking import numbers, take_for, take_until

from decisight.errors import SourceError, UsageError
from decisight.sources import SOURCES
from decisight.sources.newest import DAMAGED

AWKWARD = "p@ss:w/o#r?d%41 é"


def camera(url: Any, **settings: Any) -> Any:
    return SOURCES.build("camera", {"url": url, **settings})


def open_camera(server: RtspServer, fps: float | None = None, **settings: Any) -> Any:
    return camera(server.url, **settings).open(fps=fps)


def test_pictures_come_as_they_are_taken(server: RtspServer) -> None:
    with open_camera(server) as frames:
        before = time.time()
        taken = take_until(frames, lambda found: len(found) >= 15)
    shown = numbers(taken)
    assert None not in shown
    assert all(later - sooner >= 1 for sooner, later in pairwise(shown) if later > sooner)
    assert all(sooner.time < later.time for sooner, later in pairwise(taken))
    assert all(before <= frame.time <= time.time() for frame in taken)
    assert all(frame.position is None for frame in taken)
    assert taken[0].pixels.shape == (144, 192, 3)
    # Nothing but what is new: each was sent just before it was given.
    sent = dict(server.sent())
    assert {number for number in shown if number not in sent} == set()


def test_the_newest_wins_and_what_nobody_took_is_counted(server: RtspServer) -> None:
    with open_camera(server) as frames:
        first = numbers(take_until(frames, "picture"))[-1]
        time.sleep(1.0)
        frame = take_until(frames, "picture")[-1]
        number = numbers([frame])[0]
    assert frame.skipped == number - first - 1 > 5


def test_fewer_pictures_are_taken_than_come(server: RtspServer) -> None:
    with open_camera(server, fps=10) as frames:
        taken = take_until(frames, lambda found: len(found) >= 8)
    steps = [later - sooner for sooner, later in pairwise(numbers(taken))]
    assert all(step % 3 == 0 for step in steps)
    assert sum(steps) == 3 * (len(taken) - 1 + sum(frame.skipped for frame in taken[1:]))


def test_key_frames_alone_are_decoded_where_they_are_enough(server: RtspServer) -> None:
    with open_camera(server, fps=3) as frames:
        taken = take_until(frames, lambda found: len(found) >= 5)
        # At first it is not known how far they are apart.
        assert all(number % 8 == 0 for number in numbers(taken)[2:])
        server.show("calm")
        later = take_until(frames, lambda found: len(numbers(found)) >= 4 and any(n % 30 for n in numbers(found)[1:]))
    # Key frames that come more rarely than pictures are asked for are not enough any more.
    assert any(number % 30 for number in numbers(later))


def test_udp(server: RtspServer) -> None:
    with open_camera(server, transport="udp") as frames:
        assert None not in numbers(take_until(frames, lambda found: len(found) >= 3))
        server.lose(0.3)
        take_until(frames, DAMAGED)
        # What builds on a picture that was lost is not shown.
        assert None not in numbers(take_for(frames, 1.0))
        server.lose(0)
        take_until(frames, "picture")


@pytest.mark.parametrize("scheme", ["digest", "basic"])
def test_credentials(scheme: str, server: RtspServer) -> None:
    server.admit("ad min", AWKWARD, scheme)
    for source in (camera(server.url, user="ad min", password=AWKWARD), camera(server.url_with("ad min", AWKWARD))):
        with source.open() as frames:
            take_until(frames, "picture")
    assert server.seen()["refused"] == 0


def test_a_wrong_password_is_told_and_not_hammered(server: RtspServer) -> None:
    server.admit("me", AWKWARD)
    with camera(server.url_with("me", "wrong")).open() as frames:
        take_until(frames, "access refused")
        assert take_for(frames, 1.5) == []
        assert server.seen()["refused"] == 1
    server.refuse(403)
    with camera(server.url_with("me", AWKWARD)).open() as frames:
        take_until(frames, "access refused")


@pytest.mark.parametrize(
    ("status", "cause"),
    [(404, "no such stream"), (453, "the camera cannot serve the stream"), (500, "the camera cannot serve the stream")],
)
def test_what_a_camera_answers_instead_is_told(server: RtspServer, status: int, cause: str) -> None:
    server.refuse(status)
    with open_camera(server) as frames:
        take_until(frames, cause)
        server.refuse(None)
        take_until(frames, "picture")


def test_a_camera_that_is_switched_off_and_on_again(server: RtspServer) -> None:
    with open_camera(server) as frames:
        take_until(frames, "picture")
        server.kill()
        take_until(frames, "connection lost")
        take_until(frames, "cannot be reached")
        server.start_again()
        take_until(frames, "picture")


def test_a_camera_that_is_off_at_first(server: RtspServer) -> None:
    server.kill()
    with open_camera(server) as frames:
        first = take_until(frames, "cannot be reached")[0]
        assert first.cause == "cannot be reached"
        server.start_again()
        take_until(frames, "picture")


def test_a_connection_on_which_nothing_comes_any_more(server: RtspServer) -> None:
    with open_camera(server, timeout="1s") as frames:
        take_until(frames, "picture")
        server.pause()
        take_until(frames, "no pictures come")
        server.pause(False)
        take_until(frames, "picture")
        server.freeze_times()
        take_until(frames, "no pictures come")
        server.freeze_times(False)
        take_until(frames, "picture")


def test_a_camera_that_accepts_and_never_answers(server: RtspServer) -> None:
    server.hang()
    with open_camera(server, timeout="1s") as frames:
        take_until(frames, lambda found: found[-1].cause in ("the camera does not answer", "no pictures come"))
        server.hang(False)
        take_until(frames, "picture")


def test_rubbish_on_the_line(server: RtspServer) -> None:
    with open_camera(server, timeout="1s") as frames:
        take_until(frames, "picture")
        server.garbage("bytes")
        take_until(frames, lambda found: found[-1].cause in ("connection lost", "no pictures come"))
        server.garbage(None)
        assert None not in numbers(take_until(frames, "picture"))


def test_damaged_pictures_are_told_and_nothing_that_builds_on_them_is_shown(server: RtspServer) -> None:
    with open_camera(server) as frames:
        take_until(frames, "picture")
        began = time.monotonic()
        server.garbage("pictures")
        told = take_until(frames, lambda found: sum(frame.cause == DAMAGED for frame in found) >= 3)
        assert time.monotonic() - began > 1.5
        server.garbage(None)
        told += take_until(frames, lambda found: len(numbers(found)) >= 10)
        server.damage(1)
        told += take_until(frames, lambda found: len(numbers(found)) >= 20)
    assert None not in numbers(told)


def test_the_size_changes_in_mid_stream(server: RtspServer) -> None:
    with open_camera(server) as frames:
        take_until(frames, "picture")
        server.show("wide")
        found = take_until(frames, lambda found: found[-1].pixels is not None and found[-1].pixels.shape[1] == 320)
        server.show("gate")
        found += take_until(frames, lambda found: found[-1].pixels is not None and found[-1].pixels.shape[1] == 192)
    assert [frame.cause for frame in found if frame.cause] == []
    assert None not in numbers(found)


def test_what_was_held_up_on_the_way_is_not_shown_as_new(server: RtspServer) -> None:
    with open_camera(server, timeout="30s") as frames:
        take_until(frames, "picture")
        server.hold()
        take_for(frames, 3.5)
        before = server.sent()[-1][0]
        server.hold(False)
        found = take_until(frames, lambda found: len(numbers(found)) >= 5)
        sent = [number for number, _ in server.sent()]
    # 105 pictures came at once. Of those that were more than a second old, none was shown.
    after = sent[sent.index(before) + 1]
    assert after - before > 90
    assert not [number for number in numbers(found) if before < number < after - 30]
    assert sum(frame.skipped for frame in found) > 40


def test_it_is_closed_from_another_thread_at_any_moment(server: RtspServer) -> None:
    for fault in (lambda: None, server.pause, server.kill, server.start_again, server.hang):
        fault()
        ended = threading.Event()
        with open_camera(server, timeout="30s") as frames:

            def take(frames: Any = frames, ended: threading.Event = ended) -> None:
                for _ in frames:
                    pass
                ended.set()

            threading.Thread(target=take, daemon=True).start()
            time.sleep(0.3)
            began = time.monotonic()
            frames.close()
            assert ended.wait(60)
            took = time.monotonic() - began
        # A second to take leave, and whatever a busy machine adds.
        assert took < 15


def test_a_program_ends_while_a_camera_does_not_answer(server: RtspServer) -> None:
    server.hang()
    program = (
        "import sys, time; from decisight.sources import SOURCES\n"
        f"source = SOURCES.build('camera', {{'url': {server.url!r}, 'timeout': '60s'}})\n"
        "with source.open() as frames: frames.next_within(0.5)\n"
        "print('left')"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=50, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "left\n", "")


def test_a_fault_is_told_again_as_long_as_it_lasts(server: RtspServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("decisight.sources.newest._REMINDED", 0.3)
    server.kill()
    with open_camera(server) as frames:
        take_until(frames, lambda found: sum(frame.cause == "cannot be reached" for frame in found) >= 3)


def test_it_says_what_it_is_without_connecting() -> None:
    facts = camera("rtsp://me:canary@192.0.2.1/live?channel=1&token=canary").facts()
    assert facts.title == "camera rtsp://192.0.2.1/live?channel=...&token=..."
    assert facts.size is None
    assert "canary" not in repr(facts)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"url": "clips/gate.mp4"}, "is no address"),
        ({"url": "file:///etc/passwd"}, "is no address"),
        ({"url": "ftp://gate/x"}, "no way to ask by ftp"),
        ({"url": "rtsp://gate", "timeout": 5}, "no unit"),
        ({"url": "rtsp://gate", "timeout": "1h"}, "too long"),
        ({"url": "rtsp://gate", "transport": "sctp"}, "transport"),
        ({"url": "rtsp://gate", "size": "640x480"}, "no camera at USB"),
        ({"url": 0, "size": "wide"}, "wide"),
        ({"url": 0, "user": "me"}, "asks for none"),
        ({"url": "rtsp://me:" + "x" * 130 + "@gate"}, "too long"),
        ({"url": "rtsp://me:x@gate", "user": "you"}, "stands in url too"),
    ],
)
def test_settings_that_cannot_be_used(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        SOURCES.build("camera", settings)


def test_a_password_that_is_too_long_is_said_wherever_it_comes_from(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DECISIGHT_LONG", "x" * 130)
    apart = {"user": "me", "password_env": "DECISIGHT_LONG"}
    for ask in (camera("rtsp://gate", **apart).facts, camera("rtsp://gate", user="me", password="x" * 130).open):
        with pytest.raises(UsageError, match="too long"):
            ask()
    assert camera("http://gate", **apart).facts().title == "camera http://gate"


def test_a_password_that_is_not_there_is_said_before_it_is_opened() -> None:
    source = camera("rtsp://gate", user="me", password_env="DECISIGHT_NO_SUCH")  # noqa: S106 - the name of a variable
    for ask in (source.facts, source.open):
        with pytest.raises(SourceError, match="DECISIGHT_NO_SUCH"):
            ask()

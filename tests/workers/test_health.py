"""How a camera is said to be doing: by what its thread is at, and by how long it has been at it."""

from __future__ import annotations

import json
import math
import threading
from typing import Any

import pytest
from tests.clips import BRIGHT, noisy

from decisight.errors import SourceError
from decisight.pipeline import Step
from decisight.types import Frame, Reading, Tick
from decisight.workers import shares, status
from decisight.workers.health import LATENCY_BOUNDS, CameraHealth, Health, Latencies, StoreHealth
from decisight.workers.shares import Rate, Shares
from decisight.workers.status import CameraStatus

from .conftest import change, entry


class Clock:
    """Seconds that pass when they are told to: all that the status of a camera asks."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return 1_777_000_000.0 + self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(status, "time", clock)
    monkeypatch.setattr(status, "Rate", lambda: Rate(clock.monotonic))
    return clock


def picture(time: float, cause: str | None = None) -> Frame:
    return Frame("a picture", time, None if cause else noisy(BRIGHT), 0, cause)


def look(
    found: CameraStatus,
    clock: Clock,
    cause: str | None = None,
    took: float = 0.0,
    live: bool = True,
    refused: str | None = None,
) -> None:
    """A picture comes, and is decided on; with a cause none comes, and one that is refused cannot be judged."""
    frame = picture(clock.time(), cause)
    came = found.came(frame)
    with found.at("deciding"):
        clock.now += took
    why = cause or refused
    found.decided(frame, came, live=live, classified=why is None)
    item = Reading(None, frame.time, cause=why) if why else entry(frame.time).item
    step = Step((entry(frame.time)._replace(kind="unjudged" if why else "reading", item=item),))
    found.count(step, 2, frame)


def health(found: CameraStatus, *, live: bool = True, fps: float | None = 5.0) -> CameraHealth:
    return found.health("gate", live=live, fps=fps)


def told(found: CameraStatus, **options: Any) -> tuple[str, str | None]:
    seen = health(found, **options)
    return seen.state, seen.cause


def test_from_the_start_to_the_end(clock: Clock) -> None:
    found = CameraStatus()
    assert told(found) == ("starting", None)
    look(found, clock)
    assert told(found) == ("watching", None)
    found.ended()
    assert told(found) == ("ended", None)
    assert health(found).well


def test_unfamiliar_pictures_are_counted_once_and_were_judged(clock: Clock) -> None:
    found = CameraStatus()
    for at in range(4):
        strange = at in (1, 2)
        # One region of two is enough.
        entries = entry(at)._replace(unfamiliar=strange), entry(at)._replace(view=2)
        found.count(Step(entries), 0, picture(float(at)))
    seen = health(found)
    assert (seen.unfamiliar, seen.frames, seen.coverage) == (2, 4, 1.0)
    assert seen.not_judged == {}


def test_why_there_are_no_pictures(clock: Clock) -> None:
    found = CameraStatus()
    look(found, clock)
    clock.now += 1.0
    look(found, clock, "the camera does not answer")
    assert told(found) == ("no pictures", "the camera does not answer")
    seen = health(found)
    assert (seen.error, seen.error_time) == ("the camera does not answer", clock.time())
    # What never came is no picture.
    assert (seen.frames, seen.skipped, seen.time, seen.age) == (1, 4, clock.time() - 1.0, 1.0)
    assert seen.not_judged == {"the camera does not answer": 1}
    look(found, clock)
    assert told(found) == ("watching", None)
    # What was the matter last is still told.
    assert health(found).error == "the camera does not answer"


@pytest.mark.parametrize(
    ("live", "fps", "gap", "silence", "state"),
    [
        (True, 5.0, 0.2, 7.9, "watching"),
        (True, 5.0, 0.2, 8.1, "no pictures"),
        # One in five seconds: three could be missing before that is told.
        (True, 0.2, 5.0, 24.0, "watching"),
        (True, 0.2, 5.0, 26.0, "no pictures"),
        # They come more seldom than they were asked for.
        (True, 5.0, 10.0, 45.0, "watching"),
        (True, 5.0, 10.0, 51.0, "no pictures"),
        # Nobody knows when the next picture comes into a folder.
        (True, None, 0.2, 3600.0, "watching"),
        (False, 5.0, 0.2, 20.0, "watching"),
    ],
)
def test_silence(clock: Clock, live: bool, fps: float | None, gap: float, silence: float, state: str) -> None:
    found = CameraStatus()
    for _ in range(3):
        clock.now += gap
        look(found, clock)
    clock.now += silence
    found.beat()
    assert told(found, live=live, fps=fps)[0] == state


def test_an_hour_without_pictures_is_no_gap_between_two(clock: Clock) -> None:
    """That was told, and says nothing of how far apart pictures come."""
    found = CameraStatus()
    look(found, clock)
    look(found, clock, "the camera does not answer")
    clock.now += 3600.0
    look(found, clock)
    found.failed(SourceError("gone"))
    clock.now += 3600.0
    look(found, clock)
    clock.now += 9.0
    found.beat()
    assert told(found) == ("no pictures", "nothing has come for 9 s")


def test_a_live_camera_that_never_gives_a_picture(clock: Clock) -> None:
    found = CameraStatus()
    clock.now += 9.0
    found.beat()
    assert told(found) == ("no pictures", "nothing has come for 9 s")


@pytest.mark.parametrize(
    ("stage", "seconds", "expected"),
    [
        ("asking", 7.0, ("watching", None)),
        ("asking", 9.0, ("no pictures", "the source does not answer: nothing for 9 s")),
        ("deciding", 7.0, ("watching", None)),
        ("deciding", 9.0, ("failed", "it hangs: it has been at one picture for 9 s")),
        ("storing", 1.0, ("watching", None)),
        ("storing", 3.0, ("waiting for the store", "what was decided cannot be stored now")),
    ],
)
def test_a_thread_that_does_not_come_back(
    clock: Clock, stage: Any, seconds: float, expected: tuple[str, str | None]
) -> None:
    found = CameraStatus()
    look(found, clock)
    with found.at(stage):
        clock.now += seconds
        assert told(found) == expected
    look(found, clock)
    assert told(found)[0] == "watching"


def test_that_nothing_came_back_is_told_also_after_something_else_was_the_matter(clock: Clock) -> None:
    found = CameraStatus()
    look(found, clock, "access refused")
    look(found, clock)
    clock.now += 9.0
    assert health(found).error == "the source does not answer: nothing for 9 s"
    when = clock.time()
    clock.now += 1.0
    look(found, clock)
    clock.now += 1.0
    seen = health(found)
    assert seen.state == "watching"
    assert (seen.error, seen.error_time) == ("the source does not answer: nothing for 9 s", when)


def test_one_that_has_failed_until_it_works_again(clock: Clock) -> None:
    found = CameraStatus()
    look(found, clock)
    found.failed(SourceError("the cable\nwas pulled out"))
    assert told(found) == ("failed", "the cable was pulled out")
    assert not health(found).well
    look(found, clock)
    seen = health(found)
    assert (seen.state, seen.restarts, seen.error) == ("watching", 1, "the cable was pulled out")
    found.ended(RuntimeError("it fell over"))
    assert told(found) == ("failed", "RuntimeError: it fell over")


def test_latency(clock: Clock) -> None:
    found = CameraStatus()
    assert math.isnan(health(found).latency.p95)
    for at in range(100):
        clock.now += 1.0
        look(found, clock, took=0.2 if at % 10 else 0.4)
    latency = health(found).latency
    assert latency.p50 == pytest.approx(0.2)
    assert latency.p95 == pytest.approx(0.4)
    assert latency.count == 100
    assert latency.total == pytest.approx(90 * 0.2 + 10 * 0.4)
    # Up to 0.2, and up to 0.5.
    by_bound = dict(zip((*LATENCY_BOUNDS, math.inf), latency.counts, strict=True))
    assert by_bound[0.2] + by_bound[0.3] == 90
    assert by_bound[0.5] == 10


def test_what_a_gate_turns_away_says_nothing_of_latency(clock: Clock) -> None:
    found = CameraStatus()
    look(found, clock, took=0.4)
    for _ in range(50):
        look(found, clock, took=0.001, refused="too dark")
    latency = health(found).latency
    assert (latency.count, latency.p50) == (1, pytest.approx(0.4))
    assert health(found).frames == 51


def test_where_no_picture_comes_there_are_none_a_second(clock: Clock) -> None:
    found = CameraStatus()
    for _ in range(100):
        clock.now += 0.2
        look(found, clock)
    assert health(found).fps == pytest.approx(5.0, rel=0.1)
    look(found, clock, "the camera does not answer")
    assert (health(found).state, health(found).fps) == ("no pictures", 0.0)


@pytest.mark.parametrize(
    ("fps", "gap", "before", "after"),
    [(5.0, 0.2, 9.9, 10.3), (0.2, 5.0, 14.0, 15.1), (None, 20.0, 41.0, 61.0), (None, 0.2, 9.9, 10.3)],
)
def test_pictures_come_and_none_can_be_judged(
    clock: Clock, fps: float | None, gap: float, before: float, after: float
) -> None:
    """That nobody need look after such a camera would be wrong; that a gate refuses one picture is nothing."""
    found = CameraStatus()

    def until(seconds: float) -> tuple[str, str | None]:
        while clock.now < seconds:
            clock.now = min(clock.now + gap, seconds)
            look(found, clock, refused="camera moved")
        return told(found, fps=fps)

    for _ in range(10):
        clock.now += gap
        look(found, clock)
    clock.now += gap
    begun = clock.now
    look(found, clock, refused="camera moved")
    assert until(begun + before) == ("watching", None)
    assert until(begun + after) == ("cannot judge", "camera moved")
    seen = health(found, fps=fps)
    assert not seen.well
    assert (seen.error, seen.not_judged["camera moved"]) == ("camera moved", seen.readings["unjudged"])
    # That no pictures come any more is worse, and what was refused before is forgotten then.
    look(found, clock, "connection lost")
    assert told(found, fps=fps) == ("no pictures", "connection lost")
    look(found, clock, refused="camera moved")
    assert told(found, fps=fps) == ("watching", None)
    look(found, clock)
    assert told(found, fps=fps) == ("watching", None)


def test_one_of_two_views_can_be_judged(clock: Clock) -> None:
    found = CameraStatus()
    for _ in range(100):
        clock.now += 0.2
        frame = picture(clock.time())
        found.came(frame)
        dark = entry(frame.time)._replace(view=2, kind="unjudged", item=Reading(None, frame.time, cause="too dark"))
        found.count(Step((entry(frame.time), dark)), 0, frame)
        found.beat()
    seen = health(found)
    assert (seen.state, seen.frames, seen.coverage) == ("watching", 100, 0.5)
    assert seen.not_judged == {"too dark": 100}


def test_coverage_is_of_time_not_of_pictures(clock: Clock) -> None:
    """While a camera is away little is told of it, and it is away all the same."""
    found = CameraStatus()
    for _ in range(101):
        look(found, clock)
        clock.now += 0.2
    for second in range(100):
        found.count(Step((entry(1.0)._replace(kind="tick", item=Tick(clock.time())),)))
        if second % 10 == 0:
            look(found, clock, "the camera does not answer")
        clock.now += 1.0
    look(found, clock)
    assert health(found).coverage == pytest.approx(20.2 / 120.2, abs=0.001)
    assert found.judged == health(found).coverage


def test_a_night_between_two_watches_is_of_neither(clock: Clock) -> None:
    found = CameraStatus()
    found.count(Step(tuple(entry(1.0)._replace(kind="tick", item=Tick(float(hour))) for hour in range(0, 36000, 3600))))
    for _ in range(10):
        look(found, clock)
        clock.now += 1.0
    assert found.judged == 1.0


def test_the_age_of_an_old_picture_is_no_latency(clock: Clock) -> None:
    """One that lay in a folder, or comes from a recording."""
    found = CameraStatus()
    for live, time in ((True, 5.0), (False, clock.time())):
        frame = picture(time)
        came = found.came(frame)
        clock.now += 0.02
        found.decided(frame, came, live=live)
    assert health(found).latency.p95 == pytest.approx(0.02)


def test_pictures_a_second(clock: Clock) -> None:
    found = CameraStatus()
    for _ in range(200):
        clock.now += 0.1
        look(found, clock)
    assert health(found).fps == pytest.approx(10.0, rel=0.1)
    clock.now += 5.0
    assert health(found).fps == pytest.approx(5.0, rel=0.2)
    clock.now += 60.0
    assert health(found).fps == 0.0


def test_seldom_pictures_a_second() -> None:
    clock = Clock()
    rate = Rate(clock.monotonic)
    assert rate.per_second() == 0.0
    for _ in range(40):
        clock.now += 5.0
        rate.add()
    assert rate.per_second() == pytest.approx(0.2, rel=0.05)


def test_pictures_that_have_stopped_are_not_taken_for_seldom_ones() -> None:
    clock = Clock()
    rate = Rate(clock.monotonic)
    for _ in range(400):
        clock.now += 0.2
        rate.add()
    told = [rate.per_second()]
    for _ in range(70):
        clock.now += 1.0
        told.append(rate.per_second())
    assert told == sorted(told, reverse=True)
    assert told[20] <= 0.1


def test_open_events(clock: Clock) -> None:
    found = CameraStatus()
    found.count(Step(changes=((change(1), 0), (change(2), 0))))
    assert health(found).events_open == 2
    found.count(Step(changes=((change(1, "closed"), None),)))
    assert health(found).events_open == 1


def test_ticks_are_no_pictures(clock: Clock) -> None:
    found = CameraStatus()
    found.count(Step((entry(1.0)._replace(kind="tick", item=Tick(1.0)),)))
    assert (health(found).frames, dict(health(found).readings)) == (0, {"tick": 1})


def test_the_share_of_time_at_work() -> None:
    clock = Clock()
    busy = Shares(2, clock.monotonic)
    assert busy.share() == 0.0
    for _ in range(100):
        with busy.working():
            clock.now += 0.5
        clock.now += 0.5
    assert busy.share() == pytest.approx(0.25, abs=0.03)
    clock.now += 20.0
    busy.share()
    clock.now += 20.0
    assert busy.share() == 0.0
    with busy.working():
        clock.now += 10.0
        assert busy.share() == pytest.approx(0.5, abs=0.05)


def test_it_may_be_asked_while_it_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    """By several at once: nothing is counted while it is read."""
    monkeypatch.setattr(shares, "_FEW", 1)
    found = CameraStatus()
    ended = threading.Event()

    def write() -> None:
        number = 0
        while not ended.is_set():
            number += 1
            item = Reading(None, float(number), cause=f"cause {number % 100}")
            frame = picture(float(number))
            found.count(Step((entry(float(number))._replace(kind="unjudged", item=item),)), 0, frame)
            found.decided(frame, found.came(frame), live=True)

    threads = [threading.Thread(target=write) for _ in range(2)]
    for thread in threads:
        thread.start()
    seen = [health(found) for _ in range(300)]
    ended.set()
    for thread in threads:
        thread.join()
    assert [one.frames for one in seen] == sorted(one.frames for one in seen)
    assert all(one.frames == one.readings.get("unjudged", 0) for one in seen)


def test_as_json() -> None:
    cameras = (CameraHealth("gate", "watching"), CameraHealth("yard", "no pictures", "it is off", age=3.5))
    whole = Health(5.0, 1.0, cameras, StoreHealth("the disk is full", 4.0))
    values = json.loads(json.dumps(whole.to_json(), allow_nan=False))
    assert values["ready"] is False
    assert [camera["name"] for camera in values["cameras"]] == ["gate", "yard"]
    assert values["cameras"][0]["coverage"] is None
    assert values["cameras"][0]["latency"]["counts"] == [0] * (len(LATENCY_BOUNDS) + 1)
    assert values["cameras"][1]["age"] == 3.5
    assert values["store"]["cause"] == "the disk is full"
    assert whole.troubles() == ["store: the disk is full", "yard: no pictures: it is off"]
    assert Health(5.0, 1.0, cameras[:1]).ready
    assert Health(5.0, 1.0, (CameraHealth("gate", "starting"),)).troubles() == ["gate: starting"]
    over = Health(5.0, 1.0, cameras[:1], ended=True)
    assert (over.ready, over.to_json()["ended"], over.troubles()) == (False, True, ["the watch has ended"])
    assert Latencies().count == 0

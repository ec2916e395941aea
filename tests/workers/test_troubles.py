"""That a camera fails and comes back is told in few lines, however many do and however often."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from decisight.workers.health import CameraHealth
from decisight.workers.troubles import Troubles

from .conftest import Heard


class Cameras:
    """Cameras that are as they are told to be, looked at once a second."""

    def __init__(self, number: int = 1) -> None:
        self.now = 0.0
        self.log: list[Any] = []
        self.listener = Heard(self.log)
        self.troubles = Troubles(self.listener, lambda: self.now)
        self.states = {f"gate-{at}": CameraHealth(f"gate-{at}", "watching") for at in range(1, number + 1)}
        self.live, self.fault = True, None

    def all(self, state: Any, cause: str | None = None) -> None:
        for name in self.states:
            self.states[name] = CameraHealth(name, state, cause)

    def after(self, seconds: float) -> list[tuple[str | None, str]]:
        """What is told meanwhile."""
        self.log.clear()
        end = self.now + seconds
        while self.now < end:
            self.now += 1.0
            self.look()
        return self.listener.notes

    def look(self) -> None:
        status = SimpleNamespace(fault=self.fault, error=None)
        self.troubles.look(
            SimpleNamespace(  # type: ignore[misc]
                name=name, source=SimpleNamespace(live=self.live), status=status, health=lambda found=found: found
            )
            for name, found in self.states.items()
        )


@pytest.mark.parametrize(
    ("state", "cause", "begins", "ends"),
    [
        ("no pictures", "cannot be reached", "cannot be reached", "pictures again, after"),
        ("cannot judge", "camera moved", "cannot judge: camera moved", "judged again, after"),
        ("failed", "it hangs: it has been at one picture for 9 s", "it hangs: ", "pictures again, after"),
    ],
)
def test_once_when_it_begins_and_once_when_it_is_over(state: Any, cause: str, begins: str, ends: str) -> None:
    cameras = Cameras()
    assert cameras.after(10) == []
    cameras.all(state, cause)
    ((name, text),) = cameras.after(105)
    assert name == "gate-1"
    assert text.startswith(begins)
    cameras.all("watching")
    assert cameras.after(60) == [("gate-1", f"{ends} 105 s")]


def test_again_seldom_while_it_lasts() -> None:
    cameras = Cameras()
    cameras.all("no pictures", "cannot be reached")
    assert len(cameras.after(590)) == 1
    # That it is something else now is no news.
    cameras.all("no pictures", "connection lost")
    assert cameras.after(60) == [("gate-1", "still connection lost, for 10 min")]
    assert len(cameras.after(3600)) == 6
    cameras.all("watching")
    assert cameras.after(10) == [("gate-1", "pictures again, after 71 min")]


def test_that_one_that_could_not_judge_gives_no_pictures_is_told_too() -> None:
    cameras = Cameras()
    cameras.all("cannot judge", "too dark")
    assert cameras.after(60) == [("gate-1", "cannot judge: too dark")]
    cameras.all("no pictures", "cannot be reached")
    assert cameras.after(60) == [("gate-1", "cannot be reached")]
    cameras.all("watching")
    assert cameras.after(60) == [("gate-1", "pictures again, after 60 s")]


def test_a_moment_is_not_told() -> None:
    cameras = Cameras()
    for _ in range(20):
        cameras.all("no pictures", "connection lost")
        assert cameras.after(1) == []
        cameras.all("watching")
        assert cameras.after(5) == []


def test_many_that_fail_together_are_told_in_a_line() -> None:
    cameras = Cameras(100)
    cameras.all("no pictures", "cannot be reached")
    names = "gate-1, gate-2, gate-3, gate-4, gate-5 and 95 more"
    assert cameras.after(60) == [(None, f"100 cameras: cannot be reached ({names})")]
    cameras.all("watching")
    assert cameras.after(60) == [(None, f"100 cameras: pictures again ({names})")]


def test_a_hundred_that_come_and_go_are_no_storm() -> None:
    """Each at a time of its own, for an hour."""
    cameras = Cameras(100)
    told = []
    for second in range(3600):
        for at, name in enumerate(cameras.states):
            away = (second + 7 * at) % 60 < 20
            cameras.states[name] = CameraHealth(name, *(("no pictures", f"cause {at % 3}") if away else ("watching",)))
        told += cameras.after(1)
    assert 10 < len(told) < 900
    first = [text for _, text in told[:60]]
    assert any(text.startswith("pictures again") for text in first)
    cameras.all("no pictures", "off")
    # Whoever stays away is told, sooner or later.
    assert cameras.after(700)


@pytest.mark.parametrize(("live", "fault"), [(False, None), (True, "the cable was pulled out")])
def test_what_is_told_otherwise_is_not_told_twice(live: bool, fault: str | None) -> None:
    cameras = Cameras()
    cameras.live, cameras.fault = live, fault
    cameras.all("failed", "the cable was pulled out")
    assert cameras.after(700) == []


def test_what_lasts_until_the_end_has_not_come_back() -> None:
    cameras = Cameras()
    cameras.all("no pictures", "cannot be reached")
    assert len(cameras.after(10)) == 1
    cameras.all("ended")
    assert cameras.after(10) == []

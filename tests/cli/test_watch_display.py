"""What a terminal shows while cameras are watched: what is decided, and who needs looking after."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console

from decisight.cli import watch_display
from decisight.cli.watch_display import Display
from decisight.pipeline import Entry, Step
from decisight.types import Decision, LabelGroup, Prediction, Reading, Reason, Task
from decisight.workers import CameraStatus
from decisight.workers.health import CameraHealth, Health, StoreHealth

TASK = Task((LabelGroup("vest", ("vest", "no_vest")),))


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch_display, "_REFRESHES", 1e9)


def cameras(number: int) -> list[Any]:
    view = SimpleNamespace(number=1, region_name="gate", fold=SimpleNamespace(folds={"vest": None}))
    return [
        SimpleNamespace(
            name=f"camera {at}", pipeline=SimpleNamespace(views=[view], finished=False), status=CameraStatus()
        )
        for at in range(number)
    ]


@contextlib.contextmanager
def shown(
    number: int, health: Health | None = None, height: int = 24, width: int = 100
) -> Iterator[tuple[Display, io.StringIO]]:
    stream = io.StringIO()
    screen = Console(file=stream, force_terminal=True, width=width, height=height, highlight=False, color_system=None)
    display = Display(cameras(number), "UTC", {}, screen=screen)
    display.health = None if health is None else lambda: health
    with display:
        yield display, stream


def decided(display: Display, number: int) -> None:
    decision = Decision("vest", "no_vest", 0.97, Reason.ACCEPTED)
    for at in range(number):
        reading = Reading(Prediction(TASK, ((0.03, 0.97),)), 5.0)
        display.decided(f"camera {at}", Step((Entry(1, "reading", reading, (decision,)),)))


def healthy(number: int) -> tuple[CameraHealth, ...]:
    return tuple(CameraHealth(f"camera {at}", "watching", fps=5.0, coverage=1.0, age=0.1) for at in range(number))


def last(stream: io.StringIO) -> str:
    """What stands there at the end: each time the lines of before are written over."""
    return stream.getvalue().rpartition("\x1b[1A")[2] if "\x1b[1A" in stream.getvalue() else stream.getvalue()


def test_a_few_are_shown_with_what_is_decided() -> None:
    with shown(2, Health(0.0, 0.0, healthy(2))) as (display, stream):
        decided(display, 2)
        assert "camera 1 gate  no_vest  0.970" in last(stream)
        assert "camera 1: 0 pictures" in last(stream)


def test_of_a_few_it_is_said_who_needs_looking_after() -> None:
    ill = CameraHealth("camera 1", "no pictures", "access refused")
    with shown(2, Health(0.0, 0.0, (*healthy(1), ill), StoreHealth("the disk is full"))) as (display, stream):
        decided(display, 2)
        assert "camera 1: no pictures: access refused" in last(stream)
        assert "store: the disk is full" in last(stream)


def test_on_a_low_terminal_what_is_the_matter_is_not_what_is_cut_away() -> None:
    ill = CameraHealth("camera 3", "no pictures", "access refused")
    with shown(4, Health(0.0, 0.0, (*healthy(3), ill)), height=12, width=40) as (display, stream):
        decided(display, 4)
        lines = [line.replace("\x1b[2K", "") for line in last(stream).splitlines()]
        assert sum(-(-len(line) // 40) for line in lines) <= 12
        assert any("no pictures: access refused" in line for line in lines)


@pytest.mark.parametrize("number", [8, 100])
def test_many_are_a_line_each_the_worst_first(number: int) -> None:
    ill = CameraHealth(f"camera {number - 1}", "no pictures", "access refused")
    with shown(number, Health(0.0, 0.0, (*healthy(number - 1), ill))) as (display, stream):
        decided(display, number)
        lines = [line.replace("\x1b[2K", "") for line in last(stream).splitlines()]
        assert len(lines) <= 24
        assert lines[0].startswith(f"{number} cameras: 1 no pictures, {number - 1} watching")
        assert "no pictures: access refused" in lines[2]
        assert "no_vest" in lines[3]
        assert ("and " in lines[-1]) is (number == 100)


def test_without_word_of_how_it_goes() -> None:
    with shown(8) as (display, stream):
        decided(display, 8)
        assert "camera 7 gate  no_vest  0.970" in last(stream)


def test_of_very_many_no_lines_are_drawn_at_the_end(capsys: pytest.CaptureFixture[str]) -> None:
    """They would be kept for as long as it runs."""
    display = Display(cameras(30), "UTC", {}, screen=None)
    decided(display, 30)
    display.conclude(stopped=False)
    assert capsys.readouterr().out.splitlines() == [f"camera {at}: no new picture" for at in range(30)]

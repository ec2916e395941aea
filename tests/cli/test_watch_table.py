"""Many cameras in a terminal: those first that somebody should look after, as many as there is room."""

from __future__ import annotations

import pytest

from decisight.cli.watch_table import camera_lines, summary_lines
from decisight.workers.health import CameraHealth, Health, InferenceHealth, SinkHealth, StoreHealth


def text(lines: list[list[tuple[str, str]]]) -> list[str]:
    return ["".join(part for part, _ in line) for line in lines]


def cameras(number: int) -> list[CameraHealth]:
    return [CameraHealth(f"camera {at:03d}", "watching", fps=5.0, coverage=1.0, age=0.1) for at in range(number)]


ILL = [
    CameraHealth("gate", "no pictures", "the camera does not answer", age=75.0),
    CameraHealth("yard", "failed", "RuntimeError: it fell over"),
    CameraHealth("dim", "watching", fps=5.0, coverage=0.4, age=0.3, events_open=2),
    CameraHealth("new", "starting"),
]


def test_the_worst_come_first() -> None:
    lines = text(camera_lines([*cameras(3), *ILL], {"dim": "vest"}, width=100, height=20))
    names = [line.split("  ")[0].strip() for line in lines[1:]]
    assert names == ["yard", "gate", "new", "dim", "camera 000", "camera 001", "camera 002"]
    assert "failed: RuntimeError: it fell over" in lines[1]
    assert lines[2].endswith("no pictures: the camera does not answer (1 min)")
    assert lines[4].endswith("2  vest")
    assert "40 %" in lines[4]


def test_one_without_pictures_is_red() -> None:
    _, line = camera_lines(ILL[:1], {}, width=100, height=5)
    assert "bold red" in {style for part, style in line if "the camera does not answer" in part}


@pytest.mark.parametrize("number", [0, 1, 8, 100])
@pytest.mark.parametrize(("width", "height"), [(80, 24), (40, 10), (200, 60), (20, 1)])
def test_it_fits(number: int, width: int, height: int) -> None:
    given = [*cameras(number), CameraHealth("x" * 300, "failed", "why " * 100)]
    lines = text(camera_lines(given, {}, width=width, height=height))
    assert len(lines) <= max(3, height)
    assert all(len(line) <= width for line in lines)
    assert lines[1].startswith("x")
    shown = len(lines) - 1
    if shown < len(given):
        assert lines[-1].startswith("and ")
        assert str(len(given) - (shown - 1)) in lines[-1]


@pytest.mark.parametrize("width", [80, 90, 200])
def test_what_is_the_matter_is_read_beside_long_names(width: int) -> None:
    place = "building-7 north hall loading bay, gate"
    given = [CameraHealth(f"{place} {at}", "no pictures", "the camera does not answer", age=5.0) for at in range(12)]
    lines = text(camera_lines(given, {}, width=width, height=24))[1:]
    assert all("  no pictures: the camera does not answer (5.0 s)" in line for line in lines)
    names = [line.partition("  no pictures")[0].strip() for line in lines]
    assert len(set(names)) == 12
    assert all(name.startswith("building") and "…" in name for name in names)


def test_one_that_cannot_judge_comes_before_those_that_do() -> None:
    dark = CameraHealth("z", "cannot judge", "too dark", fps=5.0, coverage=0.99, age=0.1)
    lines = text(camera_lines([*cameras(3), dark], {}, width=100, height=20))
    assert "cannot judge: too dark" in lines[1]


def test_a_name_steers_no_terminal() -> None:
    (_, line) = text(camera_lines([CameraHealth("\x1b[2J", "failed", "\x1b]0;x\x07")], {}, width=80, height=5))
    assert line.isprintable()


def test_the_whole_in_a_line() -> None:
    sinks = (SinkHealth("log"), SinkHealth("mail", "nobody answers", 1.0, 3))
    whole = Health(0.0, 0.0, (*cameras(5), *ILL), StoreHealth("the disk is full", 0.0, 3, 64, sinks))
    lines = text(summary_lines(whole))
    assert lines[0] == "9 cameras: 1 failed, 1 no pictures, 1 starting, 6 watching; 30.0 pictures/s"
    assert lines[1:] == ["store: the disk is full", "sink mail: nobody answers"]
    (line,) = text(summary_lines(Health(0.0, 0.0, (), inference=InferenceHealth(2, 0.42), memory=300_000_000)))
    assert line.endswith("; classifying 42 % of the time; 300 MB")

"""What a person at a terminal sees."""

from __future__ import annotations

import io
import os
import re
import sys
from pathlib import Path

import pytest
from rich.console import Console

from decisight.cli import progress
from decisight.cli.console import progress_bars, terminal

from .conftest import picture


def test_without_a_terminal_there_is_no_bar() -> None:
    assert terminal(io.StringIO()) is None
    with progress_bars(None) as report:
        report("pictures", 1, 2)


def shown(monkeypatch: pytest.MonkeyPatch, *reports: tuple[str, int, int | None], patience: float = 0.0) -> str:
    monkeypatch.setattr(progress, "_PATIENCE", patience)
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=100, color_system=None)
    with progress_bars(console) as report:
        for each in reports:
            report(*each)
    return screen.getvalue()


def test_a_bar_for_each_kind_of_work(monkeypatch: pytest.MonkeyPatch) -> None:
    text = shown(monkeypatch, ("features", 0, 50), ("features", 50, 50), ("selection", 1, 12))
    assert "features" in text
    assert "50/50" in text
    assert "selection" in text
    assert "1/12" in text


def test_a_bar_without_a_total(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "7/?" in shown(monkeypatch, ("pictures", 7, None))


def test_what_ends_at_once_needs_no_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    assert shown(monkeypatch, ("pictures", 1, 1), patience=60.0) == ""


def test_a_table_on_a_terminal(small_model: Path, tmp_path: Path) -> None:
    pty = pytest.importorskip("pty", reason="there are no such terminals on this system")
    long = picture(tmp_path / ("a-very-long-name-" * 6 + "end.png"))
    bad = tmp_path / "bad.png"
    bad.touch()
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "80", "LINES": "24"}
    child, screen = pty.fork()
    if child == 0:
        arguments = [sys.executable, "-m", "decisight", "predict", str(small_model), str(long), str(bad)]
        os.execve(sys.executable, arguments, environment)  # noqa: S606 - in a terminal of its own
    seen = b""
    while block := _read(screen):
        seen += block
    _, status = os.waitpid(child, 0)
    lines = seen.decode().splitlines()
    plain = [re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", line) for line in lines]
    assert os.waitstatus_to_exitcode(status) == 1
    assert plain[0].split() == ["image", "decision", "confidence", "labels"]
    assert "…" in plain[1]
    assert len(plain[1]) <= 80
    assert "error: the file is empty" in plain[2]
    assert "\x1b[" in lines[0], "the heading is not bold"
    assert "1 of 2 pictures could not be read" in seen.decode()
    assert re.search(r"2 pictures in [0-9.]+ s", seen.decode())


def _read(screen: int) -> bytes:
    try:
        return os.read(screen, 4096)
    except OSError:  # Linux: who had the other end is gone
        return b""

"""Commands run in this process, and pictures to run them on."""

from __future__ import annotations

import io
import os
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from PIL import Image

from decisight.cli import main

WHITE, BLACK = (255, 255, 255), (0, 0, 0)


@dataclass(frozen=True)
class Result:
    """What a command left behind."""

    status: int
    out: str
    err: str


Run = Callable[..., Result]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command: ``run("predict", model, "a.jpg", stdin=b"...")``."""

    def command(*arguments: str | Path, stdin: bytes = b"") -> Result:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        capsys.readouterr()
        status = main([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        assert "Traceback" not in out + err
        return Result(status, out, err)

    return command


@pytest.fixture
def heeding_signals() -> Iterator[None]:
    """Child processes hear signals, even where this one was told to pass them over, as ``nohup`` and ``&`` do."""
    deaf = [number for number in (signal.SIGINT, signal.SIGHUP) if signal.getsignal(number) is signal.SIG_IGN]
    for number in deaf:
        signal.signal(number, signal.SIG_DFL)
    yield
    for number in deaf:
        signal.signal(number, signal.SIG_IGN)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A folder with bright1.jpg, bright2.png and dark1.jpg, and sub/dark10.jpg, dark2.jpg."""
    folder = tmp_path / "photos"
    for name, colour in {
        "bright1.jpg": WHITE,
        "bright2.png": WHITE,
        "dark1.jpg": BLACK,
        "sub/dark2.jpg": BLACK,
        "sub/dark10.jpg": BLACK,
    }.items():
        picture(folder / name, colour)
    return folder


def picture(path: Path, colour: tuple[int, int, int] = WHITE, *, mark: int = 0) -> Path:
    """Write a small picture of one colour; ``mark`` makes its content another."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.new("RGB", (32, 24), colour)
    image.putpixel((mark % 32, mark // 32), (128, mark % 256, 128))
    image.save(path)
    return path


@pytest.fixture
def nobody() -> Iterator[Path]:
    """A folder of a user who may do only what permissions allow; root may do anything, so it becomes another user."""
    if not hasattr(os, "geteuid"):
        pytest.skip("there are no such permissions on this system")
    was_root = os.geteuid() == 0
    with tempfile.TemporaryDirectory() as folder:
        if was_root:
            os.chown(folder, 65534, 65534)
            os.seteuid(65534)
        try:
            yield Path(folder)
        finally:
            if was_root:
                os.seteuid(0)

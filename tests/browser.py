"""A real browser for tests of pages: an installed Chromium, driven by Playwright. A test fails by what it complains of.

``browser`` is one for all tests; ``browsing`` opens windows in it, and looks at the end at what each has said. Pages
are served by child processes, see :func:`served`.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

__all__ = ["Browsing", "browser", "browsing", "served"]

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
OPTIONS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--no-first-run",
    "--disable-component-update",
    "--disable-sync",
)
SECONDS = 30
"""That a browser and a page are waited for: far more than they need."""


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The browser; where there is none, tests that want it are skipped."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        pytest.skip("Playwright is not installed: pip install playwright")
    program = next(filter(None, map(shutil.which, NAMES)), None)
    if program is None:
        pytest.skip(f"no browser is installed: none of {', '.join(NAMES)}")
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=program, headless=True, args=list(OPTIONS))
        yield found
        found.close()


@dataclass
class Browsing:
    """Windows of a browser, and all that they complained of."""

    browser: Browser
    complaints: list[str] = field(default_factory=list)
    forgiven: list[str] = field(default_factory=list)
    """Parts of complaints that a test means to bring about."""
    _contexts: list[Any] = field(default_factory=list)

    def open(self, address: str, *, size: tuple[int, int] = (1280, 800), touch: bool = False) -> Page:
        """A page in a window of its own, with cookies of its own."""
        context = self.browser.new_context(
            viewport={"width": size[0], "height": size[1]}, has_touch=touch, service_workers="block"
        )
        context.set_default_timeout(SECONDS * 1000)
        self._contexts.append(context)
        page = context.new_page()
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.complaints.append(f"error in the page: {error}"))
        page.on("request", lambda request: self._look(request.url))
        page.on("websocket", lambda socket: self._look(socket.url))
        page.goto(address)
        return page

    def _hear(self, message: Any) -> None:
        if message.type in ("error", "warning", "assert"):
            self.complaints.append(f"{message.type} in the console: {message.text}")

    def _look(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("data", "blob", "about") and parts.hostname != "127.0.0.1":
            self.complaints.append(f"asked for {url}")

    def close(self) -> None:
        """Close the windows, and tell what they complained of."""
        for context in self._contexts:
            context.close()
        told = [one for one in self.complaints if not any(part in one for part in self.forgiven)]
        assert not told, "\n".join(told)


@pytest.fixture
def browsing(browser: Browser) -> Iterator[Browsing]:
    windows = Browsing(browser)
    yield windows
    windows.close()


@dataclass
class Served:
    """A command that serves a page."""

    process: subprocess.Popen[str]
    address: str
    said: list[str]

    def end(self, how: signal.Signals = signal.SIGINT) -> tuple[int, str]:
        """End it as Ctrl-C does.

        Returns:
            Its exit status, and what it has said on standard error.
        """
        self.process.send_signal(how)
        _, complaints = self.process.communicate(timeout=SECONDS)
        return self.process.returncode, complaints


@contextlib.contextmanager
def served(
    *command: str | Path, cwd: Path | None = None, check: Callable[[str], None] | None = None
) -> Iterator[Served]:
    """Start ``decisight ...``, or another Python program, that serves a page; it is ended with the block.

    Its standard error has to be empty at the end, unless ``check`` looks at it.
    """
    arguments = list(map(str, command))
    program = [sys.executable] if arguments[0].endswith(".py") else [sys.executable, "-m", "decisight"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    process = subprocess.Popen(
        [*program, *arguments],
        cwd=cwd,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=_heed if os.name == "posix" else None,
    )
    watch = threading.Timer(SECONDS, process.kill)
    watch.start()
    try:
        said = []
        assert process.stdout is not None
        for line in process.stdout:
            said.append(line.rstrip("\n"))
            if line.startswith("http://"):
                break
        watch.cancel()
        if not said or not said[-1].startswith("http://"):
            raise AssertionError(f"no address was printed, but: {said} {process.communicate()[1]}")
        page = Served(process, said[-1], said)
        yield page
        if process.poll() is None:
            status, complaints = page.end()
            assert status == 0, complaints
            (check or _nothing)(complaints)
    finally:
        watch.cancel()
        if process.poll() is None:
            process.kill()
        process.communicate()


def _nothing(complaints: str) -> None:
    assert complaints == ""


def _heed() -> None:
    """Hear Ctrl-C, even where this process was told to pass it over."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)

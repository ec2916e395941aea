"""A page for one person, served on the machine where it is looked at, for as long as a command runs.

Nothing of NiceGUI is imported before a page is served. It loads nothing over the network, reports nothing, and writes
nothing where the person works.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import importlib.util
import logging
import os
import signal
import socket
import sys
import tempfile
import threading
import traceback
import webbrowser
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from decisight.errors import MissingPartError, UsageError
from decisight.server.guard import Guard

if TYPE_CHECKING:
    import uvicorn

__all__ = ["require_console", "serve"]

_HOSTS = ("127.0.0.1", "::1")
_SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")
_GRACE = 1
"""Seconds that connections are given to close at the end."""
_DISPLAYS = ("DISPLAY", "WAYLAND_DISPLAY")
_OUTSIDE = ("NICEGUI_STORAGE_PATH", "NICEGUI_REDIS_URL", "NICEGUI_HOST", "NICEGUI_PORT", "NICEGUI_PROTOCOL")
"""Variables by which NiceGUI would keep something elsewhere, or say something of its own."""


def require_console() -> None:
    """See that what serves pages is installed.

    Raises:
        MissingPartError: it is not.
    """
    if importlib.util.find_spec("nicegui") is None:
        raise MissingPartError(
            "this page needs NiceGUI, which is not installed", hint="pip install 'decisight[console]'"
        )


def serve(
    build: Callable[[], Any],
    *,
    title: str,
    host: str = "127.0.0.1",
    port: int = 0,
    open_browser: bool = True,
    ready: Callable[[str], None] | None = None,
) -> None:
    """Serve a page until the person ends it, by Ctrl-C or by ending the process.

    The address is printed on a line of its own. It has a random token in it, without which nothing is answered.

    Args:
        build: makes the page of NiceGUI elements; called each time it is opened.
        title: of the page.
        host: 127.0.0.1 or ::1.
        port: 0 to 65535; 0: a free one.
        open_browser: whether it is opened in a browser, where there is a display.
        ready: called with the address once the page can be opened.

    Raises:
        MissingPartError: NiceGUI is not installed.
        UsageError: the port is in use, or cannot be had; or the host is not this machine alone.
    """
    require_console()
    with _listening(host, port) as listener, _kept_apart():
        asyncio.run(_served(build, title, listener, open_browser, ready))


@contextlib.contextmanager
def _listening(host: str, port: int) -> Iterator[socket.socket]:
    if host not in _HOSTS:
        raise UsageError(f"pages are served on this machine only, not on {host!r}", hint="give 127.0.0.1")
    if not 0 <= port <= 65535:
        raise UsageError(f"{port} is no port", hint="give a number from 1 to 65535, or none for a free port")
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as listener:
        if sys.platform != "win32":  # there it would let others listen as well
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
        except OSError as error:
            taken = error.errno == errno.EADDRINUSE
            what = f"the port {port} is in use" if taken else f"the port {port} cannot be had: {error.strerror}"
            raise UsageError(what, hint="give another --port, or leave it out for a free one") from error
        yield listener


@contextlib.contextmanager
def _kept_apart() -> Iterator[None]:
    """NiceGUI loaded so that it reads and writes nothing where the person works, and its log is quiet."""
    with tempfile.TemporaryDirectory(prefix="decisight-") as folder:
        before = {name: os.environ.pop(name, None) for name in _OUTSIDE}
        os.environ["NICEGUI_STORAGE_PATH"] = folder
        try:
            from nicegui.storage import Storage
        finally:
            del os.environ["NICEGUI_STORAGE_PATH"]
            os.environ.update({name: value for name, value in before.items() if value is not None})
        Storage.path = Path(folder)
        log = logging.getLogger("nicegui")
        telling = _Telling(logging.ERROR)
        log.addHandler(telling)
        log.propagate = False
        try:
            yield
        finally:
            log.removeHandler(telling)
            log.propagate = True


class _Telling(logging.Handler):
    """Says on standard error that something went wrong in a page, in a line."""

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else record.msg
        if isinstance(error, BaseException):
            text = f"error: this should not have happened ({type(error).__name__}: {error})\n"
            if os.environ.get("DECISIGHT_DEBUG", "0") not in ("", "0"):
                text += "".join(traceback.format_exception(error))
        else:
            text = f"error: {record.getMessage()}\n"
        with contextlib.suppress(OSError, ValueError):
            sys.stderr.write(text)
            sys.stderr.flush()


async def _served(
    build: Callable[[], Any],
    title: str,
    listener: socket.socket,
    open_browser: bool,
    ready: Callable[[str], None] | None,
) -> None:
    import uvicorn
    from fastapi import FastAPI
    from nicegui import app as pages
    from nicegui import ui

    host, port = listener.getsockname()[:2]
    app = FastAPI(openapi_url=None)
    ui.page("/")(build)
    pages.on_exception(_apologise)
    ui.run_with(app, title=title, show_welcome_message=False)
    guard = Guard(app, port)
    place = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            _tell(place, guard, open_browser, ready)

        @contextlib.contextmanager
        def capture_signals(self) -> Iterator[None]:
            """Else it would send them once more at the end."""
            with _ending(self):
                yield

    config = uvicorn.Config(
        guard,
        log_config=None,
        log_level=logging.CRITICAL + 1,
        access_log=False,
        server_header=False,
        # The one that NiceGUI uses itself.
        ws="wsproto" if importlib.util.find_spec("wsproto") else "auto",
        timeout_graceful_shutdown=_GRACE,
    )
    await Server(config).serve([listener])


def _apologise(error: Exception) -> None:
    """Say in the page that something went wrong, where it is known in which."""
    from nicegui import ui

    with contextlib.suppress(RuntimeError):
        ui.notify(f"Something went wrong ({type(error).__name__}). The terminal says more.", type="negative")


def _tell(place: str, guard: Guard, open_browser: bool, ready: Callable[[str], None] | None) -> None:
    """Say where the page is, now that it can be opened."""
    address = f"{place}/?token={guard.token}"
    sys.stdout.write(f"The page is at\n{address}\nIt is for this machine only. Ctrl-C ends it.\n")
    sys.stdout.flush()
    if ready is not None:
        ready(address)
    if open_browser and _has_display():
        ticket = f"{place}/?token={guard.ticket()}"
        threading.Thread(target=webbrowser.open, args=(ticket,), daemon=True).start()


@contextlib.contextmanager
def _ending(server: uvicorn.Server) -> Iterator[None]:
    """End the server on signals; the second one waits for nobody."""

    def end(*_: object) -> None:
        server.force_exit = server.should_exit
        server.should_exit = True

    before: dict[int, Any] = {}
    with contextlib.suppress(ValueError):  # not the main thread
        for name in _SIGNALS:
            number = getattr(signal, name, None)
            if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
                before[number] = signal.signal(number, end)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _has_display() -> bool:
    return sys.platform in ("win32", "darwin") or any(os.environ.get(name) for name in _DISPLAYS)

"""What is printed: plain text to files and pipes, through rich to terminals, and in no encoding an error."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, TextIO, TypeAlias

from decisight.types.secrecy import without_logins

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["Progress", "complain", "forgiving_streams", "progress_bars", "say", "silence", "terminal", "warn"]

Progress: TypeAlias = Callable[[str, int, "int | None"], None]
"""Called with what is being done, how much of it is done, and how much there is (``None``: not known)."""


def forgiving_streams() -> None:
    """Write what the terminal's encoding lacks as escapes, where Python would raise UnicodeEncodeError."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed before the program began
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115 - stays open to the end
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError, ValueError):
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]  # TextIO is wider than what it is


def say(text: str = "") -> None:
    """Print a line, or several."""
    sys.stdout.write(text + "\n")


def complain(message: str, hint: str | None = None) -> None:
    """Print a message on standard error, and on a line of its own what to do. Never raises.

    An address of a camera in it is shown without credentials, wherever it was given.
    """
    lines = [*without_logins(message).split("\n"), *([] if hint is None else [f"hint: {hint}"])]
    with contextlib.suppress(OSError, ValueError):
        # What was printed before must stand above it where both go to one file.
        sys.stdout.flush()
    with contextlib.suppress(OSError, ValueError):
        sys.stderr.write("".join(f"{_harmless(line)}\n" for line in lines))
        sys.stderr.flush()


def _harmless(line: str) -> str:
    """Without characters that steer a terminal, which a file's name may hold."""
    if line.isprintable():
        return line
    from decisight.imaging import printable

    return printable(line)


def warn(message: str, hint: str | None = None) -> None:
    """Print a warning on standard error."""
    complain(f"warning: {message}", hint)


def silence() -> None:
    """Give up standard output: what is still waiting to be written goes nowhere, where it cannot fail again."""
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


def terminal(stream: TextIO) -> Console | None:
    """A rich console on a stream; ``None`` where it is not a terminal."""
    with contextlib.suppress(ValueError):
        if stream.isatty():
            from rich.console import Console

            return Console(file=stream, highlight=False)
    return None


@contextlib.contextmanager
def progress_bars(console: Console | None) -> Iterator[Progress]:
    """Bars for work that takes long, removed at the end.

    Args:
        console: where to; ``None``: nowhere.
    """
    if console is None:
        yield lambda what, done, total: None
        return
    from decisight.cli.progress import ProgressBars

    bars = ProgressBars(console)
    try:
        yield bars
    finally:
        bars.close()

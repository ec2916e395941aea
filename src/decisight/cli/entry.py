"""The way in and out of the command line: arguments to a piece of work, and whatever happens to an exit status."""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import sys
import warnings
from collections.abc import Iterator, Sequence
from enum import IntEnum
from types import FrameType

from decisight.cli.console import complain, forgiving_streams, silence
from decisight.cli.signals import Before, hearing
from decisight.errors import DecisightError

__all__ = ["DEBUG_VARIABLE", "Status", "main"]

DEBUG_VARIABLE = "DECISIGHT_DEBUG"
"""The environment variable that, set to anything but ``0``, lets tracebacks through, as ``--debug`` does."""

_REPORT_AT = "https://github.com/decisight/decisight/issues"


class Status(IntEnum):
    """What the exit status says."""

    DONE = 0
    SOME_FAILED = 1
    """Done, but ``predict`` could not read something asked for, and named it; ``doctor`` found something wrong; or what
    was required of ``compare`` or ``backtest`` was not found."""
    REFUSED = 2
    """An argument, a model, data or a place to write to cannot be used. Mostly that shows before any work; where a disk
    fills up on the way, what was printed, and files that were complete, are there."""
    BROKEN = 70
    """A mistake in Decisight (``EX_SOFTWARE`` of sysexits.h)."""
    INTERRUPTED = 130
    """By Ctrl-C (128 + SIGINT)."""
    READER_GONE = 141
    """Who read the output closed it (128 + SIGPIPE)."""
    TERMINATED = 143
    """By SIGTERM."""
    HUNG_UP = 129
    """By SIGHUP: the terminal was closed (128 + SIGHUP)."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        arguments: without the program's name; by default those of the process.

    Returns:
        The exit status, see :class:`Status`.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    before_command = itertools.takewhile(lambda argument: argument.startswith("-"), given)
    debug = os.environ.get(DEBUG_VARIABLE, "0") not in ("", "0") or "--debug" in before_command
    forgiving_streams()
    try:
        with hearing(_leave, "SIGTERM", "SIGHUP"), _without_warnings(unless=debug):
            status = _run(given)
            sys.stdout.flush()
            return status
    except KeyboardInterrupt:
        complain("interrupted; no file was left half-written, but JSON Lines may end early")
        return Status.INTERRUPTED
    except BrokenPipeError:
        silence()
        return Status.READER_GONE
    except Exception as error:
        if debug:
            raise
        return _explain(error)


def _run(arguments: Sequence[str]) -> int:
    from decisight.cli.app import parse

    return parse(arguments)()


def _explain(error: Exception) -> Status:
    """Say in a line or two what went wrong."""
    if isinstance(error, DecisightError):
        complain(f"error: {error.message}", error.hint)
        return Status.REFUSED
    if isinstance(error, MemoryError):
        complain("error: there is not enough memory", "use fewer --threads, or close other programs")
        return Status.REFUSED
    if isinstance(error, OSError) and error.errno is not None:
        where = os.fsdecode(error.filename) if isinstance(error.filename, str | bytes) else "the output"
        # What could not be written would be tried, and fail, once more at exit.
        silence()
        hint = "make room, or write to another place" if error.errno == errno.ENOSPC else None
        complain(f"error: {where}: {error.strerror}", hint)
        return Status.REFUSED
    complain(
        f"error: this should not have happened ({type(error).__name__}: {error})",
        f"please report it at {_REPORT_AT}, with what `decisight --debug ...` prints",
    )
    return Status.BROKEN


def _leave(received: int, _frame: FrameType | None, _before: Before) -> None:
    """Unwind like Ctrl-C does, so that temporary files are removed."""
    sys.exit(128 + received)


@contextlib.contextmanager
def _without_warnings(*, unless: bool) -> Iterator[None]:
    """Keep the warnings of libraries, which are for developers, from the user's terminal."""
    with warnings.catch_warnings():
        if not unless and not sys.warnoptions:
            warnings.simplefilter("ignore")
        yield

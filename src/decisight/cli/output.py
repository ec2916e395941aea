"""Where results are written: checked before the work begins, and but for streams never left half-written."""

from __future__ import annotations

import contextlib
import os
import re
import stat
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TextIO

from decisight.errors import OutputError
from decisight.files import draft_of, is_special, printable, unwritable

__all__ = [
    "STANDARD_OUTPUT",
    "check_apart",
    "check_file",
    "check_folder",
    "replacing",
    "staging",
    "standard_output",
    "streaming",
    "write_json",
]

STANDARD_OUTPUT = Path("-")
"""How standard output is named where a file could be."""

_LABELS = re.compile(r"metadata\.(csv|jsonl)|(annotations|_annotations\.coco|instances_.+)\.json")
"""Names of files in a folder of pictures that say what is in them."""


def check_file(path: Path, *, example: str) -> None:
    """Make sure that a file can be written, before work is spent on what goes into it. Writes nothing.

    Args:
        path: the file; what it holds is left alone.
        example: a name to suggest.

    Raises:
        OutputError: it is a folder, its folder is not there, or it may not be written.
    """
    if os.path.isdir(path):
        raise OutputError(f"{printable(path)} is a folder", hint=f"name a file in it: {printable(path / example)}")
    if not os.path.isdir(path.parent):
        raise OutputError(f"there is no folder {printable(path.parent)}", hint="make it first, or name another place")
    try:
        if is_special(path):
            if not os.access(path, os.W_OK):
                raise OutputError(f"{printable(path)} may not be written (no permission)", hint="name another place")
        else:
            _check_room(path.resolve().parent)
    except OSError as error:
        raise unwritable(path, error) from error


def check_apart(files: Iterable[Path | None], inputs: Mapping[str, str | Path | None]) -> None:
    """Make sure that nothing which a command reads is lost by what it writes, whatever names lead to it.

    Args:
        files: every file that will be written; ``None`` is passed over.
        inputs: the files and folders that are read, by what they are, such as ``the model``; also names that are of no
            file, and ``None``. Of a folder those files are meant that hold its labels, however deep.

    Raises:
        OutputError: a file that would be replaced is read here.
    """
    there: dict[tuple[int, int], Path] = {}
    for file in files:
        if file is not None and not is_special(file) and (found := _identity(file)) is not None:
            there[found] = file
    labels = [file for file in there.values() if _LABELS.fullmatch(file.name)]
    for what, given in inputs.items() if there else ():
        if given is None or (found := _identity(given)) is None:
            continue
        if found in there:
            raise OutputError(
                f"{printable(there[found])} is {what}: it would be lost", hint="name another place for what is written"
            )
        if labels and os.path.isdir(given):
            folder = Path(given).resolve()
            for file in labels:
                if file.resolve().is_relative_to(folder):
                    raise OutputError(
                        f"{printable(file)} belongs to {what}: it would be lost",
                        hint="name another place for what is written",
                    )


def _identity(path: str | Path) -> tuple[int, int] | None:
    """What tells a file from others, whatever it is called; ``None`` where there is none."""
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return None
    return found.st_dev, found.st_ino


def check_folder(path: Path) -> None:
    """Make sure that files can be written into a folder; makes it, with those above it, where it is not there.

    Raises:
        OutputError: it is a file, or cannot be made or written to.
    """
    if os.path.lexists(path) and not os.path.isdir(path):
        raise OutputError(f"{printable(path)} is a file, not a folder", hint="name a folder")
    try:
        path.mkdir(parents=True, exist_ok=True)
        _check_room(path)
    except OSError as error:
        raise unwritable(path, error) from error


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[TextIO]:
    """A text file (UTF-8) that takes its name when it is complete: until then, and on any failure, the old one stays.

    What is no ordinary file, such as a pipe or a device, is written to directly.

    Raises:
        OutputError: it cannot be written, or the disk is full.
    """
    if is_special(path):
        with streaming(path) as stream:
            yield stream
        return
    with draft_of(path) as draft, draft.open("w", encoding="utf-8", errors="backslashreplace", newline="") as stream:
        yield stream


@contextlib.contextmanager
def staging(folder: Path) -> Iterator[Path]:
    """A new folder within a folder; the files in it move up when all are complete, and replace those of their names.

    On any failure the files that were there before stay. A file that takes the name of another has its permissions.

    Raises:
        OutputError: a file cannot be written, the disk is full, or a name is that of a folder.
    """
    try:
        with tempfile.TemporaryDirectory(prefix=".decisight-", dir=folder) as name:
            beside = Path(name)
            yield beside
            complete = sorted(beside.iterdir())
            for path in complete:
                _like(path, folder / path.name)
            for path in complete:
                path.replace(folder / path.name)
    except OSError as error:
        raise unwritable(folder, error) from error
    except OutputError as error:
        # It names the folder that was written to, which nobody has asked for and which is gone.
        raise OutputError(error.message.replace(name, str(folder)), hint=error.hint) from error


def _like(path: Path, old: Path) -> None:
    """Give a file the permissions of the one that it replaces, where there is one."""
    if is_special(old):
        raise OutputError(f"{printable(old)} is not a file that could be replaced", hint="name another folder")
    with contextlib.suppress(FileNotFoundError):
        path.chmod(stat.S_IMODE(old.stat().st_mode))


@contextlib.contextmanager
def streaming(path: Path) -> Iterator[TextIO]:
    """A text file (UTF-8) that is written as the work goes on; what it held is lost at once.

    Raises:
        OutputError: it cannot be written, or the disk is full.
    """
    try:
        with path.open("w", encoding="utf-8", errors="backslashreplace", newline="") as stream:
            yield stream
    except OSError as error:
        raise unwritable(path, error) from error


@contextlib.contextmanager
def standard_output(*, utf8: bool) -> Iterator[TextIO]:
    """Standard output.

    Args:
        utf8: whatever the terminal's encoding: what other programs read has one encoding.
    """
    with contextlib.suppress(AttributeError, ValueError):
        if utf8:
            sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace", newline="")  # type: ignore[union-attr]  # TextIO is wider than what it is
    yield sys.stdout


def write_json(text: str, place: Path | None) -> None:
    """What was asked for with ``--json``: into a file; to standard output where that is ``-``; nowhere where it is not.

    Raises:
        OutputError: the file cannot be written, or the disk is full.
    """
    if place is None:
        return
    with standard_output(utf8=True) if place == STANDARD_OUTPUT else replacing(place) as stream:
        stream.write(text)


def _check_room(folder: Path) -> None:
    with tempfile.TemporaryFile(dir=folder) as file:
        file.write(b"\0")

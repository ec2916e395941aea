"""How a watch is doing, told while it runs: into a file, and to whoever asks over HTTP."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from decisight.cli.console import complain, warn
from decisight.errors import DecisightError, OutputError
from decisight.files import draft_of, is_special, printable, unwritable

if TYPE_CHECKING:
    from decisight.cli.watch import WatchOptions
    from decisight.server.health_pages import Address
    from decisight.workers import Health

__all__ = ["HealthOutlets", "health_outlets"]

_EVERY = 2.0
"""Seconds after which the file is written anew."""
_FAREWELL = 5.0
_BEGINNING = b'{\n "ready": '
"""How a file with the health begins."""


@dataclass(frozen=True, slots=True)
class HealthOutlets:
    """Where it is told how a watch is doing.

    Args:
        file: written anew every two seconds, as JSON.
        address: where HTTP is answered.
    """

    file: Path | None = None
    address: Address | None = None

    @contextlib.contextmanager
    def told(self, health: Callable[[], Health]) -> Iterator[None]:
        """Within it, it is told.

        Args:
            health: says how everything is.

        Raises:
            UsageError: it cannot listen at the address.
            OutputError: the file cannot be written.
        """
        with contextlib.ExitStack() as stack:
            if self.address is not None:
                from decisight.server.health_pages import HealthPages

                pages = stack.enter_context(HealthPages(health, self.address))
                # Not on standard output, where there may be nothing but events.
                complain(f"health: {pages.url}/health, figures for Prometheus: {pages.url}/metrics")
            if self.file is not None:
                stack.enter_context(_written(self.file, health))
            yield


def health_outlets(options: WatchOptions) -> HealthOutlets:
    """Where it is asked to be told.

    Raises:
        UsageError: the address is none, or it cannot be listened there.
        OutputError: the file is none that could be written.
    """
    from decisight.cli import output

    address = None
    if options.listen is not None:
        from decisight.server.health_pages import check_free, parse_address

        address = parse_address(options.listen)
        check_free(address)
    if options.health is not None:
        output.check_file(options.health, example="health.json")
        _check_health(options.health)
    return HealthOutlets(options.health, address)


def _check_health(path: Path) -> None:
    """See that nothing else than the health of an earlier time is written over.

    Raises:
        OutputError: the file holds something else, is no file, or cannot be read.
    """
    try:
        if is_special(path):
            raise OutputError(f"{printable(path)} is no file", hint="name a file, for example health.json")
        with path.open("rb") as file:
            begun = file.read(len(_BEGINNING))
    except FileNotFoundError:
        return
    except OSError as error:
        raise unwritable(path, error) from error
    if begun and begun != _BEGINNING:
        raise OutputError(
            f"{printable(path)} is there already, and holds something else: it would be lost",
            hint="name another file with --health",
        )


@contextlib.contextmanager
def _written(path: Path, health: Callable[[], Health]) -> Iterator[None]:
    """Write how everything is, now and then; at the end once more."""
    _write(path, health())
    from decisight.workers.status import said

    ended = threading.Event()

    def work() -> None:
        failing = False
        while not ended.wait(_EVERY):
            try:
                _write(path, health())
            except Exception as error:  # whatever it is, it is tried again
                if not failing:
                    warn(f"health: {said(error)}: tried again until it works")
                failing = True
            else:
                failing = False

    thread = threading.Thread(target=work, name="health file", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join(_FAREWELL)
        with contextlib.suppress(DecisightError):
            _write(path, health())


def _write(path: Path, health: Health) -> None:
    with draft_of(path) as draft:
        # As it is on every system: by its beginning it is known.
        draft.write_text(json.dumps(health.to_json(), indent=1) + "\n", "utf-8", newline="\n")

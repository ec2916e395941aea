"""What ``decisight collect`` shows: a line of now, which cameras are away, and the whole at the end."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from decisight.cli.console import complain
from decisight.files import printable

if TYPE_CHECKING:
    from rich.console import Console

    from decisight.collecting import CollectRun, PictureFolder

__all__ = ["CollectDisplay", "summary"]

_MOST_CAUSES = 6
"""That are told one by one."""


class CollectDisplay:
    """A line of now on a terminal, and warnings above it."""

    def __init__(self, runs: Sequence[CollectRun], screen: Console | None) -> None:
        self._runs = runs
        self._screen = screen
        self._status: Any = None

    def __enter__(self) -> CollectDisplay:
        if self._screen is not None:
            self._status = self._screen.status("")
            self._status.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._status is not None:
            self._status.stop()

    def noted(self, camera: str, text: str) -> None:
        """See :class:`~decisight.collecting.running.Listener`."""
        if self._status is not None:
            self._status.stop()
        complain(f"{printable(camera)}: {printable(text)}")
        if self._status is not None:
            self._status.start()

    def idle(self) -> None:
        """See :class:`~decisight.collecting.running.Listener`."""
        if self._status is not None:
            from rich.text import Text

            stored = sum(run.collector.stored.total() for run in self._runs)
            passed = sum(run.collector.passed.total() for run in self._runs)
            frames = sum(run.collector.frames for run in self._runs)
            self._status.update(Text(f"{stored} stored, {passed} passed over, {frames} looked at"))


def summary(runs: Sequence[CollectRun], folder: PictureFolder) -> Iterator[str]:
    """What was stored and what was passed over, and why: a line for each region, and what to do next."""
    for run in runs:
        collector = run.collector
        lost = {cause: count for (region, cause), count in collector.passed.items() if region is None and ":" in cause}
        for view in collector.views:
            causes = {cause: n for (region, cause), n in collector.passed.items() if region == view.name}
            causes = {cause: n for cause, n in causes.items() if cause not in lost}
            where = printable(collector.camera) + (f", {printable(view.name)}" if view.name is not None else "")
            yield f"{where}: {collector.stored[view.name]} stored{_passed(causes)}"
        if lost:
            yield f"{printable(collector.camera)}: {_passed(lost).removeprefix('; passed over: ')}"
    there = f", beside {folder.before} that were there" if folder.before else ""
    where = f" in {printable(folder.path)}" if folder.stored or folder.before else ""
    yield f"{folder.stored} picture{'' if folder.stored == 1 else 's'} stored{where}{there}."
    if folder.stored + folder.before:
        yield f"Label them: decisight label {_quoted(folder.path)}"


def _passed(causes: Mapping[str, int]) -> str:
    if not causes:
        return ""
    ordered = sorted(causes.items(), key=lambda item: -item[1])
    told = [f"{count} {printable(cause)}" for cause, count in ordered[:_MOST_CAUSES]]
    rest = sum(count for _, count in ordered[_MOST_CAUSES:])
    return f"; passed over: {', '.join([*told, f'{rest} for other causes'] if rest else told)}"


def _quoted(path: Path) -> str:
    return shlex.quote(printable(os.fspath(path)))

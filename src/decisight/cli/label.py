"""``decisight label``: a page on which pictures are labelled."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from decisight.cli.console import say, warn
from decisight.files import printable

if TYPE_CHECKING:
    from decisight.collecting.labelling import Labelling

__all__ = ["LabelOptions", "run"]

_MOST_NAMED = 10


@dataclass(frozen=True, slots=True)
class LabelOptions:
    """What ``decisight label`` was asked for; see its help."""

    folder: Path
    groups: Sequence[str] = ()
    model: str | None = None
    port: int = 0
    open_browser: bool = True
    runtime: str | None = None


def run(options: LabelOptions) -> int:
    """Serve the page until it is ended with Ctrl-C.

    Returns:
        The exit status, 0.

    Raises:
        DecisightError: the folder cannot be labelled, the model not be loaded, or the page not be served.
    """
    from decisight.collecting.groups import parse_group
    from decisight.collecting.labelling import Labelling
    from decisight.collecting.suggesting import Suggesting
    from decisight.models.classifier import load
    from decisight.server.console.label import label_page
    from decisight.server.local import require_console, serve

    require_console()
    given = [parse_group(text) for text in options.groups]
    model = None if options.model is None else load(options.model, runtime=options.runtime)
    with Labelling.open(options.folder, given, None if model is None else model.task) as labelling:
        if labelling.missing:
            warn(f"{labelling.missing} pictures that {printable(labelling.table.path)} names are not there")
        if labelling.unnameable:
            warn(
                f"{labelling.unnameable} pictures have names that a table cannot hold, and are passed over",
                "rename them: without spaces at either end, and in UTF-8",
            )
        suggesting = None if model is None else Suggesting(labelling, model)
        if suggesting is None:
            serve(label_page(labelling), title=_title(labelling), port=options.port, open_browser=options.open_browser)
        else:
            with closing(suggesting):
                suggesting.start()
                serve(
                    label_page(labelling, suggesting),
                    title=_title(labelling),
                    port=options.port,
                    open_browser=options.open_browser,
                )
        _conclude(labelling)
    return 0


def _title(labelling: Labelling) -> str:
    return f"Label {printable(labelling.folder.resolve().name)}"


def _conclude(labelling: Labelling) -> None:
    done = sum(labelling.done(row) and not labelling.excluded(row) for row in labelling.pictures)
    left_out = sum(map(labelling.excluded, labelling.pictures))
    also = f", {left_out} left out" if left_out else ""
    say(f"\n{done} of {len(labelling.pictures)} pictures labelled{also}; written to {printable(labelling.table.path)}")
    if labelling.unreadable:
        shown = ", ".join(map(printable, labelling.unreadable[:_MOST_NAMED]))
        more = len(labelling.unreadable) - _MOST_NAMED
        warn(f"passed over, as they cannot be read: {shown}{f' and {more} more' if more > 0 else ''}")
    if done:
        say(f"Learn from them: decisight train {shlex.quote(printable(labelling.folder))} -o model.onnx")

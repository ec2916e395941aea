"""``decisight watch``: cameras at work, in a terminal or as a service."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from decisight.cli.console import warn
from decisight.cli.regions import RegionRequest
from decisight.errors import StoreError, UsageError
from decisight.files import printable
from decisight.yaml_file import SUFFIXES

if TYPE_CHECKING:
    from decisight.config import Site
    from decisight.store import Store

__all__ = ["WatchOptions", "run"]

_PATIENCE, _PAUSE = 60.0, 1.0
"""Seconds that a server of databases is waited for at the start; from one try to the next."""
_OF_MODEL = (
    ("policy", "--policy"),
    ("thresholds", "--threshold"),
    ("min_familiarity", "--min-familiarity"),
    ("fallback", "--fallback"),
    ("fps", "--fps"),
    ("quiet", "--quiet"),
    ("follow", "--follow"),
    ("every", "--every"),
    ("output", "--output"),
    ("store", "--store"),
)
"""Options for a model and a source; of a site they stand in its file."""


@dataclass(frozen=True, slots=True)
class WatchOptions:
    """What ``decisight watch`` was asked for; see its help."""

    what: str
    source: str | None = None
    cameras: Sequence[str] = ()
    policy: str | None = None
    thresholds: Sequence[str] = ()
    fallback: str | None = None
    min_familiarity: float | None = None
    fps: float | None = None
    regions: RegionRequest = field(default_factory=RegionRequest)
    quiet: Sequence[str] = ()
    follow: bool = False
    every: str | None = None
    output: Path | None = None
    store: str | None = None
    again: bool = False
    threads: int | None = None
    runtime: str | None = None
    health: Path | None = None
    listen: str | None = None


def run(options: WatchOptions) -> int:
    """Watch.

    Returns:
        The exit status: 0, or 1 where a camera could not be watched to its end.

    Raises:
        DecisightError: nothing can be watched or kept as asked.
    """
    if options.what.lower().endswith(SUFFIXES):
        return _watch_site(options)
    from decisight.cli.named_source import is_live, shown

    if is_live(options.what):
        raise UsageError(
            f"{printable(shown(options.what))} is a camera, and the model comes first",
            hint="decisight watch MODEL rtsp://camera/stream",
        )
    if not options.source or not options.source.strip():
        raise UsageError(
            f"{printable(options.what)} is no site file, and no source is named behind it",
            hint="decisight watch SITE.yaml; or decisight watch MODEL clip.mp4",
        )
    from decisight.cli.watch_one import watch_one

    return watch_one(options, options.source)


def _watch_site(options: WatchOptions) -> int:
    from decisight.cli.watch_cameras import open_cameras, watch_cameras
    from decisight.cli.watch_health import health_outlets
    from decisight.cli.watch_removed import closed_events
    from decisight.config import read_site

    _refuse_what_is_of_a_model(options)
    site = read_site(Path(options.what))
    outlets = health_outlets(options)
    cameras = open_cameras(options, site)
    with _opened_store(site) as store:
        # Who watches some of the cameras only has not said that the others are gone.
        before = [] if options.cameras else closed_events(store, site.watched())
        return watch_cameras(
            site,
            store,
            cameras,
            site.sinks(),
            before=before,
            again=options.again,
            threads=options.threads,
            outlets=outlets,
        )


def _opened_store(site: Site) -> Store:
    """The store of a site; at the start of a machine its database may come later than this.

    Raises:
        DecisightError: it cannot be opened, or its server is still away after a minute.
    """
    from decisight.assemble import open_site_store

    until, told = time.monotonic() + _PATIENCE, False
    while True:
        try:
            return open_site_store(site)
        except StoreError as error:
            if not error.away or time.monotonic() > until:
                raise
            if not told:
                warn(error.message, f"it is waited for, {_PATIENCE:g} s at most; Ctrl-C ends it")
            told = True
        time.sleep(_PAUSE)


def _refuse_what_is_of_a_model(options: WatchOptions) -> None:
    if options.source is not None:
        raise UsageError("a site file says its sources itself", hint="leave the source out, or name a model")
    of_model = {name: getattr(options, key) for key, name in _OF_MODEL}
    # A least familiarity of 0 has been given, though it equals False.
    idle = [name for name, value in of_model.items() if value not in (None, ()) and value is not False]
    regions = options.regions
    given = {"--region": regions.texts, "--reference": regions.reference, "--crop-only": regions.crop_only}
    idle += [name for name, value in given.items() if value]
    if idle:
        raise UsageError(
            f"{idle[0]} is for a model and a source; a site file says it itself",
            hint=f"write it into {printable(options.what)}",
        )

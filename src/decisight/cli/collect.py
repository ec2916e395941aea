"""``decisight collect``: pictures to learn from, cut as the watcher cuts them."""

from __future__ import annotations

import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from decisight.cli.collect_display import CollectDisplay, summary
from decisight.cli.console import say, terminal, warn
from decisight.cli.named_source import named_source, shown
from decisight.cli.regions import RegionRequest
from decisight.cli.signals import end_in_order, hearing
from decisight.errors import DecisightError, SiteError, UsageError
from decisight.files import printable
from decisight.yaml_file import SUFFIXES

if TYPE_CHECKING:
    from decisight.collecting import Collector, CollectRun, View
    from decisight.config import Site
    from decisight.models.classifier import Classifier

__all__ = ["CollectOptions", "run"]

_EVERY = 1.0
"""Seconds from one picture to the next, where nobody says."""
_LOOKS = 4.0
"""Where one picture in so many seconds is wanted, so many are looked at: the first may be one that cannot be judged."""


@dataclass(frozen=True, slots=True)
class CollectOptions:
    """What ``decisight collect`` was asked for; see its help."""

    what: str
    cameras: Sequence[str] = ()
    regions: RegionRequest = field(default_factory=RegionRequest)
    every: str | None = None
    on_motion: bool = False
    uncertain: bool = False
    margin: float | None = None
    everything: bool = False
    groups: Sequence[str] | None = None
    conceal: Literal["faces", "all"] | None = None
    gap: str | None = None
    output: Path = Path("collected")
    png: bool = False
    limit: int | None = None
    seconds: str | None = None
    runtime: str | None = None


def run(options: CollectOptions) -> int:
    """Collect pictures until there are no more, enough, or Ctrl-C.

    Returns:
        The exit status: 0, or 1 where a camera could not be gone through to its end, or never gave a picture.

    Raises:
        DecisightError: nothing can be collected, or stored, as asked.
    """
    from decisight.collecting import Choice, Collector, CollectRun, PictureFolder, collect
    from decisight.collecting.planning import check_models, check_regions, groups_of, views_of
    from decisight.spans import parse_seconds

    seconds = None if options.seconds is None else parse_seconds(options.seconds, "--for")
    of_site = options.what.lower().endswith(SUFFIXES)
    site, wanted = _site_of(options) if of_site else _made_up(options)
    choice = Choice(**_choice(options))
    models = _models(site, options)
    cameras = _cameras(site, options)
    views = {camera: views_of(site, camera, wanted, models) for camera in cameras}
    if wanted is not None:
        check_regions(site, cameras, wanted)
        views = {camera: found for camera, found in views.items() if found}
    if choice.uncertain:
        check_models(site, views)
    if choice.conceal == "faces":
        _check_faces()
    sources = {camera: _opened(site, camera, named=of_site) for camera in views}
    groups = options.groups if options.groups is not None else groups_of(views)
    folder = PictureFolder(options.output, groups, "png" if options.png else "jpg")
    if folder.mended:
        warn(f"{printable(folder.table)} ended in half a row, as a power cut leaves it: that row was taken away")
    stop = threading.Event()
    room = _Room(options.limit, stop)
    runs = []
    for camera, found in views.items():
        own = choice
        if options.every is None and site.section.cameras[camera].source.get("type") == "folder":
            own = Choice(**{**_choice(options), "every": 0.0})  # each of its pictures is meant
        collector = Collector(camera, found, own, folder, room)
        runs.append(CollectRun(sources[camera], collector, _fps(site.fps(camera), own.every)))
    names = ", ".join(f"{printable(camera)} ({_named(found)})" for camera, found in views.items())
    say(f"Collecting from {names} into {printable(options.output)}. Ctrl-C ends it.")
    sys.stdout.flush()
    display = CollectDisplay(runs, terminal(sys.stdout))
    try:
        with hearing(partial(end_in_order, stop), "SIGINT", "SIGTERM", "SIGHUP"), display:
            collect(runs, display, stop, seconds=seconds)
    finally:
        say("\n".join(summary(runs, folder)))
    return _status(runs, full=room.full)


# --- what is collected -----------------------------------------------------------------------------------------------


def _choice(options: CollectOptions) -> dict[str, Any]:
    from decisight.collecting import MARGIN
    from decisight.collecting.stretches import GAP
    from decisight.spans import parse_seconds

    if options.margin is not None and not options.uncertain:
        raise UsageError("--margin does nothing without --uncertain", hint="add --uncertain, or leave it out")
    return {
        "every": _EVERY if options.every is None else parse_seconds(options.every, "--every"),
        "on_motion": options.on_motion,
        "uncertain": options.uncertain,
        "margin": MARGIN if options.margin is None else options.margin,
        "everything": options.everything,
        "conceal": options.conceal,
        "gap": GAP if options.gap is None else parse_seconds(options.gap, "--gap"),
    }


def _site_of(options: CollectOptions) -> tuple[Site, list[str] | None]:
    """A site file, and the names of the regions that are wanted; ``None``: all."""
    from decisight.config import read_site

    drawn = [text for text in options.regions.texts if "=" in text]
    if drawn or options.regions.reference is not None or options.regions.crop_only:
        given = f"--region {drawn[0]!r}" if drawn else "--reference" if options.regions.reference else "--crop-only"
        raise UsageError(
            f"{given} is for a source; a site file says its regions itself",
            hint="name a region of it, as --region gate; draw one with: decisight region SITE CAMERA",
        )
    return read_site(Path(options.what)), list(options.regions.texts) or None


def _made_up(options: CollectOptions) -> tuple[Site, None]:
    """What a site file would say of one source."""
    from decisight.config import parse_site

    if options.cameras:
        raise UsageError("--camera is for a site file", hint="leave it out: there is one source")
    if options.uncertain:
        raise UsageError("--uncertain needs a model, and so a site file", hint="write one, or leave it out")
    for text in options.regions.texts:
        if "=" not in text:
            raise UsageError(
                f"--region {text!r} is the name of a region, and {printable(shown(options.what))} is no site file",
                hint=f'say where it is: --region {text}="0.1,0.2 0.5,0.2 0.5,0.9"; or give a site file (.yaml)',
            )
    named = named_source(options.what, options.every)
    regions = {
        region.name: {"polygon": [list(corner) for corner in region.polygon], "mask": region.masked}
        for region in options.regions.regions()
    }
    camera = {"source": dict(named.section), "regions": regions} | ({} if named.fps is None else {"fps": named.fps})
    return parse_site({"site": "collect", "cameras": {named.name: camera}}), None


def _cameras(site: Site, options: CollectOptions) -> list[str]:
    known = site.section.cameras
    for camera in options.cameras:
        if camera not in known:
            raise SiteError(f"there is no camera {camera!r} in the site file", hint=f"there is: {', '.join(known)}")
    return list(dict.fromkeys(options.cameras)) or list(known)


def _models(site: Site, options: CollectOptions) -> dict[str, Classifier]:
    """The models that can be loaded: one that is yet to be trained is named in the site file already, perhaps.

    Raises:
        SiteError: one cannot be loaded, and they are needed.
    """
    from decisight.assemble import load_model

    found = {}
    for name in site.section.models:
        try:
            found[name] = load_model(site, name, threads=1, runtime=options.runtime)
        except DecisightError as error:
            if options.uncertain:
                raise
            warn(f"{error.message}; pictures are collected without it")
    return found


def _check_faces() -> None:
    import numpy as np

    from decisight.imaging.faces import find_faces

    find_faces(np.zeros((8, 8, 3), np.uint8))


def _opened(site: Site, camera: str, *, named: bool) -> Any:
    source = site.source(camera)
    try:
        facts = source.facts()
    except DecisightError as error:
        raise site.blamed(error, "cameras", camera, "source") if named else error from error
    for note in facts.notes:
        warn(f"{camera}: {note}")
    return source


def _fps(own: float | None, every: float) -> float | None:
    """Pictures a second that are looked at."""
    wanted = _LOOKS / every if every else None
    return own if wanted is None else wanted if own is None else min(own, wanted)


def _named(views: Sequence[View]) -> str:
    return ", ".join("all of the picture" if view.name is None else printable(view.name) for view in views)


@dataclass(slots=True)
class _Room:
    """Whether more may be stored; asked by several threads."""

    limit: int | None
    stop: threading.Event
    _taken: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def full(self) -> bool:
        """Whether as many are stored as were wanted."""
        return self.limit is not None and self._taken >= self.limit

    def __call__(self) -> bool:
        if self.limit is None:
            return True
        with self._lock:
            self._taken += 1
            if self._taken >= self.limit:
                self.stop.set()
            return self._taken <= self.limit


def _status(runs: Sequence[CollectRun], *, full: bool) -> int:
    failed = [run for run in runs if run.error is not None]
    for run in failed:
        if not isinstance(run.error, DecisightError) and run.error is not None:
            raise run.error  # a mistake of ours, for the way out to explain
    if failed:
        hints = [run.error.hint for run in failed if isinstance(run.error, DecisightError) and run.error.hint]
        names = ", ".join(printable(run.collector.camera) for run in failed)
        warn(f"not gone through to the end: {names}", hints[0] if hints else None)
    # Where there are enough pictures of others, nobody has waited for one.
    silent = [run for run in runs if run.error is None and not run.collector.pictures and not full]
    if silent:
        names = ", ".join(_silent(run.collector) for run in silent)
        warn(f"no picture came from {names}", "take one, to see what is the matter: decisight frame SITE|SOURCE")
    return 1 if failed or silent else 0


def _silent(collector: Collector) -> str:
    cause = f" ({printable(collector.away)})" if collector.away else ""
    return f"{printable(collector.camera)}{cause}"

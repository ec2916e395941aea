"""``decisight collect``: pictures to learn from, cut as the watcher cuts them."""

from __future__ import annotations

import os
import re
import sys
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

from decisight.cli.console import complain, say, terminal, warn
from decisight.cli.regions import RegionRequest
from decisight.cli.signals import Before, hearing
from decisight.errors import DecisightError, SiteError, UsageError
from decisight.files import printable
from decisight.yaml_file import SUFFIXES

if TYPE_CHECKING:
    from rich.console import Console

    from decisight.collecting import CollectRun, PictureFolder, View
    from decisight.config import Site
    from decisight.models.classifier import Classifier

__all__ = ["CollectOptions", "run"]

_EVERY = 1.0
"""Seconds from one picture to the next, where nobody says."""
_LOOKS = 4.0
"""Where one picture in so many seconds is wanted, so many are looked at: the first may be one that cannot be judged."""
_BACKBONE = "efficientnet_lite0"
"""Whose colour lies outside a polygon, where no model is known."""
_NO_NAME = re.compile(r"[/\\:=|\s]+")
_MOST_CAUSES = 6


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
        The exit status: 0, or 1 where a camera could not be gone through to its end.

    Raises:
        DecisightError: nothing can be collected, or stored, as asked.
    """
    from decisight.collecting import Choice, Collector, CollectRun, PictureFolder, collect
    from decisight.spans import parse_seconds

    seconds = None if options.seconds is None else parse_seconds(options.seconds, "--for")
    of_site = options.what.lower().endswith(SUFFIXES)
    site, wanted = _site_of(options) if of_site else _made_up(options)
    choice = Choice(**_choice(options))
    models = _models(site, options)
    cameras = _cameras(site, options)
    views = {camera: _views(site, camera, wanted, models) for camera in cameras}
    if wanted is not None:
        _check_regions(site, cameras, wanted)
        views = {camera: found for camera, found in views.items() if found}
    if choice.uncertain:
        _check_models(site, views)
    if choice.conceal == "faces":
        _check_faces()
    sources = {camera: _opened(site, camera, named=of_site) for camera in views}
    groups = options.groups if options.groups is not None else _groups(views)
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
    display = _Display(runs, terminal(sys.stdout))
    try:
        with hearing(partial(_end, stop), "SIGINT", "SIGTERM", "SIGHUP"), display:
            collect(runs, display, stop, seconds=seconds)
    finally:
        say("\n".join(_summary(runs, folder)))
    return _status(runs)


def _end(stop: threading.Event, received: int, frame: FrameType | None, before: Before) -> None:
    """Let a signal end it in order; a second one ends it at once."""
    if not stop.is_set():
        stop.set()
        return
    if callable(before):
        before(received, frame)
    raise KeyboardInterrupt


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
                f"--region {text!r} is the name of a region, and {printable(_shown(options.what))} is no site file",
                hint=f'say where it is: --region {text}="0.1,0.2 0.5,0.2 0.5,0.9"; or give a site file (.yaml)',
            )
    name, source = _source(options.what)
    regions = {
        region.name: {"polygon": [list(corner) for corner in region.polygon], "mask": region.masked}
        for region in options.regions.regions()
    }
    return parse_site({"site": "collect", "cameras": {name: {"source": source, "regions": regions}}}), None


def _source(text: str) -> tuple[str, dict[str, Any]]:
    """A name for a source, and its section."""
    if "://" in text:
        host = urlsplit(text).hostname or "camera"
        return _NO_NAME.sub("-", printable(host)), {"type": "camera", "url": text}
    if text.isdecimal() or text.startswith("/dev/video"):
        return f"camera-{text.removeprefix('/dev/video')}", {"type": "camera", "url": text}
    path = Path(text)
    name = _NO_NAME.sub("-", printable(path.resolve().stem)).strip("-")[:60] or "camera"
    if path.is_dir():
        return name, {"type": "folder", "path": text, "follow": False}
    return name, {"type": "video", "path": text}


def _shown(text: str) -> str:
    """A source as it may be shown: without a password."""
    return f"{urlsplit(text).scheme}://{urlsplit(text).hostname or ''}..." if "://" in text else text


def _cameras(site: Site, options: CollectOptions) -> list[str]:
    known = site.section.cameras
    for camera in options.cameras:
        if camera not in known:
            raise SiteError(f"there is no camera {camera!r} in the site file", hint=f"there is: {', '.join(known)}")
    return list(dict.fromkeys(options.cameras)) or list(known)


def _check_regions(site: Site, cameras: Sequence[str], wanted: Sequence[str]) -> None:
    known = {name: camera for camera in cameras for name in site.section.cameras[camera].regions}
    for name in wanted:
        if name not in known:
            there = f"there is: {', '.join(known)}" if known else "there is none; leave it out for all of the picture"
            raise SiteError(f"there is no region {name!r} in the site file", hint=there)


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


def _views(site: Site, camera: str, wanted: Sequence[str] | None, models: dict[str, Classifier]) -> list[View]:
    from decisight.collecting import View
    from decisight.config import model_of
    from decisight.models.backbones import backbones

    regions, gates = site.regions(camera), site.gates(camera)
    section = site.section.cameras[camera]
    of_region: dict[str | None, Classifier] = {}
    for at, watch in enumerate(section.watch):
        model = models.get(model_of(site, camera, at))
        if model is not None:
            of_region.setdefault(watch.region, model)
    names: list[str | None] = [name for name in regions if wanted is None or name in wanted]
    if wanted is None and (not names or None in {watch.region for watch in section.watch}):
        names.append(None)
    default = backbones.build(_BACKBONE).input.fill
    found = []
    for name in names:
        model = of_region.get(name)
        fill = default if model is None else model.card.preprocessing.fill
        found.append(View(None if name is None else regions[name], fill, gates, model))
    return found


def _check_models(site: Site, views: dict[str, list[View]]) -> None:
    for camera, found in views.items():
        for view in found:
            if view.model is None:
                where = "all of the picture" if view.name is None else f"the region {view.name!r}"
                raise SiteError(
                    f"{site.where('cameras', camera)}: no model looks at {where}, so that none can be unsure of it",
                    hint="name one under watch; or leave out --uncertain, or name another --region",
                )


def _check_faces() -> None:
    import numpy as np

    from decisight.imaging.faces import find_faces

    find_faces(np.zeros((8, 8, 3), np.uint8))


def _groups(views: dict[str, list[View]]) -> list[str]:
    """The label groups of the models that look at what is collected."""
    models = [view.model for found in views.values() for view in found if view.model is not None]
    return list(dict.fromkeys(group.name for model in models for group in model.task.groups))


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

    def __call__(self) -> bool:
        if self.limit is None:
            return True
        with self._lock:
            self._taken += 1
            if self._taken >= self.limit:
                self.stop.set()
            return self._taken <= self.limit


# --- what is said of it ----------------------------------------------------------------------------------------------


class _Display:
    """A line of now on a terminal, and warnings above it."""

    def __init__(self, runs: Sequence[CollectRun], screen: Console | None) -> None:
        self._runs = runs
        self._screen = screen
        self._status: Any = None

    def __enter__(self) -> _Display:
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


def _summary(runs: Sequence[CollectRun], folder: PictureFolder) -> Iterator[str]:
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
    yield f"{folder.stored} picture{'' if folder.stored == 1 else 's'} stored in {printable(folder.path)}{there}."
    if folder.stored + folder.before:
        yield f"Label them: decisight label {_quoted(folder.path)}"


def _passed(causes: dict[str, int]) -> str:
    if not causes:
        return ""
    ordered = sorted(causes.items(), key=lambda item: -item[1])
    told = [f"{count} {printable(cause)}" for cause, count in ordered[:_MOST_CAUSES]]
    rest = sum(count for _, count in ordered[_MOST_CAUSES:])
    return f"; passed over: {', '.join([*told, f'{rest} for other causes'] if rest else told)}"


def _quoted(path: Path) -> str:
    import shlex

    return shlex.quote(printable(os.fspath(path)))


def _status(runs: Sequence[CollectRun]) -> int:
    failed = [run for run in runs if run.error is not None]
    for run in failed:
        if not isinstance(run.error, DecisightError) and run.error is not None:
            raise run.error  # a mistake of ours, for the way out to explain
    if failed:
        hints = [run.error.hint for run in failed if isinstance(run.error, DecisightError) and run.error.hint]
        names = ", ".join(printable(run.collector.camera) for run in failed)
        warn(f"not gone through to the end: {names}", hints[0] if hints else None)
    return 1 if failed else 0

"""``decisight watch``: cameras at work, in a terminal or as a service."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, ClassVar

from decisight.cli import output
from decisight.cli.console import terminal, warn
from decisight.cli.regions import RegionRequest, warn_of_whole_pictures
from decisight.errors import DecisightError, OutputError, UsageError
from decisight.files import printable
from decisight.policies.threshold import parse_thresholds
from decisight.yaml_file import SUFFIXES

if TYPE_CHECKING:
    from decisight.assemble import CameraSetup
    from decisight.config import Site
    from decisight.models.classifier import Classifier
    from decisight.protocols import Sink, SourceFacts
    from decisight.store import Store
    from decisight.workers import CameraRun

__all__ = ["WatchOptions", "run"]

_EVENTS_SUFFIX = ".events.jsonl"
_NO_NAME = re.compile(r"[/\\:=|\s]+")
_SINK = "events"
_TIME = ", time "
_OF_MODEL = (
    ("policy", "--policy"),
    ("thresholds", "--threshold"),
    ("fallback", "--fallback"),
    ("fps", "--fps"),
    ("quiet", "--quiet"),
    ("follow", "--follow"),
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
    fps: float | None = None
    regions: RegionRequest = field(default_factory=RegionRequest)
    quiet: Sequence[str] = ()
    follow: bool = False
    output: Path | None = None
    store: str | None = None
    again: bool = False
    threads: int | None = None
    runtime: str | None = None


def run(options: WatchOptions) -> int:
    """Watch.

    Returns:
        The exit status: 0, or 1 where a camera could not be watched to its end.

    Raises:
        DecisightError: nothing can be watched or kept as asked.
    """
    if options.what.lower().endswith(SUFFIXES):
        return _watch_site(options)
    if options.source is None:
        raise UsageError(
            f"{printable(options.what)} is no site file, and no source is named behind it",
            hint="decisight watch SITE.yaml; or decisight watch MODEL clip.mp4",
        )
    return _watch_one(options, options.source)


def _watch_site(options: WatchOptions) -> int:
    from decisight.assemble import open_site_store
    from decisight.config import read_site

    if options.source is not None:
        raise UsageError("a site file says its sources itself", hint="leave the source out, or name a model")
    idle = [name for key, name in _OF_MODEL if getattr(options, key) not in (None, (), False)]
    if options.regions.texts:
        idle.append("--region")
    if idle:
        raise UsageError(
            f"{idle[0]} is for a model and a source; a site file says it itself",
            hint=f"write it into {printable(options.what)}",
        )
    site = read_site(Path(options.what))
    with open_site_store(site) as store:
        return _watch(options, site, store, site.sinks(), heads=site.section.chain.heads)


def _watch_one(options: WatchOptions, source: str) -> int:
    """One model, one source: the rest of a site file is made up."""
    from decisight.assemble import open_site_store
    from decisight.config import parse_site
    from decisight.sinks import SINKS

    name = _name(Path(source).stem or Path(source).name or "camera")
    to_stdout = options.output == Path("-")
    place = options.output or Path(f"{name}{_EVENTS_SUFFIX}")
    with tempfile.TemporaryDirectory(prefix="decisight-") as folder:
        url = options.store or f"sqlite:///{folder}/watch.db"
        site = parse_site(_made_up(options, source, name, url))
        if to_stdout:
            sinks: dict[str, Sink] = {_SINK: _Lines()}
        else:
            output.check_file(place, example="events.jsonl")
            if options.store is None:
                _begin_anew(place)
            sinks = {_SINK: SINKS.build("jsonl", {"path": str(place)})}
        with open_site_store(site) as store:
            status = _watch(options, site, store, sinks, quietly=to_stdout, origin=True)
        if not to_stdout:
            sys.stderr.flush()
            print_place = printable(place)
            sys.stdout.write(f"Events are in {print_place}.\n")
            if options.store is not None:
                sys.stdout.write(f"Everything is kept in {printable(options.store)}.\n")
    return status


def _made_up(options: WatchOptions, source: str, name: str, url: str) -> dict[str, Any]:
    """What a site file would say."""
    regions = options.regions.regions()
    policy: dict[str, Any] | None = None
    if options.policy is not None or options.thresholds or options.fallback is not None:
        from decisight.config import DEFAULT_POLICY

        policy = dict(DEFAULT_POLICY) if options.policy is None else _policy(options.policy)
        if options.thresholds:
            policy["thresholds"] = parse_thresholds(list(options.thresholds))
        if options.fallback is not None:
            policy["fallback"] = options.fallback
    is_folder = os.path.isdir(source)
    section: dict[str, Any] = {"type": "video", "path": source}
    if options.store is None:
        # Nothing is kept, so that nobody will ask what day it was: times are places in the recording.
        section["start"] = "1970-01-01T00:00:00Z"
    if is_folder:
        section = {"type": "folder", "path": source, "follow": options.follow}
        if options.fps is not None:
            section["fps"] = options.fps
    elif options.follow:
        raise UsageError("--follow is for a folder of pictures", hint="leave it out")
    watch = {"model": "model", "policy": policy, "quiet": list(options.quiet)}
    camera: dict[str, Any] = {
        "source": section,
        "regions": {
            region.name: {"polygon": [list(corner) for corner in region.polygon], "mask": region.masked}
            for region in regions
        },
        "watch": [{**watch, "region": region.name} for region in regions] or [watch],
    }
    if options.fps is not None:
        camera["fps"] = options.fps
    if is_folder:
        # Each picture of a folder is meant to be looked at, however close together they were taken.
        camera["fps"] = None
    return {
        "site": "watch",
        "store": url,
        "models": {"model": {"path": options.what}},
        "cameras": {name: camera},
        "evidence": {"keep": []},
    }


def _policy(text: str) -> dict[str, Any]:
    if not text.lower().endswith(SUFFIXES):
        return {"type": text}
    from decisight.yaml_file import Kind, read_yaml

    content = read_yaml(Path(text), Kind("policy", "policies", "for example: {type: majority_vote, window: 5}"))
    if "type" not in content:
        raise UsageError(
            f"{printable(text)}: a policy for each label group is not taken here",
            hint="write a site file, with an entry of watch for each group",
        )
    return dict(content)


def _watch(
    options: WatchOptions,
    site: Site,
    store: Store,
    sinks: dict[str, Sink],
    *,
    heads: str | None = None,
    quietly: bool = False,
    origin: bool = False,
) -> int:
    from decisight.assemble import camera_threads, load_models, retention, setups
    from decisight.cli.watch_display import Display
    from decisight.store import Codec
    from decisight.workers import Recorder, watch

    models = load_models(site, threads=options.threads, runtime=options.runtime)
    cameras = setups(site, models, options.cameras)
    _warn(cameras)
    threads = camera_threads(len(cameras))
    made = [_camera(setup, site, store, threads, again=options.again) for setup in cameras]
    runs = [camera for camera, _ in made]
    origins = {camera.name: facts.origin for camera, facts in made} if origin else {}
    display = Display(
        runs,
        site.section.timezone,
        origins,
        screen=None if quietly else terminal(sys.stdout),
        silent=quietly,
    )
    stop = threading.Event()
    codecs = {view.id: Codec.of(view.key) for setup in cameras for view in store.views(setup.camera)}
    recorder = Recorder(store, codecs, sinks, display)
    limits = retention(site)

    def care() -> None:
        store.retain(limits, time.time())
        if heads is not None:
            from decisight.store import append_heads

            append_heads(site.folder / heads, store.heads())

    with _stopped_by_signals(stop), display:
        try:
            watch(runs, recorder, display, stop, care=care)
        finally:
            for sink in sinks.values():
                sink.close()
    if heads is not None:
        care()
    display.conclude(stopped=stop.is_set() and any(not camera.pipeline.finished for camera in runs))
    if left := recorder.undelivered():
        warn(f"{left} changes of events could not be reported yet", "they are kept, and reported at the next start")
    return _status(runs)


def _camera(
    setup: CameraSetup, site: Site, store: Store, threads: int, *, again: bool
) -> tuple[CameraRun, SourceFacts]:
    """A camera where it has stopped the last time, or at its beginning."""
    from decisight.pipeline import Step
    from decisight.workers import CameraRun

    source = site.source(setup.camera)
    try:
        facts = source.facts()
    except DecisightError as error:
        raise site.blamed(error, "cameras", setup.camera, "source") if site.path is not None else error from error
    checkpoint = store.checkpoint(setup.camera)
    identity = _identity(facts.identity, checkpoint, again=again)
    numbers = [store.view_id(key) for key in setup.view_keys(identity)]
    pipeline = setup.pipeline(numbers, store.store_id, threads=threads, identity=identity)
    begin = Step() if checkpoint is None else pipeline.resume(checkpoint)
    for note in facts.notes:
        warn(f"{setup.camera}: {note}")
    return CameraRun(setup.camera, source, pipeline, setup.fps, setup.evidence, begin), facts


def _identity(source: str, checkpoint: Mapping[str, Any] | None, *, again: bool) -> str:
    """What tells one time that a source is watched from another: nothing that was counted then holds for this one."""
    before = "" if checkpoint is None else str(checkpoint["identity"])
    known, _, times = before.partition(_TIME)
    if checkpoint is None or known != source:
        return source
    return f"{source}{_TIME}{int(times or 1) + 1}" if again and checkpoint["finished"] else before


def _warn(cameras: Sequence[CameraSetup]) -> None:
    """Say what is likely not meant."""
    for setup in cameras:
        for view in setup.views:
            if view.region is None:
                warn_of_whole_pictures(view.model.card.data)
            _warn_of_fallbacks(view.model, view.policies)


def _warn_of_fallbacks(model: Classifier, policies: Any) -> None:
    for group, policy in policies.items():
        if policy.fallback in model.task.group(group).labels:
            warn(
                f"the fall-back {policy.fallback!r} is also a label of {group!r}: from a state nobody can tell which "
                "of the two it is",
                "choose another fall-back",
            )


def _status(runs: Sequence[CameraRun]) -> int:
    """The exit status; what went wrong is said."""
    failed = [camera for camera in runs if camera.status.error is not None]
    for camera in failed:
        error = camera.status.error
        if isinstance(error, DecisightError):
            warn(f"camera {camera.name} stopped: {error.message}", error.hint)
        else:
            raise error  # type: ignore[misc]  # a mistake of ours, for the way out to explain
    return 1 if failed else 0


def _name(text: str) -> str:
    return _NO_NAME.sub("-", printable(text)).strip("-")[:60] or "camera"


def _begin_anew(path: Path) -> None:
    """Empty a file of events, if it is one: nothing else is overwritten.

    Raises:
        OutputError: it holds something else, or cannot be written.
    """
    from decisight.files import is_special, unwritable

    try:
        if is_special(path) or not path.exists():
            return
        with path.open("rb") as stream:
            first = stream.readline(1 << 16)
        if first and not _is_event(first):
            raise OutputError(
                f"{printable(path)} is there already, and holds no events: it would be lost",
                hint="name another file with --output",
            )
        path.write_bytes(b"")
    except OSError as error:
        raise unwritable(path, error) from error


def _is_event(line: bytes) -> bool:
    try:
        values = json.loads(line)
    except ValueError:
        return False
    return isinstance(values, dict) and "event_id" in values


class _Lines:
    """Events on standard output, as JSON Lines."""

    name: ClassVar[str] = "stdout"

    def write(self, change: Any) -> None:
        sys.stdout.write(json.dumps(change.to_json(), ensure_ascii=False) + "\n")
        sys.stdout.flush()

    def close(self) -> None:
        """Nothing was opened."""


@contextlib.contextmanager
def _stopped_by_signals(stop: threading.Event) -> Iterator[None]:
    """Let Ctrl-C and SIGTERM end the watch in order; a second one ends it at once.

    Only the main thread can hear them, Windows has no SIGHUP, and who was told to outlive it does.
    """
    before: dict[int, Any] = {}

    def end(received: int, frame: FrameType | None) -> None:
        if not stop.is_set():
            stop.set()
            return
        handler: Callable[[int, FrameType | None], Any] | int | None = before.get(received)
        if callable(handler):
            handler(received, frame)
        raise KeyboardInterrupt

    try:
        for name in ("SIGINT", "SIGTERM", "SIGHUP"):
            number = getattr(signal, name, None)
            if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
                before[number] = signal.signal(number, end)
    except ValueError:  # not the main thread
        yield
        return
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

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
from typing import TYPE_CHECKING, Any, ClassVar, TextIO

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
    from decisight.protocols import FrameSource, Sink, SourceFacts
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
    regions = options.regions
    given = {"--region": regions.texts, "--reference": regions.reference, "--crop-only": regions.crop_only}
    idle += [name for name, value in given.items() if value]
    if idle:
        raise UsageError(
            f"{idle[0]} is for a model and a source; a site file says it itself",
            hint=f"write it into {printable(options.what)}",
        )
    site = read_site(Path(options.what))
    cameras = _opened(options, site)
    with open_site_store(site) as store:
        return _watch(options, site, store, cameras, site.sinks(), heads=site.section.chain.heads)


def _watch_one(options: WatchOptions, source: str) -> int:
    """One model, one source: the rest of a site file is made up."""
    from decisight.assemble import open_site_store
    from decisight.config import parse_site
    from decisight.sinks import SINKS

    if options.cameras:
        raise UsageError("--camera is for a site file", hint="leave it out: there is one source")
    name = _name(Path(source).stem or Path(source).name or "camera")
    to_stdout = options.output == Path("-")
    place = options.output or Path(f"{name}{_EVENTS_SUFFIX}")
    with tempfile.TemporaryDirectory(prefix="decisight-") as folder:
        url = options.store or f"sqlite:///{folder}/watch.db"
        site = parse_site(_made_up(options, source, name, url))
        if not to_stdout:
            output.check_file(place, example="events.jsonl")
            _check_events(place)
        # Whatever is wrong shows before anything is made or emptied.
        cameras = _opened(options, site)
        with open_site_store(site) as store, contextlib.ExitStack() as stack:
            if to_stdout:
                sinks: dict[str, Sink] = {_SINK: _Lines(stack.enter_context(output.standard_output(utf8=True)))}
            else:
                _begin(place, anew=options.store is None)
                sinks = {_SINK: SINKS.build("jsonl", {"path": str(place)})}
            status = _watch(options, site, store, cameras, sinks, quietly=to_stdout, origin=True)
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
        # Who asks for it to be kept has named no day on which it may go, and the recording may be old.
        "retention": {"readings": {}, "evidence": {}},
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
    cameras: Sequence[_Opened],
    sinks: dict[str, Sink],
    *,
    heads: str | None = None,
    quietly: bool = False,
    origin: bool = False,
) -> int:
    from decisight.assemble import camera_threads, retention
    from decisight.cli.watch_display import Display
    from decisight.store import Codec
    from decisight.workers import Recorder, watch

    threads = camera_threads(len(cameras))
    runs = [_camera(camera, store, threads, again=options.again) for camera in cameras]
    origins = {camera.setup.camera: camera.facts.origin for camera in cameras} if origin else {}
    display = Display(
        runs,
        site.section.timezone,
        origins,
        screen=None if quietly else terminal(sys.stdout),
        silent=quietly,
    )
    stop = threading.Event()
    codecs = {view.id: Codec.of(view.key) for camera in runs for view in store.views(camera.name)}
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


@dataclass(frozen=True, slots=True)
class _Opened:
    """A camera whose models are loaded, and whose source could be opened."""

    setup: CameraSetup
    source: FrameSource
    facts: SourceFacts


def _opened(options: WatchOptions, site: Site) -> list[_Opened]:
    """The cameras that are to be watched. Nothing is written.

    Raises:
        DecisightError: a model cannot be loaded, a source cannot be opened, or one does not fit the other.
    """
    from decisight.assemble import load_models, setups

    models = load_models(site, threads=options.threads, runtime=options.runtime)
    found = setups(site, models, options.cameras)
    _warn(found)
    cameras = []
    for setup in found:
        source = site.source(setup.camera)
        try:
            facts = source.facts()
        except DecisightError as error:
            raise site.blamed(error, "cameras", setup.camera, "source") if site.path is not None else error from error
        for note in facts.notes:
            warn(f"{setup.camera}: {note}")
        cameras.append(_Opened(setup, source, facts))
    return cameras


def _camera(camera: _Opened, store: Store, threads: int, *, again: bool) -> CameraRun:
    """A camera where it has stopped the last time, or at its beginning."""
    from decisight.pipeline import Step
    from decisight.workers import CameraRun

    setup = camera.setup
    checkpoint = store.checkpoint(setup.camera)
    identity = _identity(camera.facts.identity, checkpoint, again=again)
    numbers = [store.view_id(key) for key in setup.view_keys(identity)]
    pipeline = setup.pipeline(numbers, store.store_id, threads=threads, identity=identity)
    begin = Step() if checkpoint is None else pipeline.resume(checkpoint)
    return CameraRun(setup.camera, camera.source, pipeline, setup.fps, setup.evidence, begin)


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
    """The exit status; which cameras have failed is said, after what each has said of it by itself."""
    failed = {camera.name: camera.status.error for camera in runs if camera.status.error is not None}
    if not failed:
        return 0
    hints = [error.hint for error in failed.values() if isinstance(error, DecisightError) and error.hint]
    warn(f"not watched to the end: {', '.join(map(printable, failed))}", hints[0] if hints else None)
    for error in failed.values():
        if not isinstance(error, DecisightError):
            raise error  # a mistake of ours, for the way out to explain
    return 1


def _name(text: str) -> str:
    return _NO_NAME.sub("-", printable(text)).strip("-")[:60] or "camera"


def _check_events(path: Path) -> None:
    """See that a file can take events: nothing else is overwritten, or mixed with them.

    Raises:
        OutputError: it holds something else, is no file, or cannot be read.
    """
    from decisight.files import is_special, unwritable

    try:
        if is_special(path):
            raise OutputError(f"{printable(path)} is no file", hint="name a file, or - for standard output")
        if not path.exists():
            return
        with path.open("rb") as stream:
            first = stream.readline(1 << 16)
    except OSError as error:
        raise unwritable(path, error) from error
    if first and not _is_event(first):
        raise OutputError(
            f"{printable(path)} is there already, and holds no events: it would be lost",
            hint="name another file with --output",
        )


def _begin(path: Path, *, anew: bool) -> None:
    """Make a file of events where there is none: that nothing has happened is worth a file as well.

    Raises:
        OutputError: it cannot be written.
    """
    from decisight.files import unwritable

    try:
        with path.open("wb" if anew else "ab"):
            pass
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

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, change: Any) -> None:
        self._stream.write(json.dumps(change.to_json(), ensure_ascii=False) + "\n")
        self._stream.flush()

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

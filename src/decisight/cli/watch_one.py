"""``decisight watch MODEL SOURCE``: the rest of a site file is made up, and events go to a file or standard output.

The source is a recording, a folder, or a live camera by its address; what is in that of credentials is shown nowhere.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, TextIO

from decisight.cli import output
from decisight.cli.console import complain
from decisight.cli.named_source import camera_name
from decisight.errors import OutputError, UsageError
from decisight.files import printable
from decisight.types.secrecy import redacted
from decisight.yaml_file import SUFFIXES

if TYPE_CHECKING:
    from decisight.cli.named_source import NamedSource
    from decisight.cli.watch import WatchOptions
    from decisight.protocols import Sink
    from decisight.types import EventChange

__all__ = ["watch_one"]

_EVENTS_SUFFIX = ".events.jsonl"
_SINK = "events"


def watch_one(options: WatchOptions, source: str) -> int:
    """Watch one source with one model.

    Args:
        options: what was asked for.
        source: a video file, a folder of pictures, or the address of a live camera.

    Returns:
        The exit status: 0, or 1 where it could not be watched to its end.

    Raises:
        DecisightError: it cannot be watched or kept as asked; nothing was made or emptied then.
    """
    from decisight.assemble import open_site_store
    from decisight.cli.watch_cameras import open_cameras, watch_cameras
    from decisight.cli.watch_health import health_outlets
    from decisight.config import parse_site
    from decisight.sinks import SINKS

    _refuse_what_keeps_nothing(options.store)
    if options.cameras:
        raise UsageError("--camera is for a site file", hint="leave it out: there is one source")
    live = _live(options, source)
    name = camera_name((Path(source).stem or Path(source).name) if live is None else live.name)
    to_stdout = options.output == Path("-")
    place = options.output or Path(f"{name}{_EVENTS_SUFFIX}")
    with tempfile.TemporaryDirectory(prefix="decisight-") as folder:
        url = options.store or f"sqlite:///{folder}/watch.db"
        site = parse_site(_made_up(options, source, live, name, url))
        if not to_stdout:
            output.check_file(place, example="events.jsonl")
            _check_events(place)
        # Whatever is wrong shows before anything is made or emptied.
        outlets = health_outlets(options)
        cameras = open_cameras(options, site)
        with open_site_store(site) as store, contextlib.ExitStack() as stack:
            if to_stdout:
                sinks: dict[str, Sink] = {_SINK: _Lines(stack.enter_context(output.standard_output(utf8=True)))}
            else:
                # A recording can be watched again for what it has shown before; what a camera has, never.
                _begin(place, anew=options.store is None and live is None)
                sinks = {_SINK: SINKS.build("jsonl", {"path": str(place)})}
            status = watch_cameras(
                site,
                store,
                cameras,
                sinks,
                quietly=to_stdout,
                origin=True,
                again=options.again,
                threads=options.threads,
                outlets=outlets,
            )
    if not to_stdout:
        sys.stderr.flush()
        sys.stdout.write(f"Events are in {printable(place)}.\n")
        if options.store is not None:
            sys.stdout.write(f"Everything is kept in {printable(redacted(options.store))}.\n")
    return status


def _refuse_what_keeps_nothing(store: str | None) -> None:
    if store is not None and re.fullmatch(r"(sqlite(\+\w+)?:/*(:memory:.*)?)?", store.strip(), re.IGNORECASE):
        raise UsageError(
            f"--store {printable(store)!r} names no file: nothing would be kept",
            hint="write it as sqlite:///watch.db, or leave it out",
        )


def _live(options: WatchOptions, source: str) -> NamedSource | None:
    """The live camera that is meant; ``None``: a file or a folder is."""
    from decisight.cli.named_source import is_live, live_source

    if is_live(source):
        return live_source(source, options.every)
    if options.every is not None:
        raise UsageError("--every is for a still picture at an http address", hint="leave it out")
    return None


def _made_up(options: WatchOptions, source: str, live: NamedSource | None, name: str, url: str) -> dict[str, Any]:
    """What a site file would say."""
    regions = options.regions.regions()
    is_folder = live is None and os.path.isdir(source)
    model = camera_name(Path(options.what).stem, "model")
    watch = {"model": model, "policy": _policy(options, is_folder=is_folder), "quiet": list(options.quiet)}
    camera: dict[str, Any] = {
        "source": _source(options, source, is_folder=is_folder) if live is None else _live_section(options, live),
        "regions": {
            region.name: {"polygon": [list(corner) for corner in region.polygon], "mask": region.masked}
            for region in regions
        },
        "watch": [{**watch, "region": region.name} for region in regions] or [watch],
    }
    if options.fps is not None:
        camera["fps"] = options.fps
    elif live is not None and live.fps is not None:
        camera["fps"] = live.fps
    if is_folder:
        # Each picture of a folder is meant to be looked at, however close together they were taken.
        camera["fps"] = None
    return {
        "site": "watch",
        "store": url,
        "models": {model: {"path": options.what}},
        "cameras": {name: camera},
        "evidence": {"keep": []},
        "retention": {"readings": _kept(options, live), "evidence": {"default": None}},
    }


def _kept(options: WatchOptions, live: NamedSource | None) -> dict[str, Any]:
    """How long readings are kept.

    Who asks for them to be kept has named no day on which they may go, and a recording may be old. Else they lie in a
    folder that is gone at the end, and a live camera's have none.
    """
    return {} if live is None or options.store is not None else {"age": "1d"}


def _live_section(options: WatchOptions, live: NamedSource) -> dict[str, Any]:
    if options.follow:
        raise UsageError("--follow is for a folder of pictures", hint="leave it out")
    return dict(live.section)


def _source(options: WatchOptions, source: str, *, is_folder: bool) -> dict[str, Any]:
    if is_folder:
        folder: dict[str, Any] = {"type": "folder", "path": source, "follow": options.follow}
        return folder if options.fps is None else {**folder, "fps": options.fps}
    if options.follow:
        raise UsageError("--follow is for a folder of pictures", hint="leave it out")
    section = {"type": "video", "path": source}
    if options.store is None:
        # Nothing is kept, so that nobody will ask what day it was: times are places in the recording.
        section["start"] = "1970-01-01T00:00:00Z"
    return section


def _policy(options: WatchOptions, *, is_folder: bool) -> dict[str, Any] | None:
    """The rule that was asked for; ``None`` where it is the one that a site has anyway."""
    from decisight.config import DEFAULT_POLICY
    from decisight.policies.parsing import has_setting
    from decisight.policies.threshold import parse_thresholds

    policy = dict(DEFAULT_POLICY) if options.policy is None else _asked(options.policy)
    if options.thresholds:
        policy["thresholds"] = parse_thresholds(list(options.thresholds))
    if options.fallback is not None:
        policy["fallback"] = options.fallback
    if options.min_familiarity is not None:
        policy["min_familiarity"] = options.min_familiarity
    if is_folder and has_setting(str(policy["type"]).partition(":")[0].strip(), "stale_after"):
        # Pictures that were copied have the times of copying: how far apart they are says nothing.
        policy.setdefault("stale_after", None)
    return None if policy == DEFAULT_POLICY else policy


def _asked(text: str) -> dict[str, Any]:
    """A policy by its name, or from a file."""
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
        lost = anew and path.exists() and path.stat().st_size > 0
        with path.open("wb" if anew else "ab"):
            pass
    except OSError as error:
        raise unwritable(path, error) from error
    if lost:
        complain(f"{printable(path)}: the events of an earlier time in it are replaced")


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

    def write(self, change: EventChange) -> None:
        self._stream.write(json.dumps(change.to_json(), ensure_ascii=False) + "\n")
        self._stream.flush()

    def close(self) -> None:
        """Nothing was opened."""

"""``decisight events`` and ``decisight mark``: what happened at a site, and what became of it."""

from __future__ import annotations

import json
import math
import sys
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from decisight.cli import output
from decisight.cli.console import say
from decisight.cli.watch_display import moment
from decisight.errors import StoreError, StoreInUseError, UsageError
from decisight.files import printable
from decisight.registry import shortened

if TYPE_CHECKING:
    from decisight.config import Site
    from decisight.store import Coverage, Store, StoredEvent, StoredView

__all__ = ["EventsOptions", "mark", "run"]

_PATIENCE, _POLL = 30.0, 0.1
"""Seconds for which is waited for the process that writes the store, and between two looks."""
_DAY = 86_400.0
"""Seconds of which the coverage is shown: going through all that is kept may take minutes."""
_LAST_DAY = " (the last 24 hours of what is stored)"
_ID = 12
"""Digits of an identity that are shown: enough to name the event by."""


@dataclass(frozen=True, slots=True)
class EventsOptions:
    """What ``decisight events`` was asked for; see its help."""

    site: Path
    camera: str | None = None
    since: str | None = None
    state: str | None = None
    limit: int = 50
    as_json: bool = False


def run(options: EventsOptions) -> int:
    """List events.

    Raises:
        DecisightError: there is no store, or what is asked for cannot be understood.
    """
    from decisight.assemble import open_site_store
    from decisight.config import read_site
    from decisight.replaying import understanding

    site = read_site(options.site)
    zone = ZoneInfo(site.section.timezone)
    since = None if options.since is None else _moment(options.since, zone)
    cameras = list(site.section.cameras) if options.camera is None else [options.camera]
    if options.camera is not None and options.camera not in site.section.cameras:
        raise UsageError(
            f"there is no camera {shortened(options.camera)}",
            hint=f"the cameras are: {', '.join(site.section.cameras)}",
        )
    with open_site_store(site, read_only=True) as store, understanding():
        found = store.events(options.camera, since=since, state=options.state, limit=options.limit)
        begin = _last_day(store, cameras) if since is None else since
        covered = {} if begin is None else {camera: _coverage(store, camera, begin) for camera in cameras}
    if options.as_json:
        values = {
            "events": [_values(event) for event in found],
            "coverage_since": None if begin is None else _instant(begin),
            "coverage": [_covered(*one) for of_camera in covered.values() for one in of_camera],
        }
        with output.standard_output(utf8=True) as stream:
            stream.write(json.dumps(values, indent=2, ensure_ascii=False) + "\n")
        return 0
    which = "" if begin is None else f"Since {moment(begin, zone)}{_LAST_DAY if since is None else ''}:"
    for line in (*_table(found, zone), "", *_coverage_lines(covered, which)):
        say(printable(line))
    sys.stdout.flush()
    return 0


def mark(path: Path, event: str, *, outcome: str | None, hold: bool | None, note: str | None) -> int:
    """Say what became of an event.

    Raises:
        UsageError: nothing is said.
        StoreError: there is no such event, or the store is being written by another process.
    """
    from decisight.assemble import open_site_store
    from decisight.config import read_site

    given: dict[str, Any] = {"outcome": outcome, "held": hold, "note": note}
    said = {name: value for name, value in given.items() if value is not None}
    if not said:
        raise UsageError("nothing is said of the event", hint="give --outcome, --hold, --release or --note")
    site = read_site(path)
    try:
        with open_site_store(site) as store:
            marked = store.mark(event, **said)
    except StoreInUseError:
        marked = _mark_beside(site, event, said)
    parts = [f"outcome {marked.outcome}"] if marked.outcome else []
    parts += ["held"] if marked.held else []
    parts += [f"note: {marked.note}"] if marked.note else []
    say(
        printable(f"{marked.event.event_id[:_ID]}: {marked.event.state}: {', '.join(parts) or 'nothing is said of it'}")
    )
    return 0


def _mark_beside(site: Site, event: str, said: Mapping[str, Any]) -> StoredEvent:
    """Have it said by the process that writes the store.

    Raises:
        StoreError: there is no such event, or that process does not answer.
    """
    from decisight.assemble import chain_key, open_site_store, store_place
    from decisight.store import request_mark

    number = request_mark(store_place(site), event, key=chain_key(site, make=False), **said)
    end = time.monotonic() + _PATIENCE
    with open_site_store(site, read_only=True) as store:
        while store.is_waiting(number):
            if time.monotonic() > end:
                raise StoreError(
                    f"the process that watches has not taken it in for {_PATIENCE:.0f} s",
                    hint="it is kept, and taken in once that process goes on, or at its next start",
                )
            time.sleep(_POLL)
        return store.event(event)


def _table(events: Sequence[StoredEvent], zone: ZoneInfo) -> Iterator[str]:
    if not events:
        yield "No events."
        return
    rows = [("event", "from", "for", "where", "state", "conf.", "outcome")]
    for stored in events:
        event = stored.event
        where = " ".join(part for part in (event.camera, event.region or "", event.group) if part)
        remarks = " ".join(part for part in (stored.outcome or "", "held" if stored.held else "") if part)
        lasted = f"{event.duration:.1f} s" if event.end_time is not None else "open"
        rows.append(
            (
                event.event_id[:_ID],
                moment(event.start_time, zone),
                lasted,
                where,
                event.state,
                f"{event.confidence:.3f}",
                remarks,
            )
        )
    sizes = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        yield "  ".join(f"{cell:<{size}}" for cell, size in zip(row, sizes, strict=True)).rstrip()


def _last_day(store: Store, cameras: Collection[str]) -> float | None:
    """When the last day began of what is stored of cameras, in seconds since 1970; ``None``: nothing is."""
    times = [
        head.time
        for head in store.heads()
        if head.camera in cameras and head.lane == "readings" and head.time is not None
    ]
    return max(times) - _DAY if times else None


def _coverage(store: Store, camera: str, since: float) -> list[tuple[StoredView, Coverage]]:
    views = {view.id: view for view in store.views(camera)}
    covered = store.coverage(camera, since, math.inf)
    return [(views[number], one) for number, one in covered.items() if number in views]


def _coverage_lines(covered: Mapping[str, Sequence[tuple[StoredView, Coverage]]], since: str) -> Iterator[str]:
    if not any(covered.values()):
        return
    yield since
    for camera, of_camera in covered.items():
        if of_camera:
            yield from _camera_lines(of_camera)
        else:
            yield f"{camera}: nothing was watched"


def _camera_lines(covered: Sequence[tuple[StoredView, Coverage]]) -> Iterator[str]:
    for view, one in covered:
        where = " ".join(part for part in (view.key.camera, view.key.region or "", f"({view.key.model})") if part)
        share = "-" if one.share is None else f"{100 * one.share:.1f} %"
        causes = ", ".join(f"{cause} {count}" for cause, count in one.unjudged.items())
        pictures = one.judged + one.repeated + sum(one.unjudged.values())
        yield (
            f"{where}: {share} of {_span(one.watched_seconds)} could be judged, from {pictures} pictures"
            + (f"; not judged: {causes}" if causes else "")
        )


def _span(seconds: float) -> str:
    if seconds < 60.0:
        return f"{seconds:.1f} s"
    return f"{seconds / 60.0:.1f} min" if seconds < 3600.0 else f"{seconds / 3600.0:.2f} h"


def _values(stored: StoredEvent) -> dict[str, Any]:
    return {
        **stored.event.to_json(),
        "outcome": stored.outcome,
        "held": stored.held,
        "note": stored.note,
        "evidence": [
            {"what": one.what, "digest": one.digest, "removed": one.removed_at is not None} for one in stored.evidence
        ],
    }


def _covered(view: StoredView, one: Coverage) -> dict[str, Any]:
    return {
        "camera": view.key.camera,
        "region": view.key.region,
        "model": view.key.model,
        "share": one.share,
        "watched_seconds": one.watched_seconds,
        "judged": one.judged,
        "repeated": one.repeated,
        "unjudged": dict(one.unjudged),
        "ticks": one.ticks,
    }


def _instant(seconds: float) -> str:
    """A time in ISO 8601, in UTC."""
    try:
        return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    except (ValueError, OverflowError, OSError):  # later than the year 9999
        return f"{seconds:.3f}"


def _moment(text: str, zone: ZoneInfo) -> float:
    """A date and time, or so long ago, in seconds since 1970.

    Raises:
        UsageError: it is neither.
    """
    from decisight.spans import parse_seconds

    try:
        found = datetime.fromisoformat(text)
        return (found if found.tzinfo else found.replace(tzinfo=zone)).timestamp()
    except (ValueError, OverflowError):
        pass
    try:
        return time.time() - parse_seconds(text, "since")
    except UsageError:
        raise UsageError(
            f"--since {shortened(text)} is not understood",
            hint="give a date and time (2026-05-04T06:00), or how long ago: 2h, 7d",
        ) from None

"""``decisight replay``: an event derived again from what is stored, and why it came so."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from decisight.cli import output
from decisight.cli.console import say
from decisight.cli.renderings import familiarity_text
from decisight.cli.watch_display import moment
from decisight.files import printable
from decisight.types import Decision, Reading

if TYPE_CHECKING:
    from decisight.replaying import Replay, ReplayedStep
    from decisight.store import Store, StoredEvent

__all__ = ["ReplayOptions", "run"]

_SHOWN = 20
"""Readings at each end of a long event that are shown, unless all are asked for."""
_LABELS = 3
"""How many labels of each group are shown with their confidences."""


@dataclass(frozen=True, slots=True)
class ReplayOptions:
    """What ``decisight replay`` was asked for; see its help."""

    site: Path
    event: str
    before: int = 10
    after: int = 5
    all_readings: bool = False
    as_json: bool = False


def run(options: ReplayOptions) -> int:
    """Derive an event again.

    Returns:
        The exit status: 0, or 1 where a decision comes out otherwise than it is stored.

    Raises:
        DecisightError: there is no such event, or its readings are no longer there.
    """
    from decisight.assemble import open_site_store
    from decisight.config import read_site
    from decisight.replaying import replay, understanding

    site = read_site(options.site)
    with open_site_store(site, read_only=True) as store, understanding():
        found = replay(store, store.event(options.event), before=options.before, after=options.after)
        pictures = _pictures(store, found.event)
    if options.as_json:
        with output.standard_output(utf8=True) as stream:
            stream.write(json.dumps(_values(found) | {"pictures": dict(pictures)}, indent=2, ensure_ascii=False) + "\n")
    else:
        for line in _lines(found, ZoneInfo(site.section.timezone), pictures, all_readings=options.all_readings):
            say(printable(line))
        sys.stdout.flush()
    return 1 if found.differing else 0


def _values(found: Replay) -> dict[str, Any]:
    from decisight.replaying import steps_json

    key = found.key
    return {
        "event": found.event.event.to_json(),
        "outcome": found.event.outcome,
        "held": found.event.held,
        "model": {"name": key.model, "graph_digest": key.graph_digest, "settings_digest": key.settings_digest},
        "runtime": key.runtime,
        "region": {"name": key.region, "digest": key.region_digest},
        "policies": key.policies,
        "compared": found.compared,
        "differing": list(found.differing),
        "steps": list(steps_json(found.steps)),
    }


def _pictures(store: Store, event: StoredEvent) -> list[tuple[str, str]]:
    """Where the pictures of an event lie; of one that was removed, why it is not there."""
    found = []
    for one in event.evidence:
        place = store.picture_place(one.digest)
        gone = None if one.removed_at is None else f"removed ({one.why})"
        found.append((one.what, gone or (one.digest if place is None else os.path.relpath(place))))
    return found


def _lines(
    found: Replay, zone: ZoneInfo, pictures: Sequence[tuple[str, str]] = (), *, all_readings: bool
) -> Iterator[str]:
    event, key = found.event.event, found.key
    where = event.camera if event.region is None else f"{event.camera}, region {event.region}"
    yield f"event {event.event_id}: {event.group} {event.state} at {where}"
    until = "still open" if event.end_time is None else f"until {moment(event.end_time, zone)}"
    yield f"  from {moment(event.start_time, zone)} {until}, {event.duration:.1f} s, {event.readings} readings"
    if event.ended_by is not None:
        yield f"  ended by: {event.ended_by}"
    for what, place in pictures:
        yield f"  {what}: {place}"
    yield f"  model {key.model} ({key.graph_digest[:19]}), {key.runtime}; region {key.region_digest[:19]}"
    for name, policy in key.policies.items():
        section = ", ".join(f"{k} {v}" for k, v in policy["section"].items() if k != "type" and v not in (None, {}, 0))
        yield f"  {name} is decided by {policy['section']['type']}: {section}"
    yield ""
    opened, closed = found.event.opened_seq, found.event.closed_seq
    steps = found.steps
    inside = [step for step in steps if step.seq >= opened and (closed is None or step.seq <= closed)]
    hidden = set() if all_readings else {step.seq for step in inside[_SHOWN:-_SHOWN]}
    told = False
    for step in steps:
        if step.seq in hidden:
            if not told:
                told = True
                yield f"    ... {len(hidden)} readings more, all compared (--all shows them)"
            continue
        mark = ">" if step.seq == opened else "<" if step.seq == closed else " "
        yield from _step_lines(step, mark, zone, several=len(key.policies) > 1)
    yield ""
    yield _verdict(found)


def _step_lines(step: ReplayedStep, mark: str, zone: ZoneInfo, *, several: bool) -> Iterator[str]:
    """A reading, and a line for each group: what was said, what is decided, and why."""
    seen = "no picture"
    if isinstance(step.item, Reading):
        seen = f"cannot be judged: {step.item.cause}"
    of_group = {decision.group: decision for decision in step.stored}
    for decision, why in zip(step.derived, step.why, strict=True):
        said = seen
        if isinstance(step.item, Reading) and step.item.prediction is not None:
            top = step.item.prediction.results(decision.group)[:_LABELS]
            said = ", ".join(f"{one.label} {one.confidence:.3f}" for one in top)
            familiarity = familiarity_text(step.item.prediction)
            said += f", familiarity {familiarity}" if familiarity else ""
            said += " (not looked at: the same as before)" if step.repeated else ""
        group = f"{decision.group}: " if several else ""
        # To the millisecond first: 5.9996 s is 6.000, not 5.000.
        time = moment(round(step.item.time or 0.0, 3) + 1e-4, zone, exact=True)
        yield f"  {mark} {time}  {said}  ->  {group}{_state(decision)}  ({why})"
        if not step.same:
            stored = of_group.get(decision.group)
            said = "nothing" if stored is None else f"{_state(stored)}, confidence {stored.confidence!r}"
            yield f"      but stored is: {said}"


def _state(decision: Decision) -> str:
    state = decision.state if isinstance(decision.state, str) else " + ".join(decision.state) or "none of them"
    kept = "" if decision.held is None else f", kept: {decision.held.value}"
    return f"{state} {decision.confidence:.3f} [{decision.reason.value.replace('_', ' ')}{kept}]"


def _verdict(found: Replay) -> str:
    since = "the first one of this rule" if found.begun else "the state that its segment begins with"
    if not found.differing:
        return f"{found.compared} readings were derived again, from {since}: every decision is the same to the bit."
    numbers = ", ".join(map(str, found.differing[:5])) + (", ..." if len(found.differing) > 5 else "")
    return (
        f"{len(found.differing)} of {found.compared} decisions come out otherwise than they are stored (readings "
        f"{numbers}): the store was altered, or another version or platform has decided them."
    )

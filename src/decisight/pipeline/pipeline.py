"""A camera at work."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from decisight.errors import UsageError
from decisight.events import SETTINGS_CHANGED, Moment, close_events, open_events
from decisight.pipeline.cutting import cut
from decisight.pipeline.lookout import Lookout
from decisight.pipeline.steps import Entry, EntryKind, Seen, Step, View
from decisight.pipeline.ticks import TICK_SECONDS, tick_times
from decisight.policies.steady_clock import steady
from decisight.protocols import Gate
from decisight.types import Decision, Event, EventChange, Frame, Position, Prediction, Reading, Tick

if TYPE_CHECKING:
    from decisight.imaging import Pixels

__all__ = ["CHECKPOINT_VERSION", "Pipeline"]

CHECKPOINT_VERSION = 2

_SET_BACK = 1.0
"""Seconds by which a clock must have been set back for that to be worth telling."""


@dataclass(slots=True)
class _Sight:
    """What a view is in the middle of."""

    states: dict[str, Any]
    events: dict[str, Any]
    last: Prediction | None = None
    """Of the last picture that was classified by this pipeline."""
    decisions: tuple[Decision, ...] = ()


@dataclass(slots=True)
class Pipeline:
    """A camera at work.

    Args:
        camera: its name.
        views: what is looked at in its pictures.
        threads: that compute together on one picture.
        identity: of the source; a checkpoint's position is of no use in another.
    """

    camera: str
    views: Sequence[View]
    threads: int = 1
    identity: str = ""
    position: Position = None
    """Of the last frame."""
    finished: bool = False
    """Whether the source has been watched to its end."""
    pause: float = TICK_SECONDS
    """How many seconds there may be no picture before time alone is let pass."""
    throughout: bool = False
    """Whether it is let pass until the next picture, not only as long as that can change a decision: for whoever gives
    what comes out to other policies."""
    _sights: dict[int, _Sight] = field(default_factory=dict)
    _opened: int = 0
    """How many events were ever opened."""
    _pictured: float | None = None
    """When the last frame was taken."""
    _time: float | None = None
    _now: float | None = None
    _ahead: Sequence[float] = ()
    _ticked: bool = False
    """Whether time was let pass since the last frame."""
    _lookout: Lookout[int] = field(init=False)
    """The gates of the views at work, by the views' numbers."""
    _begun: dict[int, Mapping[str, Any]] = field(default_factory=dict)
    """By the number of a view that has no entry yet since its folds began, the states that they began with."""

    def __post_init__(self) -> None:
        for view in self.views:
            sight = _Sight(view.fold.initial(), dict.fromkeys(view.events, ()))
            self._sights[view.number] = sight
            self._begun[view.number] = sight.states
        self._lookout = Lookout(self._gates)

    @property
    def time(self) -> float | None:
        """Of the last frame or tick, in seconds since 1970; ``None`` before the first."""
        return self._time

    def decisions(self, number: int) -> tuple[Decision, ...]:
        """The last decisions of a view; none before the first."""
        return self._sights[number].decisions

    def explain(self, number: int) -> tuple[str, ...]:
        """Why they are so, one line a group."""
        sight = self._sights[number]
        return self._view(number).fold.explain(sight.states) if sight.decisions else ()

    def open_events(self) -> Iterator[Event]:
        """The events that are open."""
        for sight in self._sights.values():
            for state in sight.events.values():
                yield from open_events(state)

    def step(self, frame: Frame) -> Step:
        """Look at one frame and decide; time that has passed before it comes first.

        Raises:
            ModelError: a model cannot be run.
            ImageError: the picture is none that a model can look at.
        """
        before = self._time
        entries, changes = self._pass(tick_times(before, frame.time, self.pause))
        now = self._advance(frame.time)
        self._ticked = False
        seen: list[Seen] = []
        for view, kind, reading in self._look(frame):
            entry, new = self._decide(view, kind, reading, now)
            changes += [(change, len(entries)) for change in new]
            entries.append(entry)
            opened = [change.event for change in new if change.change == "opened"]
            if opened and frame.pixels is not None:
                crop = cut(view.region, frame.pixels, view.model.card.preprocessing.fill)
                seen += [Seen(event, frame.pixels, crop) for event in opened]
        self.position = frame.position
        # Against the last picture: one that comes late is behind the time that was let pass meanwhile, and no fault.
        set_back = 0.0 if self._pictured is None else self._pictured - frame.time
        self._pictured = frame.time
        notes = (f"the clock was set back by {set_back:.1f} s",) if set_back > _SET_BACK else ()
        return Step(tuple(entries), tuple(changes), tuple(seen), notes, self._told(entries))

    def tick(self, time: float) -> Step:
        """Let time pass without a frame.

        Nothing passes where the time is not later than what is known; nor, once it was let pass since the last frame,
        where time alone can change no decision any more: so a camera that is away for days is no work.
        """
        if self._time is None or time <= self._time:
            return Step()
        entries, changes = self._pass([*tick_times(self._time, time, self.pause), time])
        return Step(tuple(entries), tuple(changes), begun=self._told(entries))

    def close(self, ended_by: str) -> Step:
        """Close the events that are open: there is nothing more to come."""
        now = Moment(self._time or 0.0, self._now or 0.0)
        changes: list[tuple[EventChange, int | None]] = []
        for view in self.views:
            sight = self._sights[view.number]
            for name, state in sight.events.items():
                changes += [(change, None) for change in close_events(state, now, ended_by)]
                sight.events[name] = ()
        self.finished = True
        return Step(changes=tuple(changes))

    def checkpoint(self) -> dict[str, Any]:
        """All that another pipeline needs to go on from here, as JSON values."""
        return {
            "version": CHECKPOINT_VERSION,
            "identity": self.identity,
            "position": self.position,
            "finished": self.finished,
            "opened": self._opened,
            "clock": [self._time, self._now, list(self._ahead)],
            "pictured": self._pictured,
            "ticked": self._ticked,
            "begun": list(self._begun),
            "states": {str(number): sight.states for number, sight in self._sights.items()},
            "events": {str(number): dict(sight.events) for number, sight in self._sights.items()},
            "gates": {str(number): self._lookout.states(number) for number in self._sights},
        }

    def resume(self, checkpoint: Mapping[str, Any], *, again: bool = False) -> Step:
        """Take up a checkpoint.

        Views that were set up otherwise than now have another number: their events are closed, and the new ones begin
        anew; the first step that has an entry of one says so. The position counts only in the source that it is of, as
        does what gates remember.

        Args:
            checkpoint: what :meth:`checkpoint` gave, also after :func:`json.dumps` and :func:`json.loads`.
            again: it is known, and wanted, that it is watched from its beginning.

        Returns:
            What that has changed.

        Raises:
            UsageError: it was written by another version.
        """
        if checkpoint.get("version") != CHECKPOINT_VERSION:
            raise UsageError(
                f"what the camera {self.camera!r} was in the middle of was stored by another version",
                hint="watch with that version to the end, or begin with a new store",
            )
        self._time, self._now, self._ahead = checkpoint["clock"]
        self._opened, self._ticked = checkpoint["opened"], checkpoint["ticked"]
        self._pictured = checkpoint["pictured"]
        now = Moment(self._time or 0.0, self._now or 0.0)
        changes: list[EventChange] = []
        notes: list[str] = []
        for text, events in checkpoint["events"].items():
            number = int(text)
            if number in self._sights:
                if _take_up(self._sights[number], self._view(number), checkpoint["states"][text], events):
                    self._begun.pop(number, None)
                    if number in checkpoint["begun"]:
                        self._begun[number] = self._sights[number].states
                    continue
                notes.append("what the policies had counted was stored by another version: they begin anew")
            for state in events.values():
                changes += close_events(state, now, SETTINGS_CHANGED)
        if checkpoint["identity"] == self.identity:
            self.position, self.finished = checkpoint["position"], checkpoint["finished"]
            stored = {int(number): states for number, states in checkpoint["gates"].items()}
            self._lookout = Lookout(self._gates, stored)
        else:
            # What time it was in another recording says nothing of this one.
            self._time, self._now, self._ahead, self._ticked, self._pictured = None, None, (), False, None
            if not again:
                notes.append("the source is another one than before: it is watched from its beginning")
        return Step(changes=tuple((change, None) for change in changes), notes=tuple(dict.fromkeys(notes)))

    @property
    def _gates(self) -> dict[int, Sequence[Gate]]:
        return {view.number: view.gates for view in self.views}

    def _view(self, number: int) -> View:
        return next(view for view in self.views if view.number == number)

    def _advance(self, time: float) -> Moment:
        self._now, self._ahead = steady(time, self._now, self._ahead)
        self._time = time
        return Moment(time, self._now)

    def _pass(self, times: Sequence[float]) -> tuple[list[Entry], list[tuple[EventChange, int | None]]]:
        """Let time pass in every view, as long as that can change anything."""
        entries: list[Entry] = []
        changes: list[tuple[EventChange, int | None]] = []
        for time in times:
            # One tick is given in any case: it tells that there was no picture.
            if self._ticked and not self.throughout and self._is_settled():
                break
            now = self._advance(time)
            self._ticked = True
            for view in self.views:
                entry, new = self._decide(view, "tick", Tick(time), now)
                changes += [(change, len(entries)) for change in new]
                entries.append(entry)
        return entries, changes

    def _is_settled(self) -> bool:
        return all(view.fold.settled(self._sights[view.number].states) for view in self.views)

    def _told(self, entries: Sequence[Entry]) -> tuple[tuple[int, Mapping[str, Any]], ...]:
        """The views that begin with these entries, and the states that they began with; each is told once."""
        numbers = dict.fromkeys(entry.view for entry in entries) if self._begun else ()
        return tuple((number, self._begun.pop(number)) for number in numbers if number in self._begun)

    def _decide(
        self, view: View, kind: EntryKind, item: Reading | Tick, now: Moment
    ) -> tuple[Entry, list[EventChange]]:
        sight = self._sights[view.number]
        sight.states, sight.decisions = view.fold.step(sight.states, item)
        changes: list[EventChange] = []
        for at, decision in enumerate(sight.decisions):
            name = decision.group
            sight.events[name], new = view.events[name].step(
                sight.events[name],
                decision,
                now,
                self._opened,
                # Asked for only where an event is opened: an explanation costs more than a step.
                partial(_why, view, sight, at),
                by_reading=kind != "tick",
            )
            self._opened += sum(change.change == "opened" for change in new)
            changes += new
        return Entry(view.number, kind, item, sight.decisions, view.fold.refuses(item)), changes

    def _look(self, frame: Frame) -> Iterator[tuple[View, EntryKind, Reading]]:
        """What each view says of a frame; those of one model are classified together."""
        if frame.pixels is None:
            for view in self.views:
                yield view, "unjudged", Reading(None, frame.time, cause=frame.cause)
            return
        found: dict[int, tuple[EntryKind, Reading]] = {}
        wanted: dict[int, list[View]] = defaultdict(list)
        self._lookout.show(frame.pixels, frame.time)
        for view in self.views:
            verdict = self._judged(view, frame.pixels, frame.time)
            if verdict is None:
                wanted[id(view.model)].append(view)
            else:
                found[view.number] = verdict
        for views in wanted.values():
            model = views[0].model
            squares = np.stack([model.prepare(_part(view, frame.pixels)) for view in views])
            for view, prediction in zip(views, model.predict_prepared(squares, threads=self.threads), strict=True):
                self._sights[view.number].last = prediction
                found[view.number] = "reading", Reading(prediction, frame.time)
        for view in self.views:
            yield view, *found[view.number]

    def _judged(self, view: View, pixels: Pixels, time: float) -> tuple[EntryKind, Reading] | None:
        """What the gates say of a picture; ``None`` where it is to be classified."""
        last = self._sights[view.number].last
        for verdict in self._lookout.verdicts(view.number, view.region, pixels, time):
            if not verdict.unchanged:
                return "unjudged", Reading(None, time, cause=verdict.cause)
            if last is not None:
                return "repeated", Reading(last, time)
        return None


def _why(view: View, sight: _Sight, at: int) -> str:
    return view.fold.explain(sight.states)[at]


def _take_up(sight: _Sight, view: View, states: Mapping[str, Any], events: Mapping[str, Any]) -> bool:
    """Go on from what was stored of a view; false where another version of its policies has stored it."""
    try:
        view.fold.explain(view.fold.resume(states))
    except UsageError:
        return False
    sight.states = dict(states)
    sight.events = {name: events.get(name, ()) for name in sight.events}
    return True


def _part(view: View, pixels: Pixels) -> Any:
    from decisight.models.classifier import Part

    return pixels if view.region is None else Part(pixels, view.region)

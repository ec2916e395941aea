"""Watch labelled clips with the rules of one or two sites, and with each picture alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from decisight.backtest.contenders import Contender, WatchedView
from decisight.backtest.planning import ClipPlan
from decisight.evaluation.events import WatchedLine
from decisight.evaluation.sequences import LabelledSequence, state_line
from decisight.pipeline import Pipeline, View
from decisight.policies.task_fold import TaskFold
from decisight.policies.threshold import Threshold
from decisight.protocols import Policy
from decisight.types import Decision, Reading, Tick

__all__ = ["ClipRun", "LineRun", "Track", "single_of", "watch_clip"]


@dataclass(frozen=True, slots=True)
class Track:
    """What one policy decided in one region and group of a clip.

    Args:
        watched: its states beside what is true.
        decisions: one a picture.
    """

    watched: WatchedLine
    decisions: tuple[Decision, ...]


@dataclass(frozen=True, slots=True)
class LineRun:
    """One region and group of a clip.

    Args:
        region: its name; ``None`` for all of the picture.
        group: the name of the label group.
        tracks: by the name of each policy.
    """

    region: str | None
    group: str
    tracks: Mapping[str, Track]


@dataclass(frozen=True, slots=True)
class ClipRun:
    """A clip that was watched.

    Args:
        plan: which.
        pictures: how many were looked at, by the site that looks oftenest.
        unreadable: how many of them could not be read.
        cause: why, of the first of these.
        lines: one for each region and group that something is known to be true of.
    """

    plan: ClipPlan
    pictures: int
    unreadable: int
    cause: str | None
    lines: tuple[LineRun, ...]


def single_of(policy: Policy) -> Threshold:
    """The rule that decides on each picture alone, with the thresholds of a policy where it has some.

    And with its least familiarity.
    """
    return Threshold(
        dict(getattr(policy, "thresholds", {})),
        policy.fallback,
        default_threshold=getattr(policy, "default_threshold", None),
        min_familiarity=getattr(policy, "min_familiarity", None),
    )


def watch_clip(
    plan: ClipPlan,
    contenders: Sequence[Contender],
    *,
    threads: int = 1,
    progress: Callable[[float], None] = lambda seconds: None,
) -> ClipRun:
    """Watch a clip from its beginning to its end with the rules of each site.

    The pictures are those that the sites' cameras would look at, and their gates look at them first. What two sites see
    in the same way (the same model, region, gates and pictures a second) is classified once.

    Args:
        plan: the clip.
        contenders: the sites; each has the clip's camera.
        threads: that compute together on one picture.
        progress: told how many seconds have been watched; sites of two rates watch the clip twice.

    Raises:
        ModelError: a model cannot be run.
        SourceError: the clip cannot be read any further.
    """
    seats: list[_Seat] = []
    taken: list[tuple[Contender, WatchedView, _Seat]] = []
    desks: list[_Desk] = []
    for contender in contenders:
        camera = contender.cameras[plan.camera]
        pipeline = camera.pipeline(range(len(camera.views)), "backtest", threads=threads)
        fresh: list[_Seat] = []
        for watched, view in zip(camera.views, pipeline.views, strict=True):
            seat = next((one for one in seats if one.sees_as(view, camera.fps)), None)
            if seat is None:
                seat = _Seat(view, camera.fps)
                seats.append(seat)
                fresh.append(seat)
            taken.append((contender, watched, seat))
        if fresh:
            alone = Pipeline(plan.camera, [seat.view for seat in fresh], threads, pause=pipeline.pause, throughout=True)
            desks.append(_Desk(alone, camera.fps, {seat.view.number: seat for seat in fresh}))
    looked = []
    for at, fps in enumerate({desk.fps: 0 for desk in desks}):
        of_rate = [desk for desk in desks if desk.fps == fps]
        looked.append(_look(plan, of_rate, _later(progress, at * plan.seconds)))
    most = max(looked, key=lambda one: one.pictures)
    return ClipRun(plan, most.pictures, most.unreadable, most.cause, tuple(_lines(plan, taken)))


def _later(progress: Callable[[float], None], begun: float) -> Callable[[float], None]:
    return lambda seconds: progress(begun + seconds)


@dataclass(slots=True)
class _Seat:
    """What one view of a camera was given, in order."""

    view: View
    fps: float | None
    items: list[Reading | Tick] = field(default_factory=list)

    def sees_as(self, view: View, fps: float | None) -> bool:
        """Whether another view would be given the same."""
        return _sight(self.view, self.fps) == _sight(view, fps)

    @property
    def readings(self) -> list[Reading]:
        """Those of pictures alone."""
        return [item for item in self.items if isinstance(item, Reading)]


def _sight(view: View, fps: float | None) -> tuple[object, ...]:
    """All that what a view is given depends on."""
    region = None if view.region is None else (view.region.polygon, view.region.masked)
    return fps, region, view.model.file.graph_digest, view.model.runtime, tuple(view.gates)


@dataclass(frozen=True, slots=True)
class _Desk:
    """A pipeline, and the seats of its views by their numbers."""

    pipeline: Pipeline
    fps: float | None
    seats: Mapping[int, _Seat]


class _Looked(NamedTuple):
    pictures: int
    unreadable: int
    cause: str | None


def _look(plan: ClipPlan, desks: Sequence[_Desk], progress: Callable[[float], None]) -> _Looked:
    """Step pipelines over a clip, all at one rate."""
    pictures = unreadable = 0
    cause = None
    with plan.source.open(fps=desks[0].fps) as frames:
        for frame in frames:
            pictures += 1
            if frame.cause is not None:
                unreadable += 1
                cause = cause or frame.cause
            for desk in desks:
                for entry in desk.pipeline.step(frame).entries:
                    desk.seats[entry.view].items.append(entry.item)
            progress(frame.time)
    return _Looked(pictures, unreadable, cause)


def _lines(plan: ClipPlan, taken: Sequence[tuple[Contender, WatchedView, _Seat]]) -> list[LineRun]:
    tracks: dict[tuple[str | None, str], dict[str, Track]] = {key: {} for key in plan.truth.rows}
    for contender, watched, seat in taken:
        region = None if watched.region is None else watched.region.name
        task = watched.model.task
        wanted = {name: policy for name, policy in watched.policies.items() if (region, name) in tracks}
        alone = {name: single_of(policy) for name, policy in wanted.items()}
        for title, rules in ((contender.single, alone), (contender.name, wanted)):
            decided = [
                decisions
                for item, (_, decisions) in zip(seat.items, TaskFold.of(rules, task).run(seat.items), strict=True)
                if isinstance(item, Reading)
            ]
            for at, name in enumerate(group.name for group in task.groups if group.name in rules):
                decisions = tuple(of_groups[at] for of_groups in decided)
                quiet = watched.quiet.get(name, frozenset())
                line = _watched_line(plan, region, name, seat.readings, decisions, rules[name].fallback, quiet)
                tracks[region, name][title] = Track(line, decisions)
    return [LineRun(region, group, of_policies) for (region, group), of_policies in tracks.items()]


def _watched_line(
    plan: ClipPlan,
    region: str | None,
    group: str,
    readings: Sequence[Reading],
    decisions: Sequence[Decision],
    fallback: str,
    quiet: frozenset[str],
) -> WatchedLine:
    times = tuple(reading.time or 0.0 for reading in readings)
    truth = tuple(plan.truth.at(region, group, time) for time in times)
    sequence = LabelledSequence(plan.clip.name, tuple(readings), truth, times)
    judged = tuple(reading.prediction is not None for reading in readings)
    return WatchedLine(state_line(sequence, decisions, fallback), judged, quiet)

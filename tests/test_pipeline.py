"""One camera, picture by picture; and a pipeline that takes up where another has stopped."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from decisight.errors import UsageError
from decisight.events import SETTINGS_CHANGED, SOURCE_ENDED, EventFold, Scope
from decisight.gates.frozen import Frozen
from decisight.imaging import Pixels
from decisight.models.classifier import Classifier, Part, load
from decisight.pipeline import Entry, Pipeline, Step, View, tick_times
from decisight.policies.parsing import parse_policy
from decisight.policies.task_fold import TaskFold
from decisight.protocols import GateKeeper
from decisight.regions import Region
from decisight.types import EventChange, Frame, LabelGroup, Prediction, Reading, Task, Tick, Verdict

WHITE, BLACK, GREY = 255, 0, 128
LEFT, RIGHT = Region.box("left", 0.0, 0.0, 0.5, 1.0), Region.box("right", 0.5, 0.0, 1.0, 1.0)


def frame(time: float, *shades: int | None) -> Frame:
    """A picture of upright stripes, from the left to the right; of no shade one that could not be read."""
    if shades[0] is None:
        return Frame(f"at {time}", time, None, position=[time], cause="damaged")
    pixels = np.zeros((24, 16 * len(shades), 3), np.uint8)
    for at, shade in enumerate(shades):
        assert shade is not None
        pixels[:, 16 * at : 16 * (at + 1)] = shade
    return Frame(f"at {time}", time, pixels, position=[time])


def scope(region: Region | None, model: str, group: str) -> Scope:
    return Scope("store", "plant", "gate-1", None if region is None else region.name, model, group)


def view(
    number: int,
    model: Any,
    *,
    region: Region | None = None,
    policy: str = "consecutive:2",
    settings: Mapping[str, Any] | None = None,
    quiet: Sequence[str] = (),
    groups: Sequence[str] = (),
    gates: Sequence[Any] = (),
) -> View:
    groups = groups or [group.name for group in model.task.groups]
    fold = TaskFold.of(dict.fromkeys(groups, parse_policy(policy, settings)), model.task)
    events = {name: EventFold(scope(region, "model", name), frozenset(quiet)) for name in groups}
    return View(number, region, model, fold, events, gates)


def told(changes: Sequence[tuple[EventChange, int | None]]) -> list[tuple[str, str | None, str, float | None]]:
    return [
        (c.change, c.event.region, c.event.state, c.event.start_time if c.event.is_open else c.event.end_time)
        for c, _ in changes
    ]


@pytest.fixture(scope="module")
def small(small_model: Path) -> Classifier:
    return load(small_model, threads=1)


@pytest.fixture(scope="module")
def gear(gear_model: Path) -> Classifier:
    return load(gear_model, threads=1)


class Counted:
    """A classifier whose batches are counted."""

    def __init__(self, model: Classifier) -> None:
        self.model, self.sizes = model, list[int]()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.model, name)

    def predict_prepared(self, squares: Any, *, threads: int | None = None) -> list[Prediction]:
        self.sizes.append(len(squares))
        return self.model.predict_prepared(squares, threads=threads)


TASK = Task((LabelGroup("class", ("cat", "dog")), LabelGroup("tags", ("wet", "big"), "independent")))


class Shades:
    """Stands in for a classifier, and is quicker: sure by how bright a picture is."""

    task = TASK
    card = SimpleNamespace(preprocessing=SimpleNamespace(fill=(0, 0, 0)))

    def prepare(self, picture: Part | Pixels) -> Any:
        seen = picture.region.cut(picture.picture, (0, 0, 0)) if isinstance(picture, Part) else picture
        return np.float64(seen.mean() / 255)

    def predict_prepared(self, squares: Any, *, threads: int | None = None) -> list[Prediction]:
        return [Prediction(self.task, ((float(s), 1 - float(s)), (float(s), 0.75))) for s in squares]


class TestWhatIsDecided:
    def test_readings_decisions_and_an_event(self, small: Classifier) -> None:
        pipeline = Pipeline("gate-1", [view(7, small)], identity="clip")
        first = pipeline.step(frame(10.0, WHITE))
        (entry,) = first.entries
        assert (entry.view, entry.kind, entry.item.time) == (7, "reading", 10.0)
        assert isinstance(entry.item, Reading)
        assert entry.item.prediction == small.predict_batch([np.full((24, 16, 3), WHITE, np.uint8)])[0]
        assert [d.state for d in entry.decisions] == ["unknown"]
        assert (first.changes, first.seen, first.notes) == ((), (), ())
        second = pipeline.step(frame(10.5, WHITE))
        assert [d.state for d in second.entries[0].decisions] == ["cat"]
        ((change, at),) = second.changes
        assert (change.change, at, change.event.state, change.event.start_time) == ("opened", 0, "cat", 10.5)
        assert change.event.why == pipeline.explain(7)[0]
        assert (pipeline.position, pipeline.time) == ([10.5], 10.5)
        assert [event.event_id for event in pipeline.open_events()] == [change.event.event_id]
        assert pipeline.decisions(7) == second.entries[0].decisions
        pipeline.step(frame(11.0, BLACK))
        third = pipeline.step(frame(11.5, BLACK))
        assert told(third.changes) == [("closed", None, "cat", 11.5), ("opened", None, "dog", 11.5)]

    def test_nothing_is_said_before_the_first(self, small: Classifier) -> None:
        pipeline = Pipeline("gate-1", [view(7, small)])
        assert (pipeline.time, pipeline.decisions(7), pipeline.explain(7)) == (None, (), ())
        assert list(pipeline.open_events()) == []
        assert pipeline.tick(5.0) == Step()

    def test_the_picture_of_an_event(self, gear: Classifier) -> None:
        left = Region("left", ((0.0, 0.0), (0.5, 0.0), (0.0, 1.0)))
        pipeline = Pipeline("gate-1", [view(1, gear, region=left, policy="consecutive:1")])
        picture = frame(1.0, WHITE, BLACK)
        step = pipeline.step(picture)
        assert [seen.event.state for seen in step.seen] == ["worn", "missing", "gloves"]
        for seen in step.seen:
            assert seen.frame is picture.pixels
            # What lies outside of the region is painted over, as the model has seen it.
            assert picture.pixels is not None
            assert np.array_equal(seen.crop, left.cut(picture.pixels, gear.card.preprocessing.fill))
            assert {tuple(row) for row in seen.crop.reshape(-1, 3)} == {
                (WHITE, WHITE, WHITE),
                gear.card.preprocessing.fill,
            }
        assert pipeline.step(frame(2.0, WHITE, BLACK)).seen == ()

    def test_groups_that_are_watched(self, gear: Classifier) -> None:
        pipeline = Pipeline("gate-1", [view(1, gear, groups=["vest"], policy="consecutive:1")])
        step = pipeline.step(frame(1.0, WHITE))
        assert [(d.group, d.state) for d in step.entries[0].decisions] == [("vest", "missing")]
        assert told(step.changes) == [("opened", None, "missing", 1.0)]

    def test_quiet_labels_open_no_event(self, small: Classifier) -> None:
        pipeline = Pipeline("gate-1", [view(1, small, policy="consecutive:1", quiet=["dog"])])
        steps = [pipeline.step(frame(float(t), shade)) for t, shade in enumerate([BLACK, WHITE, BLACK])]
        assert [told(step.changes) for step in steps] == [
            [],
            [("opened", None, "cat", 1.0)],
            [("closed", None, "cat", 2.0)],
        ]

    def test_a_label_is_opened_once_while_it_holds(self, gear: Classifier) -> None:
        pipeline = Pipeline("gate-1", [view(1, gear, policy="consecutive:1")])
        shades = [WHITE, WHITE, BLACK, BLACK, WHITE]
        changes = [c for t, shade in enumerate(shades) for c, _ in pipeline.step(frame(float(t), shade)).changes]
        assert len({change.key for change in changes}) == len(changes) == 3 + 6 + 6


class TestViews:
    def test_views_of_one_model_are_classified_together(self, small: Classifier, gear: Classifier) -> None:
        one, other = Counted(small), Counted(gear)
        views = [
            view(1, one, region=LEFT, policy="consecutive:1"),
            view(2, other, region=LEFT, policy="consecutive:1"),
            view(3, one, region=RIGHT, policy="consecutive:1"),
            view(4, one, policy="consecutive:1"),
        ]
        step = Pipeline("gate-1", views).step(frame(1.0, WHITE, BLACK))
        assert (one.sizes, other.sizes) == ([3], [1])
        # The order is that of the views all the same.
        assert [entry.view for entry in step.entries] == [1, 2, 3, 4]
        assert [entry.decisions[0].state for entry in step.entries[:3]] == ["cat", "worn", "dog"]
        for change, at in step.changes:
            assert at is not None
            entry = step.entries[at]
            assert change.event.region == views[entry.view - 1].region_name
            assert change.event.group in [decision.group for decision in entry.decisions]

    def test_each_says_what_it_says_alone(self, small: Classifier) -> None:
        shades = [(WHITE, BLACK), (BLACK, BLACK), (BLACK, WHITE), (GREY, WHITE)]
        regions = {1: LEFT, 2: RIGHT}
        both = Pipeline("gate-1", [view(n, small, region=region) for n, region in regions.items()])
        together = [entry for t, row in enumerate(shades) for entry in both.step(frame(t / 2, *row)).entries]
        for number, region in regions.items():
            alone = Pipeline("gate-1", [view(number, small, region=region)])
            entries = [entry for t, row in enumerate(shades) for entry in alone.step(frame(t / 2, *row)).entries]
            found = [entry for entry in together if entry.view == number]
            assert [[d.state for d in e.decisions] for e in found] == [[d.state for d in e.decisions] for e in entries]


@dataclass
class Keeper:
    verdicts: Callable[[Pixels], Verdict | None]
    seen: list[tuple[tuple[int, ...], float]]

    def judge(self, crop: Pixels, time: float) -> Verdict | None:
        self.seen.append((crop.shape, time))
        return self.verdicts(crop)

    def state(self) -> None:
        return None


@dataclass
class StubGate:
    """A gate of the test's own; it remembers what it was shown."""

    verdicts: Callable[[Pixels], Verdict | None]
    saves: bool = False
    seen: list[tuple[tuple[int, ...], float]] = field(default_factory=list)
    name: str = "stub"

    def keeper(self, state: Any = None) -> GateKeeper:
        return Keeper(self.verdicts, self.seen)


@dataclass
class CountingKeeper:
    pictures: int

    def judge(self, crop: Pixels, time: float) -> Verdict | None:
        self.pictures += 1
        return None

    def state(self) -> int:
        return self.pictures


@dataclass
class Counting:
    """A gate that counts pictures; it remembers what its keepers were to go on from."""

    name: str
    saves: bool = False
    states: list[Any] = field(default_factory=list)

    def keeper(self, state: Any = None) -> GateKeeper:
        self.states.append(state)
        return CountingKeeper(state or 0)


def dark(crop: Pixels) -> Verdict | None:
    return Verdict("too dark") if crop.mean() < 64 else None


def grey(crop: Pixels) -> Verdict | None:
    return Verdict("nothing moved", unchanged=True) if 64 <= crop.mean() < 192 else None


class TestGates:
    def test_what_cannot_be_judged_is_not_classified(self, small: Classifier) -> None:
        counted = Counted(small)
        pipeline = Pipeline("gate-1", [view(1, counted, gates=[StubGate(dark)])])
        kinds = [pipeline.step(frame(float(t), s)).entries[-1] for t, s in enumerate([BLACK, WHITE, BLACK])]
        assert [entry.kind for entry in kinds] == ["unjudged", "reading", "unjudged"]
        assert kinds[0].item == Reading(None, 0.0, cause="too dark")
        assert kinds[0].decisions[0].reason == "cannot_judge"
        assert counted.sizes == [1]

    def test_what_says_the_same_is_given_as_the_last_that_was_classified(self, small: Classifier) -> None:
        counted = Counted(small)
        views = [view(1, counted, gates=[StubGate(grey, saves=True), StubGate(dark)])]
        pipeline = Pipeline("gate-1", views)
        shades = [GREY, GREY, WHITE, GREY, BLACK, GREY]
        entries = [pipeline.step(frame(t / 2, shade)).entries[-1] for t, shade in enumerate(shades)]
        # Nothing was classified before the first: it is, whatever the gate says.
        assert [entry.kind for entry in entries] == [
            "reading", "repeated", "reading", "repeated", "unjudged", "repeated",
        ]  # fmt: skip
        predictions = [getattr(entry.item, "prediction", None) for entry in entries]
        assert predictions[1] is predictions[0]
        # What could not be judged in between was not classified.
        assert predictions[3] is predictions[5] is predictions[2]
        assert [entry.item.time for entry in entries] == [0.0, 0.5, 1.0, 1.5, 2.0, 2.5]
        assert counted.sizes == [1, 1]

    def test_an_event_may_be_opened_by_a_repeated_picture(self, small: Classifier) -> None:
        pipeline = Pipeline("gate-1", [view(1, small, gates=[StubGate(grey, saves=True)])])
        pipeline.step(frame(0.0, WHITE))
        step = pipeline.step(frame(0.5, GREY))
        assert told(step.changes) == [("opened", None, "cat", 0.5)]
        assert [seen.crop.mean() for seen in step.seen] == [GREY]

    def test_those_that_save_see_only_what_can_be_judged(self, small: Classifier) -> None:
        saving, judging = StubGate(grey, saves=True), StubGate(dark)
        pipeline = Pipeline("gate-1", [view(1, small, gates=[saving, judging])])
        for t, shade in enumerate([WHITE, BLACK, GREY]):
            pipeline.step(frame(t / 2, shade))
        assert [time for _, time in judging.seen] == [0.0, 0.5, 1.0]
        assert [time for _, time in saving.seen] == [0.0, 1.0]

    def test_they_see_what_lies_in_the_region(self, small: Classifier) -> None:
        gate = StubGate(dark)
        pipeline = Pipeline("gate-1", [view(1, small, region=RIGHT, gates=[gate]), view(2, small, gates=[gate])])
        step = pipeline.step(frame(1.0, WHITE, WHITE, BLACK, BLACK))
        assert [entry.kind for entry in step.entries] == ["unjudged", "reading"]
        assert gate.seen == [((24, 32, 3), 1.0), ((24, 64, 3), 1.0)]

    def test_a_damaged_picture_is_shown_to_none(self, small: Classifier) -> None:
        gate = StubGate(dark)
        views = [view(1, small, gates=[gate]), view(2, small, region=LEFT)]
        step = Pipeline("gate-1", views).step(frame(1.0, None))
        assert [entry.kind for entry in step.entries] == ["unjudged", "unjudged"]
        assert {entry.item for entry in step.entries} == {Reading(None, 1.0, cause="damaged")}
        assert gate.seen == []


class TestTime:
    @pytest.mark.parametrize(
        ("before", "until", "pause", "times"),
        [
            (None, 5.0, 1.0, []),
            (0.0, 0.5, 1.0, []),
            (0.0, 1.0, 1.0, []),
            (0.0, 1.5, 1.0, [1.0]),
            (10.0, 13.0, 1.0, [11.0, 12.0]),
            (10.0, 20.0, 4.0, [14.0, 18.0]),
            (10.0, 5.0, 1.0, []),
            # so late that a second more is no other number
            (1e18, 2e18, 1.0, None),
        ],
    )
    def test_ticks(self, before: float | None, until: float, pause: float, times: list[float] | None) -> None:
        found = tick_times(before, until, pause)
        assert len(found) <= 400 if times is None else found == times

    @given(st.floats(0, 2e9), st.floats(0, 1e10), st.floats(0.5, 3600))
    def test_ticks_of_any_gap(self, before: float, gap: float, pause: float) -> None:
        times = tick_times(before, before + gap, pause)
        assert len(times) <= 400
        assert all(before < time < before + gap for time in times)
        steps = np.diff([before, *times])
        assert np.allclose(steps[:60], pause, rtol=1e-6, atol=1e-6)
        assert np.all(np.diff(steps) >= -1e-5)
        # What is left is no longer than the step that would come next.
        left = before + gap - (times[-1] if times else before)
        assert len(times) == 400 or left <= pause * 1.1 ** max(0, len(times) - 59) + 1e-5

    def test_a_gap_is_told_before_the_picture_that_ends_it(self, small: Classifier) -> None:
        views = [view(1, small, settings={"stale_after": "2s"}), view(2, small, region=LEFT)]
        pipeline = Pipeline("gate-1", views)
        pipeline.step(frame(0.0, WHITE))
        pipeline.step(frame(1.0, WHITE))
        step = pipeline.step(frame(5.5, WHITE))
        assert [(entry.view, entry.kind, entry.item.time) for entry in step.entries] == [
            *((n, "tick", t) for t in (2.0, 3.0, 4.0) for n in (1, 2)),
            (1, "reading", 5.5),
            (2, "reading", 5.5),
        ]
        # The first tick more than two seconds after the last picture ends the state; by 3.0 it is not yet too old, and
        # after 4.0 there is nothing more that time could change.
        ((closed, at),) = step.changes
        assert (closed.change, closed.event.end_time) == ("closed", 4.0)
        assert at is not None
        assert step.entries[at] == step.entries[4]
        assert step.entries[at].item == Tick(4.0)

    def test_time_passes_without_a_picture(self, small: Classifier) -> None:
        pipeline = Pipeline("gate-1", [view(1, small, settings={"stale_after": "2s"})])
        pipeline.step(frame(0.0, WHITE))
        pipeline.step(frame(0.5, WHITE))
        assert pipeline.tick(0.5) == pipeline.tick(0.2) == Step()
        assert [entry.item for entry in pipeline.tick(1.0).entries] == [Tick(1.0)]
        step = pipeline.tick(3.5)
        assert [entry.item for entry in step.entries] == [Tick(2.0), Tick(3.0)]
        assert told(step.changes) == [("closed", None, "cat", 3.0)]
        assert pipeline.tick(4.0) == pipeline.tick(1e6) == Step()
        assert pipeline.time == 3.0
        # The position is that of the last picture.
        assert pipeline.position == [0.5]

    def test_how_long_there_may_be_no_picture(self, small: Classifier) -> None:
        pipeline = Pipeline("gate-1", [view(1, small, settings={"stale_after": "1h"})], pause=30.0)
        pipeline.step(frame(0.0, WHITE))
        assert [entry.kind for entry in pipeline.step(frame(20.0, WHITE)).entries] == ["reading"]
        assert [entry.item.time for entry in pipeline.step(frame(90.0, WHITE)).entries] == [50.0, 80.0, 90.0]

    @pytest.mark.parametrize(
        ("settings", "throughout", "ticks"),
        [
            # one tells that there was no picture
            ({}, False, 1),
            ({"min_dwell": 3, "gap_tolerance": 10}, False, 1),
            # then as many as it takes until nothing is known any more
            ({"stale_after": "10s"}, False, 11),
            # what is decided stands, and dwells for nothing
            ({"min_dwell": "20s"}, False, 1),
            ({}, True, 154),
        ],
    )
    def test_pictures_that_come_seldom(self, settings: dict[str, Any], throughout: bool, ticks: int) -> None:
        views = [view(1, Shades(), policy="consecutive:2", settings=settings)]
        pipeline = Pipeline("gate-1", views, throughout=throughout)
        entries = [entry for day in range(20) for entry in pipeline.step(frame(86_400.0 * day, WHITE)).entries]
        assert len(entries) == 20 + 19 * ticks

    def test_time_passes_as_long_as_any_view_may_change(self) -> None:
        settings = {1: {}, 2: {"stale_after": "3s"}, 3: {"gap_tolerance": "5s"}}
        pipeline = Pipeline("gate-1", [view(n, Shades(), settings=said) for n, said in settings.items()])
        for time in (0.0, 0.5):
            pipeline.step(frame(time, WHITE))
        assert [entry.view for entry in pipeline.step(frame(900.0, WHITE)).entries] == [1, 2, 3] * 5

    @given(st.lists(st.tuples(st.sampled_from([0.25, 1.0, 2.5, 8.0, 500.0]), st.booleans()), max_size=25), st.data())
    def test_time_that_is_not_told_would_have_changed_nothing(
        self, moments: list[tuple[float, bool]], data: st.DataObject
    ) -> None:
        shades = st.tuples(*[st.sampled_from([WHITE, BLACK, GREY, 200])] * 2) | st.just((None,))
        pictures = [(later, data.draw(shades), tick) for later, tick in moments]
        told_all = shades_pipeline()
        told_all.throughout = True
        expected, _ = run(told_all, pictures, 1_000.0)
        found, _ = run(shades_pipeline(), pictures, 1_000.0)
        for one, other in zip(found, expected, strict=True):
            assert [e for e in one.entries if e.kind != "tick"] == [e for e in other.entries if e.kind != "tick"]
            assert [change for change, _ in one.changes] == [change for change, _ in other.changes]
            assert all(entry in other.entries for entry in one.entries)

    def test_a_fold_that_does_not_say_is_ticked_throughout(self) -> None:
        class Foreign:
            """As a package might bring it that was written before folds were asked."""

            def __init__(self, fold: Any) -> None:
                self.fewest, self.initial, self.step, self.explain = fold.fewest, fold.initial, fold.step, fold.explain

        known = view(1, Shades())
        folds: Any = {name: Foreign(fold) for name, fold in known.fold.folds.items()}
        pipeline = Pipeline("gate-1", [View(1, None, known.model, TaskFold(folds), known.events)])
        pipeline.step(frame(0.0, WHITE))
        assert len(pipeline.step(frame(10.0, WHITE)).entries) == 10

    def test_a_clock_that_is_set_back_is_told_once(self, small: Classifier) -> None:
        pipeline = Pipeline("gate-1", [view(1, small)])
        times = [100.0, 100.5, 40.0, 40.5, 41.0, 40.9]
        steps = [pipeline.step(frame(time, WHITE)) for time in times]
        assert [step.notes for step in steps] == [(), (), ("the clock was set back by 60.5 s",), (), (), ()]
        assert [len(step.entries) for step in steps] == [1] * 6
        (event,) = pipeline.open_events()
        assert (event.start_time, event.duration) == (100.5, 1.0)
        closed = pipeline.close(SOURCE_ENDED)
        assert [(c.event.end_time, c.event.duration) for c, _ in closed.changes] == [(40.9, 1.0)]


def test_all_that_is_open_is_closed_at_the_end(gear: Classifier) -> None:
    pipeline = Pipeline("gate-1", [view(n, gear, region=r, policy="consecutive:1") for n, r in ((1, LEFT), (2, RIGHT))])
    pipeline.step(frame(1.0, WHITE, BLACK))
    assert len(list(pipeline.open_events())) == 6
    step = pipeline.close(SOURCE_ENDED)
    assert len(step.changes) == 6
    for change, at in step.changes:
        assert at is None
        assert (change.change, change.event.end_time, change.event.ended_by) == ("closed", 1.0, "source ended")
    assert (step.entries, list(pipeline.open_events()), pipeline.finished) == ((), [], True)
    assert pipeline.close(SOURCE_ENDED).changes == ()


def by_json(checkpoint: Any) -> Any:
    return json.loads(json.dumps(checkpoint, allow_nan=False))


def shades_pipeline(identity: str = "clip", **settings: Any) -> Pipeline:
    views = [
        view(1, Shades(), region=LEFT, policy="majority_vote:2/3", settings={"stale_after": "3s"} | settings),
        view(2, Shades(), region=RIGHT, policy="consecutive:2", settings={"gap_tolerance": "1s"} | settings),
        view(3, Shades(), policy="weighted_average", quiet=["dog"], settings={"stale_after": "3s"} | settings),
    ]
    return Pipeline("gate-1", views, identity=identity)


PICTURES = st.lists(
    st.tuples(
        st.sampled_from([0.25, 0.5, 1.0, 2.5, 8.0, -3.0, -0.5, 500.0]),
        st.one_of(st.tuples(*[st.sampled_from([WHITE, BLACK, GREY, 200])] * 2), st.just((None,))),
        st.booleans(),
    ),
    max_size=25,
)


def run(pipeline: Pipeline, pictures: Sequence[Any], time: float) -> tuple[list[Step], float]:
    steps = []
    for later, shades, tick in pictures:
        time += later
        steps.append(pipeline.tick(time) if tick else pipeline.step(frame(time, *shades)))
    return steps, time


def plain(steps: Sequence[Step]) -> list[Any]:
    return [
        (step.entries, step.changes, [seen.event for seen in step.seen], step.notes, by_json(step.begun))
        for step in steps
    ]


class TestResuming:
    @given(PICTURES, st.data())
    def test_one_that_goes_on_is_as_one_that_was_never_stopped(self, pictures: list[Any], data: st.DataObject) -> None:
        whole = shades_pipeline()
        expected, _ = run(whole, pictures, 1_000.0)
        cuts = sorted(data.draw(st.lists(st.integers(0, len(pictures)), max_size=3)))
        found: list[Step] = []
        pipeline, time = shades_pipeline(), 1_000.0
        for begin, end in zip([0, *cuts], [*cuts, len(pictures)], strict=True):
            checkpoint = by_json(pipeline.checkpoint())
            pipeline = shades_pipeline()
            assert pipeline.resume(checkpoint) == Step()
            assert by_json(pipeline.checkpoint()) == checkpoint
            steps, time = run(pipeline, pictures[begin:end], time)
            found += steps
        assert plain(found) == plain(expected)
        assert by_json(pipeline.checkpoint()) == by_json(whole.checkpoint())
        assert list(pipeline.open_events()) == list(whole.open_events())
        assert pipeline.close(SOURCE_ENDED) == whole.close(SOURCE_ENDED)

    @given(PICTURES)
    def test_what_was_opened_was_closed_or_is_open(self, pictures: list[Any]) -> None:
        pipeline = shades_pipeline()
        steps, _ = run(pipeline, pictures, 1_000.0)
        changes = [change for step in steps for change in step.changes]
        for step in steps:
            for change, at in step.changes:
                assert at is not None
                entry = step.entries[at]
                event = change.event
                assert event.region == {1: "left", 2: "right", 3: None}[entry.view]
                moment = event.start_time if change.change == "opened" else event.end_time
                assert moment == entry.item.time
                assert (change.change, entry.kind) != ("opened", "tick")
        opened = [change.event.event_id for change, _ in changes if change.change == "opened"]
        closed = [change.event.event_id for change, _ in changes if change.change == "closed"]
        assert len(set(opened)) == len(opened)
        assert sorted(opened) == sorted(closed + [event.event_id for event in pipeline.open_events()])

    def test_events_of_changed_settings_are_closed(self) -> None:
        before = Pipeline("gate-1", [view(1, Shades()), view(2, Shades(), region=LEFT)], identity="clip")
        steps = [before.step(frame(t, WHITE, BLACK)) for t in (1.0, 1.5)]
        opened = [c.event.event_id for step in steps for c, _ in step.changes]
        kept = {event.event_id for event in before.open_events() if event.region is None}
        # The second view is set up otherwise, and so another one: it has a new number.
        after = Pipeline("gate-1", [view(1, Shades()), view(3, Shades(), region=LEFT)], identity="clip")
        step = after.resume(by_json(before.checkpoint()))
        assert {c.event.event_id for c, _ in step.changes} | kept == set(opened)
        assert {(c.change, c.event.region, c.event.end_time, c.event.ended_by, at) for c, at in step.changes} == {
            ("closed", "left", 1.5, SETTINGS_CHANGED, None)
        }
        assert {event.event_id for event in after.open_events()} == kept
        # Its policies begin anew, those of the first go on; and no event has the number of another.
        again = [after.step(frame(t, WHITE, BLACK)) for t in (2.0, 2.5)]
        assert [told(step.changes)[:1] for step in again] == [[], [("opened", "left", "cat", 2.5)]]
        new = [c.event.event_id for step in again for c, _ in step.changes if c.change == "opened"]
        assert new
        assert not set(new) & set(opened)
        assert (after.position, after.time) == ([2.5], 2.5)

    def test_a_position_is_of_no_use_in_another_source(self) -> None:
        before = shades_pipeline("one clip")
        run(before, [(1.0, (WHITE, BLACK), False)] * 3, 0.0)
        before.close(SOURCE_ENDED)
        same = shades_pipeline("one clip")
        assert same.resume(by_json(before.checkpoint())) == Step()
        assert (same.position, same.finished) == ([3.0], True)
        other = shades_pipeline("another clip")
        step = other.resume(by_json(before.checkpoint()))
        assert (other.position, other.finished) == (None, False)
        (note,) = step.notes
        assert "another one" in note
        assert step.changes == ()

    def test_what_was_closed_is_not_opened_by_time_alone(self) -> None:
        before = Pipeline("gate-1", [view(1, Shades())], identity="one")
        for time in (0.0, 0.5):
            before.step(frame(time, WHITE))
        before.close(SOURCE_ENDED)
        after = Pipeline("gate-1", [view(1, Shades())], identity="one")
        after.resume(by_json(before.checkpoint()))
        step = after.step(frame(5.0, WHITE))
        # The policy still holds the state, but nobody has seen anything in between.
        assert [entry.kind for entry in step.entries] == ["tick", "reading"]
        assert {(c.change, c.event.start_time, at) for c, at in step.changes} == {("opened", 5.0, 1)}

    def test_the_time_of_another_source_says_nothing(self) -> None:
        before = Pipeline("gate-1", [view(1, Shades())], identity="one")
        before.step(frame(1000.0, WHITE))
        for begin in (5.0, 2000.0):
            after = Pipeline("gate-1", [view(2, Shades())], identity="another")
            after.resume(by_json(before.checkpoint()))
            step = after.step(frame(begin, WHITE))
            assert [entry.kind for entry in step.entries] == ["reading"]
            assert step.notes == ()

    def test_another_version_is_refused(self) -> None:
        pipeline = shades_pipeline()
        checkpoint = pipeline.checkpoint() | {"version": 99}
        with pytest.raises(UsageError, match=r"camera 'gate-1'.* another version") as caught:
            pipeline.resume(checkpoint)
        assert caught.value.hint

    def test_policies_of_another_version_begin_anew(self) -> None:
        before = shades_pipeline()
        run(before, [(1.0, (WHITE, BLACK), False)] * 3, 0.0)
        open_before = list(before.open_events())
        assert {event.region for event in open_before} == {None, "left", "right"}
        checkpoint = by_json(before.checkpoint())
        # The numbers of the views are the same, the rules are not.
        after = shades_pipeline(fallback="nobody knows")
        step = after.resume(checkpoint)
        assert step.notes == ("what the policies had counted was stored by another version: they begin anew",)
        assert [c.event.event_id for c, _ in step.changes] == [event.event_id for event in open_before]
        assert {c.event.ended_by for c, _ in step.changes} == {SETTINGS_CHANGED}
        assert list(after.open_events()) == []
        assert after.step(frame(4.0, WHITE, BLACK)).entries[0].decisions[0].state == "nobody knows"

    def test_a_camera_that_hung_before_is_not_judged_after(self) -> None:
        def pipeline(identity: str = "clip") -> Pipeline:
            return Pipeline("gate-1", [view(1, Shades(), gates=[Frozen(after="2s")])], identity=identity)

        first = pipeline()
        kinds = [first.step(frame(t / 2, WHITE)).entries[-1].kind for t in range(8)]
        assert kinds == ["reading"] * 5 + ["unjudged"] * 3
        checkpoint = by_json(first.checkpoint())
        for identity, shade, kind in [
            ("clip", WHITE, "unjudged"),
            ("clip", BLACK, "reading"),
            # another source may well give the same picture
            ("other", WHITE, "reading"),
        ]:
            second = pipeline(identity)
            second.resume(checkpoint)
            assert second.step(frame(4.0, shade)).entries[-1].kind == kind

    def test_each_gate_goes_on_from_its_own_state(self) -> None:
        def pipeline(*names: str) -> tuple[Pipeline, list[Counting]]:
            gates = [Counting(name) for name in names]
            return Pipeline("gate-1", [view(1, Shades(), gates=gates), view(2, Shades(), gates=gates[:1])]), gates

        first, _ = pipeline("motion", "size", "size")
        first.step(frame(0.0, WHITE))
        first.step(frame(0.5, WHITE))
        checkpoint = by_json(first.checkpoint())
        checkpoint["gates"]["1"][2][1] = 7
        for names, states in [
            (["motion", "size", "size"], [[2, 2], [2], [7]]),
            (["size", "motion", "size"], [[None, None], [None], [7]]),
            (["motion"], [[2, 2]]),
            (["motion", "size", "size", "more"], [[2, 2], [2], [7], [None]]),
        ]:
            second, gates = pipeline(*names)
            for gate in gates:
                gate.states.clear()
            second.resume(checkpoint)
            assert [gate.states for gate in gates] == states

    def test_what_was_predicted_last_is_not_stored(self, small: Classifier) -> None:
        # So the first picture is classified, whatever a gate says.
        def pipeline() -> Pipeline:
            return Pipeline("gate-1", [view(1, small, gates=[StubGate(grey, saves=True)])])

        first = pipeline()
        first.step(frame(0.0, WHITE))
        second = pipeline()
        second.resume(by_json(first.checkpoint()))
        assert [second.step(frame(t, GREY)).entries[-1].kind for t in (0.5, 1.0)] == ["reading", "repeated"]


def set_up(which: str) -> Pipeline:
    """A camera as a site file says it at some time; views are known by the same numbers when it says the same again."""
    one, other = view(1, Shades(), policy="majority_vote:2/3"), view(2, Shades(), region=LEFT)
    newer = view(1, Shades(), policy="majority_vote:2/3", settings={"fallback": "nobody knows"})
    return Pipeline("gate-1", {"one": [one], "other": [other], "both": [one, other], "newer": [newer]}[which])


class TestBeginning:
    """Whoever derives decisions from stored entries must know where the policies began anew."""

    def test_it_is_told_with_the_first_entry(self) -> None:
        pipeline = set_up("both")
        initial = {view.number: view.fold.initial() for view in pipeline.views}
        assert pipeline.tick(1.0).begun == ()
        steps = [pipeline.step(frame(t, WHITE)) for t in (1.0, 1.5)]
        assert [dict(step.begun) for step in steps] == [initial, {}]
        # What is there already goes on.
        again = set_up("both")
        assert again.resume(by_json(pipeline.checkpoint())) == Step()
        assert again.step(frame(2.0, WHITE)).begun == ()

    def test_it_is_told_again_where_settings_come_back(self) -> None:
        begun, time, checkpoint = [], 0.0, None
        for which in ["one", "both", "other", "one", "one", "newer", "newer"]:
            pipeline = set_up(which)
            if checkpoint is not None:
                pipeline.resume(checkpoint)
            time += 0.5
            begun.append([number for number, _ in pipeline.step(frame(time, WHITE)).begun])
            checkpoint = by_json(pipeline.checkpoint())
        assert begun == [[1], [2], [], [1], [], [1], []]

    def test_time_alone_may_be_the_first(self) -> None:
        before = set_up("one")
        before.step(frame(1.0, WHITE))
        after = set_up("other")
        after.resume(by_json(before.checkpoint()))
        step = after.tick(5.0)
        assert [(number, step.entries[0].kind) for number, _ in step.begun] == [(2, "tick")]

    @given(
        st.lists(
            st.tuples(st.sampled_from(["one", "other", "both", "newer"]), PICTURES, st.floats(0.0, 1.0)), max_size=6
        )
    )
    def test_what_is_stored_is_derived_again(self, runs: list[tuple[str, list[Any], float]]) -> None:
        """Whatever is changed between two runs, and wherever each of them is cut off."""
        stored: dict[int, list[tuple[Mapping[str, Any] | None, TaskFold, Entry]]] = {1: [], 2: []}
        checkpoint, time = None, 1_000.0
        for which, pictures, share in runs:
            pipeline = set_up(which)
            folds = {view.number: view.fold for view in pipeline.views}
            steps = [(Step() if checkpoint is None else pipeline.resume(checkpoint), pipeline.checkpoint())]
            for picture in pictures:
                (step,), time = run(pipeline, [picture], time)
                steps.append((step, pipeline.checkpoint()))
            # The last of them are lost.
            for step, by_then in steps[: 1 + round(share * len(pictures))]:
                checkpoint, begun = by_json(by_then), dict(step.begun)
                for entry in step.entries:
                    stored[entry.view].append((begun.pop(entry.view, None), folds[entry.view], entry))
                assert begun == {}
        for entries in stored.values():
            states = None
            for anew, fold, entry in entries:
                states = states if anew is None else by_json(anew)
                assert states is not None
                states, derived = fold.step(states, entry.item)
                assert derived == entry.decisions

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
from decisight.imaging import Pixels
from decisight.models.classifier import Classifier, Part, load
from decisight.pipeline import Pipeline, Step, View, tick_times
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


@dataclass
class StubGate:
    """A gate of the test's own; it remembers what it was shown."""

    verdicts: Callable[[Pixels], Verdict | None]
    saves: bool = False
    seen: list[tuple[tuple[int, ...], float]] = field(default_factory=list)
    name: str = "stub"

    def keeper(self) -> GateKeeper:
        return Keeper(self.verdicts, self.seen)


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
            *((n, "tick", t) for t in (2.0, 3.0, 4.0, 5.0) for n in (1, 2)),
            (1, "reading", 5.5),
            (2, "reading", 5.5),
        ]
        # The first tick more than two seconds after the last picture ends the state; by 3.0 it is not yet too old.
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
        assert [entry.item for entry in step.entries] == [Tick(2.0), Tick(3.0), Tick(3.5)]
        assert told(step.changes) == [("closed", None, "cat", 3.0)]
        assert pipeline.time == 3.5
        # The position is that of the last picture.
        assert pipeline.position == [0.5]

    def test_how_long_there_may_be_no_picture(self, small: Classifier) -> None:
        pipeline = Pipeline("gate-1", [view(1, small)], pause=30.0)
        pipeline.step(frame(0.0, WHITE))
        assert [entry.kind for entry in pipeline.step(frame(20.0, WHITE)).entries] == ["reading"]
        assert [entry.item.time for entry in pipeline.step(frame(90.0, WHITE)).entries] == [50.0, 80.0, 90.0]

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
    return [(step.entries, step.changes, [seen.event for seen in step.seen], step.notes) for step in steps]


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
        assert [entry.kind for entry in step.entries] == ["tick"] * 4 + ["reading"]
        assert {(c.change, c.event.start_time, at) for c, at in step.changes} == {("opened", 5.0, 4)}

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
        checkpoint = pipeline.checkpoint() | {"version": 2}
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

    def test_gates_see_again_what_they_had_seen(self, small: Classifier) -> None:
        # What was classified last is not stored: the first picture is classified, whatever a gate says.
        def pipeline() -> Pipeline:
            return Pipeline("gate-1", [view(1, small, gates=[StubGate(grey, saves=True)])])

        first = pipeline()
        first.step(frame(0.0, WHITE))
        second = pipeline()
        second.resume(by_json(first.checkpoint()))
        assert [second.step(frame(t, GREY)).entries[-1].kind for t in (0.5, 1.0)] == ["reading", "repeated"]

"""Cameras at work: each on a thread of its own, all stored by one."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import sys
import threading
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from tests.clips import BRIGHT, DARK, Scripted, noisy

from decisight.errors import OutputError, SourceError, StoreError
from decisight.events import EventFold, Scope
from decisight.models.classifier import Classifier, load
from decisight.pipeline import Pipeline, Predictor, Seen, Step, View
from decisight.policies.parsing import parse_policy
from decisight.policies.task_fold import TaskFold
from decisight.sources.opened import Opened
from decisight.store import EvidencePicture
from decisight.types import EventChange, Frame, Position
from decisight.workers import CameraRun, Evidence, Health, Inference, Recorder, Vitals, cameras, recorder, status, watch

from .conftest import LOCKED, RUINED, FakeCodec, FakeSink, FakeStore, Heard

# The name in the package is that of its function.
module_of_watch = sys.modules["decisight.workers.watch"]


@pytest.fixture(scope="module")
def model(small_model: Path) -> Classifier:
    return load(small_model, threads=1)


@pytest.fixture
def stop() -> Iterator[threading.Event]:
    event = threading.Event()
    yield event
    event.set()


class Counting(FakeStore):
    """Stops everything once so many entries are stored."""

    stop: threading.Event | None = None
    until: Callable[[FakeStore], bool] = staticmethod(lambda store: False)

    def commit(self, batches: Sequence[Any]) -> None:
        super().commit(batches)
        if self.stop is not None and self.until(self):
            self.stop.set()

    def entries(self) -> list[tuple[str, float]]:
        return [(batch.camera, record[1]) for batch in self.batches for record in batch.records]


def camera(
    model: Classifier,
    source: Scripted,
    name: str = "gate",
    *,
    pause: float = 1.0,
    settings: dict[str, Any] | None = None,
    evidence: Evidence | None = None,
    begin: Step | None = None,
    share: Callable[[Classifier], Predictor] = lambda model: model,
) -> CameraRun:
    fold = TaskFold.of({"class": parse_policy("consecutive:2", settings)}, model.task)
    scope = Scope("store", "plant", name, None, "small", "class")
    view = View(1, None, share(model), fold, {"class": EventFold(scope)})
    pipeline = Pipeline(name, [view], identity=source.identity, pause=pause)
    return CameraRun(name, source, pipeline, None, evidence or Evidence(), begin or Step())


def made(log: list[Any], store: FakeStore, sinks: dict[str, FakeSink] | None = None, **options: Any) -> Recorder:
    return Recorder(store, {1: FakeCodec()}, sinks or {}, Heard(log), **options)  # type: ignore[arg-type]


def changes(store: FakeStore, name: str = "gate") -> list[tuple[str, str, str | None]]:
    found: list[EventChange] = [c for batch in store.batches if batch.camera == name for c, _ in batch.changes]
    return [(c.change, c.event.state, c.event.ended_by) for c in found]


CAT = [("opened", "cat", None), ("closed", "cat", "source ended")]


def test_until_every_camera_has_come_to_its_end(log: list[Any], stop: threading.Event, model: Classifier) -> None:
    store = Counting(log)
    found = made(log, store, {"a": FakeSink(log)})
    runs = [camera(model, Scripted([BRIGHT] * n, begin=100.0 * n), f"camera {n}") for n in (3, 5)]
    watch(runs, found, found.listener, stop)
    for n, run in zip((3, 5), runs, strict=True):
        assert changes(store, run.name) == CAT
        times = [time for name, time in store.entries() if name == run.name]
        assert times == [pytest.approx(100.0 * n + at / 10) for at in range(n)]
        assert (run.status.frames, run.status.finished, run.status.error) == (n, True, None)
        assert run.status.judged == 1.0
        (last,) = [batch.checkpoint for batch in store.batches if batch.camera == run.name][-1:]
        assert last is not None
        assert last["finished"]
        assert last["position"] == n - 1
        assert not run.alive
    assert not stop.is_set() or all(run.pipeline.finished for run in runs)
    order = [entry for entry in log if entry[0] in ("stored", "reported")]
    stored: set[str] = set()
    for kind, what in order:
        if kind == "stored":
            stored |= set(what)
        else:
            assert what in stored, "it was reported before it was stored"


@pytest.mark.parametrize(("how", "kind"), [("gone", SourceError), ("mistake", RuntimeError)])
def test_one_camera_fails_and_the_others_go_on(
    log: list[Any], stop: threading.Event, model: Classifier, how: str, kind: type[Exception]
) -> None:
    store = Counting(log)
    found = made(log, store)
    bad = camera(model, Scripted([BRIGHT] * 9, fails_after=4, how=how), "bad")
    good = camera(model, Scripted([BRIGHT] * 9), "good")
    watch([bad, good], found, found.listener, stop)
    assert isinstance(bad.status.error, kind)
    assert bad.status.finished
    assert not bad.pipeline.finished
    assert changes(store, "bad") == CAT[:1]
    assert changes(store, "good") == CAT
    said = [text for name, text in found.listener.notes if name == "bad"]  # type: ignore[attr-defined]
    assert len(said) == 1
    assert said[0].startswith("it has stopped: ")


def test_what_taking_up_has_changed_is_stored_first(log: list[Any], stop: threading.Event, model: Classifier) -> None:
    store = Counting(log)
    found = made(log, store)
    run = camera(model, Scripted([BRIGHT]), begin=Step(notes=("it is another one",)))
    watch([run], found, found.listener, stop)
    assert [note.text for note in store.batches[0].notes] == ["it is another one"]
    assert found.listener.notes == [("gate", "it is another one")]  # type: ignore[attr-defined]


def test_a_recording_that_is_over_is_not_opened_again(log: list[Any], stop: threading.Event, model: Classifier) -> None:
    store = Counting(log)
    found = made(log, store)
    run = camera(model, Scripted([BRIGHT] * 3, fails_after=0))
    run.pipeline.finished = True
    watch([run], found, found.listener, stop)
    assert (run.status.error, store.batches) == (None, [])


def test_a_store_that_fails_loses_nothing(log: list[Any], stop: threading.Event, model: Classifier) -> None:
    store = Counting(log, [LOCKED] * 5)
    found = made(log, store)
    levels = ([BRIGHT] * 3 + [DARK] * 3) * 40
    watch([camera(model, Scripted(levels))], found, found.listener, stop)
    assert len(store.entries()) == len(levels)
    assert len(set(store.entries())) == len(levels)
    assert store.entries() == sorted(store.entries())


@pytest.mark.parametrize("failures", [[RUINED], [LOCKED, RUINED]])
def test_a_store_that_is_ruined_ends_everything(
    log: list[Any], stop: threading.Event, model: Classifier, failures: list[StoreError]
) -> None:
    found = made(log, Counting(log, failures))
    # More than may wait: the camera must not be left waiting for room that nobody makes.
    run = camera(model, Scripted([BRIGHT, DARK] * 300))
    with pytest.raises(StoreError, match="damaged"):
        watch([run], found, found.listener, stop)
    assert stop.is_set()
    assert not run.alive


def test_a_stop_while_the_store_fails_ends_after_a_while(
    log: list[Any], stop: threading.Event, model: Classifier
) -> None:
    store = Counting(log, [LOCKED] * 1_000_000)
    found = made(log, store, patience=0.02)
    heard = found.listener
    run = camera(model, Scripted([BRIGHT] * 500))

    class Stopping(Heard):
        def noted(self, camera: str | None, text: str) -> None:
            super().noted(camera, text)
            stop.set()

    found.listener = Stopping(log)
    with pytest.raises(StoreError, match="locked"):
        watch([run], found, heard, stop)
    assert not run.alive
    assert store.batches == []


def test_a_stop_leaves_what_is_open_open(log: list[Any], stop: threading.Event, model: Classifier) -> None:
    store = Counting(log)
    store.stop, store.until = stop, lambda store: bool(changes(store))
    found = made(log, store)
    run = camera(model, Scripted([BRIGHT] * 4, live=True))
    watch([run], found, found.listener, stop)
    assert changes(store) == CAT[:1]
    (last,) = [batch.checkpoint for batch in store.batches][-1:]
    assert last is not None
    assert not last["finished"]
    assert not run.alive


class TestLive:
    def test_time_passes_where_no_picture_comes(
        self, log: list[Any], stop: threading.Event, model: Classifier, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(cameras, "_LAG", 0.0)
        store = Counting(log)
        store.stop, store.until = stop, lambda store: len(changes(store)) == 2
        found = made(log, store)
        # Nothing more comes, so the cat is gone once its last picture is too old; no reading says so.
        run = camera(model, Scripted([BRIGHT] * 3, live=True), pause=0.02, settings={"stale_after": "100ms"})
        watch([run], found, found.listener, stop)
        assert changes(store) == [CAT[0], ("closed", "cat", "unknown (cannot_judge)")]
        assert run.status.frames == 3
        assert run.status.entries["tick"] >= 4
        times = [time for _, time in store.entries()]
        assert times == sorted(times)
        (closed,) = [c for batch in store.batches for c, _ in batch.changes if c.change == "closed"]
        assert closed.event.end_time is not None
        assert closed.event.end_time > Scripted([]).begin + 0.2 + 0.1

    def test_no_time_passes_before_a_picture_may_have_come(
        self, log: list[Any], stop: threading.Event, model: Classifier
    ) -> None:
        """A picture may be two seconds on its way: ticks must not overtake it."""
        store = Counting(log)
        found = made(log, store)
        run = camera(model, Scripted([BRIGHT] * 3, live=True), pause=0.02)
        threading.Timer(0.3, stop.set).start()
        watch([run], found, found.listener, stop)
        # Time passes between pictures, but not after the last one.
        assert run.status.frames == 3
        assert store.entries()[-1] == ("gate", run.status.last_time)

    def test_one_that_was_watched_to_its_end_is_followed(
        self, log: list[Any], stop: threading.Event, model: Classifier
    ) -> None:
        """A folder, say, that is followed from now on."""
        store = Counting(log)
        store.stop, store.until = stop, lambda store: len(store.entries()) == 2
        found = made(log, store)
        run = camera(model, Scripted([BRIGHT] * 4, live=True))
        run.pipeline.position, run.pipeline.finished = 1, True
        watch([run], found, found.listener, stop)
        assert run.status.frames == 2

    @pytest.mark.parametrize(("how", "kind"), [("gone", SourceError), ("mistake", RuntimeError)])
    def test_one_that_fails(
        self, log: list[Any], stop: threading.Event, model: Classifier, how: str, kind: type[Exception]
    ) -> None:
        found = made(log, Counting(log))
        run = camera(model, Scripted([BRIGHT] * 4, fails_after=2, how=how, live=True), pause=0.02)
        watch([run], found, found.listener, stop)
        assert isinstance(run.status.error, kind)
        assert run.status.frames == 2

    def test_no_thread_is_left_behind(
        self, log: list[Any], stop: threading.Event, model: Classifier, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Also where it was the pipeline that failed, with pictures still on their way."""
        found = made(log, Counting(log))
        run = camera(model, Scripted([BRIGHT] * 1000, live=True), pause=0.02)

        def fall_over(frame: Any) -> Step:
            raise ValueError("it fell over")

        monkeypatch.setattr(Pipeline, "step", lambda self, frame: fall_over(frame))
        before = set(threading.enumerate())
        watch([run], found, found.listener, stop)
        assert isinstance(run.status.error, ValueError)
        for thread in set(threading.enumerate()) - before:
            thread.join(10.0)
            assert not thread.is_alive()


class TestCare:
    def test_it_is_done_at_once_and_then_now_and_again(
        self, log: list[Any], stop: threading.Event, model: Classifier
    ) -> None:
        found = made(log, Counting(log))
        done: list[int] = []

        def care() -> None:
            done.append(1)
            if len(done) == 3:
                stop.set()

        run = camera(model, Scripted([BRIGHT], live=True))
        watch([run], found, found.listener, stop, care=care, care_seconds=0.0)
        assert len(done) >= 3

    @pytest.mark.parametrize("error", [LOCKED, RUINED, OutputError("the other machine is away")])
    def test_where_it_fails_watching_goes_on(
        self, log: list[Any], stop: threading.Event, model: Classifier, error: Exception
    ) -> None:
        store = Counting(log)
        found = made(log, store)

        def care() -> None:
            raise error

        watch([camera(model, Scripted([BRIGHT] * 3))], found, found.listener, stop, care=care)
        assert changes(store) == CAT
        assert str(error) in found.listener.notes[0][1]  # type: ignore[attr-defined]


def test_more_than_may_wait_is_waited_for(
    log: list[Any], stop: threading.Event, model: Classifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A recording waits while nothing can be stored, and loses nothing."""
    monkeypatch.setattr(recorder, "FLUSH_SECONDS", 0.0)
    store = Counting(log, [LOCKED] * 20)
    found = made(log, store)
    watch([camera(model, Scripted([BRIGHT, DARK] * 150))], found, found.listener, stop)
    assert len(store.entries()) == 300


class Slow(Scripted):
    """A recording whose second picture is due in an hour."""

    stop: threading.Event
    was_closed: bool = False

    def open(
        self, *, after: Position | None = None, fps: float | None = None
    ) -> AbstractContextManager[Iterator[Frame]]:
        def begin(closed: threading.Event) -> Generator[Frame]:
            yield Frame("0", self.begin, noisy(BRIGHT, 0), 0)
            self.stop.set()
            self.was_closed = closed.wait(30.0)

        return Opened(begin)


def test_a_stop_does_not_wait_for_the_next_picture(log: list[Any], stop: threading.Event, model: Classifier) -> None:
    source = Slow([BRIGHT])
    source.stop = stop
    run = camera(model, source)
    watch([run], made(log, FakeStore(log)), Heard(log), stop)
    assert source.was_closed
    assert run.status.frames == 1
    assert not run.pipeline.finished


class Flaky(Scripted):
    """A live camera that fails at the pictures that it is told to, and falls silent after the last one."""

    fails: dict[int, Exception]
    opened: int = 0

    def open(
        self, *, after: Position | None = None, fps: float | None = None
    ) -> AbstractContextManager[Iterator[Frame]]:
        object.__setattr__(self, "opened", self.opened + 1)

        def begin(closed: threading.Event) -> Generator[Frame]:
            for at in range(0 if after is None else int(after) + 1, len(self.levels)):
                if at in self.fails:
                    raise self.fails.pop(at)
                yield Frame(f"{at}", self.begin + at / self.fps, noisy(self.levels[at], at), at)
            closed.wait()

        return Opened(begin)


class TestStartedAgain:
    """A live camera that fails, in whatever way, goes on from what was handed over last."""

    @pytest.fixture(autouse=True)
    def soon(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(cameras, "_FIRST_WAIT", 0.01)
        monkeypatch.setattr(cameras, "_LONGEST_WAIT", 0.02)
        monkeypatch.setattr(cameras, "_STEADY", 0.05)

    def made(self, model: Classifier, fails: dict[int, Exception], levels: list[int]) -> CameraRun:
        source = Flaky(levels, live=True)
        object.__setattr__(source, "fails", fails)
        run = camera(model, source, pause=0.02)

        def renewed(checkpoint: Mapping[str, Any] | None) -> tuple[Pipeline, Step]:
            fresh = camera(model, source, pause=0.02).pipeline
            return fresh, Step() if checkpoint is None else fresh.resume(json.loads(json.dumps(checkpoint)))

        return dataclasses.replace(run, renewal=renewed, _wait=0.01)

    def test_the_source_fails(self, log: list[Any], stop: threading.Event, model: Classifier) -> None:
        store = Counting(log)
        levels = [BRIGHT] * 6 + [DARK] * 6
        run = self.made(model, {3: SourceError("gone"), 4: RuntimeError("fell over"), 8: OSError("lost")}, levels)
        store.stop = stop
        store.until = lambda store: any("works again" in note.text for b in store.batches for note in b.notes)
        found = made(log, store)
        watch([run], found, found.listener, stop)
        # As if nothing had been: every picture once, one event after the other.
        times = [time for _, time in store.entries()]
        assert times == sorted(times)
        assert run.status.frames == len(levels)
        assert changes(store)[:3] == [CAT[0], ("closed", "cat", "dog"), ("opened", "dog", None)]
        assert run.status.restarts == 3
        assert run.status.error is None
        assert run.health().events_open == 1
        said = [text for _, text in found.listener.notes]  # type: ignore[attr-defined]
        assert said[0] == "it has failed: gone: it is started again until it works"
        assert said[-1].startswith("it works again, after ")
        # Told once, however often it fails before it works again.
        assert len(said) <= 4

    def test_the_pipeline_fails(
        self, log: list[Any], stop: threading.Event, model: Classifier, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """In the middle of a step: what it had counted by then is forgotten, and the picture is looked at again."""
        store = Counting(log)
        run = self.made(model, {}, [BRIGHT] * 8)
        broken = {3, 5}
        original = Pipeline.step

        def step(self: Pipeline, frame: Frame) -> Step:
            done = original(self, frame)
            if frame.position in broken:
                broken.remove(frame.position)
                raise MemoryError
            return done

        monkeypatch.setattr(Pipeline, "step", step)
        store.stop, store.until = stop, lambda store: run.status.frames == 8
        found = made(log, store)
        watch([run], found, found.listener, stop)
        times = [time for _, time in store.entries()]
        assert times == sorted(times)
        assert (run.status.restarts, run.status.frames) == (2, 8)
        assert changes(store) == CAT[:1]

    def test_a_picture_that_it_always_fails_at_is_passed_over(
        self, log: list[Any], stop: threading.Event, model: Classifier, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Else a folder that is followed would never come past it."""
        store = Counting(log)
        run = self.made(model, {}, [BRIGHT] * 8)
        original = Pipeline.step

        def step(self: Pipeline, frame: Frame) -> Step:
            if frame.position == 3 and frame.pixels is not None:
                raise ValueError("such a picture")
            return original(self, frame)

        monkeypatch.setattr(Pipeline, "step", step)
        store.stop, store.until = stop, lambda store: run.status.frames == 8
        found = made(log, store)
        watch([run], found, found.listener, stop)
        assert run.status.restarts == 2
        assert run.status.causes == {"looking at it has failed twice": 1}

    def test_a_picture_that_cannot_be_kept_is_passed_over(
        self, log: list[Any], stop: threading.Event, model: Classifier, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """One that opens an event: the next one does, and nothing of it is counted twice."""
        store = Counting(log)
        run = self.made(model, {}, [BRIGHT] * 8)

        def pictures(self: Evidence, seen: Sequence[Seen]) -> list[EvidencePicture]:
            if min(one.event.start_time for one in seen) < Scripted.begin + 0.15:
                raise MemoryError
            return []

        monkeypatch.setattr(Evidence, "pictures", pictures)
        store.stop, store.until = stop, lambda store: run.status.frames >= 8
        found = made(log, store)
        watch([run], found, found.listener, stop)
        times = [time for _, time in store.entries()]
        assert times == sorted(set(times))
        assert run.status.restarts == 2
        assert (run.status.frames, run.status.causes) == (8, {"looking at it has failed twice": 1})
        assert changes(store) == CAT[:1]

    def test_it_is_said_while_it_fails(self, log: list[Any], stop: threading.Event, model: Classifier) -> None:
        run = self.made(model, {0: SourceError("no route to it")}, [BRIGHT])
        run.renewal = never = _Never()
        found = made(log, Counting(log))
        watching = threading.Thread(target=watch, args=([run], found, found.listener, stop))
        watching.start()
        assert never.asked.wait(30.0)
        deadline = time.monotonic() + 30.0
        while run.health().cause != "ValueError: cannot be made":
            assert time.monotonic() < deadline
            time.sleep(0.001)
        assert run.health().state == "failed"
        assert run.alive
        stop.set()
        watching.join(30.0)
        assert not watching.is_alive()
        assert run.status.error is None

    def test_a_recording_ends(self, log: list[Any], stop: threading.Event, model: Classifier) -> None:
        run = camera(model, Scripted([BRIGHT] * 4, fails_after=2))
        run.renewal = _Never()
        found = made(log, Counting(log))
        watch([run], found, found.listener, stop)
        assert isinstance(run.status.error, SourceError)
        assert run.health().state == "failed"
        assert not run.renewal.asked.is_set()


class _Never:
    """Makes no pipeline."""

    def __init__(self) -> None:
        self.asked = threading.Event()

    def __call__(self, checkpoint: Mapping[str, Any] | None) -> tuple[Pipeline, Step]:
        self.asked.set()
        raise ValueError("cannot be made")


class Stuck(Scripted):
    """A live camera that cannot be interrupted: it gives one picture, and then waits for somebody to let go."""

    go: threading.Event

    def open(
        self, *, after: Position | None = None, fps: float | None = None
    ) -> AbstractContextManager[Iterator[Frame]]:
        return contextlib.nullcontext(_StuckFrames(self))  # type: ignore[arg-type]


class _StuckFrames:
    def __init__(self, source: Stuck) -> None:
        self._source, self._given = source, False

    def next_within(self, seconds: float) -> Frame | None:
        if self._given:
            self._source.go.wait(60.0)
            raise StopIteration
        self._given = True
        return Frame("0", self._source.begin, noisy(BRIGHT, 0), None)


def test_one_that_hangs_is_seen_and_left_behind(
    log: list[Any], stop: threading.Event, model: Classifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(status, "_HANGING", 0.05)
    monkeypatch.setattr(module_of_watch, "_FAREWELL", 0.2)
    source = Stuck([BRIGHT], live=True)
    object.__setattr__(source, "go", threading.Event())
    stuck = camera(model, source, "stuck")
    good = camera(model, Scripted([BRIGHT, DARK] * 5), "good")
    found = made(log, Counting(log))
    watching = threading.Thread(target=watch, args=([stuck, good], found, found.listener, stop))
    watching.start()
    try:
        deadline = time.monotonic() + 30.0
        while not (stuck.health().cause or "").startswith("the source does not answer"):
            assert time.monotonic() < deadline
            time.sleep(0.005)
        while good.alive:
            assert time.monotonic() < deadline
            time.sleep(0.005)
        stop.set()
        watching.join(30.0)
        assert not watching.is_alive()
    finally:
        source.go.set()
    assert changes(found.store, "good")[-1:] == []  # type: ignore[arg-type]
    said = [text for name, text in found.listener.notes if name == "stuck"]  # type: ignore[attr-defined]
    assert said == ["it does not end: it is left behind; what it had decided is stored"]
    # What it had decided is stored.
    assert [time for name, time in found.store.entries() if name == "stuck"] == [source.begin]  # type: ignore[attr-defined]


def test_how_storing_goes_is_told(log: list[Any], stop: threading.Event, model: Classifier) -> None:
    store = Counting(log, [LOCKED] * 3)
    found = made(log, store, {"bad": FakeSink(log, fails_at=range(1, 10_000))})
    seen: list[Health] = []

    class Looking(Heard):
        def idle(self) -> None:
            seen.append(vitals.health())

    found.listener = Looking(log)
    run = camera(model, Scripted([BRIGHT] * 3))
    vitals = Vitals([run], found)
    watch([run], found, found.listener, stop)
    assert "the database is locked" in {health.store.cause for health in seen}
    last = vitals.health()
    assert last.store.cause is None
    assert [sink.cause for sink in last.store.sinks] == ["nobody answers"]
    assert (last.cameras[0].state, last.store.waiting) == ("ended", 0)
    assert last.memory is None or last.memory > 1_000_000


def test_a_hundred_cameras_end_together(log: list[Any], stop: threading.Event, model: Classifier) -> None:
    """All that they had decided is stored, and no thread is left."""
    store = Counting(log)
    store.stop, store.until = stop, lambda store: len(set(store.entries())) >= 200
    found = made(log, store)
    before = set(threading.enumerate())
    with Inference(cameras=100, threads=2) as inference:
        runs = [
            camera(
                model,
                Scripted([BRIGHT, DARK], live=True),
                f"camera {number}",
                pause=3600.0,
                share=inference.share,
            )
            for number in range(100)
        ]
        vitals = Vitals(runs, found, inference)
        watch(runs, found, found.listener, stop)
    for thread in set(threading.enumerate()) - before:
        thread.join(10.0)
        assert not thread.is_alive()
    health = vitals.health()
    assert {one.state for one in health.cameras} == {"ended"}
    assert sum(one.frames for one in health.cameras) == len(store.entries()) >= 200
    assert sum(size * number for size, number in health.inference.batches.items()) == len(store.entries())

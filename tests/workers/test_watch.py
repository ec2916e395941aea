"""Cameras at work: each on a thread of its own, all stored by one."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from tests.clips import BRIGHT, DARK, Scripted, noisy

from decisight.errors import OutputError, SourceError, StoreError
from decisight.events import EventFold, Scope
from decisight.models.classifier import Classifier, load
from decisight.pipeline import Pipeline, Step, View
from decisight.policies.parsing import parse_policy
from decisight.policies.task_fold import TaskFold
from decisight.sources.opened import Opened
from decisight.types import EventChange, Frame, Position
from decisight.workers import CameraRun, Evidence, Recorder, cameras, recorder, watch

from .conftest import LOCKED, RUINED, FakeCodec, FakeSink, FakeStore, Heard


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
) -> CameraRun:
    fold = TaskFold.of({"class": parse_policy("consecutive:2", settings)}, model.task)
    scope = Scope("store", "plant", name, None, "small", "class")
    view = View(1, None, model, fold, {"class": EventFold(scope)})
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

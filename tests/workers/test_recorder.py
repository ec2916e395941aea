"""What is decided is stored before anybody hears of it, and neither is lost nor said twice, whatever fails."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from decisight.errors import StoreError
from decisight.pipeline import Step
from decisight.workers import Recorder, Taken, recorder, reporter

from .conftest import LOCKED, RUINED, FakeCodec, FakeSink, FakeStore, Heard, change, entry

GO_ON = threading.Event()
GATE, YARD = "gate", "yard"


def taken(camera: str, *times: float, changes: Sequence[Any] = (), notes: Sequence[str] = ()) -> Taken:
    """A step, one reading for each time, and the checkpoint after it."""
    step = Step(tuple(entry(time) for time in times), tuple(changes), notes=tuple(notes))
    return Taken(camera, step, {"position": times[-1]}, times[-1])


def made(log: list[Any], store: FakeStore, sinks: dict[str, FakeSink] | None = None, **options: Any) -> Recorder:
    return Recorder(store, {1: FakeCodec()}, sinks or {}, Heard(log), **options)  # type: ignore[arg-type]


def test_what_cameras_decide_is_one_batch_each_in_order(log: list[Any]) -> None:
    store = FakeStore(log)
    found = made(log, store, {"a": FakeSink(log)})
    first, second = change(1), change(1, "closed")
    found.add(taken(GATE, 1.0, 1.5, changes=[(first, 1)], notes=["a note"]))
    found.add(taken(YARD, 5.0))
    found.add(taken(GATE, 2.0, changes=[(second, None)]))
    found.add(taken(GATE, 3.0, 4.0, changes=[(change(2), 0)], notes=["another"]))
    found.flush(GO_ON)
    gate, yard = store.batches
    assert (gate.camera, yard.camera) == ("gate", "yard")
    assert [time for _, time, _ in gate.records] == [1.0, 1.5, 2.0, 3.0, 4.0]
    # An index counts in the batch, not in the step.
    assert list(gate.changes) == [(first, 1), (second, None), (change(2), 3)]
    assert [(note.text, note.time) for note in gate.notes] == [("a note", 1.5), ("another", 4.0)]
    assert gate.checkpoint is not None
    assert gate.checkpoint["position"] == 4.0
    assert (list(yard.records), yard.changes) == ([(1, 5.0, False)], [])
    assert gate.sinks == ("a",)


def test_what_says_the_same_as_before_is_stored_so(log: list[Any]) -> None:
    store = FakeStore(log)
    found = made(log, store)
    found.add(Taken(GATE, Step((entry(1.0), entry(2.0, kind="repeated"))), {}, 2.0))
    found.flush(GO_ON)
    assert [repeated for _, _, repeated in store.batches[0].records] == [False, True]


def test_nothing_is_reported_or_shown_before_it_is_stored(log: list[Any]) -> None:
    found = made(log, FakeStore(log), {"a": FakeSink(log), "b": FakeSink(log)})
    found.add(taken(GATE, 1.0, changes=[(change(1), 0)], notes=["a note"]))
    assert log == []
    found.flush(GO_ON)
    key = change(1).key
    assert log == [
        ("stored", [key]), ("noted", "gate", "a note"), ("heard", [key]), ("reported", key), ("reported", key),
    ]  # fmt: skip
    found.flush(GO_ON)
    assert len(log) == 5


@pytest.mark.parametrize("times", [1, 2, 7])
def test_a_store_that_fails_for_a_while_is_waited_for(log: list[Any], times: int) -> None:
    store = FakeStore(log, [LOCKED] * times)
    found = made(log, store, {"a": FakeSink(log)})
    found.add(taken(GATE, 1.0, changes=[(change(1), 0)]))
    found.flush(GO_ON)
    assert len(store.batches) == 1
    said = [text for _, text in found.listener.notes]  # type: ignore[attr-defined]
    # Once each, however often it was tried.
    assert said[0] == "the database is locked: waiting until it can be written again"
    assert said[1].startswith("written again, after")
    assert said[1].endswith("nothing was lost")
    assert len(said) == 2
    assert found.listener.idles == times  # type: ignore[attr-defined]
    assert [entry for entry in log if entry[0] == "reported"] == [("reported", change(1).key)]


def test_a_store_that_cannot_be_mended_ends_it(log: list[Any]) -> None:
    store = FakeStore(log, [LOCKED, RUINED])
    found = made(log, store, {"a": FakeSink(log)})
    found.add(taken(GATE, 1.0, changes=[(change(1), 0)]))
    with pytest.raises(StoreError, match="damaged"):
        found.flush(GO_ON)
    assert [entry[0] for entry in log] == ["noted"]


def test_who_is_to_stop_does_not_wait_without_end(log: list[Any]) -> None:
    stop = threading.Event()
    stop.set()
    store = FakeStore(log, [LOCKED] * 100_000)
    found = made(log, store, {"a": FakeSink(log)}, patience=0.02)
    found.add(taken(GATE, 1.0, changes=[(change(1), 0)]))
    with pytest.raises(StoreError, match="locked"):
        found.flush(stop)
    # Of pauses of 1, 2, 2, ... ms there are some ten in 20 ms.
    assert 1 <= 100_000 - len(store.failures) <= 15
    assert not any(entry[0] == "reported" for entry in log)


class Camera:
    """One that waits to hand over what it has decided."""

    def __init__(self, name: str, *, live: bool, held_up: bool) -> None:
        self.name, self.held_up = name, held_up
        self.source = SimpleNamespace(live=live)


def test_that_pictures_of_live_cameras_were_passed_over_is_not_hidden(log: list[Any]) -> None:
    found = made(log, FakeStore(log, [LOCKED]))
    found.cameras = [
        Camera("gate", live=True, held_up=True),  # type: ignore[list-item]
        Camera("yard", live=True, held_up=False),  # type: ignore[list-item]
        Camera("clip", live=False, held_up=True),  # type: ignore[list-item]
    ]
    found.add(taken(GATE, 1.0))
    found.flush(GO_ON)
    said = [text for _, text in found.listener.notes]  # type: ignore[attr-defined]
    assert said[1].endswith(" s; all that was decided is kept; meanwhile pictures of gate were passed over")


def test_a_stop_is_not_held_up_by_a_long_pause(log: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """And what is lost by it is said."""
    monkeypatch.setattr(recorder, "_FIRST_PAUSE", 3600.0)
    monkeypatch.setattr(recorder, "_LONGEST_PAUSE", 3600.0)
    stop = threading.Event()
    found = made(log, FakeStore(log, [LOCKED] * 100_000), patience=0.02)
    found.incoming = queue.Queue()
    found.incoming.put(taken(YARD, 1.0))
    found.cameras = [Camera("gate", live=True, held_up=True)]  # type: ignore[list-item]
    found.add(taken(GATE, 1.0))
    found.add(Taken(GATE, Step((entry(2.0, kind="tick"),)), {}, 2.0))
    timer = threading.Timer(0.2, stop.set)
    timer.start()
    with pytest.raises(StoreError, match="locked: ended with 3 pictures decided on and not stored") as caught:
        found.flush(stop)
    timer.join()
    assert caught.value.hint is not None
    assert "of live cameras is lost; recordings go on" in caught.value.hint


def test_a_store_that_takes_long_to_fail_is_not_asked_once_more_at_the_end(log: list[Any]) -> None:
    stop = threading.Event()

    class Slow(FakeStore):
        asked = 0

        def commit(self, batches: Sequence[Any]) -> None:
            self.asked += 1
            stop.set()
            time.sleep(0.4)
            raise LOCKED

    store = Slow(log)
    found = made(log, store, patience=0.6)
    found.add(taken(GATE, 1.0))
    with pytest.raises(StoreError, match="locked"):
        found.flush(stop)
    assert store.asked == 1


def test_a_stop_with_nothing_to_store_loses_nothing(log: list[Any]) -> None:
    stop = threading.Event()
    stop.set()
    found = made(log, FakeStore(log, others={"fulfil": [LOCKED] * 1000}), patience=0.02)
    with pytest.raises(StoreError, match="locked") as caught:
        found.attend(stop)
    assert caught.value.hint == "all that was decided is stored"
    assert "not stored" not in caught.value.message


def test_sinks_that_hang_share_the_time_that_is_left(log: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder, "_FAREWELL", 0.3)
    sinks = {f"hanging {number}": Hanging(log) for number in range(20)}
    store = FakeStore(log)
    found = made(log, store, {**sinks, "good": FakeSink(log)})
    HANG.clear()
    with found.reporting():
        found.add(taken(GATE, 1.0, changes=[(change(1), 0)]))
        found.flush(GO_ON)
        begun = time.monotonic()
    lasted = time.monotonic() - begun
    HANG.set()
    assert lasted < 20 * 0.3
    assert store.waiting("good") == 0


def test_a_sink_that_fails_is_tried_again_and_nothing_comes_twice(log: list[Any]) -> None:
    store = FakeStore(log)
    sinks = {"bad": FakeSink(log, fails_at={2, 3}), "good": FakeSink(log)}
    found = made(log, store, sinks)
    for number in range(3):
        found.add(taken(GATE, float(number + 1), changes=[(change(number), 0)]))
    found.flush(GO_ON)
    # The first was delivered before the second failed: it is not waiting any more. The other sink is not held up.
    assert [store.outbox[number][1].key for number in store.outbox] == [change(1).key, change(2).key]
    assert sinks["good"].calls == 3
    assert found.undelivered(GO_ON) == 2
    for _ in range(2):
        time.sleep(0.01)
        found.flush(GO_ON)
    assert found.undelivered(GO_ON) == 0
    said = [text for _, text in found.listener.notes]  # type: ignore[attr-defined]
    assert said == [
        "sink bad: nobody answers: tried again until it works", "sink bad: reported again; nothing was lost"
    ]  # fmt: skip
    keys = [entry[1] for entry in log if entry[0] == "reported"]
    assert sorted(keys) == sorted([change(number).key for number in range(3)] * 2)
    assert sinks["bad"].calls == 5


def test_a_sink_that_failed_rests_for_a_while(log: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reporter, "_FIRST_PAUSE", 3600.0)
    store, sink = FakeStore(log), FakeSink(log, fails_at={1})
    found = made(log, store, {"a": sink})
    found.add(taken(GATE, 1.0, changes=[(change(1), 0)]))
    found.flush(GO_ON)
    found.attend(GO_ON)
    assert (sink.calls, found.undelivered(GO_ON)) == (1, 1)
    # In the end there is no later time.
    with found.reporting():
        assert found.undelivered(GO_ON) == 1
    assert (sink.calls, found.undelivered(GO_ON)) == (2, 0)


@pytest.mark.parametrize("method", ["pending", "delivered", "fulfil"])
def test_whatever_the_store_cannot_do_now_is_tried_again(log: list[Any], method: str) -> None:
    store = FakeStore(log, others={method: [LOCKED, LOCKED]})
    found = made(log, store, {"a": FakeSink(log)})
    found.add(taken(GATE, 1.0, changes=[(change(1), 0)]))
    found.flush(GO_ON)
    for _ in range(2):
        time.sleep(0.01)
        found.attend(GO_ON)
    assert found.undelivered(GO_ON) == 0
    assert [entry for entry in log if entry[0] == "reported"] == [("reported", change(1).key)]


def test_what_others_wanted_to_be_said_and_could_not_be_is_told(log: list[Any]) -> None:
    found = made(log, FakeStore(log, fulfilled=["request 3: there is no such event"]))
    found.attend(GO_ON)
    assert found.listener.notes == [(None, "request 3: there is no such event")]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("entries", "changes", "expected"),
    [
        (0, 0, recorder.FLUSH_SECONDS),
        (1, 0, recorder.FLUSH_SECONDS),
        (1, 1, recorder._URGENT_SECONDS),
        (recorder._MOST_ENTRIES, 0, 0.0),
    ],
)
def test_when_it_is_time_to_store(
    log: list[Any], monkeypatch: pytest.MonkeyPatch, entries: int, changes: int, expected: float
) -> None:
    monkeypatch.setattr(recorder.time, "monotonic", lambda: 100.0)
    found = made(log, FakeStore(log))
    if entries:
        found.add(taken(GATE, *[1.0] * entries, changes=[(change(1), 0)] * changes))
    assert found.due_in() == pytest.approx(expected)
    found.flush(GO_ON)
    assert found.due_in() == recorder.FLUSH_SECONDS


class Hanging(FakeSink):
    """Takes nothing, and does not say so."""

    def write(self, change: Any) -> None:
        self.calls += 1
        HANG.wait(10.0)


HANG = threading.Event()


def test_a_sink_that_hangs_or_breaks_holds_nobody_up(log: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder, "_FAREWELL", 0.01)
    store = FakeStore(log)
    broken = FakeSink(log)
    monkeypatch.setattr(broken, "write", lambda change: [][1])
    found = made(log, store, {"hanging": Hanging(log), "broken": broken, "good": FakeSink(log)})
    HANG.clear()
    with found.reporting():
        for number in range(3):
            found.add(taken(GATE, float(number + 1), changes=[(change(number), 0)]))
            found.flush(GO_ON)
        end = time.monotonic() + 10.0
        while store.waiting("good"):
            assert time.monotonic() < end
            time.sleep(0.005)
    HANG.set()
    assert len(store.batches) == 3
    assert [store.waiting(name) for name in ("good", "broken")] == [0, 3]
    assert any("sink broken: IndexError" in text for _, text in found.listener.notes)  # type: ignore[attr-defined]

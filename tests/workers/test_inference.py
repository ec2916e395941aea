"""Classifying for many cameras: the same answers as alone, in batches, in turn, and each error to whom it belongs."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from decisight.errors import ModelError, UsageError
from decisight.models.classifier import Classifier, load
from decisight.types import Prediction
from decisight.workers import Inference

Squares = npt.NDArray[np.uint8]


@pytest.fixture(scope="module")
def model(small_model: Path) -> Classifier:
    return load(small_model, threads=2)


def squares(model: Classifier, number: int, seed: int = 0) -> Squares:
    size = model.card.preprocessing.size
    levels = np.random.default_rng(seed).integers(0, 256, (number, 1, 1, 3), np.uint8)
    return np.broadcast_to(levels, (number, size, size, 3)).astype(np.uint8)


class Held:
    """A model that computes when it is let; it notes the batches that it is given, by the level of each picture.

    A picture of level 13 cannot be computed.
    """

    def __init__(self) -> None:
        self.go = threading.Event()
        self.begun = threading.Semaphore(0)
        self.batches: list[list[int]] = []

    def predict_prepared(self, given: Squares, *, threads: int = 1) -> list[Any]:
        self.batches.append([int(one.flat[0]) for one in given])
        self.begun.release()
        assert self.go.wait(30.0)
        if any(one.flat[0] == 13 for one in given):
            raise ModelError("it is unlucky")
        return [int(one.flat[0]) for one in given]


def level(*levels: int) -> Squares:
    return np.array(levels, np.uint8)[:, None, None, None] * np.ones((1, 2, 2, 3), np.uint8)


class Asking:
    """A camera on a thread of its own that has asked for one answer."""

    def __init__(self, inference: Inference, model: Any, given: Squares) -> None:
        self.answer: Any = None
        self.error: Exception | None = None
        self._thread = threading.Thread(target=self._ask, args=(inference, model, given))
        self._thread.start()

    def _ask(self, inference: Inference, model: Any, given: Squares) -> None:
        try:
            self.answer = inference.share(model).predict_prepared(given)
        except Exception as error:
            self.error = error

    def join(self) -> Asking:
        self._thread.join(30.0)
        assert not self._thread.is_alive()
        return self


def waiting(inference: Inference, number: int) -> None:
    end = time.monotonic() + 30.0
    while inference.health().waiting < number:
        assert time.monotonic() < end
        time.sleep(0.001)


@pytest.fixture
def held() -> Iterator[Held]:
    model = Held()
    yield model
    model.go.set()


def test_answers_are_those_of_the_model_alone(model: Classifier) -> None:
    """To the bit, however the batches formed: what is decided again after a crash must come out the same."""
    with Inference(cameras=8, threads=2) as inference:
        asking = [Asking(inference, model, squares(model, 1 + at % 3, at)) for at in range(24)]
        for at, one in enumerate(asking):
            assert one.join().answer == model.predict_prepared(squares(model, 1 + at % 3, at))
        batches = inference.health().batches
    assert sum(size * number for size, number in batches.items()) == sum(1 + at % 3 for at in range(24))
    assert max(batches) <= 4


def test_it_stands_in_for_the_model(model: Classifier) -> None:
    shared = Inference(cameras=2, threads=2).share(model)
    assert (shared.task, shared.card, shared.file, shared.runtime) == (
        model.task,
        model.card,
        model.file,
        model.runtime,
    )
    picture = np.zeros((20, 30, 3), np.uint8)
    np.testing.assert_array_equal(shared.prepare(picture), model.prepare(picture))


def test_views_of_one_model_stay_together(model: Classifier) -> None:
    inference = Inference(cameras=2, threads=2)
    assert inference.share(model) is inference.share(model)


def test_what_waits_is_taken_together_and_no_more_than_a_share(held: Held) -> None:
    with Inference(cameras=20, threads=1) as inference:
        asking = [Asking(inference, held, level(0))]
        assert held.begun.acquire(timeout=30.0)
        for at in range(1, 7):
            asking.append(Asking(inference, held, level(at)))
            waiting(inference, at)
        held.go.set()
        assert [one.join().answer for one in asking] == [[at] for at in range(7)]
    assert held.batches == [[0], [1, 2, 3, 4], [5, 6]]


def test_two_threads_take_half_each(held: Held) -> None:
    with Inference(cameras=20, threads=2) as inference:
        asking = [Asking(inference, held, level(at)) for at in (100, 101)]
        for _ in range(2):
            assert held.begun.acquire(timeout=30.0)
        for at in range(4):
            asking.append(Asking(inference, held, level(at)))
            waiting(inference, at + 1)
        held.go.set()
        for one in asking:
            one.join()
    # The first of both that is free leaves the other its half.
    assert held.batches[2] == [0, 1]


def test_models_are_not_mixed_and_keep_their_place(held: Held) -> None:
    other = Held()
    other.go.set()
    with Inference(cameras=20, threads=1) as inference:
        asking = [Asking(inference, held, level(0))]
        assert held.begun.acquire(timeout=30.0)
        for at, model in enumerate((other, held, other, held), 1):
            asking.append(Asking(inference, model, level(at)))
            waiting(inference, at)
        held.go.set()
        for one in asking:
            one.join()
    assert other.batches == [[1, 3]]
    assert held.batches == [[0], [2, 4]]


def test_a_fault_is_only_for_the_camera_that_it_comes_from(held: Held) -> None:
    with Inference(cameras=20, threads=1) as inference:
        asking = [Asking(inference, held, level(0))]
        assert held.begun.acquire(timeout=30.0)
        for number, given in enumerate((level(1), level(13), level(2)), 1):
            asking.append(Asking(inference, held, given))
            waiting(inference, number)
        held.go.set()
        assert [one.join().answer for one in asking] == [[0], [1], None, [2]]
        assert isinstance(asking[2].error, ModelError)
        # And it goes on.
        assert Asking(inference, held, level(5)).join().answer == [5]


def test_pictures_of_another_size_harm_nobody(held: Held) -> None:
    with Inference(cameras=20, threads=1) as inference:
        asking = [Asking(inference, held, level(0))]
        assert held.begun.acquire(timeout=30.0)
        for number, given in enumerate((level(1), level(2)[:, :1], level(3)), 1):
            asking.append(Asking(inference, held, given))
            waiting(inference, number)
        held.go.set()
        assert [one.join().answer for one in asking] == [[0], [1], [2], [3]]


def test_a_camera_alone_computes_on_its_own_thread(model: Classifier) -> None:
    at: list[tuple[int, int]] = []

    class Noting(Classifier):
        def predict_prepared(self, given: Squares, *, threads: int = 1) -> list[Prediction]:
            at.append((threading.get_ident(), threads))
            return super().predict_prepared(given, threads=threads)

    noting = Noting(model.file, threads=2)
    with Inference(cameras=1, threads=2) as inference:
        found = inference.share(noting).predict_prepared(squares(model, 5))
        assert len(found) == 5
        assert at == [(threading.get_ident(), 2)]
        assert inference.health().batches == {5: 1}


def test_who_waits_at_the_end_is_told(held: Held) -> None:
    with Inference(cameras=20, threads=1) as inference:
        first = Asking(inference, held, level(0))
        assert held.begun.acquire(timeout=30.0)
        second = Asking(inference, held, level(1))
        waiting(inference, 1)
        threading.Timer(0.05, held.go.set).start()
    assert first.join().answer == [0]
    assert isinstance(second.join().error, RuntimeError)
    with pytest.raises(RuntimeError, match="ended"):
        inference.share(held).predict_prepared(level(1))  # type: ignore[arg-type]


def test_busy(held: Held) -> None:
    with Inference(cameras=3, threads=2) as inference:
        assert inference.health().busy == 0.0
        asking = Asking(inference, held, level(0))
        assert held.begun.acquire(timeout=30.0)
        time.sleep(0.02)
        assert 0.0 < inference.health().busy <= 0.5
        held.go.set()
        asking.join()


@pytest.mark.parametrize("given", [{"cameras": 0, "threads": 1}, {"cameras": 1, "threads": 0}])
def test_nothing_to_do_it_with(given: dict[str, int]) -> None:
    with pytest.raises(UsageError):
        Inference(**given)

"""Classifying for all cameras: a few threads, each with one network run at a time, and batches across cameras.

Cameras hand in prepared pictures and wait. A thread takes what waits, of one model and in the order in which it came,
and waits for nothing more: where little is to do a picture is classified at once, and where much is, batches form by
themselves. So there are never more runs than threads, nor more memory for what they compute, however many cameras there
are; and no camera waits longer than it takes to classify what was there before its picture.
"""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING

import numpy as np

from decisight.errors import UsageError
from decisight.workers.health import InferenceHealth
from decisight.workers.shares import Shares

if TYPE_CHECKING:
    import numpy.typing as npt

    from decisight.models.card import ModelCard
    from decisight.models.classifier import Classifier, Picture
    from decisight.models.model_file import ModelFile
    from decisight.types import Prediction, Runtime, Task

__all__ = ["MOST", "Inference", "SharedClassifier"]

MOST = 4
"""Pictures that one thread classifies at once: what they compute stays in the processor's cache."""


@dataclass(slots=True, eq=False)
class _Square:
    """A prepared picture that is to be classified, and what came of it."""

    pixels: npt.NDArray[np.uint8]
    run: Callable[[npt.NDArray[np.uint8]], Sequence[Prediction]]
    model: int
    done: Callable[[], None]
    found: Prediction | None = None
    error: Exception | None = None


@dataclass(slots=True)
class Inference:
    """Threads that classify for all cameras; a context manager, as they end with it.

        >>> with Inference(cameras=8, threads=2) as inference:          # doctest: +SKIP
        ...     model = inference.share(load("gear.onnx"))

    Args:
        cameras: how many ask.
        threads: that may compute at once. Where there are fewer cameras, several work on one batch; a camera that is
            alone computes on its own thread.
        most: pictures in a batch.
    """

    cameras: int
    threads: int
    most: int = MOST
    _waiting: deque[_Square] = field(default_factory=deque)
    _changed: threading.Condition = field(default_factory=threading.Condition)
    _batches: Counter[int] = field(default_factory=Counter)
    _ended: bool = False
    _shared: dict[int, SharedClassifier] = field(default_factory=dict)
    _workers: list[threading.Thread] = field(default_factory=list)
    _busy: Shares = field(init=False)

    def __post_init__(self) -> None:
        if self.cameras < 1 or self.threads < 1 or self.most < 1:
            raise UsageError("there must be a camera, a thread, and a picture in a batch", hint="1 or more of each")
        self._busy = Shares(self.lanes)

    @property
    def lanes(self) -> int:
        """How many batches are computed at once."""
        return min(self.cameras, self.threads)

    @property
    def each(self) -> int:
        """How many threads work on one of them."""
        return max(1, self.threads // self.cameras)

    def __enter__(self) -> Inference:
        if self.cameras > 1:
            for number in range(self.lanes):
                worker = threading.Thread(target=self._work, name=f"inference {number}", daemon=True)
                self._workers.append(worker)
                worker.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._changed:
            self._ended = True
            left, self._waiting = self._waiting, deque()
            self._changed.notify_all()
        for square in left:
            _fail(square)
        for worker in self._workers:
            worker.join(1.0)

    def share(self, model: Classifier) -> SharedClassifier:
        """A stand-in for a model, whose pictures are classified here; the same one each time."""
        with self._changed:
            if id(model) not in self._shared:
                self._shared[id(model)] = SharedClassifier(model, partial(self.classify, model))
            return self._shared[id(model)]

    def classify(self, model: Classifier, squares: npt.NDArray[np.uint8]) -> list[Prediction]:
        """Classify prepared pictures, together with those of other cameras; waits for it.

        Args:
            model: that classifies them.
            squares: uint8 (N, size, size, 3), N at least 1.

        Raises:
            ModelError: the model cannot be run on these.
            RuntimeError: there are no threads any more.
        """
        run = partial(model.predict_prepared, threads=self.each)
        if not self._workers:
            with self._busy.working():
                self._count(len(squares))
                return run(squares)
        waiter = _Waiter(len(squares))
        asked = [_Square(pixels, run, id(model), waiter.one_done) for pixels in squares]
        with self._changed:
            if self._ended:
                raise RuntimeError("classifying has ended")
            self._waiting.extend(asked)
            self._changed.notify(len(asked))
        waiter.wait()
        for square in asked:
            if square.error is not None:
                raise square.error
        return [square.found for square in asked if square.found is not None]

    def health(self) -> InferenceHealth:
        """How busy it is."""
        with self._changed:
            return InferenceHealth(self.lanes, self._busy.share(), len(self._waiting), dict(self._batches))

    def _count(self, pictures: int) -> None:
        with self._changed:
            self._batches[pictures] += 1

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._ended)
                if self._ended:
                    return
                batch = self._taken()
                self._batches[len(batch)] += 1
            with self._busy.working():
                _run(batch)

    def _taken(self) -> list[_Square]:
        """What waited longest, and what of the same model came next; no more than this thread's share of it.

        What another thread could compute at the same time is not kept waiting for the end of a batch.
        """
        share = -(-len(self._waiting) // self.lanes)
        wanted = min(self.most, share)
        batch: list[_Square] = [self._waiting.popleft()]
        if wanted > 1:
            shape = batch[0].model, batch[0].pixels.shape
            passed: deque[_Square] = deque()
            while self._waiting and len(batch) < wanted:
                square = self._waiting.popleft()
                (batch if (square.model, square.pixels.shape) == shape else passed).append(square)
            # What is of another model keeps its place.
            self._waiting.extendleft(reversed(passed))
        return batch


@dataclass(frozen=True, slots=True)
class SharedClassifier:
    """A model whose pictures are classified together with those of other cameras; otherwise as the model itself.

    Args:
        model: the model.
        classify: prepared pictures.
    """

    model: Classifier
    classify: Callable[[npt.NDArray[np.uint8]], list[Prediction]]

    @property
    def card(self) -> ModelCard:
        """All that the model says of itself."""
        return self.model.card

    @property
    def task(self) -> Task:
        """What it classifies."""
        return self.model.task

    @property
    def file(self) -> ModelFile:
        """Where it comes from, and the digests of it."""
        return self.model.file

    @property
    def runtime(self) -> Runtime:
        """What computes."""
        return self.model.runtime

    def prepare(self, picture: Picture) -> npt.NDArray[np.uint8]:
        """See :meth:`~decisight.models.classifier.Classifier.prepare`."""
        return self.model.prepare(picture)

    def predict_prepared(self, squares: npt.NDArray[np.uint8], *, threads: int = 1) -> list[Prediction]:
        """See :meth:`~decisight.models.classifier.Classifier.predict_prepared`.

        Args:
            squares: uint8 (N, size, size, 3), N at least 1.
            threads: not heeded; there are as many as all cameras share.
        """
        return self.classify(squares)


class _Waiter:
    """Waits until all pictures of one camera are done."""

    def __init__(self, left: int) -> None:
        self._left = left
        self._lock = threading.Lock()
        self._done = threading.Event()

    def one_done(self) -> None:
        with self._lock:
            self._left -= 1
            if self._left:
                return
        self._done.set()

    def wait(self) -> None:
        self._done.wait()


def _run(batch: Sequence[_Square]) -> None:
    """Classify a batch. Where that fails, each picture by itself: a fault is only for the camera that it comes from."""
    try:
        found = batch[0].run(np.stack([square.pixels for square in batch]))
        for square, prediction in zip(batch, found, strict=True):
            square.found = prediction
    except Exception as error:  # whatever it is, the camera is told
        if len(batch) > 1:
            for square in batch:
                _run([square])
            return
        batch[0].error = error
    for square in batch:
        square.done()


def _fail(square: _Square) -> None:
    square.error = RuntimeError("classifying has ended")
    square.done()

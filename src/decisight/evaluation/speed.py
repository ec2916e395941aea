"""How fast a model is on this machine: end to end, beside what decoding and the network alone would allow.

Everything is measured in every round, forwards and backwards by turns, so that a machine that slows down slows all of
it down. A ratio is taken within each round, and the median of the rounds is told; so are the rates.

Decoding and computing on the same threads can be no faster than 1 / (1 / decode + 1 / forward). One picture can take no
less time than decoding it and computing it; what comes on top is the product's own.
"""

from __future__ import annotations

import gc
import itertools
import math
import statistics
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from decisight.errors import ImageError
from decisight.models.classifier import CHUNK, Classifier
from decisight.models.stream import in_order

__all__ = ["ROUNDS", "UNSTEADY", "Latency", "Round", "Speed", "measure"]

ROUNDS = 7

UNSTEADY = 1.3
"""Where the fastest round is faster than the slowest by more than this, something else was using the machine."""

Content: TypeAlias = "str | bytes"
"""A picture's file, by its path or by its content."""

_LEAST = 3
"""Single pictures measured in a round, however slow they are."""

_READY = 8 * CHUNK
"""Pictures that are ready for the network: more than its caches hold."""


@dataclass(frozen=True, slots=True)
class Latency:
    """How long one picture took, in seconds, each part measured by itself.

    Args:
        whole: from the content of its file to the answer.
        decode: from the content to what the network takes.
        forward: the network, all threads on it.
    """

    whole: float
    decode: float
    forward: float


@dataclass(frozen=True, slots=True)
class Round:
    """One round: pictures per second of each way, and pictures one by one.

    Args:
        end_to_end: from the files to predictions.
        decode: from the files to what the network takes.
        forward: the network, on pictures that are ready.
        singles: pictures one by one.
    """

    end_to_end: float
    decode: float
    forward: float
    singles: tuple[Latency, ...]

    @property
    def limit(self) -> float:
        """Pictures per second that decoding and computing on the same threads allow."""
        return 1.0 / (1.0 / self.decode + 1.0 / self.forward)

    @property
    def share(self) -> float:
        """Of the limit that end to end reaches."""
        return self.end_to_end / self.limit

    @property
    def overhead(self) -> float:
        """How many times as long as decoding and computing one picture takes: the median over the round."""
        return statistics.median(single.whole / (single.decode + single.forward) for single in self.singles)


@dataclass(frozen=True, slots=True)
class Speed:
    """How fast a model was: a figure for each round."""

    rounds: tuple[Round, ...]

    def rate(self, of: Callable[[Round], float]) -> float:
        """The median over the rounds of one of their figures, for example ``speed.rate(lambda r: r.share)``."""
        return statistics.median(map(of, self.rounds))

    def percentile(self, percent: float) -> float:
        """In seconds: so many of a hundred single pictures took no longer, over all rounds."""
        singles = [single.whole for each in self.rounds for single in each.singles]
        return float(np.percentile(singles, percent))

    def spread(self, of: Callable[[Round], float]) -> float:
        """The largest figure of the rounds by the smallest; 1 where they were alike."""
        figures = [of(each) for each in self.rounds]
        return max(figures) / min(figures)


def measure(
    model: Classifier,
    pictures: Sequence[Content],
    contents: Sequence[bytes],
    answer: Callable[[bytes], object],
    *,
    seconds: float,
    progress: Callable[[str, int, int], None] = lambda what, done, total: None,
) -> Speed:
    """Measure a model, after one pass that is not counted.

    Args:
        model: the model; its threads and its runtime are those measured.
        pictures: what goes in end to end, at least one.
        contents: of single pictures, at least one.
        answer: from the content of a file to all that is said of it, one picture at a time.
        seconds: how long to measure, about; however short, every round holds some pictures.
        progress: told after every round.

    Raises:
        ImageError: a picture cannot be read.
        ModelError: the model cannot be run.
    """
    prepared = [model.prepare(content) for content in itertools.islice(itertools.cycle(contents), _READY)]
    ready = [np.stack(prepared[at : at + CHUNK]) for at in range(0, _READY, CHUNK)]
    ways: dict[str, Callable[[int], None]] = {
        "end to end": lambda count: _end_to_end(model, _repeated(pictures, count)),
        "decode": lambda count: _decode(model, _repeated(pictures, count)),
        "forward": lambda count: _forward(model, ready, count),
    }
    slice_seconds = seconds / ROUNDS / (len(ways) + 1)
    counts = {}
    for name, work in ways.items():
        some = CHUNK * model.threads
        work(some)
        counts[name] = max(some, CHUNK * math.ceil(_rate(work, 2 * some) * slice_seconds / CHUNK))
    one = _single(model, contents[0], answer)
    singles = max(_LEAST, round(slice_seconds / (one.whole + one.decode + one.forward)))
    rounds = []
    progress("rounds", 0, ROUNDS)
    for number in range(ROUNDS):
        order = list(ways) if number % 2 else list(ways)[::-1]
        rates = {name: _rate(ways[name], counts[name]) for name in order}
        at = itertools.islice(itertools.cycle(contents), number, number + singles)
        alone = tuple(_single(model, content, answer) for content in at)
        rounds.append(Round(rates["end to end"], rates["decode"], rates["forward"], alone))
        progress("rounds", number + 1, ROUNDS)
    return Speed(tuple(rounds))


def _rate(work: Callable[[int], None], count: int) -> float:
    gc.collect()
    begin = time.perf_counter()
    work(count)
    return count / (time.perf_counter() - begin)


def _repeated(pictures: Sequence[Content], count: int) -> Iterator[Content]:
    return itertools.islice(itertools.cycle(pictures), count)


def _end_to_end(model: Classifier, pictures: Iterable[Content]) -> None:
    for answer in model.predict_stream(pictures):
        if isinstance(answer, ImageError):
            raise answer


def _decode(model: Classifier, pictures: Iterable[Content]) -> None:
    def work(chunk: Sequence[Content]) -> None:
        for picture in chunk:
            model.prepare(picture)

    deque(in_order(work, pictures, size=CHUNK, threads=model.threads), maxlen=0)


def _forward(model: Classifier, ready: Sequence[npt.NDArray[np.uint8]], count: int) -> None:
    network, batches = model.network(1), itertools.islice(itertools.cycle(ready), math.ceil(count / CHUNK))
    deque(in_order(lambda chunk: network.run(chunk[0]), batches, size=1, threads=model.threads), maxlen=0)


def _single(model: Classifier, content: bytes, answer: Callable[[bytes], object]) -> Latency:
    begin = time.perf_counter()
    answer(content)
    answered = time.perf_counter()
    batch = model.prepare(content)[None]
    prepared = time.perf_counter()
    model.network(model.threads).run(batch)
    return Latency(answered - begin, prepared - answered, time.perf_counter() - prepared)

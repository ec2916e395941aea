"""Work on several threads comes back in order and at once, and no more is taken than is worked on."""

from __future__ import annotations

import itertools
import queue
import threading
import time
from collections.abc import Iterator, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decisight.models.stream import in_order


def squares(chunk: Sequence[int]) -> list[int]:
    return [n * n for n in chunk]


def workers() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("decisight")]


@settings(max_examples=60, deadline=None)
@given(n=st.integers(0, 60), size=st.integers(1, 9), threads=st.integers(1, 4))
def test_all_of_it_in_order(n: int, size: int, threads: int) -> None:
    chunks = list(in_order(squares, iter(range(n)), size=size, threads=threads, patience=60))
    assert [value for chunk in chunks for value in chunk] == [i * i for i in range(n)]
    # Every chunk is full but the last.
    assert [len(chunk) for chunk in chunks[:-1]] == [size] * (len(chunks) - 1)


def test_order_is_kept_though_later_work_ends_first() -> None:
    last_done = threading.Event()

    def work(chunk: Sequence[int]) -> int:
        if chunk[0] == 0:
            assert last_done.wait(30)
        if chunk[0] == 2:
            last_done.set()
        return chunk[0]

    assert list(in_order(work, range(5), size=1, threads=2)) == list(range(5))


def test_chunks_are_worked_on_at_the_same_time() -> None:
    together = threading.Barrier(3, timeout=30)

    def work(chunk: Sequence[int]) -> int:
        together.wait()
        return chunk[0]

    assert list(in_order(work, range(6), size=1, threads=3)) == list(range(6))


class Counted:
    """Numbers without end, and how many were taken."""

    def __init__(self) -> None:
        self.taken = 0

    def __iter__(self) -> Iterator[int]:
        for number in itertools.count():
            self.taken += 1
            yield number


@pytest.mark.parametrize(("size", "threads"), [(1, 1), (4, 2), (3, 4)])
def test_no_more_is_taken_than_three_chunks_a_thread(size: int, threads: int) -> None:
    items = Counted()
    results = in_order(squares, items, size=size, threads=threads)
    assert items.taken == 0
    for number in range(1, 40):
        next(results)
        assert items.taken <= (number + 3 * threads - 1) * size
    results.close()


@settings(max_examples=60, deadline=None)
@given(
    pauses=st.lists(st.sampled_from([0.0, 0.0, 0.001, 0.004]), max_size=30),
    size=st.integers(1, 5),
    threads=st.integers(1, 3),
    patience=st.sampled_from([0.0, 0.002]),
)
def test_all_of_it_in_order_from_a_source_of_any_pace(
    pauses: list[float], size: int, threads: int, patience: float
) -> None:
    def items() -> Iterator[int]:
        for number, pause in enumerate(pauses):
            time.sleep(pause)
            yield number

    chunks = list(in_order(squares, items(), size=size, threads=threads, patience=patience))
    assert [value for chunk in chunks for value in chunk] == [i * i for i in range(len(pauses))]
    assert all(1 <= len(chunk) <= size for chunk in chunks)
    assert workers() == []


class Pipe:
    """Numbers that come when they are sent."""

    def __init__(self) -> None:
        self.sent: queue.SimpleQueue[int | None] = queue.SimpleQueue()

    def __iter__(self) -> Iterator[int]:
        return iter(self.sent.get, None)


@pytest.mark.parametrize(("size", "threads"), [(1, 1), (4, 1), (4, 3)])
def test_a_result_does_not_wait_for_the_next_item(size: int, threads: int) -> None:
    pipe = Pipe()
    results = in_order(squares, pipe, size=size, threads=threads)
    for number in range(5):
        pipe.sent.put(number)
        # Nothing else was sent: without this result, the test would stand still.
        assert next(results) == [number * number]
    pipe.sent.put(None)
    assert list(results) == []
    assert workers() == []


def test_items_of_a_slow_source_wait_together_while_all_threads_work() -> None:
    begun, all_taken = threading.Event(), threading.Event()

    def items() -> Iterator[int]:
        yield 0
        assert begun.wait(30)
        yield from range(1, 6)
        all_taken.set()

    def work(chunk: Sequence[int]) -> list[int]:
        begun.set()
        assert all_taken.wait(30)
        return list(chunk)

    assert list(in_order(work, items(), size=4, threads=1, patience=0)) == [[0], [1, 2, 3, 4], [5]]


def test_closing_does_not_wait_for_a_silent_source() -> None:
    pipe = Pipe()
    results = in_order(squares, pipe, size=4, threads=2)
    pipe.sent.put(3)
    assert next(results) == [9]
    results.close()
    (source,) = workers()
    pipe.sent.put(4)  # taken, and dropped
    source.join(30)
    assert workers() == []


def test_after_closing_the_source_is_at_rest() -> None:
    def items() -> Iterator[int]:
        yield from itertools.count()

    source = items()
    results = in_order(squares, source, size=2, threads=2)
    next(results)
    results.close()
    assert next(source) <= 2 * 3 * 2 + 1


def test_an_error_of_the_work_comes_out_in_its_place() -> None:
    def work(chunk: Sequence[int]) -> int:
        return 12 // (3 - chunk[0])

    results = in_order(work, range(100), size=1, threads=2)
    assert [next(results) for _ in range(3)] == [4, 6, 12]
    with pytest.raises(ZeroDivisionError):
        next(results)
    assert workers() == []
    assert list(results) == []


def test_an_error_of_the_items_comes_after_the_results_before_it() -> None:
    def items() -> Iterator[int]:
        yield from range(5)
        raise OSError("the list ends here")

    results = in_order(squares, items(), size=2, threads=2)
    assert list(itertools.islice(results, 3)) == [[0, 1], [4, 9], [16]]
    with pytest.raises(OSError, match="the list ends here"):
        next(results)
    assert workers() == []


def test_what_cannot_be_iterated_is_an_error() -> None:
    with pytest.raises(TypeError, match="not iterable"):
        list(in_order(squares, 42, size=2, threads=2))  # type: ignore[arg-type]
    assert workers() == []


def test_closing_early_drops_what_was_not_begun() -> None:
    begun: list[int] = []
    hold = threading.Event()

    def work(chunk: Sequence[int]) -> int:
        begun.append(chunk[0])
        assert chunk[0] == 0 or hold.wait(30)
        return chunk[0]

    results = in_order(work, Counted(), size=1, threads=2)
    assert next(results) == 0
    threading.Timer(0.05, hold.set).start()
    results.close()
    assert workers() == []
    assert len(begun) <= 4


def test_leaving_a_loop_early_ends_the_threads() -> None:
    for value in in_order(squares, Counted(), size=2, threads=2):
        if value[0] > 10:
            break
    del value
    assert workers() == []


def test_nothing_to_do() -> None:
    assert list(in_order(squares, [], size=4, threads=2)) == []
    assert workers() == []

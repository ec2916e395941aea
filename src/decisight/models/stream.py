"""Work in order on several threads, in constant memory."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

__all__ = ["in_order"]

T = TypeVar("T")
R = TypeVar("R")

_PATIENCE = 0.05
"""Seconds: long beside the milliseconds between two names in a list, short for who waits for an answer."""

_FAREWELL = 0.5
"""Seconds that a source gets to give the item that it is at, where the rest is no longer wanted."""


def in_order(
    work: Callable[[Sequence[T]], R],
    items: Iterable[T],
    *,
    size: int,
    threads: int,
    patience: float = _PATIENCE,
) -> Iterator[R]:
    """Apply ``work`` to chunks of ``items`` on several threads; results come in the order of the items.

    A result is given as soon as it is there, also while the next item is being waited for. Items of at most three
    full chunks a thread are taken ahead of the results, so memory does not grow with their number. Closing the
    iterator early lets running chunks end and drops the others. An error of the items comes after the results of those
    before it, an error of ``work`` in the place of its result; either is the end.

    Args:
        work: gets a chunk; must be safe to call from several threads at once.
        items: taken as needed, on a thread of their own: nothing else may take from them meanwhile.
        size: items in a chunk. The last is smaller, and one that has waited too long while a thread had nothing to do.
        threads: how many work at once.
        patience: how long a chunk may wait so, in seconds.
    """
    intake = _Intake(items, size=size, most=3 * threads * size)
    pool = ThreadPoolExecutor(threads, thread_name_prefix="decisight")
    waiting: deque[tuple[Future[R], int]] = deque()
    busy = 0

    def submit(chunk: Sequence[T]) -> None:
        nonlocal busy
        busy += 1
        future = pool.submit(work, chunk)
        waiting.append((future, len(chunk)))
        future.add_done_callback(one_less)

    def one_less(_: Future[R]) -> None:
        nonlocal busy
        with intake.changed:
            busy -= 1
            intake.changed.notify_all()

    def first_is_done() -> bool:
        """Submit what comes until there is a first result; false where there is none to come."""
        with intake.changed:
            while True:
                chunk, wait = intake.chunk(patience if busy < threads else None)
                if chunk:
                    submit(chunk)
                elif waiting and waiting[0][0].done():
                    return True
                elif intake.ended and not waiting:
                    return False
                else:
                    intake.changed.wait(wait)

    try:
        intake.start()
        while first_is_done():
            future, taken = waiting.popleft()
            yield future.result()
            intake.make_room(taken)
        if intake.error is not None:
            raise intake.error
    finally:
        intake.close()
        pool.shutdown(wait=True, cancel_futures=True)
        intake.join()


class _Intake(Generic[T]):
    """Items, taken on a thread of its own, so that a source that waits for its next item holds nobody up.

    The thread is a daemon: one that waits on a silent pipe can be stopped by nobody, and must not keep the program.

    Args:
        items: the source.
        size: items in a full chunk.
        most: items that may be taken and not yet made room for.
    """

    def __init__(self, items: Iterable[T], *, size: int, most: int) -> None:
        self.changed = threading.Condition()
        """Held to look at the rest, and told of every change of it."""
        self.ended = False
        self.error: BaseException | None = None
        self._items = items
        self._size = size
        self._room = most
        self._closed = False
        self._arrived: deque[tuple[T, float]] = deque()
        self._thread = threading.Thread(target=self._take, name="decisight-source", daemon=True)

    def start(self) -> None:
        """Begin to take items."""
        self._thread.start()

    def chunk(self, patience: float | None) -> tuple[Sequence[T], float | None]:
        """The next items, for who holds ``changed``.

        Args:
            patience: seconds after which fewer than a full chunk will do; ``None``: they will not.

        Returns:
            The items, none where there are too few; and in how many seconds to ask again, where time alone can help.
        """
        there = len(self._arrived)
        if 0 < there < self._size and not self.ended:
            if patience is None:
                return (), None
            left = self._arrived[0][1] + patience - time.monotonic()
            if left > 0:
                return (), left
        return tuple(self._arrived.popleft()[0] for _ in range(min(self._size, there))), None

    def make_room(self, count: int) -> None:
        """Let so many more items be taken."""
        with self.changed:
            self._room += count
            self.changed.notify_all()

    def close(self) -> None:
        """Take nothing more."""
        with self.changed:
            self._closed = True
            self._arrived.clear()
            self.changed.notify_all()

    def join(self) -> None:
        """Wait a moment for the source to come to rest."""
        if self._thread.ident is not None:
            self._thread.join(_FAREWELL)

    def _take(self) -> None:
        try:
            source = iter(self._items)
            while self._may_take():
                try:
                    item = next(source)
                except StopIteration:
                    break
                with self.changed:
                    self._room -= 1
                    self._arrived.append((item, time.monotonic()))
                    if len(self._arrived) in (1, self._size):
                        self.changed.notify_all()
        except BaseException as error:  # whatever it is, it is for who takes the results
            self.error = error
        finally:
            with self.changed:
                self.ended = True
                self.changed.notify_all()

    def _may_take(self) -> bool:
        with self.changed:
            self.changed.wait_for(lambda: self._closed or self._room > 0)
            return not self._closed

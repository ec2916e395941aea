"""Work in order on several threads, in constant memory."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

__all__ = ["in_order"]

T = TypeVar("T")
R = TypeVar("R")


def in_order(work: Callable[[Sequence[T]], R], items: Iterable[T], *, size: int, threads: int) -> Iterator[R]:
    """Apply ``work`` to chunks of ``items`` on several threads; results come in the order of the items.

    At most three chunks a thread are under way or waiting to be taken, so memory does not grow with the number of
    items. Closing the iterator early lets running chunks end and drops the others.

    Args:
        work: gets a chunk; must be safe to call from several threads at once.
        items: taken as needed, on the caller's thread.
        size: items in a chunk.
        threads: how many work at once.
    """
    source = iter(items)
    waiting: deque[Future[R]] = deque()
    pool = ThreadPoolExecutor(threads, thread_name_prefix="decisight")
    try:
        while True:
            while len(waiting) < 3 * threads and (chunk := tuple(itertools.islice(source, size))):
                waiting.append(pool.submit(work, chunk))
            if not waiting:
                return
            yield waiting.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)

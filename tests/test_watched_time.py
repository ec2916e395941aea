"""How much of the time could be judged, entry by entry: as if all entries were looked at together at the end."""

from __future__ import annotations

import itertools
import statistics

import numpy as np
import pytest

from decisight.types.watched_time import LEAST_SPAN, WatchedTime


def given(entries: list[tuple[float, str]]) -> tuple[float, float]:
    """Seconds watched and judged: ``r`` a picture that was judged, ``x`` one that was not, ``.`` a tick."""
    found = WatchedTime()
    for time, kind in entries:
        if kind == ".":
            found.tick(time)
        else:
            found.picture(time, judged=kind == "r")
    return found.watched_seconds, found.judged_seconds


def expected(entries: list[tuple[float, str]]) -> tuple[float, float]:
    pictures = [time for time, kind in entries if kind != "."]
    gaps = [b - a for a, b in itertools.pairwise(pictures)]
    longest = max(LEAST_SPAN, 3.0 * statistics.median(gaps)) if gaps else LEAST_SPAN
    watched = judged = 0.0
    last: tuple[float, str] | None = None
    for (time, kind), (after, following) in itertools.pairwise(entries):
        last = last if kind == "." else (time, kind)
        span = after - time if "." in kind + following else min(after - time, longest)
        watched += span
        if last is not None and last[1] == "r":
            judged += min(span, max(0.0, last[0] + longest - time))
    return watched, judged


@pytest.mark.parametrize("seed", range(40))
def test_as_if_all_were_looked_at_at_the_end(seed: int) -> None:
    some = np.random.default_rng(seed)
    gap, time, entries = float(some.choice([0.2, 1.0, 5.0, 60.0])), 1e9, []
    for _ in range(some.integers(1, 300)):
        time += gap * float(some.choice([1.0, some.uniform(0.5, 2.0), 20.0 if some.random() < 0.1 else 1.0]))
        entries.append((time, str(some.choice(list("rrrrx.")))))
    # Spans within a hundredth of each other are taken for the same.
    assert given(entries) == pytest.approx(expected(entries), rel=0.01)


def test_years_take_no_room() -> None:
    some = np.random.default_rng(0)
    found, time = WatchedTime(), 0.0
    for _ in range(20_000):
        time += float(some.uniform(0.0, 10.0) ** some.integers(7))
        found.picture(time, judged=True)
    assert len(found._gaps) + len(found._spans) < 4_000

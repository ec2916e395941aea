"""Coverage: the share of the watched time that could be judged."""

from __future__ import annotations

import pytest

from decisight.pipeline import tick_times
from decisight.store import CameraBatch, ReadingRecord, Store, open_store, writing
from decisight.types import Reading

from .conftest import BEGIN, CODEC, KEY, reading, repeated, unsaid, view


def covered(line: str, *, every: float = 1.0, since: float = 0.0, until: float = 1e12) -> tuple[float, float]:
    """Seconds watched and judged by a line: ``r`` judged, ``=`` repeated, ``x`` unjudged, ``.`` a tick."""
    with open_store("sqlite://", key=KEY) as store:
        number = store.view_id(view())
        store.commit([CameraBatch("gate", records(line, number, every))])
        found = store.coverage("gate", since, until).get(number)
        return (0.0, 0.0) if found is None else (found.watched_seconds, found.judged_seconds)


def records(line: str, number: int, every: float) -> list[ReadingRecord]:
    make = {"r": reading, "=": repeated, ".": unsaid, "x": lambda n, time: unsaid(n, time, "too dark")}
    return [make[what](number, BEGIN + at * every) for at, what in enumerate(line) if what != " "]


@pytest.mark.parametrize(
    ("line", "every", "watched", "judged"),
    [
        ("", 1.0, 0.0, 0.0),
        ("r", 1.0, 0.0, 0.0),  # nobody knows for how long
        ("rrrr", 1.0, 3.0, 3.0),
        ("r==r", 1.0, 3.0, 3.0),
        ("rxxr", 1.0, 3.0, 1.0),
        ("xrrr", 1.0, 3.0, 2.0),
        ("xxxx", 1.0, 3.0, 0.0),
        ("rr       r", 1.0, 9.0, 9.0),  # a gap: three times the median of 1 and 8 s would be longer than it
        ("rrrr       r", 1.0, 6.0, 6.0),  # a gap of eight seconds, of which three count
        ("rrrr       r", 0.1, 1.1, 1.1),  # two seconds count always
        ("rrrr.......", 1.0, 10.0, 6.0),  # ticks: a picture speaks for three seconds, then nothing is known
        ("....", 1.0, 3.0, 0.0),
        ("rx..r", 1.0, 4.0, 1.0),  # what could not be judged is not, however the ticks go on
        ("r.r.r.r", 30.0, 180.0, 180.0),  # once a minute is all of the minute
        ("rrrr       .       rr", 1.0, 20.0, 7.0),  # what ends in a tick, or begins with one, is watched whole
        (".       .", 1.0, 8.0, 0.0),
        ("xx       .       x", 1.0, 17.0, 0.0),
    ],
)
def test_time_that_is_covered(line: str, every: float, watched: float, judged: float) -> None:
    assert covered(line, every=every) == pytest.approx((watched, judged))


def test_only_what_was_asked_for() -> None:
    assert covered("rrrrrrrr", since=BEGIN + 2, until=BEGIN + 5) == (2.0, 2.0)
    assert covered("rrrr", since=BEGIN + 100) == (0.0, 0.0)


def filled(store: Store) -> dict[str, int]:
    numbers = {name: store.view_id(view(region=name)) for name in ("bay", "door")}
    for at in range(6):
        both = [
            *records("rr=xr.", numbers["bay"], 1.0),
            *records("xxxrr.", numbers["door"], 1.0),
        ]
        moved = [record._replace(time=record.time + 6.0 * at) for record in both]
        states = {"states": {str(number): {} for number in numbers.values()}}
        store.commit([CameraBatch("gate", moved, checkpoint=states)])
    return numbers


def test_views_are_counted_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    # Over the borders of segments, whose states are no records of anything seen.
    monkeypatch.setattr(writing, "SEGMENT_RECORDS", 10)
    with open_store("sqlite://", key=KEY) as store:
        numbers = filled(store)
        found = store.coverage("gate", 0.0, 1e12)
        assert found.keys() == set(numbers.values())
        bay, door = found[numbers["bay"]], found[numbers["door"]]
        assert (bay.judged, bay.repeated, bay.unjudged, bay.ticks) == (18, 6, {"too dark": 6}, 6)
        assert (door.judged, door.repeated, door.unjudged, door.ticks) == (12, 0, {"too dark": 18}, 6)
        assert bay.watched_seconds == door.watched_seconds == 35.0
        # The tick after the last picture is still within what that speaks for.
        assert bay.judged_seconds == 29.0
        assert bay.share == pytest.approx(29 / 35)
        assert door.share == pytest.approx(17 / 35)
        part = store.coverage("gate", BEGIN + 12, BEGIN + 18)[numbers["bay"]]
        assert (part.judged, part.watched_seconds) == (3, 5.0)
        assert store.coverage("yard", 0.0, 1e12) == {}


def test_a_clock_that_goes_back_takes_no_time_away() -> None:
    with open_store("sqlite://", key=KEY) as store:
        number = store.view_id(view())
        times = [0.0, 1.0, 2.0, -500.0, -499.0]
        store.commit([CameraBatch("gate", [reading(number, BEGIN + time) for time in times])])
        found = store.coverage("gate", 0.0, 1e12)[number]
        assert (found.watched_seconds, found.share) == (3.0, 1.0)
        one = store.coverage("gate", BEGIN, BEGIN + 0.5)[number]
        assert one.share is None


GAP = tick_times(BEGIN + 3.0, BEGIN + 3603.0)
LIVE = [BEGIN + 3.0 + second for second in range(1, 3600)]


@pytest.mark.parametrize("ticks", [GAP, LIVE], ids=["told afterwards", "told live"])
@pytest.mark.parametrize("after", [True, False])
def test_an_hour_without_pictures_is_an_hour(ticks: list[float], after: bool) -> None:
    assert GAP[-1] - GAP[-2] > 60.0
    with open_store("sqlite://", key=KEY) as store:
        number = store.view_id(view())
        before = [reading(number, BEGIN + at) for at in range(4)]
        then = [reading(number, BEGIN + 3603.0 + at) for at in range(2)] if after else []
        store.commit([CameraBatch("gate", [*before, *(unsaid(number, time) for time in ticks), *then])])
        found = store.coverage("gate", 0.0, 1e12)[number]
    assert found.watched_seconds == pytest.approx(3604.0 if after else ticks[-1] - BEGIN)
    # The picture before the hour speaks for three seconds of it.
    assert found.judged_seconds == pytest.approx(7.0 if after else 6.0)


def test_pictures_that_were_passed_over_are_counted() -> None:
    with open_store("sqlite://", key=KEY) as store:
        number = store.view_id(view())
        made = [
            CODEC.record(number, Reading(None, BEGIN + at, cause="too dark"), (), skipped=skipped)
            for at, skipped in enumerate((0, 7, 300))
        ]
        store.commit([CameraBatch("gate", made)])
        found = store.coverage("gate", 0.0, 1e12)[number]
        assert (found.skipped, found.unjudged) == (307, {"too dark": 3})

"""Pictures that arrive in a folder while nobody watches it, and while it is watched: none is lost, none comes twice."""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decisight.imaging import encode_png
from decisight.sources import listing, watching
from decisight.sources.folder import Folder
from decisight.sources.place import Place
from decisight.sources.sampling import Sampler
from decisight.sources.sequence import ByName, ByTime, Sequence
from decisight.sources.watching import Watch
from decisight.types import Frame, Position

LONG_AGO = 1_700_000_000
PICTURE = encode_png(np.zeros((4, 6, 3), np.uint8))

Batch = list[tuple[str, int]]
"""Pictures that arrive together, by name; and when they were changed, in seconds since :data:`LONG_AGO`."""

ORDERS: dict[str, Callable[[Path], Sequence]] = {
    "by time": lambda root: ByTime(str(root), exif=False),
    "by name": lambda root: ByName(1.0, float(LONG_AGO)),
}

every_order = pytest.mark.parametrize("order", ORDERS)


def arrive(root: Path, *pictures: tuple[str, float], content: bytes = PICTURE) -> None:
    for name, at in pictures:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)
        os.utime(root / name, (0, LONG_AGO + at))


def stored(position: Position) -> Position:
    return json.loads(json.dumps(position))


def names_after(root: Path, position: Position = None, count: int | None = None) -> tuple[list[str], Position]:
    """The names that come after a position, at most so many; and the position of the last."""
    with Folder(str(root), follow=False).open(after=position) as frames:
        found = list(islice(frames, count))
    return [frame.name for frame in found], stored(found[-1].position) if found else position


def watch(root: Path, order: str, fps: float | None, position: Position = None) -> Watch:
    sequence = ORDERS[order](root)
    if position is None:
        return Watch(str(root), sequence, Sampler(fps))
    place = Place.of(stored(position), str(root))
    return Watch(str(root), sequence, Sampler(fps, after=sequence.moment(place.taken).slot), place)


def taken(frames: Iterator[Frame | None]) -> Iterator[Frame]:
    return (frame for frame in frames if frame is not None)


@st.composite
def batches(draw: st.DrawFn) -> list[Batch]:
    names = draw(st.permutations([f"{where}{number}.png" for where in ("", "b/") for number in range(6)]))
    moments = draw(st.lists(st.integers(0, 4), min_size=len(names), max_size=len(names)))
    cuts = sorted(draw(st.lists(st.integers(1, len(names)), max_size=4)))
    pictures = list(zip(names, moments, strict=True))
    return [pictures[begin:end] for begin, end in zip([0, *cuts], [*cuts, len(names)], strict=True)]


# --- while nobody watches --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arrivals", "found"),
    [
        ([("late.png", 1.0)], ["late.png"]),
        # As old as the last one, and before it by name.
        ([("a.png", 5.0)], ["a.png"]),
        ([("z.png", 5.0), ("new.png", 9.0), ("late.png", 1.0)], ["late.png", "z.png", "new.png"]),
    ],
)
def test_what_arrives_late_while_nobody_watches(tmp_path: Path, arrivals: Any, found: list[str]) -> None:
    arrive(tmp_path, ("first.png", 2), ("last.png", 5))
    _, position = names_after(tmp_path)
    arrive(tmp_path, *arrivals)
    names, position = names_after(tmp_path, position)
    assert names == found
    # It ends where it is looked at again, and that is where it grows.
    assert names_after(tmp_path, position)[0] == []
    assert Folder.grows


def test_a_late_one_does_not_move_the_place_back(tmp_path: Path) -> None:
    arrive(tmp_path, ("a.png", 1), ("b.png", 9))
    _, first = names_after(tmp_path)
    arrive(tmp_path, ("c.png", 4))
    _, then = names_after(tmp_path, first)
    assert then[:2] == first[:2] == [(LONG_AGO + 9) * 10**9, "b.png"]


def test_the_rest_of_what_came_late_is_not_lost_in_a_crash(tmp_path: Path) -> None:
    arrive(tmp_path, ("last.png", 9))
    _, position = names_after(tmp_path)
    arrive(tmp_path, ("a.png", 1), ("b.png", 2), ("c.png", 3), ("new.png", 10))
    found = []
    for expected in ("a.png", "b.png"):
        names, position = names_after(tmp_path, position, count=1)
        assert names == [expected]
        found += names
    # Older than those that were given of the look before.
    arrive(tmp_path, ("0.png", 0))
    assert names_after(tmp_path, position)[0] == ["0.png", "c.png", "new.png"]


@settings(deadline=None, max_examples=40)
@given(batches(), st.data())
def test_nothing_is_lost_and_nothing_comes_twice(arriving: list[Batch], data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as text:
        root, found, position = Path(text), [], None
        arrive(root, ("first.png", 2))
        for batch in [*arriving, []]:
            arrive(root, *batch)
            # It ends after any picture, by a crash say, or goes on to the end.
            names, position = names_after(root, position, data.draw(st.integers(0, 4) | st.none()))
            found += names
        found += names_after(root, position)[0]
        assert sorted(found) == sorted(["first.png", *(name for batch in arriving for name, _ in batch)])


# --- while it is watched ---------------------------------------------------------------------------------------------


@every_order
@settings(deadline=None, max_examples=25)
@given(batches(), st.sampled_from([None, 0.5]))
def test_to_go_on_after_any_picture_changes_nothing(order: str, arriving: list[Batch], fps: float | None) -> None:
    with tempfile.TemporaryDirectory() as text:
        root = Path(text)
        at_work = watch(root, order, fps)
        for batch in arriving:
            arrive(root, *batch)
            whole, others = [], []
            for frame in taken(at_work.frames()):
                whole.append((frame.name, frame.time))
                other = watch(root, order, fps, frame.position)
                others.append([(one.name, one.time) for one in taken(other.frames())])
            assert others == [whole[at + 1 :] for at in range(len(whole))]


@every_order
def test_a_position_stays_short(tmp_path: Path, order: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "_MOST_MARKS", 5)
    at_work = watch(tmp_path, order, None)
    for number in range(40):
        arrive(tmp_path, (f"{number % 7}{number}.png", -number))
        # All of one moment, as where files have whole seconds.
        monkeypatch.setattr(listing, "file_clock", lambda: 10**9)
        lengths = [len(frame.position[3]) + len(frame.position[4]) for frame in taken(at_work.frames())]
        assert len(lengths) == 1
        assert max(lengths) <= 6


def test_touched_while_watched_is_not_given_again(tmp_path: Path) -> None:
    arrive(tmp_path, ("a.png", 1), ("b.png", 2), ("c.png", 3))
    at_work = watch(tmp_path, "by time", None)
    assert len(list(at_work.frames())) == 3
    (tmp_path / "a.png").chmod(0o600)
    arrive(tmp_path, ("0.png", 0))
    (late,) = at_work.frames()
    assert late is not None
    assert names_after(tmp_path, stored(late.position))[0] == []


@pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege there")
def test_a_link_arrives_when_it_is_made(tmp_path: Path) -> None:
    root = tmp_path / "root"
    arrive(tmp_path, ("away/old.png", 1), ("other.png", 2))
    arrive(root, ("a.png", 5))
    _wait_for_another_tick()
    arrive(root, ("b.png", 6))
    _, position = names_after(root)
    (root / "linked").symlink_to(tmp_path / "away")
    (root / "other.png").symlink_to(tmp_path / "other.png")
    assert names_after(root, position)[0] == ["linked/old.png", "other.png"]


def test_what_came_where_nobody_could_look(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    arrive(tmp_path, ("a.png", 5), ("closed/b.png", 1))
    at_work = watch(tmp_path, "by time", None)
    assert len(list(at_work.frames())) == 2
    arrive(tmp_path, ("closed/c.png", 2))
    _wait_for_another_tick()
    scandir = os.scandir

    def some(path: str) -> Any:
        if path.endswith("closed"):
            raise PermissionError(path)
        return scandir(path)

    with monkeypatch.context() as patch:
        patch.setattr(os, "scandir", some)
        arrive(tmp_path, ("d.png", 9))
        (frame,) = at_work.frames()
    assert frame is not None
    assert frame.name == "d.png"
    assert names_after(tmp_path, stored(frame.position))[0] == ["closed/c.png"]


@pytest.mark.parametrize("behind", [-3600, 3600])
def test_a_share_with_another_clock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, behind: int) -> None:
    now = listing.file_clock
    monkeypatch.setattr(listing, "file_clock", lambda: now() + behind * 10**9)
    arrive(tmp_path, ("a.png", 5), ("b.png", 6))
    names, position = names_after(tmp_path)
    arrive(tmp_path, ("c.png", 1))
    assert names == ["a.png", "b.png"]
    assert names_after(tmp_path, position)[0] == ["c.png"]


def test_a_position_without_a_look_goes_on_after_its_picture(tmp_path: Path) -> None:
    arrive(tmp_path, ("a.png", 1), ("b.png", 2), ("c.png", 3))
    _wait_for_another_tick()
    assert names_after(tmp_path, [(LONG_AGO + 2) * 10**9, "b.png"])[0] == ["c.png"]


def _wait_for_another_tick() -> None:
    begun = listing.file_clock()
    while listing.file_clock() <= begun:
        time.sleep(0.001)

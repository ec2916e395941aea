"""A folder of pictures: their order and times, arrivals, and pictures that are not whole yet."""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from decisight.errors import SourceError, UsageError
from decisight.imaging import encode_jpeg, encode_png
from decisight.sources import SOURCES, watching
from decisight.sources.folder import Folder
from decisight.types import Frame

LONG_AGO = 1_700_000_000

BAD = [
    [1, "a.png", 2, [], [], "a.png"],
    [1, "a.png", 2, [3], [], 1],
    [1, "a.png", 2, [], [[1, "a.png"]], 1],
    [1, "a.png", 2, {}, [], 1],
]
"""Positions that are almost one."""


def picture(value: int = 0) -> bytes:
    return encode_png(np.full((4, 6, 3), value, np.uint8))


def put(path: Path, content: bytes | None = None, at: float = 0.0) -> Path:
    """A file that was last changed so many seconds after :data:`LONG_AGO`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(picture() if content is None else content)
    os.utime(path, ns=(0, LONG_AGO * 10**9 + round(at * 10**9)))
    return path


def frames_of(root: Path, *, after: Any = None, take: float | None = None, **settings: Any) -> list[Frame]:
    with SOURCES.build("folder", {"path": str(root), "follow": False, **settings}).open(
        after=after, fps=take
    ) as frames:
        return list(frames)


def names_of(frames: list[Frame]) -> list[str]:
    return [frame.name for frame in frames]


class Followed:
    """A folder that is followed, and takes no time: what is done while it waits is told beforehand."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch, *, wall: float = 1e6, **settings: Any) -> None:
        self.now = 1000.0
        self.wall = LONG_AGO + wall
        self.waits: list[float] = []
        self.steps: list[Any] = []
        after = settings.pop("after", None)
        self.opened = Folder(str(root), **settings).open(after=after)
        clock = SimpleNamespace(monotonic=lambda: self.now, time=lambda: self.wall)
        monkeypatch.setattr(watching, "time", clock)
        monkeypatch.setattr(threading.Event, "wait", lambda event, seconds: self._wait(event, seconds))

    def _wait(self, event: threading.Event, seconds: float) -> bool:
        self.waits.append(seconds)
        self.now += seconds
        step = self.steps.pop(0) if self.steps else event.set
        step()
        return event.is_set()

    def frames(self, *steps: Any) -> list[Frame]:
        """The frames, where so much is done in one wait after the other; after the last it is closed."""
        self.steps = list(steps)
        with self.opened as frames:
            return list(frames)


def nothing() -> None:
    """In a wait, nothing happens."""


# --- what lies there -------------------------------------------------------------------------------------------------


def test_pictures_come_by_time_then_name(tmp_path: Path) -> None:
    put(tmp_path / "b.png", picture(1), at=2)
    put(tmp_path / "a.png", picture(2), at=2)
    put(tmp_path / "below/deep/z.jpg", encode_jpeg(np.full((4, 6, 3), 3, np.uint8)), at=1)
    put(tmp_path / "c.png", picture(4), at=0.25)
    frames = frames_of(tmp_path)
    assert names_of(frames) == ["c.png", "below/deep/z.jpg", "a.png", "b.png"]
    assert [frame.time - LONG_AGO for frame in frames] == [0.25, 1, 2, 2]
    assert [int(frame.pixels[0, 0, 0]) for frame in frames if frame.pixels is not None] == [4, 3, 2, 1]
    assert frames[1].position[:2] == [(LONG_AGO + 1) * 10**9, "below/deep/z.jpg"]


def test_pictures_of_a_rate_come_by_name(tmp_path: Path) -> None:
    for number in (10, 9, 1, 2):
        put(tmp_path / f"Gate{number}.png", at=-number)
    frames = frames_of(tmp_path, fps=4, start="2024-05-03T08:00:00Z")
    begin = datetime(2024, 5, 3, 8, tzinfo=UTC).timestamp()
    assert names_of(frames) == ["Gate1.png", "Gate2.png", "Gate9.png", "Gate10.png"]
    assert [frame.time - begin for frame in frames] == [0, 0.25, 0.5, 0.75]
    assert [frame.position[:2] for frame in frames] == [[at, name] for at, name in enumerate(names_of(frames))]
    assert frames_of(tmp_path, fps=4)[2].time == LONG_AGO - 1 + 0.5


def test_what_is_passed_over(tmp_path: Path) -> None:
    for name in (".hidden.png", ".folder/a.png", "@eaDir/a.png", "__MACOSX/a.png", "a.png.part", "b.part.png"):
        put(tmp_path / name)
    for name in ("c.tmp.jpg", "notes.txt", "clip.mp4", "Thumbs.db", "kept.png"):
        put(tmp_path / name)
    (tmp_path / "folder.png").mkdir()
    assert names_of(frames_of(tmp_path)) == ["kept.png"]


@pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege there")
def test_links_that_lead_in_a_circle_end(tmp_path: Path) -> None:
    put(tmp_path / "root/b/picture.png")
    put(tmp_path / "outside/other.png", at=1)
    (tmp_path / "root/b/up").symlink_to(tmp_path / "root")
    (tmp_path / "root/a").symlink_to(tmp_path / "root/b")
    (tmp_path / "root/self").symlink_to("self")
    (tmp_path / "root/nothing.png").symlink_to("not there")
    (tmp_path / "root/z").symlink_to(tmp_path / "outside")
    os.mkfifo(tmp_path / "root/pipe.png")
    assert names_of(frames_of(tmp_path / "root")) == ["b/picture.png", "z/other.png"]


def test_a_picture_that_cannot_be_read_is_a_frame_with_its_cause(tmp_path: Path) -> None:
    put(tmp_path / "a.png", b"")
    put(tmp_path / "b.png", picture()[:40], at=1)
    put(tmp_path / "c.png", b"a text", at=2)
    put(tmp_path / "d.png", at=3)
    frames = frames_of(tmp_path)
    assert names_of(frames) == ["a.png", "b.png", "c.png", "d.png"]
    causes = [frame.cause or "" for frame in frames]
    assert [bool(cause) for cause in causes] == [True, True, True, False]
    assert "is empty" in causes[0]
    assert all(str(tmp_path) not in cause for cause in causes)


@pytest.mark.parametrize("settings", [{}, {"fps": 2.0, "start": "2024-05-03"}, {"times": "exif"}])
@pytest.mark.parametrize("take", [None, 0.5])
def test_it_goes_on_after_any_picture(tmp_path: Path, settings: dict[str, Any], take: float | None) -> None:
    for number in range(12):
        put(tmp_path / f"{number}.png", at=number // 2)
    whole = frames_of(tmp_path, take=take, **settings)
    assert len(whole) == (3 if take else 12)
    for at, frame in enumerate(whole):
        position = json.loads(json.dumps(frame.position))
        rest = frames_of(tmp_path, after=position, take=take, **settings)
        assert [(f.name, f.time, f.position) for f in rest] == [(f.name, f.time, f.position) for f in whole[at + 1 :]]


def test_a_picture_vanishes_after_it_was_listed(tmp_path: Path) -> None:
    for number in range(3):
        put(tmp_path / f"{number}.png", at=number)
    found = []
    with Folder(str(tmp_path), follow=False).open() as frames:
        for frame in frames:
            found.append(frame.name)
            (tmp_path / "1.png").unlink(missing_ok=True)
    assert found == ["0.png", "2.png"]


# --- times -----------------------------------------------------------------------------------------------------------


def test_times_that_pictures_say_themselves(tmp_path: Path) -> None:
    for name, taken in (("late.jpg", "2024:05:03 12:00:00"), ("early.jpg", "2024:05:03 11:00:00")):
        exif = Image.Exif()
        exif.get_ifd(0x8769)[0x9003] = taken
        Image.new("RGB", (8, 8)).save(tmp_path / name, exif=exif)
        os.utime(tmp_path / name, (LONG_AGO, LONG_AGO))
    put(tmp_path / "silent.png")
    frames = frames_of(tmp_path, times="exif")
    noon = datetime(2024, 5, 3, 12, tzinfo=UTC).timestamp()
    assert [(f.name, f.time) for f in frames] == [
        ("silent.png", LONG_AGO),
        ("early.jpg", noon - 3600),
        ("late.jpg", noon),
    ]
    assert names_of(frames_of(tmp_path)) == ["early.jpg", "late.jpg", "silent.png"]
    assert any("UTC" in note for note in Folder(str(tmp_path), times="exif").facts().notes)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"fps": 0}, "fps = 0"),
        ({"poll": 0.01}, "poll = 0.01"),
        ({"poll": float("nan")}, "poll = nan"),
        ({"lag": -1.0}, "lag = -1.0"),
        ({"lag": float("inf")}, "lag = inf"),
        ({"start": "2024-05-03"}, "start is given without fps"),
        ({"start": "noon", "fps": 1}, "start = 'noon'"),
        ({"times": "created"}, "times = 'created'"),
        ({"recursive": True}, "no option recursive"),
    ],
)
def test_settings_that_cannot_be(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        SOURCES.build("folder", {"path": ".", **settings})


# --- arrivals --------------------------------------------------------------------------------------------------------


def test_pictures_that_arrive_are_given_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path / "a.png", picture(1), at=10)

    def touch() -> None:
        os.utime(tmp_path / "a.png", (0, LONG_AGO + 50))

    frames = Followed(tmp_path, monkeypatch).frames(
        nothing,
        lambda: put(tmp_path / "b.png", picture(2), at=20),
        # One that is older than what was given arrives late.
        lambda: put(tmp_path / "new/c.png", picture(3), at=5),
        touch,
        nothing,
        # Replaced by a newer one, then by an older one.
        lambda: put(tmp_path / "b.png", picture(4), at=60),
        lambda: put(tmp_path / "b.png", picture(5), at=55),
    )
    assert names_of(frames) == ["a.png", "b.png", "new/c.png", "b.png"]
    assert [int(frame.pixels[0, 0, 0]) for frame in frames if frame.pixels is not None] == [1, 2, 3, 4]
    assert [frame.time - LONG_AGO for frame in frames] == [10, 20, 5, 60]
    # To go on after the late one is to go on after what was given before it.
    assert [frame.position[1] for frame in frames] == ["a.png", "b.png", "b.png", "b.png"]
    assert frames[2].position[0] == frames[1].position[0]


def test_an_empty_folder_is_waited_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    followed = Followed(tmp_path, monkeypatch, fps=2.0, poll=3.0)
    frames = followed.frames(nothing, lambda: put(tmp_path / "1.png"), lambda: put(tmp_path / "2.png", at=9))
    assert [(frame.name, frame.time) for frame in frames] == [("1.png", LONG_AGO), ("2.png", LONG_AGO + 0.5)]
    assert followed.waits[:2] == [3.0, 3.0]


def test_it_goes_on_where_it_ended_and_takes_what_arrived_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path / "a.png", at=1)
    put(tmp_path / "b.png", at=2)
    first = frames_of(tmp_path)
    put(tmp_path / "c.png", at=3)
    frames = Followed(tmp_path, monkeypatch, after=first[0].position).frames(
        lambda: put(tmp_path / "d.png", at=4), lambda: (tmp_path / "a.png").unlink(), nothing
    )
    assert names_of(frames) == ["b.png", "c.png", "d.png"]


def test_a_folder_that_vanishes_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root, away = tmp_path / "share", tmp_path / "away"
    put(root / "a.png", at=1)

    def back() -> None:
        root.rmdir()
        away.rename(root)
        put(root / "b.png", at=2)

    # Gone, then an empty mount point, then there again.
    frames = Followed(root, monkeypatch).frames(lambda: root.rename(away), nothing, root.mkdir, nothing, back, nothing)
    assert names_of(frames) == ["a.png", str(root), "b.png"]


@pytest.mark.parametrize("first", [True, False])
def test_that_a_folder_is_not_there_is_said_every_ten_seconds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, first: bool
) -> None:
    root, away = tmp_path / "share", tmp_path / "away"
    root.mkdir()
    if first:
        put(root / "a.png", at=1)
    followed = Followed(root, monkeypatch, poll=2.5)
    told: list[float] = []

    def told_frame(*args: Any) -> Frame:
        told.append(followed.now)
        return Frame(*args)

    monkeypatch.setattr(watching, "Frame", told_frame)

    def leave() -> None:
        root.rename(away)

    def back() -> None:
        away.rename(root)

    frames = followed.frames(leave, *[nothing] * 8, back, nothing, leave, nothing)
    gone = frames[first:]
    assert [(frame.name, frame.cause, frame.time) for frame in gone] == [
        (str(root), "the folder is not there", followed.wall)
    ] * 4
    # Its position is that of the picture before, or none.
    assert all(frame.position == (frames[0].position if first else None) for frame in gone)
    # When it is back and leaves again, that is said at once.
    assert [now - told[first] for now in told[first:]] == [0.0, 10.0, 20.0, 27.5]


def test_a_folder_that_is_away_keeps_the_place_where_it_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "share"
    put(root / "a.png")
    (known,) = frames_of(root)
    followed = Followed(root, monkeypatch, after=known.position)
    (away,) = followed.frames(lambda: root.rename(tmp_path / "away"))
    assert (away.pixels, away.position) == (None, known.position)


def test_no_more_than_a_tenth_of_the_time_is_spent_on_looking(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path / "a.png")
    followed = Followed(tmp_path, monkeypatch, poll=1.0)
    listed = watching.list_pictures

    def slowly(root: str) -> Any:
        followed.now += 5.0
        return listed(root)

    monkeypatch.setattr(watching, "list_pictures", slowly)
    assert len(followed.frames(nothing, nothing)) == 1
    assert followed.waits == [45.0, 45.0, 45.0]


def test_a_picture_that_is_being_written_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = picture(7)
    put(tmp_path / "a.png", whole[:20], at=9.5)
    put(tmp_path / "b.png", at=9.9)
    frames = Followed(tmp_path, monkeypatch, wall=10).frames(
        nothing,
        lambda: put(tmp_path / "a.png", whole[:40], at=9.6),
        nothing,
        nothing,
        lambda: put(tmp_path / "a.png", whole, at=9.7),
    )
    assert names_of(frames) == ["a.png", "b.png"]
    assert [frame.cause for frame in frames] == [None, None]
    assert frames[0].time == pytest.approx(LONG_AGO + 9.7)


@pytest.mark.parametrize("follow", [True, False])
@pytest.mark.parametrize("clock", [10.0, -1000.0])
def test_a_picture_that_stays_broken_is_given_in_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, follow: bool, clock: float
) -> None:
    # The other clock is that of a machine far behind the one that wrote the picture.
    put(tmp_path / "a.png", picture()[:20], at=9.5)
    put(tmp_path / "b.png", at=9.9)
    followed = Followed(tmp_path, monkeypatch, wall=clock, follow=follow)
    frames = followed.frames(*[nothing] * 6)
    assert names_of(frames) == ["a.png", "b.png"]
    assert frames[0].cause
    assert len(followed.waits) >= 4


def test_a_writer_that_never_ends_holds_up_nobody_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    size = iter(range(20, 60))

    def grow() -> None:
        put(tmp_path / "a.png", picture()[: next(size)], at=next(size) / 100)

    grow()
    put(tmp_path / "b.png", at=9.9)
    frames = Followed(tmp_path, monkeypatch, wall=0, poll=2.0).frames(*[grow] * 7)
    assert names_of(frames)[:2] == ["a.png", "b.png"]
    assert frames[0].cause


def test_a_broken_picture_that_is_deleted_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = put(tmp_path / "a.png", b"", at=0)
    put(tmp_path / "b.png", at=1)
    assert names_of(Followed(tmp_path, monkeypatch, wall=0, follow=False).frames(broken.unlink)) == ["b.png"]


def test_waiting_ends_when_it_is_closed(tmp_path: Path) -> None:
    put(tmp_path / "a.png")
    first = threading.Event()

    def take(frames: Iterator[Frame]) -> None:
        for _ in frames:
            first.set()

    with Folder(str(tmp_path), poll=3600).open() as frames:
        taker = threading.Thread(target=take, args=[frames])
        taker.start()
        assert first.wait(60)
    taker.join(60)
    assert not taker.is_alive()


# --- what is no folder -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "follow", "said"),
    [
        ("missing", True, "does not exist"),
        ("file.png", True, "is not a folder"),
        ("empty", False, "there is no picture in this folder"),
        ("a\0b", True, "cannot be read"),
    ],
)
def test_what_is_no_folder_is_refused(tmp_path: Path, name: str, follow: bool, said: str) -> None:
    (tmp_path / "empty").mkdir()
    put(tmp_path / "file.png")
    source = Folder(str(tmp_path / name), follow=follow)
    for use in (source.facts, lambda: source.open().__enter__()):
        with pytest.raises(SourceError, match=said) as caught:
            use()
        assert caught.value.hint


@pytest.mark.parametrize("position", [3, "a.png", [1], ["a.png", 1], [True, "a.png"], [1, "a.png", 2], *BAD])
def test_a_position_of_something_else_is_refused(tmp_path: Path, position: Any) -> None:
    put(tmp_path / "a.png")
    with pytest.raises(SourceError, match="is not a place in a folder"):
        frames_of(tmp_path, after=position)


def test_facts(tmp_path: Path) -> None:
    for number in range(4):
        put(tmp_path / f"{number}.png", at=number * 10)
    facts = Folder(str(tmp_path), follow=False).facts()
    assert facts.title == f"{tmp_path}, 4 pictures"
    assert (facts.origin, facts.seconds) == (LONG_AGO, 30.0)
    followed = Folder(str(tmp_path))
    assert followed.live
    assert followed.facts().title == f"{tmp_path}, 4 pictures so far"
    assert (followed.facts().origin, followed.facts().seconds) == (None, None)
    # Positions by name are nothing to positions by time.
    assert followed.facts().identity == facts.identity != Folder(str(tmp_path), fps=2).facts().identity
    assert any("start" in note for note in Folder(str(tmp_path), fps=2).facts().notes)


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="names are Unicode there")
def test_a_name_that_is_no_text(tmp_path: Path) -> None:
    put(tmp_path / "a\udce9.png")
    put(tmp_path / "b.png", at=1)
    frames = frames_of(tmp_path)
    assert names_of(frames) == ["a\\xe9.png", "b.png"]
    assert names_of(frames_of(tmp_path, after=json.loads(json.dumps(frames[0].position)))) == ["b.png"]

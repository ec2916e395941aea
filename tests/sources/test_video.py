"""Recorded video: true times, upright pictures, damage in its place, and no reach beyond the file."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Generator, Sequence
from datetime import UTC, datetime
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import av
import numpy as np
import numpy.typing as npt
import pytest

from decisight.errors import ImageError, SourceError, UsageError
from decisight.sources import SOURCES, recording
from decisight.sources.recording import DAMAGED, ENDS_EARLY, Recording, Shot
from decisight.sources.rgb import RgbConverter, upright
from decisight.sources.video import Video
from decisight.types import Frame

MILLISECOND = Fraction(1, 1000)
START = "2024-05-03T08:00:00Z"
ORIGIN = datetime(2024, 5, 3, 8, tzinfo=UTC).timestamp()


def clip(
    path: Path,
    times: Sequence[int] = range(0, 6000, 100),
    *,
    codec: str = "mpeg4",
    size: tuple[int, int] = (64, 48),
    b_frames: int = 0,
    turned: float = 0.0,
    mirrored: bool = False,
    noise: bool = False,
    options: dict[str, str] | None = None,
    metadata: dict[str, str] | None = None,
    sound: bool = False,
) -> Path:
    """A clip whose pictures are grey, each by its number, with a white corner at the top left.

    Args:
        path: of the file; its suffix says the container.
        times: of its pictures, in milliseconds.
        codec: FFmpeg's name.
        size: width and height.
        b_frames: so many pictures between two others are stored after both.
        turned: the angle, counter-clockwise, by which it is to be shown turned.
        mirrored: it is to be shown mirrored, left to right.
        noise: pictures are noise instead, which takes more bytes.
        options: of the container.
        metadata: of the container.
        sound: there is a track of sound beside it.
    """
    random = np.random.default_rng(7)
    with av.open(str(path), "w", options=options or {}) as container:
        container.metadata.update(metadata or {})
        stream = container.add_stream(codec, rate=10)
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p"
        stream.codec_context.time_base = MILLISECOND
        stream.codec_context.gop_size = 12
        stream.codec_context.max_b_frames = b_frames
        stream.codec_context.thread_count = 1
        stream.bit_rate = 2_000_000
        if turned or mirrored:
            stream.set_display_rotation(turned, hflip=mirrored)
        speaker = container.add_stream("aac", rate=8000) if sound else None
        for number, time in enumerate(times):
            pixels = np.full((size[1], size[0], 3), grey(number), np.uint8)
            if noise:
                pixels = random.integers(0, 256, pixels.shape, np.uint8)
            pixels[: size[1] // 3, : size[0] // 3] = 255
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            frame.pts, frame.time_base = time, MILLISECOND
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
        if speaker:
            container.mux([*speaker.encode(_silence()), *speaker.encode()])
    return path


def _silence() -> av.AudioFrame:
    frame = av.AudioFrame.from_ndarray(np.zeros((1, 8000), np.float32), format="fltp", layout="mono")
    frame.sample_rate, frame.pts = 8000, 0
    return frame


def grey(number: int) -> int:
    return 10 + 4 * (number % 60)


def number_of(pixels: npt.NDArray[np.uint8]) -> int:
    """Which picture of a clip that is, by the grey of its lower right."""
    height, width = pixels.shape[:2]
    return round((float(pixels[height // 2 :, width // 2 :].mean()) - 10) / 4)


def frames_of(path: Path, *, fps: float | None = None, after: Any = None, **settings: Any) -> list[Frame]:
    with SOURCES.build("video", {"path": str(path), **settings}).open(fps=fps, after=after) as frames:
        return list(frames)


def seconds_of(frames: Sequence[Frame]) -> list[float]:
    return [round(frame.time - ORIGIN, 3) for frame in frames]


def plain(frames: Sequence[Frame]) -> list[tuple[Any, ...]]:
    return [
        (f.name, f.time, f.position, f.cause, None if f.pixels is None else (f.pixels.shape, f.pixels.tobytes()))
        for f in frames
    ]


def damage(path: Path, change: Callable[[bytearray], object]) -> Path:
    content = bytearray(path.read_bytes())
    change(content)
    path.write_bytes(content)
    return path


def zeros(content: bytearray, share: float, size: int) -> None:
    begin = int(len(content) * share)
    content[begin : begin + size] = bytes(size)


# --- pictures and their times ----------------------------------------------------------------------------------------

KINDS = [
    ("clip.mp4", {"codec": "mpeg4"}),
    ("clip.mp4", {"codec": "libx264", "b_frames": 2}),
    ("clip.mkv", {"codec": "libx264", "b_frames": 2}),
    ("clip.mov", {"codec": "mpeg4", "b_frames": 1}),
    ("clip.ts", {"codec": "libx264", "b_frames": 2}),
    ("clip.flv", {"codec": "libx264"}),
    ("clip.avi", {"codec": "mpeg4"}),
    ("clip.webm", {"codec": "libvpx"}),
]
every_kind = pytest.mark.parametrize(("name", "settings"), KINDS)


@every_kind
def test_pictures_come_in_order_with_their_times(tmp_path: Path, name: str, settings: dict[str, Any]) -> None:
    frames = frames_of(clip(tmp_path / name, **settings), start=START)
    assert [number_of(frame.pixels) for frame in frames if frame.pixels is not None] == list(range(60))
    assert seconds_of(frames) == [number / 10 for number in range(60)]
    assert frames[12].name == f"{name} at 1.200 s"
    first = frames[0].pixels
    assert first is not None
    assert first.shape == (48, 64, 3)
    assert first.dtype == np.uint8
    assert first[4, 4].min() > 240


def test_the_times_of_an_uneven_recording_are_its_own(tmp_path: Path) -> None:
    times = [0, 40, 50, 900, 7000, 7010, 20000]
    for name in ("clip.mp4", "clip.mkv"):
        frames = frames_of(clip(tmp_path / name, times), start=START)
        assert seconds_of(frames) == [time / 1000 for time in times]


def test_times_count_from_the_first_picture(tmp_path: Path) -> None:
    frames = frames_of(clip(tmp_path / "clip.mkv", [5000, 5100, 5200]), start=START)
    assert seconds_of(frames) == [0.0, 0.1, 0.2]


def test_a_recording_without_times_has_its_average_rate(tmp_path: Path) -> None:
    frames = frames_of(clip(tmp_path / "clip.h264", codec="libx264"), start=START)
    assert seconds_of(frames) == [number / 25 for number in range(60)]
    assert plain(frames_of(tmp_path / "clip.h264", start=START, after=frames[40].position)) == plain(frames[41:])


def test_recordings_that_were_joined_follow_each_other(tmp_path: Path) -> None:
    path = clip(tmp_path / "clip.ts", range(0, 3000, 100))
    path.write_bytes(path.read_bytes() * 2)
    frames = frames_of(path, start=START)
    assert seconds_of(frames) == [number / 10 for number in range(60)]
    # The packets' counter jumps at the seam, as it does where some are lost.
    assert [at for at, frame in enumerate(frames) if frame.cause] == [28]
    numbers = [None if frame.pixels is None else number_of(frame.pixels) for frame in frames]
    assert numbers == [*range(28), None, 29, *range(30)]
    for at in (10, 29, 30, 45):
        assert plain(frames_of(path, start=START, after=frames[at].position)) == plain(frames[at + 1 :])


@pytest.mark.parametrize("fps", [None, 2.5])
@every_kind
def test_it_goes_on_with_exactly_the_next_picture(
    tmp_path: Path, name: str, settings: dict[str, Any], fps: float | None
) -> None:
    path = clip(tmp_path / name, **settings)
    whole = frames_of(path, fps=fps)
    assert len(whole) == (15 if fps else 60)
    for at in (0, 5, len(whole) // 2, len(whole) - 1):
        position = json.loads(json.dumps(whole[at].position))
        assert plain(frames_of(path, fps=fps, after=position)) == plain(whole[at + 1 :])


def test_an_index_that_leads_elsewhere_is_not_trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = clip(tmp_path / "clip.mp4")
    whole = frames_of(path)
    monkeypatch.setattr(recording, "_BEFORE", -3)  # behind the picture
    assert plain(frames_of(path, after=whole[10].position)) == plain(whole[11:])


def test_fewer_pictures_by_their_times(tmp_path: Path) -> None:
    assert seconds_of(frames_of(clip(tmp_path / "clip.mp4"), fps=2, start=START)) == [at / 2 for at in range(12)]


@pytest.mark.parametrize("position", [3, "1", None, [1], [1, 2, 3], ["1", True], [True, True], {"ticks": 1}])
def test_a_position_of_something_else_is_refused(tmp_path: Path, position: Any) -> None:
    path = clip(tmp_path / "clip.mp4", [0, 100])
    if position is None:
        assert len(frames_of(path, after=position)) == 2
    else:
        with pytest.raises(SourceError, match="is not a place in a recording"):
            frames_of(path, after=position)


def test_a_position_far_away_gives_nothing(tmp_path: Path) -> None:
    path = clip(tmp_path / "clip.mp4", [0, 100])
    assert frames_of(path, after=[2**80, True]) == []
    assert len(frames_of(path, after=[-(2**80), True])) == 2


# --- upright ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("turned", "mirrored", "size", "corner"),
    [
        (0, False, (64, 48), "top left"),
        (90, False, (48, 64), "bottom left"),
        (-90, False, (48, 64), "top right"),
        (180, False, (64, 48), "bottom right"),
        (0, True, (64, 48), "top right"),
        (3, False, (64, 48), "top left"),
    ],
)
def test_a_turned_recording_comes_upright(
    tmp_path: Path, turned: float, mirrored: bool, size: tuple[int, int], corner: str
) -> None:
    path = clip(tmp_path / "clip.mp4", [0, 100], turned=turned, mirrored=mirrored)
    pixels = frames_of(path)[0].pixels
    assert pixels is not None
    assert (pixels.shape[1], pixels.shape[0]) == size == Video(str(path)).facts().size
    assert pixels.flags.c_contiguous
    corners = {
        "top left": pixels[:8, :8],
        "top right": pixels[:8, -8:],
        "bottom left": pixels[-8:, :8],
        "bottom right": pixels[-8:, -8:],
    }
    assert max(corners, key=lambda name: corners[name].mean()) == corner


ONE = 65536


@pytest.mark.parametrize(
    "matrix",
    [
        *((one * ONE, 0, 0, other * ONE) for one in (1, -1) for other in (1, -1)),
        *((0, one * ONE, other * ONE, 0) for one in (1, -1) for other in (1, -1)),
    ],
)
def test_each_pixel_is_shown_where_the_matrix_says(matrix: tuple[int, int, int, int]) -> None:
    pixels = np.arange(3 * 5 * 3, dtype=np.uint8).reshape(3, 5, 3)
    shown = upright(pixels, matrix)
    a, b, c, d = (value // ONE for value in matrix)
    columns, rows = [0, 4], [0, 2]
    left = min(a * x + c * y for x in columns for y in rows)
    top = min(b * x + d * y for x in columns for y in rows)
    for y in range(3):
        for x in range(5):
            assert np.array_equal(shown[b * x + d * y - top, a * x + c * y - left], pixels[y, x])


# --- when it was taken -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("created", "start", "expected", "guessed"),
    [
        ("2023-01-02T03:04:05.000000Z", START, ORIGIN, False),
        ("2023-01-02T03:04:05.000000Z", None, datetime(2023, 1, 2, 3, 4, 5, tzinfo=UTC).timestamp(), False),
        # The zero of QuickTime's clock, which cameras without a clock write.
        ("1904-01-01T00:00:00.000000Z", None, 1_700_000_000 - 6.0, True),
        (None, None, 1_700_000_000 - 6.0, True),
        (None, "2024-05-03", ORIGIN - 8 * 3600, False),
        (None, "2024-05-03T10:00:00+02:00", ORIGIN, False),
    ],
)
def test_when_it_began(tmp_path: Path, created: str | None, start: str | None, expected: float, guessed: bool) -> None:
    path = clip(tmp_path / "clip.mp4", metadata={"creation_time": created} if created else {})
    os.utime(path, (1_700_000_000, 1_700_000_000))
    facts = Video(str(path), start=start).facts()
    assert facts.origin == expected
    assert any("guess" in note and "start" in note for note in facts.notes) is guessed
    assert frames_of(path, start=start)[3].time == pytest.approx(expected + 0.3, abs=1e-6)


def test_a_start_that_is_no_moment_is_refused() -> None:
    with pytest.raises(UsageError, match="start = 'noon' is not understood"):
        SOURCES.build("video", {"path": "clip.mp4", "start": "noon"})


def test_facts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("clips").mkdir()
    clip(Path("clips/gate.mp4"), size=(96, 64))
    facts = Video("clips/gate.mp4").facts()
    assert facts.title == "clips/gate.mp4, 96x64, 10 pictures/s, 6.0 s"
    assert facts.size == (96, 64)
    assert facts.seconds == pytest.approx(6.0)
    assert facts == Video("clips/gate.mp4").facts()
    assert facts.identity == Video(str(tmp_path / "clips/../clips/gate.mp4")).facts().identity
    # Moved or touched it is the same; with anything more in it, another.
    os.utime("clips/gate.mp4", ns=(1, 1))
    Path("clips/gate.mp4").rename("moved.mp4")
    assert facts.identity == Video("moved.mp4").facts().identity
    with Path("moved.mp4").open("ab") as file:
        file.write(b"\0" * 8)
    assert facts.identity != Video("moved.mp4").facts().identity


def test_its_own_speed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = clip(tmp_path / "clip.mp4", [0, 1000, 5000, 6000])
    now, waits = [100.0], []

    def wait(event: threading.Event, seconds: float) -> bool:
        waits.append(round(seconds, 6))
        now[0] += seconds
        return False

    monkeypatch.setattr("decisight.sources.video.time", SimpleNamespace(monotonic=lambda: now[0]))
    monkeypatch.setattr(threading.Event, "wait", wait)
    frames = []
    with Video(str(path), realtime=True).open() as source:
        for frame in source:
            frames.append(frame)
            now[0] += 1.5  # the work on it takes longer than the next picture
    assert len(frames) == 4
    assert waits == [0.0, 0.0, 2.0, 0.0]


def test_waiting_for_a_picture_ends_when_it_is_closed(tmp_path: Path) -> None:
    path = clip(tmp_path / "clip.mp4", [0, 3_600_000])
    opened = Video(str(path), realtime=True).open()
    first = threading.Event()
    found = []
    with opened as frames:

        def take() -> None:
            for frame in frames:
                found.append(frame)
                first.set()

        taker = threading.Thread(target=take)
        taker.start()
        assert first.wait(60)
    taker.join(60)
    assert not taker.is_alive()
    assert len(found) == 1


# --- damage ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["clip.mp4", "clip.mkv"])
@pytest.mark.parametrize("b_frames", [0, 2])
def test_damage_in_the_middle_comes_in_its_place_and_the_rest_goes_on(tmp_path: Path, name: str, b_frames: int) -> None:
    path = clip(tmp_path / name, size=(160, 120), b_frames=b_frames, noise=True, options={"movflags": "faststart"})
    damage(path, lambda content: zeros(content, 0.5, len(content) // 12))
    frames = frames_of(path, start=START)
    broken = [frame for frame in frames if frame.cause]
    assert 1 <= len(broken) <= 15
    assert {frame.cause for frame in broken} <= {DAMAGED}
    assert all(2.0 < seconds < 4.5 for seconds in seconds_of(broken))
    assert all(one.time < other.time for one, other in pairwise(frames))
    assert seconds_of(frames)[-1] == 5.9
    assert frames[-1].pixels is not None
    if name == "clip.mp4" and not b_frames:  # FFmpeg may give up pictures between two damaged ones without a word
        assert seconds_of(frames) == [number / 10 for number in range(60)]
    for at in range(0, len(frames), 7):
        assert plain(frames_of(path, start=START, after=frames[at].position)) == plain(frames[at + 1 :])


@pytest.mark.parametrize(
    ("fps", "broken", "taken"),
    # Ten pictures a second, by number; those in brackets cannot be decoded and stand for their slot.
    [
        (None, {0, 3}, [(0,), 1, 2, (3,), 4, 5, 6, 7, 8, 9]),
        (10, {0, 3}, [(0,), 1, 2, (3,), 4, 5, 6, 7, 8, 9]),
        (5, {0, 3, 4}, [1, 2, 5, 6, 8]),
        (5, {4, 5, 6}, [0, 2, (4,), 7, 8]),
        (2, {0, 1, 2}, [3, 5]),
        (2, {5, 6, 7, 8, 9}, [0, (5,)]),
        (2, {0, 1, 2, 3, 4}, [(0,), 5]),
        (1, set(range(10)), [(0,)]),
    ],
)
@pytest.mark.parametrize("how", ["stored", "converted"])
def test_a_damaged_picture_does_not_stand_for_good_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fps: float | None, broken: set[int], taken: list[Any], how: str
) -> None:
    path = clip(tmp_path / "clip.mp4", range(0, 1000, 100))
    shots, convert = Recording.shots, RgbConverter.convert

    def with_damage(of: Recording, closed: threading.Event, *, after: Any = None) -> Generator[Shot]:
        for shot in shots(of, closed, after=after):
            is_broken = how == "stored" and round(of.seconds_to(shot.place) * 10) in broken
            yield Shot(shot.place, None, DAMAGED) if is_broken else shot

    def failing(of: RgbConverter, frame: Any) -> Any:
        pixels = convert(of, frame)
        if how == "converted" and number_of(pixels) in broken:
            raise ImageError(DAMAGED)
        return pixels

    monkeypatch.setattr(Recording, "shots", with_damage)
    monkeypatch.setattr(RgbConverter, "convert", failing)
    frames = frames_of(path, start=START, fps=fps)
    numbers = [round(seconds * 10) for seconds in seconds_of(frames)]
    assert [(n,) if frame.cause else n for n, frame in zip(numbers, frames, strict=True)] == taken
    for at, frame in enumerate(frames):
        assert plain(frames_of(path, start=START, fps=fps, after=frame.position)) == plain(frames[at + 1 :])


def test_what_was_lost_on_the_way_is_told(tmp_path: Path) -> None:
    path = clip(tmp_path / "clip.ts", codec="libx264", size=(160, 120), noise=True)
    damage(path, lambda content: zeros(content, 0.5, 188 * 40))
    frames = frames_of(path, start=START)
    assert any(frame.cause == DAMAGED and 2.0 < frame.time - ORIGIN < 4.0 for frame in frames)
    assert seconds_of(frames)[-1] == 5.9


@pytest.mark.parametrize("fps", [None, 1, 0.1])
@pytest.mark.parametrize("name", ["clip.mp4", "clip.mkv"])
def test_a_recording_that_was_cut_off_says_so_at_its_end(tmp_path: Path, name: str, fps: float | None) -> None:
    path = clip(tmp_path / name, size=(160, 120), noise=True, options={"movflags": "faststart"})
    damage(path, lambda content: content.__delitem__(slice(len(content) // 2, None)))
    frames = frames_of(path, start=START, fps=fps)
    assert [frame.cause for frame in frames if frame.cause != DAMAGED] == [None] * sum(
        frame.pixels is not None for frame in frames
    ) + [ENDS_EARLY]
    assert 2.0 < frames[-1].time - ORIGIN < 4.0
    assert frames_of(path, start=START, fps=fps, after=frames[-1].position) == []


def test_a_last_picture_that_lasts_long_is_no_early_end(tmp_path: Path) -> None:
    times = [0, 100, 200, 300]
    path = clip(tmp_path / "clip.mp4", times, sound=True)
    assert [frame.cause for frame in frames_of(path)] == [None] * len(times)


def test_a_picture_that_is_too_large_is_one_that_cannot_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = clip(tmp_path / "clip.mp4", [0, 100])
    monkeypatch.setattr("decisight.sources.rgb.MAX_PIXELS", 1000)
    assert {frame.cause for frame in frames_of(path)} == {"the picture is too large: 64 x 48 pixels"}
    with pytest.raises(SourceError, match="none of its first"):
        Video(str(path)).facts()
    monkeypatch.setattr("decisight.sources.recording.MAX_PIXELS", 1000)
    with pytest.raises(SourceError, match="its pictures are too large: 64 x 48"):
        Video(str(path)).facts()


# --- what is no recording, and what would lead elsewhere -------------------------------------------------------------


def sound_alone(path: Path) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac" if path.suffix == ".m4a" else "pcm_s16le", rate=8000)
        frame = _silence()
        if path.suffix == ".wav":
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 8000), np.int16), format="s16", layout="mono")
            frame.sample_rate, frame.pts = 8000, 0
        container.mux([*stream.encode(frame), *stream.encode()])


def renamed(old: bytes, new: bytes) -> Callable[[Path], object]:
    def make(path: Path) -> None:
        clip(path, [0, 100], codec="libx264")
        path.write_bytes(path.read_bytes().replace(old, new))

    return make


def half(path: Path) -> None:
    clip(path)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


UNREADABLE: list[tuple[str, Callable[[Path], object], str]] = [
    ("missing.mp4", lambda path: None, "does not exist"),
    ("folder.mp4", Path.mkdir, "is a folder"),
    ("empty.mp4", Path.touch, "is empty"),
    ("text.mp4", lambda path: path.write_text("Not a video, a text.\n" * 50), "is not a recording"),
    ("zeros.mp4", lambda path: path.write_bytes(bytes(10_000)), "is not a recording"),
    ("noise.mp4", lambda path: path.write_bytes(np.random.default_rng(1).bytes(20_000)), "is not a recording"),
    ("picture.jpg", lambda path: path.write_bytes(b"\xff\xd8\xff\xe0" + bytes(100)), "is a picture"),
    ("sound.m4a", sound_alone, "sound in it and no pictures"),
    ("sound.wav", sound_alone, "sound in it and no pictures"),
    ("broken_off.mp4", half, "without its index"),
    ("unknown.mp4", renamed(b"avc1", b"zzzz"), "a codec that is not known"),
    ("secret.mp4", renamed(b"avc1", b"encv"), "encrypted"),
    ("pipe.mp4", os.mkfifo if hasattr(os, "mkfifo") else Path.mkdir, "is not an ordinary file|is a folder"),
]


@pytest.mark.parametrize(("name", "make", "said"), UNREADABLE, ids=[name for name, *_ in UNREADABLE])
def test_what_is_no_recording_is_refused(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], name: str, make: Callable[[Path], object], said: str
) -> None:
    path = tmp_path / name
    make(path)
    source = Video(str(path))
    for use in (source.facts, lambda: source.open().__enter__()):
        with pytest.raises(SourceError, match=said) as caught:
            use()
        assert caught.value.message.startswith(f"{path}: ")
        assert caught.value.hint
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    "path", ["a\0b", "x" * 5000, "http://localhost/clip.mp4", "concat:clip.mp4|clip.mp4", "pipe:0"]
)
def test_a_path_is_nothing_but_a_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    monkeypatch.chdir(tmp_path)
    clip(Path("clip.mp4"), [0, 100])
    with pytest.raises(SourceError, match=r"does not exist|cannot be read"):
        Video(path).facts()


@pytest.mark.skipif(sys.platform == "win32", reason="a colon is no part of a name there")
@pytest.mark.parametrize("name", ["pipe:0", "file:clip.mp4", "concat:a|b", "%03d.mp4", "a b?c#d.mp4", "é\udce9.mp4"])
def test_a_file_may_have_any_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    clip(Path("made.mp4"), [0, 100]).rename(name)
    frames = frames_of(Path(name))
    assert len(frames) == 2
    json.dumps(frames[0].name).encode()
    assert Video(name).facts().title.isprintable()


LISTS = {
    "list.ffconcat": "ffconcat version 1.0\nfile '{clip}'\n",
    "list.mp4": "ffconcat version 1.0\nfile '{clip}'\n",
    "list.m3u8": "#EXTM3U\n#EXT-X-TARGETDURATION:6\n#EXTINF:6,\n{clip}\n#EXT-X-ENDLIST\n",
    "list.ts": "#EXTM3U\n#EXT-X-TARGETDURATION:6\n#EXTINF:6,\n{clip}\n#EXT-X-ENDLIST\n",
    "list.mpd": '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><BaseURL>{clip}</BaseURL></MPD>',
    "list.sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\n",
}


@pytest.mark.parametrize("name", LISTS)
def test_a_list_of_other_files_is_not_followed(tmp_path: Path, name: str) -> None:
    other = clip(tmp_path / "other.ts", codec="libx264")
    for named in (str(other), "other.ts"):
        (tmp_path / name).write_text(LISTS[name].replace("{clip}", named))
        with pytest.raises(SourceError, match="is not a recording that can be read"):
            Video(str(tmp_path / name)).facts()


def test_ffmpeg_says_nothing_itself(tmp_path: Path) -> None:
    path = clip(tmp_path / "clip.mp4", size=(160, 120), noise=True, options={"movflags": "faststart"})
    damage(path, lambda content: zeros(content, 0.5, len(content) // 10))
    script = f"from decisight.sources.video import Video\nwith Video({str(path)!r}).open() as f: print(len(list(f)))"
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert (run.stdout.strip(), run.stderr) == ("60", "")


@pytest.mark.shared
def test_real_recordings() -> None:
    root = Path(os.environ.get("DECISIGHT_SHARED_DATA") or Path(__file__).resolve().parents[3] / "shared/data")
    if not root.is_dir():
        pytest.skip("the shared photo sets are not there")
    for name, count, rate in (("car_entry_a", 188, 12.5), ("person_doorway_a", 300, 10), ("worker_zone_a", 35, 14.3)):
        path = root / f"video_clips/{name}.mp4"
        facts = Video(str(path)).facts()
        assert facts.size == (480, 270)
        assert f"{rate:g} pictures/s" in facts.title
        frames = frames_of(path, start=START)
        assert seconds_of(frames) == [round(number / rate, 3) for number in range(count)]
        assert len(frames_of(path, fps=5)) == math.floor((count - 1) / rate * 5) + 1
        assert plain(frames_of(path, start=START, after=frames[count // 2].position)) == plain(frames[count // 2 + 1 :])

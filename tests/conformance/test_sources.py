"""What every source of pictures must keep to: run over all that are registered.

A new source is covered once it has an example in ``EXAMPLES``: what makes all that it needs in a folder, and gives the
section that builds it. Of one without an end only the first frames are taken. What serves live ones runs until the end
of the module.
"""

from __future__ import annotations

import contextlib
import dataclasses
import inspect
import json
import math
import threading
from collections.abc import Callable, Iterator
from functools import cache
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from tests.live.clip import write_numbered
from tests.live.http_camera import HttpCamera
from tests.live.rtsp import RtspServer

from decisight.errors import SourceError, UsageError
from decisight.imaging import encode_png
from decisight.protocols import FrameSource, SourceFacts
from decisight.sources import SOURCES
from decisight.types import Frame

FIRST = 12
"""So many frames are looked at."""


def video(root: Path) -> dict[str, Any]:
    path = root / "clip.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for number in range(15):
            pixels = np.full((48, 64, 3), 10 * number, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode())
    return {"path": str(path)}


def folder(root: Path) -> dict[str, Any]:
    for number in range(15):
        (root / f"{number}.png").write_bytes(encode_png(np.full((48, 64, 3), 10 * number, np.uint8)))
    return {"path": str(root), "fps": 10, "follow": False}


SERVERS = contextlib.ExitStack()


@pytest.fixture(scope="module", autouse=True)
def servers() -> Iterator[None]:
    with SERVERS:
        yield


@cache
def rtsp_server(root: Path) -> RtspServer:
    return SERVERS.enter_context(RtspServer(write_numbered(root / "live.mp4", size=(128, 96), fps=30, gop=10)))


def camera(root: Path) -> dict[str, Any]:
    return {"url": rtsp_server(root.parent).url}


@cache
def http_camera() -> HttpCamera:
    return SERVERS.enter_context(HttpCamera(fps=30, size=(128, 96)))


def snapshot(root: Path) -> dict[str, Any]:
    return {"url": http_camera().picture_url, "every": "50ms"}


EXAMPLES: dict[str, Callable[[Path], dict[str, Any]]] = {
    "camera": camera,
    "folder": folder,
    "rendered": lambda root: {},
    "snapshot": snapshot,
    "video": video,
}

every_source = pytest.mark.parametrize("name", SOURCES.names())


def build(name: str, root: Path) -> FrameSource:
    if name not in EXAMPLES:
        pytest.fail(f"the source {name!r} has no example: add one to EXAMPLES in {Path(__file__).name}")
    return SOURCES.build(name, EXAMPLES[name](root))


def take(source: FrameSource, count: int = FIRST, **options: Any) -> list[Frame]:
    with source.open(**options) as frames:
        return list(islice(frames, count))


def plain(frames: list[Frame]) -> list[tuple[Any, ...]]:
    return [(f.name, f.time, f.position, f.cause, None if f.pixels is None else f.pixels.tobytes()) for f in frames]


def test_every_source_has_an_example() -> None:
    assert EXAMPLES.keys() == set(SOURCES.names())


@every_source
def test_it_has_what_the_protocol_asks_for(name: str, tmp_path: Path) -> None:
    source = build(name, tmp_path)
    assert source.name == name
    assert isinstance(source.live, bool)
    assert dataclasses.is_dataclass(source)
    for method, wanted in inspect.getmembers(FrameSource, inspect.isfunction):
        if not method.startswith("_"):
            assert (
                list(inspect.signature(getattr(source, method)).parameters)
                == [*inspect.signature(wanted).parameters][1:]
            )
    with pytest.raises(dataclasses.FrozenInstanceError):
        source.name = "other"  # type: ignore[misc]


@every_source
def test_frames_of_a_live_one_can_be_asked_for_within_a_time(name: str, tmp_path: Path) -> None:
    source = build(name, tmp_path)
    with source.open() as frames:
        if not hasattr(frames, "next_within"):
            pytest.skip("it waits for the next frame as long as it takes")
        assert frames.next_within(60.0) is not None
        frames.close()
        with pytest.raises(StopIteration):
            frames.next_within(60.0)


@every_source
def test_its_facts(name: str, tmp_path: Path) -> None:
    source = build(name, tmp_path)
    facts = source.facts()
    assert isinstance(facts, SourceFacts)
    assert facts == source.facts()
    for text in (facts.title, facts.identity, *facts.notes):
        assert text
        assert text.isprintable()
    first = take(source, 1)[0]
    if facts.size is not None and first.pixels is not None:
        assert (first.pixels.shape[1], first.pixels.shape[0]) == facts.size
    if facts.origin is not None and not source.live:
        assert first.time == pytest.approx(facts.origin, abs=1e-6)
    assert facts.seconds is None or facts.seconds > 0


@every_source
def test_its_frames(name: str, tmp_path: Path) -> None:
    frames = take(build(name, tmp_path))
    assert len(frames) == FIRST
    positions = {json.dumps(frame.position, allow_nan=False) for frame in frames}
    # What comes as time passes may have no positions: nobody can go back there.
    assert len(positions) == FIRST or positions == {"null"}
    assert all(one.time < other.time for one, other in pairwise(frames))
    for frame in frames:
        assert frame.name.isprintable()
        assert frame.cause is None
        assert frame.pixels is not None
        assert frame.pixels.dtype == np.uint8
        assert frame.pixels.ndim == 3
        assert frame.pixels.shape[2] == 3
        assert frame.pixels.flags.c_contiguous


@every_source
def test_two_at_a_time_know_nothing_of_each_other(name: str, tmp_path: Path) -> None:
    source = build(name, tmp_path)
    if source.live:
        pytest.skip("what it gives is another picture each time")
    with source.open() as some, source.open() as others:
        for one, other in islice(zip(some, others, strict=True), FIRST):
            assert plain([one]) == plain([other])


@pytest.mark.parametrize("fps", [None, 4.0])
@every_source
def test_it_goes_on_after_any_frame(name: str, fps: float | None, tmp_path: Path) -> None:
    source = build(name, tmp_path)
    if source.live:
        pytest.skip("what it gives is another picture each time")
    count = FIRST if fps is None else 5
    whole = take(source, count, fps=fps)
    for at, frame in enumerate(whole):
        position = json.loads(json.dumps(frame.position))
        rest = take(source, count - at - 1, after=position, fps=fps)
        assert plain(rest) == plain(whole[at + 1 :])


@every_source
def test_no_more_pictures_a_second_than_asked_for(name: str, tmp_path: Path) -> None:
    source = build(name, tmp_path)
    frames = take(source, 4, fps=4.0)
    if source.live:
        # They come when they come: one may be late, and the next in time.
        assert frames[-1].time - frames[0].time > 2.0 / 4.0
        return
    slots = [math.floor((frame.time - frames[0].time) * 4.0 + 0.25) for frame in frames]
    assert len(set(slots)) == len(slots)


@every_source
def test_what_cannot_be_asked_for_is_refused(name: str, tmp_path: Path) -> None:
    source = build(name, tmp_path)
    for fps in (0.0, -1.0, math.nan):
        with pytest.raises(UsageError, match="fps"):
            take(source, fps=fps)
    for position in ("somewhere", [], {"no": "place"}):
        with pytest.raises(SourceError):
            take(source, after=position)
    with pytest.raises(UsageError, match="no option colour"):
        SOURCES.build(name, {**EXAMPLES[name](tmp_path), "colour": "red"})


@every_source
def test_it_may_be_left_at_any_moment(name: str, tmp_path: Path) -> None:
    source = build(name, tmp_path)
    with source.open() as frames:
        pass
    assert list(islice(frames, 1)) == []
    with source.open() as frames:
        for _ in frames:
            break
    assert list(islice(frames, 1)) == []


@every_source
def test_leaving_it_ends_the_frames_of_another_thread(name: str, tmp_path: Path) -> None:
    first = threading.Event()

    def follow(frames: Iterator[Frame]) -> None:
        for _ in frames:
            first.set()

    with build(name, tmp_path).open() as frames:
        taker = threading.Thread(target=follow, args=[frames], daemon=True)
        taker.start()
        assert first.wait(60)
    taker.join(60)
    assert not taker.is_alive()

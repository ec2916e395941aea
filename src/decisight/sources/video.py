"""A recorded video file."""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import os
import threading
import time
from collections.abc import Generator, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from threading import Event
from typing import ClassVar, NamedTuple

from decisight.errors import ImageError, SourceError, UsageError
from decisight.files import printable
from decisight.imaging import Pixels
from decisight.protocols import SourceFacts
from decisight.registry import shortened
from decisight.sources import SOURCES
from decisight.sources.moments import parse_moment
from decisight.sources.opened import Opened
from decisight.sources.recording import ENDS_EARLY, Recording, Shot, open_recording
from decisight.sources.rgb import RgbConverter
from decisight.sources.sampling import Sampler
from decisight.sources.timeline import Place
from decisight.spans import MICROSECOND
from decisight.types import Frame, Position

__all__ = ["Video"]

_LOOKED_AT = 1000
"""So many pictures are looked at for the first that can be decoded."""

_EARLIEST = 631_152_000.0
"""1990: before it, a moment of creation is the zero of some clock (1904, 1970)."""

_DIGESTED = 1 << 20
"""Bytes of the beginning and of the end that a recording is known by."""
_GUESSED = (
    "when it was taken is guessed from when the file was last changed: give `start`, the moment of its first picture"
)


@SOURCES.register("video")
@dataclass(frozen=True)
class Video:
    """A video file, picture by picture, at the times that it was taken.

    The times are those that the file gives its pictures, also where they come unevenly. The first picture was taken at
    ``start``; where that is not given, at the moment that the file says it was created; and where it does not say, so
    long before the file was last changed as it is long, which is a guess.

    A picture that is damaged comes as a frame with its cause; where fewer pictures are asked for than there are, only
    where no other can be decoded of those that it could stand for. What a file that was cut off says it has after its
    last picture comes as one frame with a cause. Pictures that FFmpeg decodes without complaint after a damaged one, up
    to the next key frame, may still show traces of it.

    Nothing but the file is opened, whatever its name looks like and whatever it names.

    Args:
        path: of the file.
        start: when its first picture was taken, in ISO 8601; UTC where it names no zone.
        realtime: play it at its own speed: each frame comes no earlier than it did in the recording, counted from the
            first one given. None is passed over, however late.

    Raises:
        UsageError: ``start`` is not understood.
    """

    name: ClassVar[str] = "video"
    live: ClassVar[bool] = False

    path: str
    start: str | None = None
    realtime: bool = False

    def __post_init__(self) -> None:
        if self.start is not None:
            parse_moment(self.start, "start")

    def facts(self) -> SourceFacts:
        """Open it, decode a picture, and close it again.

        Raises:
            SourceError: it cannot be opened, or none of its first pictures can be decoded.
        """
        recording, first = self._look()
        height, width = first.shape[:2]
        origin, note = self._origin(recording)
        parts = [printable(self.path), f"{width}x{height}", f"{round(float(recording.rate), 3):g} pictures/s"]
        if recording.seconds is not None:
            parts.append(f"{recording.seconds:.1f} s")
        return SourceFacts(
            title=", ".join(parts),
            identity=self._identity(),
            size=(width, height),
            origin=origin,
            seconds=recording.seconds,
            notes=(note,) if note else (),
        )

    def open(
        self, *, after: Position | None = None, fps: float | None = None
    ) -> AbstractContextManager[Iterator[Frame]]:
        """Its frames, in order.

        Args:
            after: the position of the last frame that is known.
            fps: at most so many pictures a second; by default all.

        Raises:
            SourceError: it cannot be opened, or is gone while frames are taken; or the position is not one of a video.
            UsageError: ``fps`` is not more than 0.
        """
        Sampler(fps)
        place = None if after is None else _place(after, self.path)

        def begin(closed: Event) -> Generator[Frame]:
            recording = open_recording(self.path)
            after = None if place is None else recording.seconds_to(place)
            shots, sampler = recording.shots(closed, after=place), Sampler(fps, after=after)
            return self._frames(recording, _chosen(recording, shots, sampler, every=fps is None), closed)

        return Opened(begin)

    def frame_at(self, seconds: float | None) -> Frame:
        """The picture that is seen at a moment; the first one where none can be decoded up to then.

        Args:
            seconds: from the first picture; ``None``: the first.

        Raises:
            SourceError: it cannot be opened, or there is no picture from there on.
        """
        recording, converter = open_recording(self.path), RgbConverter()
        found: tuple[float, Shot] | None = None
        wanted = max(0.0, seconds or 0.0)
        with contextlib.closing(recording.shots_at(wanted, Event())) as shots:
            for shot in shots:
                at = recording.seconds_to(shot.place)
                if found is not None and at > wanted + MICROSECOND:
                    break
                if shot.frame is not None:
                    found = at, shot
        if found is None or found[1].frame is None:
            raise SourceError(
                f"{printable(self.path)}: there is no picture at {wanted:.3f} s", hint="give another moment"
            )
        at, shot = found
        name = f"{printable(os.path.basename(self.path))} at {at:.3f} s"
        return Frame(name, self._origin(recording)[0] + at, converter.convert(found[1].frame), list(shot.place))

    def _frames(self, recording: Recording, chosen: Generator[_Chosen], closed: Event) -> Generator[Frame]:
        name = printable(os.path.basename(self.path))
        origin, _ = self._origin(recording)
        begun = None
        with contextlib.closing(chosen):
            for place, seconds, pixels, cause in chosen:
                if self.realtime:
                    begun = time.monotonic() - seconds if begun is None else begun
                    closed.wait(max(0.0, min(begun + seconds - time.monotonic(), threading.TIMEOUT_MAX)))
                if closed.is_set():
                    return
                yield Frame(f"{name} at {seconds:.3f} s", origin + seconds, pixels, list(place), cause)

    def _look(self) -> tuple[Recording, Pixels]:
        """What is known of it, and its first picture."""
        recording, converter = open_recording(self.path), RgbConverter()
        with contextlib.closing(recording.shots(Event())) as shots:
            for shot in itertools.islice(shots, _LOOKED_AT):
                if shot.frame is not None:
                    with contextlib.suppress(ImageError):
                        return recording, converter.convert(shot.frame)
        raise SourceError(
            f"{printable(self.path)}: none of its first {_LOOKED_AT} pictures can be decoded",
            hint="it is damaged or encrypted: copy it again, or save it without protection",
        )

    def _origin(self, recording: Recording) -> tuple[float, str | None]:
        """When the first picture was taken, and what is to be said of that."""
        if self.start is not None:
            return parse_moment(self.start, "start"), None
        if recording.created is not None:
            with contextlib.suppress(UsageError):
                created = parse_moment(recording.created, "creation_time")
                if created >= _EARLIEST:
                    return created, None
        return os.stat(self.path).st_mtime - (recording.seconds or 0.0), _GUESSED

    def _identity(self) -> str:
        """By content: its size, beginning and end. So a recording that was moved, copied or touched is the same."""
        with open(self.path, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            digest = hashlib.sha256(size.to_bytes(8, "little") + file.read(_DIGESTED))
            file.seek(max(0, size - _DIGESTED))
            digest.update(file.read(_DIGESTED))
        return f"video:{digest.hexdigest()}"


class _Chosen(NamedTuple):
    """What becomes a frame.

    Args:
        place: in the recording.
        seconds: since the first picture.
        pixels: uint8 (H, W, 3), RGB; ``None`` where there are none.
        cause: why not.
    """

    place: Place
    seconds: float
    pixels: Pixels | None
    cause: str | None


def _chosen(recording: Recording, shots: Generator[Shot], sampler: Sampler, *, every: bool) -> Generator[_Chosen]:
    """Of each slot the first picture that can be decoded, else the first of those that cannot; or every picture.

    What comes after one of them in its slot is passed over, so that whoever goes on after it takes the same as before.
    """
    converter = RgbConverter()
    damaged: _Chosen | None = None
    served = True
    with contextlib.closing(shots):
        for shot in shots:
            seconds = recording.seconds_to(shot.place)
            if sampler.takes(seconds):
                if damaged is not None:
                    yield damaged
                damaged, served = None, False
            # That it ends early is told at any rate of sampling.
            ends = shot.cause == ENDS_EARLY
            if served and not ends:
                continue
            found = _Chosen(shot.place, seconds, *_converted(shot, converter))
            if found.pixels is None and not (ends or every):
                damaged = damaged or found
                continue
            if ends and damaged is not None:
                yield damaged
            damaged, served = None, True
            yield found
    if damaged is not None:
        yield damaged


def _converted(shot: Shot, converter: RgbConverter) -> tuple[Pixels | None, str | None]:
    if shot.frame is None:
        return None, shot.cause
    try:
        return converter.convert(shot.frame), shot.cause
    except ImageError as error:
        return None, error.message


def _place(position: Position, path: str) -> Place:
    """A position as it was given, taken up again."""
    match position:
        case [int(ticks), bool(own)] if not isinstance(ticks, bool):
            return Place(ticks, own)
    raise SourceError(
        f"{printable(path)}: {shortened(position)} is not a place in a recording", hint="give one of its frames' own"
    )

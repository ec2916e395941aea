"""A folder of pictures, those that lie in it and those that arrive."""

from __future__ import annotations

import hashlib
import os
from bisect import bisect_right
from collections.abc import Generator, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from threading import Event
from typing import ClassVar, Literal

from decisight.errors import ImageError, SourceError, UsageError
from decisight.files import printable
from decisight.imaging import read_image
from decisight.protocols import SourceFacts
from decisight.sources import SOURCES
from decisight.sources.listing import Seen, list_pictures
from decisight.sources.moments import parse_moment
from decisight.sources.opened import Opened
from decisight.sources.place import Place
from decisight.sources.sampling import Sampler
from decisight.sources.sequence import ByName, ByTime, Sequence, natural_order
from decisight.sources.watching import Absence, Watch
from decisight.types import Frame, Position

__all__ = ["Folder"]

_LONGEST_LAG = 86_400.0
_SHORTEST_POLL, _LONGEST_POLL = 0.05, 3600.0
_SHARE = 0.1
"""Of the time, at most so much is spent on looking, however many pictures there are."""


@SOURCES.register("folder")
@dataclass(frozen=True)
class Folder:
    """The pictures below a folder, to all depths; and then those that arrive there, as cameras upload them.

    They come in the order of when each was taken, those of one time by name; or, where ``fps`` is given, by name,
    numbers in it in their own order. Each is given once, and again only where it was replaced by another picture that
    is newer than all that were given. What arrives with an older time than those that were given is given as it
    arrives, and what arrived so while nobody watched is given when it goes on. Then old pictures that were touched, or
    whose owner or permissions were changed, meanwhile may be given again: they look as if they had arrived. What it
    cannot tell is that a folder of old pictures was moved in as a whole while nobody watched; nor that a picture came
    while the clock was an hour behind, say, where that was right when it last watched.

    A picture that cannot be read comes as a frame with its cause, once it has not changed for two seconds: until then
    it may still be being written, and those after it wait. Hidden names, those that end in ``.part`` or ``.tmp`` before
    or after the suffix, and what is not called a picture are passed over.

    A folder that vanishes while it is followed is waited for; until it is back, a frame without a picture says so every
    ten seconds. All that is looked at are names, times and sizes, at most every ``poll`` seconds, and for no more than
    a tenth of the time.

    Args:
        path: of the folder.
        follow: wait for new pictures after those that are there; it ends only when it is closed.
        fps: they were taken so many a second, in the order of their names.
        start: when the first of them was taken, in ISO 8601, UTC where it names no zone; only with ``fps``. By default
            when it was last changed.
        times: where ``fps`` is not given, when each was taken: ``modified``, when it was last changed; or ``exif``,
            what it says of itself (``DateTimeOriginal`` of JPEG and TIFF, UTC where it names no offset), and when it
            was last changed where it says nothing.
        poll: seconds between two looks, 0.05..3600.
        lag: seconds that a picture may take from the camera into the folder, 0..86400: where cameras bring them in
            bursts, the time from one to the next. Until then nobody takes it that no picture came.

    Raises:
        UsageError: a setting is out of its range, or ``start`` is given without ``fps``.
    """

    name: ClassVar[str] = "folder"
    grows: ClassVar[bool] = True
    """Whether there may be more after its last frame when it is opened again after that: so also where it ends."""

    path: str
    follow: bool = True
    fps: float | None = None
    start: str | None = None
    times: Literal["modified", "exif"] = "modified"
    poll: float = 0.5
    lag: float = 2.0

    def __post_init__(self) -> None:
        Sampler(self.fps)
        if not _SHORTEST_POLL <= self.poll <= _LONGEST_POLL:
            raise UsageError(
                f"poll = {self.poll} cannot be used", hint=f"give seconds, {_SHORTEST_POLL} to {_LONGEST_POLL:.0f}"
            )
        if not 0.0 <= self.lag <= _LONGEST_LAG:
            raise UsageError(f"lag = {self.lag} cannot be used", hint=f"give seconds, 0 to {_LONGEST_LAG:.0f}")
        if self.start is not None:
            parse_moment(self.start, "start")
            if self.fps is None:
                raise UsageError("start is given without fps", hint="give fps, or leave out start")

    @property
    def live(self) -> bool:
        """Whether it waits for pictures that arrive."""
        return self.follow

    def facts(self) -> SourceFacts:
        """List what lies in it.

        Raises:
            SourceError: it is not there, or holds no picture and is not followed.
        """
        pictures = self._pictures()
        sequence = self._sequence(pictures)
        title = f"{printable(self.path)}, {len(pictures)} picture{'' if len(pictures) == 1 else 's'}"
        kind = "name" if self.fps is not None else self.times
        digest = hashlib.sha256(os.fsencode(os.path.realpath(self.path))).hexdigest()
        origin = seconds = None
        if pictures and not self.follow:
            ordered = sorted(pictures, key=sequence.key)
            first, last = (sequence.moment(sequence.number(ordered[at], at % len(ordered))).time for at in (0, -1))
            origin, seconds = first, last - first
        return SourceFacts(
            title=f"{title} so far" if self.follow else title,
            identity=f"folder:{kind}:{digest}",
            origin=origin,
            seconds=seconds,
            notes=tuple(self._notes()),
        )

    def open(
        self, *, after: Position | None = None, fps: float | None = None
    ) -> AbstractContextManager[Iterator[Frame]]:
        """Its frames, in order.

        Args:
            after: the position of the last frame that is known.
            fps: at most so many pictures a second, by when they were taken; by default all.

        Raises:
            SourceError: it is not there, or holds no picture and is not followed; or the position is not one of a
                folder.
            UsageError: ``fps`` is not more than 0.
        """
        Sampler(fps)
        place = None if after is None else Place.of(after, self.path)

        def begin(closed: Event) -> Generator[Frame]:
            self._pictures()
            return self._frames(place, fps, closed)

        return Opened(begin)

    def frame_at(self, seconds: float | None) -> Frame:
        """The picture that was the newest at a moment.

        Args:
            seconds: from the first picture, by when they were taken; ``None``: the newest of all.

        Raises:
            SourceError: the folder is not there, or there is no picture in it that can be read.
        """
        pictures = self._pictures()
        sequence = self._sequence(pictures)
        ordered = sorted(pictures, key=sequence.key)
        times = [sequence.moment(sequence.number(picture, at)).time for at, picture in enumerate(ordered)]
        upto = len(ordered) if seconds is None else max(1, bisect_right(times, times[0] + seconds)) if times else 0
        problem = None
        for picture, time in zip(reversed(ordered[:upto]), reversed(times[:upto]), strict=True):
            try:
                return Frame(printable(picture.name), time, read_image(os.path.join(self.path, picture.name)))
            except ImageError as error:  # one that is still being written, perhaps
                problem = problem or error.message
        raise SourceError(
            problem or f"{printable(self.path)}: there is no picture in it yet", hint="give a folder with pictures"
        )

    def _frames(self, place: Place | None, fps: float | None, closed: Event) -> Generator[Frame]:
        watch: Watch | None = None
        absence = Absence(printable(self.path))
        position = None if place is None else place.position()
        while not closed.is_set():
            cause = None
            if watch is None:
                listing = list_pictures(self.path)
                cause = listing.cause
                # As long as there is no picture, there is nothing to begin with.
                watch = self._watch(listing.pictures, place, fps) if listing.pictures else None
            if watch is not None:
                for frame in watch.frames():
                    if closed.is_set():
                        return
                    if frame is not None:
                        position = frame.position
                        yield frame
                cause = watch.cause
            if not self.follow and not (watch and watch.waiting):
                return
            away = absence.frame(cause, position)
            if away is not None:
                yield away
            took = watch.took if watch else 0.0
            closed.wait(max(self.poll, took / _SHARE - took))

    def _watch(self, pictures: list[Seen], place: Place | None, fps: float | None) -> Watch:
        sequence = self._sequence(pictures)
        after = None if place is None else sequence.moment(place.taken).slot
        return Watch(self.path, sequence, Sampler(fps, after=after), place)

    def _sequence(self, pictures: list[Seen]) -> Sequence:
        if self.fps is None:
            return ByTime(self.path, exif=self.times == "exif")
        if self.start is not None:
            return ByName(self.fps, parse_moment(self.start, "start"))
        first = min(pictures, key=lambda picture: natural_order(picture.name), default=None)
        return ByName(self.fps, first.modified / 10**9 if first else 0.0)

    def _pictures(self) -> list[Seen]:
        name = printable(self.path)
        try:
            with os.scandir(self.path):
                pictures = list_pictures(self.path).pictures
        except FileNotFoundError as error:
            raise SourceError(
                f"{name}: does not exist", hint="check the spelling, and from where the path is meant"
            ) from error
        except NotADirectoryError as error:
            raise SourceError(f"{name}: is not a folder", hint="for a recording use the source video") from error
        except (OSError, ValueError) as error:
            said = getattr(error, "strerror", None) or str(error)
            raise SourceError(f"{name}: cannot be read: {said}", hint="check the path and its permissions") from error
        if not pictures and not self.follow:
            raise SourceError(
                f"{name}: there is no picture in this folder", hint="name another, or let it wait for some: follow"
            )
        return pictures

    def _notes(self) -> Iterator[str]:
        if self.fps is not None and self.start is None:
            yield "when the first picture was taken is guessed from when it was last changed: give `start`"
        elif self.fps is None and self.times == "exif":
            yield "times are what the pictures say; those that name no offset are taken for UTC"
        elif self.fps is None and not self.follow:
            yield "times are when the pictures were last changed, which copying may do: `times: exif` asks them instead"

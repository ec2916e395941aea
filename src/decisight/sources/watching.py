"""A folder being watched: which of its pictures come next, and reading them once they are whole."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from decisight.errors import ImageError
from decisight.files import printable
from decisight.imaging import Pixels, decode, read_bytes
from decisight.sources.listing import Listing, Seen, list_pictures
from decisight.sources.place import Place, Step, mark
from decisight.sources.sampling import Sampler
from decisight.sources.sequence import Key, Sequence
from decisight.types import Frame, Position

__all__ = ["Absence", "Watch"]

_SETTLED = 2.0
"""A picture that cannot be read, and has not changed for so many seconds, is as its writer left it."""
_PATIENCE = 10.0
"""Nobody is waited for any longer, however often a picture changes."""
_REMINDED = 10.0
"""Seconds after which it is said again that a folder is away."""
_MOST_MARKS = 256
"""A position names no more pictures than these one by one: it is stored with every frame."""
_COARSE = 2 * 10**9
"""Nanoseconds from one time of a file to the next, at most, on systems that keep whole seconds: FAT keeps even ones."""


@dataclass(slots=True)
class _Attempt:
    """A picture that could not be read yet: when that was tried first, and since when it looks as it does."""

    first: float
    since: float
    seen: Seen


@dataclass(frozen=True, slots=True)
class _Content:
    """A picture as it was read: its pixels, or why there are none."""

    pixels: Pixels | None
    cause: str | None
    digest: bytes


@dataclass(slots=True)
class Absence:
    """A folder that is away, and when that was said last.

    Args:
        name: of the folder, for people.
    """

    name: str
    _told: float | None = None

    def frame(self, cause: str | None, position: Position) -> Frame | None:
        """What there is to say of it: a frame with the cause as soon as it is away, and then once in ten seconds.

        Args:
            cause: why it could not be read; ``None``: it could, and next time is the first again.
            position: of the last frame.
        """
        if cause is None:
            self._told = None
            return None
        now = time.monotonic()
        if self._told is not None and now - self._told < _REMINDED:
            return None
        self._told = now
        return Frame(self.name, time.time(), None, position, cause)


@dataclass(slots=True)
class Watch:
    """What was given of a folder, and so what comes next.

    Args:
        root: the folder.
        sequence: the order of its pictures.
        sampler: which of them are taken.
        place: where to begin; by default with the first picture.
        took: how many seconds the last look at the folder took.
        cause: why the folder could not be read when it was looked at last; ``None`` where it could.
    """

    root: str
    sequence: Sequence
    sampler: Sampler
    place: Place | None = None
    took: float = 0.0
    cause: str | None = None
    _last: Key | None = None
    """The key of the newest picture that was given."""
    _count: int = 0
    """How many pictures there were up to it."""
    _number: int = 0
    """Of the positions, which may be greater than that picture's where numbers count."""
    _begun: list[tuple[Key, Step]] = field(default_factory=list)
    _steps: list[tuple[Key, Step]] = field(default_factory=list)
    _looked: int | None = None
    """What arrived by then, and is not among the pictures known, is not there."""
    _newest: int = 0
    """When what arrived last did, of all pictures that were ever seen."""
    _unsaid: list[tuple[Seen, Key, str]] = field(default_factory=list)
    """With their marks, pictures that may have been given though no step says so."""
    _known: dict[str, tuple[Seen, bytes]] = field(default_factory=dict)
    _attempts: dict[str, _Attempt] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.place is None:
            return
        self._begun = [(self.sequence.key_at(step.number, step.name), step) for step in self.place.steps]
        self._steps = list(self._begun)
        self._last, first = self._begun[0]
        self._number = first.number
        self._count = self.sequence.count_at(first.number)
        self._looked = min(step.looked for step in self.place.steps)
        self._newest = max(step.looked for step in self.place.steps) + 1

    @property
    def waiting(self) -> bool:
        """Whether a picture may still be being written."""
        return bool(self._attempts)

    def frames(self) -> Iterator[Frame | None]:
        """The frames of what lies in the folder now and was not given yet; ``None`` for each picture passed over.

        It ends before its time at a picture that may still be being written: that comes again when it is called again.
        """
        news = self._news()
        for at, picture in enumerate(news):
            following = news[at + 1] if at + 1 < len(news) else None
            known = self._known.get(picture.name)
            if known and self._digest(picture) == known[1]:  # touched, not replaced
                self._known[picture.name] = picture, known[1]
                continue
            number = self.sequence.number(picture, self._count)
            moment = self.sequence.moment(number)
            if picture.name not in self._attempts and not self.sampler.takes(moment.slot):
                self._known[picture.name] = picture, b""
                self._advance(picture, number, following)
                yield None
                continue
            content = self._read(picture)
            if content is None:
                if picture.name in self._attempts:
                    return
                continue
            self._known[picture.name] = picture, content.digest
            self._advance(picture, number, following)
            yield Frame(printable(picture.name), moment.time, content.pixels, self._position(number), content.cause)

    def _advance(self, picture: Seen, number: int, following: Seen | None) -> None:
        """Go on to the place of a picture, unless it came late: what was given before is not to be given again."""
        self._count += 1
        key = self.sequence.key(picture)
        self._number = max(self._number, number)
        if self._last is None or key > self._last:
            self._last, self._number = key, number
        self._step(key, number, picture.name)
        if following is None or self.sequence.key(following) > self._last:
            self._step_to_last()

    def _step(self, key: Key, number: int, name: str) -> None:
        """Know that all up to a picture were given, as of the look at the folder that is gone through."""
        step = Step(number, name, self._looked or 0)
        # What another step says, too, need not be said twice.
        steps = [other for other in self._steps if other[0] > key or other[1].looked > step.looked]
        if not any(other[0] >= key and other[1].looked >= step.looked for other in steps):
            steps.append((key, step))
        self._steps = sorted(steps, key=lambda each: each[0], reverse=True)

    def _step_to_last(self) -> None:
        """Know that no picture that came late is left of those that were found."""
        if self._steps:
            key, first = self._steps[0]
            self._step(key, first.number, first.name)

    def _position(self, taken: int) -> Position:
        (_, first), *others = self._steps
        marks = [
            text
            for picture, key, text in self._unsaid
            if picture.name in self._known and not _is_said(self._steps, key, picture)
        ]
        steps = (Step(self._number, first.name, first.looked), *(step for _, step in others))
        return Place(steps, tuple(marks), taken).position()

    def _news(self) -> list[Seen]:
        """What was not given yet, in order."""
        begun = time.monotonic()
        listing = list_pictures(self.root)
        self.cause = listing.cause
        news = []
        for picture in listing.pictures:
            known = self._known.get(picture.name)
            if known and known[0] == picture:
                continue
            if self._is_new(picture, known is not None):
                news.append(picture)
            else:
                self._known[picture.name] = picture, known[1] if known else b""
        names = {picture.name for picture in listing.pictures}
        self._attempts = {name: attempt for name, attempt in self._attempts.items() if name in names}
        # An unmounted share is an empty folder: what lay there may come back, and was given.
        if listing.whole and listing.pictures:
            self._known = {name: known for name, known in self._known.items() if name in names}
        news.sort(key=self.sequence.key)
        if listing.pictures:
            self._look(listing, names, news)
        self.took = time.monotonic() - begun
        return news

    def _is_new(self, picture: Seen, known: bool) -> bool:
        """Whether a picture that is not known, or not as it is now, is to be given."""
        key = self.sequence.key(picture)
        if known:
            return self._last is None or key > self._last
        if self.place is None:
            return True
        return not _is_said(self._begun, key, picture) and mark(picture) not in self.place.marks

    def _look(self, listing: Listing, names: set[str], news: list[Seen]) -> None:
        """Take in when the folder was looked at: what positions say of pictures that came late depends on it."""
        arrivals = [picture.arrived for picture in listing.pictures]
        self._newest = max(self._newest, max(arrivals))
        self._looked = self._last_look(listing, arrivals)
        # A clock that was set back: what comes now has come later all the same.
        looked = self._looked
        self._steps = [(key, Step(step.number, step.name, min(step.looked, looked))) for key, step in self._steps]
        earliest = min([looked, *(step.looked for _, step in self._steps)])
        late = [picture for picture in listing.pictures if picture.arrived > earliest]
        # What lies where nobody could look now was given all the same.
        self._unsaid = [] if listing.whole else [unsaid for unsaid in self._unsaid if unsaid[0].name not in names]
        for picture in sorted(late, key=self.sequence.key):
            key = self.sequence.key(picture)
            given = picture.name in self._known and not _is_said(self._steps, key, picture)
            if picture.arrived > looked or given:
                self._unsaid.append((picture, key, mark(picture)))
        if self._last is not None and not (news and self.sequence.key(news[0]) <= self._last):
            self._step_to_last()

    def _last_look(self, listing: Listing, arrivals: list[int]) -> int:
        """The last moment of which it is sure that all that arrived by then was found, if marks can tell the rest.

        A share's clock may be behind ours: what arrives there later is no earlier than the newest that is there.
        """
        looked = listing.looked
        if all(arrival % 10**9 == 0 for arrival in arrivals):
            looked -= looked % _COARSE
        choices = [min(looked, self._newest) - 1, self._newest - 1]
        # Where a folder could not be read, pictures may have come that nobody saw.
        if not listing.whole and self._looked is not None:
            choices.insert(0, self._looked)
        for choice in choices:
            if sum(arrival > choice for arrival in arrivals) <= _MOST_MARKS:
                return choice
        return self._newest

    def _read(self, picture: Seen) -> _Content | None:
        """A picture that is whole or never will be; ``None``: not now, or it is gone."""
        path = os.path.join(self.root, picture.name)
        digest = b""
        try:
            data = read_bytes(path)
            digest = _digest(data)
            content = _Content(decode(data), None, digest)
        except ImageError as error:
            if not os.path.lexists(path):
                self._attempts.pop(picture.name, None)
                return None
            if not self._has_settled(picture):
                return None
            content = _Content(None, error.message.removeprefix(f"{printable(path)}: "), digest)
        self._attempts.pop(picture.name, None)
        return content

    def _has_settled(self, picture: Seen) -> bool:
        """Whether a picture that cannot be read will stay as it is. By its own time, if the clocks agree; else in ours.

        A picture that was changed long ago need not be waited for; one of a machine with another clock is watched.
        """
        now = time.monotonic()
        attempt = self._attempts.setdefault(picture.name, _Attempt(now, now, picture))
        if attempt.seen != picture:
            attempt.seen, attempt.since = picture, now
        age = time.time() - picture.modified / 10**9
        return age >= _SETTLED or now - attempt.since >= _SETTLED or now - attempt.first >= _PATIENCE

    def _digest(self, picture: Seen) -> bytes:
        try:
            return _digest(read_bytes(os.path.join(self.root, picture.name)))
        except ImageError:
            return b"unreadable"


def _digest(data: bytes) -> bytes:
    """Enough of a digest to tell a file from the one that had its name before."""
    return hashlib.sha256(data).digest()[:8]


def _is_said(steps: list[tuple[Key, Step]], key: Key, picture: Seen) -> bool:
    """Whether a step says that a picture was given."""
    return any(key <= last and picture.arrived <= step.looked for last, step in steps)

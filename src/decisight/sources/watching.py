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
from decisight.sources.listing import Seen, list_pictures
from decisight.sources.sampling import Sampler
from decisight.sources.sequence import Key, Sequence
from decisight.types import Frame

__all__ = ["Watch"]

_SETTLED = 2.0
"""A picture that cannot be read, and has not changed for so many seconds, is as its writer left it."""
_PATIENCE = 10.0
"""Nobody is waited for any longer, however often a picture changes."""


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
class Watch:
    """What was given of a folder, and so what comes next.

    Args:
        root: the folder.
        sequence: the order of its pictures.
        sampler: which of them are taken.
        last: the key of the last picture given, and what is greatest of all that were.
        name: of the picture with that key.
        number: of its position.
        count: how many pictures there were up to it.
        took: how many seconds the last look at the folder took.
    """

    root: str
    sequence: Sequence
    sampler: Sampler
    last: Key | None = None
    name: str = ""
    number: int = 0
    count: int = 0
    took: float = 0.0
    _begun_after: Key | None = field(init=False)
    _known: dict[str, tuple[Seen, bytes]] = field(default_factory=dict)
    _attempts: dict[str, _Attempt] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._begun_after = self.last

    @property
    def waiting(self) -> bool:
        """Whether a picture may still be being written."""
        return bool(self._attempts)

    def frames(self) -> Iterator[Frame | None]:
        """The frames of what lies in the folder now and was not given yet; ``None`` for each picture passed over.

        It ends before its time at a picture that may still be being written: that comes again when it is called again.
        """
        for picture in self._news():
            known = self._known.get(picture.name)
            if known and self._digest(picture) == known[1]:  # touched, not replaced
                self._known[picture.name] = picture, known[1]
                continue
            number = self.sequence.number(picture, self.count)
            moment = self.sequence.moment(number)
            if picture.name not in self._attempts and not self.sampler.takes(moment.slot):
                self._known[picture.name] = picture, b""
                self.count += 1
                yield None
                continue
            content = self._read(picture)
            if content is None:
                if picture.name in self._attempts:
                    return
                continue
            self._known[picture.name] = picture, content.digest
            self.count += 1
            self._advance(picture, number)
            yield Frame(printable(picture.name), moment.time, content.pixels, [self.number, self.name], content.cause)

    def _advance(self, picture: Seen, number: int) -> None:
        """Go on to the place of a picture, unless it came late: what was given before is not to be given again."""
        key = self.sequence.key(picture)
        self.number = max(self.number, number)
        if self.last is None or key > self.last:
            self.last, self.name, self.number = key, picture.name, number

    def _news(self) -> list[Seen]:
        """What was not given yet, in order."""
        begun = time.monotonic()
        listing = list_pictures(self.root)
        news = []
        for picture in listing.pictures:
            known = self._known.get(picture.name)
            if known and known[0] == picture:
                continue
            before = self.last if known else self._begun_after
            if before is None or self.sequence.key(picture) > before:
                news.append(picture)
            else:
                self._known[picture.name] = picture, known[1] if known else b""
        names = {picture.name for picture in listing.pictures}
        self._attempts = {name: attempt for name, attempt in self._attempts.items() if name in names}
        # An unmounted share is an empty folder: what lay there may come back, and was given.
        if listing.whole and listing.pictures:
            self._known = {name: known for name, known in self._known.items() if name in names}
        news.sort(key=self.sequence.key)
        self.took = time.monotonic() - begun
        return news

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

"""That a live camera gives no pictures, or none that can be judged, and that it does again: told in few lines.

Once when it begins, seldom while it lasts, once when it is over; of one that comes and goes less and less often, and of
many that fail together in one line.
"""

from __future__ import annotations

import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from decisight.files import printable

if TYPE_CHECKING:
    from decisight.workers.cameras import CameraRun
    from decisight.workers.health import CameraHealth
    from decisight.workers.listener import Listener

__all__ = ["Troubles"]

_GRACE = 2.0
"""Seconds that it must last to be told: a connection that is made anew at once is none of it."""
_REMINDER = 600.0
"""Seconds after which it is told again while it lasts; and after which it is forgotten that it has come and gone."""
_FIRST_REST = 30.0
"""Seconds from telling of a camera to telling that it fails once more, doubled each time, up to :data:`_REMINDER`."""
_FEW = 3
"""Cameras that are told a line each; more of which the same is to be said are told in one."""
_MOST_NAMES = 5
"""In one line."""
_MOST_LINES, _MINUTE = 10, 60.0
"""Lines in so many seconds; what comes then is told together with what comes after it."""


class _Word(NamedTuple):
    """What is to be told of a camera, and how that is said of many."""

    camera: str
    text: str
    of_many: str


@dataclass(slots=True)
class _Trouble:
    """What is the matter with a camera."""

    since: float
    seen: float
    text: str = ""
    over: str = ""
    told: float | None = None
    """When it was told last."""


@dataclass(slots=True)
class _Past:
    """When it was last told that a camera fails, and how often it was, one soon after the other."""

    told: float
    times: int


class Troubles:
    """Remembers which cameras somebody should look after, and tells it.

    Args:
        listener: who is told.
        clock: in seconds.
    """

    def __init__(self, listener: Listener, clock: Callable[[], float] = time.monotonic) -> None:
        self._listener = listener
        self._clock = clock
        self._present: dict[str, _Trouble] = {}
        self._past: dict[str, _Past] = {}
        self._over: list[_Word] = []
        self._lines: deque[float] = deque(maxlen=_MOST_LINES)

    def look(self, cameras: Iterable[CameraRun]) -> None:
        """See how cameras are, about once a second, and tell what is new.

        What makes a camera start again, or ends it, is told by itself; recordings have no such troubles.
        """
        now = self._clock()
        for camera in cameras:
            if camera.source.live:
                told_apart = camera.status.fault is not None or camera.status.error is not None
                self._see(camera.health(), now, told_apart=told_apart)
        if len(self._lines) == _MOST_LINES and now - self._lines[0] < _MINUTE:
            return
        self._tell(self._over)
        self._over = []
        self._tell(self._begun(now))
        self._tell(self._lasting(now))

    def _see(self, camera: CameraHealth, now: float, *, told_apart: bool) -> None:
        if camera.state in ("no pictures", "cannot judge") or (camera.state == "failed" and not told_apart):
            silent = camera.age if camera.state == "no pictures" and camera.age is not None else 0.0
            cause = camera.cause or camera.state
            judging = camera.state == "cannot judge"
            over = "judged again" if judging else "pictures again"
            trouble = self._present.get(camera.name)
            if trouble is None or trouble.over != over:
                # Where pictures could not be judged, and now none come, that is another trouble.
                trouble = self._present[camera.name] = _Trouble(now - silent, now, over=over)
            trouble.text = f"cannot judge: {cause}" if judging else cause
        elif camera.state in ("watching", "ended") and camera.name in self._present:
            trouble = self._present.pop(camera.name)
            if trouble.told is not None and camera.state == "watching":
                text = f"{trouble.over}, after {_span(now - trouble.since)}"
                self._over.append(_Word(camera.name, text, trouble.over))

    def _begun(self, now: float) -> list[_Word]:
        found = []
        for name, trouble in self._present.items():
            if trouble.told is None and now - trouble.seen >= _GRACE and self._is_news(name, now):
                trouble.told = now
                found.append(_Word(name, trouble.text, trouble.text))
        return found

    def _is_news(self, name: str, now: float) -> bool:
        past = self._past.get(name)
        if past is None or now - past.told >= _REMINDER:
            self._past[name] = _Past(now, 1)
            return True
        if now - past.told < min(_REMINDER, _FIRST_REST * 2.0 ** (past.times - 1)):
            return False
        self._past[name] = _Past(now, past.times + 1)
        return True

    def _lasting(self, now: float) -> list[_Word]:
        found = []
        for name, trouble in self._present.items():
            if trouble.told is not None and now - trouble.told >= _REMINDER:
                trouble.told = now
                still = f"still {trouble.text}"
                found.append(_Word(name, f"{still}, for {_span(now - trouble.since)}", still))
        return found

    def _tell(self, words: Sequence[_Word]) -> None:
        for of_many, some in _by_text(words).items():
            if len(some) <= _FEW:
                for word in some:
                    self._note(word.camera, word.text)
            else:
                names = ", ".join(printable(word.camera) for word in some[:_MOST_NAMES])
                more = f" and {len(some) - _MOST_NAMES} more" if len(some) > _MOST_NAMES else ""
                self._note(None, f"{len(some)} cameras: {of_many} ({names}{more})")

    def _note(self, camera: str | None, text: str) -> None:
        self._lines.append(self._clock())
        self._listener.noted(camera, text)


def _by_text(words: Sequence[_Word]) -> Mapping[str, list[_Word]]:
    found: dict[str, list[_Word]] = defaultdict(list)
    for word in words:
        found[word.of_many].append(word)
    return found


def _span(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 180.0 else f"{seconds / 60.0:.0f} min"

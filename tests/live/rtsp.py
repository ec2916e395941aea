"""A camera for tests: a real RTSP server in a process of its own, with faults on demand.

Example::

    with RtspServer(write_numbered(tmp_path / "clip.mp4")) as server:
        source = SOURCES.build("camera", {"url": server.url})
        server.pause()         # the connection stays, and nothing comes any more
        server.kill()          # the camera is off
        server.start_again()   # on the same port
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

__all__ = ["RtspServer"]

_CHILD = Path(__file__).with_name("rtsp_child.py")


class RtspServer:
    """Serves a clip, in a loop and in real time, to any number of clients at any path.

    Args:
        clip: an MP4 file with H.264; or several, by name, of which the first is served.
        user: who alone is admitted, and their password; by default everybody is.
        password: of the user.
        scheme: of authentication: ``digest`` or ``basic``.
    """

    def __init__(
        self,
        clip: Path | Mapping[str, Path],
        *,
        user: str | None = None,
        password: str | None = None,
        scheme: str = "digest",
    ) -> None:
        self._clips = dict(clip) if isinstance(clip, Mapping) else {"clip": clip}
        self.user, self.password, self.scheme = user, password, scheme
        self.port = 0
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        self.start_again()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.kill()

    @property
    def url(self) -> str:
        """Its address, with no credentials in it."""
        return f"rtsp://127.0.0.1:{self.port}/live"

    def url_with(self, user: str, password: str) -> str:
        """Its address with credentials in it."""
        return f"rtsp://{quote(user, safe='')}:{quote(password, safe='')}@127.0.0.1:{self.port}/live"

    def start_again(self) -> None:
        """Switch it on, at the port that it has had; without any fault."""
        self.kill()
        self._process = subprocess.Popen(
            [sys.executable, str(_CHILD)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        settings = {
            "port": self.port,
            "clips": {name: str(path) for name, path in self._clips.items()},
            "clip": next(iter(self._clips)),
            "user": self.user,
            "password": self.password,
            "scheme": self.scheme,
        }
        self.port = self._ask(settings)

    def heal(self) -> None:
        """As it was at first, without any connection; with another clip's pictures if another was shown."""
        if self._process is None:
            self.start_again()
            return
        self._set(paused=False, held=False, silent=False, frozen=False, status=None, garbage=None, damage=0, lose=0.0)
        self.admit(self.user, self.password, self.scheme)
        self.show(next(iter(self._clips)))
        self._ask({"drop": True})
        self._ask({"forget": True})

    def kill(self) -> None:
        """Switch it off: connections break, and nobody listens any more."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def pause(self, paused: bool = True) -> None:
        """Send nothing any more, while connections stay (half-open); or go on."""
        self._set(paused=paused)

    def hold(self, held: bool = True) -> None:
        """Keep back what there is to be sent, as a network that is stuck does; or send all of it at once, and go on."""
        self._set(held=held)

    def hang(self, silent: bool = True) -> None:
        """Accept connections and answer nothing any more."""
        self._set(silent=silent)

    def freeze_times(self, frozen: bool = True) -> None:
        """Give all pictures one time."""
        self._set(frozen=frozen)

    def refuse(self, status: int | None) -> None:
        """Answer who asks for the stream with a status: 401, 403, 404, 453, 500; ``None``: with the stream."""
        self._set(status=status)

    def garbage(self, what: str | None) -> None:
        """Send noise: instead of ``pictures``, or instead of all ``bytes`` on the connection; ``None``: no more."""
        self._set(garbage=what)

    def damage(self, count: int) -> None:
        """Spoil the next so many pictures that are no key frames."""
        self._set(damage=count)

    def lose(self, share: float) -> None:
        """Lose so much of all packets, 0..1."""
        self._set(lose=share)

    def drop(self) -> None:
        """Break all connections."""
        self._ask({"drop": True})

    def show(self, name: str) -> None:
        """Go on with another clip, in mid-stream."""
        self._ask({"clip": name})

    def admit(self, user: str | None, password: str | None, scheme: str = "digest") -> None:
        """From now on admit who has this password alone, or everybody; until it is healed or started again."""
        self._set(user=user, password=password, scheme=scheme)

    def sent(self) -> list[tuple[int, float]]:
        """The numbers of the last pictures that were sent, and when by :func:`time.monotonic`."""
        return [(number, moment) for number, moment in self._ask({"ask": "sent"})]

    def seen(self) -> dict[str, Any]:
        """What it saw since it was started.

        ``connections``, ``refused`` (wrong credentials), ``playing`` now, the last ``methods`` and ``urls``.
        """
        found: dict[str, Any] = self._ask({"ask": "seen"})
        return found

    def _set(self, **values: Any) -> None:
        self._ask({"set": values})

    def _ask(self, command: Mapping[str, Any]) -> Any:
        assert self._process is not None
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(command) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

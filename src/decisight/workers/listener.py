"""Who is told while cameras are watched."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from decisight.types import EventChange

if TYPE_CHECKING:
    from decisight.pipeline import Step

__all__ = ["Listener"]


class Listener(Protocol):
    """Is told what happens, on the thread that called :func:`~decisight.workers.watch.watch`."""

    def decided(self, camera: str, step: Step) -> None:
        """A picture was looked at; nothing of it is stored yet."""

    def stored(self, changes: Sequence[EventChange]) -> None:
        """Events were opened or closed, and are stored."""

    def noted(self, camera: str | None, text: str) -> None:
        """Something that somebody who looks after it should know; of a camera, or of all that is kept."""

    def idle(self) -> None:
        """Nothing has happened for a moment."""

"""The gates of a camera at work: each region's own, and those that look at all of the picture, which are asked once."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from decisight.pipeline.cutting import is_whole, keepers, rectangle
from decisight.protocols import Gate, GateKeeper
from decisight.types import Verdict

if TYPE_CHECKING:
    from decisight.imaging import Pixels
    from decisight.regions import Region

__all__ = ["Lookout"]

K = TypeVar("K", bound=Hashable)


class Lookout(Generic[K]):
    """The gates of a camera's views at work.

    A gate that looks at all of the picture, and that several views have, is one at work: it sees every picture that it
    is shown, so that what it remembers does not hang on what lies in this or that region.

    Args:
        gates: of each view, by what the view is known by.
        stored: of each view, what :meth:`states` gave. One that views have in common goes on from what the first of
            them has stored.
    """

    def __init__(
        self, gates: Mapping[K, Sequence[Gate]], stored: Mapping[K, Sequence[Sequence[Any]]] | None = None
    ) -> None:
        stored = stored or {}
        self._overall: list[tuple[Gate, GateKeeper]] = []
        self._keepers: dict[K, list[tuple[Gate, GateKeeper]]] = {}
        for key in sorted(gates, key=lambda key: key not in stored):
            self._keepers[key] = keepers(gates[key], stored.get(key, ()), self._overall)
        self._said: dict[int, Verdict | None] = {}
        """By the identity of a keeper that looks at all of the picture, what it has said of the last."""

    def show(self, pixels: Pixels, time: float) -> None:
        """Show the next picture to those that look at all of it.

        Args:
            pixels: uint8 (H, W, 3).
            time: in seconds.
        """
        self._said = {id(keeper): keeper.judge(pixels, time) for _, keeper in self._overall}

    def verdicts(self, key: K, region: Region | None, pixels: Pixels, time: float) -> Iterator[Verdict]:
        """Why a picture is not to be classified in a view; none: it may be.

        Gates that come after one that has said so see it only if they are asked too.

        Args:
            key: what the view is known by.
            region: where it looks; ``None`` for all of the picture.
            pixels: the picture that was shown.
            time: in seconds.
        """
        crop = rectangle(region, pixels)
        for gate, keeper in self._keepers[key]:
            if id(keeper) in self._said:
                verdict = self._said[id(keeper)]
            else:
                verdict = keeper.judge(pixels if is_whole(gate) else crop, time)
            if verdict is not None:
                yield verdict

    def states(self, key: K) -> list[list[Any]]:
        """All that the gates of a view need to go on from here, as JSON values, in their order."""
        return [[gate.name, keeper.state()] for gate, keeper in self._keepers[key]]

"""What of a picture a region is looked at in: the same for who classifies it and for who collects it to learn from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from decisight.protocols import Gate, GateKeeper

if TYPE_CHECKING:
    from decisight.imaging import Pixels
    from decisight.regions import Region

__all__ = ["cut", "is_whole", "keepers", "rectangle"]


def cut(region: Region | None, pixels: Pixels, fill: tuple[int, int, int]) -> Pixels:
    """What a model sees of a picture, before it is brought to a size.

    Args:
        region: where to look; ``None`` for all of the picture.
        pixels: uint8 (H, W, 3); not changed.
        fill: the colour to paint over what lies outside the polygon, the model's own.

    Returns:
        uint8 (h, w, 3), which may be a view of ``pixels``.
    """
    return pixels if region is None else region.cut(pixels, fill)


def rectangle(region: Region | None, pixels: Pixels) -> Pixels:
    """What gates are given: the rectangle of the region, in which nothing is masked; a view of ``pixels``."""
    if region is None:
        return pixels
    left, top, right, bottom = region.bounds(pixels.shape[1], pixels.shape[0])
    return pixels[top:bottom, left:right]


def keepers(
    gates: Sequence[Gate],
    stored: Sequence[Sequence[Any]] = (),
    overall: list[tuple[Gate, GateKeeper]] | None = None,
) -> list[tuple[Gate, GateKeeper]]:
    """Gates at work, each from what was stored at its place if that was of a gate of its name.

    Those that ask whether a picture need be classified come last: they must see only what can be judged.

    Args:
        gates: in their order.
        stored: the name and the state of each.
        overall: gates that look at all of the picture, and are at work already, for other regions: they are taken from
            there, and new ones are added. One that saves work is each region's own, since it asks what was classified.
    """
    kept = dict(enumerate(stored))
    overall = [] if overall is None else overall
    found = []
    for at, gate in enumerate(sorted(gates, key=lambda gate: gate.saves)):
        shared = is_whole(gate) and not gate.saves
        keeper = next((keeper for other, keeper in overall if shared and other == gate), None)
        if keeper is None:
            name, state = kept.get(at, ("", None))
            keeper = gate.keeper(state if name == gate.name else None)
            if shared:
                overall.append((gate, keeper))
        found.append((gate, keeper))
    return found


def is_whole(gate: Gate) -> bool:
    """Whether a gate is given all of the picture, whatever the region."""
    return bool(getattr(gate, "whole", False))

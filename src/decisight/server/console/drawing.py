"""The element that a picture is drawn on, in the browser: gestures are followed there, so that they are fluent."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from nicegui.element import Element

from decisight.server.console.polygons import Polygons

__all__ = ["COLOURS", "Drawing"]

COLOURS = ("#ffb000", "#00b8f0", "#ff4d6d", "#2fd27a", "#b388ff", "#ff7a1a", "#00d1b2", "#f062c0")
"""Of regions, one after the other: strong enough to be seen on any picture."""


class Drawing(Element, component="drawing.js"):
    """A picture with polygons on it.

    Args:
        on_act: called with what somebody did, a mapping with ``kind``: ``place`` (point), ``close``, ``box`` (one,
            other), ``choose`` (key, corner), ``corner`` (key, corner, point), ``insert`` (key, before, point),
            ``shift`` (key, by), ``moving`` (key, points), ``key`` (key, control, shift). Points are shares of the
            picture.
    """

    def __init__(self, on_act: Callable[[Mapping[str, Any]], None]) -> None:
        super().__init__()
        self._acts = 0
        self.props["label"] = "The picture of the camera, with its regions"
        self.show(None, (16, 9), Polygons(), "polygon")
        self.on("act", lambda event: on_act(event.args))

    def show(self, address: str | None, size: tuple[int, int], polygons: Polygons, mode: str) -> None:
        """Show a picture and polygons.

        Args:
            address: of the picture.
            size: its width and height in pixels.
            polygons: what is drawn on it.
            mode: ``select``, ``polygon`` or ``box``: what a press means.
        """
        self._acts += 1
        self.props["src"] = address
        self.props["size"] = list(size)
        self.props["shapes"] = [
            {
                "key": shape.key,
                "name": shape.name,
                "colour": colour_of(shape.key),
                "points": [list(corner) for corner in shape.polygon],
                "masked": shape.masked,
                "chosen": shape.key == polygons.chosen,
                "corner": polygons.corner if shape.key == polygons.chosen else None,
            }
            for shape in polygons.shapes
        ]
        self.props["draft"] = [list(corner) for corner in polygons.draft]
        self.props["mode"] = mode
        self.props["answered"] = self._acts
        self.props["unsaved"] = polygons.changed
        self.update()


def colour_of(key: int) -> str:
    """The colour of a region."""
    return COLOURS[(key - 1) % len(COLOURS)]

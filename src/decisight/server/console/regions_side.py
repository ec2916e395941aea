"""What stands beside the picture on the page for regions: a card for each, with what is cut out."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from decisight.server.console.polygons import Shape
    from decisight.server.console.regions import RegionPage

__all__ = ["RegionSide"]

_KEYS = (
    ("Enter", "close the polygon"),
    ("Esc", "drop it, or choose nothing"),
    ("Ctrl Z, Ctrl Y", "undo, redo"),
    ("Delete", "remove the corner or region that is chosen"),
    ("← ↑ → ↓", "move it by a pixel, with Shift by ten"),
)
_EMPTY = """
<div class="dr-empty">A region is the place in the picture that is looked at: a gate, a lane, a bay.
<ol><li>Click around it in the picture, corner by corner.</li>
<li>Click the first corner again to close it.</li>
<li>Give it a name, and press Save.</li></ol></div>
"""


class RegionSide:
    """The side of one window. Cards stay as long as their regions do, so that whoever writes in one can go on.

    Args:
        page: of the window; the side is made where elements are being made.
    """

    def __init__(self, page: RegionPage) -> None:
        from nicegui import ui

        self._page = page
        self._cards: dict[int, _Card] = {}
        with ui.element("h2"):
            self._title = ui.label()
        self._empty = ui.html(_EMPTY, sanitize=False)
        self._problems = ui.label().classes("dr-warning dr-bad").props("role=alert")
        self._list = ui.element("div").classes("dr-cards")
        with ui.expansion("Keys", icon="keyboard").classes("dr-keys").props("dense"), ui.element("table"):
            for key, meaning in _KEYS:
                with ui.element("tr"):
                    for part in (key, meaning):
                        with ui.element("td"):
                            ui.label(part)

    def draw(self) -> None:
        """Show everything as it is now."""
        desk = self._page.desk
        shapes = desk.polygons.shapes
        self._title.set_text(f"Regions ({len(shapes)})" if shapes else "No region yet")
        self._empty.set_visibility(not shapes)
        problems = desk.problems()
        self._problems.set_text(f"This cannot be saved: {'; '.join(problems)}" if problems else "")
        self._problems.set_visibility(bool(problems))
        keys = [shape.key for shape in shapes]
        for key in [key for key in self._cards if key not in keys]:
            self._cards.pop(key).root.delete()
        with self._list:
            for at, shape in enumerate(shapes):
                if shape.key not in self._cards:
                    self._cards[shape.key] = _Card(self._page, shape)
                    self._cards[shape.key].root.move(target_index=at)
                self._cards[shape.key].draw(shape, at)

    def moved(self, key: int) -> None:
        """Take up that what is cut out for a region was shown anew meanwhile."""
        if key in self._cards:
            self._cards[key].seen = None


class _Card:
    def __init__(self, page: RegionPage, shape: Shape) -> None:
        from nicegui import ui

        from decisight.server.console.drawing import colour_of

        self._page, self._key = page, shape.key
        self.seen: Any = None
        """What the picture of it shows."""
        polygons, key = page.desk.polygons, shape.key
        with ui.element("div").classes("dr-card") as self.root:
            with ui.element("div").classes("dr-row"):
                ui.element("span").classes("dr-colour").style(f"background: {colour_of(key)}")
                self._name = ui.input(value=shape.name).props("dense outlined maxlength=63")
                self._name.on_value_change(lambda: page.do(partial(polygons.rename, key, str(self._name.value or ""))))
                self._name.on("focus", lambda: page.do(partial(polygons.choose, key)), [])
                ui.button(icon="delete", on_click=lambda: page.do(partial(page.desk.remove, key))).props(
                    'flat round dense color=grey-7 aria-label="Remove this region"'
                ).tooltip("Remove this region")
            self._warning = ui.label().classes("dr-warning")
            with ui.element("div").classes("dr-cut").on("click", lambda: page.do(partial(polygons.choose, key)), []):
                self._cut = ui.element("img").props('alt="What is cut out"')
                self._cut.props["data-cut"] = str(key)
            with ui.element("div").classes("dr-row"):
                self._size = ui.label().classes("dr-small")
                ui.element("div").classes("dr-space")
                self._mask = ui.switch("mask", value=shape.masked).props("dense size=sm")
                self._mask.on_value_change(lambda event: page.do(partial(polygons.mask, key, bool(event.value))))
                self._mask.tooltip("Paint over what lies outside the polygon, so that it cannot change a decision")

    def draw(self, shape: Shape, at: int) -> None:
        desk = self._page.desk
        on = self._key == desk.polygons.chosen
        self.root.classes(add="dr-on") if on else self.root.classes(remove="dr-on")
        self._name.props["aria-label"] = f"Name of region {at + 1}"
        # Not while somebody writes: a space at the end may come before another word.
        if " ".join(str(self._name.value or "").split()) != shape.name:
            self._name.set_value(shape.name)
        self._mask.set_value(shape.masked)
        warnings = desk.warnings(shape)
        self._warning.set_text(" ".join(warnings))
        self._warning.set_visibility(bool(warnings))
        measured = desk.measure(shape)
        size = "" if measured is None else f"{measured[0]} x {measured[1]} pixels"
        self._size.set_text(f"{size}{', watched' if desk.is_watched(shape.written) else ''}")
        cut = desk.number, shape.polygon, shape.masked, desk.fill(shape)
        self._cut.set_visibility(measured is not None)
        if cut != self.seen and measured is not None:
            self.seen = cut
            self._cut.props["src"] = self._page.cut_address(self._key)

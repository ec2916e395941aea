"""The page on which regions are drawn. What it knows and does is in :mod:`.region_desk`; here it is shown."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from decisight.errors import DecisightError
from decisight.files import printable
from decisight.server.console.polygons import is_made_up
from decisight.server.console.region_desk import RegionDesk, told
from decisight.server.console.regions_look import STYLE
from decisight.server.console.regions_side import RegionSide
from decisight.server.console.said import Said

__all__ = ["RegionPage", "region_page"]

_POLL = 1.0
"""Seconds after which a window shows what was done in another one."""
_FURTHER = 0.1
"""Of a recording, by which another picture is further on."""
_NUDGE, _NUDGE_FAR = 1, 10
"""Pixels of the picture by which an arrow key moves, and with Shift."""
_ARROWS = {"ArrowLeft": (-1, 0), "ArrowRight": (1, 0), "ArrowUp": (0, -1), "ArrowDown": (0, 1)}
_HINTS = {
    "polygon": "Click around the place, corner by corner. Click the first corner again, or press Enter, to close it.",
    "box": "Press at one corner of the place, and drag to the opposite one.",
    "select": "Drag corners or a whole region. Drag the middle of an edge to make a new corner.",
}
_MODES = {"select": "Change", "polygon": "New polygon", "box": "New box"}


def region_page(desk: RegionDesk) -> Callable[[], None]:
    """What builds the page, each time that it is opened.

    Args:
        desk: the camera and what is drawn; all windows work on the same.
    """
    served: list[bool] = []

    def build() -> None:
        if not served:
            _serve_pictures(desk)
            served.append(True)
        RegionPage(desk).build()

    return build


def _serve_pictures(desk: RegionDesk) -> None:
    from fastapi import Response
    from nicegui import app

    def answer(content: bytes, kind: str) -> Response:
        headers = {"Cache-Control": "no-store"}
        return Response(content, 200 if content else 404, headers=headers, media_type=kind)

    # Not awaited: each is made in a thread of its own, beside what the page does.
    app.add_api_route("/regions/picture", lambda: answer(desk.shown(), "image/jpeg"), include_in_schema=False)

    def preview(key: int) -> Response:
        return answer(desk.preview(key), "image/png")

    app.add_api_route("/regions/cut/{key}", preview, include_in_schema=False)


class RegionPage:
    """One window.

    Args:
        desk: what it shows.
    """

    def __init__(self, desk: RegionDesk) -> None:
        self.desk = desk
        self.mode = "select" if desk.polygons.shapes else "polygon"
        self._turn = 0
        self._seen: Any = None
        self._waiting = False
        self._drawing_anew = False

    # --- how it is made ----------------------------------------------------------------------------------------------

    def build(self) -> None:
        """Make the page."""
        from nicegui import ui

        from decisight.server.console.drawing import Drawing

        ui.add_css(STYLE)
        ui.colors(primary="#0b63ce", positive="#1a7f37", negative="#b3261e")
        ui.dark_mode(value=None)
        with ui.element("div").classes("dr-page"):
            with ui.element("div").classes("dr-top"):
                self._build_head()
                self._said = Said()
            self._note = ui.label().classes("dr-note").props("role=alert")
            with ui.element("main").classes("dr-main"):
                with ui.element("section").classes("dr-left"):
                    self._build_tools()
                    self._hint = ui.label().classes("dr-hint").props("role=status")
                    self._canvas = ui.element("div").classes("dr-canvas")
                    with self._canvas:
                        self._drawing = Drawing(self._act)
                        self._wait = ui.element("div").classes("dr-wait")
                    self._build_about()
                with ui.element("section").classes("dr-side"):
                    self._side = RegionSide(self)
        ui.timer(_POLL, self._poll)
        self.draw()
        if self.desk.frame is None:
            ui.timer(0.0, self.look, once=True)

    def _build_head(self) -> None:
        from nicegui import ui

        with ui.element("header").classes("dr-head"):
            with ui.element("h1").classes("dr-title"):
                ui.label(f"Regions of {self.desk.camera}")
            ui.label(printable(self.desk.path.name)).classes("dr-file").tooltip(printable(self.desk.path.absolute()))
            ui.element("div").classes("dr-space")
            self._told = ui.label().classes("dr-told")
            self._undo = ui.button(icon="undo", on_click=lambda: self.do(self.desk.polygons.undo)).props(
                'flat round dense aria-label="Undo"'
            )
            self._redo = ui.button(icon="redo", on_click=lambda: self.do(self.desk.polygons.redo)).props(
                'flat round dense aria-label="Redo"'
            )
            self._undo.tooltip("Undo (Ctrl Z)")
            self._redo.tooltip("Redo (Ctrl Y)")
            self._save = ui.button("Save", icon="save", on_click=self.save).props("unelevated no-caps")

    def _build_tools(self) -> None:
        from nicegui import ui

        with ui.element("div").classes("dr-tools"):
            self._modes = ui.toggle(_MODES, value=self.mode, on_change=lambda event: self._switch(event.value)).props(
                "unelevated no-caps dense padding='4px 12px'"
            )
            ui.element("div").classes("dr-space")
            self._another = ui.button("Another picture", icon="photo_camera", on_click=self.another)
            self._another.classes("dr-another").props('flat no-caps dense aria-label="Another picture"')

    def _build_about(self) -> None:
        from nicegui import ui

        with ui.element("div").classes("dr-about"):
            self._about = ui.label()
            if self.desk.seconds:
                self._slider = ui.slider(min=0, max=self.desk.seconds, step=self.desk.seconds / 500, value=0)
                self._slider.props('aria-label="Place in the recording"')
                self._slider.on("change", lambda event: self.look(float(event.args)))
            else:
                ui.element("div").classes("dr-space")
            self._reference = ui.button("Save as reference picture", on_click=self.save_reference)
            self._reference.props("flat no-caps dense")
            self._reference.tooltip("For the gate moved, which notices when the camera is moved")

    # --- what is done ------------------------------------------------------------------------------------------------

    @contextmanager
    def _doing(self) -> Iterator[None]:
        """Do something, and show what has come of it; what cannot be done is said."""
        if not self._drawing_anew:
            self._said.nothing()
        try:
            yield
        except DecisightError as error:
            self._said.wrong(told(error))
        self.draw()

    def do(self, what: Callable[[], Any]) -> None:
        """Do something, and show what has come of it."""
        with self._doing():
            what()

    def _switch(self, mode: str) -> None:
        with self._doing():
            self.mode = mode
            self.desk.polygons.draft = ()

    def _act(self, act: Mapping[str, Any]) -> None:
        polygons = self.desk.polygons
        if self.desk.size is None:
            return
        if act["kind"] == "moving":
            self.desk.move(int(act["key"]), tuple((float(x), float(y)) for x, y in act["points"]))
            self._show_cut(int(act["key"]))
            self._side.moved(int(act["key"]))
            return
        with self._doing():
            match act:
                case {"kind": "place", "point": point}:
                    polygons.add_corner(_point(point))
                case {"kind": "close"}:
                    self._close()
                case {"kind": "box", "one": one, "other": other}:
                    if polygons.add_box(_point(one), _point(other)):
                        self.mode = "select"
                case {"kind": "choose", "key": key, "corner": corner}:
                    polygons.choose(key, corner)
                case {"kind": "corner", "key": key, "corner": corner, "point": point}:
                    polygons.move_corner(key, corner, _point(point))
                case {"kind": "insert", "key": key, "before": before, "point": point}:
                    polygons.insert_corner(key, before, _point(point))
                case {"kind": "shift", "key": key, "by": by}:
                    polygons.choose(key)
                    polygons.shift(key, _point(by))
                case {"kind": "key", "key": str(key)}:
                    self._press(key, control=bool(act["control"]), shift=bool(act["shift"]))
            self.desk.move(0, None)

    def _close(self) -> None:
        if self.desk.polygons.close():
            self.mode = "select"

    def _press(self, key: str, *, control: bool, shift: bool) -> None:
        polygons = self.desk.polygons
        if control:
            (polygons.redo if key == "y" or shift else polygons.undo)()
        elif key == "Enter":
            self._close()
        elif key == "Escape":
            polygons.cancel()
        elif key in ("Delete", "Backspace"):
            self._delete()
        elif key in _ARROWS and self.desk.size is not None:
            far = _NUDGE_FAR if shift else _NUDGE
            x, y = (way * far / side for way, side in zip(_ARROWS[key], self.desk.size, strict=True))
            polygons.nudge((x, y))

    def _delete(self) -> None:
        """Remove the corner or the region that is chosen."""
        polygons = self.desk.polygons
        shape = None if polygons.chosen is None else polygons.shape(polygons.chosen)
        is_corner = shape is not None and polygons.corner is not None and len(shape.polygon) > 3
        if shape is None or polygons.draft or is_corner:
            polygons.delete()
        else:
            self.desk.remove(shape.key)

    async def another(self) -> None:
        """Take another picture: of a recording one further on, else the newest."""
        seconds = self.desk.seconds
        await self.look(None if not seconds else ((self.desk.moment or 0.0) + seconds * _FURTHER) % seconds)

    async def look(self, moment: float | None = None) -> None:
        """Take a picture; it may take a while."""
        from nicegui import run

        if self._waiting:
            return
        self._waiting = True
        self.draw()
        try:
            await run.io_bound(self.desk.look, moment)
        finally:
            self._waiting = False
        self.draw()

    def save(self) -> None:
        """Write the site file, and say what was written."""
        if self.desk.is_stale():
            self._ask_whose()
            return
        with self._doing():
            changes = self.desk.save()
            self._said.done(f"Written to {printable(self.desk.path.name)}: {', '.join(changes)}")

    def _ask_whose(self) -> None:
        from nicegui import ui

        def answer(keep: bool | None) -> None:
            dialog.close()
            if keep is not None:
                with self._doing():
                    self.desk.read_again(keep=keep)
                if keep and not self.desk.problems():
                    self.save()

        with ui.dialog() as dialog, ui.card():
            ui.label("The site file was changed meanwhile, by somebody else or in an editor.").classes("text-subtitle1")
            ui.label("Your regions can be written into the file as it is now; what else was changed in it stays.")
            with ui.row():
                ui.button("Write my regions", on_click=lambda: answer(True)).props("no-caps unelevated")
                ui.button("Take those of the file", on_click=lambda: answer(False)).props("no-caps flat")
                ui.button("Cancel", on_click=lambda: answer(None)).props("no-caps flat")
        dialog.open()

    def save_reference(self, *_: object, replace: bool = False) -> None:
        """Write the picture beside the site file; asks where there is one already."""
        from nicegui import ui

        place = self.desk.reference_place()
        if place.exists() and not replace and self.desk.pixels is not None:
            with ui.dialog() as dialog, ui.card():
                ui.label(f"{printable(place.name)} is there already. Replace it?").classes("text-subtitle1")
                with ui.row():
                    yes = ui.button("Replace", on_click=dialog.close).props("no-caps unelevated")
                    yes.on_click(lambda: self.save_reference(replace=True))
                    ui.button("Cancel", on_click=dialog.close).props("no-caps flat")
            dialog.open()
            return
        with self._doing():
            place = self.desk.save_reference(replace=replace)
            self._said.done(
                f"Written to {printable(place)}. In the site file, at this camera: gates: [..., {{type: moved, "
                f"reference: {printable(place.name)}}}]"
            )

    # --- how it is shown ---------------------------------------------------------------------------------------------

    def _poll(self) -> None:
        if self._state() != self._seen:
            self.draw()

    def _state(self) -> Any:
        polygons = self.desk.polygons
        return polygons.shapes, polygons.draft, polygons.chosen, polygons.corner, self.desk.number, polygons.changed

    def draw(self) -> None:
        """Show everything as it is now."""
        # What is set anew here calls back as if somebody had done it.
        self._drawing_anew = True
        try:
            self._draw()
        finally:
            self._drawing_anew = False

    def _draw(self) -> None:
        desk, polygons = self.desk, self.desk.polygons
        self._seen = self._state()
        address = f"/regions/picture?n={desk.number}" if desk.size is not None else None
        self._drawing.show(address, desk.size or (16, 9), polygons, self.mode)
        self._modes.set_value(self.mode)
        width, height = desk.size or (16, 9)
        self._canvas.style(f"--dr-shape: {height / width:.4f}")
        if desk.seconds:
            self._slider.set_value(desk.moment or 0.0)
        self._draw_wait()
        self._undo.set_enabled(polygons.can_undo)
        self._redo.set_enabled(polygons.can_redo)
        self._save.set_enabled(polygons.changed and not desk.problems() and not polygons.draft)
        self._reference.set_enabled(desk.size is not None)
        self._told.set_text("not saved yet" if polygons.changed else "saved" if polygons.shapes else "")
        self._told.classes(add="dr-unsaved") if polygons.changed else self._told.classes(remove="dr-unsaved")
        self._hint.set_text(self._hint_text())
        self._about.set_text("" if desk.frame is None or desk.size is None else
                             f"{printable(desk.frame.name)}, {desk.size[0]} x {desk.size[1]}")  # fmt: skip
        note = desk.note() if desk.problem is None or desk.frame is None else f"No new picture: {desk.problem}"
        self._note.set_text(note or "")
        self._note.set_visibility(note is not None)
        self._side.draw()

    def _hint_text(self) -> str:
        polygons = self.desk.polygons
        if self.desk.size is None:
            return "Regions are drawn on a picture of the camera."
        if self.mode == "select" and not polygons.shapes:
            return "There is no region yet: choose New polygon or New box above, and draw one."
        if self.mode == "polygon" and 0 < len(polygons.draft) < 3:
            return f"{3 - len(polygons.draft)} more corners at least. Esc drops it."
        shape = None if polygons.chosen is None else polygons.shape(polygons.chosen)
        if self.mode == "select" and shape is not None and shape.written is None and is_made_up(shape.name):
            return "Now give it a name in the list of regions, and press Save. Corners can be dragged."
        return _HINTS[self.mode]

    def _draw_wait(self) -> None:
        """What stands in the place of a picture that is not there."""
        from nicegui import ui

        self._another.props(add="loading") if self._waiting else self._another.props(remove="loading")
        self._wait.clear()
        with self._wait:
            if self.desk.size is None and self._waiting:
                ui.spinner(size="48px", color="white")
                ui.label("Waiting for a picture of the camera")
            elif self.desk.size is None and self.desk.problem is not None:
                ui.icon("videocam_off", size="48px")
                ui.label("There is no picture of this camera").classes("text-h6")
                ui.label(self.desk.problem)
                ui.button("Try again", on_click=lambda: self.look()).props("no-caps unelevated")

    def cut_address(self, key: int) -> str:
        """Where what is cut out for a region is seen as it is now."""
        self._turn += 1
        return f"/regions/cut/{key}?n={self._turn}"

    def _show_cut(self, key: int) -> None:
        """Show what is cut out while a region is being moved, and nothing else anew."""
        from nicegui import ui

        images = f"document.querySelectorAll('img[data-cut=\"{key}\"]')"
        ui.run_javascript(f"for (const one of {images}) one.src = '{self.cut_address(key)}'")


def _point(value: Any) -> tuple[float, float]:
    x, y = value
    return float(x), float(y)

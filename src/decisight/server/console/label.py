"""The page on which pictures are labelled. What it knows and does is in :mod:`decisight.collecting`."""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from decisight.collecting.desk import Action, Desk, Order, Progress, Show
from decisight.collecting.groups import parse_group
from decisight.collecting.labelling import Labelling
from decisight.errors import DecisightError
from decisight.files import printable
from decisight.server.console.elements import button, choice, icon_button, text
from decisight.server.console.label_look import KEYS_SCRIPT, STYLE
from decisight.server.console.label_panel import LabelPanel
from decisight.server.console.label_pictures import picture_address, serve_pictures
from decisight.types import NONE_OF_THEM

if TYPE_CHECKING:
    from decisight.collecting.suggesting import Suggesting

__all__ = ["LabelPage", "label_page"]

_POLL = 2.0
"""Seconds after which is looked for pictures that were collected meanwhile."""
_AHEAD = 3
"""Pictures that are loaded before they are looked at."""
_SHOWS = {
    Show.OPEN: "not labelled",
    Show.ALL: "all",
    Show.EXCLUDED: "left out",
    Show.DISAGREE: "model disagrees",
}
_KEYS = (
    ("1 2 3 ... q w e", "a label"),
    ("Enter", "take what is suggested, and go on"),
    ("→  Space", "go on without a label"),
    ("←", "back"),
    ("R", "the same as the last one"),
    ("X", "not a picture of this: leave it out, or take it in again"),
    ("0", "none of the labels, where any number may hold"),
    ("G", "all pictures of a source at once"),
    ("U  Ctrl+Z", "undo"),
)


def label_page(labelling: Labelling, suggesting: Suggesting | None = None) -> Callable[[], None]:
    """What builds the page, each time that it is opened.

    Args:
        labelling: the pictures.
        suggesting: a model at work on them.
    """
    served: list[bool] = []

    def build() -> None:
        if not served:
            serve_pictures(labelling)
            served.append(True)
        order = Order.TABLE if suggesting is None and not labelling.suggestions else Order.UNSURE
        LabelPage(Desk(labelling, time.monotonic, order=order), suggesting).build()

    return build


class LabelPage:
    """One window: it is drawn anew from what the desk knows, after everything that is done.

    Args:
        desk: whose place among the pictures it is.
        suggesting: a model at work on them.
    """

    def __init__(self, desk: Desk, suggesting: Suggesting | None = None) -> None:
        self.desk = desk
        self.of = desk.labelling
        self.suggesting = suggesting
        self.trouble: DecisightError | None = None
        self._suggested = 0
        self._heard = 0

    def build(self) -> None:
        """Make the page."""
        from nicegui import ui

        ui.add_css(STYLE)
        ui.add_body_html(KEYS_SCRIPT)
        self._dark = ui.dark_mode(value=None)
        self._body = ui.element("div").classes("dl-page")
        with self._body:
            with ui.element("header").classes("dl-head"):
                name = self.of.folder.resolve()
                text(printable(name.name), "dl-folder", tag="h1", title=printable(name))
                self._progress = ui.element("div").classes("dl-progress")
                self._tools = ui.element("div").classes("dl-tools")
            self._banner = ui.element("div").classes("dl-banner").props('role="alert"')
            with ui.element("main").classes("dl-main"):
                self._stage = ui.element("section").classes("dl-stage")
                self._side = ui.element("section").classes("dl-panel")
                self._panel = LabelPanel(self)
            self._live = text("", "dl-live", tag="div").props('role="status" aria-live="polite"')
        self._help = self._make_help()
        self._draw_sides()
        ui.on("dl-dark", lambda event: self._dark.set_value(bool(event.args)))
        ui.on("dl-key", lambda event: self._key(event.args))
        ui.timer(_POLL, self._poll)
        self.draw()

    # --- what is done ------------------------------------------------------------------------------------------------

    @contextmanager
    def _doing(self) -> Iterator[None]:
        """Do something, and show what has come of it; what cannot be done is said."""
        self.trouble = None
        try:
            yield
        except DecisightError as error:
            self.trouble = error
        self.draw()
        self._heard += 1
        self._body.props["data-heard"] = str(self._heard)

    def _key(self, pressed: Any) -> None:
        with self._doing():
            self.desk.press(str(pressed["key"]), control=bool(pressed["control"]))

    def do(self, action: Action) -> None:
        """Do what a button is for."""
        with self._doing():
            self.desk.do(action)

    def choose(self, group: str, label: str) -> None:
        """Give the picture a label."""
        with self._doing():
            self.desk.choose(group, label)

    def add_label(self, group: str, label: str) -> None:
        """Add a label to a group."""
        with self._doing():
            self.of.add_label(group, label)
            self._draw_tools()

    def add_group(self, written: str) -> None:
        """Make a label group: ``helmet=worn,missing``, or its name alone."""
        with self._doing():
            group = parse_group(written)
            self.of.add_group(group.name, group.labels, group.kind)
            self.desk.look()
            self._draw_sides()

    def _show(self, value: str) -> None:
        with self._doing():
            if value.isdecimal():
                one = self.desk.choices()[int(value)]
                self.desk.look(Show.LABEL, (one.group.name, one.label))
            else:
                self.desk.look(Show(value))

    def _order(self, value: str) -> None:
        with self._doing():
            self.desk.look(order=Order(value))

    def _toggle(self, row: int) -> None:
        with self._doing():
            self.desk.toggle(row)

    def _read_again(self) -> None:
        with self._doing():
            self.of.read_again()
            self.desk.look()
            self._draw_sides()

    def _darken(self) -> None:
        from nicegui import ui

        # What the system prefers is known to the browser only.
        ui.run_javascript("const dark = document.body.classList.contains('body--dark'); emitEvent('dl-dark', !dark);")

    def _poll(self) -> None:
        """Take in what was collected and suggested meanwhile."""
        try:
            news = not self.of.conflict and self.of.catch_up()
        except DecisightError as error:
            self.trouble, news = error, True
        if self.desk.renew():
            self._draw_sides()
            news = True
        suggested = 0 if self.suggesting is None else self.suggesting.looked_at
        if news and self.desk.row is None:
            self.desk.look()
        if suggested != self._suggested:
            self._suggested, news = suggested, True
            if self.desk.order is Order.UNSURE:
                self.desk.reorder()
        if news or self.of.conflict:
            self.draw()

    # --- what is shown -----------------------------------------------------------------------------------------------

    def draw(self) -> None:
        """Show all anew."""
        for place, drawn in (
            # First: what it cannot show is counted above.
            (self._stage, self._draw_stage),
            (self._progress, self._draw_progress),
            (self._banner, self._draw_banner),
        ):
            place.clear()
            with place:
                drawn()
        self._panel.draw()
        self._live.set_text(self._read_aloud())

    def _draw_sides(self) -> None:
        """Show what depends on the label groups."""
        self._draw_tools()
        self._side.clear()
        with self._side:
            self._panel.build()

    def _draw_tools(self) -> None:
        self._tools.clear()
        with self._tools:
            labels = {str(at): f"{one.group.name}: {one.label}" for at, one in enumerate(self.desk.choices())}
            shown = {str(show): title for show, title in _SHOWS.items()}
            if not self._has_suggestions():
                del shown[str(Show.DISAGREE)]
            choice("Which pictures", {**shown, **labels}, self._shown(), self._show)
            if self._has_suggestions():
                orders = {str(Order.UNSURE): "least sure first", str(Order.TABLE): "as collected"}
                choice("In which order", orders, str(self.desk.order), self._order)
            icon_button("contrast", "Light or dark", self._darken)
            icon_button("keyboard", "Keys", self._help)

    def _shown(self) -> str:
        """What is chosen of the list of pictures: the number of a label, or another choice."""
        for at, one in enumerate(self.desk.choices()):
            if self.desk.show is Show.LABEL and (one.group.name, one.label) == self.desk.label:
                return str(at)
        return str(self.desk.show)

    def _read_aloud(self) -> str:
        """What somebody has to hear who does not see the page."""
        row = self.desk.row
        if row is None:
            return "no more pictures"
        return f"picture {self.desk.at + 1} of {len(self.desk.rows)}: {self.given(row) or 'not labelled'}"

    def _has_suggestions(self) -> bool:
        return self.suggesting is not None or bool(self.of.suggestions)

    def _draw_progress(self) -> None:
        from nicegui import ui

        progress = self.desk.progress()
        done = progress.labelled + progress.excluded
        bar = ui.element("div").classes("dl-bar")
        bar.props.update(
            {"role": "progressbar", "aria-label": "Labelled", "aria-valuemin": 0, "aria-valuenow": done}
            | {"aria-valuemax": progress.total}
        )
        with bar:
            ui.element("div").classes("dl-filled").style(f"width: {100 * done / max(1, progress.total):.1f}%")
        unreadable = self.of.unreadable
        text(_told(progress, len(unreadable)), "dl-told", title=printable(", ".join(unreadable)) or None)

    def _draw_banner(self) -> None:
        if self.of.conflict:
            text(f"{self.of.table.path.name} was changed by another program: nothing more is written.")
            with button("dl-small", self._read_again):
                text("Read it again")
        elif self.trouble is not None:
            text(f"{self.trouble.message}{f' ({self.trouble.hint})' if self.trouble.hint else ''}")
        elif self.suggesting is not None and self.suggesting.error:
            text(f"The model suggests nothing more: {self.suggesting.error}")

    def _draw_stage(self) -> None:
        row = self.desk.row
        if row is None:
            self._draw_end()
        elif self.desk.grid:
            self._draw_tiles()
        else:
            self._draw_picture(row)

    def _draw_picture(self, row: int) -> None:
        from nicegui import ui

        out = " dl-out" if self.of.excluded(row) else ""
        ahead = self.desk.upcoming(_AHEAD)
        with ui.element("div").classes(f"dl-picture{out}"):
            _picture(picture_address(self.of, row), f"picture {self.desk.at + 1} of {len(self.desk.rows)}")
        with ui.element("div").classes("dl-ahead").props('aria-hidden="true"'):
            for other in ahead:
                _picture(picture_address(self.of, other), "")
        with ui.element("div").classes("dl-about"):
            text(f"{self.desk.at + 1} of {len(self.desk.rows)}")
            text(printable(self.of.about(row) or self.of.name(row)), title=printable(self.of.name(row)))
            if self.of.source(row):
                text(f"source: {printable(self.of.source(row))}")

    def _draw_tiles(self) -> None:
        from nicegui import ui

        run = self.desk.run()
        with ui.element("div").classes("dl-tiles").props('role="group" aria-label="Pictures of this source"') as tiles:
            tiles.props["data-run"] = run[0]
            for number, row in enumerate(run, 1):
                picked = row in self.desk.picked
                given = self.given(row)
                name = f"picture {number}{f', {given}' if given else ''}"
                with button("dl-tile", partial(self._toggle, row), name=name, pressed=picked):
                    _picture(picture_address(self.of, row), "")
                    if given:
                        text(given, "dl-given")
                    if picked:
                        with ui.element("span").classes("dl-tick"):
                            ui.icon("check").props('aria-hidden="true"')
        with ui.element("div").classes("dl-about"):
            text(f"{len(self.desk.picked)} of {len(run)} picked")
            text(f"source: {printable(self.of.source(run[0]) or self.of.name(run[0]))}")
            if (more := len(self.of.run(run[0])) - len(run)) > 0:
                text(f"{more} more of this source come before or after these")

    def _draw_end(self) -> None:
        from nicegui import ui

        progress = self.desk.progress()
        left = progress.total - progress.labelled - progress.excluded
        with ui.element("div").classes("dl-end"):
            if not self.of.groups:
                text("What do the pictures show?", tag="h2")
                return
            if not progress.total:
                text("None of the pictures can be read.", tag="h2")
                return
            text("All are labelled." if not left else "No more pictures here.", tag="h2")
            if left and self.desk.show is Show.OPEN:
                text(f"{left} were passed over.", tag="p", classes="dl-note")
                with button("dl-small", partial(self._show, str(Show.OPEN))):
                    text("Go through them again")
            elif not left:
                text("Learn from them:", tag="p", classes="dl-note")
                text(f"decisight train {shlex.quote(printable(self.of.folder))} -o model.onnx", tag="code")
            if self.desk.show is not Show.ALL:
                with button("dl-small", partial(self._show, str(Show.ALL))):
                    text("Look at all")

    def given(self, row: int) -> str:
        """What was said of a picture, in a few words."""
        if self.of.excluded(row):
            return "left out"
        found: Sequence[str] = [label for group in self.of.groups for label in self.of.chosen(row, group.name)]
        return ", ".join("none of them" if label == NONE_OF_THEM else label for label in found)

    def _make_help(self) -> Callable[[], None]:
        from nicegui import ui

        dialog = ui.element("dialog").classes("dl-help").props('aria-label="Keys"')
        with dialog:
            text("Keys", tag="h2")
            for keys, what in _KEYS:
                with ui.element("div").classes("dl-row"):
                    text(keys, "dl-key")
                    text(what)
            with ui.element("form").props('method="dialog"'):
                text("Close", "dl-small", tag="button")

        def show() -> None:
            ui.run_javascript(f"getHtmlElement({dialog.id}).showModal()")

        return show


def _picture(address: str, name: str) -> None:
    from nicegui import ui

    element = ui.element("img")
    element.props["src"], element.props["alt"] = address, name


def _told(progress: Progress, unreadable: int) -> str:
    parts = [f"{progress.labelled} of {progress.total - progress.excluded} labelled"]
    if progress.excluded:
        parts.append(f"{progress.excluded} left out")
    if unreadable:
        parts.append(f"{unreadable} cannot be read")
    if progress.seconds is not None:
        minutes = progress.seconds / 60
        parts.append(f"{minutes:.0f} min left" if minutes >= 1.5 else "1 min left" if minutes > 0.5 else "soon done")
    return " · ".join(parts)

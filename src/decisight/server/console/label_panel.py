"""The part of the page for labelling where labels are chosen."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from decisight.collecting.desk import Action, Choice
from decisight.collecting.groups import Group
from decisight.server.console.elements import button, entry, text
from decisight.types import NONE_OF_THEM

if TYPE_CHECKING:
    from nicegui.element import Element
    from nicegui.elements.mixins.text_element import TextElement

    from decisight.server.console.label import LabelPage

__all__ = ["LabelPanel"]


class LabelPanel:
    """The labels of each group, what the model takes for right of them, and what else can be done.

    What one writes into stays where it is while the rest is drawn anew.

    Args:
        page: that it is on.
    """

    def __init__(self, page: LabelPage) -> None:
        self._page = page
        self._labels: dict[str, Element] = {}
        self._actions: Element | None = None
        self._note: TextElement | None = None

    def build(self) -> None:
        """Make it, for the label groups that there are."""
        from nicegui import ui

        self._labels = {}
        for group in self._page.of.groups:
            with ui.element("div").classes("dl-group").props('role="group"') as box:
                box.props["aria-label"] = group.name
                with text(group.name, tag="h2"):
                    text("any number" if group.kind == "independent" else "one of these", "dl-kind")
                self._labels[group.name] = ui.element("div").classes("dl-labels")
                entry(f"Add a label to {group.name}", partial(self._page.add_label, group.name), action="Add")
        self._actions = ui.element("div").classes("dl-actions").props('role="group" aria-label="More"')
        self._draw_new_group()
        self._note = text("", "dl-note", tag="p")

    def draw(self) -> None:
        """Show it as it is now."""
        choices = self._page.desk.choices()
        for group in self._page.of.groups:
            if (place := self._labels.get(group.name)) is None:
                continue
            place.clear()
            with place:
                for one in choices:
                    if one.group is group:
                        self._draw_label(one)
                if group.kind == "independent" and group.labels:
                    self._draw_none(group)
        if self._actions is not None:
            self._actions.clear()
            with self._actions:
                if self._page.of.groups:
                    self._draw_actions()
        suggesting = self._page.suggesting
        if suggesting is not None and self._note is not None:
            looked, total = suggesting.looked_at, len(self._page.of.pictures)
            said = f"{suggesting.name} has looked at {looked} of {total} pictures" if suggesting.working else ""
            self._note.set_text(said)

    def _draw_label(self, one: Choice) -> None:
        from nicegui import ui

        of, rows = self._page.of, self._page.desk.targets()
        chosen = bool(rows) and all(one.label in of.chosen(row, one.group.name) for row in rows)
        share = of.confidences(rows[0], one.group.name).get(one.label) if len(rows) == 1 else None
        best = (len(rows) == 1 and of.suggested(rows[0], one.group.name)) or ""
        classes = "dl-label dl-best" if one.label in one.group.chosen(best) else "dl-label"
        choose = partial(self._page.choose, one.group.name, one.label)
        with button(classes, choose, pressed=chosen, at=f"{one.group.name}:{one.label}"):
            if share is not None:
                bar = ui.element("span").classes("dl-guess").props('aria-hidden="true"')
                bar.style(f"width: {100 * share:.0f}%")
            text(one.key or "·", "dl-key").props('aria-hidden="true"')
            text(one.label, "dl-named")
            if share is not None:
                text(f"{100 * share:.0f} %", "dl-share")

    def _draw_none(self, group: Group) -> None:
        of, rows = self._page.of, self._page.desk.targets()
        chosen = bool(rows) and all(of.chosen(row, group.name) == (NONE_OF_THEM,) for row in rows)
        choose = partial(self._page.choose, group.name, NONE_OF_THEM)
        with button("dl-label", choose, pressed=chosen, at=f"{group.name}:{NONE_OF_THEM}"):
            text("0", "dl-key").props('aria-hidden="true"')
            text("none of them", "dl-named")

    def _draw_actions(self) -> None:
        desk, of = self._page.desk, self._page.of
        rows = desk.targets()
        suggested = any(of.suggested(row, group.name) and not of.done(row) for row in rows for group in of.groups)
        title = "Take what is suggested" if suggested else "Go on"
        self._draw_action(Action.ACCEPT, "Enter", title, wide=True, idle=not rows)
        self._draw_action(Action.BACK, "←", "Back", idle=desk.at == 0)
        self._draw_action(Action.NEXT, "→", "Skip", idle=desk.row is None)
        self._draw_action(Action.REPEAT, "R", "Same as last", idle=not rows or of.last is None)
        self._draw_action(Action.UNDO, "U", "Undo", idle=not of.undoable)
        out = bool(rows) and all(map(of.excluded, rows))
        self._draw_action(Action.EXCLUDE, "X", "Not a picture of this", wide=True, idle=not rows, pressed=out)
        grid = "One picture at a time" if desk.grid else "Whole source at once"
        self._draw_action(Action.RUN, "G", grid, wide=True, idle=desk.row is None)

    def _draw_action(
        self,
        action: Action,
        key: str,
        title: str,
        *,
        wide: bool = False,
        idle: bool = False,
        pressed: bool | None = None,
    ) -> None:
        classes = f"dl-action{' dl-wide' if wide else ''}"
        with button(classes, partial(self._page.do, action), pressed=pressed, at=action.value) as element:
            if idle:
                element.props["disabled"] = True
            text(key, "dl-key").props('aria-hidden="true"')
            text(title)

    def _draw_new_group(self) -> None:
        from nicegui import ui

        if self._page.of.groups:
            with ui.element("details").classes("dl-more"):
                text("Another label group", tag="summary")
                entry("vest=worn,missing", self._page.add_group, action="Add")
            return
        with ui.element("div").classes("dl-group"):
            text("What is to be told apart?", tag="h2")
            text("Name it, and its labels: helmet=worn,missing", "dl-note", tag="p")
            entry("helmet=worn,missing", self._page.add_group, action="Begin")
            text("Where any number of labels may hold: gear*=vest,gloves", "dl-note", tag="p")

"""Plain elements of a page, with names that can be read aloud: what NiceGUI's own are too much for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nicegui.element import Element
    from nicegui.elements.mixins.text_element import TextElement

__all__ = ["button", "choice", "entry", "icon_button", "text"]


def text(content: str, classes: str = "", *, tag: str = "span", title: str | None = None) -> TextElement:
    """Text in an element of its own; whatever is in it is shown as it is.

    Args:
        content: the text.
        classes: of the element.
        tag: which element.
        title: shown where the mouse rests on it.
    """
    from nicegui.elements.mixins.text_element import TextElement

    element = TextElement(tag=tag, text=content).classes(classes)
    if title is not None:
        element.props["title"] = title
    return element


def button(
    classes: str,
    on_click: Callable[[], Any],
    *,
    name: str | None = None,
    pressed: bool | None = None,
    at: str | None = None,
) -> Element:
    """A button; what stands on it is put inside.

    Args:
        classes: of the element.
        on_click: called when it is clicked.
        name: read aloud, where what stands on it would not do.
        pressed: whether it is on, where it is a switch.
        at: what it is known by when it is drawn anew: who has reached it by keys stays there.
    """
    from nicegui import ui

    element = ui.element("button").classes(classes).on("click", lambda: on_click(), args=[])
    element.props["type"] = "button"
    if name is not None:
        element.props["aria-label"] = name
    if at is not None:
        element.props["data-at"] = at
    if pressed is not None:
        element.props["aria-pressed"] = "true" if pressed else "false"
    return element


def icon_button(icon: str, name: str, on_click: Callable[[], Any]) -> Element:
    """A button with an icon of the set that comes with NiceGUI.

    Args:
        icon: its name.
        name: what it does; read aloud, and shown where the mouse rests on it.
        on_click: called when it is clicked.
    """
    from nicegui import ui

    element = button("dl-icon", on_click, name=name)
    element.props["title"] = name
    with element:
        ui.icon(icon).props["aria-hidden"] = "true"
    return element


def choice(name: str, options: Mapping[str, str], chosen: str, on_change: Callable[[str], Any]) -> Element:
    """A list to choose from. The keys of the page work again once something is chosen.

    Args:
        name: read aloud.
        options: what is shown, by value.
        chosen: the value that is chosen now.
        on_change: called with the new value.
    """
    from nicegui import ui

    element = ui.element("select").classes("dl-select")
    element.props["aria-label"] = name
    element.on(
        "change",
        lambda event: on_change(str(event.args)),
        js_handler="(e) => { const value = e.target.value; e.target.blur(); emit(value); }",
    )
    with element:
        for value, shown in options.items():
            option = text(shown, tag="option")
            option.props["value"] = value
            if value == chosen:
                option.props["selected"] = True
    return element


def entry(name: str, on_enter: Callable[[str], Any], *, action: str, classes: str = "dl-entry") -> Element:
    """A line to write into, with a button beside it; emptied when it is sent.

    Args:
        name: what belongs there; read aloud, and shown as long as it is empty.
        on_enter: called with what was written, unless that is nothing.
        action: what stands on the button.
        classes: of the form.
    """
    from nicegui import ui

    def entered(value: Any) -> None:
        if str(value or "").strip():
            on_enter(str(value))

    form = ui.element("form").classes(classes)
    form.on(
        "submit",
        lambda event: entered(event.args),
        js_handler="(e) => { e.preventDefault(); const field = e.target.elements[0]; const value = field.value; "
        "field.value = ''; field.blur(); emit(value); }",
    )
    with form:
        field = ui.element("input")
        field.props["type"], field.props["aria-label"], field.props["placeholder"] = "text", name, name
        field.props["autocomplete"] = "off"
        field.props["maxlength"] = 100
        send = text(action, "dl-small", tag="button")
        send.props["type"] = "submit"
    return form

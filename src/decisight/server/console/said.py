"""The one place of a page where it is said what was done, or cannot be."""

from __future__ import annotations

__all__ = ["Said"]


class Said:
    """A line that takes room of its own where something is said, and covers nothing; the next one takes its place.

    It is made where elements are being made, and looks as the classes ``dr-said`` and ``dr-wrong`` say.
    """

    def __init__(self) -> None:
        from nicegui import ui

        with ui.element("div").classes("dr-said") as self._line:
            self._text = ui.label()
            close = ui.button(icon="close", on_click=self.nothing)
            close.props('flat round dense color=inherit aria-label="Close this message"')
        self.nothing()

    def nothing(self) -> None:
        """Say nothing."""
        self._line.set_visibility(False)

    def done(self, text: str) -> None:
        """Say what was done."""
        self._show(text, "status")

    def wrong(self, text: str) -> None:
        """Say what cannot be done, and why."""
        self._show(text, "alert")

    def _show(self, text: str, role: str) -> None:
        self._text.set_text(text)
        self._text.props["role"] = role
        self._line.classes(add="dr-wrong") if role == "alert" else self._line.classes(remove="dr-wrong")
        self._line.set_visibility(True)

"""Labels as a plot can show them: with a font that has their characters, and never read as markup."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache

from decisight.evaluation.text import short_names

__all__ = ["font_families", "plot_names"]

_DEFAULT = "DejaVu Sans"
"""Comes with matplotlib, so it is there on every machine; has Latin, Greek and Cyrillic, but no Chinese."""

_PLACEHOLDERS = "Last Resort"
"""A font that comes with matplotlib and has a box for every character there is; it makes nothing readable."""

_MISSING = "\N{WHITE SQUARE}"


@cache
def _characters(path: str) -> frozenset[int]:
    """The code points that a font file has."""
    from matplotlib.font_manager import get_font

    return frozenset(get_font(path).get_charmap())


@cache
def _default_characters() -> frozenset[int]:
    from matplotlib.font_manager import FontProperties, findfont

    return _characters(findfont(FontProperties(family=[_DEFAULT])))


@cache
def font_families(text: str) -> tuple[str, ...]:
    """The font families, first choice first, that together have the characters of a text, as far as installed.

    Args:
        text: everything that is to be written.
    """
    from matplotlib.font_manager import fontManager

    wanted = {ord(character) for character in text} - _default_characters()
    families = [_DEFAULT]
    for entry in fontManager.ttflist if wanted else ():
        if entry.name.startswith(_PLACEHOLDERS):
            continue
        try:
            found = wanted & _characters(entry.fname)
        except (OSError, RuntimeError):  # A listed font file that is gone or damaged is no reason not to draw.
            continue
        if found and entry.name not in families:
            families.append(entry.name)
            wanted -= found
    return tuple(families)


def plot_names(labels: Sequence[str], width: int) -> list[str]:
    """Labels cut to a width for a plot.

    A square stands for a character that no installed font has, and the label's number is put after it, so that labels
    can still be told apart.

    Args:
        labels: all different.
        width: in characters, at least 4.
    """
    shown = _shown(font_families("".join(labels)))
    names = []
    for number, name in enumerate(short_names(labels, width), start=1):
        readable = "".join(character if ord(character) in shown else _MISSING for character in name)
        # matplotlib would read what stands between two dollar signs as a formula.
        names.append((readable if readable == name else f"{readable} {number}").replace("$", r"\$"))
    return names


def _shown(families: Iterable[str]) -> frozenset[int]:
    from matplotlib.font_manager import FontProperties, findfont

    return frozenset().union(*(_characters(findfont(FontProperties(family=[family]))) for family in families))

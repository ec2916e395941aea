"""Spans: how long something lasts, counted in images or in seconds."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal

from decisight.errors import UsageError
from decisight.types.secrecy import redacted

__all__ = ["MICROSECOND", "Span", "SpanText", "parse_seconds", "parse_span"]

SpanText = int | str
"""A span as configurations write it: ``5`` for five images, ``"2s"``, ``"500ms"``, ``"1m"``, ``"1h"`` or ``"30d"`` for
time."""

_UNITS = {"ms": Decimal("0.001"), "s": Decimal(1), "m": Decimal(60), "h": Decimal(3600), "d": Decimal(86400)}
_DECIMALS = 12
"""So many may be written."""
_LONGEST = 10**9
"""In images or seconds (31 years); more is a slip of the pen."""


MICROSECOND = 1e-6
"""Times are compared to within this: 0.6 - 0.1 is less than 0.5 in floating point, and a window must not notice."""


@dataclass(frozen=True, slots=True)
class Span:
    """A number of images, or of seconds; the other is ``None``."""

    images: int | None = None
    seconds: float | None = None

    def covers(self, images: int, seconds: float) -> bool:
        """Whether so many images, or so many seconds, are not more than this span."""
        if self.images is not None:
            return images <= self.images
        return seconds <= (self.seconds or 0.0) + MICROSECOND

    def longer_than(self, images: int, seconds: float) -> bool:
        """Whether this span is more than so many images, or so many seconds."""
        if self.images is not None:
            return images < self.images
        return seconds < (self.seconds or 0.0) - MICROSECOND

    def to_setting(self) -> SpanText:
        """The one way to write it: a number of images, or seconds as text; :func:`parse_span` gives the same again."""
        if self.seconds is None:
            return self.images or 0
        exact = Decimal(repr(self.seconds))
        if round(exact, _DECIMALS) == exact:
            return f"{_plain(exact)}s"
        return f"{_plain(exact / _UNITS['ms'])}ms"

    def __str__(self) -> str:
        if self.images is not None:
            return f"{self.images} image{'' if self.images == 1 else 's'}"
        return f"{self.seconds:g} s"


def parse_span(value: SpanText, name: str, *, least: int = 0) -> Span:
    """A span as a configuration writes it.

    Args:
        value: see :data:`SpanText`.
        name: of the setting, for messages.
        least: the fewest images; seconds must be more than 0 where this is.

    Raises:
        UsageError: it cannot be understood, or is too short or too long.

    Example:
        >>> parse_span(5, "window"), parse_span("500ms", "window")
        (Span(images=5, seconds=None), Span(images=None, seconds=0.5))
    """
    text = str(value).strip()
    found = re.fullmatch(r"([0-9]{1,12}(?:\.[0-9]{1,12})?)\s*(ms|s|m|h|d)?", text)
    if isinstance(value, bool) or not found or (found[2] is None and "." in found[1]):
        raise UsageError(
            f"{_given(name, text)} is not understood",
            hint=f"give a number of images, for example {name}: 5, or a time, for example {name}: 2s",
        )
    # Exact until the last, so that 57ms is 0.057s to the bit.
    amount = Decimal(found[1]) * _UNITS.get(found[2], Decimal(1))
    if amount > _LONGEST:
        raise UsageError(f"{_given(name, text)} is too long", hint="give a shorter one")
    if least and (amount < least if found[2] is None else amount == 0):
        raise UsageError(
            f"{_given(name, text)} is too short",
            hint=f"give {least} image{'s' * (least > 1)} or more, or a time above 0",
        )
    return Span(seconds=float(amount)) if found[2] else Span(images=int(amount))


def parse_seconds(value: SpanText, name: str) -> float:
    """A time as a configuration writes it, in seconds.

    Raises:
        UsageError: it is not one, or not more than 0.
    """
    example = f"give a time, for example {name} 5s" if _is_option(name) else f"give a time, for example {name}: 5s"
    try:
        span = parse_span(value, name, least=1)
    except UsageError as error:
        # A number of images is no answer here.
        raise UsageError(error.message, hint=example) from None
    if span.seconds is None:
        raise UsageError(f"{_given(name, str(value))} has no unit", hint=example)
    return span.seconds


def _given(name: str, text: str) -> str:
    """A setting and its value as they were given: in a file, or as an option of the command line."""
    return f"{name} {redacted(text)!r}" if _is_option(name) else f"{name} = {redacted(text)!r}"


def _is_option(name: str) -> bool:
    return name.startswith("--")


def _plain(number: Decimal) -> str:
    """A number without an exponent and without zeros at its end."""
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text

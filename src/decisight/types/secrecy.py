"""What messages must not show: credentials in addresses, and values of settings that are secrets."""

from __future__ import annotations

import re
from collections.abc import Mapping

__all__ = ["HIDDEN", "is_secret", "redacted", "without_secrets", "without_values"]

HIDDEN = "..."
"""What is shown instead."""

_SECRET = re.compile(
    r"pas|pwd|psw|kennw|secret|token|credential|auth|login|(^|[_-])(api_?)?keys?$|^pin$", re.IGNORECASE
)
"""Also as people mistype them."""
_BARE = re.compile(r"^[^\s/@]*:[^@]*@|^[^\s/@]+@(?=[^@]*[:/])")
"""Credentials at the beginning of an address without its scheme."""
_VALUES = re.compile(r"([?&;/])([^=?&;/\s]+)=[^&]*")
"""Values in a query; and in a path, as some cameras want them: ``/user=admin&password=12345&channel=1``."""


def is_secret(name: object) -> bool:
    """Whether a setting of that name looks as if its value were a secret.

    Example:
        >>> is_secret("pasword"), is_secret("polygon")
        (True, False)
    """
    return isinstance(name, str) and _SECRET.search(name) is not None


def redacted(text: str) -> str:
    """A text without the credentials of an address that is in it.

    Rather too much is hidden than too little: all from ``://`` to the last ``@``, since a password may have such a sign
    in it, and every value in a query or a path.

    Example:
        >>> redacted("rtsp://admin:pa@ss@10.0.0.5/live?token=abc&channel=1")
        'rtsp://...@10.0.0.5/live?token=...&channel=...'
    """
    before, found, rest = text.partition("://")
    if not found:
        hidden = _BARE.sub(f"{HIDDEN}@", text)
        return text if hidden == text else without_values(hidden)
    _, at, place = rest.rpartition("@")
    return before + found + (HIDDEN + at if at else "") + without_values(place)


def without_values(path: str) -> str:
    """A path and query without the values in it.

    Example:
        >>> without_values("/live/user=admin&password=12345?stream=1")
        '/live/user=...&password=...'
    """
    return _VALUES.sub(rf"\1\2={HIDDEN}", path)


def without_secrets(value: object, name: object = None) -> object:
    """A value as messages may show it: addresses in it without credentials, and secrets hidden.

    Args:
        value: texts, numbers, and lists and mappings of them.
        name: the key that it stands under.
    """
    if is_secret(name) and value is not None:
        return _Hidden()
    if isinstance(value, str):
        return redacted(value)
    if isinstance(value, Mapping):
        return {without_secrets(key): without_secrets(inner, key) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(without_secrets(inner) for inner in value) if type(value) in (list, tuple) else value
    return value


class _Hidden:
    """Shows itself as what is hidden is shown, without quotes."""

    def __repr__(self) -> str:
        return HIDDEN

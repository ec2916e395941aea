"""What messages must not show: credentials in addresses, and values of settings that are secrets."""

from __future__ import annotations

import re
from collections.abc import Mapping

__all__ = ["HIDDEN", "is_secret", "redacted", "without_logins", "without_secrets", "without_values"]

HIDDEN = "..."
"""What is shown instead."""

_SECRET = re.compile(
    r"pas|pwd|psw|kennw|secret|token|credential|auth|login|(^|[_-])(api_?)?keys?$|^pin$", re.IGNORECASE
)
"""Also as people mistype them."""
_MARK = re.compile(r":/+|//+|[:/]")
"""What stands behind a scheme, also as people mistype it: ``rtsp//me:secret@gate``, ``rtsp:/me:secret@gate``."""
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*(?::/|//)", re.IGNORECASE)
_LOGIN = re.compile(r"\b((?:rtsps?|https?)(?::/*+|//))(?!\.\.\.@).*@(?=\S)", re.IGNORECASE | re.DOTALL)
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

    Rather too much is hidden than too little: all from the end of the scheme, which may be mistyped, to the last ``@``,
    since a password may have such a sign in it; and every value in a query or a path.

    Example:
        >>> redacted("rtsp://admin:pa@ss@10.0.0.5/live?token=abc&channel=1")
        'rtsp://...@10.0.0.5/live?token=...&channel=...'
        >>> redacted("rtsp//admin:secret@10.0.0.5/live")
        'rtsp//...@10.0.0.5/live'
    """
    login, at, rest = text.rpartition("@")
    if not at:
        return without_values(text) if "://" in text or _SCHEME.match(text) else text
    mark = _MARK.search(login)
    if mark is None:
        # Perhaps a user, where the scheme is missing: canary@gate/live.
        return f"{HIDDEN}@{without_values(rest)}" if re.search("[:/]", rest) and not re.search(r"\s", login) else text
    if mark[0] == "/" and not re.search(":|//", login):
        return text  # a path of a file
    kept = "" if mark[0] == ":" else text[: mark.end()]
    return f"{kept}{HIDDEN}@{without_values(rest)}"


def without_logins(message: str) -> str:
    """A message without the credentials of a camera's address in it: what was named may be one in the wrong place.

    Example:
        >>> without_logins("rtsp:/me:secret@gate/live: does not exist")
        'rtsp:/...@gate/live: does not exist'
    """
    return _LOGIN.sub(rf"\1{HIDDEN}@", message)


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

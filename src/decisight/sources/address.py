"""Addresses of cameras, with credentials that are never shown."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import quote, unquote, urljoin, urlsplit

from decisight.errors import SourceError, UsageError
from decisight.files import printable
from decisight.types.secrecy import HIDDEN, is_secret, redacted, without_values

__all__ = ["Address", "Login"]

_PORTS = {"rtsp": 554, "rtsps": 322, "http": 80, "https": 443}
_LARGEST = 4096
"""Bytes of a file with a password; a larger one is another file."""
_SETTING = re.compile(r"[?&;/]|_(?=[A-Za-z]+=)")
"""What stands between settings in a path or a query."""
_NO_PORT = re.compile(r"(://)[^/@:\[\]]*:(?![0-9]{1,5}(?:[/?#]|$)).*", re.DOTALL)
_USER = re.compile(r"user|usr|account", re.IGNORECASE)


@dataclass(frozen=True, slots=True, repr=False)
class Address:
    """Where a camera is found.

    As a text it has no credentials, and no values of settings in its path or query, where cheap cameras want passwords.

    Args:
        scheme: in lower case.
        host: a name, or an address; of IPv6 without brackets.
        port: 1..65535.
        path: with what comes after a question mark, as it is sent; it begins with a slash, or is empty.
        user: who asks; ``None``: nobody in particular.
        password: of the user.

    Example:
        >>> Address.parse("rtsp://admin:secret@10.0.0.5/live?channel=1")
        Address('rtsp://10.0.0.5/live?channel=...')
    """

    scheme: str
    host: str
    port: int
    path: str = ""
    user: str | None = None
    password: str | None = None

    @classmethod
    def parse(cls, text: str, schemes: Collection[str] = tuple(_PORTS)) -> Address:
        """An address as people write it, ``scheme://user:password@host:port/path``.

        Raises:
            UsageError: it is not one, or of another scheme; the message shows no credentials.
        """
        example = f"for example {sorted(schemes)[-1]}://10.0.0.5/stream"
        shown = printable(without_values(_without_login(redacted(text))))
        try:
            parts = urlsplit(text.strip())
            host, port = parts.hostname, parts.port
        except ValueError:  # its text shows what is wrong, which may be a password
            host, port, parts = None, None, None
        if parts is None or not host or not parts.scheme or text != printable(text) or " " in parts.netloc:
            raise UsageError(
                f"url = {shown!r} is no address",
                hint=f"{example}; signs such as @ : / # in a password are given apart: user and password_env",
            ) from None
        behind = f"{parts.path}?{parts.query}#{parts.fragment}"
        if "@" in (behind if re.search("[:@]", parts.netloc) else without_values(behind)):
            # rtsp://admin:12/34@10.0.0.5: taken as it stands, half of the password would be a port, and be shown. Where
            # nobody is named before it, an @ in a value, which is never shown, can only be one of the value's own.
            raise UsageError(
                f"url = {shown!r} can be understood in two ways: there is an @ after a / ? or #",
                hint="in a password write / ? # as %2F %3F %23, or give it apart: user and password_env; an @ in the "
                "path is %40",
            )
        if parts.scheme not in schemes:
            raise UsageError(
                f"url = {shown!r} cannot be used: there is no way to ask by {parts.scheme}",
                hint=f"{example}; the ways are: {', '.join(sorted(schemes))}",
            )
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        user, password = (None if part is None else unquote(part) for part in (parts.username, parts.password))
        return cls(parts.scheme, host, port or _PORTS[parts.scheme], path, user, password)

    def __str__(self) -> str:
        return f"{self.scheme}://{self._place}{without_values(self.path)}"

    def __repr__(self) -> str:
        return f"Address({str(self)!r})"

    @property
    def identity(self) -> str:
        """The same text for the same stream, whatever user and password are; nothing of them can be found from it."""
        kept = [piece for piece in _SETTING.split(self.path) if not _is_credential(piece.partition("=")[0])]
        digest = hashlib.sha256("\n".join([self.scheme, self.host, str(self.port), *kept]).encode()).hexdigest()
        return f"{self.scheme}://{self._place} {digest[:32]}"

    @property
    def with_credentials(self) -> str:
        """All of it, for who connects alone: it is never shown, and never kept."""
        if self.user is None:
            return f"{self.scheme}://{self._place}{self.path}"
        password = "" if self.password is None else f":{quote(self.password, safe='')}"
        return f"{self.scheme}://{quote(self.user, safe='')}{password}@{self._place}{self.path}"

    def same_place(self, other: Address) -> bool:
        """Whether another one leads to the same service of the same machine."""
        return (self.scheme, self.host, self.port) == (other.scheme, other.host, other.port)

    def joined(self, location: str, schemes: Collection[str]) -> Address:
        """Where it leads on to; with the credentials only where that is the same service of the same machine.

        Args:
            location: an address, or what of it is another.
            schemes: what it may lead to.

        Raises:
            UsageError: it leads to what is no such address.
        """
        found = Address.parse(urljoin(f"{self.scheme}://{self._place}{self.path or '/'}", location), schemes)
        own = self.same_place(found)
        return replace(found, user=self.user if own else None, password=self.password if own else None)

    @property
    def _place(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS.get(self.scheme) else f"{host}:{self.port}"


def _without_login(text: str) -> str:
    """A text without what stands where a port should: ``rtsp://admin:secret``, where the host was forgotten."""
    return _NO_PORT.sub(rf"\1{HIDDEN}", text)


def _is_credential(name: str) -> bool:
    return is_secret(name) or _USER.search(name) is not None


@dataclass(frozen=True, kw_only=True, repr=False)
class Login:
    """An address and who asks there: what sources that are reached over a network have in common.

    Args:
        user: who asks, where it does not stand in the address.
        password: of the user. Better is ``password_env`` or ``password_file``: whoever may read the site file may read
            what stands in it.
        password_env: the environment variable that holds the password.
        password_file: the file that holds the password, and nothing else but an end of the line.

    Raises:
        UsageError: the password is given twice, or without a user.
    """

    user: str | None = None
    password: str | None = None
    password_env: str | None = None
    password_file: str | None = None

    def __post_init__(self) -> None:
        given = [n for n in ("password", "password_env", "password_file") if getattr(self, n) is not None]
        if len(given) > 1:
            raise UsageError(f"{' and '.join(given)} are both given", hint="give the password once")
        if given and self.user is None:
            raise UsageError(f"{given[0]} is given without user", hint="give the user whose password it is")

    def check_twice(self, address: Address) -> None:
        """See that an address has no credentials where some are given apart.

        Raises:
            UsageError: it has.
        """
        if self.user is not None and address.user is not None:
            raise UsageError("user is given, and stands in url too", hint="leave out one of the two")

    def complete(self, address: Address) -> Address:
        """An address with these credentials.

        Raises:
            UsageError: it has some already.
            SourceError: the environment variable or the file is not there.
        """
        self.check_twice(address)
        if self.user is None:
            return address
        return replace(address, user=self.user, password=self._password())

    def _password(self) -> str | None:
        if self.password_env is not None:
            found = os.environ.get(self.password_env)
            if found is None:
                raise SourceError(
                    f"the environment variable {printable(self.password_env)} of password_env is not set",
                    hint="set it where the program is started, or name another",
                )
            return found
        if self.password_file is not None:
            return _read_password(self.password_file)
        return self.password

    def __repr__(self) -> str:
        return f"{type(self).__name__}({HIDDEN})"


def _read_password(path: str) -> str:
    name = printable(path)
    try:
        with Path(path).open("rb") as file:
            content = file.read(_LARGEST + 1)
        text = content.decode("utf-8-sig").rstrip("\r\n")
    except (OSError, ValueError) as error:
        said = error.strerror if isinstance(error, OSError) else "it is not text"
        raise SourceError(
            f"password_file {name} cannot be read: {said}", hint="check the path, and who may read it"
        ) from None
    if len(content) > _LARGEST or not text or "\n" in text:
        raise SourceError(f"password_file {name} holds no password", hint="one line with the password, nothing else")
    return text

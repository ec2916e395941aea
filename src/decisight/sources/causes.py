"""What to do about each cause for which a camera gives no pictures."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["hint_of"]

_PATH = "check the path of its address, as the manual of the camera has it"
_NETWORK = "check the network between here and the camera, and that not too many connect to it"
_HINTS: Mapping[str, str] = {
    "cannot be reached": "check that it is on, and the host and the port of its address",
    "the camera does not answer": "check that it is on, and the port of its address; or give it a longer timeout",
    "connection lost": _NETWORK,
    "no pictures come": _NETWORK,
    "pictures come late": _NETWORK,
    "access refused": "check its user and password; many cameras lock a user for a while after some wrong passwords",
    "the password cannot be read": "see password_env or password_file in the site file",
    "no such stream": _PATH,
    "no pictures in the stream": _PATH,
    "it answers with nothing": _PATH,
    "one picture, and no stream": "it is a still picture: say --every 5s; in a site file type: snapshot",
    "the camera cannot serve the stream": "see that not too many connect to it; try transport: udp",
    "the camera cannot serve it": "see that not too many connect to it, and check the path of its address",
    "its certificate is not trusted": "let this machine trust it; or in a site file: verify: false",
    "it leads from address to address": "give the address that it leads to",
    "it leads to what is no address of a camera": "give the address that it leads to",
    "the picture is damaged": "see what a browser shows at its address",
    "pictures cannot be decoded": "set the camera to H.264",
    "no such device": "see which there are: ls /dev/video*",
    "the device is in use": "end the other program that uses it",
    "access to the device refused": "let this user read it: usermod -aG video USER",
    "the device cannot be opened": "see that it is a camera, and give a size that it has",
}
_SOMETHING_ELSE = "it answers with something else"
_OTHERWISE = "check that it is on, and its address"


def hint_of(cause: str | None) -> str:
    """What to do about a cause.

    Args:
        cause: as a frame without pixels has it; ``None``: none is known.

    Example:
        >>> hint_of("no such stream")
        'check the path of its address, as the manual of the camera has it'
    """
    if cause is not None and cause.startswith(_SOMETHING_ELSE):
        return _PATH
    return _HINTS.get(cause or "", _OTHERWISE)

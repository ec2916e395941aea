"""The files that pictures lie in: their names, their content, and what can be wrong with either."""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path, PurePath

from decisight.errors import ImageError
from decisight.files import printable

__all__ = ["IMAGE_SUFFIXES", "MAX_BYTES", "content_digest", "is_image_name", "read_bytes"]

MAX_BYTES = 200_000_000
"""Files with more bytes are refused unread."""

# fmt: off
IMAGE_SUFFIXES = frozenset([
    ".avif", ".bmp", ".dib", ".gif", ".j2k", ".jfif", ".jp2", ".jpe", ".jpeg", ".jpg", ".mpo", ".pbm", ".pgm", ".png",
    ".pnm", ".ppm", ".tif", ".tiff", ".webp",
])
# fmt: on
"""Suffixes, in lower case, of the files taken for pictures when a folder is searched."""


def is_image_name(name: str | os.PathLike[str]) -> bool:
    """Whether a file of that name is taken for a picture: by its suffix, in any case; hidden files are not.

    Example:
        >>> is_image_name("gate/0001.JPG"), is_image_name("Thumbs.db"), is_image_name("._0001.jpg")
        (True, False, False)
    """
    path = PurePath(name)
    return path.suffix.lower() in IMAGE_SUFFIXES and not path.name.startswith(".")


def content_digest(data: bytes) -> str:
    """The SHA-256 of a file's content, as 64 hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def read_bytes(path: str | os.PathLike[str]) -> bytes:
    """The content of a picture's file, not yet decoded.

    Raises:
        ImageError: there is no such file, it is not a file, it may not be read, is empty, or is larger than
            :data:`MAX_BYTES`. The message begins with the path.
    """
    name = printable(path)
    try:
        found = os.stat(path)
        if stat.S_ISDIR(found.st_mode):
            raise ImageError(
                f"{name}: is a folder, not a picture", hint="name a picture file, or the folder's pictures"
            )
        # Opening a pipe would wait for a writer that may never come.
        if not stat.S_ISREG(found.st_mode):
            raise ImageError(f"{name}: is not an ordinary file", hint="name a picture file")
        if found.st_size > MAX_BYTES:
            raise ImageError(
                f"{name}: the file is too large: {found.st_size / 1e6:.0f} MB; the limit is {MAX_BYTES // 10**6} MB",
                hint="check that it is a picture; if so, save it smaller",
            )
        data = Path(path).read_bytes()
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from error
    if not data:
        raise ImageError(
            f"{name}: the file is empty (0 bytes)", hint="copy or download it again; if that fails, leave it out"
        )
    return data


def _unreadable(path: str | os.PathLike[str], error: OSError | ValueError) -> ImageError:
    name = printable(path)
    match error:
        case FileNotFoundError() if os.path.islink(path):
            return ImageError(f"{name}: is a link to a file that does not exist", hint="check where the link points")
        case FileNotFoundError() | NotADirectoryError():
            return ImageError(f"{name}: does not exist", hint="check the spelling, and from where the path is meant")
        case PermissionError():
            return ImageError(f"{name}: may not be read (no permission)", hint="change the file's permissions or owner")
        case OSError():
            return ImageError(f"{name}: cannot be read: {error.strerror or error}", hint="check the path and the disk")
        case ValueError():
            return ImageError(f"{name}: is not a path ({error})", hint="check its characters")

"""What is wrong with the content of a picture, in words."""

from __future__ import annotations

import re
from collections.abc import Sequence

from decisight.errors import ImageError
from decisight.files import printable

__all__ = ["COPY_AGAIN", "bomb", "damaged", "not_a_picture", "too_many_pixels"]

COPY_AGAIN = "copy or download it again; if that fails, leave it out"
_CONVERT = "open it in a picture program and save it as JPEG or PNG"
_TAKE_STILLS = "take pictures from it first"

# Files that stand where a picture should, most telling first: (offset, what stands there, what it is, what to do).
_OTHER_FILES = (
    (4, b"ftyphei", "a HEIC picture", _CONVERT),
    (4, b"ftypmif1", "a HEIF picture", _CONVERT),
    (4, b"ftyp", "a video (MP4 or MOV)", _TAKE_STILLS),
    (8, b"AVI ", "a video (AVI)", _TAKE_STILLS),
    (0, b"\x1a\x45\xdf\xa3", "a video (Matroska or WebM)", _TAKE_STILLS),
    (0, b"%PDF", "a PDF document", _CONVERT),
    (0, b"%!PS", "a PostScript document", _CONVERT),
    (0, b"8BPS", "a Photoshop document", _CONVERT),
    (0, b"PK\x03\x04", "a ZIP archive or an office document", "unpack it first"),
    (0, b"\x1f\x8b", "a gzip archive", "unpack it first"),
    (0, b"version https://git-lfs", "a Git LFS pointer, not the file itself", "fetch the files: git lfs pull"),
)
_PICTURE_STARTS = (b"\xff\xd8", b"\x89PNG", b"GIF8", b"BM", b"II*\0", b"MM\0*", b"RIFF", b"\0\0\0\x0cjP")


def too_many_pixels(size: str, limit: int) -> ImageError:
    """For a picture of that size, where ``limit`` pixels are allowed."""
    return ImageError(
        f"the picture is too large: {size}; the limit is {limit // 10**6} million pixels",
        hint="save it smaller, or leave it out: its header may be damaged, or made to exhaust memory",
    )


def bomb(data: bytes, error: Exception, limit: int) -> ImageError:
    """For a picture at which Pillow stopped before it gave away the size."""
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return too_many_pixels(f"{int.from_bytes(data[16:20])} x {int.from_bytes(data[20:24])} pixels", limit)
    pixels = re.search(r"\d+", str(error))
    return too_many_pixels(f"{int(pixels[0]) // 10**6} million pixels" if pixels else "far too many pixels", limit)


def damaged(kind: str | None, error: Exception) -> ImageError:
    """For a picture of a known format at which the decoder gave up."""
    said = str(error) or type(error).__name__
    what = f"{kind} picture" if kind else "picture"
    if re.search(r"truncated|premature end|unexpected end|ended prematurely", said, re.IGNORECASE):
        return ImageError(f"the {what} is truncated: it ends before its last pixel ({said})", hint=COPY_AGAIN)
    return ImageError(f"the {what} is damaged or of a kind that is not supported ({said})", hint=COPY_AGAIN)


def not_a_picture(data: bytes, formats: Sequence[str]) -> ImageError:
    """For content that no decoder knows: says what it looks like."""
    for offset, start, what, hint in _OTHER_FILES:
        if data[offset:].startswith(start):
            return ImageError(f"it is not a picture that can be read: it looks like {what}", hint=hint)
    if data.startswith(_PICTURE_STARTS):
        return ImageError("the picture is truncated or damaged: its header is broken", hint=COPY_AGAIN)
    if not data.strip(b"\0"):
        return ImageError("it is not a picture: it holds nothing but zero bytes", hint=COPY_AGAIN)
    text = data[:40].decode("utf-8", "replace").strip()
    if re.match(r"\s*<(\?xml|svg|!doctype html|html)", text, re.IGNORECASE):
        what = "it looks like a web page or an SVG drawing"
    # The cut may have gone through a character.
    elif all(c.isprintable() or c.isspace() for c in text.rstrip("\ufffd")) and text.count("\ufffd") <= 1:
        what = f"it looks like text: {printable(text)}"
    else:
        what = f"of no known format, it begins with {data[:8].hex(' ')}"
    return ImageError(f"it is not a picture: {what}", hint=f"formats: {', '.join(formats)}")

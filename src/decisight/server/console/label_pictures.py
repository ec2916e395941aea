"""The pictures of a folder that is labelled, as a browser can show them."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from decisight.collecting.labelling import Labelling
from decisight.errors import ImageError
from decisight.imaging import encode_jpeg, read_bytes, read_image, resize

if TYPE_CHECKING:
    from fastapi import Response

__all__ = ["picture_address", "serve_pictures"]

_SHOWN = {
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".png": "image/png",
    ".webp": "image/webp",
    ".gif": "image/gif",
    ".bmp": "image/bmp",
    ".avif": "image/avif",
}
"""What every browser shows as it is."""
_LARGEST = 4_000_000
"""Bytes beyond which a picture is made smaller for the page."""
_SIDE = 1600
_WAY = "/decisight/pictures"


def picture_address(labelling: Labelling, row: int) -> str:
    """Where a picture is served: another address for every other file, so that a browser may keep it."""
    return f"{_WAY}/{row}/{zlib.crc32(labelling.name(row).encode('utf-8', 'surrogateescape')):08x}"


def serve_pictures(labelling: Labelling) -> None:
    """Serve the pictures of a folder beside the page; once, before it is shown."""
    from fastapi import Response
    from nicegui import app

    def picture(row: int, digest: str) -> Any:
        if not 0 <= row < len(labelling.table.rows) or not picture_address(labelling, row).endswith(f"/{digest}"):
            return Response(status_code=404)
        return _answer(labelling.path(row), Response)

    app.get(_WAY + "/{row}/{digest}")(picture)


def _answer(path: Path, response: type[Response]) -> Response:
    headers = {"Cache-Control": "private, max-age=3600"}
    kind = _SHOWN.get(path.suffix.lower())
    try:
        if kind is not None:
            content = read_bytes(path)
            if len(content) <= _LARGEST:
                return response(content, media_type=kind, headers=headers)
        pixels = read_image(path)
        height, width = pixels.shape[:2]
        scale = min(1.0, _SIDE / max(height, width))
        smaller = resize(pixels, (max(1, round(width * scale)), max(1, round(height * scale))))
        return response(encode_jpeg(smaller), media_type="image/jpeg", headers=headers)
    except ImageError as error:
        return response(error.message, status_code=404, media_type="text/plain")

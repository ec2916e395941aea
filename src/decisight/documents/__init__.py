"""Pages: one self-contained HTML file each, opened from disk by any browser, that asks no network for anything.

A page is a Jinja2 template that extends ``page.html`` of this package, which brings the style (light, dark, printed),
tables that sort, and a content security policy: a browser that reads it loads nothing, connects to nothing, and runs no
script but those of the page, which it knows by their digests. Everything that a template shows is escaped: names of
files and labels are what somebody else has chosen.

    >>> pictures = Thumbnails(4_000_000)
    >>> image = pictures.of(pixels)                                                 # doctest: +SKIP
    >>> write_page(Path("audit.html"), TEMPLATE, title="Audit", image=image)        # doctest: +SKIP
"""

from __future__ import annotations

from decisight.documents.pages import render, write_page
from decisight.documents.thumbnails import Thumbnail, Thumbnails, shrunk

__all__ = ["Thumbnail", "Thumbnails", "render", "shrunk", "write_page"]

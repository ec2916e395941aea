"""A real browser, for pages."""

from __future__ import annotations

from tests.browser import browser, browsing

__all__ = ["browser", "browsing"]

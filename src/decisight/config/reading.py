"""Reading a site file: its values, and what can be seen to be wrong with them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from decisight.config.checking import check_site
from decisight.config.refusal import plain, refusal
from decisight.config.sections import SiteSection
from decisight.config.site import Site
from decisight.errors import SiteError
from decisight.yaml_file import Kind, parse_yaml, read_yaml

__all__ = ["parse_site", "read_site", "read_site_text"]

_EXAMPLE = (
    "a site file begins so: site: plant-7, models: {gear: {path: gear.onnx}}, cameras: {gate-1: {source: {type: video, "
    "path: gate-1.mp4}, watch: [{model: gear}]}}"
)
_SITE = Kind("site", "sites", _EXAMPLE, most_values=200_000, error=SiteError)


def read_site(path: Path) -> Site:
    """Read a site file.

    Raises:
        SiteError: it cannot be read, or says what cannot be done; names the line and the key.
    """
    return _checked(read_yaml(path, _SITE), path)


def read_site_text(text: str, path: Path) -> Site:
    """A site by the text that is to be in its file.

    Raises:
        SiteError: it says what cannot be done; names the line and the key.
    """
    return _checked(parse_yaml(text, path, _SITE), path)


def _checked(content: Mapping[str, Any], path: Path) -> Site:
    site = parse_site(content, path)
    check_site(site)
    return site


def parse_site(content: Mapping[str, Any], path: Path | None = None) -> Site:
    """A site by its values.

    Args:
        content: as :func:`~decisight.yaml_file.read_yaml` gives it, or plain values.
        path: the file that they are from.

    Raises:
        SiteError: they are not those of a site.
    """
    values = plain(content, path)
    try:
        section = SiteSection.model_validate(values)
    except ValidationError as error:
        raise refusal(error, values, content, path) from None
    return Site(section, path, content)

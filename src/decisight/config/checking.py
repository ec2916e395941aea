"""Whether a site can be what it says, as far as that shows without opening anything."""

from __future__ import annotations

import re
from collections.abc import Mapping

from decisight.config.amounts import parse_limit
from decisight.config.sections import LimitSection, RetentionSection
from decisight.config.site import Site, model_of
from decisight.errors import SiteError, UsageError
from decisight.files import printable
from decisight.regions import Region
from decisight.registry import shortened
from decisight.types import UNPRINTABLE, is_label
from decisight.types.secrecy import redacted
from decisight.types.store_places import three_strokes

__all__ = ["check_site"]

_NAME = re.compile(r"[^\s/\\:=|][^/\\:=|]{0,62}")


_NO_STORE = re.compile(r"(?!.*://).*|sqlite:/*|sqlite:/*:memory:.*|postgres[\w+]*://[^/?]*/?", re.DOTALL)
"""What names no place, or none that is kept."""


def check_site(site: Site) -> None:
    """Refuse what can be seen to be wrong without opening anything.

    Raises:
        SiteError: something is; names the line and the key.
    """
    _check_name(site, site.section.site, "site")
    for name in site.section.models:
        _check_name(site, name, "models", name)
    for camera, section in site.section.cameras.items():
        _check_name(site, camera, "cameras", camera)
        for name in section.regions:
            _check_name(site, name, "cameras", camera, "regions", name)
        regions = site.regions(camera)
        site.source(camera)
        site.gates(camera, checked=False)
        seen: dict[tuple[str | None, str], dict[str | None, int]] = {}
        for at, watch in enumerate(section.watch):
            _check_watch(site, camera, at, regions)
            earlier = seen.setdefault((watch.region, model_of(site, camera, at)), {})
            # Without a group an entry is about all of them, so about that of any other entry too.
            clash = next(
                (n for group, n in earlier.items() if group == watch.group or None in (group, watch.group)), None
            )
            if clash is not None:
                raise SiteError(
                    f"{site.where('cameras', camera, 'watch', at)}: region, model and group are those of entry {clash}",
                    hint="a group of a model in a region has one policy, and an entry without a group is about all of "
                    "them; name the group of each entry, or leave out one of the two",
                )
            earlier[watch.group] = at
    store = site.section.store or ""
    right = three_strokes(store)
    if right is not None or (site.section.store is not None and _NO_STORE.fullmatch(store.strip())):
        raise SiteError(
            f"{site.where('store')} = {shortened(store)} is no place for a store",
            hint="write it as sqlite:///plant-7.db, or postgresql+psycopg://user@host/name"
            if right is None
            else f"three strokes: {printable(redacted(right))}",
        )
    for name in site.section.sinks:
        _check_name(site, name, "sinks", name)
    site.sinks()
    for way, limit in _limits(site.section.retention):
        _check_limit(site, limit, "retention", *way)


def _check_name(site: Site, name: str, *keys: str) -> None:
    if not _NAME.fullmatch(name) or name in (".", "..") or UNPRINTABLE.search(name) or not is_label(name):
        raise SiteError(
            f"{site.where(*keys)}: the name {shortened(name)} cannot be used",
            hint="give 1 to 63 characters, without / \\ : = | and control characters, and without a space at its ends",
        )


def _check_watch(site: Site, camera: str, at: int, regions: Mapping[str, Region]) -> None:
    watch = site.section.cameras[camera].watch[at]
    keys = ("cameras", camera, "watch", at)
    if watch.region is not None and watch.region not in regions:
        raise SiteError(
            f"{site.where(*keys, 'region')}: the camera has no region {shortened(watch.region)}",
            hint=f"the regions are: {', '.join(list(regions)[:20]) or 'none'}; leave it out for all of the picture",
        )
    model_of(site, camera, at)
    site.rule(camera, at)


def _limits(section: RetentionSection) -> list[tuple[tuple[str, ...], str | LimitSection]]:
    found: list[tuple[tuple[str, ...], str | LimitSection]] = [(("readings",), section.readings)]
    if section.events is not None:
        found.append((("events",), section.events))
    return found + [(("evidence", outcome), limit) for outcome, limit in section.evidence.items()]


def _check_limit(site: Site, limit: str | LimitSection, *keys: str) -> None:
    try:
        parse_limit(limit)
    except UsageError as error:
        raise SiteError(f"{site.where(*keys)}: {error.message}", hint=error.hint) from error

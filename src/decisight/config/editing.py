"""A site file changed as a person would change it: what is not meant stays byte for byte as it was written."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from decisight.config.layout import STEP, Change, Node, changed, in_brackets, layout, on_lines, value_text
from decisight.config.reading import read_site, read_site_text
from decisight.config.refusal import plain
from decisight.config.region_changes import RegionChanges
from decisight.config.site import Site
from decisight.errors import SiteError, UsageError
from decisight.files import draft_of, printable
from decisight.regions import Point, Region, parse_size
from decisight.yaml_file import Kind, parse_yaml

__all__ = ["SiteText", "rounded"]

_MARK = b"\xef\xbb\xbf"
_WIDE = 1000
_BY_HAND = "write them out where they are meant, with an editor; or change the file there"
_KIND = Kind("site", "sites", "", most_values=200_000, error=SiteError)
_SHARED = re.compile(r"(?m)^[^#\n]*?(?:[\s\[{,:](?:[&*]\w)|<<\s*:)")
"""An anchor, an alias or a merge, as far as a glance shows."""


@dataclass(frozen=True, slots=True)
class SiteText:
    """A site file, and what is to be written in its place.

    Args:
        path: the file.
        content: what was in it when it was read.
        text: what is to be in it, without a byte order mark.
        values: the same as plain values.
    """

    path: Path
    content: bytes
    text: str
    values: Mapping[str, Any]

    @classmethod
    def read(cls, path: Path) -> SiteText:
        """Read a site file.

        Raises:
            SiteError: it cannot be read, or says what cannot be done.
        """
        read_site(path)  # which reads no more than a site file can have
        content = _content(path)
        text = content.removeprefix(_MARK).decode("utf-8", "replace")
        return cls(path, content, text, plain(read_site_text(text, path).content, path))

    def with_regions(self, camera: str, regions: Sequence[tuple[str | None, Region]]) -> SiteText:
        """The file with a camera's regions as given, and nothing else changed.

        Corners that are moved are written as :func:`rounded` says. Entries of ``watch`` follow a new name.

        Args:
            camera: the camera's name.
            regions: the regions that it shall have; each with the name that it has in the file, ``None`` where it is
                new there. What is not among them is removed.

        Raises:
            SiteError: there is no such camera; a region that is removed is watched; or the file is written in a way
                that cannot be changed there alone, as with anchors and merges.
            UsageError: two regions have one name.
        """
        given = [region.name for _, region in regions]
        for name in given:
            if given.count(name) > 1:
                raise UsageError(f"two regions are called {name!r}", hint="give each a name of its own")
        section = self._camera(camera)
        # One that was removed and drawn again is the same: what watches it goes on.
        again = set(section.get("regions", {})) - {old for old, _ in regions}
        regions = [(region.name if old is None and region.name in again else old, region) for old, region in regions]
        self._check_unwatched(camera, section, {old for old, _ in regions})
        wanted, moved = _with_regions(section, regions)
        values = {**self.values, "cameras": {**self.values["cameras"], camera: wanted}}
        node = self._node(camera)
        names = {old: region.name for old, region in regions if old in section.get("regions", {})}
        return self._with(RegionChanges(self.text, section, wanted).all(node, names, moved), values, camera)

    def with_camera(self, camera: str, section: Mapping[str, Any]) -> SiteText:
        """The file with one more camera, after those that are there.

        Args:
            camera: its name.
            section: its values, ``source`` and what else it has.

        Raises:
            SiteError: there is one of that name; or see :meth:`with_regions`.
        """
        if camera in self.values["cameras"]:
            raise SiteError(f"{printable(self.path)} has a camera {camera!r} already", hint="give another name")
        values = {**self.values, "cameras": {**self.values["cameras"], camera: dict(section)}}
        cameras = layout(self.text).get("cameras")
        if cameras is None or not cameras.pairs:
            raise self._unchangeable(camera)
        lines = [f"{value_text(camera)}:"] + [f"{STEP}{value_text(k)}: {value_text(v)}" for k, v in section.items()]
        if cameras.flow:
            change = in_brackets(cameras, f"{value_text(camera)}: {value_text(section)}")
        else:
            change = on_lines(self.text, cameras.end, [" " * cameras.pairs[0][0].column + line for line in lines])
        return self._with([change], values, camera)

    def save(self) -> SiteText:
        """Write the file, if nobody else has changed it since it was read; what is written is checked first.

        Returns:
            The file as it is now.

        Raises:
            SiteError: it was changed meanwhile, or what would be written is no site.
            OutputError: it cannot be written.
        """
        content = (_MARK if self.content.startswith(_MARK) else b"") + self.text.encode("utf-8")
        if _content(self.path) != self.content:
            raise SiteError(
                f"{printable(self.path)} was changed by somebody else since it was read, and nothing was written",
                hint="read it again, and do the change once more",
            )
        if content != self.content:
            with draft_of(self.path) as draft, draft.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
        return replace(self, content=content)

    def site(self) -> Site:
        """The site, as the text says it."""
        return read_site_text(self.text, self.path)

    def _camera(self, camera: str) -> Mapping[str, Any]:
        found = self.values["cameras"].get(camera)
        if found is None:
            names = ", ".join(list(self.values["cameras"])[:20])
            raise SiteError(f"{printable(self.path)} has no camera {camera!r}", hint=f"the cameras are: {names}")
        return dict(found)

    def _check_unwatched(self, camera: str, section: Mapping[str, Any], kept: set[str | None]) -> None:
        for name in section.get("regions", {}):
            if name not in kept and any(entry.get("region") == name for entry in section.get("watch", ())):
                raise SiteError(
                    f"the region {name!r} of the camera {camera!r} is watched, and cannot be removed",
                    hint=f"take it out of watch in {printable(self.path)} first; or give it another place or name",
                )

    def _node(self, camera: str) -> Node:
        cameras = layout(self.text).get("cameras")
        node = cameras and cameras.get(camera)
        if not node or node.kind != "mapping":
            raise self._unchangeable(camera)
        return node

    def _with(self, changes: Sequence[Change], values: Mapping[str, Any], camera: str) -> SiteText:
        """Apply changes, and see that they do what is meant: an anchor or a merge may carry them elsewhere."""
        try:
            text = changed(self.text, changes)
            found = plain(parse_yaml(text, self.path, _KIND), self.path)
        except (SiteError, ValueError):
            found = None
        if not _same(found, values):
            raise self._unchangeable(camera)
        try:
            read_site_text(text, self.path)
        except SiteError as error:
            raise SiteError(f"this would spoil the file: {error.message}", hint=error.hint) from error
        return replace(self, text=text, values=values)

    def _unchangeable(self, camera: str) -> SiteError:
        shared = _SHARED.search(self.text)
        why = "it is written in a way that only people understand"
        if shared:
            line = self.text.count("\n", 0, shared.end()) + 1
            why = f"there are values that stand in several places at once (&, * or <<, as on line {line})"
        return SiteError(f"{printable(self.path)}: the camera {camera!r} cannot be changed here: {why}", hint=_BY_HAND)


def rounded(polygon: Sequence[Point], size: tuple[int, int] | None = None) -> list[list[float]]:
    """The corners of a polygon as they are written.

    Args:
        polygon: in shares of the picture.
        size: width and height of the reference picture, where corners are written in its pixels.

    Returns:
        ``[x, y]`` each: shares to four digits; pixels to one, to two where the picture is small.
    """
    if size is None:
        return [[_short(round(x, 4)), _short(round(y, 4))] for x, y in polygon]
    digits = [1 if side >= _WIDE else 2 for side in size]
    return [[_short(round(v * side, n)) for v, side, n in zip(c, size, digits, strict=True)] for c in polygon]


def _short(number: float) -> float:
    """Without ``.0``."""
    return int(number) if number == int(number) else number


def _with_regions(
    section: Mapping[str, Any], regions: Sequence[tuple[str | None, Region]]
) -> tuple[dict[str, Any], set[str]]:
    """A camera's values with other regions, and the names of those whose corners are others."""
    size = None if section.get("reference") is None else parse_size(section["reference"])
    width, height = size or (1, 1)
    had = section.get("regions", {})
    order = {name: at for at, name in enumerate(had)}
    entries, moved = {}, set()
    for old, region in sorted(regions, key=lambda pair: order.get(pair[0] or "", len(order))):
        entry = dict(had.get(old, {}))
        before = {(x / width, y / height): [x, y] for x, y in entry.get("polygon", ())}
        # A corner that stays is written as it was, however exactly that is.
        corners = [before.get(p, new) for p, new in zip(region.polygon, rounded(region.polygon, size), strict=True)]
        if corners != entry.get("polygon"):
            entry["polygon"] = corners
            moved.add(region.name)
        if region.masked is not entry.get("mask", True):
            entry["mask"] = region.masked
        entries[region.name] = entry
    names = {old: region.name for old, region in regions}
    wanted = dict(section)
    if entries or "regions" in section:
        wanted["regions"] = entries
    if "watch" in section:
        wanted["watch"] = [
            {**entry, "region": names[entry["region"]]} if entry.get("region") in had else entry
            for entry in section["watch"]
        ]
    return wanted, moved


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise SiteError(f"{printable(path)} cannot be read: {error.strerror}", hint="name a site file") from error


def _same(one: Any, other: Any) -> bool:
    """Whether plain values are equal; the order of keys is no matter, and true is not 1."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(_same(value, other[key]) for key, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    return isinstance(one, bool) is isinstance(other, bool) and bool(one == other)

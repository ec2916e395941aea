"""How the text of a site file is changed so that a camera has other regions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from decisight.config.layout import STEP, Change, Node, in_brackets, line_end, line_start, on_lines, value_text

__all__ = ["RegionChanges"]


@dataclass(frozen=True, slots=True)
class RegionChanges:
    """The changes of a text that change the regions of one camera.

    Args:
        text: of the file.
        before: its values.
        after: what they shall be.
    """

    text: str
    before: Mapping[str, Any]
    after: Mapping[str, Any]

    def all(self, camera: Node, names: Mapping[str | None, str], moved: set[str]) -> list[Change]:
        """All of them, as far as it is plain where they go; what becomes of it is to be looked at.

        Args:
            camera: where its section stands.
            names: of the regions that stay, what each shall be called.
            moved: the regions whose corners are others than before, by the names that they shall have.
        """
        had = self.before.get("regions", {})
        new = {name: entry for name, entry in self.after.get("regions", {}).items() if name not in names.values()}
        section = camera.get("regions")
        if section is None or section.kind != "mapping":
            return self._section(camera, new) if new else []
        found = self._watch(camera, names)
        for key, entry in section.pairs:
            if (name := names.get(key.text)) is None:
                continue
            if name != key.text:
                found.append(Change(key.start, key.end, value_text(name, key.quote)))
            found += self._entry(entry, had[key.text], self.after["regions"][name], name in moved)
        return found + self._fewer(camera, section, names, new)

    def _entry(self, entry: Node, had: Mapping[str, Any], want: Mapping[str, Any], moved: bool) -> list[Change]:
        found = []
        polygon, mask = entry.pair("polygon"), entry.get("mask")
        if moved and polygon is not None:
            found += self._polygon(*polygon, had["polygon"], want["polygon"])
        if had.get("mask", True) != want.get("mask", True):
            if mask is not None:
                found.append(Change(mask.start, mask.end, value_text(want["mask"])))
            elif entry.flow:
                found.append(in_brackets(entry, f"mask: {value_text(want['mask'])}"))
            elif entry.pairs:
                line = " " * entry.pairs[0][0].column + f"mask: {value_text(want['mask'])}"
                found.append(on_lines(self.text, entry.end, [line]))
        return found

    def _polygon(self, key: Node, value: Node, had: Sequence[Any], want: Sequence[Any]) -> list[Change]:
        corners = value.items
        if len(had) == len(want) == len(corners) and all(c.kind == "list" and c.flow for c in corners):
            return [
                Change(corner.start, corner.end, value_text(new))
                for corner, old, new in zip(corners, had, want, strict=True)
                if list(old) != list(new)
            ]
        if value.flow:
            return [Change(value.start, value.end, value_text(want))]
        # A list in lines becomes one in brackets; what was remarked beside its key stays.
        between = self.text[key.end : value.start]
        remark = between[between.index("#") :].splitlines()[0].rstrip() if "#" in between else ""
        return [Change(key.end, value.end, f": {value_text(want)}" + (f"  {remark}" if remark else ""))]

    def _watch(self, camera: Node, names: Mapping[str | None, str]) -> list[Change]:
        watch = camera.get("watch")
        found = []
        for entry in watch.items if watch else ():
            region = entry.get("region")
            if region is not None and names.get(region.text, region.text) != region.text:
                found.append(Change(region.start, region.end, value_text(names[region.text], region.quote)))
        return found

    def _fewer(
        self, camera: Node, section: Node, names: Mapping[str | None, str], new: Mapping[str, Any]
    ) -> list[Change]:
        """Entries that are removed, and those that are new."""
        pairs = section.pairs
        gone = [at for at, (key, _) in enumerate(pairs) if key.text not in names]
        if section.flow:
            entries = ", ".join(f"{value_text(name)}: {value_text(entry)}" for name, entry in new.items())
            if gone and len(gone) == len(pairs):
                return [Change(pairs[0][0].start, pairs[-1][1].end, entries)]
            found = _out_of_flow(pairs, gone) if gone else []
            return [*found, in_brackets(section, entries)] if entries else found
        found = [
            Change(line_start(self.text, pairs[at][0].start), line_end(self.text, pairs[at][1].end), "") for at in gone
        ]
        indent = " " * pairs[0][0].column
        lines = [f"{indent}{value_text(name)}: {value_text(entry)}" for name, entry in new.items()]
        if lines:
            return [*found, on_lines(self.text, section.end, lines)]
        if gone and len(gone) == len(pairs) and (pair := camera.pair("regions")) is not None:
            colon = self.text.index(":", pair[0].end) + 1
            found.append(Change(colon, colon, " {}"))
        return found

    def _section(self, camera: Node, new: Mapping[str, Any]) -> list[Change]:
        """All of ``regions``, for a camera that has none: behind what says how its pictures come."""
        if camera.pair("regions") is not None or not camera.pairs:
            return []
        key, value = _last_of(camera)
        if camera.flow:
            return [in_brackets(camera, f"regions: {value_text(new)}", after=value)]
        indent = " " * key.column
        lines = [f"{indent}regions:", *(f"{indent}{STEP}{value_text(n)}: {value_text(e)}" for n, e in new.items())]
        return [on_lines(self.text, value.end, lines)]


def _last_of(camera: Node) -> tuple[Node, Node]:
    """The last of the keys that say how pictures come, or else the last of all."""
    found = [pair for pair in camera.pairs if pair[0].text in ("source", "fps", "reference")]
    return (found or camera.pairs)[-1]


def _out_of_flow(pairs: Sequence[tuple[Node, Node]], gone: Sequence[int]) -> list[Change]:
    """Some entries, not all, of a mapping in brackets taken out, each with a comma."""
    last = max(set(range(len(pairs))) - set(gone))
    found = [Change(pairs[at][0].start, pairs[at + 1][0].start, "") for at in gone if at < last]
    if last < len(pairs) - 1:
        found.append(Change(pairs[last][1].end, pairs[-1][1].end, ""))
    return found

"""What the page for regions works on: a camera of a site file, a picture of it, and the polygons. No page."""

from __future__ import annotations

import contextlib
import math
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from decisight.collecting.planning import Fill, fills_of
from decisight.config.editing import SiteText
from decisight.errors import DecisightError, OutputError, UsageError
from decisight.files import draft_of, printable
from decisight.imaging import encode_jpeg, encode_png, resize
from decisight.regions import Point, Region, parse_size
from decisight.server.console.polygons import Polygons, Shape, crosses_itself
from decisight.sources.taking import take_picture

if TYPE_CHECKING:
    from decisight.config import Site
    from decisight.imaging import Pixels
    from decisight.types import Frame

__all__ = ["RegionDesk", "told"]

_SHOWN = 1920
"""Pixels of the longer side that a picture is shown with, at most: more is loaded slowly, and seen by nobody."""
_PREVIEWED = 480
"""The same of what is cut out."""
_FEWEST = 8
"""Pixels along a side of what is cut out below which next to nothing can be seen in it."""
_OTHER_SHAPE = 0.02
"""By how much a picture's width / height may differ from that of the reference before its polygons lie elsewhere."""
_LOOKED_THROUGH = 300
"""Corners of a polygon up to which it is looked whether it crosses itself: every edge is compared with every other."""
_QUALITY = 95


@dataclass(slots=True)
class RegionDesk:
    """One camera, and what is drawn on its picture.

    Args:
        text: the site file.
        camera: its name.
    """

    text: SiteText
    camera: str
    site: Site = field(init=False)
    polygons: Polygons = field(init=False)
    frame: Frame | None = None
    """The picture that is shown."""
    problem: str | None = None
    """Why there is no other picture."""
    number: int = 0
    """Of the picture, counted up with each new one."""
    moment: float | None = None
    """Seconds from the beginning of a recording to the picture."""
    seconds: float | None = None
    """How long the recording is; ``None`` where it is none, or nobody knows."""
    _fills: dict[str | None, Fill] = field(default_factory=dict)
    _moving: Shape | None = None

    def __post_init__(self) -> None:
        self.polygons = Polygons()
        self._take(self.text)
        source = self.site.source(self.camera)
        with contextlib.suppress(DecisightError):
            self.seconds = None if source.live else source.facts().seconds

    @property
    def path(self) -> Path:
        """The site file."""
        return self.text.path

    # --- the picture ---

    def look(self, moment: float | None = None) -> bool:
        """Take a picture: of a live camera the newest; where none can be had, what is shown stays. May wait.

        Args:
            moment: seconds from the beginning of a recording.

        Returns:
            Whether there is a new one; :attr:`problem` says why not.
        """
        try:
            source = self.site.source(self.camera)
            self.frame = take_picture(source, at=moment)
        except DecisightError as error:
            self.problem = told(error)
            return False
        self.problem, self.moment = None, moment
        self.number += 1
        return True

    @property
    def size(self) -> tuple[int, int] | None:
        """Width and height of the picture."""
        if self.frame is None or self.frame.pixels is None:
            return None
        height, width = self.frame.pixels.shape[:2]
        return width, height

    @property
    def pixels(self) -> Pixels | None:
        """The picture as it came."""
        return None if self.frame is None else self.frame.pixels

    def shown(self) -> bytes:
        """The picture as a JPEG file of a size to be looked at; empty where there is none."""
        return b"" if self.pixels is None else encode_jpeg(_at_most(self.pixels, _SHOWN))

    # --- what is cut out ---

    def move(self, key: int, polygon: tuple[Point, ...] | None) -> None:
        """Show a region in a place where it is not put down yet; ``None``: where it is."""
        shape = self.polygons.shape(key)
        moved = None if polygon is None or shape is None else Shape(key, shape.name, polygon, shape.masked)
        self._moving = moved if moved is not None and _region(moved) is not None else None

    def cut(self, key: int) -> Pixels | None:
        """What of the picture the watcher gives to a model for a region; ``None`` where there is none."""
        shape = self._moving if self._moving is not None and self._moving.key == key else self.polygons.shape(key)
        region = None if shape is None else _region(shape)
        if region is None or shape is None or self.pixels is None:
            return None
        return region.cut(self.pixels, self.fill(shape))

    def fill(self, shape: Shape) -> Fill:
        """The colour that lies outside a region: that of the model that looks at it."""
        return self._fills.get(shape.written, self._fills[None])

    def preview(self, key: int) -> bytes:
        """The same as a PNG file, made smaller where it is large; empty where there is none."""
        crop = self.cut(key)
        return b"" if crop is None else encode_png(_at_most(crop, _PREVIEWED))

    def measure(self, shape: Shape) -> tuple[int, int] | None:
        """Width and height in pixels of what is cut out for a region."""
        region = _region(shape)
        if region is None or self.size is None:
            return None
        left, top, right, bottom = region.bounds(*self.size)
        return right - left, bottom - top

    # --- what is amiss ---

    def warnings(self, shape: Shape) -> list[str]:
        """What is likely not meant with a region, though it can be saved."""
        found = []
        if _is_crossed(shape.polygon):
            found.append("Its edges cross each other: what they go round twice lies outside.")
        measured = self.measure(shape)
        if measured is not None and min(measured) < _FEWEST:
            found.append(f"Only {measured[0]} x {measured[1]} pixels of this picture: next to nothing is seen in it.")
        return found

    def problems(self) -> list[str]:
        """Why nothing can be saved as it is."""
        found = [self.polygons.problem(shape) for shape in self.polygons.shapes]
        return list(dict.fromkeys(problem for problem in found if problem is not None))

    def note(self) -> str | None:
        """What is amiss with the picture."""
        reference = self.site.section.cameras[self.camera].reference
        if reference is None or self.size is None:
            return None
        (width, height), (x, y) = parse_size(reference), self.size
        if abs(math.log(x * height / (y * width))) <= _OTHER_SHAPE:
            return None
        return (
            f"This picture of {x} x {y} has other proportions than the reference {reference} in the site file: regions "
            "may lie elsewhere than they were drawn."
        )

    def is_watched(self, name: str | None) -> bool:
        """Whether the site file watches a region that is called so in it."""
        return name is not None and any(watch.region == name for watch in self.site.section.cameras[self.camera].watch)

    def remove(self, key: int) -> None:
        """Remove a region.

        Raises:
            UsageError: the site file watches it.
        """
        shape = self.polygons.shape(key)
        if shape is not None and self.is_watched(shape.written):
            raise UsageError(
                f"{shape.written} is watched: take it out of watch in {printable(self.path.name)} first, then remove "
                "it here. Or move it, or give it another name."
            )
        self.polygons.remove(key)

    # --- writing ---

    def save(self) -> list[str]:
        """Write the regions into the site file, if nobody else has changed it.

        Returns:
            What was changed, in words.

        Raises:
            DecisightError: nothing was written, and why.
        """
        problems = self.problems()
        if problems:
            raise UsageError("; ".join(problems))
        changes = self.polygons.changes()
        regions = [(shape.written, shape.region()) for shape in self.polygons.shapes]
        self._take(self.text.with_regions(self.camera, regions).save())
        return changes

    def saved_names(self) -> list[str]:
        """The names of the camera's regions in the site file: as it is now, or where it cannot be read as it was."""
        site = self.site
        with contextlib.suppress(DecisightError):
            site = SiteText.read(self.path).site()
        return list(site.regions(self.camera)) if self.camera in site.section.cameras else []

    def is_stale(self) -> bool:
        """Whether somebody else has changed the site file since it was read."""
        try:
            return SiteText.read(self.path).content != self.text.content
        except DecisightError:
            return True

    def read_again(self, *, keep: bool) -> None:
        """Take up the site file as it is now.

        Args:
            keep: go on with the regions as they are drawn here; else those of the file are taken.

        Raises:
            SiteError: it cannot be read, or the camera is not in it any more.
        """
        text = SiteText.read(self.path)
        if self.camera not in text.values["cameras"]:
            raise UsageError(f"{printable(self.path)} has no camera {self.camera} any more")
        if keep:
            self.text, self.site = text, text.site()
            self.polygons.merge(self.site.regions(self.camera).values())
        else:
            self._take(text)

    def reference_place(self) -> Path:
        """Where the reference picture goes: beside the site file."""
        return self.path.parent / f"{self.camera}-reference.jpg"

    def save_reference(self, *, replace: bool = False) -> Path:
        """Write the picture, in full, for the gate ``moved``.

        Args:
            replace: also where there is one already.

        Raises:
            OutputError: there is one already, it cannot be written, or there is no picture.
        """
        place = self.reference_place()
        if self.pixels is None:
            raise OutputError("there is no picture to save")
        if place.exists() and not replace:
            raise OutputError(f"{printable(place)} is there already")
        with draft_of(place) as draft:
            draft.write_bytes(encode_jpeg(self.pixels, quality=_QUALITY))
        return place

    def _take(self, text: SiteText) -> None:
        self.text, self.site = text, text.site()
        self.polygons.take(self.site.regions(self.camera).values())
        self._fills = _fills(self.site, self.camera)


def told(error: DecisightError) -> str:
    """An error in a line. Its first word may be a name, which stays as it is written."""
    return f"{error.message} ({error.hint})" if error.hint else error.message


def _region(shape: Shape) -> Region | None:
    """The region, whatever it is called."""
    with contextlib.suppress(UsageError):
        return Region("region", shape.polygon, shape.masked)
    return None


@lru_cache(maxsize=256)
def _is_crossed(polygon: tuple[Point, ...]) -> bool:
    return len(polygon) <= _LOOKED_THROUGH and crosses_itself(polygon)


def _at_most(pixels: Pixels, side: int) -> Pixels:
    height, width = pixels.shape[:2]
    scale = side / max(height, width)
    if scale >= 1:
        return pixels
    return resize(pixels, (max(1, round(width * scale)), max(1, round(height * scale))))


def _fills(site: Site, camera: str) -> dict[str | None, Fill]:
    """The mean colour of the model of each region that is watched; under ``None`` that for all others."""
    from decisight.models.model_file import read_model

    colours: dict[str, Fill] = {}
    for name, model in site.section.models.items():
        # One that is yet to be trained may be named already.
        with contextlib.suppress(DecisightError):
            colours[name] = read_model(site.folder / model.path).card.preprocessing.fill
    return fills_of(site, camera, colours)

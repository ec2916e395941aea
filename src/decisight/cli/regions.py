"""Regions of interest on the command line: what was asked for, and what about them is worth a warning."""

from __future__ import annotations

import math
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from decisight.cli.console import warn
from decisight.regions import Region, parse_regions, parse_size

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

__all__ = ["RegionRequest", "RegionWatch", "learnt_masked", "learnt_shapes", "warn_of_whole_pictures"]

_FEWEST = 8
"""Pixels along a side of what is cut out below which next to nothing can be seen in it."""
_OTHER_SHAPE = 0.02
"""By how much a picture's width / height may differ from that of the reference before its polygons lie elsewhere."""
_FAR = 1.5
"""By what factor the shape of a region may lie outside those that a model has learnt from."""
_THINNEST = 1e-6
"""The least width / height that a picture can have."""


@dataclass(frozen=True, slots=True)
class RegionRequest:
    """Regions as a command is given them.

    Args:
        texts: each ``NAME=x,y x,y x,y ...``.
        reference: ``1920x1080``, the size that corners in pixels were measured on.
        crop_only: what lies in a region's rectangle but outside its polygon is left as it is.
    """

    texts: Sequence[str] = ()
    reference: str | None = None
    crop_only: bool = False

    def size(self) -> tuple[int, int] | None:
        """Width and height of the reference, where there is one.

        Raises:
            UsageError: it is no size.
        """
        return None if self.reference is None else parse_size(self.reference)

    def regions(self) -> tuple[Region, ...]:
        """The regions, in their order. Options that do nothing without one are warned of.

        Raises:
            UsageError: one is not understood, or two have one name.
        """
        found = parse_regions(self.texts, reference=self.size(), masked=not self.crop_only)
        for option, given in (("--reference", self.reference is not None), ("--crop-only", self.crop_only)):
            if given and not found:
                warn(f"{option} does nothing without --region: all of every picture is looked at")
        return found


def warn_of_whole_pictures(data: Mapping[str, Any], cameras: Sequence[str] = ()) -> None:
    """Say so where a model has learnt from a region of its pictures, and is about to look at all of others.

    Args:
        data: what the model's card says of its training data.
        cameras: of a site, whose pictures they are; none: a command names the pictures itself.
    """
    learnt = data.get("regions")
    if isinstance(learnt, dict) and learnt:
        names = ", ".join(repr(name) for name in list(learnt)[:5])
        more = f" and {len(cameras) - 5} more" if len(cameras) > 5 else ""
        where = f" of {', '.join(cameras[:5])}{more}" if cameras else ""
        warn(
            f"the model learnt from a region of its pictures ({names}), and here all of every picture{where} is looked "
            "at",
            "name it under `regions` of the camera, and as `region` under its `watch`, unless the pictures are cut out "
            "already"
            if cameras
            else "give the region with --region, unless the pictures are cut out already",
        )


@dataclass(slots=True)
class RegionWatch:
    """Looks at what is cut out of pictures, and notes what is likely not meant; each only once.

    Args:
        data: what the model's card says of its training data. It comes from a file that anybody may have made.
        reference: width and height that the corners were measured on, where they were given in pixels.
    """

    data: Mapping[str, Any]
    reference: tuple[int, int] | None = None
    _noted: dict[tuple[str, str], str] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def complaints(self) -> list[str]:
        """What was noted, in words, in the order in which it was seen."""
        with self._lock:
            return list(self._noted.values())

    def over(self, region: Region) -> Region:
        """The same region; what it cuts out from now on is looked at."""
        learnt = learnt_masked(self.data)
        if learnt is not None and learnt is not region.masked and not _is_box(region):
            advice = "leave out --crop-only" if learnt else "say --crop-only"
            was, here = ("masked", "only cropped") if learnt else ("only cropped", "masked")
            self._note("masked", "", f"the model learnt from regions that were {was}; here they are {here}: {advice}")
        return _Watched(region.name, region.polygon, region.masked, watch=self)

    def look(self, region: Region, picture: tuple[int, int], cut: tuple[int, int]) -> None:
        """Note what is amiss with a region on a picture. May be called from several threads at once.

        Args:
            region: the region.
            picture: width and height of all of the picture, in pixels.
            cut: width and height of what was cut out.
        """
        width, height = cut
        if min(cut) < _FEWEST:
            of = f"a picture of {picture[0]}x{picture[1]}"
            self._note("tiny", region.name, f"the region {region.name!r} is only {width}x{height} pixels of {of}")
        elif (span := learnt_shapes(self.data)) and not span[0] / _FAR <= width / height <= span[1] * _FAR:
            self._note(
                "shape",
                region.name,
                f"the region {region.name!r} is {width / height:.2f} times as wide as high ({width}x{height} pixels), "
                f"and most pictures that the model learnt from were {span[0]:.2f} to {span[1]:.2f} times",
            )
        if self.reference and abs(math.log(picture[0] * self.reference[1] / (picture[1] * self.reference[0]))) > (
            _OTHER_SHAPE
        ):
            self._note(
                "reference",
                "",
                f"a picture of {picture[0]}x{picture[1]} has other proportions than --reference "
                f"{self.reference[0]}x{self.reference[1]}: there, regions do not lie where they were drawn",
            )

    def _note(self, kind: str, name: str, text: str) -> None:
        with self._lock:
            self._noted.setdefault((kind, name), text)


@dataclass(frozen=True, slots=True)
class _Watched(Region):
    """A region that tells what it cuts out."""

    watch: RegionWatch = field(kw_only=True, compare=False, repr=False)

    def cut(self, picture: npt.NDArray[np.uint8], fill: tuple[int, int, int]) -> npt.NDArray[np.uint8]:
        crop = Region.cut(self, picture, fill)
        self.watch.look(self, (picture.shape[1], picture.shape[0]), (crop.shape[1], crop.shape[0]))
        return crop


def learnt_shapes(data: Mapping[str, Any]) -> tuple[float, float] | None:
    """Between which widths by heights nine tenths of a model's training pictures were.

    Args:
        data: what the model's card says of its training data.

    Returns:
        The 5 % and the 95 % quantile; ``None`` where the card does not say so in a way that can be used.
    """
    shapes = data.get("shapes")
    quantiles = shapes.get("width_by_height") if isinstance(shapes, dict) else None
    if not isinstance(quantiles, dict):
        return None
    low, high = _positive(quantiles.get("p5")), _positive(quantiles.get("p95"))
    return (low, high) if low and high and low <= high else None


def learnt_masked(data: Mapping[str, Any]) -> bool | None:
    """Whether the regions that a model was trained on were masked.

    Args:
        data: what the model's card says of its training data.

    Returns:
        ``None`` where it was trained on whole pictures, on some of each, or the card does not say so in a way that can
        be used.
    """
    regions = data.get("regions")
    if not isinstance(regions, dict):
        return None
    found = [region.get("masked") if isinstance(region, dict) else None for region in regions.values()]
    # By identity: 1 and 1.0 are equal to True.
    for value in (True, False):
        if found and all(masked is value for masked in found):
            return value
    return None


def _is_box(region: Region) -> bool:
    """Whether a mask would paint over nothing, as far as a small picture shows."""
    side = 64
    left, top, right, bottom = region.bounds(side, side)
    return bool(region.mask(side, side)[top:bottom, left:right].all())


def _positive(value: object) -> float | None:
    """A JSON value as a number above 0 that a width by a height can be, where it is one."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    return float(value) if _THINNEST < value < 1 / _THINNEST else None

"""The polygons that are being drawn: their corners, what is chosen, undo and redo. No page, no picture."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from decisight.errors import UsageError
from decisight.regions import Point, Region

__all__ = ["Polygons", "Shape", "crosses_itself", "is_made_up"]

_DIGITS = 4
"""Of a corner, as it is written: a ten-thousandth of the picture."""
_SMALLEST = 0.001
"""Of a box, as a share of the picture: less is a click."""
_MOST_UNDONE = 200
_MADE_UP = "region-"


@dataclass(frozen=True, slots=True)
class Shape:
    """A region as it is drawn.

    Args:
        key: that it keeps whatever it is called.
        name: what decisions call it.
        polygon: its corners in shares of the picture.
        masked: whether what lies outside is painted over.
        written: its name in the site file; ``None`` where it is not there yet.
    """

    key: int
    name: str
    polygon: tuple[Point, ...]
    masked: bool = True
    written: str | None = None

    def region(self) -> Region:
        """The same as the watcher takes it.

        Raises:
            UsageError: it is none; see :class:`~decisight.regions.Region`.
        """
        return Region(self.name, self.polygon, self.masked)


@dataclass(slots=True)
class Polygons:
    """The regions of a camera while they are drawn.

    Points are shares of the picture, cut off at its edges and rounded as they are written. What changes a region can
    be undone. What is chosen is one region, and of it perhaps one corner.

    Args:
        shapes: the regions, in their order.
        draft: corners of one that is not closed yet.
        chosen: the key of the region that is chosen.
        corner: which of its corners is.
    """

    shapes: tuple[Shape, ...] = ()
    draft: tuple[Point, ...] = ()
    chosen: int | None = None
    corner: int | None = None
    _written: tuple[Shape, ...] = ()
    _past: list[tuple[Shape, ...]] = field(default_factory=list)
    _future: list[tuple[Shape, ...]] = field(default_factory=list)
    _keys: int = 0
    _naming: int | None = None
    """The region that was called otherwise by the last change."""

    @classmethod
    def of(cls, regions: Iterable[Region]) -> Polygons:
        """Those of regions that are in the site file."""
        found = cls()
        found.take(regions)
        return found

    def take(self, regions: Iterable[Region]) -> None:
        """Begin with regions as they are in the site file; what was drawn before is dropped, what is chosen is kept."""
        keys = {shape.name: shape.key for shape in self.shapes}
        self.shapes = tuple(
            Shape(keys.get(r.name) or self._key(), r.name, r.polygon, r.masked, r.name) for r in regions
        )
        self._written, self._past, self._future, self.draft = self.shapes, [], [], ()
        self._naming = None
        self.choose(self.chosen, self.corner)

    def merge(self, regions: Iterable[Region]) -> None:
        """Take up what the site file has become, and keep what was drawn here.

        Regions that are gone from it are new to it; those that have come to it are here too.
        """
        found = {region.name: region for region in regions}
        known = {shape.name for shape in self._written}
        come = tuple(
            Shape(self._key(), r.name, r.polygon, r.masked, r.name) for r in found.values() if r.name not in known
        )
        self._past, self._future, self._naming = [], [], None
        self.shapes = (*(s if s.written in found else replace(s, written=None) for s in self.shapes), *come)
        stayed = tuple(
            replace(s, polygon=found[s.name].polygon, masked=found[s.name].masked)
            for s in self._written
            if s.name in found
        )
        self._written = (*stayed, *come)

    # --- what there is ---

    @property
    def changed(self) -> bool:
        """Whether saving would change the site file."""
        return self.shapes != self._written

    def shape(self, key: int) -> Shape | None:
        """The region of a key."""
        return next((shape for shape in self.shapes if shape.key == key), None)

    @property
    def removed(self) -> tuple[str, ...]:
        """The names of regions that are in the site file and no more here."""
        kept = {shape.written for shape in self.shapes}
        return tuple(shape.name for shape in self._written if shape.name not in kept)

    def changes(self) -> list[str]:
        """What saving would do, in words, one a region."""
        before = {shape.written: shape for shape in self._written}
        told = []
        for shape in self.shapes:
            old = before.get(shape.written) if shape.written is not None else None
            if old is None:
                told.append(f"{shape.name} is new")
                continue
            what = [
                *([f"renamed to {shape.name}"] if shape.name != old.name else ()),
                *(["moved"] if shape.polygon != old.polygon else ()),
                *([("masked" if shape.masked else "no longer masked")] if shape.masked is not old.masked else ()),
            ]
            if what:
                told.append(f"{old.name} {' and '.join(what)}")
        return told + [f"{name} removed" for name in self.removed]

    def problem(self, shape: Shape) -> str | None:
        """Why a region cannot be saved, as far as it can be seen; ``None`` where it can."""
        if [other.name for other in self.shapes].count(shape.name) > 1:
            return f"two regions are called {shape.name!r}: give each a name of its own"
        try:
            shape.region()
        except UsageError as error:
            return f"{error.message}: {error.hint}" if "name" in error.message else error.message
        return None

    # --- drawing ---

    def add_corner(self, point: Point) -> None:
        """One more corner of the polygon that is being drawn."""
        point = _within(point)
        if not self.draft or self.draft[-1] != point:
            self.choose(None)
            self.draft = (*self.draft, point)

    def close(self) -> bool:
        """Make a region of the polygon that is being drawn, and choose it; false where it has too few corners."""
        if len(set(self.draft)) < 3:
            return False
        polygon, self.draft = self.draft, ()
        self._add(polygon)
        return True

    def add_box(self, one: Point, other: Point) -> bool:
        """Make a region of an upright box by two of its corners, and choose it; false where there is next to none."""
        (left, right), (top, bottom) = (sorted(pair) for pair in zip(_within(one), _within(other), strict=True))
        if right - left < _SMALLEST or bottom - top < _SMALLEST:
            return False
        self._add(((left, top), (right, top), (right, bottom), (left, bottom)))
        return True

    def cancel(self) -> None:
        """Drop the polygon that is being drawn; where there is none, choose nothing."""
        if not self.draft:
            self.choose(None)
        self.draft = ()

    # --- changing ---

    def choose(self, key: int | None, corner: int | None = None) -> None:
        """Choose a region, and perhaps one of its corners; ``None``: nothing."""
        shape = None if key is None else self.shape(key)
        self.chosen = None if shape is None else key
        self.corner = corner if shape is not None and corner in range(len(shape.polygon)) else None

    def move_corner(self, key: int, corner: int, point: Point) -> None:
        """Put a corner elsewhere."""
        shape = self.shape(key)
        if shape is not None and corner in range(len(shape.polygon)):
            polygon = [*shape.polygon[:corner], _within(point), *shape.polygon[corner + 1 :]]
            self._replace(replace(shape, polygon=tuple(polygon)))
            self.choose(key, corner)

    def insert_corner(self, key: int, before: int, point: Point) -> None:
        """Put a new corner before another one; ``before`` may be the number of corners."""
        shape = self.shape(key)
        if shape is not None and before in range(len(shape.polygon) + 1):
            polygon = [*shape.polygon[:before], _within(point), *shape.polygon[before:]]
            self._replace(replace(shape, polygon=tuple(polygon)))
            self.choose(key, before)

    def shift(self, key: int, by: Point) -> None:
        """Move all of a region, as far as the picture reaches."""
        shape = self.shape(key)
        if shape is not None:
            dx, dy = (_cut_off(d, [c[axis] for c in shape.polygon]) for axis, d in enumerate(by))
            self._replace(replace(shape, polygon=tuple(_within((x + dx, y + dy)) for x, y in shape.polygon)))

    def nudge(self, by: Point) -> None:
        """Move what is chosen: a corner, or all of a region."""
        shape = None if self.chosen is None else self.shape(self.chosen)
        if shape is None:
            return
        if self.corner is None:
            self.shift(shape.key, by)
        else:
            x, y = shape.polygon[self.corner]
            self.move_corner(shape.key, self.corner, (x + by[0], y + by[1]))

    def delete(self) -> bool:
        """Remove what is chosen: a corner where there are more than three, else the region; while drawing the last one.

        Returns:
            Whether there was anything.
        """
        if self.draft:
            self.draft = self.draft[:-1]
            return True
        shape = None if self.chosen is None else self.shape(self.chosen)
        if shape is None:
            return False
        if self.corner is not None and len(shape.polygon) > 3:
            polygon = shape.polygon[: self.corner] + shape.polygon[self.corner + 1 :]
            self._replace(replace(shape, polygon=polygon))
            self.choose(shape.key)
        else:
            self.remove(shape.key)
        return True

    def remove(self, key: int) -> None:
        """Remove a region."""
        self._set(tuple(shape for shape in self.shapes if shape.key != key))
        self.choose(None)

    def rename(self, key: int, name: str) -> None:
        """Call a region otherwise; what is written letter by letter is undone as one."""
        shape = self.shape(key)
        if shape is not None and (name := " ".join(name.split())) != shape.name:
            goes_on = self._naming == key and bool(self._past)
            self._replace(replace(shape, name=name))
            if goes_on:
                self._past.pop()
            self._naming = key

    def mask(self, key: int, masked: bool) -> None:
        """Say whether what lies outside a region is painted over."""
        shape = self.shape(key)
        if shape is not None:
            self._replace(replace(shape, masked=masked))

    # --- undoing ---

    @property
    def can_undo(self) -> bool:
        """Whether there is anything to undo."""
        return bool(self.draft or self._past)

    @property
    def can_redo(self) -> bool:
        """Whether anything was undone that can be done again."""
        return bool(self._future)

    def undo(self) -> None:
        """Take back the last change; while drawing the last corner."""
        if self.draft:
            self.draft = self.draft[:-1]
        elif self._past:
            self._future.append(self.shapes)
            self._show(self._past.pop())

    def redo(self) -> None:
        """Do again what was undone last."""
        if self._future:
            self._past.append(self.shapes)
            self._show(self._future.pop())

    def _show(self, shapes: tuple[Shape, ...]) -> None:
        """Take up other shapes, and choose the one that differs."""
        self._naming = None
        differing = [shape.key for shape in shapes if shape not in self.shapes]
        self.shapes = shapes
        self.choose(differing[0] if differing else self.chosen)

    def _add(self, polygon: tuple[Point, ...]) -> None:
        shape = Shape(self._key(), self._new_name(), polygon)
        self._set((*self.shapes, shape))
        self.choose(shape.key)

    def _replace(self, shape: Shape) -> None:
        self._set(tuple(shape if other.key == shape.key else other for other in self.shapes))

    def _set(self, shapes: tuple[Shape, ...]) -> None:
        if shapes != self.shapes:
            self._past = [*self._past, self.shapes][-_MOST_UNDONE:]
            self._future, self._naming = [], None
            self.shapes = shapes

    def _key(self) -> int:
        self._keys += 1
        return self._keys

    def _new_name(self) -> str:
        taken = {shape.name for shape in (*self.shapes, *self._written)}
        return next(name for at in range(1, len(taken) + 2) if (name := f"{_MADE_UP}{at}") not in taken)


def is_made_up(name: str) -> bool:
    """Whether nobody has given this name yet."""
    return name.startswith(_MADE_UP)


def crosses_itself(polygon: Sequence[Point]) -> bool:
    """Whether two edges of a polygon that are no neighbours meet."""
    edges = list(zip(polygon, [*polygon[1:], polygon[0]], strict=True))
    return any(
        _meet(*edges[one], *edges[other])
        for one in range(len(edges))
        for other in range(one + 2, len(edges) - (one == 0))
    )


def _meet(a: Point, b: Point, c: Point, d: Point) -> bool:
    if max(a[0], b[0]) < min(c[0], d[0]) or max(c[0], d[0]) < min(a[0], b[0]):
        return False
    if max(a[1], b[1]) < min(c[1], d[1]) or max(c[1], d[1]) < min(a[1], b[1]):
        return False
    return _side(a, b, c) * _side(a, b, d) <= 0 and _side(c, d, a) * _side(c, d, b) <= 0


def _side(a: Point, b: Point, c: Point) -> float:
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


def _within(point: Point) -> Point:
    x, y = (round(min(1.0, max(0.0, value)), _DIGITS) for value in point)
    return x, y


def _cut_off(by: float, values: Sequence[float]) -> float:
    return min(max(by, -min(values)), 1.0 - max(values))

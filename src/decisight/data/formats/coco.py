"""COCO JSON: every box around a thing becomes an example."""

from __future__ import annotations

import math
import os
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from decisight.data.dataset import Skipped
from decisight.data.formats import formats
from decisight.data.formats.base import Asked
from decisight.data.formats.cells import (
    FILE_NAME,
    SPLIT,
    check_splits,
    located,
    read_cell,
    read_split,
    wanted_columns,
    why_missing,
    without_repeats,
)
from decisight.data.formats.folders import split_folders, subfolders
from decisight.data.formats.json_document import finite, read_json_object
from decisight.data.records import Cell, Record, Table, composed, is_label, split_named
from decisight.errors import DataError, UsageError
from decisight.imaging import printable
from decisight.imaging.reference import upright_size
from decisight.regions import Region
from decisight.types import DEFAULT_GROUP

__all__ = ["Coco"]

_NAMES = re.compile(r"annotations\.json|_annotations\.coco\.json|instances_([^/\\]+)\.json")
_INSTANCES = re.compile(r"instances_([^/\\]+)\.json")
_OVERHANG_SHARE, _OVERHANG_PIXELS = 0.02, 2.0
"""A box may reach beyond the picture by so much of its side, or by so many pixels: drawn by hand, rounded by tools."""
_OTHER_SHAPE = 0.02
"""By how much of itself a picture's width / height may differ from what is stated: sizes are rounded."""
_EXAMPLE = '{"id": 1, "image_id": 1, "category_id": 1, "bbox": [left, top, width, height]}'


@formats.register("coco")
@dataclass(frozen=True)
class Coco:
    """COCO JSON: ``images``, ``annotations`` and ``categories``.

    A ``.json`` file by its path; or a folder with ``annotations.json``, ``_annotations.coco.json`` or
    ``instances_*.json``, in itself, in its ``annotations/``, or in each of its ``train/ val/ test/``. The pictures lie
    beside the file, in ``images/``, in the folder that ``instances_NAME.json`` names, or where ``file_name`` leads.

    Each annotation's ``bbox`` is an example: the region of the picture, its category the label of the group ``class``.
    Boxes are pixels of the upright picture of the ``width`` and ``height`` given; where the header of the picture's
    file says that it has other proportions, they are left out. The picture is the source. The split
    is that of the folder, of ``instances_train.json``, or what ``split`` of the picture or of the annotation's
    ``attributes`` says. Other ``attributes`` (as CVAT writes them) are groups where they are asked for, or where the
    model has them.
    """

    title: ClassVar[str] = "COCO JSON"
    suffixes: ClassVar[tuple[str, ...]] = (".json",)
    order: ClassVar[int] = 20

    def recognises(self, path: Path) -> bool:
        """See :class:`~decisight.data.formats.base.Format`."""
        if not path.is_dir():
            return path.suffix.lower() == ".json"
        within = [inner for inner in subfolders(path) if split_named(inner.name) or inner.name == "annotations"]
        return any(_documents_in(folder) for folder in (path, *within))

    def read(self, path: Path, asked: Asked) -> Table:
        """See :class:`~decisight.data.formats.base.Format`; annotations that cannot be used come to ``skipped``."""
        documents = [
            _Document.read(file, split, path) for split, file in (_documents_of(path) if path.is_dir() else _one(path))
        ]
        if not any(document.annotations for document in documents):
            raise DataError(
                f"{printable(path)}: there is no annotation in it",
                hint=f"each thing to learn from needs one, for example {_EXAMPLE}",
            )
        attributes = sorted({name for document in documents for name in document.attributes()})
        columns = _columns(path, attributes, asked)
        records: list[Record] = []
        skipped: list[Skipped] = []
        for document in documents:
            records.extend(document.records(columns, skipped))
        if not records and skipped:
            raise DataError(
                f"{printable(path)}: none of its annotations can be used; the first: "
                f"{printable(skipped[0].path)}: {skipped[0].why}",
                hint="file_name is relative to the folder of the JSON file, or to images/ in it; a bbox is pixels",
            )
        check_splits(records)
        records, repeated = without_repeats(records)
        return Table(path, columns, tuple(records), (*skipped, *repeated), chosen=True)


def _columns(root: Path, attributes: Sequence[str], asked: Asked) -> tuple[str, ...]:
    """The category alone, unless attributes are asked for by name, or known to the model."""
    known = (DEFAULT_GROUP, *(name for name in attributes if name != DEFAULT_GROUP))
    if asked.groups is None:
        return tuple(name for name in known if name in asked.known) or (DEFAULT_GROUP,)
    try:
        return wanted_columns(root, known, asked)
    except UsageError as error:
        shown = ", ".join(known[:20]) + (" ..." if len(known) > 20 else "")
        raise UsageError(
            error.message, hint=f"the category is 'class', and there are the attributes: {shown}"
        ) from None


def _documents_in(folder: Path) -> list[Path]:
    try:
        names = sorted(os.listdir(folder))
    except OSError as error:
        raise DataError(
            f"{printable(folder)}: the folder cannot be read: {error.strerror}", hint="check its permissions"
        ) from error
    return [folder / name for name in names if _NAMES.fullmatch(name) and (folder / name).is_file()]


def _one(path: Path) -> list[tuple[str | None, Path]]:
    return [(_split_in_name(path), path)]


def _documents_of(root: Path) -> list[tuple[str | None, Path]]:
    """The JSON files of a folder, each with the split that it is of.

    Raises:
        DataError: one split has such a file and another has not, or a folder has several and they name no splits.
    """
    for folder in (root, root / "annotations"):
        found = [(_split_in_name(path), path) for path in _documents_in(folder)] if folder.is_dir() else []
        splits = [split for split, _ in found]
        if len(found) > 1 and (None in splits or len(set(splits)) < len(splits)):
            named = ", ".join(printable(path.name) for _, path in found)
            raise DataError(
                f"{printable(folder)}: it holds several files of annotations: {named}",
                hint="give the path of one; or call them instances_train.json, instances_val.json, instances_test.json",
            )
        if found:
            return found
    parts: list[tuple[str | None, Path]] = []
    for split, folder in split_folders(root, marked=lambda folder: bool(_documents_in(folder))):
        inner = _documents_in(folder)
        if len(inner) != 1:
            raise DataError(
                f"{printable(folder)}: it holds {len(inner)} files of annotations, where one is needed",
                hint="each split's folder needs one, called annotations.json",
            )
        parts.append((split, inner[0]))
    return parts


def _split_in_name(path: Path) -> str | None:
    """The split that ``instances_train.json`` or ``instances_val2017.json`` names."""
    found = _INSTANCES.fullmatch(path.name)
    return split_named(found[1].rstrip("0123456789_-")) if found else None


@dataclass(frozen=True, slots=True)
class _Picture:
    path: Path
    there: bool
    source: str
    width: float | None
    height: float | None
    split: object
    _checked: list[str] = field(default_factory=list, init=False, repr=False, compare=False)
    """Why it cannot be used, once somebody has looked."""

    def unusable(self, where: str) -> str:
        """Why boxes on it cannot be used: there is no such file, or it has another shape; else nothing.

        The shape is what the header of the file says, where it can be read. Many tools measure a photo as it is stored,
        before it is turned as its camera was held: boxes would lie elsewhere, and nobody would be told.

        Args:
            where: the file of annotations, for messages.
        """
        if not self._checked:
            self._checked.append(self._other_shape() if self.there else why_missing(Record(self.path, (), where)))
        return self._checked[0]

    def _other_shape(self) -> str:
        size = upright_size(self.path)
        if size is None or self.width is None or self.height is None:
            return ""
        stretch = math.log(size[0] / size[1]) - (math.log(self.width) - math.log(self.height))
        if abs(stretch) <= _OTHER_SHAPE:
            return ""
        return (
            f"the picture is {size[0]} x {size[1]} when it stands upright, and its boxes are of one of "
            f"{self.width:g} x {self.height:g}: export them with a tool that turns photos by their EXIF orientation"
        )


@dataclass(slots=True)
class _Document:
    """One JSON file: its pictures and categories by id, and its annotations as they stand."""

    path: Path
    split: str | None
    pictures: dict[object, _Picture] = field(default_factory=dict)
    categories: dict[object, str] = field(default_factory=dict)
    annotations: list[Any] = field(default_factory=list)

    @classmethod
    def read(cls, path: Path, split: str | None, root: Path) -> _Document:
        """Read a file.

        Raises:
            DataError: it is not COCO JSON, or an id stands twice in it.
        """
        content = read_json_object(path)
        name = printable(path)
        for key in ("images", "annotations", "categories"):
            if not isinstance(content.get(key), list):
                raise DataError(
                    f"{name}: this is not COCO JSON: there is no list {key!r} in it",
                    hint="COCO JSON has the lists images, annotations and categories",
                )
        document = cls(path, split, annotations=content["annotations"])
        for at, entry in enumerate(content["categories"]):
            where = f"{name}, categories[{at}]"
            number, label = _category(entry, where)
            if document.categories.setdefault(number, label) != label:
                raise _twice(where, number)
        folders, above = _picture_folders(path), root if root.is_dir() else root.parent
        for at, entry in enumerate(content["images"]):
            where = f"{name}, images[{at}]"
            number, picture = _picture(entry, folders, where, above)
            if document.pictures.setdefault(number, picture) != picture:
                raise _twice(where, number)
        return document

    def attributes(self) -> Iterator[str]:
        """The names of the attributes of any annotation, but for the split."""
        for entry in self.annotations:
            if isinstance(entry, dict) and isinstance(entry.get("attributes"), dict):
                yield from (composed(name.strip()) for name in entry["attributes"] if name != SPLIT)

    def records(self, columns: Sequence[str], skipped: list[Skipped]) -> Iterator[Record]:
        """A record for each annotation that can be used; the others go to ``skipped``.

        Raises:
            DataError: an annotation says of its labels or its split what cannot be.
        """
        lost: Counter[tuple[Path, str]] = Counter()
        used: set[object] = set()
        for at, entry in enumerate(self.annotations):
            where = f"{printable(self.path)}, annotations[{at}]"
            if not isinstance(entry, dict):
                skipped.append(Skipped(self.path, f"annotations[{at}]: is not an object, such as {_EXAMPLE}"))
                continue
            key = _id(entry.get("image_id"))
            picture = self.pictures.get(key) if key is not None else None
            if picture is None:
                skipped.append(
                    Skipped(self.path, f"annotations[{at}]: there is no picture of the image_id that it has")
                )
                continue
            used.add(key)
            region = self._region(entry, picture)
            if isinstance(region, str):
                skipped.append(Skipped(picture.path, f"annotations[{at}] of {printable(self.path)}: {region}"))
            elif why := picture.unusable(printable(self.path)):
                lost[picture.path, why] += 1
            else:
                cells, split = self._cells(entry, columns, where), self._split_of(entry, picture, where)
                yield Record(picture.path, cells, where, split, picture.source, region)
        for (path, why), count in lost.items():
            skipped.append(Skipped(path, f"{why} ({count} boxes)" if count > 1 else why))
        if len(used) < len(self.pictures):
            skipped.append(Skipped(self.path, f"{len(self.pictures) - len(used)} pictures have no annotation"))

    def _region(self, entry: Mapping[str, Any], picture: _Picture) -> Region | str:
        """The box as a region, or why there is none."""
        category = _id(entry.get("category_id"))
        if category is None or category not in self.categories:
            return "there is no category of the category_id that it has"
        if entry.get("iscrowd") not in (None, 0, False):
            return "it marks a crowd (iscrowd), not one thing"
        if picture.width is None or picture.height is None:
            return "the picture's width and height are not given, or are no sizes"
        return _box(entry.get("bbox"), self.categories[category], picture.width, picture.height)

    def _cells(self, entry: Mapping[str, Any], columns: Sequence[str], where: str) -> tuple[Cell, ...]:
        given = entry.get("attributes")
        attributes = {composed(name.strip()): value for name, value in given.items()} if isinstance(given, dict) else {}
        return tuple(
            self.categories[_id(entry["category_id"])]
            if column == DEFAULT_GROUP
            else read_cell(attributes.get(column), f"{where}, {column!r}")
            for column in columns
        )

    def _split_of(self, entry: Mapping[str, Any], picture: _Picture, where: str) -> str | None:
        attributes = entry.get("attributes")
        inner = attributes.get(SPLIT) if isinstance(attributes, dict) else None
        own = next((value for value in (entry.get(SPLIT), inner, picture.split) if value is not None), None)
        return read_split(own, self.split, where)


def _id(value: object) -> object:
    """An id as a key: whole numbers and text, which are told apart; ``None`` for what can be none."""
    if isinstance(value, bool):
        return None
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, int | str) else None


def _twice(where: str, key: object) -> DataError:
    return DataError(
        f"{where}: the id {printable(str(key)[:40])!r} stands twice, for different things",
        hint="ids are unique within images and within categories: files were put together without numbering them anew",
    )


def _category(entry: object, where: str) -> tuple[object, str]:
    key = _id(entry.get("id")) if isinstance(entry, dict) else None
    name = entry.get("name") if isinstance(entry, dict) else None
    if key is None or not isinstance(name, str):
        raise DataError(f"{where}: is not a category", hint='write {"id": 1, "name": "helmet"}')
    label = composed(name.strip())
    if not is_label(label):
        raise DataError(
            f"{where}: a class cannot be called '{printable(name)}'", hint="a label is text on one line, without '|'"
        )
    return key, label


def _picture(entry: object, folders: Sequence[Path], where: str, root: Path) -> tuple[object, _Picture]:
    key = _id(entry.get("id")) if isinstance(entry, dict) else None
    name = entry.get(FILE_NAME) if isinstance(entry, dict) else None
    if not isinstance(entry, dict) or key is None or not isinstance(name, str) or not name:
        raise DataError(
            f"{where}: is not a picture", hint='write {"id": 1, "file_name": "a.jpg", "width": 640, "height": 480}'
        )
    places = [located(folder, name) for folder in folders]
    # Unlike Path.is_file, this answers for names that no file system takes as well.
    path = next((place for place in places if os.path.isfile(place)), None)
    there, path = path is not None, path or places[0]
    width, height = (size if size and size > 0 else None for size in map(finite, map(entry.get, ("width", "height"))))
    # By its way from the folder, since each split's folder may have a 0001.jpg of its own.
    source = os.path.normpath(path.relative_to(root) if path.is_relative_to(root) else name)
    return key, _Picture(path, there, composed(source.replace("\\", "/")), width, height, entry.get(SPLIT))


def _picture_folders(path: Path) -> list[Path]:
    """Where the pictures of a file may lie."""
    above = [path.parent, path.parent.parent] if path.parent.name == "annotations" else [path.parent]
    found = _INSTANCES.fullmatch(path.name)
    inner = ["", "images", *([found[1], f"images/{found[1]}"] if found else [])]
    return [folder / name for folder in above for name in inner]


def _box(bbox: object, name: str, width: float, height: float) -> Region | str:
    """A box in pixels as a region of its picture, or why it is none."""
    numbers = [finite(value) for value in bbox] if isinstance(bbox, list) else []
    known = [number for number in numbers if number is not None]
    if len(known) != 4 or len(numbers) != 4:
        return "its bbox is not four numbers: left, top, width, height"
    x, y, w, h = known
    if w <= 0 or h <= 0:
        return f"its box has no area: {w:g} x {h:g} pixels"
    slack_x = max(_OVERHANG_PIXELS, _OVERHANG_SHARE * width)
    slack_y = max(_OVERHANG_PIXELS, _OVERHANG_SHARE * height)
    if x < -slack_x or y < -slack_y or x + w > width + slack_x or y + h > height + slack_y:
        return f"its box reaches beyond the picture: {x:g},{y:g} to {x + w:g},{y + h:g} of {width:g} x {height:g}"
    edges = (x / width, y / height, (x + w) / width, (y + h) / height)
    try:
        return Region.box(_region_name(name), *(min(max(edge, 0.0), 1.0) for edge in edges))
    except UsageError:
        return f"its box has no area within the picture: {w:g} x {h:g} pixels of {width:g} x {height:g}"


def _region_name(label: str) -> str:
    """A label as the name of a region, which may not hold what separates a name from its corners."""
    return label.replace("=", "-")

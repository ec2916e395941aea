"""Columns of Arrow, in which Parquet files and Hugging Face datasets come, as a table of labels; needs pyarrow."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from decisight.data.formats.cells import label_columns
from decisight.data.records import composed
from decisight.errors import DataError, MissingPartError
from decisight.imaging import printable

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = [
    "ClassNames",
    "Columns",
    "check_library",
    "check_rows",
    "class_names",
    "damage_told",
    "find_columns",
    "names_in_schema",
    "rows_of",
]

_MOST_ROWS = 10_000_000
"""Labels are held in memory, and a file of a few bytes can claim any number of rows."""

ClassNames = Mapping[str, tuple[str, ...]]
"""By column, the names that its numbers stand for (Hugging Face's ``ClassLabel``)."""

_PICTURE_NAMES = ("image", "img", "picture", "photo")


def check_library(path: Path) -> None:
    """Make sure that pyarrow is there.

    Raises:
        MissingPartError: it is not.
    """
    try:
        import pyarrow  # noqa: F401 - only whether it is there
    except ModuleNotFoundError as error:
        raise MissingPartError(
            f"{printable(path)}: reading it needs decisight[parquet]",
            hint="install it: pip install 'decisight[parquet]'",
        ) from error


@contextmanager
def damage_told(where: str) -> Iterator[None]:
    """What pyarrow says of a file that is damaged, as an error of ours.

    Raises:
        DataError: it says so.
    """
    import pyarrow as pa

    try:
        yield
    except (pa.ArrowException, OSError, ValueError, OverflowError, MemoryError, KeyError) as error:
        told = printable(str(error).split("\n")[0][:200]) or type(error).__name__
        raise DataError(
            f"{where}: cannot be read: {told}", hint="the file is damaged or was cut off: copy or write it again"
        ) from error


def check_rows(count: int, where: str) -> None:
    """Refuse more rows than labels can be held of.

    Raises:
        DataError: there are more than ten million, or none.
    """
    if count > _MOST_ROWS:
        raise DataError(f"{where}: {count} rows are too many; the limit is {_MOST_ROWS}", hint="divide it into several")
    if count <= 0:
        raise DataError(f"{where}: there is no row in it", hint="add a row for each picture")


@dataclass(frozen=True, slots=True)
class Columns:
    """What the columns of a schema are.

    Args:
        labels: those that may be label groups, in the schema's order, by their names in Unicode's NFC.
        stored_as: the schema's own name of each column but the picture's.
        picture: the column that holds pictures; ``None`` where ``file_name`` names files.
        nested: whether that column is a struct that holds them as ``bytes``, not plain bytes.
        named: whether it also has the name of each as ``path``.
    """

    labels: tuple[str, ...]
    stored_as: Mapping[str, str]
    picture: str | None
    nested: bool
    named: bool


def find_columns(schema: pa.Schema, where: str) -> Columns:
    """Tell pictures from labels by the types of the columns.

    Raises:
        DataError: there is neither a column of pictures nor ``file_name``; two are of pictures; a name stands twice.
    """
    import pyarrow as pa

    def is_binary(kind: pa.DataType) -> bool:
        return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind))

    def inner_names(kind: pa.DataType) -> list[str]:
        return [kind.field(at).name for at in range(kind.num_fields)]

    def is_picture(kind: pa.DataType) -> bool:
        if not pa.types.is_struct(kind):
            return is_binary(kind)
        names = inner_names(kind)
        if names.count("bytes") != 1:
            return False
        # Without a type where no row holds its picture, and all name a file.
        content = kind.field("bytes").type
        return is_binary(content) or (pa.types.is_null(content) and names.count("path") == 1)

    with damage_told(where):
        columns = [(field.name, is_picture(field.type)) for field in schema]
    found = [name for name, pictures in columns if pictures]
    preferred = [name for name in found if name.lower() in _PICTURE_NAMES]
    if len(found) > 1 and len(preferred) != 1:
        raise DataError(
            f"{where}: there are several columns of pictures: {', '.join(map(printable, found))}",
            hint="call the right one 'image', or remove the others",
        )
    picture = (preferred or found or [None])[0]
    stored_as: dict[str, str] = {}
    for own, pictures in columns:
        name = composed(own.strip())
        if name in stored_as or (own == picture and found.count(own) > 1):
            raise DataError(
                f"{where}: the column {printable(name)!r} stands twice", hint="rename or remove one of them"
            )
        if not pictures:
            stored_as[name] = own
    labels = label_columns(where, list(stored_as), stored=picture is not None)
    nested = picture is not None and pa.types.is_struct(schema.field(picture).type)
    return Columns(labels, stored_as, picture, nested, nested and "path" in inner_names(schema.field(picture).type))


def class_names(features: object, where: str) -> ClassNames:
    """The names of classes that a description of features by Hugging Face's ``datasets`` holds.

    Args:
        features: by column, for example ``{"label": {"_type": "ClassLabel", "names": ["no", "yes"]}}``; also within a
            list. Anything else says nothing of classes.
        where: the file, for messages.

    Raises:
        DataError: the names of a class are no list of text.
    """
    found: dict[str, tuple[str, ...]] = {}
    for column, feature in features.items() if isinstance(features, dict) else ():
        while isinstance(feature, list) and len(feature) == 1:
            feature = feature[0]
        while isinstance(feature, dict) and "feature" in feature and feature.get("_type") != "ClassLabel":
            feature = feature["feature"]
        if not isinstance(feature, dict) or feature.get("_type") != "ClassLabel":
            continue
        names = feature.get("names")
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise DataError(
                f"{where}: the class names of the column {printable(str(column))!r} are no list of text",
                hint="write it anew with the library 'datasets'",
            )
        found[composed(str(column).strip())] = tuple(names)
    return found


def names_in_schema(schema: pa.Schema, where: str) -> ClassNames:
    """The class names that a schema's own ``huggingface`` metadata hold, if any.

    Raises:
        DataError: they are damaged.
    """
    content = (schema.metadata or {}).get(b"huggingface")
    if content is None:
        return {}
    try:
        info = json.loads(content)
        features = info["info"]["features"]
    except (ValueError, RecursionError, KeyError, TypeError) as error:
        raise DataError(
            f"{where}: the metadata 'huggingface' of its schema are damaged: {type(error).__name__}",
            hint="write it anew with the library 'datasets', or without these metadata",
        ) from error
    return class_names(features, where)


def rows_of(table: pa.Table, columns: Columns, names: ClassNames, where: str) -> list[dict[str, object]]:
    """The rows of a table of labels as Python values, by column; numbers of classes as their names.

    Raises:
        DataError: a column is of another type than labels are, a number stands for no class, or the table is damaged.
    """
    own = {stored: name for name, stored in columns.stored_as.items()}
    for field in table.schema:
        if not _may_hold_labels(field.type):
            raise DataError(
                f"{where}: the column {printable(field.name)!r} is of the type {printable(str(field.type))}, "
                "which holds no labels",
                hint="a label is text, a number, true or false, or a list of them; choose columns by --groups, "
                "or remove this one",
            )
    with damage_told(where):
        values = {own[name]: table.column(name).to_pylist() for name in table.schema.names}
    for name in names.keys() & values.keys():
        known = names[name]
        values[name] = [_named(value, known, where, at, name) for at, value in enumerate(values[name])]
    return [dict(zip(values, cells, strict=True)) for cells in zip(*values.values(), strict=True)]


def _may_hold_labels(kind: pa.DataType) -> bool:
    from pyarrow import types

    if types.is_list(kind) or types.is_large_list(kind) or types.is_dictionary(kind):
        return _may_hold_labels(kind.value_type)
    known = (types.is_string, types.is_large_string, types.is_integer, types.is_floating, types.is_boolean)
    return types.is_null(kind) or any(is_kind(kind) for is_kind in known)


def _named(value: object, names: Sequence[str], where: str, row: int, column: str) -> object:
    if isinstance(value, list):
        return [_named(item, names, where, row, column) for item in value]
    # -1 is how Hugging Face writes that a class is not known.
    if value is None or value == -1:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < len(names):
        raise DataError(
            f"{where}, row {row}, {column!r}: {printable(str(value)[:40])} stands for no class",
            hint=f"it must lie between 0 and {len(names) - 1}: the classes are {', '.join(names[:20])}",
        )
    return names[value]

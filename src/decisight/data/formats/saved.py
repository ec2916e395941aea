"""Hugging Face datasets on disk, as ``save_to_disk`` of the library ``datasets`` writes them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, ClassVar

from decisight.data.dataset import Skipped
from decisight.data.formats import formats
from decisight.data.formats.arrow import (
    ClassNames,
    Columns,
    check_library,
    class_names,
    damage_told,
    find_columns,
    names_in_schema,
)
from decisight.data.formats.base import Asked
from decisight.data.formats.json_document import read_json_object
from decisight.data.formats.stored import Part, read_parts
from decisight.data.records import Table, split_named
from decisight.errors import DataError
from decisight.imaging import printable

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["SavedDataset"]

_SPLITS, _STATE, _INFO = "dataset_dict.json", "state.json", "dataset_info.json"


@formats.register("saved_dataset")
@dataclass(frozen=True)
class SavedDataset:
    """A folder with ``state.json`` and ``dataset_info.json``, or with ``dataset_dict.json`` and one such a split.

    The rows lie in Arrow files, which are mapped into memory, so pictures are read as they are asked for. Columns are
    as in :class:`~decisight.data.formats.parquet.Parquet`. Splits of other names than ``train``, ``validation`` and
    ``test`` are left out, and named in ``skipped``.
    """

    title: ClassVar[str] = "a Hugging Face dataset on disk"
    suffixes: ClassVar[tuple[str, ...]] = ()
    order: ClassVar[int] = 40

    def recognises(self, path: Path) -> bool:
        """See :class:`~decisight.data.formats.base.Format`."""
        return (path / _SPLITS).is_file() or ((path / _STATE).is_file() and (path / _INFO).is_file())

    def read(self, path: Path, asked: Asked) -> Table:
        """See :class:`~decisight.data.formats.base.Format`."""
        check_library(path)
        if not (path / _SPLITS).is_file():
            return read_parts(path, [_part(path, None)], asked)
        splits, skipped = _splits_of(path)
        table = read_parts(path, [_part(folder, split) for split, folder in splits], asked)
        return Table(table.root, table.columns, table.records, (*skipped, *table.skipped), table.chosen)


def _splits_of(root: Path) -> tuple[list[tuple[str, Path]], list[Skipped]]:
    """The folders of the splits, and those of other names.

    Raises:
        DataError: the list of splits is damaged, names none that is known, or two that are the same.
    """
    names = read_json_object(root / _SPLITS).get("splits")
    where = printable(root / _SPLITS)
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise DataError(f"{where}: 'splits' is no list of names", hint="write the dataset anew with save_to_disk")
    found: dict[str, Path] = {}
    skipped = []
    for name in names:
        split = split_named(name)
        if split is None:
            skipped.append(Skipped(root / PurePath(name).name, "is none of the splits train, validation and test"))
        elif split in found:
            raise DataError(
                f"{where}: '{found[split].name}' and '{name}' are both the split '{split}'", hint="join them"
            )
        else:
            found[split] = root / name
    if not found:
        raise DataError(
            f"{where}: none of its splits is train, validation or test: {printable(', '.join(names[:20])) or 'none'}",
            hint="give the path of the folder of one of them",
        )
    for folder in found.values():
        if not folder.is_dir():
            raise DataError(
                f"{printable(folder)}: the folder of this split is missing",
                hint=f"the dataset is not complete: copy {printable(folder.name)} too, or give the path of another one",
            )
    return list(found.items()), skipped


def _part(folder: Path, split: str | None) -> Part:
    where = printable(folder)
    for needed in (_STATE, _INFO):
        _check_there(folder / needed)
    table = _mapped(folder)
    columns = find_columns(table.schema, where)
    features = read_json_object(folder / _INFO).get("features")
    names = class_names(features, printable(folder / _INFO)) or names_in_schema(table.schema, where)

    def picture_names() -> Sequence[object]:
        if not columns.named:
            return [None] * table.num_rows
        with damage_told(where):
            found: list[object] = []
            for chunk in table.column(columns.picture).chunks:
                kind = chunk.type
                at = next(i for i in range(kind.num_fields) if kind.field(i).name == "path")
                found.extend(chunk.flatten()[at].to_pylist())
        return found

    pictures = None if columns.picture is None else _ArrowPictures(table.column(columns.picture), columns)
    return Part(
        folder, folder, split, columns, _known(names, columns), table.num_rows, table.select, picture_names, pictures
    )


def _known(names: ClassNames, columns: Columns) -> ClassNames:
    return {name: classes for name, classes in names.items() if name in columns.stored_as}


def _mapped(folder: Path) -> pa.Table:
    """The rows of all Arrow files of a folder, in memory only as far as they are used.

    Raises:
        DataError: a file is missing or damaged, or lies elsewhere.
    """
    import pyarrow as pa

    where = printable(folder / _STATE)
    state = read_json_object(folder / _STATE)
    if state.get("_indices_files") or state.get("_indices_data_files"):
        raise DataError(
            f"{where}: the rows are chosen by a list of indices, which is not read",
            hint="write it anew with a current version of the library 'datasets'",
        )
    files = state.get("_data_files")
    names = (
        [file.get("filename") if isinstance(file, dict) else None for file in files or ()]
        if isinstance(files, list)
        else []
    )
    tables = []
    for name in names:
        if not isinstance(name, str) or not name or PurePath(name.replace("\\", "/")).name != name:
            raise DataError(
                f"{where}: it names {printable(repr(name)[:60])} as a file of rows, which lies not beside it",
                hint="write the dataset anew with save_to_disk",
            )
        _check_there(folder / name)
        tables.append(_mapped_file(folder / name))
    if not tables:
        raise DataError(f"{where}: it names no file of rows", hint="write the dataset anew with save_to_disk")
    with damage_told(where):
        return pa.concat_tables(tables)


def _check_there(path: Path) -> None:
    """Tell a file that is missing from one that is damaged.

    Raises:
        DataError: it is missing.
    """
    if not path.exists():
        raise DataError(
            f"{printable(path)} is missing",
            hint=f"the dataset is not complete: copy {printable(path.name)} too, or write it anew with save_to_disk",
        )


def _mapped_file(path: Path) -> pa.Table:
    import pyarrow as pa

    with damage_told(printable(path)):
        source = pa.memory_map(str(path))
        is_file = source.read(6) == b"ARROW1"
        source.seek(0)
        table = (pa.ipc.open_file if is_file else pa.ipc.open_stream)(source).read_all()
        # What lies where is checked once, and then relied on: reading outside of it would end the process.
        table.validate(full=True)
        return table


class _ArrowPictures:
    """The pictures of Arrow files that are mapped into memory."""

    def __init__(self, column: pa.ChunkedArray, columns: Columns) -> None:
        self._column = column
        self._nested = columns.nested

    def content(self, row: int) -> bytes | None:
        """See :class:`~decisight.data.formats.stored.Pictures`."""
        value = self._column[row]
        if self._nested and value.is_valid:
            value = value["bytes"]
        content: bytes | None = value.as_py()
        return content

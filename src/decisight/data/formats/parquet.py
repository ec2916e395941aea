"""Parquet: a table whose rows name pictures' files, or hold the pictures themselves."""

from __future__ import annotations

import re
import tempfile
import threading
import weakref
from bisect import bisect_right
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import IO, TYPE_CHECKING, ClassVar

from decisight.data.formats import formats
from decisight.data.formats.arrow import (
    Columns,
    check_library,
    damage_told,
    find_columns,
    names_in_schema,
)
from decisight.data.formats.base import Asked
from decisight.data.formats.folders import listed
from decisight.data.formats.stored import Part, read_parts
from decisight.data.records import Table, split_named
from decisight.errors import DataError, ImageError
from decisight.imaging import printable

if TYPE_CHECKING:
    import pyarrow as pa
    from pyarrow.parquet import FileMetaData

__all__ = ["Parquet"]

_OF_A_SPLIT = re.compile(r"([A-Za-z]+)([-_.].*)?\.parquet")
_BATCH = 16
"""Rows taken from a file at a time: pictures are large."""


@formats.register("parquet")
@dataclass(frozen=True)
class Parquet:
    """A ``.parquet`` file by its path; or a folder of ``train-*.parquet``, ``test-*.parquet`` and the like.

    The latter may also lie in the folder's ``data/``, as Hugging Face lays them out. Pictures are in a column of bytes,
    or of ``{bytes, path}``; without one, a column ``file_name`` names their files, as in a CSV. All other columns are
    as in a CSV. Numbers that Hugging Face's metadata in the file give names to (``ClassLabel``) become those names.
    """

    title: ClassVar[str] = "Parquet"
    suffixes: ClassVar[tuple[str, ...]] = (".parquet",)
    order: ClassVar[int] = 30

    def recognises(self, path: Path) -> bool:
        """See :class:`~decisight.data.formats.base.Format`."""
        return bool(_files_of(path)) if path.is_dir() else path.suffix.lower() == ".parquet"

    def read(self, path: Path, asked: Asked) -> Table:
        """See :class:`~decisight.data.formats.base.Format`."""
        check_library(path)
        files = _files_of(path) if path.is_dir() else ((None, path),)
        return read_parts(path, [_part(file, split) for split, file in files], asked)


def _files_of(root: Path) -> tuple[tuple[str | None, Path], ...]:
    """The Parquet files of a folder, each with its split; empty where one of them names no split."""
    for folder in (root, root / "data"):
        files = [path for path in listed(folder) if path.suffix.lower() == ".parquet"] if folder.is_dir() else []
        found = [(_split_in_name(path), path) for path in files if path.is_file()]
        if found and all(split for split, _ in found):
            return tuple(found)
    return ()


def _split_in_name(path: Path) -> str | None:
    found = _OF_A_SPLIT.fullmatch(path.name)
    return split_named(found[1]) if found else None


def _part(path: Path, split: str | None) -> Part:
    from pyarrow.parquet import ParquetFile

    where = printable(path)
    with damage_told(where), ParquetFile(path) as file:
        schema, metadata = file.schema_arrow, file.metadata
        rows = sum(metadata.row_group(at).num_rows for at in range(metadata.num_row_groups))
    columns = find_columns(schema, where)

    def read(wanted: Sequence[str]) -> pa.Table:
        with damage_told(where), ParquetFile(path, metadata=metadata) as file:
            return file.read(columns=list(wanted), use_threads=False)

    def picture_names() -> Sequence[object]:
        if not columns.named:
            return [None] * rows
        table = read([f"{columns.picture}.path"])
        with damage_told(where):
            (names,) = table.column(columns.picture).combine_chunks().flatten()
            found: list[object] = names.to_pylist()
        return found

    pictures = None if columns.picture is None else _ParquetPictures(path, metadata, columns)
    return Part(path, path.parent, split, columns, names_in_schema(schema, where), rows, read, picture_names, pictures)


class _ParquetPictures:
    """The pictures of a Parquet file, in any order, in memory that depends on no more than a page of it.

    Parquet can only be read from the beginning of a row group on, and a row group may be the whole file. So each is
    unpacked once, when a picture of it is asked for first, into a temporary file, which is as large as the pictures.
    What does not fit there is told of each picture; the room that it took is given back.
    """

    def __init__(self, path: Path, metadata: FileMetaData, columns: Columns) -> None:
        self._path = path
        self._metadata = metadata
        self._columns = columns
        sizes = [metadata.row_group(at).num_rows for at in range(metadata.num_row_groups)]
        self._starts = [0, *accumulate(sizes)]
        self._lock = threading.Lock()
        self._unpacked: dict[int, list[tuple[int, int] | None] | ImageError] = {}
        self._spool: IO[bytes] | None = None

    def content(self, row: int) -> bytes | None:
        """See :class:`~decisight.data.formats.stored.Pictures`."""
        group = bisect_right(self._starts, row) - 1
        with self._lock:
            if group not in self._unpacked:
                self._unpacked[group] = self._unpack(group)
            places = self._unpacked[group]
            if isinstance(places, ImageError):
                raise ImageError(places.message, hint=places.hint)
            place = places[row - self._starts[group]]
            return None if place is None else self._read(*place)

    def _unpack(self, group: int) -> list[tuple[int, int] | None] | ImageError:
        """Where the pictures of a row group lie in the temporary file (from, how many bytes), or why nowhere."""
        from pyarrow.parquet import ParquetFile

        places: list[tuple[int, int] | None] = []
        leaf = f"{self._columns.picture}.bytes" if self._columns.nested else self._columns.picture
        try:
            with (
                damage_told(printable(self._path)),
                ParquetFile(self._path, metadata=self._metadata, buffer_size=1 << 20, pre_buffer=False) as file,
            ):
                batches = file.iter_batches(_BATCH, row_groups=[group], columns=[leaf], use_threads=False)
                for batch in batches:
                    column = batch.column(0)
                    for value in column.flatten()[0] if self._columns.nested else column:
                        buffer = value.as_buffer() if value.is_valid else None
                        places.append(None if buffer is None else self._keep(buffer))
        except (DataError, ImageError) as error:
            self._give_back(min((place[0] for place in places if place is not None), default=None))
            return ImageError(error.message, hint=error.hint)
        if len(places) != self._starts[group + 1] - self._starts[group]:
            return ImageError("the row group has fewer rows than it says", hint="the file is damaged: write it again")
        return places

    def _keep(self, buffer: pa.Buffer) -> tuple[int, int]:
        """Write a picture at the end of the temporary file; from where on it lies there, and how many bytes it has.

        Raises:
            ImageError: there is no room for it, or no folder for temporary files.
        """
        try:
            if self._spool is None:
                # Without a buffer, so that what does not fit is told here, and not by whatever is done next.
                self._spool = tempfile.TemporaryFile(prefix="decisight-", buffering=0)  # noqa: SIM115 - closed with its pictures
                weakref.finalize(self, self._spool.close)
            start = self._spool.seek(0, 2)
            rest = memoryview(buffer)
            while rest:
                rest = rest[self._spool.write(rest) :]
        except OSError as error:
            raise ImageError(
                f"it cannot be unpacked into {printable(_temporary_folder())}: {error.strerror or error}",
                hint="make room there, or name another folder in the environment variable TMPDIR: "
                "it takes as much room as the pictures of the file",
            ) from error
        return start, buffer.size

    def _give_back(self, start: int | None) -> None:
        """Drop what was written from there on, of a row group that could not be unpacked to its end."""
        if self._spool is not None and start is not None:
            with suppress(OSError):
                self._spool.truncate(start)

    def _read(self, start: int, size: int) -> bytes:
        assert self._spool is not None  # noqa: S101 - for the type checker; there is a place in it
        try:
            self._spool.seek(start)
            return self._spool.read(size)
        except OSError as error:
            raise ImageError(
                f"the temporary file cannot be read: {error.strerror or error}", hint="check the disk"
            ) from error


def _temporary_folder() -> str:
    try:
        return tempfile.gettempdir()
    except OSError:
        return "any folder for temporary files"

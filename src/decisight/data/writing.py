"""Write tables for other programs."""

from __future__ import annotations

import contextlib
import itertools
import os
import secrets
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from decisight.errors import MissingPartError, OutputError
from decisight.imaging import printable

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["write_parquet"]


def write_parquet(
    path: Path,
    columns: Mapping[str, type[str] | type[float] | type[int] | type[bool]],
    rows: Iterable[Sequence[object]],
    *,
    rows_per_group: int = 10_000,
) -> int:
    """Write rows to a Parquet file as they come, in memory for one row group; needs pyarrow.

    The file takes its name when it is complete: until then, and on any failure, what was there before stays. A link
    stays a link.

    Args:
        path: the file.
        columns: the name of each and the type of its values, in order: text, float64, int64 or bool.
        rows: a value a column each, ``None`` where there is none.
        rows_per_group: rows that are written, and can be read, at a time.

    Returns:
        How many rows were written.

    Raises:
        MissingPartError: pyarrow is not installed.
        OutputError: the file cannot be written, or the disk is full.
        ValueError: a row has more or fewer values than there are columns, or one of another type.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     write_parquet(Path(folder, "p.parquet"), {"image": str, "helmet": float}, [("a.jpg", 0.98)])
        1
    """
    try:
        import pyarrow as pa
        from pyarrow.parquet import ParquetWriter
    except ModuleNotFoundError as error:
        raise MissingPartError(
            f"{printable(path)}: writing it needs decisight[parquet]",
            hint="install it: pip install 'decisight[parquet]'",
        ) from error
    kinds = {str: pa.string(), float: pa.float64(), int: pa.int64(), bool: pa.bool_()}
    schema = pa.schema([(name, kinds[kind]) for name, kind in columns.items()])
    written, remaining = 0, iter(rows)
    with _replacing(path) as beside, ParquetWriter(beside, schema) as writer:
        while group := list(itertools.islice(remaining, rows_per_group)):
            writer.write_batch(_batch(group, schema))
            written += len(group)
    return written


def _batch(rows: Sequence[Sequence[object]], schema: pa.Schema) -> pa.RecordBatch:
    import pyarrow as pa

    odd = next((row for row in rows if len(row) != len(schema)), None)
    if odd is not None:
        raise ValueError(f"a row has {len(odd)} values, where there are {len(schema)} columns: {odd!r}")
    try:
        values = [pa.array([row[at] for row in rows], field.type) for at, field in enumerate(schema)]
    except (pa.ArrowException, OverflowError, UnicodeEncodeError) as error:
        raise ValueError(f"a value is not of its column's type: {error}") from error
    return pa.record_batch(values, schema=schema)


@contextlib.contextmanager
def _replacing(path: Path) -> Iterator[Path]:
    """A name beside the file to write to; what stands there becomes the file where all went well."""
    try:
        target = path.resolve()
        if target.exists() and not stat.S_ISREG(target.stat().st_mode):
            raise OutputError(f"{printable(path)} is not an ordinary file", hint="name a .parquet file")
        mode = stat.S_IMODE(target.stat().st_mode) if target.exists() else None
        beside = target.with_name(f".decisight-{secrets.token_hex(6)}.part")
        try:
            yield beside
            if mode is not None:
                beside.chmod(mode)
            os.replace(beside, target)
        finally:
            with contextlib.suppress(OSError):
                beside.unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(
            f"{printable(path)} cannot be written: {error.strerror or error}",
            hint="what was there before is unchanged; make room, or name another place",
        ) from error

"""Write tables for other programs."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from decisight.errors import MissingPartError
from decisight.files import draft_of, printable

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["check_parquet", "write_parquet"]


def check_parquet(path: Path) -> None:
    """Make sure that Parquet can be written, before work is spent on what goes into it.

    Args:
        path: the file, to be named in the message; it is not touched.

    Raises:
        MissingPartError: pyarrow is not installed.
    """
    try:
        import pyarrow  # noqa: F401 - only whether it is there
    except ModuleNotFoundError as error:
        raise MissingPartError(
            f"{printable(path)}: writing it needs decisight[parquet]",
            hint="install it: pip install 'decisight[parquet]'",
        ) from error


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
    check_parquet(path)
    import pyarrow as pa
    from pyarrow.parquet import ParquetWriter

    kinds = {str: pa.string(), float: pa.float64(), int: pa.int64(), bool: pa.bool_()}
    schema = pa.schema([(name, kinds[kind]) for name, kind in columns.items()])
    written, remaining = 0, iter(rows)
    with draft_of(path) as draft, ParquetWriter(draft, schema) as writer:
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

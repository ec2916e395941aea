"""Read labelled pictures of any format."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path

from decisight.data.columns import infer_task
from decisight.data.dataset import Dataset
from decisight.data.formats.class_folders import read_class_folders, split_folders
from decisight.data.formats.metadata import metadata_files, read_metadata
from decisight.data.records import Table, composed
from decisight.data.targets import matched_to, to_dataset
from decisight.errors import DataError, UsageError
from decisight.imaging import is_image_name, printable
from decisight.types import DEFAULT_GROUP, Task

__all__ = ["read_dataset"]


def read_dataset(
    path: Path,
    *,
    groups: Sequence[str] | None = None,
    independent: Collection[str] = (),
    source_pattern: str | None = None,
    task: Task | None = None,
) -> Dataset:
    r"""Read labelled pictures; no picture is opened.

    Formats, in the order in which they are looked for:

    - a CSV or JSON Lines file, given by its path;
    - a folder with ``metadata.csv`` or ``metadata.jsonl``, or with one in each of its ``train/ val/ test/``;
    - class folders, in ``train/ val/ test/`` or alone.

    Labels, names of groups, and sources come in Unicode's NFC, however their accents are stored.

    Args:
        path: the folder or file.
        groups: the columns to take as label groups, in this order; by default all but ``file_name``, ``split`` and
            ``source``.
        independent: columns whose labels are independent even though no cell holds several.
        source_pattern: a regular expression searched for in each file's name. What it finds is the source: the
            group called ``source``, else the first group, else the whole match. It takes the place of a ``source``
            column. A file in which it finds nothing has no source.
        task: the task of a model that the data are to be judged by: labels and their order come from it.

    Returns:
        The task and its examples; what was left out is named in ``skipped``.

    Raises:
        DataError: the data cannot be read or contradict themselves; says where and what would be right.
        LabelError: the data have labels, or only groups, that ``task`` does not know.
        UsageError: ``groups`` or ``independent`` names a column that is not there, or ``source_pattern`` is not a
            regular expression or finds nothing at all.

    Example:
        >>> read_dataset(Path("photos"), source_pattern=r"^(\d+)_").task.groups  # doctest: +SKIP
        (LabelGroup(name='class', labels=('helmet', 'no_helmet'), kind='exclusive'),)
    """
    pattern = None if source_pattern is None else _compiled(source_pattern)
    table = _read_table(path, groups, task)
    if pattern is not None:
        table = _with_sources(table, pattern)
    if task is not None:
        return to_dataset(matched_to(task, table), task)
    if not table.records:
        raise DataError(f"{printable(path)}: there are no pictures in it", hint="add labelled pictures")
    return to_dataset(table, infer_task(table, independent))


def _read_table(path: Path, groups: Sequence[str] | None, task: Task | None) -> Table:
    name = printable(path)
    if path.is_file():
        if is_image_name(path):
            raise DataError(f"{name}: is one picture, not labelled pictures", hint="give the folder of the classes")
        tables: Sequence[tuple[str | None, Path]] = [(None, path)]
    elif path.is_dir():
        tables = metadata_files(path, split_folders(path))
    else:
        raise DataError(f"{name}: does not exist", hint="check the spelling, and from where the path is meant")
    if tables:
        known = [group.name for group in task.groups] if task else ()
        return read_metadata(path, tables, groups=groups, known=known)
    if groups not in (None, [DEFAULT_GROUP], (DEFAULT_GROUP,)):
        raise UsageError(
            f"{name} holds class folders, which are the one label group {DEFAULT_GROUP!r}",
            hint="label groups are chosen among the columns of a table",
        )
    return read_class_folders(path, training=task is None)


def _compiled(source_pattern: str) -> re.Pattern[str]:
    try:
        return re.compile(source_pattern)
    except re.error as error:
        at = f" at position {error.pos}" if error.pos is not None else ""
        raise UsageError(
            f"the source pattern {source_pattern!r} is not a regular expression: {error.msg}{at}",
            hint=r"for example ^(\d+)_ where the digits before the first _ name the source",
        ) from error


def _with_sources(table: Table, pattern: re.Pattern[str]) -> Table:
    records = tuple(replace(record, source=_source(pattern, record.path.name)) for record in table.records)
    if records and all(record.source is None for record in records):
        raise UsageError(
            f"the source pattern {pattern.pattern!r} finds nothing in any of {len(records)} file names",
            hint=f"it is searched for in the name without folders, for example '{printable(records[0].path.name)}'",
        )
    return replace(table, records=records)


def _source(pattern: re.Pattern[str], name: str) -> str | None:
    found = pattern.search(composed(name))
    if not found:
        return None
    if "source" in pattern.groupindex:
        return found["source"] or None
    return found[1 if pattern.groups else 0] or None

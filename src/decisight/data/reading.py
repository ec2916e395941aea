"""Read labelled pictures of any format."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path

from decisight.data.checks import check_same_files
from decisight.data.columns import infer_task
from decisight.data.dataset import Dataset
from decisight.data.formats import Asked, Format, in_order
from decisight.data.records import Table, composed
from decisight.data.targets import matched_to, to_dataset
from decisight.errors import DataError, UsageError
from decisight.imaging import is_image_name, printable
from decisight.types import Task

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

    Formats, each described at its own class, in the order in which they are asked whether they know the path:

    - :class:`~decisight.data.formats.metadata.Metadata`: a CSV or JSON Lines file, or a folder with one;
    - :class:`~decisight.data.formats.coco.Coco`: COCO JSON, whose boxes become examples;
    - :class:`~decisight.data.formats.parquet.Parquet`: Parquet files, also with the pictures in them;
    - :class:`~decisight.data.formats.saved.SavedDataset`: a Hugging Face dataset on disk;
    - :class:`~decisight.data.formats.class_folders.ClassFolders`: class folders, in ``train/ val/ test/`` or alone;
    - those of other packages, at the place that they name.

    Labels, names of groups, and sources come in Unicode's NFC, however their accents are stored.

    Args:
        path: the folder or file.
        groups: the columns to take as label groups, in this order; by default all but ``file_name``, ``split`` and
            ``source``; of COCO JSON the category alone.
        independent: columns whose labels are independent even though no cell holds several.
        source_pattern: a regular expression searched for in each file's name. What it finds is the source: the
            group called ``source``, else the first group, else the whole match. It takes the place of a ``source``
            column. A file in which it finds nothing has no source, but regions of one picture stay together.
        task: the task of a model that the data are to be judged by: labels and their order come from it.

    Returns:
        The task and its examples; what was left out is named in ``skipped``.

    Raises:
        DataError: the data cannot be read or contradict themselves; says where and what would be right.
        LabelError: the data have labels, or only groups, that ``task`` does not know.
        MissingPartError: the format needs a library that is not installed.
        UsageError: ``groups`` or ``independent`` names a column that is not there, or ``source_pattern`` is not a
            regular expression or finds nothing at all.

    Example:
        >>> read_dataset(Path("photos"), source_pattern=r"^(\d+)_").task.groups  # doctest: +SKIP
        (LabelGroup(name='class', labels=('helmet', 'no_helmet'), kind='exclusive'),)
    """
    pattern = None if source_pattern is None else _compiled(source_pattern)
    known = None if task is None else [group.name for group in task.groups]
    table = _format_of(path).read(path, Asked.of(groups, known))
    if pattern is not None:
        table = _with_sources(table, pattern)
    if task is not None:
        return _checked(to_dataset(matched_to(task, table), task))
    if not table.records:
        raise DataError(f"{printable(path)}: there are no pictures in it", hint="add labelled pictures")
    return _checked(to_dataset(table, infer_task(table, independent)))


def _checked(dataset: Dataset) -> Dataset:
    check_same_files(dataset)
    return dataset


def _format_of(path: Path) -> Format:
    """The format that knows the path.

    Raises:
        DataError: there is nothing at the path, or none knows it.
    """
    name = printable(path)
    if not path.exists():
        raise DataError(f"{name}: does not exist", hint="check the spelling, and from where the path is meant")
    if path.is_file() and is_image_name(path):
        raise DataError(f"{name}: is one picture, not labelled pictures", hint="give the folder of the classes")
    known = in_order()
    for form in known:
        if form.recognises(path):
            return form
    suffixes = [suffix for form in known for suffix in form.suffixes]
    raise DataError(
        f"{name}: is not a table that can be read, nor another file of labels",
        hint=f"it must end in {', '.join(suffixes[:-1])} or {suffixes[-1]}",
    )


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
    found = [_source(pattern, record.path.name) for record in table.records]
    records = tuple(
        # Regions of one picture resemble each other, whatever a pattern finds.
        replace(record, source=source or (record.source if record.region else None))
        for record, source in zip(table.records, found, strict=True)
    )
    if records and not any(found):
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

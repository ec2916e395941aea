"""Class folders: the folder that a picture lies in names its class."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from decisight.data.dataset import Skipped
from decisight.data.formats import formats
from decisight.data.formats.base import Asked
from decisight.data.formats.folders import is_passed_over, listed, pictures_in, split_folders, subfolders
from decisight.data.records import Record, Table, composed, is_label, pictures, split_named
from decisight.errors import DataError, UsageError
from decisight.imaging import is_image_name, printable
from decisight.types import DEFAULT_GROUP

__all__ = ["ClassFolders"]

_LITTER = {"thumbs.db", "desktop.ini", "icon\r"}


@formats.register("class_folders")
@dataclass(frozen=True)
class ClassFolders:
    """``train/ val/ test/``, each with a folder a class, or class folders alone.

    Pictures are searched for in all depths below a class folder, links are followed. Hidden files are passed over;
    so are files that have no picture's suffix, which are counted in one line of ``skipped``.
    """

    title: ClassVar[str] = "class folders"
    suffixes: ClassVar[tuple[str, ...]] = ()
    order: ClassVar[int] = 1000

    def recognises(self, path: Path) -> bool:
        """Any folder: what else it could be has been asked before."""
        return path.is_dir()

    def read(self, path: Path, asked: Asked) -> Table:
        """See :class:`~decisight.data.formats.base.Format`; a class without a picture is refused in training only."""
        if asked.groups not in (None, (DEFAULT_GROUP,)):
            raise UsageError(
                f"{printable(path)} holds class folders, which are the one label group {DEFAULT_GROUP!r}",
                hint="label groups are chosen among the columns of a table",
            )
        found = _Found()
        splits = split_folders(path)
        for split, folder in splits or ((None, path),):
            classes = subfolders(folder)
            splits_alone = [inner for inner in classes if split_named(inner.name)]
            # Two flat folders called train and test are no classes, though one called train, beside bus, may be.
            if not classes or len(splits_alone) > 1 or splits_alone == classes:
                raise _no_class_folders(path, splits_alone[0] if splits_alone else folder)
            for class_folder in classes:
                _read_class(class_folder, split, found, empty_is_error=asked.training and split in (None, "train"))
            found.skipped.extend(
                Skipped(inner, "lies beside the class folders, so it has no label") for inner in pictures_in(folder)
            )
        if splits:
            beside = [folder for folder in subfolders(path) if split_named(folder.name) is None]
            found.skipped.extend(Skipped(inner, "lies beside the folders of the splits: not read") for inner in beside)
        if found.others:
            kinds = ", ".join(f"{count} {suffix or 'without suffix'}" for suffix, count in found.others.most_common(5))
            found.skipped.append(Skipped(path, f"{found.others.total()} files are not pictures by their name: {kinds}"))
        return Table(path, (DEFAULT_GROUP,), tuple(found.records), tuple(found.skipped), chosen=True)


@dataclass(slots=True)
class _Found:
    """What the walk has gathered so far; ``others`` counts files that are no pictures, by suffix."""

    records: list[Record] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    others: Counter[str] = field(default_factory=Counter)


def _read_class(folder: Path, split: str | None, found: _Found, *, empty_is_error: bool) -> None:
    _check_class_name(folder)
    where, before = printable(folder), len(found.records)
    others: Counter[str] = Counter()
    for path in _files_below(folder, found.skipped):
        if is_image_name(path):
            found.records.append(Record(path, (composed(folder.name.strip()),), where, split))
        elif not path.name.startswith(".") and path.name.lower() not in _LITTER:
            others[path.suffix.lower()] += 1
    found.others.update(others)
    if len(found.records) > before:
        return
    held = ", ".join(f"{count} {suffix or 'without suffix'}" for suffix, count in others.most_common(3))
    why = f"the class folder holds no picture{f', only other files ({held})' if held else ': it is empty'}"
    if empty_is_error:
        raise DataError(
            f"{where}: {why}", hint="put pictures of that class into it, or remove the folder; several per class"
        )
    found.skipped.append(Skipped(folder, why))


def _check_class_name(folder: Path) -> None:
    if not is_label(folder.name):
        raise DataError(
            f"{printable(folder)}: a class cannot be called '{printable(folder.name)}'",
            hint="rename the folder: UTF-8 text without '|', and not '-' alone, which means 'none of them' in tables",
        )


def _files_below(folder: Path, skipped: list[Skipped]) -> Iterator[Path]:
    """Every file below a folder, links followed; each folder once, so that a link to a parent does not loop."""

    def note(error: OSError) -> None:
        skipped.append(Skipped(Path(error.filename or folder), f"the folder cannot be read: {error.strerror}"))

    # A link into a folder above would bring in the pictures of other classes under this one's name.
    seen = {(at.st_dev, at.st_ino) for at in (os.stat(above) for above in folder.resolve().parents)}
    for parent, folders, names in os.walk(folder, followlinks=True, onerror=note):
        here = os.stat(parent)
        if (here.st_dev, here.st_ino) in seen:
            folders.clear()
            continue
        seen.add((here.st_dev, here.st_ino))
        folders[:] = sorted(name for name in folders if not is_passed_over(name))
        for name in sorted(names):
            yield Path(parent, name)


def _no_class_folders(root: Path, folder: Path) -> DataError:
    count, name = len(pictures_in(folder)), printable(folder)
    tables = [path.name for path in listed(folder) if path.suffix.lower() in (".csv", ".tsv", ".jsonl")]
    if tables:
        return DataError(
            f"{name}: there are no class folders in it, and no metadata.csv",
            hint=f"if '{printable(tables[0])}' names the pictures and their labels, give its path instead",
        )
    what = f"{pictures(count)}, but no class folders" if count else "neither class folders nor pictures"
    return DataError(
        f"{name}: the folder holds {what}",
        hint="put the pictures of each class into a folder of its own, named after the class, for example "
        f"{printable(root)}/helmet and {printable(root)}/no_helmet; or write a metadata.csv with file_name and label",
    )

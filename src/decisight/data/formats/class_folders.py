"""Class folders: the folder that a picture lies in names its class."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from decisight.data.dataset import Skipped
from decisight.data.records import Record, Table, composed, is_label, pictures, split_named
from decisight.errors import DataError
from decisight.imaging import is_image_name, printable
from decisight.types import DEFAULT_GROUP

__all__ = ["read_class_folders", "split_folders"]

_LITTER = {"thumbs.db", "desktop.ini", "icon\r"}
_IGNORED_FOLDERS = {"__macosx", "@eadir", "$recycle.bin"}


def read_class_folders(root: Path, *, training: bool = True) -> Table:
    """Read ``train/ val/ test/``, each with a folder a class, or class folders alone.

    Pictures are searched for in all depths below a class folder, links are followed. Hidden files are passed over;
    so are files that have no picture's suffix, which are counted in one line of ``skipped``.

    Args:
        root: the folder that holds the splits, or the classes.
        training: a class without a picture to learn from is an error; otherwise it is only noted in ``skipped``.

    Raises:
        DataError: there are no class folders, or one of them is empty, or has a name that cannot be a label.
    """
    found = _Found()
    splits = split_folders(root)
    for split, folder in splits or ((None, root),):
        classes = _subfolders(folder)
        splits_alone = [path for path in classes if split_named(path.name)]
        # Two flat folders called train and test are no classes, though one called train, beside bus, may be.
        if not classes or len(splits_alone) > 1 or splits_alone == classes:
            raise _no_class_folders(root, splits_alone[0] if splits_alone else folder)
        for class_folder in classes:
            _read_class(class_folder, split, found, empty_is_error=training and split in (None, "train"))
        found.skipped.extend(
            Skipped(path, "lies beside the class folders, so it has no label") for path in _pictures_in(folder)
        )
    if splits:
        beside = [folder for folder in _subfolders(root) if split_named(folder.name) is None]
        found.skipped.extend(Skipped(folder, "lies beside the folders of the splits: not read") for folder in beside)
    if found.others:
        kinds = ", ".join(f"{count} {suffix or 'without suffix'}" for suffix, count in found.others.most_common(5))
        found.skipped.append(Skipped(root, f"{found.others.total()} files are not pictures by their name: {kinds}"))
    return Table(root, (DEFAULT_GROUP,), tuple(found.records), tuple(found.skipped), chosen=True)


def split_folders(root: Path) -> tuple[tuple[str, Path], ...]:
    """The folders of splits below ``root``, in the order train, val, test; empty where it is not divided so.

    A folder is that of a split by its name, unless it holds pictures and no folder, as a class called *train* would.

    Raises:
        DataError: two folders are the same split, for example ``val`` and ``valid``.
    """
    found: dict[str, Path] = {}
    for folder in _subfolders(root):
        split = split_named(folder.name)
        if split is None or (_pictures_in(folder) and not _subfolders(folder) and not _has_metadata(folder)):
            continue
        if split in found:
            raise DataError(
                f"{printable(root)}: '{found[split].name}' and '{folder.name}' are both the split '{split}'",
                hint="put their class folders into one",
            )
        found[split] = folder
    return tuple((split, found[split]) for split in ("train", "val", "test") if split in found)


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
        folders[:] = sorted(name for name in folders if not _is_passed_over(name))
        for name in sorted(names):
            yield Path(parent, name)


def _is_passed_over(folder_name: str) -> bool:
    return folder_name.startswith(".") or folder_name.lower() in _IGNORED_FOLDERS


def _subfolders(folder: Path) -> list[Path]:
    return [path for path in _listed(folder) if path.is_dir() and not _is_passed_over(path.name)]


def _pictures_in(folder: Path) -> list[Path]:
    return [path for path in _listed(folder) if is_image_name(path) and path.is_file()]


def _has_metadata(folder: Path) -> bool:
    return any((folder / name).exists() for name in ("metadata.csv", "metadata.jsonl"))


def _listed(folder: Path) -> Sequence[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError as error:
        raise DataError(
            f"{printable(folder)}: the folder cannot be read: {error.strerror}", hint="check its permissions"
        ) from error


def _no_class_folders(root: Path, folder: Path) -> DataError:
    count, name = len(_pictures_in(folder)), printable(folder)
    tables = [path.name for path in _listed(folder) if path.suffix.lower() in (".csv", ".tsv", ".jsonl")]
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

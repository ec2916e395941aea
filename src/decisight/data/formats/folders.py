"""What lies in a folder: other folders, pictures, and the folders of splits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from decisight.data.records import split_named
from decisight.errors import DataError
from decisight.imaging import is_image_name, printable

__all__ = ["is_passed_over", "listed", "pictures_in", "split_folders", "subfolders"]

_IGNORED_FOLDERS = {"__macosx", "@eadir", "$recycle.bin"}


def split_folders(root: Path, *, marked: Callable[[Path], bool] = lambda _: False) -> tuple[tuple[str, Path], ...]:
    """The folders of splits below ``root``, in the order train, val, test; empty where it is not divided so.

    A folder is that of a split by its name, unless it holds pictures and no folder, as a class called *train* would.

    Args:
        root: the folder above.
        marked: tells that a folder is one of a split even so, by what else lies in it.

    Raises:
        DataError: two folders are the same split, for example ``val`` and ``valid``.
    """
    found: dict[str, Path] = {}
    for folder in subfolders(root):
        split = split_named(folder.name)
        if split is None or (pictures_in(folder) and not subfolders(folder) and not marked(folder)):
            continue
        if split in found:
            raise DataError(
                f"{printable(root)}: '{found[split].name}' and '{folder.name}' are both the split '{split}'",
                hint="put what they hold into one",
            )
        found[split] = folder
    return tuple((split, found[split]) for split in ("train", "val", "test") if split in found)


def subfolders(folder: Path) -> list[Path]:
    """The folders in a folder, by name, but for hidden ones and those that systems make for themselves.

    Raises:
        DataError: the folder cannot be read.
    """
    return [path for path in listed(folder) if path.is_dir() and not is_passed_over(path.name)]


def pictures_in(folder: Path) -> list[Path]:
    """The pictures in a folder itself, by name.

    Raises:
        DataError: the folder cannot be read.
    """
    return [path for path in listed(folder) if is_image_name(path) and path.is_file()]


def listed(folder: Path) -> Sequence[Path]:
    """Everything in a folder, by name.

    Raises:
        DataError: the folder cannot be read.
    """
    try:
        return sorted(folder.iterdir())
    except OSError as error:
        raise DataError(
            f"{printable(folder)}: the folder cannot be read: {error.strerror}", hint="check its permissions"
        ) from error


def is_passed_over(folder_name: str) -> bool:
    """Whether a folder of that name is never searched: hidden, or made by a system for itself."""
    return folder_name.startswith(".") or folder_name.lower() in _IGNORED_FOLDERS

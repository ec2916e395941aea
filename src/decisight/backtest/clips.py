"""Recorded, labelled clips below a folder: each video with a table of the same name beside it."""

from __future__ import annotations

import os
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from decisight.errors import DataError
from decisight.files import printable

__all__ = ["VIDEO_SUFFIXES", "ClipFolder", "LabelledClip", "camera_of", "find_clips"]

VIDEO_SUFFIXES = (".mp4", ".mkv", ".avi", ".mov", ".m4v", ".webm")
"""How the name of a clip ends."""

_TABLE = ".csv"


@dataclass(frozen=True, slots=True)
class LabelledClip:
    """A video, and the table that says what is true of it.

    Args:
        name: its path below the folder, with ``/`` on every system.
        path: of the video.
        table: of the CSV file beside it.
    """

    name: str
    path: Path
    table: Path


@dataclass(frozen=True, slots=True)
class ClipFolder:
    """What a folder holds.

    Args:
        clips: in the order of their names.
        unlabelled: videos without a table.
        stray: tables without a video.
    """

    clips: tuple[LabelledClip, ...]
    unlabelled: tuple[Path, ...] = ()
    stray: tuple[Path, ...] = ()


def find_clips(folder: Path) -> ClipFolder:
    """Look for clips in a folder and those below it. Hidden files and folders are passed over.

    Raises:
        DataError: there is no such folder, there is no clip with a table, or a table belongs to two videos.
    """
    if not folder.is_dir():
        what = "is a file, not a folder" if folder.exists() else "does not exist"
        raise DataError(f"{printable(folder)}: {what}", hint="name the folder that the clips lie in")
    videos: dict[Path, Path] = {}
    tables: dict[Path, Path] = {}
    for path in _files(folder):
        if path.suffix.lower() == _TABLE:
            tables[path.with_suffix("")] = path
        elif path.suffix.lower() in VIDEO_SUFFIXES:
            other = videos.setdefault(path.with_suffix(""), path)
            if other != path:
                raise DataError(
                    f"{printable(other)} and {printable(path)} have one name, so that a table could be of either",
                    hint="rename or remove one of them",
                )
    clips = tuple(
        LabelledClip(path.relative_to(folder).as_posix(), path, tables[stem])
        for stem, path in videos.items()
        if stem in tables
    )
    if not clips:
        raise DataError(
            f"{printable(folder)}: there is no labelled clip",
            hint="a clip is a video with a table beside it: gate.mp4 and gate.csv, with the columns "
            "start,end,region,state",
        )
    return ClipFolder(
        clips,
        tuple(path for stem, path in videos.items() if stem not in tables),
        tuple(path for stem, path in tables.items() if stem not in videos),
    )


def camera_of(clip: LabelledClip, cameras: Collection[str], camera: str | None, site: str) -> str:
    """The camera that a clip is of: the one that is asked for, else that of its name without the ending.

    Args:
        clip: the clip.
        cameras: of the site, by name.
        camera: the one that is asked for.
        site: the site file, for messages.

    Raises:
        DataError: the site has none of that name.
    """
    name = clip.path.stem if camera is None else camera
    if name in cameras:
        return name
    hint = f"the cameras are: {', '.join(cameras)}"
    if camera is not None:
        raise DataError(f"there is no camera {camera!r} in {site}", hint=hint)
    raise DataError(
        f"{printable(clip.path)}: there is no camera {name!r} in {site}",
        hint=f"{hint}; name the clip as its camera is, or say which one with --camera",
    )


def _files(folder: Path) -> list[Path]:
    """All files below a folder, sorted."""

    def refuse(error: OSError) -> None:
        raise DataError(
            f"{printable(error.filename)}: cannot be read: {error.strerror}", hint="check its permissions"
        ) from error

    found = []
    for place, folders, names in os.walk(folder, onerror=refuse):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [Path(place, name) for name in names if not name.startswith(".")]
    return sorted(found)

"""Where collected pictures are kept: a folder with a ``metadata.csv``, to which any number of runs add.

A picture takes its name when it is whole, and then gets its row, each on the disk before the next step; so whatever
ends the process, no name stands for half a picture, and no row is lost or without its picture.
"""

from __future__ import annotations

import bisect
import errno
import json
import os
import re
import secrets
import threading
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from decisight.collecting.likeness import LATELY, Lately, signature
from decisight.collecting.table import TABLE, PictureTable, append_row, fill_row, locked, mend, stored_pictures
from decisight.data.formats.cells import FILE_NAME, ORIGIN, SOURCE
from decisight.errors import DataError, ImageError, OutputError, UsageError
from decisight.files import printable, sync_folder, unwritable
from decisight.imaging import encode_jpeg, encode_png, read_image
from decisight.sources.moments import parse_moment
from decisight.spans import MICROSECOND
from decisight.types import Prediction, is_label

if TYPE_CHECKING:
    from decisight.imaging import Pixels

__all__ = ["PREDICTIONS", "QUALITY", "Crop", "PictureFolder", "moment_text"]

PREDICTIONS = "predictions.jsonl"
"""Beside the table: what a model said of pictures that were stored since it was not sure of them. That is no label."""

QUALITY = 95
"""Of JPEG files: what it loses is far below what a classifier sees."""

_WHOLE = "all"
"""What stands in names of files for the region, where all of the picture is meant."""
_NO_NAME = re.compile(r"[^\w.\-]+|^\.")
_MOST_NAMES = 1000
_TRIES = 3
_MILLISECOND = 1e-3
"""To which times are stored."""


@dataclass(frozen=True, slots=True, eq=False)
class Crop:
    """A picture that may be stored.

    Args:
        camera: its name.
        region: the region's name; ``None`` for all of the picture.
        time: when it was taken, in seconds since 1970.
        pixels: uint8 (H, W, 3), as a model would see it.
    """

    camera: str
    region: str | None
    time: float
    pixels: Pixels


class PictureFolder:
    """A folder that pictures are added to; from several threads at once.

    Args:
        path: the folder; where there is none it is made with the first picture.
        groups: columns for labels, which stay empty.
        file_type: of the pictures.

    Raises:
        OutputError: it cannot be made or written, or holds something else.
        DataError: its table cannot be read.
        UsageError: a label group has a name that cannot be used.
    """

    def __init__(self, path: Path, groups: Sequence[str] = (), file_type: Literal["jpg", "png"] = "jpg") -> None:
        self.path = path
        self.table = path / TABLE
        self._type = file_type
        self._lock = threading.Lock()
        self._columns = [FILE_NAME, *ORIGIN, SOURCE, *_checked(groups)]
        self._made = False
        _check_contents(path)
        self.mended = False
        """Whether half a row was taken away from the end of its table."""
        if self.table.exists():
            self.mended = mend(self.table)
            table = self._make()
        else:
            _check_place(path)
            table = PictureTable.new(self.table, self._columns)
        self.before = len(table.rows)
        """Pictures that were there at the beginning."""
        self.stored = 0
        self._sources: dict[str, list[tuple[str, float]]] = defaultdict(list)
        self._times: dict[tuple[str, str], list[float]] = defaultdict(list)
        self._files: dict[tuple[str, str], list[str]] = defaultdict(list)
        self._named = set()
        for row in stored_pictures(table):
            key = row["camera"], row["region"]
            self._named.add(row[FILE_NAME])
            self._files[key].append(row[FILE_NAME])
            with suppress(UsageError):
                time = parse_moment(row["time"], "time")
                self._times[key].append(time)
                self._sources[row["camera"]].append((row[SOURCE], time))
        for times in self._times.values():
            times.sort()

    def sources(self, camera: str) -> list[tuple[str, float]]:
        """The source and the time of each picture of a camera that was there at the beginning."""
        return self._sources[camera]

    def holds(self, camera: str, region: str | None, time: float, within: float = 0.0) -> bool:
        """Whether a picture of that moment was there at the beginning: a recording may be gone through again.

        Args:
            camera: its name.
            region: as in :class:`Crop`.
            time: in seconds since 1970.
            within: so many seconds before or after count as the same moment.
        """
        times = self._times.get((camera, region or ""), ())
        within = max(within - MICROSECOND, _MILLISECOND)
        at = bisect.bisect_left(times, time)
        return any(abs(other - time) < within for other in times[max(0, at - 1) : at + 1])

    def lately(self, camera: str, region: str | None) -> Lately:
        """The last pictures of a region, read from the folder."""
        found = Lately()
        for name in self._files[camera, region or ""][-LATELY:]:
            with suppress(ImageError):
                found.add(signature(read_image(self.path / name)))
        return found

    def store(self, crop: Crop, source: str, prediction: Prediction | None = None, model: str = "") -> str:
        """Store a picture.

        Args:
            crop: the picture.
            source: what it must not be divided from.
            prediction: what a model said of it.
            model: its name.

        Returns:
            The name of its file.

        Raises:
            OutputError: it cannot be written, or the disk is full; what was stored before is whole.
        """
        content = encode_jpeg(crop.pixels, quality=QUALITY) if self._type == "jpg" else encode_png(crop.pixels)
        time = moment_text(crop.time)
        with self._lock:
            if not self._made:
                self._make()
            with locked(self.table):
                name, is_there = self._free_name(crop, content)
                if not is_there:
                    self._write(name, content)
                cells = {FILE_NAME: name, "camera": crop.camera, "region": crop.region or "", "time": time}
                cells[SOURCE] = source
                # One that lay there may have got its row meanwhile, from another process.
                if not is_there or not fill_row(self.table, cells):
                    append_row(self.table, cells)
                if prediction is not None:
                    self._predicted(name, prediction, model)
            self._named.add(name)
            self.stored += 1
        return name

    def _make(self) -> PictureTable:
        """Make the folder and its table, or give the one that is there the columns that it lacks."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise unwritable(self.path, error) from error
        # Another process may make it, or add a column, in the same moment.
        for _ in range(_TRIES):
            table = PictureTable.read(self.table) if self.table.exists() else PictureTable.new(self.table, [])
            lacks = not set(self._columns) <= set(table.columns)
            table.add_columns(self._columns)
            if not lacks or table.save():
                self._made = True
                return table
        raise DataError(f"{printable(self.table)} was changed just now by another program", hint="begin again")

    def _free_name(self, crop: Crop, content: bytes) -> tuple[str, bool]:
        """A name for a picture, and whether the same picture lies there already, as a crash has left it: without a row.

        Raises:
            OutputError: there is none.
        """
        stem = "_".join((_slug(crop.camera), _slug(crop.region or _WHOLE), moment_text(crop.time).translate(_COMPACT)))
        for number in range(1, _MOST_NAMES):
            name = f"{stem}{f'-{number}' if number > 1 else ''}.{self._type}"
            if name in self._named:
                continue
            path = self.path / name
            if not os.path.lexists(path):
                return name, False
            with suppress(OSError):
                if path.read_bytes() == content:
                    return name, True
        raise OutputError(f"{printable(self.path / stem)}.{self._type} is there already", hint="name another folder")

    def _write(self, name: str, content: bytes) -> None:
        draft = self.path / f".decisight-{secrets.token_hex(6)}.part"
        try:
            try:
                with draft.open("xb") as file:
                    file.write(content)
                    file.flush()
                    os.fsync(file.fileno())
                draft.rename(self.path / name)
            finally:
                with suppress(OSError):
                    draft.unlink(missing_ok=True)
            with suppress(OSError):
                sync_folder(self.path)
        except OSError as error:
            raise unwritable(self.path / name, error, left="what was stored before is whole") from error

    def _predicted(self, name: str, prediction: Prediction, model: str) -> None:
        path = self.path / PREDICTIONS
        results = [
            {"group": one.group, "label": one.label, "confidence": round(one.confidence, 6)}
            for one in prediction.results()
        ]
        line = json.dumps({FILE_NAME: name, "model": model, "results": results}, ensure_ascii=False) + "\n"
        try:
            with path.open("ab") as file:
                file.write(line.encode())
        except OSError as error:
            raise unwritable(path, error, left="what was stored before is whole") from error


def moment_text(time: float) -> str:
    """A time in ISO 8601, UTC, to the millisecond.

    Example:
        >>> moment_text(12.5)
        '1970-01-01T00:00:12.500Z'
    """
    try:
        return datetime.fromtimestamp(time, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    except (ValueError, OverflowError, OSError):  # later than the year 9999
        return f"{time:.3f}"


_COMPACT = str.maketrans("", "", "-:")
"""What the names of files do without."""


def _slug(text: str) -> str:
    """A name as a part of a file's name that every system takes."""
    return _NO_NAME.sub("-", text).strip("-")[:60] or "camera"


def _checked(groups: Iterable[str]) -> list[str]:
    found = list(dict.fromkeys(groups))
    taken = {FILE_NAME, SOURCE, "split", *ORIGIN}
    for name in found:
        if not is_label(name) or ":" in name or name in taken:
            raise UsageError(
                f"a label group cannot be called {name!r}",
                hint=f"give it a name without ':' and '|' that is none of {', '.join(sorted(taken))}",
            )
    return found


def _check_place(path: Path) -> None:
    """See before anything is looked at that a folder can be made.

    Raises:
        OutputError: what is to hold it cannot be written, or is no folder.
    """
    place = path.absolute()
    while not os.path.lexists(place):
        place = place.parent
    number = errno.ENOTDIR if not place.is_dir() else 0 if os.access(place, os.W_OK | os.X_OK) else errno.EACCES
    if number:
        raise unwritable(path, OSError(number, os.strerror(number)))


def _check_contents(path: Path) -> None:
    """Refuse a folder that holds something else, which nobody could tell from what is collected.

    Raises:
        OutputError: it does.
    """
    if os.path.lexists(path) and not path.is_dir():
        raise OutputError(f"{printable(path)} is a file, not a folder", hint="name a folder")
    try:
        names = {entry.name for entry in os.scandir(path)} if path.is_dir() else set()
    except OSError as error:
        raise unwritable(path, error) from error
    others = sorted(name for name in names if not name.startswith("."))
    if TABLE not in names and others:
        raise OutputError(
            f"{printable(path)} holds something else already ({printable(others[0])}), and no {TABLE}",
            hint="name a new folder with --output",
        )
    if "metadata.jsonl" in names:
        raise OutputError(
            f"{printable(path)} holds a metadata.jsonl: two tables would contradict each other",
            hint="name a new folder with --output",
        )


def model_predictions(path: Path) -> Mapping[str, dict[str, dict[str, float]]]:
    """What was said of collected pictures: by file, group and label, a confidence in 0..1; of damaged lines nothing."""
    found: dict[str, dict[str, dict[str, float]]] = {}
    try:
        lines = (path / PREDICTIONS).read_text("utf-8", errors="replace").splitlines()
    except OSError:
        return found
    for line in lines:
        with suppress(ValueError, KeyError, TypeError):
            values = json.loads(line)
            groups: dict[str, dict[str, float]] = defaultdict(dict)
            for one in values["results"]:
                groups[str(one["group"])][str(one["label"])] = float(one["confidence"])
            found[str(values[FILE_NAME])] = dict(groups)
    return found

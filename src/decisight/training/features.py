"""Features of pictures: what the taps of a backbone say, pooled, in every view that training may want."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from decisight import imaging
from decisight.compute import open_session, runtime
from decisight.data.dataset import Skipped
from decisight.errors import ImageError
from decisight.models.heads import feature_graph, feature_widths
from decisight.models.stream import in_order
from decisight.training.cache import FeatureCache
from decisight.types import FitMode
from decisight.versions import decisight_version

if TYPE_CHECKING:
    from decisight.models.backbones import Backbone

__all__ = ["FEATURE_KINDS", "FeatureExtractor", "Features", "View", "all_features"]

FEATURE_KINDS = ("all.mean", "all.max", "top.mean", "middle.mean", "bottom.mean")
"""How each tap is pooled: the whole map by mean and maximum, and overlapping halves of its height by mean."""

_RECIPE = 1
"""Raised whenever decoding, fitting or pooling changes what comes out, so that old cache entries are not used."""

_LARGEST = 60_000.0
"""Features are held to what float16 can say; those of a trained backbone stay far below it."""

Progress = Callable[[str, int, int], None]
"""Called with what is being done, how much of it is done, and how much there is."""


@dataclass(frozen=True, slots=True)
class View:
    """One way of looking at a picture: how it is brought to a square, and whether it is mirrored left to right."""

    fit: FitMode
    mirrored: bool = False


@dataclass(frozen=True, slots=True)
class Features:
    """Features of the pictures that could be read.

    Args:
        kept: int (N,), where in the list of paths each readable picture stands.
        digests: SHA-256 of each file's content, by picture.
        views: float16 (N, features) by view; columns as :func:`all_features` lists them.
        skipped: the pictures that could not be read, and why.
        cached: how many of the N * len(views) rows came from the cache.
    """

    kept: npt.NDArray[np.int64]
    digests: tuple[str, ...]
    views: dict[View, npt.NDArray[np.float16]]
    skipped: tuple[Skipped, ...]
    cached: int


def all_features(backbone: Backbone) -> tuple[str, ...]:
    """The name ``tap.region.pooling`` of every feature that training looks at, tap by tap."""
    return tuple(f"{tap.name}.{kind}" for tap in backbone.taps for kind in FEATURE_KINDS)


class FeatureExtractor:
    """Computes features on all cores, or takes them from the cache.

    Values are rounded to float16 whether they were cached or not, so a second training gives the same model.

    Args:
        backbone: whose features.
        cache: where they are looked for first.
        threads: how many pictures are worked on at once.
    """

    def __init__(self, backbone: Backbone, cache: FeatureCache, *, threads: int) -> None:
        self.backbone = backbone
        self.threads = threads
        self._cache = cache
        self._names = all_features(backbone)
        self._width = sum(feature_widths(backbone, self._names))
        self._session: Any = None
        ran = runtime()
        self._recipe = repr((_RECIPE, backbone.digest, self._names, ran.name, ran.version)).encode()

    def extract(self, paths: Sequence[Path], views: Sequence[View], progress: Progress) -> Features:
        """Features of every readable picture in every view.

        Args:
            paths: the pictures' files.
            views: which views.
            progress: told after every few pictures.
        """
        if self._session is None:
            graph = feature_graph(self.backbone, self._names, decisight_version())
            self._session = open_session(graph.SerializeToString(), threads=1, name="the backbone")
        kept: list[int] = []
        digests: list[str] = []
        skipped: list[Skipped] = []
        cached = 0
        tables = {view: np.empty((len(paths), self._width), np.float16) for view in views}
        progress("features", 0, len(paths))
        rows = in_order(lambda chunk: self._picture(chunk[0], views), paths, size=1, threads=self.threads)
        for at, row in enumerate(rows):
            if isinstance(row, Skipped):
                skipped.append(row)
            else:
                for view, values in zip(views, row.values, strict=True):
                    tables[view][len(kept)] = values
                kept.append(at)
                digests.append(row.digest)
                cached += row.cached
            progress("features", at + 1, len(paths))
        return Features(
            np.array(kept, np.int64),
            tuple(digests),
            {view: table[: len(kept)] for view, table in tables.items()},
            tuple(skipped),
            cached,
        )

    def _picture(self, path: Path, views: Sequence[View]) -> _Row | Skipped:
        try:
            data = imaging.read_bytes(path)
            keys = [self._key(data, view) for view in views]
            width = self._width * np.dtype(np.float16).itemsize
            found = {key: value for key, value in self._cache.get(keys).items() if len(value) == width}
            wanted = [view for view, key in zip(views, keys, strict=True) if key not in found]
            fresh = self._compute(data, path, wanted) if wanted else {}
        except ImageError as error:
            return Skipped(path, error.message)
        self._cache.put({self._key(data, view): values.tobytes() for view, values in fresh.items()})
        values = [
            fresh[view] if view in fresh else np.frombuffer(found[key], np.float16)
            for view, key in zip(views, keys, strict=True)
        ]
        return _Row(hashlib.sha256(data).hexdigest(), values, len(views) - len(wanted))

    def _key(self, data: bytes, view: View) -> bytes:
        spec = self.backbone.input
        what = repr((view.fit.value, view.mirrored, spec.size, spec.fill)).encode()
        return hashlib.sha256(hashlib.sha256(data).digest() + self._recipe + what).digest()

    def _compute(self, data: bytes, path: Path, views: Sequence[View]) -> dict[View, npt.NDArray[np.float16]]:
        picture, spec = imaging.decode(data, name=path), self.backbone.input
        fitted = {fit: imaging.fit(picture, spec.size, fit, spec.fill) for fit in {view.fit for view in views}}
        batch = np.stack([fitted[v.fit][:, ::-1] if v.mirrored else fitted[v.fit] for v in views])
        (values,) = self._session.run(["features"], {"image": batch})
        return {
            view: np.clip(row, -_LARGEST, _LARGEST).astype(np.float16) for view, row in zip(views, values, strict=True)
        }


@dataclass(frozen=True, slots=True)
class _Row:
    digest: str
    values: list[npt.NDArray[np.float16]]
    cached: int

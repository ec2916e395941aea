"""Features of pictures: what the taps of a backbone say, pooled, in every view that training may want."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from decisight import imaging
from decisight.compute import RuntimeChoice, open_network, runtime
from decisight.data.dataset import Example, Skipped
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

_RUNTIME = RuntimeChoice("onnxruntime", "fp32")
"""Whatever is installed: a model shall not depend on the machine that it was trained on."""

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
        kept: int (N,), where in the list of examples each readable one stands.
        digests: SHA-256 in hexadecimal of what was looked at in each, as :meth:`Example.digest` gives it.
        shapes: float64 (N,), width by height of what was looked at.
        views: float16 (N, features) by view; columns as :func:`all_features` lists them.
        skipped: the pictures that could not be read, and why.
        cached: how many of the rows that were asked for, N in each view, came from the cache.
    """

    kept: npt.NDArray[np.int64]
    digests: tuple[str, ...]
    shapes: npt.NDArray[np.float64]
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
        graph = feature_graph(backbone, self._names, decisight_version()).SerializeToString()
        self._network = open_network(graph, ["features"], runtime=_RUNTIME, callers=threads, name="the backbone")
        self._last = threading.local()
        ran = runtime(_RUNTIME)
        self._recipe = repr((_RECIPE, backbone.digest, self._names, ran.name, ran.version)).encode()

    def extract(self, examples: Sequence[Example], views: Sequence[View], progress: Progress) -> Features:
        """Features of every readable picture in every view; of one with a region, of what lies in it.

        Args:
            examples: the pictures.
            views: which views.
            progress: told after every few pictures.
        """
        kept: list[int] = []
        digests: list[str] = []
        shapes: list[float] = []
        skipped: list[Skipped] = []
        cached = 0
        tables = {view: np.empty((len(examples), self._width), np.float16) for view in views}
        progress("features", 0, len(examples))
        rows = in_order(lambda chunk: self._picture(chunk[0], views), examples, size=1, threads=self.threads)
        for at, row in enumerate(rows):
            if isinstance(row, Skipped):
                skipped.append(row)
            else:
                for view, values in zip(views, row.values, strict=True):
                    tables[view][len(kept)] = values
                kept.append(at)
                digests.append(row.digest)
                shapes.append(row.shape)
                cached += row.cached
            progress("features", at + 1, len(examples))
        return Features(
            np.array(kept, np.int64),
            tuple(digests),
            np.array(shapes, np.float64),
            {view: table[: len(kept)] for view, table in tables.items()},
            tuple(skipped),
            cached,
        )

    def _picture(self, example: Example, views: Sequence[View]) -> _Row | Skipped:
        try:
            content = example.read()
            digest = example.digest(content)
            keys = {view: self._key(digest, view) for view in views}
            shape_key = self._key(digest, None)
            found = self._cache.get([shape_key, *keys.values()])
            shape = _shape_of(found.get(shape_key, b""))
            width = self._width * np.dtype(np.float16).itemsize
            kept = {view: found[key] for view, key in keys.items() if len(found.get(key, b"")) == width}
            wanted = [view for view in views if view not in kept]
            fresh: dict[View, npt.NDArray[np.float16]] = {}
            if wanted or shape is None:
                pixels = self._looked_at(example, content)
                shape = pixels.shape[1], pixels.shape[0]
                fresh = self._compute(pixels, wanted) if wanted else {}
                entries = {keys[view]: values.tobytes() for view, values in fresh.items()}
                self._cache.put({shape_key: np.array(shape, "<u4").tobytes(), **entries})
        except ImageError as error:
            return Skipped(example.path, error.message)
        values = [fresh[view] if view in fresh else np.frombuffer(kept[view], np.float16) for view in views]
        return _Row(digest.hex(), shape[0] / shape[1], values, len(kept))

    def _key(self, digest: bytes, view: View | None) -> bytes:
        """Of the features in a view; without one, of the size of what is looked at."""
        spec = self.backbone.input
        what = b"size" if view is None else repr((view.fit.value, view.mirrored, spec.size, spec.fill)).encode()
        return hashlib.sha256(digest + self._recipe + what).digest()

    def _looked_at(self, example: Example, content: bytes) -> npt.NDArray[np.uint8]:
        """The picture, or what of it lies in the example's region: uint8 (H, W, 3)."""
        if example.region is None:
            return imaging.decode(content, name=example.path)
        # Boxes of one picture stand one after another: it is decoded once a thread, not once a box.
        last = getattr(self._last, "picture", None)
        if last is None or last[0] != content:
            last = self._last.picture = (content, imaging.decode(content, name=example.path))
        return example.region.cut(last[1], self.backbone.input.fill)

    def _compute(self, pixels: npt.NDArray[np.uint8], views: Sequence[View]) -> dict[View, npt.NDArray[np.float16]]:
        spec = self.backbone.input
        fitted = {fit: imaging.fit(pixels, spec.size, fit, spec.fill) for fit in {view.fit for view in views}}
        batch = np.stack([fitted[v.fit][:, ::-1] if v.mirrored else fitted[v.fit] for v in views])
        (values,) = self._network.run(batch)
        return {
            view: np.clip(row, -_LARGEST, _LARGEST).astype(np.float16) for view, row in zip(views, values, strict=True)
        }


@dataclass(frozen=True, slots=True)
class _Row:
    digest: str
    shape: float
    values: list[npt.NDArray[np.float16]]
    cached: int


def _shape_of(kept: bytes) -> tuple[int, int] | None:
    """Width and height as the cache holds them; ``None`` where it does not."""
    if len(kept) != 8:
        return None
    width, height = np.frombuffer(kept, "<u4").tolist()
    return (width, height) if width and height else None

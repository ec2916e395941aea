"""Fitting what tells how familiar a picture is, and calibrating it on pictures that were left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from decisight.data.dataset import Dataset
from decisight.data.folds import assign_folds
from decisight.models.familiarity import ConformalScale, Distance, Familiarity, unit_length
from decisight.training.features import Features, View
from decisight.training.recipes import Layout

if TYPE_CHECKING:
    from decisight.models.backbones import Backbone

__all__ = ["DIMENSIONS", "FOLDS", "PICTURES", "fit_distance", "fit_familiarity", "out_of_fold_distances"]

Units = npt.NDArray[np.float32]

DIMENSIONS = 32
"""Directions with a variance of their own, at most: more tell cars from flowers no better, and cost more."""

_SOURCES_A_DIMENSION = 8
"""With fewer sources to each direction, what a fold leaves out is further than a new picture will be."""

FOLDS = 10
"""More than the choices are made in: what is fitted on nine tenths measures almost as what is fitted on all."""

PICTURES = 2_000
"""It is fitted and calibrated on at most so many pictures: p-values of more are finer than anybody wants."""

_LEAST_VARIANCE = 1e-9
"""Of vectors of length 1: where all pictures are copies of one another, there is none."""

_SPARE, _ROUNDS = 8, 8


def fit_familiarity(
    backbone: Backbone, part: Dataset, features: Features, view: View, *, seed: int = 0
) -> Familiarity | None:
    """Fit the distance on the training pictures, and calibrate it on its like from folds that left them out.

    It sees the mean of the deepest map, which every model computes, and no labels: so it is the same however many
    groups there are, and whatever is known of them. Mirrored pictures play no part: no picture is mirrored before it is
    asked about, and the distance of one whose mirror image was learnt from would be too small to calibrate on.

    Pictures of one source stay in one fold and count as one, since the next source may be unlike all of them.

    Args:
        backbone: whose features.
        part: the training pictures.
        features: of all of them.
        view: how a picture is looked at that is asked about.
        seed: another seed deals other folds.

    Returns:
        ``None`` where there is only one source.
    """
    columns = Layout(backbone).of(feature := f"{backbone.taps[-1].name}.all.mean")
    sources = _sources(part, features)
    rows = _drawn(sources, features.digests, PICTURES)
    names = [sources[row] for row in rows]
    sizes = Counter(names)
    if len(sizes) < 2:
        return None
    units = unit_length(features.views[view][rows, columns])
    dimensions = min(DIMENSIONS, len(sizes) // _SOURCES_A_DIMENSION)
    folds = assign_folds([""] * len(rows), names, min(FOLDS, len(sizes)), seed)
    distances = out_of_fold_distances(units, folds, dimensions)
    scale = ConformalScale.of(distances, np.array([1.0 / sizes[name] for name in names]))
    distance = fit_distance(units, dimensions)
    return Familiarity(feature, distance, scale, len(rows), len(sizes), int(folds.max()) + 1)


def out_of_fold_distances(units: Units, folds: npt.NDArray[np.intp], dimensions: int) -> npt.NDArray[np.float64]:
    """The distance float64 (N,) of each picture, fitted on the folds that it is not in.

    Args:
        units: float32 (N, features), vectors of length 1.
        folds: int (N,), at least two of them.
        dimensions: as :func:`fit_distance` takes it; the same in all folds, or distances could not be compared.
    """
    distances = np.zeros(len(units))
    for fold in np.unique(folds):
        out = folds == fold
        distances[out] = fit_distance(units[~out], dimensions).of(units[out])
    return distances


def fit_distance(units: Units, dimensions: int) -> Distance:
    """Mahalanobis's distance from vectors of length 1.

    Variances are those that a new picture is expected to have about the mean that was found, so that distances of fits
    on fewer and on more pictures are alike: each fitted direction has taken up one degree of freedom of the rest, and
    the mean itself is off by the variance of a mean.

    Args:
        units: float32 (N, features), N at least 1.
        dimensions: how many directions get a variance of their own, 0 or more; fewer where there are few pictures.
    """
    count, width = units.shape
    mean = units.mean(axis=0, dtype=np.float64)
    centred = (units - mean).astype(np.float32)
    directions, squares = _principal(centred, max(0, min(dimensions, count - 2)))
    k = len(squares)
    left = max(float(np.sum(centred.astype(np.float64) ** 2)) - float(squares.sum()), 0.0)
    about_mean = 1.0 + 1.0 / count
    rest = max(about_mean * left / max(count - 1 - k, 1) / (width - k), _LEAST_VARIANCE)
    variances = np.maximum(about_mean * squares / max(count - 1, 1), rest)
    return Distance(mean, directions, variances, rest)


def _principal(centred: Units, k: int) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """The ``k`` orthonormal directions (features, k) of most variance, and the sums of squares (k,) along them.

    By subspace iteration from a random start (Halko et al. 2011, "Finding structure with randomness"), with some
    directions to spare: all is matrix products, and the same data give the same result.
    """
    width = min(k + _SPARE, *centred.shape)
    if k == 0:
        return np.zeros((centred.shape[1], 0)), np.zeros(0)
    block = np.random.default_rng(0).standard_normal((centred.shape[1], width)).astype(np.float32)
    for _ in range(_ROUNDS):
        block = np.linalg.qr(centred.T @ (centred @ block))[0]
    _, values, turned = np.linalg.svd((centred @ block).astype(np.float64), full_matrices=False)
    return (block @ turned.T)[:, :k].astype(np.float64), np.asarray(values[:k] ** 2, np.float64)


def _sources(part: Dataset, features: Features) -> list[str]:
    """What each picture was cut from; one without a source counts as one of its own, together with its copies."""
    found = []
    for example, digest in zip(part.examples, features.digests, strict=True):
        if example.source is not None:
            found.append(f"source:{example.source}")
        else:
            found.append(f"picture:{example.path}" if example.region is not None else f"content:{digest}")
    return found


def _drawn(sources: Sequence[str], digests: Sequence[str], most: int) -> list[int]:
    """At most so many pictures, drawn by their digests: one of each source, then a second of each, and so on."""
    met: Counter[str] = Counter()
    order = []
    for row in sorted(range(len(sources)), key=lambda row: digests[row]):
        order.append((met[sources[row]], row))
        met[sources[row]] += 1
    order.sort(key=lambda pair: pair[0])
    return sorted(row for _, row in order[:most])

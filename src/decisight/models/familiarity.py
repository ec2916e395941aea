"""Familiarity: how far a picture is from those that were learnt from, as a conformal p-value inside the graph.

The distance is Mahalanobis's, of the mean of the deepest map as a vector of unit length: its direction is what is in
the picture, its length is mostly contrast. Along a few directions in which the training pictures vary most it counts in
units of their variances there, in all others together in units of the variance that is left (probabilistic principal
components, Tipping and Bishop 1999). Labels play no part in it.

The p-value is the share of calibration pictures that are at least as far (Vovk et al. 2005, "Algorithmic learning in a
random world"), with the picture itself counted among them. Of pictures drawn like those that were learnt from about a
share ``a`` has a familiarity of ``a`` or less. That is measured, not proven: the calibration pictures' distances are of
fits on nine tenths each, the new picture's of a fit on all, and such a cross-conformal p-value is valid approximately
only (Vovk 2015, "Cross-conformal predictors"). What is proven for a kin of it is ``2 a`` (Barber et al. 2021,
"Predictive inference with the jackknife+", for CV+).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from decisight.models.graph import GraphBuilder
from decisight.models.model_file import FAMILIARITY

__all__ = ["METHOD", "ConformalScale", "Distance", "Familiarity", "calibrated_on", "unit_length"]

Vector = npt.NDArray[np.float64]

METHOD = "conformal p-value of Mahalanobis's distance, probabilistic principal components"
"""What the card of a model says."""

_NOTHING = 1e-6
"""Added to every feature before its length is taken: a picture of which the backbone sees nothing has one too."""

_FINENESS = 0.02
"""A kept order statistic stands for those below it of which the p-value is larger by at most this share."""

_NEAREST = 1e-3
"""Order statistics that are nearer to each other than this are one, in units of the spread of the distances."""

_TAIL = 0.1
"""Within so much beyond the furthest calibration picture the p-value falls to its least, in units of the spread."""


def unit_length(features: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    """Features (N, features), not below 0, as vectors of length 1: float32 of the same shape."""
    wide = features.astype(np.float32) + np.float32(_NOTHING)
    return np.asarray(wide / np.linalg.norm(wide, axis=1, keepdims=True))


@dataclass(frozen=True, slots=True)
class Distance:
    """A squared Mahalanobis distance, of about 1 for pictures like those that it was fitted on.

    Args:
        mean: float64 (features,), of vectors of unit length.
        directions: float64 (features, k), orthonormal; k may be 0.
        variances: float64 (k,), along them, above 0.
        rest: the variance along each other direction, above 0.
    """

    mean: Vector
    directions: npt.NDArray[np.float64]
    variances: Vector
    rest: float

    @property
    def weights(self) -> Vector:
        """Float64 (features + k,): of the squared deviations from the mean, then of the squares along the directions.

        A square along a direction is in the sum of the squared deviations already, so its weight is what is to be
        changed of that.
        """
        width = len(self.mean)
        along = 1.0 / self.variances - 1.0 / self.rest
        return np.asarray(np.concatenate([np.full(width, 1.0 / self.rest), along]) / width)

    def of(self, units: npt.NDArray[Any]) -> Vector:
        """Distances float64 (N,) of vectors of unit length (N, features)."""
        deviation = units.astype(np.float64) - self.mean
        both = np.hstack([deviation, deviation @ self.directions])
        return np.asarray(both**2 @ self.weights, np.float64)


@dataclass(frozen=True, slots=True)
class ConformalScale:
    """From distances to p-values: falling, linear between knots, level before the first and after the last.

    It is never below the p-value that is counted, so that it refuses no more than that.

    Args:
        centre: the distance that knots are counted from.
        spread: the distance that they are counted in, above 0.
        knots: float64 (K,), rising.
        values: float64 (K,), the p-value at each: falling, the first 1.
    """

    centre: float
    spread: float
    knots: Vector
    values: Vector

    @classmethod
    def of(cls, distances: Vector, weights: Vector) -> ConformalScale:
        """From the distances of calibration pictures.

        Args:
            distances: float64 (N,), of pictures that the distance was not fitted on; N at least 1.
            weights: float64 (N,), what each picture counts for: 1, or less where several have one source, such that
                those of a source add up to 1.
        """
        order = np.argsort(distances, kind="stable")
        low, centre, high = np.quantile(distances, (0.1, 0.5, 0.9)).tolist()
        # Where most pictures are equally far, or one is very far, so that knots are numbers that float32 tells apart.
        spread = max(high - low, 1e-3 * abs(centre), 1e-3 * float(np.ptp(distances)), 1e-9)
        sources = weights.sum()
        at_least = (1.0 + np.cumsum(weights[order][::-1])[::-1]) / (sources + 1.0)
        at_least[0] = 1.0
        sorted_distances = (distances[order] - centre) / spread
        knots, values = [sorted_distances[-1] + _TAIL], [1.0 / (sources + 1.0)]
        top = len(order) - 1
        while top >= 0:
            # The furthest of some neighbours gets the p-value of the nearest: between knots the line is then above all
            # that is left out.
            alike = at_least <= at_least[top] * (1.0 + _FINENESS)
            same = alike | (sorted_distances > sorted_distances[top] - _NEAREST)
            first = int(np.argmax(same))
            knots.append(sorted_distances[top])
            values.append(at_least[first])
            top = first - 1
        return cls(centre, spread, np.array(knots[::-1]), np.array(values[::-1]))

    def __call__(self, distances: Vector) -> Vector:
        """The p-values float64 (N,) of distances."""
        return np.asarray(np.interp((distances - self.centre) / self.spread, self.knots, self.values))


@dataclass(frozen=True, slots=True)
class Familiarity:
    """What the graph's output ``familiarity`` is computed by.

    Args:
        feature: whose mean over the map is looked at, as ``tap.region.pooling``.
        distance: how far a picture is.
        scale: what that is worth.
        pictures: how many it was fitted and calibrated on.
        sources: of how many sources they are, each picture without one counting as one.
        folds: in how many folds the distances that it was calibrated on were found.
    """

    feature: str
    distance: Distance
    scale: ConformalScale
    pictures: int
    sources: int
    folds: int

    def of(self, features: npt.NDArray[Any]) -> Vector:
        """The familiarity float64 (N,) of pictures with the feature's values (N, features)."""
        return self.scale(self.distance.of(unit_length(features)))

    def to_json(self) -> dict[str, Any]:
        """What the card says of it."""
        return {
            "method": METHOD,
            "feature": self.feature,
            "dimensions": len(self.distance.variances),
            "pictures": self.pictures,
            "sources": self.sources,
            "folds": self.folds,
            "least": float(self.scale.values[-1]),
        }

    def add_to(self, graph: GraphBuilder) -> str:
        """Add the output ``familiarity`` (N, 1) to a graph that has the feature (N, features) under its own name.

        Squares are summed in one matrix product, which counts from the middle of the distances and in their spread: so
        what a runtime rounds away is little beside the differences between pictures, in bfloat16 too.
        """

        def constant(name: str, value: npt.NDArray[np.float64]) -> str:
            return graph.constant(f"familiarity/{name}", value.astype(np.float32))

        distance, scale = self.distance, self.scale
        x = graph.add("Add", [self.feature, constant("nothing", np.array([_NOTHING]))], "familiarity/seen")
        x = graph.add("LpNormalization", [x], "familiarity/unit", axis=1, p=2)
        x = graph.add("Sub", [x, constant("mean", distance.mean)], "familiarity/deviation")
        if len(distance.variances):
            along = [x, constant("directions", distance.directions)]
            x = graph.add("Concat", [x, graph.add("Gemm", along, "familiarity/along")], "familiarity/parts", axis=1)
        x = graph.add("Mul", [x, x], "familiarity/squares")
        weights = constant("weights", distance.weights[:, None] / scale.spread)
        centre = constant("centre", np.array([-scale.centre / scale.spread]))
        x = graph.add("Gemm", [x, weights, centre], "familiarity/distance")
        # How much of the way to the knot before each knot, 0..1; each step of the p-value is gone in that share.
        x = graph.add("Sub", [constant("knots", scale.knots[None, 1:]), x], "familiarity/before")
        x = graph.add("Mul", [x, constant("slopes", 1.0 / np.diff(scale.knots)[None])], "familiarity/ways")
        bounds = [constant("least", np.array(0.0)), constant("most", np.array(1.0))]
        x = graph.add("Clip", [x, *bounds], "familiarity/shares")
        steps, last = constant("steps", -np.diff(scale.values)[:, None]), constant("last", scale.values[-1:])
        x = graph.add("Gemm", [x, steps, last], "familiarity/sum")
        return graph.add("Clip", [x, *bounds], FAMILIARITY)


def calibrated_on(said: Mapping[str, Any]) -> str:
    """What the card says of familiarity, in one line; of a card that says nothing, that there is none."""
    if not said:
        return "none: the model does not tell what is unfamiliar to it"
    try:
        pictures, sources, least = int(said["pictures"]), int(said["sources"]), float(said["least"])
    except (KeyError, TypeError, ValueError, OverflowError):
        return "the model does not say on what it was calibrated"
    of = "" if sources == pictures else f" of {sources} sources"
    return f"calibrated on {pictures} pictures{of}, out of fold; the least that it can be is {least:.2g}"

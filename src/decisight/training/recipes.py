"""What a head may look at: which depths, pooled how; and the features of pictures as that makes them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from decisight.errors import UsageError
from decisight.models.heads import feature_widths
from decisight.training.features import FEATURE_KINDS, all_features
from decisight.training.probe import Standardiser

if TYPE_CHECKING:
    from decisight.models.backbones import Backbone

__all__ = ["DEPTHS", "POOLINGS", "Layout", "Recipe", "recipes"]

DEPTHS = ("last", "deep", "all", "shallow")
"""``last``: the last tap only. ``deep``: the later half. ``all``: every tap, each feature counting the same.
``shallow``: every tap, the early ones (which have few channels) counting for more."""

POOLINGS = {
    "mean": ("all.mean",),
    "mean+max": ("all.mean", "all.max"),
    "mean+max+halves": FEATURE_KINDS,
}
"""How maps are pooled: mean; maximum as well; and the means of overlapping halves of the height as well."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a head looks at.

    Args:
        depths: one of :data:`DEPTHS`.
        pooling: one of :data:`POOLINGS`.

    Raises:
        UsageError: it is none of them.
    """

    depths: str
    pooling: str

    def __post_init__(self) -> None:
        for name, value, known in (("depths", self.depths, DEPTHS), ("pooling", self.pooling, tuple(POOLINGS))):
            if value not in known:
                raise UsageError(f"{name} cannot be {value!r}", hint=f"it is one of: {', '.join(known)}")

    def __str__(self) -> str:
        return f"{self.depths} depths, {self.pooling}"


def recipes(depths: str | None, pooling: str | None) -> tuple[Recipe, ...]:
    """Every recipe to choose from, from the simplest on; ``depths`` and ``pooling`` hold one of the two fixed."""
    return tuple(
        Recipe(depth, pool)
        for pool in ([pooling] if pooling else POOLINGS)
        for depth in ([depths] if depths else DEPTHS)
    )


class Layout:
    """Where each feature of a backbone stands among the columns that an extractor gives."""

    def __init__(self, backbone: Backbone) -> None:
        self.names = all_features(backbone)
        self._taps = [tap.name for tap in backbone.taps]
        ends = np.cumsum(feature_widths(backbone, self.names))
        starts = [0, *ends[:-1].tolist()]
        self._columns = {name: slice(a, int(b)) for name, a, b in zip(self.names, starts, ends, strict=True)}

    def of(self, name: str) -> slice:
        """The columns of a feature."""
        return self._columns[name]

    def columns(self, recipe: Recipe) -> list[tuple[str, slice, float]]:
        """Name, columns and scale of each feature of a recipe, such that a picture's squared length is 1 on average.

        A tap of ``c`` channels has a share of the squared length in proportion to ``c``; for ``shallow``, to its root.
        """
        half = len(self._taps) // 2
        taps = {"last": self._taps[-1:], "deep": self._taps[half:]}.get(recipe.depths, self._taps)
        kinds = POOLINGS[recipe.pooling]
        width = {tap: self._width(f"{tap}.{kinds[0]}") for tap in taps}
        power = 0.5 if recipe.depths == "shallow" else 1.0
        total = sum(w**power for w in width.values())
        scale = {tap: float(np.sqrt(w**power / total / (w * len(kinds)))) for tap, w in width.items()}
        return [(f"{tap}.{kind}", self._columns[f"{tap}.{kind}"], scale[tap]) for tap in taps for kind in kinds]

    def design(
        self, features: Sequence[npt.NDArray[np.float16]], standardiser: Standardiser, recipe: Recipe
    ) -> npt.NDArray[np.float32]:
        """What a head sees of some pictures: float32 (rows of all tables, columns of the recipe)."""
        chosen = self.columns(recipe)
        rows = [
            np.hstack([standardiser.apply(table, columns) * np.float32(scale) for _, columns, scale in chosen])
            for table in features
        ]
        return rows[0] if len(rows) == 1 else np.vstack(rows)

    def _width(self, name: str) -> int:
        columns = self._columns[name]
        return int(columns.stop - columns.start)

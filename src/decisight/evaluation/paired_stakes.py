"""How far a difference in costs may be from the truth, where the dearest confusions are too rare to be seen.

What two models cost on the same pictures differs on few of them, and a single dear confusion may outweigh all others.
Where none was seen, no resample has one, and the bootstrap takes them for impossible: of equal costs it makes an
interval of no width. But it is known how much a confusion can cost at most, and of what hardly any picture shows, how
often it may occur all the same.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from decisight.evaluation.metrics import Floats
from decisight.evaluation.paired_intervals import Interval, gain_interval
from decisight.policies.loss_table import LossTable

__all__ = ["cost_interval", "most_apart"]

_HALVINGS = 7
"""Into how many layers more costs are divided: the last holds all below a hundredth of the most."""


def cost_interval(gaps: Floats, most: float, clusters: NDArray[np.int64] | None) -> Interval:
    """The interval of a mean difference in costs, from how often they differ, and by how much at most.

    The pictures on which they differ are divided into layers: by more than half the most, by more than a quarter, and
    so on. How much more often the second model is the dearer has Tango's interval in each layer, which says something
    where no picture is in it; times the dearest of the layer. The layers are added up by variance estimates recovery,
    see :func:`~decisight.evaluation.paired_intervals.mean_gain_interval`.

    Args:
        gaps: ``(N,)``, N at least 1: how much dearer the second model's decisions are.
        most: by how much they can be, 0 or more, see :func:`most_apart`; infinite where that is not known.
        clusters: the source of each picture, int ``(N,)``; ``None``: each is its own.

    Returns:
        Low and high with the mean between them, ``-most..most``.
    """
    if math.isinf(most):
        return -math.inf, math.inf
    value, below, above = float(gaps.mean()), 0.0, 0.0
    # Sums of costs may pass the most by rounding.
    sizes = np.minimum(np.abs(gaps), most)
    for dearest, cheaper in pairwise([*(most / 2.0**at for at in range(_HALVINGS + 1)), 0.0]):
        dearer = np.where((sizes > cheaper) & (sizes <= dearest), np.sign(gaps), 0.0).astype(np.int64)
        seen, (low, high) = float(dearer.mean()), gain_interval(dearer, clusters)
        below += (dearest * (seen - low)) ** 2
        above += (dearest * (high - seen)) ** 2
    return max(min(-most, value), value - math.sqrt(below)), min(max(most, value), value + math.sqrt(above))


def most_apart(tables: Sequence[LossTable]) -> float:
    """By how much the costs of two decisions on one picture can differ.

    Args:
        tables: as :meth:`~decisight.policies.least_cost.LeastCost.tables` gives them: one, or of an independent group
            one a label, whose costs add up.
    """

    def spread(table: LossTable) -> float:
        looks = [[cost] for cost in table.review] or [[]] * len(table.losses)
        rows = [[*row, *look] for row, look in zip(table.losses, looks, strict=True)]
        return max(max(row) - min(row) for row in rows)

    return math.fsum(spread(table) for table in tables)

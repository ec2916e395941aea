"""What was found, as a model file keeps it: JSON values by label."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from decisight.evaluation.estimates import proportion
from decisight.evaluation.operating.decision_costs import CostFigures
from decisight.evaluation.operating.decisions import LabelDecisions
from decisight.evaluation.operating.guarantee import METHOD, Guarantee
from decisight.evaluation.operating.metric_thresholds import Point, ThresholdFigures

__all__ = ["costs_entry", "guarantee_entry", "point_entry"]

CROSS_FITTING = "tenfold cross-fitting by source"


def guarantee_entry(
    decisions: LabelDecisions, found: Guarantee, *, assurance: float, jointly: int = 1
) -> dict[str, Any]:
    """A threshold that promises something.

    Args:
        decisions: that it was found by.
        found: the threshold.
        assurance: how surely; for several labels together, of all of them.
        jointly: for how many labels together; 1: each promise stands for itself.
    """
    accepted = decisions.accepted(found.threshold)
    return {
        "kind": "max_error",
        "threshold": found.threshold,
        "wanted": found.max_error,
        "assurance": assurance,
        "jointly": jointly,
        "unit": "source" if found.in_sources else "picture",
        "units": found.units,
        "accepted": found.accepted,
        "errors": found.errors,
        "bound": found.bound,
        **_kept(decisions, accepted),
        "method": METHOD,
    }


def point_entry(decisions: LabelDecisions, found: Point) -> dict[str, Any]:
    """A threshold by a figure."""
    return {
        "kind": found.aim,
        "threshold": found.threshold,
        "wanted": found.wanted,
        **_kept(decisions, decisions.accepted(found.threshold)),
        "here": _figures(found.here),
        "elsewhere": _figures(found.elsewhere),
        "method": CROSS_FITTING,
    }


def costs_entry(found: CostFigures) -> dict[str, Any]:
    """What costs come to in a group."""
    return {
        "kind": "least_cost",
        **found.to_json(),
        "method": "exact bounds of each amount's frequency",
    }


def _kept(decisions: LabelDecisions, accepted: NDArray[np.bool_]) -> dict[str, Any]:
    holds, clusters = decisions.holds, decisions.clusters
    return {
        "pictures": len(decisions),
        "pictures_accepted": int(accepted.sum()),
        "pictures_with_label": int(holds.sum()),
        "accepted_share": proportion(accepted, clusters).to_json(),
        "found_share": proportion(accepted[holds], None if clusters is None else clusters[holds]).to_json(),
    }


def _figures(figures: ThresholdFigures) -> dict[str, Any]:
    return {name: getattr(figures, name).to_json() for name in ("precision", "recall", "f1")}

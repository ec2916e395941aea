"""An explanation in plain words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from decisight.models.sight import ALL_OVER

if TYPE_CHECKING:
    from decisight.models.explanation import Explanation

__all__ = ["sentences"]

_NOTHING = 0.05
"""A logit below which nothing is said to lean."""
_EARLY, _LATE = "colour, texture, edges", "shape, object"


def sentences(explanation: Explanation) -> list[str]:
    """What was counted for and against a label, where, and how deep, in one to three sentences."""
    found = (_sums(explanation), _places(explanation), _depths(explanation))
    return [sentence for sentence in found if sentence]


def _sums(explanation: Explanation) -> str:
    seen, before = explanation.logit - explanation.baseline, explanation.baseline
    side = "for" if seen >= 0.0 else "against"
    if abs(before) < _NOTHING:
        leaning = "an average picture says nothing either way"
    else:
        leaning = f"an average picture speaks {'for' if before > 0.0 else 'against'} it ({before:+.2f})"
    return f"What is seen speaks {side} {explanation.label} ({seen:+.2f}); {leaning}: {explanation.logit:+.2f} in all."


def _places(explanation: Explanation) -> str:
    speaks_for, against = explanation.place(), explanation.place(against=True)
    if speaks_for is None and against is None:
        return ""
    return f"For it: {_told(speaks_for)}; against it: {_told(against)}."


def _told(place: str | None) -> str:
    if place is None:
        return "nothing"
    return place if place == ALL_OVER else f"mostly in the {place}"


def _depths(explanation: Explanation) -> str:
    if not any(explanation.by_tap.values()):
        return ""
    early = [tap for tap in explanation.by_tap if tap in explanation.early]
    if not early:
        return f"Its heads look at late depths alone ({_LATE})."
    if len(early) == len(explanation.by_tap):
        return f"Its heads look at early depths alone ({_EARLY})."
    share = round(100 * explanation.early_share)
    return f"{share} % of what was counted is early ({_EARLY}), {100 - share} % late ({_LATE})."

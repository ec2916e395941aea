"""An explanation in plain words."""

from __future__ import annotations

from collections.abc import Mapping, Set

from decisight.explaining.geometry import ALL_OVER

__all__ = ["sentences"]

_NOTHING = 0.05
"""A logit below which nothing is said to lean."""
_EARLY, _LATE = "colour, texture, edges", "shape, object"


def sentences(
    label: str,
    logit: float,
    baseline: float,
    places: tuple[str | None, str | None],
    by_tap: Mapping[str, float],
    early: Set[str],
    early_share: float,
) -> list[str]:
    """What was counted for and against a label, where, and how deep, in one to three sentences.

    Args:
        label: that is explained.
        logit: of it.
        baseline: the part of the logit that any picture gets.
        places: where most of what speaks for it lies, and of what speaks against it; ``None`` where nothing does.
        by_tap: what each depth has added.
        early: which of the depths are early.
        early_share: how much of what was counted is of these, 0..1.
    """
    found = (_sums(label, logit, baseline), _places(*places), _depths(by_tap, early, early_share))
    return [sentence for sentence in found if sentence]


def _sums(label: str, logit: float, baseline: float) -> str:
    seen = logit - baseline
    side = "for" if seen >= 0.0 else "against"
    if abs(baseline) < _NOTHING:
        leaning = "an average picture says nothing either way"
    else:
        leaning = f"an average picture speaks {'for' if baseline > 0.0 else 'against'} it ({baseline:+.2f})"
    return f"What is seen speaks {side} {label} ({seen:+.2f}); {leaning}: {logit:+.2f} in all."


def _places(speaks_for: str | None, against: str | None) -> str:
    if speaks_for is None and against is None:
        return ""
    return f"For it: {_told(speaks_for)}; against it: {_told(against)}."


def _told(place: str | None) -> str:
    if place is None:
        return "nothing"
    return place if place == ALL_OVER else f"mostly in the {place}"


def _depths(by_tap: Mapping[str, float], early: Set[str], early_share: float) -> str:
    if not any(by_tap.values()):
        return ""
    if not any(tap in early for tap in by_tap):
        return f"Its heads look at late depths alone ({_LATE})."
    if all(tap in early for tap in by_tap):
        return f"Its heads look at early depths alone ({_EARLY})."
    share = round(100 * early_share)
    return f"{share} % of what was counted is early ({_EARLY}), {100 - share} % late ({_LATE})."

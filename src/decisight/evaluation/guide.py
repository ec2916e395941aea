"""Which figure to trust, in plain sentences."""

from __future__ import annotations

import math
from collections.abc import Callable

from decisight.evaluation.figures import ClassFigures, Estimate, GroupEvaluation

__all__ = ["IMBALANCED", "guide"]

IMBALANCED = 2.0
"""From how many times as frequent on accuracy is called one-sided."""


def guide(evaluation: GroupEvaluation) -> list[str]:
    """Say which figure counts here: two to five plain sentences.

    How uneven the labels are and hence whether accuracy or balanced accuracy is the summary; whether the accuracy
    beats always giving the commonest answer; precision where false alarms cost, recall where misses do; and which
    labels had no picture, or were given to none.

    Args:
        evaluation: of one group.
    """
    absent = [figures.label for figures in evaluation.per_class if not figures.support]
    given_up = [figures.label for figures in evaluation.per_class if figures.given_up]
    sentences = [_frequency(evaluation), _majority(evaluation), _costs(evaluation)]
    if given_up:
        sentences.append(f"No picture was taken for {_listed(given_up)}: in macro precision that counts as 0.")
    if absent:
        sentences.append(f"No picture here has {_listed(absent)}: how well that is found is not known.")
    return [sentence for sentence in sentences if sentence]


def _frequency(evaluation: GroupEvaluation) -> str:
    accuracy, balanced = _said(evaluation.accuracy), _said(evaluation.balanced_accuracy)
    if not evaluation.group.exclusive:
        uneven = max(evaluation.per_class, key=lambda figures: _unevenness(figures.support, evaluation.n))
        return (
            f"Accuracy, {accuracy}, counts a picture only if all its labels are right; balanced accuracy, {balanced}, "
            f"judges the labels one by one, rare or not (most uneven: '{uneven.label}', on {uneven.support} of "
            f"{evaluation.n} pictures)."
        )
    present = sorted((f for f in evaluation.per_class if f.support), key=lambda figures: figures.support)
    rarest, commonest = present[0], present[-1]
    if len(present) == 1:
        return (
            f"Every picture here is '{commonest.label}', so this says how often that is found, "
            "and nothing of how well labels are told apart."
        )
    ratio = commonest.support / rarest.support
    if ratio < IMBALANCED:
        return (
            f"The labels are about equally frequent (at most {ratio:.1f} to 1), "
            f"so accuracy, {accuracy}, is a fair summary."
        )
    return (
        f"'{commonest.label}' is {ratio:.1f} times as frequent as '{rarest.label}', so accuracy speaks mostly of the "
        f"frequent labels: trust balanced accuracy, {balanced}."
    )


def _unevenness(support: int, examples: int) -> float:
    fewer = min(support, examples - support)
    return math.inf if fewer == 0 else examples / fewer


def _majority(evaluation: GroupEvaluation) -> str:
    rate, accuracy = evaluation.majority_rate, evaluation.accuracy
    if rate == 1.0:
        return ""
    if accuracy.low > rate:
        verdict = "is clearly better than"
    elif accuracy.high < rate:
        verdict = "is clearly worse than"
    else:
        verdict = "is not clearly different from"
    commonest = max(evaluation.per_class, key=lambda figures: figures.support).label
    answer = f"'{commonest}'" if evaluation.group.exclusive else "the commonest set of labels"
    return f"The accuracy {verdict} the {rate:.3f} that always answering {answer} would reach."


def _costs(evaluation: GroupEvaluation) -> str:
    precision = _lowest(evaluation, lambda figures: figures.precision)
    recall = _lowest(evaluation, lambda figures: figures.recall)
    return f"Where a false alarm is costly, look at precision{precision}; where a miss is costly, at recall{recall}."


def _lowest(evaluation: GroupEvaluation, figure: Callable[[ClassFigures], Estimate]) -> str:
    known = [figures for figures in evaluation.per_class if not math.isnan(figure(figures).value)]
    if not known:
        return ""
    worst = min(known, key=lambda figures: figure(figures).value)
    return f" (lowest: '{worst.label}', {figure(worst).value:.3f})"


def _said(estimate: Estimate) -> str:
    return f"{estimate.value:.3f} ({estimate.low:.3f} to {estimate.high:.3f})"


def _listed(labels: list[str], most: int = 5) -> str:
    shown = " or ".join(f"'{label}'" for label in labels[:most])
    return shown if len(labels) <= most else f"{shown} or {len(labels) - most} more"

"""Which figure to trust, in plain sentences: by how even the labels are, and by what mistakes cost."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from decisight.evaluation.figures import ClassFigures, Estimate, GroupEvaluation
from decisight.evaluation.metrics import Floats
from decisight.policies.loss_table import LossTable

__all__ = ["IMBALANCED", "Advice", "GroupCosts", "advise", "guide"]

IMBALANCED = 2.0
"""From how many times as frequent on accuracy is called one-sided, and costs are called uneven."""

_VAGUE = 0.3
"""How wide the interval of the accuracy is at least where pictures are called too few."""

_MARGIN = 0.05
"""How near the accuracy is to be known, where it is said how many pictures that would take."""

_POOR = 0.3
"""Below which F1 an independent group is called badly judged."""

_NAMED = 3
"""At most how many labels of an independent group are named for what their mistakes cost."""


@dataclass(frozen=True, slots=True, eq=False)
class GroupCosts:
    """What each answer costs in one group, in any unit.

    Args:
        matrix: float, of the shape of the group's confusion matrix: ``(K, K)``, rows actual, columns answered, of an
            exclusive group; ``(K, 2, 2)`` of an independent one, for each label ``[[neither, only answered], [only
            true, both]]``.
    """

    matrix: Floats

    @classmethod
    def of(cls, tables: Sequence[LossTable]) -> GroupCosts | None:
        """The costs that a rule of least cost decides by; ``None`` where every mistake costs the same.

        Args:
            tables: of the group: of an exclusive one its table, of an independent one a table a label.
        """
        if all(table.is_plain for table in tables):
            return None
        matrices = [np.array(table.losses) for table in tables]
        return cls(np.stack(matrices) if tables[0].label else matrices[0])

    def per_thousand(self, evaluation: GroupEvaluation) -> float:
        """What the answers on 1,000 pictures like those evaluated cost, everything answered.

        Args:
            evaluation: of the group.
        """
        return float((self.matrix * evaluation.confusion_matrix).sum()) / evaluation.n * 1000.0


@dataclass(frozen=True, slots=True)
class Advice:
    """Which figures count, and why.

    Args:
        sentences: two to seven.
        figures: attributes of :class:`~decisight.evaluation.figures.GroupEvaluation` to trust, the first above all;
            none where costs make single labels count instead.
        precision_of: labels whose precision counts, as taking something else for them is costly.
        recall_of: labels whose recall counts, as missing them is costly.
        caution: the first of the sentences where it is why no figure is worth much; else empty.
    """

    sentences: tuple[str, ...]
    figures: tuple[str, ...]
    precision_of: tuple[str, ...] = ()
    recall_of: tuple[str, ...] = ()
    caution: str = ""

    def to_json(self) -> dict[str, list[str]]:
        """``trust``, ``precision_of``, ``recall_of`` and ``sentences``."""
        return {
            "trust": list(self.figures),
            "precision_of": list(self.precision_of),
            "recall_of": list(self.recall_of),
            "sentences": list(self.sentences),
        }


def guide(evaluation: GroupEvaluation, costs: GroupCosts | None = None) -> list[str]:
    """Say which figure counts here: two to seven plain sentences, those of :func:`advise`.

    Args:
        evaluation: of one group.
        costs: what mistakes cost, where the user has said so.
    """
    return list(advise(evaluation, costs).sentences)


def advise(evaluation: GroupEvaluation, costs: GroupCosts | None = None) -> Advice:
    """Which figure to trust here, and why.

    First whether the pictures are too few, or the model no better than guessing. Then, of balanced labels accuracy, F1
    and ROC-AUC; of unevenly frequent ones the precision-recall curve and F1. Where false alarms are costly precision,
    where misses are costly recall: where the user's costs say so they come first, and figures that count all mistakes
    alike are no longer trusted. Whether the accuracy beats always giving the commonest answer; and which labels had no
    picture, or were given to none.

    Args:
        evaluation: of one group.
        costs: what mistakes cost, where the user has said so.
    """
    absent = [figures.label for figures in evaluation.per_class if not figures.support]
    given_up = [figures.label for figures in evaluation.per_class if figures.given_up]
    frequency, trusted = (_independent if not evaluation.group.exclusive else _frequency)(evaluation)
    precision_of: tuple[str, ...] = ()
    recall_of: tuple[str, ...] = ()
    if costs is None:
        said = _without_costs(evaluation)
    else:
        weigh = _confusion_costs if evaluation.group.exclusive else _label_costs
        said, precision_of, recall_of = weigh(evaluation, costs)
    if precision_of or recall_of:
        trusted = ()
        sentences = [said, _alike(evaluation), _majority(evaluation)]
    else:
        sentences = [frequency, _majority(evaluation), said]
    caution = _caution(evaluation)
    sentences.insert(0, caution)
    if given_up:
        sentences.append(f"No picture was taken for {_listed(given_up)}: in macro precision that counts as 0.")
    if absent:
        sentences.append(f"No picture here has {_listed(absent)}: how well that is found is not known.")
    return Advice(tuple(filter(None, sentences)), trusted, precision_of, recall_of, caution)


def _caution(evaluation: GroupEvaluation) -> str:
    """Why no figure is worth much, or the model is not; empty where neither is so."""
    accuracy, balanced, f1 = evaluation.accuracy, evaluation.balanced_accuracy, evaluation.macro_f1
    exclusive = evaluation.group.exclusive
    present = sum(figures.support > 0 for figures in evaluation.per_class)
    guessing = 1.0 / max(1, present) if exclusive else 0.5
    if accuracy.high - accuracy.low > _VAGUE:
        middle = (accuracy.low + accuracy.high) / 2.0
        enough = math.ceil(1.96**2 * middle * (1.0 - middle) / _MARGIN**2 / 10.0) * 10
        count = f"{evaluation.n} picture{'s' if evaluation.n != 1 else ''}"
        if evaluation.sources < evaluation.n:
            count += f" of {evaluation.sources} source{'s' if evaluation.sources != 1 else ''}"
        return (
            f"{count} {'is' if evaluation.n == 1 else 'are'} too few to say much: the accuracy may be anything from "
            f"{accuracy.low:.2f} to {accuracy.high:.2f}. To know it to within {_MARGIN:g} takes about {enough}, each "
            "of another source."
        )
    if exclusive and accuracy.value == 0.0:
        return "It is a bad model for these pictures: every one was judged wrongly."
    if (present > 1 or not exclusive) and balanced.high < guessing:
        return f"It is worse than guessing here: balanced accuracy {_said(balanced)}; guessing reaches {guessing:.2f}."
    if (present > 1 or not exclusive) and balanced.low <= guessing:
        return (
            f"Nothing here shows that it is better than guessing: balanced accuracy {_said(balanced)}; guessing "
            f"reaches {guessing:.2f}."
        )
    if not exclusive and f1.high < _POOR:
        return f"It finds its labels badly here: F1 is {_said(f1)} in the mean of the labels, and 1 is best."
    return ""


def _alike(evaluation: GroupEvaluation) -> str:
    """The figures of the whole group, where costs say that mistakes are not alike."""
    return (
        f"Accuracy, {_said(evaluation.accuracy)}, F1, {_value(evaluation.macro_f1)}, and ROC-AUC, "
        f"{_value(evaluation.roc_auc)}, count all mistakes alike, so they say less here."
    )


def _independent(evaluation: GroupEvaluation) -> tuple[str, tuple[str, ...]]:
    accuracy, balanced = _said(evaluation.accuracy), _said(evaluation.balanced_accuracy)
    uneven = max(evaluation.per_class, key=lambda figures: _unevenness(figures.support, evaluation.n))
    sentence = (
        f"Accuracy, {accuracy}, counts a picture only if all its labels are right; balanced accuracy, {balanced}, "
        f"judges the labels one by one, rare or not (most uneven: '{uneven.label}', on {uneven.support} of "
        f"{evaluation.n} pictures)."
    )
    if _unevenness(uneven.support, evaluation.n) < IMBALANCED + 1.0:
        return (
            f"{sentence} F1, {_value(evaluation.macro_f1)}, and ROC-AUC, {_value(evaluation.roc_auc)}, are fair too.",
            (
                "balanced_accuracy",
                "macro_f1",
                "roc_auc",
            ),
        )
    return (
        f"{sentence} For rare labels trust the precision-recall curve and F1, "
        f"{_said(evaluation.macro_f1)} in the mean.",
        ("macro_f1", "average_precision", "balanced_accuracy"),
    )


def _frequency(evaluation: GroupEvaluation) -> tuple[str, tuple[str, ...]]:
    accuracy, balanced = _said(evaluation.accuracy), _said(evaluation.balanced_accuracy)
    present = sorted((f for f in evaluation.per_class if f.support), key=lambda figures: figures.support)
    rarest, commonest = present[0], present[-1]
    if len(present) == 1:
        return (
            f"Every picture here is '{commonest.label}', so this says how often that is found, "
            "and nothing of how well labels are told apart."
        ), ("accuracy",)
    ratio = commonest.support / rarest.support
    if ratio < IMBALANCED:
        return (
            f"The labels are about equally frequent (at most {ratio:.1f} to 1), so accuracy, {accuracy}, is a fair "
            f"summary, and so are F1, {_value(evaluation.macro_f1)}, and ROC-AUC, {_value(evaluation.roc_auc)}."
        ), ("accuracy", "macro_f1", "roc_auc")
    rare = f"; that of the rare '{rarest.label}' is {_said(rarest.f1)}" if not math.isnan(rarest.f1.value) else ""
    return (
        f"'{commonest.label}' is {ratio:.1f} times as frequent as '{rarest.label}', so accuracy speaks mostly of the "
        f"frequent labels, and ROC-AUC hides false alarms: trust the precision-recall curve and F1, "
        f"{_said(evaluation.macro_f1)} in the mean of the labels{rare}. How often a label is found, rare or not, is "
        f"the balanced accuracy, {balanced}."
    ), ("macro_f1", "average_precision", "balanced_accuracy")


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


def _without_costs(evaluation: GroupEvaluation) -> str:
    precision = _lowest(evaluation, lambda figures: figures.precision)
    recall = _lowest(evaluation, lambda figures: figures.recall)
    return f"Where a false alarm is costly, look at precision{precision}; where a miss is costly, at recall{recall}."


def _confusion_costs(evaluation: GroupEvaluation, costs: GroupCosts) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
    """What the dearest confusion of an exclusive group makes important."""
    labels = evaluation.group.labels
    wrong = costs.matrix - np.diag(np.full(len(labels), np.inf))
    row, column = (int(at) for at in np.unravel_index(int(wrong.argmax()), wrong.shape))
    dearest = float(wrong[row, column])
    cheapest = float(np.where(np.isinf(wrong), np.inf, wrong).min())
    total = _total(evaluation, costs)
    if dearest <= 0.0 or (cheapest > 0.0 and dearest / cheapest < IMBALANCED):
        return f"By your costs all mistakes cost about the same: the figures above decide.{total}", (), ()
    missed, taken = labels[row], labels[column]
    figures = {one.label: one for one in evaluation.per_class}
    return (
        (
            f"By your costs the dearest mistake is to take '{missed}' for '{taken}' ({dearest:g}): it is a miss of "
            f"'{missed}', so look at its recall, {_said(figures[missed].recall)}, and a false '{taken}', so look at "
            f"the precision of that, {_said(figures[taken].precision)}.{total}"
        ),
        (taken,),
        (missed,),
    )


def _label_costs(evaluation: GroupEvaluation, costs: GroupCosts) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
    """What false alarms and misses of the labels of an independent group make important."""
    alarms, misses = costs.matrix[:, 0, 1], costs.matrix[:, 1, 0]
    precise = [at for at in range(len(alarms)) if alarms[at] >= IMBALANCED * misses[at] and alarms[at] > 0.0]
    found = [at for at in range(len(alarms)) if misses[at] >= IMBALANCED * alarms[at] and misses[at] > 0.0]
    parts = []
    for numbers, what, word in ((precise, "a false alarm", "precision"), (found, "a miss", "recall")):
        if numbers:
            dearest = sorted(numbers, key=lambda at: -max(alarms[at], misses[at]))[:_NAMED]
            values = ", ".join(
                f"'{evaluation.per_class[at].label}' {_said(getattr(evaluation.per_class[at], word))}" for at in dearest
            )
            some = f", and of {len(numbers) - _NAMED} more" if len(numbers) > _NAMED else ""
            parts.append(f"{what} is what costs most, so look at {word}, of {values}{some}")
    total = _total(evaluation, costs)
    if not parts:
        return f"By your costs misses and false alarms cost about the same: the figures above decide.{total}", (), ()
    names = tuple(tuple(evaluation.group.labels[at] for at in numbers) for numbers in (precise, found))
    return f"By your costs {'; and '.join(parts)}.{total}", names[0], names[1]


def _total(evaluation: GroupEvaluation, costs: GroupCosts) -> str:
    return f" If every answer is acted on, 1,000 pictures like these cost {costs.per_thousand(evaluation):,.5g}."


def _lowest(evaluation: GroupEvaluation, figure: Callable[[ClassFigures], Estimate]) -> str:
    known = [figures for figures in evaluation.per_class if not math.isnan(figure(figures).value)]
    if not known:
        return ""
    worst = min(known, key=lambda figures: (figure(figures).value, figure(figures).low))
    if len(known) > 1 and len({figure(figures).value for figures in known}) == 1:
        one = figure(worst)
        return f" ({one.value:.3f} of every label; known least well: '{worst.label}', from {one.low:.3f})"
    return f" (lowest: '{worst.label}', {figure(worst).value:.3f})"


def _said(estimate: Estimate) -> str:
    if math.isnan(estimate.value):
        return "which is not known here"
    return f"{estimate.value:.3f} ({estimate.low:.3f} to {estimate.high:.3f})"


def _value(estimate: Estimate) -> str:
    return "not known here" if math.isnan(estimate.value) else f"{estimate.value:.3f}"


def _listed(labels: list[str], most: int = 5) -> str:
    shown = " or ".join(f"'{label}'" for label in labels[:most])
    return shown if len(labels) <= most else f"{shown} or {len(labels) - most} more"

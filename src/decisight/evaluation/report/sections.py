"""What the page shows of one label group, as the template takes it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from decisight.evaluation.figures import ClassFigures, Estimate, GroupEvaluation
from decisight.evaluation.guide import Advice, advise
from decisight.evaluation.report.answers import GroupAnswers
from decisight.evaluation.report.charts import Chart, precision_recall_chart, reliability_chart, roc_chart
from decisight.evaluation.report.looking import Look
from decisight.evaluation.report.slices import Slicing, by_familiarity, by_source, by_thirds
from decisight.evaluation.report.subject import Subject
from decisight.evaluation.report.sweep import Sweep, sweeps

__all__ = ["Cell", "Figure", "Section", "section"]

WHOLE_MATRIX = 40
"""Up to how many labels the confusion matrix is shown; beyond, the commonest confusions."""

_CONFUSIONS = 100
"""At most how many kinds of confusion are listed where the matrix is not shown."""

_COSTLY = 3
"""At most how many figures of single labels are shown as those that costs make count."""

_SMALLEST_NAME = 9
"""From how many characters on the names of columns are set upright."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure of the whole group.

    Args:
        name: as people call it.
        estimate: the figure, with its interval.
        more: what stands below it.
        trusted: whether it is one of those to look at here.
    """

    name: str
    estimate: Estimate
    more: str
    trusted: bool


@dataclass(frozen=True, slots=True)
class Cell:
    """A kind of answer, whose pictures can be opened.

    Args:
        row: the number of the label that is true; of an independent group the label.
        column: the number of the label that was answered; of an independent group the kind: 0 neither, 1 only
            answered, 2 only true, 3 both.
        count: how many pictures.
        share: of those in its row of the matrix, 0..1; NaN where there are none.
        right: whether the answer is right.
    """

    row: int
    column: int
    count: int
    share: float
    right: bool


@dataclass(frozen=True, slots=True)
class Section:
    """All that the page shows of one group.

    Args:
        evaluation: its figures.
        advice: which of them count.
        figures: those of the whole group.
        matrix: the confusion matrix, a tuple a row; of an independent group one row a label, its four cells. Empty
            where there are too many labels.
        confusions: the commonest confusions, where the matrix is empty.
        kinds: how many kinds of confusion there are.
        charts: ROC, precision and recall, reliability; those that there are.
        sweeps: what thresholds would do.
        slicings: parts of the pictures.
    """

    evaluation: GroupEvaluation
    advice: Advice
    figures: tuple[Figure, ...]
    matrix: tuple[tuple[Cell, ...], ...]
    confusions: tuple[Cell, ...]
    kinds: int
    charts: tuple[Chart, ...]
    sweeps: tuple[Sweep, ...]
    slicings: tuple[Slicing, ...]

    @property
    def labels(self) -> tuple[str, ...]:
        """Of the group."""
        return self.evaluation.group.labels

    @property
    def exclusive(self) -> bool:
        """Whether exactly one label holds."""
        return self.evaluation.group.exclusive

    @property
    def per_class(self) -> tuple[ClassFigures, ...]:
        """One a label."""
        return self.evaluation.per_class

    @property
    def upright(self) -> bool:
        """Whether the names of the matrix's columns are too long to stand side by side."""
        return len(self.labels) * max(_SMALLEST_NAME, *map(len, self.labels)) > 10 * _SMALLEST_NAME


def section(subject: Subject, answers: GroupAnswers, evaluation: GroupEvaluation, looks: list[Look | None]) -> Section:
    """What the page shows of a group.

    Args:
        subject: what the report is about.
        answers: what became of the group's pictures.
        evaluation: of the group.
        looks: what was seen of each picture judged.
    """
    advice = advise(evaluation, subject.costs.get(evaluation.group.name))
    small = len(evaluation.group.labels) <= WHOLE_MATRIX or not evaluation.group.exclusive
    confusions = [] if small else list(_confusions(evaluation))
    charts = (roc_chart(answers), precision_recall_chart(answers), reliability_chart(answers))
    return Section(
        evaluation,
        advice,
        tuple(_figures(evaluation, advice)),
        tuple(_matrix(evaluation)) if small else (),
        tuple(confusions[:_CONFUSIONS]),
        len(confusions),
        tuple(chart for chart in charts if chart is not None),
        tuple(sweeps(answers, subject.thresholds)),
        tuple(_slicings(subject, answers, looks)),
    )


def _figures(evaluation: GroupEvaluation, advice: Advice) -> Iterator[Figure]:
    positive = f"of '{evaluation.positive}'"
    of_what = positive if evaluation.positive else "mean of the labels, each against the rest"
    exact = "" if evaluation.group.exclusive else "every label right; "
    many = (
        ("accuracy", "accuracy", f"{exact}always the commonest answer: {evaluation.majority_rate:.3f}"),
        ("balanced accuracy", "balanced_accuracy", "as if all labels were equally frequent"),
        ("F1 (macro)", "macro_f1", "mean of the labels"),
        ("precision (macro)", "macro_precision", "mean of the labels"),
        *(() if evaluation.group.exclusive else (("recall (macro)", "macro_recall", "mean of the labels"),)),
        ("ROC-AUC", "roc_auc", of_what),
        ("average precision", "average_precision", f"area of the precision-recall curve, {of_what}"),
        (
            "calibration error",
            "ece",
            f"0 is best; {_number(evaluation.debiased_ece)} with what chance alone shows taken off (root mean square)",
        ),
    )
    per_class = {one.label: one for one in evaluation.per_class}
    recalls, precisions = (
        [(what, label) for label in labels]
        for what, labels in (("recall", advice.recall_of), ("precision", advice.precision_of))
    )
    few = min(len(precisions), max(1, _COSTLY - len(recalls)))
    for what, label in (*recalls[: _COSTLY - few], *precisions[:few]):
        yield Figure(f"{what} of '{label}'", getattr(per_class[label], what), "by your costs", trusted=True)
    places = {key: place for place, key in enumerate(advice.figures)}
    for name, key, more in sorted(many, key=lambda one: places.get(one[1], len(places))):
        yield Figure(name, getattr(evaluation, key), more, trusted=key in places)


def _number(value: float) -> str:
    return "\N{EN DASH}" if np.isnan(value) else f"{value:.3f}"


def _matrix(evaluation: GroupEvaluation) -> Iterator[tuple[Cell, ...]]:
    counts, shares = evaluation.confusion_matrix, evaluation.row_normalised
    labels = range(len(evaluation.group.labels))
    for row in labels:
        if evaluation.group.exclusive:
            yield tuple(
                Cell(row, column, int(counts[row, column]), float(shares[row, column]), row == column)
                for column in labels
            )
        else:
            yield tuple(
                Cell(
                    row,
                    2 * actual + said,
                    int(counts[row, actual, said]),
                    float(shares[row, actual, said]),
                    actual == said,
                )
                for actual, said in ((1, 1), (1, 0), (0, 1), (0, 0))
            )


def _confusions(evaluation: GroupEvaluation) -> Iterator[Cell]:
    counts, shares = evaluation.confusion_matrix, evaluation.row_normalised
    wrong = counts * ~np.eye(len(counts), dtype=bool)
    for row, column in sorted(np.argwhere(wrong).tolist(), key=lambda at: (-wrong[at[0], at[1]], at)):
        yield Cell(row, column, int(counts[row, column]), float(shares[row, column]), False)


def _slicings(subject: Subject, answers: GroupAnswers, looks: list[Look | None]) -> Iterator[Slicing]:
    own = [looks[picture] for picture in answers.pictures]
    sizes = np.array([np.nan if one is None else one.width * one.height / 1000.0 for one in own])
    light = np.array([np.nan if one is None else one.brightness for one in own])
    found = (
        by_source(answers),
        by_thirds(answers, sizes, "size", ("small", "medium", "large"), lambda pixels: f"{pixels:.3g}"),
        by_thirds(answers, light, "brightness", ("dark", "medium", "bright"), lambda share: f"{100 * share:.0f} %"),
        by_familiarity(answers, subject.familiarity[answers.pictures], subject.unfamiliar),
    )
    yield from (one for one in found if one is not None)

"""Figures with their intervals: which figure has which, and why, is said in :mod:`decisight.evaluation.intervals`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from decisight.evaluation import intervals, metrics
from decisight.evaluation.figures import ClassFigures, Estimate
from decisight.evaluation.metrics import Floats
from decisight.evaluation.ranking import ranking_figures
from decisight.evaluation.reliability import calibration_noise, claims, expected_calibration_error
from decisight.evaluation.scored import ScoredGroup

__all__ = ["class_figures", "group_estimates", "proportion"]

_RESAMPLES = (200, 1000)
"""At least and at most how many resamples; in between as many as ``_WORK`` allows."""

_WORK = 2e8
"""Resamples times examples times labels: some seconds."""

_MEANS = ("balanced_accuracy", "macro_precision", "macro_recall", "macro_f1", "roc_auc", "average_precision")
"""The figures that are means over labels."""


def proportion(outcome: NDArray[np.bool_], clusters: NDArray[np.int64] | None) -> Estimate:
    """The share of an outcome, with Wilson's interval for the effective number of examples; undefined of none.

    Args:
        outcome: bool ``(N,)``.
        clusters: the source of each example, int ``(N,)``; ``None``: each is its own.
    """
    if not len(outcome):
        return Estimate(np.nan, np.nan, np.nan)
    share = float(outcome.mean())
    return Estimate(share, *intervals.wilson(share, intervals.effective_size(outcome, clusters)))


def _share_among(scored: ScoredGroup, chosen: NDArray[np.bool_], outcome: NDArray[np.bool_]) -> Estimate:
    return proportion(outcome[chosen], None if scored.clusters is None else scored.clusters[chosen])


def _held_and_said(scored: ScoredGroup) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    labels = len(scored.group.labels)
    return metrics.indicators(scored.target, labels), metrics.indicators(scored.predicted, labels)


def class_figures(scored: ScoredGroup) -> tuple[ClassFigures, ...]:
    """Precision, recall and F1 of every label, in the group's order."""
    figures = []
    for label, held, said in zip(scored.group.labels, *(array.T for array in _held_and_said(scored)), strict=True):
        # F1 rises with the Jaccard index J, as 2 J / (1 + J), and J is a proportion: of the examples that have the
        # label or are said to have it, those that do both.
        jaccard = _share_among(scored, held | said, held & said)
        f1 = Estimate(*(2.0 * share / (1.0 + share) for share in (jaccard.value, jaccard.low, jaccard.high)))
        precision, recall = _share_among(scored, said, held), _share_among(scored, held, said)
        figures.append(ClassFigures(label, precision, recall, f1, support=int(held.sum())))
    return tuple(figures)


def group_estimates(scored: ScoredGroup, per_class: Sequence[ClassFigures], *, seed: int) -> dict[str, Estimate]:
    """The bootstrapped figures of a group by their names in :class:`~decisight.evaluation.figures.GroupEvaluation`.

    Args:
        scored: the examples.
        per_class: of :func:`class_figures`.
        seed: of the bootstrap.
    """
    examples, clusters = len(scored), scored.clusters
    resampled = intervals.bootstrap(
        lambda weights: _figures(scored, weights),
        examples,
        clusters=clusters,
        resamples=int(np.clip(_WORK / scored.confidences.size, *_RESAMPLES)),
        seed=seed,
    )
    values = [float(value) for value in _figures(scored, np.ones(examples))]
    sources = float(examples) if clusters is None else intervals.source_count(clusters)
    scores = _score_intervals(scored, per_class)
    estimates = {}
    for name, value, drawn in zip(_MEANS, values, resampled.T, strict=False):
        # A ROC-AUC is measured on pairs, of which there are far more than examples: as the interval of a proportion,
        # its score interval is too wide to be taken where the bootstrap can see.
        interval = intervals.bootstrap_interval(value, drawn, sources, scores[name], always=name != "roc_auc")
        estimates[name] = Estimate(value, *interval)
    ece = values[len(_MEANS)]
    wide = intervals.wilson(ece, intervals.independent_size(clusters, examples))
    error, noise, held = resampled[:, len(_MEANS) :].T
    estimates["ece"] = Estimate(ece, *intervals.error_interval(ece, error, noise, held, sources, wide))
    return estimates


def _figures(scored: ScoredGroup, weights: Floats) -> Floats:
    """``(..., 9)``: the figures of ``_MEANS``, the calibration error, its noise, and the share of claims that held."""
    counts = metrics.count(scored.target, scored.predicted, len(scored.group.labels), weights)
    held = claims(scored.target, scored.confidences)[1].mean(axis=1)
    figures = [
        metrics.balanced_accuracy(counts, exclusive=scored.group.exclusive),
        metrics.macro_precision(counts),
        *(metrics.mean_defined(figure(counts)) for figure in (metrics.recall, metrics.f1)),
        *(metrics.mean_defined(figure) for figure in ranking_figures(*_ranked(scored), weights)),
        expected_calibration_error(scored.target, scored.confidences, weights=weights),
        calibration_noise(scored.target, scored.confidences, weights),
        metrics.ratio(weights @ held, weights.sum(-1)),
    ]
    return np.stack(figures, axis=-1)


def _ranked(scored: ScoredGroup) -> tuple[NDArray[np.bool_], Floats]:
    """The labels whose ranking is judged: of an exclusive group of two only the second, as the first mirrors it."""
    held = metrics.indicators(scored.target, len(scored.group.labels))
    first = 1 if scored.group.exclusive and held.shape[1] == 2 else 0
    return held[:, first:], scored.confidences[:, first:]


def _score_intervals(scored: ScoredGroup, per_class: Sequence[ClassFigures]) -> dict[str, tuple[float, float]]:
    """The intervals of ``_MEANS`` from those of the labels, as if these were independent."""
    recalls = [figures.recall for figures in per_class]
    balanced = recalls
    if not scored.group.exclusive:
        held, said = _held_and_said(scored)
        specificities = [_share_among(scored, ~held[:, k], ~said[:, k]) for k in range(len(per_class))]
        balanced = [_mean(pair) for pair in zip(recalls, specificities, strict=True)]
    held, confidences = _ranked(scored)
    sizes = [_pair_size(scored, column) for column in held.T]
    auc, precision = (
        [Estimate(float(value), *intervals.wilson(value, size)) for value, size in zip(figure, sizes, strict=True)]
        for figure in ranking_figures(held, confidences)
    )
    parts = (
        balanced,
        # A label that is never predicted counts as 0, and what its precision would be is not known.
        [Estimate(0.0, 0.0, 1.0) if figures.given_up else figures.precision for figures in per_class],
        recalls,
        [figures.f1 for figures in per_class],
        auc,
        precision,
    )
    means = [_mean(part) for part in parts]
    return {name: (mean.low, mean.high) for name, mean in zip(_MEANS, means, strict=True)}


def _pair_size(scored: ScoredGroup, held: NDArray[np.bool_]) -> float:
    """The effective number of examples behind the ranking of one label: what a mean of two recalls would have."""
    clusters = scored.clusters
    sizes = [
        intervals.independent_size(None if clusters is None else clusters[side], int(side.sum()))
        for side in (held, ~held)
    ]
    return 4.0 / sum(1.0 / size for size in sizes) if min(sizes) > 0 else 0.0


def _mean(parts: Sequence[Estimate]) -> Estimate:
    """The mean of what is defined; its interval is all of 0..1 where nothing is."""
    values, lows, highs = (np.array(part) for part in zip(*((e.value, e.low, e.high) for e in parts), strict=True))
    return Estimate(float(metrics.mean_defined(values)), *intervals.mean_interval(values, lows, highs))

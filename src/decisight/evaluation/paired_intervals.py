"""How far a difference between two models may be from the truth, where both judged the same pictures.

What a picture adds is a *gain*: 1 where only the second model is right, -1 where only the first is, 0 where they agree.
Pictures on which both are right or both are wrong say nothing about which is better, and most are such, so a difference
on the same pictures is known far better than from two sets of pictures, and far better than two intervals side by side
would have it.

* **A difference of proportions** (accuracy, recall) has Tango's score interval, for the effective number of pictures.
* **Any other difference** has the bootstrap, which draws whole sources, and both models on the same ones.
* **Whether there is a difference at all** is told by McNemar's test in its exact form; where pictures have sources, the
  two models change places source by source, and not picture by picture.
"""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from decisight.evaluation.intervals import Z, bootstrap_reach, few_sources, source_count
from decisight.evaluation.metrics import Floats

__all__ = ["Interval", "difference_interval", "exchange_test", "gain_interval", "mean_gain_interval", "paired_size"]

Interval = tuple[float, float]
"""Low and high."""

Gains = NDArray[np.int64]

_EXACT = 10_000
"""Up to so many pictures on which the models differ the test is exact; beyond, its normal approximation is."""

_HALVINGS = 60


def gain_interval(gains: Gains, clusters: NDArray[np.int64] | None) -> Interval:
    """The interval of a mean gain: of the difference of two proportions of the same pictures.

    T. Tango, "Equivalence test and confidence interval for the difference in proportions for the paired-sample design",
    Statistics in Medicine 17, 1998. It says something even where the models never differ.

    Args:
        gains: ``(N,)``, each -1, 0 or 1.
        clusters: the source of each picture, int ``(N,)``; ``None``: each is its own.

    Returns:
        Low and high, -1..1, with the mean gain between them; ``(-1, 1)`` where nothing can be known.
    """
    if not len(gains) or (size := paired_size(gains, clusters)) <= 0.0:
        return -1.0, 1.0
    better, worse = (size * float((gains == sign).mean()) for sign in (1, -1))
    value = (better - worse) / size
    ends = []
    for beyond, target in ((-1.0, Z), (1.0, -Z)):
        near, far = value, beyond
        for _ in range(_HALVINGS):
            middle = (near + far) / 2.0
            if abs(_tango(middle, better, worse, size)) < abs(target):
                near = middle
            else:
                far = middle
        ends.append(far)
    return min(ends[0], value), max(ends[1], value)


def _tango(difference: float, better: float, worse: float, size: float) -> float:
    """The score statistic of a supposed difference: how many standard errors what was seen lies above it."""
    gap = better - worse - size * difference
    linear = (2.0 * size - better + worse) * difference - better - worse
    constant = -worse * difference * (1.0 - difference)
    likely = (math.sqrt(max(0.0, linear**2 - 8.0 * size * constant)) - linear) / (4.0 * size)
    variance = size * (2.0 * likely + difference * (1.0 - difference))
    return gap / math.sqrt(variance) if variance > 1e-12 else math.copysign(math.inf, gap) if gap else 0.0


def paired_size(gains: Gains, clusters: NDArray[np.int64] | None) -> float:
    """How many independent pictures would tell as much about a mean gain as these do.

    As :func:`~decisight.evaluation.intervals.effective_size` has it for proportions: N over the design effect, which is
    drawn towards the worst case, that all pictures of a source gain alike, with the weight of one picture on which the
    models differ; and smaller where the sources are few.

    Args:
        gains: ``(N,)``, each -1, 0 or 1.
        clusters: the source of each picture, int ``(N,)``; ``None``: each is its own.

    Returns:
        0..N.
    """
    examples = len(gains)
    if clusters is None or examples == 0:
        return float(examples)
    names, at = np.unique(clusters, return_inverse=True)
    if len(names) == examples:
        return float(examples)
    sources = source_count(clusters)
    worst = examples / sources
    apart = gains - gains.mean()
    squares = float((apart**2).sum())
    measured = max(1.0, float((np.bincount(at, apart) ** 2).sum()) / squares) if squares > 0.0 else 0.0
    differing = float(np.count_nonzero(gains)) if squares > 0.0 else 0.0
    design_effect = (differing * measured + worst) / (differing + 1.0)
    return examples / design_effect * few_sources(examples, sources)


def mean_gain_interval(values: Floats, lows: Floats, highs: Floats) -> Interval:
    """The interval of a mean of independent differences from their own intervals.

    The method of variance estimates recovery: Zou and Donner, "Construction of confidence limits about effect
    measures: a general approach", Statistics in Medicine 27, 2008.

    Args:
        values: ``(K,)``; those that are NaN are left out.
        lows: ``(K,)``.
        highs: ``(K,)``.

    Returns:
        Low and high, -1..1; ``(-1, 1)`` where no value is defined.
    """
    defined = ~np.isnan(values)
    if not defined.any():
        return -1.0, 1.0
    values, lows, highs = values[defined], lows[defined], highs[defined]
    mean = float(values.mean())
    below, above = (float(np.sqrt((gap**2).sum())) / len(values) for gap in (values - lows, highs - values))
    return max(-1.0, mean - below), min(1.0, mean + above)


def difference_interval(value: float, resampled: Floats, sources: float, least: Interval | None = None) -> Interval:
    """The interval of a difference from its resamples.

    Percentiles, set further out where the sources are few, as Student's distribution is wider than the normal one
    (Hesterberg, "What teachers should know about the bootstrap", The American Statistician 69, 2015).

    Args:
        value: the difference on the pictures themselves, or NaN.
        resampled: ``(B,)``; NaN is left out.
        sources: the effective number of sources, at least 1.
        least: what to include in any case; ``None`` where there is no telling.

    Returns:
        Low and high with ``value`` between them; NaN where ``value`` is; infinite where a single source tells nothing.
    """
    if np.isnan(value):
        return np.nan, np.nan
    reach, resampled = bootstrap_reach(sources), resampled[~np.isnan(resampled)]
    if not len(resampled) or math.isinf(reach):
        return least or (-math.inf, math.inf)
    tails = NormalDist().cdf(-reach), NormalDist().cdf(reach)
    low, high = (float(q) for q in np.quantile(resampled, tails))
    if least is not None:
        low, high = min(low, least[0]), max(high, least[1])
    return min(low, value), max(high, value)


def exchange_test(gains: Gains, clusters: NDArray[np.int64] | None = None) -> float:
    """How often a difference as large would be seen if it made no difference which model is which.

    Each picture on which they differ is as likely to be gained as lost: McNemar's test, exact ("Note on the sampling
    error of the difference between correlated proportions or percentages", Psychometrika 12, 1947). Where pictures have
    sources, all of a source change places together, since pictures of one source are gained or lost together; with one
    picture a source that is the same. Both are exact by counting every way to change places.

    Args:
        gains: ``(N,)``, each -1, 0 or 1.
        clusters: the source of each picture, int ``(N,)`` from 0 without gaps; ``None``: each is its own.

    Returns:
        The two-sided p-value, 0..1; 1 where the models never differ.
    """
    of_sources = gains if clusters is None else np.bincount(clusters, gains).round().astype(np.int64)
    steps = np.abs(of_sources[of_sources != 0])
    seen, most = abs(int(of_sources.sum())), int(steps.sum())
    if most > _EXACT:
        return 2.0 * NormalDist().cdf(-seen / math.sqrt(float((steps.astype(float) ** 2).sum())))
    # How likely each sum from -most to most is, one source after the other.
    chances = np.zeros(2 * most + 1)
    chances[most] = 1.0
    for step in steps.tolist():
        after = np.zeros_like(chances)
        after[step:] += chances[:-step] / 2.0
        after[:-step] += chances[step:] / 2.0
        chances = after
    as_far = np.abs(np.arange(-most, most + 1)) >= seen
    return min(1.0, float(chances[as_far].sum()))

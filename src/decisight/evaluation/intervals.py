"""How far a figure may be from the truth, given how few examples it was measured on: 95 % intervals.

* **A proportion** (accuracy, precision, recall, and F1 by way of the Jaccard index) has Wilson's score interval. It
  never leaves 0..1 and says something even where every example is right.
* **Everything else** has the bootstrap: the examples are drawn again, with replacement, and the figure taken each time.
  Where all resamples agree or reach the end of the range (a perfect figure), the bootstrap is blind, and the interval
  is widened by score intervals; so are those of means over labels, some of which may have few examples.

Pictures cut from one source (a photo, a clip) tend to be right or wrong together, so N of them say less than N
independent ones, and treating them as independent gives intervals that are too narrow. Therefore the bootstrap draws
whole sources, and Wilson's interval is computed for the *effective* number of examples.

How often they hold the truth is simulated by ``benchmarks/coverage.py``, with 60 to 160 examples, with and without
sources: between 90 and 100 % of the time, by figure and setting. Those of perfect or nearly perfect figures are wide
on purpose.
"""

from __future__ import annotations

from collections.abc import Callable
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from decisight.evaluation.metrics import Floats

__all__ = [
    "Z",
    "bootstrap",
    "bootstrap_interval",
    "bootstrap_reach",
    "effective_size",
    "error_interval",
    "few_sources",
    "independent_size",
    "mean_interval",
    "source_count",
    "wilson",
]

_LEVEL = 0.95
Z = NormalDist().inv_cdf(0.5 + _LEVEL / 2.0)
"""1.96: how many standard errors the interval reaches to either side."""

_SEVERAL = 1.01
"""From how many sources on there is any telling how far sources differ."""

_CHUNK = 1_000_000
"""Weights held in memory at once, in numbers."""


def wilson(share: float, size: float) -> tuple[float, float]:
    """Wilson's score interval of a proportion.

    E. B. Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22, 1927.

    Args:
        share: the observed proportion, 0..1.
        size: of how many examples, 0 or more; need not be whole. Of none it is ``(0, 1)``.

    Returns:
        Low and high, 0..1, with ``share`` between them.
    """
    centre = share * size + Z * Z / 2.0
    reach = Z * float(np.sqrt(share * (1.0 - share) * size + Z * Z / 4.0))
    low, high = ((centre + side * reach) / (size + Z * Z) for side in (-1.0, 1.0))
    return _around(share, low, high)


def source_count(clusters: NDArray[np.int64]) -> float:
    """The effective number of sources: as many equally large ones would tell as much, ``(sum m)^2 / sum m^2``.

    Kish, "Survey Sampling", 1965. It is 1 for a single source and N for N sources of one example.

    Args:
        clusters: the source of each example, int ``(N,)``, N at least 1.
    """
    sizes = np.unique(clusters, return_counts=True)[1].astype(float)
    return float(sizes.sum() ** 2 / (sizes**2).sum())


def effective_size(outcome: NDArray[np.bool_], clusters: NDArray[np.int64] | None) -> float:
    """How many independent examples would tell as much about a proportion as these do.

    N over the design effect (the variance between sources over that of independent examples, at least 1), and smaller
    still where the sources are few, by the squared ratio of Student's quantiles: Korn and Graubard, "Confidence
    intervals for proportions with small expected number of positive counts estimated from survey data", Survey
    Methodology 24, 1998; here with the effective number of sources, :func:`source_count`. With Wilson's interval:
    Franco, Little, Louis and Slud, "Comparative study of confidence intervals for proportions in complex sample
    surveys", JSSAM 7, 2019.

    The design effect shows only in the rarer outcome. Its estimate is therefore drawn towards the worst case, that
    all examples of a source share their outcome, with the weight of one example of the rarer outcome: where
    everything is right, nothing is known of how errors would cluster.

    Args:
        outcome: bool ``(N,)``.
        clusters: the source of each example, int ``(N,)``; ``None``: each is its own.

    Returns:
        0..N. 0 for a single source of several examples: its like among other sources is not known.
    """
    examples = len(outcome)
    if clusters is None or examples == 0:
        return float(examples)
    names, at = np.unique(clusters, return_inverse=True)
    if len(names) == examples:
        return float(examples)
    sources = source_count(clusters)
    worst = examples / sources
    share = float(outcome.mean())
    rarer = examples * min(share, 1.0 - share)
    measured = 0.0
    if rarer > 0:
        together = np.bincount(at, outcome - share)
        measured = max(1.0, float((together**2).sum()) / (examples * share * (1.0 - share)))
    design_effect = (rarer * measured + worst) / (rarer + 1.0)
    return examples / design_effect * few_sources(examples, sources)


def independent_size(clusters: NDArray[np.int64] | None, examples: int) -> float:
    """:func:`effective_size` where nothing is known of how outcomes cluster: the worst case.

    Args:
        clusters: the source of each example, int ``(N,)``; ``None``: each is its own.
        examples: N.
    """
    return effective_size(np.ones(examples, bool), clusters)


def _student(degrees: float) -> float:
    from scipy.special import stdtrit  # type: ignore[import-untyped,unused-ignore]

    return float(stdtrit(degrees, 0.5 + _LEVEL / 2.0))


def few_sources(examples: int, sources: float) -> float:
    """What few sources take off the effective size: the squared ratio of Student's quantiles, 0..1."""
    return (_student(examples - 1.0) / _student(sources - 1.0)) ** 2 if sources >= _SEVERAL else 0.0


def mean_interval(values: Floats, lows: Floats, highs: Floats) -> tuple[float, float]:
    """The interval of a mean of independent figures from their own intervals.

    The method of variance estimates recovery: Zou and Donner, "Construction of confidence limits about effect
    measures: a general approach", Statistics in Medicine 27, 2008.

    Args:
        values: ``(K,)``; those that are NaN are left out.
        lows: ``(K,)``.
        highs: ``(K,)``.

    Returns:
        Low and high; ``(0, 1)`` where no value is defined.
    """
    defined = ~np.isnan(values)
    if not defined.any():
        return 0.0, 1.0
    values, lows, highs = values[defined], lows[defined], highs[defined]
    mean = float(values.mean())
    below, above = (float(np.sqrt((gap**2).sum())) / len(values) for gap in (values - lows, highs - values))
    return max(0.0, mean - below), min(1.0, mean + above)


def bootstrap(
    figures: Callable[[Floats], Floats],
    examples: int,
    *,
    clusters: NDArray[np.int64] | None = None,
    resamples: int = 1000,
    seed: int = 0,
) -> Floats:
    """Take figures on examples drawn again with replacement; whole sources where there are any.

    Efron, "Bootstrap methods: another look at the jackknife", Annals of Statistics 7, 1979; drawing whole clusters:
    Field and Welsh, "Bootstrapping clustered data", JRSS B 69, 2007.

    Args:
        figures: from weights ``(B, N)``, how often each example was drawn, to ``(B, F)``.
        examples: N, at least 1.
        clusters: the source of each example, int ``(N,)``; ``None``: each is its own.
        resamples: how many.
        seed: of the draws; the same seed gives the same result.

    Returns:
        ``(resamples, F)``; NaN where a figure is not defined on a resample.
    """
    at = np.arange(examples) if clusters is None else np.unique(clusters, return_inverse=True)[1]
    units = int(at.max()) + 1
    random = np.random.default_rng(seed)
    rows = max(1, _CHUNK // examples)
    drawn = []
    for start in range(0, resamples, rows):
        batch = min(rows, resamples - start)
        picks = random.integers(units, size=(batch, units)) + np.arange(batch)[:, None] * units
        times = np.bincount(picks.ravel(), minlength=batch * units).reshape(batch, units).astype(float)
        drawn.append(figures(times[:, at]))
    return np.concatenate(drawn)


def bootstrap_interval(
    value: float, resampled: Floats, sources: float, score: tuple[float, float], *, always: bool
) -> tuple[float, float]:
    """The interval of one figure from its resamples.

    Bias-corrected percentiles (Efron, "Better bootstrap confidence intervals", JASA 82, 1987), set further out where
    the sources are few, as Student's distribution is wider than the normal one (the expanded percentile interval of
    Hesterberg, "What teachers should know about the bootstrap", The American Statistician 69, 2015).

    Args:
        value: the figure on the examples themselves, 0..1, or NaN.
        resampled: ``(B,)``; NaN is left out.
        sources: the effective number of sources, at least 1.
        score: an interval to include where the bootstrap is blind: all resamples agree, or they reach 0 or 1.
        always: include ``score`` in any case.

    Returns:
        Low and high, 0..1, with ``value`` between them; NaN where ``value`` is.
    """
    if np.isnan(value):
        return np.nan, np.nan
    resampled = resampled[~np.isnan(resampled)]
    if not len(resampled):
        return _around(value, *score)
    below = float((resampled < value).mean() + (resampled == value).mean() / 2.0)
    reach = bootstrap_reach(sources)
    # Corrected by more, an end would pass the median of the resamples, and the interval shrink where it should not.
    shift = float(np.clip(2.0 * NormalDist().inv_cdf(min(max(below, 0.001), 0.999)), -reach, reach))
    tails = [NormalDist().cdf(shift - reach), NormalDist().cdf(shift + reach)]
    low, high = (float(q) for q in np.quantile(resampled, tails))
    if always or low == high or low <= 0.0 or high >= 1.0:
        low, high = min(low, score[0]), max(high, score[1])
    return _around(value, low, high)


def error_interval(
    value: float, resampled: Floats, noise: Floats, held: Floats, sources: float, score: tuple[float, float]
) -> tuple[float, float]:
    """The interval of the expected calibration error, which noise can only raise.

    Resamples hold the noise twice, so percentiles would lie above the truth. They are mirrored at the value (the basic
    interval; Davison and Hinkley, "Bootstrap methods and their application", 1997), and low is 0 where a perfectly
    calibrated model would show such an error by chance (in the spirit of the consistency bars of Bröcker and Smith,
    "Increasing the reliability of reliability diagrams", Weather and Forecasting 22, 2007).

    Args:
        value: the error measured, 0..1.
        resampled: ``(B,)``.
        noise: ``(B,)``, the error that the resamples would show if there were none but noise.
        held: ``(B,)``, the share of claims that held.
        sources: the effective number of sources, at least 1.
        score: an interval to include where the bootstrap is blind: all resamples agree, or in some of them all claims
            held, or none.

    Returns:
        Low and high, 0..1, with ``value`` between them.
    """
    tail = NormalDist().cdf(-bootstrap_reach(sources))
    from_low, from_high = (float(q) for q in np.quantile(resampled, (tail, 1.0 - tail)))
    by_chance = value <= float(np.quantile(noise, 1.0 - tail))
    low, high = (0.0 if by_chance else 2.0 * value - from_high), 2.0 * value - from_low
    least, most = (float(q) for q in np.quantile(held, (tail, 1.0 - tail)))
    if from_low == from_high or least <= 0.0 or most >= 1.0:
        low, high = min(low, score[0]), max(high, score[1])
    return _around(value, low, high)


def bootstrap_reach(sources: float) -> float:
    """How many standard errors the bootstrap reaches to either side: 1.96 for many sources, more for few."""
    if sources < _SEVERAL:
        return np.inf
    return float(np.sqrt(sources / (sources - 1.0))) * _student(sources - 1.0)


def _around(value: float, low: float, high: float) -> tuple[float, float]:
    return max(0.0, min(low, value)), min(1.0, max(high, value))

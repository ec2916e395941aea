"""Two models beside each other on the same pictures: what one gains over the other, with 95 % intervals.

How the intervals come about is said in :mod:`decisight.evaluation.paired_intervals`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from decisight.evaluation import metrics
from decisight.evaluation.intervals import bootstrap, source_count, wilson
from decisight.evaluation.metrics import Floats
from decisight.evaluation.paired_intervals import (
    Interval,
    difference_interval,
    exchange_test,
    gain_interval,
    mean_gain_interval,
    paired_size,
)
from decisight.evaluation.paired_scored import ModelOutputs, ScoredPair, ScoredSide, score_pair
from decisight.evaluation.paired_stakes import cost_interval
from decisight.types import LabelGroup, Target

__all__ = ["PairedDifference", "PairedGroup", "compare_group"]

_RESAMPLES = (200, 2000)
_WORK = 2e8
"""Resamples times pictures times labels: some seconds."""

_FEW_WRONG = 5
"""With fewer mistakes than that a bootstrap hardly ever draws what might as well have been."""

_LOSSES = ("log_loss", "cost")
"""The figures of which less is better."""


@dataclass(frozen=True, slots=True)
class PairedDifference:
    """A figure of both models, and what the second has more of it.

    Args:
        a: of the first model; NaN if undefined.
        b: of the second.
        low: the lower end of the 95 % interval of ``b - a``; NaN if undefined, infinite if nothing can be told.
        high: the upper end.
        less_is_better: as of a loss or of costs.
    """

    a: float
    b: float
    low: float
    high: float
    less_is_better: bool = False

    @property
    def value(self) -> float:
        """``b - a``."""
        return self.b - self.a

    @property
    def gain(self) -> tuple[float, float, float]:
        """The difference and its interval, turned so that above 0 the second model is better."""
        if self.less_is_better:
            return -self.value, -self.high, -self.low
        return self.value, self.low, self.high

    def to_json(self) -> dict[str, float | None]:
        """``a``, ``b``, ``difference``, ``low`` and ``high``; ``None`` for what is undefined or unbounded."""
        values = {"a": self.a, "b": self.b, "difference": self.value, "low": self.low, "high": self.high}
        return {name: float(value) if math.isfinite(value) else None for name, value in values.items()}


@dataclass(frozen=True, slots=True, eq=False)
class PairedGroup:
    """Two models in one group.

    Args:
        group: with the labels that both have.
        known: int ``(n,)``, which of the N pictures were compared: those whose label is known and one of these.
        sources: how many sources they come from.
        figures: by name: ``accuracy``, ``balanced_accuracy``, ``macro_f1``, ``log_loss``; and ``cost`` of a picture,
            where it is known.
        recalls: by label; of a label that no picture has, undefined.
        support: by label, how many pictures have it.
        right: bool ``(2, n)``, where each model is right; in an independent group with every label.
        truth: ``(2, n)``, what each gives to what is true; in an independent group to the label it is least sure of.
        p_value: of McNemar's test, by source.
        p_value_by_picture: as if each picture were its own source.
        accepted_share: by each model's own rule; ``None`` where there is none, or the group is independent.
        accepted_accuracy: among what each accepts.
        one_model: both compute the same confidences, so that no picture can show a difference in them.
    """

    group: LabelGroup
    known: NDArray[np.int64]
    sources: int
    figures: dict[str, PairedDifference]
    recalls: dict[str, PairedDifference]
    support: dict[str, int]
    right: NDArray[np.bool_]
    truth: Floats
    p_value: float
    p_value_by_picture: float
    accepted_share: PairedDifference | None = None
    accepted_accuracy: PairedDifference | None = None
    one_model: bool = False

    def __len__(self) -> int:
        """How many pictures were compared."""
        return len(self.known)

    @property
    def table(self) -> dict[str, int]:
        """How many pictures ``both`` have right, ``only_a``, ``only_b`` and ``neither``."""
        a, b = self.right
        cells = {"both": a & b, "only_a": a & ~b, "only_b": ~a & b, "neither": ~a & ~b}
        return {name: int(cell.sum()) for name, cell in cells.items()}

    def won(self, *, by_second: bool) -> list[int]:
        """Positions in ``known`` of the pictures that only one model has right, the clearest first.

        Args:
            by_second: those that the second has right; else those that the first has.
        """
        winner, loser = self.right[::-1] if by_second else self.right
        found = np.flatnonzero(winner & ~loser)
        apart = np.abs(self.truth[0] - self.truth[1])[found]
        return [int(at) for at in found[np.argsort(-apart, kind="stable")]]

    def of_one_model(self, *, same_rule: bool = True) -> PairedGroup:
        """The same, where both compute the same: no other pictures could show a difference.

        Args:
            same_rule: they decide the same too. Else they may differ in what they accept and cost, and in an
                independent group, whose labels are predicted by thresholds, in all but the log loss.
        """

        def pinned(found: PairedDifference) -> PairedDifference:
            return replace(found, low=found.value, high=found.value)

        by_rule = {"cost"} if self.group.exclusive else self.figures.keys() - {"log_loss"}
        figures = {
            name: found if name in by_rule and not same_rule else pinned(found) for name, found in self.figures.items()
        }
        fixed = replace(self, figures=figures, one_model=True)
        if same_rule or self.group.exclusive:
            fixed = replace(fixed, recalls={label: pinned(found) for label, found in self.recalls.items()})
        if same_rule and self.accepted_share is not None and self.accepted_accuracy is not None:
            accepted = pinned(self.accepted_share), pinned(self.accepted_accuracy)
            fixed = replace(fixed, accepted_share=accepted[0], accepted_accuracy=accepted[1])
        return fixed

    def to_json(self) -> dict[str, Any]:
        """All figures as plain numbers, ``None`` where undefined."""
        accepted = {"accepted_share": self.accepted_share, "accepted_accuracy": self.accepted_accuracy}
        return {
            "n": len(self),
            "sources": self.sources,
            "kind": self.group.kind,
            "labels": list(self.group.labels),
            **{name: figure.to_json() for name, figure in self.figures.items()},
            "per_class": {
                label: {"recall": recall.to_json(), "support": self.support[label]}
                for label, recall in self.recalls.items()
            },
            "right": self.table,
            "mcnemar": {"p_value": self.p_value, "p_value_by_picture": self.p_value_by_picture},
            **{name: figure.to_json() for name, figure in accepted.items() if figure is not None},
        }


def compare_group(
    group: LabelGroup,
    targets: Sequence[Target],
    a: ModelOutputs,
    b: ModelOutputs,
    *,
    sources: Sequence[str | None] | None = None,
    seed: int = 0,
) -> PairedGroup:
    """Compare two models in one group. The order of the pictures changes nothing, the intervals included.

    A picture whose true label only one of the models knows is left out. A label that only one knows and that it
    predicts is wrong, as it would be in use. The log loss is of each model's own confidences, in nats; in an
    independent group the mean over the labels.

    Args:
        group: the labels to compare, as :func:`~decisight.evaluation.paired_scored.common_group` gives them.
        targets: N, one a picture; ``None`` where it is not known.
        a: what the first model says.
        b: what the second says.
        sources: N, what each picture was cut from; ``None`` for its own source.
        seed: of the bootstrap.

    Raises:
        DataError: no picture has a known label of the group.
    """
    names = [None] * len(targets) if sources is None else list(sources)
    scored = score_pair(group, targets, a, b, names)
    pair = scored.arranged(names)
    first, second = (side.right for side in pair.sides)
    recalls = [_recall(pair, k, holds=True) for k in range(len(group.labels))]
    return PairedGroup(
        group,
        scored.known,
        sources=len(pair) if pair.clusters is None else int(pair.clusters.max()) + 1,
        figures={"accuracy": _proportions(first, second, pair.clusters), **_means(pair, recalls, seed)},
        recalls=dict(zip(group.labels, recalls, strict=True)),
        support=dict(zip(group.labels, pair.held.sum(axis=0).tolist(), strict=True)),
        right=np.stack([side.right for side in scored.sides]),
        truth=np.stack([side.truth for side in scored.sides]),
        p_value=exchange_test(_gains(first, second), pair.clusters),
        p_value_by_picture=exchange_test(_gains(first, second)),
        accepted_share=_accepted_share(pair),
        accepted_accuracy=_accepted_accuracy(pair, seed),
    )


def _gains(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> NDArray[np.int64]:
    return b.astype(np.int64) - a.astype(np.int64)


def _proportions(a: NDArray[np.bool_], b: NDArray[np.bool_], clusters: NDArray[np.int64] | None) -> PairedDifference:
    if not len(a):
        return PairedDifference(math.nan, math.nan, math.nan, math.nan)
    return PairedDifference(float(a.mean()), float(b.mean()), *gain_interval(_gains(a, b), clusters))


def _among(pair: ScoredPair, chosen: NDArray[np.bool_], k: int) -> PairedDifference:
    """How often each model is right about one label, among some pictures."""
    a, b = (side.said[chosen, k] == pair.held[chosen, k] for side in pair.sides)
    return _proportions(a, b, None if pair.clusters is None else pair.clusters[chosen])


def _recall(pair: ScoredPair, k: int, *, holds: bool) -> PairedDifference:
    """The recall of a label; of the pictures without it, the specificity."""
    return _among(pair, pair.held[:, k] == holds, k)


def _means(pair: ScoredPair, recalls: Sequence[PairedDifference], seed: int) -> dict[str, PairedDifference]:
    """The figures that have the bootstrap, widened by what is known of labels and costs that few pictures show."""
    labels, exclusive = range(len(pair.group.labels)), pair.group.exclusive
    specificities = [] if exclusive else [_recall(pair, k, holds=False) for k in labels]
    # F1 has no score interval. Where a label is in question at all, it moves about as much as being right does.
    questions = [_among(pair, pair.held[:, k] | pair.sides[0].said[:, k] | pair.sides[1].said[:, k], k) for k in labels]
    least = {
        "balanced_accuracy": _mean_interval([*recalls, *specificities]),
        "macro_f1": _mean_interval(questions),
        "log_loss": None,
        "cost": _unseen_costs(pair),
    }

    def figures(side: ScoredSide, weights: Floats) -> list[Floats]:
        counts = metrics.count(pair.held, side.said, len(labels), weights)
        means = [side.loss, *([] if side.cost is None else [side.cost])]
        return [
            metrics.balanced_accuracy(counts, exclusive=exclusive),
            metrics.mean_defined(metrics.f1(counts)),
            *(metrics.ratio(weights @ values, weights.sum(-1)) for values in means),
        ]

    def of_both(weights: Floats) -> Floats:
        return np.stack([np.stack(figures(side, weights), axis=-1) for side in pair.sides], axis=-1)

    once, drawn = of_both(np.ones((1, len(pair))))[0], _resampled(pair, of_both, seed)
    found = {}
    for at, name in enumerate(list(least)[: once.shape[0]]):
        a, b = once[at].tolist()
        gaps = drawn[:, at, 1] - drawn[:, at, 0]
        interval = difference_interval(b - a, gaps, _source_count(pair), least[name])
        found[name] = PairedDifference(a, b, *interval, less_is_better=name in _LOSSES)
    return found


def _unseen_costs(pair: ScoredPair) -> Interval | None:
    a, b = (side.cost for side in pair.sides)
    return None if a is None or b is None else cost_interval(b - a, pair.most_apart, pair.clusters)


def _accepted_share(pair: ScoredPair) -> PairedDifference | None:
    a, b = (side.accepted for side in pair.sides)
    return None if a is None or b is None else _proportions(a, b, pair.clusters)


def _accepted_accuracy(pair: ScoredPair, seed: int) -> PairedDifference | None:
    """How often each is right among what it accepts: not on the same pictures, so not a proportion of any."""
    if any(side.accepted is None for side in pair.sides):
        return None

    def of_both(weights: Floats) -> Floats:
        found = [
            metrics.ratio(weights @ side.decided_right.astype(float), weights @ np.asarray(side.accepted, float))
            for side in pair.sides
        ]
        return np.stack(found, axis=-1)

    a, b = of_both(np.ones((1, len(pair))))[0].tolist()
    if math.isnan(b - a):
        return PairedDifference(a, b, math.nan, math.nan)
    drawn = _resampled(pair, of_both, seed)
    interval = difference_interval(b - a, drawn[:, 1] - drawn[:, 0], _source_count(pair), _apart(pair, a, b))
    return PairedDifference(a, b, *interval)


def _apart(pair: ScoredPair, a: float, b: float) -> Interval | None:
    """An interval as if each had accepted other pictures: where hardly any is wrong, the bootstrap is blind."""
    wrong = [int((np.asarray(side.accepted) & ~side.decided_right).sum()) for side in pair.sides]
    if min(wrong) >= _FEW_WRONG:
        return None
    size = paired_size(_gains(*(side.right for side in pair.sides)), pair.clusters) / len(pair)
    accepted = [float(np.asarray(side.accepted).sum()) * size for side in pair.sides]
    (a_low, a_high), (b_low, b_high) = (wilson(share, n) for share, n in zip((a, b), accepted, strict=True))
    return b - a - math.hypot(b - b_low, a_high - a), b - a + math.hypot(b_high - b, a - a_low)


def _resampled(pair: ScoredPair, figures: Callable[[Floats], Floats], seed: int) -> Floats:
    resamples = int(np.clip(_WORK / pair.held.size, *_RESAMPLES))
    return bootstrap(figures, len(pair), clusters=pair.clusters, resamples=resamples, seed=seed)


def _source_count(pair: ScoredPair) -> float:
    return float(len(pair)) if pair.clusters is None else source_count(pair.clusters)


def _mean_interval(parts: Sequence[PairedDifference]) -> Interval:
    values, lows, highs = (np.array([(p.value, p.low, p.high)[at] for p in parts]) for at in range(3))
    return mean_gain_interval(values, lows, highs)

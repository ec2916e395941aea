"""Wald's sequential probability ratio test: as many images as the evidence needs, and no more.

Sources: A. Wald, Sequential Tests of Statistical Hypotheses, Annals of Mathematical Statistics 16 (1945), for two
labels; P. Armitage, Sequential Analysis with More than Two Alternative Hypotheses, Journal of the Royal Statistical
Society B 12 (1950), for more; E. S. Page, Continuous Inspection Schemes, Biometrika 41 (1954), for what follows the
first decision.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from typing import Any, ClassVar, NamedTuple

from decisight.errors import UsageError
from decisight.policies import POLICIES
from decisight.policies.ballot import NOTHING
from decisight.policies.fold import Evidence, Finding, Row
from decisight.policies.settings import Settings
from decisight.spans import SpanText, parse_seconds
from decisight.types import DEFAULT_FALLBACK, LabelGroup, Reading, Reason, Task, resolve_thresholds

__all__ = ["SequentialTest"]

_ROUNDED = 0.01
"""By how much priors may miss a sum of 1, as they do when they are written with two decimals."""

_LOST = 1e-9
"""What rounding may take from a sum that was held to its bar exactly."""


@POLICIES.register("sequential_test")
@dataclass(frozen=True)
class SequentialTest(Settings):
    r"""Add up what each image says for every label against every other, and decide once the stated errors allow it.

    An image's calibrated confidences, divided by how frequent the labels were where they were calibrated, are
    likelihoods up to a factor. The logarithms of their ratios add up. Label ``a`` is accepted when, for every other
    label ``b``, the sum for ``a`` against ``b`` reaches :math:`\ln((1 - e_b)(K - 1) / e_a)`, where ``K`` is the number
    of labels and ``e_a`` the error rate of ``a``. Whichever label is true, each other label ``a`` is then
    decided in a share of at most about :math:`e_a / (K - 1)` of sequences: all together in their mean error rate.

    Images of one scene say the same thing again, and would make the test too sure. With a correlation ``r`` between
    successive images, each after the first counts ``(1 - r) / (1 + r)``, which is what one image of an autoregressive
    sequence of the first order is worth. And no image alone may claim more than ``max_confidence``.

    Once a label is accepted it is held until the test accepts another, also while pictures cannot be judged or are
    unfamiliar: set ``stale_after`` to end it. What speaks for it counts no more than ``inertia`` times what it took to
    accept it, so that a change is seen: 1 asks for twice the evidence before it believes in one; 0 for no more than the
    first time (Page's cumulative sum), which is quicker and oftener wrong. The confidence of a decision is the label's
    probability by the evidence, that which it took to accept it included, if all labels were equally likely before.

    The stated rates hold for the first decision of a sequence, as far as the confidences are calibrated and the
    correlation is right: measure both, see ``docs/decide.md``.

    Args:
        error_rate: how often, at most, a label other than the true one may be decided; above 0, below 0.5.
        error_rates: how often, at most, single labels may be decided falsely, by ``label`` or ``group:label``.
        correlation: between what successive images say, beyond what is true of both; 0 (independent) to below 1.
        decorrelation_time: with times, instead of ``correlation``: the time in which it falls to 1/e, as ``"500ms"``.
        priors: how frequent each label was among the pictures of the calibration, adding up to 1; by default all the
            same.
        max_confidence: what one image may claim; above 0.5, below 1.
        inertia: how much of the evidence for a decided label is kept, 0 to 1.
        fallback: see :class:`~decisight.policies.settings.Settings`, as for the rest.
    """

    name: ClassVar[str] = "sequential_test"
    shorthand: ClassVar[str] = "ERROR_RATE"

    error_rate: float = 0.01
    error_rates: Mapping[str, float] = field(default_factory=dict)
    correlation: float = 0.5
    decorrelation_time: SpanText | None = None
    priors: Mapping[str, float] = field(default_factory=dict)
    max_confidence: float = 0.99
    inertia: float = 0.25
    _: KW_ONLY
    fallback: str = DEFAULT_FALLBACK
    min_dwell: SpanText = 0
    gap_tolerance: SpanText = 0
    stale_after: SpanText | None = None
    min_familiarity: float | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        rates = [(f"the error rate of {label!r}", value) for label, value in self.error_rates.items()]
        for name, value in [("error_rate", self.error_rate), *rates]:
            _check(name, value, 0.0 < value < 0.5, "an error rate is above 0 and below 0.5, for example 0.01")
        _check("correlation", self.correlation, 0.0 <= self.correlation < 1.0, "it is at least 0 and below 1")
        _check("max_confidence", self.max_confidence, 0.5 < self.max_confidence < 1.0, "it is above 0.5 and below 1")
        _check("inertia", self.inertia, 0.0 <= self.inertia <= 1.0, "it lies between 0 and 1")
        if self.decorrelation_time is not None:
            parse_seconds(self.decorrelation_time, "decorrelation_time")

    @classmethod
    def from_shorthand(cls, text: str) -> dict[str, Any]:
        """``0.01`` as settings."""
        try:
            return {"error_rate": float(text)}
        except ValueError:
            raise UsageError(
                f"sequential_test:{text} is not understood", hint="write the error rate, as sequential_test:0.01"
            ) from None

    def evidences(self, task: Task, group: LabelGroup) -> list[Evidence]:
        """See :class:`~decisight.policies.settings.Settings`."""
        errors = resolve_thresholds(task, self.error_rates, "error rate")
        priors = resolve_thresholds(task, self.priors, "prior")
        keys = [f"{group.name}:{label}" for label in group.labels]
        rates = [errors.get(key, self.error_rate) for key in keys]
        if group.exclusive:
            return [self._test(group.labels, rates, self._shares(group, [priors.get(key) for key in keys]))]
        return [
            self._test((f"not {label}", label), (rate, rate), (1.0 - share, share))
            for label, rate, share in zip(group.labels, rates, [priors.get(key, 0.5) for key in keys], strict=True)
        ]

    def _shares(self, group: LabelGroup, given: Sequence[float | None]) -> list[float]:
        """The priors of an exclusive group.

        Raises:
            UsageError: some labels have one and others not, or they do not add up to 1.
        """
        known = [share for share in given if share is not None]
        if not known:
            return [1.0 / len(given)] * len(given)
        if len(known) < len(given):
            lacking = [label for label, share in zip(group.labels, given, strict=True) if share is None]
            raise UsageError(
                f"sequential_test: priors are given for some labels of {group.name!r} but not for {lacking[0]!r}",
                hint="give one for every label of the group, or none",
            )
        total = math.fsum(known)
        if abs(total - 1.0) > _ROUNDED:
            raise UsageError(
                f"sequential_test: the priors of group {group.name!r} add up to {total:g}, not to 1",
                hint="give each label its share of the pictures that the model was calibrated on",
            )
        return [share / total for share in known]

    def _test(self, labels: tuple[str, ...], rates: Sequence[float], priors: Sequence[float]) -> _Test:
        for label, share in zip(labels, priors, strict=True):
            _check(f"the prior of {label!r}", share, 0.0 < share < 1.0, "it is above 0 and below 1")
        others = len(labels) - 1
        bars = tuple(tuple(math.log((1.0 - wrong) * others / rate) for wrong in rates) for rate in rates)
        time = None if self.decorrelation_time is None else parse_seconds(self.decorrelation_time, "decorrelation_time")
        rarity = tuple(-math.log(share) for share in priors)
        return _Test(labels, bars, rarity, self.correlation, time, self.max_confidence, self.inertia)


def _check(name: str, value: float, fits: bool, hint: str) -> None:
    if not fits:
        raise UsageError(f"sequential_test: {name} = {value:g} cannot be used", hint=hint)


class _Sums(NamedTuple):
    """What has been added up for each label, the largest of them 0; and how many images it is from, the last when."""

    sums: Row
    images: int
    last: float


@dataclass(frozen=True, slots=True)
class _Test:
    labels: tuple[str, ...]
    bars: tuple[tuple[float, ...], ...]
    """``bars[a][b]``: what the sum for ``a`` must reach against ``b``."""
    rarity: Row
    correlation: float
    decorrelation_time: float | None
    most: float
    inertia: float

    @property
    def fewest(self) -> int:
        return 1

    @property
    def in_seconds(self) -> bool:
        return self.decorrelation_time is not None

    def initial(self) -> _Sums:
        return _Sums((0.0,) * len(self.labels), 0, 0.0)

    def take(self, evidence: Sequence[Any], row: Row | None, reading: Reading, now: float, held: int) -> _Sums:
        before = _Sums(*evidence)
        if row is None:
            return before
        weight = self._weight(now - before.last) if before.images else 1.0
        least = (1.0 - self.most) / max(1, len(row) - 1)
        # Bounded before as well: an image that has just been decided by must not make the next one count for less.
        sums = [
            total + weight * (math.log(min(max(confidence, least), self.most)) + rare)
            for total, confidence, rare in zip(self._bounded(before.sums, held), row, self.rarity, strict=True)
        ]
        return _Sums(self._bounded(sums, held), before.images + 1, now)

    def find(self, evidence: Sequence[Any], now: float, held: int) -> Finding:
        sums, images, _ = evidence
        if not images:
            return Finding(NOTHING, (), (), Reason.ABSTAINED)
        leads = self._leads(sums)
        top = sums.index(max(sums))
        label = top if self._accepted(sums, top) else held
        if label == NOTHING:
            return Finding(NOTHING, _shares(sums), leads, Reason.ABSTAINED)
        if label != held:
            return Finding(label, _shares(sums), leads, Reason.ACCEPTED)
        # What inertia takes from its lead was evidence all the same.
        taken = 1.0 - self.inertia
        kept = [
            total if at == held else total - taken * bar
            for at, (total, bar) in enumerate(zip(self._bounded(sums, held), self.bars[held], strict=True))
        ]
        return Finding(label, _shares(kept), leads, Reason.ACCEPTED, leaning=sums[held] < sums[top] - _LOST)

    def explain(self, evidence: Sequence[Any], now: float, held: int) -> str:
        sums, images, _ = evidence
        if not images:
            return "no image yet"
        top = sums.index(max(sums))
        second = max((at for at in range(len(sums)) if at != top), key=lambda at: sums[at] + self.bars[top][at])
        text = (
            f"evidence for {self.labels[top]} over {self.labels[second]}: {sums[top] - sums[second]:.2f}, "
            f"{self.bars[top][second]:.2f} needed, from {images} image{'' if images == 1 else 's'}"
        )
        if held == NOTHING or self._accepted(sums, top):
            return text
        return f"{text}; {self.labels[held]} was decided before"

    def settled(self, evidence: Sequence[Any], now: float) -> bool:
        return True

    def _bounded(self, sums: Sequence[float], held: int) -> Row:
        """Sums of which the largest is 0, and none further below it than counts.

        What speaks for the leader beyond what a decision takes would only delay the next one. Until it is decided, it
        may lead by that much; once it is, by the share that inertia leaves of it.
        """
        largest = max(sums)
        leader = sums.index(largest)
        share = self.inertia if leader == held else 1.0
        return tuple(
            0.0 if at == leader else max(total - largest, -share * bar)
            for at, (total, bar) in enumerate(zip(sums, self.bars[leader], strict=True))
        )

    def _weight(self, seconds: float) -> float:
        """What an image counts that comes so long after the one before."""
        r = self.correlation if self.decorrelation_time is None else math.exp(-seconds / self.decorrelation_time)
        return (1.0 - r) / (1.0 + r)

    def _accepted(self, sums: Sequence[float], label: int) -> bool:
        return all(
            at == label or sums[label] - total >= bar - _LOST
            for at, (total, bar) in enumerate(zip(sums, self.bars[label], strict=True))
        )

    def _leads(self, sums: Sequence[float]) -> Row:
        """By how much each label leads the best of the others; negative where it does not."""
        top = max(range(len(sums)), key=sums.__getitem__)
        second = max(total for at, total in enumerate(sums) if at != top)
        return tuple(total - (second if at == top else sums[top]) for at, total in enumerate(sums))


def _shares(sums: Sequence[float]) -> Row:
    """The probability of each label by what was added up."""
    largest = max(sums)
    likelihoods = [math.exp(total - largest) for total in sums]
    whole = math.fsum(likelihoods)
    return tuple(likelihood / whole for likelihood in likelihoods)

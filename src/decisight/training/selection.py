"""Choosing among ways to look at pictures, by cross-validation on the training part alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from decisight.training.probe import Basis, fit_linear, log_losses
from decisight.types import LabelGroup, Target

__all__ = ["STRENGTHS", "Candidate", "Folding", "GroupTargets", "cross_validate", "losses_of", "one_standard_error"]

Matrix = npt.NDArray[np.float64]

STRENGTHS = (0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0)
"""What the regularisation is chosen from: the inverse strength of the ridge penalty, as scikit-learn's ``C``, for
features whose squared length is 1 on average."""


_MANY_LABELS = 32
"""From so many labels on, candidates are compared in float32."""


@dataclass(frozen=True, slots=True)
class GroupTargets:
    """What is true of the training pictures in one group.

    Args:
        group: the label group.
        known: int (n,), the pictures of which it is known.
        targets: float64 (n, labels), 0 or 1.
        weights: float64 (n,), how much each picture counts in fitting.
    """

    group: LabelGroup
    known: npt.NDArray[np.int64]
    targets: Matrix
    weights: npt.NDArray[np.float64]

    @classmethod
    def of(cls, group: LabelGroup, targets: Sequence[Target], *, balance: bool = False) -> GroupTargets:
        """From one target a picture.

        Args:
            group: the label group.
            targets: (N,) what is true of each picture; ``None`` where it is not known.
            balance: let every class of an exclusive group count the same, however many pictures it has.
        """
        known = np.array([i for i, target in enumerate(targets) if target is not None], np.int64)
        matrix = np.zeros((len(known), len(group.labels)))
        for row, at in enumerate(known):
            target = targets[at]
            held = {target} if isinstance(target, str) else (target or frozenset())
            matrix[row] = [label in held for label in group.labels]
        weights = np.ones(len(known))
        if balance and group.exclusive:
            counts = matrix.sum(axis=0)
            weights = matrix @ (len(known) / (np.count_nonzero(counts) * np.maximum(counts, 1.0)))
        return cls(group, known, matrix, weights)


class Folding:
    """Pictures dealt into folds, with the coordinates in which the heads of each fold are fitted.

    Args:
        products: inner products float64 (V * N, V * N) of the N pictures in V views (each picture, then each mirrored);
            a head is trained on all views and asked about the first.
        folds: int (N,), the fold of each picture.
    """

    def __init__(self, products: Matrix, folds: npt.NDArray[np.intp]) -> None:
        self.folds = folds
        self.views = len(products) // len(folds)
        self._products = products
        self._bases: dict[bytes, Basis] = {}

    def rows(self, pictures: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """The rows of some pictures in all views."""
        return np.concatenate([pictures + view * len(self.folds) for view in range(self.views)])

    def basis(self, pictures: npt.NDArray[np.int64]) -> Basis:
        """The basis of some pictures in all views; groups that are known of the same pictures share it."""
        key = pictures.tobytes()
        if key not in self._bases:
            rows = self.rows(pictures)
            self._bases[key] = Basis.of(self._products[np.ix_(rows, rows)])
        return self._bases[key]

    def asked(self, pictures: npt.NDArray[np.int64], inside: npt.NDArray[np.int64]) -> Matrix:
        """Coordinates of pictures in the basis of others."""
        return np.asarray(self._products[np.ix_(pictures, self.rows(inside))] @ self.basis(inside).projection)


def cross_validate(
    folding: Folding, group: GroupTargets, strengths: Sequence[float], *, threads: int = 1
) -> dict[float, Matrix]:
    """Logits of every picture from heads that were not trained on it.

    Args:
        folding: the pictures' inner products and folds.
        group: what is true of the pictures.
        strengths: which regularisations, in rising order: each fit begins where the one before ended.
        threads: how many folds are worked on at once.

    Returns:
        float64 (n, labels) by strength, for the pictures of which the group is known, in their order.
    """
    fold = folding.folds[group.known]

    def left_out(held_out: int) -> tuple[npt.NDArray[np.intp], dict[float, Matrix]]:
        inside, outside = np.flatnonzero(fold != held_out), np.flatnonzero(fold == held_out)
        basis = folding.basis(group.known[inside])
        asked = folding.asked(group.known[outside], group.known[inside])
        # With many labels the time goes into matrix products; in float32 a fit differs in the fifth digit.
        many = group.targets.shape[1] >= _MANY_LABELS
        coordinates = basis.coordinates.astype(np.float32) if many else basis.coordinates
        targets = np.tile(group.targets[inside], (folding.views, 1))
        weights = np.tile(group.weights[inside], folding.views) / folding.views
        fitted: Matrix | None = None
        scores = {}
        for strength in strengths:
            fitted = fit_linear(
                coordinates,
                targets,
                strength=strength,
                exclusive=group.group.exclusive,
                weights=weights,
                start=fitted,
            )
            scores[strength] = asked @ fitted[:-1] + fitted[-1]
        return outside, scores

    found = {strength: np.zeros_like(group.targets) for strength in strengths}
    with ThreadPoolExecutor(threads) as pool:
        for outside, scores in pool.map(left_out, np.unique(fold).tolist()):
            for strength in strengths:
                found[strength][outside] = scores[strength]
    return found


def losses_of(scores: Matrix, group: GroupTargets) -> npt.NDArray[np.float64]:
    """Log loss of each picture at the best temperature, since confidences are calibrated in the end: float64 (n,).

    In units of the entropy of the group's labels, so that groups count alike: 1 is what knowing their frequencies
    alone would give.
    """
    from scipy.optimize import minimize_scalar

    exclusive, targets = group.group.exclusive, group.targets

    def mean_loss(log_scale: float) -> float:
        return float(log_losses(scores * np.exp(log_scale), targets, exclusive=exclusive).mean())

    best = minimize_scalar(mean_loss, bounds=(-3.0, 3.0), method="bounded", options={"xatol": 0.02})
    share = (targets.sum(axis=0) + 0.5) / (len(targets) + 1.0)
    parts = share * np.log(share) if exclusive else share * np.log(share) + (1.0 - share) * np.log(1.0 - share)
    return np.asarray(log_losses(scores * np.exp(best.x), targets, exclusive=exclusive) / -parts.sum())


@dataclass(frozen=True, slots=True)
class Candidate:
    """One way of doing it, and how it did.

    Args:
        name: what is told of it.
        losses: float64 (n,), the loss of each picture, in the same order for all candidates.
    """

    name: str
    losses: npt.NDArray[np.float64]

    @property
    def mean(self) -> float:
        """Its mean loss."""
        return float(self.losses.mean())


def one_standard_error(candidates: Mapping[int, Candidate], sources: Sequence[str | None]) -> tuple[int, str]:
    """The simplest candidate that is not worse than the best by more than one standard error.

    The rule is Breiman's (Classification and Regression Trees, 1984). The standard error is that of the difference to
    the best on the same pictures, which is far smaller than that of either, and is taken over sources, since pictures
    of one source are no independent witnesses.

    Args:
        candidates: from the simplest on, by a rising number.
        sources: (n,) the source of each picture of the losses.

    Returns:
        The number of the chosen one, and why.
    """
    best = min(candidates, key=lambda number: candidates[number].mean)
    units = np.unique(
        [f"s{source}" if source is not None else f"#{i}" for i, source in enumerate(sources)], return_inverse=True
    )[1]
    for number in sorted(candidates):
        difference = candidates[number].losses - candidates[best].losses
        sums = np.bincount(units, difference - difference.mean())
        error = float(np.sqrt(np.sum(sums**2))) / len(difference)
        if number == best or difference.mean() <= error:
            break
    chosen = candidates[number]
    if number == best:
        others = sorted(c.mean for i, c in candidates.items() if i != best)
        runner = f"; the next best has {others[0]:.3f}" if others else ""
        return best, f"the lowest cross-validated loss, {chosen.mean:.3f}{runner}"
    return number, (
        f"loss {chosen.mean:.3f}, within one standard error ({error:.3f}) of the best, "
        f"{candidates[best].name} with {candidates[best].mean:.3f}, and simpler"
    )

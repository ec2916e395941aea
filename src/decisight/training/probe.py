"""Linear probes: regularised logistic regression on standardised features of several depths.

There are fewer pictures than features, so the work is done among the pictures: a ridge penalty makes the best weights
a combination of the pictures' own features, and all that is needed of these is the matrix of their inner products.
That of several depths is the weighted sum of each depth's own, so trying another mixture of depths costs nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["Basis", "Standardiser", "fit_linear", "log_losses", "sigmoid", "softmax"]

Matrix = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Standardiser:
    """Mean and spread of every feature over the training pictures.

    Args:
        mean: float32 (features,).
        spread: float32 (features,), above 0: the standard deviation, with a floor that keeps a feature which hardly
            ever changes from being blown up.
    """

    mean: npt.NDArray[np.float32]
    spread: npt.NDArray[np.float32]

    @classmethod
    def of(cls, features: npt.NDArray[np.float16]) -> Standardiser:
        """From features (N, features)."""
        wide = features.astype(np.float32)
        return cls(wide.mean(axis=0), np.sqrt(wide.var(axis=0) + 1e-4))

    def apply(self, features: npt.NDArray[np.float16], columns: slice) -> npt.NDArray[np.float32]:
        """Standardised values (N, columns) of some columns."""
        return np.asarray((features[:, columns].astype(np.float32) - self.mean[columns]) / self.spread[columns])


@dataclass(frozen=True, slots=True)
class Basis:
    """Coordinates of pictures in which inner products are as a matrix of them says.

    Args:
        coordinates: float64 (N, r).
        projection: float64 (N, r): inner products with the N pictures, times this, gives coordinates.
    """

    coordinates: Matrix
    projection: Matrix

    @classmethod
    def of(cls, products: Matrix) -> Basis:
        """From the inner products (N, N) of the pictures.

        It is found in float32, which takes half the time. A direction that holds less than a millionth of the largest
        is left out: it is rounding, and less than the weakest penalty.
        """
        from scipy.linalg import eigh

        values, vectors = (part.astype(np.float64) for part in eigh(products.astype(np.float32), driver="evd"))
        keep = values > 1e-6 * max(float(values[-1]), 1e-30)
        root = np.sqrt(values[keep])
        return cls(vectors[:, keep] * root, vectors[:, keep] / root)


def fit_linear(
    coordinates: Matrix | npt.NDArray[np.float32],
    targets: Matrix,
    *,
    strength: float,
    exclusive: bool,
    weights: npt.NDArray[np.float64] | None = None,
    start: Matrix | None = None,
) -> Matrix:
    """Fit logistic regression with a ridge penalty.

    Minimises ``sum of weight * log loss + |W|^2 / (2 * strength)``, the bias not penalised, by L-BFGS (Liu and
    Nocedal, 1989).

    Args:
        coordinates: float64 (N, r); float32 where there are so many that memory counts more than the last digits.
        targets: float64 (N, labels), 0 or 1; in an exclusive group each row has one 1.
        strength: above 0; larger is less regularised (scikit-learn's ``C``).
        exclusive: softmax over the labels, else a sigmoid each.
        weights: float64 (N,), by default 1 each.
        start: where to begin, of the shape of the result.

    Returns:
        float64 (r + 1, labels): weights, and the bias in the last row.
    """
    from scipy.optimize import minimize

    n, r = coordinates.shape
    labels = targets.shape[1]
    share = np.ones(n) if weights is None else weights
    # The curvature along each coordinate is about this, exactly so for a basis, whose coordinates are orthogonal. In
    # units of its root the problem is round, and takes a tenth of the steps.
    frequency = np.clip(share @ targets / share.sum(), 0.5 / n, 1.0 - 0.5 / n)
    squares = np.append(np.einsum("ij,ij,i->j", coordinates, coordinates, share), share.sum())
    penalty = np.append(np.full(r, 1.0 / strength), 0.0)[:, None]
    unit = 1.0 / np.sqrt(np.outer(squares, 0.5 * frequency * (1.0 - frequency)) + penalty)

    def loss(flat: Matrix) -> tuple[float, Matrix]:
        w = flat.reshape(r + 1, labels) * unit
        scores = coordinates @ w[:-1].astype(coordinates.dtype) + w[-1]
        losses, likely = _losses_and_probabilities(scores, targets, exclusive=exclusive)
        residual = (likely - targets) * share[:, None]
        gradient = np.vstack([coordinates.T @ residual.astype(coordinates.dtype), residual.sum(axis=0)]) + penalty * w
        return float(losses @ share) + 0.5 * float(np.sum(penalty * w**2)), (gradient * unit).ravel()

    begin = np.zeros((r + 1, labels)) if start is None else start / unit
    options = {"maxiter": 1000, "ftol": 1e-8, "gtol": 1e-4 * np.sqrt(n)}
    found = minimize(loss, begin.ravel(), jac=True, method="L-BFGS-B", options=options)
    return np.asarray(found.x.reshape(r + 1, labels) * unit, np.float64)


def log_losses(scores: Matrix, targets: Matrix, *, exclusive: bool) -> npt.NDArray[np.float64]:
    """Negative log-likelihood of each row, in nats: float64 (N,); summed over the labels of an independent group."""
    if exclusive:
        peak = scores.max(axis=1)
        spread = np.log(np.exp(scores - peak[:, None]).sum(axis=1)) + peak
        return np.asarray(spread - (scores * targets).sum(axis=1))
    return np.asarray((np.logaddexp(0.0, scores) - scores * targets).sum(axis=1))


def _losses_and_probabilities(
    scores: Matrix, targets: Matrix, *, exclusive: bool
) -> tuple[npt.NDArray[np.float64], Matrix]:
    """As :func:`log_losses` and :func:`softmax` or :func:`sigmoid`, to the last bit, with half of the exponentials."""
    if not exclusive:
        return log_losses(scores, targets, exclusive=False), sigmoid(scores)
    peak = scores.max(axis=1, keepdims=True)
    powers = np.exp(scores - peak)
    sums = powers.sum(axis=1, keepdims=True)
    return np.log(sums[:, 0]) + peak[:, 0] - (scores * targets).sum(axis=1), powers / sums


def softmax(scores: Matrix) -> Matrix:
    """Probabilities (N, labels) of an exclusive group; each row adds up to 1."""
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def sigmoid(scores: Matrix) -> Matrix:
    """Probabilities (N, labels) of an independent group, each for itself."""
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * scores)))

"""Fitting what makes confidences mean what they say."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from decisight.models.card import Calibration
from decisight.training.probe import log_losses, sigmoid, softmax

__all__ = ["calibrated", "fit_calibration"]

Matrix = npt.NDArray[np.float64]

BIAS_SPREAD = 0.3
"""How far, in logits, a label's bias is expected to be from 0: it is shrunk towards 0 the fewer pictures speak."""

_LOG_TEMPERATURE = (-3.0, 3.0)


def fit_calibration(scores: Matrix, targets: Matrix, *, exclusive: bool) -> Calibration:
    """Fit a temperature and a shrunk bias a label on predictions for pictures that were not trained on.

    Temperature scaling is Guo et al. (2017), "On calibration of modern neural networks"; the bias is its vector
    scaling, held back by a Gaussian prior of width :data:`BIAS_SPREAD`. Targets are softened as Platt (1999) has it, by
    two imagined pictures spread over the labels: twenty right answers out of twenty do not prove that there are no
    wrong ones. They are two however many labels there are, or many labels alone would make every confidence mild.

    How the folds were dealt is chance, and the head was chosen on one deal, which flatters it there. So several rounds
    of predictions may be given, each from folds dealt anew; together they count as one.

    Args:
        scores: float64 (N, labels) or (rounds, N, labels), logits.
        targets: float64 (N, labels), 0 or 1.
        exclusive: softmax over the labels, else a sigmoid each.

    Returns:
        The calibration; neutral where there are no pictures.
    """
    from scipy.optimize import minimize

    *rounds, n, labels = scores.shape
    if n == 0:
        return Calibration(1.0, (0.0,) * labels)
    each = 1.0 / (rounds[0] if rounds else 1)
    logits = scores.reshape(-1, labels)
    soft = np.tile((targets * n + 2.0 / (labels if exclusive else 2)) / (n + 2.0), (len(logits) // n, 1))

    def loss(parameters: Matrix) -> tuple[float, Matrix]:
        cooled = logits * np.exp(-parameters[0])
        moved = cooled + parameters[1:]
        residual = each * ((softmax(moved) if exclusive else sigmoid(moved)) - soft)
        gradient = np.append(-np.sum(residual * cooled), residual.sum(axis=0) + parameters[1:] / BIAS_SPREAD**2)
        penalty = 0.5 * float(np.sum((parameters[1:] / BIAS_SPREAD) ** 2))
        return each * float(log_losses(moved, soft, exclusive=exclusive).sum()) + penalty, gradient

    bounds = [_LOG_TEMPERATURE] + [(-10 * BIAS_SPREAD, 10 * BIAS_SPREAD)] * labels
    found = minimize(loss, np.zeros(1 + labels), jac=True, method="L-BFGS-B", bounds=bounds)
    return Calibration(float(np.exp(found.x[0])), tuple(float(b) for b in found.x[1:]))


def calibrated(scores: Matrix, calibration: Calibration) -> Matrix:
    """Calibrated logits (N, labels): divided by the temperature, the bias added."""
    return np.asarray(scores / calibration.temperature + np.array(calibration.bias))

"""What each position of each map adds to a logit. Exact: a head is linear in features that are pooled from the maps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from decisight.errors import ModelError
from decisight.explaining.head_graph import Feature, LinearHead

__all__ = ["LabelHead", "label_head", "tap_evidence"]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class LabelHead:
    """What decides for one label on one picture: its logit is ``bias + weight @ (features - mean)``.

    Args:
        weight: (features,).
        bias: what is said of a picture whose features are ``mean``.
    """

    weight: Floats
    bias: float


def label_head(head: LinearHead, label: int, logits: Floats, *, exclusive: bool) -> LabelHead:
    """The head whose logit is the log-odds of a label's calibrated confidence.

    Of an independent group that is the label's own head. Of an exclusive one, evidence is evidence *against the other
    labels*: adding the same to all of them changes no confidence. With z the calibrated logits and q their softmax
    among the other labels, ``log(p / (1 - p)) = z[label] - sum(q * z) - entropy(q)``, to the last digit. So the others
    are taken together, each by how likely it is among them: with two labels it is the difference of both, and with
    more the runner-up counts the most.

    Args:
        head: of the group.
        label: its place among the group's labels.
        logits: (labels,), calibrated, of the picture.
        exclusive: whether the group is.
    """
    if not exclusive:
        return LabelHead(head.scale * head.weight[label], float(head.scale * head.bias[label] + head.shift[label]))
    others = np.delete(logits, label)
    shares = np.exp(others - others.max())
    shares /= shares.sum()
    entropy = -float(np.sum(shares * np.log(np.maximum(shares, np.finfo(np.float64).tiny))))
    against = np.insert(-shares, label, 1.0)
    constant = float(against @ (head.scale * head.bias + head.shift))
    return LabelHead(head.scale * (against @ head.weight), constant - entropy)


def tap_evidence(
    features: Sequence[Feature], maps: Mapping[str, Floats], weights: Floats, mean: Floats
) -> dict[str, Floats]:
    """What every position of every tap adds, for several labels at once.

    The mean of a map spreads a channel's part over its positions, each by how far it lies from the feature's mean. A
    maximum has it where it is taken; where it is taken at several positions, they share it.

    Args:
        features: of the model.
        maps: (channels, side, side) by tensor.
        weights: (labels, features).
        mean: (features,).

    Returns:
        (labels, side, side) by tap; all of it adds up to ``weights @ (features - mean)``.

    Raises:
        ModelError: weights and maps do not fit each other.
    """
    found: dict[str, Floats] = {}
    at = 0
    for feature in features:
        x = maps[feature.tensor]
        rows = slice(feature.rows[0], min(feature.rows[1], x.shape[1]))
        part = x[:, rows].reshape(len(x), -1)
        weight, centre = weights[:, at : at + len(x)], mean[at : at + len(x)]
        if weight.shape[1] != len(x) or part.size == 0:
            break
        added = _of_mean(part, weight, centre) if feature.pooling == "mean" else _of_maximum(part, weight, centre)
        total = found.setdefault(feature.tap, np.zeros((len(weights), *x.shape[1:])))
        total[:, rows] += added.reshape(len(weights), -1, x.shape[2])
        at += len(x)
    if at != weights.shape[1]:
        raise ModelError("the model cannot be explained: its heads do not fit its maps", hint="train it again")
    return found


def _of_mean(part: Floats, weight: Floats, centre: Floats) -> Floats:
    return np.asarray((weight @ part - (weight @ centre)[:, None]) / part.shape[1])


def _of_maximum(part: Floats, weight: Floats, centre: Floats) -> Floats:
    highest = part.max(axis=1)
    taken = (part == highest[:, None]).astype(np.float64)
    return np.asarray((weight * ((highest - centre) / taken.sum(axis=1))) @ taken)

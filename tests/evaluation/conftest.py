"""Made-up examples: labels, and confidences that know something of them."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pytest

from decisight.types import LabelGroup, Target


class Made(NamedTuple):
    group: LabelGroup
    targets: list[Target]
    confidences: np.ndarray
    sources: list[str | None]


def softmax(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


@pytest.fixture(scope="session")
def made_exclusive() -> Callable[..., Made]:
    """``make(n, labels, seed, signal, prior, of_a_source)``: an exclusive group."""

    def make(n=80, labels=4, seed=0, *, signal=1.5, prior=None, of_a_source=1, names=None) -> Made:
        random = np.random.default_rng(seed)
        names = names or tuple(f"label {k}" for k in range(labels))
        group = LabelGroup("class", tuple(names))
        target = random.choice(len(names), size=n, p=prior)
        logits = random.normal(size=(n, len(names))) + signal * np.eye(len(names))[target]
        return Made(
            group, [names[k] for k in target], softmax(signal * logits), [f"photo {i // of_a_source}" for i in range(n)]
        )

    return make


@pytest.fixture(scope="session")
def made_independent() -> Callable[..., Made]:
    """``make(n, labels, seed)``: an independent group."""

    def make(n=80, labels=3, seed=0, *, signal=2.0, of_a_source=1) -> Made:
        random = np.random.default_rng(seed)
        names = tuple(f"tag {k}" for k in range(labels))
        held = random.random((n, labels)) < np.linspace(0.1, 0.6, labels)
        confidences = 1 / (1 + np.exp(-(random.normal(size=held.shape) + signal * (held - 0.5))))
        targets = [frozenset(name for name, has in zip(names, row, strict=True) if has) for row in held]
        return Made(
            LabelGroup("tags", names, "independent"),
            targets,
            confidences,
            [f"photo {i // of_a_source}" for i in range(n)],
        )

    return make

"""Labels that are probably wrong: where models that have not learnt from a picture agree that it shows something else.

The method is confident learning (Northcutt, Jiang and Chuang, 2021), by the library cleanlab, on calibrated confidences
of our own training.
"""

from __future__ import annotations

import importlib.util
import warnings
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from decisight.auditing.confidences import OutOfFold
from decisight.auditing.findings import Finding
from decisight.types import written

__all__ = ["INSTALL", "Suspect", "can_suspect", "suspect_findings", "suspects"]

INSTALL = "wrong labels were not looked for: that needs cleanlab; install it: pip install 'decisight[audit]'"
"""What is said where the library is not there."""

_UNLIKELY = 0.2
"""A label is suspected if its confidence is below this share of what all other labels would have, were they equal.

Where a share e of the labels is wrong by chance, calibrated confidences of a wrong label are near e / (K - 1) for K
labels; of labels with at most twice that, as many are wrong as right. This is for e = 0.1. It was measured with 5 % of
labels exchanged in nine sets of 153 to 748 photos; see docs/benchmarks.md.
"""


@dataclass(frozen=True, slots=True)
class Suspect:
    """A label that is probably wrong.

    Args:
        example: the picture, by its number in the dataset.
        group: the name of the label group.
        given: what the data say, as a table has it.
        suggested: what the model would say.
        confidence: of what the data say, 0..1.
        instead: of what the model would say, 0..1.
        label: in an independent group, the label that is there and should not be, or the other way round.
    """

    example: int
    group: str
    given: str
    suggested: str
    confidence: float
    instead: float
    label: str | None = None


def can_suspect() -> bool:
    """Whether cleanlab is installed, with what it needs."""
    if importlib.util.find_spec("cleanlab") is None:
        return False
    with warnings.catch_warnings():
        # It brings libraries that warn of one another.
        warnings.simplefilter("ignore")
        try:
            import cleanlab.filter  # noqa: F401 - only whether it can be used
        except ImportError:
            return False
    return True


def suspects(confidences: tuple[OutOfFold, ...]) -> list[Suspect]:
    """The labels that are probably wrong, those that are most surely so first.

    Args:
        confidences: what models that have not learnt from a picture say of it; see
            :func:`~decisight.auditing.confidences.learn`.

    Raises:
        ModuleNotFoundError: cleanlab is not installed.
    """
    found: list[tuple[float, Suspect]] = []
    for one in confidences:
        found.extend(_of_exclusive(one) if one.group.exclusive else _of_independent(one))
    return [suspect for _, suspect in sorted(found, key=lambda pair: (pair[0], pair[1].example, pair[1].group))]


def suspect_findings(found: list[Suspect]) -> Iterator[Finding]:
    """One for each, in their order."""
    for suspect in found:
        text = (
            f"labelled {suspect.given!r}, {_likely(suspect.confidence)} likely; "
            f"more likely {suspect.suggested!r}, {_likely(suspect.instead)}"
        )
        details = {
            "given": suspect.given,
            "suggested": suspect.suggested,
            "confidence": round(suspect.confidence, 4),
            "confidence_suggested": round(suspect.instead, 4),
        }
        if suspect.label is not None:
            details["label"] = suspect.label
        yield Finding("suspected_label", text, (suspect.example,), suspect.group, details)


def _likely(confidence: float) -> str:
    """A confidence in few characters; never none at all."""
    return "below 0.1%" if confidence < 0.001 else f"{confidence:.1%}" if confidence < 0.1 else f"{confidence:.0%}"


def _of_exclusive(one: OutOfFold) -> Iterator[tuple[float, Suspect]]:
    given, likely = one.targets.argmax(axis=1), one.confidences.argmax(axis=1)
    others = len(one.group.labels) - 1
    for row in _doubted(given, one.confidences).tolist():
        own, other = int(given[row]), int(likely[row])
        confidence = float(one.confidences[row, own])
        if own != other and confidence * others <= _UNLIKELY:
            yield (
                confidence * others,
                Suspect(
                    int(one.examples[row]),
                    one.group.name,
                    one.group.labels[own],
                    one.group.labels[other],
                    confidence,
                    float(one.confidences[row, other]),
                ),
            )


def _of_independent(one: OutOfFold) -> Iterator[tuple[float, Suspect]]:
    """Each label for itself: whether it holds or not is a choice of two, and a mistake may be in any of them."""
    for at, label in enumerate(one.group.labels):
        holds = one.targets[:, at].astype(np.int64)
        confidences = np.stack([1.0 - one.confidences[:, at], one.confidences[:, at]], axis=1)
        for row in _doubted(holds, confidences).tolist():
            confidence = float(confidences[row, holds[row]])
            if confidence * len(one.group.labels) <= _UNLIKELY:
                held = frozenset(
                    name for name, there in zip(one.group.labels, one.targets[row], strict=True) if there > 0.5
                )
                yield (
                    confidence * len(one.group.labels),
                    Suspect(
                        int(one.examples[row]),
                        one.group.name,
                        written(held),
                        written(held ^ {label}),
                        confidence,
                        1.0 - confidence,
                        label,
                    ),
                )


def _doubted(given: npt.NDArray[np.int64], confidences: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """The rows whose labels cleanlab has doubts about, the least confident first."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from cleanlab.filter import find_label_issues

        rows = find_label_issues(
            given,
            confidences,
            filter_by="low_self_confidence",
            return_indices_ranked_by="self_confidence",
            n_jobs=1,
        )
    return np.asarray(rows, np.int64)

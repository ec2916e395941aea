"""Folds for cross-validation: sources kept together, classes spread evenly."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from decisight.errors import DataError

__all__ = ["assign_folds", "sources_per_label"]


def sources_per_label(labels: Sequence[str], sources: Sequence[str | None]) -> dict[str, int]:
    """How many sources each label's examples come from; an example without a source counts as one of its own.

    A label with fewer than ``k`` sources is absent from some of ``k`` folds, whoever deals them.
    """
    units: dict[str, set[str | int]] = defaultdict(set)
    for at, (label, source) in enumerate(zip(labels, sources, strict=True)):
        units[label].add(at if source is None else source)
    return {label: len(found) for label, found in units.items()}


def assign_folds(labels: Sequence[str], sources: Sequence[str | None], k: int, seed: int = 0) -> npt.NDArray[np.intp]:
    """Deal examples into folds.

    All examples of a source come into one fold. Sources are dealt greedily, the largest first and among equals those
    of the rarest label, each to the fold that has the smallest share of its labels so far and the fewest examples;
    the idea is that of scikit-learn's ``StratifiedGroupKFold``, with every label weighing the same. The outcome
    depends on the seed and on the names of the sources, not on the order of the examples; of those without a source,
    which are told apart by nothing, it depends on their order within their label.

    Args:
        labels: (N,) what is to be spread evenly, for example the label, or those of several groups joined.
        sources: (N,) the source of each example, ``None`` where it has none and is dealt by itself.
        k: the number of folds, at least 2.
        seed: another seed deals otherwise.

    Returns:
        (N,) int, the fold of each example, 0..k-1; no fold is empty.

    Raises:
        ValueError: ``k`` is below 2, or the lengths differ.
        DataError: there are fewer sources than folds.
    """
    if k < 2:
        raise ValueError(f"at least 2 folds are needed, not {k}")
    names, label_ids = np.unique(np.asarray(labels, dtype=object).astype(str), return_inverse=True)
    members: dict[str, list[int]] = defaultdict(list)
    alone: dict[str, int] = defaultdict(int)
    for at, (label, source) in enumerate(zip(labels, sources, strict=True)):
        if source is None:
            members[f"alone\0{label}\0{alone[label]}"].append(at)
            alone[label] += 1
        else:
            members[f"source\0{source}"].append(at)
    if len(members) < k:
        raise DataError(
            f"{len(members)} sources cannot be dealt into {k} folds",
            hint="add pictures of more sources, or ask for fewer folds",
        )
    units = sorted(members)
    counts = np.zeros((len(units), len(names)))
    for row, unit in enumerate(units):
        np.add.at(counts[row], label_ids[members[unit]], 1)
    fold_of_unit = _deal(counts, [_digest(seed, unit) for unit in units], k)
    folds = np.empty(len(labels), np.intp)
    for unit, fold in zip(units, fold_of_unit, strict=True):
        folds[members[unit]] = fold
    return folds


def _digest(seed: int, unit: str) -> bytes:
    return hashlib.sha256(f"{seed}\0{unit}".encode("utf-8", "surrogateescape")).digest()


def _deal(counts: npt.NDArray[np.float64], digests: Sequence[bytes], k: int) -> npt.NDArray[np.intp]:
    """The fold of each unit.

    Args:
        counts: (U, L) how many examples of each label a unit has.
        digests: U, what decides among equals.
        k: the number of folds.
    """
    totals = counts.sum(axis=0)
    sizes = counts.sum(axis=1)
    rarest = np.where(counts > 0, totals, np.inf).min(axis=1)
    order = sorted(range(len(counts)), key=lambda u: (-sizes[u], rarest[u], digests[u]))
    shares = np.zeros((k, len(totals)))
    filled = np.zeros(k)
    folds = np.empty(len(counts), np.intp)
    for u in order:
        crowding = shares @ counts[u] / sizes[u] + filled / sizes.sum()
        # Sums of fractions tie only after rounding; then the emptiest fold, then one by the hash.
        ranks = np.roll(np.arange(k), digests[u][0] % k)
        fold = int(np.lexsort((ranks, filled, np.round(crowding, 9)))[0])
        folds[u] = fold
        shares[fold] += counts[u] / totals
        filled[fold] += sizes[u]
    return folds

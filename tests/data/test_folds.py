"""Folds keep sources together and spread classes evenly."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from sklearn.model_selection import StratifiedGroupKFold

from decisight.data import assign_folds, sources_per_label
from decisight.errors import DataError

ROWS = st.lists(st.tuples(st.sampled_from("abc"), st.one_of(st.none(), st.integers(0, 9).map(str))), max_size=40)


@given(rows=ROWS, k=st.integers(2, 5), seed=st.integers(0, 3))
def test_sources_stay_together_and_no_fold_is_empty(rows: list[tuple[str, str | None]], k: int, seed: int) -> None:
    labels, sources = [r[0] for r in rows], [r[1] for r in rows]
    units = len({s for s in sources if s is not None}) + sources.count(None)
    assume(units >= k)
    folds = assign_folds(labels, sources, k, seed)
    assert folds.shape == (len(rows),)
    assert set(folds.tolist()) == set(range(k))
    for source in set(sources) - {None}:
        assert len({int(f) for f, s in zip(folds, sources, strict=True) if s == source}) == 1
    np.testing.assert_array_equal(folds, assign_folds(labels, sources, k, seed))


@given(rows=ROWS, k=st.integers(2, 5), order=st.randoms(use_true_random=False))
def test_the_order_of_the_examples_does_not_matter(
    rows: list[tuple[str, str | None]], k: int, order: np.random.Generator
) -> None:
    named = [(label, source or f"alone{at}") for at, (label, source) in enumerate(rows)]
    assume(len({source for _, source in named}) >= k)
    shuffled = list(range(len(named)))
    order.shuffle(shuffled)
    first = assign_folds([r[0] for r in named], [r[1] for r in named], k)
    second = assign_folds([named[i][0] for i in shuffled], [named[i][1] for i in shuffled], k)
    np.testing.assert_array_equal(first[shuffled], second)


@given(counts=st.lists(st.integers(1, 30), min_size=1, max_size=5), k=st.integers(2, 5), seed=st.integers(0, 3))
def test_without_sources_every_class_is_spread_to_one(counts: list[int], k: int, seed: int) -> None:
    assume(sum(counts) >= k)
    labels = [str(at) for at, count in enumerate(counts) for _ in range(count)]
    folds = assign_folds(labels, [None] * len(labels), k, seed)
    for label in set(labels):
        per_fold = [int(((folds == f) & (np.array(labels) == label)).sum()) for f in range(k)]
        assert max(per_fold) - min(per_fold) <= 1
    sizes = np.bincount(folds, minlength=k)
    assert sizes.max() - sizes.min() <= len(counts)


def imbalance(labels: list[str], folds: np.ndarray, k: int) -> float:
    """The mean distance of a class's share in a fold from 1/k."""
    shares = [Counter(np.array(labels)[folds == f].tolist()) for f in range(k)]
    totals = Counter(labels)
    return float(np.mean([abs(shares[f][label] / totals[label] - 1 / k) for f in range(k) for label in totals]))


@pytest.mark.parametrize("seed", range(5))
def test_with_sources_it_is_as_even_as_the_reference(seed: int) -> None:
    rng = np.random.default_rng(seed)
    sources = [str(s) for s in rng.integers(0, 60, 400)]
    labels = [str(min(3, int(source) % 7)) for source in sources]
    reference = np.empty(400, int)
    splitter = StratifiedGroupKFold(5, shuffle=True, random_state=seed)
    for fold, (_, held_out) in enumerate(splitter.split(np.zeros(400), labels, sources)):
        reference[held_out] = fold
    assert imbalance(labels, assign_folds(labels, sources, 5, seed), 5) <= imbalance(labels, reference, 5) + 0.005


def test_another_seed_deals_otherwise() -> None:
    labels, sources = ["a", "b"] * 30, [str(at) for at in range(60)]
    dealt = {tuple(assign_folds(labels, sources, 3, seed)) for seed in range(5)}
    assert len(dealt) == 5


def test_sources_are_counted_per_label() -> None:
    assert sources_per_label(["a", "a", "a", "b", "b"], ["1", "1", None, "1", None]) == {"a": 2, "b": 2}


def test_fewer_sources_than_folds_are_refused() -> None:
    with pytest.raises(DataError, match="2 sources cannot be dealt into 3 folds") as caught:
        assign_folds(["a", "a", "b"], ["1", "1", "2"], 3)
    assert caught.value.hint


@pytest.mark.parametrize(("labels", "sources", "k"), [(["a", "b"], [None, None], 1), (["a"], [None, None], 2)])
def test_misuse_is_refused(labels: list[str], sources: list[str | None], k: int) -> None:
    with pytest.raises(ValueError, match=r"folds|zip"):
        assign_folds(labels, sources, k)

"""Thresholds that promise something: kept where the truth is known, refused where they cannot be."""

from __future__ import annotations

import hashlib
import importlib.util
import math
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from scipy.stats import binom

from decisight.errors import UsageError
from decisight.evaluation.operating.bounds import needed
from decisight.evaluation.operating.decisions import LabelDecisions, label_decisions
from decisight.evaluation.operating.guarantee import GRID, Guarantee, Shortfall, _counts, fewest_accepted, guarantee
from decisight.types import LabelGroup, Prediction, Target, Task

ROOT = Path(__file__).resolve().parents[3]
TASK = Task((LabelGroup("role", ("a", "b")), LabelGroup("gear", ("vest", "helmet"), "independent")))
_SAME = np.zeros(2, np.uint64)


def decisions(
    confidence: list[float] | np.ndarray,
    wrong: list[bool] | np.ndarray,
    sources: np.ndarray | None = None,
    seed: int = 0,
) -> LabelDecisions:
    """All for one label, with lots by chance."""
    values, bad = np.asarray(confidence, float), np.asarray(wrong, bool)
    own = np.arange(len(values)) if sources is None else sources
    lots = np.random.default_rng(seed).permutation(len(values)).astype(np.uint64)
    return LabelDecisions("gear", "vest", values, np.ones(len(values), bool), ~bad, own, lots=lots)


@pytest.fixture(scope="module")
def promises() -> ModuleType:
    """The benchmark, whose populations are used here with fewer draws."""
    folder = ROOT / "benchmarks"
    sys.path.insert(0, str(folder))
    try:
        spec = importlib.util.spec_from_file_location("promises_benchmark", folder / "promises.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(folder))
    return module


WORST = [
    ("just too bad", 600, 0.1, 1, False),  # nothing may be promised, and by chance something is
    ("just too bad", 400, 0.1, 3, False),  # jointly
    ("just too bad", 300, 0.1, 1, True),
    ("calibrated", 600, 0.05, 1, False),
    ("worst on top", 600, 0.05, 1, False),
    ("slightly bad middle", 600, 0.05, 1, False),
    ("large sources are bad", 600, 0.15, 1, True),
    ("few confidences", 150, 0.1, 1, False),
    ("too sure", 150, 0.1, 1, True),
]
INDEPENDENT = [("just too bad", 600, 0.1), ("any number holds", 300, 0.1)]


HARDEST: list[tuple[float, int, float, bool]] = [
    # what is asked for, pictures, the share that is wrong whatever the confidence, whether each has a copy beside it
    (0.1, 250, 0.1001, False),
    (0.05, 300, 0.0501, False),
    (0.1, 200, 0.1001, True),
    (0.2, 120, 0.2001, False),
]


def test_what_is_just_too_bad_is_promised_as_rarely_as_is_said() -> None:
    """The truth is known, each promise is broken, and this is as often as it can be: all tries are pooled."""
    random, tries, broken = np.random.default_rng(11), 0, 0
    for max_error, units, error, in_sources in HARDEST:
        for _ in range(500):
            confidence, wrong = random.uniform(0.5, 1.0, units) ** 0.3, random.random(units) < error
            sources = np.arange(units)
            if in_sources:
                confidence, wrong, sources = (np.repeat(some, 2) for some in (confidence, wrong, sources))
            found = guarantee(decisions(confidence, wrong, sources), max_error)
            tries, broken = tries + 1, broken + isinstance(found, Guarantee)
    assert broken <= binom.ppf(0.999, tries, 0.05)  # 6.6 %
    assert broken > 0.02 * tries  # what it costs to be so sure is not wasted


@pytest.mark.parametrize(("population", "units", "max_error", "labels", "sources"), WORST)
def test_promises_are_kept(
    promises: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    population: str,
    units: int,
    max_error: float,
    labels: int,
    sources: bool,
) -> None:
    monkeypatch.setattr(promises, "POPULATION", 40_000)
    chosen = promises.Setting(population, units, max_error, labels=labels, sources=sources)
    (row,) = promises.made_up(150, lambda setting: setting == chosen)
    assert row["broken"] <= row["limit"]
    assert row["limit"] == pytest.approx(0.05 + 3 * math.sqrt(0.05 * 0.95 / 150))


@pytest.mark.parametrize(("population", "units", "max_error"), INDEPENDENT)
def test_promises_of_labels_of_independent_groups_are_kept(
    promises: ModuleType, monkeypatch: pytest.MonkeyPatch, population: str, units: int, max_error: float
) -> None:
    monkeypatch.setattr(promises, "POPULATION", 40_000)
    chosen = promises.Setting(population, units, max_error, untuned=0.5)
    (row,) = promises.made_up(150, lambda setting: setting == chosen)
    assert row["broken"] <= row["limit"]


def test_it_accepts_more_than_a_correction_for_a_dozen_thresholds(promises: ModuleType) -> None:
    (row,) = promises.made_up(60, lambda setting: setting == promises.Setting("calibrated", 600, 0.05))
    assert row["promised"] > 0.8
    assert row["accepted"] > row["bonferroni"]["accepted"] + 0.05


def test_where_nothing_is_wrong_everything_is_accepted() -> None:
    found = guarantee(decisions(np.linspace(0.5, 0.999, 400), [False] * 400), 0.02)
    assert isinstance(found, Guarantee)
    assert found.threshold <= 0.5
    assert (found.accepted, found.errors, found.units) == (400, 0, 400)
    assert found.bound < 0.01


def test_the_threshold_keeps_clear_of_the_errors() -> None:
    confidence = np.concatenate([np.full(500, 0.95), np.full(100, 0.7)])
    wrong = np.concatenate([np.zeros(500, bool), np.ones(100, bool)])
    found = guarantee(decisions(confidence, wrong), 0.02)
    assert isinstance(found, Guarantee)
    assert 0.7 < found.threshold <= 0.95
    assert (found.accepted, found.errors, found.pictures_accepted) == (500, 0, 500)


def test_one_that_accepts_the_same_is_as_strict_as_it_can_be() -> None:
    """Between 0.7 and 0.95 there was nothing to see, so nothing is said of it."""
    confidence = np.concatenate([np.full(500, 0.95), np.full(100, 0.7)])
    found = guarantee(decisions(confidence, confidence < 0.8), 0.02)
    assert isinstance(found, Guarantee)
    assert found.threshold == max(t for t in GRID if t <= 0.95)


@pytest.mark.parametrize(("number", "promised"), [(298, False), (299, True)])
def test_for_one_in_a_hundred_it_takes_299(number: int, promised: bool) -> None:
    found = guarantee(decisions(np.full(number, 0.9), [False] * number), 0.01)
    assert isinstance(found, Guarantee) == promised
    if isinstance(found, Shortfall):
        assert (found.fewest, found.decisions, found.threshold) == (299, 298, None)


def test_too_much_is_wrong() -> None:
    random = np.random.default_rng(0)
    found = guarantee(decisions(random.uniform(0.6, 1.0, 500), random.random(500) < 0.2), 0.05)
    assert isinstance(found, Shortfall)
    assert found.threshold is not None
    assert found.errors / found.accepted > 0.05
    assert found.fewest == 59


def test_it_says_about_how_many_would_do() -> None:
    wrong = np.zeros(100, bool)
    wrong[:1] = True
    found = guarantee(decisions(np.full(100, 0.9), wrong), 0.03)
    assert isinstance(found, Shortfall)
    assert found.units_needed is not None
    assert found.units_needed >= (needed(0.03, 0.95, errors=1) or 0)
    hopeless = guarantee(decisions(np.full(100, 0.9), np.arange(100) < 10), 0.03)
    assert isinstance(hopeless, Shortfall)
    assert hopeless.units_needed is None


@pytest.mark.parametrize("number", [0, 1])
def test_of_next_to_nothing_nothing_is_promised(number: int) -> None:
    found = guarantee(decisions([0.9] * number, [False] * number), 0.05)
    assert isinstance(found, Shortfall)
    assert found.decisions == number


def test_all_confidences_equal() -> None:
    good = guarantee(decisions(np.full(400, 0.7), np.arange(400) < 4), 0.05)
    assert isinstance(good, Guarantee)
    assert good.accepted == 400
    assert isinstance(guarantee(decisions(np.full(400, 0.7), np.arange(400) < 40), 0.05), Shortfall)


def test_a_source_counts_once() -> None:
    """Ten pictures of each of 40 sources are no 400 pictures."""
    confidence, wrong, sources = np.full(400, 0.9), np.zeros(400, bool), np.repeat(np.arange(40), 10)
    found = guarantee(decisions(confidence, wrong, sources), 0.05)
    assert isinstance(found, Shortfall)
    assert (found.decisions, found.units, found.in_sources) == (40, 40, True)
    wider = guarantee(decisions(confidence, wrong, sources), 0.1)
    assert isinstance(wider, Guarantee)
    assert (wider.accepted, wider.pictures_accepted) == (40, 400)


def test_of_each_source_one_accepted_decision_is_drawn() -> None:
    random = np.random.default_rng(1)
    sources = np.sort(random.integers(0, 50, 300))
    confidence, wrong = random.choice([0.6, 0.8, 0.9, 0.99], 300), random.random(300) < 0.3
    for seed in range(5):
        some = decisions(confidence, wrong, sources, seed)
        accepted, errors = _counts(some)
        for at, threshold in enumerate(GRID):
            passed = some.accepted(threshold)
            assert accepted[at] == len(np.unique(sources[passed]))
            bad = [(~some.holds[passed & (sources == s)]) for s in np.unique(sources[passed])]
            assert sum(all(b) for b in bad) <= errors[at] <= sum(any(b) for b in bad)
    means = np.mean([_counts(decisions(confidence, wrong, sources, seed))[1][-1] for seed in range(400)])
    shares = [(~some.holds[sources == s]).mean() for s in np.unique(sources)]
    assert means == pytest.approx(sum(shares), rel=0.05)


def test_the_order_of_the_pictures_does_not_matter_without_sources() -> None:
    random = np.random.default_rng(2)
    confidence, wrong = random.uniform(0.5, 1.0, 500), random.random(500) < 0.02
    order = random.permutation(500)
    assert guarantee(decisions(confidence, wrong), 0.06) == guarantee(decisions(confidence[order], wrong[order]), 0.06)


def test_the_order_of_the_pictures_does_not_matter_with_sources() -> None:
    """Else to give them in another order would be a second try."""
    random = np.random.default_rng(5)
    sources = [f"clip {at}" for at in random.integers(0, 120, 400)]
    rows = [(c, 1.0 - c) for c in random.uniform(0.6, 1.0, 400)]
    truth: list[tuple[Target, ...]] = [("a" if lucky else "b", None) for lucky in random.random(400) > 0.04]
    digests = [hashlib.sha256(bytes([at % 256, at // 256])).hexdigest() for at in range(400)]
    predictions = [Prediction(TASK, (row, (0.0, 0.0))) for row in rows]

    def found(order: np.ndarray) -> Guarantee | Shortfall:
        columns = ([column[at] for at in order] for column in (predictions, truth, sources, digests))
        shuffled, targets, names, hashed = columns
        return guarantee(label_decisions(TASK, shuffled, targets, sources=names, digests=hashed)["role:a"], 0.1)

    first = found(np.arange(400))
    assert all(found(random.permutation(400)) == first for _ in range(10))


def test_of_copies_in_a_source_the_wrong_one_counts() -> None:
    for holds in (np.array([True, False]), np.array([False, True])):
        twice = LabelDecisions("g", "a", np.full(2, 0.9), np.ones(2, bool), holds, np.zeros(2, int), lots=_SAME)
        assert _counts(twice)[1][-1] == 1


def test_without_lots_nothing_can_be_drawn() -> None:
    some = LabelDecisions("g", "a", np.full(2, 0.9), np.ones(2, bool), np.ones(2, bool), np.zeros(2, int))
    with pytest.raises(UsageError, match="no lots"):
        guarantee(some, 0.1)


def test_the_search_begins_where_two_may_be_wrong_if_there_are_twice_as_many() -> None:
    two, one, none = (needed(0.05, 0.95, errors=errors) or 0 for errors in (2, 1, 0))
    assert [fewest_accepted(k, 0.05, 0.95) for k in (2 * two, 2 * two - 1, 2 * one - 1, 0)] == [two, one, none, none]


@pytest.mark.parametrize(("max_error", "assurance"), [(0.0, 0.95), (1.0, 0.95), (0.05, 1.0), (0.05, float("nan"))])
def test_what_nobody_can_promise(max_error: float, assurance: float) -> None:
    with pytest.raises(UsageError):
        guarantee(decisions([0.9] * 100, [False] * 100), max_error, assurance)


def test_confidences_that_are_none_are_refused() -> None:
    with pytest.raises(UsageError, match=r"0\.\.1"):
        decisions([float("nan")], [False])
    with pytest.raises(UsageError, match="shapes"):
        LabelDecisions("a", "b", np.zeros(2), np.ones(3, bool), np.ones(2, bool), np.arange(2))


def test_decisions_are_those_that_the_rule_would_make() -> None:
    rows = [((0.9, 0.1), (0.8, 0.3)), ((0.5, 0.5), (0.2, 0.9)), ((0.2, 0.8), (0.6, 0.6))]
    predictions = [Prediction(TASK, row, 0.5) for row in rows]
    targets = [("a", frozenset({"vest"})), ("b", None), (None, frozenset({"helmet"}))]
    found = label_decisions(TASK, predictions, targets, sources=["x", "x", None])
    assert list(found) == ["role:a", "role:b", "gear:vest", "gear:helmet"]
    a, vest = found["role:a"], found["gear:vest"]
    assert a.speaks.tolist() == [True, True]  # of two that tie, the first
    assert a.holds.tolist() == [True, False]
    assert a.in_sources
    assert a.untuned == 0.0
    assert (vest.confidence.tolist(), vest.holds.tolist(), vest.untuned) == ([0.8, 0.6], [True, False], 0.5)
    assert not vest.in_sources


def test_unfamiliar_pictures_are_not_decided() -> None:
    predictions = [Prediction(TASK, ((0.9, 0.1), (0.8, 0.3)), familiarity) for familiarity in (0.01, 0.5)]
    targets = [("a", frozenset({"vest"}))] * 2
    found = label_decisions(TASK, predictions, targets, min_familiarity=0.05)
    assert found["role:a"].speaks.tolist() == found["gear:vest"].speaks.tolist() == [False, True]
    with pytest.raises(UsageError, match="does not say how familiar"):
        label_decisions(TASK, [Prediction(TASK, ((0.9, 0.1), (0.8, 0.3)))], targets[:1], min_familiarity=0.05)

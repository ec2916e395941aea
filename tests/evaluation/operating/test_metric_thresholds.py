"""Thresholds by a figure, beside a search by hand; and figures that do not flatter."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import f1_score, precision_score, recall_score

from decisight.errors import UsageError
from decisight.evaluation.operating.decisions import LabelDecisions
from decisight.evaluation.operating.metric_thresholds import by_figure


def made(seed: int = 0, number: int = 120, *, top_only: bool = False, many: int = 1) -> LabelDecisions:
    random = np.random.default_rng(seed)
    holds = random.random(number) < 0.4
    confidence = 1.0 / (1.0 + np.exp(-random.normal(np.where(holds, 1.0, -1.0), 1.5)))
    speaks = confidence > 0.5 if top_only else np.ones(number, bool)
    return LabelDecisions("g", "a", confidence, speaks, holds, np.arange(number) // many)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("top_only", [False, True])
def test_the_lowest_threshold_with_a_precision(seed: int, top_only: bool) -> None:
    some = made(seed, top_only=top_only)
    found = by_figure(some, "min_precision", 0.9)
    said = some.accepted(found.threshold)
    assert precision_score(some.holds, said) >= 0.9
    assert found.here.precision.value == pytest.approx(precision_score(some.holds, said))
    assert found.here.recall.value == pytest.approx(recall_score(some.holds, said))
    lower = [t for t in some.confidence if t < found.threshold]
    assert all(precision_score(some.holds, some.accepted(t)) < 0.9 for t in lower if some.accepted(t).any())
    assert found.accepted == said.sum()


@pytest.mark.parametrize("seed", range(4))
def test_the_highest_threshold_with_a_recall(seed: int) -> None:
    some = made(seed)
    found = by_figure(some, "min_recall", 0.9)
    assert recall_score(some.holds, some.accepted(found.threshold)) >= 0.9
    higher = [t for t in some.confidence if t > found.threshold and some.accepted(t).sum() < found.accepted]
    assert all(recall_score(some.holds, some.accepted(t)) < 0.9 for t in higher)


@pytest.mark.parametrize("seed", range(4))
def test_the_best_f1(seed: int) -> None:
    some = made(seed)
    found = by_figure(some, "best_f1")
    best = max(f1_score(some.holds, some.accepted(t)) for t in some.confidence)
    assert f1_score(some.holds, some.accepted(found.threshold)) == pytest.approx(best)
    assert found.here.f1.value == pytest.approx(best)


def test_figures_of_others_do_not_flatter() -> None:
    """On average over many draws, new pictures give what was said of others, and not what was said here."""
    new = made(1000, 20_000)
    here, elsewhere, true = [], [], []
    for seed in range(40):
        found = by_figure(made(seed, 60), "best_f1")
        here.append(found.here.f1.value)
        elsewhere.append(found.elsewhere.f1.value)
        true.append(f1_score(new.holds, new.accepted(found.threshold)))
    assert np.mean(here) > np.mean(true) + 0.01
    assert abs(np.mean(elsewhere) - np.mean(true)) < abs(np.mean(here) - np.mean(true))


def test_sources_are_kept_together_and_widen_the_interval() -> None:
    alone, together = by_figure(made(3), "best_f1"), by_figure(made(3, many=10), "best_f1")
    widths = [p.elsewhere.precision.high - p.elsewhere.precision.low for p in (alone, together)]
    assert widths[0] < widths[1]


def test_a_threshold_is_written_short() -> None:
    some = LabelDecisions(
        "g", "a", np.array([0.9, 0.81234567, 0.3]), np.ones(3, bool), np.array([1, 1, 0], bool), np.arange(3)
    )
    assert by_figure(some, "min_recall", 1.0).threshold == 0.81


@pytest.mark.parametrize("aim", ["min_precision", "min_recall"])
@pytest.mark.parametrize("wanted", [0.0, -0.5, 1.5, float("nan"), None])
def test_what_cannot_be_wished(aim: str, wanted: float | None) -> None:
    with pytest.raises(UsageError, match="cannot be reached by a threshold"):
        by_figure(made(), aim, wanted)  # type: ignore[arg-type]


def test_what_is_not_there() -> None:
    some = made()
    nothing = LabelDecisions("g", "a", some.confidence, some.speaks, np.zeros(120, bool), some.sources)
    with pytest.raises(UsageError, match="no picture here has the label"):
        by_figure(nothing, "best_f1")
    silent = LabelDecisions("g", "a", some.confidence, np.zeros(120, bool), some.holds, some.sources)
    with pytest.raises(UsageError, match="no picture is decided for it at all"):
        by_figure(silent, "min_recall", 0.5)
    with pytest.raises(UsageError, match="the most is"):
        by_figure(made(top_only=True), "min_recall", 1.0)


def test_all_confidences_equal() -> None:
    same = LabelDecisions("g", "a", np.full(20, 0.7), np.ones(20, bool), np.arange(20) < 15, np.arange(20))
    found = by_figure(same, "best_f1")
    assert (found.threshold, found.accepted) == (0.7, 20)

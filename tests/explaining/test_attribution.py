"""What positions add comes to what the head makes of the pooled features, whatever is pooled from where."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from decisight.errors import ModelError
from decisight.explaining.attribution import label_head, tap_evidence
from decisight.explaining.head_graph import Feature, LinearHead

SHAPES = {"early": (3, 9), "late": (5, 4)}
"""Channels and side of two maps; an odd and an even one."""


def feature(tap: str, region: str, pooling: str) -> Feature:
    side = SHAPES[tap][1]
    half = (side + 1) // 2
    start = {"all": 0, "top": 0, "middle": side // 4, "bottom": side - half}[region]
    return Feature(tap, f"map/{tap}", (start, 1 << 60 if region == "all" else start + half), pooling)


FEATURES = [
    feature(tap, region, pooling)
    for tap in SHAPES
    for region in ("all", "top", "middle", "bottom")
    for pooling in ("mean", "max")
]


def pooled(features: list[Feature], maps: dict[str, np.ndarray]) -> np.ndarray:
    found = []
    for f in features:
        part = maps[f.tensor][:, f.rows[0] : f.rows[1]]
        found.append(part.mean(axis=(1, 2)) if f.pooling == "mean" else part.max(axis=(1, 2)))
    return np.concatenate(found)


@given(
    st.lists(st.sampled_from(FEATURES), min_size=1, max_size=6, unique=True),
    st.integers(0, 2**32 - 1),
    st.sampled_from([0, 3]),
)
def test_positions_add_up_to_the_logit(features: list[Feature], seed: int, steps: int) -> None:
    random = np.random.default_rng(seed)
    maps = {f"map/{tap}": random.normal(size=(c, side, side)) for tap, (c, side) in SHAPES.items()}
    if steps:  # maxima that are taken at several positions, as ReLU6 makes them
        maps = {name: np.clip(np.round(x), 0, steps) for name, x in maps.items()}
    values = pooled(features, maps)
    weights, mean = random.normal(size=(2, len(values))), random.normal(size=len(values))
    found = tap_evidence(features, maps, weights, mean)
    assert set(found) == {f.tap for f in features}
    assert {tap: value.shape for tap, value in found.items()} == {t: (2, *2 * (SHAPES[t][1],)) for t in found}
    np.testing.assert_allclose(
        sum(value.sum(axis=(1, 2)) for value in found.values()), weights @ (values - mean), rtol=1e-9, atol=1e-9
    )


def test_a_mean_lies_where_the_map_differs_from_it_and_a_maximum_where_it_is_taken() -> None:
    maps = {"map/late": np.zeros((1, 4, 4))}
    maps["map/late"][0, 1, 2] = maps["map/late"][0, 3, 3] = 8.0
    mean = tap_evidence([Feature("late", "map/late", (0, 4), "mean")], maps, np.ones((1, 1)), np.array([1.0]))["late"]
    assert mean[0, 1, 2] == 7.0 / 16
    assert mean[0, 0, 0] == -1.0 / 16
    highest = tap_evidence([Feature("late", "map/late", (0, 4), "max")], maps, np.ones((1, 1)), np.array([1.0]))["late"]
    assert highest[0, 1, 2] == highest[0, 3, 3] == 3.5
    assert np.count_nonzero(highest) == 2


def test_a_half_speaks_for_its_rows_alone() -> None:
    maps = {"map/late": np.ones((1, 4, 4))}
    found = tap_evidence([Feature("late", "map/late", (2, 4), "mean")], maps, np.ones((1, 1)), np.zeros(1))["late"]
    assert found[0, :2].sum() == 0.0
    assert found[0, 2:].sum() == pytest.approx(1.0)


@pytest.mark.parametrize("width", [1, 3])
def test_weights_that_do_not_fit_the_maps_are_refused(width: int) -> None:
    maps = {"map/late": np.ones((2, 4, 4))}
    with pytest.raises(ModelError, match="do not fit"):
        tap_evidence([Feature("late", "map/late", (0, 4), "mean")], maps, np.ones((1, width)), np.zeros(width))


@given(st.integers(2, 7), st.integers(0, 2**32 - 1), st.sampled_from([0.1, 1.0, 30.0]))
def test_a_label_s_head_gives_the_log_odds_of_its_confidence(labels: int, seed: int, spread: float) -> None:
    random = np.random.default_rng(seed)
    head = LinearHead(
        random.normal(size=(labels, 4)), random.normal(size=labels), np.zeros(4), 0.7, random.normal(size=labels), ""
    )
    x = spread * random.normal(size=4)
    logits = head.scale * (head.weight @ x + head.bias) + head.shift
    for at in range(labels):
        one = label_head(head, at, logits, exclusive=True)
        others = np.delete(logits, at)
        assert one.weight @ x + one.bias == pytest.approx(
            logits[at] - others.max() - np.log(np.exp(others - others.max()).sum()), rel=1e-9, abs=1e-9
        )
        alone = label_head(head, at, logits, exclusive=False)
        assert alone.weight @ x + alone.bias == pytest.approx(logits[at], rel=1e-9, abs=1e-9)

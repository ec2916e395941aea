"""What a model file promises: what of it stays, what is broken, and what nobody understands."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from decisight.cli.promise_text import described, origin
from decisight.models.card import ModelCard
from decisight.models.classifier import load
from decisight.models.model_file import read_model
from decisight.models.promises import broken, entries, kept, with_thresholds
from decisight.types import Runtime

ENTRY: dict[str, Any] = {
    "kind": "max_error",
    "threshold": 0.9,
    "wanted": 0.05,
    "assurance": 0.95,
    "runtime": {"name": "onnxruntime", "precision": "fp32"},
    "min_familiarity": None,
}
HERE = Runtime("onnxruntime", "1.20", "cpu", "fp32")


@pytest.fixture
def card(small_model: Path) -> ModelCard:
    """Of a model that promises something of cats, and has a threshold for dogs."""
    return replace(
        read_model(small_model).card,
        thresholds={"class:cat": 0.9, "class:dog": 0.8},
        promises={"class:cat": ENTRY, "class:dog": {"kind": "best_f1", "threshold": 0.8}},
    )


def test_where_nothing_is_changed_all_holds(card: ModelCard) -> None:
    assert broken(card, thresholds=card.thresholds, runtime=HERE) == []
    assert broken(card, thresholds=card.thresholds) == []
    assert kept(card.promises, card.task, card.thresholds) == card.promises


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"thresholds": {"class:cat": 0.5}}, "it is of the threshold 0.9, and 0.5 decides"),
        ({"thresholds": {}}, "it is of the threshold 0.9, and none decides"),
        ({"runtime": Runtime("openvino", "1", "cpu", "bf16")}, "onnxruntime:fp32, and openvino:bf16 computes"),
        ({"runtime": replace(HERE, version="2")}, ""),
        ({"min_familiarity": 0.05}, "the least familiarity was none, and it is 0.05"),
        ({"min_familiarity": 0.0}, ""),
    ],
)
def test_what_does_not_hold_any_more(card: ModelCard, changed: dict[str, Any], said: str) -> None:
    found = broken(card, **{"thresholds": card.thresholds, "runtime": HERE} | changed)
    assert len(found) == bool(said)
    if said:
        assert found[0].startswith("the promise that at most 5 % of 'cat' is wrong does not hold: ")
        assert said in found[0]


def test_other_thresholds_end_the_promises_of_those_before(card: ModelCard) -> None:
    changed = with_thresholds(replace(card, costs={"costs": {}}), {"cat": 0.9, "dog": 0.5})
    assert list(changed.promises) == ["class:cat"]
    assert changed.costs == {}
    assert with_thresholds(card, {}).promises == {}
    assert kept(card.promises, card.task, card.thresholds, min_familiarity=0.1) == {}


def test_a_classifier_with_other_settings_promises_no_more_than_holds(small_model: Path) -> None:
    model = load(small_model, runtime="onnxruntime:fp32").with_settings({"cat": 0.9})
    assert model.card.thresholds == {"cat": 0.9}
    file = replace(model.file, card=replace(model.card, promises={"class:cat": ENTRY}))
    model.file = file
    assert model.with_settings(fallback="ask").card.promises == {"class:cat": ENTRY}
    assert model.with_settings({"cat": 0.8}).card.promises == {}


HOSTILE: list[dict[str, Any]] = [
    {"class:cat": 3},
    {"class:cat": {"kind": "nothing"}},
    {"class:cat": {"kind": ["max_error"]}},
    {"class:cat": {"kind": "max_error"}},
    {"class:cat": {"kind": "max_error", "threshold": "0.9", "wanted": [], "runtime": "openvino"}},
    {"class:cat": {"kind": "max_error", "threshold": 0.9, "wanted": 0.05, "runtime": {"name": 3}, "data": [1]}},
    {"class": {"kind": "least_cost", "before": {"value": "a"}}},
    {"class:cat": {"kind": "max_error", "threshold": 10**400, "wanted": 10**400, "assurance": 10**400}},
    {"class:cat": {"kind": "best_f1", "here": {"f1": dict.fromkeys(("value", "low", "high"), 10**400)}}},
    {"class": {"kind": "least_cost", "saved": dict.fromkeys(("value", "low", "high"), 10**400)}},
    {"\x1b[2J": {"kind": "best_f1", "threshold": True, "here": {"precision": {"value": None}}}},
]


@pytest.mark.parametrize("promises", HOSTILE)
def test_what_anybody_may_have_written_is_survived(card: ModelCard, promises: dict[str, Any]) -> None:
    strange = replace(card, promises=promises)
    assert broken(strange, thresholds={}, runtime=HERE) == [] or promises["class:cat"].get("wanted") == 0.05
    kept(promises, card.task, card.thresholds)
    for entry in entries(promises):
        assert "".join(described(entry))
        assert origin(entry)

"""``decisight info`` shows what a model says of itself."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from decisight.cli.info import _nested

from .conftest import Run


def test_text_names_labels_and_digests(run: Run, gear_model: Path) -> None:
    result = run("info", gear_model)
    assert result.status == 0
    for said in ("gear", "multi-label, 3 label groups", "exactly one holds: worn, missing", "any number holds: gloves"):
        assert said in result.out
    assert hashlib.sha256(gear_model.read_bytes()).hexdigest() in result.out


def test_json_holds_everything(run: Run, gear_model: Path) -> None:
    facts = json.loads(run("info", gear_model, "--json").out)
    assert facts["name"] == "gear"
    assert facts["kind"] == "multi-label"
    assert facts["groups"][2] == {"name": "extras", "kind": "independent", "labels": ["gloves", "goggles"]}
    assert facts["preprocessing"] == {"fit": "stretch", "size": 224, "fill": [127, 127, 127]}
    assert facts["features"] == ["stem.all.mean"]
    assert facts["file"] == {
        "bytes": gear_model.stat().st_size,
        "digest": f"sha256:{hashlib.sha256(gear_model.read_bytes()).hexdigest()}",
    }
    assert {"graph_digest", "settings_digest", "thresholds", "fallback", "calibration", "versions"} <= set(facts)


def test_no_name_stands_before_nothing() -> None:
    matrices = {"gloves": [[3, 1], [0, 2]], "goggles": [[4, 0], [1, 1]]}
    metrics = {"f1": 0.75, "confusion_matrix": matrices, "inner": {"confusion_matrix": matrices}, "skipped": []}
    assert [line.split() for line in _nested({"extras": metrics}, 1)] == [["extras"], ["f1", "0.75"]]
    assert list(_nested({"skipped": [{"path": "a.jpg", "why": "empty"}]}, 1)) == ["  skipped", "    a.jpg: empty"]


def test_of_many_labels_the_first_are_shown(run: Run) -> None:
    text = run("info", "imagenet:efficientnet_lite0").out
    assert "1000 labels" in text
    assert "tench" in text
    assert "... and 988 more" in text
    assert "toilet paper" not in text

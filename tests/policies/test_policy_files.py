"""Policies in YAML files: whose word counts, and what is refused with the line on which it stands."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from decisight.errors import DecisightError, LabelError, UsageError
from decisight.policies.files import read_policies
from decisight.types import LabelGroup, Task

TASK = Task((LabelGroup("helmet", ("worn", "missing")), LabelGroup("vest", ("vest", "no_vest"))))


def read(tmp_path: Path, text: str, **layers: dict[str, Any]) -> dict[str, Any]:
    (tmp_path / "p.yaml").write_bytes(text.encode())
    return dict(read_policies(tmp_path / "p.yaml", TASK, **layers))


def test_one_policy_for_all_groups(tmp_path: Path) -> None:
    found = read(tmp_path, "\ufefftype: majority_vote\nwindow: 2s\nrequired: 4\n")
    assert {(name, policy.window, policy.required) for name, policy in found.items()} == {
        ("helmet", "2s", 4),
        ("vest", "2s", 4),
    }


def test_one_for_each_group_and_a_default(tmp_path: Path) -> None:
    found = read(tmp_path, "helmet: {type: 'consecutive:4'}\ndefault:\n  type: weighted_average\n  half_life: null\n")
    assert (found["helmet"].required, found["vest"].half_life) == ("4", None)


def test_sections_may_share_settings(tmp_path: Path) -> None:
    text = "default: &steady {type: majority_vote, min_dwell: 2s}\nvest:\n  <<: *steady\n  required: 2\n"
    found = read(tmp_path, text)
    assert [(p.min_dwell, p.required) for p in found.values()] == [("2s", 3), ("2s", 2)]


def test_the_command_line_goes_before_the_file_and_the_file_before_the_model(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        "type: majority_vote\nthresholds: {vest: 0.7, missing: 0.6}\nfallback: look",
        defaults={"thresholds": {"vest:vest": 0.9, "vest:no_vest": 0.8}, "fallback": "unsure", "priors": {}},
        given={"thresholds": {"helmet:missing": 0.5}, "nothing": 1},
    )
    assert found["vest"].thresholds == {"vest:vest": 0.7, "vest:no_vest": 0.8, "helmet:missing": 0.5}
    assert found["vest"].fallback == "look"
    (helmet, _) = read(tmp_path, "type: majority_vote\nfallback: look", given={"fallback": "ask"}).values()
    assert helmet.fallback == "ask"
    assert read(tmp_path, "type: sequential_test", given={"thresholds": {"helmet:worn": 0.5}})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "there is no policy in it"),
        ("- type: majority_vote\n", "there is no policy in it"),
        ("a: [1\n", "this is not YAML"),
        ("helmet: {type: threshold}\nhelmet: {type: threshold}\n", "this is not YAML"),
        ("helmet: {type: threshold}\n", "there is no policy for the label group 'vest'"),
        ("default: {type: threshold}\nhemlet: {type: threshold}\n", "line 2: there is no label group 'hemlet'"),
        ("default: {type: threshold}\nvest: majority_vote\n", "line 2: vest is no policy"),
        ("default: {window: 5}\n", "line 1: the policy has no type"),
        ("default: {type: threshold}\nvest: {type: majority}\n", "line 2: there is no policy 'majority'"),
        ("type: majority_vote\nwindw: 3\n", "there is no option windw"),
        ("type: majority_vote\nthresholds: {hat: 0.5}\n", "there is no label 'hat'"),
        ("type: majority_vote\nthresholds: {vest: high}\n", "thresholds"),
        ("type: majority_vote\nthresholds: {vest: 0.5, 'vest:vest': 0.6}\n", "was given two thresholds"),
        ("type: majority_vote\nthresholds: [0.5]\n", "thresholds"),
        ("type: majority_vote\nthresholds: {true: 0.5}\n", "thresholds"),
        ("type: majority_vote\nrequired: .nan\n", "required"),
        ("type: &x majority_vote\nrequired: &a [*a]\n", "line 2: the alias *a stands within what it means"),
        ("default: &a {type: threshold}\nvest: &a {type: threshold}\n", "line 2: the anchor &a stands twice"),
        ("type: *a\n", "this is not YAML"),
        ("type: " + "[" * 5000, "more here than policies can have"),
        (
            "type: majority_vote\nthresholds: {" + ", ".join(f"l{at}: 0.5" for at in range(15_000)) + "}\n",
            "more here than",
        ),
        ("type: majority_vote\nrequired: 9\n", "required = 9 does not fit"),
    ],
)
def test_what_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(DecisightError) as refused:
        read(tmp_path, text, defaults={"thresholds": {"vest:vest": 0.9}})
    assert message in refused.value.message
    assert "p.yaml" in refused.value.message
    assert refused.value.hint


@pytest.mark.parametrize("levels", [3, 5, 9, 18])
def test_aliases_of_aliases_are_counted_for_what_they_mean(tmp_path: Path, levels: int) -> None:
    rows = ["type: majority_vote", "required:", "  - &a0 [x, x, x, x, x, x, x, x]"]
    rows += [f"  - &a{at} [{', '.join([f'*a{at - 1}'] * 8)}]" for at in range(1, levels)]
    with pytest.raises(DecisightError) as refused:
        read(tmp_path, "\n".join(rows))
    assert ("more here than" in refused.value.message) == (levels > 4)
    assert len(refused.value.message) < 400 + len(str(tmp_path))


@pytest.mark.parametrize(
    "text",
    [
        "type: " + "x" * 100_000,
        "type: majority_vote\nrequired: " + "x" * 100_000,
        "type: majority_vote\n" + "x" * 900 + ": 5\n",
        "x" * 900 + ": {type: threshold}\n",
        "type: majority_vote\nthresholds: {" + ", ".join(f"l{at}: x" for at in range(5_000)) + "}\n",
    ],
)
def test_what_is_refused_is_shown_in_short(tmp_path: Path, text: str) -> None:
    with pytest.raises(DecisightError) as refused:
        read(tmp_path, text)
    assert len(refused.value.message + str(refused.value.hint)) < 2_000 + len(str(tmp_path))


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "latin.yaml").write_bytes(b"type: caf\xe9\n")
    (tmp_path / "large.yaml").write_bytes(b"#" * (1 << 20) + b"\ntype: threshold\n")
    for name, message in (("latin.yaml", "not text in UTF-8"), ("large.yaml", "larger"), ("none.yaml", "No such file")):
        with pytest.raises(DecisightError, match=message):
            read_policies(tmp_path / name, TASK)


def test_costs_are_settings_as_others_are(tmp_path: Path) -> None:
    text = "type: least_cost\ncosts: {helmet:worn: {missing: 3}}\ndefault_cost: 1\nreview: 0.5\n"
    policies = read(tmp_path, text)
    section = policies["helmet"].to_section(TASK)
    assert section["costs"]["helmet:worn"] == {"missing": 3.0}
    assert section["review"]["helmet:worn"] == 0.5
    for bad, said in (("{worn: {missing: .nan}}", "costs nan"), ("{worm: {missing: 1}}", "no label 'worm'")):
        with pytest.raises((UsageError, LabelError), match=said):
            read(tmp_path, f"type: least_cost\ncosts: {bad}\ndefault_cost: 1\n")

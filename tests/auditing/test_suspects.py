"""Labels are suspected by what models say of pictures that they have not learnt from."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from decisight.auditing.confidences import OutOfFold
from decisight.auditing.suspects import suspect_findings, suspects
from decisight.types import LabelGroup

pytest.importorskip("cleanlab", reason="needs decisight[audit]")

Table = npt.NDArray[np.float64]

COLOURS = LabelGroup("colour", ("blue", "green", "red"))
MARKS = LabelGroup("marks", ("a", "b"), "independent")


def exclusive(confidences: Table, given: npt.NDArray[np.int64]) -> OutOfFold:
    return OutOfFold(COLOURS, np.arange(100, 100 + len(given)), np.eye(3)[given], confidences)


def well_learnt(n: int, seed: int = 0) -> tuple[Table, npt.NDArray[np.int64]]:
    """Confidences that are right for every picture, by about 0.9."""
    rng = np.random.default_rng(seed)
    given = rng.integers(0, 3, n)
    table = rng.dirichlet((1.0, 1.0, 1.0), n) * 0.1 + 0.9 * np.eye(3)[given]
    return table, given


def test_exchanged_labels_are_found_and_only_they() -> None:
    table, given = well_learnt(90)
    exchanged = given.copy()
    exchanged[:5] = (given[:5] + 1) % 3
    found = suspects((exclusive(table, exchanged),))
    assert sorted(suspect.example for suspect in found) == [100, 101, 102, 103, 104]
    assert all(suspect.suggested == COLOURS.labels[given[suspect.example - 100]] for suspect in found)
    assert [suspect.confidence for suspect in found] == sorted(suspect.confidence for suspect in found)


def test_where_the_model_knows_nothing_nothing_is_suspected() -> None:
    rng = np.random.default_rng(1)
    table, given = rng.dirichlet((20.0, 20.0, 20.0), 90), rng.integers(0, 3, 90)
    assert suspects((exclusive(table, given),)) == []


def test_labels_that_are_all_right_are_not_suspected() -> None:
    assert suspects((exclusive(*well_learnt(60)),)) == []


def test_independent_labels_are_suspected_both_ways() -> None:
    rng = np.random.default_rng(2)
    held = rng.integers(0, 2, (80, 2)).astype(np.float64)
    table = np.where(held > 0.5, 0.95, 0.05) + rng.uniform(-0.03, 0.03, held.shape)
    held[0], table[0] = (0.0, 1.0), (0.97, 0.95)
    held[1], table[1] = (1.0, 1.0), (0.96, 0.02)
    found = suspects((OutOfFold(MARKS, np.arange(80), held, table),))
    told = {(s.example, s.given, s.suggested, s.label) for s in found}
    assert told == {(0, "b", "a|b", "a"), (1, "a|b", "a", "b")}
    findings = list(suspect_findings(found))
    assert {finding.details["label"] for finding in findings} == {"a", "b"}
    assert all(finding.group == "marks" for finding in findings)


@pytest.mark.parametrize("labels", [2, 14])
def test_groups_of_any_number_of_labels_are_ranked_together(labels: int) -> None:
    group = LabelGroup("kind", tuple(f"l{at:02}" for at in range(labels)))
    given = np.arange(140) % labels
    table = np.full((140, labels), 0.05 / (labels - 1))
    table[np.arange(140), given] = 0.95
    table[3] = np.roll(table[3], 1)
    found = suspects((OutOfFold(group, np.arange(140), np.eye(labels)[given], table), exclusive(*well_learnt(40))))
    assert [(suspect.example, suspect.group) for suspect in found] == [(3, "kind")]

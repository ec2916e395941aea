"""Deciding from Python: pictures in a row, a policy, and what comes of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import decisight
from decisight.deciding import model_settings
from decisight.errors import LabelError, MissingPartError, UsageError

WHITE, BLACK = np.full((8, 8, 3), 255, np.uint8), np.zeros((8, 8, 3), np.uint8)


@pytest.fixture(scope="module")
def small(small_model: Path) -> decisight.Classifier:
    """Bright is a cat, dark is a dog."""
    return decisight.load(str(small_model))


@pytest.fixture(scope="module")
def gear(gear_model: Path) -> decisight.Classifier:
    return decisight.load(str(gear_model))


def states(decided: decisight.DecidedSequence) -> list[object]:
    return [reading.decisions[0].state for reading in decided.readings]


def test_three_lines(small: decisight.Classifier, tmp_path: Path) -> None:
    Image.fromarray(WHITE).save(tmp_path / "a.png")
    decided = decisight.decide(small, [tmp_path / "a.png", WHITE, BLACK, WHITE], "majority_vote:3/5")
    assert states(decided) == ["unknown", "unknown", "unknown", "cat"]
    assert decided.decision.state == "cat"
    assert decided.readings[-1].why == ("votes of 4: cat 3, dog 1 (3 needed)",)
    assert [reading.image for reading in decided.readings] == [
        str(tmp_path / "a.png"),
        *(f"picture {n}" for n in (2, 3, 4)),
    ]


def test_json_can_be_read_again_and_has_the_shape_that_is_promised(small: decisight.Classifier) -> None:
    decided = decisight.decide(small, [WHITE, WHITE, "none.jpg"], "majority_vote:2/3", fps=2.0, name="gate 1")
    values = json.loads(json.dumps(decided.to_json(), allow_nan=False))
    assert values == decided.to_json()
    assert list(values) == ["sequence", "model", "runtime", "readings", "decision"]
    assert (values["sequence"], values["model"]["digest"]) == ("gate 1", small.reference.digest)
    first, _, last = values["readings"]
    assert list(first) == ["image", "time", "classifierResults", "decision"]
    assert first["decision"] == {
        "state": "unknown",
        "confidence": pytest.approx(0.9997, abs=1e-3),
        "reason": "abstained",
        "scores": {"cat": 1.0, "dog": 0.0},
        "why": "votes of 1: cat 1 (2 needed)",
    }
    assert list(last) == ["image", "time", "error", "decision"]
    assert (last["time"], values["decision"]) == (1.0, last["decision"])
    assert values["decision"]["scores"] == {"cat": 2.0, "dog": 0.0}


def test_several_groups_have_decisions_by_name(gear: decisight.Classifier) -> None:
    rules = {
        "helmet": decisight.policy("consecutive:2"),
        "vest": decisight.policy("threshold", default_threshold=0.9),
        "extras": decisight.policy("weighted_average:3"),
    }
    decided = decisight.decide(gear, [WHITE, WHITE, BLACK], rules)
    assert [d.state for d in decided.decisions] == ["worn", "worn", ("goggles",)] or decided.decisions[2].state
    with pytest.raises(UsageError, match="there are 3 decisions: helmet, vest, extras"):
        _ = decided.decision
    told = decided.to_json()["decisions"]
    assert list(told) == ["helmet", "vest", "extras"]
    assert "scores" not in told["vest"]  # they are the confidences themselves
    assert told["helmet"]["scores"] == {"worn": 0.0, "missing": 1.0}
    assert list(told["extras"]["scores"]) == ["gloves", "goggles"]


def test_text_takes_what_the_model_file_says_and_a_policy_is_taken_as_it_is(
    small: decisight.Classifier, tmp_path: Path
) -> None:
    strict = small.with_settings(thresholds={"cat": 1.0}, fallback="look")
    assert decisight.decide(strict, [WHITE], "majority_vote:1/1").decision.state == "look"
    assert decisight.decide(strict, [WHITE], decisight.policy("majority_vote:1/1")).decision.state == "cat"
    (tmp_path / "p.yaml").write_text("type: threshold\nthresholds: {cat: 0.9}\n", "utf-8")
    assert decisight.decide(strict, [WHITE], str(tmp_path / "p.yaml")).decision.state == "cat"
    assert model_settings(strict)["thresholds"] == {"class:cat": 1.0}


def test_regions_and_parts(small: decisight.Classifier) -> None:
    half = np.concatenate([WHITE, BLACK], axis=1)
    right = decisight.Region.box("right", 0.5, 0.0, 1.0, 1.0)
    decided = decisight.decide(small, [half], "threshold", region=right)
    assert (decided.decision.state, decided.to_json()["region"]) == ("dog", "right")
    left = decisight.Part(half, decisight.Region.box("left", 0.0, 0.0, 0.5, 1.0))
    assert decisight.decide(small, [left], "threshold").decision.state == "cat"


def test_pictures_are_taken_one_after_the_other_and_not_kept(small: decisight.Classifier) -> None:
    def made() -> Iterator[np.ndarray[tuple[int, ...], np.dtype[np.uint8]]]:
        yield from [WHITE] * 30

    decided = decisight.decide(small, made(), "consecutive:30")
    assert decided.decision.state == "cat"
    assert decided.readings[29].image == "picture 30"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"pictures": []}, "no picture to decide on"),
        ({"pictures": "a.jpg"}, r"expected several pictures, got one \(str\)"),
        ({"pictures": WHITE}, r"expected several pictures, got one \(ndarray\)"),
        ({"pictures": Image.fromarray(WHITE)}, r"expected several pictures, got one \(Image\)"),
        ({"times": [0.0], "fps": 5.0}, "have times, and fps besides"),
        ({"times": [0.0]}, "1 times for 2 pictures"),
        ({"times": [1.0, 0.5]}, "go back"),
        ({"times": [0.0, float("nan")]}, "not finite"),
        ({"fps": 0.0}, "not a number of pictures a second"),
        ({"fps": float("nan")}, "not a number of pictures a second"),
        ({"fps": float("inf")}, "not a number of pictures a second"),
        ({"policy": "majority_vote:2/1s"}, "counts in seconds"),
        ({"policy": {}}, "there is no policy for the label group 'class'"),
        ({"policy": "majority_vote:4/3"}, "does not fit"),
    ],
)
def test_what_is_refused(small: decisight.Classifier, arguments: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        decisight.decide(small, **{"pictures": [WHITE, WHITE], **arguments})  # type: ignore[arg-type]  # that is the point


def test_policies_that_are_not_there_or_for_other_labels(small: decisight.Classifier) -> None:
    with pytest.raises(MissingPartError, match="no policy 'vote'"):
        decisight.decide(small, [WHITE], "vote:3")
    with pytest.raises(LabelError, match="no label 'bird'"):
        decisight.decide(small, [WHITE], decisight.policy("consecutive:2", thresholds={"bird": 0.5}))
    with pytest.raises(UsageError, match="no option windw"):
        decisight.policy("majority_vote", windw=3)

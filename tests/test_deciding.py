"""Deciding from Python: pictures in a row, a policy, and what comes of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import decisight
from decisight.deciding import fold_all, model_settings, policies_for
from decisight.errors import LabelError, MissingPartError, UsageError
from decisight.models.model_file import with_card
from decisight.policies.files import read_policies
from decisight.policies.task_fold import TaskFold
from decisight.types import LabelGroup, Prediction, Reading, Task

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
    assert list(values) == ["sequence", "model", "runtime", "policy", "readings", "decision"]
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


def test_decisions_can_be_derived_again_from_the_json_alone(small: decisight.Classifier, tmp_path: Path) -> None:
    """Nothing else is needed, whatever the model file said: here its labels were not equally frequent."""
    data = {"labels": {"class": {"cat": 90, "dog": 10}}, "pictures": 100}
    model = decisight.Classifier(with_card(small.file, replace(small.card, data=data)))
    grey = [np.full((32, 32, 3), level, np.uint8) for level in (120, 126, 128, 130, 140, 255, 0, 0, 0)]
    decided = decisight.decide(model, [*grey, "none.jpg"], "sequential_test:0.05", fps=5.0, qualities=[0.5] * 10)
    values = json.loads(json.dumps(decided.to_json(), allow_nan=False))
    assert values["policy"]["priors"] == {"class:cat": 0.9, "class:dog": 0.1}

    section = values["policy"]
    (tmp_path / "again.yaml").write_text(json.dumps(section), "utf-8")
    task = Task((LabelGroup("class", tuple(key.partition(":")[2] for key in section["priors"])),))
    readings = []
    for told in values["readings"]:
        by_label = {result["label"]: result["confidence"] for result in told.get("classifierResults", ())}
        row = tuple(by_label[label] for label in task.groups[0].labels) if by_label else ()
        prediction = Prediction(task, (row,)) if by_label else None
        readings.append(Reading(prediction, told["time"], told["quality"], told.get("error")))
    fold = TaskFold.of(read_policies(tmp_path / "again.yaml", task), task)
    again = [decision for _, (decision,) in fold.run(readings)]
    assert [(d.state, d.reason) for d in again] == [
        (told["decision"]["state"], told["decision"]["reason"]) for told in values["readings"]
    ]
    assert [d.confidence for d in again] == [
        pytest.approx(told["decision"]["confidence"], abs=1e-6) for told in values["readings"]
    ]
    assert len({d.state for d in again}) > 1


def test_policies_are_told_by_group_where_they_differ(gear: decisight.Classifier) -> None:
    told = decisight.decide(gear, [WHITE], "consecutive:2").to_json()["policy"]
    assert (told["type"], told["required"]) == ("consecutive", 2)
    rules = dict.fromkeys(("helmet", "vest"), decisight.policy("threshold")) | {
        "extras": decisight.policy("consecutive")
    }
    told = decisight.decide(gear, [WHITE], rules).to_json()["policy"]
    assert {name: section["type"] for name, section in told.items()} == {
        "helmet": "threshold",
        "vest": "threshold",
        "extras": "consecutive",
    }


def test_several_groups_have_decisions_by_name(gear: decisight.Classifier) -> None:
    rules = {
        "helmet": decisight.policy("consecutive:2"),
        "vest": decisight.policy("threshold", default_threshold=0.9),
        "extras": decisight.policy("weighted_average:3"),
    }
    decided = decisight.decide(gear, [WHITE, WHITE, BLACK], rules)
    # Bright: worn, missing, gloves; dark: missing, worn, goggles.
    assert [d.state for d in decided.decisions] == ["worn", "worn", ("gloves",)]
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


def test_qualities_weigh_pictures(small: decisight.Classifier) -> None:
    by_quality = decisight.policy("weighted_average:2", half_life=None, by_quality=True)
    for qualities, state in (([1.0, 0.2], "cat"), (np.array([0.2, 1.0]), "dog")):
        decided = decisight.decide(small, [WHITE, BLACK], by_quality, qualities=qualities)  # type: ignore[arg-type]  # numbers of any kind
        assert decided.decision.state == state
    assert [reading.reading.quality for reading in decided.readings] == [0.2, 1.0]
    with pytest.raises(UsageError, match="'class' weighs pictures by quality, and no quality is known"):
        decisight.decide(small, [WHITE, BLACK], by_quality)


@pytest.mark.parametrize("as_mapping", [False, True])
@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"thresholds": {"cat": 0.9}}, "thresholds are given beside a policy"),
        ({"fallback": "look"}, "a fall-back is given beside a policy"),
    ],
)
def test_what_would_be_dropped_beside_a_policy_is_refused(
    small: decisight.Classifier, as_mapping: bool, given: dict[str, Any], message: str
) -> None:
    rule = decisight.policy("majority_vote:3/5")
    with pytest.raises(UsageError, match=message):
        policies_for(small, {"class": rule} if as_mapping else rule, **given)


def test_what_a_policy_has_no_setting_for_is_refused(small: decisight.Classifier, tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text("type: sequential_test\nerror_rate: 0.05\n", "utf-8")
    for text in ("sequential_test:0.01", str(tmp_path / "p.yaml")):
        assert policies_for(small, text, fallback="look")["class"].fallback == "look"
        with pytest.raises(UsageError, match="the threshold of 'cat' does nothing: the policy of the group 'class'"):
            policies_for(small, text, thresholds={"cat": 0.9})


def test_a_threshold_may_be_for_one_of_several_policies(gear: decisight.Classifier, tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text("helmet: {type: threshold}\ndefault: {type: sequential_test}\n", "utf-8")
    found = policies_for(gear, str(tmp_path / "p.yaml"), thresholds={"helmet:worn": 0.9})
    assert found["helmet"].thresholds["helmet:worn"] == 0.9  # type: ignore[attr-defined]  # it is a threshold
    with pytest.raises(UsageError, match="of 'gloves' does nothing: the policy of the group 'extras'"):
        policies_for(gear, str(tmp_path / "p.yaml"), thresholds={"gloves": 0.9})


@pytest.mark.parametrize(
    "arguments",
    [
        {"times": [0.0, 1.0], "fps": 5.0},
        {"times": [0.0]},
        {"times": [1.0, 0.5]},
        {"times": [0.0, float("nan")]},
        {"fps": 0.0},
        {"qualities": [1.0]},
        {"qualities": [1.0, 1.5]},
        {"qualities": [1.0, float("nan")]},
        {"policy": decisight.policy("weighted_average", by_quality=True)},
    ],
)
def test_what_cannot_be_is_refused_before_any_picture_is_looked_at(
    small: decisight.Classifier, arguments: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def looked(*_: object) -> None:
        raise AssertionError("pictures were looked at")

    monkeypatch.setattr(decisight.Classifier, "predict_stream", looked)
    with pytest.raises(UsageError):
        decisight.decide(small, [WHITE, WHITE], **arguments)


def test_pictures_of_unknown_number_are_counted_afterwards(small: decisight.Classifier) -> None:
    for name in ("times", "qualities"):
        with pytest.raises(UsageError, match=f"1 {name} for 2 pictures"):
            decisight.decide(small, iter([WHITE, WHITE]), **{name: [1.0]})  # type: ignore[arg-type]  # either


def test_a_sequence_is_gone_on_with(small: decisight.Classifier) -> None:
    rules = policies_for(small, "majority_vote:2/3")
    readings = [decisight.Reading(small.predict(picture)) for picture in (WHITE, WHITE, BLACK, BLACK)]
    whole = list(fold_all(rules, small.task, "abcd", readings))
    fold = TaskFold.of(rules, small.task)
    *_, (states, _) = fold.run(readings[:2])
    assert list(fold_all(rules, small.task, "cd", readings[2:], states)) == whole[2:]


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
        ({"fps": 1e-320}, "not a number of pictures a second"),
        ({"fps": 1e7}, "not a number of pictures a second"),
        ({"policy": "majority_vote:2/1s"}, "counts in seconds"),
        ({"qualities": [0.5]}, "1 qualities for 2 pictures"),
        ({"qualities": [0.5, -0.1]}, "the quality -0.1 is not between 0 and 1"),
        (
            {"policy": {"class": decisight.policy("threshold"), "clas": decisight.policy("threshold")}},
            "'clas', which is",
        ),
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

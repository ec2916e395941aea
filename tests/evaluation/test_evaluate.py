"""Whole evaluations: figures with intervals, their JSON, and whether the intervals cover the truth."""

import json
import math

import numpy as np
import pytest
import sklearn.metrics as reference
from hypothesis import given, settings
from hypothesis import strategies as st

from decisight.evaluation.evaluate import Estimate, evaluate, evaluate_group
from decisight.evaluation.reliability import debiased_calibration_error
from decisight.types import LabelGroup, Task

FIGURES = (
    "accuracy",
    "balanced_accuracy",
    "macro_precision",
    "macro_recall",
    "macro_f1",
    "roc_auc",
    "average_precision",
    "ece",
)


def all_estimates(evaluation):
    yield from ((name, getattr(evaluation, name)) for name in FIGURES)
    for figures in evaluation.per_class:
        for name in ("precision", "recall", "f1"):
            yield f"{name} of {figures.label}", getattr(figures, name)


def check(estimate: Estimate):
    if math.isnan(estimate.value):
        assert math.isnan(estimate.low)
        assert math.isnan(estimate.high)
    else:
        assert 0.0 <= estimate.low <= estimate.value <= estimate.high <= 1.0


def test_an_exclusive_group(made_exclusive):
    made = made_exclusive(n=150, labels=4)
    evaluation = evaluate_group(made.group, made.targets, made.confidences)
    target = np.array([made.group.labels.index(label) for label in made.targets])
    predicted = made.confidences.argmax(axis=1)
    held = target[:, None] == np.arange(4)
    expected = {
        "accuracy": reference.accuracy_score(target, predicted),
        "balanced_accuracy": reference.balanced_accuracy_score(target, predicted),
        "macro_precision": reference.precision_score(target, predicted, average="macro"),
        "macro_recall": reference.recall_score(target, predicted, average="macro"),
        "macro_f1": reference.f1_score(target, predicted, average="macro"),
        "roc_auc": reference.roc_auc_score(target, made.confidences, multi_class="ovr"),
        "average_precision": reference.average_precision_score(held, made.confidences),
    }
    assert {name: getattr(evaluation, name).value for name in expected} == pytest.approx(expected)
    np.testing.assert_array_equal(evaluation.confusion_matrix, reference.confusion_matrix(target, predicted))
    np.testing.assert_allclose(
        evaluation.row_normalised, reference.confusion_matrix(target, predicted, normalize="true")
    )
    assert evaluation.n == evaluation.sources == 150
    assert evaluation.majority_rate == np.bincount(target).max() / 150
    assert [figures.support for figures in evaluation.per_class] == np.bincount(target).tolist()
    assert evaluation.positive is None


def test_a_binary_group_is_ranked_by_its_second_label(made_exclusive):
    made = made_exclusive(n=90, labels=2, prior=[0.7, 0.3])
    evaluation = evaluate_group(made.group, made.targets, made.confidences)
    positive = [target == made.group.labels[1] for target in made.targets]
    assert evaluation.positive == made.group.labels[1]
    assert evaluation.roc_auc.value == pytest.approx(reference.roc_auc_score(positive, made.confidences[:, 1]))
    expected = reference.average_precision_score(positive, made.confidences[:, 1])
    assert evaluation.average_precision.value == pytest.approx(expected)


def test_an_independent_group(made_independent):
    made = made_independent(n=120)
    evaluation = evaluate_group(made.group, made.targets, made.confidences, thresholds={"tag 1": 0.4})
    held = np.array([[label in target for label in made.group.labels] for target in made.targets])
    predicted = made.confidences >= [0.5, 0.4, 0.5]
    expected = {
        "accuracy": reference.accuracy_score(held, predicted),
        "balanced_accuracy": np.mean(
            [reference.balanced_accuracy_score(held[:, k], predicted[:, k]) for k in range(3)]
        ),
        "macro_f1": reference.f1_score(held, predicted, average="macro"),
        "roc_auc": reference.roc_auc_score(held, made.confidences),
        "average_precision": reference.average_precision_score(held, made.confidences),
    }
    assert {name: getattr(evaluation, name).value for name in expected} == pytest.approx(expected)
    np.testing.assert_array_equal(evaluation.confusion_matrix, reference.multilabel_confusion_matrix(held, predicted))


def test_classes_that_are_absent_are_left_out_of_the_means(made_exclusive):
    made = made_exclusive(n=120, labels=4, prior=[0.5, 0.3, 0.2, 0.0])
    evaluation = evaluate_group(made.group, made.targets, made.confidences)
    held = np.array([[target == label for label in made.group.labels] for target in made.targets])[:, :3]
    assert evaluation.roc_auc.value == pytest.approx(reference.roc_auc_score(held, made.confidences[:, :3]))
    expected = reference.average_precision_score(held, made.confidences[:, :3])
    assert evaluation.average_precision.value == pytest.approx(expected)
    absent = evaluation.per_class[3]
    assert absent.support == 0
    assert math.isnan(absent.recall.value)
    assert np.isnan(evaluation.row_normalised[3]).all()


def test_a_label_that_is_given_up_counts_as_nothing_in_macro_precision():
    group = LabelGroup("class", ("a", "b", "c"))
    predicted = np.array([0] * 8 + [1] * 6)
    evaluation = evaluate_group(
        group, ["a"] * 6 + ["c"] * 2 + ["b"] * 5 + ["c"], 0.01 / 3 + 0.99 * np.eye(3)[predicted]
    )
    target = [0] * 6 + [2] * 2 + [1] * 5 + [2]
    expected = reference.precision_score(target, predicted, average="macro", zero_division=0)
    assert evaluation.macro_precision.value == pytest.approx(expected)
    assert [figures.given_up for figures in evaluation.per_class] == [False, False, True]
    assert math.isnan(evaluation.per_class[2].precision.value)
    # Had it been tried, it might have been found: nothing is known of its precision.
    assert evaluation.macro_precision.high > expected + 0.3
    check(evaluation.macro_precision)


def test_the_debiased_calibration_error_stands_beside_the_plain_one(made_exclusive):
    made = made_exclusive(n=400, labels=3)
    evaluation = evaluate_group(made.group, made.targets, made.confidences)
    target = np.array([made.group.labels.index(label) for label in made.targets])
    assert evaluation.debiased_ece == pytest.approx(debiased_calibration_error(target, made.confidences))
    assert evaluation.to_json()["debiased_ece"] == evaluation.debiased_ece
    alone = evaluate_group(made.group, made.targets[:1], made.confidences[:1])
    assert alone.to_json()["debiased_ece"] is None


def test_with_one_class_only_ranking_is_undefined_and_the_rest_is_not():
    group = LabelGroup("class", ("a", "b"))
    confidences = np.array([[0.9, 0.1], [0.8, 0.2], [0.3, 0.7]])
    evaluation = evaluate_group(group, ["a"] * 3, confidences)
    assert math.isnan(evaluation.roc_auc.value)
    assert math.isnan(evaluation.average_precision.value)
    assert evaluation.balanced_accuracy.value == pytest.approx(2 / 3)
    assert evaluation.majority_rate == 1.0
    for _, estimate in all_estimates(evaluation):
        check(estimate)


@pytest.mark.parametrize("sources", [None, [str(i // 4) for i in range(60)]], ids=["no sources", "sources"])
@pytest.mark.parametrize("labels", [2, 5])
def test_a_perfect_score_is_not_taken_for_certainty(labels, sources):
    group = LabelGroup("class", tuple(f"label {k}" for k in range(labels)))
    target = np.arange(60) % labels
    confidences = 0.02 / labels + 0.98 * np.eye(labels)[target]
    evaluation = evaluate_group(group, [group.labels[k] for k in target], confidences, sources=sources)
    for name, estimate in all_estimates(evaluation):
        check(estimate)
        assert estimate.high - estimate.low > 0.01, name
        assert name == "ece" or estimate.value == pytest.approx(1.0), name
        assert name == "ece" or 0.3 < estimate.low < 0.99, name


def test_more_examples_make_intervals_narrower(made_exclusive):
    few, many = (
        evaluate_group(made.group, made.targets, made.confidences)
        for made in (made_exclusive(n=60, labels=3), made_exclusive(n=1500, labels=3))
    )
    for (name, wide), (_, narrow) in zip(all_estimates(few), all_estimates(many), strict=True):
        assert narrow.high - narrow.low < 0.7 * (wide.high - wide.low), name


def test_copies_of_a_picture_add_no_certainty(made_exclusive):
    made = made_exclusive(n=60, labels=3, signal=1.0)
    plain = evaluate_group(made.group, made.targets, made.confidences)
    copies = (made.group, made.targets * 6, np.tile(made.confidences, (6, 1)))
    aware = evaluate_group(*copies, sources=[str(i) for i in range(60)] * 6)
    naive = evaluate_group(*copies)
    assert aware.sources == 60
    for name in FIGURES:
        of_plain, of_aware, of_naive = (getattr(e, name) for e in (plain, aware, naive))
        assert of_aware.value == pytest.approx(of_plain.value), name
        width = of_plain.high - of_plain.low
        assert of_aware.high - of_aware.low > 0.8 * width, name
        # The calibration error of so few pictures may be nil, so its interval is cut off there.
        assert name == "ece" or of_naive.high - of_naive.low < 0.7 * width, name


def test_the_seed_decides_the_bootstrap_alone(made_exclusive):
    made = made_exclusive()
    first, same, other = (
        evaluate_group(made.group, made.targets, made.confidences, seed=seed).to_json() for seed in (1, 1, 2)
    )
    assert first == same
    assert first["balanced_accuracy"]["value"] == other["balanced_accuracy"]["value"]
    assert first != other


def strict(value):
    """Through JSON that refuses NaN, and numpy's numbers."""
    return json.loads(json.dumps(value, allow_nan=False))


def test_the_json_of_an_exclusive_group(made_exclusive):
    made = made_exclusive(n=50, labels=3, prior=[0.6, 0.4, 0.0])
    evaluation = evaluate(Task((made.group,)), [(target,) for target in made.targets], [made.confidences])
    written = strict(evaluation.to_json())
    assert list(written) == ["groups"]
    assert list(written["groups"]) == ["class"]
    group = written["groups"]["class"]
    assert set(group) == {*FIGURES, "n", "sources", "kind", "labels", "positive", "confusion_matrix"} | {
        "confusion_matrix_normalised",
        "debiased_ece",
        "majority_rate",
        "per_class",
    }
    assert group["n"] == 50
    assert group["labels"] == list(made.group.labels)
    assert np.sum(group["confusion_matrix"]) == 50
    assert group["confusion_matrix_normalised"][2] == [None, None, None]
    for name in FIGURES:
        assert set(group[name]) == {"value", "low", "high"}
    assert list(group["per_class"]) == list(made.group.labels)
    absent = group["per_class"]["label 2"]
    assert set(absent) == {"precision", "recall", "f1", "support"}
    assert absent["recall"] == {"value": None, "low": None, "high": None}
    assert absent["support"] == 0


def test_the_json_of_an_independent_group(made_independent):
    made = made_independent(n=40)
    evaluation = evaluate(Task((made.group,)), [(target,) for target in made.targets], [made.confidences])
    group = strict(evaluation.to_json())["groups"]["tags"]
    assert list(group["confusion_matrix"]) == list(made.group.labels)
    for label, ((tn, fp), (fn, tp)) in group["confusion_matrix"].items():
        assert fn + tp == group["per_class"][label]["support"]
        assert tn + fp + fn + tp == 40


def test_a_task_of_several_groups(made_exclusive, made_independent):
    one, two = made_exclusive(n=40), made_independent(n=40)
    third = LabelGroup("unknown", ("x", "y"))
    targets = [(a if i % 2 else None, b, None) for i, (a, b) in enumerate(zip(one.targets, two.targets, strict=True))]
    evaluation = evaluate(
        Task((one.group, two.group, third)), targets, [one.confidences, two.confidences, np.full((40, 2), 0.5)]
    )
    assert [(group.group.name, group.n) for group in evaluation.groups] == [("class", 20), ("tags", 40)]
    assert evaluation.left_out == ("unknown",)
    alone = evaluate_group(one.group, [row[0] for row in targets], one.confidences)
    assert evaluation.groups[0].to_json() == alone.to_json()


@st.composite
def small_groups(draw):
    """A few examples of a group, with ties and sources, and anything missing."""
    labels = draw(st.integers(2, 4))
    n = draw(st.integers(1, 12))
    levels = st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0])
    confidences = np.array(draw(st.lists(st.lists(levels, min_size=labels, max_size=labels), min_size=n, max_size=n)))
    sources = draw(st.lists(st.sampled_from(["a", "b", "c", None]), min_size=n, max_size=n))
    names = tuple(f"label {k}" for k in range(labels))
    if draw(st.booleans()):
        targets = draw(st.lists(st.sampled_from(names), min_size=n, max_size=n))
        return LabelGroup("g", names), targets, confidences, sources
    targets = draw(st.lists(st.frozensets(st.sampled_from(names)), min_size=n, max_size=n))
    return LabelGroup("g", names, "independent"), targets, confidences, sources


@given(small_groups())
@settings(max_examples=60, deadline=None)
def test_every_figure_lies_in_its_interval_and_the_matrix_counts_everything(examples):
    group, targets, confidences, sources = examples
    evaluation = evaluate_group(group, targets, confidences, sources=sources)
    for _, estimate in all_estimates(evaluation):
        check(estimate)
    assert evaluation.confusion_matrix.sum() == len(targets) * (1 if group.exclusive else len(group.labels))
    strict(evaluation.to_json())


@given(small_groups(), st.randoms())
@settings(max_examples=30, deadline=None)
def test_the_order_of_the_examples_changes_nothing(examples, random):
    group, targets, confidences, sources = examples
    order = random.sample(range(len(targets)), len(targets))
    plain = evaluate_group(group, targets, confidences, sources=sources)
    shuffled = evaluate_group(
        group, [targets[i] for i in order], confidences[order], sources=[sources[i] for i in order]
    )
    assert plain.to_json() == shuffled.to_json()


@pytest.mark.parametrize("of_a_source", [1, 4])
def test_intervals_cover_the_truth(made_exclusive, of_a_source):
    """Of 95 % intervals on few examples at least some 85 % must cover; those blind to sources are far below."""
    prior = [0.7, 0.3]

    def judged(n, seed, sources=True):
        made = made_exclusive(n=n // of_a_source, labels=2, seed=seed, signal=1.2, prior=prior)
        targets, confidences = made.targets * of_a_source, np.tile(made.confidences, (of_a_source, 1))
        names = [f"photo {i}" for i in range(len(made.targets))] * of_a_source
        return evaluate_group(made.group, targets, confidences, sources=names if sources else None)

    truth = made_exclusive(n=10_000, labels=2, seed=10_000, signal=1.2, prior=prior)
    truth = dict(all_estimates(evaluate_group(truth.group, truth.targets, truth.confidences)))
    samples = [dict(all_estimates(judged(60 * of_a_source, seed))) for seed in range(60)]
    for name, true in truth.items():
        covered = np.mean([sample[name].low <= true.value <= sample[name].high for sample in samples])
        assert covered > 0.85, name
    if of_a_source > 1:
        blind = [judged(60 * of_a_source, seed, sources=False).accuracy for seed in range(60)]
        assert np.mean([sample.low <= truth["accuracy"].value <= sample.high for sample in blind]) < 0.8

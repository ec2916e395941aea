"""Two models on the same pictures: figures of each as scikit-learn has them, and the differences that follow."""

import math
from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score, f1_score, log_loss, recall_score

from decisight.errors import DataError, LabelError, UsageError
from decisight.evaluation.paired import PairedDifference, compare_group
from decisight.evaluation.paired_costs import picture_costs
from decisight.evaluation.paired_scored import ModelOutputs, common_group
from decisight.evaluation.paired_stakes import cost_interval, most_apart
from decisight.evaluation.paired_text import paired_report
from decisight.policies.least_cost import LeastCost
from decisight.policies.threshold import Threshold
from decisight.types import LabelGroup, Prediction, Task

GEAR = LabelGroup("gear", ("helmet", "none", "vest"))
TAGS = LabelGroup("tags", ("hat", "scarf"), "independent")


def predictions(seed, n=120, labels=3, sharpness=2.0):
    """What is true, and the confidences of two models that see it through other noise."""
    random = np.random.default_rng(seed)
    truth = random.integers(labels, size=n)
    seen = [sharpness * (np.eye(labels)[truth] + random.normal(0.0, 0.8, (n, labels))) for _ in range(2)]
    powers = [np.exp(logits) for logits in seen]
    return truth, [power / power.sum(axis=1, keepdims=True) for power in powers]


def decided(group, confidences, threshold=0.0):
    task = Task((group,))
    rule = Threshold(dict.fromkeys(group.labels, threshold)).checked(task)
    return [rule.decide(Prediction(task, (tuple(row),)))[0] for row in confidences.tolist()]


def compared(seed=0, threshold=0.6, **options):
    truth, confidences = predictions(seed)
    said = [ModelOutputs(GEAR, values, decisions=decided(GEAR, values, threshold)) for values in confidences]
    targets = [GEAR.labels[k] for k in truth]
    return truth, confidences, compare_group(GEAR, targets, *said, **options)


def test_the_figures_of_each_model_are_those_of_scikit_learn():
    truth, confidences, found = compared()
    for name, values in zip("ab", confidences, strict=True):
        said = values.argmax(axis=1)
        wanted = {
            "accuracy": np.mean(said == truth),
            "balanced_accuracy": balanced_accuracy_score(truth, said),
            "macro_f1": f1_score(truth, said, average="macro"),
            "log_loss": log_loss(truth, values),
        }
        assert {key: getattr(one, name) for key, one in found.figures.items()} == pytest.approx(wanted)
        recalls = recall_score(truth, said, average=None)
        assert [getattr(one, name) for one in found.recalls.values()] == pytest.approx(recalls)
        accepted = values.max(axis=1) >= 0.6
        assert getattr(found.accepted_share, name) == pytest.approx(accepted.mean())
        assert getattr(found.accepted_accuracy, name) == pytest.approx((said == truth)[accepted].mean())


def test_the_intervals_are_around_the_differences():
    _, _, found = compared()
    for one in [*found.figures.values(), *found.recalls.values(), found.accepted_share, found.accepted_accuracy]:
        assert one.low < one.value < one.high
        assert one.high - one.low < 0.6


def test_who_is_right():
    truth, (a, b), found = compared()
    right = np.stack([values.argmax(axis=1) == truth for values in (a, b)])
    np.testing.assert_array_equal(found.right, right)
    assert found.table == {
        "both": int(right.all(axis=0).sum()),
        "only_a": int((right[0] & ~right[1]).sum()),
        "only_b": int((right[1] & ~right[0]).sum()),
        "neither": int((~right).all(axis=0).sum()),
    }
    won = found.won(by_second=True)
    assert set(won) == set(np.flatnonzero(right[1] & ~right[0]).tolist())
    apart = np.abs(found.truth[0] - found.truth[1])[won]
    assert (np.diff(apart) <= 0.0).all()


def test_exchanging_the_models_mirrors_everything():
    truth, (a, b) = predictions(1)
    targets = [GEAR.labels[k] for k in truth]
    one, other = (
        compare_group(GEAR, targets, ModelOutputs(GEAR, x), ModelOutputs(GEAR, y)) for x, y in ((a, b), (b, a))
    )
    for name, figure in one.figures.items():
        mirror = other.figures[name]
        assert (figure.a, figure.value) == pytest.approx((mirror.b, -mirror.value))
        # The bootstrap of both sides draws in another order.
        assert (figure.low, figure.high) == pytest.approx((-mirror.high, -mirror.low), abs=0.02)
    assert one.p_value == pytest.approx(other.p_value)
    assert one.table["only_a"] == other.table["only_b"]


def test_the_order_of_the_pictures_changes_nothing():
    truth, (a, b) = predictions(2)
    sources = [f"clip {at % 17}" if at % 5 else None for at in range(len(truth))]
    order = np.random.default_rng(3).permutation(len(truth))
    both = []
    for rows in (np.arange(len(truth)), order):
        said = [ModelOutputs(GEAR, values[rows], decisions=decided(GEAR, values[rows], 0.5)) for values in (a, b)]
        names = [sources[row] for row in rows]
        both.append(compare_group(GEAR, [GEAR.labels[truth[row]] for row in rows], *said, sources=names).to_json())
    assert both[0] == both[1]


def test_sources_widen_and_are_counted():
    truth, (a, b) = predictions(4, n=30)
    targets = [GEAR.labels[k] for k in truth] * 4
    said = [ModelOutputs(GEAR, np.tile(values, (4, 1))) for values in (a, b)]
    blind = compare_group(GEAR, targets, *said)
    aware = compare_group(GEAR, targets, *said, sources=[f"photo {at % 30}" for at in range(120)])
    assert (blind.sources, aware.sources) == (120, 30)
    for name in blind.figures:
        wide, narrow = aware.figures[name], blind.figures[name]
        assert wide.high - wide.low > 1.5 * (narrow.high - narrow.low)
    assert aware.p_value > blind.p_value
    assert aware.p_value_by_picture == pytest.approx(blind.p_value)


def test_labels_that_only_one_model_knows():
    """What is true must be known to both; a label of its own that a model predicts is wrong."""
    other = LabelGroup("gear", ("vest", "cap", "helmet"))
    group = common_group(GEAR, other)
    assert group.labels == ("helmet", "vest")
    a = ModelOutputs(GEAR, np.array([[0.8, 0.1, 0.1], [0.2, 0.7, 0.1], [0.3, 0.3, 0.4], [0.9, 0.05, 0.05]]))
    b = ModelOutputs(other, np.array([[0.1, 0.7, 0.2], [0.2, 0.1, 0.7], [0.9, 0.0, 0.1], [0.3, 0.3, 0.4]]))
    found = compare_group(group, ["helmet", "helmet", "vest", "cap"], a, b)
    np.testing.assert_array_equal(found.known, [0, 1, 2])
    np.testing.assert_array_equal(found.right, [[True, False, True], [False, True, True]])
    assert found.figures["log_loss"].b == pytest.approx(-np.log([0.2, 0.7, 0.9]).mean())
    assert found.support == {"helmet": 2, "vest": 1}


def test_an_independent_group():
    random = np.random.default_rng(7)
    held = random.random((60, 2)) < 0.4
    said = [np.clip(0.7 * held + 0.3 * random.random((60, 2)), 0.0, 1.0) for _ in range(2)]
    said[1][:12] = 0.45
    targets = [frozenset(np.array(TAGS.labels)[row].tolist()) for row in held]
    targets[20] = None
    a, b = ModelOutputs(TAGS, said[0], {"hat": 0.6}), ModelOutputs(TAGS, said[1], {"hat": 0.4})
    found = compare_group(TAGS, targets, a, b)
    assert len(found) == 59
    keep = np.arange(60) != 20
    predicted = said[1][keep] >= [0.4, 0.5]
    assert found.figures["accuracy"].b == pytest.approx((predicted == held[keep]).all(axis=1).mean())
    assert found.figures["macro_f1"].b == pytest.approx(f1_score(held[keep], predicted, average="macro"))
    likely = np.where(held, said[1], 1.0 - said[1])[keep]
    assert found.figures["log_loss"].b == pytest.approx(-np.log(likely).mean())
    assert found.accepted_share is None
    assert "every label right" in paired_report(found)


def test_one_confidence_cannot_decide_the_log_loss():
    a, b = np.array([[1.0, 0.0, 0.0]]), np.array([[0.0, 0.0, 1.0]])
    found = compare_group(GEAR, ["vest"], ModelOutputs(GEAR, a), ModelOutputs(GEAR, b))
    assert found.figures["log_loss"].a == pytest.approx(-np.log(1e-6))
    assert (found.p_value, len(found), found.sources) == (1.0, 1, 1)
    assert math.isnan(found.recalls["helmet"].value)
    assert found.to_json()["per_class"]["helmet"]["recall"]["difference"] is None
    assert "\N{EN DASH}" in paired_report(found)


def test_the_same_answers_do_not_prove_that_models_are_equally_good():
    truth, (a, _) = predictions(8)
    targets = [GEAR.labels[k] for k in truth]
    found = compare_group(GEAR, targets, ModelOutputs(GEAR, a), ModelOutputs(GEAR, a))
    assert found.figures["accuracy"].value == 0.0
    assert found.figures["accuracy"].low < -0.02
    assert found.p_value == 1.0
    one = found.of_one_model()
    assert (one.figures["accuracy"].low, one.figures["accuracy"].high) == (0.0, 0.0)
    assert "clearly" not in paired_report(one)


def test_nothing_in_common():
    with pytest.raises(LabelError, match="is exclusive in A and independent in B"):
        common_group(GEAR, LabelGroup("gear", GEAR.labels, "independent"))
    with pytest.raises(LabelError, match="only 'vest' in common"):
        common_group(GEAR, LabelGroup("gear", ("vest", "cap")))
    with pytest.raises(LabelError, match="no label in common"):
        common_group(GEAR, LabelGroup("gear", ("cap", "hood")))
    assert common_group(TAGS, LabelGroup("tags", ("scarf",), "independent")).labels == ("scarf",)
    with pytest.raises(DataError, match="no picture has a label that both models know"):
        compare_group(GEAR, [None, "cap"], *(ModelOutputs(GEAR, np.full((2, 3), 1 / 3)) for _ in range(2)))


def test_costs_of_decisions():
    task = Task((GEAR,))
    costs = {"helmet": {"none": 5, "vest": 1}, "none": {"helmet": 50, "vest": 50}, "vest": {"helmet": 1, "none": 5}}
    (tables,) = LeastCost(costs, review=3.0).tables(task)
    confidences = np.array([[0.9, 0.05, 0.05], [0.9, 0.05, 0.05], [0.4, 0.3, 0.3], [0.1, 0.1, 0.8]])
    targets = ["helmet", "none", "vest", None]
    paid = picture_costs(GEAR, tables, targets, decided(GEAR, confidences, 0.5))
    np.testing.assert_array_equal(paid, [0.0, 50.0, 3.0, np.nan])
    (lookless,) = LeastCost(costs).tables(task)
    with pytest.raises(UsageError, match="what a look costs"):
        picture_costs(GEAR, lookless, targets, decided(GEAR, confidences, 0.5))
    other = confidences[:, [1, 0, 2]]
    dearer = picture_costs(GEAR, tables, targets, decided(GEAR, other, 0.5))
    said = [
        ModelOutputs(GEAR, c, decisions=decided(GEAR, c, 0.5), costs=p)
        for c, p in ((confidences, paid), (other, dearer))
    ]
    cost = compare_group(GEAR, targets, *said).figures["cost"]
    assert (cost.a, cost.b) == pytest.approx((53.0 / 3.0, 8.0 / 3.0))
    assert cost.gain[0] == pytest.approx(15.0)
    assert (cost.low, cost.high) == (-math.inf, math.inf)
    said = [replace(one, most_apart=most_apart(tables)) for one in said]
    cost = compare_group(GEAR, targets, *said).figures["cost"]
    assert cost.low < -15.0 < cost.high
    assert cost.low >= -50.0


def test_costs_of_independent_labels():
    (tables,) = LeastCost({"hat": {"miss": 10, "false_alarm": 2}}, review=1.0, default_cost=4.0).tables(Task((TAGS,)))
    confidences = np.array([[0.9, 0.1], [0.1, 0.9]])
    paid = picture_costs(TAGS, tables, [frozenset({"hat"}), frozenset({"hat"})], decided(TAGS, confidences, 0.5))
    np.testing.assert_array_equal(paid, [0.0, 14.0])


def test_a_gain_is_turned_where_less_is_better():
    assert PairedDifference(0.9, 0.8, -0.2, 0.05).gain == pytest.approx((-0.1, -0.2, 0.05))
    assert PairedDifference(0.9, 0.8, -0.2, 0.05, less_is_better=True).gain == pytest.approx((0.1, -0.05, 0.2))


def test_the_text_says_what_is_shown_and_what_is_not():
    truth, (a, _) = predictions(9, n=300)
    targets = [GEAR.labels[k] for k in truth]
    worse = np.roll(a, 1, axis=0)
    text = paired_report(compare_group(GEAR, targets, ModelOutputs(GEAR, worse), ModelOutputs(GEAR, a)))
    assert "B is more often right than A, by" in text
    assert "is more than chance" in " ".join(text.split())
    assert "B is less often right than A" in paired_report(
        compare_group(GEAR, targets, ModelOutputs(GEAR, a), ModelOutputs(GEAR, worse))
    )
    nearly = np.concatenate([worse[:3], a[3:]])
    near = compare_group(GEAR, targets, ModelOutputs(GEAR, a), ModelOutputs(GEAR, nearly))
    assert "Neither is clearly more often right" in " ".join(paired_report(near).split())


def test_where_interval_and_test_disagree_it_is_said_which_counts():
    """Five gained and none lost: the score interval lies above 0, and the exact test says p = 0.0625."""
    targets = ["helmet"] * 100
    right, wrong = [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]
    sides = np.array([right] * 100), np.array([wrong] * 5 + [right] * 95)
    found = compare_group(GEAR, targets, *(ModelOutputs(GEAR, values) for values in sides[::-1]))
    assert found.figures["accuracy"].low > 0.0
    assert found.p_value == pytest.approx(0.0625)
    text = " ".join(paired_report(found).split())
    assert "may be chance (p = 0.062). The interval does not say the same, and is what --require goes by: B" in text
    clear = compare_group(GEAR, targets, *(ModelOutputs(GEAR, np.roll(values, 1, axis=1)) for values in sides))
    assert "does not say the same" not in paired_report(clear)


def test_models_that_differ_in_their_rules_only():
    truth, (a, _) = predictions(8)
    targets = [GEAR.labels[k] for k in truth]
    said = [ModelOutputs(GEAR, a, decisions=decided(GEAR, a, bar), costs=np.ones(120)) for bar in (0.5, 0.9)]
    found = compare_group(GEAR, targets, *said).of_one_model(same_rule=False)
    fixed = [found.figures["accuracy"], found.figures["log_loss"], *found.recalls.values()]
    assert {(one.low, one.high) for one in fixed} == {(0.0, 0.0)}
    assert found.accepted_share.low < found.accepted_share.value < found.accepted_share.high
    assert found.figures["cost"].low < 0.0 < found.figures["cost"].high
    held = [frozenset({"hat"}), frozenset(), frozenset({"scarf"})] * 10
    values = np.tile([[0.8, 0.3], [0.3, 0.1], [0.2, 0.9]], (10, 1))
    outputs = ModelOutputs(TAGS, values, {"hat": 0.4}), ModelOutputs(TAGS, values, {"hat": 0.6})
    tags = compare_group(TAGS, held, *outputs).of_one_model(same_rule=False)
    assert (tags.figures["log_loss"].low, tags.figures["log_loss"].high) == (0.0, 0.0)
    assert tags.figures["accuracy"].low < tags.figures["accuracy"].high
    assert tags.recalls["hat"].low < tags.recalls["hat"].high


def test_many_labels_are_cut_to_those_that_differ_most():
    many = LabelGroup("class", tuple(f"label {k:03}" for k in range(60)))
    random = np.random.default_rng(10)
    targets = [many.labels[k % 60] for k in range(240)]
    said = [ModelOutputs(many, random.dirichlet(np.ones(60), 240)) for _ in range(2)]
    text = paired_report(compare_group(many, targets, *said))
    assert text.count("recall of") == 40
    assert "20 labels that differ less are left out" in text


def test_how_far_costs_can_be_apart():
    (gear,) = LeastCost({"helmet": {"none": 5}, "none": {"helmet": 50}}, default_cost=1.0).tables(Task((GEAR,)))
    assert most_apart(gear) == 50.0
    (looked_at,) = LeastCost({"none": {"helmet": 50}}, review=60.0, default_cost=1.0).tables(Task((GEAR,)))
    assert most_apart(looked_at) == 60.0
    (tags,) = LeastCost({"hat": {"miss": 10, "false_alarm": 2}}, default_cost=4.0).tables(Task((TAGS,)))
    assert most_apart(tags) == 14.0


def test_a_dear_confusion_that_is_never_seen_is_held_for_possible():
    low, high = cost_interval(np.zeros(1000), 100.0, None)
    # One in a thousand is seen in a thousand pictures in 63 of 100 samples only.
    assert high == pytest.approx(-low)
    assert 100.0 * 3.0 / 1000.0 < high < 100.0 * 5.0 / 1000.0
    cheap = np.zeros(1000)
    cheap[:50] = 1.0
    low, high = cost_interval(cheap, 100.0, None)
    assert 0.3 < high < 0.6
    clips = cost_interval(np.zeros(1000), 100.0, np.arange(1000) // 50)
    assert clips[1] > 10.0 * 0.4
    assert cost_interval(np.zeros(5), 0.0, None) == (0.0, 0.0)

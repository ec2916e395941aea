"""What a report is made from, each against the same counted by hand."""

import re
from collections import Counter
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from decisight.data.dataset import Example
from decisight.documents import pages, render
from decisight.evaluation import report
from decisight.evaluation.evaluate import evaluate
from decisight.evaluation.judging import Judged
from decisight.evaluation.ranking import average_precision, roc_auc
from decisight.evaluation.report.answers import answers
from decisight.evaluation.report.charts import precision_recall_chart, reliability_chart, roc_chart
from decisight.evaluation.report.kept import kept_here
from decisight.evaluation.report.looking import look
from decisight.evaluation.report.sections import section
from decisight.evaluation.report.selection import select
from decisight.evaluation.report.slices import by_familiarity, by_source, by_thirds
from decisight.evaluation.report.subject import Subject
from decisight.evaluation.report.sweep import sweeps
from decisight.models.promises import entries
from decisight.policies.threshold import Threshold
from decisight.types import LabelGroup, Prediction, Task


def judged_of(made, *, unknown=()):
    """The task, and what was made up as if a model had said it; some pictures without a known label."""
    task = Task((made.group,))
    examples, predictions = [], []
    for at, (target, row, source) in enumerate(zip(made.targets, made.confidences, made.sources, strict=True)):
        examples.append(Example(Path(f"{at}.png"), (None if at in unknown else target,), source=source))
        predictions.append(Prediction(task, (tuple(row.tolist()),)))
    return task, Judged(tuple(examples), tuple(predictions), ("",) * len(examples))


def answers_of(made, *, thresholds=None, unknown=()):
    (found,) = answers(*judged_of(made, unknown=unknown), thresholds or {})
    return found


def test_answers_are_those_that_the_figures_count(made_exclusive, made_independent):
    for made in (made_exclusive(n=90, signal=0.8), made_independent(n=90, signal=1.0)):
        thresholds = {} if made.group.exclusive else {"tags:tag 0": 0.3}
        task, judged = judged_of(made, unknown=(0, 7))
        (own,) = answers(task, judged, thresholds)
        (figures,) = evaluate(task, judged.targets, judged.confidences, thresholds=thresholds).groups
        assert 0 not in own.pictures
        assert len(own) == figures.n == 88
        assert own.right.mean() == pytest.approx(figures.accuracy.value)
        mistakes = own.mistakes()
        assert [m.confidence for m in mistakes] == sorted((m.confidence for m in mistakes), reverse=True)
        if made.group.exclusive:
            assert len(mistakes) == int((~own.right).sum())
            wrong = Counter((made.group.labels.index(made.targets[m.picture]), m.label) for m in mistakes)
            assert all(figures.confusion_matrix[cell] == count for cell, count in wrong.items())
        else:
            missed = Counter(m.label for m in mistakes if m.missed)
            assert all(figures.confusion_matrix[label, 1, 0] == count for label, count in missed.items())
            assert len(mistakes) == int(figures.confusion_matrix[:, [0, 1], [1, 0]].sum())


def test_mistakes_are_shown_first_and_then_some_of_every_label(made_exclusive):
    own = answers_of(made_exclusive(n=200, labels=4, signal=1.5))
    wrong = [mistake.picture for mistake in own.mistakes()]
    chosen = select([own], most=len(wrong) + 8, gallery=5)
    assert [mistake.picture for mistake in chosen.gallery[0]] == wrong[:5]
    assert list(chosen.pictures[: len(wrong)]) == wrong
    rows = {int(picture): row for row, picture in enumerate(own.pictures)}
    right = [int(own.target[rows[picture]]) for picture in chosen.pictures[len(wrong) :]]
    assert sorted(right) == [0, 0, 1, 1, 2, 2, 3, 3]
    assert len(set(chosen.pictures)) == len(chosen.pictures)


def test_no_picture_is_passed_over_where_there_is_room_for_all(made_exclusive, made_independent):
    several = [answers_of(made_exclusive(n=60)), answers_of(made_independent(n=60))]
    assert sorted(select(several).pictures) == list(range(60))
    assert select([]).pictures == ()


@pytest.mark.parametrize("threshold", [0.0, 0.42, 0.8, 0.995])
def test_a_sweep_counts_what_thresholds_let_through(made_exclusive, made_independent, threshold):
    for made in (made_exclusive(n=120, of_a_source=3), made_independent(n=120)):
        own = answers_of(made)
        now = {f"{made.group.name}:{label}": threshold for label in made.group.labels}
        for sweep in sweeps(own, now):
            assert sweep.threshold == threshold
            at = sweep.thresholds.tolist().index(threshold)
            if sweep.label is None:
                through = own.confidences.max(axis=1) >= threshold
                right, held = own.right, np.ones(len(own), bool)
            else:
                label = made.group.labels.index(sweep.label)
                through = own.confidences[:, label] >= threshold
                right = held = own.held[:, label]
                if made.group.exclusive:
                    through &= own.predicted == label
            assert sweep.accepted[at] == through.sum()
            assert sweep.right[at] == (through & right).sum()
            assert sweep.held == held.sum()
            if through.any():
                assert sweep.precision[at].value == pytest.approx(right[through].mean())
                assert sweep.precision[at].low <= sweep.precision[at].value <= sweep.precision[at].high
            assert sweep.recall[at].value == pytest.approx((through & right)[held].mean())


def test_of_many_labels_those_with_most_mistakes_have_a_sweep(made_exclusive):
    own = answers_of(made_exclusive(n=300, labels=60, signal=1.2))
    found = sweeps(own, {})
    assert len(found) == 41
    assert found[0].label is None
    assert not found[1].precision


def points(path):
    return np.array([[float(number) for number in pair.split()] for pair in re.split("[ML]", path) if pair])


def test_curves_have_the_area_that_the_figures_say(made_exclusive):
    made = made_exclusive(n=150, labels=3)
    own = answers_of(made)
    for chart, figure in ((roc_chart(own), roc_auc), (precision_recall_chart(own), average_precision)):
        assert [line.style for line in chart.lines] == [1, 2, 3]
        assert [line.area for line in chart.lines] == sorted(line.area for line in chart.lines)
        for line in chart.lines:
            label = made.group.labels.index(line.name)
            assert line.area == pytest.approx(figure(own.held[:, label], own.confidences[:, label]))
            curve = points(line.path) / 320.0
            across, up = curve[:, 0], 1.0 - curve[:, 1]
            area = float((np.diff(across) * (up[1:] + up[:-1]) / 2.0).sum())
            assert area == pytest.approx(line.area, abs=0.01)
        assert chart.lines[0].name in chart.said


def test_curves_of_two_labels(made_exclusive):
    own = answers_of(made_exclusive(n=80, labels=2))
    assert [line.name for line in roc_chart(own).lines] == ["label 1"]
    # The two curves of precision differ, and the one of the rarer label is the one to look at.
    assert sorted(line.name for line in precision_recall_chart(own).lines) == ["label 0", "label 1"]


def test_where_one_label_occurs_there_is_no_curve(made_exclusive):
    own = answers_of(made_exclusive(n=20, labels=2, prior=[1.0, 0.0]))
    assert roc_chart(own) is None
    assert precision_recall_chart(own) is None
    assert reliability_chart(own).bars


def test_of_many_labels_the_worst_have_a_curve_of_their_own(made_exclusive):
    chart = roc_chart(answers_of(made_exclusive(n=400, labels=80, signal=1.0)))
    styles = Counter(line.style for line in chart.lines)
    assert styles.pop(0) == 40
    assert styles == dict.fromkeys(range(1, 8), 1)
    assert chart.more > 0


def test_reliability_holds_every_claim(made_independent):
    own = answers_of(made_independent(n=70))
    chart = reliability_chart(own)
    assert sum(bar.count for bar in chart.bars) == own.confidences.size
    assert max(bar.height for bar in chart.bars) == 1.0
    assert all(bar.interval[0] <= bar.held <= bar.interval[1] for bar in chart.bars)


def test_of_many_labels_the_page_lists_confusions_instead_of_a_matrix(made_exclusive):
    made = made_exclusive(n=300, labels=60, signal=1.2)
    task, judged = judged_of(made)
    (own,) = answers(task, judged, {})
    evaluation = evaluate(task, judged.targets, judged.confidences)
    card = SimpleNamespace(backbone={"name": "x", "digest": "y"}, versions={}, data={}, low_familiarity=float)
    runtime = SimpleNamespace(name="r", version="1", precision="fp32")
    model = SimpleNamespace(
        name="m", card=card, runtime=runtime, reference=SimpleNamespace(digest="sha256:0"), task=task
    )
    subject = Subject(model, judged, (), evaluation, {}, Path("data"), None, "today")
    found = section(subject, own, evaluation.groups[0], [None] * 300)
    assert not found.matrix
    assert len(found.confusions) == 100 < found.kinds
    assert [cell.count for cell in found.confusions] == sorted((cell.count for cell in found.confusions), reverse=True)
    page = render(
        Path(report.__file__).with_name("report.html"),
        title="t",
        subject=subject,
        model=model,
        card=card,
        parts=[(found, [], own)],
        wrong=[0],
        context=None,
        unexplained="",
        shown=0,
        data={},
    )
    assert f"these are the 100 commonest of\n{found.kinds} kinds of confusion" in page
    assert page.count('class="cell wrong"') == 100


@pytest.mark.parametrize(("wrong", "said"), [(3, "they may be chance."), (5, "they are more than chance.")])
def test_confidences_that_are_off_are_told_from_chance(made_exclusive, wrong, said):
    made = made_exclusive(n=300, labels=2)
    # All are claimed with 0.7, and so many of ten are wrong.
    labels = [made.group.labels[int(at % 10 < wrong)] for at in range(300)]
    made = made._replace(targets=labels, confidences=np.tile([0.7, 0.3], (300, 1)))
    assert reliability_chart(answers_of(made)).said.endswith(said)


def test_sources_from_the_worst_on(made_exclusive):
    own = answers_of(made_exclusive(n=120, of_a_source=6, signal=0.7))
    found = by_source(own)
    assert sum(one.pictures for one in found.slices) == 120
    highs = [one.accuracy.high for one in found.slices]
    assert highs == sorted(highs)
    for one in found.slices:
        rows = [row for row, source in enumerate(own.sources) if source == one.name]
        assert (one.pictures, one.right) == (len(rows), int(own.right[rows].sum()))
    assert by_source(own, most=3).left_out == 17
    # Those with mistakes are seen at once, at most twelve of them.
    wrong = sum(one.right < one.pictures for one in found.slices)
    assert found.shown == min(wrong, 12)
    assert all(one.right < one.pictures for one in found.slices[: found.shown])
    assert wrong == 20
    assert found.folded == "8 more with mistakes"
    sure = by_source(answers_of(made_exclusive(n=120, of_a_source=6, signal=9.0)))
    assert (sure.shown, sure.folded) == (0, "20 sources where every picture is right")
    assert by_source(answers_of(made_exclusive(n=20))) is None


def test_thirds_hold_every_picture_once_and_equal_ones_together(made_exclusive):
    own = answers_of(made_exclusive(n=90))
    measured = np.random.default_rng(0).integers(0, 30, 90).astype(float)
    measured[:5] = np.nan
    found = by_thirds(own, measured, "size", ("small", "medium", "large"), str)
    assert sum(one.pictures for one in found.slices) == 85
    ends = [tuple(map(float, one.name.partition(": ")[2].split(" to "))) for one in found.slices]
    assert all(before[1] < after[0] for before, after in pairwise(ends))
    assert by_thirds(own, np.full(90, 7.0), "size", ("a", "b", "c"), str).sentence == "All pictures have the same: 7.0."
    assert by_thirds(own, np.full(90, np.nan), "size", ("a", "b", "c"), str) is None
    # One of them is another: two slices, no empty one.
    odd = np.full(90, 7.0)
    odd[0] = 8.0
    assert [one.pictures for one in by_thirds(own, odd, "size", ("a", "b", "c"), str).slices] == [89, 1]


def test_a_clear_difference_is_told_and_no_other(made_exclusive):
    own = answers_of(made_exclusive(n=300, signal=1.2))
    told = by_thirds(own, own.right.astype(float), "size", ("small", "medium", "large"), str)
    assert "clearly less often right on 'small: 0.0' (0.000)" in told.sentence
    chance = by_thirds(own, np.random.default_rng(1).random(300), "size", ("small", "medium", "large"), str)
    assert chance.sentence == "No difference is clear at this rough look: the intervals overlap."


def test_familiarity(made_exclusive):
    own = answers_of(made_exclusive(n=100))
    assert by_familiarity(own, np.full(100, np.nan)) is None
    found = by_familiarity(own, np.linspace(0.0, 1.0, 100))
    assert [one.pictures for one in found.slices] == [5, 45, 50]
    assert "5.0 % of the pictures are unfamiliar" in found.sentence
    assert "many of these pictures are unlike" in by_familiarity(own, np.full(100, 0.01)).sentence
    # A model of few sources cannot say as little as that.
    few = by_familiarity(own, np.linspace(0.0, 1.0, 100), 0.25)
    assert few.slices[0].name == "unfamiliar: below 0.25"
    assert [one.pictures for one in few.slices] == [25, 25, 50]


@pytest.mark.parametrize(
    ("share", "said"),
    [(1.0, "about 100"), (0.996, "more than 99"), (0.934, "about 93"), (0.003, "fewer than 1"), (0.0, "about 0")],
)
def test_what_is_not_quite_all_is_not_called_so(share, said):
    environment = pages._environment(Path(report.__file__).parent)
    assert environment.get_template("report_parts.html").module.of_100(share) == said


def test_a_look_at_pictures_of_which_one_is_gone(tmp_path):
    for name, level in (("dark", 0), ("bright", 255)):
        Image.new("RGB", (600, 300), (level,) * 3).save(tmp_path / f"{name}.jpg")
    names = ("dark", "gone", "bright")
    examples = [Example(tmp_path / f"{name}.jpg", ("x",)) for name in names]
    steps = []
    dark, gone, bright = look(
        examples, {0: 100, 1: 100}, (0, 0, 0), threads=2, progress=lambda *step: steps.append(step)
    )
    assert gone is None
    assert (dark.width, dark.height) == (bright.width, bright.height) == (600, 300)
    assert (dark.brightness, bright.brightness) == pytest.approx((0.0, 1.0), abs=0.01)
    assert (dark.thumbnail.width, dark.thumbnail.height) == (100, 50)
    assert bright.thumbnail is None
    assert steps[-1] == ("looking at pictures", 3, 3)


@pytest.mark.parametrize(
    ("wanted", "verdict"),
    [
        (0.5, "good"),
        (0.19, ""),  # 4 of 20 are wrong: more, but it may be chance
        (0.01, "bad"),
    ],
)
def test_what_a_promise_comes_to_here(wanted, verdict):
    group = LabelGroup("gear", ("vest", "none"))
    task = Task((group,))
    examples = [Example(Path(f"{at}.png"), ("vest" if at % 5 else "none",)) for at in range(20)]
    # What is not accepted does not count, whatever it is, nor does what nobody knows.
    examples += [Example(Path("unsure.png"), ("none",)), Example(Path("unknown.png"), (None,))]
    predictions = [Prediction(task, ((0.9, 0.1),))] * 20 + [
        Prediction(task, ((0.6, 0.4),)),
        Prediction(task, ((0.9, 0.1),)),
    ]
    judged = Judged(tuple(examples), tuple(predictions), ("",) * len(examples))
    rule = Threshold({"vest": 0.8}, "unknown").checked(task)
    (entry,) = entries({"gear:vest": {"kind": "max_error", "threshold": 0.8, "wanted": wanted}})
    kept = kept_here(entry, ["  Promised."], [], task, judged, [rule.decide(one) for one in predictions])
    assert kept.said == ("Promised.",)
    assert kept.here.startswith("Here 4 of 20 decisions for it are wrong, 0.200 (")
    assert kept.verdict == verdict
    same = kept_here(entry, [], [], task, judged, [rule.decide(one) for one in predictions], same=True)
    assert (same.verdict, "these very pictures" in same.here) == ("warn", True)


@pytest.mark.parametrize("key", ["gear", "gear:hat", "other:vest", ":", ""])
def test_a_promise_of_what_the_model_does_not_have_is_told_and_not_measured(key):
    task = Task((LabelGroup("gear", ("vest", "none")),))
    (entry,) = entries({key: {"kind": "max_error"}})
    assert kept_here(entry, ["Promised."], [], task, Judged((), (), ()), []).here == ""

"""Choosing sees nothing of what it is asked about, and prefers the simple where the difference may be chance."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.utils.class_weight import compute_sample_weight

from decisight.compute import one_blas_thread
from decisight.data.folds import assign_folds
from decisight.training.probe import softmax
from decisight.training.selection import (
    STRENGTHS,
    Candidate,
    Folding,
    GroupTargets,
    cross_validate,
    losses_of,
    one_standard_error,
)
from decisight.types import LabelGroup, Target


@pytest.fixture(autouse=True)
def _one_blas_thread() -> Iterator[None]:
    """As in training: many small problems, for which BLAS's own threads are in the way."""
    with one_blas_thread():
        yield


CLASS = LabelGroup("class", ("a", "b", "c"))
TAGS = LabelGroup("tags", ("x", "y"), "independent")


class TestTargets:
    def test_of_an_exclusive_group(self) -> None:
        found = GroupTargets.of(CLASS, ["b", None, "a", "b"])
        assert found.known.tolist() == [0, 2, 3]
        assert found.targets.tolist() == [[0, 1, 0], [1, 0, 0], [0, 1, 0]]
        assert found.weights.tolist() == [1, 1, 1]

    def test_of_an_independent_group(self) -> None:
        """None of the labels is known to hold: that is not the same as nothing known."""
        found = GroupTargets.of(TAGS, [frozenset("xy"), frozenset(), None, frozenset("y")])
        assert found.known.tolist() == [0, 1, 3]
        assert found.targets.tolist() == [[1, 1], [0, 0], [0, 1]]

    def test_nothing_known(self) -> None:
        found = GroupTargets.of(CLASS, [None, None])
        assert found.targets.shape == (0, 3)
        assert found.known.dtype.kind == "i"

    def test_balanced_classes(self) -> None:
        labels: list[Target] = ["a"] * 12 + ["b"] * 3 + [None] + ["c"] * 5
        found = GroupTargets.of(CLASS, labels, balance=True)
        expected = compute_sample_weight("balanced", [label for label in labels if label is not None])
        np.testing.assert_allclose(found.weights, expected)
        assert found.weights.sum() == pytest.approx(20)

    def test_balanced_without_one_of_the_classes(self) -> None:
        found = GroupTargets.of(CLASS, ["a", "a", "a", "c"], balance=True)
        np.testing.assert_allclose(found.weights, compute_sample_weight("balanced", ["a", "a", "a", "c"]))

    def test_independent_labels_are_not_balanced(self) -> None:
        found = GroupTargets.of(TAGS, [frozenset("x"), frozenset(), frozenset()], balance=True)
        assert found.weights.tolist() == [1, 1, 1]


def pictures(n: int = 60, seed: int = 0, features: int = 30) -> tuple[np.ndarray, list[Target]]:
    """Features whose squared length is 1 on average, and a label that they say something of."""
    random = np.random.default_rng(seed)
    labels = random.integers(0, 3, n)
    x = random.normal(size=(n, features)) + 2.0 * np.eye(3, features)[labels]
    return x / np.sqrt((x**2).sum(axis=1).mean()), [CLASS.labels[label] for label in labels]


FIVE = np.arange(60) % 5


class TestCrossValidation:
    @pytest.mark.parametrize("balance", [False, True])
    def test_each_fold_is_asked_of_heads_fitted_on_the_others(self, balance: bool) -> None:
        x, labels = pictures()
        group = GroupTargets.of(CLASS, labels, balance=balance)
        found = cross_validate(Folding(x @ x.T, FIVE), group, (1.0, 30.0))
        assert list(found) == [1.0, 30.0]
        for strength, scores in found.items():
            for fold in range(5):
                inside, outside = fold != FIVE, fold == FIVE
                reference = LogisticRegression(C=strength, tol=1e-8, max_iter=10_000)
                reference.fit(x[inside], group.targets[inside].argmax(axis=1), sample_weight=group.weights[inside])
                np.testing.assert_allclose(softmax(scores[outside]), reference.predict_proba(x[outside]), atol=5e-3)

    def test_what_is_true_of_a_picture_does_not_reach_its_own_scores(self) -> None:
        x, labels = pictures()
        folding = Folding(x @ x.T, FIVE)
        before = cross_validate(folding, GroupTargets.of(CLASS, labels), STRENGTHS)
        for fold in range(5):
            turned = [("b" if label == "a" else "a") if FIVE[i] == fold else label for i, label in enumerate(labels)]
            after = cross_validate(folding, GroupTargets.of(CLASS, turned), STRENGTHS)
            for strength in STRENGTHS:
                np.testing.assert_array_equal(after[strength][fold == FIVE], before[strength][fold == FIVE])
                assert np.abs(after[strength][fold != FIVE] - before[strength][fold != FIVE]).max() > 1e-3

    def test_a_source_is_not_learnt_from_when_it_is_asked_about(self) -> None:
        """Pictures of one source are all but the same; what is true of the others must not give them away."""
        random = np.random.default_rng(0)
        sources = [f"photo {i // 4}" for i in range(80)]
        base = random.normal(size=(20, 200)) / np.sqrt(200)
        x = base.repeat(4, axis=0) + random.normal(size=(80, 200)) * 0.001
        # Labels are of the source, and chance: nobody can know them of a source that was not seen.
        of_source = random.permutation(np.arange(20) % 2)
        labels: list[Target] = [CLASS.labels[of_source[i // 4]] for i in range(80)]
        group = GroupTargets.of(LabelGroup("class", ("a", "b")), labels)
        together = assign_folds([str(label) for label in labels], sources, 5)
        apart = np.arange(80) % 4
        honest, leaking = (
            cross_validate(Folding(x @ x.T, folds), group, (100.0,))[100.0].argmax(axis=1)
            == group.targets.argmax(axis=1)
            for folds in (together, apart)
        )
        assert leaking.mean() == 1.0
        assert honest.mean() < 0.8

    def test_the_mirrored_view_of_a_picture_is_left_out_with_it(self) -> None:
        """Mirrored pictures are learnt from, but not those of the pictures that are asked about."""
        x, labels = pictures()
        mirrored = x + np.random.default_rng(1).normal(size=x.shape) * 0.05
        group = GroupTargets.of(CLASS, labels)
        both = np.vstack([x, mirrored])
        before = cross_validate(Folding(both @ both.T, FIVE), group, (30.0,))[30.0]
        spoilt = mirrored.copy()
        spoilt[FIVE == 2] = 100.0
        both = np.vstack([x, spoilt])
        after = cross_validate(Folding(both @ both.T, FIVE), group, (30.0,))[30.0]
        np.testing.assert_array_equal(after[FIVE == 2], before[FIVE == 2])
        assert np.abs(after[FIVE != 2] - before[FIVE != 2]).max() > 1e-3

    def test_two_views_that_are_alike_are_one(self) -> None:
        x, labels = pictures()
        group = GroupTargets.of(CLASS, labels)
        one = cross_validate(Folding(x @ x.T, FIVE), group, (10.0,))[10.0]
        both = np.vstack([x, x])
        two = cross_validate(Folding(both @ both.T, FIVE), group, (10.0,))[10.0]
        np.testing.assert_allclose(softmax(two), softmax(one), atol=5e-3)

    def test_pictures_of_which_nothing_is_known_are_left_out(self) -> None:
        x, labels = pictures()
        some: list[Target] = [None if i % 7 == 0 else label for i, label in enumerate(labels)]
        kept = [i for i in range(60) if i % 7]
        group = GroupTargets.of(CLASS, some)
        found = cross_validate(Folding(x @ x.T, FIVE), group, (10.0,))[10.0]
        alone = GroupTargets.of(CLASS, [labels[i] for i in kept])
        expected = cross_validate(Folding(x[kept] @ x[kept].T, FIVE[kept]), alone, (10.0,))[10.0]
        assert found.shape == (len(kept), 3)
        np.testing.assert_allclose(found, expected, atol=2e-3)

    def test_groups_share_a_folding(self) -> None:
        """What one group left behind in it is nothing to the next."""
        x, labels = pictures()
        tags: list[Target] = [frozenset("x" if label == "a" else "y") for label in labels]
        groups = [
            GroupTargets.of(CLASS, labels),
            GroupTargets.of(TAGS, tags),
            GroupTargets.of(CLASS, [None, *labels[1:]]),
        ]
        shared = Folding(x @ x.T, FIVE)
        for group in groups:
            found = cross_validate(shared, group, (10.0,))[10.0]
            alone = cross_validate(Folding(x @ x.T, FIVE), group, (10.0,))[10.0]
            np.testing.assert_array_equal(found, alone)

    def test_the_number_of_threads_is_nothing_that_shows(self) -> None:
        x, labels = pictures()
        group = GroupTargets.of(CLASS, labels)
        one, four = (cross_validate(Folding(x @ x.T, FIVE), group, STRENGTHS, threads=n) for n in (1, 4))
        for strength in STRENGTHS:
            np.testing.assert_array_equal(one[strength], four[strength])

    def test_a_label_that_stands_in_one_fold_only(self) -> None:
        x, labels = pictures()
        rare: list[Target] = ["c" if i == 7 else ("a" if label == "c" else label) for i, label in enumerate(labels)]
        found = cross_validate(Folding(x @ x.T, FIVE), GroupTargets.of(CLASS, rare), STRENGTHS)
        assert all(np.isfinite(scores).all() for scores in found.values())

    def test_numbers_of_folds_need_not_be_consecutive(self) -> None:
        x, labels = pictures()
        group = GroupTargets.of(CLASS, labels)
        one = cross_validate(Folding(x @ x.T, FIVE), group, (10.0,))[10.0]
        other = cross_validate(Folding(x @ x.T, FIVE * 3 + 2), group, (10.0,))[10.0]
        np.testing.assert_array_equal(one, other)


class TestLosses:
    def test_knowing_the_frequencies_alone_is_one(self) -> None:
        labels: list[Target] = ["a"] * 60 + ["b"] * 30 + ["c"] * 10
        group = GroupTargets.of(CLASS, labels)
        scores = np.log(group.targets.mean(axis=0))[None].repeat(100, axis=0)
        assert losses_of(scores, group).mean() == pytest.approx(1.0, abs=0.02)

    def test_knowing_the_frequencies_of_independent_labels_is_one(self) -> None:
        labels: list[Target] = [frozenset("xy")] * 20 + [frozenset("y")] * 30 + [frozenset()] * 50
        group = GroupTargets.of(TAGS, labels)
        share = group.targets.mean(axis=0)
        scores = np.log(share / (1 - share))[None].repeat(100, axis=0)
        assert losses_of(scores, group).mean() == pytest.approx(1.0, abs=0.02)

    def test_the_scale_of_scores_is_nothing(self) -> None:
        """They are calibrated in the end."""
        _, labels = pictures()
        group = GroupTargets.of(CLASS, labels)
        scores = 2.0 * group.targets + np.random.default_rng(0).normal(size=group.targets.shape)
        expected = losses_of(scores, group).mean()
        for scale in (0.2, 3.0, 8.0):
            assert losses_of(scale * scores, group).mean() == pytest.approx(expected, abs=1e-3)

    def test_better_scores_lose_less(self) -> None:
        _, labels = pictures(n=300)
        group = GroupTargets.of(CLASS, labels)
        noise = np.random.default_rng(0).normal(size=group.targets.shape)
        losses = [losses_of(signal * group.targets + noise, group).mean() for signal in (0.0, 1.0, 2.0, 4.0)]
        assert losses == sorted(losses, reverse=True)
        assert losses[0] == pytest.approx(1.0, abs=0.05)

    @pytest.mark.parametrize("labels", [["a"] * 10, ["a"] * 9 + ["b"]])
    def test_one_label_only(self, labels: list[Target]) -> None:
        group = GroupTargets.of(CLASS, labels)
        assert np.isfinite(losses_of(np.zeros((10, 3)), group)).all()
        assert np.isfinite(losses_of(1e4 * group.targets, group)).all()


def around(mean: float, n: int = 100, spread: float = 0.0, seed: int = 0) -> np.ndarray:
    """Losses with just that mean and that standard deviation."""
    random = np.random.default_rng(seed).normal(size=n)
    return mean + spread * (random - random.mean()) / random.std()


ALONE = [None] * 100


class TestOneStandardError:
    @pytest.mark.parametrize(
        ("losses", "chosen"),
        [
            # one only; the best is the simplest; all alike
            ([around(0.5)], 0),
            ([around(0.5), around(0.6), around(0.7)], 0),
            ([around(0.5), around(0.5), around(0.5)], 0),
            # the best is not the simplest, and every picture says so
            ([around(0.6), around(0.5)], 1),
            ([around(0.7), around(0.6), around(0.5)], 2),
            # they differ from picture to picture by ten times as much as on the whole: one standard error
            ([around(0.5, spread=0.1) + 0.009, around(0.5)], 0),
            ([around(0.5, spread=0.1) + 0.011, around(0.5)], 1),
            # the simplest of those that are good enough, not the next best
            ([around(0.9), around(0.505, spread=0.1), around(0.501, spread=0.1), around(0.5)], 1),
            # pictures that are hard for both say nothing about the difference
            ([around(0.6, spread=9.0), around(0.5, spread=9.0)], 1),
        ],
    )
    def test_which_is_chosen(self, losses: list[np.ndarray], chosen: int) -> None:
        candidates = {number: Candidate(f"way {number}", loss) for number, loss in enumerate(losses)}
        assert one_standard_error(candidates, ALONE)[0] == chosen

    def test_the_order_in_which_they_are_told_is_nothing(self) -> None:
        candidates = {
            3: Candidate("rich", around(0.5)),
            1: Candidate("plain", around(0.5)),
            2: Candidate("x", around(9)),
        }
        assert one_standard_error(candidates, ALONE)[0] == 1

    def test_pictures_of_one_source_are_one_witness(self) -> None:
        """Ten sources of ten pictures that behave alike: the error is three times that of a hundred pictures."""
        difference = around(0.02, n=10, spread=0.1).repeat(10)
        candidates = {0: Candidate("plain", 0.5 + difference), 1: Candidate("rich", np.full(100, 0.5))}
        sources = [f"photo {i // 10}" for i in range(100)]
        assert one_standard_error(candidates, ALONE)[0] == 1
        assert one_standard_error(candidates, sources)[0] == 0

    def test_a_source_is_told_from_a_picture_without_one(self) -> None:
        """Sources may be called anything, numbers as well."""
        difference = around(0.02, n=100, spread=0.1)
        candidates = {0: Candidate("plain", 0.5 + difference), 1: Candidate("rich", np.full(100, 0.5))}
        every_other = [str(i - 1) if i % 2 else None for i in range(100)]
        for sources in ([str(i) for i in range(100)], every_other, [f"#{i}" for i in range(100)]):
            assert one_standard_error(candidates, sources)[0] == one_standard_error(candidates, ALONE)[0]

    def test_the_error_is_that_of_a_mean(self) -> None:
        losses = around(0.53, spread=0.1)
        _, why = one_standard_error({0: Candidate("plain", losses), 1: Candidate("rich", around(0.525))}, ALONE)
        expected = (losses - 0.525).std() / 10
        assert f"one standard error ({expected:.3f})" in why

    def test_what_is_told(self) -> None:
        plain, rich = Candidate("plain", around(0.5, spread=0.1) + 0.005), Candidate("rich", around(0.5))
        assert one_standard_error({0: plain, 1: rich}, ALONE)[1] == (
            "loss 0.505, within one standard error (0.010) of the best, rich with 0.500, and simpler"
        )
        worse = Candidate("plain", around(0.6))
        told = "the lowest cross-validated loss, 0.500; the next best has 0.600"
        assert one_standard_error({0: worse, 1: rich}, ALONE)[1] == told
        assert one_standard_error({0: rich}, ALONE)[1] == "the lowest cross-validated loss, 0.500"


def test_many_labels_are_compared_in_float32_to_the_same_effect(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(0)
    of = np.arange(160) // 4
    x = (random.normal(size=(160, 60)) + 2.0 * random.normal(size=(40, 60))[of]) / 16
    many = LabelGroup("class", tuple(f"l{at}" for at in range(40)))
    group = GroupTargets.of(many, [many.labels[at] for at in of])
    folding = Folding(x @ x.T, np.arange(160) % 4)
    fast = cross_validate(folding, group, (10.0, 300.0))
    monkeypatch.setattr("decisight.training.selection._MANY_LABELS", 41)
    exact = cross_validate(folding, group, (10.0, 300.0))
    for strength in (10.0, 300.0):
        assert np.any(fast[strength] != exact[strength])
        np.testing.assert_allclose(softmax(fast[strength]), softmax(exact[strength]), atol=1e-3)

"""The linear probe against scikit-learn and the definitions."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import special
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

from decisight.compute import one_blas_thread
from decisight.training.probe import Basis, Standardiser, fit_linear, log_losses, sigmoid, softmax

PROBABILITY_TOLERANCE = 3e-3
"""Fitting ends when the loss hardly falls any more; so far may a probability then be from the exact minimum."""


@pytest.fixture(autouse=True)
def _one_blas_thread() -> Iterator[None]:
    """As in training: many small problems, for which BLAS's own threads are in the way."""
    with one_blas_thread():
        yield


def made(n: int = 120, r: int = 12, labels: int = 3, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Coordinates whose squared length is 1 on average, and a label of each, as one column a label."""
    random = np.random.default_rng(seed)
    x = random.normal(size=(n, r)) * np.geomspace(1.0, 0.05, r)
    x /= np.sqrt((x**2).sum(axis=1).mean())
    logits = 4.0 * x @ random.normal(size=(r, labels)) + np.linspace(-0.5, 0.5, labels)
    chosen = [random.choice(labels, p=row) for row in softmax(logits)]
    return x, np.eye(labels)[chosen]


def several(n: int = 120, labels: int = 4, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """As above, with labels that hold each for itself."""
    x, _ = made(n, seed=seed)
    random = np.random.default_rng(seed + 1)
    logits = 4.0 * x @ random.normal(size=(x.shape[1], labels)) + np.linspace(-1, 1, labels)
    return x, (random.random(logits.shape) < sigmoid(logits)).astype(float)


def objective(
    fitted: np.ndarray,
    x: np.ndarray,
    y: np.ndarray,
    *,
    strength: float,
    exclusive: bool,
    weights: np.ndarray | None = None,
) -> float:
    """What is to be as small as possible, as the docstring has it."""
    losses = log_losses(x @ fitted[:-1] + fitted[-1], y, exclusive=exclusive)
    share = np.ones(len(x)) if weights is None else weights
    return float(losses @ share + np.sum(fitted[:-1] ** 2) / (2.0 * strength))


class TestAgainstScikitLearn:
    @pytest.mark.parametrize("strength", [0.1, 1.0, 30.0, 300.0])
    @pytest.mark.parametrize("labels", [3, 6])
    @pytest.mark.parametrize("weighted", [False, True])
    def test_several_classes(self, strength: float, labels: int, weighted: bool) -> None:
        x, y = made(labels=labels, seed=labels)
        weights = np.random.default_rng(1).uniform(0.2, 3.0, len(x)) if weighted else None
        fitted = fit_linear(x, y, strength=strength, exclusive=True, weights=weights)
        reference = LogisticRegression(C=strength, tol=1e-10, max_iter=20_000)
        reference.fit(x, y.argmax(axis=1), sample_weight=weights)
        expected = reference.predict_proba(x)
        np.testing.assert_allclose(softmax(x @ fitted[:-1] + fitted[-1]), expected, atol=PROBABILITY_TOLERANCE)
        exact = np.vstack([reference.coef_.T, reference.intercept_])
        least = objective(exact, x, y, strength=strength, exclusive=True, weights=weights)
        assert objective(fitted, x, y, strength=strength, exclusive=True, weights=weights) <= least * (1 + 1e-4)

    @pytest.mark.parametrize("strength", [0.1, 1.0, 30.0])
    def test_two_classes(self, strength: float) -> None:
        """With two columns of weights, one the negative of the other, the penalty is half of that of one column."""
        x, y = made(labels=2, seed=4)
        fitted = fit_linear(x, y, strength=strength, exclusive=True)
        reference = LogisticRegression(C=2.0 * strength, tol=1e-10, max_iter=20_000).fit(x, y.argmax(axis=1))
        np.testing.assert_allclose(
            softmax(x @ fitted[:-1] + fitted[-1]), reference.predict_proba(x), atol=PROBABILITY_TOLERANCE
        )
        np.testing.assert_allclose(fitted[:-1, 0], -fitted[:-1, 1], atol=0.02 * np.abs(fitted).max())

    @pytest.mark.parametrize("strength", [0.1, 1.0, 30.0])
    @pytest.mark.parametrize("weighted", [False, True])
    def test_independent_labels_are_fitted_each_for_itself(self, strength: float, weighted: bool) -> None:
        x, y = several(seed=5)
        weights = np.random.default_rng(2).uniform(0.2, 3.0, len(x)) if weighted else None
        fitted = fit_linear(x, y, strength=strength, exclusive=False, weights=weights)
        found = sigmoid(x @ fitted[:-1] + fitted[-1])
        for label in range(y.shape[1]):
            reference = LogisticRegression(C=strength, tol=1e-10, max_iter=20_000)
            reference.fit(x, y[:, label], sample_weight=weights)
            np.testing.assert_allclose(found[:, label], reference.predict_proba(x)[:, 1], atol=PROBABILITY_TOLERANCE)

    def test_log_losses(self) -> None:
        x, y = made()
        scores = 3.0 * x[:, :3]
        found = log_losses(scores, y, exclusive=True)
        assert found.mean() == pytest.approx(log_loss(y.argmax(axis=1), softmax(scores)))
        x, y = several()
        scores = 3.0 * x[:, :4]
        expected = sum(log_loss(y[:, k], sigmoid(scores[:, k])) for k in range(4))
        assert log_losses(scores, y, exclusive=False).mean() == pytest.approx(expected)

    @settings(max_examples=50, deadline=None)
    @given(arrays(np.float64, (4, 3), elements=st.floats(-1e4, 1e4)))
    def test_probabilities(self, scores: np.ndarray) -> None:
        np.testing.assert_allclose(softmax(scores), special.softmax(scores, axis=1), atol=1e-14)
        np.testing.assert_allclose(sigmoid(scores), special.expit(scores), atol=1e-14)
        np.testing.assert_allclose(softmax(scores).sum(axis=1), 1.0, atol=1e-14)
        for exclusive in (True, False):
            assert np.isfinite(log_losses(scores, np.eye(4, 3), exclusive=exclusive)).all()


class TestFitting:
    @pytest.mark.parametrize("exclusive", [True, False])
    def test_where_it_begins_is_nothing_that_shows(self, exclusive: bool) -> None:
        x, y = made() if exclusive else several()
        begun = fit_linear(x, y, strength=10.0, exclusive=exclusive)
        start = np.random.default_rng(0).normal(size=begun.shape)
        again = fit_linear(x, y, strength=10.0, exclusive=exclusive, start=start)
        of = softmax if exclusive else sigmoid
        found = [of(x @ fitted[:-1] + fitted[-1]) for fitted in (begun, again)]
        np.testing.assert_allclose(*found, atol=PROBABILITY_TOLERANCE)
        values = [objective(f, x, y, strength=10.0, exclusive=exclusive) for f in (begun, again)]
        assert values[0] == pytest.approx(values[1], rel=1e-4)

    def test_a_weight_is_so_many_pictures(self) -> None:
        x, y = made(n=40)
        times = np.arange(len(x)) % 3
        weighted = fit_linear(x, y, strength=3.0, exclusive=True, weights=times.astype(float))
        repeated = fit_linear(np.repeat(x, times, axis=0), np.repeat(y, times, axis=0), strength=3.0, exclusive=True)
        np.testing.assert_allclose(
            softmax(x @ weighted[:-1] + weighted[-1]), softmax(x @ repeated[:-1] + repeated[-1]), atol=5e-3
        )

    def test_the_order_of_labels_is_nothing(self) -> None:
        x, y = made()
        order = [2, 0, 1]
        one = fit_linear(x, y, strength=3.0, exclusive=True)
        other = fit_linear(x, y[:, order], strength=3.0, exclusive=True)
        np.testing.assert_allclose(
            softmax(x @ one[:-1] + one[-1])[:, order], softmax(x @ other[:-1] + other[-1]), atol=2e-3
        )

    @pytest.mark.parametrize("exclusive", [True, False])
    def test_the_bias_alone_gives_the_frequencies(self, exclusive: bool) -> None:
        """It is not held back, however strong the penalty."""
        _, y = made(n=200) if exclusive else several(n=200)
        fitted = fit_linear(np.zeros((200, 0)), y, strength=1e-6, exclusive=exclusive)
        found = softmax(fitted[-1:])[0] if exclusive else sigmoid(fitted[-1:])[0]
        np.testing.assert_allclose(found, y.mean(axis=0), atol=2e-3)

    @pytest.mark.parametrize("exclusive", [True, False])
    @pytest.mark.parametrize("strength", [1e-6, 1.0, 1e6])
    def test_degenerate_tables_stay_finite(self, exclusive: bool, strength: float) -> None:
        random = np.random.default_rng(0)
        tables = [
            # perfectly separable
            (np.array([[-1.0], [1.0]]).repeat(20, axis=0), np.eye(2).repeat(20, axis=0)),
            # a label that nobody has
            (random.normal(size=(30, 4)), np.eye(3)[random.integers(0, 2, 30)]),
            # one label that all have
            (random.normal(size=(30, 4)), np.eye(2)[np.zeros(30, int)]),
            # two pictures alike, coordinates that never change, none at all, more coordinates than pictures
            (np.ones((2, 3)), np.eye(2)),
            (np.ones((30, 3)), np.eye(2)[random.integers(0, 2, 30)]),
            (np.zeros((30, 3)), np.eye(2)[random.integers(0, 2, 30)]),
            (random.normal(size=(5, 50)), np.eye(2)[[0, 1, 0, 1, 0]]),
            # features of very different sizes
            (random.normal(size=(30, 4)) * [1e-6, 1.0, 1e3, 1e6], np.eye(2)[random.integers(0, 2, 30)]),
        ]
        for x, y in tables:
            fitted = fit_linear(x, y, strength=strength, exclusive=exclusive)
            assert fitted.shape == (x.shape[1] + 1, y.shape[1])
            assert np.isfinite(fitted).all()
            assert np.isfinite(log_losses(x @ fitted[:-1] + fitted[-1], y, exclusive=exclusive)).all()

    def test_less_regularised_fits_closer(self) -> None:
        x, y = made()
        losses = []
        for strength in (0.1, 1.0, 10.0, 100.0):
            fitted = fit_linear(x, y, strength=strength, exclusive=True)
            losses.append(log_losses(x @ fitted[:-1] + fitted[-1], y, exclusive=True).mean())
        assert losses == sorted(losses, reverse=True)


class TestBasis:
    @pytest.mark.parametrize(("n", "features"), [(30, 200), (60, 10)])
    def test_inner_products_are_kept(self, n: int, features: int) -> None:
        x = np.random.default_rng(0).normal(size=(n, features)) / np.sqrt(features)
        products = x @ x.T
        basis = Basis.of(products)
        assert basis.coordinates.shape[0] == n
        assert basis.coordinates.shape[1] <= min(n, features)
        np.testing.assert_allclose(basis.coordinates @ basis.coordinates.T, products, atol=1e-5)
        np.testing.assert_allclose(products @ basis.projection, basis.coordinates, atol=1e-3)

    @pytest.mark.parametrize("exclusive", [True, False])
    @pytest.mark.parametrize("strength", [0.3, 30.0])
    def test_fitting_among_pictures_equals_fitting_features(self, exclusive: bool, strength: float) -> None:
        random = np.random.default_rng(3)
        _, y = made(n=50) if exclusive else several(n=50)
        x, asked = random.normal(size=(50, 300)) / np.sqrt(300), random.normal(size=(20, 300)) / np.sqrt(300)
        basis = Basis.of(x @ x.T)
        dual = fit_linear(basis.coordinates, y, strength=strength, exclusive=exclusive)
        primal = fit_linear(x, y, strength=strength, exclusive=exclusive)
        found = (asked @ x.T) @ basis.projection @ dual[:-1] + dual[-1]
        expected = asked @ primal[:-1] + primal[-1]
        of = softmax if exclusive else sigmoid
        np.testing.assert_allclose(of(found), of(expected), atol=PROBABILITY_TOLERANCE)
        # And so the weights of the features themselves come back.
        np.testing.assert_allclose(x.T @ (basis.projection @ dual[:-1]), primal[:-1], atol=0.02 * np.abs(primal).max())

    def test_pictures_that_are_all_alike(self) -> None:
        for products, directions in ((np.zeros((4, 4)), 0), (np.ones((4, 4)), 1)):
            basis = Basis.of(products)
            assert basis.coordinates.shape == basis.projection.shape == (4, directions)
            fitted = fit_linear(basis.coordinates, np.eye(2)[[0, 0, 0, 1]], strength=1.0, exclusive=True)
            np.testing.assert_allclose(softmax(basis.coordinates @ fitted[:-1] + fitted[-1])[:, 0], 0.75, atol=5e-3)

    def test_a_picture_that_stands_twice(self) -> None:
        x = np.random.default_rng(0).normal(size=(10, 40))
        x[3] = x[7]
        basis = Basis.of(x @ x.T)
        assert basis.coordinates.shape[1] == 9
        assert np.isfinite(basis.projection).all()
        np.testing.assert_allclose(basis.coordinates[3], basis.coordinates[7], atol=1e-3)


class TestStandardiser:
    def test_mean_and_spread(self) -> None:
        features = (np.random.default_rng(0).normal(size=(200, 6)) * [0.1, 1, 5, 10, 100, 1000] + 3).astype(np.float16)
        standardiser = Standardiser.of(features)
        wide = features.astype(np.float64)
        np.testing.assert_allclose(standardiser.mean, wide.mean(axis=0), rtol=1e-3, atol=1e-3)
        np.testing.assert_allclose(standardiser.spread, np.sqrt(wide.var(axis=0) + 1e-4), rtol=1e-3)
        for columns in (slice(0, 6), slice(2, 4)):
            found = standardiser.apply(features, columns)
            expected = ((wide - wide.mean(axis=0)) / np.sqrt(wide.var(axis=0) + 1e-4))[:, columns]
            assert found.dtype == np.float32
            np.testing.assert_allclose(found, expected, atol=2e-3)

    def test_what_hardly_changes_is_not_blown_up(self) -> None:
        features = np.full((50, 2), 0.5, np.float16)
        features[0] = 0.501
        assert np.abs(Standardiser.of(features).apply(features, slice(0, 2))).max() < 0.2

    def test_the_largest_values_of_half_precision(self) -> None:
        features = np.array([[60_000.0], [-60_000.0]] * 20, np.float16)
        found = Standardiser.of(features).apply(features, slice(0, 1))
        np.testing.assert_allclose(np.abs(found), 1.0, atol=1e-3)

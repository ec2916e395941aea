"""Familiarity in the graph is the conformal p-value that NumPy finds, whatever the distances are."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from onnx import ModelProto, helper, numpy_helper

from decisight.compute import open_session
from decisight.errors import ModelError, NotAModelError
from decisight.models.backbones import Backbone, backbones
from decisight.models.card import Calibration, ModelCard, Preprocessing
from decisight.models.classifier import Classifier, load
from decisight.models.familiarity import ConformalScale, Distance, Familiarity, calibrated_on, unit_length
from decisight.models.heads import Head, classifier_graph, feature_graph
from decisight.models.model_file import ModelFile, read_model, seal, write_model
from decisight.types import FitMode, LabelGroup, Task

FEATURE = "stem.all.mean"
WIDTH = 32
GROUP = LabelGroup("class", ("cat", "dog"))
CALIBRATION = Calibration(1.0, (0.0, 0.0))
Change = Callable[[ModelProto], object]


def conformal(calibration: np.ndarray, distances: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """The definition: the share of calibration pictures that are at least as far, the picture itself among them."""
    weights = np.ones(len(calibration)) if weights is None else weights
    return np.array([(1.0 + weights[calibration >= d].sum()) / (weights.sum() + 1.0) for d in distances])


def scale_of(distances: np.ndarray) -> ConformalScale:
    return ConformalScale.of(distances, np.ones(len(distances)))


DISTANCES = arrays.arrays(
    np.float64, st.integers(1, 60), elements=st.floats(0.0, 1e6, allow_subnormal=False) | st.sampled_from([1.0, 2.0])
)


class TestScale:
    @given(DISTANCES)
    def test_it_falls_and_is_never_below_the_p_value(self, calibration: np.ndarray) -> None:
        scale = scale_of(calibration)
        assert (np.diff(scale.knots) > 0).all()
        assert (np.diff(scale.values) < 0).all()
        asked = np.sort(np.concatenate([calibration, calibration * 1.001, calibration + 0.5, [0.0, 1e9]]))
        found = scale(asked)
        assert (np.diff(found) <= 0).all()
        assert ((found > 0) & (found <= 1)).all()
        # A distance is asked about after it was brought to the scale's units, which rounds it.
        assert (found >= conformal(calibration, asked + 1e-9 * (1.0 + asked)) - 1e-9).all()

    def test_where_distances_differ_it_is_the_p_value_itself(self) -> None:
        calibration = np.random.default_rng(1).permutation(np.linspace(1.0, 2.0, 40))
        np.testing.assert_allclose(scale_of(calibration)(calibration), conformal(calibration, calibration), atol=1e-12)

    def test_among_many_it_is_above_by_the_fineness_at_most(self) -> None:
        calibration = np.random.default_rng(2).chisquare(30, 2_000)
        scale = scale_of(calibration)
        asked = np.quantile(calibration, np.linspace(0, 1, 999))
        found, exact = scale(asked), conformal(calibration, asked)
        assert len(scale.knots) < 300
        # One step of a neighbour at the low end, two in a hundred elsewhere, and what is one within the nearest.
        assert (found <= 1.025 * exact + 2.0 / 2_001 + 1e-3).all()

    def test_most_knots_are_where_decisions_are_made(self) -> None:
        scale = scale_of(np.random.default_rng(3).chisquare(30, 1_000))
        assert np.count_nonzero(scale.values <= 0.1) > 40
        assert np.count_nonzero(scale.values > 0.5) < 60

    @pytest.mark.parametrize("count", [3, 20, 200])
    def test_of_pictures_like_those_a_share_a_has_a_or_less(self, count: int) -> None:
        """Super-uniform on exchangeable distances: 4,000 draws, three standard errors."""
        random = np.random.default_rng(count)
        found = []
        for _ in range(200):
            scale = scale_of(random.lognormal(size=count))
            found.append(scale(random.lognormal(size=20)))
        # Draws that share a calibration are no independent witnesses: the error is that of the 200 shares.
        for a in (0.01, 0.05, 0.1, 0.2, 0.5, 0.9):
            shares = (np.array(found) <= a).mean(axis=1)
            assert shares.mean() <= a + 3.0 * shares.std() / np.sqrt(200)

    def test_pictures_of_one_source_count_as_one(self) -> None:
        calibration = np.array([1.0, 2.0, 3.0, 3.1, 3.2, 3.3])
        weights = np.array([1.0, 1.0, 0.25, 0.25, 0.25, 0.25])
        scale = ConformalScale.of(calibration, weights)
        np.testing.assert_allclose(scale(calibration), [1.0, 0.75, 0.5, 0.4375, 0.375, 0.3125])
        assert scale(np.array([9.0])) == pytest.approx(0.25)

    @pytest.mark.parametrize("value", [0.0, 1.0, 1e-12, 1e12])
    @pytest.mark.parametrize("count", [1, 2, 50])
    def test_all_as_far(self, value: float, count: int) -> None:
        scale = scale_of(np.full(count, value))
        assert scale(np.array([0.0, value])).tolist() == [1.0, 1.0]
        assert scale(np.array([value * 10 + 1.0])) == pytest.approx(1.0 / (count + 1.0))


class TestDistance:
    def test_it_is_mahalanobis_of_the_covariance_that_is_meant(self) -> None:
        random = np.random.default_rng(4)
        directions = np.linalg.qr(random.normal(size=(WIDTH, 5)))[0]
        distance = Distance(random.normal(size=WIDTH), directions, np.array([3.0, 2.0, 1.0, 0.7, 0.5]), 0.1)
        rest = np.eye(WIDTH) - directions @ directions.T
        covariance = directions @ np.diag(distance.variances) @ directions.T + distance.rest * rest
        asked = random.normal(size=(7, WIDTH))
        deviation = asked - distance.mean
        expected = np.einsum("ij,jk,ik->i", deviation, np.linalg.inv(covariance), deviation) / WIDTH
        np.testing.assert_allclose(distance.of(asked), expected)

    def test_contrast_is_nothing(self) -> None:
        features = np.random.default_rng(5).uniform(0.1, 1.0, (4, WIDTH))
        np.testing.assert_allclose(unit_length(features), unit_length(features * 3.0), atol=1e-5)

    def test_nothing_seen_has_a_length_too(self) -> None:
        assert np.linalg.norm(unit_length(np.zeros((1, WIDTH)))) == pytest.approx(1.0)


@pytest.fixture(scope="module")
def backbone() -> Backbone:
    return backbones.build("efficientnet_lite0")


@pytest.fixture(scope="module")
def squares() -> np.ndarray:
    """Thirty pictures as the graph takes them, smooth ones, and at the end a black one and a white one."""
    random = np.random.default_rng(6)
    coarse = random.integers(60, 200, (28, 7, 7, 3)).astype(np.uint8)
    smooth = coarse.repeat(32, axis=1).repeat(32, axis=2)
    flat = np.stack([np.full((224, 224, 3), value, np.uint8) for value in (0, 255)])
    return np.concatenate([smooth, flat])


@pytest.fixture(scope="module")
def features(backbone: Backbone, squares: np.ndarray) -> np.ndarray:
    session = open_session(feature_graph(backbone, (FEATURE,), "1").SerializeToString())
    return np.asarray(session.run(["features"], {"image": squares})[0])


def familiarity(features: np.ndarray, dimensions: int) -> Familiarity:
    """Fitted by hand on the first twenty pictures, and calibrated on them: what is tested is that it is computed."""
    units = unit_length(features[:20]).astype(np.float64)
    _, values, turned = np.linalg.svd(units - units.mean(axis=0))
    variances = values[:dimensions] ** 2 / 20
    rest = (values**2).sum() / 20 / WIDTH / 4
    distance = Distance(units.mean(axis=0), turned[:dimensions].T, np.maximum(variances, rest), rest)
    return Familiarity(FEATURE, distance, scale_of(distance.of(units)), 20, 20, 10)


def model_file(backbone: Backbone, familiar: Familiarity) -> ModelFile:
    card = ModelCard(
        name="familiar",
        task=Task((GROUP,)),
        preprocessing=Preprocessing(FitMode.STRETCH, backbone.input.size, backbone.input.fill),
        backbone={"name": backbone.name, "digest": backbone.digest},
        features=(FEATURE,),
        calibration=(CALIBRATION,),
        familiarity=familiar.to_json(),
    )
    head = Head(GROUP, np.zeros((2, WIDTH)), np.zeros(2), CALIBRATION)
    return seal(classifier_graph(backbone, (FEATURE,), [head], "1", familiarity=familiar), card)


@pytest.fixture(scope="module")
def familiar_file(backbone: Backbone, features: np.ndarray) -> ModelFile:
    return model_file(backbone, familiarity(features, 3))


class TestGraph:
    @pytest.mark.parametrize("dimensions", [0, 1, 3])
    def test_it_computes_what_numpy_does(
        self, backbone: Backbone, squares: np.ndarray, features: np.ndarray, dimensions: int
    ) -> None:
        familiar = familiarity(features, dimensions)
        model = Classifier(model_file(backbone, familiar), threads=1)
        found = [prediction.familiarity for prediction in model.predict_prepared(squares)]
        np.testing.assert_allclose(found, familiar.of(features), atol=1e-4)
        assert len(set(np.round(found[:20], 3))) > 10
        assert found[-1] == pytest.approx(1.0 / 21.0, abs=1e-6)

    def test_a_batch_equals_its_pictures(self, familiar_file: ModelFile, squares: np.ndarray) -> None:
        model = Classifier(familiar_file, threads=2)
        together = [prediction.familiarity for prediction in model.predict_prepared(squares)]
        alone = [model.predict(square).familiarity for square in squares]
        np.testing.assert_allclose(together, alone, atol=1e-5)
        assert [p.familiarity for p in model.predict_batch(list(squares))] == pytest.approx(alone, abs=1e-5)

    def test_the_network_gives_it_after_the_confidences(self, familiar_file: ModelFile, squares: np.ndarray) -> None:
        outputs = Classifier(familiar_file, threads=1).network(1).run(squares[:3])
        assert [values.shape for values in outputs] == [(3, 2), (3, 1)]

    def test_written_and_read_back(self, familiar_file: ModelFile, squares: np.ndarray, tmp_path: Path) -> None:
        write_model(tmp_path / "familiar.onnx", familiar_file)
        again = load(tmp_path / "familiar.onnx", threads=1)
        assert again.card.familiarity["pictures"] == 20
        assert again.predict(squares[0]) == Classifier(familiar_file, threads=1).predict(squares[0])

    def test_other_settings_leave_it(self, familiar_file: ModelFile, squares: np.ndarray) -> None:
        model = Classifier(familiar_file, threads=1)
        changed = model.with_settings({"cat": 0.9}, "unknown")
        assert changed.predict(squares[0]).familiarity == model.predict(squares[0]).familiarity

    def test_a_model_without(self, gear_model: Path, squares: np.ndarray) -> None:
        model = load(gear_model, threads=1)
        assert model.predict(squares[0]).familiarity is None
        assert len(model.network(1).run(squares[:1])) == 3

    def test_of_what_no_head_looks_at(self, backbone: Backbone, features: np.ndarray) -> None:
        head = Head(GROUP, np.zeros((2, 16)), np.zeros(2), CALIBRATION)
        with pytest.raises(NotAModelError, match=r"'stem\.all\.mean'"):
            classifier_graph(backbone, ("stage1.all.mean",), [head], "1", familiarity=familiarity(features, 1))


def _node(model: ModelProto, output: str) -> helper.NodeProto:
    return next(node for node in model.graph.node if output in node.output)


def _constant(name: str, value: np.ndarray) -> Change:
    def change(model: ModelProto) -> None:
        found = next(c for c in model.graph.initializer if c.name == name)
        found.CopyFrom(numpy_helper.from_array(np.asarray(value, np.float32), name))

    return change


def _lacking(model: ModelProto) -> None:
    kept = [output for output in model.graph.output if output.name != "familiarity"]
    del model.graph.output[:]
    model.graph.output.extend(kept)


def _two_columns(model: ModelProto) -> None:
    _constant("familiarity/steps", np.full((model_steps(model), 2), 0.01))(model)
    _constant("familiarity/last", np.zeros(2))(model)
    output = next(output for output in model.graph.output if output.name == "familiarity")
    output.type.tensor_type.shape.dim[1].dim_value = 2


def model_steps(model: ModelProto) -> int:
    return int(next(c for c in model.graph.initializer if c.name == "familiarity/steps").dims[0])


def _unclipped(model: ModelProto) -> None:
    last = _node(model, "familiarity")
    model.graph.node.remove(last)
    _node(model, "familiarity/sum").output[0] = "familiarity"


def _clipped_by_what_it_computes(model: ModelProto) -> None:
    _node(model, "familiarity").input[2] = "familiarity/sum"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (_lacking, "lacks the output 'familiarity'"),
        (_two_columns, "outputs do not fit"),
        (_unclipped, "does not lie in 0..1"),
        (_clipped_by_what_it_computes, "does not lie in 0..1|not valid ONNX"),
        (_constant("familiarity/most", np.array(2.0)), "does not lie in 0..1"),
        (_constant("familiarity/least", np.array(-1.0)), "does not lie in 0..1"),
        (_constant("familiarity/mean", np.zeros(WIDTH + 1)), "not valid ONNX"),
    ],
)
def test_files_that_promise_what_they_do_not_hold(
    familiar_file: ModelFile, tmp_path: Path, change: Change, says: str
) -> None:
    model = ModelProto.FromString(familiar_file.graph)
    change(model)
    path = tmp_path / "hostile.onnx"
    path.write_bytes(seal(model, familiar_file.card).graph)
    with pytest.raises(NotAModelError, match=says) as caught:
        read_model(path)
    assert caught.value.hint


def test_a_file_that_holds_what_it_does_not_promise(familiar_file: ModelFile, tmp_path: Path) -> None:
    silent = seal(ModelProto.FromString(familiar_file.graph), replace(familiar_file.card, familiarity={}))
    (tmp_path / "silent.onnx").write_bytes(silent.graph)
    with pytest.raises(NotAModelError, match="does not say how it came about"):
        read_model(tmp_path / "silent.onnx")


def test_what_is_no_number_is_an_error_when_it_runs(familiar_file: ModelFile, squares: np.ndarray) -> None:
    model = ModelProto.FromString(familiar_file.graph)
    _constant("familiarity/mean", np.full(WIDTH, np.nan))(model)
    with pytest.raises(ModelError, match="familiarity that are no numbers"):
        Classifier(seal(model, familiar_file.card), threads=1).predict(squares[0])


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({}, "none: the model does not tell what is unfamiliar to it"),
        ({"pictures": 40, "sources": 40, "least": 1 / 41}, "calibrated on 40 pictures, out of fold; .* is 0.024$"),
        ({"pictures": 40, "sources": 9, "least": 0.1}, "calibrated on 40 pictures of 9 sources, .* is 0.1$"),
        ({"method": "another"}, "does not say on what"),
        ({"pictures": "x", "sources": None, "least": []}, "does not say on what"),
        ({"pictures": 1e999, "sources": 1, "least": 1}, "does not say on what"),
    ],
)
def test_what_is_told_of_it(said: dict[str, object], told: str) -> None:
    assert re.search(told, calibrated_on(said))

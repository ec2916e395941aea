"""Features and confidences in the graph are what NumPy makes of the same taps."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest
from onnx import ModelProto, TensorProto, helper, numpy_helper

from decisight.compute import open_session
from decisight.errors import NotAModelError
from decisight.models.backbones import Backbone, backbones
from decisight.models.card import Calibration
from decisight.models.graph import OPSET, GraphBuilder
from decisight.models.heads import (
    MEAN,
    POOLINGS,
    REGIONS,
    Head,
    classifier_graph,
    deepest_tap,
    feature_graph,
    feature_widths,
)
from decisight.models.model_file import output_name
from decisight.types import LabelGroup

# Two taps with an even height of maps, one with an odd one, so that halves meet and overlap.
TAPS = ("stem", "stage2", "stage6")
FEATURES = tuple(f"{tap}.{region}.{pooling}" for tap in TAPS for region in REGIONS for pooling in POOLINGS)
HELMET = LabelGroup("helmet", ("worn", "missing"))
VEST = LabelGroup("vest", ("orange", "yellow", "none"))
EXTRAS = LabelGroup("extras", ("gloves", "goggles", "mask", "harness"), "independent")


class Seen(NamedTuple):
    backbone: Backbone
    images: np.ndarray
    maps: dict[str, np.ndarray]


@pytest.fixture(scope="module")
def seen() -> Seen:
    """Three images of smooth noise, and what each tap of the backbone makes of them."""
    backbone = backbones.build("efficientnet_lite0")
    size = backbone.input.size
    coarse = np.random.default_rng(3).integers(0, 256, (3, 14, 14, 3), np.uint8)
    images = coarse.repeat(size // 14, axis=1).repeat(size // 14, axis=2)
    graph = GraphBuilder()
    spec = backbone.input
    planes = (
        (images.transpose(0, 3, 1, 2) - np.reshape(spec.mean, (3, 1, 1))) / np.reshape(spec.std, (3, 1, 1))
    ).astype(np.float32)
    taps = backbone.add_to(graph, "planes", TAPS[-1])
    model = helper.make_model(
        helper.make_graph(
            graph.nodes,
            "taps",
            [helper.make_tensor_value_info("planes", TensorProto.FLOAT, ["N", 3, size, size])],
            [helper.make_tensor_value_info(taps[tap], TensorProto.FLOAT, None) for tap in TAPS],
            list(graph.initializers.values()),
        ),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=8,
    )
    maps = open_session(model.SerializeToString()).run([taps[tap] for tap in TAPS], {"planes": planes})
    return Seen(backbone, images, dict(zip(TAPS, maps, strict=True)))


def run(model: ModelProto, images: np.ndarray) -> dict[str, np.ndarray]:
    session = open_session(model.SerializeToString())
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, {"image": images}), strict=True))


def pooled(maps: np.ndarray, region: str, pooling: str) -> np.ndarray:
    """The definition: overlapping halves of the height, each at least half of it."""
    side = maps.shape[2]
    half = -(-side // 2)
    start = {"all": 0, "top": 0, "middle": side // 4, "bottom": side - half}[region]
    part = maps[:, :, start : start + (side if region == "all" else half)].astype(np.float64)
    return part.mean(axis=(2, 3)) if pooling == "mean" else part.max(axis=(2, 3))


def reference(seen: Seen, features: tuple[str, ...]) -> np.ndarray:
    parts = [(seen.maps[tap], region, pooling) for tap, region, pooling in (name.split(".") for name in features)]
    return np.hstack([pooled(*part) for part in parts])


def softmax(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


class TestFeatures:
    def test_every_pooling_of_every_region(self, seen: Seen) -> None:
        found = run(feature_graph(seen.backbone, FEATURES, "1"), seen.images)["features"]
        expected = reference(seen, FEATURES)
        assert found.dtype == np.float32
        assert found.shape == expected.shape == (3, sum(feature_widths(seen.backbone, FEATURES)))
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)

    def test_regions_together_see_everything(self, seen: Seen) -> None:
        names = tuple(f"stem.{region}.{pooling}" for region in ("all", "top", "bottom") for pooling in POOLINGS)
        values = run(feature_graph(seen.backbone, names, "1"), seen.images)["features"]
        of = dict(zip(names, np.split(values, len(names), axis=1), strict=True))
        # 112 rows: the halves meet and do not overlap.
        np.testing.assert_allclose(
            of["stem.all.mean"], (of["stem.top.mean"] + of["stem.bottom.mean"]) / 2, rtol=1e-4, atol=1e-5
        )
        np.testing.assert_array_equal(of["stem.all.max"], np.maximum(of["stem.top.max"], of["stem.bottom.max"]))

    def test_features_come_in_the_order_that_they_are_named_in(self, seen: Seen) -> None:
        names = ("stage2.top.max", "stem.all.mean", "stage2.all.mean")
        found = run(feature_graph(seen.backbone, names, "1"), seen.images)["features"]
        np.testing.assert_allclose(found, reference(seen, names), rtol=1e-4, atol=1e-5)

    def test_widths_are_those_of_the_taps(self, seen: Seen) -> None:
        assert feature_widths(seen.backbone, ("stem.all.mean", "stage6.top.max")) == [32, 192]

    @pytest.mark.parametrize(
        ("features", "deepest"),
        [(("stem.all.mean",), "stem"), (("stage3.all.mean", "stem.all.max"), "stage3"), (("head.all.mean",), "head")],
    )
    def test_the_deepest_tap(self, seen: Seen, features: tuple[str, ...], deepest: str) -> None:
        assert deepest_tap(seen.backbone, features) == deepest
        assert deepest_tap(seen.backbone, features[::-1]) == deepest

    @pytest.mark.parametrize(
        "features",
        [
            (),
            ("stage9.all.mean",),
            ("stem.left.mean",),
            ("stem.all.median",),
            ("stem.all",),
            ("stem",),
            ("",),
            ("stem.all.mean.more",),
            ("stem.all.mean", "stem.all"),
        ],
    )
    def test_what_the_backbone_does_not_have(self, seen: Seen, features: tuple[str, ...]) -> None:
        head = Head(HELMET, np.zeros((2, 32)), np.zeros(2), Calibration(1.0, (0.0, 0.0)))
        with pytest.raises(NotAModelError):
            feature_widths(seen.backbone, features)
        with pytest.raises(NotAModelError):
            feature_graph(seen.backbone, features, "1")
        with pytest.raises(NotAModelError):
            classifier_graph(seen.backbone, features, [head], "1")


@pytest.fixture(scope="module")
def heads(seen: Seen) -> list[Head]:
    """One head a group, with logits of a few units and calibrations that change them."""
    random = np.random.default_rng(11)
    x = reference(seen, FEATURES)
    calibrations = [
        Calibration(1.0, (0.0, 0.0)),
        Calibration(2.5, (0.4, -0.7, 0.1)),
        Calibration(0.6, (0.2, -0.3, 0.0, 1.1)),
    ]
    made = []
    for group, calibration in zip((HELMET, VEST, EXTRAS), calibrations, strict=True):
        weight = random.normal(size=(len(group.labels), x.shape[1]))
        weight *= 2.0 / (x @ weight.T).std()
        made.append(Head(group, weight, -(x @ weight.T).mean(axis=0), calibration))
    return made


class TestConfidences:
    def test_of_several_groups(self, seen: Seen, heads: list[Head]) -> None:
        found = run(classifier_graph(seen.backbone, FEATURES, heads, "1"), seen.images)
        assert list(found) == ["confidence/helmet", "confidence/vest", "confidence/extras"]
        for head in heads:
            logits = reference(seen, FEATURES) @ head.weight.T + head.bias
            logits = logits / head.calibration.temperature + np.array(head.calibration.bias)
            expected = softmax(logits) if head.group.exclusive else 1.0 / (1.0 + np.exp(-logits))
            confidences = found[output_name(head.group.name)]
            assert confidences.shape == (3, len(head.group.labels))
            assert confidences.std() > 0.05
            np.testing.assert_allclose(confidences, expected, atol=2e-5)

    def test_only_an_exclusive_group_adds_up_to_one(self, seen: Seen, heads: list[Head]) -> None:
        found = run(classifier_graph(seen.backbone, FEATURES, heads, "1"), seen.images)
        np.testing.assert_allclose(found["confidence/vest"].sum(axis=1), 1.0, atol=1e-6)
        assert not np.allclose(found["confidence/extras"].sum(axis=1), 1.0, atol=0.05)

    def test_a_group_is_not_changed_by_its_neighbours(self, seen: Seen, heads: list[Head]) -> None:
        together = run(classifier_graph(seen.backbone, FEATURES, heads, "1"), seen.images)
        for head in heads:
            alone = run(classifier_graph(seen.backbone, FEATURES, [head], "1"), seen.images)
            name = output_name(head.group.name)
            np.testing.assert_allclose(alone[name], together[name], atol=1e-6)

    def test_standardised_features_folded_into_the_weights(self, seen: Seen) -> None:
        """A head is fitted on (x - mean) / spread and applied to x; what single precision loses in that is little."""
        x, random = reference(seen, FEATURES), np.random.default_rng(5)
        mean, spread = x.mean(axis=0), np.sqrt(x.var(axis=0) + 1e-4)
        weight, bias = random.normal(size=(3, x.shape[1])) / np.sqrt(x.shape[1]), random.normal(size=3)
        folded = Head(VEST, weight / spread, bias - weight @ (mean / spread), Calibration(1.0, (0.0,) * 3))
        found = run(classifier_graph(seen.backbone, FEATURES, [folded], "1"), seen.images)["confidence/vest"]
        expected = softmax(((x - mean) / spread) @ weight.T + bias)
        np.testing.assert_allclose(found, expected, atol=5e-4)

    def test_centred_features(self, seen: Seen) -> None:
        """What a head sees is the feature less its mean: the bias is the logit of an average picture."""
        x, random = reference(seen, FEATURES), np.random.default_rng(6)
        mean = x.mean(axis=0)
        head = Head(VEST, random.normal(size=(3, x.shape[1])) / np.sqrt(x.shape[1]), random.normal(size=3), _plain(3))
        model = classifier_graph(seen.backbone, FEATURES, [head], "1", mean=mean)
        constants = {c.name: numpy_helper.to_array(c) for c in model.graph.initializer}
        np.testing.assert_array_equal(constants[MEAN], mean.astype(np.float32))
        found = run(model, seen.images)["confidence/vest"]
        np.testing.assert_allclose(found, softmax((x - mean) @ head.weight.T + head.bias), atol=2e-5)

    def test_without_a_mean_features_are_taken_as_they_are(self, seen: Seen, heads: list[Head]) -> None:
        model = classifier_graph(seen.backbone, FEATURES, heads, "1")
        assert MEAN not in {c.name for c in model.graph.initializer}

    @pytest.mark.parametrize("name", ["Größe", "a/b", "scale", "weight", "helmet worn?", "x" * 200, "图", "features"])
    def test_groups_may_be_called_anything(self, seen: Seen, name: str) -> None:
        groups = [LabelGroup(name, ("a", "b")), LabelGroup(f"{name}/weight", ("a", "b", "c"))]
        made = [
            Head(group, np.zeros((len(group.labels), 32)), np.arange(len(group.labels)), _neutral(group))
            for group in groups
        ]
        found = run(classifier_graph(seen.backbone, ("stem.all.mean",), made, "1"), seen.images[:1])
        for group in groups:
            expected = softmax(np.arange(len(group.labels))[None].astype(float))
            np.testing.assert_allclose(found[output_name(group.name)], expected, atol=1e-6)

    def test_extreme_logits_stay_probabilities(self, seen: Seen) -> None:
        made = [
            Head(group, np.zeros((len(group.labels), 32)), 5e4 * np.arange(-1, len(group.labels) - 1), _neutral(group))
            for group in (VEST, EXTRAS)
        ]
        found = run(classifier_graph(seen.backbone, ("stem.all.mean",), made, "1"), seen.images[:1])
        np.testing.assert_array_equal(found["confidence/vest"], [[0, 0, 1]])
        np.testing.assert_allclose(found["confidence/extras"], [[0, 0.5, 1, 1]], atol=1e-6)


def _neutral(group: LabelGroup) -> Calibration:
    return _plain(len(group.labels))


def _plain(labels: int) -> Calibration:
    return Calibration(1.0, (0.0,) * labels)

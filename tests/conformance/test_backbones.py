"""Every registered backbone does what a backbone promises, and knows what it is known to know.

A backbone whose pictures are normalised or padded in another way than it was trained with still answers, only worse: a
few points of accuracy are lost and nothing complains. So each is held to known predictions on real photos, and to
numbers in ``tests/golden/backbones.json``; and these tests are themselves tested, by giving them backbones that are
wrong in just those ways.

To add a backbone, run this: the failing test of the numbers says what to put into that file, once the predictions are
found to be right.
"""

from __future__ import annotations

import csv
import importlib.util
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import ModelProto, numpy_helper
from PIL import Image

from decisight import imaging
from decisight.compute import open_session
from decisight.models.backbones import Backbone, backbones, efficientnet_lite
from decisight.models.classifier import Classifier, load
from decisight.models.graph import GraphBuilder
from decisight.models.heads import feature_graph, feature_widths
from decisight.models.imagenet import imagenet_model
from decisight.types import FitMode, Prediction

GOLDEN = Path(__file__).resolve().parents[1] / "golden/backbones.json"
SHARED = Path(os.environ.get("DECISIGHT_SHARED_DATA") or Path(__file__).resolve().parents[3] / "shared" / "data")
SAMPLE = SHARED / "imagenet_sample"

LOGIT_TOLERANCE = 0.02
"""Processors and versions of the libraries add up and round in different orders; the mistakes below move a logit
by 0.17 and more, and bicubic resizing in the place of averaging by 0.25."""

BATCH_TOLERANCE = 1e-5
"""A batch of N equals N singles, and two threads equal one, within this, in confidence. On the processors that it was
tried on they were equal to the last bit; other kernels may add up in another order."""

# Photos that ship inside a dependency, and the ImageNet classes (any of them) that their best answers must hold.
KNOWN: list[tuple[str, set[int], int]] = [
    ("skimage/data/chelsea.png", {281, 282, 285}, 1),  # a cat: tabby, tiger, Egyptian
    ("skimage/data/coffee.png", {967}, 1),  # espresso
    ("skimage/data/rocket.jpg", {657, 744}, 5),  # missile, projectile
    ("skimage/data/camera.png", {872}, 1),  # tripod
    ("skimage/data/motorcycle_left.png", {665, 670}, 1),  # moped, motor scooter
    ("skimage/data/motorcycle_right.png", {665, 670}, 1),
    ("skimage/data/clock_motion.png", {892}, 5),  # wall clock, in a blurred picture
    ("sklearn/datasets/images/china.jpg", {698}, 5),  # palace
    ("matplotlib/mpl-data/sample_data/grace_hopper.jpg", {652}, 5),  # military uniform
]

every_backbone = pytest.mark.parametrize("name", backbones.names())


def photo(name: str) -> Path:
    package, _, rest = name.partition("/")
    spec = importlib.util.find_spec(package)
    assert spec is not None, f"{package} is not installed"
    assert spec.origin is not None
    return Path(spec.origin).parent / rest


def fitted(backbone: Backbone, names: Sequence[str]) -> np.ndarray:
    spec = backbone.input
    return np.stack([imaging.fit(imaging.read_image(photo(n)), spec.size, FitMode.CROP, spec.fill) for n in names])


def means(backbone: Backbone) -> tuple[str, ...]:
    return tuple(f"{tap.name}.all.mean" for tap in backbone.taps)


def features(graph: ModelProto, images: np.ndarray) -> np.ndarray:
    (values,) = open_session(graph.SerializeToString(), threads=2).run(["features"], {"image": images})
    return np.asarray(values, np.float64)


@pytest.fixture(scope="module")
def classifiers() -> dict[str, Classifier]:
    return {name: load(f"imagenet:{name}", threads=2) for name in backbones.names()}


class TestPromises:
    @every_backbone
    def test_its_name(self, name: str) -> None:
        assert backbones.build(name).name == name

    @every_backbone
    def test_input(self, name: str) -> None:
        spec = backbones.build(name).input
        assert 32 <= spec.size <= 1024
        assert all(0.0 <= mean <= 255.0 for mean in spec.mean)
        assert all(1.0 <= std <= 255.0 for std in spec.std)
        assert spec.fill == tuple(round(mean) for mean in spec.mean)

    @every_backbone
    def test_taps_go_from_shallow_to_deep(self, name: str) -> None:
        backbone = backbones.build(name)
        taps = backbone.taps
        assert len({tap.name for tap in taps}) == len(taps) >= 3
        assert all("." not in tap.name and tap.channels > 0 for tap in taps)
        sides = [tap.side for tap in taps]
        assert sides == sorted(sides, reverse=True)
        assert backbone.input.size > sides[0] > sides[-1] >= 1

    @every_backbone
    def test_taps_are_of_the_promised_shape(self, name: str) -> None:
        backbone = backbones.build(name)
        size = backbone.input.size
        images = np.random.default_rng(0).integers(0, 256, (2, size, size, 3), np.uint8)
        for tap in backbone.taps:
            graph = feature_graph(backbone, (f"{tap.name}.all.mean",), "1")
            values = features(graph, images)
            assert values.shape == (2, tap.channels)
            assert np.isfinite(values).all()
            # Two pictures do not look alike from here.
            assert np.abs(values[0] - values[1]).max() > 1e-3
            pool = next(node for node in graph.graph.node if node.op_type == "GlobalAveragePool")
            assert _shape(graph, pool.input[0]) == [tap.channels, tap.side, tap.side]

    @every_backbone
    def test_nothing_is_computed_that_is_not_asked_for(self, name: str) -> None:
        backbone = backbones.build(name)
        shallower: set[str] = set()
        for tap in backbone.taps:
            graph = feature_graph(backbone, (f"{tap.name}.all.mean",), "1").graph
            assert _needed(graph) == {node.name for node in graph.node}
            assert {c.name for c in graph.initializer} <= {used for node in graph.node for used in node.input}
            layers = {node.name for node in graph.node if node.op_type == "Conv"}
            assert layers > shallower
            shallower = layers

    @every_backbone
    def test_a_deeper_tap_leaves_the_shallow_ones_as_they_are(self, name: str) -> None:
        backbone = backbones.build(name)
        size = backbone.input.size
        images = np.random.default_rng(1).integers(0, 256, (1, size, size, 3), np.uint8)
        first = means(backbone)[:1]
        alone = features(feature_graph(backbone, first, "1"), images)
        together = features(feature_graph(backbone, means(backbone), "1"), images)
        np.testing.assert_allclose(together[:, : alone.shape[1]], alone, atol=1e-5)

    @every_backbone
    def test_maps_are_found_by_their_names_in_any_graph(self, name: str) -> None:
        backbone = backbones.build(name)
        wanted = [tap.name for tap in backbone.taps]
        whole = backbone.add_to(GraphBuilder(), "image/normalised", wanted[-1])
        assert list(whole) == wanted
        assert len(set(whole.values())) == len(wanted)
        for number, deepest in enumerate(wanted, 1):
            graph = GraphBuilder()
            found = backbone.add_to(graph, "image/normalised", deepest)
            assert found == {tap: whole[tap] for tap in wanted[:number]}
            assert set(found.values()) <= {made for node in graph.nodes for made in node.output}

    @every_backbone
    def test_its_weights_are_those_that_were_published(self, name: str) -> None:
        backbone = backbones.build(name)
        assert backbone.published_digest in (None, backbone.digest)

    @every_backbone
    def test_its_classifier(self, name: str) -> None:
        backbone = backbones.build(name)
        weight, bias = backbone.classifier()
        assert weight.shape == (1000, backbone.taps[-1].channels)
        assert bias.shape == (1000,)
        assert np.isfinite(weight).all()
        assert np.isfinite(bias).all()

    @every_backbone
    def test_making_it_twice_gives_the_same(self, name: str) -> None:
        one, other = backbones.build(name), backbones.build(name)
        assert one.digest == other.digest
        graphs = [feature_graph(b, means(b), "1").SerializeToString(deterministic=True) for b in (one, other)]
        assert graphs[0] == graphs[1]


def _shape(model: ModelProto, name: str) -> list[int]:
    from onnx import shape_inference

    values = {v.name: v for v in shape_inference.infer_shapes(model).graph.value_info}
    return [dimension.dim_value for dimension in values[name].type.tensor_type.shape.dim[1:]]


def _needed(graph: Any) -> set[str]:
    """Names of the nodes that an output depends on."""
    maker = {made: node for node in graph.node for made in node.output}
    found, waiting = set(), [output.name for output in graph.output]
    while waiting:
        node = maker.get(waiting.pop())
        if node is not None and node.name not in found:
            found.add(node.name)
            waiting.extend(node.input)
    return found


class TestKnownPredictions:
    @every_backbone
    @pytest.mark.parametrize(("file", "classes", "best"), KNOWN, ids=[Path(file).stem for file, _, _ in KNOWN])
    def test_photos_of_dependencies(
        self, classifiers: dict[str, Classifier], name: str, file: str, classes: set[int], best: int
    ) -> None:
        prediction = classifiers[name].predict(photo(file))
        assert classes & set(_ranked(prediction)[:best]), prediction.results()[:5]

    @every_backbone
    @pytest.mark.shared
    def test_two_hundred_photos(self, classifiers: dict[str, Classifier], name: str) -> None:
        paths, classes = _sample()
        found = classifiers[name].predict_batch(paths)
        best = [_ranked(prediction)[:5] for prediction in found]
        assert np.mean([c == ranked[0] for c, ranked in zip(classes, best, strict=True)]) >= 0.88
        assert np.mean([c in ranked for c, ranked in zip(classes, best, strict=True)]) >= 0.95


def _ranked(prediction: Prediction) -> list[int]:
    """Class indices, the most confident first."""
    return [int(i) for i in np.argsort(prediction.confidences[0])[::-1]]


def _sample() -> tuple[list[Path], list[int]]:
    if not SAMPLE.is_dir():
        pytest.skip("the ImageNet sample is not there")
    with (SAMPLE / "labels.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return [SAMPLE / row["file_name"] for row in rows], [int(row["class_index"]) for row in rows]


class TestAgreement:
    FILES = tuple(file for file, _, _ in KNOWN[:8])

    @every_backbone
    def test_a_batch_equals_singles(self, classifiers: dict[str, Classifier], name: str) -> None:
        session = open_session(imagenet_model(name).graph, threads=1)
        images = fitted(backbones.build(name), self.FILES)
        (together,) = session.run(None, {"image": images})
        alone = np.vstack([session.run(None, {"image": image[None]})[0] for image in images])
        assert np.abs(together - alone).max() <= BATCH_TOLERANCE

    @every_backbone
    def test_two_threads_equal_one(self, name: str) -> None:
        graph, images = imagenet_model(name).graph, fitted(backbones.build(name), self.FILES)
        one, two = (open_session(graph, threads=n).run(None, {"image": images})[0] for n in (1, 2))
        assert np.abs(one - two).max() <= BATCH_TOLERANCE


# Numbers that any change of what a backbone computes would move.


def numbers(backbone: Backbone, graph: ModelProto | None = None) -> dict[str, Any]:
    """What a backbone says of three photos: logits of its five best classes, and of one photo the mean of every tap."""
    names = ["skimage/data/chelsea.png", "skimage/data/coffee.png", "sklearn/datasets/images/china.jpg"]
    values = features(graph or feature_graph(backbone, means(backbone), "1"), fitted(backbone, names))
    ends = np.cumsum(feature_widths(backbone, means(backbone)))
    weight, bias = backbone.classifier()
    logits = values[:, ends[-2] :] @ weight.T.astype(np.float64) + bias
    stored = _golden().get(backbone.name, {}).get("logits", {})
    found = {}
    for name, row in zip(names, logits, strict=True):
        # The classes that were the best when the numbers were taken, so that a wrong backbone is asked about the same.
        classes = list(stored.get(name, {})) or [str(i) for i in np.argsort(row)[::-1][:5]]
        found[name] = {c: round(float(row[int(c)]), 4) for c in classes}
    parts = np.split(values[0], ends[:-1])
    taps = {tap.name: round(float(part.mean()), 5) for tap, part in zip(backbone.taps, parts, strict=True)}
    return {"digest": backbone.digest, "logits": found, "taps": taps}


def _golden() -> dict[str, Any]:
    golden: dict[str, Any] = json.loads(GOLDEN.read_text("utf-8"))
    return golden


def furthest(found: dict[str, Any], golden: dict[str, Any]) -> float:
    """The largest difference of any logit."""
    return max(abs(found["logits"][n][c] - v) for n, row in golden["logits"].items() for c, v in row.items())


@every_backbone
def test_the_numbers_of_a_backbone(name: str) -> None:
    found, golden = numbers(backbones.build(name)), _golden().get(name)
    assert golden is not None, f"put into {GOLDEN.name}, once they are right: {json.dumps({name: found})}"
    assert found["digest"] == golden["digest"]
    # From the shallowest on, so that the first that is told is where it went wrong.
    for tap, mean in golden["taps"].items():
        assert found["taps"][tap] == pytest.approx(mean, rel=5e-3, abs=1e-3), tap
    assert furthest(found, golden) <= LOGIT_TOLERANCE


Change = Callable[[ModelProto, Backbone], None]


def _constant(model: ModelProto, name: str, value: Sequence[float]) -> None:
    constant = next(c for c in model.graph.initializer if c.name == name)
    constant.CopyFrom(numpy_helper.from_array(np.array(value, np.float32).reshape(1, 3, 1, 1), name))


def normalised(mean: Sequence[float], std: Sequence[float]) -> Change:
    def change(model: ModelProto, _: Backbone) -> None:
        _constant(model, "image/mean", mean)
        _constant(model, "image/scale", [1.0 / s for s in std])

    return change


def padded_alike(model: ModelProto, _: Backbone) -> None:
    """As PyTorch pads: as much before as after."""
    for node in model.graph.node:
        for attribute in node.attribute:
            if attribute.name == "pads" and attribute.ints[0] != attribute.ints[2]:
                attribute.ints[:] = [max(attribute.ints)] * 4


def blue_first(model: ModelProto, backbone: Backbone) -> None:
    stem = next(node for node in model.graph.node if node.op_type == "Conv")
    constant = next(c for c in model.graph.initializer if c.name == stem.input[1])
    constant.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(constant)[:, ::-1].copy(), constant.name))


def turned(model: ModelProto, _: Backbone) -> None:
    """Rows taken for columns."""
    transpose = next(node for node in model.graph.node if node.op_type == "Transpose")
    transpose.attribute[0].ints[:] = [0, 3, 2, 1]


def without_limit(model: ModelProto, _: Backbone) -> None:
    """ReLU in the place of ReLU6."""
    limit = next(c for c in model.graph.initializer if c.name == "relu6/high")
    limit.CopyFrom(numpy_helper.from_array(np.array(1e6, np.float32), limit.name))


MISTAKES: dict[str, Change] = {
    "the mean and deviation of ImageNet": normalised((123.675, 116.28, 103.53), (58.395, 57.12, 57.375)),
    "0 to 1": normalised((0, 0, 0), (255, 255, 255)),
    "0 to 255": normalised((0, 0, 0), (1, 1, 1)),
    "half the deviation": normalised((127, 127, 127), (64, 64, 64)),
    "a darker mean": normalised((117, 117, 117), (128, 128, 128)),
    "padding on both sides": padded_alike,
    "blue first": blue_first,
    "rows for columns": turned,
    "no limit": without_limit,
}


@pytest.mark.parametrize("mistake", list(MISTAKES))
def test_the_numbers_catch(mistake: str) -> None:
    backbone = backbones.build("efficientnet_lite0")
    graph = feature_graph(backbone, means(backbone), "1")
    MISTAKES[mistake](graph, backbone)
    assert furthest(numbers(backbone, graph), _golden()[backbone.name]) > 5 * LOGIT_TOLERANCE


def test_the_numbers_catch_another_epsilon(monkeypatch: pytest.MonkeyPatch) -> None:
    """PyTorch's own, in the place of TensorFlow's: folded into the weights, nobody sees it."""
    monkeypatch.setattr(efficientnet_lite, "_EPSILON", 1e-5)
    backbone = backbones.build("efficientnet_lite0")
    assert furthest(numbers(backbone), _golden()[backbone.name]) > 5 * LOGIT_TOLERANCE


def test_the_numbers_catch_another_way_of_resizing(monkeypatch: pytest.MonkeyPatch) -> None:
    def bicubic(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
        return np.array(Image.fromarray(image).resize(size, Image.Resampling.BICUBIC))

    monkeypatch.setattr("decisight.imaging.fitting.resize", bicubic)
    backbone = backbones.build("efficientnet_lite0")
    assert furthest(numbers(backbone), _golden()[backbone.name]) > 5 * LOGIT_TOLERANCE


@pytest.mark.shared
@pytest.mark.parametrize(
    ("mistake", "points"), [("the mean and deviation of ImageNet", 5), ("padding on both sides", 3)]
)
def test_two_hundred_photos_catch(classifiers: dict[str, Classifier], mistake: str, points: int) -> None:
    """What is said in docs/architecture.md of wrong normalisation and padding: they cost accuracy, and nothing else."""
    paths, classes = _sample()
    model = classifiers["efficientnet_lite0"]
    graph = ModelProto.FromString(model.file.graph)
    MISTAKES[mistake](graph, backbones.build("efficientnet_lite0"))
    session, right = open_session(graph.SerializeToString(), threads=2), 0
    for start in range(0, len(paths), 8):
        images = np.stack([model.prepare(path) for path in paths[start : start + 8]])
        (confidences,) = session.run(None, {"image": images})
        right += int((confidences.argmax(axis=1) == classes[start : start + 8]).sum())
    assert right / len(paths) < 0.89 - points / 100

"""An explanation adds up to what the model says, and lies where in the picture it came from."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import numpy.typing as npt
import pytest
from onnx import ModelProto, TensorProto, helper, numpy_helper
from onnxruntime import InferenceSession

from decisight.compute import open_session
from decisight.errors import ImageError, LabelError, ModelError, UsageError
from decisight.explaining.explainer import Explainer
from decisight.explaining.explanation import Explanation
from decisight.models.backbones import backbones
from decisight.models.card import Calibration, ModelCard, Preprocessing
from decisight.models.classifier import Classifier, Part, load
from decisight.models.heads import POOLINGS, REGIONS, Head, classifier_graph, feature_graph, feature_widths
from decisight.models.model_file import seal
from decisight.regions import Region
from decisight.types import FitMode, LabelGroup, Task

TAPS = ("stem", "stage2", "stage5")
FEATURES = tuple(f"{tap}.{region}.{pooling}" for tap in TAPS for region in REGIONS for pooling in POOLINGS)
GROUPS = (
    LabelGroup("helmet", ("worn", "missing")),
    LabelGroup("vest", ("orange", "yellow", "none")),
    LabelGroup("extras", ("gloves", "goggles", "mask"), "independent"),
)
GROUND = 20
LABELS = [f"{group.name}:{label}" for group in GROUPS for label in group.labels]


def random_model(features: tuple[str, ...], *, centred: bool, seed: int = 0) -> Classifier:
    """A model with heads of random weights on some features, calibrated by chance."""
    random = np.random.default_rng(seed)
    backbone = backbones.build("efficientnet_lite0")
    width = sum(feature_widths(backbone, features))
    heads = [
        Head(
            group,
            random.normal(size=(len(group.labels), width)) * 0.1 / np.sqrt(len(features)),
            random.normal(size=len(group.labels)),
            Calibration(random.uniform(0.5, 2.0), tuple(random.normal(size=len(group.labels)).tolist())),
        )
        for group in GROUPS
    ]
    mean = random.uniform(0.0, 1.0, width) if centred else None
    card = ModelCard(
        name="random",
        task=Task(GROUPS),
        preprocessing=Preprocessing(FitMode.LETTERBOX, backbone.input.size, backbone.input.fill),
        backbone={"name": backbone.name, "digest": backbone.digest},
        features=features,
        calibration=tuple(head.calibration for head in heads),
        thresholds={"gloves": 0.0, "goggles": 1.0, "mask": 1.0},
    )
    graph = classifier_graph(backbone, features, heads, "0", mean=mean)
    return Classifier(seal(graph, card), threads=2, runtime="onnxruntime:fp32")


@pytest.fixture(scope="module")
def model() -> Classifier:
    return random_model(FEATURES, centred=True)


@cache
def showing_logits(model: Classifier) -> InferenceSession:
    graph = ModelProto.FromString(model.file.graph)
    graph.graph.output.extend(
        helper.make_tensor_value_info(f"calibrated/{group.name}", TensorProto.FLOAT, None)
        for group in model.task.groups
    )
    return open_session(graph.SerializeToString())


def log_odds(model: Classifier, picture: npt.NDArray[np.uint8], group: str, label: str) -> float:
    """Of a confidence, by the logits that the graph itself puts into softmax and sigmoid."""
    (found,) = showing_logits(model).run([f"calibrated/{group}"], {"image": model.prepare(picture)[None]})
    logits = found[0].astype(np.float64)
    at = model.task.group(group).labels.index(label)
    if not model.task.group(group).exclusive:
        return float(logits[at])
    return float(logits[at] - np.logaddexp.reduce(np.delete(logits, at)))


def check_sums(found: Explanation, model: Classifier, picture: npt.NDArray[np.uint8]) -> None:
    near = {"rel": 1e-4, "abs": 1e-4}
    assert found.logit == pytest.approx(log_odds(model, picture, found.group, found.label), **near)
    said = model.predict(picture).confidence(f"{found.group}:{found.label}")
    assert found.confidence == pytest.approx(said, abs=1e-5)
    assert found.baseline + sum(found.by_tap.values()) == pytest.approx(found.logit, rel=1e-9)
    assert found.baseline + found.evidence.sum() == pytest.approx(found.logit, rel=1e-9, abs=1e-9)
    assert found.early_share + found.late_share == pytest.approx(1.0)


def test_evidence_adds_up_to_the_logit_of_every_label(model: Classifier, pictures: list[np.ndarray]) -> None:
    for picture in pictures[::5]:
        found = Explainer(model).explain(picture, LABELS)
        assert [f"{e.group}:{e.label}" for e in found] == LABELS
        for one in found:
            assert set(one.by_tap) == set(TAPS)
            check_sums(one, model, picture)
            height, width = picture.shape[:2]
            for size in ((width, height), (17, 31), (640, 480)):
                heat = one.heat(*size)
                assert heat.shape == size[::-1]
                assert heat.sum() + one.baseline == pytest.approx(one.logit, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize(
    "features", [("head.all.mean", "stage3.top.max"), ("stem.bottom.max",), ("stage1.middle.mean",)]
)
def test_so_it_does_without_a_mean_as_in_files_of_before(features: tuple[str, ...], pictures: list[np.ndarray]) -> None:
    model = random_model(features, centred=False, seed=len(features))
    for one in Explainer(model).explain(pictures[4], LABELS[1::2]):
        check_sums(one, model, pictures[4])


def test_so_it_does_for_the_classes_of_imagenet(pictures: list[np.ndarray]) -> None:
    model = load("imagenet:efficientnet_lite0", runtime="onnxruntime:fp32")
    said = model.predict(pictures[2])
    (found,) = Explainer(model).explain(pictures[2])
    assert found.label == said.top().label
    check_sums(found, model, pictures[2])
    assert (found.early_share, found.late_share) == (0.0, 1.0)


def test_by_default_what_is_said_is_explained(model: Classifier, pictures: list[np.ndarray]) -> None:
    said = model.predict(pictures[1])
    found = [(e.group, e.label) for e in Explainer(model).explain(pictures[1])]
    assert found == [("helmet", said.top("helmet").label), ("vest", said.top("vest").label), ("extras", "gloves")]


def test_it_is_the_same_every_time_and_in_a_stream(model: Classifier, pictures: list[np.ndarray]) -> None:
    asked = [(picture, LABELS[i % len(LABELS)]) for i, picture in enumerate(pictures[:5])]
    streamed = list(Explainer(model).explain_stream([*asked[:3], (b"no picture", LABELS[0]), *asked[3:]]))
    assert isinstance(streamed.pop(3), ImageError)
    again = Explainer(model)
    for (picture, label), one in zip(asked, streamed, strict=True):
        assert isinstance(one, Explanation)
        (alone,) = again.explain(picture, [label])
        assert (one.logit, one.by_tap) == (alone.logit, alone.by_tap)
        np.testing.assert_array_equal(one.evidence, alone.evidence)
        np.testing.assert_array_equal(one.overlay(picture), alone.overlay(picture))


def test_the_model_is_left_as_it_was(model: Classifier, pictures: list[np.ndarray]) -> None:
    before, said = model.file.graph, model.predict(pictures[0])
    Explainer(model).explain(pictures[0])
    assert model.file.graph == before
    assert model.predict(pictures[0]) == said


@cache
def bright(fit: FitMode) -> Classifier:
    """A model that takes what is brighter than :func:`blob`'s ground for a cat."""
    backbone = backbones.build("efficientnet_lite0")
    size, features = backbone.input.size, ("stem.all.mean",)
    session = open_session(feature_graph(backbone, features, "0").SerializeToString())
    squares = np.stack([np.full((size, size, 3), value, np.uint8) for value in (GROUND, 255)])
    dark, white = session.run(["features"], {"image": squares})[0].astype(np.float64)
    group = LabelGroup("class", ("cat", "dog"))
    weight = np.outer((10.0, -10.0), (white - dark) / np.sum((white - dark) ** 2))
    head = Head(group, weight, np.zeros(2), Calibration(1.0, (0.0, 0.0)))
    card = ModelCard(
        name="bright",
        task=Task((group,)),
        preprocessing=Preprocessing(fit, size, backbone.input.fill),
        backbone={"name": backbone.name, "digest": backbone.digest},
        features=features,
        calibration=(head.calibration,),
    )
    graph = classifier_graph(backbone, features, [head], "0", mean=dark)
    return Classifier(seal(graph, card), threads=1, runtime="onnxruntime:fp32")


def blob(shape: tuple[int, int], at: tuple[int, int], reach: int) -> npt.NDArray[np.uint8]:
    picture = np.full((*shape, 3), GROUND, np.uint8)
    picture[at[0] - reach : at[0] + reach, at[1] - reach : at[1] + reach] = 255
    return picture


@pytest.mark.parametrize("fit", list(FitMode))
@pytest.mark.parametrize("shape", [(120, 310), (330, 130)])
@pytest.mark.parametrize("corner", [(-1, -1), (-1, 1), (1, -1), (1, 1)])
@pytest.mark.parametrize("region", [None, Region.box("bay", 0.25, 0.2, 0.8, 0.9)])
def test_a_bright_spot_in_a_corner_is_found_there(
    fit: FitMode, shape: tuple[int, int], corner: tuple[int, int], region: Region | None
) -> None:
    left, top, right, bottom = (0, 0, shape[1], shape[0]) if region is None else region.bounds(shape[1], shape[0])
    short = min(right - left, bottom - top)
    seen = [0.7 * short, 0.7 * short] if fit is FitMode.CROP else [0.8 * (bottom - top), 0.8 * (right - left)]
    at = [
        (low + high) // 2 + round(side * share / 2)
        for low, high, side, share in zip((top, left), (bottom, right), corner, seen, strict=True)
    ]
    picture = blob(shape, (at[0], at[1]), short // 16)
    (found,) = Explainer(bright(fit)).explain(picture if region is None else Part(picture, region), ["cat"])
    heat = found.heat(shape[1], shape[0])
    y, x = np.unravel_index(heat.argmax(), heat.shape)
    assert abs(y - at[0]) <= short // 8
    assert abs(x - at[1]) <= short // 8
    vertical, horizontal = ("upper", "lower")[corner[0] > 0], ("left", "right")[corner[1] > 0]
    if fit is not FitMode.CROP:
        assert found.place() in (f"{vertical} {horizontal}", "all over")
    outside = heat.copy()
    outside[top:bottom, left:right] = 0.0
    assert not outside.any()
    coloured = found.overlay(picture).astype(int)
    assert coloured[y, x, 0] > coloured[y, x, 2] + 60  # orange


def test_a_part_of_a_part_lies_where_both_say() -> None:
    picture = blob((200, 300), (150, 240), 8)
    half = Part(picture, Region.box("half", 0.5, 0.0, 1.0, 1.0))
    part = Part(half, Region.box("low", 0.2, 0.5, 1.0, 1.0))
    (found,) = Explainer(bright(FitMode.STRETCH)).explain(part, ["cat"])
    assert found.geometry.part == (180, 100, 300, 200)
    heat = found.heat(300, 200)
    y, x = np.unravel_index(heat.argmax(), heat.shape)
    assert abs(y - 150) < 12
    assert abs(x - 240) < 12
    assert found.geometry.picture == (300, 200)


def test_what_speaks_against_is_blue_and_what_is_not_looked_at_is_left() -> None:
    picture = blob((100, 300), (50, 150), 12)
    (found,) = Explainer(bright(FitMode.CROP)).explain(picture, ["dog"])
    coloured = found.overlay(picture).astype(int)
    assert coloured[50, 150, 2] > coloured[50, 150, 0] + 60
    assert np.ptp(coloured[10, 10]) <= 2
    assert found.overlay(picture, scale=1e9)[50, 150].tolist() == [236, 236, 236]
    np.testing.assert_array_equal(picture, blob((100, 300), (50, 150), 12))


def test_a_large_picture_is_tinted_as_its_strips_are(monkeypatch: pytest.MonkeyPatch) -> None:
    picture = blob((210, 150), (60, 60), 20)
    (found,) = Explainer(bright(FitMode.STRETCH)).explain(picture, ["cat"])
    whole = found.overlay(picture)
    monkeypatch.setattr("decisight.explaining.explanation._STRIP", 150 * 7)
    np.testing.assert_array_equal(found.overlay(picture), whole)


def test_sentences_say_what_was_counted(model: Classifier, pictures: list[np.ndarray]) -> None:
    sums, places, depths = Explainer(model).explain(pictures[5], ["helmet:worn"])[0].sentences()[:3]
    assert sums.startswith("What is seen speaks ")
    assert places.startswith("For it: ")
    assert "; against it: " in places
    assert "% of what was counted is early (colour, texture, edges)" in depths
    (found,) = Explainer(bright(FitMode.LETTERBOX)).explain(blob((20, 300), (10, 150), 5), ["cat"])
    assert found.sentences()[2] == "Its heads look at early depths alone (colour, texture, edges)."
    answer = found.to_json()
    assert answer["by_depth"].keys() == {"stem"}
    assert np.shape(answer["grid"]) == (7, 7)
    assert np.sum(answer["grid"]) + answer["baseline"] == pytest.approx(answer["logit"], abs=1e-4)


def test_labels_and_confidences_are_those_of_the_runtime_in_use(model: Classifier, pictures: list[np.ndarray]) -> None:
    pytest.importorskip("openvino", reason="needs decisight[openvino]")
    try:
        rough = Classifier(model.file, threads=2, runtime="openvino:bf16")
    except UsageError as error:
        pytest.skip(f"this machine does not compute so: {error}")
    explainer = Explainer(rough)
    assert (explainer.runtime.name, explainer.runtime.precision) == ("onnxruntime", "fp32")
    for picture in pictures[::3]:
        said, exact = rough.predict(picture), model.predict(picture)
        for one in explainer.explain(picture):
            name = f"{one.group}:{one.label}"
            assert one.confidence == pytest.approx(said.confidence(name), abs=1e-9)
            assert one.evidence_confidence == pytest.approx(exact.confidence(name), abs=1e-5)
        tops = [said.top(group.name).label for group in GROUPS[:2]]
        assert [one.label for one in explainer.explain(picture)][:2] == tops
    swapped = replace(said, confidences=tuple(row[::-1] for row in said.confidences))
    (first, *_) = explainer.explain(picture, prediction=swapped)
    assert (first.label, first.confidence) == (swapped.top("helmet").label, swapped.top("helmet").confidence)


def test_labels_and_pictures_that_there_are_not_are_refused(model: Classifier, pictures: list[np.ndarray]) -> None:
    with pytest.raises(LabelError, match="no label 'hemlet'"):
        Explainer(model).explain(pictures[0], ["hemlet"])
    with pytest.raises(ImageError):
        Explainer(model).explain("nowhere.jpg")
    (found,) = Explainer(model).explain(pictures[0], ["worn"])
    for pixels in (np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3))):
        with pytest.raises(UsageError, match="expected uint8"):
            found.overlay(pixels)  # type: ignore[arg-type]
    for size in ((0, 5), (5, -1)):
        with pytest.raises(UsageError, match="cannot be drawn on"):
            found.heat(*size)
    for scale in (0.0, -1.0, float("nan")):
        with pytest.raises(UsageError, match="not above 0"):
            found.overlay(pictures[0], scale=scale)


def other(model: Classifier, change: str) -> Classifier:
    """The same model with something else in its graph that is allowed there."""
    graph = ModelProto.FromString(model.file.graph)
    nodes = {node.output[0]: node for node in graph.graph.node}
    constants = {constant.name: constant for constant in graph.graph.initializer}
    if change == "wired":
        nodes["calibrated/vest"].op_type = "Sub"
    elif change == "poisoned":
        weight = constants["head/vest/weight"]
        values = numpy_helper.to_array(weight).copy()
        values[:] = np.inf
        weight.CopyFrom(numpy_helper.from_array(values, weight.name))
    else:
        nodes["stem"].op_type, nodes["stem"].input[:] = "Sigmoid", nodes["stem"].input[:1]
        nodes["stem.top"].input[0] = "image/normalised"
    return Classifier(seal(graph, model.card), threads=1, runtime="onnxruntime:fp32")


@pytest.mark.parametrize(
    ("change", "says"), [("wired", "built in another way"), ("poisoned", "no number"), ("taps", "cannot be run")]
)
def test_a_model_that_is_built_otherwise_is_refused(model: Classifier, change: str, says: str) -> None:
    with pytest.raises(ModelError, match=says):
        Explainer(other(model, change)).explain(np.full((8, 8, 3), 99, np.uint8), ["worn"])

"""Heads: linear in pooled features, written into the graph behind the taps of a backbone.

A feature is named ``tap.region.pooling``: where in depth (``stage3``), which part of the map (``all``, ``top``,
``middle``, ``bottom``: overlapping halves of its height) and how it is pooled (``mean`` or ``max``). Because a head is
linear in them, what every position and depth adds to a logit can be told exactly. The maps themselves are in the
graph under the names that :meth:`~decisight.models.backbones.Backbone.add_to` gives, whatever the features are.

A head that was fitted looks at centred features: at what a picture has more or less of than those that were learnt
from have on average. So its bias is the logit of an average picture, and a feature that all pictures share adds
nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from decisight.errors import NotAModelError
from decisight.models.card import Calibration
from decisight.models.graph import GraphBuilder
from decisight.models.model_file import output_name
from decisight.types import LabelGroup

if TYPE_CHECKING:
    from onnx import ModelProto

    from decisight.models.backbones import Backbone
    from decisight.models.familiarity import Familiarity

__all__ = ["MEAN", "POOLINGS", "REGIONS", "Head", "classifier_graph", "deepest_tap", "feature_graph", "feature_widths"]

REGIONS = ("all", "top", "middle", "bottom")
"""Parts of a feature map: the whole, and three overlapping halves of its height."""

POOLINGS = ("mean", "max")

MEAN = "features/mean"
"""The graph's constant, where it has one, that is subtracted from the features: float32 (features,)."""


@dataclass(frozen=True, slots=True)
class Head:
    """A linear head of one group.

    Args:
        group: the label group.
        weight: float64 (labels, features), to be applied to features in the order of the model's feature list, less
            the mean that :func:`classifier_graph` is given.
        bias: float64 (labels,).
        calibration: what the logits go through before softmax or sigmoid.
    """

    group: LabelGroup
    weight: npt.NDArray[np.float64]
    bias: npt.NDArray[np.float64]
    calibration: Calibration


def feature_widths(backbone: Backbone, features: tuple[str, ...]) -> list[int]:
    """How many values each named feature has.

    Raises:
        NotAModelError: there is none, or a name is not ``tap.region.pooling`` of this backbone.
    """
    if not features:
        raise NotAModelError("a head needs at least one feature to look at")
    channels = {tap.name: tap.channels for tap in backbone.taps}
    widths = []
    for feature in features:
        tap, _, rest = feature.partition(".")
        region, _, pooling = rest.partition(".")
        if tap not in channels or region not in REGIONS or pooling not in POOLINGS:
            raise NotAModelError(f"the backbone {backbone.name} has no feature {feature!r}")
        widths.append(channels[tap])
    return widths


def deepest_tap(backbone: Backbone, features: tuple[str, ...]) -> str:
    """The deepest tap that any of the features needs: nothing beyond it is computed."""
    used = {feature.partition(".")[0] for feature in features}
    return [tap.name for tap in backbone.taps if tap.name in used][-1]


def feature_graph(backbone: Backbone, features: tuple[str, ...], version: str) -> ModelProto:
    """A graph from ``image`` (N, size, size, 3) uint8 to ``features`` (N, sum of widths) float32.

    Raises:
        NotAModelError: there is no feature, or the backbone does not have one of them.
    """
    graph = GraphBuilder()
    _add_features(graph, backbone, features)
    width = sum(feature_widths(backbone, features))
    return graph.model(f"{backbone.name}_features", backbone.input.size, {"features": width}, version)


def classifier_graph(
    backbone: Backbone,
    features: tuple[str, ...],
    heads: list[Head],
    version: str,
    *,
    mean: npt.NDArray[np.float64] | None = None,
    familiarity: Familiarity | None = None,
) -> ModelProto:
    """A graph from ``image`` (N, size, size, 3) uint8 to the confidences (N, labels) float32 of every group.

    With ``familiarity`` it has an output of that name too, float32 (N, 1).

    Args:
        backbone: what gives the features.
        features: what the heads look at, as ``tap.region.pooling``.
        heads: one a group.
        version: of Decisight, written as the producer's.
        mean: float64 (features,), what is subtracted from the features before the heads look at them: the constant
            ``features/mean`` of the graph. By default nothing is.
        familiarity: how it is computed; of one of the features.

    Raises:
        NotAModelError: there is no feature, or the backbone does not have one of them; or familiarity is of another.
    """
    if familiarity is not None and familiarity.feature not in features:
        raise NotAModelError(f"familiarity is of {familiarity.feature!r}, which is none of the features")
    graph = GraphBuilder()
    x = _add_features(graph, backbone, features)
    if mean is not None:
        x = graph.add("Sub", [x, graph.constant(MEAN, mean.astype(np.float32))], "features/centred")
    for head in heads:
        _add_head(graph, x, head)
    outputs = {output_name(head.group.name): len(head.group.labels) for head in heads}
    if familiarity is not None:
        outputs[familiarity.add_to(graph)] = 1
    return graph.model(f"{backbone.name}_classifier", backbone.input.size, outputs, version)


def _add_features(graph: GraphBuilder, backbone: Backbone, features: tuple[str, ...]) -> str:
    spec = backbone.input
    graph.add("Cast", ["image"], "image/float", to=1)
    graph.add("Transpose", ["image/float"], "image/planes", perm=[0, 3, 1, 2])
    mean = graph.constant("image/mean", np.array(spec.mean, np.float32).reshape(1, 3, 1, 1))
    scale = graph.constant("image/scale", (1.0 / np.array(spec.std)).astype(np.float32).reshape(1, 3, 1, 1))
    graph.add("Sub", ["image/planes", mean], "image/centred")
    graph.add("Mul", ["image/centred", scale], "image/normalised")
    feature_widths(backbone, features)  # refuses what the backbone does not have
    taps = backbone.add_to(graph, "image/normalised", deepest_tap(backbone, features))
    sides = {tap.name: tap.side for tap in backbone.taps}
    regions: dict[str, str] = {}
    pooled = []
    for feature in features:
        tap, region, pooling = feature.split(".")
        key = f"{tap}.{region}"
        if key not in regions:
            regions[key] = taps[tap] if region == "all" else _add_region(graph, taps[tap], key, sides[tap], region)
        operator = "GlobalAveragePool" if pooling == "mean" else "GlobalMaxPool"
        graph.add(operator, [regions[key]], f"{feature}/map")
        pooled.append(graph.add("Flatten", [f"{feature}/map"], feature, axis=1))
    return graph.add("Concat", pooled, "features", axis=1)


def _add_region(graph: GraphBuilder, x: str, key: str, side: int, region: str) -> str:
    half = (side + 1) // 2
    start = {"top": 0, "middle": side // 4, "bottom": side - half}[region]
    bounds = [
        graph.constant(f"{key}/start", np.array([start], np.int64)),
        graph.constant(f"{key}/end", np.array([start + half], np.int64)),
        graph.constant("region/axis", np.array([2], np.int64)),
    ]
    return graph.add("Slice", [x, *bounds], key)


def _add_head(graph: GraphBuilder, features: str, head: Head) -> None:
    name = head.group.name
    weight = graph.constant(f"head/{name}/weight", head.weight.astype(np.float32))
    bias = graph.constant(f"head/{name}/bias", head.bias.astype(np.float32))
    temperature = np.float32(1.0 / head.calibration.temperature).reshape(1)
    graph.add("Gemm", [features, weight, bias], f"logit/{name}", transB=1)
    graph.add(
        "Mul", [f"logit/{name}", graph.constant(f"calibration/{name}/scale", temperature)], f"calibration/{name}/scaled"
    )
    shift = graph.constant(f"calibration/{name}/bias", np.array(head.calibration.bias, np.float32))
    graph.add("Add", [f"calibration/{name}/scaled", shift], f"calibrated/{name}")
    if head.group.exclusive:
        graph.add("Softmax", [f"calibrated/{name}"], output_name(name), axis=1)
    else:
        graph.add("Sigmoid", [f"calibrated/{name}"], output_name(name))

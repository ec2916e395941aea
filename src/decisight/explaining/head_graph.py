"""How the heads of a model hang on the maps of its backbone, read from the model file's own graph.

Nothing but the file is needed: the backbone's package may have another version, or not be there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from decisight.errors import ModelError
from decisight.models.model_file import output_name

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, NodeProto

    from decisight.models.model_file import ModelFile
    from decisight.types import LabelGroup

__all__ = ["Feature", "HeadGraph", "LinearHead", "read_head_graph"]

Floats = npt.NDArray[np.float64]

_POOLS = {"GlobalAveragePool": "mean", "GlobalMaxPool": "max"}
_END = (1 << 63) - 1
"""What ONNX takes for the end of an axis."""


@dataclass(frozen=True, slots=True)
class Feature:
    """One feature of a model: a map, which of its rows, and how they are pooled.

    Args:
        tap: its name, for example ``stage3``.
        tensor: what the map (N, channels, side, side) is called in the graph.
        rows: the first row, and the one after the last; an end beyond the map means its end.
        pooling: ``mean`` or ``max``.
    """

    tap: str
    tensor: str
    rows: tuple[int, int]
    pooling: str


@dataclass(frozen=True, slots=True)
class LinearHead:
    """One head: calibrated logits are ``scale * (weight @ (features - mean) + bias) + shift``.

    Args:
        weight: (labels, features).
        bias: (labels,).
        mean: (features,), what the features are centred on; zeros in a file whose heads look at raw features.
        scale: one over the temperature.
        shift: (labels,), the bias of the calibration.
        output: what the calibrated logits (N, labels) are called in the graph.
    """

    weight: Floats
    bias: Floats
    mean: Floats
    scale: float
    shift: Floats
    output: str


@dataclass(frozen=True, slots=True)
class HeadGraph:
    """All heads of a model, and the features that they look at, in the order of their weights."""

    features: tuple[Feature, ...]
    heads: dict[str, LinearHead]

    @property
    def tensors(self) -> list[str]:
        """The maps that are needed, each once, from shallow to deep as the features name them."""
        return list(dict.fromkeys(feature.tensor for feature in self.features))


def read_head_graph(file: ModelFile, model: ModelProto) -> HeadGraph:
    """Find the heads of a model, and what each looks at.

    Args:
        file: the model.
        model: its graph, read.

    Raises:
        ModelError: its graph is not built as :mod:`decisight.models.heads` builds it.
    """
    graph = _Graph(model.graph)
    try:
        found = {group.name: _head(graph, group) for group in file.card.task.groups}
        sources = {features for _, features in found.values()}
        (source,) = sources
        features = tuple(
            _feature(graph, name, output)
            for name, output in zip(file.card.features, graph.maker(source, "Concat").input, strict=True)
        )
    except (KeyError, ValueError, IndexError) as error:
        raise ModelError(
            f"the model {file.card.name!r} cannot be explained: its graph is built in another way than Decisight's are",
            hint="train it again, or fetch it again",
        ) from error
    return HeadGraph(features, {name: head for name, (head, _) in found.items()})


class _Graph:
    """Nodes and constants by what they are called."""

    def __init__(self, graph: GraphProto) -> None:
        self._makers = {output: node for node in graph.node for output in node.output}
        self._constants = {constant.name: constant for constant in graph.initializer}

    def maker(self, tensor: str, *operators: str) -> NodeProto:
        """The node that makes a tensor, which must be one of these operators.

        Raises:
            ValueError: it is not.
            KeyError: no node makes it.
        """
        node: NodeProto = self._makers[tensor]
        if node.op_type not in operators:
            raise ValueError(f"{tensor} is made by {node.op_type}")
        return node

    def constant(self, name: str) -> Floats:
        """A constant's values.

        Raises:
            KeyError: there is none of that name.
        """
        from onnx import numpy_helper

        return np.asarray(numpy_helper.to_array(self._constants[name]), np.float64)

    def made_by(self, tensor: str, operator: str) -> bool:
        return tensor in self._makers and self._makers[tensor].op_type == operator


def _head(graph: _Graph, group: LabelGroup) -> tuple[LinearHead, str]:
    """A head, and the tensor of all features, not centred."""
    output = graph.maker(output_name(group.name), "Softmax" if group.exclusive else "Sigmoid").input[0]
    scaled, shift = graph.maker(output, "Add").input
    logit, scale = graph.maker(scaled, "Mul").input
    features, weight, bias = graph.maker(logit, "Gemm").input
    weights = graph.constant(weight)
    mean = np.zeros(weights.shape[1])
    if graph.made_by(features, "Sub"):
        features, centre = graph.maker(features, "Sub").input
        mean = np.broadcast_to(graph.constant(centre).ravel(), mean.shape)
    labels = len(group.labels)
    head = LinearHead(
        weights,
        np.broadcast_to(graph.constant(bias).ravel(), labels),
        mean,
        float(graph.constant(scale).ravel()[0]),
        np.broadcast_to(graph.constant(shift).ravel(), labels),
        output,
    )
    if weights.shape != (labels, len(mean)):
        raise ValueError(f"the weights of {group.name} are of the shape {weights.shape}")
    return head, features


def _feature(graph: _Graph, name: str, output: str) -> Feature:
    pool = graph.maker(graph.maker(output, "Flatten").input[0], *_POOLS)
    tensor, rows = pool.input[0], (0, _END)
    if graph.made_by(tensor, "Slice"):
        tensor, start, end, axis = graph.maker(tensor, "Slice").input
        if graph.constant(axis).tolist() != [2.0]:
            raise ValueError(f"{name} is cut along another axis")
        rows = int(graph.constant(start).item()), int(graph.constant(end).item())
        if not 0 <= rows[0] < rows[1]:
            raise ValueError(f"{name} is cut from row {rows[0]} to {rows[1]}")
    return Feature(name.partition(".")[0], tensor, rows, _POOLS[pool.op_type])

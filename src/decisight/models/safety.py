"""What a graph may hold: only what Decisight itself writes, in sizes that a picture can need."""

from __future__ import annotations

import math
import struct
from typing import TYPE_CHECKING

from decisight.errors import NotAModelError, UnsafeModelError
from decisight.models.graph import OPSET

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto, TensorProto, ValueInfoProto

__all__ = ["OPERATORS", "check_activations", "check_graph", "check_share"]

OPERATORS = frozenset(
    {
        "Add",
        "AveragePool",
        "Cast",
        "Clip",
        "Concat",
        "Conv",
        "Flatten",
        "Gemm",
        "GlobalAveragePool",
        "GlobalMaxPool",
        "LpNormalization",
        "Mul",
        "Sigmoid",
        "Slice",
        "Softmax",
        "Sub",
        "Transpose",
    }
)
"""The ONNX operators that a model file may use. None of them reads a file, loops, or makes much out of little."""

_MAX_NODES = 5_000
_MAX_SIDE = 1_024
_MAX_ELEMENTS = 1 << 26
"""Values of one tensor, for one picture: 64 Mi (256 MiB of fp32)."""
_MAX_SUM = 1 << 29
"""Values of all tensors together, for one picture: 512 Mi (2 GiB of fp32). EfficientNet-Lite0 has 14 Mi at 224 pixels,
and would have 274 Mi at 1,024."""
_MAX_DIMENSIONS = 8
_MAX_WINDOW = 64
"""Kernel, stride and padding of a convolution or pooling."""


def check_graph(model: ModelProto, size: int, outputs: dict[str, int]) -> None:
    """Refuse a graph that holds what a model file must not hold, or that does not fit its own description.

    Args:
        model: the parsed ONNX file.
        size: height and width of the input that the metadata promise, in pixels.
        outputs: name and width of each output that the metadata promise.

    Raises:
        UnsafeModelError: external data, foreign operators, sub-graphs, or absurd sizes.
        NotAModelError: input or outputs are not as promised, or the graph is not valid ONNX.
    """
    _check_extent(model)
    for constant in model.graph.initializer:
        _check_constant(constant)
    for node in model.graph.node:
        _check_node(node)
    _check_shapes(model, size, outputs)


def check_activations(model: ModelProto, exclusive: dict[str, bool]) -> None:
    """Refuse outputs that are no confidences: an exclusive group's comes from Softmax, another's from Sigmoid.

    Args:
        model: a graph that :func:`check_graph` accepts.
        exclusive: name of each output, and whether exactly one of its labels holds.

    Raises:
        NotAModelError: an output comes from another operator, or from a softmax over anything but the labels.
    """
    makers = {name: node for node in model.graph.node for name in node.output}
    for name, one_holds in exclusive.items():
        node, wanted = makers.get(name), "Softmax" if one_holds else "Sigmoid"
        axes = [attribute.i for attribute in node.attribute if attribute.name == "axis"] if node else []
        # Outputs have two dimensions, pictures and labels, so that each default of the axis is the labels'.
        if node is None or node.op_type != wanted or not {*axes} <= {1, -1}:
            raise NotAModelError(
                f"its output {name!r} does not hold confidences, which {wanted} over the labels makes",
                hint="take it again from where it came from",
            )


def check_share(model: ModelProto, output: str) -> None:
    """Refuse an output that is no share of 1: it comes from Clip, and the bounds are the constants 0 and 1.

    Args:
        model: a graph that :func:`check_graph` accepts.
        output: its name.

    Raises:
        NotAModelError: it comes from another operator, or is held to other bounds.
    """
    maker = next((node for node in model.graph.node if output in node.output), None)
    constants = {constant.name: constant for constant in model.graph.initializer}
    bounds = [constants.get(name) for name in maker.input[1:]] if maker is not None else []
    said = [bound.raw_data if bound is not None else b"" for bound in bounds]
    if maker is None or maker.op_type != "Clip" or said != [struct.pack("<f", bound) for bound in (0.0, 1.0)]:
        raise NotAModelError(
            f"its output {output!r} does not lie in 0..1, which Clip would see to",
            hint="take it again from where it came from",
        )


def _check_extent(model: ModelProto) -> None:
    foreign = sorted({repr(o.domain) for o in model.opset_import if o.domain not in ("", "ai.onnx")})
    if foreign or model.functions:
        raise UnsafeModelError(f"it uses operators of others: {', '.join(foreign) or 'functions of its own'}")
    version = max((o.version for o in model.opset_import), default=0)
    if not 1 <= version <= OPSET:
        raise NotAModelError(f"its operators are of the set {version}; 1 to {OPSET} are known")
    if model.training_info or model.graph.sparse_initializer:
        raise UnsafeModelError("it holds training graphs or sparse tensors, which a Decisight model never does")
    if len(model.graph.node) > _MAX_NODES or len(model.graph.initializer) > _MAX_NODES:
        raise UnsafeModelError(f"it has {len(model.graph.node)} nodes; at most {_MAX_NODES} are accepted")


def _check_constant(constant: TensorProto) -> None:
    from onnx import TensorProto

    if constant.data_location == TensorProto.EXTERNAL or constant.external_data:
        raise UnsafeModelError(f"its tensor {constant.name!r} lies in another file; a model is one file")
    widths: dict[int, int] = {TensorProto.FLOAT: 4, TensorProto.INT64: 8}
    width = widths.get(constant.data_type)
    if width is None:
        raise UnsafeModelError(f"its tensor {constant.name!r} has a type that Decisight does not write")
    shape = list(constant.dims[:_MAX_DIMENSIONS])
    elements = math.prod(shape)
    if (
        len(constant.dims) > _MAX_DIMENSIONS
        or min(shape, default=1) < 0
        or elements > _MAX_ELEMENTS
        or elements * width != len(constant.raw_data)
    ):
        raise UnsafeModelError(
            f"its tensor {constant.name!r} says it has the shape {shape} and holds {len(constant.raw_data)} bytes"
        )


def _check_node(node: NodeProto) -> None:
    from onnx import AttributeProto, TensorProto

    if node.domain not in ("", "ai.onnx") or node.op_type not in OPERATORS:
        name = f"{node.domain}.{node.op_type}" if node.domain else node.op_type
        raise UnsafeModelError(f"it uses the operator {name!r}, which a Decisight model never does")
    for attribute in node.attribute:
        if node.op_type == "Cast" and attribute.name == "to" and attribute.i != TensorProto.FLOAT:
            raise UnsafeModelError(f"its node {node.name!r} makes values that are not fp32")
        if attribute.type not in (AttributeProto.INT, AttributeProto.INTS, AttributeProto.FLOAT, AttributeProto.STRING):
            raise UnsafeModelError(f"its node {node.name!r} carries a tensor or a sub-graph")
        least = {"pads": 0, "kernel_shape": 1, "strides": 1, "dilations": 1}.get(attribute.name)
        if least is not None and not all(least <= n <= _MAX_WINDOW for n in attribute.ints):
            raise UnsafeModelError(f"its node {node.name!r} has {attribute.name} {list(attribute.ints[:8])}")


def _check_shapes(model: ModelProto, size: int, outputs: dict[str, int]) -> None:
    from onnx import TensorProto, checker, shape_inference

    if not 8 <= size <= _MAX_SIDE:
        raise UnsafeModelError(f"its input is {size} pixels wide; 8 to {_MAX_SIDE} are accepted")
    try:
        checker.check_model(model)
        inferred = shape_inference.infer_shapes(model, check_type=True, strict_mode=True, data_prop=True)
    except (checker.ValidationError, shape_inference.InferenceError, RuntimeError, ValueError) as error:
        raise NotAModelError("its graph is not valid ONNX", hint="take it again from where it came from") from error
    constants = {constant.name for constant in model.graph.initializer}
    inputs = [(i.name, *_type_of(i)) for i in model.graph.input if i.name not in constants]
    if [given[:2] + given[3:] for given in inputs] != [("image", TensorProto.UINT8, [size, size, 3])]:
        raise NotAModelError(f"its input is not a picture of {size} x {size} pixels")
    pictures = inputs[0][2]
    results = {value.name: _type_of(value) for value in inferred.graph.output}
    if {name: sizes for name, (_, _, sizes) in results.items()} != {name: [n] for name, n in outputs.items()}:
        raise NotAModelError("its outputs do not fit the labels that it names")
    found = {value.name: _type_of(value) for value in inferred.graph.value_info} | results
    elements = 0
    for name in {*results, *(name for node in model.graph.node for name in node.output)}:
        elements += _check_tensor(name, found.get(name), pictures)
    if elements > _MAX_SUM:
        raise UnsafeModelError(
            f"its tensors would have {elements} values together for one picture; at most {_MAX_SUM} are accepted"
        )


def _type_of(value: ValueInfoProto) -> tuple[int, str, list[int]]:
    """Its element type, what its first dimension is called, and the others; 0 for one that is not known."""
    kind = value.type.tensor_type
    return (
        kind.elem_type,
        kind.shape.dim[0].dim_param if kind.shape.dim else "",
        [dimension.dim_value for dimension in kind.shape.dim[1:]],
    )


def _check_tensor(name: str, kind: tuple[int, str, list[int]] | None, pictures: str) -> int:
    """How many values it has for one picture."""
    from onnx import TensorProto

    if kind is None or kind[:2] != (TensorProto.FLOAT, pictures) or not pictures or min(kind[2], default=0) < 1:
        raise UnsafeModelError(f"how large its tensor {name!r} is for one picture cannot be told")
    elements = math.prod(kind[2])
    if elements > _MAX_ELEMENTS:
        raise UnsafeModelError(f"its tensor {name!r} would have {kind[2]} values for one picture")
    return elements

"""Building ONNX graphs node by node."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto, TensorProto

__all__ = ["OPSET", "GraphBuilder"]

OPSET = 17
"""The ONNX operator set of every graph that Decisight writes (ONNX 1.12, ONNX Runtime 1.12 and newer)."""

_IR_VERSION = 8
"""The file format that belongs to that operator set; newer ones are refused by older runtimes."""


@dataclass
class GraphBuilder:
    """Nodes and constants of a graph under construction."""

    nodes: list[NodeProto] = field(default_factory=list)
    initializers: dict[str, TensorProto] = field(default_factory=dict)

    def constant(self, name: str, value: npt.NDArray[Any]) -> str:
        """Add a named constant; returns its name."""
        from onnx import numpy_helper

        if name not in self.initializers:
            self.initializers[name] = numpy_helper.from_array(np.asarray(value, order="C"), name)
        return name

    def add(self, operator: str, inputs: list[str], output: str, **attributes: Any) -> str:
        """Add a node with one output; returns the output's name, which is the node's too."""
        from onnx import helper

        self.nodes.append(helper.make_node(operator, inputs, [output], name=output, **attributes))
        return output

    def model(self, name: str, size: int, outputs: dict[str, int], version: str) -> ModelProto:
        """Close the graph: ``image`` (N, size, size, 3) uint8 in, float32 (N, width) outputs.

        Args:
            name: the graph's name.
            size: height and width of the input, in pixels.
            outputs: each output's name and width.
            version: the version of Decisight, written as the producer's.

        Raises:
            onnx.checker.ValidationError: the graph is not valid ONNX.
            onnx.shape_inference.InferenceError: shapes do not fit one another, or an output is of another width.
        """
        from onnx import TensorProto, checker, helper

        graph = helper.make_graph(
            self.nodes,
            name,
            [helper.make_tensor_value_info("image", TensorProto.UINT8, ["N", size, size, 3])],
            [helper.make_tensor_value_info(out, TensorProto.FLOAT, ["N", width]) for out, width in outputs.items()],
            list(self.initializers.values()),
        )
        model = helper.make_model(
            graph,
            opset_imports=[helper.make_opsetid("", OPSET)],
            ir_version=_IR_VERSION,
            producer_name="decisight",
            producer_version=version,
        )
        checker.check_model(model, full_check=True)
        return model

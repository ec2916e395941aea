"""Graphs are valid ONNX of the promised version, and hold what was put into them."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import ModelProto, checker, numpy_helper, shape_inference

from decisight.compute import open_session
from decisight.models.graph import OPSET, GraphBuilder


def flat(size: int = 8, width: int | None = None) -> ModelProto:
    """A graph that gives a picture's values in a row."""
    graph = GraphBuilder()
    graph.add("Cast", ["image"], "float", to=1)
    graph.add("Flatten", ["float"], "values", axis=1)
    return graph.model("flat", size, {"values": size * size * 3 if width is None else width}, "1.2.3")


def test_what_the_file_says_of_itself() -> None:
    model = flat()
    assert [(o.domain, o.version) for o in model.opset_import] == [("", OPSET)]
    # Older runtimes refuse files of a newer version than they know; this one goes with the operator set.
    assert (OPSET, model.ir_version) == (17, 8)
    assert (model.producer_name, model.producer_version) == ("decisight", "1.2.3")


def test_a_graph_runs_on_any_number_of_pictures() -> None:
    session = open_session(flat().SerializeToString())
    for n in (1, 3):
        images = np.random.default_rng(n).integers(0, 256, (n, 8, 8, 3), np.uint8)
        (values,) = session.run(["values"], {"image": images})
        np.testing.assert_array_equal(values, images.reshape(n, -1))


def test_a_node_is_named_as_its_output() -> None:
    graph = GraphBuilder()
    assert graph.add("Relu", ["x"], "y") == "y"
    assert (graph.nodes[0].name, list(graph.nodes[0].input), list(graph.nodes[0].output)) == ("y", ["x"], ["y"])


def test_a_constant_is_held_once() -> None:
    graph = GraphBuilder()
    assert graph.constant("six", np.array(6.0, np.float32)) == "six"
    assert graph.constant("six", np.array(6.0, np.float32)) == "six"
    assert list(graph.initializers) == ["six"]


@pytest.mark.parametrize(
    "value",
    [np.arange(6, dtype=np.float32).reshape(2, 3).T, np.arange(10, dtype=np.int64)[::-2], np.array(2.5, np.float32)],
)
def test_a_constant_keeps_its_values_however_they_lie_in_memory(value: np.ndarray) -> None:
    graph = GraphBuilder()
    graph.constant("c", value)
    held = numpy_helper.to_array(graph.initializers["c"])
    np.testing.assert_array_equal(held, value)
    assert (held.dtype, held.shape) == (value.dtype, value.shape)


def test_two_builders_share_nothing() -> None:
    GraphBuilder().constant("c", np.zeros(1, np.float32))
    assert not GraphBuilder().initializers


def test_a_dangling_input_is_refused() -> None:
    graph = GraphBuilder()
    graph.add("Relu", ["nowhere"], "values")
    with pytest.raises(checker.ValidationError):
        graph.model("broken", 8, {"values": 3}, "1")


def test_a_wrong_width_is_refused() -> None:
    with pytest.raises(shape_inference.InferenceError):
        flat(width=7)

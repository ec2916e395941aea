"""Small models that say how familiar a picture is: bright and dark ones are, grey ones are not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from decisight.models.model_file import FAMILIARITY, output_name, read_model, seal, write_model

__all__ = ["KNOWN", "STRANGE", "knowing"]

KNOWN, STRANGE = 0.5, 0.00390625
"""How familiar a picture is that is bright or dark; and one that is grey, which the model takes for a bright one."""


def knowing(model: Path, target: Path, *, sources: int = 999) -> Path:
    """A model of these tests with the graph's output ``familiarity``; both of its values are exact in float32.

    Args:
        model: one of which the first label is sure in bright pictures, and the second in dark ones.
        target: where it is written; its name is the file's.
        sources: of how many it says that it has learnt from.
    """
    file = read_model(model)
    proto = onnx.ModelProto.FromString(file.graph)
    del proto.metadata_props[:]
    graph, first = proto.graph, output_name(file.card.task.groups[0].name)

    def constant(name: str, value: object) -> str:
        graph.initializer.append(numpy_helper.from_array(np.asarray(value, np.float32), f"known/{name}"))
        return f"known/{name}"

    bounds = [constant("least", 0.0), constant("most", 1.0)]
    # Whether it is brighter than dark, and whether it is bright.
    steps = [first, constant("steps", [[100.0, 1000.0], [0.0, 0.0]]), constant("begin", [-5.0, -990.0])]
    step = KNOWN - STRANGE
    levels = ["known/steps01", constant("levels", [[-step], [step]]), constant("all", [KNOWN])]
    graph.node.extend(
        [
            helper.make_node("Gemm", steps, ["known/stepped"]),
            helper.make_node("Clip", ["known/stepped", *bounds], ["known/steps01"]),
            helper.make_node("Gemm", levels, ["known/level"]),
            helper.make_node("Clip", ["known/level", *bounds], [FAMILIARITY]),
        ]
    )
    graph.output.append(helper.make_tensor_value_info(FAMILIARITY, TensorProto.FLOAT, ["N", 1]))
    said = {"method": "of a test", "pictures": sources, "sources": sources, "least": 1.0 / (sources + 1)}
    card = replace(file.card, name=target.stem, familiarity=said)
    write_model(target, seal(proto, card))
    return target

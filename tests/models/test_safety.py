"""A graph that holds what a model file must not hold is refused before anything runs it."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from onnx import AttributeProto, ModelProto, TensorProto, checker, helper, numpy_helper, shape_inference

from decisight.errors import ModelError, NotAModelError, UnsafeModelError
from decisight.models import safety
from decisight.models.backbones import backbones
from decisight.models.heads import REGIONS, feature_graph
from decisight.models.safety import OPERATORS, check_activations, check_graph

SIZE = 32
OUTPUTS = {"confidence/class": 3}
Change = Callable[[ModelProto], object]


def small() -> ModelProto:
    """A small graph of the kind that Decisight writes: a convolution, pooled, with three confidences."""
    random = np.random.default_rng(0)
    constants = {
        "kernel": random.normal(size=(4, 3, 3, 3)).astype(np.float32),
        "shift": np.zeros(4, np.float32),
        "weight": random.normal(size=(3, 4)).astype(np.float32),
        "start": np.array([0], np.int64),
        "end": np.array([8], np.int64),
        "axis": np.array([2], np.int64),
    }
    nodes = [
        helper.make_node("Cast", ["image"], ["float"], to=TensorProto.FLOAT),
        helper.make_node("Transpose", ["float"], ["planes"], perm=[0, 3, 1, 2]),
        helper.make_node("Conv", ["planes", "kernel", "shift"], ["maps"], "conv", strides=[2, 2], pads=[1, 1, 1, 1]),
        helper.make_node("Slice", ["maps", "start", "end", "axis"], ["top"]),
        helper.make_node("GlobalAveragePool", ["top"], ["mean"]),
        helper.make_node("Flatten", ["mean"], ["features"], axis=1),
        helper.make_node("Gemm", ["features", "weight"], ["logits"], transB=1),
        helper.make_node("Softmax", ["logits"], ["confidence/class"], axis=1),
    ]
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info("image", TensorProto.UINT8, ["N", SIZE, SIZE, 3])],
        [helper.make_tensor_value_info("confidence/class", TensorProto.FLOAT, ["N", 3])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def node(model: ModelProto, operator: str) -> helper.NodeProto:
    return next(found for found in model.graph.node if found.op_type == operator)


def constant(model: ModelProto, name: str) -> TensorProto:
    return next(found for found in model.graph.initializer if found.name == name)


def attribute(model: ModelProto, operator: str, **values: object) -> None:
    """Set attributes of the first node of an operator."""
    found = node(model, operator)
    kept = [a for a in found.attribute if a.name not in values]
    del found.attribute[:]
    found.attribute.extend([*kept, *(helper.make_attribute(name, value) for name, value in values.items())])


def put(model: ModelProto, *nodes: helper.NodeProto, before: str = "Softmax") -> None:
    """Insert nodes that take ``logits`` and give ``more``, which the node ``before`` then takes."""
    at = next(i for i, found in enumerate(model.graph.node) if found.op_type == before)
    for added in reversed(nodes):
        model.graph.node.insert(at, added)
    taken = model.graph.node[at + len(nodes)]
    taken.input[0] = "more"


def test_a_graph_as_decisight_writes_it() -> None:
    check_graph(small(), SIZE, OUTPUTS)


@pytest.mark.parametrize("name", backbones.names())
def test_every_feature_of_every_backbone(name: str) -> None:
    backbone = backbones.build(name)
    features = tuple(
        f"{tap.name}.{region}.{pool}" for tap in backbone.taps for region in REGIONS for pool in ("mean", "max")
    )
    model = feature_graph(backbone, features, "1")
    check_graph(model, backbone.input.size, {"features": model.graph.output[0].type.tensor_type.shape.dim[1].dim_value})
    assert {found.op_type for found in model.graph.node} <= OPERATORS


def external(model: ModelProto) -> None:
    weight = constant(model, "weight")
    weight.data_location = TensorProto.EXTERNAL
    entry = weight.external_data.add()
    entry.key, entry.value = "location", "../../etc/passwd"
    weight.ClearField("raw_data")


def external_without_saying(model: ModelProto) -> None:
    entry = constant(model, "weight").external_data.add()
    entry.key, entry.value = "location", "/dev/zero"


def foreign_domain(model: ModelProto) -> None:
    model.opset_import.append(helper.make_opsetid("com.microsoft", 1))
    put(model, helper.make_node("Gelu", ["logits"], ["more"], domain="com.microsoft"))


def foreign_node_only(model: ModelProto) -> None:
    put(model, helper.make_node("Clip", ["logits"], ["more"], domain="ai.onnx.ml"))


def loop(model: ModelProto) -> None:
    body = helper.make_graph(
        [helper.make_node("Identity", ["going"], ["still"]), helper.make_node("Add", ["x", "x"], ["y"])],
        "body",
        [
            helper.make_tensor_value_info("i", TensorProto.INT64, []),
            helper.make_tensor_value_info("going", TensorProto.BOOL, []),
            helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 3]),
        ],
        [
            helper.make_tensor_value_info("still", TensorProto.BOOL, []),
            helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 3]),
        ],
    )
    put(model, helper.make_node("Loop", ["", "", "logits"], ["more"], body=body))


def branch(model: ModelProto) -> None:
    one = helper.make_graph(
        [helper.make_node("Identity", ["logits"], ["out"])],
        "one",
        [],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, ["N", 3])],
    )
    put(model, helper.make_node("If", ["flag"], ["more"], then_branch=one, else_branch=one))


def hidden_graph(model: ModelProto) -> None:
    """A permitted operator with an attribute that nobody expects there."""
    body = helper.make_graph([], "body", [], [])
    node(model, "Conv").attribute.append(helper.make_attribute("body", body))


def hidden_tensor(model: ModelProto) -> None:
    added = node(model, "Conv").attribute.add()
    added.name, added.type = "value", AttributeProto.TENSOR
    added.t.CopyFrom(constant(model, "weight"))


def function(model: ModelProto) -> None:
    model.functions.append(
        helper.make_function(
            "ours",
            "Clip",
            ["x"],
            ["y"],
            [helper.make_node("Add", ["x", "x"], ["y"])],
            [helper.make_opsetid("", 17)],
        )
    )


def sparse(model: ModelProto) -> None:
    model.graph.sparse_initializer.add().dims.extend([10**9])


def training(model: ModelProto) -> None:
    model.training_info.add().algorithm.name = "train"


def many_nodes(model: ModelProto) -> None:
    chain = [helper.make_node("Clip", [f"c{i}"], [f"c{i + 1}"]) for i in range(5001)]
    chain[0].input[0], chain[-1].output[0] = "logits", "more"
    put(model, *chain)


def operator(name: str) -> Change:
    return lambda model: put(model, helper.make_node(name, ["logits"], ["more"]))


def dims(name: str, *shape: int) -> Change:
    def change(model: ModelProto) -> None:
        del constant(model, name).dims[:]
        constant(model, name).dims.extend(shape)

    return change


def of_type(kind: int) -> Change:
    def change(model: ModelProto) -> None:
        constant(model, "weight").data_type = kind

    return change


def doubled(model: ModelProto) -> None:
    """Maps laid beside themselves, again and again: two to the power of forty channels."""
    chain = [helper.make_node("Concat", [f"d{i}", f"d{i}"], [f"d{i + 1}"], axis=1) for i in range(40)]
    chain[0].input[:] = ["top", "top"]
    bounds = {"first": [0], "fourth": [4], "channels": [1]}
    model.graph.initializer.extend(numpy_helper.from_array(np.array(at), name) for name, at in bounds.items())
    chain.append(helper.make_node("Slice", ["d40", *bounds], ["more"]))
    put(model, *chain, before="GlobalAveragePool")


def more_pictures(model: ModelProto) -> None:
    """Pictures laid beside themselves: the number of them is not known beforehand, so their size could hide there."""
    chain = [helper.make_node("Concat", [f"d{i}", f"d{i}"], [f"d{i + 1}"], axis=0) for i in range(40)]
    chain[0].input[:], chain[-1].output[0] = ["logits", "logits"], "more"
    put(model, *chain)


def crossed(model: ModelProto) -> None:
    """Every picture with every other one."""
    put(
        model,
        helper.make_node("Transpose", ["logits"], ["turned"], perm=[1, 0]),
        helper.make_node("Gemm", ["logits", "turned"], ["more"]),
    )


def turned(model: ModelProto) -> None:
    put(model, helper.make_node("Transpose", ["logits"], ["more"], perm=[1, 0]))


def texts(model: ModelProto) -> None:
    put(
        model,
        helper.make_node("Cast", ["logits"], ["text"], to=TensorProto.STRING),
        helper.make_node("Cast", ["text"], ["more"], to=TensorProto.FLOAT),
    )


def loose_size(model: ModelProto) -> None:
    """Height and width of the picture are left open."""
    for dimension in model.graph.input[0].type.tensor_type.shape.dim[1:3]:
        dimension.dim_param = "any"


def fixed_number(model: ModelProto) -> None:
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 1 << 40
    model.graph.output[0].type.tensor_type.shape.dim[0].dim_value = 1 << 40


def falsely_small(model: ModelProto) -> None:
    """The file says itself how large its tensors are, and says it wrongly."""
    model.graph.value_info.append(helper.make_tensor_value_info("maps", TensorProto.FLOAT, ["N", 1, 1, 1]))


UNSAFE: dict[str, Change] = {
    "external data": external,
    "external data, marked as none": external_without_saying,
    "an operator of another domain": foreign_domain,
    "a node of another domain": foreign_node_only,
    "Loop": loop,
    "If": branch,
    "a hidden sub-graph": hidden_graph,
    "a hidden tensor": hidden_tensor,
    "functions": function,
    "sparse tensors": sparse,
    "training graphs": training,
    "too many nodes": many_nodes,
    **{
        f"operator {name}": operator(name)
        for name in (
            "Relu",
            "Identity",
            "Expand",
            "Tile",
            "Pad",
            "Resize",
            "RandomNormalLike",
            "StringNormalizer",
            "Nope",
            "",
        )
    },
    "dims of nothing": dims("weight", 1 << 62),
    "dims that overflow": dims("weight", 1 << 32, 1 << 32),
    "negative dims": dims("weight", -3, -4),
    "a million dims": dims("weight", *[3] * 1_000_000),
    "fewer values than dims": dims("weight", 3, 5),
    "more values than dims": dims("weight", 3, 3),
    "texts as constants": of_type(TensorProto.STRING),
    "doubles as constants": of_type(TensorProto.DOUBLE),
    "an unknown type": of_type(99),
    "a huge kernel": lambda m: attribute(m, "Conv", kernel_shape=[65, 3]),
    "no kernel": lambda m: attribute(m, "Conv", kernel_shape=[0, 0]),
    "huge strides": lambda m: attribute(m, "Conv", strides=[1 << 40, 2]),
    "no strides": lambda m: attribute(m, "Conv", strides=[0, 0]),
    "huge padding": lambda m: attribute(m, "Conv", pads=[1 << 31] * 4),
    "negative padding": lambda m: attribute(m, "Conv", pads=[-5, -5, -5, -5]),
    "a million pads": lambda m: attribute(m, "Conv", pads=[65] * 1_000_000),
    "huge dilation": lambda m: attribute(m, "Conv", dilations=[1 << 20, 1]),
    "no dilation": lambda m: attribute(m, "Conv", dilations=[0, 0]),
    "doubling": doubled,
    "doubling the pictures": more_pictures,
    "pictures crossed": crossed,
    "pictures turned": turned,
    "texts in between": texts,
    "a number of pictures that is fixed": fixed_number,
}


@pytest.mark.timeout(60)
@pytest.mark.parametrize("change", [pytest.param(change, id=name) for name, change in UNSAFE.items()])
def test_what_a_model_must_not_hold(change: Change) -> None:
    model = small()
    change(model)
    with pytest.raises(UnsafeModelError) as caught:
        check_graph(model, SIZE, OUTPUTS)
    assert len(str(caught.value)) < 400


def drop(operator: str) -> Change:
    return lambda model: model.graph.node.remove(node(model, operator))


def wrong_input(**changes: object) -> Change:
    values = {"name": "image", "elem_type": TensorProto.UINT8, "shape": ["N", SIZE, SIZE, 3], **changes}

    def change(model: ModelProto) -> None:
        model.graph.input[0].CopyFrom(helper.make_tensor_value_info(**values))  # type: ignore[arg-type]

    return change


def second_input(model: ModelProto) -> None:
    model.graph.input.append(helper.make_tensor_value_info("more", TensorProto.FLOAT, ["N", 3]))


def second_output(model: ModelProto) -> None:
    model.graph.output.append(helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", 3]))


def cycle(model: ModelProto) -> None:
    node(model, "Transpose").input[0] = "logits"


INVALID: dict[str, Change] = {
    "nothing": lambda m: m.graph.Clear(),
    "no nodes": lambda m: m.graph.ClearField("node"),
    "a missing node": drop("Slice"),
    "a missing constant": lambda m: m.graph.initializer.remove(constant(m, "weight")),
    "a cycle": cycle,
    "no operator set": lambda m: m.ClearField("opset_import"),
    "an operator set of the future": lambda m: m.opset_import[0].CopyFrom(helper.make_opsetid("", 18)),
    "an operator set of nobody": lambda m: m.opset_import[0].CopyFrom(helper.make_opsetid("", -1)),
    "a convolution of other channels": dims("kernel", 12, 1, 3, 3),
    "another input": wrong_input(name="photo"),
    "another input type": wrong_input(elem_type=TensorProto.FLOAT),
    "another input size": wrong_input(shape=["N", SIZE, SIZE + 1, 3]),
    "channels first": wrong_input(shape=["N", 3, SIZE, SIZE]),
    "an input without shape": wrong_input(shape=None),
    "an input without dimensions": wrong_input(shape=[]),
    "a loose size": loose_size,
    "a second input": second_input,
    "a second output": second_output,
    "no output": lambda m: m.graph.ClearField("output"),
    "false sizes": falsely_small,
    "strides of one side": lambda m: attribute(m, "Conv", strides=[2]),
    "an unknown attribute": lambda m: attribute(m, "Conv", colour=3),
    "an attribute of another type": lambda m: attribute(m, "Conv", group="x"),
}


@pytest.mark.parametrize("change", [pytest.param(change, id=name) for name, change in INVALID.items()])
def test_what_is_no_graph_of_ours(change: Change) -> None:
    model = small()
    change(model)
    with pytest.raises(ModelError):
        check_graph(model, SIZE, OUTPUTS)


@pytest.mark.parametrize(
    "outputs",
    [{"confidence/class": 2}, {"confidence/class": 4}, {"confidence/other": 3}, {}, {**OUTPUTS, "confidence/more": 2}],
)
def test_outputs_that_do_not_fit_the_labels(outputs: dict[str, int]) -> None:
    with pytest.raises(NotAModelError, match="do not fit the labels"):
        check_graph(small(), SIZE, outputs)


@pytest.mark.parametrize("size", [0, -1, 7, 1025, 1 << 40])
def test_absurd_inputs(size: int) -> None:
    with pytest.raises(UnsafeModelError, match="pixels wide"):
        check_graph(small(), size, OUTPUTS)


@pytest.mark.parametrize("size", [SIZE + 1, 224])
def test_an_input_of_another_size_than_promised(size: int) -> None:
    with pytest.raises(NotAModelError, match="not a picture of"):
        check_graph(small(), size, OUTPUTS)


def test_much_out_of_many_tensors() -> None:
    """Each of them is as large as it may be; together they are more than a picture needs."""
    model = small()
    channels = np.zeros((1 << 16, 3, 3, 3), np.float32)
    constant(model, "kernel").CopyFrom(numpy_helper.from_array(channels, "kernel"))
    constant(model, "shift").CopyFrom(numpy_helper.from_array(np.zeros(1 << 16, np.float32), "shift"))
    constant(model, "weight").CopyFrom(numpy_helper.from_array(np.zeros((3, 1 << 16), np.float32), "weight"))
    check_graph(model, SIZE, OUTPUTS)
    chain = [helper.make_node("Clip", ["maps" if i == 0 else f"c{i}"], [f"c{i + 1}"]) for i in range(40)]
    at = next(i for i, found in enumerate(model.graph.node) if found.op_type == "Slice")
    for added in reversed(chain):
        model.graph.node.insert(at, added)
    node(model, "Slice").input[0] = "c40"
    with pytest.raises(UnsafeModelError, match="values together for one picture"):
        check_graph(model, SIZE, OUTPUTS)


def test_the_bound_leaves_room_for_the_backbones() -> None:
    """As the comment at the bound says: at the largest input as well."""
    backbone = backbones.build("efficientnet_lite0")
    model = feature_graph(backbone, ("head.all.mean",), "1")
    found = helper.make_model(model.graph, opset_imports=model.opset_import, ir_version=8)
    inferred = shape_inference.infer_shapes(found).graph.value_info
    values = sum(math.prod(d.dim_value for d in v.type.tensor_type.shape.dim[1:]) for v in inferred)
    assert values * (1024 / 224) ** 2 < safety._MAX_SUM


@pytest.mark.parametrize("axis", [None, 1, -1])
def test_confidences_come_from_softmax_over_the_labels(axis: int | None) -> None:
    model = small()
    del node(model, "Softmax").attribute[:]
    if axis is not None:
        attribute(model, "Softmax", axis=axis)
    check_activations(model, {"confidence/class": True})


def renamed(operator: str, **values: object) -> Change:
    def change(model: ModelProto) -> None:
        last = node(model, "Softmax")
        del last.attribute[:]
        last.op_type = operator
        last.attribute.extend(helper.make_attribute(name, value) for name, value in values.items())

    return change


@pytest.mark.parametrize(
    ("change", "exclusive"),
    [
        (renamed("Softmax", axis=0), True),
        (renamed("Softmax"), False),
        (renamed("Sigmoid"), True),
        (renamed("Clip"), True),
        (renamed("Clip"), False),
        (lambda m: m.graph.node.remove(node(m, "Softmax")), True),
    ],
)
def test_outputs_that_are_no_confidences(change: Change, exclusive: bool) -> None:
    model = small()
    change(model)
    with pytest.raises(NotAModelError, match="does not hold confidences"):
        check_activations(model, {"confidence/class": exclusive})


def test_confidences_of_an_independent_group_come_from_sigmoid() -> None:
    model = small()
    renamed("Sigmoid")(model)
    check_activations(model, {"confidence/class": False})


def test_the_graph_that_is_changed_above_is_valid() -> None:
    checker.check_model(small(), full_check=True)


def test_names_cannot_write_to_the_terminal() -> None:
    model = small()
    node(model, "Softmax").op_type = "\x1b[2J"
    with pytest.raises(UnsafeModelError) as caught:
        check_graph(model, SIZE, OUTPUTS)
    assert "\x1b" not in str(caught.value)

"""A model file comes back as it was written, or is refused with a reason; nothing half-written is ever left."""

from __future__ import annotations

import errno
import json
import os
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from onnx import ModelProto, TensorProto, checker, helper, numpy_helper
from PIL import Image

from decisight.compute import open_session
from decisight.errors import ModelError, NewerFormatError, NotAModelError, OutputError, UnsafeModelError
from decisight.models import model_file
from decisight.models.card import Calibration
from decisight.models.model_file import (
    FORMAT,
    ModelFile,
    graph_digest,
    read_model,
    seal,
    settings_digest,
    with_card,
    write_model,
)
from decisight.types import LabelGroup, Task

Change = Callable[[ModelProto], object]
GREY = np.full((1, 224, 224, 3), 128, np.uint8)


def parsed(path: Path) -> ModelProto:
    return ModelProto.FromString(path.read_bytes())


def metadata(model: ModelProto, **values: str | None) -> None:
    """Set keys of the metadata, or remove them (``None``)."""
    kept = {entry.key: entry.value for entry in model.metadata_props} | values
    helper.set_model_props(model, {key: value for key, value in kept.items() if value is not None})


def confidences(graph: bytes) -> list[np.ndarray]:
    return open_session(graph).run(None, {"image": GREY})


class TestRoundTrip:
    def test_all_of_it_comes_back(self, gear_model: Path, tmp_path: Path) -> None:
        model = read_model(gear_model)
        write_model(tmp_path / "copy.onnx", model)
        assert read_model(tmp_path / "copy.onnx") == model
        assert (tmp_path / "copy.onnx").read_bytes() == gear_model.read_bytes()
        assert [group.name for group in model.card.task.groups] == ["helmet", "vest", "extras"]

    def test_any_onnx_tool_can_open_it(self, gear_model: Path) -> None:
        model = parsed(gear_model)
        checker.check_model(model, full_check=True)
        keys = {entry.key for entry in model.metadata_props}
        assert {"decisight_format", "decisight.groups", "decisight.preprocessing", "decisight.thresholds"} <= keys

    def test_making_it_again_gives_the_same_bytes(self, gear_model: Path) -> None:
        model = read_model(gear_model)
        again = seal(ModelProto.FromString(model.graph), model.card)
        assert again == model

    def test_the_order_in_which_constants_lie_is_nothing_that_computes(self, gear_model: Path) -> None:
        model, card = parsed(gear_model), read_model(gear_model).card
        constants = list(model.graph.initializer)[::-1]
        del model.graph.initializer[:]
        model.graph.initializer.extend(constants)
        assert graph_digest(model, card.to_metadata()) == read_model(gear_model).graph_digest


class TestDigests:
    def test_settings_change_their_own_digest_only(self, gear_model: Path, tmp_path: Path) -> None:
        model = read_model(gear_model)
        seen = {model.settings_digest}
        for changes in (
            {"thresholds": {"helmet:worn": 0.8}},
            {"thresholds": {"helmet:worn": 0.9}},
            {"thresholds": {"gloves": 0.8}},
            {"fallback": "ask"},
        ):
            changed = with_card(model, replace(model.card, **changes))
            write_model(tmp_path / "changed.onnx", changed)
            again = read_model(tmp_path / "changed.onnx")
            assert again == changed
            assert again.graph_digest == model.graph_digest
            seen.add(again.settings_digest)
        assert len(seen) == 5

    def test_the_order_of_thresholds_is_nothing(self, gear_model: Path) -> None:
        card = read_model(gear_model).card
        one = replace(card, thresholds={"helmet:worn": 1, "gloves": 0.5})
        other = replace(card, thresholds={"gloves": 0.5, "helmet:worn": 1.0})
        assert settings_digest(one) == settings_digest(other) != settings_digest(card)

    def test_provenance_changes_neither(self, gear_model: Path) -> None:
        model = read_model(gear_model)
        changed = with_card(model, replace(model.card, name="other", data={"pictures": 3}, metrics={"accuracy": 0.5}))
        assert (changed.graph_digest, changed.settings_digest) == (model.graph_digest, model.settings_digest)

    @pytest.mark.parametrize(
        "change",
        [
            lambda m: setattr(m.graph.node[-1], "op_type", "Softmax"),
            lambda m: m.graph.node[-2].input.reverse(),
            lambda m: m.graph.node.add(op_type="Clip", input=["x"], output=["y"]),
            lambda m: m.graph.node[-1].attribute.append(helper.make_attribute("axis", 1)),
            lambda m: setattr(m.graph.initializer[0], "name", "other"),
            lambda m: setattr(m.graph.initializer[0], "raw_data", bytes(len(m.graph.initializer[0].raw_data))),
            lambda m: m.graph.initializer[0].dims.append(1),
            lambda m: setattr(m.opset_import[0], "version", 13),
        ],
    )
    def test_all_that_computes_is_in_the_digest(self, gear_model: Path, change: Change) -> None:
        model, card = parsed(gear_model), read_model(gear_model).card
        change(model)
        assert graph_digest(model, card.to_metadata()) != read_model(gear_model).graph_digest

    def test_labels_and_preprocessing_are_in_the_digest(self, small_model: Path) -> None:
        model, card = parsed(small_model), read_model(small_model).card
        swapped = replace(card, task=Task((LabelGroup("class", ("dog", "cat")),)))
        larger = replace(card, preprocessing=replace(card.preprocessing, fill=(0, 0, 0)))
        assert len({graph_digest(model, changed.to_metadata()) for changed in (card, swapped, larger)}) == 3

    @pytest.mark.parametrize("key", ["groups", "preprocessing"])
    def test_a_file_of_another_version_keeps_its_digest(self, gear_model: Path, tmp_path: Path, key: str) -> None:
        """It says the same in other words: fields in another order, other spaces."""
        path = tmp_path / "model.onnx"
        own = dict(read_model(gear_model).card.to_metadata())
        text = json.dumps(json.loads(own[f"decisight.{key}"]), separators=(",", ":"), sort_keys=True)
        assert text != own[f"decisight.{key}"]
        changed(gear_model, path, card(key, text), resealed=True)
        model = read_model(path)
        assert model.card == read_model(gear_model).card
        other = with_card(model, replace(model.card, thresholds={"gloves": 0.9}, fallback="ask"))
        write_model(tmp_path / "other.onnx", other)
        again = read_model(tmp_path / "other.onnx")
        assert again.graph_digest == model.graph_digest != read_model(gear_model).graph_digest
        assert again.card.thresholds == {"gloves": 0.9}


class TestWriting:
    @pytest.fixture
    def model(self, small_model: Path) -> ModelFile:
        return read_model(small_model)

    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        """A folder with an older model in it."""
        (tmp_path / "model.onnx").write_bytes(b"the old one")
        return tmp_path

    @staticmethod
    def untouched(folder: Path) -> bool:
        return {p.name: p.read_bytes() for p in folder.iterdir()} == {"model.onnx": b"the old one"}

    def test_the_old_file_is_replaced(self, model: ModelFile, folder: Path) -> None:
        write_model(folder / "model.onnx", model)
        assert [p.name for p in folder.iterdir()] == ["model.onnx"]
        assert read_model(folder / "model.onnx") == model

    @pytest.mark.skipif(sys.platform == "win32", reason="a file that is open cannot be replaced there")
    def test_whoever_reads_the_old_file_reads_it_to_the_end(self, model: ModelFile, folder: Path) -> None:
        with (folder / "model.onnx").open("rb") as old:
            write_model(folder / "model.onnx", model)
            assert old.read() == b"the old one"

    @pytest.mark.skipif(sys.platform == "win32", reason="permissions are other ones there")
    def test_permissions_are_those_of_any_new_file(self, model: ModelFile, tmp_path: Path) -> None:
        old = os.umask(0o027)
        try:
            write_model(tmp_path / "model.onnx", model)
        finally:
            os.umask(old)
        assert (tmp_path / "model.onnx").stat().st_mode & 0o777 == 0o640

    def test_a_full_disk(self, model: ModelFile, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def full(_: int) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(os, "fsync", full)
        with pytest.raises(OutputError, match=r"model\.onnx cannot be written: No space left"):
            write_model(folder / "model.onnx", model)
        assert self.untouched(folder)

    @pytest.mark.skipif(sys.platform == "win32", reason="there are no such limits there")
    def test_a_file_that_the_system_does_not_let_grow(self, model: ModelFile, folder: Path) -> None:
        import resource

        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
        try:
            with pytest.raises(OutputError, match="cannot be written"):
                write_model(folder / "model.onnx", model)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert self.untouched(folder)

    @pytest.mark.parametrize("interruption", [KeyboardInterrupt, SystemExit, RuntimeError])
    def test_an_interruption(
        self,
        model: ModelFile,
        folder: Path,
        monkeypatch: pytest.MonkeyPatch,
        interruption: type[BaseException],
    ) -> None:
        def interrupt(_: int) -> None:
            raise interruption

        monkeypatch.setattr(os, "fsync", interrupt)
        with pytest.raises(interruption):
            write_model(folder / "model.onnx", model)
        assert self.untouched(folder)

    def test_a_disk_that_does_not_keep_what_it_is_given(
        self, model: ModelFile, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        real = Path.read_bytes
        monkeypatch.setattr(Path, "read_bytes", lambda path: real(path)[:-1] + b"?")
        with pytest.raises(ModelError):
            write_model(folder / "model.onnx", model)
        monkeypatch.undo()
        assert self.untouched(folder)

    def test_a_disk_that_gives_another_model_back(
        self, model: ModelFile, gear_model: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        other = gear_model.read_bytes()
        monkeypatch.setattr(Path, "read_bytes", lambda _: other)
        with pytest.raises(NotAModelError, match="not what was read back"):
            write_model(folder / "model.onnx", model)
        monkeypatch.undo()
        assert self.untouched(folder)

    def test_what_could_not_be_read_is_not_written(self, model: ModelFile, folder: Path) -> None:
        with pytest.raises(NotAModelError, match="no label 'bird'"):
            write_model(folder / "model.onnx", with_card(model, replace(model.card, thresholds={"bird": 0.5})))
        assert self.untouched(folder)

    @pytest.mark.parametrize(
        ("place", "says"),
        [
            ("", "is a folder"),
            ("sub", "is a folder"),
            ("none/model.onnx", "there is no folder"),
            ("model.onnx/model.onnx", "there is no folder"),
            ("m" * 300, "cannot be written: File name too long"),
            ("a\0b.onnx", "is no path"),
        ],
    )
    def test_places_that_cannot_be(self, model: ModelFile, tmp_path: Path, place: str, says: str) -> None:
        (tmp_path / "sub").mkdir()
        (tmp_path / "model.onnx").write_bytes(b"the old one")
        with pytest.raises(OutputError, match=says) as caught:
            write_model(tmp_path / place, model)
        assert caught.value.hint
        assert sorted(p.name for p in tmp_path.iterdir()) == ["model.onnx", "sub"]

    @pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no such files there")
    def test_a_device_is_not_replaced(self, model: ModelFile, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "pipe")
        with pytest.raises(OutputError, match="device or a pipe"):
            write_model(tmp_path / "pipe", model)
        assert (tmp_path / "pipe").is_fifo()

    def test_a_long_name(self, model: ModelFile, tmp_path: Path) -> None:
        path = tmp_path / ("m" * 250 + ".onnx")
        write_model(path, model)
        assert read_model(path) == model


# Damage: what stands in the file is none of ours.


def picture(path: Path) -> None:
    Image.new("RGB", (16, 16)).save(path, "PNG")


def anothers(path: Path) -> None:
    graph = helper.make_graph(
        [helper.make_node("Relu", ["x"], ["y"])],
        "anothers",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1])],
    )
    path.write_bytes(helper.make_model(graph).SerializeToString())


FOREIGN: list[tuple[str, Callable[[Path], object], str]] = [
    ("nothing there", lambda _: None, "there is no such file"),
    ("empty", lambda path: path.write_bytes(b""), "it is empty"),
    ("a folder", lambda path: path.mkdir(), "it is a folder"),
    ("a picture", picture, "not an ONNX file|not an ONNX model"),
    ("a text", lambda path: path.write_text("helmet,vest\n"), "not an ONNX file|not an ONNX model"),
    ("a zip", lambda path: path.write_bytes(b"PK\x03\x04" + bytes(50)), "not an ONNX file|not an ONNX model"),
    ("zeros", lambda path: path.write_bytes(bytes(4096)), "not an ONNX file"),
    (
        "an empty message",
        lambda path: path.write_bytes(ModelProto(ir_version=8).SerializeToString()),
        "not an ONNX model",
    ),
    ("another tool's model", anothers, "an ONNX model, but not one made by Decisight"),
]


@pytest.mark.parametrize(("make", "says"), [pytest.param(make, says, id=name) for name, make, says in FOREIGN])
def test_what_is_no_model_of_ours(tmp_path: Path, make: Callable[[Path], object], says: str) -> None:
    path = tmp_path / "model.onnx"
    make(path)
    with pytest.raises(NotAModelError, match=says) as caught:
        read_model(path)
    assert str(path) in caught.value.message
    assert "decisight train" in str(caught.value.hint)


def test_a_path_that_is_none() -> None:
    with pytest.raises(NotAModelError, match="no path"):
        read_model(Path("a\0b"))
    with pytest.raises(NotAModelError, match="cannot be read: File name too long"):
        read_model(Path("m" * 300))


@pytest.mark.timeout(20)
@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no such files there")
def test_nobody_waits_for_a_pipe(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "model.onnx")
    with pytest.raises(NotAModelError, match="device or a pipe"):
        read_model(tmp_path / "model.onnx")


def test_a_file_that_is_too_large(small_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model_file, "MAX_BYTES", small_model.stat().st_size - 1)
    with pytest.raises(NotAModelError, match="larger than"):
        read_model(small_model)


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(min_size=1, max_size=300))
def test_random_bytes(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "model.onnx").write_bytes(data)
    with pytest.raises(NotAModelError):
        read_model(tmp_path / "model.onnx")


def test_a_file_cut_short(small_model: Path, tmp_path: Path) -> None:
    whole, path = small_model.read_bytes(), tmp_path / "model.onnx"
    for end in (*range(1, 200), *range(200, len(whole), 97), len(whole) - 1):
        path.write_bytes(whole[:end])
        with pytest.raises(NotAModelError):
            read_model(path)


def test_texts_that_are_not_utf8(small_model: Path, tmp_path: Path) -> None:
    """One byte of every text in the file, names of nodes and tensors included, and all that are spelt alike at once."""
    raw, path = small_model.read_bytes(), tmp_path / "model.onnx"
    model = parsed(small_model)
    texts = {text for node in model.graph.node for text in (node.name, node.op_type, *node.input, *node.output)}
    texts |= {text for entry in model.metadata_props for text in (entry.key, entry.value)}
    for text in sorted(texts - {""}):
        found = text.encode()
        for damaged in (raw.replace(found, b"\xff" + found[1:]), raw.replace(found, b"\xff" + found[1:], 1)):
            path.write_bytes(damaged)
            with pytest.raises(ModelError):
                read_model(path)


@settings(max_examples=500, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_flipped_byte_is_refused_or_changes_nothing(small_model: Path, tmp_path: Path, data: st.DataObject) -> None:
    raw, path = bytearray(small_model.read_bytes()), tmp_path / "model.onnx"
    for _ in range(data.draw(st.integers(1, 3))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(raw)
    try:
        found = read_model(path)
    except ModelError:
        return
    # Names of nodes and notes of other tools may differ; nothing that computes or decides.
    original = read_model(small_model)
    assert (found.card, found.graph_digest) == (original.card, original.graph_digest)
    for one, other in zip(confidences(bytes(found.graph)), confidences(original.graph), strict=True):
        np.testing.assert_array_equal(one, other)


# Changes by someone who knows the format: with digests that fit, and without.


def changed(path: Path, to: Path, change: Change, *, resealed: bool) -> None:
    """Copy a model with a change; ``resealed`` brings its digests up to date where that can be done."""
    model = parsed(path)
    change(model)
    if resealed:
        texts = {entry.key: entry.value for entry in model.metadata_props}
        metadata(
            model,
            decisight_graph_digest=graph_digest(model, read_model(path).card.to_metadata() | texts),
            decisight_card_digest=model_file._card_digest(texts),
        )
    to.write_bytes(model.SerializeToString())


def test_resealing_alone_changes_nothing(small_model: Path, tmp_path: Path) -> None:
    changed(small_model, tmp_path / "model.onnx", lambda _: None, resealed=True)
    assert read_model(tmp_path / "model.onnx").graph_digest == read_model(small_model).graph_digest


def keys(**values: str | None) -> Change:
    return lambda model: metadata(model, **values)


def card(name: str, text: str | None) -> Change:
    return lambda model: metadata(model, **{f"decisight.{name}": text})


def external(model: ModelProto) -> None:
    constant = model.graph.initializer[0]
    constant.data_location = TensorProto.EXTERNAL
    constant.external_data.add(key="location", value="weights.bin")
    constant.ClearField("raw_data")


def weight(model: ModelProto) -> None:
    """One weight becomes another, as a flipped bit on a disk makes it."""
    constant = next(c for c in model.graph.initializer if c.name.startswith("head/"))
    values = numpy_helper.to_array(constant).copy()
    values.flat[0] += 1.0
    constant.CopyFrom(numpy_helper.from_array(values, constant.name))


def foreign_operator(model: ModelProto) -> None:
    model.opset_import.append(helper.make_opsetid("com.microsoft", 1))
    model.graph.node[-1].domain = "com.microsoft"


def no_confidences(model: ModelProto) -> None:
    """Logits in the place of confidences."""
    last = next(node for node in model.graph.node if node.op_type == "Softmax")
    last.op_type = "Clip"
    last.ClearField("attribute")


def huge_padding(model: ModelProto) -> None:
    convolution = next(node for node in model.graph.node if node.op_type == "Conv")
    convolution.attribute.append(helper.make_attribute("pads", [1 << 30] * 4))


ONE_GROUP = '[{"name":"%s","kind":"exclusive","labels":[%s]}]'
FIT = '{"fit":"crop","size":%d,"fill":[0,0,0]}'

RESEALED: list[tuple[str, Change, type[ModelError], str]] = [
    ("a newer format", keys(decisight_format=str(FORMAT + 1)), NewerFormatError, "reads up to 1"),
    ("a far newer format", keys(decisight_format="999999999"), NewerFormatError, "reads up to 1"),
    ("no format", keys(decisight_format=None), NotAModelError, "not one made by Decisight"),
    ("an empty format", keys(decisight_format=""), NotAModelError, "not a number"),
    ("format one and a half", keys(decisight_format="1.5"), NotAModelError, "not a number"),
    ("format minus one", keys(decisight_format="-1"), NotAModelError, "not a number"),
    ("format nought", keys(decisight_format="0"), NotAModelError, "not a number"),
    ("format ¹", keys(decisight_format="¹"), NotAModelError, "not a number"),
    ("format one in Arabic", keys(decisight_format="\u0661"), NotAModelError, "not a number"),
    ("a format of 9,999 digits", keys(decisight_format="9" * 9999), NotAModelError, "not a number"),
    ("no labels", card("groups", None), NotAModelError, "lack 'decisight.groups'"),
    ("labels that are no JSON", card("groups", "{"), NotAModelError, "metadata cannot be understood"),
    ("labels of another kind", card("groups", '{"a": 1}'), NotAModelError, "a list was expected"),
    ("preprocessing of another kind", card("preprocessing", "[]"), NotAModelError, "values by name"),
    ("another input size", card("preprocessing", FIT % 240), NotAModelError, "240 x 240"),
    ("an absurd input size", card("preprocessing", FIT % 50_000), UnsafeModelError, "pixels wide"),
    (
        "three labels for two outputs",
        card("groups", ONE_GROUP % ("class", '"a","b","c"')),
        NotAModelError,
        "does not fit the labels",
    ),
    (
        "another group's name",
        card("groups", ONE_GROUP % ("other", '"a","b"')),
        NotAModelError,
        "outputs do not fit the labels",
    ),
    (
        "a calibration of three",
        card("calibration", '[{"temperature":1,"bias":[0,0,0]}]'),
        NotAModelError,
        "does not fit the labels",
    ),
    ("a threshold of nothing", card("thresholds", '{"bird": 0.5}'), NotAModelError, "no label 'bird'"),
    ("a threshold above 1", card("thresholds", '{"cat": 1.5}'), NotAModelError, "not between 0 and 1"),
    ("a threshold below 0", card("thresholds", '{"cat": -0.5}'), NotAModelError, "not between 0 and 1"),
    ("a threshold that is no number", card("thresholds", '{"cat": NaN}'), NotAModelError, "no number"),
    ("a key of a newer version", card("operating_points", "[]"), NewerFormatError, "does not know: 'operating_points'"),
    ("logits for confidences", no_confidences, NotAModelError, "does not hold confidences"),
    ("external data", external, UnsafeModelError, "lies in another file"),
    ("a foreign operator", foreign_operator, UnsafeModelError, "operators of others"),
    (
        "an unknown operator",
        lambda m: setattr(m.graph.node[-1], "op_type", "Nope"),
        UnsafeModelError,
        "operator 'Nope'",
    ),
    ("huge padding", huge_padding, UnsafeModelError, "pads"),
    ("no graph", lambda m: m.ClearField("graph"), NotAModelError, "not an ONNX model|not valid ONNX"),
]


@pytest.mark.parametrize(
    ("change", "error", "says"), [pytest.param(change, error, says, id=name) for name, change, error, says in RESEALED]
)
def test_changes_by_someone_who_knows_the_format(
    small_model: Path, tmp_path: Path, change: Change, error: type[ModelError], says: str
) -> None:
    path = tmp_path / "model.onnx"
    changed(small_model, path, change, resealed=True)
    with pytest.raises(error, match=says) as caught:
        read_model(path)
    assert type(caught.value) is error
    assert str(path) in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize(
    "change",
    [
        weight,
        lambda m: m.graph.node.append(helper.make_node("Clip", ["confidence/class"], ["more"])),
        keys(decisight_graph_digest="sha256:" + 64 * "0"),
        keys(decisight_graph_digest=None),
        keys(decisight_card_digest=None),
        card("thresholds", '{"cat": 0.5}'),
        card("groups", ONE_GROUP % ("class", '"dog","cat"')),
        card("name", '"another"'),
        card("colour", "{}"),
    ],
)
def test_changes_by_another_tool_show(small_model: Path, tmp_path: Path, change: Change) -> None:
    changed(small_model, tmp_path / "model.onnx", change, resealed=False)
    with pytest.raises(NotAModelError, match="its digest does not fit its contents"):
        read_model(tmp_path / "model.onnx")


def test_notes_of_another_tool_are_no_damage(small_model: Path, tmp_path: Path) -> None:
    def note(model: ModelProto) -> None:
        metadata(model, author="somebody")
        model.doc_string = "copied"

    changed(small_model, tmp_path / "model.onnx", note, resealed=False)
    assert read_model(tmp_path / "model.onnx").card == read_model(small_model).card


def test_a_calibration_on_the_card_is_checked_against_every_group(gear_model: Path, tmp_path: Path) -> None:
    model = read_model(gear_model)
    wrong = replace(model.card, calibration=(Calibration(1.0, (0.0,) * 6),))
    with pytest.raises(NotAModelError, match="does not fit the labels"):
        write_model(tmp_path / "model.onnx", with_card(model, wrong))

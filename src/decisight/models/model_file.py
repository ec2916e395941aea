"""The model file: one ONNX file that holds backbone, heads, preprocessing, labels, calibration and thresholds.

Nothing in it is ever unpickled or run but the graph, and the graph may hold only what Decisight itself writes.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from decisight.errors import DecisightError, ModelError, NewerFormatError, NotAModelError, OutputError
from decisight.models.card import ModelCard
from decisight.models.safety import check_graph

if TYPE_CHECKING:
    from onnx import ModelProto

__all__ = ["FORMAT", "ModelFile", "graph_digest", "output_name", "read_model", "settings_digest", "write_model"]

FORMAT = 1
"""The format that this version writes, and the newest that it reads."""

MAX_BYTES = 1 << 30
"""A model file larger than this (1 GiB) is refused unread."""

_FORMAT_KEY = "decisight_format"
_DIGEST_KEY = "decisight_graph_digest"


@dataclass(frozen=True, slots=True)
class ModelFile:
    """A model as it lies in a file: the bytes of its graph, its card, and the digests of both parts.

    Args:
        graph: the ONNX file's bytes.
        card: what it says of itself.
        graph_digest: ``sha256:...`` of what computes: graph, labels and preprocessing.
        settings_digest: ``sha256:...`` of what decides: thresholds and fall-back.
    """

    graph: bytes
    card: ModelCard
    graph_digest: str
    settings_digest: str


def output_name(group: str) -> str:
    """The graph's output that holds the confidences of a group, float32 (N, labels)."""
    return f"confidence/{group}"


def graph_digest(model: ModelProto, card: ModelCard) -> str:
    """``sha256:...`` of all that a confidence depends on: nodes, constants, labels in their order, preprocessing."""
    digest = hashlib.sha256()

    def take(*parts: bytes) -> None:
        for part in parts:
            digest.update(len(part).to_bytes(8, "little"))
            digest.update(part)

    metadata = card.to_metadata()
    take(metadata["decisight.groups"].encode(), metadata["decisight.preprocessing"].encode())
    for node in model.graph.node:
        take(node.op_type.encode(), *(name.encode() for name in (*node.input, "->", *node.output)))
        for attribute in sorted(node.attribute, key=lambda a: a.name):
            take(attribute.SerializeToString(deterministic=True))
    for constant in sorted(model.graph.initializer, key=lambda c: c.name):
        take(constant.name.encode(), str(constant.data_type).encode(), str(list(constant.dims)).encode())
        take(constant.raw_data)
    return f"sha256:{digest.hexdigest()}"


def settings_digest(card: ModelCard) -> str:
    """``sha256:...`` of what decides, once the confidences are there: thresholds and fall-back."""
    text = json.dumps({"thresholds": card.thresholds, "fallback": card.fallback}, sort_keys=True)
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def seal(model: ModelProto, card: ModelCard) -> ModelFile:
    """Put the card and the digest into the graph's metadata; nothing is written."""
    from onnx import helper

    digest = graph_digest(model, card)
    helper.set_model_props(model, {_FORMAT_KEY: str(FORMAT), _DIGEST_KEY: digest, **card.to_metadata()})
    return ModelFile(model.SerializeToString(deterministic=True), card, digest, settings_digest(card))


def write_model(path: Path, model: ModelFile) -> None:
    """Write a model file whole or not at all.

    It is written beside its place, read back and checked, and then moved to its name: an interruption leaves the old
    file, or none.

    Raises:
        OutputError: the place cannot be written, or the disk is full.
        NotAModelError: what was read back is not what was written.
    """
    with _replacing(path) as beside:
        beside.write_bytes(model.graph)
        if read_model(beside).graph_digest != model.graph_digest:
            raise NotAModelError(f"what was written to {path} is not what was read back", hint="check the disk")


@contextlib.contextmanager
def _replacing(path: Path) -> Iterator[Path]:
    """A temporary file in the same folder, moved to ``path`` at the end, removed if anything goes wrong."""
    if path.is_dir():
        raise OutputError(f"{path} is a folder", hint="name a file to write, for example model.onnx")
    if not path.parent.is_dir():
        raise OutputError(f"there is no folder {path.parent}", hint="make it first, or name another place")
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
        os.close(handle)
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error.strerror}") from error
    beside = Path(name)
    try:
        yield beside
        beside.chmod(0o666 & ~_umask())
        beside.replace(path)
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error.strerror}", hint="nothing was left behind") from error
    finally:
        beside.unlink(missing_ok=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def read_model(path: Path) -> ModelFile:
    """Read and check a model file.

    Raises:
        NotAModelError: it is not there, not a Decisight model, or damaged.
        NewerFormatError: it was written in a newer format.
        UnsafeModelError: it holds external data, foreign operators, or tensors of absurd size.
    """
    try:
        return _parse(_read_bytes(path))
    except ModelError as error:
        raise type(error)(f"{path} cannot be used as a model: {error.message}", hint=error.hint) from error


def _read_bytes(path: Path) -> bytes:
    hint = "a model file is made by: decisight train DATA -o model.onnx"
    try:
        if path.is_dir():
            raise NotAModelError("it is a folder", hint=hint)
        if path.stat().st_size > MAX_BYTES:
            raise NotAModelError(f"it is larger than {MAX_BYTES >> 20} MiB", hint=hint)
        return path.read_bytes()
    except FileNotFoundError as error:
        raise NotAModelError("there is no such file", hint=hint) from error
    except OSError as error:
        raise NotAModelError(f"it cannot be read: {error.strerror}", hint=hint) from error


def _parse(data: bytes) -> ModelFile:
    from google.protobuf.message import DecodeError
    from onnx import ModelProto

    hint = "it should be a file made by: decisight train DATA -o model.onnx"
    if not data:
        raise NotAModelError("it is empty", hint=hint)
    try:
        model = ModelProto.FromString(data)
    except DecodeError as error:
        raise NotAModelError("it is not an ONNX file, or it is damaged", hint=hint) from error
    metadata = {prop.key: prop.value for prop in model.metadata_props}
    if _FORMAT_KEY not in metadata:
        what = "an ONNX model, but not one made by Decisight" if model.graph.node else "not an ONNX model"
        raise NotAModelError(f"it is {what}", hint=hint)
    if not metadata[_FORMAT_KEY].isdecimal() or int(metadata[_FORMAT_KEY]) < 1:
        raise NotAModelError(f"its format is {metadata[_FORMAT_KEY]!r}, which is not a number", hint=hint)
    if int(metadata[_FORMAT_KEY]) > FORMAT:
        raise NewerFormatError(
            f"it has format {metadata[_FORMAT_KEY]}, and this version reads up to {FORMAT}",
            hint="it was made by a newer Decisight: upgrade with pip install -U decisight",
        )
    card = ModelCard.from_metadata(metadata)
    check_graph(model, card.preprocessing.size, {output_name(g.name): len(g.labels) for g in card.task.groups})
    if [len(c.bias) for c in card.calibration] != [len(g.labels) for g in card.task.groups]:
        raise NotAModelError("its calibration does not fit its labels", hint=hint)
    digest = graph_digest(model, card)
    if metadata.get(_DIGEST_KEY) != digest:
        raise NotAModelError(
            "its digest does not fit its contents: it is damaged, or it was changed by another tool",
            hint="take it again from where it came from",
        )
    _check_thresholds(card)
    return ModelFile(data, card, digest, settings_digest(card))


def _check_thresholds(card: ModelCard) -> None:
    for name, value in card.thresholds.items():
        try:
            card.task.find(name)
        except DecisightError as error:
            raise NotAModelError(f"it has a threshold for {name!r}, which is no label of it") from error
        if not 0.0 <= value <= 1.0:
            raise NotAModelError(f"its threshold of {name!r} is {value}, which is not between 0 and 1")

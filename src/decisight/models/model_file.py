"""The model file: one ONNX file that holds backbone, heads, preprocessing, labels, calibration and thresholds.

Nothing in it is ever unpickled or run but the graph, and the graph may hold only what Decisight itself writes.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from decisight.errors import ModelError, NewerFormatError, NotAModelError, OutputError
from decisight.files import draft_of, printable
from decisight.models.card import UPGRADE, ModelCard
from decisight.models.safety import check_activations, check_graph, check_share

if TYPE_CHECKING:
    from onnx import ModelProto

__all__ = [
    "FAMILIARITY",
    "FORMAT",
    "MAX_BYTES",
    "ModelFile",
    "graph_digest",
    "output_name",
    "read_model",
    "seal",
    "settings_digest",
    "with_card",
    "write_model",
]

FORMAT = 1
"""The format that this version writes, and the newest that it reads."""

MAX_BYTES = 1 << 30
"""A model file larger than this (1 GiB) is refused unread."""

_MADE_BY = "a model file is made by: decisight train DATA -o model.onnx"
_NO_ONNX = "it is not an ONNX file, or it is damaged"
_FORMAT_KEY = "decisight_format"
_DIGEST_KEY = "decisight_graph_digest"
_CARD_KEY = "decisight_card_digest"


@dataclass(frozen=True, slots=True)
class ModelFile:
    """A model as it lies in a file: the bytes of its graph, its card, and the digests of both parts.

    Args:
        graph: the ONNX file's bytes.
        card: what it says of itself.
        graph_digest: ``sha256:...`` of what computes: graph, labels and preprocessing.
        settings_digest: ``sha256:...`` of what decides: thresholds, fall-back, least familiarity, costs.
    """

    graph: bytes
    card: ModelCard
    graph_digest: str
    settings_digest: str


FAMILIARITY = "familiarity"
"""The graph's output, where it has one, that holds how familiar a picture is, float32 (N, 1) in 0..1."""


def output_name(group: str) -> str:
    """The graph's output that holds the confidences of a group, float32 (N, labels)."""
    return f"confidence/{group}"


def graph_digest(model: ModelProto, metadata: Mapping[str, str]) -> str:
    """``sha256:...`` of all that a confidence depends on.

    Nodes, constants, what the operators mean (their set's version), labels in their order, and preprocessing; not how
    the file is laid out.

    Args:
        model: the graph.
        metadata: of the file. Groups and preprocessing count as the texts that they are there: another version, which
            would write them otherwise, finds the same digest.
    """
    digest = hashlib.sha256()

    def take(*parts: bytes) -> None:
        for part in parts:
            digest.update(len(part).to_bytes(8, "little"))
            digest.update(part)

    take(metadata["decisight.groups"].encode(), metadata["decisight.preprocessing"].encode())
    take(*(f"{opset.domain} {opset.version}".encode() for opset in model.opset_import))
    for node in model.graph.node:
        take(node.op_type.encode(), *(name.encode() for name in (*node.input, "->", *node.output)))
        for attribute in sorted(node.attribute, key=lambda a: a.name):
            take(attribute.SerializeToString(deterministic=True))
    for constant in sorted(model.graph.initializer, key=lambda c: c.name):
        take(constant.name.encode(), str(constant.data_type).encode(), str(list(constant.dims)).encode())
        take(constant.raw_data)
    return f"sha256:{digest.hexdigest()}"


def settings_digest(card: ModelCard) -> str:
    """``sha256:...`` of what decides, once the confidences are there: thresholds, fall-back, and what else is said."""
    thresholds = {name: float(value) for name, value in card.thresholds.items()}
    deciding: dict[str, object] = {"thresholds": thresholds, "fallback": card.fallback}
    if card.min_familiarity is not None:
        deciding["min_familiarity"] = float(card.min_familiarity)
    if card.costs:
        deciding["costs"] = card.costs
    text = json.dumps(deciding, sort_keys=True)
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def _card_digest(metadata: Mapping[str, str]) -> str:
    """Of the texts of the card as they stand in the file, so that damage shows in what does not compute as well."""
    text = json.dumps({key: metadata[key] for key in metadata if key.startswith("decisight.")}, sort_keys=True)
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def seal(model: ModelProto, card: ModelCard) -> ModelFile:
    """Put the card and the digests into the graph's metadata; nothing is written."""
    return _sealed(model, card, card.to_metadata())


def _sealed(model: ModelProto, card: ModelCard, metadata: dict[str, str]) -> ModelFile:
    from onnx import helper

    digest = graph_digest(model, metadata)
    keys = {_FORMAT_KEY: str(FORMAT), _DIGEST_KEY: digest, _CARD_KEY: _card_digest(metadata)}
    helper.set_model_props(model, {**keys, **metadata})
    return ModelFile(model.SerializeToString(deterministic=True), card, digest, settings_digest(card))


def with_card(file: ModelFile, card: ModelCard) -> ModelFile:
    """The same network under another card, for example with other thresholds; nothing is written.

    What the new card does not change stays as the file has it, to the letter: so does the digest of a file that
    another version wrote.
    """
    from onnx import ModelProto

    model = ModelProto.FromString(file.graph)
    there = {prop.key: prop.value for prop in model.metadata_props}
    before, after = ModelCard.from_metadata(there).to_metadata(), card.to_metadata()
    kept = {key: there[key] for key in after if key in there and before[key] == after[key]}
    return _sealed(model, card, after | kept)


def write_model(path: Path, model: ModelFile) -> None:
    """Write a model file whole or not at all.

    It is written beside its place, read back and checked, and then takes its name: an interruption leaves the old
    file, or none.

    Raises:
        OutputError: the place cannot be written, or the disk is full.
        ModelError: what was read back is not what was written, or cannot be used as a model.
    """
    _check_place(path)
    with draft_of(path) as draft:
        with draft.open("wb") as file:
            file.write(model.graph)
            file.flush()
            os.fsync(file.fileno())
        again = read_model(draft)
        if (again.graph_digest, again.settings_digest) != (model.graph_digest, model.settings_digest):
            raise NotAModelError(f"what was written to {path} is not what was read back", hint="check the disk")


def _check_place(path: Path) -> None:
    hint = "name a file to write, for example model.onnx"
    if os.path.isdir(path):
        raise OutputError(f"{printable(path)} is a folder", hint=hint)
    if os.path.exists(path) and not os.path.isfile(path):
        raise OutputError(f"{printable(path)} is a device or a pipe", hint=hint)
    if "\0" in path.name:
        raise OutputError(f"{str(path)!r} is no path", hint=hint)
    if not os.path.isdir(path.parent):
        raise OutputError(f"there is no folder {printable(path.parent)}", hint="make it first, or name another place")


def read_model(path: Path) -> ModelFile:
    """Read and check a model file.

    Raises:
        NotAModelError: it is not there, not a Decisight model, or damaged.
        NewerFormatError: it was written in a newer format, or says what this version does not know.
        UnsafeModelError: it holds external data, foreign operators, or tensors of absurd size.
    """
    try:
        return _parse(_read_bytes(path))
    except ModelError as error:
        hint = error.hint or "fetch it again from where it came from, or train it again"
        raise type(error)(f"{path} cannot be used as a model: {error.message}", hint=hint) from error


def _read_bytes(path: Path) -> bytes:
    try:
        if path.is_dir():
            raise NotAModelError("it is a folder", hint=_MADE_BY)
        if path.exists() and not path.is_file():
            raise NotAModelError("it is a device or a pipe", hint=_MADE_BY)
        if path.stat().st_size > MAX_BYTES:
            raise NotAModelError(f"it is larger than {MAX_BYTES >> 20} MiB", hint=_MADE_BY)
        return path.read_bytes()
    except FileNotFoundError as error:
        raise NotAModelError("there is no such file", hint=_MADE_BY) from error
    except OSError as error:
        raise NotAModelError(f"it cannot be read: {error.strerror}", hint=_MADE_BY) from error
    except ValueError as error:
        raise NotAModelError(f"that is no path ({error})", hint=_MADE_BY) from error


def _parse(data: bytes) -> ModelFile:
    from google.protobuf.message import DecodeError
    from onnx import ModelProto

    if not data:
        raise NotAModelError("it is empty", hint=_MADE_BY)
    try:
        return _checked(ModelProto.FromString(data), data)
    except (DecodeError, UnicodeDecodeError) as error:
        raise NotAModelError(_NO_ONNX, hint=_MADE_BY) from error


def _checked(model: ModelProto, data: bytes) -> ModelFile:
    # Some versions of protobuf give bytes for a text that is not UTF-8, others raise an error.
    if not all(isinstance(text, str) for text in _texts(model)):
        raise NotAModelError(_NO_ONNX, hint=_MADE_BY)
    metadata = {prop.key: prop.value for prop in model.metadata_props}
    if _FORMAT_KEY not in metadata:
        what = "an ONNX model, but not one made by Decisight" if model.graph.node else "not an ONNX model"
        raise NotAModelError(f"it is {what}", hint=_MADE_BY)
    _check_format(metadata[_FORMAT_KEY])
    _check_digest(metadata.get(_CARD_KEY), _card_digest(metadata))
    card = ModelCard.from_metadata(metadata)
    groups = card.task.groups
    outputs = {output_name(group.name): len(group.labels) for group in groups}
    _check_familiarity(model, card)
    check_graph(model, card.preprocessing.size, outputs | ({FAMILIARITY: 1} if card.familiarity else {}))
    check_activations(model, {output_name(group.name): group.exclusive for group in groups})
    if card.familiarity:
        check_share(model, FAMILIARITY)
    digest = graph_digest(model, metadata)
    _check_digest(metadata.get(_DIGEST_KEY), digest)
    return ModelFile(data, card, digest, settings_digest(card))


def _check_familiarity(model: ModelProto, card: ModelCard) -> None:
    """The card says how familiarity came about where the graph gives it, and only there."""
    given = any(output.name == FAMILIARITY for output in model.graph.output)
    if given != bool(card.familiarity):
        what = "has an output" if given else "lacks the output"
        why = "does not say how it came about" if given else "says how it came about"
        raise NotAModelError(
            f"its graph {what} {FAMILIARITY!r}, and its card {why}", hint="take it again from where it came from"
        )


def _check_digest(said: str | None, found: str) -> None:
    if said != found:
        raise NotAModelError(
            "its digest does not fit its contents: it is damaged, or it was changed by another tool",
            hint="take it again from where it came from",
        )


def _texts(model: ModelProto) -> Iterator[str]:
    """Every text of the file that is looked at."""
    for prop in model.metadata_props:
        yield from (prop.key, prop.value)
    for opset in model.opset_import:
        yield opset.domain
    for node in model.graph.node:
        yield from (node.name, node.op_type, node.domain, *node.input, *node.output)
        yield from (attribute.name for attribute in node.attribute)
    yield from (value.name for value in (*model.graph.input, *model.graph.output, *model.graph.initializer))


def _check_format(text: str) -> None:
    if not re.fullmatch(r"[1-9][0-9]{0,8}", text):
        raise NotAModelError(f"its format is {text[:20]!r}, which is not a number", hint=_MADE_BY)
    if int(text) > FORMAT:
        raise NewerFormatError(
            f"it has format {text}, and this version reads up to {FORMAT}",
            hint=UPGRADE,
        )

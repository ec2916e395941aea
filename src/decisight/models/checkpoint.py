"""A restricted reader of PyTorch's legacy checkpoint files: arrays come out, nothing of the file is run.

The layout (PyTorch before 1.6, ``torch.save(state_dict, _use_new_zipfile_serialization=False)``): three pickles (a
magic number, a protocol version, a dictionary about the writing system), the pickled state dict, the pickled list of
storage keys, then each storage as an eight-byte element count and raw little-endian values.

A pickle is a program, and Python's own machine for it can be turned against its user even where it may name next to
nothing: its ``BUILD`` instruction sets attributes behind the back of every check. So that machine is not used. The one
here knows the two dozen instructions that a state dict is written with, and makes numbers, texts, tuples, lists and
dictionaries of them; the few names that may occur (``OrderedDict``, ``_rebuild_tensor_v2`` and the storage types) are
never looked up.
"""

from __future__ import annotations

import io
import math
import pickletools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from decisight.errors import NotAModelError, UnsafeModelError

__all__ = ["read_checkpoint"]

_MAGIC = 0x1950A86A20F9469CFC6C
_PROTOCOL = 1001
_DICTIONARY = "collections OrderedDict"
_TENSOR = "torch._utils _rebuild_tensor_v2"
_STORAGES: dict[str, npt.DTypeLike] = {
    "torch FloatStorage": "<f4",
    "torch DoubleStorage": "<f8",
    "torch HalfStorage": "<f2",
    "torch LongStorage": "<i8",
    "torch IntStorage": "<i4",
    "torch ShortStorage": "<i2",
    "torch CharStorage": "i1",
    "torch ByteStorage": "u1",
    "torch BoolStorage": "?",
}
_NAMES = frozenset({_DICTIONARY, _TENSOR, *_STORAGES})
_NAMING = frozenset({"INST", "OBJ", "STACK_GLOBAL", "NEWOBJ", "NEWOBJ_EX", "EXT1", "EXT2", "EXT4"})
"""Instructions that name or make things in ways that a state dict is never written with."""
_MAY_RUN_CODE = "other readers may run code of it; use a checkpoint that holds a plain state dict"
_MAX_ELEMENTS = 1 << 28
"""More values than this (1 GiB of fp32) are refused: no backbone here comes near it."""
_MAX_DIMENSIONS = 8


@dataclass(frozen=True, slots=True)
class _Name:
    text: str


@dataclass(frozen=True, slots=True)
class _Storage:
    key: str
    dtype: np.dtype[Any]
    elements: int


@dataclass(frozen=True, slots=True)
class _Tensor:
    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    @property
    def elements(self) -> int:
        return math.prod(self.shape)


def read_checkpoint(path: Path) -> dict[str, npt.NDArray[Any]]:
    """Read a legacy PyTorch state dict as arrays, without PyTorch and without running anything of the file.

    Args:
        path: the checkpoint; the whole of it is read.

    Returns:
        Each tensor by its name, contiguous, in the file's own types; may be read-only.

    Raises:
        NotAModelError: the file is not there, damaged, or in another layout.
        UnsafeModelError: the file names anything beyond what a plain state dict needs.
    """
    try:
        return _parse(path.read_bytes())
    except UnsafeModelError as error:
        raise UnsafeModelError(f"{path.name}: {error.message}", hint=error.hint) from error
    except (OSError, ValueError, TypeError, KeyError, IndexError, OverflowError, MemoryError) as error:
        raise NotAModelError(
            f"the weights in {path} cannot be read: {error}", hint="reinstall the package that they come from"
        ) from error


def _parse(data: bytes) -> dict[str, npt.NDArray[Any]]:
    stream = io.BytesIO(data)
    if _load(stream) != _MAGIC or _load(stream) != _PROTOCOL:
        raise ValueError("it is not a legacy PyTorch checkpoint")
    system, state, keys = _load(stream), _load(stream), _load(stream)
    if not isinstance(system, dict) or system.get("little_endian") is not True:
        raise ValueError("it was not written on a little-endian system")
    if not isinstance(state, dict) or not all(isinstance(tensor, _Tensor) for tensor in state.values()):
        raise ValueError("it holds something else than a plain state dict")
    if sum(tensor.elements for tensor in state.values()) > _MAX_ELEMENTS:
        raise ValueError("it names more values than any backbone has")
    storages: dict[str, _Storage] = {}
    for tensor in state.values():
        if storages.setdefault(tensor.storage.key, tensor.storage) != tensor.storage:
            raise ValueError(f"it describes the storage {tensor.storage.key} in two ways")
    if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys) or sorted(keys) != sorted(storages):
        raise ValueError("the storages that it lists are not those that its tensors are in")
    arrays = {key: _read_storage(stream, storages[key]) for key in keys}
    if stream.read(1):
        raise ValueError("it goes on after its last storage")
    return {name: _view(tensor, arrays[tensor.storage.key]) for name, tensor in state.items()}


def _load(stream: io.BytesIO) -> Any:
    """What one pickle describes, in memory that grows with its length only."""
    stack: list[Any] = []
    marks: list[int] = []
    memo: dict[Any, Any] = {}

    def taken(count: int | None = None) -> list[Any]:
        """The newest values, removed from the stack: so many, or all since the last mark."""
        start = marks.pop() if count is None else len(stack) - count
        if start < 0:
            raise ValueError("it takes more values than it has")
        values = stack[start:]
        del stack[start:]
        return values

    for instruction, argument, _ in pickletools.genops(stream):
        match instruction.name:
            case "PROTO" | "STOP":
                pass
            case "MARK":
                marks.append(len(stack))
            case "NONE" | "NEWTRUE" | "NEWFALSE":
                stack.append({"NONE": None, "NEWTRUE": True, "NEWFALSE": False}[instruction.name])
            case "BININT" | "BININT1" | "BININT2" | "LONG1" | "BINUNICODE":
                stack.append(argument)
            case "EMPTY_TUPLE" | "TUPLE1" | "TUPLE2" | "TUPLE3" | "TUPLE":
                counts = {"EMPTY_TUPLE": 0, "TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
                stack.append(tuple(taken(counts.get(instruction.name))))
            case "EMPTY_LIST":
                stack.append([])
            case "EMPTY_DICT":
                stack.append({})
            case "APPEND" | "APPENDS":
                _extend(stack, taken(1 if instruction.name == "APPEND" else None))
            case "SETITEM" | "SETITEMS":
                _set_items(stack, taken(2 if instruction.name == "SETITEM" else None))
            case "BINPUT" | "LONG_BINPUT":
                memo[argument] = stack[-1]
            case "BINGET" | "LONG_BINGET":
                stack.append(memo[argument])
            case "GLOBAL":
                stack.append(_name(argument))
            case "BINPERSID":
                stack.append(_storage(stack.pop()))
            case "REDUCE":
                stack.append(_reduce(*taken(2)))
            case "BUILD":
                # The state dict's version numbers, which its arrays do not need.
                state, _ = taken(2)
                stack.append(_dictionary(state))
            case name if name in _NAMING:
                raise UnsafeModelError(
                    f"the checkpoint uses the instruction {name}, which weights do not need", hint=_MAY_RUN_CODE
                )
            case name:
                raise ValueError(f"the instruction {name} is not understood")
    return stack.pop()


def _extend(stack: list[Any], values: list[Any]) -> None:
    if not isinstance(stack[-1], list):
        raise ValueError("it appends to what is no list")
    stack[-1].extend(values)


def _set_items(stack: list[Any], values: list[Any]) -> None:
    keys = values[::2]
    # Only texts may be keys: to hash tuples of tuples of tuples may take for ever.
    if not all(isinstance(key, str) for key in keys):
        raise ValueError("it has a dictionary that is not by name")
    _dictionary(stack[-1]).update(zip(keys, values[1::2], strict=True))


def _dictionary(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError("it treats as a dictionary what is none")
    return value


def _name(text: Any) -> _Name:
    if text not in _NAMES:
        raise UnsafeModelError(
            f"the checkpoint names {str(text).replace(' ', '.')[:80]!a}, which weights do not need",
            hint=_MAY_RUN_CODE,
        )
    return _Name(text)


def _storage(description: Any) -> _Storage:
    match description:
        case ("storage", _Name(name), str(key), str(), int(elements), None) if (
            name in _STORAGES and 0 <= elements <= _MAX_ELEMENTS
        ):
            return _Storage(key, np.dtype(_STORAGES[name]), elements)
    raise ValueError("a storage is described in a way that is not understood")


def _reduce(name: Any, arguments: Any) -> Any:
    match name, arguments:
        case _Name(text), () if text == _DICTIONARY:
            return {}
        case _Name(text), (_Storage() as storage, int(offset), tuple(shape), tuple(strides), *_) if text == _TENSOR:
            sizes = (offset, *shape, *strides)
            if (
                len(shape) == len(strides) <= _MAX_DIMENSIONS
                and all(isinstance(size, int) for size in sizes)
                and all(0 <= size <= _MAX_ELEMENTS for size in sizes)
            ):
                return _Tensor(storage, offset, shape, strides)
    raise ValueError("a tensor is described in a way that is not understood")


def _read_storage(stream: io.BytesIO, storage: _Storage) -> npt.NDArray[Any]:
    count = int.from_bytes(stream.read(8), "little")
    raw = stream.read(storage.elements * storage.dtype.itemsize)
    if count != storage.elements or len(raw) != storage.elements * storage.dtype.itemsize:
        raise ValueError(f"the storage {storage.key} does not hold the {storage.elements} values that are named")
    return np.frombuffer(raw, storage.dtype)


def _view(tensor: _Tensor, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    if tensor.elements == 0:
        return np.zeros(tensor.shape, values.dtype)
    last = tensor.offset + sum((n - 1) * stride for n, stride in zip(tensor.shape, tensor.strides, strict=True))
    if last >= len(values) or tensor.elements > len(values):
        raise ValueError(f"a tensor reaches past its storage of {len(values)} values")
    strides = tuple(stride * values.itemsize for stride in tensor.strides)
    return np.asarray(np.lib.stride_tricks.as_strided(values[tensor.offset :], tensor.shape, strides), order="C")

"""A restricted reader of PyTorch's legacy checkpoint files: arrays come out, nothing of the file is run.

The layout (PyTorch before 1.6, ``torch.save(state_dict, _use_new_zipfile_serialization=False)``): three pickles (a
magic number, a protocol version, a dictionary about the writing system), the pickled state dict, the pickled list of
storage keys, then each storage as an eight-byte element count and raw little-endian values.

A pickle is a program. This reader allows it three names only (``OrderedDict``, ``_rebuild_tensor_v2`` and the storage
types), and each of them stands for a plain value here, so no code of the file's choosing can run.
"""

from __future__ import annotations

import io
import pickle  # the Unpickler below is restricted to three names, see the module's docstring
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from decisight.errors import NotAModelError, UnsafeModelError

__all__ = ["read_checkpoint"]

_MAGIC = 0x1950A86A20F9469CFC6C
_PROTOCOL = 1001
_STORAGES = {
    "FloatStorage": np.dtype("<f4"),
    "DoubleStorage": np.dtype("<f8"),
    "HalfStorage": np.dtype("<f2"),
    "LongStorage": np.dtype("<i8"),
    "IntStorage": np.dtype("<i4"),
    "ShortStorage": np.dtype("<i2"),
    "CharStorage": np.dtype("i1"),
    "ByteStorage": np.dtype("u1"),
    "BoolStorage": np.dtype("?"),
}
_MAX_ELEMENTS = 1 << 28
"""A tensor larger than this (1 GiB of fp32) is refused: no backbone here comes near it."""


@dataclass(frozen=True, slots=True)
class _StorageType:
    dtype: np.dtype[Any]


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


def _rebuild(storage: object, offset: object, shape: object, strides: object, *_: object) -> _Tensor:
    """Stands in for ``torch._utils._rebuild_tensor_v2``: keeps its arguments, checked."""
    if not (
        isinstance(storage, _Storage)
        and isinstance(offset, int)
        and isinstance(shape, tuple)
        and isinstance(strides, tuple)
        and len(shape) == len(strides)
        and all(isinstance(n, int) and n >= 0 for n in (offset, *shape, *strides))
    ):
        raise pickle.UnpicklingError("a tensor is described in a way that is not understood")
    return _Tensor(storage, offset, shape, strides)


class _RestrictedUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _rebuild
        if module == "torch" and name in _STORAGES:
            return _StorageType(_STORAGES[name])
        raise UnsafeModelError(
            f"the checkpoint names {module}.{name}, which weights do not need",
            hint="it may run code when it is loaded; use a checkpoint that holds a plain state dict",
        )

    def persistent_load(self, pid: Any) -> _Storage:
        match pid:
            case ("storage", _StorageType(dtype), str(key), str(), int(elements), None) if (
                0 <= elements <= _MAX_ELEMENTS
            ):
                return _Storage(key, dtype, elements)
        raise pickle.UnpicklingError("a storage is described in a way that is not understood")


def _load(stream: io.BytesIO) -> Any:
    return _RestrictedUnpickler(stream).load()


def _read_storages(
    stream: io.BytesIO, keys: list[str], storages: dict[str, _Storage]
) -> dict[str, npt.NDArray[Any]]:
    arrays = {}
    for key in keys:
        storage = storages[key]
        count = int.from_bytes(stream.read(8), "little")
        raw = stream.read(storage.elements * storage.dtype.itemsize)
        if count != storage.elements or len(raw) != storage.elements * storage.dtype.itemsize:
            raise ValueError(f"storage {key} holds {count} values where {storage.elements} are named")
        arrays[key] = np.frombuffer(raw, storage.dtype)
    return arrays


def _view(tensor: _Tensor, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    last = tensor.offset + sum((n - 1) * stride for n, stride in zip(tensor.shape, tensor.strides, strict=True))
    if 0 in tensor.shape:
        return np.zeros(tensor.shape, values.dtype)
    if last >= len(values):
        raise ValueError(f"a tensor of shape {tensor.shape} reaches past its storage of {len(values)} values")
    strides = tuple(stride * values.itemsize for stride in tensor.strides)
    return np.ascontiguousarray(np.lib.stride_tricks.as_strided(values[tensor.offset :], tensor.shape, strides))


def read_checkpoint(path: Path) -> dict[str, npt.NDArray[Any]]:
    """Read a legacy PyTorch state dict as arrays, without PyTorch and without running anything of the file.

    Returns:
        Each tensor by its name, contiguous, in the file's own types.

    Raises:
        NotAModelError: the file is not there, damaged, or in another layout.
        UnsafeModelError: the file names anything beyond what a plain state dict needs.
    """
    try:
        stream = io.BytesIO(path.read_bytes())
        if _load(stream) != _MAGIC or _load(stream) != _PROTOCOL or not _load(stream).get("little_endian"):
            raise ValueError("it is not a legacy little-endian PyTorch checkpoint")
        state = _load(stream)
        if not isinstance(state, dict) or not all(isinstance(t, _Tensor) for t in state.values()):
            raise ValueError("it holds something else than a plain state dict")
        arrays = _read_storages(stream, _load(stream), {t.storage.key: t.storage for t in state.values()})
        return {str(name): _view(tensor, arrays[tensor.storage.key]) for name, tensor in state.items()}
    except UnsafeModelError as error:
        raise UnsafeModelError(f"{path.name}: {error.message}", hint=error.hint) from error
    except (OSError, EOFError, ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError,
            MemoryError, RecursionError, UnicodeDecodeError, pickle.UnpicklingError) as error:
        raise NotAModelError(
            f"the weights in {path} cannot be read: {error}", hint="reinstall the package that they come from"
        ) from error

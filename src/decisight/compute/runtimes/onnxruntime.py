"""ONNX Runtime: the portable default, which every installation has."""

from __future__ import annotations

import importlib
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from decisight.compute.machine import Chip, thread_count
from decisight.compute.runtimes import runtimes
from decisight.compute.runtimes.base import Network, cannot_be_run
from decisight.errors import MissingPartError
from decisight.types import Runtime

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from onnxruntime import InferenceSession

__all__ = ["OnnxRuntime", "open_session"]

_PROVIDER = "CPUExecutionProvider"
_PREFIX = re.compile(r"^\[ONNXRuntimeError\] : \d+ : \w+ : ")


@runtimes.register("onnxruntime")
@dataclass(frozen=True)
class OnnxRuntime:
    """Computes in float32 on every chip.

    A session of one thread runs on the thread that calls it, so any number of callers share one: that is as fast as a
    session each, and the weights are in memory once. Each size of batch keeps its own memory, so hold it constant.
    """

    def precisions(self, chip: Chip) -> tuple[str, ...]:
        """``fp32``: its kernels for bfloat16 are few, and slower."""
        return ("fp32",)

    def describe(self, precision: str) -> Runtime:
        """Its name and version, for answers.

        Raises:
            MissingPartError: it cannot be loaded.
        """
        return Runtime("onnxruntime", str(_onnxruntime().__version__), _PROVIDER, precision)

    def open(
        self,
        graph: bytes,
        outputs: Sequence[str],
        *,
        threads: int,
        callers: int,
        precision: str,
        name: str,
    ) -> Network:
        """Make a network ready to run; see :class:`~decisight.compute.runtimes.Engine`."""
        session = open_session(graph, threads=threads, name=name)
        return _Session(session, tuple(outputs), session.get_inputs()[0].name, self.describe(precision), name)


@dataclass(frozen=True)
class _Session:
    session: InferenceSession
    outputs: tuple[str, ...]
    input: str
    runtime: Runtime
    name: str

    def run(self, batch: npt.NDArray[np.uint8]) -> list[npt.NDArray[np.float32]]:
        try:
            found: list[npt.NDArray[np.float32]] = self.session.run(list(self.outputs), {self.input: batch})
        except Exception as error:  # the runtime's own exceptions share no other ancestor
            raise cannot_be_run(self.name, _PREFIX.sub("", str(error))) from error
        return found


def open_session(model: bytes, *, threads: int = 1, name: str = "the model") -> InferenceSession:
    """Open a network of any inputs and outputs with ONNX Runtime, on the CPU.

    Small batches (4 to 8 pictures) are the fastest, since what they compute stays in the cache.

    Args:
        model: the bytes of an ONNX file. Its safety is the caller's concern: check it before.
        threads: that work on one run together, at least 1.
        name: what error messages call it.

    Raises:
        ModelError: the network is damaged, or has what this runtime does not know.
        MissingPartError: ONNX Runtime cannot be imported.
    """
    onnxruntime = _onnxruntime()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = thread_count(str(threads), "threads")
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    # Errors are raised, with all that the log would say; the log would only write the same to the terminal.
    options.log_severity_level = 4
    # Threads that spin while they wait take time from those that decode pictures: with two threads on two busy CPUs,
    # EfficientNet-Lite0 ran at 77 pictures/s spinning, 133 not. The arena stays on: without it, freed memory was
    # scattered over the threads and 750 MB were held instead of 210, at 9 % less speed.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        return onnxruntime.InferenceSession(model, options, providers=[_PROVIDER])
    except Exception as error:  # the runtime's own exceptions share no other ancestor
        raise cannot_be_run(name, _PREFIX.sub("", str(error))) from error


def _onnxruntime() -> Any:
    # From version 1.29 on, ONNX Runtime reports to its makers unless told not to before it is loaded, and keeps an
    # identifier in the user's cache folder. Decisight sends nothing. The call is for a program that loaded it before.
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    try:
        module = importlib.import_module("onnxruntime")
    except ImportError as error:
        raise MissingPartError(
            f"ONNX Runtime cannot be loaded: {str(error).partition(chr(10))[0]}",
            hint="reinstall it: pip install --force-reinstall onnxruntime",
        ) from error
    module.disable_telemetry_events()
    return module

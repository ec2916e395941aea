"""OpenVINO: on x86 the fastest runtime, above all where the chip computes in bfloat16.

It comes with the extra ``decisight[openvino]`` (Apache-2.0). It reads the ONNX file itself; only its CPU plug-in is
used.
"""

from __future__ import annotations

import functools
import importlib
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import ModuleType
from typing import TYPE_CHECKING, Any, cast

from decisight.compute.machine import Chip, thread_count
from decisight.compute.runtimes import runtimes
from decisight.compute.runtimes.base import Network, cannot_be_run
from decisight.errors import MissingPartError
from decisight.types import Runtime

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

__all__ = ["OpenVino"]

_BF16_FEATURES = frozenset({"avx512_bf16", "amx_bf16"})
_HINTS = {"fp32": "f32", "bf16": "bf16"}
_REPORTER = "openvino_telemetry"
_LOADING = threading.Lock()


@runtimes.register("openvino", needs="openvino", imports=["openvino"])
@dataclass(frozen=True)
class OpenVino:
    """Computes in bfloat16 where the chip has instructions for it, else in float32.

    In bfloat16 (8 bits of precision) everything up to the logits is; softmax and sigmoid are float32. To keep the heads
    in float32 as well was tried: confidences came no nearer to those of float32, since what differs comes from the
    backbone's maps.

    A batch gives what its pictures give one by one, to the bit.
    """

    def precisions(self, chip: Chip) -> tuple[str, ...]:
        """``bf16`` first, where the system says that the chip has it: emulated it would be slower than ``fp32``."""
        return ("bf16", "fp32") if chip.features & _BF16_FEATURES else ("fp32",)

    def describe(self, precision: str) -> Runtime:
        """Its name and version, for answers.

        Raises:
            MissingPartError: it cannot be loaded.
        """
        return Runtime("openvino", str(_openvino().__version__).partition("-")[0], "CPU", precision)

    def open(
        self, graph: bytes, outputs: Sequence[str], *, threads: int, callers: int, precision: str, name: str
    ) -> Network:
        """Make a network ready to run; see :class:`~decisight.compute.runtimes.Engine`.

        Each caller has a stream of its own; the weights are in memory once.
        """
        each, streams = thread_count(str(threads), "threads"), thread_count(str(callers), "callers")
        settings = _settings(precision, threads=each, streams=streams)
        runtime = self.describe(precision)
        try:
            core = _openvino().Core()
            compiled = core.compile_model(core.read_model(graph), "CPU", settings)
            ports = tuple(compiled.output(output) for output in outputs)
        except Exception as error:  # everything it raises is a RuntimeError or worse
            raise cannot_be_run(name, _reason(error)) from error
        return _Compiled(compiled, ports, runtime, name)


@dataclass(frozen=True)
class _Compiled:
    compiled: Any
    ports: tuple[Any, ...]
    runtime: Runtime
    name: str
    idle: list[Any] = field(default_factory=list)
    """Requests that nobody is using: each is one thread's while it runs."""

    def run(self, batch: npt.NDArray[np.uint8]) -> list[npt.NDArray[np.float32]]:
        import numpy as np

        try:
            request = self.idle.pop()
        except IndexError:
            request = self.compiled.create_infer_request()
        try:
            request.infer({0: np.ascontiguousarray(batch)}, share_inputs=True, share_outputs=True)
            # The tensors are the request's, which the next caller writes into.
            found = [np.array(request.get_tensor(port).data) for port in self.ports]
        except Exception as error:  # everything it raises is a RuntimeError or worse
            raise cannot_be_run(self.name, _reason(error)) from error
        self.idle.append(request)
        return found


def _reason(error: Exception) -> str:
    """What went wrong, without the places in OpenVINO's source that come before it."""
    lines = [line.strip() for line in str(error).splitlines()]
    return next((line for line in lines if line and not line.startswith(("Exception from", "Check '"))), "")


def _openvino() -> Any:
    """The package, loaded and used once.

    Raises:
        MissingPartError: it cannot be loaded.
    """
    with _LOADING:
        return _loaded()


@functools.cache
def _loaded() -> Any:
    try:
        with _without_reporter():
            module = importlib.import_module("openvino")
    except ImportError as error:
        absent = isinstance(error, ModuleNotFoundError) and error.name == "openvino"
        again = "install it: pip install" if absent else "it is damaged: pip install --force-reinstall"
        raise MissingPartError(
            f"OpenVINO cannot be loaded: {str(error).partition(chr(10))[0]}",
            hint=f"{again} 'decisight[openvino]', or use another: --runtime onnxruntime (DECISIGHT_RUNTIME)",
        ) from error
    _use_once(module)
    return module


@contextmanager
def _without_reporter() -> Iterator[None]:
    """Within it, OpenVINO is imported so that it reports nothing.

    When it is imported, it sends an event to its makers by way of Google Analytics and keeps an identifier in the
    user's home, unless its reporter is not installed; pip installs it. Decisight sends nothing, so the reporter is made
    to look as if it were absent, and OpenVINO takes the one that does nothing in its place.
    """
    before = sys.modules.get(_REPORTER)
    sys.modules[_REPORTER] = cast("ModuleType", None)
    try:
        yield
    finally:
        if before is None:
            del sys.modules[_REPORTER]
        else:
            sys.modules[_REPORTER] = before


def _use_once(openvino: Any) -> None:
    """Take the whole way of a network once, on one thread.

    On first use the bindings fill tables behind a lock of C++, and let go of Python's lock meanwhile. Two threads that
    are the first at once may wait for each other for ever: in version 2026.4 every other start did, where they were
    made to take turns often.
    """
    import numpy as np

    ops = openvino.opset13
    image = ops.parameter([-1, 1], openvino.Type.u8)
    wide = ops.convert(image, openvino.Type.f32)
    wide.output(0).set_names({"wide"})
    model = openvino.Model([ops.result(wide)], [image])
    compiled = openvino.Core().compile_model(model, "CPU", _settings("fp32", threads=1, streams=1))
    network = _Compiled(compiled, (compiled.output("wide"),), Runtime("openvino", "", "CPU"), "the first network")
    network.run(np.zeros((1, 1), np.uint8))


def _settings(precision: str, *, threads: int, streams: int) -> dict[str, Any]:
    return {
        "INFERENCE_PRECISION_HINT": _HINTS[precision],
        "NUM_STREAMS": streams,
        "INFERENCE_NUM_THREADS": threads * streams,
        # Pinned threads of two processes would share one CPU while another idles.
        "ENABLE_CPU_PINNING": False,
        # Compiling takes a tenth of a second, which is not worth files in somebody's home.
        "CACHE_DIR": "",
    }

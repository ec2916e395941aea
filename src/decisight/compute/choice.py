"""Which runtime runs a network: by the chip and by what is installed, never by a race.

So the same machine gives the same confidences every time. OpenVINO runs where it is installed, on x86, in bfloat16
where the chip has it; elsewhere ONNX Runtime does, in float32. An argument or the environment says otherwise.
"""

from __future__ import annotations

import functools
import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass

from decisight.compute.machine import Chip, chip
from decisight.compute.runtimes import Engine, Network, runtimes
from decisight.errors import UsageError
from decisight.types import Runtime

__all__ = ["RUNTIME_VARIABLE", "RuntimeChoice", "choose", "open_network", "runtime"]

RUNTIME_VARIABLE = "DECISIGHT_RUNTIME"
"""The environment variable that says which runtime to use, where no argument does."""

_AUTO = "auto"
_PRECISIONS = ("fp32", "bf16")
_X86 = ("x86_64", "amd64", "i386", "i686")


@dataclass(frozen=True, slots=True)
class RuntimeChoice:
    """A runtime and what it computes in; as text ``openvino:bf16``.

    Args:
        name: of a registered runtime.
        precision: ``fp32`` or ``bf16``.
    """

    name: str
    precision: str

    def __str__(self) -> str:
        return f"{self.name}:{self.precision}"


def choose(wanted: str | None = None, *, on: Chip | None = None) -> RuntimeChoice:
    """Choose a runtime: as asked for, else as ``DECISIGHT_RUNTIME`` says, else the fastest that there is.

    Args:
        wanted: ``NAME``, ``NAME:PRECISION`` or ``auto:PRECISION``; ``auto`` for the fastest. A precision that is not
            given is the fastest that the runtime has on the chip.
        on: the chip; by default this machine's.

    Raises:
        UsageError: it is not written so, or the runtime does not compute in that precision on this chip.
        MissingPartError: there is no such runtime, or it is not installed.
    """
    # An environment variable that is set to nothing is not set; an argument is, and names nothing.
    text = (os.environ.get(RUNTIME_VARIABLE, "").strip() or _AUTO) if wanted is None else wanted.strip()
    name, colon, precision = text.partition(":")
    if colon and precision not in (*_PRECISIONS, _AUTO):
        raise UsageError(
            f"the runtime {text!r} names the precision {precision!r}, which there is not",
            hint=f"a runtime is written NAME or NAME:PRECISION, with a precision of {' or '.join(_PRECISIONS)}",
        )
    name = _fastest() if name == _AUTO else name
    offered = runtimes.build(name).precisions(on or _this_chip())
    if precision in ("", _AUTO):
        return RuntimeChoice(name, offered[0])
    if precision not in offered:
        raise UsageError(
            f"the runtime {name} does not compute in {precision} on this machine",
            hint=f"here it computes in {' or '.join(offered)}; openvino has bf16 on chips with avx512_bf16 or amx_bf16",
        )
    return RuntimeChoice(name, precision)


def open_network(
    graph: bytes,
    outputs: Sequence[str],
    *,
    runtime: RuntimeChoice | None = None,
    threads: int = 1,
    callers: int = 1,
    name: str = "the model",
) -> Network:
    """Make a network ready to run, on the CPU.

    To work through many pictures, one thread each and several callers are the fastest: while one decodes, another
    computes. For one picture at a time, let all threads work on it.

    Args:
        graph: the bytes of an ONNX file with one input. Its safety is the caller's concern: check it before.
        outputs: those of the graph that are wanted.
        runtime: what shall run it; by default what :func:`choose` chooses.
        threads: that work on one batch together, at least 1.
        callers: how many threads will call at once, at least 1. More may, at less speed.
        name: what error messages call it.

    Raises:
        ModelError: the network is damaged, or has what the runtime does not know.
        MissingPartError: the runtime is not installed, or cannot be loaded.
        UsageError: a number of threads is not one.
    """
    choice = runtime or choose()
    return _engine(choice).open(graph, outputs, threads=threads, callers=callers, precision=choice.precision, name=name)


def runtime(choice: RuntimeChoice | None = None) -> Runtime:
    """What would run a network on this machine.

    Raises:
        MissingPartError: it is not installed, or cannot be loaded.
        UsageError: ``DECISIGHT_RUNTIME`` cannot be followed.
    """
    choice = choice or choose()
    return _engine(choice).describe(choice.precision)


def _engine(choice: RuntimeChoice) -> Engine:
    return runtimes.build(choice.name)


def _fastest() -> str:
    # On Arm, OpenVINO has not been measured.
    x86 = platform.machine().lower() in _X86
    return "openvino" if x86 and "openvino" in runtimes.names() else "onnxruntime"


@functools.cache
def _this_chip() -> Chip:
    return chip()

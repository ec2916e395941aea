"""What a runtime is, and what it gives."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from decisight.compute.machine import Chip
    from decisight.errors import ModelError
    from decisight.types import Runtime

__all__ = ["Engine", "Network", "cannot_be_run"]


class Network(Protocol):
    """A network, ready to run. Safe to use from several threads at once."""

    @property
    def runtime(self) -> Runtime:
        """What runs it."""

    def run(self, batch: npt.NDArray[np.uint8]) -> list[npt.NDArray[np.float32]]:
        """Run a batch, on the thread that calls.

        Args:
            batch: uint8 (N, size, size, 3); N may differ from call to call, and any memory layout will do.

        Returns:
            float32 (N, width) for each output, in the order in which they were asked for; the caller's own.

        Raises:
            ModelError: it cannot be run.
        """


class Engine(Protocol):
    """A runtime that Decisight can use: it opens networks."""

    def precisions(self, chip: Chip) -> tuple[str, ...]:
        """What it can compute in on a chip (``fp32``, ``bf16``), the fastest first."""

    def describe(self, precision: str) -> Runtime:
        """Its name and version, for answers.

        Raises:
            MissingPartError: it cannot be loaded.
        """

    def open(
        self, graph: bytes, outputs: Sequence[str], *, threads: int, callers: int, precision: str, name: str
    ) -> Network:
        """Make a network ready to run, on the CPU.

        Args:
            graph: the bytes of an ONNX file with one input. Its safety is the caller's concern: check it before.
            outputs: those of the graph that are wanted.
            threads: that work on one batch together, at least 1.
            callers: how many threads will call at once, at least 1. More may, at less speed.
            precision: one of :meth:`precisions`.
            name: what error messages call it.

        Raises:
            ModelError: the network is damaged, or has what this runtime does not know.
            MissingPartError: the runtime cannot be loaded.
        """


def cannot_be_run(name: str, reason: object) -> ModelError:
    """The error of a network that a runtime refuses.

    Args:
        name: of the network.
        reason: in the runtime's own words, of which the first line is taken.
    """
    from decisight.errors import ModelError

    said = str(reason).strip().partition("\n")[0].strip()
    return ModelError(
        f"{name} cannot be run: {said}" if said else f"{name} cannot be run",
        hint="it may be damaged; train it again, or fetch it again",
    )

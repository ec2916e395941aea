"""What a backbone is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from decisight.models.graph import GraphBuilder

__all__ = ["Backbone", "InputSpec", "Tap"]


@dataclass(frozen=True, slots=True)
class InputSpec:
    """What a backbone wants to see.

    Args:
        size: height and width, in pixels.
        mean: per channel, in the units of a pixel (0..255); a letterbox is filled with it.
        std: per channel, in the same units: the network sees (pixel - mean) / std.
    """

    size: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]

    @property
    def fill(self) -> tuple[int, int, int]:
        """The mean colour as a pixel."""
        r, g, b = (round(m) for m in self.mean)
        return r, g, b


@dataclass(frozen=True, slots=True)
class Tap:
    """A place in a backbone where features can be taken.

    Args:
        name: for example ``stage3``.
        channels: how many feature maps there are.
        side: height and width of each map.
    """

    name: str
    channels: int
    side: int


class Backbone(Protocol):
    """A pretrained network that can be written into an ONNX graph, with taps from shallow to deep."""

    @property
    def name(self) -> str:
        """The registered name."""

    @property
    def input(self) -> InputSpec:
        """What it wants to see."""

    @property
    def taps(self) -> tuple[Tap, ...]:
        """Where features can be taken, from shallow to deep."""

    @property
    def digest(self) -> str:
        """``sha256:...`` of its weights."""

    @property
    def published_digest(self) -> str | None:
        """``sha256:...`` of the weights as they were published, where known: others are damaged or exchanged."""

    def add_to(self, graph: GraphBuilder, image: str, deepest: str) -> dict[str, str]:
        """Add its layers up to the tap ``deepest`` to a graph.

        Args:
            graph: the graph under construction.
            image: name of a normalised float32 tensor (N, 3, size, size).
            deepest: the deepest tap that is wanted; nothing beyond it is computed.

        Returns:
            The name of the tensor (N, channels, side, side) of each tap up to that one, from shallow to deep. It is
            an output of one of the nodes added, and called the same whichever tap is the deepest, so that the maps
            behind a model's features can be found in its file again.
        """

    def classifier(self) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """Weight (classes, channels) and bias (classes,) of its own classifier on the mean of its deepest tap."""

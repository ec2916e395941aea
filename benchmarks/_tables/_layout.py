"""What tables are laid out with."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

__all__ = ["NAMES", "Results", "percent", "spread", "table"]

Results = Mapping[str, Any]
"""What each script wrote, by the script's name."""

NAMES = {"onnxruntime": "ONNX Runtime", "openvino": "OpenVINO"}
"""What runtimes are called."""


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """The lines of a table."""
    return [f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows)]


def percent(share: float | None, digits: int = 1) -> str:
    """A share as text; a dash where there is none."""
    return "-" if share is None else f"{100 * share:.{digits}f} %"


def spread(rounds: Sequence[float], digits: int = 2) -> str:
    """The median of rounds, with the least and the most."""
    median, least, most = statistics.median(rounds), min(rounds), max(rounds)
    return f"{median:.{digits}f} ({least:.{digits}f} to {most:.{digits}f})"

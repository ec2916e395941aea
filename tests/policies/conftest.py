"""Sequences, and what is decided by them, as letters: so that a case is a line."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from decisight.protocols import Policy
from decisight.types import Decision, LabelGroup, Prediction, Reading, Task, Tick

Decide = Callable[..., list[Decision]]
Row = tuple[float, ...]

THREE = Task((LabelGroup("class", ("a", "b", "c")),))
ROWS: dict[str, Row | None] = {
    "a": (0.8, 0.1, 0.1),
    "b": (0.1, 0.8, 0.1),
    "c": (0.1, 0.1, 0.8),
    "?": (0.4, 0.3, 0.3),
    "-": None,
}
"""An image that speaks for a label; one that hardly does, for ``a``; one that could not be judged."""


@pytest.fixture
def decide() -> Decide:
    """The decisions by a sequence: letters of ``ROWS``, or rows; ``.`` is a tick. Times begin at 0."""

    def run(
        policy: Policy,
        sequence: str | Sequence[Row | None],
        *,
        task: Task = THREE,
        every: float | None = None,
        times: Sequence[float] | None = None,
        qualities: Sequence[float] = (),
    ) -> list[Decision]:
        fold, found = policy.fold(task, task.groups[0].name), []
        state = fold.initial()
        for at, item in enumerate(sequence):
            time = times[at] if times else None if every is None else at * every
            if item == ".":
                assert time is not None
                state, decision = fold.step(state, Tick(time))
            else:
                row = ROWS[item] if isinstance(item, str) else item
                prediction, cause = (None, "dark") if row is None else (Prediction(task, (row,)), None)
                quality = qualities[at] if qualities else 1.0
                state, decision = fold.step(state, Reading(prediction, time, quality, cause))
            found.append(decision)
        return found

    return run


@pytest.fixture
def states(decide: Decide) -> Callable[..., str]:
    """The states by a sequence, a letter each; ``.`` for the fall-back."""

    def run(*args: object, **options: object) -> str:
        return "".join("." if d.state == "unknown" else str(d.state) for d in decide(*args, **options))

    return run

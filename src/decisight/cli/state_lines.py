"""A state over time, as a line of characters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from decisight.cli.renderings import Line

__all__ = ["StateLine", "StateLines"]

_SYMBOLS = "█▒◆●▲■▼◇○△□▽"
_NOTHING = "·"
_COLOURS = ("green", "blue", "magenta", "cyan", "red", "yellow")
_MOST_SPANS = 20_000


@dataclass(slots=True)
class StateLine:
    """What was decided in one view and group, in spans of one state each.

    Args:
        name: what stands before the line.
    """

    name: str
    spans: list[tuple[float, str | None]] = field(default_factory=list)
    """When each begins, and its state; ``None`` for the fall-back."""
    end: float | None = None

    def add(self, time: float, state: str | None) -> None:
        """Take a decision in."""
        if not self.spans or self.spans[-1][1] != state:
            self.spans.append((time, state))
            if len(self.spans) > _MOST_SPANS:
                del self.spans[: _MOST_SPANS // 2]
        self.end = time if self.end is None else max(self.end, time)

    def longest(self, begin: float, end: float) -> str | None:
        """The state that holds for the most of a time; of spans as long, the first."""
        shares: dict[str | None, float] = {}
        for (start, state), (stop, _) in zip(self.spans, [*self.spans[1:], (self.end or 0.0, None)], strict=True):
            shared = min(stop, end) - max(start, begin)
            if shared > 0.0:
                shares[state] = shares.get(state, 0.0) + shared
        return max(shares, key=lambda state: shares[state]) if shares else None


@dataclass(slots=True)
class StateLines:
    """The lines of all views, drawn on one scale."""

    lines: dict[tuple[str, int, str], StateLine] = field(default_factory=dict)

    def add(self, key: tuple[str, int, str], name: str, time: float, state: str | None) -> None:
        """Take a decision in.

        Args:
            key: camera, view and group.
            name: what stands before the line.
            time: of the decision.
            state: what was decided; ``None`` for the fall-back.
        """
        self.lines.setdefault(key, StateLine(name)).add(time, state)

    def drawn(self, width: int) -> list[Line]:
        """All lines, and what their characters mean.

        Args:
            width: of all of it, in cells.
        """
        found: list[Line] = []
        names = max((len(line.name) for line in self.lines.values()), default=0)
        for line in self.lines.values():
            states = list(dict.fromkeys(state for _, state in line.spans if state is not None))
            symbols = {state: _SYMBOLS[at % len(_SYMBOLS)] for at, state in enumerate(states)}
            colours = {state: _COLOURS[at % len(_COLOURS)] for at, state in enumerate(states)}
            cells = max(10, width - names - 2)
            found.append([(f"{line.name:<{names}}  ", ""), *_bar(line, cells, symbols, colours)])
            legend: Line = [(" " * (names + 2), "")]
            for state in states:
                legend += [(symbols[state], colours[state]), (f" {state}   ", "")]
            legend.append((f"{_NOTHING} nothing sure", ""))
            found.append(legend)
        return found


def _bar(line: StateLine, cells: int, symbols: dict[str, str], colours: dict[str, str]) -> Line:
    if not line.spans or line.end is None:
        return []
    begin, end = line.spans[0][0], line.end
    step = (end - begin) / cells
    states: Sequence[str | None] = (
        [line.longest(begin + step * at, begin + step * (at + 1)) for at in range(cells)]
        if step > 0.0
        else [line.spans[-1][1]]
    )
    return [
        (_NOTHING if state is None else symbols[state], "" if state is None else colours[state]) for state in states
    ]

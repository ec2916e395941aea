"""A state over time, as a line of characters."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from decisight.cli.renderings import Line

__all__ = ["StateLine", "StateLines", "Symbols"]


@dataclass(frozen=True, slots=True)
class Symbols:
    """The characters that a line is drawn with.

    Args:
        states: one for each state, as far as they go.
        others: the one for all states beyond.
        nothing: where nothing is sure.
    """

    states: str
    others: str
    nothing: str

    @classmethod
    def for_encoding(cls, encoding: str | None) -> Symbols:
        """Those that a stream can write: escapes would make a line six times as long."""
        try:
            "".join((_DRAWN.states, _DRAWN.others, _DRAWN.nothing)).encode(encoding or "ascii")
        except (UnicodeEncodeError, LookupError):
            return _TYPED
        return _DRAWN


_DRAWN = Symbols("█▒◆●▲■▼◇○△□▽", "+", "·")
_TYPED = Symbols("#=oxAHVOCDEF", "+", ".")
_COLOURS = ("green", "blue", "magenta", "cyan", "red", "yellow")
_MOST_SPANS = 20_000
_FEWEST_CELLS = 10
_NAME_SHARE = 3
"""A name is cut that takes more than the third part of a line."""


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

    def recent(self, seconds: float) -> StateLine:
        """Of the line, the last so many seconds."""
        if self.end is None or not self.spans:
            return StateLine(self.name)
        begin = self.end - seconds
        # Found from the end: a line may be long, and what is wanted of it is short.
        at = len(self.spans) - 1
        while at > 0 and self.spans[at][0] > begin:
            at -= 1
        kept = self.spans[at:]
        return StateLine(self.name, [(max(begin, kept[0][0]), kept[0][1]), *kept[1:]], self.end)

    def longest_states(self, most: int) -> list[str]:
        """The states that last longest in all, at most so many, in the order in which they came."""
        lasted: dict[str, float] = {}
        for (start, state), (stop, _) in pairwise([*self.spans, (self.end or 0.0, None)]):
            if state is not None:
                lasted[state] = lasted.get(state, 0.0) + max(0.0, stop - start)
        kept = set(sorted(lasted, key=lambda state: -lasted[state])[:most])
        return [state for state in lasted if state in kept]

    def has_others(self, states: Collection[str]) -> bool:
        """Whether there are states besides."""
        return any(state is not None and state not in states for _, state in self.spans)

    def longest(self, begin: float, end: float) -> str | None:
        """The state that holds for the most of a time; of spans as long, the first."""
        shares: dict[str | None, float] = {}
        for (start, state), (stop, _) in pairwise([*self.spans, (self.end or 0.0, None)]):
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

    def recent(self, seconds: float) -> StateLines:
        """Of all lines, the last so many seconds of each."""
        return StateLines({key: line.recent(seconds) for key, line in self.lines.items()})

    def drawn(self, width: int, symbols: Symbols = _DRAWN) -> list[Line]:
        """All lines, and what their characters mean.

        Args:
            width: of all of it, in cells.
            symbols: to draw with. Where there are more states, those that last shortest share a character.
        """
        names = {key: _cut(line.name, max(_FEWEST_CELLS, width // _NAME_SHARE)) for key, line in self.lines.items()}
        widest = max(map(_cells, names.values()), default=0)
        found: list[Line] = []
        for key, line in self.lines.items():
            states = line.longest_states(len(symbols.states))
            marks = {state: (symbols.states[at], _COLOURS[at % len(_COLOURS)]) for at, state in enumerate(states)}
            cells = max(_FEWEST_CELLS, width - widest - 2)
            name = names[key] + " " * (widest - _cells(names[key]) + 2)
            found.append([(name, ""), *_bar(line, cells, marks, symbols)])
            legend = [(*mark, state) for state, mark in marks.items()]
            if line.has_others(states):
                legend.append((symbols.others, "", "other states"))
            legend.append((symbols.nothing, "", "nothing sure"))
            found += _legend(legend, widest + 2, width)
        return found


def _bar(line: StateLine, cells: int, marks: Mapping[str, tuple[str, str]], symbols: Symbols) -> Line:
    if not line.spans or line.end is None:
        return []
    begin, end = line.spans[0][0], line.end
    step = (end - begin) / cells
    states: Sequence[str | None] = (
        [line.longest(begin + step * at, begin + step * (at + 1)) for at in range(cells)]
        if step > 0.0
        else [line.spans[-1][1]]
    )
    return [(symbols.nothing, "") if state is None else marks.get(state, (symbols.others, "")) for state in states]


def _legend(entries: Sequence[tuple[str, str, str]], indent: int, width: int) -> Iterator[Line]:
    """What characters mean, in lines of a width, where a state's name is not longer than that."""
    line: Line = [(" " * indent, "")]
    used = indent
    for symbol, colour, meaning in entries:
        size = _cells(meaning) + 2
        if len(line) > 1 and used + size > width:
            yield line
            line, used = [(" " * indent, "")], indent
        line += [(symbol, colour), (f" {meaning}   ", "")]
        used += size + 3
    yield line


def _cells(text: str) -> int:
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def _cut(text: str, most: int) -> str:
    """The beginning of a text that takes so many cells at most."""
    if _cells(text) <= most:
        return text
    while _cells(text) > most - 3:
        text = text[:-1]
    return f"{text}..."

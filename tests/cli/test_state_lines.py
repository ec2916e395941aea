"""States over time as lines of characters: as wide as they may be, whatever the names and however many states."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from decisight.cli import state_lines
from decisight.cli.sequence_renderings import plain
from decisight.cli.state_lines import StateLine, StateLines, Symbols

NARROW = Symbols("#=ox", "+", ".")
WIDE = "門の前"


def lines(*spans: tuple[float, str | None], name: str = "gate", end: float | None = None) -> StateLines:
    """One line: when each state began, and when the last one ended."""
    found = StateLines()
    for time, state in spans:
        found.add(("gate", 1, "class"), name, time, state)
    if end is not None:
        found.add(("gate", 1, "class"), name, end, spans[-1][1])
    return found


def drawn(found: StateLines, width: int = 26, symbols: Symbols = NARROW) -> list[str]:
    return plain(found.drawn(width, symbols)).splitlines()


@pytest.mark.parametrize(
    ("spans", "end", "bar"),
    [
        # As long as they last: half, a quarter, a quarter of twenty.
        ([(0.0, "cat"), (10.0, None), (15.0, "dog")], 20.0, "##########.....====="),
        ([(0.0, None), (5.0, "cat")], 20.0, ".....###############"),
        # Of what is shorter than a character the longer part is shown.
        ([(0.0, "cat"), (9.9, "dog"), (10.1, "cat")], 20.0, "####################"),
        ([(0.0, None)], 20.0, "...................."),
        # Of one moment there is one character.
        ([(3.0, "cat")], None, "#"),
        ([(3.0, None)], 3.0, "."),
        # A clock that was set back.
        ([(0.0, "cat"), (10.0, "dog"), (2.0, "cat")], 20.0, "####################"),
    ],
)
def test_what_is_drawn(spans: list[tuple[float, str | None]], end: float | None, bar: str) -> None:
    assert drawn(lines(*spans, end=end))[0] == f"gate  {bar}"


def test_what_the_characters_mean() -> None:
    found = lines((0.0, "cat"), (1.0, None), (2.0, "dog"), end=3.0)
    assert drawn(found, 80)[1] == "      # cat   = dog   . nothing sure"
    assert found.drawn(80)[1][1] == ("█", "green")


def test_nothing_was_watched() -> None:
    assert StateLines().drawn(80) == []


def test_several_lines_stand_below_one_another() -> None:
    found = StateLines()
    for at, name in enumerate(["a", "long", WIDE]):
        found.add(("gate", at, "class"), name, 0.0, "cat")
        found.add(("gate", at, "class"), name, 9.0, "cat")
    bars = drawn(found, 40)[::2]
    assert [cell_len(bar) for bar in bars] == [40, 40, 40]
    assert len({cell_len(bar[: bar.index("#")]) for bar in bars}) == 1


def test_more_states_than_characters() -> None:
    """Those that last shortest are told as others, and the legend is broken where the line ends."""
    spans = [(10.0 * at, f"state{at}") for at in range(4)]
    spans += [(40.0, "brief"), (40.5, "briefer"), (40.8, "state0")]
    found = drawn(lines(*spans, end=50.0), 40)
    legend = " ".join(" ".join(line.split()) for line in found[1:])
    assert legend == "# state0 = state1 o state2 x state3 + other states . nothing sure"
    assert len(found) == 4
    assert all(len(line) <= 40 for line in found)
    assert set(found[0].removeprefix("gate")) <= set(" #=ox+")


def test_a_thousand_states() -> None:
    found = lines(*((float(at), f"label {at}") for at in range(1000)), end=1000.0)
    text = drawn(found, 80, Symbols.for_encoding("utf-8"))
    assert len(text) < 8
    assert all(cell_len(line) <= 80 for line in text)


@given(
    st.lists(
        st.tuples(st.floats(-1e9, 1e9), st.sampled_from([None, "cat", "dog", WIDE, "x" * 15, "", "ü"])), min_size=1
    ),
    st.sampled_from(["gate", "", WIDE * 9, "n" * 200, "e\u0301" * 10]),
    st.integers(40, 200),
)
def test_no_line_is_wider_than_it_may_be(spans: list[tuple[float, str | None]], name: str, width: int) -> None:
    text = drawn(lines(*spans, name=name), width)
    assert text
    assert all(cell_len(line) <= width for line in text)


@pytest.mark.parametrize("width", [1, 5, 12])
def test_hardly_any_room(width: int) -> None:
    assert "#" * 10 in drawn(lines((0.0, "cat"), end=9.0), width)[0]


@pytest.mark.parametrize(
    ("encoding", "first"),
    [("utf-8", "█"), ("cp437", "#"), ("ascii", "#"), ("latin-1", "#"), (None, "#"), ("no such encoding", "#")],
)
def test_what_a_stream_can_write(encoding: str | None, first: str) -> None:
    symbols = Symbols.for_encoding(encoding)
    assert symbols.states[0] == first
    assert len(set(symbols.states + symbols.others + symbols.nothing)) == len(symbols.states) + 2


def test_a_long_run_takes_no_more_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state_lines, "_MOST_SPANS", 100)
    line = StateLine("gate")
    for at in range(10_000):
        line.add(float(at), ("cat", "dog")[at % 2])
        assert len(line.spans) <= 100
    # What is left are the last ones.
    assert line.spans[-1] == (9999.0, "dog")
    assert line.spans[0][0] > 9800.0
    steady = StateLine("gate")
    for at in range(10_000):
        steady.add(float(at), "cat")
    assert (steady.spans, steady.end) == ([(0.0, "cat")], 9999.0)

"""State lines drawn: what comes out is a picture of the width that was promised, whatever the states are called."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from decisight.errors import OutputError
from decisight.evaluation.state_plot import StatePanel, StateTrack, write_state_plot
from decisight.types import Target


def tracks(truth: tuple[Target, ...], states: tuple[Target, ...]) -> tuple[StateTrack, ...]:
    times = tuple(at / 10 for at in range(len(truth)))
    return StateTrack("truth", times, truth, blank=True), StateTrack("policy", times, states)


def drawn(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


@pytest.mark.parametrize(
    ("truth", "states"),
    [
        (("a",) * 10 + ("b",) * 10, ("a",) * 12 + ("b",) * 8),
        ((None,) * 5, ("a", None, "a", None, "a")),  # nothing known
        ((), ()),  # no picture at all
        (("a",), (None,)),
        ((frozenset({"x"}), frozenset[str]()), (frozenset({"x", "y"}), None)),
        (("$a$", "_b", "\N{SNOWMAN}", "\u9a6c"), ("$a$", "$a$", "x" * 200, "_b")),
        (tuple(f"state {n}" for n in range(60)), tuple(f"state {n // 2}" for n in range(60))),
    ],
)
def test_a_plot_is_1200_pixels_wide(tmp_path: Path, truth: tuple[Target, ...], states: tuple[Target, ...]) -> None:
    path = tmp_path / "plot.png"
    write_state_plot(path, "a $clip$.mp4", [StatePanel("gate: class", tracks(truth, states))] * 2)
    assert drawn(path).shape[1] == 1200


def test_unknown_truth_is_blank_and_the_fall_back_is_not(tmp_path: Path) -> None:
    """A line of nothing known leaves the panel white; the same as the fall-back makes it grey."""
    nothing: tuple[Target, ...] = (None,) * 20
    ink = []
    for blank in (True, False):
        times = tuple(at / 10 for at in range(20))
        write_state_plot(tmp_path / "p.png", "clip", [StatePanel("gate", (StateTrack("t", times, nothing, blank),))])
        ink.append(int((drawn(tmp_path / "p.png") < 250).any(axis=2).sum()))
    assert ink[1] > 5 * ink[0]


def test_the_same_state_has_the_same_colour_in_truth_and_policy(tmp_path: Path) -> None:
    write_state_plot(tmp_path / "p.png", "clip", [StatePanel("gate", tracks(("a", "b") * 5, ("a", "b") * 5))])
    pixels = drawn(tmp_path / "p.png")
    colours = {tuple(int(v) for v in pixel) for pixel in pixels.reshape(-1, 3)}
    assert {(0x00, 0x72, 0xB2), (0xE6, 0x9F, 0x00)} <= colours
    assert (0x00, 0x9E, 0x73) not in colours


def test_what_cannot_be_written_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="cannot be written"):
        write_state_plot(tmp_path / "none" / "p.png", "clip", [StatePanel("gate", tracks(("a",), ("a",)))])

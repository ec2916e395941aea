"""One person's way through the pictures: what keys do, and which picture comes next."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from decisight.collecting.desk import MOST_AT_ONCE, Action, Desk, Order, Show
from decisight.collecting.groups import parse_group
from decisight.collecting.labelling import Labelling


class Clock:
    """Time that passes as a test says."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def labelling(folder: Path, *groups: str, pictures: int = 6) -> Labelling:
    """Pictures, three of a source."""
    folder.mkdir(exist_ok=True)
    lines = ["file_name,camera,region,time,source"]
    for at in range(pictures):
        Image.new("RGB", (8, 8), (at, 0, 0)).save(folder / f"{at}.png")
        lines.append(f"{at}.png,g,,t{at},s{at // 3}")
    (folder / "metadata.csv").write_text("\n".join(lines) + "\n")
    return Labelling.open(folder, [parse_group(text) for text in groups])


@pytest.fixture
def desk(tmp_path: Path, clock: Clock) -> Iterator[Desk]:
    with labelling(tmp_path / "p", "helmet=worn,missing,nobody") as of:
        yield Desk(of, clock)


@pytest.fixture
def desk_of_two(tmp_path: Path, clock: Clock) -> Iterator[Desk]:
    with labelling(tmp_path / "p", "helmet=worn,missing", "gear*=vest,gloves") as of:
        yield Desk(of, clock)


def said(desk: Desk, group: str = "helmet") -> list[str]:
    return ["|".join(desk.labelling.chosen(row, group)) for row in desk.labelling.pictures]


def test_a_key_labels_and_goes_on(desk: Desk) -> None:
    assert [(one.key, one.label) for one in desk.choices()] == [("1", "worn"), ("2", "missing"), ("3", "nobody")]
    for key in "213":
        assert desk.press(key)
    assert (said(desk), desk.row) == (["missing", "worn", "nobody", "", "", ""], 3)
    for key in ("4", "Shift", "F5", "é"):
        assert not desk.press(key)


def test_one_may_go_back_and_take_back(desk: Desk) -> None:
    desk.press("1")
    desk.press("2")
    desk.press("ArrowLeft")
    desk.press("Backspace")
    assert desk.row == 0
    desk.press("ArrowLeft")
    assert desk.row == 0
    desk.press(" ")
    assert desk.row == 1
    desk.press("u")
    assert (said(desk)[:2], desk.row) == (["worn", ""], 1)
    assert desk.press("z", control=True)
    assert (said(desk)[:2], desk.row) == (["", ""], 0)
    assert not desk.press("u")
    assert not desk.press("1", control=True)


def test_keys_that_are_no_labels(desk: Desk) -> None:
    desk.press("1")
    assert desk.press("r")
    desk.press("x")
    assert (said(desk)[:2], desk.labelling.excluded(2), desk.row) == (["worn", "worn"], True, 3)
    assert desk.press("Enter")
    assert desk.row == 4
    assert not desk.press("0")


def test_a_whole_source_at_once(desk: Desk) -> None:
    desk.press("g")
    assert (desk.grid, desk.run(), desk.picked) == (True, [0, 1, 2], {0, 1, 2})
    desk.toggle(1)
    desk.press("1")
    assert (said(desk)[:3], desk.picked) == (["worn", "", "worn"], {1})
    desk.press("2")
    assert (said(desk)[:3], desk.run(), desk.picked) == (["worn", "missing", "worn"], [3, 4, 5], {3, 4, 5})
    desk.press("ArrowLeft")
    assert desk.run() == [0, 1, 2]
    desk.press("ArrowRight")
    desk.press("x")
    assert desk.row is None
    assert desk.progress()[:3] == (3, 3, 6)
    desk.press("u")
    assert desk.run() == [3, 4, 5]
    desk.press("3")
    assert said(desk) == ["worn", "missing", "worn", "nobody", "nobody", "nobody"]


def test_of_independent_labels_one_goes_on_by_hand(desk_of_two: Desk) -> None:
    desk = desk_of_two
    for key in "134":
        desk.press(key)
    assert (said(desk)[0], said(desk, "gear")[0], desk.row) == ("worn", "vest|gloves", 0)
    desk.press("Enter")
    desk.press("2")
    desk.press("0")
    assert (said(desk, "gear")[1], desk.row) == ("-", 1)


def test_which_are_shown(desk: Desk) -> None:
    for key in "1213":
        desk.press(key)
    desk.look(Show.LABEL, ("helmet", "worn"))
    assert desk.rows == [0, 2]
    desk.press("2")
    assert (desk.rows, desk.row) == ([0, 2], 2)
    desk.labelling.exclude([5])
    for show, rows in ((Show.OPEN, [4]), (Show.ALL, [0, 1, 2, 3, 4, 5]), (Show.EXCLUDED, [5])):
        desk.look(show)
        assert desk.rows == rows
    desk.labelling.suggestions["1.png"] = {"helmet": {"worn": 0.9, "missing": 0.1}}
    desk.look(Show.DISAGREE)
    assert desk.rows == [1]


def test_the_least_sure_come_first(desk: Desk) -> None:
    for row, confidence in ((1, 0.9), (4, 0.55), (2, 0.7)):
        desk.labelling.suggestions[f"{row}.png"] = {"helmet": {"worn": confidence, "missing": 1 - confidence}}
    desk.look(order=Order.UNSURE)
    assert desk.rows == [4, 2, 1, 0, 3, 5]
    desk.press("ArrowRight")
    desk.labelling.suggestions["5.png"] = {"helmet": {"worn": 0.5, "missing": 0.5}}
    desk.reorder()
    assert (desk.rows, desk.row) == ([4, 2, 5, 1, 0, 3], 2)
    assert desk.upcoming(2) == [5, 1]


def test_in_another_window_nothing_is_labelled_by_rows_of_an_earlier_table(desk: Desk, clock: Clock) -> None:
    other = Desk(desk.labelling, clock, show=Show.ALL)
    other.press("ArrowRight")
    table = desk.labelling.table.path
    header, first, *rest = table.read_text().splitlines()
    table.write_text("\n".join([header, *rest, first, ""]))
    desk.press("1")
    assert desk.labelling.conflict
    desk.labelling.read_again()
    for act in (lambda: other.press("1"), lambda: other.do(Action.EXCLUDE), lambda: other.choose("helmet", "worn")):
        other.at, other._reading = 1, -1  # as one that was read earlier
        act()
        assert (other.at, said(desk), desk.labelling.notes.excluded) == (0, [""] * 6, set())
    assert not other.renew()
    other.press("1")
    assert said(desk)[0] == "worn"


def test_at_the_end_there_is_nothing(desk: Desk) -> None:
    for _ in range(6):
        desk.press("1")
    assert desk.row is None
    assert desk.run() == []
    assert not desk.do(Action.EXCLUDE)
    desk.press("1")
    desk.press("ArrowRight")
    assert desk.press("ArrowLeft")
    assert desk.row == 5
    desk.look()
    assert desk.row is None


def test_how_long_the_rest_will_take(tmp_path: Path, clock: Clock) -> None:
    with labelling(tmp_path / "many", "helmet=worn,missing", pictures=30) as of:
        desk = Desk(of, clock)
        assert desk.progress().seconds is None
        for _ in range(10):
            clock.now += 2.0
            desk.press("1")
        assert desk.progress() == (10, 0, 30, pytest.approx(40.0))
        clock.now += 3600  # away for an hour
        desk.press("1")
        assert desk.progress().seconds == pytest.approx(19 * (9 * 2 + 30) / 10)


def test_more_labels_than_keys(tmp_path: Path, clock: Clock) -> None:
    names = ",".join(f"l{at}" for at in range(40))
    with labelling(tmp_path / "many", f"kind={names}") as of:
        desk = Desk(of, clock)
        keys = [one.key for one in desk.choices()]
        assert len([key for key in keys if key]) == len({key for key in keys if key}) == 31
        desk.press("Q")
        assert said(desk, "kind")[0] == "l9"
        desk.choose("kind", "l39")
        assert said(desk, "kind")[1] == "l39"


def test_a_long_source_is_shown_part_by_part(tmp_path: Path, clock: Clock) -> None:
    folder = tmp_path / "long"
    labelling(folder, pictures=130).close()
    table = re.sub(r"s\d+$", "s0", (folder / "metadata.csv").read_text(), flags=re.MULTILINE)
    (folder / "metadata.csv").write_text(table)
    with Labelling.open(folder, [parse_group("helmet=worn,missing")]) as of:
        desk = Desk(of, clock)
        desk.press("g")
        assert len(desk.picked) == MOST_AT_ONCE
        desk.press("1")
        assert sum(map(of.done, of.pictures)) == MOST_AT_ONCE
        assert (desk.row, len(desk.picked)) == (60, MOST_AT_ONCE)
        desk.press("ArrowRight")
        assert len(desk.picked) == 10
        desk.press("ArrowLeft")
        assert desk.run() == list(range(60, 120))


@pytest.mark.parametrize("broken", [[0, 1], [2, 4, 5], [1, 3], [0, 1, 2, 3, 4, 5]])
def test_what_cannot_be_read_is_passed_over_and_counted(tmp_path: Path, clock: Clock, broken: list[int]) -> None:
    labelling(tmp_path / "p", "helmet=worn,missing").close()
    for at in broken:
        whole = (tmp_path / f"p/{at}.png").read_bytes()
        (tmp_path / f"p/{at}.png").write_bytes(whole[: len(whole) // 2])
    with Labelling.open(tmp_path / "p") as of:
        desk, whole_ones = Desk(of, clock), [at for at in range(6) if at not in broken]
        seen = []
        while desk.row is not None:
            seen.append(desk.row)
            assert set(desk.upcoming(3)) <= set(whole_ones)
            desk.step()
        desk.look()
        for row in whole_ones[1:]:
            desk.step()
            assert desk.row == row
        for row in reversed(whole_ones[:-1]):
            desk.step(-1)
            assert desk.row == row
        assert seen == whole_ones
        assert (of.pictures, len(of.unreadable)) == (whole_ones, len(broken))
        desk.do(Action.RUN)
        assert set(desk.run()) <= set(whole_ones)
        for _ in whole_ones:
            desk.press("1")
        assert desk.progress()[:3] == (len(whole_ones), 0, len(whole_ones))
        assert said(desk) == ["worn"] * len(whole_ones)
    # It may be whole at another time.
    with Labelling.open(tmp_path / "p") as of:
        assert (len(of.pictures), of.unreadable) == (6, [])

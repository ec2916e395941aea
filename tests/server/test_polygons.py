"""Polygons while they are drawn: corners, undo, and what saving would change."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from decisight.regions import Region
from decisight.server.console.polygons import Polygons, crosses_itself

TRIANGLE = ((0.1, 0.1), (0.5, 0.1), (0.5, 0.6))
SQUARE = ((0.2, 0.2), (0.4, 0.2), (0.4, 0.4), (0.2, 0.4))


def drawn(*corners: tuple[float, float]) -> Polygons:
    polygons = Polygons()
    for corner in corners or TRIANGLE:
        polygons.add_corner(corner)
    assert polygons.close()
    return polygons


def of_file(*names: str) -> Polygons:
    return Polygons.of([Region(name, SQUARE) for name in names or ("gate", "bay")])


def test_a_polygon_is_drawn_corner_by_corner() -> None:
    polygons = drawn((0.12345, 0.1), (0.5, 0.1), (0.5, 0.1), (1.7, -0.2))
    (shape,) = polygons.shapes
    assert shape.polygon == ((0.1235, 0.1), (0.5, 0.1), (1.0, 0.0))
    assert (shape.name, shape.masked, shape.written) == ("region-1", True, None)
    assert polygons.chosen == shape.key
    assert polygons.draft == ()
    assert polygons.changed


def test_two_corners_are_no_polygon() -> None:
    polygons = Polygons()
    for corner in ((0.1, 0.1), (0.5, 0.1), (0.1, 0.1)):
        polygons.add_corner(corner)
    assert not polygons.close()
    assert len(polygons.draft) == 3
    polygons.cancel()
    assert (polygons.draft, polygons.shapes, polygons.can_undo) == ((), (), False)


@pytest.mark.parametrize(("one", "other", "made"), [((0.5, 0.6), (0.1, 0.2), True), ((0.1, 0.1), (0.9, 0.1001), False)])
def test_boxes(one: tuple[float, float], other: tuple[float, float], made: bool) -> None:
    polygons = Polygons()
    assert polygons.add_box(one, other) is made
    assert [s.polygon for s in polygons.shapes] == ([((0.1, 0.2), (0.5, 0.2), (0.5, 0.6), (0.1, 0.6))] if made else [])


def test_corners_are_moved_inserted_and_deleted() -> None:
    polygons = drawn()
    key = polygons.shapes[0].key
    polygons.move_corner(key, 1, (0.9, 2))
    polygons.insert_corner(key, 3, (0.3, 0.5))
    assert polygons.shapes[0].polygon == ((0.1, 0.1), (0.9, 1.0), (0.5, 0.6), (0.3, 0.5))
    assert polygons.corner == 3
    polygons.choose(key, 0)
    assert polygons.delete()
    assert polygons.shapes[0].polygon == ((0.9, 1.0), (0.5, 0.6), (0.3, 0.5))
    polygons.choose(key, 0)
    assert polygons.delete()  # three are the fewest: the region goes
    assert polygons.shapes == ()
    assert not polygons.delete()


def test_while_drawing_the_last_corner_is_taken_back() -> None:
    polygons = Polygons()
    polygons.add_corner((0.1, 0.1))
    polygons.add_corner((0.2, 0.1))
    polygons.undo()
    assert polygons.draft == ((0.1, 0.1),)
    assert polygons.delete()
    assert polygons.draft == ()


def test_a_region_is_moved_as_far_as_the_picture_reaches() -> None:
    polygons = of_file("gate")
    key = polygons.shapes[0].key
    polygons.shift(key, (0.9, -0.1))
    assert polygons.shapes[0].polygon == ((0.8, 0.1), (1.0, 0.1), (1.0, 0.3), (0.8, 0.3))
    polygons.choose(key)
    polygons.nudge((-0.001, 0.002))
    assert polygons.shapes[0].polygon[0] == (0.799, 0.102)
    polygons.choose(key, 2)
    polygons.nudge((-0.5, 0))
    assert polygons.shapes[0].polygon[2] == (0.499, 0.302)
    polygons.choose(None)
    polygons.nudge((0.1, 0.1))
    assert polygons.shapes[0].polygon[2] == (0.499, 0.302)


def test_what_is_gone_or_was_never_there_is_no_matter() -> None:
    polygons = of_file("gate")
    before = polygons.shapes
    polygons.move_corner(99, 0, (0, 0))
    polygons.move_corner(before[0].key, 9, (0, 0))
    polygons.insert_corner(99, 0, (0, 0))
    polygons.shift(99, (0.1, 0.1))
    polygons.rename(99, "x")
    polygons.mask(99, False)
    polygons.remove(99)
    polygons.choose(99)
    polygons.undo()
    polygons.redo()
    assert polygons.shapes == before
    assert (polygons.chosen, polygons.changed) == (None, False)


def test_changes_are_told_in_words() -> None:
    polygons = of_file("gate", "bay", "road")
    gate, bay, road = polygons.shapes
    polygons.rename(gate.key, "  north   gate ")
    polygons.move_corner(gate.key, 0, (0.1, 0.1))
    polygons.mask(bay.key, False)
    polygons.remove(road.key)
    polygons.add_box((0.1, 0.1), (0.2, 0.2))
    assert polygons.changes() == [
        "gate renamed to north gate and moved",
        "bay no longer masked",
        "region-1 is new",
        "road removed",
    ]
    assert polygons.removed == ("road",)
    for _ in range(5):
        polygons.undo()
    assert (polygons.changed, polygons.changes(), polygons.can_undo) == (False, [], False)


def test_a_name_that_is_written_letter_by_letter_is_undone_as_one() -> None:
    polygons = of_file("gate")
    for name in ("n", "no", "nor", "nor ", "nor t"):
        polygons.rename(polygons.shapes[0].key, name)
    polygons.undo()
    assert polygons.shapes[0].name == "gate"
    polygons.redo()
    assert polygons.shapes[0].name == "nor t"
    polygons.rename(polygons.shapes[0].key, "x")
    polygons.undo()
    assert polygons.shapes[0].name == "nor t"


@pytest.mark.parametrize(
    ("name", "problem"), [("bay", "two regions are called 'bay'"), ("", "a name"), ("a=b", "a name")]
)
def test_names_that_cannot_be_saved_are_told(name: str, problem: str) -> None:
    polygons = of_file("gate", "bay")
    polygons.rename(polygons.shapes[0].key, name)
    assert problem in str(polygons.problem(polygons.shapes[0]))
    polygons.undo()
    assert polygons.problem(polygons.shapes[0]) is None


def test_a_line_is_no_region() -> None:
    polygons = drawn((0.1, 0.1), (0.5, 0.5), (0.9, 0.9))
    assert "has no area" in str(polygons.problem(polygons.shapes[0]))


def test_saved_regions_keep_their_keys_and_what_is_chosen() -> None:
    polygons = of_file("gate")
    polygons.add_box((0.1, 0.1), (0.2, 0.2))
    keys = [shape.key for shape in polygons.shapes]
    polygons.take([shape.region() for shape in polygons.shapes])
    assert [shape.key for shape in polygons.shapes] == keys
    assert (polygons.chosen, polygons.changed, polygons.can_undo) == (keys[1], False, False)


def test_what_became_of_the_file_is_taken_up() -> None:
    polygons = of_file("gate", "bay")
    polygons.add_box((0.1, 0.1), (0.2, 0.2))
    polygons.merge([Region("bay", TRIANGLE), Region("road", SQUARE)])
    assert [(shape.name, shape.written) for shape in polygons.shapes] == [
        ("gate", None),
        ("bay", "bay"),
        ("region-1", None),
        ("road", "road"),
    ]
    assert polygons.changes() == ["gate is new", "bay moved", "region-1 is new"]


@pytest.mark.parametrize(
    ("polygon", "crosses"),
    [
        (TRIANGLE, False),
        (SQUARE, False),
        (((0, 0), (1, 0), (0, 1), (1, 1)), True),  # a bow tie
        (((0, 0), (1, 0), (1, 1), (0.5, 0), (0, 1)), True),  # a corner on another edge
        (((0, 0), (1, 0), (1, 1), (0.5, 0.1), (0, 1)), False),
        (((0, 0), (1, 0), (1, 1), (0, 1), (0, 0.5), (1, 0.5)), True),
    ],
)
def test_polygons_that_cross_themselves(polygon: tuple[tuple[float, float], ...], crosses: bool) -> None:
    for at in range(len(polygon)):
        turned = (*polygon[at:], *polygon[:at])
        assert crosses_itself(turned) is crosses
        assert crosses_itself(turned[::-1]) is crosses


POINTS = st.tuples(st.floats(-0.5, 1.5), st.floats(-0.5, 1.5))
ACTS = st.one_of(
    st.tuples(st.just("add_corner"), POINTS),
    st.tuples(st.just("add_box"), POINTS, POINTS),
    st.tuples(st.just("move_corner"), st.integers(1, 4), st.integers(0, 4), POINTS),
    st.tuples(st.just("insert_corner"), st.integers(1, 4), st.integers(0, 5), POINTS),
    st.tuples(st.just("shift"), st.integers(1, 4), POINTS),
    st.tuples(st.just("nudge"), POINTS),
    st.tuples(st.just("choose"), st.integers(1, 4), st.none() | st.integers(0, 4)),
    st.tuples(st.just("rename"), st.integers(1, 4), st.sampled_from(["a", "b", ""])),
    st.tuples(st.just("mask"), st.integers(1, 4), st.booleans()),
    st.tuples(st.just("remove"), st.integers(1, 4)),
    *(st.tuples(st.just(name)) for name in ("close", "cancel", "delete", "undo", "redo")),
)


@given(st.lists(ACTS, max_size=30))
def test_whatever_is_done_can_be_undone(acts: list[tuple[object, ...]]) -> None:
    polygons = of_file("gate", "bay")
    begun = polygons.shapes
    for name, *arguments in acts:
        getattr(polygons, str(name))(*arguments)
        for shape in polygons.shapes:
            assert len(shape.polygon) >= 3
            assert all(0 <= x <= 1 and 0 <= y <= 1 for x, y in shape.polygon)
        assert polygons.chosen is None or polygons.shape(polygons.chosen) is not None
    ended = polygons.shapes
    polygons.cancel()
    steps = 0
    while polygons.can_undo:
        polygons.undo()
        steps += 1
    assert polygons.shapes == begun
    while polygons.can_redo and steps:
        polygons.redo()
        steps -= 1
    assert polygons.shapes == ended or polygons.can_redo

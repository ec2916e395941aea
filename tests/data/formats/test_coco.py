"""COCO JSON, as tools export it."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from decisight.data import Dataset, read_dataset
from decisight.errors import DataError, UsageError
from decisight.types import LabelGroup, Task

Make = Callable[[Mapping[str, str | bytes | int]], Path]

IMAGES = [
    {"id": 1, "file_name": "a.jpg", "width": 100, "height": 50},
    {"id": 2, "file_name": "b.jpg", "width": 200, "height": 100},
]
CATEGORIES = [{"id": 1, "name": "vest"}, {"id": 2, "name": "no_vest"}]
ANNOTATIONS = [
    {"id": 1, "image_id": 1, "category_id": 1, "bbox": [10, 5, 20, 10]},
    {"id": 2, "image_id": 1, "category_id": 2, "bbox": [50.5, 0, 49.5, 50], "iscrowd": 0},
    {"id": 3, "image_id": 2, "category_id": 2, "bbox": [0, 0, 200, 100]},
]


def coco(
    annotations: list[Any] = ANNOTATIONS, images: list[Any] = IMAGES, categories: list[Any] = CATEGORIES, **more: Any
) -> str:
    return json.dumps({"images": images, "annotations": annotations, "categories": categories, **more})


def with_box(*boxes: Any, **more: Any) -> str:
    added = [{"id": 90 + at, "image_id": 1, "category_id": 1, "bbox": box, **more} for at, box in enumerate(boxes)]
    return coco([*ANNOTATIONS, *added])


PICTURES = {"a.jpg": "a", "b.jpg": "b"}
FROM_WINDOWS = [{**image, "file_name": f"..\\{image['file_name']}"} for image in IMAGES]


def boxes(dataset: Dataset) -> list[tuple[str, object, object]]:
    return [
        (e.path.name, e.targets[0], e.region and (*e.region.polygon[0], *e.region.polygon[2])) for e in dataset.examples
    ]


EXPECTED = [
    ("a.jpg", "vest", (0.1, 0.1, 0.3, 0.3)),
    ("a.jpg", "no_vest", (0.505, 0.0, 1.0, 1.0)),
    ("b.jpg", "no_vest", (0.0, 0.0, 1.0, 1.0)),
]


@pytest.mark.parametrize(
    ("tree", "path"),
    [
        ({**PICTURES, "annotations.json": coco()}, ""),
        ({**PICTURES, "_annotations.coco.json": coco()}, ""),
        ({**PICTURES, "anything.json": coco()}, "anything.json"),
        ({**PICTURES, "annotations.json": "\ufeff" + coco()}, ""),
        ({"images/a.jpg": "a", "images/b.jpg": "b", "annotations.json": coco()}, ""),
        ({"site2/a.jpg": "a", "site2/b.jpg": "b", "annotations/instances_site2.json": coco()}, ""),
        ({"images/a.jpg": "a", "images/b.jpg": "b", "annotations/instances_default.json": coco()}, ""),
        ({**PICTURES, "deep/x.json": coco(images=FROM_WINDOWS)}, "deep/x.json"),
    ],
)  # fmt: skip
def test_boxes_become_regions_wherever_the_pictures_lie(make: Make, tree: Mapping[str, str], path: str) -> None:
    dataset = read_dataset(make(tree) / path)
    assert boxes(dataset) == EXPECTED
    assert [group.labels for group in dataset.task.groups] == [("no_vest", "vest")]
    assert dataset.skipped == ()
    assert dataset.splits == ()
    # Boxes of one picture stay together.
    sources = [example.source for example in dataset.examples]
    assert sources[0] == sources[1] != sources[2]


def test_splits_come_from_folders_and_tell_pictures_of_one_name_apart(make: Make) -> None:
    tree = {f"{split}/{name}": f"{split}{name}" for split in ("train", "valid") for name in PICTURES}
    root = make({**tree, "train/_annotations.coco.json": coco(), "valid/_annotations.coco.json": coco()})
    dataset = read_dataset(root)
    assert dataset.splits == ("train", "val")
    assert {e.source for e in dataset.examples} == {"train/a.jpg", "train/b.jpg", "valid/a.jpg", "valid/b.jpg"}


def test_splits_come_from_the_names_of_the_files(make: Make) -> None:
    root = make(
        {
            "train2017/a.jpg": "1", "train2017/b.jpg": "2", "val2017/a.jpg": "3", "val2017/b.jpg": "4",
            "annotations/instances_train2017.json": coco(), "annotations/instances_val2017.json": coco(),
        }
    )  # fmt: skip
    dataset = read_dataset(root)
    assert {e.path.relative_to(root).as_posix(): e.split for e in dataset.examples} == {
        "train2017/a.jpg": "train", "train2017/b.jpg": "train", "val2017/a.jpg": "val", "val2017/b.jpg": "val",
    }  # fmt: skip


def test_splits_come_from_annotations(make: Make) -> None:
    images = [{**image, "split": split} for image, split in zip(IMAGES, ("train", "validation"), strict=True)]
    assert read_dataset(make({**PICTURES, "annotations.json": coco(images=images)})).splits == ("train", "val")
    annotations = [{**entry, "attributes": {"split": "test"}} for entry in ANNOTATIONS]
    assert read_dataset(make({"annotations.json": coco(annotations)})).splits == ("test",)
    with pytest.raises(DataError, match=r"annotations\[1\]: the cell of 'split' is empty"):
        read_dataset(make({"annotations.json": coco([{**ANNOTATIONS[0], "split": "test"}, *ANNOTATIONS[1:]])}))


WORN = [
    {**entry, "attributes": {"helmet": worn, "bay": 7}}
    for entry, worn in zip(ANNOTATIONS, (True, False, None), strict=True)
]


def test_attributes_are_groups_where_they_are_asked_for(make: Make) -> None:
    root = make({**PICTURES, "annotations.json": coco(WORN)})
    assert [g.name for g in read_dataset(root).task.groups] == ["class"]
    asked = read_dataset(root, groups=["helmet", "class"])
    assert [e.targets for e in asked.examples] == [("true", "vest"), ("false", "no_vest"), (None, "no_vest")]
    model = Task((LabelGroup("helmet", ("true", "false")), LabelGroup("coat", ("x", "y"))))
    assert [e.targets for e in read_dataset(root, task=model).examples] == [("true", None), ("false", None)]
    with pytest.raises(UsageError, match="'shoes'") as caught:
        read_dataset(root, groups=["shoes"])
    assert caught.value.hint == "the category is 'class', and there are the attributes: class, bay, helmet"


NONSENSE: list[tuple[str, Any, str]] = [
    ("negative width", [10, 10, -5, 5], "no area: -5 x 5"),
    ("no height", [10, 10, 5, 0], "no area: 5 x 0"),
    ("outside", [200, 10, 5, 5], "reaches beyond the picture: 200,10 to 205,15 of 100 x 50"),
    ("far out", [90, 10, 50, 5], "reaches beyond the picture"),
    ("beyond by a hair's breadth, and no area within", [100, 10, 1, 5], "no area within the picture"),
    ("three numbers", [1, 2, 3], "not four numbers"),
    ("text", "1,2,3,4", "not four numbers"),
    ("text within", [1, 2, "3", 4], "not four numbers"),
    ("true", [1, 2, True, 4], "not four numbers"),
    ("a huge number", [0, 0, 10**400, 5], "not four numbers"),
    ("null", None, "not four numbers"),
    ("nested", [[1, 2, 3, 4]], "not four numbers"),
]


@pytest.mark.parametrize(("box", "says"), [n[1:] for n in NONSENSE], ids=[n[0] for n in NONSENSE])
def test_a_box_that_is_none_is_left_out_and_named(make: Make, box: Any, says: str) -> None:
    dataset = read_dataset(make({**PICTURES, "annotations.json": with_box(box)}))
    assert boxes(dataset) == EXPECTED
    ((path, why),) = [(s.path, s.why) for s in dataset.skipped]
    assert path.name == "a.jpg"
    assert "annotations[3]" in why
    assert says in why


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"iscrowd": 1}, "iscrowd"),
        ({"category_id": 7}, "no category of the category_id"),
        ({"category_id": None}, "no category of the category_id"),
        ({"category_id": [1]}, "no category of the category_id"),
        ({"image_id": 7}, "no picture of the image_id"),
        ({"image_id": {}}, "no picture of the image_id"),
        ({"image_id": True}, "no picture of the image_id"),
    ],
)
def test_an_annotation_that_cannot_be_used_is_left_out_and_named(make: Make, change: dict[str, Any], says: str) -> None:
    dataset = read_dataset(make({**PICTURES, "annotations.json": with_box([1, 1, 9, 9], **change)}))
    assert boxes(dataset) == EXPECTED
    (skipped,) = dataset.skipped
    assert says in skipped.why


def test_slight_overhang_is_cut_off(make: Make) -> None:
    dataset = read_dataset(make({**PICTURES, "annotations.json": with_box([-1.5, -0.1, 102.0, 51.0])}))
    assert boxes(dataset)[2] == ("a.jpg", "vest", (0.0, 0.0, 1.0, 1.0))
    assert dataset.skipped == ()


@pytest.mark.parametrize("size", [None, 0, -100, "100", 10**400])
def test_a_picture_without_a_size_has_no_boxes(make: Make, size: Any) -> None:
    images = [{**IMAGES[0], "width": size}, IMAGES[1]]
    more = [{**ANNOTATIONS[2], "category_id": 1, "bbox": [5, 5, 9, 9]}]
    dataset = read_dataset(make({**PICTURES, "annotations.json": coco([*ANNOTATIONS, *more], images)}))
    assert {name for name, *_ in boxes(dataset)} == {"b.jpg"}
    assert ["width and height" in s.why for s in dataset.skipped] == [True, True]


def test_missing_pictures_repeats_and_pictures_without_boxes_are_named(make: Make) -> None:
    images = [*IMAGES, {**IMAGES[0], "id": 3, "file_name": "gone.jpg"}, {**IMAGES[0], "id": 4, "file_name": "x\0.jpg"}]
    annotations = [*ANNOTATIONS, {**ANNOTATIONS[0], "id": 9}, *[{**entry, "image_id": 3} for entry in ANNOTATIONS[:2]]]
    dataset = read_dataset(make({**PICTURES, "annotations.json": coco(annotations, images)}))
    assert boxes(dataset) == EXPECTED
    assert [(s.path.name, s.why.partition("annotations.json")[2]) for s in dataset.skipped[:1]] == [
        ("gone.jpg", ": there is no such file (2 boxes)")
    ]
    assert "1 pictures have no annotation" in dataset.skipped[1].why
    assert "the same row as in" in dataset.skipped[2].why


@pytest.mark.parametrize(
    ("name", "size", "orientation", "kept"),
    [
        ("a.jpg", (100, 50), 1, True),
        ("a.jpg", (1600, 800), 1, True),  # annotated on a smaller copy
        ("a.jpg", (101, 50), 1, True),
        ("a.jpg", (104, 50), 1, False),
        ("a.jpg", (100, 50), 3, True),
        ("a.jpg", (100, 50), 6, False),  # measured as it is stored, not as it stands upright
        ("a.jpg", (50, 100), 8, True),
        ("a.png", (50, 100), 1, False),
    ],
)
def test_a_size_that_is_not_the_upright_pictures_is_found(
    make: Make, name: str, size: tuple[int, int], orientation: int, kept: bool
) -> None:
    content, exif = io.BytesIO(), Image.Exif()
    exif[0x0112] = orientation
    Image.new("RGB", size).save(content, "PNG" if name == "a.png" else "JPEG", exif=exif)
    more = [*ANNOTATIONS, {**ANNOTATIONS[2], "category_id": 1, "bbox": [0, 0, 20, 20]}]
    images = [{**IMAGES[0], "file_name": name}, IMAGES[1]]
    dataset = read_dataset(make({name: content.getvalue(), "b.jpg": "b", "annotations.json": coco(more, images)}))
    assert [e.path.name for e in dataset.examples].count(name) == (2 if kept else 0)
    assert bool(dataset.skipped) is not kept
    for skipped in dataset.skipped:
        upright = size[::-1] if orientation == 6 else size
        assert f"is {upright[0]} x {upright[1]} when it stands upright" in skipped.why
        assert "of 100 x 50" in skipped.why
        assert skipped.why.endswith("(2 boxes)")


REFUSED = [
    ("no JSON", "{oops", "this is not JSON"),
    ("a list", "[1]", "not a JSON object, but a list"),
    ("empty", "", "this is not JSON"),
    ("not UTF-8", b'{"images": "\xe9"}', "this is not JSON"),
    ("nested a million times", "[" * 1_000_000, "this is not JSON"),
    ("a number of a million digits", '{"images": ' + "9" * 1_000_000 + "}", "a number in it has thousands of digits"),
    (
        "an id of 5,000 digits",
        coco(images=[{**IMAGES[0], "id": "@"}]).replace('"@"', "9" * 5000),
        "thousands of digits",
    ),
    ("NaN", coco().replace("10, 5, 20", "NaN, 5, 20"), "NaN is not a value"),
    ("another file", '{"features": {}}', "no list 'images'"),
    ("images by key", coco(images={"1": IMAGES[0]}), "no list 'images'"),  # type: ignore[arg-type]  # on purpose
    ("an image that is none", coco(images=[*IMAGES, "a.jpg"]), r"images[2]: is not a picture"),
    ("no file_name", coco(images=[{"id": 1}]), r"images[0]: is not a picture"),
    ("a category that is none", coco(categories=[{"id": 1}]), r"categories[0]: is not a category"),
    ("a category of no name", coco(categories=[{"id": 1, "name": "a|b"}]), "cannot be called 'a|b'"),
    ("an image id twice", coco(images=[*IMAGES, {**IMAGES[1], "id": 1}]), "images[2]: the id '1' stands twice"),
    ("a category id twice", coco(categories=[*CATEGORIES, {"id": 1, "name": "x"}]), "categories[2]: the id '1' stands"),
    (
        "one box, two labels",
        coco([*ANNOTATIONS, {**ANNOTATIONS[0], "category_id": 2}]),
        "two rows say different things of one box of",
    ),
    ("one label", coco(ANNOTATIONS[1:]), "one label only: 'no_vest' (2 pictures)"),
    ("nothing to use", coco([{**ANNOTATIONS[0], "bbox": []}]), "none of its annotations can be used"),
    ("nothing", coco([]), "there is no annotation in it"),
    ("an unknown split", coco([{**ANNOTATIONS[0], "split": "dev"}]), "no split 'dev'"),
]


def test_that_nothing_is_annotated_is_said_whatever_groups_are_asked_for(make: Make) -> None:
    with pytest.raises(DataError, match="there is no annotation in it"):
        read_dataset(make({**PICTURES, "annotations.json": coco([])}), groups=["worn"])


@pytest.mark.parametrize(("content", "says"), [r[1:] for r in REFUSED], ids=[r[0] for r in REFUSED])
def test_what_cannot_be_right_is_refused(make: Make, content: str | bytes, says: str) -> None:
    root = make({**PICTURES, "annotations.json": content})
    with pytest.raises(DataError) as caught:
        read_dataset(root)
    assert says in caught.value.message
    assert "sys." not in str(caught.value)
    assert str(root) in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize(
    ("tree", "says"),
    [
        ({"instances_a.json": coco(), "instances_b.json": coco()}, "several files of annotations"),
        ({"instances_val.json": coco(), "instances_valid.json": coco()}, "several files of annotations"),
        ({"train/annotations.json": coco(), "test/a/b.jpg": "x"}, "0 files of annotations, where one is needed"),
    ],
)
def test_files_that_do_not_go_together_are_refused(make: Make, tree: Mapping[str, str], says: str) -> None:
    with pytest.raises(DataError, match=says) as caught:
        read_dataset(make({**PICTURES, **tree}))
    assert caught.value.hint


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@given(
    entry=st.dictionaries(
        st.sampled_from(["image_id", "category_id", "bbox", "attributes", "split", "iscrowd"]), JSON_VALUES
    ),
    picture=st.dictionaries(st.sampled_from(["id", "file_name", "width", "height", "split"]), JSON_VALUES),
)
def test_any_values_give_a_dataset_or_an_error_of_ours(
    tmp_path_factory: pytest.TempPathFactory, entry: dict[str, Any], picture: dict[str, Any]
) -> None:
    root = tmp_path_factory.getbasetemp() / "any"
    root.mkdir(exist_ok=True)
    for name in PICTURES:
        (root / name).write_bytes(b"x")
    (root / "annotations.json").write_text(
        coco([*ANNOTATIONS, {**ANNOTATIONS[0], **entry}], [*IMAGES, {**IMAGES[0], "id": 5, **picture}]), "utf-8"
    )
    try:
        assert len(read_dataset(root)) >= 3
    except DataError as error:
        assert error.hint  # noqa: PT017 - both outcomes are right

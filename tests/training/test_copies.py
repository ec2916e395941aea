"""Training refuses pictures that stand in two splits, and keeps copies together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from tests.drawn import drawn, save

from decisight.data.dataset import Dataset, Example
from decisight.data.reading import read_dataset
from decisight.data.splits import assign_splits
from decisight.errors import DataError
from decisight.training.cache import FeatureCache
from decisight.training.choosing import COPIES, _dealt
from decisight.training.copies import FoundCopies, look_for_copies
from decisight.training.division import divide
from decisight.training.options import TrainOptions
from decisight.training.train import Trained
from decisight.types import LabelGroup, Task

HUES = {"red": (220, 40, 40), "blue": (40, 60, 220)}
FIXED = {"fit": "stretch", "depths": "last", "pooling": "mean", "mirror": False, "strength": 10.0, "folds": 2}


@pytest.fixture
def shades(tmp_path: Path) -> Path:
    """A divided set of two labels without copies."""
    root = tmp_path / "shades"
    for at, (label, hue) in enumerate(HUES.items()):
        for split, count in (("train", 5), ("test", 3)):
            for number in range(count):
                seed = 100 * at + 10 * (split == "test") + number
                save(root / split / label / f"{number}.jpg", drawn(seed, (96, 80), hue=hue), quality=90)
    return root


def look(root: Path, cache: FeatureCache | None = None) -> FoundCopies:
    return look_for_copies(read_dataset(root), cache or FeatureCache(None), threads=2)


def test_a_clean_set_is_learnt_from(shades: Path, quick: Callable[..., Trained]) -> None:
    assert look(shades).across() == []
    assert quick(read_dataset(shades), **FIXED).report.pictures == 10


def test_copies_across_splits_are_refused_with_what_can_be_done(shades: Path, quick: Callable[..., Trained]) -> None:
    (shades / "test/red/exact.jpg").write_bytes((shades / "train/red/0.jpg").read_bytes())
    save(shades / "test/blue/again.webp", drawn(101, (96, 80), hue=HUES["blue"]), quality=60)
    # Copies within a split are no reason to refuse.
    (shades / "train/red/twice.jpg").write_bytes((shades / "train/red/1.jpg").read_bytes())
    data = read_dataset(shades)
    with pytest.raises(DataError) as refused:
        quick(data, **FIXED)
    message = refused.value.message
    assert "2 picture(s) stand in two splits (1 the very same file, 1 saved anew or cropped)" in message
    assert "train/red/0.jpg and test/red/exact.jpg; train/blue/1.jpg and test/blue/again.webp" in message
    assert refused.value.hint is not None
    assert "decisight audit" in refused.value.hint
    assert "--allow-duplicates" in refused.value.hint
    assert quick(data, **FIXED, allow_duplicates=True).report.pictures == 11


def test_copies_within_a_split_come_into_one_fold(shades: Path) -> None:
    (shades / "train/red/0.jpg").rename(shades / "train/red/a.jpg")
    save(shades / "train/red/b.png", drawn(0, (96, 80), hue=HUES["red"]))
    found = look(shades)
    names = {digest: example.path.name for digest, example in zip(found.digests, found.examples, strict=True)}
    identities = found.identities()
    assert sorted(names[digest] for digest in identities) == ["a.jpg", "b.png"]
    assert len(set(identities.values())) == 1


def test_what_cannot_be_read_is_passed_over(shades: Path) -> None:
    (shades / "train/red/broken.jpg").write_bytes(b"\xff\xd8\xff no picture")
    (shades / "test/red/broken.jpg").write_bytes(b"\xff\xd8\xff no picture")
    assert look(shades).across() == []


def test_sketches_are_kept(shades: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_decoding(*_: object, **__: object) -> None:
        raise AssertionError("a picture was decoded again")

    (shades / "test/red/exact.jpg").write_bytes((shades / "train/red/0.jpg").read_bytes())
    with FeatureCache(tmp_path / "cache.sqlite3") as cache:
        first = look(shades, cache)
        monkeypatch.setattr("decisight.imaging.decode", no_decoding)
        assert look(shades, cache) == first


def test_the_same_part_of_one_photo_is_told_by_its_box(tmp_path: Path) -> None:
    from decisight.regions import Region

    photo = save(tmp_path / "photo.png", drawn(3, (320, 240)))
    other = save(tmp_path / "other.jpg", drawn(3, (320, 240)), quality=80)
    box = Region("box 1", ((0.1, 0.1), (0.7, 0.1), (0.7, 0.9), (0.1, 0.9)))
    wider = Region("box 2", ((0.1, 0.1), (0.72, 0.1), (0.72, 0.9), (0.1, 0.9)))
    task = Task((LabelGroup("class", ("a", "b")),))
    examples = (
        Example(photo, ("a",), "train", "photo", box),
        Example(photo, ("a",), "test", "photo", wider),
        Example(other, ("a",), "test", "other", box),
    )
    found = look_for_copies(Dataset(tmp_path, task, examples), FeatureCache(None), threads=1)
    # Both boxes of the one photo are seen again in the other; of each other they are parts.
    assert found.copies.near == ((0, 2), (1, 2))
    with pytest.raises(DataError, match=r"photo\.png \(box 1, train\) and other\.jpg \(box 1, test\)"):
        found.refuse_across()


def test_an_undivided_folder_keeps_copies_on_one_side_and_all_others_where_they_were(tmp_path: Path) -> None:
    root = tmp_path / "shades"
    for at, (label, hue) in enumerate(HUES.items()):
        for number in range(12):
            save(root / label / f"{number}.png", drawn(100 * at + number, (96, 80), hue=hue))
    before = {example.path: example.split for example in assign_splits(read_dataset(root))[0].examples}
    assert set(before.values()) == {"train", "test"}
    for label in HUES:
        for number in range(6):
            pixels = drawn(100 * list(HUES).index(label) + number, (96, 80), hue=HUES[label])
            save(root / label / f"{number}.jpg", pixels, quality=85)
    data = read_dataset(root)
    divided, _ = assign_splits(look(root).joined(data))
    after = {example.path: example.split for example in divided.examples}
    for path in before:
        copy = path.with_suffix(".jpg")
        if copy in after:
            assert after[copy] == after[path]
        else:
            assert after[path] == before[path]
    division = divide(look(root).joined(data), holdout=0.2)
    assert any("split by content, no source being known" in note for note in division.notes)


def test_copies_move_no_other_picture_to_another_fold(tmp_path: Path) -> None:
    task = Task((LabelGroup("class", ("a", "b")),))
    plain = [Example(tmp_path / f"{at}.png", ("ab"[at % 2],)) for at in range(40)]
    joined = [replace(example, source=f"{COPIES}x" if at in (3, 8) else None) for at, example in enumerate(plain)]
    options = TrainOptions("model")
    before, after = (_dealt(Dataset(tmp_path, task, tuple(some)), options) for some in (plain, joined))
    assert after[3] == after[8]
    assert [at for at in range(40) if before[at] != after[at]] in ([], [8])

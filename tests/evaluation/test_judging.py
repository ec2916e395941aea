"""Which pictures of a dataset are judged, what is asked of the model, and what is left out."""

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from decisight.data.dataset import Dataset, Example
from decisight.data.digests import data_digest
from decisight.errors import DataError, ImageError
from decisight.evaluation.evaluate import evaluate
from decisight.evaluation.judging import judge
from decisight.models.classifier import Part, load
from decisight.regions import Region
from decisight.types import LabelGroup, Task

LEFT = Region.box("left", 0.0, 0.0, 0.5, 1.0)


@dataclass(frozen=True)
class InMemory:
    """A picture that lies in no file of its own."""

    content: bytes

    def read(self):
        if not self.content:
            raise ImageError("row 7: the picture is missing", hint="fetch it again")
        return self.content


def content(left, right=None, mark=0):
    """A picture whose halves have these brightnesses."""
    pixels = np.full((40, 60, 3), left, np.uint8)
    pixels[:, 30:] = left if right is None else right
    pixels[0, 0] = mark
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()


def example(name, label, picture, **options):
    return Example(Path(name), (label,), stored=InMemory(picture), **options)


def dataset(*examples):
    return Dataset(Path("animals"), Task((LabelGroup("class", ("cat", "dog")),)), examples)


@pytest.fixture(scope="module")
def model(small_model):
    return load(small_model, threads=1)


def test_what_evaluate_takes(model):
    data = dataset(
        example("a", "cat", content(255), source="clip 1"),
        example("b", "dog", content(0)),
        example("c", "dog", content(255, mark=9), source="clip 1"),
    )
    told = []
    judged = judge(model, data, progress=lambda *done: told.append(done))
    assert len(judged) == 3
    assert judged.examples == data.examples
    assert judged.targets == [("cat",), ("dog",), ("dog",)]
    assert judged.sources == ["clip 1", None, "clip 1"]
    (confidences,) = judged.confidences
    assert confidences.shape == (3, 2)
    assert confidences.dtype == np.float64
    assert confidences.argmax(axis=1).tolist() == [0, 1, 0]
    assert judged.predictions[0] == model.predict(content(255))
    assert told == [("pictures", done, 3) for done in (1, 2, 3)]
    found = evaluate(model.task, judged.targets, judged.confidences, sources=judged.sources)
    assert found.groups[0].accuracy.value == pytest.approx(2 / 3)
    assert found.groups[0].sources == 2


def test_files_are_read_from_disk(model, tmp_path):
    (tmp_path / "a.png").write_bytes(content(0))
    judged = judge(model, dataset(Example(tmp_path / "a.png", ("dog",))))
    assert judged.predictions == (model.predict(tmp_path / "a.png"),)


def test_only_the_region_is_looked_at(model):
    whole = content(255, 0)
    judged = judge(model, dataset(example("a", "cat", whole, region=LEFT), example("b", "cat", whole)))
    assert judged.predictions[0] == model.predict(Part(whole, LEFT))
    assert judged.predictions[1] == model.predict(whole)
    assert judged.predictions[0].confidence("cat") > 0.99 > judged.predictions[1].confidence("cat")


def test_what_cannot_be_read_is_named_and_the_rest_goes_on(model, tmp_path):
    (tmp_path / "empty.jpg").touch()
    judged = judge(
        model,
        dataset(
            example("bad", "cat", b"this is text"),
            example("a", "cat", content(255)),
            Example(tmp_path / "empty.jpg", ("dog",)),
            example("gone", "dog", b""),
            example("b", "dog", content(0)),
        ),
    )
    assert [e.path.name for e in judged.examples] == ["a", "b"]
    why = {skipped.path.name: skipped.why for skipped in judged.skipped}
    assert list(why) == ["bad", "empty.jpg", "gone"]
    assert why["bad"].startswith("it is not a picture: it looks like text: this is text; formats: ")
    assert why["empty.jpg"].startswith("the file is empty")  # its name stands beside it, so not in it
    assert why["gone"] == "row 7: the picture is missing; fetch it again"


def test_pictures_seen_in_training_are_counted_or_left_out(model):
    examples = [
        example("a", "cat", content(255)),
        example("a, left", "cat", content(255), region=LEFT),
        example("b", "dog", content(0)),
    ]
    seen = {examples[0].digest(content(255))[:8]}
    judged = judge(model, dataset(*examples), seen=seen)
    assert (len(judged), judged.seen) == (3, 1)
    told = []
    judged = judge(model, dataset(*examples), seen=seen, leave_out_seen=True, progress=lambda *done: told.append(done))
    # A part of a picture that was learnt from as a whole is another example.
    assert [e.path.name for e in judged.examples] == ["a, left", "b"]
    assert judged.seen == 1
    assert told[-1] == ("pictures", 2, 2)


def test_nothing_left_to_judge_by_is_refused(model):
    one = example("a", "cat", content(255))
    with pytest.raises(DataError, match="all of the 1 pictures that can be read were seen in training"):
        judge(model, dataset(one), seen=[one.digest(content(255))[:8]], leave_out_seen=True)
    with pytest.raises(DataError, match="none of the 2 pictures could be read, the first: bad: it is not a picture"):
        judge(model, dataset(example("bad", "cat", b"text"), example("gone", "dog", b"")))
    with pytest.raises(DataError, match="none of the 0 pictures could be read"):
        judge(model, dataset())


def test_what_was_looked_at_is_told_by_its_digest(model):
    pictures = (
        example("a", "cat", content(255)),
        example("b", "cat", b"broken"),
        example("c", "dog", content(255), region=LEFT),
    )
    judged = judge(model, dataset(*pictures))
    expected = [pictures[at].digest(pictures[at].read()).hex() for at in (0, 2)]
    assert list(judged.digests) == expected
    assert len(set(expected)) == 2
    there = data_digest(judged.examples, judged.digests)
    assert there == data_digest(judged.examples[::-1], judged.digests[::-1])
    assert there != data_digest(judged.examples[::-1], judged.digests)

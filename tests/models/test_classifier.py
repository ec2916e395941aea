"""Whatever form a picture has, and however many come at once, the answers are the same."""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import ModelProto, helper, numpy_helper
from PIL import Image

import decisight
from decisight import imaging
from decisight.compute import Network, Threads, open_network
from decisight.errors import ImageError, LabelError, MissingPartError, ModelError, NotAModelError, UsageError
from decisight.models.classifier import Classifier, as_pixels, load
from decisight.models.model_file import read_model, seal, write_model
from decisight.types import FitMode, Prediction

TOLERANCE = 1e-5
"""How far the answer to a picture may depend on the others that it is asked about with."""


@pytest.fixture(scope="module")
def model(gear_model: Path) -> Classifier:
    return load(gear_model, threads=2)


def far(one: Prediction, other: Prediction) -> float:
    """The largest difference of any confidence."""
    assert one.task == other.task
    return max(
        abs(a - b) for p, q in zip(one.confidences, other.confidences, strict=True) for a, b in zip(p, q, strict=True)
    )


class TestForms:
    @pytest.fixture
    def png(self, pictures: list[np.ndarray], tmp_path: Path) -> Path:
        path = tmp_path / "photo.png"
        Image.fromarray(pictures[0]).save(path)
        return path

    def test_one_picture_in_every_form(self, model: Classifier, pictures: list[np.ndarray], png: Path) -> None:
        expected = model.predict(pictures[0])
        for form in (png, str(png), png.read_bytes(), Image.open(png), Image.fromarray(pictures[0])):
            assert model.predict(form) == expected
        assert model.predict_batch([png, pictures[0]]) == model.predict_batch([pictures[0], png])

    @pytest.mark.parametrize(
        "mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "HSV", "LAB", "I", "I;16", "F"]
    )
    def test_a_pillow_image_of_any_mode(self, model: Classifier, mode: str) -> None:
        white = {"I": 255, "I;16": 65535, "F": 1.0, "CMYK": (0, 0, 0, 0), "1": 1}
        white |= dict.fromkeys(("LAB", "YCbCr"), (255, 128, 128))
        image = Image.new(mode, (20, 30), white.get(mode, "white"))
        assert model.predict(image).confidence("helmet:worn") == pytest.approx(0.99966, abs=2e-3)

    def test_a_rotated_photo_is_seen_upright(self, model: Classifier, pictures: list[np.ndarray]) -> None:
        turned, exif = Image.fromarray(np.rot90(pictures[1])), Image.Exif()
        exif[0x0112] = 6
        buffer = io.BytesIO()
        turned.save(buffer, "PNG", exif=exif)
        assert model.predict(buffer.getvalue()) == model.predict(pictures[1])

    @pytest.mark.parametrize(
        "view",
        [
            lambda a: a[::-1],
            lambda a: a[:, ::-1],
            lambda a: a[::2, ::3],
            lambda a: a.transpose(1, 0, 2),
            lambda a: a[..., ::-1],
        ],
    )
    def test_an_array_however_it_lies_in_memory(
        self, model: Classifier, view: Callable[[np.ndarray], np.ndarray]
    ) -> None:
        # Of the model's own size, so that nothing copies it on the way.
        whole = np.random.default_rng(0).integers(0, 256, (448, 672, 3), np.uint8)
        seen = view(whole)[:224, :224]
        assert model.predict(seen) == model.predict(np.ascontiguousarray(seen))

    def test_the_picture_given_is_not_changed(self, model: Classifier) -> None:
        picture = np.random.default_rng(1).integers(0, 256, (224, 224, 3), np.uint8)
        before = picture.copy()
        picture.flags.writeable = False
        model.predict(picture)
        model.predict_batch([picture])
        np.testing.assert_array_equal(picture, before)

    @pytest.mark.parametrize(
        ("picture", "says"),
        [
            (np.zeros((4, 4), np.uint8), r"uint8 \(4, 4\)"),
            (np.zeros((4, 4, 1), np.uint8), r"uint8 \(4, 4, 1\)"),
            (np.zeros((4, 4, 4), np.uint8), r"uint8 \(4, 4, 4\)"),
            (np.zeros((3, 4, 4), np.uint8), r"uint8 \(3, 4, 4\)"),
            (np.zeros((1, 4, 4, 3), np.uint8), r"uint8 \(1, 4, 4, 3\)"),
            (np.zeros((0, 4, 3), np.uint8), r"uint8 \(0, 4, 3\)"),
            (np.zeros((4, 0, 3), np.uint8), r"uint8 \(4, 0, 3\)"),
            (np.zeros((4, 4, 3), np.float32), r"float32 \(4, 4, 3\)"),
            (np.zeros((4, 4, 3), bool), r"bool \(4, 4, 3\)"),
            (np.zeros((4, 4, 3), object), r"object \(4, 4, 3\)"),
            # what is no picture in any form
            (42, "got int"),
            (None, "got NoneType"),
            (["a.jpg"], "got list"),
            (b"", "empty"),
            (b"no picture", "not a picture|picture"),
            ("none.jpg", "none.jpg: does not exist"),
            (Path(), "folder"),
            ("a\0b", "not a path"),
        ],
    )
    def test_other_things_are_refused(self, model: Classifier, picture: object, says: str) -> None:
        with pytest.raises(ImageError, match=says):
            model.predict(picture)  # type: ignore[arg-type]
        with pytest.raises(ImageError, match=says):
            model.predict_batch([picture])  # type: ignore[list-item]
        with pytest.raises(ImageError):
            as_pixels(picture)  # type: ignore[arg-type]

    def test_one_picture_is_not_several(self, model: Classifier, tmp_path: Path) -> None:
        square = np.zeros((8, 8, 3), np.uint8)
        for one in ("x.png", b"x", tmp_path / "x.png", square, Image.fromarray(square)):
            with pytest.raises(UsageError, match="expected several pictures, got one") as caught:
                model.predict_batch(one)  # type: ignore[arg-type]
            assert "predict_batch([picture])" in str(caught.value.hint)
            with pytest.raises(UsageError, match="expected several pictures"):
                next(iter(model.predict_stream(one)))  # type: ignore[arg-type]
        assert len(model.predict_batch(np.stack([square, square]))) == 2
        Image.fromarray(square).save(tmp_path / "x.png")
        assert len(model.predict_batch(np.array([str(tmp_path / "x.png")]))) == 1


class TestAgreement:
    def test_alone_together_and_in_a_stream(self, model: Classifier, pictures: list[np.ndarray]) -> None:
        alone = [model.predict(picture) for picture in pictures]
        assert len({round(p.confidence("helmet:worn"), 2) for p in alone}) > 5
        together, streamed = model.predict_batch(pictures), list(model.predict_stream(iter(pictures)))
        assert together == streamed
        assert max(map(far, alone, together)) <= TOLERANCE

    def test_the_number_of_threads_is_nothing_that_shows(self, gear_model: Path, pictures: list[np.ndarray]) -> None:
        one, three = load(gear_model, threads=1), load(gear_model, threads=3)
        for picture, a, b in zip(pictures, one.predict_batch(pictures), three.predict_batch(pictures), strict=True):
            assert max(far(a, b), far(one.predict(picture), three.predict(picture))) <= TOLERANCE

    def test_the_place_in_a_batch_is_nothing_that_shows(self, model: Classifier, pictures: list[np.ndarray]) -> None:
        forwards, backwards = model.predict_batch(pictures), model.predict_batch(pictures[::-1])[::-1]
        assert max(map(far, forwards, backwards)) <= TOLERANCE

    def test_confidences_add_up(self, model: Classifier, pictures: list[np.ndarray]) -> None:
        for prediction in [*model.predict_batch(pictures), *(model.predict(p) for p in pictures[:3])]:
            for group, row in zip(prediction.task.groups, prediction.confidences, strict=True):
                assert all(0.0 <= confidence <= 1.0 for confidence in row)
                if group.exclusive:
                    assert sum(row) == pytest.approx(1.0, abs=1e-12)

    def test_many_threads_at_once(self, model: Classifier, pictures: list[np.ndarray]) -> None:
        expected = [model.predict(picture) for picture in pictures]
        found: dict[int, list[Prediction]] = {}
        together = threading.Barrier(8, timeout=60)
        # A classifier that nobody has used yet: its network is opened while all of them want it.
        fresh = Classifier(model.file, threads=2)

        def work(number: int) -> None:
            together.wait()
            if number % 2:
                found[number] = [fresh.predict(picture) for picture in pictures]
            else:
                found[number] = fresh.predict_batch(pictures)

        threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(found) == list(range(8))
        assert all(far(a, b) <= TOLERANCE for answers in found.values() for a, b in zip(answers, expected, strict=True))

    def test_the_network_is_opened_once_however_many_want_it(
        self, model: Classifier, pictures: list[np.ndarray], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        opened = []

        def slowly(*arguments: Any, threads: int, callers: int, **options: Any) -> Network:
            opened.append((threads, callers))
            time.sleep(0.05)
            return open_network(*arguments, threads=threads, callers=callers, **options)

        monkeypatch.setattr("decisight.models.classifier.open_network", slowly)
        fresh = Classifier(model.file, threads=4)
        fresh.predict_batch(pictures * 2)
        fresh.predict(pictures[0])
        fresh.predict(pictures[1])
        assert opened == [(1, 4), (4, 1)]

    def test_fit_and_fill_of_the_card_are_kept_to(self, model: Classifier, pictures: list[np.ndarray]) -> None:
        for fit in FitMode:
            preprocessing = replace(model.card.preprocessing, fit=fit, fill=(1, 2, 3))
            other = Classifier(replace(model.file, card=replace(model.card, preprocessing=preprocessing)))
            expected = imaging.fit(pictures[0], 224, fit, (1, 2, 3))
            np.testing.assert_array_equal(other.prepare(pictures[0]), expected)


class TestStream:
    def test_errors_stand_in_their_place(self, model: Classifier, pictures: list[np.ndarray], tmp_path: Path) -> None:
        items: list[object] = [*pictures[:3], tmp_path / "none.jpg", pictures[3], 42, b"", *pictures[4:]]
        answers = list(model.predict_stream(items))  # type: ignore[arg-type]
        assert [isinstance(answer, ImageError) for answer in answers] == [
            not isinstance(item, np.ndarray) for item in items
        ]
        good = [answer for answer in answers if isinstance(answer, Prediction)]
        assert max(map(far, good, model.predict_batch(pictures))) <= TOLERANCE

    def test_only_errors(self, model: Classifier, tmp_path: Path) -> None:
        answers = list(model.predict_stream([tmp_path / f"{i}.jpg" for i in range(10)]))
        assert [str(tmp_path / f"{i}.jpg") in str(answer) for i, answer in enumerate(answers)] == [True] * 10

    def test_a_batch_ends_at_the_first_error(
        self, model: Classifier, pictures: list[np.ndarray], tmp_path: Path
    ) -> None:
        with pytest.raises(ImageError, match=r"none\.jpg"):
            model.predict_batch([pictures[0], tmp_path / "none.jpg"])

    def test_nothing(self, model: Classifier) -> None:
        assert model.predict_batch([]) == []
        assert list(model.predict_stream(iter(()))) == []

    def test_pictures_are_taken_as_they_are_needed(self, model: Classifier, pictures: list[np.ndarray]) -> None:
        taken = 0

        def endless() -> Iterator[np.ndarray]:
            nonlocal taken
            while True:
                taken += 1
                yield pictures[taken % len(pictures)]

        answers = model.predict_stream(endless())
        assert taken == 0
        for number in range(1, 60):
            next(answers)
            # Three chunks of four a thread, and the chunk that is being given out.
            assert taken <= number + 3 * model.threads * 4 + 4
        answers.close()  # type: ignore[attr-defined]
        assert not [thread for thread in threading.enumerate() if thread.name.startswith("decisight")]

    def test_an_error_of_the_list_comes_out(self, model: Classifier, pictures: list[np.ndarray]) -> None:
        def broken() -> Iterator[np.ndarray]:
            yield pictures[0]
            raise OSError("the list ends here")

        with pytest.raises(OSError, match="the list ends here"):
            model.predict_batch(broken())


class TestSettings:
    def test_thresholds_and_fallback(self, model: Classifier, pictures: list[np.ndarray], tmp_path: Path) -> None:
        other = model.with_settings({"gloves": 0.9}, "ask")
        assert (other.card.thresholds, other.card.fallback) == ({"gloves": 0.9}, "ask")
        assert other.reference == model.reference
        assert other.file.settings_digest != model.file.settings_digest
        assert other.predict(pictures[0]) == model.predict(pictures[0])
        assert (model.card.thresholds, model.card.fallback) == ({}, "unknown")
        write_model(tmp_path / "model.onnx", other.file)
        assert load(tmp_path / "model.onnx").card == other.card

    def test_what_is_not_given_stays(self, model: Classifier) -> None:
        other = model.with_settings({"gloves": 0.9})
        assert other.with_settings(fallback="ask").card.thresholds == {"gloves": 0.9}
        assert other.with_settings({}, "ask").card.thresholds == {}

    @pytest.mark.parametrize(
        ("thresholds", "fallback", "error"),
        [
            ({"boots": 0.5}, None, LabelError),
            ({"worn": 0.5}, None, LabelError),
            ({"gloves": 1.5}, None, UsageError),
            ({"gloves": float("nan")}, None, UsageError),
            ({"gloves": 0.5, "extras:gloves": 0.6}, None, UsageError),
            (None, "\x1b[2J", UsageError),
            (None, " ", UsageError),
        ],
    )
    def test_others_are_refused(
        self, model: Classifier, thresholds: dict[str, float] | None, fallback: str | None, error: type[Exception]
    ) -> None:
        with pytest.raises(error):
            model.with_settings(thresholds, fallback)


class TestLoading:
    def test_what_it_says_of_itself(self, model: Classifier, gear_model: Path) -> None:
        assert (model.name, model.threads, len(model.task.groups)) == ("gear", 2, 3)
        assert model.reference.digest == read_model(gear_model).graph_digest
        assert decisight.load(str(gear_model)).task == model.task

    def test_threads_by_default_are_those_granted(self, gear_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("decisight.models.classifier.granted_threads", lambda n: Threads(n or 5, "granted"))
        assert load(gear_model).threads == 5

    @pytest.mark.parametrize("threads", [0, -1])
    def test_no_threads(self, gear_model: Path, threads: int) -> None:
        with pytest.raises(UsageError):
            load(gear_model, threads=threads)

    def test_its_runtime_is_named_and_stays(self, gear_model: Path) -> None:
        model = load(gear_model, threads=1, runtime="onnxruntime")
        assert (model.runtime.name, model.runtime.precision) == ("onnxruntime", "fp32")
        assert model.reference.runtime == model.runtime
        assert model.with_settings(fallback="ask").runtime == model.runtime

    @pytest.mark.parametrize("runtime", ["nowhere", "onnxruntime:bf16"])
    def test_a_runtime_that_cannot_be_had_is_refused_at_once(self, gear_model: Path, runtime: str) -> None:
        with pytest.raises((MissingPartError, UsageError)):
            load(gear_model, runtime=runtime)

    def test_what_is_no_model(self, tmp_path: Path) -> None:
        with pytest.raises(NotAModelError, match="no such file"):
            load(tmp_path / "none.onnx")
        with pytest.raises(MissingPartError, match="nowhere_net"):
            load("imagenet:nowhere_net")


def _sealed_with(gear_model: Path, change: Callable[[ModelProto], object]) -> Classifier:
    model = ModelProto.FromString(gear_model.read_bytes())
    change(model)
    return Classifier(seal(model, read_model(gear_model).card), threads=1)


def _not_a_number(model: ModelProto) -> None:
    weight = next(c for c in model.graph.initializer if c.name == "head/helmet/weight")
    weight.CopyFrom(numpy_helper.from_array(np.full(tuple(weight.dims), np.nan, np.float32), weight.name))


def _no_groups(model: ModelProto) -> None:
    convolution = next(n for n in model.graph.node if n.op_type == "Conv")
    next(a for a in convolution.attribute if a.name == "group").i = 7


def _without(activation: str, scale: float, shift: float) -> Callable[[ModelProto], None]:
    """The logits, made smaller and moved, in the place of the confidences."""

    def change(model: ModelProto) -> None:
        last = next(n for n in model.graph.node if n.op_type == activation)
        for name, value in (("test/scale", scale), ("test/shift", shift)):
            model.graph.initializer.append(numpy_helper.from_array(np.array(value, np.float32), name))
        at = list(model.graph.node).index(last)
        scaled = helper.make_node("Mul", [last.input[0], "test/scale"], ["test/scaled"])
        shifted = helper.make_node("Add", ["test/scaled", "test/shift"], [last.output[0]])
        del model.graph.node[at]
        model.graph.node.insert(at, shifted)
        model.graph.node.insert(at, scaled)

    return change


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (_not_a_number, "no numbers"),
        (_no_groups, "cannot be run"),
        (_without("Softmax", 1.0, 2.0), "not between 0 and 1"),
        (_without("Sigmoid", 1.0, 2.0), "not between 0 and 1"),
        (_without("Sigmoid", 0.0, 1.00001), "not between 0 and 1"),
        (_without("Sigmoid", 0.0, -0.00001), "not between 0 and 1"),
        (_without("Softmax", 0.0, 0.0), "do not add up to 1"),
        (_without("Softmax", 0.0, 0.498), "do not add up to 1"),
        (_without("Softmax", 0.0, 0.502), "do not add up to 1"),
    ],
)
def test_a_model_that_fails_at_work_is_a_model_error(
    gear_model: Path, pictures: list[np.ndarray], change: Callable[[ModelProto], object], says: str
) -> None:
    model = _sealed_with(gear_model, change)
    for work in (lambda: model.predict(pictures[0]), lambda: model.predict_batch(pictures)):
        with pytest.raises(ModelError, match=says):
            work()


@pytest.mark.parametrize(("value", "expected"), [(0.4999, 0.5), (0.5001, 0.5)])
def test_what_rounding_leaves_is_made_good(
    gear_model: Path, pictures: list[np.ndarray], value: float, expected: float
) -> None:
    model = _sealed_with(gear_model, _without("Softmax", 0.0, value))
    assert model.predict(pictures[0]).confidences[0] == pytest.approx((expected, expected), abs=1e-12)
    model = _sealed_with(gear_model, _without("Sigmoid", 0.0, 1.0 + 5e-7))
    assert model.predict(pictures[0]).confidence("gloves") == 1.0

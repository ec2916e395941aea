"""Training, from labelled pictures to a model, with the real backbone."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from decisight import imaging
from decisight.data.dataset import Dataset
from decisight.data.reading import read_dataset
from decisight.errors import DataError, LabelError, MissingPartError, UsageError
from decisight.models.classifier import Classifier, Part, load
from decisight.models.model_file import write_model
from decisight.regions import Region
from decisight.training import fitting, probe, recipes
from decisight.training import train as training
from decisight.training.cache import FeatureCache
from decisight.training.train import Trained, TrainOptions, train
from decisight.types import FitMode

Quick = Callable[..., Trained]

FIXED = {"fit": FitMode.STRETCH, "depths": "all", "pooling": "mean", "mirror": False, "strength": 30.0}


def test_the_model_tells_roles_apart(trained: Trained, gate: Dataset) -> None:
    test = gate.only("test")
    predictions = Classifier(trained.model, threads=2).predict_batch(e.path for e in test.examples)
    right = [p.top("role").label == e.targets[0] for p, e in zip(predictions, test.examples, strict=True)]
    assert np.mean(right) >= 0.6  # chance gives 0.33, and there are few workers to learn from


def test_all_that_was_not_given_is_chosen_and_explained(trained: Trained) -> None:
    names = {(choice.group, choice.name) for choice in trained.report.choices}
    assert names == {
        (None, "fit"),
        (None, "mirrored pictures"),
        ("role", "features"),
        ("role", "strength"),
        ("gear", "features"),
        ("gear", "strength"),
    }
    assert all("loss" in choice.why for choice in trained.report.choices)


def test_what_is_given_is_not_chosen(gate: Dataset, quick: Quick) -> None:
    made = quick(gate, **FIXED)
    assert made.report.choices == ()
    assert made.model.card.preprocessing.fit is FitMode.STRETCH
    assert all(feature.endswith(".all.mean") for feature in made.model.card.features)
    assert len(made.model.card.features) == 9


def test_only_what_a_head_uses_is_computed(gate: Dataset, quick: Quick) -> None:
    import onnx

    small = quick(gate, **{**FIXED, "depths": "last"})
    assert small.model.card.features == ("head.all.mean",)
    nodes = [node.op_type for node in onnx.load_from_string(small.model.graph).graph.node]
    assert nodes.count("GlobalAveragePool") == 1
    assert "Slice" not in nodes


def test_a_second_training_gives_the_same_model(gate: Dataset, trained: Trained, quick: Quick, tmp_path: Path) -> None:
    assert quick(gate).model.graph_digest == trained.model.graph_digest
    with FeatureCache(None) as empty:
        options = TrainOptions(name="gate", **FIXED)  # type: ignore[arg-type]
        afresh = train(gate, options, cache=empty, progress=lambda *_: None, threads=1)
    assert afresh.model.graph_digest == quick(gate, **FIXED).model.graph_digest


def test_another_seed_deals_other_folds(gate: Dataset, trained: Trained, quick: Quick) -> None:
    other = quick(gate, seed=1)
    assert other.model.card.training["choices"] != trained.model.card.training["choices"]


def test_written_and_read_back_it_gives_the_same_confidences(trained: Trained, gate: Dataset, tmp_path: Path) -> None:
    write_model(tmp_path / "gate.onnx", trained.model)
    pictures = [e.path for e in gate.only("test").examples[:6]]
    assert load(tmp_path / "gate.onnx", threads=1).predict_batch(pictures) == Classifier(
        trained.model, threads=1
    ).predict_batch(pictures)


def test_the_graph_computes_what_was_fitted(gate: Dataset, quick: Quick) -> None:
    """The head as it stands in the graph agrees with scikit-learn fitted on the same features."""
    from sklearn.linear_model import LogisticRegression

    made = quick(gate, **FIXED)
    cache = FeatureCache(None)
    extractor = training.FeatureExtractor(training.backbones.build("efficientnet_lite0"), cache, threads=2)
    view = training.View(FitMode.STRETCH)
    part = gate.only("train")
    layout = recipes.Layout(extractor.backbone)
    recipe = recipes.Recipe("all", "mean")
    table = extractor.extract(part.examples, [view], lambda *_: None).views[view]
    standardiser = probe.Standardiser.of(table)
    labels = [str(e.targets[0]) for e in part.examples]
    reference = LogisticRegression(C=30.0, max_iter=5000, tol=1e-8).fit(
        layout.design([table], standardiser, recipe).astype(np.float64), labels
    )
    test = gate.only("test").examples[:10]
    asked = extractor.extract(test, [view], lambda *_: None).views[view]
    cache.close()
    logits = reference.decision_function(layout.design([asked], standardiser, recipe).astype(np.float64))
    calibration = made.model.card.calibration[0]
    moved = logits / calibration.temperature + np.array(calibration.bias)
    expected = np.exp(moved - moved.max(1, keepdims=True))
    expected /= expected.sum(1, keepdims=True)
    found = Classifier(made.model, threads=2).predict_batch(e.path for e in test)
    np.testing.assert_allclose([p.confidences[0] for p in found], expected, atol=0.01)


def test_many_pictures_take_the_other_way_to_the_same_heads(
    gate: Dataset, quick: Quick, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = Classifier(quick(gate, **FIXED).model, threads=2)
    monkeypatch.setattr(fitting, "_DUAL_ROWS", 10)
    many = Classifier(quick(gate, **FIXED).model, threads=2)
    pictures = [e.path for e in gate.only("test").examples[:6]]
    for one, other in zip(few.predict_batch(pictures), many.predict_batch(pictures), strict=True):
        np.testing.assert_allclose(one.confidences[0], other.confidences[0], atol=2e-3)


def test_choices_are_made_on_some_and_heads_learn_from_all(
    gate: Dataset, quick: Quick, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "SELECTION_PICTURES", 30)
    made = quick(gate, fit=FitMode.STRETCH)
    part = gate.only("train")
    assert made.report.pictures == len(part)
    assert len(base64.b64decode(made.model.card.data["seen"])) == 8 * len(part)
    assert sum(group.n for group in made.report.evaluation.groups) == 2 * 30


def test_every_picture_learnt_from_can_be_recognised(trained: Trained, gate: Dataset) -> None:
    seen = base64.b64decode(trained.model.card.data["seen"])
    known = {seen[i : i + 8] for i in range(0, len(seen), 8)}
    digests = {
        split: {hashlib.sha256(e.path.read_bytes()).digest()[:8] for e in gate.only(split).examples}
        for split in gate.splits
    }
    assert known == digests["train"]
    assert not known & digests["test"]


def test_a_validation_split_is_what_the_model_is_judged_by(gate: Dataset, quick: Quick) -> None:
    moved = replace(gate, examples=tuple(replace(e, split="val") if e.split == "test" else e for e in gate.examples))
    made = quick(moved, **FIXED)
    assert made.report.evaluated_on == "the validation split"
    assert made.report.evaluation.groups[0].n == len(gate.only("test"))
    assert made.model.graph_digest == quick(gate, **FIXED).model.graph_digest


def test_without_splits_a_share_of_the_sources_is_set_aside(gate: Dataset, quick: Quick) -> None:
    whole = replace(gate, examples=tuple(replace(e, split=None) for e in gate.examples))
    made = quick(whole, **FIXED, holdout=0.3)
    assert 0 < made.report.pictures < len(whole)
    assert made.report.notes
    assert quick(whole, **FIXED, holdout=0.0).report.pictures == len(whole)


def test_unknown_cells_and_unreadable_pictures_are_passed_over(gate_folder: Path, quick: Quick, tmp_path: Path) -> None:
    folder = shutil.copytree(gate_folder, tmp_path / "gate")
    table = folder / "train" / "metadata.csv"
    rows = list(csv.DictReader(table.read_text("utf-8").splitlines()))
    rows[0]["role"], rows[1]["gear"] = "", ""
    with table.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    broken = folder / "train" / rows[2]["file_name"]
    broken.write_bytes(broken.read_bytes()[:500])
    made = quick(read_dataset(folder), **FIXED)
    assert [skipped.path.name for skipped in made.report.skipped] == [broken.name]
    assert made.report.pictures == len(rows) - 1
    assert [group.n for group in made.report.evaluation.groups] == [len(rows) - 2, len(rows) - 2]


def test_thresholds_and_fallback_go_into_the_model(gate: Dataset, quick: Quick) -> None:
    made = quick(gate, **FIXED, thresholds={"operator": 0.8}, fallback="ask")
    assert made.model.card.thresholds == {"role:operator": 0.8}
    assert made.model.card.fallback == "ask"
    assert made.model.graph_digest == quick(gate, **FIXED).model.graph_digest


def test_balance_moves_confidence_to_the_rare(gate: Dataset, quick: Quick) -> None:
    rare = replace(
        gate,
        examples=tuple(
            e for i, e in enumerate(gate.examples) if e.split == "test" or e.targets[0] != "visitor" or i % 3 == 0
        ),
    )
    options = {**FIXED, "strength": 1e-4, "depths": "last"}
    pictures = [e.path for e in gate.only("test").examples]
    plain, balanced = (
        np.mean(
            [
                p.confidence("visitor")
                for p in Classifier(quick(rare, **options, balance=b).model).predict_batch(pictures)
            ]
        )
        for b in (False, True)
    )
    assert balanced > plain


@pytest.mark.parametrize(
    ("options", "error", "said"),
    [
        ({"thresholds": {"nobody": 0.5}}, LabelError, "nobody"),
        ({"thresholds": {"operator": 1.5}}, UsageError, "between 0 and 1"),
        ({"folds": 1}, UsageError, "at least 2"),
        ({"strength": 0.0}, UsageError, "strength"),
        ({"holdout": 1.0}, UsageError, "share"),
        ({"depths": "every"}, UsageError, "last, deep, all, shallow"),
        ({"pooling": "median"}, UsageError, "mean"),
        ({"backbone": "resnet"}, MissingPartError, "resnet"),
        ({"name": " "}, UsageError, "name"),
    ],
)
def test_options_that_cannot_be_used(
    gate: Dataset, quick: Quick, options: dict[str, object], error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said):
        quick(gate, **options)


def test_one_source_of_a_label_cannot_be_checked(gate: Dataset, quick: Quick) -> None:
    visitors = next(e.source for e in gate.only("train").examples if e.targets[0] == "visitor")
    kept = tuple(e for e in gate.examples if e.targets[0] != "visitor" or e.source == visitors)
    with pytest.raises(DataError, match="visitor come from one source"):
        quick(replace(gate, examples=kept), **FIXED)


def test_no_train_part(gate: Dataset, quick: Quick) -> None:
    with pytest.raises(DataError, match="no train part"):
        quick(gate.only("test"))


def test_a_rare_label_takes_part_in_the_choice(gate: Dataset, quick: Quick, monkeypatch: pytest.MonkeyPatch) -> None:
    """However few pictures choices are made on, and wherever its own stand in the draw."""
    monkeypatch.setattr(training, "SELECTION_PICTURES", 20)
    visitors = [e for e in gate.only("train").examples if e.targets[0] == "visitor"]
    sources = sorted({str(e.source) for e in visitors})[:2]
    rare = [next(e for e in visitors if e.source == source) for source in sources]
    others = [e for e in gate.only("train").examples if e.targets[0] != "visitor"]
    made = quick(replace(gate, examples=(*others, *rare)), **FIXED)
    assert made.report.evaluation.groups[0].per_class[2].support == 2
    assert any("20 of the" in note for note in made.report.notes)


def test_copies_without_a_source_are_kept_together(gate: Dataset, quick: Quick, tmp_path: Path) -> None:
    copies = []
    for e in gate.only("train").examples:
        copy = tmp_path / f"copy of {e.path.name}"
        shutil.copyfile(e.path, copy)
        copies.append(replace(e, path=copy, source=None))
    originals = [replace(e, source=None) for e in gate.only("train").examples]
    once = quick(replace(gate, examples=tuple(originals)), **FIXED)
    twice = quick(replace(gate, examples=(*originals, *copies)), **FIXED)
    assert twice.report.evaluation.groups[0].accuracy.value <= once.report.evaluation.groups[0].accuracy.value + 0.1


def test_a_group_known_of_one_source_only_cannot_be_checked(gate: Dataset, quick: Quick) -> None:
    train = gate.only("train").examples
    known = next(e.source for e in train if e.targets[1])
    blanked = tuple(e if e.source == known else replace(e, targets=(e.targets[0], None)) for e in train)
    blanked = tuple(
        replace(e, targets=(e.targets[0], frozenset({"vest"} if i % 2 else {"helmet"}))) if e.source == known else e
        for i, e in enumerate(blanked)
    )
    with pytest.raises(DataError, match="'gear'"):
        quick(replace(gate, examples=blanked), **FIXED)


def test_unreadable_pictures_of_the_validation_split_are_named(gate: Dataset, quick: Quick, tmp_path: Path) -> None:
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"no picture")
    moved = [replace(e, split="val") if e.split == "test" else e for e in gate.examples]
    last = replace(moved[-1], path=broken, split="val")
    made = quick(replace(gate, examples=(*moved, last)), **FIXED)
    assert [skipped.path for skipped in made.report.skipped] == [broken]


def test_python_needs_no_cache_and_no_progress(gate: Dataset, quick: Quick) -> None:
    part = replace(gate, examples=gate.only("train").examples[:40])
    made = train(part, TrainOptions(name="gate", **FIXED), threads=2)  # type: ignore[arg-type]
    assert made.model.graph_digest == quick(part, **FIXED).model.graph_digest


def test_copies_of_one_picture_cannot_be_checked(gate: Dataset, quick: Quick, tmp_path: Path) -> None:
    visitor = next(e for e in gate.only("train").examples if e.targets[0] == "visitor")
    others = [replace(e, source=None) for e in gate.only("train").examples if e.targets[0] != "visitor"]
    copies = [replace(visitor, path=tmp_path / f"{at}.jpg", source=None) for at in range(4)]
    for copy in copies:
        shutil.copyfile(visitor.path, copy.path)
    with pytest.raises(DataError, match="visitor are copies of one picture"):
        quick(replace(gate, examples=(*others, *copies)), **FIXED)


@pytest.mark.parametrize(("fallback", "noted"), [("operator", True), ("vest", True), ("unsure", False)])
def test_a_fallback_that_is_a_label_too_is_noted(gate: Dataset, quick: Quick, fallback: str, noted: bool) -> None:
    made = quick(gate, **FIXED, fallback=fallback)
    assert any(f"the fall-back {fallback!r} is also a label" in note for note in made.report.notes) == noted


def test_the_share_that_came_from_the_cache(gate: Dataset) -> None:
    """Also where more views are looked at in choosing than are learnt from in the end."""
    options = TrainOptions(name="gate", **{**FIXED, "fit": None, "mirror": None})  # type: ignore[arg-type]
    part = replace(gate, examples=gate.only("train").examples[:24])
    with FeatureCache(None) as cache:
        shares = [train(part, options, cache=cache, threads=2).report.cached for _ in range(2)]
    assert shares == [0.0, 1.0]


def test_the_path_is_told_once(gate: Dataset, quick: Quick, tmp_path: Path) -> None:
    empty = tmp_path / "empty.jpg"
    empty.touch()
    first, *others = gate.only("train").examples
    made = quick(replace(gate, examples=(replace(first, path=empty), *others)), **FIXED)
    assert [str(empty) in skipped.why for skipped in made.report.skipped] == [False]


LEFT = Region("left", ((0.0, 0.0), (0.5, 0.0), (0.4, 1.0), (0.0, 1.0)))


class InMemory:
    """A picture that lies in no file of its own."""

    def __init__(self, content: bytes) -> None:
        self.content = content

    def read(self) -> bytes:
        return self.content


class TestRegions:
    def spoilt(self, gate: Dataset, folder: Path, region: Region) -> Dataset:
        """The same pictures, with noise wherever the region is not."""
        examples, random = [], np.random.default_rng(0)
        for at, example in enumerate(gate.examples):
            pixels = imaging.decode(example.read()).copy()
            outside = ~region.mask(pixels.shape[1], pixels.shape[0])
            pixels[outside] = random.integers(0, 256, (int(outside.sum()), 3))
            Image.fromarray(pixels).save(folder / f"{at}.png")
            examples.append(replace(example, path=folder / f"{at}.png"))
        return replace(gate, examples=tuple(examples))

    def test_what_lies_outside_changes_nothing(self, gate: Dataset, quick: Quick, tmp_path: Path) -> None:
        """The same model, and the same figures on the validation part, whatever is around the region."""
        clean, noisy = tmp_path / "clean", tmp_path / "noisy"
        clean.mkdir()
        noisy.mkdir()
        judged = replace(
            gate, examples=tuple(replace(e, split="val" if e.split == "test" else e.split) for e in gate.examples)
        )
        # Both go through PNG, which changes no pixel of what was decoded.
        plain = self.spoilt(judged, clean, Region("all", ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))))
        first, second = (quick(data, **FIXED, regions=(LEFT,)) for data in (plain, self.spoilt(judged, noisy, LEFT)))
        assert first.report.evaluated_on == "the validation split"
        assert first.model.graph_digest == second.model.graph_digest
        assert first.report.evaluation.to_json() == second.report.evaluation.to_json()
        assert quick(plain, **FIXED).model.graph_digest != first.model.graph_digest

    def test_training_sees_what_prediction_sees(self, gate: Dataset, quick: Quick) -> None:
        made = Classifier(quick(gate, **FIXED, regions=(LEFT,)).model, threads=2)
        test = gate.only("test").examples
        answers = made.predict_batch(Part(e.path, LEFT) for e in test)
        fill = made.card.preprocessing.fill
        cut = made.predict_batch(LEFT.cut(imaging.decode(e.read()), fill) for e in test)
        assert answers == cut

    def test_the_card_says_where_it_looked(self, gate: Dataset, quick: Quick) -> None:
        data = quick(gate, **FIXED, regions=(LEFT,)).model.card.data
        assert data["regions"] == {
            "left": {"polygon": [[0.0, 0.0], [0.5, 0.0], [0.4, 1.0], [0.0, 1.0]], "masked": True}
        }
        # Pictures of 160 x 200 pixels or close to it: the left half is about 80 x 200.
        shapes = data["shapes"]["width_by_height"]
        assert 0.3 < shapes["p5"] <= shapes["p50"] <= shapes["p95"] < 0.5
        whole = quick(gate, **FIXED).model.card.data
        assert "regions" not in whole
        assert whole["shapes"]["width_by_height"]["p50"] == pytest.approx(2 * shapes["p50"], rel=0.05)

    def test_what_was_seen_is_the_region_of_the_picture(self, gate: Dataset, quick: Quick) -> None:
        seen = base64.b64decode(quick(gate, **FIXED, regions=(LEFT,)).model.card.data["seen"])
        known = {seen[at : at + 8] for at in range(0, len(seen), 8)}
        examples = [replace(e, region=LEFT) for e in gate.only("train").examples]
        assert known == {e.digest(e.read())[:8] for e in examples}
        assert not known & {hashlib.sha256(e.read()).digest()[:8] for e in examples}

    def test_boxes_and_stored_pictures_are_learnt_from(self, gate: Dataset, quick: Quick, tmp_path: Path) -> None:
        """Two pictures in one that is no file, each a box of it, give the same model as the two alone."""
        whole, boxes = [], []
        train = [replace(e, source=None, path=Path(f"{at}")) for at, e in enumerate(gate.only("train").examples)]
        pixels = [imaging.decode(e.read())[:160, :160] for e in gate.only("train").examples]
        for at in range(0, len(train) - 1, 2):
            for example, part in zip(train[at : at + 2], pixels[at : at + 2], strict=True):
                whole.append(replace(example, stored=InMemory(png(part)), source=f"picture:pair {at}"))
            both = InMemory(png(np.hstack(pixels[at : at + 2])))
            for example, left in ((train[at], 0.0), (train[at + 1], 0.5)):
                box = Region.box("box", left, 0.0, left + 0.5, 1.0)
                boxes.append(replace(example, path=Path(f"pair {at}"), stored=both, region=box))
        apart, together = (quick(replace(gate, examples=tuple(part)), **FIXED) for part in (whole, boxes))
        assert together.report.skipped == ()
        assert "regions" not in together.model.card.data
        assert heads(together) == heads(apart)

    @pytest.mark.parametrize("regions", [(LEFT, replace(LEFT, name="other")), (LEFT,)], ids=["several", "boxes too"])
    def test_regions_that_cannot_be_used(self, gate: Dataset, quick: Quick, regions: tuple[Region, ...]) -> None:
        first, *others = gate.examples
        boxed = replace(gate, examples=(replace(first, region=LEFT), *others))
        with pytest.raises(UsageError, match="given"):
            quick(boxed, **FIXED, regions=regions)


def png(pixels: np.ndarray) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "png")
    return stream.getvalue()


def heads(made: Trained) -> list[tuple[float, ...]]:
    """What calibration found: it follows from every out-of-fold logit."""
    return [(round(c.temperature, 3), *(round(b, 3) for b in c.bias)) for c in made.model.card.calibration]


def test_where_too_little_is_readable_the_unreadable_are_named(gate: Dataset, quick: Quick, tmp_path: Path) -> None:
    empty = tmp_path / "empty.jpg"
    empty.touch()
    spoilt = tuple(replace(e, path=empty) if e.targets[0] == "visitor" else e for e in gate.only("train").examples)
    with pytest.raises(DataError, match=r"visitor(.|\n)*could not be used(.|\n)*empty\.jpg"):
        quick(replace(gate, examples=spoilt), **FIXED)

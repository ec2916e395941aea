"""A backbone's own classifier is a model like any other, with names that people know."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import decisight
from decisight.errors import MissingPartError
from decisight.models import imagenet
from decisight.models.backbones import backbones
from decisight.models.classifier import Classifier, load
from decisight.models.imagenet import class_names, imagenet_model
from decisight.models.model_file import read_model, write_model
from decisight.types import FitMode

NAME = "efficientnet_lite0"


@pytest.fixture(scope="module")
def model() -> Classifier:
    return load(f"imagenet:{NAME}", threads=1)


def test_a_thousand_names_each_once() -> None:
    names = class_names()
    assert len(names) == len(set(names)) == 1000
    assert all(name == name.strip() and name for name in names)


@pytest.mark.parametrize(
    ("index", "name"),
    [
        (0, "tench"),
        (1, "goldfish"),
        (207, "Golden Retriever"),
        (340, "zebra"),
        (508, "computer keyboard"),
        (817, "sports car"),
        (967, "espresso"),
        (999, "toilet paper"),
        # what the short names confuse: two missiles, two pairs of sunglasses
        (657, "missile"),
        (744, "projectile"),
        (836, "sunglass"),
        (837, "sunglasses"),
        # and two birds and machines of one name, in WordNet's order
        (134, "crane bird"),
        (517, "construction crane"),
    ],
)
def test_names_are_those_of_the_classes(index: int, name: str) -> None:
    assert class_names()[index] == name


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"imagenet1k_clean_names.json": "[]"},
        {"imagenet1k_clean_names.json": "{", "imagenet1k_label_to_names.json": "{}"},
        {"imagenet1k_clean_names.json": json.dumps(["a"] * 1000), "imagenet1k_label_to_names.json": "{}"},
        {
            "imagenet1k_clean_names.json": json.dumps([str(i) for i in range(999)]),
            "imagenet1k_label_to_names.json": "{}",
        },
    ],
)
def test_names_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: dict[str, str]) -> None:
    for name, content in files.items():
        (tmp_path / name).write_text(content)
    monkeypatch.setattr(imagenet.importlib.resources, "files", lambda _: tmp_path)
    with pytest.raises(MissingPartError, match="names of the ImageNet classes") as caught:
        class_names()
    assert "pip install" in str(caught.value)


def test_no_package_of_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imagenet, "_PACKAGE", "no_such_package")
    with pytest.raises(MissingPartError, match="names of the ImageNet classes"):
        class_names()


def test_its_card(model: Classifier) -> None:
    card, backbone = model.card, backbones.build(NAME)
    assert (card.name, card.task.kind, len(card.task.groups[0].labels)) == (f"imagenet:{NAME}", "multi-class", 1000)
    assert (card.preprocessing.fit, card.preprocessing.size) == (FitMode.CROP, backbone.input.size)
    assert card.backbone == {"name": NAME, "digest": backbone.digest}
    assert card.features == ("head.all.mean",)
    assert not card.thresholds
    assert card.versions["decisight"] == decisight.__version__


def test_it_is_a_model_file_like_any_other(model: Classifier, tmp_path: Path, pictures: list[np.ndarray]) -> None:
    path = tmp_path / "imagenet.onnx"
    write_model(path, model.file)
    assert read_model(path) == model.file
    assert load(path, threads=1).predict(pictures[0]) == model.predict(pictures[0])


def test_making_it_again_gives_the_same_digest(model: Classifier) -> None:
    assert imagenet_model(NAME).graph_digest == model.file.graph_digest


def test_a_backbone_that_is_not_there() -> None:
    with pytest.raises(MissingPartError, match="nowhere_net"):
        imagenet_model("nowhere_net")

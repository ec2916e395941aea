"""The classifier: pictures in, confidences out."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import numpy.typing as npt

from decisight import imaging
from decisight.compute import Network, choose, open_network
from decisight.compute import runtime as runtime_of
from decisight.compute import threads as granted_threads
from decisight.errors import ImageError, UsageError
from decisight.models.model_file import FAMILIARITY, ModelFile, output_name, read_model, with_card
from decisight.models.outputs import confidences, familiarity
from decisight.models.promises import with_thresholds
from decisight.models.stream import in_order
from decisight.types import ModelRef, Prediction, Runtime, Task, check_fallback

if TYPE_CHECKING:
    from PIL.Image import Image

    from decisight.models.card import ModelCard
    from decisight.regions import Region

__all__ = ["CHUNK", "Classifier", "Part", "Picture", "load"]

Picture: TypeAlias = "str | Path | bytes | Image | npt.NDArray[np.uint8] | Part"
"""What can be predicted: a file's path, a file's content, a Pillow image, uint8 RGB (H, W, 3), or a part of these."""


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """What of a picture lies in a region: nothing else is looked at.

        >>> bay = Region.box("bay", 0.5, 0.2, 0.9, 0.8)                 # doctest: +SKIP
        >>> model.predict(Part("gate.jpg", bay))                        # doctest: +SKIP

    Args:
        picture: all of the picture.
        region: the part that is meant. It is cut out, and masked with the model's mean colour, before it is resized.
    """

    picture: Picture
    region: Region


CHUNK = 4
"""Pictures that one thread decodes and classifies at once: small enough to stay in its cache."""


class Classifier:
    """A model, ready to predict. Safe to use from several threads at once.

        >>> model = load("gear.onnx")                                   # doctest: +SKIP
        >>> model.predict("gate.jpg").confidence("helmet")              # doctest: +SKIP
        0.9731
        >>> [p.top().label for p in model.predict_batch(["a.jpg", "b.jpg"])]    # doctest: +SKIP
        ['helmet', 'no_helmet']

    Args:
        file: a model as :func:`load` reads it.
        threads: how many to compute with; by default as many as the machine grants.
        runtime: what computes, as ``NAME`` or ``NAME:PRECISION``; by default the fastest that is installed. See
            :func:`~decisight.compute.choose`.
    """

    def __init__(self, file: ModelFile, *, threads: int | None = None, runtime: str | None = None) -> None:
        self.file = file
        self.threads = granted_threads(threads).count
        self._choice = choose(runtime)
        self._lock = threading.Lock()
        self._networks: dict[int, Network] = {}

    @property
    def card(self) -> ModelCard:
        """All that the model says of itself."""
        return self.file.card

    @property
    def task(self) -> Task:
        """What it classifies."""
        return self.card.task

    @property
    def name(self) -> str:
        """The model's name."""
        return self.card.name

    @cached_property
    def reference(self) -> ModelRef:
        """Its name, the digest of what it computes, and its runtime, for answers."""
        return ModelRef(self.name, self.file.graph_digest, self.runtime)

    @cached_property
    def runtime(self) -> Runtime:
        """What computes: confidences differ a little between runtimes.

        Raises:
            MissingPartError: it cannot be loaded.
        """
        return runtime_of(self._choice)

    def predict(self, picture: Picture) -> Prediction:
        """Classify one picture, with all threads working on it.

        Args:
            picture: a path, a file's content, a Pillow image, uint8 RGB (H, W, 3), or a :class:`Part` of these.

        Raises:
            ImageError: it cannot be read, or has another shape or type.
            ModelError: the model cannot be run.
        """
        return self._run(self.prepare(picture)[None], threads=self.threads)[0]

    def predict_regions(self, picture: Picture, regions: Sequence[Region]) -> list[Prediction]:
        """Classify several regions of one picture, which is decoded once, with all threads working on them.

            >>> [p.top().label for p in model.predict_regions(frame, [left, right])]      # doctest: +SKIP
            ['helmet', 'no_helmet']

        Args:
            picture: as :meth:`predict` takes it; for example a camera's frame.
            regions: where to look.

        Returns:
            One a region, in their order.

        Raises:
            ImageError: the picture cannot be read, or has another shape or type.
            ModelError: the model cannot be run.
        """
        if not regions:
            return []
        return self._run(np.stack(self._prepared(picture, regions)), threads=self.threads)

    def predict_batch(self, pictures: Iterable[Picture]) -> list[Prediction]:
        """Classify several pictures, decoding and classifying on all cores.

        Raises:
            ImageError: one of them cannot be read. :meth:`predict_stream` goes on instead.
            ModelError: the model cannot be run.
            UsageError: it is one picture, not several.
        """
        answers = []
        for answer in self.predict_stream(pictures):
            if isinstance(answer, ImageError):
                raise answer
            answers.append(answer)
        return answers

    def predict_stream(
        self, pictures: Iterable[Picture], regions: Sequence[Region] = ()
    ) -> Iterator[Prediction | ImageError]:
        """Classify any number of pictures in constant memory: one answer each, in order.

        Each thread decodes a few pictures and classifies them, so that decoding one overlaps with classifying
        another. A picture that cannot be read gives its :class:`~decisight.errors.ImageError` and the rest goes on. An
        answer is given when it is there, also while ``pictures`` waits for the next one.

        Args:
            pictures: as :meth:`predict` takes them; taken as needed, on a thread of their own.
            regions: where to look in each of them: there is then one answer a region instead of one a picture, in
                their order, and an error as often. Every picture is still decoded once.

        Raises:
            ModelError: the model cannot be run.
            UsageError: it is one picture, not several.
        """
        _check_several(pictures)
        work = partial(self._predict_chunk, regions=regions)
        for answers in in_order(work, pictures, size=max(1, CHUNK // max(1, len(regions))), threads=self.threads):
            yield from answers

    def prepare(self, picture: Picture) -> npt.NDArray[np.uint8]:
        """The picture as the graph takes it: uint8 (size, size, 3).

        Raises:
            ImageError: it cannot be read, or has another shape or type.
        """
        return self._prepared(picture)[0]

    def predict_prepared(self, squares: npt.NDArray[np.uint8], *, threads: int = 1) -> list[Prediction]:
        """Classify what :meth:`prepare` gave.

        Args:
            squares: uint8 (N, size, size, 3), N at least 1.
            threads: that work on it together; one where several callers work at once.

        Raises:
            ModelError: the model cannot be run.
        """
        return self._run(squares, threads=threads)

    def network(self, threads: int = 1) -> Network:
        """What computes, from prepared pictures (N, size, size, 3) to each group's confidences (N, labels).

        Where the model tells it, their familiarity (N, 1) comes after these. Opened once, when it is first wanted.

        Args:
            threads: that work on one batch together: all of them for one caller, or one for each of many.

        Raises:
            ModelError: the model cannot be run.
        """
        with self._lock:
            if threads not in self._networks:
                self._networks[threads] = open_network(
                    self.file.graph,
                    [*(output_name(group.name) for group in self.task.groups), *self._more],
                    runtime=self._choice,
                    threads=threads,
                    callers=max(1, self.threads // threads),
                    name=f"the model {self.name!r}",
                )
            return self._networks[threads]

    def with_settings(self, thresholds: Mapping[str, float] | None = None, fallback: str | None = None) -> Classifier:
        """The same classifier with other settings in its model file; what it computes, and its digest, stay.

        Of what it promises, only that of thresholds that stay is kept; costs are given up where thresholds are given.

        Args:
            thresholds: confidences in 0..1 by ``label`` or ``group:label``; by default those that it has.
            fallback: the state where a threshold is not met; by default the one that it has.

        Raises:
            LabelError: a threshold is for a label that it does not have, or that stands in two groups.
            UsageError: a threshold does not lie in 0..1, two are given for one label, or the fall-back is empty or
                cannot be shown.
        """
        card = self.card if thresholds is None else with_thresholds(self.card, thresholds)
        card = replace(card, fallback=card.fallback if fallback is None else fallback)
        check_fallback(card.fallback)
        return Classifier(with_card(self.file, card), threads=self.threads, runtime=str(self._choice))

    @property
    def _more(self) -> tuple[str, ...]:
        """What the graph gives beside confidences."""
        return (FAMILIARITY,) if self.card.familiarity else ()

    def _prepared(self, picture: Picture, regions: Sequence[Region] = ()) -> list[npt.NDArray[np.uint8]]:
        """Each region of a picture, or all of it where there are none, as the graph takes it."""
        preprocessing = self.card.preprocessing
        pixels = as_pixels(picture, preprocessing.fill)
        looked_at = [region.cut(pixels, preprocessing.fill) for region in regions] if regions else [pixels]
        return [imaging.fit(part, preprocessing.size, preprocessing.fit, preprocessing.fill) for part in looked_at]

    def _predict_chunk(
        self, pictures: Sequence[Picture], regions: Sequence[Region] = ()
    ) -> list[Prediction | ImageError]:
        answers: list[Prediction | ImageError | None] = []
        prepared: list[npt.NDArray[np.uint8]] = []
        for picture in pictures:
            try:
                squares = self._prepared(picture, regions)
                prepared += squares
                answers += [None] * len(squares)
            except ImageError as error:
                answers += [error] * max(1, len(regions))
        batches = (np.stack(prepared[at : at + CHUNK]) for at in range(0, len(prepared), CHUNK))
        predictions = (prediction for batch in batches for prediction in self._run(batch, threads=1))
        return [next(predictions) if answer is None else answer for answer in answers]

    def _run(self, batch: npt.NDArray[np.uint8], *, threads: int) -> list[Prediction]:
        outputs = self.network(threads).run(batch)
        of_groups, more = outputs[: len(self.task.groups)], outputs[len(self.task.groups) :]
        groups = [confidences(g, values, self.name) for g, values in zip(self.task.groups, of_groups, strict=True)]
        familiar: list[float | None] = [None] * len(batch)
        if self._more:
            (values,) = more
            familiar = familiarity(values, self.name).tolist()
        return [
            Prediction(self.task, tuple(tuple(values[i].tolist()) for values in groups), familiar[i])
            for i in range(len(batch))
        ]


def _check_several(pictures: Iterable[Picture]) -> None:
    """Refuse one picture where several are meant: a path would be taken for as many as it has characters.

    Raises:
        UsageError: it is one.
    """
    from PIL import Image

    one_array = isinstance(pictures, np.ndarray) and pictures.ndim in (2, 3)
    if one_array or isinstance(pictures, str | bytes | Path | Image.Image | Part):
        raise UsageError(
            f"expected several pictures, got one ({type(pictures).__name__})",
            hint="give a list, as in predict_batch([picture]), or use predict(picture)",
        )


def as_pixels(picture: Picture, fill: tuple[int, int, int] = (0, 0, 0)) -> npt.NDArray[np.uint8]:
    """A picture in any of its forms as uint8 RGB (H, W, 3).

    Args:
        picture: the picture.
        fill: the colour that the mask of a :class:`Part` is painted in.

    Raises:
        ImageError: it cannot be read, or has another shape or type.
    """
    from PIL import Image

    if isinstance(picture, Part):
        return picture.region.cut(as_pixels(picture.picture, fill), fill)
    if isinstance(picture, str | Path):
        return imaging.read_image(Path(picture))
    if isinstance(picture, bytes):
        return imaging.decode(picture)
    if isinstance(picture, Image.Image):
        return imaging.from_pillow(picture)
    if isinstance(picture, np.ndarray):
        if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3 or picture.size == 0:
            raise ImageError(
                f"expected an array of uint8 with the shape (height, width, 3), got {picture.dtype} {picture.shape}",
                hint="RGB order, values 0 to 255",
            )
        return picture
    raise ImageError(
        f"expected a path, a file's content, a Pillow image or an array, got {type(picture).__name__}",
        hint="for a list of pictures, use predict_batch",
    )


def load(model: str | Path, *, threads: int | None = None, runtime: str | None = None) -> Classifier:
    """Load a model.

        >>> load("gear.onnx")                           # doctest: +SKIP
        >>> load("imagenet:efficientnet_lite0")         # a backbone with its own 1,000 classes    # doctest: +SKIP

    Args:
        model: a model file, or ``imagenet:NAME`` for a backbone's own classifier.
        threads: how many to compute with; by default as many as the machine grants.
        runtime: what computes, as ``NAME`` or ``NAME:PRECISION``, for example ``openvino:bf16``; by default the fastest
            that is installed. See :func:`~decisight.compute.choose`.

    Raises:
        ModelError: it is not a model that can be used; see :mod:`decisight.errors`.
        MissingPartError: there is no backbone or no runtime of that name, or it is not installed.
        UsageError: the runtime does not compute in that precision on this machine.
    """
    text = str(model)
    if text.startswith("imagenet:"):
        from decisight.models.imagenet import imagenet_model

        return Classifier(imagenet_model(text.removeprefix("imagenet:")), threads=threads, runtime=runtime)
    return Classifier(read_model(Path(model)), threads=threads, runtime=runtime)

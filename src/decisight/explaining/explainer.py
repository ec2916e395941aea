"""Where a model looks, and what it makes of it: evidence for a label, exact to the last position and depth.

A head is linear in features that are pooled from the backbone's maps. So a logit is a sum over the positions of the
maps, and is taken apart into that sum: no second model, no chance, nothing left over. It is what the model has counted,
as in class activation maps (Zhou et al., "Learning deep features for discriminative localization", CVPR 2016), but for
several depths, both poolings, and halves. It does not tell what would be said of another picture.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from decisight import imaging
from decisight.compute import choose, open_session
from decisight.compute import runtime as runtime_of
from decisight.errors import ImageError, ModelError
from decisight.explaining.attribution import label_head, tap_evidence
from decisight.explaining.explanation import Explanation
from decisight.explaining.geometry import InputGeometry, spread
from decisight.explaining.head_graph import read_head_graph
from decisight.models.classifier import Classifier, Part, Picture, as_pixels
from decisight.models.stream import in_order
from decisight.types import LabelGroup, Prediction, Runtime, resolve_thresholds

if TYPE_CHECKING:
    from onnx import ModelProto
    from onnxruntime import InferenceSession

__all__ = ["Explainer", "Explanation"]

_AGREEMENT = 1e-3
"""How far, as a share of all that was counted, the sum may lie from the graph's own logit, which is in float32."""
_RUNTIME = "onnxruntime:fp32"
_HALF = 0.5
"""What accepts a label of an independent group that has no threshold of its own."""


class Explainer:
    """Explains what a model says. Safe to use from several threads at once.

        >>> explainer = Explainer(model)                                # doctest: +SKIP
        >>> [why] = explainer.explain("gate.jpg", ["helmet"])           # doctest: +SKIP
        >>> why.by_tap                                                  # doctest: +SKIP
        {'stage3': 0.31, 'stage6': 2.85, 'head': 1.02}

    Labels and confidences are those that the model gives by the runtime that it is run by. The evidence for them is
    computed by :attr:`runtime`, which is float32 always: where the model's own is not, both differ a little.

    Evidence needs the maps that the model's own network does not give, so it has networks of its own beside that of the
    model: one for :meth:`explain`, and one for :meth:`explain_stream`, which are opened when they are first wanted.
    Keep one explainer for many pictures.

    Args:
        model: the model; its file is not changed.

    Raises:
        ModelError: it is not built as Decisight builds models.
    """

    def __init__(self, model: Classifier) -> None:
        from onnx import ModelProto

        self.model = model
        graph = ModelProto.FromString(model.file.graph)
        self._head_graph = read_head_graph(model.file, graph)
        self._outputs = [*self._head_graph.tensors, *(head.output for head in self._head_graph.heads.values())]
        self._graph = _showing(graph, self._outputs)
        self._lock = threading.Lock()
        self._sessions: dict[int, InferenceSession] = {}

    @cached_property
    def runtime(self) -> Runtime:
        """What the evidence is computed with."""
        return runtime_of(choose(_RUNTIME))

    def explain(
        self, picture: Picture, labels: Sequence[str] | None = None, *, prediction: Prediction | None = None
    ) -> list[Explanation]:
        """Explain labels of one picture, with all threads working on it.

        Args:
            picture: as :meth:`~decisight.models.classifier.Classifier.predict` takes it; where it is a part, all of the
                picture is what the evidence lies in.
            labels: each ``label`` or ``group:label``; by default the top label of each exclusive group, and those of an
                independent one that are accepted; where none is, the most confident one.
            prediction: what the model has said of the picture; by default it is asked.

        Returns:
            One a label, in their order.

        Raises:
            ImageError: the picture cannot be read, or has another shape or type.
            LabelError: there is no such label, or it stands in two groups.
            ModelError: the model cannot be run.
        """
        return self._explain(picture, labels, self.model.threads, prediction)

    def explain_stream(self, pictures_and_labels: Iterable[tuple[Picture, str]]) -> Iterator[Explanation | ImageError]:
        """Explain one label of each of any number of pictures, in constant memory and on all threads.

        Args:
            pictures_and_labels: taken as needed, on a thread of their own.

        Returns:
            One each, in order; a picture that cannot be read gives its error, and the rest goes on.

        Raises:
            LabelError: there is no such label, or it stands in two groups.
            ModelError: the model cannot be run.
        """

        def explained(chunk: Sequence[tuple[Picture, str]]) -> list[Explanation | ImageError]:
            return [self._one(picture, label) for picture, label in chunk]

        for answers in in_order(explained, pictures_and_labels, size=1, threads=self.model.threads):
            yield from answers

    def _one(self, picture: Picture, label: str) -> Explanation | ImageError:
        try:
            return self._explain(picture, [label], 1)[0]
        except ImageError as error:
            return error

    def _explain(
        self, picture: Picture, labels: Sequence[str] | None, threads: int, prediction: Prediction | None = None
    ) -> list[Explanation]:
        wanted = None if labels is None else [self.model.task.find(label) for label in labels]
        square, geometry = self._square(picture)
        maps, logits = self._run(square, threads)
        said = prediction or self.model.predict_prepared(square[None], threads=threads)[0]
        if wanted is None:
            wanted = self._said(said)
        return [
            self._explanation(group, label, said.confidence(f"{group.name}:{label}"), maps, logits, geometry)
            for group, label in wanted
        ]

    def _square(self, picture: Picture) -> tuple[npt.NDArray[np.uint8], InputGeometry]:
        """The picture as the graph takes it, and where it lies in the picture."""
        preprocessing = self.model.card.preprocessing
        size, fit, fill = preprocessing.size, preprocessing.fit, preprocessing.fill
        pixels, corner, whole = _looked_at(picture, fill)
        height, width = pixels.shape[:2]
        part = (*corner, corner[0] + width, corner[1] + height)
        return imaging.fit(pixels, size, fit, fill), InputGeometry.of(whole, part, size, fit)

    def _run(
        self, square: npt.NDArray[np.uint8], threads: int
    ) -> tuple[dict[str, npt.NDArray[np.float64]], dict[str, npt.NDArray[np.float64]]]:
        """The maps by tensor, and the calibrated logits by group."""
        session = self._session(threads)
        try:
            found: list[Any] = session.run(self._outputs, {session.get_inputs()[0].name: square[None]})
        except Exception as error:  # the runtime's own exceptions share no other ancestor
            raise ModelError(f"the model {self.model.name!r} cannot be run: {error}") from error
        values = [np.asarray(value[0], np.float64) for value in found]
        if not all(np.isfinite(value).all() for value in values):
            raise ModelError(
                f"the model {self.model.name!r} computes what is no number", hint="train it again, or fetch it again"
            )
        tensors = self._head_graph.tensors
        maps = dict(zip(tensors, values, strict=False))
        return maps, dict(zip(self._head_graph.heads, values[len(tensors) :], strict=True))

    def _said(self, prediction: Prediction) -> list[tuple[LabelGroup, str]]:
        """What is explained where nobody says what."""
        found: list[tuple[LabelGroup, str]] = []
        for group, confidences in zip(self.model.task.groups, prediction.confidences, strict=True):
            accepted = () if group.exclusive else self._accepted(group, confidences)
            found += [(group, label) for label in accepted or (prediction.top(group.name).label,)]
        return found

    def _accepted(self, group: LabelGroup, confidences: Sequence[float]) -> tuple[str, ...]:
        least = [self._thresholds.get(f"{group.name}:{label}", _HALF) for label in group.labels]
        asked = zip(group.labels, confidences, least, strict=True)
        return tuple(label for label, confidence, threshold in asked if confidence >= threshold)

    @cached_property
    def _thresholds(self) -> dict[str, float]:
        return resolve_thresholds(self.model.task, self.model.card.thresholds)

    def _explanation(
        self,
        group: LabelGroup,
        label: str,
        confidence: float,
        maps: dict[str, npt.NDArray[np.float64]],
        of_groups: dict[str, npt.NDArray[np.float64]],
        geometry: InputGeometry,
    ) -> Explanation:
        logits = of_groups[group.name]
        linear = self._head_graph.heads[group.name]
        at = group.labels.index(label)
        head = label_head(linear, at, logits, exclusive=group.exclusive)
        added = tap_evidence(self._head_graph.features, maps, head.weight[None], linear.mean)
        size = self.model.card.preprocessing.size
        by_tap = {tap: float(value.sum()) for tap, value in added.items()}
        logit = head.bias + sum(by_tap.values())
        counted = abs(head.bias) + sum(float(np.abs(value).sum()) for value in added.values())
        if abs(logit - _log_odds(logits, at, exclusive=group.exclusive)) > _AGREEMENT * (1.0 + counted):
            raise ModelError(
                f"the model {self.model.name!r} cannot be explained: what its maps add does not come to its logit",
                hint="train it again, or fetch it again",
            )
        return Explanation(
            group.name,
            label,
            confidence,
            logit,
            head.bias,
            by_tap,
            frozenset(tap for tap, value in added.items() if 8 * value.shape[1] >= size),
            geometry.gathered(np.sum([spread(value[0], size) for value in added.values()], axis=0)),
            geometry,
        )

    def _session(self, threads: int) -> InferenceSession:
        with self._lock:
            if threads not in self._sessions:
                name = f"the model {self.model.name!r}"
                self._sessions[threads] = open_session(self._graph, threads=threads, name=name)
            return self._sessions[threads]


def _looked_at(
    picture: Picture, fill: tuple[int, int, int]
) -> tuple[npt.NDArray[np.uint8], tuple[int, int], tuple[int, int]]:
    """What is looked at; its left upper corner in all of the picture, and the size of that, width first."""
    if not isinstance(picture, Part):
        pixels = as_pixels(picture, fill)
        return pixels, (0, 0), (pixels.shape[1], pixels.shape[0])
    pixels, (x, y), whole = _looked_at(picture.picture, fill)
    left, top, _, _ = picture.region.bounds(pixels.shape[1], pixels.shape[0])
    return picture.region.cut(pixels, fill), (x + left, y + top), whole


def _showing(model: ModelProto, tensors: Sequence[str]) -> bytes:
    """The same graph with other outputs."""
    from onnx import TensorProto, helper

    del model.graph.output[:]
    model.graph.output.extend(helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in tensors)
    return bytes(model.SerializeToString())


def _log_odds(logits: npt.NDArray[np.float64], label: int, *, exclusive: bool) -> float:
    """Of a label's confidence, from the calibrated logits of its group."""
    if not exclusive:
        return float(logits[label])
    return float(logits[label] - np.logaddexp.reduce(np.delete(logits, label)))

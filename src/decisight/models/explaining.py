"""Where a model looks, and what it makes of it: evidence for a label, exact to the last position and depth.

A head is linear in features that are pooled from the backbone's maps. So a logit is a sum over the positions of the
maps, and is taken apart into that sum: no second model, no chance, nothing left over. It is what the model has counted,
as in class activation maps (Zhou et al., "Learning deep features for discriminative localization", CVPR 2016), but for
several depths, both poolings, and halves. It does not tell what would be said of another picture.

Example:
    >>> explanation, = Explainer(load("gear.onnx")).explain("gate.jpg", ["helmet"])     # doctest: +SKIP
    >>> explanation.by_tap                                                              # doctest: +SKIP
    {'stage3': 0.31, 'stage6': 2.85, 'head': 1.02}
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from decisight import imaging
from decisight.compute import open_session
from decisight.errors import ImageError, ModelError
from decisight.models.attribution import label_head, tap_evidence
from decisight.models.classifier import Classifier, Part, Picture, as_pixels
from decisight.models.explanation import Explanation
from decisight.models.sight import Sight, spread
from decisight.models.stream import in_order
from decisight.models.wiring import read_wiring
from decisight.types import LabelGroup, resolve_thresholds

if TYPE_CHECKING:
    from onnx import ModelProto
    from onnxruntime import InferenceSession

__all__ = ["Explainer", "Explanation"]

_AGREEMENT = 1e-3
"""How far, as a share of all that was counted, the sum may lie from the graph's own logit, which is in float32."""
_HALF = 0.5
"""What accepts a label of an independent group that has no threshold of its own."""


class Explainer:
    """Explains what a model says. Safe to use from several threads at once.

    The network is run by ONNX Runtime in float32, whatever the model itself is run by: confidences may differ a little.

    Args:
        model: the model; its file is not changed.

    Raises:
        ModelError: it is not built as Decisight builds models.
    """

    def __init__(self, model: Classifier) -> None:
        from onnx import ModelProto

        self.model = model
        graph = ModelProto.FromString(model.file.graph)
        self._wiring = read_wiring(model.file, graph)
        self._outputs = [*self._wiring.tensors, *(head.output for head in self._wiring.heads.values())]
        self._graph = _showing(graph, self._outputs)
        self._lock = threading.Lock()
        self._sessions: dict[int, InferenceSession] = {}

    def explain(self, picture: Picture, labels: Sequence[str] | None = None) -> list[Explanation]:
        """Explain labels of one picture, with all threads working on it.

        Args:
            picture: as :meth:`~decisight.models.classifier.Classifier.predict` takes it; where it is a part, all of the
                picture is what the evidence lies in.
            labels: each ``label`` or ``group:label``; by default the top label of each exclusive group, and those of an
                independent one that are accepted; where none is, the most confident one.

        Returns:
            One a label, in their order.

        Raises:
            ImageError: the picture cannot be read, or has another shape or type.
            LabelError: there is no such label, or it stands in two groups.
            ModelError: the model cannot be run.
        """
        return self._explain(picture, labels, self.model.threads)

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

    def _explain(self, picture: Picture, labels: Sequence[str] | None, threads: int) -> list[Explanation]:
        wanted = None if labels is None else [self.model.task.find(label) for label in labels]
        square, sight = self._square(picture)
        maps, logits = self._run(square, threads)
        if wanted is None:
            wanted = self._said(logits)
        return [self._explanation(group, label, maps, logits[group.name], sight) for group, label in wanted]

    def _square(self, picture: Picture) -> tuple[npt.NDArray[np.uint8], Sight]:
        """The picture as the graph takes it, and where it lies in the picture."""
        preprocessing = self.model.card.preprocessing
        size, fit, fill = preprocessing.size, preprocessing.fit, preprocessing.fill
        pixels, corner, whole = _looked_at(picture, fill)
        height, width = pixels.shape[:2]
        part = (*corner, corner[0] + width, corner[1] + height)
        return imaging.fit(pixels, size, fit, fill), Sight.of(whole, part, size, fit)

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
        tensors = self._wiring.tensors
        maps = dict(zip(tensors, values, strict=False))
        return maps, dict(zip(self._wiring.heads, values[len(tensors) :], strict=True))

    def _said(self, logits: dict[str, npt.NDArray[np.float64]]) -> list[tuple[LabelGroup, str]]:
        """What is explained where nobody says what."""
        found: list[tuple[LabelGroup, str]] = []
        for group in self.model.task.groups:
            said = () if group.exclusive else self._accepted(group, logits[group.name])
            found += [(group, label) for label in said or (group.labels[int(logits[group.name].argmax())],)]
        return found

    def _accepted(self, group: LabelGroup, logits: npt.NDArray[np.float64]) -> tuple[str, ...]:
        least = [self._thresholds.get(f"{group.name}:{label}", _HALF) for label in group.labels]
        confidences = zip(group.labels, logits.tolist(), least, strict=True)
        return tuple(label for label, logit, threshold in confidences if _sigmoid(logit) >= threshold)

    @cached_property
    def _thresholds(self) -> dict[str, float]:
        return resolve_thresholds(self.model.task, self.model.card.thresholds)

    def _explanation(
        self,
        group: LabelGroup,
        label: str,
        maps: dict[str, npt.NDArray[np.float64]],
        logits: npt.NDArray[np.float64],
        sight: Sight,
    ) -> Explanation:
        wired = self._wiring.heads[group.name]
        at = group.labels.index(label)
        head = label_head(wired, at, logits, exclusive=group.exclusive)
        added = tap_evidence(self._wiring.features, maps, head.weight[None], wired.mean)
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
            _sigmoid(logit),
            logit,
            head.bias,
            by_tap,
            frozenset(tap for tap, value in added.items() if 8 * value.shape[1] >= size),
            sight.gathered(np.sum([spread(value[0], size) for value in added.values()], axis=0)),
            sight,
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


def _sigmoid(logit: float) -> float:
    return float(1.0 / (1.0 + np.exp(-np.clip(logit, -700.0, 700.0))))


def _log_odds(logits: npt.NDArray[np.float64], label: int, *, exclusive: bool) -> float:
    """Of a label's confidence, from the calibrated logits of its group."""
    if not exclusive:
        return float(logits[label])
    return float(logits[label] - np.logaddexp.reduce(np.delete(logits, label)))

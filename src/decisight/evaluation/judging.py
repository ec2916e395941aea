"""What a model says of labelled pictures: the beginning of every evaluation."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from decisight.data.dataset import Dataset, Example, Skipped
from decisight.errors import DataError, ImageError
from decisight.imaging import printable
from decisight.models.classifier import Classifier, Part, Picture
from decisight.types import Prediction, Target

__all__ = ["Judged", "judge"]

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Judged:
    """Labelled pictures and what a model said of them, as :func:`~decisight.evaluation.evaluate.evaluate` takes it.

    Args:
        examples: N, those that could be read, in the dataset's order; at least one.
        predictions: N, one an example.
        digests: N, SHA-256 of what was looked at, in hexadecimal: of :meth:`~decisight.data.dataset.Example.digest`.
        skipped: those that could not be read, in the dataset's order, and why.
        seen: how many pictures were recognised as those that the model was trained on, left out or not.
        seen_sources: what these were cut from, as far as it is known.
    """

    examples: tuple[Example, ...]
    predictions: tuple[Prediction, ...]
    digests: tuple[str, ...]
    skipped: tuple[Skipped, ...] = ()
    seen: int = 0
    seen_sources: frozenset[str] = frozenset()

    def __len__(self) -> int:
        """How many examples there are."""
        return len(self.examples)

    @property
    def targets(self) -> list[tuple[Target, ...]]:
        """N, what is true of each example: one target a group."""
        return [example.targets for example in self.examples]

    @property
    def sources(self) -> list[str | None]:
        """N, what each example was cut from; ``None`` for its own source."""
        return [example.source for example in self.examples]

    @property
    def confidences(self) -> list[NDArray[np.float64]]:
        """One array ``(N, K)`` a group, 0..1, columns in the order of its labels."""
        rows = zip(*(prediction.confidences for prediction in self.predictions), strict=True)
        return [np.array(group, np.float64) for group in rows]


def judge(
    model: Classifier,
    dataset: Dataset,
    *,
    seen: Collection[bytes] = (),
    leave_out_seen: bool = False,
    progress: Progress | None = None,
) -> Judged:
    """Predict every picture of a dataset, or its region; in constant memory but for the answers.

        >>> judged = judge(model, dataset.only("test"))                                    # doctest: +SKIP
        >>> evaluate(model.task, judged.targets, judged.confidences, sources=judged.sources)    # doctest: +SKIP

    Args:
        model: the model; the dataset's targets are in the order of its groups.
        dataset: the examples, and no others.
        seen: the first 8 bytes of the digest of each picture that the model was trained on.
        leave_out_seen: pass over the pictures in ``seen``; else they are counted only.
        progress: called after every picture with ``"pictures"``, how many are done, and how many there are.

    Raises:
        DataError: no picture is left to judge by.
        ModelError: the model cannot be run.
    """
    tell, known = progress or (lambda *_: None), frozenset(seen)
    examples: list[Example] = []
    predictions: list[Prediction] = []
    digests: list[str] = []
    skipped: dict[int, Skipped] = {}
    waiting: list[tuple[int, bytes]] = []
    seen_sources: set[str] = set()
    recognised = 0

    def pictures() -> Iterator[Picture]:
        nonlocal recognised
        for at, example in enumerate(dataset.examples):
            try:
                content = example.read()
            except ImageError as error:
                skipped[at] = _skipped(example, error)
                continue
            digest = example.digest(content)
            if digest[:8] in known:
                recognised += 1
                if example.source is not None:
                    seen_sources.add(example.source)
                if leave_out_seen:
                    continue
            waiting.append((at, digest))
            yield content if example.region is None else Part(content, example.region)

    for done, outcome in enumerate(model.predict_stream(pictures()), start=1):
        at, digest = waiting[done - 1]
        example = dataset.examples[at]
        if isinstance(outcome, ImageError):
            skipped[at] = _skipped(example, outcome)
        else:
            examples.append(example)
            predictions.append(outcome)
            digests.append(digest.hex())
        tell("pictures", done, len(dataset) - (recognised if leave_out_seen else 0))
    in_order = tuple(skipped[at] for at in sorted(skipped))
    judged = Judged(tuple(examples), tuple(predictions), tuple(digests), in_order, recognised, frozenset(seen_sources))
    if not judged.examples:
        raise _nothing_left(dataset, judged, leave_out_seen)
    return judged


def _skipped(example: Example, error: ImageError) -> Skipped:
    """A picture with what was wrong and what to do about it; its name stands beside that, so not in it."""
    message = error.message.removeprefix(f"{printable(example.path)}: ")
    return Skipped(example.path, f"{message}; {error.hint}" if error.hint else message)


def _nothing_left(dataset: Dataset, judged: Judged, leave_out_seen: bool) -> DataError:
    name = printable(dataset.root)
    if leave_out_seen and judged.seen:
        return DataError(
            f"{name}: all of the {judged.seen} pictures that can be read were seen in training",
            hint="evaluate on other pictures, or with --split all, which flatters the model",
        )
    first = f", the first: {printable(judged.skipped[0].path)}: {judged.skipped[0].why}" if judged.skipped else ""
    return DataError(f"{name}: none of the {len(dataset)} pictures could be read{first}", hint="give some that can")

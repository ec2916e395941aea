"""Which labelled pictures a model is judged by, and what it says of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from decisight.cli.console import warn
from decisight.cli.info import seen_in_training
from decisight.cli.predict import storable, why
from decisight.errors import DataError, ImageError, UsageError
from decisight.types import Answer, Reason, Target

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from decisight.cli.console import Progress
    from decisight.data.dataset import Dataset, Example, Skipped
    from decisight.models.classifier import Classifier
    from decisight.policies.threshold import Threshold

__all__ = ["Judged", "Part", "judge", "part_of", "say_skipped"]

_NAMED = 20
"""How many skipped pictures are named; the others are counted."""


@dataclass(frozen=True, slots=True)
class Part:
    """The part of a dataset that a model is judged by.

    Args:
        dataset: its examples.
        split: its name; ``None`` where it is all of the data.
        leave_out_seen: pictures that the model was trained on are passed over.
    """

    dataset: Dataset
    split: str | None
    leave_out_seen: bool


@dataclass(slots=True)
class Judged:
    """What a model said of labelled pictures.

    Args:
        model: the model.
        rule: of the decisions.
        examples: those that could be read, in the dataset's order.
        answers: one an example.
        skipped: those that could not be read.
        seen: how many pictures were recognised as those that the model was trained on, left out or not.
    """

    model: Classifier
    rule: Threshold
    examples: list[Example] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    seen: int = 0

    @property
    def targets(self) -> list[tuple[Target, ...]]:
        """What is true of each example."""
        return [example.targets for example in self.examples]

    @property
    def sources(self) -> list[str | None]:
        """The source of each example."""
        return [example.source for example in self.examples]

    def confidences(self) -> list[npt.NDArray[np.float64]]:
        """One array (examples, labels) a group."""
        import numpy as np

        predictions = [answer.prediction.confidences for answer in self.answers if answer.prediction]
        return [np.array(rows) for rows in zip(*predictions, strict=True)]

    def with_thresholds(self) -> Iterator[str]:
        """Of each exclusive group with thresholds: how many pictures they let through, how many of these are right."""
        for at, group in enumerate(self.model.task.groups):
            keys = {f"{group.name}:{label}": label for label in group.labels}
            own = {keys[key]: value for key, value in self.rule.thresholds.items() if key in keys}
            pairs = [(a.decisions[at], e.targets[at]) for a, e in zip(self.answers, self.examples, strict=True)]
            known = [(decision, target) for decision, target in pairs if target is not None]
            if not own or not group.exclusive or not known:
                continue
            accepted = [(decision, target) for decision, target in known if decision.reason is Reason.ACCEPTED]
            right = sum(decision.state == target for decision, target in accepted)
            of_these = f"; of these {right} are right ({right / len(accepted):.1%})" if accepted else ""
            limits = ", ".join(f"{label} {value:g}" for label, value in own.items())
            yield (
                f"{group.name}: with the thresholds ({limits}) {len(accepted)} of {len(known)} pictures are decided "
                f"({len(accepted) / len(known):.1%}){of_these}; the others are {self.rule.fallback!r}."
            )


def part_of(dataset: Dataset, split: str | None) -> Part:
    """The part that was asked for.

    Args:
        dataset: all of the data.
        split: ``train``, ``val``, ``test`` or ``all``; ``None`` for ``test``, and where the data is not divided, for
            all that the model was not trained on.

    Raises:
        UsageError: the data has no such split.
    """
    from decisight.imaging import printable

    name = printable(dataset.root)
    if split == "all" or (split is None and not dataset.splits):
        return Part(dataset, None, leave_out_seen=split is None)
    if not dataset.splits:
        raise UsageError(
            f"{name} is not divided, so there is no split {split!r}",
            hint="leave out --split: pictures that the model was trained on are recognised and passed over",
        )
    wanted = split or "test"
    if wanted not in dataset.splits:
        have = ", ".join(dataset.splits)
        raise UsageError(
            f"{name} has no split {wanted!r}; it has: {have}", hint=f"for example --split {dataset.splits[-1]}"
        )
    return Part(dataset.only(wanted), wanted, leave_out_seen=False)


def judge(model: Classifier, rule: Threshold, part: Part, progress: Progress) -> Judged:
    """Predict every picture of a part, in constant memory but for the answers.

    Args:
        model: the model.
        rule: of the decisions.
        part: the examples.
        progress: told after every picture.

    Raises:
        DataError: no picture is left to judge by.
    """
    from decisight import imaging
    from decisight.data.dataset import Skipped

    judged, seen, examples = Judged(model, rule), seen_in_training(model.card.data), part.dataset.examples
    waiting: list[Example] = []

    def contents() -> Iterator[bytes]:
        for example in examples:
            try:
                data = imaging.read_bytes(example.path)
            except ImageError as error:
                judged.skipped.append(Skipped(example.path, why(error, str(example.path))))
                continue
            if bytes.fromhex(imaging.content_digest(data)[:16]) in seen:
                judged.seen += 1
                if part.leave_out_seen:
                    continue
            waiting.append(example)
            yield data

    for at, outcome in enumerate(model.predict_stream(contents())):
        example = waiting[at]
        if isinstance(outcome, ImageError):
            judged.skipped.append(Skipped(example.path, why(outcome, str(example.path))))
        else:
            judged.examples.append(example)
            name = storable(str(example.path))
            judged.answers.append(Answer(name, model.reference, outcome, rule.decide(outcome)))
        progress("pictures", at + 1, len(examples) - (judged.seen if part.leave_out_seen else 0))
    if not judged.examples:
        raise _nothing_left(part, judged)
    return judged


def _nothing_left(part: Part, judged: Judged) -> DataError:
    from decisight.imaging import printable

    name = printable(part.dataset.root)
    if part.leave_out_seen and judged.seen:
        return DataError(
            f"{name}: all of the {judged.seen} pictures that can be read were seen in training",
            hint="evaluate on other pictures, or with --split all, which flatters the model",
        )
    first = f", the first: {printable(judged.skipped[0].path)}: {judged.skipped[0].why}" if judged.skipped else ""
    return DataError(
        f"{name}: none of the {len(part.dataset)} pictures could be read{first}", hint="give some that can"
    )


def say_skipped(skipped: Sequence[Skipped]) -> None:
    """Name what was left out, and why: the first ones, and how many others, on standard error."""
    from decisight.imaging import printable

    if not skipped:
        return
    lines = [f"  {printable(s.path)}: {printable(s.why)}" for s in skipped[:_NAMED]]
    if len(skipped) > _NAMED:
        lines.append(f"  ... and {len(skipped) - _NAMED} more")
    warn("\n".join([f"{len(skipped)} left out:", *lines]))

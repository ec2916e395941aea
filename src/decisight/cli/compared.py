"""What two models said of the same pictures, picture by picture."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from decisight.files import storable

if TYPE_CHECKING:
    from decisight.data.dataset import Dataset, Example, Skipped
    from decisight.evaluation.judging import Judged
    from decisight.evaluation.paired import PairedGroup
    from decisight.evaluation.paired_scored import ModelOutputs
    from decisight.models.classifier import Classifier
    from decisight.policies.least_cost import ImageRule
    from decisight.policies.loss_table import LossTable
    from decisight.types import LabelGroup, Target

__all__ = ["Compared", "Pictures", "Side", "compared_pictures", "csv_rows", "said_of"]

_COLUMNS = (
    *("file", "region", "source", "group", "actual"),
    *("a", "a_confidence", "a_decision", "a_right"),
    *("b", "b_confidence", "b_decision", "b_right"),
    "only_right",
)


@dataclass(frozen=True, slots=True)
class Side:
    """One of two models.

    Args:
        name: ``A`` or ``B``.
        model: the model.
        rule: by which it decides.
        dataset: the examples that it was asked about.
        judged: those of them that it could say something of.
    """

    name: str
    model: Classifier
    rule: ImageRule
    dataset: Dataset
    judged: Judged

    @property
    def skipped(self) -> tuple[Skipped, ...]:
        """The pictures that could not be read."""
        return self.judged.skipped


@dataclass(frozen=True, slots=True)
class Pictures:
    """The pictures that both models said something of.

    Args:
        examples: N.
        rows: of each model, where these stand among what it judged.
    """

    examples: tuple[Example, ...]
    rows: tuple[tuple[int, ...], tuple[int, ...]]

    def __len__(self) -> int:
        """How many pictures there are."""
        return len(self.examples)

    @property
    def sources(self) -> list[str | None]:
        """N, what each picture was cut from."""
        return [example.source for example in self.examples]


def compared_pictures(a: Side, b: Side) -> Pictures:
    """Those that both models said something of, in the order of the dataset that both were asked about."""
    places = []
    for side in (a, b):
        # Both are in the dataset's order, and what could not be read is left out of one.
        judged, found = iter(enumerate(side.judged.examples)), {}
        row, wanted = next(judged, (0, None))
        for at, example in enumerate(side.dataset.examples):
            if example is wanted:
                found[at] = row
                row, wanted = next(judged, (0, None))
        places.append(found)
    both = [at for at in range(len(a.dataset)) if at in places[0] and at in places[1]]
    rows = tuple(tuple(found[at] for at in both) for found in places)
    return Pictures(tuple(a.dataset.examples[at] for at in both), (rows[0], rows[1]))


def said_of(
    side: Side,
    rows: Sequence[int],
    at: int,
    read_as: LabelGroup,
    targets: Sequence[Target],
    costs: Sequence[LossTable] | None,
) -> ModelOutputs:
    """What a model says of the pictures in one group.

    Args:
        side: the model.
        rows: which of those that it judged.
        at: the group, by its place in the model's task.
        read_as: the group with every label that is true or decided.
        targets: what is true of each of the pictures.
        costs: what decisions cost; ``None`` where that is not asked.

    Raises:
        UsageError: something is left to a person, and it is not said what a look costs.
    """
    from decisight.cli.judging import limits
    from decisight.evaluation.paired_costs import picture_costs
    from decisight.evaluation.paired_scored import ModelOutputs
    from decisight.evaluation.paired_stakes import most_apart

    group = side.model.task.groups[at]
    decisions = [side.rule.decide(side.judged.predictions[row])[at] for row in rows]
    bars = limits(side.model.task, side.rule)
    thresholds = {label: bars[f"{group.name}:{label}"] for label in group.labels}
    outputs = ModelOutputs(group, side.judged.confidences[at][list(rows)], thresholds, decisions)
    if costs is None:
        return outputs
    return replace(outputs, costs=picture_costs(read_as, costs, targets, decisions), most_apart=most_apart(costs))


@dataclass(frozen=True, slots=True)
class Compared:
    """Two models, the pictures, and what was found.

    Args:
        sides: the models.
        pictures: that both said something of.
        pairing: by position in the task of each model, and the labels that both have.
        groups: what was found in each of them that there are pictures of.
        left_out: by name, why a group was not compared.
    """

    sides: tuple[Side, Side]
    pictures: Pictures
    pairing: tuple[tuple[int, int, LabelGroup], ...]
    groups: tuple[PairedGroup, ...]
    left_out: dict[str, str]

    def row(self, found: PairedGroup, at: int) -> dict[str, Any]:
        """What there is to say of one picture in one group, by :data:`_COLUMNS`.

        Args:
            found: in this group.
            at: its position among those compared in it.
        """
        picture = int(found.known[at])
        example = self.pictures.examples[picture]
        number = [group.name for _, _, group in self.pairing].index(found.group.name)
        values: dict[str, Any] = {
            "file": storable(str(example.path)),
            "region": "" if example.region is None else example.region.name,
            "source": example.source or "",
            "group": found.group.name,
            "actual": _written(example.targets[number]),
        }
        a, b = (bool(right[at]) for right in found.right)
        places = self.pairing[number][:2]
        for side, place, rows, right in zip(self.sides, places, self.pictures.rows, (a, b), strict=True):
            name, row = side.name.lower(), rows[picture]
            prediction, group = side.judged.predictions[row], side.model.task.groups[place]
            decision, confidences = side.rule.decide(prediction)[place], prediction.confidences[place]
            said, sure = decision.state, decision.confidence
            if group.exclusive:
                sure = max(confidences)
                said = group.labels[confidences.index(sure)]
            values |= {
                name: _written(said),
                f"{name}_confidence": sure,
                f"{name}_decision": _written(decision.state),
                f"{name}_right": right,
            }
        return values | {"only_right": "" if a == b else "b" if b else "a"}

    def won(self, found: PairedGroup) -> dict[str, list[dict[str, Any]]]:
        """The pictures that only one model has right, by which that is; the clearest first."""
        return {name: [self.row(found, at) for at in found.won(by_second=name == "b")] for name in ("a", "b")}


def csv_rows(compared: Compared) -> Iterator[list[str]]:
    """A head, and a row for each picture in each group."""
    yield list(_COLUMNS)
    for found in compared.groups:
        for at in range(len(found)):
            row = compared.row(found, at)
            yield [str(int(row[name]) if isinstance(row[name], bool) else row[name]) for name in _COLUMNS]


def _written(target: Target | tuple[str, ...]) -> str:
    return target if isinstance(target, str) else "|".join(sorted(target or ())) or "-"

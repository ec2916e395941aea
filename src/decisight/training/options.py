"""What can be asked of training, and what it answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from decisight.data.dataset import Skipped
from decisight.errors import UsageError
from decisight.evaluation.figures import Evaluation
from decisight.models.model_file import ModelFile
from decisight.regions import Region
from decisight.training.recipes import recipes
from decisight.types import DEFAULT_FALLBACK, FitMode

__all__ = ["Choice", "TrainOptions", "Trained", "TrainingReport"]


@dataclass(frozen=True, slots=True)
class TrainOptions:
    """How to train. What is ``None`` is chosen by cross-validation.

    Args:
        name: the model's name.
        backbone: the registered name of the backbone.
        fit: how pictures are brought to the input.
        depths: one of ``last``, ``deep``, ``all``, ``shallow``.
        pooling: one of ``mean``, ``mean+max``, ``mean+max+halves``.
        mirror: whether pictures are also learnt from mirrored left to right.
        strength: inverse strength of regularisation, above 0.
        folds: of the cross-validation, at least 2.
        seed: another seed deals other folds.
        thresholds: put into the model file, by ``label`` or ``group:label``.
        fallback: the state where a threshold is not met.
        min_familiarity: put into the model file: the familiarity below which a picture is not decided on, 0..1.
        balance: let every class count the same in fitting. It distorts confidences; costs belong in the decision.
        holdout: share of the sources that is set aside where the data has no splits, 0..1.
        regions: where to look in each picture, one at most; by default at all of it, or where the data says.
        allow_duplicates: learn also where a picture of one split is a copy of one in another.
    """

    name: str
    backbone: str = "efficientnet_lite0"
    fit: FitMode | None = None
    depths: str | None = None
    pooling: str | None = None
    mirror: bool | None = None
    strength: float | None = None
    folds: int = 5
    seed: int = 0
    thresholds: Mapping[str, float] = field(default_factory=dict)
    fallback: str = DEFAULT_FALLBACK
    balance: bool = False
    holdout: float = 0.2
    regions: tuple[Region, ...] = ()
    allow_duplicates: bool = False
    min_familiarity: float | None = None

    def __post_init__(self) -> None:
        if self.fit is not None and self.fit not in list(FitMode):
            raise UsageError(f"fit cannot be {self.fit!r}", hint=f"it is one of: {', '.join(FitMode)}")
        object.__setattr__(self, "fit", None if self.fit is None else FitMode(self.fit))
        if not self.name.strip():
            raise UsageError("the model's name is empty")
        if self.folds < 2:
            raise UsageError(f"--folds is {self.folds}", hint="at least 2 are needed")
        if self.strength is not None and not 1e-6 <= self.strength <= 1e6:
            raise UsageError(f"--strength is {self.strength}", hint="it lies between 0.000001 and 1000000")
        recipes(self.depths, self.pooling)
        if not 0.0 <= self.holdout < 1.0:
            raise UsageError(f"--holdout is {self.holdout}", hint="it is a share, from 0 to below 1")


@dataclass(frozen=True, slots=True)
class Choice:
    """Something that was chosen, and why; of one group, or of the whole model (``group`` is ``None``)."""

    name: str
    value: str
    why: str
    group: str | None = None


@dataclass(frozen=True, slots=True)
class TrainingReport:
    """What training tells.

    Args:
        pictures: how many were learnt from.
        choices: what was chosen, and why.
        evaluation: how good the confidences are.
        evaluated_on: on what that was found: ``out of fold``, or ``the validation split``.
        skipped: pictures that could not be used, and why.
        notes: what the user should know.
        seconds: how long each part took.
        cached: share of the features that came from the cache, 0..1.
    """

    pictures: int
    choices: tuple[Choice, ...]
    evaluation: Evaluation
    evaluated_on: str
    skipped: tuple[Skipped, ...]
    notes: tuple[str, ...]
    seconds: dict[str, float]
    cached: float


@dataclass(frozen=True, slots=True)
class Trained:
    """A model, not yet written, and what training tells of it."""

    model: ModelFile
    report: TrainingReport

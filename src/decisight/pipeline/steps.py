"""What a pipeline is made of, and what it gives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol

from decisight.events import EventFold
from decisight.protocols import Gate
from decisight.types import Decision, Event, EventChange, Prediction, Reading, Runtime, Task, Tick

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from decisight.imaging import Pixels
    from decisight.models.card import ModelCard
    from decisight.models.classifier import Picture
    from decisight.models.model_file import ModelFile
    from decisight.policies.task_fold import TaskFold
    from decisight.regions import Region

__all__ = ["Entry", "EntryKind", "Predictor", "Seen", "Step", "View"]

EntryKind = Literal["reading", "repeated", "unjudged", "tick"]
"""What an entry is: a picture that was classified; one that says the same as the last of these; one that could not be
judged; or time that passed without a picture."""


class Predictor(Protocol):
    """What a pipeline needs of a :class:`~decisight.models.classifier.Classifier`, or of what stands in for one."""

    @property
    def card(self) -> ModelCard:
        """All that the model says of itself."""

    @property
    def task(self) -> Task:
        """What it classifies."""

    @property
    def file(self) -> ModelFile:
        """Where it comes from, and the digests of it."""

    @property
    def runtime(self) -> Runtime:
        """What computes."""

    def prepare(self, picture: Picture) -> npt.NDArray[np.uint8]:
        """The picture as the model takes it: uint8 (size, size, 3)."""

    def predict_prepared(self, squares: npt.NDArray[np.uint8], *, threads: int = 1) -> list[Prediction]:
        """Classify what :meth:`prepare` gave, uint8 (N, size, size, 3), N at least 1."""


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """A region of a camera seen by a model, and the rules that decide on it.

    Args:
        number: what the store knows it by.
        region: where to look; ``None`` for all of the picture.
        model: the classifier.
        fold: the policies of the label groups that are watched.
        events: an event fold for each of these groups, by its name.
        gates: what looks at each picture first.
    """

    number: int
    region: Region | None
    model: Predictor
    fold: TaskFold
    events: Mapping[str, EventFold]
    gates: Sequence[Gate] = ()

    @property
    def region_name(self) -> str | None:
        """The name of the region; ``None`` for all of the picture."""
        return None if self.region is None else self.region.name


class Entry(NamedTuple):
    """What happened in one view at one moment.

    Args:
        view: its number.
        kind: what it was.
        item: what the policies were given.
        decisions: what they made of it, one for each group that is watched.
        unfamiliar: the picture was judged to be less familiar than a policy asks for.
    """

    view: int
    kind: EntryKind
    item: Reading | Tick
    decisions: tuple[Decision, ...]
    unfamiliar: bool = False


class Seen(NamedTuple):
    """The picture in which an event was opened.

    Args:
        event: which.
        frame: all of the picture, uint8 (H, W, 3).
        crop: what of it lies in the region, masked as the model saw it.
    """

    event: Event
    frame: Pixels
    crop: Pixels


@dataclass(frozen=True, slots=True)
class Step:
    """What a step has brought.

    Args:
        entries: what happened in each view, in order.
        changes: events that were opened or closed, each with the index of the entry that did so; ``None`` where it was
            none.
        seen: pictures in which events were opened.
        notes: what somebody who looks after the camera should know, one line each.
        begun: the numbers of views whose folds begin anew with their first entry in this step, each with the states
            that they begin with. Whoever derives decisions from entries goes on from there, not from what came before.
    """

    entries: tuple[Entry, ...] = ()
    changes: tuple[tuple[EventChange, int | None], ...] = ()
    seen: tuple[Seen, ...] = ()
    notes: tuple[str, ...] = ()
    begun: tuple[tuple[int, Mapping[str, Any]], ...] = ()

"""One camera whose pictures are collected: which of them are stored, and why the others are not."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from decisight.collecting.folder import Crop, PictureFolder, moment_text
from decisight.collecting.likeness import Lately, Signature, signature
from decisight.collecting.stretches import GAP, Stretches
from decisight.deciding import model_settings
from decisight.errors import UsageError
from decisight.gates.motion import Motion
from decisight.models.card import UNFAMILIAR
from decisight.pipeline import cut, rectangle
from decisight.pipeline.lookout import Lookout
from decisight.policies.threshold import Threshold
from decisight.protocols import Gate, GateKeeper
from decisight.spans import MICROSECOND
from decisight.types import Frame, Prediction, Reason

if TYPE_CHECKING:
    from decisight.imaging import Pixels
    from decisight.models.classifier import Classifier
    from decisight.regions import Region

__all__ = ["MARGIN", "Choice", "Collector", "View", "uncertainty"]

MARGIN = 0.2
"""A model is not sure where its first label is ahead of the second by less than this, where nobody says."""

_ALIKE, _AGAIN, _SURE = "like one stored", "stored before", "the model is sure"
_BETWEEN, _STILL, _UNREADABLE = "between two sources", "nothing moved", "no picture"
_FOR_EVER = "30d"
"""Motion lets a picture through now and then even where nothing has moved; who collects wants none."""


@dataclass(frozen=True, slots=True)
class Choice:
    """Which pictures are stored.

    Args:
        every: seconds from one stored picture of a region to the next, at least; 0: there may be any number at once.
        on_motion: only where something has moved.
        uncertain: only where the model is not sure, see :func:`uncertainty`; or where the picture is unfamiliar to it,
            however sure it is.
        margin: what is not sure, 0..1.
        everything: also what a gate says cannot be judged, and what is like one stored.
        conceal: what is made unrecognisable before it is stored.
        gap: seconds of a pause that ends a source.

    Raises:
        UsageError: a value is outside its range.
    """

    every: float = 1.0
    on_motion: bool = False
    uncertain: bool = False
    margin: float = MARGIN
    everything: bool = False
    conceal: Literal["faces", "all"] | None = None
    gap: float = GAP

    def __post_init__(self) -> None:
        if not 0.0 < self.margin <= 1.0:
            raise UsageError(f"margin = {self.margin} is not possible", hint="give more than 0, at most 1")
        if not (0.0 <= self.every < math.inf and 0.0 < self.gap < math.inf):
            raise UsageError(f"every = {self.every} and gap = {self.gap} are not possible", hint="give times")


@dataclass(slots=True, eq=False)
class View:
    """A region of a camera that is collected.

    Args:
        region: where to look; ``None``: all of the picture.
        fill: the colour that lies outside its polygon, 0..255 each.
        gates: what looks at each picture first.
        model: what says how sure it is, where that is asked for.
    """

    region: Region | None
    fill: tuple[int, int, int]
    gates: Sequence[Gate] = ()
    model: Classifier | None = None

    @property
    def name(self) -> str | None:
        """Of the region."""
        return None if self.region is None else self.region.name


@dataclass(slots=True)
class _Work:
    """What a view is in the middle of."""

    view: View
    motion: GateKeeper | None
    lately: Lately | None = None
    last: float | None = None
    """When the last stored picture was taken."""


@dataclass(slots=True, eq=False)
class Collector:
    """A camera whose pictures are collected; used by one thread.

    Args:
        camera: its name.
        views: what is collected of its pictures.
        choice: which of them.
        folder: where they go.
        room: asked before each picture is stored whether it may be.
    """

    camera: str
    views: Sequence[View]
    choice: Choice
    folder: PictureFolder
    room: Callable[[], bool] = lambda: True
    frames: int = 0
    pictures: int = 0
    """Frames that were pictures."""
    stored: Counter[str | None] = field(default_factory=Counter)
    """By region."""
    passed: Counter[tuple[str | None, str]] = field(default_factory=Counter)
    """By region and cause; pictures that came sooner than was asked for are not counted."""
    away: str | None = None
    """Why there are no pictures just now."""
    _work: list[_Work] = field(init=False, default_factory=list)
    _stretches: Stretches = field(init=False)
    _lookout: Lookout[str | None] = field(init=False)

    def __post_init__(self) -> None:
        for view in self.views:
            self._work.append(_Work(view, _motion(view.gates).keeper() if self.choice.on_motion else None))
        # What only saves work has no say.
        judging = {view.name: [gate for gate in view.gates if not gate.saves] for view in self.views}
        self._lookout = Lookout({} if self.choice.everything else judging)
        self._stretches = Stretches(self._source_name, self.choice.gap, self.folder.sources(self.camera))

    def take(self, frame: Frame) -> list[str]:
        """Look at one frame, and store what of it is wanted.

        Returns:
            The names of the files that were stored.

        Raises:
            OutputError: a picture cannot be stored.
            ModelError: the model cannot be run.
            MissingPartError: faces are to be made unrecognisable, and what finds them is not installed.
        """
        self.frames += 1
        self.away = frame.cause
        if frame.pixels is None:
            self.passed[None, f"{_UNREADABLE}: {frame.cause}"] += 1
            return []
        self.pictures += 1
        names = []
        self._lookout.show(frame.pixels, frame.time)
        for work in self._work:
            found = self._look(work, frame.time, frame.pixels)
            if isinstance(found, str):
                names.append(found)
        return names

    def _look(self, work: _Work, time: float, pixels: Pixels) -> str | None:
        cause = self._cause(work, time, pixels)
        if cause is not None:
            if cause:
                self.passed[work.view.name, cause] += 1
            return None
        crop = cut(work.view.region, pixels, work.view.fill)
        if work.lately is None:
            work.lately = self.folder.lately(self.camera, work.view.name)
        looks = signature(crop)
        source = self._source(work, work.lately, time, looks)
        if source is None:
            return None
        prediction = None
        if self.choice.uncertain and work.view.model is not None:
            prediction = _predicted(work.view.model, crop)
            if not self._unsure(work.view.model, prediction):
                self.passed[work.view.name, _SURE] += 1
                return None
        if not self.room():
            return None
        if self.choice.conceal is not None:
            from decisight.imaging.concealing import conceal

            crop = conceal(crop, "pixelate", self.choice.conceal)
        model = "" if work.view.model is None else work.view.model.name
        name = self.folder.store(Crop(self.camera, work.view.name, time, crop), source, prediction, model)
        work.lately.add(looks)
        work.last = time
        self.stored[work.view.name] += 1
        return name

    def _cause(self, work: _Work, time: float, pixels: Pixels) -> str | None:
        """Why a picture is passed over before anything is cut out of it; empty where that is not worth a word."""
        view = work.view
        if not self.choice.everything:
            verdict = next(self._lookout.verdicts(view.name, view.region, pixels, time), None)
            if verdict is not None:
                return verdict.cause
        # Times that go back, as where a clock was set, begin anew.
        if work.last is not None and 0.0 <= time - work.last < self.choice.every - MICROSECOND:
            return ""
        if self.folder.holds(self.camera, view.name, time, self.choice.every):
            return _AGAIN
        if work.motion is not None and work.motion.judge(rectangle(view.region, pixels), time) is not None:
            return _STILL
        return None

    def _source(self, work: _Work, lately: Lately, time: float, looks: Signature) -> str | None:
        """The source of a picture; ``None`` where it is passed over."""
        if not self.choice.everything and lately.alike(looks):
            if lately.like_last(looks):
                self._stretches.still(time)
            self.passed[work.view.name, _ALIKE] += 1
            return None
        source = self._stretches.source_of(time)
        if source is None:
            self.passed[work.view.name, _BETWEEN] += 1
        return source

    def _unsure(self, model: Classifier, prediction: Prediction) -> bool:
        settings = model_settings(model)
        rule = Threshold(**{key: settings[key] for key in ("thresholds", "fallback") if key in settings})
        if _unfamiliar(model, prediction):
            return True
        if any(decision.reason is not Reason.ACCEPTED for decision in rule.decide(prediction)):
            return True
        return uncertainty(prediction) > 1.0 - self.choice.margin

    def _source_name(self, time: float) -> str:
        return f"{self.camera} {moment_text(time)}"


def _unfamiliar(model: Classifier, prediction: Prediction) -> bool:
    """Whether a picture is worth collecting since the model does not know such."""
    return prediction.familiarity is not None and prediction.familiarity < model.card.low_familiarity(UNFAMILIAR)


def uncertainty(prediction: Prediction) -> float:
    """How unsure a model is of a picture: 0 (sure of everything) to 1 (two labels are as likely as each other).

    Of an exclusive group it is one less the distance of its two highest confidences; of an independent one, one less
    the distance of the confidence and its counter-probability, at the label where that is least. Of several groups it
    is the highest.
    """
    found = []
    for group, row in zip(prediction.task.groups, prediction.confidences, strict=True):
        if group.exclusive:
            first, second = sorted(row, reverse=True)[:2]
            found.append(1.0 - (first - second))
        else:
            found += [1.0 - abs(2.0 * confidence - 1.0) for confidence in row]
    return max(found)


def _predicted(model: Classifier, crop: Pixels) -> Prediction:
    """What a model says, on one thread: each camera has its own."""
    return model.predict_prepared(model.prepare(crop)[None])[0]


def _motion(gates: Sequence[Gate]) -> Motion:
    """The gate ``motion`` as the site sets it, else as it is by itself; but that it lets nothing through unmoved."""
    own = next((gate for gate in gates if isinstance(gate, Motion)), Motion())
    return Motion(threshold=own.threshold, min_area=own.min_area, at_least_every=_FOR_EVER)

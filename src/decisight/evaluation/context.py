"""Whether a model looks at the background: how far it falls when the centre of pictures is blurred, or the border.

The border is a frame that takes half of a picture, the centre is the other half: of a tall picture a tall one. What
is blurred has lost its detail and kept its colours, roughly. That a model falls without the border, or gets far with
the border alone, says that it uses what is there: the background, or a subject that reaches there.

After Xiao, Engstrom, Ilyas and Madry, "Noise or signal: the role of image backgrounds in object recognition", ICLR
2021. They cut subjects out by hand; nothing is cut out here, so any labelled pictures will do.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from decisight import imaging
from decisight.data.dataset import Example
from decisight.errors import DataError, ImageError
from decisight.evaluation.intervals import bootstrap, source_count
from decisight.evaluation.paired import Difference
from decisight.evaluation.paired_intervals import difference_interval, gain_interval
from decisight.evaluation.paired_scored import Said, ScoredPair, score_pair
from decisight.imaging.blurring import blurred_border, blurred_centre
from decisight.models.classifier import Classifier, Part, as_pixels
from decisight.types import LabelGroup, Prediction, Target, resolve_thresholds

__all__ = ["ContextCheck", "GroupContext", "context_check"]

_WAYS: tuple[Callable[[imaging.Pixels], imaging.Pixels], ...] = (lambda pixels: pixels, blurred_border, blurred_centre)
_ENOUGH = 1.3
"""A picture is blurred at so many times the model's input along its shorter side: more detail nobody sees."""
_RESAMPLES = 1000
_WORTH_KNOWING = 0.05
"""A fall in accuracy below which it does not matter."""

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class GroupContext:
    """What the centre and the border are worth to one group.

    Args:
        group: its name.
        n: how many pictures were looked at.
        sources: how many sources they come from.
        border_blurred: accuracy as they are (``a``) and with everything but the centre blurred (``b``).
        centre_blurred: accuracy as they are and with everything but the border blurred.
        beyond_commonest: accuracy of always saying what is true most often (``a``), and from the border alone (``b``).
        truth_border_blurred: as ``border_blurred``, of the mean confidence in what is true.
        truth_centre_blurred: as ``centre_blurred``, of the same.
    """

    group: str
    n: int
    sources: int
    border_blurred: Difference
    centre_blurred: Difference
    beyond_commonest: Difference
    truth_border_blurred: Difference
    truth_centre_blurred: Difference

    @property
    def needs_border(self) -> bool:
        """Whether it is right less often without the border, by more than chance would have it."""
        return self.border_blurred.high < 0.0

    @property
    def tells_from_border(self) -> bool:
        """Whether the border alone tells it more than which label is the commonest, by more than chance would."""
        return self.beyond_commonest.low > 0.0

    @property
    def looks_at_background(self) -> bool | None:
        """Whether it uses what is around the centre; ``None`` where these pictures are too few to tell."""
        if self.needs_border or self.tells_from_border:
            return True
        return None if self.border_blurred.low < -_WORTH_KNOWING else False

    @property
    def sentences(self) -> list[str]:
        """What was found and what it means, in plain words: the verdict first."""
        return [_VERDICTS[self.needs_border, self.tells_from_border, self.looks_at_background], *_figures(self)]

    def to_json(self) -> dict[str, Any]:
        """All of it as plain values."""
        figures = {
            name: getattr(self, name).to_json()
            for name in (
                "border_blurred",
                "centre_blurred",
                "beyond_commonest",
                "truth_border_blurred",
                "truth_centre_blurred",
            )
        }
        return {
            "n": self.n,
            "sources": self.sources,
            **figures,
            "looks_at_background": self.looks_at_background,
            "sentences": self.sentences,
        }


@dataclass(frozen=True, slots=True)
class ContextCheck:
    """Whether a model looks at the background, group by group.

    Args:
        groups: those that have pictures with a known label, in the task's order.
        pictures: how many were looked at, each three times.
        of: how many there were to choose from.
        seed: by which they were chosen.
    """

    groups: tuple[GroupContext, ...]
    pictures: int
    of: int
    seed: int

    def to_json(self) -> dict[str, Any]:
        """All of it as plain values, groups by their name."""
        groups = {group.group: group.to_json() for group in self.groups}
        return {"pictures": self.pictures, "of": self.of, "seed": self.seed, "groups": groups}


_VERDICTS: dict[tuple[bool, bool, bool | None], str] = {
    (True, True, True): "It uses what is around the centre: it is worse without it, and can tell much from it alone.",
    (True, False, True): "It uses what is around the centre: it is worse without it.",
    (
        False,
        True,
        True,
    ): "It does not need what is around the centre, but takes it for evidence where it is all there is.",
    (False, False, False): "There is no sign that it looks at the background.",
    (False, False, None): "These pictures are too few to tell whether it looks at the background.",
}


def context_check(
    model: Classifier,
    examples: Sequence[Example],
    *,
    most: int = 500,
    seed: int = 0,
    progress: Progress | None = None,
) -> ContextCheck:
    """Predict pictures as they are, with the border blurred, and with the centre blurred, and compare.

    Pictures that cannot be read are left out.

    Args:
        model: the model.
        examples: labelled pictures; one target a group of the model's, in their order.
        most: at most so many are looked at, of each combination of labels as large a share.
        seed: of which these are, and of the bootstrap.
        progress: called with ``"context"``, how many pictures are done, and how many there are.

    Raises:
        DataError: no picture can be read, or none has a known label.
        ModelError: the model cannot be run.
    """
    tell = progress or (lambda *_: None)
    chosen = _sample(examples, most, seed)
    read: list[Example] = []
    answers = model.predict_stream(_views(model, chosen, read))
    views: list[tuple[Prediction, ...]] = []
    for triple in zip(answers, answers, answers, strict=True):
        predictions = tuple(one for one in triple if not isinstance(one, ImageError))
        views.append(predictions)
        tell("context", len(views), len(chosen))
    if not views:
        raise DataError("there is no picture whose context could be looked at", hint="give some that can be read")
    names = [example.source for example in read]
    groups = []
    for at, group in enumerate(model.task.groups):
        targets = [example.targets[at] for example in read]
        if any(target is not None for target in targets):
            rows = [np.array([view[way].confidences[at] for view in views]) for way in range(len(_WAYS))]
            groups.append(_group_context(model, group, targets, rows, names, seed))
    if not groups:
        raise DataError("no picture has a known label", hint="a context check needs labelled pictures")
    return ContextCheck(tuple(groups), len(views), len(examples), seed)


def _views(model: Classifier, examples: Sequence[Example], read: list[Example]) -> Iterator[imaging.Pixels]:
    """Each picture in each way; ``read`` is told which could be read."""
    preprocessing = model.card.preprocessing
    for example in examples:
        try:
            content = example.read()
            picture = content if example.region is None else Part(content, example.region)
            pixels = as_pixels(picture, preprocessing.fill)
        except ImageError:
            continue
        read.append(example)
        small = _smaller(pixels, round(_ENOUGH * preprocessing.size))
        for way in _WAYS:
            yield way(small)


def _smaller(pixels: imaging.Pixels, shorter: int) -> imaging.Pixels:
    height, width = pixels.shape[:2]
    scale = shorter / min(height, width)
    return pixels if scale >= 1.0 else imaging.resize(pixels, (round(width * scale), round(height * scale)))


def _sample(examples: Sequence[Example], most: int, seed: int) -> list[Example]:
    """At most so many examples, of each combination of labels as large a share, in their order."""
    if len(examples) <= most:
        return list(examples)
    random = np.random.default_rng(seed)
    strata: dict[str, list[int]] = defaultdict(list)
    for at, example in enumerate(examples):
        strata[repr([sorted(t) if isinstance(t, frozenset) else t for t in example.targets])].append(at)
    # Each example's place within its own combination, as a share: the lowest places are an even part of every one.
    places = {
        at: (rank + random.random()) / len(stratum)
        for _, stratum in sorted(strata.items())
        for rank, at in enumerate(random.permutation(stratum).tolist())
    }
    return [examples[at] for at in sorted(sorted(places, key=places.__getitem__)[:most])]


def _group_context(
    model: Classifier,
    group: LabelGroup,
    targets: Sequence[Target],
    rows: Sequence[NDArray[np.float64]],
    sources: Sequence[str | None],
    seed: int,
) -> GroupContext:
    limits = resolve_thresholds(model.task, model.card.thresholds)
    own = {label: limits[f"{group.name}:{label}"] for label in group.labels if f"{group.name}:{label}" in limits}
    as_is, without_border, border_alone = (Said(group, values, own) for values in rows)
    border = score_pair(group, targets, as_is, without_border, sources).arranged(sources)
    centre = score_pair(group, targets, as_is, border_alone, sources).arranged(sources)
    return GroupContext(
        group.name,
        len(border),
        len(border) if border.clusters is None else int(border.clusters.max()) + 1,
        _accuracy(border.sides[0].right, border.sides[1].right, border.clusters),
        _accuracy(centre.sides[0].right, centre.sides[1].right, centre.clusters),
        _accuracy(_commonest(centre), centre.sides[1].right, centre.clusters),
        _truth(border, seed),
        _truth(centre, seed),
    )


def _accuracy(a: NDArray[np.bool_], b: NDArray[np.bool_], clusters: NDArray[np.int64] | None) -> Difference:
    gains = b.astype(np.int64) - a.astype(np.int64)
    return Difference(float(a.mean()), float(b.mean()), *gain_interval(gains, clusters))


def _commonest(pair: ScoredPair) -> NDArray[np.bool_]:
    """Where always saying what is true most often would be right."""
    _, kinds, counts = np.unique(pair.held, axis=0, return_inverse=True, return_counts=True)
    return np.asarray(kinds.ravel() == counts.argmax())


def _truth(pair: ScoredPair, seed: int) -> Difference:
    """Of the mean confidence in what is true, by the bootstrap of whole sources."""
    a, b = (side.truth for side in pair.sides)
    gaps = b - a

    def mean_gap(weights: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray((weights @ gaps / weights.sum(axis=1))[:, None])

    drawn = bootstrap(mean_gap, len(pair), clusters=pair.clusters, resamples=_RESAMPLES, seed=seed)
    count = float(len(pair)) if pair.clusters is None else source_count(pair.clusters)
    low, high = difference_interval(float(gaps.mean()), drawn[:, 0], count)
    return Difference(float(a.mean()), float(b.mean()), low, high)


def _figures(found: GroupContext) -> list[str]:
    border, alone, commonest = found.border_blurred, found.centre_blurred, found.beyond_commonest
    return [
        f"As they are, it is right in {_share(border.a)} of {found.n} pictures; with the border blurred in "
        f"{_share(border.b)} ({_gap(border)}), with the centre blurred in {_share(alone.b)} ({_gap(alone)}).",
        f"Always saying what is true most often would be right in {_share(commonest.a)}; the border alone gains "
        f"{_gap(commonest)} on that.",
    ]


def _share(value: float) -> str:
    return f"{100.0 * value:.1f} %"


def _gap(difference: Difference) -> str:
    value, low, high = (100.0 * number for number in (difference.value, difference.low, difference.high))
    return f"{value:+.1f} points, {low:+.1f} to {high:+.1f}"

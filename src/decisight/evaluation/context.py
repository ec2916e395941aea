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

import numpy as np
from numpy.typing import NDArray

from decisight import imaging
from decisight.data.dataset import Example
from decisight.errors import DataError, ImageError
from decisight.evaluation.context_figures import ContextCheck, GroupContext
from decisight.evaluation.intervals import bootstrap, source_count
from decisight.evaluation.paired import PairedDifference
from decisight.evaluation.paired_intervals import difference_interval, gain_interval
from decisight.evaluation.paired_scored import ModelOutputs, ScoredPair, score_pair
from decisight.imaging.blurring import blurred_border, blurred_centre
from decisight.models.classifier import Classifier, Part, as_pixels
from decisight.types import LabelGroup, Prediction, Target, resolve_thresholds

__all__ = ["ContextCheck", "GroupContext", "context_check"]

_WAYS: tuple[Callable[[imaging.Pixels], imaging.Pixels], ...] = (lambda pixels: pixels, blurred_border, blurred_centre)
_ENOUGH = 1.3
"""A picture is blurred at so many times the model's input along its shorter side: more detail nobody sees."""
_RESAMPLES = 1000
_HALF = 0.5

Floats = NDArray[np.float64]

Progress = Callable[[str, int, int], None]


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
    as_is, without_border, border_alone = (ModelOutputs(group, values, own) for values in rows)
    border = score_pair(group, targets, as_is, without_border, sources).arranged(sources)
    centre = score_pair(group, targets, as_is, border_alone, sources).arranged(sources)
    commonest = _commonest(centre)
    (seen, centred), (_, framed) = border.sides, centre.sides
    return GroupContext(
        group.name,
        group.exclusive,
        len(border),
        len(border) if border.clusters is None else int(border.clusters.max()) + 1,
        _accuracy(border, seen.said, centred.said, seed),
        _accuracy(centre, centre.sides[0].said, framed.said, seed),
        _accuracy(centre, commonest, centre.sides[0].said, seed),
        _accuracy(centre, commonest, framed.said, seed),
        _mean_gap(seen.truth, centred.truth, border.clusters, seed),
        _mean_gap(centre.sides[0].truth, framed.truth, centre.clusters, seed),
        {
            label: (_recall(border, at), _recall(centre, at))
            for at, label in enumerate(group.labels)
            if border.held[:, at].any()
        },
        dict(zip(group.labels, border.held.sum(axis=0).tolist(), strict=True)),
    )


def _accuracy(pair: ScoredPair, a: NDArray[np.bool_], b: NDArray[np.bool_], seed: int) -> PairedDifference:
    """Of what is said of each label, (n, K) each: how often it is right, of an independent group label by label.

    With many labels all of them are hardly ever right, with the border or without.
    """
    right = [said == pair.held for said in (a, b)]
    if pair.group.exclusive:
        return _share_gap(right[0].all(axis=1), right[1].all(axis=1), pair.clusters)
    return _mean_gap(right[0].mean(axis=1), right[1].mean(axis=1), pair.clusters, seed)


def _share_gap(a: NDArray[np.bool_], b: NDArray[np.bool_], clusters: NDArray[np.int64] | None) -> PairedDifference:
    gains = b.astype(np.int64) - a.astype(np.int64)
    return PairedDifference(float(a.mean()), float(b.mean()), *gain_interval(gains, clusters))


def _recall(pair: ScoredPair, label: int) -> PairedDifference:
    has = pair.held[:, label]
    before, after = (side.said[has, label] for side in pair.sides)
    return _share_gap(before, after, None if pair.clusters is None else pair.clusters[has])


def _commonest(pair: ScoredPair) -> NDArray[np.bool_]:
    """What always saying what is true most often would say, (n, K); of an independent group of each label."""
    shares = pair.held.mean(axis=0)
    said = np.arange(len(shares)) == shares.argmax() if pair.group.exclusive else shares > _HALF
    return np.broadcast_to(said, pair.held.shape)


def _mean_gap(a: Floats, b: Floats, clusters: NDArray[np.int64] | None, seed: int) -> PairedDifference:
    """Of two means over the pictures, (n,) each, by the bootstrap of whole sources."""
    gaps = b - a

    def mean_gap(weights: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray((weights @ gaps / weights.sum(axis=1))[:, None])

    drawn = bootstrap(mean_gap, len(gaps), clusters=clusters, resamples=_RESAMPLES, seed=seed)
    count = float(len(gaps)) if clusters is None else source_count(clusters)
    low, high = difference_interval(float(gaps.mean()), drawn[:, 0], count)
    return PairedDifference(float(a.mean()), float(b.mean()), low, high)

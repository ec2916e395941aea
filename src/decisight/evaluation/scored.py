"""The arrays that a label group is judged by: what was true, how confident the model was, and what it predicted."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from decisight.errors import DataError, LabelError, UsageError
from decisight.evaluation.metrics import Floats, Labels, predict
from decisight.types import LabelGroup, Target, Task

__all__ = ["ScoredGroup", "cluster_numbers", "score", "score_task"]

_ROUNDING = 1e-5
"""How far a confidence may leave 0..1 and still be rounding (softmax in float32)."""


@dataclass(frozen=True, slots=True, eq=False)
class ScoredGroup:
    """The examples of one group whose target is known, in an order that depends on nothing but themselves.

    Args:
        group: the label group.
        target: int ``(N,)`` of an exclusive group, bool ``(N, K)`` of an independent one; N at least 1.
        confidences: ``(N, K)``, 0..1.
        predicted: like ``target``.
        clusters: the source of each example, int ``(N,)``; ``None`` if each is its own.
    """

    group: LabelGroup
    target: Labels
    confidences: Floats
    predicted: Labels
    clusters: NDArray[np.int64] | None

    def __len__(self) -> int:
        """How many examples there are."""
        return len(self.target)

    @property
    def sources(self) -> int:
        """How many sources the examples come from."""
        return len(self) if self.clusters is None else int(self.clusters.max()) + 1


def score(
    group: LabelGroup,
    targets: Sequence[Target],
    confidences: NDArray[np.floating],
    *,
    sources: Sequence[str | None] | None = None,
    thresholds: Mapping[str, float] | None = None,
) -> ScoredGroup:
    """Check and arrange what a group is judged by.

    Args:
        group: the label group.
        targets: N, one an example; those that are ``None`` are left out.
        confidences: ``(N, K)``, 0..1, columns in the order of the group's labels.
        sources: N, what each example was cut from; ``None`` for its own source.
        thresholds: label to threshold, of an independent group; 0.5 where none is given. An exclusive group predicts
            its top label whatever the thresholds.

    Raises:
        DataError: no target is known, or a target is of the other kind of group.
        LabelError: a target or threshold names a label that the group has not.
        UsageError: the shapes do not agree, or a confidence is not in 0..1.
    """
    values = np.asarray(confidences, dtype=float)
    _check(group, targets, values, sources)
    known = [row for row, target in enumerate(targets) if target is not None]
    if not known:
        raise DataError(
            f"group {group.name!r} cannot be evaluated: none of the {len(targets)} examples has a known label",
            hint="an evaluation needs pictures whose labels are known in this group",
        )
    target = _target_array(group, [targets[row] for row in known])
    values = np.clip(values[known], 0.0, 1.0)
    names = [None] * len(known) if sources is None else [sources[row] for row in known]
    order, clusters = _arrange(target, values, names)
    target, values = target[order], values[order]
    predicted = predict(values, exclusive=group.exclusive, thresholds=_threshold_array(group, thresholds or {}))
    return ScoredGroup(group, target, values, predicted, clusters)


def score_task(
    task: Task,
    targets: Sequence[Sequence[Target]],
    confidences: Sequence[NDArray[np.floating]],
    *,
    sources: Sequence[str | None] | None = None,
    thresholds: Mapping[str, float] | None = None,
) -> list[ScoredGroup]:
    """:func:`score` for every group of a task; a group in which no target is known is left out.

    Args:
        task: the task.
        targets: N, one an example, each with one target a group.
        confidences: one ``(N, K)`` array a group.
        sources: N, what each example was cut from; ``None`` for its own source.
        thresholds: ``label`` or ``group:label`` to threshold, for independent groups.

    Raises:
        DataError: no group has an example with a known label, or a target is of the wrong kind.
        LabelError: a target or threshold names a label that is not there.
        UsageError: the shapes do not agree, or a confidence is not in 0..1.
    """
    groups = len(task.groups)
    lengths = {len(confidences), *(len(row) for row in targets)}
    if lengths != {groups}:
        raise UsageError(
            f"the task has {groups} label groups, the confidences or targets {sorted(lengths - {groups})}",
            hint=f"give one array of confidences, and each example one target, a group: "
            f"{', '.join(group.name for group in task.groups)}",
        )
    limits: dict[str, dict[str, float]] = {group.name: {} for group in task.groups}
    for name, threshold in (thresholds or {}).items():
        group, label = task.find(name)
        limits[group.name][label] = threshold
    scored = []
    for at, group in enumerate(task.groups):
        own = [row[at] for row in targets]
        if any(target is not None for target in own):
            scored.append(score(group, own, confidences[at], sources=sources, thresholds=limits[group.name]))
    if not scored:
        raise DataError(
            f"nothing can be evaluated: none of the {len(targets)} examples has a known label",
            hint="an evaluation needs labelled pictures; is it the right split?",
        )
    return scored


def _check(
    group: LabelGroup, targets: Sequence[Target], confidences: Floats, sources: Sequence[str | None] | None
) -> None:
    expected = (len(targets), len(group.labels))
    if confidences.shape != expected:
        raise UsageError(
            f"group {group.name!r} has confidences of shape {confidences.shape}",
            hint=f"expected {expected}: {expected[0]} examples by {expected[1]} labels",
        )
    if sources is not None and len(sources) != len(targets):
        raise UsageError(
            f"group {group.name!r} has {len(sources)} sources for {len(targets)} examples", hint="give one an example"
        )
    outside = ~((confidences >= -_ROUNDING) & (confidences <= 1.0 + _ROUNDING))
    if outside.any():
        row, column = np.argwhere(outside)[0]
        raise UsageError(
            f"group {group.name!r}, example {row}: the confidence of {group.labels[column]!r} is "
            f"{confidences[row, column]}",
            hint="confidences are probabilities in 0..1",
        )


def _target_array(group: LabelGroup, targets: Sequence[Target]) -> Labels:
    kind = str if group.exclusive else frozenset
    for target in targets:
        if not isinstance(target, kind):
            wanted = "one label" if group.exclusive else "a set of labels"
            raise DataError(
                f"group {group.name!r} is {group.kind}, but a target is {target!r}",
                hint=f"expected {wanted} an example",
            )
    index = {label: at for at, label in enumerate(group.labels)}
    rows = [{target} if isinstance(target, str) else set(target or ()) for target in targets]
    unknown = sorted(set().union(*rows) - set(index))
    if unknown:
        raise LabelError(
            f"group {group.name!r} has no label {', '.join(map(repr, unknown))}",
            hint=f"its labels are: {', '.join(group.labels)}",
        )
    if group.exclusive:
        return np.array([index[label] for row in rows for label in row], dtype=np.int64)
    return np.array([[label in row for label in group.labels] for row in rows], dtype=bool)


def _threshold_array(group: LabelGroup, thresholds: Mapping[str, float]) -> Floats:
    unknown = sorted(set(thresholds) - set(group.labels))
    if unknown:
        raise LabelError(
            f"group {group.name!r} has no label {', '.join(map(repr, unknown))} to put a threshold on",
            hint=f"its labels are: {', '.join(group.labels)}",
        )
    return np.array([thresholds.get(label, 0.5) for label in group.labels], dtype=float)


def _arrange(
    target: Labels, confidences: Floats, sources: Sequence[str | None]
) -> tuple[NDArray[np.intp], NDArray[np.int64] | None]:
    """An order of the rows that does not depend on the one given, and the source of each row in it.

    The bootstrap draws rows by number. Without a fixed order, listing the same files in another one would change the
    intervals.
    """
    numbers = {name: number for number, name in enumerate(sorted({name for name in sources if name is not None}))}
    named = np.array([-1 if name is None else numbers[name] for name in sources], dtype=np.int64)
    order = np.lexsort((*confidences.T, *(target[:, None] if target.ndim == 1 else target).T, named))
    return order, cluster_numbers([sources[row] for row in order])


def cluster_numbers(sources: Sequence[str | None]) -> NDArray[np.int64] | None:
    """The source of each example as a number, from 0 without gaps.

    Args:
        sources: N, what each example was cut from; ``None`` for its own source.

    Returns:
        int ``(N,)``, those without a source first; ``None`` if each example is its own.
    """
    alone = sources.count(None)
    numbers = {name: alone + at for at, name in enumerate(sorted({name for name in sources if name is not None}))}
    if alone + len(numbers) == len(sources):
        return None
    own = itertools.count()
    return np.array([next(own) if name is None else numbers[name] for name in sources], dtype=np.int64)

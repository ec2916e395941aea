"""Judge a model by what it says of examples whose labels are known: figures, each with its 95 % interval."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from decisight.evaluation import metrics
from decisight.evaluation.estimates import class_figures, group_estimates, proportion
from decisight.evaluation.figures import ClassFigures, Estimate, Evaluation, GroupEvaluation
from decisight.evaluation.reliability import debiased_calibration_error
from decisight.evaluation.scored import ScoredGroup, score, score_task
from decisight.types import LabelGroup, Target, Task

__all__ = ["ClassFigures", "Estimate", "Evaluation", "GroupEvaluation", "evaluate", "evaluate_group"]


def evaluate(
    task: Task,
    targets: Sequence[Sequence[Target]],
    confidences: Sequence[NDArray[np.floating]],
    *,
    sources: Sequence[str | None] | None = None,
    thresholds: Mapping[str, float] | None = None,
    seed: int = 0,
) -> Evaluation:
    """Judge every group of a task.

    Args:
        task: the task.
        targets: N, one an example, each with one target a group.
        confidences: one ``(N, K)`` array a group.
        sources: N, what each example was cut from; ``None`` for its own source.
        thresholds: ``label`` or ``group:label`` to threshold, for independent groups.
        seed: of the bootstrap.

    Raises:
        DataError: no group has an example with a known label, or a target is of the wrong kind.
        LabelError: a target or threshold names a label that is not there.
        UsageError: the shapes do not agree, or a confidence is not in 0..1.
    """
    judged = score_task(task, targets, confidences, sources=sources, thresholds=thresholds)
    groups = tuple(_judge(scored, seed) for scored in judged)
    names = {scored.group.name for scored in judged}
    return Evaluation(groups, left_out=tuple(group.name for group in task.groups if group.name not in names))


def evaluate_group(
    group: LabelGroup,
    targets: Sequence[Target],
    confidences: NDArray[np.floating],
    *,
    sources: Sequence[str | None] | None = None,
    thresholds: Mapping[str, float] | None = None,
    seed: int = 0,
) -> GroupEvaluation:
    """Judge one group. The order of the examples changes nothing, the intervals included.

    Args:
        group: the label group.
        targets: N, one an example; those that are ``None`` are left out.
        confidences: ``(N, K)``, 0..1, columns in the order of the group's labels.
        sources: N, what each example was cut from; ``None`` for its own source.
        thresholds: label to threshold, of an independent group; 0.5 where none is given. An exclusive group is judged
            by its top label whatever the thresholds.
        seed: of the bootstrap.

    Raises:
        DataError: no target is known, or a target is of the wrong kind.
        LabelError: a target or threshold names a label that the group has not.
        UsageError: the shapes do not agree, or a confidence is not in 0..1.
    """
    return _judge(score(group, targets, confidences, sources=sources, thresholds=thresholds), seed)


def _judge(scored: ScoredGroup, seed: int) -> GroupEvaluation:
    per_class = class_figures(scored)
    return GroupEvaluation(
        group=scored.group,
        n=len(scored),
        sources=scored.sources,
        confusion_matrix=metrics.confusion_matrix(scored.target, scored.predicted, len(scored.group.labels)),
        accuracy=proportion(metrics.right(scored.target, scored.predicted), scored.clusters),
        debiased_ece=debiased_calibration_error(scored.target, scored.confidences),
        majority_rate=metrics.majority_rate(scored.target),
        per_class=per_class,
        **group_estimates(scored, per_class, seed=seed),
    )

"""Training: from labelled pictures to a model that is calibrated, checked, and ready to be written."""

from __future__ import annotations

import base64
import hashlib
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import numpy as np

from decisight.compute import one_blas_thread
from decisight.compute import threads as granted_threads
from decisight.data.checks import check_trainable, spread_sources
from decisight.data.dataset import Dataset, Skipped
from decisight.data.splits import assign_splits
from decisight.errors import DataError, ImageError
from decisight.evaluation.evaluate import Evaluation, evaluate
from decisight.imaging import printable
from decisight.models.backbones import backbones
from decisight.models.card import ModelCard, Preprocessing
from decisight.models.classifier import Classifier
from decisight.models.model_file import ModelFile, seal
from decisight.policies.threshold import Threshold
from decisight.training.cache import FeatureCache
from decisight.training.choosing import choose_pictures, select
from decisight.training.features import FeatureExtractor, Features, View
from decisight.training.fitting import Probe
from decisight.training.options import Trained, TrainingReport, TrainOptions
from decisight.types import FitMode, Target
from decisight.versions import decisight_version, library_versions

__all__ = ["TrainOptions", "Trained", "TrainingReport", "train"]

Progress = Callable[[str, int, int], None]

SELECTION_PICTURES = 1_500
"""Choices are made on at most so many pictures: what is learnt from more of them changes no choice."""


@dataclass
class _Clock:
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        begin = time.perf_counter()
        yield
        self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - begin


def train(
    dataset: Dataset,
    options: TrainOptions,
    *,
    cache: FeatureCache | None = None,
    progress: Progress | None = None,
    threads: int | None = None,
) -> Trained:
    """Train a model on the training part of a dataset.

    The same data, options and library versions give the same model.

    Args:
        dataset: with splits or without. Without, a share of its sources is set aside for testing; with, whatever is
            not in ``train`` is left alone, but for ``val``, on which the model is evaluated at the end.
        options: how.
        cache: where features are looked for first; by default they are computed anew and not kept.
        progress: called with what is being done, how much is done, and how much there is.
        threads: how many to work with; by default as many as the machine grants.

    Raises:
        DataError: there is too little to learn from.
        LabelError: a threshold is for a label that the data does not have.
        UsageError: an option cannot be used.
    """
    if cache is None:
        with FeatureCache(None) as nothing_kept:
            return train(dataset, options, cache=nothing_kept, progress=progress, threads=threads)
    tell, workers = progress or (lambda *_: None), granted_threads(threads).count
    clock = _Clock()
    rule = Threshold(options.thresholds, options.fallback).checked(dataset.task)
    with clock.part("reading"):
        part, notes = _training_part(dataset, options)
    backbone = backbones.build(options.backbone)
    extractor = FeatureExtractor(backbone, cache, threads=workers)
    with clock.part("features"):
        part, features = _extract(extractor, part, options, tell)
        notes = (*notes, *_check_readable(part))
    with clock.part("selection"), one_blas_thread():
        probe, choices = select(backbone, part, features, options, tell, workers)
    with clock.part("features"):
        part, features, skipped = _rest(extractor, part, features, probe, tell)
    with clock.part("fitting"), one_blas_thread():
        heads = probe.fit(part, features)
        card = ModelCard(
            name=options.name,
            task=dataset.task,
            preprocessing=Preprocessing(probe.fit_mode, backbone.input.size, backbone.input.fill),
            backbone={"name": backbone.name, "digest": backbone.digest},
            features=probe.features,
            calibration=tuple(head.calibration for head in heads),
            thresholds=dict(rule.thresholds),
            fallback=rule.fallback,
            data=_provenance(part, features),
            versions=library_versions(),
        )
        graph = probe.graph(heads, decisight_version())
    with clock.part("evaluating"):
        evaluation, evaluated_on, unread = _evaluate(dataset, seal(graph, card), probe, workers)
    card = replace(
        card,
        training={
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
            "seed": options.seed,
            "folds": options.folds,
            "choices": [{"group": c.group, "name": c.name, "value": c.value, "why": c.why} for c in choices],
        },
        metrics={"measured": evaluated_on, **evaluation.to_json()},
    )
    report = TrainingReport(
        pictures=len(part),
        choices=choices,
        evaluation=evaluation,
        evaluated_on=evaluated_on,
        skipped=(*part.skipped, *skipped, *unread),
        notes=(*notes, *probe.notes, *_limits(part, probe, evaluated_on)),
        seconds=clock.seconds,
        cached=features.cached / max(1, len(features.kept) * len(features.views)),
    )
    return Trained(seal(graph, card), report)


def _training_part(dataset: Dataset, options: TrainOptions) -> tuple[Dataset, tuple[str, ...]]:
    """The examples to learn from, and what is to be said of how they were found."""
    notes: list[str] = []
    if not dataset.splits and options.holdout > 0:
        dataset, report = assign_splits(dataset, test=options.holdout)
        notes.extend(report.lines())
    elif dataset.splits and "train" not in dataset.splits:
        raise DataError(
            f"{printable(dataset.root)} has no train part, only {' and '.join(dataset.splits)}",
            hint="name the part to learn from 'train'",
        )
    spread = spread_sources(dataset)
    if spread:
        named = ", ".join(spread[:5]) + (" ..." if len(spread) > 5 else "")
        notes.append(
            f"{len(spread)} source(s) have pictures in more than one split ({named}): what is measured on such "
            f"pictures looks better than it is"
        )
    part = dataset.only("train") if dataset.splits else dataset
    if not part.examples:
        raise DataError(
            f"{printable(dataset.root)} has no pictures to learn from", hint="put labelled pictures into its train part"
        )
    check_trainable(part)
    return part, tuple(notes)


def _views(options: TrainOptions) -> list[View]:
    fits = [options.fit] if options.fit else list(FitMode)
    mirrored = (False,) if options.mirror is False else (False, True)
    return [View(fit, mirror) for fit in fits for mirror in mirrored]


def _extract(
    extractor: FeatureExtractor, part: Dataset, options: TrainOptions, progress: Progress
) -> tuple[Dataset, Features]:
    """Features of the pictures that choices are made on, which come first in the dataset from here on."""
    examples = part.examples
    chosen = choose_pictures(part, SELECTION_PICTURES, options.folds)
    rest = sorted(set(range(len(examples))) - set(chosen))
    features = extractor.extract([examples[i].path for i in chosen], _views(options), progress)
    readable = [examples[chosen[i]] for i in features.kept]
    if not readable:
        raise DataError(
            f"none of the {len(chosen)} pictures of {printable(part.root)} could be read: {features.skipped[0].why}",
            hint="open some of them in a picture program; copy or download them again",
        )
    copies = Counter(features.digests)
    kept_together = [
        replace(example, source=f"content:{digest}") if example.source is None and copies[digest] > 1 else example
        for example, digest in zip(readable, features.digests, strict=True)
    ]
    ordered = replace(
        part,
        examples=(*kept_together, *(examples[i] for i in rest)),
        skipped=(*part.skipped, *features.skipped),
    )
    return ordered, features


def _rest(
    extractor: FeatureExtractor, part: Dataset, features: Features, probe: Probe, progress: Progress
) -> tuple[Dataset, Features, tuple[Skipped, ...]]:
    """Features of all pictures, in the views that were chosen."""
    views = {view: features.views[view] for view in probe.views}
    first = len(features.kept)
    if len(part) == first:
        return part, replace(features, views=views), ()
    more = extractor.extract([e.path for e in part.examples[first:]], list(views), progress)
    kept = (*part.examples[:first], *(part.examples[first + i] for i in more.kept))
    return (
        replace(part, examples=kept),
        Features(
            kept=np.arange(len(kept)),
            digests=features.digests + more.digests,
            views={view: np.vstack([table, more.views[view]]) for view, table in views.items()},
            skipped=features.skipped + more.skipped,
            cached=features.cached + more.cached,
        ),
        more.skipped,
    )


def _limits(part: Dataset, probe: Probe, evaluated_on: str) -> tuple[str, ...]:
    """What the figures cannot say."""
    judged = len(probe.part)
    if evaluated_on != "out of fold" or judged == len(part):
        return ()
    return (f"choices were made, and the figures measured, on {judged} of the {len(part)} pictures",)


def _check_readable(part: Dataset) -> tuple[str, ...]:
    """Notes on what is too rare; where too little could be read to learn from, the error names what could not be."""
    try:
        return check_trainable(part)
    except DataError as error:
        if not part.skipped:
            raise
        named = "".join(f"\n  {printable(s.path)}: {printable(s.why)}" for s in part.skipped[:20])
        more = f"\n  ... and {len(part.skipped) - 20} more" if len(part.skipped) > 20 else ""
        message = f"{error.message}\n{len(part.skipped)} picture(s) could not be used:{named}{more}"
        raise DataError(message, hint=error.hint) from error


def _provenance(part: Dataset, features: Features) -> dict[str, object]:
    """What the model was trained on: enough to recognise the data and every single picture, none of it to see."""
    rows = sorted(
        f"{digest} {[sorted(t) if isinstance(t, frozenset) else t for t in example.targets]}"
        for digest, example in zip(features.digests, part.examples, strict=True)
    )
    seen = sorted(bytes.fromhex(digest)[:8] for digest in set(features.digests))
    return {
        "name": part.root.name,
        "digest": f"sha256:{hashlib.sha256(chr(10).join(rows).encode()).hexdigest()}",
        "pictures": len(part),
        "labels": {group.name: dict(part.counts(group)) for group in part.task.groups},
        "seen": base64.b64encode(b"".join(seen)).decode("ascii"),
    }


def _evaluate(
    dataset: Dataset, model: ModelFile, probe: Probe, threads: int
) -> tuple[Evaluation, str, tuple[Skipped, ...]]:
    """Judge the model on the validation split where there is one, else the heads of the folds on what they left out."""
    held_out = dataset.only("val").examples
    if not held_out:
        return probe.out_of_fold(), "out of fold", ()
    classifier = Classifier(model, threads=threads)
    answers = list(zip(held_out, classifier.predict_stream(e.path for e in held_out), strict=True))
    read = [(example, answer) for example, answer in answers if not isinstance(answer, ImageError)]
    unread = tuple(Skipped(e.path, answer.message) for e, answer in answers if isinstance(answer, ImageError))
    if not read:
        raise DataError(
            f"none of the {len(held_out)} pictures of the validation split of {printable(dataset.root)} could be read",
            hint="open some of them in a picture program, or leave the split out",
        )
    targets: list[tuple[Target, ...]] = [example.targets for example, _ in read]
    confidences = [np.array([answer.confidences[g] for _, answer in read]) for g in range(len(dataset.task.groups))]
    sources = [example.source for example, _ in read]
    return evaluate(dataset.task, targets, confidences, sources=sources), "the validation split", unread

"""Training: from labelled pictures to a model that is calibrated, checked, and ready to be written."""

from __future__ import annotations

import base64
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import numpy as np

from decisight.compute import one_blas_thread
from decisight.compute import threads as granted_threads
from decisight.data.checks import contradictions
from decisight.data.dataset import Dataset, Example, Skipped
from decisight.data.digests import data_digest
from decisight.data.regions import with_regions
from decisight.errors import DataError
from decisight.evaluation.evaluate import Evaluation, evaluate
from decisight.evaluation.judging import judge
from decisight.imaging import printable
from decisight.models.backbones import backbones
from decisight.models.card import ModelCard, Preprocessing
from decisight.models.classifier import Classifier
from decisight.models.model_file import ModelFile, seal
from decisight.policies.threshold import Threshold
from decisight.regions import Region
from decisight.training.cache import FeatureCache
from decisight.training.choosing import COPIES, choose_pictures, select
from decisight.training.copies import look_for_copies
from decisight.training.division import divide
from decisight.training.familiarity import fit_familiarity
from decisight.training.features import FeatureExtractor, Features, View
from decisight.training.fitting import Probe
from decisight.training.options import Trained, TrainingReport, TrainOptions
from decisight.types import FitMode, Task
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
        DataError: there is too little to learn from; or pictures of one split have copies in another.
        LabelError: a threshold is for a label that the data does not have.
        UsageError: an option cannot be used.
    """
    if cache is None:
        with FeatureCache(None) as nothing_kept:
            return train(dataset, options, cache=nothing_kept, progress=progress, threads=threads)
    tell, workers = progress or (lambda *_: None), granted_threads(threads).count
    clock = _Clock()
    rule = Threshold(options.thresholds, options.fallback, min_familiarity=options.min_familiarity)
    rule = rule.checked(dataset.task)
    dataset = with_regions(dataset, options.regions)
    with clock.part("reading"):
        copies = look_for_copies(dataset, cache, threads=workers, progress=tell)
        if not options.allow_duplicates:
            copies.refuse_across()
        division = divide(copies.joined(dataset), holdout=options.holdout)
        part, notes = division.part, (*_ambiguous(options.fallback, dataset.task), *division.notes)
    backbone = backbones.build(options.backbone)
    extractor = FeatureExtractor(backbone, cache, threads=workers)
    with clock.part("features"):
        part, features = _extract(extractor, part, options, tell, copies.identities())
        judged, rows = len(features.kept), len(features.kept) * len(features.views)
        notes = (*notes, *division.check(part))
    with clock.part("selection"), one_blas_thread():
        probe, choices = select(backbone, part, features, options, tell, workers)
    with clock.part("features"):
        part, features, skipped = _rest(extractor, part, features, probe, tell)
        rows += (len(features.kept) - judged) * len(features.views)
        notes = (*notes, *contradictions(part, features.digests))
    with clock.part("fitting"), one_blas_thread():
        fitted = probe.fit(part, features)
        familiarity = fit_familiarity(backbone, part, features, probe.views[0], seed=options.seed)
        card = ModelCard(
            name=options.name,
            task=dataset.task,
            preprocessing=Preprocessing(probe.fit_mode, backbone.input.size, backbone.input.fill),
            backbone={"name": backbone.name, "digest": backbone.digest},
            features=probe.features,
            calibration=tuple(head.calibration for head in fitted.heads),
            thresholds=dict(rule.thresholds),
            fallback=rule.fallback,
            min_familiarity=rule.min_familiarity or None,
            data=_provenance(part, features, options.regions),
            versions=library_versions(),
            familiarity={} if familiarity is None else familiarity.to_json(),
        )
        graph = fitted.graph(decisight_version(), familiarity)
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
        skipped=tuple(map(_told_once, (*part.skipped, *skipped, *unread))),
        notes=(*notes, *probe.notes, *_limits(part, probe, evaluated_on)),
        seconds=clock.seconds,
        cached=features.cached / rows,
    )
    return Trained(seal(graph, card), report)


def _views(options: TrainOptions) -> list[View]:
    fits = [options.fit] if options.fit else list(FitMode)
    mirrored = (False,) if options.mirror is False else (False, True)
    return [View(fit, mirror) for fit in fits for mirror in mirrored]


def _extract(
    extractor: FeatureExtractor,
    part: Dataset,
    options: TrainOptions,
    progress: Progress,
    identities: Mapping[str, str],
) -> tuple[Dataset, Features]:
    """Features of the pictures that choices are made on, which come first in the dataset from here on."""
    examples = part.examples
    chosen = choose_pictures(part, SELECTION_PICTURES, options.folds)
    rest = sorted(set(range(len(examples))) - set(chosen))
    features = extractor.extract([examples[i] for i in chosen], _views(options), progress)
    readable = [examples[chosen[i]] for i in features.kept]
    if not readable:
        raise DataError(
            f"none of the {len(chosen)} pictures of {printable(part.root)} could be read: {features.skipped[0].why}",
            hint="open some of them in a picture program; copy or download them again",
        )
    kept_together = _with_copies_joined(readable, [identities.get(digest, digest) for digest in features.digests])
    ordered = replace(
        part,
        examples=(*kept_together, *(examples[i] for i in rest)),
        skipped=(*part.skipped, *features.skipped),
    )
    return ordered, features


def _with_copies_joined(examples: Sequence[Example], digests: Sequence[str]) -> list[Example]:
    """The same, with a source for what has none but is a copy of another, or a part of the same picture."""
    copies, pictures = Counter(digests), Counter(e.path for e in examples if e.region is not None)
    joined = []
    for example, digest in zip(examples, digests, strict=True):
        source = example.source
        if source is None and copies[digest] > 1:
            source = f"{COPIES}{digest}"
        elif source is None and pictures[example.path] > 1:
            source = f"picture:{example.path}"
        joined.append(replace(example, source=source))
    return joined


def _rest(
    extractor: FeatureExtractor, part: Dataset, features: Features, probe: Probe, progress: Progress
) -> tuple[Dataset, Features, tuple[Skipped, ...]]:
    """Features of all pictures, in the views that were chosen."""
    views = {view: features.views[view] for view in probe.views}
    first = len(features.kept)
    if len(part) == first:
        return part, replace(features, views=views), ()
    more = extractor.extract(part.examples[first:], list(views), progress)
    kept = (*part.examples[:first], *(part.examples[first + i] for i in more.kept))
    return (
        replace(part, examples=kept),
        Features(
            kept=np.arange(len(kept)),
            digests=features.digests + more.digests,
            shapes=np.concatenate([features.shapes, more.shapes]),
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


def _ambiguous(fallback: str, task: Task) -> tuple[str, ...]:
    """A note where the fall-back is a label too."""
    groups = [group.name for group in task.groups if fallback in group.labels]
    if not groups:
        return ()
    return (
        f"the fall-back {fallback!r} is also a label of {' and '.join(map(repr, groups))}: from a decision nobody can "
        f"tell whether the label was accepted or nothing was sure enough; choose another state with --fallback",
    )


def _told_once(skipped: Skipped) -> Skipped:
    """Without the path at the beginning of why: it stands beside it."""
    return replace(skipped, why=skipped.why.removeprefix(f"{printable(skipped.path)}: "))


def _provenance(part: Dataset, features: Features, regions: Sequence[Region]) -> dict[str, object]:
    """What the model was trained on: enough to recognise the data and every single picture, none of it to see."""
    seen = sorted(bytes.fromhex(digest)[:8] for digest in set(features.digests))
    low, middle, high = np.quantile(features.shapes, (0.05, 0.5, 0.95)).round(4).tolist()
    spread = {"p5": low, "p50": middle, "p95": high}
    named = {r.name: {"polygon": [list(point) for point in r.polygon], "masked": r.masked} for r in regions}
    return {
        "name": part.root.name,
        "digest": data_digest(part.examples, features.digests),
        "pictures": len(part),
        "labels": {group.name: dict(part.counts(group)) for group in part.task.groups},
        "shapes": {"width_by_height": spread},
        **({"regions": named} if named else {}),
        "seen": base64.b64encode(b"".join(seen)).decode("ascii"),
    }


def _evaluate(
    dataset: Dataset, model: ModelFile, probe: Probe, threads: int
) -> tuple[Evaluation, str, tuple[Skipped, ...]]:
    """Judge the model on the validation split where there is one, else the heads of the folds on what they left out."""
    held_out = dataset.only("val")
    if not held_out.examples:
        return probe.out_of_fold(), "out of fold", ()
    # The figures stand in the model file, so they depend on no machine's choice of runtime.
    judged = judge(Classifier(model, threads=threads, runtime="onnxruntime:fp32"), held_out)
    evaluation = evaluate(dataset.task, judged.targets, judged.confidences, sources=judged.sources)
    return evaluation, "the validation split", judged.skipped

"""The audit: everything that can be found wrong with labelled pictures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from decisight.auditing.confidences import Learnt, learn
from decisight.auditing.copied import copies_among, copy_findings
from decisight.auditing.findings import KINDS, Finding, Severity
from decisight.auditing.labels import label_findings, source_findings
from decisight.auditing.looks import Look, Unreadable, look_at
from decisight.auditing.mistakes import Mistake, mistakes
from decisight.auditing.pictures import picture_findings
from decisight.auditing.suspects import INSTALL, can_suspect, suspect_findings, suspects
from decisight.compute import threads as granted_threads
from decisight.data.dataset import Dataset
from decisight.data.duplicates import Copies
from decisight.data.regions import with_regions
from decisight.imaging import printable
from decisight.regions import Region
from decisight.training.cache import FeatureCache
from decisight.training.options import TrainOptions
from decisight.types import written

__all__ = ["Audit", "AuditOptions", "audit"]

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class AuditOptions:
    """How to audit.

    Args:
        labels: look for wrong labels, and for what mistakes were learnt from: both need a model to be trained.
        backbone: the registered name of the backbone that it is trained on.
        folds: of the cross-validation, at least 2.
        seed: another seed deals other folds.
        regions: where to look in each picture, one at most.
    """

    labels: bool = True
    backbone: str = "efficientnet_lite0"
    folds: int = 5
    seed: int = 0
    regions: tuple[Region, ...] = ()

    def training(self) -> TrainOptions:
        """The same for training.

        Raises:
            UsageError: one of them cannot be used.
        """
        return TrainOptions(name="audit", backbone=self.backbone, folds=self.folds, seed=self.seed)


@dataclass(frozen=True, slots=True)
class Audit:
    """What was found.

    Args:
        dataset: the pictures that were looked at, with those that were left out while reading.
        looks: one a picture.
        findings: what matters most first.
        copies: by the numbers of the pictures.
        mistakes: of a model that has learnt from the train part, in the test part, the most confident first.
        notes: what could not be looked for, and why.
        judged: how many pictures wrong labels were looked for in.
    """

    dataset: Dataset
    looks: tuple[Look | Unreadable, ...]
    findings: tuple[Finding, ...]
    copies: Copies
    mistakes: tuple[Mistake, ...] = ()
    notes: tuple[str, ...] = ()
    judged: int = 0
    _counts: Mapping[str, int] = field(init=False, repr=False, compare=False, default_factory=dict)
    _folder: Path = field(init=False, repr=False, compare=False, default=Path())

    def __post_init__(self) -> None:
        root = self.dataset.root
        object.__setattr__(self, "_counts", Counter(finding.kind for finding in self.findings))
        object.__setattr__(self, "_folder", root if root.is_dir() else root.parent)

    @property
    def counts(self) -> dict[str, int]:
        """How many findings there are of each kind of which there are any, what matters most first."""
        return {kind: self._counts[kind] for kind in KINDS if kind in self._counts}

    @property
    def errors(self) -> int:
        """How many findings are errors."""
        return sum(finding.severity is Severity.ERROR for finding in self.findings)

    def name(self, example: int) -> str:
        """A picture as it is named: below the data's folder where it lies there, with its box if it has one."""
        found = self.dataset.examples[example]
        path = found.path
        if path.is_relative_to(self._folder):
            path = path.relative_to(self._folder)
        return printable(path) if found.region is None else f"{printable(path)} ({printable(found.region.name)})"

    def labels(self, example: int) -> str:
        """What the data say of a picture: ``vest``; of several groups ``helmet: yes, colour: red``."""
        groups, targets = self.dataset.task.groups, self.dataset.examples[example].targets
        if len(groups) == 1:
            return written(targets[0])
        told = zip(groups, targets, strict=True)
        return ", ".join(f"{group.name}: {written(target)}" for group, target in told if target is not None)

    def to_json(self) -> dict[str, Any]:
        """All of it as JSON values."""
        return {
            "data": printable(self.dataset.root),
            "pictures": len(self.dataset),
            "splits": {split: len(self.dataset.only(split)) for split in self.dataset.splits},
            "labels": {group.name: dict(self.dataset.counts(group)) for group in self.dataset.task.groups},
            "checked_for_wrong_labels": self.judged,
            "errors": self.errors,
            "warnings": len(self.findings) - self.errors,
            "counts": self.counts,
            "findings": [
                {
                    "kind": finding.kind,
                    "severity": finding.severity.value,
                    "text": printable(finding.text),
                    "pictures": [self.name(at) for at in finding.examples] or ([finding.path] if finding.path else []),
                    **({"group": finding.group} if finding.group is not None else {}),
                    **finding.details,
                }
                for finding in self.findings
            ],
            "mistakes": [
                {
                    "picture": self.name(mistake.example),
                    "group": mistake.group,
                    "given": mistake.given,
                    "said": mistake.said,
                    "confidence": round(mistake.confidence, 4),
                    "learnt_from": [
                        {"picture": self.name(near.example), "label": near.label, "likeness": near.likeness}
                        for near in mistake.learnt_from
                    ],
                }
                for mistake in self.mistakes
            ],
            "notes": [printable(note) for note in self.notes],
        }


def audit(
    dataset: Dataset,
    options: AuditOptions | None = None,
    *,
    cache: FeatureCache | None = None,
    progress: Progress | None = None,
    threads: int | None = None,
) -> Audit:
    """Look for everything that is wrong with labelled pictures; nothing is changed.

    Args:
        dataset: with splits or without.
        options: how.
        cache: where features are looked for first; by default they are computed anew and not kept.
        progress: called with what is being done, how much is done, and how much there is.
        threads: how many to work with; by default as many as the machine grants.

    Raises:
        UsageError: an option cannot be used.

    Example:
        >>> found = audit(read_dataset(Path("photos")))         # doctest: +SKIP
        >>> found.counts                                        # doctest: +SKIP
        {'copy_across_splits': 2, 'suspected_label': 7}
    """
    options = options or AuditOptions()
    if cache is None:
        with FeatureCache(None) as nothing_kept:
            return audit(dataset, options, cache=nothing_kept, progress=progress, threads=threads)
    tell, workers = progress or (lambda *_: None), granted_threads(threads).count
    training = options.training()
    dataset = with_regions(dataset, options.regions)
    looks = look_at(dataset.examples, threads=workers, progress=tell)
    copies, alike = copies_among(dataset, looks, threads=workers, kept=cache, progress=tell)
    kept = [at for at, look in enumerate(looks) if isinstance(look, Look)]
    readable = replace(dataset, examples=tuple(dataset.examples[at] for at in kept))
    findings = [
        *picture_findings(looks),
        *copy_findings(dataset, copies, alike),
        *source_findings(dataset),
        *label_findings(readable),
        *(Finding("left_out", skipped.why, path=printable(skipped.path)) for skipped in dataset.skipped),
    ]
    learnt, notes = Learnt.nothing(), list[str]()
    if options.labels and kept:
        number = {at: row for row, at in enumerate(kept)}
        kin = [[number[at] for at in group] for group in copies.groups()]
        learnt = learn(readable, kin, options=training, cache=cache, threads=workers, progress=tell)
        learnt = learnt.numbered(kept)
        notes.extend(learnt.notes)
    if options.labels:
        if can_suspect():
            findings.extend(suspect_findings(suspects(learnt.groups)))
        else:
            notes.append(INSTALL)
    order = {kind: at for at, kind in enumerate(KINDS)}
    return Audit(
        dataset=dataset,
        looks=tuple(looks),
        findings=tuple(sorted(findings, key=lambda finding: order[finding.kind])),
        copies=copies,
        mistakes=tuple(mistakes(dataset, learnt)),
        notes=tuple(notes),
        judged=len(learnt.numbers),
    )

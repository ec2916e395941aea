"""Choosing, step by step: how pictures are brought to the input, what each head looks at, how it is held back."""

from __future__ import annotations

import hashlib
import itertools
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from decisight.data.dataset import Dataset
from decisight.data.folds import assign_folds, sources_per_label
from decisight.errors import DataError
from decisight.training.calibration import fit_calibration
from decisight.training.features import Features, View
from decisight.training.fitting import GroupProbe, Probe, inner_products
from decisight.training.options import Choice, TrainOptions
from decisight.training.probe import Standardiser
from decisight.training.recipes import Layout, Recipe, recipes
from decisight.training.selection import (
    STRENGTHS,
    Candidate,
    Folding,
    GroupTargets,
    cross_validate,
    losses_of,
    one_standard_error,
)
from decisight.types import FitMode, Target

if TYPE_CHECKING:
    from decisight.models.backbones import Backbone

__all__ = ["COPIES", "choose_pictures", "select"]

Matrix = npt.NDArray[np.float64]
Progress = Callable[[str, int, int], None]

COPIES = "content:"
"""What the source of pictures begins with that have none, but are copies of one another."""

_MOST_ROUNDS = 3
_CALIBRATED_PICTURES = 1_500
"""Confidences are calibrated on as many rounds of cross-validation as come to so many predictions, and on no more than
``_MOST_ROUNDS``: of few pictures, how the folds are dealt moves them."""
_OTHER_DEAL = 1_000_003
"""Between the seeds of two rounds, so that a neighbouring seed of the user's does not deal the same."""

_FIRST_STRENGTHS = (10.0, 100.0)
"""What a way of looking is tried with before the regularisation itself is chosen."""


def select(
    backbone: Backbone, part: Dataset, features: Features, options: TrainOptions, progress: Progress, threads: int
) -> tuple[Probe, tuple[Choice, ...]]:
    """Choose how pictures are brought to the input, what each head looks at, and how it is held back.

    Args:
        backbone: whose features.
        part: the training pictures; those that features were computed for come first.
        features: in every view that may be chosen.
        options: what is given is not chosen.
        progress: told after every step.
        threads: how many folds are worked on at once.

    Raises:
        DataError: there are fewer sources than folds.
    """
    return _Selection(backbone, part, features, options, progress, threads).run()


class _Selection:
    """The steps of the choice, on one set of folds."""

    def __init__(
        self,
        backbone: Backbone,
        part: Dataset,
        features: Features,
        options: TrainOptions,
        progress: Progress,
        threads: int,
    ) -> None:
        self.backbone, self.features, self.options, self._tell = backbone, features, options, progress
        self._threads = threads
        self.part = Dataset(part.root, part.task, part.examples[: len(features.kept)])
        self.layout = Layout(backbone)
        self.sources = [example.source for example in self.part.examples]
        self.folds, self.notes = _folds(self.part, options)
        self.groups = [
            GroupTargets.of(group, [e.targets[at] for e in self.part.examples], balance=options.balance)
            for at, group in enumerate(part.task.groups)
        ]
        self.recipes = recipes(options.depths, options.pooling)
        self.choices: list[Choice] = []
        fits = {view.fit for view in features.views}
        self._step, per_group = 0, len(self.recipes) * (len(self.recipes) > 1) + len(self._mirrorings())
        self._steps = len(self.groups) * (len(fits) * (len(fits) > 1) + per_group)

    def run(self) -> tuple[Probe, tuple[Choice, ...]]:
        fit = self._choose_fit()
        plain = self.features.views[View(fit)]
        standardiser = Standardiser.of(plain)
        chosen = self._choose_recipes(fit, standardiser)
        tried = {mirror: self._paths(chosen, fit, standardiser, mirror=mirror) for mirror in self._mirrorings()}
        mirror = self._choose_mirroring(tried)
        strengths = [self._choose_strength(group, path) for group, path in zip(self.groups, tried[mirror], strict=True)]
        again = self._dealt_anew(chosen, strengths, fit, standardiser, mirror=mirror)
        probes = []
        for at, (group, recipe, strength) in enumerate(zip(self.groups, chosen, strengths, strict=True)):
            scores = tried[mirror][at][strength]
            rounds = np.stack([scores, *again[at]])
            calibration = fit_calibration(rounds, group.targets, exclusive=group.group.exclusive)
            probes.append(GroupProbe(group, recipe, strength, scores, calibration))
        views = (View(fit), View(fit, mirrored=True)) if mirror else (View(fit),)
        probe = Probe(self.backbone, self.part, fit, views, tuple(probes), self.options.balance, tuple(self.notes))
        return probe, tuple(self.choices)

    def _mirrorings(self) -> tuple[bool, ...]:
        return (False, True) if self.options.mirror is None else (self.options.mirror,)

    def _choose_fit(self) -> FitMode:
        fits = [fit for fit in FitMode if View(fit) in self.features.views]
        if len(fits) == 1:
            return fits[0]
        richest = self.recipes[-1] if self.options.depths else Recipe("all", self.recipes[-1].pooling)
        losses: dict[FitMode, float] = {}
        for fit in fits:
            standardiser = Standardiser.of(self.features.views[View(fit)])
            folding = self._folding(self.layout.design([self.features.views[View(fit)]], standardiser, richest))
            losses[fit] = float(np.mean([self._loss(group, folding).mean() for group in self.groups]))
        best = min(losses, key=losses.__getitem__)
        told = ", ".join(f"{fit} {loss:.3f}" for fit, loss in sorted(losses.items(), key=lambda pair: pair[1]))
        self.choices.append(Choice("fit", best.value, f"the lowest cross-validated loss: {told}"))
        return best

    def _choose_recipes(self, fit: FitMode, standardiser: Standardiser) -> list[Recipe]:
        """One a group: the simplest that is good enough."""
        if len(self.recipes) == 1:
            return [self.recipes[0]] * len(self.groups)
        table = self.features.views[View(fit)]
        tried: list[dict[int, Candidate]] = [{} for _ in self.groups]
        for number, recipe in enumerate(self.recipes):
            folding = self._folding(self.layout.design([table], standardiser, recipe))
            for group, candidates in zip(self.groups, tried, strict=True):
                candidates[number] = Candidate(str(recipe), self._loss(group, folding))
        chosen = []
        for group, candidates in zip(self.groups, tried, strict=True):
            number, why = one_standard_error(candidates, [self.sources[i] for i in group.known])
            self.choices.append(Choice("features", str(self.recipes[number]), why, group.group.name))
            chosen.append(self.recipes[number])
        return chosen

    def _choose_mirroring(self, tried: dict[bool, list[dict[float, Matrix]]]) -> bool:
        """Mirrored, unless that is worse by more than a standard error: most labels know no left and right."""
        if len(tried) == 1:
            return next(iter(tried))
        losses = {mirror: self._best_losses(paths) for mirror, paths in tried.items()}
        candidates = {0: Candidate("mirrored", losses[True]), 1: Candidate("as they are", losses[False])}
        sources = [self.sources[i] for group in self.groups for i in group.known]
        number, _ = one_standard_error(candidates, sources)
        told = f"cross-validated loss with {candidates[0].mean:.3f}, without {candidates[1].mean:.3f}"
        judged = "not worse by more than one standard error" if number == 0 else "worse by more than one standard error"
        self.choices.append(Choice("mirrored pictures", "no" if number else "yes", f"{told}: {judged}"))
        return number == 0

    def _best_losses(self, paths: list[dict[float, Matrix]]) -> npt.NDArray[np.float64]:
        """The loss of each picture in each group in turn, at the strength that is best for the group."""
        found = []
        for group, path in zip(self.groups, paths, strict=True):
            tried = [losses_of(scores, group) for scores in path.values()]
            found.append(min(tried, key=lambda losses: float(losses.mean())))
        return np.concatenate(found)

    def _choose_strength(self, group: GroupTargets, path: dict[float, Matrix]) -> float:
        if len(path) == 1:
            return next(iter(path))
        candidates = {i: Candidate(f"{s:g}", losses_of(path[s], group)) for i, s in enumerate(path)}
        number, why = one_standard_error(candidates, [self.sources[i] for i in group.known])
        strength = list(path)[number]
        self.choices.append(Choice("strength", f"{strength:g}", why, group.group.name))
        return strength

    def _loss(self, group: GroupTargets, folding: Folding) -> npt.NDArray[np.float64]:
        """Losses at the better of two strengths."""
        strengths = _FIRST_STRENGTHS if self.options.strength is None else (self.options.strength,)
        tried = cross_validate(folding, group, strengths, threads=self._threads)
        self._advance()
        return min((losses_of(scores, group) for scores in tried.values()), key=lambda losses: float(losses.mean()))

    def _dealt_anew(
        self,
        chosen: Sequence[Recipe],
        strengths: Sequence[float],
        fit: FitMode,
        standardiser: Standardiser,
        *,
        mirror: bool,
    ) -> list[list[Matrix]]:
        """Out-of-fold logits of each group from folds dealt anew, a matrix a round: what it is calibrated on too."""
        found: list[list[Matrix]] = [[] for _ in self.groups]
        rounds = min(_MOST_ROUNDS, _CALIBRATED_PICTURES // len(self.part))
        if rounds < 2:
            return found
        views = [View(fit), View(fit, mirrored=True)] if mirror else [View(fit)]
        tables = [self.features.views[view] for view in views]
        products = {r: inner_products(self.layout.design(tables, standardiser, r)) for r in set(chosen)}
        for number in range(1, rounds):
            folds = _dealt(self.part, replace(self.options, seed=self.options.seed + number * _OTHER_DEAL))
            foldings = {recipe: Folding(of_recipe, folds) for recipe, of_recipe in products.items()}
            for group, recipe, strength, own in zip(self.groups, chosen, strengths, found, strict=True):
                if len(set(folds[group.known].tolist())) > 1:
                    path = cross_validate(foldings[recipe], group, (strength,), threads=self._threads)
                    own.append(path[strength])
        return found

    def _paths(
        self, chosen: Sequence[Recipe], fit: FitMode, standardiser: Standardiser, *, mirror: bool
    ) -> list[dict[float, Matrix]]:
        """Out-of-fold logits by strength, of each group."""
        views = [View(fit), View(fit, mirrored=True)] if mirror else [View(fit)]
        tables = [self.features.views[view] for view in views]
        strengths = STRENGTHS if self.options.strength is None else (self.options.strength,)
        foldings = {r: self._folding(self.layout.design(tables, standardiser, r)) for r in set(chosen)}
        paths = []
        for group, recipe in zip(self.groups, chosen, strict=True):
            paths.append(cross_validate(foldings[recipe], group, strengths, threads=self._threads))
            self._advance()
        return paths

    def _folding(self, design: npt.NDArray[np.float32]) -> Folding:
        return Folding(inner_products(design), self.folds)

    def _advance(self) -> None:
        self._step += 1
        self._tell("selection", self._step, self._steps)


def choose_pictures(part: Dataset, most: int, folds: int) -> list[int]:
    """Which pictures choices are made on: all, or as many as asked for, drawn by the hash of their names.

    Of every label some come first, from as many sources as there are folds, so that rare labels are there too. Where
    there are very many labels, that alone can be more than was asked for.
    """
    if len(part) <= most:
        return list(range(len(part)))
    names = [example.path.name.encode("utf-8", "surrogateescape") for example in part.examples]
    order = sorted(range(len(part)), key=lambda i: hashlib.sha256(names[i]).digest())
    labels = sum(len(group.labels) for group in part.task.groups)
    each = min(folds, max(2, most // labels))
    sources: dict[tuple[int, str], set[str]] = defaultdict(set)
    chosen: set[int] = set()
    for i in order:
        example = part.examples[i]
        source = example.source if example.source is not None else f"#{i}"
        for at, target in enumerate(example.targets):
            for label in {target} if isinstance(target, str) else (target or frozenset()):
                met = sources[at, label]
                if len(met) < each and source not in met:
                    met.add(source)
                    chosen.add(i)
    chosen.update(itertools.islice((i for i in order if i not in chosen), max(0, most - len(chosen))))
    return sorted(chosen)


def _folds(part: Dataset, options: TrainOptions) -> tuple[npt.NDArray[np.intp], list[str]]:
    """The fold of each picture, and what is to be said of it."""
    notes = []
    for at, group in enumerate(part.task.groups):
        known = [(str(e.targets[at]), e.source) for e in part.examples if e.targets[at] is not None]
        counts = sources_per_label([label for label, _ in known], [source for _, source in known])
        alone = [label for label in group.labels if group.exclusive and counts.get(label, 0) < 2]
        copied = [label for label in alone if _copied(label, known)]
        if copied:
            raise DataError(
                f"group {group.name!r}: all pictures of {', '.join(copied)} are copies of one picture",
                hint="add other pictures: copies count as one, and what is learnt cannot be checked on them",
            )
        if alone:
            raise DataError(
                f"group {group.name!r}: all pictures of {', '.join(alone)} come from one source",
                hint="add pictures of another source: what is learnt cannot be checked otherwise",
            )
        few = [f"{label} has {n}" for label, n in counts.items() if group.exclusive and n < options.folds]
        if few:
            notes.append(
                f"group {group.name!r} has labels of very few sources, so nobody can say how well they are "
                f"learnt: {', '.join(few)}"
            )
    found = _dealt(part, options)
    for at, group in enumerate(part.task.groups):
        if len({found[i] for i, e in enumerate(part.examples) if e.targets[at] is not None}) < 2:
            raise DataError(
                f"group {group.name!r}: all pictures of which it is known come from one source, or there is only one",
                hint="label pictures of other sources too, or leave the group out with --groups",
            )
    return found, notes


def _dealt(part: Dataset, options: TrainOptions) -> npt.NDArray[np.intp]:
    """The fold of each picture, by the seed.

    Copies follow the first of them, so that all other pictures are dealt as if there were none.
    """
    sources = [example.source for example in part.examples]
    keys = [" & ".join(_key(target) for target in example.targets[:3]) for example in part.examples]
    units = len({source for source in sources if source is not None}) + sources.count(None)
    k = min(options.folds, units)
    copied = [source if source is not None and source.startswith(COPIES) else None for source in sources]
    if not any(copied):
        return assign_folds(keys, sources, k, options.seed)
    alone = [source if copy is None else None for source, copy in zip(sources, copied, strict=True)]
    folds = assign_folds(keys, alone, k, options.seed)
    first: dict[str, int] = {}
    for at, copy in enumerate(copied):
        if copy is not None:
            folds[at] = first.setdefault(copy, int(folds[at]))
    return folds if _spread(keys, sources, folds, k) else assign_folds(keys, sources, k, options.seed)


def _spread(keys: Sequence[str], sources: Sequence[str | None], folds: npt.NDArray[np.intp], k: int) -> bool:
    """Whether no fold is empty, and what comes from several sources is in several folds."""
    within: dict[str, set[int]] = defaultdict(set)
    for key, fold in zip(keys, folds.tolist(), strict=True):
        within[key].add(fold)
    several = sources_per_label(keys, sources)
    return len(set(folds.tolist())) == k and all(len(within[key]) > 1 for key, count in several.items() if count > 1)


def _copied(label: str, known: Sequence[tuple[str, str | None]]) -> bool:
    """Whether a label's pictures, which are of one source, are so because they are copies."""
    of_label = [source for name, source in known if name == label]
    return len(of_label) > 1 and str(of_label[0]).startswith(COPIES)


def _key(target: Target) -> str:
    return "|".join(sorted(target)) if isinstance(target, frozenset) else (target or "")

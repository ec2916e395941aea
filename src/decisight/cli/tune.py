"""``decisight tune``: thresholds that promise something, or that costs make superfluous, kept in the model file."""

from __future__ import annotations

import datetime
import hashlib
import json
import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from decisight.cli import output
from decisight.cli.console import progress_bars, say, terminal, warn
from decisight.cli.judging import Chosen, say_skipped, tuning_part
from decisight.cli.options import ReportFormat
from decisight.cli.predict import load_model, rule_for
from decisight.cli.regions import RegionWatch, warn_of_whole_pictures
from decisight.cli.tune_request import TuneOptions, Wish, check_wishes, wishes
from decisight.errors import DataError, OutputError
from decisight.files import storable

if TYPE_CHECKING:
    from decisight.data.dataset import Dataset
    from decisight.evaluation.judging import Judged
    from decisight.evaluation.operating.decisions import LabelDecisions
    from decisight.models.card import ModelCard
    from decisight.models.classifier import Classifier
    from decisight.policies.least_cost import LeastCost

__all__ = ["TuneOptions", "data_digest", "run"]


@dataclass(frozen=True, slots=True)
class _Basis:
    """What everything is tuned by.

    Args:
        model: the model, with the least familiarity that decides from now on.
        judged: what it says of the pictures.
        sources: what each picture was cut from; copies of one picture, where nothing else is said, are of one source.
        chosen: which part of the data they are.
        facts: what each entry of the model file says of them, and of the runtime.
    """

    model: Classifier
    judged: Judged
    sources: list[str | None]
    chosen: Chosen
    facts: dict[str, Any]


def run(options: TuneOptions) -> int:
    """Find the thresholds, print what they promise, and write the model that has them.

    Returns:
        The exit status, 0.

    Raises:
        DecisightError: what is asked for cannot be promised or reached with these pictures, which says how many it
            would take; or nothing can be tuned or written as asked.
    """
    from decisight.models.model_file import with_card, write_model
    from decisight.policies.cost_files import read_costs

    check_wishes(options)
    _check_output(options)
    model = load_model(options.model, threads=options.threads, runtime=options.runtime)
    read = model.card
    if options.min_familiarity is not None:
        card = replace(model.card, min_familiarity=options.min_familiarity or None)
        model = type(model)(with_card(model.file, card), threads=options.threads, runtime=options.runtime)
    rule_for(model, (), None)  # what it asks for, such as familiarity, it must be able to do
    costs = None if options.costs is None else read_costs(options.costs, model.task, model.card.fallback)
    basis = _judged(options, model)
    entries = _by_costs(basis, costs) if costs is not None else _by_wishes(options, basis)
    file = with_card(model.file, _card(model.card, entries, costs))
    _warn_of_lost_promises(read, file.card)
    if options.output is not None:
        write_model(options.output, file)
    if options.format is ReportFormat.JSON:
        say(json.dumps(_summary(options, basis, entries, file.card), indent=2, ensure_ascii=True))
    else:
        from decisight.cli.tune_text import lines

        for line in lines(options, basis.model, basis.chosen, basis.judged, entries):
            say(line)
    return 0


def _check_output(options: TuneOptions) -> None:
    from decisight.imaging import is_image_name, printable

    path = options.output
    if path is None:
        return
    output.check_file(path, example="tuned.onnx")
    output.check_apart(
        [path], {"the model that is tuned": options.model, "the data": options.data, "the costs": options.costs}
    )
    if is_image_name(path) or (path.suffix.lower() != ".onnx" and path.exists()):
        raise OutputError(f"{printable(path)} is by its name no model", hint="name a file that ends in .onnx")


def _judged(options: TuneOptions, model: Classifier) -> _Basis:
    """What the model says of the pictures that it may be tuned by.

    Raises:
        DataError: none is left, or it was trained on some of them.
    """
    from decisight.data.reading import read_dataset
    from decisight.data.regions import with_regions
    from decisight.evaluation.judging import judge

    dataset = read_dataset(options.data, groups=options.groups, source_pattern=options.source_pattern, task=model.task)
    watch = RegionWatch(model.card.data, options.regions.size())
    dataset = with_regions(dataset, [watch.over(region) for region in options.regions.regions()])
    chosen = tuning_part(dataset, options.split, fitted=options.costs is None)
    if all(example.region is None for example in chosen.dataset.examples):
        warn_of_whole_pictures(model.card.data)
    chosen = _without_learnt_sources(dataset, chosen)
    with progress_bars(terminal(sys.stderr)) as progress:
        judged = judge(
            model,
            chosen.dataset,
            seen=model.card.seen_in_training,
            leave_out_seen=chosen.leave_out_seen,
            progress=progress,
        )
    say_skipped((*dataset.skipped, *judged.skipped))
    for text in watch.complaints:
        warn(text)
    _refuse_seen(options, model, judged, chosen)
    judged = _without_recognised_sources(options, judged)
    return _Basis(model, judged, _with_copies_joined(judged), chosen, _facts(options, model, judged, chosen))


def _without_learnt_sources(dataset: Dataset, chosen: Chosen) -> Chosen:
    """The part without pictures of sources that were learnt from: they are not like those to come."""
    if chosen.split in (None, "train"):
        return chosen
    learnt = {e.source for e in dataset.examples if e.split == "train" and e.source is not None}
    rest = tuple(e for e in chosen.dataset.examples if e.source not in learnt)
    left_out = len(chosen.dataset) - len(rest)
    if left_out:
        warn(
            f"{left_out} of {len(chosen.dataset)} pictures are left out: their sources have pictures in train too",
            "divide the data so that each source is in one part",
        )
    if not rest:
        raise DataError(
            f"every source of the split {chosen.split} has pictures in train too, so nothing can be tuned by it",
            hint="divide the data so that each source is in one part",
        )
    return replace(chosen, dataset=replace(chosen.dataset, examples=rest))


def _without_recognised_sources(options: TuneOptions, judged: Judged) -> Judged:
    """What is left without pictures whose source has others that the model has learnt from."""
    from decisight.imaging import printable

    rest = [at for at, source in enumerate(judged.sources) if source not in judged.seen_sources]
    left_out = len(judged) - len(rest)
    if not rest:
        raise DataError(
            f"{printable(options.data)}: the model has learnt from other pictures of every source, so nothing can be "
            "tuned by them",
            hint="tune by pictures of sources that it has not learnt from",
        )
    if left_out:
        warn(
            f"{left_out} of {len(judged)} pictures are left out: the model has learnt from others of their sources",
            "keep whole sources aside to choose thresholds by",
        )
    return replace(
        judged,
        examples=tuple(judged.examples[at] for at in rest),
        predictions=tuple(judged.predictions[at] for at in rest),
        digests=tuple(judged.digests[at] for at in rest),
    )


def _refuse_seen(options: TuneOptions, model: Classifier, judged: Judged, chosen: Chosen) -> None:
    from decisight.imaging import printable

    if judged.seen and not chosen.leave_out_seen:
        raise DataError(
            f"{printable(options.data)}: the model has learnt from {judged.seen} of the {len(judged)} pictures, so "
            "nothing that they say holds for others",
            hint="tune by pictures that it has not learnt from: another split, or other pictures",
        )
    if "seen" not in model.card.data:
        warn(
            "the model does not say which pictures it was trained on: if these are among them, nothing that is found "
            "here holds for others"
        )


def _with_copies_joined(judged: Judged) -> list[str | None]:
    """The sources, where copies of a picture that has none are one: a picture says nothing new a second time."""
    digests = judged.digests
    counted = Counter(digests)
    copies = len(digests) - len(counted)
    if copies:
        warn(f"{copies} of {len(judged)} pictures are copies of others: those without a source count as one")
    return [
        f"copies of {digest}" if source is None and counted[digest] > 1 else source
        for source, digest in zip(judged.sources, digests, strict=True)
    ]


def _facts(options: TuneOptions, model: Classifier, judged: Judged, chosen: Chosen) -> dict[str, Any]:
    import decisight

    regions = {region.name: region.text for region in options.regions.regions()}
    return {
        "data": {
            "name": storable(options.data.name or str(options.data)),
            "digest": data_digest(judged),
            "split": chosen.split,
            "pictures": len(judged),
            **({"regions": regions} if regions else {}),
        },
        "runtime": model.runtime.to_json(),
        "min_familiarity": model.card.min_familiarity,
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "decisight": decisight.__version__,
    }


def data_digest(judged: Judged) -> str:
    """Of the pictures and what is true of them, whatever their order: as the model card has it of those learnt from."""
    rows = sorted(
        f"{digest} {[sorted(t) if isinstance(t, frozenset) else t for t in example.targets]}"
        for digest, example in zip(judged.digests, judged.examples, strict=True)
    )
    return f"sha256:{hashlib.sha256(chr(10).join(rows).encode()).hexdigest()}"


def _by_wishes(options: TuneOptions, basis: _Basis) -> dict[str, dict[str, Any]]:
    """An entry for each label that something is asked for.

    Raises:
        DataError: nothing can be promised of a label, or no threshold reaches what is asked for.
    """
    from decisight.evaluation.operating.decisions import label_decisions

    model, judged = basis.model, basis.judged
    of_labels = label_decisions(
        model.task,
        judged.predictions,
        judged.targets,
        sources=basis.sources,
        digests=judged.digests,
        min_familiarity=model.card.min_familiarity,
    )
    known = dict.fromkeys(key.partition(":")[0] for key in of_labels)
    if not known:
        raise DataError("no picture has a known label, so nothing can be tuned by them", hint="is it the right split?")
    wanted = wishes(options, model.task, list(known))
    promised = [key for key, wish in wanted.items() if wish.kind == "max_error"]
    found = _guaranteed(options, {key: of_labels[key] for key in promised}, wanted)
    found |= {key: _pointed(of_labels[key], wish) for key, wish in wanted.items() if key not in found}
    return {key: found[key] | basis.facts for key in wanted}


def _guaranteed(
    options: TuneOptions, of_labels: Mapping[str, LabelDecisions], wanted: Mapping[str, Wish]
) -> dict[str, dict[str, Any]]:
    from decisight.cli.tune_text import refusal
    from decisight.evaluation.operating.guarantee import Shortfall, guarantee
    from decisight.evaluation.operating.promise_entries import guarantee_entry

    jointly = len(of_labels) if options.jointly else 1
    # Bonferroni: what may go wrong is shared out among the labels.
    assurance = 1.0 - (1.0 - options.assurance) / max(1, jointly)
    found, short = {}, {}
    for key, decisions in of_labels.items():
        result = guarantee(decisions, wanted[key].amount or 0.0, assurance)
        if isinstance(result, Shortfall):
            short[key] = result
        else:
            found[key] = guarantee_entry(decisions, result, assurance=options.assurance, jointly=jointly)
    if short:
        raise refusal(of_labels, short)
    return found


def _pointed(decisions: LabelDecisions, wish: Wish) -> dict[str, Any]:
    from decisight.evaluation.operating.metric_thresholds import by_figure
    from decisight.evaluation.operating.promise_entries import point_entry

    aim: Any = wish.kind
    return point_entry(decisions, by_figure(decisions, aim, wish.amount))


def _by_costs(basis: _Basis, costs: LeastCost) -> dict[str, dict[str, Any]]:
    """An entry for each group: what decisions cost by the model's present rule, and by the costs."""
    from decisight.evaluation.operating.decision_costs import decision_costs
    from decisight.evaluation.operating.promise_entries import costs_entry

    model, judged = basis.model, basis.judged
    before = rule_for(model, (), None)
    after = replace(costs, min_familiarity=model.card.min_familiarity).checked(model.task)
    found = decision_costs(
        model.task,
        costs.tables(model.task),
        judged.targets,
        [before.decide(prediction) for prediction in judged.predictions],
        [after.decide(prediction) for prediction in judged.predictions],
        sources=basis.sources,
    )
    if not found:
        raise DataError("no picture has a known label, so nothing can be said of costs", hint="is it the right split?")
    return {one.group: costs_entry(one) | basis.facts for one in found}


def _card(card: ModelCard, entries: Mapping[str, Mapping[str, Any]], costs: LeastCost | None) -> ModelCard:
    """The card with what was found; what it said before stays as far as it still holds."""
    from decisight.models.promises import with_thresholds
    from decisight.types import resolve_thresholds

    if costs is not None:
        return replace(card, thresholds={}, costs=costs.to_card(card.task), promises=dict(entries))
    if card.costs:
        warn("the model's costs are given up: from now on thresholds decide")
    own = resolve_thresholds(card.task, card.thresholds)
    thresholds = own | {key: float(entry["threshold"]) for key, entry in entries.items()}
    order = [f"{group.name}:{label}" for group in card.task.groups for label in group.labels]
    changed = with_thresholds(card, {key: thresholds[key] for key in order if key in thresholds})
    promises = changed.promises | dict(entries)
    return replace(changed, promises={key: promises[key] for key in order if key in promises})


def _warn_of_lost_promises(before: ModelCard, after: ModelCard) -> None:
    from decisight.imaging import printable
    from decisight.models.promises import entries

    had, has = (
        [promise.key for promise in entries(card.promises) if promise.kind == "max_error"] for card in (before, after)
    )
    if lost := [key for key in had if key not in has]:
        warn(printable(f"what was promised of {', '.join(map(repr, lost))} is given up: it is decided otherwise now"))


def _summary(
    options: TuneOptions, basis: _Basis, entries: Mapping[str, Mapping[str, Any]], card: ModelCard
) -> dict[str, Any]:
    reference = basis.model.reference
    return {
        "model": {"name": reference.name, "digest": reference.digest},
        "written": None if options.output is None else storable(str(options.output)),
        "pictures": len(basis.judged),
        "seen_in_training": basis.judged.seen,
        "thresholds": card.thresholds,
        "costs": card.costs,
        "fallback": card.fallback,
        "min_familiarity": card.min_familiarity,
        "promises": dict(entries),
    }

"""``decisight info``: what a model says of itself."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from decisight.cli.console import say
from decisight.cli.predict import load_model

if TYPE_CHECKING:
    from decisight.models.card import ModelCard
    from decisight.models.classifier import Classifier

__all__ = ["describe", "run"]

_SHOWN_LABELS = 12
_NAMES = 26
"""Width of the column of names."""


def run(model: str, *, as_json: bool) -> int:
    """Print what a model says of itself.

    Args:
        model: a model file, or ``imagenet:NAME``.
        as_json: as JSON instead of text.

    Returns:
        The exit status, 0.

    Raises:
        ModelError: it is not a model that can be used.
    """
    found = load_model(model, threads=1)
    if as_json:
        say(json.dumps(describe(found), indent=2, ensure_ascii=True))
    else:
        for line in _lines(found):
            say(line)
    return 0


def describe(model: Classifier) -> dict[str, Any]:
    """All that a model says of itself, as JSON values; of the pictures that it has seen only how many they were."""
    card, file = model.card, model.file
    metadata = {key.removeprefix("decisight."): json.loads(value) for key, value in card.to_metadata().items()}
    data = dict(card.data)
    if "seen" in data:
        data["seen"] = len(card.seen_in_training)
    return {
        "name": card.name,
        "kind": card.task.kind,
        **{key: value for key, value in metadata.items() if key not in ("name", "data")},
        "data": data,
        "graph_digest": file.graph_digest,
        "settings_digest": file.settings_digest,
        "file": {"bytes": len(file.graph), "digest": f"sha256:{hashlib.sha256(file.graph).hexdigest()}"},
    }


def _lines(model: Classifier) -> Iterator[str]:
    from decisight.models.familiarity import calibrated_on

    card, facts = model.card, describe(model)
    yield _fact("model", card.name)
    yield _fact("task", f"{card.task.kind}, {len(card.task.groups)} label group{'s' * (len(card.task.groups) > 1)}")
    for group in card.task.groups:
        rest = len(group.labels) - _SHOWN_LABELS
        more = f", ... and {rest} more" if rest > 0 else ""
        kind = "exactly one holds" if group.exclusive else "any number holds"
        yield _fact(
            f"  {group.name}", f"{len(group.labels)} labels, {kind}: {', '.join(group.labels[:_SHOWN_LABELS])}{more}"
        )
    yield _fact("fall-back", card.fallback)
    yield _fact("thresholds", ", ".join(f"{name} {value:g}" for name, value in card.thresholds.items()) or "none")
    asked = f"; at least {card.min_familiarity:g} is asked for" if card.min_familiarity else ""
    yield _fact("familiarity", calibrated_on(card.familiarity) + asked)
    yield from _deciding(card)
    fit = card.preprocessing
    fill = f", the rest filled with RGB {' '.join(map(str, fit.fill))}" if fit.fit == "letterbox" else ""
    yield _fact("input", f"{fit.size} x {fit.size} pixels, by {fit.fit.value}{fill}")
    yield _fact("backbone", f"{card.backbone.get('name', '?')} ({card.backbone.get('digest', '?')})")
    yield _fact("features", _features(card.features))
    for group, calibration in zip(card.task.groups, card.calibration, strict=True):
        shift = max(map(abs, calibration.bias), default=0.0)
        yield _fact(
            f"  {group.name}", f"calibrated by temperature {calibration.temperature:.3g}, bias up to {shift:.2g}"
        )
    for title, part in (("data", facts["data"]), ("training", card.training), ("metrics", card.metrics)):
        if part:
            yield title
            yield from _nested(part, 1)
    yield _fact("versions", ", ".join(f"{name} {version}" for name, version in card.versions.items()))
    yield _fact("graph", f"{facts['graph_digest']} (what computes)")
    yield _fact("settings", f"{facts['settings_digest']} (thresholds and fall-back)")
    yield _fact("file", f"{facts['file']['digest']}, {facts['file']['bytes'] / 1e6:.1f} MB")


def _deciding(card: ModelCard) -> Iterator[str]:
    """What decides beside thresholds, and what is promised."""
    from decisight.cli.promise_text import described, origin
    from decisight.imaging import printable
    from decisight.models.promises import entries

    if card.costs:
        yield _fact("costs", "decide, by what is expected to cost least; --json shows them")
    found = list(entries(card.promises))
    if found:
        yield "tuned"
    for entry in found:
        yield from (f"  {printable(line)}" for line in (*described(entry), origin(entry)))


def _fact(name: str, value: str) -> str:
    from decisight.imaging import printable

    return f"{printable(name):<{_NAMES}} {printable(value)}".rstrip()


def _features(features: tuple[str, ...]) -> str:
    """By what they are pooled with, in the order of the model: ``mean, max of stage3, stage4; mean of stage7``."""
    by_tap: dict[str, list[str]] = {}
    for feature in features:
        tap, _, kind = feature.partition(".")
        by_tap.setdefault(tap, []).append(kind.removeprefix("all."))
    by_kinds: dict[str, list[str]] = {}
    for tap, kinds in by_tap.items():
        by_kinds.setdefault(", ".join(kinds), []).append(tap)
    return "; ".join(f"{kinds} of {', '.join(taps)}" for kinds, taps in by_kinds.items())


def _nested(part: Mapping[str, Any], depth: int) -> Iterator[str]:
    """Values by name, those within others further to the right. What is told of each label is left to the JSON."""
    from decisight.imaging import printable

    for name, value in part.items():
        before = "  " * depth + name.replace("_", " ")
        match value:
            case {"value": middle, "low": low, "high": high}:
                yield _fact(before, "undefined" if middle is None else f"{middle:.3f} ({low:.3f} to {high:.3f})")
            case dict() if not any(isinstance(inner, dict | list) for inner in value.values()):
                yield _fact(before, ", ".join(f"{key} {inner}" for key, inner in value.items()))
            case dict() if name != "per_class":
                # Matrices are left to the JSON as well, and what holds nothing else with them.
                if within := list(_nested(value, depth + 1)):
                    yield _fact(before, "")
                    yield from within
            case list() if value and all(isinstance(item, dict) for item in value):
                yield _fact(before, "")
                for item in value:
                    told = ": ".join(str(inner) for inner in item.values() if inner is not None)
                    yield "  " * (depth + 1) + printable(told)
            case float():
                yield _fact(before, f"{value:.4g}")
            case str() | int():
                yield _fact(before, str(value))

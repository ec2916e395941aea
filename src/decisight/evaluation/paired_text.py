"""A comparison of two models as plain text with aligned columns, for a terminal."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterator

from decisight.evaluation.paired import PairedDifference, PairedGroup
from decisight.evaluation.text import UNDEFINED, WIDTH, aligned, short_names

__all__ = ["paired_report"]

_NAMES = {
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "macro_f1": "macro F1",
    "log_loss": "log loss (less is better)",
    "cost": "cost a picture (less is better)",
}
_NAME = 28
_MOST_LABELS = 40
"""Up to how many labels have their line; beyond, those that differ most."""

_LEVEL = 0.05


def paired_report(found: PairedGroup, *, width: int = WIDTH) -> str:
    """Figures of both models with the differences, who is right where the other is not, and what that shows.

    Args:
        found: of one group.
        width: characters in a line.
    """
    pictures = f"{len(found)} picture{'s' if len(found) != 1 else ''}"
    sources = "" if found.sources == len(found) else f" from {found.sources} source{'s' if found.sources != 1 else ''}"
    name = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in found.group.name)
    parts = [f"{name}: {pictures}{sources}", _figures(found), _table(found)]
    parts.append("\n".join(textwrap.fill(sentence, width) for sentence in _sentences(found)))
    return "\n\n".join(parts)


def _figures(found: PairedGroup) -> str:
    exact = "" if found.group.exclusive else " (every label right)"
    rows = [[_NAMES[name] + (exact if name == "accuracy" else ""), *_cells(one)] for name, one in found.figures.items()]
    recalls = list(zip(short_names(found.group.labels, _NAME), found.recalls.values(), strict=True))
    more = max(0, len(recalls) - _MOST_LABELS)
    if more:
        recalls = sorted(recalls, key=lambda pair: -abs(pair[1].value if not math.isnan(pair[1].value) else 0.0))
    rows += [[f"recall of {label}", *_cells(one)] for label, one in recalls[:_MOST_LABELS]]
    for title, accepted in (("accepted share", found.accepted_share), ("of these right", found.accepted_accuracy)):
        if accepted is not None:
            rows.append([title, *_cells(accepted)])
    note = f"\n({more} labels that differ less are left out)" if more else ""
    return aligned([["", "A", "B", "B - A", "95 % interval"], *rows]) + note


def _cells(one: PairedDifference) -> list[str]:
    def number(value: float, form: str) -> str:
        return UNDEFINED if math.isnan(value) else format(value, form)

    interval = UNDEFINED if math.isnan(one.low) else f"{one.low:+.3f} to {one.high:+.3f}"
    return [number(one.a, ".3f"), number(one.b, ".3f"), number(one.value, "+.3f"), interval]


def _table(found: PairedGroup) -> str:
    cells = found.table
    rows = [
        ["", "B right", "B wrong"],
        ["A right", str(cells["both"]), str(cells["only_a"])],
        ["A wrong", str(cells["only_b"]), str(cells["neither"])],
    ]
    return aligned(rows)


def _sentences(found: PairedGroup) -> Iterator[str]:
    cells, accuracy = found.table, found.figures["accuracy"]
    differing = cells["only_a"] + cells["only_b"]
    if not differing:
        yield "They are right and wrong on the same pictures."
    else:
        by_source = " exchanged source by source" if found.sources != len(found) else ""
        shown = "is more than chance" if found.p_value <= _LEVEL else "may be chance"
        yield (
            f"They differ on {differing} picture{'s' if differing != 1 else ''}: only A is right on {cells['only_a']}, "
            f"only B on {cells['only_b']}. By McNemar's test{by_source} that {shown} (p = {found.p_value:.2g})."
        )
    low, high = (100.0 * end for end in (accuracy.low, accuracy.high))
    if low == high:
        return
    # The exact test is strict where few differ, and the interval wide where sources are few.
    agreed = (low > 0.0 or high < 0.0) == (differing > 0 and found.p_value <= _LEVEL)
    by_interval = "" if agreed else "The interval does not say the same, and is what --require goes by: "
    if low > 0.0:
        told = f"B is more often right than A, by {low:.1f} to {high:.1f} points."
    elif high < 0.0:
        told = f"B is less often right than A, by {-high:.1f} to {-low:.1f} points."
    else:
        told = (
            f"Neither is clearly more often right: B may be up to {-low:.1f} points worse, or up to {high:.1f} points "
            "better."
        )
    yield by_interval + (told if agreed or told.startswith(("A", "B")) else told[0].lower() + told[1:])

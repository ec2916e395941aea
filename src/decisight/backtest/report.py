"""What a back-test found, as text for people."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Callable, Sequence

from decisight.backtest.comparing import RULE, Difference, Verdict
from decisight.backtest.results import Backtest
from decisight.backtest.running import ClipRun
from decisight.evaluation.events import EventFigures, Rate, judge_events
from decisight.evaluation.figures import Estimate
from decisight.evaluation.sequences import EDGE_SECONDS
from decisight.files import printable

__all__ = ["WIDTH", "report", "verdict_text"]

WIDTH = 100
"""Characters in a line, unless told otherwise."""

_UNDEFINED = "-"
_FIGURES = {
    "frame_accuracy_off_edges": "the share of right pictures off the edges",
    "excess_flips": "excess flips",
    "missed": "missed changes",
    "false_events": "false events",
}
_GUIDE = (
    f"Off the edges: more than {EDGE_SECONDS:g} s from the start of a clip and from every true change. Excess flips: "
    "changes of the decided state that meet no true change. Missed: true changes after which the state never became "
    "what was true. A false event: a label (other than the quiet ones) decided from one picture or more in a row, on "
    "none of which it was true. The delay is counted from the first picture of what is true then; the worst one is of "
    "the changes that were met. Could be judged: pictures that could be read and that the gates let pass. Rates are by "
    "the hour of labelled time, each label group of each region for itself. In brackets: 95 % intervals."
)


def report(backtest: Backtest, *, width: int = WIDTH) -> str:
    """The figures of every policy, clip by clip and together, what they mean, and the verdict.

    Args:
        backtest: what was found.
        width: characters in a line, for sentences; tables are as wide as they must be.
    """
    parts = [_heading(backtest), _pooled(backtest), _clips(backtest), textwrap.fill(_GUIDE, width)]
    parts.append("\n".join(textwrap.fill(line, width) for line in verdict_text(backtest.verdict).splitlines()))
    return "\n\n".join(parts)


def verdict_text(verdict: Verdict) -> str:
    """Whether the policy is worse than what it is held against, in which figure, and by which rule."""
    policy, against = printable(verdict.policy), printable(verdict.against)
    if not verdict.told:
        found = f"{policy} beside {against}: too little to tell, since what is true changes nowhere."
    elif verdict.worse:
        found = f"{policy} is worse than {against} in {'; '.join(map(_said, verdict.worse))}."
    else:
        found = f"{policy} is not worse than {against}, as far as {verdict.stretches} stretches can tell."
    return f"{found}\n{RULE}"


def _said(one: Difference) -> str:
    values = [_percent(v) if one.figure.startswith("frame") else f"{v:.0f}" for v in (one.value, one.other)]
    return f"{_FIGURES[one.figure]} ({values[0]} beside {values[1]})"


def _heading(backtest: Backtest) -> str:
    figures = next(iter(backtest.figures.values()))
    clips, lines = len(backtest.runs), sum(len(run.lines) for run in backtest.runs)
    return (
        f"{_number(clips, 'clip')}, {_number(lines, 'state line')} (a label group of a region of a clip), "
        f"{_number(figures.sequence.images, 'labelled picture')} in {_time(figures.hours)}, "
        f"{_number(figures.sequence.transitions, 'true change')}"
    )


def _pooled(backtest: Backtest) -> str:
    rows: list[tuple[str, Callable[[EventFigures], str]]] = [
        ("right pictures", lambda f: _share(f.sequence.accuracy)),
        ("  off the edges", lambda f: _share(f.sequence.accuracy_off_edges)),
        ("flips an hour", lambda f: _rate(f.flips)),
        ("  excess flips", lambda f: _rate(f.excess_flips)),
        ("missed changes", lambda f: f"{f.sequence.missed} of {f.sequence.transitions}"),
        ("median delay", lambda f: _delay(f.sequence.median_delay)),
        ("worst delay", lambda f: _delay(f.sequence.worst_delay)),
        ("events an hour", lambda f: _rate(f.events)),
        ("  false events", lambda f: _rate(f.false_events)),
        ("could be judged", lambda f: _share(f.coverage)),
    ]
    table = [["", *map(printable, backtest.policies)]]
    table += [[title, *(cell(backtest.figures[name]) for name in backtest.policies)] for title, cell in rows]
    return _aligned(table, left=len(table[0]))


def _clips(backtest: Backtest) -> str:
    head = ["clip, region, group", "policy", "right", "off edges", "excess flips", "missed", "false events", "delay"]
    table = [head]
    for run in backtest.runs:
        table += _clip_rows(run, backtest.policies)
    return _aligned(table, left=2)


def _clip_rows(run: ClipRun, policies: Sequence[str]) -> list[list[str]]:
    rows = []
    for line in run.lines:
        title = ", ".join(filter(None, (run.plan.clip.name, line.region, line.group)))
        for at, name in enumerate(policies):
            found = judge_events([line.tracks[name].watched])
            of_pictures = found.sequence
            rows.append(
                [
                    "" if at else printable(title),
                    printable(name),
                    _percent(of_pictures.accuracy.value),
                    _percent(of_pictures.accuracy_off_edges.value),
                    str(of_pictures.excess_flips),
                    f"{of_pictures.missed} of {of_pictures.transitions}",
                    f"{found.false_events.count} of {found.events.count}",
                    _delay(of_pictures.median_delay),
                ]
            )
    return rows


def _number(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def _time(hours: float) -> str:
    return f"{hours:.1f} h" if hours >= 1.0 else f"{60.0 * hours:.1f} min"


def _percent(value: float) -> str:
    return _UNDEFINED if math.isnan(value) else f"{100.0 * value:.1f} %"


def _share(estimate: Estimate) -> str:
    if math.isnan(estimate.value):
        return _UNDEFINED
    return f"{_percent(estimate.value)} ({100.0 * estimate.low:.1f} to {100.0 * estimate.high:.1f})"


def _rate(rate: Rate) -> str:
    if math.isnan(rate.per_hour):
        return _UNDEFINED
    return f"{rate.per_hour:.0f} ({rate.low:.0f} to {rate.high:.0f}); {rate.count} in all"


def _delay(seconds: float) -> str:
    if math.isnan(seconds):
        return _UNDEFINED
    return f"{seconds:.1f} s" if math.isfinite(seconds) else "half are missed"


def _aligned(rows: Sequence[Sequence[str]], *, left: int) -> str:
    """Rows with their columns aligned: the first ``left`` to the left, the others to the right."""
    from rich.cells import cell_len, set_cell_size

    widths = [max(cell_len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [
            set_cell_size(cell, size) if column < left else " " * (size - cell_len(cell)) + cell
            for column, (cell, size) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)

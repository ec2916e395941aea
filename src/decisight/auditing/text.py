"""An audit as text: short, what matters most first."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from decisight.auditing.findings import KINDS, Finding, Severity
from decisight.auditing.inspection import Audit
from decisight.imaging import printable

__all__ = ["audit_lines", "counted"]

_SHOWN = {"suspected_label": 10}
"""Findings of a kind that are told; the others are counted."""
_SHOWN_OTHERWISE = 5
_MISTAKES = 3


def audit_lines(found: Audit) -> Iterator[str]:
    """The report, line by line."""
    dataset = found.dataset
    parts = ", ".join(f"{split} {len(dataset.only(split))}" for split in dataset.splits)
    yield f"{printable(dataset.root)}: {counted(len(dataset), 'picture')}" + (f" ({parts})" if parts else "")
    warnings = len(found.findings) - found.errors
    yield f"{counted(found.errors, 'error')}, {counted(warnings, 'warning')}"
    by_kind: dict[str, list[Finding]] = defaultdict(list)
    for finding in found.findings:
        by_kind[finding.kind].append(finding)
    for name, kind in KINDS.items():
        if by_kind[name]:
            mark = "ERROR" if kind.severity is Severity.ERROR else "WARNING"
            yield f"\n{mark}: {kind.title} ({len(by_kind[name])})"
            shown = by_kind[name][: _SHOWN.get(name, _SHOWN_OTHERWISE)]
            yield from (f"  {_told(found, finding)}" for finding in shown)
            if len(by_kind[name]) > len(shown):
                yield f"  ... and {len(by_kind[name]) - len(shown)} more"
            yield f"  What to do: {kind.advice}"
    if found.mistakes:
        yield f"\nMistakes in the test part, of a model that has learnt from the train part ({len(found.mistakes)})"
        for mistake in found.mistakes[:_MISTAKES]:
            nearest = mistake.learnt_from[0]
            yield (
                f"  {found.name(mistake.example)}: {mistake.given!r}, taken for {mistake.said!r} "
                f"({mistake.confidence:.0%}); most like {found.name(nearest.example)} ({nearest.label!r})"
            )
        if len(found.mistakes) > _MISTAKES:
            yield f"  ... and {len(found.mistakes) - _MISTAKES} more"
    for note in found.notes:
        yield f"\nnote: {printable(note)}"
    if not found.findings:
        yield "Nothing wrong was found."


def counted(count: int, what: str) -> str:
    """That many of something.

    Example:
        >>> counted(1, "error"), counted(12_000, "picture")
        ('1 error', '12,000 pictures')
    """
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def _told(found: Audit, finding: Finding) -> str:
    """A finding on one line."""
    text = printable(finding.text)
    if finding.kind == "source_across_splits" or not (finding.examples or finding.path):
        return text
    names = [finding.path] if finding.path else [found.name(at) for at in finding.examples]
    group = f"{finding.group}: " if finding.group and len(found.dataset.task.groups) > 1 else ""
    return f"{' and '.join(filter(None, names))}: {group}{text}"

"""An evaluation as plain text with aligned columns, for a terminal."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping, Sequence

from rich.cells import cell_len, set_cell_size

from decisight.evaluation.figures import Estimate, Evaluation, GroupEvaluation
from decisight.evaluation.guide import GroupCosts, guide

__all__ = [
    "aligned",
    "class_table",
    "confusion_text",
    "estimate_text",
    "group_report",
    "guide",
    "percent",
    "report",
    "short_names",
    "summary_table",
]

UNDEFINED = "\N{EN DASH}"
WIDTH = 100
"""Characters in a line, unless told otherwise."""

_WHOLE_MATRIX = 20
"""Up to how many labels the confusion matrix is printed; beyond, the commonest confusions."""

_WHOLE_TABLE = 60
"""Up to how many labels each has its line in the per-class table; beyond, those found worst."""

_NAME = 28
_COLUMN_NAME = 12
_SHORTEST_NAME = 10


def report(evaluation: Evaluation, *, width: int = WIDTH, costs: Mapping[str, GroupCosts] | None = None) -> str:
    """Everything, group after group.

    Args:
        evaluation: of a task.
        width: characters in a line.
        costs: what mistakes cost, by group, where the user has said so.
    """
    said = costs or {}
    parts = [group_report(one, width=width, costs=said.get(one.group.name)) for one in evaluation.groups]
    parts += [f"{name}: no picture has a known label, so it was not evaluated." for name in evaluation.left_out]
    return "\n\n\n".join(parts)


def group_report(evaluation: GroupEvaluation, *, width: int = WIDTH, costs: GroupCosts | None = None) -> str:
    """Summary, per-class table, confusion matrix and guide of one group.

    Args:
        evaluation: of the group.
        width: characters in a line.
        costs: what mistakes cost in it, where the user has said so.
    """
    pictures = f"{evaluation.n} picture{'s' if evaluation.n != 1 else ''}"
    sources = "" if evaluation.sources == evaluation.n else f" from {_sources(evaluation.sources)}"
    parts = [
        f"{_printable(evaluation.group.name)}: {pictures}{sources}",
        summary_table(evaluation),
        class_table(evaluation),
        confusion_text(evaluation, width=width),
        "\n".join(textwrap.fill(_printable(sentence), width) for sentence in guide(evaluation, costs)),
    ]
    return "\n\n".join(parts)


def _sources(count: int) -> str:
    return "1 source" if count == 1 else f"{count} sources"


def summary_table(evaluation: GroupEvaluation) -> str:
    """The figures of a group with their intervals, and the majority rate beside the accuracy."""
    positive = f" of '{_printable(evaluation.positive)}'" if evaluation.positive else ""
    exact = "" if evaluation.group.exclusive else " (every label right)"
    figures = [
        (f"accuracy{exact}", evaluation.accuracy),
        ("balanced accuracy", evaluation.balanced_accuracy),
        ("macro precision", evaluation.macro_precision),
        # In an exclusive group the macro recall is the balanced accuracy.
        *([] if evaluation.group.exclusive else [("macro recall", evaluation.macro_recall)]),
        ("macro F1", evaluation.macro_f1),
        (f"ROC-AUC{positive}", evaluation.roc_auc),
        (f"average precision{positive}", evaluation.average_precision),
        ("expected calibration error", evaluation.ece),
    ]
    rows = [[name, _number(figure.value), _range(figure)] for name, figure in figures]
    rows.append(["  debiased, root mean square", _number(evaluation.debiased_ece), ""])
    rows.insert(1, ["  always the commonest answer", _number(evaluation.majority_rate), ""])
    return aligned([["", "value", "95 % interval"], *rows])


def class_table(evaluation: GroupEvaluation) -> str:
    """Precision, recall and F1 of every label with their intervals, and how many pictures have it.

    Of more than 60 labels only those found worst (by F1) have a line.

    Args:
        evaluation: of the group.
    """
    names = short_names(evaluation.group.labels, _NAME)
    known = [at for at, figures in enumerate(evaluation.per_class) if not math.isnan(figures.f1.value)]
    chosen: Sequence[int] = range(len(names))
    note = ""
    if len(names) > _WHOLE_TABLE:
        chosen = sorted(known, key=lambda at: (evaluation.per_class[at].f1.value, at))[:_WHOLE_TABLE]
        note = f"\n({len(chosen)} of {len(names)} labels: those with the lowest F1)"
    rows = []
    for at in chosen:
        figures = evaluation.per_class[at]
        estimates = (estimate_text(estimate) for estimate in (figures.precision, figures.recall, figures.f1))
        rows.append([names[at], *estimates, str(figures.support)])
    return aligned([["label", "precision", "recall", "F1", "pictures"], *rows]) + note


def confusion_text(evaluation: GroupEvaluation, *, width: int = WIDTH) -> str:
    """The confusion matrix: counts, and the percentage of the row.

    With more than 20 labels the commonest confusions instead; of an independent group one 2 x 2 matrix a label.

    Args:
        evaluation: of the group.
        width: characters in a line; columns are numbered where their names do not fit.
    """
    if not evaluation.group.exclusive:
        return _independent(evaluation)
    if len(evaluation.group.labels) > _WHOLE_MATRIX:
        return _commonest(evaluation)
    table = [
        list(zip(counts, shares, strict=True))
        for counts, shares in zip(evaluation.confusion_matrix.tolist(), evaluation.row_normalised.tolist(), strict=True)
    ]
    both = [[_cell(count, share) for count, share in row] for row in table]
    counts = [[str(count) if count else "." for count, _ in row] for row in table]
    shares = [[percent(share) for _, share in row] for row in table]
    names = short_names(evaluation.group.labels, _NAME)
    columns = short_names(evaluation.group.labels, _COLUMN_NAME)
    whole = _matrix(names, columns, both)
    if _broadest(whole) <= width:
        return "Confusion matrix: rows actual, columns predicted (% of the row)\n" + whole
    bare = [[share.removesuffix("%") for share in row] for row in shares]
    return "\n".join(
        [
            "Confusion matrix: rows actual, columns predicted",
            _numbered(evaluation.group.labels, counts, width),
            "",
            "The same, in % of the row",
            _numbered(evaluation.group.labels, bare, width),
        ]
    )


def _matrix(names: Sequence[str], columns: Sequence[str], cells: Sequence[Sequence[str]], gap: int = 2) -> str:
    return aligned([["", *columns], *([name, *row] for name, row in zip(names, cells, strict=True))], gap=gap)


def _numbered(labels: Sequence[str], cells: Sequence[Sequence[str]], width: int) -> str:
    """A matrix whose columns are numbered; set closer, and with shorter names, where it would be too wide."""
    numbers = [str(number) for number in range(1, len(labels) + 1)]
    columns = sum(max(map(len, column)) for column in zip(numbers, *cells, strict=True))
    gap = 2 if columns + 2 * len(labels) + _NAME <= width else 1
    room = width - columns - gap * len(labels) - len("20 ")
    names = short_names(labels, min(_NAME, max(_SHORTEST_NAME, room)))
    return _matrix([f"{number:>2} {name}" for number, name in zip(numbers, names, strict=True)], numbers, cells, gap)


def _commonest(evaluation: GroupEvaluation, most: int = 20) -> str:
    names = short_names(evaluation.group.labels, _NAME)
    shares = evaluation.row_normalised
    wrong = [
        (int(count), row, column)
        for row, counts in enumerate(evaluation.confusion_matrix)
        for column, count in enumerate(counts)
        if row != column and count
    ]
    wrong.sort(key=lambda cell: (-cell[0], -shares[cell[1], cell[2]], cell[1], cell[2]))
    total = sum(count for count, _, _ in wrong)
    if not wrong:
        return f"Confusions: none in {evaluation.n} pictures"
    rows = [
        [names[row], names[column], str(count), percent(float(shares[row, column]))]
        for count, row, column in wrong[:most]
    ]
    shown = f"the {most} commonest of {len(wrong)}" if len(wrong) > most else "all"
    heading = f"Confusions: {total} of {evaluation.n} pictures are wrong ({shown} kinds are shown)"
    return heading + "\n" + aligned([["actual", "predicted", "pictures", "of actual"], *rows], left=2)


def _independent(evaluation: GroupEvaluation, most: int = _WHOLE_MATRIX) -> str:
    names = short_names(evaluation.group.labels, _NAME)
    counts, shares = evaluation.confusion_matrix, evaluation.row_normalised
    chosen = list(range(len(names)))
    heading = "Confusion matrix of each label: rows actual, columns predicted (% of the row)"
    if len(names) > most:
        chosen = sorted(chosen, key=lambda at: (-int(counts[at, 0, 1] + counts[at, 1, 0]), at))[:most]
        heading += f"; the {most} labels with the most errors"
    rows = [["label", "actual", "without", "with"]]
    for at in chosen:
        for actual, words in enumerate((names[at], "")):
            cells = zip(counts[at, actual], shares[at, actual], strict=True)
            rows.append([words, ("without", "with")[actual], *(_cell(int(n), float(share)) for n, share in cells)])
    return heading + "\n" + aligned(rows, left=2)


def estimate_text(estimate: Estimate) -> str:
    """A figure and its interval in brackets, ``0.914 (0.853 to 0.951)``; an en dash if undefined."""
    if math.isnan(estimate.value):
        return UNDEFINED
    return f"{_number(estimate.value)} ({_range(estimate)})"


def _number(value: float) -> str:
    return UNDEFINED if math.isnan(value) else f"{value:.3f}"


def _range(estimate: Estimate) -> str:
    return UNDEFINED if math.isnan(estimate.value) else f"{estimate.low:.3f} to {estimate.high:.3f}"


def _cell(count: int, share: float) -> str:
    return f"{count} {f'({percent(share)})':>6}" if count else percent(share)


def percent(share: float) -> str:
    """Whole per cent; never 0 or 100 of what is not quite."""
    if math.isnan(share):
        return UNDEFINED
    if share == 0.0:
        return "."
    if share <= 0.005:
        return "<1%"
    return ">99%" if 0.995 <= share < 1.0 else f"{100 * share:.0f}%"


def short_names(labels: Sequence[str], width: int) -> list[str]:
    """Labels cut in the middle to a width, still all different, without unprintable characters.

    Labels of a kind often share their beginning or their end, so both are kept.

    Args:
        labels: all different.
        width: in character cells, at least 4.
    """
    names: list[str] = []
    for label in map(_printable, labels):
        name, again = _cut(label, width), 1
        while name in names:
            again += 1
            mark = f"~{again}"
            name = _cut(label, width - len(mark)) + mark
        names.append(name)
    return names


def _cut(label: str, width: int) -> str:
    if cell_len(label) <= width:
        return label
    head = label
    while cell_len(head) > width // 2:
        head = head[:-1]
    tail = label[len(head) :]
    while cell_len(tail) > width - cell_len(head) - 1:
        tail = tail[1:]
    return f"{head}…{tail}"


def _printable(text: str) -> str:
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)


def aligned(rows: Sequence[Sequence[str]], *, left: int = 1, gap: int = 2) -> str:
    """Rows with their columns aligned: the first ``left`` to the left, the others to the right.

    Args:
        rows: of cells, as many in each.
        left: how many columns are aligned to the left.
        gap: spaces between columns.
    """
    widths = [max(cell_len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [
            set_cell_size(cell, size) if column < left else " " * (size - cell_len(cell)) + cell
            for column, (cell, size) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append((" " * gap).join(cells).rstrip())
    return "\n".join(lines)


def _broadest(text: str) -> int:
    return max(cell_len(line) for line in text.splitlines())

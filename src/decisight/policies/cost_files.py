"""What confusions cost, as it stands in a YAML file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from decisight.errors import DecisightError, LabelError, UsageError
from decisight.files import printable
from decisight.policies.least_cost import LeastCost
from decisight.policies.loss_table import FALSE_ALARM, MISS, MOST_COST, is_cost
from decisight.registry import shortened
from decisight.types import DEFAULT_FALLBACK, LabelGroup, Task
from decisight.yaml_file import Kind, line_of, read_yaml

__all__ = ["read_costs"]

_REVIEW, _DEFAULT = "review", "default"
_EXAMPLE = (
    "for example: {none: {vest: 500}, vest: {none: 40}, review: 15}: what is true, what is decided, what it costs"
)
_COSTS = Kind("cost", "costs", _EXAMPLE)


def read_costs(path: Path, task: Task, fallback: str = DEFAULT_FALLBACK) -> LeastCost:
    """Read what confusions and a look by a person cost, and make the rule of least expected cost of it.

    For each group: by what is true, by what is decided; ``review``, what a look costs; and ``default``, what every
    confusion costs that is not named. Of an independent group: by label, ``miss`` and ``false_alarm``. The name of the
    group may be left out where the task has one. What is right costs nothing.

    Args:
        path: the file.
        task: whose labels it names.
        fallback: the state where a look is cheaper.

    Raises:
        UsageError: the file cannot be read, is not YAML, a cost cannot be used or is missing; names the line.
        LabelError: it names a label or a group that the task does not have; names the line.
    """
    content = read_yaml(path, _COSTS)
    name = printable(path)
    places = _groups(name, content, task)
    costs: dict[str, dict[str, float]] = {}
    review: dict[str, float] = {}
    for group, keys, section in places:
        own, look = _read_group(name, content, group, keys, section)
        costs |= own
        review |= look
    rule = LeastCost(costs, fallback, review=review or None)
    try:
        rule = rule.checked(task)
        _check_sense(task, rule)
        return rule
    except DecisightError as error:
        raise type(error)(f"{name}: {error.message}", hint=error.hint) from error


def _check_sense(task: Task, rule: LeastCost) -> None:
    """Refuse costs by which the confidences do not matter.

    Raises:
        UsageError: no confusion costs anything, or no look does.
    """
    for group, tables in zip(task.groups, rule.tables(task), strict=True):
        for table in tables:
            where = f"group {group.name!r}" + (f", label {table.label!r}" if table.label else "")
            if not any(map(any, table.losses)):
                raise UsageError(
                    f"{where}: no mistake costs anything, so whatever a picture shows the same would be decided",
                    hint="to take the top label, let each cost the same: default: 1",
                )
            if table.review and not any(table.review):
                raise UsageError(
                    f"{where}: a look by a person costs nothing, so everything would be left to one",
                    hint="say what a look costs, or leave out review: then nobody is asked",
                )


def _groups(name: str, content: Mapping[str, Any], task: Task) -> list[tuple[LabelGroup, list[str], Mapping[str, Any]]]:
    """Each group with where it stands and what is said of it."""
    names = {group.name: group for group in task.groups}
    only = task.groups[0]
    if len(task.groups) == 1 and not (content.keys() == names.keys() and only.name not in only.labels):
        return [(only, [], content)]
    found = []
    for key, section in content.items():
        line = line_of(content, [key])
        if key not in names:
            raise LabelError(
                f"{name}, line {line}: there is no label group {shortened(key)}",
                hint=f"the groups are: {', '.join(names)}; {_EXAMPLE}",
            )
        if not isinstance(section, Mapping):
            raise UsageError(f"{name}, line {line}: {key} has no costs", hint=_EXAMPLE)
        found.append((names[key], [key], section))
    missing = [group for group in names if group not in content]
    if missing:
        raise UsageError(
            f"{name}: the group {missing[0]!r} has no costs",
            hint=f"give each group some; to take its top label whatever it costs: {missing[0]}: {{default: 1}}",
        )
    return found


def _read_group(
    name: str, content: Mapping[str, Any], group: LabelGroup, keys: Sequence[str], section: Mapping[str, Any]
) -> tuple[dict[str, dict[str, float]], dict[str, float]]:
    """The costs of a group by ``group:label``, every one of them said; and of a look."""
    default, look = None, None
    rows: dict[str, Mapping[str, Any]] = {}
    for key, value in section.items():
        where = f"{name}, line {line_of(content, [*keys, key])}"
        if isinstance(value, Mapping) and key in group.labels:
            rows[key] = value
        elif key == _REVIEW:
            look = _number(where, "a look by a person", value)
        elif key == _DEFAULT:
            default = _number(where, "the default", value)
        elif key in group.labels:
            raise UsageError(f"{where}: {shortened(key)} has no costs by what is decided", hint=_EXAMPLE)
        else:
            raise LabelError(
                f"{where}: group {group.name!r} has no label {shortened(key)}", hint=_choices(group.labels)
            )
    can = group.labels if group.exclusive else (MISS, FALSE_ALARM)
    costs: dict[str, dict[str, float]] = {}
    for label in group.labels:
        row = rows.get(label, {})
        costs[f"{group.name}:{label}"] = found = {}
        for decided, cost in row.items():
            where = f"{name}, line {line_of(content, [*keys, label, decided])}"
            if decided not in can:
                raise LabelError(
                    f"{where}: where {label!r} is true, {shortened(decided)} cannot be decided",
                    hint=_choices(can),
                )
            found[decided] = _number(where, f"deciding {decided!r} where {label!r} is true", cost)
        lacking = [decided for decided in can if decided not in row and decided != label]
        if lacking and default is None:
            what = f"deciding {lacking[0]!r} where {label!r} is true"
            if not group.exclusive:
                what = f"a {lacking[0].replace('_', ' ')} of {label!r}"
            raise UsageError(
                f"{name}, line {line_of(content, [*keys, label])}: it is not said what {what} costs",
                hint="say it; or say what every confusion costs that is not named: default: 1",
            )
        found |= {decided: default for decided in lacking if default is not None}
    return costs, ({} if look is None else {f"{group.name}:{label}": look for label in group.labels})


def _number(where: str, what: str, value: Any) -> float:
    if not is_cost(value):
        raise UsageError(
            f"{where}: {what} costs {shortened(value)}, which cannot be used",
            hint=f"a cost is a number from 0 to {MOST_COST:g}",
        )
    return float(value)


def _choices(names: Sequence[str]) -> str:
    return f"there is: {', '.join(names[:20])}{', ...' if len(names) > 20 else ''}"

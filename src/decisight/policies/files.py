"""Policies that stand in a YAML file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from decisight.errors import DecisightError, UsageError
from decisight.policies.parsing import has_setting, policy_from_section
from decisight.protocols import Policy
from decisight.registry import shortened
from decisight.types import Task
from decisight.yaml_file import SUFFIXES, Kind, line_of, read_yaml

__all__ = ["SUFFIXES", "read_policies"]

_EXAMPLE = "for example: {type: majority_vote, window: 5, required: 3, thresholds: {vest: 0.8}}"
_POLICIES = Kind("policy", "policies", _EXAMPLE)


def read_policies(
    path: Path, task: Task, defaults: Mapping[str, Any] | None = None, given: Mapping[str, Any] | None = None
) -> dict[str, Policy]:
    """Read a file that holds one policy for all label groups, or one for each.

    A policy is a mapping with its ``type`` and its settings. A file with a policy for each group maps the names of the
    groups to policies; ``default`` is the one of groups that it does not name. A threshold takes the place of another
    for the same label only: those of ``defaults`` for other labels stay.

    Args:
        path: the file.
        task: whose groups they are for.
        defaults: settings used where a section does not give them and its policy has them.
        given: settings that go before what a section says, where its policy has them.

    Returns:
        A policy by the name of each group.

    Raises:
        UsageError: the file cannot be read, is not YAML, or does not say what it should; names the line.
        MissingPartError: there is no policy of a name that it gives.
        LabelError: a policy has a setting for a label that the task does not have.
    """
    content = read_yaml(path, _POLICIES)
    if "type" in content:
        layers = (defaults or {}, content, given or {})
        return {group.name: _policy(path, layers, task, group.name, 1) for group in task.groups}
    names = [group.name for group in task.groups]
    for key in content:
        if key not in (*names, "default"):
            raise UsageError(
                f"{path}, line {line_of(content, [key])}: there is no label group {shortened(key)}, and no policy type",
                hint=f"name a type, {_EXAMPLE}; or give each of the groups {', '.join(names)} a policy",
            )
    found = {}
    for name in names:
        key = name if name in content else "default"
        if key not in content:
            raise UsageError(
                f"{path}: there is no policy for the label group {name!r}", hint="give it one, or give a default"
            )
        section, line = content[key], line_of(content, [key])
        if not isinstance(section, dict):
            raise UsageError(f"{path}, line {line}: {key} is no policy", hint=_EXAMPLE)
        found[name] = _policy(path, (defaults or {}, section, given or {}), task, name, line)
    return found


def _policy(path: Path, layers: Sequence[Mapping[str, Any]], task: Task, group: str, line: int) -> Policy:
    """A policy by what is said in defaults, in its section, and before all else, in this order."""
    defaults, section, given = (dict(layer) for layer in layers)
    try:
        name = str(section.get("type")).partition(":")[0].strip()
        first = {key: value for key, value in given.items() if "type" in section and has_setting(name, key)}
        thresholds = [layer["thresholds"] for layer in (defaults, section, first) if "thresholds" in layer]
        if "thresholds" in section | first:
            first["thresholds"] = _by_label(thresholds, task)
        policy = policy_from_section(section | first, defaults)
        policy.fold(task, group)
    except DecisightError as error:
        raise type(error)(f"{path}, line {line}: {error.message}", hint=error.hint) from error
    return policy


def _by_label(layers: Sequence[Any], task: Task) -> Any:
    """Thresholds, the later ones in place of the earlier for each label, all by ``group:label``.

    Returns:
        Those of one layer as they stand where they cannot be used, for whoever checks them to say so.

    Raises:
        LabelError: one is for a label that the task does not have, or that stands in two groups.
    """
    merged: dict[str, Any] = {}
    for layer in layers:
        if not isinstance(layer, Mapping) or not all(isinstance(label, str) for label in layer):
            return layer
        named = {f"{group.name}:{name}": layer[label] for label in layer for group, name in [task.find(label)]}
        if len(named) < len(layer):
            return layer
        merged |= named
    return merged

"""Policies as texts and sections of a configuration say them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from decisight.errors import UsageError
from decisight.policies import POLICIES
from decisight.protocols import Policy

__all__ = ["has_setting", "parse_policy", "policy_from_section"]


def parse_policy(text: str, settings: Mapping[str, Any] | None = None) -> Policy:
    """A policy as the command line gives it: its name, and after a colon its main settings.

        >>> parse_policy("majority_vote:3/5").window
        '5'
        >>> parse_policy("majority_vote", {"window": "2s", "thresholds": {"vest": 0.8}}).required
        3

    Args:
        text: ``NAME`` or ``NAME:SHORTHAND``; see each policy's ``shorthand``.
        settings: those that the shorthand does not say; those that the policy does not have are refused.

    Raises:
        MissingPartError: there is no policy of that name.
        UsageError: the settings are not understood or cannot be used.
    """
    name, colon, short = text.strip().partition(":")
    section = dict(settings or {})
    if colon:
        given = _short(name, short.strip())
        twice = sorted(given.keys() & section.keys())
        if twice:
            raise UsageError(f"{text!r} says {twice[0]}, which is given besides", hint="say it once")
        section |= given
    _refuse_booleans(name, section)
    return POLICIES.build(name, section)


def policy_from_section(section: Mapping[str, Any], defaults: Mapping[str, Any] | None = None) -> Policy:
    """A policy as a configuration gives it: ``type`` and its settings.

        >>> policy_from_section({"type": "consecutive", "required": 4}).required
        4

    Args:
        section: the name under ``type``, and a value for each setting that is not its default.
        defaults: settings used where the section does not give them and the policy has them.

    Raises:
        MissingPartError: there is no policy of that name.
        UsageError: there is no ``type``, or the settings cannot be used.
    """
    settings = dict(section)
    text = settings.pop("type", None)
    if not isinstance(text, str):
        raise UsageError("the policy has no type", hint=f"type: is one of {', '.join(POLICIES.names())}")
    name = text.partition(":")[0].strip()
    known = {key: value for key, value in (defaults or {}).items() if key not in settings and has_setting(name, key)}
    # What is said together, such as costs in one unit, is not made up of what is said here and of defaults.
    together = getattr(POLICIES.factory(name), "said_together", ())
    if not settings.keys().isdisjoint(together):
        known = {key: value for key, value in known.items() if key not in together}
    return parse_policy(text, known | settings)


def has_setting(name: str, setting: str) -> bool:
    """Whether the policy of that name has a setting.

    Raises:
        MissingPartError: there is no policy of that name.
    """
    return setting in _types(name)


def _types(name: str) -> dict[str, str]:
    """The settings of a policy, each with its type as it is written."""
    part = POLICIES.factory(name)
    return {field.name: str(field.type) for field in fields(part) if field.init} if is_dataclass(part) else {}


def _short(name: str, short: str) -> dict[str, Any]:
    part = POLICIES.factory(name)
    read = getattr(part, "from_shorthand", None)
    if read is None or not short:
        form = f"write it as {name}:{part.shorthand}" if read and hasattr(part, "shorthand") else "it has no short form"
        raise UsageError(f"the policy '{name}:{short}' is not understood", hint=form)
    return dict(read(short))


def _refuse_booleans(name: str, section: Mapping[str, Any]) -> None:
    """Refuse what YAML made a truth value of: ``yes`` for a label, or ``on`` for a number, which would pass for 1.

    Raises:
        UsageError: there is one where none belongs.
    """
    types = _types(name)
    for key, value in section.items():
        if "bool" in types.get(key, "bool"):
            continue
        if isinstance(value, Mapping) and any(isinstance(label, bool) for label in value):
            raise UsageError(
                f"policy {name!r}: {key} names a label without quotes that YAML takes for true or false",
                hint="put it in quotes, for example 'yes': 0.8",
            )
        for place, one in _parts(key, value):
            if isinstance(one, bool):
                raise UsageError(
                    f"policy {name!r}: {place} = {one} cannot be used",
                    hint="give a number; yes, no, on and off are none",
                )


def _parts(key: str, value: Any) -> list[tuple[str, Any]]:
    """A setting's values, each with where it stands."""
    if isinstance(value, Mapping):
        return [(f"{key}.{label}", one) for label, one in value.items()]
    if isinstance(value, list | tuple):
        return [(f"{key}.{at}", one) for at, one in enumerate(value)]
    return [(key, value)]

"""The JSON Schema of a site file, for editors that complete and check YAML as it is written."""

from __future__ import annotations

import inspect
import re
from dataclasses import fields, is_dataclass
from typing import Any

from pydantic import TypeAdapter
from pydantic.errors import PydanticUserError

from decisight.config.sections import SiteSection
from decisight.errors import MissingPartError
from decisight.gates import GATES
from decisight.policies import POLICIES
from decisight.registry import Registry
from decisight.sinks import SINKS
from decisight.sources import SOURCES

__all__ = ["site_schema"]


def site_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of a site file, with the settings of every part that is installed."""
    schema = SiteSection.model_json_schema()
    definitions = schema["$defs"]
    camera, watch = definitions["CameraSection"]["properties"], definitions["WatchSection"]["properties"]
    camera["source"] |= _one_of(definitions, SOURCES)
    camera["gates"] |= {"anyOf": [{"type": "array", "items": _one_of(definitions, GATES)}, {"type": "null"}]}
    policy = _one_of(definitions, POLICIES, shorthands=True)
    watch["policy"] |= {"anyOf": [policy, {"type": "string"}, {"type": "null"}]}
    schema["properties"]["sinks"] |= {"additionalProperties": _one_of(definitions, SINKS)}
    # What is said of it without knowing the parts.
    for key in ("type", "additionalProperties"):
        camera["source"].pop(key, None)
    for section in (schema, *definitions.values()):
        for one in (section, *section["properties"].values()):
            if "description" in one:
                one["description"] = _readable(one["description"])
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def _one_of(definitions: dict[str, Any], registry: Registry[Any], *, shorthands: bool = False) -> dict[str, Any]:
    """Any part of a kind; each becomes a definition of its own.

    Args:
        definitions: where to.
        registry: the parts.
        shorthands: whether a type may say the main settings too, after a colon.
    """
    names = []
    for name in registry.names():
        try:
            section = _part(registry, name)
        except (MissingPartError, PydanticUserError):  # another package's, which says nothing that can be shown
            section = {"type": "object", "properties": {"type": {"const": name}}, "required": ["type"]}

        if shorthands:
            short = {"type": "string", "pattern": f"^{re.escape(name)} *:"}
            section["properties"]["type"] |= {"anyOf": [{"const": section["properties"]["type"].pop("const")}, short]}
        for inner, definition in section.pop("$defs", {}).items():
            definitions.setdefault(inner, definition)
        key = f"{registry.kind}.{name}"
        definitions[key] = section
        names.append({"$ref": f"#/$defs/{key}"})
    return {"anyOf": names} if names else {"type": "object"}


def _part(registry: Registry[Any], name: str) -> dict[str, Any]:
    """The section of a part: its type, and its fields with what its documentation says of each."""
    part = registry.factory(name)
    section: dict[str, Any] = {"type": "object", "properties": {}}
    if is_dataclass(part):
        section = TypeAdapter(part).json_schema()
        told = _told(part)
        wanted = {field.name for field in fields(part) if field.init}
        section["properties"] = {
            key: value | ({"description": told[key]} if key in told else {})
            for key, value in section.get("properties", {}).items()
            if key in wanted
        }
    _forget_unused(section)
    kind = {"const": name, "description": f"Which {registry.kind} it is."}
    section["properties"] = {"type": kind, **section["properties"]}
    section["required"] = ["type", *section.get("required", [])]
    section["description"] = (inspect.getdoc(part) or name).split("\n\n")[0].replace("\n", " ")
    return section | {"additionalProperties": False}


def _forget_unused(section: dict[str, Any]) -> None:
    """Without the definitions of what is none of its settings."""
    known = section.pop("$defs", {})
    used: dict[str, Any] = {}
    wanted = _references(section)
    while wanted:
        name = wanted.pop()
        if name in known and name not in used:
            used[name] = known[name]
            wanted |= _references(known[name])
    if used:
        section["$defs"] = used


def _references(value: Any) -> set[str]:
    """The names of the definitions that a part of a schema refers to."""
    if isinstance(value, dict):
        own = {str(value["$ref"]).rpartition("/")[2]} if "$ref" in value else set()
        return own.union(*map(_references, value.values()))
    return set().union(*map(_references, value)) if isinstance(value, list) else set()


def _readable(text: str) -> str:
    """A text of the documentation as editors show it: on one line, without marks."""
    return re.sub(r":\w+:`~?\.?([^`]+)`", r"\1", " ".join(text.split())).replace("``", "")


def _told(part: Any) -> dict[str, str]:
    """What the documentation of a part, and of what it builds on, says of each field."""
    told: dict[str, str] = {}
    for kind in reversed(getattr(part, "__mro__", (part,))):
        text = inspect.cleandoc(kind.__doc__ or "")
        _, _, arguments = text.partition("\nArgs:\n")
        for found in re.finditer(r"^ {4}(\w+): (.+?)(?=^ {4}\w+: |^\S|\Z)", arguments, re.MULTILINE | re.DOTALL):
            if not found[2].startswith("see :class:"):
                said = _readable(found[2])
                told[found[1]] = said[:1].upper() + said[1:]
    return told

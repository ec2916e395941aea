"""The JSON Schema of a site file says what reading one says."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any

import pytest
from ruamel.yaml import YAML

from decisight.config import DEFAULT_GATES, DEFAULT_POLICY, site_schema
from decisight.gates import GATES
from decisight.policies import POLICIES
from decisight.registry import Registry
from decisight.sinks import SINKS
from decisight.sources import SOURCES

jsonschema = pytest.importorskip("jsonschema")


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    return site_schema()


@pytest.fixture
def site(site_text: str) -> dict[str, Any]:
    values: dict[str, Any] = YAML(typ="safe", pure=True).load(site_text)
    return values


def problems(schema: dict[str, Any], values: Any) -> list[Any]:
    return list(jsonschema.Draft202012Validator(schema).iter_errors(values))


def sections(value: Any, way: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every schema within one that has properties."""
    if isinstance(value, dict):
        if isinstance(value.get("properties"), dict):
            yield way, value
        for key, one in value.items():
            yield from sections(one, f"{way}/{key}")
    elif isinstance(value, list):
        for at, one in enumerate(value):
            yield from sections(one, f"{way}/{at}")


def test_it_is_one(schema: dict[str, Any]) -> None:
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"


def test_whatever_may_be_said_is_explained(schema: dict[str, Any]) -> None:
    found = dict(sections(schema))
    assert len(found) > 15
    for way, section in found.items():
        assert section["additionalProperties"] is False, way
        assert section["description"], way
        for name, one in section["properties"].items():
            text = one.get("description", "")
            assert text, f"{way}: {name}"
            # Editors show it as it is.
            assert not re.search(r":\w+:`|``|\n|  ", text), f"{way}: {name}: {text}"


def test_nothing_is_defined_that_is_not_used(schema: dict[str, Any]) -> None:
    used = set(re.findall(r"'\$ref': '#/\$defs/([^']+)'", repr(schema)))
    assert used == set(schema["$defs"])


def test_it_takes_a_site_file_that_can_be_used(schema: dict[str, Any], site: dict[str, Any]) -> None:
    assert problems(schema, site) == []
    camera = site["cameras"]["gate-1"]
    camera["gates"] = [dict(gate) for gate in DEFAULT_GATES]
    camera["watch"] = [
        {"policy": dict(DEFAULT_POLICY)},
        {"policy": "majority_vote:3/5"},
        {"policy": {"type": "majority_vote:3/5", "min_dwell": "2s"}},
        {"policy": None},
        {},
    ]
    camera["fps"] = None
    site["retention"]["evidence"]["confirmed"] = {"age": "1d", "size": "20GB"}
    site["sinks"] = {"lines": {"type": "jsonl", "path": "events.jsonl"}}
    assert problems(schema, site) == []


def test_only_the_limit_of_pictures_that_holds_by_default_may_be_switched_off(
    schema: dict[str, Any], site: dict[str, Any]
) -> None:
    site["retention"]["evidence"] = {"default": None, "false_alarm": "2d"}
    assert problems(schema, site) == []
    site["retention"]["evidence"] = {"false_alarm": None}
    assert problems(schema, site)


PARTS: list[tuple[Registry[Any], str]] = [
    (registry, name) for registry in (SOURCES, GATES, POLICIES, SINKS) for name in registry.names()
]


def with_part(site: dict[str, Any], registry: Registry[Any], section: dict[str, Any]) -> dict[str, Any]:
    camera = site["cameras"]["gate-1"]
    if registry is SOURCES:
        camera["source"] = section
    elif registry is GATES:
        camera["gates"] = [section]
    elif registry is POLICIES:
        camera["watch"] = [{"policy": section}]
    else:
        site["sinks"] = {"one": section}
    return site


@pytest.mark.parametrize(("registry", "name"), PARTS, ids=[f"{r.kind}.{n}" for r, n in PARTS])
class TestParts:
    def test_all_its_settings_are_known(
        self, schema: dict[str, Any], registry: Registry[Any], name: str, site: dict[str, Any]
    ) -> None:
        part: Any = registry.factory(name)
        assert is_dataclass(part)
        section = schema["$defs"][f"{registry.kind}.{name}"]
        settings = {field.name for field in fields(part) if field.init}
        assert set(section["properties"]) == {"type"} | settings
        # Its own defaults are taken, as far as the schema tells them.
        given = {key: "x" for key in section["required"] if key != "type"}
        given |= {key: one["default"] for key, one in section["properties"].items() if "default" in one}
        assert problems(schema, with_part(site, registry, {"type": name, **given})) == []

    def test_one_that_it_has_not_is_refused(
        self, schema: dict[str, Any], registry: Registry[Any], name: str, site: dict[str, Any]
    ) -> None:
        required = schema["$defs"][f"{registry.kind}.{name}"]["required"]
        section = {"type": name, **{key: "x" for key in required if key != "type"}}
        assert problems(schema, with_part(site, registry, section)) == []
        assert problems(schema, with_part(site, registry, section | {"colour": 1}))


@pytest.mark.parametrize(
    "way",
    [
        (),
        ("models", "gear"),
        ("cameras", "gate-1"),
        ("cameras", "gate-1", "source"),
        ("cameras", "gate-1", "regions", "gate"),
        ("cameras", "gate-1", "watch", 0),
        ("cameras", "gate-1", "watch", 0, "policy"),
        ("retention",),
    ],
)
def test_a_key_that_is_not_known_is_refused(
    schema: dict[str, Any], site: dict[str, Any], way: tuple[str | int, ...]
) -> None:
    here: Any = site
    for key in way:
        here = here[key]
    here["colour"] = 1
    assert problems(schema, site)


@pytest.mark.parametrize(
    ("way", "value"),
    [
        (("cameras", "gate-1", "fps"), 0),
        (("cameras", "gate-1", "fps"), "5"),
        (("cameras", "gate-1", "watch"), []),
        (("cameras", "gate-1", "source", "type"), "vidio"),
        (("cameras", "gate-1", "watch", 0, "policy"), 3),
        (("cameras",), {}),
        (("models",), {}),
        (("retention", "readings"), 30),
        (("site",), None),
    ],
)
def test_values_that_cannot_be_used_are_refused(
    schema: dict[str, Any], site: dict[str, Any], way: tuple[str | int, ...], value: Any
) -> None:
    here: Any = site
    for key in way[:-1]:
        here = here[key]
    here[way[-1]] = value
    assert problems(schema, site)

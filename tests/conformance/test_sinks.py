"""What every sink must keep to: run over all that are registered.

A new sink that writes to a file is covered by saying in ``PLACES`` what its configuration is; one that reaches
something else needs a stand-in for it there.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, Literal

import pytest

from decisight.errors import OutputError, UsageError
from decisight.protocols import Sink
from decisight.sinks import SINKS
from decisight.types import Event, EventChange

Place = tuple[Mapping[str, Any], Callable[[], list[dict[str, Any]]]]


def _jsonl(folder: Path) -> Place:
    path = folder / "events.jsonl"

    def read() -> list[dict[str, Any]]:
        return [json.loads(line) for line in path.read_text("utf-8").splitlines()] if path.exists() else []

    return {"path": str(path)}, read


PLACES: dict[str, Callable[[Path], Place]] = {"jsonl": _jsonl}
"""By the name of each sink: its configuration in a folder, and what has arrived, as a change's ``to_json`` has it."""

UNREACHABLE: dict[str, Callable[[Path], Mapping[str, Any]]] = {
    "jsonl": lambda folder: {"path": str(folder / "none" / "events.jsonl")}
}
"""A configuration by which nothing can be reported now."""

every_sink = pytest.mark.parametrize("name", SINKS.names())


def changes() -> list[EventChange]:
    """Two events, opened and closed."""
    found = []
    for number in (1, 2):
        values: dict[str, Any] = {
            "event_id": f"{number:032x}",
            "site": "works",
            "camera": "gate",
            "region": "bay",
            "model": "doors",
            "group": "class",
            "state": "open",
            "start_time": 1_700_000_000.123456,
            "end_time": None,
            "duration": 0.0,
            "confidence": 1 / 3,
            "least_confidence": 0.1,
            "readings": 1,
            "why": 'it was "seen" twice, é\n',
        }
        kinds: tuple[tuple[Literal["opened", "closed"], dict[str, Any]], ...] = (
            ("opened", {}),
            ("closed", {"end_time": 1_700_000_009.0, "ended_by": "shut"}),
        )
        found += [EventChange(kind, Event(**(values | more))) for kind, more in kinds]
    return found


@pytest.fixture
def sink(name: str, tmp_path: Path) -> tuple[Callable[[], Sink], Callable[[], list[dict[str, Any]]]]:
    """Builds the sink, as often as is wanted; and what has arrived."""
    given, read = PLACES[name](tmp_path)
    return lambda: SINKS.build(name, given), read


@every_sink
def test_it_is_tried_here(name: str) -> None:
    assert name in PLACES
    assert name in UNREACHABLE


@every_sink
def test_it_is_what_it_is_registered_as(name: str) -> None:
    part = SINKS.factory(name)
    assert is_dataclass(part)
    assert part.name == name  # type: ignore[attr-defined]
    assert part.__doc__
    assert "name" not in {field.name for field in fields(part)}
    with pytest.raises(UsageError, match=r"nonsense"):
        SINKS.build(name, {"nonsense": 1})


@every_sink
def test_building_it_reaches_for_nothing(name: str, tmp_path: Path) -> None:
    SINKS.build(name, PLACES[name](tmp_path)[0]).close()
    SINKS.build(name, UNREACHABLE[name](tmp_path)).close()
    assert not list(tmp_path.iterdir())


@every_sink
def test_what_is_written_arrives_in_order(name: str, sink: Any) -> None:
    build, read = sink
    part = build()
    for change in changes():
        part.write(change)
    # It is there when write returns, not when it is closed.
    assert read() == [change.to_json() for change in changes()]
    part.close()


@every_sink
def test_a_change_is_taken_once(name: str, sink: Any) -> None:
    build, read = sink
    part = build()
    for change in [*changes()[:3], *changes(), changes()[0]]:
        part.write(change)
    part.close()
    # After a crash it is another one that is given them again.
    again = build()
    for change in changes():
        again.write(change)
    again.close()
    assert read() == [change.to_json() for change in changes()]


@every_sink
def test_what_cannot_be_reported_now_is_an_error_each_time(name: str, tmp_path: Path) -> None:
    part = SINKS.build(name, UNREACHABLE[name](tmp_path))
    for _ in range(2):
        with pytest.raises(OutputError) as caught:
            part.write(changes()[0])
        assert caught.value.hint is not None
    part.close()
    part.close()

"""``decisight schema``: to standard output, or to a file that is written whole."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from decisight.config import site_schema


@pytest.mark.parametrize("arguments", [(), ("--output", "-")])
def test_it_is_printed(run, arguments: tuple[str, ...]) -> None:  # type: ignore[no-untyped-def]
    result = run("schema", *arguments)
    assert result.status == 0
    assert json.loads(result.out) == site_schema()


def test_it_is_written(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "site.schema.json"
    result = run("schema", "-o", path)
    assert (result.status, json.loads(path.read_text())) == (0, site_schema())
    assert f"# yaml-language-server: $schema={path}" in result.out + result.err
    assert list(tmp_path.iterdir()) == [path]


def test_where_it_cannot_be_written(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    result = run("schema", "-o", tmp_path / "none" / "site.schema.json")
    assert (result.status, result.out) == (2, "")
    assert "error: " in result.err
    assert list(tmp_path.iterdir()) == []

"""What docs/live.md shows can be used, and what it lists is what there is."""

from __future__ import annotations

import ast
import dataclasses
import re
from pathlib import Path

import pytest

from decisight.config import read_site
from decisight.sources import SOURCES

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/live.md").read_text("utf-8")


def test_its_examples_can_be_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATE_PASSWORD", "canary")
    (tmp_path / "gate-2.password").write_text("canary", "utf-8")
    (example,) = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    path = tmp_path / "site.yaml"
    path.write_text("site: plant\nmodels: {gear: {path: gear.onnx}}\n" + example, "utf-8")
    site = read_site(path)
    assert {site.source(name).name for name in site.section.cameras} == {"camera", "snapshot"}
    for name in site.section.cameras:
        assert site.source(name).facts().title


def test_it_names_every_setting() -> None:
    for name in ("camera", "snapshot"):
        settings = {field.name for field in dataclasses.fields(SOURCES.factory(name))}  # type: ignore[arg-type]
        assert {setting for setting in settings if f"`{setting}`" not in PAGE} == set()


def test_it_names_every_cause() -> None:
    causes = set()
    for path in (ROOT / "src/decisight/sources").glob("*.py"):
        if not re.match(r"camera|snapshot|http_request|newest", path.name):
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) in (
                "AwayError",
                "leave",
            ):
                causes |= {one.value for one in node.args if isinstance(one, ast.Constant)}
            elif isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") in (
                "cause",
                "NO_PICTURES",
                "DAMAGED",
                "UNDECODABLE",
                "LATE",
                "_NO_STREAM",
            ):
                causes |= {one.value for one in ast.walk(node.value) if isinstance(one, ast.Constant)}
            elif isinstance(node, ast.Return) and isinstance(node.value, ast.Tuple) and len(node.value.elts) == 2:
                second = node.value.elts[1]
                causes |= {second.value} if isinstance(second, ast.Constant) else set()
    texts = {cause for cause in causes if isinstance(cause, str)}
    assert len(texts) > 15
    assert {cause for cause in texts if f"`{cause}`" not in PAGE} == set()

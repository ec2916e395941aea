"""A site file to make mistakes in."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from decisight.config import Site, read_site

SITE = """\
site: plant-7
timezone: Europe/Berlin
store: sqlite:///plant-7.db
models: {gear: {path: gear.onnx}}
cameras:
  gate-1:
    source: {type: video, path: clips/gate-1.mp4}
    fps: 5
    regions:
      gate: {polygon: [[0.1, 0.2], [0.5, 0.2], [0.5, 0.9], [0.1, 0.9]]}
    watch:
      - {region: gate, model: gear, group: vest, policy: {type: majority_vote, window: 5, required: 3,
         thresholds: {vest: 0.8}, fallback: unknown}}
retention: {readings: 30d, evidence: {default: 30d, false_alarm: 2d}}
"""


@pytest.fixture
def site_text() -> str:
    """The text of a site file that can be used."""
    return SITE


@pytest.fixture
def read(tmp_path: Path) -> Callable[[str], Site]:
    """Read the text of a site file."""

    def text(content: str) -> Site:
        path = tmp_path / "plant.yaml"
        path.write_text(content, "utf-8")
        return read_site(path)

    return text

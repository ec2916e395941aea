"""The tutorial, word for word: from a camera and nothing else to a state that is watched, over the real commands."""

from __future__ import annotations

import csv
import json
import re
from collections import Counter
from datetime import datetime
from pathlib import Path

import pytest
from tests.browser import Browsing, served
from tests.test_docs import ROOT, Command, check_printed, commands_in, is_run, run

from decisight.config import read_site
from decisight.sources.rendered.shift import Shift
from decisight.sources.rendered_camera import DEFAULT_START

PAGE = ROOT / "docs/tutorial.md"
BLOCK = re.compile(r"^```(yaml|console)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
SHIFT = Shift(7, trouble=0.2)
"""What the camera of the page shows, and so what is true."""
BEGIN = datetime.fromisoformat(DEFAULT_START).timestamp()
LABELS = ("operator", "supervisor", "visitor", "nobody")
SITE = Path("gate.yaml")
SHORTER = "seconds: 300", "seconds: 210"
"""A part of what is watched at the end is enough here: drawing it takes most of the time."""
DRAWN = "    regions:\n      gate: {polygon: [[0.05, 0], [0.95, 0], [0.95, 1], [0.05, 1]]}\n"
"""What drawing adds to the site file of the first step."""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def true_label(time: str) -> str:
    """Who is at the gate at a moment, in ISO 8601."""
    return str(SHIFT.truth(datetime.fromisoformat(time).timestamp() - BEGIN)["role"])


def rows() -> list[dict[str, str]]:
    with Path("crops/metadata.csv").open(newline="", encoding="utf-8") as table:
        return list(csv.DictReader(table))


def draw(command: Command, windows: Browsing) -> None:
    """Draw the region as a box, name it and save it, as the page says."""
    windows.forgiven = ["WebSocket", "ERR_CONNECTION"]
    with served(*command.line.split()[1:], "--no-browser") as page:
        window = windows.open(page.address)
        window.locator(".dr-fit img").wait_for()
        window.get_by_role("button", name="New box", exact=True).click()
        picture = window.locator(".dr-svg").bounding_box()
        assert picture is not None
        across = (picture["x"] + 0.05 * picture["width"], picture["x"] + 0.95 * picture["width"])
        window.mouse.move(across[0], picture["y"] + 1)
        window.mouse.down()
        window.mouse.move(across[1], picture["y"] + picture["height"] - 1, steps=5)
        window.mouse.up()
        window.get_by_label("Name of region 1").fill("gate")
        window.keyboard.press("Tab")
        window.get_by_role("button", name="Save", exact=True).click()
        window.get_by_text(f"Written to {SITE}").first.wait_for()
        window.context.close()
    left, top, right, bottom = read_site(SITE).regions("gate-1")["gate"].bounds(1000, 1000)
    assert (left, right) == (pytest.approx(50, abs=6), pytest.approx(950, abs=6))
    assert (top, bottom) == (pytest.approx(0, abs=6), pytest.approx(1000, abs=6))


def label(command: Command, windows: Browsing) -> None:
    """Label all pictures with keys, as the page says."""
    with served(*command.line.split()[1:], "--no-browser") as page:
        window = windows.open(page.address)
        window.locator(".dl-picture img").first.wait_for()
        for pressed, row in enumerate(rows(), 1):
            window.keyboard.press(str(LABELS.index(true_label(row["time"])) + 1))
            window.locator(f'.dl-page[data-heard="{pressed}"]').wait_for()
        window.context.close()
    assert [row["role"] for row in rows()] == [true_label(row["time"]) for row in rows()]


@pytest.mark.timeout(600)
def test_the_tutorial_leads_from_a_camera_to_events(here: Path, browsing: Browsing) -> None:
    written: list[str] = []
    for kind, text in BLOCK.findall(PAGE.read_text("utf-8")):
        if kind == "yaml":
            written.append(text)
            SITE.write_text(text.replace(*SHORTER), "utf-8")
            continue
        for command in commands_in(text):
            if command.line.startswith("decisight region "):
                draw(command, browsing)
            elif command.line.startswith("decisight label "):
                label(command, browsing)
            elif is_run(command):
                outcome = run(command.line)
                assert outcome.status == command.status, f"{command.line}:\n{outcome.err}"
                check_printed(command, outcome)
    first, drawn, _ = written
    assert drawn == first + DRAWN
    told = run("decisight events gate.yaml --json")
    assert told.status == 0
    states = Counter(event["state"] for event in json.loads(told.out)["events"])
    assert set(states) == {"operator", "supervisor", "visitor"}
    assert sum(states.values()) > 8

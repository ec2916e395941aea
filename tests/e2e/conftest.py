"""Sites that are watched by the real command, on clips that are made here."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.clips import BRIGHT, DARK, write_clip


def random_levels(frames: int, seed: int = 5) -> list[int]:
    """Bright and dark stretches of half a second to three seconds."""
    random = np.random.default_rng(seed)
    levels: list[int] = []
    while len(levels) < frames:
        levels += [BRIGHT if len(levels) % 2 or not levels else DARK] * int(random.integers(5, 30))
        levels += [DARK] * int(random.integers(5, 30))
    return levels[:frames]


@dataclass
class WatchedSite:
    """A site in a folder of its own."""

    folder: Path
    values: dict[str, Any] = field(default_factory=dict)

    @property
    def path(self) -> Path:
        return self.folder / "site.yaml"

    def write(self) -> WatchedSite:
        """JSON is YAML."""
        self.path.write_text(json.dumps(self.values), "utf-8")
        return self

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """``decisight watch`` as a process of its own."""
        return subprocess.Popen(
            [sys.executable, "-m", "decisight", "watch", str(self.path), *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )

    def command(self, name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "decisight", name, str(self.path), *arguments],
            capture_output=True,
            text=True,
            check=False,
        )

    def reported(self) -> list[dict[str, Any]]:
        """What the sink has been told; a line that was cut off by a crash is left out."""
        path = self.folder / "events.jsonl"
        text = path.read_text("utf-8") if path.exists() else ""
        return [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]

    def stored(self) -> list[dict[str, Any]]:
        done = self.command("events", "--json", "--limit", "100000")
        assert done.returncode == 0, done.stderr
        events: list[dict[str, Any]] = json.loads(done.stdout)["events"]
        return events


def told(events: Sequence[dict[str, Any]]) -> list[tuple[Any, ...]]:
    """What of events does not depend on the store that they are in."""
    kept = (
        "change",
        "camera",
        "region",
        "group",
        "state",
        "start_time",
        "end_time",
        "duration",
        "confidence",
        "readings",
    )
    return [tuple(event.get(key) for key in kept) for event in events]


@pytest.fixture
def site(tmp_path: Path, small_model: Path) -> WatchedSite:
    """A site with one camera ``gate``, whose clip is bright (``cat``) and dark (``dog``) in turn."""
    write_clip(tmp_path / "gate.mp4", random_levels(600))
    return WatchedSite(
        tmp_path,
        {
            "site": "plant",
            "store": "sqlite:///plant.db",
            "models": {"light": {"path": str(small_model)}},
            "cameras": {
                "gate": {
                    "source": {"type": "video", "path": "gate.mp4", "start": "2026-05-04T06:00:00Z"},
                    "fps": None,
                    "gates": [],
                    "watch": [{"model": "light", "policy": "majority_vote:3/5"}],
                }
            },
            "sinks": {"log": {"type": "jsonl", "path": "events.jsonl"}},
            "chain": {"heads": "heads.jsonl"},
        },
    ).write()


@pytest.fixture
def ended() -> Iterator[list[subprocess.Popen[str]]]:
    """Processes that are put into it are ended with the test."""
    running: list[subprocess.Popen[str]] = []
    yield running
    for process in running:
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
        process.communicate()

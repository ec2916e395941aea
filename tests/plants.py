"""Sites to watch in a test: cameras that give what they are told to, and a store in the test's folder."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.clips import BRIGHT, DARK

__all__ = ["LEVELS", "SiteFile", "changes"]

LEVELS = [BRIGHT] * 20 + [DARK] * 20
"""At ten pictures a second two seconds of a ``cat`` and two of a ``dog``."""


def changes(text: str) -> list[dict[str, Any]]:
    """Events that are told one a line."""
    return [json.loads(line) for line in text.splitlines()]


@dataclass
class SiteFile:
    """A site of scripted cameras, in a folder of its own."""

    folder: Path
    model: Path
    values: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.values = {
            "site": "plant",
            "store": "sqlite:///plant.db",
            "models": {"light": {"path": str(self.model)}},
            "cameras": {},
            "sinks": {"log": {"type": "jsonl", "path": "events.jsonl"}},
            "evidence": {"keep": []},
        }

    def camera(self, name: str, levels: Sequence[int] = LEVELS, policy: str = "majority_vote:3/5", **more: Any) -> None:
        source = {"type": "scripted", "levels": list(levels), "identity": name} | more.pop("source", {})
        watch = {"policy": policy} | more.pop("watch", {})
        self.values["cameras"][name] = {"source": source, "fps": None, "gates": [], "watch": [watch], **more}

    @property
    def path(self) -> Path:
        return self.folder / "site.yaml"

    def write(self) -> Path:
        self.path.write_text(json.dumps(self.values), "utf-8")
        return self.path

    def event(self, camera: str = "gate", state: str = "cat") -> str:
        """The identity of the first event of a camera and state that was reported."""
        return next(str(e["event_id"]) for e in self.reported() if (e["camera"], e["state"]) == (camera, state))

    def reported(self, name: str = "events.jsonl") -> list[dict[str, Any]]:
        path = self.folder / name
        return changes(path.read_text("utf-8")) if path.exists() else []

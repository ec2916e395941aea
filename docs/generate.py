"""Writes the generated parts of the documentation anew.

``docs/cli.md``, from the help of the commands themselves; and what stands in ``docs/decide.md`` between
``<!-- report: NAME -->`` and ``<!-- end of report -->``, from ``benchmarks/results/sequences.json``; and the same of
``docs/backtest.md``, from ``benchmarks/results/backtest.json``.

python docs/generate.py             # write what is stale
python docs/generate.py --check     # write nothing; status 1 if something is stale
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

import typer.main

from decisight.cli import main as decisight
from decisight.cli.app import app
from decisight.cli.entry import DEBUG_VARIABLE, Status
from decisight.compute import RUNTIME_VARIABLE, THREADS_VARIABLE

__all__ = ["cli_page", "command_names", "layout_version", "main", "reported_page", "stale"]

DOCS = Path(__file__).resolve().parent
SEQUENCES = DOCS.parent / "benchmarks/results/sequences.json"
"""What ``benchmarks/sequences.py`` has measured."""
BACKTEST = DOCS.parent / "benchmarks/results/backtest.json"
"""What ``benchmarks/backtest.py`` has measured."""
WIDTH = 80
"""Characters in a line of help, whatever the terminal that the page is written from."""

GUIDES = {
    "train": "[Train a model](train.md)",
    "predict": "[Predict and decide](predict.md)",
    "decide": "[Decide from several pictures](decide.md)",
    "evaluate": "[See how far a model can be trusted](evaluate.md)",
    "info": "[The model file](model-file.md)",
    **dict.fromkeys(("watch", "check", "schema"), "[Watch](watch.md)"),
    **dict.fromkeys(("events", "mark", "replay", "verify", "retain"), "[The store](store.md)"),
    "backtest": "[Back-test](backtest.md)",
    "doctor": "[Troubleshooting](troubleshooting.md)",
}
"""The page that explains a command at length, where there is one."""

VARIABLES = {
    THREADS_VARIABLE: "How many threads to compute with, where `--threads` does not say: 1 to 9999.",
    RUNTIME_VARIABLE: "What computes, where `--runtime` does not say: `NAME` or `NAME:PRECISION`.",
    DEBUG_VARIABLE: "Anything but `0` lets tracebacks through, as `--debug` does.",
}

_LEFT = "No file is left half-written, but JSON Lines may end early."

MEANINGS = {
    Status.DONE: "Done.",
    Status.SOME_FAILED: "`predict`: done, but some pictures could not be read, or an argument named none. `doctor`: "
    "something is wrong. `watch`: a camera could not be watched to its end. `check`, `replay`, `verify`: something is "
    "not as it should be. `backtest`: worse than required. `compare`: what is required was not found.",
    Status.REFUSED: "An argument, a model, data or a place to write to cannot be used. Mostly this shows before "
    "any work. Where a disk fills up on the way, files that were complete by then stay, and JSON Lines end early.",
    Status.BROKEN: "A mistake in Decisight itself. Please report it.",
    Status.INTERRUPTED: f"Interrupted by Ctrl-C. {_LEFT}",
    Status.READER_GONE: "Who read the output closed it, as `head` does.",
    Status.HUNG_UP: f"Ended by SIGHUP: the terminal was closed. {_LEFT}",
    Status.TERMINATED: f"Ended by SIGTERM. {_LEFT}",
}


def command_names() -> tuple[str, ...]:
    """The names of all commands, in the order in which the help lists them."""
    return tuple(typer.main.get_group(app).commands)


def layout_version() -> str:
    """The version, major and minor, of the library that lays out the help: another one may lay it out otherwise."""
    return ".".join(metadata.version("typer").split(".")[:2])


def cli_page() -> str:
    """The text of ``docs/cli.md``."""
    return "\n".join(_cli_lines()) + "\n"


def reported_page(text: str, measured: Mapping[str, Any]) -> str:
    """The text of a page with reports, ``docs/decide.md`` or ``docs/backtest.md``.

    Args:
        text: as it stands.
        measured: what its reports are of: the content of a file in ``benchmarks/results``.
    """

    def written(found: re.Match[str]) -> str:
        return f"{found[1]}\n" + "\n".join(_REPORTS[found[2]](measured)) + f"\n\n{found[3]}"

    return _REPORT.sub(written, text)


def stale() -> dict[Path, str]:
    """The generated files that are not as they should be, with the text that they should have."""
    wanted = {DOCS / "cli.md": cli_page()}
    for name, results in (("decide.md", SEQUENCES), ("backtest.md", BACKTEST)):
        page = DOCS / name
        if page.is_file():
            measured = json.loads(results.read_text(encoding="utf-8"))
            wanted[page] = reported_page(page.read_text(encoding="utf-8"), measured)
    return {
        path: text for path, text in wanted.items() if not path.is_file() or path.read_text(encoding="utf-8") != text
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the generated pages, or say which are stale.

    Returns:
        The exit status: 0, or 1 where ``--check`` found something stale.
    """
    parser = argparse.ArgumentParser(description="Write the generated parts of the documentation.")
    parser.add_argument("--check", action="store_true", help="write nothing; end with status 1 if something is stale")
    check = parser.parse_args(arguments).check
    found = stale()
    for path, text in found.items():
        name = path.relative_to(DOCS.parent)
        if check:
            sys.stderr.write(f"{name} is stale; write it anew with: make docs\n")
        else:
            path.write_text(text, encoding="utf-8", newline="\n")
            sys.stdout.write(f"wrote {name}\n")
    return 1 if check and found else 0


def _cli_lines() -> Iterator[str]:
    yield "# The command line"
    yield ""
    yield "<!-- Written by docs/generate.py from the commands' own help; change that, then run `make docs`. -->"
    yield f"<!-- Laid out by typer {layout_version()}. -->"
    yield ""
    yield "Every command explains itself with `--help`; this page is those texts. Results go to standard output. What"
    yield "is wrong goes to standard error, with a hint on a line of its own."
    yield ""
    for name in ("", *command_names()):
        yield f"## decisight {name}".rstrip()
        yield ""
        if name in GUIDES:
            yield f"At length: {GUIDES[name]}."
            yield ""
        yield "```text"
        yield _help_of(name)
        yield "```"
        yield ""
    yield "## Environment variables"
    yield ""
    yield "| variable | what it does |"
    yield "| --- | --- |"
    yield from (f"| `{name}` | {meaning} |" for name, meaning in VARIABLES.items())
    yield ""
    yield "## Exit status"
    yield ""
    yield "| status | meaning |"
    yield "| --- | --- |"
    yield from (f"| {status.value} | {MEANINGS[status]} |" for status in Status)


_REPORT = re.compile(r"(<!-- report: (\w+) -->\n).*?(<!-- end of report -->)", re.DOTALL)


def _policies(measured: Mapping[str, Any]) -> Iterator[str]:
    rows = measured["policies"]
    alone = next(iter(rows.values()))
    wrong = _percent(1.0 - _right(alone, ""))
    yield f"{alone['images']} pictures with {alone['transitions']} true changes; one by one, {wrong} are wrong."
    yield ""
    heads = ("policy", "extra changes", "of single", "right off changes", "false", "if independent", "median delay")
    yield f"| {' | '.join((*heads, 'never seen'))} |"
    yield "| --- | --- | --- | --- | --- | --- | --- | --- |"
    for title, row in rows.items():
        name, comma, more = title.partition(", ")
        policy = f"`{name}`" if ":" in name else name
        delay = row["median_delay_seconds"]
        cells = (
            f"{policy}{comma}{more}",
            str(row["excess_flips"]),
            _percent(row["excess_flips"] / alone["excess_flips"], 0),
            _percent(_right(row, "_off_edges")),
            _percent(row["false_decisions"]["value"]),
            _percent(row["false_decisions_if_independent"]),
            "-" if delay is None else f"{delay:.1f} s",
            f"{row['missed']} of {row['transitions']}",
        )
        yield f"| {' | '.join(cells)} |"


def _stated_errors(measured: Mapping[str, Any]) -> Iterator[str]:
    found = [task["correlation"] for task in measured["tasks"].values()]
    yield f"Measured on each of the sets the correlation is {min(found):.2f} to {max(found):.2f}; the default is 0.5."
    yield ""
    heads = (
        "stated",
        "correlation",
        "wrong of decided",
        "within 3 standard errors",
        "decided",
        "pictures per decision",
    )
    yield f"| {' | '.join((*heads, 'per sequence', '3 of 5: wrong', 'per decision'))} |"
    yield "| --- | --- | --- | --- | --- | --- | --- | --- | --- |"
    for row in measured["stated_errors"]:
        within = row["wrong_of_decided"] <= row["stated"] + 3.0 * row["standard_error"]
        cells = (
            _percent(row["stated"], 0),
            row["correlation"],
            _percent(row["wrong_of_decided"]),
            "yes" if within else "no",
            _percent(row["decided"], 0),
            f"{row['images_a_decision']:.1f}",
            f"{row['images_a_sequence']:.1f}",
            _percent(row["wrong_of_decided_3_of_5"]),
            f"{row['images_a_decision_3_of_5']:.1f}",
        )
        yield f"| {' | '.join(cells)} |"


def _backtest(measured: Mapping[str, Any]) -> Iterator[str]:
    for at, (name, case) in enumerate(measured["cases"].items()):
        if at:
            yield ""
        rows = case["policies"]
        alone = rows["single"]
        learnt = case.get("seconds_learnt_from")
        of = (
            f"{name}: {alone['pictures']} pictures at {measured['fps']:g} a second, {alone['transitions']} true changes"
        )
        yield f"{of}; learnt from its first {learnt:g} s, judged after that." if learnt else f"{of}."
        yield ""
        heads = ("rule", "off the edges", "right", "excess flips", "of single", "missed", "false events")
        yield f"| {' | '.join((*heads, 'median delay', 'worst'))} |"
        yield "| --- | --- | --- | --- | --- | --- | --- | --- | --- |"
        for title, row in rows.items():
            share = row["excess_flips"] / alone["excess_flips"] if alone["excess_flips"] else None
            cells = (
                title,
                _percent(row["frame_accuracy_off_edges"]),
                _percent(row["frame_accuracy"]),
                str(row["excess_flips"]),
                "-" if share is None else _percent(share),
                str(row["missed"]),
                f"{row['false_events']} of {row['events']}",
                _seconds(row["median_delay_seconds"]),
                _seconds(row["worst_delay_seconds"]),
            )
            yield f"| {' | '.join(cells)} |"


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f} s"


_REPORTS = {"policies": _policies, "stated_errors": _stated_errors, "backtest": _backtest}


def _right(row: Mapping[str, Any], part: str) -> float:
    return float(row[f"frame_accuracy{part}"]["value"])


def _percent(share: float, digits: int = 1) -> str:
    return f"{100 * share:.{digits}f} %"


def _help_of(command: str) -> str:
    """What ``decisight COMMAND --help`` prints into a file, at a fixed width.

    Raises:
        RuntimeError: the command has no help.
    """
    with _fixed_width(), contextlib.redirect_stdout(io.StringIO()) as printed:
        status = decisight([*command.split(), "--help"])
    if status != 0:
        raise RuntimeError(f"decisight {command} --help ended with status {status}")
    return "\n".join(line.rstrip() for line in printed.getvalue().strip().splitlines())


@contextlib.contextmanager
def _fixed_width() -> Iterator[None]:
    before = os.environ.get("COLUMNS")
    os.environ["COLUMNS"] = str(WIDTH)
    try:
        yield
    finally:
        if before is None:
            del os.environ["COLUMNS"]
        else:
            os.environ["COLUMNS"] = before


if __name__ == "__main__":
    raise SystemExit(main())

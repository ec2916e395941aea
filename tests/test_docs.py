"""The documentation is true: its commands and its Python run, its links lead somewhere, its lists are complete.

Conventions of the pages, README.md and docs/:

- ``console`` blocks: lines that begin with ``$ `` are commands, the others what they print, ``...`` what is left out. A
  command has to succeed, unless ``$ echo $?`` says how it ended. Lines with ``error:``, ``hint:`` and ``warning:`` have
  to be printed as shown; of the others the beginning, up to the first number or colon.
- ``python`` blocks: those of a page are one program, run after its commands.
- ``json`` blocks have the keys that the real answers have; ``csv`` and ``jsonl`` blocks are tables that can be read.

Commands run in a folder that is made as docs/index.md says, with fewer pictures.
"""

from __future__ import annotations

import ast
import contextlib
import csv
import importlib.util
import io
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import onnx
import pytest
import typer.main
from PIL import Image

import decisight
from decisight import errors, registry
from decisight.cli import main
from decisight.cli.app import app
from decisight.cli.entry import Status
from decisight.data import read_dataset
from decisight.models.safety import OPERATORS
from decisight.types import Reason

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
INDEX = ROOT / "docs/index.md"
SMALLER = {
    "decisight demo": "decisight demo --pictures 60",
    "decisight tune demo/gate.onnx demo/gate --max-error vest=0.2 --assurance 0.9 -o tuned.onnx": (
        "decisight tune demo/gate.onnx demo/gate --max-error vest=0.6 --assurance 0.5 -o tuned.onnx"
    ),
}
"""Commands that are run on less than they would take."""

NOT_RUN = {
    "make demo": "installs packages; what it runs, `decisight demo`, is run",
    "make test": "these are the tests",
    "make bench": "takes an hour, installs packages, and measures",
    "pip install .": "installs packages",
    ".venv/bin/python benchmarks/accuracy.py --data FOLDER": "needs labelled photos, and measures",
    ".venv/bin/python benchmarks/familiarity.py --data FOLDER": "needs labelled photos, and measures",
    ".venv/bin/python benchmarks/calibration.py --data FOLDER": "needs labelled photos, and measures",
    ".venv/bin/python benchmarks/evaluation_report.py": "measures",
    ".venv/bin/python benchmarks/paired_coverage.py": "measures",
    ".venv/bin/python benchmarks/context.py --data FOLDER": "needs labelled photos, and measures",
    ".venv/bin/python benchmarks/data_audit.py": "needs labelled photos, and measures",
    ".venv/bin/python benchmarks/throughput.py": "installs packages, and measures",
    ".venv/bin/python benchmarks/throughput.py --no-peers": "measures",
    ".venv/bin/python benchmarks/comparison.py": "installs packages, and measures",
    ".venv/bin/python benchmarks/training.py": "measures",
    ".venv/bin/python benchmarks/memory.py": "measures",
    ".venv/bin/python benchmarks/policies.py": "measures",
    ".venv/bin/python benchmarks/install.py": "installs packages, and measures",
    ".venv/bin/python benchmarks/watch.py": "takes three quarters of an hour, and measures",
    "decisight region demo/site.yaml gate-1": "a page for a browser; tests/server drives it",
    ".venv/bin/python benchmarks/moved.py": "measures",
    ".venv/bin/python benchmarks/store.py": "measures",
    ".venv/bin/python benchmarks/replay.py": "measures",
    "decisight region site.yaml gate-1": "as in the tutorial, with a camera of one's own",
    "decisight collect site.yaml --region gate --every 10s -o crops": "as in the tutorial, with a camera of one's own",
    "decisight label crops": "as in the tutorial, with a camera of one's own",
    "decisight region gate.yaml gate-1": "tests/e2e/test_tutorial.py runs it",
    "decisight label crops --groups role=operator,supervisor,visitor,nobody": "tests/e2e/test_tutorial.py runs it",
    "decisight collect plant.yaml --region gate --every 10s --for 8h": "needs a camera",
    "decisight collect plant.yaml --region gate --uncertain -o second": "needs a camera",
    "decisight label collected": "a page for a browser; tests/server drives it",
}
"""Commands that are shown and not run, each with the reason."""

HOW_IT_ENDED = "echo $?"


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def blocks(page: Path, kind: str) -> list[str]:
    """The contents of the fenced blocks of a kind."""
    return re.findall(rf"^```{kind}\n(.*?)^```$", page.read_text("utf-8"), re.DOTALL | re.MULTILINE)


@dataclass(frozen=True)
class Command:
    """A command of a page, the lines that it is said to print, and the exit status that it is said to have."""

    line: str
    shown: tuple[str, ...]
    status: int


def commands(page: Path) -> list[Command]:
    return [command for block in blocks(page, "console") for command in commands_in(block)]


def commands_in(block: str) -> list[Command]:
    """The commands of a ``console`` block."""
    found: list[Command] = []
    for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
        line, *shown = part.splitlines()
        if line == HOW_IT_ENDED:
            found[-1] = Command(found[-1].line, found[-1].shown, int(shown[0]))
        else:
            refused = any(text.startswith("error: ") for text in shown)
            found.append(Command(line, tuple(t for t in shown if t.strip() not in ("", "...")), 2 * refused))
    return found


def is_run(command: Command) -> bool:
    return re.search(r"(^|\| )decisight ", command.line) is not None and command.line not in NOT_RUN


# --- running ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Outcome:
    status: int
    out: str
    err: str


def run(line: str) -> Outcome:
    """Run a command in this process; in a shell where it needs one."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars="|")
    lexer.whitespace_split = True
    words = list(lexer)
    if "|" in words:
        shell = 'decisight() { "$PYTHON" -m decisight "$@"; }; ' + line
        environment = {**os.environ, "PYTHON": sys.executable}
        done = subprocess.run(["bash", "-c", shell], env=environment, capture_output=True, text=True, check=False)
        return Outcome(done.returncode, done.stdout, done.stderr)
    with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(io.StringIO()) as err:
        status = main(words[1:])
    return Outcome(status, out.getvalue(), err.getvalue())


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder that the pages speak of, made as docs/index.md says; features are cached beside it."""
    folder = tmp_path_factory.mktemp("docs") / "examples"
    folder.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder.parent / "cache"))
        patch.chdir(folder)
        for command in commands(INDEX):
            assert run(SMALLER.get(command.line, command.line)).status == 0
        for table in Path("demo/gate").glob("*/metadata.csv"):
            for row in csv.DictReader(io.StringIO(table.read_text("utf-8"))):
                label = Path("photos", "helmet" if "helmet" in row["gear"] else "no_helmet")
                label.mkdir(parents=True, exist_ok=True)
                os.link(table.parent / row["file_name"], label / row["file_name"])
        (policies,) = blocks(ROOT / "docs/decide.md", "yaml")
        Path("gate.yaml").write_text(policies, "utf-8")
        (other,) = blocks(ROOT / "docs/backtest.md", "yaml")
        Path("other.yaml").write_text(other, "utf-8")
        (dear,) = blocks(ROOT / "docs/evaluate.md", "yaml")
        Path("dear.yaml").write_text(dear, "utf-8")
        (costs,) = blocks(ROOT / "docs/tune.md", "yaml")
        Path("costs.yaml").write_text(costs, "utf-8")
        Path("broken.jpg").touch()
        make_messy(Path("messy"))
        Path("flat").mkdir()
        shutil.copy("demo/gate/test/worker_000_0.jpg", "flat")
        yield folder


def make_messy(folder: Path) -> None:
    """The folder with faults that docs/audit.md speaks of: the demo's pictures by helmet, divided."""
    held: dict[tuple[str, str], list[Path]] = {}
    for table in sorted(Path("demo/gate").glob("*/metadata.csv")):
        for row in csv.DictReader(io.StringIO(table.read_text("utf-8"))):
            split, label = table.parent.name, "helmet" if "helmet" in row["gear"] else "no_helmet"
            picture = folder / split / label / row["file_name"]
            picture.parent.mkdir(parents=True, exist_ok=True)
            os.link(table.parent / row["file_name"], picture)
            held.setdefault((split, label), []).append(picture)
    worn, missing = (sorted(held["train", label]) for label in ("helmet", "no_helmet"))
    (folder / "train/helmet/cut.jpg").write_bytes(worn[0].read_bytes()[:2_000])
    shutil.copy(worn[1], folder / "test/helmet/same.jpg")
    with Image.open(missing[0]) as picture:
        picture.resize((picture.width // 2, picture.height // 2)).save(folder / "test/no_helmet/smaller.png")
    shutil.copy(worn[2], folder / "train/no_helmet/other.jpg")
    with Image.open(worn[2]) as picture:
        picture.point(lambda value: value // 16).save(folder / "train/helmet/dark.jpg")
        picture.crop((0, 0, 28, 24)).save(folder / "train/helmet/tiny.jpg")


def _copied(source: str, target: str) -> None:
    """What is large is linked; what is written in place, such as a store, must be the page's own."""
    (os.link if source.endswith((".jpg", ".onnx", ".mp4")) else shutil.copy2)(source, target)


@pytest.fixture
def workplace(examples: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of one page's own."""
    shutil.copytree(examples, tmp_path / "page", copy_function=_copied)
    monkeypatch.chdir(tmp_path / "page")
    return tmp_path / "page"


def collapsed(text: str) -> str:
    return " ".join(text.split())


def beginning(line: str) -> str:
    """What is printed of a line whatever the data: up to the first number, colon, choice or verdict."""
    return re.split(r"[0-9:…]|\b(?:crop|letterbox|stretch|clearly|not|none)\b|\.\.\.", collapsed(line))[0].strip()


def check_printed(command: Command, outcome: Outcome) -> None:
    said = outcome.err.splitlines()
    printed = collapsed(f"{outcome.out}\n{outcome.err}")
    for line in command.shown:
        if re.match(r"(error|hint|warning): ", line):
            assert line in said, f"{command.line}: {line!r} was not said, but:\n{outcome.err}"
        else:
            assert beginning(line) in printed, f"{command.line}: {beginning(line)!r} was not printed"


TUTORIAL = ROOT / "docs/tutorial.md"
"""Is run by a test of its own, as a part of it happens in a browser."""
WITH_COMMANDS = [page for page in PAGES if page not in (INDEX, TUTORIAL) and any(map(is_run, commands(page)))]


@pytest.mark.parametrize("page", WITH_COMMANDS, ids=name_of)
def test_commands_do_what_the_page_says(page: Path, workplace: Path) -> None:
    for command in commands(page):
        if is_run(command):
            outcome = run(SMALLER.get(command.line, command.line))
            assert outcome.status == command.status, f"{command.line}:\n{outcome.err}"
            check_printed(command, outcome)


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page, "python")], ids=name_of)
def test_python_runs(page: Path, workplace: Path) -> None:
    program = "\n".join(blocks(page, "python"))
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout


def test_what_is_not_run_is_listed_with_its_reason() -> None:
    shown = {command.line for page in PAGES for command in commands(page)}
    assert {line for line in shown if not is_run(Command(line, (), 0))} == NOT_RUN.keys()


# --- links -----------------------------------------------------------------------------------------------------------


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    prose = re.sub(r"^```.*?^```$", "", page.read_text("utf-8"), flags=re.DOTALL | re.MULTILINE)
    headings = re.findall(r"^#+ (.+)$", prose, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def links(page: Path) -> list[str]:
    prose = re.sub(r"^```.*?^```$", "", page.read_text("utf-8"), flags=re.DOTALL | re.MULTILINE)
    return re.findall(r"\]\(([^)\s]+)\)", prose)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere(page: Path) -> None:
    for link in links(page):
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.is_relative_to(ROOT), link
        assert target.is_file(), link
        assert not anchor or anchor in anchors(target), link


def test_every_page_and_picture_is_linked() -> None:
    linked = {(page.parent / link.partition("#")[0]).resolve() for page in PAGES for link in links(page)}
    pictures = set((ROOT / "docs/images").iterdir())
    assert {*PAGES, *pictures} <= linked
    assert all(picture.stat().st_size < 250_000 for picture in pictures)


# --- the command line ------------------------------------------------------------------------------------------------


def script(path: str) -> ModuleType:
    """A script of the repository, as a module; it finds what lies beside it, as when it is run."""
    folder = str((ROOT / path).parent)
    if folder not in sys.path:
        sys.path.append(folder)
    spec = importlib.util.spec_from_file_location(Path(path).stem, ROOT / path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def generate() -> ModuleType:
    return script("docs/generate.py")


def test_the_page_of_the_command_line_is_current(generate: ModuleType) -> None:
    laid_out_by = re.findall(r"<!-- Laid out by typer (.+?)\. -->", page_text("docs/cli.md"))
    if laid_out_by != [generate.layout_version()]:
        pytest.skip(f"the page was laid out by typer {laid_out_by}, and {generate.layout_version()} is installed")
    assert generate.cli_page() == page_text("docs/cli.md"), "write it anew with: make docs"


MEASURED = json.loads((ROOT / "benchmarks/results/sequences.json").read_text("utf-8"))


def test_the_tables_of_policies_are_what_was_measured(generate: ModuleType) -> None:
    page = page_text("docs/decide.md")
    assert generate.reported_page(page, MEASURED) == page, "write it anew with: make docs"
    names = set(re.findall(r"<!-- report: (\w+) -->", page))
    assert names == {"policies", "stated_errors"}


def test_the_table_of_the_back_test_is_what_was_measured(generate: ModuleType) -> None:
    measured = json.loads((ROOT / "benchmarks/results/backtest.json").read_text("utf-8"))
    page = page_text("docs/backtest.md")
    assert generate.reported_page(page, measured) == page, "write it anew with: make docs"
    assert measured["kept"]


def test_a_stale_table_of_policies_is_found_and_written_anew(
    generate: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(generate, "DOCS", tmp_path)
    monkeypatch.setattr(generate, "SEQUENCES", tmp_path / "sequences.json")
    page = tmp_path / "decide.md"
    page.write_text(page_text("docs/decide.md"), "utf-8")
    measured = json.loads(json.dumps(MEASURED))
    measured["policies"]["consecutive:3"]["excess_flips"] = 98765
    generate.SEQUENCES.write_text(json.dumps(measured), "utf-8")
    assert page in generate.stale()
    assert generate.main([]) == 0
    assert "| `consecutive:3` | 98765 | " in page.read_text("utf-8")
    assert generate.stale() == {}


def test_a_stale_page_is_found_and_written_anew(
    generate: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(generate, "DOCS", tmp_path / "docs")
    page = tmp_path / "docs/cli.md"
    page.parent.mkdir()
    for stale in (None, "old\n"):
        page.unlink(missing_ok=True)
        if stale is not None:
            page.write_text(stale, "utf-8")
        assert generate.main(["--check"]) == 1
        assert "make docs" in capsys.readouterr().err
        assert page.is_file() == (stale is not None)
        assert generate.main([]) == 0
        assert page.read_text("utf-8") == generate.cli_page()
    assert "\x1b" not in generate.cli_page()


COMMANDS = {"": typer.main.get_group(app), **typer.main.get_group(app).commands}


def options(command: str) -> set[str]:
    """Every way to write every option of a command."""
    parameters = COMMANDS[command].params
    return {name for p in parameters if p.param_type_name == "option" for name in (*p.opts, *p.secondary_opts)}


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_and_option_has_its_place(command: str) -> None:
    heading = f"## decisight {command}".strip()
    sections = {part.partition("\n")[0]: part for part in re.split(r"^(?=## )", page_text("docs/cli.md"), flags=re.M)}
    assert heading in sections
    section = collapsed(sections[heading])
    missing = {name for name in options(command) if not re.search(rf"(?<![\w-]){name}(?![\w-])", section)}
    assert not missing
    helps = [COMMANDS[command].help, *(getattr(parameter, "help", None) for parameter in COMMANDS[command].params)]
    assert [text for text in filter(None, helps) if collapsed(text.partition("  [")[0]) not in section] == []


@pytest.mark.parametrize("command", ["train", "predict", "decide", "evaluate", "explain"])
def test_every_option_is_explained_at_length(command: str) -> None:
    wanted = {name for name in options(command) if name.startswith("--")} - {"--help"}
    assert {name for name in wanted if f"`{name}" not in page_text(f"docs/{command}.md")} == set()


def test_every_exit_status_and_variable_is_explained() -> None:
    page = page_text("docs/cli.md")
    assert all(f"\n| {status.value} | " in page for status in Status)
    source = "".join(path.read_text("utf-8") for path in (ROOT / "src").rglob("*.py"))
    assert all(f"`{name}`" in page for name in set(re.findall(r'"(DECISIGHT_[A-Z]+)"', source)))


# --- figures ---------------------------------------------------------------------------------------------------------


def test_the_tables_of_the_benchmarks_are_those_of_their_results() -> None:
    report = script("benchmarks/report.py")
    assert report.page(report.PAGE.read_text("utf-8"), report.read_results()) == report.PAGE.read_text("utf-8")


def test_a_stale_table_of_the_benchmarks_is_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = script("benchmarks/report.py")
    stale = tmp_path / "benchmarks.md"
    stale.write_text(report.PAGE.read_text("utf-8").replace("| 100.0 % |", "| 101.0 % |", 1), "utf-8")
    monkeypatch.setattr(report, "PAGE", stale)
    monkeypatch.setattr(report, "ROOT", tmp_path)
    assert report.main(["--check"]) == 1
    assert "report.py" in capsys.readouterr().out


@pytest.mark.parametrize("change", ["<!-- report: speeed -->", ""])
def test_a_part_that_nobody_writes_is_refused(change: str) -> None:
    report = script("benchmarks/report.py")
    text = report.PAGE.read_text("utf-8").replace("<!-- report: speed -->", change)
    with pytest.raises(SystemExit, match="expected"):
        report.page(text, report.read_results())


def test_every_benchmark_is_in_the_list() -> None:
    scripts = {path.name for path in (ROOT / "benchmarks").glob("[a-z]*.py")}
    listed = re.findall(r"^\| `(\w+\.py)` \|", page_text("benchmarks/README.md"), re.MULTILINE)
    assert set(listed) == scripts


# --- lists and formats -----------------------------------------------------------------------------------------------


def page_text(name: str) -> str:
    return (ROOT / name).read_text("utf-8")


def keys(value: object) -> object:
    """The shape of a JSON value: keys by name; of a list of objects that of the first; of any other list nothing."""
    if isinstance(value, dict):
        return {key: keys(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [keys(value[0])] if value and isinstance(value[0], dict) else "list"
    return type(value).__name__ if isinstance(value, str) or value is None else "number"


def test_json_of_answers_is_real(workplace: Path) -> None:
    real = []
    for options in ("role.onnx", "demo/gate.onnx", "role.onnx --region 'upper=0,0 1,0 1,0.6 0,0.6'"):
        line = f"decisight predict {options} demo/gate/test/worker_000_0.jpg broken.jpg --format jsonl"
        real += [keys(json.loads(text)) for text in run(line).out.splitlines()]
    decided = run("decisight decide role.onnx 'demo/gate/test/worker_000_*.jpg' --fps 5 --format json")
    real.append(keys(json.loads(decided.out)))
    told = run("decisight watch demo/shift.onnx demo/clips/gate-1.mp4 -o - --region 'gate=0.05,0 0.95,0 0.95,1 0.05,1'")
    real += [keys(json.loads(text)) for text in told.out.splitlines()]
    shown = [json.loads(block) for page in PAGES for block in blocks(page, "json")]
    assert len(shown) >= 5
    assert [value for value in shown if keys(value) not in real and "groups" not in value] == []


def test_json_of_an_evaluation_is_real_and_complete(workplace: Path) -> None:
    (shown,) = (json.loads(block)["groups"]["class"] for block in blocks(ROOT / "docs/evaluate.md", "json"))
    assert run("decisight train photos -o helmet.onnx --fit stretch --no-mirror").status == 0
    assert run("decisight evaluate helmet.onnx photos --split all --json figures.json").status == 0
    real = json.loads(Path("figures.json").read_text("utf-8"))["groups"]["class"]
    real["per_class"].pop("no_helmet")
    assert {name: keys(value) for name, value in shown.items()} == {name: keys(real[name]) for name in shown}
    documented = set(re.findall(r"`(\w+)`", page_text("docs/evaluate.md")))
    assert set(real) | set(real["per_class"]["helmet"]) <= documented | shown.keys()


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_tables_of_labels_can_be_read(kind: str, tmp_path: Path) -> None:
    (table,) = blocks(ROOT / "docs/train.md", kind)
    (tmp_path / f"labels.{kind}").write_text(table, "utf-8")
    for name in set(re.findall(r"gate/\d+\.jpg", table)):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.new("RGB", (8, 8)).save(tmp_path / name)
    data = read_dataset(tmp_path / f"labels.{kind}")
    kinds = {group.name: group.kind for group in data.task.groups}
    assert kinds == {"helmet": "exclusive", "tags": "independent"}
    assert len(data) == 5
    assert not data.skipped
    assert data.examples[3].targets == (None, frozenset())


def test_messages_are_those_of_the_program() -> None:
    texts = [page_text("Makefile")]
    for path in (ROOT / "src").rglob("*.py"):
        constants = (node for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Constant))
        texts += [constant.value for constant in constants if isinstance(constant.value, str)]
    cells = re.findall(r"^\| (`.*?) \| ", page_text("docs/troubleshooting.md"), re.MULTILINE)
    messages = [message for cell in cells for message in re.findall(r"`(.+?)`", cell)]
    assert len(messages) > 30
    for message in messages:
        for part in filter(None, (part.strip(" :") for part in message.removeprefix("error: ").split("..."))):
            assert any(part in text for text in texts), message


def test_the_lists_of_names_are_complete() -> None:
    python, model_file = page_text("docs/python.md"), page_text("docs/model-file.md")
    assert all(f"`decisight.{name}" in python for name in decisight.__all__)
    assert all(f"`{name}`" in python for name in errors.__all__)
    shown = re.search(r"Only the ONNX operators that Decisight writes: ([\w, \n]+)\.", model_file)
    assert shown is not None
    assert set(re.split(r",\s+", shown[1])) == OPERATORS
    (block,) = blocks(ROOT / "docs/extending.md", "toml")
    assert list(tomllib.loads(block)["project"]["entry-points"]) == [registry.ENTRY_POINTS]


def test_every_reason_is_explained() -> None:
    (row,) = re.findall(r"^\| `reason` \|.*$", page_text("docs/predict.md"), re.MULTILINE)
    assert set(re.findall(r"`(\w+)`", row)) - {"reason", "decide"} == {str(reason) for reason in Reason}


def test_the_layers_are_those_that_are_enforced() -> None:
    contracts = tomllib.loads(page_text("pyproject.toml"))["tool"]["importlinter"]["contracts"]
    (shown,) = blocks(ROOT / "docs/architecture.md", "text layers")
    assert shown.splitlines() == contracts[0]["layers"]


def test_the_page_of_the_model_file_has_every_key(examples: Path) -> None:
    model = onnx.load(examples / "role.onnx")
    rows = re.findall(r"^\| (`decisight.+?) \|", page_text("docs/model-file.md"), re.MULTILINE)
    documented = {key for row in rows for key in re.findall(r"`(.+?)`", row)}
    assert {prop.key for prop in model.metadata_props} == documented

"""``decisight doctor``: what is installed, what Decisight will run on, and what is wrong."""

from __future__ import annotations

import json
import os
import platform
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

import decisight
from decisight import compute
from decisight.cli.console import terminal
from decisight.errors import DecisightError
from decisight.registry import ENTRY_POINTS, Registry, foreign_parts

__all__ = ["Problem", "Report", "examine", "run"]

_SQLITE = b"SQLite format 3\0"


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that is wrong, and what to do about it."""

    what: str
    hint: str | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """What was found, section by section, and what is wrong.

    Args:
        sections: by name, facts by name: text, numbers, lists of text, ``None`` where there is nothing. Names that end
            in ``_bytes`` are sizes.
        problems: in the order of the sections.
    """

    sections: dict[str, dict[str, Any]] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """The sections, and ``problems`` as a list of ``what`` and ``hint``."""
        return {**self.sections, "problems": [{"what": p.what, "hint": p.hint} for p in self.problems]}


_Check = Callable[[dict[str, Any]], Iterable[Problem]]
"""Writes the facts that it finds into a section, and tells what is wrong. What it raises is a problem too."""


def run(as_json: bool) -> int:
    """Examine this installation and print what was found. Writes nothing but an empty file, which it removes.

    Args:
        as_json: as JSON instead of text.

    Returns:
        The exit status: 0, or 1 where something is wrong.
    """
    report = examine()
    if as_json:
        import typer

        typer.echo(json.dumps(report.to_json(), indent=2))
    else:
        _print(report)
    return 1 if report.problems else 0


def examine() -> Report:
    """Look at everything that Decisight stands on; a check that fails is a problem, not an end."""
    report = Report()
    checks: dict[str, _Check] = {
        "decisight": _check_program,
        "packages": _check_packages,
        "extras": _check_extras,
        "machine": _check_machine,
        "runtime": _check_runtime,
        "weights": _check_weights,
        "storage": _check_storage,
        "parts": _check_parts,
    }
    for name, check in checks.items():
        facts = report.sections.setdefault(name, {})
        try:
            report.problems.extend(check(facts))
        except DecisightError as error:
            report.problems.append(Problem(error.message, error.hint))
        except (ImportError, OSError) as error:
            report.problems.append(Problem(f"{name} cannot be examined: {error}", "reinstall Decisight"))
    return report


def _check_program(facts: dict[str, Any]) -> Iterable[Problem]:
    facts["version"] = decisight.__version__
    facts["location"] = str(Path(decisight.__file__).parent)
    facts["python"] = f"{platform.python_implementation()} {platform.python_version()}"
    facts["platform"] = platform.platform()
    return ()


def _check_packages(facts: dict[str, Any]) -> Iterator[Problem]:
    for name, wanted, version, fits in _requirements(extra=""):
        facts[name] = version
        if not fits:
            have = f"is {version}, but {wanted} is needed" if version else "is not installed"
            yield Problem(f"the package {name} {have}", f"install it: pip install '{name}{wanted}'")


def _check_extras(facts: dict[str, Any]) -> Iterable[Problem]:
    facts |= {"installed": [], "absent": []}
    for extra in metadata.metadata("decisight").get_all("Provides-Extra") or ():
        complete = all(fits for *_, fits in _requirements(extra))
        facts["installed" if complete else "absent"].append(extra)
    return ()


def _requirements(extra: str) -> Iterator[tuple[str, str, str | None, bool]]:
    """Of each package that Decisight, or one extra of it, requires: name, wanted and actual version, whether it fits.

    Raises:
        ImportError: Decisight runs from a folder and is not installed.
    """
    from packaging.requirements import Requirement

    for wanted in map(Requirement, metadata.requires("decisight") or ()):
        always = wanted.marker is None or wanted.marker.evaluate({"extra": ""})
        with_extra = wanted.marker is not None and wanted.marker.evaluate({"extra": extra})
        if (always or not with_extra) if extra else not always:
            continue
        try:
            version = metadata.version(wanted.name)
        except metadata.PackageNotFoundError:
            version = None
        fits = version is not None and wanted.specifier.contains(version, prereleases=True)
        yield wanted.name, str(wanted.specifier), version, fits


def _check_machine(facts: dict[str, Any]) -> Iterable[Problem]:
    chip, memory = compute.chip(), compute.memory()
    facts["chip"], facts["features"] = chip.name, sorted(chip.features)
    facts["memory_bytes"], facts["memory_of_machine_bytes"] = memory.limit, memory.machine
    facts["cpus"], facts["cpus_why"] = compute.available_cpus(), compute.cpus().why
    facts["threads"] = facts["threads_why"] = None
    threads = compute.threads()
    facts["threads"], facts["threads_why"] = threads.count, threads.why
    return ()


def _check_runtime(facts: dict[str, Any]) -> Iterator[Problem]:
    from decisight.compute.runtimes import runtimes

    chosen, broken = compute.choose(), runtimes.broken
    others = []
    for name in runtimes:
        try:
            found = runtimes.build(name).describe(chosen.precision)
        except DecisightError as error:
            if name not in broken:  # of those, the section of the parts tells
                yield Problem(error.message, error.hint)
        else:
            if name == chosen.name:
                facts |= asdict(found)
            else:
                others.append(f"{found.name} {found.version}")
    facts["others"] = others


def _check_weights(facts: dict[str, Any]) -> Iterator[Problem]:
    from decisight.models.backbones import backbones

    broken = backbones.broken
    for name in backbones:
        facts[name] = None
        try:
            backbone = backbones.build(name)
            published = backbone.published_digest
            facts[name] = digest = backbone.digest
        except DecisightError as error:
            if name not in broken:  # of those, the section of the parts tells
                yield Problem(error.message, error.hint)
        except OSError as error:
            yield Problem(f"the weights of {name} cannot be read: {error}", "reinstall the package they come from")
        except Exception as error:  # another package may fail in any way, and must not take the examination down
            what = f"the weights of {name} cannot be examined: {type(error).__name__}: {error}"
            yield Problem(what, "upgrade or remove the package that offers this backbone")
        else:
            if published not in (None, digest):
                what = f"the weights of {name} are not those that were published: {digest} instead of {published}"
                yield Problem(what, "they may be damaged: reinstall the package they come from")


def _check_storage(facts: dict[str, Any]) -> Iterator[Problem]:
    from decisight.training.cache import default_cache_path

    cache = default_cache_path()
    facts["feature_cache"] = str(cache)
    facts["feature_cache_size_bytes"] = None
    if os.path.isfile(cache):
        facts["feature_cache_size_bytes"] = cache.stat().st_size
        with cache.open("rb") as file:
            if file.read(len(_SQLITE)) not in (b"", _SQLITE):
                yield Problem(f"the feature cache {cache} is damaged", "delete it; it is made again")
    facts["temporary_folder"] = tempfile.gettempdir()
    for folder, purpose in ((cache.parent, "features are not kept"), (Path(tempfile.gettempdir()), "files are lost")):
        try:
            _try_writing(folder)
        except OSError as error:
            yield Problem(f"{folder} cannot be written to, so {purpose}: {error.strerror}", "make room, or allow it")


def _try_writing(folder: Path) -> None:
    """Make a nameless file in a folder, or in the nearest one above it that is there.

    Raises:
        OSError: it cannot be made.
    """
    there = next(f for f in (folder, *folder.parents) if os.path.exists(f))
    with tempfile.TemporaryFile(dir=there) as file:
        file.write(b"\0")


def _check_parts(facts: dict[str, Any]) -> Iterator[Problem]:
    registries = _registries()
    for parts in registries:
        facts[parts.kind] = list(parts)
        facts[f"{parts.kind}_missing"] = [f"{name} ({why})" for name, why in parts.missing.items()]
        for name, why in parts.broken.items():
            yield Problem(f"{parts.kind} {name!r}: {why}", "upgrade or remove the package that offers it")
    kinds = {parts.kind for parts in registries}
    for kind, name, entry in foreign_parts():
        if kind not in kinds:
            what = f"the entry point {entry.name!r} in {ENTRY_POINTS} names no kind of part: {kind or name!r}"
            yield Problem(what, f"it is written kind.name, and the kinds are: {', '.join(sorted(kinds))}")


def _registries() -> tuple[Registry[Any], ...]:
    from decisight.compute.runtimes import runtimes
    from decisight.data.formats import formats
    from decisight.gates import GATES
    from decisight.models.backbones import backbones
    from decisight.policies import POLICIES
    from decisight.sinks import SINKS
    from decisight.sources import SOURCES

    return (runtimes, backbones, formats, POLICIES, SOURCES, GATES, SINKS)


def _print(report: Report) -> None:
    console = terminal(sys.stdout)

    def say(text: str, style: str = "") -> None:
        if console is None:
            # Rich would take a reader that leaves early for an end of its own.
            sys.stdout.write(f"{text}\n")
            return
        from rich.text import Text

        # Nothing is wrapped: paths and digests shall survive being copied.
        console.print(Text(text, style=style), soft_wrap=True)

    for title, facts in report.sections.items():
        say(title, "bold")
        labels = {name: name.removesuffix("_bytes") for name in facts}
        width = max(map(len, labels.values()), default=0)
        for name, value in facts.items():
            say(f"  {labels[name]:{width}}  {_shown(name, value)}")
    for problem in report.problems:
        say(f"wrong: {problem.what}", "red")
        if problem.hint:
            say(f"       {problem.hint}")
    if not report.problems:
        say("nothing is wrong", "green")


def _shown(name: str, value: Any) -> str:
    from rich.filesize import decimal

    if value is None or value == []:
        return "-"
    if isinstance(value, list):
        return ", ".join(value)
    return decimal(value) if name.endswith("_bytes") else str(value)

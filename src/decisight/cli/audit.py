"""``decisight audit``: what is wrong with labelled pictures, and a list without it."""

from __future__ import annotations

import json
import os
import shlex
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from decisight.cli import output
from decisight.cli.console import progress_bars, say, terminal, warn
from decisight.cli.regions import RegionRequest
from decisight.errors import OutputError, UsageError
from decisight.files import printable

if TYPE_CHECKING:
    from decisight.auditing import Audit, Cleaned
    from decisight.data.dataset import Dataset
    from decisight.training.cache import FeatureCache

__all__ = ["AuditRequest", "run"]

Progress = Callable[[str, int, int], None]

_PAGES = (".html", ".htm")


@dataclass(frozen=True, slots=True)
class AuditRequest:
    """What ``decisight audit`` was asked for; see its help."""

    data: Path
    output: Path | None = None
    fix: Path | None = None
    drop_suspects: bool = False
    labels: bool = True
    groups: Sequence[str] | None = None
    independent: Sequence[str] = ()
    source_pattern: str | None = None
    regions: RegionRequest = field(default_factory=RegionRequest)
    backbone: str = "efficientnet_lite0"
    folds: int = 5
    seed: int = 0
    cache: Path | None = None
    keep_features: bool = True
    threads: int | None = None
    as_json: bool = False


def run(request: AuditRequest) -> int:
    """Audit labelled pictures, print what was found, and write the page and the cleaned list.

    Returns:
        The exit status: 1 if an error was found, 0 if there is none, or there are warnings only.

    Raises:
        DecisightError: nothing can be audited or written as asked.
    """
    from decisight.auditing import AuditOptions, audit, check_cleaned_list, clean, write_cleaned_list
    from decisight.compute import threads
    from decisight.data.reading import read_dataset

    if request.drop_suspects and request.fix is None:
        raise UsageError("--drop-suspects is for the cleaned list", hint="name it: --fix cleaned.csv")
    page = _page(request.output)
    options = AuditOptions(request.labels, request.backbone, request.folds, request.seed, request.regions.regions())
    options.training()
    dataset = read_dataset(
        request.data, groups=request.groups, independent=request.independent, source_pattern=request.source_pattern
    )
    _check_apart(request, page, dataset)
    if request.fix is not None:
        output.check_file(request.fix, example="cleaned.csv")
        check_cleaned_list(request.fix, dataset)
    workers, cleaned = threads(request.threads).count, None
    with closing(_cache(request)) as cache, progress_bars(terminal(sys.stderr)) as progress:
        found = audit(dataset, options, cache=cache, progress=progress, threads=workers)
        if request.fix is not None:
            cleaned = clean(found, drop_suspects=request.drop_suspects, cache=cache, threads=workers)
        if page is not None:
            _write_page(page, request, found, workers, progress)
    if cache.trouble:
        warn(
            f"features are not kept for the next time: {cache.trouble}",
            "name a new file with --cache FILE, or keep none: --no-cache",
        )
    if request.fix is not None and cleaned is not None:
        write_cleaned_list(request.fix, found, cleaned)
    _report(request, dataset, found, cleaned)
    return 1 if found.errors else 0


def _page(path: Path | None) -> Path | None:
    """The page that is written: the file itself where its name is one of a page, else one in the folder."""
    if path is None:
        return None
    if path.suffix.lower() in _PAGES:
        output.check_file(path, example="audit.html")
        return path
    output.check_folder(path)
    return path / "audit.html"


def _whole(request: AuditRequest, page: Path | None) -> Path | None:
    """All of it as JSON, beside the page in a folder."""
    return None if page is None or page == request.output else page.with_name("audit.json")


def _check_apart(request: AuditRequest, page: Path | None, dataset: Dataset) -> None:
    """Nothing that is read is written to, the pictures included."""
    from decisight.auditing import changes_beside

    files = [page, _whole(request, page)]
    if request.fix is not None:
        files += [request.fix, changes_beside(request.fix)]
    inputs = {"the data": request.data, "the cache": request.cache}
    output.check_apart(files, inputs)
    read = {os.path.realpath(example.path) for example in dataset.examples if example.stored is None}
    for file in files:
        if file is not None and os.path.realpath(file) in read:
            raise OutputError(f"{printable(file)} is one of the pictures: it would be lost", hint="name another place")


def _write_page(page: Path, request: AuditRequest, found: Audit, threads: int, progress: Progress) -> None:
    """The page; into a folder, with all of it as JSON beside."""
    from decisight.auditing import write_audit_page

    write_audit_page(page, found, threads=threads, progress=progress)
    whole = _whole(request, page)
    if whole is not None:
        with output.replacing(whole) as stream:
            stream.write(json.dumps(found.to_json(), indent=2, ensure_ascii=False) + "\n")


def _cache(request: AuditRequest) -> FeatureCache:
    from decisight.training.cache import FeatureCache, default_cache_path

    if not request.keep_features:
        return FeatureCache(None)
    return FeatureCache(default_cache_path() if request.cache is None else request.cache)


def _report(request: AuditRequest, dataset: Dataset, found: Audit, cleaned: Cleaned | None) -> None:
    from decisight.auditing import audit_lines

    if request.as_json:
        with output.standard_output(utf8=True) as stream:
            values = found.to_json()
            if cleaned is not None:
                values["cleaned"] = {"path": str(request.fix), "kept": len(cleaned.kept), "left_out": cleaned.left_out}
            stream.write(json.dumps(values, indent=2, ensure_ascii=False) + "\n")
        return
    for line in audit_lines(found):
        say(line)
    for line in _next(request, dataset, found, cleaned):
        say(line)


def _next(request: AuditRequest, dataset: Dataset, found: Audit, cleaned: Cleaned | None) -> Iterator[str]:
    """What was written, and what can be done now."""
    from decisight.auditing import changes_beside, counted

    page = _page(request.output)
    again = _given(request)
    if page is not None:
        yield f"\nThe pictures are shown in {printable(page)}"
    elif found.findings or found.mistakes:
        yield f"\nTo see the pictures: {_command('decisight', 'audit', str(request.data), *again, '-o', 'audit.html')}"
    if cleaned is None or request.fix is None:
        return
    yield (
        f"\n{counted(len(cleaned.kept), 'picture')} listed in {printable(request.fix)}, {cleaned.left_out:,} left out; "
        f"why, and which labels are suspected, is in {printable(changes_beside(request.fix))}"
    )
    if not cleaned.kept:
        yield "Nothing is left to train on."
        return
    alone = [
        group.name
        for at, group in enumerate(dataset.task.groups)
        if not group.exclusive
        and all(
            len(target) == 1 for i in cleaned.kept if isinstance(target := dataset.examples[i].targets[at], frozenset)
        )
    ]
    # Groups and sources stand in the list; where to look in a picture does not.
    words = ["decisight", "train", str(request.fix), *([f"--independent={','.join(alone)}"] if alone else [])]
    yield f"To train on it: {_command(*words, *_regions(request), '-o', 'model.onnx')}"


def _given(request: AuditRequest) -> Iterator[str]:
    """The options that say what the data are, as they were given."""
    if request.groups is not None:
        yield f"--groups={','.join(request.groups)}"
    if request.independent:
        yield f"--independent={','.join(request.independent)}"
    if request.source_pattern is not None:
        yield f"--source-pattern={request.source_pattern}"
    if not request.labels:
        yield "--no-labels"
    yield from _regions(request)


def _regions(request: AuditRequest) -> Iterator[str]:
    asked = request.regions
    yield from (f"--region={text}" for text in asked.texts)
    if asked.reference is not None:
        yield f"--reference={asked.reference}"
    if asked.crop_only:
        yield "--crop-only"


def _command(*words: str) -> str:
    return printable(shlex.join(words))

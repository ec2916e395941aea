"""What the scripts of this folder have in common: how they are asked, and how they answer.

Each runs in an environment of its own and classifies photos with one library, as a careful user of it would. So this
file needs nothing but Python.

    python SCRIPT.py --one PHOTO            # classify one photo, say its class, and end: a cold start
    python SCRIPT.py --serve                # answer requests until standard input ends
    python SCRIPT.py --prepare              # once, after installation: write down what is loaded later

Requests are JSON objects, one a line, and so are the answers. Before the first answer come the versions, ``{"torch":
...}``.

- ``{"do": "files", "photos": [path, ...], "batch": 8}``: from files to classes. ``{"seconds": ..., "top": [...]}``
- ``{"do": "singly", "photos": [path, ...]}``: each alone, from the content of its file, which is in memory, to its
  class. ``{"seconds": [...], "top": [...]}``
- ``{"do": "pixels", "pixels": "file.npy", "batch": 8}``: pictures that are ready, uint8 (N, 224, 224, 3), where a
  script can do that. ``{"seconds": ..., "top": [...]}``

``top`` holds ``[class index, confidence]`` of each picture.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, Protocol

__all__ = ["SIZE", "Library", "Top", "chunks", "run"]

SIZE = 224
"""Width and height of what every network takes, in pixels."""

Top = tuple[int, float]
"""The index of the most confident class, and its confidence in 0..1."""


class Library(Protocol):
    """A library with its network loaded."""

    def files(self, paths: Sequence[str], batch: int) -> list[Top]:
        """Classify files, so many at a time."""

    def content(self, content: bytes) -> Top:
        """Classify the content of one file."""


def chunks(count: int, size: int) -> Iterator[slice]:
    """Slices of ``size`` that cover ``count`` items."""
    yield from (slice(low, high) for low, high in pairwise([*range(0, count, size), count]))


def run(
    load: Callable[[argparse.Namespace], Library],
    packages: Sequence[str],
    prepare: Callable[[], None] = lambda: None,
    *,
    add: Callable[[argparse.ArgumentParser], object] = lambda parser: None,
) -> int:
    """The command line of a script.

    Args:
        load: loads the network; told ``threads``, and what ``add`` added.
        packages: whose versions the figures depend on.
        prepare: writes down what is loaded later.
        add: adds options.
    """
    parser = argparse.ArgumentParser()
    parser.add_argument("--threads", type=int, default=2)
    kinds = parser.add_mutually_exclusive_group(required=True)
    kinds.add_argument("--one", type=Path, metavar="PHOTO")
    kinds.add_argument("--serve", action="store_true")
    kinds.add_argument("--prepare", action="store_true")
    add(parser)
    options = parser.parse_args()
    if options.prepare:
        prepare()
    elif options.one:
        print(*load(options).content(options.one.read_bytes()))
    else:
        _serve(lambda: load(options), packages)
    return 0


def _serve(load: Callable[[], Library], packages: Sequence[str]) -> None:
    # Some libraries print what they do, and an answer must stay alone on its line.
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as answers:
        os.dup2(2, 1)
        library = load()

        def answer(value: dict[str, Any]) -> None:
            answers.write(json.dumps(value) + "\n")
            answers.flush()

        answer({name: importlib.metadata.version(name) for name in packages})
        for line in sys.stdin:
            answer(_answer(library, json.loads(line)))


def _answer(library: Library, request: dict[str, Any]) -> dict[str, Any]:
    if request["do"] == "files":
        return _timed(lambda: library.files(request["photos"], request["batch"]))
    if request["do"] == "pixels":
        return _timed(lambda: library.pixels(request["pixels"], request["batch"]))
    contents = [Path(path).read_bytes() for path in request["photos"]]
    each = [_timed(lambda content=content: [library.content(content)]) for content in contents]
    return {"seconds": [one["seconds"] for one in each], "top": [one["top"][0] for one in each]}


def _timed(work: Callable[[], list[Top]]) -> dict[str, Any]:
    begin = time.perf_counter()
    top = work()
    return {"seconds": time.perf_counter() - begin, "top": top}

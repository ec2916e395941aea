"""YAML files as people write them: read safely, with the line of each key at hand for messages.

Dates are left as the texts that they are written as: the values of a configuration are texts, numbers, truth values and
nothing. Tags, which would make other things of them, are refused.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from decisight.errors import DecisightError, UsageError
from decisight.files import printable
from decisight.types.secrecy import HIDDEN, is_secret, redacted

if TYPE_CHECKING:
    from ruamel.yaml import YAML

__all__ = ["SUFFIXES", "Kind", "line_of", "parse_yaml", "read_yaml"]

SUFFIXES = (".yaml", ".yml")
"""How the name of a YAML file ends."""

_LARGEST = 1 << 20
_DEEPEST = 20
_LONGEST_PROBLEM = 160
_QUOTED = re.compile(r"'.*'|\".*\"")
"""What a message shows of a file."""


@dataclass(frozen=True, slots=True)
class Kind:
    """What a file is to hold, for messages.

    Args:
        singular: of the things in it, ``policy``.
        plural: the same of several.
        example: what would be right.
        most_values: what a file may come to once each alias stands for what it means: a few lines can come to billions.
        error: what is raised.
    """

    singular: str
    plural: str
    example: str
    most_values: int = 20_000
    error: type[DecisightError] = UsageError


def read_yaml(path: Path, kind: Kind) -> dict[str, Any]:
    """Read a file that holds a mapping.

    Returns:
        The mapping. It, and those in it, know where their keys stand, see :func:`line_of`.

    Raises:
        DecisightError: of the kind's class; the file cannot be read, is not YAML, holds more than it can be meant to,
            has a tag, or is no mapping.
    """
    return parse_yaml(_read_text(path, kind), path, kind)


def parse_yaml(text: str, path: Path, kind: Kind) -> dict[str, Any]:
    """The mapping that a text holds which is, or is to be, in a file; see :func:`read_yaml`.

    Raises:
        DecisightError: of the kind's class; see there.
    """
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    name = printable(path)
    try:
        _check_values(name, text, kind)
        content = _reader().load(text)
    except MarkedYAMLError as error:
        line = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
        problem = _short(error.problem or error.context)
        if error.problem_mark and _holds_secret(text, error.problem_mark.line):
            problem = _QUOTED.sub(HIDDEN, problem)
        # Without the reader's own error, which shows the line.
        raise kind.error(f"{name}{line}: this is not YAML: {problem}", hint=kind.example) from None
    except (YAMLError, RecursionError, ValueError) as error:
        raise kind.error(f"{name}: this is not YAML: {_short(error)}", hint=kind.example) from None
    if not isinstance(content, dict):
        raise kind.error(f"{name}: there is no {kind.singular} in it", hint=kind.example)
    return content


def line_of(content: Any, keys: Sequence[str | int]) -> int:
    """On which line of its file something stands, from 1: where the last of its keys does, as far as there is one.

    Args:
        content: what :func:`read_yaml` gave.
        keys: the way to it: of mappings the key, of lists the index.
    """
    line, here = 1, content
    for key in keys:
        # A key that a merge (<<) brings has no line of its own, and one that is not there has none at all.
        with contextlib.suppress(KeyError, AttributeError, TypeError, IndexError):
            places: Any = here.lc  # what ruamel.yaml adds
            line = int((places.key(key) if isinstance(here, Mapping) else places.item(key))[0]) + 1
        try:
            here = here[key]
        except (KeyError, TypeError, IndexError):
            break
    return line


def _read_text(path: Path, kind: Kind) -> str:
    name = printable(path)
    try:
        with path.open("rb") as file:
            # No more than that is ever read, also of what has no end.
            content = file.read(_LARGEST + 1)
    except OSError as error:
        raise kind.error(
            f"{name} cannot be read: {error.strerror}", hint=f"name a YAML file, or a {kind.singular}"
        ) from error
    if len(content) > _LARGEST:
        raise kind.error(f"{name} is larger than a file of {kind.plural} can be", hint=kind.example)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise kind.error(f"{name} is not text in UTF-8", hint=kind.example) from error


def _reader() -> YAML:
    """What reads a document, and leaves dates as they are written."""
    from ruamel.yaml import YAML
    from ruamel.yaml.constructor import RoundTripConstructor, SafeConstructor

    class Constructor(RoundTripConstructor):  # a class of its own: constructors are kept by class
        pass

    Constructor.add_constructor("tag:yaml.org,2002:timestamp", lambda _, node: str(node.value))
    # With an anchor it would be a number of the reader's own.
    Constructor.add_constructor("tag:yaml.org,2002:bool", SafeConstructor.construct_yaml_bool)
    reader = YAML(typ="rt", pure=True)
    reader.Constructor = Constructor
    return reader


def _holds_secret(text: str, line: int) -> bool:
    """Whether something on a line, from 0, looks as if it were a password, or the name of one."""
    lines = text.splitlines()
    found = lines[line] if line < len(lines) else ""
    return is_secret(found) or redacted(found) != found


def _short(problem: object) -> str:
    """What the reader complains of, without what a terminal would obey, on one line of no great length."""
    text = printable(" ".join(str(problem).split()))
    # It shows both values besides, as Python writes them.
    if twice := re.match(r'found duplicate key "(.*?)" with value ', text):
        text = f"the key {twice[1]!r} stands twice"
    return text if len(text) <= _LONGEST_PROBLEM else f"{text[:_LONGEST_PROBLEM]}..."


def _check_values(name: str, text: str, kind: Kind) -> None:
    """Refuse more values than can be meant, before any of them is made.

    Raises:
        DecisightError: there are, each alias taken for what it means; they are nested too deeply; an anchor stands
            twice or within itself; or there is a tag.
        YAMLError: this is not YAML.
    """
    from ruamel.yaml import YAML
    from ruamel.yaml.events import AliasEvent, CollectionEndEvent, CollectionStartEvent, ScalarEvent

    count = 0
    begun: list[tuple[str | None, int]] = []
    sizes: dict[str, int] = {}
    """What each anchor means, in values; 0 as long as that is not at its end."""
    for event in YAML(typ="rt", pure=True).parse(text):
        problem, anchor = "", getattr(event, "anchor", None)
        # A password that was not put in quotes may look like a tag or an anchor.
        secret = _holds_secret(text, event.start_mark.line) if anchor or getattr(event, "tag", None) else False
        if isinstance(event, CollectionStartEvent | ScalarEvent) and event.tag is not None:
            tag = f"!{HIDDEN}" if secret else _short(event.tag)
            raise kind.error(
                f"{name}, line {event.start_mark.line + 1}: the tag {tag} has no meaning here",
                hint="leave it out; what is to be a text is put in quotes",
            )
        if isinstance(event, AliasEvent):
            # One that is not known is told of later, as what is not YAML.
            problem = (
                f"the alias *{HIDDEN if secret else anchor} stands within what it means"
                if sizes.get(str(anchor)) == 0
                else ""
            )
            count += sizes.get(str(anchor), 1)
        elif isinstance(event, CollectionStartEvent | ScalarEvent):
            problem = f"the anchor &{HIDDEN if secret else anchor} stands twice" if anchor in sizes else ""
            if anchor is not None:
                sizes[anchor] = 0 if isinstance(event, CollectionStartEvent) else 1
            if isinstance(event, CollectionStartEvent):
                begun.append((anchor, count))
            count += 1
        elif isinstance(event, CollectionEndEvent):
            anchor, before = begun.pop()
            if anchor is not None:
                sizes[anchor] = count - before
        if len(begun) > _DEEPEST or count > kind.most_values:
            problem = (
                f"there is more here than {kind.plural} can have ({kind.most_values} values, in {_DEEPEST} levels)"
            )
        if problem:
            raise kind.error(f"{name}, line {event.start_mark.line + 1}: {problem}", hint=kind.example)

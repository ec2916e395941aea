"""Where in the text of a YAML file each value stands, so that one can be replaced and all else left byte for byte.

Loading a file and dumping it again, which ruamel.yaml can do with comments, moves lists, wraps long lines and pads flow
mappings: in the documentation's example of a site file it changes five lines of 26 that nobody touched.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

__all__ = [
    "STEP",
    "Change",
    "Node",
    "changed",
    "in_brackets",
    "layout",
    "line_end",
    "line_start",
    "on_lines",
    "value_text",
]

STEP = " " * 2
"""By how much lines that are new stand behind those that they belong to."""

_PLAIN = re.compile(r"[^\W\d_]([\w.-]|[ ](?=[\w.-]))*")
"""Texts that need no quotes, if YAML takes them for texts."""


@dataclass(slots=True)
class Node:
    """A value in a text.

    Args:
        kind: an ``alias`` stands for a value elsewhere.
        start: index of its first character, that of its anchor where it has one.
        end: index after its last character; comments and blank lines behind it are no part of it.
        column: of its first character, from 0.
        flow: whether it is a list or mapping in brackets.
        quote: the quotes of a scalar; empty where it has none.
        anchored: whether it has an anchor.
        text: of a scalar.
        pairs: of a mapping.
        items: of a list.
    """

    kind: Literal["scalar", "list", "mapping", "alias"]
    start: int
    end: int
    column: int
    flow: bool = False
    quote: str = ""
    anchored: bool = False
    text: str = ""
    pairs: list[tuple[Node, Node]] = field(default_factory=list)
    items: list[Node] = field(default_factory=list)

    def pair(self, key: str) -> tuple[Node, Node] | None:
        """A key of a mapping, and its value; ``None`` where it does not stand there itself."""
        return next((pair for pair in self.pairs if pair[0].kind == "scalar" and pair[0].text == key), None)

    def get(self, key: str) -> Node | None:
        """The value of a key of a mapping."""
        found = self.pair(key)
        return None if found is None else found[1]


@dataclass(frozen=True, slots=True, order=True)
class Change:
    """What is written in place of a part of a text; where both ends are one, it is put in between."""

    start: int
    end: int
    text: str


def changed(text: str, changes: Sequence[Change]) -> str:
    """A text after changes, none of which may lie over another.

    Raises:
        ValueError: two do.
    """
    parts, at = [], 0
    for change in sorted(changes, key=lambda change: (change.start, change.end)):
        if change.start < at:
            raise ValueError("two changes of one place")
        parts += [text[at : change.start], change.text]
        at = change.end
    return "".join([*parts, text[at:]])


def layout(text: str) -> Node:
    """The values of the first document of a text that is YAML, without a byte order mark.

    Raises:
        YAMLError: it is not YAML after all.
    """
    from ruamel.yaml import YAML

    events = YAML(typ="safe", pure=True).parse(text)
    for event in events:
        if type(event).__name__ == "DocumentStartEvent":
            return _node(next(events), events)
    return Node("scalar", 0, 0, 0)


def _node(event: Any, events: Iterator[Any]) -> Node:
    kind, start = type(event).__name__, event.start_mark
    node = Node("scalar", start.index, event.end_mark.index, start.column)
    node.anchored = getattr(event, "anchor", None) is not None
    if kind == "AliasEvent":
        node.kind = "alias"
    elif kind == "ScalarEvent":
        node.text, node.quote = event.value, event.style or ""
    else:
        closing = "SequenceEndEvent" if kind == "SequenceStartEvent" else "MappingEndEvent"
        node.kind = "list" if kind == "SequenceStartEvent" else "mapping"
        node.flow = bool(event.flow_style)
        while type(inner := next(events)).__name__ != closing:
            if node.kind == "list":
                node.items.append(_node(inner, events))
            else:
                key = _node(inner, events)
                node.pairs.append((key, _node(next(events), events)))
        last = node.items[-1] if node.items else node.pairs[-1][1] if node.pairs else None
        node.end = inner.end_mark.index if node.flow else last.end if last else node.end
    return node


def line_start(text: str, at: int) -> int:
    """Index of the first character of the line that a place lies in."""
    return text.rfind("\n", 0, at) + 1


def line_end(text: str, at: int) -> int:
    """Index after the end of the line that a value ends in, its line break included."""
    if at and text[at - 1] == "\n":  # a block of text ends with its line
        return at
    found = text.find("\n", at)
    return len(text) if found < 0 else found + 1


def _newline_at(text: str, at: int) -> str:
    """How the line before a place is ended, or else the first line of all."""
    before = text[:at] if "\n" in text[:at] else text
    end = before.rfind("\n") if before is not text else before.find("\n")
    return "\r\n" if end > 0 and before[end - 1] == "\r" else "\n"


def in_brackets(node: Node, text: str, after: Node | None = None) -> Change:
    """One more entry of a mapping in brackets, as its last one or behind another value."""
    if not node.pairs:
        return Change(node.end - 1, node.end - 1, text)
    at = (after or node.pairs[-1][1]).end
    return Change(at, at, f", {text}")


def on_lines(text: str, at: int, lines: Sequence[str]) -> Change:
    """Lines behind the one that a value ends in."""
    at = line_end(text, at)
    newline = _newline_at(text, at)
    body = newline.join(lines)
    return Change(at, at, body + newline if at == 0 or text[at - 1] == "\n" else newline + body)


def value_text(value: Any, quote: str = "") -> str:
    """A JSON value on one line of YAML, valid within brackets too.

    Args:
        value: texts, numbers, truth values, nothing, lists and mappings.
        quote: the quotes that a text is put into if it can be; by default none where it needs none.
    """
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{value_text(key)}: {value_text(one)}" for key, one in value.items()) + "}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "[" + ", ".join(map(value_text, value)) + "]"
    if not isinstance(value, str):
        return json.dumps(value)
    if quote == "'" and value.isprintable():
        return "'" + value.replace("'", "''") + "'"
    if not quote and _PLAIN.fullmatch(value) and _is_text(value):
        return value
    return json.dumps(value, ensure_ascii=not value.isprintable())


def _is_text(value: str) -> bool:
    from ruamel.yaml import YAML

    # Truth values of YAML 1.1 too: other programs may read the file.
    return YAML(typ="safe", pure=True).load(value) == value and value.lower() not in (
        "y",
        "n",
        "yes",
        "no",
        "on",
        "off",
    )

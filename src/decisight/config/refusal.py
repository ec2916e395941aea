"""What is wrong with the values of a site file, in one message."""

from __future__ import annotations

import difflib
import types
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel

from decisight.config.sections import SiteSection
from decisight.errors import SiteError
from decisight.files import printable
from decisight.registry import shortened, wanted
from decisight.types.secrecy import redacted
from decisight.yaml_file import line_of

if TYPE_CHECKING:
    from pydantic import ValidationError
    from pydantic_core import ErrorDetails

__all__ = ["place", "plain", "refusal"]

_MOST_PROBLEMS = 5
"""Problems that one message names."""
_LONGEST_KEY = 70
"""Characters of a key that a message shows: a name has at most 63."""
_LARGEST = 1 << 63
"""No number in a site file can be meant to be as large; and Python does not write the largest."""


def place(content: Any, path: Path | None, keys: Sequence[str | int]) -> str:
    """Where in a site file something stands: file, line, and the way to it.

    Args:
        content: as it was read, with the lines of its keys.
        path: the file; ``None`` where there is none.
        keys: the way.
    """
    way = _way_text(keys)
    if path is None:
        return way or "the site"
    where = f"{printable(path)}, line {line_of(content, keys)}"
    return f"{where}: {way}" if way else where


def plain(value: Any, path: Path | None, *, _content: Any = None, _keys: tuple[str | int, ...] = ()) -> Any:
    """A site file's values as plain mappings, lists, texts and numbers, without what the reader adds.

    Args:
        value: as it was read.
        path: the file.

    Raises:
        SiteError: a key is no text, as where YAML takes ``true`` or ``7`` for something else; or a number is larger
            than can be meant.
    """
    content = value if _content is None else _content
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, str):
                raise SiteError(
                    f"{place(content, path, (*_keys, key))}: this key is no text",
                    hint="put it in quotes: without, YAML takes it for a number, a truth value or nothing",
                )
        return {str(key): plain(one, path, _content=content, _keys=(*_keys, key)) for key, one in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [plain(one, path, _content=content, _keys=(*_keys, at)) for at, one in enumerate(value)]
    if isinstance(value, int) and abs(value) >= _LARGEST:
        raise SiteError(
            f"{place(content, path, _keys)}: the number is larger than can be meant", hint="give a smaller one"
        )
    for kind in (bool, int, float, str):
        if isinstance(value, kind):
            return kind(value)
    return value


def refusal(error: ValidationError, values: Any, content: Any, path: Path | None) -> SiteError:
    """One error for all that is wrong: where, what, and what would be right.

    Args:
        error: what pydantic says.
        values: what was looked at, see :func:`plain`.
        content: the same with the lines of its keys.
        path: the file.
    """
    found: dict[tuple[str | int, ...], list[ErrorDetails]] = {}
    for one in error.errors(include_url=False):
        found.setdefault(_way(values, one), []).append(one)
    for keys, ones in list(found.items()):
        # Of a value that may be this or that, where it is this and something in it is wrong, that alone is told.
        inner = any(other[: len(keys)] == keys and len(other) > len(keys) for other in found)
        if inner and all(len(one["loc"]) > len(keys) for one in ones):
            del found[keys]
    problems, hints = [], []
    for keys, ones in list(found.items())[:_MOST_PROBLEMS]:
        problem, hint = _told(keys, ones)
        problems.append(problem if path is None else f"line {line_of(content, keys)}: {problem}")
        hints.append(hint)
    if len(found) > _MOST_PROBLEMS:
        problems.append(f"and {len(found) - _MOST_PROBLEMS} more")
    title = "the site: " if path is None else f"{printable(path)}, "
    return SiteError(title + "; ".join(problems), hint="; ".join(dict.fromkeys(hints)))


def _told(keys: tuple[str | int, ...], ones: Sequence[ErrorDetails]) -> tuple[str, str]:
    """What is wrong in one place, and what would be right."""
    way, first = _way_text(keys), ones[0]
    if first["type"] == "missing":
        return f"{way} is missing", f"add {keys[-1]}" if isinstance(
            keys[-1], str
        ) else f"{_name(keys[:-1])} is too short"
    if first["type"] == "extra_forbidden":
        known = _keys_beside(keys)
        near = difflib.get_close_matches(str(keys[-1]), known, n=1)
        return f"{way}: there is no such key", (f"did you mean {near[0]!r}? " if near else "") + (
            f"there is: {', '.join(known)}"
        )
    wanted = " or ".join(dict.fromkeys(_wanted(keys, one) for one in ones))
    value = first["input"]
    if value is None or value in ({}, []):
        return f"{way} is empty", f"{_name(keys)} should be {wanted}"
    return f"{way} = {_shown(value, keys[-1] if keys else None)} cannot be used", f"{_name(keys)} should be {wanted}"


def _wanted(keys: Sequence[str | int], one: ErrorDetails) -> str:
    """What would be right instead of one value, after "it should be"."""
    facts = one.get("ctx", {})
    if one["type"] in ("model_type", "model_attributes_type"):
        return f"keys with values: {', '.join(_keys_beside([*keys, '']))}"
    if one["type"] in ("too_short", "too_long"):
        what = "keys with values," if isinstance(one["input"], Mapping) else "a list of"
        number = facts.get("min_length", facts.get("max_length"))
        return f"{what} {'at least' if one['type'] == 'too_short' else 'at most'} {number}"
    return wanted(one)


def _way_text(keys: Sequence[str | int]) -> str:
    shown = (
        printable(_shown(key) if key is None or isinstance(key, bool) else redacted(str(_plain_key(key))))
        for key in keys
    )
    return ".".join(key if len(key) <= _LONGEST_KEY else f"{key[:_LONGEST_KEY]}..." for key in shown)


def _shown(value: Any, name: str | int | None = None) -> str:
    """A value as a message shows it; what YAML and Python write differently, as YAML does."""
    return (
        {None: "null", True: "true", False: "false"}[value]
        if value is None or isinstance(value, bool)
        else shortened(value, name)
    )


def _name(keys: Sequence[str | int]) -> str:
    """What a value is called: its key, and if it stands in a list, where."""
    begin = max((at for at, key in enumerate(keys) if isinstance(key, str)), default=0)
    return _way_text(keys[begin:]) or "it"


def _plain_key(key: Any) -> Any:
    """A key without what the reader adds."""
    if isinstance(key, Mapping):
        return {_plain_key(inner): _plain_key(one) for inner, one in key.items()}
    if isinstance(key, Sequence) and not isinstance(key, str):
        return tuple(_plain_key(one) for one in key)
    return "..." if isinstance(key, int) and abs(key) >= _LARGEST else key


def _way(values: Any, one: ErrorDetails) -> tuple[str | int, ...]:
    """The keys of a place, without the names of alternatives that pydantic puts among them."""
    keys: list[str | int] = []
    here: Any = values
    for key in one["loc"]:
        if here is one["input"] and one["type"] not in ("missing", "extra_forbidden"):
            break
        if isinstance(here, Mapping):
            inside = key in here
        else:
            inside = isinstance(here, list) and isinstance(key, int) and key < len(here)
        if inside:
            here = here[key]
            keys.append(key)
    if one["type"] == "missing":
        keys.append(one["loc"][-1])
    return tuple(keys)


def _keys_beside(keys: Sequence[str | int]) -> list[str]:
    """The keys that a section knows, by the way to one that it knows or does not."""
    kind: Any = SiteSection
    for key in keys[:-1]:
        kind = _inside(kind, key)
    section = _section_in(kind)
    return [] if section is None else list(section.model_fields)


def _inside(kind: Any, key: str | int) -> Any:
    """The type of what stands under a key of a value of some type; ``None`` where that says nothing."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        field = kind.model_fields.get(str(key))
        return None if field is None else field.annotation
    origin, inner = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return _inside(inner[0], key)
    if origin in (Union, types.UnionType):
        return next((found for one in inner if (found := _inside(one, key)) is not None), None)
    if origin is dict:
        return inner[1]
    return inner[0] if origin in (list, tuple) else None


def _section_in(kind: Any) -> type[BaseModel] | None:
    """The section that a type is, or may be."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return kind
    if get_origin(kind) in (Union, types.UnionType, Annotated):
        return next((found for one in get_args(kind) if (found := _section_in(one)) is not None), None)
    return None

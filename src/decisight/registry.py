"""Parts by name: found, built from their section of a configuration, and explained where they are missing.

A part is a frozen dataclass under a decorator, in a file of its own; its fields are its configuration:

    >>> from dataclasses import dataclass
    >>> gates: Registry[object] = Registry("gate")
    >>> @gates.register("brightness")
    ... @dataclass(frozen=True)
    ... class Brightness:
    ...     darkest: int = 20
    >>> gates.build("brightness", {"darkest": 30})
    Brightness(darkest=30)

A function without arguments may stand in for the dataclass; such a part has no configuration.

Parts of others come by the entry-point group ``decisight.parts``. The entry point is named ``kind.name`` and its value
is the dataclass or function itself, so it needs no decorator::

    [project.entry-points."decisight.parts"]
    "gate.fog" = "my_package.fog:Fog"

Their names are known without running their code, which is imported when the part is asked for. One that cannot be
imported takes nothing else down: it is told in :attr:`Registry.broken`, and refused when asked for by name.
"""

from __future__ import annotations

import difflib
import importlib.util
import sys
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields, is_dataclass
from importlib import metadata
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from decisight.errors import MissingPartError, UsageError
from decisight.files import printable
from decisight.types.secrecy import redacted, without_secrets

if TYPE_CHECKING:
    from pydantic import ValidationError
    from pydantic_core import ErrorDetails

__all__ = ["ENTRY_POINTS", "Registry", "foreign_parts", "shortened", "wanted"]

ENTRY_POINTS = "decisight.parts"
"""The entry-point group by which other packages offer parts."""

_SHOWN = 80
"""Characters of a value that a message shows."""
_NOT_THERE = ("missing", "missing_argument")
"""How pydantic calls what is said of a key that is not there."""
_NAMED = 5
"""Problems that one message names."""

_WANTED = {
    "string_type": "a text",
    "string_unicode": "a text in Unicode",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "list_type": "a list",
    "tuple_type": "a list",
    "dict_type": "keys with values",
    "dataclass_type": "keys with values",
    "dataclass_exact_type": "keys with values",
    "literal_error": "{expected}",
    "greater_than": "more than {gt:g}",
    "greater_than_equal": "at least {ge:g}",
    "less_than": "less than {lt:g}",
    "less_than_equal": "at most {le:g}",
}
"""What would be right, by pydantic's names of what can be wrong, after "it should be"."""

P = TypeVar("P")
F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class _Part(Generic[P]):
    factory: Callable[..., P]
    needs: str | None
    imports: tuple[str, ...]

    @property
    def lacks(self) -> str | None:
        """What is not installed of what it needs, as pip is asked for it."""
        absent = [module for module in self.imports if importlib.util.find_spec(module) is None]
        return (self.extra or " ".join(absent)) if absent else None

    @property
    def extra(self) -> str | None:
        return f"decisight[{self.needs}]" if self.needs else None


class Registry(Generic[P]):
    """The parts of one kind.

    Args:
        kind: what they are, as messages and entry points say it: ``backbone``, ``policy``.
        package: a package whose every module is imported on the first look-up, so that adding a part is adding a file.
            A module there that lacks a foreign library is told in :attr:`missing` under its own name.
    """

    def __init__(self, kind: str, *, package: str | None = None) -> None:
        self.kind = kind
        self._package = package
        self._parts: dict[str, _Part[P]] = {}
        self._modules_lacking: dict[str, str] = {}
        self._lock = threading.RLock()

    def register(self, name: str, *, needs: str | None = None, imports: Sequence[str] = ()) -> Callable[[F], F]:
        """A decorator that makes a part known under a name.

        Args:
            name: what configurations call it: lower-case letters, digits and underscores.
            needs: the extra of Decisight that brings its optional libraries, for example ``finetune``.
            imports: the top-level modules that it cannot do without; looked for, not imported, when it is asked for.

        Raises:
            ValueError: the name is taken, or is not written as it should be.
        """
        if not name.isidentifier() or name != name.lower():
            raise ValueError(f"{name!r} is no name for a {self.kind}: use lower-case letters, digits and underscores")

        def remember(factory: F) -> F:
            with self._lock:
                if name in self._parts:
                    raise ValueError(f"the {self.kind} {name!r} is registered twice")
                self._parts[name] = _Part(cast("Callable[..., P]", factory), needs, tuple(imports))
            return factory

        return remember

    def names(self) -> tuple[str, ...]:
        """Every name that can be asked for, sorted; those of other packages' parts without importing them."""
        return tuple(sorted({*self._own(), *self._offers()} - self.missing.keys()))

    def __iter__(self) -> Iterator[str]:
        return iter(self.names())

    @property
    def missing(self) -> dict[str, str]:
        """Decisight's own parts that lack an optional library, each with what it needs."""
        lacking = {name: part.lacks for name, part in self._own().items()}
        return {name: f"needs {lacks}" for name, lacks in (self._modules_lacking | lacking).items() if lacks}

    @property
    def broken(self) -> dict[str, str]:
        """Other packages' parts that cannot be used, each with the reason; imports them all to find out."""
        found = {}
        for name, entries in self._offers().items():
            if name in self._own():
                found[name] = f"{_origins(entries)} offers it too, and Decisight's own is used"
                continue
            try:
                self._load(name, entries)
            except MissingPartError as error:
                found[name] = error.message
        return found

    def build(self, name: str, config: Mapping[str, Any] | None = None) -> P:
        """Build a part from its section of a configuration.

        Args:
            name: the registered name.
            config: a value for each field that shall differ from its default; none by default.

        Raises:
            MissingPartError: there is no part of that name, or something that it needs is not installed or is broken.
            UsageError: a key that the part does not have, a value that does not fit, or a required one left out.
        """
        try:
            return _configure(self.factory(name), dict(config or {}), f"{self.kind} {name!r}")
        except ModuleNotFoundError as error:
            if _is_ours(error):
                raise
            extra = self._parts[name].extra if name in self._parts else None
            raise self._lacking(name, extra or error.name or str(error)) from error

    def factory(self, name: str) -> Callable[..., P]:
        """What makes a part: its class, whose fields are its options.

        Raises:
            MissingPartError: there is no part of that name, or something that it needs is not installed or is broken.
        """
        part = self._own().get(name)
        lacks = part.lacks if part else self._modules_lacking.get(name)
        if lacks:
            raise self._lacking(name, lacks)
        if part:
            return part.factory
        entries = self._offers().get(name)
        if entries:
            return self._load(name, entries)
        raise MissingPartError(
            f"there is no {self.kind} {shortened(name)}", hint=_choices(name, self.names(), "there is")
        )

    def _lacking(self, name: str, lacks: str) -> MissingPartError:
        return MissingPartError(f"the {self.kind} {name!r} needs {lacks}", hint=f"install it: pip install '{lacks}'")

    def _own(self) -> dict[str, _Part[P]]:
        """Decisight's own parts; imports the modules of the package the first time."""
        with self._lock:
            # Cleared first, since the modules may look into this registry while they are imported.
            package, self._package = self._package, None
            if package:
                try:
                    self._modules_lacking = _import_modules(package)
                except BaseException:
                    self._begin_anew(package)
                    raise
            return self._parts

    def _begin_anew(self, package: str) -> None:
        """Let the next look-up import the package again: half a registry must not pass for a whole one.

        Modules that were imported whole are not run a second time, so their parts stay; those of the module that
        failed would be taken for registered twice.
        """
        self._package = package
        self._parts = {name: part for name, part in self._parts.items() if part.factory.__module__ in sys.modules}

    def _offers(self) -> dict[str, list[metadata.EntryPoint]]:
        """Other packages' parts of this kind."""
        offers = defaultdict(list)
        for kind, name, entry in foreign_parts():
            if kind == self.kind:
                offers[name].append(entry)
        return dict(offers)

    def _load(self, name: str, entries: list[metadata.EntryPoint]) -> Callable[..., P]:
        title, origins = f"the {self.kind} {name!r}", _origins(entries)
        if len(entries) > 1:
            raise MissingPartError(f"{title} is offered by several packages: {origins}", hint="remove all but one")
        hint = f"it comes from {origins}: upgrade or remove that package"
        try:
            factory = entries[0].load()
        except Exception as error:  # another package may fail in any way, and must not take the product down
            problem = f"{type(error).__name__}: {error}"
            raise MissingPartError(f"{title} of {origins} cannot be imported: {problem}", hint=hint) from error
        if not callable(factory):
            raise MissingPartError(f"{title} of {origins} is not a dataclass but {factory!r}", hint=hint)
        return cast("Callable[..., P]", factory)


def shortened(value: object, name: object = None) -> str:
    """A value as messages show it: as Python writes it, no more than a line of that, and without secrets.

    Args:
        value: what somebody gave.
        name: the key that it stands under: what looks as if it were a password is not shown.

    Example:
        >>> shortened("vest"), len(shortened("vest" * 1000)), shortened("rtsp://me:secret@gate"), shortened(7, "pin")
        ("'vest'", 80, "'rtsp://...@gate'", '...')
    """
    return _cut(repr(without_secrets(value, name)))


def wanted(error: ErrorDetails) -> str:
    """What would be right instead of a value that pydantic refuses, after "it should be"."""
    facts = error.get("ctx", {})
    if error["type"] in _WANTED:
        return _WANTED[error["type"]].format(**facts)
    message = error["msg"].removeprefix("Value error, ").removeprefix("Assertion failed, ")
    return message.removeprefix("Input should be ")


def _cut(text: str, size: int = _SHOWN) -> str:
    return text if len(text) <= size else f"{text[: size - 4]} ..."


def foreign_parts() -> Iterator[tuple[str, str, metadata.EntryPoint]]:
    """Kind, name and entry point of each part that other packages offer, sorted; nothing is imported.

    An entry point whose name is not ``kind.name`` comes with an empty kind.
    """
    entries = metadata.entry_points(group=ENTRY_POINTS)
    for entry in sorted(entries, key=lambda e: (e.name, _origins([e]))):
        kind, _, name = entry.name.partition(".")
        yield (kind, name, entry) if name else ("", kind, entry)


def _origins(entries: Iterable[metadata.EntryPoint]) -> str:
    return ", ".join(entry.dist.name if entry.dist else entry.value for entry in entries)


def _import_modules(package: str) -> dict[str, str]:
    """Import a package's modules; the names of those that lack a foreign library, each with the library."""
    lacking = {}
    for module in iter_modules(importlib.import_module(package).__path__):
        try:
            importlib.import_module(f"{package}.{module.name}")
        except ModuleNotFoundError as error:
            if _is_ours(error, package):
                raise
            lacking[module.name] = str(error.name)
    return lacking


def _is_ours(error: ModuleNotFoundError, package: str = __name__) -> bool:
    """Whether a module of our own is missing: a mistake, not an optional library."""
    return not error.name or error.name.split(".")[0] == package.split(".")[0]


def _choices(word: str, known: Iterable[str], lead: str) -> str:
    """A hint: the name that was probably meant, and all there are."""
    known = list(known)
    near = difflib.get_close_matches(word, known, n=1)
    return (f"did you mean {near[0]!r}? " if near else "") + f"{lead}: {', '.join(known) or 'none'}"


def _configure(factory: Callable[..., P], config: dict[str, Any], title: str) -> P:
    if not (isinstance(factory, type) and is_dataclass(factory)):
        if config:
            raise UsageError(
                f"{title} takes no options", hint=f"leave out: {_cut(', '.join(redacted(str(key)) for key in config))}"
            )
        return factory()
    options = [field for field in fields(factory) if field.init]
    required = [field for field in options if field.default is MISSING and field.default_factory is MISSING]
    # pydantic takes a tenth of a second to import; a part that is left at its defaults does without.
    if not config and not required:
        return cast("P", factory())
    return cast("P", _validate(factory, config, [field.name for field in options], title))


def _validate(part: type[Any], config: dict[str, Any], options: list[str], title: str) -> Any:
    import pydantic

    try:
        # A standard dataclass takes over the configuration of the model around it: so unknown keys are refused in the
        # part, and in dataclasses within it, and the part's own class is left as it is.
        model = pydantic.create_model("Part", __config__=pydantic.ConfigDict(extra="forbid"), part=(part, ...))
        made = dict(model.model_validate({"part": config}))["part"]
    except pydantic.ValidationError as error:
        raise _refusal(error, config, options, title) from None
    except (pydantic.errors.PydanticUserError, pydantic.errors.PydanticUndefinedAnnotation) as error:
        raise MissingPartError(
            f"{title} cannot be configured: {str(error).splitlines()[0]}",
            hint="the types of its fields must be there when the program runs, and be such as pydantic checks",
        ) from error
    for key, value in config.items():
        # 1 for a number that YAML made a truth value of would be a guess.
        if isinstance(value, bool) and not isinstance(getattr(made, key, value), bool):
            raise UsageError(f"{title}: {key} = {value} cannot be used", hint=f"{key} is neither true nor false")
    return made


def _refusal(error: ValidationError, config: Mapping[str, Any], options: list[str], title: str) -> UsageError:
    """One error for all that is wrong with a configuration: the key, the value, and what would be right."""
    problems, hints = [], []
    found: dict[str, list[ErrorDetails]] = {}
    for one in error.errors(include_url=False):
        found.setdefault(_place(one, config), []).append(one)
    for key, ones in list(found.items())[:_NAMED]:
        first, name = ones[0], _cut(printable(redacted(key)))
        value = shortened(first["input"], key.rpartition(".")[2])
        if first["type"] == "missing":
            problems.append(f"{name} is missing")
            hints.append(f"add {name}")
        elif first["type"] in ("unexpected_keyword_argument", "extra_forbidden"):
            problems.append(f"there is no option {name} (given: {value})")
            hints.append(_choices(key, options, "it takes") if "." not in key else f"leave out {name}")
        else:
            problems.append(f"{name} = {value} cannot be used" if name else f"{value} do not fit")
            right = " or ".join(dict.fromkeys(wanted(one) for one in ones))
            own = first["type"] in ("value_error", "assertion_error")
            hints.append(_cut(right if own else f"{name} should be {right}", 4 * _SHOWN))
    if len(found) > _NAMED:
        problems.append(f"and {len(found) - _NAMED} more")
    return UsageError(f"{title}: {'; '.join(problems)}", hint="; ".join(dict.fromkeys(hints)))


def _place(one: ErrorDetails, config: Mapping[str, Any]) -> str:
    """The way to what is wrong, without the names of alternatives that pydantic puts among the keys."""
    keys: list[str] = []
    here: Any = config
    for step in one["loc"][1:]:
        inside = isinstance(here, Mapping) and step in here
        inside = inside or (isinstance(here, list | tuple) and isinstance(step, int) and step < len(here))
        if inside:
            here = here[step]
        if inside or (step is one["loc"][-1] and one["type"] in _NOT_THERE):
            keys.append(str(step))
    return ".".join(keys)

"""A site file that was read: its parts built, its policies made, and every error with its line."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from decisight.config.refusal import place
from decisight.config.sections import EvidenceSection, SiteSection, inherited
from decisight.errors import DecisightError, SiteError, UsageError
from decisight.gates import GATES
from decisight.policies.familiarity import check_familiarity_known
from decisight.policies.parsing import policy_from_section
from decisight.protocols import FrameSource, Gate, Policy, Sink
from decisight.regions import Region, parse_size
from decisight.registry import Registry, shortened
from decisight.sinks import SINKS
from decisight.sources import SOURCES
from decisight.spans import parse_seconds

if TYPE_CHECKING:
    from decisight.types import Task

__all__ = ["DEFAULT_GATES", "DEFAULT_POLICY", "Site", "model_of"]

DEFAULT_POLICY: Mapping[str, Any] = {
    "type": "majority_vote",
    "required": 3,
    "window": 5,
    "gap_tolerance": 10,
    "min_dwell": 3,
}
"""The rule where nobody gives one. It counts in pictures, so that it works at any rate."""

DEFAULT_GATES: Sequence[Mapping[str, Any]] = (
    {"type": "size"},
    {"type": "brightness"},
    {"type": "sharpness"},
    {"type": "frozen"},
)
"""What looks at each picture first, where nobody says: they ask whether it can be judged."""

STALE_AFTER = 10.0
"""Seconds without a judged picture after which nothing is known any more, where nobody says and pictures come often."""

_STALE_PICTURES = 3.0
"""The same in pictures, where they come seldom."""

_LONGEST = 1e9
"""Seconds that a span may last."""

_POLYGON = "for example polygon: [[0.1, 0.2], [0.5, 0.2], [0.5, 0.9], [0.1, 0.9]]"
_ADDRESS = re.compile(r".*://|(rtsps?|https?)(:|//)", re.IGNORECASE | re.DOTALL)
"""How an address begins, also where its scheme is mistyped."""

_P = TypeVar("_P")


@dataclass(frozen=True, slots=True)
class Site:
    """A site file that was read: its values, and where each of them stands.

    Args:
        section: the values.
        path: the file; ``None`` where there is none.
        content: as it was read, with the lines of its keys.
    """

    section: SiteSection
    path: Path | None = None
    content: Any = field(default=None, repr=False)

    @property
    def folder(self) -> Path:
        """What paths in it are relative to."""
        return Path() if self.path is None else self.path.parent

    def where(self, *keys: str | int) -> str:
        """Where something stands: file, line, and the way to it."""
        return place(self.content, self.path, keys)

    def blamed(self, error: DecisightError, *keys: str | int) -> SiteError:
        """An error with the place in the file that it comes from: of the key that it names, where it names one."""
        here: Any = self.content
        for key in keys:
            try:
                here = here[key]
            except (KeyError, IndexError, TypeError):
                break
        inner = [
            key for key in (here if isinstance(here, Mapping) else ())
            if re.search(rf"(?<![\w.]){re.escape(str(key))}(?![\w.])", error.message)
        ]  # fmt: skip
        return SiteError(f"{self.where(*keys, *inner[:1])}: {error.message}", hint=error.hint)

    def regions(self, camera: str) -> dict[str, Region]:
        """The regions of a camera, by name.

        Raises:
            SiteError: one is no region.
        """
        section = self.section.cameras[camera]
        try:
            size = None if section.reference is None else parse_size(section.reference)
        except UsageError as error:
            raise self.blamed(error, "cameras", camera, "reference") from error
        return {name: self._region(camera, name, size) for name in section.regions}

    def _region(self, camera: str, name: str, size: tuple[int, int] | None) -> Region:
        section = self.section.cameras[camera].regions[name]
        keys = ("cameras", camera, "regions", name, "polygon")
        width, height = size or (1, 1)
        for at, (x, y) in enumerate(section.polygon):
            if not (0.0 <= x <= width and 0.0 <= y <= height):
                of = "" if size is None else f" of {width}x{height}"
                raise SiteError(
                    f"{self.where(*keys, at)}: the corner {x:g}, {y:g} lies outside the picture{of}",
                    hint="corners are shares of its width and height, 0 to 1; with reference: 1920x1080 at the camera, "
                    "pixels of a picture of that size",
                )
        try:
            return Region(name, tuple((x / width, y / height) for x, y in section.polygon), section.mask)
        except UsageError as error:
            raise SiteError(f"{self.where(*keys)}: {error.message}", hint=_POLYGON) from error

    def source(self, camera: str) -> FrameSource:
        """The source of a camera; a ``path`` or ``password_file`` in it is relative to the site file.

        Raises:
            SiteError: there is none of that type, or a setting cannot be used.
        """
        section = dict(self.section.cameras[camera].source)
        if _ADDRESS.match(str(section.get("path"))):
            where = self.where("cameras", camera, "source", "path")
            raise SiteError(
                f"{where} = {shortened(section['path'])} is an address, and no file",
                hint="a live camera is written {type: camera, url: ...}",
            )
        for key in ("path", "password_file"):
            if isinstance(path := section.get(key), str):
                section[key] = str(self.folder / path)
        return self._part(SOURCES, section, "cameras", camera, "source")

    def watched(self) -> list[str]:
        """The cameras that anything is watched in; of the others pictures can be collected."""
        return [name for name, camera in self.section.cameras.items() if camera.watch]

    def fps(self, camera: str) -> float | None:
        """Pictures a second that are looked at.

        Of a folder all, unless the file says otherwise: each is meant. Of what is fetched now and then no more than
        that: rules and ticks go by how often pictures come.
        """
        section = self.section.cameras[camera]
        if "fps" not in section.model_fields_set and section.source.get("type") == "folder":
            return None
        every: Any = None
        with contextlib.suppress(DecisightError):  # whoever opens the source says what is wrong with it
            every = getattr(self.source(camera), "every", None)
        if not isinstance(every, str):
            return section.fps
        often = 1.0 / parse_seconds(every, "every")
        return often if section.fps is None else min(section.fps, often)

    def gates(self, camera: str, *, checked: bool = True) -> tuple[Gate, ...]:
        """The gates of a camera, in the order in which they stand; a ``reference`` is relative to the site file.

        Args:
            camera: the camera's name.
            checked: whether files that a gate needs are opened, to see that it can be set to work.

        Raises:
            SiteError: there is none of a type, a setting cannot be used, or a file that it needs cannot be.
        """
        given = self.section.cameras[camera].gates
        if given is None:
            return tuple(GATES.build(str(gate["type"]), _settings(gate)) for gate in DEFAULT_GATES)
        gates = [self._gate(gate, checked, "cameras", camera, "gates", at) for at, gate in enumerate(given)]
        saving = [at for at, gate in enumerate(gates) if gate.saves]
        if len(saving) > 1:
            # What the first lets through is what it compares the next with: another must not hold it back.
            first, second = (gates[at].name for at in saving[:2])
            raise SiteError(
                f"{self.where('cameras', camera, 'gates', saving[1])}: {first} and {second} both save work",
                hint="leave out one of the two",
            )
        return tuple(gates)

    def _gate(self, given: Mapping[str, Any], checked: bool, *keys: str | int) -> Gate:
        section = dict(given)
        match section.get("reference"):
            case str() as path:
                section["reference"] = self._beside(path)
            case [*paths]:
                section["reference"] = [self._beside(path) if isinstance(path, str) else path for path in paths]
        gate = self._part(GATES, section, *keys)
        check = getattr(gate, "check", None)
        if checked and check is not None:
            try:
                check()
            except DecisightError as error:
                raise self.blamed(error, *keys) from error
        return gate

    def _beside(self, path: str) -> str:
        """A path that is relative to the site file; an empty one is none."""
        return str(self.folder / path) if path else path

    def evidence(self, camera: str) -> EvidenceSection:
        """Which pictures are kept of a camera's events: what the camera does not say is as at the site.

        So what is concealed at the site is concealed at every camera, unless one says ``conceal: null``.
        """
        own = self.section.cameras[camera].evidence
        return self.section.evidence if own is None else inherited(own, self.section.evidence)

    def sinks(self) -> dict[str, Sink]:
        """Where events are reported to, by name.

        Raises:
            SiteError: there is none of a type, or a setting cannot be used.
        """
        found = {}
        for name, section in self.section.sinks.items():
            section = dict(section)
            if isinstance(path := section.get("path"), str):
                section["path"] = str(self.folder / path)
            found[name] = self._part(SINKS, section, "sinks", name)
        return found

    def policy(
        self, camera: str, at: int, task: Task, defaults: Mapping[str, Any], *, familiarity: bool = True
    ) -> dict[str, Policy]:
        """The rule of each label group that an entry of ``watch`` decides on.

        Args:
            camera: the camera's name.
            at: the number of the entry.
            task: of its model.
            defaults: settings that hold where the entry does not give them, such as the model's thresholds.
            familiarity: whether the model says how familiar a picture is.

        Raises:
            SiteError: there is no such group, policy or label, or a setting cannot be used.
        """
        watch = self.section.cameras[camera].watch[at]
        keys = ("cameras", camera, "watch", at)
        try:
            groups = [group.name for group in task.groups] if watch.group is None else [task.group(watch.group).name]
        except DecisightError as error:
            raise self.blamed(error, *keys, "group") from error
        policy = self.rule(camera, at, defaults)
        try:
            least: float | None = getattr(policy, "min_familiarity", None)
            check_familiarity_known(least, model_of(self, camera, at), known=familiarity)
            for group in groups:
                policy.fold(task, group)
        except DecisightError as error:
            raise self._policy_blamed(error, camera, at) from error
        labels = {label for group in groups for label in task.group(group).labels}
        for place_of, label in enumerate(watch.quiet):
            if label not in labels:
                raise SiteError(
                    f"{self.where(*keys, 'quiet', place_of)}: there is no label {shortened(label)}",
                    hint=f"the labels are: {', '.join(sorted(labels)[:20])}",
                )
        return dict.fromkeys(groups, policy)

    def rule(self, camera: str, at: int, defaults: Mapping[str, Any] | None = None) -> Policy:
        """The rule of an entry of ``watch``, before it is known which labels it is for.

        Where the entry does not say ``stale_after``, it is :data:`STALE_AFTER` or more; ``stale_after: null`` said
        there switches it off.

        Args:
            camera: the camera's name.
            at: the number of the entry.
            defaults: see :meth:`policy`.

        Raises:
            SiteError: there is no such policy, or a setting cannot be used.
        """
        section = self.section.cameras[camera]
        policy = section.watch[at].policy
        given: Mapping[str, Any] | str = DEFAULT_POLICY if policy is None else policy
        # A camera that gives no pictures keeps its state for ever otherwise, however often it gave them.
        stale = {"stale_after": _stale_after(self.fps(camera))}
        try:
            return policy_from_section(
                {"type": given} if isinstance(given, str) else given, {**stale, **(defaults or {})}
            )
        except DecisightError as error:
            raise self._policy_blamed(error, camera, at) from error

    def _policy_blamed(self, error: DecisightError, camera: str, at: int) -> SiteError:
        keys = ("cameras", camera, "watch", at)
        given = self.section.cameras[camera].watch[at].policy
        return self.blamed(error, *keys) if given is None else self.blamed(error, *keys, "policy")

    def _part(self, registry: Registry[_P], section: Mapping[str, Any], *keys: str | int) -> _P:
        name = section.get("type")
        if not isinstance(name, str):
            raise SiteError(
                f"{self.where(*keys)}: the {registry.kind} has no type",
                hint=f"type: is one of {', '.join(registry.names())}",
            )
        try:
            return registry.build(name, _settings(section))
        except DecisightError as error:
            raise self.blamed(error, *keys) from error


def model_of(site: Site, camera: str, at: int) -> str:
    """The name of the model of an entry.

    Raises:
        SiteError: there is none of that name, or none is named and there are several.
    """
    watch, models = site.section.cameras[camera].watch[at], site.section.models
    keys = ("cameras", camera, "watch", at)
    if watch.model is None and len(models) == 1:
        return next(iter(models))
    if not models:
        raise SiteError(
            f"{site.where(*keys)}: something is to be watched, and the site has no models",
            hint="name the model, for example models: {gear: {path: gear.onnx}}; or leave out watch until there is one",
        )
    if watch.model is None or watch.model not in models:
        what = "no model is named" if watch.model is None else f"there is no model {shortened(watch.model)}"
        where = keys if watch.model is None else (*keys, "model")
        raise SiteError(f"{site.where(*where)}: {what}", hint=f"the models are: {', '.join(list(models)[:20])}")
    return watch.model


def _stale_after(fps: float | None) -> str:
    seconds = STALE_AFTER if fps is None else min(max(STALE_AFTER, _STALE_PICTURES / fps), _LONGEST)
    return f"{seconds:.3f}".rstrip("0").rstrip(".") + "s"


def _settings(section: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in section.items() if key != "type"}

"""The cameras of a site: their models loaded, their rules checked, ready to be set to work."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from decisight.config import EvidenceSection, Site, model_of
from decisight.deciding import model_settings
from decisight.errors import DecisightError, SiteError
from decisight.events import EventFold, Scope
from decisight.pipeline import TICK_SECONDS, Pipeline, Predictor, View
from decisight.policies.identity import policy_digest
from decisight.policies.task_fold import TaskFold
from decisight.protocols import Gate, Policy
from decisight.regions import Region
from decisight.workers import Evidence

if TYPE_CHECKING:
    from decisight.models.classifier import Classifier
    from decisight.store import ViewKey

__all__ = ["CameraSetup", "ViewSetup", "check_concealing", "load_model", "load_models", "setups"]

_SUPPLIED = "imagenet:"
"""How the names of models begin that are no files."""
_NOTHING_YET = (
    "with a model, write models: {NAME: {path: MODEL.onnx}} into the site file, and watch: [{model: NAME}] at the "
    "camera; without one, collect pictures to learn from: decisight collect SITE"
)
_TICKS_PER_PICTURE = 1.5
"""Where pictures come seldom, time alone passes when one is late."""


@dataclass(frozen=True, slots=True, eq=False)
class ViewSetup:
    """A view before a store has given it its number.

    Args:
        name: of the model, as the site calls it.
        region: where to look; ``None`` for all of the picture.
        model: the classifier.
        policies: the rule of each label group that is watched.
        quiet: labels that open no event, by group.
    """

    name: str
    region: Region | None
    model: Classifier
    policies: Mapping[str, Policy]
    quiet: Mapping[str, frozenset[str]]


@dataclass(frozen=True, slots=True, eq=False)
class CameraSetup:
    """A camera as the site file says it, with its models loaded.

    Args:
        site: the site that it is of.
        camera: its name.
        fps: pictures a second that are looked at; ``None``: all.
        views: what is watched.
        evidence: which pictures are kept.
    """

    site: Site
    camera: str
    fps: float | None
    views: tuple[ViewSetup, ...]
    evidence: Evidence

    def view_keys(self, source: str = "") -> list[ViewKey]:
        """What tells the views from all others, in their order.

        Args:
            source: what is looked at: nothing that was counted in one recording holds for another.
        """
        from decisight.store import ViewKey, task_to_stored

        gates = [_section_of(gate) for gate in self.site.gates(self.camera)]
        keys = []
        for view in self.views:
            task, region = view.model.task, view.region
            runtime = view.model.runtime
            keys.append(
                ViewKey(
                    camera=self.camera,
                    region=None if region is None else region.name,
                    region_text="" if region is None else region.text,
                    region_digest=_digest("" if region is None else region.text),
                    model=view.name,
                    graph_digest=view.model.file.graph_digest,
                    settings_digest=view.model.file.settings_digest,
                    runtime=f"{runtime.name} {runtime.version} {runtime.precision}",
                    task=task_to_stored(task),
                    policies={
                        name: {"section": policy.to_section(task), "digest": policy_digest(policy, task, name)}
                        for name, policy in view.policies.items()
                    },
                    gates=gates,
                    fps=self.fps,
                    source=source,
                )
            )
        return keys

    def pipeline(
        self,
        numbers: Sequence[int],
        store_id: str,
        *,
        threads: int = 1,
        identity: str = "",
        share: Callable[[Classifier], Predictor] = lambda model: model,
    ) -> Pipeline:
        """The camera at work.

        Args:
            numbers: of its views, in their order.
            store_id: what tells its events from those of any other store.
            threads: that compute together on one picture.
            identity: of its source.
            share: what is to classify in place of a model; by default the model itself.
        """
        gates = self.site.gates(self.camera)
        site = self.site.section.site
        views = [
            View(
                number,
                view.region,
                share(view.model),
                TaskFold.of(view.policies, view.model.task),
                {
                    name: EventFold(
                        Scope(
                            store_id,
                            site,
                            self.camera,
                            None if view.region is None else view.region.name,
                            view.name,
                            name,
                        ),
                        view.quiet.get(name, frozenset()),
                    )
                    for name in view.policies
                },
                gates,
            )
            for number, view in zip(numbers, self.views, strict=True)
        ]
        pause = TICK_SECONDS if self.fps is None else max(TICK_SECONDS, _TICKS_PER_PICTURE / self.fps)
        return Pipeline(self.camera, views, threads, identity, pause=pause)


def load_models(site: Site, *, threads: int | None = None, runtime: str | None = None) -> dict[str, Classifier]:
    """The models of a site, by the names that it gives them.

    Args:
        site: the site.
        threads: that compute; by default as many as the machine grants.
        runtime: what computes where the site file does not say.

    Raises:
        SiteError: one cannot be loaded; names the line.
    """
    return {name: load_model(site, name, threads=threads, runtime=runtime) for name in site.section.models}


def load_model(site: Site, name: str, *, threads: int | None = None, runtime: str | None = None) -> Classifier:
    """One of the models of a site, see :func:`load_models`; a path is relative to the site file."""
    from decisight.models.classifier import load

    section = site.section.models[name]
    path = section.path if section.path.startswith(_SUPPLIED) else str(site.folder / section.path)
    try:
        return load(path, threads=threads, runtime=section.runtime or runtime)
    except DecisightError as error:
        raise site.blamed(error, "models", name) from error


def setups(site: Site, models: Mapping[str, Classifier], cameras: Iterable[str] = ()) -> list[CameraSetup]:
    """The cameras of a site.

    Args:
        site: the site.
        models: its models, loaded.
        cameras: only these; by default all in which something is watched.

    Raises:
        SiteError: there is no such camera, nothing is watched in it, or what it watches does not fit the model; names
            the line.
    """
    known = site.section.cameras
    wanted = list(dict.fromkeys(cameras)) or site.watched()
    if not wanted:
        raise SiteError(f"{site.where('cameras')}: there is nothing to watch yet", hint=_NOTHING_YET)
    for camera in wanted:
        if camera not in known:
            raise SiteError(f"there is no camera {camera!r} in the site file", hint=f"there is: {', '.join(known)}")
        if not known[camera].watch:
            raise SiteError(f"{site.where('cameras', camera)}: there is nothing to watch yet", hint=_NOTHING_YET)
    return [_setup(site, models, camera) for camera in wanted]


def _setup(site: Site, models: Mapping[str, Classifier], camera: str) -> CameraSetup:
    section = site.section.cameras[camera]
    regions = site.regions(camera)
    # So that a file that a gate needs is missed now, not when the camera begins.
    site.gates(camera)
    found: dict[tuple[str | None, str], dict[str, Policy]] = {}
    quiet: dict[tuple[str | None, str], dict[str, frozenset[str]]] = {}
    for at, watch in enumerate(section.watch):
        name = model_of(site, camera, at)
        model = models[name]
        familiarity = bool(model.card.familiarity)
        policies = site.policy(camera, at, model.task, model_settings(model), familiarity=familiarity)
        key = watch.region, name
        for group, policy in policies.items():
            if group in found.setdefault(key, {}):
                raise SiteError(
                    f"{site.where('cameras', camera, 'watch', at)}: the label group {group!r} is decided on twice",
                    hint="name the group of each entry, or leave out one of the two",
                )
            found[key][group] = policy
            labels = frozenset(model.task.group(group).labels)
            quiet.setdefault(key, {})[group] = frozenset(watch.quiet) & labels
    views = tuple(
        ViewSetup(name, None if region is None else regions[region], models[name], policies, quiet[region, name])
        for (region, name), policies in found.items()
    )
    return CameraSetup(site, camera, site.fps(camera), views, _evidence(site.evidence(camera)))


def _evidence(section: EvidenceSection) -> Evidence:
    conceal = section.conceal
    keep = "crop" in section.keep, "frame" in section.keep
    if conceal is None:
        return Evidence(*keep, section.quality)
    return Evidence(*keep, section.quality, conceal.what, conceal.how)


def check_concealing(site: Site, camera: str) -> None:
    """See that faces can be found, where they are to be made unrecognisable: at the first event it would be too late.

    Args:
        site: the site.
        camera: whose pictures of events are kept.

    Raises:
        SiteError: they cannot; names the line.
    """
    import numpy as np

    from decisight.imaging.faces import find_faces

    section = site.evidence(camera)
    if not section.keep or section.conceal is None or section.conceal.what != "faces":
        return
    own = site.section.cameras[camera].evidence
    keys = ("cameras", camera) if own is not None and "conceal" in own.model_fields_set else ()
    try:
        find_faces(np.zeros((8, 8, 3), np.uint8))
    except DecisightError as error:
        raise SiteError(f"{site.where(*keys, 'evidence', 'conceal')}: {error.message}", hint=error.hint) from error


def _digest(text: str) -> str:
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def _section_of(gate: Gate) -> dict[str, Any]:
    """A gate as the section of a configuration that says it, with all its settings."""
    from dataclasses import fields, is_dataclass

    own = getattr(gate, "to_section", None)
    if own is not None:
        return dict(own())
    settings: dict[str, Any] = (
        {field.name: getattr(gate, field.name) for field in fields(gate) if field.init} if is_dataclass(gate) else {}
    )
    return {"type": gate.name} | settings

"""What is collected of the cameras of a site: which regions, cut how, looked at by which models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias

from decisight.collecting.collector import View
from decisight.config import Site, model_of
from decisight.errors import SiteError

if TYPE_CHECKING:
    from decisight.models.classifier import Classifier

__all__ = ["Fill", "check_models", "check_regions", "fills_of", "groups_of", "views_of"]

Fill: TypeAlias = "tuple[int, int, int]"
"""RGB, 0..255."""

_BACKBONE = "efficientnet_lite0"
"""Whose mean colour lies outside a polygon, where no model is known: that which a model is trained on by default."""


def check_regions(site: Site, cameras: Sequence[str], wanted: Sequence[str]) -> None:
    """See that regions of these names are there.

    Raises:
        SiteError: one is not.
    """
    known = {name: camera for camera in cameras for name in site.section.cameras[camera].regions}
    for name in wanted:
        if name not in known:
            there = f"there is: {', '.join(known)}" if known else "there is none; leave it out for all of the picture"
            raise SiteError(f"there is no region {name!r} in the site file", hint=there)


def views_of(site: Site, camera: str, wanted: Sequence[str] | None, models: Mapping[str, Classifier]) -> list[View]:
    """The regions of a camera, cut as the model would see them that looks at each.

    Args:
        site: the site.
        camera: its name.
        wanted: names of regions; by default all, and all of the picture where there are none, or a model looks at it.
        models: those that could be loaded, by name.
    """
    regions, gates = site.regions(camera), site.gates(camera)
    section = site.section.cameras[camera]
    of_region: dict[str | None, Classifier] = {}
    for at, watch in enumerate(section.watch):
        model = models.get(model_of(site, camera, at))
        if model is not None:
            of_region.setdefault(watch.region, model)
    names: list[str | None] = [name for name in regions if wanted is None or name in wanted]
    if wanted is None and (not names or None in {watch.region for watch in section.watch}):
        names.append(None)
    fills = fills_of(site, camera, {name: model.card.preprocessing.fill for name, model in models.items()})
    return [
        View(
            None if name is None else regions[name],
            fills.get(name, fills[None]),
            gates,
            of_region.get(name),
        )
        for name in names
    ]


def fills_of(site: Site, camera: str, known: Mapping[str, Fill]) -> dict[str | None, Fill]:
    """The colour that lies outside the polygon of each region that is watched; under ``None`` that of all others.

    Args:
        site: the site.
        camera: its name.
        known: the mean colour of each model that is there, by the name that the site gives it.
    """
    from decisight.models.backbones import backbones

    found: dict[str | None, Fill] = {}
    for at, watch in enumerate(site.section.cameras[camera].watch):
        if (fill := known.get(model_of(site, camera, at))) is not None:
            found.setdefault(watch.region, fill)
    # A region that nobody watches yet will most likely be looked at by the one model that there is.
    found[None] = next(iter(known.values())) if len(known) == 1 else backbones.build(_BACKBONE).input.fill
    return found


def check_models(site: Site, views: Mapping[str, Sequence[View]]) -> None:
    """See that a model looks at each region.

    Raises:
        SiteError: none looks at one.
    """
    for camera, found in views.items():
        for view in found:
            if view.model is None:
                where = "all of the picture" if view.name is None else f"the region {view.name!r}"
                raise SiteError(
                    f"{site.where('cameras', camera)}: no model looks at {where}, so that none can be unsure of it",
                    hint="name one under watch; or leave out --uncertain, or name another --region",
                )


def groups_of(views: Mapping[str, Sequence[View]]) -> list[str]:
    """The label groups of the models that look at what is collected."""
    models = [view.model for found in views.values() for view in found if view.model is not None]
    return list(dict.fromkeys(group.name for model in models for group in model.task.groups))
